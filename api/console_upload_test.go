package api_test

import (
	"bytes"
	"html"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"interdict/lists"
)

// sent is a file of a form.
type sent struct{ name, text string }

// sendForm sends a form with files.
func (h *house) sendForm(path, token string, form url.Values, files ...sent) (*http.Response, string) {
	h.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			_ = w.WriteField(name, value)
		}
	}
	for _, f := range files {
		part, _ := w.CreateFormFile("file", f.name)
		_, _ = io.WriteString(part, f.text)
	}
	w.Close()
	req, err := http.NewRequestWithContext(h.t.Context(), "POST", h.url+path, &body)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header = with(token, "Content-Type", w.FormDataContentType())
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, string(text)
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// hidden adds the hidden fields of a page to a form.
func hidden(page string, form url.Values) url.Values {
	out := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		out.Set(m[1], html.UnescapeString(m[2]))
	}
	maps.Copy(out, form)
	return out
}

// shows reports what a page lacks.
func shows(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("without %q:\n%s", want, page[strings.Index(page, "<main")+1:])
		}
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, " onclick") || strings.Contains(page, " style=") {
		t.Errorf("inline code:\n%s", page)
	}
}

const (
	ronin  = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
	stolen = "0x96244D83DC15d36847C35209bBDc5bdDE9bEc3D8"
)

func TestUploadPageStagesAFile(t *testing.T) {
	h, staff := staffed(t)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"name": `De"ny <script>`}).want(201)
	token, _ := h.signIn(staff, "kim", lists.Analyst)
	_, page := h.page("/console/upload?list=deny", with(token), nil)
	shows(t, page, `<option value="deny" selected>De&#34;ny &lt;script&gt; (deny)</option>`, "A new list is made by an administrator.")

	// Two columns could be meant: the person chooses, and the file is not sent again.
	table := sent{"<script>.csv", "Victim Addresses,Attacker Addresses,Note\n" + stolen + "," + ronin + ",<script>x\n"}
	form := url.Values{"list": {"deny"}, "mode": {"replace"}, "note": {"from <script>"}, "do": {"read"}}
	res, page := h.sendForm("/console/upload", token, form, table)
	same(t, "status", 200, res.StatusCode)
	shows(t, page, "&lt;script&gt;.csv", "Say which column holds: Address.", "&lt;script&gt;x", "from &lt;script&gt;</textarea>")
	form.Set("do", "submit")
	if res, page = h.sendForm("/console/upload", token, hidden(page, form)); res.StatusCode != 200 {
		t.Errorf("staged without a column: %d", res.StatusCode)
	}
	shows(t, page, "Say which column holds: Address.", "from &lt;script&gt;</textarea>")
	form.Set("column.1", "address")
	form.Set("do", "read")
	_, page = h.sendForm("/console/upload", token, hidden(page, form))
	shows(t, page, "an address was read in 1 of 1 row.", `<option value="address" selected>`)
	same(t, "nothing is staged yet", []any{}, h.by("till", "GET", "/v1/lists/deny/versions", nil).want(200)["versions"].([]any))
	form.Set("do", "submit")
	next := hidden(page, form)
	res, _ = h.sendForm("/console/upload", token, next)
	same(t, "leads to", "/console/lists/deny/versions/1", res.Header.Get("Location"))
	v := h.by("till", "GET", "/v1/lists/deny/versions/1", nil).want(200)
	same(t, "the version", map[string]any{"state": "staged", "mode": "replace", "addresses": float64(1), "uploaded_by": "kim", "note": "from <script>"}, only(v, "state", "mode", "addresses", "uploaded_by", "note"))
	same(t, "the mapping", any("Attacker Addresses"), v["reading"].(map[string]any)["mapping"].(map[string]any)["address"])

	// The file has been given up. What was typed stays.
	res, page = h.sendForm("/console/upload", token, next)
	same(t, "status", 400, res.StatusCode)
	shows(t, page, "the file is not here any more", "from &lt;script&gt;</textarea>")
}

