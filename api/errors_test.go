package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/auth"
)

// Whatever cannot be understood is a 400 that names the fault, and never a miss.
func TestMalformedRequestIsRefusedNotGuessed(t *testing.T) {
	h := screened(t)
	q := `"address":"` + genesis + `"`
	// @@ marks the byte that the answer names.
	for name, x := range map[string]struct{ body, detail string }{
		"an unknown field must not widen a check":    {`{` + q + `,"direction":"deposit","netwrok"@@:"bitcoin"}`, `JSON: field "netwrok" is unknown`},
		"a field in other letter case is unknown":    {`{` + q + `,"Direction"@@:"deposit"}`, `JSON: field "Direction" is unknown`},
		"the second of two addresses must not win":   {`{` + q + `,"address"@@:"` + lazarus + `","direction":"deposit"}`, `JSON: field address appears twice`},
		"a field twice, once with an escape":         {`{` + q + `,"\u0061ddress"@@:"` + lazarus + `","direction":"deposit"}`, `JSON: field address appears twice`},
		"a number is no address":                     {`{"address":@@1,"direction":"deposit"}`, `JSON: field address must be a string; another type was found`},
		"null is no network":                         {`{` + q + `,"direction":"deposit","network":@@null}`, `JSON: field network must be a string; another type was found`},
		"an array is no check":                       {`@@[{` + q + `,"direction":"deposit"}]`, `JSON: an object is expected`},
		"invalid UTF-8":                              {`{` + q + ",\"direction\":\"deposit\",\"customer\":\"@@\xff\"}", `JSON: the text is not valid UTF-8`},
		"half of a surrogate pair":                   {`{` + q + `,"direction":"deposit","customer":"@@\ud800"}`, `JSON: half of a surrogate pair`},
		"no address":                                 {`{"direction":"deposit"}`, `field address is missing`},
		"no direction":                               {`{` + q + `}`, `field direction is missing`},
		"a direction that is none":                   {`{` + q + `,"direction":"out"}`, `field direction is neither deposit nor withdrawal`},
		"nothing":                                    {`@@`, `JSON: an object is expected`},
		"an empty object":                            {`{}`, `field address is missing`},
		"something behind the check":                 {`{` + q + `,"direction":"deposit"}@@{}`, `JSON: something follows the end of the value`},
		"a body cut in the middle":                   {`{` + q + `,"direction":"depo@@`, `JSON: a string has no end`},
		"a comma too many":                           {`{` + q + `,"direction":"deposit",@@}`, `JSON: a string is expected`},
		"a comment":                                  {`{` + q + `,"direction":"deposit"@@/**/}`, `JSON: a comma or } is expected`},
		"a control character":                        {`{` + q + ",\"direction\":\"deposit\",\"customer\":\"a@@\nb\"}", `JSON: a string has a control character`},
		"a reference that does not fit into the log": {`{` + q + `,"direction":"deposit","reference":"` + strings.Repeat("r", 257) + `"@@}`, `JSON: field reference is longer than 256 bytes, which ends`},
		"a byte order mark":                          {"@@\ufeff{" + q + `,"direction":"deposit"}`, `JSON: an object is expected`},
		"a network that is no name":                  {`{` + q + `,"direction":"deposit","network":"` + strings.Repeat("n", 257) + `"@@}`, `JSON: field network is longer than 256 bytes, which ends`},
		"an asset that is no name":                   {`{` + q + `,"direction":"deposit","asset":"` + strings.Repeat("n", 257) + `"@@}`, `JSON: field asset is longer than 256 bytes, which ends`},
		"a customer that does not fit into the log":  {`{` + q + `,"direction":"deposit","customer":"` + strings.Repeat("n", 257) + `"@@}`, `JSON: field customer is longer than 256 bytes, which ends`},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			before := len(h.records())
			body, detail := marked(x.body, x.detail)
			h.by("till", "POST", "/v1/check", body).refused(problem{Status: 400, Code: "invalid_request", Detail: detail})
			same(t, "decisions in the journal", before, len(h.records()))
		})
	}
}

// marked takes the mark out of a body and puts its place into the detail.
func marked(body, detail string) (string, string) {
	if at := strings.Index(body, "@@"); at >= 0 {
		return body[:at] + body[at+2:], fmt.Sprintf("%s at byte %d", detail, at)
	}
	return body, detail
}

func TestMalformedBatch(t *testing.T) {
	h := screened(t)
	item := `{"address":"` + genesis + `","direction":"deposit"}`
	for name, x := range map[string]struct{ body, detail string }{
		"no checks":                     {`{}`, `field checks is missing`},
		"an unknown field":              {`{"check"@@:[` + item + `]}`, `JSON: field "check" is unknown`},
		"an unknown field behind":       {`{"checks":[` + item + `],"dry_run"@@:true}`, `JSON: field "dry_run" is unknown`},
		"the field twice":               {`{"checks":[],"checks"@@:[` + item + `]}`, `JSON: field checks appears twice`},
		"a single check":                {`{"address"@@` + item[10:], `JSON: field "address" is unknown`},
		"no array":                      {`{"checks":@@` + item + `}`, `JSON: field checks must be an array; another type was found`},
		"null":                          {`{"checks":@@null}`, `JSON: field checks must be an array; another type was found`},
		"an item cut in the middle":     {`{"checks":[` + item[:40] + `@@`, `JSON: a string has no end`},
		"no end":                        {`{"checks":[` + item + `]@@`, `JSON: } is expected`},
		"something behind":              {`{"checks":[` + item + `]}@@x`, `JSON: something follows the end of the value`},
		"an item that nests too deeply": {`{"checks":[` + strings.Repeat("[", 33) + `@@` + strings.Repeat("[", 7) + strings.Repeat("]", 40) + `]}`, `JSON: values nest too deeply`},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			body, detail := marked(x.body, x.detail)
			h.by("till", "POST", "/v1/checks", body).refused(problem{Status: 400, Code: "invalid_request", Detail: detail})
		})
	}
}

