// Package client is a typed client of the Interdict API.
//
//	Client.Check ── Decision: Allowed only for an understood, fresh miss; everything else holds
//	Client.…     ── one method for each operation on lists, versions, suppressions and keys
//
// A Client is safe for concurrent use and keeps connections open: make one and share it. It caches nothing, never changes the text of an
// address, and repeats only requests that change nothing.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"interdict/lists/fault"
)

// Client sends requests to one Interdict service. New makes one.
type Client struct {
	base     string
	key      string
	http     *http.Client
	retries  int
	hedge    time.Duration // 0: never
	observer Observer      // may be nil
}

// Option changes how a Client works.
type Option func(*Client)

// WithHTTPClient sets the HTTP client, for example one that presents a certificate. Redirects are still not followed: they would send
// the key to another address.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) { copied := *h; c.http = &copied }
}

// WithTLS sets the TLS configuration of connections: a private authority, a client certificate. They use HTTP/1.1, whose errors say why a server
// refuses a certificate.
func WithTLS(config *tls.Config) Option {
	return func(c *Client) {
		if t, ok := c.http.Transport.(*http.Transport); ok {
			t = t.Clone()
			t.TLSClientConfig, t.ForceAttemptHTTP2 = config, false
			c.http.Transport = t
		}
	}
}

// WithRetries sets how often a request that changes nothing is repeated after a failed connection, 429, 502, 503 or 504. The default
// is 1; 0 disables it.
func WithRetries(n int) Option { return func(c *Client) { c.retries = max(n, 0) } }

// New returns a client of the service at base ("https://interdict.internal:8080"). It sends key with each request.
func New(base, key string, options ...Option) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the address of the server must be an http or https URL without user, query and fragment")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	c := &Client{base: strings.TrimSuffix(u.String(), "/"), key: key, http: &http.Client{Transport: transport}, retries: 1}
	for _, o := range options {
		o(c)
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Error is an answer of the service that is not a success: a problem of RFC 9457 with a stable code.
type Error struct {
	Status        int      `json:"status"`
	Code          string   `json:"code"` // "invalid_address", "not_loaded", …; "" if the answer is not one of Interdict
	Title         string   `json:"title"`
	Detail        string   `json:"detail,omitempty"`
	Reason        string   `json:"reason,omitempty"`         // of invalid_address
	Network       string   `json:"network,omitempty"`        // that the address was read under
	Networks      []string `json:"networks,omitempty"`       // of reason wrong_network: what the address is
	WouldMatch    bool     `json:"would_match,omitempty"`    // only the letter case is wrong, and the address is listed
	PossibleMatch bool     `json:"possible_match,omitempty"` // the address may be listed; the record cannot be read now
	// RetryAfter is how long to wait before the next attempt; 0 if the service did not say.
	RetryAfter time.Duration `json:"-"`

	raw json.RawMessage
}

// FaultKind returns the kind of error that the code stands for. Without a known code it is fault.Unavailable.
func (e *Error) FaultKind() fault.Kind {
	if kind, ok := kinds[e.Code]; ok {
		return kind
	}
	return fault.Unavailable
}

var kinds = map[string]fault.Kind{
	"invalid_request": fault.Invalid, "invalid_address": fault.InvalidAddress, "unsupported_network": fault.UnsupportedNetwork,
	"unauthorized": fault.Unauthorized, "forbidden": fault.Forbidden, "not_found": fault.NotFound, "conflict": fault.Conflict, "precondition_failed": fault.Precondition,
	"too_large": fault.TooLarge, "unsupported_media_type": fault.UnsupportedMedia, "rate_limited": fault.RateLimited,
	"not_loaded": fault.NotLoaded, "stale": fault.Stale, "lost": fault.Lost,
}

// ProblemText returns what a problem says to people.
func ProblemText(problem json.RawMessage) string {
	var e Error
	if err := json.Unmarshal(problem, &e); err != nil || e.Code == "" {
		return "an answer that is not an error of Interdict"
	}
	return e.Error()
}

// JSON returns the problem as the service sent it, or nil.
func (e *Error) JSON() json.RawMessage { return e.raw }

func (e *Error) Error() string {
	if e.Code == "" {
		return "the server answered " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status) + ", which is not an error of Interdict: is this its address?"
	}
	text := e.Code
	for _, s := range []string{e.Reason, e.Detail} {
		if s != "" {
			text += ": " + s
		}
	}
	if e.WouldMatch {
		text += "; only the letter case is wrong, and the address in its right case is listed"
	}
	if e.PossibleMatch {
		text += "; the address may be listed: hold the transfer"
	}
	return text
}

// maxAnswer bounds an answer that is read into memory.
const maxAnswer = 64 << 20

