package diskindex

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

var (
	testWriter = uuid.MustParse("019b0000-0000-7000-8000-000000000001")
	testTime   = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
)

// made has the entries that testEntry has made, since tests read the same ones many times.
var made struct {
	sync.Mutex
	entries map[uint64]archive.Entry
}

// testEntry is a typical check; a sequence number says all that is in it. What is returned must not be changed.
func testEntry(sequence uint64) archive.Entry {
	made.Lock()
	defer made.Unlock()
	e, known := made.entries[sequence]
	if !known {
		if len(made.entries) >= 50_000 || made.entries == nil {
			made.entries = map[uint64]archive.Entry{}
		}
		e = makeEntry(sequence)
		made.entries[sequence] = e
	}
	return e
}

func makeEntry(sequence uint64) archive.Entry {
	r := rand.New(rand.NewPCG(sequence, 1))
	e := archive.Entry{Kind: journal.Check, Payload: make([]byte, 60)}
	e.Writer, e.Sequence, e.Time = testWriter, sequence, testTime.Add(time.Duration(sequence)*time.Millisecond)
	for _, b := range [][]byte{e.Payload, e.ID[:]} {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	var account [20]byte
	for i := range account {
		account[i] = byte(r.Uint32())
	}
	for space := range 3 {
		e.Terms.Keys = append(e.Terms.Keys, address.Key(fmt.Sprintf("%c%s", space+2, account)))
	}
	e.Terms.Keys[2] = address.Key(fmt.Sprintf("\x04deposit %d", sequence%1000))
	e.Terms.Result, e.Terms.By = "no_match", "019b0000-0000-7000-8000-0000000000aa"
	e.Terms.Reference = fmt.Sprintf("payment-%08x", r.Uint32())
	e.Terms.Customer = fmt.Sprintf("customer-%d", r.IntN(100_000))
	if sequence%100 == 0 {
		e.Terms.Lists, e.Terms.Result = []string{"ofac-sdn"}, "match"
	}
	return e
}

func testEntries(from, to uint64) []archive.Entry {
	var entries []archive.Entry
	for n := from; n <= to; n++ {
		entries = append(entries, testEntry(n))
	}
	return entries
}

func addUpTo(t testing.TB, x archive.Index, from, to uint64) {
	t.Helper()
	for ; from <= to; from += 1000 {
		last := min(from+999, to)
		if err := x.Add(context.Background(), testEntries(from, last), archive.Mark{Writer: testWriter, Sequence: last}); err != nil {
			t.Fatal(err)
		}
	}
}

// same compares entries; go-cmp takes long for many of them.
func same(a, b archive.Entry) bool {
	return a.Position == b.Position && a.Kind == b.Kind && a.ID == b.ID && bytes.Equal(a.Payload, b.Payload) &&
		slices.Equal(a.Terms.Keys, b.Terms.Keys) && slices.Equal(a.Terms.Lists, b.Terms.Lists) && a.Terms.Result == b.Terms.Result &&
		a.Terms.Reference == b.Terms.Reference && a.Terms.Customer == b.Terms.Customer && a.Terms.By == b.Terms.By && a.Terms.Alert == b.Terms.Alert
}

// read reads everything in every way. It returns how many records there are.
func read(x archive.Index) (int, error) {
	ctx := context.Background()
	marks, err := x.Marks(ctx)
	if err != nil {
		return 0, err
	}
	if len(marks) == 0 {
		marks = append(marks, archive.Mark{})
	}
	for _, q := range []archive.Query{{}, {Newest: true}, {By: testEntry(1).Terms.By}, {By: testEntry(1).Terms.By, Newest: true}} {
		n := uint64(0)
		for e, err := range x.Find(ctx, q) {
			if err != nil {
				return int(n), err
			}
			if want := testEntry(e.Sequence); !same(want, e) {
				return int(n), fmt.Errorf("a wrong record: %s", cmp.Diff(want, e))
			}
			n++
		}
		if n != marks[0].Sequence {
			return int(n), fmt.Errorf("%+v found %d records, the mark is %d", q, n, marks[0].Sequence)
		}
	}
	_, err = x.OpenAlerts(ctx, archive.AnyOrigin)
	return int(marks[0].Sequence), err
}

func storeFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// TestDamageIsNeverAResult damages each file of an index in turn: it cannot be opened, or every read returns an error, or all is there. Only the
// end of the log may be lost, and then the marks say so.
func TestDamageIsNeverAResult(t *testing.T) {
	template := t.TempDir()
	x := mustOpen(t, template)
	addUpTo(t, x, 1, 600)
	if err := x.(*Index).db.Flush(); err != nil {
		t.Fatal(err)
	}
	addUpTo(t, x, 601, 660) // only in the log
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	damages := map[string]func(path string, b []byte) error{
		"a bit changed": func(path string, b []byte) error {
			for at := len(b) / 7; at < len(b); at += len(b)/7 + 1 {
				b[at] ^= 1
			}
			return os.WriteFile(path, b, 0o600)
		},
		"cut":     func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)/2], 0o600) },
		"emptied": func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
		"removed": func(path string, _ []byte) error { return os.Remove(path) },
	}
	failed := 0
	for _, file := range storeFiles(t, template) {
		name, err := filepath.Rel(template, file)
		if err != nil {
			t.Fatal(err)
		}
		for how, damage := range damages {
			t.Run(name+" "+how, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(template)); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, name)
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := damage(path, b); err != nil {
					t.Fatal(err)
				}
				n, err := openAndRead(t, dir)
				if err != nil {
					failed++
					if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), refill) {
						t.Errorf("the error does not say what to do: %v", err)
					}
					return
				}
				if n != 660 && (n < 600 || !strings.HasSuffix(name, ".log")) {
					t.Errorf("%d records, and no error", n)
				}
			})
		}
	}
	if failed < 10 {
		t.Errorf("only %d damages were noticed", failed)
	}
}

