package console

import (
	"fmt"
	"html/template"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// functions are what templates can call.
var functions = template.FuncMap{
	"time": showTime, "day": showDay, "ago": ago, "number": number, "many": many, "badge": badge, "join": strings.Join, "lower": strings.ToLower,
	"text": func(v any) string { return fmt.Sprint(v) }, "percent": func(f float64) string { return strconv.FormatFloat(f*100, 'f', -1, 64) + " %" },
	"map": pairs,
}

// showTime shows a time in UTC; the script of the page shows it in the zone of the viewer, with UTC on hover. It takes a time or a pointer to one.
func showTime(v any) template.HTML {
	t, ok := timeOf(v)
	if !ok {
		return "never"
	}
	utc := t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, utc.Format(time.RFC3339), //nolint:gosec // G203: only digits
		utc.Format("2006-01-02 15:04:05 UTC"), utc.Format("2006-01-02 15:04 UTC")))
}

func showDay(v any) string {
	t, ok := timeOf(v)
	if !ok {
		return "never"
	}
	return t.UTC().Format("2 January 2006")
}

func timeOf(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t, !t.IsZero()
	case *time.Time:
		if t != nil {
			return *t, !t.IsZero()
		}
	}
	return time.Time{}, false
}

// ago says how long ago a time was, in words: "4 minutes ago".
func ago(v any) string {
	t, ok := timeOf(v)
	if !ok {
		return "never"
	}
	d := time.Since(t)
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

// span says how long a duration is, in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return many(int(d/time.Second), "second", "seconds")
	case d < time.Hour:
		return many(int(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return many(int(d/time.Hour), "hour", "hours")
	}
	return many(int(d/(24*time.Hour)), "day", "days")
}

// number writes a number with thin groups of three digits: 1,234,567.
func number(v any) string {
	n := reflect.ValueOf(v)
	var text string
	switch {
	case n.CanInt():
		text = strconv.FormatInt(n.Int(), 10)
	case n.CanUint():
		text = strconv.FormatUint(n.Uint(), 10)
	default:
		return fmt.Sprint(v)
	}
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// many writes a number with its noun: "1 row", "1,200 rows".
func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + more
}

// tones are the colours of badges, which only repeat what their words say.
var tones = map[string]string{
	"active": "good", "fresh": "good", "ok": "good", "allow": "good", "miss": "good", "approved": "good", "delivered": "good", "resolved": "good", "done": "good",
	"staged": "warn", "loading": "warn", "waiting": "warn", "open": "warn", "review": "warn", "warn": "warn", "investigating": "warn", "new": "warn", "pending": "warn", "proposed": "warn", "invited": "warn",
	"refused": "warn", "not answered": "warn", "hold": "warn", "begun": "warn",
	"due soon": "warn", "due today": "bad", "overdue": "bad",
	"failed": "bad", "rejected": "bad", "stale": "bad", "hit": "bad", "freeze": "bad", "reject": "bad", "error": "bad", "lost": "bad", "disabled": "bad", "revoked": "bad",
}

// badge shows a short word about a state.
func badge(v any) template.HTML {
	word := fmt.Sprint(v)
	if word == "" {
		return ""
	}
	tone := tones[word]
	if tone == "" {
		tone = "plain"
	}
	return template.HTML(`<span class="badge ` + tone + `">` + template.HTMLEscapeString(strings.ReplaceAll(word, "_", " ")) + `</span>`) //nolint:gosec // G203: escaped
}

// pairs makes a map of names and values, for templates that take several.
func pairs(v ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i+1 < len(v); i += 2 {
		out[fmt.Sprint(v[i])] = v[i+1]
	}
	return out
}
