package journal

import (
	"log/slog"
	"testing"
	"time"
)

// recoverQuietly recovers dir as Open does, without beginning a writer.
func recoverQuietly(t testing.TB, dir string) Recovery {
	t.Helper()
	r, err := recoverDir(dir, func() time.Time { return testTime }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
