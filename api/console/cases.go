package console

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

const (
	// casesPerPage is how many cases a page shows.
	casesPerPage = 50
	// caseReads is how many pages of the API one page reads at most: those of the API can have fewer cases than asked for.
	caseReads = 10
)

// Values of the filter for who has a case, beside names of people.
const (
	takenByMe     = "@me"
	takenByNobody = "@nobody"
)

func (c *Console) addCases() {
	c.staff("GET /console/cases", (*page).cases)
	c.staff("POST /console/cases", (*page).bulkCases)
	c.staff("GET /console/cases/{id}", (*page).theCase)
	c.staff("POST /console/cases/{id}", (*page).workOnCase)
	c.staff("POST /console/cases/{id}/attachments", (*page).attach)
	c.staff("GET /console/cases/{id}/attachments/{n}", (*page).attachment)
}

// casesData is what the queue of cases shows.
type casesData struct {
	Filter  caseFilter
	Tabs    []caseTab
	States  []string
	Lists   []client.List
	Takers  []string // people who have cases, for the filter
	Rows    []caseRow
	Next    string // address of the next page
	Here    string // address of this page
	Results []bulkResult
	Done    int // of the results
	Bulk    int // how many cases one change can have
}

// caseFilter is what the filter of the queue has.
type caseFilter struct{ State, Kind, TakenBy, List string }

// caseTab is one queue with the number of cases that the filter finds in it.
type caseTab struct {
	Queue   string // "": all queues
	Link    string
	Count   *int // nil: cases that are resolved are not counted
	Current bool
}

type caseRow struct {
	client.Case
	DueIn dueIn
}

// bulkResult is the result for one case.
type bulkResult struct {
	ID   string
	Case *client.Case // nil: it could not be read
	Why  string       // why it failed; "": it did not
}

// caseQueues are the queues, the strongest matches first.
var caseQueues = []string{"exact", "derived", "suspected"}

var caseStates = []string{"open", "new", "investigating", "waiting", "resolved", "all"}

// cases shows the queue.
func (p *page) cases() error {
	data, err := p.caseQueue()
	switch {
	case fault.Is(err, fault.Invalid) && data != nil:
		return p.showWrong("cases", "Cases", data, err)
	case err != nil:
		return err
	}
	return p.show("cases", "Cases", data)
}

// caseQuery returns what the filter asks of the API.
func (p *page) caseQuery(f caseFilter) client.CaseQuery {
	q := client.CaseQuery{State: f.State, Kind: f.Kind, TakenBy: f.TakenBy, List: f.List}
	switch f.TakenBy {
	case takenByMe:
		q.TakenBy = p.who.Actor.Person
	case takenByNobody: // the case is new, whatever state was chosen
		q.State, q.TakenBy = "new", ""
	}
	return q
}

// caseQueue reads the cases that the query of the page selects. If the filter is wrong, it returns the error and a page without cases.
func (p *page) caseQueue() (*casesData, error) {
	in := p.r.URL.Query()
	d := &casesData{Filter: caseFilter{State: cmp.Or(in.Get("state"), "open"), Kind: in.Get("kind"), TakenBy: in.Get("taken_by"), List: in.Get("list")},
		States: caseStates, Here: p.link(), Bulk: client.MaxBulk}
	var err error
	if d.Lists, err = p.api.Lists(p.r.Context()); err != nil {
		return nil, err
	}
	if name := d.Filter.TakenBy; name != "" && name != takenByMe && name != takenByNobody {
		d.Takers = []string{name}
	}
	q := p.caseQuery(d.Filter)
	counts, err := p.countCases(q)
	if err != nil {
		return d, err
	}
	for _, queue := range append([]string{""}, caseQueues...) {
		tab := caseTab{Queue: queue, Link: p.link("queue", queue, "cursor", ""), Current: in.Get("queue") == queue}
		if counts != nil {
			n := counts.Total
			if queue != "" {
				n = counts.Queues.Of(queue)
			}
			tab.Count = &n
		}
		d.Tabs = append(d.Tabs, tab)
	}
	if counts != nil {
		for name := range counts.TakenBy {
			if !slices.Contains(d.Takers, name) {
				d.Takers = append(d.Takers, name)
			}
		}
	}
	slices.Sort(d.Takers)
	q.Queue, q.Cursor = in.Get("queue"), in.Get("cursor")
	rows, cursor, err := p.readCases(q, casesPerPage)
	if err != nil {
		return d, err
	}
	for i := range rows {
		d.Rows = append(d.Rows, caseRow{rows[i], dueOf(&rows[i], time.Now())})
	}
	if cursor != "" {
		d.Next = p.link("cursor", cursor)
	}
	return d, nil
}

// countCases counts the cases that a query selects; nil: it is about resolved ones, which are too many to count for a page.
func (p *page) countCases(q client.CaseQuery) (*client.CaseCounts, error) {
	if q.State == "resolved" || q.State == "all" {
		return nil, nil
	}
	return p.api.CaseCounts(p.r.Context(), q)
}

