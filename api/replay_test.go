package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
	"interdict/loader"
	"interdict/screening/journal"
)

// onBothStores runs a test in a house with the embedded store, and in one with Redis.
func onBothStores(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("embedded", func(t *testing.T) { test(t, open(t)) })
	t.Run("redis", func(t *testing.T) {
		store, err := redisstore.Open(t.Context(), storetest.StartRedis(t), redisstore.Options{Timeout: 20 * time.Second, BulkTimeout: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		test(t, openOn(t, store, t.TempDir()))
	})
}

// ask checks an address and returns the answer byte for byte.
func (h *house) ask(address string) (id string, raw json.RawMessage) {
	h.t.Helper()
	a := h.by("till", "POST", "/v1/check", checkOf(address, ""))
	return a.want(200)["check_id"].(string), a.body
}

func (h *house) replay(id string) *client.Replay {
	h.t.Helper()
	a := h.by("otto", "GET", "/v1/checks/"+id+"/replay", nil)
	a.want(200)
	out := &client.Replay{}
	if err := json.Unmarshal(a.body, out); err != nil {
		h.t.Fatal(err)
	}
	return out
}

// at looks an address up as at a time.
func (h *house) at(address string, at time.Time) *answer {
	h.t.Helper()
	return h.by("otto", "GET", "/v1/addresses/"+address+"?at="+url.QueryEscape(at.UTC().Format(time.RFC3339Nano)), nil)
}

// changed returns the differences of a replay as "field: then → now", with the result only of whole matches.
func changed(r *client.Replay) []string {
	out := []string{}
	for _, d := range r.Differences {
		then, now := string(d.Then), string(d.Now)
		if strings.HasPrefix(then, "{") && strings.HasSuffix(d.Field, "]") {
			then = "there"
		}
		if strings.HasPrefix(now, "{") && strings.HasSuffix(d.Field, "]") {
			now = "there"
		}
		out = append(out, d.Field+": "+then+" → "+now)
	}
	return out
}

// sweep stages the active bytes of a list again, which deletes what no version needs any more.
func (h *house) sweep(list string) {
	h.t.Helper()
	h.clock.advance(time.Hour)
	_, err := h.loader.Stage(h.t.Context(), list, []loader.Upload{{Name: "l", Body: strings.NewReader(evmRows(90, 91))}}, loader.StageOptions{By: lists.Person("ana"), Format: "ndjson"})
	if err != nil {
		h.t.Fatal(err)
	}
}

// scratches are the temporary stores on disk.
func (h *house) scratches() []string {
	h.t.Helper()
	all, err := filepath.Glob(filepath.Join(h.scratch, "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// An auditor sees what was answered then and what would be answered now, after every kind of change, also when the layers of then are gone.
func TestAReplayAnswersFromThenAndNow(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		settings := func(more map[string]any) map[string]any {
			s := map[string]any{"approvals": 0, "keep": 1, "max_shrink": 1, "category": "sanctions"}
			for k, v := range more {
				s[k] = v
			}
			return s
		}
		freeze := settings(map[string]any{"policy": []any{map[string]any{"action": "freeze"}}})
		id := map[string]string{}
		raw := map[string]json.RawMessage{}
		ask := func(name, address string) { id[name], raw[name] = h.ask(address) }

		h.publish("deny", settings(nil), evmRows(1, 4)) // 1, 2, 3
		h.publish("other", settings(nil), evmRows(50, 52))
		ask("miss, listed later", evm(5))
		ask("hit, removed later", evm(1))
		ask("hit, policy changed later", evm(3))
		ask("hit, list retired later", evm(50))
		listedAt := h.clock.now()
		h.clock.advance(time.Minute)
		h.publish("deny", settings(nil), evmRows(2, 6)) // 2, 3, 4, 5
		ask("miss then and now", evm(1))
		h.by("root", "PUT", "/v1/lists/deny", freeze).want(202) // weaker than reject
		h.by("ben", "POST", "/v1/proposals/"+h.by("ben", "GET", "/v1/proposals?state=open", nil).want(200)["proposals"].([]any)[0].(map[string]any)["id"].(string)+"/approve", nil).want(200)
		h.by("ben", "POST", "/v1/lists/other/retire", map[string]any{"reason": "test"}).want(200)
		ask("hit, nothing changed", evm(3))
		before := len(h.records())
		checks := count(t, h.scrape(), "interdict_checks_total")

		want := map[string][]string{
			"miss, listed later":        {`result: "miss" → "hit"`, `action: "allow" → "freeze"`, "matches[deny " + evm(5) + "]: null → there"},
			"hit, removed later":        {`result: "hit" → "miss"`, `action: "reject" → "allow"`, "matches[deny " + evm(1) + "]: there → null"},
			"hit, policy changed later": {`action: "reject" → "freeze"`},
			"hit, list retired later":   {`result: "hit" → "miss"`, `action: "reject" → "allow"`, "matches[other " + evm(50) + "]: there → null"},
			"miss then and now":         {},
			"hit, nothing changed":      {},
		}
		replayAll := func(what string) {
			t.Helper()
			for name, id := range id {
				r := h.replay(id)
				same(t, what+": "+name, want[name], changed(r))
				same(t, what+": "+name+": recorded", string(raw[name]), string(r.Recorded))
				same(t, what+": "+name+": then", string(raw[name]), string(r.Then.Answer))
				same(t, what+": "+name+": reproduced", true, r.Reproduced)
			}
		}
		replayAll("with all layers")
		same(t, "no temporary store was needed", 0, len(h.scratches()))

		for n := range 5 { // many versions push the old ones out
			h.publish("deny", freeze, evmRows(2, 6)+evmRows(20+n, 21+n))
		}
		h.sweep("deny")
		if v, err := h.loader.Version(t.Context(), "deny", 1); err != nil || !v.Forgotten {
			t.Fatalf("version 1 has its layers: %v", err)
		}
		replayAll("with layers built again")
		if n := len(h.scratches()); n == 0 || n > 2 {
			t.Errorf("%d temporary stores", n)
		}
		same(t, "look-up of then: listed", any("hit"), h.at(evm(1), listedAt).want(200)["result"])
		same(t, "look-up of then: not listed yet", any("miss"), h.at(evm(5), listedAt).want(200)["result"])
		looked := h.at(evm(1), listedAt).want(200)
		same(t, "screened", map[string]any{"generation": 2.0, "lists": 2.0, "listings": 5.0}, only(looked["screened"], "generation", "lists", "listings"))
		same(t, "without a transfer and an id", []any{nil, nil, "00000000-0000-0000-0000-000000000000"}, []any{looked["action"], looked["direction"], looked["check_id"]})
		same(t, "look-up of now", any("miss"), h.at(evm(1), h.clock.now()).want(200)["result"])
		h.at(evm(1), h.clock.now().Add(-48*time.Hour)).refused(problem{Status: 404, Code: "not_found"})
		h.at(evm(1), h.clock.now().Add(48*time.Hour)).refused(problem{Status: 400, Code: "invalid_request"})
		h.at(genesis[:33]+"b", listedAt).refused(problem{Status: 422, Code: "invalid_address", Reason: "bad_checksum"})

		recorded := 0
		for _, r := range h.records()[before:] {
			if _, check := r["answer"]; check {
				recorded++
			}
		}
		same(t, "checks on record", 0, recorded)
		same(t, "checks counted", checks, count(t, h.scrape(), "interdict_checks_total"))

		h.server.Close()
		same(t, "temporary stores after the end", 0, len(h.scratches()))
	})
}

// count adds up the values of a metric.
func count(t *testing.T, scrape, metric string) float64 {
	t.Helper()
	total := 0.0
	for _, line := range strings.Split(scrape, "\n") {
		if !strings.Contains(line, metric) {
			continue
		}
		for _, m := range regexp.MustCompile(`counter:\{value:([0-9.e+]+)`).FindAllStringSubmatch(line, -1) {
			v, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			total += v
		}
	}
	if total == 0 {
		t.Fatalf("%s is not counted:\n%s", metric, scrape)
	}
	return total
}

// Without the uploads of then nothing can be said about then: that is an error, never a miss.
func TestAReplayWithoutTheUploadsIsAnError(t *testing.T) {
	h := open(t)
	settings := map[string]any{"approvals": 0, "keep": 1, "max_shrink": 1}
	h.publish("deny", settings, evmRows(1, 4))
	id, _ := h.ask(evm(9))
	at := h.clock.now()
	h.clock.advance(time.Minute)
	for n := range 5 {
		h.publish("deny", settings, evmRows(2, 6)+evmRows(20+n, 21+n))
	}
	h.sweep("deny")
	v, err := h.loader.Version(t.Context(), "deny", 1)
	if err != nil || !v.Forgotten {
		t.Fatal(v, err)
	}
	blob, err := h.store.OpenBlob(t.Context(), v.Sources[0])
	if err != nil {
		t.Fatal(err)
	}
	kept, err := io.ReadAll(blob)
	if err := errors.Join(err, blob.Close(), h.store.DropBlob(t.Context(), v.Sources[0])); err != nil {
		t.Fatal(err)
	}
	want := problem{Status: 409, Code: "conflict", Detail: "generation 1 cannot be read: the layers of version 1 of list deny were dropped: the bytes of version 1 (deny.ndjson) are not kept"}
	h.by("otto", "GET", "/v1/checks/"+id+"/replay", nil).refused(want)
	h.at(evm(1), at).refused(want)

	// Other bytes under the same name are found out.
	v2, err := h.loader.Version(t.Context(), "deny", 2)
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.store.OpenBlob(t.Context(), v2.Sources[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.store.PutBlob(t.Context(), v.Sources[0], other), other.Close()); err != nil {
		t.Fatal(err)
	}
	h.by("otto", "GET", "/v1/checks/"+id+"/replay", nil).refused(problem{Status: 503, Code: "store_unavailable"})
	if err := h.store.PutBlob(t.Context(), v.Sources[0], bytes.NewReader(kept)); err != nil {
		t.Fatal(err)
	}
	same(t, "with the bytes back", true, h.replay(id).Reproduced)
}

// A check without an answer is replayed from the lists that were active at its time. One whose text is not on record cannot be.
func TestAReplayOfACheckWithoutAnAnswer(t *testing.T) {
	h := open(t)
	last := func() string {
		t.Helper()
		id := ""
		for r, err := range journal.Read(t.Context(), h.dir+"/journal") {
			if err != nil {
				t.Fatal(err)
			}
			if r.Kind == journal.Check {
				id = uuid.UUID(r.ID).String()
			}
		}
		return id
	}
	h.publish("deny", map[string]any{"approvals": 0, "max_age": "1h", "on_stale": "stop", "category": "sanctions"}, evmRows(1, 4))
	h.store.noLookups.Store(true)
	h.by("till", "POST", "/v1/check", checkOf(evm(1), "")).refused(problem{Status: 503, Code: "store_unavailable", PossibleMatch: true})
	undecided := last()
	h.by("otto", "GET", "/v1/checks/"+undecided+"/replay", nil).refused(problem{Status: 503, Code: "store_unavailable", PossibleMatch: true})
	h.store.noLookups.Store(false)
	r := h.replay(undecided)
	same(t, "recorded, reproduced", []any{"store_unavailable", false}, []any{codeOf(t, r.Recorded), r.Reproduced})
	same(t, "then and now", []any{1, "hit", "hit", 0}, []any{r.Then.Generation, resultIn(t, r.Then.Answer), resultIn(t, r.Now.Answer), len(r.Differences)})

	h.by("till", "POST", "/v1/check", checkOf(evm(1), "nosuch")).refused(problem{Status: 422, Code: "unsupported_network"})
	r = h.replay(last())
	same(t, "an unknown network", []any{true, "unsupported_network", "unsupported_network"}, []any{r.Reproduced, codeOf(t, r.Then.Error), codeOf(t, r.Now.Error)})

	h.by("till", "POST", "/v1/check", checkOf("5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss", "bitcoin"))
	h.by("otto", "GET", "/v1/checks/"+last()+"/replay", nil).refused(problem{Status: 409, Code: "conflict",
		Detail: "the record has only a digest of what was asked, since it may be a private key: the check cannot be replayed"})
	h.by("otto", "GET", "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7/replay", nil).refused(problem{Status: 404, Code: "not_found"})
	h.by("otto", "GET", "/v1/checks/one/replay", nil).refused(problem{Status: 400, Code: "invalid_request"})

	h.clock.advance(2 * time.Hour)
	r = h.replay(undecided)
	same(t, "now the list is too old", []string{`result: "hit" → null`, `action: "reject" → null`, `error: null → "stale"`, "matches[deny " + evm(1) + "]: there → null"}, changed(r))
}

func codeOf(t *testing.T, raw []byte) string {
	t.Helper()
	var p problem
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return p.Code
}

func resultIn(t *testing.T, raw []byte) string {
	t.Helper()
	var a client.Answer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return a.Result
}

// A suppression counts for the time in which it was in force.
func TestAReplayKnowsTheSuppressionsOfThen(t *testing.T) {
	h := screened(t)
	hit, _ := h.ask(lazarus)
	s := h.exception("dora", "ofac-sdn", lazarus).want(202)
	h.by("ben", "POST", "/v1/lists/ofac-sdn/suppressions/"+s["id"].(string)+"/approve", map[string]any{"reason": "seen"}).want(200)
	miss, _ := h.ask(lazarus)
	name := "[ofac-sdn " + lazarus + "]"
	r := h.replay(hit)
	same(t, "before it", []any{true, []string{`result: "hit" → "miss"`, `action: "reject" → "allow"`, "matches" + name + ": there → null", "suppressed" + name + ": null → there"}},
		[]any{r.Reproduced, changed(r)})
	h.clock.advance(25 * time.Hour)
	r = h.replay(miss)
	same(t, "after it", []any{true, []string{`result: "miss" → "hit"`, `action: "allow" → "reject"`, "matches" + name + ": null → there", "suppressed" + name + ": there → null"}},
		[]any{r.Reproduced, changed(r)})
}

// More generations than fit are loaded one after the other.
func TestManyReplaysAtOnce(t *testing.T) {
	h := open(t)
	settings := map[string]any{"approvals": 0, "keep": 1, "max_shrink": 1}
	ids := []string{}
	for n := range 6 {
		h.publish("deny", settings, evmRows(n, n+3))
		id, _ := h.ask(evm(n))
		ids = append(ids, id)
	}
	h.sweep("deny")
	var all sync.WaitGroup
	for range 3 {
		for _, id := range ids {
			all.Go(func() {
				a := h.by("otto", "GET", "/v1/checks/"+id+"/replay", nil)
				var r client.Replay
				if err := json.Unmarshal(a.body, &r); err != nil || a.status != 200 || !r.Reproduced {
					t.Errorf("%d %s: %v", a.status, a.body, err)
				}
			})
		}
	}
	all.Wait()
	if n := len(h.scratches()); n > 2 {
		t.Errorf("%d temporary stores", n)
	}
}

// A store that a killed server has left is deleted by the next replay that needs one; what another server uses stays.
func TestWhatACrashLeavesIsDeleted(t *testing.T) {
	h := open(t)
	left, err := diskstore.OpenTemp(h.scratch)
	if err != nil {
		t.Fatal(err)
	}
	used, err := diskstore.OpenTemp(h.scratch)
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	if err := left.Store.Close(); err != nil { // as the end of the process does it
		t.Fatal(err)
	}
	before := h.scratches()
	old := time.Now().Add(-time.Hour)
	for _, dir := range before {
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	settings := map[string]any{"approvals": 0, "keep": 1, "max_shrink": 1}
	h.publish("deny", settings, evmRows(1, 4))
	id, _ := h.ask(evm(1))
	h.clock.advance(time.Minute)
	for n := range 5 {
		h.publish("deny", settings, evmRows(2, 6)+evmRows(20+n, 21+n))
	}
	h.sweep("deny")
	same(t, "replayed", true, h.replay(id).Reproduced)
	now := h.scratches()
	kept := slices.DeleteFunc(slices.Clone(before), func(dir string) bool { return !slices.Contains(now, dir) })
	if len(before) != 2 || len(now) != 2 || len(kept) != 1 {
		t.Errorf("before: %v\nnow: %v", before, now)
	}
	if err := used.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
