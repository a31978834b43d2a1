package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

var forbidden, conflicting = problem{Status: 403, Code: "forbidden"}, problem{Status: 409, Code: "conflict"}

// strict are settings of which every one can be made weaker.
var strict = map[string]any{"category": "sanctions", "confidence": "confirmed", "max_age": "24h0m0s", "on_stale": "stop", "approvals": 2,
	"max_shrink": 0.1, "max_growth": 2, "max_quarantined": 0.1, "source": map[string]any{"url": "https://example.org/a.csv", "format": "csv", "every": "6h"},
	"policy": []any{map[string]any{"class": "same_key", "action": "reject"}}}

// strictHouse has an active list of which every setting can be made weaker. Its people are root (admin), ben and cleo (approvers), ana (analyst),
// and dora (analyst and approver).
func strictHouse(t *testing.T, settings ...func(*api.Options)) *house {
	h := open(t, settings...)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{}).want(201)
	for n, rows := range []string{row(evm(1), "E"), row(evm(1), "E") + row(lazarus, "E")} {
		h.upload("ana", "deny", rows, "")
		path := fmt.Sprintf("/v1/lists/deny/versions/%d/", n+1)
		h.by("ben", "POST", path+"approve", nil).want(200)
		h.by("ben", "POST", path+"activate", nil).want(200)
	}
	set := maps.Clone(strict)
	delete(set, "source")
	h.by("root", "PUT", "/v1/lists/deny", set).want(200)
	p := h.by("root", "PUT", "/v1/lists/deny", map[string]any{"source": strict["source"]}).want(202)
	h.by("ben", "POST", proposalPath(p)+"/approve", nil).want(200)
	return h
}

func proposalPath(proposed map[string]any) string {
	return "/v1/proposals/" + proposed["proposal"].(map[string]any)["id"].(string)
}

// weakenings is every call that one person could weaken the screening with.
func weakenings(h *house) map[string]func() *answer {
	put := func(settings map[string]any) func() *answer {
		return func() *answer { return h.by("root", "PUT", "/v1/lists/deny", settings) }
	}
	out := map[string]func() *answer{
		"retire":   func() *answer { return h.by("dora", "POST", "/v1/lists/deny/retire", map[string]any{"reason": "r"}) },
		"rollback": func() *answer { return h.by("dora", "POST", "/v1/lists/deny/rollback", map[string]any{"reason": "r"}) },
		"an older version": func() *answer {
			return h.by("dora", "POST", "/v1/lists/deny/versions/1/activate", map[string]any{"override": "r"})
		},
		"suppression": func() *answer { return h.exception("dora", "deny", lazarus) },
		"an approver": func() *answer {
			return h.by("root", "POST", "/v1/keys", map[string]any{"name": "mallory", "roles": []string{"approver"}})
		},
		"an administrator": func() *answer {
			return h.by("root", "POST", "/v1/keys", map[string]any{"name": "mallory", "roles": []string{"checker", "admin"}})
		},
		"another approver's key": func() *answer {
			return h.by("root", "POST", "/v1/keys/"+h.idOf("ben")+"/rotate", map[string]any{"overlap": "1h"})
		},
		"several at once, with a stricter one": put(map[string]any{"approvals": 1, "on_stale": "warn", "keep": 12}),
		"no source":                            put(map[string]any{"source": map[string]any{}}),
		"a policy that lets one class through": put(map[string]any{"policy": []any{map[string]any{"class": "contains", "action": "allow"}}}),
		"no policy":                            put(map[string]any{"policy": []any{}}),
		"a source that is asked less often":    put(map[string]any{"source": map[string]any{"url": "https://example.org/a.csv", "format": "csv", "every": "7h"}}),
		"no maximum age":                       put(map[string]any{"max_age": ""}),
	}
	for name, value := range map[string]any{"category": "other", "confidence": "suspected", "max_age": "25h", "on_stale": "warn", "approvals": 1,
		"max_shrink": 0.2, "max_growth": 3, "max_quarantined": 0.2, "source": map[string]any{"url": "https://example.org/b.csv", "format": "csv", "every": "6h"},
		"policy": []any{map[string]any{"action": "allow"}}} {
		out["setting "+name] = put(map[string]any{name: value})
	}
	return out
}

