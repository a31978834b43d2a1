// Package screening answers one question: is this address listed, on whose word, since when, where is the proof.
//
//	text ── address.Parse (no address: an error, never a miss) ── one snapshot (none, or too old: an error)
//	  └─ each layer's filter; all say no ── miss
//	      └─ some say maybe ── the store, that same generation (not readable: an error) ── policy ── hit or miss
//	          └─ the answer, encoded ── the journal ── the caller
//
// A snapshot is one generation: its lists' settings and its layers' filters behind one atomic pointer. Refresh
// builds the next one aside and swaps the pointer; a check takes the pointer once and keeps to it.
package screening

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/journal"
)

// Result of a check. The zero value is Unknown: it clears nobody.
type Result uint8

const (
	Unknown Result = iota
	Miss
	Hit
)

func (r Result) String() string { return [...]string{"unknown", "miss", "hit"}[r] }

// Request is one question. Direction "" is a look-up without a transfer.
type Request struct {
	Address, Network, Asset string
	Direction               lists.Direction
	Reference, Customer     string // for the journal only
	By                      string // who asks: the id of a key
}

// Answer is what the caller is told. JSON is its encoded form, the very bytes that are in the journal.
type Answer struct {
	CheckID    [16]byte // UUID version 7
	Result     Result
	Action     lists.Action
	Direction  lists.Direction
	Input      string
	Network    string
	Networks   []string // every reading, where there are several
	Canonical  string
	Key        address.Key
	Variant    address.Variant
	Attributes []address.Attribute
	Notices    []string
	Matches    []Match // strictest class first
	CheckedAt  time.Time
	JSON       []byte

	snapshot *snapshot
}

// Match is one listing that the asked address meets.
type Match struct {
	Class       address.Class
	Derivation  string
	Listed      string // the address as published
	Network     string
	Attribution *lists.Attribution
	Locator     string
	AddedIn     int

	stack *stack
	layer *layer
	own   address.Key
	ref   lists.Ref
}

// Refused is the error for a text that is no address. It wraps the *address.Error.
type Refused struct {
	Cause *address.Error
	// WouldMatch tells that only the letter case is wrong and the bytes are listed.
	WouldMatch bool
}

func (r *Refused) Error() string { return r.Cause.Error() }
func (r *Refused) Unwrap() error { return r.Cause }

// Undecided is the error when a filter says "maybe listed" and the record cannot be read: the caller must hold the transfer.
type Undecided struct{ cause error }

func (u *Undecided) Error() string {
	return "possibly listed, but the record cannot be read: " + u.cause.Error()
}
func (u *Undecided) Unwrap() error         { return u.cause }
func (u *Undecided) FaultKind() fault.Kind { return fault.Unavailable }

// Journal keeps every decision before it is told; a *journal.Journal.
type Journal interface {
	// AppendBatch returns when the records survive the death of the process, and if durable when they survive that of the machine.
	AppendBatch(entries []journal.Entry, durable bool) error
}

// Screener answers checks from the store's current generation.
type Screener struct {
	store   lists.Store
	journal Journal
	log     *slog.Logger
	now     func() time.Time
	metrics Metrics

	current    atomic.Pointer[snapshot]
	refreshing sync.Mutex

	noteMu      sync.Mutex
	refreshedAt time.Time
	refreshErr  error
}

// Metrics is what the screener counts. Every method is called on the hot path.
type Metrics interface {
	Checked(r Result)
	Refused(reason string)
	FilterPositive(found bool)
}

// New makes a screener that has nothing to answer from until Refresh has succeeded.
func New(store lists.Store, journal Journal, metrics Metrics, log *slog.Logger, now func() time.Time) *Screener {
	return &Screener{store: store, journal: journal, metrics: metrics, log: log, now: now}
}

func (s *Screener) noteRefresh(err error) {
	s.noteMu.Lock()
	defer s.noteMu.Unlock()
	s.refreshErr = err
	if err == nil {
		s.refreshedAt = s.now()
	}
}

