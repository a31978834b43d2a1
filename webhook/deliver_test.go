package webhook_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"interdict/lists"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
	"interdict/webhook"
)

// What a receiver gets is what the specification says, and the log of deliveries says so.
func TestAnEventArrivesSignedAndOnce(t *testing.T) {
	h, r := open(t), receive(t, nil)
	e := h.endpoint(r.URL+"/in", "list.*")
	r.trust(e.Secret)
	h.deliver()
	at := h.clock.now()
	h.send(webhook.ListActivated, "one")
	h.send(webhook.ListActivated, "one") // again: the same event
	h.send(webhook.AlertCreated, "two")  // not asked for
	h.eventually("it is delivered", func() bool { return h.states(e)[webhook.Delivered] == 1 })
	h.send(webhook.ListActivated, "one") // again, after it was delivered
	h.send(webhook.ListFailed, "three")
	h.eventually("the next one is delivered", func() bool { return h.states(e)[webhook.Delivered] == 2 })

	got := r.got()
	want := []message{{Type: webhook.ListActivated, Timestamp: at, At: at.Truncate(time.Second), Data: map[string]any{"id": "one"}},
		{Type: webhook.ListFailed, Timestamp: at, At: at.Truncate(time.Second), Data: map[string]any{"id": "three"}}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(message{}), cmpopts.IgnoreFields(message{}, "ID")); diff != "" {
		t.Fatal(diff)
	}
	all := h.deliveries(e)
	delivery := webhook.Delivery{ID: got[0].ID, Endpoint: e.ID, Event: "one", Type: webhook.ListActivated, At: at, Created: at, State: webhook.Delivered, Finished: &at, Attempts: 1,
		Log: []webhook.Attempt{{At: at, Status: 204}}}
	i := 0
	if all[0].Event != "one" {
		i = 1
	}
	if diff := cmp.Diff(delivery, all[i], cmpopts.IgnoreFields(webhook.Attempt{}, "Duration")); diff != "" {
		t.Error(diff)
	}
	if got[0].header.Get("Content-Type") != "application/json" || got[0].header.Get("User-Agent") != "interdict-webhook" {
		t.Error(got[0].header)
	}
}

// A receiver that fails for hours gets the same message again and again, with the same id and a fresh signature, ever more rarely.
func TestAFailedDeliveryIsRepeatedForThreeDays(t *testing.T) {
	h := open(t)
	r := receive(t, status(http.StatusInternalServerError))
	e := h.endpoint(r.URL)
	r.trust(e.Secret)
	h.deliver()
	begun := h.clock.now()
	h.send(webhook.ListActivated, "one")
	for n := 1; ; n++ {
		var d webhook.Delivery
		h.eventually("the attempt is in the log", func() bool { d = h.deliveries(e)[0]; return d.Attempts == n })
		if d.State == webhook.Failed {
			break
		}
		if wait := d.Next.Sub(h.clock.now()); wait < 2*time.Second || wait > 4*time.Hour {
			t.Fatalf("after attempt %d it waits %s", n, wait)
		}
		h.clock.move(d.Next.Sub(h.clock.now()))
	}
	got, d := r.got(), h.deliveries(e)[0]
	if took := h.clock.now().Sub(begun); took != webhook.RetryFor {
		t.Errorf("it failed for good after %s", took)
	}
	if len(got) < 20 || len(got) > 60 || d.Attempts != len(got) || len(d.Log) != 10 || d.Log[9].Error != "status 500 Internal Server Error" {
		t.Errorf("%d requests, %+v", len(got), d)
	}
	for i, m := range got {
		if m.ID != got[0].ID || i > 0 && !m.At.After(got[i-1].At) {
			t.Errorf("request %d: id %s at %s", i, m.ID, m.At)
		}
	}
	if first := got[1].At.Sub(got[0].At); first > 6*time.Second {
		t.Errorf("the first repetition came after %s", first)
	}
	if q := h.queue(e); q.Waiting != 0 {
		t.Errorf("%+v", q)
	}
}

