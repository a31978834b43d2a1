package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

func (c *Console) addLookup() {
	c.staff("GET /console/lookup", (*page).lookup)
	c.staff("GET /console/lookup/many", (*page).manyForm)
	c.staff("POST /console/lookup/many", (*page).many)
}

// earlierChecks is how many earlier checks a look-up shows.
const earlierChecks = 20

// lookupData is what the page of a look-up shows. Without an answer, Failed says why; without both, nothing was asked.
type lookupData struct {
	Address, Network string
	Answer           *client.Answer
	Actions          actions
	Lists            []client.List // that are active, and that the person may read
	Failed           *client.Error
	Hidden           bool // the text looks like a secret and is not shown

	History      *client.AddressHistory
	Related      []client.RelatedAddress
	HistoryWrong string
	Suppressions []client.Suppression
	Wrong        string // why suppressions could not be read
	Earlier      *client.AuditPage
	EarlierWrong string
	Past         *pastLookup
}

// pastLookup is what a look-up would have been answered at an earlier time.
type pastLookup struct {
	At     time.Time
	Answer *client.Answer
	Failed string
}

// lookup looks an address up.
func (p *page) lookup() error {
	data := &lookupData{Address: p.text("address"), Network: p.text("network")}
	if data.Address == "" {
		return p.show("lookup", "Look up an address", data)
	}
	var err error
	if data.Answer, err = p.api.Lookup(p.r.Context(), data.Address, data.Network); err != nil {
		return p.showNoAnswer(data, err)
	}
	all, err := p.api.Lists(p.r.Context())
	if err != nil {
		data.Wrong = "The settings of the lists could not be read: " + err.Error()
	}
	data.Lists = slices.DeleteFunc(slices.Clone(all), func(l client.List) bool { return l.ActiveVersion == 0 })
	data.Actions = policiesOf(all).actions(data.Answer)
	p.addSuppressions(data)
	p.addAround(data)
	if err := p.addPast(data); err != nil {
		return p.showWrong("lookup", "Look-up", data, err)
	}
	return p.show("lookup", "Look-up", data)
}

// showNoAnswer shows why an address has got no answer. It has the status that the API gave.
func (p *page) showNoAnswer(data *lookupData, err error) error {
	if data.Failed = noAnswer(err); data.Failed == nil {
		return err
	}
	v := view{Title: "Look-up", Data: data}
	if data.Failed.Reason == "secret_material" {
		data.Hidden, data.Address, v.Form = true, "", map[string][]string{"network": {data.Network}}
	}
	p.render(data.Failed.Status, "lookup", v)
	return nil
}

// noAnswer returns why a check has no answer; nil if the person may not ask at all.
func noAnswer(err error) *client.Error {
	var failed *client.Error
	switch {
	case fault.Is(err, fault.Unauthorized), fault.Is(err, fault.Forbidden):
		return nil
	case errors.As(err, &failed):
		return failed
	}
	return &client.Error{Status: http.StatusServiceUnavailable, Detail: err.Error()}
}

// whyNot says why there is no answer, in one line.
func whyNot(e *client.Error) string {
	if e.Code == "" && e.Detail != "" {
		return e.Detail
	}
	return plain(e).Error()
}

// addAround adds what else is known of the address. What cannot be read is said in its place.
func (p *page) addAround(data *lookupData) {
	var err error
	if data.History, err = p.api.History(p.r.Context(), data.Address, data.Network); err != nil {
		data.HistoryWrong = plain(err).Error()
	} else {
		data.Related = relatedOf(data.History)
	}
	if !p.may(auth.Auditor) {
		return
	}
	q := client.AuditQuery{Kind: "check", Address: data.Address, Network: data.Network, Limit: earlierChecks + 1, Newest: true}
	if data.Earlier, err = p.api.Audit(p.r.Context(), q); err != nil {
		data.EarlierWrong = plain(err).Error()
		return
	}
	data.Earlier.Records = slices.DeleteFunc(data.Earlier.Records, func(r client.AuditRecord) bool {
		return data.Answer != nil && r.Check != nil && r.Check.CheckID == data.Answer.CheckID
	})
	if len(data.Earlier.Records) > earlierChecks {
		data.Earlier.Records, data.Earlier.Cursor = data.Earlier.Records[:earlierChecks], "more"
	}
}

