package screening

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/journal"
)

// check is one request on its way.
type check struct {
	request  *Request
	answer   *Answer
	err      error
	refused  *Refused // the text is no address; it may still be a raw match
	readings []address.Address
	probes   []probe
	links    []address.Link
	maybe    []candidate
	index    map[row]int  // of the answer's matches, where there are many
	action   lists.Action // the strictest of all matches
	settled  bool         // the matches are ranked and limited
	record   []byte       // what goes into the journal
	durable  bool
}

// probe is one key under which the address may be listed.
type probe struct {
	key     address.Key
	role    address.Role
	reading int8 // index; -1: the raw text, -2: what the text would be if its case were right
}

const (
	rawReading    = -1
	foldedReading = -2
)

// resident marks what is answered from memory.
const resident = -1

// candidate is a layer that may know a probe's key.
type candidate struct {
	probe int
	stack int
	layer int
	asked int    // index in the look-up; resident: memory has said
	entry []byte // what the layer has under the key, once it is known
	store holds
}

// holds is what is known of the store's having a candidate's key. The zero value is nothing: it has not been asked, or could not be read.
type holds uint8

const (
	hasNot holds = iota + 1
	has
)

// work is the space that a check, or a batch of them, needs; it is reused.
type work struct {
	checks  []check
	asked   []lists.LayerKey
	entries []journal.Entry
	found   [][]byte
	snap    *snapshot // that the checks were answered from; nil when none was fit
}

// add takes up a request, in the space that an earlier one has left.
func (w *work) add(r *Request, a *Answer) {
	if len(w.checks) == cap(w.checks) {
		w.checks = append(w.checks, check{})
	} else {
		w.checks = w.checks[:len(w.checks)+1]
	}
	c := &w.checks[len(w.checks)-1]
	c.request, c.answer = r, a
}

var workPool = sync.Pool{New: func() any { return new(work) }}

func (w *work) release() {
	for i := range w.checks {
		c := &w.checks[i]
		clear(c.readings)
		clear(c.probes)
		*c = check{readings: c.readings[:0], probes: c.probes[:0], links: c.links[:0], maybe: c.maybe[:0], record: c.record[:0]}
	}
	clear(w.asked)
	clear(w.found)
	clear(w.entries)
	w.snap = nil
	if cap(w.checks) <= 2048 {
		workPool.Put(w)
	}
}

func (s *Screener) run(ctx context.Context, w *work) {
	now := s.now()
	snap := s.current.Load()
	var unfit error
	if snap == nil {
		unfit = s.notLoaded()
	} else {
		unfit = snap.unfit(now)
	}
	if unfit != nil {
		for i := range w.checks {
			w.checks[i].err = unfit
		}
		return
	}
	w.snap = snap
	if len(w.checks) < 2*alone {
		for i := range w.checks {
			s.probe(&w.checks[i], snap)
		}
	} else {
		w.spread(func(c *check) { s.probe(c, snap) })
	}
	w.asked = w.asked[:0]
	open := false
	for i := range w.checks {
		c := &w.checks[i]
		for k := range c.maybe {
			m := &c.maybe[k]
			open = true
			layer, key := snap.stacks[m.stack].layers[m.layer], c.probes[m.probe].key
			if r := layer.records.Load(); r != nil {
				m.asked, m.entry = resident, r.lookup(key, lists.Hash(key))
				continue
			}
			m.asked = len(w.asked)
			w.asked = append(w.asked, lists.LayerKey{Layer: layer.ID, Key: key})
		}
	}
	if open {
		s.decide(ctx, w, snap, now)
	}
	if len(w.checks) < 2*alone {
		for i := range w.checks {
			s.answer(&w.checks[i], snap, now)
		}
	} else {
		w.spread(func(c *check) { s.answer(c, snap, now) })
	}
	s.record(w, now)
}

// alone is how many checks one core works through before it is worth asking another one to help.
const alone = 64

