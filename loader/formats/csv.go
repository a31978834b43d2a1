package formats

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/lists/address"
)

// Tables with a header, as people write them, and our own format:
// address,network,asset,entity,entity_id,entity_type,category,confidence,programs,incident,listed_on,valid_until,url,note.
// Columns are found by their content, by the names in columns.go, or by Options.Mapping (layout.go). A table with one column of
// addresses needs no header. The separator is , ; tab or |. A cell may hold several addresses (cells.go).
func init() {
	register(format{
		name: "csv", order: 80,
		detect: func(s *sample) bool { _, ok := dialectOf(s); return ok },
		accepts: func(s *sample) bool {
			d, ok := dialectOf(s)
			if !ok {
				return oneColumn(s)
			}
			is := detectFormat(s) // a table of another publisher would be read for its addresses and little more
			return d.err == nil && (is == nil || is.name == "csv" || is.name == "text" || d.layout.named())
		},
		read: readCSV,
	})
}

const separators = ",;\t|"

// sampledRecords is the number of records used to find the header and the columns.
const sampledRecords = 100

// dialect describes how a table is written.
type dialect struct {
	sep    byte
	layout *layout
	line   int64 // line of the header; 0 if there is none
	err    error // why a mapping is needed to read the table; nil if none is
}

// dialectOf finds the separator that yields a column of addresses.
func dialectOf(s *sample) (d dialect, ok bool) {
	if s.xlsx || s.firstByte() == '<' || s.firstByte() == '{' || s.firstByte() == '[' {
		return d, false
	}
	for _, sep := range widestFirst(s) {
		records, lines := firstRecordLines(s, sep, sampledRecords)
		l, err := layoutIn(records, s.mapping)
		if err != nil {
			if _, unclear := err.(needsMapping); unclear && hasTableShape(records, 0) { //nolint:errorlint // never wrapped
				return dialect{sep: sep, err: err}, true
			}
			continue
		}
		if !l.trusted && !l.named() && !hasTableShape(records, l.header) {
			continue
		}
		if l.width > 1 {
			return dialectWith(sep, l, lines), true
		}
		if !ok || sep == separators[0] { // a single column: the separator may be one between the addresses of a cell
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
		for _, r := range firstRecords(s, sep, maxPreface) {
			width[sep] = max(width[sep], len(r))
		}
	}
	all := []byte(separators)
	slices.SortStableFunc(all, func(a, b byte) int { return width[b] - width[a] })
	return all
}

// named reports whether the name of a column says that it holds the addresses.
func (l *layout) named() bool {
	return l.header >= 0 && slices.ContainsFunc(l.addresses, func(c column) bool { return isAddressName(c.name) })
}

// hasTableShape reports whether most records below a header have as many columns as it. Otherwise the text may be prose.
func hasTableShape(records [][]string, header int) bool {
	width, same := len(records[max(header, 0)]), 0
	for _, cell := range records[max(header, 0)] {
		if header >= 0 && (len(cell) > 80 || provesAddress(cell) || address.HoldsSecret(cell)) {
			return false
		}
	}
	rows := records[header+1:]
	for _, r := range rows {
		if len(r) == width && (width > 1 || isAlphanumeric(trimPunctuation(r[0]))) {
			same++
		}
	}
	return (width > 2 || header >= 0) && 10*same >= 6*len(rows)
}

func countFilled(record []string) int {
	n := 0
	for _, f := range record {
		if trim(f) != "" {
			n++
		}
	}
	return n
}

func readCSV(r *run) error {
	in := r.input()
	s, err := in.sample()
	if err != nil {
		return err
	}
	d, ok := dialectOf(s)
	if !ok {
		d, err = guessDialect(in, s)
	} else if d.err != nil {
		err = in.invalid("header", "%w", d.err)
	}
	if err != nil {
		return err
	}
	t := &table{run: r, in: in, layout: d.layout, place: "line ", epoch: spreadsheetEpoch}
	t.scan = func(each func([]string)) error {
		return in.eachRecord(d.sep, func(c *recordReader) error {
			if c.line > d.line {
				each(c.fields)
			}
			return nil
		})
	}
	err = in.eachRecord(d.sep, func(c *recordReader) error {
		switch {
		case c.line < d.line:
			t.preface(c.fields)
			return nil
		case c.line == d.line:
			return nil
		case c.lines.unterminated && len(c.fields) < t.layout.width && !isBlank(c.fields):
			return c.truncated(t.layout.width)
		}
		return t.record(c.fields, c.line, c.badQuotes)
	})
	if err != nil {
		return err
	}
	t.done()
	return nil
}

// oneColumn reports whether a sample has one column, no header, and only addresses.
func oneColumn(s *sample) bool {
	if s.xlsx || s.mapping.names() {
		return false
	}
	records := firstRecords(s, ',', 5)
	for _, record := range records {
		if len(record) != 1 || !looksLikeAddress(trim(record[0])) {
			return false
		}
	}
	return len(records) > 0
}

// guessDialect is used for a file named as a table in which dialectOf found none. It accepts a column of addresses, or any columns of which
// one holds addresses. Otherwise the error says what is missing.
func guessDialect(in *input, s *sample) (dialect, error) {
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
		all, lines := firstRecordLines(s, sep, sampledRecords)
		if len(all) == 0 {
			return dialect{}, in.invalid("line 1", "no record found; is this the right file?")
		}
		l, err := layoutIn(all, s.mapping)
		if err == nil && hasTableShape(all, l.header) {
			return dialectWith(sep, l, lines), nil
		}
		if len(all[0]) > len(first) {
			first, why = all[0], cmp.Or(err, errNoHeader)
		}
	}
	return dialect{}, in.invalid("header", "%w; the first line has %s", why, joinFirst(quoteNames(first)))
}

