package console

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

const (
	// earlierOfCase is how many earlier checks of its address the page of a case shows.
	earlierOfCase = 10
	// suppressedDays is for how many days a suppression is proposed if nothing else is chosen.
	suppressedDays = 90
)

// caseData is what the page of a case shows.
type caseData struct {
	*client.Case
	Given   *client.Answer // what the caller of the check got; nil: the record is not kept any more
	Raw     string         // byte for byte
	Today   *client.Answer // of a look-back: what the check would be answered now
	TodayAt time.Time
	NotNow  *client.Error // why there is no Today, though it was tried

	Due     dueIn
	DueRule string // blocked, rejected, unblocked
	Work    caseWork

	Earlier      []client.CheckRecord
	EarlierMore  bool
	EarlierWrong string

	Suppress *suppressOffer
}

// suppressOffer proposes to set a false positive aside.
type suppressOffer struct {
	Lists  []client.MatchedList // that have the address, without a suppression
	Now    []client.Suppression // proposed or in force for the address
	Reason string
	Until  string // a day
	Most   string
	Wrong  string // why suppressions could not be read
}

// theCase shows one case.
func (p *page) theCase() error {
	data, err := p.readCase()
	if err != nil {
		return err
	}
	return p.show("case", "Case of "+data.Request.Address, data)
}