func (h *house) queue(e *webhook.Endpoint) webhook.Queue {
	h.t.Helper()
	all, err := h.List(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, x := range all {
		if x.ID == e.ID {
			return x.Queue
		}
	}
	h.t.Fatal("the endpoint is not there")
	return webhook.Queue{}
}

func TestWhatARetryingReceiverMaySay(t *testing.T) {
	t.Run("come back later", func(t *testing.T) {
		h := open(t)
		r := receive(t, func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				w.Header().Set("Retry-After", "600")
				w.WriteHeader(http.StatusTooManyRequests)
			}
		})
		e := h.endpoint(r.URL)
		h.deliver()
		h.send(webhook.ListActivated, "one")
		h.eventually("it has failed once", func() bool { return h.deliveries(e)[0].Attempts == 1 })
		if wait := h.deliveries(e)[0].Next.Sub(h.clock.now()); wait != 10*time.Minute {
			t.Errorf("it waits %s", wait)
		}
		h.clock.move(10 * time.Minute)
		h.eventually("it is delivered", func() bool { return h.states(e)[webhook.Delivered] == 1 })
	})
	t.Run("go elsewhere: that is not followed", func(t *testing.T) {
		h, other := open(t), receive(t, nil)
		r := receive(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		})
		e := h.endpoint(r.URL)
		h.deliver()
		h.send(webhook.ListActivated, "one")
		h.eventually("it has failed once", func() bool { return h.deliveries(e)[0].Attempts == 1 })
		d := h.deliveries(e)[0]
		if d.State != webhook.Waiting || d.Log[0].Status != 307 || d.Log[0].Error != "status 307: redirects are not followed" || len(other.got()) != 0 {
			t.Errorf("%+v, elsewhere %d", d, len(other.got()))
		}
	})
	t.Run("nothing, for too long", func(t *testing.T) {
		h, free := open(t), make(chan struct{})
		r := receive(t, func(int, http.ResponseWriter, *http.Request) { <-free })
		defer close(free)
		e := h.endpoint(r.URL)
		h.deliver(func(o *webhook.Options) { o.Timeout = 50 * time.Millisecond })
		h.send(webhook.ListActivated, "one")
		h.eventually("it has failed once", func() bool { return h.deliveries(e)[0].Attempts == 1 })
		if d := h.deliveries(e)[0]; d.Log[0].Status != 0 || d.Log[0].Error != "no answer within 50ms" || d.Log[0].Duration < 50 {
			t.Errorf("%+v", d)
		}
	})
	t.Run("an endless answer is not read", func(t *testing.T) {
		h := open(t)
		r := receive(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, "more and more "); err != nil {
					return
				}
			}
		})
		e := h.endpoint(r.URL)
		h.deliver()
		h.send(webhook.ListActivated, "one")
		h.eventually("it is delivered", func() bool { return h.states(e)[webhook.Delivered] == 1 })
	})
}

