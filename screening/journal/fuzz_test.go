package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzRead reads and recovers arbitrary bytes as a segment. The salt of the name is zero, so
// that the fuzzer need not guess it. It syncs files; in memory it is ten times as fast:
//
//	TMPDIR=/dev/shm go test -run - -fuzz FuzzRead -fuzztime 60s -fuzzminimizetime 10x ./screening/journal
func FuzzRead(f *testing.F) {
	whole := segmentImage(1, 0, "one", `{"two":2}`, "", "four")
	f.Add([]byte{})
	f.Add(whole)
	f.Add(append(bytes.Clone(whole), make([]byte, 300)...))
	f.Add(sealedImage(1, 0, "one", "two"))
	f.Add(sealedImage(1, 0))
	f.Add(whole[:len(whole)-3])
	f.Add(append(bytes.Clone(whole[:150]), whole[160:]...))
	f.Add(append(make([]byte, headerBytes), whole[headerBytes:]...))
	far := segmentImage(1<<62, 0, "far")
	f.Add(append(bytes.Clone(whole), far[headerBytes:]...))

	f.Fuzz(func(t *testing.T, image []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, segmentName(1, 0))
		writeFile(t, path, image)
		before := fuzzRead(t, dir)
		recoverQuietly(t, dir)
		if after := fuzzRead(t, dir); after != before {
			t.Errorf("recovery changed the records:\n%s\nbefore:\n%s", after, before)
		}
	})
}

// fuzzRead checks what holds for every input, and returns all records as text.
func fuzzRead(t *testing.T, dir string) string {
	var all bytes.Buffer
	records, damage := readAll(t, dir)
	last, end := uint64(0), int64(headerBytes)
	for i, r := range records {
		if i > 0 && r.Sequence <= last || r.OffsetBytes < end || len(r.Payload) > MaxPayloadBytes || r.Kind == 0 {
			t.Errorf("record %d at %d after record %d that ended at %d: %+v", r.Sequence, r.OffsetBytes, last, end, r)
		}
		last, end = r.Sequence, r.OffsetBytes+frameBytes+int64(len(r.Payload))
		fmt.Fprintf(&all, "%d %d %d %q\n", r.Sequence, r.Kind, r.Time.UnixNano(), r.Payload)
	}
	for _, d := range damage {
		if d.OffsetBytes < 0 || d.LengthBytes < 0 {
			t.Errorf("damage: %+v", d)
		}
	}
	return all.String()
}

// growing shows a file before one of its pages was written, and then after.
type growing struct{ before, after []byte }

func (g *growing) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(g.before).ReadAt(p, off)
	g.before = g.after
	return n, err
}

// A reader may see a record of a live writer before the one ahead of it is complete.
func TestRecordCompletedMeanwhileIsNoDamage(t *testing.T) {
	after := segmentImage(1, 0, "one", "two", "three")
	before := bytes.Clone(after)
	clear(before[headerBytes+frameBytes+3:][:frameBytes+3])
	in := scanner{src: &growing{before, after}, next: 1, off: headerBytes, end: int64(len(after))}
	for _, want := range []string{"one", "two", "three"} {
		f, g, err := in.scan(context.Background())
		if err != nil || g != (gap{}) || string(f.payload) != want {
			t.Fatalf("got %q, gap %+v, error %v, want %q", f.payload, g, err, want)
		}
	}
}

// Whatever a record or a seal says of its length, no more memory is taken than for one record.
func TestScannerMemoryIsBounded(t *testing.T) {
	image := segmentImage(1, 0, "one")
	head := make([]byte, frameBytes) // announces the longest record
	putFrameHead(head, 0, frame{Check, 2, 0, make([]byte, MaxPayloadBytes)}, 0)
	image = append(image, bytes.Repeat(head, 3<<20/frameBytes)...)
	copy(image[sealOffset:], seal{length: 1 << 60, next: 1 << 60}.encode(0))
	path := filepath.Join(t.TempDir(), segmentName(1, 0))
	writeFile(t, path, image)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(context.Background())
	in := scanner{src: &cancelling{f, 40, cancel}, next: 1, off: headerBytes, end: 1 << 60}
	if _, _, err := in.scan(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := in.scan(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the search to stop with its context", err)
	}
	if cap(in.window) > MaxPayloadBytes+frameBytes {
		t.Errorf("%d bytes of memory", cap(in.window))
	}
}

// cancelling cancels after some reads.
type cancelling struct {
	io.ReaderAt
	left   int
	cancel func()
}

func (c *cancelling) ReadAt(p []byte, off int64) (int, error) {
	if c.left--; c.left == 0 {
		c.cancel()
	}
	return c.ReaderAt.ReadAt(p, off)
}
