package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/screening/archive/vault"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
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

type auditReceiptCmd struct {
	target
	ID string `arg:"" help:"The check_id of the answer."`
}

// Help is shown under audit receipt --help.
func (*auditReceiptCmd) Help() string {
	return "The receipt has the record itself and the signed checkpoint that covers it, in the format C2SP tlog-proof.\n\n" +
		"Example:\n  interdict audit receipt 019ad2c4-7b1e-7cc0-8d2f-3a5b6c7d8e9f > receipt.tlog-proof"
}

func (c *auditReceiptCmd) Run(e *env) error {
	return c.audits(func(a auditing) error {
		receipt, err := a.Receipt(e.ctx, c.ID)
		if err != nil {
			return err
		}
		_, err = e.stdout.Write(receipt)
		return err
	})
}

type auditVerifyReceiptCmd struct {
	File string   `arg:"" help:"The receipt; - reads standard input."`
	Key  []string `help:"Public keys of the record, as audit keys prints them, and of witnesses." required:"" name:"public-key" placeholder:"KEY" env:"-"`
	JSON bool     `help:"Print JSON."`
}

// Help is shown under audit verify-receipt --help.
func (*auditVerifyReceiptCmd) Help() string {
	return "It needs nothing but the receipt and the public key: no server, no network.\n\n" +
		"Example:\n  interdict audit verify-receipt receipt.tlog-proof --public-key 'interdict+7fae0c12+AbCd…'"
}

// proven is what a receipt proves.
type proven struct {
	Log       string              `json:"log"`
	Sequence  uint64              `json:"sequence"`
	Size      int64               `json:"size"` // records that the checkpoint covers
	Keys      []string            `json:"keys"`
	Witnesses []string            `json:"witnesses"`
	Check     *client.CheckRecord `json:"check"`
}

func (c *auditVerifyReceiptCmd) Run(e *env) error {
	b, err := readInput(e, c.File, 8<<20)
	if err != nil {
		return err
	}
	info, err := proof.VerifyReceipt(b, c.Key)
	if err != nil {
		return err
	}
	rec, err := journal.ParseRecord(info.Record)
	if err != nil {
		return err
	}
	check, err := api.CheckRecordOf(&rec)
	if err != nil {
		return err
	}
	if want := info.Origin[strings.LastIndexByte(info.Origin, '/')+1:]; rec.Writer.String() != want || rec.Sequence != info.Seq {
		return fault.E(fault.Invalid, "the receipt of record %d of writer %s has a record that says it is number %d of writer %s", info.Seq, want, rec.Sequence, rec.Writer)
	}
	out := proven{Log: info.Origin, Sequence: info.Seq, Size: info.Size, Keys: info.Keys, Witnesses: []string{}, Check: check}
	for _, w := range info.Witnesses {
		out.Witnesses = append(out.Witnesses, w.Witness+" at "+w.Time.Format(time.RFC3339))
	}
	if c.JSON {
		return printExactly(e.stdout, out)
	}
	fmt.Fprintf(e.stdout, "The receipt is valid: log %s, record %d of %d, signed by %s.\n", out.Log, out.Sequence, out.Size, strings.Join(out.Keys, ", "))
	for _, w := range out.Witnesses {
		fmt.Fprintf(e.stdout, "Witness: %s\n", w)
	}
	fmt.Fprintln(e.stdout)
	printCheckRecord(e, check)
	return nil
}

