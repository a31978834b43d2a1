package formats

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"interdict/lists/fault"
)

// One JSON document, in the shapes that lists are published in (formats.md, sections 2 and 4):
//
//	["addr", …]                                         0xB10C, ScamSniffer
//	[{"address": …, "comment": …, "date": …}, …]        members are named as the columns of csv
//	{"metadata": {…}, "addresses": {addr: {"type": …, "entries": [{"entity": …, "program": …}]}}}    thomasgregg
//	{addr: "name", …}, {addr: {"entity": …}}
//	{"0221": {"eth": ["addr", …], "bsc": […]}}          Bybit: the key of an array is its network, what stands above it the incident
//	{"example.com": ["addr", …]}                        ScamSniffer: the key names the entity
//
// It is read as a stream: an object is a listing if it stands in an array, belongs to a key that looks like an address, or has a
// member that is named like one; any other object is a group of listings.
func init() {
	register(format{
		name: "json", order: 100,
		detect: func(s *sample) bool {
			return !s.xlsx && shapeOf(s) == jsonValue && !ftmEntity.hasAll(firstLine(s)) && !ftmDelta.hasAll(firstLine(s))
		},
		read: readJSON,
	})
}

const (
	maxGroups = 16   // how deep groups nest
	maxFields = 1000 // of a listing
)

type jsonReader struct {
	*run
	in      *input
	d       *jsontext.Decoder
	src     *tokenReader
	unknown []string // members that were not read
	n       int      // listings so far
}

// tokenReader bounds how much is read for one token or value.
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
	in := r.only()
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	j := &jsonReader{run: r, in: in, src: &tokenReader{r: rc}}
	j.d = jsontext.NewDecoder(j.src, jsontext.AllowDuplicateNames(true)) // names are checked where they are few
	switch kind := j.peek(); kind {
	case '[':
		err = j.array(group{})
	case '{':
		err = j.object(group{}, nil)
	default:
		_, err = j.token() // what is wrong with it, or
		if err == nil {
			err = in.invalid("the document", "is neither an array nor an object")
		}
	}
	if err != nil {
		return err
	}
	j.src.left = MaxLine
	if _, err := j.d.ReadToken(); err != io.EOF { //nolint:errorlint // the end itself
		if err != nil {
			return j.fault(err)
		}
		return in.invalid("the document", "is followed by another; for an object a line use ndjson")
	}
	if len(j.unknown) > 0 {
		r.warn("unknown_fields", "%s: not read: %s", in.name, abridged(quoted(j.unknown)))
	}
	return nil
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

// fault tells errors of the source from those of the document.
func (j *jsonReader) fault(err error) error {
	place := fmt.Sprintf("byte %d (after %d listings)", j.d.InputOffset(), j.n)
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
		return j.in.invalid(place, "the document ends in the middle: it is truncated")
	case errors.As(err, &syntax):
		return j.in.invalid(place, "this is no valid JSON in UTF-8: %w", syntax.Err)
	}
	return j.in.invalid(place, "this is no valid JSON: %w", err)
}

// group is where a listing stands: the keys above it.
type group struct {
	keys []string
}

func (g group) with(key string) group { return group{append(slices.Clip(g.keys), key)} }

// label gives a row what the keys of its group say.
func (g group) label(row *Row) {
	if len(g.keys) == 0 {
		return
	}
	last := len(g.keys) - 1
	switch key := clip(g.keys[last]); {
	case strings.Contains(key, "."):
		row.EntityName = key // a domain
	case strings.Trim(key, "0123456789-_ ") != "":
		row.Network = key
	default:
		last++ // a number or date: no network
	}
	above := make([]string, last)
	for i := range above {
		above[i] = clip(g.keys[i])
	}
	row.Incident = strings.Join(above, " ")
}

// place is the beginning of a locator.
func (g group) place() string {
	if len(g.keys) == 0 {
		return "element "
	}
	keys := make([]string, len(g.keys))
	for i, k := range g.keys {
		keys[i] = clip(k)
	}
	return strings.Join(keys, ".") + " element "
}

// containers are keys that hold listings and say nothing about them.
var containers = []string{"addresses", "wallets", "data", "results", "items", "list", "entries", "records", "blacklist", "darklist"}

// array reads listings one by one. at its opening.
func (j *jsonReader) array(g group) error {
	if _, err := j.token(); err != nil {
		return err
	}
	place := g.place()
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
			row := Row{Address: trim(t.String()), Locator: locator}
			g.label(&row)
			if err := j.listing(row); err != nil {
				return err
			}
		default:
			if _, err := j.value(); err != nil {
				return err
			}
			if err := j.listing(Row{Locator: locator, Problem: "element: is neither a text nor an object"}); err != nil {
				return err
			}
		}
	}
}

func (j *jsonReader) listing(row Row) error {
	j.n++
	return j.emit(row)
}

