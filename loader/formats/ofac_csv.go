package formats

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"interdict/lists/fault"
)

// OFAC's legacy tables (dataspec.txt): sdn.csv (or cons_prim.csv), whose remarks hold the addresses and are cut off at 1,000
// characters, and sdn_comments.csv, which holds the rest of those remarks. The two are joined without a separator. Alone, the
// first has less than half of the addresses and cuts some in two. Neither contains its date of publication or listing dates.
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

// ofacTableOf recognises the tables by their number of columns. As published they have no header.
func ofacTableOf(s *sample) ofacTable {
	if s.xlsx {
		return noTable
	}
	records := firstRecords(s, ',', 2)
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
	if !isDigits(trim(first[0])) {
		return noTable
	}
	switch len(first) {
	case mainColumns:
		switch trim(first[2]) {
		case "individual", "vessel", "aircraft", "-0-", "":
			return mainTable
		}
	case 2:
		// many tables begin with a number and a text: comments are long, or the name of their file says so
		if strings.Contains(strings.ToLower(s.name), "comments") || len(first[1]) > 40 && strings.ContainsAny(first[1], " ;.") {
			return commentsTable
		}
	case 5:
		if isDigits(trim(first[1])) && slices.Contains([]string{"aka", "fka", "nka"}, trim(first[2])) {
			return altTable
		}
	case 6:
		if isDigits(trim(first[1])) {
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
			return in.invalid("line 1", "not a table of OFAC: sdn.csv has %d columns and begins with a number", mainColumns)
		}
		if other := tables[table]; other != nil {
			return fault.E(fault.Invalid, "%s and %s: the same table twice; give one", other.name, in.name)
		}
		tables[table] = in
	}
	for _, table := range []ofacTable{altTable, addTable} {
		if in := tables[table]; in != nil {
			r.warn("no_addresses", "%s: a table of %s, without wallet addresses", in.name,
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
		r.warn("no_main_table", "%s: has the ends of remarks that begin in sdn.csv; give both files", tables[commentsTable].name)
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
	err := in.ofacRecords(2, func(fields []string, line int64, problem string) error {
		ent, text := trim(fields[0]), ""
		if len(fields) > 1 {
			text = fields[1]
		}
		if problem != "" {
			return r.emit(Row{EntityID: ent, Locator: lineAt(line), Problem: problem})
		}
		if size += len(ent) + len(text) + 64; size > maxComments {
			return in.invalid(lineAt(line), "more than %d bytes of comments; is this the right file?", maxComments)
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
	err := in.ofacRecords(mainColumns, func(fields []string, line int64, problem string) error {
		remarks := fields[len(fields)-1] // not trimmed: a remark may be cut off at a blank
		for i, f := range fields {
			if fields[i] = trim(f); fields[i] == "-0-" {
				fields[i] = ""
			}
		}
		uid := fields[0]
		party := Row{EntityID: uid, URL: ofacURL(uid), Locator: fmt.Sprintf("line %d ent_num %s", line, truncate(uid, maxQuoted))}
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
		missing := "the file with their ends, sdn_comments.csv, was not given: ADDRESSES MAY BE MISSING from this list; load both files"
		if joined {
			missing = "the comments file has no end for them: addresses may be missing; load two files of the same day"
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
// open means that the remarks are cut off, so the last item may be the beginning of an address.
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
		asset, address, _ := strings.Cut(strings.TrimLeft(strings.TrimPrefix(item, ofacLabel), " -–:"), " ")
		address = trim(address)
		switch {
		case last && open && !ended:
			row.Problem = fmt.Sprintf("address: cut off at %d characters (%q); the rest is in sdn_comments.csv, load both files", remarksLimit, truncate(item, maxQuoted))
		case address == "":
			row.Asset, row.Problem = asset, fmt.Sprintf("address: missing after %q", truncate(item, maxQuoted))
		default:
			row.Asset, row.Address = asset, address
		}
		if err := r.emitAddresses(row); err != nil {
			return err
		}
	}
	return nil
}

// ofacOrphans reports comments that do not continue a remark. Complete addresses in them become rows with a problem:
// they may be listed, and their party is unknown.
func (r *run) ofacOrphans(comments map[string]ofacComment) error {
	if len(comments) == 0 {
		return nil
	}
	ents := slices.SortedFunc(maps.Keys(comments), func(a, b string) int { return int(comments[a].line - comments[b].line) })
	for _, ent := range ents {
		c := comments[ent]
		_, whole, found := strings.Cut(c.text, ";") // the text before it belongs to an item that begins in the main table
		if !found && !strings.Contains(c.text, ofacLabel) {
			continue
		}
		party := Row{EntityID: ent, URL: ofacURL(ent), Locator: fmt.Sprintf("comments line %d ent_num %s", c.line, truncate(ent, maxQuoted)),
			Problem: fmt.Sprintf("remarks: the comment on %s does not continue a remark of %d characters; load two files of the same day", truncate(ent, maxQuoted), remarksLimit)}
		if err := r.ofacRemarks(party, whole, false); err != nil {
			return err
		}
	}
	r.warn("orphan_comments", "%d comments do not continue a remark of %d characters: %s; load two files of the same day", len(ents), remarksLimit, joinFirst(ents))
	return nil
}

// ofacRecords reads a table of OFAC: without a header, or with one added by someone else, and with the byte 0x1A at its end.
// A record of the wrong shape has a problem. An incomplete record at the end means that the file is truncated.
func (in *input) ofacRecords(columns int, fn func(fields []string, line int64, problem string) error) error {
	return in.eachRecord(',', func(c *recordReader) error {
		first := trim(c.fields[0])
		if isBlank(c.fields) || first == "\x1a" && isBlank(c.fields[1:]) || c.line == 1 && strings.EqualFold(first, "ent_num") {
			return nil
		}
		problem, err := c.shapeProblem(columns)
		if err == nil && problem == "" && !isDigits(first) {
			problem = "ent_num: not a number"
		}
		if err != nil {
			return err
		}
		return fn(c.fields, c.line, problem)
	})
}