// readInput reads a file, or standard input, of a bounded size.
func readInput(e *env, name string, limit int64) ([]byte, error) {
	in := e.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fault.E(fault.Invalid, "%w", err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fault.E(fault.Invalid, "read %s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, fault.E(fault.TooLarge, "%s has more than %d bytes", name, limit)
	}
	return b, nil
}

type auditKeysCmd struct {
	target
	JSON bool `help:"Print JSON."`
}

// Help is shown under audit keys --help.
func (*auditKeysCmd) Help() string {
	return "Keep a copy outside: with it, and the receipts or checkpoints, anybody can verify the record.\n\n" +
		"Examples:\n  interdict audit keys\n  interdict audit keys --server http://127.0.0.1:8080 --json"
}

func (c *auditKeysCmd) Run(e *env) error {
	return c.audits(func(a auditing) error {
		keys, err := a.RecordKeys(e.ctx)
		return printResult(e, c.JSON, keys, err, func(keys []client.RecordKey) {
			for _, k := range keys {
				fmt.Fprintln(e.stdout, k.Key)
			}
		})
	})
}

type auditRotateKeyCmd struct {
	target
	Overlap time.Duration `help:"For how long checkpoints are signed with the old key as well." default:"720h" env:"-"`
}

// Help is shown under audit rotate-key --help.
func (*auditRotateKeyCmd) Help() string {
	return "A running server signs with the new key after its next start.\n\nExample:\n  interdict audit rotate-key --overlap 720h"
}

func (c *auditRotateKeyCmd) Run(e *env) error {
	if c.Server != "" {
		return usage("the signing key is in the folder of the journal: --journal or --data instead of --server")
	}
	folder, err := c.folder()
	if err != nil {
		return err
	}
	key, err := folder.RotateKey(c.RecordName, c.Overlap)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, key)
	return nil
}

type auditCheckpointsCmd struct{ target }

// Help is shown under audit checkpoints --help.
func (*auditCheckpointsCmd) Help() string {
	return "Keep them where nobody of this deployment can change them: audit verify --against finds what was changed or removed since.\n\n" +
		"Example:\n  interdict audit checkpoints --server http://127.0.0.1:8080 > checkpoints.json"
}

func (c *auditCheckpointsCmd) Run(e *env) error {
	all, err := c.checkpoints(e)
	if err != nil {
		return err
	}
	printJSON(e.stdout, map[string]any{"checkpoints": all})
	return nil
}

// checkpoints returns those of the store, or of a server.
func (t *target) checkpoints(e *env) ([]client.Checkpoint, error) {
	if t.Server != "" {
		c, err := t.client()
		if err != nil {
			return nil, err
		}
		defer c.Close()
		return c.Checkpoints(e.ctx)
	}
	store, err := t.openStore(e.ctx, diskstore.ReadOnly)
	if err != nil {
		return nil, e.inUse(err)
	}
	defer store.Close()
	return api.Checkpoints(e.ctx, store)
}

type auditVerifyCmd struct {
	target
	bucketFlags
	Against []string `help:"Files with checkpoints that were kept elsewhere: as audit checkpoints prints them, or one signed checkpoint." placeholder:"FILE" env:"-"`
	JSON    bool     `help:"Print JSON."`
}

// Help is shown under audit verify --help.
func (*auditVerifyCmd) Help() string {
	return "It reads all records in the folder of the journal, which a server may have open, and compares them with their proofs, with the checkpoints in the store or of a server, " +
		"and with those of --against. It ends with 1 and names the place if anything was changed, removed, moved or cut off.\n\n" +
		"Examples:\n  interdict audit verify\n  interdict audit verify --server http://127.0.0.1:8080 --against checkpoints.json"
}

// verified is the result of a verification.
type verified struct {
	Folder      string            `json:"folder"`
	Records     uint64            `json:"records"`
	Covered     uint64            `json:"covered"` // by checkpoints
	Others      int               `json:"writers_elsewhere"`
	Writers     []verifiedWriter  `json:"writers"`
	Findings    []verifiedFinding `json:"findings"`
	Unreadable  []string          `json:"checkpoints_not_read,omitempty"`
	Checkpoints int               `json:"checkpoints_compared"`
}

type verifiedWriter struct {
	Writer     string `json:"writer"`
	Records    uint64 `json:"records"`
	Covered    uint64 `json:"covered"`
	Open       bool   `json:"open,omitempty"`
	Archived   bool   `json:"archived,omitempty"`   // it was not verified: records of it are in the bucket
	Unfinished bool   `json:"unfinished,omitempty"` // it crashed; the next start of a server completes its log
}

type verifiedFinding struct {
	Writer  string `json:"writer"`
	Place   string `json:"place"`
	Problem string `json:"problem"`
}