func TestUploadPageSaysWhatIsWrong(t *testing.T) {
	h, staff := staffed(t)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{}).want(201)
	token, _ := h.signIn(staff, "kim", lists.Analyst)
	other, _ := h.signIn(staff, "lee", lists.Analyst)
	admin, _ := h.signIn(staff, "ada", lists.Analyst, lists.Admin)
	auditor, _ := h.signIn(staff, "ann", lists.Auditor)
	for _, path := range []string{"/console/upload", "/console/urgent"} {
		if res, _ := h.page(path, with(auditor), nil); res.StatusCode != 403 {
			t.Errorf("%s: an auditor gets %d", path, res.StatusCode)
		}
		if res, _ := h.sendForm(path, auditor, url.Values{"list": {"deny"}, "text": {ronin}, "do": {"submit"}}, sent{"a.txt", ronin}); res.StatusCode != 403 {
			t.Errorf("POST %s: an auditor gets %d", path, res.StatusCode)
		}
	}
	for _, x := range []struct {
		form  url.Values
		files []sent
		want  string
	}{
		{url.Values{"list": {"deny"}}, nil, `id="file-wrong">choose a file`},
		{url.Values{"list": {"deny"}}, []sent{{"", ""}, {"", ""}}, `id="file-wrong">choose a file`},
		{url.Values{"list": {""}}, []sent{{"a.txt", ronin}}, `id="list-wrong">choose a list`},
		{url.Values{"list": {"deny"}, "published": {"yesterday"}}, []sent{{"a.txt", ronin}}, `id="published-wrong">`},
		{url.Values{"list": {"deny"}}, []sent{{"a", "1"}, {"b", "2"}, {"c", "3"}}, `id="file-wrong">give one file, or two that belong together`},
		{url.Values{"list": {"+new"}, "id": {"Bad"}}, []sent{{"a.txt", ronin}}, `is not a valid list id`},
		{url.Values{"list": {"+new"}, "id": {"deny"}}, []sent{{"a.txt", ronin}}, `there is a list of that id already`},
	} {
		res, page := h.sendForm("/console/upload", admin, x.form, x.files...)
		if res.StatusCode != 400 {
			t.Errorf("%v: status %d", x.form, res.StatusCode)
		}
		shows(t, page, x.want)
	}
	res, page := h.sendForm("/console/upload", token, url.Values{"list": {"deny"}}, sent{"a.xlsx", "PK\x03\x04 cut off"})
	same(t, "status", 200, res.StatusCode)
	shows(t, page, "The file cannot be loaded as it is")

	_, page = h.sendForm("/console/upload", token, url.Values{"list": {"deny"}}, sent{"a.txt", ronin})
	form := hidden(page, url.Values{"list": {"deny"}, "do": {"submit"}})
	if res, _ := h.sendForm("/console/upload", other, form); res.StatusCode != 400 {
		t.Errorf("another person's file: %d", res.StatusCode)
	}
	form.Set("list", "+new") // an analyst cannot make a list
	form.Set("id", "own")
	if res, _ := h.sendForm("/console/upload", token, form); res.StatusCode != 403 {
		t.Errorf("an analyst makes a list: %d", res.StatusCode)
	}
	same(t, "nothing was staged", []any{}, h.by("till", "GET", "/v1/lists/deny/versions", nil).want(200)["versions"].([]any))
}

func TestUploadPageMakesAList(t *testing.T) {
	h, staff := staffed(t)
	token, _ := h.signIn(staff, "kim", lists.Analyst, lists.Admin)
	form := url.Values{"list": {"+new"}, "id": {"own"}, "name": {"Own"}, "authority": {"us"}, "category": {"internal"}, "confidence": {"suspected"}, "approvals": {"2"}, "mandatory": {"yes"}, "do": {"read"}}
	_, page := h.sendForm("/console/upload", token, form, sent{"a.txt", ronin})
	shows(t, page, "A confirmed hit means: deposit")
	h.by("root", "GET", "/v1/lists/own", nil).refused(problem{Status: 404, Code: "not_found"})
	form.Set("do", "submit")
	form.Set("published", "yesterday") // the list is not left behind
	if res, _ := h.sendForm("/console/upload", token, hidden(page, form)); res.StatusCode != 400 {
		t.Errorf("status %d", res.StatusCode)
	}
	h.by("root", "GET", "/v1/lists/own", nil).refused(problem{Status: 404, Code: "not_found"})
	form.Set("published", "2026-01-02")
	res, _ := h.sendForm("/console/upload", token, hidden(page, form))
	same(t, "leads to", "/console/lists/own/versions/1", res.Header.Get("Location"))
	same(t, "the list", map[string]any{"name": "Own", "authority": "us", "category": "internal", "confidence": "suspected", "approvals": float64(2), "mandatory": true},
		only(h.by("root", "GET", "/v1/lists/own", nil).want(200), "name", "authority", "category", "confidence", "approvals", "mandatory"))
}

