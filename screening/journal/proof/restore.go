package proof

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"interdict/lists/fault"
)

// Restore completes the log in a folder to which its full tiles were copied, from checkpoints that were kept: it writes the newest one that covers at most last
// records, the seals up to that, log.json, and the partial tiles. It verifies nothing: Verify does. records yields the
// records from a sequence number on. The size is zero if no checkpoint covers so few records; then nothing is written.
func Restore(dir string, last uint64, seals, others [][]byte, records func(from uint64) iter.Seq2[[]byte, error]) (Checkpoint, error) {
	newest, written, err := choose(last, seals, others)
	if err != nil || newest.Size == 0 {
		return Checkpoint{}, err
	}
	files := map[string][]byte{fileCheckpoint: newest.note, fileSynced: newest.note}
	state := logState{Origin: newest.Origin}
	for _, seal := range written {
		if seal.Size == newest.Size {
			seal = newest
		}
		files[sealName(seal.Size)] = seal.note
		state.Seals = append(state.Seals, seal.Size)
	}
	data, err := json.Marshal(state)
	if err != nil {
		return Checkpoint{}, fault.E(fault.Internal, "restore log: %w", err)
	}
	files[fileState] = append(data, '\n')
	for level := 0; newest.Size>>(tileHeight*level) > 0; level++ {
		count := newest.Size >> (tileHeight * level)
		tile := tlog.Tile{H: tileHeight, L: level, N: count >> tileHeight, W: int(count % tileWidth)}
		if tile.W == 0 {
			continue
		}
		data, err := partialTile(dir, tile, records)
		if errors.Is(err, fs.ErrNotExist) {
			continue // Verify names the tile that is missing
		}
		if err != nil {
			return Checkpoint{}, fault.E(fault.Unavailable, "restore log: %w", err)
		}
		files[tilePath(tile)] = data
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Checkpoint{}, fault.E(fault.Unavailable, "restore log: %w", err)
	}
	for name, data := range files {
		if err := writeFile(dir, filepath.Join(dir, filepath.FromSlash(name)), data, true); err != nil {
			return Checkpoint{}, fault.E(fault.Unavailable, "restore log: %w", err)
		}
	}
	return newest.Checkpoint, nil
}

// choose returns the newest checkpoint of at most last records, and the seals up to it in ascending order. Of several of one size it takes a seal, else the
// one with most signatures.
func choose(last uint64, seals, others [][]byte) (newest signed, written []signed, err error) {
	isSeal := false
	for i, data := range append(append([][]byte{}, seals...), others...) {
		text, _, _ := strings.Cut(string(data), "\n\n")
		c, err := parseCheckpoint(text + "\n")
		if err != nil {
			return newest, nil, fault.E(fault.Conflict, "restore log: %w", err)
		}
		if c.Size > int64(last) { //nolint:gosec // sequence numbers have 63 bits
			continue
		}
		if i < len(seals) {
			written = append(written, signed{c, data})
		}
		if c.Size > newest.Size || c.Size == newest.Size && !isSeal && len(data) > len(newest.note) {
			newest, isSeal = signed{c, data}, i < len(seals)
		}
	}
	slices.SortFunc(written, func(a, b signed) int { return cmp.Compare(a.Size, b.Size) })
	return newest, written, nil
}

// partialTile computes a tile from the full tiles below it, or from records.
func partialTile(dir string, tile tlog.Tile, records func(from uint64) iter.Seq2[[]byte, error]) ([]byte, error) {
	var data []byte
	if tile.L > 0 {
		for i := range tile.W {
			below, err := readTile(dir, tlog.Tile{H: tileHeight, L: tile.L - 1, N: tile.N<<tileHeight + int64(i), W: tileWidth})
			if err != nil {
				return nil, err
			}
			root := tileRoot(below)
			data = append(data, root[:]...)
		}
		return data, nil
	}
	for record, err := range records(uint64(tile.N)<<tileHeight + 1) { //nolint:gosec // not negative
		if err != nil {
			return nil, err
		}
		h := tlog.RecordHash(Leaf(record))
		if data = append(data, h[:]...); len(data) == tile.W*tlog.HashSize {
			return data, nil
		}
	}
	return nil, fs.ErrNotExist
}

// tileRoot returns the hash of the subtree that a full tile is of.
func tileRoot(data []byte) tlog.Hash {
	if len(data) == tlog.HashSize {
		return tlog.Hash(data)
	}
	return tlog.NodeHash(tileRoot(data[:len(data)/2]), tileRoot(data[len(data)/2:]))
}
