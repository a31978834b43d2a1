// Package screening answers one question: is this address listed, on whose word, since when, where is the proof.
//
//	text ── address.Parse (no address: an error, never a miss) ── one snapshot (none, empty, or too old: an error)
//	  └─ each layer's filter; all say no ── miss
//	      └─ some say maybe ── the store, that same generation (not readable: an error) ── policy ── hit or miss
//	          └─ the answer, encoded ── the journal ── the caller
//
// A snapshot is one generation: its lists' settings and its layers' filters behind one atomic pointer. Refresh
// builds the next one aside and swaps the pointer; a check takes the pointer once and keeps to it.
package screening

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

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
	Matches    []Match // strictest action first, then closest class; at most maxMatches
	Suppressed []Match // listings that a suppression sets aside: told, and decide nothing; at most maxMatches
	// MatchesTotal and SuppressedTotal count all of them, those that are not told included.
	MatchesTotal, SuppressedTotal int
	CheckedAt                     time.Time
	JSON                          []byte

	snapshot *snapshot
}

// Match is one listing that the asked address meets.
type Match struct {
	Class       address.Class
	Listed      string // the address as published
	Network     string
	Attribution *lists.Attribution
	Locator     string
	AddedIn     int
	Suppression *lists.Suppression // of a suppressed one

	stack  *stack
	layer  *layer
	action lists.Action // that the policy of its list demands
	reading
	others []reading // in which the listing is met as closely
}

// reading is one reading of a listing.
type reading struct {
	own        address.Key
	ref        lists.Ref
	Derivation string
}

// category and confidence are those of the listing, or the defaults that its list has in this generation.
func (m *Match) category() lists.Category {
	return cmp.Or(m.Attribution.Category, m.stack.active.List.Category)
}

func (m *Match) confidence() lists.Confidence {
	return cmp.Or(m.Attribution.Confidence, m.stack.active.List.Confidence)
}

// Refused is the error for a text that is no address. It wraps the *address.Error.
type Refused struct {
	Cause *address.Error
	// WouldMatch tells that only the letter case is wrong and the bytes are listed.
	WouldMatch bool
}

func (r *Refused) Error() string {
	if r.WouldMatch {
		return r.Cause.Error() + "; only the letter case is wrong, and the address in its right case is listed"
	}
	return r.Cause.Error()
}
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
	local   Local

	swapped chan struct{} // told after each swap

	// What is in the cache.
	mirroring    sync.Mutex
	mirrored     *snapshot
	others       []lists.Doc // documents in it that belong to no generation
	mirroredDocs []lists.Doc
	mirroredHeld int
	savedAt      time.Time

	current    atomic.Pointer[snapshot]
	cache      atomic.Pointer[kept] // never nil
	refreshing sync.Mutex           // guards the two below
	storeID    string               // "" until it is known
	newest     int                  // generation that the store has named as current

	noteMu      sync.Mutex
	refreshedAt time.Time
	refreshErr  error
	servedErr   error // why the last note of what is served failed
}

// Metrics is what the screener counts. Every method is called on the hot path.
type Metrics interface {
	Checked(r Result)
	Refused(reason string)
	FilterPositive(found bool)
}

// Local is what a replica keeps for itself, for the time when its store is away. The zero value is nothing.
type Local struct {
	Cache  lists.Store // a store on local disk that nobody else uses; nil for none
	Served *ServedFile // stands beside the cache; nil to note nothing
	// SetAside moves away a cache that belongs to another store, and opens a new one. nil: such a cache is an error.
	SetAside func() (lists.Store, *ServedFile, error)
	// ResidentBytes is how much memory the records of layers may take.
	ResidentBytes int64
	// MaxLag is for how long misses are reported while a newer generation cannot be loaded; 0 for DefaultMaxLag.
	MaxLag time.Duration
}

// DefaultResidentBytes holds ordinary sanctions lists many times over: some three million addresses.
const DefaultResidentBytes = 256 << 20

// New makes a screener that has nothing to answer from until Refresh has succeeded.
func New(store lists.Store, journal Journal, metrics Metrics, log *slog.Logger, now func() time.Time) *Screener {
	return NewReplica(store, Local{}, journal, metrics, log, now)
}

// NewReplica is New for one of several servers on one store.
func NewReplica(store lists.Store, local Local, journal Journal, metrics Metrics, log *slog.Logger, now func() time.Time) *Screener {
	if local.MaxLag == 0 {
		local.MaxLag = DefaultMaxLag
	}
	s := &Screener{store: store, local: local, journal: journal, metrics: metrics, log: log, now: now, swapped: make(chan struct{}, 1)}
	s.cache.Store(&kept{local.Cache, local.Served})
	return s
}

func (s *Screener) noteRefresh(err error) {
	s.noteMu.Lock()
	defer s.noteMu.Unlock()
	if was := errors.Is(s.refreshErr, errLost); errors.Is(err, errLost) && !was {
		s.log.Error("the store has lost what is served here", "error", err)
	} else if err != nil && s.refreshErr == nil && !s.refreshedAt.IsZero() {
		s.log.Warn("the store's current generation cannot be loaded; answers come from the last one", "error", err)
	}
	s.refreshErr = err
	if err == nil {
		s.refreshedAt = s.now()
	}
}

func (s *Screener) notLoaded() error {
	s.noteMu.Lock()
	defer s.noteMu.Unlock()
	if fault.Is(s.refreshErr, fault.Lost) {
		return s.refreshErr
	}
	if s.refreshErr != nil && !fault.Is(s.refreshErr, fault.NotLoaded) {
		return fault.E(fault.NotLoaded, "no generation could be loaded yet: %w", s.refreshErr)
	}
	return fault.E(fault.NotLoaded, "nothing has been activated yet")
}

// Check answers one request into a, whose buffers are reused. On an error a says nothing.
// Errors: *Refused, *Undecided, fault.UnsupportedNetwork, fault.NotLoaded, fault.Lost, fault.Stale (*Lagging where only a
// miss is refused), fault.Unavailable (the journal).
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
