package pgindex

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/archive"
)

// One COPY has at most so many entries or so many bytes of payload, so that it ends within its time limit.
const (
	copyEntries = 5000
	copyBytes   = 8 << 20
)

const maxText = 1024 // of archive.Terms

// Add stores entries and their mark in one transaction. It locks the mark: a writer's entries are added by one caller at a time. Since none is
// stored above the highest sequence that was added, only those up to there are looked for before they are stored.
func (x *index) Add(ctx context.Context, entries []archive.Entry, m archive.Mark) error {
	if err := valid(entries, m); err != nil {
		return err
	}
	return x.retry(ctx, "add entries", func(ctx context.Context) error {
		if err := x.prepare(ctx); err != nil {
			return err
		}
		if err := x.needMonths(ctx, entries); err != nil {
			return err
		}
		return x.attempt(ctx, pgx.TxOptions{}, func(ctx context.Context, tx transaction) error { return add(ctx, tx, entries, m) })
	})
}

// valid returns an error if entries are not of one writer, in order, and within the limits of a record.
func valid(entries []archive.Entry, m archive.Mark) error {
	for i := range entries {
		e, t := &entries[i], &entries[i].Terms
		longest := max(len(t.Result), len(t.Reference), len(t.Customer), len(t.By), len(t.Alert.ID))
		for _, list := range t.Lists {
			longest = max(longest, len(list))
		}
		switch {
		case e.Writer != m.Writer:
			return fault.E(fault.Invalid, "add entries: entry %d is of writer %s, the mark of %s", e.Sequence, e.Writer, m.Writer)
		case i > 0 && e.Sequence <= entries[i-1].Sequence:
			return fault.E(fault.Invalid, "add entries: entry %d comes after %d", e.Sequence, entries[i-1].Sequence)
		case e.Sequence > math.MaxInt64:
			return fault.E(fault.Invalid, "add entries: the sequence %d is above %d", e.Sequence, int64(math.MaxInt64))
		case longest > maxText:
			return fault.E(fault.Invalid, "add entries: entry %d has a text of %d bytes, more than %d", e.Sequence, longest, maxText)
		case slices.ContainsFunc(t.Keys, func(k address.Key) bool { return len(k) > math.MaxUint8 }):
			return fault.E(fault.Invalid, "add entries: entry %d has a key of more than %d bytes", e.Sequence, math.MaxUint8)
		case !timeOf(nanos(e.Time)).Equal(e.Time):
			return fault.E(fault.Invalid, "add entries: the time %s of entry %d is not between 1678 and 2262", e.Time, e.Sequence)
		}
	}
	if m.Sequence > math.MaxInt64 {
		return fault.E(fault.Invalid, "add entries: the mark %d is above %d", m.Sequence, int64(math.MaxInt64))
	}
	return nil
}

// state is what is stored of a mark, and what it does not tell.
type state struct {
	sequence, added uint64
}

func add(ctx context.Context, tx transaction, entries []archive.Entry, m archive.Mark) error {
	old, err := lockMark(ctx, tx, m.Writer)
	if err != nil {
		return err
	}
	if err := noneMissing(old.sequence, entries, m); err != nil {
		return err
	}
	fresh, err := notStored(ctx, tx, entries, old.added)
	if err != nil {
		return err
	}
	for part := range parts(fresh) {
		if err := store(ctx, tx, part); err != nil {
			return err
		}
	}
	if err := storeAlerts(ctx, tx, fresh); err != nil {
		return err
	}
	added := old.added
	if len(entries) > 0 {
		added = max(added, entries[len(entries)-1].Sequence)
	}
	var complete *int64
	if !m.Complete.IsZero() {
		n := nanos(m.Complete)
		complete = &n
	}
	_, err = tx.exec(ctx, `UPDATE interdict.marks SET node = $2, seq = greatest(seq, $3), added = $4, complete = greatest(complete, $5), ended = ended OR $6, gap = $7
		WHERE writer = $1`, pgUUID(m.Writer), []byte(m.Node), int64(m.Sequence), int64(added), complete, m.Ended, []byte(m.Gap))
	return err
}

