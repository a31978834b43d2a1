package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const cleanCheck = `{"address":"` + canaryNever + `","direction":"deposit"}`

// checkRequest is a check as it goes over the wire.
func checkRequest(body string) string {
	return fmt.Sprintf("POST /v1/check HTTP/1.1\r\nHost: interdict\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		testKey, len(body), body)
}

// connect opens a connection to a server.
func (s *server) connect() (net.Conn, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(30 * time.Second))
	}
	return conn, err
}

// dial is connect in the test's own goroutine.
func (s *server) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := s.connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// answered reads one answer, which must be a decision, and reports whether it ends its connection.
func answered(r *bufio.Reader) (ends bool, err error) {
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(string(body), `"result":"miss"`)) {
		err = fmt.Errorf("%d %s", res.StatusCode, body)
	}
	return res.Close, err
}

// A server that is told to end while eight clients keep their connections busy fails none of their requests. The clients do what a load balancer
// does: they make no new connection to a server whose readiness probe fails.
func TestNoRequestFailsWhileAServerDrains(t *testing.T) {
	const delay = 1500 * time.Millisecond
	s := serve(t, "--data", t.TempDir(), "--drain-delay", delay.String())
	s.publish(t, denySettings, denyRows(canaryAlways))

	var unready atomic.Bool // the probe has failed
	var sent, ended atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for !unready.Load() {
				conn, err := s.connect()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					draining := unready.Load()
					if _, err := io.WriteString(conn, checkRequest(cleanCheck)); err != nil {
						t.Errorf("send: %v", err)
						return
					}
					sent.Add(1)
					ends, err := answered(in)
					if err != nil {
						t.Errorf("a request failed: %v", err)
						return
					}
					if draining && !ends {
						t.Error("an answer of a server that drains does not end its connection")
					}
					if ends {
						ended.Add(1)
						break
					}
				}
			}
		})
	}
	idle, late := s.dial(t), s.dial(t)
	// A request that has begun before the signal and ends after the listener is closed.
	request := checkRequest(cleanCheck)
	if _, err := io.WriteString(late, request[:len(request)-10]); err != nil {
		t.Fatal(err)
	}
	inIdle := bufio.NewReader(idle)
	if _, err := io.WriteString(idle, checkRequest(cleanCheck)); err != nil {
		t.Fatal(err)
	}
	if ends, err := answered(inIdle); ends || err != nil {
		t.Fatal(ends, err)
	}
	eventually(t, "the clients are busy", 10*time.Second, func() bool { return sent.Load() > 100 })

	signalled := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "/readyz is 503", delay, func() bool { return s.call(t, http.MethodGet, "/readyz", "", nil) == http.StatusServiceUnavailable })
	unready.Store(true)
	clients.Wait()
	if ended.Load() == 0 {
		t.Error("no answer has ended its connection")
	}
	if s.call(t, http.MethodGet, "/livez", "", nil) != http.StatusOK {
		t.Error("a server that drains is taken for dead")
	}
	if _, err := io.WriteString(idle, checkRequest(cleanCheck)); err != nil {
		t.Fatal(err)
	}
	if ends, err := answered(inIdle); !ends || err != nil {
		t.Errorf("on a connection that was idle: ends %v, %v", ends, err)
	}
	closed := func() bool {
		conn, err := s.connect()
		if err == nil {
			conn.Close()
		}
		return err != nil
	}
	if closed() {
		t.Error("the listener was closed at once")
	}
	eventually(t, "the listener closes", delay+5*time.Second, closed)
	if took := time.Since(signalled); took < delay {
		t.Errorf("the listener was closed after %v instead of %v", took, delay)
	}
	if _, err := io.WriteString(late, request[len(request)-10:]); err != nil {
		t.Fatal(err)
	}
	if _, err := answered(bufio.NewReader(late)); err != nil {
		t.Errorf("a request that was under way failed: %v", err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("it does not end well: %v", err)
	}
	t.Logf("%d requests", sent.Load())
}

func TestASecondSignalEndsAServerAtOnce(t *testing.T) {
	for _, second := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := serve(t, "--data", t.TempDir(), "--drain-delay", "1h")
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it drains", 10*time.Second, func() bool {
			var ready struct{ Checks []struct{ Name string } }
			s.call(t, http.MethodGet, "/readyz", "", &ready)
			return strings.Contains(fmt.Sprint(ready), "draining")
		})
		if err := s.cmd.Process.Signal(second); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.cmd.Wait() }()
		select {
		case err := <-ended:
			if status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != second {
				t.Errorf("after a second %v: %v", second, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("a second %v does not end it", second)
		}
	}
}
