package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // images without a database of time zones

	"github.com/google/uuid"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
	"interdict/screening/report"
)

type reportCmd struct {
	Due        reportDueCmd        `cmd:"" help:"When a report to OFAC is due."`
	Blocked    reportBlockedCmd    `cmd:"" help:"The property that was blocked on 30 June, as CSV, for the annual report to OFAC."`
	Timeliness reportTimelinessCmd `cmd:"" help:"How long lists take from publication until every server answers from them."`
	Traffic    trafficCmd          `cmd:"" help:"How many checks were answered over time."`
	Shadow     shadowCmd           `cmd:"" help:"How the drop-in endpoints compare with the original services."`
}

// zone is the time zone in which days begin and end.
type zone struct {
	Timezone string `help:"Where days begin and end." default:"America/New_York" placeholder:"ZONE" env:"-"`
}

func (z *zone) location() (*time.Location, error) {
	in, err := time.LoadLocation(z.Timezone)
	if err != nil {
		return nil, usage("--timezone: %w", err)
	}
	return in, nil
}

type reportDueCmd struct {
	zone
	Kind string `arg:"" help:"blocked (31 CFR 501.603(b)(1)), rejected (501.604) or unblocked (501.603(b)(3))." enum:"blocked,rejected,unblocked"`
	At   string `arg:"" help:"When it happened: 2026-03-02, or 2026-03-02T15:04:05Z."`
	JSON bool   `help:"Print JSON."`
}

// Help is shown under report due --help.
func (*reportDueCmd) Help() string {
	return "The report is due ten business days after the day of the event, which does not count. Saturdays, Sundays and the holidays of the US federal government\n" +
		"(5 U.S.C. 6103) are not business days. Inauguration Day and days off by executive order count as business days: the date is early then, never late.\n\n" +
		"Example:\n  interdict report due blocked 2026-12-18"
}

func (c *reportDueCmd) Run(e *env) error {
	in, err := c.location()
	if err != nil {
		return err
	}
	at, err := time.ParseInLocation(time.DateOnly, c.At, in)
	if err != nil {
		if at, err = time.Parse(time.RFC3339, c.At); err != nil {
			return usage("%q: not a time such as 2026-03-02 or 2026-03-02T15:04:05Z", c.At)
		}
		at = at.In(in)
	}
	due, err := report.DueDate(report.Kind(c.Kind), at)
	if err != nil {
		return err
	}
	if c.JSON {
		printJSON(e.stdout, map[string]string{"kind": c.Kind, "date": at.Format(time.DateOnly), "due": due.Format(time.DateOnly)})
		return nil
	}
	_, err = fmt.Fprintln(e.stdout, due.Format(time.DateOnly))
	return err
}

type reportBlockedCmd struct {
	target
	zone
	Year     int    `help:"Property that was blocked on 30 June of this year." required:"" placeholder:"YEAR" env:"-"`
	Releases string `help:"CSV file with the columns check_id, released_at and note: what was unblocked or transferred." placeholder:"FILE" env:"-"`
}

// Help is shown under report blocked --help.
func (*reportBlockedCmd) Help() string {
	return "One row for each deposit that a check said to freeze; checks of the same reference, customer and address are one. The report (31 CFR 501.603(b)(2)) is due\n" +
		"on 30 September. Rows with held_on_30_june \"no\" were released in the twelve months before and are not part of the report.\n" +
		"Interdict does not know amounts, so amount and value_usd are empty; nor does it know releases: keep them in a file for --releases.\n" +
		"It reads the journal of this machine, which a server may have open, or the record of all servers through --server (role auditor).\n\n" +
		"Examples:\n  interdict report blocked --year 2026 > arbp-2026.csv\n  interdict report blocked --year 2026 --releases releases.csv --server http://127.0.0.1:8080"
}

