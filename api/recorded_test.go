package api_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/api"
	"interdict/screening"
	"interdict/screening/journal"
)

// A record says what the caller was answered, byte for byte: the answer, or the problem that is made of the error.
func TestARecordHasWhatTheCallerWasAnswered(t *testing.T) {
	h := screened(t)
	last := func() *screening.Decision {
		var d *screening.Decision
		for r, err := range journal.Read(t.Context(), h.dir+"/journal") {
			if err == nil && r.Kind == journal.Check {
				d, err = screening.DecodeRecord(r.Kind, r.ID, r.Time, r.Payload)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	for name, asked := range map[string]map[string]any{
		"hit":                  checkOf(lazarus, "ethereum"),
		"miss":                 checkOf(genesis, "btc"),
		"several readings":     checkOf(genesis, ""),
		"wrong network":        checkOf(genesis, "ethereum"),
		"unknown network":      checkOf(genesis, "nosuch"),
		"bad checksum":         checkOf(genesis[:len(genesis)-1]+"b", "bitcoin"),
		"bad character":        checkOf("0"+genesis, "bitcoin"),
		"only the letter case": checkOf(strings.Replace(lazarus, "0x098B", "0x098b", 1), "ethereum"),
		"secret":               checkOf("5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss", "bitcoin"),
		"name":                 checkOf("vitalik.eth", "ethereum"),
	} {
		t.Run(name, func(t *testing.T) {
			got := h.in(t).by("till", "POST", "/v1/check", asked)
			d := last()
			recorded := d.Answer
			if d.Err != nil {
				recorded = api.Problem(d.Err)
			}
			if diff := cmp.Diff(string(bytes.TrimSpace(got.body)), string(recorded)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
