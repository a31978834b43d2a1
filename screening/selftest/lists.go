package selftest

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/address"
)

// Sampler chooses listings of one list at random, each with the same probability, without holding the list in memory. The same seed and the same
// listings in the same order give the same choice.
type Sampler struct {
	r    *rand.Rand
	size int
	seen int
	kept []lists.Listing
}

// NewSampler returns a sampler of at most size listings.
func NewSampler(seed uint64, list string, size int) *Sampler {
	h := fnv.New64a()
	h.Write([]byte(list))
	return &Sampler{r: rand.New(rand.NewPCG(seed, h.Sum64())), size: size} //nolint:gosec // G404: a sample that can be drawn again, no secret //nolint:gosec // a sample that can be repeated, no secret
}

// Add offers a listing.
func (s *Sampler) Add(l lists.Listing) {
	s.seen++
	if len(s.kept) < s.size {
		s.kept = append(s.kept, l)
	} else if i := s.r.IntN(s.seen); i < s.size {
		s.kept[i] = l
	}
}

// Outcome is the answer to one text.
type Outcome struct {
	Result     string // hit, miss or refused
	Generation int
	// Matched and Suppressed are the ids of the lists. More is true if the answer does not name all matches.
	Matched, Suppressed []string
	More                bool
}

// Ask asks a text as a check would. An error means that there was no answer.
type Ask func(ctx context.Context, text, network string) (Outcome, error)

// Test writes the chosen listings in many ways and asks each. It counts into r, whose field List is set, and calls failed for each wrong answer
// until that returns false. It returns the generation of the last answer.
func (s *Sampler) Test(ctx context.Context, now time.Time, ask Ask, r *ListResult, failed func(Failure) bool) (generation int, err error) {
	today := now.UTC().Format(time.DateOnly)
	for i := range s.kept {
		l := &s.kept[i]
		r.Sampled++
		if l.ValidUntil != "" && l.ValidUntil < today {
			r.Expired++
			continue
		}
		for _, q := range s.questions(l) {
			if err := ctx.Err(); err != nil {
				return generation, err
			}
			r.Texts++
			out, err := ask(ctx, q.Text, q.network)
			if out.Generation > 0 {
				generation = out.Generation
			}
			got := r.count(&q, &out, err)
			if got == "" {
				continue
			}
			r.Failed++
			want := "hit on " + r.List
			if q.Refused {
				want = "refused"
			}
			if !failed(Failure{List: r.List, Listed: address.Recordable(l.Address), Text: address.Recordable(q.Text), Network: q.network, How: q.How, Want: want, Got: got}) {
				return generation, nil
			}
		}
	}
	return generation, nil
}

// count counts an answer that is right. Of one that is wrong it returns what it is.
func (r *ListResult) count(q *question, out *Outcome, err error) (wrong string) {
	switch {
	case err != nil:
		return "no answer: " + err.Error()
	case q.Refused && out.Result == "refused":
		r.Refusals++
	case q.Refused || out.Result == "refused":
		return out.Result
	case slices.Contains(out.Matched, r.List) || out.Result == "hit" && out.More:
		r.Hits++
	case slices.Contains(out.Suppressed, r.List):
		r.Suppressed++
	case out.Result == "hit":
		return fmt.Sprintf("hit, but not on %s: on %v", r.List, out.Matched)
	default:
		return out.Result
	}
	return ""
}

type question struct {
	Spelling
	network string
}

// maxReadings bounds the readings of one listing that are tested: a text without a network can be an address of many.
const maxReadings = 4

// questions returns the texts to ask for a listing.
func (s *Sampler) questions(l *lists.Listing) (all []question) {
	readings, notes, err := address.ParseListed(nil, l.Address, l.Network, l.Asset)
	if err != nil { // it is compared as text
		return []question{{Spelling{Text: l.Address, How: "as published"}, ""}, {Spelling{Text: " " + l.Address + "\n", How: "white space around it"}, ""}}
	}
	if len(readings) > maxReadings {
		readings = readings[:maxReadings]
	}
	for i := range readings {
		a := &readings[i]
		if i == 0 && !notes.AsText() {
			all = append(all, question{Spelling{Text: l.Address, How: "as published"}, a.Network})
		}
		for _, x := range Spellings(a, s.r) {
			all = append(all, question{x, a.Network})
		}
	}
	return all
}
