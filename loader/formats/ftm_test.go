package formats

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAWalletIsJoinedWhateverTheOrderOfTheLines(t *testing.T) {
	lines := []string{
		`{"id": "w", "schema": "CryptoWallet", "properties": {"publicKey": ["a1"], "currency": ["XBT"], "holder": ["h"], "topics": ["sanction"]}, "datasets": ["d"], "target": true}`,
		`{"id": "h", "caption": "Holder", "schema": "Company", "properties": {"name": ["Other name"]}}`,
		`{"id": "s", "schema": "Sanction", "properties": {"entity": ["h"], "program": ["P1"], "startDate": ["2020-02-02"]}}`,
		`{"id": "s2", "schema": "Sanction", "properties": {"entity": ["w"], "programId": ["P2"], "listingDate": ["2021-01-01"], "endDate": ["2023-01-01"]}}`,
	}
	want := []Row{{Address: "a1", Asset: "XBT", EntityID: "h", EntityName: "Holder", EntityType: "entity", Category: "sanctions", Programs: []string{"P2", "P1"},
		ListedOn: "2021-01-01", URL: "https://www.opensanctions.org/entities/w/", Note: "dataset: d", Locator: "entity w"}}
	permutations(lines, func(lines []string) {
		rows, info := mustRows(t, "auto", "e.json", strings.Join(lines, "\n"))
		if diff := cmp.Diff(want, rows); diff != "" || info.Delta {
			t.Errorf("%s\n%s", strings.Join(lines, "\n"), diff)
		}
	})
}

func permutations(all []string, fn func([]string)) {
	var step func(n int)
	step = func(n int) {
		if n == len(all) {
			fn(slices.Clone(all))
		}
		for i := n; i < len(all); i++ {
			all[n], all[i] = all[i], all[n]
			step(n + 1)
			all[n], all[i] = all[i], all[n]
		}
	}
	step(0)
}

func TestTheEarliestListingCounts(t *testing.T) {
	rows, _ := mustRows(t, "auto", "e.json", `{"id": "w", "schema": "CryptoWallet", "properties": {"publicKey": ["a1"]}}
{"id": "s1", "schema": "Sanction", "properties": {"entity": ["w"], "startDate": ["2021-05-05"], "program": ["A"]}}
{"id": "s2", "schema": "Sanction", "properties": {"entity": ["w"], "listingDate": ["2020-04-04"], "startDate": ["2019-01-01"], "program": ["B", "A"]}}
{"id": "s3", "schema": "Sanction", "properties": {"entity": ["w"], "startDate": ["2022-05-05"], "programId": ["C"], "program": ["long name of C"]}}`)
	if len(rows) != 1 || rows[0].ListedOn != "2020-04-04" || !slices.Equal(rows[0].Programs, []string{"A", "B", "C"}) {
		t.Errorf("%+v", rows)
	}
}

// A wallet expires only when every order on it does.
func TestAnOrderWithoutAnEndKeepsTheWalletListed(t *testing.T) {
	const wallet = `{"id": "w", "schema": "CryptoWallet", "properties": {"publicKey": ["a1"], "topics": ["crime.terror"]}}` + "\n"
	const ending = `{"id": "s1", "schema": "Sanction", "properties": {"entity": ["w"], "endDate": ["2023-01-01"]}}` + "\n"
	const later = `{"id": "s2", "schema": "Sanction", "properties": {"entity": ["w"], "endDate": ["2027-01-01"]}}` + "\n"
	const open = `{"id": "s3", "schema": "Sanction", "properties": {"entity": ["w"]}}` + "\n"
	for lines, want := range map[string]string{wallet: "", wallet + ending: "2023-01-01", wallet + ending + later: "2027-01-01", wallet + ending + open: ""} {
		rows, _ := mustRows(t, "auto", "e.json", lines)
		if len(rows) != 1 || rows[0].ValidUntil != want || rows[0].Category != "terrorist_financing" {
			t.Errorf("%s: %+v, want %s", lines, rows, want)
		}
	}
}

func TestDeltasSayWhatIsGone(t *testing.T) {
	rows, info := mustRows(t, "auto", "d.json", `{"op":"DEL","entity":{"id":"NK-500Poltergeist"}}`)
	if diff := cmp.Diff([]Row{{EntityID: "NK-500Poltergeist", Locator: "entity NK-500Poltergeist", Removed: true}}, rows); diff != "" || !info.Delta {
		t.Errorf("%+v\n%s", info, diff)
	}
	rows, _ = mustRows(t, "auto", "d.json", `{"op":"DEL","entity":{"caption":"no id"}}`+"\n"+`{"id": "x", "schema": "CryptoWallet", "properties": {"publicKey": ["a1"]}}`)
	if len(rows) != 2 || rows[0].Problem != "id: missing" || !strings.HasPrefix(rows[1].Problem, "op:") {
		t.Errorf("%+v", rows)
	}
}