// lockMark returns what is stored of a writer, which no one else changes until the transaction ends. A new writer has zero.
func lockMark(ctx context.Context, tx transaction, writer uuid.UUID) (state, error) {
	if err := tx.lock(ctx, lockContent, true); err != nil {
		return state{}, err
	}
	read := func() (s state, found bool, err error) {
		err = tx.query(ctx, func(r pgx.Rows) error {
			var sequence, added int64
			err := r.Scan(&sequence, &added)
			s, found = state{uint64(sequence), uint64(added)}, true
			return err
		}, "SELECT seq, added FROM interdict.marks WHERE writer = $1 FOR UPDATE", pgUUID(writer))
		return s, found, err
	}
	s, found, err := read()
	if err != nil || found {
		return s, err
	}
	_, err = tx.exec(ctx, `INSERT INTO interdict.marks (writer, node, seq, added, ended, gap) VALUES ($1, '', 0, 0, false, '') ON CONFLICT DO NOTHING`, pgUUID(writer))
	if err != nil {
		return s, err
	}
	s, _, err = read() // someone else may have been faster
	return s, err
}

// noneMissing returns fault.Conflict if entries are missing, and the mark does not say why.
func noneMissing(stored uint64, entries []archive.Entry, m archive.Mark) error {
	if m.Gap != "" {
		return nil
	}
	next := stored + 1
	for i := range entries {
		if s := entries[i].Sequence; s > next {
			return fault.E(fault.Conflict, "add entries: the index has entries of %s before %d, the next one is %d", m.Writer, next, s)
		}
		next = max(next, entries[i].Sequence+1)
	}
	if m.Sequence >= next {
		return fault.E(fault.Conflict, "add entries: the mark of %s is %d, but there are entries before %d only", m.Writer, m.Sequence, next)
	}
	return nil
}

// notStored returns the entries that are not in the index. It may have any of those up to added, which can have been dropped too.
func notStored(ctx context.Context, tx transaction, entries []archive.Entry, added uint64) ([]archive.Entry, error) {
	var again []int64
	for i := range entries {
		if entries[i].Sequence <= added {
			again = append(again, int64(entries[i].Sequence))
		}
	}
	if len(again) == 0 {
		return entries, nil
	}
	stored := map[uint64]bool{}
	err := tx.query(ctx, func(r pgx.Rows) error {
		var s int64
		err := r.Scan(&s)
		stored[uint64(s)] = true
		return err
	}, "SELECT seq FROM interdict.records WHERE writer = $1 AND seq = ANY($2)", pgUUID(entries[0].Writer), again)
	fresh := make([]archive.Entry, 0, len(entries))
	for _, e := range entries {
		if !stored[e.Sequence] {
			fresh = append(fresh, e)
		}
	}
	return fresh, err
}

// parts yields entries in parts of the size of one COPY.
func parts(entries []archive.Entry) func(yield func([]archive.Entry) bool) {
	return func(yield func([]archive.Entry) bool) {
		from, size := 0, 0
		for i := range entries {
			if size += len(entries[i].Payload); size >= copyBytes || i+1-from == copyEntries || i+1 == len(entries) {
				if !yield(entries[from : i+1]) {
					return
				}
				from, size = i+1, 0
			}
		}
	}
}

var termColumns = []string{"term", "time", "seq", "writer"}

// store stores entries that are not there yet.
func store(ctx context.Context, tx transaction, entries []archive.Entry) error {
	err := tx.copy(ctx, "records", columns, len(entries), func(i int) ([]any, error) { return rowOf(&entries[i]), nil })
	if err != nil {
		return err
	}
	type row struct {
		term  pgtype.UUID
		entry *archive.Entry
	}
	rows := make([]row, 0, 4*len(entries))
	for i := range entries {
		for _, term := range terms(&entries[i]) {
			rows = append(rows, row{term, &entries[i]})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	// In the order of the terms, neighbours in the index are inserted together.
	slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a.term.Bytes[:], b.term.Bytes[:]) })
	return tx.copy(ctx, "terms", termColumns, len(rows), func(i int) ([]any, error) {
		e := rows[i].entry
		return []any{rows[i].term, nanos(e.Time), int64(e.Sequence), pgUUID(e.Writer)}, nil
	})
}