// Every reason of a refusal can be met, and none of them is a miss.
func TestTextThatIsNoAddressIsRefusedNotCleared(t *testing.T) {
	h := screened(t)
	for _, x := range []struct{ reason, text, network string }{
		{"empty", " \t", "bitcoin"},
		{"bad_character", "1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a", "bitcoin"},
		{"bad_character", "1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf\u200bNa", "bitcoin"}, // a space of no width
		{"bad_character", "1\u0410" + genesis[2:], "bitcoin"},                    // a Cyrillic A
		{"whitespace_inside", genesis[:10] + " " + genesis[10:], "bitcoin"},
		{"bad_length", lazarus[:41], "ethereum"},
		{"bad_length", lazarus[:8] + "..." + lazarus[36:], "ethereum"},
		{"bad_length", strings.Repeat("1", 513), ""},
		{"bad_checksum", genesis[:33] + "b", "bitcoin"},
		{"bad_checksum", genesis[:33] + "b", ""},
		{"mixed_case", strings.Replace(p2wpkh, "qpnh", "qPnh", 1), "bitcoin"},
		{"wrong_network", dogecoin, "bitcoin"},
		{"wrong_network", "bitcoin:" + genesis, "litecoin"},
		{"wrong_network", p2wpkh, "near"},
		{"testnet", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "bitcoin"},
		{"unsupported_kind", "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8", ""},
		{"name_not_address", "vitalik.eth", "ethereum"},
		{"secret_material", "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ", "bitcoin"},
		{"invoice_not_address", "lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdp", ""},
		{"ambiguous", lazarus[2:], ""},
		{"two_addresses", genesis + "," + p2pkh, "bitcoin"},
	} {
		t.Run(x.reason+" "+x.network, func(t *testing.T) {
			h := h.in(t)
			want := problem{Status: 422, Code: "invalid_address", Reason: x.reason, Network: x.network, Detail: ""}.withNetworkOf(x.network)
			want.Networks = map[string][]string{dogecoin: {"dogecoin", "verge", "digibyte", "pivx", "divi", "denarius"}, "bitcoin:" + genesis: {"bitcoin"}, p2wpkh: {"bitcoin"}}[x.text]
			p := h.by("till", "POST", "/v1/check", checkOf(x.text, x.network)).refused(want)
			if p.Detail == "" {
				t.Error("no detail for people")
			}
		})
	}
	position := 32
	got := h.by("till", "POST", "/v1/check", checkOf("1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a", "bitcoin")).refused(problem{Status: 422, Code: "invalid_address", Reason: "bad_character", Network: "bitcoin"})
	same(t, "position", &position, got.Position)
	for _, network := range []string{"nosuch", "bitcion", "eip155:0", "Ethereum Mainnet"} {
		h.by("till", "POST", "/v1/check", checkOf(genesis, network)).refused(problem{Status: 422, Code: "unsupported_network"})
	}
	h.by("till", "GET", "/v1/addresses/"+genesis+"?network=nosuch", nil).refused(problem{Status: 422, Code: "unsupported_network"})
}

// withNetworkOf leaves out the network where none was asked for: which one an error then names is a matter of taste.
func (p problem) withNetworkOf(network string) problem {
	p.Network = network
	return p
}