func TestLargeUploadShowsItsProgress(t *testing.T) {
	h, staff := staffed(t)
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{}).want(201)
	token, _ := h.signIn(staff, "kim", lists.Analyst)
	blanks := "," + strings.Repeat(" ", 100_000) + "\n" // a large file with few rows
	large := sent{"large.csv", "address,note\n" + ronin + blanks + strings.Repeat(stolen+blanks, 85)}
	_, page := h.sendForm("/console/upload", token, url.Values{"list": {"deny"}}, large)
	res, _ := h.sendForm("/console/upload", token, hidden(page, url.Values{"list": {"deny"}, "do": {"submit"}}))
	same(t, "leads to", "/console/upload/deny/1", res.Header.Get("Location"))
	if res, _ := h.page("/console/upload/deny/x", with(token), nil); res.StatusCode != 404 {
		t.Errorf("no version: %d", res.StatusCode)
	}
	waitFor(t, "the page goes on to the version", func() bool {
		res, page := h.page("/console/upload/deny/1", with(token), nil)
		if res.StatusCode == 200 {
			shows(t, page, "The file is being read for version 1 of deny", `hx-get="/console/upload/deny/1"`, `http-equiv="refresh"`)
		}
		return res.Header.Get("Location") == "/console/lists/deny/versions/1"
	})
	res, _ = h.page("/console/upload/deny/1", with(token, "Hx-Request", "true"), nil)
	same(t, "for scripts", "/console/lists/deny/versions/1", res.Header.Get("Hx-Redirect"))
}

func TestUrgentAddition(t *testing.T) {
	h, staff := staffed(t)
	h.by("root", "PUT", "/v1/lists/internal-deny", map[string]any{"category": "internal"}).want(201)
	token, _ := h.signIn(staff, "kim", lists.Analyst)
	notice := "The stolen assets are at " + ronin + " on Ethereum. <script> Part went to " + stolen + ".\nThe Bitcoin address 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb was named."
	form := url.Values{"text": {notice}, "do": {"find"}}
	_, page := h.sendForm("/console/urgent", token, form)
	shows(t, page, "3 addresses found, 2 of them readable", "not readable", `<option value="internal-deny" selected>`, `name="row" value="0" aria-label="Add `+ronin+`" checked`, "&lt;script&gt;")

	form = hidden(page, url.Values{"text": {notice}, "do": {"submit"}, "row": {"0", "2"}, "list": {"internal-deny"}, "url": {"https://example.org/a"}, "entity": {"Lazarus"}, "incident": {"Bybit"},
		"category": {"stolen_funds"}, "confidence": {"suspected"}, "listed_on": {"2025-02-26"}, "note": {"call me"}})
	changed := maps.Clone(form)
	changed.Set("text", notice+" And "+strings.ToLower(ronin))
	for _, x := range []struct {
		form url.Values
		want string
	}{
		{changed, "it was changed after it was read"},
		{hidden(page, url.Values{"text": {notice}, "do": {"submit"}, "list": {"internal-deny"}, "note": {"call me"}}), "check at least one address"},
		{hidden(page, url.Values{"text": {notice}, "do": {"submit"}, "row": {"0"}, "note": {"call me"}}), "choose a list"},
		{url.Values{"text": {"none"}, "note": {"call me"}}, "no address was found in it"},
		{url.Values{"text": {" "}}, "paste the text of the notice"},
	} {
		res, page := h.sendForm("/console/urgent", token, x.form)
		if res.StatusCode != 400 {
			t.Errorf("%s: status %d", x.want, res.StatusCode)
		}
		shows(t, page, x.want)
		if x.form.Has("note") {
			shows(t, page, "call me</textarea>")
		}
	}
	res, _ := h.sendForm("/console/urgent", token, form)
	same(t, "leads to", "/console/lists/internal-deny/versions/1", res.Header.Get("Location"))
	v := h.by("till", "GET", "/v1/lists/internal-deny/versions/1", nil).want(200)
	same(t, "the version", map[string]any{"state": "staged", "mode": "add", "listings": float64(1), "uploaded_by": "kim"}, only(v, "state", "mode", "listings", "uploaded_by"))
	shows(t, v["note"].(string), "https://example.org/a", "sha256:", "call me")
	rows := h.by("till", "GET", "/v1/lists/internal-deny/versions/1/diff?against=0", nil).want(200)["rows"].([]any)
	listing := rows[0].(map[string]any)["listing"].(map[string]any)
	same(t, "the listing", map[string]any{"address": ronin, "category": "stolen_funds", "confidence": "suspected", "incident": "Bybit", "url": "https://example.org/a", "listed_on": "2025-02-26",
		"entity": map[string]any{"id": "", "name": "Lazarus", "type": ""}}, only(listing, "address", "category", "confidence", "incident", "url", "listed_on", "entity"))
	shows(t, listing["note"].(string), "The stolen assets are at "+ronin)
}
