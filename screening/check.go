package screening

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/screening/journal"
	"interdict/screening/replica"
)

// check is the state of one request.
type check struct {
	request    *Request
	answer     *Answer
	err        error
	refused    *Refused // the text is not an address; it may still be a raw match
	readings   []address.Address
	probes     []probe
	links      []address.Link // buffer
	candidates []candidate
	index      map[listingID]int // of the answer's matches, if there are many
	action     lists.Action      // the strictest action of all matches
	ranked     bool              // the matches are ranked and truncated
	record     []byte            // for the journal
	durable    bool
}

// probe is one key under which the address may be listed.
type probe struct {
	key     address.Key
	role    address.Role
	reading int8 // index in readings, rawReading or foldedReading
}

const (
	rawReading    = -1 // the text itself
	foldedReading = -2 // the address that the text would be with the right letter case
)

// candidate is a layer whose filter says "maybe" to the key of a probe.
type candidate struct {
	probe int
	stack int
	layer int
	asked int    // index in the look-up, or inMemory
	entry []byte // the layer's entry under the key, once it is known
	found presence
}

// inMemory marks a candidate whose layer is in memory.
const inMemory = -1

// presence is whether a layer has a key. The zero value is not known: the layer has not been asked, or could not be read.
type presence uint8

const (
	absent presence = iota + 1
	present
)

// work is the memory that a check, or a batch of checks, needs. It is reused.
type work struct {
	checks  []check
	now     time.Time
	snap    *replica.Snapshot // nil if no check may be answered
	asked   []lists.LayerKey
	found   [][]byte
	entries []journal.Entry

	unrecorded bool // the answers go to nobody who decides on them
}

var workPool = sync.Pool{New: func() any { return new(work) }}

func newWork() *work { return workPool.Get().(*work) }

// add adds a request and reuses the buffers of an earlier one.
func (w *work) add(r *Request, a *Answer) {
	if len(w.checks) == cap(w.checks) {
		w.checks = append(w.checks, check{})
	} else {
		w.checks = w.checks[:len(w.checks)+1]
	}
	c := &w.checks[len(w.checks)-1]
	c.request, c.answer = r, a
}

// maxPooledChecks is the largest batch whose memory is kept.
const maxPooledChecks = 2048

func (w *work) release() {
	for i := range w.checks {
		c := &w.checks[i]
		clear(c.readings)
		clear(c.probes)
		*c = check{readings: c.readings[:0], probes: c.probes[:0], links: c.links[:0], candidates: c.candidates[:0], record: c.record[:0]}
	}
	clear(w.asked)
	clear(w.found)
	clear(w.entries)
	w.checks, w.snap, w.unrecorded = w.checks[:0], nil, false
	if cap(w.checks) <= maxPooledChecks {
		workPool.Put(w)
	}
}

// run answers all checks of w from one snapshot.
func (s *Screener) run(ctx context.Context, w *work) {
	w.now = s.now()
	snap, err := s.Snapshot(w.now)
	if err != nil {
		for i := range w.checks {
			w.checks[i].err = err
		}
		return
	}
	w.snap = snap
	w.forEach((*work).findCandidates)
	if w.readMemory() {
		s.findMatches(ctx, w)
	}
	w.forEach((*work).finish)
	if !w.unrecorded {
		s.record(ctx, w)
	}
}

// minChecksPerWorker is how many checks make a further goroutine worth its cost.
const minChecksPerWorker = 64

// forEach calls do for every check, for large batches on all cores. do is a method expression and not a closure, so that a single check
// allocates nothing.
func (w *work) forEach(do func(*work, *check)) {
	workers := min(len(w.checks)/minChecksPerWorker, runtime.GOMAXPROCS(0))
	if workers < 2 {
		for i := range w.checks {
			do(w, &w.checks[i])
		}
		return
	}
	var group sync.WaitGroup
	for i := range workers {
		part := w.checks[len(w.checks)*i/workers : len(w.checks)*(i+1)/workers]
		group.Go(func() {
			for i := range part {
				do(w, &part[i])
			}
		})
	}
	group.Wait()
}

// findCandidates parses the text and asks the filters for every key under which it may be listed.
func (w *work) findCandidates(c *check) {
	c.parse(w.snap.HasRaw, w.snap.Screened.Sandbox)
	for i := range c.probes {
		hash := lists.Hash(c.probes[i].key)
		for k, stack := range w.snap.Stacks {
			for l, layer := range stack.Layers {
				if layer.MayContain(hash) {
					c.candidates = append(c.candidates, candidate{probe: i, stack: k, layer: l})
				}
			}
		}
	}
}

// parse reads the text and lists the keys under which it may be listed. hasRaw says whether a list has raw texts, sandbox whether
// addresses of test networks are read.
func (c *check) parse(hasRaw, sandbox bool) {
	r := c.request
	// The asset is not used: it says nothing certain about the network.
	var err error
	if c.readings, err = address.Parse(c.readings[:0], r.Address, r.Network); err != nil && sandbox {
		c.readings, err = parseTestnet(c.readings[:0], r, err)
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
		if i > 0 && address.SameLinks(p, &c.readings[i-1]) {
			continue // the same probes
		}
		c.addProbe(p.Key, 0, i)
		c.links = address.Links(c.links[:0], p, address.Asked)
		for _, l := range c.links {
			c.addProbe(l.Key, l.Role, i)
		}
	}
	// A listed text that is not an address is found whatever else the text looks like: OFAC lists 64 hex digits, which could be a private key.
	if hasRaw && len(r.Address) <= address.MaxText {
		c.probes = append(c.probes, probe{address.RawKey(r.Address), 0, rawReading})
	}
}

func (c *check) addProbe(key address.Key, role address.Role, reading int) {
	if !slices.ContainsFunc(c.probes, func(o probe) bool { return o.key == key && o.role == role }) {
		c.probes = append(c.probes, probe{key, role, int8(reading)})
	}
}

// readMemory reads the entries of candidates whose layers are in memory, and collects the others to be read from the store.
// It reports whether there is any candidate.
func (w *work) readMemory() (any bool) {
	w.asked = w.asked[:0]
	for i := range w.checks {
		c := &w.checks[i]
		for k := range c.candidates {
			m := &c.candidates[k]
			any = true
			layer, key := w.snap.Stacks[m.stack].Layers[m.layer], c.probes[m.probe].key
			if entry, resident := layer.Lookup(key); resident {
				m.asked, m.entry = inMemory, entry
				continue
			}
			m.asked = len(w.asked)
			w.asked = append(w.asked, lists.LayerKey{Layer: layer.ID, Key: key})
		}
	}
	return any
}
