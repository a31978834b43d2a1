package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"interdict/api/client"
	"interdict/lists"
)

const evmGone = "0x8589427373D6D84E98730D7795D8f6f8731FDA16" // of Tornado Cash, removed 2025-03-21

func (h *house) history(address, network string) *client.AddressHistory {
	h.t.Helper()
	a := h.by("otto", "GET", "/v1/addresses/"+address+"/history?network="+network, nil)
	a.want(200)
	out := &client.AddressHistory{}
	if err := json.Unmarshal(a.body, out); err != nil {
		h.t.Fatal(err)
	}
	return out
}

// story returns the events of a history in short: "added v1 g1 activate exact E1".
func story(l client.AddressOnOneList) (out []string) {
	for _, e := range l.Events {
		text := fmt.Sprintf("%s v%d g%d %s %s %s", e.Change, e.Version, e.Generation, e.Action, e.Class, e.Listing.Entity.Name)
		if e.Before != nil {
			text += " instead of " + e.Before.Entity.Name
		}
		out = append(out, text)
	}
	return out
}

// An auditor sees when an address came, changed, went and came back, by which generation, and who had uploaded it.
func TestHistoryOfAddress(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		h.publish("deny", map[string]any{"approvals": 0}, row(p2pkh, "E1")+row(lazarus, "L"))
		h.publish("deny", map[string]any{"approvals": 0}, row(p2pkh, "E2")+row(lazarus, "L"))
		h.publish("deny", map[string]any{"approvals": 0}, row(lazarus, "L"))
		h.publish("other", map[string]any{"approvals": 0}, row(dogecoin, "D"))
		before := len(h.records())
		x := h.history(p2pkh, "")
		if len(x.Lists) != 1 {
			t.Fatalf("lists: %+v", x.Lists)
		}
		same(t, "events", []string{"added v1 g1 activate exact E1", "changed v2 g3 activate exact E2 instead of E1", "removed v3 g5 activate exact E2"}, story(x.Lists[0]))
		same(t, "listed", false, x.Lists[0].Listed)
		same(t, "known from", 1, x.Lists[0].KnownFrom)
		first := x.Lists[0].Events[0]
		if first.UploadedBy != "ana" || first.By != "ben" || first.At == nil || first.UploadedAt == nil || first.File != "deny.ndjson" {
			t.Errorf("who and when: %+v", first)
		}

		agreed := func(path string) {
			h.by("ben", "POST", path, map[string]any{"reason": "too early"})
			for _, p := range h.by("otto", "GET", "/v1/proposals?state=open", nil).want(200)["proposals"].([]any) {
				h.by("cleo", "POST", "/v1/proposals/"+p.(map[string]any)["id"].(string)+"/approve", map[string]any{"reason": "yes"}).want(200)
			}
		}
		agreed("/v1/lists/deny/rollback")
		x = h.history(p2pkh, "bitcoin")
		same(t, "after the rollback", "added v2", x.Lists[0].Events[len(x.Lists[0].Events)-1].Change+" v2")
		same(t, "listed again", true, x.Lists[0].Listed)

		// Another address of the same key is found with it, and said to be.
		x = h.history(p2wpkh, "bitcoin")
		same(t, "class", "same_key", x.Lists[0].Events[0].Class)
		same(t, "read as", client.Reading{Network: "bitcoin", Kind: "bitcoin p2wpkh", Canonical: p2wpkh, Identity: x.Readings[0].Identity}, x.Readings[0].Reading)
		found := false
		for _, r := range x.Readings[0].Related {
			found = found || r.Canonical == p2pkh && r.Class == "same_key" && r.Derivation != ""
		}
		if !found {
			t.Errorf("the related address is missing: %+v", x.Readings[0].Related)
		}
		agreed("/v1/lists/deny/retire")
		x = h.history(p2pkh, "bitcoin")
		last := x.Lists[0].Events[len(x.Lists[0].Events)-1]
		same(t, "a retired list", []any{"removed", 2, "retire", false}, []any{last.Change, last.Version, last.Action, x.Lists[0].Listed})
		same(t, "on no list", []client.AddressOnOneList{}, h.history(genesis, "bitcoin").Lists)
		for _, r := range h.records()[before:] {
			if r["kind"] == "check" {
				t.Errorf("a look at the history is recorded as a check: %v", r)
			}
		}
	})
}

