package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"interdict/lists/fault"
)

// maxFindings limits a report: one removed record changes every tile after it.
const maxFindings = 50

// VerifyOptions say what a log is compared with.
type VerifyOptions struct {
	Origin string   // empty: the one in log.json
	VKeys  []string // public keys of the log and of its witnesses; a signature by any other key is a finding
	// Closed says that nobody writes the log: then its newest checkpoint has to cover every record, and no file
	// may be older than another.
	Closed bool
}

// A Finding is one place where a log is not what was signed.
type Finding struct {
	Place   string // a record, or a file of the log
	Problem string
}

func (f Finding) String() string { return f.Place + ": " + f.Problem }

// Report is the result of Verify. The log is intact if there are no findings.
type Report struct {
	Origin      string
	Records     uint64 // read and hashed
	Covered     uint64 // of these, covered by the newest valid checkpoint of the log
	Checkpoints int    // of the log, compared
	Elsewhere   int    // checkpoints of this log that were kept elsewhere, compared
	Findings    []Finding
	More        int // findings that are left out
}

type verification struct {
	dir    string
	opts   VerifyOptions
	report Report
	newest Checkpoint
	notes  map[string]signed // checkpoints by file
	claims []claim
	parts  map[[2]int64][]int // widths of partial tiles in the folder, by level and number
	tiles  map[int]int64      // the last full tile of each level
}

// claim is what one checkpoint says.
type claim struct {
	Checkpoint
	place     string
	elsewhere bool
}

// Verify computes a log again from all records of its writer and compares the result with the tiles, with every checkpoint
// of the log, and with checkpoints that were kept elsewhere. Those of other logs among them are skipped. The error says
// that the verification could not be carried out; what is wrong with the log is in the report.
//
// A log that was rolled back or forked can be found only with checkpoints kept elsewhere.
func Verify(ctx context.Context, dir string, records iter.Seq2[[]byte, error], opts VerifyOptions, against ...[]byte) (Report, error) {
	v := &verification{dir: dir, opts: opts, notes: map[string]signed{}, parts: map[[2]int64][]int{}, tiles: map[int]int64{}}
	keys, err := newVerifiers(opts.VKeys)
	if err != nil {
		return Report{}, err
	}
	state := v.readState()
	if err := v.readFolder(keys); err != nil {
		return Report{}, err
	}
	v.compareFiles(state)
	v.readElsewhere(keys, against)
	if err := v.hash(ctx, records); err != nil {
		return Report{}, err
	}
	return v.report, nil
}

func (v *verification) find(place, format string, args ...any) {
	if len(v.report.Findings) == maxFindings {
		v.report.More++
		return
	}
	v.report.Findings = append(v.report.Findings, Finding{place, fmt.Sprintf(format, args...)})
}

