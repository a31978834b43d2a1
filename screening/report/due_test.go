package report

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

func date(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// The days off as the Office of Personnel Management publishes them.
func TestHolidaysAreThoseOfTheOfficeOfPersonnelManagement(t *testing.T) {
	for year, want := range map[int][]string{
		2010: {"2010-01-01", "2010-01-18", "2010-02-15", "2010-05-31", "2010-07-05", "2010-09-06", "2010-10-11", "2010-11-11", "2010-11-25", "2010-12-24", "2010-12-31"},
		2020: {"2020-01-01", "2020-01-20", "2020-02-17", "2020-05-25", "2020-07-03", "2020-09-07", "2020-10-12", "2020-11-11", "2020-11-26", "2020-12-25"},
		2021: {"2021-01-01", "2021-01-18", "2021-02-15", "2021-05-31", "2021-06-18", "2021-07-05", "2021-09-06", "2021-10-11", "2021-11-11", "2021-11-25",
			"2021-12-24", "2021-12-31"},
		2022: {"2022-01-17", "2022-02-21", "2022-05-30", "2022-06-20", "2022-07-04", "2022-09-05", "2022-10-10", "2022-11-11", "2022-11-24", "2022-12-26"},
		2023: {"2023-01-02", "2023-01-16", "2023-02-20", "2023-05-29", "2023-06-19", "2023-07-04", "2023-09-04", "2023-10-09", "2023-11-10", "2023-11-23", "2023-12-25"},
		2025: {"2025-01-01", "2025-01-20", "2025-02-17", "2025-05-26", "2025-06-19", "2025-07-04", "2025-09-01", "2025-10-13", "2025-11-11", "2025-11-27", "2025-12-25"},
		2026: {"2026-01-01", "2026-01-19", "2026-02-16", "2026-05-25", "2026-06-19", "2026-07-03", "2026-09-07", "2026-10-12", "2026-11-11", "2026-11-26", "2026-12-25"},
	} {
		var got []string
		for _, h := range Holidays(year) {
			got = append(got, h.Day.Format(time.DateOnly))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%d: -want +got\n%s", year, d)
		}
	}
}

func TestAReportIsDueOnTheTenthBusinessDayAfterTheEvent(t *testing.T) {
	for _, x := range []struct{ at, due, why string }{
		{"2026-03-02", "2026-03-16", "two weeks without a holiday"},
		{"2026-03-06", "2026-03-20", "a Friday"},
		{"2026-03-07", "2026-03-20", "a Saturday: the next business day is the first"},
		{"2026-03-08", "2026-03-20", "a Sunday"},
		{"2025-12-19", "2026-01-06", "Christmas and New Year's Day"},
		{"2021-12-20", "2022-01-05", "Christmas on a Saturday, New Year's Day on a Saturday: 24 and 31 December"},
		{"2022-12-16", "2023-01-03", "Christmas and New Year's Day on Sundays: 26 December and 2 January"},
		{"2021-06-11", "2021-06-28", "the first Juneteenth, a Saturday"},
		{"2020-06-12", "2020-06-26", "no Juneteenth yet"},
		{"2026-06-18", "2026-07-06", "Juneteenth, and Independence Day on a Saturday"},
		{"2025-01-10", "2025-01-27", "Martin Luther King's birthday, which Inauguration Day fell on"},
		{"2017-01-13", "2017-01-30", "Inauguration Day after it on a Friday is a business day: 2017-01-16 is the only day off"},
		{"2024-11-08", "2024-11-25", "Veterans Day"},
		{"2025-11-19", "2025-12-04", "Thanksgiving Day"},
		{"2024-02-28", "2024-03-13", "a leap year"},
		{"2025-07-04", "2025-07-18", "a holiday"},
	} {
		for _, kind := range []Kind{Blocked, Rejected, Unblocked} {
			got, err := DueDate(kind, date(x.at))
			if err != nil || !got.Equal(date(x.due)) {
				t.Errorf("%s of %s: due %s, %v; want %s: %s", kind, x.at, got.Format(time.DateOnly), err, x.due, x.why)
			}
		}
	}
}

func TestTheDayOfAnEventIsThatOfItsLocation(t *testing.T) {
	washington := time.FixedZone("EST", -5*3600)
	at := time.Date(2026, 3, 3, 2, 0, 0, 0, time.UTC) // in Washington still 2 March
	for _, x := range []struct {
		at   time.Time
		want string
	}{{at, "2026-03-17"}, {at.In(washington), "2026-03-16"}} {
		if got, err := DueDate(Blocked, x.at); err != nil || got.Format(time.DateOnly) != x.want {
			t.Errorf("%s: due %s, %v; want %s", x.at, got.Format(time.DateOnly), err, x.want)
		}
	}
}

func TestAnUnknownKindOfReportHasNoDueDate(t *testing.T) {
	for _, kind := range []Kind{"", "frozen"} {
		if due, err := DueDate(kind, date("2026-03-02")); !fault.Is(err, fault.Invalid) || !due.IsZero() {
			t.Errorf("%q: due %s, %v", kind, due, err)
		}
	}
}

// The tenth business day is found by counting all days between, for every day of many years.
func TestThereAreTenBusinessDaysInEveryTerm(t *testing.T) {
	for day := date("1986-01-01"); day.Year() < 2101; day = day.AddDate(0, 0, 1) {
		due, err := DueDate(Rejected, day)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for d := day.AddDate(0, 0, 1); !d.After(due); d = d.AddDate(0, 0, 1) {
			if BusinessDay(d) {
				n++
			}
		}
		if n != 10 || !BusinessDay(due) {
			t.Fatalf("%s: %d business days until %s", day, n, due)
		}
	}
	if got := AnnualDue(2028); got.Format(time.DateOnly) != "2028-09-30" { // a Saturday
		t.Errorf("annual report due %s", got)
	}
}
