package screening_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
)

func (h *house) explain(t testing.TB, r screening.Request) (*screening.Explanation, *screening.Answer, error) {
	t.Helper()
	var a screening.Answer
	x, err := h.screener.Explain(ctx, &r, &a)
	return x, &a, err
}

const (
	btcB       = "bc1qvt5s0v2uhuna2sjnn84ldu8m2r4m3rcc4048ry" // P2WPKH of btcA's key hash
	cardanoA   = "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x"
	zcashA     = "u1l8xunezsvhq8fgzfl7404m450nwnd76zshscn6nfys7vyz2ywyh4cc5daaq0c7q2su5lqfh23sp7fkf3kt27ve5948mzpfdvckzaect2jtte308mkwlycj2u0eac077wu70vqcetkxf"
	icpA       = "k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae-6cc627i.1"
	substrateA = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	secretWIF  = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"
)

func TestExplanationOfAnAnswer(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	h := open(t, func() time.Time { return now })
	h.load(t, sanctions("deny"), "ndjson", row(btcA, "bitcoin"))
	h.load(t, sanctions("other"), "ndjson", row(evmA, "ethereum"))
	x, a, err := h.explain(t, screening.Request{Address: "\tbitcoin:" + strings.ToUpper(btcB) + "?amount=1 ", Direction: lists.Deposit, By: "key"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(screening.Text{Given: a.Input, Trimmed: true, Wrapper: "URI scheme bitcoin"}, x.Text); d != "" {
		t.Error(d)
	}
	want := []screening.Reading{{Network: "bitcoin", Kind: "bitcoin p2wpkh", Canonical: btcB, Identity: "bitcoin:p2wpkh:62e907b15cbf27d5425399ebf6f0fb50ebb88f18",
		Attributes: map[string]string{"amount": "1"}}}
	if d := cmp.Diff(want, x.Readings); d != "" {
		t.Error(d)
	}
	if len(x.Keys) != 2 {
		t.Fatalf("it was looked up under %d keys", len(x.Keys))
	}
	layer := x.Compared.Lists[0].Layers[0].ID
	yes := true
	for i, want := range []struct {
		role  string
		finds screening.Related
	}{
		{"its own key", screening.Related{Network: "bitcoin", Kind: "bitcoin p2pkh", Canonical: btcA, Class: "same_key", Derivation: "bitcoin p2pkh → bitcoin p2wpkh: the same public key hash"}},
		{"its nested SegWit form, P2SH of the P2WPKH program", screening.Related{Network: "bitcoin", Kind: "bitcoin p2sh", Canonical: "33XqwwEZdYUj5bjyncxSWybiQTSjF66r2t",
			Class: "same_key", Derivation: "bitcoin p2wpkh key hash → nested SegWit of bitcoin"}},
	} {
		k := x.Keys[i]
		found := false
		for _, f := range k.Finds {
			found = found || f == want.finds
		}
		if k.Role != want.role || !found || !cmp.Equal(k.Networks, []string{"bitcoin"}) {
			t.Errorf("key %d: %+v", i, k)
		}
		// The listed address is in the layer under both keys, its own and the nested one.
		if d := cmp.Diff([]screening.Place{{List: "deny", Layer: layer, Listed: &yes}}, k.Possible); d != "" {
			t.Errorf("key %d: %s", i, d)
		}
	}
	compared := &screening.Compared{Generation: 2, AsOf: now, Listings: 2, Lists: []screening.ComparedList{
		{ID: "deny", Name: "deny", Version: 1, FreshAt: now, Listings: 1, Layers: []screening.ComparedLayer{{ID: layer, Version: 1, Keys: 2}}},
		{ID: "other", Name: "other", Version: 1, FreshAt: now, Listings: 1, Layers: []screening.ComparedLayer{{ID: x.Compared.Lists[1].Layers[0].ID, Version: 1, Keys: 1}}}}}
	if d := cmp.Diff(compared, x.Compared); d != "" {
		t.Error(d)
	}
	if x.Outcome.Result != "hit" || string(x.Outcome.Answer) != string(a.JSON) || a.Action != lists.Review {
		t.Errorf("the outcome is %s %s", x.Outcome.Result, x.Outcome.Answer)
	}
}

// Each address that an explanation names matches if it is listed, with the class and derivation of the explanation; no other address does.
func TestExplanationAgreesWithMatches(t *testing.T) {
	for name, asked := range map[string]screening.Request{
		"bitcoin P2WPKH": {Address: btcB}, "bitcoin P2PKH under every network": {Address: btcA}, "evm": {Address: evmA}, "tron": {Address: tronA},
		"cardano base": {Address: cardanoA}, "zcash unified": {Address: zcashA}, "icp sub-account": {Address: icpA},
		"substrate under every network": {Address: substrateA}, "polkadot": {Address: substrateA, Network: "polkadot"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, time.Now)
			x, _, err := h.explain(t, asked)
			if !fault.Is(err, fault.NotLoaded) {
				t.Fatal(err)
			}
			type listing struct{ address, network string }
			promised := map[listing]map[[2]string]bool{} // class and derivation
			var rows strings.Builder
			for _, k := range x.Keys {
				for _, f := range k.Finds {
					l := listing{f.Canonical, f.Network}
					if promised[l] == nil {
						promised[l] = map[[2]string]bool{}
					}
					promised[l][[2]string{f.Class, f.Derivation}] = true
					rows.WriteString(row(f.Canonical, f.Network))
				}
			}
			h.load(t, sanctions("deny"), "ndjson", rows.String())
			x, a, err := h.explain(t, asked)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range a.Matches {
				l := listing{m.Listed, m.Network}
				if !promised[l][[2]string{m.Class.String(), m.Derivation}] {
					t.Errorf("%v is a match as %s (%s), which the explanation does not name", l, m.Class, m.Derivation)
				}
				delete(promised, l)
			}
			for listed, how := range promised {
				t.Errorf("%v is explained as %v but does not match", listed, how)
			}
			for _, k := range x.Keys {
				if len(k.Finds) > 0 && len(k.Possible) == 0 {
					t.Errorf("key %s (%s): its listings exist, and no filter says maybe", k.Key, k.Role)
				}
			}
		})
	}
}

