// Package loader makes every change of a list, for the API and for the commands.
//
//	upload ── build: bytes → layer and report ── guards ── version "staged"              stage.go guard.go
//	   └─ approvals, and a reason where a guard trips ── one Commit: the next generation   activate.go
//
//	settings.go  creates lists and changes their settings
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
	"interdict/lists/fault"
	"interdict/loader/build"
)

// Loader changes lists in one store.
type Loader struct {
	Reader
	ledger  lists.Ledger
	log     *slog.Logger
	now     func() time.Time
	builder *build.Builder
	grown   chan string   // lists that may have too many layers now
	builds  chan struct{} // holds one value for each upload that is being read

	rebuildError atomic.Pointer[error]           // why lists cannot be rebuilt
	damaged      atomic.Pointer[map[string]bool] // ids of the layers that the last Verify found damaged
}

// New makes a loader. spoolDir is the folder for temporary files; "" for the system's.
func New(store lists.Store, recorder lists.Recorder, log *slog.Logger, spoolDir string, now func() time.Time) *Loader {
	return &Loader{Reader: Reader{store}, ledger: lists.Ledger{Recorder: recorder, Log: log, Now: now}, log: log, now: now, builder: &build.Builder{Store: store, Dir: spoolDir, Log: log},
		grown: make(chan string, 16), builds: make(chan struct{}, maxBuilds)}
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
	r, err := lists.ServesLost(ctx, l.store, l.now(), g)
	if err != nil || r == nil {
		return err
	}
	return fault.E(fault.Conflict, "the store is at generation %d and has lost generation %d, which replica %s serves: "+
		"restore it first (interdict restore --server URL of that replica)", g.Number, r.Generation, r.ID)
}

// generationChanges returns the changes that store a new generation and move the head to it.
func generationChanges(g lists.Generation, head uint64) []lists.Change {
	return []lists.Change{
		lists.Put(lists.DocGeneration(g.Number), g, 0),
		lists.Put(lists.DocHead, lists.Head{Generation: g.Number, ID: g.ID}, head),
	}
}
