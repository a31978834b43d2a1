package formats

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// isoDate accepts YYYY-MM-DD and nothing else.
func isoDate(s string) (string, bool) {
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' || !isDigits(s[:4]) || !isDigits(s[5:7]) || !isDigits(s[8:]) {
		return "", false
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	return s, isDate(two(0)*100+two(2), two(5), two(8))
}

// isDate reports whether year, month and day are a day of the calendar from 1900 to 2999.
func isDate(year, month, day int) bool {
	if year < 1900 || year > 2999 || month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= 28 || day == time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day()
}

// dateOf returns year, month and day as YYYY-MM-DD.
func dateOf(year, month, day int) (string, bool) {
	if !isDate(year, month, day) {
		return "", false
	}
	return fmt.Sprintf("%04d-%02d-%02d", year, month, day), true
}

// parseDate reads dates in the forms in use, with or without a time. An ambiguous date (03/04/2025) is an error.
func parseDate(s string) (string, error) {
	s = trim(s)
	if d, ok := isoDate(s); ok {
		return d, nil
	}
	date := s
	if i := strings.IndexAny(s, "T "); i == 8 || i == 10 { // the time is ignored
		if rest := s[i+1:]; rest != "" && rest[0] >= '0' && rest[0] <= '9' && strings.Contains(rest, ":") {
			date = s[:i]
		}
	}
	if parts := strings.FieldsFunc(date, func(r rune) bool { return r == '-' || r == '/' || r == '.' }); len(parts) == 3 {
		var n [3]int
		numeric := true
		for i, p := range parts {
			v, err := strconv.Atoi(p)
			numeric = numeric && err == nil && len(p) <= 4
			n[i] = v
		}
		d, ok := "", false
		switch {
		case !numeric:
		case len(parts[0]) == 4:
			d, ok = dateOf(n[0], n[1], n[2])
		case len(parts[2]) == 2 && strings.Contains(date, "."):
			d, ok = dateOf(2000+n[2], n[1], n[0])
		case len(parts[2]) == 2 && n[0] <= 12 && n[1] > 12: // 7/18/17
			d, ok = dateOf(2000+n[2], n[0], n[1])
		case len(parts[2]) != 4:
		case strings.Contains(date, "."), n[0] > 12, n[0] == n[1]: // with dots the day is always first
			d, ok = dateOf(n[2], n[1], n[0])
		case n[1] > 12:
			d, ok = dateOf(n[2], n[0], n[1])
		default:
			return "", fmt.Errorf("the date %q is ambiguous; write YYYY-MM-DD", truncate(s, maxQuoted))
		}
		if ok {
			return d, nil
		}
	}
	for _, layout := range []string{"20060102", "2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006", "2-Jan-2006"} {
		if t, err := time.Parse(layout, date); err == nil && t.Year() >= 1900 {
			return t.Format(time.DateOnly), nil
		}
	}
	return "", fmt.Errorf("invalid date %q; write YYYY-MM-DD", truncate(s, maxQuoted))
}

// dateOrder is the order of day and month in a column of dates like 03/04/2025.
type dateOrder uint8

const (
	noOrder    dateOrder = iota // unknown, or the same in any order
	eitherWay                   // 03/04/2025
	dayFirst                    // 31/12/2023
	monthFirst                  // 12/31/2023
)

// dateParts splits a date of three numbers of which the year is the last, with / or - between them.
func dateParts(s string) (n [3]int, ok bool) {
	date, _, _ := strings.Cut(strings.Replace(trim(s), "T", " ", 1), " ")
	parts := strings.FieldsFunc(date, func(r rune) bool { return r == '-' || r == '/' })
	if len(parts) != 3 || len(parts[0]) > 2 || len(parts[1]) > 2 || len(parts[2]) != 2 && len(parts[2]) != 4 {
		return n, false
	}
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil {
			return n, false
		}
		n[i] = v
	}
	if len(parts[2]) == 2 {
		n[2] += 2000
	}
	return n, true
}

// orderOf returns the order of day and month that a date reveals.
func orderOf(s string) dateOrder {
	n, ok := dateParts(s)
	switch {
	case !ok || n[0] == n[1] || n[0] > 12 && n[1] > 12:
		return noOrder
	case n[0] > 12:
		return dayFirst
	case n[1] > 12:
		return monthFirst
	}
	return eitherWay
}

// reorderDate returns a date as YYYY-MM-DD, given its order of day and month. Other texts are returned unchanged.
func reorderDate(s string, order dateOrder) string {
	n, ok := dateParts(s)
	if ok && order == dayFirst {
		n[0], n[1] = n[1], n[0]
	}
	if ok && (order == dayFirst || order == monthFirst) {
		if d, isDate := dateOf(n[2], n[0], n[1]); isDate {
			return d
		}
	}
	return s
}

// usDate reads MM/DD/YYYY, the form that OFAC uses.
func usDate(s string) (string, bool) {
	t, err := time.Parse("1/2/2006", trim(s))
	if err != nil || t.Year() < 1900 {
		return "", false
	}
	return t.Format(time.DateOnly), true
}

// dateOfTimestamp returns the date of a timestamp like 2025-09-08T02:03:08, or "".
func dateOfTimestamp(s string) string {
	s = trim(s)
	if len(s) < len(time.DateOnly) {
		return ""
	}
	d, ok := isoDate(s[:len(time.DateOnly)])
	if !ok {
		return ""
	}
	return d
}