// readCases reads up to so many cases, and the cursor of those after them.
func (p *page) readCases(q client.CaseQuery, most int) (all []client.Case, cursor string, err error) {
	for range caseReads {
		q.Limit = most - len(all)
		got, err := p.api.Cases(p.r.Context(), q)
		if err != nil {
			return nil, "", err
		}
		all, q.Cursor = append(all, got.Cases...), got.Cursor
		if q.Cursor == "" || len(all) >= most {
			break
		}
	}
	return all, q.Cursor, nil
}

// bulkCases makes the same change of all chosen cases, and shows the result of each.
func (p *page) bulkCases() error {
	in := client.CaseBulk{IDs: p.form()["ids"], Do: p.text("do"), Reason: p.text("reason")}
	if in.Do == "recommend" || in.Do == "resolve" {
		in.Outcome = p.text("outcome")
	}
	var results []client.CaseResult
	var err error
	switch {
	case len(in.IDs) == 0:
		err = fault.E(fault.Invalid, "Choose at least one case.")
	case in.Do == "":
		err = fault.E(fault.Invalid, "do: choose what to do")
	case in.Do != "take" && in.Do != "recommend" && in.Do != "resolve":
		err = fault.E(fault.Invalid, "do: this cannot be done with many cases here")
	default:
		results, err = p.api.BulkCases(p.r.Context(), in)
	}
	data, failed := p.caseQueue()
	switch {
	case failed != nil && data == nil:
		return cmp.Or(err, failed)
	case err != nil:
		return p.showWrong("cases", "Cases", data, err)
	}
	form := url.Values{}
	for _, r := range results {
		out := bulkResult{ID: r.ID, Case: r.Case}
		if len(r.Error) > 0 {
			if out.Why, err = p.whyFailed(r.Error); err != nil {
				return err
			}
			if out.Case, err = p.api.Case(p.r.Context(), r.ID); fault.Is(err, fault.Unauthorized) {
				return err
			}
			form.Add("ids", r.ID)
		} else {
			data.Done++
		}
		data.Results = append(data.Results, out)
	}
	p.render(http.StatusOK, "cases", view{Title: "Cases", Data: data, Form: form})
	return nil
}

// whyFailed returns the text of a problem of the API.
func (p *page) whyFailed(problem json.RawMessage) (string, error) {
	e := &client.Error{}
	if err := json.Unmarshal(problem, e); err != nil {
		return "", fault.E(fault.Unavailable, "a problem of the API cannot be read: %w", err)
	}
	_, text := p.c.status(p.w, plain(e))
	return text, nil
}

// dueIn is how far the last day for a report is.
type dueIn struct {
	Day   time.Time // zero: nothing is due
	Left  int       // days from today, in UTC
	Ended bool      // the case is resolved: the day is only shown
}

// dueSoon is for how many days before its last day a report is marked.
const dueSoon = 3

// Over reports whether the last day has passed.
func (d dueIn) Over() bool { return !d.Ended && d.Left < 0 }

// Soon reports whether the last day is near.
func (d dueIn) Soon() bool { return !d.Ended && d.Left >= 0 && d.Left <= dueSoon }

// Past is how many days ago the last day was.
func (d dueIn) Past() int { return -d.Left }

func dueOf(c *client.Case, now time.Time) dueIn {
	day, err := time.Parse(time.DateOnly, c.Due)
	if err != nil { // nothing is due
		return dueIn{}
	}
	today := now.UTC().Truncate(24 * time.Hour)
	return dueIn{Day: day, Left: int(day.Sub(today) / (24 * time.Hour)), Ended: c.Resolved != nil && c.Resolved.Outcome != "release"}
}

// dueRule returns the event whose report is due: blocked, rejected or unblocked.
func dueRule(c *client.Case) string {
	was, is := c.Told.Action, c.Told.Action
	if c.Before != nil {
		was = c.Before.Action
	}
	if c.Now != nil {
		is = c.Now.Action
	}
	switch {
	case c.Due == "":
		return ""
	case c.Resolved != nil && c.Resolved.Outcome == "release", (c.Cause == "weaker" || c.Cause == "delisted") && was == string(lists.Freeze):
		return "unblocked"
	case is == string(lists.Freeze):
		return "blocked"
	}
	return "rejected"
}

// caseWork says which forms the page of a case offers. The API has the rules; these only spare people forms that it would refuse.
type caseWork struct {
	Works     bool // the person has a role for it
	Mine      bool // the person has the case
	Others    bool // another person has it
	TakeOver  bool
	Resolve   bool
	OwnAdvice bool // the person recommended the outcome, which needs another one then
}

func (p *page) workOf(c *client.Case) (w caseWork, err error) {
	person := p.who.Actor.Person
	approves := p.may(auth.Approver)
	w.Works = p.may(auth.Analyst, auth.Approver)
	w.Mine = c.TakenBy != "" && lists.SamePerson(c.TakenBy, person)
	w.Others = c.TakenBy != "" && !w.Mine
	w.TakeOver = w.Others && approves
	w.Resolve = approves && (!w.Others || c.Recommendation != nil)
	if w.Resolve && c.Recommendation != nil && lists.SamePerson(c.Recommendation.By, person) {
		me, err := p.api.Me(p.r.Context())
		if err != nil {
			return w, err
		}
		w.OwnAdvice = me.FourEyes != "off"
		w.Resolve = !w.OwnAdvice
	}
	return w, nil
}
