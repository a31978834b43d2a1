package vault

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

func TestWhenADiskWillBeFull(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	now := start
	var space Space
	w := NewSpaceWatch("/journal", func() time.Time { return now })
	w.stat = func(string) (Space, error) { return space, nil }
	for _, c := range []struct {
		after         time.Duration
		bytes, inodes uint64
		want          Space
	}{
		{0, 1_000_000, 500, Space{}},
		{5 * time.Minute, 900_000, 500, Space{}}, // too early to tell
		{30 * time.Minute, 820_000, 500, Space{Rate: 100, Full: start.Add(30*time.Minute + 8200*time.Second)}},
		{50 * time.Minute, 700_000, 410, Space{Rate: 100, Full: start.Add(50*time.Minute + 7000*time.Second)}},
		{60 * time.Minute, 640_000, 20, Space{Rate: 100, Full: start.Add(60*time.Minute + 150*time.Second)}}, // of inodes there are less
		{120 * time.Minute, 640_000, 20, Space{}},                                                            // only the last hour counts
		{125 * time.Minute, 640_000, 20, Space{}},
		{140 * time.Minute, 5_640_000, 900, Space{Rate: -5_000_000.0 / 1200}}, // room was made
	} {
		now = start.Add(c.after)
		space = Space{FreeBytes: c.bytes, FreeInodes: c.inodes, Inodes: 1000}
		c.want.FreeBytes, c.want.FreeInodes, c.want.Inodes = c.bytes, c.inodes, 1000
		got, err := w.Measure()
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("after %s (-want +got):\n%s%v", c.after, diff, err)
		}
	}
}

func TestSpaceOfARealDisk(t *testing.T) {
	dir := t.TempDir()
	s, err := NewSpaceWatch(dir, time.Now).Measure()
	if err != nil || s.FreeBytes == 0 || s.Inodes > 0 && s.FreeInodes == 0 || !s.Full.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := NewSpaceWatch(dir, time.Now).Measure(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("of no folder: %v", err)
	}
}