// request is one call of the API. body makes the body anew for each attempt.
type request struct {
	method, path string
	query        url.Values
	contentType  string // of body; "" is application/json
	body         func() (io.Reader, error)
	accept       string            // "" is application/json
	match        string            // the entity tag that the resource must have; "" for any
	header       func(http.Header) // of the answer; nil: not needed
	// file marks a body that is large. It is sent when the service has not refused the request before.
	file bool
	// repeatable requests change nothing, so that sending one twice is safe.
	repeatable bool
	// hedge marks the requests of checks, which WithHedging may send twice at once.
	hedge bool
	// also is a status that is an answer, too, and no error; 0: none.
	also int
}

func jsonBody(v any) (func() (io.Reader, error), error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return func() (io.Reader, error) { return bytes.NewReader(b), nil }, nil
}

// send returns a successful response. The caller closes its body.
func (c *Client) send(ctx context.Context, r request) (res *http.Response, err error) {
	attempt := 0
	ctx, end := c.begin(ctx, r)
	defer func() { end(attempt+1, err) }()
	for ; ; attempt++ {
		res, err = c.hedged(ctx, r)
		if err == nil || !r.repeatable || attempt >= c.retries || !worthRepeating(err) {
			return res, err
		}
		wait := time.Duration(attempt+1) * 50 * time.Millisecond
		var answered *Error
		if errors.As(err, &answered) {
			wait = max(wait, answered.RetryAfter)
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(wait):
		}
	}
}

func worthRepeating(err error) bool {
	var answered *Error
	if !errors.As(err, &answered) {
		var network net.Error
		return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	}
	switch answered.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func (c *Client) once(ctx context.Context, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		var err error
		if body, err = r.body(); err != nil {
			return nil, err
		}
	}
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, errors.New("the request cannot be made") // the error would show the path, which may hold a secret
	}
	setHeader := func(name, value, other string) {
		if value == "" {
			value = other
		}
		req.Header.Set(name, value)
	}
	if body != nil {
		setHeader("Content-Type", r.contentType, "application/json")
	}
	if r.file {
		req.Header.Set("Expect", "100-continue")
	}
	if r.match != "" {
		req.Header.Set("If-Match", r.match)
	}
	setHeader("Accept", r.accept, "application/json")
	req.Header.Set("Authorization", "Bearer "+c.key)
	res, err := c.http.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the URL, which may hold a secret
		}
		return nil, fault.E(fault.Unavailable, "the server cannot be reached: %w", err)
	}
	if res.StatusCode/100 != 2 && res.StatusCode != r.also {
		defer res.Body.Close()
		return nil, readProblem(res)
	}
	return res, nil
}

// readProblem reads an answer that is not a success.
func readProblem(res *http.Response) *Error {
	e := &Error{}
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	media, _, merr := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || merr != nil || media != "application/problem+json" || json.Unmarshal(b, e) != nil || e.Code == "" {
		e = &Error{}
	} else {
		e.raw = b
	}
	e.Status = res.StatusCode
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

// do sends a request and decodes the JSON of its answer into out; nil drops it.
func (c *Client) do(ctx context.Context, r request, out any) error {
	b, err := c.read(ctx, r)
	if err != nil {
		return err
	}
	return decode(b, out)
}

// decode decodes the JSON of an answer into out; nil drops it.
func decode(b []byte, out any) error {
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fault.E(fault.Unavailable, "the server's answer cannot be read: %w", err)
	}
	return nil
}

// read sends a request and returns the whole answer, which must be JSON unless it is empty.
func (c *Client) read(ctx context.Context, r request) ([]byte, error) {
	res, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if r.header != nil {
		r.header(res.Header)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fault.E(fault.Unavailable, "the server's answer broke off: %w", err)
	case len(b) > maxAnswer:
		return nil, fault.E(fault.Unavailable, "the server's answer is larger than %d bytes", maxAnswer)
	case res.StatusCode == http.StatusNoContent:
		return nil, nil
	}
	if media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, fault.E(fault.Unavailable, "the server's answer is not JSON: is this the address of Interdict?")
	}
	return b, nil
}

func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.do(ctx, request{method: http.MethodGet, path: path, query: query, repeatable: true}, out)
}

// change sends a request that changes something. If the change waits for a second person the error is a *Proposed.
func (c *Client) change(ctx context.Context, method, path string, in, out any) error {
	return c.changeBy(ctx, request{method: method, path: path}, in, out)
}

// changeBy is change by a request without a body.
func (c *Client) changeBy(ctx context.Context, r request, in, out any) error {
	if in != nil {
		var err error
		if r.body, err = jsonBody(in); err != nil {
			return err
		}
	}
	b, err := c.read(ctx, r)
	if err != nil {
		return err
	}
	var waits Proposed
	if json.Unmarshal(b, &waits) == nil && waits.Proposal.ID != "" {
		return &waits
	}
	return decode(b, out)
}

// pathOf joins the parts of a URL's path, escaping each.
func pathOf(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

// one runs a request that fills a T, and returns nil with an error.
func one[T any](send func(*T) error) (*T, error) {
	out := new(T)
	if err := send(out); err != nil {
		return nil, err
	}
	return out, nil
}
