package api_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

// A check can be read back with its answer byte for byte, and has a receipt that verifies with the public key alone.
func TestAnAuditorReadsWhatWasAnswered(t *testing.T) {
	h := screened(t)
	for name, asked := range map[string]map[string]any{
		"hit":     {"address": lazarus, "direction": "withdrawal", "reference": "wd <&>\u2028 1", "customer": "c-19"},
		"miss":    {"address": genesis, "network": "bitcoin", "direction": "deposit"},
		"refused": {"address": "nonsense", "direction": "deposit"},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			answered := h.by("till", "POST", "/v1/check", asked)
			var id string
			for r, err := range journal.Read(t.Context(), h.dir+"/journal") {
				if err != nil {
					t.Fatal(err)
				}
				if r.Kind == journal.Check {
					id = r.ID.String()
				}
			}
			got := h.by("otto", "GET", "/v1/checks/"+id, nil).want(200)
			if !bytes.Contains(h.by("otto", "GET", "/v1/checks/"+id, nil).body, bytes.TrimSpace(answered.body)) {
				t.Errorf("the record does not have what was answered:\n%s", answered.body)
			}
			if request := got["request"].(map[string]any); name != "refused" && request["address"] != asked["address"] || request["direction"] != asked["direction"] {
				t.Errorf("%v", request)
			}
			keys := h.by("otto", "GET", "/v1/audit/keys", nil).want(200)["keys"].([]any)
			vkey := keys[0].(map[string]any)["key"].(string)
			var receipt *answer
			for end := time.Now().Add(time.Minute); receipt == nil; time.Sleep(50 * time.Millisecond) {
				if a := h.by("otto", "GET", "/v1/checks/"+id+"/receipt", nil); a.status == 200 {
					receipt = a
				} else if time.Now().After(end) {
					t.Fatalf("no receipt: %s", a.body)
				}
			}
			info, err := proof.VerifyReceipt(receipt.body, []string{vkey})
			if err != nil {
				t.Fatal(err)
			}
			rec, err := journal.ParseRecord(info.Record)
			if err != nil || rec.ID.String() != id {
				t.Errorf("the receipt is of %s (%v), not of %s", rec.ID, err, id)
			}
		})
	}
	checkpoints := h.by("otto", "GET", "/v1/audit/checkpoints", nil).want(200)["checkpoints"].([]any)
	if len(checkpoints) != 1 || checkpoints[0].(map[string]any)["writer"] != h.journal.Writer().String() {
		t.Errorf("%v", checkpoints)
	}
}

func TestChecksThatAreNotOnRecord(t *testing.T) {
	h := screened(t)
	for _, path := range []string{"", "/receipt"} {
		h.by("otto", "GET", "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7"+path, nil).want(404)
		h.by("otto", "GET", "/v1/checks/nonsense"+path, nil).want(400)
	}
	if err := h.journal.AppendBatch([]journal.Entry{{Kind: journal.ListChange, ID: [16]byte{1, 6: 0x70, 8: 0x80}, Time: h.clock.now(), Payload: []byte("{}")}}, true); err != nil {
		t.Fatal(err)
	}
	h.by("otto", "GET", "/v1/checks/01000000-0000-7000-8000-000000000000", nil).want(404)
	if err := os.Rename(h.dir+"/journal", h.dir+"/away"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/receipt"} {
		h.by("otto", "GET", "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7"+path, nil).refused(problem{Status: 503, Code: "store_unavailable"})
	}
	if err := os.Rename(h.dir+"/away", h.dir+"/journal"); err != nil {
		t.Fatal(err)
	}
}

// The last checkpoint of a writer is the one that stays, whatever comes later.
func TestCheckpointsOfWritersThatEnded(t *testing.T) {
	h := open(t)
	put := func(checkpoint string, ended bool) {
		t.Helper()
		if err := lists.PutWriter(t.Context(), h.store, &lists.Writer{ID: "01a215ae-736e-7537-88c3-0eac4441eba7", Checkpoint: checkpoint, Ended: ended}); err != nil {
			t.Fatal(err)
		}
	}
	put("first", false)
	put("last", true)
	put("late", false)
	if err := lists.EndWriter(t.Context(), h.store, "01a215ae-736e-7537-88c3-0eac4441eba7", "another"); err != nil {
		t.Fatal(err)
	}
	put("later", true)
	all, err := lists.AllWriters(t.Context(), h.store)
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(w lists.Writer) bool { return w.Node == "here" }) // that of the house
	b, _ := json.Marshal(all)
	if len(all) != 1 || all[0].Checkpoint != "last" || all[0].RecordedBy != "another" || strings.Contains(string(b), "late") {
		t.Errorf("%s", b)
	}
}
