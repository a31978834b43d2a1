package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"interdict/api/client"
	"interdict/lists"
)

type proposalsCmd struct {
	List    proposalListCmd    `cmd:"" default:"withargs" help:"Show the changes that wait for a second person."`
	Show    proposalShowCmd    `cmd:"" help:"Show one proposal."`
	Approve proposalApproveCmd `cmd:"" help:"Make the change that another person has proposed."`
	Reject  proposalRejectCmd  `cmd:"" help:"End a proposal without the change; its author takes it back so."`
}

type proposalListCmd struct {
	target
	State string `help:"Those in this state: open, approved, rejected, withdrawn, expired; all for all." default:"open" enum:"open,approved,rejected,withdrawn,expired,all" env:"-"`
	JSON  bool   `help:"Print JSON."`
}

// Help is shown under proposals list --help.
func (*proposalListCmd) Help() string {
	return "Examples:\n  interdict proposals list\n  interdict proposals list --state all --json --server http://127.0.0.1:8080"
}

func (c *proposalListCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		state := lists.ProposalState(c.State)
		if c.State == "all" {
			state = ""
		}
		all, err := o.Proposals(e.ctx, state)
		return printResult(e, c.JSON, all, err, func(all []client.Proposal) {
			for i := range all {
				printProposal(e, &all[i])
			}
			fmt.Fprintf(e.stdout, "%d proposals; versions that wait for approval: interdict lists\n", len(all))
		})
	})
}

type proposalShowCmd struct {
	target
	ID   string `arg:"" help:"Id of the proposal."`
	JSON bool   `help:"Print JSON."`
}

// Help is shown under proposals show --help.
func (*proposalShowCmd) Help() string {
	return "Example:\n  interdict proposals show ID --server http://127.0.0.1:8080"
}

func (c *proposalShowCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		p, err := o.Proposal(e.ctx, c.ID)
		return printResult(e, c.JSON, p, err, func(p *client.Proposal) { printProposal(e, p) })
	})
}

func printProposal(e *env, p *client.Proposal) {
	fmt.Fprintf(e.stdout, "%s  %-9s %-10s %s by %s at %s: %s\n", p.ID, p.State, p.Kind, orDash(cmp.Or(p.List, p.Subject)), p.By, p.At.Format(time.RFC3339), orDash(p.Reason))
	fmt.Fprintf(e.stdout, "    before %s\n    after  %s\n", p.Before, p.After)
	if p.Decided != nil {
		fmt.Fprintf(e.stdout, "    %s by %s at %s: %s\n", p.State, p.Decided.By, p.Decided.At.Format(time.RFC3339), orDash(p.Decided.Reason))
	}
}

// onProposal are the arguments of a decision on one proposal.
type onProposal struct {
	target
	ID     string `arg:"" help:"Id of the proposal."`
	Reason string `help:"Why; it goes on record." env:"-"`
	JSON   bool   `help:"Print JSON."`
}

type (
	proposalApproveCmd struct{ onProposal }
	proposalRejectCmd  struct{ onProposal }
)

// Help is shown under proposals approve --help.
func (*proposalApproveCmd) Help() string {
	return "Example:\n  interdict proposals approve ID --reason 'agreed in the meeting' --server http://127.0.0.1:8080"
}

// Help is shown under proposals reject --help.
func (*proposalRejectCmd) Help() string {
	return "Example:\n  interdict proposals reject ID --reason 'the list is still needed'"
}

func (c *proposalApproveCmd) Run(e *env) error { return c.decide(e, operations.ApproveProposal) }
func (c *proposalRejectCmd) Run(e *env) error  { return c.decide(e, operations.RejectProposal) }

func (c *onProposal) decide(e *env, decide func(o operations, ctx context.Context, id, reason string) (*client.Proposal, error)) error {
	return c.changes(e, func(o operations) error {
		p, err := decide(o, e.ctx, c.ID, c.Reason)
		return printResult(e, c.JSON, p, err, func(p *client.Proposal) { printProposal(e, p) })
	})
}
