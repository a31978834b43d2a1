package proof

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	tlogproof "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"

	"interdict/lists/fault"
)

// maxReceipt is more than any receipt has: a record, 63 hashes and a note of some cosignatures.
const maxReceipt = 4 << 20

// Receipt returns the proof that the record with a sequence number is in the log, in the format C2SP tlog-proof with the record as its
// extra data. It is of the newest checkpoint that a witness has cosigned and that covers the record, else of the newest one.
// The error is fault.NotFound while no checkpoint covers the record.
func (l *Log) Receipt(seq uint64, record []byte) ([]byte, error) {
	l.mu.Lock()
	at := l.last
	if l.cosig.Size > 0 && seq <= uint64(l.cosig.Size) {
		at = l.cosig
	}
	size := uint64(l.tree.size)
	l.mu.Unlock()
	if seq > uint64(at.Size) && seq <= size {
		return nil, fault.E(fault.NotFound, "record %d has no receipt yet: the next checkpoint, within a second or so, will cover it", seq)
	}
	return receipt(at, seq, record, l.tile)
}

// ReadReceipt returns the receipt from the log in a folder, which nobody needs to have open.
func ReadReceipt(dir string, seq uint64, record []byte, vkeys []string) ([]byte, error) {
	v, err := newVerifiers(vkeys)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{fileCosigned, fileCheckpoint} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fault.E(fault.Unavailable, "read log: %w", err)
		}
		o, err := v.open(data)
		if err != nil {
			return nil, fault.E(fault.Conflict, "%s: %w", filepath.Join(dir, name), err)
		}
		if seq <= uint64(o.Size) || name == fileCheckpoint {
			return receipt(signed{o.Checkpoint, data}, seq, record, func(t tlog.Tile) ([]byte, error) { return readTile(dir, t) })
		}
	}
	return nil, fault.E(fault.NotFound, "log %s has no checkpoint yet", dir)
}

func receipt(at signed, seq uint64, record []byte, tiles tileFunc) ([]byte, error) {
	if seq < 1 || seq > uint64(at.Size) {
		return nil, fault.E(fault.NotFound, "no record %d in a log whose newest checkpoint covers %d", seq, at.Size)
	}
	hashes, err := tlog.ProveRecord(at.Size, int64(seq-1), tlog.TileHashReader(at.tree(), tiles))
	if err != nil {
		return nil, fault.E(fault.Unavailable, "receipt of record %d: tiles do not fit their checkpoint; verify the log: %w", seq, err)
	}
	if err := tlog.CheckRecord(hashes, at.Size, at.Root, int64(seq-1), tlog.RecordHash(Leaf(record))); err != nil {
		return nil, fault.E(fault.Conflict, "receipt of record %d: the record is not the one that was signed; verify the log", seq)
	}
	p := tlogproof.TLogProof{Index: seq - 1, Checkpoint: at.note, ExtraData: record}
	for _, h := range hashes {
		p.Hashes = append(p.Hashes, h)
	}
	return p.Marshal(), nil
}

// Info is what a receipt proves.
type Info struct {
	Checkpoint
	Seq       uint64        // sequence number of the record
	Record    []byte        // the record
	Keys      []string      // keys of the log that signed, as name+hash
	Witnesses []Cosignature // known witnesses that signed
	Unknown   []string      // signatures that were not checked, because their keys are not known
}

// VerifyReceipt verifies a receipt with public keys of the log and, if cosignatures are to be checked, of witnesses. It needs nothing
// else: what the receipt proves is in the result. The error is fault.Invalid if it proves nothing.
func VerifyReceipt(receipt []byte, vkeys []string) (Info, error) {
	v, err := newVerifiers(vkeys)
	if err != nil {
		return Info{}, err
	}
	p, err := parseReceipt(receipt)
	if err != nil {
		return Info{}, fault.E(fault.Invalid, "receipt: %w", err)
	}
	o, err := v.open(p.Checkpoint)
	if err != nil {
		return Info{}, fault.E(fault.Invalid, "checkpoint of the receipt: %w", err)
	}
	if p.Index >= uint64(o.Size) {
		return Info{}, fault.E(fault.Invalid, "receipt of entry %d with a checkpoint of %d entries", p.Index, o.Size)
	}
	hashes := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		hashes[i] = h
	}
	if err := tlog.CheckRecord(hashes, o.Size, o.Root, int64(p.Index), tlog.RecordHash(Leaf(p.ExtraData))); err != nil {
		return Info{}, fault.E(fault.Invalid, "the receipt is not of the record that it contains: %w", err)
	}
	return Info{o.Checkpoint, p.Index + 1, p.ExtraData, o.keys, o.witnesses, o.unknown}, nil
}

// parseReceipt accepts only the canonical form with a record as the extra data, which the hashes authenticate.
func parseReceipt(receipt []byte) (tlogproof.TLogProof, error) {
	var p tlogproof.TLogProof
	if len(receipt) > maxReceipt {
		return p, errors.New("too long")
	}
	// the library reads lines of up to 64 KiB, and the one of the record may be longer
	first, rest, _ := bytes.Cut(receipt, []byte("\n"))
	extra, rest, _ := bytes.Cut(rest, []byte("\n"))
	encoded, ok := bytes.CutPrefix(extra, []byte("extra "))
	if !ok {
		return p, errors.New("has no extra line with the record")
	}
	if err := p.Unmarshal(slices.Concat(first, []byte("\n"), rest)); err != nil {
		return p, err
	}
	record, err := base64.StdEncoding.DecodeString(string(encoded))
	if err != nil {
		return p, fmt.Errorf("extra line: %w", err)
	}
	p.ExtraData = record
	if !bytes.Equal(p.Marshal(), receipt) {
		return p, errors.New("not in the form of c2sp.org/tlog-proof@v1")
	}
	return p, nil
}
