package formats

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Inspection is what the beginning of some files says about how they can be read.
type Inspection struct {
	Format  string   // that Read would use; "" if none was recognised
	Formats []string // all formats that claim the files, that one first
	Table   *Table   // of csv, xlsx, json and ndjson with columns of their own; else nil
}

// Table is the beginning of a table.
type Table struct {
	Sheet   string // of a workbook
	Columns []Column
	Rows    [][]string // up to MaxInspected rows below the header; a cell that holds a secret is masked
	// Mapping is the mapping by which the columns are read. If Missing is set it is a suggestion.
	Mapping map[string]string
	Missing bool // no column of addresses is known
}

// Column is one column of a table, or one member of the objects of a JSON file.
type Column struct {
	Name      string
	Field     string // "" if the column is not read
	Addresses int    // of the first rows: those that hold something like an address in it
}

// MaxInspected is how many rows of a table an inspection has.
const MaxInspected = 20

// maxInspectedCell bounds the bytes of a cell of an inspection.
const maxInspectedCell = 300

// Fields returns the names of the fields that a mapping can name.
func Fields() []string { return slices.Clone(fieldNames[:]) }

// Inspect looks at the beginning of files as Read does. It returns what it found also with an error, which is that of Read for these files.
func Inspect(ctx context.Context, files []File, name string, opts Options) (x Inspection, err error) {
	x.Formats = []string{}
	named, err := formatNamed(name)
	if err != nil {
		return x, err
	}
	m, err := parseMapping(opts.Mapping)
	if err != nil {
		return x, err
	}
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	r := &run{ctx: ctx, opts: opts, mapping: m}
	defer func() { err = errors.Join(err, r.close()) }()
	var inputs []*input
	for _, f := range files {
		in, err := r.expand(f.Name, r.origin(f), 0, false)
		if err != nil {
			return x, err
		}
		inputs = append(inputs, in...)
	}
	chosen, err := r.choose(inputs, named)
	if err != nil {
		chosen = named
	}
	if len(r.inputs) == 0 {
		r.inputs = inputs
	}
	if len(r.inputs) == 0 {
		return x, err
	}
	s, serr := r.inputs[0].sample()
	if serr != nil {
		return x, serr
	}
	if chosen != nil {
		x.Format, x.Formats = chosen.name, append(x.Formats, chosen.name)
	}
	for _, f := range ordered() {
		if f != chosen && f.claims(s) {
			x.Formats = append(x.Formats, f.name)
		}
	}
	var terr error
	if x.Table, terr = r.inspectTable(s, x.Format); terr != nil && err == nil {
		err = terr
	}
	return x, err
}

// inspectTable returns the table in the sample of the first input, or nil.
func (r *run) inspectTable(s *sample, format string) (*Table, error) {
	switch {
	case format == "csv" || format == "" && (isTabular(s) || isDelimited(s)):
		return r.inspectCSV(s), nil
	case format == "xlsx":
		return r.inspectWorkbook()
	case format == "ndjson" && (!ownListings(s) || r.mapping.names()), format == "json":
		return r.inspectObjects(s), nil
	}
	return nil, nil
}

// isDelimited reports whether the first records of a sample have two columns each.
func isDelimited(s *sample) bool {
	records := firstRecords(s, widestFirst(s)[0], maxPreface)
	return len(records) > 1 && !slices.ContainsFunc(records, func(r []string) bool { return len(r) != 2 || len(r[0]) > 100 })
}

func (r *run) inspectCSV(s *sample) *Table {
	d, ok := dialectOf(s)
	if !ok || d.err != nil {
		d = dialect{sep: widestFirst(s)[0]}
		if g, err := guessDialect(r.inputs[0], s); err == nil {
			d = g
		}
	}
	return r.tableOf(firstRecords(s, d.sep, sampledRecords), d.layout)
}

