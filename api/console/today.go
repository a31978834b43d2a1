package console

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"interdict/api/auth"
	"interdict/api/client"
)

func (c *Console) addToday() {
	c.staff("GET /console/{$}", (*page).today)
}

// day is what the first page shows. Parts that cannot be read have an error instead, so that the others are seen.
type day struct {
	Lists      []client.List
	Active     int // lists that answer checks
	Queue      *queue
	QueueError string

	Problems   []client.ReadinessCheck // of the server that answers
	Record     string                  // about the disk of the record; "": not known
	ReadyError string

	Replicas      *client.Replicas
	ReplicasError string

	Work      *work // nil: the person may not see it
	WorkError string

	Traffic      *traffic // nil: the person may not see it
	TrafficError string
}

// work is what hits and look-backs have left to do.
type work struct {
	Queues   []caseQueue // exact, derived, suspected
	New      int         // cases that no one has taken
	LookBack *client.LookBack
}

// caseQueue is how many open cases one queue has.
type caseQueue struct {
	Name string
	Open int
}

// traffic is how many checks were answered.
type traffic struct {
	AsOf                 time.Time
	Points               []client.TrafficPoint
	Checks, Hits, Errors int64
	Chart                string // rows of [seconds, checks, hits, errors], as JSON
}

// today shows what needs a person. Two of its parts are refreshed by a script.
func (p *page) today() error {
	part := ""
	if p.wantsPart() {
		part = p.text("part")
	}
	d := &day{}
	if part != "now" {
		d.TrafficError = p.readTraffic(d)
	}
	if part == "traffic" {
		return p.part("today", "traffic", d)
	}
	if err := p.now(d); err != nil {
		return err
	}
	if part == "now" {
		return p.part("today", "now", d)
	}
	return p.show("today", "Today", d)
}

// now reads all but the traffic.
func (p *page) now(d *day) (err error) {
	ctx := p.r.Context()
	if d.Lists, err = p.api.Lists(ctx); err != nil {
		return err
	}
	for i := range d.Lists {
		if d.Lists[i].ActiveVersion > 0 {
			d.Active++
		}
	}
	d.Queue, err = p.queueOf(d.Lists, func(l *client.List) bool { return l.LatestVersion > l.ActiveVersion })
	d.QueueError = p.partError(err)

	notices := p.c.o.Notices()
	ready, err := p.api.Ready(ctx)
	if d.ReadyError = p.partError(err); err == nil {
		for _, x := range ready.Checks {
			switch {
			case slices.ContainsFunc(notices, func(n Notice) bool { return n.Check == x.Name }): // it stands on every page
			case strings.HasPrefix(x.Name, "list "): // in the table of lists
			case x.Status != "ok":
				d.Problems = append(d.Problems, x)
			case x.Name == "journal":
				d.Record = x.Detail
			}
		}
	}

	d.Replicas, err = p.api.Replicas(ctx)
	d.ReplicasError = p.partError(err)

	if p.may(auth.Auditor, auth.Analyst, auth.Approver) {
		d.Work, err = p.work()
		d.WorkError = p.partError(err)
	}
	return nil
}

// work counts the open cases.
func (p *page) work() (*work, error) {
	ctx := p.r.Context()
	counts, err := p.api.CaseCounts(ctx, client.CaseQuery{})
	if err != nil {
		return nil, err
	}
	w := &work{New: counts.States.New}
	for _, queue := range caseQueues {
		w.Queues = append(w.Queues, caseQueue{queue, counts.Queues.Of(queue)})
	}
	if p.may(auth.Auditor, auth.Approver) {
		alerts, err := p.api.Alerts(ctx, client.AlertQuery{Limit: 1})
		if err != nil {
			return nil, err
		}
		w.LookBack = alerts.LookBack
	}
	return w, nil
}

// readTraffic reads the checks of the last 24 hours, and returns why it could not.
func (p *page) readTraffic(d *day) string {
	if !p.may(auth.Auditor, auth.Analyst, auth.Approver) {
		return ""
	}
	got, err := p.api.Traffic(p.r.Context(), time.Time{}, time.Time{})
	if err != nil {
		return p.partError(err)
	}
	t := &traffic{AsOf: got.AsOf, Points: got.Points}
	rows := make([][4]int64, len(got.Points))
	for i, x := range got.Points {
		rows[i] = [4]int64{x.At.Unix(), x.Checks, x.Hits, x.Errors}
		t.Checks, t.Hits, t.Errors = t.Checks+x.Checks, t.Hits+x.Hits, t.Errors+x.Errors
	}
	b, err := json.Marshal(rows)
	if err != nil {
		return p.partError(err)
	}
	t.Chart, d.Traffic = string(b), t
	return ""
}

// partError returns the text of an error about a part of a page; "" for none.
func (p *page) partError(err error) string {
	if err == nil {
		return ""
	}
	_, text := p.c.status(p.w, plain(err))
	p.w.Header().Del("Retry-After") // the page itself is there
	return text
}

// Failing are the lists whose source could not be fetched last time.
func (d *day) Failing() (out []client.List) {
	for _, l := range d.Lists {
		if l.SourceStatus != nil && l.SourceStatus.Failures > 0 {
			out = append(out, l)
		}
	}
	return out
}

// Waiting is how many versions wait for a person, without those that a newer one has passed.
func (d *day) Waiting() (n int) {
	for i := range d.Queue.Versions {
		if !d.Queue.Versions[i].Passed {
			n++
		}
	}
	return n
}

// Suppressions is how many suppressions wait.
func (d *day) Suppressions() (n int) {
	for i := range d.Queue.Proposals {
		if d.Queue.Proposals[i].Kind == "suppress" {
			n++
		}
	}
	return n
}

// Changes is how many other changes wait.
func (d *day) Changes() int { return len(d.Queue.Proposals) - d.Suppressions() }

// Quiet reports whether nothing has failed.
func (d *day) Quiet() bool {
	return len(d.Problems) == 0 && d.ReadyError == "" && len(d.Failing()) == 0 && (d.Queue == nil || len(d.Queue.Failed) == 0) &&
		d.LookBackFailure() == ""
}

// LookBackFailure is why looking back failed last, unless the server has told it among its problems; "" if it did not.
func (d *day) LookBackFailure() string {
	if d.Work == nil || d.Work.LookBack == nil {
		return ""
	}
	failure := d.Work.LookBack.Failure
	for _, x := range d.Problems {
		if failure != "" && strings.Contains(x.Detail, failure) {
			return ""
		}
	}
	return failure
}
