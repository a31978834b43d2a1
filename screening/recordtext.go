package screening

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// textForm is how a record contains a text. The numbers are part of the format of the record.
type textForm uint8

const (
	formText        textForm = iota // as it is
	formBase58                      // the bytes that it is base58 of
	formRipple                      // the same with the alphabet of the XRP Ledger
	formBech32                      // a prefix as it is, then 5 bits a character
	formBase32                      // RFC 4648
	formBase32Lower                 // RFC 4648 in lower case
	formHex                         // a prefix as it is, then 4 bits a character
	formBase64URL
	formBase64
	formEIP55        // hex of the payload of the identity, its letter case the checksum
	formSame         // the canonical text
	formLower        // the canonical text in lower case
	formWrapped      // the canonical text between two others
	formWrappedLower // the canonical text in lower case between two others
	forms
)

// alphabet has the digits of a form.
type alphabet struct {
	digits string
	bits   int // of a digit; 0: base58
	value  [256]int8
}

func newAlphabet(digits string, bits int) *alphabet {
	a := &alphabet{digits: digits, bits: bits}
	for i := range a.value {
		a.value[i] = -1
	}
	for i := range len(digits) {
		a.value[digits[i]] = int8(i)
	}
	return a
}

const (
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	smalls   = "abcdefghijklmnopqrstuvwxyz"
)

