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
//	{"name": "A", "wallets": [{"currency": "TRX", "address": "addr"}]}   what the outer object says holds for the inner ones
//	{"address": "addr", "entries": [{"entity": "A"}, {"entity": "B"}]}   one for each entry
//
// Members are told by their names, and by their content where a name says nothing. What may be an address and is not read
// becomes a row that is Unread.
type objects struct {
	*run
	in      *input
	kinds   map[string]keyKind
	unknown []string // members that were not read
	n       int      // listings so far
	empty   int      // objects with a list of addresses that is empty
	all     []member // of the object that is being read
}

type member struct {
	name  string
	value jsontext.Value
}

// maxInner is how deep the objects of a listing nest.
const maxInner = 16

// kind reads the name of a member, each name once.
func (o *objects) kind(name string) keyKind {
	if k, ok := o.kinds[name]; ok {
		return k
	}
	if o.kinds == nil || len(o.kinds) > 1000 {
		o.kinds = map[string]keyKind{}
	}
	k := keyOf(name)
	for f := range numFields {
		if source := o.mapping.sources[f]; f != fAddress && len(source) == 1 && plain(source[0]) == k.plain && k.plain != "" {
			k = keyKind{plain: k.plain, field: f, rank: -1}
		} else if len(source) == 1 && k.field == f {
			k.field = numFields // another member has this field
		}
	}
	if len(name) <= 100 {
		o.kinds[name] = k
	}
	return k
}

func (o *objects) listing(row Row) error {
	o.n++
	return o.emitAddresses(row)
}

// unread notes a member that is not read.
func (o *objects) unread(name string) {
	if name = clip(name); len(o.unknown) < 100 && !slices.Contains(o.unknown, name) {
		o.unknown = append(o.unknown, name)
	}
}

// done reports what was met in the file.
func (o *objects) done() error {
	if len(o.unknown) > 0 {
		o.warn("unknown_fields", "%s: not read: %s", o.in.name, abridged(quoted(o.unknown)))
	}
	if o.empty > 0 {
		o.warn("no_addresses", "%s: %d objects have an empty list of addresses", o.in.name, o.empty)
	}
	return o.noneMapped()
}

// foreign gives a row for something that may be an address of the list, and is not read as one.
func (o *objects) foreign(row Row, name, text string) error {
	shown := ""
	if found := pieces(text); len(found) > 0 && plainWord(found[0].Address) { // anything else may hold a secret
		shown = " (" + clip(found[0].Address) + ")"
	}
	row.Address, row.Unread = "", true
	row.fail(clip(name), "is not read, and holds what may be an address"+shown+"; name the member in the mapping if it is one")
	o.n++
	return o.emit(row)
}

// found is what one object holds.
type found struct {
	row       Row         // what its members say about each of its listings
	addresses []addressed // in the object itself
	inner     []member    // objects and arrays that hold more
	keyed     []member    // objects that belong to an address: {addr: {…}}
	entries   []jsontext.Value
	loose     []member // texts that may be addresses, under names that do not say so
	others    []member // texts that are addresses of somebody else
	missing   bool     // there is a list of addresses, and it is empty
}

type addressed struct{ text, label, name string }

// whole reads an object that is an element of a list, at a place in the document.
func (o *objects) whole(row Row, all []member, place []step) error {
	if o.mapsAddresses() {
		return o.mapped(row, all, place)
	}
	n, f, err := o.read(row, all, 0)
	switch {
	case err != nil || n > 0:
		return err
	case f.missing && len(f.loose)+len(f.others) == 0:
		o.empty++
		return nil
	}
	row = f.row
	row.fail("address", "is missing")
	row.Unread = slices.ContainsFunc(all, func(m member) bool { return holdsText(m.value, holdsAddresses) && !o.kind(m.name).passed })
	return o.listing(row)
}

