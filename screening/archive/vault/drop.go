package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
)

// Dropped is what DropLocal or Expire did.
type Dropped struct {
	Segments []string // dropped from the folder by DropLocal, deleted from the bucket by Expire
	Bytes    int64
	Kept     []Kept // segments that are old enough, but were kept
}

// Kept is a segment that was kept, and why.
type Kept struct {
	Segment string
	Reason  string
}

func (d *Dropped) keep(segment, format string, args ...any) {
	d.Kept = append(d.Kept, Kept{segment, fmt.Sprintf(format, args...)})
}

// DropLocal replaces sealed segments in the journal's folder by markers, if all of their records are older than before, and no hold covers one of
// them. Each is read back from the bucket first, entirely, and compared with the file. A segment is kept while the proof log of its writer does not have all of
// its records on disk. Segments that are not sealed are never dropped.
func (v *Vault) DropLocal(ctx context.Context, before time.Time, holds Holds) (Dropped, error) {
	var done Dropped
	if _, err := holds.read(ctx); err != nil {
		return done, err
	}
	local, err := v.segments()
	if err != nil {
		return done, err
	}
	var present catalog
	var of uuid.UUID
	var errs error
	for _, s := range local {
		if span, ok := journal.ParseSegmentName(s.Name); !isSealed(s) || !ok || span.To >= journal.Millis(before) {
			continue
		}
		if of != s.Writer {
			if present, err = v.catalog(ctx, s.Writer); err != nil {
				return done, errors.Join(errs, err)
			}
			of = s.Writer
		}
		err := v.dropOne(ctx, s.Name, present, holds, &done)
		if errs = errors.Join(errs, err); stops(err) {
			return done, errs
		}
	}
	return done, errs
}

func (v *Vault) dropOne(ctx context.Context, name string, present catalog, holds Holds, done *Dropped) error {
	s, err := journal.DescribeSegment(v.opts.Dir, name)
	if errors.Is(err, fs.ErrNotExist) && v.dropped(name) {
		return nil // by another process
	}
	if err != nil {
		return err
	}
	if h, ok, err := holds.covering(ctx, s.From, s.To); err != nil {
		return err
	} else if ok {
		done.keep(s.Name, "hold %s", h.ID)
		return nil
	}
	if why := v.unproven(s); why != "" {
		done.keep(s.Name, "%s", why)
		return nil
	}
	e := present.find(s.Name)
	if e == nil || len(e.manifests) == 0 {
		done.keep(s.Name, "it is not archived")
		return nil
	}
	checked, err := journal.CheckSegment(ctx, v.opts.Dir, s.Name)
	if errors.Is(err, fs.ErrNotExist) && v.dropped(s.Name) {
		return nil
	}
	if err != nil {
		return err
	}
	e.limit = s.Last + 1
	m, err := v.manifest(ctx, e)
	if err != nil {
		return err
	}
	if m != manifestOf(checked) {
		return v.differs(e.object(), false)
	}
	if e.bytes == 0 && e.expired && s.To.Before(v.opts.Now().Add(-v.opts.Retention)) {
		err = v.checkExpired(ctx, e) // another server deleted it: only the copy here is left
	} else {
		err = v.readBack(ctx, e, checked)
	}
	if err != nil {
		return err
	}
	if err := journal.MarkArchived(v.opts.Dir, checked, v.Describe()); err != nil {
		if errors.Is(err, fs.ErrNotExist) && v.dropped(s.Name) {
			return nil // by another process
		}
		return err
	}
	done.Segments = append(done.Segments, s.Name)
	done.Bytes += s.Bytes
	return nil
}

// unproven says why the proof log of a segment's writer still needs its records; empty: it does not. A log that is opened again reads the records
// after its synced checkpoint, and the last one before.
func (v *Vault) unproven(s journal.Segment) string {
	dir := ""
	if v.opts.Log != nil {
		dir = v.opts.Log(s.Writer)
	}
	if dir == "" {
		return ""
	}
	synced, err := os.ReadFile(filepath.Join(dir, "synced"))
	if err != nil {
		return "the proof log does not have its records: " + err.Error()
	}
	size, err := checkpointSize(synced)
	if err != nil {
		return "the proof log does not have its records: " + err.Error()
	}
	if size < s.Last {
		return fmt.Sprintf("the proof log has %d of its %d records on disk", size, s.Last)
	}
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("%s.%d", fileCheckpoint, size))); err != nil && size == s.Last {
		return "the proof log is not closed, and its last record is in it"
	}
	return ""
}

// Expiry is the object that Expire leaves of a segment.
type Expiry struct {
	Segment string    `json:"segment"`
	SHA256  string    `json:"sha256"`
	At      time.Time `json:"at"`     // when it was deleted
	Before  time.Time `json:"before"` // all of its records were older
}

