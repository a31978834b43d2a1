package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/api"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// settled checks what differs with every run (an id, times) and takes it out, so that the rest can be compared whole.
func settled(t *testing.T, answer map[string]any) map[string]any {
	t.Helper()
	if id, _ := answer["check_id"].(string); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("check_id %q is no UUID of version 7", id)
	}
	for _, text := range []any{answer["checked_at"], answer["screened"].(map[string]any)["as_of"]} {
		s, _ := text.(string)
		at, err := time.Parse(time.RFC3339, s)
		if err != nil || !strings.HasSuffix(s, "Z") || time.Since(at).Abs() > time.Minute {
			t.Errorf("time %q: %v", s, err)
		}
	}
	out := without(answer, "check_id", "checked_at")
	out["screened"] = without(answer["screened"], "as_of")
	return out
}

func TestCheck(t *testing.T) {
	h := screened(t)
	sum := sha256.Sum256([]byte(sdnRows))
	list := map[string]any{"id": "ofac-sdn", "name": "OFAC SDN", "authority": "US Treasury, OFAC", "version": 1.0, "published": ""}
	source := func(locator string) map[string]any {
		return map[string]any{"file": "ofac-sdn.ndjson", "sha256": hex.EncodeToString(sum[:]), "locator": locator}
	}
	what := map[string]any{"generation": 1.0, "lists": 1.0, "listings": 4.0}
	listed := map[string]any{"class": "exact", "list": list,
		"listed":   map[string]any{"address": lazarus, "network": "ethereum", "asset": "ETH"},
		"entity":   map[string]any{"id": "27307", "name": "Lazarus Group", "type": "entity"},
		"category": "sanctions", "confidence": "confirmed", "programs": []any{"DPRK3"}, "incident": "", "listed_on": "2019-09-13",
		"url": "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307", "source": source("line 1"), "added_in": 1.0}
	address := map[string]any{"input": lazarus, "network": "ethereum", "canonical": lazarus, "identity": "evm:" + strings.ToLower(lazarus[2:])}

	t.Run("a withdrawal to a sanctioned address is rejected, with the proof", func(t *testing.T) {
		h := h.in(t)
		got := h.by("till", "POST", "/v1/check", map[string]any{"address": lazarus, "network": "ethereum", "asset": "ETH",
			"direction": "withdrawal", "reference": "wd-8842", "customer": "c-19"}).want(200)
		same(t, "answer", map[string]any{"result": "hit", "action": "reject", "direction": "withdrawal", "address": address,
			"matches": []any{listed}, "screened": what}, settled(t, got))
	})
	t.Run("a deposit from a sanctioned address is frozen, not sent back", func(t *testing.T) {
		h := h.in(t)
		got := h.by("till", "POST", "/v1/check", map[string]any{"address": lazarus, "direction": "deposit"}).want(200)
		same(t, "decision", map[string]any{"result": "hit", "action": "freeze", "direction": "deposit"}, only(got, "result", "action", "direction"))
	})
	t.Run("on another chain of the EVM family it is the same identity", func(t *testing.T) {
		h := h.in(t)
		got := h.by("till", "POST", "/v1/check", checkOf(strings.ToLower(lazarus), "polygon")).want(200)
		same(t, "address", map[string]any{"input": strings.ToLower(lazarus), "network": "polygon", "canonical": lazarus, "identity": address["identity"]}, got["address"])
		same(t, "matches", any([]any{listed}), got["matches"])
	})
	t.Run("a miss says what was screened, and allows", func(t *testing.T) {
		h := h.in(t)
		got := h.by("till", "POST", "/v1/check", map[string]any{"address": genesis, "network": "btc", "direction": "deposit"}).want(200)
		same(t, "answer", map[string]any{"result": "miss", "action": "allow", "direction": "deposit", "matches": []any{}, "screened": what,
			"address": map[string]any{"input": genesis, "network": "bitcoin", "canonical": genesis, "identity": "bitcoin:p2pkh:62e907b15cbf27d5425399ebf6f0fb50ebb88f18"}},
			settled(t, got))
	})
	t.Run("a look-up says the same without direction and action", func(t *testing.T) {
		h := h.in(t)
		got := h.by("till", "GET", "/v1/addresses/"+lazarus+"?network=ethereum", nil).want(200)
		same(t, "answer", map[string]any{"result": "hit", "address": address, "matches": []any{listed}, "screened": what}, settled(t, got))
		got = h.by("till", "GET", "/v1/addresses/"+genesis, nil).want(200)
		same(t, "answer", any("miss"), got["result"])
	})
	t.Run("another address of the same key is for a person to review", func(t *testing.T) {
		h := h.in(t)
		got := h.by("till", "POST", "/v1/check", checkOf(p2wpkh, "bitcoin")).want(200)
		same(t, "decision", map[string]any{"result": "hit", "action": "review"}, only(got, "result", "action"))
		m := got["matches"].([]any)[0].(map[string]any)
		if m["derivation"] == "" || m["derivation"] == nil {
			t.Error("the match does not say how the two belong together")
		}
		same(t, "match", map[string]any{"class": "same_key", "list": list, "listed": map[string]any{"address": p2pkh, "network": "bitcoin", "asset": "XBT"},
			"entity": map[string]any{"id": "1", "name": "Some One", "type": "individual"}, "category": "sanctions", "confidence": "confirmed",
			"programs": []any{"CYBER2"}, "incident": "", "listed_on": "", "url": "", "source": source("line 2"), "added_in": 1.0}, without(m, "derivation"))
	})
	t.Run("a listed text that is no address is found byte for byte", func(t *testing.T) {
		h := h.in(t)
		got := h.by("till", "POST", "/v1/check", checkOf(" "+rawMonero+"\n", "monero")).want(200)
		same(t, "decision", map[string]any{"result": "hit", "action": "review"}, only(got, "result", "action"))
		same(t, "match", map[string]any{"class": "raw", "listed": map[string]any{"address": rawMonero, "network": "monero", "asset": "XMR"}},
			only(got["matches"].([]any)[0], "class", "listed"))
		got = h.by("till", "POST", "/v1/check", checkOf(rawMonero, "")).want(200) // also where it looks like a private key
		same(t, "without a network", any("hit"), got["result"])
		other := "0" + rawMonero[1:]
		h.by("till", "POST", "/v1/check", checkOf(other, "monero")).want(422)
	})
	t.Run("a text of several networks is screened under every reading", func(t *testing.T) {
		h := h.in(t)
		got := h.by("till", "POST", "/v1/check", checkOf(dogecoin, "")).want(200)
		same(t, "address", map[string]any{"input": dogecoin, "network": "dogecoin", "networks": []any{"dogecoin", "verge", "digibyte", "pivx", "divi", "denarius"}, "canonical": dogecoin},
			without(got["address"], "identity"))
		same(t, "decision", map[string]any{"result": "hit", "action": "review"}, only(got, "result", "action")) // suspected only
		same(t, "matches", 1, len(got["matches"].([]any)))
		got = h.by("till", "POST", "/v1/check", checkOf(dogecoin, "verge")).want(200)
		same(t, "a named network is the only reading", map[string]any{"input": dogecoin, "network": "verge", "canonical": dogecoin}, without(got["address"], "identity"))
	})
	t.Run("only the letter case is wrong and the bytes are listed: an error that says so", func(t *testing.T) {
		h := h.in(t)
		wrong := strings.Replace(lazarus, "0x098B", "0x098b", 1)
		h.by("till", "POST", "/v1/check", checkOf(wrong, "ethereum")).refused(problem{Status: 422, Code: "invalid_address", Reason: "bad_checksum", Network: "ethereum", WouldMatch: true})
		h.by("till", "GET", "/v1/addresses/"+wrong+"?network=ethereum", nil).refused(problem{Status: 422, Code: "invalid_address", Reason: "bad_checksum", Network: "ethereum", WouldMatch: true})
		unlisted := "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
		h.by("till", "POST", "/v1/check", checkOf(unlisted, "ethereum")).refused(problem{Status: 422, Code: "invalid_address", Reason: "bad_checksum", Network: "ethereum"})
	})
	t.Run("an address in a path may hold colons, slashes and signs", func(t *testing.T) {
		h := h.in(t)
		ton := "EQDtFpEwcFAEcRe5mLVh2N6C0x+/hJEM7W61/JLnSF74p4q2" // standard base64
		for path, want := range map[string]string{
			"eip155:1:" + lazarus:                                    lazarus,
			"ethereum%3A" + lazarus:                                  lazarus,
			"bitcoin:" + genesis + "%3Famount=1%2E5":                 genesis,
			url.PathEscape(ton):                                      "0:ed1691307050047117b998b561d8de82d31fbf84910ced6eb5fc92e7485ef8a7",
			strings.ReplaceAll(ton, "/", "%2F"):                      "0:ed1691307050047117b998b561d8de82d31fbf84910ced6eb5fc92e7485ef8a7", // the plus sign as it is
			strings.ReplaceAll(url.PathEscape(ton), "+", "%2B"):      "0:ed1691307050047117b998b561d8de82d31fbf84910ced6eb5fc92e7485ef8a7",
			"rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh%3Fdt=99?network=xrp": "rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh",
		} {
			got := h.by("till", "GET", "/v1/addresses/"+path, nil).want(200)
			same(t, path, any(want), got["address"].(map[string]any)["canonical"])
		}
	})
	t.Run("what the text carries beside the address is told, and takes no part", func(t *testing.T) {
		h := h.in(t)
		got := h.by("till", "POST", "/v1/check", checkOf("rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh?dt=99", "xrp")).want(200)
		same(t, "attributes", map[string]any{"tag": "99"}, only(got["address"].(map[string]any)["attributes"], "tag"))
	})
	t.Run("text that a browser would run comes back escaped", func(t *testing.T) {
		h := h.in(t)
		h.publish("html", map[string]any{"name": "<b>&</b>", "approvals": 0}, `{"address":"`+genesis+`","entity":{"name":"<script>alert(1)</script>"}}`+"\n")
		a := h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin"))
		got := a.want(200)
		if bytes.ContainsAny(a.body, "<>&") {
			t.Errorf("%s", a.body)
		}
		same(t, "entity", any("<script>alert(1)</script>"), got["matches"].([]any)[0].(map[string]any)["entity"].(map[string]any)["name"])
	})
}

