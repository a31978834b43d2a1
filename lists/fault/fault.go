// Package fault gives every error of Interdict its kind. A kind is decided where the
// error happens, travels with it through any wrapping, and is turned into an HTTP status
// (api/problem.go) or an exit code (main.go) at the edge, and nowhere else.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of thing went wrong. The zero value is Internal: an error that
// nobody classified is our own mistake, never the caller's.
type Kind uint8

const (
	Internal           Kind = iota // a bug, or a failure nobody foresaw
	Invalid                        // a request, file or setting that cannot be understood
	InvalidAddress                 // text that is no address of the network (address.Error tells why)
	UnsupportedNetwork             // a network name that Interdict does not know
	Unauthorized                   // no key, or an unknown one
	Forbidden                      // a known caller who may not do this
	NotFound
	Conflict         // the state does not allow it now: a guard, a missing approval, a changed document
	Raced            // a change lost against another at the same time; the loader tries it again, nobody else sees it
	TooLarge         // more bytes, rows or items than the limit
	UnsupportedMedia // a Content-Type that the route does not read
	RateLimited
	NotLoaded   // no generation to answer from yet, or one without a listing
	Stale       // a list is older than its maximum age and says to stop
	Unavailable // a dependency (store, disk, source) cannot be reached or fails
	Usage       // a command that was called wrongly
	Lost        // the store has lost what is served here, and both sides cannot be answered from
)

var names = [...]string{"internal", "invalid", "invalid address", "unsupported network", "unauthorized", "forbidden",
	"not found", "conflict", "raced", "too large", "unsupported media", "rate limited", "not loaded", "stale", "unavailable", "usage", "lost"}

func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Kinded is implemented by errors that know their own kind.
type Kinded interface{ FaultKind() Kind }

type kinded struct {
	kind Kind
	err  error
}

func (e *kinded) Error() string   { return e.err.Error() }
func (e *kinded) Unwrap() error   { return e.err }
func (e *kinded) FaultKind() Kind { return e.kind }

// E makes an error of a kind; format and args are those of fmt.Errorf, %w included.
// The new kind wins over the kind of a wrapped error.
func E(kind Kind, format string, args ...any) error {
	return &kinded{kind, fmt.Errorf(format, args...)}
}

// KindOf tells the kind of the outermost error in the chain that has one; Internal if none has.
func KindOf(err error) Kind {
	var k Kinded
	if errors.As(err, &k) {
		return k.FaultKind()
	}
	return Internal
}

// Is tells whether err is of the kind. A nil error is of none.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
