package console

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"interdict/api/client"
	"interdict/lists"
)

// Texts about versions. Their pages have the others.

func versionTitle(l *client.List, n int) string {
	return "Version " + strconv.Itoa(n) + " of " + l.Name
}

// servedWords says which servers answer from a change.
func servedWords(a *client.Activation) string {
	switch {
	case a.Replicas.Live == 0:
		return ""
	case a.Replicas.Serving == a.Replicas.Live:
		return fmt.Sprintf("Live on %d of %s, %s after the decision.", a.Replicas.Serving, many(a.Replicas.Live, "server", "servers"), short(time.Duration(a.TookMS)*time.Millisecond))
	}
	return fmt.Sprintf("So far it is live on %d of %s.", a.Replicas.Serving, many(a.Replicas.Live, "server", "servers"))
}

// short writes a duration in its largest unit, below a minute with a tenth of a second.
func short(d time.Duration) string {
	if d < time.Minute {
		return strconv.FormatFloat(max(d.Seconds(), 0.1), 'f', 1, 64) + " s"
	}
	return span(d)
}

// guardNames are the guards in words, for "although …".
var guardNames = map[string]string{
	"empty": "it holds no listing", "zero_addresses": "none of its listings is a valid address", "quarantined": "many rows could not be read",
	"unread_addresses": "rows that hold something like an address could not be read", "truncated_remarks": "the file cuts remarks off", "delta_differs": "the publisher's own list of changes names addresses that the file lacks",
	"no_base": "the list that its changes belong to is missing", "well_known": "it lists well-known addresses", "unknown_label": "it names unknown assets or networks",
	"shrink": "many addresses would disappear", "growth": "it is much larger than the active version", "older": "it is older than the active version",
}

func guardWords(guards []lists.Finding) string {
	var out []string
	for _, g := range guards {
		name := guardNames[g.Code]
		if name == "" {
			name = strings.ReplaceAll(g.Code, "_", " ")
		}
		out = append(out, name)
	}
	return strings.Join(out, "; ")
}

// everyWords writes a duration of settings: "24h0m0s" is 24h.
func everyWords(text string) string {
	d, err := time.ParseDuration(text)
	if days := d / (24 * time.Hour); err == nil && d%(24*time.Hour) == 0 && days > 1 {
		return many(int(days), "day", "days")
	}
	return shortDuration(text)
}

// rulesOf reads the JSON of a policy.
func rulesOf(text string) (rules lists.Policy, err error) {
	err = json.Unmarshal([]byte(text), &rules)
	return rules, err
}
