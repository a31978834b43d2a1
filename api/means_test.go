package api_test

import (
	"net/http"
	"testing"
)

// A list that nobody has set up is what its format says, and says what a hit will lead to.
func TestAListMeansWhatItsFormatSays(t *testing.T) {
	h := open(t, fourEyesOff)
	h.by("root", "PUT", "/v1/lists/us-treasury", map[string]any{"approvals": 0}).want(201)
	row := `36,"LAZARUS GROUP",-0- ,"DPRK3",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"Digital Currency Address - ETH ` + lazarus + `."` + "\r\n"
	v := h.do(call{method: "POST", path: "/v1/lists/us-treasury/versions?format=ofac_csv&filename=sdn.csv", key: h.keyOf["ana"], body: row,
		header: http.Header{"Content-Type": {"text/csv"}}}).want(201)
	means := map[string]any{"deposit": "freeze", "withdrawal": "reject", "category": "sanctions", "authority": "US Treasury, OFAC"}
	same(t, "the report", means, v["means"].(map[string]any))
	h.by("ben", "POST", "/v1/lists/us-treasury/versions/1/activate", nil).want(200)
	list := h.by("till", "GET", "/v1/lists/us-treasury", nil).want(200)
	same(t, "the list", means, list["means"].(map[string]any))
	same(t, "its settings", map[string]any{"name": "OFAC SDN", "authority": "US Treasury, OFAC", "category": "sanctions"}, only(list, "name", "authority", "category"))
	withdrawal := map[string]any{"address": lazarus, "direction": "withdrawal"}
	same(t, "an answer", any("reject"), h.by("till", "POST", "/v1/check", withdrawal).want(200)["action"])

	// A changed default shows in the next answer: the listing names no category of its own.
	h.by("root", "PUT", "/v1/lists/us-treasury", map[string]any{"category": "scam"}).want(200)
	got := h.by("till", "POST", "/v1/check", withdrawal).want(200)
	same(t, "the next answer", any("review"), got["action"])
	same(t, "its category", any("scam"), got["matches"].([]any)[0].(map[string]any)["category"])
	v = h.by("otto", "GET", "/v1/lists/us-treasury/versions/1", nil).want(200)
	same(t, "the report follows the settings", any("review"), v["means"].(map[string]any)["withdrawal"])
	h.by("root", "PUT", "/v1/lists/us-treasury", map[string]any{"category": ""}).refused(problem{Status: 400, Code: "invalid_request"})
}

const unlisted = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359" // of EIP-55

// A mistaken rollback is undone by activating the version again.
func TestARollbackCanBeUndone(t *testing.T) {
	h := screened(t)
	h.upload("ana", "ofac-sdn", sdnRows+row(unlisted, "E"), "")
	h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/2/activate", nil).want(200)
	h.by("ben", "POST", "/v1/lists/ofac-sdn/rollback", map[string]any{"reason": "a mistake"}).want(200)
	same(t, "rolled back", any("miss"), h.resultOf(unlisted))
	h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/2/activate", nil).want(200)
	same(t, "undone", any("hit"), h.resultOf(unlisted))
	h.by("ben", "POST", "/v1/lists/ofac-sdn/versions/1/activate", nil).want(200) // one of five addresses goes: as many as max_shrink allows
	same(t, "an older version", any("miss"), h.resultOf(unlisted))
}

// An analyst's second upload of the same bytes proves nothing about the publisher.
func TestTheSameBytesFromAnAnalystDoNotMakeAListFresh(t *testing.T) {
	h := screened(t)
	before := h.by("otto", "GET", "/v1/lists/ofac-sdn", nil).want(200)["fresh_at"]
	again := func(who string) any {
		h.do(call{method: "POST", path: "/v1/lists/ofac-sdn/versions?format=ndjson", key: h.keyOf[who], body: sdnRows,
			header: http.Header{"Content-Type": {"application/octet-stream"}}}).want(200)
		return h.by("otto", "GET", "/v1/lists/ofac-sdn", nil).want(200)["fresh_at"]
	}
	same(t, "of an analyst", before, again("ana"))
	if again("root") == before {
		t.Error("of an administrator, who is an approver, too: not renewed")
	}
}
