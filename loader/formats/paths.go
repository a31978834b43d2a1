package formats

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A mapping of JSON names the members that hold a field, by their paths. A path is taken from the top of the document, or from any object
// or array in it: "wallets[].address" finds the addresses of {"name": …, "wallets": [{"address": …}]} wherever such an object is.

// maxMapped bounds the addresses that the mapping finds in one object.
const maxMapped = 100_000

// pathsOf gives the mapped paths of a field.
func (m *mapping) pathsOf(f field) [][]step {
	var all [][]step
	for _, source := range m.sources[f] {
		path := pathOf(source)
		if path == nil {
			path = []step{{name: source}}
		}
		all = append(all, path)
	}
	return all
}

func (s step) matches(place step) bool {
	return s.each == place.each && (s.name == "*" || plain(s.name) == plain(place.name))
}

// below gives what is left of a path for a value that is at a place. found is false if the path does not lead through it; then the path is
// taken from the value.
func below(path, place []step) (rest []step, found bool) {
	for n := min(len(path), len(place)); n > 0; n-- {
		if slices.EqualFunc(path[:n], place[len(place)-n:], step.matches) {
			return path[n:], true
		}
	}
	return path, false
}

// bound is a value on the way to an address: path is the way to it.
type bound struct {
	path  []step
	value jsontext.Value
}

// follow calls fn with each value that a path leads to, and with the objects on the way there, the outermost first.
func follow(way []bound, path []step, fn func(way []bound) error) error {
	here := way[len(way)-1]
	if len(path) == len(here.path) {
		return fn(way)
	}
	next := path[len(here.path)]
	all, err := membersOf(here.value)
	if err != nil {
		return nil //nolint:nilerr // no object: the path leads nowhere
	}
	for _, m := range all {
		if next.name != "*" && plain(m.name) != plain(next.name) {
			continue
		}
		values := []jsontext.Value{m.value}
		for range next.each {
			var inner []jsontext.Value
			for _, v := range values {
				if v.Kind() == '[' {
					inner = append(inner, elementsOf(v)...)
				}
			}
			values = inner
		}
		for _, v := range values {
			if err := follow(append(slices.Clip(way), bound{path[:len(here.path)+1], v}), path, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// mapped gives the listings of an object at a place in the document, as the mapping says. It says all about addresses: others are not looked for.
func (o *objects) mapped(base Row, all []member, place []step) error {
	f := &found{row: base}
	if name := twice(all); name != "" {
		f.row.fail(clip(name), "stands there twice")
		f.row.Unread = true
		return o.listing(f.row)
	}
	o.fields(f, all)
	object := objectOf(all)
	before, through := o.n, false
	for _, path := range o.mapping.pathsOf(fAddress) {
		rest, ok := below(path, place)
		through = through || ok || len(path) == 1
		if len(rest) == 0 { // the object itself should be an address
			continue
		}
		if err := follow([]bound{{value: object}}, rest, func(way []bound) error {
			if o.n-before > maxMapped {
				return o.in.invalid(base.Locator, "the mapping finds more than %d addresses in one object", maxMapped)
			}
			return o.mappedAddress(f.row, way, place)
		}); err != nil {
			return err
		}
	}
	if o.n > before || !through {
		return nil
	}
	f.row.fail("address", "is missing: the object has none of the members that the mapping names")
	return o.listing(f.row)
}

// mappedAddress gives the listing of one address that a path led to.
func (o *objects) mappedAddress(row Row, way []bound, place []step) error {
	row.Programs = slices.Clone(row.Programs)
	for _, b := range way[1 : len(way)-1] { // what the objects on the way say
		if all, err := membersOf(b.value); err == nil {
			f := &found{row: row}
			o.fields(f, all)
			row = f.row
		}
	}
	for f := range numFields {
		if f == fAddress {
			continue
		}
		for _, path := range o.mapping.pathsOf(f) {
			rest, _ := below(path, place)
			from := way[0]
			for _, b := range way[:len(way)-1] { // the innermost object that both paths lead through
				if len(b.path) <= len(rest) && slices.Equal(b.path, rest[:len(b.path)]) {
					from = b
				}
			}
			err := follow([]bound{from}, rest, func(found []bound) error {
				if text := textOf(found[len(found)-1].value); text != "" {
					row.set(f, fieldNames[f], o.mapping.value(f, text))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	row.Address = textOf(way[len(way)-1].value)
	if row.Address == "" && way[len(way)-1].value.Kind() != 'n' {
		row.fail("address", "is no text")
	}
	return o.listing(row)
}

// objectOf puts members that have been parted together again.
func objectOf(all []member) jsontext.Value {
	v := jsontext.Value("{")
	for i, m := range all {
		if i > 0 {
			v = append(v, ',')
		}
		v = append(append(append(v, quoteJSON(m.name)...), ':'), m.value...)
	}
	return append(v, '}')
}

// mapsAddresses reports whether the mapping names the members with addresses.
func (o *objects) mapsAddresses() bool { return len(o.mapping.sources[fAddress]) > 0 }

// mapsTo reports whether a value at a place is an address as the mapping says.
func (o *objects) mapsTo(place []step) bool {
	return slices.ContainsFunc(o.mapping.pathsOf(fAddress), func(path []step) bool {
		rest, ok := below(path, place)
		return ok && len(rest) == 0
	})
}

// noneMapped refuses a file in which the mapping found nothing.
func (o *objects) noneMapped() error {
	if !o.mapsAddresses() || o.n > 0 {
		return nil
	}
	return o.in.invalid("mapping", "no object has a member %s", strings.Join(quoted(o.mapping.sources[fAddress]), " or "))
}
