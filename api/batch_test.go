package api_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestBatchKeepsItsOrder(t *testing.T) {
	h := screened(t)
	items := []any{
		checkOf(genesis, "bitcoin"),
		checkOf(lazarus, "ethereum"),
		checkOf(genesis[:33]+"b", "bitcoin"),
		map[string]any{"address": genesis, "direction": "deposit", "netwrok": "bitcoin"},
		map[string]any{"address": lazarus, "direction": "deposit"},
		"not even an object",
		nil,
		map[string]any{"address": genesis},
		checkOf(genesis, "nosuch"),
		checkOf(p2wpkh, "bitcoin"),
	}
	got := h.do(call{method: "POST", path: "/v1/checks", key: h.keyOf["till"], body: map[string]any{"checks": items}, wrong: true}).want(200)["results"].([]any)
	told := []any{}
	for _, r := range got {
		m := r.(map[string]any)
		if m["error"] != nil {
			told = append(told, only(m["error"], "status", "code", "reason"))
			continue
		}
		told = append(told, []any{m["result"], m["action"], m["address"].(map[string]any)["input"]})
	}
	same(t, "one result for each item, in its place", []any{
		[]any{"miss", "allow", genesis},
		[]any{"hit", "reject", lazarus},
		map[string]any{"status": 422.0, "code": "invalid_address", "reason": "bad_checksum"},
		map[string]any{"status": 400.0, "code": "invalid_request"},
		[]any{"hit", "freeze", lazarus},
		map[string]any{"status": 400.0, "code": "invalid_request"},
		map[string]any{"status": 400.0, "code": "invalid_request"},
		map[string]any{"status": 400.0, "code": "invalid_request"},
		map[string]any{"status": 422.0, "code": "unsupported_network"},
		[]any{"hit", "review", p2wpkh},
	}, told)
	single := h.by("till", "POST", "/v1/check", items[1]).want(200)
	same(t, "an item's answer is that of a single check", settled(t, single), settled(t, got[1].(map[string]any)))
	ids := map[any]bool{}
	for _, i := range []int{0, 1, 4, 9} {
		ids[got[i].(map[string]any)["check_id"]] = true
	}
	same(t, "every answer has its own id", 4, len(ids))
	same(t, "nothing asked, nothing answered", []any{}, h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{}}).want(200)["results"].([]any))
}

// A thousand items are answered, each as it would be alone; one more and none is.
func TestBatchOfAThousand(t *testing.T) {
	h := screened(t)
	r := rand.New(rand.NewPCG(7, 9))
	items, want := []any{}, []any{}
	for i := range 1000 {
		switch r.IntN(4) {
		case 0:
			items, want = append(items, map[string]any{"address": lazarus, "direction": "deposit", "reference": fmt.Sprint(i)}), append(want, "freeze")
		case 1:
			items, want = append(items, checkOf("0x123", "ethereum")), append(want, "bad_length")
		case 2:
			items, want = append(items, map[string]any{"address": lazarus}), append(want, nil)
		default:
			items, want = append(items, checkOf(evm(i), "ethereum")), append(want, "allow")
		}
	}
	before := len(h.records())
	got := []any{}
	for _, x := range h.do(call{method: "POST", path: "/v1/checks", key: h.keyOf["till"], body: map[string]any{"checks": items}, wrong: true}).want(200)["results"].([]any) {
		m := x.(map[string]any)
		if e, ok := m["error"].(map[string]any); ok {
			got = append(got, e["reason"])
			continue
		}
		got = append(got, m["action"])
	}
	same(t, "results", want, got)
	decided := 0
	for _, w := range want {
		if w != nil {
			decided++ // what is no check is no decision
		}
	}
	same(t, "records in the journal", decided, len(h.records())-before)
	before = len(h.records())
	h.by("till", "POST", "/v1/checks", map[string]any{"checks": append(items, checkOf(genesis, ""))}).
		refused(problem{Status: 400, Code: "invalid_request", Detail: "field checks has more than 1000 items"})
	same(t, "records in the journal", before, len(h.records()))
}
