package loader

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/lease"
	"interdict/lists/spans"
	"interdict/loader/events"
	"interdict/loader/fetch"
	"interdict/loader/formats"
)

// RefreshMetrics is told about refreshes.
type RefreshMetrics interface {
	// Refreshed is called after each attempt of this process.
	Refreshed(list string, outcome lists.RefreshOutcome)
	// Known is called with the status of every list that has a source, whichever process refreshed it. The map is not changed afterwards.
	Known(map[string]lists.Refresh)
}

// RefreshOptions describe how lists are refreshed.
type RefreshOptions struct {
	Owner   string // name of this process for the lease; unique
	By      string // recorded as the person who stages and activates
	Fetch   fetch.Options
	Metrics RefreshMetrics // may be nil
	// Progress, if not nil, is called now and then with the bytes received, the size of the file (-1: unknown) and the rows read. Several lists
	// may call it at the same time.
	Progress func(list string, bytes, of int64, rows int)
	Poll     time.Duration // how often Run looks for lists that are due; 0 for 10 s
	LeaseTTL time.Duration // 0 for a minute
	Parallel int           // how many lists are refreshed at the same time; 0 for 4
	Timeout  time.Duration // for one list, from the request to the activation; 0 for an hour
	Tracer   trace.Tracer  // nil: no traces
}

// Refresher fetches lists from their sources.
//
//	due ── lease ── fetch.Get ── published digest ── Stage ── no guard, no approvals needed ── Activate
//	                  └─ nothing newer, or the same bytes as last time: the list is fresh, or waits for a person
//
// A few lists are refreshed at the same time, each within its own time: a slow source delays no other list. After a failure the active version
// stays active. The status of the list and the journal say what failed.
type Refresher struct {
	l     *Loader
	o     RefreshOptions
	lease *lease.Lease
}

// NewRefresher makes a refresher for the lists of a loader.
func NewRefresher(l *Loader, o RefreshOptions) *Refresher {
	o.Poll, o.LeaseTTL = cmp.Or(o.Poll, 10*time.Second), cmp.Or(o.LeaseTTL, lease.TTL)
	o.Parallel, o.Timeout = cmp.Or(o.Parallel, 4), cmp.Or(o.Timeout, time.Hour)
	o.Fetch.MaxBytes, o.Fetch.Dir = cmp.Or(o.Fetch.MaxBytes, MaxUploadBytes), l.builder.Dir
	return &Refresher{l, o, lease.New(l.store, "refresh", o.Owner, o.LeaseTTL, l.now)}
}

// Refreshed is the result of refreshing one list.
type Refreshed struct {
	List       string               `json:"list"`
	Outcome    lists.RefreshOutcome `json:"outcome"`
	Detail     string               `json:"detail,omitempty"`
	Version    int                  `json:"version,omitempty"`
	Generation int                  `json:"generation,omitempty"`
	Error      string               `json:"error,omitempty"`
	Warnings   []lists.Finding      `json:"warnings,omitempty"` // of the version, unless it is unchanged
	Next       *time.Time           `json:"next,omitempty"`     // when it is due again
}

// Refresh fetches the named lists, or all that have a source, if they are due; force: even if not. It waits while another process refreshes. It
// calls report for each list, one at a time, as they end. The error is about the work as a whole: the failure of one list is in its Refreshed, and the others go on.
func (r *Refresher) Refresh(ctx context.Context, ids []string, force bool, report func(Refreshed)) error {
	due, err := r.due(ctx, ids, force, report)
	if err != nil || len(due) == 0 {
		return err
	}
	for {
		taken, err := r.lease.Take(ctx)
		if err != nil {
			return err
		}
		if taken {
			break
		}
		select {
		case <-ctx.Done():
			return fault.E(fault.Unavailable, "another process is refreshing: %w", ctx.Err())
		case <-time.After(min(time.Second, r.o.LeaseTTL/4)):
		}
	}
	r.lease.While(ctx, func(ctx context.Context) {
		err = r.all(ctx, due, func(id string) Refreshed { return r.list(ctx, id, len(ids) > 0, force) }, report, nil)
	})
	return err
}

