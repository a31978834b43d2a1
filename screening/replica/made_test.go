package replica_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
)

// A failover can also lose what people made and no generation names. It comes back from the cache, although the cache was brought up to date after
// the loss.
func TestWhatPeopleMadeComesBack(t *testing.T) {
	s := newSite(t)
	mustAdd(t, s.store, evmBase)
	before := copyOf(t, s.dir)
	keys := []string{lists.DocKey("k"), lists.DocAccount("a"), lists.DocSuppression("deny", "s"), lists.DocProposal("p"), lists.DocHold("h"), lists.DocWebhook("w"),
		lists.DocCases + "open", lists.DocCases + "closed"}
	for _, key := range keys {
		if err := s.store.Commit(ctx, lists.Change{Key: key, Value: []byte(`{"id":"x"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	upToDate := func() {
		t.Helper()
		if err := s.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveCache(ctx); err != nil {
			t.Fatal(err)
		}
	}
	upToDate()
	s.store.Store = before
	if err := s.store.Commit(ctx, lists.Change{Key: lists.DocClosedCases + "closed", Value: []byte(`{"id":"x"}`)}); err != nil {
		t.Fatal(err)
	}
	upToDate()
	out, err := newLoader(t, s.store).Restore(ctx, s.cache, s.Status().Served, "tester", "")
	if err != nil {
		t.Fatal(err)
	}
	want := &lists.Restored{Lost: 1, Lists: []string{}, Notes: []string{`put back: 1 of the kind "apikey"`, `put back: 1 of the kind "account"`, `put back: 1 of the kind "suppression"`,
		`put back: 1 of the kind "proposal"`, `put back: 1 of the kind "hold"`, `put back: 1 of the kind "webhook"`,
		"look at the webhooks: one that was deleted since the cache was written is there again", `put back: 1 of the kind "case"`}}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	for _, key := range keys[:len(keys)-1] {
		if _, err := s.store.Get(ctx, key); err != nil {
			t.Error(err)
		}
	}
	upToDate()
	if err := s.store.Commit(ctx, lists.Change{Key: lists.DocWebhook("w"), Expect: lists.AnyRevision}); err != nil {
		t.Fatal(err)
	}
	upToDate()
	if again, err := newLoader(t, s.store).Restore(ctx, s.cache, s.Status().Served, "tester", ""); err != nil || len(again.Notes) > 0 {
		t.Errorf("a webhook that a person deleted: %+v, %v", again, err)
	}
}
