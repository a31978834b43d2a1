package address

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// pasted are more secrets than those of clean_test.go, in the spellings in which people and programs write them down.
var pasted = map[string]string{
	"63 of 64 hex digits":        "5e1a76bc572fed175f983450164d59100f691b34e4241d761dea046cd89278e",
	"66 hex digits, 01 at end":   "5e1a76bc572fed175f983450164d59100f691b34e4241d761dea046cd89278e601",
	"hex in groups":              "5e1a76bc 572fed17 5f983450 164d5910 0f691b34 e4241d76 1dea046c d89278e6",
	"hex with colons":            "5e:1a:76:bc:57:2f:ed:17:5f:98:34:50:16:4d:59:10:0f:69:1b:34:e4:24:1d:76:1d:ea:04:6c:d8:92:78:e6",
	"bytes in hex":               "0x5e, 0x1a, 0x76, 0xbc, 0x57, 0x2f, 0xed, 0x17, 0x5f, 0x98, 0x34, 0x50, 0x16, 0x4d, 0x59, 0x10, 0x0f, 0x69, 0x1b, 0x34, 0xe4, 0x24, 0x1d, 0x76, 0x1d, 0xea, 0x04, 0x6c, 0xd8, 0x92, 0x78, 0xe6",
	"decimal":                    "42566094187411541519434268366466152157311586434174391513574161284173893761254",
	"base64":                     "XhpgvFcv7RdfmDRQFk1ZEA9pGzTkJB12HeoEbNiSeOY=",
	"base64, no padding":         "XhpgvFcv7RdfmDRQFk1ZEA9pGzTkJB12HeoEbNiSeOY",
	"base64 for URLs":            "Xhp-vFcv7RdfmDRQFk1Z_A9pGzTkJB12HeoEbNiSeOY",
	"BIP-39 joined":              "legalwinnerthankyearwavesausageworthusefullegalwinnerthankyellow",
	"BIP-39 joined, capitals":    "LegalWinnerThankYearWaveSausageWorthUsefulLegalWinnerThankYellow",
	"BIP-39 with hyphens":        "legal-winner-thank-year-wave-sausage-worth-useful-legal-winner-thank-yellow",
	"BIP-39 with underscores":    "legal_winner_thank_year_wave_sausage_worth_useful_legal_winner_thank_yellow",
	"BIP-39 numbered":            "1. legal 2. winner 3. thank 4. year 5. wave 6. sausage 7. worth 8. useful 9. legal 10. winner 11. thank 12. yellow",
	"BIP-39 as JSON":             `["legal","winner","thank","year","wave","sausage","worth","useful","legal","winner","thank","yellow"]`,
	"BIP-39 in capitals":         "LEGAL WINNER THANK YEAR WAVE SAUSAGE WORTH USEFUL LEGAL WINNER THANK YELLOW",
	"BIP-39, nine words":         "legal winner thank year wave sausage worth useful legal",
	"BIP-39 Korean":              "가격 가끔 가난 가능 가득 가르침 가뭄 가방 가상 가슴 가운데 가을",
	"Monero":                     "tavern judge beyond bifocals deepest mural onward dummy eagle diode gained vacation rally cause firm idled jerseys moat vigilant upload bobsled jobs cunning doing jobs",
	"RFC 1751":                   "I IRE BOND BOW TRIO LAID SEAT GOAL HEN IBIS IBIS DARE",
	"keystore":                   `{"crypto":{"cipher":"aes-128-ctr","ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c"}}`,
	"xprv with a path":           "[d34db33f/44'/0'/0']xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi/0/*",
	"WIF in pieces":              "L53fCHmQhbNp1B4J ipfBtfeHZH7cAibzG9 oK19XfiFzxHgAkz6JK",
	"WIF, full-width letters":    "Ｌ53fCHmQhbNp1B4JipfBtfeHZH7cAibzG9oK19XfiFzxHgAkz6JK",
	"WIF with a zero-width gap":  "L53fCHmQhbNp1B4Jipf\u200bBtfeHZH7cAibzG9oK19XfiFzxHgAkz6JK",
	"API key in capitals":        "IK_MFRGGZDFMZTWQ2LK_9YC0VVQQKQ3R1NJ7MX2BT5WZ8AL4PE6UD0SGHKJRTFYA",
	"bootstrap key":              "kkkkkkkkkkkkkkkk0123456789abcdef0123456789abcdef",
	"Aptos (AIP-80)":             "ed25519-priv-0x5e1a76bc572fed175f983450164d59100f691b34e4241d761dea046cd89278e6",
	"descriptor":                 "wpkh(L53fCHmQhbNp1B4JipfBtfeHZH7cAibzG9oK19XfiFzxHgAkz6JK)",
	"seed of Stellar, small":     "sbzvmb74z76qz3zoy7utdfykmegkw5xfjeb6pfkbf4uysswhg4edh7py",
	"XRP without a digit":        "saNDMHQkFYxGrKjrdxJbYRyqmAHhw",
	"macaroon":                   strings.Repeat("0201036c6e64", 10),
	"BIP-39 for percent-encoded": "legal%20winner%20thank%20year%20wave%20sausage%20worth%20useful%20legal%20winner%20thank%20yellow",
}