// The filter forgets nothing, and remembers little that was not said.
func TestTheFilterOfNeededIdsHasNoFalseNegatives(t *testing.T) {
	f := newIDFilter()
	for i := range 100_000 {
		f.add(fmt.Sprint("id-", i))
	}
	wrong := 0
	for i := range 200_000 {
		has := f.has(fmt.Sprint("id-", i))
		if i < 100_000 && !has {
			t.Fatalf("id-%d was forgotten", i)
		}
		if i >= 100_000 && has {
			wrong++
		}
	}
	if wrong > 10 {
		t.Errorf("%d of 100,000 ids were never added", wrong)
	}
}

func sanction(id, of, end string) string {
	return fmt.Sprintf(`{"id": %q, "schema": "Sanction", "properties": {"entity": [%q], "endDate": [%q]}}`, id, of, end)
}

// A wallet's orders are its own and those of its holders: it expires when the last of them all has ended.
func TestOrdersOnTheHolderKeepTheWalletListed(t *testing.T) {
	const wallet = `{"id": "w", "schema": "CryptoWallet", "properties": {"publicKey": ["a1"], "holder": ["h"], "topics": ["sanction"]}, "target": true}`
	const holder = `{"id": "h", "caption": "H", "schema": "Person", "properties": {"topics": [%s]}}`
	for name, c := range map[string]struct {
		lines []string
		until string
	}{
		"the holder's has no end":          {[]string{sanction("s1", "w", "2020-01-01"), sanction("s2", "h", "")}, ""},
		"the holder's ends later":          {[]string{sanction("s1", "w", "2020-01-01"), sanction("s2", "h", "2030-01-01")}, "2030-01-01"},
		"both have ended":                  {[]string{sanction("s1", "w", "2020-01-01"), sanction("s2", "h", "2019-01-01")}, "2020-01-01"},
		"only the holder's, and it ended":  {[]string{sanction("s2", "h", "2019-01-01")}, "2019-01-01"},
		"one of the holder's two has none": {[]string{sanction("s1", "w", "2020-01-01"), sanction("s2", "h", "2019-01-01"), sanction("s3", "h", "")}, ""},
	} {
		permutations(append([]string{wallet, fmt.Sprintf(holder, "")}, c.lines...), func(lines []string) {
			rows, _ := mustRows(t, "ftm", "e.json", strings.Join(lines, "\n"))
			if len(rows) != 1 || rows[0].ValidUntil != c.until || rows[0].Problem != "" {
				t.Errorf("%s: %+v, want %q", name, rows, c.until)
			}
		})
	}
	rows, _ := mustRows(t, "ftm", "e.json", wallet+"\n"+fmt.Sprintf(holder, `"sanction"`)+"\n"+sanction("s1", "w", "2020-01-01"))
	if len(rows) != 1 || rows[0].ValidUntil != "" {
		t.Errorf("the holder is sanctioned, the file does not hold by which order: %+v", rows)
	}
}

// Only an entity that a delta adds is known with all its orders; anything else is for the loader, which has the listing of before.
func TestADeltaDoesNotKnowEveryOrder(t *testing.T) {
	const wallet = `{"id": "w", "schema": "CryptoWallet", "properties": {"publicKey": ["a1"], "holder": ["h"]}, "target": false}`
	const holder = `{"id": "h", "caption": "H", "schema": "Person", "properties": {}}`
	line := func(op, entity string) string { return `{"op": "` + op + `", "entity": ` + entity + "}\n" }
	for name, c := range map[string]struct {
		delta   string
		partial bool
		until   string
		problem bool
		orders  map[string]string
	}{
		"added with its holder": {line("ADD", wallet) + line("ADD", holder) + line("ADD", sanction("s", "h", "2020-01-01")), false, "2020-01-01", false, map[string]string{"h": "2020-01-01"}},
		"holder not in it":      {line("ADD", wallet) + line("ADD", sanction("s", "w", "2020-01-01")), true, "", true, map[string]string{"w": "2020-01-01"}},
		"holder changed":        {line("ADD", wallet) + line("MOD", holder) + line("ADD", sanction("s", "w", "")), true, "", false, map[string]string{"w": ""}},
		"changed":               {line("MOD", wallet) + line("MOD", sanction("s", "w", "2020-01-01")) + line("ADD", sanction("s2", "w", "2021-01-01")), true, "", true, map[string]string{"w": "2021-01-01"}},
	} {
		rows, info := mustRows(t, "ftm", "d.json", c.delta)
		row := rows[slices.IndexFunc(rows, func(r Row) bool { return !r.Removed })]
		if row.Address != "a1" || row.Partial != c.partial || row.ValidUntil != c.until || (row.Problem != "") != c.problem {
			t.Errorf("%s: %+v", name, row)
		}
		if diff := cmp.Diff(c.orders, info.Orders); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	_, info := mustRows(t, "ftm", "d.json", line("ADD", sanction("s", "somebody", "")))
	if diff := cmp.Diff(map[string]string{"somebody": ""}, info.Orders); diff != "" {
		t.Errorf("an order on an entity that is not in the delta: %s", diff)
	}
}
