package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/loader"
	"interdict/screening"
)

// replaying are what commands do with earlier generations: on a store (api.Replayer), or through a server (client.Client).
type replaying interface {
	Replay(ctx context.Context, checkID string) (*client.Replay, error)
	LookupAt(ctx context.Context, address, network string, at time.Time) (*client.Answer, error)
	Evidence(ctx context.Context, checkID string, w io.Writer) error
}

var (
	_ replaying = (*api.Replayer)(nil)
	_ replaying = (*client.Client)(nil)
)

// openScratch opens a temporary store for layers of earlier generations.
func openScratch() (lists.Store, error) {
	s, err := diskstore.OpenTemp("")
	if err != nil {
		return nil, err
	}
	return s, nil
}

// replays opens the store for reading, with the folder of the journal if there is one, or a server.
func (t *target) replays(e *env) (r replaying, done func(), err error) {
	if t.Server != "" {
		c, err := t.client()
		if err != nil {
			return nil, nil, err
		}
		return c, c.Close, nil
	}
	store, err := t.openStore(e.ctx, diskstore.ReadOnly)
	if err != nil {
		return nil, nil, e.inUse(err)
	}
	folder, err := t.folder()
	if err != nil {
		store.Close()
		return nil, nil, err
	}
	log := e.quiet()
	l := loader.New(store, nil, log, "", time.Now)
	present := screening.New(store, nil, nil, log, time.Now).Replica
	_ = present.Refresh(e.ctx) // where it fails, the outcome of now says why
	past := api.NewPast(l, present, openScratch, 0, log)
	return api.NewReplayer(api.Audit{Record: folder}, l, present, past, time.Now), func() {
		past.Close()
		store.Close()
	}, nil
}

type auditReplayCmd struct {
	target
	ID   string `arg:"" help:"The check_id of the answer."`
	JSON bool   `help:"Print JSON."`
}

// Help is shown under audit replay --help.
func (*auditReplayCmd) Help() string {
	return "The same check is answered from the generation of its answer, and from the present one. Neither is recorded. Layers that the store no longer\n" +
		"has are built again from the kept uploads.\n\nExample:\n  interdict audit replay 019ad2c4-7b1e-7cc0-8d2f-3a5b6c7d8e9f"
}

func (c *auditReplayCmd) Run(e *env) error {
	r, done, err := c.replays(e)
	if err != nil {
		return err
	}
	defer done()
	out, err := r.Replay(e.ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return printExactly(e.stdout, out)
	}
	fmt.Fprintf(e.stdout, "check       %s\nrecorded    %s\n", out.CheckID, outcomeText(out.Recorded, out.Recorded))
	for _, x := range []struct {
		name string
		of   client.Replayed
	}{{"then", out.Then}, {"now", out.Now}} {
		fmt.Fprintf(e.stdout, "%-11s %s (generation %d, at %s)\n", x.name, outcomeText(x.of.Answer, x.of.Error), x.of.Generation, x.of.At.Format(time.RFC3339))
	}
	if !out.Reproduced {
		fmt.Fprintln(e.stdout, "The outcome of then is not the recorded one: compare both with --json.")
	}
	if len(out.Differences) == 0 {
		fmt.Fprintln(e.stdout, "No differences between then and now.")
	}
	for _, d := range out.Differences {
		fmt.Fprintf(e.stdout, "  %s: %s → %s\n", d.Field, d.Then, d.Now)
	}
	return nil
}

// outcomeText says in a few words what an answer, or the problem in its place, says.
func outcomeText(answer, problem []byte) string {
	var x struct {
		Result, Action, Code, Detail string
		Matches                      []json.RawMessage
	}
	if len(answer) > 0 {
		problem = answer
	}
	if err := json.Unmarshal(problem, &x); err != nil {
		return "unreadable: " + err.Error()
	}
	switch {
	case x.Code != "":
		return "no answer: " + x.Code + ": " + x.Detail
	case x.Action != "":
		return fmt.Sprintf("%s, %s, %d matches", x.Result, x.Action, len(x.Matches))
	}
	return fmt.Sprintf("%s, %d matches", x.Result, len(x.Matches))
}

type auditEvidenceCmd struct {
	target
	ID string `arg:"" help:"The check_id of the answer."`
}

// Help is shown under audit evidence --help.
func (*auditEvidenceCmd) Help() string {
	return "The archive has the decision, its receipt, and of each match the listing, what the uploaded file says there, and the history of the list.\n" +
		"Its README.txt says how to verify the receipt without a server.\n\n" +
		"Example:\n  interdict audit evidence 019ad2c4-7b1e-7cc0-8d2f-3a5b6c7d8e9f > evidence.zip"
}

func (c *auditEvidenceCmd) Run(e *env) error {
	r, done, err := c.replays(e)
	if err != nil {
		return err
	}
	defer done()
	return r.Evidence(e.ctx, c.ID, e.file())
}