func (p *page) readCase() (*caseData, error) {
	c, err := p.api.Case(p.r.Context(), p.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	d := &caseData{Case: c, Raw: string(c.Answer), Due: dueOf(c, time.Now()), DueRule: dueRule(c)}
	if len(c.Answer) > 0 {
		if d.Given, _, err = answerOf(c.Answer, nil); err != nil {
			return nil, err
		}
	}
	if now := c.Current; now != nil {
		d.TodayAt = now.At
		if d.Today, d.NotNow, err = answerOf(now.Answer, now.Error); err != nil {
			return nil, err
		}
	}
	if d.Work, err = p.workOf(c); err != nil {
		return nil, err
	}
	if err := p.addEarlier(d); err != nil {
		return nil, err
	}
	return d, p.addSuppressOffer(d)
}

// addEarlier adds the other checks of the address, for those who may read the record.
func (p *page) addEarlier(d *caseData) error {
	if !p.may(auth.Auditor) {
		return nil
	}
	found, err := p.api.Audit(p.r.Context(), client.AuditQuery{Kind: "check", Address: d.Request.Address, Network: d.Request.Network, Limit: earlierOfCase + 2, Newest: true})
	if fault.Is(err, fault.Unauthorized) {
		return err
	}
	if err != nil {
		d.EarlierWrong = plain(err).Error()
		return nil
	}
	for _, r := range found.Records {
		if r.Check != nil && r.Check.CheckID != d.CheckID {
			d.Earlier = append(d.Earlier, *r.Check)
		}
	}
	if len(d.Earlier) > earlierOfCase {
		d.Earlier, d.EarlierMore = d.Earlier[:earlierOfCase], true
	}
	return nil
}

// addSuppressOffer adds the way to spare people the same false positive again.
func (p *page) addSuppressOffer(d *caseData) error {
	decision := d.Resolved
	if decision == nil {
		decision = d.Recommendation
	}
	if decision == nil || decision.Outcome != "false_positive" {
		return nil
	}
	now := time.Now().UTC()
	o := &suppressOffer{Reason: lists.Truncate("False positive, case "+d.ID+": "+decision.Reason, lists.MaxText), Until: now.AddDate(0, 0, suppressedDays).Format(time.DateOnly),
		Most: now.Add(lists.MaxSuppressionTime).AddDate(0, 0, -1).Format(time.DateOnly)}
	d.Suppress = o
	answer := d.Given
	if d.Today != nil {
		answer = d.Today
	}
	if answer == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, m := range slices.Concat(answer.Matches, answer.Suppressed) {
		if seen[m.List.ID] {
			continue
		}
		seen[m.List.ID] = true
		have, err := p.api.Suppressions(p.r.Context(), m.List.ID)
		if fault.Is(err, fault.Unauthorized) {
			return err
		}
		if err != nil {
			o.Wrong = plain(err).Error()
			continue
		}
		found := false
		for _, s := range have {
			if (s.State == lists.Proposed || s.State == lists.InForce) && p.sameAddress(s, answer) {
				o.Now, found = append(o.Now, s), true
			}
		}
		if !found {
			o.Lists = append(o.Lists, m.List)
		}
	}
	return nil
}

// workOnCase does what the form of a case asks for.
func (p *page) workOnCase() error {
	ctx, id, reason := p.r.Context(), p.r.PathValue("id"), p.text("reason")
	var err error
	var said string
	switch p.text("do") {
	case "take":
		said = "You work on this case now."
		_, err = p.api.TakeCase(ctx, id, "")
	case "take_over":
		said = "You have taken the case over."
		if err = p.need("reason"); err == nil {
			_, err = p.api.TakeCase(ctx, id, reason)
		}
	case "release":
		said = "You have given the case back: anyone can take it."
		if err = p.need("reason"); err == nil {
			_, err = p.api.ReleaseCase(ctx, id, reason)
		}
	case "wait":
		said = "The case waits."
		var until *time.Time
		if until, err = p.lastDay("until"); err == nil {
			_, err = p.api.WaitCase(ctx, id, reason, until)
		}
	case "note":
		said = "The note is in the history of the case."
		_, err = p.api.NoteCase(ctx, id, p.text("note"))
	case "recommend":
		said = "Your recommendation is recorded: another person resolves the case."
		_, err = p.api.RecommendCase(ctx, id, p.text("outcome"), reason)
	case "resolve":
		said = "The case is resolved."
		_, err = p.api.ResolveCase(ctx, id, p.text("outcome"), reason)
	case "suppress":
		said, err = "The suppression is proposed. It sets nothing aside until another person approves it.", p.suppressOfCase()
	default:
		return fault.E(fault.Invalid, "The form cannot be read.")
	}
	return p.caseChanged(err, said)
}

// caseChanged shows a case after a change. What was typed for one that failed is kept.
func (p *page) caseChanged(err error, said string) error {
	to := caseLink(p.r.PathValue("id"))
	if err = p.changed(err, to, said); err == nil {
		return nil
	}
	data, failed := p.readCase()
	if failed != nil { // such as no right to see it
		return err
	}
	return p.showWrong("case", "Case of "+data.Request.Address, data, err)
}

func caseLink(id string) string { return "/console/cases/" + url.PathEscape(id) }

// suppressOfCase proposes to set aside what one list says of the address of the case.
func (p *page) suppressOfCase() error {
	for _, field := range []string{"list", "until", "reason"} {
		if err := p.need(field); err != nil {
			return err
		}
	}
	until, err := p.lastDay("until")
	if err != nil {
		return err
	}
	c, err := p.api.Case(p.r.Context(), p.r.PathValue("id"))
	if err == nil {
		_, err = p.api.ProposeSuppression(p.r.Context(), p.text("list"), client.SuppressionRequest{Address: c.Request.Address, Network: c.Request.Network, Reason: p.text("reason"), Until: *until})
	}
	return err
}

// attach adds a file to a case.
func (p *page) attach() error {
	name, content, err := p.oneFile()
	if p.r.PostForm == nil {
		p.r.PostForm = url.Values{}
	}
	p.r.PostForm.Set("do", "attach")
	if err == nil {
		_, err = p.api.AttachToCase(p.r.Context(), p.r.PathValue("id"), name, content)
	}
	return p.caseChanged(err, "The file is attached.")
}

// oneFile reads a form with the file that is to be attached.
func (p *page) oneFile() (name string, content []byte, err error) {
	err = p.upload(func(chosen string, body io.Reader) (err error) {
		if name != "" {
			return fault.E(fault.Invalid, "file: choose one file at a time")
		}
		name = chosen
		if content, err = io.ReadAll(io.LimitReader(body, client.MaxAttachmentBytes+1)); err != nil {
			return fault.E(fault.Invalid, "The upload broke off, and nothing was kept.")
		}
		if len(content) > client.MaxAttachmentBytes {
			return fault.E(fault.TooLarge, "file: is larger than %d MiB", client.MaxAttachmentBytes>>20)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", nil, err
	case name == "":
		return "", nil, fault.E(fault.Invalid, "file: choose a file")
	case len(content) == 0:
		return "", nil, fault.E(fault.Invalid, "file: is empty")
	}
	return name, content, nil
}

// attachment sends an attachment, which nobody should trust: a browser saves it, and neither guesses what it is nor shows it.
func (p *page) attachment() error {
	id := p.r.PathValue("id")
	n, err := strconv.Atoi(p.r.PathValue("n"))
	if err != nil {
		return fault.E(fault.NotFound, "This attachment does not exist.")
	}
	c, err := p.api.Case(p.r.Context(), id)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(c.Attachments, func(f client.CaseAttachment) bool { return f.Number == n })
	if at < 0 {
		return fault.E(fault.NotFound, "This attachment does not exist.")
	}
	content, err := p.api.CaseFile(p.r.Context(), id, n)
	if err != nil {
		return err
	}
	p.w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	return p.download(c.Attachments[at].Name, "application/octet-stream", func(w io.Writer) error {
		_, err := io.Copy(w, strings.NewReader(string(content)))
		return err
	})
}