// The example of docs/contract.md: a caller was promised these names.
const contractExample = `{"check_id": "019ad2c4-…", "result": "hit", "action": "reject", "direction": "withdrawal",
 "address": {"input": "0x098B716B…", "network": "ethereum", "canonical": "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", "identity": "evm:098b716b8aaf21512996dc57eb0615e2383e2f96"},
 "matches": [{"class": "exact",
   "list": {"id": "ofac-sdn", "name": "OFAC SDN", "authority": "US Treasury, OFAC", "version": 12, "published": "2025-11-19"},
   "listed": {"address": "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", "network": "ethereum", "asset": "ETH"},
   "entity": {"id": "27307", "name": "Lazarus Group", "type": "entity"},
   "category": "sanctions", "confidence": "confirmed", "programs": ["DPRK3"], "incident": "", "listed_on": "2019-09-13",
   "url": "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307",
   "source": {"file": "SDN_ADVANCED.XML", "sha256": "…", "locator": "DistinctParty 27307 Feature 36618"}, "added_in": 3}],
 "screened": {"generation": 42, "as_of": "2025-11-19T16:05:11Z", "lists": 5, "listings": 10422},
 "checked_at": "2025-11-19T16:20:07.113Z"}`

// shape replaces every plain value by its type.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = shape(x)
		}
		return out
	case []any:
		out := []any{}
		for _, x := range v {
			out = append(out, shape(x))
		}
		return out
	case string:
		return "string"
	case float64:
		return "number"
	}
	return v
}

