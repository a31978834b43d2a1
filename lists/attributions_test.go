package lists_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"interdict/lists"
	"interdict/lists/fault"
)

// limitedStore has attributions with the numbers below limit, and counts the reads.
type limitedStore struct {
	lists.Store
	limit uint32
	reads int
}

func (s *limitedStore) Attributions(_ context.Context, _ string, numbers []uint32) (records [][]byte, err error) {
	s.reads++
	for i, n := range numbers {
		if n >= s.limit {
			return nil, fault.E(fault.Unavailable, "attribution %d is missing", n)
		}
		if i > 0 && n <= numbers[i-1] {
			return nil, errors.New("numbers are not in ascending order")
		}
		records = append(records, fmt.Appendf(nil, `{"note":"%d"}`, n))
	}
	return records, nil
}

func TestAttributionsAreReadOnceAndInBatches(t *testing.T) {
	s := &limitedStore{limit: 9000}
	var numbers []uint32
	for n := range uint32(9000) {
		numbers = append(numbers, 8999-n, n)
	}
	got, err := lists.ReadAttributions(t.Context(), s, "l", numbers)
	if err != nil || len(got) != 9000 || s.reads != 3 {
		t.Fatalf("%d attributions in %d reads: %v", len(got), s.reads, err)
	}
	for n, a := range got {
		if a.Note != fmt.Sprint(n) {
			t.Fatalf("attribution %d is %q", n, a.Note)
		}
	}
}

func TestAMissingAttributionIsAnError(t *testing.T) {
	s := &limitedStore{limit: 5000}
	got, err := lists.ReadAttributions(t.Context(), s, "l", []uint32{3, 5000, 3})
	if !fault.Is(err, fault.Unavailable) || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
}
