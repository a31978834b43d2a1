package address

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"unicode/utf8"
)

// secretPrefixes are prefixes of secret keys. They are compared without letter case.
var secretPrefixes = []string{
	"suiprivkey1", "nsec1", "ncryptsec1", "privatekey-", "age-secret-key-", "secret-extended-key-", "secret-spending-key-",
	"zxviews", "zviews", "uview1", "uivk1", "zivks1", // Zcash viewing keys, which reveal private transactions
	"ed25519-priv-", "secp256k1-priv-", // Aptos (AIP-80)
	"pvt_k1_", "pvt_r1_", "pvt_wa_", "7b2254797065223a", // Antelope, Filecoin's exported key file
	"whsec_", // the secret that webhooks are signed with
}

// secret recognises private keys before anything is decoded, so that none gets into an
// error, a log or a record. It does not verify checksums: a mistyped key reveals the right one.
// The error contains no part of the text.
func secret(text string, hint *Network) *Error {
	if mayBeKeyLength(len(text)) && isSecret(text, hint) {
		return refuse(SecretMaterial, "it looks like a private key; treat the key as exposed")
	}
	return nil
}

// secretInside looks for a secret in a wrapper and its parts. It skips hex, which can be a payment id.
func secretInside(text string) *Error {
	for rest := text; len(rest) >= minSecret; {
		part := rest
		if at := strings.IndexAny(rest, ":/?&="); at >= 0 {
			part, rest = rest[:at], rest[at+1:]
		} else {
			rest = ""
		}
		if !isHex(part) {
			if fail := secret(part, nil); fail != nil {
				return fail
			}
		}
	}
	if ContainsSecret(text) {
		return hiddenSecret()
	}
	return nil
}

func hiddenSecret() *Error {
	return refuse(SecretMaterial, "it contains what looks like a private key or a seed phrase; treat the wallet as exposed")
}

func isSecret(text string, hint *Network) bool {
	if digits, has0x := without0x(text); isHex(digits) {
		return isSecretHex(digits, has0x, hint)
	}
	return isKeyForm(text) || isBase58Pair(text)
}

// isBase58Pair reports whether a text has the form of 64 bytes in base58: a key pair of Solana. A signature cannot be told from it.
func isBase58Pair(text string) bool {
	return (len(text) == 87 || len(text) == 88) && isMixedBase58(text)
}

// isMixedBase58 reports whether a text is base58 of random bytes. Text with letters of one case only is bech32.
func isMixedBase58(text string) bool {
	small, capital := letterCase(text)
	return small && capital && base58Bitcoin.holds(text)
}

// isKeyForm reports whether a text of 28 or more characters has a form that only secrets have.
func isKeyForm(text string) bool {
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
	if !isMixedBase58(text) {
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
	case n >= 100:
		return strings.Contains(text[:4], "prv") || strings.Contains(text[:4], "tpv") || strings.HasPrefix(text, "dgpv") || strings.HasPrefix(text, "drkp") // BIP-32, SLIP-132
	}
	return false
}

// mayBeKeyLength reports whether secrets have as many characters. Most addresses have 33 to 49, and no secret does.
func mayBeKeyLength(n int) bool { return n >= minSecret && n <= 31 || n >= 50 }

// holdsAPIKey reports whether a text holds an API key of this program in any letter case: ik_, 16 letters and digits, _ and 43
// characters, of which some may be missing.
func holdsAPIKey(text string) bool {
	for at := range len(text) - (3 + 16 + 1 + 30) {
		if text[at+2] != '_' || !foldedPrefix(text[at:], "ik_") || text[at+3+16] != '_' {
			continue
		}
		id := text[at+3 : at+3+16]
		if strings.IndexFunc(id, func(r rune) bool { return base32Lower.value[lower(byte(r))] == 0xff }) < 0 {
			return true
		}
	}
	return false
}