func TestAnswerHasTheShapeOfTheContract(t *testing.T) {
	h := screened(t)
	var promised map[string]any
	if err := json.Unmarshal([]byte(contractExample), &promised); err != nil {
		t.Fatal(err)
	}
	got := h.by("till", "POST", "/v1/check", map[string]any{"address": lazarus, "network": "ethereum", "asset": "ETH",
		"direction": "withdrawal", "reference": "wd-8842", "customer": "c-19"}).want(200)
	same(t, "shape", shape(promised), shape(got))
	for _, part := range []string{"result", "action", "direction"} {
		same(t, part, promised[part], got[part])
	}
	for _, part := range []string{"listed", "entity", "category", "confidence", "programs", "incident", "listed_on", "url"} {
		same(t, part, promised["matches"].([]any)[0].(map[string]any)[part], got["matches"].([]any)[0].(map[string]any)[part])
	}
}

// What goes into the decision log is the answer itself, and who asked why; the answer tells neither reference nor customer.
func TestEveryDecisionIsInTheJournal(t *testing.T) {
	h := screened(t)
	before := len(h.records())
	a := h.by("till", "POST", "/v1/check", map[string]any{"address": lazarus, "direction": "withdrawal", "reference": "wd-8842", "customer": "c-19"})
	answer := a.want(200)
	if bytes.Contains(a.body, []byte("8842")) || bytes.Contains(a.body, []byte("c-19")) {
		t.Errorf("the answer tells what belongs to the log: %s", a.body)
	}
	h.by("till", "POST", "/v1/check", map[string]any{"address": genesis[1:], "network": "bitcoin", "direction": "deposit", "reference": "dep-1"}).want(422)
	h.by("till", "POST", "/v1/check", map[string]any{"address": genesis, "network": "nosuch", "direction": "deposit"}).want(422)
	got := h.records()[before:]
	if len(got) != 3 {
		t.Fatalf("%d records", len(got))
	}
	same(t, "the decision", map[string]any{"by": "till", "reference": "wd-8842", "customer": "c-19", "answer": answer}, got[0])
	same(t, "the refusal", map[string]any{"by": "till", "network": "bitcoin", "reference": "dep-1", "direction": "deposit",
		"refused": "invalid address", "input": address.Digest(genesis[1:])}, without(got[1], "reason"))
	same(t, "the other refusal", map[string]any{"by": "till", "network": "nosuch", "direction": "deposit", "refused": "unsupported network", "input": genesis}, got[2])
	if log := h.log.String(); strings.Contains(log, lazarus) || strings.Contains(log, genesis[1:]) {
		t.Errorf("a full address stands in the log:\n%s", log)
	}
}

