package formats

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// format is one file format. Each has a file of its own, where it is registered.
type format struct {
	name string
	// order is the position in help texts and in detection: specific formats come before general ones.
	order int
	// files is the largest number of inputs that belong together; 0 means one.
	files int
	// detect reports whether an input is in this format, from its beginning.
	detect func(*sample) bool
	// accepts, if not nil, replaces detect if the caller named the format.
	accepts func(*sample) bool
	// read yields the rows of r.inputs and fills in r.info.
	read func(r *run) error
	// publisher is the only publisher of files in this format; the zero value means that there are many.
	publisher publisher
}

// publisher holds the defaults of a list that follow from its format alone.
type publisher struct{ category, authority, list string }

var ofac = publisher{"sanctions", "US Treasury, OFAC", "OFAC SDN"}

var registered = map[string]*format{}

func register(f format) {
	registered[f.name] = &f
}

// ordered returns the formats by order.
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

// sample is the beginning of an input, unpacked and in UTF-8. Detection looks at nothing else.
type sample struct {
	name  string // as given, with the path in archives
	head  []byte // up to sampleSize bytes
	whole bool   // head is the whole input
	xlsx  bool   // the input is a workbook
	// mapping is the caller's mapping of columns.
	mapping *mapping
}

const sampleSize = 64 << 10

// detectFormat returns the first format that claims the sample, or nil.
func detectFormat(s *sample) *format {
	for _, f := range ordered() {
		if f.detect(s) {
			return f
		}
	}
	return nil
}

// claims reports whether the sample is in this format, which the caller named.
func (f *format) claims(s *sample) bool {
	if f.accepts != nil {
		return f.accepts(s)
	}
	return f.detect(s)
}

// extensions are the formats of file names, for content that no format claims. A .txt file may be any prose.
var extensions = map[string]string{".csv": "csv", ".tsv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}

// formatByExtension returns the format that the name of a file promises, or nil.
func formatByExtension(s *sample) *format {
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

// firstByte returns the first byte that is not white space, or 0.
func (s *sample) firstByte() byte {
	if t := bytes.TrimLeft(s.head, " \t\r\n"); len(t) > 0 {
		return t[0]
	}
	return 0
}
