package screening

import (
	"context"
	"reflect"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/spans"
	"interdict/screening/replica"
)

// findMatches reads the candidates that are not in memory from the store, for all checks at once, and turns them into matches.
func (s *Screener) findMatches(ctx context.Context, w *work) {
	var found [][]byte
	var err error
	if len(w.asked) > 0 {
		reading, span := spans.Start(ctx, "store read")
		found, err = s.Lookup(reading, w.asked)
		spans.End(span, err)
	}
	for i := range w.checks {
		c := &w.checks[i]
		if len(c.candidates) == 0 || c.err != nil {
			continue
		}
		if err != nil && slices.ContainsFunc(c.candidates, func(m candidate) bool { return m.asked != inMemory }) {
			c.err = &Undecided{err}
			continue
		}
		for k := range c.candidates {
			if m := &c.candidates[k]; m.asked != inMemory {
				m.entry = found[m.asked]
			}
		}
		if err := s.addMatches(w, c); err != nil {
			c.err = &Undecided{err}
		} else if len(c.answer.Matches) > maxMatches {
			// It is ranked at once, so that a batch of such checks does not hold all their matches in memory.
			s.addAttributions(ctx, w, w.checks[i:i+1])
			c.rank(w.snap, w.now)
		}
	}
	s.addAttributions(ctx, w, w.checks)
}

// addMatches turns the entries of a check's candidates into matches, which have no attributions yet.
func (s *Screener) addMatches(w *work, c *check) error {
	a := c.answer
	a.Matches = a.Matches[:0]
	for i := 0; i < len(c.candidates); {
		first := c.candidates[i]
		stack := w.snap.Stacks[first.stack]
		w.found = append(w.found[:0], make([][]byte, len(stack.Layers))...)
		listed := false
		for ; i < len(c.candidates) && c.candidates[i].probe == first.probe && c.candidates[i].stack == first.stack; i++ {
			m := &c.candidates[i]
			w.found[m.layer] = m.entry
			m.found = absent
			if m.entry != nil {
				m.found, listed = present, true
			}
		}
		s.metrics.FilterPositive(listed)
		if !listed {
			continue
		}
		refs, err := lists.Resolve(w.found)
		if err != nil {
			return err
		}
		for _, r := range refs {
			c.addMatch(stack, &c.probes[first.probe], &r)
		}
	}
	return nil
}

// addMatch adds a listing to the answer if the asked address matches it.
func (c *check) addMatch(stack *replica.Stack, p *probe, r *lists.StackRef) {
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
		class, derivation = c.classify(p, r.Variant, r.Role)
	}
	if class == address.None {
		return
	}
	own := p.key
	if r.Role != 0 {
		own = r.Own
	}
	m := Match{Class: class, Listed: r.ListedText(p.key), AddedIn: r.AddedIn,
		stack: stack, layer: stack.Layers[r.Layer], reading: reading{own, r.Ref, derivation}}
	if m.AddedIn == 0 {
		m.AddedIn = m.layer.Version
	}
	// One listing may be found under several keys, or in several readings of one row: it is one match, with the closest class.
	if o := c.sameMatch(&m); o == nil {
		c.answer.Matches = append(c.answer.Matches, m)
	} else if m.Class < o.Class {
		*o = m
	} else if m.Class == o.Class && (m.own != o.own || m.ref.Variant != o.ref.Variant) {
		if o.ref.Also && !m.ref.Also { // the first reading of a listing is the likeliest one
			m, *o = *o, m
			o.others = m.others
		}
		o.others = append(o.others, m.reading)
	}
}

// listingID identifies a listing of a layer.
type listingID struct {
	stack       *replica.Stack
	layer       *replica.Layer
	attribution uint32
	locator     uint64
	text        string
}

// minIndexedMatches is from how many matches on an index is used to find one again.
const minIndexedMatches = 32

