package screening

import (
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// Relations say under which keys an address may be listed, and how a listing under one of them is related to it.
type Relations struct{ check check }

// Relate reads an address as Check does. A text that is no address has no readings, and may be listed as it is: OFAC has listed 64 hex digits,
// which could be a private key. Whoever uses the result must show such a text only if it is listed. The error is fault.UnsupportedNetwork.
func Relate(text, network string) (*Relations, error) {
	r := &Relations{check{request: &Request{Address: text, Network: network}}}
	c := &r.check
	if c.parse(true, false); c.err != nil {
		return nil, c.err
	}
	c.probes = slices.DeleteFunc(c.probes, func(p probe) bool { return p.reading == foldedReading })
	return r, nil
}

// Refused returns why the text is no address, or nil.
func (r *Relations) Refused() error {
	if r.check.refused == nil {
		return nil
	}
	return r.check.refused
}

// Keys returns the keys under which the address may be listed.
func (r *Relations) Keys() []address.Key {
	keys := make([]address.Key, len(r.check.probes))
	for i := range keys {
		keys[i] = r.check.probes[i].key
	}
	return keys
}

// Class returns the relation of a reference under key number n to the address; address.None if it is not found with it.
func (r *Relations) Class(n int, ref *lists.Ref) address.Class {
	p := &r.check.probes[n]
	if p.reading == rawReading {
		if ref.Variant == address.VariantRaw {
			return address.Raw
		}
		return address.None
	}
	class, _ := r.check.classify(p, ref.Variant, ref.Role)
	return class
}

// RelatedReading is one reading of an address with the other addresses that are found with it.
type RelatedReading struct {
	Reading
	Related []Related
}

// Readings returns how the address was read.
func (r *Relations) Readings() []RelatedReading {
	c := &r.check
	out := make([]RelatedReading, len(c.readings))
	for i := range c.readings {
		x := RelatedReading{ReadingOf(&c.readings[i]), []Related{}}
		for k := range c.probes {
			p := &c.probes[k]
			if p.reading < 0 || !c.belongs(p, i) {
				continue
			}
			for _, f := range c.relatedTo(p) {
				if f.Canonical != x.Canonical || f.Network != x.Network {
					x.Related = append(x.Related, f)
				}
			}
		}
		out[i] = x
	}
	return out
}
