package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"interdict/api"
	"interdict/api/client"
)

// preview sends a file to be previewed through the client, as ana.
func (h *house) preview(name, text string, o client.PreviewOptions) *client.Preview {
	h.t.Helper()
	c, err := client.New(h.url, h.keyOf["ana"])
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	p, err := c.Preview(h.t.Context(), []client.Upload{{Name: name, Body: strings.NewReader(text)}}, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// A table is shown with its columns and the mapping by which it is read, and each address with what it was read as, or why it was not.
func TestPreviewOfTable(t *testing.T) {
	h := screened(t)
	before := len(h.records())
	cut := lazarus[:41]
	p := h.preview("w.csv", "Wallet No,Owner,Colour\n"+lazarus+",Lazarus Group,red\n"+cut+",Cut,blue\n"+strings.ToLower(lazarus)+",Lazarus Group,green\n", client.PreviewOptions{List: "ofac-sdn"})
	same(t, "format", "csv", p.Format)
	same(t, "table", &client.PreviewTable{
		Columns: []client.PreviewColumn{{Name: "Wallet No", Field: "address", Addresses: 3}, {Name: "Owner", Field: "entity"}, {Name: "Colour"}},
		Rows:    [][]string{{lazarus, "Lazarus Group", "red"}, {cut, "Cut", "blue"}, {strings.ToLower(lazarus), "Lazarus Group", "green"}},
		Mapping: map[string]string{"address": "Wallet No", "entity": "Owner"}, Missing: []string{}, Fields: p.Table.Fields,
	}, p.Table)
	read := []client.Reading{{Network: "ethereum", Kind: "evm", Canonical: lazarus, Identity: "evm:" + strings.ToLower(lazarus[2:])}}
	for i := range p.Rows {
		for k := range p.Rows[i].Readings {
			if p.Rows[i].Readings[k].Network == "ethereum" {
				p.Rows[i].Readings = p.Rows[i].Readings[k : k+1]
				break
			}
		}
		p.Rows[i].Detail = ""
	}
	same(t, "rows", []client.PreviewRow{
		{Locator: "line 2", Address: lazarus, Entity: "Lazarus Group", Readings: read},
		{Locator: "line 3", Address: cut, Entity: "Cut", Readings: []client.Reading{}, Reason: p.Rows[1].Reason, Unread: true},
		{Locator: "line 4", Address: strings.ToLower(lazarus), Entity: "Lazarus Group", Readings: read},
	}, p.Rows)
	if p.Rows[1].Reason == "" {
		t.Error("no reason for the cut address")
	}
	same(t, "counts", client.PreviewCounts{Read: 3, Accepted: 1, Quarantined: 1, Duplicate: 1, Unread: 1, Addresses: 2}, p.Counts)
	same(t, "complete", true, p.Complete)
	same(t, "difference", &client.PreviewDiff{Against: 1, Added: 1, Changed: 1, Removed: 3}, p.Diff)
	same(t, "versions", 1, len(h.by("ana", "GET", "/v1/lists/ofac-sdn/versions", nil).want(200)["versions"].([]any)))
	same(t, "records", before, len(h.records()))
}

// What is missing is said with a suggestion, and with the suggestion the file can be read.
func TestPreviewSuggestsMapping(t *testing.T) {
	h := screened(t)
	text := "first,second,owner\n" + lazarus + "," + p2pkh + ",X\n" + "0x7F367cC41522cE07553e823bf3be79A889DEbe1B," + dogecoin + ",Y\n"
	p := h.preview("w.csv", text, client.PreviewOptions{})
	if p.Problem == "" || p.Complete {
		t.Fatalf("two columns of addresses are no problem: %+v", p)
	}
	same(t, "missing", []string{"address"}, p.Table.Missing)
	same(t, "suggestion", map[string]string{"address": "first|second", "entity": "owner"}, p.Table.Mapping)
	p = h.preview("w.csv", text, client.PreviewOptions{Mapping: p.Table.Mapping})
	same(t, "problem", "", p.Problem)
	same(t, "missing", []string{}, p.Table.Missing)
	same(t, "read", client.PreviewCounts{Read: 4, Accepted: 4, Addresses: 4}, p.Counts)

	p = h.preview("w.csv", "a,b\nx,y\n", client.PreviewOptions{})
	same(t, "format", "csv", p.Format)
	if p.Problem == "" {
		t.Error("a table without addresses is no problem")
	}
	same(t, "missing", []string{"address"}, p.Table.Missing)
	same(t, "rows", [][]string{{"x", "y"}}, p.Table.Rows)
}

// A pasted text is read as a notice: each address comes with its sentence, and a cut one with the reason why it is not read.
func TestPreviewOfPastedText(t *testing.T) {
	h := screened(t)
	p := h.preview("pasted.txt", "The group used "+p2pkh+" until May. It also used "+p2pkh[:30]+".\n", client.PreviewOptions{Format: "notice"})
	same(t, "format", "notice", p.Format)
	if p.Table != nil {
		t.Error("a table in prose")
	}
	if len(p.Rows) != 2 {
		t.Fatalf("rows: %+v", p.Rows)
	}
	same(t, "sentence", "The group used "+p2pkh+" until May.", p.Rows[0].Note)
	same(t, "read as bitcoin", p2pkh, p.Rows[0].Readings[0].Canonical)
	same(t, "cut", p2pkh[:30], p.Rows[1].Address)
	if p.Rows[1].Reason == "" || !p.Rows[1].Unread {
		t.Errorf("the cut address: %+v", p.Rows[1])
	}
}

func TestPreviewOfObjects(t *testing.T) {
	h := screened(t)
	want := []client.PreviewColumn{{Name: "holder", Field: "entity"}, {Name: "wallet", Field: "address", Addresses: 1}, {Name: "colour"}}
	for name, text := range map[string]string{
		"w.json":   `{"result":[{"holder":"X","wallet":"` + lazarus + `","colour":"red"}]}`,
		"w.ndjson": `{"holder":"X","wallet":"` + lazarus + `","colour":"red"}` + "\n",
	} {
		p := h.preview(name, text, client.PreviewOptions{})
		same(t, name, want, p.Table.Columns)
		same(t, name, map[string]string{"address": "wallet", "entity": "holder"}, p.Table.Mapping)
		same(t, name, 1, p.Counts.Accepted)
	}
	if p := h.preview("own.ndjson", sdnRows, client.PreviewOptions{}); p.Table != nil || p.Counts.Accepted != 3 {
		t.Errorf("our own format: %+v", p)
	}
}

// Secrets never come back: not in the cells, not in the rows.
func TestPreviewHidesSecrets(t *testing.T) {
	h := screened(t)
	secret := "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ"
	a := h.do(call{method: "POST", path: "/v1/preview?format=csv", key: h.keyOf["ana"], body: "address,note\n" + secret + ",x\n" + lazarus + "," + secret + "\n",
		header: http.Header{"Content-Type": {"text/csv"}}})
	a.want(200)
	if strings.Contains(string(a.body), secret) {
		t.Errorf("the answer holds the key: %s", a.body)
	}
}

// A large file is read in part, and says so.
func TestPreviewIsBounded(t *testing.T) {
	h := screened(t)
	var b strings.Builder
	for i := range 100_001 {
		fmt.Fprintf(&b, "0x%040x\n", i+1<<20)
	}
	p := h.preview("w.txt", b.String(), client.PreviewOptions{Format: "text", List: "ofac-sdn"})
	same(t, "complete", false, p.Complete)
	same(t, "rows", 100, len(p.Rows))
	if p.Counts.Read > 100_000 || p.Counts.Read == 0 || p.Diff != nil || p.Problem != "" {
		t.Errorf("%+v %+v %s", p.Counts, p.Diff, p.Problem)
	}
}

func TestPreviewRefusals(t *testing.T) {
	h := screened(t)
	limited := h.by("root", "POST", "/v1/keys", map[string]any{"name": "one", "roles": []string{"analyst"}, "lists": []string{"deny"}}).want(201)["key"].(string)
	send := func(query, key, body string) *answer {
		return h.do(call{method: "POST", path: "/v1/preview" + query, key: key, body: body, header: http.Header{"Content-Type": {"text/csv"}}})
	}
	send("?list=ofac-sdn", limited, "x").refused(problem{Status: 404, Code: "not_found", Detail: `no such list: "ofac-sdn"`})
	send("?list=nosuch", h.keyOf["ana"], "x").refused(problem{Status: 404, Code: "not_found"})
	send("?format=nosuch", h.keyOf["ana"], "x").refused(problem{Status: 400, Code: "invalid_request"})
	send("?mapping=x", h.keyOf["ana"], "x").refused(problem{Status: 400, Code: "invalid_request"})
	send("?mode=add", h.keyOf["ana"], "x").refused(problem{Status: 400, Code: "invalid_request", Detail: `query parameter "mode" is unknown`})
	same(t, "nothing recognised", "", send("", h.keyOf["ana"], "\x01\x02hello").want(200)["format"])
}

func TestPreviewOfABodyThatCannotBeTaken(t *testing.T) {
	h := open(t, func(o *api.Options) { o.UploadSpace = 1000 })
	send := func(media, body string) *answer {
		return h.do(call{method: "POST", path: "/v1/preview", key: h.keyOf["ana"], body: body, header: http.Header{"Content-Type": {media}}})
	}
	send("text/csv", strings.Repeat("x", 1001)).refused(problem{Status: 413, Code: "too_large"})
	send("multipart/mixed; boundary=x", "--x--").refused(problem{Status: 415, Code: "unsupported_media_type"})
}
