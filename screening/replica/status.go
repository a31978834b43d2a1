package replica

import (
	"errors"
	"slices"
	"time"

	"interdict/lists"
)

// ListStatus is the state of one list of the generation that is served.
type ListStatus struct {
	ID      string    `json:"id"`
	Version int       `json:"version"`
	FreshAt time.Time `json:"fresh_at"`
	MaxAge  string    `json:"max_age,omitempty"`
	Stale   bool      `json:"stale"`
	Stops   bool      `json:"stops"`

	Lasts     time.Duration `json:"-"` // MaxAge; 0: for ever
	Published time.Time     `json:"-"` // day stated by the publisher; zero if there is none
	Listings  int           `json:"-"`
}

// Status is what is served, for probes and metrics.
type Status struct {
	Generation   int          `json:"generation"`
	LoadedAt     time.Time    `json:"loaded_at"`
	Lists        []ListStatus `json:"lists"`
	Listings     int          `json:"listings"`
	RefreshedAt  time.Time    `json:"refreshed_at"` // the last refresh that succeeded
	RefreshError string       `json:"refresh_error,omitempty"`
	// SavedAt is set while the snapshot is that of the cache: when the store last confirmed it.
	SavedAt time.Time  `json:"saved_at,omitzero"`
	Lost    bool       `json:"lost"`   // the store has lost the generation that is served
	Served  lists.Head `json:"served"` // the generation that this replica reports: the one it serves, or served last and cannot load
	// Store is the store's generation while checks are answered from both sides; else 0.
	Store int `json:"store_generation,omitempty"`
	// Newest is a generation of the store that could not be loaded here yet, and Behind is since when; zero for none.
	Newest int       `json:"newest,omitempty"`
	Behind time.Time `json:"behind_since,omitzero"`
	// Followed is the manifest that the lists come from, on a server that follows another one.
	Followed *lists.Followed `json:"followed,omitempty"`
	// ServedErr is why the generation served could not be written to disk; nil if it could.
	ServedErr          error `json:"-"`
	Layers, HeldLayers int   // of the generation, and those whose records are in memory
	HeldBytes          int64
	// Unbound are the suppressions in force that name no listing and therefore have no effect: "list/id".
	Unbound []string
	// Outdated are the lists with layers that were built under older identity rules.
	Outdated []string
	// Unready is why checks cannot be answered now; nil if they can.
	Unready error `json:"-"`
}

// Known returns the newest generation of the store, as far as this replica knows; the one that is served while the store is away.
func (s *Status) Known() int {
	switch {
	case s.Newest > 0:
		return s.Newest
	case s.Lost:
		return s.Store
	}
	return s.Generation
}

// Status returns what is served, and whether checks can be answered from it.
func (r *Replica) Status() Status {
	st := Status{}
	r.stateMu.Lock()
	st.RefreshedAt = r.refreshedAt
	if r.refreshErr != nil {
		st.RefreshError, st.Lost = r.refreshErr.Error(), errors.Is(r.refreshErr, errLost)
	}
	st.ServedErr = r.servedErr
	r.stateMu.Unlock()
	snap := r.current.Load()
	if snap == nil {
		st.Unready = r.notLoaded()
		if st.Lost {
			last, _ := r.cache.Load().lastServed()
			st.Served = last.Head
		}
		return st
	}
	if snap.sides != nil {
		st.Lost = true
		if snap.sides.err == nil {
			st.Store = snap.sides.store.Generation.Number
		}
	}
	if snap.lag != nil {
		st.Newest, st.Behind = snap.lag.generation, snap.lag.since
	}
	now := r.now()
	st.Served, st.SavedAt = snap.Generation.Head(), snap.savedAt
	st.HeldLayers, st.Layers, st.HeldBytes = snap.resident()
	st.Generation, st.LoadedAt, st.Listings = snap.Generation.Number, snap.loadedAt, snap.Listings
	st.Lists, st.Followed = snap.listStatus(now), snap.fresh.followed
	st.Unbound, st.Outdated = snap.unbound(now), snap.outdated()
	if st.Unready = snap.unready(now); st.Unready == nil {
		st.Unready = snap.MissError(now)
	}
	return st
}

// listStatus returns the state of each list, the oldest first.
func (s *Snapshot) listStatus(now time.Time) (all []ListStatus) {
	for _, stack := range s.Stacks {
		l := &stack.Active.List
		if slices.ContainsFunc(all, func(o ListStatus) bool { return o.ID == l.ID }) {
			continue // the store's side of a lost generation
		}
		x := ListStatus{ID: l.ID, Version: stack.Active.Version, FreshAt: s.fresh.lists[l.ID], Stops: l.OnStale == lists.Stop, Lasts: l.MaxAge, Listings: stack.Active.Listings}
		if day, err := time.Parse(time.DateOnly, stack.Active.Published); err == nil {
			x.Published = day
		}
		if l.MaxAge > 0 {
			x.MaxAge = l.MaxAge.String()
			x.Stale = now.After(x.FreshAt.Add(l.MaxAge))
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b ListStatus) int { return a.FreshAt.Compare(b.FreshAt) })
	return all
}
