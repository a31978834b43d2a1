package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// seal is the sealer goroutine. It seals retired segments, in order. At Close it tries once more and ends.
func (j *Journal) seal() {
	var previous [sha256.Size]byte
	var retry <-chan time.Time
	for closing := false; !closing; {
		select {
		case <-j.quitSeal:
			closing = true
		case <-j.sealNow:
		case <-retry:
		}
		retry = nil
		if !j.sealAll(&previous) {
			retry = time.After(retryEvery)
		}
	}
}

// sealAll seals all retired segments. It returns false if it must be called again.
func (j *Journal) sealAll(previous *[sha256.Size]byte) bool {
	for {
		j.mu.Lock()
		if len(j.retired) == 0 {
			j.mu.Unlock()
			return true
		}
		s := j.retired[0]
		j.mu.Unlock()

		if !s.empty() {
			if err := j.await(s.next - 1); err != nil {
				return false
			}
		}
		// Its records are on disk: no flush needs it any more, and the one that is running may.
		j.mu.Lock()
		broken := s.broken
		j.unsynced = slices.DeleteFunc(j.unsynced, func(u *segment) bool { return u == s })
		j.mu.Unlock()
		j.commit.settle()
		if err := j.sealOne(s, broken, previous); err != nil {
			// Nothing is lost, since the next Open seals it.
			j.log.Error("journal segment not sealed", "file", s.path, "error", err)
			j.mu.Lock()
			j.fail(err)
			j.mu.Unlock()
		}
		j.mu.Lock()
		j.retired = j.retired[1:]
		if !s.empty() {
			j.sealed = s.next - 1
		}
		j.mu.Unlock()
		wake(j.proveNow)
	}
}

// sealOne seals a segment whose records are on disk, and closes it. A broken one is left to the next Open.
func (j *Journal) sealOne(s *segment, broken bool, previous *[sha256.Size]byte) error {
	switch {
	case s.empty():
		return s.remove()
	case broken:
		*previous = [sha256.Size]byte{}
		return s.file.Close()
	}
	defer s.file.Close()
	in := scanner{src: s.file, mask: j.salt, next: s.first, off: headerBytes, end: s.used}
	h := header{version: 2, number: uint32(s.number), first: s.first, created: j.now(), writer: j.writer, salt: uint64(j.salt)}
	digest, err := sealInto(j.dir, h, *previous, j.now(), func() (frame, error) {
		f, g, err := in.scan(context.Background())
		if err == nil && g != (gap{}) || errors.Is(err, io.EOF) && in.next != s.next {
			err = fmt.Errorf("the records from %d on are not what was written", g.first)
		}
		return f, err
	})
	*previous = digest
	if err != nil {
		return err
	}
	if same, err := sameFile(s.file, s.path); err != nil || !same {
		return err // it was deleted already
	}
	return os.Remove(s.path)
}

// sealInto writes a sealed segment under a temporary name, syncs it, renames it and syncs the folder.
func sealInto(dir string, h header, previous [sha256.Size]byte, now time.Time, src func() (frame, error)) (digest [sha256.Size]byte, err error) {
	path := filepath.Join(dir, fmt.Sprintf("seal-%s-%06d-%08x.tmp", h.writer, h.number, uint32(h.salt)))
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of an attempt that failed
		return digest, err
	}
	s, err := createSegment(path)
	if err != nil {
		return digest, err
	}
	sealed, digest, err := writeSealed(s.file, h, previous, now, src)
	if err != nil {
		return [sha256.Size]byte{}, errors.Join(err, s.remove())
	}
	if err := os.Rename(path, filepath.Join(dir, sealedName(h, sealed.from, sealed.to))); err != nil {
		return [sha256.Size]byte{}, errors.Join(err, s.remove())
	}
	return digest, errors.Join(s.file.Close(), syncDir(dir))
}

var sealingPattern = regexp.MustCompile(`^seal-.*\.tmp$`)

// fileDigest returns the SHA-256 of a file.
func fileDigest(path string) (digest [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return digest, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return digest, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
