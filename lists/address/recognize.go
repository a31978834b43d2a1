package address

import (
	"errors"
	"slices"
	"strings"
)

// Recognition says how much a text looks like an address. It decides what a reader of list files does with the text; an identity
// comes from Parse and ParseListed alone.
type Recognition uint8

const (
	NotAddress  Recognition = iota // no address, and nothing that a person would take for one
	LikeAddress                    // the form of an address, but it does not read: a wrong checksum, a cut text, a network that is not screened
	Weak                           // reads as an address of a form that carries no proof
	Proving                        // reads as an address that proves itself: a checksum, or 0x and 40 hex digits
)

// Recognize tells how much one text, without a label, looks like an address. It reads what ParseListed reads: a text whose only fault is
// its letter case, or look-alike letters, proves itself. A secret is no address. Account names (NEAR, EOS) could be any word: they are
// addresses only under a label.
func Recognize(text string) Recognition {
	text = trim(text)
	switch {
	case isPlainEVM(text):
		return Proving
	case len(text) < 5 || len(text) > 3*MaxText:
		return NotAddress
	case isASCII(text) && !canBeAddress(text):
		return NotAddress
	}
	var room [8]Address
	readings, notes, err := parseListed(room[:0], text, "", "")
	if err != nil {
		var bad *Error
		if errors.As(err, &bad) && bad.Reason == SecretMaterial {
			return NotAddress
		}
		return resembles(text)
	}
	body, _ := inner(text)
	best := NotAddress
	for i := range readings {
		switch a := &readings[i]; {
		case notes.Repaired() && a.Variant != VariantNearName, a.stands(body):
			return Proving
		case a.Variant != VariantNearName:
			best = Weak
		}
	}
	return best
}

// canBeAddress is a cheap test that passes over ordinary words, names, numbers and dates.
func canBeAddress(text string) bool {
	switch {
	case isNimiq(text):
		return true
	case strings.ContainsAny(text, " ,;\t\r\n"):
		return hasLongField(text)
	case len(text) >= 24:
		return true
	}
	return strings.HasPrefix(text, "0.0.") || fitsFilecoin(text) || strings.Contains(text, "..") || strings.IndexByte(text, '-') == 5 || likeBech32(text)
}

// hasLongField tells whether one of several words is as long as an address.
func hasLongField(text string) bool {
	for field := range strings.FieldsFuncSeq(text, isSeparator) {
		if len(field) >= 20 {
			return true
		}
	}
	return false
}

func isSeparator(r rune) bool {
	return r == ' ' || r == ',' || r == ';' || r == '\t' || r == '\n' || r == '\r'
}

const (
	base58Letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	bech32Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	base32Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"
	hexLetters    = "0123456789abcdefABCDEF"
)

// shape is how the addresses of a network are written: a prefix, and so many characters (prefix included) of an alphabet.
type shape struct {
	prefix   string
	letters  string
	min, max int
}

