package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/egress"
	"interdict/lists/fault"
)

const (
	userAgent = "interdict-webhook"
	// maxRetryAfter is the largest Retry-After that is honoured.
	maxRetryAfter = time.Hour
	// grace is how long requests that are under way may go on when the process ends, so that few are repeated.
	grace = 2 * time.Second
)

// poster makes requests. It uses no proxy, follows no redirect, and reads no body of an answer.
type poster struct {
	timeout time.Duration
	now     func() time.Time
	https   *http.Client // to public addresses, and those that are allowed
	http    *http.Client // plain http, to those that are allowed
}

func newPoster(guard egress.Guard, timeout time.Duration, now func() time.Time, resolver *net.Resolver, config *tls.Config) *poster {
	client := func(check func(netip.Addr) error) *http.Client {
		d := &net.Dialer{Timeout: timeout, Resolver: resolver, Control: egress.Control(check)}
		return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{DialContext: d.DialContext, TLSClientConfig: config, MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
	}
	return &poster{timeout, now, client(guard.Check), client(guard.CheckAllowed)}
}

// post makes one attempt. after is how long the receiver asked to wait; 0: not.
func (p *poster) post(ctx context.Context, e *Endpoint, d *Delivery) (a Attempt, after time.Duration) {
	a.At = p.now().UTC()
	begun := time.Now()
	status, after, err := p.send(ctx, e, d, a.At)
	a.Status, a.Duration = status, time.Since(begun).Milliseconds()
	switch {
	case err != nil:
		a.Error = lists.Truncate(lists.PlainText(err.Error()), 500)
	case status >= 300 && status < 400:
		a.Error = fmt.Sprintf("status %d: redirects are not followed", status)
	case status < 200 || status >= 300:
		a.Error = strings.TrimSpace(fmt.Sprintf("status %d %s", status, http.StatusText(status)))
	}
	return a, after
}

func (p *poster) send(ctx context.Context, e *Endpoint, d *Delivery, at time.Time) (status int, after time.Duration, err error) {
	signature, err := sign(e.secrets(at), d.ID, at, d.Payload)
	if err != nil {
		return 0, 0, err
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, e.URL, bytes.NewReader(d.Payload))
	if err != nil {
		return 0, 0, errors.New("the URL is not valid in a request") // the error would show it
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("webhook-id", d.ID)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	req.Header.Set("webhook-signature", signature)
	client := p.https
	if req.URL.Scheme == "http" {
		client = p.http
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, 0, p.requestError(limited, err)
	}
	res.Body.Close()
	return res.StatusCode, retryAfter(res), nil
}

// requestError describes why there was no answer, without the URL.
func (p *poster) requestError(limited context.Context, err error) error {
	var certificate *tls.CertificateVerificationError
	switch {
	case fault.Is(err, fault.Forbidden):
		return fmt.Errorf("%w: --webhook-allow names internal networks that may be reached", egress.WithoutURL(err))
	case errors.As(err, &certificate):
		return fmt.Errorf("its TLS certificate is not trusted: %w", certificate.Err)
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		return fmt.Errorf("no answer within %s", p.timeout)
	}
	return egress.WithoutURL(err)
}

// retryAfter reads Retry-After in seconds (RFC 9110, section 10.2.3) from an answer that says to come back later.
func retryAfter(res *http.Response) time.Duration {
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || seconds < 0 || res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	return min(time.Duration(min(seconds, 1e6))*time.Second, maxRetryAfter)
}
