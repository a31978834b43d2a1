package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists/fault"
	"interdict/loader"
)

// A stream of changes is one of server-sent events (HTML Living Standard, section 9.2):
//
//	change   one listing. The last one of a step has the cursor as its id: a reader that reconnects goes on from there
//	state    everything up to a generation was sent
//	problem  why the stream ends
//	: …      a comment while nothing is new
//
// A stream that cannot read the store ends: silence must never look like "nothing is new".

// FollowLimits bound the streams of changes. Zero values stand for the defaults.
type FollowLimits struct {
	Streams   int           // of one server; 256
	PerCaller int           // of one key or account; 16
	Poll      time.Duration // how often the store and the caller's key are looked at; 1s
	Heartbeat time.Duration // the longest silence; 15s
	Write     time.Duration // how long a write may take until the reader is cut off; 10s
}

func (l FollowLimits) withDefaults() FollowLimits {
	return FollowLimits{cmp.Or(l.Streams, 256), cmp.Or(l.PerCaller, 16), cmp.Or(l.Poll, time.Second), cmp.Or(l.Heartbeat, 15*time.Second), cmp.Or(l.Write, 10*time.Second)}
}

const (
	// streamBuffer is how many bytes of events are collected before they are sent.
	streamBuffer = 32 << 10
	// streamRetry is how long a browser waits before it reconnects, in milliseconds.
	streamRetry = 2000
	// retryStream is how long others wait when there are too many streams.
	retryStream = 10 * time.Second
)

// followers counts the open streams.
type followers struct {
	mu       sync.Mutex
	limits   FollowLimits
	open     int
	byCaller map[string]int
}

// enter counts a stream of a caller until leave is called; fault.RateLimited if there are too many.
func (f *followers) enter(caller string) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.open >= f.limits.Streams:
		return nil, retryLater{fault.E(fault.RateLimited, "this server has %d streams of changes already", f.open), retryStream}
	case f.byCaller[caller] >= f.limits.PerCaller:
		return nil, retryLater{fault.E(fault.RateLimited, "the key has %d streams of changes already", f.byCaller[caller]), retryStream}
	}
	f.open++
	if f.byCaller == nil {
		f.byCaller = map[string]int{}
	}
	f.byCaller[caller]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.open--
		if f.byCaller[caller]--; f.byCaller[caller] == 0 {
			delete(f.byCaller, caller)
		}
	}, nil
}

func (s *Server) changeStream(c *gin.Context, who *auth.Principal) error {
	in, err := query(c, "since", "list")
	if err != nil {
		return err
	}
	since := cmp.Or(c.GetHeader("Last-Event-ID"), in["since"])
	if s.draining.Load() {
		return fault.E(fault.Unavailable, "the server is shutting down")
	}
	leave, err := s.followers.enter(cmp.Or(who.KeyID, who.Actor.Credential))
	if err != nil {
		return err
	}
	defer leave()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	ctx := auth.Unattended(c.Request.Context())
	f, err := s.as(who).follower(ctx, in["list"])
	if err != nil {
		return err
	}
	st := &changeStream{s: s, c: c, f: f, control: http.NewResponseController(c.Writer), limits: s.followers.limits, looked: time.Now()}
	fmt.Fprintf(&st.out, "retry: %d\n\n", streamRetry)
	if st.at, err = f.from(ctx, since); err == nil {
		err = st.run(ctx)
	}
	switch {
	case err == nil, errors.Is(err, errStreamOver):
		return nil
	case !st.started:
		return err
	}
	p := problemOf(err)
	s.failing(c, p.Status, err)
	if st.event("problem", "", p) == nil {
		_ = st.flush() // the reader may be gone
	}
	return nil
}

// errStreamOver ends a stream whose reader is gone, or whose server shuts down.
var errStreamOver = errors.New("the stream is over")

// changeStream is one open stream.
type changeStream struct {
	s       *Server
	c       *gin.Context
	f       *follower
	control *http.ResponseController
	limits  FollowLimits

	at      loader.FeedCursor // of what follows what was written
	out     bytes.Buffer
	started bool
	wrote   time.Time // when something was sent
	looked  time.Time // when the caller's key was looked at
}

