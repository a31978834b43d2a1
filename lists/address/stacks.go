package address

import (
	"crypto/sha256"
	"strings"
)

// Stacks. Source: SIP-005 and c32check: S, the version as one character, and the hash and a checksum in Crockford's base32. The checksum is
// the first four bytes of SHA-256 twice over version and hash. The hash is that of Bitcoin's P2PKH and P2SH.

const c32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var base32Crockford = newAlphabet32(c32)

const (
	stacksP2PKH = 22 // P
	stacksP2SH  = 20 // M
)

func init() {
	register(Network{
		Name: "stacks", Aliases: []string{"stx", "blockstack"}, Assets: []string{"STX"}, CAIP2: []string{"stacks:1"}, Schemes: []string{"stacks"},
		Forms: []Form{{"P2PKH", textStacks(stacksP2PKH)(exampleBytes[:20]), "SHA-256 twice"}, {"P2SH", textStacks(stacksP2SH)(exampleBytes[:20]), "SHA-256 twice"}},
		Typos: "A checksum of 32 bits: a typing error is found.",
		rank:  130, first: "Ss", fits: func(text string) bool {
			return len(text) > 26 && len(text) < 42 && strings.IndexByte("PMTNpmtn", text[1]) >= 0
		},
		named:  true, // of contracts, behind a dot
		decode: decodeStacks,
	})
	registerVariant(variant{VariantStacks, "stacks", "p2pkh", "stacks", textStacks(stacksP2PKH)})
	registerVariant(variant{VariantStacksP2SH, "stacks", "p2sh", "stacks", textStacks(stacksP2SH)})
}

func textStacks(version byte) func(hash string) string {
	return func(hash string) string {
		sum := sumSHA256.of(append([]byte{version}, hash...))
		return "S" + c32[version:version+1] + string(c32Number(append([]byte(hash), sum[:]...)))
	}
}

// c32Number writes bytes as a number, without the zeros in front but with one for each zero byte.
func c32Number(b []byte) []byte {
	zeros := 0
	for zeros < len(b) && b[zeros] == 0 {
		zeros++
	}
	digits := base32Crockford.appendBehind(nil, b, (5-len(b)*8%5)%5)
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	return append([]byte(strings.Repeat("0", zeros)), digits...)
}

func decodeStacks(text string, a *Address) *Error {
	if account, _, found := strings.Cut(text, "."); found {
		if fail := decodeStacks(account, a); fail != nil {
			return fail
		}
		return refuse(UnsupportedKind, "it is a contract of an account: give the account in front of the dot")
	}
	// SIP-005: letters of either case, O is 0, L and I are 1.
	plain := strings.NewReplacer("O", "0", "L", "1", "I", "1").Replace(strings.ToUpper(text))
	switch {
	case len(plain) < 3 || plain[0] != 'S':
		return refuse(BadCharacter, "an address begins with S")
	case len(plain) > 41:
		return refuse(BadLength, "an address has at most 41 characters")
	}
	for i := range len(plain) {
		if base32Crockford.value[plain[i]] == 0xff {
			return refuseAt(BadCharacter, i, "it is no character of the c32 alphabet")
		}
	}
	version := base32Crockford.value[plain[1]]
	digits := strings.TrimLeft(plain[2:], "0")
	padded := strings.Repeat("0", max(0, 39-len(digits))) + digits
	body, reason, _ := decode32(base32Crockford, nil, padded, 3)
	if reason != "" || len(padded) != 39 || len(body) != 24 || string(c32Number(body)) != plain[2:] {
		return refuse(BadLength, "it does not hold 24 bytes")
	}
	once := sha256.Sum256(append([]byte{version}, body[:20]...))
	twice := sha256.Sum256(once[:])
	if string(twice[:4]) != string(body[20:]) {
		return refuse(BadChecksum, "the checksum does not match")
	}
	switch version {
	case stacksP2PKH:
		a.set(SpaceHash160, VariantStacks, body[:20], []byte(plain))
	case stacksP2SH:
		a.set(SpaceScript160, VariantStacksP2SH, body[:20], []byte(plain))
	case 26, 21:
		return refuse(Testnet, "its version is of a test network")
	default:
		return refuse(UnsupportedKind, "no such version")
	}
	return nil
}