// Run refreshes lists when they are due until ctx ends. Of many processes on one store one does it at a time.
func (r *Refresher) Run(ctx context.Context) {
	tick := time.NewTicker(r.o.Poll)
	defer tick.Stop()
	logged := ""
	for {
		err := r.refreshDue(ctx)
		if ctx.Err() != nil {
			return
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != "" && text != logged {
			r.l.log.Warn("lists were not refreshed; they are tried again", "error", err)
		}
		logged = text
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// refreshDue refreshes what is due, unless another process does, and what becomes due in the meantime.
func (r *Refresher) refreshDue(ctx context.Context) error {
	due, err := r.due(ctx, nil, false, func(Refreshed) {})
	if err != nil || len(due) == 0 {
		return err
	}
	taken, err := r.lease.Take(ctx)
	if err != nil || !taken {
		return err
	}
	r.lease.While(ctx, func(ctx context.Context) {
		err = r.all(ctx, due, func(id string) Refreshed { return r.list(ctx, id, false, false) }, r.logResult, func() ([]string, error) {
			return r.due(ctx, nil, false, func(Refreshed) {})
		})
	})
	_, again := r.due(ctx, nil, false, func(Refreshed) {}) // for the metrics
	return errors.Join(err, again)
}

// due returns the lists to refresh, and reports the others.
func (r *Refresher) due(ctx context.Context, ids []string, force bool, report func(Refreshed)) (due []string, err error) {
	settings, err := lists.ReadAll[lists.List](ctx, r.l.store, lists.DocLists)
	if err != nil {
		return nil, err
	}
	known := map[string]lists.Refresh{}
	for i := range settings {
		s := &settings[i]
		if s.Source == nil || len(ids) > 0 && !slices.Contains(ids, s.ID) {
			continue
		}
		status, _, err := r.l.refreshStatus(ctx, s.ID)
		if err != nil {
			return nil, err
		}
		known[s.ID] = status
		if force || r.isDue(s, &status, len(ids) > 0) {
			due = append(due, s.ID)
		} else {
			report(Refreshed{List: s.ID, Outcome: lists.RefreshNotDue, Detail: "last attempt: " + string(cmp.Or(status.Outcome, "none")), Next: nextRefresh(s, &status)})
		}
	}
	for _, id := range ids {
		if _, ok := known[id]; !ok {
			what := "no such list"
			if slices.ContainsFunc(settings, func(s lists.List) bool { return s.ID == id }) {
				what = "the list follows no source"
			}
			report(Refreshed{List: id, Outcome: lists.RefreshFailed, Error: what})
		}
	}
	if len(ids) == 0 && r.o.Metrics != nil {
		r.o.Metrics.Known(known)
	}
	return due, nil
}

// isDue reports whether a list is to be refreshed now. named: a person asked for it, which makes a list due that has no interval.
func (r *Refresher) isDue(settings *lists.List, s *lists.Refresh, named bool) bool {
	next, now := nextRefresh(settings, s), r.l.now()
	if next == nil {
		return named
	}
	return !now.Before(*next) || s.LastAttempt.After(now.Add(settings.Source.Every)) // the last attempt is in the future: a clock was wrong
}

// all refreshes lists, r.o.Parallel of them at the same time. While any is being refreshed it asks more, if not nil, for further lists now and
// then. It calls report from this goroutine.
func (r *Refresher) all(ctx context.Context, waiting []string, list func(string) Refreshed, report func(Refreshed), more func() ([]string, error)) error {
	running, done := map[string]bool{}, make(chan Refreshed)
	tick := time.NewTicker(r.o.Poll)
	defer tick.Stop()
	for {
		for len(waiting) > 0 && len(running) < r.o.Parallel && ctx.Err() == nil {
			id := waiting[0]
			if waiting = waiting[1:]; running[id] {
				continue
			}
			running[id] = true
			go func() {
				x := list(id)
				x.List = id
				done <- x
			}()
		}
		if len(running) == 0 {
			break
		}
		select {
		case x := <-done:
			delete(running, x.List)
			if x.Outcome != "" {
				report(x)
			}
		case <-tick.C:
			if more == nil {
				continue
			}
			due, err := more()
			if err != nil {
				r.l.log.Debug("lists that are due were not found", "error", err) // those that run go on
				continue
			}
			waiting = due
		}
	}
	if len(waiting) > 0 {
		return fault.E(fault.Unavailable, "refreshing was cancelled: %w", context.Cause(ctx))
	}
	return nil
}

// list refreshes a list under the lease, unless another process has done so in the meantime. The outcome is "" if the list follows no source any
// more.
func (r *Refresher) list(ctx context.Context, id string, named, force bool) Refreshed {
	settings, _, err := r.l.List(ctx, id)
	var status lists.Refresh
	var revision uint64
	if err == nil {
		status, revision, err = r.l.refreshStatus(ctx, id)
	}
	switch {
	case err != nil:
		return r.count(Refreshed{List: id, Outcome: lists.RefreshFailed, Error: err.Error()})
	case settings.Source == nil:
		return Refreshed{} // the source was removed just now
	case !force && !r.isDue(settings, &status, named):
		return Refreshed{List: id, Outcome: lists.RefreshNotDue, Detail: "another process has just refreshed it", Next: nextRefresh(settings, &status)}
	}
	return r.count(r.one(ctx, settings, status, revision))
}

// logResult logs the result of a refresh that nobody waits for.
func (r *Refresher) logResult(x Refreshed) {
	level := slog.LevelInfo
	if x.Outcome == lists.RefreshFailed {
		level = slog.LevelWarn
	}
	r.l.log.Log(context.Background(), level, "refreshed a list", "list", x.List, "outcome", x.Outcome, "version", x.Version, "detail", x.Detail, "error", x.Error)
}

// span begins the trace of the refresh of a list.
func (r *Refresher) span(ctx context.Context, list string) (context.Context, trace.Span) {
	if r.o.Tracer == nil {
		return spans.Start(ctx, "refresh")
	}
	return r.o.Tracer.Start(ctx, "refresh", trace.WithNewRoot(), trace.WithAttributes(attribute.String("interdict.list", list)))
}

// count passes a result on to the metrics.
func (r *Refresher) count(x Refreshed) Refreshed {
	if r.o.Metrics != nil {
		r.o.Metrics.Refreshed(x.List, x.Outcome)
	}
	return x
}

// one refreshes a list and records the result.
func (r *Refresher) one(ctx context.Context, settings *lists.List, before lists.Refresh, revision uint64) Refreshed {
	id, begun := settings.ID, r.l.now().UTC()
	status := before
	if status.Running { // this process has the lease: the other attempt has ended
		status.Failures++
		status.Outcome, status.LastError = lists.RefreshFailed, "the attempt begun at "+before.LastAttempt.Format(time.RFC3339)+" was interrupted"
	}
	status.LastAttempt, status.Running = begun, true
	if err := r.l.store.Commit(ctx, lists.Put(lists.DocRefresh(id), status, revision)); err != nil {
		return Refreshed{List: id, Outcome: lists.RefreshFailed, Error: err.Error()}
	}
	limited, stop := context.WithTimeout(ctx, r.o.Timeout)
	traced, span := r.span(limited, id)
	v, generation, err := r.attempt(traced, settings, &status)
	if err == nil {
		r.readOlderDeltas(traced, settings)
	}
	spans.End(span, err)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fault.E(fault.Unavailable, "not finished after %s: %w", r.o.Timeout, err)
	}
	stop()
	out := Refreshed{List: id, Generation: generation}
	c := lists.Event{Action: "refresh", Outcome: "done", At: r.l.now().UTC(), By: r.o.By, List: id, Generation: generation}
	if v != nil {
		out.Version, c.Version, c.SHA256 = v.Number, v.Number, v.SHA256
	}
	status.Running = false
	switch {
	case err == nil:
		status.LastSuccess, status.Failures, status.LastError, status.NotBefore = c.At, 0, "", time.Time{}
		out.Outcome, out.Detail = status.Outcome, status.Detail
		if v != nil && out.Outcome != lists.RefreshUnchanged {
			out.Warnings = v.Warnings
		}
		c.Reason = string(status.Outcome) + ": " + status.Detail
	case ctx.Err() != nil: // the process ends, or the lease is lost: the list stays due
		status = before
		out.Outcome, out.Error = lists.RefreshFailed, "given up"
		c.Outcome, c.Error = "failed", out.Error
	default:
		status.Failures++
		status.Outcome, status.Detail, status.LastError, status.NotBefore = lists.RefreshFailed, "", lists.PlainText(err.Error()), time.Time{}
		var failed *fetch.Error
		if errors.As(err, &failed) && failed.RetryAfter > 0 {
			status.NotBefore = c.At.Add(failed.RetryAfter)
		}
		out.Outcome, out.Error = lists.RefreshFailed, status.LastError
		c.Outcome, c.Error = "failed", status.LastError
	}
	out.Next = nextRefresh(settings, &status)
	if err := r.l.ledger.Recorder.Record(c); err != nil {
		r.l.log.Error("a refresh was not recorded in the journal", "list", id, "error", err)
	}
	if err := r.storeStatus(ctx, id, begun, status); err != nil {
		r.l.log.Error("the status of a refresh was not stored", "list", id, "error", err)
	}
	return out
}

// storeStatus stores the result of the attempt that began at a time, even if ctx has ended. It stores nothing if a newer attempt has begun: then
// the lease was lost.
func (r *Refresher) storeStatus(ctx context.Context, list string, begun time.Time, status lists.Refresh) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	held, revision, err := r.l.refreshStatus(ctx, list)
	if err != nil || !held.LastAttempt.Equal(begun) {
		return err
	}
	return r.l.store.Commit(ctx, lists.Put(lists.DocRefresh(list), status, revision))
}

// attempt fetches a list, stages and activates it. It fills in the parts of status that describe the source and the outcome.
func (r *Refresher) attempt(ctx context.Context, settings *lists.List, status *lists.Refresh) (v *lists.Version, generation int, err error) {
	defer func() { // bytes on which a reader panics must not end the process
		if p := recover(); p != nil {
			r.l.log.Error("a refresh panicked", "list", settings.ID, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = fault.E(fault.Internal, "the refresh failed; the log has the details")
		}
	}()
	source, digest := *settings.Source, digestOf(settings.Source.URL)
	if status.URLSHA256 != digest { // the source has changed: what the old one sent does not count
		status.URLSHA256, status.ETag, status.LastModified, status.SHA256, status.Version = digest, "", "", "", 0
	}
	known, err := r.known(ctx, settings, status)
	if err != nil {
		return nil, 0, err
	}
	o := r.o.Fetch
	if known != nil {
		o.ETag, o.LastModified = status.ETag, status.LastModified
	}
	if r.o.Progress != nil {
		o.Progress = func(bytes, of int64) { r.o.Progress(settings.ID, bytes, of, 0) }
	}
	fetching, span := spans.Start(ctx, "fetch")
	d, err := r.download(fetching, &source, known, o)
	spans.End(span, err)
	if err != nil {
		return nil, 0, err
	}
	defer d.Close()
	if !d.NotModified {
		if err := verify(ctx, &source, d, o); err != nil {
			return nil, 0, err
		}
	}
	if d.NotModified || known != nil && d.SHA256 == status.SHA256 {
		status.ETag, status.LastModified = d.ETag, d.LastModified
		return r.nothingNew(ctx, known, status)
	}
	archive, err := r.archive(ctx, settings.ID, &source)
	if err != nil {
		return nil, 0, err
	}
	var unread error
	if archive != nil {
		unread = archive.beforeStaging(ctx)
	}
	stage := StageOptions{Format: source.Format, By: lists.Person(r.o.By), SourceBy: source.By, Approver: true, Note: "refreshed from its source"}
	if r.o.Progress != nil {
		stage.Progress = func(rows int) { r.o.Progress(settings.ID, d.SizeBytes, d.SizeBytes, rows) }
	}
	if v, err = r.l.Stage(ctx, settings.ID, []Upload{{Name: d.Name, Body: d}}, stage); err != nil {
		return nil, 0, err
	}
	status.ETag, status.LastModified, status.SHA256, status.Version = d.ETag, d.LastModified, d.SHA256, v.Number
	if v.State != lists.Staged { // the same bytes are active already, from another upload
		return r.nothingNew(ctx, v, status)
	}
	if archive != nil {
		if err := r.secondOpinion(ctx, archive, unread, v); err != nil {
			return v, 0, err
		}
	}
	return r.activate(ctx, v, status)
}

// deltaArchive returns where the delta files of a source are; nil if it names none.
func deltaArchive(source *lists.Source) *url.URL {
	u, err := url.Parse(source.URL)
	if err != nil {
		return nil
	}
	if name, value := fetch.Instruction(u); name == "deltas" {
		return &url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host, Path: value}
	}
	return nil
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// known reads the version that was made from the last file of the source. It returns nil if there is none, or if the same bytes would be read
// in another way today. A version that a person has rejected or rolled back stays known, so that a refresh does not activate it again.
func (r *Refresher) known(ctx context.Context, settings *lists.List, status *lists.Refresh) (*lists.Version, error) {
	if status.Version == 0 {
		return nil, nil
	}
	v, err := r.l.Version(ctx, settings.ID, status.Version)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case (v.State == lists.Activated || v.State == lists.Staged) && !sameReading(v, readingOf(settings, &StageOptions{Format: settings.Source.Format})):
		return nil, nil
	}
	return v, nil
}

// verify compares a download with the digest that is published for it.
func verify(ctx context.Context, source *lists.Source, d *fetch.Download, o fetch.Options) error {
	want := strings.ToLower(source.SHA256)
	if source.SHA256URL != "" {
		var err error
		if want, err = fetch.Digest(ctx, source.SHA256URL, d.Name, o); err != nil {
			return err
		}
	}
	if want != "" && want != d.SHA256 {
		return fault.E(fault.Invalid, "the file's SHA-256 is %s, but the published one is %s: the file is not the one that was published", d.SHA256, want)
	}
	return nil
}

// nothingNew decides what follows from bytes that version v was made from.
func (r *Refresher) nothingNew(ctx context.Context, v *lists.Version, status *lists.Refresh) (*lists.Version, int, error) {
	settings, _, err := r.l.List(ctx, v.List)
	if err != nil {
		return nil, 0, err
	}
	base, _, err := r.base(ctx, settings)
	if err != nil {
		return nil, 0, err
	}
	if base != nil && slices.Equal(base.Sources, v.Sources) {
		if err := r.l.markFresh(ctx, v.List, r.l.now().UTC()); err != nil {
			return nil, 0, err
		}
		status.Outcome, status.Detail = lists.RefreshUnchanged, fmt.Sprintf("version %d is what the publisher has", settings.Active)
		return v, 0, nil
	}
	switch v.State {
	case lists.Staged:
		v, generation, err := r.activate(ctx, v, status)
		if err == nil && generation == 0 {
			status.Outcome = lists.RefreshWaiting
		}
		return v, generation, err
	case lists.Rejected:
		status.Detail = fmt.Sprintf("version %d was rejected, and the publisher has nothing newer", v.Number)
	default:
		status.Detail = fmt.Sprintf("version %d is no longer active, and the publisher has nothing newer", v.Number)
	}
	status.Outcome = lists.RefreshWaiting
	return v, 0, nil
}

// base returns the whole list that the active version is based on. changed: something was added to it or removed by hand.
func (r *Refresher) base(ctx context.Context, settings *lists.List) (base *lists.Version, changed bool, err error) {
	active, err := r.l.activeVersion(ctx, settings)
	if err != nil || active == nil {
		return nil, false, err
	}
	base, err = r.l.wholeList(ctx, active)
	return base, base != active, err
}

// activate activates a staged version, if that needs no person. Otherwise the generation is 0 and the status says why.
func (r *Refresher) activate(ctx context.Context, v *lists.Version, status *lists.Refresh) (*lists.Version, int, error) {
	why, err := r.needsPerson(ctx, v)
	if err != nil {
		return v, 0, err
	}
	if why == "" {
		g, err := r.l.Activate(ctx, v.List, v.Number, ActivateOptions{By: lists.Person(r.o.By)})
		if err == nil {
			status.Outcome, status.Detail = lists.RefreshActivated, fmt.Sprintf("version %d is active as generation %d", v.Number, g.Number)
			if n := v.Rows.Quarantined; n > 0 {
				status.Detail += fmt.Sprintf("; %d of %d rows were not read, and an address in them is not screened", n, v.Rows.Read)
			}
			return v, g.Number, nil
		}
		if !fault.Is(err, fault.Conflict) { // a person has just changed the list
			return v, 0, err
		}
		why = err.Error()
	}
	status.Outcome, status.Detail = lists.RefreshStaged, fmt.Sprintf("version %d waits: %s", v.Number, why)
	return v, 0, nil
}

// needsPerson returns what a person must do or decide before a staged version is activated; "" for nothing. A refresh never undoes what people
// have done to the list.
func (r *Refresher) needsPerson(ctx context.Context, v *lists.Version) (string, error) {
	settings, _, err := r.l.List(ctx, v.List) // read again: it may have changed during the download
	if err != nil {
		return "", err
	}
	_, changed, err := r.base(ctx, settings)
	switch {
	case err != nil:
		return "", err
	case settings.Approvals > 0:
		return fmt.Sprintf("it has %d of %d approvals", len(v.Approvals), settings.Approvals), nil
	case settings.Active != 0 && v.Diff.Against != settings.Active:
		return "something else has become active since it was staged", nil
	case changed:
		return "it would undo what was added or removed by hand", nil
	case len(v.Guards) > 0:
		return "its guard asks for a reason: " + v.Guards[0].Code + ": " + v.Guards[0].Detail, nil
	case settings.Active != 0:
		return "", nil
	}
	all, err := r.l.Versions(ctx, v.List)
	if slices.ContainsFunc(all, func(x lists.Version) bool { return x.State == lists.Superseded }) {
		return "the list was retired", err
	}
	return "", err
}

// refreshStatus reads the status of refreshing a list. It is empty, with revision 0, if the list was never refreshed.
func (r *Reader) refreshStatus(ctx context.Context, list string) (lists.Refresh, uint64, error) {
	s, revision, err := lists.Read[lists.Refresh](ctx, r.store, lists.DocRefresh(list))
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return s, revision, err
}

// RefreshStatus returns the status of refreshing a list, and when it is due next (nil: only when it is named). The status is nil if the list was
// never refreshed.
func (r *Reader) RefreshStatus(ctx context.Context, settings *lists.List) (status *lists.Refresh, next *time.Time, err error) {
	s, revision, err := r.refreshStatus(ctx, settings.ID)
	if err != nil || revision == 0 || s.LastAttempt.IsZero() {
		return nil, nil, err
	}
	return &s, nextRefresh(settings, &s), nil
}

// firstRetry is how long after its first failure a list is tried again. Each further failure doubles it, up to the interval of the list.
const firstRetry = 15 * time.Minute

// nextRefresh returns when a list is due; nil: only when it is named.
func nextRefresh(settings *lists.List, s *lists.Refresh) *time.Time {
	if settings.Source == nil || settings.Source.Every <= 0 {
		return nil
	}
	if s.URLSHA256 != "" && s.URLSHA256 != digestOf(settings.Source.URL) {
		return &s.LastAttempt // the source has changed: at once
	}
	wait, failures := settings.Source.Every, s.Failures
	if s.Running {
		failures++
	}
	if failures > 0 {
		wait = min(wait, firstRetry<<min(failures-1, 10))
	}
	next := s.LastAttempt.Add(wait)
	if s.NotBefore.After(next) {
		next = s.NotBefore
	}
	return &next
}

// minEvery is the shortest interval: a typing error must not flood a publisher with requests.
const minEvery = time.Minute

var hexSHA256 = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)