// shapes are the forms whose damage is recognised. One or two characters may be missing, too many, or of another alphabet.
var shapes = append([]shape{
	{"0x", hexLetters, 42, 42}, {"0X", hexLetters, 42, 42}, {"xdc", hexLetters, 43, 43},
	{"1", base58Letters, 26, 34}, {"3", base58Letters, 33, 34}, {"T", base58Letters, 34, 34}, {"r", base58Letters, 28, 35},
	{"L", base58Letters, 34, 34}, {"M", base58Letters, 34, 34}, {"D", base58Letters, 34, 34}, {"X", base58Letters, 34, 34}, {"X", base58Letters, 47, 47},
	{"t1", base58Letters, 35, 35}, {"t3", base58Letters, 35, 35}, {"G", base58Letters, 34, 34}, {"7", base58Letters, 34, 34},
	{"A", base58Letters, 34, 34}, {"9", base58Letters, 34, 34}, {"E", base58Letters, 34, 34},
	{"tz1", base58Letters, 36, 36}, {"tz2", base58Letters, 36, 36}, {"tz3", base58Letters, 36, 36}, {"tz4", base58Letters, 36, 36},
	{"KT1", base58Letters, 36, 36}, {"sr1", base58Letters, 36, 36},
	{"4", base58Letters, 95, 106}, {"8", base58Letters, 95, 95}, {"Ae2", base58Letters, 59, 59}, {"DdzFF", base58Letters, 104, 104},
	{"", base58Letters, 47, 48}, {"XE", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 34, 35},
	{"G", base32Letters, 56, 56}, {"M", base32Letters, 69, 69}, {"C", base32Letters, 56, 56}, {"", base32Letters, 58, 58},
	{"EQ", base64Letters, 48, 48}, {"UQ", base64Letters, 48, 48}, {"Ef", base64Letters, 48, 48}, {"Uf", base64Letters, 48, 48},
	{"bitcoincash:", bech32Letters, 54, 54}, {"bitcoincash:", bech32Letters, 73, 73}, {"q", bech32Letters, 42, 42}, {"p", bech32Letters, 42, 42}, {"ecash:", bech32Letters, 48, 48}, {"kaspa:", bech32Letters, 67, 69},
	{"nano_", "13456789abcdefghijkmnopqrstuwxyz", 65, 65}, {"xrb_", "13456789abcdefghijkmnopqrstuwxyz", 64, 64},
	{"f1", "abcdefghijklmnopqrstuvwxyz234567", 41, 41}, {"f2", "abcdefghijklmnopqrstuvwxyz234567", 41, 41},
	{"f3", "abcdefghijklmnopqrstuvwxyz234567", 86, 86}, {"f410f", "abcdefghijklmnopqrstuvwxyz234567", 44, 44},
	{"Ds", base58Letters, 35, 35}, {"Dc", base58Letters, 35, 35}, {"3P", base58Letters, 35, 35}, {"n1", base58Letters, 35, 35}, {"n2", base58Letters, 35, 35},
	{"ak_", base58Letters, 51, 54}, {"ct_", base58Letters, 51, 54}, {"B62q", base58Letters, 55, 55}, {"hx", hexLetters, 42, 42}, {"cx", hexLetters, 42, 42},
	{"NULSd", base58Letters, 36, 38}, {"", hexLetters, 76, 76}, {"N", base32Letters, 40, 40}, {"N", base32Letters, 39, 39}, {"N", base32Letters + "-", 46, 46}, {"N", base32Letters + "-", 45, 45},
	{"NQ", "0123456789ABCDEFGHJKLMNPQRSTUVXY", 36, 36}, {"lsk", lisk32, 41, 41}, {"L", base58Letters, 95, 106}, {"SP", c32, 38, 41}, {"SM", c32, 38, 41}, {"cfx:", confluxLetters, 46, 46},
}, utxoShapes()...)

// slack is how many characters of a shape may be missing, too many or foreign.
const slack = 2

// resembles tells whether a text that does not read has the form of an address.
func resembles(text string) Recognition {
	if plain, changed := plainLetters(text); changed {
		return min(Recognize(plain), LikeAddress)
	}
	if isNimiq(text) {
		return LikeAddress
	}
	if strings.ContainsFunc(text, isSeparator) {
		for field := range strings.FieldsFuncSeq(text, isSeparator) {
			if len(field) >= 20 && Recognize(field) != NotAddress {
				return LikeAddress
			}
		}
		return NotAddress
	}
	if strings.Contains(text, "://") || strings.Contains(text, "@") {
		return NotAddress
	}
	body, wrapper := inner(text)
	if wrapper == nil {
		body = text
	} else if !strings.HasPrefix(text, body) { // cashaddr keeps its scheme
		if Recognize(body) != NotAddress {
			return LikeAddress
		}
		return NotAddress
	}
	if isShortened(body) || isBareHex40(body) || isForeign(body) || likeBech32(body) || likePrincipal(body) || likeHedera(body) {
		return LikeAddress
	}
	for i := range shapes {
		if shapes[i].fits(body) {
			return LikeAddress
		}
	}
	for skip := 1; skip <= slack && len(body)-skip >= 26; skip++ {
		if provesAny(body[skip:]) { // characters before it that are not its own
			return LikeAddress
		}
	}
	return NotAddress
}

// provesAny tells whether a text reads as an address that proves itself.
func provesAny(text string) bool {
	var room [4]Address
	readings, _, err := parseListed(room[:0], text, "", "")
	return err == nil && slices.ContainsFunc(readings, func(a Address) bool { return a.stands(text) })
}

