package lists

import (
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"

	"interdict/lists/address"
)

// Hash returns the hash of a key: XXH64 with seed 0. It determines the order of the entries of a layer, the bucket in a store
// and the bits of a filter, and so must never change.
func Hash(key address.Key) uint64 { return xxhash.Sum64String(string(key)) }

// Ref is one listing under one key of a layer.
type Ref struct {
	Variant     address.Variant
	Role        address.Role // 0: the key is that of the address itself
	Also        bool         // another reading of the same listing: 1… is an address on several networks
	Removed     bool         // hides the references of lower layers to the same identity
	Attribution uint32       // number in the layer's table of attributions
	Locator     uint64       // final number of the locator; its prefix is in the attribution
	HasLocator  bool
	AddedIn     int         // version in which the listing first appeared; 0: that of the layer
	Lower       bool        // the listed text is the canonical text in lower case
	Text        string      // listed text; "" if it is the canonical text, or that in lower case
	Own         address.Key // key of the address itself, if Role is not 0
}

// Same reports whether two references under one key have the same identity and role, so that one removes the other.
func (r *Ref) Same(o *Ref) bool {
	return r.Variant == o.Variant && r.Role == o.Role && r.Own == o.Own && (r.Variant != address.VariantRaw || r.Text == o.Text)
}

// Counts reports whether the reference represents a listing when listings are counted, compared or exported. Links, further
// readings and removals do not.
func (r *Ref) Counts() bool { return r.Role == 0 && !r.Also && !r.Removed }

const (
	flagRemoved = 1 << iota
	flagRole
	flagText
	flagLocator
	flagAddedIn
	flagLower
	flagAlso
)

// AppendRef appends the stored form of a reference:
// flags(1) variant(uvarint) attribution(uvarint) [role(1) len own] [locator] [added_in] [len text].
func AppendRef(dst []byte, r *Ref) []byte {
	var flags byte
	if r.Removed {
		flags |= flagRemoved
	}
	if r.Role != 0 {
		flags |= flagRole
	}
	if r.Text != "" {
		flags |= flagText
	}
	if r.HasLocator {
		flags |= flagLocator
	}
	if r.AddedIn != 0 {
		flags |= flagAddedIn
	}
	if r.Lower {
		flags |= flagLower
	}
	if r.Also {
		flags |= flagAlso
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(r.Variant))
	dst = binary.AppendUvarint(dst, uint64(r.Attribution))
	if r.Role != 0 {
		dst = append(dst, byte(r.Role))
		dst = binary.AppendUvarint(dst, uint64(len(r.Own)))
		dst = append(dst, r.Own...)
	}
	if r.HasLocator {
		dst = binary.AppendUvarint(dst, r.Locator)
	}
	if r.AddedIn != 0 {
		dst = binary.AppendUvarint(dst, uint64(r.AddedIn))
	}
	if r.Text != "" {
		dst = binary.AppendUvarint(dst, uint64(len(r.Text)))
		dst = append(dst, r.Text...)
	}
	return dst
}

var errDamaged = errors.New("a stored listing is damaged")

// DecodeRefs appends all references of a stored entry to dst. A damaged entry is an error, never fewer references.
func DecodeRefs(dst []Ref, b []byte) ([]Ref, error) {
	if len(b) == 0 {
		return dst, errDamaged
	}
	ok := true
	uvarint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			ok = false
			b = nil
			return 0
		}
		b = b[n:]
		return v
	}
	text := func() string {
		n := uvarint()
		if !ok || n > uint64(len(b)) {
			ok = false
			return ""
		}
		s := string(b[:n])
		b = b[n:]
		return s
	}
	for len(b) > 0 {
		var r Ref
		flags := b[0]
		b = b[1:]
		if flags&^(flagAlso<<1-1) != 0 {
			return dst, errDamaged
		}
		r.Removed = flags&flagRemoved != 0
		r.Lower = flags&flagLower != 0
		r.Also = flags&flagAlso != 0
		r.Variant = address.Variant(uvarint())
		r.Attribution = uint32(uvarint())
		if flags&flagRole != 0 {
			if len(b) == 0 {
				return dst, errDamaged
			}
			r.Role = address.Role(b[0])
			b = b[1:]
			r.Own = address.Key(text())
		}
		if flags&flagLocator != 0 {
			r.HasLocator = true
			r.Locator = uvarint()
		}
		if flags&flagAddedIn != 0 {
			r.AddedIn = int(uvarint())
		}
		if flags&flagText != 0 {
			r.Text = text()
		}
		if !ok {
			return dst, errDamaged
		}
		dst = append(dst, r)
	}
	return dst, nil
}
