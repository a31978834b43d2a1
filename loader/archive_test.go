package loader_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/address"
)

// ofacXML is a file of the layout of SDN.XML, which has no dates of listing. Parties are "ID ADDRESS…".
func ofacXML(published string, parties ...string) string {
	day, err := time.Parse(time.DateOnly, published)
	if err != nil {
		panic(err)
	}
	s := `<?xml version="1.0" standalone="yes"?><sdnList><publshInformation><Publish_Date>` + day.Format("01/02/2006") + `</Publish_Date></publshInformation>`
	for _, p := range parties {
		f := strings.Fields(p)
		s += `<sdnEntry><uid>` + f[0] + `</uid><lastName>P` + f[0] + `</lastName><sdnType>Entity</sdnType><programList><program>X</program></programList><idList>`
		for i, a := range f[1:] {
			s += fmt.Sprintf(`<id><uid>%d</uid><idType>Digital Currency Address - ETH</idType><idNumber>%s</idNumber></id>`, i, a)
		}
		s += `</idList></sdnEntry>`
	}
	return s + `</sdnList>`
}

// deltaXML is a delta file. Parties are "ACTION ID ADDRESS…", and an address may have an action of its own, as in "add:0x…".
func deltaXML(published string, parties ...string) string {
	s := `<?xml version="1.0" encoding="utf-8"?><sanctionsData xmlns="https://www.treasury.gov/ofac/DeltaFile/1.0"><publicationInfo><datePublished>` +
		published + `T00:00:00-04:00</datePublished></publicationInfo><entities>`
	for _, p := range parties {
		f := strings.Fields(p)
		s += fmt.Sprintf(`<entity id="%s" action="%s"><features>`, f[1], f[0])
		for i, a := range f[2:] {
			action, text, ok := strings.Cut(a, ":")
			if !ok {
				action, text = "", a
			} else {
				action = ` action="` + action + `"`
			}
			s += fmt.Sprintf(`<feature id="%d"%s><type featureTypeId="345">Digital Currency Address - ETH</type><value>%s</value></feature>`, i, action, text)
		}
		s += `</features></entity>`
	}
	return s + `</entities></sanctionsData>`
}

// archived publishes delta files and the lists of them, one for each year. Files are "ID DATE CONTENT".
func (p *publisher) archived(files ...[3]string) {
	years := map[string][]string{"2023": nil, "2024": nil, "2025": nil, "2026": nil}
	for _, f := range files {
		p.set("/changes/"+f[0], f[2])
		years[f[1][:4]] = append(years[f[1][:4]], fmt.Sprintf(`{"publicationID": %s, "datePublished": "%sT10:30:00.123"}`, f[0], f[1]))
	}
	for year, all := range years {
		p.set("/changes/history/"+year, "["+strings.Join(all, ",")+"]")
	}
}

func delta(id, date string, parties ...string) [3]string {
	return [3]string{id, date, deltaXML(date, parties...)}
}

