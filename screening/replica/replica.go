// Package replica is one server's copy of the current generation: what checks are answered from.
//
//	store ── Refresh ── build: the settings of each list, the filter of each layer, records in memory ── one atomic pointer ── Snapshot
//	  │                                                                                                       │
//	  │ unreachable, and nothing is loaded yet                                                        SaveCache, a second later
//	  └──────────────────────────────── cache on local disk, if it holds what was served last ◄───────────────┘
//
// Refresh builds the next snapshot beside the old one and swaps the pointer. A snapshot never changes; a check takes the
// pointer once and uses that snapshot to the end. A replica never moves to a generation that does not descend from the one it serves:
// if the store has lost that one, the replica answers from both (lost.go).
package replica

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Local is what a replica keeps on its own machine for the time when the store is unreachable. The zero value keeps nothing.
type Local struct {
	Cache  lists.Store // a store on local disk that no other process uses; nil for none
	Served *ServedFile // which generation was served last; kept beside the cache; nil for none
	// SetAside moves a cache of another store away and opens an empty one. If it is nil, such a cache is an error.
	SetAside func() (lists.Store, *ServedFile, error)
	// ResidentBytes is how much memory the records of layers may take.
	ResidentBytes int64
	// MaxLag is how long misses are reported while a newer generation cannot be loaded; 0 for DefaultMaxLag.
	MaxLag time.Duration
	// Sandbox makes answers say that the server has test addresses, and lets them give errors (package sandbox).
	Sandbox bool
}

// DefaultResidentBytes is enough for about three million addresses, far more than the usual sanctions lists have.
const DefaultResidentBytes = 256 << 20

// Sandbox reports whether the server has test addresses.
func (r *Replica) Sandbox() bool { return r.local.Sandbox }

// Replica holds the snapshot of one server and keeps it current.
type Replica struct {
	store lists.Store
	local Local
	log   *slog.Logger
	now   func() time.Time

	current atomic.Pointer[Snapshot]
	cache   atomic.Pointer[diskCopy] // never nil
	swapped chan struct{}            // receives a value after a swap

	refreshing sync.Mutex // guards the two below
	storeID    string     // "" until it is known
	newest     int        // the generation that the store's head named last

	cacheMu sync.Mutex // guards written
	written cacheState

	stateMu     sync.Mutex // guards the three below
	refreshedAt time.Time
	refreshErr  error
	servedErr   error // why the last write of the served file failed
}

// New returns a replica that has nothing to answer from until Refresh succeeds.
func New(store lists.Store, local Local, log *slog.Logger, now func() time.Time) *Replica {
	if local.MaxLag == 0 {
		local.MaxLag = DefaultMaxLag
	}
	r := &Replica{store: store, local: local, log: log, now: now, swapped: make(chan struct{}, 1)}
	r.cache.Store(&diskCopy{local.Cache, local.Served})
	return r
}

// Snapshot returns the snapshot to answer from at a time, or the error why no check may be answered then:
// fault.NotLoaded, fault.Stale or fault.Lost.
func (r *Replica) Snapshot(now time.Time) (*Snapshot, error) {
	s := r.current.Load()
	if s == nil {
		return nil, r.notLoaded()
	}
	if err := s.unready(now); err != nil {
		return nil, err
	}
	return s, nil
}

// Lookup reads entries of layers that are not in memory from the store, as lists.Store.Lookup does.
func (r *Replica) Lookup(ctx context.Context, asked []lists.LayerKey) ([][]byte, error) {
	return r.store.Lookup(ctx, asked)
}

// ReadAttributions reads attributions of a layer from the store and remembers them. With an error it returns those that it has read.
func (r *Replica) ReadAttributions(ctx context.Context, l *Layer, numbers []uint32) (map[uint32]*lists.Attribution, error) {
	read, err := lists.ReadAttributions(ctx, r.store, l.ID, numbers)
	for number, a := range read {
		l.remember(number, a)
	}
	return read, err
}

// setRefreshErr records the result of a refresh, and logs it if it is a new failure.
func (r *Replica) setRefreshErr(err error) {
	r.stateMu.Lock()
	defer r.stateMu.Unlock()
	if errors.Is(err, errLost) && !errors.Is(r.refreshErr, errLost) {
		r.log.Error("the store has lost the generation that this replica serves", "error", err)
	} else if err != nil && r.refreshErr == nil && !r.refreshedAt.IsZero() {
		r.log.Warn("the store's current generation cannot be loaded; the last one is still served", "error", err)
	}
	r.refreshErr = err
	if err == nil {
		r.refreshedAt = r.now()
	}
}

// storeReachable reports whether the last refresh succeeded.
func (r *Replica) storeReachable() bool {
	r.stateMu.Lock()
	defer r.stateMu.Unlock()
	return r.refreshErr == nil
}

// notLoaded returns the error of a check while there is no snapshot.
func (r *Replica) notLoaded() error {
	r.stateMu.Lock()
	defer r.stateMu.Unlock()
	if fault.Is(r.refreshErr, fault.Lost) {
		return r.refreshErr
	}
	if r.refreshErr != nil && !fault.Is(r.refreshErr, fault.NotLoaded) {
		return fault.E(fault.NotLoaded, "no generation could be loaded yet: %w", r.refreshErr)
	}
	return fault.E(fault.NotLoaded, "nothing has been activated yet")
}
