package screening

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/screening/replica"
)

// finish decides a check and encodes its record for the journal.
func (w *work) finish(c *check) {
	c.answer.CheckID = newID(w.now)
	if c.err == nil {
		c.decide(w.snap, w.now)
	}
	c.record = c.appendRecord(c.record[:0], w.snap.Screened.Sandbox)
}

// decide completes the answer, or sets the error of a check that gets none.
func (c *check) decide(snap *replica.Snapshot, now time.Time) {
	a, r := c.answer, c.request
	if len(c.candidates) == 0 {
		a.Matches = a.Matches[:0]
	}
	if !c.ranked {
		c.rank(snap, now)
	}
	if len(a.Matches) > 0 && snap.Screened.Sandbox {
		if c.err = a.reserved(); c.err != nil {
			return
		}
	}
	if c.refused != nil && len(a.Matches) == 0 {
		c.err = c.refused
		return
	}
	if len(a.Matches) == 0 {
		if c.err = snap.MissError(now); c.err != nil {
			return
		}
	}
	a.CheckedAt, a.snapshot, a.Input, a.Direction = now, snap, r.Address, r.Direction
	c.describe()
	a.Result, a.Action = Miss, ""
	if len(a.Matches) > 0 {
		a.Result = Hit
	}
	if r.Direction != "" {
		a.Action = c.action
	}
	c.durable = len(a.Matches)+len(a.Suppressed) > 0
	a.JSON = a.appendJSON(a.JSON[:0])
}

// describe sets how the asked address was read.
func (c *check) describe() {
	a, r := c.answer, c.request
	a.Networks = a.Networks[:0]
	if c.refused != nil { // a raw match
		text := strings.Trim(r.Address, " \t\r\n")
		a.Network, a.Canonical, a.Key, a.Variant, a.Attributes, a.Notices = r.Network, text, address.RawKey(text), address.VariantRaw, nil, nil
		return
	}
	p := &c.readings[0]
	a.Network, a.Canonical, a.Key, a.Variant, a.Attributes, a.Notices = p.Network, p.Canonical, p.Key, p.Variant, p.Attributes, p.Notices
	if len(c.readings) > 1 {
		for i := range c.readings {
			a.Networks = append(a.Networks, c.readings[i].Network)
		}
	}
}

// newID makes a UUID of version 7 (RFC 9562): milliseconds, then 74 random bits. The constructor of the uuid package reads the clock
// again and takes a lock.
func newID(now time.Time) (id [16]byte) {
	rand.Read(id[6:])
	ms := uint64(now.UnixMilli())
	binary.BigEndian.PutUint32(id[:], uint32(ms>>16))
	binary.BigEndian.PutUint16(id[4:], uint16(ms))
	id[6] = 0x70 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// maxMatches is how many matches an answer contains; those beyond it are only counted.
const maxMatches = 100

// rank separates suppressed matches from the others, sorts the others, strictest action first, and truncates both. The action of the
// check is the strictest of all matches, those beyond maxMatches included.
func (c *check) rank(snap *replica.Snapshot, now time.Time) {
	if c.ranked = true; c.err != nil {
		return
	}
	a := c.answer
	a.Suppressed = a.Suppressed[:0]
	if snap.HasSuppressions {
		a.applySuppressions(now)
	}
	c.action = lists.Allow
	for i := range a.Matches {
		m := &a.Matches[i]
		m.action = m.policyAction(c.request.Direction)
		c.action = lists.Stricter(c.action, m.action)
	}
	if snap.Lost() {
		a.Matches, a.Suppressed = withoutDuplicates(a.Matches), withoutDuplicates(a.Suppressed)
	}
	slices.SortStableFunc(a.Matches, func(x, y Match) int {
		return cmp.Or(y.action.Severity()-x.action.Severity(), int(x.Class)-int(y.Class))
	})
	a.MatchesTotal, a.SuppressedTotal = len(a.Matches), len(a.Suppressed)
	a.Matches, a.Suppressed = truncate(a.Matches), truncate(a.Suppressed)
	for _, matches := range [][]Match{a.Matches, a.Suppressed} {
		for i := range matches {
			m := &matches[i]
			if m.Network = m.Attribution.Network; m.Network == "" {
				m.Network = c.networkOf(m)
			}
		}
	}
	c.index = nil
}

// policyAction returns the action of the list's policy; without a direction the stricter one of both directions.
func (m *Match) policyAction(d lists.Direction) lists.Action {
	if d == "" {
		return lists.Stricter(m.policyAction(lists.Deposit), m.policyAction(lists.Withdrawal))
	}
	return m.stack.Active.List.Policy.Action(m.category(), m.confidence(), m.Class.String(), d)
}

// truncate returns at most maxMatches matches and does not keep the memory of the others.
func truncate(matches []Match) []Match {
	if len(matches) <= maxMatches {
		return matches
	}
	return slices.Clone(matches[:maxMatches])
}

// applySuppressions moves the matches that suppressions in force cover from Matches to Suppressed. A suppression is for one listing, by
// the listed address's own key; it has no effect on other listings that the asked address matches. A listing that matches in several
// readings is suppressed only if each of them is covered.
func (a *Answer) applySuppressions(now time.Time) {
	kept := a.Matches[:0]
	for _, m := range a.Matches {
		m.Suppression = m.suppressionOf(&m.reading, now)
		for i := range m.others {
			if m.Suppression == nil {
				break
			}
			if m.suppressionOf(&m.others[i], now) == nil {
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

// suppressionOf returns the suppression in force that covers the match in one of its readings, or nil. Listings of a mandatory list cannot
// be suppressed, whatever was approved before the list became mandatory.
func (m *Match) suppressionOf(r *reading, now time.Time) *lists.Suppression {
	active := m.stack.Active
	if active.List.Mandatory {
		return nil
	}
	for i := range active.Suppressions {
		s := &active.Suppressions[i]
		if s.AppliesTo(r.own, r.ref.Variant, now) && s.Covers(active.List.Digest(m.Attribution, m.Listed)) {
			return s
		}
	}
	return nil
}
