package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// change is what the record of a change says. The fields are those of lists.Event; those of other records are in Others.
type change struct {
	Action     string          `json:"action"`
	Outcome    string          `json:"outcome"`
	Credential string          `json:"credential"`
	List       string          `json:"list"`
	Version    int             `json:"version"`
	Generation int             `json:"generation"`
	Subject    string          `json:"subject"`
	Proposal   string          `json:"proposal"`
	ProposedBy string          `json:"proposed_by"`
	Reason     string          `json:"reason"`
	Alone      string          `json:"alone"`
	Error      string          `json:"error"`
	CheckID    string          `json:"check_id"` // of an alert of a look-back
	Cause      string          `json:"cause"`    // of such an alert
	Resolved   bool            `json:"resolved"` // an alert
	Run        string          `json:"run"`      // of a look-back: changes, all
	Checks     int             `json:"checks"`   // that it has answered again
	Alerts     int             `json:"alerts"`
	Checkpoint string          `json:"checkpoint"`
	Before     json.RawMessage `json:"before"`
	After      json.RawMessage `json:"after"`

	Fields []changedField `json:"-"`
	Others []changedField `json:"-"` // Now only
}

// changedField is one field before and after; "" for what is not there.
type changedField struct{ Name, Then, Now string }

// told are the fields that have a place of their own, or are shown for all records.
var told = []string{"action", "outcome", "at", "by", "credential", "list", "version", "generation", "subject", "proposal", "proposed_by", "reason", "alone", "error", "check_id",
	"cause", "resolved", "run", "checks", "alerts", "checkpoint",
	"before", "after"}

// changeOf reads the record of a change. What is not an object is shown as it is.
func changeOf(raw json.RawMessage) *change {
	out := &change{}
	all := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &all) != nil || json.Unmarshal(raw, out) != nil {
		return &change{Others: []changedField{{Now: string(raw)}}}
	}
	out.Fields = fieldsOf(out.Before, out.After)
	for name, value := range all {
		if text := valueText(value); text != "" && !slices.Contains(told, name) {
			out.Others = append(out.Others, changedField{Name: plainName(name), Now: text})
		}
	}
	sortFields(out.Others)
	return out
}

// fieldsOf pairs the fields of two objects. What is not an object counts as one field without a name.
func fieldsOf(before, after json.RawMessage) []changedField {
	was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if json.Unmarshal(orEmpty(before), &was) != nil || json.Unmarshal(orEmpty(after), &is) != nil {
		return []changedField{{Then: valueText(before), Now: valueText(after)}}
	}
	var out []changedField
	for name, value := range was {
		out = append(out, changedField{plainName(name), valueText(value), valueText(is[name])})
	}
	for name, value := range is {
		if _, both := was[name]; !both {
			out = append(out, changedField{Name: plainName(name), Now: valueText(value)})
		}
	}
	sortFields(out)
	return out
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

func sortFields(fields []changedField) {
	slices.SortFunc(fields, func(a, b changedField) int { return cmp.Compare(a.Name, b.Name) })
}

func plainName(name string) string { return strings.NewReplacer("_", " ", "-", " ").Replace(name) }

// valueText returns a JSON value as people read it: texts without quotes, lists of texts with commas, "" for null.
func valueText(raw json.RawMessage) string {
	var text *string
	if len(raw) == 0 || json.Unmarshal(raw, &text) == nil {
		if text == nil {
			return ""
		}
		return *text
	}
	var texts []string
	if json.Unmarshal(raw, &texts) == nil {
		return strings.Join(texts, ", ")
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}
