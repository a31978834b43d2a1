package formats

import (
	"maps"
	"slices"
	"strings"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// mapping is Options.Mapping, parsed. In command lines and URLs it is written "field=source;field=source":
//
//	address=Wallet No                 the column, or the member of a JSON object, that holds a field
//	address=BTC wallet|ETH wallet     several of them, each with its own listing
//	address=wallets[].address         a path into JSON
//	category:phishing=scam            a word in a field, and the value that replaces it
//	hidden=read                       also read the hidden sheets and rows of a workbook
//
// A path is a list of member names separated by full stops. [] after a name means every element of an array, * instead of a name means
// every member of an object.
type mapping struct {
	sources [numFields][]string
	values  [numFields]map[string]string // by the word in lower case
	hidden  bool                         // read hidden sheets and rows
}

func parseMapping(texts map[string]string) (*mapping, error) {
	m := &mapping{}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if key == "hidden" {
			if texts[key] != "read" {
				return nil, fault.E(fault.Invalid, "mapping: hidden takes only the value read; write hidden=read")
			}
			m.hidden = true
			continue
		}
		name, word, translates := strings.Cut(key, ":")
		i := slices.Index(fieldNames[:], trim(name))
		if i < 0 {
			return nil, fault.E(fault.Invalid, "mapping: unknown field %s; the fields are %s", address.Quote(name), strings.Join(fieldNames[:], ", "))
		}
		text := trim(texts[key])
		switch {
		case translates && trim(word) == "":
			return nil, fault.E(fault.Invalid, "mapping: %s: no word before =; write %s:word=value", name, name)
		case translates && field(i) == fAddress:
			return nil, fault.E(fault.Invalid, "mapping: an address cannot be replaced by another; list the other address")
		case translates:
			if m.values[i] == nil {
				m.values[i] = map[string]string{}
			}
			m.values[i][strings.ToLower(trim(word))] = text
			continue
		case text == "":
			return nil, fault.E(fault.Invalid, "mapping: %s names no column", name)
		}
		for source := range strings.SplitSeq(text, "|") {
			if source = trim(source); source == "" || slices.Contains(m.sources[i], source) {
				return nil, fault.E(fault.Invalid, "mapping: %s: write each column once, with | between them", name)
			}
			m.sources[i] = append(m.sources[i], source)
		}
		if len(m.sources[i]) > 1 && field(i) != fAddress {
			return nil, fault.E(fault.Invalid, "mapping: %s takes one column; only address takes several", name)
		}
	}
	return m, nil
}

// value returns the replacement of a word in a field, or the word.
func (m *mapping) value(f field, word string) string {
	if len(m.values[f]) > 0 {
		if value, ok := m.values[f][strings.ToLower(word)]; ok {
			return value
		}
	}
	return word
}

// names reports whether the mapping names the source of a field.
func (m *mapping) names() bool {
	return slices.ContainsFunc(m.sources[:], func(s []string) bool { return len(s) > 0 })
}

// step is one step of a path into JSON.
type step struct {
	name string // "*" means every member
	each int    // number of [] after the name: every element of arrays nested this deep
}

// pathOf parses a path into JSON. It returns nil for a single name.
func pathOf(source string) []step {
	if !strings.ContainsAny(source, ".[*") {
		return nil
	}
	var path []step
	for part := range strings.SplitSeq(source, ".") {
		s := step{name: part}
		for strings.HasSuffix(s.name, "[]") {
			s.name = strings.TrimSuffix(s.name, "[]")
			s.each++
		}
		path = append(path, s)
	}
	return path
}
