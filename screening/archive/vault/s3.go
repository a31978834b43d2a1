package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"interdict/lists/fault"
)

// maxConflicts is how often a request is sent that meets another one for the same object, which has not ended.
const maxConflicts = 5

// maxPut is the largest object of one request.
const maxPut = 5 << 30

// s3 is a bucket of a server with the API of Amazon S3, which has to support If-None-Match on PUT.
type s3 struct {
	client    minio.Core
	transport *http.Transport
	bucket    string
	prefix    string // empty, or it ends with a slash
	endpoint  string
	wanted    string              // the setting lock of the address
	lock      minio.RetentionMode // empty: none
	secret    string
}

// newS3 returns the bucket that an address names. It asks no server.
func newS3(address string, opts BucketOptions) (*s3, error) {
	u, err := url.Parse(address)
	if err != nil { // the text of err has the address, in which people put secrets
		return nil, fault.E(fault.Invalid, "open bucket: the address is not s3://bucket/prefix?endpoint=…&region=…")
	}
	if u.User != nil {
		return nil, fault.E(fault.Invalid, "open bucket: the address has a user or a password; the keys are settings of their own")
	}
	settings, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fault.E(fault.Invalid, "open bucket: the address has settings that cannot be read, after its question mark")
	}
	for name := range settings {
		if !slices.Contains([]string{"endpoint", "region", "lock"}, name) {
			return nil, fault.E(fault.Invalid, "open bucket: unknown setting %q in the address: endpoint, region and lock are known", name)
		}
	}
	if u.Host == "" {
		return nil, fault.E(fault.Invalid, "open bucket: the address names no bucket: s3://bucket/prefix?endpoint=…&region=…")
	}
	if s3utils.CheckValidBucketName(u.Host) != nil {
		return nil, fault.E(fault.Invalid, "open bucket: %q cannot be the name of a bucket", u.Host)
	}
	lock := settings.Get("lock")
	switch {
	case !slices.Contains([]string{"", "compliance", "governance", "none"}, lock):
		return nil, fault.E(fault.Invalid, "open bucket: lock is compliance, governance or none")
	case opts.Unlocked && lock != "" && lock != "none":
		return nil, fault.E(fault.Invalid, "open bucket: lock=%s is for an archive; these objects are replaced and removed", lock)
	}
	if (opts.AccessKey == "") != (opts.SecretKey == "") {
		return nil, fault.E(fault.Invalid, "open bucket: an access key needs its secret key")
	}
	endpoint, secure, err := parseEndpoint(settings.Get("endpoint"))
	if err != nil {
		return nil, err
	}
	creds := credentials.NewStaticV4(opts.AccessKey, opts.SecretKey, opts.SessionToken)
	if opts.AccessKey == "" {
		creds = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: &http.Client{Timeout: 10 * time.Second}},
		})
	}
	b := &s3{bucket: u.Host, endpoint: endpoint, wanted: lock, transport: newTransport(opts), secret: opts.SecretKey}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		b.prefix = prefix + "/"
	}
	client, err := minio.NewCore(endpoint, &minio.Options{
		Creds: creds, Secure: secure, Region: settings.Get("region"), Transport: b.transport, MaxRetries: 3, TrailingHeaders: true,
	})
	if err != nil {
		return nil, fault.E(fault.Invalid, "open bucket: endpoint %q: %w", endpoint, b.clean(err))
	}
	b.client = *client
	return b, nil
}

func parseEndpoint(text string) (host string, secure bool, err error) {
	if text == "" {
		return "s3.amazonaws.com", true, nil
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", false, fault.E(fault.Invalid, "open bucket: the endpoint is not a host, or a URL that is http:// or https:// and a host")
	}
	return u.Host, u.Scheme == "https", nil
}

// newTransport returns a transport whose connections fail if they make no progress: an upload may take long, but may not hang.
func newTransport(opts BucketOptions) *http.Transport {
	stall := opts.Stall
	if stall == 0 {
		stall = time.Minute
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 10 * time.Second}
	if opts.Transport != nil {
		t = opts.Transport.Clone()
	}
	dialer := &net.Dialer{Timeout: min(stall, 10*time.Second)}
	t.DisableCompression = true
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &stallConn{conn, stall}, nil
	}
	return t
}

// stallConn is a connection that fails after a time without progress in either direction.
type stallConn struct {
	net.Conn
	stall time.Duration
}

