package certs_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"interdict/api/certs"
	"interdict/api/certs/certstest"
	"interdict/lists/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logged is a log that tests read.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), words)
}

// site is a server with its certificate in a folder.
type site struct {
	*certs.Certificate
	dir   string
	url   string
	log   *logged
	ahead atomic.Int64 // of the clock
}

func (s *site) file(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(t testing.TB, p certstest.Pair) {
	t.Helper()
	certstest.Write(t, s.file("tls.crt"), p.Cert)
	certstest.Write(t, s.file("tls.key"), p.Key)
}

const poll = 5 * time.Millisecond

// open starts a server. The folder holds its files already.
func (s *site) open(t testing.TB, clientCA bool) {
	t.Helper()
	s.log = &logged{}
	o := certs.Options{Cert: s.file("tls.crt"), Key: s.file("tls.key"), Poll: poll, Log: slog.New(slog.NewJSONHandler(s.log, nil)),
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }}
	if clientCA {
		o.ClientCA = s.file("ca.crt")
	}
	var err error
	if s.Certificate, err = certs.Open(o); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Watch(ctx)
	}()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{TLSConfig: s.TLS(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, " ", len(r.TLS.VerifiedChains)) })}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.ServeTLS(ln, "", "")
	}()
	s.url = "https://" + ln.Addr().String()
	t.Cleanup(func() {
		stop()
		server.Close()
		<-ended
		<-served
	})
}

// get asks on a new connection and returns the serial number of the server's certificate.
func (s *site) get(config *tls.Config) (serial, body string, err error) {
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, ForceAttemptHTTP2: true}, Timeout: 10 * time.Second}
	defer c.CloseIdleConnections()
	res, err := c.Get(s.url)
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.TLS.PeerCertificates[0].SerialNumber.Text(16), string(b), err
}

func serialOf(t testing.TB, p certstest.Pair) string {
	t.Helper()
	c, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.SerialNumber.Text(16)
}

// serves waits until new connections get a certificate.
func (s *site) serves(t testing.TB, ca *certstest.CA, p certstest.Pair) {
	t.Helper()
	want, got := serialOf(t, p), ""
	for end := time.Now().Add(time.Minute); got != want; time.Sleep(poll) {
		var err error
		if got, _, err = s.get(ca.Client(t)); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatalf("%s is served instead of %s", got, want)
		}
	}
}