func (h *house) idOf(name string) string {
	h.t.Helper()
	for _, k := range h.by("root", "GET", "/v1/keys", nil).want(200)["keys"].([]any) {
		if k.(map[string]any)["name"] == name {
			return k.(map[string]any)["id"].(string)
		}
	}
	h.t.Fatal("no key " + name)
	return ""
}

// screening is everything that decides what is let through.
func (h *house) screening() map[string]any {
	keys := h.by("root", "GET", "/v1/keys", nil).want(200)["keys"].([]any)
	for _, k := range keys {
		delete(k.(map[string]any), "last_used")
	}
	var result any
	if a := h.by("till", "POST", "/v1/check", checkOf(lazarus, "")); a.status == http.StatusOK {
		result = a.want(200)["result"]
	}
	return map[string]any{"list": without(h.by("otto", "GET", "/v1/lists/deny", nil).want(200), "age_seconds", "fresh_at", "updated_at"), "keys": keys, "result": result, "generation": h.by("otto", "GET", "/v1/generations?limit=1", nil).want(200)["total"]}
}

// No single person weakens the screening: the call makes a proposal, nothing else changes, its author cannot approve it, and another person
// can. The change and the decision are one.
func TestNoOneWeakensTheScreeningAlone(t *testing.T) {
	names := slices.Sorted(maps.Keys(weakenings(&house{})))
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			h := strictHouse(t)
			before := h.screening()
			a := weakenings(h)[name]()
			waits := a.want(202)
			path, by := proposalPath(waits), waits["proposal"].(map[string]any)["by"].(string)
			same(t, "state", any("open"), waits["proposal"].(map[string]any)["state"])
			if diff := cmp.Diff(before, h.screening()); diff != "" {
				t.Fatalf("one person has changed this:\n%s", diff)
			}
			h.by(by, "POST", path+"/approve", nil).refused(forbidden)
			h.by("ana", "POST", path+"/approve", nil).refused(forbidden)
			if diff := cmp.Diff(before, h.screening()); diff != "" {
				t.Fatalf("the author has changed this:\n%s", diff)
			}
			h.by("cleo", "POST", path+"/approve", map[string]any{"reason": "agreed"}).want(200)
			if cmp.Diff(before, h.screening()) == "" && !strings.Contains(name, "another approver") {
				t.Error("the approved change was not made")
			}
			h.by("ben", "POST", path+"/approve", nil).refused(conflicting)
		})
	}
}

// Every setting of a list is either weakened in the table above or cannot weaken anything.
func TestEverySettingIsClassified(t *testing.T) {
	harmless := []string{"name", "authority", "keep", "mandatory", "reason"} // mandatory has a test of its own: such a list cannot be retired
	fields := reflect.TypeFor[client.ListSettings]()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		if _, known := strict[name]; !known && !slices.Contains(harmless, name) {
			t.Errorf("nothing says whether %s can weaken the screening", name)
		}
	}
}

func TestAMandatoryList(t *testing.T) {
	h := strictHouse(t)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"mandatory": true}).want(200)
	h.by("dora", "POST", "/v1/lists/deny/retire", map[string]any{"reason": "r"}).refused(conflicting)
	h.exception("dora", "deny", lazarus).refused(conflicting)
	off := h.by("root", "PUT", "/v1/lists/deny", map[string]any{"mandatory": false, "reason": "mistake"}).want(202)
	same(t, "weaker", any([]any{"mandatory"}), off["proposal"].(map[string]any)["weaker"])
	h.by("root", "POST", proposalPath(off)+"/approve", nil).refused(forbidden)
	h.by("root", "POST", proposalPath(off)+"/reject", nil).want(200)
	h.by("ben", "POST", proposalPath(off)+"/approve", nil).refused(conflicting) // withdrawn
	h.by("dora", "POST", "/v1/lists/deny/retire", map[string]any{"reason": "r"}).refused(conflicting)
}

