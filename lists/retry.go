package lists

import (
	"context"
	"errors"
	"time"

	"interdict/lists/fault"
)

// Retry repeats reading and committing while other changes are committed in between: as long as f returns fault.Raced, up to 20 times.
func Retry(ctx context.Context, f func() error) error {
	for attempt := 0; ; attempt++ {
		err := f()
		if attempt >= 20 || !fault.Is(err, fault.Raced) {
			if fault.Is(err, fault.Raced) {
				return fault.E(fault.Conflict, "too many changes at the same time, try again: %w", err)
			}
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt) * 3 * time.Millisecond):
		}
	}
}

// TryCommit is Store.Commit within Retry: a revision that is not the expected one is fault.Raced, which is tried again. A fault.Conflict
// needs a person, as a *FollowedError does.
func TryCommit(ctx context.Context, s Store, changes ...Change) error {
	err := s.Commit(ctx, changes...)
	var followed *FollowedError
	if fault.Is(err, fault.Conflict) && !errors.As(err, &followed) {
		return fault.E(fault.Raced, "%w", err)
	}
	return err
}
