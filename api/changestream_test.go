package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists/fault"
)

// stream is an open stream of changes.
type stream struct {
	t      *testing.T
	res    *http.Response
	lines  *bufio.Scanner
	whole  strings.Builder
	cancel context.CancelFunc
}

// streamOf opens a stream at a URL, which may be that of another server of the house.
func (h *house) streamOf(t *testing.T, base, key, query string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", base+"/v1/lists/changes/stream"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return &stream{t: t, res: res, lines: bufio.NewScanner(res.Body), cancel: cancel}
}

// feedEvent is an event.
type feedEvent struct{ name, id, data string }

// next returns the next event or comment; false at the end of the stream.
func (s *stream) next() (e feedEvent, ok bool) {
	s.t.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		s.whole.WriteString(line + "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			if e != (feedEvent{}) {
				return e, true
			}
		case field == "event":
			e.name = value
		case field == "id":
			e.id = value
		case field == "data":
			e.data = value
		case strings.HasPrefix(line, ":"):
			e.name = "comment"
		}
	}
	return e, false
}

// want returns the next event, which must have that name.
func (s *stream) want(name string) feedEvent {
	s.t.Helper()
	e, ok := s.next()
	if !ok || e.name != name {
		s.t.Fatalf("%t %+v instead of %s; %v\n%s", ok, e, name, s.lines.Err(), s.whole.String())
	}
	return e
}

// ends makes sure that the stream ends, and not by a broken connection.
func (s *stream) ends() {
	s.t.Helper()
	if e, ok := s.next(); ok || s.lines.Err() != nil {
		s.t.Fatalf("%+v %v", e, s.lines.Err())
	}
}

func quickly(o *api.Options) {
	o.Follow = api.FollowLimits{Streams: 3, PerCaller: 2, Poll: 20 * time.Millisecond, Heartbeat: 100 * time.Millisecond, Write: 2 * time.Second}
}

// A stream tells of changes as they happen, outlives the deadlines of the server, and ends when it should.
func TestStreamOfChanges(t *testing.T) {
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.FileBodyDecoder)
	h := open(t, quickly)
	h.publish("deny", map[string]any{"approvals": 0}, row(lazarus, "L"))
	srv := httptest.NewUnstartedServer(h.server.Handler())
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	srv.Start()
	defer srv.Close()

	s := h.streamOf(t, srv.URL, h.keyOf["otto"], "?since=start")
	var x client.ListChange
	if err := json.Unmarshal([]byte(s.want("change").data), &x); err != nil {
		t.Fatal(err)
	}
	same(t, "what is active", []string{"1 start deny/1 added " + lazarus + " L (deny.ndjson of 1)"}, brief([]client.ListChange{x}))
	at := s.want("state")
	for range 5 { // longer than the deadlines
		s.want("comment")
	}
	h.activate("deny", h.upload("ana", "deny", row(p2pkh, "P"), "")["version"])
	var last feedEvent
	for range 2 {
		for last = s.want2(); last.name == "comment"; last = s.want2() {
		}
		same(t, "event", "change", last.name)
	}
	s.cancel()
	if err := conforms(s.res.Request, nil, false, s.res.StatusCode, s.res.Header, []byte(s.whole.String())); err != nil {
		t.Error(err)
	}

	// It goes on from where it was, without a change twice.
	again := h.opened(t, h.keyOf["otto"], "?since="+last.id)
	state := again.want("state")
	same(t, "generation", true, strings.Contains(state.data, `"generation":2,`))
	between := h.opened(t, h.keyOf["otto"], "?since="+at.id)
	between.want("change")
	same(t, "ids", last.id, between.want("change").id)

	// The key has two streams.
	h.by("otto", "GET", "/v1/lists/changes/stream", nil).refused(problem{Status: 429, Code: "rate_limited"})
	other := h.opened(t, h.keyOf["max"], "")
	other.want("state")
	h.by("cleo", "GET", "/v1/lists/changes/stream", nil).refused(problem{Status: 429, Code: "rate_limited"})
	same(t, "metric", true, strings.Contains(h.scrape(), "interdict_change_streams"))
	again.cancel()
	between.cancel()

	// A revoked key ends it.
	made := h.by("root", "POST", "/v1/keys", map[string]any{"name": "partner", "roles": []string{"checker"}}).want(201)
	partner := h.opened(t, made["key"].(string), "")
	partner.want("state")
	h.by("root", "DELETE", "/v1/keys/"+made["id"].(string), nil).want(204)
	e := partner.skip("problem")
	same(t, "problem", true, strings.Contains(e.data, `"code":"unauthorized"`))
	partner.ends()

	// So does a store that is away: silence would be taken for no news.
	h.store.gone.Store(true)
	e = other.skip("problem")
	same(t, "problem", true, strings.Contains(e.data, `"code":"store_unavailable"`))
	other.ends()
	h.store.gone.Store(false)

	// So does the end of the server.
	drained := h.opened(t, h.keyOf["max"], "")
	drained.want("state")
	h.server.Drain()
	drained.skip("")
	same(t, "error", nil, drained.lines.Err())
	h.by("otto", "GET", "/v1/lists/changes/stream", nil).refused(problem{Status: 503, Code: "store_unavailable"})
}

