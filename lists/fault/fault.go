// Package fault defines the kinds of errors. The code that creates an error sets its kind, which survives
// any wrapping. Only api/problem.go maps kinds to HTTP statuses, and only main.go maps them to exit codes.
package fault

import (
	"errors"
	"fmt"
)

// Kind classifies an error. The zero value is Internal: an error without a kind is a bug of Interdict,
// never a mistake of the caller.
type Kind uint8

const (
	Internal           Kind = iota // a bug, or an unforeseen failure
	Invalid                        // a request, file or setting that cannot be understood
	InvalidAddress                 // a text that is not an address of the network; address.Error has the reason
	UnsupportedNetwork             // a network name that Interdict does not know
	Unauthorized                   // no API key, or an unknown one
	Forbidden                      // a known caller without the right to do this
	NotFound
	Conflict         // the present state does not allow it: a guard, a missing approval, a changed document
	Raced            // a change lost against a simultaneous one; lists.Retry tries again
	TooLarge         // more bytes, rows or items than the limit
	UnsupportedMedia // a Content-Type that the route does not support
	RateLimited
	NotLoaded    // no generation to answer from, or one without listings
	Stale        // a list is older than its maximum age, and its setting on_stale is stop
	Unavailable  // a dependency (store, disk, source) is unreachable or fails
	Usage        // wrong arguments of a command
	Precondition // what If-Match or If-None-Match asks for is not so
	Lost         // the store has lost the generation that is served here, and an answer from both is not possible
)

var names = [...]string{"internal", "invalid", "invalid address", "unsupported network", "unauthorized", "forbidden",
	"not found", "conflict", "raced", "too large", "unsupported media", "rate limited", "not loaded", "stale", "unavailable", "usage", "precondition", "lost"}

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

// E returns an error of a kind. format and args are those of fmt.Errorf, including %w.
// The kind overrides that of a wrapped error.
func E(kind Kind, format string, args ...any) error {
	return &kinded{kind, fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the outermost error in the chain that has one; Internal if none has.
func KindOf(err error) Kind {
	var k Kinded
	if errors.As(err, &k) {
		return k.FaultKind()
	}
	return Internal
}

// Is reports whether err has the kind. A nil error has none.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
