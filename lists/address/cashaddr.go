package address

// The checksum of cashaddr (Bitcoin Cash, eCash, Kaspa): a 40-bit BCH code over the prefix,
// written or not, and the payload. Source: "CashAddr", Bitcoin Cash specification, 2017.

// cashStep holds, for the 5 bits that leave the register, what they add to it.
var cashStep = func() (t [32]uint64) {
	generator := [5]uint64{0x98f2bc8e61, 0x79b76d99e2, 0xf33e5fb3c4, 0xae2eabe2a8, 0x1e4f43e470}
	for v := range t {
		for bit, g := range generator {
			if v>>bit&1 == 1 {
				t[v] ^= g
			}
		}
	}
	return
}()

func cashPolymod(register uint64, v byte) uint64 {
	return register&0x07ffffffff<<5 ^ uint64(v) ^ cashStep[register>>35]
}

func cashStart(prefix string) uint64 {
	register := uint64(1)
	for i := range len(prefix) {
		register = cashPolymod(register, prefix[i]&31)
	}
	return cashPolymod(register, 0)
}

// cashDecode reads the part behind the colon, all lower or all upper case, under a lower-case
// prefix: it appends the 5-bit values, the 8 of the checksum taken off.
func cashDecode(dst []byte, prefix, text string) ([]byte, *Error) {
	if len(text) < 9 {
		return dst, refuse(BadLength, "it is too short for a cashaddr checksum")
	}
	at := len(dst)
	var small, capital bool
	register := cashStart(prefix)
	for i := range len(text) {
		c := text[i]
		v := bech32Value[c]
		if v < 0 {
			return dst[:at], refuseAt(BadCharacter, i, "it is no character of the cashaddr alphabet")
		}
		small = small || 'a' <= c && c <= 'z'
		capital = capital || 'A' <= c && c <= 'Z'
		register = cashPolymod(register, byte(v))
		dst = append(dst, byte(v))
	}
	if small && capital {
		return dst[:at], refuse(MixedCase, "cashaddr is all lower or all upper case")
	}
	if register != 1 {
		return dst[:at], refuse(BadChecksum, "the cashaddr checksum does not match")
	}
	return dst[:len(dst)-8], nil
}

// cashEncode appends prefix, colon and payload.
func cashEncode(dst []byte, prefix string, data []byte) []byte {
	register := cashStart(prefix)
	dst = append(dst, prefix...)
	dst = append(dst, ':')
	for _, v := range data {
		register = cashPolymod(register, v)
		dst = append(dst, bech32Digits[v])
	}
	for range 8 {
		register = cashPolymod(register, 0)
	}
	register ^= 1
	for shift := 35; shift >= 0; shift -= 5 {
		dst = append(dst, bech32Digits[register>>shift&31])
	}
	return dst
}
