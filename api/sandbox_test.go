package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/replica"
	"interdict/screening/sandbox"
)

// withSandbox starts a server whose sandbox is on.
func withSandbox(t *testing.T, settings ...func(*api.Options)) *house {
	t.Helper()
	var own *screening.Screener
	h := open(t, append(settings, func(o *api.Options) {
		own = screening.NewReplica(o.Store, replica.Local{Sandbox: true}, o.Record.(screening.Journal), o.Metrics, o.Log, o.Now)
		o.Screener = own
	})...)
	h.screener = own
	return h
}

// loadSandbox activates the list of the sandbox.
func (h *house) loadSandbox() {
	h.t.Helper()
	settings := loader.NewList(sandbox.List, h.clock.now())
	settings.Authority, settings.Policy, settings.Approvals = sandbox.Authority, sandbox.Policy, 0
	by := lists.Person("test")
	v, err := h.loader.Stage(h.t.Context(), sandbox.List, []loader.Upload{{Name: "sandbox.ndjson", Body: bytes.NewReader(sandbox.Listings())}},
		loader.StageOptions{Format: "ndjson", By: by, Create: settings})
	if err == nil {
		_, err = h.loader.Activate(h.t.Context(), sandbox.List, v.Number, loader.ActivateOptions{By: by, Override: "test addresses", Warrant: lists.Warrant{Alone: lists.AloneOperator}})
	}
	if err == nil {
		err = h.screener.Refresh(h.t.Context())
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// of returns the test address with a name.
func (h *house) of(network, name string) client.SandboxAddress {
	h.t.Helper()
	for _, a := range sandbox.Addresses() {
		if a.Network == network && a.Name == name && !a.Testnet {
			return client.SandboxAddress{Address: a.Address, Network: a.Network}
		}
	}
	h.t.Fatalf("%s has no test address %s", network, name)
	return client.SandboxAddress{}
}

// outcomeOf is what an item of a batch gives, as the table has it; action is that of its direction.
func outcomeOf(t *testing.T, item json.RawMessage) (e client.SandboxExpected, action lists.Action) {
	t.Helper()
	var x struct {
		client.Answer
		Error *problem `json:"error"`
	}
	if err := json.Unmarshal(item, &x); err != nil {
		t.Fatal(err)
	}
	if x.Error != nil {
		return client.SandboxExpected{Result: "error", Status: x.Error.Status, Code: x.Error.Code, Reason: x.Error.Reason, PossibleMatch: x.Error.PossibleMatch, WouldMatch: x.Error.WouldMatch}, ""
	}
	e = client.SandboxExpected{Result: x.Result, Status: 200}
	if len(x.Matches) > 0 {
		m := x.Matches[0]
		e.Class, e.Category, e.Confidence = m.Class, m.Category, m.Confidence
	}
	if !x.Screened.Sandbox {
		t.Errorf("the answer for %s does not say that the sandbox is on", x.Address.Input)
	}
	return e, x.Action
}

func TestEveryTestAddressGivesWhatTheTableSays(t *testing.T) {
	h := withSandbox(t)
	h.loadSandbox()
	a := h.by("till", "GET", "/v1/sandbox", nil)
	a.want(200)
	var table client.Sandbox
	if err := json.Unmarshal(a.body, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Addresses) < 300 || a.header.Get("Interdict-Sandbox") != "on" {
		t.Fatalf("%d addresses, header %q", len(table.Addresses), a.header.Get("Interdict-Sandbox"))
	}
	for _, direction := range []lists.Direction{lists.Deposit, lists.Withdrawal} {
		var checks []map[string]any
		var asked []client.SandboxAddress
		for _, x := range table.Addresses {
			check := checkOf(x.Address, x.Network)
			check["direction"] = direction
			if x.Expect.Status > 422 && !x.Expect.PossibleMatch { // it fails a whole batch
				for _, path := range []string{"/v1/check", "/v1/checks"} {
					body := any(check)
					if path == "/v1/checks" {
						body = map[string]any{"checks": []any{checkOf(h.of("bitcoin", "miss").Address, ""), check}}
					}
					h.by("till", "POST", path, body).refused(problem{Status: x.Expect.Status, Code: x.Expect.Code})
				}
				continue
			}
			checks, asked = append(checks, check), append(asked, x)
		}
		var out struct{ Results []json.RawMessage }
		a := h.by("till", "POST", "/v1/checks", map[string]any{"checks": checks})
		if err := json.Unmarshal(a.body, &out); err != nil || len(out.Results) != len(checks) {
			t.Fatalf("%d: %s", a.status, a.body)
		}
		for i, x := range asked {
			got, action := outcomeOf(t, out.Results[i])
			want := x.Expect
			if direction == lists.Deposit {
				got.Deposit, want.Withdrawal = action, ""
			} else {
				got.Withdrawal, want.Deposit = action, ""
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (%s), %s: %s", x.Network, x.Name, x.Address, direction, diff)
			}
		}
	}
}

func TestTheSandboxIsSaidWhereverAnAnswerIs(t *testing.T) {
	h := withSandbox(t)
	h.loadSandbox()
	limited, blocked, missed := h.of("tron", "rate-limited"), h.of("bitcoin", "sanctions"), h.of("ethereum", "miss")

	// Errors have the status and headers of a real one.
	x := h.by("till", "POST", "/v1/check", checkOf(limited.Address, "tron"))
	x.refused(problem{Status: 429, Code: "rate_limited"})
	same(t, "Retry-After and the header of the sandbox", []string{"1", "on"}, []string{x.header.Get("Retry-After"), x.header.Get("Interdict-Sandbox")})
	h.by("till", "POST", "/v1/check", checkOf(h.of("xrp", "possible-match").Address, "xrp")).refused(problem{Status: 503, Code: "store_unavailable", PossibleMatch: true})

	// The record has the answer byte for byte, and says so too where there was no answer.
	for _, address := range []string{blocked.Address, missed.Address} {
		made := h.by("till", "POST", "/v1/check", checkOf(address, ""))
		var recorded client.CheckRecord
		if err := json.Unmarshal(h.by("otto", "GET", "/v1/checks/"+made.want(200)["check_id"].(string), nil).body, &recorded); err != nil {
			t.Fatal(err)
		}
		if !recorded.Sandbox || string(recorded.Answer) != strings.TrimSpace(string(made.body)) {
			t.Errorf("sandbox %v, the record has %s, not %s", recorded.Sandbox, recorded.Answer, made.body)
		}
	}

	// Drop-in endpoints.
	h.by("till", "GET", "/api/v1/address/"+h.of("litecoin", "lost").Address, nil).want(503)
	listed := h.by("till", "GET", "/api/v1/address/"+blocked.Address, nil)
	if !strings.Contains(string(listed.body), `"category":"sanctions"`) || listed.header.Get("Interdict-Sandbox") != "on" {
		t.Errorf("%s %v", listed.body, listed.header)
	}
	same(t, "a miss of a drop-in", `{"identifications":[]}`, strings.TrimSpace(string(h.by("till", "GET", "/api/v1/address/"+missed.Address, nil).body)))

	if body := h.do(call{method: "GET", path: "/readyz"}).body; !strings.Contains(string(body), `"name":"sandbox","status":"warn","detail":"on: `) {
		t.Errorf("/readyz: %s", body)
	}
	token, _ := h.signIn(h.keys.Staff(), "kim", lists.Auditor)
	_, page := h.page("/console/", with(token), nil)
	if notice, rest, _ := strings.Cut(page, "<h1>"); !strings.Contains(notice, "The sandbox is on") || !strings.Contains(rest, "Nothing has failed.") {
		t.Errorf("the console does not say once, above the page, that the sandbox is on: %s", page)
	}
	h.store.gone.Store(true) // so that nobody knows whose session it is
	h.do(call{method: "GET", path: "/v1/sandbox", header: with(token)}).refused(problem{Status: 503, Code: "store_unavailable"})
}

// A listing of a real list counts, whatever the sandbox says of its address.
func TestRealListsCountBeforeTheSandbox(t *testing.T) {
	h := withSandbox(t)
	h.loadSandbox()
	var rows strings.Builder
	names := []string{"miss", "allow", "stale", "possible-match", "rate-limited"}
	for _, name := range names {
		rows.WriteString(`{"address":"` + h.of("bitcoin", name).Address + `","network":"bitcoin"}` + "\n")
	}
	h.publish("ofac-sdn", sdn, rows.String())
	for _, name := range names {
		got := h.by("till", "POST", "/v1/check", checkOf(h.of("bitcoin", name).Address, "bitcoin")).want(200)
		same(t, name, []any{"hit", "reject"}, []any{got["result"], got["action"]})
	}
	for _, a := range sandbox.Addresses() {
		if a.Testnet && a.Network == "bitcoin" && a.Name == "miss" {
			got := h.by("till", "POST", "/v1/check", checkOf(a.Address, "bitcoin")).want(200)
			same(t, "the form of a test network", []any{"hit", "reject"}, []any{got["result"], got["action"]})
		}
	}
}

// Without the sandbox its list is a list like any other: what it reserves for errors is a hit, and addresses of test networks are refused.
func TestWithoutTheSandboxNothingOfItIsLeft(t *testing.T) {
	h := open(t)
	h.by("till", "GET", "/v1/sandbox", nil).refused(problem{Status: 404, Code: "not_found"})
	h.loadSandbox()
	for _, a := range sandbox.Addresses() {
		switch {
		case a.Network != "bitcoin":
		case a.Testnet:
			h.by("till", "POST", "/v1/check", checkOf(a.Address, a.Network)).refused(problem{Status: 422, Code: "invalid_address", Reason: "testnet", Network: "bitcoin"})
		case a.Name == "stale":
			got := h.by("till", "POST", "/v1/check", checkOf(a.Address, a.Network))
			same(t, "its result", any("hit"), got.want(200)["result"])
			if got.header.Get("Interdict-Sandbox") != "" || strings.Contains(string(got.body), `"sandbox":true`) {
				t.Errorf("%s %v", got.body, got.header)
			}
		}
	}
	if body := h.do(call{method: http.MethodGet, path: "/readyz"}).body; !strings.Contains(string(body), "interdict lists retire sandbox") {
		t.Errorf("/readyz does not say that the list is left over: %s", body)
	}
}
