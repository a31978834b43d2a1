package address

import (
	"crypto/sha256"
	"crypto/sha3"
	"math/bits"

	"github.com/decred/dcrd/crypto/blake256"
	"golang.org/x/crypto/blake2b"
)

// base58 is a big-integer base 58 code over one alphabet. Monero's block code is another (monero.go).
type base58 struct {
	digits string
	value  [256]int8 // −1: not in the alphabet
}

// base58Bitcoin is the alphabet of Bitcoin and nearly everybody else; base58Ripple that of the XRP Ledger.
var (
	base58Bitcoin = newBase58("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
	base58Ripple  = newBase58("rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz")
)

// maxBase58 is how many base 58 digits are decoded: the work grows with the square.
const maxBase58 = 180

func newBase58(digits string) *base58 {
	b := &base58{digits: digits}
	for i := range b.value {
		b.value[i] = -1
	}
	for i := range len(digits) {
		b.value[digits[i]] = int8(i)
	}
	return b
}

// holds tells whether every character is of the alphabet.
func (b *base58) holds(text string) bool {
	for i := range len(text) {
		if b.value[text[i]] < 0 {
			return false
		}
	}
	return true
}

// decode appends the bytes of text, one zero byte for each leading zero digit, so that every
// byte string has exactly one text.
func (b *base58) decode(dst []byte, text string) ([]byte, *Error) {
	if len(text) > maxBase58 {
		return dst, refuse(BadLength, "it is longer than any base58 address")
	}
	var limbs [17]uint64 // the number, least significant first
	used := 0
	zeros := 0
	for zeros < len(text) && text[zeros] == b.digits[0] {
		zeros++
	}
	for i := zeros; i < len(text); {
		// Ten digits at a time: 58^10 < 2^59.
		group, scale := uint64(0), uint64(1)
		for n := 0; n < 10 && i < len(text); n, i = n+1, i+1 {
			v := b.value[text[i]]
			if v < 0 {
				return dst, refuseAt(BadCharacter, i, "it is no character of the base58 alphabet")
			}
			group = group*58 + uint64(v)
			scale *= 58
		}
		carry := group
		for j := range used {
			hi, lo := bits.Mul64(limbs[j], scale)
			sum, over := bits.Add64(lo, carry, 0)
			limbs[j] = sum
			carry = hi + over
		}
		if carry != 0 {
			limbs[used] = carry
			used++
		}
	}
	for range zeros {
		dst = append(dst, 0)
	}
	lead := true
	for j := used - 1; j >= 0; j-- {
		for shift := 56; shift >= 0; shift -= 8 {
			c := byte(limbs[j] >> shift)
			if lead && c == 0 {
				continue
			}
			lead = false
			dst = append(dst, c)
		}
	}
	return dst, nil
}

// encode appends the text of src.
func (b *base58) encode(dst, src []byte) []byte {
	zeros := 0
	for zeros < len(src) && src[zeros] == 0 {
		zeros++
	}
	for range zeros {
		dst = append(dst, b.digits[0])
	}
	src = src[zeros:]
	var number [40]uint32 // most significant first
	limbs := number[:0]
	for i := len(src) % 4; i <= len(src); i += 4 {
		var v uint32
		for _, c := range src[max(0, i-4):i] {
			v = v<<8 | uint32(c)
		}
		limbs = append(limbs, v)
	}
	at := len(dst)
	for len(limbs) > 0 {
		// Five digits at a time: 58^5 < 2^30.
		var rest uint64
		for i, v := range limbs {
			rest = rest<<32 | uint64(v)
			limbs[i] = uint32(rest / (58 * 58 * 58 * 58 * 58))
			rest %= 58 * 58 * 58 * 58 * 58
		}
		for len(limbs) > 0 && limbs[0] == 0 {
			limbs = limbs[1:]
		}
		for n := 0; n < 5 && (len(limbs) > 0 || rest > 0); n++ {
			dst = append(dst, b.digits[rest%58])
			rest /= 58
		}
	}
	for i, j := at, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return dst
}

// base58Sum is the checksum of four bytes behind version and payload.
type base58Sum uint8

const (
	sumSHA256  base58Sum = iota // SHA-256 twice: Bitcoin and nearly everybody else
	sumGroestl                  // Grøstl-512 twice: Groestlcoin
	sumBLAKE                    // BLAKE-256 (of 14 rounds) twice: Decred
	sumSHA3                     // SHA3-256: Nebulas
	sumWaves                    // Keccak-256 of BLAKE2b-256: Waves
)

// of gives the checksum of version and payload.
func (s base58Sum) of(body []byte) [4]byte {
	switch s {
	case sumGroestl:
		once := groestl512(body)
		twice := groestl512(once[:])
		return [4]byte(twice[:])
	case sumBLAKE:
		once := blake256.Sum256(body)
		twice := blake256.Sum256(once[:])
		return [4]byte(twice[:])
	case sumSHA3:
		sum := sha3.Sum256(body)
		return [4]byte(sum[:])
	case sumWaves:
		once := blake2b.Sum256(body)
		twice := keccak256(once[:])
		return [4]byte(twice[:])
	}
	once := sha256.Sum256(body)
	twice := sha256.Sum256(once[:])
	return [4]byte(twice[:])
}

// decodeCheck appends version and payload of a base58check text: the last four bytes must be
// the beginning of SHA256(SHA256(version ‖ payload)).
func (b *base58) decodeCheck(dst []byte, text string) ([]byte, *Error) {
	return b.decodeSum(dst, text, sumSHA256)
}

// decodeSum is decodeCheck with another checksum.
func (b *base58) decodeSum(dst []byte, text string, check base58Sum) ([]byte, *Error) {
	at := len(dst)
	dst, fail := b.decode(dst, text)
	if fail != nil {
		return dst[:at], fail
	}
	body := dst[at:]
	if len(body) < 5 {
		return dst[:at], refuse(BadLength, "it is too short for a base58check address")
	}
	body, sum := body[:len(body)-4], body[len(body)-4:]
	if right := check.of(body); string(right[:]) != string(sum) {
		return dst[:at], refuse(BadChecksum, "the base58check checksum does not match")
	}
	return dst[:len(dst)-4], nil
}

// encodeCheck appends the base58check text of version and payload.
func (b *base58) encodeCheck(dst, body []byte) []byte { return b.encodeSum(dst, body, sumSHA256) }

// encodeSum is encodeCheck with another checksum.
func (b *base58) encodeSum(dst, body []byte, check base58Sum) []byte {
	var room [maxBase58]byte
	sum := check.of(body)
	return b.encode(dst, append(append(room[:0], body...), sum[:]...))
}

// base58Once keeps what a base58check text decodes to, for the chains that share the checksum.
type base58Once struct {
	done bool
	room [maxBase58]byte // no text has more bytes than characters
	size int
	fail *Error
}

// decode decodes a text with Bitcoin's checksum the first time only.
func (o *base58Once) decode(text string) ([]byte, *Error) {
	if !o.done {
		body, fail := base58Bitcoin.decodeCheck(o.room[:0], text)
		o.done, o.size, o.fail = true, len(body), fail
	}
	return o.room[:o.size], o.fail
}

// versioned gives the base58check text of a version and a payload, for render functions.
func versioned(version, payload string) string { return sumSHA256.text(version, payload) }

// text gives the base58 text of a version, a payload and the checksum.
func (s base58Sum) text(version, payload string) string {
	var room, out [maxBase58]byte
	return string(base58Bitcoin.encodeSum(out[:0], append(append(room[:0], version...), payload...), s))
}
