package screening_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening"
	"interdict/screening/journal"
)

// A text that looks like a secret is not recorded if the error has another cause, such as a store that cannot be read. The test of all
// outputs of the program is in secrets_test.go at the root.
func TestSecretsAreNotRecorded(t *testing.T) {
	const hex64 = "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
	dir := t.TempDir()
	h := open(t, time.Now)
	h.load(t, sanctions("keys"), "ndjson", row(hex64, "monero")+row(evmA, "ethereum"))
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{Store: h.store}
	s := screening.New(f, j, noMetrics{}, quiet, time.Now)
	if err := s.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	f.lookup.Store(true)
	var a screening.Answer
	// The filter says maybe, and the store cannot be read.
	if err := s.Check(ctx, &screening.Request{Address: hex64, Network: "ethereum"}, &a); !errors.As(err, new(*screening.Undecided)) {
		t.Errorf("64 hex digits: %v", err)
	}
	if err := s.Check(ctx, &screening.Request{Address: secretWIF, Network: "nowhere"}, &a); !fault.Is(err, fault.UnsupportedNetwork) {
		t.Errorf("a network that is not known: %v", err)
	}
	for _, dressed := range []string{"p2wpkh:" + secretWIF, `"` + secretWIF + `"`, "wpkh(" + secretWIF + ")"} {
		if err := s.Check(ctx, &screening.Request{Address: dressed}, &a); !errors.As(err, new(*screening.Refused)) {
			t.Errorf("a key with a prefix: %v", err)
		}
	}
	// Of other texts that are refused a digest is recorded, too.
	if err := s.Check(ctx, &screening.Request{Address: "0:" + strings.ToUpper(hex64), Network: "bitcoin"}, &a); err == nil {
		t.Error("an account of TON is one of Bitcoin")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range journal.Read(ctx, dir) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if record := string(asJSON(t, r)); strings.Contains(string(r.Payload), hex64[:12]) || strings.Contains(record, hex64[:12]) || strings.Contains(record, secretWIF[:12]) {
			t.Errorf("record %d is %s", n, record)
		} else if n == 6 && !strings.Contains(record, `"input":"`+address.Digest("0:"+strings.ToUpper(hex64))+`"`) {
			t.Errorf("a refused text is recorded as %s", record)
		}
	}
	if n != 6 {
		t.Errorf("%d records", n)
	}
}

// The texts beside the address are recorded as address.Recordable has them, so that a search for one finds it.
func TestReferenceAndCustomerAreRecordedWithoutSecrets(t *testing.T) {
	const tx = "0x8da4ef21b864d2cc526dbdb2a120bd2874c36c9d0a1fb7f8c63d7f7a8b41de8f"
	for text, want := range map[string]string{"wd-8842": "wd-8842", "550e8400-e29b-41d4-a716-446655440000": "550e8400-e29b-41d4-a716-446655440000",
		tx: address.Digest(tx), "tx " + tx: "tx " + tx, "order 7, key=" + secretWIF: "order 7, key=" + address.Digest(secretWIF)} {
		if address.Recordable(text) != want {
			t.Errorf("%q becomes %q", text, address.Recordable(text))
		}
		record := recordOf(t, row(evmA, "ethereum"), screening.Request{Address: evmA, Network: "ethereum", Asset: secretWIF, Reference: text, Customer: text})
		got := map[string]string{}
		for _, field := range []string{"asset", "reference", "customer"} {
			got[field], _ = record[field].(string)
		}
		if diff := cmp.Diff(map[string]string{"asset": address.Digest(secretWIF), "reference": want, "customer": want}, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// 64 hex digits without a network may be a private key. The caller gets them back, the record does not.
func TestAnAddressThatMayBeAKeyIsRecordedAsADigest(t *testing.T) {
	const account = "0x5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
	digest := address.Digest(account)
	for name, c := range map[string]struct {
		listed, network string
		want            map[string]any
	}{
		"no network":    {evmA, "", map[string]any{"input": digest, "canonical": digest, "identity": digest}},
		"a network":     {evmA, "aptos", map[string]any{"input": account, "canonical": account, "identity": "aptos:" + account[2:]}},
		"it is listed":  {account, "", map[string]any{"input": account}},
		"not a network": {evmA, "nowhere", nil},
	} {
		record := recordOf(t, row(c.listed, ""), screening.Request{Address: account, Network: c.network})
		if c.want == nil {
			if record["input"] != digest {
				t.Errorf("%s: %v", name, record)
			}
			continue
		}
		shown := record["answer"].(map[string]any)["address"].(map[string]any)
		for field, want := range c.want {
			if shown[field] != want {
				t.Errorf("%s: %s is %v, want %v", name, field, shown[field], want)
			}
		}
	}
}

// A parameter of a payment URI may hold a key.
func TestAParameterOfAURIIsRecordedWithoutSecrets(t *testing.T) {
	const key = "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
	record := recordOf(t, row(evmB, "ethereum"), screening.Request{Address: "bitcoin:" + btcA + "?memo=" + key})
	shown := record["answer"].(map[string]any)["address"].(map[string]any)
	got := []any{shown["input"], shown["attributes"], shown["canonical"]}
	want := []any{"bitcoin:" + btcA + "?memo=" + address.Digest(key), map[string]any{"memo": address.Digest(key)}, btcA}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// recordOf returns the record of one check against a list of one row.
func recordOf(t *testing.T, listed string, r screening.Request) map[string]any {
	t.Helper()
	dir := t.TempDir()
	h := open(t, time.Now)
	h.load(t, sanctions("one"), "ndjson", listed)
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := screening.New(h.store, j, noMetrics{}, quiet, time.Now)
	if err := s.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	var a screening.Answer
	if err := s.Check(ctx, &r, &a); err == nil && !strings.Contains(string(a.JSON), r.Address) {
		t.Errorf("the caller gets %s", a.JSON)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var last map[string]any
	for rec, err := range journal.Read(ctx, dir) {
		if err != nil {
			t.Fatal(err)
		}
		last = nil
		if err := json.Unmarshal(asJSON(t, rec), &last); err != nil {
			t.Fatal(err)
		}
	}
	return last
}
