package api_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/auth"
	"interdict/lists"
	"interdict/screening/journal/proof"
)

// desk is a house with an index and a list, and the page of an auditor.
type desk struct {
	*indexed
	token string
}

func openDesk(t *testing.T, roles ...lists.Role) *desk {
	t.Helper()
	var staff *auth.Staff
	x := withIndex(t, func(o *api.Options) {
		staff = o.Keys.Staff()
		o.Staff = staff
	})
	x.publish("ofac-sdn", sdn, sdnRows)
	token, _ := x.signIn(staff, "kim", roles...)
	return &desk{x, token}
}

// shows asks for a page and makes sure of its status and of texts that it shows.
func (d *desk) shows(path string, status int, texts ...string) string {
	d.t.Helper()
	res, page := d.page(path, with(d.token), nil)
	d.holds(path, res, page, status, texts...)
	return page
}

var tags = regexp.MustCompile(`<[^>]*>`)

// seen returns what a reader sees of a page.
func seen(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

func (d *desk) holds(path string, res *http.Response, page string, status int, texts ...string) {
	d.t.Helper()
	if res.StatusCode != status {
		d.t.Fatalf("%s: %d instead of %d: %.3000s", path, res.StatusCode, status, seen(page))
	}
	text := seen(page)
	for _, want := range texts {
		if !strings.Contains(text, want) {
			d.t.Errorf("%s does not say %q: %.6000s", path, want, text)
		}
	}
	for _, bad := range []string{"<script>", "onclick=", " style=", "javascript:"} {
		if strings.Contains(page, bad) {
			d.t.Errorf("%s has %s", path, bad)
		}
	}
}

func TestConsoleLookUp(t *testing.T) {
	d := openDesk(t, lists.Analyst, lists.Auditor)
	d.check(lazarus, "ethereum", "dep-7")
	d.lookBack()
	before := len(d.records())
	hit := d.shows("/console/lookup?address=0X"+lazarus[2:], 200, "Hit: 1 listing matches", "deposit freeze withdrawal reject", "Lazarus Group", "27307", "DPRK3", "OFAC SDN , US Treasury, OFAC; version 1",
		"Screened against 4 listings of 1 list: generation 1", "Canonical form "+lazarus, "evm:"+strings.ToLower(lazarus[2:]), "ofac-sdn.ndjson, at line 1", "Looked up by kim", "dep-7", "added")
	same(t, "records of a look-up", 1, len(d.records())-before)
	id := regexp.MustCompile(`/console/decisions/([0-9a-f-]{36})`).FindStringSubmatch(hit)[1]
	same(t, "who asked", map[string]any{"by": "kim", "result": "hit"}, only(d.by("otto", "GET", "/v1/checks/"+id, nil).want(200), "by", "result"))

	d.shows("/console/lookup?address="+genesis, 200, "Miss: this address is on none of the lists", "Screened against 4 listings of 1 list: generation 1", "OFAC SDN version 1", "deposit allow withdrawal allow",
		"bitcoin-cash", "No version that can still be read has had it on a list.")
	d.shows("/console/lookup?address="+p2wpkh, 200, "Hit: 1 listing matches", "deposit review withdrawal review", "Same key", p2pkh)
	d.shows("/console/lookup", 200, "Every look-up is on record")

	// No answer is never a miss.
	for _, x := range []struct {
		address, network string
		status           int
		texts            []string
	}{
		{genesis[:33] + "b", "", 422, []string{"Not an address: nothing was cleared", "Its checksum is wrong"}},
		{lazarus[:41] + "F", "", 422, nil},
		{strings.Replace(lazarus, "B8Aaf", "B8aaf", 1), "", 422, []string{"Only the letter case is wrong, and the address in its right case is on a list"}},
		{genesis, "ethereum", 422, []string{"It is an address of another network: bitcoin, bitcoin-cash", "and not of ethereum"}},
		{genesis, "nosuch", 422, []string{"No answer: nothing was cleared", "The network is not known"}},
		{"vitalik.eth", "", 422, []string{"It is a name, and not an address"}},
	} {
		page := d.shows("/console/lookup?address="+x.address+"&network="+x.network, x.status, append(x.texts, "This is not a miss")...)
		if strings.Contains(page, "Miss:") || strings.Contains(page, `badge good`) {
			t.Errorf("%s: no answer looks like a miss", x.address)
		}
	}
	const secret = "5KJvsngHeMpm884wtkJNzQGaCErckhHJBGFsvd3VyK5qMZXj3hS"
	if page := d.shows("/console/lookup?address="+secret, 422, "It looks like a private key", "not shown"); strings.Contains(page, secret) {
		t.Error("the page shows a private key")
	}

	said := []lists.DeltaAddress{{Entity: "T", Asset: "ETH", Address: evmGone}}
	archive := lists.DeltaArchive{Read: []lists.Publication{{ID: "7", Date: "2023-02-01", Added: said}, {ID: "31", Date: "2025-03-21", Removed: said}}}
	if err := d.house.store.Commit(t.Context(), lists.Put(lists.DocDeltas("ofac-sdn"), archive, 0)); err != nil {
		t.Fatal(err)
	}
	d.shows("/console/lookup?address="+evmGone, 200, "Miss: this address is on none of the lists", "Not listed now.",
		"By the publisher's delta files "+evmGone+" (entity T) was listed on 2023-02-01 (publication 7) and removed on 2025-03-21 (publication 31)")

	then := d.clock.now().UTC()
	d.clock.advance(10 * time.Minute)
	d.publish("deny", map[string]any{"approvals": 0, "category": "scam"}, row(genesis, "Thief"))
	at := then.Add(5 * time.Minute).Format("2006-01-02T15:04")
	d.shows("/console/lookup?address="+genesis+"&at="+at, 200, "Hit: 1 listing matches", "Thief", "miss Screened against 4 listings of 1 list: generation 1", "It is not on record")
	d.shows("/console/lookup?address="+genesis+"&at=2001-01-01T00:00", 200, "This cannot be told")
	if page := d.shows("/console/lookup?address="+genesis+"&at=yesterday", 400, "write a time such as"); !strings.Contains(page, `value="yesterday"`) || !strings.Contains(page, `aria-describedby="at-wrong"`) {
		t.Error("what was typed is lost")
	}

	d.store.noLookups.Store(true)
	page := d.shows("/console/lookup?address="+p2pkh, 503, "No answer: nothing was cleared", "The address may be listed", "This is not a miss")
	if strings.Contains(page, "Miss:") {
		t.Error("an unread record looks like a miss")
	}
}

func TestConsoleLookUpOfHostileTexts(t *testing.T) {
	d := openDesk(t, lists.Approver)
	name := `<script>alert(1)</script>`
	d.publish("deny", map[string]any{"name": "<b>deny", "approvals": 0}, `{"address":"`+genesis+`","entity":{"name":"`+name+`"},"note":"\"><img src=x>","url":"javascript:alert(1)","incident":"`+name+`"}`+"\n")
	page := d.shows("/console/lookup?address="+genesis, 200, name, `"><img src=x>`, "<b>deny", "Hit: 1 listing matches", "deposit review withdrawal review")
	if strings.Contains(page, "<img src=x") || strings.Contains(page, "/console/decisions/") || strings.Contains(page, "Earlier checks") {
		t.Error("the page has what it should not have")
	}
	d.shows("/console/lookup?address="+url.QueryEscape(name), 422, "Not an address", name)
}

func TestConsoleLookUpWithoutLists(t *testing.T) {
	h, staff := staffed(t)
	token, _ := h.signIn(staff, "kim", lists.Analyst)
	res, page := h.page("/console/lookup?address="+genesis, with(token), nil)
	(&desk{indexed: &indexed{house: h}}).holds("lookup", res, page, 503, "No answer: nothing was cleared", "No list is active on this server yet", "This is not a miss")
}

// A suppression sets the only listing aside: the page says so, and who agreed.
func TestConsoleLookUpShowsSuppressions(t *testing.T) {
	d := openDesk(t, lists.Analyst)
	s := d.by("ana", "POST", "/v1/lists/ofac-sdn/suppressions", map[string]any{"address": strings.ToLower(lazarus), "reason": "delisted, not published yet", "until": d.clock.now().Add(240 * time.Hour).UTC()}).want(202)
	d.by("ben", "POST", "/v1/lists/ofac-sdn/suppressions/"+s["id"].(string)+"/approve", map[string]any{"reason": "seen"}).want(200)
	d.shows("/console/lookup?address="+lazarus, 200, "Miss: the only listings of this address are set aside by a suppression", "delisted, not published yet", "Proposed by ana, approved by ben", "Lazarus Group")
}

// form posts a form with a file.
func (d *desk) upload(path string, parts ...[3]string) (*http.Response, string) {
	d.t.Helper()
	body, contentType := multipartBody(d.t, parts...)
	req, err := http.NewRequestWithContext(d.t.Context(), "POST", d.url+path, bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header = with(d.token, "Content-Type", contentType)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		d.t.Fatal(err)
	}
	return res, b.String()
}

func TestConsoleLooksUpMany(t *testing.T) {
	d := openDesk(t, lists.Approver)
	const path, secret = "/console/lookup/many", "5KJvsngHeMpm884wtkJNzQGaCErckhHJBGFsvd3VyK5qMZXj3hS"
	d.shows(path, 200, "Addresses, one a line", "At most 10,000")
	file := "\ufeffAddress,Customer\r\n" + lazarus + ",1\r\n\r\n\"" + genesis + "\",2\r\n=cmd|'/c calc'!A1,3\r\n" + secret + "\r\n" + p2wpkh + "\r\n"
	res, page := d.upload(path, [3]string{"addresses", "", "ignored"}, [3]string{"network", "", ""}, [3]string{"file", "a.csv", file})
	d.holds(path, res, page, 200, "5 looked up 2 hit 1 miss 2 not answered", "2 lines got no answer. They are not cleared", "Looked up by kim. Screened against 4 listings of 1 list: generation 1",
		"The first line, Address , was taken for a heading", "2 "+lazarus+" hit freeze reject ofac-sdn Lazarus Group", "6 not shown not answered hold hold", "7 "+p2wpkh+" hit review review", "4 "+genesis+" miss allow allow")
	if strings.Contains(page, secret) {
		t.Error("the page shows a private key")
	}
	text := html.UnescapeString(regexp.MustCompile(`(?s)<textarea id="csv"[^>]*>(.*?)</textarea>`).FindStringSubmatch(page)[1])
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, r := range rows {
		got = append(got, slices.Concat(r[:7], r[8:9]))
	}
	same(t, "CSV", [][]string{
		{"line", "address", "result", "deposit", "withdrawal", "lists", "entities", "canonical"},
		{"2", lazarus, "hit", "freeze", "reject", "ofac-sdn", "Lazarus Group", lazarus},
		{"4", genesis, "miss", "allow", "allow", "", "", genesis},
		{"5", "'=cmd|'/c calc'!A1", "no answer", "hold", "hold", "", "", ""},
		{"6", "", "no answer", "hold", "hold", "", "", ""},
		{"7", p2wpkh, "hit", "review", "review", "ofac-sdn", "Some One", p2wpkh},
	}, got)

	none := [3]string{"file", "", ""}
	for _, x := range []struct{ text, file, want, kept string }{
		{"", "", "enter at least one address", ""},
		{strings.Repeat(genesis+"\n", 10001), "", "10,001 addresses; at most 10,000", genesis},
		{"kept", "PK\x03\x04\x00\x00", "not a text in UTF-8", "kept"},
	} {
		parts := [][3]string{{"addresses", "", x.text}, {"network", "", "bitcoin"}, none}
		if x.file != "" {
			parts[2] = [3]string{"file", "a.xlsx", x.file}
		}
		before := len(d.records())
		res, page := d.upload(path, parts...)
		d.holds(path, res, page, 400, x.want)
		if !strings.Contains(page, x.kept) || !strings.Contains(page, `value="bitcoin"`) || !strings.Contains(page, "-wrong") {
			t.Errorf("%s: what was typed is lost, or the error is not beside the field", x.want)
		}
		same(t, "records", before, len(d.records()))
	}
	res, page = d.upload(path, [3]string{"addresses", "", genesis + "\n" + strings.ToUpper(genesis)}, [3]string{"network", "", "bitcoin"}, none)
	d.holds(path, res, page, 200, "2 looked up 0 hit 1 miss 1 not answered")
	d.store.noLookups.Store(true)
	res, page = d.upload(path, [3]string{"addresses", "", lazarus}, [3]string{"network", "", ""}, none)
	d.holds(path, res, page, 200, "1 looked up 0 hit 0 miss 1 not answered", "The address may be listed")
}

func TestConsoleSearchesTheRecord(t *testing.T) {
	d := openDesk(t, lists.Auditor)
	miss, hit := d.check(genesis, "", "<b>dep-1"), d.check(lazarus, "ethereum", "dep-2")
	d.by("till", "POST", "/v1/check", map[string]any{"address": "nonsense", "direction": "deposit"}).refused(problem{Status: 422, Code: "invalid_address", Reason: "unsupported_kind"})
	d.lookBack()
	found := func(query string) (ids []string) {
		for _, m := range regexp.MustCompile(`href="/console/decisions/([0-9a-f-]{36})"`).FindAllStringSubmatch(d.shows("/console/decisions?"+query, 200, "The record is complete until"), -1) {
			ids = append(ids, m[1])
		}
		return ids
	}
	for query, want := range map[string][]string{
		"kind=check&result=hit":          {hit},
		"address=bitcoin:" + genesis:     {miss},
		"reference=dep-2":                {hit},
		"customer=c-dep-2":               {hit},
		"list=ofac-sdn&kind=check":       {hit},
		"by=till&result=miss":            {miss},
		"kind=check&to=2001-01-01T00:00": nil,
		"kind=activation":                nil,
		"kind=check&order=oldest&from=2001-01-01T00:00&result=miss&network=bitcoin&address=" + genesis: {miss},
	} {
		same(t, query, want, found(query))
	}
	d.shows("/console/decisions?list=ofac-sdn&by=ben", 200, "activate list ofac-sdn version 1, generation 1", "done", "begun", "test")
	d.shows("/console/decisions?by=root&kind=list+change", 200, "settings list ofac-sdn", "Field Before After Approvals that a version needs 0")
	d.shows("/console/decisions?kind=look-back", 200, "looked back on all checks: 2 checks answered again, 0 alerts")
	d.shows("/console/decisions?reference="+url.QueryEscape("<b>dep-1"), 200, "reference <b>dep-1, customer c-<b>dep-1")
	for query, want := range map[string]string{"from=yesterday": "write a time such as", "network=btc": "it is for an address", "kind=nosuch": "use one of", "cursor=x": "ot one from an earlier page"} {
		d.shows("/console/decisions?"+query, 400, want)
	}

	res, text := d.page("/console/decisions/export?as=csv&kind=check", with(d.token), nil)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 4 || res.Header.Get("Content-Disposition") != "attachment; filename=interdict-record.csv" || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("CSV: %d rows, %v, %v", len(rows), err, res.Header)
	}
	_, text = d.page("/console/decisions/export?as=ndjson&kind=check&result=hit", with(d.token), nil)
	var one struct {
		Check struct {
			ID string `json:"check_id"`
		} `json:"check"`
	}
	if err := json.Unmarshal([]byte(text), &one); err != nil || one.Check.ID != hit {
		t.Errorf("NDJSON: %v %.300s", err, text)
	}
	d.shows("/console/decisions/export?kind=nosuch", 400, "use one of")
}

