package formats

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"interdict/lists/fault"
)

// OFAC's legacy tables, after dataspec.txt and formats.md, section 1.4: sdn.csv (or cons_prim.csv), whose remarks hold the
// addresses and are cut at 1,000 characters, and sdn_comments.csv, which holds the rest of those remarks. The two are joined
// without a separator, then read; alone, the first loses more than half of the addresses and cuts some in two.
// Neither says when it was published, nor when a party was listed.
func init() {
	register(format{
		name: "ofac_csv", order: 40, files: 4,
		detect:    func(s *sample) bool { return ofacTableOf(s) != noTable },
		read:      readOFACCSV,
		publisher: ofac,
	})
}

type ofacTable uint8

const (
	noTable       ofacTable = iota
	mainTable               // 12 columns: ent_num, SDN_Name, SDN_Type, Program, …, Remarks
	commentsTable           // 2: ent_num, the rest of the remarks
	altTable                // 5: ent_num, alt_num, alt_type, alt_name, alt_remarks
	addTable                // 6: ent_num, Add_num, Address, …
)

const (
	mainColumns = 12
	// remarksLimit is where OFAC cuts remarks, in characters.
	remarksLimit = 1000
	// maxComments bounds the comments file, which is kept: 26 kB in 2023.
	maxComments = 32 << 20
)

// ofacTableOf tells the tables apart by the number of their columns; none has a header as published.
func ofacTableOf(s *sample) ofacTable {
	if s.xlsx {
		return noTable
	}
	records := heads(s, ',', 2)
	if len(records) == 0 {
		return noTable
	}
	first := records[0]
	if strings.EqualFold(trim(first[0]), "ent_num") { // some copies were given one
		if len(records) == 1 {
			return noTable
		}
		first = records[1]
	}
	if !digits(trim(first[0])) {
		return noTable
	}
	switch len(first) {
	case mainColumns:
		switch trim(first[2]) {
		case "individual", "vessel", "aircraft", "-0-", "":
			return mainTable
		}
	case 2:
		// so begins any table of numbers and texts: comments are long texts, and their file is named for them
		if strings.Contains(strings.ToLower(s.name), "comments") || len(first[1]) > 40 && strings.ContainsAny(first[1], " ;.") {
			return commentsTable
		}
	case 5:
		if digits(trim(first[1])) && slices.Contains([]string{"aka", "fka", "nka"}, trim(first[2])) {
			return altTable
		}
	case 6:
		if digits(trim(first[1])) {
			return addTable
		}
	}
	return noTable
}

func readOFACCSV(r *run) error {
	tables := map[ofacTable]*input{}
	for _, in := range r.inputs {
		s, err := in.sample()
		if err != nil {
			return err
		}
		table := ofacTableOf(s)
		if table == noTable {
			return in.invalid("line 1", "is no table of OFAC: sdn.csv has %d columns and begins with a number", mainColumns)
		}
		if other := tables[table]; other != nil {
			return fault.E(fault.Invalid, "%s and %s: are the same table; give one", other.name, in.name)
		}
		tables[table] = in
	}
	for _, table := range []ofacTable{altTable, addTable} {
		if in := tables[table]; in != nil {
			r.warn("no_addresses", "%s: is a table of %s; it holds no wallet addresses", in.name,
				map[ofacTable]string{altTable: "other names", addTable: "postal addresses"}[table])
		}
	}
	comments, err := r.ofacComments(tables[commentsTable])
	if err != nil {
		return err
	}
	if tables[mainTable] != nil {
		if err := r.ofacMain(tables[mainTable], tables[commentsTable] != nil, comments); err != nil {
			return err
		}
	} else if tables[commentsTable] != nil {
		r.warn("no_main_table", "%s: holds the ends of remarks that begin in sdn.csv; give both files", tables[commentsTable].name)
	}
	return r.ofacOrphans(comments)
}

// ofacComment is the rest of the remarks of one party.
type ofacComment struct {
	text string
	line int64
}

func (r *run) ofacComments(in *input) (map[string]ofacComment, error) {
	comments := map[string]ofacComment{}
	if in == nil {
		return comments, nil
	}
	size := 0
	err := in.records(2, func(fields []string, line int64, problem string) error {
		ent, text := trim(fields[0]), ""
		if len(fields) > 1 {
			text = fields[1]
		}
		if problem != "" {
			return r.emit(Row{EntityID: ent, Locator: lineAt(line), Problem: problem})
		}
		if size += len(ent) + len(text) + 64; size > maxComments {
			return in.invalid(lineAt(line), "holds more than %d bytes of comments", maxComments)
		}
		c := comments[ent]
		if c.line == 0 {
			c.line = line
		}
		c.text += text
		comments[ent] = c
		return nil
	})
	return comments, err
}