// newKey makes a key with the approval of two people.
func (h *house) newKey(settings map[string]any) {
	h.t.Helper()
	a := h.by("root", "POST", "/v1/keys", settings)
	made := a.want(a.status)
	if a.status == http.StatusAccepted {
		h.by("cleo", "POST", proposalPath(made)+"/approve", nil).want(200)
	}
	h.keyOf[settings["name"].(string)] = made["key"].(string)
}

// The ways round the second person that people have tried.
func TestWaysRoundTheSecondPerson(t *testing.T) {
	retire := map[string]any{"reason": "r"}
	t.Run("another key of the same person, names folded", func(t *testing.T) {
		h := strictHouse(t)
		for i, person := range []string{"dora", "DORA", " Dora ", "\uff24ora"} {
			name := fmt.Sprintf("other-%d", i)
			h.newKey(map[string]any{"name": name, "person": person, "roles": []string{"approver"}})
			path := proposalPath(h.by("dora", "POST", "/v1/lists/deny/retire", retire).want(202))
			h.by(name, "POST", path+"/approve", nil).refused(forbidden)
			h.upload("dora", "deny", row(evm(1), "E"), "")
			h.by(name, "POST", fmt.Sprintf("/v1/lists/deny/versions/%d/approve", i+3), nil).refused(forbidden)
		}
	})
	t.Run("a person of one's own making", func(t *testing.T) {
		h := strictHouse(t)
		h.newKey(map[string]any{"name": "alan", "roles": []string{"admin"}})
		h.keyOf["sock"] = h.by("alan", "POST", "/v1/keys", map[string]any{"name": "sock", "roles": []string{"analyst"}}).want(201)["key"].(string)
		h.upload("sock", "deny", row(evm(1), "E"), "")
		h.by("alan", "POST", "/v1/lists/deny/versions/3/approve", nil).refused(forbidden)
		h.by("ben", "POST", "/v1/lists/deny/versions/3/approve", nil).want(200)
		x := proposalPath(h.exception("sock", "deny", lazarus).want(202))
		h.by("alan", "POST", x+"/approve", nil).refused(forbidden)
		// The text of another's key.
		rotated := h.by("alan", "POST", "/v1/keys/"+h.idOf("ana")+"/rotate", nil).want(200)
		h.keyOf["as ana"] = rotated["key"].(string)
		h.upload("as ana", "deny", row(evm(1), "E")+row(evm(2), "E"), "")
		h.by("alan", "POST", "/v1/lists/deny/versions/4/approve", nil).refused(forbidden)
	})
	t.Run("upload by the source", func(t *testing.T) {
		h := strictHouse(t)
		h.newKey(map[string]any{"name": "alan", "roles": []string{"admin"}})
		if _, err := h.loader.Stage(t.Context(), "deny", uploads(row(evm(1), "E")), stagedFrom("alan")); err != nil {
			t.Fatal(err)
		}
		h.by("alan", "POST", "/v1/lists/deny/versions/3/approve", nil).refused(forbidden)
		h.by("ben", "POST", "/v1/lists/deny/versions/3/approve", nil).want(200)
		same(t, "the source's author is known", any("root"), h.by("otto", "GET", "/v1/lists/deny", nil).want(200)["source"].(map[string]any)["by"])
	})
	t.Run("retire and load anew", func(t *testing.T) {
		h := strictHouse(t)
		h.by("cleo", "POST", proposalPath(h.by("dora", "POST", "/v1/lists/deny/retire", retire).want(202))+"/approve", nil).want(200)
		v := h.upload("dora", "deny", row(evm(1), "E"), "")
		if len(v["guards"].([]any)) == 0 {
			t.Error("half of the list is gone, and no guard says so")
		}
		h.by("dora", "POST", "/v1/lists/deny/versions/3/activate", map[string]any{"override": "r"}).refused(forbidden)
		h.by("dora", "POST", "/v1/lists/deny/versions/3/approve", nil).refused(forbidden)
		h.by("root", "DELETE", "/v1/lists/deny", nil).refused(conflicting)
	})
	t.Run("settings and back", func(t *testing.T) {
		h := strictHouse(t)
		// A stricter value is set alone; the way back is a proposal.
		h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 3}).want(200)
		h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 2}).want(202)
		// What a proposal was made on has changed: it lapses.
		p := h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 1}).want(202)
		h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 5}).want(200)
		h.by("ben", "POST", proposalPath(p)+"/approve", nil).refused(conflicting)
		same(t, "approvals", any(5.0), h.by("otto", "GET", "/v1/lists/deny", nil).want(200)["approvals"])
	})
	t.Run("the uploader goes past a guard", func(t *testing.T) {
		h := strictHouse(t)
		h.upload("dora", "deny", row(evm(7), "E"), "")
		for _, name := range []string{"ben", "cleo"} {
			h.by(name, "POST", "/v1/lists/deny/versions/3/approve", nil).want(200)
		}
		h.by("dora", "POST", "/v1/lists/deny/versions/3/activate", map[string]any{"override": "mine"}).refused(forbidden)
		h.by("ben", "POST", "/v1/lists/deny/versions/3/activate", map[string]any{"override": "seen"}).want(200)
	})
	t.Run("a key that has been revoked since", func(t *testing.T) {
		h := strictHouse(t)
		h.upload("ana", "deny", row(evm(1), "E")+row(lazarus, "E")+row(evm(2), "E"), "")
		h.by("ben", "POST", "/v1/lists/deny/versions/3/approve", nil).want(200)
		h.by("cleo", "POST", "/v1/lists/deny/versions/3/approve", nil).want(200)
		own := proposalPath(h.by("ben", "POST", "/v1/lists/deny/retire", retire).want(202))
		h.by("root", "DELETE", "/v1/keys/"+h.idOf("ben"), nil).want(204)
		p := h.by("cleo", "POST", "/v1/lists/deny/versions/3/activate", nil).refused(conflicting)
		if !strings.Contains(p.Detail, "1 of 2 approvals") || !strings.Contains(p.Detail, "ben") {
			t.Error(p.Detail)
		}
		h.by("cleo", "POST", own+"/approve", nil).refused(conflicting)
		h.by("max", "POST", "/v1/lists/deny/versions/3/approve", nil).want(200)
		h.by("cleo", "POST", "/v1/lists/deny/versions/3/activate", nil).want(200)
	})
	t.Run("a proposal that is too old", func(t *testing.T) {
		h := strictHouse(t)
		path := proposalPath(h.by("dora", "POST", "/v1/lists/deny/retire", retire).want(202))
		h.clock.advance(lists.ProposalTTL)
		h.by("ben", "POST", path+"/approve", nil).refused(conflicting)
		same(t, "state", any("expired"), h.by("ben", "GET", path, nil).want(200)["state"])
	})
	t.Run("the approvers are revoked until setup comes back", func(t *testing.T) {
		h := strictHouse(t)
		for _, name := range []string{"ben", "cleo", "dora", "max"} {
			h.by("root", "DELETE", "/v1/keys/"+h.idOf(name), nil).want(204)
		}
		h.by("root", "POST", "/v1/keys", map[string]any{"name": "mallory", "roles": []string{"approver"}}).want(202)
	})
	t.Run("a key limited to other lists", func(t *testing.T) {
		h := strictHouse(t)
		h.newKey(map[string]any{"name": "partner", "roles": []string{"admin"}, "lists": []string{"partner-*"}})
		for _, r := range [][2]string{{"PUT", "/v1/lists/deny"}, {"POST", "/v1/lists/deny/retire"}, {"GET", "/v1/lists/deny"}, {"POST", "/v1/keys"}, {"GET", "/v1/keys"}, {"POST", "/v1/restore"}} {
			h.do(call{method: r[0], path: r[1], key: h.keyOf["partner"], wrong: true}).refused(forbidden)
		}
		same(t, "its lists", 0, len(h.by("partner", "GET", "/v1/lists", nil).want(200)["lists"].([]any)))
		path := proposalPath(h.by("dora", "POST", "/v1/lists/deny/retire", retire).want(202))
		h.by("partner", "POST", path+"/approve", nil).refused(problem{Status: 404, Code: "not_found"})
		h.by("partner", "PUT", "/v1/lists/partner-a", nil).want(201)
		same(t, "and yet it screens against all", any("hit"), h.by("partner", "POST", "/v1/check", checkOf(lazarus, "")).want(200)["result"])
	})
}

