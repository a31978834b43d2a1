package formats

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"interdict/lists/fault"
)

// One JSON document, in any of the shapes in use:
//
//	["addr", …]                                         0xB10C, ScamSniffer
//	[{"address": …, "comment": …, "date": …}, …]        members are named as the columns of csv
//	[{"name": …, "wallets": [{"currency": …, "address": …}]}, …]
//	{"metadata": {…}, "addresses": {addr: {"type": …, "entries": [{"entity": …, "program": …}]}}}    thomasgregg
//	{addr: "name", …}, {addr: {"entity": …}}
//	{"0221": {"eth": ["addr", …], "bsc": […]}}          Bybit: the key of an array is its network, the key above it the incident
//	{"example.com": ["addr", …]}                        ScamSniffer: the key names the entity
//	{"result": [{"address": …, "blockchain": …, "family": …, "transactions": […]}]}                  Ransomwhere
//
// It is read as a stream. An object is a listing if it is in an array, if its key looks like an address, or if it has a member
// named address (object.go). Any other object is a group of listings.
func init() {
	register(format{
		name: "json", order: 100,
		detect: func(s *sample) bool {
			return !s.xlsx && shapeOf(s) == jsonValue && !isTagPackJSON(s) && !ftmEntity.hasAll(firstLine(s)) && !ftmDelta.hasAll(firstLine(s))
		},
		read: readJSON,
	})
}

const (
	maxGroups = 16   // nesting of groups
	maxFields = 1000 // members of a listing
)

type jsonReader struct {
	objects
	d   *jsontext.Decoder
	src *tokenReader
}

// tokenReader bounds the bytes that are read for one token or value.
type tokenReader struct {
	r    io.Reader
	left int
}

var errTokenTooLong = errors.New("too long")

func (t *tokenReader) Read(p []byte) (int, error) {
	if t.left <= 0 {
		return 0, errTokenTooLong
	}
	n, err := t.r.Read(p[:min(len(p), t.left)])
	t.left -= n
	return n, err
}

func readJSON(r *run) error {
	in := r.input()
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	j := &jsonReader{objects: objects{run: r, in: in}, src: &tokenReader{r: rc}}
	j.d = jsontext.NewDecoder(j.src, jsontext.AllowDuplicateNames(true)) // duplicateName checks the names of listings
	switch kind := j.peek(); kind {
	case '[':
		err = j.array(group{}, nil)
	case '{':
		err = j.object(group{}, nil)
	default:
		if _, err = j.token(); err == nil {
			err = in.invalid("the document", "neither an array nor an object")
		}
	}
	if err != nil {
		return err
	}
	if err := j.ended(); err != nil {
		return err
	}
	return j.done()
}

// ended returns an error unless the document ends here.
func (j *jsonReader) ended() error {
	j.src.left = MaxLine
	if _, err := j.d.ReadToken(); err != io.EOF { //nolint:errorlint // the end itself
		if err != nil {
			return j.fault(err)
		}
		return j.in.invalid("the document", "followed by another; for one object per line use the format ndjson")
	}
	return nil
}

// skip skips a value of any size.
func (j *jsonReader) skip() error {
	depth := j.d.StackDepth()
	for {
		if _, err := j.token(); err != nil {
			return err
		}
		if j.d.StackDepth() <= depth {
			return nil
		}
	}
}

func (j *jsonReader) peek() jsontext.Kind {
	j.src.left = MaxLine + 64<<10
	return j.d.PeekKind()
}

func (j *jsonReader) token() (jsontext.Token, error) {
	j.src.left = MaxLine + 64<<10
	t, err := j.d.ReadToken()
	if err != nil {
		return t, j.fault(err)
	}
	return t, nil
}

func (j *jsonReader) value() (jsontext.Value, error) {
	j.src.left = MaxLine + 64<<10
	v, err := j.d.ReadValue()
	if err != nil {
		return nil, j.fault(err)
	}
	return v.Clone(), nil
}

