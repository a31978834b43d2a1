package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/egress"
	"interdict/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock stands still until it is moved.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time        { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) move(by time.Duration) { c.at.Add(int64(by)) }

// buffer is a log that tests read.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// record keeps events.
type record struct {
	mu  sync.Mutex
	all []lists.Event
}

func (r *record) Record(e lists.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
	return nil
}

func (r *record) events() []lists.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// house is a store with webhooks, at a time that the test moves.
type house struct {
	*webhook.Endpoints
	webhook.Outbox
	t      testing.TB
	clock  *clock
	record *record
	log    *buffer
	store  lists.Store
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func open(t testing.TB) *house {
	t.Helper()
	store, err := diskstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return openOn(t, store)
}

func openOn(t testing.TB, store lists.Store) *house {
	h := &house{t: t, clock: &clock{}, record: &record{}, log: &buffer{}, store: store}
	h.clock.at.Store(time.Now().UnixNano())
	log := slog.New(slog.NewJSONHandler(h.log, nil))
	h.Outbox = webhook.Outbox{Store: store, Log: log, Now: h.clock.now}
	h.Endpoints = &webhook.Endpoints{Store: store, Ledger: lists.Ledger{Recorder: h.record, Log: log, Now: h.clock.now}, Guard: egress.Guard{Allowed: loopback}, Log: log, Now: h.clock.now}
	return h
}

// options of a deliverer that reaches receivers of the test.
func (h *house) options() webhook.Options {
	return webhook.Options{Store: h.store, Ledger: h.Ledger, Log: h.Outbox.Log, Now: h.clock.now, Owner: "a", Guard: egress.Guard{Allowed: loopback}, Poll: 5 * time.Millisecond}
}

// deliver runs a deliverer until the test ends, or until the function that it returns is called.
func (h *house) deliver(set ...func(*webhook.Options)) (stop func()) {
	o := h.options()
	for _, f := range set {
		f(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		webhook.NewDeliverer(o).Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	h.t.Cleanup(stop)
	return stop
}

// endpoint makes an endpoint.
func (h *house) endpoint(url string, events ...string) *webhook.Endpoint {
	h.t.Helper()
	e, err := h.Create(h.t.Context(), webhook.Endpoint{URL: url, Events: events}, lists.Person("root"), "")
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// send sends an event with an id.
func (h *house) send(kind, id string) {
	h.t.Helper()
	if err := h.Send(h.t.Context(), webhook.Event{ID: id, Type: kind, At: h.clock.now(), Data: map[string]string{"id": id}}); err != nil {
		h.t.Fatal(err)
	}
}

// deliveries are those of an endpoint, the oldest first.
func (h *house) deliveries(e *webhook.Endpoint) []webhook.Delivery {
	h.t.Helper()
	all, err := h.Deliveries(h.t.Context(), e.ID, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// states counts the deliveries of an endpoint by state.
func (h *house) states(e *webhook.Endpoint) map[webhook.State]int {
	out := map[webhook.State]int{}
	for _, d := range h.deliveries(e) {
		out[d.State]++
	}
	return out
}

func (h *house) eventually(what string, done func() bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("not in 20 seconds: %s\n%s", what, h.log)
		}
	}
}

// message is one request that a receiver has got.
type message struct {
	ID, Type  string
	Timestamp time.Time // of the event
	At        time.Time // of the request, as it says
	Data      map[string]any
	header    http.Header
	body      []byte
}

// receiver is a server that gets webhooks.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	messages []message
	secret   string // "": signatures are not verified
	answer   func(n int, w http.ResponseWriter, r *http.Request)
}

// receive starts a receiver. answer (nil: 204) is called with the number of the request, from 1.
func receive(t testing.TB, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Errorf("read the request: %v", err)
		}
		m := message{ID: req.Header.Get("webhook-id"), header: req.Header, body: body}
		seconds, err := strconv.ParseInt(req.Header.Get("webhook-timestamp"), 10, 64)
		if err != nil {
			t.Errorf("webhook-timestamp: %v", err)
		}
		m.At = time.Unix(seconds, 0).UTC()
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		r.mu.Lock()
		if r.secret != "" {
			if err := verifies(r.secret, m); err != nil {
				t.Errorf("the signature of %s: %v", m.ID, err)
			}
		}
		r.messages = append(r.messages, m)
		n := len(r.messages)
		r.mu.Unlock()
		if r.answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		r.answer(n, w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// verifies checks a request by the reference implementation of Standard Webhooks. Its clock is that of the machine, so the test compares times.
func verifies(secret string, m message) error {
	w, err := standard.NewWebhook(secret)
	if err != nil {
		return err
	}
	return w.VerifyIgnoringTimestamp(m.body, m.header)
}

func (r *receiver) got() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// trust makes the receiver verify signatures with a secret.
func (r *receiver) trust(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = secret
}

func status(code int) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}
