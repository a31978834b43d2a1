package loader

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"interdict/lists"
	"interdict/lists/address"
)

// readArchive finds the address in what is kept of the publisher's delta files: as these name it, and as versions of the list had it. The latter
// finds the end of an address that was listed before the archive began, if only the removal of its entity is in a file.
func (h *historian) readArchive(ctx context.Context) error {
	a, _, err := h.reader.keptDeltas(ctx, h.out.List.ID)
	if err != nil || len(a.Read) == 0 {
		return err
	}
	dates := a.Dates(lists.DatesRead{Archive: a.URLSHA256, Read: len(a.Read)})
	found := map[lists.DeltaAddress]address.Class{}
	for i := range h.out.Events {
		x := &h.out.Events[i].Listing
		found[lists.DeltaAddress{Entity: x.Entity.ID, Asset: x.Asset, Address: x.Address}] = x.Class
	}
	keys := map[address.Key][]int{}
	for n, k := range h.keys.Keys() {
		keys[k] = append(keys[k], n)
	}
	var readings []address.Address
	for x := range dates.Addresses {
		if _, ok := found[x]; ok {
			continue
		}
		readings, _, err = address.ParseListed(readings[:0], x.Address, "", x.Asset)
		if err != nil {
			continue // not an address: a version can only have it as text
		}
		for i := range readings {
			for _, n := range keys[readings[i].Key] {
				class := h.keys.Class(n, &lists.Ref{Variant: readings[i].Variant})
				if was, ok := found[x]; class != address.None && (!ok || class < was) {
					found[x] = class
				}
			}
		}
	}
	out := ArchiveHistory{Unread: len(a.Unread)}
	for x, class := range found {
		for _, p := range dates.Periods(x) {
			out.Periods = append(out.Periods, ArchivePeriod{x, p, class})
		}
	}
	if len(out.Periods) == 0 {
		return nil
	}
	slices.SortFunc(out.Periods, func(a, b ArchivePeriod) int {
		return cmp.Or(strings.Compare(cmp.Or(a.Listed, a.Removed), cmp.Or(b.Listed, b.Removed)), strings.Compare(a.Address, b.Address),
			strings.Compare(a.Asset, b.Asset), strings.Compare(a.Entity, b.Entity))
	})
	read := a.InOrder()
	out.From, out.To = read[0].Date, read[len(read)-1].Date
	h.out.Archive = &out
	return nil
}