func (c *reportBlockedCmd) Run(e *env) error {
	in, err := c.location()
	if err != nil {
		return err
	}
	if c.Year < 1997 || c.Year > 9999 {
		return usage("--year %d: not a year of an annual report", c.Year)
	}
	var releases []report.Release
	if c.Releases != "" {
		if releases, err = readReleases(e, c.Releases, in); err != nil {
			return err
		}
	}
	end := report.AsOf(c.Year, in)
	decisions, done, err := c.decisions(e, end)
	if err != nil {
		return err
	}
	defer done()
	holdings, unknown, err := report.Holdings(c.Year, in, decisions, releases)
	if err != nil {
		return err
	}
	out := csv.NewWriter(e.stdout)
	if err := out.Write(report.HoldingColumns); err != nil {
		return err
	}
	for i := range holdings {
		if err := out.Write(loader.SafeCells(holdings[i].Cells(in))); err != nil {
			return err
		}
	}
	if out.Flush(); out.Error() != nil {
		return out.Error()
	}
	if time.Now().Before(end) {
		fmt.Fprintf(e.stderr, "interdict: 30 June %d is not over: property that is blocked until then is missing\n", c.Year)
	}
	for _, r := range unknown {
		fmt.Fprintf(e.stderr, "interdict: release of check %s: no check with this id said freeze until 30 June %d\n", r.CheckID, c.Year)
	}
	if len(unknown) > 0 {
		return fault.E(fault.NotFound, "%d releases belong to no property in this record", len(unknown))
	}
	return nil
}

// decisions returns the decisions before a time. An error ends them.
func (c *reportBlockedCmd) decisions(e *env, end time.Time) (all iter.Seq2[*screening.Decision, error], done func(), err error) {
	if c.Server != "" {
		server, err := c.client()
		if err != nil {
			return nil, nil, err
		}
		return serverDecisions(e.ctx, server, end), server.Close, nil
	}
	folder, err := c.folder()
	if err != nil {
		return nil, nil, err
	}
	return journalDecisions(e.ctx, folder.Dir, end), func() {}, nil
}

// journalDecisions returns the decisions in a folder. A damaged segment is an error: what it held could be property.
func journalDecisions(ctx context.Context, dir string, end time.Time) iter.Seq2[*screening.Decision, error] {
	return func(yield func(*screening.Decision, error) bool) {
		for rec, err := range journal.Range(ctx, dir, time.Time{}, end) {
			if errors.As(err, new(*journal.DamageError)) {
				err = fault.E(fault.Unavailable, "the journal is damaged, and the report would not be complete: %w; interdict audit verify shows where", err)
			}
			var d *screening.Decision
			if err == nil && rec.Kind == journal.Check {
				d, err = screening.DecodeRecord(rec.Kind, rec.ID, rec.Time, rec.Payload)
			}
			if d == nil && err == nil {
				continue
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// serverDecisions returns the hits that the index of a server has. That it is not complete is an error.
func serverDecisions(ctx context.Context, server *client.Client, end time.Time) iter.Seq2[*screening.Decision, error] {
	return func(yield func(*screening.Decision, error) bool) {
		q := client.AuditQuery{Kind: "check", Result: screening.ResultHit, To: end, Limit: 1000}
		until := end
		if now := time.Now().Add(-time.Minute); now.Before(until) {
			until = now
		}
		for {
			page, err := server.Audit(ctx, q)
			if err == nil && (len(page.Gaps) > 0 || page.CompleteUntil == nil || page.CompleteUntil.Before(until)) {
				err = fault.E(fault.Unavailable, "the server's index of the record is not complete until %s: %s", until.UTC().Format(time.RFC3339),
					strings.Join(slices.Concat(page.Gaps, page.Behind), "; "))
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Records {
				d, err := decisionOf(&page.Records[i])
				if !yield(d, err) || err != nil {
					return
				}
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				return
			}
		}
	}
}

func decisionOf(r *client.AuditRecord) (*screening.Decision, error) {
	if r.Check == nil {
		return nil, fault.E(fault.Unavailable, "record %d of writer %s cannot be read", r.Sequence, r.Writer)
	}
	id, err := uuid.Parse(r.Check.CheckID)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "record %d of writer %s: the check has no id", r.Sequence, r.Writer)
	}
	return &screening.Decision{ID: id, At: r.Check.At, Asset: r.Check.Request.Asset, Direction: lists.Direction(r.Check.Request.Direction),
		Reference: r.Check.Request.Reference, Customer: r.Check.Request.Customer, Result: r.Check.Result, Action: lists.Action(r.Check.Action),
		Identity: r.Check.Identity, Answer: r.Check.Answer}, nil
}

// readReleases reads a CSV file whose first line names the columns check_id, released_at and, if there is one, note.
func readReleases(e *env, name string, in *time.Location) ([]report.Release, error) {
	b, err := readInput(e, name, 64<<20)
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(b), "\ufeff")))
	head, err := rows.Read()
	if err != nil {
		return nil, fault.E(fault.Invalid, "%s: %w", name, err)
	}
	column := map[string]int{}
	for i, cell := range head {
		column[strings.TrimSpace(cell)] = i
	}
	id, hasID := column["check_id"]
	at, hasAt := column["released_at"]
	note, hasNote := column["note"]
	if !hasID || !hasAt {
		return nil, fault.E(fault.Invalid, "%s: the first line must name the columns check_id and released_at", name)
	}
	var all []report.Release
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fault.E(fault.Invalid, "%s: %w", name, err)
		}
		line, _ := rows.FieldPos(0)
		check, err := uuid.Parse(strings.TrimSpace(row[id]))
		if err != nil {
			return nil, fault.E(fault.Invalid, "%s, line %d: check_id is not the id of a check", name, line)
		}
		r := report.Release{CheckID: check.String()}
		text := strings.TrimSpace(row[at])
		if r.At, err = time.Parse(time.RFC3339, text); err != nil {
			day, err := time.ParseInLocation(time.DateOnly, text, in)
			if err != nil {
				return nil, fault.E(fault.Invalid, "%s, line %d: released_at is not a time such as 2026-03-02 or 2026-03-02T15:04:05Z", name, line)
			}
			r.At = day.AddDate(0, 0, 1).Add(-time.Second) // the day of the block is not before it
		}
		if hasNote {
			r.Note = row[note]
		}
		all = append(all, r)
	}
}

