package main

import (
	"context"
	"fmt"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

type suppressCmd struct {
	Show    suppressionsCmd `cmd:"" default:"withargs" help:"Show the suppressions of a list."`
	Propose proposeCmd      `cmd:"" help:"Ask that what a list says of an address be set aside for a time."`
	Approve approveCmd      `cmd:"" help:"Put a proposed suppression in force; never by who proposed it."`
	Reject  rejectCmd       `cmd:"" help:"End a proposed suppression that was never in force."`
	End     endCmd          `cmd:"" help:"End a suppression before its time."`
}

// Help is shown under suppress --help.
func (*suppressCmd) Help() string {
	return "Examples:\n  interdict suppress propose ofac-sdn 0x098B716B8Aaf21512996dC57EB0615e2383E2f96 --reason 'delisted on 2025-03-21' --until 2026-12-31\n" +
		"  interdict suppress approve ofac-sdn ID"
}

type suppressionsCmd struct {
	storeFlags
	List string `arg:"" help:"Id of the list."`
	JSON bool   `help:"Print JSON."`
}

func (c *suppressionsCmd) Run(e *env) error {
	return c.withReader(e, func(l *loader.Loader) error {
		all, err := l.Suppressions(e.ctx, c.List)
		if err != nil {
			return err
		}
		if c.JSON {
			printJSON(e.stdout, all)
			return nil
		}
		for i := range all {
			printSuppression(e, &all[i])
		}
		return nil
	})
}

func printSuppression(e *env, s *lists.Suppression) {
	decided := ""
	if s.Decided != nil {
		decided = ", decided by " + s.Decided.By
	}
	fmt.Fprintf(e.stdout, "%s  %-8s until %s  %s  proposed by %s%s: %s\n", s.ID, s.StateAt(time.Now()), s.Until.Format(time.RFC3339), s.Address,
		s.ProposedBy, decided, s.Reason)
}

type proposeCmd struct {
	storeFlags
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
			return usage("--until: %q is no date (YYYY-MM-DD)", c.Until)
		}
	}
	return c.withLoader(e, func(l *loader.Loader) error {
		s, err := l.ProposeSuppression(e.ctx, c.List, c.Address, c.Network, c.Reason, until, operator())
		if err != nil {
			return err
		}
		printSuppression(e, s)
		return nil
	})
}

// onSuppression are the arguments of a word on one suppression.
type onSuppression struct {
	storeFlags
	List   string `arg:"" help:"Id of the list."`
	ID     string `arg:"" help:"Id of the suppression."`
	Reason string `help:"Why; it goes on record."`
}

type (
	approveCmd struct{ onSuppression }
	rejectCmd  struct{ onSuppression }
	endCmd     struct{ onSuppression }
)

func (c *approveCmd) Run(e *env) error { return c.judge(e, (*loader.Loader).ApproveSuppression) }
func (c *rejectCmd) Run(e *env) error  { return c.judge(e, (*loader.Loader).RejectSuppression) }
func (c *endCmd) Run(e *env) error     { return c.judge(e, (*loader.Loader).EndSuppression) }

// wordOnSuppression is a method of a loader by which a person decides on one.
type wordOnSuppression func(l *loader.Loader, ctx context.Context, list, id, by, reason string) (*lists.Suppression, error)

func (c *onSuppression) judge(e *env, word wordOnSuppression) error {
	if lists.CheckDocKey(lists.DocSuppression(c.List, c.ID)) != nil {
		return fault.E(fault.NotFound, "there is no such suppression")
	}
	return c.withLoader(e, func(l *loader.Loader) error {
		s, err := word(l, e.ctx, c.List, c.ID, operator(), c.Reason)
		if err != nil {
			return err
		}
		printSuppression(e, s)
		return nil
	})
}
