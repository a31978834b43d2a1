// Package fetch downloads list files, whole or not at all.
//
//	Get ── attempt ── redirects, guard.go at connect time ── 200: into a temporary file, counted and hashed ── Download
//	  │       │                                           └─ 304: nothing newer ── Download.NotModified
//	  │       └── no connection, 429, 5xx, broken off, stalled: wait, and again
//	  └── 403, a web page, 0 bytes, too large, an internal address …: the end
//
// An error names the host and nothing else of the URL: user, password, path and query may be secrets.
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

	"interdict/lists/fault"
)

// DefaultUserAgent is what OFAC's firewall lets through: since 2026-07-30 it refuses agents that do not begin with "Mozilla/" and a digit, or
// are shorter than 40 characters (opensanctions issue 5237).
const DefaultUserAgent = "Mozilla/5.0 (compatible; interdict address screening; list refresh)"

// Options of a download.
type Options struct {
	UserAgent string // "" for DefaultUserAgent
	// AllowInternal lets the download reach loopback, private and link-local addresses: an operator's own command may, a
	// server that works from settings may not.
	AllowInternal bool
	// AllowHTTP takes URLs of http, too. A redirect from https to http is never followed.
	AllowHTTP bool
	// AllowPage takes a web page, too; otherwise one is an error, since no list is one: it says that the list has moved or is blocked.
	AllowPage bool
	// ETag and LastModified are those of the last download, to get nothing when there is nothing newer. "" for none.
	ETag, LastModified string
	MaxBytes           int64         // 0 for 8 GiB
	Timeout            time.Duration // for everything together; 0 for half an hour (OFAC serves 127 MB at 190 kB/s)
	Dir                string        // for the temporary file; "" for the system's
	// Progress, if not nil, is told how many bytes are there, of how many; of -1 when that is not known.
	Progress func(bytes, of int64)
	// Sleep waits between attempts; nil: by the clock.
	Sleep func(context.Context, time.Duration) error
}

const (
	maxAttempts  = 4
	maxRedirects = 5 // OFAC's old address takes three
	// firstWait doubles up to maxWait. A server that asks for more by Retry-After ends the download; Error tells it.
	firstWait = 2 * time.Second
	maxWait   = time.Minute
	// maxStill is how long a server may send nothing in the middle of a file.
	maxStill = time.Minute
	// maxRetryAfter bounds what is believed.
	maxRetryAfter = 24 * time.Hour
	// maxValidator bounds an ETag or a date that is to be kept.
	maxValidator = 512
)

// Download is a file that has arrived whole. It must be closed.
type Download struct {
	Name      string // by the URL that was asked for
	SizeBytes int64
	SHA256    string
	// ETag and LastModified are for the Options of the next download.
	ETag, LastModified string
	// NotModified tells that there is nothing newer than what ETag and LastModified say; there is nothing to read then.
	NotModified bool

	f *os.File // unlinked: gone when closed
}

func (d *Download) Read(p []byte) (int, error) { return d.f.Read(p) }

// Close drops the file.
func (d *Download) Close() error {
	if d.f == nil {
		return nil
	}
	return d.f.Close()
}

// Error is why a download failed.
type Error struct {
	Host     string
	Attempts int
	// RetryAfter is how long the server asked to be left alone; 0: it did not say.
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

// Get downloads a file. It is an error, and never a shorter file, when it breaks off.
func Get(ctx context.Context, rawURL string, o Options) (*Download, error) {
	c := newClient(o)
	return c.get(ctx, rawURL)
}

// client is one call of Get.
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
	c := &client{o: o, stalled: maxStill, proxy: http.ProxyFromEnvironment}
	if !o.AllowInternal {
		c.control = publicOnly
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
		return nil, fault.E(fault.Invalid, "the source is no http or https URL")
	}
	if u.Scheme == "http" && !c.o.AllowHTTP {
		return nil, fault.E(fault.Forbidden, "download from %s: plain http is not allowed", u.Host)
	}
	limited, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	w := c.ways()
	defer w.close()
	hc := &http.Client{Transport: w, CheckRedirect: checkRedirect(c.o.AllowHTTP)}
	for n := 1; ; n++ {
		d, err := c.attempt(limited, hc, u)
		if err == nil {
			return d, nil
		}
		failed := &Error{Host: u.Host, Attempts: n, err: err}
		var t *trouble
		again := errors.As(err, &t)
		if again {
			failed.RetryAfter = t.after
		}
		switch {
		case ctx.Err() != nil:
			failed.err = fault.E(fault.Unavailable, "it was given up: %w", ctx.Err())
			return nil, failed
		case limited.Err() != nil:
			failed.err = fault.E(fault.Unavailable, "it was not done after %s", c.o.Timeout)
			return nil, failed
		case !again || n == maxAttempts:
			return nil, failed
		}
		wait := max(backOff(n), t.after)
		if deadline, _ := limited.Deadline(); wait > maxWait || time.Until(deadline) < wait {
			return nil, failed
		}
		_ = c.o.Sleep(limited, wait) // a context that has ended ends the next attempt at once
	}
}

// backOff is how long to wait after the n-th attempt: half of it for sure, half of it by chance, so that those who failed together do
// not come back together.
func backOff(n int) time.Duration {
	d := min(firstWait<<(n-1), maxWait)
	return d/2 + rand.N(d/2+1) //nolint:gosec // chance, not secrecy
}

// trouble is a failure that may be over at the next attempt.
type trouble struct {
	err   error
	after time.Duration // that the server asked for
}