func (v *verification) readState() logState {
	var state logState
	data, err := os.ReadFile(filepath.Join(v.dir, fileState))
	if err == nil {
		if err = json.Unmarshal(data, &state); err == nil {
			again, _ := json.Marshal(state)
			if !bytes.Equal(append(again, '\n'), data) {
				err = errors.New("not in the form that the log writes")
			}
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // compareFiles says that it is missing
		v.find(fileState, "%v", err)
	}
	v.report.Origin = v.opts.Origin
	if v.report.Origin == "" {
		v.report.Origin = state.Origin
	} else if err == nil && state.Origin != v.report.Origin {
		v.find(fileState, "is of the log %q, not of %q", state.Origin, v.report.Origin)
	}
	return state
}

// readFolder reads the checkpoints of the log and lists its tiles.
func (v *verification) readFolder(keys verifiers) error {
	err := filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != v.dir {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(v.dir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		_, isSeal := sealSize(name)
		switch {
		case name == fileLock || name == fileState || strings.HasSuffix(name, temporary):
		case name == fileCheckpoint || name == fileSynced || name == fileCosigned || isSeal:
			return v.readCheckpoint(keys, name)
		default:
			v.noteTile(name)
		}
		return nil
	})
	if err != nil {
		return fault.E(fault.Unavailable, "read log: %w", err)
	}
	return nil
}

func (v *verification) noteTile(name string) {
	tile, err := parseTilePath(name)
	switch {
	case err != nil || tile.L < 0:
		v.find(name, "is not a file of the log")
	case tile.W == tileWidth:
		if last, ok := v.tiles[tile.L]; !ok || last < tile.N {
			v.tiles[tile.L] = tile.N
		}
	default:
		at := [2]int64{int64(tile.L), tile.N}
		v.parts[at] = append(v.parts[at], tile.W)
	}
}

func (v *verification) readCheckpoint(keys verifiers, name string) error {
	data, err := os.ReadFile(filepath.Join(v.dir, name))
	if err != nil {
		return err
	}
	o, err := keys.open(data)
	if err != nil {
		v.find(name, "%v", err)
		return nil
	}
	for _, key := range o.unknown {
		v.find(name, "has a signature by the key %s, which is not known", key)
	}
	if o.Origin != v.report.Origin {
		v.find(name, "is of the log %q, not of %q", o.Origin, v.report.Origin)
		return nil
	}
	if size, ok := sealSize(name); ok && size != o.Size {
		v.find(name, "is a checkpoint of %d records", o.Size)
	}
	v.notes[name] = signed{o.Checkpoint, data}
	v.claims = append(v.claims, claim{o.Checkpoint, name, false})
	if o.Size > v.newest.Size {
		v.newest = o.Checkpoint
	}
	v.report.Checkpoints++
	return nil
}

// compareFiles finds files that are missing, or older than others.
func (v *verification) compareFiles(state logState) {
	// the first checkpoint of a log that is being written has come when log.json has
	if state.Origin != "" || v.opts.Closed && len(v.tiles)+len(v.parts)+len(v.notes) > 0 {
		v.missing(fileState)
		v.missing(fileCheckpoint)
		v.missing(fileSynced)
	}
	for _, size := range state.Seals {
		v.missing(sealName(size))
	}
	newest, ok := v.notes[fileCheckpoint]
	if !ok {
		return
	}
	for name, other := range v.notes {
		if v.opts.Closed && other.Size > newest.Size {
			v.find(fileCheckpoint, "covers %d records and %s covers %d: an older file was put in its place", newest.Size, name, other.Size)
		}
		if v.opts.Closed && other.Size == newest.Size && !bytes.Equal(other.note, newest.note) {
			v.find(name, "has other signatures than the newest checkpoint, which is of the same size")
		}
	}
	if synced, ok := v.notes[fileSynced]; ok && v.opts.Closed && synced.Size != newest.Size {
		v.find(fileSynced, "covers %d of the %d records: an older file was put in its place", synced.Size, newest.Size)
	}
	if cosigned := v.notes[fileCosigned]; cosigned.Size < state.Cosigned || v.opts.Closed && cosigned.Size != state.Cosigned {
		v.find(fileCosigned, "covers %d records, and %s says %d: the file was removed, or an older one put in its place", cosigned.Size, fileState, state.Cosigned)
	}
	for name := range v.notes {
		if size, ok := sealSize(name); ok && v.opts.Closed && !slices.Contains(state.Seals, size) {
			v.find(fileState, "does not have the seal of %d records: an older file was put in its place", size)
		}
	}
}

// missing reports a file that is not there; one that is there but wrong is reported where it is read.
func (v *verification) missing(name string) {
	if _, err := os.Lstat(filepath.Join(v.dir, name)); errors.Is(err, fs.ErrNotExist) {
		v.find(name, "is missing")
	}
}

func (v *verification) readElsewhere(keys verifiers, against [][]byte) {
	for i, data := range against {
		place := fmt.Sprintf("checkpoint %d kept elsewhere", i+1)
		o, err := keys.open(data)
		if err != nil {
			v.find(place, "%v", err)
			continue
		}
		if o.Origin != v.report.Origin {
			continue
		}
		v.report.Elsewhere++
		v.claims = append(v.claims, claim{o.Checkpoint, place, true})
	}
}

// hash computes the log from the records, and compares it on the way.
func (v *verification) hash(ctx context.Context, records iter.Seq2[[]byte, error]) error {
	slices.SortStableFunc(v.claims, func(a, b claim) int { return int(min(1, max(-1, a.Size-b.Size))) })
	t := &tree{full: func(tile tlog.Tile, data []byte) { v.compareTile(tile, data) }}
	claims, err := v.compareClaims(t, v.claims)
	if err != nil {
		return err
	}
	for record, err := range records {
		if ctx.Err() != nil {
			return fault.E(fault.Unavailable, "verify log: %w", ctx.Err())
		}
		if err != nil {
			v.find(recordPlace(t.size), "%v; the records after it were not verified", err)
			break
		}
		if err := t.add(Leaf(record)); err != nil {
			return err
		}
		if claims, err = v.compareClaims(t, claims); err != nil {
			return err
		}
	}
	for l := range t.part {
		v.comparePart(t.partTile(l), t.part[l])
	}
	for _, c := range claims {
		problem := "covers %d records, but only %d exist: records were removed from the end"
		if c.elsewhere {
			problem = "covers %d records, but only %d exist: the log was rolled back"
		}
		v.find(c.place, problem, c.Size, t.size)
	}
	for l, last := range v.tiles {
		if expected := t.size >> (tileHeight * l) >> tileHeight; last >= expected {
			v.find(tilePath(tlog.Tile{H: tileHeight, L: l, N: last, W: tileWidth}), "has hashes of records that do not exist")
		}
	}
	for at, widths := range v.parts {
		for _, w := range widths {
			v.find(tilePath(tlog.Tile{H: tileHeight, L: int(at[0]), N: at[1], W: w}), "has hashes of records that do not exist")
		}
	}
	v.report.Records = uint64(t.size)
	v.report.Covered = uint64(min(t.size, v.newest.Size))
	if v.opts.Closed && t.size > v.newest.Size {
		v.find(recordPlace(v.newest.Size), "no checkpoint covers the records from here to %d: they were added, or the newest checkpoint was removed", t.size)
	}
	return nil
}

func recordPlace(index int64) string { return fmt.Sprintf("record %d", index+1) }

// compareClaims compares the root with the checkpoints of the present size, and returns the later ones.
func (v *verification) compareClaims(t *tree, claims []claim) ([]claim, error) {
	for len(claims) > 0 && claims[0].Size == t.size {
		root, err := t.root()
		if err != nil {
			return nil, err
		}
		if c := claims[0]; root != c.Root {
			problem := "the first %d records do not have the root that it says: a record was changed, inserted, removed or moved"
			if c.elsewhere {
				problem = "the first %d records do not have the root that it says: the log was forked"
			}
			v.find(c.place, problem, c.Size)
		}
		claims = claims[1:]
	}
	return claims, nil
}

// compareTile compares a full tile with its file and with the partial tiles of its place.
func (v *verification) compareTile(tile tlog.Tile, data []byte) {
	stored, err := os.ReadFile(filepath.Join(v.dir, filepath.FromSlash(tilePath(tile))))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if end := (tile.N + 1) << (tileHeight * (tile.L + 1)); end <= v.newest.Size || tile.N <= v.tiles[tile.L]-1 {
			v.find(tilePath(tile), "is missing")
		}
	case err != nil:
		v.find(tilePath(tile), "%v", err)
	default:
		v.compareHashes(tile, stored, data)
	}
	v.compareParts(tile, data)
}

