package formats

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

func advancedFixture(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/ofac_advanced/sdn_advanced.xml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAnAdvancedPartyIsReadWhole(t *testing.T) {
	rows, info := mustRows(t, "ofac_advanced", "SDN_ADVANCED.XML", advancedFixture(t))
	want := Row{Address: "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", Asset: "ETH", EntityID: "27307", EntityName: "Lazarus Group", EntityType: "entity",
		Programs: []string{"SDGT", "DPRK3"}, ListedOn: "2019-09-13", // of the SDN list, though another list has an older date
		URL: "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307", Locator: "DistinctParty 27307 Feature 50215"}
	if diff := cmp.Diff(want, rows[3]); diff != "" {
		t.Error(diff)
	}
	if info.Published != "2025-04-02" || info.Delta {
		t.Errorf("%+v", info)
	}

	// the same whichever list comes first
	doc := advancedFixture(t)
	other := doc[strings.Index(doc, `<SanctionsEntry ID="1"`):strings.Index(doc, `<SanctionsEntry ID="27307"`)]
	rows, _ = mustRows(t, "ofac_advanced", "a.xml", strings.Replace(strings.Replace(doc, other, "", 1), "</SanctionsEntries>", other+"</SanctionsEntries>", 1))
	if rows[3].ListedOn != "2019-09-13" {
		t.Errorf("another list's date was taken: %+v", rows[3])
	}
}

// Publishers changed the namespace in 2024, and may use a prefix tomorrow.
func TestNamespacesDoNotMatter(t *testing.T) {
	doc := advancedFixture(t)
	want, _ := mustRows(t, "auto", "a.xml", doc)
	old := strings.ReplaceAll(doc, "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/ADVANCED_XML", "http://www.un.org/sanctions/1.0")
	prefixed := strings.NewReplacer("<?", "<?", "<!--", "<!--", "</", "</s:", "<", "<s:", `xmlns="`, `xmlns:s="`).Replace(doc)
	crlf := strings.ReplaceAll(doc, "\n", "\r\n")
	for name, other := range map[string]string{"old": old, "prefixed": prefixed, "CRLF": crlf} {
		got, _ := mustRows(t, "auto", "a.xml", other)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// A new ticker is an address; a feature whose name only looks like one raises an alarm.
func TestNewTickersAreReadAndStrangeFeaturesReported(t *testing.T) {
	rows, info := mustRows(t, "auto", "a.xml", advancedFixture(t))
	if rows[4].Asset != "NEWCOIN" || !warned(info, "unknown_feature") {
		t.Errorf("%+v %+v", rows[4], info)
	}
	for label, want := range map[string]string{"Digital Currency Address - XBT": "XBT", " Digital Currency Address – USD Coin ": "USD Coin", "Digital Currency Address": ""} {
		if asset, ok := ofacAsset(label); !ok || asset != want {
			t.Errorf("%q: %q, %v", label, asset, ok)
		}
	}
	for _, label := range []string{"", "Gender", "Digital Currency Addresses", "Email Address", "digital currency address - XBT "} {
		if asset, ok := ofacAsset(label); ok {
			t.Errorf("%q is the address of an asset %q", label, asset)
		}
	}
}

func TestAnAdvancedFileWithoutItsReferencesIsRefused(t *testing.T) {
	doc := advancedFixture(t)
	sets := doc[strings.Index(doc, "<ReferenceValueSets>") : strings.Index(doc, "</ReferenceValueSets>")+len("</ReferenceValueSets>")]
	refused(t, "auto", memory("a.xml", []byte(strings.Replace(doc, sets, "", 1))), "ReferenceValueSets")
	late := strings.Replace(strings.Replace(doc, sets, "", 1), "</DistinctParties>", "</DistinctParties>"+sets, 1)
	refused(t, "auto", memory("a.xml", []byte(late)), "come before")
	refused(t, "auto", memory("a.xml", []byte(`<Sanctions/>`)), "ReferenceValueSets")
}

func TestPartiesThatStandOnNoListAreReported(t *testing.T) {
	doc := advancedFixture(t)
	entries := doc[strings.Index(doc, "<SanctionsEntries>") : strings.Index(doc, "</SanctionsEntries>")+len("</SanctionsEntries>")]
	rows, info := mustRows(t, "auto", "a.xml", strings.Replace(doc, entries, "", 1))
	if len(rows) != 6 || !warned(info, "no_entries") {
		t.Errorf("%d rows, %+v", len(rows), info)
	}
}

func TestDamagedAdvancedFilesAreRefused(t *testing.T) {
	doc := advancedFixture(t)
	refused(t, "auto", memory("a.xml", []byte(strings.Replace(doc, "<Year>2025</Year>", "<Year>MMXXV</Year>", 1))), "not a number")
	if _, info := mustRows(t, "auto", "a.xml", strings.Replace(doc, "<Month>4</Month>", "<Month>14</Month>", 1)); info.Published != "" || !warned(info, "no_date") {
		t.Errorf("%+v", info)
	}
	refused(t, "auto", memory("a.xml", []byte(strings.Replace(doc, "</DistinctParties>", "", 1))), "closes no open element")
	many := strings.Replace(doc, `<VersionDetail DetailTypeID="1432" />`, strings.Repeat("<VersionDetail>x</VersionDetail>", 1001), 1)
	refused(t, "auto", memory("a.xml", []byte(many)), "1,000")
}

func TestAFeatureWithSeveralOrNoDetails(t *testing.T) {
	doc := strings.Replace(advancedFixture(t), `<VersionDetail DetailTypeID="1432" />`, `<VersionDetail>one</VersionDetail><VersionDetail>two</VersionDetail>`, 1)
	rows, _ := mustRows(t, "auto", "a.xml", doc)
	if rows[2].Address != "one" || rows[3].Address != "two" || rows[3].Problem != "" {
		t.Errorf("%+v", rows[2:4])
	}
	doc = strings.Replace(advancedFixture(t), `<FeatureVersion ID="9"><Comment /><VersionDetail DetailTypeID="1432" /></FeatureVersion>`, ``, 1)
	rows, _ = mustRows(t, "auto", "a.xml", doc)
	if rows[2].Address != "" || !strings.HasPrefix(rows[2].Problem, "address:") {
		t.Errorf("%+v", rows[2])
	}
}

func TestNamesOfPersonsAreWrittenAsOFACWritesThem(t *testing.T) {
	part := func(group, text string) string {
		return `<DocumentedNamePart><NamePartValue NamePartGroupID="` + group + `" ScriptID="215">` + text + `</NamePartValue></DocumentedNamePart>`
	}
	group := func(id, kind string) string {
		return `<MasterNamePartGroup><NamePartGroup ID="` + id + `" NamePartTypeID="` + kind + `"/></MasterNamePartGroup>`
	}
	for _, c := range []struct{ parts, groups, want string }{
		{part("1", "Joaquin") + part("2", "GUZMAN") + part("3", "LOERA"), group("1", "1521") + group("2", "91708") + group("3", "91709"), "GUZMAN LOERA, Joaquin"},
		{part("1", "POTEKHIN") + part("2", "Danil") + part("3", "P."), group("1", "1520") + group("2", "1521") + group("3", "1522"), "POTEKHIN, Danil P."},
		{part("1", "OCEAN STAR"), group("1", "1526"), "OCEAN STAR"},
		{part("1", "UNGROUPED"), "", "UNGROUPED"},
		{"", "", ""},
	} {
		doc := `<Sanctions><ReferenceValueSets><FeatureTypeValues><FeatureType ID="1">Digital Currency Address - XBT</FeatureType></FeatureTypeValues></ReferenceValueSets>` +
			`<DistinctParties><DistinctParty FixedRef="7"><Profile ID="7"><Identity Primary="true"><Alias AliasTypeID="1403" Primary="true"><DocumentedName>` + c.parts +
			`</DocumentedName></Alias><NamePartGroups>` + c.groups + `</NamePartGroups></Identity><Feature ID="9" FeatureTypeID="1"><FeatureVersion><VersionDetail>x</VersionDetail></FeatureVersion></Feature></Profile></DistinctParty></DistinctParties></Sanctions>`
		rows, _ := mustRows(t, "auto", "a.xml", doc)
		if len(rows) != 1 || rows[0].EntityName != c.want {
			t.Errorf("%+v, want %q", rows, c.want)
		}
	}
}

func TestFullReaderErrorsKeepTheirPlace(t *testing.T) {
	_, _, err := rowsOf(t, "ofac_advanced", Options{}, memory("sdn.xml", []byte("<Sanctions>\n<a>\n&bad;</b>")))
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "sdn.xml: line 3, in <a>") {
		t.Error(err)
	}
}