func (r *run) inspectWorkbook() (*Table, error) {
	w, sheets, err := openWorkbook(r)
	if err != nil {
		return nil, err
	}
	var first *Table
	for _, s := range sheets {
		f := w.parts[s.part]
		if f == nil || s.hidden && !w.mapping.hidden {
			continue
		}
		in := w.part(f)
		sampled, _, err := w.sampleRows(in)
		if err != nil {
			return first, err
		}
		columns, err := w.columns(in, sampled)
		if err != nil {
			return first, err
		}
		records := columns.closeUp(sampled)
		if len(records) == 0 {
			continue
		}
		l, _ := layoutIn(records, w.mapping)
		t := r.tableOf(records, l)
		if t.Sheet = truncate(s.name, maxQuoted); l != nil {
			return t, nil
		}
		if first == nil {
			first = t
		}
	}
	return first, nil
}

// tableOf describes the first records of a table. l is nil if its columns could not be found.
func (r *run) tableOf(records [][]string, l *layout) *Table {
	t := &Table{Columns: []Column{}, Rows: [][]string{}, Missing: l == nil}
	if l == nil {
		l = guessLayout(records)
	}
	var header []string
	if l.header >= 0 && l.header < len(records) {
		header = records[l.header]
	}
	records = records[min(l.header+1, len(records)):]
	width := len(header)
	for _, record := range records {
		width = max(width, len(record))
	}
	held := contentOf(records, width)
	for i := range width {
		c := Column{Addresses: held[i].addresses}
		if i < len(header) {
			c.Name = truncate(trim(header[i]), maxQuoted)
		}
		if slices.ContainsFunc(l.addresses, func(a column) bool { return a.at == i }) {
			c.Field = fieldNames[fAddress]
		} else if f := slices.Index(l.at[:], i); f >= 0 {
			c.Field = fieldNames[f]
		}
		t.Columns = append(t.Columns, c)
	}
	for _, record := range records[:min(MaxInspected, len(records))] {
		cells := make([]string, len(record))
		for i, cell := range record {
			cells[i] = truncate(trim(cell), maxInspectedCell)
		}
		t.Rows = append(t.Rows, cells)
	}
	t.Mapping = r.mappingOf(t.Columns)
	return t
}

// guessLayout returns a layout of a table without a known column of addresses: the columns of other fields by their names. Columns that hold
// addresses are suggested.
func guessLayout(records [][]string) *layout {
	l := &layout{header: -1}
	for f := range l.at {
		l.at[f] = -1
	}
	heads := records[:min(maxPreface, len(records))]
	for i, record := range heads {
		if slices.ContainsFunc(record, provesAddress) {
			break
		}
		if !isComment(record) && (l.header < 0 || countFilled(record) > countFilled(records[l.header])) {
			l.header = i
		}
	}
	if l.header < 0 {
		return l
	}
	header := records[l.header]
	for i, c := range contentOf(records[l.header+1:], len(header)) {
		if c.mostly() && !isTransactionName(header[i]) {
			l.addresses = append(l.addresses, column{at: i, name: trim(header[i])})
		}
	}
	_ = l.findFields(header, &mapping{}) // what it found before a name that appears twice is a guess as well
	return l
}

// mappingOf returns the mapping that the columns say, with the translations of words that the caller gave. A name that cannot be written in a
// mapping is left out.
func (r *run) mappingOf(columns []Column) map[string]string {
	m := map[string]string{}
	for key, value := range r.opts.Mapping {
		if key == "hidden" || strings.Contains(key, ":") {
			m[key] = value
		}
	}
	for _, c := range columns {
		if c.Field == "" || c.Name == "" || strings.ContainsAny(c.Name, ";|") {
			continue
		}
		if other := m[c.Field]; other == "" {
			m[c.Field] = c.Name
		} else if c.Field == fieldNames[fAddress] && other != c.Name {
			m[c.Field] = other + "|" + c.Name
		}
	}
	return m
}

