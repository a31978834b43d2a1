package address

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"unicode"
)

// seedWords is from how many words on a text is taken for a seed phrase: BIP-39 has 12 to 24,
// Monero 25, and one may have been lost in copying.
const seedWords = 11

// clean finds where the address stands in the text, surrounding ASCII white space apart, and
// refuses everything that no address of any network has: more than MaxText bytes, anything that is
// not printable ASCII, white space inside, more than one field. Nothing is repaired: a text without its
// zero-width space, or with its Cyrillic letter made Latin, would be another text than the one
// that was given. hint only tells which secrets to look for.
func clean(text string, hint *Network) (start, end int, fail *Error) {
	if len(text) > MaxText {
		return 0, 0, refuse(BadLength, "it is longer than 512 bytes")
	}
	end = len(text)
	for start < end && isSpace(text[start]) {
		start++
	}
	for end > start && isSpace(text[end-1]) {
		end--
	}
	if start == end {
		return 0, 0, refuse(Empty, "there is no text")
	}
	for i := start; i < end; i++ {
		c := text[i]
		if c <= ' ' || c > '~' || c == ',' || c == ';' {
			if isNimiq(text[start:end]) {
				return start, end, nil // the one address that is written with blanks
			}
			return 0, 0, unclean(text[start:end], start, i-start, hint)
		}
	}
	return start, end, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// trim takes surrounding ASCII white space off.
func trim(text string) string { return strings.Trim(text, " \t\r\n") }

// unclean says why a text with an offence at i is refused. offset is where body begins in the caller's text.
func unclean(body string, offset, i int, hint *Network) *Error {
	fields := strings.FieldsFunc(body, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
	words := 0
	for _, field := range fields {
		if isWord(field) {
			words++
		}
	}
	switch {
	case words >= seedWords:
		return refuse(SecretMaterial, "it looks like a seed phrase; treat the wallet as exposed")
	case strings.HasPrefix(body, "-----BEGIN"):
		return refuse(SecretMaterial, "it looks like a key file; treat the key as exposed")
	case len(fields) >= 32 && isByteArray(body):
		return refuse(SecretMaterial, "it looks like the bytes of a secret key; treat the key as exposed")
	}
	// A secret stays one with a blank or a label beside it.
	for _, field := range append(fields, strings.Join(fields, "")) {
		if fail := secret(field, hint); fail != nil {
			return fail
		}
	}
	c := body[i]
	long := 0
	for _, field := range fields {
		if len(field) >= 20 {
			long++
		}
	}
	switch {
	case strings.Contains(body, "…"):
		return refuseAt(BadLength, offset+strings.Index(body, "…"), "it is shortened for display; give the whole address")
	case long > 1 && (isSpace(c) || c == ',' || c == ';'):
		return refuseAt(TwoAddresses, offset+i, "it holds more than one address")
	case isSpace(c):
		return refuseAt(WhitespaceInside, offset+i, "there is white space inside")
	case c < ' ' || c == 0x7f:
		return refuseAt(BadCharacter, offset+i, "there is a control character inside")
	case c > 0x7f:
		return refuseAt(BadCharacter, offset+i, "there is a character outside ASCII: an invisible one, or a letter of another script")
	}
	return refuseAt(BadCharacter, offset+i, "no address has a comma or a semicolon inside")
}

// isWord tells letters only, as the words of a seed phrase are (in any script), a derivation path
// ("about//Alice") allowed behind.
func isWord(field string) bool {
	field, _, _ = strings.Cut(field, "/")
	n := 0
	for _, r := range field {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return false
		}
		n++
	}
	return n > 0 && n <= 16
}

// isByteArray tells numbers in brackets: the file of a Solana command-line wallet.
func isByteArray(body string) bool {
	return body[0] == '[' && strings.Trim(body, "[]0123456789,; \t\r\n") == ""
}

// secretPrefixes begin texts that are nothing but secret keys, lower case here, in any case there.
var secretPrefixes = []string{
	"suiprivkey1", "nsec1", "ncryptsec1", "privatekey-", "age-secret-key-", "secret-extended-key-", "secret-spending-key-",
	"zxviews", "zviews", "uview1", "uivk1", "zivks1", // Zcash viewing keys: they open what the owner keeps private
	"pvt_k1_", "pvt_r1_", "pvt_wa_", "7b2254797065223a", // Antelope, Filecoin's exported key file
}

// secret recognises private keys before anything is decoded, so that none of them gets into an
// error, a log or a record. It goes by shape, not checksum: a mistyped key gives its owner away as well.
// The detail it gives shows nothing of the text.
func secret(text string, hint *Network) *Error {
	// Most addresses have 33 to 49 characters, no secret has.
	if n := len(text); n < 28 || 31 < n && n < 50 {
		return nil
	}
	if isSecret(text, hint) {
		return refuse(SecretMaterial, "it looks like a private key; treat the key as exposed")
	}
	return nil
}

// secretInside finds a secret among the parts of a wrapper. Hex is passed over: it may be a payment id.
func secretInside(text string) *Error {
	for len(text) >= 28 {
		part := text
		if at := strings.IndexAny(text, ":/?&="); at >= 0 {
			part, text = text[:at], text[at+1:]
		} else {
			text = ""
		}
		if !isHex(part) {
			if fail := secret(part, nil); fail != nil {
				return fail
			}
		}
	}
	return nil
}

// LooksSecret tells whether a text that is no address looks like a private key or a seed. It reads it under bitcoin, where all that
// can be a key is taken for one, 64 hex digits too.
func LooksSecret(text string) bool {
	var bad *Error
	_, err := Parse(nil, text, "bitcoin")
	return errors.As(err, &bad) && bad.Reason == SecretMaterial
}

// DressedSecret tells whether a text that was refused for another reason holds a private key or a seed all the same: "p2wpkh:L53…",
// "key=…", an xprv with a path.
func DressedSecret(text string) bool {
	parts := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	parts = slices.DeleteFunc(parts, isHex) // a payment id, an account of TON
	return LooksSecret(strings.Join(parts, " "))
}

func isSecret(text string, hint *Network) bool {
	digits, has0x := without0x(text)
	if isHex(digits) {
		return isSecretHex(digits, has0x, hint)
	}
	for _, prefix := range secretPrefixes {
		if foldedPrefix(text, prefix) {
			return true
		}
	}
	if at := strings.Index(text[:min(len(text), 20)], "sk1"); at > 0 && text[at-1] == '_' || at > 1 && text[at-2:at] == "_x" {
		return true // Cardano CIP-5: addr_sk1…, root_xsk1…
	}
	if strings.HasPrefix(text, "ed25519:") {
		return len(text) > 70 // NEAR: 64 bytes are the secret key
	}
	n := len(text)
	switch {
	case n == 56 && text[0] == 'S' && isBase32(text):
		return true // Stellar secret seed (SEP-23 version S)
	case strings.HasPrefix(text, "edsk"), strings.HasPrefix(text, "spsk"), strings.HasPrefix(text, "p2sk"),
		strings.HasPrefix(text, "edesk"), strings.HasPrefix(text, "spesk"), strings.HasPrefix(text, "p2esk"), strings.HasPrefix(text, "BLsk"):
		return true // Tezos
	}
	// What follows is base58 of random bytes. Letters of one case only are bech32.
	if small, capital := letterCase(text); !small || !capital || !base58Bitcoin.holds(text) {
		return false
	}
	switch {
	case n <= 31:
		return text[0] == 's' // XRP: s… of 29, sEd… of 31 characters
	case n == 50 || n == 53:
		return text[0] == '5' || text[0] == 'K' || text[0] == 'L' // Bitcoin WIF, a character lost or doubled
	case n == 51 || n == 52:
		// WIF of Bitcoin 5 K L, Litecoin 6 T, Dogecoin 6 Q, Dash 7 X, testnets 9 c; p: XRP node private key.
		// SK: Zcash Sprout spending key.
		return strings.IndexByte("5KL6TQ7X9cp", text[0]) >= 0 || text[:2] == "SK"
	case n >= 56 && n <= 60:
		return text[:2] == "6P" // BIP-38
	case n == 87 || n == 88:
		return true // 64 bytes: a Solana key pair; a signature cannot be told from it
	case n >= 100:
		return strings.Contains(text[:4], "prv") || strings.Contains(text[:4], "tpv") || strings.HasPrefix(text, "dgpv") || strings.HasPrefix(text, "drkp") // BIP-32, SLIP-132
	}
	return false
}

// isSecretHex tells hex digits that can be a private key: 32 bytes where no address of the network
// is written so, 64 bytes, and DER (RFC 5208, RFC 5915) with a private key inside.
func isSecretHex(digits string, has0x bool, hint *Network) bool {
	switch n := len(digits); {
	case n == 64:
		if strings.HasPrefix(digits, "000000000000000000000000") {
			return false // an address filled up to an ABI word
		}
		if !has0x && isICPAccount(digits) {
			return false
		}
		if hint == nil {
			return !has0x
		}
		return !hint.hex64
	case n == 128:
		return true
	case n == 76 && isSiacoin(digits):
		return false
	case n > 64:
		return strings.HasPrefix(digits, "30") && strings.Contains(digits, "0420")
	}
	return false
}

func isBase32(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// isICPAccount tells an account identifier of the Internet Computer: a CRC-32 and the 28 bytes it is of.
// It is the one address of 64 hex digits that proves itself.
func isICPAccount(digits string) bool {
	var room [32]byte
	b, fail := hexDecode(room[:0], digits)
	return fail == nil && len(b) == 32 && binary.BigEndian.Uint32(b) == crc32.ChecksumIEEE(b[4:])
}
