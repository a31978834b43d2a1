package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

// Each server samples its own counters of checks, and writes what it counted into a document of its own for each day:
//
//	counters of /metrics ── every few seconds ── the day's steps, in memory ── every minute ── traffic/SERVER/DAY in the store
//
// The counts are for people who look at a graph. Those of the last minute are lost when a server crashes.

const (
	trafficSample = 5 * time.Second
	trafficWrite  = time.Minute
	// trafficDefault is how far back traffic is shown if the caller does not say.
	trafficDefault = 24 * time.Hour
)

// Traffic counts the checks of one server over time.
type Traffic struct {
	store  lists.Store
	server string
	sample func() sampled
	now    func() time.Time

	mu      sync.Mutex
	loaded  bool // the counts of an earlier process with the same name are in days
	last    sampled
	at      time.Time                    // of the last sample
	days    map[string]*lists.TrafficDay // that are not written yet, and today
	changed map[string]bool              // days with counts that are not in the store
	swept   string                       // the day on which old counts were last removed
}

// NewTraffic counts from now on. server is a name that no other server has, and that stays with this one when it starts again.
func NewTraffic(store lists.Store, server string, m *Metrics, now func() time.Time) *Traffic {
	return &Traffic{store: store, server: server, sample: m.sample, now: now, last: m.sample(), at: now().UTC(),
		days: map[string]*lists.TrafficDay{}, changed: map[string]bool{}}
}

// take adds what was counted since the last sample to the step of that sample.
func (t *Traffic) take() {
	t.mu.Lock()
	defer t.mu.Unlock()
	is, at := t.sample(), t.now().UTC()
	hits, misses, errors := is.hits-t.last.hits, is.misses-t.last.misses, is.errors-t.last.errors
	if hits != 0 || misses != 0 || errors != 0 {
		day := t.at.Format(time.DateOnly)
		if t.days[day] == nil {
			t.days[day] = &lists.TrafficDay{Server: t.server, Day: day}
		}
		t.days[day].Add(t.at, hits, misses, errors)
		t.changed[day] = true
	}
	t.last, t.at = is, at
}

// Write stores the counts, and removes those that are too old.
func (t *Traffic) Write(ctx context.Context) error {
	t.take()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(ctx); err != nil {
		return err
	}
	var changes []lists.Change
	for day := range t.changed {
		changes = append(changes, lists.Put(lists.DocTraffic(t.server, day), t.days[day], lists.AnyRevision))
	}
	if len(changes) > 0 {
		if err := t.store.Commit(ctx, changes...); err != nil {
			return err
		}
	}
	clear(t.changed)
	today := t.at.Format(time.DateOnly)
	for day := range t.days {
		if day != today {
			delete(t.days, day)
		}
	}
	if t.swept == today {
		return nil
	}
	if err := t.sweep(ctx); err != nil {
		return err
	}
	t.swept = today
	return nil
}

// load adds what an earlier process of this server counted on the days in memory. It does so once.
func (t *Traffic) load(ctx context.Context) error {
	if t.loaded {
		return nil
	}
	today := t.at.Format(time.DateOnly)
	if t.days[today] == nil {
		t.days[today] = &lists.TrafficDay{Server: t.server, Day: today}
	}
	earlier := map[string]lists.TrafficDay{}
	for day := range t.days {
		d, _, err := lists.Read[lists.TrafficDay](ctx, t.store, lists.DocTraffic(t.server, day))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		earlier[day] = d
	}
	for day, d := range earlier {
		for _, c := range d.Steps {
			t.days[day].Add(startOf(day, c.Step), c.Hits, c.Misses, c.Errors)
		}
	}
	t.loaded = true
	return nil
}

// sweep removes counts that are older than lists.TrafficDays. A server may be gone for good: those of others are removed as well.
func (t *Traffic) sweep(ctx context.Context) error {
	docs, err := t.store.Scan(ctx, lists.DocAllTraffic)
	if err != nil {
		return err
	}
	oldest := t.at.AddDate(0, 0, -lists.TrafficDays).Format(time.DateOnly)
	var changes []lists.Change
	for _, d := range docs {
		if day := d.Key[strings.LastIndexByte(d.Key, '/')+1:]; day < oldest {
			changes = append(changes, lists.Change{Key: d.Key, Expect: lists.AnyRevision})
		}
	}
	for some := range slices.Chunk(changes, 100) {
		if err := t.store.Commit(ctx, some...); err != nil {
			return err
		}
	}
	return nil
}

// run counts until ctx ends, and writes what was counted then.
func (t *Traffic) run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(trafficSample)
	defer tick.Stop()
	write := func(ctx context.Context) {
		if err := t.Write(ctx); err != nil {
			failed(err)
		}
	}
	write(ctx)
	wrote := t.now()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			write(last)
			return
		case <-tick.C:
		}
		if t.now().Sub(wrote) < trafficWrite {
			t.take()
			continue
		}
		write(ctx)
		wrote = t.now()
	}
}

// startOf returns the start of a step of a day.
func startOf(day string, step int) time.Time {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return time.Time{}
	}
	return at.Add(time.Duration(step) * lists.TrafficStep)
}

// CountTraffic counts the checks of this server over time, under a name that no other server has and that stays with it, until Close.
func (s *Server) CountTraffic(server string) {
	t := NewTraffic(s.store, server, s.metrics, s.now)
	s.inBackground(func(ctx context.Context) {
		t.run(ctx, func(err error) { s.log.Debug("the counts of checks were not stored", "error", err) })
	})
}

// Traffic returns the checks per step from a time until another one, by all servers; zero times stand for the last 24 hours. Servers report
// once a minute.
func (a *Acting) Traffic(ctx context.Context, from, to time.Time) (*client.Traffic, error) {
	now := a.Now().UTC()
	if to.IsZero() || to.After(now) {
		to = now
	}
	if from.IsZero() {
		from = to.Add(-trafficDefault)
	}
	from, to = from.UTC().Truncate(lists.TrafficStep), to.UTC()
	if oldest := now.AddDate(0, 0, -lists.TrafficDays).Truncate(24 * time.Hour); from.Before(oldest) {
		from = oldest
	}
	out := &client.Traffic{AsOf: now, Step: "5m", Points: []client.TrafficPoint{}}
	if !from.Before(to) {
		return out, nil
	}
	days, err := lists.ReadAll[lists.TrafficDay](ctx, a.Store, lists.DocAllTraffic)
	if err != nil {
		return nil, err
	}
	for at := from; at.Before(to); at = at.Add(lists.TrafficStep) {
		out.Points = append(out.Points, client.TrafficPoint{At: at})
	}
	for i := range days {
		for _, c := range days[i].Steps {
			n := int(startOf(days[i].Day, c.Step).Sub(from) / lists.TrafficStep)
			if at := startOf(days[i].Day, c.Step); at.Before(from) || n >= len(out.Points) {
				continue
			}
			p := &out.Points[n]
			p.Hits, p.Misses, p.Errors = p.Hits+c.Hits, p.Misses+c.Misses, p.Errors+c.Errors
			p.Checks = p.Hits + p.Misses + p.Errors
		}
	}
	return out, nil
}

func (s *Server) getTraffic(c *gin.Context, who *auth.Principal) error {
	in, err := query(c, "from", "to")
	if err != nil {
		return err
	}
	from, to, err := period(in)
	if err != nil {
		return err
	}
	out, err := s.as(who).Traffic(c.Request.Context(), from, to)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, out)
}
