package loader

import (
	"context"
	"iter"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// joiner brings the sorted rows of an upload together with what the active version says under the same
// keys, and decides what the new layer says: duplicates fall out, listings keep the version they were
// first seen in, and the diff is counted on the way.
//
//	replace: both sides are walked in the order of the keys; everything goes into a new base
//	add: only the upload's keys are looked up; what is new goes into a delta
//	remove: see remove.go
type joiner struct {
	store lists.Store
	list  lists.List // with its defaults
	mode  lists.Mode
	old   []lists.Layer
	v     *lists.Version
	in    *intake
	out   *entryFile
	// readers remembers the content digest of attributions of old layers.
	readers map[string]map[uint32]uint64

	written   int      // listings in the new layer
	rawKeys   int      // raw keys in it
	removals  int      // removals in it
	known     []string // well-known addresses that are new
	notListed int      // rows to remove that were not there
	partly    int      // listings of which one reading was removed, and others stay
	said      []uint64 // content digests of a key's old references
	buf       []byte
}

// joined is one key with the upload's references and the active version's.
type joined struct {
	key  address.Key
	rows []incoming
	old  []lists.StackRef
}

// incoming is a reference of the upload.
type incoming struct {
	lists.Ref
	seq    uint64
	main   bool
	raw    bool
	digest uint64
}

// joinBatch is how many keys are looked up in one go.
const joinBatch = 1024

func (j *joiner) run(ctx context.Context) error {
	if j.mode == lists.Remove {
		return j.remove(ctx)
	}
	batch := make([]joined, 0, joinBatch)
	flush := func() error {
		if err := j.process(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
		return nil
	}
	groups := j.uploaded()
	if j.mode == lists.Replace && len(j.old) > 0 {
		groups = j.together(ctx, groups)
	}
	for g, err := range groups {
		if err != nil {
			return err
		}
		if batch = append(batch, g); len(batch) == joinBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// groups are records grouped by key.
type groups = iter.Seq2[joined, error]

// uploaded groups the upload's records by key.
func (j *joiner) uploaded() groups { return j.in.sorter.grouped() }

// together walks the upload and the active version side by side.
func (j *joiner) together(ctx context.Context, uploaded groups) groups {
	return func(yield func(joined, error) bool) {
		next, stop := iter.Pull2(uploaded)
		defer stop()
		g, err, ok := next()
		for old, oldErr := range lists.WalkStack(ctx, j.store, j.old) {
			if oldErr != nil {
				yield(joined{}, oldErr)
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
			both := joined{key: old.Key, old: old.Refs}
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
			yield(joined{}, err)
		}
	}
}

func before(hash uint64, key address.Key, otherHash uint64, other address.Key) bool {
	return hash < otherHash || hash == otherHash && key < other
}

// process decides a batch of keys.
func (j *joiner) process(ctx context.Context, batch []joined) error {
	if j.mode != lists.Replace && len(j.old) > 0 {
		keys := make([]address.Key, len(batch))
		for i := range batch {
			keys[i] = batch[i].key
		}
		found, err := lists.LookupStack(ctx, j.store, j.old, keys)
		if err != nil {
			return err
		}
		for i := range batch {
			batch[i].old = found[i]
		}
	}
	if err := j.digests(ctx, batch); err != nil {
		return err
	}
	for i := range batch {
		if err := j.decide(&batch[i]); err != nil {
			return err
		}
	}
	return nil
}

// digests learns the content digest of all attributions that the batch's old references name.
func (j *joiner) digests(ctx context.Context, batch []joined) error {
	wanted := map[string][]uint32{}
	for _, layer := range j.old {
		if known := j.readers[layer.ID]; known == nil || len(known) > maxAttributions {
			j.readers[layer.ID] = map[uint32]uint64{}
		}
	}
	for i := range batch {
		for _, r := range batch[i].old {
			layer := j.old[r.Layer].ID
			if _, ok := j.readers[layer][r.Attribution]; !ok {
				wanted[layer] = append(wanted[layer], r.Attribution)
			}
		}
	}
	for layer, numbers := range wanted {
		slices.Sort(numbers)
		numbers = slices.Compact(numbers)
		records, err := j.store.Attributions(ctx, layer, numbers)
		if err != nil {
			return err
		}
		for i, b := range records {
			a, err := lists.DecodeAttribution(b)
			if err != nil {
				return err
			}
			j.readers[layer][numbers[i]] = contentDigest(&j.list, a)
		}
	}
	return nil
}

// distinct returns the upload's references under one key without duplicates, and counts the rows.
func (j *joiner) distinct(g *joined) []incoming {
	kept := g.rows[:0:0]
	var met map[uint64]bool // contents, where there are many
	if len(g.rows) > 64 {
		met = make(map[uint64]bool, len(g.rows))
	}
	for i := range g.rows {
		r := &g.rows[i]
		duplicate := (met == nil || met[r.digest]) && slices.ContainsFunc(kept, func(k incoming) bool { return k.digest == r.digest && k.Same(&r.Ref) })
		if met != nil {
			met[r.digest] = true
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

// decide writes what the new layer says under one key, and counts.
func (j *joiner) decide(g *joined) error {
	kept := j.distinct(g)

	// Pair what is the same listing on both sides, first by content, then by identity alone.
	const unpaired = -1
	pairOf := make([]int, len(kept))
	taken := make([]bool, len(g.old))
	pair := func(same func(k *incoming, o int) bool, then func(k *incoming)) {
		next := 0 // both sides mostly have their listings in one order
		for i := range kept {
			for n := range g.old {
				o := (next + n) % len(g.old)
				if pairOf[i] == unpaired && !taken[o] && same(&kept[i], o) && kept[i].Same(&g.old[o].Ref) {
					pairOf[i], taken[o], next = o, true, o+1
					if kept[i].Counts() {
						then(&kept[i])
					}
					break
				}
			}
		}
	}
	for i := range pairOf {
		pairOf[i] = unpaired
	}
	j.said = j.said[:0]
	for o := range g.old {
		j.said = append(j.said, j.digest(&g.old[o]))
	}
	pair(func(k *incoming, o int) bool { return j.says(j.said[o], k.digest) }, func(*incoming) { j.v.Diff.Unchanged++ })
	if j.mode == lists.Replace {
		pair(func(*incoming, int) bool { return true }, func(*incoming) { j.v.Diff.Changed++ })
		for o := range g.old {
			if !taken[o] && g.old[o].Counts() {
				j.v.Diff.Removed++
			}
		}
		j.v.Gone += gone(g.old, func(r *lists.Ref) bool { return slices.ContainsFunc(kept, func(k incoming) bool { return k.Same(r) }) })
	}
	if name := wellKnown[g.key]; name != "" && slices.ContainsFunc(kept, func(k incoming) bool { return k.Counts() }) && !listed(g.old) {
		j.known = append(j.known, name)
	}
	j.buf = j.buf[:0]
	raw := false
	for i := range kept {
		k := &kept[i]
		if o := pairOf[i]; o != unpaired {
			if j.mode == lists.Add {
				continue // the active version says so already
			}
			if k.AddedIn = g.old[o].AddedIn; k.AddedIn == 0 {
				k.AddedIn = j.old[g.old[o].Layer].Version
			}
		} else if k.Counts() {
			j.v.Diff.Added++
		}
		if k.Counts() {
			j.written++
			j.v.Listings++
			if k.Variant == address.VariantRaw {
				j.v.Raw++
			}
			if !slices.ContainsFunc(kept[:i], func(e incoming) bool { return e.Counts() && e.Same(&k.Ref) }) &&
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
		if err := roomFor(g.key, j.buf, len(below)); err != nil {
			return err
		}
	}
	return j.put(g.key, raw)
}

// rawText is what tells raw references under one key apart.
func rawText(r *lists.Ref) string {
	if r.Variant == address.VariantRaw {
		return r.Text
	}
	return ""
}

func (j *joiner) put(key address.Key, raw bool) error {
	if len(j.buf) == 0 {
		return nil
	}
	if err := roomFor(key, j.buf, 0); err != nil {
		return err
	}
	if raw {
		j.rawKeys++
	}
	return j.out.put(key, j.buf)
}

// roomFor is an error when the references of a key, and the further bytes of those that layers below have, are more than a layer can hold.
func roomFor(key address.Key, refs []byte, further int) error {
	if len(refs)+further <= lists.MaxRefs {
		return nil
	}
	all, err := lists.DecodeRefs(nil, refs)
	if err != nil {
		return err
	}
	return fault.E(fault.TooLarge, "%.80q is listed too often: %d rows and more take %d bytes, and one address has room for %d; list it with fewer rows",
		all[0].ListedText(key), len(all), len(refs)+further, lists.MaxRefs)
}

// gone counts the identities among listings under one key that are screened no longer.
func gone(old []lists.StackRef, stays func(*lists.Ref) bool) (n int) {
	for i := range old {
		r := &old[i].Ref
		if r.Counts() && !stays(r) && !slices.ContainsFunc(old[:i], func(e lists.StackRef) bool { return e.Counts() && e.Same(r) }) {
			n++
		}
	}
	return n
}

// listed reports whether any of the references is a listing.
func listed(refs []lists.StackRef) bool {
	return slices.ContainsFunc(refs, func(r lists.StackRef) bool { return r.Counts() })
}

// says reports whether a stored listing, by its digest, says what has another one. An addition is left out only if the same was stored: what a
// row leaves to its list changes with the settings.
func (j *joiner) says(stored, digest uint64) bool {
	if j.mode == lists.Add {
		return stored == digest
	}
	return stored&^openBits == digest&^openBits
}

func (j *joiner) digest(o *lists.StackRef) uint64 {
	return j.readers[j.old[o.Layer].ID][o.Attribution]
}
