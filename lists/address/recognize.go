package address

// Recognition says how much a text looks like an address. It decides what a reader of list files does with the text; an identity
// comes from Parse and ParseListed alone.
type Recognition uint8

const (
	NotAddress  Recognition = iota // no address, and nothing that a person would take for one
	LikeAddress                    // the form of an address, but it does not read: a wrong checksum, a cut text, a look-alike letter
	Weak                           // reads as an address of a form that carries no proof
	Proving                        // reads as an address that proves itself: a checksum, or 0x and 40 hex digits
)

// Recognize tells how much one text, without a label, looks like an address.
func Recognize(text string) Recognition {
	readings, err := Parse(nil, text, "")
	if err != nil {
		if e, ok := err.(*Error); ok && (e.Reason == BadChecksum || e.Reason == MixedCase) {
			return LikeAddress
		}
		return NotAddress
	}
	for i := range readings {
		if n := byName[readings[i].Network]; n != nil && n.Strong {
			return Proving
		}
	}
	return Weak
}

// ListedNotes says what was unusual about a listed text that ParseListed read all the same.
type ListedNotes struct {
	Contradicted bool // its label names a network that the text disproves
	Lookalikes   bool // it was read after look-alike letters were replaced and invisible characters taken out
	LetterCase   bool // it was read although its letter case is wrong
}