func TestQueryIsReadStrictly(t *testing.T) {
	h := screened(t)
	for path, detail := range map[string]string{
		"/v1/addresses/" + genesis + "?netwrok=bitcoin":                     `query parameter "netwrok" is unknown`,
		"/v1/addresses/" + genesis + "?network=bitcoin&network=litecoin":    `query parameter network appears twice`,
		"/v1/addresses/" + genesis + "?network=bit%zzcoin":                  `the query is malformed`,
		"/v1/addresses/" + genesis + "?network=bitcoin;x=1":                 `the query is malformed`,
		"/v1/addresses/" + genesis + "?network=" + strings.Repeat("n", 257): `query parameter network is longer than 256 bytes`,
		"/v1/addresses/" + genesis + "?at=yesterday":                        `at: not a time such as 2026-11-01T12:00:00Z`,
		"/v1/addresses/" + genesis + "?at=":                                 `at: not a time such as 2026-11-01T12:00:00Z`,
		"/v1/generations?limit=0":                                           `limit must be 1 to 10000`,
		"/v1/generations?limit=10001":                                       `limit must be 1 to 10000`,
		"/v1/generations?offset=-1":                                         `offset must be a number of rows`,
		"/v1/proposals?state=waiting":                                       `state: use one of [open approved rejected withdrawn expired]`,
		"/v1/proposals?sate=open":                                           `query parameter "sate" is unknown`,
		"/v1/generations?page=2":                                            `query parameter "page" is unknown`,
		"/v1/lists/ofac-sdn/versions/1/diff?against=one":                    `against must be the number of a version, or 0 for nothing`,
		"/v1/lists/ofac-sdn/versions/1/diff?aganist=0":                      `query parameter "aganist" is unknown`,
		"/v1/lists/ofac-sdn/versions/1/diff?kind=new":                       `kind is one of added, removed, changed`,
		"/v1/lists/ofac-sdn/versions/1/diff?cursor=7":                       `cursor is not one that a page of these rows has given`,
		"/v1/lists/ofac-sdn/versions/1/diff?cursor=7-a&offset=1":            `cursor and offset exclude each other`,
		"/v1/lists/ofac-sdn/versions/1/diff?q=" + strings.Repeat("n", 257):  `q is longer than 256 bytes`,
		"/v1/lists/ofac-sdn/versions/1/quarantine?kind=added":               `kind is unread, or empty for all`,
		"/v1/traffic?from=yesterday":                                        `from: not a time such as 2026-11-01 or 2026-11-01T12:00:00Z`,
		"/v1/addresses/" + genesis + "/history?at=now":                      `query parameter "at" is unknown`,
		"/v1/lists/ofac-sdn/versions/1/quarantine?limit=many":               `limit must be a number of rows`,
		"/v1/lists/ofac-sdn/versions/1/quarantine?offset=1&offset=2":        `query parameter offset appears twice`,
	} {
		h.by("root", "GET", path, nil).refused(problem{Status: 400, Code: "invalid_request", Detail: detail})
	}
	h.by("root", "POST", "/v1/lists/ofac-sdn/versions?foramt=csv", "x").refused(problem{Status: 400, Code: "invalid_request", Detail: `query parameter "foramt" is unknown`})
	h.by("root", "POST", "/v1/lists/ofac-sdn/versions/1/activate?overide=x", nil).refused(problem{Status: 400, Code: "invalid_request", Detail: `query parameter "overide" is unknown`})
}

// Settings are JSON that a library reads: it must be as strict as the decoder of checks.
func TestSettingsAreReadStrictly(t *testing.T) {
	h := screened(t)
	for _, target := range []struct{ method, path, good string }{
		{"PUT", "/v1/lists/other", `"name":"n"`},
		{"POST", "/v1/lists/ofac-sdn/versions/1/approve", `"reason":"r"`},
		{"POST", "/v1/lists/ofac-sdn/versions/1/reject", `"reason":"r"`},
		{"POST", "/v1/lists/ofac-sdn/versions/1/activate", `"override":"r"`},
		{"POST", "/v1/lists/ofac-sdn/rollback", `"reason":"r"`},
		{"POST", "/v1/lists/ofac-sdn/retire", `"reason":"r"`},
		{"POST", "/v1/lists/ofac-sdn/suppressions", `"address":"a"`},
		{"POST", "/v1/lists/ofac-sdn/suppressions/nosuch/approve", `"reason":"r"`},
		{"POST", "/v1/lists/ofac-sdn/suppressions/nosuch/reject", `"reason":"r"`},
		{"POST", "/v1/lists/ofac-sdn/suppressions/nosuch/end", `"reason":"r"`},
		{"POST", "/v1/restore", `"reason":"r"`},
		{"POST", "/v1/keys", `"roles":["checker"]`},
		{"POST", "/v1/keys/nosuch/rotate", `"reason":"r"`},
		{"POST", "/v1/people", `"login":"kim"`},
		{"POST", "/v1/people/nosuch/roles", `"reason":"r"`},
		{"POST", "/v1/people/nosuch/reset", `"reason":"r"`},
		{"POST", "/v1/people/nosuch/disable", `"reason":"r"`},
		{"POST", "/v1/holds", `"reason":"r"`},
		{"POST", "/v1/holds/nosuch/end", `"reason":"r"`},
		{"POST", "/v1/webhooks", `"url":"https://hooks.example.org/"`},
		{"POST", "/v1/webhooks/nosuch/rotate", `"reason":"r"`},
		{"POST", "/v1/alerts/nosuch/resolve", `"reason":"r"`},
		{"POST", "/v1/cases/bulk", `"do":"take"`},
		{"POST", "/v1/cases/nosuch/take", `"reason":"r"`},
		{"POST", "/v1/cases/nosuch/release", `"reason":"r"`},
		{"POST", "/v1/cases/nosuch/wait", `"reason":"r"`},
		{"POST", "/v1/cases/nosuch/note", `"note":"n"`},
		{"POST", "/v1/cases/nosuch/recommend", `"reason":"r"`},
		{"POST", "/v1/cases/nosuch/resolve", `"reason":"r"`},
		{"POST", "/v1/proposals/nosuch/approve", `"reason":"r"`},
		{"POST", "/v1/proposals/nosuch/reject", `"reason":"r"`},
	} {
		for what, body := range map[string]string{
			"an unknown field":  `{` + target.good + `,"nonsense":1}`,
			"a field twice":     `{` + target.good + `,` + target.good + `}`,
			"other letter case": `{` + strings.ToUpper(target.good[:2]) + target.good[2:] + `}`,
			"invalid UTF-8":     `{` + strings.Replace(target.good, `:"`, ":\"\xff", 1) + `}`,
			"something behind":  `{` + target.good + `}x`,
			"a wrong type":      `[]`,
			"half a value":      `{` + target.good,
		} {
			if what == "invalid UTF-8" && !strings.Contains(body, "\xff") {
				continue
			}
			t.Run(target.path+" "+what, func(t *testing.T) {
				h := h.in(t)
				h.by("root", target.method, target.path, body).refused(problem{Status: 400, Code: "invalid_request"})
			})
		}
		h.do(call{method: target.method, path: target.path, key: h.keyOf["root"], body: `{}`, header: http.Header{"Content-Type": {"text/plain"}}}).
			refused(problem{Status: 415, Code: "unsupported_media_type", Detail: "Content-Type must be application/json"})
		h.by("root", target.method, target.path, `{`+strings.Repeat(" ", 256<<10)+`}`).
			refused(problem{Status: 413, Code: "too_large", Detail: "the body is larger than 262144 bytes"})
	}
	h.by("root", "GET", "/v1/lists/other", nil).want(404) // nothing of it was half done
	for field, value := range map[string]any{"category": "sanction", "confidence": "sure", "on_stale": "panic", "max_age": "1 day", "approvals": -1,
		"max_shrink": 1.5, "max_growth": 0.5, "max_quarantined": -0.1, "policy": []any{map[string]any{"action": "maybe"}}, "name": strings.Repeat("n", 201),
		"source": map[string]any{"every": "often"}} {
		p := h.by("root", "PUT", "/v1/lists/other", map[string]any{field: value}).refused(problem{Status: 400, Code: "invalid_request"})
		if !strings.Contains(p.Detail, field) {
			t.Errorf("%s: the detail does not name the field: %s", field, p.Detail)
		}
	}
	for _, number := range []string{"NaN", "Infinity", "-Infinity", `"NaN"`, "1e999", "-1e999", "1e10", "-1", "-0.0001"} {
		for _, field := range []string{"max_shrink", "max_growth", "max_quarantined"} {
			h.by("root", "PUT", "/v1/lists/other", `{"`+field+`":`+number+`}`).refused(problem{Status: 400, Code: "invalid_request"})
		}
	}
	h.by("root", "PUT", "/v1/lists/Not%20An%20Id", map[string]any{}).refused(problem{Status: 400, Code: "invalid_request"})
}