func TestConsoleSearchHasPages(t *testing.T) {
	d := openDesk(t, lists.Auditor)
	for range 51 {
		d.check(genesis, "", "r")
	}
	d.lookBack()
	page := d.shows("/console/decisions?kind=check", 200, "Next page")
	next := html.UnescapeString(regexp.MustCompile(`href="([^"]*cursor=[^"]*)"`).FindStringSubmatch(page)[1])
	page = d.shows(next, 200)
	same(t, "records on the second page", 1, strings.Count(page, `<a class="addr"`))
}

func TestConsoleShowsADecision(t *testing.T) {
	d := openDesk(t, lists.Auditor)
	miss, hit := d.check(genesis, "", "dep-1"), d.check(lazarus, "ethereum", "dep-2")
	d.by("till", "POST", "/v1/check", map[string]any{"address": "nonsense", "direction": "deposit", "reference": "bad"}).refused(problem{Status: 422, Code: "invalid_address", Reason: "unsupported_kind"})
	d.lookBack()
	rec := d.by("otto", "GET", "/v1/checks/"+hit, nil).want(200)
	where := rec["record"].(map[string]any)
	page := d.shows("/console/decisions/"+hit, 200, "Hit: freeze", "Asked by till", "Direction deposit", "Reference dep-2", "Customer c-dep-2", "Lazarus Group", where["writer"].(string), where["sha256"].(string), "Shown to kim")
	var raw struct {
		Answer json.RawMessage `json:"answer"`
	}
	if err := json.Unmarshal(d.by("otto", "GET", "/v1/checks/"+hit, nil).body, &raw); err != nil || !strings.Contains(html.UnescapeString(page), "<pre>"+string(raw.Answer)+"</pre>") {
		t.Errorf("the answer is not shown as it was given: %v", err)
	}

	d.clock.advance(time.Second)
	d.publish("deny", map[string]any{"approvals": 0, "category": "scam", "name": "Deny"}, row(genesis, "Thief"))
	d.shows("/console/decisions/"+miss+"?replay=1", 200, "The lists of then give the recorded outcome again", "miss allow 0 listings", "hit review 1 listing", "Result miss hit", "Action allow review",
		"Listed now: "+genesis+" on deny none Thief")
	d.shows("/console/decisions/"+hit+"?replay=1", 200, "Nothing differs")

	d.evidence(hit) // waits for a checkpoint
	res, zipped := d.page("/console/decisions/"+hit+"/evidence", with(d.token), nil)
	names, files := unpacked(t, []byte(zipped))
	if !slices.Contains(names, "receipt.tlog-proof") || files["answer.json"] != string(raw.Answer) || res.Header.Get("Content-Disposition") != "attachment; filename=evidence-"+hit+".zip" {
		t.Errorf("evidence: %v %v", names, res.Header)
	}
	res, receipt := d.page("/console/decisions/"+hit+"/receipt", with(d.token), nil)
	if _, err := proof.VerifyReceipt([]byte(receipt), strings.Fields(files["public-keys.txt"])); err != nil || res.Header.Get("Content-Disposition") != "attachment; filename=receipt-"+hit+".tlog-proof" {
		t.Errorf("receipt: %v %v", err, res.Header)
	}
	refused := regexp.MustCompile(`/console/decisions/([0-9a-f-]{36})`).FindStringSubmatch(d.shows("/console/decisions?reference=bad", 200))[1]
	d.shows("/console/decisions/"+refused, 200, "Refused: not an address", "this is its digest")
	d.shows("/console/decisions/"+refused+"?replay=1", 200, "The check could not be answered again")
	d.shows("/console/decisions/01a215ae-736e-7537-88c3-0eac4441eba7", 404)
	d.shows("/console/decisions/nosuch", 400, "UUID")
}

func TestConsoleRecordIsForAuditors(t *testing.T) {
	d := openDesk(t, lists.Analyst, lists.Approver)
	id := d.check(lazarus, "ethereum", "dep-1")
	for _, path := range []string{"/console/decisions", "/console/decisions/export?as=csv", "/console/decisions/" + id, "/console/decisions/" + id + "/receipt", "/console/decisions/" + id + "/evidence"} {
		if page := d.shows(path, 403, "auditor"); strings.Contains(page, "dep-1") {
			t.Errorf("%s shows a record", path)
		}
	}
	if page := d.shows("/console/lookup?address="+lazarus, 200, "Hit"); strings.Contains(page, "dep-1") || strings.Contains(page, "/console/decisions") {
		t.Error("the look-up shows records")
	}
}
