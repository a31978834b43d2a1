package edge

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"interdict/lists/fault"
	"interdict/screening/archive/vault"
)

const (
	// localAge is for how long one reading of the store answers all who ask for the manifest.
	localAge = time.Second
	// localPatience is how long a caller waits for the files of a new generation; then it is told to ask again.
	localPatience = 5 * time.Second
)

// Local publishes into a folder of this server, when somebody asks, for followers of this server itself.
type Local struct {
	dir string
	o   PublishOptions

	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup

	mu        sync.Mutex // guards the rest
	bucket    vault.Bucket
	publisher *Publisher
	running   chan struct{} // closed when the attempt that runs has ended; nil for none
	err       error         // of the last attempt
	at        time.Time     // when it ended
}

// NewLocal returns a Local that has not published yet. The folder is made when it is needed. It has to be closed.
func NewLocal(dir string, o PublishOptions) *Local {
	l := &Local{dir: dir, o: o}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// Close ends what is running.
func (l *Local) Close() {
	l.mu.Lock()
	l.end()
	l.mu.Unlock()
	l.work.Wait()
}

// Manifest returns the signed manifest of the current generation. fault.Unavailable: its files are not ready yet.
func (l *Local) Manifest(ctx context.Context) ([]byte, error) {
	done, err := l.start()
	if err != nil {
		return nil, err
	}
	if done != nil {
		timer := time.NewTimer(localPatience)
		defer timer.Stop()
		select {
		case <-done:
		case <-ctx.Done():
			return nil, fault.E(fault.Unavailable, "the manifest: %w", ctx.Err())
		case <-timer.C:
			return nil, fault.E(fault.Unavailable, "the files of the current generation are being written: ask again")
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	signed, _ := l.publisher.Signed()
	return signed, nil
}

// start begins an attempt unless one runs or has just succeeded. It returns a channel that is closed at its end; nil if there is nothing to wait for.
func (l *Local) start() (done chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil {
		return nil, err
	}
	switch {
	case l.running != nil:
		return l.running, nil
	case !l.at.IsZero() && l.err == nil && l.o.Now().Sub(l.at).Abs() < localAge:
		return nil, nil
	case l.life.Err() != nil:
		return nil, fault.E(fault.Unavailable, "the server is shutting down")
	}
	done = make(chan struct{})
	l.running = done
	l.work.Go(func() {
		err := l.publisher.Publish(l.life)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.err, l.at, l.running = err, l.o.Now(), nil
		close(done)
	})
	return done, nil
}

// open opens the folder. mu is held.
func (l *Local) open() error {
	if l.publisher != nil {
		return nil
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return fault.E(fault.Unavailable, "a folder for the files of the manifest: %w", err)
	}
	o := l.o
	var err error
	if l.bucket, err = vault.OpenBucket(l.life, l.dir, vault.BucketOptions{}); err != nil {
		return err
	}
	o.Bucket, o.Scratch = l.bucket, l.dir
	l.publisher = NewPublisher(o)
	return nil
}

// Object opens the object of a digest. fault.NotFound: no manifest of this server names it, or not yet; then its files are made.
func (l *Local) Object(ctx context.Context, sha256 string) (io.ReadSeekCloser, error) {
	if !IsDigest(sha256) {
		return nil, fault.E(fault.NotFound, "no such object: its name is a SHA-256 in lower-case hexadecimal digits")
	}
	l.mu.Lock()
	err := l.open()
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	body, err := l.bucket.Open(ctx, Object{SHA256: sha256}.name())
	if fault.Is(err, fault.NotFound) { // the manifest may be that of another server of the same store
		_, _ = l.start() // the follower asks again
		return nil, fault.E(fault.NotFound, "no manifest of this server names the object")
	}
	if err != nil {
		return nil, err
	}
	seeker, ok := body.(io.ReadSeekCloser)
	if !ok {
		_ = body.Close()
		return nil, fault.E(fault.Internal, "an object in a folder is not a file")
	}
	return seeker, nil
}