// ExpiredError reports records that were deleted after the retention.
type ExpiredError struct {
	Segment     string
	Writer      uuid.UUID
	First, Last uint64
	Expiry      Expiry
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("the records %d to %d of writer %s were deleted on %s, after the retention: segment %s",
		e.First, e.Last, e.Writer, e.Expiry.At.UTC().Format(time.DateOnly), e.Segment)
}

// FaultKind returns fault.NotFound.
func (e *ExpiredError) FaultKind() fault.Kind { return fault.NotFound }

// expiredError returns the *ExpiredError of a segment. Without a manifest or with an expiry that is not of this segment, it is damage.
func (v *Vault) expiredError(ctx context.Context, e *entry) error {
	m, err := v.manifest(ctx, e)
	if err != nil {
		return err
	}
	b, err := readObject(ctx, v.bucket, e.expiry())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	var x Expiry
	if err == nil {
		err = json.Unmarshal(b, &x)
	}
	if err != nil || x.Segment != e.name || x.SHA256 != m.SHA256 || !m.To.Before(x.Before) || !m.To.Before(v.opts.Now().Add(-v.opts.Retention)) {
		return v.damaged(e, e.expiry(), "the segment is missing, and this object does not say that it was deleted after the retention")
	}
	return &ExpiredError{Segment: e.name, Writer: e.Writer, First: e.First, Last: e.end() - 1, Expiry: x}
}

func (v *Vault) checkExpired(ctx context.Context, e *entry) error {
	err := v.expiredError(ctx, e)
	if errors.As(err, new(*ExpiredError)) {
		return nil
	}
	return err
}

// Expire deletes the segments in the bucket, of all writers, all of whose records are older than before; zero: older than the retention. It keeps those that a hold
// covers, those that are locked, and those that are still in the journal's folder. The manifests and the logs, which have hashes only, stay, and so
// does an object that says what was deleted.
func (v *Vault) Expire(ctx context.Context, before time.Time, holds Holds) (Dropped, error) {
	var done Dropped
	latest := v.opts.Now().Add(-v.opts.Retention)
	if before.IsZero() {
		before = latest
	}
	if before.After(latest) {
		return done, fault.E(fault.Invalid, "expire records before %s: they are kept until they are %d days old, and those of %s are not",
			before.UTC().Format(time.RFC3339), int(v.opts.Retention.Hours()/24), before.UTC().Format(time.DateOnly))
	}
	if _, err := holds.read(ctx); err != nil {
		return done, err
	}
	local, err := v.segments()
	if err != nil {
		return done, err
	}
	here := map[string]bool{}
	for _, s := range local {
		here[s.Name] = !s.Archived
	}
	c, err := v.catalog(ctx, uuid.Nil)
	if err != nil {
		return done, err
	}
	c.setLimits(local)
	var errs error
	for i := range c {
		if e := &c[i]; e.bytes > 0 && e.To < journal.Millis(before) {
			err := v.expireOne(ctx, e, before, holds, here[e.name], &done)
			if errs = errors.Join(errs, err); stops(err) {
				return done, errs
			}
		}
	}
	return done, errs
}

func (v *Vault) expireOne(ctx context.Context, e *entry, before time.Time, holds Holds, here bool, done *Dropped) error {
	m, err := v.manifest(ctx, e)
	if err != nil {
		return err
	}
	if !m.To.Before(before) {
		return nil
	}
	if h, ok, err := holds.covering(ctx, m.From, m.To); err != nil {
		return err
	} else if ok {
		done.keep(e.name, "hold %s", h.ID)
		return nil
	}
	if here {
		done.keep(e.name, "it is still in %s", v.opts.Dir)
		return nil
	}
	o, err := v.bucket.Stat(ctx, e.object())
	if err != nil {
		return err
	}
	if o.RetainUntil.After(v.opts.Now()) {
		done.keep(e.name, "it is locked until %s", o.RetainUntil.UTC().Format(time.RFC3339))
		return nil
	}
	if !e.expired { // of an earlier attempt otherwise
		data, err := json.Marshal(Expiry{Segment: e.name, SHA256: m.SHA256, At: v.opts.Now().UTC(), Before: before.UTC()})
		if err != nil {
			return fault.E(fault.Internal, "expire %s: %w", e.name, err)
		}
		if _, err := v.bucket.Create(ctx, e.expiry(), bytes.NewReader(data), int64(len(data)), sha256.Sum256(data), time.Time{}); err != nil {
			return err
		}
	}
	if err := v.checkExpired(ctx, e); err != nil {
		return err
	}
	if err := v.bucket.Remove(ctx, e.object()); fault.Is(err, fault.Conflict) {
		done.keep(e.name, "%v", err)
		return nil
	} else if err != nil {
		return err
	}
	done.Segments = append(done.Segments, e.name)
	done.Bytes += m.Bytes
	return nil
}