func (t *trouble) Error() string          { return t.err.Error() }
func (t *trouble) Unwrap() error          { return t.err }
func (*trouble) FaultKind() fault.Kind    { return fault.Unavailable }
func passing(text string, a ...any) error { return &trouble{err: fmt.Errorf(text, a...)} }

func checkRedirect(allowHTTP bool) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fault.E(fault.Forbidden, "more than %d redirects", maxRedirects)
		}
		if req.URL.Scheme != "https" && (!allowHTTP || via[len(via)-1].URL.Scheme == "https") {
			return fault.E(fault.Forbidden, "a redirect leads away from https")
		}
		req.Header.Del("Referer") // it would tell the next host what the URL's query holds
		return nil
	}
}

// attempt asks once. The error is a *trouble where another attempt may help.
func (c *client) attempt(ctx context.Context, hc *http.Client, u *url.URL) (*Download, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fault.E(fault.Invalid, "the request cannot be made")
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
		return nil, connection(err)
	}
	defer res.Body.Close()
	d := &Download{Name: fileName(u), ETag: validator(res, "ETag"), LastModified: validator(res, "Last-Modified")}
	switch {
	case res.StatusCode == http.StatusOK:
		return d, c.receive(d, res, cancel)
	case res.StatusCode == http.StatusNotModified && (c.o.ETag != "" || c.o.LastModified != ""):
		d.NotModified = true
		if d.ETag == "" && d.LastModified == "" { // RFC 9110 asks for them, not every server sends them
			d.ETag, d.LastModified = c.o.ETag, c.o.LastModified
		}
		return d, nil
	}
	switch status := "status " + strconv.Itoa(res.StatusCode) + " " + http.StatusText(res.StatusCode); res.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return nil, &trouble{err: errors.New(status), after: retryAfter(res)}
	default:
		return nil, fault.E(fault.Unavailable, "%s", status)
	}
}

// receive reads the body into a temporary file.
func (c *client) receive(d *Download, res *http.Response, cancel func()) (err error) {
	if res.ContentLength > c.o.MaxBytes {
		return c.tooLarge()
	}
	if d.f, err = temporary(c.o.Dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	watch := time.AfterFunc(c.stalled, cancel)
	defer watch.Stop()
	body := &meter{r: io.LimitReader(res.Body, c.o.MaxBytes+1), of: res.ContentLength, tell: c.o.Progress, moved: func() { watch.Reset(c.stalled) }}
	sum := sha256.New()
	if d.SizeBytes, err = io.Copy(io.MultiWriter(d.f, sum), body); err != nil {
		if body.err == nil {
			return fault.E(fault.Unavailable, "temporary file: %w", err)
		}
		return passing("it broke off after %d bytes: %w", d.SizeBytes, cause(body.err))
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
		return fault.E(fault.Unavailable, "temporary file: %w", err)
	}
	if !c.o.AllowPage && isPage(head[:n]) {
		return fault.E(fault.Unavailable, "it sends a web page instead of a list")
	}
	if _, err := d.f.Seek(0, io.SeekStart); err != nil {
		return fault.E(fault.Unavailable, "temporary file: %w", err)
	}
	return nil
}

func (c *client) tooLarge() error {
	return fault.E(fault.TooLarge, "the file is larger than %d bytes", c.o.MaxBytes)
}

// temporary makes a file that is gone when it is closed.
func temporary(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "interdict-fetch-*")
	if err == nil {
		if err = os.Remove(f.Name()); err != nil {
			f.Close()
		}
	}
	if err != nil {
		return nil, fault.E(fault.Unavailable, "temporary file: %w", err)
	}
	return f, nil
}

// isPage tells a web page by its first bytes.
func isPage(head []byte) bool {
	switch kind := http.DetectContentType(head); {
	case strings.HasPrefix(kind, "text/html"):
		return true
	case strings.HasPrefix(kind, "text/xml"): // XHTML
		return strings.Contains(strings.ToLower(string(head)), "<html")
	}
	return false
}

// meter counts what is read, and remembers why it ended.
type meter struct {
	r     io.Reader
	n, of int64
	tell  func(bytes, of int64)
	moved func()
	err   error
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if m.n += int64(n); n > 0 {
		m.moved()
		if m.tell != nil {
			m.tell(m.n, m.of)
		}
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// connection sorts the errors of a request that got no answer.
func connection(err error) error {
	if fault.KindOf(err) != fault.Internal { // our own: the guard's, a redirect's
		return fault.E(fault.KindOf(err), "%w", cause(err))
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fault.E(fault.Unavailable, "its certificate is not trusted: %w", certificate.Err)
	}
	return passing("%w", cause(err))
}

// cause gives the part of an error that names no URL. net/http puts URLs around its errors, and into some of them.
func cause(err error) error {
	var around *url.Error
	for errors.As(err, &around) {
		err = around.Err
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("it stalled")
	}
	if strings.ContainsAny(err.Error(), "?@") || strings.Contains(err.Error(), "://") || strings.Contains(err.Error(), "Location") {
		return errors.New("the answer cannot be understood")
	}
	return err
}

// retryAfter reads how long the server asks to be left alone, in seconds or as a date (RFC 9110, section 10.2.3).
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

// fileName is what a file is called by its URL; formats detects some files by it.
func fileName(u *url.URL) string {
	if name := path.Base(u.Path); name != "/" && name != "." {
		return name
	}
	return u.Hostname()
}
