package formats

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/lists/fault"
)

// Workbooks of Excel 2007 and later (ECMA-376, SpreadsheetML), with the columns of csv. Every sheet with a column of addresses is read. If
// the name of a sheet is a network or an asset, it applies to its rows. Hidden sheets and rows are skipped with a warning, unless the
// mapping says hidden=read. A merged cell applies to all its rows. Cells are read by value, not as displayed. The workbook is read as a
// stream with xmlscan.go: excelize unpacks every part into memory, and a sheet of a million rows is 100 MB of XML.
func init() {
	register(format{
		name: "xlsx", order: 90,
		detect: func(s *sample) bool { return s.xlsx },
		read:   readXLSX,
	})
}

const (
	// maxShared bounds the bytes of the shared strings, which are kept: a million addresses are 40 MB.
	maxShared = 48 << 20
	maxSheets = 256
	// maxCells bounds the columns of a sheet.
	maxCells = 1 << 14
)

type workbook struct {
	*run
	in     *input
	parts  map[string]*zip.File
	epoch  time.Time
	texts  string // the part with the shared strings
	shared sharedStrings

	hiddenRows  int
	firstHidden string
}

type sheet struct {
	name, id, part string
	hidden         bool
}

func readXLSX(r *run) error {
	w, sheets, err := openWorkbook(r)
	if err != nil {
		return err
	}
	return w.readSheets(sheets)
}

func openWorkbook(r *run) (*workbook, []sheet, error) {
	in := r.input()
	if in.workbook == nil {
		return nil, nil, in.invalid("the file", "not a workbook, which is a zip archive with xl/workbook.xml")
	}
	w := &workbook{run: r, in: in, parts: map[string]*zip.File{}, texts: "xl/sharedStrings.xml", epoch: time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)}
	for _, f := range in.workbook.File {
		if f.Flags&1 != 0 {
			return nil, nil, in.invalid(f.Name, "protected by a password; save it without one")
		}
		w.parts[f.Name] = f
	}
	sheets, err := w.sheets()
	if err != nil {
		return nil, nil, err
	}
	if f := w.parts[w.texts]; f != nil {
		if err := w.readShared(f); err != nil {
			return nil, nil, err
		}
	}
	return w, sheets, nil
}

// rowPlace returns the locators of the rows of a sheet without their numbers.
func rowPlace(s sheet, several bool) string {
	if several {
		return "sheet " + truncate(s.name, maxQuoted) + " row "
	}
	return "row "
}

// readSheets reads the sheets and warns about those that were skipped.
func (w *workbook) readSheets(sheets []sheet) error {
	var skipped, hidden []string
	var why error // the error of the header of the first sheet that was skipped
	read := 0
	for _, s := range sheets {
		f := w.parts[s.part]
		if f == nil {
			return w.in.invalid("sheet "+truncate(s.name, maxQuoted), "missing from the workbook (%s): it is truncated or damaged; save it again", truncate(s.part, maxQuoted))
		}
		if s.hidden && !w.mapping.hidden {
			hidden = append(hidden, truncate(s.name, maxQuoted))
			continue
		}
		header, err := w.sheet(s, f, len(sheets) > 1)
		switch {
		case err != nil:
			return err
		case header == nil:
			read++
		default:
			skipped = append(skipped, truncate(s.name, maxQuoted))
			why = cmp.Or(why, header)
		}
	}
	if len(hidden) > 0 {
		w.warn("hidden_sheets", "%s: hidden sheets were not read: %s; read them with the mapping hidden=read", w.in.name, joinFirst(quoteNames(hidden)))
	}
	if w.hiddenRows > 0 {
		w.warn("hidden_rows", "%s: %d hidden rows were not read (first: %s); read them with the mapping hidden=read", w.in.name, w.hiddenRows, w.firstHidden)
	}
	switch {
	case read == 0 && why == nil:
		return w.in.invalid("the sheets", "all hidden; read them with the mapping hidden=read")
	case read == 0 && !errors.Is(why, errNoHeader):
		return w.in.invalid("header", "%w", why)
	case read == 0:
		return w.in.invalid("header", "no sheet has a column of addresses (address, wallet, publicKey …); name the column in the mapping")
	}
	if len(skipped) > 0 {
		w.warn("sheets_not_read", "%s: sheets without a column of addresses were not read: %s", w.in.name, joinFirst(quoteNames(skipped)))
	}
	return nil
}

