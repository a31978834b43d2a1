package formats

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAMappingOfJSONNamesMembersAndPaths(t *testing.T) {
	for name, c := range map[string]struct {
		mapping map[string]string
		doc     string
		want    []Row
	}{
		"a member": {map[string]string{"address": "attacker", "entity": "moniker"}, `[{"attacker": "` + ethA + `", "victim": "` + ethB + `", "moniker": "A"}]`,
			[]Row{{Address: ethA, EntityName: "A", Locator: "element 1"}}},
		"several members": {map[string]string{"address": "one|two"}, `[{"one": "` + ethA + `", "two": "` + ethB + `", "name": "A"}]`,
			[]Row{{Address: ethA, EntityName: "A", Locator: "element 1"}, {Address: ethB, EntityName: "A", Locator: "element 1"}}},
		"a path from the element": {map[string]string{"address": "ids[].value", "network": "ids[].net"}, `[{"name": "A", "ids": [{"net": "tron", "value": "` + tronA + `"}, {"net": "eth", "value": "` + ethA + `"}]}]`,
			[]Row{{Address: tronA, Network: "tron", EntityName: "A", Locator: "element 1"}, {Address: ethA, Network: "eth", EntityName: "A", Locator: "element 1"}}},
		"a path from the top": {map[string]string{"address": "data.rows[].id"}, `{"data": {"rows": [{"id": "` + ethA + `", "peer": "` + ethB + `"}], "other": [{"id": 5}]}}`,
			[]Row{{Address: ethA, Incident: "", Locator: "data.rows element 1"}}},
		"texts": {map[string]string{"address": "data.bad[]"}, `{"data": {"good": ["` + ethB + `"], "bad": ["` + ethA + `"]}}`, []Row{{Address: ethA, Incident: "bad", Locator: "data.bad element 1"}}},
		"any member": {map[string]string{"address": "by_chain.*[]"}, `[{"name": "A", "by_chain": {"x": ["` + ethA + `"], "y": ["` + ethB + `"]}}]`,
			[]Row{{Address: ethA, EntityName: "A", Locator: "element 1"}, {Address: ethB, EntityName: "A", Locator: "element 1"}}},
		"words": {map[string]string{"category:phishing": "scam", "category": "kind"}, `[{"address": "` + ethA + `", "kind": "Phishing"}]`, []Row{{Address: ethA, Category: "scam", Locator: "element 1"}}},
		"missing": {map[string]string{"address": "attacker"}, `[{"attacker": "` + ethA + `"}, {"name": "B"}]`,
			[]Row{{Address: ethA, Locator: "element 1"}, {EntityName: "B", Locator: "element 2", Problem: "address: missing: the object has no member that the mapping names"}}},
	} {
		rows, _, err := rowsOf(t, "json", Options{Mapping: c.mapping}, memory("a.json", []byte(c.doc)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, rows); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	rows, _, err := rowsOf(t, "auto", Options{Mapping: map[string]string{"address": "wallet.id"}}, memory("a.ndjson", []byte(`{"wallet": {"id": "`+ethA+`"}, "victim": "`+ethB+`"}`+"\n"+`{"wallet": {"id": "`+ethC+`"}}`+"\n")))
	if err != nil || len(rows) != 2 || rows[0].Address != ethA || rows[1].Address != ethC {
		t.Errorf("%+v, %v", rows, err)
	}
	if _, _, err := rowsOf(t, "json", Options{Mapping: map[string]string{"address": "x.y"}}, memory("a.json", []byte(`[{"address": "`+ethA+`"}]`))); err == nil {
		t.Error("a mapping that finds nothing was taken")
	}
}
