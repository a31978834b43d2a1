package loader

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// deltaDiffers is the guard of a version that lacks what the publisher's own delta files have added.
const deltaDiffers = "delta_differs"

// secondOpinion compares a version with the publisher's delta files since the active version was published: an address that they add must be in
// it. It stores what it finds with the version. Delta files that could not be read, for which unread is the reason, are a warning: they decide
// nothing.
func (r *Refresher) secondOpinion(ctx context.Context, x *archiveReader, unread error, v *lists.Version) error {
	settings, _, err := r.l.List(ctx, v.List)
	if err != nil {
		return err
	}
	last, err := r.l.activeVersion(ctx, settings)
	if err != nil {
		return err
	}
	found := len(v.Warnings) + len(v.Guards)
	if w := x.warning(); w != nil {
		v.Warnings = append(v.Warnings, *w)
	}
	if last != nil && last.Published != "" && v.Published > last.Published {
		if err := r.compareWithDeltas(ctx, x, unread, last, v); err != nil {
			return err
		}
	}
	if len(v.Warnings)+len(v.Guards) == found {
		return nil
	}
	return lists.TryCommit(ctx, r.l.store, lists.Put(lists.DocVersion(v.List, v.Number), v, lists.AnyRevision))
}

func (r *Refresher) compareWithDeltas(ctx context.Context, x *archiveReader, unread error, last, v *lists.Version) error {
	added, missing := x.addedBetween(last.Published, v.Published)
	if why := errorText(cmp.Or(unread, missing)); why != "" {
		v.Warnings = append(v.Warnings, lists.Finding{Code: "no_second_opinion",
			Detail: lists.PlainText("the publisher's delta files could not be compared with this version: " + why)})
		return nil
	}
	if err := r.l.Listings(ctx, v.List, v.Number, func(l lists.Listing) error {
		delete(added, l.Address)
		return nil
	}); err != nil {
		return err
	}
	if len(added) == 0 {
		return nil
	}
	absent := make([]string, 0, len(added))
	for a, from := range added {
		absent = append(absent, a+" ("+from.locator+")")
	}
	slices.Sort(absent)
	v.Guards = append(v.Guards, lists.Finding{Code: deltaDiffers, Detail: fmt.Sprintf(
		"the publisher's delta files from %s to %s add %d addresses that this version does not have: %s", last.Published, v.Published, len(absent),
		firstOf(absent[:min(len(absent), maxNamed)], len(absent)))})
	return nil
}

// addition is where a delta file adds an address.
type addition struct{ entity, locator string }

// addedBetween returns the addresses that the files published after one date and up to another have added or named, and have not removed since.
func (x *archiveReader) addedBetween(after, to string) (map[string]addition, error) {
	for _, u := range x.a.Unread {
		if u.Date > after && u.Date <= to {
			return nil, fault.E(fault.Unavailable, "publication %s: %s", u.ID, cmp.Or(u.Error, "not read yet"))
		}
	}
	for year := yearOf(after); year <= yearOf(to); year++ {
		if _, ok := x.a.Years[year]; !ok {
			return nil, fault.E(fault.Unavailable, "the publications of %d are not known", year)
		}
	}
	added := map[string]addition{}
	for _, p := range x.a.InOrder() {
		if p.Date <= after || p.Date > to {
			continue
		}
		for _, a := range p.Removed {
			delete(added, a.Address)
		}
		for _, id := range p.Ended {
			for a, from := range added {
				if from.entity == id {
					delete(added, a)
				}
			}
		}
		for _, a := range slices.Concat(p.Added, p.Named) {
			added[a.Address] = addition{a.Entity, fmt.Sprintf("entity %s, %s", a.Entity, p.Date)}
		}
	}
	return added, nil
}

// errorText returns what an error says; "" for none.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func yearOf(date string) int {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0
	}
	return t.Year()
}