func openAndRead(t *testing.T, dir string) (int, error) {
	x, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	defer func() {
		if err := x.Close(); err != nil {
			t.Log(err)
		}
	}()
	return read(x)
}

func TestAFolderIsOpenOnce(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	addUpTo(t, x, 1, 10)
	_, err := Open(dir, slog.New(slog.DiscardHandler))
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second Open returns %v", err)
	}
	if n, err := read(x); n != 10 || err != nil {
		t.Errorf("then the first reads %d records: %v", n, err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := openAndRead(t, dir); n != 10 || err != nil {
		t.Errorf("opened again: %d records, %v", n, err)
	}
}

func TestAnotherFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, formatFile), []byte("interdict index 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, slog.New(slog.DiscardHandler))
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "interdict index 3") || !strings.Contains(err.Error(), refill) {
		t.Errorf("got %v", err)
	}
}

// An index that an older version has made is emptied, so that the record fills it again, unless that version still runs.
func TestAnOlderFormatIsFilledAgain(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	mark := archive.Mark{Writer: uuid.UUID{1}, Node: "here", Sequence: 1}
	e := archive.Entry{Position: archive.Position{Time: time.Unix(1, 0), Writer: mark.Writer, Sequence: 1}, Kind: journal.ListChange, Payload: []byte("{}")}
	if err := x.Add(t.Context(), []archive.Entry{e}, mark); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, formatFile), []byte("interdict index 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, slog.New(slog.DiscardHandler)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("while the older version runs: %v", err)
	}
	if marks, err := x.Marks(t.Context()); err != nil || len(marks) != 1 {
		t.Errorf("the older version has lost its index: %v, %v", marks, err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		x = mustOpen(t, dir)
		if marks, err := x.Marks(t.Context()); err != nil || len(marks) != 0 {
			t.Errorf("opened by this version: %v, %v", marks, err)
		}
		if err := x.Add(t.Context(), nil, archive.Mark{Writer: mark.Writer}); err != nil {
			t.Error(err)
		}
		if err := x.Clear(t.Context()); err != nil {
			t.Error(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, slog.New(slog.DiscardHandler)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}