// Two people approve a proposal at the same time, others end it: one of them decides.
func TestOneDecisionForAProposal(t *testing.T) {
	h := strictHouse(t)
	for range 20 {
		path := proposalPath(h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 1}).want(202))
		before := h.generation().(float64)
		var wg sync.WaitGroup
		status := make([]int, 6)
		for i, name := range []string{"ben", "cleo", "max", "ben", "root", "cleo"} {
			verb := []string{"/approve", "/approve", "/approve", "/approve", "/reject", "/reject"}[i]
			wg.Go(func() { status[i] = h.by(name, "POST", path+verb, nil).status })
		}
		wg.Wait()
		done := 0
		for _, s := range status {
			switch s {
			case 200:
				done++
			case 409:
			default:
				t.Fatalf("%v", status)
			}
		}
		if done != 1 {
			t.Fatalf("%d decisions on one proposal: %v", done, status)
		}
		if h.by("otto", "GET", path, nil).want(200)["state"] == "approved" {
			same(t, "one generation", before+1, h.generation().(float64))
			h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 2}).want(200)
		}
	}
}

// While fewer than two people can approve, an administrator makes the first ones alone.
func TestSetupIsNoDeadlock(t *testing.T) {
	h := open(t, func(o *api.Options) {
		store := newStore(t)
		o.Store, o.Keys = store, bootstrapped(t, store)
	})
	h.keyOf = map[string]string{"root": bootstrapKey}
	setup := func() any {
		for _, x := range h.do(call{method: "GET", path: "/readyz"}).want(503)["checks"].([]any) { // nothing is loaded
			if c := x.(map[string]any); c["name"] == "setup" {
				return c["status"]
			}
		}
		return nil
	}
	same(t, "setup", any("warn"), setup())
	for _, name := range []string{"ann", "bob"} {
		made := h.by("root", "POST", "/v1/keys", map[string]any{"name": name, "roles": []string{"approver"}}).want(201)
		same(t, name+" is made in setup", any(true), made["setup"])
		h.keyOf[name] = made["key"].(string)
	}
	same(t, "setup", any(nil), setup())
	third := h.by("root", "POST", "/v1/keys", map[string]any{"name": "carl", "roles": []string{"admin"}}).want(202)
	h.do(call{method: "GET", path: "/v1/lists", key: third["key"].(string)}).refused(problem{Status: 401, Code: "unauthorized"})
	h.by("ann", "POST", proposalPath(third)+"/approve", nil).want(200) // there is no other administrator yet
	h.do(call{method: "GET", path: "/v1/lists", key: third["key"].(string)}).want(200)
	fourth := h.by("root", "POST", "/v1/keys", map[string]any{"name": "dan", "roles": []string{"approver"}}).want(202)
	h.by("ann", "POST", proposalPath(fourth)+"/approve", nil).refused(forbidden) // now there is
	h.do(call{method: "POST", path: proposalPath(fourth) + "/approve", key: third["key"].(string)}).want(200)
	h.by("root", "DELETE", "/v1/keys/bootstrap", nil).want(204)
	h.do(call{method: "DELETE", path: "/v1/keys/" + third["proposal"].(map[string]any)["subject"].(string), key: third["key"].(string)}).refused(conflicting)
}

