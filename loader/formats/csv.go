package formats

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/lists/address"
)

// Tables with a header that people write, and our own (contract.md, section 4):
// address,network,asset,entity,entity_id,entity_type,category,confidence,programs,incident,listed_on,valid_until,url,note.
// Columns are found by their content and by the names in columns.go, or as Options.Mapping says (layout.go); a table with one column of
// addresses needs no header. The header shows the separator: , ; tab or |. A cell may hold several addresses (cells.go).
func init() {
	register(format{
		name: "csv", order: 80,
		detect: func(s *sample) bool { _, ok := dialectOf(s); return ok },
		accepts: func(s *sample) bool {
			d, ok := dialectOf(s)
			if !ok {
				return oneColumn(s)
			}
			is := detected(s) // a table of another publisher reads as a list of its addresses, and little more
			return d.err == nil && (is == nil || is.name == "csv" || is.name == "text" || d.layout.named())
		},
		read: readCSV,
	})
}

const separators = ",;\t|"

// sampledRecords is how many records are looked at to find the header and the columns.
const sampledRecords = 100

// dialect is how a table is written.
type dialect struct {
	sep    byte
	layout *layout
	line   int64 // of the header; 0: there is none
	err    error // why the table is not read: a mapping is needed
}

// dialectOf finds the separator with which a header with a column of addresses appears.
func dialectOf(s *sample) (d dialect, ok bool) {
	if s.xlsx || s.firstByte() == '<' || s.firstByte() == '{' || s.firstByte() == '[' {
		return d, false
	}
	for _, sep := range widestFirst(s) {
		records, lines := headLines(s, sep, sampledRecords)
		l, err := layoutIn(records, s.mapping)
		if err != nil {
			if _, unclear := err.(needsMapping); unclear && isTable(records, 0) { //nolint:errorlint // never wrapped
				return dialect{sep: sep, err: err}, true
			}
			continue
		}
		if !l.trusted && !l.named() && !isTable(records, l.header) {
			continue
		}
		if l.width > 1 {
			return dialectWith(sep, l, lines), true
		}
		if !ok || sep == separators[0] { // of one column, the separator may stand between the addresses of a cell
			d, ok = dialectWith(sep, l, lines), true
		}
	}
	return d, ok
}

func dialectWith(sep byte, l *layout, lines []int64) dialect {
	d := dialect{sep: sep, layout: l}
	if l.header >= 0 {
		d.line = lines[l.header]
	}
	return d
}

// widestFirst orders the separators by the columns that each makes of the first records.
func widestFirst(s *sample) []byte {
	width := map[byte]int{}
	for _, sep := range []byte(separators) {
		for _, r := range heads(s, sep, maxPreface) {
			width[sep] = max(width[sep], len(r))
		}
	}
	all := []byte(separators)
	slices.SortStableFunc(all, func(a, b byte) int { return width[b] - width[a] })
	return all
}

// named reports whether a column of addresses is named like one.
func (l *layout) named() bool {
	return l.header >= 0 && slices.ContainsFunc(l.addresses, func(c column) bool { return ownAddress(c.name) })
}

// isTable reports whether records below a header have its shape. A column that was found by its content alone may be prose otherwise.
func isTable(records [][]string, header int) bool {
	width, same := len(records[max(header, 0)]), 0
	for _, cell := range records[max(header, 0)] {
		if header >= 0 && (len(cell) > 80 || provesAddress(cell) || address.LooksSecret(cell) || address.ContainsSecret(cell)) {
			return false
		}
	}
	rows := records[header+1:]
	for _, r := range rows {
		if len(r) == width && (width > 1 || plainWord(peel(r[0]))) {
			same++
		}
	}
	return (width > 2 || header >= 0) && 10*same >= 6*len(rows)
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
		d, err = undetected(in, s)
	} else if d.err != nil {
		err = in.invalid("header", "%w", d.err)
	}
	if err != nil {
		return err
	}
	t := &table{run: r, in: in, layout: d.layout, place: "line ", epoch: spreadsheetEpoch}
	t.scan = func(each func([]string)) error {
		_, err := records(in, d.sep, func(c *recordReader) error {
			if c.line > d.line {
				each(c.fields)
			}
			return nil
		})
		return err
	}
	lines, err := records(in, d.sep, func(c *recordReader) error {
		switch {
		case c.line < d.line:
			t.preface(c.fields)
			return nil
		case c.line == d.line:
			return nil
		case c.lines.torn && len(c.fields) < t.layout.width && !blank(c.fields):
			return in.invalid(lineAt(c.line), "has %d of %d columns and no end: the file is truncated", len(c.fields), t.layout.width)
		}
		return t.record(c.fields, c.line, c.bad)
	})
	if err != nil {
		return err
	}
	lines.done()
	t.done()
	return nil
}

