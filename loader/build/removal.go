package build

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// A removal removes the readings that its rows name, and nothing else. A listing without a network can have several readings (0x and 64
// hex digits is an account of Aptos and of Sui): a row that names one of them leaves the others listed, each as a listing of its network.
//
//	upload, by key ── what the layers below have of it ── named readings, and the other readings of the same listings
//	   └─ sorted by key ── removals, and what stays of the same identities, into one delta

// remove writes the delta of an upload in mode remove.
func (j *joiner) remove(ctx context.Context) error {
	r := &remover{joiner: j, stack: newStack(j.list, j.below), work: newSorter(j.in.sorter.dir), removed: map[uint64]bool{}, partly: map[uint64]bool{}}
	defer r.work.close()
	if err := r.each(ctx, j.in.sorter.groups(), r.collect); err != nil {
		return err
	}
	j.notListed = j.in.rows.Accepted + j.in.rows.Quarantined - j.in.secrets - len(r.removed)
	if err := r.each(ctx, r.work.groups(), r.decide); err != nil {
		return err
	}
	j.partlyRemoved = len(r.partly)
	return nil
}

type remover struct {
	*joiner
	stack    *stack
	work     *sorter         // identities that are named (main), and readings of the same listings that are not (digest: the listing)
	removed  map[uint64]bool // rows of the upload, by their number, that removed something
	partly   map[uint64]bool // listings that lost a reading and keep another
	readings []address.Address
	links    []address.Link
}