// dresses are what stands around a secret.
var dresses = []string{"%s", " %s\n", `"%s"`, "'%s'", "key=%s", "key: %s", `{"k":"%s"}`, "(%s)", "%s.", "%s,", "%s^", "wd-17 %s", "paid to 0x098B716B8Aaf21512996dC57EB0615e2383E2f96 %s",
	"my seed is %s please keep it"}

func TestNoSecretIsRecordable(t *testing.T) {
	all := map[string]string{}
	for _, some := range []map[string]string{secrets, pasted} {
		for name, text := range some {
			all[name] = text
		}
	}
	delete(all, "beside its own address") // the address stays
	for name, text := range all {
		for _, dress := range dresses {
			if strings.Contains(name, "pieces") && strings.TrimSpace(dress) != "%s" {
				continue // other words may be pieces, too
			}
			dressed := fmt.Sprintf(dress, text)
			got := Recordable(dressed)
			if part := shared(dressed, text, got); part != "" {
				t.Errorf("%s: %q is recorded as %q, which has %q", name, dressed, got, part)
			}
			if !strings.Contains(got, "sha256:") {
				t.Errorf("%s: %q is recorded as %q, without a digest", name, dressed, got)
			}
			if again := Recordable(got); again != got {
				t.Errorf("%s: %q becomes %q the second time", name, got, again)
			}
			if shown := Quote(dressed); shared(dressed, text, shown) != "" {
				t.Errorf("%s: %q is shown as %s", name, dressed, shown)
			}
		}
	}
}

// shared returns twelve characters of a secret that a result still has.
func shared(dressed, text, got string) string {
	text = strings.TrimSpace(text)
	for _, part := range []string{"[d34db33f/44'/0'/0']", "bitcoin:" + cleanAddress + "?key="} {
		text = strings.TrimPrefix(text, part)
	}
	runes := []rune(text)
	for i := 0; i+12 <= len(runes); i++ {
		part := string(runes[i : i+12])
		if strings.IndexFunc(part, unicode.IsLetter) >= 0 && !strings.Contains(strings.Replace(dressed, text, "", 1), part) && strings.Contains(got, part) {
			return part
		}
	}
	return ""
}

// An auditor can compare the record with what a customer says.
func TestDigestIsThatOfTheSecretAlone(t *testing.T) {
	wif := secrets["WIF compressed"]
	sum := sha256.Sum256([]byte(wif))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	for text, want := range map[string]string{wif: digest, " " + wif + "\n": " " + digest + "\n", "key=" + wif + ", wd-17": "key=" + digest + ", wd-17", `"` + wif + `"`: `"` + digest + `"`,
		"bitcoin:" + wif: "bitcoin:" + digest} {
		if got := Recordable(text); got != want {
			t.Errorf("%q is recorded as %q, want %q", text, got, want)
		}
	}
	if got := Digest("  " + wif + "\r\n"); got != digest {
		t.Errorf("%s, want %s", got, digest)
	}
}

//go:embed testdata/notes.txt
var notes string

// What compliance officers write stays as it is.
func TestNotesAreRecordedAsTheyAre(t *testing.T) {
	kept := strings.Split(strings.TrimSpace(notes), "\n")
	if len(kept) < 190 {
		t.Fatalf("%d notes", len(kept))
	}
	for i := range len(kept) - 3 { // a note of several sentences
		kept = append(kept, strings.Join(kept[i:i+3], " "))
	}
	for _, note := range kept {
		for _, text := range []string{note, strings.ToLower(note)} {
			if got := Recordable(text); got != text && (text == note || !strings.Contains(text, "0x098b") && !strings.Contains(text, "bc1q")) {
				t.Errorf("%q is recorded as %q", text, got)
			}
			if HoldsSecret(text) != (Recordable(text) != text) {
				t.Errorf("%q: HoldsSecret and Recordable disagree", text)
			}
		}
	}
}

