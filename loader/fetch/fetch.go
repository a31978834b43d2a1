// Package fetch downloads list files completely, or fails.
//
//	Get ── attempt ── redirects, guard.go at connect time ── 200: to a temporary file, counted and hashed ── Download
//	  │       │                                           └─ 304: not modified ── Download.NotModified
//	  │       └── no connection, 429, 5xx, interrupted, stalled: wait and retry
//	  └── 403, a web page, 0 bytes, too large, an internal address …: fail
//
// Errors name the host and no other part of the URL: user, password, path and query can be secrets.
package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"interdict/lists/egress"
	"interdict/lists/fault"
)

// DefaultUserAgent is accepted by OFAC's firewall. Since 2026-07-30 the firewall refuses agents that do not begin with "Mozilla/" and a
// digit, or that are shorter than 40 characters (issue 5237 of opensanctions/opensanctions).
const DefaultUserAgent = "Mozilla/5.0 (compatible; interdict address screening; list refresh)"

// Options of a download.
type Options struct {
	UserAgent string // "" for DefaultUserAgent
	// AllowInternal allows connections to loopback, private and link-local addresses. Set it for commands of an operator, never for
	// URLs in settings.
	AllowInternal bool
	// AllowHTTP allows http URLs. A redirect from https to http is never followed.
	AllowHTTP bool
	// AllowPage allows HTML. Otherwise HTML is an error: it means that the list has moved or that access is blocked.
	AllowPage bool
	// ETag and LastModified are those of the last download. They make the request conditional; "" for none.
	ETag, LastModified string
	MaxBytes           int64         // 0 for 8 GiB
	Timeout            time.Duration // for all attempts together; 0 for 30 minutes (OFAC serves 127 MB at 190 kB/s)
	Dir                string        // for the temporary file; "" for the system's
	// Progress, if not nil, is called with the number of bytes received and the total; -1 if that is unknown.
	Progress func(bytes, of int64)
	// Sleep waits between attempts; nil: the real clock. Tests set it.
	Sleep func(context.Context, time.Duration) error
}

const (
	maxAttempts  = 4
	maxRedirects = 5 // OFAC's old URL needs three
	// minWait doubles up to maxWait. A longer Retry-After ends the download and is in Error.
	minWait = 2 * time.Second
	maxWait = time.Minute
	// stallTimeout is the longest pause within a file.
	stallTimeout = time.Minute
	// maxRetryAfter is the largest Retry-After that is honoured.
	maxRetryAfter = 24 * time.Hour
	// maxValidator is the largest length of an ETag or date that is stored.
	maxValidator = 512
)

// Download is a completely received file. The caller must close it.
type Download struct {
	Name      string // last part of the requested URL
	SizeBytes int64
	SHA256    string
	// ETag and LastModified are for the Options of the next download.
	ETag, LastModified string
	// NotModified is true if the file has not changed since the download of ETag and LastModified. There is nothing to read then.
	NotModified bool

	f *os.File // already unlinked
}

func (d *Download) Read(p []byte) (int, error) { return d.f.Read(p) }

// Reopen returns a reader of the whole file, for as long as the download is not closed.
func (d *Download) Reopen() io.ReadCloser {
	return io.NopCloser(io.NewSectionReader(d.f, 0, d.SizeBytes))
}

// Close deletes the file.
func (d *Download) Close() error {
	if d.f == nil {
		return nil
	}
	return d.f.Close()
}

// Error describes why a download failed.
type Error struct {
	Host     string
	Attempts int
	// RetryAfter is the wait that the server asked for; 0 if none.
	RetryAfter time.Duration
	err        error
}

func (e *Error) Error() string {
	if e.Attempts > 1 {
		return fmt.Sprintf("download from %s, %d attempts: %s", e.Host, e.Attempts, e.err)
	}
	return fmt.Sprintf("download from %s: %s", e.Host, e.err)
}

func (e *Error) Unwrap() error { return e.err }

// Get downloads a file. An interrupted download is an error, never a shorter file.
func Get(ctx context.Context, rawURL string, o Options) (*Download, error) {
	c := newClient(o)
	return c.get(ctx, rawURL)
}

// client is the state of one call of Get.
type client struct {
	o        Options
	stalled  time.Duration
	proxy    func(*http.Request) (*url.URL, error)
	resolver *net.Resolver
	control  func(network, address string, _ syscall.RawConn) error
}