func (c *auditVerifyCmd) Run(e *env) error {
	folder, err := c.folder()
	if err != nil {
		return err
	}
	if c.Bucket != "" {
		v, err := c.openBucket(e.ctx, vault.Options{Dir: folder.Dir})
		if err != nil {
			return err
		}
		defer v.Close()
		folder.Archive = v
	}
	out := verified{Writers: []verifiedWriter{}, Findings: []verifiedFinding{}}
	against, err := c.elsewhere(e, &out)
	if err != nil {
		return err
	}
	sum, err := folder.Verify(e.ctx, against, func(w record.WriterReport) {
		out.Writers = append(out.Writers, verifiedWriter{Writer: w.Writer.String(), Records: w.Records, Covered: w.Covered, Open: w.Open, Archived: w.Archived, Unfinished: w.Unfinished})
		out.Checkpoints += w.Checkpoints + w.Elsewhere
		for _, f := range w.Findings {
			out.Findings = append(out.Findings, verifiedFinding{w.Writer.String(), f.Place, f.Problem})
		}
		if w.More > 0 {
			out.Findings = append(out.Findings, verifiedFinding{w.Writer.String(), "", fmt.Sprintf("%d more findings", w.More)})
		}
	})
	if err != nil {
		return err
	}
	out.Folder, out.Records, out.Covered, out.Others = sum.Folder.String(), sum.Records, sum.Covered, sum.Others
	if c.JSON {
		printJSON(e.stdout, out)
	} else {
		c.print(e, &out)
	}
	if n := len(out.Findings); n > 0 {
		return fault.E(fault.Unavailable, "the record is not what was signed: %d findings", n)
	}
	return nil
}

func (c *auditVerifyCmd) print(e *env, out *verified) {
	for _, f := range out.Findings {
		fmt.Fprintf(e.stdout, "writer %s, %s: %s\n", f.Writer, f.Place, f.Problem)
	}
	for _, w := range out.Writers {
		if w.Archived {
			fmt.Fprintf(e.stdout, "writer %s was not verified: records of it are in the bucket; --bucket reads them\n", w.Writer)
		}
		if w.Unfinished {
			fmt.Fprintf(e.stdout, "writer %s: its log is not complete; the next start of a server completes it\n", w.Writer)
		}
	}
	for _, text := range out.Unreadable {
		fmt.Fprintf(e.stderr, "interdict: %s\n", text)
	}
	if out.Others > 0 {
		fmt.Fprintf(e.stdout, "%d writers are in other folders: verify them there\n", out.Others)
	}
	fmt.Fprintf(e.stdout, "%d records of %d writers read, %d covered by checkpoints, %d checkpoints compared, %d findings\n", out.Records, len(out.Writers), out.Covered,
		out.Checkpoints, len(out.Findings))
}

