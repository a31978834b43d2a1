package formats

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A hex address without quotes is a number to YAML; it is read as it is written.
func TestAnAddressInYAMLIsNoNumber(t *testing.T) {
	for _, address := range []string{strings.ToLower(ethA), "0x" + strings.Repeat("0", 39) + "1", "0.0.1234", "12e45"} {
		rows, info := mustRows(t, "auto", "a.yaml", "title: x\ntags:\n- address: "+address+"\n")
		if len(rows) != 1 || rows[0].Address != address || info.Format != "tagpack" {
			t.Errorf("%+v %+v", rows, info)
		}
	}
}

func TestTheHeaderHoldsForEveryTagAlsoBehindThem(t *testing.T) {
	want := []Row{{Address: btcA, Asset: "BTC", EntityName: "A", Category: "scam", Confidence: "suspected", URL: "https://example.org/", Note: "confidence: web_crawl", Locator: "tag 1"},
		{Address: ethA, Asset: "ETH", EntityName: "A", Category: "sanctions", Confidence: "confirmed", URL: "https://example.org/", Note: "confidence: ownership", Locator: "tag 2"}}
	header := "label: A\nabuse: scam\ncurrency: BTC\nsource: https://example.org/\nconfidence: web_crawl\n"
	tags := "tags:\n- address: " + btcA + "\n- address: " + ethA + "\n  currency: ETH\n  abuse: Sanction\n  confidence: ownership\n"
	jsonHeader := `"label": "A", "abuse": "scam", "currency": "BTC", "source": "https://example.org/", "confidence": "web_crawl"`
	jsonTags := `"tags": [{"address": "` + btcA + `"}, {"address": "` + ethA + `", "currency": "ETH", "abuse": "Sanction", "confidence": "ownership"}]`
	for _, doc := range []string{header + tags, tags + header, strings.ReplaceAll(header+tags, "\n", "\r\n"), "{" + jsonHeader + "," + jsonTags + "}", "{\n" + jsonTags + ",\n" + jsonHeader + "\n}"} {
		rows, _ := mustRows(t, "tagpack", "a", doc)
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%s\n%s", doc, diff)
		}
	}
}

func TestADamagedTagPackIsRefused(t *testing.T) {
	const laughs = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
	tag := "tags:\n- address: " + btcA + "\n"
	for doc, word := range map[string]string{
		"title: x\n" + laughs + tag:                                        "anchor",
		"title: x\n" + tag + "  label: &a x\n  actor: *a\n":                "anchor",
		"title: x\n" + tag + "  <<: *x\n":                                  "anchor",
		"title: 'x\n" + tag:                                                "YAML",
		"title: x\n" + tag + "  label: 'never closed\n":                    "YAML",
		"title: x\n" + tag + "tags:\n- address: x\n":                       "twice",
		"title: x\ntitle: y\n" + tag:                                       "header",
		"title: x\n" + tag + "---\ntitle: y\n" + tag:                       "twice",
		"title: x\n" + tag + "  label: " + strings.Repeat("[", 100) + "\n": "deeper",
		"title: x\n" + tag + "  label: " + strings.Repeat("x", 20<<10):     "longer",
		"title: " + strings.Repeat("x", 100<<10) + "\n" + tag:              "longer",
		`{"title": "x", "tags": [{"address": "` + btcA + `"}`:              "truncated",
	} {
		refused(t, "tagpack", memory("a.yaml", []byte(doc)), word)
	}
}

// A tag that cannot be read, and holds an address, stops the load.
func TestATagThatIsNotReadIsSaid(t *testing.T) {
	rows, _ := mustRows(t, "tagpack", "a", "title: x\ntags:\n- addr: "+btcA+"\n- "+btcB+"\n- note: x\n")
	if len(rows) != 3 || !rows[0].Unread || !rows[1].Unread || rows[2].Unread || rows[0].Problem == "" || rows[1].Problem == "" {
		t.Errorf("%+v", rows)
	}
}
