package formats

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The real lists stand beside the checkout while this is being built; their README.md says what each holds.
const shared = "../../../shared/data"

// real gives a real file; the test is skipped where the files are not.
func real(t testing.TB, path string) File {
	t.Helper()
	full := filepath.Join(shared, path)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("the real lists are not here: %v", err)
	}
	return onDisk(full)
}

// realRows reads real files, each set of them once.
func realRows(t *testing.T, paths ...string) ([]Row, Info) {
	t.Helper()
	key := strings.Join(paths, "+")
	if r, ok := realCache[key]; ok {
		return r.rows, r.info
	}
	var files []File
	for _, p := range paths {
		files = append(files, real(t, p))
	}
	rows, info, err := rowsOf(t, "auto", Options{}, files...)
	if err != nil {
		t.Fatal(err)
	}
	realCache[key] = realResult{rows, info}
	return rows, info
}

type realResult struct {
	rows []Row
	info Info
}

var realCache = map[string]realResult{} // no test here is parallel

func distinct[K comparable](rows []Row, key func(Row) K) map[K]int {
	m := map[K]int{}
	for _, r := range rows {
		m[key(r)]++
	}
	return m
}

type triple struct{ UID, Asset, Address string }

func tripleOf(r Row) triple { return triple{r.EntityID, r.Asset, r.Address} }

func addressOf(r Row) string { return r.Address }

const (
	advanced2024 = "ofac/sdn_advanced_2024-09-26.xml.gz"
	advanced2025 = "ofac/sdn_advanced_2025-04-02.xml.gz"
)

func TestRealAdvancedFilesHoldWhatTheirReadMeSays(t *testing.T) {
	for _, c := range []struct {
		path, published               string
		rows, triples, address, party int
		assets                        map[string]int
	}{
		{advanced2024, "2024-09-26", 657, 656, 641, 59, map[string]int{"XBT": 437, "ETH": 152, "USDT": 26, "LTC": 11, "BCH": 7, "TRX": 6, "DASH": 3, "XMR": 3, "ZEC": 3, "USDC": 2, "ARB": 1, "BSC": 1, "BSV": 1, "BTG": 1, "ETC": 1, "XRP": 1, "XVG": 1}},
		{advanced2025, "2025-04-02", 635, 634, 619, 65, map[string]int{"XBT": 485, "ETH": 63, "USDT": 40, "LTC": 11, "XMR": 8, "BCH": 7, "TRX": 6, "DASH": 3, "ZEC": 3, "USDC": 2, "ARB": 1, "BSC": 1, "BSV": 1, "BTG": 1, "ETC": 1, "XRP": 1, "XVG": 1}},
	} {
		rows, info := realRows(t, c.path)
		if diff := cmp.Diff(Info{Format: "ofac_advanced", Published: c.published}, info); diff != "" {
			t.Errorf("%s:\n%s", c.path, diff)
		}
		got := []int{len(rows), len(distinct(rows, tripleOf)), len(distinct(rows, addressOf)), len(distinct(rows, func(r Row) string { return r.EntityID }))}
		if want := []int{c.rows, c.triples, c.address, c.party}; !slices.Equal(want, got) {
			t.Errorf("%s: rows, triples, addresses, parties: %v, want %v", c.path, got, want)
		}
		if diff := cmp.Diff(c.assets, distinct(rows, func(r Row) string { return r.Asset })); diff != "" {
			t.Errorf("%s:\n%s", c.path, diff)
		}
		for _, r := range rows {
			if r.Problem != "" || r.EntityName == "" || r.EntityType == "" || len(r.Programs) == 0 || r.ListedOn < "2018" || r.ListedOn > c.published || strings.ContainsAny(r.Address, " \t\r\n") {
				t.Errorf("%s: %+v", c.path, r)
			}
		}
	}
}

