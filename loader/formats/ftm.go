package formats

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"interdict/lists/fault"
)

// FollowTheMoney entities as JSON lines (entities.ftm.json, targets.nested.json) and deltas of them, as OpenSanctions publishes
// them (formats.md, section 3; followthemoney.tech/explorer/schemata/CryptoWallet; opensanctions.org/docs/bulk/delta).
// A wallet names its holder by id, a Sanction its wallet or holder; either may stand before or after the other, so the file is read
// up to three times:
//
//  1. which ids do wallets need? ── a filter of fixed size
//  2. what do holders and Sanctions with these ids say? ── kept, bounded
//  3. the wallets, joined, in the order of the file
//
// In a delta every DEL is a removed row, whatever the entity was: only its id is given. A MOD is its removal and its new state. A delta does
// not hold the holders and Sanctions that did not change, so only an entity that it adds is known with all of its orders.
func init() {
	register(format{
		name: "ftm", order: 50,
		detect: func(s *sample) bool {
			first, _, _ := bytes.Cut(bytes.TrimLeft(s.head, " \t\r\n"), []byte("\n"))
			return !s.xlsx && (ftmEntity.hasAll(first) || ftmDelta.hasAll(first))
		},
		read: readFTM,
	})
}

type marks [][]byte

func (m marks) hasAll(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("{")) {
		return false
	}
	for _, mark := range m {
		if !bytes.Contains(line, mark) {
			return false
		}
	}
	return true
}

var (
	ftmEntity = marks{[]byte(`"id"`), []byte(`"schema"`), []byte(`"properties"`)}
	ftmDelta  = marks{[]byte(`"op"`), []byte(`"entity"`)}
)

// ftmObject is an entity, of what is read of it. Values of properties are strings, or entities in nested files.
type ftmObject struct {
	ID         string                      `json:"id"`
	Caption    string                      `json:"caption"`
	Schema     string                      `json:"schema"`
	Properties map[string][]jsontext.Value `json:"properties"`
	Datasets   []string                    `json:"datasets"`
	LastSeen   string                      `json:"last_seen"`
	Target     *bool                       `json:"target"`
}

func ftmObjectOf(line []byte) (*ftmObject, bool) {
	var o ftmObject
	err := json.Unmarshal(line, &o)
	return &o, err == nil
}

type ftmLine struct {
	Op     string          `json:"op"`
	Entity *jsontext.Value `json:"entity"`
}

var cryptoWallet = []byte("CryptoWallet")

