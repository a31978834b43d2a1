package console

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

// suppressionsPerPage is how many suppressions a page shows.
const suppressionsPerPage = 100

func (c *Console) addSuppressions() {
	c.staff("GET /console/suppressions", (*page).suppressions)
	c.staff("POST /console/suppressions", (*page).changeSuppressions)
}

// exceptions are the suppressions of all lists.
type exceptions struct {
	Lists  []client.List // that may have some
	States []lists.SuppressionState
	Rows   []exception
	Total  int
	Next   string
	Until  string // suggested last day
	Most   string // last day that can be chosen
	// FilterList, FilterState and FilterText are what is shown.
	FilterList, FilterState, FilterText string
}

// exception is a suppression.
type exception struct {
	client.Suppression
	ListName string
	Own      bool // the person proposed it
}

var suppressionStates = []lists.SuppressionState{lists.Proposed, lists.InForce, lists.Ended, lists.Expired, lists.Withdrawn}

// suppressions shows the suppressions of all lists.
func (p *page) suppressions() error {
	x, err := p.exceptions()
	if err != nil {
		return err
	}
	return p.show("suppressions", "Suppressions", x)
}

// changeSuppressions proposes a suppression, or decides on one.
func (p *page) changeSuppressions() error {
	ctx, list, id, reason := p.r.Context(), p.text("list"), p.text("id"), p.text("reason")
	said, err := "", error(nil)
	switch p.text("do") {
	case "approve":
		said = "The suppression is in force."
		_, err = p.api.ApproveSuppression(ctx, list, id, reason)
	case "withdraw":
		said = "You have taken the suppression back."
		_, err = p.api.RejectProposal(ctx, id, reason)
	case "reject":
		said = "The suppression was sent back."
		if err = p.need("reason"); err == nil {
			_, err = p.api.RejectSuppression(ctx, list, id, reason)
		}
	case "end":
		said = "The suppression has ended: the list decides again."
		if err = p.need("reason"); err == nil {
			_, err = p.api.EndSuppression(ctx, list, id, reason)
		}
	default:
		said = "The suppression is proposed. It suppresses nothing until another person approves it."
		err = p.proposeSuppression()
	}
	if err == nil {
		return p.done("/console/suppressions", said)
	}
	x, failed := p.exceptions()
	if failed != nil {
		return failed
	}
	return p.showWrong("suppressions", "Suppressions", x, err)
}

func (p *page) proposeSuppression() error {
	for _, field := range []string{"list", "address", "until", "reason"} {
		if err := p.need(field); err != nil {
			return err
		}
	}
	until, err := p.lastDay("until")
	if err != nil {
		return err
	}
	_, err = p.api.ProposeSuppression(p.r.Context(), p.text("list"), client.SuppressionRequest{Address: p.text("address"), Network: p.text("network"), Reason: p.text("reason"), Until: *until})
	if fault.Is(err, fault.InvalidAddress) || fault.Is(err, fault.UnsupportedNetwork) {
		err = fault.E(fault.Invalid, "address: %w", plain(err))
	}
	return err
}

// exceptions reads the suppressions of all lists and filters them.
func (p *page) exceptions() (*exceptions, error) {
	ctx := p.r.Context()
	all, err := p.api.Lists(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	q := p.r.URL.Query()
	x := &exceptions{States: suppressionStates, Until: now.AddDate(0, 0, 30).Format(time.DateOnly), Most: now.Add(lists.MaxSuppressionTime).AddDate(0, 0, -1).Format(time.DateOnly),
		FilterList: q.Get("list"), FilterState: q.Get("state"), FilterText: strings.TrimSpace(q.Get("text"))}
	for i := range all {
		l := &all[i]
		if l.ActiveVersion > 0 && !l.Mandatory {
			x.Lists = append(x.Lists, *l)
		}
		if x.FilterList != "" && x.FilterList != l.ID {
			continue
		}
		of, err := p.api.Suppressions(ctx, l.ID)
		if err != nil {
			return nil, err
		}
		for _, s := range of {
			if x.shows(&s) {
				x.Rows = append(x.Rows, exception{s, l.Name, lists.SamePerson(s.ProposedBy, p.who.Actor.Person)})
			}
		}
	}
	slices.SortStableFunc(x.Rows, func(a, b exception) int {
		if n := slices.Index(suppressionStates, a.State) - slices.Index(suppressionStates, b.State); n != 0 {
			return n
		}
		return b.ProposedAt.Compare(a.ProposedAt)
	})
	x.Total = len(x.Rows)
	from, _ := strconv.Atoi(q.Get("cursor")) // anything else begins at the start
	from = min(max(from, 0), len(x.Rows))
	to := min(from+suppressionsPerPage, len(x.Rows))
	if to < len(x.Rows) {
		x.Next = p.link("cursor", strconv.Itoa(to))
	}
	x.Rows = x.Rows[from:to]
	return x, nil
}

// shows reports whether the filter lets a suppression pass.
func (x *exceptions) shows(s *client.Suppression) bool {
	if x.FilterState != "" && x.FilterState != string(s.State) {
		return false
	}
	text := strings.ToLower(x.FilterText)
	return text == "" || strings.Contains(strings.ToLower(s.Address+"\n"+s.Reason+"\n"+s.ProposedBy), text)
}