// fault returns the error to report for an error of the decoder. Errors of the source keep their kind.
func (j *jsonReader) fault(err error) error {
	place := fmt.Sprintf("byte %d (after %d listings)", j.d.InputOffset(), j.listings)
	var source *sourceError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &source):
		return source
	case errors.Is(err, errTokenTooLong):
		return j.in.invalid(place, "a value is longer than %d bytes", MaxLine)
	case fault.KindOf(err) != fault.Internal:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return j.in.invalid(place, "the document ends here: the file is truncated; fetch it again")
	case errors.As(err, &syntax):
		return j.in.invalid(place, "invalid JSON in UTF-8: %w", syntax.Err)
	}
	return j.in.invalid(place, "invalid JSON: %w", err)
}

// group is the place of listings: the keys above them, and a row with what the members above say about each of them.
type group struct {
	keys  []string
	place []step
	row   Row
}

// with returns the group below a key. The name of a network is the network of the listings, a domain is their entity, and any other name is
// their incident, unless it only says that there are listings: "addresses".
func (g group) with(key string, k keyKind) group {
	g.keys, g.place = append(slices.Clip(g.keys), key), append(slices.Clip(g.place), step{name: key})
	switch key := truncate(key, maxQuoted); {
	case k.network != "":
		g.row.Network = k.network
	case k.field == fAddress || k.holder:
	case strings.Contains(key, ".") && !strings.Contains(key, " "):
		g.row.EntityName = key
	case g.row.Incident == "":
		g.row.Incident = key
	default:
		g.row.Incident += " " + key
	}
	return g
}

// locator returns the prefix of the locators in the group.
func (g group) locator() string {
	if len(g.keys) == 0 {
		return "element "
	}
	keys := make([]string, len(g.keys))
	for i, k := range g.keys {
		keys[i] = truncate(k, maxQuoted)
	}
	return strings.Join(keys, ".") + " element "
}

// elements returns the group of the elements of an array in the place of g.
func (g group) elements() group {
	if len(g.place) == 0 {
		g.place = []step{{each: 1}}
		return g
	}
	g.place = slices.Clone(g.place)
	g.place[len(g.place)-1].each++
	return g
}

// at returns a row of the group.
func (g group) at(locator string) Row {
	row := g.row
	row.Locator = locator
	return row
}

// array reads an array of listings. If names is not nil, texts that are not addresses are appended to it: {"tags": ["phishing"]}.
func (j *jsonReader) array(g group, names *[]string) error {
	if _, err := j.token(); err != nil {
		return err
	}
	place := g.locator()
	g = g.elements()
	for n := 1; ; n++ {
		locator := numbered(place, int64(n))
		switch kind := j.peek(); kind {
		case ']':
			_, err := j.token()
			return err
		case '{':
			if err := j.object(g, &locator); err != nil {
				return err
			}
		case '"':
			t, err := j.token()
			if err != nil {
				return err
			}
			row := g.at(locator)
			row.Address = trim(t.String())
			if j.mapsAddresses() && !j.mapsTo(g.place) {
				continue
			}
			if names != nil && !hasLongWord(row.Address) {
				if len(*names) < maxFields {
					*names = append(*names, row.Address)
				}
				continue
			}
			if err := j.listing(row); err != nil {
				return err
			}
		default:
			v, err := j.value()
			if err != nil {
				return err
			}
			row := g.at(locator)
			row.setProblem("element", "neither a text nor an object")
			row.Unread = holdsText(v, holdsAddresses)
			if err := j.listing(row); err != nil {
				return err
			}
		}
	}
}

// object reads a listing or a group. locator is the locator of an element of an array, and nil for the value of a key.
func (j *jsonReader) object(g group, locator *string) error {
	if len(g.keys) > maxGroups {
		return j.in.invalid(fmt.Sprintf("byte %d", j.d.InputOffset()), "groups nested deeper than %d", maxGroups)
	}
	if _, err := j.token(); err != nil {
		return err
	}
	if locator != nil {
		return j.members(g.at(*locator), "", g.place)
	}
	top := len(g.keys) == 0
	place := g.locator()
	for n := 1; ; n++ {
		if j.peek() == '}' {
			_, err := j.token()
			return err
		}
		t, err := j.token()
		if err != nil {
			return err
		}
		key, at := t.String(), numbered(place, int64(n))
		k := j.kind(key)
		switch kind := j.peek(); {
		case k.field == fAddress && kind == '"' && !j.mapsAddresses():
			return j.members(g.at(at), key, g.place)
		case top && metadata(key) && kind == '{':
			err = j.metadata()
		case kind == '[' && k.field < numFields && k.field != fAddress:
			var names []string
			if err = j.array(g, &names); err == nil && len(names) > 0 {
				j.countIssue(g.row.setTexts(key, k, names), at)
			}
		case kind == '[':
			err = j.array(g.with(key, k), nil)
		case kind == '{' && looksLikeAddress(key) && !j.mapsAddresses():
			row := g.at(at)
			row.Address = key
			if _, err = j.token(); err == nil {
				err = j.members(row, "", g.place)
			}
		case kind == '{':
			err = j.object(g.with(key, k), nil)
		default:
			err = j.scalar(&g, top, key, k, at)
		}
		if err != nil {
			return err
		}
	}
}