// sameMatch returns the match of the same listing that the answer has already, or nil.
func (c *check) sameMatch(m *Match) *Match {
	all := c.answer.Matches
	if len(all) < minIndexedMatches {
		for i := range all {
			if o := &all[i]; o.stack == m.stack && o.layer == m.layer && o.ref.Attribution == m.ref.Attribution && o.ref.Locator == m.ref.Locator && o.Listed == m.Listed {
				return o
			}
		}
		return nil
	}
	if len(all) == minIndexedMatches {
		c.index = make(map[listingID]int, 4*minIndexedMatches)
		for i := range all {
			c.index[all[i].listingID()] = i
		}
	}
	if i, ok := c.index[m.listingID()]; ok {
		return &all[i]
	}
	c.index[m.listingID()] = len(all)
	return nil
}

func (m *Match) listingID() listingID {
	return listingID{m.stack, m.layer, m.ref.Attribution, m.ref.Locator, m.Listed}
}

// classify returns the class of a listing that has a probe's key. Several readings can share one key
// (1… is an address of several networks): the closest class counts.
func (c *check) classify(p *probe, listed address.Variant, listedAs address.Role) (class address.Class, derivation string) {
	for i := range c.readings {
		if !c.belongs(p, i) {
			continue
		}
		k, d := address.Relate(p.key, c.readings[i].Variant, p.role, listed, listedAs)
		if k != address.None && (class == address.None || k < class) {
			class, derivation = k, d
		}
	}
	return class, derivation
}

// belongs reports whether a probe is a key of a reading.
func (c *check) belongs(p *probe, reading int) bool {
	return c.readings[reading].Key == p.key || p.role != 0 && reading == int(p.reading)
}

// addAttributions sets the attributions of all matches that are not ranked yet, and drops listings that have expired.
func (s *Screener) addAttributions(ctx context.Context, w *work, checks []check) {
	missing := map[*replica.Layer][]uint32{}
	for i := range checks {
		c := &checks[i]
		if c.err != nil || c.ranked || len(c.candidates) == 0 {
			continue
		}
		for k := range c.answer.Matches {
			m := &c.answer.Matches[k]
			if m.Attribution = m.layer.Attribution(m.ref.Attribution); m.Attribution == nil {
				missing[m.layer] = append(missing[m.layer], m.ref.Attribution)
			}
		}
	}
	read := map[*replica.Layer]map[uint32]*lists.Attribution{}
	failed := map[*replica.Layer]error{}
	for l, numbers := range missing {
		reading, span := spans.Start(ctx, "store read")
		read[l], failed[l] = s.ReadAttributions(reading, l, numbers)
		spans.End(span, failed[l])
	}
	today := w.now.UTC().Format(time.DateOnly)
	for i := range checks {
		c := &checks[i]
		if c.err != nil || c.ranked || len(c.candidates) == 0 {
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

// networkOf returns the network of a listing whose label names none: the asked one if the listing has the identity of that reading,
// else the most common network of addresses of this form.
func (c *check) networkOf(m *Match) string {
	for i := range c.readings {
		if c.readings[i].Variant == m.ref.Variant && c.readings[i].Key == m.own {
			return c.readings[i].Network
		}
	}
	network, _, _ := address.Render(m.own, m.ref.Variant)
	return network
}

// sameListing reports whether two matches are one listing that both sides of a lost generation have, each in a layer of its own.
func sameListing(a, b *Match) bool {
	x, y := *a.Attribution, *b.Attribution
	x.File, x.SHA256, x.LocatorPrefix, y.File, y.SHA256, y.LocatorPrefix = "", "", "", "", "", ""
	return a.stack.Active.List.ID == b.stack.Active.List.ID && a.Class == b.Class && a.Listed == b.Listed && a.own == b.own && reflect.DeepEqual(x, y)
}

// withoutDuplicates removes the listings of the store's side of a lost generation that the replica's own side has too.
func withoutDuplicates(matches []Match) []Match {
	kept := matches[:0]
	for i := range matches {
		if !slices.ContainsFunc(kept, func(o Match) bool { return o.stack != matches[i].stack && sameListing(&o, &matches[i]) }) {
			kept = append(kept, matches[i])
		}
	}
	return kept
}