// fits tells whether a text has the shape, with its slack.
func (s *shape) fits(text string) bool {
	if len(text) < s.min-slack || len(text) > s.max+slack || !strings.HasPrefix(text, s.prefix) {
		return false
	}
	foreign := 0
	for i := len(s.prefix); i < len(text); i++ {
		c := text[i]
		switch {
		case c < '0' && c != '-' && c != '+' && c != '/' || c > 'z' || c > '9' && c < 'A' || c > 'Z' && c < 'a' && c != '_':
			return false // what no address has
		case strings.IndexByte(s.letters, c) < 0:
			foreign++
		}
	}
	return foreign <= slack && (s.letters == hexLetters || !isHex(text) && looksRandom(text[len(s.prefix):]))
}

// looksRandom tells encoded bytes from words that run together, which have no digits and change between small letters, capitals and
// digits less often.
func looksRandom(text string) bool {
	digits, changes := 0, 0
	var last byte
	for i := range len(text) {
		class := text[i] >> 5 // 1: digits, 2: capitals, 3: small letters
		if class == 1 {
			digits++
		}
		if i > 0 && class != last {
			changes++
		}
		last = class
	}
	return digits >= 2 || changes > len(text)*2/5
}

// isShortened tells a text that was shortened for display: 0x098B…2f96, bc1qw5...f3t4.
func isShortened(text string) bool {
	head, tail, found := strings.Cut(text, "...")
	if !found {
		head, tail, found = strings.Cut(text, "…")
	}
	tail = strings.TrimLeft(tail, ".")
	if !found || len(head) < 4 || len(tail) < 3 {
		return false
	}
	for _, part := range [...]string{head, tail} {
		if strings.ContainsFunc(part, func(r rune) bool { return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') }) {
			return false
		}
	}
	return strings.ContainsAny(head+tail, "0123456789")
}

// isBareHex40 tells 40 hex digits without 0x: an EVM account, or a hash.
func isBareHex40(text string) bool { return len(text) == 40 && isHex(text) }

// likeBech32 tells a text that begins as the bech32 addresses of a network do. The longest beginning decides.
func likeBech32(text string) bool {
	for end := min(len(text)-1, maxCosmosPrefix); end > 0; end-- {
		if text[end] != '1' {
			continue
		}
		var room [maxCosmosPrefix]byte
		for i := range end {
			room[i] = lower(text[i])
		}
		rest, known := bech32Prefixes[string(room[:end])]
		if !known || len(text) < end+1+rest {
			continue
		}
		foreign := 0
		for i := end + 1; i < len(text); i++ {
			if bech32Value[text[i]] < 0 {
				foreign++
			}
		}
		return foreign <= slack
	}
	return false
}

// bech32Prefixes are the human-readable parts of the addresses that are read, and how many characters must stand behind one: enough
// for a checksum and a few more, or, behind a prefix of one or two letters, which many words and numbers begin with, nearly an account.
var bech32Prefixes = func() map[string]int {
	all := map[string]int{"u": 58}
	for _, prefix := range strings.Fields("bc ltc ltcmweb btg tex zs bnb one crc addr stake avax x-avax p-avax erd oasis xch zil ckb") {
		all[prefix] = 10
	}
	all["ex"], all["io"], all["pc"] = 30, 30, 30
	for i := range cosmosChains {
		prefix := cosmosChains[i].prefix
		all[prefix], all[prefix+"valoper"] = 10, 10
		if len(prefix) <= 2 {
			all[prefix] = 30
		}
	}
	for i := range utxoRows {
		if utxoRows[i].hrp != "" {
			all[utxoRows[i].hrp] = 10
		}
	}
	return all
}()

// likePrincipal tells groups of five letters and digits between hyphens, as the Internet Computer writes principals.
func likePrincipal(text string) bool {
	if account, _, found := strings.Cut(text, "."); found { // ICRC-1: a checksum of seven letters, and a sub-account
		text = account[:max(0, len(account)-8)]
	}
	if len(text) < 27 || len(text) > 63+slack || strings.Count(text, "-") < 4 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (i%6 == 5) != (c == '-') || c != '-' && base32Lower.value[lower(c)] == 0xff {
			return false
		}
	}
	return true
}

// likeHedera tells an account number with a checksum.
func likeHedera(text string) bool {
	number, check, found := strings.Cut(text, "-")
	return found && len(check) == 5 && strings.HasPrefix(number, "0.0.") && isDecimal(number[4:])
}
