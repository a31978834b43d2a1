package formats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"interdict/lists/address"
)

// One JSON object per line. In our own format, which export writes, only address is required, and an unknown or repeated field, a wrong type
// or an invalid date is a problem of its row. The lines of other files are read like the elements of a JSON array (object.go).
func init() {
	register(format{
		name: "ndjson", order: 110,
		detect: func(s *sample) bool {
			return !s.xlsx && shapeOf(s) == jsonLines && !isEventLog(s) && !ftmEntity.hasAll(firstLine(s)) && !ftmDelta.hasAll(firstLine(s))
		},
		read: readNDJSON,
	})
}

func firstLine(s *sample) []byte {
	line, _, _ := bytes.Cut(bytes.TrimLeft(s.head, " \t\r\n"), []byte("\n"))
	return line
}

type listing struct {
	Address    string   `json:"address"`
	Network    string   `json:"network"`
	Asset      string   `json:"asset"`
	Entity     party    `json:"entity"`
	Category   string   `json:"category"`
	Confidence string   `json:"confidence"`
	Programs   []string `json:"programs"`
	Incident   string   `json:"incident"`
	ListedOn   string   `json:"listed_on"`
	ValidUntil string   `json:"valid_until"`
	URL        string   `json:"url"`
	Note       string   `json:"note"`
}

type party struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

func readNDJSON(r *run) error {
	in := r.input()
	s, err := in.sample()
	if err != nil {
		return err
	}
	own, others := ownListings(s) && !r.mapping.names(), &objects{run: r, in: in}
	if err := in.eachLine(func(l *lineReader, line []byte) error {
		switch line = bytes.Trim(line, " \t"); {
		case len(line) == 0:
			return nil
		case own || line[0] != '{' || !jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true)):
			return r.ownLine(l, line)
		}
		all, err := membersOf(line)
		if err != nil {
			return err
		}
		return others.readObject(Row{Locator: lineAt(l.n)}, all, nil)
	}); err != nil {
		return err
	}
	return others.done()
}

// ownLine yields the row of a line in our own format.
func (r *run) ownLine(l *lineReader, line []byte) error {
	row := Row{Locator: lineAt(l.n)}
	var v listing
	err := json.Unmarshal(line, &v, json.RejectUnknownMembers(true))
	switch {
	case err == nil:
		v.into(&row)
		return r.emitAddresses(row)
	case l.unterminated && !jsontext.Value(line).IsValid():
		return l.in.invalid(l.place(), "ends in the middle: the file is truncated; fetch it again")
	}
	row.Problem = jsonProblem(err)
	if address.HoldsSecret(string(line)) { // its other fields are not read
		r.countIssue(issueSecret, row.Locator)
	}
	var only struct {
		Address string `json:"address"`
	}
	if json.Unmarshal(line, &only) == nil { // the address of an invalid row
		row.Address = trim(only.Address)
	}
	row.Unread = holdsText(line, func(text string) bool { return text != only.Address && holdsAddresses(text) })
	return r.emitAddresses(row)
}

// ownFields are the members of a listing in our own format.
var ownFields = []string{"address", "network", "asset", "entity", "category", "confidence", "programs", "incident", "listed_on", "valid_until", "url", "note"}

// ownListings reports whether a sample is in our own format: its first line has no other fields.
func ownListings(s *sample) bool {
	all, err := membersOf(firstLine(s))
	if err != nil {
		return true // the strict reader reports what is wrong
	}
	for _, m := range all {
		if !slices.Contains(ownFields, m.name) {
			return false
		}
		if m.name != "entity" || m.value.Kind() == 'n' {
			continue
		}
		of, err := membersOf(m.value)
		if err != nil || slices.ContainsFunc(of, func(m member) bool { return m.name != "id" && m.name != "name" && m.name != "type" }) {
			return false
		}
	}
	return true
}

