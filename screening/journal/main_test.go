package journal

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("JOURNAL_TEST_WRITER"); dir != "" {
		os.Exit(writeUntilKilled(dir))
	}
	goleak.VerifyTestMain(m)
}

var testTime = time.Date(2025, 11, 19, 16, 20, 7, 113_000_000, time.UTC)

// testLogger shows what the journal logs when a test fails.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func mustOpen(t testing.TB, dir string, opts Options) *Journal {
	t.Helper()
	return mustOpenOn(t, dir, opts, realDisk)
}

// mustOpenOn opens a journal with small segments that is closed at the end of the test.
func mustOpenOn(t testing.TB, dir string, opts Options, disk disk) *Journal {
	t.Helper()
	if opts.SegmentBytes == 0 {
		opts.SegmentBytes = MinSegmentBytes
	}
	if opts.Logger == nil {
		opts.Logger = testLogger(t)
	}
	j, err := open(dir, opts, disk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return j
}

func mustClose(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustAppend(t testing.TB, j *Journal, payload string, durable bool) {
	t.Helper()
	if err := j.Append(Check, testTime, []byte(payload), durable); err != nil {
		t.Fatal(err)
	}
}

// readAll returns all records, with copies of their payloads, and all damage.
func readAll(t testing.TB, dir string) (records []Record, damage []*DamageError) {
	t.Helper()
	for r, err := range Read(context.Background(), dir) {
		var d *DamageError
		switch {
		case errors.As(err, &d):
			damage = append(damage, d)
		case err != nil:
			t.Fatal(err)
		default:
			r.Payload = append([]byte(nil), r.Payload...)
			records = append(records, r)
		}
	}
	return records, damage
}

// payloads returns the payloads in dir, which must be free of damage.
func payloads(t testing.TB, dir string) []string {
	t.Helper()
	records, damage := readAll(t, dir)
	for _, d := range damage {
		t.Errorf("unexpected damage: %v", d)
	}
	return payloadsOf(records)
}

func payloadsOf(records []Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Payload))
	}
	return all
}

// files returns the paths in dir, in the order of their names.
func files(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, filepath.Join(dir, e.Name()))
	}
	return all
}

// segmentImage builds the bytes of a raw segment with these payloads as records from first on.
func segmentImage(first uint64, salt uint32, payloads ...string) []byte {
	h := header{version: 2, number: uint32(first), first: first, created: testTime, writer: testWriter, salt: uint64(salt)}
	image := h.encode()
	for i, p := range payloads {
		e := Entry{Kind: Check, Time: testTime, Payload: []byte(p), sum: payloadSum([]byte(p))}
		image = appendFrame(image, salt, first+uint64(i), &e)
	}
	return image
}

// segmentName is the name of segmentImage.
func segmentName(first uint64, salt uint32) string { return rawName(testWriter, int(first), salt) }

var testWriter = uuid.UUID{1, 2, 3, 4, 5, 6, 0x70, 7, 0x80, 8, 9, 10, 11, 12, 13, 14}

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that the background does.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting: %s", what)
		}
	}
}