func TestBodyLimitsAndTypes(t *testing.T) {
	h := screened(t)
	good := `{"address":"` + genesis + `","direction":"deposit"`
	for path, limit := range map[string]int{"/v1/check": 16 << 10, "/v1/checks": 2 << 20} {
		large := good + strings.Repeat(" ", limit) + "}"
		h.by("till", "POST", path, large).refused(problem{Status: 413, Code: "too_large", Detail: fmt.Sprintf("the body is larger than %d bytes", limit)})
		for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonx", "application/"} {
			h.do(call{method: "POST", path: path, key: h.keyOf["till"], body: good + "}", header: http.Header{"Content-Type": {media}}}).
				refused(problem{Status: 415, Code: "unsupported_media_type", Detail: "Content-Type must be application/json"})
		}
	}
	whole := good + strings.Repeat(" ", 16<<10-len(good)-1) + "}"
	h.do(call{method: "POST", path: "/v1/check", key: h.keyOf["till"], body: whole + " ", chunked: true}).refused(problem{Status: 413, Code: "too_large", Detail: "the body is larger than 16384 bytes"})
	for name, c := range map[string]call{
		"announced":             {},
		"in chunks":             {chunked: true},
		"with its encoding":     {header: http.Header{"Content-Type": {"Application/JSON; charset=UTF-8"}}},
		"of some type, no name": {header: http.Header{"Content-Type": nil}, wrong: true},
	} {
		c.method, c.path, c.key, c.body = "POST", "/v1/check", h.keyOf["till"], whole
		same(t, "the largest body that is taken, "+name, any("miss"), h.do(c).want(200)["result"])
	}
}

