package main

import (
	"bytes"
	"context"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening/sandbox"
)

// sandboxFlags switch test addresses on.
type sandboxFlags struct {
	Sandbox bool `help:"Test addresses that give every result and every error (docs/sandbox.md), in a list of their own; addresses of test networks are read. Never where real transfers are screened. On with --demo."`
}

// sandboxAttempts is how often the list is tried again when another server loads it at the same time.
const sandboxAttempts = 5

// loadSandbox makes the test addresses of this program the active version of their list.
func loadSandbox(ctx context.Context, o *opened) error {
	for attempt := 1; ; attempt++ {
		err := loadSandboxOnce(ctx, o)
		if err == nil || attempt == sandboxAttempts || !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Raced) {
			return err
		}
	}
}

func loadSandboxOnce(ctx context.Context, o *opened) error {
	settings := loader.NewList(sandbox.List, time.Now().UTC())
	settings.Name, settings.Authority, settings.Category = sandbox.Name, sandbox.Authority, "other"
	settings.Policy, settings.Approvals = sandbox.Policy, 0
	there, _, err := o.loader.List(ctx, sandbox.List)
	switch {
	case fault.Is(err, fault.NotFound):
	case err != nil:
		return err
	case there.Authority != sandbox.Authority:
		return fault.E(fault.Invalid, "the store has a list %q of its own, which the sandbox needs for its test addresses: use another store for --sandbox", sandbox.List)
	}
	by := lists.Person(operator())
	v, err := o.loader.Stage(ctx, sandbox.List, []loader.Upload{{Name: "sandbox.ndjson", Body: bytes.NewReader(sandbox.Listings())}},
		loader.StageOptions{Format: "ndjson", By: by, Create: settings, Note: sandbox.Note})
	if err != nil || v.State == lists.Activated {
		return err
	}
	_, err = o.loader.Activate(ctx, sandbox.List, v.Number, loader.ActivateOptions{By: by, Override: "the test addresses of this version of the program",
		Warrant: lists.Warrant{Alone: lists.AloneOperator}})
	return err
}