func (r *run) ofacMain(in *input, joined bool, comments map[string]ofacComment) error {
	cut := 0
	err := in.records(mainColumns, func(fields []string, line int64, problem string) error {
		remarks := fields[len(fields)-1] // with its blanks: the cut may be at one
		for i, f := range fields {
			if fields[i] = trim(f); fields[i] == "-0-" {
				fields[i] = ""
			}
		}
		uid := fields[0]
		party := Row{EntityID: uid, URL: ofacURL(uid), Locator: fmt.Sprintf("line %d ent_num %s", line, clip(uid))}
		if problem != "" {
			party.Problem, party.URL = problem, ""
			return r.emit(party)
		}
		party.EntityName, party.EntityType, party.Programs = fields[1], "entity", ofacPrograms(fields[3])
		if fields[2] != "" {
			party.EntityType = ofacType(fields[2])
		}
		open := false
		if utf8.RuneCountInString(remarks) == remarksLimit {
			if c, ok := comments[uid]; ok {
				remarks += c.text
				delete(comments, uid)
			} else if !joined || !strings.HasSuffix(remarks, ".") { // a remark that fits exactly ends with a full stop
				open = true
				cut++
			}
		}
		return r.ofacRemarks(party, remarks, open)
	})
	if err == nil && cut > 0 {
		missing := "the file with their ends, sdn_comments.csv, was not given: ADDRESSES MAY BE MISSING from this list"
		if joined {
			missing = "the comments file has no end for them (is it of another day?): addresses may be missing"
		}
		r.warn("truncated_remarks", "%s: %d remarks are cut off at %d characters, and %s", in.name, cut, remarksLimit, missing)
	}
	return err
}

// ofacPrograms splits `NPWMD] [IFSR] [IRAN-CON-ARMS-EO`.
func ofacPrograms(s string) []string {
	var programs []string
	for p := range strings.SplitSeq(s, "] [") {
		programs = addProgram(programs, strings.Trim(p, "[] "))
	}
	return programs
}

// ofacRemarks yields the addresses of one party: "alt. Digital Currency Address - XBT 1abc…; …".
// open says that the remarks are cut off, so that what stands last may be the beginning of an address.
func (r *run) ofacRemarks(party Row, remarks string, open bool) error {
	items := strings.Split(remarks, ";")
	n := 0
	for i, item := range items {
		last, ended := i == len(items)-1, false
		item = trim(item)
		if last {
			item, ended = strings.CutSuffix(item, ".")
		}
		item = strings.TrimPrefix(item, "alt. ")
		label := strings.HasPrefix(item, ofacLabel)
		if !label && !(last && open && !ended && len(item) > len("Digital") && strings.HasPrefix(ofacLabel, item)) {
			continue
		}
		n++
		row := party
		row.Locator += fmt.Sprintf(" address %d", n)
		asset, address, _ := strings.Cut(strings.TrimLeft(strings.TrimPrefix(item, ofacLabel), " -"), " ")
		address = trim(address)
		switch {
		case last && open && !ended:
			row.Problem = fmt.Sprintf("address: cut off at %d characters (%q); the rest stands in sdn_comments.csv", remarksLimit, clip(item))
		case address == "":
			row.Asset, row.Problem = asset, fmt.Sprintf("address: %q holds none", clip(item))
		default:
			row.Asset, row.Address = asset, address
		}
		if err := r.emit(row); err != nil {
			return err
		}
	}
	return nil
}

// ofacOrphans reports comments that continue no remark. Complete addresses in them are given with their problem:
// they may be listed, and nobody can tell of whom and since when.
func (r *run) ofacOrphans(comments map[string]ofacComment) error {
	if len(comments) == 0 {
		return nil
	}
	ents := slices.SortedFunc(maps.Keys(comments), func(a, b string) int { return int(comments[a].line - comments[b].line) })
	for _, ent := range ents {
		c := comments[ent]
		_, whole, found := strings.Cut(c.text, ";") // what stands before it belongs to an item that begins elsewhere
		if !found && !strings.Contains(c.text, ofacLabel) {
			continue
		}
		party := Row{EntityID: ent, URL: ofacURL(ent), Locator: fmt.Sprintf("comments line %d ent_num %s", c.line, clip(ent)),
			Problem: fmt.Sprintf("remarks: the comment on %s continues no remark of %d characters; are the two files of one day?", clip(ent), remarksLimit)}
		if err := r.ofacRemarks(party, whole, false); err != nil {
			return err
		}
	}
	r.warn("orphan_comments", "%d comments continue no remark of %d characters: %s", len(ents), remarksLimit, abridged(ents))
	return nil
}

// records reads a table of OFAC: without a header, or with an added one, and with the byte 0x1A at its end.
// A record that is not whole has a problem; one at the very end means that the file is cut off.
func (in *input) records(columns int, fn func(fields []string, line int64, problem string) error) error {
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	c := newRecordReader(in, rc, ',')
	for {
		fields, err := c.next()
		if errors.Is(err, io.EOF) {
			c.lines.done()
			return nil
		} else if err != nil {
			return err
		}
		if first := trim(fields[0]); blank(fields) || first == "\x1a" && blank(fields[1:]) || c.line == 1 && strings.EqualFold(first, "ent_num") {
			continue
		}
		problem := c.bad
		if problem != "" {
			problem = "quotes: " + problem
		} else if len(fields) != columns {
			if c.lines.torn {
				return in.invalid(lineAt(c.line), "has %d of %d columns and no end: the file is truncated", len(fields), columns)
			}
			problem = fmt.Sprintf("columns: %d instead of %d", len(fields), columns)
		} else if !digits(trim(fields[0])) {
			problem = "ent_num: is no number"
		}
		if err := fn(fields, c.line, problem); err != nil {
			return err
		}
	}
}
