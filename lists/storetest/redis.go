//go:build unix

package storetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"interdict/lists/storetest/freeaddr"
)

// Redis is a redis-server of one test's own, on a free port of the loopback.
type Redis struct {
	Addr string // host:port
	Dir  string // its working folder; gone after the test

	t    testing.TB
	args func(port string) []string
	tls  bool
	pid  int
	// watchdog is the parent of the server. It kills it when its input ends, so that no
	// server outlives a test that was killed itself.
	watchdog *exec.Cmd
	leash    io.Closer
}

const watchdog = `redis-server "$@" >redis.log 2>&1 & p=$!; echo $p; read x; kill -9 $p 2>/dev/null; wait $p 2>/dev/null`

// StartRedis starts a redis-server, without persistence unless args ask for it, and gives its URL.
func StartRedis(t testing.TB, args ...string) (url string) {
	t.Helper()
	return NewRedis(t, args...).URL()
}

// NewRedis starts a redis-server; args are added to its command line. Where redis-server is not installed the test is skipped, or
// fails if INTERDICT_REQUIRE_REDIS is set.
func NewRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	return start(t, &Redis{args: func(port string) []string {
		return append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--protected-mode", "no"}, args...)
	}})
}

func start(t testing.TB, r *Redis) *Redis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("INTERDICT_REQUIRE_REDIS") != "" {
			t.Fatal("redis-server is not installed, and INTERDICT_REQUIRE_REDIS is set")
		}
		t.Skip("redis-server is not installed")
	}
	r.t = t
	if r.Dir == "" {
		r.Dir = t.TempDir()
	}
	t.Cleanup(r.Kill)
	// Another process can take the port between the look and the start: try again.
	for range 5 {
		r.Addr = freeaddr.Get(t)
		r.spawn()
		if r.wait(10*time.Second, false) == nil {
			return r
		}
		r.Kill()
	}
	t.Fatalf("redis-server does not start:\n%s", r.log())
	return nil
}

// URL is what a store is opened with.
func (r *Redis) URL() string {
	if r.tls {
		return "rediss://" + r.Addr + "?tls_ca=" + filepath.Join(r.Dir, "ca.pem")
	}
	return "redis://" + r.Addr
}

// Port is the port of the server.
func (r *Redis) Port() string { return r.Addr[strings.LastIndex(r.Addr, ":")+1:] }

func (r *Redis) log() string {
	b, _ := os.ReadFile(filepath.Join(r.Dir, "redis.log"))
	return string(b)
}

func (r *Redis) spawn() {
	r.t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", watchdog, "sh"}, r.args(r.Port())...)...)
	cmd.Dir = r.Dir
	leash, err := cmd.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		r.t.Fatalf("redis-server: %v", err)
	}
	if r.pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		r.t.Fatal(err)
	}
	r.watchdog, r.leash = cmd, leash
}

// wait waits until the server answers, be it that it is loading.
func (r *Redis) wait(timeout time.Duration, loading bool) error {
	deadline := time.Now().Add(timeout)
	for {
		reply, err := r.ask()
		if err == nil && reply != "" && (loading || !strings.HasPrefix(reply, "-LOADING")) {
			return nil
		}
		if time.Now().After(deadline) || syscall.Kill(r.pid, 0) != nil {
			return fmt.Errorf("redis-server on %s does not answer: %w", r.Addr, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ask sends a PING, in plain text; a server for TLS is asked no more than to listen.
func (r *Redis) ask() (string, error) {
	c, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return "", err
	}
	if r.tls {
		return "listens", nil
	}
	return bufio.NewReader(c).ReadString('\n')
}

// Kill kills the server with SIGKILL, if it runs.
func (r *Redis) Kill() {
	if r.watchdog == nil {
		return
	}
	_ = r.leash.Close()
	_ = r.watchdog.Wait()
	r.watchdog = nil
}

// Start starts the server again, after Kill, where it was, with what its folder holds.
func (r *Redis) Start() {
	r.t.Helper()
	r.startAgain(false)
}

// StartLoading is Start, but does not wait until the server has loaded its data.
func (r *Redis) StartLoading() {
	r.t.Helper()
	r.startAgain(true)
}

func (r *Redis) startAgain(loading bool) {
	r.t.Helper()
	if r.watchdog != nil {
		r.t.Fatal("the redis-server runs already")
	}
	r.spawn()
	if err := r.wait(30*time.Second, loading); err != nil {
		r.t.Fatalf("%v\n%s", err, r.log())
	}
}

// Restart is Kill, then Start.
func (r *Redis) Restart() {
	r.t.Helper()
	r.Kill()
	r.Start()
}

// Pause stops the server in its tracks (SIGSTOP): connections are taken, and nothing is answered.
func (r *Redis) Pause() { r.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (r *Redis) Resume() { r.signal(syscall.SIGCONT) }

func (r *Redis) signal(s syscall.Signal) {
	r.t.Helper()
	if err := syscall.Kill(r.pid, s); err != nil {
		r.t.Fatal(err)
	}
}