// read gives the listings of an object and of what is within it, and how many rows they were. row is what is known from outside.
func (o *objects) read(row Row, all []member, depth int) (n int, f *found, err error) {
	f = &found{row: row}
	if name := twice(all); name != "" {
		f.row.fail(clip(name), "stands there twice")
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
	before := o.n
	if err := o.own(f); err != nil {
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
	if o.n == before && len(f.loose) == 1 && len(f.others) == 0 {
		own := f.row
		own.Address = textOf(f.loose[0].value)
		return 1, f, o.listing(own)
	}
	for _, m := range append(f.loose, f.others...) {
		if o.kind(m.name).field < numFields {
			continue // a name, an id or a link: nothing else would be read from it
		}
		if err := o.foreign(f.row, m.name, textOf(m.value)); err != nil {
			return 0, f, err
		}
	}
	return o.n - before, f, nil
}

// own gives the listings of the object itself.
func (o *objects) own(f *found) error {
	if len(f.addresses) > 1 || len(f.inner)+len(f.keyed) > 0 { // a postal address beside the wallet's
		is := func(a addressed) bool {
			return holdsAddresses(a.text) || address.Recognize(a.text) != address.NotAddress
		}
		if len(f.inner)+len(f.keyed) > 0 || slices.ContainsFunc(f.addresses, is) {
			kept := f.addresses[:0:0]
			for _, a := range f.addresses {
				if is(a) || a.name == "" || plainWord(a.text) && len(a.text) >= 20 {
					kept = append(kept, a)
				} else {
					f.row.remark(clip(a.name), a.text)
				}
			}
			f.addresses = kept
		}
	}
	for _, a := range f.addresses {
		row := f.row
		row.Address = a.text
		row.labelled(a.label)
		if a.text == "" {
			row.fail("address", "is no text")
		}
		if err := o.listing(row); err != nil {
			return err
		}
	}
	return nil
}

// entry gives the listing of one entry of an address, or of an object that names its own.
func (o *objects) entry(f *found, of string, e jsontext.Value, i, depth int) error {
	row := f.row
	row.Address = of
	row.Programs = slices.Clone(row.Programs)
	if len(f.entries) > 1 {
		row.Locator += " entry " + strconv.Itoa(i+1)
	}
	all, err := membersOf(e)
	if err != nil {
		row.fail("entries", err.Error())
		return o.listing(row)
	}
	if depth >= maxInner {
		return o.in.invalid(row.Locator, "objects nest deeper than %d", maxInner)
	}
	n, inner, err := o.read(row, all, depth+1)
	if err != nil || n > 0 {
		return err
	}
	return o.listing(inner.row)
}

// inner gives the listings of an object or array within an object.
func (o *objects) inner(row Row, m member, depth int) error {
	if depth >= maxInner {
		return o.in.invalid(row.Locator, "arrays nest deeper than %d", maxInner)
	}
	k := o.kind(m.name)
	row.labelled(k.network)
	if m.value.Kind() == '{' {
		return o.innerObject(row, m.name, m.value, depth)
	}
	for i, e := range elementsOf(m.value) {
		own := row
		switch e.Kind() {
		case '{':
			own.Locator += " " + clip(m.name) + " " + strconv.Itoa(i+1)
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
					if err := o.foreign(own, m.name, text); err != nil {
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
				own.fail("address", "is no text")
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
		row.fail(clip(name), err.Error())
		return o.listing(row)
	}
	if depth >= maxInner {
		return o.in.invalid(row.Locator, "objects nest deeper than %d", maxInner)
	}
	row.Programs = slices.Clone(row.Programs)
	n, f, err := o.read(row, all, depth+1)
	if err == nil && n == 0 && !f.missing && holdsText(v, holdsAddresses) {
		row = f.row
		row.fail(clip(name), "is not read, and holds what may be an address")
		row.Unread = true
		err = o.listing(row)
	}
	return err
}

// twice gives the name of a member that an object has more than once.
func twice(all []member) string {
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

// fields sorts the members of an object.
func (o *objects) fields(f *found, all []member) {
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
	if ransom == 3 && row.Category == "" && used[fCategory] == "" { // Ransomwhere's own export
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
			o.unread(m.name)
		case kind == '{' && looksLikeAddress(m.name) && holdsAddresses(m.name):
			f.keyed = append(f.keyed, m)
		case k.plain == "entity" && kind == '{':
			o.entity(f, m.value)
		case k.plain == "type" && scalar:
			row.typed(textOf(m.value))
		case scalar:
			o.scalarField(f, m, k, used[:])
		case kind == '[' && k.field < numFields && k.field != fAddress && !holdsText(m.value, mayHold):
			var texts []string
			for _, e := range elementsOf(m.value) {
				if t := textOf(e); t != "" {
					texts = append(texts, t)
				} else if e.Kind() == '{' {
					texts = append(texts, nameOf(e))
				}
			}
			row.texts(m.name, k, texts)
		case kind == '{' && k.field < numFields && k.field != fAddress && !holdsText(m.value, mayHold):
			if text := nameOf(m.value); text != "" && used[k.field] == m.name {
				row.set(k.field, m.name, o.mapping.value(k.field, text))
			} else {
				o.unread(m.name)
			}
		case kind == '[' && (k.field == fAddress || k.address || k.network != ""):
			if len(elementsOf(m.value)) == 0 {
				f.missing = true
			} else {
				f.inner = append(f.inner, m)
			}
		case k.other && kind == '{' && !holdsText(m.value, holdsAddresses):
			o.unread(m.name)
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
			o.unread(m.name)
		}
	}
}

// scalarField sorts a member that is a text, a number or a truth value.
func (o *objects) scalarField(f *found, m member, k keyKind, used []string) {
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
			row.programs(text)
		case used[k.field] == m.name:
			row.set(k.field, m.name, o.mapping.value(k.field, text))
		case k.field == fEntity || k.field == fNote || k.field == fURL:
			row.remark(clip(m.name), text)
		default:
			o.unread(m.name)
		}
	case looksLikeAddress(m.name) && holdsAddresses(m.name): // {addr: "name"}
		own := addressed{text: m.name}
		if m.value.Kind() == '"' && row.EntityName == "" {
			row.EntityName = text
		}
		f.addresses = append(f.addresses, own)
	case !holdsAddresses(text):
		o.unread(m.name)
	case k.other:
		f.others = append(f.others, m)
	case k.address || k.network != "":
		f.addresses = append(f.addresses, addressed{text, k.network, m.name})
	default:
		f.loose = append(f.loose, m)
	}
}

// texts puts several texts into a field.
func (row *Row) texts(name string, k keyKind, texts []string) {
	switch {
	case len(texts) == 0:
	case k.field == fPrograms:
		for _, t := range texts {
			row.Programs = addProgram(slices.Clip(row.Programs), t)
		}
	case k.field == fNote || k.field == fEntity || len(texts) > 1:
		row.remark(clip(name), strings.Join(texts, "; "))
	default:
		row.set(k.field, name, texts[0])
	}
}

// nameOf gives the text by which an object names itself.
func nameOf(v jsontext.Value) string {
	all, err := membersOf(v)
	if err != nil {
		return ""
	}
	for _, name := range []string{"name", "symbol", "ticker", "code", "title", "value", "id"} {
		for _, m := range all {
			if plain(m.name) == name && textOf(m.value) != "" {
				return textOf(m.value)
			}
		}
	}
	return ""
}

// entity reads {"id": …, "name": …, "type": …}, as in our own ndjson.
func (o *objects) entity(f *found, v jsontext.Value) {
	all, err := membersOf(v)
	if err != nil {
		f.row.fail("entity", err.Error())
		return
	}
	for _, m := range all {
		switch text := textOf(m.value); plain(m.name) {
		case "id":
			f.row.EntityID = text
		case "name":
			f.row.EntityName = text
		case "type":
			f.row.typed(text)
		default:
			if k := o.kind(m.name); !k.passed && holdsText(m.value, holdsAddresses) {
				f.inner = append(f.inner, member{m.name, arrayOf(m.value)})
			} else {
				o.unread("entity." + m.name)
			}
		}
	}
}

// typed reads "type", which names an asset or what kind of party the entity is.
func (row *Row) typed(text string) {
	if asset, ok := ofacAsset(text); ok {
		row.Asset = asset
	} else if t := entityType(text); t != "" {
		row.EntityType = t
	} else {
		row.remark("type", text)
	}
}

// programs reads "A, B".
func (row *Row) programs(text string) {
	for p := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == ',' }) {
		if p = trim(p); p != "" {
			row.Programs = append(slices.Clip(row.Programs), p)
		}
	}
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

func quoteJSON(text string) jsontext.Value {
	v, err := jsontext.AppendQuote(nil, text)
	if err != nil { // the text is no UTF-8
		return jsontext.Value(`""`)
	}
	return v
}

// arrayOf makes an array of a value that is none.
func arrayOf(v jsontext.Value) jsontext.Value {
	if v.Kind() == '[' || v.Kind() == '{' {
		return v
	}
	return slices.Concat(jsontext.Value("["), v, jsontext.Value("]"))
}

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

// elementsOf parts an array that has been read.
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

// holdsText tells whether a value is, or has in it, a text or name for which is is true.
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

// holdsObjects tells an object, or an array of at least one.
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