func newClient(o Options) *client {
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 8 << 30
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Minute
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	c := &client{o: o, stalled: stallTimeout, proxy: http.ProxyFromEnvironment}
	if !o.AllowInternal {
		c.control = egress.Control(egress.Guard{}.Check)
	}
	return c
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (c *client) get(ctx context.Context, rawURL string) (*Download, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return nil, fault.E(fault.Invalid, "the source is not an http or https URL")
	}
	if u.Scheme == "http" && !c.o.AllowHTTP {
		return nil, fault.E(fault.Forbidden, "download from %s: plain http is not allowed: use https", u.Host)
	}
	limited, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	w := c.transport()
	defer w.close()
	hc := &http.Client{Transport: w, CheckRedirect: checkRedirect(c.o.AllowHTTP)}
	for n := 1; ; n++ {
		d, err := c.attempt(limited, hc, u)
		if err == nil {
			return d, nil
		}
		failed := &Error{Host: u.Host, Attempts: n, err: err}
		var t *retryableError
		again := errors.As(err, &t)
		if again {
			failed.RetryAfter = t.after
		}
		switch {
		case ctx.Err() != nil:
			failed.err = fault.E(fault.Unavailable, "canceled: %w", ctx.Err())
			return nil, failed
		case limited.Err() != nil:
			failed.err = fault.E(fault.Unavailable, "not finished after %s", c.o.Timeout)
			return nil, failed
		case !again || n == maxAttempts:
			return nil, failed
		}
		wait := max(backoff(n), t.after)
		if deadline, _ := limited.Deadline(); wait > maxWait || time.Until(deadline) < wait {
			return nil, failed
		}
		_ = c.o.Sleep(limited, wait) // if the context has ended, the next attempt fails at once
	}
}

// backoff returns the wait after the n-th attempt. Half of it is random, so that clients that failed together do not retry together.
func backoff(n int) time.Duration {
	d := min(minWait<<(n-1), maxWait)
	return d/2 + rand.N(d/2+1) //nolint:gosec // not a secret
}

// retryableError is an error that the next attempt may not have.
type retryableError struct {
	err   error
	after time.Duration // wait that the server asked for
}

func (t *retryableError) Error() string       { return t.err.Error() }
func (t *retryableError) Unwrap() error       { return t.err }
func (*retryableError) FaultKind() fault.Kind { return fault.Unavailable }
func retryable(text string, a ...any) error   { return &retryableError{err: fmt.Errorf(text, a...)} }

func checkRedirect(allowHTTP bool) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fault.E(fault.Forbidden, "more than %d redirects", maxRedirects)
		}
		if req.URL.Scheme != "https" && (!allowHTTP || via[len(via)-1].URL.Scheme == "https") {
			return fault.E(fault.Forbidden, "it redirects from https to http")
		}
		req.Header.Del("Referer") // it would send the query of the URL to the next host
		return nil
	}
}

