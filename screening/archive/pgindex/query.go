package pgindex

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"interdict/screening/archive"
	"interdict/screening/journal"
)

// pageBytes limits what one page of Find brings: what comes after it is left to the next page. Each record counts for its payload and entryBytes.
const (
	pageBytes  = 4 << 20
	entryBytes = 200
)

// statement is a statement with its arguments.
type statement struct {
	args []any
}

// arg adds an argument and returns its name.
func (s *statement) arg(value any) string {
	s.args = append(s.args, value)
	return fmt.Sprintf("$%d", len(s.args))
}

// page returns the statement of a page: of the next `window` candidates in order, those records that fulfil all conditions but that of the keys, and
// the last candidate whatever it is. Its columns are `selected`, then wanted, the number of the candidate, and the bytes of the page up to there.
func page(q archive.Query, window int) (string, []any) {
	var s statement
	source := candidates(&s, q, window)
	dir := direction(q)
	return fmt.Sprintf(`SELECT %s, wanted, number, bytes FROM (
		SELECT d.*, row_number() OVER place AS number,
			sum(CASE WHEN wanted THEN octet_length(payload) + %d ELSE 0 END) OVER (place ROWS UNBOUNDED PRECEDING) AS bytes
		FROM (SELECT c.*, coalesce(%s, true) AS wanted FROM (%s) c) d
		WINDOW place AS (ORDER BY time %[5]s, writer %[5]s, seq %[5]s)
	) e WHERE (wanted OR number = %[6]d) AND bytes - CASE WHEN wanted THEN octet_length(payload) + %[2]d ELSE 0 END < %[7]d ORDER BY number`,
		selected, entryBytes, filter(&s, q), source, dir, window, pageBytes), s.args
}

func direction(q archive.Query) string {
	if q.Newest {
		return "DESC"
	}
	return "ASC"
}

// candidates returns the part of a statement that selects the next records by the condition that is expected to hold for the fewest.
func candidates(s *statement, q archive.Query, window int) string {
	order := fmt.Sprintf("ORDER BY time %[1]s, writer %[1]s, seq %[1]s LIMIT %[2]d", direction(q), window)
	from := func(condition string) string {
		return fmt.Sprintf("SELECT %s FROM interdict.records WHERE %s %s", selected, strings.Join(append(between(s, q), condition), " AND "), order)
	}
	switch {
	case len(q.IDs) > 0:
		return from("id = ANY(" + s.arg(pgUUIDs(q.IDs)) + "::uuid[])")
	case q.Reference != "":
		return from("reference = " + s.arg([]byte(q.Reference)))
	case len(q.Keys) > 0:
		var all []pgtype.UUID
		for _, k := range q.Keys {
			all = append(all, termOf(termKey, string(k)))
		}
		return byTerms(s, q, unique(all), order)
	case q.List != "":
		return byTerms(s, q, []pgtype.UUID{termOf(termList, q.List)}, order)
	case q.Customer != "":
		return from("customer = " + s.arg([]byte(q.Customer)))
	case len(q.Kinds) > 0 && !slices.Contains(q.Kinds, journal.Check):
		var all []pgtype.UUID
		for _, k := range q.Kinds {
			all = append(all, kindTerm(k))
		}
		return byTerms(s, q, unique(all), order)
	case q.Result != "":
		return from("result = " + s.arg([]byte(q.Result)))
	}
	return from("true")
}

// byTerms selects the records of terms. A term without its record has NULL in the columns of the record: the index is damaged.
func byTerms(s *statement, q archive.Query, all []pgtype.UUID, order string) string {
	where := strings.Join(between(s, q), " AND ")
	var found string
	if len(all) == 1 {
		found = fmt.Sprintf("SELECT time, writer, seq FROM interdict.terms WHERE %s AND term = %s %s", where, s.arg(all[0]), order)
	} else {
		found = fmt.Sprintf(`SELECT DISTINCT f.time, f.writer, f.seq FROM unnest(%s::uuid[]) AS w(term) CROSS JOIN LATERAL (
			SELECT time, writer, seq FROM interdict.terms WHERE %s AND terms.term = w.term %s) f %[3]s`, s.arg(all), where, order)
	}
	return fmt.Sprintf(`SELECT p.time, p.seq, p.writer, r.kind, r.id, r.payload, r.keys, r.lists, r.result, r.reference, r.customer, r.made_by, r.alert_id, r.resolved
		FROM (%s) p LEFT JOIN interdict.records r ON r.writer = p.writer AND r.seq = p.seq AND r.time = p.time`, found)
}

// between returns the conditions of the time and of After. There is always one.
func between(s *statement, q archive.Query) []string {
	all := []string{"true"}
	if !q.From.IsZero() {
		all = append(all, "time >= "+s.arg(nanos(q.From)))
	}
	if !q.To.IsZero() {
		all = append(all, "time < "+s.arg(nanos(q.To)))
	}
	if a := q.After; a != (archive.Position{}) {
		op := ">"
		if q.Newest {
			op = "<"
		}
		at := s.arg(nanos(a.Time))
		all = append(all, fmt.Sprintf("time %s= %s", op, at), fmt.Sprintf("(time, writer, seq) %s (%s, %s, %s)", op, at,
			s.arg(pgUUID(a.Writer)), s.arg(int64(min(a.Sequence, math.MaxInt64)))))
	}
	return all
}

// filter returns the conditions of a record, but for its keys, its time and its position.
func filter(s *statement, q archive.Query) string {
	all := []string{"true"}
	for _, c := range []struct{ column, value string }{{"result", q.Result}, {"reference", q.Reference}, {"customer", q.Customer}, {"made_by", q.By}} {
		if c.value != "" {
			all = append(all, fmt.Sprintf("coalesce(%s = %s, false)", c.column, s.arg([]byte(c.value))))
		}
	}
	if len(q.IDs) > 0 {
		all = append(all, fmt.Sprintf("coalesce(id = ANY(%s::uuid[]), false)", s.arg(pgUUIDs(q.IDs))))
	}
	if q.List != "" {
		all = append(all, fmt.Sprintf("coalesce(%s = ANY(lists), false)", s.arg([]byte(q.List))))
	}
	if len(q.Kinds) > 0 {
		var kinds []int16
		for _, k := range q.Kinds {
			kinds = append(kinds, int16(k))
		}
		all = append(all, fmt.Sprintf("kind = ANY(%s::smallint[])", s.arg(kinds)))
	}
	return "(kind IS NULL OR " + strings.Join(all, " AND ") + ")"
}
