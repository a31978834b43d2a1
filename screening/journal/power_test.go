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
	return disk{allocate: allocate, flush: func(f *os.File, mem []byte, from, to int) error {
		id, err := inode(f)
		if err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.files[id] == nil {
			p.files[id] = make([]byte, len(mem))
		}
		from &^= pageBytes - 1
		copy(p.files[id][from:to], mem[from:to])
		return nil
	}}
}

// losePower copies what the disk has to another directory: sealed files as they are, since they
// were synced as a whole; of the others what was flushed, and any sectors of the rest, which
// the kernel writes when and in what order it likes.
func (p *platter) losePower(t testing.TB, from, to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, path := range files(t, from) {
		s, b, id := snapshot(t, path)
		if s.seal == nil {
			flushed := p.files[id]
			if flushed == nil {
				flushed = make([]byte, len(b))
			}
			lost := rand.IntN(5) // of four sectors, about so many
			for at := 0; at < len(b); at += 512 {
				if end := min(at+512, len(b)); rand.IntN(4) < lost {
					copy(b[at:end], flushed[at:end])
				}
			}
		}
		writeFile(t, filepath.Join(to, filepath.Base(path)), b)
	}
}

// snapshot reads a file while the journal may seal it.
func snapshot(t testing.TB, path string) (s segmentInfo, b []byte, id uint64) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if id, err = inode(f); err != nil {
		t.Fatal(err)
	}
	for {
		if s, err = inspect(f, filepath.Base(path)); err != nil {
			t.Fatal(err)
		}
		b = make([]byte, s.size)
		if _, err := f.ReadAt(b, 0); err == nil {
			return s, b, id
		} else if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
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
