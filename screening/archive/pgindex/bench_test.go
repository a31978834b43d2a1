//go:build unix

package pgindex_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"interdict/lists/address"
	"interdict/screening/archive"
	"interdict/screening/archive/pgtest"
)

// BenchmarkIndex adds INTERDICT_BENCH_ENTRIES typical checks (100,000 unless it is set) in batches of 1,000, then searches them.
//
//	INTERDICT_BENCH_ENTRIES=5000000 go test ./screening/archive/pgindex -run '^$' -bench . -timeout 60m
func BenchmarkIndex(b *testing.B) {
	const batch = 1000
	total := uint64(100_000)
	if text := os.Getenv("INTERDICT_BENCH_ENTRIES"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		total = n
	}
	server := pgtest.Start(b, "max_wal_size=4GB", "shared_buffers=1GB")
	url := server.Database()
	x := open(b, url)
	next, writer := uint64(0), writerID(1)
	add := func(b *testing.B, entries []archive.Entry) {
		next += batch
		if err := x.Add(b.Context(), entries, mark(writer, next)); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("add 1000", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			entries := checks(writer, next+1, next+batch)
			b.StartTimer()
			add(b, entries)
		}
		b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "entries/s")
	})
	var adding time.Duration
	first := next
	for next < total {
		entries := checks(writer, next+1, next+batch)
		began := time.Now()
		add(b, entries)
		adding += time.Since(began)
	}
	b.Run("size", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(server.Number("db1", `SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = 'interdict' AND c.relkind = 'r'`))/float64(next), "bytes/entry")
		b.ReportMetric(float64(next), "entries")
		b.ReportMetric(float64(next-first)/adding.Seconds(), "entries/s")
	})

	count := func(b *testing.B, q archive.Query) {
		n := 0
		for b.Loop() {
			n = 0
			for _, err := range x.Find(b.Context(), q) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
		b.ReportMetric(float64(n), "found")
	}
	rare := check(writer, total/2).Terms.Keys
	var fifty []address.Key
	for n := range uint64(50) {
		fifty = append(fifty, check(writer, total/51*(n+1)).Terms.Keys[0])
	}
	for _, c := range []struct {
		name string
		q    archive.Query
	}{
		{"one key", archive.Query{Keys: rare[:1]}},
		{"one key, after the first half", archive.Query{Keys: rare[:1], From: check(writer, total/2).Time}},
		{"a key of one check in 20", archive.Query{Keys: []address.Key{commonKey}}},
		{"a key of one check in 20, newest", archive.Query{Keys: []address.Key{commonKey}, Newest: true}},
		{"fifty keys", archive.Query{Keys: fifty}},
		{"fifty keys and that one", archive.Query{Keys: append(fifty[:49:49], commonKey)}},
		{"id", archive.Query{IDs: []uuid.UUID{check(writer, total/2).ID}}},
		{"list", archive.Query{List: "ofac-sdn"}},
		{"newest hits", archive.Query{Result: "hit", Newest: true}},
		{"list and key", archive.Query{List: "ofac-sdn", Keys: rare[:1]}},
		{"hits of one caller, which has none", archive.Query{Result: "hit", By: "nobody"}},
		{"newest", archive.Query{Newest: true}},
	} {
		c.q.Limit = 100
		b.Run(fmt.Sprintf("first 100 of %s", c.name), func(b *testing.B) { count(b, c.q) })
	}
}
