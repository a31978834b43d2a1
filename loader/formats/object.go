package formats

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"interdict/lists/address"
)

// objects reads JSON objects that are listings, or hold several:
//
//	{"name": "A", "address": "addr"}                                     one listing
//	{"name": "A", "addrs": ["addr", …], "btc": "addr"}                   one for each address
//	{"name": "A", "wallets": [{"currency": "TRX", "address": "addr"}]}   members of the outer object apply to the inner ones
//	{"address": "addr", "entries": [{"entity": "A"}, {"entity": "B"}]}   one for each entry
//
// Members are recognised by their names, or by their content if the name says nothing. A text that may be an address and is not read
// becomes a row marked Unread.
type objects struct {
	*run
	in         *input
	kinds      map[string]keyKind
	unknown    []string // members that were not read
	listings   int      // listings so far
	emptyLists int      // objects with a list of addresses that is empty
	all        []member // of the object that is being read
}

type member struct {
	name  string
	value jsontext.Value
}

// maxInner bounds the nesting of objects in a listing.
const maxInner = 16

// kind returns the interpretation of a member name and caches it.
func (o *objects) kind(name string) keyKind {
	if k, ok := o.kinds[name]; ok {
		return k
	}
	if o.kinds == nil || len(o.kinds) > 1000 {
		o.kinds = map[string]keyKind{}
	}
	k := keyOf(name)
	for f := range numFields {
		if source := o.mapping.sources[f]; f != fAddress && len(source) == 1 && normalizeName(source[0]) == k.plain && k.plain != "" {
			k = keyKind{plain: k.plain, field: f, rank: -1}
		} else if len(source) == 1 && k.field == f {
			k.field = numFields // the mapping gives this field to another member
		}
	}
	if len(name) <= 100 {
		o.kinds[name] = k
	}
	return k
}

func (o *objects) listing(row Row) error {
	o.listings++
	return o.emitAddresses(row)
}

// noteUnread records the name of a member that is not read, and whether it holds a secret.
func (o *objects) noteUnread(name, value, locator string) {
	if address.HoldsSecret(name) || address.HoldsSecret(value) {
		o.countIssue(issueSecret, locator)
	}
	if name = truncate(name, maxQuoted); len(o.unknown) < 100 && !slices.Contains(o.unknown, name) {
		o.unknown = append(o.unknown, name)
	}
}

// done adds the warnings about the file as a whole.
func (o *objects) done() error {
	if len(o.unknown) > 0 {
		o.warn("unknown_fields", "%s: not read: %s", o.in.name, joinFirst(quoteNames(o.unknown)))
	}
	if o.emptyLists > 0 {
		o.warn("no_addresses", "%s: %d objects have an empty list of addresses", o.in.name, o.emptyLists)
	}
	return o.noneMapped()
}

// unreadAddress yields a row for a text that may be an address of the list and is not read as one.
func (o *objects) unreadAddress(row Row, name, text string) error {
	shown := ""
	if found := splitCell(text); len(found) > 0 && isAlphanumeric(found[0].Address) { // anything else may hold a secret
		shown = " (" + truncate(found[0].Address, maxQuoted) + ")"
	}
	row.Address, row.Unread = "", true
	row.setProblem(truncate(name, maxQuoted), "not read, and may be an address"+shown+"; name the member in the mapping if it is one")
	o.listings++
	return o.emit(row)
}

// objectContent is what one object holds.
type objectContent struct {
	row       Row         // what its members say about each of its listings
	addresses []addressed // in the object itself
	inner     []member    // objects and arrays with more addresses
	keyed     []member    // objects whose key is an address: {addr: {…}}
	entries   []jsontext.Value
	loose     []member // texts that may be addresses, with names that do not say so
	others    []member // addresses of someone other than the listed party
	missing   bool     // there is a list of addresses and it is empty
}

type addressed struct{ text, label, name string }

