package replica_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/replica"
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

// bare is a server without a cache on the store of a site.
func (s *site) bare(store lists.Store) *site {
	b := *s
	b.Screener = screening.NewReplica(store, replica.Local{ResidentBytes: 1 << 20}, noJournal{}, noMetrics{}, quiet, func() time.Time { return s.now })
	return &b
}

func (s *site) report(t *testing.T, r *site, id string) {
	t.Helper()
	st := r.Status()
	if err := s.store.Commit(ctx, lists.Put(lists.DocReplica(id), lists.Replica{ID: id, Generation: st.Served.Generation, GenerationID: st.Served.ID, Lost: st.Lost, Seen: s.now},
		lists.AnyRevision)); err != nil {
		t.Fatal(err)
	}
}

// A server that never had a lost generation would report misses for what it listed. While another one serves that generation it knows better.
func TestWhatAnotherReplicaServesIsNotMissed(t *testing.T) {
	s := failOver(t)
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) {
		t.Fatal(err)
	}
	b := s.bare(s.store)
	told := func(what, want string) {
		t.Helper()
		if err := b.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if got := b.check(evmBase, evmX, evmY, evmClean); got != want {
			t.Errorf("%s: %s, not %s", what, got, want)
		}
		st := b.Status()
		if fault.Is(st.Unready, fault.Lost) != strings.Contains(want, "lost") || st.Lost {
			t.Errorf("%s: %+v", what, st)
		}
	}
	told("nothing is known", "hmhm")
	s.report(t, s, "a")
	told("a report", "h(lost)h(lost)")
	if b.bare(s.store).Refresh(ctx) != nil || b.check(evmX) != "(lost)" {
		t.Error("a server that starts now")
	}
	s.now = s.now.Add(2 * lists.LostTTL)
	told("the other one is gone", "hmhm")
	s.report(t, s, "a")
	told("it is back", "h(lost)h(lost)")
	if _, err := newLoader(t, s.store).Restore(ctx, s.cache, s.Status().Served, "tester", ""); err != nil {
		t.Fatal(err)
	}
	told("after the restore", "hhhm")
}

// Of two servers with lost generations the one with the older one does not have all either.
func TestTheOlderOfTwoLostGenerationsIsNotAll(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	before := copyOf(t, s.dir)
	mustAdd(t, s.store, evmX)
	older := s.bare(s.store)
	if err := older.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s.store, evmY)
	newer := s.bare(s.store)
	if err := newer.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	s.store.Store = before
	for range 2 {
		for id, r := range map[string]*site{"older": older, "newer": newer} {
			if err := r.Refresh(ctx); !fault.Is(err, fault.Lost) {
				t.Fatal(err)
			}
			s.report(t, r, id)
		}
	}
	if got := older.check(evmBase, evmX, evmY, evmClean); got != "hh(lost)(lost)" {
		t.Errorf("the older one: %s", got)
	}
	if got := newer.check(evmBase, evmX, evmY, evmClean); got != "hhhm" {
		t.Errorf("the newer one: %s", got)
	}
}

// racing runs f once, before reports of replicas are read.
type racing struct {
	lists.Store
	f func()
}

func (r *racing) Scan(ctx context.Context, prefix string) ([]lists.Doc, error) {
	if f := r.f; f != nil && prefix == lists.DocReplicas {
		r.f = nil
		f()
	}
	return r.Store.Scan(ctx, prefix)
}

// A replica may have loaded a generation before this one has seen it: nothing is lost.
func TestAReplicaThatIsFasterHasLostNothing(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	b := s.bare(&racing{s.store, func() {
		mustAdd(t, s.store, evmX)
		if err := s.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		s.report(t, s, "a")
	}})
	for _, want := range []string{"hm", "hh"} {
		if err := b.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if got := b.check(evmBase, evmX); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}
