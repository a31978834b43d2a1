package formats

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/width"
)

// Official registers that name addresses in their remarks only:
//
//   - uk_sanctions: the UK Sanctions List of the FCDO as CSV (UK-Sanctions-List.csv), whose first line is "Report Date: 08-Oct-2026". It is the
//     only list of the United Kingdom since 2026-01-28. A designation has a row for each of its names and postal addresses.
//   - japan_mof: the list of the Japanese Ministry of Finance of those whose assets are frozen (資産凍結等対象者一覧), as CSV or workbook.
//
// Every cell is read as the format notice reads a text. The person, programme and date are those of the row. Rows without an address yield
// nothing.
func init() {
	register(format{
		name: "uk_sanctions", order: 72,
		detect:    func(s *sample) bool { return ukRegister.heads(s) },
		read:      func(r *run) error { return readRegister(r, ukRegister) },
		publisher: publisher{"sanctions", "UK, FCDO", "UK Sanctions List"},
	})
	register(format{
		name: "japan_mof", order: 74,
		detect:    func(s *sample) bool { return japanRegister.heads(s) },
		accepts:   func(s *sample) bool { return s.xlsx || japanRegister.heads(s) },
		read:      func(r *run) error { return readRegister(r, japanRegister) },
		publisher: publisher{"sanctions", "Japan, Ministry of Finance", "Japan MOF asset freezes"},
	})
}

// registerColumns names the columns of a register, as columnKey writes them.
type registerColumns struct {
	id, programme, listed, kind string
	// names are those whose words make a name together, in their order. primary is a column that says which of several rows has the main name.
	names   []string
	primary string
	date    func(string) string
	header  string // what the error says if no row is the header
}

var ukRegister = &registerColumns{
	id: "uniqueid", programme: "regimename", listed: "datedesignated", kind: "designationtype", primary: "nametype",
	names:  []string{"name1", "name2", "name3", "name4", "name5", "name6"},
	date:   func(s string) string { return reorderDate(s, dayFirst) },
	header: `"Unique ID", "Name 6" and "Regime Name"`,
}

var japanRegister = &registerColumns{
	id: "番号", programme: "区分", listed: "告示日付", kind: "個人・団体",
	names:  []string{"氏名(英語)"},
	date:   japaneseDate,
	header: `"番号", "区分" and "氏名（英語）"`,
}

// registerLayout holds the positions of the columns; -1 if there is none.
type registerLayout struct {
	id, programme, listed, kind, primary int
	names                                []int
	width                                int
}

// layout finds the columns in a record that may be the header. The id, the programme and one name are needed.
func (c *registerColumns) layout(record []string) (registerLayout, bool) {
	at := map[string]int{}
	for i, name := range record {
		name = columnKey(visibleText(name))
		if _, twice := at[name]; !twice {
			at[name] = i
		}
	}
	find := func(name string) int {
		if i, ok := at[columnKey(name)]; ok && name != "" {
			return i
		}
		return -1
	}
	l := registerLayout{id: find(c.id), programme: find(c.programme), listed: find(c.listed), kind: find(c.kind), primary: find(c.primary), width: len(record)}
	for _, name := range c.names {
		if i := find(name); i >= 0 {
			l.names = append(l.names, i)
		}
	}
	return l, l.id >= 0 && l.programme >= 0 && len(l.names) > 0
}

// columnKey is normalizeName of a name in which full-width characters are narrow.
func columnKey(name string) string { return normalizeName(width.Narrow.String(name)) }

// heads reports whether the header of the register is among the first records of a sample.
func (c *registerColumns) heads(s *sample) bool {
	if s.xlsx {
		return false
	}
	for _, record := range firstRecords(s, ',', maxPreface) {
		if _, ok := c.layout(record); ok {
			return true
		}
	}
	return false
}

// registerReader reads the rows of one register. The rows of one entry follow each other.
type registerReader struct {
	*run
	c       *registerColumns
	layout  registerLayout
	found   bool // the header was found
	entry   Row  // what the rows of the entry say about it
	primary bool // its name is the main one
	held    []Row
	seen    map[string]bool // addresses of the entry
}

// maxRemarks bounds the addresses of one entry that wait for its main name.
const maxRemarks = 10_000

func readRegister(r *run, c *registerColumns) error {
	x := &registerReader{run: r, c: c, seen: map[string]bool{}}
	in := r.input()
	var err error
	if in.workbook != nil {
		err = x.workbook()
	} else {
		err = in.eachRecord(',', func(rec *recordReader) error {
			if x.found && !isBlank(rec.fields) {
				problem, err := rec.shapeProblem(x.layout.width)
				if err != nil {
					return err
				}
				if problem != "" {
					x.countIssue(issueWidth, lineAt(rec.line))
				}
			}
			return x.row(rec.fields, lineAt(rec.line))
		})
	}
	if err != nil {
		return err
	}
	if !x.found {
		return in.invalid("header", "%sno row has the columns %s", likeWorkbook(in), c.header)
	}
	return x.flush()
}

// likeWorkbook says that a workbook without the columns of a register is another table.
func likeWorkbook(in *input) string {
	if in.workbook == nil {
		return ""
	}
	return "this looks like xlsx: "
}

