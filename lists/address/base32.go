package address

// alphabet32 is one of the base32 alphabets: RFC 4648 in either case, Nano's own.
type alphabet32 struct {
	letters string
	value   [256]uint8 // 0xff: no letter of the alphabet
}

func newAlphabet32(letters string) *alphabet32 {
	a := &alphabet32{letters: letters}
	for i := range a.value {
		a.value[i] = 0xff
	}
	for i := range 32 {
		a.value[letters[i]] = uint8(i)
	}
	return a
}

var (
	base32Upper = newAlphabet32("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
	base32Lower = newAlphabet32("abcdefghijklmnopqrstuvwxyz234567")
)

// decode appends the bytes of text to dst and takes nothing but what append writes:
// encoding/base32 skips CR and LF and lets the spare bits of the last letter be anything
// (addresses.md, section 0), so two texts would name one address.
// A refusal gives the reason, and the offset of the letter at fault or -1.
func (a *alphabet32) decode(dst []byte, text string) (out []byte, reason Reason, pos int) {
	return decode32(a, dst, text, 0)
}

// decode32 is decode that drops lead bits at the front of text, fewer than five; the caller knows that they are zero.
func decode32[T string | []byte](a *alphabet32, dst []byte, text T, lead int) (out []byte, reason Reason, pos int) {
	var acc uint32
	bits := -lead
	for i := range len(text) {
		v := a.value[text[i]]
		if v == 0xff {
			return dst, BadCharacter, i
		}
		acc = acc<<5 | uint32(v)
		if bits += 5; bits >= 8 {
			bits -= 8
			dst = append(dst, byte(acc>>bits))
		}
	}
	if bits >= 5 { // the last letter adds no byte
		return dst, BadLength, -1
	}
	if acc&(1<<bits-1) != 0 {
		return dst, BadChecksum, len(text) - 1
	}
	return dst, "", -1
}

// append writes data without padding.
func (a *alphabet32) append(dst, data []byte) []byte { return a.appendBehind(dst, data, 0) }

// appendBehind writes that many zero bits before data, fewer than five.
func (a *alphabet32) appendBehind(dst, data []byte, lead int) []byte {
	var acc uint32
	bits := lead
	for _, b := range data {
		acc = acc<<8 | uint32(b)
		for bits += 8; bits >= 5; {
			bits -= 5
			dst = append(dst, a.letters[acc>>bits&31])
		}
	}
	if bits > 0 {
		dst = append(dst, a.letters[acc<<(5-bits)&31])
	}
	return dst
}
