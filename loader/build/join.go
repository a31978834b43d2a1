package build

import (
	"context"
	"iter"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// joiner compares the sorted rows of an upload with what the version below says under the same keys, and writes the new layer: duplicates are
// left out, listings keep the version in which they first appeared, and the difference is counted.
//
//	replace: both sides are walked in the order of the keys; everything goes into a new base
//	add: the keys of the upload are looked up; what is new goes into a delta
//	remove: see removal.go
type joiner struct {
	store   lists.Store
	list    *lists.List // with its defaults
	mode    lists.Mode
	below   []lists.Layer
	v       *lists.Version
	in      *intake
	draft   *draft
	digests attributions[uint64] // content digests of what the layers below say

	wellKnown     []string // well-known addresses that are new
	notListed     int      // rows that remove what is not on the list
	partlyRemoved int      // listings that were removed under one reading and stay under others
	stored        []uint64 // content digests of the references below, of one key
	buf           []byte
}

// newJoiner prepares to join an upload. whole: the new layer holds the whole list.
func newJoiner(store lists.Store, in *Input, v *lists.Version, rows *intake, d *draft, whole bool) *joiner {
	j := &joiner{store: store, list: rows.list, mode: v.Mode, v: v, in: rows, draft: d}
	if whole && v.Mode == lists.Add {
		j.mode = lists.Replace // of what stays and what is new
	}
	if last := in.Last; last != nil && (in.Active != nil || j.mode == lists.Replace) {
		j.below = last.Layers
		v.Diff.Against = last.Number
		if !whole {
			v.Addresses, v.Listings, v.Raw = in.Active.Addresses, in.Active.Listings, in.Active.Raw
		}
	}
	if in.Again && whole && !v.Delta {
		j.below = in.Earlier
	}
	j.digests = newAttributions(j.below, func(a *lists.Attribution) uint64 { return contentDigest(j.list, a) })
	return j
}

// keyGroup is one key with the references of the upload and those below.
type keyGroup struct {
	key  address.Key
	rows []newRef
	old  []lists.StackRef
}

// newRef is a reference of the upload.
type newRef struct {
	lists.Ref
	seq    uint64
	main   bool
	raw    bool
	digest uint64
}

func (j *joiner) run(ctx context.Context) error {
	if j.mode == lists.Remove {
		return j.remove(ctx)
	}
	groups := j.in.sorter.groups()
	if j.mode == lists.Replace && len(j.below) > 0 {
		groups = j.merged(ctx, groups)
	}
	for batch, err := range inBatches(groups) {
		if err == nil && j.mode == lists.Add {
			err = j.lookUp(ctx, batch)
		}
		if err == nil {
			err = j.digests.load(ctx, j.store, groupRefs(batch))
		}
		for i := range batch {
			if err == nil {
				err = j.decide(&batch[i])
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keyGroups are the records of an upload, key by key in the order of a layer.
type keyGroups = iter.Seq2[keyGroup, error]

// groupRefs yields the references below of each key of a batch.
func groupRefs(batch []keyGroup) iter.Seq[[]lists.StackRef] {
	return func(yield func([]lists.StackRef) bool) {
		for i := range batch {
			if !yield(batch[i].old) {
				return
			}
		}
	}
}

// merged walks the upload and the layers below side by side.
func (j *joiner) merged(ctx context.Context, uploaded keyGroups) keyGroups {
	return func(yield func(keyGroup, error) bool) {
		next, stop := iter.Pull2(uploaded)
		defer stop()
		g, err, ok := next()
		for old, oldErr := range lists.WalkStack(ctx, j.store, j.below) {
			if oldErr != nil {
				yield(keyGroup{}, oldErr)
				return
			}
			hash := lists.Hash(old.Key)
			for ok && err == nil && before(lists.Hash(g.key), g.key, hash, old.Key) {
				if !yield(g, nil) {
					return
				}
				g, err, ok = next()
			}
			if err != nil {
				break
			}
			both := keyGroup{key: old.Key, old: old.Refs}
			if ok && g.key == old.Key {
				both.rows = g.rows
				g, err, ok = next()
			}
			if !yield(both, nil) {
				return
			}
		}
		for ; ok && err == nil; g, err, ok = next() {
			if !yield(g, nil) {
				return
			}
		}
		if err != nil {
			yield(keyGroup{}, err)
		}
	}
}

// before reports whether a key comes before another one in the order of a layer.
func before(hash uint64, key address.Key, otherHash uint64, other address.Key) bool {
	return hash < otherHash || hash == otherHash && key < other
}

// lookUp fills in what the layers below say under the keys of a batch.
func (j *joiner) lookUp(ctx context.Context, batch []keyGroup) error {
	if len(j.below) == 0 {
		return nil
	}
	keys := make([]address.Key, len(batch))
	for i := range batch {
		keys[i] = batch[i].key
	}
	found, err := lists.LookupStack(ctx, j.store, j.below, keys)
	for i := range found {
		batch[i].old = found[i]
	}
	return err
}

// distinct returns the upload's references under one key without duplicates, and counts the rows.
func (j *joiner) distinct(g *keyGroup) []newRef {
	kept := g.rows[:0:0]
	var seen map[uint64]bool // content digests, where there are many
	if len(g.rows) > 64 {
		seen = make(map[uint64]bool, len(g.rows))
	}
	for i := range g.rows {
		r := &g.rows[i]
		duplicate := (seen == nil || seen[r.digest]) && slices.ContainsFunc(kept, func(k newRef) bool { return k.digest == r.digest && k.Same(&r.Ref) })
		if seen != nil {
			seen[r.digest] = true
		}
		if r.main {
			switch {
			case duplicate && r.raw:
				j.in.rows.Quarantined--
				j.in.rows.Duplicate++
			case duplicate:
				j.in.rows.Duplicate++
			case !r.raw:
				j.in.rows.Accepted++
			}
		}
		if !duplicate {
			kept = append(kept, *r)
		}
	}
	return kept
}

// unpaired marks a new reference that has no stored counterpart.
const unpaired = -1

// pair finds for each new reference the same listing among the stored ones, first by content and then by identity alone, and counts the
// difference. It returns the index of the counterpart in g.old.
func (j *joiner) pair(g *keyGroup, kept []newRef) (counterpart []int) {
	counterpart = make([]int, len(kept))
	for i := range counterpart {
		counterpart[i] = unpaired
	}
	taken := make([]bool, len(g.old))
	match := func(same func(k *newRef, o int) bool, count *int) {
		next := 0 // the listings are in the same order on both sides, most of the time
		for i := range kept {
			for n := range g.old {
				o := (next + n) % len(g.old)
				if counterpart[i] == unpaired && !taken[o] && same(&kept[i], o) && kept[i].Same(&g.old[o].Ref) {
					counterpart[i], taken[o], next = o, true, o+1
					if kept[i].Counts() {
						*count++
					}
					break
				}
			}
		}
	}
	j.stored = j.stored[:0]
	for o := range g.old {
		j.stored = append(j.stored, j.digests.of(&g.old[o]))
	}
	match(func(k *newRef, o int) bool { return j.sameContent(j.stored[o], k.digest) }, &j.v.Diff.Unchanged)
	if j.mode == lists.Replace {
		match(func(*newRef, int) bool { return true }, &j.v.Diff.Changed)
		for o := range g.old {
			if !taken[o] && g.old[o].Counts() {
				j.v.Diff.Removed++
			}
		}
		j.v.Gone += countGone(g.old, func(r *lists.Ref) bool { return containsSame(kept, r) })
	}
	return counterpart
}

// decide writes what the new layer says under one key, and counts.
func (j *joiner) decide(g *keyGroup) error {
	kept := j.distinct(g)
	counterpart := j.pair(g, kept)
	if name := wellKnown[g.key]; name != "" && slices.ContainsFunc(kept, func(k newRef) bool { return k.Counts() }) && !listed(g.old) {
		j.wellKnown = append(j.wellKnown, name)
	}
	j.buf = j.buf[:0]
	raw := false
	for i := range kept {
		k := &kept[i]
		if o := counterpart[i]; o != unpaired {
			if j.mode == lists.Add {
				continue // the layers below say so already
			}
			if k.AddedIn = g.old[o].AddedIn; k.AddedIn == 0 {
				k.AddedIn = j.below[g.old[o].Layer].Version
			}
			if k.AddedIn > j.v.Number { // the layers below are those of a later version, in which it was new again
				k.AddedIn = 0
			}
		} else if k.Counts() {
			j.v.Diff.Added++
		}
		if k.Counts() {
			j.draft.Listings++
			j.v.Listings++
			if k.Variant == address.VariantRaw {
				j.v.Raw++
			}
			if !slices.ContainsFunc(kept[:i], func(e newRef) bool { return e.Counts() && e.Same(&k.Ref) }) &&
				(j.mode == lists.Replace || !slices.ContainsFunc(g.old, func(o lists.StackRef) bool { return o.Counts() && o.Same(&k.Ref) })) {
				j.v.Addresses++
			}
		}
		raw = raw || k.Variant == address.VariantRaw
		j.buf = lists.AppendRef(j.buf, &k.Ref)
	}
	if j.mode == lists.Add && len(j.buf) > 0 && len(g.old) > 1000 {
		var below []byte
		for o := range g.old {
			below = lists.AppendRef(below, &g.old[o].Ref)
		}
		if err := checkRoom(g.key, j.buf, len(below)); err != nil {
			return err
		}
	}
	return j.draft.put(g.key, j.buf, raw)
}

// countGone counts the identities among the listings under one key that are screened no longer.
func countGone(old []lists.StackRef, stays func(*lists.Ref) bool) (n int) {
	for i := range old {
		r := &old[i].Ref
		if r.Counts() && !stays(r) && !slices.ContainsFunc(old[:i], func(e lists.StackRef) bool { return e.Counts() && e.Same(r) }) {
			n++
		}
	}
	return n
}

// containsSame reports whether some references have one of the same identity.
func containsSame(some []newRef, ref *lists.Ref) bool {
	return slices.ContainsFunc(some, func(k newRef) bool { return k.Same(ref) })
}

// listed reports whether any of the references is a listing.
func listed(refs []lists.StackRef) bool {
	return slices.ContainsFunc(refs, func(r lists.StackRef) bool { return r.Counts() })
}

// sameContent compares the content digests of a stored listing and a new one. An addition is left out only if the very same is stored: the
// meaning of what a row leaves open changes with the settings of the list.
func (j *joiner) sameContent(stored, digest uint64) bool {
	if j.mode == lists.Add {
		return stored == digest
	}
	return stored&^defaultBits == digest&^defaultBits
}
