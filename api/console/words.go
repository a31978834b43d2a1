package console

import (
	"fmt"
	"html/template"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// functions are what templates can call.
var functions = template.FuncMap{
	"time": showTime, "second": showSecond, "day": showDay, "ago": ago, "value": showValue, "number": number, "many": many, "badge": badge, "join": strings.Join, "lower": strings.ToLower,
	"text": func(v any) string { return fmt.Sprint(v) }, "percent": func(f float64) string { return strconv.FormatFloat(f*100, 'f', -1, 64) + " %" },
	"map": pairs, "field": fieldName, "lasting": lasting, "size": size, "has": func(all []string, x string) bool { return slices.Contains(all, x) },
	"short": short, "every": everyWords, "export": exportLink, "versionPath": versionPath, "listPath": listPath, "guards": guardWords,
	"rules": rulesOf, "words": func(all ...string) []string { return all },
}

// lasting says how long a number of seconds is, in its two largest units: "1 hour 5 minutes". It takes a number or a pointer to one; nil is not known.
func lasting(v any) string {
	seconds, ok := v.(float64)
	if p, isPointer := v.(*float64); isPointer && p != nil {
		seconds, ok = *p, true
	}
	if !ok {
		return "not known"
	}
	d, sign := time.Duration(seconds*float64(time.Second)), ""
	if d < 0 {
		d, sign = -d, "minus "
	}
	switch {
	case d < time.Second:
		return sign + "under a second"
	case d < time.Minute:
		return sign + span(d)
	}
	unit, smaller := time.Minute, time.Second
	switch {
	case d >= 48*time.Hour:
		unit, smaller = 24*time.Hour, time.Hour
	case d >= time.Hour:
		unit, smaller = time.Hour, time.Minute
	}
	whole := d.Truncate(unit)
	text := sign + span(whole)
	if rest := (d - whole).Truncate(smaller); rest > 0 {
		text += " " + span(rest)
	}
	return text
}

// fieldNames are the words for fields that a proposal would change.
var fieldNames = map[string]string{
	"active_version": "Active version", "approvals": "Approvals that a version needs", "authority": "Authority", "category": "Category", "certificate": "Name in the client's certificate",
	"checks_per_second": "Checks a second", "cidrs": "Networks", "confidence": "Confidence", "disabled_at": "Disabled", "every": "Fetched every", "expires": "Expires", "format": "Format", "id": "Id",
	"invitation": "Invitation", "invited_until": "Invitation works until", "keep": "Versions kept", "listings": "Listings that it covers", "lists": "Lists", "login": "Login", "mandatory": "Mandatory",
	"max_age": "Longest age", "max_growth": "Most growth", "max_quarantined": "Most rows that cannot be read", "max_shrink": "Most shrinkage", "name": "Name", "network": "Network",
	"on_stale": "When it is too old", "person": "Person", "policy": "What a match leads to", "retired": "Taken out of the answers", "roles": "Roles", "rotated_at": "Rotated", "sha256": "Digest of the file",
	"sha256_url": "Where the digest is published", "source": "Source", "state": "State", "suppressed_address": "Address", "until": "Until", "url": "Address of the file", "version": "Version",
}

// fieldName returns the words for a field, or its name if it has none.
func fieldName(name string) string {
	var words []string
	for _, part := range strings.Split(name, ".") {
		word := fieldNames[part]
		if word == "" {
			word = strings.ReplaceAll(part, "_", " ")
		}
		words = append(words, word)
	}
	return strings.Join(words, ": ")
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

// number writes a number, or what a pointer points to, with thin groups of three digits: 1,234,567.
func number(v any) string {
	n := reflect.Indirect(reflect.ValueOf(v))
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
	"active": "good", "fresh": "good", "ok": "good", "allow": "good", "miss": "good", "approved": "good", "delivered": "good", "resolved": "good", "done": "good", "serving": "good",
	"staged": "warn", "loading": "warn", "waiting": "warn", "open": "warn", "review": "warn", "warn": "warn", "investigating": "warn", "new": "warn", "pending": "warn", "proposed": "warn", "invited": "warn", "refused": "warn", "not answered": "warn", "hold": "warn", "begun": "warn", "behind": "warn", "expires": "warn", "due soon": "warn",
	"failed": "bad", "rejected": "bad", "stale": "bad", "hit": "bad", "freeze": "bad", "reject": "bad", "error": "bad", "lost": "bad", "disabled": "bad", "revoked": "bad", "fail": "bad", "due today": "bad", "overdue": "bad",
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

// size writes a number of bytes: "2.1 MB".
func size(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for f >= 1000 && i < len(units)-1 {
		f /= 1000
		i++
	}
	if i == 0 {
		return many(int(n), "byte", "bytes")
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[i]
}
