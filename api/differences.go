package api

import (
	"bytes"
	"encoding/json"
	"fmt"

	"interdict/api/client"
)

// differences compares two outcomes of the same check. Times, the generation, and the version and file of a list are left out: they differ between any
// two generations, and say nothing about the address.
func differences(then, now *client.Replayed) ([]client.Difference, error) {
	a, err := comparableOf(then)
	if err != nil {
		return nil, err
	}
	b, err := comparableOf(now)
	if err != nil {
		return nil, err
	}
	out := []client.Difference{}
	compare := func(field string, then, now any) error {
		x, err := EncodeExactly(then)
		if err != nil {
			return err
		}
		y, err := EncodeExactly(now)
		if err == nil && !bytes.Equal(x, y) {
			out = append(out, client.Difference{Field: field, Then: x, Now: y})
		}
		return err
	}
	for _, p := range []struct{ field, then, now string }{{"result", a.result, b.result}, {"action", a.action, b.action}, {"error", a.code, b.code}} {
		if err := compare(p.field, orNull(p.then), orNull(p.now)); err != nil {
			return nil, err
		}
	}
	for _, p := range []struct {
		field     string
		then, now []client.Match
	}{{"matches", a.matches, b.matches}, {"suppressed", a.suppressed, b.suppressed}} {
		err := pairMatches(p.then, p.now, func(x, y *client.Match) error {
			if x == nil || y == nil {
				return compare(p.field+nameOf(x, y), x, y)
			}
			name := p.field + nameOf(x, y) + "."
			for _, part := range partsOfMatch {
				if err := compare(name+part.name, part.of(x), part.of(y)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// comparable is what is compared of an outcome.
type comparable struct {
	result, action, code string
	matches, suppressed  []client.Match
}

func comparableOf(r *client.Replayed) (comparable, error) {
	if r.Error != nil {
		var p problem
		err := json.Unmarshal(r.Error, &p)
		return comparable{code: p.Code}, err
	}
	var a client.Answer
	err := json.Unmarshal(r.Answer, &a)
	return comparable{result: a.Result, action: string(a.Action), matches: a.Matches, suppressed: a.Suppressed}, err
}

// orNull makes null of a text that is not there.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// nameOf names a match: [LIST ADDRESS].
func nameOf(x, y *client.Match) string {
	if x == nil {
		x = y
	}
	return fmt.Sprintf("[%s %s]", x.List.ID, x.Listed.Address)
}

// partsOfMatch are compared one by one.
var partsOfMatch = []struct {
	name string
	of   func(*client.Match) any
}{
	{"class", func(m *client.Match) any { return m.Class }},
	{"derivation", func(m *client.Match) any { return m.Derivation }},
	{"list.name", func(m *client.Match) any { return m.List.Name }},
	{"list.authority", func(m *client.Match) any { return m.List.Authority }},
	{"listed", func(m *client.Match) any { return m.Listed }},
	{"entity", func(m *client.Match) any { return m.Entity }},
	{"category", func(m *client.Match) any { return m.Category }},
	{"confidence", func(m *client.Match) any { return m.Confidence }},
	{"programs", func(m *client.Match) any { return m.Programs }},
	{"incident", func(m *client.Match) any { return m.Incident }},
	{"listed_on", func(m *client.Match) any { return m.ListedOn }},
	{"valid_until", func(m *client.Match) any { return m.ValidUntil }},
	{"url", func(m *client.Match) any { return m.URL }},
	{"note", func(m *client.Match) any { return m.Note }},
}

// pairMatches calls yield with the matches of then and now that are of the same listing: of one list, with the same address, and the same entity if
// several match. A match without a counterpart comes with nil.
func pairMatches(then, now []client.Match, yield func(x, y *client.Match) error) error {
	counterpart, taken := make([]*client.Match, len(then)), make([]bool, len(now))
	for _, strict := range []bool{true, false} {
		for i := range then {
			for k := range now {
				x, y := &then[i], &now[k]
				same := x.List.ID == y.List.ID && x.Listed.Address == y.Listed.Address && (!strict || x.Entity == y.Entity && x.Listed == y.Listed)
				if counterpart[i] == nil && !taken[k] && same {
					counterpart[i], taken[k] = y, true
				}
			}
		}
	}
	for i := range then {
		if err := yield(&then[i], counterpart[i]); err != nil {
			return err
		}
	}
	for k := range now {
		if !taken[k] {
			if err := yield(nil, &now[k]); err != nil {
				return err
			}
		}
	}
	return nil
}