// object reads a listing or a group, at its opening. locator is that of an element of an array; nil for the value of a key.
func (j *jsonReader) object(g group, locator *string) error {
	if len(g.keys) > maxGroups {
		return j.in.invalid(fmt.Sprintf("byte %d", j.d.InputOffset()), "groups nest deeper than %d", maxGroups)
	}
	if _, err := j.token(); err != nil {
		return err
	}
	top := len(g.keys) == 0 && locator == nil
	place := g.place()
	for n := 1; ; n++ {
		if j.peek() == '}' {
			_, err := j.token()
			if err == nil && locator != nil {
				err = j.listing(Row{Locator: *locator, Problem: "address: is missing"})
			}
			return err
		}
		t, err := j.token()
		if err != nil {
			return err
		}
		key := t.String()
		kind := j.peek()
		k, isField := known[plain(key)]
		named := isField && k.field == fAddress // like a column of addresses
		if locator != nil || named && kind == '"' {
			return j.members(g, "", key, cmp.Or(deref(locator), numbered(place, int64(n))))
		}
		switch {
		case top && metadata(key) && kind == '{':
			err = j.metadata()
		case kind == '[' && (named || slices.Contains(containers, plain(key))):
			err = j.array(g)
		case kind == '[':
			err = j.array(g.with(key))
		case kind == '{' && looksLikeAddress(key):
			err = j.keyed(g, key, numbered(place, int64(n)))
		case kind == '{' && slices.Contains(containers, plain(key)):
			err = j.object(g, nil)
		case kind == '{':
			err = j.object(g.with(key), nil)
		default:
			err = j.scalar(g, top, key, numbered(place, int64(n)))
		}
		if err != nil {
			return err
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// keyed reads the object that belongs to an address: {addr: {…}}.
func (j *jsonReader) keyed(g group, address, locator string) error {
	if _, err := j.token(); err != nil {
		return err
	}
	return j.members(g, address, "", locator)
}

// scalar reads {addr: "name"}, or a member beside the listings.
func (j *jsonReader) scalar(g group, top bool, key, locator string) error {
	v, err := j.value()
	if err != nil {
		return err
	}
	switch text := textOf(v); {
	case looksLikeAddress(key):
		row := Row{Address: key, Locator: locator}
		g.label(&row)
		if v.Kind() == '"' {
			row.EntityName = text
		}
		return j.listing(row)
	case top && j.published(key, text):
	case len(j.unknown) < 100:
		j.unknown = append(j.unknown, clip(key))
	}
	return nil
}

// textOf gives a text, number or truth value as text; null and what is no scalar are "".
func textOf(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		t, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return ""
		}
		return trim(string(t))
	case '0', 't', 'f':
		return string(v)
	}
	return ""
}

func metadata(key string) bool {
	return slices.Contains([]string{"metadata", "meta", "info", "header"}, plain(key))
}

// metadata takes the date from an object that describes the list.
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

// published takes the date of a list from what describes it: the publisher's own date before that of an extraction.
func (j *jsonReader) published(key, text string) bool {
	switch plain(key) {
	case "sdnlistdate", "published", "publishdate", "listdate":
		date, ok := usDate(text) // OFAC's is MM/DD/YYYY
		if !ok {
			date, _ = anyDate(text)
		}
		if date != "" {
			j.info.Published = date
		}
	case "lastupdated", "updated", "updatedat", "generated", "generatedat", "date":
		if date, err := anyDate(text); err == nil && j.info.Published == "" {
			j.info.Published = date
		}
	case "source", "url", "version", "name", "title", "description", "license", "licence", "totaladdresses", "totalentries", "sdnrecordcount", "count", "total":
	default:
		return false
	}
	return true
}

type member struct {
	name  string
	value jsontext.Value
}

// members reads the rest of an object that is a listing. first, when not "", is the name of a member whose value comes next.
func (j *jsonReader) members(g group, address, first, locator string) error {
	var all []member
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
		if size += len(name) + len(v); size > MaxLine || len(all) == maxFields {
			return j.in.invalid(locator, "is longer than %d bytes or has more than %d members", MaxLine, maxFields)
		}
		all = append(all, member{name, v})
	}
	if _, err := j.token(); err != nil {
		return err
	}
	row := Row{Address: address, Locator: locator}
	g.label(&row)
	inner := j.fields(&row, all)
	for i, e := range inner.entries {
		own := row
		own.Programs = slices.Clone(row.Programs)
		if len(inner.entries) > 1 {
			own.Locator = locator + " entry " + strconv.Itoa(i+1)
		}
		if of, err := membersOf(e); err != nil {
			own.fail("entries", err.Error())
		} else {
			j.fields(&own, of)
		}
		if err := j.listing(own); err != nil {
			return err
		}
	}
	for _, a := range inner.addresses {
		own := row
		if own.Address = textOf(a); own.Address == "" || a.Kind() != '"' {
			own.fail("address", "is no text")
		}
		if err := j.listing(own); err != nil {
			return err
		}
	}
	if len(inner.entries) > 0 || len(inner.addresses) > 0 && row.Address == "" {
		return nil
	}
	return j.listing(row)
}

// innerListings are what a listing may hold several of.
type innerListings struct{ entries, addresses []jsontext.Value }

