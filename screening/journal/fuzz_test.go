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

// The fuzz tests read and recover arbitrary bytes as a segment. The salt of the name is zero, so
// that the fuzzer need not guess it. It syncs files; in memory it is ten times as fast:
//
//	TMPDIR=/dev/shm go test -run - -fuzz FuzzRaw -fuzztime 60s -fuzzminimizetime 10x ./screening/journal

func FuzzRaw1(f *testing.F) {
	f.Add(sealedImage1(1, 0, "one", "two"))
	f.Add(sealedImage1(1, 0))
	far := image1(1<<62, 0, "far")
	fuzzSegment(f, name1(1, 0), frame1Bytes, image1(1, 0, "one", `{"two":2}`, "", "four"), far[headerBytes:])
}

func FuzzRaw(f *testing.F) {
	far := segmentImage(1<<31-1, 0, "far")
	fuzzSegment(f, segmentName(1, 0), headBytes, segmentImage(1, 0, "one", `{"two":2}`, "", "four"), far[headerBytes:])
}

func FuzzSealed(f *testing.F) {
	dir := f.TempDir()
	writeFile(f, filepath.Join(dir, segmentName(1, 0)), segmentImage(1, 0, "one", `{"two":2}`, "", "four"))
	recoverQuietly(f, dir)
	path := files(f, dir)[0]
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	fuzzSegment(f, filepath.Base(path), 0, whole, nil)
}

func fuzzSegment(f *testing.F, name string, frameBytes int64, whole, far []byte) {
	f.Add([]byte{})
	f.Add(whole)
	f.Add(append(bytes.Clone(whole), make([]byte, 300)...))
	f.Add(whole[:len(whole)-3])
	f.Add(append(bytes.Clone(whole[:150]), whole[160:]...))
	f.Add(append(make([]byte, headerBytes), whole[headerBytes:]...))
	f.Add(append(bytes.Clone(whole), far...))
	f.Fuzz(func(t *testing.T, image []byte) {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, name), image)
		before := fuzzRead(t, dir, frameBytes)
		recoverQuietly(t, dir)
		if after := fuzzRead(t, dir, 0); after != before {
			t.Errorf("recovery changed the records:\n%s\nbefore:\n%s", after, before)
		}
	})
}

// fuzzRead checks what holds for every input, and returns all records as text. With frameBytes records must not overlap.
func fuzzRead(t *testing.T, dir string, frameBytes int64) string {
	var all bytes.Buffer
	records, damage := readAll(t, dir)
	last, end := uint64(0), int64(headerBytes)
	for i, r := range records {
		if i > 0 && r.Sequence <= last || r.OffsetBytes < end && frameBytes > 0 || len(r.Payload) > MaxPayloadBytes || r.Kind == 0 {
			t.Errorf("record %d at %d after record %d that ended at %d: %+v", r.Sequence, r.OffsetBytes, last, end, r)
		}
		last, end = r.Sequence, r.OffsetBytes+frameBytes+int64(len(r.Payload))
		fmt.Fprintf(&all, "%d %d %s %d %q\n", r.Sequence, r.Kind, r.ID, r.Time.UnixNano(), r.Payload)
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
	clear(before[headerBytes+headBytes+3:][:headBytes+3])
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
	announced := appendFrame(nil, 0, 2, &Entry{Kind: Check, Time: testTime, Payload: make([]byte, MaxPayloadBytes)})[:headBytes]
	image = append(image, bytes.Repeat(announced, 3<<20/headBytes)...)
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
	if cap(in.window) > maxFrameBytes {
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
