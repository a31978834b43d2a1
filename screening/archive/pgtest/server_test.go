//go:build unix

package pgtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"interdict/screening/archive/pgtest"
)

// ask connects to a database of the server and asks for a sum.
func ask(t *testing.T, url string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var sum int
	return conn.QueryRow(ctx, "SELECT 1 + 1").Scan(&sum)
}

func TestAServerStopsIsKilledHangsAndComesBackWithItsData(t *testing.T) {
	s := pgtest.Start(t)
	url := s.Database()
	if err := ask(t, url); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what       string
		away, back func()
	}{
		{"stopped", s.Stop, s.Start},
		{"killed", s.Kill, s.Start},
		{"paused", s.Pause, s.Resume},
	} {
		c.away()
		if err := ask(t, url); err == nil {
			t.Errorf("a server that is %s answers", c.what)
		}
		c.back()
		if err := ask(t, url); err != nil {
			t.Errorf("after it was %s: %v", c.what, err)
		}
	}
}