// A decision that cannot be recorded is not given.
func TestNoDecisionWithoutJournal(t *testing.T) {
	h := screened(t, func(o *api.Options) {
		o.JournalError = func() error { return fault.E(fault.Unavailable, "the disk is full") }
	})
	if err := h.journal.Close(); err != nil {
		t.Fatal(err)
	}
	want := problem{Status: 503, Code: "store_unavailable"}
	h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).refused(want)
	h.by("till", "POST", "/v1/check", checkOf(lazarus, "ethereum")).refused(want)
	h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(genesis, "")}}).refused(want)
	h.by("till", "GET", "/v1/addresses/"+genesis, nil).refused(want)
	h.by("", "GET", "/readyz", nil).want(503)
	h.by("root", "PUT", "/v1/lists/other", sdn).refused(want)
}

// A pasted private key must be nowhere: not in the answer, the log, the journal's files, the metrics, the store.
func TestSecretIsNowhere(t *testing.T) {
	h := screened(t)
	secrets := map[string]string{
		"L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ":                                          "bitcoin",
		"5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss":                                           "",
		"0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318":                            "ethereum",
		"SDJHRQF4GCMIIKAAAQ6IHY42X73FQFLHUULAPSKKD4DFDM7UXWWCRHBE":                                      "stellar",
		"abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about": "",
	}
	gone := func(what, text string) {
		t.Helper()
		for secret := range secrets {
			for _, part := range []string{secret, secret[4:24], secret[len(secret)-20:]} {
				if strings.Contains(text, part) {
					t.Errorf("%s holds a part of a private key", what)
				}
			}
		}
	}
	want := problem{Status: 422, Code: "invalid_address", Reason: "secret_material"}
	for secret, network := range secrets {
		want.Network = network
		a := h.by("till", "POST", "/v1/check", checkOf(secret, network))
		if p := a.refused(want); p.Detail == "" || p.Position != nil {
			t.Errorf("%+v", p)
		}
		gone("the answer", string(a.body))
		path := "/v1/addresses/" + url.PathEscape(secret)
		if network != "" {
			path += "?network=" + network
		}
		a = h.by("till", "GET", path, nil)
		a.refused(want)
		gone("the answer to a look-up", string(a.body))
		a = h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(secret, network), checkOf(genesis, "")}})
		results := a.want(200)["results"].([]any)
		same(t, "batch", any("secret_material"), results[0].(map[string]any)["error"].(map[string]any)["reason"])
		same(t, "the other item", any("miss"), results[1].(map[string]any)["result"])
		gone("the answer to a batch", string(a.body))
		// The same in a wrong place of the request.
		for _, body := range []any{map[string]any{"address": genesis, "direction": secret}, map[string]any{secret: genesis, "direction": "deposit"}} {
			a = h.by("till", "POST", "/v1/check", body)
			a.refused(problem{Status: 400, Code: "invalid_request"})
			gone("the answer to a wrong request", string(a.body))
		}
		a = h.by("till", "GET", "/v1/addresses/"+genesis+"?"+url.QueryEscape(secret)+"=1", nil)
		a.refused(problem{Status: 400, Code: "invalid_request"})
		gone("the answer to a wrong query", string(a.body))
		// In an uploaded list. There 64 hex digits are kept: OFAC has published such a text as an address.
		if len(strings.TrimPrefix(secret, "0x")) == 64 {
			continue
		}
		a = h.do(call{method: "POST", path: "/v1/lists/ofac-sdn/versions?format=ndjson&mode=add", key: h.keyOf["ana"],
			body: map[string]any{"address": secret, "network": network}, header: http.Header{"Content-Type": {"application/octet-stream"}}})
		v := a.want(201)
		gone("the report", string(a.body))
		q := h.by("ana", "GET", "/v1/lists/ofac-sdn/versions/"+number(v["version"])+"/quarantine", nil)
		gone("the quarantine", string(q.body))
		same(t, "quarantine", map[string]any{"reason": "secret_material", "active": false, "address": ""},
			only(q.want(200)["rows"].([]any)[0], "reason", "active", "address"))
	}
	gone("the log", h.log.String())
	gone("the metrics", h.scrape())
	if !strings.Contains(h.scrape(), "secret_material") {
		t.Error("the metrics do not count it")
	}
	if err := h.journal.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(filepath.Join(h.dir, "journal"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		gone(path, string(b))
		return err
	})
	if err != nil || files == 0 {
		t.Fatal(files, err)
	}
}