// What versions said whose listings were dropped is not guessed.
func TestHistoryReachesAsFarAsVersionsAreKept(t *testing.T) {
	h := open(t)
	for i := range 6 {
		rows := row(lazarus, "L") + row(evm(i), "E")
		if i == 1 {
			rows += row(p2pkh, "gone before anything is known")
		}
		h.publish("deny", map[string]any{"approvals": 0, "keep": 1}, rows)
		h.clock.advance(48 * time.Hour)
	}
	x := h.history(lazarus, "").Lists[0]
	if x.KnownFrom < 3 {
		t.Fatalf("known from version %d: nothing was dropped", x.KnownFrom)
	}
	same(t, "added in the version that it first appeared in", []string{"added v1 g1 activate exact L"}, story(x))
	same(t, "what nobody knows", []client.AddressOnOneList{}, h.history(p2pkh, "").Lists)
}

func TestHistoryRefusals(t *testing.T) {
	h := screened(t)
	h.by("otto", "GET", "/v1/addresses/vitalik.eth/history", nil).refused(problem{Status: 422, Code: "invalid_address", Reason: "name_not_address"})
	secret := "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ"
	a := h.by("otto", "GET", "/v1/addresses/"+secret+"/history", nil)
	if a.status != 422 || strings.Contains(string(a.body), secret) {
		t.Errorf("a key: %d %s", a.status, a.body)
	}
	h.by("otto", "GET", "/v1/addresses/"+lazarus+"/history?network=nosuch", nil).refused(problem{Status: 422, Code: "unsupported_network"})
	same(t, "a text that is listed as it is", []string{"added v1 g1 activate raw Some Three"}, story(h.history(rawMonero, "monero").Lists[0]))
	limited := h.by("root", "POST", "/v1/keys", map[string]any{"name": "one", "roles": []string{"auditor"}, "lists": []string{"deny"}}).want(201)["key"].(string)
	same(t, "lists of a limited key", []any{}, h.do(call{method: "GET", path: "/v1/addresses/" + lazarus + "/history", key: limited}).want(http.StatusOK)["lists"].([]any))
	h.store.gone.Store(true)
	h.by("otto", "GET", "/v1/addresses/"+lazarus+"/history", nil).refused(problem{Status: 503, Code: "store_unavailable"})
}

// An auditor sees when the publisher listed and removed an address, also where no version has ever had it, and whence the date of a listing is.
func TestHistoryFromThePublishersArchive(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		in := func(entity, text string) lists.DeltaAddress {
			return lists.DeltaAddress{Entity: entity, Asset: "ETH", Address: text}
		}
		h.publish("ofac", map[string]any{"approvals": 0}, row(dogecoin, "D"))
		archive := lists.DeltaArchive{URLSHA256: "a", Years: map[int]bool{}, Read: []lists.Publication{
			{ID: "31", Date: "2025-03-21", Ended: []string{"T"}},
			{ID: "7", Date: "2023-02-01", Added: []lists.DeltaAddress{in("T", evmGone), in("L", lazarus)}},
		}}
		for year := lists.FirstDeltaYear; year <= 2100; year++ {
			archive.Years[year] = true
		}
		if err := h.store.Commit(t.Context(), lists.Put(lists.DocDeltas("ofac"), archive, 0)); err != nil {
			t.Fatal(err)
		}
		h.publish("ofac", map[string]any{"approvals": 0}, `{"address":"`+lazarus+`","asset":"ETH","entity":{"id":"L","name":"Lazarus Group","type":"entity"}}`+"\n"+row(dogecoin, "D"))

		gone := h.history(evmGone, "")
		same(t, "removed", []client.AddressOnOneList{{ID: "ofac", Name: gone.Lists[0].Name, Authority: gone.Lists[0].Authority, KnownFrom: 1, Events: []client.ListingEvent{},
			Archive: &client.AddressInArchive{From: "2023-02-01", To: "2025-03-21", Periods: []client.PeriodInArchive{{Address: evmGone, Asset: "ETH", EntityID: "T", Class: "exact",
				ListedOn: "2023-02-01", ListedIn: "7", RemovedOn: "2025-03-21", RemovedIn: "31"}}}}}, gone.Lists)
		listed := h.history(strings.ToLower(lazarus), "").Lists[0]
		same(t, "listed", &client.AddressInArchive{From: "2023-02-01", To: "2025-03-21", Periods: []client.PeriodInArchive{{Address: lazarus, Asset: "ETH", EntityID: "L", Class: "exact",
			ListedOn: "2023-02-01", ListedIn: "7"}}}, listed.Archive)
		same(t, "its listing", "2023-02-01 delta archive, publication 7", listed.Events[0].Listing.ListedOn+" "+listed.Events[0].Listing.ListedOnFrom)
		match := h.by("otto", "GET", "/v1/addresses/"+lazarus, nil).want(200)["matches"].([]any)[0].(map[string]any)
		same(t, "the answer", []any{"2023-02-01", "delta archive, publication 7"}, []any{match["listed_on"], match["listed_on_from"]})
		same(t, "an address without dates", (*client.AddressInArchive)(nil), h.history(dogecoin, "").Lists[0].Archive)
	})
}
