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
)

// An object a line. In our own format, which export writes, only address is required, and an unknown or doubled field, a wrong type or
// a wrong date is a problem of that row. In other people's files a line is read as an element of a JSON array is (object.go).
func init() {
	register(format{
		name: "ndjson", order: 110,
		detect: func(s *sample) bool {
			return !s.xlsx && shapeOf(s) == jsonLines && !ftmEntity.hasAll(firstLine(s)) && !ftmDelta.hasAll(firstLine(s))
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
	in := r.only()
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	s, err := in.sample()
	if err != nil {
		return err
	}
	l := newLineReader(in, rc)
	own, others := ownListings(s) && !r.mapping.names(), objects{run: r, in: in}
	strict := json.RejectUnknownMembers(true)
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return others.done()
		} else if err != nil {
			return err
		}
		if line = bytes.Trim(line, " \t"); len(line) == 0 {
			continue
		}
		row := Row{Locator: lineAt(l.n)}
		if !own && line[0] == '{' && jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true)) {
			all, err := membersOf(line)
			if err == nil {
				err = others.whole(row, all, nil)
			}
			if err != nil {
				return err
			}
			continue
		}
		var v listing
		if err := json.Unmarshal(line, &v, strict); err != nil {
			if l.torn && !jsontext.Value(line).IsValid() {
				return in.invalid(l.place(), "ends in the middle: the file is truncated")
			}
			row.Problem = jsonFault(err)
			var only struct {
				Address string `json:"address"`
			}
			if json.Unmarshal(line, &only) == nil { // what can be read of a bad row
				row.Address = trim(only.Address)
			}
			row.Unread = holdsText(line, func(text string) bool { return text != only.Address && holdsAddresses(text) })
		} else {
			v.into(&row)
		}
		if err := r.emitAddresses(row); err != nil {
			return err
		}
	}
}

// ownFields are the members of a listing in our own format.
var ownFields = []string{"address", "network", "asset", "entity", "category", "confidence", "programs", "incident", "listed_on", "valid_until", "url", "note"}

// ownListings tells our own format from other people's lines: by the first line, which has no other fields.
func ownListings(s *sample) bool {
	all, err := membersOf(firstLine(s))
	if err != nil {
		return true // which says what is wrong
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
		row.fail("entity.type", fmt.Sprintf("%q is none of individual, entity, vessel, aircraft", clip(row.EntityType)))
		row.EntityType = ""
	}
	if row.URL != "" && !webURL(row.URL) {
		row.fail("url", fmt.Sprintf("%q is no http or https address", clip(row.URL)))
		row.URL = ""
	}
	for _, d := range []struct {
		name, value string
		to          *string
	}{{"listed_on", v.ListedOn, &row.ListedOn}, {"valid_until", v.ValidUntil, &row.ValidUntil}} {
		if value := trim(d.value); value != "" {
			date, ok := isoDate(value)
			if !ok {
				row.fail(d.name, fmt.Sprintf("%q is no date of the form YYYY-MM-DD", clip(value)))
				continue
			}
			*d.to = date
		}
	}
}

// jsonFault says what is wrong with a JSON text and names the field.
func jsonFault(err error) string {
	field := func(p jsontext.Pointer) string {
		return clip(strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", "."))
	}
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName):
		return field(syntactic.JSONPointer) + ": stands there twice"
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		return field(semantic.JSONPointer) + ": is no field of a listing"
	case errors.As(err, &semantic) && semantic.JSONPointer != "":
		return fmt.Sprintf("%s: is of a wrong type (%s)", field(semantic.JSONPointer), kindName(semantic.JSONKind))
	case errors.As(err, &semantic):
		return "line: is no object but of the type " + kindName(semantic.JSONKind)
	case errors.As(err, &syntactic):
		return fmt.Sprintf("line: is no valid JSON at byte %d", syntactic.ByteOffset)
	}
	return "line: is no valid JSON"
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
	jsonValue           // one value, an array or an object over many lines
	jsonLines           // an object a line
)

// shapeOf tells one JSON value from JSON lines.
func shapeOf(s *sample) jsonShape {
	switch s.firstByte() {
	case '[':
		rest := bytes.TrimLeft(bytes.TrimLeft(s.head, " \t\r\n")[1:], " \t\r\n")
		if len(rest) > 0 && bytes.IndexByte([]byte(`"{[]-0123456789`), rest[0]) < 0 && !bytes.HasPrefix(rest, []byte("true")) &&
			!bytes.HasPrefix(rest, []byte("false")) && !bytes.HasPrefix(rest, []byte("null")) {
			return noJSON // a link: [text](…)
		}
		return jsonValue
	case '{':
	default:
		return noJSON
	}
	d := jsontext.NewDecoder(bytes.NewReader(s.head), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadValue(); err != nil {
		// The first value is broken or longer than the sample: lines, if a line ends before the next begins with an object.
		if _, next, ok := bytes.Cut(bytes.TrimLeft(s.head, " \t\r\n"), []byte("\n")); ok && bytes.HasPrefix(next, []byte("{")) {
			return jsonLines
		}
		return jsonValue
	}
	if d.PeekKind() == '{' {
		return jsonLines
	}
	// A single value: one line of fields is a listing, anything else a document.
	var members map[string]jsontext.Value
	line := firstLine(s)
	if json.Unmarshal(line, &members, jsontext.AllowDuplicateNames(true)) == nil && members["address"].Kind() == '"' {
		return jsonLines
	}
	return jsonValue
}
