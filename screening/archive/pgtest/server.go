//go:build unix

package pgtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"interdict/lists/storetest/freeaddr"
)

// Password is that of the user postgres of every server. No message may show it.
const Password = "s3cret/of:the@server"

// Server is a PostgreSQL server of one test's own, on a free port of the loopback.
type Server struct {
	Addr string // host:port
	Dir  string // holds its data and its log; gone after the test

	t        testing.TB
	bin      string // folder of the programs
	owner    *syscall.Credential
	settings []string
	made     atomic.Int32 // databases
	pid      int          // of the postmaster
	// watchdog is the parent of the server. It kills it when its input ends, so that no server outlives a test that was killed itself.
	watchdog *exec.Cmd
	leash    io.Closer
}

// The child processes of a postmaster end by themselves when it is killed.
const watchdog = `"$@" >>postgres.log 2>&1 & p=$!; echo $p; read x; kill -9 $p 2>/dev/null; wait $p 2>/dev/null`

// Start starts a server; settings are added to its configuration: "fsync=off". Where PostgreSQL is not installed the test is skipped, or fails
// if INTERDICT_REQUIRE_POSTGRES is set.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := &Server{t: t, bin: programs(), settings: settings}
	if s.bin == "" {
		if os.Getenv("INTERDICT_REQUIRE_POSTGRES") != "" {
			t.Fatal("PostgreSQL is not installed, and INTERDICT_REQUIRE_POSTGRES is set")
		}
		t.Skip("PostgreSQL is not installed")
	}
	s.initialise()
	t.Cleanup(s.Kill)
	// Another process can take the port between the look and the start: try again.
	for range 5 {
		s.Addr = freeaddr.Get(t)
		s.spawn()
		if s.wait(func() bool { return false }) == nil {
			return s
		}
		s.Kill()
	}
	t.Fatalf("PostgreSQL does not start:\n%s", s.log())
	return nil
}

// programs returns the folder of the server's programs, of the newest version that is installed; empty: there is none.
func programs() string {
	best, newest := "", -1
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	for _, program := range found {
		folder := filepath.Dir(program)
		if version, err := strconv.Atoi(filepath.Base(filepath.Dir(folder))); err == nil && version > newest {
			best, newest = folder, version
		}
	}
	if best == "" {
		if program, err := exec.LookPath("postgres"); err == nil {
			best = filepath.Dir(program)
		}
	}
	return best
}

// initialise makes the folder and the data of the server. PostgreSQL refuses to run as root; a test that does starts it as the user postgres.
func (s *Server) initialise() {
	s.t.Helper()
	dir, err := os.MkdirTemp("", "interdict-postgres-")
	if err != nil {
		s.t.Fatal(err)
	}
	s.Dir = dir
	s.t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			s.t.Errorf("remove the server's folder: %v", err)
		}
	})
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			s.t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	s.Own(dir)
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(Password+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.Own(secret)
	cmd := s.command(filepath.Join(s.bin, "initdb"), "--pgdata", "data", "--username", "postgres", "--pwfile", "password",
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("initdb: %v\n%s", err, out)
	}
}

// Own makes a file or a folder the server's, where the test runs as another user.
func (s *Server) Own(path string) {
	s.t.Helper()
	if s.owner != nil {
		if err := os.Chown(path, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Folder makes a folder that the server can use, next to its data.
func (s *Server) Folder(name string) string {
	s.t.Helper()
	dir := filepath.Join(s.Dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.Own(dir)
	return dir
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	return cmd
}

// URL is that of a database of the server. The one that is always there is called postgres.
func (s *Server) URL(database string) string {
	return "postgres://postgres:" + strings.NewReplacer("/", "%2F", ":", "%3A", "@", "%40").Replace(Password) + "@" + s.Addr + "/" + database + "?sslmode=disable"
}

// Database makes an empty database and returns its URL.
func (s *Server) Database() string {
	s.t.Helper()
	name := fmt.Sprintf("db%d", s.made.Add(1))
	s.Exec("postgres", "CREATE DATABASE "+name)
	return s.URL(name)
}

// Exec executes statements in a database, as its superuser.
func (s *Server) Exec(database string, statements ...string) {
	s.t.Helper()
	s.connected(database, func(ctx context.Context, conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// Number returns the number that a query gives, as the superuser.
func (s *Server) Number(database, query string) (n int64) {
	s.t.Helper()
	s.connected(database, func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, query).Scan(&n) })
	return n
}

func (s *Server) connected(database string, do func(ctx context.Context, conn *pgx.Conn) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := do(ctx, conn); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) log() string {
	b, _ := os.ReadFile(filepath.Join(s.Dir, "postgres.log"))
	return string(b)
}

func (s *Server) spawn() {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	args := []string{"-c", watchdog, "sh", filepath.Join(s.bin, "postgres"), "-D", "data", "-h", host, "-p", port, "-k", ""}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	cmd := s.command("sh", args...)
	leash, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Fatalf("PostgreSQL: %v", err)
	}
	if s.pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		s.t.Fatal(err)
	}
	s.watchdog, s.leash = cmd, leash
}

// wait waits until the server takes connections: after recovery, if it was killed.
func (s *Server) wait(inUse func() bool) error {
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		if inUse() {
			return errInUse
		}
		if time.Now().After(deadline) || syscall.Kill(s.pid, 0) != nil {
			return fmt.Errorf("PostgreSQL on %s: %w", s.Addr, err)
		}
	}
}

// processes returns the processes of the server, the postmaster first.
func (s *Server) processes() []int {
	s.t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=", "-o", "ppid=").Output()
	if err != nil {
		s.t.Fatalf("ps: %v", err)
	}
	all := []int{s.pid}
	for line := range bytes.Lines(out) {
		var pid, parent int
		if n, _ := fmt.Sscan(string(line), &pid, &parent); n == 2 && parent == s.pid {
			all = append(all, pid)
		}
	}
	return all
}

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	for _, pid := range s.processes() {
		_ = syscall.Kill(pid, sig) // one that has ended meanwhile is no loss
	}
}

// Kill kills all processes of the server with SIGKILL, if it runs.
func (s *Server) Kill() {
	if s.watchdog == nil {
		return
	}
	s.signal(syscall.SIGKILL)
	s.release()
}

// Stop shuts the server down (SIGINT): transactions are rolled back and connections end.
func (s *Server) Stop() {
	s.t.Helper()
	if s.watchdog == nil {
		return
	}
	if err := syscall.Kill(s.pid, syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.Dir, "data", "postmaster.pid")); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("PostgreSQL does not stop:\n%s", s.log())
		}
	}
	s.release()
}

func (s *Server) release() {
	_ = s.leash.Close()
	_ = s.watchdog.Wait()
	s.watchdog = nil
}

// Start starts the server again, after Kill or Stop, where it was, with what its folder holds.
func (s *Server) Start() {
	s.t.Helper()
	if s.watchdog != nil {
		s.t.Fatal("the server runs already")
	}
	for range 200 {
		before := len(s.log())
		s.spawn()
		err := s.wait(func() bool { return strings.Contains(s.log()[before:], inUse) })
		if err == nil {
			return
		}
		if !errors.Is(err, errInUse) {
			s.t.Fatalf("%v\n%s", err, s.log())
		}
		s.release()
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("PostgreSQL does not start again:\n%s", s.log())
}

// inUse is what a server says, and ends, while a process of the one that was killed has not gone yet.
const inUse = "pre-existing shared memory block"

var errInUse = errors.New(inUse)

// Pause stops all processes of the server in their tracks (SIGSTOP): connections are taken, and nothing is answered.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }
