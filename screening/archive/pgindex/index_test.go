//go:build unix

package pgindex_test

import (
	"log/slog"
	"testing"

	"interdict/screening/archive"
	"interdict/screening/archive/indextest"
	"interdict/screening/archive/pgindex"
	"interdict/screening/archive/pgtest"
)

func open(t testing.TB, url string) archive.Index {
	t.Helper()
	x, err := pgindex.Open(t.Context(), url, slog.New(slog.NewTextHandler(t.Output(), nil)))
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
	server := pgtest.Start(t, "fsync=off")
	indextest.Run(t, func(t *testing.T) archive.Index { return open(t, server.Database()) })
}