// Rows that other parsers are known to misread.
func TestRealTrapsOfTheAdvancedFile(t *testing.T) {
	rows, _ := realRows(t, advanced2025)
	find := func(address string) (found []Row) {
		for _, r := range rows {
			if r.Address == address {
				found = append(found, r)
			}
		}
		return found
	}
	want := Row{Address: "TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq", Asset: "XBT", EntityID: "45404", EntityName: "Wang, Mingming", EntityType: "individual", Programs: []string{"ILLICIT-DRUGS-EO14059"},
		ListedOn: "2023-10-03", URL: "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=45404"}
	got := find(want.Address)
	if len(got) != 1 || !strings.HasPrefix(got[0].Locator, "DistinctParty 45404 Feature ") {
		t.Fatalf("%+v", got)
	}
	got[0].Locator = ""
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	for _, shared := range []string{"LeKvNdNEzgQkzVVnRdV3fAu2DSF1nLsNw6", "1H939dom7i4WDLCKyGbXUp3fs9CSTNRzgL"} {
		if n := len(distinct(find(shared), func(r Row) string { return r.EntityID })); n != 2 {
			t.Errorf("%s belongs to %d parties, want 2", shared, n)
		}
	}
	if n := len(find("5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320")); n != 1 {
		t.Errorf("the value that is no address was given %d times", n)
	}
	repeated := 0
	for tr, n := range distinct(rows, tripleOf) {
		if n > 1 && tr.UID == "37070" {
			repeated++
		}
	}
	if repeated != 1 {
		t.Errorf("%d repeated triples of party 37070, want 1", repeated)
	}
	notes := distinct(rows, func(r Row) string { return r.Note })
	if notes["No associated forks."] == 0 || notes["This address is also associated with BCH and BSV forks."] == 0 {
		t.Errorf("the notes on forks are missing: %v", notes)
	}
}

// A reload that only adds keeps 90 wrong blocks: all of Tornado Cash.
func TestWhatOFACRemovedIsGone(t *testing.T) {
	before, _ := realRows(t, advanced2024)
	after, _ := realRows(t, advanced2025)
	old, now := distinct(before, tripleOf), distinct(after, tripleOf)
	added, removed, tornado := 0, 0, 0
	for tr := range now {
		if old[tr] == 0 {
			added++
		}
	}
	for tr := range old {
		if now[tr] == 0 {
			removed++
			if tr.UID == "39796" {
				tornado++
			}
		}
	}
	if added != 68 || removed != 90 || tornado != 90 {
		t.Errorf("%d added, %d removed, %d of them Tornado Cash; want 68, 90, 90", added, removed, tornado)
	}
}