func (c *stallConn) Read(b []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *stallConn) Write(b []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// findLock asks the bucket whether it has Object Lock. Retention of an object cannot be asked: the client does not parse what servers answer.
func (b *s3) findLock(ctx context.Context) error {
	switch b.wanted {
	case "none":
		return nil
	case "governance":
		b.lock = minio.Governance
	default:
		b.lock = minio.Compliance
	}
	enabled, _, _, _, err := b.client.GetObjectLockConfig(ctx, b.bucket)
	switch code := minio.ToErrorResponse(err).Code; {
	case err == nil && enabled == "Enabled":
		return nil
	case err == nil, code == "ObjectLockConfigurationNotFoundError", code == "NotImplemented", code == "MethodNotAllowed": // the last two: servers without Object Lock
		if b.wanted != "" {
			return fault.E(fault.Invalid, "open bucket: %s has no Object Lock", b.Describe())
		}
		b.lock = ""
		return nil
	case code == "AccessDenied":
		return fault.E(fault.Unavailable, "open bucket: ask %s whether it has Object Lock: %w: allow s3:GetBucketObjectLockConfiguration, or set lock=none", b.Describe(), b.clean(err))
	}
	return fault.E(fault.Unavailable, "open bucket: ask %s whether it has Object Lock: %w", b.Describe(), b.clean(err))
}

func (b *s3) Describe() string {
	return "s3://" + b.bucket + "/" + strings.TrimSuffix(b.prefix, "/") + " at " + b.endpoint
}

func (b *s3) Close() error {
	b.transport.CloseIdleConnections()
	return nil
}

// clean returns an error that surely does not have the secret key.
func (b *s3) clean(err error) error {
	if b.secret != "" && strings.Contains(err.Error(), b.secret) {
		return errors.New("the server sent an error that repeats the secret key")
	}
	return err
}

// fail maps an error of the client.
func (b *s3) fail(verb, name string, err error) error {
	switch minio.ToErrorResponse(err).Code {
	case "NoSuchKey", "NoSuchVersion":
		return fault.E(fault.NotFound, "%s: %s is not in %s", verb, name, b.Describe())
	case "XAmzContentSHA256Mismatch", "BadDigest":
		return fault.E(fault.Conflict, "%s %s: it was changed while it was read: %w", verb, name, b.clean(err))
	}
	return fault.E(fault.Unavailable, "%s %s in %s: %w", verb, name, b.Describe(), b.clean(err))
}

func (b *s3) Create(ctx context.Context, name string, body io.ReaderAt, size int64, sum [sha256.Size]byte, retain time.Time) (bool, error) {
	if size > maxPut {
		return false, fault.E(fault.TooLarge, "store %s: %d bytes; one request can have %d", name, size, int64(maxPut))
	}
	// The digest is signed, and stored with the object; the server compares it with the bytes.
	opts := minio.PutObjectOptions{
		DisableContentSha256: true, UserMetadata: map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(sum[:])},
	}
	opts.SetMatchETagExcept("*")
	if b.lock != "" && !retain.IsZero() {
		opts.Mode, opts.RetainUntilDate = b.lock, retain.UTC()
	}
	for attempt := 1; ; attempt++ {
		_, err := b.client.PutObject(ctx, b.bucket, b.prefix+name, io.NewSectionReader(body, 0, size), size, "", hex.EncodeToString(sum[:]), opts)
		switch code := minio.ToErrorResponse(err).Code; {
		case err == nil:
			return true, nil
		case code == "PreconditionFailed":
			return false, nil
		case code != "ConditionalRequestConflict" || attempt == maxConflicts || ctx.Err() != nil:
			return false, b.fail("store", name, err)
		}
		select {
		case <-time.After(time.Duration(attempt) * 100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// Replace tells caches to ask again before they answer with the object.
func (b *s3) Replace(ctx context.Context, name string, body []byte) error {
	sum := sha256.Sum256(body)
	opts := minio.PutObjectOptions{
		DisableContentSha256: true, CacheControl: "no-cache", UserMetadata: map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(sum[:])},
	}
	if _, err := b.client.PutObject(ctx, b.bucket, b.prefix+name, bytes.NewReader(body), int64(len(body)), "", hex.EncodeToString(sum[:]), opts); err != nil {
		return b.fail("replace", name, err)
	}
	return nil
}

func (b *s3) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	body, _, _, err := b.client.GetObject(ctx, b.bucket, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, b.fail("read", name, err)
	}
	return &s3Body{body, b, name}, nil
}

// s3Body maps the errors of a download.
type s3Body struct {
	io.ReadCloser
	b    *s3
	name string
}

func (r *s3Body) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.b.fail("read", r.name, err)
	}
	return n, err
}

func (b *s3) Stat(ctx context.Context, name string) (Object, error) {
	info, err := b.client.StatObject(ctx, b.bucket, b.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return Object{}, b.fail("read", name, err)
	}
	o := Object{Name: name, Bytes: info.Size}
	if until, err := time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date")); err == nil {
		o.RetainUntil = until
	}
	return o, nil
}

func (b *s3) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // ends the listing if the caller does
		defer cancel()
		for info := range b.client.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}) {
			if info.Err != nil {
				yield(Object{}, b.fail("list", prefix, info.Err))
				return
			}
			if !yield(Object{Name: strings.TrimPrefix(info.Key, b.prefix), Bytes: info.Size}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Object{}, fault.E(fault.Unavailable, "list %s: %w", prefix, err))
		}
	}
}

// Remove deletes all versions of an object: without a version, a bucket with versions only hides it.
func (b *s3) Remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	versions := []string{}
	for info := range b.client.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix + name, Recursive: true, WithVersions: true}) {
		if info.Err != nil {
			return b.fail("delete", name, info.Err)
		}
		if info.Key == b.prefix+name {
			versions = append(versions, info.VersionID)
		}
	}
	for _, version := range versions {
		err := b.client.RemoveObject(ctx, b.bucket, b.prefix+name, minio.RemoveObjectOptions{VersionID: version})
		if err == nil {
			continue
		}
		if locked, statErr := b.Stat(ctx, name); statErr == nil && !locked.RetainUntil.IsZero() {
			return fault.E(fault.Conflict, "delete %s: it is locked until %s: %w", name, locked.RetainUntil.UTC().Format(time.RFC3339), b.clean(err))
		}
		return b.fail("delete", name, err)
	}
	return nil
}