// Two administrators change different settings of one list at the same time: no change is lost.
func TestChangesOfDifferentFieldsBothSurvive(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/l", map[string]any{}).want(201)
	for i := range 100 {
		id := "l"
		if i%2 == 1 { // an active list, whose settings are part of the generation
			id = "ofac-sdn"
			if i == 1 {
				h.publish(id, sdn, sdnRows)
			}
		}
		name, keep := fmt.Sprintf("n%d", i), float64(11+i)
		var wg sync.WaitGroup
		for _, body := range []map[string]any{{"keep": keep}, {"name": name}} {
			wg.Go(func() { h.by("root", "PUT", "/v1/lists/"+id, body).want(200) })
		}
		wg.Wait()
		got := h.by("otto", "GET", "/v1/lists/"+id, nil).want(200)
		if got["name"] != name || got["keep"] != keep {
			t.Fatalf("round %d: %v %v", i, got["name"], got["keep"])
		}
	}
}

func TestIfMatch(t *testing.T) {
	h := open(t)
	put := func(header, value string, body map[string]any) *answer {
		return h.do(call{method: "PUT", path: "/v1/lists/l", key: h.keyOf["root"], body: body, header: http.Header{header: {value}}})
	}
	failed := problem{Status: 412, Code: "precondition_failed"}
	put("If-Match", "*", map[string]any{}).refused(failed)
	put("If-None-Match", "*", map[string]any{}).want(201)
	put("If-None-Match", "*", map[string]any{}).refused(failed)
	tag := h.by("otto", "GET", "/v1/lists/l", nil).header.Get("ETag")
	a := put("If-Match", tag, map[string]any{"name": "a"})
	a.want(200)
	put("If-Match", tag, map[string]any{"name": "b"}).refused(failed)
	put("If-Match", "W/"+tag, map[string]any{"name": "b"}).refused(failed)
	put("If-Match", a.header.Get("ETag"), map[string]any{"name": "c"}).want(200)
	put("If-Match", "*", map[string]any{"keep": 9}).want(200)
	same(t, "name", any("c"), h.by("otto", "GET", "/v1/lists/l", nil).want(200)["name"])
}

