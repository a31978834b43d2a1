package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
)

// caseDesk is a house with an index and staff.
type caseDesk struct {
	*indexed
	staff *auth.Staff
}

func openCaseDesk(t *testing.T) *caseDesk {
	t.Helper()
	d := &caseDesk{}
	d.indexed = withIndex(t, func(o *api.Options) {
		d.staff = o.Keys.Staff()
		o.Staff = d.staff
	})
	d.publish("ofac-sdn", sdn, sdnRows)
	return d
}

func (d *caseDesk) person(login string, roles ...lists.Role) string {
	d.t.Helper()
	return d.signInAs(d.staff, login, roles...)
}

func casePath(id string) string { return "/console/cases/" + id }

// does posts a form that leads back to the case.
func (d *caseDesk) does(token, id string, form url.Values) {
	d.t.Helper()
	d.goes(token, casePath(id), form, casePath(id))
}

func TestConsoleTwoPeopleWorkOnACase(t *testing.T) {
	d := openCaseDesk(t)
	kim, lee, ada := d.person("kim", lists.Analyst), d.person("lee", lists.Analyst), d.person("ada", lists.Approver)
	id := d.hit(lazarus, "deposit")
	d.shows(kim, "/console/cases", nil, 200, lazarus, "cust-of-a-test", "ref-of-a-test", "Lazarus Group", "ofac-sdn", "freeze", "deposit", "not assigned", `href="/console/cases/`+id+`"`)
	text := d.shows(kim, casePath(id), nil, 200, lazarus, "cust-of-a-test", "ref-of-a-test", "till", "Nobody works on this case.", "Take it", "DPRK3", "sdn.ndjson", "An approver resolves cases.",
		"Blocked property is reported to OFAC within ten business days of the freeze", `href="/console/lookup?address=`+lazarus)
	d.lacks(text, "Resolve the case", "Give it back")

	d.does(kim, id, url.Values{"do": {"take"}})
	text = d.shows(lee, casePath(id), nil, 200, "Taken by kim since", "only kim, or an approver who takes it over, can work on it.")
	d.lacks(text, "<textarea", "Take it")
	d.shows(lee, casePath(id), url.Values{"do": {"take"}}, 409, "Kim works on the case.")
	d.lacks(d.shows(ada, casePath(id), nil, 200, "Take it over", "Nothing is recommended yet"), "Resolve the case")

	// Reasons are required, and nothing typed is lost.
	d.shows(kim, casePath(id), url.Values{"do": {"recommend"}, "outcome": {"true_match"}, "reason": {" "}}, 400, `id="recommend-wrong"`, "say what was found and done", `value="true_match" selected`)
	d.shows(kim, casePath(id), url.Values{"do": {"recommend"}, "outcome": {""}, "reason": {"the same wallet"}}, 400, `id="recommend-outcome-wrong"`, ">the same wallet</textarea>")
	d.shows(kim, casePath(id), url.Values{"do": {"wait"}, "until": {"2020-01-01"}, "reason": {"for their answer"}}, 400, `id="wait-until-wrong"`, "must be in the future", ">for their answer</textarea>")
	d.shows(kim, casePath(id), url.Values{"do": {"wait"}, "until": {"2020"}, "reason": {"x"}}, 400, "write a date such as")
	d.shows(kim, casePath(id), url.Values{"do": {"note"}, "note": {""}}, 400, `id="note-wrong"`)
	d.shows(kim, casePath(id), url.Values{"do": {"release"}, "reason": {""}}, 400, `id="release-wrong"`)
	d.shows(ada, casePath(id), url.Values{"do": {"take_over"}, "reason": {""}}, 400, `id="take_over-wrong"`)
	d.shows(kim, casePath(id), url.Values{"do": {"nosuch"}}, 400)
	same(t, "nothing has changed", 1, len(d.theCase(id).History))

	d.does(kim, id, url.Values{"do": {"note"}, "note": {"asked the <script>alert(1)</script> exchange"}})
	d.does(kim, id, url.Values{"do": {"wait"}, "until": {"2999-01-31"}, "reason": {"for their answer"}})
	d.shows(kim, casePath(id), nil, 200, "asked the &lt;script&gt;alert(1)&lt;/script&gt; exchange", "2999-01-31", "for their answer", "Go on with it")
	d.shows(kim, "/console/cases?state=waiting&taken_by=@me", nil, 200, lazarus)
	d.lacks(d.shows(lee, "/console/cases?taken_by=@me", nil, 200, "No case is here."), lazarus)
	d.lacks(d.shows(lee, "/console/cases?taken_by=@nobody", nil, 200), lazarus)
	d.shows(lee, "/console/cases?taken_by=kim", nil, 200, lazarus)
	d.does(kim, id, url.Values{"do": {"recommend"}, "outcome": {"true_match"}, "reason": {"the same wallet"}})
	d.shows(kim, casePath(id), url.Values{"do": {"resolve"}, "outcome": {"true_match"}, "reason": {"r"}}, 403)
	d.shows(ada, casePath(id), nil, 200, "is recommended by kim", "the same wallet", "Resolve the case", `value="true_match" selected`)
	d.shows(ada, casePath(id), url.Values{"do": {"resolve"}, "outcome": {"true_match"}, "reason": {""}}, 400, `id="resolve-wrong"`)
	d.does(ada, id, url.Values{"do": {"resolve"}, "outcome": {"true_match"}, "reason": {"reported as 2026-118"}})
	text = d.shows(kim, casePath(id), nil, 200, "A resolved case stays as it is.", "reported as 2026-118", "Recommended by kim")
	d.lacks(text, "<textarea")
	d.lacks(d.shows(kim, "/console/cases", nil, 200), lazarus)
	d.shows(kim, "/console/cases?state=resolved", nil, 200, lazarus, "by ada")
	d.shows(kim, "/console/cases?state=resolved&taken_by=@me", nil, 400, `is for cases that are not resolved`)

	var did []string
	for _, e := range d.theCase(id).History {
		did = append(did, e.By+" "+e.Do+" "+e.Reason)
	}
	same(t, "history", []string{"kim take ", "kim note asked the <script>alert(1)</script> exchange", "kim wait for their answer", "kim recommend the same wallet", "ada resolve reported as 2026-118"}, did)
}

