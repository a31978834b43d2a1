package address

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Private keys, seed phrases and API keys are pasted into every field. Recordable decides what of a text may be kept:
//
//	text ── isHarmless: nearly every text ends here
//	          ├─ seed phrases, key files, keys in pieces: the text as a whole      secretphrase.go
//	          └─ words, and the parts of words: the forms of keys                  secretforms.go
//
// Checksums are not verified: a mistyped key reveals the right one.

// certainty says how sure it is that a text is secret.
type certainty uint8

const (
	notSecret   certainty = iota
	maybeSecret           // the form of a key, and also that of something public: 64 hex digits may be the id of a transaction
	surelySecret
)

// minSecret is the length of the shortest secret: a seed of the XRP Ledger has 29 characters, and one can get lost.
const minSecret = 28

// Recordable returns what of a free text may be stored, logged and shown. Each private key, seed and API key in it is replaced by its
// Digest; a text with a seed phrase or a key file is replaced as a whole. Other texts are returned as they are. The result is the
// same whenever the text is the same, and Recordable does not change it again: a search for a stored text compares the Recordable of
// what is searched for.
//
// 64 hex digits are replaced, unless a word before them, such as "tx" or "hash", or the link that they are part of says that they are
// public. Addresses are not replaced.
func Recordable(text string) string {
	if isHarmless(text) {
		return text
	}
	s := sketchOf(text)
	return recordable(text, &s)
}

// HoldsSecret reports whether Recordable replaces a part of a text.
func HoldsSecret(text string) bool { return !isHarmless(text) && secretIn(text, maybeSecret) }

// ContainsSecret is HoldsSecret without the forms that public texts have, too. A published address is never one.
func ContainsSecret(text string) bool { return !isHarmless(text) && secretIn(text, surelySecret) }

// MayBeKey reports whether an address has the form of a private key: 32 bytes in hex, possibly without leading zeros, where neither a
// checksum nor padding shows that they are an account.
func MayBeKey(text string) bool {
	digits, has0x := without0x(trim(text))
	return len(digits) >= minHexKey && len(digits) <= 64 && isHex(digits) && hexForm(digits, has0x) != notSecret
}

// Digest returns "sha256:" and the SHA-256 of a text, without surrounding white space, in hexadecimal. It is kept in place of a secret,
// so that a text can be compared with it.
func Digest(text string) string { return string(appendDigest(nil, strings.TrimSpace(text))) }

func appendDigest(b []byte, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return hex.AppendEncode(append(b, "sha256:"...), sum[:])
}

// maxQuoted is how many bytes of a text Quote shows.
const maxQuoted = 64

// Quote returns a text that a caller sent, for a message: in quotation marks and truncated, or only its length if it may hold a secret.
func Quote(text string) string {
	if HoldsSecret(text) {
		return "(a text of " + strconv.Itoa(len(text)) + " bytes)"
	}
	return strconv.Quote(strings.ToValidUTF8(text[:min(len(text), maxQuoted)], "�"))
}

const (
	classLetter = 1 << iota
	classDigit
	classBase64 // + / = - _
)

// classes are the classes of bytes. A byte of a character outside ASCII counts as a letter.
var classes = func() (all [256]uint8) {
	for c := range all {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= utf8.RuneSelf:
			all[c] = classLetter
		case c >= '0' && c <= '9':
			all[c] = classDigit
		case strings.IndexByte("+/=-_", byte(c)) >= 0:
			all[c] = classBase64
		}
	}
	return all
}()

// longText is the length from which a text may hold a key in pieces.
const longText = 52

// isHarmless is a cheap test that passes over usual references, such as numbers, words and UUIDs.
func isHarmless(text string) bool {
	n := len(text)
	if n < minSecret || n == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' {
		return true
	}
	if n >= longText {
		return false
	}
	run, wide, words, letters := 0, 0, 0, 0 // where the run and the wide run begin
	for i := range n {
		class := classes[text[i]]
		if class == classLetter {
			if letters++; letters == minSeedWord {
				words++
			}
			continue
		}
		if letters = 0; class == classDigit {
			continue
		}
		if i-run >= minSecret {
			return false
		}
		run = i + 1
		if class == classBase64 {
			continue
		}
		if i-wide >= minBase64 {
			return false
		}
		wide = i + 1
	}
	return n-run < minSecret && n-wide < minBase64 && words < seedRun
}

