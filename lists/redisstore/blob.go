package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

const (
	chunkBytes = 1 << 20
	// uploadTTL is the lifetime of the chunks of a blob whose upload was interrupted.
	uploadTTL = 24 * time.Hour
	// replacedTTL is the lifetime of the chunks of a replaced blob, for its present readers.
	replacedTTL = time.Minute
	// attempts is how often the record of a blob is written if other writers change it at the same time.
	attempts = 10
)

// blobMeta is the record of a blob. It is written last and removed first.
type blobMeta struct {
	Stem   string `json:"stem"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func (m *blobMeta) chunks() uint64 { return uint64(m.Size+chunkBytes-1) / chunkBytes }

func decodeBlob(r record) (*blobMeta, error) {
	m := new(blobMeta)
	if err := json.Unmarshal(r.value, m); err != nil || m.Stem == "" || m.Size < 0 {
		return nil, fmt.Errorf("record %s is %w", r.name, errDamaged)
	}
	return m, nil
}

// PutBlob stores the bytes of r under a name. An error of r keeps its kind.
func (s *Store) PutBlob(ctx context.Context, name string, r io.Reader) error {
	if err := lists.CheckBlobName(name); err != nil {
		return err
	}
	op := "write blob " + name
	m := &blobMeta{Stem: newStem()}
	err := s.upload(ctx, m, r)
	if err == nil {
		err = s.publish(ctx, name, m)
	}
	if err == nil {
		return nil
	}
	// A commit without a reply may have succeeded. Its chunks must stay then.
	if now, _, failed := s.findBlob(context.WithoutCancel(ctx), name); failed == nil && (now == nil || now.Stem != m.Stem) {
		s.discard(ctx, m)
	}
	var from *readError
	if errors.As(err, &from) && ctx.Err() == nil {
		return fmt.Errorf("read the source of blob %s: %w", name, from.err)
	}
	return s.failed(ctx, op, err)
}

// readError is an error of the reader given to PutBlob.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

// upload writes the chunks of a blob. They expire unless publish makes them permanent.
func (s *Store) upload(ctx context.Context, m *blobMeta, r io.Reader) error {
	sum := sha256.New()
	chunk := make([]byte, chunkBytes)
	for n := uint64(0); ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		size, err := io.ReadFull(whole{r}, chunk)
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return &readError{err}
		}
		if size > 0 {
			sum.Write(chunk[:size])
			m.Size += int64(size)
			c, cancel := s.bulk(ctx)
			err := s.client.Set(c, s.keys.chunk(m.Stem, n), chunk[:size], uploadTTL).Err()
			cancel()
			if err != nil {
				return err
			}
		}
		if last {
			m.SHA256 = hex.EncodeToString(sum.Sum(nil))
			return nil
		}
	}
}

// whole replaces io.ErrUnexpectedEOF of a source, which io.ReadFull also returns at the regular end.
type whole struct{ io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the source ended early")
	}
	return n, err
}

// publish makes the chunks permanent, writes the record of the blob, and lets the chunks of the replaced blob expire.
func (s *Store) publish(ctx context.Context, name string, m *blobMeta) error {
	c, cancel := s.bulk(ctx)
	defer cancel()
	if n := m.chunks(); n > 0 {
		pipe := s.client.Pipeline()
		for i := range n {
			pipe.Persist(c, s.keys.chunk(m.Stem, i))
		}
		cmds, err := pipe.Exec(c)
		if err != nil {
			return err
		}
		for _, cmd := range cmds {
			if kept, err := boolean(cmd); err != nil || !kept {
				return errors.Join(err, errors.New("a chunk was lost during the upload: try again"))
			}
		}
	}
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	for range attempts {
		found, err := s.records(c, recordBlob+name)
		if err != nil {
			return err
		}
		_, conflicting, err := s.commit(ctx, false, change{recordBlob + name, value, found[0].revision})
		if err != nil {
			return err
		}
		if conflicting == "" {
			if old, err := decodeBlob(found[0]); found[0].revision != 0 && err == nil {
				s.expire(ctx, old, replacedTTL)
			}
			return nil
		}
	}
	return conflict("blob", name)
}

func boolean(cmd any) (bool, error) {
	c, ok := cmd.(interface{ Result() (bool, error) })
	if !ok {
		return false, errDamaged
	}
	return c.Result()
}

// discard removes the chunks of a blob without a record. If it fails they expire.
func (s *Store) discard(ctx context.Context, m *blobMeta) { s.expire(context.WithoutCancel(ctx), m, 0) }

func (s *Store) expire(ctx context.Context, m *blobMeta, after time.Duration) {
	c, cancel := s.bulk(ctx)
	defer cancel()
	pipe := s.client.Pipeline()
	for i := range m.chunks() {
		pipe.Expire(c, s.keys.chunk(m.Stem, i), after)
	}
	_ = run(c, pipe)
}

// findBlob reads the record of a blob. revision is 0 if it does not exist.
func (s *Store) findBlob(ctx context.Context, name string) (*blobMeta, uint64, error) {
	c, cancel := s.bulk(ctx)
	defer cancel()
	found, err := s.records(c, recordBlob+name)
	if err != nil || found[0].revision == 0 {
		return nil, 0, err
	}
	m, err := decodeBlob(found[0])
	return m, found[0].revision, err
}

// OpenBlob opens a blob. The reader verifies the bytes when it reaches the end.
func (s *Store) OpenBlob(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := lists.CheckBlobName(name); err != nil {
		return nil, err
	}
	m, revision, err := s.findBlob(ctx, name)
	if err != nil {
		return nil, s.failed(ctx, "read blob "+name, err)
	}
	if revision == 0 {
		return nil, fault.E(fault.NotFound, "no such blob: %s", name)
	}
	return &blobReader{s: s, ctx: ctx, name: name, meta: m, sum: sha256.New()}, nil
}

type blobReader struct {
	s     *Store
	ctx   context.Context
	name  string
	meta  *blobMeta
	next  uint64 // chunk
	chunk []byte // unread rest of the last chunk
	sum   hash.Hash
}

func (b *blobReader) Read(p []byte) (int, error) {
	for len(b.chunk) == 0 {
		if b.next == b.meta.chunks() {
			if hex.EncodeToString(b.sum.Sum(nil)) != b.meta.SHA256 {
				return 0, b.failed(fmt.Errorf("it is %w", errDamaged))
			}
			return 0, io.EOF
		}
		if err := b.read(); err != nil {
			return 0, b.failed(err)
		}
	}
	n := copy(p, b.chunk)
	b.chunk = b.chunk[n:]
	return n, nil
}

func (b *blobReader) failed(err error) error { return b.s.failed(b.ctx, "read blob "+b.name, err) }

func (b *blobReader) read() error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	c, cancel := b.s.bulk(b.ctx)
	defer cancel()
	chunk, err := b.s.client.Get(c, b.s.keys.chunk(b.meta.Stem, b.next)).Bytes()
	if err != nil {
		return err
	}
	want := min(chunkBytes, b.meta.Size-int64(b.next)*chunkBytes)
	if int64(len(chunk)) != want {
		return fmt.Errorf("it is %w", errDamaged)
	}
	b.sum.Write(chunk)
	b.next++
	b.chunk = chunk
	return nil
}

func (b *blobReader) Close() error { return nil }

// DropBlob removes a blob: first its record, so that no reader finds a part of it.
func (s *Store) DropBlob(ctx context.Context, name string) error {
	if err := lists.CheckBlobName(name); err != nil {
		return err
	}
	op := "drop blob " + name
	for range attempts {
		m, revision, err := s.findBlob(ctx, name)
		if err != nil || revision == 0 {
			return s.failed(ctx, op, err)
		}
		_, conflicting, err := s.commit(ctx, false, change{recordBlob + name, nil, revision})
		if err != nil {
			return s.failed(ctx, op, err)
		}
		if conflicting == "" {
			s.discard(ctx, m)
			return nil
		}
	}
	return conflict("blob", name)
}

// Blobs returns the names of all blobs.
func (s *Store) Blobs(ctx context.Context) ([]string, error) {
	found, err := s.scan(ctx, recordBlob)
	if err != nil {
		return nil, s.failed(ctx, "list blobs", err)
	}
	names := make([]string, len(found))
	for i, r := range found {
		names[i] = strings.TrimPrefix(r.name, recordBlob)
	}
	return names, nil
}
