package screening_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
)

// remote is a store that can fail over to another one, and go away.
type remote struct {
	lists.Store
	name string
}

func (r *remote) Describe() string { return r.name }

// disk opens a store in dir; the test may open a copy of it.
func disk(t *testing.T, dir string) lists.Store {
	t.Helper()
	s, err := diskstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// away is a store that cannot be read.
func away(t *testing.T) lists.Store {
	t.Helper()
	s := disk(t, t.TempDir())
	s.Close()
	return s
}

// site is a store with one replica of it, which keeps a cache.
type site struct {
	dir, cacheDir string
	store         *remote
	*screening.Screener
	cache  lists.Store
	served *screening.ServedFile
	aside  bool // the cache was set aside
	now    time.Time
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), cacheDir: t.TempDir(), now: time.Now()}
	s.store = &remote{disk(t, s.dir), "redis one"}
	s.start(t)
	return s
}

// start starts a replica on the cache of the one before it.
func (s *site) start(t *testing.T) {
	t.Helper()
	if s.cache != nil {
		s.cache.Close()
		s.served.Close()
	}
	s.cache = disk(t, s.cacheDir)
	var err error
	if s.served, err = screening.OpenServed(filepath.Join(s.cacheDir, "served")); err != nil {
		t.Fatal(err)
	}
	local := screening.Local{Cache: s.cache, Served: s.served, ResidentBytes: 1 << 20, MaxLag: time.Minute,
		SetAside: func() (lists.Store, *screening.ServedFile, error) {
			s.aside = true
			dir := t.TempDir()
			served, err := screening.OpenServed(filepath.Join(dir, "served"))
			return disk(t, dir), served, err
		}}
	s.Screener = screening.NewReplica(s.store, local, noJournal{}, countless{}, quiet, func() time.Time { return s.now })
}

// add puts addresses on top of list deny in a store.
func add(t *testing.T, store lists.Store, addresses ...string) error {
	t.Helper()
	l := loader.New(store, unrecorded{}, slog.New(slog.DiscardHandler), t.TempDir(), time.Now)
	text := ""
	for _, a := range addresses {
		text += row(a, "ethereum")
	}
	v, err := l.Stage(ctx, "deny", []loader.Upload{{Name: "deny.ndjson", Body: strings.NewReader(text)}},
		loader.StageOptions{Format: "ndjson", Mode: lists.Add, By: "tester", Create: sanctions("deny")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: "tester", Operator: true, Override: "test"})
	return err
}

func mustAdd(t *testing.T, store lists.Store, addresses ...string) {
	t.Helper()
	if err := add(t, store, addresses...); err != nil {
		t.Fatal(err)
	}
}

// copyOf is the store in dir as it is now.
func copyOf(t *testing.T, dir string) lists.Store {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return disk(t, to)
}

// says asks for addresses: h for a hit, m for a miss, the kind of an error otherwise.
func (s *site) says(addresses ...string) (out string) {
	for _, x := range addresses {
		var a screening.Answer
		switch err := s.Check(ctx, &screening.Request{Address: x, Direction: lists.Withdrawal}, &a); {
		case err != nil:
			out += "(" + fault.KindOf(err).String() + ")"
		case a.Result == screening.Hit:
			out += "h"
		case a.Result == screening.Miss:
			out += "m"
		}
	}
	return out
}

const (
	evmBase  = "0x1111111111111111111111111111111111111111"
	evmX     = "0x2222222222222222222222222222222222222222"
	evmY     = "0x3333333333333333333333333333333333333333"
	evmClean = "0x4444444444444444444444444444444444444444"
)

// failOver makes a site whose store has lost what the replica serves (X), and has gone on with something else (Y).
func failOver(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	before := copyOf(t, s.dir)
	mustAdd(t, s.store, evmX)
	if err := s.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveCache(ctx); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, before, evmY)
	s.store.Store = before
	return s
}