// Every form of every network has an explanation that describes each of its keys.
func TestExplanationOfEveryForm(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum"))
	for _, n := range address.Networks() {
		for _, form := range n.Forms {
			x, _, err := h.explain(t, screening.Request{Address: form.Example, Network: n.Name})
			if err != nil || len(x.Readings) != 1 || x.Readings[0].Network != n.Name || x.Readings[0].Kind == "" || x.Readings[0].Identity == "" {
				t.Errorf("%s %s: %+v (%v)", n.Name, form.Name, x, err)
				continue
			}
			for _, k := range x.Keys {
				if k.Role == "" || k.Key == "" || !cmp.Equal(k.Networks, []string{n.Name}) {
					t.Errorf("%s %s: %+v", n.Name, form.Name, k)
				}
			}
		}
	}
	for text, want := range map[string]string{
		btcA: "", "bitcoin:" + btcA: "URI scheme bitcoin", "BITCOIN:" + strings.ToUpper(btcB): "URI scheme bitcoin",
		"eip155:1:" + evmA: "CAIP-10 eip155:1", "eip155:100:" + evmA: "CAIP-10 eip155:100", "arb1:" + evmA: "ERC-3770 short name arb1",
		"0:ca6e321c7cce9ecedf0a8ca2492ec8592494aa5fb5ce0387dff96ef6af982a3e": "", "rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf:7": "",
	} {
		if x, _, err := h.explain(t, screening.Request{Address: text}); err != nil || x.Text.Wrapper != want {
			t.Errorf("%s: the wrapper is %q (%v), want %q", text, x.Text.Wrapper, err, want)
		}
	}
}

func TestExplanationOfARefusal(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum")+row("no address at all", "bitcoin"))
	at := 11
	for text, want := range map[string]screening.Refusal{
		" 1A1zP1eP5Q0efi2DMPTfTL5SLmv7DivfNa": {Reason: "bad_character", Network: "bitcoin", Position: &at, Detail: "it is no character of the base58 alphabet"},
		"LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9":  {Reason: "wrong_network", Network: "bitcoin", Detail: "its version is of another network", Networks: []string{"litecoin"}},
	} {
		x, _, err := h.explain(t, screening.Request{Address: text, Network: "bitcoin"})
		if !errors.As(err, new(*screening.Refused)) || x.Outcome.Result != "refused" {
			t.Errorf("%s: %+v (%v)", text, x, err)
			continue
		}
		if d := cmp.Diff(&want, x.Outcome.Refused); d != "" {
			t.Errorf("%s: %s", text, d)
		}
		if len(x.Keys) != 1 || !strings.HasPrefix(x.Keys[0].Role, "the text itself") {
			t.Errorf("%s was looked up under %+v", text, x.Keys)
		}
	}
	x, _, _ := h.explain(t, screening.Request{Address: "0xDAC17F958D2ee523a2206206994597C13D831ec7"})
	if !x.Outcome.Refused.WouldMatch || x.Keys[0].Finds[0].Canonical != evmA || !*x.Keys[0].Possible[0].Listed {
		t.Errorf("wrong letter case: %+v", x)
	}
	long := strings.Repeat("x", 500)
	if x, _, _ := h.explain(t, screening.Request{Address: long}); len(x.Text.Given) != 64 {
		t.Errorf("%d bytes of an invalid text are in the explanation", len(x.Text.Given))
	}
	if x, a, err := h.explain(t, screening.Request{Address: "no address at all"}); err != nil || a.Result != screening.Hit || len(x.Readings) != 0 || !*x.Keys[0].Possible[0].Listed {
		t.Errorf("the raw row: %+v (%v)", x, err)
	}
	if x, _, err := h.explain(t, screening.Request{Address: evmA, Network: "nowhere"}); x != nil || !fault.Is(err, fault.UnsupportedNetwork) {
		t.Errorf("a network that is not known: %+v (%v)", x, err)
	}
}

