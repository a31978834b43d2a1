package api_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"interdict/lists"
	"interdict/screening/journal"
)

// changesOf returns the records of changes whose subject is id, without their times.
func (h *house) changesOf(id string) (all []lists.Event) {
	h.t.Helper()
	for r, err := range journal.Read(h.t.Context(), h.dir+"/journal") {
		if err != nil {
			h.t.Fatal(err)
		}
		if r.Kind == journal.Check || r.Kind == journal.Checkpoint {
			continue
		}
		var e lists.Event
		if err := json.Unmarshal(r.Payload, &e); err != nil {
			h.t.Fatal(err)
		}
		if e.Subject == id {
			e.At, e.Credential = time.Time{}, ""
			all = append(all, e)
		}
	}
	return all
}

// One person places a hold, and two end it. Each step is on record.
func TestOnePersonHoldsTheRecordAndTwoRelease(t *testing.T) {
	h := open(t)
	made := h.by("ben", "POST", "/v1/holds", map[string]any{"from": "2024-01-01", "to": "2025-06-30", "reason": "subpoena 24-cv-118"}).want(201)
	id := made["id"].(string)
	want := map[string]any{"state": "active", "from": "2024-01-01T00:00:00Z", "to": "2025-06-30T23:59:59.999999999Z", "reason": "subpoena 24-cv-118", "by": "ben"}
	same(t, "the hold", want, without(made, "id", "at"))
	second := h.by("root", "POST", "/v1/holds", map[string]any{"from": "2026-01-01T10:00:00+02:00", "reason": "audit"}).want(201)
	same(t, "a hold without an end", map[string]any{"state": "active", "from": "2026-01-01T08:00:00Z", "reason": "audit", "by": "root"}, without(second, "id", "at"))
	for _, who := range []string{"otto", "ben"} {
		same(t, "all holds, for "+who, map[string]any{"holds": []any{made, second}}, h.by(who, "GET", "/v1/holds", nil).want(200))
	}

	end := "/v1/holds/" + id + "/end"
	h.by("ben", "POST", end, nil).refused(problem{Status: 400, Code: "invalid_request"})
	p := h.by("ben", "POST", end, map[string]any{"reason": "settled"}).want(202)
	same(t, "the proposal", map[string]any{"kind": "hold", "subject": id, "before": map[string]any{"state": "active"}, "after": map[string]any{"state": "ended"}, "weaker": []any{"hold"},
		"reason": "settled", "by": "ben", "state": "open"}, without(p["proposal"].(map[string]any), "id", "at", "expires"))
	path := proposalPath(p)
	h.by("ben", "POST", path+"/approve", nil).refused(forbidden)
	same(t, "before a second person agrees", map[string]any{"holds": []any{made, second}}, h.by("otto", "GET", "/v1/holds", nil).want(200))
	again := h.by("root", "POST", end, map[string]any{"reason": "settled"}).want(202)
	h.by("cleo", "POST", path+"/approve", map[string]any{"reason": "the court's letter was seen"}).want(200)
	ended := h.by("otto", "GET", "/v1/holds", nil).want(200)["holds"].([]any)[0].(map[string]any)
	want["state"], want["proposed_by"] = "ended", "ben"
	same(t, "the ended hold", want, without(ended, "id", "at", "ended"))
	same(t, "who ended it", map[string]any{"by": "cleo", "reason": "the court's letter was seen"}, without(ended["ended"].(map[string]any), "at", "credential"))
	h.by("cleo", "POST", proposalPath(again)+"/approve", nil).refused(conflicting)
	h.by("ben", "POST", end, map[string]any{"reason": "settled"}).refused(conflicting)
	h.by("ben", "POST", "/v1/holds/nosuch/end", map[string]any{"reason": "settled"}).refused(problem{Status: 404, Code: "not_found"})

	steps := []string{}
	for _, e := range h.changesOf(id) {
		steps = append(steps, fmt.Sprintf("%s %s by %s proposed by %s: %s %s", e.Action, e.Outcome, e.By, e.ProposedBy, e.Reason, e.After))
	}
	placed := ` {"at":` + string(lists.JSON(made["at"])) + `,"by":"ben","from":"2024-01-01T00:00:00Z","id":"` + id + `","reason":"subpoena 24-cv-118","to":"2025-06-30T23:59:59.999999999Z"}`
	same(t, "on record", []string{"hold-place begun by ben proposed by : subpoena 24-cv-118" + placed, "hold-place done by ben proposed by : subpoena 24-cv-118" + placed,
		`propose begun by ben proposed by : settled {"state":"ended"}`, `propose done by ben proposed by : settled {"state":"ended"}`,
		`propose begun by root proposed by : settled {"state":"ended"}`, `propose done by root proposed by : settled {"state":"ended"}`,
		`hold-end begun by cleo proposed by ben: settled {"state":"ended"}`, `hold-end done by cleo proposed by ben: settled {"state":"ended"}`}, steps)
}

func TestHoldsThatCannotBe(t *testing.T) {
	h := open(t, fourEyesOff)
	for _, body := range []any{nil, map[string]any{}, map[string]any{"reason": " "}, map[string]any{"reason": "r", "from": "yesterday"}, map[string]any{"reason": "r", "to": "2026-13-01"},
		map[string]any{"reason": "r", "from": "2026-01-02", "to": "2026-01-01"}} {
		h.by("ben", "POST", "/v1/holds", body).refused(problem{Status: 400, Code: "invalid_request"})
	}
	same(t, "holds", map[string]any{"holds": []any{}}, h.by("otto", "GET", "/v1/holds", nil).want(200))
	id := h.by("ben", "POST", "/v1/holds", map[string]any{"reason": "r", "from": "2026-01-01", "to": "2026-01-01"}).want(201)["id"].(string)
	same(t, "ended by one person", any("ended"), h.by("ben", "POST", "/v1/holds/"+id+"/end", map[string]any{"reason": "over"}).want(200)["state"])
	for i := range lists.MaxHolds {
		x := lists.Hold{ID: fmt.Sprintf("h%04d", i)}
		if err := h.store.Commit(t.Context(), lists.Put(lists.DocHold(x.ID), x, 0)); err != nil {
			t.Fatal(err)
		}
	}
	h.by("ben", "POST", "/v1/holds", map[string]any{"reason": "one too many"}).refused(conflicting)
	h.store.gone.Store(true)
	h.by("otto", "GET", "/v1/holds", nil).refused(problem{Status: 503, Code: "store_unavailable"})
	h.store.gone.Store(false)
}
