package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"interdict/api"
	"interdict/lists"
	"interdict/screening/edge"
)

// A server gives those who may check all lists a manifest that its key has signed, and every file that it names.
func TestManifest(t *testing.T) {
	h := open(t)
	h.by("till", "GET", "/v1/manifest", nil).refused(problem{Status: 503, Code: "not_loaded", Detail: "nothing has been activated yet"})
	h.publish("ofac-sdn", sdn, sdnRows)
	a := h.by("till", "GET", "/v1/manifest", nil)
	m, _, err := edge.Open(a.body, h.journal.Keys().VKeys())
	if err != nil || a.status != http.StatusOK || m.Generation != int(h.generation().(float64)) {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	ask := func(path string, header http.Header, status int) *answer {
		t.Helper()
		header.Set("X-Api-Key", h.keyOf["till"])
		a := h.do(call{method: "GET", path: path, header: header})
		same(t, "status of "+path, status, a.status)
		return a
	}
	ask("/v1/manifest", http.Header{"If-None-Match": {a.header.Get("ETag")}}, http.StatusNotModified)
	ask("/v1/manifest", http.Header{"If-None-Match": {`"other"`}}, http.StatusOK)
	objects := []edge.Object{m.Documents}
	for _, l := range m.Layers {
		objects = append(objects, l.Object, l.Filter)
	}
	for _, o := range objects {
		path := "/v1/objects/" + o.SHA256
		whole := ask(path, http.Header{}, http.StatusOK)
		sum := sha256.Sum256(whole.body)
		same(t, "digest", o, edge.Object{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(whole.body))})
		same(t, "caching", "private, max-age=31536000, immutable", whole.header.Get("Cache-Control"))
		same(t, "a part", string(whole.body[5:]), string(ask(path, http.Header{"Range": {"bytes=5-"}}, http.StatusPartialContent).body))
		ask(path, http.Header{"If-None-Match": {whole.header.Get("ETag")}}, http.StatusNotModified)
		ask(path, http.Header{"Range": {"bytes=99999999-"}}, http.StatusRequestedRangeNotSatisfiable)
	}
	ask("/v1/objects/nosuch", http.Header{}, http.StatusNotFound)

	limited := h.by("root", "POST", "/v1/keys", map[string]any{"name": "some", "roles": []string{"checker"}, "lists": []string{"ofac-*"}}).want(201)
	for _, path := range []string{"/v1/manifest", "/v1/objects/" + m.Documents.SHA256} {
		h.do(call{method: "GET", path: path, key: limited["key"].(string)}).refused(problem{Status: 403, Code: "forbidden",
			Detail: "the manifest has all lists: it needs a key that is not limited to some"})
	}
	// A server that follows another one signs nothing.
	if err := h.store.Commit(t.Context(), lists.Put(lists.DocFollowed, lists.Followed{Origin: "origin.example"}, 0)); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(2e9)
	h.by("till", "GET", "/v1/manifest", nil).refused(problem{Status: 409, Code: "conflict", Detail: "the lists are those of origin.example: only that server publishes them"})
}

// A disk that takes no files is no reason to answer that there is no such file.
func TestManifestWithoutADisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var local *edge.Local
	h := open(t, func(o *api.Options) {
		local = edge.NewLocal(filepath.Join(file, "manifest"), edge.PublishOptions{Store: o.Store, Log: slog.New(slog.DiscardHandler), Now: o.Now})
		o.Manifest = local
	})
	t.Cleanup(func() { local.Close() })
	for _, path := range []string{"/v1/manifest", "/v1/objects/" + hex.EncodeToString(make([]byte, 32))} {
		h.by("till", "GET", path, nil).refused(problem{Status: 503, Code: "store_unavailable"})
	}
	open(t, func(o *api.Options) { o.Manifest = nil }).by("till", "GET", "/v1/manifest", nil).refused(problem{Status: 404, Code: "not_found", Detail: "this server has no manifest"})
}
