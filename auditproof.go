package main

import (
	"bytes"
	"encoding/json"
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

// elsewhere returns the checkpoints of the store or a server, and of files. If the store cannot be read, it says so, and the verification goes on.
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
