package console

import (
	"html/template"
	"regexp"
	"time"
)

// All pages write times in UTC, in these forms.
const (
	minuteForm = "2006-01-02 15:04 UTC"
	secondForm = "2006-01-02 15:04:05 UTC"
)

// showTime shows a time, or a pointer to one, to the minute.
func showTime(v any) template.HTML {
	return timeElement(v, "", func(t time.Time) string { return t.Format(minuteForm) })
}

// showSecond shows a time to the second, for pages that are evidence.
func showSecond(v any) template.HTML {
	return timeElement(v, "", func(t time.Time) string { return t.Format(secondForm) })
}

// ago says how long ago a time was, in words: "4 minutes ago".
func ago(v any) template.HTML {
	return timeElement(v, "ago", func(t time.Time) string {
		if d := time.Since(t); d >= 0 {
			return span(d) + " ago"
		}
		return "in " + span(time.Until(t))
	})
}

// timeElement shows a time as text. The whole time is shown on hover, where the script of the page adds that of the viewer's zone.
func timeElement(v any, class string, text func(utc time.Time) string) template.HTML {
	t, ok := timeOf(v)
	if !ok {
		return "never"
	}
	t = t.UTC()
	if class != "" {
		class = ` class="` + class + `"`
	}
	return template.HTML(`<time` + class + ` datetime="` + t.Format(time.RFC3339) + `" title="` + t.Format(secondForm) + `">` + text(t) + `</time>`) //nolint:gosec // G203: only digits and our words
}

// showDay shows a day: a time, or the text that a list states, which may be anything.
func showDay(v any) template.HTML {
	text, ok := v.(string)
	if t, isTime := timeOf(v); isTime {
		text, ok = t.UTC().Format(time.DateOnly), true
	}
	if !ok {
		return "never"
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return template.HTML(template.HTMLEscapeString(text)) //nolint:gosec // G203: escaped
	}
	return template.HTML(`<time datetime="` + text + `">` + text + `</time>`) //nolint:gosec // G203: a date
}

// apiTime is a time as the API writes it.
var apiTime = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// showValue shows a text of the API, in which there may be times.
func showValue(text string) template.HTML {
	return template.HTML(apiTime.ReplaceAllStringFunc(template.HTMLEscapeString(text), func(found string) string { //nolint:gosec // G203: escaped
		t, err := time.Parse(time.RFC3339, found)
		if err != nil {
			return found
		}
		return string(showTime(t))
	}))
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
