package formats

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// isoDate accepts YYYY-MM-DD and nothing else.
func isoDate(s string) (string, bool) {
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' || !digits(s[:4]) || !digits(s[5:7]) || !digits(s[8:]) {
		return "", false
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	return s, isDate(two(0)*100+two(2), two(5), two(8))
}

// isDate tells a day of the calendar from 1900 to 2999.
func isDate(year, month, day int) bool {
	if year < 1900 || year > 2999 || month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= 28 || day == time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day()
}

// dateOf makes YYYY-MM-DD of year, month and day.
func dateOf(year, month, day int) (string, bool) {
	if !isDate(year, month, day) {
		return "", false
	}
	return fmt.Sprintf("%04d-%02d-%02d", year, month, day), true
}

// anyDate reads the dates that people write, with or without a time after them. What may be two dates (03/04/2025)
// is none.
func anyDate(s string) (string, error) {
	s = trim(s)
	if d, ok := isoDate(s); ok {
		return d, nil
	}
	date := s
	if i := strings.IndexAny(s, "T "); i == 8 || i == 10 { // the time is left out
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
		case strings.Contains(date, "."), n[0] > 12, n[0] == n[1]: // with dots the day is first, everywhere
			d, ok = dateOf(n[2], n[1], n[0])
		case n[1] > 12:
			d, ok = dateOf(n[2], n[0], n[1])
		default:
			return "", fmt.Errorf("%q may be two dates; write YYYY-MM-DD", clip(s))
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
	return "", fmt.Errorf("%q is no date; write YYYY-MM-DD", clip(s))
}

// dateOrder is the order of day and month in a column of dates like 03/04/2025.
type dateOrder uint8

const (
	noOrder    dateOrder = iota // it does not show, or does not matter
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

// orderOf returns what a date says about the order of day and month.
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

// inOrder writes a date whose order of day and month is known as YYYY-MM-DD; other texts stay.
func inOrder(s string, order dateOrder) string {
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

// usDate reads MM/DD/YYYY, as OFAC writes.
func usDate(s string) (string, bool) {
	t, err := time.Parse("1/2/2006", trim(s))
	if err != nil || t.Year() < 1900 {
		return "", false
	}
	return t.Format(time.DateOnly), true
}

// day gives the date of a timestamp like 2025-09-08T02:03:08, or "".
func day(s string) string {
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
