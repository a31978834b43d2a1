package formats

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A mapping of JSON names the members that hold a field by their paths. A path may begin at the top of the document or at any object or
// array in it: "wallets[].address" finds the addresses of {"name": …, "wallets": [{"address": …}]} anywhere in the document.

// maxMapped bounds the number of addresses that a mapping finds in one object.
const maxMapped = 100_000

// pathsOf returns the paths of a field.
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
	return s.each == place.each && (s.name == "*" || normalizeName(s.name) == normalizeName(place.name))
}

// restOfPath returns the part of a path below the value at a place. found is false if the path does not lead to the place; then the whole
// path begins at the value.
func restOfPath(path, place []step) (rest []step, found bool) {
	for n := min(len(path), len(place)); n > 0; n-- {
		if slices.EqualFunc(path[:n], place[len(place)-n:], step.matches) {
			return path[n:], true
		}
	}
	return path, false
}

// pathValue is a value that a path leads through: path is the part of the path up to the value.
type pathValue struct {
	path  []step
	value jsontext.Value
}

// follow calls fn for each value at the end of a path, with the objects that lead to it, the outermost first and the value last.
func follow(way []pathValue, path []step, fn func(way []pathValue) error) error {
	here := way[len(way)-1]
	if len(path) == len(here.path) {
		return fn(way)
	}
	next := path[len(here.path)]
	all, err := membersOf(here.value)
	if err != nil {
		return nil //nolint:nilerr // not an object: the path ends here
	}
	for _, m := range all {
		if next.name != "*" && normalizeName(m.name) != normalizeName(next.name) {
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
			if err := follow(append(slices.Clip(way), pathValue{path[:len(here.path)+1], v}), path, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// mappedObject yields the listings that the mapping finds in an object at a place in the document. Addresses in other members are not read.
func (o *objects) mappedObject(base Row, all []member, place []step) error {
	f := &objectContent{row: base}
	if name := duplicateName(all); name != "" {
		f.row.setProblem(truncate(name, maxQuoted), "appears twice")
		f.row.Unread = true
		return o.listing(f.row)
	}
	o.fields(f, all)
	object := objectOf(all)
	before, through := o.listings, false
	for _, path := range o.mapping.pathsOf(fAddress) {
		rest, ok := restOfPath(path, place)
		through = through || ok || len(path) == 1
		if len(rest) == 0 { // the mapping expects an address in the place of the object
			continue
		}
		if err := follow([]pathValue{{value: object}}, rest, func(way []pathValue) error {
			if o.listings-before > maxMapped {
				return o.in.invalid(base.Locator, "the mapping finds more than %d addresses in one object; split the file", maxMapped)
			}
			return o.mappedAddress(f.row, way, place)
		}); err != nil {
			return err
		}
	}
	if o.listings > before || !through {
		return nil
	}
	f.row.setProblem("address", "missing: the object has no member that the mapping names")
	return o.listing(f.row)
}

// mappedAddress yields the listing of an address that follow found.
func (o *objects) mappedAddress(row Row, way []pathValue, place []step) error {
	row.Programs = slices.Clone(row.Programs)
	for _, b := range way[1 : len(way)-1] { // the members of the objects that lead to the address
		if all, err := membersOf(b.value); err == nil {
			f := &objectContent{row: row}
			o.fields(f, all)
			row = f.row
		}
	}
	for f := range numFields {
		if f == fAddress {
			continue
		}
		for _, path := range o.mapping.pathsOf(f) {
			rest, _ := restOfPath(path, place)
			from := way[0]
			for _, b := range way[:len(way)-1] { // the innermost object on both paths
				if len(b.path) <= len(rest) && slices.Equal(b.path, rest[:len(b.path)]) {
					from = b
				}
			}
			err := follow([]pathValue{from}, rest, func(found []pathValue) error {
				if text := textOf(found[len(found)-1].value); text != "" {
					o.countIssue(row.set(f, fieldNames[f], o.mapping.value(f, text)), row.Locator)
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
		row.setProblem("address", "not a text")
	}
	return o.listing(row)
}

// objectOf returns the object with these members.
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

// mapsTo reports whether the mapping says that the value at a place is an address.
func (o *objects) mapsTo(place []step) bool {
	return slices.ContainsFunc(o.mapping.pathsOf(fAddress), func(path []step) bool {
		rest, ok := restOfPath(path, place)
		return ok && len(rest) == 0
	})
}

// noneMapped returns an error if the mapping found nothing in the file.
func (o *objects) noneMapped() error {
	if !o.mapsAddresses() || o.listings > 0 {
		return nil
	}
	return o.in.invalid("mapping", "no object has a member %s; check the names in the mapping", strings.Join(quoteNames(o.mapping.sources[fAddress]), " or "))
}
