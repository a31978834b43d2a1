package formats

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// format is one file format. Each stands in a file of its own and registers itself there.
type format struct {
	name string
	// order is its place in help texts, and in detection: what is special comes before what is general.
	order int
	// files is how many inputs may belong together; 0 means one.
	files int
	// detect tells from the beginning of an input whether it is of this format.
	detect func(*sample) bool
	// accepts, if not nil, is what is asked instead when the format was given by name.
	accepts func(*sample) bool
	// read yields the rows of r.inputs and fills in r.info.
	read func(r *run) error
	// publisher is who publishes files of this format; the zero value means anyone.
	publisher publisher
}

// publisher says what a format alone proves about its listings.
type publisher struct{ category, authority, list string }

var ofac = publisher{"sanctions", "US Treasury, OFAC", "OFAC SDN"}

var registered = map[string]*format{}

func register(f format) {
	registered[f.name] = &f
}

// ordered gives the formats by order.
func ordered() []*format {
	all := make([]*format, 0, len(registered))
	for _, f := range registered {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *format) int { return cmp.Compare(a.order, b.order) })
	return all
}

func names() []string {
	var all []string
	for _, f := range ordered() {
		all = append(all, f.name)
	}
	return all
}

// sample is what detection looks at: the beginning of an input, unpacked and in UTF-8.
type sample struct {
	name  string // as given, with the places in archives
	head  []byte // up to sampleSize bytes
	whole bool   // head is all there is
	xlsx  bool   // the input is a workbook
	// mapping is what the person said about the columns.
	mapping *mapping
}

const sampleSize = 64 << 10

// detected finds the first format that claims the sample; nil if none does.
func detected(s *sample) *format {
	for _, f := range ordered() {
		if f.detect(s) {
			return f
		}
	}
	return nil
}

func (f *format) claims(s *sample) bool {
	if f.accepts != nil {
		return f.accepts(s)
	}
	return f.detect(s)
}

// extensions say what a name promises, when the content promises nothing. What is named .txt may be any prose.
var extensions = map[string]string{".csv": "csv", ".tsv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}

func byName(s *sample) *format {
	if s.xlsx {
		return nil
	}
	name := strings.ToLower(s.name)
	for _, packed := range []string{".gz", ".zst", ".bz2"} {
		name = strings.TrimSuffix(name, packed)
	}
	for ext, format := range extensions {
		if strings.HasSuffix(name, ext) {
			return registered[format]
		}
	}
	return nil
}

// firstByte gives the first byte of a text that is not white space, or 0.
func (s *sample) firstByte() byte {
	if t := bytes.TrimLeft(s.head, " \t\r\n"); len(t) > 0 {
		return t[0]
	}
	return 0
}
