package loader

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// A removal takes away the readings that its rows name, and nothing else. A listing without a network can have several readings (0x and 64
// hex digits is an account of Aptos and of Sui): a row that names one of them leaves the others listed, each as a listing of its network.
//
//	upload, by key ── what the active version has of it ── named, and the other readings of the same listings
//	   └─ sorted by key ── removals, and what stays of the same identities, into one delta

// remove writes the delta of an upload in mode remove.
func (j *joiner) remove(ctx context.Context) error {
	r := &remover{joiner: j, side: newSide(&j.list, &lists.Version{Layers: j.old}), work: newSorter(j.in.sorter.dir),
		removed: map[uint64]bool{}, partly: map[uint64]bool{}}
	defer r.work.close()
	if err := r.each(ctx, j.uploaded(), r.name); err != nil {
		return err
	}
	j.notListed = j.in.rows.Accepted + j.in.rows.Quarantined - j.in.refused - len(r.removed)
	if err := r.each(ctx, r.work.grouped(), r.decide); err != nil {
		return err
	}
	j.partly = len(r.partly)
	return nil
}

type remover struct {
	*joiner
	side     *side
	work     *sorter         // identities that are named (main), and readings of the same listings that are not (digest: the listing)
	removed  map[uint64]bool // rows of the upload, by their number, that removed something
	partly   map[uint64]bool // listings that lost a reading and keep another
	readings []address.Address
	links    []address.Link
}

