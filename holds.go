package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening/archive"
	"interdict/screening/archive/vault"
)

// holds returns what reads the legal holds: those of --holds, and those in the store.
func (f *archiveFlags) holds(store lists.Store) (vault.Holds, error) {
	var flags []vault.Hold
	for _, text := range f.Holds {
		from, to, ok := strings.Cut(text, "/")
		if !ok {
			return nil, usage("--holds %q is not FROM/TO", text)
		}
		first, last, err := lists.HoldPeriod(from, to)
		if err != nil {
			return nil, usage("--holds %q: %w", text, err)
		}
		flags = append(flags, holdOf(text, first, last))
	}
	return func(ctx context.Context) ([]vault.Hold, error) {
		stored, err := lists.ReadHolds(ctx, store)
		if err != nil {
			return nil, err
		}
		all := flags[:len(flags):len(flags)]
		for i := range stored {
			if h := &stored[i]; h.InForce() {
				all = append(all, holdOf(h.ID, h.From, h.To))
			}
		}
		return all, nil
	}, nil
}

func holdOf(id string, from, to *time.Time) vault.Hold {
	h := vault.Hold{ID: id}
	if from != nil {
		h.From = *from
	}
	if to != nil {
		h.To = *to
	}
	return h
}

// dropIndexed removes from the index what is older than before, and than all that is held.
func dropIndexed(ctx context.Context, index archive.Index, before time.Time, read vault.Holds) error {
	holds, err := read(ctx)
	if err != nil {
		return fault.E(fault.KindOf(err), "read the legal holds, without which nothing is deleted: %w", err)
	}
	for _, h := range holds {
		if h.From.Before(before) {
			before = h.From
		}
	}
	if before.IsZero() {
		return nil
	}
	return index.Drop(ctx, before)
}

type auditHoldsCmd struct {
	List holdsListCmd `cmd:"" default:"withargs" help:"Show the legal holds."`
	Add  holdsAddCmd  `cmd:"" help:"Place a legal hold."`
	End  holdsEndCmd  `cmd:"" help:"End a legal hold; on a server a second person must approve."`
}

type holdsListCmd struct {
	target
	JSON bool `help:"Print JSON."`
}

// Help is shown under audit holds list --help.
func (*holdsListCmd) Help() string {
	return "It does not show those of --holds.\n\nExample:\n  interdict audit holds list"
}

func (c *holdsListCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		all, err := o.Holds(e.ctx)
		return printResult(e, c.JSON, all, err, func(all []client.LegalHold) {
			for i := range all {
				printHold(e, &all[i])
			}
		})
	})
}

func printHold(e *env, h *client.LegalHold) {
	fmt.Fprintf(e.stdout, "%s  %-6s  from %s  to %s  by %s: %s\n", h.ID, h.State, orDash(timeText(h.From)), orDash(timeText(h.To)), h.By, h.Reason)
	if h.Ended != nil {
		fmt.Fprintf(e.stdout, "    ended by %s at %s: %s\n", h.Ended.By, h.Ended.At.Format(time.RFC3339), orDash(h.Ended.Reason))
	}
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

type holdsAddCmd struct {
	target
	From   string `help:"First time of the records: 2026-11-01, or 2026-11-01T12:00:00Z; from the beginning when not given." placeholder:"TIME" env:"-"`
	To     string `help:"Last time, or last day; without an end when not given." placeholder:"TIME" env:"-"`
	Reason string `help:"Why, such as a court and its docket; it goes on record." required:"" env:"-"`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown under audit holds add --help.
func (*holdsAddCmd) Help() string {
	return "Examples:\n  interdict audit holds add --from 2024-01-01 --to 2025-06-30 --reason 'subpoena 24-cv-118'\n" +
		"  interdict audit holds add --from 2026-01-01 --reason 'audit of 2026' --server http://127.0.0.1:8080"
}

func (c *holdsAddCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error {
		h, err := o.PlaceHold(e.ctx, client.HoldRequest{From: c.From, To: c.To, Reason: c.Reason})
		return printResult(e, c.JSON, h, err, func(h *client.LegalHold) { printHold(e, h) })
	})
}

type holdsEndCmd struct {
	target
	ID     string `arg:"" help:"Id of the hold."`
	Reason string `help:"Why; it goes on record." required:"" env:"-"`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown under audit holds end --help.
func (*holdsEndCmd) Help() string {
	return "Example:\n  interdict audit holds end ID --reason 'the case is closed' --server http://127.0.0.1:8080"
}

func (c *holdsEndCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error {
		h, err := o.EndHold(e.ctx, c.ID, c.Reason)
		return printResult(e, c.JSON, h, err, func(h *client.LegalHold) { printHold(e, h) })
	})
}
