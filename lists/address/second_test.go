package address

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

// What the tests of the families in the second block of numbers have in common.

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// read1 parses a text that has one reading under a network.
func read1(t tester, network, text string) Address {
	t.Helper()
	got, err := Parse(nil, text, network)
	if err != nil {
		t.Fatalf("%s %q is refused: %v", network, text, err)
	}
	if len(got) != 1 {
		t.Fatalf("%s %q has %d readings under a hint", network, text, len(got))
	}
	return got[0]
}

// oneIdentity demands that every spelling is the identity with that canonical text, and that the
// canonical text can be had back from what is stored.
func oneIdentity(t tester, network, canonical string, spellings ...string) Address {
	t.Helper()
	first := read1(t, network, canonical)
	for _, text := range append(spellings, canonical) {
		got := read1(t, network, text)
		if got.Key != first.Key || got.Variant != first.Variant {
			t.Errorf("%s: %q is another identity than %q", network, text, canonical)
		}
		if got.Canonical != canonical {
			t.Errorf("%s: the canonical text of %q is %q, want %q", network, text, got.Canonical, canonical)
		}
	}
	if n, text, ok := Render(first.Key, first.Variant); !ok || n != network || text != canonical {
		t.Errorf("%s: Render gives %q %q %v for %q", network, n, text, ok, canonical)
	}
	return first
}

// refused demands a reason for each text, given as reason: text, text …
func refused(t tester, network string, cases map[Reason][]string) {
	t.Helper()
	for reason, texts := range cases {
		for _, text := range texts {
			got, err := Parse(nil, text, network)
			var fail *Error
			switch {
			case err == nil:
				t.Errorf("%s %q is taken for %q, want %s", network, text, got[0].Canonical, reason)
			case !errors.As(err, &fail):
				t.Errorf("%s %q: %v", network, text, err)
			case fail.Reason != reason:
				t.Errorf("%s %q: %s (%s), want %s", network, text, fail.Reason, fail.Detail, reason)
			case len(text) > 12 && strings.Contains(err.Error(), text):
				t.Errorf("%s: the error repeats %q", network, text)
			}
		}
	}
}

// wouldBe demands that a text is refused for its letter case alone, and that the error tells the address it would be.
func wouldBe(t tester, network, text, canonical string) {
	t.Helper()
	_, err := Parse(nil, text, network)
	var fail *Error
	if !errors.As(err, &fail) {
		t.Fatalf("%s %q: %v", network, text, err)
	}
	if fail.Folded == nil || fail.Folded.Key != read1(t, network, canonical).Key || fail.Folded.Network != network {
		t.Errorf("%s %q: %v tells %+v, want %s", network, text, fail, fail.Folded, canonical)
	}
}

// noTypo demands that no other letter of the alphabet in any place gives an address: what the checksum of
// the form promises, or (with 16 bits of hash) what this one text happens to give. spellings are no typos.
func noTypo(t tester, network, text, alphabet string, spellings ...string) {
	t.Helper()
	first := read1(t, network, text)
	for i := range len(text) {
		for _, c := range []byte(alphabet) {
			if c == text[i] {
				continue
			}
			typo := text[:i] + string(c) + text[i+1:]
			if slices.Contains(spellings, typo) {
				continue
			}
			got, err := Parse(nil, typo, network)
			if err == nil && got[0].Key == first.Key && got[0].Variant == first.Variant {
				t.Errorf("%s: %q reads as the same address as %q", network, typo, text)
			} else if err == nil {
				t.Errorf("%s: a typo of %q passes: %q", network, text, typo)
			}
		}
	}
}

// related demands the class in which a listed and an asked address meet, in both directions.
func related(t tester, want Class, networkA, a, networkB, b string) {
	t.Helper()
	first, second := read1(t, networkA, a), read1(t, networkB, b)
	for _, pair := range [][2]*Address{{&first, &second}, {&second, &first}} {
		class, derivation := met(pair[0], pair[1])
		if class != want {
			t.Errorf("listed %s %q, asked %s %q: %v, want %v", pair[0].Network, pair[0].Canonical, pair[1].Network, pair[1].Canonical, class, want)
		}
		if want != None && want != Exact && derivation == "" {
			t.Errorf("%s and %s: the derivation is not named", pair[0].Canonical, pair[1].Canonical)
		}
	}
}

// unhinted demands the networks under which a text is read when none is named.
func unhinted(t tester, text string, networks ...string) {
	t.Helper()
	got, err := Parse(nil, text, "")
	if err != nil && len(networks) > 0 {
		t.Errorf("%q without a network: %v", text, err)
		return
	}
	var names []string
	for i := range got {
		names = append(names, got[i].Network)
	}
	if !slices.Equal(names, networks) {
		t.Errorf("%q without a network is read as %v, want %v", text, names, networks)
	}
}

// benchParse measures the check path for each text: parse under the network, and the keys that are looked up.
func benchParse(b *testing.B, network string, texts map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		b.Run(network+" "+name, func(b *testing.B) {
			b.ReportAllocs()
			var readings []Address
			var keys []Link
			for b.Loop() {
				var err error
				if readings, err = Parse(readings[:0], texts[name], network); err != nil {
					b.Fatal(err)
				}
				keys = Links(append(keys[:0], Link{Key: readings[0].Key}), &readings[0], Asked)
			}
		})
	}
}

const (
	lettersBase58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	lettersBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	lettersBech32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	lettersBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)