// checkInstruction returns what is wrong with the instruction in the URL of a source.
func checkInstruction(s *lists.Source) error {
	u, err := url.Parse(s.URL)
	if err != nil {
		return fault.E(fault.Invalid, "source.url: not a URL")
	}
	name, value := fetch.Instruction(u)
	switch name {
	case "link":
		if _, err := path.Match(value, ""); err != nil {
			return fault.E(fault.Invalid, "source.url: link=%s is not a pattern such as register*.xlsx", address.Quote(value))
		}
	case "events":
		if _, err := events.Named(value); err != nil {
			return fault.E(fault.Invalid, "source.url: events: %w", err)
		}
		if s.Format != events.Format {
			return fault.E(fault.Invalid, "source.format: events of a token are read as %s", events.Format)
		}
	case "deltas":
		if !strings.HasPrefix(value, "/") || strings.HasPrefix(value, "//") {
			return fault.E(fault.Invalid, "source.url: deltas=%s is not a path on the same server", address.Quote(value))
		}
	}
	return nil
}

// checkSource returns what is wrong with a source. The error does not have the URL, which may hold a password.
func checkSource(s *lists.Source) error {
	if s == nil {
		return nil
	}
	for field, raw := range map[string]string{"url": s.URL, "sha256_url": s.SHA256URL} {
		if field == "sha256_url" && raw == "" {
			continue
		}
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || len(raw) > 2000 {
			return fault.E(fault.Invalid, "source.%s: must be an http or https URL of at most 2000 bytes", field)
		}
		// User, password and query are never shown. They may hold what the publisher wants, but no key of a wallet.
		if address.HoldsSecret(u.Hostname()) || address.HoldsSecret(u.Path) || address.HoldsSecret(u.Fragment) || address.ContainsSecret(raw) {
			return fault.E(fault.Invalid, "source.%s: holds what looks like a private key, a seed or an API key", field)
		}
	}
	if err := checkInstruction(s); err != nil {
		return err
	}
	switch {
	case s.Format != "" && !formats.Known(s.Format):
		return fault.E(fault.Invalid, "source.format: %s is not one of auto, %s", address.Quote(s.Format), strings.Join(formats.Names(), ", "))
	case s.Every != 0 && s.Every < minEvery:
		return fault.E(fault.Invalid, "source.every: must be at least %s, or empty to refresh only when named", minEvery)
	case s.SHA256 != "" && s.SHA256URL != "":
		return fault.E(fault.Invalid, "source: set sha256 or sha256_url, not both")
	case s.SHA256 != "" && !hexSHA256.MatchString(s.SHA256):
		return fault.E(fault.Invalid, "source.sha256: must be 64 hexadecimal digits")
	}
	return nil
}