// membersOf parts an object that has been read.
func membersOf(v jsontext.Value) ([]member, error) {
	if v.Kind() != '{' {
		return nil, errors.New("is no object")
	}
	d := jsontext.NewDecoder(strings.NewReader(string(v)), jsontext.AllowDuplicateNames(true))
	var all []member
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != '}' {
		var t jsontext.Token
		if t, err = d.ReadToken(); err != nil {
			break
		}
		name := t.String()
		var value jsontext.Value
		value, err = d.ReadValue()
		all = append(all, member{name, value.Clone()})
	}
	return all, err
}

// fields puts the members of a listing into a row.
func (j *jsonReader) fields(row *Row, all []member) (inner innerListings) {
	used := [numFields]string{}
	rank := [numFields]int{}
	for f := range rank {
		rank[f] = -1
	}
	for _, m := range all { // the best name for each field
		if k, ok := known[plain(m.name)]; ok {
			if rank[k.field] < 0 || k.rank < rank[k.field] {
				rank[k.field], used[k.field] = k.rank, m.name
			}
		}
	}
	seen := map[string]bool{}
	for _, m := range all {
		if seen[m.name] {
			row.fail(clip(m.name), "stands there twice")
			row.Address = ""
			return inner
		}
		seen[m.name] = true
	}
	for _, m := range all {
		k, ok := known[plain(m.name)]
		switch {
		case plain(m.name) == "entries" && m.value.Kind() == '[':
			inner.entries = append(inner.entries, elementsOf(m.value)...)
		case m.value.Kind() == '[' && (ok && k.field == fAddress || slices.Contains(containers, plain(m.name))):
			inner.addresses = append(inner.addresses, elementsOf(m.value)...)
		case plain(m.name) == "entity" && m.value.Kind() == '{':
			j.entity(row, m.value)
		case plain(m.name) == "type":
			j.kind(row, textOf(m.value))
		case !ok || used[k.field] != m.name && k.field != fEntity && k.field != fNote && k.field != fURL:
			if holdsAddress(m.value) {
				row.fail(clip(m.name), "is not read, and holds what may be an address")
			}
			if len(j.unknown) < 100 && !slices.Contains(j.unknown, m.name) {
				j.unknown = append(j.unknown, clip(m.name))
			}
		case k.field == fPrograms:
			j.programs(row, m.value)
		case m.value.Kind() == '[' && (k.field == fNote || k.field == fEntity):
			var texts []string
			for _, e := range elementsOf(m.value) {
				texts = append(texts, textOf(e))
			}
			row.remark(m.name, strings.Join(texts, "; "))
		case m.value.Kind() == '[' || m.value.Kind() == '{':
			row.fail(clip(m.name), "is no text")
		case textOf(m.value) == "":
		case used[k.field] != m.name:
			row.remark(clip(m.name), textOf(m.value))
		default:
			row.set(k.field, m.name, textOf(m.value))
		}
	}
	return inner
}

// holdsAddress tells an array or object with a text or name in it that may be an address.
func holdsAddress(v jsontext.Value) bool {
	if kind := v.Kind(); kind != '[' && kind != '{' {
		return false
	}
	d := jsontext.NewDecoder(strings.NewReader(string(v)), jsontext.AllowDuplicateNames(true))
	for {
		t, err := d.ReadToken()
		if err != nil {
			return false
		}
		if t.Kind() == '"' && looksLikeAddress(t.String()) {
			return true
		}
	}
}

func elementsOf(v jsontext.Value) []jsontext.Value {
	all := []jsontext.Value{}
	d := jsontext.NewDecoder(strings.NewReader(string(v)), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return all
	}
	for d.PeekKind() != ']' {
		e, err := d.ReadValue()
		if err != nil {
			return all
		}
		all = append(all, e.Clone())
	}
	return all
}

// entity reads {"id": …, "name": …, "type": …}, as in our own ndjson.
func (j *jsonReader) entity(row *Row, v jsontext.Value) {
	all, err := membersOf(v)
	if err != nil {
		row.fail("entity", err.Error())
		return
	}
	for _, m := range all {
		switch m.name {
		case "id":
			row.EntityID = textOf(m.value)
		case "name":
			row.EntityName = textOf(m.value)
		case "type":
			if t := textOf(m.value); t != "" {
				row.set(fEntityType, m.name, t)
			}
		default:
			row.fail("entity."+clip(m.name), "is no field of a listing")
		}
	}
}

// kind reads "type", which names an asset or what kind of party the entity is.
func (j *jsonReader) kind(row *Row, text string) {
	if asset, ok := ofacAsset(text); ok {
		row.Asset = asset
	} else if t := entityType(text); t != "" {
		row.EntityType = t
	} else {
		row.remark("type", text)
	}
}

// programs reads ["A", "B"] and "A, B".
func (j *jsonReader) programs(row *Row, v jsontext.Value) {
	if v.Kind() == '[' {
		for _, e := range elementsOf(v) {
			if p := textOf(e); p != "" {
				row.Programs = append(row.Programs, p)
			}
		}
		return
	}
	for p := range strings.FieldsFuncSeq(textOf(v), func(r rune) bool { return r == ';' || r == ',' }) {
		if p = trim(p); p != "" {
			row.Programs = append(row.Programs, p)
		}
	}
}
