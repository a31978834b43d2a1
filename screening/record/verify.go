package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

// WriterReport is the result of the verification of one writer. It is intact if there are no findings.
type WriterReport struct {
	Writer uuid.UUID
	proof.Report
	Open       bool // it may still write
	Archived   bool // records of it were moved to an archive, which was not read: it was not verified
	Unfinished bool // it crashed, and the next start of a server completes its log
}

// Verification is the result of Verify.
type Verification struct {
	Folder   uuid.UUID
	Writers  int
	Records  uint64
	Covered  uint64 // by checkpoints
	Findings int    // in all writers
	Others   int    // writers of other folders, whose checkpoints are known here: verify those where they are
}

// Verify reads every record and compares it with the proof, and that with checkpoints kept elsewhere: those that are given, and those that
// other writers in the folder have recorded. each gets the result of every writer. The error says that the verification could not be carried out.
func (f Folder) Verify(ctx context.Context, against []Published, each func(WriterReport)) (Verification, error) {
	var out Verification
	vkeys, err := f.PublicKeys()
	if err != nil {
		return out, err
	}
	if out.Folder, err = f.ID(); err != nil {
		return out, err
	}
	writers, err := journal.Writers(f.Dir)
	if err != nil {
		return out, err
	}
	logs, err := f.logs()
	if err != nil {
		return out, err
	}
	v := folderVerification{Folder: f, id: out.Folder, vkeys: vkeys, reports: map[uuid.UUID]*WriterReport{}}
	v.elsewhere = append(v.elsewhere, against...)
	for _, w := range writers {
		if err := v.verify(ctx, w.ID, w.Open); err != nil {
			return out, err
		}
	}
	for _, id := range logs {
		if v.reports[id] == nil {
			if err := v.verify(ctx, id, false); err != nil {
				return out, err
			}
		}
	}
	out.Others = v.compareElsewhere()
	for _, id := range v.order {
		r := v.reports[id]
		out.Writers++
		out.Records += r.Records
		out.Covered += r.Covered
		out.Findings += len(r.Findings) + r.More
		each(*r)
	}
	return out, nil
}

type folderVerification struct {
	Folder
	id        uuid.UUID
	vkeys     []string
	reports   map[uuid.UUID]*WriterReport
	order     []uuid.UUID
	elsewhere []Published
}

func (v *folderVerification) report(writer uuid.UUID) *WriterReport {
	if v.reports[writer] == nil {
		v.reports[writer] = &WriterReport{Writer: writer}
		v.order = append(v.order, writer)
	}
	return v.reports[writer]
}

func (v *folderVerification) find(writer uuid.UUID, place, format string, args ...any) {
	r := v.report(writer)
	r.Findings = append(r.Findings, proof.Finding{Place: place, Problem: fmt.Sprintf(format, args...)})
}

// verify compares the records of one writer with its log.
func (v *folderVerification) verify(ctx context.Context, writer uuid.UUID, open bool) error {
	r := v.report(writer)
	r.Open = open
	if writer == uuid.Nil {
		v.find(writer, "segments", "the header of a segment is damaged, so that its writer is not known")
		return nil
	}
	dir := v.logDir(writer)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if !open {
			r.Unfinished = true // it was written before there were proofs, or crashed at once
		}
		return nil
	}
	ended := proof.Ended(dir)
	r.Unfinished = !open && !ended
	var damage []proof.Finding
	report, err := proof.Verify(ctx, dir, v.read(ctx, writer, &damage), proof.VerifyOptions{VKeys: v.vkeys, Closed: ended})
	if err != nil {
		return err
	}
	if r.Archived {
		r.Origin, r.Records = report.Origin, report.Records
		return nil
	}
	r.Report = report
	r.Findings = append(damage, r.Findings...)
	return nil
}

// read yields the records of a writer. For a missing one it yields an empty record, so that those after it are compared with their own hashes.
func (v *folderVerification) read(ctx context.Context, writer uuid.UUID, damage *[]proof.Finding) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		next := uint64(1)
		var buf []byte
		records := journal.ReadFrom(ctx, v.Dir, writer, 1)
		if v.Archive != nil {
			records = v.Archive.ReadFrom(ctx, writer, 1)
		}
		for rec, err := range records {
			if errors.As(err, new(*journal.ArchivedError)) {
				v.report(writer).Archived = true
				return
			}
			var d *journal.DamageError
			if errors.As(err, &d) {
				*damage = append(*damage, proof.Finding{Place: filepath.Base(d.File), Problem: d.Error()})
				continue
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for ; next < rec.Sequence; next++ {
				if !yield(nil, nil) {
					return
				}
			}
			if rec.Kind == journal.Checkpoint {
				v.note(rec.Payload)
			}
			buf = rec.AppendBytes(buf[:0])
			if !yield(buf, nil) {
				return
			}
			next = rec.Sequence + 1
		}
	}
}

// note keeps the newest checkpoint that a writer has recorded of another.
func (v *folderVerification) note(payload []byte) {
	var c Published
	if json.Unmarshal(payload, &c) == nil && len(c.Checkpoint) > 0 {
		v.elsewhere = append(v.elsewhere, c)
	}
}

// compareElsewhere compares the logs with the checkpoints that are kept elsewhere, and returns how many writers those have that are not of this folder.
func (v *folderVerification) compareElsewhere() int {
	others := map[uuid.UUID]bool{}
	for _, c := range v.elsewhere {
		if c.Folder != v.id && v.reports[c.Writer] == nil {
			others[c.Writer] = true
			continue
		}
		r := v.reports[c.Writer]
		if r == nil {
			v.find(c.Writer, "writer", "it is missing: a checkpoint of it is kept elsewhere, but it has neither segments nor a log here")
			continue
		}
		if r.Open && r.Origin == "" || r.Archived {
			continue // its first checkpoint is being written; or it was not read
		}
		newest, err := os.ReadFile(filepath.Join(v.logDir(c.Writer), "checkpoint"))
		if err != nil {
			v.find(c.Writer, "checkpoint", "%v", err)
			continue
		}
		r.Elsewhere++
		if err := proof.Agree(v.logDir(c.Writer), r.Records, []byte(c.Checkpoint), newest, v.vkeys); err != nil {
			v.find(c.Writer, "checkpoint kept elsewhere", "%v", err)
		}
	}
	return len(others)
}