// comparePart compares the hashes of a place whose tile is not full.
func (v *verification) comparePart(tile tlog.Tile, data []byte) {
	count := v.newest.Size >> (tileHeight * tile.L)
	need := tlog.Tile{H: tileHeight, L: tile.L, N: count >> tileHeight, W: int(count % tileWidth)}
	widths := v.parts[[2]int64{int64(need.L), need.N}]
	if need.W > 0 && need.N == tile.N && !slices.Contains(widths, need.W) {
		if v.opts.Closed || !slices.ContainsFunc(widths, func(w int) bool { return w > need.W }) {
			v.find(tilePath(need), "is missing")
		}
	}
	v.compareParts(tile, data)
	// a tile with more hashes than there are records still shows where the difference begins
	for _, w := range v.parts[[2]int64{int64(tile.L), tile.N}] {
		part := tlog.Tile{H: tileHeight, L: tile.L, N: tile.N, W: w}
		if stored, err := os.ReadFile(filepath.Join(v.dir, filepath.FromSlash(tilePath(part)))); err == nil && len(stored) > len(data) {
			v.compareHashes(part, stored[:len(data)], data)
		}
	}
}

// compareParts compares partial tiles with the hashes of their place; those with more hashes are left.
func (v *verification) compareParts(tile tlog.Tile, data []byte) {
	at := [2]int64{int64(tile.L), tile.N}
	var left []int
	for _, w := range v.parts[at] {
		if w > tile.W {
			left = append(left, w)
			continue
		}
		part := tlog.Tile{H: tileHeight, L: tile.L, N: tile.N, W: w}
		stored, err := os.ReadFile(filepath.Join(v.dir, filepath.FromSlash(tilePath(part))))
		switch {
		case errors.Is(err, fs.ErrNotExist) && !v.opts.Closed: // replaced by a wider one
		case err != nil:
			v.find(tilePath(part), "%v", err)
		default:
			v.compareHashes(part, stored, data[:w*tlog.HashSize])
		}
	}
	if v.parts[at] = left; left == nil {
		delete(v.parts, at)
	}
}