// strings gives the texts of a property.
func (o *ftmObject) strings(property string) []string {
	var all []string
	for _, v := range o.Properties[property] {
		var s string
		if json.Unmarshal(v, &s) == nil {
			if s = trim(s); s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

func (o *ftmObject) first(property string) string {
	if all := o.strings(property); len(all) > 0 {
		return all[0]
	}
	return ""
}

// nested gives the entities within a property.
func (o *ftmObject) nested(property string) []*ftmObject {
	var all []*ftmObject
	for _, v := range o.Properties[property] {
		var n ftmObject
		if v.Kind() == '{' && json.Unmarshal(v, &n) == nil {
			all = append(all, &n)
		}
	}
	return all
}

// ids gives the ids that a property refers to.
func (o *ftmObject) ids(property string) []string {
	all := o.strings(property)
	for _, n := range o.nested(property) {
		all = append(all, n.ID)
	}
	return all
}

// ftmSubject is what is kept of a wallet or holder: its name, and what Sanction entities say about it.
type ftmSubject struct {
	name, kind      string
	programs        []string
	listedOn, until string
	url             string
	count, ending   int  // Sanctions, and those with an end
	sanctioned      bool // its topics say so
	entire          bool // the file holds the entity and every Sanction of it
}

type ftm struct {
	*run
	in     *input
	needed *idFilter
	about  map[string]*ftmSubject
	kept   int
	delta  bool
	unmet  int // wallets of a delta whose holder is not in it
	others int // entities of a delta that are no wallets
}

func readFTM(r *run) error {
	f := &ftm{run: r, in: r.only(), needed: newIDFilter(), about: map[string]*ftmSubject{}}
	wallets, joins := 0, 0
	if err := f.lines(true, func(op string, line []byte, n int64) error {
		f.delta = f.delta || op != ""
		if !bytes.Contains(line, cryptoWallet) {
			joins++
			return nil
		}
		o, ok := ftmObjectOf(line)
		if !ok || o.Schema != "CryptoWallet" {
			joins++
			return nil
		}
		wallets++
		f.needed.add(o.ID)
		for _, id := range o.ids("holder") {
			f.needed.add(id)
		}
		return nil
	}); err != nil {
		return err
	}
	if joins > 0 && (wallets > 0 || f.delta) {
		if err := f.lines(false, f.collect); err != nil {
			return err
		}
	}
	r.info.Delta = f.delta
	if err := f.lines(false, f.rows); err != nil {
		return err
	}
	if f.delta && f.unmet+f.others > 0 {
		r.warn("delta_edges", "%s: names and programmes of %d wallets stand in entities that this delta does not hold, and %d entities of other kinds changed: load the whole file now and then", f.in.name, f.unmet, f.others)
	}
	return nil
}

// lines calls fn for each entity; op is "" outside deltas. On the first reading every line is checked.
func (f *ftm) lines(check bool, fn func(op string, entity []byte, n int64) error) error {
	rc, err := f.in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	l := newLineReader(f.in, rc)
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		line = bytes.Trim(line, " \t")
		if len(line) == 0 {
			continue
		}
		if check && !jsontext.Value(line).IsValid() {
			if l.torn {
				return f.in.invalid(l.place(), "ends in the middle: the file is truncated")
			}
			continue // rows reports it
		}
		op := ""
		if ftmDelta.hasAll(line) {
			var d ftmLine
			if json.Unmarshal(line, &d) == nil && d.Op != "" && d.Entity != nil {
				op, line = d.Op, *d.Entity
			}
		}
		if err := fn(op, line, l.n); err != nil {
			return err
		}
	}
}

// collect keeps what holders and Sanctions say that some wallet needs.
func (f *ftm) collect(op string, line []byte, _ int64) error {
	o, ok := ftmObjectOf(line)
	if op == "DEL" || !ok { // what cannot be read is reported with the rows
		return nil
	}
	if o.Schema == "Sanction" {
		for _, id := range o.ids("entity") {
			if f.delta {
				if err := f.order(id, day(o.first("endDate"))); err != nil {
					return err
				}
			}
			if f.needed.has(id) {
				a := f.subject(id)
				a.add(o)
				if err := f.keep(len(id) + 100*len(a.programs)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if o.Schema == "CryptoWallet" || !f.needed.has(o.ID) {
		return nil
	}
	a := f.subject(o.ID)
	a.describe(o)
	a.entire = !f.delta || op == "ADD"
	return f.keep(len(o.ID) + len(a.name))
}

// order notes an order of a delta.
func (f *ftm) order(id, end string) error {
	if f.info.Orders == nil {
		f.info.Orders = map[string]string{}
	}
	if until, ok := f.info.Orders[id]; !ok || until != "" && (end == "" || end > until) {
		f.info.Orders[id] = end
	}
	return f.keep(len(id))
}

func (f *ftm) subject(id string) *ftmSubject {
	a := f.about[id]
	if a == nil {
		a = &ftmSubject{}
		f.about[id] = a
	}
	return a
}

// maxJoined bounds what is kept of holders and Sanctions. All of OpenSanctions has some ten thousand wallets.
const maxJoined = 48 << 20

func (f *ftm) keep(n int) error {
	if f.kept += 300 + n; f.kept > maxJoined {
		return fault.E(fault.Invalid, "%s: the wallets have more holders and Sanctions than can be joined (%d so far); split the file", f.in.name, len(f.about))
	}
	return nil
}

// add takes what one Sanction entity says.
func (a *ftmSubject) add(o *ftmObject) {
	programs := o.strings("programId")
	if len(programs) == 0 {
		programs = o.strings("program")
	}
	for _, p := range programs {
		a.programs = addProgram(a.programs, clip(p))
	}
	date := day(o.first("listingDate"))
	if date == "" {
		date = day(o.first("startDate"))
	}
	if date != "" && (a.listedOn == "" || date < a.listedOn) {
		a.listedOn = date
	}
	a.count++
	if end := day(o.first("endDate")); end != "" {
		a.ending++
		a.until = max(a.until, end)
	}
	if url := o.first("sourceUrl"); a.url == "" && webURL(url) && len(url) < 1000 {
		a.url = url
	}
}

// describe takes the name and kind of a holder.
func (a *ftmSubject) describe(o *ftmObject) {
	a.name = bounded(cmp.Or(o.Caption, o.first("name")))
	switch o.Schema {
	case "Person":
		a.kind = "individual"
	case "Organization", "Company", "LegalEntity", "PublicBody":
		a.kind = "entity"
	case "Vessel":
		a.kind = "vessel"
	case "Airplane":
		a.kind = "aircraft"
	}
	a.sanctioned = slices.Contains(o.strings("topics"), "sanction")
}

// bounded bounds a name that is kept.
func bounded(s string) string {
	if len(s) > 1000 {
		return strings.ToValidUTF8(s[:1000], "")
	}
	return s
}

// rows yields the wallets, and what cannot be read.
func (f *ftm) rows(op string, line []byte, n int64) error {
	if !f.delta && !bytes.Contains(line, cryptoWallet) && jsontext.Value(line).IsValid() {
		return nil
	}
	row := Row{Locator: lineAt(n)}
	var o ftmObject
	if err := json.Unmarshal(line, &o); err != nil {
		row.fail("line", "is no entity: "+jsonFault(err))
		return f.emit(row)
	}
	if f.delta {
		switch op {
		case "ADD":
		case "MOD", "DEL":
			if o.ID == "" {
				row.fail("id", "is missing")
				return f.emit(row)
			}
			if err := f.emit(Row{Removed: true, EntityID: o.ID, Locator: "entity " + o.ID}); err != nil || op == "DEL" {
				return err
			}
		default:
			row.fail("op", fmt.Sprintf("%q is none of ADD, MOD, DEL", clip(op)))
			return f.emit(row)
		}
	}
	f.later(day(o.LastSeen))
	if o.Schema != "CryptoWallet" {
		f.others++
		return nil
	}
	row.Partial = f.delta && op != "ADD"
	return f.wallet(&o, row)
}

func (f *ftm) wallet(o *ftmObject, row Row) error {
	if o.ID != "" {
		row.Locator = "entity " + o.ID
	}
	var own ftmSubject
	if a := f.about[o.ID]; a != nil {
		own = *a
	}
	for _, s := range o.nested("sanctions") {
		own.add(s)
	}
	row.EntityID, row.Asset = o.ID, o.first("currency")
	row.Programs, row.ListedOn, row.URL = slices.Clone(own.programs), own.listedOn, own.url
	orders, ending, until := own.count, own.ending, own.until // on the wallet and its holders
	for i, id := range o.ids("holder") {
		holder := f.about[id]
		met := holder != nil
		if !met {
			holder = &ftmSubject{}
			for _, n := range o.nested("holder") {
				if n.ID == id {
					holder.describe(n)
					for _, s := range n.nested("sanctions") {
						holder.add(s)
					}
					met = true
				}
			}
		}
		if !met && f.delta {
			f.unmet++
		}
		row.Partial = row.Partial || f.delta && !holder.entire
		orders, ending, until = orders+holder.count, ending+holder.ending, max(until, holder.until)
		if holder.count == 0 && holder.sanctioned { // by an order that is not in the file
			orders++
		}
		for _, p := range holder.programs {
			row.Programs = addProgram(row.Programs, p)
		}
		row.ListedOn, row.URL = cmp.Or(row.ListedOn, holder.listedOn), cmp.Or(row.URL, holder.url)
		if i == 0 {
			row.EntityID, row.EntityName, row.EntityType = id, holder.name, holder.kind
		} else {
			row.remark("also held by", cmp.Or(holder.name, id))
		}
	}
	if orders > 0 && ending == orders && !row.Partial { // an order that has ended leaves its wallet in the file
		row.ValidUntil = until
	}
	if row.EntityName == "" {
		row.EntityName = o.first("alias") // the family of ransomware
	}
	row.URL = cmp.Or(row.URL, openSanctionsURL(o.ID))
	topics := o.strings("topics")
	switch {
	case slices.Contains(topics, "sanction"):
		row.Category = "sanctions"
	case slices.Contains(topics, "crime.terror"):
		row.Category = "terrorist_financing"
	default:
		row.remark("topics", strings.Join(topics, ", "))
	}
	row.remark("exchange", o.first("managingExchange"))
	row.remark("notes", strings.Join(o.strings("notes"), "; "))
	row.remark("dataset", strings.Join(o.Datasets, ", "))

	addresses := o.strings("publicKey")
	if len(addresses) == 0 {
		row.fail("publicKey", "is missing")
		return f.emit(row)
	}
	lifted := o.Target != nil && !*o.Target && len(topics) == 0 && (orders == 0 || row.Partial && orders == ending)
	for _, address := range addresses {
		one := row
		switch one.Address = address; {
		case userID(address):
			one.notWallet()
		case lifted:
			if !one.Partial {
				one.Address = ""
			}
			one.fail("topics", "none, and the wallet is no target any more: the listing was lifted or has ended: "+clip(address))
		}
		if err := f.emitAddresses(one); err != nil {
			return err
		}
	}
	return nil
}

// idFilter remembers ids approximately, in fixed memory: it may say that an id was added that was not, never the reverse.
type idFilter struct {
	seed maphash.Seed
	bits []uint64
}

const idFilterBits = 1 << 26 // 8 MiB; 1 in 50,000 is wrong at a million ids

func newIDFilter() *idFilter {
	return &idFilter{maphash.MakeSeed(), make([]uint64, idFilterBits/64)}
}

// each calls fn with the words and bits of an id, as long as it says true.
func (f *idFilter) each(id string, fn func(word *uint64, bit uint64) bool) bool {
	h := maphash.String(f.seed, id)
	step := h>>32 | 1
	for range 4 {
		i := h % idFilterBits
		if !fn(&f.bits[i/64], 1<<(i%64)) {
			return false
		}
		h += step
	}
	return true
}

func (f *idFilter) add(id string) {
	f.each(id, func(word *uint64, bit uint64) bool { *word |= bit; return true })
}

func (f *idFilter) has(id string) bool {
	return f.each(id, func(word *uint64, bit uint64) bool { return *word&bit != 0 })
}
