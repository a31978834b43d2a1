package formats

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"interdict/lists/fault"
)

// Workbooks of Excel 2007 and later (ECMA-376, SpreadsheetML), with the columns of csv. Every sheet with a header that names addresses
// is read, hidden ones too; cells give what they hold, not how they show it. The workbook is read as a stream with the
// scanner of xmlscan.go: excelize unpacks every part of it into memory, and a sheet of a million rows is 100 MB of XML.
func init() {
	register(format{
		name: "xlsx", order: 90,
		detect: func(s *sample) bool { return s.xlsx },
		read:   readXLSX,
	})
}

const (
	// maxShared bounds the texts that cells share, which are kept: a million addresses are 40 MB.
	maxShared = 48 << 20
	maxSheets = 256
	// maxCells is how many columns a sheet may have.
	maxCells = 1 << 14
)

type workbook struct {
	*run
	in     *input
	parts  map[string]*zip.File
	epoch  time.Time
	texts  string // the part with the shared strings
	shared sharedStrings
}

type sheet struct{ name, id, part string }

func readXLSX(r *run) error {
	in := r.only()
	if in.workbook == nil {
		return in.invalid("the file", "is no workbook: a zip archive with xl/workbook.xml is expected")
	}
	w := &workbook{run: r, in: in, parts: map[string]*zip.File{}, texts: "xl/sharedStrings.xml", epoch: time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)}
	for _, f := range in.workbook.File {
		if f.Flags&1 != 0 {
			return in.invalid(f.Name, "is behind a password")
		}
		w.parts[f.Name] = f
	}
	sheets, err := w.sheets()
	if err != nil {
		return err
	}
	if f := w.parts[w.texts]; f != nil {
		if err := w.readShared(f); err != nil {
			return err
		}
	}
	var skipped []string
	var why error // the header of the first sheet that was left out
	read := 0
	for _, s := range sheets {
		f := w.parts[s.part]
		if f == nil {
			return in.invalid("sheet "+clip(s.name), "is missing from the workbook (%s): it is truncated or damaged", clip(s.part))
		}
		header, err := w.sheet(s, f, len(sheets) > 1)
		switch {
		case err != nil:
			return err
		case header == nil:
			read++
		default:
			skipped = append(skipped, fmt.Sprintf("%q", clip(s.name)))
			why = cmp.Or(why, header)
		}
	}
	switch {
	case read == 0 && !errors.Is(why, errNoHeader):
		return in.invalid("header", "%w", why)
	case read == 0:
		return in.invalid("header", "no sheet has a header that names a column of addresses (address, wallet, publicKey …); name the column with the mapping")
	}
	if len(skipped) > 0 {
		r.warn("sheets_not_read", "%s: these sheets have no column of addresses: %s", in.name, abridged(skipped))
	}
	return nil
}

// part gives a file of the workbook as an input of its own, within the limits.
func (w *workbook) part(f *zip.File) *input {
	in := &input{run: w.run, name: w.in.name + "/" + f.Name}
	open := zipMember(in.name, f)
	in.open = func() (io.ReadCloser, error) {
		inner, err := open()
		if err != nil {
			return nil, err
		}
		return &metered{ReadCloser: inner, in: in}, nil
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
					sheets = append(sheets, sheet{name: x.attr("name"), id: x.attr("id")})
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
		if target, ok := targets[s.id]; ok { // charts and macros are sheets, too
			s.part = target
			kept = append(kept, s)
		}
	}
	if err == nil && len(kept) == 0 {
		err = w.in.invalid("xl/workbook.xml", "the workbook has no sheets: it is truncated or damaged")
	}
	return kept, err
}

// sharedStrings are the texts of a workbook, one after the other in chunks.
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
				return fault.E(fault.TooLarge, "%s: holds more than %d MiB of texts; save it as .csv", w.in.name, maxShared>>20)
			}
			return nil
		})
	})
}

// richText reads <t>…</t>, or the runs <r><t>…</t></r>; not the phonetic hints beside them.
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

// sheet reads one sheet. header tells why it was not read: it has no header of addresses, or a wrong one.
func (w *workbook) sheet(s sheet, f *zip.File, several bool) (header, err error) {
	t := &table{run: w.run, in: w.in, epoch: &w.epoch}
	place := "row "
	if several {
		place = "sheet " + clip(s.name) + " row "
	}
	n := int64(0)
	var cells []string
	err = w.part(f).readXML("worksheet", func(x *xmlScanner) error {
		return x.each(func(name []byte) error {
			if string(name) != "sheetData" {
				return nil
			}
			return x.each(func([]byte) error { // row
				n++
				if r, err := strconv.ParseInt(x.attr("r"), 10, 64); err == nil {
					n = r
				}
				var err error
				if cells, err = w.cells(x, cells[:0]); err != nil {
					return err
				}
				if t.layout != nil { // a spreadsheet leaves out empty cells at the end of a row
					for len(cells) < t.layout.width {
						cells = append(cells, "")
					}
				} else if t.before == maxPreface-1 && !blank(cells) {
					if _, ok, err := layoutOf(cells, w.mapping); !ok {
						header = cmp.Or(err, errNoHeader)
						return header
					}
				}
				return t.record(cells, place, n)
			})
		})
	})
	switch {
	case header != nil:
		return header, nil
	case err != nil:
		return nil, err
	case t.layout == nil:
		return cmp.Or(t.why, errNoHeader), nil
	}
	return nil, t.done()
}

// cells reads the cells of a row into their columns.
func (w *workbook) cells(x *xmlScanner, cells []string) ([]string, error) {
	size := 0
	err := x.each(func(name []byte) error {
		if string(name) != "c" {
			return nil
		}
		column := len(cells)
		if ref := x.attr("r"); ref != "" {
			column = columnOf(ref)
		}
		if column < len(cells) || column >= maxCells {
			return x.invalid("a cell stands in no place: %q", clip(x.attr("r")))
		}
		kind := x.attr("t")
		text, err := w.cell(x, kind)
		if err != nil {
			return err
		}
		if size += len(text); size > MaxLine {
			return x.invalid("a row is longer than %d bytes", MaxLine)
		}
		for len(cells) < column {
			cells = append(cells, "")
		}
		cells = append(cells, text)
		return nil
	})
	return cells, err
}

// columnOf gives the column of a reference like BC12, from 0; -1 if it is none.
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
		return "", x.invalid("a cell refers to the text %q, which the workbook does not hold: it is damaged", clip(text))
	}
	return shared, nil
}