// elsewhere returns the checkpoints of the store or a server, and of files. That the store cannot be read is told, and does not end the verification.
func (c *auditVerifyCmd) elsewhere(e *env, out *verified) ([]record.Published, error) {
	all, err := c.checkpoints(e)
	if err != nil {
		out.Unreadable = append(out.Unreadable, "the checkpoints outside the folder were not compared: "+err.Error())
	}
	var against []record.Published
	add := func(c client.Checkpoint, from string) error {
		writer, err := uuid.Parse(c.Writer)
		if err != nil {
			return fault.E(fault.Invalid, "%s: writer %q is not a UUID", from, c.Writer)
		}
		folder, err := uuid.Parse(c.Folder)
		if err != nil {
			return fault.E(fault.Invalid, "%s: folder %q is not a UUID", from, c.Folder)
		}
		against = append(against, record.Published{Writer: writer, Folder: folder, Checkpoint: c.Checkpoint, Ended: c.Ended})
		return nil
	}
	for _, cp := range all {
		if err := add(cp, "store"); err != nil {
			return nil, err
		}
	}
	for _, name := range c.Against {
		b, err := readInput(e, name, 64<<20)
		if err != nil {
			return nil, err
		}
		if text := bytes.TrimSpace(b); len(text) == 0 || text[0] != '{' {
			folder, err := record.Folder{Dir: c.journalDir()}.ID()
			if err != nil {
				return nil, err
			}
			origin, _, _ := strings.Cut(string(b), "\n")
			if err := add(client.Checkpoint{Writer: origin[strings.LastIndexByte(origin, '/')+1:], Folder: folder.String(), Checkpoint: string(b)}, name); err != nil {
				return nil, err
			}
			continue
		}
		var in struct {
			Checkpoints []client.Checkpoint `json:"checkpoints"`
		}
		if err := json.Unmarshal(b, &in); err != nil {
			return nil, fault.E(fault.Invalid, "%s: %w", name, err)
		}
		for _, cp := range in.Checkpoints {
			if err := add(cp, name); err != nil {
				return nil, err
			}
		}
	}
	return against, nil
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

type alertsCmd struct {
	List    alertsListCmd    `cmd:"" default:"withargs" help:"Show earlier checks whose answer would be different now."`
	Resolve alertsResolveCmd `cmd:"" help:"Note what was decided on an alert."`
}

// indexed returns the client of the server, whose index has what a command is about.
func (t *target) indexed(what string) (*client.Client, error) {
	if t.Server == "" {
		return nil, usage("%s are in the index of a server: --server", what)
	}
	return t.client()
}

type alertsListCmd struct {
	target
	State string `help:"open, or all." enum:"open,all" default:"open" env:"-"`
	In    string `help:"Only alerts of this list." placeholder:"LIST" env:"-"`
	JSON  bool   `help:"Print JSON."`
}

// Help is shown under alerts list --help.
func (*alertsListCmd) Help() string {
	return "Example:\n  interdict alerts --server http://127.0.0.1:8080"
}

func (c *alertsListCmd) Run(e *env) error {
	api, err := c.indexed("alerts")
	if err != nil {
		return err
	}
	defer api.Close()
	q := client.AlertQuery{State: c.State, List: c.In, Limit: 1000}
	out := &client.AlertPage{Alerts: []client.Alert{}}
	for {
		page, err := api.Alerts(e.ctx, q)
		if err != nil {
			return err
		}
		out.Alerts, out.LookBack = append(out.Alerts, page.Alerts...), page.LookBack
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	return printResult(e, c.JSON, out, nil, func(out *client.AlertPage) {
		for i := range out.Alerts {
			printAlert(e, &out.Alerts[i])
		}
		if s := out.LookBack; s != nil {
			last := "never"
			if s.Success != nil {
				last = s.Success.Format(time.RFC3339)
			}
			fmt.Fprintf(e.stdout, "%d open; looked back up to generation %d, last at %s\n", s.OpenAlerts, s.Generation, last)
			if s.Failure != "" {
				fmt.Fprintf(e.stdout, "the last look-back has failed: %s\n", s.Failure)
			}
		}
	})
}

func printAlert(e *env, a *client.Alert) {
	fmt.Fprintf(e.stdout, "%s  %-8s %-8s %s  %s  %s\n", a.ID, a.State, a.Cause, a.At.Format(time.RFC3339), orDash(a.Request.Direction), a.Request.Address)
	fmt.Fprintf(e.stdout, "    check %s at %s by %s, reference %s, customer %s\n", a.CheckID, a.CheckedAt.Format(time.RFC3339), a.By, orDash(a.Request.Reference), orDash(a.Request.Customer))
	fmt.Fprintf(e.stdout, "    told %s %s in generation %d; now %s %s in generation %d (%s)\n", a.Told.Result, a.Told.Action, a.Told.Generation, a.Now.Result, a.Now.Action, a.Now.Generation,
		orDash(strings.Join(a.Now.Lists, ", ")))
	if a.Resolved != nil {
		fmt.Fprintf(e.stdout, "    resolved by %s at %s: %s\n", a.Resolved.By, a.Resolved.At.Format(time.RFC3339), a.Resolved.Reason)
	}
}

type alertsResolveCmd struct {
	target
	ID     string `arg:"" help:"Id of the alert."`
	Reason string `help:"What was found and done; it goes on record." required:"" env:"-"`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown under alerts resolve --help.
func (*alertsResolveCmd) Help() string {
	return "Example:\n  interdict alerts resolve ID --reason 'funds frozen, case 2026-118' --server http://127.0.0.1:8080"
}

func (c *alertsResolveCmd) Run(e *env) error {
	api, err := c.indexed("alerts")
	if err != nil {
		return err
	}
	defer api.Close()
	a, err := api.ResolveAlert(e.ctx, c.ID, c.Reason)
	return printResult(e, c.JSON, a, err, func(a *client.Alert) { printAlert(e, a) })
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
