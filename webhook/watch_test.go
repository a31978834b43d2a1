package webhook_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/webhook"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func (h *house) commit(changes ...lists.Change) {
	h.t.Helper()
	if err := h.store.Commit(h.t.Context(), changes...); err != nil {
		h.t.Fatal(err)
	}
}

// generation commits a generation in which a list has become active.
func (h *house) generation(n int, list string, version int) {
	h.t.Helper()
	g := lists.Generation{Number: n, ID: fmt.Sprintf("id-%d", n), At: h.clock.now(), By: "ben", Action: "activate", List: list,
		Lists: []lists.Active{{List: lists.List{ID: list}, Version: version}}}
	h.commit(lists.Put(lists.DocGeneration(n), g, 0), lists.Put(lists.DocHead, g.Head(), lists.AnyRevision))
}

// data are the data of what a receiver has got, by type, ordered.
func (r *receiver) data(kind string) (out []string) {
	for _, m := range r.got() {
		if m.Type == kind {
			out = append(out, string(lists.JSON(m.Data)))
		}
	}
	slices.Sort(out)
	return out
}

// Every generation is told once, whoever makes it: also those that were made while no server ran.
func TestEveryGenerationIsToldOnce(t *testing.T) {
	h, r := open(t), receive(t, nil)
	h.generation(1, "before", 1)
	h.clock.move(time.Second)
	h.endpoint(r.URL, "list.activated")
	h.generation(2, "sdn", 1)
	stop := h.deliver()
	h.eventually("it is told", func() bool { return len(r.got()) == 1 })
	stop()
	h.generation(3, "sdn", 2)
	h.generation(4, "deny", 1)
	h.deliver(func(o *webhook.Options) { o.Owner = "b" })
	h.eventually("the others are told", func() bool { return len(r.got()) == 3 })
	h.generation(5, "deny", 2)
	h.eventually("the last one is told", func() bool { return len(r.got()) == 4 })
	want := []string{}
	for _, x := range []struct {
		n, version int
		list       string
	}{{2, 1, "sdn"}, {3, 2, "sdn"}, {4, 1, "deny"}, {5, 2, "deny"}} {
		want = append(want, fmt.Sprintf(`{"action":"activate","by":"ben","generation":%d,"list":%q,"version":%d}`, x.n, x.list, x.version))
	}
	got := r.data(webhook.ListActivated)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A list that cannot be refreshed, and one that has become too old, are told once each.
func TestAFailedRefreshAndAStaleListAreTold(t *testing.T) {
	h, r := open(t), receive(t, nil)
	h.endpoint(r.URL, "list.failed")
	h.clock.move(time.Second)
	at := h.clock.now()
	fresh := at.Add(-time.Hour)
	h.commit(lists.Put(lists.DocList("sdn"), lists.List{ID: "sdn", Active: 1, MaxAge: 2 * time.Hour, Source: &lists.Source{URL: "https://example.org/"}}, 0),
		lists.Put(lists.DocFresh("sdn"), lists.Fresh{At: fresh}, 0),
		lists.Put(lists.DocRefresh("sdn"), lists.Refresh{LastAttempt: at, Outcome: lists.RefreshFailed, Failures: 3, LastError: "status 403 Forbidden"}, 0))
	stop := h.deliver()
	h.eventually("the failure is told", func() bool { return len(r.got()) == 1 })
	stop()
	h.deliver(func(o *webhook.Options) { o.Owner = "b" })
	h.clock.move(time.Hour)
	h.eventually("the age is told", func() bool { return len(r.got()) == 2 })
	h.commit(lists.Put(lists.DocRefresh("sdn"), lists.Refresh{LastAttempt: h.clock.now(), Outcome: lists.RefreshFailed, Failures: 4, LastError: "status 403 Forbidden"}, lists.AnyRevision))
	h.clock.move(time.Minute)
	h.eventually("the next failure is told", func() bool { return len(r.got()) == 3 })
	want := []string{
		`{"consecutive_failures":3,"error":"status 403 Forbidden","list":"sdn","reason":"refresh"}`,
		`{"consecutive_failures":4,"error":"status 403 Forbidden","list":"sdn","reason":"refresh"}`,
		fmt.Sprintf(`{"fresh_at":%q,"list":"sdn","max_age":"2h0m0s","reason":"stale"}`, fresh.Format(time.RFC3339Nano)),
	}
	if diff := cmp.Diff(want, r.data(webhook.ListFailed)); diff != "" {
		t.Error(diff)
	}
}

// A proposal and its decision are committed with their notices.
func TestProposalsAreTold(t *testing.T) {
	h, r := open(t), receive(t, nil)
	h.endpoint(r.URL, "proposal.*")
	h.deliver()
	at := h.clock.now()
	p := lists.Proposal{ID: "019ad2c4-0000-7000-8000-000000000000", Kind: lists.ProposeRetire, List: "sdn", By: "ana", At: at, Expires: at.Add(time.Hour), State: lists.Open,
		Before: lists.JSON(struct{}{}), After: lists.JSON(struct{}{}), Reason: "not shown", Change: lists.JSON(map[string]string{"mac": "not shown"})}
	h.commit(p.Changes()...)
	h.eventually("the proposal is told", func() bool { return len(r.got()) == 1 })
	_, revision, err := lists.Read[lists.Proposal](t.Context(), h.store, lists.DocProposal(p.ID))
	if err != nil {
		t.Fatal(err)
	}
	w := lists.Warrant{Proposal: &p, Revision: revision, Decided: &lists.Approval{By: "ben", At: at.Add(time.Minute), Reason: "not shown"}, Outcome: lists.Refused}
	h.commit(w.Changes()...)
	h.eventually("the decision is told", func() bool { return len(r.got()) == 2 })
	common := fmt.Sprintf(`"expires":%q,"id":%q,"kind":"retire","list":"sdn"`, at.Add(time.Hour).Format(time.RFC3339Nano), p.ID)
	proposed := fmt.Sprintf(`{"at":%q,"by":"ana",%s,"state":"open"}`, at.Format(time.RFC3339Nano), common)
	decided := fmt.Sprintf(`{"at":%q,"by":"ana","decided_at":%q,"decided_by":"ben",%s,"state":"rejected"}`, at.Format(time.RFC3339Nano), at.Add(time.Minute).Format(time.RFC3339Nano), common)
	if diff := cmp.Diff([]string{proposed}, r.data(webhook.ProposalCreated)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{decided}, r.data(webhook.ProposalDecided)); diff != "" {
		t.Error(diff)
	}
	if docs, err := h.store.Scan(t.Context(), lists.DocNotices); err != nil || len(docs) != 0 {
		t.Errorf("%d notices are left: %v", len(docs), err)
	}
}

// The log of deliveries does not grow for ever, and a deleted endpoint leaves nothing behind.
func TestOldDeliveriesAreDeleted(t *testing.T) {
	h, r := open(t), receive(t, nil)
	e := h.endpoint(r.URL)
	stop := h.deliver()
	h.send(webhook.ListActivated, "old")
	h.eventually("it is delivered", func() bool { return h.states(e)[webhook.Delivered] == 1 })
	h.clock.move(webhook.FinishedTTL - time.Hour)
	h.send(webhook.ListActivated, "young")
	h.eventually("it is delivered", func() bool { return h.states(e)[webhook.Delivered] == 2 })
	h.clock.move(2 * time.Hour)
	h.eventually("the old one is deleted", func() bool { all := h.deliveries(e); return len(all) == 1 && all[0].Event == "young" })
	stop()

	at := h.clock.now()
	var changes []lists.Change
	for i := range webhook.MaxFinished + 100 {
		finished := at.Add(time.Duration(i) * time.Millisecond)
		d := webhook.Delivery{ID: fmt.Sprintf("msg_%06d", i), Endpoint: e.ID, State: webhook.Delivered, Created: finished, Finished: &finished}
		changes = append(changes, lists.Put(lists.DocsFinished(e.ID)+d.ID, d, 0))
		if len(changes) == 1000 || i == webhook.MaxFinished+99 {
			h.commit(changes...)
			changes = nil
		}
	}
	h.clock.move(time.Minute)
	stop = h.deliver(func(o *webhook.Options) { o.Owner = "b" })
	h.eventually("there are few enough", func() bool { return len(h.deliveries(e)) <= webhook.MaxFinished })
	if newest := h.deliveries(e); newest[len(newest)-1].ID != fmt.Sprintf("msg_%06d", webhook.MaxFinished+99) {
		t.Errorf("the newest is %s", newest[len(newest)-1].ID)
	}
	stop()

	h.send(webhook.ListActivated, "never")
	if err := h.Delete(t.Context(), e.ID, lists.Person("root"), ""); err != nil {
		t.Fatal(err)
	}
	// As if the process had crashed directly after the deletion.
	h.commit(lists.Put(lists.DocsWaiting(e.ID)+"msg_1", webhook.Delivery{ID: "msg_1", Endpoint: e.ID}, 0), lists.Put(lists.DocWebhookQueue(e.ID), webhook.Queue{Waiting: 1}, 0))
	h.deliver(func(o *webhook.Options) { o.Owner = "c" })
	h.eventually("nothing is left", func() bool {
		n := 0
		for _, prefix := range []string{lists.DocWebhooks, lists.DocWebhookQueues, lists.DocWaiting, lists.DocFinished} {
			docs, err := h.store.Scan(t.Context(), prefix)
			if err != nil {
				t.Fatal(err)
			}
			n += len(docs)
		}
		return n == 0
	})
	if n := len(r.got()); n != 2 {
		t.Errorf("%d messages", n)
	}
}
