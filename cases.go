package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"interdict/api/client"
	"interdict/lists/fault"
)

type casesCmd struct {
	List      casesListCmd      `cmd:"" default:"withargs" help:"Show cases."`
	Counts    casesCountsCmd    `cmd:"" help:"Show how many cases are not resolved: by queue, by state, and by person."`
	Show      casesShowCmd      `cmd:"" help:"Show one case with its answer, attachments and history."`
	Take      casesTakeCmd      `cmd:"" help:"Work on cases."`
	Release   casesReleaseCmd   `cmd:"" help:"Give cases back."`
	Wait      casesWaitCmd      `cmd:"" help:"Note what cases wait for."`
	Note      casesNoteCmd      `cmd:"" help:"Add a note to cases."`
	Recommend casesRecommendCmd `cmd:"" help:"Recommend how to resolve cases; another person resolves them."`
	Resolve   casesResolveCmd   `cmd:"" help:"Resolve cases."`
	Attach    casesAttachCmd    `cmd:"" help:"Attach a file to a case."`
	Save      casesSaveCmd      `cmd:"" help:"Save an attachment of a case."`
}

type casesListCmd struct {
	target
	State   string `help:"open (all but resolved), new, investigating, waiting, resolved, or all." enum:"open,new,investigating,waiting,resolved,all" default:"open" env:"-"`
	Queue   string `help:"exact, derived or suspected." enum:",exact,derived,suspected" default:"" env:"-"`
	Kind    string `help:"hit or look_back." enum:",hit,look_back" default:"" env:"-"`
	TakenBy string `help:"Only cases that this person works on." placeholder:"PERSON" env:"-"`
	In      string `help:"Only cases of this list." placeholder:"LIST" env:"-"`
	JSON    bool   `help:"Print JSON."`
}

// Help is shown under cases list --help.
func (*casesListCmd) Help() string {
	return "Examples:\n  interdict cases --server http://127.0.0.1:8080\n  interdict cases list --queue exact --state new --server http://127.0.0.1:8080"
}

