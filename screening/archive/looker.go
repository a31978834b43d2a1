package archive

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/lease"
)

// LookBackState says which look-backs have been done. It is a document of the store.
type LookBackState struct {
	Generation int       `json:"generation"`        // up to which changes were looked back on
	Again      int       `json:"again,omitempty"`   // generation from which on they are looked back on once more; 0: none
	Since      time.Time `json:"since"`             // when the last look-back on changes was begun
	Success    time.Time `json:"success"`           // when a look-back last succeeded
	All        time.Time `json:"all"`               // when every check was last looked back on
	Failure    string    `json:"failure,omitempty"` // of the last one; it stays until one succeeds
	FailedAt   time.Time `json:"failed_at"`
}

const (
	// lagging is for how long another server can give answers of the generation before: its checks are looked back on once more. It is more than
	// the default of --max-lag.
	lagging = 75 * time.Second
	// allEvery is how often every check is looked back on: at least once a day.
	allEvery = 20 * time.Hour
	// lookEvery is how often a new generation is looked for, and retryAfter when a failed look-back is repeated.
	lookEvery  = 250 * time.Millisecond
	retryAfter = 30 * time.Second
)

// Looker looks back after every activation and once a day. Of several servers on one store and one index one does it.
type Looker struct {
	LookBack
	Store lists.Store
	Scope string // which index it is: "all" if it has the records of all servers, otherwise the identity of the folder of the journal
	Owner string // unique to this process
	// Serving returns the generation that this server answers from; 0: none.
	Serving  func() int
	Coverage func(ctx context.Context) (Coverage, error)
	// Changed yields the keys of addresses that may be answered otherwise in the second generation than in the first.
	Changed func(ctx context.Context, from, to *lists.Generation, yield func([]address.Key) error) error
	Log     *slog.Logger

	mu    sync.Mutex
	state LookBackState
}

// Status returns the state as this server last saw it.
func (l *Looker) Status() LookBackState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// State reads the state from the store.
func (l *Looker) State(ctx context.Context) (LookBackState, error) {
	s, _, err := lists.Read[LookBackState](ctx, l.Store, lists.DocLookBack(l.Scope))
	if fault.Is(err, fault.NotFound) {
		return LookBackState{}, nil
	}
	if err == nil {
		l.mu.Lock()
		l.state = s
		l.mu.Unlock()
	}
	return s, err
}

// Run looks back until ctx ends.
func (l *Looker) Run(ctx context.Context) {
	turn := lease.New(l.Store, "look-back-"+l.Scope, l.Owner, lease.TTL, time.Now)
	for ctx.Err() == nil {
		if taken, _ := turn.Take(ctx); taken { // an error is one of the store, which others tell
			turn.While(ctx, l.whileMine)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (l *Looker) whileMine(ctx context.Context) {
	for ctx.Err() == nil {
		if err := l.Once(ctx); err != nil && ctx.Err() == nil {
			l.Log.Error("looking back on earlier checks has failed; it is tried again", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(retryAfter):
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// Once does the look-backs that are due.
func (l *Looker) Once(ctx context.Context) error {
	head, _, err := lists.Read[lists.Head](ctx, l.Store, lists.DocHead)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if l.Serving() < head.Generation {
		return nil // soon
	}
	s, err := l.State(ctx)
	if err != nil {
		return err
	}
	cover, err := l.Coverage(ctx)
	if err != nil {
		return err
	}
	now := l.Now().UTC()
	switch {
	case s.All.IsZero() || now.Sub(s.All) >= allEvery:
		err = l.all(ctx, &s, head.Generation, cover)
	case head.Generation != s.Generation:
		again := s.Again
		if again == 0 {
			again = s.Generation
		}
		s.Since = now
		if err = l.changes(ctx, &s, s.Generation, head.Generation, cover); err == nil {
			s.Generation, s.Again = head.Generation, again
		}
	case s.Again != 0 && cover.Until.After(s.Since.Add(lagging)):
		if err = l.changes(ctx, &s, s.Again, head.Generation, cover); err == nil {
			s.Again = 0
		}
	default:
		return nil
	}
	if err != nil {
		s.Failure, s.FailedAt = err.Error(), now
	} else {
		s.Failure, s.Success = "", l.Now().UTC()
	}
	if putErr := l.put(ctx, s); err == nil {
		err = putErr
	}
	return err
}

func (l *Looker) put(ctx context.Context, s LookBackState) error {
	l.mu.Lock()
	l.state = s
	l.mu.Unlock()
	return l.Store.Commit(ctx, lists.Put(lists.DocLookBack(l.Scope), s, lists.AnyRevision))
}

func (l *Looker) all(ctx context.Context, s *LookBackState, generation int, cover Coverage) error {
	begun := l.Now().UTC()
	r, err := l.All(ctx, generation, cover.Until)
	l.tell(&r, err)
	if err == nil {
		if s.Again == 0 && s.Generation != generation {
			s.Again = s.Generation // 0 if this is the first one
		}
		s.All, s.Since, s.Generation = begun, begun, generation
	}
	return err
}

// changes looks back on what two generations differ in. If they cannot be compared any more, it looks back on everything.
func (l *Looker) changes(ctx context.Context, s *LookBackState, from, to int, cover Coverage) error {
	is, _, err := lists.Read[lists.Generation](ctx, l.Store, lists.DocGeneration(to))
	if err != nil {
		return err
	}
	var was *lists.Generation
	g, _, err := lists.Read[lists.Generation](ctx, l.Store, lists.DocGeneration(from))
	switch {
	case err == nil:
		was = &g
	case !fault.Is(err, fault.NotFound):
		return err
	}
	r, err := l.Changes(ctx, from, to, cover.Until, func(yield func([]address.Key) error) error {
		return l.Changed(ctx, was, &is, yield)
	})
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) { // a version of which only the file is kept, or none
		return l.all(ctx, s, to, cover)
	}
	l.tell(&r, err)
	return err
}

func (l *Looker) tell(r *RunRecord, err error) {
	if err == nil {
		l.Log.Info("looked back on earlier checks", "run", r.Run, "from", r.From, "to", r.To, "checks", r.Checks, "alerts", r.Alerts, "took", r.Ended.Sub(r.Started).String())
	}
}