// A replica of a generation that the store has lost clears nothing that either side lists, before and after a restart, and its cache is
// left alone until both sides are brought together.
func TestALostReplicaAnswersFromBothSides(t *testing.T) {
	s := failOver(t)
	replica := func() error {
		return s.store.Commit(ctx, lists.Put(lists.DocReplica("r1"), lists.Replica{ID: "r1", Generation: s.Status().Served.Generation,
			GenerationID: s.Status().Served.ID, Lost: s.Status().Lost, Seen: time.Now()}, lists.AnyRevision))
	}
	for range 2 {
		if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) {
			t.Fatalf("refresh: %v", err)
		}
		if got := s.says(evmBase, evmX, evmY, evmClean); got != "hhhm" {
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
		if err := replica(); err != nil {
			t.Fatal(err)
		}
		if err := add(t, s.store, evmClean); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "interdict restore") {
			t.Errorf("an activation on top of the gap: %v", err)
		}
		// The cache is the only copy: it stays as it is.
		if err := s.SaveCache(ctx); err != nil {
			t.Fatal(err)
		}
		if g, _, err := lists.Current(ctx, s.cache); err != nil || g.Number != 2 || len(g.Lists[0].Layers) != 2 {
			t.Fatalf("the cache: %v %v", g.Number, err)
		}
		there := s.store.Store
		s.store.Store = away(t)
		_ = s.Refresh(ctx)
		if got := s.says(evmX, evmClean); got != "(lost)(lost)" || !fault.Is(s.Status().Unready, fault.Lost) {
			t.Errorf("while the store cannot be read: %s, %v", got, s.Status().Unready)
		}
		s.start(t)
		_ = s.Refresh(ctx)
		if got := s.says(evmX, evmY); got != "(lost)(lost)" {
			t.Errorf("after a restart, while the store cannot be read: %s", got)
		}
		s.store.Store = there
	}
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) {
		t.Fatal(err)
	}
	l := loader.New(s.store, unrecorded{}, quiet, t.TempDir(), time.Now)
	out, err := l.Restore(ctx, s.cache, s.Status().Served, "tester", "")
	if err != nil || out.Generation != 3 {
		t.Fatalf("restore: %+v %v", out, err)
	}
	if err := s.Refresh(ctx); err != nil || s.Status().Lost {
		t.Fatalf("after it: %v", err)
	}
	if got := s.says(evmBase, evmX, evmY, evmClean); got != "hhhm" {
		t.Errorf("after it: %s", got)
	}
	// The report of the replica is of before it; that does not stop an activation.
	mustAdd(t, s.store, evmClean)
}

// The strictest action of both sides counts.
func TestTheStricterSideDecides(t *testing.T) {
	s := failOver(t)
	settings, _, err := lists.Read[lists.List](ctx, s.store, lists.DocList("deny"))
	if err != nil {
		t.Fatal(err)
	}
	settings.Policy = lists.Policy{{Action: lists.Review}}
	if _, err := loader.New(s.store, unrecorded{}, quiet, t.TempDir(), time.Now).PutList(ctx, settings, "tester"); err != nil {
		t.Fatal(err)
	}
	_ = s.Refresh(ctx)
	var a screening.Answer
	if err := s.Check(ctx, &screening.Request{Address: evmBase, Direction: lists.Withdrawal}, &a); err != nil || a.Action != lists.Reject || len(a.Matches) != 1 {
		t.Errorf("%v %s %s", err, a.Action, a.JSON)
	}
}

// A server that was killed before its cache followed does not go back to what the cache has.
func TestACacheThatLagsIsNotAnsweredFrom(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	before := copyOf(t, s.dir)
	mustAdd(t, s.store, evmX)
	if err := s.Refresh(ctx); err != nil || s.says(evmX) != "h" {
		t.Fatal(err)
	}
	there := s.store.Store
	s.store.Store = away(t)
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.says(evmBase, evmX); got != "(not loaded)(not loaded)" {
		t.Errorf("the store is away: %s", got)
	}
	s.store.Store = before
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) || s.says(evmX) != "(lost)" || !s.Status().Lost || s.Status().Served.Generation != 2 {
		t.Errorf("the store has lost it: %v, %s", err, s.says(evmX))
	}
	l := loader.New(before, unrecorded{}, quiet, t.TempDir(), time.Now)
	if _, err := l.Restore(ctx, s.cache, s.Status().Served, "tester", ""); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "generation 2") {
		t.Errorf("restore from a cache that lags: %v", err)
	}
	s.store.Store = there
	if err := s.Refresh(ctx); err != nil || s.says(evmBase, evmX) != "hh" {
		t.Errorf("the store is back: %v, %s", err, s.says(evmBase, evmX))
	}
}