// spread does something with every check, on all cores.
func (w *work) spread(do func(*check)) {
	parts := min(len(w.checks)/alone, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for part := range parts {
		some := w.checks[len(w.checks)*part/parts : len(w.checks)*(part+1)/parts]
		wg.Go(func() {
			for i := range some {
				do(&some[i])
			}
		})
	}
	wg.Wait()
}

// probe reads the text, and asks the filters for every key under which it may be listed.
func (s *Screener) probe(c *check, snap *snapshot) {
	r := c.request
	var err error
	if r.Asset != "" && r.Network == "" {
		// An asset alone says nothing certain about the chain: the text is read under every network.
		c.readings, err = address.Parse(c.readings[:0], r.Address, "")
	} else {
		c.readings, err = address.Parse(c.readings[:0], r.Address, r.Network)
	}
	if err != nil {
		var bad *address.Error
		if !errors.As(err, &bad) {
			c.err = err
			return
		}
		c.refused = &Refused{Cause: bad}
		if bad.Folded != nil {
			c.probes = append(c.probes, probe{bad.Folded.Key, 0, foldedReading})
		}
	}
	for i := range c.readings {
		p := &c.readings[i]
		if !slices.ContainsFunc(c.probes, func(o probe) bool { return o.key == p.Key && o.role == 0 }) {
			c.probes = append(c.probes, probe{p.Key, 0, int8(i)})
		}
		c.links = address.Links(c.links[:0], p, address.Asked)
		for _, l := range c.links {
			if !slices.ContainsFunc(c.probes, func(o probe) bool { return o.key == l.Key && o.role == l.Role }) {
				c.probes = append(c.probes, probe{l.Key, l.Role, int8(i)})
			}
		}
	}
	// A listed text that is no address is found whatever else the text looks like: OFAC lists 64 hex digits, which could be a key.
	if snap.hasRaw && len(r.Address) <= address.MaxText {
		c.probes = append(c.probes, probe{address.RawKey(r.Address), 0, rawReading})
	}
	for i := range c.probes {
		hash := lists.Hash(c.probes[i].key)
		for k, stack := range snap.stacks {
			for l, layer := range stack.layers {
				if layer.filter.MayContain(hash) {
					c.maybe = append(c.maybe, candidate{probe: i, stack: k, layer: l})
				}
			}
		}
	}
}

// decide reads what the filters left open, for all checks in one go.
func (s *Screener) decide(ctx context.Context, w *work, snap *snapshot, now time.Time) {
	var found [][]byte
	var err error
	if len(w.asked) > 0 {
		found, err = s.store.Lookup(ctx, w.asked)
	}
	for i := range w.checks {
		c := &w.checks[i]
		if len(c.maybe) == 0 || c.err != nil {
			continue
		}
		if err != nil && slices.ContainsFunc(c.maybe, func(m candidate) bool { return m.asked != resident }) {
			c.err = &Undecided{err}
			continue
		}
		for k := range c.maybe {
			if m := &c.maybe[k]; m.asked != resident {
				m.entry = found[m.asked]
			}
		}
		if err := s.resolve(w, c, snap); err != nil {
			c.err = &Undecided{err}
		} else if len(c.answer.Matches) > maxMatches {
			// It is settled at once: a batch of such checks must not hold all their matches.
			s.attribute(ctx, w.checks[i:i+1])
			c.rank(snap, now)
		}
	}
	s.attribute(ctx, w.checks)
}

// resolve turns what the store says into matches, still without their attributions.
func (s *Screener) resolve(w *work, c *check, snap *snapshot) error {
	a := c.answer
	a.Matches = a.Matches[:0]
	for i := 0; i < len(c.maybe); {
		first := c.maybe[i]
		stack := snap.stacks[first.stack]
		w.found = append(w.found[:0], make([][]byte, len(stack.layers))...)
		any := false
		for ; i < len(c.maybe) && c.maybe[i].probe == first.probe && c.maybe[i].stack == first.stack; i++ {
			entry := c.maybe[i].entry
			w.found[c.maybe[i].layer] = entry
			c.maybe[i].store = hasNot
			if entry != nil {
				c.maybe[i].store, any = has, true
			}
		}
		s.metrics.FilterPositive(any)
		if !any {
			continue
		}
		refs, err := lists.Resolve(w.found)
		if err != nil {
			return err
		}
		for _, r := range refs {
			s.match(c, stack, &c.probes[first.probe], &r)
		}
	}
	return nil
}

// match adds a listing to the answer if it and the asked address belong together.
func (s *Screener) match(c *check, stack *stack, p *probe, r *lists.StackRef) {
	var class address.Class
	var derivation string
	switch p.reading {
	case rawReading:
		if r.Variant == address.VariantRaw {
			class = address.Raw
		}
	case foldedReading:
		if r.Role == 0 && r.Variant == c.refused.Cause.Folded.Variant {
			c.refused.WouldMatch = true
		}
		return
	default:
		class, derivation = c.relate(p, r.Variant, r.Role)
	}
	if class == address.None {
		return
	}
	own := p.key
	if r.Role != 0 {
		own = r.Own
	}
	m := Match{Class: class, Listed: r.ListedText(p.key), AddedIn: r.AddedIn,
		stack: stack, layer: stack.layers[r.Layer], reading: reading{own, r.Ref, derivation}}
	if m.AddedIn == 0 {
		m.AddedIn = m.layer.Version
	}
	// One listing may be met under several keys, or in several readings of one row: it is told once, by its closest class.
	if o := c.met(&m); o == nil {
		c.answer.Matches = append(c.answer.Matches, m)
	} else if m.Class < o.Class {
		*o = m
	} else if m.Class == o.Class && (m.own != o.own || m.ref.Variant != o.ref.Variant) {
		if o.ref.Also && !m.ref.Also { // the first reading of a listing is its likeliest
			m, *o = *o, m
			o.others = m.others
		}
		o.others = append(o.others, m.reading)
	}
}

// row names a listing of a layer.
type row struct {
	stack       *stack
	layer       *layer
	attribution uint32
	locator     uint64
	text        string
}

// indexed is from how many matches on they are found again by an index.
const indexed = 32

// met returns the match of the same listing that is there already, or nil.
func (c *check) met(m *Match) *Match {
	all := c.answer.Matches
	if len(all) < indexed {
		for i := range all {
			if o := &all[i]; o.stack == m.stack && o.layer == m.layer && o.ref.Attribution == m.ref.Attribution && o.ref.Locator == m.ref.Locator && o.Listed == m.Listed {
				return o
			}
		}
		return nil
	}
	if len(all) == indexed {
		c.index = make(map[row]int, 4*indexed)
		for i := range all {
			c.index[all[i].row()] = i
		}
	}
	if i, ok := c.index[m.row()]; ok {
		return &all[i]
	}
	c.index[m.row()] = len(all)
	return nil
}

func (m *Match) row() row { return row{m.stack, m.layer, m.ref.Attribution, m.ref.Locator, m.Listed} }

// relate tells how a listing that has a probe's key belongs together with the asked address. Several readings can share one key
// (1… is an address of several networks): the closest one counts.
func (c *check) relate(p *probe, listed address.Variant, listedAs address.Role) (class address.Class, derivation string) {
	for i := range c.readings {
		if !c.isOf(p, i) {
			continue
		}
		k, d := address.Relate(p.key, c.readings[i].Variant, p.role, listed, listedAs)
		if k != address.None && (class == address.None || k < class) {
			class, derivation = k, d
		}
	}
	return class, derivation
}

// isOf tells whether a probe stands for a reading.
func (c *check) isOf(p *probe, reading int) bool {
	return c.readings[reading].Key == p.key || p.role != 0 && reading == int(p.reading)
}

// attributionBatch is how many attributions are read from the store at once.
const attributionBatch = 4096

// attribute reads the attributions of all matches that are not settled, and drops listings that have expired.
func (s *Screener) attribute(ctx context.Context, checks []check) {
	var wanted map[*layer][]uint32
	for i := range checks {
		c := &checks[i]
		if c.err != nil || c.settled || len(c.maybe) == 0 {
			continue
		}
		for k := range c.answer.Matches {
			m := &c.answer.Matches[k]
			if m.Attribution = m.layer.attribution(m.ref.Attribution); m.Attribution == nil {
				if wanted == nil {
					wanted = map[*layer][]uint32{}
				}
				wanted[m.layer] = append(wanted[m.layer], m.ref.Attribution)
			}
		}
	}
	read := map[*layer]map[uint32]*lists.Attribution{}
	failed := map[*layer]error{}
	for l, numbers := range wanted {
		slices.Sort(numbers)
		numbers = slices.Compact(numbers)
		read[l] = make(map[uint32]*lists.Attribution, len(numbers))
		for some := range slices.Chunk(numbers, attributionBatch) {
			if failed[l] = s.readAttributions(ctx, l, some, read[l]); failed[l] != nil {
				break
			}
		}
	}
	today := s.now().UTC().Format(time.DateOnly)
	for i := range checks {
		c := &checks[i]
		if c.err != nil || c.settled || len(c.maybe) == 0 {
			continue
		}
		kept := c.answer.Matches[:0]
		for _, m := range c.answer.Matches {
			a := m.Attribution
			if a == nil {
				a = read[m.layer][m.ref.Attribution]
			}
			if a == nil {
				c.err = &Undecided{failed[m.layer]}
				break
			}
			if a.ValidUntil != "" && a.ValidUntil < today {
				continue
			}
			m.Attribution, m.Locator = a, m.ref.FullLocator(a)
			kept = append(kept, m)
		}
		c.answer.Matches = kept
	}
}

func (s *Screener) readAttributions(ctx context.Context, l *layer, numbers []uint32, into map[uint32]*lists.Attribution) error {
	records, err := s.store.Attributions(ctx, l.ID, numbers)
	if err != nil {
		return err
	}
	for i, b := range records {
		a, err := lists.DecodeAttribution(b)
		if err != nil {
			return err
		}
		into[numbers[i]] = a
		l.remember(numbers[i], a)
	}
	return nil
}

// networkOf names the network of a listing whose label names none: the one that was asked for, where the listing is of the same identity,
// else the most common one with this form.
func (c *check) networkOf(m *Match) string {
	for i := range c.readings {
		if c.readings[i].Variant == m.ref.Variant && c.readings[i].Key == m.own {
			return c.readings[i].Network
		}
	}
	network, _, _ := address.Render(m.own, m.ref.Variant)
	return network
}

// newID makes a UUID of version 7 (RFC 9562): milliseconds, then 74 random bits. The library's own asks the clock and a lock again.
func newID(now time.Time) (id [16]byte) {
	rand.Read(id[6:])
	ms := uint64(now.UnixMilli())
	binary.BigEndian.PutUint32(id[:], uint32(ms>>16))
	binary.BigEndian.PutUint16(id[4:], uint16(ms))
	id[6] = 0x70 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// answer encodes what the caller is told and what the journal keeps of it.
func (s *Screener) answer(c *check, snap *snapshot, now time.Time) {
	if c.err == nil {
		s.settle(c, snap, now)
	}
	c.record = c.appendRecord(c.record[:0])
}

// settle fills in the answer, or settles on the refusal.
func (s *Screener) settle(c *check, snap *snapshot, now time.Time) {
	a, r := c.answer, c.request
	if len(c.maybe) == 0 {
		a.Matches = a.Matches[:0]
	}
	if !c.settled {
		c.rank(snap, now)
	}
	if c.refused != nil && len(a.Matches) == 0 {
		c.err = c.refused
		return
	}
	a.CheckID = newID(now)
	a.CheckedAt, a.snapshot, a.Input, a.Direction = now, snap, r.Address, r.Direction
	a.Networks = a.Networks[:0]
	if c.refused != nil { // a raw match
		text := strings.Trim(r.Address, " \t\r\n")
		a.Network, a.Canonical, a.Key, a.Variant, a.Attributes, a.Notices = r.Network, text, address.RawKey(text), address.VariantRaw, nil, nil
	} else {
		p := &c.readings[0]
		a.Network, a.Canonical, a.Key, a.Variant, a.Attributes, a.Notices = p.Network, p.Canonical, p.Key, p.Variant, p.Attributes, p.Notices
		if len(c.readings) > 1 {
			for i := range c.readings {
				a.Networks = append(a.Networks, c.readings[i].Network)
			}
		}
	}
	if len(a.Matches) == 0 {
		if c.err = snap.behind.refuses(snap.generation.Number, now); c.err != nil {
			return
		}
	}
	a.Result, a.Action = Miss, ""
	if r.Direction != "" {
		a.Action = lists.Allow
	}
	c.durable = len(a.Matches)+len(a.Suppressed) > 0
	if len(a.Matches) > 0 {
		a.Result = Hit
		if r.Direction != "" {
			a.Action = c.action
		}
	}
	a.JSON = a.appendJSON(a.JSON[:0])
}

// maxMatches is how many listings an answer tells in full; it counts the others.
const maxMatches = 100

// rank sets suppressed matches aside, orders the others, the strictest first, and limits both. The action is that of all of them.
func (c *check) rank(snap *snapshot, now time.Time) {
	if c.settled = true; c.err != nil {
		return
	}
	a := c.answer
	a.Suppressed = a.Suppressed[:0]
	if snap.suppressions {
		a.setAside(now)
	}
	c.action = lists.Allow
	for i := range a.Matches {
		m := &a.Matches[i]
		m.action = m.demands(c.request.Direction)
		c.action = lists.Stricter(c.action, m.action)
	}
	if snap.lost != nil {
		a.Matches, a.Suppressed = merged(a.Matches), merged(a.Suppressed)
	}
	slices.SortStableFunc(a.Matches, func(x, y Match) int {
		return cmp.Or(y.action.Severity()-x.action.Severity(), int(x.Class)-int(y.Class))
	})
	a.MatchesTotal, a.SuppressedTotal = len(a.Matches), len(a.Suppressed)
	a.Matches, a.Suppressed = limited(a.Matches), limited(a.Suppressed)
	for _, told := range [][]Match{a.Matches, a.Suppressed} {
		for i := range told {
			m := &told[i]
			if m.Network = m.Attribution.Network; m.Network == "" {
				m.Network = c.networkOf(m)
			}
		}
	}
	c.index = nil
}

// demands is the action that the policy demands; without a direction the stricter one of both.
func (m *Match) demands(d lists.Direction) lists.Action {
	policy := func(d lists.Direction) lists.Action {
		return m.stack.active.List.Policy.Action(m.category(), m.confidence(), m.Class.String(), d)
	}
	if d == "" {
		return lists.Stricter(policy(lists.Deposit), policy(lists.Withdrawal))
	}
	return policy(d)
}

// limited returns the first matches of many, without the memory of the others.
func limited(matches []Match) []Match {
	if len(matches) <= maxMatches {
		return matches
	}
	return slices.Clone(matches[:maxMatches])
}

// setAside separates the matches that suppressions in force cover from those that decide. A suppression is about the listing, by the
// listed address's own key: other listings that the asked address meets are not touched. A listing that is met in several readings is
// set aside only if each of them is covered.
func (a *Answer) setAside(now time.Time) {
	kept := a.Matches[:0]
	for _, m := range a.Matches {
		m.Suppression = m.stack.suppression(&m, &m.reading, now)
		for i := range m.others {
			if m.Suppression == nil {
				break
			}
			if m.stack.suppression(&m, &m.others[i], now) == nil {
				m.Suppression, m.reading = nil, m.others[i]
			}
		}
		if m.Suppression != nil {
			a.Suppressed = append(a.Suppressed, m)
		} else {
			kept = append(kept, m)
		}
	}
	a.Matches = kept
}

// record writes one journal record for every check, decided or refused, before anybody is told.
func (s *Screener) record(w *work, now time.Time) {
	w.entries = w.entries[:0]
	durable := false
	for i := range w.checks {
		c := &w.checks[i]
		if len(c.record) > journal.MaxPayloadBytes { // no other check of the batch must suffer from it
			c.err = fault.E(fault.Internal, "the decision takes %d bytes, more than one record of the journal can hold", len(c.record))
			c.record = c.appendRecord(c.record[:0])
		}
		w.entries = append(w.entries, journal.Entry{Kind: journal.Check, Time: now, Payload: c.record})
		durable = durable || c.durable
	}
	err := s.journal.AppendBatch(w.entries, durable)
	for i := range w.checks {
		c := &w.checks[i]
		switch {
		case err != nil:
			c.err = fault.E(fault.Unavailable, "the decision could not be recorded, so it is not given: %w", err)
		case c.err == nil:
			s.metrics.Checked(c.answer.Result)
		case c.err == error(c.refused):
			s.metrics.Refused(string(c.refused.Cause.Reason))
		}
	}
}

// label is a network or asset as the journal keeps it: a long one that is none may be a key, pasted into the wrong field.
func label(s string) string {
	if len(s) <= 20 || address.KnownAsset(s) {
		return s
	}
	return "…"
}

// maxEcho is how much of a refused text is kept.
const maxEcho = 64

// appendRecord encodes what was asked and what is told: the answer's own bytes, or the refusal.
func (c *check) appendRecord(b []byte) []byte {
	r := c.request
	b = append(b, `{"by":`...)
	b = appendString(b, r.By)
	for _, m := range [...]struct{ name, value string }{{"network", label(r.Network)}, {"asset", label(r.Asset)},
		{"reference", r.Reference}, {"customer", r.Customer}} {
		if m.value != "" {
			b = appendMember(b, m.name, m.value)
		}
	}
	if c.err == nil {
		b = append(b, `,"answer":`...)
		b = append(b, c.answer.JSON...)
		return append(b, '}')
	}
	b = appendMember(b, "direction", string(r.Direction))
	b = appendMember(b, "refused", fault.KindOf(c.err).String())
	if c.refused != nil && c.err == error(c.refused) {
		b = appendMember(b, "reason", string(c.refused.Cause.Reason))
		if c.refused.WouldMatch {
			b = append(b, `,"would_match":true`...)
		}
	}
	if !c.isSecret() {
		b = appendMember(b, "input", echo(r.Address))
	}
	return append(b, '}')
}

// isSecret tells whether the text of a check that has no answer looks like a private key or a seed, whatever else kept it from an answer:
// the store, a network that is not known, or a dress that is refused for another reason ("p2wpkh:L53…", "key=…", an xprv with a path).
func (c *check) isSecret() bool {
	if len(c.readings) > 0 {
		return false
	}
	if c.refused != nil && c.refused.Cause.Reason == address.SecretMaterial {
		return true
	}
	return c.refused == nil && address.LooksSecret(c.request.Address) || address.ContainsSecret(c.request.Address)
}

// echo is what is kept of a text that is no address.
func echo(text string) string { return text[:min(len(text), maxEcho)] }