func TestConsoleACaseIsTakenOverAndGivenBack(t *testing.T) {
	d := openCaseDesk(t)
	kim, ada := d.person("kim", lists.Analyst), d.person("ada", lists.Analyst, lists.Approver)
	id := d.hit(lazarus, "withdrawal")
	d.does(kim, id, url.Values{"do": {"take"}})
	d.does(ada, id, url.Values{"do": {"take_over"}, "reason": {"Kim is ill"}})
	d.shows(kim, casePath(id), nil, 200, "Taken by ada since", "took it over from kim", "Kim is ill", "A rejected transaction is reported to OFAC")
	d.does(ada, id, url.Values{"do": {"recommend"}, "outcome": {"other"}, "reason": {"r"}})
	d.lacks(d.shows(ada, casePath(id), nil, 200, "You recommended the outcome: another person has to resolve the case."), "Resolve the case")
	d.does(ada, id, url.Values{"do": {"release"}, "reason": {"not mine"}})
	d.shows(kim, casePath(id), nil, 200, "Nobody works on this case.", "gave it back", "not mine")
}

func TestConsoleRolesOfCases(t *testing.T) {
	d := openCaseDesk(t)
	id := d.hit(lazarus, "deposit")
	d.hit(lazarus, "withdrawal")
	vi, otto, kim := d.person("vi", lists.Checker), d.person("oz", lists.Auditor), d.person("kim", lists.Analyst)
	for _, path := range []string{"/console/cases", casePath(id), casePath(id) + "/attachments/1"} {
		d.shows(vi, path, nil, 403)
	}
	d.shows(vi, casePath(id), url.Values{"do": {"take"}}, 403)
	text := d.shows(otto, casePath(id), nil, 200, "Analysts and approvers work on cases. You can read it.", `href="/console/decisions/`+id+`/evidence"`, `href="/console/decisions/`+id+`/receipt"`,
		"Other checks of this address", "withdrawal")
	d.lacks(text, "<textarea", "Take it")
	d.lacks(d.shows(otto, "/console/cases", nil, 200, lazarus), `name="ids"`)
	for _, form := range []url.Values{{"do": {"take"}}, {"do": {"note"}, "note": {"n"}}} {
		d.shows(otto, casePath(id), form, 403)
	}
	d.shows(otto, "/console/cases", url.Values{"do": {"take"}, "ids": {id}}, 403)
	d.lacks(d.shows(kim, casePath(id), nil, 200, "are for auditors"), "Other checks of this address", "/evidence")
	d.shows(kim, casePath("nosuch"), nil, 404)
	d.shows(kim, "/console/cases?state=nosuch", nil, 400)
	same(t, "nobody has done anything", 0, len(d.theCase(id).History))
}

