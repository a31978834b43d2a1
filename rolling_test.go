package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists/storetest"
	"interdict/lists/storetest/freeaddr"
)

// balancer forwards connections in turn to the servers that are ready. Like the endpoints of a Service in Kubernetes it knows only what their
// readiness probes have said, and learns it late: a connection that is open stays where it is.
type balancer struct {
	addr  string
	ready []atomic.Bool
	next  atomic.Int64
}

const (
	probeEvery = 100 * time.Millisecond
	probeLag   = 400 * time.Millisecond // until the change of a probe takes effect
)

func balance(t *testing.T, servers ...string) *balancer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &balancer{addr: ln.Addr().String(), ready: make([]atomic.Bool, len(servers))}
	var running sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		ln.Close()
		running.Wait()
	})
	for i, server := range servers {
		running.Go(func() { b.probe(ctx, i, server) })
	}
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() { b.forward(ctx, conn, servers) })
		}
	})
	return b
}

func (b *balancer) probe(ctx context.Context, i int, server string) {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx.Err() == nil {
		ready := false
		if res, err := client.Get("http://" + server + "/readyz"); err == nil {
			ready = res.StatusCode == http.StatusOK
			res.Body.Close()
		}
		if ready != b.ready[i].Load() {
			pause(ctx, probeLag)
			b.ready[i].Store(ready)
		}
		pause(ctx, probeEvery)
	}
}

// pause is the time that the balancer takes; no assertion depends on it.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (b *balancer) forward(ctx context.Context, conn net.Conn, servers []string) {
	defer conn.Close()
	for range servers {
		i := int(b.next.Add(1)) % len(servers)
		if !b.ready[i].Load() {
			continue
		}
		to, err := net.Dial("tcp", servers[i])
		if err != nil {
			return // the caller's request fails
		}
		defer to.Close()
		defer context.AfterFunc(ctx, func() { _, _ = conn.Close(), to.Close() })()
		var both sync.WaitGroup
		for _, way := range [][2]net.Conn{{conn, to}, {to, conn}} {
			both.Go(func() {
				_, _ = io.Copy(way[1], way[0])
				if c, ok := way[1].(*net.TCPConn); ok {
					_ = c.CloseWrite()
				}
			})
		}
		both.Wait()
		return
	}
}

// serveAt starts a server on an address.
func serveAt(t *testing.T, listen string, args ...string) *server {
	t.Helper()
	cmd, _ := start(t, "program", []string{"INTERDICT_BOOTSTRAP_KEY=" + testKey, "INTERDICT_LOG_LEVEL=error"},
		append([]string{"serve", "--listen", listen, "--admin-listen", freeaddr.Get(t)}, args...)...)
	return &server{cmd, "http://" + listen}
}

// Two servers on one Redis are restarted in turn, again and again, while clients ask through a load balancer: no request fails.
func TestRollingRestartsLoseNoRequest(t *testing.T) {
	requests := int64(4_000)
	if os.Getenv("INTERDICT_LONG") == "1" {
		requests = 100_000
	}
	redis := storetest.NewRedis(t)
	addrs := []string{freeaddr.Get(t), freeaddr.Get(t)}
	dirs := []string{t.TempDir(), t.TempDir()}
	run := func(i int) *server {
		return serveAt(t, addrs[i], "--redis", redis.URL(), "--data", filepath.Join(dirs[i], "data"), "--drain-delay", "1500ms")
	}
	servers := []*server{run(0), run(1)}
	b := balance(t, addrs...)
	eventually(t, "the first server answers", 20*time.Second, func() bool {
		res, err := http.Get(servers[0].base + "/livez")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
	servers[0].publish(t, denySettings, denyRows(canaryAlways))
	ready := func(i int) func() bool { return b.ready[i].Load }
	for i := range servers {
		eventually(t, "both are ready", 20*time.Second, ready(i))
	}

	var sent, failed atomic.Int64
	var stopped atomic.Bool
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() {
			client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			defer client.CloseIdleConnections()
			for i := 0; !stopped.Load(); i++ {
				if err := askThrough(client, b.addr); err != nil {
					failed.Add(1)
					t.Errorf("request %d of client %d: %v", i, n, err)
				}
				sent.Add(1)
				switch {
				case n == 0: // a caller with little to do, whose connection is idle most of the time
					time.Sleep(300 * time.Millisecond)
				case n == 1: // one that makes a connection for each request
					client.CloseIdleConnections()
				case n < 4 && i%100 == 99:
					client.CloseIdleConnections()
				}
			}
		})
	}
	restarts := 0
	for restarts < 2 || sent.Load() < requests {
		i := restarts % 2
		servers[i].stop(t)
		eventually(t, "the load balancer sees that a server is gone", 60*time.Second, func() bool { return !b.ready[i].Load() })
		servers[i] = run(i)
		eventually(t, "the load balancer sees that it is back", 60*time.Second, ready(i))
		restarts++
		if failed.Load() > 0 {
			break
		}
	}
	stopped.Store(true)
	clients.Wait()
	t.Logf("%d requests, %d restarts, %d failed", sent.Load(), restarts, failed.Load())
}

// askThrough asks for one address, which must be a hit.
func askThrough(client *http.Client, addr string) error {
	req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/v1/check", strings.NewReader(fmt.Sprintf(`{"address":%q,"direction":"deposit"}`, canaryAlways)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(string(b), `"result":"hit"`)) {
		err = errors.New(res.Status + " " + string(b))
	}
	return err
}
