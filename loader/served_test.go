package loader_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

// hooked is a store of which Scan can be made to do something else first.
type hooked struct {
	lists.Store
	scan func(ctx context.Context, prefix string) error
}

func (h *hooked) Scan(ctx context.Context, prefix string) ([]lists.Doc, error) {
	if err := h.scan(ctx, prefix); err != nil {
		return nil, err
	}
	return h.Store.Scan(ctx, prefix)
}

func (b *bench) hooked(t *testing.T, scan func(ctx context.Context, prefix string) error) *loader.Loader {
	return loader.New(&hooked{b.store, scan}, b.ledger, slog.New(slog.DiscardHandler), t.TempDir(), func() time.Time { return b.now })
}

func (b *bench) report(t *testing.T, generation int, id string) {
	t.Helper()
	if err := b.store.Commit(ctx, lists.Put(lists.DocReplica("r1"), lists.Replica{ID: "r1", Generation: generation, GenerationID: id, Seen: b.now}, lists.AnyRevision)); err != nil {
		t.Fatal(err)
	}
}

// A replica that was killed counts as live for a while. Waiting for it ends with the count, also when the store's own time is up a moment before
// the caller's: the activation is made, and must not be told as failed.
func TestWaitingForReplicasEndsWithTheCount(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	g := b.activate(t, "deny", 1)
	b.report(t, 0, "")
	l := b.hooked(t, func(ctx context.Context, _ string) error {
		if deadline, _ := ctx.Deadline(); time.Until(deadline) < 50*time.Millisecond {
			return fault.E(fault.Unavailable, "i/o timeout")
		}
		return nil
	})
	wait, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if live, serving, err := l.Served(wait, g.Number); err != nil || live != 1 || serving != 0 {
		t.Errorf("%d of %d, %v", serving, live, err)
	}
}

// Nothing is activated on top of a generation that was lost; one that was made and served in the same moment is no loss.
func TestWhatAReplicaServesIsNotBuiltOver(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	g := b.activate(t, "deny", 1)
	b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(evmB+",ethereum,B"))
	activate := func(l *loader.Loader) error {
		_, err := l.Activate(ctx, "deny", 2, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}})
		return err
	}
	for _, served := range []lists.Replica{{Generation: g.Number + 1, GenerationID: "lost"}, {Generation: g.Number, GenerationID: "another"}} {
		b.report(t, served.Generation, served.GenerationID)
		if err := activate(b.Loader); !fault.Is(err, fault.Conflict) {
			t.Errorf("%+v: %v", served, err)
		}
	}
	// Another activation, and a replica that serves it, between the look at the head and the look at the replicas.
	b.report(t, g.Number, g.ID)
	once := false
	err := activate(b.hooked(t, func(_ context.Context, prefix string) error {
		if prefix == lists.DocReplicas && !once {
			once = true
			o := b.settings("other")
			if _, err := b.Stage(ctx, "other", []loader.Upload{{Name: "o", Body: rowsOf(1, 1)}}, loader.StageOptions{Format: "csv", By: lists.Person("ana"), Create: o}); err != nil {
				t.Fatal(err)
			}
			next := b.activate(t, "other", 1)
			b.report(t, next.Number, next.ID)
		}
		return nil
	}))
	if err != nil {
		t.Errorf("a race is taken for a loss: %v", err)
	}
}
