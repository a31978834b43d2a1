package journal

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// platter is what is surely on disk: only what was flushed.
type platter struct {
	mu    sync.Mutex
	files map[uint64][]byte // by inode, since a file gets its name later
}

func inode(f interface{ Stat() (os.FileInfo, error) }) (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Sys().(*syscall.Stat_t).Ino, nil
}

func (p *platter) disk() disk {
	d := realDisk
	d.sync = func(f *os.File) error {
		id, err := inode(f)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(f.Name()) // a writer may add to it meanwhile
		if err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.files[id] = b
		return nil
	}
	return d
}

// losePower copies what the disk has to another directory: sealed files as they are, since they
// were synced as a whole; of the others what was flushed, and any sectors of the rest, which
// the kernel writes when and in what order it likes.
func (p *platter) losePower(t testing.TB, from, to string) {
	for _, path := range files(t, from) {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) { // it was sealed meanwhile
			for _, copied := range files(t, to) {
				if err := os.Remove(copied); err != nil {
					t.Fatal(err)
				}
			}
			p.losePower(t, from, to)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		id, err := inode(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if filepath.Ext(path) != ".zst" {
			flushed := make([]byte, len(b))
			p.mu.Lock()
			synced := p.files[id]
			p.mu.Unlock()
			size := max(copy(flushed, synced), rand.IntN(len(b)+1)) // of the file, as far as its inode was written
			lost := rand.IntN(5)                                    // of four sectors, about so many
			for at := 0; at < len(b); at += 512 {
				if end := min(at+512, len(b)); rand.IntN(4) < lost {
					copy(b[at:end], flushed[at:end])
				}
			}
			b = b[:size]
		}
		writeFile(t, filepath.Join(to, filepath.Base(path)), b)
	}
}

func TestPowerLossKeepsEverythingBeforeADurableRecord(t *testing.T) {
	const rounds, writers = 12, 4
	for round := range rounds {
		dir, after := t.TempDir(), t.TempDir()
		p := &platter{files: map[uint64][]byte{}}
		j := mustOpenOn(t, dir, Options{}, p.disk())
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for n := range 150 + rand.IntN(400) {
					pad := strings.Repeat("p", rand.IntN(3000))
					if err := j.Append(Check, testTime, fmt.Appendf(nil, "%d %d %s", w, n, pad), w == 0 && rand.IntN(20) == 0); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		mustAppend(t, j, "durable", true)
		durable := j.Stats().Records
		for n := range rand.IntN(3000) {
			mustAppend(t, j, fmt.Sprint("maybe ", n), false)
		}
		p.losePower(t, dir, after)
		recoverQuietly(t, after)

		next := uint64(1)
		records, _ := readAll(t, after)
		for _, r := range records {
			if r.Writer != j.writer && r.Sequence > durable {
				continue // the header was lost
			}
			if r.Sequence != next && r.Sequence <= durable {
				t.Fatalf("round %d: record %d follows %d; up to %d all were durable", round, r.Sequence, next-1, durable)
			}
			next = r.Sequence + 1
		}
		if next <= durable {
			t.Errorf("round %d: %d records left of %d durable ones", round, next-1, durable)
		}
		mustClose(t, j)
	}
}