func TestStaleListStopsAnswers(t *testing.T) {
	h := open(t)
	h.publish("ofac-sdn", map[string]any{"approvals": 0, "max_age": "2h", "on_stale": "stop"}, sdnRows)
	h.publish("other", map[string]any{"approvals": 0, "max_age": "1h", "on_stale": "warn"}, `{"address":"`+p2wpkh+`"}`+"\n")
	h.clock.advance(90 * time.Minute)
	got := h.by("till", "POST", "/v1/check", checkOf(genesis, "")).want(200)
	same(t, "a list that only warns stops nobody", any("miss"), got["result"])
	ready := h.by("", "GET", "/readyz", nil).want(200)
	same(t, "but readiness says so", map[string]any{"name": "list other", "status": "warn"}, only(ready["checks"].([]any)[1], "name", "status"))
	fresh := map[string]any{}
	for _, l := range h.by("otto", "GET", "/v1/lists", nil).want(200)["lists"].([]any) {
		fresh[l.(map[string]any)["id"].(string)] = l.(map[string]any)["fresh"]
	}
	same(t, "fresh", map[string]any{"ofac-sdn": true, "other": false}, fresh)

	h.clock.advance(31 * time.Minute)
	want := problem{Status: 503, Code: "stale"}
	for _, a := range []*answer{
		h.by("till", "POST", "/v1/check", checkOf(genesis, "")),
		h.by("till", "POST", "/v1/check", checkOf(lazarus, "")),
		h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(genesis, "")}}),
		h.by("till", "GET", "/v1/addresses/"+genesis, nil),
	} {
		p := a.refused(want)
		if !strings.Contains(p.Detail, "ofac-sdn") {
			t.Errorf("the detail does not name the list: %s", p.Detail)
		}
		same(t, "Retry-After", "1", a.header.Get("Retry-After"))
	}
	h.by("", "GET", "/readyz", nil).want(503)

	// The same bytes again: the list is what its publisher says now, and answers go on.
	again := h.do(call{method: "POST", path: "/v1/lists/ofac-sdn/versions?format=ndjson", key: h.keyOf["root"], body: sdnRows,
		header: http.Header{"Content-Type": {"application/octet-stream"}}}).want(200)
	same(t, "nothing was staged", map[string]any{"version": 1.0, "state": "active"}, only(again, "version", "state"))
	if err := h.screener.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.by("till", "POST", "/v1/check", checkOf(genesis, "")).want(200)
}