// sketch says what a text is made of.
type sketch struct {
	run, wide    int // the longest run of letters and digits, and of the characters of base64
	words        int // runs of three or more letters
	digits       int
	small, large bool // letters of either case
	encoded      bool // characters outside ASCII, % or a backslash: something may stand for something else
	long         bool
}

func sketchOf(text string) (s sketch) {
	s.long = len(text) >= longText
	run, wide, letters := 0, 0, 0
	for i := range len(text) {
		switch classes[text[i]] {
		case classLetter:
			if letters++; letters == minSeedWord {
				s.words++
			}
			s.small = s.small || text[i] >= 'a'
			s.large = s.large || text[i] <= 'Z'
			s.encoded = s.encoded || text[i] >= utf8.RuneSelf
			run++
			wide++
		case classDigit:
			s.digits++
			run++
			wide++
			letters = 0
		case classBase64:
			s.run = max(s.run, run)
			run, letters = 0, 0
			wide++
		default:
			s.run, s.wide = max(s.run, run), max(s.wide, wide)
			run, wide, letters = 0, 0, 0
			s.encoded = s.encoded || text[i] == '%' || text[i] == '\\'
		}
	}
	s.run, s.wide = max(s.run, run), max(s.wide, wide)
	return s
}

func (s *sketch) mayHoldKey() bool {
	return s.run >= minSecret || s.wide >= minBase64 && s.small && s.large
}

func (s *sketch) mayHoldPhrase() bool { return s.words >= seedRun || s.run >= minJoined }

func (s *sketch) mayHoldPieces() bool { return s.long && s.digits >= 16 }

func recordable(text string, s *sketch) string {
	if wholeSecret(text, s) != notSecret || s.encoded && decodedHolds(text, maybeSecret) {
		return Digest(text)
	}
	if !s.mayHoldKey() {
		return text
	}
	var b []byte
	from := 0
	f := finder{text: text, least: maybeSecret, found: func(start, end int) bool {
		b = appendDigest(append(b, text[from:start]...), text[start:end])
		from = end
		return true
	}}
	if f.search(); from == 0 {
		return text
	}
	return string(append(b, text[from:]...))
}

// secretIn reports whether a text holds a secret of at least this certainty.
func secretIn(text string, least certainty) bool {
	s := sketchOf(text)
	return wholeSecret(text, &s) >= least || s.mayHoldKey() && wordHolds(text, least) || s.encoded && decodedHolds(text, least)
}

func wordHolds(text string, least certainty) bool {
	any := false
	f := finder{text: text, least: least, found: func(int, int) bool { any = true; return false }}
	f.search()
	return any
}