func TestUsualReferencesAreRecordedAsTheyAre(t *testing.T) {
	for _, text := range append(usualReferences, "", " ", "tx:0x8da4ef21b864d2cc526dbdb2a120bd2874c36c9d0a1fb7f8c63d7f7a8b41de8f",
		"https://solscan.io/tx/5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnbJLgp8uirBgmQpbKhoR4tjF3ZpRzrFmBV6UjKdiSZkQUW",
		"https://example.org/files/2025/5e1a76bc572fed175f983450164d59100f691b34e4241d761dea046cd89278e6/list.xml",
		"550e8400-e29b-41d4-a716-446655440000 9f1c2d3e-4b5a-4978-8a6b-7c8d9e0f1a2b", "withdrawal-550e8400-e29b-41d4-a716-446655440000",
		"5e1a76bc572fed175f983450164d5910", "356a192b7913b04c54574d18c28d46e6395428ab", // MD5, SHA-1
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
		"44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",
		"u1l8xunezsvhq8fgzfl7404m450nwnd76zshscn6nfys7vyz2ywyh4cc5daaq0c7q2su5lqfh23sp7fkf3kt27ve5948mzpfdvckzaect2jtte308mkwlycj2u0eac077wu70vqcetkxf",
		"0x000000000000000000000000098B716B8Aaf21512996dC57EB0615e2383E2f96", "02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc", // padded; a public key
		"sha256:5e1a76bc572fed175f983450164d59100f691b34e4241d761dea046cd89278e6") {
		if got := Recordable(text); got != text {
			t.Errorf("%q is recorded as %q", text, got)
		}
	}
}

// No form of an address is taken for a secret that a list would not keep.
func TestNoAddressIsASecret(t *testing.T) {
	for _, n := range Networks() {
		for _, form := range n.Forms {
			if ContainsSecret(form.Example) {
				t.Errorf("%s %s: %s", n.Name, form.Name, form.Example)
			}
		}
	}
}

func TestMayBeKey(t *testing.T) {
	const digits = "5e1a76bc572fed175f983450164d59100f691b34e4241d761dea046cd89278e6"
	got := map[string]bool{}
	want := map[string]bool{digits: true, "0x" + digits: true, " 0X" + strings.ToUpper(digits) + "\n": true, "0x" + digits[1:]: true, "0:" + digits: false, "0x" + digits[24:]: false,
		"0x000000000000000000000000098B716B8Aaf21512996dC57EB0615e2383E2f96": false, "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v": false, "": false}
	for text := range want {
		got[text] = MayBeKey(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuoteShowsWhatIsShort(t *testing.T) {
	for text, want := range map[string]string{"": `""`, "ethereun": `"ethereun"`, "a\xffb": `"a` + "�" + `b"`, strings.Repeat("ab ", 40): `"` + strings.Repeat("ab ", 40)[:maxQuoted] + `"`,
		secrets["64 hex"]: "(a text of 64 bytes)"} {
		if got := Quote(text); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// usualReferences are references and customers of checks.
var usualReferences = []string{"wd-8842", "c-19", "550e8400-e29b-41d4-a716-446655440000", "INV-2025-000431", "20251119-00042-ZRH-778120-KV", "01JD3Q8V6ZK9W4M2X7T5R1YBCF",
	"withdrawal 778120 of customer 4711", "someone@example.org"}

// BenchmarkRecordable measures what a check pays for each of its texts.
func BenchmarkRecordable(b *testing.B) {
	for _, text := range append(usualReferences, "Customer confirmed by phone that the withdrawal was made to his own hardware wallet.", secrets["64 hex with 0x"], secrets["BIP-39"]) {
		b.Run(strings.ReplaceAll(text[:min(len(text), 36)], " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Recordable(text)
			}
		})
	}
}

// A usual reference is recorded without an allocation.
func TestUsualReferencesAllocateNothing(t *testing.T) {
	for _, text := range usualReferences {
		if n := testing.AllocsPerRun(100, func() { Recordable(text) }); n > 0 {
			t.Errorf("%q: %v allocations", text, n)
		}
	}
}

// FuzzRecordable: no text makes it panic, what it returns it does not change again, and the three tests of a text agree.
func FuzzRecordable(f *testing.F) {
	for _, some := range []map[string]string{secrets, pasted} {
		for _, text := range some {
			f.Add(text)
			f.Add("key=" + text + `\n%20` + text)
		}
	}
	for _, text := range usualReferences {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := Recordable(text)
		if again := Recordable(once); again != once {
			t.Errorf("%q becomes %q and then %q", text, once, again)
		}
		if HoldsSecret(text) != (once != text) {
			t.Errorf("%q becomes %q, and HoldsSecret is %v", text, once, HoldsSecret(text))
		}
		if ContainsSecret(text) && !HoldsSecret(text) {
			t.Errorf("%q contains a secret and holds none", text)
		}
		Quote(text)
		MayBeKey(text)
	})
}
