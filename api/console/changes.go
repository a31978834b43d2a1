package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"interdict/api/client"
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
	Others []changedField `json:"-"` // After only
}

// changedField is one field before and after; "" for what is not there.
type changedField struct {
	Name          string // those of nested objects with a dot
	Before, After string
	Weaker        bool // of a proposal: it weakens the screening
}

// told are the fields that have a place of their own, or are shown for all records.
var told = []string{"action", "outcome", "at", "by", "credential", "list", "version", "generation", "subject", "proposal", "proposed_by", "reason", "alone", "error", "check_id",
	"cause", "resolved", "run", "checks", "alerts", "checkpoint",
	"before", "after"}

// changeOf reads the record of a change. What is not an object is shown as it is.
func changeOf(raw json.RawMessage) *change {
	out := &change{}
	all := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &all) != nil || json.Unmarshal(raw, out) != nil {
		return &change{Others: []changedField{{After: string(raw)}}}
	}
	out.Fields = fieldsOf(out.Before, out.After)
	for name, value := range all {
		if text := jsonText(name, value); text != "" && !slices.Contains(told, name) {
			out.Others = append(out.Others, changedField{Name: name, After: text})
		}
	}
	sortFields(out.Others)
	return out
}

// fieldsOf pairs the fields of two objects that differ. What is not an object counts as one field without a name.
func fieldsOf(before, after json.RawMessage) []changedField {
	was, is := flat(before), flat(after)
	var out []changedField
	for name, text := range was {
		if text != is[name] {
			out = append(out, changedField{Name: name, Before: text, After: is[name]})
		}
	}
	for name, text := range is {
		if _, both := was[name]; !both {
			out = append(out, changedField{Name: name, After: text})
		}
	}
	sortFields(out)
	return out
}

// changesOf returns what a proposal would change.
func changesOf(x *client.Proposal) []changedField {
	out := fieldsOf(x.Before, x.After)
	for i := range out {
		out[i].Weaker = slices.ContainsFunc(x.Weaker, func(weaker string) bool {
			return out[i].Name == weaker || strings.HasPrefix(out[i].Name, weaker+".")
		})
	}
	return out
}

func sortFields(fields []changedField) {
	slices.SortFunc(fields, func(a, b changedField) int { return cmp.Compare(a.Name, b.Name) })
}

// jsonText writes a JSON value for a reader.
func jsonText(name string, raw json.RawMessage) string {
	value, err := decoded(raw)
	if err != nil {
		return string(raw)
	}
	if value == nil {
		return ""
	}
	return valueText(name, value)
}

func decoded(raw json.RawMessage) (value any, err error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err = d.Decode(&value)
	return value, err
}

// flat returns the fields of a JSON object as texts.
func flat(raw json.RawMessage) map[string]string {
	out := map[string]string{}
	value, err := decoded(raw)
	if err != nil {
		out[""] = string(raw)
		return out
	}
	flatten(out, "", value)
	return out
}

func flatten(out map[string]string, name string, value any) {
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for key, x := range v {
			if name != "" {
				key = name + "." + key
			}
			flatten(out, key, x)
		}
	default:
		out[name] = valueText(name, value)
	}
}

// valueText writes a JSON value for a reader.
func valueText(name string, value any) string {
	switch v := value.(type) {
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case json.Number:
		f, err := v.Float64()
		if name == "max_shrink" || name == "max_growth" || name == "max_quarantined" {
			if err == nil {
				return strconv.FormatFloat(f*100, 'f', -1, 64) + " %"
			}
		}
		if name == "active_version" && v.String() == "0" {
			return ""
		}
		return v.String()
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = valueText("", x)
		}
		return strings.Join(parts, "\n")
	case map[string]any: // of a list of objects, such as the rules of a policy
		names := make([]string, 0, len(v))
		for key := range v {
			names = append(names, key)
		}
		slices.Sort(names)
		var parts []string
		for _, key := range names {
			parts = append(parts, key+" "+valueText(key, v[key]))
		}
		return strings.Join(parts, ", ")
	case string:
		return v
	}
	return fmt.Sprint(value)
}
