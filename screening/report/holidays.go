package report

import "time"

// Holiday is a legal public holiday of the US federal government.
type Holiday struct {
	Name string
	// Day is the day off, at midnight UTC: the Friday before a holiday on a Saturday (5 U.S.C. 6103(b)), the Monday after one on a Sunday
	// (Executive Order 11582).
	Day time.Time
}

// Holidays returns the days off that fall into a year, in order, under 5 U.S.C. 6103(a) as it is now. New Year's Day of the next year is
// among them if it is a Saturday. Juneteenth is a holiday from 2021, Martin Luther King's birthday from 1986.
//
// Inauguration Day is not among them: 6103(c) gives it only to federal employees in and around the District of Columbia. Neither are days
// off by executive order, such as a day of mourning. A due date that counts such a day as a business day is early, never late.
func Holidays(year int) []Holiday {
	all := []Holiday{
		{"New Year's Day", observed(year, time.January, 1)},
		{"Birthday of Martin Luther King, Jr.", weekday(year, time.January, time.Monday, 3)},
		{"Washington's Birthday", weekday(year, time.February, time.Monday, 3)},
		{"Memorial Day", weekday(year, time.June, time.Monday, 1).AddDate(0, 0, -7)}, // the last Monday of May
		{"Juneteenth National Independence Day", observed(year, time.June, 19)},
		{"Independence Day", observed(year, time.July, 4)},
		{"Labor Day", weekday(year, time.September, time.Monday, 1)},
		{"Columbus Day", weekday(year, time.October, time.Monday, 2)},
		{"Veterans Day", observed(year, time.November, 11)},
		{"Thanksgiving Day", weekday(year, time.November, time.Thursday, 4)},
		{"Christmas Day", observed(year, time.December, 25)},
		{"New Year's Day", observed(year+1, time.January, 1)},
	}
	in := all[:0]
	for i, h := range all {
		if h.Day.Year() != year || year < 1986 && i == 1 || year < 2021 && i == 4 {
			continue
		}
		in = append(in, h)
	}
	return in
}

// observed returns the day off for a holiday with a fixed date.
func observed(year int, month time.Month, day int) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	switch t.Weekday() {
	case time.Saturday:
		return t.AddDate(0, 0, -1)
	case time.Sunday:
		return t.AddDate(0, 0, 1)
	}
	return t
}

// weekday returns the nth such weekday of a month.
func weekday(year int, month time.Month, day time.Weekday, n int) time.Time {
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	return first.AddDate(0, 0, (int(day-first.Weekday())+7)%7+7*(n-1))
}

// BusinessDay reports whether a date is a business day: no Saturday, no Sunday, no federal holiday. The date is that of t in its location.
func BusinessDay(t time.Time) bool {
	day := dateOf(t)
	if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		return false
	}
	for _, h := range Holidays(day.Year()) {
		if h.Day.Equal(day) {
			return false
		}
	}
	return true
}

// dateOf returns the date of t in its location, as midnight UTC.
func dateOf(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
