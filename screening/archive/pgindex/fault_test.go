//go:build unix

package pgindex_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/archive"
	"interdict/screening/archive/pgindex"
	"interdict/screening/archive/pgtest"
	"interdict/screening/journal"
)

var start = time.Date(2026, 3, 31, 23, 59, 50, 7, time.UTC)

func writerID(n byte) uuid.UUID { return uuid.UUID{0: 9, 15: n} }

// commonKey is the key of an address that is checked again and again: one check in 20.
const commonKey address.Key = "\x02an exchange's own wallet"

// check is a typical check: entries are one millisecond apart.
func check(writer uuid.UUID, sequence uint64) archive.Entry {
	e := archive.Entry{Kind: journal.Check, Payload: bytes.Repeat([]byte{byte(sequence)}, 60)}
	e.Position = archive.Position{Time: start.Add(time.Duration(sequence) * time.Millisecond), Writer: writer, Sequence: sequence}
	binary.BigEndian.PutUint64(e.ID[:], sequence)
	e.ID[15] = writer[15]
	for n := range 3 {
		k := binary.BigEndian.AppendUint64([]byte{2, byte(n), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, sequence*2654435761%(1<<20))
		e.Terms.Keys = append(e.Terms.Keys, address.Key(k))
	}
	if sequence%20 == 10 {
		e.Terms.Keys[2] = commonKey
	}
	e.Terms.Result = "clear"
	if sequence%100 == 0 {
		e.Terms.Result, e.Terms.Lists = "hit", []string{"ofac-sdn"}
	}
	return e
}

func checks(writer uuid.UUID, first, last uint64) []archive.Entry {
	var all []archive.Entry
	for n := first; n <= last; n++ {
		all = append(all, check(writer, n))
	}
	return all
}

func mark(writer uuid.UUID, sequence uint64) archive.Mark {
	return archive.Mark{Writer: writer, Node: "a", Sequence: sequence}
}

// sequences returns how often each sequence number of a writer is found.
func sequences(t testing.TB, x archive.Index, writer uuid.UUID) map[uint64]int {
	t.Helper()
	found := map[uint64]int{}
	for e, err := range x.Find(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Writer == writer {
			found[e.Sequence]++
		}
	}
	return found
}

// hasEach fails the test unless the index has each record of a writer up to last, once.
func hasEach(t testing.TB, x archive.Index, writer uuid.UUID, last uint64) {
	t.Helper()
	found := sequences(t, x, writer)
	for n := uint64(1); n <= last; n++ {
		if found[n] != 1 {
			t.Fatalf("record %d is there %d times", n, found[n])
		}
	}
	if len(found) != int(last) {
		t.Fatalf("%d records, want %d", len(found), last)
	}
	for _, n := range []uint64{1, last} { // terms are there once, too
		e := check(writer, n)
		count := 0
		for f, err := range x.Find(t.Context(), archive.Query{Keys: e.Terms.Keys[:1]}) {
			if err != nil {
				t.Fatal(err)
			}
			if f.Position == e.Position {
				count++
			}
		}
		if count != 1 {
			t.Fatalf("record %d is found %d times by its key", n, count)
		}
	}
}

func stored(t testing.TB, x archive.Index, writer uuid.UUID) uint64 {
	t.Helper()
	marks, err := x.Marks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range marks {
		if m.Writer == writer {
			return m.Sequence
		}
	}
	return 0
}

// unavailable fails the test unless an operation returns fault.Unavailable within seconds, without the password.
func unavailable(t testing.TB, what string, do func(ctx context.Context) error) {
	t.Helper()
	began := time.Now()
	err := do(t.Context())
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("%s: %v (%v), want an error of the kind unavailable", what, err, fault.KindOf(err))
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("%s took %v", what, took)
	}
	if err != nil {
		noSecret(t, err.Error())
		t.Logf("%s after %v: %v", what, time.Since(began).Round(time.Millisecond), err)
	}
}

func noSecret(t testing.TB, text string) {
	t.Helper()
	for _, secret := range []string{pgtest.Password, "s3cret", "hunter2"} {
		if strings.Contains(text, secret) {
			t.Errorf("the password is shown: %s", text)
		}
	}
}

