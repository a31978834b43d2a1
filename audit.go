package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists/fault"
	"interdict/screening/journal"
	"interdict/screening/record"
)

type auditCmd struct {
	Search        auditSearchCmd        `cmd:"" help:"Find decisions and changes of all servers."`
	Archive       auditArchiveCmd       `cmd:"" help:"Move sealed segments of the journal to a bucket."`
	Reindex       auditReindexCmd       `cmd:"" help:"Empty the index, so that it is filled again."`
	Show          auditShowCmd          `cmd:"" help:"Show the record of one check."`
	Export        auditExportCmd        `cmd:"" help:"Print the records of decisions and changes."`
	Verify        auditVerifyCmd        `cmd:"" help:"Find out whether any record was changed, removed or moved."`
	Receipt       auditReceiptCmd       `cmd:"" help:"Print the proof that a check was recorded."`
	VerifyReceipt auditVerifyReceiptCmd `cmd:"" help:"Verify such a proof with the public key alone."`
	Replay        auditReplayCmd        `cmd:"" help:"Answer an earlier check again, from the lists of then and of now."`
	Evidence      auditEvidenceCmd      `cmd:"" help:"Write all that proves an earlier check as one zip archive."`
	Keys          auditKeysCmd          `cmd:"" help:"Show the public keys that verify the record."`
	RotateKey     auditRotateKeyCmd     `cmd:"" help:"Make a new key that signs the record."`
	Holds         auditHoldsCmd         `cmd:"" help:"Legal holds: records that are kept beyond the retention."`
	Checkpoints   auditCheckpointsCmd   `cmd:"" help:"Print the newest checkpoints of all servers, to be kept elsewhere."`
}

// auditing are what commands do with the record: in a folder (api.Audit), or through a server (client.Client).
type auditing interface {
	CheckRecord(ctx context.Context, checkID string) (*client.CheckRecord, error)
	Receipt(ctx context.Context, checkID string) ([]byte, error)
	RecordKeys(ctx context.Context) ([]client.RecordKey, error)
}

// audits runs work with the record of the folder, which a server may have open, or through a server.
func (t *target) audits(work func(auditing) error) error {
	if t.Server == "" {
		folder, err := t.folder()
		if err != nil {
			return err
		}
		return work(&api.Audit{Record: folder})
	}
	c, err := t.client()
	if err != nil {
		return err
	}
	defer c.Close()
	return work(c)
}

// folder is the record in the folder of the journal, which must exist.
func (t *target) folder() (record.Folder, error) {
	f := record.Folder{Dir: t.journalDir(), VKeys: append(t.witnessKeys(), t.RecordOldKeys...)}
	keys, err := t.signingKeys()
	if err != nil {
		return f, err
	}
	if keys != nil {
		f.VKeys = append(f.VKeys, keys.VKeys()...)
	}
	if _, err := os.Stat(f.Dir); err != nil {
		return f, fault.E(fault.NotFound, "the folder of the journal: %w (--journal or --data names another one)", err)
	}
	return f, nil
}

type auditShowCmd struct {
	target
	ID   string `arg:"" help:"The check_id of the answer."`
	JSON bool   `help:"Print JSON, with the answer byte for byte."`
}

// Help is shown under audit show --help.
func (*auditShowCmd) Help() string {
	return "Examples:\n  interdict audit show 019ad2c4-7b1e-7cc0-8d2f-3a5b6c7d8e9f\n  interdict audit show ID --json --server http://127.0.0.1:8080"
}

func (c *auditShowCmd) Run(e *env) error {
	return c.audits(func(a auditing) error {
		r, err := a.CheckRecord(e.ctx, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return printExactly(e.stdout, r)
		}
		printCheckRecord(e, r)
		return nil
	})
}

func printCheckRecord(e *env, r *client.CheckRecord) {
	fmt.Fprintf(e.stdout, "check       %s\nat          %s\nby          %s\naddress     %s\nnetwork     %s\ndirection   %s\nreference   %s\ncustomer    %s\nresult      %s\naction      %s\n",
		r.CheckID, r.At.Format(time.RFC3339Nano), r.By, r.Request.Address, orDash(r.Request.Network), orDash(r.Request.Direction), orDash(r.Request.Reference),
		orDash(r.Request.Customer), r.Result, orDash(r.Action))
	if r.Answer != nil {
		fmt.Fprintf(e.stdout, "generation  %d\nidentity    %s\nlists       %s\nanswer      %s\n", r.Generation, r.Identity, orDash(strings.Join(r.Lists, ", ")), r.Answer)
	} else {
		fmt.Fprintf(e.stdout, "error       %s\n", r.Error)
	}
	fmt.Fprintf(e.stdout, "record      %d of writer %s, SHA-256 %s\n", r.Record.Sequence, r.Record.Writer, r.Record.SHA256)
}

