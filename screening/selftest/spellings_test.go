package selftest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"interdict/lists"
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

// One letter of this account is all that differs between EIP-55 and EIP-1191: with it changed, the text is an address.
func TestTheChecksumOfRootstockIsNotRefused(t *testing.T) {
	all, err := address.Parse(nil, "0x11775a106157a283873a81e8ec58394b8d568e06", "ethereum")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(200) {
		for _, s := range Spellings(&all[0], rand.New(rand.NewPCG(seed, 0))) {
			if _, err := address.Parse(nil, s.Text, "ethereum"); s.Refused != (err != nil) {
				t.Fatalf("seed %d: %s: %q: %v", seed, s.How, s.Text, err)
			}
		}
	}
}

// The choice is bounded, fair and repeatable.
func TestSampler(t *testing.T) {
	choose := func(seed uint64, list string, size int) string {
		s := NewSampler(seed, list, size)
		for i := range 1000 {
			s.Add(lists.Listing{Address: strconv.Itoa(i)})
		}
		var all []string
		for _, l := range s.kept {
			all = append(all, l.Address)
		}
		return strings.Join(all, " ")
	}
	if one, again := choose(7, "a", 20), choose(7, "a", 20); one != again || strings.Count(one, " ") != 19 {
		t.Errorf("%s\n%s", one, again)
	}
	if choose(7, "a", 20) == choose(8, "a", 20) || choose(7, "a", 20) == choose(7, "b", 20) {
		t.Error("another seed or list gives the same choice")
	}
	if got := choose(7, "a", 5000); strings.Count(got, " ") != 999 {
		t.Errorf("%d of 1000", strings.Count(got, " ")+1)
	}
	chosen := make([]int, 10) // by tenth of the list
	for seed := range uint64(2000) {
		for _, text := range strings.Fields(choose(seed, "a", 10)) {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			chosen[n/100]++
		}
	}
	for tenth, n := range chosen {
		if n < 1850 || n > 2150 { // 2000 are expected, with a standard deviation of 42
			t.Errorf("tenth %d was chosen %d times", tenth, n)
		}
	}
}

// Every kind of wrong answer is a failure, and every right one is counted.
func TestWrongAnswersFail(t *testing.T) {
	const listed = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
	hit := Outcome{Result: "hit", Generation: 4, Matched: []string{"deny"}}
	for name, x := range map[string]struct {
		good, bad Outcome // for texts that mean the listed one, and that do not
		err       error
		want      string // of the failures; "": none
	}{
		"right":               {hit, Outcome{Result: "refused"}, nil, ""},
		"suppressed":          {Outcome{Result: "miss", Suppressed: []string{"deny"}}, Outcome{Result: "refused"}, nil, ""},
		"more matches":        {Outcome{Result: "hit", Matched: []string{"x"}, More: true}, Outcome{Result: "refused"}, nil, ""},
		"a miss":              {Outcome{Result: "miss"}, Outcome{Result: "refused"}, nil, "want hit on deny, got miss"},
		"another list":        {Outcome{Result: "hit", Matched: []string{"x"}}, Outcome{Result: "refused"}, nil, "want hit on deny, got hit, but not on deny: on [x]"},
		"refused":             {Outcome{Result: "refused"}, Outcome{Result: "refused"}, nil, "want hit on deny, got refused"},
		"an error is a miss":  {hit, Outcome{Result: "miss"}, nil, "want refused, got miss"},
		"an error is a hit":   {hit, hit, nil, "want refused, got hit"},
		"nothing is answered": {Outcome{}, Outcome{}, errors.New("away"), "want hit on deny, got no answer: away"},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewSampler(1, "deny", 9)
			s.Add(lists.Listing{Address: listed, Attribution: lists.Attribution{Network: "ethereum"}})
			s.Add(lists.Listing{Address: listed, Attribution: lists.Attribution{Network: "ethereum", ValidUntil: "2026-06-30"}})
			var failures []Failure
			r := ListResult{List: "deny"}
			ask := func(_ context.Context, text, network string) (Outcome, error) {
				if _, err := address.Parse(nil, text, network); err != nil {
					return x.bad, x.err
				}
				return x.good, x.err
			}
			_, err := s.Test(t.Context(), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), ask, &r, func(f Failure) bool { failures = append(failures, f); return true })
			if err != nil || r.Sampled != 2 || r.Expired != 1 || r.Texts < 10 || r.Hits+r.Suppressed+r.Refusals+r.Failed != r.Texts || r.Failed != len(failures) {
				t.Errorf("%+v, %v", r, err)
			}
			if x.want == "" {
				if len(failures) > 0 || r.Refusals != 1 {
					t.Errorf("%+v, %+v", r, failures)
				}
				return
			}
			if len(failures) == 0 || "want "+failures[0].Want+", got "+failures[0].Got != x.want {
				t.Errorf("%+v", failures)
			}
			s = NewSampler(1, "deny", 9)
			s.Add(lists.Listing{Address: listed, Attribution: lists.Attribution{Network: "ethereum"}})
			first := ListResult{List: "deny"}
			if _, err := s.Test(t.Context(), time.Now(), ask, &first, func(Failure) bool { return false }); err != nil || first.Failed != 1 {
				t.Errorf("the test goes on after the first failure: %+v, %v", first, err)
			}
		})
	}
}
