package formats

import (
	"cmp"
	"errors"
	"io"
	"strings"
	"time"
)

// Tables with a header that people write, and our own (contract.md, section 4):
// address,network,asset,entity,entity_id,entity_type,category,confidence,programs,incident,listed_on,valid_until,url,note.
// Columns are found by the names in columns.go, or as Options.Mapping says; one column of addresses needs no header.
// Separators , ; tab and | are told from the header. The lists of section 2 of formats.md, FBI notices and label sets are such tables.
func init() {
	register(format{
		name: "csv", order: 80,
		detect: func(s *sample) bool { _, ok := dialectOf(s); return ok },
		accepts: func(s *sample) bool {
			_, ok := dialectOf(s)
			return ok || oneColumn(s)
		},
		read: readCSV,
	})
}

const separators = ",;\t|"

// maxPreface is how many records may stand before a header: a title, a date.
const maxPreface = 5

// dialect is how a table is written.
type dialect struct {
	sep    byte
	header []string // nil: there is none
	layout *layout
}

// dialectOf finds the separator with which a header with a column of addresses appears.
func dialectOf(s *sample) (d dialect, ok bool) {
	if s.xlsx || s.firstByte() == '<' || s.firstByte() == '{' || s.firstByte() == '[' {
		return d, false
	}
	for _, sep := range []byte(separators) {
		for _, record := range heads(s, sep, maxPreface) {
			l, found, err := layoutOf(record, s.mapping)
			if err != nil || !found {
				if filled(record) > 2 {
					break // a header that names no addresses, or the first row
				}
				continue
			}
			if !ok || l.width > d.layout.width {
				d, ok = dialect{sep, record, l}, true
			}
			break
		}
	}
	return d, ok
}

func filled(record []string) int {
	n := 0
	for _, f := range record {
		if trim(f) != "" {
			n++
		}
	}
	return n
}

func readCSV(r *run) error {
	in := r.only()
	s, err := in.sample()
	if err != nil {
		return err
	}
	d, ok := dialectOf(s)
	if !ok {
		if d, err = headerless(in, s); err != nil {
			return err
		}
	}
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	t := &table{run: r, in: in}
	c := newRecordReader(in, rc, d.sep)
	if d.header == nil {
		t.layout = d.layout
	}
	for {
		fields, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if c.bad != "" {
			row := Row{Locator: lineAt(c.line), Problem: "quotes: " + c.bad}
			if t.layout != nil && t.layout.at[fAddress] < len(fields) {
				row.Address = trim(fields[t.layout.at[fAddress]])
			}
			err = r.emit(row)
		} else {
			if t.layout != nil && c.lines.torn && len(fields) < t.layout.width {
				return in.invalid(lineAt(c.line), "has %d of %d columns and no end: the file is truncated", len(fields), t.layout.width)
			}
			err = t.record(fields, "line ", c.line)
		}
		if err != nil {
			return err
		}
	}
	c.lines.done()
	return t.done()
}

// oneColumn tells a table without a header that is nothing but addresses.
func oneColumn(s *sample) bool {
	if s.xlsx || s.mapping.names() {
		return false
	}
	records := heads(s, ',', maxPreface)
	for _, record := range records {
		if len(record) != 1 || !looksLikeAddress(trim(record[0])) {
			return false
		}
	}
	return len(records) > 0
}

// headerless takes a table without a header if it is one column of addresses, and says otherwise what is missing.
func headerless(in *input, s *sample) (dialect, error) {
	records := heads(s, ',', maxPreface)
	if len(records) == 0 {
		return dialect{}, in.invalid("line 1", "holds no record")
	}
	if _, _, err := layoutOf(records[0], s.mapping); err != nil {
		return dialect{}, in.invalid("header", "%w", err)
	}
	if oneColumn(s) {
		return dialect{sep: ',', layout: ownLayout()}, nil
	}
	return dialect{}, in.invalid("header", "no column is named like one of addresses (address, wallet, publicKey …): the first line holds %s; name the column with the mapping, e.g. address=\"Wallet No\"",
		abridged(quoted(records[0])))
}

var errNoHeader = errors.New("no header that names a column of addresses was found")

// table turns records into rows, for csv and xlsx: the header is looked for, what stands before it is a preface.
type table struct {
	run    *run
	in     *input
	layout *layout // nil until the header has been found
	epoch  *time.Time
	before int   // records before the header
	why    error // why the first of them is no header, if there is more to say
}

func (t *table) record(fields []string, place string, n int64) error {
	if blank(fields) {
		return nil
	}
	if t.layout == nil {
		l, ok, err := layoutOf(fields, t.run.mapping)
		switch {
		case ok:
			t.layout = l
			return nil
		case t.before < maxPreface-1:
			t.before++
			t.why = cmp.Or(t.why, err)
			t.preface(fields)
			return nil
		case err != nil:
			return t.in.invalid(numbered(place, n), "%w", err)
		}
		return t.in.invalid(numbered(place, n), "%w", errNoHeader)
	}
	return t.run.emit(t.layout.row(fields, numbered(place, n), t.epoch))
}

// preface takes the date from lines like "Last Updated,21/11/2025" above a header.
func (t *table) preface(fields []string) {
	if len(fields) > 1 && strings.Contains(plain(fields[0]), "updated") {
		if date, err := anyDate(fields[1]); err == nil {
			t.run.info.Published = date
		}
	}
}

func (t *table) done() error {
	if t.layout == nil {
		return t.in.invalid("header", "%w", cmp.Or(t.why, errNoHeader))
	}
	if len(t.layout.unknown) > 0 {
		t.run.warn("unknown_columns", "%s: not read: %s", t.in.name, abridged(quoted(t.layout.unknown)))
	}
	return nil
}