func TestExplanationHidesSecrets(t *testing.T) {
	for name, loaded := range map[string]bool{"with a list": true, "without a list": false} {
		h := open(t, time.Now)
		if loaded {
			h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum")+row("no address at all", "bitcoin"))
		}
		x, _, err := h.explain(t, screening.Request{Address: secretWIF})
		if err == nil || !x.Text.Hidden || len(x.Keys) != 0 {
			t.Errorf("%s: %+v (%v)", name, x, err)
		}
		b, jerr := json.Marshal(x)
		if jerr != nil || strings.Contains(string(b), secretWIF[:8]) || strings.Contains(err.Error(), secretWIF[:8]) {
			t.Errorf("%s: %s (%v)", name, b, err)
		}
	}
}

func TestExplanationOfAnUnreadableStore(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum"))
	f := &faulty{Store: h.store}
	h.screener = screening.New(f, h.journal, noMetrics{}, quiet, time.Now)
	if err := h.screener.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	f.lookup.Store(true)
	x, _, err := h.explain(t, screening.Request{Address: evmA})
	if !errors.As(err, new(*screening.Undecided)) || x.Outcome.Result != "undecided" || len(x.Keys[0].Possible) != 1 || x.Keys[0].Possible[0].Listed != nil {
		t.Errorf("the store is gone: %+v (%v)", x, err)
	}
	f.lookup.Store(false)
	f.attributions.Store(true)
	x, _, err = h.explain(t, screening.Request{Address: evmA})
	if err == nil || x.Outcome.Result != "undecided" || !*x.Keys[0].Possible[0].Listed {
		t.Errorf("the attributions are gone: %+v (%v)", x, err)
	}
	h.screener = screening.New(h.store, failing{}, noMetrics{}, quiet, time.Now)
	if err := h.screener.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if x, _, err := h.explain(t, screening.Request{Address: evmA}); x != nil || !fault.Is(err, fault.Unavailable) {
		t.Errorf("a decision that could not be recorded is explained: %+v (%v)", x, err)
	}
}

func TestExplanationOfARemovedListing(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum")+row(evmB, "ethereum"))
	v, err := h.loader.Stage(ctx, "deny", []loader.Upload{{Name: "gone.ndjson", Body: strings.NewReader(row(evmA, "ethereum"))}},
		loader.StageOptions{Format: "ndjson", Mode: lists.Remove, By: lists.Person("tester")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.loader.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("tester"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := h.screener.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	x, a, err := h.explain(t, screening.Request{Address: evmA})
	if err != nil || a.Result != screening.Miss || len(x.Keys[0].Possible) != 2 {
		t.Fatalf("it is a %v: %+v (%v)", a.Result, x, err)
	}
	for _, p := range x.Keys[0].Possible {
		if p.Listed == nil || !*p.Listed {
			t.Errorf("layer %s: %+v", p.Layer, p)
		}
	}
	if l := x.Compared.Lists[0].Layers; len(l) != 2 || l[1].Removals != 1 {
		t.Errorf("the layers are %+v", l)
	}
}

func TestExplanationIsRecordedLikeACheck(t *testing.T) {
	dir := t.TempDir()
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum"))
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.screener = screening.New(h.store, j, noMetrics{}, quiet, time.Now)
	if err := h.screener.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	_, a, err := h.explain(t, screening.Request{Address: evmA, By: "key"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.explain(t, screening.Request{Address: "nonsense", By: "key"}); err == nil {
		t.Fatal("nonsense is an address")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r, err := range journal.Read(ctx, dir) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(asJSON(t, r)))
	}
	if len(got) != 2 || got[0] != `{"by":"key","answer":`+string(a.JSON)+`}` || !strings.Contains(got[1], `"input":"`+address.Digest("nonsense")+`"`) {
		t.Errorf("recorded are %q", got)
	}
}
