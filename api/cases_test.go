package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// hit checks an address that is listed, and returns the id of the case.
func (x *indexed) hit(address, direction string) string {
	x.t.Helper()
	a := x.by("till", "POST", "/v1/check", map[string]any{"address": address, "direction": direction, "reference": "ref-of-a-test", "customer": "cust-of-a-test"}).want(200)
	same(x.t, "result", any("hit"), a["result"])
	x.index()
	return a["check_id"].(string)
}

func (x *indexed) index() {
	x.t.Helper()
	if err := x.indexer.Once(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
}

// work makes a change of a case.
func (x *indexed) work(by, id, do string, body any) *answer {
	x.t.Helper()
	return x.by(by, "POST", "/v1/cases/"+id+"/"+do, body)
}

func verdict(outcome, reason string) map[string]any {
	return map[string]any{"outcome": outcome, "reason": reason}
}

func (x *indexed) theCase(id string) *client.Case {
	x.t.Helper()
	a := x.by("otto", "GET", "/v1/cases/"+id, nil)
	a.want(200)
	var c client.Case
	if err := json.Unmarshal(a.body, &c); err != nil {
		x.t.Fatal(err)
	}
	return &c
}

// cases returns the ids of the cases that a query finds, over all pages.
func (x *indexed) cases(query string) []string {
	x.t.Helper()
	ids := []string{}
	for cursor := ""; ; {
		page := x.by("otto", "GET", "/v1/cases?"+query+cursor, nil).want(200)
		for _, c := range page["cases"].([]any) {
			ids = append(ids, c.(map[string]any)["id"].(string))
		}
		if page["cursor"] == nil {
			return ids
		}
		cursor = "&cursor=" + page["cursor"].(string)
	}
}

// resolutions returns the records that resolve a case.
func (x *indexed) resolutions(id string) (all []archive.Resolution) {
	x.t.Helper()
	for r, err := range journal.Read(x.t.Context(), x.dir+"/journal") {
		if err != nil {
			x.t.Fatal(err)
		}
		var z archive.Resolution
		if r.Kind == journal.LookBack && json.Unmarshal(r.Payload, &z) == nil && z.Resolved && z.ID == id {
			all = append(all, z)
		}
	}
	return all
}

func conflict(detail string) problem { return problem{Status: 409, Code: "conflict", Detail: detail} }

func TestTwoPeopleWorkOnAHit(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	id := x.hit(lazarus, "withdrawal")
	answer := x.by("otto", "GET", "/v1/checks/"+id, nil).body
	c := x.theCase(id)
	same(t, "kind, state, queue", []string{"hit", "new", "exact"}, []string{c.Kind, c.State, c.Queue})
	same(t, "request", client.Asked{Address: lazarus, Direction: "withdrawal", Reference: "ref-of-a-test", Customer: "cust-of-a-test"}, c.Request)
	same(t, "told", client.AlertOutcome{Result: "hit", Action: "reject", Generation: 1, Lists: []string{"ofac-sdn"}, Class: "exact", Confidence: "confirmed"}, c.Told)
	if !bytes.Contains(answer, c.Answer) || len(c.Answer) == 0 {
		t.Errorf("the answer is not the one that was given: %s", c.Answer)
	}
	if due, err := time.Parse(time.DateOnly, c.Due); err != nil || due.Before(c.At.AddDate(0, 0, 12)) || due.After(c.At.AddDate(0, 0, 20)) {
		t.Errorf("due %s, %v", c.Due, err)
	}

	x.work("ana", id, "take", nil).want(200)
	x.work("ana", id, "take", nil).want(200) // again
	for do, body := range map[string]any{"take": nil, "release": nil, "wait": map[string]any{"reason": "r"}, "note": map[string]any{"note": "n"}, "recommend": verdict("other", "r"), "resolve": verdict("other", "r")} {
		want := conflict("ana works on the case")
		if do == "take" {
			want.Detail += ": give a reason to take it over"
		}
		x.work("ben", id, do, body).refused(want)
	}
	x.work("ana", id, "note", map[string]any{"note": "asked the exchange"}).want(200)
	until := x.clock.now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	x.work("ana", id, "wait", map[string]any{"reason": "for their answer", "until": until}).want(200)
	same(t, "waiting", []string{id}, x.cases("state=waiting"))
	same(t, "waiting", &client.CaseWait{Reason: "for their answer", Until: &until}, x.theCase(id).Waiting)
	x.work("ana", id, "recommend", verdict("true_match", "the same wallet")).want(200)
	x.work("ana", id, "resolve", verdict("true_match", "the same wallet")).refused(problem{Status: 403, Code: "forbidden"}) // an analyst
	x.work("cleo", id, "take", map[string]any{"reason": "Ana is ill"}).want(200)
	x.work("ana", id, "note", map[string]any{"note": "n"}).refused(conflict("cleo works on the case"))
	got := x.work("ben", id, "resolve", verdict("true_match", "reported as 2026-118")).want(200)
	same(t, "state", any("resolved"), got["state"])
	x.work("cleo", id, "resolve", verdict("other", "r")).refused(problem{Status: 409, Code: "conflict"})
	x.work("cleo", id, "take", nil).refused(problem{Status: 409, Code: "conflict"})
	x.by("ben", "POST", "/v1/alerts/"+id+"/resolve", map[string]any{"reason": "r"}).refused(problem{Status: 404, Code: "not_found"}) // it is no alert

	c = x.theCase(id)
	var did []string
	for _, e := range c.History {
		did = append(did, strings.Join([]string{e.By, e.Do, e.Reason, e.Outcome, e.From}, "|"))
	}
	same(t, "history", []string{"ana|take|||", "ana|note|asked the exchange||", "ana|wait|for their answer||", "ana|recommend|the same wallet|true_match|",
		"cleo|take|Ana is ill||ana", "ben|resolve|reported as 2026-118|true_match|"}, did)
	same(t, "record", []archive.Resolution{{ID: id, Resolved: true, Hit: true, By: "ben", Reason: "reported as 2026-118", At: c.Resolved.At, Outcome: "true_match", RecommendedBy: "ana"}}, x.resolutions(id))
	same(t, "open", []string{}, x.cases(""))
	same(t, "resolved", []string{id}, x.cases("state=resolved"))

	var changes []string
	for _, r := range x.records() {
		if action, _ := r["action"].(string); strings.HasPrefix(action, "case-") && r["outcome"] == "done" {
			changes = append(changes, fmt.Sprint(action, " ", r["by"], " ", r["subject"] == id, " ", r["before"], " ", r["after"]))
		}
	}
	same(t, "changes on record", 6, len(changes))
	same(t, "the last", "case-resolve ben true map[outcome:<nil> state:investigating] map[outcome:true_match state:resolved]", changes[len(changes)-1])
	for _, secret := range []string{"ref-of-a-test", "cust-of-a-test"} {
		if strings.Contains(x.log.String(), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
}

// What one person recommends another resolves, whatever roles the first has; four_eyes: off lifts it, and the record says so.
func TestWhoRecommendsDoesNotResolve(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	id := x.hit(lazarus, "deposit")
	x.work("dora", id, "recommend", verdict("false_positive", "r")).want(200)
	x.work("dora", id, "resolve", verdict("false_positive", "r")).refused(problem{Status: 403, Code: "forbidden",
		Detail: "the outcome was recommended by the same person: someone else must approve it"})
	same(t, "not resolved", "investigating", x.theCase(id).State)
	x.work("root", id, "resolve", verdict("false_positive", "r")).want(200)

	id = x.hit(lazarus, "deposit")
	x.work("dora", id, "resolve", verdict("true_match", "nobody has recommended anything")).want(200)

	x = withIndex(t, fourEyesOff)
	x.publish("ofac-sdn", sdn, sdnRows)
	id = x.hit(lazarus, "deposit")
	x.work("dora", id, "recommend", verdict("false_positive", "r")).want(200)
	x.work("dora", id, "resolve", verdict("false_positive", "r")).want(200)
	same(t, "on record", lists.AloneFourEyes, x.resolutions(id)[0].Alone)
}

func TestOneOfManyResolvers(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	for range 5 {
		id := x.hit(lazarus, "deposit")
		statuses := map[int]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for i, by := range []string{"ben", "cleo", "dora", "max"} {
			all.Go(func() {
				a := x.work(by, id, "resolve", verdict("other", fmt.Sprint("reason ", i)))
				mu.Lock()
				defer mu.Unlock()
				statuses[a.status]++
			})
		}
		all.Wait()
		same(t, "statuses", map[int]int{200: 1, 409: 3}, statuses)
		same(t, "records", 1, len(x.resolutions(id)))
	}
}

// A case that is resolved in the store and not on record, as after a crash, is open to nobody, and is completed by the person who tries again, and by
// everyone who reads it a moment later.
func TestAResolutionThatBreaksOff(t *testing.T) {
	var broken atomic.Bool
	x := withIndex(t, func(o *api.Options) {
		resolve := o.Archive.Resolve
		o.Archive.Resolve = func(ctx context.Context, r archive.Resolution) error {
			if broken.Load() {
				return fault.E(fault.Unavailable, "%w", errors.New("the process ended"))
			}
			return resolve(ctx, r)
		}
	})
	x.publish("ofac-sdn", sdn, sdnRows)
	for how, repair := range map[string]func(id string){
		"the same person again": func(id string) { x.work("ben", id, "resolve", verdict("true_match", "frozen")).want(200) },
		"read": func(id string) {
			x.clock.advance(time.Minute)
			same(t, "reader", "ben", x.theCase(id).Resolved.By)
		},
		"listed": func(id string) {
			x.clock.advance(time.Minute)
			same(t, "not open", false, slices.Contains(x.cases(""), id))
		},
		"another person": func(id string) {
			x.clock.advance(time.Minute)
			x.work("cleo", id, "resolve", verdict("other", "r")).refused(problem{Status: 409, Code: "conflict"})
		},
	} {
		t.Run(how, func(t *testing.T) {
			x := &indexed{x.in(t), x.indexer, x.looker}
			id := x.hit(lazarus, "deposit")
			broken.Store(true)
			x.work("ben", id, "resolve", verdict("true_match", "frozen")).refused(problem{Status: 503, Code: "store_unavailable"})
			x.work("cleo", id, "resolve", verdict("other", "r")).refused(problem{Status: 409, Code: "conflict"})
			same(t, "state", "resolved", x.theCase(id).State)
			same(t, "open", false, slices.Contains(x.cases(""), id))
			same(t, "on record", 0, len(x.resolutions(id)))
			broken.Store(false)
			repair(id)
			c := x.theCase(id)
			same(t, "on record", []archive.Resolution{{ID: id, Resolved: true, Hit: true, By: "ben", Reason: "frozen", At: c.Resolved.At, Outcome: "true_match"}}, x.resolutions(id))
			docs, err := x.store.Scan(t.Context(), lists.DocCases)
			if err != nil || len(docs) != 0 {
				t.Errorf("%d cases are still in work, %v", len(docs), err)
			}
		})
	}
}

func TestCasesAreSelected(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	x.publish("deny", map[string]any{"approvals": 0, "category": "internal"}, `{"address":"`+p2pkh+`","network":"bitcoin"}`+"\n")
	var ids []string
	for _, address := range []string{lazarus, p2wpkh, "D" + dogecoin[1:], p2pkh, lazarus} {
		a := x.by("till", "POST", "/v1/check", map[string]any{"address": address, "direction": "deposit"}).want(200)
		ids = append(ids, a["check_id"].(string))
		x.clock.advance(time.Second)
	}
	missed := x.check(genesis, "", "dep-1")
	x.lookBack()
	x.publish("late", map[string]any{"approvals": 0}, `{"address":"`+genesis+`","network":"bitcoin"}`+"\n")
	x.lookBack()
	alert := x.by("otto", "GET", "/v1/alerts", nil).want(200)["alerts"].([]any)
	same(t, "hits are not alerts", 1, len(alert))
	late := alert[0].(map[string]any)["id"].(string)
	x.work("ana", ids[0], "take", nil).want(200)
	x.work("ben", ids[1], "take", nil).want(200)
	x.work("ben", ids[1], "wait", map[string]any{"reason": "r"}).want(200)
	x.work("cleo", ids[4], "resolve", verdict("false_positive", "r")).want(200)
	for query, want := range map[string][]string{
		"":                                    {ids[0], ids[1], ids[2], ids[3], late},
		"limit=1":                             {ids[0], ids[1], ids[2], ids[3], late},
		"limit=2":                             {ids[0], ids[1], ids[2], ids[3], late},
		"state=new":                           {ids[2], ids[3], late},
		"state=investigating":                 {ids[0]},
		"state=waiting":                       {ids[1]},
		"state=resolved":                      {ids[4]},
		"state=all&limit=4":                   {ids[0], ids[1], ids[2], ids[3], ids[4], late},
		"kind=look_back":                      {late},
		"kind=hit&state=new":                  {ids[2], ids[3]},
		"queue=exact":                         {ids[0], ids[3], late},
		"queue=derived":                       {ids[1]},
		"queue=suspected":                     {ids[2]},
		"list=deny":                           {ids[1], ids[3]},
		"list=late":                           {late},
		"taken_by=BEN":                        {ids[1]},
		"taken_by=cleo&state=all":             {},
		"taken_by=ana&state=waiting":          {},
		"taken_by=ana&kind=look_back":         {},
		"state=investigating&limit=1&list=xy": {},
	} {
		same(t, query, want, x.cases(query))
	}
	counts := func(by, query string) (n client.CaseCounts) {
		if err := json.Unmarshal(x.by(by, "GET", "/v1/cases/counts?"+query, nil).body, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	same(t, "counts of all that is open", client.CaseCounts{Total: 5, Queues: client.QueueCounts{Exact: 3, Derived: 1, Suspected: 1}, States: client.StateCounts{New: 3, Investigating: 1, Waiting: 1},
		TakenBy: map[string]int{"ana": 1, "ben": 1}}, counts("otto", ""))
	same(t, "counts of what a person waits for", client.CaseCounts{Total: 1, Queues: client.QueueCounts{Derived: 1}, States: client.StateCounts{Waiting: 1}, TakenBy: map[string]int{"ben": 1}},
		counts("otto", "taken_by=BEN&list=deny"))
	same(t, "counts of look-backs", client.CaseCounts{Total: 1, Queues: client.QueueCounts{Exact: 1}, States: client.StateCounts{New: 1}, TakenBy: map[string]int{}}, counts("otto", "kind=look_back"))
	for _, state := range []string{"resolved", "all", "x"} {
		x.do(call{method: "GET", path: "/v1/cases/counts?state=" + state, key: x.keyOf["otto"], wrong: true}).refused(problem{Status: 400, Code: "invalid_request"})
	}
	c := x.theCase(late)
	same(t, "look-back", []string{"look_back", "listed", missed, "miss", "hit", "exact"}, []string{c.Kind, c.Cause, c.CheckID, c.Told.Result, c.Now.Result, c.Now.Class})
	if !bytes.Contains(c.Answer, []byte(`"result":"miss"`)) {
		t.Errorf("answer %s", c.Answer)
	}
	for query, detail := range map[string]string{"state=open,new": "", "queue=x": "", "kind=x": "kind: use one of [hit look_back]", "limit=0": "limit is 1 to 1000", "limit=1001": "limit is 1 to 1000", "cursor=x": "",
		"taken_by=ana&state=resolved": "taken_by: is for cases that are not resolved"} {
		x.do(call{method: "GET", path: "/v1/cases?" + query, key: x.keyOf["otto"], wrong: true}).refused(problem{Status: 400, Code: "invalid_request", Detail: detail})
	}

	x.newKey(map[string]any{"name": "narrow", "roles": []string{"approver"}, "lists": []string{"late"}})
	narrow := x.by("narrow", "GET", "/v1/cases?state=all", nil).want(200)["cases"].([]any)
	same(t, "a key that is limited to lists sees", 1, len(narrow))
	same(t, "and counts", 1, counts("narrow", "").Total)
	forbidden := problem{Status: 403, Code: "forbidden"}
	x.by("narrow", "GET", "/v1/cases?list=deny", nil).refused(forbidden)
	x.by("narrow", "GET", "/v1/cases/"+ids[3], nil).refused(forbidden)
	x.work("narrow", ids[3], "resolve", verdict("other", "r")).refused(forbidden)
	x.work("narrow", late, "take", nil).want(200)

	// The old way to resolve an alert takes the case into account.
	x.by("ben", "POST", "/v1/alerts/"+late+"/resolve", map[string]any{"reason": "r"}).refused(conflict("narrow works on the case"))
	x.work("narrow", late, "release", nil).want(200)
	same(t, "state", any("resolved"), x.by("otto", "POST", "/v1/alerts/"+late+"/resolve", map[string]any{"reason": "frozen"}).want(200)["state"])
	same(t, "outcome", "other", x.theCase(late).Resolved.Outcome)
}

// The report of a release is due ten business days after the decision to release.
func TestWhatWasFrozenIsReleased(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	checked := x.hit(lazarus, "deposit")
	x.lookBack()
	x.publish("ofac-sdn", sdn, sdnRows[strings.Index(sdnRows, "\n")+1:])
	x.lookBack()
	ids := x.cases("kind=look_back")
	same(t, "cases", 1, len(ids))
	c := x.theCase(ids[0])
	same(t, "case", []string{"delisted", checked, "exact"}, []string{c.Cause, c.CheckID, c.Queue})
	before := c.Due
	if before == "" {
		t.Error("no report is due")
	}
	x.clock.advance(30 * 24 * time.Hour)
	x.work("ben", ids[0], "resolve", verdict("release", "licence 12")).want(200)
	if after := x.theCase(ids[0]).Due; after <= before {
		t.Errorf("due %s, and %s before the release", after, before)
	}
}

func (x *indexed) attach(by, id, name string, content []byte) *answer {
	x.t.Helper()
	return x.do(call{method: "POST", path: "/v1/cases/" + id + "/attachments" + name, key: x.keyOf[by], body: content, header: http.Header{"Content-Type": {"text/html"}}})
}

func TestAttachments(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	id := x.hit(lazarus, "deposit")
	page := []byte("<script>alert(1)</script>")
	for i, file := range []struct{ asked, kept string }{
		{"?filename=..%2F..%2Fetc%2Fpasswd", "passwd"},
		{`?filename=C%3A%5Ctemp%5Cevil.html`, "evil.html"},
		{`?filename=a%22%3B%0D%0ASet-Cookie%3A+x%3D1`, "a__ Set-Cookie_ x=1"},
		{"?filename=%E2%80%AEgpj.exe", "gpj.exe"},
		{"?filename=..", "attachment"},
		{"", "upload"},
		{"?filename=%E5%9C%96.png", "圖.png"},
		{"?filename=" + strings.Repeat("x", 300) + ".pdf", strings.Repeat("x", 146) + ".pdf"},
	} {
		x.attach("ana", id, file.asked, page).want(200)
		same(t, file.asked, file.kept, x.theCase(id).Attachments[i].Name)
		a := x.by("otto", "GET", fmt.Sprintf("/v1/cases/%s/attachments/%d", id, i+1), nil)
		same(t, "content", string(page), string(a.body))
		same(t, "headers", []string{"application/octet-stream", "nosniff", "no-store", ""},
			[]string{a.header.Get("Content-Type"), a.header.Get("X-Content-Type-Options"), a.header.Get("Cache-Control"), a.header.Get("Set-Cookie")})
		if d := a.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; filename") {
			t.Errorf("Content-Disposition %q", d)
		}
	}
	body, media := multipartBody(t, [3]string{"file", "scan.pdf", "%PDF"})
	form := func(body []byte, media string) *answer {
		return x.do(call{method: "POST", path: "/v1/cases/" + id + "/attachments", key: x.keyOf["ana"], body: body, header: http.Header{"Content-Type": {media}}, wrong: true})
	}
	form(body, media).want(200)
	same(t, "name in a form", "scan.pdf", x.theCase(id).Attachments[8].Name)
	body, media = multipartBody(t, [3]string{"file", "a", "1"}, [3]string{"file", "b", "2"})
	form(body, media).refused(problem{Status: 400, Code: "invalid_request"})
	form([]byte("x"), "multipart/mixed; boundary=x").refused(problem{Status: 415, Code: "unsupported_media_type"})
	x.attach("ana", id, "", nil).refused(problem{Status: 400, Code: "invalid_request"})
	x.attach("ana", id, "", make([]byte, client.MaxAttachmentBytes)).want(200)
	x.attach("ana", id, "", make([]byte, client.MaxAttachmentBytes+1)).refused(problem{Status: 413, Code: "too_large"})
	for range client.MaxAttachments - 10 {
		x.attach("ana", id, "", page).want(200)
	}
	x.attach("ana", id, "", page).refused(problem{Status: 409, Code: "conflict"})
	blobs, err := x.store.Blobs(t.Context())
	n := 0
	for _, b := range blobs {
		if strings.HasPrefix(b, "case-") {
			n++
		}
	}
	if err != nil || n != client.MaxAttachments {
		t.Errorf("%d files are kept of %d attachments, %v", n, client.MaxAttachments, err)
	}
	for _, n := range []string{"0", "21", "-1", "x"} {
		x.do(call{method: "GET", path: "/v1/cases/" + id + "/attachments/" + n, key: x.keyOf["otto"], wrong: true}).refused(problem{Status: 404, Code: "not_found"})
	}
	x.work("ben", id, "take", nil).want(200)
	x.attach("ana", id, "", page).refused(conflict("ben works on the case"))
}

func TestManyCasesAtOnce(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	a, b, c := x.hit(lazarus, "deposit"), x.hit(lazarus, "deposit"), x.hit(lazarus, "deposit")
	x.work("cleo", b, "take", nil).want(200)
	bulk := func(by string, body map[string]any) []string {
		t.Helper()
		var out []string
		for _, r := range x.by(by, "POST", "/v1/cases/bulk", body).want(200)["results"].([]any) {
			r := r.(map[string]any)
			text := r["id"].(string)
			if p, ok := r["error"].(map[string]any); ok {
				text += fmt.Sprint(" ", p["status"])
			} else {
				text += fmt.Sprint(" ", r["case"].(map[string]any)["state"])
			}
			out = append(out, text)
		}
		return out
	}
	same(t, "recommend", []string{a + " investigating", b + " 409", "nosuch 404", c + " investigating"},
		bulk("ana", map[string]any{"ids": []string{a, b, "nosuch", c}, "do": "recommend", "outcome": "false_positive", "reason": "shared wallet"}))
	same(t, "resolve", []string{a + " resolved", b + " 409", c + " resolved"},
		bulk("ben", map[string]any{"ids": []string{a, b, c}, "do": "resolve", "outcome": "false_positive", "reason": "agreed"}))
	same(t, "open", []string{b}, x.cases(""))
	x.by("ana", "POST", "/v1/cases/bulk", map[string]any{"ids": []string{b}, "do": "resolve", "outcome": "other", "reason": "r"}).refused(problem{Status: 403, Code: "forbidden"})
	many := make([]string, client.MaxBulk+1)
	for i := range many {
		many[i] = fmt.Sprint("case-", i)
	}
	for what, body := range map[string]map[string]any{
		"nothing":    {"ids": []string{}, "do": "take"},
		"too many":   {"ids": many, "do": "take"},
		"twice":      {"ids": []string{a, a}, "do": "take"},
		"attach":     {"ids": []string{a}, "do": "attach"},
		"no reason":  {"ids": []string{a}, "do": "wait"},
		"no outcome": {"ids": []string{a}, "do": "recommend", "reason": "r"},
	} {
		r := x.do(call{method: "POST", path: "/v1/cases/bulk", key: x.keyOf["ana"], body: body, wrong: true})
		if r.status != 400 {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
}

func TestBadChangesOfCases(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	id := x.hit(lazarus, "deposit")
	for _, bad := range []struct {
		do   string
		body any
	}{
		{"wait", map[string]any{"reason": " "}}, {"wait", map[string]any{"reason": "r", "until": "2020-01-01T00:00:00Z"}}, {"note", map[string]any{"note": ""}}, {"note", map[string]any{"reason": "x"}},
		{"recommend", verdict("maybe", "r")}, {"recommend", verdict("", "r")}, {"recommend", verdict("other", "")}, {"resolve", verdict("other", "")}, {"resolve", verdict("closed", "r")},
		{"take", map[string]any{"outcome": "other"}}, {"release", map[string]any{"x": 1}},
	} {
		x.do(call{method: "POST", path: "/v1/cases/" + id + "/" + bad.do, key: x.keyOf["max"], body: bad.body, wrong: true}).refused(problem{Status: 400, Code: "invalid_request"})
	}
	same(t, "release", 409, x.work("ana", id, "release", nil).status)
	same(t, "wait", 409, x.work("ana", id, "wait", map[string]any{"reason": "r"}).status)
	if c := x.theCase(id); len(c.History) != 0 || c.State != "new" {
		t.Errorf("%+v", c)
	}
	docs, err := x.store.Scan(t.Context(), lists.DocCases)
	if err != nil || len(docs) != 0 {
		t.Errorf("%d documents, %v", len(docs), err)
	}
}

// A look-up is about no transfer, so that nothing waits for a decision of a person.
func TestALookUpMakesNoCase(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	same(t, "result", any("hit"), x.by("till", "GET", "/v1/addresses/"+lazarus, nil).want(200)["result"])
	x.index()
	same(t, "cases after a look-up", []string{}, x.cases("state=all"))
	same(t, "cases after a check", []string{x.hit(lazarus, "deposit")}, x.cases("state=all"))
}
