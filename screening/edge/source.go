package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"interdict/lists/fault"
	"interdict/screening/archive/vault"
)

// Source is where a follower reads files from. Nothing that it returns is trusted.
type Source interface {
	// Manifest returns the signed manifest; nil if it is the one with this tag, which an earlier call returned.
	Manifest(ctx context.Context, tag string) (signed []byte, newTag string, err error)
	// Object reads the object of a digest from an offset on; from is the offset at which it really begins, 0 or the one asked for.
	Object(ctx context.Context, sha256 string, offset int64) (body io.ReadCloser, from int64, err error)
	// Describe returns what the source is called in messages, without secrets.
	Describe() string
	Close() error
}

// SourceOptions are what the address of a source does not say.
type SourceOptions struct {
	Token  string              // API key of a server that is followed; "" for none
	Bucket vault.BucketOptions // of s3://
	TLS    *tls.Config         // nil: the authorities of the system
	Stall  time.Duration       // how long a connection may make no progress; 0: one minute
}

// OpenSource opens an address to follow: http:// or https:// of a server, a bucket or a cache; s3://; or a folder.
func OpenSource(ctx context.Context, address string, o SourceOptions) (Source, error) {
	u, err := parseSource(address, &o)
	if err != nil {
		return nil, err
	}
	if u == nil {
		b, err := vault.OpenBucket(ctx, address, o.Bucket)
		if err != nil {
			return nil, fault.E(fault.KindOf(err), "open what is followed: %w", err)
		}
		return bucketSource{b}, nil
	}
	stall := o.Stall
	if stall == 0 {
		stall = time.Minute
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: o.TLS, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
		ResponseHeaderTimeout: stall, IdleConnTimeout: 2 * time.Minute, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10}
	s := &httpSource{base: strings.TrimSuffix(u.String(), "/") + "/", token: o.Token, stall: stall, client: &http.Client{Transport: t}}
	s.client.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if s.token != "" || len(via) > 5 {
			return errors.New("it redirects: follow the address that it redirects to")
		}
		return nil
	}
	return s, nil
}

// CheckSource returns what OpenSource finds wrong with an address and options before it asks a server.
func CheckSource(address string, o SourceOptions) error {
	u, err := parseSource(address, &o)
	if err == nil && u == nil {
		err = vault.CheckBucket(address, o.Bucket)
	}
	return err
}

// parseSource returns the URL of a server; nil for a bucket or a folder.
func parseSource(address string, o *SourceOptions) (*url.URL, error) {
	scheme, _, ok := strings.Cut(address, "://")
	switch {
	case !ok, scheme == "s3":
		if o.Token != "" {
			return nil, fault.E(fault.Invalid, "a token is for a server that is followed over http:// or https://")
		}
		return nil, nil
	case scheme != "http" && scheme != "https":
		return nil, fault.E(fault.Invalid, "%s:// cannot be followed: use http://, https://, s3:// or the path of a folder", scheme)
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" {
		return nil, fault.E(fault.Invalid, "the address to follow is not http:// or https://, a host and a path; it has neither user nor query")
	}
	return u, nil
}

// httpSource is a server, a bucket behind HTTP, or a cache of one.
type httpSource struct {
	base   string
	token  string
	stall  time.Duration
	client *http.Client
}

func (s *httpSource) Describe() string { return s.base }

func (s *httpSource) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

func (s *httpSource) Manifest(ctx context.Context, tag string) ([]byte, string, error) {
	r, err := s.get(ctx, ManifestName, func(h http.Header) {
		h.Set("Cache-Control", "no-cache")
		if tag != "" {
			h.Set("If-None-Match", tag)
		}
	})
	if err != nil {
		return nil, "", err
	}
	defer r.Body.Close()
	switch r.StatusCode {
	case http.StatusNotModified:
		if tag == "" {
			return nil, "", fault.E(fault.Unavailable, "read %s: 304 although nothing was known", s.base+ManifestName)
		}
		return nil, tag, nil
	case http.StatusOK:
		b, err := readLimited(r.Body, s.base+ManifestName, maxManifest)
		return b, r.Header.Get("ETag"), err
	}
	return nil, "", s.refused(ManifestName, r)
}

func (s *httpSource) Object(ctx context.Context, sha256 string, offset int64) (io.ReadCloser, int64, error) {
	name := Object{SHA256: sha256}.name()
	r, err := s.get(ctx, name, func(h http.Header) {
		if offset > 0 {
			h.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		}
	})
	if err != nil {
		return nil, 0, err
	}
	switch {
	case r.StatusCode == http.StatusOK:
		return r.Body, 0, nil
	case r.StatusCode == http.StatusPartialContent && offset > 0 && strings.HasPrefix(r.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset)):
		return r.Body, offset, nil
	}
	defer r.Body.Close()
	return nil, 0, s.refused(name, r)
}

// get sends a request. The body of the response fails if it makes no progress.
func (s *httpSource) get(ctx context.Context, name string, header func(http.Header)) (*http.Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+name, http.NoBody)
	if err != nil {
		cancel()
		return nil, fault.E(fault.Invalid, "read %s: %w", s.base+name, err)
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	req.Header.Set("User-Agent", "interdict")
	header(req.Header)
	r, err := s.client.Do(req)
	if err != nil {
		cancel()
		return nil, fault.E(fault.Unavailable, "read %s: %w", s.base+name, err)
	}
	r.Body = &stallBody{r.Body, time.AfterFunc(s.stall, cancel), s.stall, cancel}
	return r, nil
}

// stallBody ends the request if a read takes too long.
type stallBody struct {
	io.ReadCloser
	timer  *time.Timer
	stall  time.Duration
	cancel context.CancelFunc
}

func (b *stallBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.stall)
	return b.ReadCloser.Read(p)
}

func (b *stallBody) Close() error {
	b.timer.Stop()
	defer b.cancel()
	return b.ReadCloser.Close()
}

// refused returns the error of a status. The body is not part of it: it comes from someone who is not trusted.
func (s *httpSource) refused(name string, r *http.Response) error {
	kind := fault.Unavailable
	if r.StatusCode == http.StatusNotFound {
		kind = fault.NotFound
	}
	hint := ""
	if r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden {
		hint = ": --follow-token must be an API key with the role checker that is not limited to lists"
	}
	return fault.E(kind, "read %s: status %d%s", s.base+name, r.StatusCode, hint)
}

// bucketSource is a folder or an S3 bucket.
type bucketSource struct{ b vault.Bucket }

func (s bucketSource) Describe() string { return s.b.Describe() }
func (s bucketSource) Close() error     { return s.b.Close() }

func (s bucketSource) Manifest(ctx context.Context, tag string) ([]byte, string, error) {
	b, err := readAll(ctx, s.b, ManifestName, maxManifest)
	if err != nil {
		return nil, "", err
	}
	if now := objectOf(b).SHA256; now != tag {
		return b, now, nil
	}
	return nil, tag, nil
}

func (s bucketSource) Object(ctx context.Context, sha256 string, offset int64) (io.ReadCloser, int64, error) {
	r, err := s.b.Open(ctx, Object{SHA256: sha256}.name())
	if err != nil || offset == 0 {
		return r, 0, err
	}
	if seeker, ok := r.(io.Seeker); ok { // a folder
		if _, err := seeker.Seek(offset, io.SeekStart); err == nil {
			return r, offset, nil
		}
	}
	return r, 0, nil
}
