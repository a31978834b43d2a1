package formats

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"interdict/lists/fault"
)

// FollowTheMoney entities as JSON lines (entities.ftm.json, targets.nested.json) and deltas of them, as published by OpenSanctions
// (followthemoney.tech/explorer/schemata/CryptoWallet; opensanctions.org/docs/bulk/delta). A wallet refers to its holder by id, a
// Sanction refers to its wallet or holder. They come in any order, so the file is read up to three times:
//
//  1. collect the ids that wallets need ── a filter of fixed size
//  2. keep the holders and Sanctions with these ids ── bounded
//  3. yield the wallets, joined, in the order of the file
//
// In a delta every DEL is a removed row, because it has only an id. A MOD removes the entity and yields its new state. A delta does not
// contain the holders and Sanctions that did not change, so all orders are known only for an entity that the delta adds.
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

type jsonKeys [][]byte

func (m jsonKeys) hasAll(line []byte) bool {
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
	ftmEntity = jsonKeys{[]byte(`"id"`), []byte(`"schema"`), []byte(`"properties"`)}
	ftmDelta  = jsonKeys{[]byte(`"op"`), []byte(`"entity"`)}
)

// ftmObject holds the members of an entity that are read. The values of properties are strings, or entities in nested files.
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

// strings returns the texts of a property.
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

// first returns the first text of a property, or "".
func (o *ftmObject) first(property string) string {
	if all := o.strings(property); len(all) > 0 {
		return all[0]
	}
	return ""
}

// nested returns the entities in a property.
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

// ids returns the ids of the entities that a property refers to.
func (o *ftmObject) ids(property string) []string {
	all := o.strings(property)
	for _, n := range o.nested(property) {
		all = append(all, n.ID)
	}
	return all
}

// ftmSubject is a wallet or holder: its name, and what Sanction entities say about it.
type ftmSubject struct {
	name, kind      string
	programs        []string
	listedOn, until string
	url             string
	count, ending   int  // number of Sanctions, and of those with an end
	sanctioned      bool // it has the topic "sanction"
	complete        bool // the file has the entity and all of its Sanctions
}

type ftm struct {
	*run
	in             *input
	needed         *idFilter
	about          map[string]*ftmSubject
	size           int
	delta          bool
	missingHolders int // wallets whose holder is not in the delta
	otherEntities  int // entities in the delta that are not wallets
}

func readFTM(r *run) error {
	f := &ftm{run: r, in: r.input(), needed: newIDFilter(), about: map[string]*ftmSubject{}}
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
	if f.delta && f.missingHolders+f.otherEntities > 0 {
		r.warn("delta_edges", "%s: names and programmes of %d wallets are in entities that are not in this delta, and %d entities of other kinds changed; load the whole file regularly", f.in.name, f.missingHolders, f.otherEntities)
	}
	return nil
}

// lines calls fn for each entity. op is "" unless the file is a delta. With check, a truncated last line is an error.
func (f *ftm) lines(check bool, fn func(op string, entity []byte, n int64) error) error {
	return f.in.eachLine(func(l *lineReader, line []byte) error {
		line = bytes.Trim(line, " \t")
		if len(line) == 0 {
			return nil
		}
		if check && !jsontext.Value(line).IsValid() {
			if l.unterminated {
				return f.in.invalid(l.place(), "ends in the middle: the file is truncated; fetch it again")
			}
			return nil // rows reports it
		}
		op := ""
		if ftmDelta.hasAll(line) {
			var d ftmLine
			if json.Unmarshal(line, &d) == nil && d.Op != "" && d.Entity != nil {
				op, line = d.Op, *d.Entity
			}
		}
		return fn(op, line, l.n)
	})
}