// records reads a delimited file and calls each after every record.
func records(in *input, sep byte, each func(*recordReader) error) (*lineReader, error) {
	rc, err := in.text()
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	c := newRecordReader(in, rc, sep)
	for {
		if _, err := c.next(); errors.Is(err, io.EOF) {
			return c.lines, nil
		} else if err != nil {
			return nil, err
		}
		if err := each(c); err != nil {
			return nil, err
		}
	}
}

// oneColumn reports a table without a header that is nothing but addresses.
func oneColumn(s *sample) bool {
	if s.xlsx || s.mapping.names() {
		return false
	}
	records := heads(s, ',', 5)
	for _, record := range records {
		if len(record) != 1 || !looksLikeAddress(trim(record[0])) {
			return false
		}
	}
	return len(records) > 0
}

// undetected reads a table whose header and columns do not show: a column of addresses, or columns of which one holds addresses. Otherwise
// the error says what is missing.
func undetected(in *input, s *sample) (dialect, error) {
	if oneColumn(s) {
		l := &layout{header: -1, width: 1, addresses: []column{{}}}
		for f := range l.at {
			l.at[f] = -1
		}
		return dialect{sep: ',', layout: l}, nil
	}
	var first []string
	var why error
	for _, sep := range []byte(separators) {
		all, lines := headLines(s, sep, sampledRecords)
		if len(all) == 0 {
			return dialect{}, in.invalid("line 1", "holds no record")
		}
		l, err := layoutIn(all, s.mapping)
		if err == nil && isTable(all, l.header) {
			return dialectWith(sep, l, lines), nil
		}
		if len(all[0]) > len(first) {
			first, why = all[0], cmp.Or(err, errNoHeader)
		}
	}
	return dialect{}, in.invalid("header", "%w; the first line holds %s", why, abridged(quoted(first)))
}

// table turns records into rows, for csv and xlsx.
type table struct {
	run    *run
	in     *input
	layout *layout
	place  string // "line ", "sheet X row "
	label  string // the network or asset that the sheet's name holds
	epoch  time.Time
	ragged bool // a row may have fewer cells than the header: spreadsheets leave out empty ones
	// scan reads the records below the header once more.
	scan   func(each func([]string)) error
	orders map[field]dateOrder
	seen   []string // addresses of the record at hand
}

