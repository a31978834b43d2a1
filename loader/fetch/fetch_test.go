package fetch

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

const list = "address,network\n0xdAC17F958D2ee523a2206206994597C13D831ec7,ethereum\n"

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// waits are the pauses that a download has made, none of them really.
type waits []time.Duration

func (w *waits) sleep(_ context.Context, d time.Duration) error {
	*w = append(*w, d)
	return nil
}

// local allows what a test needs: a server on this machine, without TLS. It does not wait.
func local(t *testing.T) (Options, *waits) {
	t.Helper()
	w := &waits{}
	return Options{AllowInternal: true, AllowHTTP: true, Dir: t.TempDir(), Sleep: w.sleep}, w
}

// publisher counts what it is asked.
type publisher struct {
	*httptest.Server
	asked atomic.Int32
}

func publish(t *testing.T, h http.HandlerFunc) *publisher {
	t.Helper()
	p := &publisher{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		h(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// gone holds that nothing is left of a download in its folder.
func gone(t *testing.T, o Options) {
	t.Helper()
	if left, err := os.ReadDir(o.Dir); err != nil || len(left) != 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

func TestDownloadIsCompleteAndHashed(t *testing.T) {
	var agent, accept string
	p := publish(t, func(w http.ResponseWriter, r *http.Request) {
		agent, accept = r.UserAgent(), r.Header.Get("Accept")
		w.Header().Set("ETag", `"one"`)
		w.Header().Set("Last-Modified", "Wed, 23 Sep 2026 14:07:28 GMT")
		fmt.Fprint(w, list)
	})
	o, waited := local(t)
	var progress []int64
	o.Progress = func(n, of int64) { progress = append(progress, n, of) }
	d, err := Get(t.Context(), p.URL+"/exports/SDN.CSV?a=b", o)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(d)
	if err != nil || string(body) != list {
		t.Errorf("body %q, %v", body, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	d.f = nil
	want := &Download{Name: "SDN.CSV", SizeBytes: int64(len(list)), SHA256: digestOf(list), ETag: `"one"`, LastModified: "Wed, 23 Sep 2026 14:07:28 GMT"}
	if *d != *want {
		t.Errorf("download %+v, want %+v", d, want)
	}
	if agent != DefaultUserAgent || accept != "*/*" {
		t.Errorf("asked as %q, accepting %q", agent, accept)
	}
	if n := int64(len(list)); !cmp.Equal(progress, []int64{n, n}) {
		t.Errorf("progress %v", progress)
	}
	if len(*waited) != 0 {
		t.Errorf("waited %v", *waited)
	}
	gone(t, o)
}

// OFAC's firewall: "Mozilla/" and a digit at the beginning, 40 characters (opensanctions issue 5237).
func TestDefaultUserAgentIsAcceptedByOFAC(t *testing.T) {
	if a := DefaultUserAgent; !strings.HasPrefix(a, "Mozilla/5") || len(a) < 40 {
		t.Errorf("%q", a)
	}
	var agent string
	p := publish(t, func(w http.ResponseWriter, r *http.Request) { agent = r.UserAgent(); fmt.Fprint(w, list) })
	o, _ := local(t)
	o.UserAgent = "ours"
	d, err := Get(t.Context(), p.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	if agent != "ours" {
		t.Errorf("a setting does not change it: %q", agent)
	}
}

func TestUnmodifiedFileIsNotDownloaded(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		sent http.Header // with the 304
		want Download
	}{
		"by ETag":              {Options{ETag: `"one"`}, http.Header{"Etag": {`"one"`}}, Download{ETag: `"one"`}},
		"by date":              {Options{LastModified: "Wed, 23 Sep 2026 14:07:28 GMT"}, nil, Download{LastModified: "Wed, 23 Sep 2026 14:07:28 GMT"}},
		"the server is terse":  {Options{ETag: `W/"one"`, LastModified: "x"}, nil, Download{ETag: `W/"one"`, LastModified: "x"}},
		"the ETag has changed": {Options{ETag: `"one"`}, http.Header{"Etag": {`"two"`}}, Download{ETag: `"two"`}},
	} {
		t.Run(name, func(t *testing.T) {
			p := publish(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("If-None-Match") != c.o.ETag || r.Header.Get("If-Modified-Since") != c.o.LastModified {
					t.Errorf("asked with %v", r.Header)
				}
				for k, v := range c.sent {
					w.Header()[k] = v
				}
				w.WriteHeader(http.StatusNotModified)
			})
			o, _ := local(t)
			o.ETag, o.LastModified = c.o.ETag, c.o.LastModified
			d, err := Get(t.Context(), p.URL+"/l.csv", o)
			if err != nil {
				t.Fatal(err)
			}
			c.want.NotModified, c.want.Name = true, "l.csv"
			if *d != c.want {
				t.Errorf("%+v, want %+v", *d, c.want)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("a 304 that nobody asked for is no list", func(t *testing.T) {
		p := publish(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
		o, _ := local(t)
		if _, err := Get(t.Context(), p.URL, o); !fault.Is(err, fault.Unavailable) {
			t.Error(err)
		}
	})
}

// broken writes an answer of its own making and cuts the connection.
func broken(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, text)
		conn.Close()
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprint(w, "no")
	}
}

func send(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func TestFailedDownloadIsAnErrorNotAShorterFile(t *testing.T) {
	zipped := &strings.Builder{}
	z := gzip.NewWriter(zipped)
	_, _ = io.WriteString(z, strings.Repeat(list, 1000))
	z.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		asked  int32
		kind   fault.Kind
		says   string
		max    int64
	}{
		"403: the firewall": {status(403), 1, fault.Unavailable, "status 403 Forbidden", 0},
		"404":               {status(404), 1, fault.Unavailable, "status 404", 0},
		"an odd status":     {status(299), 1, fault.Unavailable, "status 299", 0},
		"a part of it":      {status(206), 1, fault.Unavailable, "status 206", 0},
		"429":               {status(429), 4, fault.Unavailable, "4 attempts: status 429", 0},
		"500":               {status(500), 4, fault.Unavailable, "4 attempts: status 500", 0},
		"501":               {status(501), 1, fault.Unavailable, "status 501", 0},
		"503":               {status(503), 4, fault.Unavailable, "4 attempts: status 503", 0},
		"0 bytes":           {send(""), 1, fault.Unavailable, "0 bytes", 0},
		"a web page":        {send("\n <!DOCTYPE html><html><body>Access denied</body></html>"), 1, fault.Unavailable, "web page", 0},
		"a page as XHTML":   {send(`<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">`), 1, fault.Unavailable, "web page", 0},
		"shorter than its Content-Length": {broken("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + list[:40]), 4, fault.Unavailable,
			"interrupted after 40 bytes: unexpected EOF", 0},
		"chunks without an end": {broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\naddr\r\n"), 4, fault.Unavailable, "interrupted after 4 bytes", 0},
		"compressed, without an end": {broken("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + zipped.String()[:zipped.Len()-9]), 4, fault.Unavailable,
			"interrupted", 0},
		"no HTTP":                {broken("SSH-2.0-OpenSSH\r\n"), 4, fault.Unavailable, "malformed HTTP", 0},
		"nothing":                {broken(""), 4, fault.Unavailable, "EOF", 0},
		"too large, as it says":  {send(list), 1, fault.TooLarge, "larger than 10 bytes", 10},
		"too large, not telling": {broken("HTTP/1.1 200 OK\r\n\r\n" + list), 1, fault.TooLarge, "larger than 10 bytes", 10},
	} {
		t.Run(name, func(t *testing.T) {
			p := publish(t, c.answer)
			o, waited := local(t)
			o.MaxBytes = c.max
			d, err := Get(t.Context(), p.URL+"/secret-path/l.csv?token=geheim", o)
			if d != nil || !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v: %v", fault.KindOf(err), err)
			}
			if got := p.asked.Load(); got != c.asked || len(*waited) != int(c.asked)-1 {
				t.Errorf("asked %d times, waited %v", got, *waited)
			}
			var failed *Error
			if !errors.As(err, &failed) || failed.Attempts != int(c.asked) || strings.Contains(err.Error(), "secret-path") || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%+v: %v", failed, err)
			}
			gone(t, o)
		})
	}
}

func TestTemporaryErrorsAreRetried(t *testing.T) {
	troubles := []http.HandlerFunc{status(503), broken("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of"), status(429, "Retry-After", "7"), send(list)}
	var n atomic.Int32
	p := publish(t, func(w http.ResponseWriter, r *http.Request) { troubles[n.Add(1)-1](w, r) })
	o, waited := local(t)
	d, err := Get(t.Context(), p.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.SHA256 != digestOf(list) {
		t.Errorf("what arrives is not the file: %+v", d)
	}
	w := *waited
	if len(w) != 3 || w[0] < time.Second || w[0] > 2*time.Second || w[1] < 2*time.Second || w[1] > 4*time.Second || w[2] < 7*time.Second || w[2] > 8*time.Second {
		t.Errorf("waited %v: not doubling, or not as long as the server asked for", w)
	}
}

func TestBackoffDoublesWithJitter(t *testing.T) {
	seen := map[time.Duration]bool{}
	for n := 1; n <= 40; n++ {
		full := min(minWait<<min(n-1, 20), maxWait)
		for range 20 {
			d := backoff(min(n, 20))
			seen[d] = true
			if d < full/2 || d > full {
				t.Fatalf("after attempt %d: %v, not between %v and %v", n, d, full/2, full)
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d different pauses: those who failed together come back together", len(seen))
	}
}

func TestLongRetryAfterEndsTheDownload(t *testing.T) {
	at := time.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat)
	for text, want := range map[string]time.Duration{"3600": time.Hour, at: 2 * time.Hour, "99999999999": 24 * time.Hour} {
		p := publish(t, status(503, "Retry-After", text))
		o, waited := local(t)
		_, err := Get(t.Context(), p.URL, o)
		var failed *Error
		if !errors.As(err, &failed) || failed.Attempts != 1 || len(*waited) != 0 || failed.RetryAfter < want-10*time.Second || failed.RetryAfter > want {
			t.Errorf("%s: %+v, waited %v", text, failed, *waited)
		}
	}
	for _, text := range []string{"-5", "soon", "Wed, 23 Sep 2015 14:07:28 GMT", ""} {
		if d := retryAfter(&http.Response{Header: http.Header{"Retry-After": {text}}}); d != 0 {
			t.Errorf("%q: %v", text, d)
		}
	}
}

func TestRedirects(t *testing.T) {
	var referers []string
	p := publish(t, func(w http.ResponseWriter, r *http.Request) {
		referers = append(referers, r.Referer())
		var left int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &left); err != nil {
			t.Error(err)
		}
		if left == 0 {
			fmt.Fprint(w, list)
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/%d?signature=geheim", left-1), http.StatusFound)
	})
	o, _ := local(t)
	d, err := Get(t.Context(), p.URL+"/5", o)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	if d.Name != "5" || d.SHA256 != digestOf(list) {
		t.Errorf("%+v", d)
	}
	for _, r := range referers {
		if r != "" {
			t.Errorf("the next host is told where we come from: %q", r)
		}
	}
	p.asked.Store(0)
	if _, err := Get(t.Context(), p.URL+"/6", o); !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "more than 5 redirects") || p.asked.Load() != 6 {
		t.Errorf("asked %d times: %v", p.asked.Load(), err)
	}
	for name, to := range map[string]string{"another scheme": "ftp://example.org/list", "a file": "file:///etc/passwd", "malformed": "http://exa mple/%zz?token=geheim"} {
		away := publish(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		})
		if _, err := Get(t.Context(), away.URL, o); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRedirectFromHTTPSToHTTPIsRefused(t *testing.T) {
	plain := publish(t, send(list))
	o, _ := local(t)
	o.AllowHTTP = false
	if _, err := Get(t.Context(), plain.URL+"/x?token=geheim", o); !fault.Is(err, fault.Forbidden) || plain.asked.Load() != 0 || strings.Contains(err.Error(), "geheim") {
		t.Errorf("plain http is asked without being allowed: %v", err)
	}
	for _, allowed := range []bool{false, true} {
		check := checkRedirect(allowed)
		hop := func(from, to string) error {
			return check(&http.Request{URL: parsed(t, to), Header: http.Header{}}, []*http.Request{{URL: parsed(t, from)}})
		}
		if err := hop("https://a.org/", "https://b.org/"); err != nil {
			t.Error(err)
		}
		if err := hop("https://a.org/", "http://a.org/"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("http allowed %t: from https to http: %v", allowed, err)
		}
		if err := hop("http://a.org/", "http://b.org/"); (err == nil) != allowed {
			t.Errorf("http allowed %t: from http to http: %v", allowed, err)
		}
	}
}

func parsed(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestErrorsContainNoSecretOfTheURL(t *testing.T) {
	closed := publish(t, send(list))
	closed.Close()
	_, port, err := net.SplitHostPort(closed.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	o, _ := local(t)
	for _, raw := range []string{
		"http://user:geheim@127.0.0.1:" + port + "/geheim?token=geheim#geheim",
		"https://user:geheim@127.0.0.1:" + port + "/?token=geheim",
		"http://geheim@no-such-host.invalid/geheim",
		"http://user:geheim@/nowhere", "http://user:geheim@[::1", "://geheim", "ftp://user:geheim@host/", "geheim", "http://host:geheim/",
	} {
		if _, err := Get(t.Context(), raw, o); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%v", err)
		}
	}
	c := newClient(o)
	c.proxy = func(*http.Request) (*url.URL, error) {
		return nil, errors.New(`invalid proxy address "http://u:geheim@p"`)
	}
	if _, err := c.get(t.Context(), "https://example.org/"); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("%v", err)
	}
}

func TestTimeoutCoversAllAttempts(t *testing.T) {
	release := make(chan struct{})
	p := publish(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "address")
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	o, _ := local(t)
	o.Timeout = 100 * time.Millisecond
	if _, err := Get(t.Context(), p.URL, o); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "not finished after 100ms") || p.asked.Load() != 1 {
		t.Errorf("asked %d times: %v", p.asked.Load(), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	o.Timeout = 0
	if _, err := Get(ctx, p.URL, o); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("%v", err)
	}
	t.Run("a server that says nothing more is left", func(t *testing.T) {
		c := newClient(o)
		c.stalled = 50 * time.Millisecond
		p.asked.Store(0)
		if _, err := c.get(t.Context(), p.URL); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "interrupted after 7 bytes: the server stopped sending") || p.asked.Load() != maxAttempts {
			t.Errorf("asked %d times: %v", p.asked.Load(), err)
		}
	})
	gone(t, o)
}

func TestCompressedResponseIsDecompressed(t *testing.T) {
	p := publish(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("127 MB of XML are asked for as such")
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, list)
		z.Close()
	})
	o, _ := local(t)
	d, err := Get(t.Context(), p.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	if d.SHA256 != digestOf(list) {
		t.Errorf("%+v", d)
	}
}

func TestUntrustedCertificateIsNotRetried(t *testing.T) {
	s := httptest.NewUnstartedServer(send(list))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	defer s.Close()
	o, waited := local(t)
	if _, err := Get(t.Context(), s.URL, o); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "certificate is not trusted") || len(*waited) != 0 {
		t.Errorf("waited %v: %v", *waited, err)
	}
}

func TestPublishedDigests(t *testing.T) {
	a, b := digestOf("a"), digestOf("b")
	for name, c := range map[string]struct{ body, want string }{
		"alone":               {a, a},
		"with a line end":     {strings.ToUpper(a) + "\r\n", a},
		"as sha256sum writes": {b + "  other.csv\n" + a + " *SDN.CSV\n", a},
		"as openssl writes":   {"SHA256(sdn.csv) = " + a + "\nSHA256(sdn.csv.gz) = " + b + "\n", a},
		"on a page":           {"<html><body><p>SHA-256: " + a + "</p></body></html>", a},
		"twice the same":      {a + "\n" + a, a},
		"in JSON":             {`{"sha256":"` + a + `"}`, a},
		"none":                {"<html></html>", ""},
		"of another length":   {a + "0", ""},
		"which?":              {a + "\n" + b, ""},
		"which, on one line?": {a + " sdn.csv " + b, ""},
	} {
		p := publish(t, send(c.body))
		o, _ := local(t)
		o.ETag = `"of the list"`
		got, err := Digest(t.Context(), p.URL, "sdn.csv", o)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