// relatedOf returns the related addresses of all readings, each once.
func relatedOf(h *client.AddressHistory) []client.RelatedAddress {
	var out []client.RelatedAddress
	seen := map[[2]string]bool{}
	for _, r := range h.Readings {
		seen[[2]string{r.Network, r.Canonical}] = true
	}
	for _, r := range h.Readings {
		for _, x := range r.Related {
			if at := [2]string{x.Network, x.Canonical}; !seen[at] {
				seen[at] = true
				out = append(out, x)
			}
		}
	}
	return out
}

// addSuppressions adds the suppressions in force of the listings that the answer sets aside.
func (p *page) addSuppressions(data *lookupData) {
	seen := map[string]bool{}
	for _, m := range data.Answer.Suppressed {
		if seen[m.List.ID] {
			continue
		}
		seen[m.List.ID] = true
		all, err := p.api.Suppressions(p.r.Context(), m.List.ID)
		if err != nil {
			data.Wrong = "The suppressions of list " + m.List.ID + " could not be read: " + plain(err).Error()
			continue
		}
		for _, s := range all {
			if s.State == lists.InForce && p.sameAddress(s, data.Answer) {
				data.Suppressions = append(data.Suppressions, s)
			}
		}
	}
}

// sameAddress reports whether a suppression is for the address of an answer. A suppression has the spelling in which it was proposed.
func (p *page) sameAddress(s client.Suppression, a *client.Answer) bool {
	texts := []string{a.Address.Input, a.Address.Canonical}
	for _, m := range a.Suppressed {
		texts = append(texts, m.Listed.Address)
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.EqualFold(text, s.Address) || strings.HasSuffix(s.Address, ":"+text)
	})
}

// addPast adds what would have been answered at the time that the form names.
func (p *page) addPast(data *lookupData) error {
	text := p.text("at")
	if text == "" {
		return nil
	}
	at, err := timeField("at", text)
	if err != nil {
		return err
	}
	data.Past = &pastLookup{At: at}
	if data.Past.Answer, err = p.api.LookupAt(p.r.Context(), data.Address, data.Network, at); err != nil {
		if fault.Is(err, fault.Unauthorized) {
			return err
		}
		data.Past.Failed = plain(err).Error()
	}
	return nil
}

// timeField reads a field with a time in UTC.
func timeField(name, text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05", time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.E(fault.Invalid, "%s: write a time such as 2026-11-01 12:00, in UTC", name)
}

// actions are what a check of a transfer would be answered. Unknown are the lists with a match whose policies the person may not read.
type actions struct {
	Deposit, Withdrawal lists.Action
	Unknown             []string
}

// policies are the policies of lists, by their ids.
type policies map[string]lists.Policy

func policiesOf(all []client.List) policies {
	out := policies{}
	for _, l := range all {
		out[l.ID] = l.Policy
	}
	return out
}

// actions applies the policies to the matches of a look-up.
func (p policies) actions(a *client.Answer) actions {
	out := actions{Deposit: lists.Allow, Withdrawal: lists.Allow}
	for _, m := range a.Matches {
		policy, ok := p[m.List.ID]
		if !ok {
			if !slices.Contains(out.Unknown, m.List.ID) {
				out.Unknown = append(out.Unknown, m.List.ID)
			}
			continue
		}
		out.Deposit = lists.Stricter(out.Deposit, policy.Action(m.Category, m.Confidence, m.Class, lists.Deposit))
		out.Withdrawal = lists.Stricter(out.Withdrawal, policy.Action(m.Category, m.Confidence, m.Class, lists.Withdrawal))
	}
	if len(out.Unknown) > 0 { // one of them may ask for more
		out.Deposit, out.Withdrawal = "", ""
	}
	return out
}
