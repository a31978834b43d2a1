package build

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
)

func TestFramesComeBackInOrder(t *testing.T) {
	f, err := newFrameFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	want := []string{"a", "", strings.Repeat("b", 3*fileBuffer), "c"}
	for _, s := range want {
		if err := f.append([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // it can be read again
		var got []string
		for b, err := range f.all() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(b))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d frames came back", len(got))
		}
	}
}

// A temporary file that has lost its end must not become a smaller list.
func TestATruncatedTemporaryFileIsAnError(t *testing.T) {
	for _, size := range []int64{0, 2, 3, 5} { // at the end of a frame, and inside one
		f, err := newFrameFile(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		for _, s := range []string{"a", "bb", "c"} {
			if err := f.append([]byte(s)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(f.w.Flush(), f.f.Truncate(size)); err != nil {
			t.Fatal(err)
		}
		var last error
		for _, err := range f.all() {
			last = err
		}
		if !fault.Is(last, fault.Unavailable) {
			t.Errorf("truncated to %d bytes: %v", size, last)
		}
	}
}

// A sorter that spills to disk yields the same as one that does not, and a spilled run that has lost its end is an error.
func TestRecordsAreSortedOnDiskAsInMemory(t *testing.T) {
	fill := func(limit int) *sorter {
		s := newSorter(t.TempDir())
		s.limit = limit
		t.Cleanup(s.close)
		for i := range 5000 {
			key := address.Key(fmt.Sprintf("key %d", i*7919%1000))
			ref := lists.AppendRef(nil, &lists.Ref{Attribution: uint32(i)})
			if err := s.add(&record{hash: lists.Hash(key), key: key, seq: uint64(i), ref: ref}); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	read := func(s *sorter) (out []string, err error) {
		for r, err := range s.all() {
			if err != nil {
				return out, err
			}
			out = append(out, fmt.Sprintf("%016x %s %d", r.hash, r.key, r.seq))
		}
		return out, nil
	}
	inMemory, spilled := fill(sortBytes), fill(20_000)
	want, err := read(inMemory)
	if err != nil || len(want) != 5000 || len(inMemory.runs) != 0 {
		t.Fatalf("%d records, %d runs: %v", len(want), len(inMemory.runs), err)
	}
	got, err := read(spilled)
	if err != nil || len(spilled.runs) < 3 || !slices.Equal(got, want) {
		t.Errorf("%d records from %d runs: %v", len(got), len(spilled.runs), err)
	}
	end, err := spilled.runs[1].f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	if err := spilled.runs[1].f.Truncate(end / 2); err != nil {
		t.Fatal(err)
	}
	if got, err := read(spilled); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a truncated run gives %d records and %v", len(got), err)
	}
}

func TestAttributionsAreNumberedFromZero(t *testing.T) {
	d, err := newDraft(t.TempDir(), &lists.Version{List: "deny"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	for want := range uint32(3) {
		if got, err := d.attribution([]byte("{}")); err != nil || got != want {
			t.Errorf("number %d instead of %d: %v", got, want, err)
		}
	}
}

// Stored bytes that are not the uploaded ones are never read as if they were.
func TestAlteredSourceBytesAreAnError(t *testing.T) {
	store, err := diskstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	b := &Builder{Store: store, Dir: t.TempDir()}
	files, err := b.Receive(t.Context(), func(yield func(Upload, error) bool) {
		yield(Upload{Name: "dir/list.csv", Body: strings.NewReader("address\n")}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	right, wrong := lists.BlobSource("deny", files.SHA256()[0]), lists.BlobSource("deny", strings.Repeat("0", 64))
	for _, name := range []string{right, wrong} {
		if err := files.files[0].keep(t.Context(), store, name); err != nil {
			t.Fatal(err)
		}
	}
	again, err := b.Reopen(t.Context(), &lists.Version{File: "list.csv", Sources: []string{right}})
	if err != nil || again.JoinedName() != "list.csv" || again.SizeBytes() != 8 {
		t.Errorf("the stored bytes are not read: %v", err)
	}
	if _, err := b.Reopen(t.Context(), &lists.Version{File: "list.csv", Sources: []string{wrong}}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("altered bytes are read: %v", err)
	}
}