// notLoaded asks in every way, and expects that nobody is cleared.
func (h *house) notLoaded(t *testing.T) {
	t.Helper()
	want := problem{Status: 503, Code: "not_loaded"}
	h.by("till", "POST", "/v1/check", checkOf(genesis, "")).refused(want)
	h.by("till", "GET", "/v1/addresses/"+genesis, nil).refused(want)
	h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(genesis, "")}}).refused(want)
	same(t, "Retry-After", "1", h.by("till", "POST", "/v1/check", checkOf(genesis, "")).header.Get("Retry-After"))
	same(t, "readyz", map[string]any{"name": "generation", "status": "fail"},
		only(h.by("", "GET", "/readyz", nil).want(503)["checks"].([]any)[0], "name", "status"))
}

func TestNothingIsScreenedByNothing(t *testing.T) {
	t.Run("no list was ever active", func(t *testing.T) { open(t).notLoaded(t) })
	t.Run("all lists are retired", func(t *testing.T) {
		h := screened(t)
		h.by("ben", "POST", "/v1/lists/ofac-sdn/retire", map[string]any{"reason": "superseded"}).want(200)
		h.notLoaded(t)
		h.publish("other", map[string]any{"approvals": 0}, `{"address":"`+p2wpkh+`"}`+"\n")
		h.by("till", "POST", "/v1/check", checkOf(genesis, "")).want(200)
		h.by("", "GET", "/readyz", nil).want(200)
	})
	t.Run("the only listing is removed again", func(t *testing.T) {
		h := open(t)
		rows := `{"address":"` + lazarus + `","network":"ethereum"}` + "\n"
		h.publish("deny", map[string]any{"approvals": 0}, rows)
		h.by("till", "POST", "/v1/check", checkOf(genesis, "")).want(200)
		v := h.upload("ana", "deny", rows, "&mode=remove")
		h.by("ben", "POST", fmt.Sprintf("/v1/lists/deny/versions/%v/activate", v["version"]), map[string]any{"override": "test"}).want(200)
		h.notLoaded(t)
	})
}