// A change is on record with who, what, before and after, and why; so are proposals, keys and denied attempts.
func TestChangesAreOnRecord(t *testing.T) {
	h := strictHouse(t)
	known := len(h.records())
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 3, "reason": "stricter"}).want(200)
	p := h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 2, "reason": "too slow"}).want(202)
	h.by("ben", "POST", proposalPath(p)+"/approve", map[string]any{"reason": "fine"}).want(200)
	h.by("till", "POST", "/v1/lists/deny/retire", map[string]any{"reason": "r"}).refused(forbidden)
	made := h.by("root", "POST", "/v1/keys", map[string]any{"name": "k", "roles": []string{"checker"}, "reason": "new till"}).want(201)
	id := made["id"].(string)
	h.by("root", "POST", "/v1/keys/"+id+"/rotate", nil).want(200)
	h.by("root", "DELETE", "/v1/keys/"+id, nil).want(204)
	var got []map[string]any
	for _, r := range h.records()[known:] {
		if r["outcome"] == "done" || r["action"] == "denied" {
			got = append(got, only(r, "action", "by", "list", "reason", "before", "after", "proposed_by", "subject"))
		}
	}
	key := map[string]any{"id": id, "name": "k", "person": "k", "roles": []any{"checker"}}
	want := []map[string]any{
		{"action": "settings", "by": "root", "list": "deny", "reason": "stricter", "before": map[string]any{"approvals": 2.0}, "after": map[string]any{"approvals": 3.0}},
		{"action": "propose", "by": "root", "list": "deny", "reason": "too slow", "before": map[string]any{"approvals": 3.0}, "after": map[string]any{"approvals": 2.0}},
		{"action": "settings", "by": "ben", "list": "deny", "reason": "too slow", "proposed_by": "root", "before": map[string]any{"approvals": 3.0}, "after": map[string]any{"approvals": 2.0}},
		{"action": "denied", "by": "till", "list": "deny", "subject": "POST /v1/lists/:id/retire"},
		{"action": "key-create", "by": "root", "subject": id, "reason": "new till", "before": nil, "after": key},
	}
	if len(got) != len(want)+2 {
		t.Fatalf("%d records: %v", len(got), got)
	}
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for i, action := range []string{"key-rotate", "key-revoke"} {
		if r := got[len(want)+i]; r["action"] != action || r["subject"] != id || r["after"] == nil {
			t.Errorf("%v", r)
		}
	}
}

