package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

// The files of a proof log in the bucket, below logs/<writer>/:
//
//	tile/…                                     full tiles, which never change
//	checkpoint.<size>                          seals
//	versions/<file>-<size>-<hash>              checkpoint, cosigned and log.json, as they were when the newest checkpoint had this size
//
// Partial tiles are computed from these and the records.
const (
	tilesFolder    = "tile/"
	versionsFolder = "versions/"
	fileCheckpoint = "checkpoint"
	fileCosigned   = "cosigned"
	fileState      = "log.json"

	uploads = 8 // at the same time, of small files
)

func logPrefix(writer uuid.UUID) string { return logsFolder + writer.String() + "/" }

func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// localLog is a proof log in its folder.
type localLog struct {
	writer  uuid.UUID
	dir     string
	newest  []byte // checkpoint
	covered uint64 // records
}

// readLog returns the log of a writer; nil if it has none, or none without what the bucket has already.
func (v *Vault) readLog(writer uuid.UUID) (*localLog, error) {
	l := &localLog{writer: writer}
	if v.opts.Log != nil {
		l.dir = v.opts.Log(writer)
	}
	if l.dir == "" {
		return nil, nil //nolint:nilnil // a writer without a log is nothing unusual
	}
	var err error
	l.newest, err = os.ReadFile(filepath.Join(l.dir, fileCheckpoint))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no checkpoint yet
	}
	if err != nil {
		return nil, fault.E(fault.Unavailable, "archive log: %w", err)
	}
	v.mu.Lock()
	known := v.logs[writer] == sha256.Sum256(l.newest)
	v.mu.Unlock()
	if known {
		return nil, nil //nolint:nilnil // it is in the bucket
	}
	if l.covered, err = checkpointSize(l.newest); err != nil {
		return nil, fault.E(fault.Conflict, "archive log: %s: %w", filepath.Join(l.dir, fileCheckpoint), err)
	}
	return l, nil
}

// archiveLog sends what the bucket does not have of a log: full tiles and seals that the newest checkpoint covers, and, if the versions in the
// bucket do not cover the newest archived record, a new version. ended says that the writer has no raw segment.
func (v *Vault) archiveLog(ctx context.Context, l *localLog, last uint64, ended bool, done *Report) error {
	if l == nil || last == 0 {
		return nil
	}
	writer, dir, newest, covered := l.writer, l.dir, l.newest, l.covered
	present := map[string]bool{}
	versions := uint64(0) // the largest size of a version
	for o, err := range v.bucket.List(ctx, logPrefix(writer)) {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(o.Name, logPrefix(writer))
		present[name] = true
		if size, ok := versionSize(name); ok {
			versions = max(versions, size)
		}
	}
	version := map[string][]byte{}
	if versions < last || ended && versions < covered {
		var err error
		if version, err = readVersion(dir, newest); err != nil {
			return fault.E(fault.Unavailable, "archive log: %w", err)
		}
	}
	files, err := logFiles(dir, covered)
	if err != nil {
		return fault.E(fault.Unavailable, "archive log: %w", err)
	}
	if err := v.putFiles(ctx, writer, dir, files, present, done); err != nil {
		return err
	}
	for _, name := range versionFiles {
		data, ok := version[name]
		if !ok {
			continue
		}
		name = fmt.Sprintf("%s%s-%020d-%s", versionsFolder, name, covered, shortHash(data))
		created, err := v.put(ctx, logPrefix(writer)+name, data, v.retainUntil(v.opts.Now()))
		if err != nil {
			return err
		}
		if created {
			done.LogFiles++
		}
	}
	if ended {
		v.mu.Lock()
		v.logs[writer] = sha256.Sum256(newest)
		v.mu.Unlock()
	}
	return nil
}

// versionFiles are the files of a version. The last one says that it is complete.
var versionFiles = []string{fileCosigned, fileState, fileCheckpoint}

func readVersion(dir string, newest []byte) (map[string][]byte, error) {
	version := map[string][]byte{fileCheckpoint: newest}
	for _, name := range []string{fileCosigned, fileState} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		version[name] = data
	}
	return version, nil
}

// putFiles sends the files of a log that are not present, several at a time.
func (v *Vault) putFiles(ctx context.Context, writer uuid.UUID, dir string, files []string, present map[string]bool, done *Report) error {
	files = slices.DeleteFunc(files, func(name string) bool { return present[name] })
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	var mu sync.Mutex
	next := make(chan string)
	for range min(uploads, len(files)) {
		wait.Go(func() {
			for name := range next {
				data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
				created := false
				if err != nil {
					err = fault.E(fault.Unavailable, "archive log: %w", err)
				} else {
					created, err = v.put(ctx, logPrefix(writer)+name, data, v.retainUntil(v.opts.Now()))
				}
				mu.Lock()
				if err != nil {
					cancel(err) // only the first one counts
				} else if created {
					done.LogFiles++
				}
				mu.Unlock()
			}
		})
	}
	for _, name := range files {
		if ctx.Err() != nil {
			break
		}
		next <- name
	}
	close(next)
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return unavailable("archive log", err)
	}
	return nil
}

// logFiles returns the full tiles and the seals that a checkpoint of this size covers.
func logFiles(dir string, covered uint64) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil // a partial tile that is not needed any more
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasSuffix(d.Name(), ".p") {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if end, ok := tileEnd(name); ok && end <= covered {
			files = append(files, name)
		} else if size, ok := sealSize(name); ok && size <= covered {
			files = append(files, name)
		}
		return nil
	})
	return files, err
}

// tileEnd returns how many records a log has at least that has this full tile: tile/<level>/<number>, the number in groups of three digits.
func tileEnd(name string) (uint64, bool) {
	parts := strings.Split(name, "/")
	if len(parts) < 3 || parts[0]+"/" != tilesFolder {
		return 0, false
	}
	level, err := strconv.ParseUint(parts[1], 10, 8)
	if err != nil || level > 6 {
		return 0, false
	}
	var n uint64
	for i, part := range parts[2:] {
		digits, more := strings.CutPrefix(part, "x")
		if more == (i == len(parts)-3) || len(digits) != 3 || i > 5 {
			return 0, false
		}
		group, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return 0, false
		}
		n = n*1000 + group
	}
	if n >= 1<<(62-8*(level+1)) {
		return 0, false
	}
	return (n + 1) << (8 * (level + 1)), true
}

// sealSize returns the size in the name of a seal, checkpoint.<size>.
func sealSize(name string) (uint64, bool) {
	text, ok := strings.CutPrefix(name, fileCheckpoint+".")
	size, err := strconv.ParseUint(text, 10, 62)
	return size, ok && err == nil && strconv.FormatUint(size, 10) == text
}

// versionSize returns the size in the name of a checkpoint's version.
func versionSize(name string) (uint64, bool) {
	text, ok := strings.CutPrefix(name, versionsFolder+fileCheckpoint+"-")
	text, _, cut := strings.Cut(text, "-")
	size, err := strconv.ParseUint(text, 10, 62)
	return size, ok && cut && err == nil
}

// checkpointSize returns the size that a checkpoint says, whose signatures are not verified.
func checkpointSize(signed []byte) (uint64, error) {
	lines := bytes.SplitN(signed, []byte{'\n'}, 4)
	if len(lines) < 4 {
		return 0, errors.New("it is not a checkpoint")
	}
	size, err := strconv.ParseUint(string(lines[1]), 10, 62)
	if err != nil {
		return 0, errors.New("it is not a checkpoint")
	}
	return size, nil
}