// inspectObjects describes the objects of the first array in a JSON document, or of the first lines. The columns are their members.
func (r *run) inspectObjects(s *sample) *Table {
	all := sampledObjects(s)
	if len(all) == 0 {
		return nil
	}
	t := &Table{Columns: []Column{}, Rows: [][]string{}}
	o := &objects{run: r, in: r.inputs[0]}
	at := map[string]int{}
	named := false
	for _, members := range all {
		for _, m := range members {
			if _, known := at[m.name]; known || len(t.Columns) == maxFields {
				continue
			}
			at[m.name] = len(t.Columns)
			c := Column{Name: truncate(m.name, maxQuoted)}
			switch k := o.kind(m.name); {
			case o.mapsAddresses() && slices.Contains(r.mapping.sources[fAddress], m.name), !o.mapsAddresses() && (k.field == fAddress || k.address && !k.other && !k.passed):
				c.Field = fieldNames[fAddress]
			case k.field < numFields && k.field != fAddress:
				c.Field = fieldNames[k.field]
			}
			named = named || c.Field == fieldNames[fAddress]
			t.Columns = append(t.Columns, c)
		}
	}
	filled := make([]int, len(t.Columns))
	for n, members := range all {
		cells := make([]string, len(t.Columns))
		for _, m := range members {
			i, known := at[m.name]
			if !known {
				continue
			}
			text := string(m.value)
			if m.value.Kind() == '"' {
				if plain, err := jsontext.AppendUnquote(nil, m.value); err == nil {
					text = string(plain)
				}
			}
			cells[i] = truncate(text, maxInspectedCell)
			filled[i]++
			if found, _ := addressesIn(text); found {
				t.Columns[i].Addresses++
			}
		}
		if n < MaxInspected {
			t.Rows = append(t.Rows, cells)
		}
	}
	if !named && !o.mapsAddresses() {
		for i := range t.Columns { // members whose name says nothing are read by their content
			if c := &t.Columns[i]; c.Field == "" && c.Addresses > 0 && 2*c.Addresses >= filled[i] && !o.kind(c.Name).passed && !o.kind(c.Name).other {
				c.Field, named = fieldNames[fAddress], true
			}
		}
	}
	t.Missing = !named && !slices.ContainsFunc(r.mapping.sources[fAddress], func(s string) bool { return pathOf(s) != nil })
	t.Mapping = r.mappingOf(t.Columns)
	if !named || slices.ContainsFunc(slices.Collect(maps.Values(r.opts.Mapping)), func(s string) bool { return pathOf(s) != nil }) {
		maps.Copy(t.Mapping, r.opts.Mapping) // paths name no column
	}
	return t
}

// sampledObjects returns the members of the first objects in a sample: its lines, the elements of the first array in the document, or the
// document itself.
func sampledObjects(s *sample) (all [][]member) {
	d := jsontext.NewDecoder(bytes.NewReader(s.head), jsontext.AllowDuplicateNames(true))
	if shapeOf(s) != jsonLines && !enterArray(d) {
		d = jsontext.NewDecoder(bytes.NewReader(s.head), jsontext.AllowDuplicateNames(true))
	}
	for len(all) < sampledRecords && d.PeekKind() == '{' {
		v, err := d.ReadValue()
		if err != nil { // the sample ends here
			break
		}
		members, err := membersOf(v.Clone())
		if err != nil {
			break
		}
		all = append(all, members)
	}
	return all
}

// enterArray reads to the first element of the first array in a document. It reports whether there is one.
func enterArray(d *jsontext.Decoder) bool {
	for d.StackDepth() <= maxGroups {
		kind := d.PeekKind()
		if kind != '[' && kind != '{' {
			return false
		}
		if _, err := d.ReadToken(); err != nil {
			return false
		}
		if kind == '[' {
			return true
		}
		for d.PeekKind() == '"' {
			if _, err := d.ReadToken(); err != nil { // the name of a member
				return false
			}
			if next := d.PeekKind(); next == '[' || next == '{' {
				break
			}
			if d.SkipValue() != nil {
				return false
			}
		}
	}
	return false
}
