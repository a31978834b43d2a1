// Package fetch downloads list files: redirects, time and size limits, retries with back-off, and a guard at connect
// time against addresses inside the network the service runs in.
package fetch

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"interdict/lists/fault"
)

// DefaultUserAgent is what OFAC's firewall lets through: it refuses agents that do not begin with "Mozilla/" and a digit, or are shorter
// than 40 characters (seen since 2026-07-30).
const DefaultUserAgent = "Mozilla/5.0 (compatible; interdict address screening; list refresh)"

// Options of a download.
type Options struct {
	UserAgent string // "" for DefaultUserAgent
	// AllowInternal lets the download reach loopback, private and link-local addresses: an operator's own command may, a
	// server that works from settings may not.
	AllowInternal bool
	Timeout       time.Duration // for the whole download; 0 for half an hour (OFAC serves 127 MB at 190 kB/s)
}

// Get opens a download. name is the file's name by its URL. The body must be closed; it ends in an error, not in io.EOF, when it breaks off.
func Get(ctx context.Context, rawURL string, o Options) (body io.ReadCloser, name string, err error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, "", fault.E(fault.Invalid, "%.100q is no http or https URL", rawURL)
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	dialer := &net.Dialer{Timeout: 15 * time.Second}
	if !o.AllowInternal {
		dialer.Control = publicOnly
	}
	client := retryablehttp.NewClient()
	client.Logger = slog.New(slog.DiscardHandler)
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = 3, time.Second, 20*time.Second
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	client.HTTPClient = &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: 15 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute, MaxIdleConns: 1, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, "", fault.E(fault.Invalid, "download: %w", err)
	}
	agent := o.UserAgent
	if agent == "" {
		agent = DefaultUserAgent
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", "*/*")
	res, err := client.Do(req)
	if err != nil {
		return nil, "", fault.E(fault.Unavailable, "download from %s: %w", u.Host, unwrapURL(err))
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, "", fault.E(fault.Unavailable, "download from %s: status %s", u.Host, res.Status)
	}
	name = path.Base(u.Path)
	if name == "/" || name == "." {
		name = u.Hostname()
	}
	return &download{res.Body, cancel}, name, nil
}

// unwrapURL takes the URL out of an error: its query may hold a token.
func unwrapURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}

type download struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fault.E(fault.Unavailable, "the download broke off: %w", err)
	}
	return n, err
}

func (d *download) Close() error {
	defer d.cancel()
	return d.ReadCloser.Close()
}

// publicOnly refuses a connection to an address that is not a public one. It runs after the name was resolved, and on every redirect.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fault.E(fault.Forbidden, "connect to %s: %w", address, err)
	}
	if ip := at.Addr().Unmap(); !ip.IsGlobalUnicast() || ip.IsPrivate() || carrierGrade.Contains(ip) {
		return fault.E(fault.Forbidden, "%s is an internal address", ip)
	}
	return nil
}

var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")
