package selftest

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// Every spelling of every valid vector is the same wallet, and every changed text is refused.
func TestSpellingsMeanTheSameOrAreRefused(t *testing.T) {
	b, err := os.ReadFile("../../docs/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	hows, refusals := map[string]int{}, 0
	for line := range strings.Lines(string(b)) {
		var v vector
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if v.Kind != "valid" || v.Networks[0] == "" {
			continue
		}
		all, err := address.Parse(nil, v.Texts[0], v.Networks[0])
		if err != nil || len(all) != 1 {
			t.Fatal(v.ID, err)
		}
		a := &all[0]
		for _, s := range Spellings(a, r) {
			hows[s.How]++
			got, err := address.Parse(nil, s.Text, a.Network)
			var bad *address.Error
			switch {
			case s.Refused && errors.As(err, &bad):
				refusals++
			case s.Refused:
				t.Errorf("%s %s: %s: %q is not refused: %v %v", v.ID, a.Network, s.How, s.Text, got, err)
			case err != nil || len(got) < 1 || got[0].Key != a.Key || got[0].Variant != a.Variant:
				t.Errorf("%s %s: %s: %q: %v, %v", v.ID, identity(a), s.How, s.Text, got, err)
			}
		}
	}
	for _, how := range []string{"canonical", "white space around it", "payment URI", "payment URI with its scheme in capitals", "CAIP-10", "0X", "capital digits", "hex",
		"hex behind 0x41", "without the prefix", "without the prefix, in capitals", "the old form", "X-address", "bounceable", "not bounceable", "not bounceable, base64",
		"the version of before 2018", "t for f", "xrb_", "capital letters", "small letters", "ERC-3770", "EIP-681 with the chain", "letters of both cases",
		"one character is wrong", "one letter in the wrong case", "not bounceable, one bit is wrong"} {
		if hows[how] == 0 {
			t.Errorf("no address was written like this: %s", how)
		}
	}
	if refusals < 400 {
		t.Errorf("only %d texts were refused", refusals)
	}
}

func TestVectorsHold(t *testing.T) {
	b, err := os.ReadFile("../../docs/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	n, err := Vectors(b, func(f Failure) bool {
		t.Errorf("%+v", f)
		return true
	})
	if err != nil || n != strings.Count(string(b), "\n") {
		t.Errorf("%d lines, %v", n, err)
	}
}

// Each kind of line can fail, and the failure says what is so instead.
func TestAVectorThatDoesNotHoldIsNamed(t *testing.T) {
	const genesis, other = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
	for line, want := range map[string]Failure{
		`{"id":"a","kind":"valid","networks":["bitcoin"],"texts":["` + genesis + `"],"canonical":"x","identity":"y","why":"w"}`: {Vector: "a", Text: genesis, Network: "bitcoin", How: "w", Want: "y x",
			Got: "bitcoin:p2pkh:62e907b15cbf27d5425399ebf6f0fb50ebb88f18 " + genesis},
		`{"id":"b","kind":"invalid","networks":["bitcoin"],"texts":["` + genesis + `"],"reason":"empty"}`:                     {Vector: "b", Text: genesis, Network: "bitcoin", Want: "refused: empty", Got: "an address of bitcoin"},
		`{"id":"c","kind":"invalid","networks":["bitcoin"],"texts":[" "],"reason":"bad_length"}`:                              {Vector: "c", Text: " ", Network: "bitcoin", Want: "refused: bad_length", Got: "refused: empty"},
		`{"id":"d","kind":"same","networks":["bitcoin","bitcoin"],"texts":["` + genesis + `","` + other + `"]}`:               {Vector: "d", Text: other, Network: "bitcoin", Want: "class exact", Got: "class "},
		`{"id":"e","kind":"different","networks":["bitcoin",""],"texts":["` + other + `","` + other + `"]}`:                   {Vector: "e", Text: other, Want: "two wallets", Got: "one wallet: bitcoin:p2wpkh:751e76e8199196d454941c45d1b3a323f1433bd6"},
		`{"id":"f","kind":"same_key","class":"same_key","networks":["bitcoin",""],"texts":["` + other + `","` + other + `"]}`: {Vector: "f", Text: other, Want: "class same_key", Got: "class exact"},
	} {
		var got []Failure
		n, err := Vectors([]byte(line+"\n"), func(f Failure) bool { got = append(got, f); return true })
		if d := cmp.Diff([]Failure{want}, got); d != "" || n != 1 || err != nil {
			t.Errorf("%s: %d, %v, -want +got\n%s", line, n, err, d)
		}
	}
	for _, line := range []string{"{", `{"kind":"valid"}`, `{"kind":"else","texts":[""],"networks":[""]}`} {
		if _, err := Vectors([]byte(line), func(Failure) bool { return true }); err == nil {
			t.Errorf("%s is taken for a vector", line)
		}
	}
}

// A report that was signed verifies with its key alone, and not after any change.
func TestASignedReportIsVerified(t *testing.T) {
	skey, vkey, err := note.GenerateKey(nil, "interdict")
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := note.GenerateKey(nil, "interdict")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(text string) ([]byte, error) { return note.Sign(&note.Note{Text: text}, signer) }
	r := Report{Program: "dev", At: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), Subject: "store \u202e\n\n<x>", Passed: true, Seed: 1<<63 + 1, Sample: 200,
		Lists: []ListResult{{List: "ofac-sdn", Version: 3}}, Failures: []Failure{}}
	b, err := Seal(&r, sign)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(b, []string{stranger, vkey})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(&Opened{Report: r, SHA256: got.SHA256, Keys: []string{"interdict"}}, got); d != "" || len(got.SHA256) != 64 {
		t.Errorf("-want +got\n%s", d)
	}
	if _, err := Open(b, []string{stranger}); !fault.Is(err, fault.Invalid) {
		t.Errorf("with the key of a stranger: %v", err)
	}
	if _, err := Open(b, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a key: %v", err)
	}
	for i := range b {
		changed := bytes.Clone(b)
		changed[i] ^= 1
		if x, err := Open(changed, []string{vkey}); err == nil && !cmp.Equal(x.Report, r) {
			t.Fatalf("byte %d was changed", i)
		}
	}
	checkpoint, err := sign("interdict/0190\n7\nAAAA\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(checkpoint, []string{vkey}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a checkpoint: %v", err)
	}
}
