package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"interdict/lists/storetest"
	"interdict/lists/storetest/freeaddr"
)

// shared is a buffer that several goroutines write and read.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// lines returns the lines of a log with a message about a dependency.
func (s *shared) lines(t *testing.T, message, dependency string) (out []map[string]any) {
	t.Helper()
	for line := range strings.Lines(s.String()) {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if name, _ := m["dependency"].(string); m["msg"] == message && strings.HasPrefix(name, dependency) {
			out = append(out, m)
		}
	}
	return out
}

const (
	away = "a dependency is away"
	back = "a dependency is back"

	tracedID = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// collected is a collector of traces.
type collected struct {
	*httptest.Server

	mu     sync.Mutex
	bodies [][]byte
}

func collectTraces(t *testing.T) *collected {
	t.Helper()
	c := &collected{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.bodies = append(c.bodies, b)
	}))
	t.Cleanup(c.Close)
	return c
}

// spans returns the names of the spans that have arrived, in order.
func (c *collected) spans(t *testing.T) (names []string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.bodies {
		var m collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		for _, r := range m.ResourceSpans {
			for _, s := range r.ScopeSpans {
				for _, x := range s.Spans {
					if hex.EncodeToString(x.TraceId) != tracedID {
						t.Errorf("%s is of another trace", x.Name)
					}
					names = append(names, x.Name)
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

// Redis hangs, and then the collector of traces: the log has one line for each, and one when it is back, and checks are answered all the time.
func TestTheLogTellsWhatIsAwayAndWhenItIsBack(t *testing.T) {
	redis, traces := storetest.NewRedis(t), collectTraces(t)
	t.Setenv("INTERDICT_BOOTSTRAP_KEY", testKey)
	listen, log := freeaddr.Get(t), &shared{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--listen", listen, "--admin-listen", "127.0.0.1:0", "--drain-delay", "0s", "--data", t.TempDir(), "--redis", redis.URL(), "--traces", traces.URL,
			"--traces-sample", "0"}, strings.NewReader(""), log, log)
	}()
	t.Cleanup(cancel)
	s := &server{base: "http://" + listen}
	eventually(t, "it serves", 20*time.Second, func() bool { return strings.Contains(log.String(), `"msg":"serving"`) })
	s.publish(t, denySettings, denyRows(canaryAlways))
	eventually(t, "it is loaded", 10*time.Second, func() bool { return s.result(t, canaryAlways) == "hit" })

	redis.Pause()
	eventually(t, "the log says that Redis is away", 20*time.Second, func() bool { return len(log.lines(t, away, "store: redis ")) == 1 })
	if got := s.result(t, canaryAlways) + s.result(t, canaryNever); got != "hitmiss" {
		t.Errorf("while Redis hangs: %s", got)
	}
	redis.Resume()
	eventually(t, "the log says that Redis is back", 20*time.Second, func() bool { return len(log.lines(t, back, "store: redis ")) == 1 })
	line := log.lines(t, away, "store: redis ")[0]
	if means, _ := line["means"].(string); line["level"] != "ERROR" || line["since"] == nil || !strings.Contains(means, "503 store_unavailable with possible_match") || line["error"] == nil {
		t.Errorf("%v", line)
	}
	if line := log.lines(t, back, "store: redis ")[0]; line["was_away"] == nil || line["since"] == nil {
		t.Errorf("%v", line)
	}

	ask := func(traced bool) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/v1/check", strings.NewReader(`{"address":"`+canaryNever+`","direction":"deposit"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Authorization": {"Bearer " + testKey}, "Content-Type": {"application/json"}}
		if traced {
			req.Header.Set("traceparent", "00-"+tracedID+"-00f067aa0ba902b7-01")
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatal(res.Status)
		}
	}
	ask(false)
	ask(true)
	want := []string{"POST /v1/check", "journal append"}
	eventually(t, "the trace arrives", 20*time.Second, func() bool { return cmp.Equal(traces.spans(t), want) })

	traces.Listener.Close()
	traces.CloseClientConnections()
	for range 20 {
		ask(true)
	}
	eventually(t, "the log says that the collector is away", 30*time.Second, func() bool { return len(log.lines(t, away, "collector of traces")) == 1 })
	ask(true)
	cancel()
	select {
	case code := <-ended:
		if code != exitDone {
			t.Errorf("it ends with %d: %s", code, log.String())
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
	}
	if n := len(log.lines(t, away, "")) + len(log.lines(t, back, "")); n != 3 {
		t.Errorf("%d lines about dependencies: %s", n, log.String())
	}
}