// A receiver that is gone gets nothing more, and the record says why.
func TestGoneDisablesTheEndpoint(t *testing.T) {
	h := open(t)
	r := receive(t, status(http.StatusGone))
	e := h.endpoint(r.URL)
	other := h.endpoint(receive(t, nil).URL)
	for i := range 5 {
		h.send(webhook.ListActivated, fmt.Sprint(i))
	}
	h.deliver(func(o *webhook.Options) { o.Parallel = 1 })
	h.eventually("all have failed", func() bool { return h.states(e)[webhook.Failed] == 5 && h.states(other)[webhook.Delivered] == 5 })
	if n := len(r.got()); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	h.send(webhook.ListActivated, "later")
	h.eventually("another one gets it", func() bool { return h.states(other)[webhook.Delivered] == 6 })
	if n := len(h.deliveries(e)); n != 5 {
		t.Errorf("%d deliveries", n)
	}
	all, err := h.List(t.Context())
	if err != nil || all[0].DisabledAt == nil && all[1].DisabledAt == nil {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := h.Test(t.Context(), e.ID, lists.Person("root")); err == nil {
		t.Error("a ping is sent to a receiver that is gone")
	}
	var last lists.Event
	for _, x := range h.record.events() {
		if x.Action == "webhook-disable" {
			last = x
		}
	}
	if last.Outcome != "done" || last.By != "webhook" || last.Subject != e.ID || last.Reason != "it answered 410 Gone" {
		t.Errorf("the record: %+v", last)
	}
}

// During the overlap the old secret and the new one verify a message, afterwards only the new one does.
func TestRotation(t *testing.T) {
	h, r := open(t), receive(t, nil)
	e := h.endpoint(r.URL)
	rotated, err := h.Rotate(t.Context(), e.ID, time.Hour, lists.Person("root"), "yearly")
	if err != nil {
		t.Fatal(err)
	}
	h.deliver()
	h.send(webhook.ListActivated, "one")
	h.eventually("it is delivered", func() bool { return len(r.got()) == 1 })
	h.clock.move(time.Hour)
	h.send(webhook.ListActivated, "two")
	h.eventually("it is delivered", func() bool { return len(r.got()) == 2 })
	for i, want := range []struct{ old, new bool }{{true, true}, {false, true}} {
		m := r.got()[i]
		if verifies(e.Secret, m) == nil != want.old || verifies(rotated.Secret, m) == nil != want.new {
			t.Errorf("message %d: old %v, new %v", i, verifies(e.Secret, m), verifies(rotated.Secret, m))
		}
	}
	at, err := h.Rotate(t.Context(), e.ID, 0, lists.Person("root"), "it was in a log")
	if err != nil {
		t.Fatal(err)
	}
	h.send(webhook.ListActivated, "three")
	h.eventually("it is delivered", func() bool { return len(r.got()) == 3 })
	if m := r.got()[2]; verifies(rotated.Secret, m) == nil || verifies(at.Secret, m) != nil {
		t.Error("without overlap the old secret signs on, or the new one does not")
	}
}

// Too many deliveries for a dead receiver are dropped, and that is said.
func TestTheQueueOfAnEndpointIsBounded(t *testing.T) {
	h := open(t)
	dead := h.endpoint("http://127.0.0.1:1/")
	alive := h.endpoint(receive(t, nil).URL, webhook.AlertCreated)
	events := make([]webhook.Event, webhook.MaxWaiting+30)
	for i := range events {
		events[i] = webhook.Event{ID: fmt.Sprint(i), Type: webhook.ListActivated, At: h.clock.now(), Data: struct{}{}}
	}
	if err := h.Send(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	at := h.clock.now()
	want := webhook.Queue{Waiting: webhook.MaxWaiting, Dropped: 30, DroppedAt: &at}
	if diff := cmp.Diff(want, h.queue(dead)); diff != "" {
		t.Error(diff)
	}
	if n := len(h.deliveries(dead)); n != webhook.MaxWaiting {
		t.Errorf("%d wait", n)
	}
	if log := h.log.String(); !contains(log, "events were dropped") {
		t.Errorf("the log: %s", log)
	}
	m := &measured{}
	h.deliver(func(o *webhook.Options) { o.Metrics = m })
	h.send(webhook.AlertCreated, "new")
	h.eventually("a receiver beside it gets its events", func() bool { return h.states(alive)[webhook.Delivered] == 1 })
	h.eventually("all were tried", func() bool { return m.outcome("retry") >= webhook.MaxWaiting })
	if waiting, dropped, oldest := m.queue(); waiting != webhook.MaxWaiting || dropped != 31 || !oldest.Equal(at) { // "new" was dropped for the dead one, too
		t.Errorf("waiting %d, dropped %d, oldest %s", waiting, dropped, oldest)
	}
}

// measured are metrics.
type measured struct {
	mu               sync.Mutex
	outcomes         map[string]int
	waiting, dropped int
	oldest           time.Time
}

func (m *measured) Attempted(outcome string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.outcomes == nil {
		m.outcomes = map[string]int{}
	}
	m.outcomes[outcome]++
}

func (m *measured) Queue(waiting, dropped int, oldest time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting, m.dropped, m.oldest = waiting, dropped, oldest
}

func (m *measured) outcome(name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.outcomes[name]
}

func (m *measured) queue() (int, int, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting, m.dropped, m.oldest
}

// One slow receiver delays no other, and no receiver gets more than four requests at once.
func TestASlowReceiverDelaysNoOther(t *testing.T) {
	h, free := open(t), make(chan struct{})
	var now, most atomic.Int32
	slow := receive(t, func(int, http.ResponseWriter, *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		<-free
		now.Add(-1)
	})
	e := h.endpoint(slow.URL)
	quick := h.endpoint(receive(t, nil).URL)
	h.deliver()
	for i := range 20 {
		h.send(webhook.ListActivated, fmt.Sprint(i))
	}
	h.eventually("the quick one has all", func() bool { return h.states(quick)[webhook.Delivered] == 20 })
	if h.states(e)[webhook.Waiting] != 20 || most.Load() > 4 {
		t.Errorf("%v, %d at once", h.states(e), most.Load())
	}
	close(free)
	h.eventually("the slow one has all", func() bool { return h.states(e)[webhook.Delivered] == 20 })
}

// A deliverer that stops leaves what it was about to send to the next one.
func TestTheNextOneTakesOver(t *testing.T) {
	h, free := open(t), make(chan struct{})
	r := receive(t, func(n int, _ http.ResponseWriter, r *http.Request) {
		if n == 1 {
			select {
			case <-free:
			case <-r.Context().Done():
			}
		}
	})
	defer close(free)
	e := h.endpoint(r.URL)
	stop := h.deliver()
	h.send(webhook.ListActivated, "one")
	h.eventually("it is under way", func() bool { return len(r.got()) == 1 })
	stop()
	if d := h.deliveries(e)[0]; d.Attempts != 0 || d.State != webhook.Waiting {
		t.Errorf("%+v", d)
	}
	h.deliver(func(o *webhook.Options) { o.Owner = "b" })
	h.eventually("it is delivered", func() bool { return h.states(e)[webhook.Delivered] == 1 })
	if got := r.got(); len(got) != 2 || got[0].ID != got[1].ID {
		t.Errorf("%v", got)
	}
}

// Two servers on one Redis, and events from both: each is delivered once.
func TestTwoServersOnOneRedisDeliverOnce(t *testing.T) {
	url := storetest.StartRedis(t)
	openStore := func() lists.Store {
		s, err := redisstore.Open(t.Context(), url, redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	a, b := openOn(t, openStore()), openOn(t, openStore())
	r := receive(t, func(int, http.ResponseWriter, *http.Request) { time.Sleep(100 * time.Millisecond) }) // so that a second one has time to do the same
	e := a.endpoint(r.URL)
	b.clock.move(time.Minute) // the event is not older than the endpoint
	var senders sync.WaitGroup
	for _, h := range []*house{a, b} {
		senders.Go(func() {
			for i := range 40 {
				if err := h.Send(t.Context(), webhook.Event{ID: fmt.Sprint(i), Type: webhook.AlertCreated, At: h.clock.now(), Data: struct{}{}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	a.deliver()
	b.deliver(func(o *webhook.Options) { o.Owner = "b" })
	a.eventually("all are delivered", func() bool { return a.states(e)[webhook.Delivered] == 40 })
	ids := map[string]int{}
	for _, m := range r.got() {
		ids[m.ID]++
	}
	if len(r.got()) != 40 || len(ids) != 40 {
		t.Errorf("%d messages with %d ids", len(r.got()), len(ids))
	}
	if q := a.queue(e); q.Waiting != 0 {
		t.Errorf("%+v", q)
	}
	if err := b.Delete(t.Context(), e.ID, lists.Person("root"), ""); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{lists.DocWebhooks, lists.DocWebhookQueues, lists.DocWaiting, lists.DocFinished} {
		if docs, err := a.store.Scan(t.Context(), prefix); err != nil || len(docs) != 0 {
			t.Errorf("%d documents %s are left: %v", len(docs), prefix, err)
		}
	}
}

// Many receivers that do not answer, with much to do, leave room for one that does.
func TestDeadReceiversTakeNotAllTheRoom(t *testing.T) {
	h, free := open(t), make(chan struct{})
	stuck := receive(t, func(int, http.ResponseWriter, *http.Request) { <-free })
	defer close(free)
	for range 6 {
		h.endpoint(stuck.URL, "list.*")
	}
	quick := h.endpoint(receive(t, nil).URL, "alert.*")
	for i := range 30 {
		h.send(webhook.ListActivated, fmt.Sprint(i))
	}
	h.deliver(func(o *webhook.Options) { o.Parallel, o.Timeout = 12, 200*time.Millisecond })
	h.eventually("all the room is taken", func() bool { return len(stuck.got()) >= 12 })
	for i := range 20 {
		h.send(webhook.AlertCreated, fmt.Sprint("a", i))
	}
	h.eventually("the quick one has all", func() bool { return h.states(quick)[webhook.Delivered] == 20 })
	if n := len(stuck.got()); n > 100 {
		t.Errorf("the others were asked %d times first", n)
	}
}

// A document that cannot be read keeps nothing else from being delivered.
func TestADamagedDocumentStopsNothingElse(t *testing.T) {
	h, r := open(t), receive(t, nil)
	h.endpoint(r.URL)
	h.commit(lists.Change{Key: lists.DocNotice("damaged"), Value: []byte("{")}, lists.Change{Key: lists.DocWebhookQueue("damaged"), Value: []byte("{")},
		lists.Put(lists.DocNotice("newer"), lists.Notice{ID: "newer", Type: "type.of.a.newer.program", At: h.clock.now(), Data: lists.JSON(struct{}{})}, 0))
	h.deliver()
	h.send(webhook.ListActivated, "one")
	h.generation(1, "sdn", 1)
	h.eventually("both are delivered", func() bool { return len(r.got()) == 2 })
	if log := h.log.String(); !contains(log, "work on webhooks has failed") || !contains(log, "notice/damaged is damaged") {
		t.Errorf("the log: %s", log)
	}
	if _, err := h.store.Get(t.Context(), lists.DocNotice("newer")); err != nil {
		t.Errorf("a notice for a newer program is gone: %v", err)
	}
}
