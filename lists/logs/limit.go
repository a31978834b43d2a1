// Package logs keeps the log of a program readable: it limits messages that repeat, and tells when something that the program needs goes away and
// when it is back.
package logs

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limiter is a handler that passes on a warning or an error once in a while, and counts its repetitions in between. Messages of lower levels, and
// those of a Dependency, are passed on as they are.
//
// Messages repeat if their level, their text and the attributes that say what they are about are the same. Others, such as the error, do not
// matter.
type Limiter struct {
	next  slog.Handler
	about string // those of next's attributes that say what its messages are about
	state *state
}

// maxMessages is how many different messages are remembered. More are not limited.
const maxMessages = 1000

// subjects are the attributes that say what a message is about.
var subjects = []string{"component", "list", "layer", "route", "client", "index", "file", "folder", "webhook", "writer", "page", "case", "document", "blob", "alert"}

// attribute names.
const (
	keyDependency = "dependency"
	keySuppressed = "suppressed"
)

// state is what the handlers of one log have in common.
type state struct {
	every time.Duration
	now   func() time.Time

	mu    sync.Mutex // guards the rest
	seen  map[string]*repeated
	swept time.Time
}

// repeated is a message that was passed on a short time ago.
type repeated struct {
	at      time.Time // when it was passed on
	n       int       // how often it has repeated since
	last    slog.Record
	handler slog.Handler // of last
}

// NewLimiter returns a handler that passes on the same message once in every interval. The first repetition after it has the number of those that were
// not passed on, as "suppressed"; if none comes, the last one is passed on with the next message of any kind, or by Flush.
func NewLimiter(next slog.Handler, every time.Duration, now func() time.Time) *Limiter {
	return &Limiter{next: next, state: &state{every: every, now: now, seen: map[string]*repeated{}}}
}

// Enabled is that of the next handler.
func (l *Limiter) Enabled(ctx context.Context, level slog.Level) bool {
	return l.next.Enabled(ctx, level)
}

// WithAttrs returns a handler whose messages have further attributes.
func (l *Limiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	about := l.about
	for _, a := range attrs {
		about += subject(a)
	}
	return &Limiter{l.next.WithAttrs(attrs), about, l.state}
}

// WithGroup returns a handler whose further attributes are in a group.
func (l *Limiter) WithGroup(name string) slog.Handler {
	return &Limiter{l.next.WithGroup(name), l.about, l.state}
}

// Handle passes on a message, or counts it.
func (l *Limiter) Handle(ctx context.Context, r slog.Record) error {
	err := l.state.sweep(ctx, false)
	if r.Level < slog.LevelWarn {
		return l.next.Handle(ctx, r)
	}
	key, limited := l.key(&r)
	if !limited {
		return l.next.Handle(ctx, r)
	}
	if suppressed, pass := l.state.count(key, &r, l.next); pass {
		if suppressed > 0 {
			r = r.Clone()
			r.AddAttrs(slog.Int(keySuppressed, suppressed))
		}
		err = l.next.Handle(ctx, r)
	}
	return err
}

// Flush passes on what was suppressed and not told yet.
func (l *Limiter) Flush(ctx context.Context) error { return l.state.sweep(ctx, true) }

// key returns what tells messages apart; false if a message is not limited.
func (l *Limiter) key(r *slog.Record) (key string, limited bool) {
	var b strings.Builder
	b.WriteString(r.Level.String())
	b.WriteByte('\n')
	b.WriteString(r.Message)
	b.WriteString(l.about)
	limited = true
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(subject(a))
		limited = limited && a.Key != keyDependency
		return true
	})
	return b.String(), limited
}

// subject returns the text of an attribute that says what a message is about; "" of any other.
func subject(a slog.Attr) string {
	if !slices.Contains(subjects, a.Key) {
		return ""
	}
	return "\n" + a.Key + "=" + a.Value.String()
}

// count notes a message. It returns whether to pass it on, and how many were suppressed before it.
func (s *state) count(key string, r *slog.Record, h slog.Handler) (suppressed int, pass bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	x := s.seen[key]
	switch {
	case x == nil && len(s.seen) >= maxMessages:
		return 0, true
	case x == nil:
		s.seen[key] = &repeated{at: now}
		return 0, true
	case now.Sub(x.at) < s.every:
		x.n, x.last, x.handler = x.n+1, r.Clone(), h
		return 0, false
	}
	suppressed = x.n
	*x = repeated{at: now}
	return suppressed, true
}

// sweep passes on the last of the messages that were suppressed and whose interval, or if all every interval, is over.
func (s *state) sweep(ctx context.Context, all bool) error {
	s.mu.Lock()
	now := s.now()
	if !all && now.Sub(s.swept) < s.every/10 {
		s.mu.Unlock()
		return nil
	}
	s.swept = now
	var due []*repeated
	for key, x := range s.seen {
		if !all && now.Sub(x.at) < s.every+s.every/10 { // a little later: the next repetition may come by itself
			continue
		}
		if x.n > 0 {
			due = append(due, x)
		}
		delete(s.seen, key)
	}
	s.mu.Unlock()
	slices.SortFunc(due, func(a, b *repeated) int { return a.last.Time.Compare(b.last.Time) })
	var failed error
	for _, x := range due {
		if x.n > 1 {
			x.last.AddAttrs(slog.Int(keySuppressed, x.n-1))
		}
		if err := x.handler.Handle(ctx, x.last); err != nil {
			failed = err
		}
	}
	return failed
}
