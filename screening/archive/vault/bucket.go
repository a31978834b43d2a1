package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"net/http"
	"os"
	"strings"
	"time"

	"interdict/lists/fault"
)

// Object describes an object in a bucket.
type Object struct {
	Name        string
	Bytes       int64
	RetainUntil time.Time // until when it is locked, as Stat knows it; zero: it is not, or List was asked
}

// Bucket keeps objects; those of Create never change. Its methods are safe for concurrent use, by several processes. fault.Unavailable: it cannot be reached, is full, or
// refuses what was asked; then it is not known whether an object was created. fault.NotFound: there is no object of that name.
// Names are relative paths with slashes.
type Bucket interface {
	// Create stores an object, unless there is one of that name, whatever its bytes: then created is false. It is there with all of its bytes or not at all. body has size
	// bytes with the digest sum; otherwise nothing is stored, and the error is fault.Conflict. Where the bucket can lock objects, this one is locked until
	// retain; zero: it is not.
	Create(ctx context.Context, name string, body io.ReaderAt, size int64, sum [sha256.Size]byte, retain time.Time) (created bool, err error)
	// Replace stores a small object in place of the one of that name, if there is one. Readers get the bytes of one of the two.
	Replace(ctx context.Context, name string, body []byte) error
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	Stat(ctx context.Context, name string) (Object, error)
	// List yields the objects whose names begin with a prefix, in any order.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Remove deletes an object. fault.Conflict: it is locked. It is no error if there is none.
	Remove(ctx context.Context, name string) error
	// Describe returns what the bucket is called in messages, without secrets.
	Describe() string
	Close() error
}

// BucketOptions are what the address of a bucket does not say.
type BucketOptions struct {
	// AccessKey and SecretKey are those of S3. If both are empty they are taken from the environment (AWS_ACCESS_KEY_ID …), from the shared
	// credentials file, or from the role of the machine or pod.
	AccessKey, SecretKey, SessionToken string

	// Stall is how long a connection may make no progress. Zero: one minute.
	Stall time.Duration

	// Shared lets other users of the machine read the objects in a folder, as far as the umask allows.
	Shared bool

	// Unlocked is for objects that are never locked. The bucket is then not asked whether it has Object Lock: it need not be reachable to be opened,
	// and the right to ask is not needed.
	Unlocked bool

	// TLS, if it is not nil, is used in place of the default transport's settings.
	Transport *http.Transport
}

// OpenBucket opens s3://bucket/prefix?endpoint=…&region=…&lock=… or a folder, which has to exist: a folder that is made on a mount point
// that is not mounted would be on the wrong disk.
//
// endpoint is a host, or a URL with http or https; without it, it is AWS. lock says what protects objects if the bucket has Object Lock: compliance, the default, in which no one
// can delete them early; governance, in which those with a special right can; none. If lock is given, the bucket has to have
// Object Lock.
func OpenBucket(ctx context.Context, address string, opts BucketOptions) (Bucket, error) {
	b, err := prepare(address, opts)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return openFolder(address, opts.Shared)
	}
	if opts.Unlocked {
		return b, nil
	}
	if err := b.findLock(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// CheckBucket returns what OpenBucket finds wrong with an address and options before it asks a server. It changes nothing in a folder.
func CheckBucket(address string, opts BucketOptions) error {
	_, err := prepare(address, opts)
	return err
}

// prepare returns the bucket of s3://…, which was not asked for anything yet; nil for a folder, which is there.
func prepare(address string, opts BucketOptions) (*s3, error) {
	if strings.HasPrefix(address, "s3://") {
		return newS3(address, opts)
	}
	if i := strings.Index(address, "://"); i >= 0 {
		return nil, fault.E(fault.Invalid, "open bucket: %s is not supported: s3://bucket/prefix?endpoint=…&region=…, or the path of a folder", address[:i])
	}
	info, err := os.Stat(address)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "open bucket: %w: create the folder, or mount the disk", err)
	}
	if !info.IsDir() {
		return nil, fault.E(fault.Invalid, "open bucket: %s is not a folder", address)
	}
	return nil, nil
}