func TestEveryFormatOfOFACGivesTheSameList(t *testing.T) {
	want, _ := realRows(t, advanced2025)
	wanted := map[triple]Row{}
	for _, r := range want {
		wanted[tripleOf(r)] = r
	}
	for _, c := range []struct {
		path, published string
		dates           bool
	}{{"ofac_derived/sdn_2025-04-02_derived.xml", "2025-04-02", false}, {"ofac_derived/sdn_enhanced_2025-04-02_derived.xml", "2025-04-02", true}} {
		rows, info := realRows(t, c.path)
		if diff := cmp.Diff(distinct(want, tripleOf), distinct(rows, tripleOf)); diff != "" {
			t.Errorf("%s: the (party, asset, address) triples differ:\n%s", c.path, diff)
		}
		if len(rows) != len(want) || info.Published != c.published || len(info.Warnings) != 0 {
			t.Errorf("%s: %d rows, %+v", c.path, len(rows), info)
		}
		for _, r := range rows {
			a := wanted[tripleOf(r)]
			if !strings.EqualFold(a.EntityName, r.EntityName) || a.EntityType != r.EntityType || a.URL != r.URL || !sameSet(a.Programs, r.Programs) || c.dates && a.ListedOn != r.ListedOn || r.Problem != "" {
				t.Errorf("%s differs from the advanced file:\n%s", c.path, cmp.Diff(a, r))
			}
		}
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

func TestTheRealLegacyTablesJoined(t *testing.T) {
	rows, info := realRows(t, "ofac/sdn_2023-08-23.csv.gz", "ofac/sdn_comments_2023-08-23.csv")
	if len(rows) != 553 || len(info.Warnings) != 0 || info.Format != "ofac_csv" {
		t.Errorf("%d rows, %+v", len(rows), info)
	}
	want := map[string]int{"XBT": 363, "ETH": 143, "USDT": 14, "LTC": 9, "BCH": 7, "DASH": 3, "XMR": 3, "ZEC": 3, "ARB": 1, "BSC": 1, "BSV": 1, "BTG": 1, "ETC": 1, "USDC": 1, "XRP": 1, "XVG": 1}
	if diff := cmp.Diff(want, distinct(rows, func(r Row) string { return r.Asset })); diff != "" {
		t.Error(diff)
	}
	for _, r := range rows {
		if r.Problem != "" || len(r.Address) < 26 || strings.ContainsAny(r.Address, " .;") || len(r.Programs) == 0 {
			t.Errorf("%+v", r)
		}
	}

	// what stands in both publications is the same
	later, _ := realRows(t, advanced2024)
	both := distinct(later, tripleOf)
	gone := 0
	for tr := range distinct(rows, tripleOf) {
		if both[tr] == 0 {
			gone++
		}
	}
	if gone > 20 {
		t.Errorf("%d of the addresses of 2023 are not in the list of 2024", gone)
	}
}

// Without its comments: 238 whole addresses, 6 that are cut in two and 3 whose cut falls before them.
func TestTheRealLegacyTableAlone(t *testing.T) {
	rows, info := realRows(t, "ofac/sdn_2023-08-23.csv.gz")
	whole, fragments := 0, []string(nil)
	for _, r := range rows {
		if r.Problem == "" {
			whole++
			continue
		}
		if r.Address != "" {
			t.Errorf("a fragment was given as an address: %+v", r)
		}
		if _, fragment, ok := strings.Cut(r.Problem, "Address - XBT "); ok {
			fragment, _, _ = strings.Cut(fragment, `"`)
			fragments = append(fragments, fragment)
		}
	}
	slices.Sort(fragments)
	want := []string{"1B11Ezqg3AXj", "1B64QRxf", "1Gq", "1N6XqS", "3", "3F6bbvS1krsc1qR8FsbTDfYQyvkMm"}
	if diff := cmp.Diff(want, fragments); diff != "" || whole != 238 || len(rows) != 247 || !warned(info, "truncated_remarks") {
		t.Errorf("%d whole of %d, %+v\n%s", whole, len(rows), info, diff)
	}
}

func TestRealListsWithoutAddresses(t *testing.T) {
	for path, c := range map[string]struct{ format, published, warning string }{
		"ofac/cons_prim.csv":                                      {"ofac_csv", "", "truncated_remarks"},
		"ofac/cons_alt.csv":                                       {"ofac_csv", "", "no_addresses"},
		"ofac/cons_add.csv":                                       {"ofac_csv", "", "no_addresses"},
		"ofac/cons_comments.csv":                                  {"ofac_csv", "", "no_main_table"},
		"ofac/CONS_ENHANCED_2025-01-10.ZIP":                       {"ofac_enhanced", "2025-01-10", ""},
		"un/UN_consolidated_2026-02-27.xml.gz":                    {"un_xml", "2026-02-27", "no_addresses"},
		"opensanctions/yente_entities.ftm.json":                   {"ftm", "", ""},
		"ofac_extracted/thomasgregg_2024-12-29_zero_entries.json": {"json", "2024-12-29", ""},
	} {
		rows, info := realRows(t, path)
		if len(rows) != 0 || info.Format != c.format || info.Published != c.published || warned(info, c.warning) != (c.warning != "") {
			t.Errorf("%s: %d rows, %+v", path, len(rows), info)
		}
	}
	for _, path := range []string{"ofac/sdn_2024-05-04_zero_bytes.csv", "ofac_extracted/thomasgregg_2024-12-29_zero_bytes.json"} {
		refused(t, "auto", real(t, path), "empty")
	}
	refused(t, "auto", real(t, "ofac/dataspec.txt"), "no known format")
	refused(t, "auto", real(t, "eu_fr_text/remarks_excerpt.tsv"), "header")
}

func TestRealExtractedLists(t *testing.T) {
	text, info := realRows(t, "ofac_extracted/complete_wallet_list_2025-11-20.txt")
	if n := len(distinct(text, addressOf)); len(text) != 761 || n != 745 || info.Published != "2025-11-20" {
		t.Errorf("%d lines, %d distinct, %+v", len(text), n, info)
	}
	keyed, info := realRows(t, "ofac_extracted/thomasgregg_2025-11-20.json")
	if n := len(distinct(keyed, addressOf)); len(keyed) != 761 || n != 745 || info.Published != "2025-11-19" {
		t.Errorf("%d entries, %d distinct, %+v", len(keyed), n, info)
	}
	// the maker lower-cased what the text has in full
	lower := map[string]bool{}
	for _, r := range text {
		lower[strings.ToLower(r.Address)] = true
	}
	for _, r := range keyed {
		if !lower[r.Address] || r.Asset == "" || r.EntityName == "" || r.EntityID == "" || len(r.Programs) == 0 || r.Problem != "" {
			t.Errorf("%+v", r)
		}
	}
	want := map[string]int{"XBT": 519, "USDT": 93, "ETH": 77, "TRX": 29, "LTC": 11, "XMR": 8, "BCH": 7, "DASH": 3, "ZEC": 3, "USDC": 2, "ARB": 1, "BNB": 1, "BSC": 1, "BSV": 1, "BTG": 1, "ETC": 1, "SOL": 1, "XRP": 1, "XVG": 1}
	if diff := cmp.Diff(want, distinct(keyed, func(r Row) string { return r.Asset })); diff != "" {
		t.Error(diff)
	}

	brave := 0
	entries, err := os.ReadDir(filepath.Join(shared, "ofac_extracted/0xB10C_2024-09-27"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		base, isText := strings.CutSuffix(e.Name(), ".txt")
		if !isText {
			continue
		}
		a, _ := realRows(t, "ofac_extracted/0xB10C_2024-09-27/"+e.Name())
		b, _ := realRows(t, "ofac_extracted/0xB10C_2024-09-27/"+base+".json")
		var inText, inJSON []string
		for _, r := range a {
			inText = append(inText, r.Address)
		}
		for _, r := range b {
			inJSON = append(inJSON, r.Address)
		}
		if diff := cmp.Diff(inText, inJSON); diff != "" {
			t.Errorf("%s:\n%s", base, diff)
		}
		brave += len(a)
	}
	if brave != 654 {
		t.Errorf("%d addresses, want 654", brave)
	}
}

func TestRealTables(t *testing.T) {
	for path, c := range map[string]struct {
		rows    int
		format  string
		check   func(Row) bool
		warning string
	}{
		"fbi/fbi_psa250226_bybit.csv": {51, "csv", func(r Row) bool {
			return r.Asset == "ETH" && r.EntityName == "TraderTraitor (North Korea)" && r.ListedOn == "2025-02-26" && r.Note == "source: FBI IC3 PSA I-022625-PSA"
		}, ""},
		"ofac_extracted/ultrasoundmoney_2025-07-11.csv": {67, "csv", func(r Row) bool { return r.EntityName != "" && r.ListedOn >= "2020" }, ""},
		"scam/forta_phishing_scams_2023-01-26.csv":      {6726, "csv", func(r Row) bool { return strings.Contains(r.Note, "etherscan_labels: ") }, "unknown_columns"},
		"scam/scamsniffer_address_2024-02-29.json":      {2530, "json", func(r Row) bool { return strings.HasPrefix(r.Address, "0x") }, ""},
		"scam/mew_darklist_2018-03-07.json":             {120, "json", func(r Row) bool { return r.Note != "" && (r.ListedOn == "" || r.ListedOn >= "2017") }, ""},
		"stolen_funds/bybit_hackscan_excerpt.json":      {40, "json", func(r Row) bool { return r.Network != "" && r.Incident == "0221" }, ""},
		"opensanctions/ransomwhere_targets.simple_2025-09-08.csv.gz": {11186, "opensanctions_csv", func(r Row) bool {
			return strings.EqualFold("rwre-"+r.Address, r.EntityID) && r.EntityName != ""
		}, ""},
		"opensanctions/ransomwhere_first500_derived.ftm.json": {500, "ftm", func(r Row) bool {
			return r.Asset == "bitcoin" && r.Locator == "entity "+r.EntityID && strings.Contains(r.Note, "notes: ")
		}, ""},
	} {
		rows, info := realRows(t, path)
		if len(rows) != c.rows || info.Format != c.format || warned(info, c.warning) != (c.warning != "") {
			t.Errorf("%s: %d rows, want %d; %+v", path, len(rows), c.rows, info)
		}
		for _, r := range rows {
			if r.Problem != "" || r.Address == "" || !c.check(r) {
				t.Errorf("%s: %+v", path, r)
				break
			}
		}
	}
	rows, _ := realRows(t, "stolen_funds/bybit_hackscan_excerpt.json")
	if diff := cmp.Diff(map[string]int{"eth": 14, "btc": 5, "bsc": 5, "arbi": 6, "solana": 5, "tron": 5}, distinct(rows, func(r Row) string { return r.Network })); diff != "" {
		t.Error(diff)
	}
	rows, info := realRows(t, "opensanctions/ransomwhere_targets.simple_2025-09-08.csv.gz")
	families := distinct(rows, func(r Row) string { return r.EntityName })
	if info.Published != "2025-09-08" || families["Locky"] < 1000 {
		t.Errorf("%+v, Locky %d", info, families["Locky"])
	}
	rows, info = realRows(t, "opensanctions/yente_entities_del.delta.json")
	if !info.Delta || len(rows) != 1 || !rows[0].Removed || rows[0].EntityID != "NK-500Poltergeist" {
		t.Errorf("%+v %+v", rows, info)
	}
}

// 796 cells of the address column: 392 user ids, 404 others, one of which holds two addresses. Of these 405, 393 are addresses of
// networks that lists/address knows, 12 are not (Siacoin, Lisk, IOST, Stratis and Komodo, two wrong checksums, one with Cyrillic letters);
// 392 + 12 are the "404 cells that are no addresses" of the README, whose 390 leave out Stellar, Algorand and Cardano.
func TestTheRealIsraeliTable(t *testing.T) {
	for _, files := range [][]string{{"israel_nbctf/wallets_english_2026-03-02.csv"}, {"israel_nbctf/releases_english_2026-03-02.csv", "israel_nbctf/wallets_english_2026-03-02.csv"}} {
		rows, info := realRows(t, files...)
		ids, listed, tagged, orders, expiring := 0, 0, 0, map[string]int{}, 0
		for _, r := range rows {
			switch {
			case strings.HasPrefix(r.Problem, "exchange user id, not a wallet"):
				ids++
				if r.Address != "" {
					t.Errorf("a user id was given as an address: %+v", r)
				}
			case r.Problem != "":
				t.Errorf("%+v", r)
			default:
				listed++
			}
			if strings.Contains(r.Note, "tag: Address tag ") {
				tagged++
			}
			orders[r.Incident]++
			if r.ValidUntil != "" {
				expiring++
			}
			if !slices.Equal(r.Programs, []string{r.Incident}) || r.Incident == "" {
				t.Errorf("no order: %+v", r)
			}
		}
		if len(rows) != 797 || ids != 392 || listed != 405 || tagged != 4 || len(orders) != 29 || info.Format != "israel_nbctf" {
			t.Errorf("%d rows: %d user ids, %d addresses, %d with a tag, %d orders; %+v", len(rows), ids, listed, tagged, len(orders), info)
		}
		if !warned(info, "repeated_cells") || !warned(info, "user_ids") {
			t.Errorf("%+v", info)
		}
		if want := map[int]bool{1: false, 2: true}[len(files)]; (expiring > 0) != want {
			t.Errorf("%d rows with an end", expiring)
		}
	}
	rows, _ := realRows(t, "israel_nbctf/releases_english_2026-03-02.csv", "israel_nbctf/wallets_english_2026-03-02.csv")
	if rows[0].Incident != "ASO 6/26" || rows[0].ValidUntil != "2028-02-16" {
		t.Errorf("%+v", rows[0])
	}
	find := distinct(rows, addressOf)
	for _, a := range []string{"TН96tFMn8KGiYSLiwсV3E2UiaJc8jmcbz3", "bnb136ns6lfw4zs5hg4n85vdthaad7hq5m4gtkgf23", "TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw", "TAfGsxeQz9PQJ2wEgj7oR3cuiL3zCLqtWz"} {
		if find[a] == 0 {
			t.Errorf("%s is missing", a)
		}
	}
	if find["TAfGsxeQz9PQJ2wEgj7oR3cuiL3zCLqtWz"] != 1 || find["TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw"] != 2 {
		t.Error("a repeated cell was taken twice, or a repeated listing once")
	}
}

// 117 MB of XML: little memory and little time. The issue allows 6 s for reading, staging and activating together.
func TestTheRealAdvancedFileIsReadFastAndSmall(t *testing.T) {
	file := real(t, advanced2025)
	started := time.Now()
	var rows []Row
	grown := heapGrowth(t, func() { rows, _, _ = rowsOf(t, "auto", Options{}, file) })
	took := time.Since(started)
	if len(rows) != 635 {
		t.Errorf("%d rows", len(rows))
	}
	if grown > 16<<20 {
		t.Errorf("the heap grew by %d MiB, want far less than the 100 allowed", grown>>20)
	}
	t.Logf("%v, %.1f MiB", took, float64(grown)/(1<<20))
}
