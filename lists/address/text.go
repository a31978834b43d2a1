package address

import (
	"crypto/sha256"
	"hash"
	"sync"

	//lint:ignore SA1019 Bitcoin's HASH160 is defined with it
	"golang.org/x/crypto/ripemd160"
	"golang.org/x/crypto/sha3"
)

// lower folds an ASCII letter.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 32
	}
	return c
}

// foldedEqual compares with a lower-case ASCII text, letter case aside.
func foldedEqual(text, want string) bool {
	return len(text) == len(want) && foldedPrefix(text, want)
}

// foldedPrefix tells whether text begins with a lower-case ASCII prefix, letter case aside.
func foldedPrefix(text, prefix string) bool {
	if len(text) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(text[i]) != prefix[i] {
			return false
		}
	}
	return true
}

// hexValue gives the 4 bits of a hex digit of either case, −1 if it is none.
var hexValue = func() (v [256]int8) {
	for i := range v {
		v[i] = -1
	}
	for i := range 10 {
		v['0'+i] = int8(i)
	}
	for i := range 6 {
		v['a'+i], v['A'+i] = int8(10+i), int8(10+i)
	}
	return
}()

// isHex tells whether text is hex digits and nothing else. "" is not.
func isHex(text string) bool {
	for i := range len(text) {
		if hexValue[text[i]] < 0 {
			return false
		}
	}
	return text != ""
}

// hexDecode appends the bytes of an even number of hex digits.
func hexDecode(dst []byte, text string) ([]byte, *Error) {
	if len(text)%2 != 0 {
		return dst, refuse(BadLength, "it has an odd number of hex digits")
	}
	for i := 0; i < len(text); i += 2 {
		hi, lo := hexValue[text[i]], hexValue[text[i+1]]
		if hi < 0 {
			return dst, refuseAt(BadCharacter, i, "it is no hex digit")
		}
		if lo < 0 {
			return dst, refuseAt(BadCharacter, i+1, "it is no hex digit")
		}
		dst = append(dst, byte(hi)<<4|byte(lo))
	}
	return dst, nil
}

// letterCase tells whether text has lower-case and upper-case letters.
func letterCase(text string) (small, capital bool) {
	for i := range len(text) {
		c := text[i]
		small = small || 'a' <= c && c <= 'z'
		capital = capital || 'A' <= c && c <= 'Z'
	}
	return
}

// without0x takes 0x or 0X off.
func without0x(text string) (digits string, had bool) {
	if len(text) >= 2 && text[0] == '0' && text[1]|0x20 == 'x' {
		return text[2:], true
	}
	return text, false
}

// hasher is a hash kept for the next use, with the room its input and output need,
// so that hashing an address allocates nothing.
type hasher struct {
	hash.Hash
	in  [64]byte
	out [64]byte
}

var (
	keccaks    = sync.Pool{New: func() any { return &hasher{Hash: sha3.NewLegacyKeccak256()} }}
	ripemd160s = sync.Pool{New: func() any { return &hasher{Hash: ripemd160.New()} }}
)

// keccak256 is the Keccak-256 of Ethereum: the padding of before FIPS 202.
func keccak256(data []byte) (sum [32]byte) {
	h := keccaks.Get().(*hasher)
	h.Reset()
	for len(data) > 0 {
		n := copy(h.in[:], data)
		h.Write(h.in[:n])
		data = data[n:]
	}
	// Read, unlike Sum, works on the state itself; the next user resets it.
	_, _ = h.Hash.(interface{ Read([]byte) (int, error) }).Read(h.out[:32]) // a sponge never fails
	copy(sum[:], h.out[:])
	keccaks.Put(h)
	return sum
}

// hash160 is RIPEMD160(SHA256(data)).
func hash160(data []byte) (sum [20]byte) {
	once := sha256.Sum256(data)
	h := ripemd160s.Get().(*hasher)
	h.Reset()
	n := copy(h.in[:], once[:])
	h.Write(h.in[:n])
	h.Sum(h.out[:0])
	copy(sum[:], h.out[:])
	ripemd160s.Put(h)
	return sum
}
