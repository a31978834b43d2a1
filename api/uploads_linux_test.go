package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"interdict/api"
	"interdict/loader"
)

// A folder for temporary files without room is said by name, and how to name another one. No version is made of a part of a file.
func TestAFullFolderForUploadsIsNamed(t *testing.T) {
	folder := t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	h := open(t, func(o *api.Options) { o.Loader = loader.New(o.Store, unrecorded{}, o.Log, folder, o.Now) })
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0, "max_quarantined": 1}).want(201)
	var file bytes.Buffer
	for i := range 8000 {
		fmt.Fprintf(&file, `{"address":"no address %d","entity":{"name":"Somebody %d"},"note":"%040x"}`+"\n", i, i, i*i)
	}
	fits, full, atSpool := 0, 0, 0
	for size := 100 << 10; size < 5<<19; size += 180 << 10 {
		content := file.Bytes()[:min(size, file.Len())]
		content = content[:bytes.LastIndexByte(content, '\n')+1]
		content = append(bytes.Clone(content), bytes.Repeat([]byte("\n"), max(0, size-file.Len()))...)
		a := h.do(call{method: "POST", path: "/v1/lists/deny/versions?format=ndjson&wait=true", key: h.keyOf["ana"], body: content, header: http.Header{"Content-Type": {"text/plain"}}})
		if a.status == 201 {
			fits++
			continue
		}
		p := a.refused(problem{Status: 503, Code: "store_unavailable"})
		if full++; !strings.Contains(p.Detail, folder+":") || !strings.Contains(p.Detail, "TMPDIR") || !strings.Contains(p.Detail, unix.ENOSPC.Error()) {
			t.Errorf("%+v", p)
		}
		if size > 2<<20 {
			atSpool++
		}
	}
	if fits == 0 || full == 0 || atSpool == 0 {
		t.Errorf("%d fit, %d do not, %d of them not even as a file: this test tests nothing", fits, full, atSpool)
	}
	for _, x := range h.by("otto", "GET", "/v1/lists/deny/versions", nil).want(200)["versions"].([]any) {
		v := x.(map[string]any)
		switch rows, _ := v["rows"].(map[string]any); {
		case v["state"] == "failed" && len(v["layers"].([]any)) == 0:
		case v["state"] == "staged" && rows["read"] == rows["quarantined"]:
		default:
			t.Errorf("%v", v)
		}
	}
	h.do(call{method: "POST", path: "/v1/lists/deny/versions?format=ndjson", key: h.keyOf["ana"], body: row(evm(1), "E"), header: http.Header{"Content-Type": {"text/plain"}}}).want(201)
}