// decodedHolds reports whether a text holds a secret after escapes, full-width letters, look-alikes and invisible characters are replaced
// by what they stand for.
func decodedHolds(text string, least certainty) bool {
	decoded := text
	if strings.ContainsAny(text, `%\`) {
		decoded = unescape(text)
	}
	if !isASCII(decoded) {
		decoded = norm.NFKC.String(decoded)
		if plain, changed := plainLetters(decoded); changed {
			decoded = plain
		}
	}
	if decoded == text || isHarmless(decoded) {
		return false
	}
	s := sketchOf(decoded)
	return wholeSecret(decoded, &s) >= least || s.mayHoldKey() && wordHolds(decoded, least)
}

// unescape decodes the escapes of URLs (%20), and those of JSON and of programming languages (\n, \x20, \u0020).
func unescape(text string) string {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c, rest := text[i], text[i+1:]
		digits := 0
		switch {
		case c == '%':
			digits = 2
		case c != '\\' || rest == "":
		case rest[0] == 'x', rest[0] == 'u':
			digits = 2
			if rest[0] == 'u' {
				digits = 4
			}
			rest = rest[1:]
		case strings.IndexByte("nrtvfb", rest[0]) >= 0:
			b = append(b, ' ')
			i++
			continue
		case rest[0] == '\\':
			continue
		}
		if code, err := strconv.ParseUint(rest[:min(digits, len(rest))], 16, 16); digits > 0 && len(rest) >= digits && err == nil {
			if digits == 2 { // a byte of UTF-8
				b = append(b, byte(code))
			} else {
				b = utf8.AppendRune(b, rune(code))
			}
			i = len(text) - len(rest) + digits - 1
			continue
		}
		b = append(b, c)
	}
	return string(b)
}

// finder finds the secrets in the words of a text.
type finder struct {
	text  string
	least certainty
	found func(start, end int) bool // false: stop

	link  bool   // the word is a link
	label string // the part before: "key", "tx"
	ended bool
}

// delimiters are the bytes between words, beside white space. No secret has one of them.
const delimiters = "\"'`()[]{}<>,;|"

func isDelimiter(c byte) bool {
	return c <= ' ' || c >= 0x7f || strings.IndexByte(delimiters, c) >= 0
}

func (f *finder) search() {
	for i := 0; i < len(f.text) && !f.ended; {
		if isDelimiter(f.text[i]) {
			i++
			continue
		}
		start := i
		for i < len(f.text) && !isDelimiter(f.text[i]) {
			i++
		}
		f.link = strings.Contains(f.text[start:i], "://")
		f.look(start, i, 0)
	}
}

// cuts are the characters between the parts of a word, of its parts, and so on.
var cuts = [...]string{":=?&@#^~%$!*.\\", "/+", "-_"}

// look looks at one part of the text, and then at its own parts.
func (f *finder) look(start, end, level int) {
	part := f.text[start:end]
	if len(part) < minSecret {
		if strings.IndexFunc(part, func(r rune) bool { return classes[byte(r)] == classLetter }) >= 0 {
			f.label = part
		}
		return
	}
	if f.form(part) >= f.least {
		f.ended = !f.found(start, end)
		return
	}
	for ; level < len(cuts); level++ {
		if !strings.ContainsAny(part, cuts[level]) {
			continue
		}
		padding := len(part) - len(strings.TrimRight(part, "=")) // of base64: a part of its last part
		from := start
		for i := start; i <= end && !f.ended; i++ {
			if i == end || i < end-padding && strings.IndexByte(cuts[level], f.text[i]) >= 0 {
				f.look(from, i, level+1)
				from = i + 1
			}
		}
		return
	}
	f.label = ""
}

// form says whether a part of a word is a secret, where it stands.
func (f *finder) form(part string) certainty {
	c := wordForm(part)
	switch {
	case c != maybeSecret:
		return c
	case f.link, announces(f.label, hashLabels):
		return notSecret
	case isPaddedBase64Key(part), isBase58Pair(part) && f.label == "ed25519", announces(f.label, keyLabels) && !announces(f.label, publicLabels):
		return surelySecret
	}
	return maybeSecret
}

// Words before 64 hex digits, or something else that looks as random, that say what it is.
var (
	hashLabels = []string{"tx", "txs", "txid", "txids", "txn", "txns", "txhash", "transaction", "transactions", "hash", "hashes", "block", "blockhash",
		"extrinsic", "signature", "digest", "checksum", "sha256"}
	keyLabels = []string{"key", "keys", "priv", "private", "privkey", "privatekey", "secret", "secretkey", "seed", "mnemonic", "wif", "pk", "sk",
		"password", "passphrase"}
	publicLabels = []string{"pub", "public", "pubkey", "publickey"}
)

// announces reports whether a label is one of the words, or has one of them between hyphens and underscores.
func announces(label string, words []string) bool {
	for part := range strings.FieldsFuncSeq(label, func(r rune) bool { return classes[byte(r)]&(classLetter|classDigit) == 0 }) {
		for _, word := range words {
			if foldedEqual(part, word) {
				return true
			}
		}
	}
	return false
}