// record turns one record into rows: one for each address. badQuotes says what is wrong with its quotes.
func (t *table) record(cells []string, n int64, badQuotes string) error {
	if blank(cells) || isComment(cells) && !slices.ContainsFunc(cells, holdsAny) {
		return nil
	}
	for len(cells) > t.layout.width && trim(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	locator := numbered(t.place, n)
	row, err := t.row(cells, locator)
	if err != nil {
		return err
	}
	if len(cells) > t.layout.width || len(cells) < t.layout.width && !t.ragged || badQuotes != "" {
		return t.raggedRow(row, cells, badQuotes)
	}
	t.seen = t.seen[:0]
	for i := range t.layout.addresses {
		c := &t.layout.addresses[i]
		cell := value(cells, c.at)
		if cell == "" || len(t.layout.addresses) > 1 && isPlaceholder(cell) {
			continue
		}
		if err := t.addresses(row, c.label, cell); err != nil {
			return err
		}
	}
	if len(t.seen) == 0 {
		return t.noAddress(row, cells)
	}
	return t.unreadColumns(row, cells)
}

// addresses emits a row for each address of a cell.
func (t *table) addresses(row Row, label, cell string) error {
	if plainWord(cell) && len(cell) <= 66 { // most cells of most files
		return t.emit(row, piece{Address: cell, Label: label})
	}
	all := pieces(cell)
	if len(all) == 0 {
		return t.emit(row, piece{Address: cell, Label: label})
	}
	for _, p := range all {
		if p.Label == "" {
			p.Label = label
		}
		if err := t.emit(row, p); err != nil {
			return err
		}
	}
	return nil
}

// emit yields one address of a row, unless the row holds it already.
func (t *table) emit(row Row, p piece) error {
	if slices.ContainsFunc(t.seen, func(s string) bool { return sameText(s, p.Address) }) {
		return nil
	}
	t.seen = append(t.seen, p.Address)
	if len(t.seen) > 1 {
		row.Locator = fmt.Sprintf("%s address %d", row.Locator, len(t.seen))
	}
	if p.Label == "" && row.Asset == "" && row.Network == "" {
		p.Label = t.label
	}
	row.take(p)
	return t.run.emit(row)
}

// take puts an address of a cell, and what stood beside it, into the row.
func (row *Row) take(p piece) {
	row.Address = p.Address
	if p.Unread && address.Recognize(p.Address) != address.LikeAddress { // the loader finds out about the others
		row.Unread = true
		row.fail("address", "it is shortened, or something stands beside it that does not read")
	}
	switch {
	case p.Label == "" || p.Label == row.Asset || p.Label == row.Network:
	case row.Asset == "":
		row.Asset = p.Label
		if asset, ok := ofacAsset(p.Label); ok {
			row.Asset = asset
		}
	default:
		row.remark("beside the address", p.Label)
	}
	if p.Note != "" {
		if row.Note != "" {
			row.Note += "; "
		}
		row.Note += p.Note
	}
}

// noAddress emits a row whose columns of addresses are empty. An address elsewhere in it must not go unread.
func (t *table) noAddress(row Row, cells []string) error {
	row.fail("address", "is missing")
	for i, cell := range cells {
		if provesAddress(cell) {
			row.Problem = fmt.Sprintf("address: is missing, and column %d holds one", i+1)
			row.Unread = true
			break
		}
	}
	return t.run.emit(row)
}

// raggedRow reads a record that does not have the shape of the header. It is a listing if its address reads.
func (t *table) raggedRow(row Row, cells []string, badQuotes string) error {
	t.seen = t.seen[:0]
	for _, c := range t.layout.addresses {
		cell := value(cells, c.at)
		for _, p := range pieces(cell) {
			if p.Unread {
				continue
			}
			own := row
			for i := t.layout.width; i < len(cells); i++ {
				own.remark("further cell", trim(cells[i]))
			}
			if err := t.emit(own, p); err != nil {
				return err
			}
		}
	}
	for i := t.layout.width; len(t.seen) > 0 && i < len(cells); i++ {
		if holdsAny(cells[i]) {
			if err := t.addresses(row, "", trim(cells[i])); err != nil {
				return err
			}
		}
	}
	if len(t.seen) == 0 { // a cell too many before it: which cell is what is unknown
		moved := Row{Locator: row.Locator, Note: "the row: " + strings.Join(cells, " | ")}
		for _, cell := range cells {
			for _, p := range pieces(cell) {
				if address.Recognize(p.Address) != address.Proving {
					continue
				}
				if err := t.emit(moved, p); err != nil {
					return err
				}
			}
		}
	}
	if len(t.seen) > 0 {
		if badQuotes != "" {
			t.run.odd(oddQuotes, row.Locator)
		} else {
			t.run.odd(oddWidth, row.Locator)
		}
		return nil
	}
	row.Address = value(cells, t.layout.addresses[0].at)
	row.Unread = slices.ContainsFunc(cells, holdsAny)
	if badQuotes != "" {
		row = Row{Address: row.Address, Unread: row.Unread, Locator: row.Locator, Problem: "quotes: " + badQuotes}
	} else {
		row.Problem = fmt.Sprintf("columns: %d instead of %d", len(cells), t.layout.width)
	}
	return t.run.emit(row)
}

// unreadColumns reports an address in a column that is not read. A mapping may leave columns out on purpose.
func (t *table) unreadColumns(row Row, cells []string) error {
	if t.layout.trusted {
		return nil
	}
	for _, c := range t.layout.unread {
		cell := value(cells, c.at)
		if len(cell) < minAddress || namesTransactions(c.name) || !provesAddress(cell) ||
			!slices.ContainsFunc(pieces(cell), func(p piece) bool {
				return !slices.ContainsFunc(t.seen, func(s string) bool { return strings.EqualFold(s, p.Address) })
			}) {
			continue
		}
		if err := t.run.emit(Row{Address: cell, Locator: row.Locator + " column " + strconv.Itoa(c.at+1), Unread: true,
			Problem: fmt.Sprintf("columns: %s holds an address and is not read; name the columns of addresses with the mapping", quoted([]string{c.name})[0])}); err != nil {
			return err
		}
	}
	return nil
}

// value returns a cell without what surrounds its text.
func value(cells []string, at int) string {
	if at >= len(cells) {
		return ""
	}
	cell := trim(cells[at])
	if len(cell) > 1 && cell[0] == '\'' && strings.IndexByte("=+-@'", cell[1]) >= 0 {
		cell = cell[1:] // the mark that keeps a spreadsheet from taking the cell for a formula; our own exports set it
	}
	return cell
}

// row makes a Row of the cells of a table, without its address.
func (t *table) row(cells []string, locator string) (Row, error) {
	row := Row{Locator: locator}
	l := t.layout
	for f, at := range l.at {
		if at < 0 || at >= len(cells) || field(f) == fAddress {
			continue
		}
		text := value(cells, at)
		if text == "" {
			continue
		}
		text = t.run.mapping.value(field(f), text)
		switch field(f) {
		case fListedOn, fValidUntil:
			var err error
			if text, err = t.date(field(f), text); err != nil {
				return row, err
			}
		case fEntity:
			if digits(text) && plain(l.names[f]) == "tag" { // a destination tag
				row.remark(trim(l.names[f]), text)
				continue
			}
		}
		t.run.odd(row.set(field(f), l.names[f], text), locator)
	}
	for _, c := range l.further {
		row.remark(c.name, value(cells, c.at))
	}
	return row, nil
}

// date writes a date as YYYY-MM-DD where the text alone does not say which: a day number, or 03/04/2025 in a column that has 12/31/2023.
func (t *table) date(f field, text string) (string, error) {
	if _, iso := isoDate(text); iso {
		return text, nil
	}
	text = serialDate(text, t.epoch)
	if orderOf(text) != eitherWay {
		return text, nil
	}
	if t.orders == nil {
		if err := t.findOrders(); err != nil {
			return "", err
		}
	}
	return inOrder(text, t.orders[f]), nil
}

// findOrders reads the whole table for dates that show the order of day and month in their column.
func (t *table) findOrders() error {
	t.orders = map[field]dateOrder{}
	return t.scan(func(cells []string) {
		for _, f := range []field{fListedOn, fValidUntil} {
			at := t.layout.at[f]
			if at < 0 || at >= len(cells) {
				continue
			}
			switch order := orderOf(cells[at]); {
			case order != dayFirst && order != monthFirst:
			case t.orders[f] == noOrder:
				t.orders[f] = order
			case t.orders[f] != order:
				t.orders[f] = eitherWay // both stand there: neither can be trusted
			}
		}
	})
}

// preface takes the date from lines like "Last Updated,21/11/2025" above a header.
func (t *table) preface(fields []string) {
	if len(fields) > 1 && strings.Contains(plain(fields[0]), "updated") {
		if date, err := anyDate(fields[1]); err == nil {
			t.run.info.Published = date
		}
	} else if isComment(fields) {
		t.run.updated(strings.TrimLeft(trim(strings.Join(fields, ",")), "#/ "))
	}
}

// done warns of columns that were not read.
func (t *table) done() {
	if len(t.layout.unread) > 0 {
		var names []string
		for _, c := range t.layout.unread {
			names = append(names, c.name)
		}
		t.run.warn("unknown_columns", "%s: not read: %s", t.in.name, abridged(quoted(names)))
	}
}
