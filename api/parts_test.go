package api

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"interdict/lists/fault"
)

// A form without an announced length must not fill the disk.
func TestFormBeyondTheLimit(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "large")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(part, zeros{}, 13<<20); err != nil {
		t.Fatal(err)
	}
	w.Close()
	request := func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(b.Bytes()))
		r.ContentLength = -1
		r.Header.Set("Content-Type", w.FormDataContentType())
		return r
	}
	for limit, want := range map[int64]fault.Kind{12 << 20: fault.TooLarge, int64(b.Len()) - 1: fault.TooLarge} {
		_, cleanup, err := parts(request(), "", limit)
		cleanup()
		if !fault.Is(err, want) {
			t.Errorf("a form of %d bytes where %d are allowed: %v", b.Len(), limit, err)
		}
	}
	uploads, cleanup, err := parts(request(), "", int64(b.Len()))
	if err != nil || len(uploads) != 1 {
		t.Fatal(uploads, err)
	}
	if n, err := io.Copy(io.Discard, uploads[0].Body); n != 13<<20 || err != nil {
		t.Error(n, err)
	}
	cleanup()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	t.Setenv("TMPDIR", os.TempDir()+"/nosuch")
	_, cleanup, err = parts(request(), "", int64(b.Len()))
	cleanup()
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("a disk that takes nothing is our fault, not the caller's: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
