package formats

import (
	"strings"
	"testing"
)

// {"address":"clean","address":"listed"}: neither is taken.
func TestADoubledAddressIsNoListing(t *testing.T) {
	rows, _ := mustRows(t, "ndjson", "a.ndjson", `{"address":"clean","address":"listed"}`+"\n")
	if len(rows) != 1 || rows[0].Address != "" || rows[0].Problem != "address: appears twice" {
		t.Errorf("%+v", rows)
	}
}

func TestOneLineIsEnough(t *testing.T) {
	for _, doc := range []string{`{"address": "a1"}`, "\xef\xbb\xbf" + `{"address": "a1"}` + "\r\n", `{"note": "x", "address": "a1"}`} {
		rows, info := mustRows(t, "auto", "a", doc)
		if len(rows) != 1 || rows[0].Address != "a1" || info.Format != "ndjson" {
			t.Errorf("%q: %+v %+v", doc, rows, info)
		}
	}
}

func TestALineThatIsNoUTF8IsAProblem(t *testing.T) {
	rows, _ := mustRows(t, "ndjson", "a", `{"address": "a1"}`+"\n"+`{"address": "a2", "note": "`+"\xfc"+`"}`+"\n")
	if len(rows) != 2 || !strings.HasPrefix(rows[1].Problem, "line: invalid JSON") {
		t.Errorf("%+v", rows)
	}
}