// readObject reads an object that is an element of a list, at a place in the document.
func (o *objects) readObject(row Row, all []member, place []step) error {
	if o.mapsAddresses() {
		return o.mappedObject(row, all, place)
	}
	n, f, err := o.read(row, all, 0)
	switch {
	case err != nil || n > 0:
		return err
	case f.missing && len(f.loose)+len(f.others) == 0:
		o.emptyLists++
		return nil
	}
	row = f.row
	row.setProblem("address", "missing")
	row.Unread = slices.ContainsFunc(all, func(m member) bool { return holdsText(m.value, holdsAddresses) && !o.kind(m.name).passed })
	return o.listing(row)
}

// read yields the listings of an object and of the objects in it. It returns the number of rows. row holds what is known from outside.
func (o *objects) read(row Row, all []member, depth int) (n int, f *objectContent, err error) {
	f = &objectContent{row: row}
	if name := duplicateName(all); name != "" {
		f.row.setProblem(truncate(name, maxQuoted), "appears twice")
		f.row.Unread = row.Address != "" || slices.ContainsFunc(all, func(m member) bool { return holdsText(m.value, holdsAddresses) })
		f.row.Address = ""
		return 1, f, o.listing(f.row)
	}
	o.fields(f, all)
	of := row.Address // of the entries
	switch {
	case len(f.entries) == 0 && of != "":
		f.addresses = append([]addressed{{text: of}}, f.addresses...)
	case len(f.entries) > 0 && of == "" && len(f.addresses) == 1:
		of, f.addresses = f.addresses[0].text, nil
	}
	f.row.Address = ""
	before := o.listings
	if err := o.ownAddresses(f); err != nil {
		return 0, f, err
	}
	for i, e := range f.entries {
		if err := o.entry(f, of, e, i, depth); err != nil {
			return 0, f, err
		}
	}
	for _, m := range f.inner {
		if err := o.inner(f.row, m, depth); err != nil {
			return 0, f, err
		}
	}
	for _, m := range f.keyed {
		own := f.row
		own.Address = m.name
		if err := o.innerObject(own, m.name, m.value, depth); err != nil {
			return 0, f, err
		}
	}
	if o.listings == before && len(f.loose) == 1 && len(f.others) == 0 {
		own := f.row
		own.Address = textOf(f.loose[0].value)
		return 1, f, o.listing(own)
	}
	for _, m := range append(f.loose, f.others...) {
		if o.kind(m.name).field < numFields {
			continue // a name, an id or a link that was read
		}
		if err := o.unreadAddress(f.row, m.name, textOf(m.value)); err != nil {
			return 0, f, err
		}
	}
	return o.listings - before, f, nil
}

// ownAddresses yields the listings of the addresses in the object itself.
func (o *objects) ownAddresses(f *objectContent) error {
	if len(f.addresses) > 1 || len(f.inner)+len(f.keyed) > 0 { // one of them may be a postal address
		is := func(a addressed) bool {
			return holdsAddresses(a.text) || address.Recognize(a.text) != address.NotAddress
		}
		if len(f.inner)+len(f.keyed) > 0 || slices.ContainsFunc(f.addresses, is) {
			kept := f.addresses[:0:0]
			for _, a := range f.addresses {
				if is(a) || a.name == "" || isAlphanumeric(a.text) && len(a.text) >= 20 {
					kept = append(kept, a)
				} else {
					f.row.addNote(truncate(a.name, maxQuoted), a.text)
				}
			}
			f.addresses = kept
		}
	}
	for _, a := range f.addresses {
		row := f.row
		row.Address = a.text
		row.setLabel(a.label)
		if a.text == "" {
			row.setProblem("address", "not a text")
		}
		if err := o.listing(row); err != nil {
			return err
		}
	}
	return nil
}

