package api_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/api"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

// unpacked returns the files of an archive, and the names in their order.
func unpacked(t *testing.T, archive []byte) (names []string, files map[string]string) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatalf("%v: %.500s", err, archive)
	}
	files = map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names, files[f.Name] = append(names, f.Name), string(b)
	}
	return names, files
}

// evidence fetches the archive of a check once a checkpoint covers its record.
func (h *house) evidence(id string) []byte {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		a := h.by("otto", "GET", "/v1/checks/"+id+"/evidence", nil)
		if a.status == http.StatusOK {
			same(h.t, "file name", `attachment; filename=evidence-`+id+`.zip`, a.header.Get("Content-Disposition"))
			return a.body
		}
		a.refused(problem{Status: 404, Code: "not_found"}) // the next checkpoint comes within a second
		if time.Now().After(deadline) {
			h.t.Fatal("no checkpoint")
		}
	}
}

// Whoever has the archive has all that proves the check, and verifies the receipt without the server.
func TestEvidenceProvesACheck(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		h.publish("ofac-sdn", sdn, sdnRows)
		h.publish("internal-deny", map[string]any{"approvals": 0}, row(p2pkh, "Ours")+row(lazarus, "Ours, too"))
		s := h.exception("dora", "internal-deny", lazarus).want(202)
		h.by("ben", "POST", "/v1/lists/internal-deny/suppressions/"+s["id"].(string)+"/approve", map[string]any{"reason": "seen"}).want(200)
		id, answer := h.ask(lazarus)
		archive := h.evidence(id)
		names, files := unpacked(t, archive)
		same(t, "files", []string{"README.txt", "decision.json", "answer.json", "receipt.tlog-proof", "public-keys.txt", "match-001/listing.json", "match-001/source-excerpt.txt",
			"match-002/listing.json", "match-002/source-excerpt.txt", "match-002/suppression.json", "lists/ofac-sdn.json", "lists/internal-deny.json"}, names)
		for _, name := range names[1:] {
			if !strings.Contains(files["README.txt"], "\n"+name+"\n    ") {
				t.Errorf("README.txt does not explain %s", name)
			}
		}
		same(t, "the answer, byte for byte", string(answer), files["answer.json"])
		same(t, "the decision", string(h.by("otto", "GET", "/v1/checks/"+id, nil).body)+"\n", files["decision.json"])

		info, err := proof.VerifyReceipt([]byte(files["receipt.tlog-proof"]), strings.Fields(files["public-keys.txt"]))
		if err != nil {
			t.Fatal(err)
		}
		rec, err := journal.ParseRecord(info.Record)
		if err != nil {
			t.Fatal(err)
		}
		proven, err := api.CheckRecordOf(&rec)
		if err != nil || proven.CheckID != id || string(proven.Answer) != string(answer) {
			t.Errorf("the receipt proves %v, %v", proven, err)
		}
		if key := strings.TrimSpace(files["public-keys.txt"]); !strings.Contains(files["README.txt"], "--public-key '"+key+"'") {
			t.Errorf("README.txt does not name the key:\n%s", files["README.txt"])
		}

		lines := strings.SplitAfter(sdnRows, "\n")
		v, err := h.loader.Version(t.Context(), "ofac-sdn", 1)
		if err != nil {
			t.Fatal(err)
		}
		want := "File:     ofac-sdn.ndjson\nSHA-256:  " + v.SHA256 + "\nPosition: line 1\n\nline 1: " + lines[0] + "line 2: " + lines[1] + "line 3: " + lines[2]
		same(t, "the excerpt", want, files["match-001/source-excerpt.txt"])
		for name, texts := range map[string][]string{
			"match-001/listing.json":     {`"name": "Lazarus Group"`, `"locator": "line 1"`},
			"match-002/suppression.json": {`"proposed_by": "dora"`, `"by": "ben"`, `"reason": "delisted, not yet in the file"`},
			"lists/ofac-sdn.json":        {`"uploaded_by": "ana"`, `"sha256": "` + v.SHA256 + `"`, `"activated_at"`},
		} {
			for _, text := range texts {
				if !strings.Contains(files[name], text) {
					t.Errorf("%s does not have %s:\n%s", name, text, files[name])
				}
			}
		}
		// The receipt of the next request can be of a newer checkpoint; everything else is the same.
		_, again := unpacked(t, h.evidence(id))
		delete(files, "receipt.tlog-proof")
		delete(again, "receipt.tlog-proof")
		same(t, "the same content again", files, again)

		if err := h.store.DropBlob(t.Context(), v.Sources[0]); err != nil {
			t.Fatal(err)
		}
		_, files = unpacked(t, h.evidence(id))
		if text := files["match-001/source-excerpt.txt"]; !strings.Contains(text, "No excerpt: ") || !strings.Contains(text, v.SHA256) {
			t.Errorf("without the uploaded bytes: %s", text)
		}
		h.store.gone.Store(true) // half of the evidence is no evidence
		h.by("otto", "GET", "/v1/checks/"+id+"/evidence", nil).refused(problem{Status: 503, Code: "store_unavailable"})
		h.store.gone.Store(false)
	})
}

// The evidence of a check without an answer has the problem in place of it; a secret is not in it.
func TestEvidenceOfACheckWithoutAnAnswer(t *testing.T) {
	h := screened(t)
	const wif = "5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss"
	problemOf := h.by("till", "POST", "/v1/check", checkOf(wif, "bitcoin"))
	records := h.records()
	var id string
	for r, err := range journal.Read(t.Context(), h.dir+"/journal") {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == journal.Check {
			id = r.ID.String()
		}
	}
	names, files := unpacked(t, h.evidence(id))
	same(t, "files", []string{"README.txt", "decision.json", "problem.json", "receipt.tlog-proof", "public-keys.txt"}, names)
	same(t, "the problem", string(problemOf.body), files["problem.json"])
	for name, text := range files {
		if strings.Contains(text, wif) {
			t.Errorf("%s has the key", name)
		}
	}
	if len(records) == 0 {
		t.Error("nothing is on record")
	}
	h.by("otto", "GET", "/v1/checks/01a215ae-736e-7537-88c3-0eac4441eba7/evidence", nil).refused(problem{Status: 404, Code: "not_found"})
	h.by("otto", "GET", "/v1/checks/one/evidence", nil).refused(problem{Status: 400, Code: "invalid_request"})
}

// What an upload holds beside its addresses can be a private key: an auditor's archive does not spread it.
func TestEvidenceMasksSecretsOfAnUpload(t *testing.T) {
	h := open(t)
	const wif = "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ"
	h.publish("deny", map[string]any{"approvals": 0}, row(evm(1), "key "+wif))
	id, _ := h.ask(evm(1))
	archive := h.evidence(id)
	_, files := unpacked(t, archive)
	excerpt := files["match-001/source-excerpt.txt"]
	if !strings.Contains(excerpt, evm(1)) || strings.Contains(excerpt, wif) || !strings.Contains(excerpt, "sha256:") {
		t.Errorf("%s", excerpt)
	}
	if d := cmp.Diff(0, bytes.Count(archive, []byte(wif))); d != "" {
		t.Error(d)
	}
}
