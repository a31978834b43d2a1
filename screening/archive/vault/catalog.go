package vault

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
)

// catalog lists the segments in the bucket, of one writer or of all: by writer, in the order of their numbers.
type catalog []entry

func (c catalog) find(name string) *entry {
	for i := range c {
		if c[i].name == name {
			return &c[i]
		}
	}
	return nil
}

// catalog reads the names of objects. Nothing of it is kept: other servers add segments all the time.
func (v *Vault) catalog(ctx context.Context, writer uuid.UUID) (catalog, error) {
	prefixes := strings.Split("0123456789abcdef", "") // of all writers: logs and keys are many objects, and begin with other letters
	if writer != uuid.Nil {
		w := writer.String()
		prefixes = []string{w + segmentsFolder, w + manifestsFolder, w + expiredFolder}
	}
	byName := map[string]*entry{}
	for _, prefix := range prefixes {
		for o, err := range v.bucket.List(ctx, prefix) {
			if err != nil {
				return nil, err
			}
			e, ok := entryOf(o)
			if !ok {
				continue
			}
			known := byName[e.name]
			if known == nil {
				byName[e.name] = &e
				continue
			}
			known.last, known.bytes = max(known.last, e.last), max(known.bytes, e.bytes)
			known.manifests, known.expired = append(known.manifests, e.manifests...), known.expired || e.expired
		}
	}
	var c catalog
	for _, e := range byName {
		c = append(c, *e)
	}
	slices.SortFunc(c, func(a, b entry) int {
		return cmp.Or(bytes.Compare(a.Writer[:], b.Writer[:]), cmp.Compare(a.Number, b.Number), cmp.Compare(a.First, b.First), cmp.Compare(a.name, b.name))
	})
	return c, nil
}

// setLimits sets the limit of each segment, by those in the bucket and those in the folder: a segment that was begun later has precedence.
func (c catalog) setLimits(local []journal.Segment) {
	type begun struct {
		number uint32
		first  uint64
	}
	type key struct {
		writer uuid.UUID
		number uint32
	}
	later := map[uuid.UUID][]begun{}
	limits := map[key]uint64{}
	for _, e := range c {
		later[e.Writer] = append(later[e.Writer], begun{e.Number, e.First})
	}
	for _, s := range local {
		later[s.Writer] = append(later[s.Writer], begun{s.Number, s.First})
	}
	for writer, all := range later {
		slices.SortFunc(all, func(a, b begun) int { return cmp.Compare(a.number, b.number) })
		limit := uint64(math.MaxUint64)
		for i := len(all) - 1; i >= 0; i-- {
			limits[key{writer, all[i].number}] = limit
			if i > 0 && all[i-1].number != all[i].number {
				limit = min(limit, all[i].first)
			}
		}
	}
	for i := range c {
		c[i].limit = limits[key{c[i].Writer, c[i].Number}]
	}
}

// manifest returns the manifest of a segment. What is wrong with it is a *journal.DamageError.
func (v *Vault) manifest(ctx context.Context, e *entry) (Manifest, error) {
	v.mu.Lock()
	m, ok := v.manifests[e.name]
	v.mu.Unlock()
	if ok {
		return m, nil
	}
	switch len(e.manifests) {
	case 0:
		return m, v.damaged(e, e.object(), "the bucket has no manifest of it: it is being archived, or the manifest was removed")
	case 1:
	default:
		return m, v.damaged(e, e.manifests[1], "the segment has two manifests")
	}
	b, err := readObject(ctx, v.bucket, e.manifests[0])
	if fault.Is(err, fault.NotFound) {
		return m, v.damaged(e, e.manifests[0], "the manifest is missing")
	}
	if err != nil {
		return m, err
	}
	if m, err = ParseManifest(b); err != nil {
		return m, v.damaged(e, e.manifests[0], err.Error())
	}
	if m.Segment != e.name || m.object() != e.manifests[0] {
		return m, v.damaged(e, e.manifests[0], "it is the manifest of another segment, "+m.Segment)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.manifests) >= maxManifests {
		clear(v.manifests)
	}
	v.manifests[e.name] = m
	return m, nil
}

// damaged reports a segment whose records cannot be had.
func (v *Vault) damaged(e *entry, object, reason string) error {
	d := &journal.DamageError{File: v.bucket.Describe() + ": " + object, First: e.First, Reason: reason}
	if end := e.end(); len(e.manifests) > 0 && end > e.First {
		d.Missing = end - e.First
	}
	return d
}

// maxObject is the largest object that is read into memory: manifests, files of logs, keys.
const maxObject = 16 << 20

func readObject(ctx context.Context, b Bucket, name string) ([]byte, error) {
	r, err := b.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(contextReader{ctx, r}, maxObject))
	if err != nil {
		return nil, unavailable("read "+name, err)
	}
	return data, nil
}

// unavailable gives an error a kind, unless it has one.
func unavailable(what string, err error) error {
	if errors.As(err, new(fault.Kinded)) {
		return err
	}
	return fault.E(fault.Unavailable, "%s: %w", what, err)
}