func (s *Screener) notLoaded() error {
	s.noteMu.Lock()
	defer s.noteMu.Unlock()
	if s.refreshErr != nil && !fault.Is(s.refreshErr, fault.NotLoaded) {
		return fault.E(fault.NotLoaded, "no generation could be loaded yet: %w", s.refreshErr)
	}
	return fault.E(fault.NotLoaded, "nothing has been activated yet")
}

// Check answers one request into a, whose buffers are reused. On an error a says nothing.
// Errors: *Refused, *Undecided, fault.UnsupportedNetwork, fault.NotLoaded, fault.Stale, fault.Unavailable (the journal).
func (s *Screener) Check(ctx context.Context, r *Request, a *Answer) error {
	w := workPool.Get().(*work)
	defer w.release()
	w.checks = w.checks[:0]
	w.add(r, a)
	s.run(ctx, w)
	return w.checks[0].err
}

// CheckAll answers many requests; element i of answers and errs is for requests[i]. A request whose element of errs is not
// nil is passed over. All answers come from one generation.
func (s *Screener) CheckAll(ctx context.Context, requests []Request, answers []Answer, errs []error) {
	w := workPool.Get().(*work)
	defer w.release()
	w.checks = w.checks[:0]
	for i := range requests {
		if errs[i] == nil {
			w.add(&requests[i], &answers[i])
		}
	}
	s.run(ctx, w)
	done := 0
	for i := range errs {
		if errs[i] == nil {
			errs[i] = w.checks[done].err
			done++
		}
	}
}

// check is one request on its way.
type check struct {
	request  *Request
	answer   *Answer
	err      error
	refused  *Refused // the text is no address; it may still be a raw match
	readings []address.Address
	probes   []probe
	maybe    []candidate
	durable  bool
	// recordEnd is where the check's record ends in the buffer of all records.
	recordEnd int
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

// candidate is a layer that may know a probe's key.
type candidate struct {
	probe int
	stack int
	layer int
	asked int // index in the look-up
}

// work is the space that a check, or a batch of them, needs; it is reused.
type work struct {
	checks  []check
	links   []address.Link
	asked   []lists.LayerKey
	entries []journal.Entry
	buf     []byte
	found   [][]byte
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
		*c = check{readings: c.readings[:0], probes: c.probes[:0], maybe: c.maybe[:0]}
	}
	clear(w.asked)
	clear(w.found)
	clear(w.entries)
	if cap(w.checks) <= 2048 && cap(w.buf) <= 1<<20 {
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
		unfit = snap.stale(now)
	}
	if unfit != nil {
		for i := range w.checks {
			w.checks[i].err = unfit
		}
		return
	}
	w.asked = w.asked[:0]
	for i := range w.checks {
		s.probe(w, &w.checks[i], snap)
	}
	if len(w.asked) > 0 {
		s.decide(ctx, w, snap)
	}
	for i := range w.checks {
		c := &w.checks[i]
		if c.err == nil {
			s.answer(c, snap, now)
		}
	}
	s.record(w, now)
}

// probe reads the text, and asks the filters for every key under which it may be listed.
func (s *Screener) probe(w *work, c *check, snap *snapshot) {
	r := c.request
	var err error
	if r.Asset != "" && r.Network == "" {
		// An asset alone says nothing certain about the chain: the text is read under every network.
		c.readings, err = address.Parse(c.readings[:0], r.Address, "")
	} else {
		c.readings, err = address.Parse(c.readings[:0], r.Address, r.Network)
	}
	if err != nil {
		bad, ok := err.(*address.Error)
		if !ok {
			c.err = err
			return
		}
		c.refused = &Refused{Cause: bad}
		if bad.Reason == address.SecretMaterial {
			return
		}
		if bad.Folded != nil {
			c.probes = append(c.probes, probe{bad.Folded.Key, 0, foldedReading})
		}
	}
	for i := range c.readings {
		p := &c.readings[i]
		if !slices.ContainsFunc(c.probes, func(o probe) bool { return o.key == p.Key && o.role == 0 }) {
			c.probes = append(c.probes, probe{p.Key, 0, int8(i)})
		}
		w.links = address.Links(w.links[:0], p, address.Asked)
		for _, l := range w.links {
			if !slices.ContainsFunc(c.probes, func(o probe) bool { return o.key == l.Key && o.role == l.Role }) {
				c.probes = append(c.probes, probe{l.Key, l.Role, int8(i)})
			}
		}
	}
	if snap.hasRaw && len(r.Address) <= address.MaxText {
		c.probes = append(c.probes, probe{address.RawKey(r.Address), 0, rawReading})
	}
	for i := range c.probes {
		hash := lists.Hash(c.probes[i].key)
		for k, stack := range snap.stacks {
			for l, layer := range stack.layers {
				if layer.filter.MayContain(hash) {
					c.maybe = append(c.maybe, candidate{i, k, l, len(w.asked)})
					w.asked = append(w.asked, lists.LayerKey{Layer: layer.ID, Key: c.probes[i].key})
				}
			}
		}
	}
}