type auditExportCmd struct {
	target
	From   string `help:"Only records of this time or later: 2026-11-01, or 2026-11-01T12:00:00Z." placeholder:"TIME" env:"-"`
	To     string `help:"Only records before this time." placeholder:"TIME" env:"-"`
	Format string `help:"ndjson; csv, which is safe to open in a spreadsheet; or parquet." enum:"ndjson,csv,parquet" default:"ndjson" env:"-"`
}

// Help is shown under audit export --help.
func (*auditExportCmd) Help() string {
	return "It reads the segments of this machine's journal, which a server may have open, and ends with an error if any is damaged.\n\n" +
		"Examples:\n  interdict audit export --from 2026-11-01 --to 2026-12-01 > november.ndjson\n  interdict audit export --format csv > all.csv"
}

func (c *auditExportCmd) Run(e *env) error {
	if c.Server != "" {
		return usage("audit export reads the journal of this machine: --journal or --data instead of --server")
	}
	from, to, err := period(c.From, c.To)
	if err != nil {
		return err
	}
	folder, err := c.folder()
	if err != nil {
		return err
	}
	write, flush := ndjsonOf(e.stdout), func() error { return nil }
	switch c.Format {
	case "csv":
		write, flush = csvOf(e.stdout)
	case "parquet":
		p := api.NewParquetWriter(e.file())
		write, flush = p.Write, p.Close
	}
	var damage error
	for rec, err := range journal.Range(e.ctx, folder.Dir, from, to) {
		if errors.As(err, new(*journal.DamageError)) {
			fmt.Fprintln(e.stderr, "interdict:", err)
			damage = err
			continue
		}
		if err != nil {
			return errors.Join(flush(), err)
		}
		r, err := api.AuditRecordOf(&rec)
		if err != nil {
			fmt.Fprintln(e.stderr, "interdict:", err)
			damage = err
			continue
		}
		if err := write(r); err != nil {
			return err
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if damage != nil {
		return fault.E(fault.Unavailable, "the export is not complete: the journal is damaged; interdict audit verify shows where")
	}
	return nil
}

func ndjsonOf(w io.Writer) func(*client.AuditRecord) error {
	return func(r *client.AuditRecord) error { return printExactly(w, r) }
}

func csvOf(out io.Writer) (write func(*client.AuditRecord) error, flush func() error) {
	w := csv.NewWriter(out)
	headed := false
	head := func() error {
		if headed {
			return nil
		}
		headed = true
		return w.Write(api.AuditColumns)
	}
	write = func(r *client.AuditRecord) error {
		if err := head(); err != nil {
			return err
		}
		return w.Write(api.AuditCells(r))
	}
	return write, func() error {
		if err := head(); err != nil {
			return err
		}
		w.Flush()
		return w.Error()
	}
}

// period reads two times, which may be empty.
func period(from, to string) (start, end time.Time, err error) {
	end = time.Unix(1<<40, 0)
	for _, x := range []struct {
		flag, text string
		into       *time.Time
	}{{"--from", from, &start}, {"--to", to, &end}} {
		if x.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, x.text)
		if err != nil {
			if at, err = time.Parse(time.DateOnly, x.text); err != nil {
				return start, end, usage("%s %q: not a time such as 2026-11-01 or 2026-11-01T12:00:00Z", x.flag, x.text)
			}
		}
		*x.into = at
	}
	if end.Before(start) {
		return start, end, usage("--to %s is before --from %s", to, from)
	}
	return start, end, nil
}

type auditSearchCmd struct {
	target
	Address   string `help:"In any spelling; with the checks of related addresses." env:"-"`
	Network   string `help:"Of the address." env:"-"`
	From      string `help:"Of this time or later: 2026-11-01, or 2026-11-01T12:00:00Z." placeholder:"TIME" env:"-"`
	To        string `help:"Before this time." placeholder:"TIME" env:"-"`
	Kind      string `help:"check, activation, upload, key, denied …" env:"-"`
	Reference string `help:"As the check had it." env:"-"`
	Customer  string `help:"As the check had it." env:"-"`
	Result    string `help:"hit, miss, refused, error; of a change: begun, done, failed." env:"-"`
	List      string `help:"Id of a list." env:"-"`
	By        string `help:"Key that asked, or person of a change." env:"-"`
	Newest    bool   `help:"The newest first." env:"-"`
	Limit     int    `help:"How many at most." default:"100" env:"-"`
	Format    string `help:"text, ndjson or csv." enum:"text,ndjson,csv" default:"text" env:"-"`
}

// Help is shown under audit search --help.
func (*auditSearchCmd) Help() string {
	return "It asks a server, whose index has the records of all servers, and says up to when these are complete.\n\n" +
		"Examples:\n  interdict audit search --address 0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf --server http://127.0.0.1:8080\n" +
		"  interdict audit search --reference wd-8842 --format ndjson --server http://127.0.0.1:8080"
}

func (c *auditSearchCmd) Run(e *env) error {
	if c.Server == "" {
		return usage("audit search asks a server, which has the index: --server; audit export reads the journal of this machine")
	}
	from, to, err := period(c.From, c.To)
	if err != nil {
		return err
	}
	q := client.AuditQuery{From: from, Kind: c.Kind, Address: c.Address, Network: c.Network, Reference: c.Reference, Customer: c.Customer, Result: c.Result, List: c.List, By: c.By,
		Newest: c.Newest}
	if c.To != "" {
		q.To = to
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	defer api.Close()
	write, flush := textOf(e), func() error { return nil }
	switch c.Format {
	case "ndjson":
		write = ndjsonOf(e.stdout)
	case "csv":
		write, flush = csvOf(e.stdout)
	}
	var page *client.AuditPage
	for left := c.Limit; left > 0 && (page == nil || page.Cursor != ""); left -= len(page.Records) {
		if page != nil {
			q.Cursor = page.Cursor
		}
		q.Limit = min(left, 1000)
		if page, err = api.Audit(e.ctx, q); err != nil {
			return errors.Join(flush(), err)
		}
		for i := range page.Records {
			if err := write(&page.Records[i]); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil || page == nil {
		return err
	}
	if page.Cursor != "" {
		fmt.Fprintf(e.stderr, "there are more: --limit is %d\n", c.Limit)
	}
	printCoverage(e, &page.Coverage)
	return nil
}

func textOf(e *env) func(*client.AuditRecord) error {
	return func(r *client.AuditRecord) error {
		if x := r.Check; x != nil {
			_, err := fmt.Fprintf(e.stdout, "%s  check  %-7s %-7s %-10s %s  %s  %s  by %s\n", r.At.Format(time.RFC3339Nano), x.Result, orDash(x.Action), orDash(x.Request.Direction), x.Request.Address,
				orDash(x.Request.Reference), x.CheckID, r.By)
			return err
		}
		_, err := fmt.Fprintf(e.stdout, "%s  %s  by %s  %s\n", r.At.Format(time.RFC3339Nano), r.Kind, orDash(r.By), r.Change)
		return err
	}
}

// printCoverage says up to when a search is complete.
func printCoverage(e *env, c *client.Coverage) {
	until := "it is not known yet up to when the index is complete"
	if c.CompleteUntil != nil {
		until = "complete until " + c.CompleteUntil.Format(time.RFC3339)
	}
	fmt.Fprintln(e.stderr, until)
	for _, text := range append(c.Behind, c.Gaps...) {
		fmt.Fprintln(e.stderr, "  "+text)
	}
}

type auditReindexCmd struct {
	target
	Archive string `help:"The index: postgres://…, or a folder (DATA/index when not given)." placeholder:"URL"`
}

// Help is shown under audit reindex --help.
func (*auditReindexCmd) Help() string {
	return "It empties the index. Every server fills it again from its journal, at once if it is in PostgreSQL, and at its next start if it is a folder, which must not be in use.\n\n" +
		"Example:\n  interdict audit reindex --archive postgres://interdict@db.example.org/interdict"
}

func (c *auditReindexCmd) Run(e *env) error {
	if c.Server != "" {
		return usage("audit reindex works on the index itself: --archive instead of --server")
	}
	f := archiveFlags{Archive: c.Archive}
	index, err := f.openIndex(e.ctx, c.Data, e.quiet())
	if err != nil {
		return err
	}
	if index == nil {
		return usage("no index to empty")
	}
	defer index.Close()
	if err := index.Clear(e.ctx); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s is empty\n", index.Describe())
	return nil
}

type auditArchiveCmd struct {
	target
	archiveFlags
}

// Help is shown under audit archive --help.
func (*auditArchiveCmd) Help() string {
	return "It moves sealed segments to the bucket now, as a server does every hour.\n\nExample:\n  interdict audit archive --bucket 's3://record/interdict?region=eu-central-1'"
}

func (c *auditArchiveCmd) Run(e *env) error {
	if c.Server != "" {
		return usage("audit archive works on the journal of this machine: --journal or --data instead of --server")
	}
	if c.Bucket == "" {
		return usage("audit archive needs --bucket")
	}
	o, err := c.open(e.ctx, e.quiet())
	if err != nil {
		return e.inUse(err)
	}
	defer o.close()
	holds, err := c.holds(o.store)
	if err != nil {
		return err
	}
	v, err := c.openVault(e.ctx, o.journal)
	if err != nil {
		return err
	}
	defer v.Close()
	sent, err := v.Archive(e.ctx)
	if err != nil {
		return err
	}
	dropped, err := v.DropLocal(e.ctx, time.Now().Add(-c.KeepLocal), holds)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s: %d segments sent, %d were there, %d are not sealed yet; %d dropped here\n", v.Describe(), sent.Segments, sent.Present, sent.Waiting, len(dropped.Segments))
	for _, k := range dropped.Kept {
		fmt.Fprintf(e.stdout, "kept %s: %s\n", k.Segment, k.Reason)
	}
	return nil
}