type reportTimelinessCmd struct {
	target
	List string `arg:"" optional:"" help:"Id of the list; all lists if it is left out."`
	From string `help:"Only activations of this time or later: 2026-11-01, or 2026-11-01T12:00:00Z." placeholder:"TIME" env:"-"`
	To   string `help:"Only activations before this time." placeholder:"TIME" env:"-"`
	CSV  bool   `help:"Print CSV: one row for each activation."`
	JSON bool   `help:"Print JSON."`
}

// Help is shown under report timeliness --help.
func (*reportTimelinessCmd) Help() string {
	return "Times are seconds. A publisher states the day of publication only: it counts from 00:00 UTC. A version counts as served when every running server has\n" +
		"reported that it answers from it, or from a later one.\n\n" +
		"Examples:\n  interdict report timeliness\n  interdict report timeliness ofac-sdn --from 2026-01-01 --csv --server http://127.0.0.1:8080"
}

func (c *reportTimelinessCmd) Run(e *env) error {
	if c.CSV && c.JSON {
		return usage("--csv or --json, not both")
	}
	from, to, err := period(c.From, c.To)
	if err != nil {
		return err
	}
	q := client.TimelinessQuery{List: c.List, From: from}
	if c.To != "" {
		q.To = to
	}
	return c.reads(e, func(o operations) error {
		x, err := o.Timeliness(e.ctx, q)
		if err != nil || !c.CSV {
			return printResult(e, c.JSON, x, err, func(x *lists.Timeliness) { printTimeliness(e.stdout, x) })
		}
		out := csv.NewWriter(e.stdout)
		if err := out.Write(report.TimelinessColumns); err != nil {
			return err
		}
		for i := range x.Activations {
			if err := out.Write(loader.SafeCells(report.TimelinessCells(&x.Activations[i]))); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	})
}

func printTimeliness(w io.Writer, x *lists.Timeliness) {
	for i := range x.Lists {
		l := &x.Lists[i]
		fmt.Fprintf(w, "%s: %d activations\n", l.List, l.Activations)
		for _, row := range []struct {
			name   string
			spread *lists.Spread
		}{
			{"published → served", l.Seconds.PublishedToServed}, {"fetched → staged", l.Seconds.FetchedToStaged}, {"fetched → active", l.Seconds.FetchedToActivated},
			{"active → served", l.Seconds.ActivatedToServed}, {"fetched → served", l.Seconds.FetchedToServed},
		} {
			if row.spread == nil {
				fmt.Fprintf(w, "  %-20s not known\n", row.name)
				continue
			}
			fmt.Fprintf(w, "  %-20s median %s s, worst %s s, of %d\n", row.name, seconds(row.spread.Median), seconds(row.spread.Worst), row.spread.Of)
		}
	}
	if len(x.Lists) == 0 {
		fmt.Fprintln(w, "nothing was activated")
	}
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', -1, 64) }
