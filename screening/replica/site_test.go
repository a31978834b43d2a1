package replica_test

import (
	"context"
	"fmt"
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
	"interdict/screening/journal"
	"interdict/screening/replica"
)

var ctx = context.Background()

// quiet drops the log.
var quiet = slog.New(slog.DiscardHandler)

// noJournal records nothing.
type noJournal struct{}

func (noJournal) AppendBatch([]journal.Entry, bool) error { return nil }

// noMetrics counts nothing.
type noMetrics struct{}

func (noMetrics) Checked(*screening.Answer) {}
func (noMetrics) Refused(string)            {}
func (noMetrics) FilterPositive(bool)       {}

// noRecorder is a loader.Recorder that records nothing.
type noRecorder struct{}

func (noRecorder) Record(lists.Event) error { return nil }

func newLoader(t *testing.T, store lists.Store) *loader.Loader {
	t.Helper()
	return loader.New(store, noRecorder{}, quiet, t.TempDir(), time.Now)
}

// remote is a store that can be replaced by another one.
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

// away returns a store that cannot be read.
func away(t *testing.T) lists.Store {
	t.Helper()
	s := disk(t, t.TempDir())
	s.Close()
	return s
}

// site is a store with one replica that has a cache.
type site struct {
	dir, cacheDir string
	store         *remote
	*screening.Screener
	cache  lists.Store
	served *replica.ServedFile
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

// start starts a replica with the cache of the last one.
func (s *site) start(t *testing.T) {
	t.Helper()
	if s.cache != nil {
		s.cache.Close()
		s.served.Close()
	}
	s.cache = disk(t, s.cacheDir)
	var err error
	if s.served, err = replica.OpenServed(filepath.Join(s.cacheDir, "served")); err != nil {
		t.Fatal(err)
	}
	local := replica.Local{Cache: s.cache, Served: s.served, ResidentBytes: 1 << 20, MaxLag: time.Minute,
		SetAside: func() (lists.Store, *replica.ServedFile, error) {
			s.aside = true
			dir := t.TempDir()
			served, err := replica.OpenServed(filepath.Join(dir, "served"))
			return disk(t, dir), served, err
		}}
	s.Screener = screening.NewReplica(s.store, local, noJournal{}, noMetrics{}, quiet, func() time.Time { return s.now })
}

// add activates a version of list deny with further addresses.
func add(t *testing.T, store lists.Store, addresses ...string) error {
	t.Helper()
	l := newLoader(t, store)
	text := ""
	for _, a := range addresses {
		text += fmt.Sprintf("{\"address\":%q,\"network\":\"ethereum\"}\n", a)
	}
	settings := lists.NewList("deny", time.Now())
	settings.Approvals, settings.Category = 0, lists.Sanctions
	v, err := l.Stage(ctx, "deny", []loader.Upload{{Name: "deny.ndjson", Body: strings.NewReader(text)}},
		loader.StageOptions{Format: "ndjson", Mode: lists.Add, By: lists.Person("tester"), Create: settings})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("tester"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "test"})
	return err
}

func mustAdd(t *testing.T, store lists.Store, addresses ...string) {
	t.Helper()
	if err := add(t, store, addresses...); err != nil {
		t.Fatal(err)
	}
}

// copyOf returns a copy of the store in dir.
func copyOf(t *testing.T, dir string) lists.Store {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return disk(t, to)
}

// check checks addresses and returns, for each, h for a hit, m for a miss, or the kind of the error.
func (s *site) check(addresses ...string) (out string) {
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

// failOver makes a site whose store has lost the generation that the replica serves (X), and has activated another one (Y).
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