// entry yields the listing of an entry of an address, or of an object with its own addresses.
func (o *objects) entry(f *objectContent, of string, e jsontext.Value, i, depth int) error {
	row := f.row
	row.Address = of
	row.Programs = slices.Clone(row.Programs)
	if len(f.entries) > 1 {
		row.Locator += " entry " + strconv.Itoa(i+1)
	}
	all, err := membersOf(e)
	if err != nil {
		row.setProblem("entries", err.Error())
		return o.listing(row)
	}
	if depth >= maxInner {
		return o.in.invalid(row.Locator, "objects nested deeper than %d", maxInner)
	}
	n, inner, err := o.read(row, all, depth+1)
	if err != nil || n > 0 {
		return err
	}
	return o.listing(inner.row)
}

// inner yields the listings of an object or array in an object.
func (o *objects) inner(row Row, m member, depth int) error {
	if depth >= maxInner {
		return o.in.invalid(row.Locator, "arrays nested deeper than %d", maxInner)
	}
	k := o.kind(m.name)
	row.setLabel(k.network)
	if m.value.Kind() == '{' {
		return o.innerObject(row, m.name, m.value, depth)
	}
	for i, e := range elementsOf(m.value) {
		own := row
		switch e.Kind() {
		case '{':
			own.Locator += " " + truncate(m.name, maxQuoted) + " " + strconv.Itoa(i+1)
			if err := o.innerObject(own, m.name, e, depth); err != nil {
				return err
			}
		case '[':
			if err := o.inner(own, member{m.name, e}, depth+1); err != nil {
				return err
			}
		default:
			text := textOf(e)
			switch {
			case k.other:
				if holdsAddresses(text) {
					if err := o.unreadAddress(own, m.name, text); err != nil {
						return err
					}
				}
				continue
			case e.Kind() == '"' && text != "":
				own.Address = text
			case e.Kind() == 'n':
				continue
			default:
				own.Address = text
				own.setProblem("address", "not a text")
			}
			if err := o.listing(own); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *objects) innerObject(row Row, name string, v jsontext.Value, depth int) error {
	all, err := membersOf(v)
	if err != nil {
		row.setProblem(truncate(name, maxQuoted), err.Error())
		return o.listing(row)
	}
	if depth >= maxInner {
		return o.in.invalid(row.Locator, "objects nested deeper than %d", maxInner)
	}
	row.Programs = slices.Clone(row.Programs)
	n, f, err := o.read(row, all, depth+1)
	if err == nil && n == 0 && !f.missing && holdsText(v, holdsAddresses) {
		row = f.row
		row.setProblem(truncate(name, maxQuoted), "not read, and holds what may be an address; name the member in the mapping if it is one")
		row.Unread = true
		err = o.listing(row)
	}
	return err
}

// duplicateName returns the name of a member that an object has more than once, or "".
func duplicateName(all []member) string {
	if len(all) <= 16 {
		for i, m := range all {
			for _, earlier := range all[:i] {
				if earlier.name == m.name {
					return m.name
				}
			}
		}
		return ""
	}
	seen := make(map[string]bool, len(all))
	for _, m := range all {
		if seen[m.name] {
			return m.name
		}
		seen[m.name] = true
	}
	return ""
}

// fields sorts the members of an object by what they hold.
func (o *objects) fields(f *objectContent, all []member) {
	row := &f.row
	var used [numFields]string // the best name for each field
	var rank [numFields]int
	ransom := 0
	for _, m := range all {
		k := o.kind(m.name)
		if k.field < numFields && (used[k.field] == "" || k.rank < rank[k.field]) && m.value.Kind() != 'n' {
			rank[k.field], used[k.field] = k.rank, m.name
		}
		if k.plain == "family" || k.plain == "blockchain" || k.plain == "balanceusd" {
			ransom++
		}
	}
	if ransom == 3 && row.Category == "" && used[fCategory] == "" { // the export of Ransomwhere
		row.Category = "ransomware"
	}
	for _, m := range all {
		k, kind := o.kind(m.name), m.value.Kind()
		scalar := kind != '[' && kind != '{'
		switch {
		case kind == 'n':
		case k.plain == "entries" && kind == '[':
			f.entries = append(f.entries, elementsOf(m.value)...)
			f.missing = len(f.entries) == 0 && row.Address == ""
		case k.passed:
			o.noteUnread(m.name, string(m.value), row.Locator)
		case kind == '{' && looksLikeAddress(m.name) && holdsAddresses(m.name):
			f.keyed = append(f.keyed, m)
		case k.plain == "entity" && kind == '{':
			o.entity(f, m.value)
		case k.plain == "type" && scalar:
			row.setType(textOf(m.value))
		case scalar:
			o.scalarField(f, m, k, used[:])
		case kind == '[' && k.field < numFields && k.field != fAddress && !holdsText(m.value, hasLongWord):
			var texts []string
			for _, e := range elementsOf(m.value) {
				if t := textOf(e); t != "" {
					texts = append(texts, t)
				} else if e.Kind() == '{' {
					texts = append(texts, nameOf(e))
				}
			}
			o.countIssue(row.setTexts(m.name, k, texts), row.Locator)
		case kind == '{' && k.field < numFields && k.field != fAddress && !holdsText(m.value, hasLongWord):
			if text := nameOf(m.value); text != "" && used[k.field] == m.name {
				o.countIssue(row.set(k.field, m.name, o.mapping.value(k.field, text)), row.Locator)
			} else {
				o.noteUnread(m.name, string(m.value), row.Locator)
			}
		case kind == '[' && (k.field == fAddress || k.address || k.network != ""):
			if len(elementsOf(m.value)) == 0 {
				f.missing = true
			} else {
				f.inner = append(f.inner, m)
			}
		case k.other && kind == '{' && !holdsText(m.value, holdsAddresses):
			o.noteUnread(m.name, string(m.value), row.Locator)
		case k.other && kind == '{':
			holdsText(m.value, func(text string) bool {
				if holdsAddresses(text) {
					f.others = append(f.others, member{m.name, quoteJSON(text)})
				}
				return false
			})
		case holdsText(m.value, holdsAddresses) || k.holder && holdsObjects(m.value):
			f.inner = append(f.inner, m)
		default:
			o.noteUnread(m.name, string(m.value), row.Locator)
		}
	}
}

// scalarField reads a member that is a text, a number or a boolean.
func (o *objects) scalarField(f *objectContent, m member, k keyKind, used []string) {
	row, text := &f.row, textOf(m.value)
	switch {
	case text == "":
	case k.field == fAddress:
		f.addresses = append(f.addresses, addressed{text, "", m.name})
	case k.field < numFields:
		if (k.field == fEntity || k.field == fURL || k.field == fEntityID) && holdsAddresses(text) {
			f.loose = append(f.loose, m)
		}
		switch {
		case k.field == fPrograms:
			row.addPrograms(text)
		case used[k.field] == m.name:
			o.countIssue(row.set(k.field, m.name, o.mapping.value(k.field, text)), row.Locator)
		case k.field == fEntity || k.field == fNote || k.field == fURL:
			row.addNote(truncate(m.name, maxQuoted), text)
		default:
			o.noteUnread(m.name, string(m.value), row.Locator)
		}
	case looksLikeAddress(m.name) && holdsAddresses(m.name): // {addr: "name"}
		own := addressed{text: m.name}
		if m.value.Kind() == '"' && row.EntityName == "" {
			row.EntityName = text
		}
		f.addresses = append(f.addresses, own)
	case !holdsAddresses(text):
		o.noteUnread(m.name, string(m.value), row.Locator)
	case k.other:
		f.others = append(f.others, m)
	case k.address || k.network != "":
		f.addresses = append(f.addresses, addressed{text, k.network, m.name})
	default:
		f.loose = append(f.loose, m)
	}
}

// setTexts sets a field to several texts and returns the code of an issue, or "".
func (row *Row) setTexts(name string, k keyKind, texts []string) (issue string) {
	switch {
	case len(texts) == 0:
	case k.field == fPrograms:
		for _, t := range texts {
			row.Programs = addProgram(slices.Clip(row.Programs), t)
		}
	case k.field == fNote || k.field == fEntity || len(texts) > 1:
		row.addNote(truncate(name, maxQuoted), strings.Join(texts, "; "))
	default:
		return row.set(k.field, name, texts[0])
	}
	return ""
}

// nameOf returns the name of an object, or "".
func nameOf(v jsontext.Value) string {
	all, err := membersOf(v)
	if err != nil {
		return ""
	}
	for _, name := range []string{"name", "symbol", "ticker", "code", "title", "value", "id"} {
		for _, m := range all {
			if normalizeName(m.name) == name && textOf(m.value) != "" {
				return textOf(m.value)
			}
		}
	}
	return ""
}

// entity reads {"id": …, "name": …, "type": …}, as in our own ndjson.
func (o *objects) entity(f *objectContent, v jsontext.Value) {
	all, err := membersOf(v)
	if err != nil {
		f.row.setProblem("entity", err.Error())
		return
	}
	for _, m := range all {
		switch text := textOf(m.value); normalizeName(m.name) {
		case "id":
			f.row.EntityID = text
		case "name":
			f.row.EntityName = text
		case "type":
			f.row.setType(text)
		default:
			if k := o.kind(m.name); !k.passed && holdsText(m.value, holdsAddresses) {
				f.inner = append(f.inner, member{m.name, arrayOf(m.value)})
			} else {
				o.noteUnread("entity."+m.name, string(m.value), f.row.Locator)
			}
		}
	}
}

// setType reads "type", which may be the label of an asset or the type of the entity.
func (row *Row) setType(text string) {
	if asset, ok := ofacAsset(text); ok {
		row.Asset = asset
	} else if t := entityType(text); t != "" {
		row.EntityType = t
	} else {
		row.addNote("type", text)
	}
}

// addPrograms appends the programmes in "A, B".
func (row *Row) addPrograms(text string) {
	for p := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == ',' }) {
		if p = trim(p); p != "" {
			row.Programs = append(slices.Clip(row.Programs), p)
		}
	}
}