// isSecretHex reports whether hex digits can be a private key: 32 bytes, unless addresses of the network
// have this form, 64 bytes, or DER with a private key (RFC 5208, RFC 5915).
func isSecretHex(digits string, has0x bool, hint *Network) bool {
	switch n := len(digits); {
	case n == 64:
		if strings.HasPrefix(digits, abiPadding) {
			return false
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
		return isDERKey(digits)
	}
	return false
}

// abiPadding stands before the 20 bytes of an address that is padded to 32.
const abiPadding = "000000000000000000000000"

// isDERKey reports whether hex digits are DER with a private key (RFC 5208, RFC 5915).
func isDERKey(digits string) bool {
	return strings.HasPrefix(digits, "30") && strings.Contains(digits, "0420")
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

const (
	minHexKey = 60 // hex digits of a key of 32 bytes that lost some
	minBase64 = 42 // characters of one that is encoded in base64, without its padding
	minRandom = 43 // letters and digits that no usual reference has in a row
)

// wordForm says whether a text without blanks of 28 or more characters is a secret, wherever it stands.
func wordForm(text string) certainty {
	body, has0x := without0x(text)
	for again := has0x; again; {
		body, again = without0x(body)
	}
	switch {
	case isHex(body):
		return hexForm(body, has0x)
	case mayBeKeyLength(len(body)) && isKeyForm(body):
		if len(body) <= 31 && !strings.ContainsAny(body, base58Letters[:9]) && !isXRPSeed(body) {
			return notSecret // words that run together; nearly every seed has a digit
		}
		return surelySecret
	case (isBase58Pair(body) || isBase64Form(text) || isRandomForm(text)) && Recognize(text) < Weak:
		return maybeSecret
	}
	return notSecret
}

func isXRPSeed(text string) bool {
	var room [32]byte
	_, fail := base58Ripple.decodeCheck(room[:0], text)
	return fail == nil
}

// hexForm says whether hex digits may be a key. Public keys, addresses with a checksum and padded addresses are none.
func hexForm(digits string, has0x bool) certainty {
	n := len(digits)
	switch {
	case n < minHexKey,
		n == 64 && strings.HasPrefix(digits, abiPadding),
		n == 64 && !has0x && isICPAccount(digits),
		n == 66 && digits[0] == '0' && (digits[1] == '2' || digits[1] == '3'),
		n == 130 && digits[:2] == "04",
		n == 76 && isSiacoin(digits):
		return notSecret
	case n > 64 && isDERKey(digits):
		return surelySecret
	case n > 70 && n != 128 && Recognize(digits) >= Weak:
		return notSecret // an address of Cardano
	}
	return maybeSecret
}

// isBase64Form reports whether a text is at least 32 bytes in base64, of either alphabet, rather than words with hyphens.
func isBase64Form(text string) bool {
	body := strings.TrimRight(text, "=")
	if len(body) < minBase64 || len(text)-len(body) > 2 {
		return false
	}
	small, large, digits, changes := 0, 0, 0, 0
	var last int
	for i := range len(body) {
		var class int
		switch c := body[i]; {
		case c >= 'a' && c <= 'z':
			class = 1
			small++
		case c >= 'A' && c <= 'Z':
			class = 2
			large++
		case c >= '0' && c <= '9':
			class = 3
			digits++
		case c == '+' || c == '/' || c == '-' || c == '_':
			continue
		default:
			return false
		}
		if class != last {
			changes++
		}
		last = class
	}
	return small >= 4 && large >= 4 && digits >= 2 && changes >= len(body)*2/5
}

// isPaddedBase64Key reports whether a text of base64 is 32 or 64 bytes with a padding. No address has one.
func isPaddedBase64Key(text string) bool {
	switch n := len(text); {
	case n == 44:
		return text[n-1] == '=' && text[n-2] != '='
	case n == 88:
		return text[n-2:] == "=="
	}
	return false
}

// isRandomForm reports whether a text is so many letters and digits in a row that it can be a key of any kind.
func isRandomForm(text string) bool {
	if len(text) < minRandom {
		return false
	}
	digits := 0
	for i := range len(text) {
		switch {
		case classes[text[i]] == classDigit:
			digits++
		case classes[text[i]] != classLetter || text[i] >= utf8.RuneSelf:
			return false
		}
	}
	return digits >= 2 && (digits < len(text) || digits >= 70) // 77 digits are a key in decimal
}
