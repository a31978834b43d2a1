package address

// alphabet32 is a base32 alphabet: that of RFC 4648 in either case, or that of Nano.
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

// decode appends the bytes of text to dst. It accepts only texts that append writes:
// encoding/base32 skips CR and LF and ignores the unused bits of the last letter,
// so that two texts would be the same address.
// On failure reason is not "", and pos is the offset of the wrong letter or -1.
func (a *alphabet32) decode(dst []byte, text string) (out []byte, reason Reason, pos int) {
	return decode32(a, dst, text, 0)
}

// decode32 is decode without the first lead bits of text, fewer than five, which the caller knows to be zero.
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
	if bits >= 5 { // the last letter is not part of a byte
		return dst, BadLength, -1
	}
	if acc&(1<<bits-1) != 0 {
		return dst, BadChecksum, len(text) - 1
	}
	return dst, "", -1
}

// append writes data without padding.
func (a *alphabet32) append(dst, data []byte) []byte { return a.appendBehind(dst, data, 0) }

// appendBehind writes lead zero bits, fewer than five, and then data.
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