// workbook reads every sheet that has the header.
func (x *registerReader) workbook() error {
	w, sheets, err := openWorkbook(x.run)
	if err != nil {
		return err
	}
	any := false
	for _, s := range sheets {
		f := w.parts[s.part]
		if f == nil {
			return w.in.invalid("sheet "+truncate(s.name, maxQuoted), "missing from the workbook: it is truncated or damaged; fetch it again")
		}
		x.found = false
		place := rowPlace(s, len(sheets) > 1)
		if err := w.rows(w.part(f), sheetColumns{}, func(n int64, _ bool, cells []string) error { return x.row(cells, numbered(place, n)) }); err != nil {
			return err
		}
		any = any || x.found
		if !x.found { // a sheet of explanations, or one whose header has changed: its addresses must not be lost
			if err := w.addressesElsewhere(w.part(f), place); err != nil {
				return err
			}
		}
	}
	x.found = any
	return nil
}

// row reads one row. Rows before the header hold the date of the register.
func (x *registerReader) row(cells []string, place string) error {
	if isBlank(cells) {
		return nil
	}
	if !x.found {
		if l, ok := x.c.layout(cells); ok {
			x.layout, x.found = l, true
		} else {
			x.preface(cells)
		}
		return nil
	}
	cell := func(at int) string {
		if at < 0 || at >= len(cells) {
			return ""
		}
		return visibleText(cells[at])
	}
	if id := cell(x.layout.id); id != "" && id != x.entry.EntityID {
		if err := x.flush(); err != nil {
			return err
		}
		x.entry, x.primary = Row{EntityID: id}, false
	}
	x.describe(cell)
	return x.addresses(cells, place)
}

// describe adds what a row says about its entry.
func (x *registerReader) describe(cell func(int) string) {
	var words []string
	for _, at := range x.layout.names {
		if word := cell(at); word != "" {
			words = append(words, word)
		}
	}
	primary := strings.HasPrefix(strings.ToLower(cell(x.layout.primary)), "primary")
	if name := strings.Join(words, " "); name != "" && (x.entry.EntityName == "" || primary && !x.primary) {
		x.entry.EntityName, x.primary = name, primary
	}
	if p := cell(x.layout.programme); p != "" && x.entry.Programs == nil {
		x.entry.Programs = []string{p}
	}
	if text := cell(x.layout.listed); text != "" && x.entry.ListedOn == "" {
		if date, ok := isoDate(x.c.date(text)); ok {
			x.entry.ListedOn = date
		}
	}
	switch kind := cell(x.layout.kind); kind {
	case "個人":
		x.entry.EntityType = "individual"
	case "団体":
		x.entry.EntityType = "entity"
	case "Ship":
		x.entry.EntityType = "vessel"
	default:
		if t := entityType(kind); t != "" {
			x.entry.EntityType = t
		}
	}
}

// addresses holds back the addresses of a row until its entry is complete.
func (x *registerReader) addresses(cells []string, place string) error {
	n := &notice{seen: x.seen, emit: func(row Row) error {
		row.Locator = place
		key := "unread " + row.Address
		if row.Problem != "" && x.seen[key] { // a row for each name repeats the same remark
			return nil
		}
		if row.Problem != "" {
			x.seen[key] = true
		}
		if x.held = append(x.held, row); len(x.held) == maxRemarks {
			return x.emitHeld()
		}
		return nil
	}}
	for _, cell := range cells {
		if len(cell) < minWord {
			continue
		}
		for i, line := range strings.FieldsFunc(cell, func(r rune) bool { return r == '\n' || r == '\r' }) {
			if err := n.line(line, int64(i)); err != nil {
				return err
			}
		}
		if err := n.end(); err != nil {
			return err
		}
		n.waiting, n.shortened, n.sticky = nil, nil, ""
	}
	return nil
}

// flush yields the addresses of the entry.
func (x *registerReader) flush() error {
	err := x.emitHeld()
	clear(x.seen)
	return err
}

func (x *registerReader) emitHeld() error {
	for _, row := range x.held {
		row.EntityID, row.EntityName, row.EntityType = x.entry.EntityID, x.entry.EntityName, x.entry.EntityType
		row.Programs, row.ListedOn = x.entry.Programs, x.entry.ListedOn
		if err := x.emit(row); err != nil {
			return err
		}
	}
	x.held = x.held[:0]
	return nil
}

// preface keeps the date of the register: "Report Date: 08-Oct-2026", "(令和8年10月8日現在)".
func (x *registerReader) preface(cells []string) {
	for _, cell := range cells {
		text := visibleText(cell)
		if _, after, ok := strings.Cut(text, "Report Date:"); ok {
			text = trim(after)
		}
		if date, err := parseDate(text); err == nil {
			x.keepLatestDate(date)
		} else if date, ok := isoDate(japaneseDate(text)); ok {
			x.keepLatestDate(date)
		}
	}
}

// japaneseEra matches a date of the era calendar or the western one: 令和8年10月8日, 平成元年4月1日, 2026年10月8日.
var japaneseEra = regexp.MustCompile(`(令和|平成|昭和)?\s*(元|\d{1,4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日`)

// eraStart is the western year before the first year of an era.
var eraStart = map[string]int{"令和": 2018, "平成": 1988, "昭和": 1925, "": 0}

// japaneseDate returns the first date of a text as YYYY-MM-DD, and other texts unchanged.
func japaneseDate(s string) string {
	s = width.Narrow.String(s)
	m := japaneseEra.FindStringSubmatch(s)
	if m == nil {
		if date, err := parseDate(s); err == nil {
			return date
		}
		return s
	}
	year := 1
	if m[2] != "元" {
		year, _ = strconv.Atoi(m[2])
	}
	month, _ := strconv.Atoi(m[3])
	day, _ := strconv.Atoi(m[4])
	if date, ok := dateOf(eraStart[m[1]]+year, month, day); ok {
		return date
	}
	return s
}
