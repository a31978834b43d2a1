package vault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"interdict/lists/fault"
	"interdict/screening/journal"
)

// Report is what Archive did.
type Report struct {
	Segments int      // that are in the bucket since this call, verified
	Bytes    int64    // of these
	Present  int      // segments of the folder that were in the bucket, verified, before
	LogFiles int      // of proof logs, and keys, that are in the bucket since this call
	Waiting  int      // segments that are not sealed, or whose raw file is still there
	Skipped  []string // sealed segments of format 1, which stay in the folder
}

// Archive sends all sealed segments in the journal's folder to the bucket, with the proof logs of their writers and the public keys. What the bucket
// has already is not sent again. It goes on after a segment that is damaged, or whose object has other bytes, and returns these errors
// together; after any other error it stops, and the next call continues.
func (v *Vault) Archive(ctx context.Context) (Report, error) {
	var done Report
	local, err := v.segments()
	if err != nil {
		return done, err
	}
	if err := v.archiveKeys(ctx, &done); err != nil {
		return done, err
	}
	var errs error
	for len(local) > 0 {
		n := slices.IndexFunc(local, func(s journal.Segment) bool { return s.Writer != local[0].Writer })
		if n < 0 {
			n = len(local)
		}
		err := v.archiveWriter(ctx, local[:n], &done)
		errs = errors.Join(errs, err)
		if stops(err) {
			return done, errs
		}
		local = local[n:]
	}
	return done, errs
}

// stops reports whether an error is more than one of a single segment. Those are damage and conflicts.
func stops(err error) bool {
	if err == nil {
		return false
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // of errors.Join itself: each of the errors counts
		return slices.ContainsFunc(all.Unwrap(), stops)
	}
	return !errors.As(err, new(*journal.DamageError)) && !fault.Is(err, fault.Conflict)
}

// archiveWriter sends the segments of one writer, then its log.
func (v *Vault) archiveWriter(ctx context.Context, segments []journal.Segment, done *Report) error {
	writer := segments[0].Writer
	log, errs := v.readLog(writer) // if it is damaged, the segments are sent all the same
	if stops(errs) {
		return errs
	}
	if errs == nil && log == nil && !slices.ContainsFunc(segments, func(s journal.Segment) bool { return !s.Archived }) {
		return nil
	}
	present, err := v.catalog(ctx, writer)
	if err != nil {
		return errors.Join(errs, err)
	}
	last := uint64(0) // sequence number of the newest record in the bucket
	for _, e := range present {
		last = max(last, e.last)
	}
	ended := true
	for _, s := range segments {
		switch {
		case s.Archived:
			continue
		case s.Format != 2:
			if s.Sealed {
				done.Skipped = append(done.Skipped, s.Name)
			}
			continue
		case !isSealed(s):
			ended = ended && s.Sealed
			done.Waiting++
			continue
		}
		if e := present.find(s.Name); e != nil && len(e.manifests) > 0 && (e.bytes > 0 || e.expired) {
			done.Present++
			continue
		}
		sent, err := v.archiveSegment(ctx, s.Name)
		if errs = errors.Join(errs, err); stops(err) {
			return errs
		}
		if err == nil && sent.Bytes > 0 {
			done.Segments++
			done.Bytes += sent.Bytes
			last = max(last, sent.Last)
		}
	}
	return errors.Join(errs, v.archiveLog(ctx, log, last, ended, done))
}

func isSealed(s journal.Segment) bool { return s.Sealed && !s.Raw && s.Format == 2 && !s.Archived }

// archiveSegment sends one segment. The manifest is written when the segment was read back. If the segment is dropped meanwhile, another process has
// archived it; then nothing is returned.
func (v *Vault) archiveSegment(ctx context.Context, name string) (journal.Segment, error) {
	s, err := journal.CheckSegment(ctx, v.opts.Dir, name)
	var f *os.File
	if err == nil {
		f, err = os.Open(filepath.Join(v.opts.Dir, name))
	}
	if errors.Is(err, fs.ErrNotExist) && v.dropped(name) {
		return journal.Segment{}, nil
	}
	if err != nil {
		return s, unavailable("archive "+name, err)
	}
	defer f.Close() // it can be dropped from here on: that needs a manifest
	e := &entry{SegmentSpan: journal.SegmentSpan{Writer: s.Writer, Number: s.Number, First: s.First}, name: name, last: s.Last, limit: s.Last + 1}
	retain := v.retainUntil(s.To)
	created, err := v.bucket.Create(ctx, e.object(), f, s.Bytes, s.SHA256, retain)
	if err != nil {
		return s, err
	}
	if err := v.readBack(ctx, e, s); errors.As(err, new(*journal.DamageError)) {
		return s, errors.Join(v.differs(e.object(), created), err)
	} else if err != nil {
		return s, err
	}
	m := manifestOf(s)
	data, err := m.Encode()
	if err != nil {
		return s, fault.E(fault.Internal, "manifest of %s: %w", name, err)
	}
	_, err = v.put(ctx, m.object(), data, retain)
	return s, err
}

// dropped reports whether a segment has a marker.
func (v *Vault) dropped(name string) bool {
	segments, err := v.segments()
	return err == nil && slices.ContainsFunc(segments, func(s journal.Segment) bool { return s.Name == name && s.Archived })
}

// archiveKeys sends each public key as an object.
func (v *Vault) archiveKeys(ctx context.Context, done *Report) error {
	if v.opts.Keys == nil {
		return nil
	}
	for _, key := range v.opts.Keys() {
		data := []byte(key + "\n")
		created, err := v.putNew(ctx, keysFolder+shortHash(data)+".vkey", data)
		if err != nil {
			return err
		}
		if created {
			done.LogFiles++
		}
	}
	return nil
}

// putNew is put for a name that has a hash of the bytes: what is there already is not read again in this process.
func (v *Vault) putNew(ctx context.Context, name string, data []byte) (bool, error) {
	v.mu.Lock()
	known := v.stored[name]
	v.mu.Unlock()
	if known {
		return false, nil
	}
	created, err := v.put(ctx, name, data, v.retainUntil(v.opts.Now()))
	if err == nil {
		v.mu.Lock()
		v.stored[name] = true
		v.mu.Unlock()
	}
	return created, err
}
