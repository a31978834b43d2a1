package console

import (
	"io"
	"mime"
	"net/http"
	"time"
)

// download sends what write writes as a file. An error before the first byte is returned; a later one breaks the connection off, so that a part is
// not taken for the whole.
func (p *page) download(name, media string, write func(io.Writer) error) error {
	d := &fileWriter{p: p, name: name, media: media, control: http.NewResponseController(p.w)}
	err := write(d)
	switch {
	case err != nil && !d.begun:
		return err
	case err != nil:
		p.c.o.Log.Warn("a download broke off", "file", name, "error", err)
		panic(http.ErrAbortHandler)
	}
	d.begin()
	return nil
}

// fileWriter sends the header of a file before its first byte.
type fileWriter struct {
	p           *page
	name, media string
	control     *http.ResponseController
	begun       bool
}

func (d *fileWriter) begin() {
	if d.begun {
		return
	}
	d.begun = true
	h := d.p.w.Header()
	h.Set("Content-Type", d.media)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.name}))
	d.p.w.WriteHeader(http.StatusOK)
}

// Write implements io.Writer.
func (d *fileWriter) Write(b []byte) (int, error) {
	d.begin()
	_ = d.control.SetWriteDeadline(time.Now().Add(time.Minute)) // as long as somebody reads
	return d.p.w.Write(b)
}