// part returns a file of the workbook as an input, within the limits of all inputs.
func (w *workbook) part(f *zip.File) *input {
	in := &input{run: w.run, name: w.in.name + "/" + f.Name}
	open := zipMember(in.name, f)
	in.open = func() (io.ReadCloser, error) {
		inner, err := open()
		if err != nil {
			return nil, err
		}
		return &limitedReader{ReadCloser: inner, in: in}, nil
	}
	return in
}

// sheets lists the sheets of the workbook in their order.
func (w *workbook) sheets() ([]sheet, error) {
	var sheets []sheet
	err := w.part(w.parts["xl/workbook.xml"]).readXML("workbook", func(x *xmlScanner) error {
		return x.each(func(name []byte) error {
			switch string(name) {
			case "workbookPr":
				if v := x.attr("date1904"); v == "1" || v == "true" {
					w.epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
				}
			case "sheets":
				return x.each(func([]byte) error {
					if len(sheets) == maxSheets {
						return x.invalid("the workbook has more than %d sheets", maxSheets)
					}
					sheets = append(sheets, sheet{name: x.attr("name"), id: x.attr("id"), hidden: x.attr("state") == "hidden" || x.attr("state") == "veryHidden"})
					return nil
				})
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	targets := map[string]string{}
	if f := w.parts["xl/_rels/workbook.xml.rels"]; f != nil {
		err = w.part(f).readXML("Relationships", func(x *xmlScanner) error {
			return x.each(func([]byte) error {
				target := x.attr("Target")
				if !strings.HasPrefix(target, "/") {
					target = path.Join("/xl", target)
				}
				target = target[1:]
				switch kind := x.attr("Type"); {
				case strings.HasSuffix(kind, "/worksheet") && len(targets) < 10*maxSheets:
					targets[x.attr("Id")] = target
				case strings.HasSuffix(kind, "/sharedStrings"):
					w.texts = target
				}
				return nil
			})
		})
	}
	kept := sheets[:0]
	for _, s := range sheets {
		if target, ok := targets[s.id]; ok { // charts and macros are also sheets
			s.part = target
			kept = append(kept, s)
		}
	}
	if err == nil && len(kept) == 0 {
		err = w.in.invalid("xl/workbook.xml", "the workbook has no sheets: it is truncated or damaged; save it again")
	}
	return kept, err
}

// sharedStrings are the shared strings of a workbook, stored one after the other in chunks.
type sharedStrings struct {
	chunks [][]byte
	at     []sharedText
	size   int
}

type sharedText struct{ chunk, from, to uint32 }

const sharedChunk = 1 << 20

func (s *sharedStrings) add(text string) {
	last := len(s.chunks) - 1
	if last < 0 || cap(s.chunks[last])-len(s.chunks[last]) < len(text) {
		s.chunks = append(s.chunks, make([]byte, 0, max(sharedChunk, len(text))))
		last++
	}
	from := len(s.chunks[last])
	s.chunks[last] = append(s.chunks[last], text...)
	s.at = append(s.at, sharedText{uint32(last), uint32(from), uint32(from + len(text))})
	s.size += len(text) + 12
}

func (s *sharedStrings) get(i int) (string, bool) {
	if i < 0 || i >= len(s.at) {
		return "", false
	}
	t := s.at[i]
	return string(s.chunks[t.chunk][t.from:t.to]), true
}

func (w *workbook) readShared(f *zip.File) error {
	return w.part(f).readXML("sst", func(x *xmlScanner) error {
		return x.each(func([]byte) error { // si
			text, err := richText(x)
			if err != nil {
				return err
			}
			if w.shared.add(text); w.shared.size > maxShared {
				return fault.E(fault.TooLarge, "%s: more than %d MiB of texts; save it as .csv", w.in.name, maxShared>>20)
			}
			return nil
		})
	})
}

// richText reads <t>…</t>, or the runs <r><t>…</t></r>, without the phonetic hints beside them.
func richText(x *xmlScanner) (string, error) {
	whole := ""
	add := func() error {
		text, err := x.whole()
		if whole += text; len(whole) > maxText {
			return x.invalid("a text is longer than %d bytes", maxText)
		}
		return err
	}
	err := x.each(func(name []byte) error {
		switch string(name) {
		case "t":
			return add()
		case "r":
			return x.each(func(name []byte) error {
				if string(name) == "t" {
					return add()
				}
				return nil
			})
		}
		return nil
	})
	return whole, err
}

// sheet reads a sheet. If header is not nil, the sheet was not read: it has no column of addresses, or its header is wrong.
func (w *workbook) sheet(s sheet, f *zip.File, several bool) (header, err error) {
	in := w.part(f)
	place := rowPlace(s, several)
	sampled, numbers, err := w.sampleRows(in)
	if err != nil {
		return nil, err
	}
	columns, err := w.columns(in, sampled)
	if err != nil {
		return nil, err
	}
	l, header := layoutIn(columns.closeUp(sampled), w.mapping)
	if unclear := (needsMapping{}); errors.As(header, &unclear) {
		return nil, w.in.invalid("sheet "+truncate(s.name, maxQuoted), "%w", header)
	} else if header != nil {
		return header, w.addressesElsewhere(in, place)
	}
	columns.limit(l)
	t := &table{run: w.run, in: w.in, layout: l, place: place, label: assetIn(s.name), epoch: w.epoch, ragged: true}
	head := int64(0)
	if l.header >= 0 {
		head = numbers[l.header]
	}
	merges, err := w.merges(in, columns)
	if err != nil {
		return nil, err
	}
	t.scan = func(each func([]string)) error {
		return w.rows(in, columns, func(n int64, _ bool, cells []string) error {
			if n > head {
				each(cells)
			}
			return nil
		})
	}
	err = w.rows(in, columns, func(n int64, hidden bool, cells []string) error {
		switch {
		case n < head:
			t.preface(cells)
			return nil
		case n == head:
			return nil
		}
		cells = merges.fill(n, cells)
		if hidden && !w.mapping.hidden {
			if !isBlank(cells) {
				w.hiddenRows++
				w.firstHidden = cmp.Or(w.firstHidden, numbered(place, n))
			}
			return nil
		}
		return t.record(cells, n, "")
	})
	if err == nil {
		t.done()
	}
	return nil, err
}

// rows reads the rows of a sheet.
func (w *workbook) rows(in *input, columns sheetColumns, each func(n int64, hidden bool, cells []string) error) error {
	n := int64(0)
	var cells []string
	return in.readXML("worksheet", func(x *xmlScanner) error {
		return x.eachNamed("sheetData", func() error {
			return x.each(func([]byte) error { // row
				n++
				if r, err := strconv.ParseInt(x.attr("r"), 10, 64); err == nil {
					n = r
				}
				hidden := x.attr("hidden")
				var err error
				if cells, err = w.cells(x, cells[:0], columns); err != nil {
					return err
				}
				return each(n, hidden == "1" || hidden == "true", cells)
			})
		})
	})
}

// maxSampledCells bounds the cells that are read to find the header of a sheet.
const maxSampledCells = 200_000

var errEnough = errors.New("enough rows")

// sampleRows returns the first rows of a sheet that have content, and their numbers.
func (w *workbook) sampleRows(in *input) (all [][]string, numbers []int64, err error) {
	size := 0
	err = w.rows(in, sheetColumns{}, func(n int64, hidden bool, cells []string) error {
		if isBlank(cells) || hidden && !w.mapping.hidden {
			return nil
		}
		all, numbers = append(all, slices.Clone(cells)), append(numbers, n)
		if size += len(cells); len(all) == sampledRecords || size > maxSampledCells {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return all, numbers, err
}

// addressesElsewhere yields an unread row for each address in a sheet without a column of addresses.
func (w *workbook) addressesElsewhere(in *input, place string) error {
	return w.rows(in, sheetColumns{joined: true}, func(n int64, hidden bool, cells []string) error {
		if hidden && !w.mapping.hidden {
			return nil
		}
		for _, cell := range cells {
			if provesAddress(cell) {
				return w.emit(Row{Address: cell, Locator: numbered(place, n), Unread: true,
					Problem: "sheets: this sheet has no column of addresses and is not read; name the column in the mapping"})
			}
		}
		return nil
	})
}

// merge is a merged cell that covers several rows of one column.
type merge struct {
	column   int
	from, to int64
	text     string
}

// mergedCells are the merged cells of a sheet.
type mergedCells struct {
	next []merge // those below, by their first row
	open []merge // those that cover the current row
}

// maxMerges bounds the merged cells of a sheet.
const maxMerges = 200_000

// merges returns the merged cells of a sheet within the width of its header. They are listed after its rows.
func (w *workbook) merges(in *input, columns sheetColumns) (*mergedCells, error) {
	m := &mergedCells{}
	found, err := contains(in, []byte("mergeCell"))
	if err != nil || !found {
		return m, err
	}
	err = in.readXML("worksheet", func(x *xmlScanner) error {
		return x.eachNamed("mergeCells", func() error {
			return x.each(func([]byte) error {
				first, last, _ := strings.Cut(x.attr("ref"), ":")
				c := merge{column: columns.place(columnOf(first)), from: rowOf(first), to: rowOf(last)}
				if c.column >= 0 && c.column < columns.width && c.from > 0 && c.to > c.from {
					if len(m.next) == maxMerges {
						return fault.E(fault.TooLarge, "%s: more than %d merged cells; save it as .csv", w.in.name, maxMerges)
					}
					m.next = append(m.next, c)
				}
				return nil
			})
		})
	})
	slices.SortFunc(m.next, func(a, b merge) int { return cmp.Compare(a.from, b.from) })
	return m, err
}

// fill sets the cells of row n that merged cells cover. It is called for the rows in order.
func (m *mergedCells) fill(n int64, cells []string) []string {
	if len(m.next) == 0 && len(m.open) == 0 {
		return cells
	}
	m.open = slices.DeleteFunc(m.open, func(c merge) bool { return c.to < n })
	for _, c := range m.open {
		for len(cells) <= c.column {
			cells = append(cells, "")
		}
		if trim(cells[c.column]) == "" {
			cells[c.column] = c.text
		}
	}
	for len(m.next) > 0 && m.next[0].from <= n {
		c := m.next[0]
		m.next = m.next[1:]
		if c.from == n && c.column < len(cells) && cells[c.column] != "" {
			c.text = cells[c.column]
			m.open = append(m.open, c)
		}
	}
	return cells
}

// contains reports whether the input contains a word.
func contains(in *input, word []byte) (bool, error) {
	rc, err := in.open()
	if err != nil {
		return false, err
	}
	defer rc.Close()
	buf := make([]byte, 64<<10)
	kept := 0
	for {
		n, err := rc.Read(buf[kept:])
		all := buf[:kept+n]
		if bytes.Contains(all, word) {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		kept = copy(buf, all[max(0, len(all)-len(word)+1):])
	}
}

// rowOf returns the row of a reference like BC12, or 0.
func rowOf(ref string) int64 {
	n, err := strconv.ParseInt(strings.TrimLeft(ref, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// columnOf returns the column of a reference like BC12, from 0, or -1.
func columnOf(ref string) int {
	n := 0
	for i := 0; i < len(ref) && ref[i] >= 'A' && ref[i] <= 'Z' && i < 4; i++ {
		n = n*26 + int(ref[i]-'A') + 1
	}
	return n - 1
}

func (w *workbook) cell(x *xmlScanner, kind string) (text string, err error) {
	err = x.each(func(name []byte) error {
		var err error
		switch string(name) {
		case "v":
			text, err = x.text()
		case "is":
			text, err = richText(x)
		}
		return err
	})
	if err != nil || kind != "s" || text == "" {
		return text, err
	}
	i, err := strconv.Atoi(text)
	shared, ok := w.shared.get(i)
	if err != nil || !ok {
		return "", x.invalid("a cell refers to the shared string %q, which does not exist: the workbook is damaged; save it again", truncate(text, maxQuoted))
	}
	return shared, nil
}
