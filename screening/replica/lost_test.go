package replica_test

import (
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
)

// A replica of a generation that the store has lost reports no miss for an address that either side lists, before and after a restart. Its
// cache is not changed until a restore.
func TestLostReplicaAnswersFromBothSides(t *testing.T) {
	s := failOver(t)
	report := func() error {
		return s.store.Commit(ctx, lists.Put(lists.DocReplica("r1"), lists.Replica{ID: "r1", Generation: s.Status().Served.Generation,
			GenerationID: s.Status().Served.ID, Lost: s.Status().Lost, Seen: time.Now()}, lists.AnyRevision))
	}
	for range 2 {
		if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) {
			t.Fatalf("refresh: %v", err)
		}
		if got := s.check(evmBase, evmX, evmY, evmClean); got != "hhhm" {
			t.Errorf("both sides: %s", got)
		}
		var a screening.Answer
		if err := s.Check(ctx, &screening.Request{Address: evmBase, Direction: lists.Deposit}, &a); err != nil || len(a.Matches) != 1 ||
			!strings.Contains(string(a.JSON), `"lost":true,"store_generation":2`) {
			t.Errorf("a listing of both sides: %v %s", err, a.JSON)
		}
		if st := s.Status(); !st.Lost || st.Unready != nil || st.Store != 2 || st.Served.Generation != 2 || len(st.Lists) != 1 {
			t.Errorf("status: %+v", st)
		}
		if err := report(); err != nil {
			t.Fatal(err)
		}
		if err := add(t, s.store, evmClean); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "interdict restore") {
			t.Errorf("an activation before the restore: %v", err)
		}
		// The cache is the only copy and is not changed.
		if err := s.SaveCache(ctx); err != nil {
			t.Fatal(err)
		}
		if g, _, err := lists.Current(ctx, s.cache); err != nil || g.Number != 2 || len(g.Lists[0].Layers) != 2 {
			t.Fatalf("the cache: %v %v", g.Number, err)
		}
		there := s.store.Store
		s.store.Store = away(t)
		_ = s.Refresh(ctx)
		if got := s.check(evmX, evmClean); got != "(lost)(lost)" || !fault.Is(s.Status().Unready, fault.Lost) {
			t.Errorf("while the store cannot be read: %s, %v", got, s.Status().Unready)
		}
		s.start(t)
		_ = s.Refresh(ctx)
		if got := s.check(evmX, evmY); got != "(lost)(lost)" {
			t.Errorf("after a restart, while the store cannot be read: %s", got)
		}
		s.store.Store = there
	}
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) {
		t.Fatal(err)
	}
	l := newLoader(t, s.store)
	out, err := l.Restore(ctx, s.cache, s.Status().Served, "tester", "")
	if err != nil || out.Generation != 3 {
		t.Fatalf("restore: %+v %v", out, err)
	}
	if err := s.Refresh(ctx); err != nil || s.Status().Lost {
		t.Fatalf("after the restore: %v", err)
	}
	if got := s.check(evmBase, evmX, evmY, evmClean); got != "hhhm" {
		t.Errorf("after the restore: %s", got)
	}
	// The replica's report is older than the restore; it does not block an activation.
	mustAdd(t, s.store, evmClean)
}

// The action is the strictest of both sides.
func TestStricterSideDecides(t *testing.T) {
	s := failOver(t)
	settings, _, err := lists.Read[lists.List](ctx, s.store, lists.DocList("deny"))
	if err != nil {
		t.Fatal(err)
	}
	settings.Policy = lists.Policy{{Action: lists.Review}}
	if _, _, err := newLoader(t, s.store).PutList(ctx, settings.ID, by("tester", ""), settle(settings)); err != nil {
		t.Fatal(err)
	}
	_ = s.Refresh(ctx)
	var a screening.Answer
	if err := s.Check(ctx, &screening.Request{Address: evmBase, Direction: lists.Withdrawal}, &a); err != nil || a.Action != lists.Reject || len(a.Matches) != 1 {
		t.Errorf("%v %s %s", err, a.Action, a.JSON)
	}
}

// by describes a change of one person who has the store at hand.
func by(person, reason string) loader.ChangeOptions {
	return loader.ChangeOptions{By: lists.Person(person), Reason: reason, Warrant: lists.Warrant{Alone: lists.AloneOperator}}
}

// settle replaces all settings of a list.
func settle(settings lists.List) func(*lists.List, bool) error {
	return func(l *lists.List, _ bool) error { *l = settings; return nil }
}