// scalar reads {addr: "name"}, {name: addr}, or another member of a group.
func (j *jsonReader) scalar(g *group, top bool, key string, k keyKind, locator string) error {
	v, err := j.value()
	if err != nil {
		return err
	}
	text, row := textOf(v), g.at(locator)
	if j.mapsAddresses() && (k.field == fAddress || k.field == numFields) {
		if j.mapsTo(append(slices.Clip(g.place), step{name: key})) {
			row.Address = text
			return j.listing(row)
		}
		j.noteUnread(key, text, locator)
		return nil
	}
	switch {
	case looksLikeAddress(key):
		row.Address = key
		if v.Kind() == '"' {
			row.EntityName = text
		}
		return j.listing(row)
	case top && normalizeName(key) == "name":
		g.row.EntityName = text
	case top && j.published(key, text):
	case k.field < numFields && k.field != fAddress:
		j.countIssue(g.row.set(k.field, key, j.mapping.value(k.field, text)), locator)
	case k.passed || !holdsAddresses(text):
		j.noteUnread(key, text, locator)
	case k.other:
		return j.unreadAddress(row, key, text)
	default:
		row.Address = text
		if row.setLabel(k.network); k.network == "" && !k.address && row.EntityName == "" {
			row.EntityName = key
		}
		return j.listing(row)
	}
	return nil
}

func metadata(key string) bool {
	return slices.Contains([]string{"metadata", "meta", "info", "header"}, normalizeName(key))
}

// metadata reads the date of publication from an object that describes the list.
func (j *jsonReader) metadata() error {
	if _, err := j.token(); err != nil {
		return err
	}
	for j.peek() != '}' {
		t, err := j.token()
		if err != nil {
			return err
		}
		key := t.String()
		v, err := j.value()
		if err != nil {
			return err
		}
		j.published(key, textOf(v))
	}
	_, err := j.token()
	return err
}

// published sets the date of publication from a member that describes the list. The publisher's date wins over the date of an
// extraction. It reports whether the member describes the list.
func (j *jsonReader) published(key, text string) bool {
	switch normalizeName(key) {
	case "sdnlistdate", "published", "publishdate", "listdate":
		date, ok := usDate(text) // OFAC's is MM/DD/YYYY
		if !ok {
			date, _ = parseDate(text)
		}
		if date != "" {
			j.info.Published = date
		}
	case "lastupdated", "updated", "updatedat", "generated", "generatedat", "date":
		if date, err := parseDate(text); err == nil && j.info.Published == "" {
			j.info.Published = date
		}
	case "source", "url", "version", "name", "title", "description", "license", "licence", "totaladdresses", "totalentries", "sdnrecordcount", "count", "total":
	default:
		return false
	}
	return true
}

// members reads the rest of an object that is a listing; row holds what is known about it. first is the name of the member whose value is
// next, or "".
func (j *jsonReader) members(row Row, first string, place []step) error {
	j.all = j.all[:0]
	size := 0
	for {
		name := first
		if first = ""; name == "" {
			if j.peek() == '}' {
				break
			}
			t, err := j.token()
			if err != nil {
				return err
			}
			name = t.String()
		}
		v, err := j.value()
		if err != nil {
			return err
		}
		if size += len(name) + len(v); size > MaxLine || len(j.all) == maxFields {
			return j.in.invalid(row.Locator, "longer than %d bytes or more than %d members", MaxLine, maxFields)
		}
		j.all = append(j.all, member{name, v})
	}
	if _, err := j.token(); err != nil {
		return err
	}
	return j.readObject(row, j.all, place)
}
