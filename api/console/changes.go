package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/api/client"
)

// changedField is one field of a proposal, before and after.
type changedField struct {
	Name          string // a member of the JSON object; those of nested objects with a dot
	Before, After string // "": it is not there
	Weaker        bool
}

// changesOf returns what a proposal would change, field by field.
func changesOf(x *client.Proposal) []changedField {
	before, after := fieldsOf(x.Before), fieldsOf(x.After)
	names := make([]string, 0, len(before)+len(after))
	for name := range before {
		names = append(names, name)
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []changedField
	for _, name := range names {
		if before[name] == after[name] {
			continue
		}
		top, _, _ := strings.Cut(name, ".")
		out = append(out, changedField{name, before[name], after[name], slices.Contains(x.Weaker, name) || slices.Contains(x.Weaker, top)})
	}
	return out
}

// fieldsOf flattens a JSON object into texts.
func fieldsOf(raw json.RawMessage) map[string]string {
	out := map[string]string{}
	var value any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&value) != nil {
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
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.UTC().Format("2006-01-02 15:04 UTC")
		}
		return v
	}
	return fmt.Sprint(value)
}