// A change that cannot be recorded does not happen.
func TestNothingChangesWithoutItsRecord(t *testing.T) {
	full := &fullDisk{}
	h := strictHouse(t, func(o *api.Options) { full.Recorder = o.Recorder; o.Recorder = full })
	path := proposalPath(h.by("dora", "POST", "/v1/lists/deny/retire", map[string]any{"reason": "r"}).want(202))
	h.journal.Close() // the loader and the keys record there
	full.full = true
	before := h.screening()
	for name, weaken := range weakenings(h) {
		if a := weaken(); a.status != 503 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	unavailable := problem{Status: 503, Code: "store_unavailable"}
	h.by("ben", "POST", path+"/approve", nil).refused(unavailable)
	h.by("ben", "POST", path+"/reject", nil).refused(unavailable)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 4}).refused(unavailable)
	h.by("root", "POST", "/v1/keys", map[string]any{"name": "k", "roles": []string{"checker"}}).refused(unavailable)
	h.by("root", "DELETE", "/v1/keys/"+h.idOf("till"), nil).refused(unavailable)
	for _, part := range []string{"list", "keys", "generation"} {
		same(t, part, before[part], h.screening()[part])
	}
}

// fullDisk is a recorder whose disk fills up.
type fullDisk struct {
	lists.Recorder
	full bool
}

func (f *fullDisk) Record(e lists.Event) error {
	if f.full {
		return fault.E(fault.Unavailable, "no space left on device")
	}
	return f.Recorder.Record(e)
}

// Keys work from their networks, until their end, and with their old text until the overlap ends.
func TestKeyScopes(t *testing.T) {
	h := open(t)
	unknown := problem{Status: 401, Code: "unauthorized"}
	h.newKey(map[string]any{"name": "away", "roles": []string{"checker"}, "cidrs": []string{"10.0.0.0/8"}})
	for _, r := range routes {
		h.by("away", r.method, r.path, r.body).refused(forbidden)
	}
	h.newKey(map[string]any{"name": "here", "roles": []string{"checker"}, "cidrs": []string{"10.0.0.0/8", "127.0.0.0/8", "::1/128"}})
	h.by("here", "GET", "/v1/lists", nil).want(200)
	h.newKey(map[string]any{"name": "short", "roles": []string{"checker"}, "expires": h.clock.now().Add(time.Hour).UTC().Format(time.RFC3339)})
	h.by("short", "GET", "/v1/lists", nil).want(200)
	h.newKey(map[string]any{"name": "certified", "roles": []string{"checker"}, "certificate": "till.example.org"})
	h.by("certified", "GET", "/v1/lists", nil).refused(forbidden)
	h.newKey(map[string]any{"name": "ended", "roles": []string{"checker"}})
	ended := h.idOf("ended")
	h.by("root", "DELETE", "/v1/keys/"+ended, nil).want(204)
	h.by("root", "POST", "/v1/keys/"+ended+"/rotate", nil).refused(conflicting)
	h.by("root", "POST", "/v1/keys/"+h.idOf("here")+"/rotate", map[string]any{"overlap": "721h"}).refused(problem{Status: 400, Code: "invalid_request"})
	old := h.keyOf["here"]
	h.keyOf["new"] = h.by("root", "POST", "/v1/keys/"+h.idOf("here")+"/rotate", map[string]any{"overlap": "30m"}).want(200)["key"].(string)
	h.do(call{method: "GET", path: "/v1/lists", key: old}).want(200)
	h.by("new", "GET", "/v1/lists", nil).want(200)
	h.clock.advance(30 * time.Minute)
	h.do(call{method: "GET", path: "/v1/lists", key: old}).refused(unknown)
	h.by("new", "GET", "/v1/lists", nil).want(200)
	h.clock.advance(30 * time.Minute)
	h.by("short", "GET", "/v1/lists", nil).refused(unknown)
	bad := problem{Status: 400, Code: "invalid_request"}
	for name, value := range map[string]any{"cidrs": []string{"10.0.0.0"}, "lists": []string{"[a"}, "expires": "2020-01-01T00:00:00Z", "checks_per_second": -1, "person": "refresh"} {
		h.do(call{method: "POST", path: "/v1/keys", key: h.keyOf["root"], body: map[string]any{"name": "x", "roles": []string{"checker"}, name: value}, wrong: true}).refused(bad)
	}
	for _, body := range []string{`{"roles":["checker"],"cidrs":["10.1.2.3/8"]}`, `{"roles":["checker"],"checks_per_second":NaN}`, `{"roles":["checker"],"checks_per_second":1e999}`} {
		h.do(call{method: "POST", path: "/v1/keys", key: h.keyOf["root"], body: body, wrong: true}).refused(bad)
	}
}
