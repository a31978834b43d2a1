package api

import (
	"io"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"

	"interdict/api/auth"
)

// compressFrom is from which size on an answer is compressed: below, it costs more time than it saves.
const compressFrom = 4 << 10

// notCompressed are the routes to read from whose answers are not compressed: checks, for their speed; one list, whose ETag goes into If-Match; streams; and
// files that are compressed already, or that are read in parts.
var notCompressed = []string{"/v1/addresses/:address", "/v1/lists/:id", "/docs/*file", "/v1/cases/:id/attachments/:n", "/v1/checks/:id/evidence", pathChangeStream, "/v1/manifest", "/v1/objects/:sha256", "/v1/backup"}

// compresses tells the routes whose answers are compressed for callers that accept it. They only read: no such answer holds a secret, whose length
// could be guessed from that of an answer that repeats what a caller sent. Answers to changes, which may hold one, and pages are never compressed.
func compresses(method, path string) bool {
	return method == http.MethodGet && !slices.Contains(notCompressed, path)
}

var compressor = func() func(http.Handler) http.HandlerFunc {
	w, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false), gzhttp.ContentTypes([]string{
		"application/json", "application/x-ndjson", "application/yaml", "text/csv", "text/plain"}))
	if err != nil {
		panic(err) // the options are constants
	}
	return w
}()

// compressing makes a handler compress its answer with gzip if the caller accepts it.
func compressing(h handler) handler {
	return func(c *gin.Context, who *auth.Principal) (err error) {
		plain := c.Writer
		defer func() { c.Writer = plain }()
		compressor(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			out := &compressed{ResponseWriter: plain, to: w, status: http.StatusOK}
			c.Writer = out
			if err = h(c, who); err == nil {
				out.WriteHeaderNow() // of an answer without a body
			}
		})).ServeHTTP(plain, c.Request)
		return err
	}
}

// compressed is the writer of gin before a compressor.
type compressed struct {
	gin.ResponseWriter
	to     http.ResponseWriter
	status int
	size   int
	wrote  bool
}

func (w *compressed) Unwrap() http.ResponseWriter { return w.ResponseWriter }
func (w *compressed) Status() int                 { return w.status }
func (w *compressed) Size() int                   { return w.size }
func (w *compressed) Written() bool               { return w.wrote }

func (w *compressed) WriteHeader(status int) {
	if !w.wrote {
		w.status = status
	}
}

func (w *compressed) WriteHeaderNow() {
	if !w.wrote {
		w.wrote = true
		w.to.WriteHeader(w.status)
	}
}

func (w *compressed) Write(b []byte) (int, error) {
	w.WriteHeaderNow()
	n, err := w.to.Write(b)
	w.size += n
	return n, err
}

func (w *compressed) WriteString(text string) (int, error) {
	w.WriteHeaderNow()
	n, err := io.WriteString(w.to, text)
	w.size += n
	return n, err
}

func (w *compressed) Flush() {
	w.WriteHeaderNow()
	if f, ok := w.to.(http.Flusher); ok {
		f.Flush()
	}
}