// A damaged note of what was served is not taken for none.
func TestADamagedNoteClearsNobody(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.cacheDir, "served")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	there := s.store.Store
	for _, b := range [][]byte{nil, whole[:100], append([]byte("0"), whole[1:]...), append([]byte("x"), whole...)} {
		if string(b) == string(whole) {
			continue
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s.store.Store = away(t)
		s.start(t)
		_ = s.Refresh(ctx)
		if got := s.says(evmX); got != "(not loaded)" {
			t.Errorf("%d bytes: %s", len(b), got)
		}
		s.store.Store = there
		if err := s.Refresh(ctx); err != nil || s.says(evmBase, evmX) != "hm" {
			t.Errorf("with the store: %v %s", err, s.says(evmBase, evmX))
		}
	}
}

// The cache of another store is set aside, and never answered from. A store that was renamed keeps its cache; one that was emptied has lost
// what the cache holds.
func TestACacheBelongsToItsStore(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	one := s.store.Store
	s.store.Store, s.store.name = away(t), "redis two"
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.says(evmBase, evmX); got != "(not loaded)(not loaded)" {
		t.Errorf("another address, and the store is away: %s", got)
	}
	s.store.Store = one
	if err := s.Refresh(ctx); err != nil || s.aside {
		t.Errorf("the same store at another address: %v, set aside: %t", err, s.aside)
	}
	s.store.Store = away(t)
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.says(evmBase, evmX); got != "hm" {
		t.Errorf("its new address is known: %s", got)
	}
	empty := disk(t, t.TempDir())
	s.store.Store = empty
	if err := s.Refresh(ctx); !fault.Is(err, fault.Lost) || s.aside || s.says(evmBase, evmX) != "hm" {
		t.Errorf("the store was emptied: %v, set aside: %t, %s", err, s.aside, s.says(evmBase, evmX))
	}
	another := disk(t, t.TempDir())
	mustAdd(t, another, evmX)
	s.store.Store, s.store.name = another, "redis three"
	s.start(t)
	if err := s.Refresh(ctx); err != nil || !s.aside {
		t.Errorf("another store: %v, set aside: %t", err, s.aside)
	}
	if got := s.says(evmBase, evmX); got != "mh" {
		t.Errorf("another store: %s", got)
	}
}

// While a newer generation cannot be loaded, misses end after a time; hits do not.
func TestANewerGenerationThatCannotBeLoaded(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	if err := errors.Join(s.Refresh(ctx), s.SaveCache(ctx)); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s.store, evmX)
	g, _, err := lists.Current(ctx, s.store)
	if err != nil {
		t.Fatal(err)
	}
	layer := g.Lists[0].Layers[1].ID
	if err := errors.Join(s.store.DropLayer(ctx, layer), s.store.DropBlob(ctx, lists.BlobFilter(layer))); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(ctx); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("refresh: %v", err)
	}
	if st := s.Status(); st.Newest != 2 || st.RefreshError == "" || st.Unready != nil || s.says(evmBase, evmClean) != "hm" {
		t.Errorf("at once: %+v, %s", st, s.says(evmBase, evmClean))
	}
	s.now = s.now.Add(50 * time.Second)
	_ = s.Refresh(ctx)
	s.now = s.now.Add(11 * time.Second)
	if got := s.says(evmBase, evmX, evmClean); got != "h(stale)(stale)" || !fault.Is(s.Status().Unready, fault.Stale) {
		t.Errorf("after a minute: %s, %v", got, s.Status().Unready)
	}
	s.start(t)
	_ = s.Refresh(ctx)
	if got := s.says(evmBase, evmX); got != "h(stale)" {
		t.Errorf("a restart does not start the time again: %s", got)
	}
}