// routes are all routes with what a good caller would send; roles are who may, nil for everybody with a key.
var routes = []struct {
	method, path string
	body         any
	roles        []auth.Role
}{
	{"POST", "/v1/check", checkOf(genesis, ""), []auth.Role{auth.Checker}},
	{"POST", "/v1/checks", map[string]any{"checks": []any{checkOf(genesis, "")}}, []auth.Role{auth.Checker}},
	{"GET", "/v1/addresses/" + genesis, nil, nil},
	{"GET", "/v1/lists", nil, nil},
	{"GET", "/v1/lists/changes", nil, nil},
	{"GET", "/v1/lists/changes/stream?since=1.1.another", nil, nil}, // a conflict, because a stream would not end
	{"GET", "/v1/lists/ofac-sdn", nil, nil},
	{"PUT", "/v1/lists/ofac-sdn", map[string]any{}, []auth.Role{auth.Admin}},
	{"POST", "/v1/lists/ofac-sdn/versions", "{}", []auth.Role{auth.Analyst}},
	{"GET", "/v1/lists/ofac-sdn/versions", nil, nil},
	{"GET", "/v1/lists/ofac-sdn/versions/1", nil, nil},
	{"GET", "/v1/lists/ofac-sdn/versions/1/diff", nil, nil},
	{"GET", "/v1/lists/ofac-sdn/versions/1/quarantine", nil, nil},
	{"POST", "/v1/lists/ofac-sdn/versions/1/approve", nil, []auth.Role{auth.Approver}},
	{"POST", "/v1/lists/ofac-sdn/versions/1/reject", nil, []auth.Role{auth.Approver}},
	{"POST", "/v1/lists/ofac-sdn/versions/1/activate", nil, []auth.Role{auth.Approver}},
	{"GET", "/v1/lists/ofac-sdn/versions/1/export", nil, nil},
	{"GET", "/v1/lists/ofac-sdn/export", nil, nil},
	{"POST", "/v1/lists/ofac-sdn/rollback", nil, []auth.Role{auth.Approver}},
	{"POST", "/v1/lists/ofac-sdn/suppressions", map[string]any{"address": lazarus, "reason": "r", "until": time.Now().Add(240 * time.Hour).UTC()}, []auth.Role{auth.Analyst}},
	{"GET", "/v1/lists/ofac-sdn/suppressions", nil, nil},
	{"GET", "/v1/lists/ofac-sdn/suppressions/nosuch", nil, nil},
	{"POST", "/v1/lists/ofac-sdn/suppressions/nosuch/approve", nil, []auth.Role{auth.Approver}},
	{"POST", "/v1/lists/ofac-sdn/suppressions/nosuch/reject", nil, []auth.Role{auth.Approver}},
	{"POST", "/v1/lists/ofac-sdn/suppressions/nosuch/end", nil, []auth.Role{auth.Analyst, auth.Approver}},
	{"GET", "/v1/generations", nil, nil},
	{"GET", "/v1/generations/1", nil, nil},
	{"GET", "/v1/backup", nil, []auth.Role{auth.Admin}},
	{"GET", "/v1/replicas", nil, nil},
	{"GET", "/v1/manifest", nil, []auth.Role{auth.Checker}},
	{"GET", "/v1/objects/" + strings.Repeat("0", 64), nil, []auth.Role{auth.Checker}},
	{"GET", "/v1/reports/timeliness", nil, nil},
	{"POST", "/v1/preview?list=ofac-sdn", "address\n" + lazarus + "\n", []auth.Role{auth.Analyst}},
	{"GET", "/v1/addresses/" + lazarus + "/history", nil, []auth.Role{auth.Auditor, auth.Analyst, auth.Approver}},
	{"GET", "/v1/traffic", nil, []auth.Role{auth.Auditor, auth.Analyst, auth.Approver, auth.Admin}},
	{"GET", "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7", nil, []auth.Role{auth.Auditor}},
	{"GET", "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7/receipt", nil, []auth.Role{auth.Auditor}},
	{"GET", "/v1/audit", nil, []auth.Role{auth.Auditor}},
	{"GET", "/v1/alerts", nil, []auth.Role{auth.Auditor, auth.Approver}},
	{"POST", "/v1/alerts/nosuch/resolve", map[string]any{"reason": "r"}, []auth.Role{auth.Auditor, auth.Approver}},
	{"GET", "/v1/cases", nil, []auth.Role{auth.Auditor, auth.Analyst, auth.Approver}},
	{"GET", "/v1/cases/counts", nil, []auth.Role{auth.Auditor, auth.Analyst, auth.Approver}},
	{"POST", "/v1/cases/bulk", map[string]any{"ids": []string{"nosuch"}, "do": "take"}, []auth.Role{auth.Analyst, auth.Approver}},
	{"GET", "/v1/cases/nosuch", nil, []auth.Role{auth.Auditor, auth.Analyst, auth.Approver}},
	{"POST", "/v1/cases/nosuch/take", nil, []auth.Role{auth.Analyst, auth.Approver}},
	{"POST", "/v1/cases/nosuch/release", nil, []auth.Role{auth.Analyst, auth.Approver}},
	{"POST", "/v1/cases/nosuch/wait", map[string]any{"reason": "r"}, []auth.Role{auth.Analyst, auth.Approver}},
	{"POST", "/v1/cases/nosuch/note", map[string]any{"note": "n"}, []auth.Role{auth.Analyst, auth.Approver}},
	{"POST", "/v1/cases/nosuch/recommend", map[string]any{"outcome": "other", "reason": "r"}, []auth.Role{auth.Analyst, auth.Approver}},
	{"POST", "/v1/cases/nosuch/resolve", map[string]any{"outcome": "other", "reason": "r"}, []auth.Role{auth.Approver}},
	{"POST", "/v1/cases/nosuch/attachments", "x", []auth.Role{auth.Analyst, auth.Approver}},
	{"GET", "/v1/cases/nosuch/attachments/1", nil, []auth.Role{auth.Auditor, auth.Analyst, auth.Approver}},
	{"GET", "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7/replay", nil, []auth.Role{auth.Auditor}},
	{"GET", "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7/evidence", nil, []auth.Role{auth.Auditor}},
	{"GET", "/v1/addresses/" + genesis + "?at=2020-01-01T00:00:00Z", nil, []auth.Role{auth.Auditor}},
	{"GET", "/v1/sandbox", nil, nil},
	{"GET", "/v1/shadow", nil, []auth.Role{auth.Auditor}},
	{"GET", "/v1/audit/keys", nil, nil},
	{"GET", "/v1/audit/checkpoints", nil, []auth.Role{auth.Auditor}},
	{"POST", "/v1/restore", nil, []auth.Role{auth.Admin}},
	{"GET", "/v1/keys", nil, []auth.Role{auth.Admin}},
	{"POST", "/v1/keys", map[string]any{"roles": []string{"auditor"}}, []auth.Role{auth.Admin}},
	{"POST", "/v1/keys/nosuch/rotate", nil, []auth.Role{auth.Admin}},
	{"DELETE", "/v1/keys/nosuch", nil, []auth.Role{auth.Admin}},
	{"GET", "/v1/me", nil, nil},
	{"GET", "/v1/people", nil, []auth.Role{auth.Admin}},
	{"POST", "/v1/people", map[string]any{"login": "kim", "roles": []string{"auditor"}}, []auth.Role{auth.Admin}},
	{"POST", "/v1/people/nosuch/roles", map[string]any{"roles": []string{"auditor"}}, []auth.Role{auth.Admin}},
	{"POST", "/v1/people/nosuch/reset", nil, []auth.Role{auth.Admin}},
	{"POST", "/v1/people/nosuch/disable", nil, []auth.Role{auth.Admin}},
	{"GET", "/v1/proposals", nil, nil},
	{"GET", "/v1/proposals/nosuch", nil, nil},
	{"POST", "/v1/proposals/nosuch/approve", nil, []auth.Role{auth.Approver}},
	{"POST", "/v1/proposals/nosuch/reject", nil, []auth.Role{auth.Analyst, auth.Approver}},
	{"DELETE", "/v1/lists/nosuch", nil, []auth.Role{auth.Admin}},
	{"GET", "/v1/holds", nil, []auth.Role{auth.Auditor, auth.Approver}},
	{"POST", "/v1/holds", map[string]any{"reason": "r"}, []auth.Role{auth.Approver, auth.Admin}},
	{"POST", "/v1/holds/nosuch/end", map[string]any{"reason": "r"}, []auth.Role{auth.Approver, auth.Admin}},
	{"GET", "/v1/webhooks", nil, []auth.Role{auth.Admin}},
	{"POST", "/v1/webhooks", map[string]any{"url": "https://hooks.example.org/"}, []auth.Role{auth.Admin}},
	{"POST", "/v1/webhooks/nosuch/rotate", nil, []auth.Role{auth.Admin}},
	{"POST", "/v1/webhooks/nosuch/test", nil, []auth.Role{auth.Admin}},
	{"GET", "/v1/webhooks/nosuch/deliveries", nil, []auth.Role{auth.Admin}},
	{"DELETE", "/v1/webhooks/nosuch", nil, []auth.Role{auth.Admin}},
	{"GET", "/openapi.yaml", nil, nil},
	{"GET", "/docs/", nil, nil},
	{"GET", "/docs/start.js", nil, nil},
	{"POST", "/v1/lists/ofac-sdn/retire", map[string]any{"reason": "r"}, []auth.Role{auth.Approver}},
}