func TestConsoleManyCases(t *testing.T) {
	d := openCaseDesk(t)
	kim, lee, ada := d.person("kim", lists.Analyst), d.person("lee", lists.Analyst), d.person("ada", lists.Approver)
	one, two, three := d.hit(lazarus, "deposit"), d.hit(lazarus, "withdrawal"), d.hit(lazarus, "deposit")
	d.does(lee, two, url.Values{"do": {"take"}})
	const path = "/console/cases?queue=exact"
	d.shows(kim, path, nil, 200, "Exact <strong>3</strong>", "Derived <strong>0</strong>", `action="/console/cases?queue=exact"`)
	d.shows(kim, path, url.Values{"do": {"take"}}, 400, "Choose at least one case.")
	d.shows(kim, path, url.Values{"ids": {one, two}, "do": {"recommend"}, "outcome": {"false_positive"}, "reason": {""}}, 400, `id="reason-wrong"`, `value="`+one+`" aria-label="Choose the case of `+lazarus+`" checked`, `value="false_positive" selected`)
	d.shows(kim, path, url.Values{"ids": {one}, "do": {"note"}, "reason": {"r"}}, 400, "cannot be done with many cases here")
	d.shows(kim, path, url.Values{"ids": {one}, "do": {"resolve"}, "outcome": {"other"}, "reason": {"r"}}, 403, "recommend how to")
	text := d.shows(kim, path, url.Values{"ids": {one, two, "nosuch"}, "do": {"recommend"}, "outcome": {"false_positive"}, "reason": {"a shared wallet"}}, 200,
		"1 case was changed of 3", "Lee works on the case.", `value="`+two+`" aria-label="Choose the case of `+lazarus+`" checked`, "does not exist", "recommended:")
	d.lacks(text, "a shared wallet", `value="`+one+`" aria-label="Choose the case of `+lazarus+`" checked`)
	same(t, "one", "false_positive", d.theCase(one).Recommendation.Outcome)
	same(t, "two", true, d.theCase(two).Recommendation == nil)
	d.shows(ada, path, url.Values{"ids": {one, three}, "do": {"resolve"}, "outcome": {"false_positive"}, "reason": {"a shared wallet"}}, 200, "2 cases were changed of 2", "Exact <strong>1</strong>")
	same(t, "by", []string{"ada", "ada"}, []string{d.theCase(one).Resolved.By, d.theCase(three).Resolved.By})
}

// attachTo posts a file as a browser does.
func (d *caseDesk) attachTo(token, id, name string, content []byte) (*http.Response, string) {
	d.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+casePath(id)+"/attachments", &b)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header = with(token, "Content-Type", m.FormDataContentType())
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res, string(text)
}