// each calls do for each key, with what the layers below say and its attributions.
func (r *remover) each(ctx context.Context, groups keyGroups, do func(*keyGroup) error) error {
	for batch, err := range inBatches(groups) {
		if err == nil {
			err = r.lookUp(ctx, batch)
		}
		if err == nil {
			err = r.stack.load(ctx, r.store, groupRefs(batch))
		}
		for i := range batch {
			if err == nil {
				err = do(&batch[i])
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// collect adds the identities under one key that the upload removes, and the other readings of their listings, to the work.
func (r *remover) collect(g *keyGroup) error {
	kept := r.distinct(g)
	for i := range kept {
		k := &kept[i].Ref
		if containsSame(kept[:i], k) {
			continue // the same address, from another row
		}
		listed := false
		for o := range g.old {
			if !k.Same(&g.old[o].Ref) {
				continue
			}
			listed = true
			if k.Role == 0 && k.Variant != address.VariantRaw {
				if err := r.collectOthers(g.key, &g.old[o]); err != nil {
					return err
				}
			}
		}
		if !listed {
			continue
		}
		for n := range kept {
			if kept[n].Same(k) {
				r.removed[kept[n].seq] = true
			}
		}
		if err := r.addWork(g.key, k, true, 0); err != nil {
			return err
		}
	}
	return nil
}

// collectOthers adds the readings of a listing, except the one under key, to the work.
func (r *remover) collectOthers(key address.Key, o *lists.StackRef) error {
	a := r.stack.of(o)
	readings, _, err := address.ParseListed(r.readings[:0], o.ListedText(key), a.Network, a.Asset)
	if err != nil {
		readings = readings[:0] // a raw text has no readings
	}
	r.readings = readings
	listing := r.listing(key, o)
	for i := range r.readings {
		p := &r.readings[i]
		if p.Key == key && p.Variant == o.Variant {
			continue
		}
		if err := r.addWork(p.Key, &lists.Ref{Variant: p.Variant}, false, listing); err != nil {
			return err
		}
		r.links = address.Links(r.links[:0], p, address.Listed)
		for _, link := range r.links {
			if err := r.addWork(link.Key, &lists.Ref{Variant: p.Variant, Role: link.Role, Own: p.Key}, false, listing); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *remover) addWork(key address.Key, ref *lists.Ref, named bool, listing uint64) error {
	r.buf = lists.AppendRef(r.buf[:0], &lists.Ref{Variant: ref.Variant, Role: ref.Role, Own: ref.Own, Text: rawText(ref)})
	return r.work.add(&record{hash: lists.Hash(key), key: key, main: named, digest: listing, ref: r.buf})
}

// rawText is the text that distinguishes raw references under one key.
func rawText(r *lists.Ref) string {
	if r.Variant == address.VariantRaw {
		return r.Text
	}
	return ""
}

// listing returns a digest that identifies a listing of the version: its content, its place in which file, and its text.
func (r *remover) listing(key address.Key, o *lists.StackRef) uint64 {
	a := r.stack.of(o)
	file := a.SHA256
	if a.File == "" {
		file = r.below[o.Layer].SHA256
	}
	content := contentSum(r.list, a)
	b := content[:]
	for _, s := range [...]string{file, o.FullLocator(a), o.ListedText(key)} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

// listingReading is one reading of a listing.
type listingReading struct {
	variant address.Variant
	role    address.Role
	own     address.Key
	listing uint64
}

// decide writes the removals under one key. A removal removes every listing of an identity, so what stays of the same identity is written
// again, above it: readings that are not named become listings of their network, and other listings stay as they are.
func (r *remover) decide(g *keyGroup) error {
	var named, rewritten []newRef // one for each identity
	others := map[listingReading]bool{}
	for _, k := range g.rows {
		switch {
		case !k.main:
			others[listingReading{k.Variant, k.Role, k.Own, k.digest}] = true
		case !containsSame(named, &k.Ref):
			named = append(named, k)
		}
	}
	separate := make([]bool, len(g.old)) // readings of a listing that loses the named one
	for o := range g.old {
		ref := &g.old[o].Ref
		if len(others) == 0 || containsSame(named, ref) || !others[listingReading{ref.Variant, ref.Role, ref.Own, r.listing(g.key, &g.old[o])}] {
			continue
		}
		separate[o] = true
		if !containsSame(rewritten, ref) {
			rewritten = append(rewritten, newRef{Ref: *ref})
		}
	}
	r.buf = r.buf[:0]
	for _, k := range slices.Concat(named, rewritten) {
		r.count(g, &k.Ref, !k.main, separate)
		r.draft.Removals++
		r.buf = lists.AppendRef(r.buf, &lists.Ref{Variant: k.Variant, Role: k.Role, Own: k.Own, Text: rawText(&k.Ref), Removed: true})
	}
	for o := range g.old {
		if containsSame(rewritten, &g.old[o].Ref) {
			if err := r.rewrite(g, &g.old[o], separate[o]); err != nil {
				return err
			}
		}
	}
	return r.draft.put(g.key, r.buf, g.key.Space() == address.SpaceRaw)
}

// count adds to the report what happens to the listings of one identity: either none stays, or separate ones become listings of their own.
func (r *remover) count(g *keyGroup, identity *lists.Ref, stays bool, separate []bool) {
	before, after := false, false
	for o := range g.old {
		ref := &g.old[o].Ref
		if !ref.Same(identity) {
			continue
		}
		before = before || ref.Counts()
		after = after || stays && (ref.Counts() || ref.Role == 0 && separate[o])
		switch {
		case !stays && ref.Counts():
			r.v.Diff.Removed++
			r.v.Listings--
			if ref.Variant == address.VariantRaw {
				r.v.Raw--
			}
		case !stays || !separate[o] || ref.Role != 0:
		case ref.Counts():
			r.v.Diff.Changed++
		default:
			r.v.Diff.Added++
			r.v.Listings++
		}
	}
	switch {
	case before && !after:
		r.v.Addresses--
		r.v.Gone++
	case after && !before:
		r.v.Addresses++
	}
}

// rewrite writes a stored reference again; separate: as a listing of its network, with no other reading.
func (r *remover) rewrite(g *keyGroup, o *lists.StackRef, separate bool) error {
	a, ref := r.stack.own(o)
	if separate {
		if ref.Role == 0 {
			r.partly[r.listing(g.key, o)] = true
		}
		own := g.key
		if ref.Role != 0 {
			own = ref.Own
		}
		a.Network, _, _ = address.Render(own, ref.Variant)
		ref.Also = false
	}
	var err error
	if ref.Attribution, _, err = r.in.attribution(&a); err != nil {
		return err
	}
	if ref.Counts() {
		r.draft.Listings++
	}
	r.buf = lists.AppendRef(r.buf, &ref)
	return nil
}
