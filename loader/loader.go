// Package loader is the one door for changes of a list, whether they come from the API or a command.
//
//	upload ── spool, hash ── formats.Read ── row → identities ── sort (on disk when large)   spool.go rows.go sorter.go
//	   └─ join with the active version: diff, duplicates, first seen in ── report, guards      stage.go diff.go guard.go
//	        └─ layer + filter + source bytes into the store ── version "staged"
//	             └─ approvals, guards or a reason ── one Commit: the next generation           activate.go
//
// Nothing before that last Commit changes an answer. What a crash leaves behind is a version that
// stays "loading" and a layer nobody names; both are cleared up by a later load.
package loader

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/fault"
)

// Recorder writes a change to the journal. It returns when the record is durable.
type Recorder interface {
	RecordChange(Change) error
}

// Change is what the journal keeps of a change: one record before it is made (Outcome "begun"), one after.
type Change struct {
	Action     string    `json:"action"` // stage, approve, reject, activate, rollback, retire, settings, compact, rebuild, suppress…; refresh: once, at its end
	Outcome    string    `json:"outcome"`
	At         time.Time `json:"at"`
	By         string    `json:"by"`
	List       string    `json:"list"`
	Version    int       `json:"version,omitempty"`
	Generation int       `json:"generation,omitempty"`
	SHA256     string    `json:"sha256,omitempty"`
	// Suppression is the id of one that the change is about.
	Suppression string `json:"suppression,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Error       string `json:"error,omitempty"`
}

// Loader changes lists in one store.
type Loader struct {
	store    lists.Store
	recorder Recorder
	log      *slog.Logger
	now      func() time.Time
	spoolDir string        // for spooled uploads and sort runs
	grown    chan string   // lists that may have come to stand on many layers
	builds   chan struct{} // holds one for each upload that is being read

	notRebuilt atomic.Pointer[error]           // why lists cannot be rebuilt
	damaged    atomic.Pointer[map[string]bool] // ids of the layers that the last Verify found damaged
}

// MaxUploadBytes is how large an upload may be as it arrives.
const MaxUploadBytes = 8 << 30

// New makes a loader. spoolDir is a folder for temporary files, "" the system's.
func New(store lists.Store, recorder Recorder, log *slog.Logger, spoolDir string, now func() time.Time) *Loader {
	return &Loader{store: store, recorder: recorder, log: log, now: now, spoolDir: spoolDir, grown: make(chan string, 16), builds: make(chan struct{}, maxBuilds)}
}

// recorded runs a change between its two journal records. A change that cannot be recorded is not made.
func (l *Loader) recorded(c *Change, change func() error) error {
	if err := l.opening(c); err != nil {
		return err
	}
	err := change()
	l.closing(c, err)
	return err
}

// opening writes the record before a change.
func (l *Loader) opening(c *Change) error {
	c.At, c.Outcome = l.now().UTC(), "begun"
	return l.recorder.RecordChange(*c)
}

// closing writes the record after a change that ended with err.
func (l *Loader) closing(c *Change, err error) {
	c.At, c.Outcome = l.now().UTC(), "done"
	if err != nil {
		c.Outcome, c.Error = "failed", err.Error()
	}
	if rerr := l.recorder.RecordChange(*c); rerr != nil && err == nil {
		// The change is made and its first record is there: say so, but do not claim that it failed.
		l.log.Error("a change was made, its closing journal record could not be written",
			"action", c.Action, "list", c.List, "version", c.Version, "error", rerr)
	}
}

// retry repeats a read-and-commit while another change comes between.
func retry(ctx context.Context, f func() error) error {
	for attempt := 0; ; attempt++ {
		err := f()
		if attempt >= 20 || !fault.Is(err, errRaced) {
			if fault.Is(err, errRaced) {
				return fault.E(fault.Conflict, "too many changes at the same time: %w", err)
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

// PutList creates a list or changes its settings. A list that is active gets a new generation, because
// its settings take part in every answer.
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
	if err := l.nothingLost(ctx, &g); err != nil {
		return g, 0, err
	}
	succeed(&g, g.Number+1)
	g.At, g.By, g.Action, g.List, g.Reason = l.now().UTC(), by, action, list, reason
	return g, head, nil
}

// succeed makes of a generation the one after it, under the given number.
func succeed(g *lists.Generation, number int) {
	if g.Number > 0 {
		g.Recent = append([]lists.Head{g.Head()}, g.Recent[:min(len(g.Recent), lists.MaxRecent-1)]...)
	}
	g.Number, g.ID, g.Parent, g.Merged = number, uuid.Must(uuid.NewV7()).String(), g.ID, ""
}

// nothingLost makes sure that no live replica serves something that the store does not have any more: a change on top of that gap would
// make the loss final.
func (l *Loader) nothingLost(ctx context.Context, g *lists.Generation) error {
	live, err := lists.Replicas(ctx, l.store, l.now())
	if err != nil {
		return err
	}
	for _, r := range live {
		held, err := l.holds(ctx, g, &r)
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
			return fault.E(errRaced, "generation %d was made meanwhile", now.Number)
		}
		return fault.E(fault.Conflict, "the store is at generation %d and has lost generation %d, which replica %s serves: "+
			"bring it back first (interdict restore --server URL of that replica)", g.Number, r.Generation, r.ID)
	}
	return nil
}

// holds reports whether generation g holds what a replica serves.
func (l *Loader) holds(ctx context.Context, g *lists.Generation, r *lists.Replica) (bool, error) {
	if r.Lost && r.GenerationID == "" {
		return false, nil
	}
	return lists.Descends(ctx, l.store, g, lists.Head{Generation: r.Generation, ID: r.GenerationID})
}

// generationChanges writes the generation's own document, which must be new, and moves the head to it.
func generationChanges(g lists.Generation, head uint64) []lists.Change {
	return []lists.Change{
		lists.Put(lists.DocGeneration(g.Number), g, 0),
		lists.Put(lists.DocHead, lists.Head{Generation: g.Number, ID: g.ID}, head),
	}
}

// errRaced marks a commit that lost against another one, to be told from a Conflict that a person must solve.
const errRaced = fault.Raced

func commit(ctx context.Context, s lists.Store, changes ...lists.Change) error {
	err := s.Commit(ctx, changes...)
	if fault.Is(err, fault.Conflict) {
		return fault.E(errRaced, "%w", err)
	}
	return err
}
