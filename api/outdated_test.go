package api_test

import (
	"fmt"
	"strings"
	"testing"

	"interdict/lists"
)

// altered makes a further generation of the current one, as an older program could have left it.
func (h *house) altered(change func(*lists.Generation)) {
	h.t.Helper()
	ctx := h.t.Context()
	g, head, err := lists.Current(ctx, h.store)
	if err != nil {
		h.t.Fatal(err)
	}
	change(&g)
	g.Number++
	g.ID, g.Parent = fmt.Sprint("altered-", g.Number), g.ID
	err = h.store.Commit(ctx, lists.Put(lists.DocGeneration(g.Number), g, 0), lists.Put(lists.DocHead, lists.Head{Generation: g.Number, ID: g.ID}, head))
	if err == nil {
		err = h.screener.Refresh(ctx)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// readiness returns a check of the readiness probe, which must say ready; nil when it is not there.
func (h *house) readiness(name string) map[string]any {
	h.t.Helper()
	for _, c := range h.by("", "GET", "/readyz", nil).want(200)["checks"].([]any) {
		if c := c.(map[string]any); c["name"] == name {
			return c
		}
	}
	return nil
}

func TestReadinessWarnsOfOlderIdentityRules(t *testing.T) {
	h := screened(t)
	same(t, "as long as all is new", map[string]any(nil), h.readiness("rules"))
	h.altered(func(g *lists.Generation) { g.Lists[0].Layers[0].Rules = 1 })
	got := h.readiness("rules")
	if got["status"] != "warn" || !strings.Contains(fmt.Sprint(got["detail"]), "ofac-sdn") {
		t.Errorf("readiness says %v", got)
	}
}

func TestReadinessWarnsOfSuppressionsThatCoverNothing(t *testing.T) {
	h := screened(t)
	id := h.exception("dora", "ofac-sdn", lazarus).want(202)["id"].(string)
	s := h.by("ben", "POST", "/v1/lists/ofac-sdn/suppressions/"+id+"/approve", nil).want(200)
	same(t, "listings it is for", any(1.0), s["listings"])
	same(t, "as long as it is bound", map[string]any(nil), h.readiness("suppressions"))
	h.altered(func(g *lists.Generation) { g.Lists[0].Suppressions[0].Listings = nil })
	same(t, "bound to nothing", any("hit"), h.checked(lazarus)["result"])
	got := h.readiness("suppressions")
	if got["status"] != "warn" || !strings.Contains(fmt.Sprint(got["detail"]), id) {
		t.Errorf("readiness says %v", got)
	}
}

func TestABatchSurvivesAnAddressThatIsListedOften(t *testing.T) {
	h := open(t)
	var rows strings.Builder
	for i := range 2500 {
		rows.WriteString(row(lazarus, fmt.Sprintf("Entity number %d %s", i, strings.Repeat("n", 300))))
	}
	h.publish("big", map[string]any{"approvals": 0, "category": "sanctions"}, rows.String())
	got := h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(genesis, ""), checkOf(lazarus, ""), checkOf(p2pkh, "")}}).want(200)["results"].([]any)
	for i, want := range []string{"miss", "hit", "miss"} {
		same(t, fmt.Sprint("item ", i), any(want), got[i].(map[string]any)["result"])
	}
	a := got[1].(map[string]any)
	same(t, "total", any(2500.0), a["matches_total"])
	same(t, "told", 100, len(a["matches"].([]any)))
	same(t, "action", any("reject"), a["action"])
}