// textOf returns a text, number or boolean as text. It returns "" for null, objects and arrays.
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

// quoteJSON returns a text as a JSON value.
func quoteJSON(text string) jsontext.Value {
	v, err := jsontext.AppendQuote(nil, text)
	if err != nil { // not UTF-8
		return jsontext.Value(`""`)
	}
	return v
}

// arrayOf returns an array of a scalar. It returns objects and arrays unchanged.
func arrayOf(v jsontext.Value) jsontext.Value {
	if v.Kind() == '[' || v.Kind() == '{' {
		return v
	}
	return slices.Concat(jsontext.Value("["), v, jsontext.Value("]"))
}

// membersOf returns the members of an object.
func membersOf(v jsontext.Value) ([]member, error) {
	if v.Kind() != '{' {
		return nil, errors.New("not an object")
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

// elementsOf returns the elements of an array.
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

// holdsText reports whether is is true for a text or name in a value.
func holdsText(v jsontext.Value, is func(string) bool) bool {
	d := jsontext.NewDecoder(strings.NewReader(string(v)), jsontext.AllowDuplicateNames(true))
	for {
		t, err := d.ReadToken()
		if err != nil {
			return false
		}
		if t.Kind() == '"' && is(t.String()) {
			return true
		}
	}
}

// holdsObjects reports whether a value is an object, or an array with one.
func holdsObjects(v jsontext.Value) bool {
	if v.Kind() == '{' {
		return true
	}
	for _, e := range elementsOf(v) {
		if e.Kind() == '{' {
			return true
		}
	}
	return false
}