func (v *listing) into(row *Row) {
	row.Address, row.Network, row.Asset = trim(v.Address), trim(v.Network), trim(v.Asset)
	row.EntityID, row.EntityName, row.EntityType = trim(v.Entity.ID), trim(v.Entity.Name), trim(v.Entity.Type)
	row.Category, row.Confidence = trim(v.Category), trim(v.Confidence)
	row.Incident, row.URL, row.Note = trim(v.Incident), trim(v.URL), trim(v.Note)
	for _, p := range v.Programs {
		if p = trim(p); p != "" {
			row.Programs = append(row.Programs, p)
		}
	}
	if t := entityType(row.EntityType); row.EntityType != "" && t != row.EntityType {
		row.setProblem("entity.type", fmt.Sprintf("%q instead of individual, entity, vessel or aircraft", truncate(row.EntityType, maxQuoted)))
		row.EntityType = ""
	}
	if row.URL != "" && !isWebURL(row.URL) {
		row.setProblem("url", fmt.Sprintf("%q is not an http or https URL", truncate(row.URL, maxQuoted)))
		row.URL = ""
	}
	for _, d := range []struct {
		name, value string
		to          *string
	}{{"listed_on", v.ListedOn, &row.ListedOn}, {"valid_until", v.ValidUntil, &row.ValidUntil}} {
		if value := trim(d.value); value != "" {
			date, ok := isoDate(value)
			if !ok {
				row.setProblem(d.name, fmt.Sprintf("invalid date %q; write YYYY-MM-DD", truncate(value, maxQuoted)))
				continue
			}
			*d.to = date
		}
	}
}

// jsonProblem describes an error of a JSON decoder, beginning with the field.
func jsonProblem(err error) string {
	field := func(p jsontext.Pointer) string {
		return truncate(strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", "."), maxQuoted)
	}
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName):
		return field(syntactic.JSONPointer) + ": appears twice"
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		return field(semantic.JSONPointer) + ": unknown field"
	case errors.As(err, &semantic) && semantic.JSONPointer != "":
		return fmt.Sprintf("%s: wrong type (%s)", field(semantic.JSONPointer), kindName(semantic.JSONKind))
	case errors.As(err, &semantic):
		return "line: " + kindName(semantic.JSONKind) + " instead of an object"
	case errors.As(err, &syntactic):
		return fmt.Sprintf("line: invalid JSON at byte %d", syntactic.ByteOffset)
	}
	return "line: invalid JSON"
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '[':
		return "array"
	case '{':
		return "object"
	case 't', 'f':
		return "boolean"
	}
	return k.String()
}

type jsonShape uint8

const (
	noJSON    jsonShape = iota
	jsonValue           // one value: an array, or an object of several lines
	jsonLines           // one object per line
)

// shapeOf distinguishes a single JSON value, JSON lines, and other texts.
func shapeOf(s *sample) jsonShape {
	switch s.firstByte() {
	case '[':
		text := bytes.TrimLeft(s.head, " \t\r\n")
		if first := bytes.TrimLeft(text[1:], " \t\r\n"); len(first) > 0 && bytes.IndexByte([]byte(`"{[]`), first[0]) < 0 {
			d := jsontext.NewDecoder(bytes.NewReader(text))
			for range 3 {
				if _, err := d.ReadToken(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					return noJSON // a link: [text](…)
				}
			}
		}
		return jsonValue
	case '{':
	default:
		return noJSON
	}
	d := jsontext.NewDecoder(bytes.NewReader(s.head), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadValue(); err != nil {
		// The first value is invalid or longer than the sample. If the second line begins with an object, it is JSON lines.
		if _, next, ok := bytes.Cut(bytes.TrimLeft(s.head, " \t\r\n"), []byte("\n")); ok && bytes.HasPrefix(next, []byte("{")) {
			return jsonLines
		}
		return jsonValue
	}
	if d.PeekKind() == '{' {
		return jsonLines
	}
	// A single value: an object on one line with an address is a listing, anything else is a document.
	var members map[string]jsontext.Value
	line := firstLine(s)
	if json.Unmarshal(line, &members, jsontext.AllowDuplicateNames(true)) == nil && members["address"].Kind() == '"' {
		return jsonLines
	}
	return jsonValue
}