var alphabets = [forms]*alphabet{
	formBase58:      newAlphabet("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 0),
	formRipple:      newAlphabet("rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz", 0),
	formBech32:      newAlphabet("qpzry9x8gf2tvdw0s3jn54khce6mua7l", 5),
	formBase32:      newAlphabet(capitals+"234567", 5),
	formBase32Lower: newAlphabet(smalls+"234567", 5),
	formHex:         newAlphabet("0123456789abcdef", 4),
	formBase64URL:   newAlphabet(capitals+smalls+"0123456789-_", 6),
	formBase64:      newAlphabet(capitals+smalls+"0123456789+/", 6),
}

// minPayload is the shortest payload that is looked for in the bytes of a text.
const minPayload = 8

// Forms in the order in which they are tried: a text without capitals is hardly ever base58.
var (
	formsOfAny      = []textForm{formBase58, formRipple, formBech32, formBase32, formBase32Lower, formHex, formBase64URL, formBase64}
	formsOfSmallest = []textForm{formBech32, formHex, formBase32Lower, formBase58, formRipple, formBase64URL, formBase64}
)

// appendPacked appends a text in the first form whose bytes contain the payload, and returns where it begins in b; form is formText if
// there is none.
func appendPacked(b []byte, text, payload string) (_ []byte, form textForm, at int) {
	if len(payload) < minPayload {
		return appendText(b, text), formText, 0
	}
	order := formsOfSmallest
	if hasCapital(text) {
		order = formsOfAny
	}
	start := len(b)
	for _, form := range order {
		a := alphabets[form]
		if a.bits == 0 {
			var ok bool
			if b, ok = a.appendBase58(b, text); ok {
				if at := indexOf(b[start:], payload); at >= 0 {
					return b, form, start + at
				}
			}
			b = b[:start]
			continue
		}
		prefix := len(text)
		for prefix > 0 && a.value[text[prefix-1]] >= 0 {
			prefix--
		}
		digits := (8*len(payload) + a.bits - 1) / a.bits // of the payload
		spare := len(text) - prefix - digits
		if spare < 0 {
			continue
		}
		// The first digit after the prefix may be a version of its own: bc1q and the program.
		first := 0
		if spare == 1+bech32Checksum {
			first = 1
		}
		for _, skip := range [...]int{first, 1 - first} {
			if skip > spare {
				continue
			}
			b = a.appendBits(b, text, prefix+skip)
			if at := indexOf(b[start:], payload); at >= 0 {
				return b, form, start + at
			}
			b = b[:start]
		}
	}
	return appendText(b, text), formText, 0
}

// bech32Checksum is the length of the checksum of bech32 in digits.
const bech32Checksum = 6

func hasCapital(text string) bool {
	for i := range len(text) {
		if text[i]-'A' < 26 {
			return true
		}
	}
	return false
}

func indexOf(b []byte, s string) int {
	if len(s) > len(b) {
		return -1
	}
	for i := 0; i+len(s) <= len(b); i++ {
		if b[i] == s[0] && string(b[i:i+len(s)]) == s {
			return i
		}
	}
	return -1
}

// appendBits appends the prefix, the number of digits after it, and the digits, the first in the highest bits.
func (a *alphabet) appendBits(b []byte, text string, prefix int) []byte {
	b = appendText(b, text[:prefix])
	b = binary.AppendUvarint(b, uint64(len(text)-prefix))
	var word uint
	n := 0
	for i := prefix; i < len(text); i++ {
		word = word<<a.bits | uint(a.value[text[i]])
		if n += a.bits; n >= 8 {
			n -= 8
			b = append(b, byte(word>>n))
		}
	}
	if n > 0 {
		b = append(b, byte(word<<(8-n)))
	}
	return b
}

// readBits reads what appendBits wrote.
func (a *alphabet) readBits(r *recordReader) string {
	prefix := r.text()
	count := r.uvarint()
	if count > 8*maxRecordedText {
		r.fail()
		return ""
	}
	packed := r.next((int(count)*a.bits + 7) / 8)
	if r.bad {
		return ""
	}
	out := append(make([]byte, 0, len(prefix)+int(count)), prefix...)
	var word uint
	n := 0
	for _, c := range packed {
		word = word<<8 | uint(c)
		for n += 8; n >= a.bits && len(out) < len(prefix)+int(count); {
			n -= a.bits
			out = append(out, a.digits[word>>n&(1<<a.bits-1)])
		}
	}
	return string(out)
}

// Base58 texts of up to 86 digits are converted with numbers of up to 512 bits.
const (
	maxBase58      = 86
	base58Limbs    = 8
	maxBase58Bytes = 8 * base58Limbs
	digitsPerStep  = 10 // 58^10 fits into 64 bits
)

// appendBase58 appends the number of bytes that a text is base58 of, and the bytes: a zero byte for each leading zero digit, then the
// number.
func (a *alphabet) appendBase58(b []byte, text string) ([]byte, bool) {
	if len(text) == 0 || len(text) > maxBase58 {
		return b, false
	}
	zeros := 0
	for zeros < len(text) && text[zeros] == a.digits[0] {
		zeros++
	}
	var number [base58Limbs]uint64 // the lowest first
	used := 0
	for i := zeros; i < len(text); {
		step, scale := uint64(0), uint64(1)
		for end := min(i+digitsPerStep, len(text)); i < end; i++ {
			v := a.value[text[i]]
			if v < 0 {
				return b, false
			}
			step, scale = step*58+uint64(v), scale*58
		}
		for k := range used {
			high, low := bits.Mul64(number[k], scale)
			low, carry := bits.Add64(low, step, 0)
			number[k], step = low, high+carry
		}
		if step > 0 {
			if used == base58Limbs {
				return b, false
			}
			number[used] = step
			used++
		}
	}
	var whole [maxBase58Bytes]byte
	for k := range used {
		binary.BigEndian.PutUint64(whole[maxBase58Bytes-8*(k+1):], number[k])
	}
	size := 0
	if used > 0 {
		size = 8*used - bits.LeadingZeros64(number[used-1])/8
	}
	b = binary.AppendUvarint(b, uint64(zeros+size))
	for range zeros {
		b = append(b, 0)
	}
	return append(b, whole[maxBase58Bytes-size:]...), true
}

// readBase58 reads what appendBase58 wrote.
func (a *alphabet) readBase58(r *recordReader) string {
	n := r.uvarint()
	if n > maxBase58+maxBase58Bytes {
		r.fail()
		return ""
	}
	number := bytes.Clone(r.next(int(n)))
	zeros := 0
	for zeros < len(number) && number[zeros] == 0 {
		zeros++
	}
	var out []byte // the lowest digit first
	for rest := number[zeros:]; len(rest) > 0; {
		remainder := 0
		for i, c := range rest {
			remainder = remainder<<8 | int(c)
			rest[i] = byte(remainder / 58)
			remainder %= 58
		}
		out = append(out, a.digits[remainder])
		for len(rest) > 0 && rest[0] == 0 {
			rest = rest[1:]
		}
	}
	for range zeros {
		out = append(out, a.digits[0])
	}
	slices.Reverse(out)
	return string(out)
}

// appendInput appends the form of the text as it was given, and what the form needs beside the canonical text.
func appendInput(b []byte, input, canonical string) []byte {
	if input == canonical {
		return append(b, byte(formSame))
	}
	if at := strings.Index(input, canonical); at >= 0 && canonical != "" && len(input) > len(canonical) {
		return appendText(appendText(append(b, byte(formWrapped)), input[:at]), input[at+len(canonical):])
	}
	if at := indexLower(input, canonical); at >= 0 {
		if len(input) == len(canonical) {
			return append(b, byte(formLower))
		}
		return appendText(appendText(append(b, byte(formWrappedLower)), input[:at]), input[at+len(canonical):])
	}
	return appendText(append(b, byte(formText)), input)
}

// indexLower returns where an input has the canonical text in lower case (of ASCII), or -1.
func indexLower(input, canonical string) int {
next:
	for at := 0; at+len(canonical) <= len(input) && canonical != ""; at++ {
		part := input[at : at+len(canonical)]
		for i := range len(part) {
			if part[i] != lowerCase[canonical[i]] {
				continue next
			}
		}
		return at
	}
	return -1
}

// lowerCase is each byte in lower case, of ASCII only.
var lowerCase = func() (all [256]byte) {
	for c := range all {
		all[c] = byte(c)
	}
	for c := byte('A'); c <= 'Z'; c++ {
		all[c] = c + 'a' - 'A'
	}
	return all
}()

// readInput reads what appendInput wrote.
func readInput(r *recordReader, canonical string) string {
	form := textForm(r.byte())
	if form == formLower || form == formWrappedLower {
		b := []byte(canonical)
		for i := range b {
			b[i] = lowerCase[b[i]]
		}
		canonical = string(b)
	}
	switch form {
	case formText:
		return r.text()
	case formSame, formLower:
		return canonical
	case formWrapped, formWrappedLower:
		before := r.text()
		return before + canonical + r.text()
	}
	r.fail()
	return ""
}
