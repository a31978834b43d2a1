package lists

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An archive is read in any order, and says when an address was listed, removed and listed again. Where files disagree it says so, and no date.
func TestPeriodsOfAnAddressInDeltaFiles(t *testing.T) {
	x := DeltaAddress{Entity: "1", Asset: "ETH", Address: "0xa"}
	other := DeltaAddress{Entity: "1", Asset: "ETH", Address: "0xb"}
	add := func(id, date string, a ...DeltaAddress) Publication { return Publication{ID: id, Date: date, Added: a} }
	remove := func(id, date string, a ...DeltaAddress) Publication {
		return Publication{ID: id, Date: date, Removed: a}
	}
	end := func(id, date, entity string) Publication {
		return Publication{ID: id, Date: date, Ended: []string{entity}}
	}
	for name, c := range map[string]struct {
		read []Publication
		want []DeltaPeriod
		on   string
	}{
		"nothing":                   {nil, nil, ""},
		"another address":           {[]Publication{add("1", "2024-01-01", other), end("2", "2024-02-01", "2")}, nil, ""},
		"listed":                    {[]Publication{add("1", "2024-01-01", x, other)}, []DeltaPeriod{{Listed: "2024-01-01", ListedIn: "1"}}, "2024-01-01"},
		"named, which may be old":   {[]Publication{{ID: "1", Date: "2024-01-01", Named: []DeltaAddress{x}}}, nil, ""},
		"removed with its entity":   {[]Publication{end("9", "2025-03-21", "1"), add("1", "2024-01-01", x)}, []DeltaPeriod{{Listed: "2024-01-01", ListedIn: "1", Removed: "2025-03-21", RemovedIn: "9"}}, ""},
		"older than the archive":    {[]Publication{remove("2", "2024-02-01", x)}, []DeltaPeriod{{Removed: "2024-02-01", RemovedIn: "2"}}, ""},
		"removed, then its entity":  {[]Publication{add("1", "2024-01-01", x), remove("2", "2024-02-01", x), end("3", "2024-03-01", "1")}, []DeltaPeriod{{Listed: "2024-01-01", ListedIn: "1", Removed: "2024-02-01", RemovedIn: "2"}}, ""},
		"written anew in one file":  {[]Publication{add("1", "2024-01-01", x), {ID: "2", Date: "2024-02-01", Added: []DeltaAddress{x}, Removed: []DeltaAddress{x}}}, []DeltaPeriod{{Listed: "2024-01-01", ListedIn: "1"}}, "2024-01-01"},
		"one day, in order of ids":  {[]Publication{add("10", "2024-01-01", x), remove("9", "2024-01-01", x)}, []DeltaPeriod{{Removed: "2024-01-01", RemovedIn: "9"}, {Listed: "2024-01-01", ListedIn: "10"}}, "2024-01-01"},
		"listed twice: which date?": {[]Publication{add("1", "2024-01-01", x), add("2", "2024-02-01", x)}, []DeltaPeriod{{Contradicted: true}}, ""},
		"removed twice":             {[]Publication{remove("1", "2024-01-01", x), remove("2", "2024-02-01", x)}, []DeltaPeriod{{RemovedIn: "1", Contradicted: true}}, ""},
		"listed again": {[]Publication{add("3", "2026-01-05", x), add("1", "2024-01-01", x), remove("2", "2024-02-01", x)},
			[]DeltaPeriod{{Listed: "2024-01-01", ListedIn: "1", Removed: "2024-02-01", RemovedIn: "2"}, {Listed: "2026-01-05", ListedIn: "3"}}, "2026-01-05"},
	} {
		t.Run(name, func(t *testing.T) {
			a := DeltaArchive{URLSHA256: "u", Read: c.read}
			d := a.Dates(DatesRead{Archive: "u", Read: len(c.read), After: "2022-12-31"})
			if diff := cmp.Diff(c.want, d.Periods(x)); diff != "" {
				t.Error(diff)
			}
			if on, _ := d.ListedOn(x); on != c.on {
				t.Errorf("listed on %q, want %q", on, c.on)
			}
			if on, _ := a.Dates(DatesRead{Archive: "u", Read: len(c.read), After: "2026-01-05"}).ListedOn(x); on != "" {
				t.Errorf("listed on %s, although files after that were not read", on)
			}
		})
	}
}

// One file that was not read can make no date of listing wrong, two can: one that removes an address, and one that adds it again.
func TestDatesAreKnownOnlyAfterWhatWasNotRead(t *testing.T) {
	unread := func(dates ...string) (out []UnreadPublication) {
		for _, d := range dates {
			out = append(out, UnreadPublication{ID: d, Date: d})
		}
		return out
	}
	years := func(all ...int) map[int]bool {
		m := map[int]bool{}
		for _, y := range all {
			m[y] = y < 2026
		}
		return m
	}
	for name, c := range map[string]struct {
		a    DeltaArchive
		want string
	}{
		"all read":             {DeltaArchive{Years: years(2023, 2024, 2025, 2026)}, "2022-12-31"},
		"one file is missing":  {DeltaArchive{Years: years(2023, 2024, 2025, 2026), Unread: unread("2025-04-01")}, "2022-12-31"},
		"two files":            {DeltaArchive{Years: years(2023, 2024, 2025, 2026), Unread: unread("2025-04-01", "2024-02-02")}, "2024-02-02"},
		"a year is not known":  {DeltaArchive{Years: years(2023, 2024, 2026), Unread: unread("2025-04-01", "2024-02-02")}, "2025-12-31"},
		"this year is unknown": {DeltaArchive{Years: years(2023, 2024, 2025)}, "2026-12-31"},
		"nothing is known":     {DeltaArchive{}, "2026-12-31"},
	} {
		if got := c.a.CompleteAfter(2026); got != c.want {
			t.Errorf("%s: complete after %s, want %s", name, got, c.want)
		}
	}
}

// What a version was read with is what it is read with again, however much more has been read since; another archive gives no dates.
func TestDatesOfAnEarlierReading(t *testing.T) {
	x := DeltaAddress{Entity: "1", Address: "0xa"}
	a := DeltaArchive{URLSHA256: "u", Read: []Publication{{ID: "2", Date: "2024-02-01", Added: []DeltaAddress{x}}, {ID: "1", Date: "2024-01-01", Added: []DeltaAddress{x}}}}
	if on, in := a.Dates(DatesRead{Archive: "u", Read: 1}).ListedOn(x); on != "2024-02-01" || in != "2" {
		t.Errorf("%s in %s", on, in)
	}
	if on, _ := a.Dates(DatesRead{Archive: "u", Read: 2}).ListedOn(x); on != "" {
		t.Errorf("%s, although the files disagree", on)
	}
	if a.Dates(DatesRead{Archive: "v", Read: 1}) != nil || a.Dates(DatesRead{Archive: "u", Read: 3}) != nil {
		t.Error("dates of another archive")
	}
}