// want2 returns the next event or comment.
func (s *stream) want2() feedEvent {
	s.t.Helper()
	e, ok := s.next()
	if !ok {
		s.t.Fatalf("the stream has ended: %v\n%s", s.lines.Err(), s.whole.String())
	}
	return e
}

// skip returns the next event of a name; "" for the end.
func (s *stream) skip(name string) feedEvent {
	s.t.Helper()
	for {
		e, ok := s.next()
		if !ok && name == "" || ok && e.name == name {
			return e
		}
		if !ok {
			s.t.Fatalf("the stream has ended: %v\n%s", s.lines.Err(), s.whole.String())
		}
	}
}

// opened opens a stream as soon as there is room for it.
func (h *house) opened(t *testing.T, key, query string) *stream {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s := h.streamOf(t, h.url, key, query)
		if s.res.StatusCode == 200 {
			return s
		}
		if _ = s.res.Body.Close(); time.Now().After(end) {
			t.Fatal(s.res.Status)
		}
	}
}

// A reader that takes nothing is cut off.
func TestSlowReaderOfChangesIsCutOff(t *testing.T) {
	h := open(t, func(o *api.Options) {
		quickly(o)
		o.Follow.Write = 100 * time.Millisecond
	})
	h.publish("deny", map[string]any{"approvals": 0}, evmRows(0, 1000))
	srv := httptest.NewUnstartedServer(h.server.Handler()) // a connection holds less than all of that
	srv.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if err := c.(*net.TCPConn).SetWriteBuffer(4096); err != nil {
			t.Error(err)
		}
		return ctx
	}
	srv.Start()
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /v1/lists/changes/stream?since=start HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", h.keyOf["otto"])
	answer := bufio.NewReader(conn)
	if line, err := answer.ReadString('\n'); err != nil || line != "HTTP/1.1 200 OK\r\n" {
		t.Fatal(line, err)
	}
	open := func() bool {
		return strings.Contains(h.scrape(), `interdict_change_streams" help:"Open streams of the changes of lists." type:GAUGE metric:<gauge:<value:1`)
	}
	for end := time.Now().Add(30 * time.Second); open(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the stream is still open")
		}
	}
	rest, _ := io.ReadAll(answer) // the connection may have been reset
	if n := strings.Count(string(rest), "event: change"); n >= 1000 || strings.HasSuffix(string(rest), "\r\n0\r\n\r\n") {
		t.Errorf("a stream that was cut off looks whole: %d changes", n)
	}
}

// The client follows through broken connections, and gives each change once.
func TestFollowingChanges(t *testing.T) {
	h := open(t, quickly)
	h.publish("deny", map[string]any{"approvals": 0}, evmRows(0, 5))
	breaking := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // every connection breaks soon
		ctx, cancel := context.WithTimeout(r.Context(), 300*time.Millisecond)
		defer cancel()
		h.server.Handler().ServeHTTP(w, r.WithContext(ctx))
	}))
	defer breaking.Close()
	c, err := client.New(breaking.URL, h.keyOf["otto"])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	states, done := make(chan int, 100), make(chan error, 1)
	copied := copyOf{}
	enough := errors.New("enough")
	go func() {
		done <- c.FollowChanges(ctx, client.ChangesQuery{Since: client.SinceStart}, func(s client.ChangeStep) error {
			for i := range s.Changes {
				if err := copied.apply(&s.Changes[i]); err != nil {
					return err
				}
			}
			if s.State != nil {
				states <- s.State.Generation
				if s.State.Generation >= 4 {
					return enough
				}
			}
			return nil
		})
	}()
	for n := range 3 {
		<-states
		h.activate("deny", h.upload("ana", "deny", evmRows(n, 7+n), "")["version"])
	}
	if err := <-done; !errors.Is(err, enough) {
		t.Fatal(err)
	}
	same(t, "copy", h.active(nil), copied.rows())
	for since, kind := range map[string]fault.Kind{"1.1.other": fault.Conflict, "1.99.other": fault.Lost, "x": fault.Invalid} {
		if err := c.FollowChanges(ctx, client.ChangesQuery{Since: since}, func(client.ChangeStep) error { return nil }); !fault.Is(err, kind) {
			t.Errorf("%s: %v", since, err)
		}
	}
}