// storeAlerts stores the first entry that creates, and the first that resolves, each alert, unless there is one.
func storeAlerts(ctx context.Context, tx transaction, entries []archive.Entry) error {
	type alert struct{ created, resolved *archive.Entry }
	alerts := map[string]*alert{}
	var ids []string
	for i := range entries {
		e, a := &entries[i], entries[i].Terms.Alert
		if a.ID == "" {
			continue
		}
		if alerts[a.ID] == nil {
			alerts[a.ID] = &alert{}
			ids = append(ids, a.ID)
		}
		first := &alerts[a.ID].created
		if a.Resolved {
			first = &alerts[a.ID].resolved
		}
		if *first == nil {
			*first = e
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.SortFunc(ids, strings.Compare) // transactions of several writers that lock rows in one order do not wait for each other in a circle
	var names [][]byte
	var hits []*bool
	var created, resolved positions
	for _, id := range ids {
		names = append(names, []byte(id))
		var hit *bool
		if e := alerts[id].created; e != nil {
			is := archive.OriginOf(e.Kind) == archive.Hits
			hit = &is
		}
		hits = append(hits, hit)
		created.append(alerts[id].created)
		resolved.append(alerts[id].resolved)
	}
	_, err := tx.exec(ctx, `INSERT INTO interdict.alerts AS a
			(id, created_time, created_writer, created_seq, resolved_time, resolved_writer, resolved_seq, hit)
		SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[], $6::uuid[], $7::bigint[], $8::boolean[])
		ON CONFLICT (id) DO UPDATE SET hit = coalesce(a.hit, excluded.hit),
			created_time = coalesce(a.created_time, excluded.created_time), created_writer = coalesce(a.created_writer, excluded.created_writer),
			created_seq = coalesce(a.created_seq, excluded.created_seq), resolved_time = coalesce(a.resolved_time, excluded.resolved_time),
			resolved_writer = coalesce(a.resolved_writer, excluded.resolved_writer), resolved_seq = coalesce(a.resolved_seq, excluded.resolved_seq)`,
		names, created.times, created.writers, created.sequences, resolved.times, resolved.writers, resolved.sequences, hits)
	return err
}

// positions are columns for unnest.
type positions struct {
	times, sequences []*int64
	writers          []pgtype.UUID
}

// append adds the position of an entry; NULL if there is none.
func (p *positions) append(e *archive.Entry) {
	var at, sequence *int64
	var writer pgtype.UUID
	if e != nil {
		t, s := nanos(e.Time), int64(e.Sequence)
		at, sequence, writer = &t, &s, pgUUID(e.Writer)
	}
	p.times, p.sequences, p.writers = append(p.times, at), append(p.sequences, sequence), append(p.writers, writer)
}

// Marks returns the marks of all writers, in order of their ids.
func (x *index) Marks(ctx context.Context) ([]archive.Mark, error) {
	var all []archive.Mark
	err := x.read(ctx, "read marks", func(ctx context.Context, tx transaction) error {
		all = nil
		return tx.query(ctx, func(r pgx.Rows) error {
			var m archive.Mark
			var writer pgtype.UUID
			var node, gap []byte
			var sequence int64
			var complete *int64
			if err := r.Scan(&writer, &node, &sequence, &complete, &m.Ended, &gap); err != nil {
				return err
			}
			m.Writer, m.Node, m.Gap, m.Sequence = writer.Bytes, string(node), string(gap), uint64(sequence)
			if complete != nil {
				m.Complete = timeOf(*complete)
			}
			all = append(all, m)
			return nil
		}, "SELECT writer, node, seq, complete, ended, gap FROM interdict.marks ORDER BY writer")
	})
	return all, err
}