// collect keeps the holders and Sanctions that a wallet needs.
func (f *ftm) collect(op string, line []byte, _ int64) error {
	o, ok := ftmObjectOf(line)
	if op == "DEL" || !ok { // rows reports lines that cannot be read
		return nil
	}
	if o.Schema == "Sanction" {
		for _, id := range o.ids("entity") {
			if f.delta {
				if err := f.addOrder(id, dateOfTimestamp(o.first("endDate"))); err != nil {
					return err
				}
			}
			if f.needed.has(id) {
				a := f.subject(id)
				a.add(o)
				if err := f.count(len(id) + 100*len(a.programs)); err != nil {
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
	a.complete = !f.delta || op == "ADD"
	return f.count(len(o.ID) + len(a.name))
}

// addOrder adds an order to Info.Orders.
func (f *ftm) addOrder(id, end string) error {
	if f.info.Orders == nil {
		f.info.Orders = map[string]string{}
	}
	if until, ok := f.info.Orders[id]; !ok || until != "" && (end == "" || end > until) {
		f.info.Orders[id] = end
	}
	return f.count(len(id))
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

func (f *ftm) count(n int) error {
	if f.size += 300 + n; f.size > maxJoined {
		return fault.E(fault.Invalid, "%s: too many holders and Sanctions to join (%d so far); split the file", f.in.name, len(f.about))
	}
	return nil
}

// add adds a Sanction.
func (a *ftmSubject) add(o *ftmObject) {
	programs := o.strings("programId")
	if len(programs) == 0 {
		programs = o.strings("program")
	}
	for _, p := range programs {
		a.programs = addProgram(a.programs, truncate(p, maxQuoted))
	}
	date := dateOfTimestamp(o.first("listingDate"))
	if date == "" {
		date = dateOfTimestamp(o.first("startDate"))
	}
	if date != "" && (a.listedOn == "" || date < a.listedOn) {
		a.listedOn = date
	}
	a.count++
	if end := dateOfTimestamp(o.first("endDate")); end != "" {
		a.ending++
		a.until = max(a.until, end)
	}
	if url := o.first("sourceUrl"); a.url == "" && isWebURL(url) && len(url) < 1000 {
		a.url = url
	}
}

// describe sets the name and type of a holder.
func (a *ftmSubject) describe(o *ftmObject) {
	a.name = truncate(cmp.Or(o.Caption, o.first("name")), 1000)
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

// rows yields the wallets, and a row with a problem for each line that cannot be read.
func (f *ftm) rows(op string, line []byte, n int64) error {
	if !f.delta && !bytes.Contains(line, cryptoWallet) && jsontext.Value(line).IsValid() {
		return nil
	}
	row := Row{Locator: lineAt(n)}
	var o ftmObject
	if err := json.Unmarshal(line, &o); err != nil {
		row.setProblem("line", "not an entity: "+jsonProblem(err))
		return f.emit(row)
	}
	if f.delta {
		switch op {
		case "ADD":
		case "MOD", "DEL":
			if o.ID == "" {
				row.setProblem("id", "missing")
				return f.emit(row)
			}
			if err := f.emit(Row{Removed: true, EntityID: o.ID, Locator: "entity " + o.ID}); err != nil || op == "DEL" {
				return err
			}
		default:
			row.setProblem("op", fmt.Sprintf("%q instead of ADD, MOD or DEL", truncate(op, maxQuoted)))
			return f.emit(row)
		}
	}
	f.keepLatestDate(dateOfTimestamp(o.LastSeen))
	if o.Schema != "CryptoWallet" {
		f.otherEntities++
		return nil
	}
	row.Partial = f.delta && op != "ADD"
	return f.wallet(&o, row)
}

// wallet yields the listings of a wallet, joined with its holders and Sanctions.
func (f *ftm) wallet(o *ftmObject, row Row) error {
	if o.ID != "" {
		row.Locator = "entity " + o.ID
	}
	orders := f.join(o, &row)
	if row.EntityName == "" && (!row.Partial || len(o.ids("holder")) == 0) { // otherwise the name comes from the replaced listing
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
		row.addNote("topics", strings.Join(topics, ", "))
	}
	row.addNote("exchange", o.first("managingExchange"))
	row.addNote("notes", strings.Join(o.strings("notes"), "; "))
	row.addNote("dataset", strings.Join(o.Datasets, ", "))

	addresses := o.strings("publicKey")
	if len(addresses) == 0 {
		row.setProblem("publicKey", "missing")
		return f.emit(row)
	}
	lifted := o.Target != nil && !*o.Target && len(topics) == 0 && (orders.count == 0 || row.Partial && orders.count == orders.ending)
	for _, address := range addresses {
		one := row
		switch one.Address = address; {
		case isUserID(address):
			one.markUserID()
		case lifted:
			if !one.Partial {
				one.Address = ""
			}
			one.setProblem("topics", "none, and the wallet is no longer a target: the listing was lifted or has ended: "+truncate(address, maxQuoted))
		}
		if err := f.emitAddresses(one); err != nil {
			return err
		}
	}
	return nil
}

// ftmOrders counts the Sanctions of a wallet and its holders.
type ftmOrders struct {
	count, ending int    // all, and those with an end
	until         string // the latest end
}

func (t *ftmOrders) add(s *ftmSubject) {
	t.count, t.ending, t.until = t.count+s.count, t.ending+s.ending, max(t.until, s.until)
}

// join sets the fields of a wallet that come from its holders and Sanctions, and counts the Sanctions.
func (f *ftm) join(o *ftmObject, row *Row) ftmOrders {
	var own ftmSubject
	if a := f.about[o.ID]; a != nil {
		own = *a
	}
	for _, s := range o.nested("sanctions") {
		own.add(s)
	}
	row.EntityID, row.Asset = o.ID, o.first("currency")
	row.Programs, row.ListedOn, row.URL = slices.Clone(own.programs), own.listedOn, own.url
	var orders ftmOrders
	orders.add(&own)
	for i, id := range o.ids("holder") {
		holder := f.holder(o, id)
		if holder == nil {
			if f.delta {
				f.missingHolders++
			}
			holder = &ftmSubject{}
		}
		row.Partial = row.Partial || f.delta && !holder.complete
		orders.add(holder)
		if holder.count == 0 && holder.sanctioned { // by an order that is not in the file
			orders.count++
		}
		for _, p := range holder.programs {
			row.Programs = addProgram(row.Programs, p)
		}
		row.ListedOn, row.URL = cmp.Or(row.ListedOn, holder.listedOn), cmp.Or(row.URL, holder.url)
		if i == 0 {
			row.EntityID, row.EntityName, row.EntityType = id, holder.name, holder.kind
		} else {
			row.addNote("also held by", cmp.Or(holder.name, id))
		}
	}
	if orders.count > 0 && orders.ending == orders.count && !row.Partial { // the publisher keeps wallets whose orders have ended
		row.ValidUntil = orders.until
	}
	return orders
}

// holder returns a holder of a wallet, from the whole file or nested in the wallet, or nil.
func (f *ftm) holder(wallet *ftmObject, id string) *ftmSubject {
	if h := f.about[id]; h != nil {
		return h
	}
	var holder *ftmSubject
	for _, n := range wallet.nested("holder") {
		if n.ID != id {
			continue
		}
		if holder == nil {
			holder = &ftmSubject{}
		}
		holder.describe(n)
		for _, s := range n.nested("sanctions") {
			holder.add(s)
		}
	}
	return holder
}

// idFilter is a set of ids in fixed memory. It may report an id that was not added, and never misses one that was.
type idFilter struct {
	seed maphash.Seed
	bits []uint64
}

const idFilterBits = 1 << 26 // 8 MiB; at a million ids 1 answer in 50,000 is wrong

func newIDFilter() *idFilter {
	return &idFilter{maphash.MakeSeed(), make([]uint64, idFilterBits/64)}
}

// each calls fn for the bits of an id until fn returns false.
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