// Every route against every role: who may not is told so, and nothing happens; who may gets past the door.
func TestRoleMatrix(t *testing.T) {
	h := withIndex(t).house
	h.publish("ofac-sdn", sdn, sdnRows)
	one := map[auth.Role]string{auth.Checker: "till", auth.Analyst: "ana", auth.Approver: "ben", auth.Auditor: "otto", auth.Admin: "root"}
	for _, r := range routes {
		for _, role := range auth.Roles {
			may := r.roles == nil || role == auth.Admin
			for _, allowed := range r.roles {
				may = may || role == allowed
			}
			t.Run(fmt.Sprintf("%s %s as %s", r.method, r.path, role), func(t *testing.T) {
				h := h.in(t)
				a := h.by(one[role], r.method, r.path, r.body)
				if !may {
					a.refused(problem{Status: 403, Code: "forbidden", Detail: fmt.Sprintf("this needs one of the roles %v", r.roles)})
				} else if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status >= 500 {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
	}
}

// No route but the probes answers without a key. The routes come from the server itself, so that none is forgotten.
func TestNoRouteAnswersWithoutAKey(t *testing.T) {
	h := screened(t, func(o *api.Options) { o.FailuresPerMinute = 1e6 })
	open := map[string]bool{"/livez": true, "/healthz": true, "/readyz": true}
	want := problem{Status: 401, Code: "unauthorized", Detail: "the API key is missing or unknown"}
	revoked := h.by("root", "POST", "/v1/keys", map[string]any{"name": "gone", "roles": []string{"auditor"}}).want(201)
	h.by("root", "DELETE", "/v1/keys/"+revoked["id"].(string), nil).want(204)
	seen := 0
	for _, r := range registered(h) {
		path := strings.NewReplacer(":address", genesis, ":id", "ofac-sdn", ":n", "1", "*file", "", ":suppression", "nosuch").Replace(r.Path)
		if open[r.Path] {
			h.do(call{method: r.Method, path: path}).want(200)
			continue
		}
		if slices.ContainsFunc(dropInPaths, func(p string) bool { return strings.HasPrefix(path, p) }) {
			continue // their errors are those of other services
		}
		seen++
		for name, header := range map[string]http.Header{
			"no key":                     {},
			"an empty key":               {"X-Api-Key": {""}},
			"an unknown key":             {"X-Api-Key": {"ik_aaaaaaaaaaaaaaaa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}},
			"a revoked key":              {"X-Api-Key": {revoked["key"].(string)}},
			"an endless key":             {"X-Api-Key": {strings.Repeat("k", 5000)}},
			"a key's id":                 {"X-Api-Key": {revoked["id"].(string)}},
			"another scheme":             {"Authorization": {"Digest " + h.keyOf["root"]}},
			"a key without scheme":       {"Authorization": {h.keyOf["root"]}},
			"a key with a letter more":   {"Authorization": {"Bearer " + h.keyOf["root"] + "A"}},
			"a key in other letter case": {"Authorization": {"Bearer " + strings.ToUpper(h.keyOf["root"])}},
		} {
			t.Run(r.Method+" "+path+" "+name, func(t *testing.T) {
				h := h.in(t)
				a := h.do(call{method: r.Method, path: path, header: header})
				a.refused(want)
				if !strings.Contains(strings.Join(a.header.Values("WWW-Authenticate"), " "), "Bearer") {
					t.Errorf("WWW-Authenticate: %v", a.header.Values("WWW-Authenticate"))
				}
			})
		}
	}
	if seen != len(routes)-2 { // the page and its files are one route, and so are look-ups of now and then
		t.Errorf("%d routes need a key, the matrix of roles has %d", seen, len(routes)-2)
	}
	for _, header := range []http.Header{{"Authorization": {"bearer " + h.keyOf["otto"]}}, {"Authorization": {"Bearer  " + h.keyOf["otto"] + " "}}, {"X-Api-Key": {h.keyOf["otto"]}}} {
		h.do(call{method: "GET", path: "/v1/lists", header: header}).want(200)
	}
	// Basic authentication is for the documentation alone: a browser must not be made to change lists by a form elsewhere.
	basic, err := http.NewRequest("GET", h.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	basic.SetBasicAuth("anybody", h.keyOf["root"])
	h.do(call{method: "GET", path: "/v1/lists", header: basic.Header.Clone()}).refused(want)
	h.do(call{method: "GET", path: "/openapi.yaml", header: basic.Header.Clone()})
}

func TestPathsAndMethods(t *testing.T) {
	h := screened(t)
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/check/", "/v2/check", "/docs", "/v1/lists/ofac-sdn/", "/v1/lists/ofac-sdn/versions/1/nothing", "/metrics", "/debug/pprof/", "/.env", "/v1/%63heck"} {
		h.by("root", "GET", path, nil).refused(problem{Status: 404, Code: "not_found", Detail: "no such route"})
	}
	for _, x := range []struct{ method, path, allow string }{{"GET", "/v1/check", "POST"}, {"DELETE", "/v1/lists/ofac-sdn/versions", "GET, POST"}, {"POST", "/livez", "GET"}, {"PATCH", "/v1/keys", "GET, POST"}} {
		a := h.by("root", x.method, x.path, nil)
		a.refused(problem{Status: 405, Code: "invalid_request"})
		same(t, x.path, x.allow, a.header.Get("Allow"))
	}
	missing := problem{Status: 404, Code: "not_found"}
	for _, r := range []struct{ method, path string }{
		{"GET", "/v1/lists/nosuch"}, {"GET", "/v1/lists/nosuch/versions"}, {"GET", "/v1/lists/nosuch/versions/1"}, {"GET", "/v1/lists/ofac-sdn/versions/99"},
		{"GET", "/v1/lists/ofac-sdn/versions/0"}, {"GET", "/v1/lists/ofac-sdn/versions/one"}, {"GET", "/v1/lists/ofac-sdn/versions/-1"},
		{"GET", "/v1/lists/ofac-sdn/versions/99999999999999999999"},
		{"GET", "/v1/lists/ofac-sdn/versions/99/diff"}, {"GET", "/v1/lists/ofac-sdn/versions/1/diff?against=99"}, {"GET", "/v1/lists/ofac-sdn/versions/99/quarantine"},
		{"POST", "/v1/lists/nosuch/versions"}, {"POST", "/v1/lists/ofac-sdn/versions/99/approve"}, {"POST", "/v1/lists/ofac-sdn/versions/99/reject"},
		{"POST", "/v1/lists/ofac-sdn/versions/99/activate"}, {"POST", "/v1/lists/nosuch/rollback"}, {"GET", "/v1/generations/99"}, {"GET", "/v1/generations/0"},
		{"DELETE", "/v1/keys/nosuch"}, {"GET", "/docs/nosuch.js"}, {"GET", "/docs/..%2Fopenapi.yaml"},
		// A path is no way to other documents of the store.
		{"GET", "/v1/lists/ofac-sdn%2Fversions"}, {"GET", "/v1/lists/..%2Fapikey%2Fx"}, {"GET", "/v1/lists/%00"}, {"DELETE", "/v1/keys/..%2Fhead"}, {"GET", "/v1/lists/" + strings.Repeat("x", 3000)},
	} {
		t.Run(r.method+" "+r.path[:min(60, len(r.path))], func(t *testing.T) { h.in(t).by("root", r.method, r.path, nil).refused(missing) })
	}
}

// The burst of a key's rate is the rate itself, and one check too many costs no other key anything.
func TestRateLimit(t *testing.T) {
	// Time stands still, so nothing of an allowance comes back.
	h := screened(t, func(o *api.Options) { at := time.Now(); o.Now = func() time.Time { return at } })
	key := h.by("root", "POST", "/v1/keys", map[string]any{"name": "slow", "roles": []string{"checker"}, "checks_per_second": 2}).want(201)["key"].(string)
	h.keyOf["slow"] = key
	three := map[string]any{"checks": []any{checkOf(genesis, ""), checkOf(genesis, ""), checkOf(genesis, "")}}
	a := h.by("slow", "POST", "/v1/checks", three)
	a.refused(problem{Status: 429, Code: "rate_limited", Detail: "3 checks at once are more than the limit of 2 a second: send at most 2 at once"})
	h.by("slow", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(genesis, ""), checkOf(genesis, "")}}).want(200)
	limited := problem{Status: 429, Code: "rate_limited", Detail: "more than 2 checks a second"}
	for _, a := range []*answer{
		h.by("slow", "POST", "/v1/check", checkOf(genesis, "")),
		h.by("slow", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(genesis, "")}}),
		h.by("slow", "GET", "/v1/addresses/"+genesis, nil),
	} {
		a.refused(limited)
		same(t, "Retry-After", "1", a.header.Get("Retry-After"))
	}
	got := h.by("max", "POST", "/v1/check", checkOf(genesis, "")).want(200)
	same(t, "another key has its own allowance", any("miss"), got["result"])
	h.by("slow", "GET", "/v1/lists", nil).want(200) // only checks are counted
}

// With the store away every route that needs it says so, and says nothing else.
func TestStoreAwayOnEveryRoute(t *testing.T) {
	h := screened(t)
	h.upload("ana", "ofac-sdn", sdnRows+`{"address":"`+p2wpkh+`"}`+"\n", "") // version 2, staged
	h.store.gone.Store(true)
	answered := map[string]int{"/v1/check": 200, "/v1/checks": 200, "/v1/addresses/" + genesis: 200, "/openapi.yaml": 200, "/docs/": 200, "/docs/start.js": 200, "/v1/me": 200, "/v1/shadow": 200, "/v1/sandbox": 404,
		"/v1/audit/keys": 200, "/v1/objects/" + strings.Repeat("0", 64): 404, "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7": 404, "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7/receipt": 404,
		"/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7/replay": 404, "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7/evidence": 404}
	for _, r := range routes {
		path := strings.Replace(r.path, "versions/1/", "versions/2/", 1)
		t.Run(r.method+" "+path, func(t *testing.T) {
			h := h.in(t)
			a := h.by("root", r.method, path, r.body)
			if status := answered[r.path]; status > 0 {
				if a.status != status {
					t.Errorf("%d %s", a.status, a.body)
				}
				return
			}
			a.refused(problem{Status: 503, Code: "store_unavailable"})
			same(t, "Retry-After", "1", a.header.Get("Retry-After"))
		})
	}
	// A key that is not in the copy cannot be judged now: that is no proof that it is unknown.
	h.clock.advance(2 * time.Second)
	for _, path := range []string{"/openapi.yaml", "/docs/", "/docs/start.js", "/v1/audit/keys"} {
		h.do(call{method: "GET", path: path, key: "ik_unknown"}).refused(problem{Status: 503, Code: "store_unavailable"})
		h.clock.advance(2 * time.Second)
	}
	h.store.gone.Store(false)
	same(t, "nothing was changed", []any{1.0, 2.0}, h.versions("ofac-sdn"))
	var state any
	b := h.by("otto", "GET", "/v1/lists/ofac-sdn/versions/2", nil).want(200)
	state = b["state"]
	same(t, "version 2", any("staged"), state)
}

// versions are the numbers of all versions of a list.
func (h *house) versions(list string) []any {
	h.t.Helper()
	out := []any{}
	for _, v := range h.by("otto", "GET", "/v1/lists/"+list+"/versions", nil).want(200)["versions"].([]any) {
		out = append(out, v.(map[string]any)["version"])
	}
	return out
}

// A panic is a 500 that tells nothing, and the next request is answered.
func TestPanicIsNoAnswer(t *testing.T) {
	h := screened(t, func(o *api.Options) { o.Store = nil })
	a := h.by("till", "GET", "/v1/replicas", nil)
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil || a.status != 500 || p.Code != "internal" || p.Detail != "" {
		t.Errorf("%d %s %v", a.status, a.body, err)
	}
	if log := h.log.String(); !strings.Contains(log, `"msg":"panic"`) {
		t.Errorf("%s", log)
	}
	h.by("till", "GET", "/v1/lists", nil).want(200)
}
