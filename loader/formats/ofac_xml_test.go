package formats

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Values in the wild are indented on lines of their own, and ids hold much that is no address.
func TestSDNEntriesAreReadWhole(t *testing.T) {
	rows, info := mustRows(t, "auto", "SDN.XML", `<sdnList xmlns="https://tempuri.org/sdnList.xsd">
		<publshInformation><Publish_Date>9/3/2026</Publish_Date><Record_Count>1</Record_Count></publshInformation>
		<sdnEntry><uid> 7 </uid><idList><id><uid>1</uid><idType>
			Digital Currency Address - SOL
		</idType><idNumber>
			So1
		</idNumber></id><id><uid>2</uid><idType>Passport</idType><idNumber>X</idNumber></id></idList><firstName>Ann</firstName><lastName>BEE</lastName><sdnType>Individual</sdnType>
		<programList><program>A</program></programList></sdnEntry></sdnList>`)
	want := []Row{{Address: "So1", Asset: "SOL", EntityID: "7", EntityName: "BEE, Ann", EntityType: "individual", Programs: []string{"A"},
		URL: "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=7", Locator: "sdnEntry 7 id 1"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if info.Published != "2026-09-03" || len(info.Warnings) != 0 {
		t.Errorf("%+v", info)
	}
}

func TestAListShorterThanItSaysIsReported(t *testing.T) {
	_, info := mustRows(t, "auto", "SDN.XML", `<sdnList><publshInformation><Publish_Date>2026</Publish_Date><Record_Count>2</Record_Count></publshInformation><sdnEntry/></sdnList>`)
	if !warned(info, "record_count") || !warned(info, "no_date") {
		t.Errorf("%+v", info)
	}
}