// decide reads what the filters left open, for all checks in one go.
func (s *Screener) decide(ctx context.Context, w *work, snap *snapshot) {
	found, err := s.store.Lookup(ctx, w.asked)
	for i := range w.checks {
		c := &w.checks[i]
		if len(c.maybe) == 0 || c.err != nil {
			continue
		}
		if err != nil {
			c.err = &Undecided{err}
			continue
		}
		if err := s.resolve(w, c, snap, found); err != nil {
			c.err = &Undecided{err}
		}
	}
	if err == nil {
		s.attribute(ctx, w)
	}
}

// resolve turns what the store says into matches, still without their attributions.
func (s *Screener) resolve(w *work, c *check, snap *snapshot, found [][]byte) error {
	a := c.answer
	a.Matches = a.Matches[:0]
	for i := 0; i < len(c.maybe); {
		first := c.maybe[i]
		stack := snap.stacks[first.stack]
		w.found = append(w.found[:0], make([][]byte, len(stack.layers))...)
		any := false
		for ; i < len(c.maybe) && c.maybe[i].probe == first.probe && c.maybe[i].stack == first.stack; i++ {
			w.found[c.maybe[i].layer] = found[c.maybe[i].asked]
			any = any || found[c.maybe[i].asked] != nil
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
func (s *Screener) match(c *check, stack *stack, p *probe, r *lists.Stored) {
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
		// Several readings can share one key (1… is an address of several networks): the closest one counts.
		for i := range c.readings {
			if c.readings[i].Key != p.key && (p.role == 0 || i != int(p.reading)) {
				continue
			}
			k, d := address.Relate(p.key, c.readings[i].Variant, p.role, r.Variant, r.Role)
			if k != address.None && (class == address.None || k < class) {
				class, derivation = k, d
			}
		}
	}
	if class == address.None {
		return
	}
	own := p.key
	if r.Role != 0 {
		own = r.Own
	}
	m := Match{Class: class, Derivation: derivation, Listed: r.ListedText(p.key), AddedIn: r.AddedIn,
		stack: stack, layer: stack.layers[r.Layer], own: own, ref: r.Ref}
	if m.AddedIn == 0 {
		m.AddedIn = m.layer.Version
	}
	// One listing may be met under several keys, or in several readings of one row: it is told once, by its closest class.
	for i := range c.answer.Matches {
		o := &c.answer.Matches[i]
		if o.layer == m.layer && o.ref.Attribution == r.Attribution && o.ref.Locator == r.Locator && o.Listed == m.Listed {
			if m.Class < o.Class {
				*o = m
			}
			return
		}
	}
	c.answer.Matches = append(c.answer.Matches, m)
}

// attribute reads the attributions of all matches, one read for each layer, and drops listings that have expired.
func (s *Screener) attribute(ctx context.Context, w *work) {
	wanted := map[*layer][]uint32{}
	for i := range w.checks {
		if w.checks[i].err != nil || len(w.checks[i].maybe) == 0 {
			continue
		}
		for _, m := range w.checks[i].answer.Matches {
			if m.layer.attribution(m.ref.Attribution) == nil {
				wanted[m.layer] = append(wanted[m.layer], m.ref.Attribution)
			}
		}
	}
	read := map[*layer]map[uint32]*lists.Attribution{}
	failed := map[*layer]error{}
	for l, numbers := range wanted {
		slices.Sort(numbers)
		numbers = slices.Compact(numbers)
		records, err := s.store.Attributions(ctx, l.ID, numbers)
		if err != nil {
			failed[l] = err
			continue
		}
		read[l] = map[uint32]*lists.Attribution{}
		for i, b := range records {
			a, err := lists.DecodeAttribution(b)
			if err != nil {
				failed[l] = err
				break
			}
			read[l][numbers[i]] = a
			l.remember(numbers[i], a)
		}
	}
	today := s.now().UTC().Format(time.DateOnly)
	for i := range w.checks {
		c := &w.checks[i]
		if c.err != nil || len(c.maybe) == 0 {
			continue
		}
		kept := c.answer.Matches[:0]
		for _, m := range c.answer.Matches {
			a := read[m.layer][m.ref.Attribution]
			if a == nil {
				a = m.layer.attribution(m.ref.Attribution)
			}
			if a == nil {
				err := failed[m.layer]
				if err == nil {
					err = errors.New("the attribution was pushed out of memory while it was needed")
				}
				c.err = &Undecided{err}
				break
			}
			if a.ValidUntil != "" && a.ValidUntil < today {
				continue
			}
			m.Attribution, m.Locator, m.Network = a, m.ref.At(a), a.Network
			if m.Network == "" {
				m.Network, _, _ = address.Render(m.own, m.ref.Variant)
			}
			kept = append(kept, m)
		}
		c.answer.Matches = kept
	}
}

// answer fills in and encodes what the caller is told, or settles on the refusal.
func (s *Screener) answer(c *check, snap *snapshot, now time.Time) {
	a, r := c.answer, c.request
	if len(c.maybe) == 0 {
		a.Matches = a.Matches[:0]
	}
	if c.refused != nil && len(a.Matches) == 0 {
		c.err = c.refused
		return
	}
	id, err := uuid.NewV7()
	if err != nil {
		c.err = fault.E(fault.Unavailable, "make a check id: %w", err)
		return
	}
	a.CheckID, a.CheckedAt, a.snapshot, a.Input, a.Direction = id, now, snap, r.Address, r.Direction
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
	a.Result, a.Action = Miss, ""
	if r.Direction != "" {
		a.Action = lists.Allow
	}
	if len(a.Matches) > 0 {
		a.Result, c.durable = Hit, true
		slices.SortStableFunc(a.Matches, func(x, y Match) int { return int(x.Class) - int(y.Class) })
		for i := range a.Matches {
			m := &a.Matches[i]
			if r.Direction != "" {
				a.Action = lists.Stricter(a.Action, m.stack.active.List.Policy.Action(
					m.Attribution.Category, m.Attribution.Confidence, m.Class.String(), r.Direction))
			}
		}
	}
	a.JSON = a.appendJSON(a.JSON[:0])
}

// record writes one journal record for every check, decided or refused, before anybody is told.
func (s *Screener) record(w *work, now time.Time) {
	w.buf = w.buf[:0]
	durable := false
	for i := range w.checks {
		c := &w.checks[i]
		w.buf = c.appendRecord(w.buf)
		c.recordEnd = len(w.buf)
		durable = durable || c.durable
	}
	w.entries = w.entries[:0]
	start := 0
	for i := range w.checks {
		end := w.checks[i].recordEnd
		w.entries = append(w.entries, journal.Entry{Kind: journal.Check, Time: now, Payload: w.buf[start:end]})
		start = end
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

// maxEcho is how much of a refused text is kept.
const maxEcho = 64

// appendRecord encodes what was asked and what is told: the answer's own bytes, or the refusal.
func (c *check) appendRecord(b []byte) []byte {
	r := c.request
	b = append(b, `{"by":`...)
	b = appendString(b, r.By)
	for _, m := range [...]struct{ name, value string }{{"network", r.Network}, {"asset", r.Asset},
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
	secret := false
	if c.refused != nil && c.err == error(c.refused) {
		b = appendMember(b, "reason", string(c.refused.Cause.Reason))
		secret = c.refused.Cause.Reason == address.SecretMaterial
		if c.refused.WouldMatch {
			b = append(b, `,"would_match":true`...)
		}
	}
	if !secret {
		b = appendMember(b, "input", r.Address[:min(len(r.Address), maxEcho)])
	}
	return append(b, '}')
}
