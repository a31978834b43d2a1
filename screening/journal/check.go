package journal

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"interdict/lists/fault"
)

// CheckNewest reads the newest segments in dir that get no more records, and returns what is damaged in them. The error says that they
// could not be read.
func CheckNewest(ctx context.Context, dir string, segments int) ([]*DamageError, error) {
	all, err := list(dir, false, nil)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s segmentInfo) bool { return !s.complete() })
	slices.SortStableFunc(all, func(a, b segmentInfo) int { return cmp.Compare(b.to, a.to) })
	var found []*DamageError
	r := reader{ctx: ctx, yield: func(_ Record, e error) bool {
		var damage *DamageError
		if errors.As(e, &damage) {
			found = append(found, damage)
		} else if e != nil {
			err = e
		}
		return err == nil
	}}
	for _, s := range all[:min(segments, len(all))] {
		r.expected = s.first
		if !r.readSegment(s) {
			break
		}
	}
	return found, err
}

// SealedNames returns the names of the sealed segments in dir.
func SealedNames(dir string) ([]string, error) {
	names, err := readNames(dir)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read journal: %w", err)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		s, ok := parseName(name)
		return !ok || !s.sealed
	}), nil
}