// each looks up the keys of groups in batches, with the attributions of what is found.
func (r *remover) each(ctx context.Context, groups groups, do func(*joined) error) error {
	batch := make([]joined, 0, joinBatch)
	flush := func() error {
		keys := make([]address.Key, len(batch))
		for i := range batch {
			keys[i] = batch[i].key
		}
		found, err := lists.LookupStack(ctx, r.store, r.old, keys)
		if err != nil {
			return err
		}
		known := make([]lists.StackEntry, len(batch))
		for i := range batch {
			batch[i].old, known[i].Refs = found[i], found[i]
		}
		if err := r.side.fetch(ctx, r.store, known); err != nil {
			return err
		}
		for i := range batch {
			if err := do(&batch[i]); err != nil {
				return err
			}
		}
		batch = batch[:0]
		return nil
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

// name notes the identities under one key that the upload removes, and the other readings of their listings.
func (r *remover) name(g *joined) error {
	kept := r.distinct(g)
	for i := range kept {
		k := &kept[i].Ref
		if has(kept[:i], k) {
			continue // the same address, on another word
		}
		listed := false
		for o := range g.old {
			if !k.Same(&g.old[o].Ref) {
				continue
			}
			listed = true
			if k.Role == 0 && k.Variant != address.VariantRaw {
				if err := r.nameOthers(g.key, &g.old[o]); err != nil {
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
		if err := r.note(g.key, k, true, 0); err != nil {
			return err
		}
	}
	return nil
}

// has tells whether a reference of the same identity is among some.
func has(some []incoming, ref *lists.Ref) bool {
	return slices.ContainsFunc(some, func(k incoming) bool { return k.Same(ref) })
}

// nameOthers notes the readings of a listing beside the one under key.
func (r *remover) nameOthers(key address.Key, o *lists.StackRef) (err error) {
	a := r.side.known[o.Layer][o.Attribution]
	r.readings, _, err = address.ParseListed(r.readings[:0], o.ListedText(key), a.Network, a.Asset)
	if err != nil || len(r.readings) < 2 {
		return nil // a text with one reading has no others
	}
	listing := r.listing(key, o)
	for i := range r.readings {
		p := &r.readings[i]
		if p.Key == key && p.Variant == o.Variant {
			continue
		}
		if err := r.note(p.Key, &lists.Ref{Variant: p.Variant}, false, listing); err != nil {
			return err
		}
		r.links = address.Links(r.links[:0], p, address.Listed)
		for _, link := range r.links {
			if err := r.note(link.Key, &lists.Ref{Variant: p.Variant, Role: link.Role, Own: p.Key}, false, listing); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *remover) note(key address.Key, ref *lists.Ref, named bool, listing uint64) error {
	r.buf = lists.AppendRef(r.buf[:0], &lists.Ref{Variant: ref.Variant, Role: ref.Role, Own: ref.Own, Text: rawText(ref)})
	return r.work.add(&record{hash: lists.Hash(key), key: key, main: named, digest: listing, ref: r.buf})
}

// listing tells the listings of a version apart: what is said, where it stands in which file, and the listed text.
func (r *remover) listing(key address.Key, o *lists.StackRef) uint64 {
	a := r.side.known[o.Layer][o.Attribution]
	file := a.SHA256
	if a.File == "" {
		file = r.old[o.Layer].SHA256
	}
	content := contentSum(&r.list, a)
	b := content[:]
	for _, s := range [...]string{file, o.FullLocator(a), o.ListedText(key)} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

// listedAs is one reading of a listing.
type listedAs struct {
	variant address.Variant
	role    address.Role
	own     address.Key
	listing uint64
}

// decide writes the removals under one key. A removal takes every listing of an identity, so that what stays of the same identity is
// written again, above it: readings that are not named, as listings of their network, and other listings as they are.
func (r *remover) decide(g *joined) error {
	var named, rewritten []incoming // one for each identity
	others := map[listedAs]bool{}
	for _, k := range g.rows {
		switch {
		case !k.main:
			others[listedAs{k.Variant, k.Role, k.Own, k.digest}] = true
		case !has(named, &k.Ref):
			named = append(named, k)
		}
	}
	alone := make([]bool, len(g.old)) // readings of a listing that lost the named one
	for o := range g.old {
		ref := &g.old[o].Ref
		if len(others) == 0 || has(named, ref) || !others[listedAs{ref.Variant, ref.Role, ref.Own, r.listing(g.key, &g.old[o])}] {
			continue
		}
		alone[o] = true
		if !has(rewritten, ref) {
			rewritten = append(rewritten, incoming{Ref: *ref})
		}
	}
	r.buf = r.buf[:0]
	for _, k := range slices.Concat(named, rewritten) {
		r.count(g, &k.Ref, !k.main, alone)
		r.removals++
		r.buf = lists.AppendRef(r.buf, &lists.Ref{Variant: k.Variant, Role: k.Role, Own: k.Own, Text: rawText(&k.Ref), Removed: true})
	}
	for o := range g.old {
		if has(rewritten, &g.old[o].Ref) {
			if err := r.rewrite(g, &g.old[o], alone[o]); err != nil {
				return err
			}
		}
	}
	return r.put(g.key, g.key.Space() == address.SpaceRaw)
}

// count adds to the report what happens to the listings of one identity: none stays, or those that are alone become listings of their own.
func (r *remover) count(g *joined, identity *lists.Ref, stays bool, alone []bool) {
	before, after := false, false
	for o := range g.old {
		ref := &g.old[o].Ref
		if !ref.Same(identity) {
			continue
		}
		before = before || ref.Counts()
		after = after || stays && (ref.Counts() || ref.Role == 0 && alone[o])
		switch {
		case !stays && ref.Counts():
			r.v.Diff.Removed++
			r.v.Listings--
			if ref.Variant == address.VariantRaw {
				r.v.Raw--
			}
		case !stays || !alone[o] || ref.Role != 0:
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

// rewrite writes a stored reference again; alone: as a listing of its network, of which no other reading is left.
func (r *remover) rewrite(g *joined, o *lists.StackRef, alone bool) error {
	a := *r.side.known[o.Layer][o.Attribution]
	from := &r.old[o.Layer]
	if a.File == "" {
		a.File, a.SHA256 = from.File, from.SHA256
	}
	ref := o.Ref
	if ref.AddedIn == 0 {
		ref.AddedIn = from.Version
	}
	if alone {
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
		r.written++
	}
	r.buf = lists.AppendRef(r.buf, &ref)
	return nil
}
