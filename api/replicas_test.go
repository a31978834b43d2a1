package api_test

import (
	"fmt"
	"strings"
	"testing"

	"interdict/api"
	"interdict/lists"
	"interdict/lists/fault"
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

// A server that has served a generation which the store has lost answers from both sides, says so everywhere, and is the one to restore from.
func TestALostReplica(t *testing.T) {
	h := screened(t)
	g, _, err := lists.Current(t.Context(), h.store)
	if err != nil {
		t.Fatal(err)
	}
	lost := lists.Replica{ID: "r9", Generation: g.Number, GenerationID: "0190a6e0-0000-7000-8000-000000000009", Lost: true, Seen: h.clock.now()}
	if err := h.store.Commit(t.Context(), lists.Put(lists.DocReplica(lost.ID), lost, lists.AnyRevision)); err != nil {
		t.Fatal(err)
	}
	all := h.by("otto", "GET", "/v1/replicas", nil).want(200)
	same(t, "replicas", []any{1.0, true}, []any{all["lost"], all["replicas"].([]any)[0].(map[string]any)["lost"]})
	// This one does not have what r9 serves: it reports no miss, and no item of a batch is one.
	if err := h.screener.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "a hit", any("hit"), h.resultOf(lazarus))
	h.by("till", "POST", "/v1/check", map[string]any{"address": genesis, "direction": "deposit"}).refused(problem{Status: 503, Code: "lost"})
	items := h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{map[string]any{"address": genesis, "direction": "deposit"}, map[string]any{"address": lazarus, "direction": "deposit"}}}).want(200)["results"].([]any)
	same(t, "items of a batch", []any{"error", "lost", "hit"}, []any{items[0].(map[string]any)["result"], items[0].(map[string]any)["error"].(map[string]any)["code"], items[1].(map[string]any)["result"]})
	h.by("", "GET", "/readyz", nil).want(503)

	if err := h.screener.SaveCache(t.Context()); err != nil {
		t.Fatal(err)
	}
	version, err := h.store.Get(t.Context(), lists.DocVersion("ofac-sdn", g.Lists[0].Version))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cache.Commit(t.Context(), lists.Put(lists.DocHead, g.Head(), lists.AnyRevision), lists.Put(lists.DocGeneration(g.Number), g, lists.AnyRevision),
		lists.Change{Key: version.Key, Value: version.Value, Expect: lists.AnyRevision}); err != nil {
		t.Fatal(err)
	}
	p := h.by("root", "POST", "/v1/restore", nil).refused(problem{Status: 409, Code: "conflict"})
	if !strings.Contains(fmt.Sprint(p), "r9") {
		t.Errorf("it does not name the replica: %v", p)
	}
	// Now it is this one: the store loses its generation.
	if err := h.store.Commit(t.Context(), lists.Change{Key: lists.DocHead, Expect: lists.AnyRevision}, lists.Change{Key: lists.DocReplica("r9"), Expect: lists.AnyRevision}); err != nil {
		t.Fatal(err)
	}
	if err := h.screener.Refresh(t.Context()); !fault.Is(err, fault.Lost) {
		t.Fatal(err)
	}
	got := h.by("till", "POST", "/v1/check", checkOf(lazarus, "")).want(200)
	same(t, "screened", []any{1.0, true, 0.0}, []any{got["screened"].(map[string]any)["generation"], got["screened"].(map[string]any)["lost"], got["screened"].(map[string]any)["store_generation"]})
	ready := h.by("", "GET", "/readyz", nil).want(200)
	if !strings.Contains(fmt.Sprint(ready), "interdict restore") {
		t.Errorf("ready: %v", ready)
	}
}
