package formats

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShapesOfJSON(t *testing.T) {
	for doc, want := range map[string][]Row{
		`[]`:                        nil,
		`{}`:                        nil,
		`["a1", " a2 "]`:            {{Address: "a1", Locator: "element 1"}, {Address: "a2", Locator: "element 2"}},
		`{"addresses": ["a1"]}`:     {{Address: "a1", Locator: "addresses element 1"}},
		`{"data": {"eth": ["a1"]}}`: {{Address: "a1", Network: "eth", Locator: "data.eth element 1"}},
		`{"eth": ["a1"], "2025-02": {"bsc": ["a2"]}}`:                                                      {{Address: "a1", Network: "eth", Locator: "eth element 1"}, {Address: "a2", Network: "bsc", Incident: "2025-02", Locator: "2025-02.bsc element 1"}},
		`{"2025": ["a1"]}`:                                                                                 {{Address: "a1", Incident: "2025", Locator: "2025 element 1"}},
		`{"0x098B716B8Aaf21512996dC57EB0615e2383E2f96": "Lazarus"}`:                                        {{Address: "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", EntityName: "Lazarus", Locator: "element 1"}},
		`{"0x098B716B8Aaf21512996dC57EB0615e2383E2f96": true}`:                                             {{Address: "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", Locator: "element 1"}},
		`{"0x098B716B8Aaf21512996dC57EB0615e2383E2f96": {"data": ["12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"]}}`: {{Address: "0x098B716B8Aaf21512996dC57EB0615e2383E2f96", Locator: "element 1"}, {Address: "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", Locator: "element 1"}},
		"{\n\"name\": \"x\", \"address\": \"a1\", \"asset\": \"ETH\"}":                                     {{Address: "a1", Asset: "ETH", EntityName: "x", Locator: "element 2"}},
		`[{"wallet": "a1", "currency": "ETH", "chain": null, "amount": 1.5, "valid_until": "2030-01-01", "url": "https://x.org", "source": "S"}]`: {{Address: "a1", Asset: "ETH", ValidUntil: "2030-01-01", URL: "https://x.org", Note: "source: S", Locator: "element 1"}},
		`[{"address": 7}]`:                             {{Address: "7", Locator: "element 1"}},
		`[{"address": {"x": 1}}]`:                      {{Locator: "element 1", Problem: "address: missing"}},
		`[{"addresses": ["a1", 2, ""]}]`:               {{Address: "a1", Locator: "element 1"}, {Address: "2", Problem: "address: not a text", Locator: "element 1"}, {Problem: "address: not a text", Locator: "element 1"}},
		`[{"address": "a1", "entries": [1]}]`:          {{Address: "a1", Locator: "element 1", Problem: "entries: not an object"}},
		`[{"address": "a1", "entity": {"nick": "x"}}]`: {{Address: "a1", Locator: "element 1"}},
		`[{"address": "a1", "date": "soon"}]`:          {{Address: "a1", Locator: "element 1", Note: "date: soon"}},
		`[{"address": "a\u0031"}]`:                     {{Address: "a1", Locator: "element 1"}},
	} {
		rows, _, err := rowsOf(t, "json", Options{}, memory("a.json", []byte(doc)))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%s:\n%s", doc, diff)
		}
	}
}

// A run that failed and was published: well-formed, and empty. It is read, and the guards of the loader see nothing in it.
func TestAnEmptyDocumentHasNoRows(t *testing.T) {
	rows, info := mustRows(t, "auto", "a.json", `{"metadata": {"lastUpdated": "2024-12-29T08:58:01.777Z", "totalAddresses": 0}, "addresses": {}}`)
	if len(rows) != 0 || info.Published != "2024-12-29" || info.Format != "json" {
		t.Errorf("%+v %+v", rows, info)
	}
}

func TestDamagedJSONIsRefused(t *testing.T) {
	for doc, word := range map[string]string{
		`["a1"`: "truncated", `["a1",`: "truncated", `["a1`: "truncated", `{"a": {`: "truncated", `["a1" "a2"]`: "invalid JSON", `[a1]`: "invalid JSON", `["` + "\xff" + `"]`: "UTF-8",
		`"a1"`: "neither", `7`: "neither", `["a1"]]`: "invalid JSON", `["a1"] ["a2"]`: "ndjson", `{"a": 1`: "truncated", `[{"address": "x", "y": `: "truncated",
	} {
		refused(t, "json", memory("a.json", []byte(doc)), word)
	}
}