// swap makes a symbolic link point to another folder in one step, as Kubernetes does for secrets.
func swap(t testing.TB, link, folder string) {
	t.Helper()
	if err := os.Symlink(folder, link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
}

// A new certificate is served without a restart, however it gets into the files. Connections that are open stay open.
func TestACertificateIsRenewed(t *testing.T) {
	ca := certstest.NewCA(t, "authority")
	folder := func(t testing.TB, dir, name string, p certstest.Pair) string {
		t.Helper()
		folder := filepath.Join(dir, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		certstest.Write(t, filepath.Join(folder, "tls.crt"), p.Cert)
		certstest.Write(t, filepath.Join(folder, "tls.key"), p.Key)
		return name
	}
	for name, how := range map[string]struct {
		first, next func(t testing.TB, s *site, p certstest.Pair)
	}{
		"written over": {func(t testing.TB, s *site, p certstest.Pair) { t.Helper(); s.write(t, p) }, func(t testing.TB, s *site, p certstest.Pair) { t.Helper(); s.write(t, p) }},
		"renamed": {func(t testing.TB, s *site, p certstest.Pair) { t.Helper(); s.write(t, p) }, func(t testing.TB, s *site, p certstest.Pair) {
			t.Helper()
			for file, b := range map[string][]byte{"tls.key": p.Key, "tls.crt": p.Cert} {
				if err := os.Rename(certstest.Write(t, s.file(file+".new"), b), s.file(file)); err != nil {
					t.Fatal(err)
				}
			}
		}},
		"links swapped": {func(t testing.TB, s *site, p certstest.Pair) {
			t.Helper()
			swap(t, s.file("..data"), folder(t, s.dir, "..one", p))
			for _, file := range []string{"tls.crt", "tls.key"} {
				if err := os.Symlink(filepath.Join("..data", file), s.file(file)); err != nil {
					t.Fatal(err)
				}
			}
		}, func(t testing.TB, s *site, p certstest.Pair) {
			t.Helper()
			swap(t, s.file("..data"), folder(t, s.dir, "..two", p))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := ca.Issue(t, certstest.Named("one")), ca.Issue(t, certstest.Named("two"))
			s := &site{dir: t.TempDir()}
			how.first(t, s, one)
			s.open(t, false)
			s.serves(t, ca, one)
			kept := &http.Client{Transport: &http.Transport{TLSClientConfig: ca.Client(t)}}
			defer kept.CloseIdleConnections()
			ask := func() string {
				res, err := kept.Get(s.url)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				_, _ = io.Copy(io.Discard, res.Body)
				return res.TLS.PeerCertificates[0].SerialNumber.Text(16)
			}
			before := ask()
			how.next(t, s, two)
			s.serves(t, ca, two)
			if ask() != before {
				t.Error("an open connection was closed")
			}
			if n, bad := s.log.count("was read again"), s.log.count("cannot be used"); n != 1 || bad != 0 && name == "links swapped" {
				t.Errorf("%d lines in the log, and %d of files that cannot be used", n, bad)
			}
		})
	}
}

// Files that cannot be used leave the old certificate in use, and are said once, whatever is wrong with them.
func TestFilesThatCannotBeUsedKeepTheOldCertificate(t *testing.T) {
	ca := certstest.NewCA(t, "authority")
	one, two := ca.Issue(t, certstest.Named("one")), ca.Issue(t, certstest.Named("two"))
	for name, spoil := range map[string]func(t testing.TB, s *site){
		"another's key":   func(t testing.TB, s *site) { t.Helper(); certstest.Write(t, s.file("tls.key"), two.Key) },
		"half a file":     func(t testing.TB, s *site) { t.Helper(); certstest.Write(t, s.file("tls.crt"), two.Cert[:200]) },
		"an empty file":   func(t testing.TB, s *site) { t.Helper(); certstest.Write(t, s.file("tls.key"), nil) },
		"no file":         func(t testing.TB, s *site) { t.Helper(); _ = os.Remove(s.file("tls.crt")) },
		"no authority":    func(t testing.TB, s *site) { t.Helper(); certstest.Write(t, s.file("ca.crt"), []byte("nothing")) },
		"empty authority": func(t testing.TB, s *site) { t.Helper(); certstest.Write(t, s.file("ca.crt"), nil) },
		"a folder instead": func(t testing.TB, s *site) {
			t.Helper()
			_ = os.Remove(s.file("tls.key"))
			_ = os.Mkdir(s.file("tls.key"), 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{dir: t.TempDir()}
			s.write(t, one)
			certstest.Write(t, s.file("ca.crt"), ca.PEM)
			s.open(t, true)
			if detail, err := s.Check(); err != nil || !strings.HasPrefix(detail, "expires on ") {
				t.Errorf("%s %v", detail, err)
			}
			spoil(t, s)
			waitFor(t, "it is noticed", func() bool { _, err := s.Check(); return err != nil })
			time.Sleep(10 * poll) // more polls make no more lines
			if n := s.log.count("cannot be used"); n != 1 {
				t.Errorf("%d lines in the log", n)
			}
			s.serves(t, ca, one)
			if _, err := s.Check(); !strings.Contains(err.Error(), s.dir) || strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("%v", err)
			}
			_ = os.Remove(s.file("tls.key"))
			certstest.Write(t, s.file("ca.crt"), ca.PEM)
			s.write(t, two)
			s.serves(t, ca, two)
			waitFor(t, "all is well", func() bool { _, err := s.Check(); return err == nil })
		})
	}
}

func waitFor(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(poll) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// A certificate that is not valid now is served, since some callers may take it, and is warned of once.
func TestACertificateThatHasExpiredIsWarnedOf(t *testing.T) {
	ca := certstest.NewCA(t, "authority")
	template := certstest.Named("short")
	template.NotAfter = time.Now().Add(time.Hour).Truncate(time.Second)
	s := &site{dir: t.TempDir()}
	short := ca.Issue(t, template)
	s.write(t, short)
	s.open(t, false)
	if _, err := s.Check(); err != nil || !s.Expires().Equal(template.NotAfter) {
		t.Errorf("%v, expires %v", err, s.Expires())
	}
	s.ahead.Store(int64(2 * time.Hour))
	waitFor(t, "it is warned of", func() bool { return s.log.count("callers will refuse") == 1 })
	if _, err := s.Check(); err == nil || !strings.Contains(err.Error(), "CN=short expired on "+template.NotAfter.UTC().Format(time.RFC3339)) {
		t.Errorf("%v", err)
	}
	s.serves(t, ca, short) // by the clock of the caller it is valid
	time.Sleep(10 * poll)
	if n := s.log.count("callers will refuse"); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
	s.ahead.Store(int64(-2 * time.Hour))
	waitFor(t, "a certificate of tomorrow is warned of", func() bool {
		_, err := s.Check()
		return err != nil && strings.Contains(err.Error(), "not valid before")
	})
	s.ahead.Store(0)
	s.write(t, ca.Issue(t, certstest.Named("next")))
	waitFor(t, "the next one is valid", func() bool { _, err := s.Check(); return err == nil && s.Expires().After(template.NotAfter) })
}

// A client needs no certificate. One that it presents must be of the authority, for clients, and valid now; also in a session that is resumed.
func TestClientCertificates(t *testing.T) {
	ca, foreign := certstest.NewCA(t, "authority"), certstest.NewCA(t, "foreign")
	s := &site{dir: t.TempDir()}
	s.write(t, ca.Issue(t, certstest.Named("server")))
	certstest.Write(t, s.file("ca.crt"), ca.PEM)
	s.open(t, true)
	expired, early, serverOnly, soon := certstest.Named("old"), certstest.Named("early"), certstest.Named("server"), certstest.Named("soon")
	expired.NotBefore, expired.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	early.NotBefore = time.Now().Add(time.Hour)
	serverOnly.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	soon.NotAfter = time.Now().Add(time.Hour)
	for name, x := range map[string]struct {
		config *tls.Config
		want   string // "": refused
	}{
		"none":             {ca.Client(t), "HTTP/2.0 0"},
		"a valid one":      {ca.Client(t, ca.Issue(t, certstest.Named("client"))), "HTTP/2.0 1"},
		"an expired one":   {ca.Client(t, ca.Issue(t, expired)), ""},
		"one of tomorrow":  {ca.Client(t, ca.Issue(t, early)), ""},
		"of another CA":    {ca.Client(t, foreign.Issue(t, certstest.Named("client"))), ""},
		"for servers only": {ca.Client(t, ca.Issue(t, serverOnly)), ""},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			x.config.MaxVersion = version
			if _, body, err := s.get(x.config); body != x.want || (err != nil) != (x.want == "") {
				t.Errorf("%s, %s: %q, %v", name, tls.VersionName(version), body, err)
			}
		}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s.ahead.Store(0)
		certstest.Write(t, s.file("ca.crt"), append(bytes.Clone(ca.PEM), fmt.Sprintln(version)...)) // as good, and other bytes
		resumed := ca.Client(t, ca.Issue(t, soon))
		resumed.ClientSessionCache, resumed.MaxVersion = tls.NewLRUClientSessionCache(1), version
		for range 2 {
			if _, body, err := s.get(resumed); body != "HTTP/2.0 1" {
				t.Fatalf("%s %v", body, err)
			}
		}
		s.ahead.Store(int64(2 * time.Hour))
		if _, body, err := s.get(resumed); err == nil {
			t.Errorf("an expired certificate in a resumed session of %s: %s", tls.VersionName(version), body)
		}
		s.ahead.Store(0)
		if _, body, err := s.get(resumed); body != "HTTP/2.0 1" {
			t.Fatalf("%s %v", body, err)
		}
		certstest.Write(t, s.file("ca.crt"), foreign.PEM)
		waitFor(t, "its authority is no longer trusted", func() bool { _, _, err := s.get(resumed); return err != nil })
		certstest.Write(t, s.file("ca.crt"), ca.PEM)
		waitFor(t, "its authority is trusted again", func() bool { _, _, err := s.get(resumed); return err == nil })
	}
}

func TestAServerDoesNotStartWithFilesThatCannotBeUsed(t *testing.T) {
	ca := certstest.NewCA(t, "authority")
	one, two := ca.Issue(t, certstest.Named("one")), ca.Issue(t, certstest.Named("two"))
	dir := t.TempDir()
	file := func(name string, b []byte) string { return certstest.Write(t, filepath.Join(dir, name), b) }
	cert, key, authority := file("crt", one.Cert), file("key", one.Key), file("ca", ca.PEM)
	for name, o := range map[string]certs.Options{
		"no certificate": {Cert: dir + "/nosuch", Key: key},
		"no key":         {Cert: cert, Key: dir + "/nosuch"},
		"another's key":  {Cert: cert, Key: file("other", two.Key)},
		"swapped":        {Cert: key, Key: cert},
		"no authority":   {Cert: cert, Key: key, ClientCA: dir + "/nosuch"},
		"a key as one":   {Cert: cert, Key: key, ClientCA: key},
	} {
		o.Now, o.Log = time.Now, slog.New(slog.DiscardHandler)
		if _, err := certs.Open(o); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "-----") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := certs.Open(certs.Options{Cert: cert, Key: key, ClientCA: authority, Now: time.Now, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Error(err)
	}
}
