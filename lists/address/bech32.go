package address

// bech32Code tells which constant a checksum was made with.
type bech32Code uint32

const (
	bech32Plain bech32Code = 1          // BIP-173
	bech32M     bech32Code = 0x2bc830a3 // BIP-350
)

const bech32Digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32Value gives the 5 bits of a character of either case, −1 if it has none. Cashaddr shares it.
var bech32Value = func() (v [256]int8) {
	for i := range v {
		v[i] = -1
	}
	for i := range len(bech32Digits) {
		c := bech32Digits[i]
		v[c] = int8(i)
		if 'a' <= c && c <= 'z' {
			v[c-32] = int8(i)
		}
	}
	return
}()

// bech32Step holds, for the 5 bits that leave the register, what they add to it: the
// generator of BIP-173 for every combination of bits.
var bech32Step = func() (t [32]uint32) {
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	for v := range t {
		for bit, g := range generator {
			if v>>bit&1 == 1 {
				t[v] ^= g
			}
		}
	}
	return
}()

func bech32Polymod(register uint32, v byte) uint32 {
	return register&0x1ffffff<<5 ^ uint32(v) ^ bech32Step[register>>25]
}

// bech32Start is the register after the human-readable part, lower case.
func bech32Start(hrp string) uint32 {
	register := uint32(1)
	for i := range len(hrp) {
		register = bech32Polymod(register, lower(hrp[i])>>5)
	}
	register = bech32Polymod(register, 0)
	for i := range len(hrp) {
		register = bech32Polymod(register, lower(hrp[i])&31)
	}
	return register
}

// bech32Decode reads a bech32 or bech32m text of any length: it appends the data as 5-bit values,
// checksum taken off, and tells the length of the human-readable part and which checksum it was.
// The caller compares the human-readable part (foldedEqual) and demands the code.
func bech32Decode(dst []byte, text string) (hrp int, data []byte, code bech32Code, fail *Error) {
	hrp = -1
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == '1' {
			hrp = i
			break
		}
	}
	switch {
	case hrp < 1:
		return 0, dst, 0, refuse(BadCharacter, "it has no prefix before a separator 1")
	case hrp > 83:
		return 0, dst, 0, refuse(BadLength, "its prefix is too long")
	case len(text)-hrp-1 < 6:
		return 0, dst, 0, refuse(BadLength, "it is too short for a bech32 checksum")
	}
	var small, capital bool
	for i := range hrp {
		c := text[i]
		small = small || 'a' <= c && c <= 'z'
		capital = capital || 'A' <= c && c <= 'Z'
	}
	register := bech32Start(text[:hrp])
	at := len(dst)
	for i := hrp + 1; i < len(text); i++ {
		c := text[i]
		v := bech32Value[c]
		if v < 0 {
			return 0, dst[:at], 0, refuseAt(BadCharacter, i, "it is no character of the bech32 alphabet")
		}
		small = small || 'a' <= c && c <= 'z'
		capital = capital || 'A' <= c && c <= 'Z'
		register = bech32Polymod(register, byte(v))
		dst = append(dst, byte(v))
	}
	if small && capital {
		return 0, dst[:at], 0, refuse(MixedCase, "bech32 is all lower or all upper case")
	}
	if register != uint32(bech32Plain) && register != uint32(bech32M) {
		return 0, dst[:at], 0, refuse(BadChecksum, "the bech32 checksum does not match")
	}
	return hrp, dst[:len(dst)-6], bech32Code(register), nil
}

// bech32Encode appends the text of a lower-case human-readable part and 5-bit values.
func bech32Encode(dst []byte, hrp string, data []byte, code bech32Code) []byte {
	register := bech32Start(hrp)
	dst = append(dst, hrp...)
	dst = append(dst, '1')
	return bech32Append(dst, bech32Digits, register, data, code)
}

// bech32Append appends 5-bit values and their checksum. register is the checksum of what is before them.
func bech32Append(dst []byte, digits string, register uint32, data []byte, code bech32Code) []byte {
	for _, v := range data {
		register = bech32Polymod(register, v)
		dst = append(dst, digits[v])
	}
	for range 6 {
		register = bech32Polymod(register, 0)
	}
	register ^= uint32(code)
	for shift := 25; shift >= 0; shift -= 5 {
		dst = append(dst, digits[register>>shift&31])
	}
	return dst
}

// bech32Text gives the text of a payload of bytes, for render functions.
func bech32Text(hrp, payload string, code bech32Code) string {
	var room, out [512]byte
	return string(bech32Encode(out[:0], hrp, bits8to5(room[:0], payload), code))
}

// bits5to8 regroups 5-bit values to bytes. What is left over must be fewer than 5 bits, all zero.
func bits5to8(dst, data []byte) ([]byte, bool) {
	var pending uint32
	var n uint
	for _, v := range data {
		pending = pending<<5 | uint32(v)
		if n += 5; n >= 8 {
			n -= 8
			dst = append(dst, byte(pending>>n))
		}
	}
	return dst, n < 5 && pending&(1<<n-1) == 0
}

// bits8to5 regroups bytes to 5-bit values and fills the last with zero bits.
func bits8to5[T string | []byte](dst []byte, payload T) []byte {
	var pending uint32
	var n uint
	for i := range len(payload) {
		pending = pending<<8 | uint32(payload[i])
		for n += 8; n >= 5; {
			n -= 5
			dst = append(dst, byte(pending>>n)&31)
		}
	}
	if n > 0 {
		dst = append(dst, byte(pending<<(5-n))&31)
	}
	return dst
}

// bech32Payload reads a whole text under one lower-case human-readable part and code and regroups
// all of its data to bytes. Both rooms should have capacity for the result, so that nothing is allocated.
func bech32Payload(room, dst []byte, text, hrp string, code bech32Code) ([]byte, *Error) {
	n, data, found, fail := bech32Decode(room, text)
	switch {
	case fail != nil:
		return nil, fail
	case !foldedEqual(text[:n], hrp):
		return nil, refuse(WrongNetwork, "its prefix is of another network or kind")
	case found != code:
		return nil, refuse(BadChecksum, "the checksum is bech32 where bech32m is due, or the reverse")
	}
	payload, ok := bits5to8(dst, data)
	if !ok {
		return nil, refuse(BadLength, "its last bits are not zero padding")
	}
	return payload, nil
}