// run sends changes until the stream is over, or until something is wrong.
func (st *changeStream) run(ctx context.Context) error {
	tick := time.NewTicker(st.limits.Poll)
	defer tick.Stop()
	for moved := true; ; {
		if moved {
			if err := st.send(ctx); err != nil {
				return err
			}
		} else if time.Since(st.wrote) >= st.limits.Heartbeat {
			st.out.WriteString(": nothing is new\n\n")
		}
		if err := st.flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errStreamOver
		case <-st.s.drained:
			return errStreamOver
		case <-tick.C:
		}
		err := st.look(ctx)
		if err == nil {
			moved, err = st.f.a.Loader.FeedMoved(ctx, st.at)
		}
		if err != nil {
			return err
		}
	}
}

// look returns an error if the stream must end: its reader is gone, the server shuts down, or the caller's key does not work any more.
func (st *changeStream) look(ctx context.Context) error {
	if ctx.Err() != nil || st.s.draining.Load() {
		return errStreamOver
	}
	st.looked = time.Now()
	who, err := st.s.authenticate(st.c.Request.WithContext(ctx), pathChangeStream)
	if err == nil {
		err = st.s.permit(st.c, who, pathChangeStream, nil)
	}
	if err != nil {
		return err
	}
	st.f.a = st.s.as(who)
	if st.f.list != "" && !st.f.may(st.f.list) {
		return fault.E(fault.Forbidden, "the key is not for this list")
	}
	return nil
}

// send sends what is new.
func (st *changeStream) send(ctx context.Context) error {
	from, told := st.at, st.started
	newest, err := st.f.a.Loader.Feed(ctx, from, st.f.may, func(step *loader.FeedStep) error {
		if time.Since(st.looked) >= st.limits.Poll {
			if err := st.look(ctx); err != nil {
				return err
			}
		}
		for i := range step.Changes {
			id := ""
			if i == len(step.Changes)-1 {
				id = step.Cursor.String()
			}
			if err := st.event("change", id, viewChange(step.Generation, &step.Changes[i], from)); err != nil {
				return err
			}
		}
		if len(step.Changes) == 0 {
			told = true
			if err := st.event("state", step.Cursor.String(), st.f.state(step.Generation, step.Cursor)); err != nil {
				return err
			}
		}
		st.at = step.Cursor
		return nil
	})
	switch {
	case err != nil && ctx.Err() != nil: // the store says so in its own words
		return errStreamOver
	case err != nil || told:
		return err
	}
	return st.event("state", st.at.String(), st.f.state(newest, st.at))
}

// event writes an event, and sends what has been collected when it is enough.
func (st *changeStream) event(name, id string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	fmt.Fprintf(&st.out, "event: %s\n", name)
	if id != "" {
		fmt.Fprintf(&st.out, "id: %s\n", id)
	}
	fmt.Fprintf(&st.out, "data: %s\n\n", b)
	if st.out.Len() < streamBuffer {
		return nil
	}
	return st.flush()
}

// flush sends what has been collected. A reader that does not take it in time is cut off.
func (st *changeStream) flush() error {
	if st.out.Len() == 0 {
		return nil
	}
	if !st.started {
		st.started = true
		h := st.c.Writer.Header()
		h.Set("Content-Type", "text/event-stream")
		h["Cache-Control"] = noStore
		h.Set("X-Accel-Buffering", "no")                                // nginx would keep events back
		if err := st.control.SetReadDeadline(time.Time{}); err != nil { // that of the request, which has been read
			return fault.E(fault.Internal, "stream: %w", err)
		}
		st.c.Status(http.StatusOK)
	}
	if err := st.control.SetWriteDeadline(time.Now().Add(st.limits.Write)); err != nil {
		return fault.E(fault.Internal, "stream: %w", err)
	}
	_, err := st.c.Writer.Write(st.out.Bytes())
	if err == nil {
		err = st.control.Flush()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errStreamOver, err)
	}
	st.out.Reset()
	st.wrote = time.Now()
	return nil
}