// operations are all that an index does.
func operations(x archive.Index) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Add":        func(ctx context.Context) error { return x.Add(ctx, checks(writerID(77), 1, 3), mark(writerID(77), 3)) },
		"Marks":      func(ctx context.Context) error { _, err := x.Marks(ctx); return err },
		"OpenAlerts": func(ctx context.Context) error { _, err := x.OpenAlerts(ctx, archive.LookBacks); return err },
		"Drop":       func(ctx context.Context) error { return x.Drop(ctx, start) },
		"Find": func(ctx context.Context) error {
			var last error
			for _, err := range x.Find(ctx, archive.Query{}) {
				last = err
			}
			return last
		},
		"Alerts": func(ctx context.Context) error {
			var last error
			for _, err := range x.Alerts(ctx, archive.AlertQuery{}) {
				last = err
			}
			return last
		},
	}
}

// TestAServerThatIsAway holds that an index opens while its server is away, and works as soon as it is there; before and after are the same index.
func TestAServerThatIsAway(t *testing.T) {
	server := pgtest.Start(t)
	url := server.Database()
	for _, c := range []struct {
		what       string
		away, back func()
	}{
		{"stopped", server.Stop, server.Start},
		{"killed", server.Kill, server.Start},
		{"paused", server.Pause, server.Resume},
	} {
		t.Run(c.what, func(t *testing.T) {
			c.away()
			x := open(t, url)
			var all sync.WaitGroup
			for name, do := range operations(x) {
				all.Go(func() { unavailable(t, name, do) })
			}
			all.Wait()
			c.back()
			for name, do := range operations(x) {
				if err := do(t.Context()); err != nil {
					t.Errorf("%s, when the server is back: %v", name, err)
				}
			}

			c.away() // connections are open now
			for name, do := range operations(x) {
				all.Go(func() { unavailable(t, name, do) })
			}
			all.Wait()
			began := time.Now()
			if err := x.Close(); err != nil || time.Since(began) > 10*time.Second {
				t.Errorf("close: %v after %v", err, time.Since(began))
			}
			c.back()
		})
	}
}

// addAll adds the records of a writer up to last, a batch at a time, from the mark on. It tries again after an error, which has to be
// fault.Unavailable, and returns how many there were.
func addAll(ctx context.Context, x archive.Index, writer uuid.UUID, last, batch uint64, done func(sequence uint64)) (int, error) {
	failures := 0
	for n := uint64(0); n < last; {
		to := min(n+batch, last)
		err := x.Add(ctx, checks(writer, n+1, to), mark(writer, to))
		switch {
		case err == nil:
			n = to
			done(n)
		case fault.Is(err, fault.Unavailable) && ctx.Err() == nil && failures < 2000:
			failures++
			time.Sleep(20 * time.Millisecond)
		default:
			return failures, err
		}
	}
	return failures, nil
}

// TestAServerKilledWhileEntriesAreAdded holds that nothing acknowledged is lost, and nothing is there twice.
func TestAServerKilledWhileEntriesAreAdded(t *testing.T) {
	server := pgtest.Start(t)
	x := open(t, server.Database())
	const last, batch = 20_000, 250
	progress := make(chan uint64, last)
	failures := 0
	var g errgroup.Group
	g.Go(func() (err error) {
		defer close(progress)
		failures, err = addAll(t.Context(), x, writerID(1), last, batch, func(n uint64) { progress <- n })
		return err
	})
	kills := 0
	for n := range progress {
		if n/5000 > uint64(kills) && n < last {
			kills++
			server.Kill()
			server.Start()
			if got := stored(t, x, writerID(1)); got < n {
				t.Errorf("after a kill the mark is %d, %d were acknowledged", got, n)
			}
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills, %d failures", kills, failures)
	if kills == 0 || failures == 0 {
		t.Error("the server was never killed while entries were added")
	}
	hasEach(t, x, writerID(1), last)
}

// TestTheAddingProcessIsKilled holds that a process that is killed leaves neither a part of a batch nor a lock.
func TestTheAddingProcessIsKilled(t *testing.T) {
	server := pgtest.Start(t)
	url := server.Database()
	x := open(t, url)
	const batch = 100
	for round := range 4 {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), "PGINDEX_TEST_URL="+url)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := uint64(0)
		for range 8 {
			if _, err := fmt.Fscan(out, &acknowledged); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Duration(round) * 3 * time.Millisecond) // to hit another part of the transaction
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		at := stored(t, x, writerID(1))
		if at < acknowledged || at%batch != 0 {
			t.Fatalf("the mark is %d, %d were acknowledged", at, acknowledged)
		}
		began := time.Now()
		if err := x.Add(t.Context(), checks(writerID(1), at+1, at+batch), mark(writerID(1), at+batch)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("the next one to add waited %v", took)
		}
		hasEach(t, x, writerID(1), stored(t, x, writerID(1)))
	}
}

