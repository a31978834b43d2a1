package proof

import (
	"context"
	"encoding/binary"
	"iter"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"interdict/lists/fault"
)

// Export writes a log, as far as its newest checkpoint, to an empty or new folder in the layout of C2SP tlog-tiles,
// with entry bundles, which any reader of that format can follow and verify. records are all records of the writer.
// Nothing is exported that does not agree with the checkpoint: that file is written last.
func Export(ctx context.Context, dir, to string, records iter.Seq2[[]byte, error], vkeys []string) (Checkpoint, error) {
	keys, err := newVerifiers(vkeys)
	if err != nil {
		return Checkpoint{}, err
	}
	data, err := os.ReadFile(filepath.Join(dir, fileCheckpoint))
	if err != nil {
		return Checkpoint{}, fault.E(fault.Unavailable, "export log: %w", err)
	}
	c, err := keys.open(data)
	if err != nil {
		return Checkpoint{}, fault.E(fault.Conflict, "export log: %s: %w", filepath.Join(dir, fileCheckpoint), err)
	}
	if existing, err := os.ReadDir(to); err == nil && len(existing) > 0 {
		return Checkpoint{}, fault.E(fault.Conflict, "export log: %s is not empty", to)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return Checkpoint{}, fault.E(fault.Unavailable, "export log: %w", err)
	}
	e := exporter{to: to}
	t := &tree{full: e.tile}
	for record, err := range records {
		if t.size == c.Size {
			break
		}
		if err != nil {
			return Checkpoint{}, err
		}
		if err := ctx.Err(); err != nil {
			return Checkpoint{}, fault.E(fault.Unavailable, "export log: %w", err)
		}
		e.entry(t.size, Leaf(record))
		if err := t.add(Leaf(record)); err != nil {
			return Checkpoint{}, err
		}
		if e.err != nil {
			return Checkpoint{}, fault.E(fault.Unavailable, "export log: %w", e.err)
		}
	}
	root, err := t.root()
	if err != nil {
		return Checkpoint{}, err
	}
	if t.size != c.Size || root != c.Root {
		return Checkpoint{}, fault.E(fault.Conflict, "export log: the records do not agree with the checkpoint of %d records: verify the log", c.Size)
	}
	for tile, data := range t.partTiles() {
		e.tile(tile, data)
	}
	if w := int(c.Size % tileWidth); w > 0 {
		e.tile(tlog.Tile{H: tileHeight, L: entryLevel, N: c.Size / tileWidth, W: w}, e.bundle)
	}
	if e.err == nil {
		e.err = syncFiles(to, e.files)
	}
	if e.err == nil {
		e.err = writeFile(to, filepath.Join(to, fileCheckpoint), data, true)
	}
	if e.err != nil {
		return Checkpoint{}, fault.E(fault.Unavailable, "export log: %w", e.err)
	}
	return c.Checkpoint, nil
}

type exporter struct {
	to     string
	bundle []byte // entries of the present bundle, each after its length in two bytes
	files  []string
	err    error // the first one
}

func (e *exporter) entry(index int64, leaf []byte) {
	e.bundle = binary.BigEndian.AppendUint16(e.bundle, uint16(len(leaf)))
	e.bundle = append(e.bundle, leaf...)
	if index%tileWidth == tileWidth-1 {
		e.tile(tlog.Tile{H: tileHeight, L: entryLevel, N: index / tileWidth, W: tileWidth}, e.bundle)
		e.bundle = e.bundle[:0]
	}
}

func (e *exporter) tile(t tlog.Tile, data []byte) {
	if e.err != nil {
		return
	}
	path := filepath.Join(e.to, filepath.FromSlash(tilePath(t)))
	e.err = writeFile(e.to, path, data, false)
	e.files = append(e.files, path)
}
