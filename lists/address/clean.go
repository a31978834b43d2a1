package address

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"unicode"
)

// seedWords is the number of words from which a text is treated as a seed phrase: BIP-39 has 12 to 24,
// Monero 25, and one can get lost in copying.
const seedWords = 11

// clean returns the position of the address in the text, without surrounding ASCII white space. It
// refuses texts that are not an address of any network: more than MaxText bytes, characters other than
// printable ASCII, white space inside, more than one field. It repairs nothing: a text without its
// zero-width space, or with a Latin instead of a Cyrillic letter, is not the text
// that was entered. hint determines only which secrets to look for.
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
		return 0, 0, refuse(Empty, "the address is empty")
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

// trim removes surrounding ASCII white space.
func trim(text string) string { return strings.Trim(text, " \t\r\n") }

// unclean returns the error of a text with a forbidden character at i. offset is the position of body in the text of the caller.
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
	// A secret with a blank or a label next to it is a secret, too.
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
		return refuseAt(BadLength, offset+strings.Index(body, "…"), "it is shortened for display: enter the whole address")
	case long > 1 && (isSpace(c) || c == ',' || c == ';'):
		return refuseAt(TwoAddresses, offset+i, "it contains more than one address: check each separately")
	case isSpace(c):
		return refuseAt(WhitespaceInside, offset+i, "it contains white space")
	case c < ' ' || c == 0x7f:
		return refuseAt(BadCharacter, offset+i, "it contains a control character")
	case c > 0x7f:
		return refuseAt(BadCharacter, offset+i, "it contains a character outside ASCII: an invisible one, or a letter of another script")
	}
	return refuseAt(BadCharacter, offset+i, "it contains a comma or a semicolon")
}

// isWord reports whether field can be a word of a seed phrase: letters of any script, optionally with a derivation path
// ("about//Alice").
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

// isByteArray reports whether body is numbers in brackets, as in the file of a Solana command-line wallet.
func isByteArray(body string) bool {
	return body[0] == '[' && strings.Trim(body, "[]0123456789,; \t\r\n") == ""
}

// secretPrefixes are prefixes of secret keys. They are compared without letter case.
var secretPrefixes = []string{
	"suiprivkey1", "nsec1", "ncryptsec1", "privatekey-", "age-secret-key-", "secret-extended-key-", "secret-spending-key-",
	"zxviews", "zviews", "uview1", "uivk1", "zivks1", // Zcash viewing keys, which reveal private transactions
	"pvt_k1_", "pvt_r1_", "pvt_wa_", "7b2254797065223a", // Antelope, Filecoin's exported key file
}

// secret recognises private keys before anything is decoded, so that none gets into an
// error, a log or a record. It does not verify checksums: a mistyped key reveals the right one.
// The error contains no part of the text.
func secret(text string, hint *Network) *Error {
	// Most addresses have 33 to 49 characters. No secret does.
	if n := len(text); n < 28 || 31 < n && n < 50 {
		return nil
	}
	if isSecret(text, hint) {
		return refuse(SecretMaterial, "it looks like a private key; treat the key as exposed")
	}
	return nil
}

// secretInside looks for a secret in the parts of a wrapper. It skips hex, which can be a payment id.
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

// LooksSecret reports whether a text looks like a private key or a seed phrase. It reads the text as a Bitcoin address, for which all
// possible keys count as secrets, including 64 hex digits.
func LooksSecret(text string) bool {
	var bad *Error
	_, err := Parse(nil, text, "bitcoin")
	return errors.As(err, &bad) && bad.Reason == SecretMaterial
}

// ContainsSecret reports whether a text that was refused for another reason contains a private key or a seed phrase: "p2wpkh:L53…",
// "key=…", an xprv with a path.
func ContainsSecret(text string) bool {
	if holdsAPIKey(text) {
		return true
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	parts = slices.DeleteFunc(parts, isHex) // a payment id or a TON account
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
	if holdsAPIKey(text) {
		return true
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
	// The remaining secrets are base58 of random bytes. Text with letters of one case only is bech32.
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

// holdsAPIKey reports whether a text holds an API key of this program: ik_, 16 letters and digits, _ and 43 characters, of which some may
// be missing.
func holdsAPIKey(text string) bool {
	_, key, found := strings.Cut(text, "ik_")
	return found && len(key) >= 16+1+30 && key[16] == '_' && strings.Trim(key[:16], "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// isSecretHex reports whether hex digits can be a private key: 32 bytes, unless addresses of the network
// have this form, 64 bytes, or DER with a private key (RFC 5208, RFC 5915).
func isSecretHex(digits string, has0x bool, hint *Network) bool {
	switch n := len(digits); {
	case n == 64:
		if strings.HasPrefix(digits, "000000000000000000000000") {
			return false // an address padded to an ABI word
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

// isICPAccount reports whether digits are an account identifier of the Internet Computer: a CRC-32 and 28 bytes.
// No other address of 64 hex digits has a checksum.
func isICPAccount(digits string) bool {
	var room [32]byte
	b, fail := hexDecode(room[:0], digits)
	return fail == nil && len(b) == 32 && binary.BigEndian.Uint32(b) == crc32.ChecksumIEEE(b[4:])
}
