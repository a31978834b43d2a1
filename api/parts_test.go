package api

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"

	"interdict/lists/fault"
)

// A form without an announced length must not fill the disk.
func TestFormBeyondTheLimit(t *testing.T) {
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
	read := func(limit int64) (n int64, err error) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(b.Bytes()))
		r.ContentLength = -1
		r.Header.Set("Content-Type", w.FormDataContentType())
		for u, err := range parts(r, limit) {
			if err != nil {
				return n, err
			}
			more, err := io.Copy(io.Discard, u.Body)
			if n += more; err != nil {
				return n, err
			}
		}
		return n, nil
	}
	for _, limit := range []int64{12 << 20, int64(b.Len()) - 1} {
		if _, err := read(limit); !fault.Is(err, fault.TooLarge) {
			t.Errorf("a form of %d bytes where %d are allowed: %v", b.Len(), limit, err)
		}
	}
	if n, err := read(int64(b.Len())); n != 13<<20 || err != nil {
		t.Error(n, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
