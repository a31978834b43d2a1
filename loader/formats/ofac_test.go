package formats

import (
	"slices"
	"strings"
	"testing"
)

// A value of OFAC with two addresses, or with words beside one, gives a listing for each address in every one of its formats.
func TestOFACValuesWithMoreThanAnAddress(t *testing.T) {
	for value, want := range map[string][]string{
		ethA + "; " + ethB: {ethA, ethB}, ethA + " (main wallet)": {ethA}, " \n " + ethA + "\n": {ethA}, "`" + ethA + "`": {ethA}, ethA + "\u200b": {ethA},
	} {
		for name, doc := range map[string]string{
			"ofac_xml":      "<sdnList><sdnEntry><uid>1</uid><idList><id><uid>2</uid><idType>Digital Currency Address - ETH</idType><idNumber>" + value + "</idNumber></id></idList></sdnEntry></sdnList>",
			"ofac_enhanced": `<sanctionsData><entities><entity id="1"><features><feature id="2"><type>Digital Currency Address - ETH</type><value>` + value + `</value></feature></features></entity></entities></sanctionsData>`,
			"ofac_advanced": `<Sanctions><ReferenceValueSets><FeatureTypeValues><FeatureType ID="345">Digital Currency Address - ETH</FeatureType></FeatureTypeValues></ReferenceValueSets><DistinctParties><DistinctParty FixedRef="1"><Profile ID="1"><Feature ID="2" FeatureTypeID="345"><FeatureVersion><VersionDetail>` + value + `</VersionDetail></FeatureVersion></Feature></Profile></DistinctParty></DistinctParties></Sanctions>`,
			"ofac_csv":      sdnRow(1, "Digital Currency Address - ETH "+strings.ReplaceAll(value, "; ", ", ")+"."),
		} {
			rows, _ := mustRows(t, name, "a", doc)
			var got []string
			for _, r := range rows {
				if got = append(got, r.Address); r.Asset != "ETH" || r.Problem != "" {
					t.Errorf("%s: %+v", name, r)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %q: %q, want %q", name, value, got, want)
			}
		}
	}
}
