package diskindex

import (
	"log/slog"
	"testing"

	"interdict/screening/archive"
	"interdict/screening/archive/indextest"
)

func mustOpen(t testing.TB, dir string) archive.Index {
	t.Helper()
	x, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func TestConformance(t *testing.T) {
	indextest.Run(t, func(t *testing.T) archive.Index { return mustOpen(t, t.TempDir()) })
}