// The filter says maybe and the record cannot be read: hold the transfer. What the filters clear is still answered.
func TestStoreAwayNeverMeansMiss(t *testing.T) {
	h := screened(t)
	h.store.noLookups.Store(true)
	possible := problem{Status: 503, Code: "store_unavailable", PossibleMatch: true}
	a := h.by("till", "POST", "/v1/check", checkOf(lazarus, "ethereum"))
	a.refused(possible)
	same(t, "Retry-After", "1", a.header.Get("Retry-After"))
	h.by("till", "GET", "/v1/addresses/"+lazarus, nil).refused(possible)
	h.by("till", "POST", "/v1/check", checkOf(p2wpkh, "bitcoin")).refused(possible)
	h.by("till", "POST", "/v1/check", checkOf(rawMonero, "monero")).refused(possible)
	for range 20 {
		got := h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).want(200)
		same(t, "misses go on", any("miss"), got["result"])
	}
	results := h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(lazarus, ""), checkOf(genesis, "")}}).want(200)["results"].([]any)
	same(t, "batch", map[string]any{"code": "store_unavailable", "possible_match": true},
		only(results[0].(map[string]any)["error"], "code", "possible_match"))
	same(t, "batch, the other item", any("miss"), results[1].(map[string]any)["result"])

	h.store.gone.Store(true)
	h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).want(200)
	ready := h.by("", "GET", "/readyz", nil).want(200)
	same(t, "ready, with a warning", []any{map[string]any{"name": "generation", "status": "ok"}, map[string]any{"name": "journal", "status": "ok"},
		map[string]any{"name": "store", "status": "warn"}}, statuses(ready))

	h.store.noLookups.Store(false)
	h.store.gone.Store(false)
	got := h.by("till", "POST", "/v1/check", checkOf(lazarus, "ethereum")).want(200)
	same(t, "when the store is back", any("hit"), got["result"])
}

// statuses are the checks of a readiness answer without their details.
func statuses(ready map[string]any) []any {
	out := []any{}
	for _, c := range ready["checks"].([]any) {
		out = append(out, only(c, "name", "status"))
	}
	return out
}

func number(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// While lists go live and are taken back, every answer is of one generation, and of the address that was asked.
func TestAnswersKeepToOneGeneration(t *testing.T) {
	h := screened(t)
	h.upload("ana", "ofac-sdn", sdnRows+row(genesis, "E"), "")
	// The address is listed in every second generation.
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				other := evm(i*100_000 + n)
				a := h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(genesis, "bitcoin"), checkOf(other, "ethereum"), checkOf(lazarus, "")}})
				if a.status != 200 {
					t.Errorf("%d %s", a.status, a.body)
					return
				}
				var got struct {
					Results []struct {
						Result   string
						Address  struct{ Input string }
						Screened struct{ Generation int }
					}
				}
				if err := json.Unmarshal(a.body, &got); err != nil || len(got.Results) != 3 {
					t.Errorf("%v %s", err, a.body)
					return
				}
				generation := got.Results[0].Screened.Generation
				for j, want := range []struct{ result, input string }{{map[bool]string{true: "hit", false: "miss"}[generation%2 == 0], genesis}, {"miss", other}, {"hit", lazarus}} {
					if r := got.Results[j]; r.Result != want.result || r.Address.Input != want.input || r.Screened.Generation != generation {
						t.Errorf("item %d: %+v instead of %+v in generation %d", j, r, want, generation)
					}
				}
			}
		})
	}
	h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/2/activate", map[string]any{"override": "test"}).want(200)
	for range 4 {
		h.by("ben", "POST", "/v1/lists/ofac-sdn/rollback", nil).want(200)
		h.upload("ana", "ofac-sdn", sdnRows+row(genesis, "E"), "")
		n := h.versions("ofac-sdn")
		h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/"+number(n[len(n)-1])+"/activate", map[string]any{"override": "test"}).want(200)
	}
	close(stop)
	wg.Wait()
	same(t, "generation", any(10.0), h.generation())
}
