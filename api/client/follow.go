package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"interdict/lists/fault"
)

// ChangeStep is a part of the changes that is never divided.
type ChangeStep struct {
	Changes []ListChange
	// Cursor is that of what follows: whoever has applied the step goes on from there.
	Cursor string
	// State, if not nil, says that everything up to a generation was read.
	State *FeedState
}

const (
	// maxSilence is how long a stream may be silent: the service sends something every 15 seconds.
	maxSilence = time.Minute
	// maxEvent bounds an event of a stream in bytes.
	maxEvent = 4 << 20
	// minReconnect and maxReconnect bound the time between two attempts to connect.
	minReconnect = time.Second
	maxReconnect = 30 * time.Second
)

// FollowChanges calls yield for each step of the changes of lists, oldest first and each once, until ctx ends or yield returns an error. When the
// connection breaks, or the service says that it cannot answer now, it connects again and goes on where it was. q.Limit is not used.
//
// Other errors end it: fault.Conflict says that the store cannot go on from the cursor, and the caller begins again with SinceStart and an empty
// copy; fault.Lost, that the store has lost the generation of the cursor; fault.Unauthorized and fault.Forbidden, that the key does not work.
func (c *Client) FollowChanges(ctx context.Context, q ChangesQuery, yield func(ChangeStep) error) error {
	f := follow{c: c, q: q, yield: yield}
	f.q.Limit = 0
	if f.q.Since == "" { // after a broken connection it must not begin later than here
		p, err := c.Changes(ctx, q)
		if err != nil {
			return err
		}
		f.q.Since = p.Cursor
	}
	wait := minReconnect
	for {
		before := f.q.Since
		err := f.stream(ctx)
		var stopped stopError
		if errors.As(err, &stopped) {
			return stopped.error
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !reconnects(err) {
			return err
		}
		if wait = min(2*wait, maxReconnect); before != f.q.Since {
			wait = minReconnect
		}
		pause := wait
		var answered *Error
		if errors.As(err, &answered) {
			pause = max(pause, answered.RetryAfter)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// reconnects reports whether a stream that ended with an error is worth another attempt.
func reconnects(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.RateLimited, fault.NotLoaded, fault.Stale, fault.Internal:
		return true
	}
	return err == nil
}

// stopError is an error of the caller's own function.
type stopError struct{ error }

// follow is a reader of streams.
type follow struct {
	c     *Client
	q     ChangesQuery
	yield func(ChangeStep) error
}

// stream reads one stream to its end.
func (f *follow) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(maxSilence, cancel)
	defer silence.Stop()
	res, err := f.c.once(ctx, request{method: http.MethodGet, path: "/v1/lists/changes/stream", query: f.q.values(), accept: "text/event-stream"})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || media != "text/event-stream" {
		return fault.E(fault.Invalid, "the server's answer is not a stream of events: is this the address of Interdict?")
	}
	return readEvents(alive{res.Body, silence}, f.take())
}

// alive renews the time of silence with each read.
type alive struct {
	io.Reader
	silence *time.Timer
}

func (a alive) Read(b []byte) (int, error) {
	n, err := a.Reader.Read(b)
	if n > 0 {
		a.silence.Reset(maxSilence)
	}
	return n, err
}

// take returns what is called for each event of a stream. Changes are passed on when the id of their step has come, so that a step that was cut
// off comes again as a whole.
func (f *follow) take() func(name, id string, data []byte) error {
	var changes []ListChange
	return func(name, id string, data []byte) error {
		step := ChangeStep{Cursor: id}
		switch name {
		case "problem":
			e := &Error{}
			if json.Unmarshal(data, e) != nil || e.Code == "" {
				return fault.E(fault.Unavailable, "the stream ended with a problem that cannot be read")
			}
			e.raw = bytes.Clone(data)
			return e
		case "change":
			var x ListChange
			if err := decode(data, &x); err != nil {
				return err
			}
			if changes = append(changes, x); id == "" {
				return nil
			}
			step.Changes, changes = changes, nil
		case "state":
			step.State = &FeedState{}
			if err := decode(data, step.State); err != nil {
				return err
			}
		default: // of a newer service
			return nil
		}
		if err := f.yield(step); err != nil {
			return stopError{err}
		}
		f.q.Since = id
		return nil
	}
}

// readEvents reads server-sent events as they are written here: one line of data an event.
func readEvents(r io.Reader, take func(name, id string, data []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	var name, id string
	var data []byte
	for lines.Scan() {
		line := lines.Bytes()
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0:
			if data != nil {
				if err := take(name, id, data); err != nil {
					return err
				}
			}
			name, id, data = "", "", nil
		case string(field) == "event":
			name = string(value)
		case string(field) == "id":
			id = string(value)
		case string(field) == "data":
			data = bytes.Clone(value)
		}
	}
	if err := lines.Err(); err != nil {
		return fault.E(fault.Unavailable, "the stream broke off: %w", err)
	}
	return nil
}
