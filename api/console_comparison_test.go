package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/auth"
	"interdict/lists"
)

func TestConsoleComparison(t *testing.T) {
	o := &original{hold: make(chan struct{}), listed: genesis}
	srv := httptest.NewServer(o)
	t.Cleanup(srv.Close)
	var staff *auth.Staff
	h := screened(t, func(options *api.Options) {
		staff = options.Keys.Staff()
		options.Staff = staff
		options.Originals = map[string]api.Original{"trm": {URL: srv.URL, Key: "trm-key"}}
	})
	auditor, analyst := h.signInAs(staff, "kim", lists.Auditor), h.signInAs(staff, "vi", lists.Analyst)
	h.shows(auditor, "/console/comparison", nil, 200, `href="/console/comparison" aria-current="page">Comparison`, "No difference so far.", srv.URL)
	h.lacks(h.shows(analyst, "/console/", nil, 200), "/console/comparison")
	h.shows(analyst, "/console/comparison", nil, 403)

	// One batch is one flush of the record, however many hits it has.
	body := "[" + strings.Repeat(`{"address":"`+lazarus+`"},`, 150) + `{"address":"` + evm(1) + `"},{"address":"` + genesis + `"}]`
	before := h.journal.Stats().Syncs
	h.do(call{method: "POST", path: "/public/v1/sanctions/screening", key: h.keyOf["till"], body: body, header: http.Header{"Content-Type": {"application/json"}}})
	if n := h.journal.Stats().Syncs - before; n > 2 {
		t.Errorf("%d flushes", n)
	}
	close(o.hold)
	var page string
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if page = h.shows(auditor, "/console/comparison", nil, 200); strings.Contains(page, "151 differences") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(page)
		}
	}
	h.lacks(page, "trm-key")
	h.shows(auditor, "/console/comparison", nil, 200, `<td class="num" data-label="The same">1</td><td class="num" data-label="Listed only here">150</td>`, "only here", "only there", lazarus, genesis, "cursor=100", `href="/console/decisions/0`)
	h.lacks(h.shows(auditor, "/console/comparison?side=theirs&service=trm", nil, 200, "1 difference,", genesis), lazarus)
	h.shows(auditor, "/console/comparison?cursor=100", nil, 200, "151 differences")
}

// Without shadow mode there is nothing to compare.
func TestConsoleHasNoComparisonWithoutShadowMode(t *testing.T) {
	h, staff := staffed(t)
	token := h.signInAs(staff, "kim", lists.Auditor)
	h.lacks(h.shows(token, "/console/", nil, 200), "/console/comparison")
	h.shows(token, "/console/comparison", nil, 404)
}