func TestConsoleAttachments(t *testing.T) {
	d := openCaseDesk(t)
	kim, lee := d.person("kim", lists.Analyst), d.person("lee", lists.Analyst)
	id := d.hit(lazarus, "deposit")
	page := []byte("<html><script>alert(document.cookie)</script>")
	if res, text := d.attachTo(kim, id, `x<img src=x>.html`, page); res.StatusCode != 303 || res.Header.Get("Location") != casePath(id) {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	attached := d.theCase(id).Attachments
	for i := range attached {
		attached[i].SHA256, attached[i].At = "", time.Time{}
	}
	same(t, "the file", []client.CaseAttachment{{Number: 1, Name: "x_img src=x_.html", Size: int64(len(page)), By: "kim"}}, attached)
	d.shows(lee, casePath(id), nil, 200, "x_img src=x_.html", "attached", `href="/console/cases/`+id+`/attachments/1" download`)
	res, text := d.page(casePath(id)+"/attachments/1", with(lee), nil)
	same(t, "content", string(page), text)
	header := map[string]string{}
	for _, name := range []string{"Content-Type", "Content-Disposition", "X-Content-Type-Options", "Content-Security-Policy", "Cache-Control"} {
		header[name] = res.Header.Get(name)
	}
	same(t, "header", map[string]string{"Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="x_img src=x_.html"`, "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-store"}, header)
	d.shows(lee, casePath(id)+"/attachments/2", nil, 404)
	d.shows(lee, casePath(id)+"/attachments/x", nil, 404)

	for _, x := range []struct {
		name    string
		content []byte
		status  int
		want    string
	}{{"", []byte("x"), 400, "choose a file"}, {"a.txt", nil, 400, "is empty"}, {"a.txt", make([]byte, client.MaxAttachmentBytes+1), 413, "is larger than 10 MiB"}} {
		if res, text := d.attachTo(kim, id, x.name, x.content); res.StatusCode != x.status || !strings.Contains(text, x.want) || !strings.Contains(text, `id="file-wrong"`) {
			t.Errorf("%q: %d %s", x.name, res.StatusCode, text)
		}
	}
	if res, text := d.attachTo(d.person("oz", lists.Auditor), id, "a.txt", []byte("x")); res.StatusCode != 403 {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	d.does(lee, id, url.Values{"do": {"take"}})
	if res, text := d.attachTo(kim, id, "a.txt", []byte("x")); res.StatusCode != 409 || !strings.Contains(text, "Lee works on the case") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	same(t, "files", 1, len(d.theCase(id).Attachments))
}

func TestConsoleFalsePositivesAreSuppressed(t *testing.T) {
	d := openCaseDesk(t)
	kim, ada := d.person("kim", lists.Analyst), d.person("ada", lists.Approver)
	id := d.hit(lazarus, "deposit")
	d.lacks(d.shows(kim, casePath(id), nil, 200), "The same false positive again")
	d.does(kim, id, url.Values{"do": {"recommend"}, "outcome": {"false_positive"}, "reason": {"a shared <b>wallet"}})
	d.shows(kim, casePath(id), nil, 200, "The same false positive again", "Propose a suppression", ">False positive, case "+id+": a shared &lt;b&gt;wallet</textarea>", `value="ofac-sdn"`)
	d.lacks(d.shows(ada, casePath(id), nil, 200, "An analyst can propose one."), "Propose a suppression")
	form := url.Values{"do": {"suppress"}, "list": {"ofac-sdn"}, "until": {""}, "reason": {"known wallet"}}
	d.shows(kim, casePath(id), form, 400, `id="suppress-until-wrong"`, ">known wallet</textarea>")
	form.Set("until", "2999-01-01")
	d.shows(kim, casePath(id), form, 400, `id="suppress-until-wrong"`)
	form.Set("until", d.clock.now().AddDate(0, 0, 30).UTC().Format("2006-01-02"))
	d.does(kim, id, form)
	d.shows(kim, casePath(id), nil, 200, "proposed", "it waits for another person", "proposed by kim")
	s := d.by("ana", "GET", "/v1/lists/ofac-sdn/suppressions", nil).want(200)["suppressions"].([]any)[0].(map[string]any)
	same(t, "the suppression", map[string]any{"address": lazarus, "list": "ofac-sdn", "state": "proposed", "reason": "known wallet", "proposed_by": "kim"}, only(s, "address", "list", "state", "reason", "proposed_by"))
}

func TestConsoleCaseOfALookBack(t *testing.T) {
	d := openCaseDesk(t)
	kim := d.person("kim", lists.Analyst)
	d.by("till", "POST", "/v1/check", map[string]any{"address": evm(1), "direction": "deposit", "customer": "<i>C-1", "reference": "R-1"}).want(200)
	d.lookBack()
	d.publish("ofac-sdn", sdn, sdnRows+row(evm(1), "<script>alert(1)</script>"))
	d.lookBack()
	ids := d.cases("kind=look_back")
	same(t, "cases", 1, len(ids))
	d.shows(kim, "/console/cases?kind=look_back", nil, 200, evm(1), "look-back: listed since", "&lt;i&gt;C-1")
	text := d.shows(kim, casePath(ids[0]), nil, 200, "Look-back: listed since", "What the lists say now", "What was told then", "&lt;script&gt;alert(1)&lt;/script&gt;", "Found by the look-back", "that is not on record")
	d.lacks(text, "cannot be answered again")
	c := d.theCase(ids[0])
	var now client.Answer
	if err := json.Unmarshal(c.Current.Answer, &now); err != nil || now.Result != "hit" || now.Matches[0].Entity.Name != "<script>alert(1)</script>" {
		t.Errorf("now: %v %s", err, c.Current.Answer)
	}
	same(t, "then", "miss", c.Told.Result)
	d.lacks(d.shows(kim, "/console/cases?kind=hit", nil, 200), evm(1))

	// Who may not use all lists of the present answer does not see it.
	d.newKey(map[string]any{"name": "narrow", "roles": []string{"approver"}, "lists": []string{"ofac-sdn"}})
	same(t, "with its list only", true, d.by("narrow", "GET", "/v1/cases/"+ids[0], nil).want(200)["current"] != nil)
	d.publish("deny", sdn, row(evm(1), "on another list"))
	seen := d.by("narrow", "GET", "/v1/cases/"+ids[0], nil)
	same(t, "with another one", false, seen.want(200)["current"] != nil || bytes.Contains(seen.body, []byte("another list")))
	d.shows(kim, casePath(ids[0]), nil, 200, "on another list")
}
