package screening_test

import (
	"errors"
	"strings"
	"testing"
	"time"

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
	// Other texts are recorded: a TON account under the wrong network has 64 hex digits and is not a secret.
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
		if record := string(r.Payload); strings.Contains(record, hex64[:12]) || strings.Contains(record, secretWIF[:12]) {
			t.Errorf("record %d is %s", n, record)
		} else if n == 6 && !strings.Contains(record, `"input":"0:5BE5`) {
			t.Errorf("a text that is not a secret is recorded as %s", record)
		}
	}
	if n != 6 {
		t.Errorf("%d records", n)
	}
}