func (c *casesListCmd) Run(e *env) error {
	api, err := c.indexed("cases")
	if err != nil {
		return err
	}
	defer api.Close()
	q := client.CaseQuery{State: c.State, Queue: c.Queue, Kind: c.Kind, TakenBy: c.TakenBy, List: c.In, Limit: 1000}
	out := &client.CasePage{Cases: []client.Case{}}
	for {
		page, err := api.Cases(e.ctx, q)
		if err != nil {
			return err
		}
		out.Cases = append(out.Cases, page.Cases...)
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	return printResult(e, c.JSON, out, nil, func(out *client.CasePage) {
		for i := range out.Cases {
			printCase(e, &out.Cases[i])
		}
		fmt.Fprintf(e.stdout, "%d cases\n", len(out.Cases))
	})
}

func printCase(e *env, c *client.Case) {
	fmt.Fprintf(e.stdout, "%s  %-13s %-9s %-9s %s  due %s  %s\n", c.ID, c.State, c.Queue, c.Kind, c.At.Format(time.RFC3339), orDash(c.Due), c.Request.Address)
	fmt.Fprintf(e.stdout, "    check %s at %s by %s, reference %s, customer %s\n", c.CheckID, c.CheckedAt.Format(time.RFC3339), c.By, orDash(c.Request.Reference), orDash(c.Request.Customer))
	fmt.Fprintf(e.stdout, "    told %s %s in generation %d", c.Told.Result, orDash(c.Told.Action), c.Told.Generation)
	if c.Now != nil {
		fmt.Fprintf(e.stdout, "; %s: now %s %s in generation %d", c.Cause, c.Now.Result, orDash(c.Now.Action), c.Now.Generation)
	}
	fmt.Fprintf(e.stdout, " (%s)\n", orDash(strings.Join(c.Lists, ", ")))
	if c.TakenBy != "" {
		fmt.Fprintf(e.stdout, "    taken by %s\n", c.TakenBy)
	}
	if w := c.Waiting; w != nil {
		until := ""
		if w.Until != nil {
			until = " until " + w.Until.Format(time.RFC3339)
		}
		fmt.Fprintf(e.stdout, "    waits%s: %s\n", until, w.Reason)
	}
	for _, d := range []struct {
		what string
		*client.CaseDecision
	}{{"recommended", c.Recommendation}, {"resolved", c.Resolved}} {
		if d.CaseDecision != nil {
			fmt.Fprintf(e.stdout, "    %s by %s at %s, %s: %s\n", d.what, d.By, d.At.Format(time.RFC3339), orDash(d.Outcome), d.Reason)
		}
	}
}

type casesCountsCmd struct {
	target
	In   string `help:"Only cases of this list." placeholder:"LIST" env:"-"`
	JSON bool   `help:"Print JSON."`
}

// Help is shown under cases counts --help.
func (*casesCountsCmd) Help() string {
	return "Example:\n  interdict cases counts --server http://127.0.0.1:8080"
}

func (c *casesCountsCmd) Run(e *env) error {
	api, err := c.indexed("cases")
	if err != nil {
		return err
	}
	defer api.Close()
	out, err := api.CaseCounts(e.ctx, client.CaseQuery{List: c.In})
	return printResult(e, c.JSON, out, err, func(out *client.CaseCounts) {
		fmt.Fprintf(e.stdout, "%d cases\nqueues: %d exact, %d derived, %d suspected\nstates: %d new, %d investigating, %d waiting\n", out.Total,
			out.Queues.Exact, out.Queues.Derived, out.Queues.Suspected, out.States.New, out.States.Investigating, out.States.Waiting)
		for _, person := range slices.Sorted(maps.Keys(out.TakenBy)) {
			fmt.Fprintf(e.stdout, "%s: %d\n", person, out.TakenBy[person])
		}
	})
}

type casesShowCmd struct {
	target
	ID   string `arg:"" help:"The check_id of a hit, or the id of an alert."`
	JSON bool   `help:"Print JSON, with the answer byte for byte."`
}

// Help is shown under cases show --help.
func (*casesShowCmd) Help() string {
	return "Example:\n  interdict cases show 019ad2c4-7b1e-7cc0-8d2f-3a5b6c7d8e9f --server http://127.0.0.1:8080"
}

func (c *casesShowCmd) Run(e *env) error {
	api, err := c.indexed("cases")
	if err != nil {
		return err
	}
	defer api.Close()
	x, err := api.Case(e.ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return printExactly(e.stdout, x)
	}
	printCase(e, x)
	for _, f := range x.Attachments {
		fmt.Fprintf(e.stdout, "    file %d: %s, %d bytes, by %s at %s\n", f.Number, f.Name, f.Size, f.By, f.At.Format(time.RFC3339))
	}
	for _, h := range x.History {
		text := strings.TrimSpace(strings.Join([]string{h.Outcome, h.File, h.Reason}, " "))
		if h.From != "" {
			text += " (from " + h.From + ")"
		}
		fmt.Fprintf(e.stdout, "    %s  %s  %s  %s\n", h.At.Format(time.RFC3339), h.By, h.Do, text)
	}
	fmt.Fprintf(e.stdout, "    answer %s\n", orDash(string(x.Answer)))
	return nil
}

// workFlags are what all commands that work on cases have.
type workFlags struct {
	target
	IDs  []string `arg:"" name:"id" help:"Cases: the check_id of a hit, or the id of an alert."`
	JSON bool     `help:"Print JSON."`
}

// work does the same with all cases. It returns an error if it failed with one.
func (f *workFlags) work(e *env, do client.CaseBulk) error {
	api, err := f.indexed("cases")
	if err != nil {
		return err
	}
	defer api.Close()
	results := []client.CaseResult{}
	failed := 0
	for ids := f.IDs; len(ids) > 0; {
		do.IDs = ids[:min(len(ids), client.MaxBulk)]
		ids = ids[len(do.IDs):]
		part, err := api.BulkCases(e.ctx, do)
		if err != nil {
			return err
		}
		results = append(results, part...)
	}
	for i := range results {
		r := &results[i]
		if r.Case == nil {
			failed++
			fmt.Fprintf(e.stderr, "interdict: %s: %s\n", r.ID, client.ProblemText(r.Error))
		} else if !f.JSON {
			printCase(e, r.Case)
		}
	}
	if f.JSON {
		printJSON(e.stdout, map[string]any{"results": results})
	}
	if failed > 0 {
		return fault.E(fault.Conflict, "%d of %d cases have not changed", failed, len(results))
	}
	return nil
}

type casesTakeCmd struct {
	workFlags
	Reason string `help:"Why the case is taken over from another person, which an approver can." env:"-"`
}

// Help is shown under cases take --help.
func (*casesTakeCmd) Help() string {
	return "Examples:\n  interdict cases take ID --server http://127.0.0.1:8080\n  interdict cases take ID --reason 'Ana is on leave' --server http://127.0.0.1:8080"
}

func (c *casesTakeCmd) Run(e *env) error {
	return c.work(e, client.CaseBulk{Do: "take", Reason: c.Reason})
}

type casesReleaseCmd struct {
	workFlags
	Reason string `help:"Why." env:"-"`
}

// Help is shown under cases release --help.
func (*casesReleaseCmd) Help() string {
	return "Example:\n  interdict cases release ID --server http://127.0.0.1:8080"
}

func (c *casesReleaseCmd) Run(e *env) error {
	return c.work(e, client.CaseBulk{Do: "release", Reason: c.Reason})
}

type casesWaitCmd struct {
	workFlags
	Reason string `help:"What they wait for." required:"" env:"-"`
	Until  string `help:"Until when at the latest: 2026-12-01, or 2026-12-01T12:00:00Z." placeholder:"TIME" env:"-"`
}

// Help is shown under cases wait --help.
func (*casesWaitCmd) Help() string {
	return "Example:\n  interdict cases wait ID --reason 'asked for the source of the funds' --until 2027-01-15 --server http://127.0.0.1:8080"
}

func (c *casesWaitCmd) Run(e *env) error {
	do := client.CaseBulk{Do: "wait", Reason: c.Reason}
	if c.Until != "" {
		at, err := time.Parse(time.RFC3339, c.Until)
		if err != nil {
			if at, err = time.Parse(time.DateOnly, c.Until); err != nil {
				return usage("--until %q is no time such as 2026-12-01 or 2026-12-01T12:00:00Z", c.Until)
			}
		}
		do.Until = &at
	}
	return c.work(e, do)
}

type casesNoteCmd struct {
	workFlags
	Text string `help:"The note." required:"" env:"-"`
}

// Help is shown under cases note --help.
func (*casesNoteCmd) Help() string {
	return "Example:\n  interdict cases note ID --text 'the exchange confirms that the wallet is its own' --server http://127.0.0.1:8080"
}

func (c *casesNoteCmd) Run(e *env) error {
	return c.work(e, client.CaseBulk{Do: "note", Reason: c.Text})
}

// verdictFlags are the outcome of cases.
type verdictFlags struct {
	workFlags
	Outcome string `help:"true_match, false_positive, release or other." enum:"true_match,false_positive,release,other" required:"" env:"-"`
	Reason  string `help:"What was found and done; it goes on record." required:"" env:"-"`
}

type casesRecommendCmd struct{ verdictFlags }

// Help is shown under cases recommend --help.
func (*casesRecommendCmd) Help() string {
	return "Example:\n  interdict cases recommend ID --outcome false_positive --reason 'a wallet that many share' --server http://127.0.0.1:8080"
}

func (c *casesRecommendCmd) Run(e *env) error {
	return c.work(e, client.CaseBulk{Do: "recommend", Outcome: c.Outcome, Reason: c.Reason})
}

type casesResolveCmd struct{ verdictFlags }

// Help is shown under cases resolve --help.
func (*casesResolveCmd) Help() string {
	return "It needs a key with role approver, of another person than the one who recommended the outcome.\n\n" +
		"Example:\n  interdict cases resolve ID --outcome true_match --reason 'funds frozen, reported as 2026-118' --server http://127.0.0.1:8080"
}

func (c *casesResolveCmd) Run(e *env) error {
	return c.work(e, client.CaseBulk{Do: "resolve", Outcome: c.Outcome, Reason: c.Reason})
}

type casesAttachCmd struct {
	target
	ID   string `arg:"" help:"The check_id of a hit, or the id of an alert."`
	File string `arg:"" help:"The file, at most 10 MiB; - reads standard input."`
	Name string `help:"Name of the attachment; that of the file when not given." env:"-"`
	JSON bool   `help:"Print JSON."`
}

// Help is shown under cases attach --help.
func (*casesAttachCmd) Help() string {
	return "Example:\n  interdict cases attach ID screenshot.png --server http://127.0.0.1:8080"
}

func (c *casesAttachCmd) Run(e *env) error {
	api, err := c.indexed("cases")
	if err != nil {
		return err
	}
	defer api.Close()
	content, err := readInput(e, c.File, client.MaxAttachmentBytes)
	if err != nil {
		return err
	}
	name := c.Name
	if name == "" && c.File != "-" {
		name = filepath.Base(c.File)
	}
	x, err := api.AttachToCase(e.ctx, c.ID, name, content)
	return printResult(e, c.JSON, x, err, func(x *client.Case) {
		f := x.Attachments[len(x.Attachments)-1]
		fmt.Fprintf(e.stdout, "attachment %d: %s, %d bytes, SHA-256 %s\n", f.Number, f.Name, f.Size, f.SHA256)
	})
}

type casesSaveCmd struct {
	target
	ID     string `arg:"" help:"The check_id of a hit, or the id of an alert."`
	Number int    `arg:"" help:"Number of the attachment, as cases show tells it."`
	File   string `arg:"" help:"Where to: a file that does not exist."`
}

// Help is shown under cases save --help.
func (*casesSaveCmd) Help() string {
	return "It is what a person has uploaded: open it with care.\n\nExample:\n  interdict cases save ID 1 screenshot.png --server http://127.0.0.1:8080"
}

func (c *casesSaveCmd) Run(e *env) error {
	api, err := c.indexed("cases")
	if err != nil {
		return err
	}
	defer api.Close()
	content, err := api.CaseFile(e.ctx, c.ID, c.Number)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.E(fault.Invalid, "%w", err)
	}
	if _, err = f.Write(content); err != nil {
		_ = f.Close()
		return fault.E(fault.Unavailable, "write %s: %w", c.File, err)
	}
	return f.Close()
}
