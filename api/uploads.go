package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/lists/fault"
	"interdict/loader"
)

const (
	// uploadTime is how long one upload may take to arrive, and to be worked through.
	uploadTime = 30 * time.Minute
	// uploadPause is how long an upload may pause: it takes the place of another one.
	uploadPause = time.Minute

	defaultUploads     = 8
	defaultUploadSpace = loader.MaxUploadBytes
)

// uploads bounds the uploads in progress, from their first byte until they have been read into a version: their number, and the bytes that they
// take on disk.
type uploads struct {
	most      int
	mostBytes int64

	mu    sync.Mutex
	n     int
	bytes int64
}

// place is that of one upload.
type place struct {
	of    *uploads
	bytes int64
	once  sync.Once
}

// begin takes a place for an upload. announced is its size; -1 if that is unknown.
func (u *uploads) begin(announced int64) (*place, error) {
	if limit := min(u.mostBytes, loader.MaxUploadBytes); announced > limit {
		return nil, tooLarge(limit)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n >= u.most {
		return nil, retryLater{fault.E(fault.Unavailable, "%d uploads are in progress, and this server takes no more at the same time: try again later", u.n), uploadRetry}
	}
	if announced > u.mostBytes-u.bytes {
		return nil, u.full()
	}
	u.n++
	return &place{of: u}, nil
}

// uploadRetry is what Retry-After tells an upload for which there is no place.
const uploadRetry = 10 * time.Second

func (u *uploads) full() error {
	return retryLater{fault.E(fault.Unavailable, "uploads in progress and waiting take the %d bytes that they may have on this server's disk: try again later", u.mostBytes), uploadRetry}
}

// add counts bytes that have arrived.
func (p *place) add(n int) error {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	if int64(n) > p.of.mostBytes-p.of.bytes {
		return p.of.full()
	}
	p.of.bytes += int64(n)
	p.bytes += int64(n)
	return nil
}

// hold takes disk space for bytes that wait to be uploaded by a person in the console. A negative number gives it back.
func (u *uploads) hold(bytes int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if bytes > u.mostBytes-u.bytes {
		return u.full()
	}
	u.bytes += bytes
	return nil
}

// end gives the place back.
func (p *place) end() {
	p.once.Do(func() {
		p.of.mu.Lock()
		defer p.of.mu.Unlock()
		p.of.n--
		p.of.bytes -= p.bytes
	})
}

const (
	// lingerTime and lingerBytes bound what is read of a file that has been refused.
	lingerTime  = time.Second
	lingerBytes = 64 << 20
)

// failUpload answers an error to a caller who may still be sending. The answer goes out at once; a moment more of the file is read, so that a caller
// who reads the answer late does not find the connection reset instead.
func (s *Server) failUpload(c *gin.Context, err error) {
	body := c.Request.Body
	a, began := body.(*arriving)
	if began {
		body = a.ReadCloser
	}
	if c.Request.ProtoMajor != 1 || c.Request.ContentLength == 0 {
		s.fail(c, err)
		return
	}
	c.Header("Connection", "close") // or net/http waits for more of the file before it sends the answer
	s.fail(c, err)
	c.Writer.Flush()
	if began || c.GetHeader("Expect") == "" {
		_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, body, lingerBytes) // best effort
	}
}

// arriving is the body of an upload. It is counted, and must not pause for too long.
type arriving struct {
	io.ReadCloser
	place   *place
	control *http.ResponseController
	until   time.Time // for the connection: an injected clock means nothing to it
}

func (a *arriving) Read(b []byte) (int, error) {
	pause := time.Now().Add(uploadPause)
	if a.until.Before(pause) {
		pause = a.until
	}
	_ = a.control.SetReadDeadline(pause) // a connection that cannot set one has none
	n, err := a.ReadCloser.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fault.E(fault.Invalid, "nothing arrived for %s, or the upload took longer than %s", uploadPause, uploadTime)
	}
	if full := a.place.add(n); full != nil {
		return 0, full
	}
	return n, err
}