// table turns records into rows, for csv and xlsx.
type table struct {
	run    *run
	in     *input
	layout *layout
	place  string // "line ", "sheet X row "
	label  string // the network or asset in the name of the sheet
	epoch  time.Time
	ragged bool // a row may have fewer cells than the header: spreadsheets leave out empty ones
	// scan reads the records below the header again.
	scan   func(each func([]string)) error
	orders map[field]dateOrder
	seen   []string // addresses of the current record
}

// record yields a row for each address of a record. badQuotes describes what is wrong with its quotes, if anything.
func (t *table) record(cells []string, n int64, badQuotes string) error {
	if isBlank(cells) || isComment(cells) && !slices.ContainsFunc(cells, holdsAddresses) {
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
	for _, c := range t.layout.unread {
		if address.HoldsSecret(value(cells, c.at)) {
			t.run.countIssue(issueSecret, locator)
		}
	}
	if len(cells) > t.layout.width || len(cells) < t.layout.width && !t.ragged || badQuotes != "" {
		return t.emitRagged(row, cells, badQuotes)
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
		return t.emitWithoutAddress(row, cells)
	}
	return t.emitUnreadColumns(row, cells)
}

// addresses emits a row for each address of a cell.
func (t *table) addresses(row Row, label, cell string) error {
	if isAlphanumeric(cell) && len(cell) <= 66 { // most cells of most files
		return t.emit(row, cellAddress{Address: cell, Label: label})
	}
	all := splitCell(cell)
	if len(all) == 0 {
		return t.emit(row, cellAddress{Address: cell, Label: label})
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

// emit yields one address of a record, unless it was yielded already.
func (t *table) emit(row Row, p cellAddress) error {
	if slices.ContainsFunc(t.seen, func(s string) bool { return sameAddress(s, p.Address) }) {
		return nil
	}
	t.seen = append(t.seen, p.Address)
	if len(t.seen) > 1 {
		row.Locator = fmt.Sprintf("%s address %d", row.Locator, len(t.seen))
	}
	if p.Label == "" && row.Asset == "" && row.Network == "" {
		p.Label = t.label
	}
	row.setAddress(p)
	return t.run.emit(row)
}

// setAddress sets the address of the row, and the label and note found beside it.
func (row *Row) setAddress(p cellAddress) {
	row.Address = p.Address
	if p.Unread && address.Recognize(p.Address) != address.LikeAddress { // the loader reports texts that look like an address
		row.Unread = true
		row.setProblem("address", "unreadable text next to an address; separate them")
	}
	switch {
	case p.Label == "" || p.Label == row.Asset || p.Label == row.Network:
	case row.Asset == "":
		row.Asset = p.Label
		if asset, ok := ofacAsset(p.Label); ok {
			row.Asset = asset
		}
	default:
		row.addNote("beside the address", p.Label)
	}
	if p.Note != "" {
		row.addText(p.Note)
	}
}

// emitWithoutAddress yields a row whose columns of addresses are empty. An address in another column must not be missed.
func (t *table) emitWithoutAddress(row Row, cells []string) error {
	row.setProblem("address", "missing")
	for i, cell := range cells {
		if provesAddress(cell) {
			row.Problem = fmt.Sprintf("address: missing, but %s holds one; name the columns of addresses in the mapping", t.layout.columnName(i))
			row.Unread = true
			break
		}
	}
	return t.run.emit(row)
}

// emitRagged handles a record with more or fewer cells than the header. It is a listing if its address can be read.
func (t *table) emitRagged(row Row, cells []string, badQuotes string) error {
	t.seen = t.seen[:0]
	for _, c := range t.layout.addresses {
		cell := value(cells, c.at)
		for _, p := range splitCell(cell) {
			if p.Unread {
				continue
			}
			own := row
			for i := t.layout.width; i < len(cells); i++ {
				own.addNote("further cell", trim(cells[i]))
			}
			if err := t.emit(own, p); err != nil {
				return err
			}
		}
	}
	for i := t.layout.width; len(t.seen) > 0 && i < len(cells); i++ {
		if holdsAddresses(cells[i]) {
			if err := t.addresses(row, "", trim(cells[i])); err != nil {
				return err
			}
		}
	}
	if len(t.seen) == 0 { // an extra cell before the address: the columns of the other cells are unknown
		moved := Row{Locator: row.Locator, Note: "the row: " + strings.Join(cells, " | ")}
		for _, cell := range cells {
			for _, p := range splitCell(cell) {
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
			t.run.countIssue(issueQuotes, row.Locator)
		} else {
			t.run.countIssue(issueWidth, row.Locator)
		}
		return nil
	}
	row.Address = value(cells, t.layout.addresses[0].at)
	row.Unread = slices.ContainsFunc(cells, holdsAddresses)
	if badQuotes != "" {
		row = Row{Address: row.Address, Unread: row.Unread, Locator: row.Locator, Problem: "quotes: " + badQuotes}
	} else {
		row.Problem = fmt.Sprintf("columns: %d instead of %d; correct the row", len(cells), t.layout.width)
	}
	return t.run.emit(row)
}

// emitUnreadColumns yields an unread row for an address in a column that is not read. A mapping may leave columns out on purpose.
func (t *table) emitUnreadColumns(row Row, cells []string) error {
	if t.layout.trusted {
		return nil
	}
	for _, c := range t.layout.unread {
		cell := value(cells, c.at)
		if len(cell) < minAddress || isTransactionName(c.name) || !provesAddress(cell) ||
			!slices.ContainsFunc(splitCell(cell), func(p cellAddress) bool {
				return !slices.ContainsFunc(t.seen, func(s string) bool { return strings.EqualFold(s, p.Address) })
			}) {
			continue
		}
		if err := t.run.emit(Row{Address: cell, Locator: row.Locator + " " + t.layout.columnName(c.at), Unread: true,
			Problem: fmt.Sprintf("columns: %s holds an address and is not read; name the columns of addresses in the mapping", quoteNames([]string{c.name})[0])}); err != nil {
			return err
		}
	}
	return nil
}

// value returns the trimmed text of a cell, or "" if the record has no such cell.
func value(cells []string, at int) string {
	if at >= len(cells) {
		return ""
	}
	cell := trim(cells[at])
	if len(cell) > 1 && cell[0] == '\'' && (cell[1] == '\'' || IsFormula(cell[1:])) {
		cell = trim(cell[1:]) // the mark that keeps spreadsheets from running the cell as a formula; our exports write it
	}
	return cell
}

// row returns the Row of a record, without its address.
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
			if isDigits(text) && normalizeName(l.names[f]) == "tag" { // a destination tag
				row.addNote(trim(l.names[f]), text)
				continue
			}
		}
		t.run.countIssue(row.set(field(f), l.names[f], text), locator)
	}
	for _, c := range l.further {
		row.addNote(c.name, value(cells, c.at))
	}
	return row, nil
}

// date returns the date of a cell as YYYY-MM-DD if other cells decide how to read it: a day number, or 03/04/2025 in a column that
// also has 12/31/2023. Other texts are returned unchanged.
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
	return reorderDate(text, t.orders[f]), nil
}

// findOrders reads the whole table for dates that reveal the order of day and month in their column.
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
				t.orders[f] = eitherWay // both orders occur: neither can be trusted
			}
		}
	})
}

// preface takes the date from lines like "Last Updated,21/11/2025" above a header.
func (t *table) preface(fields []string) {
	if len(fields) > 1 && strings.Contains(normalizeName(fields[0]), "updated") {
		if date, err := parseDate(fields[1]); err == nil {
			t.run.info.Published = date
		}
	} else if isComment(fields) {
		t.run.commentDate(strings.TrimLeft(trim(strings.Join(fields, ",")), "#/ "))
	}
}

// done warns about columns that were not read, and about secrets in the header.
func (t *table) done() {
	if len(t.layout.unread) > 0 {
		var names []string
		for _, c := range t.layout.unread {
			names = append(names, c.name)
			if address.HoldsSecret(c.name) {
				t.run.countIssue(issueSecret, "the header")
			}
		}
		t.run.warn("unknown_columns", "%s: not read: %s", t.in.name, joinFirst(quoteNames(names)))
	}
}