// compareHashes reports the first difference of a tile, and whether the tile or a record is to blame.
func (v *verification) compareHashes(tile tlog.Tile, stored, data []byte) {
	if bytes.Equal(stored, data) {
		return
	}
	if len(stored) != len(data) {
		v.find(tilePath(tile), "has %d bytes instead of %d", len(stored), len(data))
		return
	}
	i := 0
	for stored[i] == data[i] {
		i++
	}
	i /= tlog.HashSize
	n := tile.N<<tileHeight + int64(i)
	if tile.L > 0 {
		v.find(tilePath(tile), "hash %d is not that of the records from %d on", i, n<<(tileHeight*tile.L)+1)
		return
	}
	// the tile is right if its hash leads to the signed root
	index := tlog.StoredHashIndex(0, n)
	if n < v.newest.Size {
		reader := tlog.TileHashReader(v.newest.tree(), tileFunc(func(t tlog.Tile) ([]byte, error) { return readTile(v.dir, t) }))
		if hashes, err := reader.ReadHashes([]int64{index}); err == nil && bytes.Equal(hashes[0][:], stored[i*tlog.HashSize:][:tlog.HashSize]) {
			v.find(recordPlace(n), "is not the record that was signed: it was changed, inserted or moved, or one before it removed (hash %d of %s)", i, tilePath(tile))
			return
		}
	}
	v.find(tilePath(tile), "hash %d is not that of record %d", i, n+1)
}

// Agree reports whether a checkpoint of a log, kept elsewhere, agrees with the tiles in the folder, which Verify has found to be those of the
// records. size is the number of records.
func Agree(dir string, size uint64, checkpoint, newest []byte, vkeys []string) error {
	c, err := OpenCheckpoint(checkpoint, vkeys)
	if err != nil {
		return err
	}
	if c.Size > int64(size) {
		return fault.E(fault.Conflict, "a checkpoint kept elsewhere covers %d records, but only %d exist: the log was rolled back", c.Size, size)
	}
	n, err := OpenCheckpoint(newest, vkeys)
	if err != nil {
		return err
	}
	if c.Origin != n.Origin {
		return fault.E(fault.Conflict, "a checkpoint kept elsewhere is of %q, not of %q", c.Origin, n.Origin)
	}
	if c.Size > n.Size {
		return fault.E(fault.Conflict, "a checkpoint kept elsewhere covers %d records, and the newest one in the folder %d: an older file was put in its place", c.Size, n.Size)
	}
	tree := tlog.Tree{N: n.Size, Hash: n.Root}
	root, err := tlog.TreeHash(c.Size, tlog.TileHashReader(tree, tileFunc(func(t tlog.Tile) ([]byte, error) { return readTile(dir, t) })))
	if err != nil {
		return fault.E(fault.Conflict, "compare a checkpoint kept elsewhere: %w", err)
	}
	if root != c.Root {
		return fault.E(fault.Conflict, "a checkpoint kept elsewhere has another root for the first %d records: the log was forked", c.Size)
	}
	return nil
}
