package console

import (
	"encoding/json"
	"regexp"
	"strings"

	"interdict/api/client"
	"interdict/lists/fault"
)

// decisionData is what the page of one check shows.
type decisionData struct {
	*client.CheckRecord
	Given  *client.Answer // the answer; nil: the problem
	Failed *client.Error
	Raw    string // as it was given, byte for byte
	Digest bool   // the record has only a digest of what was asked

	Replay      *replayed
	ReplayWrong string
}

// replayed is a check that was answered again.
type replayed struct {
	*client.Replay
	ThenOutcome, NowOutcome outcome
	Differences             []difference
}

// outcome is what one generation answers.
type outcome struct {
	client.Replayed
	Given  *client.Answer
	Failed *client.Error
}

// difference is a difference between two answers, ready for words: of the whole answer, or of one listing.
type difference struct {
	Field      string // of the answer, or of the listing; "" for the whole listing
	List       string // "" for the answer
	Address    string
	Suppressed bool
	Then, Now  string // "" for a part that is not there
}

// decision shows the record of one check.
func (p *page) decision() error {
	id := p.r.PathValue("check")
	rec, err := p.api.CheckRecord(p.r.Context(), id)
	if err != nil {
		return err
	}
	data := &decisionData{CheckRecord: rec, Raw: string(rec.Answer), Digest: strings.HasPrefix(rec.Request.Address, "sha256:")}
	if len(rec.Answer) == 0 {
		data.Raw = string(rec.Error)
	}
	if data.Given, data.Failed, err = answerOf(rec.Answer, rec.Error); err != nil {
		return err
	}
	if p.form().Has("replay") {
		if data.Replay, err = p.replay(id); fault.Is(err, fault.Unauthorized) {
			return err
		} else if err != nil {
			data.ReplayWrong = plain(err).Error()
		}
	}
	return p.show("decision", "Check "+rec.CheckID, data)
}

// answerOf decodes an answer, or the problem in place of one.
func answerOf(answer, problem json.RawMessage) (*client.Answer, *client.Error, error) {
	if len(answer) > 0 {
		a := &client.Answer{}
		if err := json.Unmarshal(answer, a); err != nil {
			return nil, nil, fault.E(fault.Unavailable, "the answer on record cannot be read: %w", err)
		}
		return a, nil, nil
	}
	e := &client.Error{}
	if err := json.Unmarshal(problem, e); err != nil {
		return nil, nil, fault.E(fault.Unavailable, "the problem on record cannot be read: %w", err)
	}
	return nil, e, nil
}

// replay answers a check again.
func (p *page) replay(id string) (*replayed, error) {
	r, err := p.api.Replay(p.r.Context(), id)
	if err != nil {
		return nil, err
	}
	out := &replayed{Replay: r, ThenOutcome: outcome{Replayed: r.Then}, NowOutcome: outcome{Replayed: r.Now}}
	for _, o := range []*outcome{&out.ThenOutcome, &out.NowOutcome} {
		if o.Given, o.Failed, err = answerOf(o.Answer, o.Error); err != nil {
			return nil, err
		}
	}
	for _, d := range r.Differences {
		out.Differences = append(out.Differences, differenceOf(d))
	}
	return out, nil
}

// listingField matches the field of a difference of one listing: matches[LIST ADDRESS].category.
var listingField = regexp.MustCompile(`^(matches|suppressed)\[(\S+) (.*)\](?:\.([a-z_.]+))?$`)

func differenceOf(d client.Difference) difference {
	out := difference{Field: d.Field, Then: jsonText("", d.Then), Now: jsonText("", d.Now)}
	if m := listingField.FindStringSubmatch(d.Field); m != nil {
		out.Suppressed, out.List, out.Address, out.Field = m[1] == "suppressed", m[2], m[3], m[4]
	}
	if out.List != "" && out.Field == "" {
		out.Then, out.Now = nameOfMatch(d.Then), nameOfMatch(d.Now)
	}
	return out
}

// nameOfMatch returns who is listed by a match: "" if there is none.
func nameOfMatch(raw json.RawMessage) string {
	var m *client.Match
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return ""
	}
	if m.Entity.Name == "" {
		return m.Listed.Address
	}
	return m.Entity.Name
}
