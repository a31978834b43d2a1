package main

import (
	"context"
	"fmt"
	"time"

	"interdict/api/client"
)

type suppressCmd struct {
	Show    suppressionsCmd       `cmd:"" default:"withargs" help:"Show the suppressions of a list."`
	Propose proposeCmd            `cmd:"" help:"Ask that what a list says of an address be set aside for a time."`
	Approve approveSuppressionCmd `cmd:"" help:"Put a proposed suppression in force; never by who proposed it."`
	Reject  rejectSuppressionCmd  `cmd:"" help:"End a proposed suppression that was never in force."`
	End     endSuppressionCmd     `cmd:"" help:"End a suppression before its time."`
}

// Help is shown under suppress --help.
func (*suppressCmd) Help() string {
	return "Examples:\n  interdict suppress propose ofac-sdn 0x098B716B8Aaf21512996dC57EB0615e2383E2f96 --reason 'delisted on 2025-03-21' --until 2026-12-31\n" +
		"  interdict suppress approve ofac-sdn ID"
}

type suppressionsCmd struct {
	target
	List string `arg:"" help:"Id of the list."`
	JSON bool   `help:"Print JSON."`
}

func (c *suppressionsCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		all, err := o.Suppressions(e.ctx, c.List)
		return printResult(e, c.JSON, all, err, func(all []client.Suppression) {
			for i := range all {
				printSuppression(e, &all[i])
			}
		})
	})
}

func printSuppression(e *env, s *client.Suppression) {
	decided := ""
	if s.Decided != nil {
		decided = ", decided by " + s.Decided.By
	}
	fmt.Fprintf(e.stdout, "%s  %-8s until %s  %s  proposed by %s%s: %s\n", s.ID, s.State, s.Until.Format(time.RFC3339), s.Address,
		s.ProposedBy, decided, s.Reason)
}

type proposeCmd struct {
	target
	List    string `arg:"" help:"Id of the list."`
	Address string `arg:"" help:"The listed address."`
	Network string `help:"Network of the address; every reading of the text when not given."`
	Reason  string `help:"Why; it goes on record and into answers." required:""`
	Until   string `help:"When it ends by itself, at most 366 days from now." required:"" placeholder:"YYYY-MM-DD"`
}

func (c *proposeCmd) Run(e *env) error {
	until, err := time.Parse(time.DateOnly, c.Until)
	if err != nil {
		if until, err = time.Parse(time.RFC3339, c.Until); err != nil {
			return usage("--until: %q is not a date (YYYY-MM-DD)", c.Until)
		}
	}
	return c.changes(e, func(o operations) error {
		s, err := o.ProposeSuppression(e.ctx, c.List, client.SuppressionRequest{Address: c.Address, Network: c.Network, Reason: c.Reason, Until: until})
		if err != nil {
			return err
		}
		printSuppression(e, s)
		return nil
	})
}

// onSuppression are the arguments of a decision on one suppression.
type onSuppression struct {
	target
	List   string `arg:"" help:"Id of the list."`
	ID     string `arg:"" help:"Id of the suppression."`
	Reason string `help:"Why; it goes on record."`
}

type (
	approveSuppressionCmd struct{ onSuppression }
	rejectSuppressionCmd  struct{ onSuppression }
	endSuppressionCmd     struct{ onSuppression }
)

// Help is shown under suppress approve --help.
func (*approveSuppressionCmd) Help() string {
	return "Example:\n  interdict suppress approve ofac-sdn ID --server http://127.0.0.1:8080"
}

// Help is shown under suppress reject --help.
func (*rejectSuppressionCmd) Help() string {
	return "Example:\n  interdict suppress reject ofac-sdn ID --reason 'no proof'"
}

// Help is shown under suppress end --help.
func (*endSuppressionCmd) Help() string {
	return "Example:\n  interdict suppress end ofac-sdn ID --reason 'the list was corrected'"
}

func (c *approveSuppressionCmd) Run(e *env) error { return c.decide(e, operations.ApproveSuppression) }
func (c *rejectSuppressionCmd) Run(e *env) error  { return c.decide(e, operations.RejectSuppression) }
func (c *endSuppressionCmd) Run(e *env) error     { return c.decide(e, operations.EndSuppression) }

func (c *onSuppression) decide(e *env, decide func(o operations, ctx context.Context, list, id, reason string) (*client.Suppression, error)) error {
	return c.changes(e, func(o operations) error {
		s, err := decide(o, e.ctx, c.List, c.ID, c.Reason)
		if err != nil {
			return err
		}
		printSuppression(e, s)
		return nil
	})
}