// attempt sends one request. The error is a *retryableError if another attempt may succeed.
func (c *client) attempt(ctx context.Context, hc *http.Client, u *url.URL) (*Download, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fault.E(fault.Invalid, "the URL is not valid in a request")
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Accept", "*/*")
	if c.o.ETag != "" {
		req.Header.Set("If-None-Match", c.o.ETag)
	}
	if c.o.LastModified != "" {
		req.Header.Set("If-Modified-Since", c.o.LastModified)
	}
	res, err := hc.Do(req)
	if err != nil {
		return nil, requestError(err)
	}
	defer res.Body.Close()
	d := &Download{Name: fileName(u), ETag: validator(res, "ETag"), LastModified: validator(res, "Last-Modified")}
	switch {
	case res.StatusCode == http.StatusOK:
		return d, c.receive(d, res, cancel)
	case res.StatusCode == http.StatusNotModified && (c.o.ETag != "" || c.o.LastModified != ""):
		d.NotModified = true
		if d.ETag == "" && d.LastModified == "" { // RFC 9110 requires them, but not every server sends them
			d.ETag, d.LastModified = c.o.ETag, c.o.LastModified
		}
		return d, nil
	}
	switch status := "status " + strconv.Itoa(res.StatusCode) + " " + http.StatusText(res.StatusCode); res.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return nil, &retryableError{err: errors.New(status), after: retryAfter(res)}
	default:
		return nil, fault.E(fault.Unavailable, "%s", status)
	}
}

// receive reads the body into a temporary file.
func (c *client) receive(d *Download, res *http.Response, cancel func()) (err error) {
	if res.ContentLength > c.o.MaxBytes {
		return c.tooLarge()
	}
	if d.f, err = createTemp(c.o.Dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	watch := time.AfterFunc(c.stalled, cancel)
	defer watch.Stop()
	body := &countingReader{r: io.LimitReader(res.Body, c.o.MaxBytes+1), of: res.ContentLength, progress: c.o.Progress, onRead: func() { watch.Reset(c.stalled) }}
	sum := sha256.New()
	if d.SizeBytes, err = io.Copy(io.MultiWriter(d.f, sum), body); err != nil {
		if body.err == nil {
			return fault.TempFile(c.o.Dir, err)
		}
		return retryable("interrupted after %d bytes: %w", d.SizeBytes, egress.WithoutURL(body.err))
	}
	if d.SizeBytes > c.o.MaxBytes {
		return c.tooLarge()
	}
	if d.SizeBytes == 0 {
		return fault.E(fault.Unavailable, "the file is empty (0 bytes)")
	}
	d.SHA256 = hex.EncodeToString(sum.Sum(nil))
	head := make([]byte, 1024)
	n, err := d.f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return fault.TempFile(c.o.Dir, err)
	}
	if !c.o.AllowPage && isHTML(head[:n]) {
		return fault.E(fault.Unavailable, "the response is a web page, not a list: the list has moved or access is blocked")
	}
	if _, err := d.f.Seek(0, io.SeekStart); err != nil {
		return fault.TempFile(c.o.Dir, err)
	}
	return nil
}

func (c *client) tooLarge() error {
	return fault.E(fault.TooLarge, "the file is larger than %d bytes", c.o.MaxBytes)
}

// createTemp creates a file and unlinks it, so that it disappears when it is closed.
func createTemp(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "interdict-fetch-*")
	if err == nil {
		if err = os.Remove(f.Name()); err != nil {
			f.Close()
		}
	}
	if err != nil {
		return nil, fault.TempFile(dir, err)
	}
	return f, nil
}

// isHTML reports whether a file with these first bytes is HTML.
func isHTML(head []byte) bool {
	switch kind := http.DetectContentType(head); {
	case strings.HasPrefix(kind, "text/html"):
		return true
	case strings.HasPrefix(kind, "text/xml"): // XHTML
		return strings.Contains(strings.ToLower(string(head)), "<html")
	}
	return false
}

// countingReader counts the bytes read, and records the error that ended reading.
type countingReader struct {
	r        io.Reader
	n, of    int64
	progress func(bytes, of int64)
	onRead   func()
	err      error
}

func (m *countingReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if m.n += int64(n); n > 0 {
		m.onRead()
		if m.progress != nil {
			m.progress(m.n, m.of)
		}
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// requestError classifies the error of a request without a response.
func requestError(err error) error {
	if fault.KindOf(err) != fault.Internal { // from the guard or the redirect check
		return fault.E(fault.KindOf(err), "%w", egress.WithoutURL(err))
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fault.E(fault.Unavailable, "its TLS certificate is not trusted: %w", certificate.Err)
	}
	return retryable("%w", egress.WithoutURL(err))
}

// retryAfter reads Retry-After, in seconds or as a date (RFC 9110, section 10.2.3).
func retryAfter(res *http.Response) time.Duration {
	text := res.Header.Get("Retry-After")
	var d time.Duration
	if seconds, err := strconv.Atoi(text); err == nil {
		d = time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = time.Until(at)
	}
	return min(max(d, 0), maxRetryAfter)
}

func validator(res *http.Response, name string) string {
	if v := res.Header.Get(name); len(v) <= maxValidator {
		return v
	}
	return ""
}

// fileName returns the last part of the path, or the host. Package formats detects some files by name.
func fileName(u *url.URL) string {
	if name := path.Base(u.Path); name != "/" && name != "." {
		return name
	}
	return u.Hostname()
}

// Spool makes a download of what write writes.
func Spool(dir string, write func(io.Writer) error) (*Download, error) {
	f, err := createTemp(dir)
	if err != nil {
		return nil, err
	}
	d := &Download{f: f}
	sum := sha256.New()
	count := &countingWriter{w: io.MultiWriter(f, sum)}
	if err = write(count); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		if count.err != nil {
			return nil, fault.TempFile(dir, count.err)
		}
		return nil, err
	}
	d.SizeBytes, d.SHA256 = count.n, hex.EncodeToString(sum.Sum(nil))
	return d, nil
}

// countingWriter counts the bytes written, and keeps the error of writing.
type countingWriter struct {
	w   io.Writer
	n   int64
	err error
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}