func TestMain(m *testing.M) {
	if url := os.Getenv("PGINDEX_TEST_URL"); url != "" {
		x, err := pgindex.Open(context.Background(), url, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			panic(err)
		}
		marks, err := x.Marks(context.Background())
		if err != nil {
			panic(err)
		}
		n := uint64(0)
		for _, m := range marks {
			n = m.Sequence
		}
		for ; ; n += 100 {
			if err := x.Add(context.Background(), checks(writerID(1), n+1, n+100), mark(writerID(1), n+100)); err != nil {
				panic(err)
			}
			fmt.Println(n + 100)
		}
	}
	os.Exit(m.Run())
}

func TestServersStartAtOnce(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	for range 3 {
		url := server.Database()
		var g errgroup.Group
		for n := range byte(8) {
			x := open(t, url)
			g.Go(func() error { return x.Add(t.Context(), checks(writerID(n), 1, 50), mark(writerID(n), 50)) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		x := open(t, url)
		for n := range byte(8) {
			hasEach(t, x, writerID(n), 50)
		}
	}
}

// An index of an older layout is dropped once, whichever server is first, and filled again; a newer one is left alone.
func TestAnotherLayout(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	url := server.Database()
	if err := open(t, url).Add(t.Context(), checks(writerID(100), 1, 50), mark(writerID(100), 50)); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), "UPDATE interdict.version SET version = 1; ALTER TABLE interdict.records RENAME COLUMN alert_id TO alert"); err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for n := range byte(8) {
		x := open(t, url)
		g.Go(func() error { return x.Add(t.Context(), checks(writerID(n), 1, 50), mark(writerID(n), 50)) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	x := open(t, url)
	for n := range byte(8) {
		hasEach(t, x, writerID(n), 50)
	}
	if found := sequences(t, x, writerID(100)); len(found) != 0 {
		t.Errorf("%d records of the older layout are left", len(found))
	}
	if _, err := conn.Exec(t.Context(), "UPDATE interdict.version SET version = 99"); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, url).Marks(t.Context()); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("a newer layout: %v", err)
	}
	hasEach(t, x, writerID(1), 50)
}

func TestTwoServersAddTheSameEntries(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	url := server.Database()
	var g errgroup.Group
	for n := range 3 {
		x := open(t, url)
		g.Go(func() error {
			failures, err := addAll(t.Context(), x, writerID(1), 3000, uint64(70+n), func(uint64) {})
			t.Logf("to add failed %d times while others added, and was done again", failures)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	hasEach(t, open(t, url), writerID(1), 3000)
}

// TestDropAndClearWhileOthersAdd holds that a process copes with partitions that another one has dropped.
func TestDropAndClearWhileOthersAdd(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	url := server.Database()
	adder, keeper := open(t, url), open(t, url)
	const last = 12_000 // the month ends after 10,000
	var g errgroup.Group
	g.Go(func() error {
		failures, err := addAll(t.Context(), adder, writerID(1), last, 100, func(uint64) {})
		t.Logf("to add failed %d times while records were dropped, and was done again", failures)
		return err
	})
	before := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	adding := true
	go func() { _ = g.Wait() }()
	for adding {
		if err := keeper.Drop(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		adding = stored(t, keeper, writerID(1)) < last
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := keeper.Drop(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	found := sequences(t, adder, writerID(1))
	for n := uint64(1); n <= last; n++ {
		want := 1
		if check(writerID(1), n).Time.Before(before) {
			want = 0
		}
		if found[n] != want {
			t.Fatalf("record %d is there %d times, want %d", n, found[n], want)
		}
	}
	if err := keeper.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := adder.Add(t.Context(), checks(writerID(1), last+1, last+2), mark(writerID(1), last+2)); !fault.Is(err, fault.Conflict) {
		t.Errorf("after another process has cleared the index: %v, want a conflict", err)
	}
	if _, err := addAll(t.Context(), adder, writerID(1), 50, 10, func(uint64) {}); err != nil {
		t.Fatal(err)
	}
	hasEach(t, keeper, writerID(1), 50)
}

func TestLargeRecords(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	x := open(t, server.Database())
	entries := checks(writerID(1), 1, 40)
	for i := range entries {
		entries[i].Payload = bytes.Repeat([]byte{byte(i), 77}, journal.MaxPayloadBytes/2)
	}
	if err := x.Add(t.Context(), entries, mark(writerID(1), 40)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for e, err := range x.Find(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Sequence != entries[n].Sequence || !bytes.Equal(e.Payload, entries[n].Payload) {
			t.Fatalf("record %d comes as number %d", e.Sequence, n+1)
		}
		n++
	}
	if n != len(entries) {
		t.Errorf("%d records, want %d", n, len(entries))
	}
}

func TestNoMessageShowsThePassword(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, url := range []string{
		"postgres://u:hunter2@%zz/db", "postgres://u:hunter2@host:port/db", "postgres://u:hun/ter2hunter2@host/db", "mysql://u:hunter2@host/db",
		"host=a password=hunter2", "postgres://u:hunter2@host/db?sslmode=no", "postgres://u:hunter2@host/db?sslrootcert=/nowhere", "hunter2",
		"postgres://u:hunter2@host/db?pool_max_conns=many&password=hunter2", "postgres://u:hunter2@host/db?default_query_exec_mode=exec",
		"postgres://u:hunter2@host/db?default_query_exec_mode=simple_protocol",
	} {
		x, err := pgindex.Open(t.Context(), url, log)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%v (%v), want an error of the kind invalid", x, err)
			continue
		}
		t.Log(err)
		noSecret(t, err.Error())
	}
	wrong := strings.Replace(server.URL("postgres"), "s3cret", "hunter2", 1)
	for what, url := range map[string]string{"password": wrong, "database": server.URL("nowhere"), "query": "postgres://postgres@" + server.Addr + "/postgres?password=hunter2"} {
		x, err := pgindex.Open(t.Context(), url, log)
		if err != nil {
			t.Fatal(err)
		}
		noSecret(t, x.Describe())
		for name, do := range operations(x) {
			unavailable(t, what+" "+name, do)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	right := open(t, server.URL("postgres"))
	if want := "postgres " + server.Addr + "/postgres"; right.Describe() != want {
		t.Errorf("described as %q, want %q", right.Describe(), want)
	}
	noSecret(t, logged.String())
}

// TestAUserWithoutRights holds that an owner of the schema needs no other right, and that the message says what is missing.
func TestAUserWithoutRights(t *testing.T) {
	server := pgtest.Start(t, "fsync=off")
	server.Exec("postgres", "CREATE DATABASE rights", "CREATE ROLE indexer LOGIN PASSWORD 'hunter2'")
	x := open(t, "postgres://indexer:hunter2@"+server.Addr+"/rights?sslmode=disable")
	unavailable(t, "Marks", operations(x)["Marks"])
	if _, err := x.Marks(t.Context()); err == nil || !strings.Contains(err.Error(), "create the schema interdict") {
		t.Errorf("the message does not say what to do: %v", err)
	}
	server.Exec("rights", "CREATE SCHEMA interdict AUTHORIZATION indexer")
	for name, do := range operations(x) {
		if err := do(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
