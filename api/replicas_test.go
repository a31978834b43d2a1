package api_test

import (
	"testing"

	"interdict/api"
	"interdict/lists"
)

// What the store has lost comes back from the replica's own copy, and nothing else does.
func TestRestore(t *testing.T) {
	h := screened(t)
	h.by("root", "POST", "/v1/restore", nil).refused(problem{Status: 409, Code: "conflict"})
	g, _, err := lists.Current(t.Context(), h.store)
	if err != nil {
		t.Fatal(err)
	}
	copyOf := func(g lists.Generation) {
		t.Helper()
		v, err := h.store.Get(t.Context(), lists.DocVersion("ofac-sdn", g.Lists[0].Version))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.cache.Commit(t.Context(), lists.Put(lists.DocHead, lists.Head{Generation: g.Number, ID: g.ID}, lists.AnyRevision),
			lists.Put(lists.DocGeneration(g.Number), g, lists.AnyRevision), lists.Change{Key: v.Key, Value: v.Value, Expect: lists.AnyRevision}); err != nil {
			t.Fatal(err)
		}
	}
	copyOf(g)
	nothing := h.by("root", "POST", "/v1/restore", map[string]any{"reason": "to be sure"}).want(200)
	same(t, "nothing is lost", map[string]any{"generation": 0.0, "lost": float64(g.Number), "lists": []any{}, "layers": 0.0, "notes": []any{}}, nothing)

	newer := g
	newer.Number, newer.ID, newer.Parent = g.Number+1, "0190a6e0-0000-7000-8000-000000000001", g.ID
	copyOf(newer)
	got := h.by("root", "POST", "/v1/restore", nil).want(200)
	same(t, "a generation that descends from both", float64(newer.Number+1), got["generation"].(float64))
	same(t, "it is served", float64(newer.Number+1), h.generation().(float64))
	same(t, "as before", any("hit"), h.resultOf(lazarus))
}

func TestRestoreNeedsACache(t *testing.T) {
	h := open(t, func(o *api.Options) { o.Cache = func() lists.Store { return nil } })
	h.by("root", "POST", "/v1/restore", nil).refused(problem{Status: 409, Code: "conflict"})
}
