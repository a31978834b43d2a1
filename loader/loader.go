// Package loader makes every change of a list, for the API and for the commands.
//
//	upload ── build: bytes → layer and report ── guards ── version "staged"              stage.go guard.go
//	   └─ approvals, and a reason where a guard trips ── one Commit: the next generation   activate.go
//
//	refresh.go   fetches lists from their sources      suppress.go   exceptions
//	compact.go   merges small layers                   rebuild.go    reads uploads again under newer identity rules
//	sweep.go     deletes what nothing needs            restore.go    brings back what a store has lost
//
// Nothing before that Commit changes an answer. A crash leaves a version that stays "loading" and a layer that no version names; a later load
// deletes both.
package loader

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/build"
)

// Recorder writes changes to the journal.
type Recorder interface {
	// RecordChange returns when the record is on disk.
	RecordChange(Change) error
}

// Change is the journal's record of a change. There is one before the change (Outcome "begun") and one after it ("done" or "failed").
type Change struct {
	Action     string    `json:"action"` // stage, approve, reject, activate, rollback, retire, settings, compact, rebuild, suppress…; refresh: one record, at its end
	Outcome    string    `json:"outcome"`
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	List       string    `json:"list"`
	Version    int       `json:"version,omitempty"`
	Generation int       `json:"generation,omitempty"`
	SHA256     string    `json:"sha256,omitempty"`
	// Suppression is the id of the suppression that is changed.
	Suppression string `json:"suppression,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Error       string `json:"error,omitempty"`
}

// Loader changes lists in one store.
type Loader struct {
	Reader
	recorder Recorder
	log      *slog.Logger
	now      func() time.Time
	builder  *build.Builder
	grown    chan string   // lists that may have too many layers now
	builds   chan struct{} // holds one value for each upload that is being read

	rebuildError atomic.Pointer[error]           // why lists cannot be rebuilt
	damaged      atomic.Pointer[map[string]bool] // ids of the layers that the last Verify found damaged
}

// New makes a loader. spoolDir is the folder for temporary files; "" for the system's.
func New(store lists.Store, recorder Recorder, log *slog.Logger, spoolDir string, now func() time.Time) *Loader {
	return &Loader{Reader: Reader{store}, recorder: recorder, log: log, now: now, builder: &build.Builder{Store: store, Dir: spoolDir, Log: log},
		grown: make(chan string, 16), builds: make(chan struct{}, maxBuilds)}
}

// recorded makes a change between its two journal records. A change that cannot be recorded is not made.
func (l *Loader) recorded(c *Change, change func() error) error {
	if err := l.recordBegin(c); err != nil {
		return err
	}
	err := change()
	l.recordEnd(c, err)
	return err
}

// recordBegin writes the record before a change.
func (l *Loader) recordBegin(c *Change) error {
	c.At, c.Outcome, c.List = l.now().UTC(), "begun", address.Recordable(c.List) // no list has such an id, but somebody may have asked for one
	return l.recorder.RecordChange(*c)
}

// recordEnd writes the record after a change that ended with err.
func (l *Loader) recordEnd(c *Change, err error) {
	c.At, c.Outcome = l.now().UTC(), "done"
	if err != nil {
		c.Outcome, c.Error = "failed", err.Error()
	}
	if rerr := l.recorder.RecordChange(*c); rerr != nil && err == nil {
		// The change was made and its first record is in the journal: it must not be reported as failed.
		l.log.Error("a change was made, but its second journal record could not be written",
			"action", c.Action, "list", c.List, "version", c.Version, "error", rerr)
	}
}

// retry repeats reading and committing while other changes are committed in between.
func retry(ctx context.Context, f func() error) error {
	for attempt := 0; ; attempt++ {
		err := f()
		if attempt >= 20 || !fault.Is(err, errRaced) {
			if fault.Is(err, errRaced) {
				return fault.E(fault.Conflict, "too many changes at the same time, try again: %w", err)
			}
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt) * 3 * time.Millisecond):
		}
	}
}

// PutList creates a list or changes its settings. If the list is active this makes a new generation, because the settings take part in every
// answer.
func (l *Loader) PutList(ctx context.Context, settings lists.List, by string) (*lists.List, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	if err := checkSource(settings.Source); err != nil {
		return nil, err
	}
	c := &Change{Action: "settings", By: by, List: settings.ID}
	var out lists.List
	err := l.recorded(c, func() error {
		return retry(ctx, func() error {
			out = settings
			now := l.now().UTC()
			out.CreatedAt, out.UpdatedAt, out.UpdatedBy, out.Active, out.Latest = now, now, by, 0, 0
			old, revision, err := lists.Read[lists.List](ctx, l.store, lists.DocList(settings.ID))
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err == nil {
				out.CreatedAt, out.Active, out.Latest = old.CreatedAt, old.Active, old.Latest
			}
			changes := []lists.Change{lists.Put(lists.DocList(out.ID), out, revision)}
			if out.Active != 0 {
				g, head, err := l.nextGeneration(ctx, "settings", out.ID, by, "")
				if err != nil {
					return err
				}
				for i := range g.Lists {
					if g.Lists[i].List.ID == out.ID {
						g.Lists[i].List = out.WithDefaults()
					}
				}
				c.Generation = g.Number
				changes = append(changes, generationChanges(g, head)...)
			}
			return commit(ctx, l.store, changes...)
		})
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// nextGeneration copies the current generation under the next number.
func (l *Loader) nextGeneration(ctx context.Context, action, list, by, reason string) (g lists.Generation, head uint64, err error) {
	g, head, err = lists.Current(ctx, l.store)
	if err != nil {
		return g, 0, err
	}
	if g.Number == 0 {
		if _, err := lists.EnsureStoreID(ctx, l.store, "", l.now()); err != nil {
			return g, 0, err
		}
	}
	if err := l.checkNothingLost(ctx, &g); err != nil {
		return g, 0, err
	}
	makeNext(&g, g.Number+1)
	g.At, g.By, g.Action, g.List, g.Reason = l.now().UTC(), by, action, list, reason
	return g, head, nil
}

// makeNext turns a generation into its successor with the given number.
func makeNext(g *lists.Generation, number int) {
	if g.Number > 0 {
		g.Recent = append([]lists.Head{g.Head()}, g.Recent[:min(len(g.Recent), lists.MaxRecent-1)]...)
	}
	g.Number, g.ID, g.Parent, g.Merged = number, uuid.Must(uuid.NewV7()).String(), g.ID, ""
}

// checkNothingLost returns an error if a live replica serves a generation that the store no longer has: a change now would make the loss
// permanent.
func (l *Loader) checkNothingLost(ctx context.Context, g *lists.Generation) error {
	live, err := lists.Replicas(ctx, l.store, l.now())
	if err != nil {
		return err
	}
	for _, r := range live {
		held, err := l.hasServed(ctx, g, &r)
		if err != nil {
			return err
		}
		if held {
			continue
		}
		// The generation may have been committed, and served, since g was read.
		if now, _, err := lists.Current(ctx, l.store); err != nil {
			return err
		} else if now.Number != g.Number || now.ID != g.ID {
			return fault.E(errRaced, "generation %d was made in the meantime", now.Number)
		}
		return fault.E(fault.Conflict, "the store is at generation %d and has lost generation %d, which replica %s serves: "+
			"restore it first (interdict restore --server URL of that replica)", g.Number, r.Generation, r.ID)
	}
	return nil
}

// hasServed reports whether generation g is the one that a replica serves, or descends from it.
func (r *Reader) hasServed(ctx context.Context, g *lists.Generation, replica *lists.Replica) (bool, error) {
	if replica.Lost && replica.GenerationID == "" {
		return false, nil
	}
	return lists.Descends(ctx, r.store, g, lists.Head{Generation: replica.Generation, ID: replica.GenerationID})
}

// generationChanges returns the changes that store a new generation and move the head to it.
func generationChanges(g lists.Generation, head uint64) []lists.Change {
	return []lists.Change{
		lists.Put(lists.DocGeneration(g.Number), g, 0),
		lists.Put(lists.DocHead, lists.Head{Generation: g.Number, ID: g.ID}, head),
	}
}

// errRaced marks a commit that failed because of another one, and can be repeated. A fault.Conflict needs a person.
const errRaced = fault.Raced

func commit(ctx context.Context, s lists.Store, changes ...lists.Change) error {
	err := s.Commit(ctx, changes...)
	if fault.Is(err, fault.Conflict) {
		return fault.E(errRaced, "%w", err)
	}
	return err
}