// datesOf returns when the listings of a version were listed, and whence that is known.
func (b *bench) datesOf(t testing.TB, list string, n int) map[string]string {
	t.Helper()
	out := map[string]string{}
	if err := b.Listings(ctx, list, n, func(l lists.Listing) error {
		out[l.Address] = strings.TrimSpace(l.ListedOn + " " + l.ListedOnFrom)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

type onlyKey address.Key

func (k onlyKey) Keys() []address.Key                     { return []address.Key{address.Key(k)} }
func (k onlyKey) Class(_ int, r *lists.Ref) address.Class { return address.Exact }

// periods returns what the delta files say of an address: "LISTED (IN) to REMOVED (IN)".
func (b *bench) periods(t testing.TB, text string) (out []string) {
	t.Helper()
	found, err := b.History(ctx, onlyKey(keyOf(t, text, "ethereum")), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range found {
		if h.Archive == nil {
			continue
		}
		for _, p := range h.Archive.Periods {
			text := fmt.Sprintf("%s (%s) to %s (%s)", p.Listed, p.ListedIn, p.Removed, p.RemovedIn)
			if p.Contradicted {
				text += " contradicted"
			}
			out = append(out, text)
		}
	}
	return out
}

const evmD = "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"

func TestDatesComeFromTheArchiveWhereTheFileHasNone(t *testing.T) {
	b, p := newBench(t), publish(t)
	all := [][3]string{ // not in the order of their dates
		delta("14", "2025-09-01", "modify 2 remove:"+evmB), delta("10", "2024-05-01", "add 1 "+evmA), delta("15", "2026-01-05", "modify 2 add:"+evmB),
		delta("11", "2024-08-08", "add 3 "+evmC), delta("13", "2025-06-01", "add 2 "+evmB), delta("12", "2025-03-21", "remove 3"),
	}
	p.archived(all...)
	p.set("/sdn.xml", ofacXML("2026-03-01", "1 "+evmA, "2 "+evmB))
	b.follow(t, "sdn", p.URL+"/sdn.xml#deltas=/changes", func(l *lists.List) { l.Source.Format = "ofac_xml" })
	want(t, b.refresh(t, true), "sdn activated 1")
	want(t, p.asked(), "/sdn.xml 200", "/changes/history/2026 200", "/changes/history/2025 200", "/changes/history/2024 200", "/changes/history/2023 200",
		"/changes/15 200", "/changes/14 200", "/changes/13 200", "/changes/12 200", "/changes/11 200", "/changes/10 200") // the newest first, after the activation
	if d := cmp.Diff(map[string]string{evmA: "", evmB: ""}, b.datesOf(t, "sdn", 1)); d != "" {
		t.Error(d)
	}

	// Nothing is asked for twice, and only what is new is asked for.
	want(t, b.refresh(t, true), "sdn unchanged 1")
	want(t, p.asked(), "/sdn.xml 304")
	p.archived(append(all, delta("16", "2026-03-08", "modify 1 "+evmA+" "+evmD))...) // all of a party, and one address is new
	p.set("/sdn.xml", ofacXML("2026-03-09", "1 "+evmA+" "+evmD, "2 "+evmB))
	want(t, b.refresh(t, true), "sdn activated 2")
	want(t, p.asked(), "/sdn.xml 200", "/changes/history/2026 200", "/changes/16 200")
	if d := cmp.Diff(map[string]string{evmA: "2024-05-01 delta archive, publication 10", evmB: "2026-01-05 delta archive, publication 15",
		evmD: "2026-03-08 delta archive, publication 16"}, b.datesOf(t, "sdn", 2)); d != "" {
		t.Error(d)
	}
	v, err := b.Version(ctx, "sdn", 2)
	if err != nil || len(v.Warnings) != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	// A date that becomes known later does not change the listing: suppressions stay, and no event is sent.
	if d := cmp.Diff(lists.DiffCounts{Against: 1, Added: 1, Unchanged: 2}, v.Diff); d != "" {
		t.Error(d)
	}

	for text, periods := range map[string][]string{
		evmA: {"2024-05-01 (10) to  ()"},
		evmB: {"2025-06-01 (13) to 2025-09-01 (14)", "2026-01-05 (15) to  ()"},
		evmC: {"2024-08-08 (11) to 2025-03-21 (12)"}, // no version has ever had it, and the file of its removal does not name it
		evmD: {"2026-03-08 (16) to  ()"},
	} {
		if d := cmp.Diff(periods, b.periods(t, text)); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}

	// Layers that are built again have the dates that they had, whatever has been read since.
	p.archived(append(all, delta("16", "2026-03-08", "modify 1 "+evmA+" "+evmD), delta("17", "2026-03-20", "remove 1"))...)
	p.set("/sdn.xml", ofacXML("2026-03-20", "2 "+evmB))
	want(t, b.refresh(t, true), "sdn staged 3: version 3 waits: its guard asks for a reason: shrink")
	b.antiquate(t, "sdn", 2, func(address.Key) bool { return false })
	before := b.datesOf(t, "sdn", 2)
	if done, err := b.Rebuild(ctx, "sdn", "op"); !done || err != nil {
		t.Fatal(done, err)
	}
	if d := cmp.Diff(before, b.datesOf(t, "sdn", 2)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"2024-05-01 (10) to 2026-03-20 (17)"}, b.periods(t, evmA)); d != "" {
		t.Error(d)
	}
}

// What is wrong with the archive is a warning: the file decides what is listed, and a date that is not certain stays unknown.
func TestABadArchiveChangesNoListing(t *testing.T) {
	whole := delta("10", "2024-05-01", "add 1 "+evmA)
	cut := [3]string{"11", "2024-06-01", deltaXML("2024-06-01", "add 2 "+evmB)}
	cut[2] = cut[2][:len(cut[2])-60]
	other := [3]string{"12", "2024-07-01", deltaXML("2023-07-01", "add 2 "+evmB)}
	for name, c := range map[string]struct {
		files   [][3]string
		missing string
		dates   map[string]string
		warning string
	}{
		"a truncated file":                     {[][3]string{whole, cut}, "", map[string]string{evmA: "2024-05-01", evmB: ""}, "publication 11 of 2024-06-01"},
		"a file of another day":                {[][3]string{whole, other}, "", map[string]string{evmA: "2024-05-01", evmB: ""}, "publication 12 of 2024-07-01: it says that it was published on 2023-07-01"},
		"two damaged files":                    {[][3]string{whole, cut, other}, "", map[string]string{evmA: "", evmB: ""}, "2 of the publisher's delta files"},
		"a file that is not there":             {[][3]string{whole, delta("13", "2024-08-01", "add 2 "+evmB)}, "/changes/13", map[string]string{evmA: "2024-05-01", evmB: ""}, "publication 13 of 2024-08-01"},
		"a year that is not there":             {[][3]string{whole, delta("13", "2025-08-01", "add 2 "+evmB)}, "/changes/history/2025", map[string]string{evmA: "", evmB: ""}, ""},
		"it lists an address twice":            {[][3]string{whole, delta("13", "2025-08-01", "add 1 "+evmA)}, "", map[string]string{evmA: "", evmB: ""}, ""},
		"it removes what the file has":         {[][3]string{whole, delta("13", "2025-08-01", "remove 1 "+evmA, "remove 2")}, "", map[string]string{evmA: "", evmB: ""}, ""},
		"a page instead of a list of files":    {nil, "", map[string]string{evmA: "", evmB: ""}, ""},
		"a publication whose number is a path": {[][3]string{{`"1e1"`, "2024-05-01", ""}}, "", map[string]string{evmA: "", evmB: ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newBench(t), publish(t)
			p.archived(c.files...)
			if c.files == nil {
				p.set("/changes/history/2026", "<html>moved</html>")
			}
			if c.missing != "" {
				p.fail(c.missing, http.NotFound)
			}
			b.follow(t, "sdn", p.URL+"/sdn.xml#deltas=/changes", func(l *lists.List) { l.Source.Format = "ofac_xml" })
			p.set("/sdn.xml", ofacXML("2026-03-01", "1 "+evmA))
			want(t, b.refresh(t, true), "sdn activated 1")
			want(t, b.refresh(t, true), "sdn unchanged 1") // what was ended by a missing file goes on
			p.set("/sdn.xml", ofacXML("2026-03-02", "1 "+evmA, "2 "+evmB))
			want(t, b.refresh(t, true), "sdn activated 2")
			got := b.datesOf(t, "sdn", 2)
			for a := range got {
				got[a], _, _ = strings.Cut(got[a], " ")
			}
			if d := cmp.Diff(c.dates, got); d != "" {
				t.Error(d)
			}
			v, err := b.Version(ctx, "sdn", 2)
			if err != nil || v.State != lists.Activated || len(v.Guards) != 0 {
				t.Errorf("%+v, %v", v, err)
			}
			if c.warning != "" && !slices.ContainsFunc(v.Warnings, func(f lists.Finding) bool { return f.Code == "delta_archive" && strings.Contains(f.Detail, c.warning) }) {
				t.Errorf("warnings %v, want %s", v.Warnings, c.warning)
			}
		})
	}
}

// A large archive is read after several refreshes, each of which goes on where the last one ended, and one that breaks off loses nothing. A file
// that cannot be used is given up.
func TestAnArchiveIsReadBitByBit(t *testing.T) {
	b, p := newBench(t), publish(t)
	var all [][3]string
	for i := range 90 {
		all = append(all, delta(fmt.Sprint(100+i), time.Date(2025, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), fmt.Sprintf("remove %d", 1000+i)))
	}
	all[0] = delta("100", "2025-01-01", "add 1 "+evmA)
	all[89][2] = all[89][2][:200] // the newest
	p.archived(all...)
	p.set("/sdn.xml", ofacXML("2026-03-01", "1 "+evmA))
	b.follow(t, "sdn", p.URL+"/sdn.xml#deltas=/changes", func(l *lists.List) { l.Source.Format = "ofac_xml" })
	files := func() (n int, damaged int) {
		for _, line := range p.asked() {
			if strings.HasPrefix(line, "/changes/") && !strings.Contains(line, "history") {
				n++
			}
			if line == "/changes/189 200" {
				damaged++
			}
		}
		return n, damaged
	}
	step := func(wantFiles, wantDamaged int) {
		t.Helper()
		if got := b.refresh(t, true); len(got) != 1 {
			t.Fatal(got)
		}
		if n, damaged := files(); n != wantFiles || damaged != wantDamaged {
			t.Errorf("%d files were read, %d of them the damaged one; want %d and %d", n, damaged, wantFiles, wantDamaged)
		}
	}
	step(40, 1)
	p.fail("/changes/140", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	step(9, 0) // what was read before the server went away is kept
	p.fail("/changes/140", nil)
	step(40, 0)
	a, _, err := lists.Read[lists.DeltaArchive](ctx, b.store, lists.DocDeltas("sdn"))
	if err != nil || len(a.Unread)+len(a.Read) != 90 || len(a.Unread) != 2 {
		t.Fatalf("%d files are read and %d not, %v", len(a.Read), len(a.Unread), err)
	}
	for range 5 {
		b.refresh(t, true)
	}
	files()
	step(0, 0) // the damaged file has been downloaded five times
	if a, _, err = lists.Read[lists.DeltaArchive](ctx, b.store, lists.DocDeltas("sdn")); err != nil || len(a.Unread) != 1 || a.Unread[0].Tries != 5 {
		t.Errorf("%+v, %v", a.Unread, err)
	}

	// What is kept is lost or damaged: it is read again.
	if err := b.store.Commit(ctx, lists.Change{Key: lists.DocDeltas("sdn"), Value: []byte("{"), Expect: lists.AnyRevision}); err != nil {
		t.Fatal(err)
	}
	step(40, 1)
}
