package loader

import (
	"context"
	"reflect"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/loader/build"
)

// The history of an address on a list is found by looking the address up in every version that was active:
//
//	generations ── when the list changed its version ── the layers of each version ── what differs from the version before
//
// Versions whose layers were dropped cannot be asked. A listing says in which version it first appeared, which reaches further back.

// AddressKeys are the keys under which an address may be listed.
type AddressKeys interface {
	Keys() []address.Key
	// Class returns the relation of a reference under key number n to the address; address.None if it is not found with it.
	Class(n int, ref *lists.Ref) address.Class
}

// ListHistory is what one list has said about an address.
type ListHistory struct {
	List      lists.List
	KnownFrom int              // the first active version that can be read
	Current   []RelatedListing // of the active version
	Events    []HistoryEvent   // the oldest first
	Archive   *ArchiveHistory  // what the publisher's delta files say; nil: nothing of this address
}

// ArchiveHistory is what a publisher's delta files say of the dates of an address.
type ArchiveHistory struct {
	From, To string // dates of the first and the last file that was read
	Unread   int    // files that are known and have not been read
	Periods  []ArchivePeriod
}

// ArchivePeriod is a time for which an address was listed.
type ArchivePeriod struct {
	lists.DeltaAddress
	lists.DeltaPeriod
	Class address.Class
}

// RelatedListing is a listing with its relation to an address.
type RelatedListing struct {
	Class address.Class
	lists.Listing
}

// HistoryEvent is a listing that came, changed or went.
type HistoryEvent struct {
	Change  string // added, changed, removed
	Version *lists.Version
	Made    *Turn // nil if the generation is not known that made it active
	Listing RelatedListing
	Before  *lists.Listing // of a changed one
}

// Turn is a generation, as far as a history needs it.
type Turn struct {
	Number int       `json:"generation"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Action string    `json:"action"`
	Lists  []struct {
		List struct {
			ID string `json:"id"`
		} `json:"list"`
		Version int `json:"version"`
	} `json:"lists"`
}

// versionOf returns the version of a list that a generation has; 0 for none.
func (t *Turn) versionOf(list string) int {
	for i := range t.Lists {
		if t.Lists[i].List.ID == list {
			return t.Lists[i].Version
		}
	}
	return 0
}

// History returns the history of an address on all lists that have or had it. may says which lists to look at; nil: all.
func (r *Reader) History(ctx context.Context, keys AddressKeys, may func(list string) bool) ([]ListHistory, error) {
	all, err := lists.ReadAll[lists.List](ctx, r.store, lists.DocLists)
	if err != nil {
		return nil, err
	}
	turns, err := lists.ReadAll[Turn](ctx, r.store, lists.DocGenerations)
	if err != nil {
		return nil, err
	}
	stored, err := r.store.Layers(ctx)
	if err != nil {
		return nil, err
	}
	out := []ListHistory{}
	for i := range all {
		if may != nil && !may(all[i].ID) {
			continue
		}
		h := historian{reader: r, keys: keys, stored: stored, out: ListHistory{List: all[i].WithDefaults()}}
		if err := h.run(ctx, turns); err != nil {
			return nil, err
		}
		if err := h.readArchive(ctx); err != nil {
			return nil, err
		}
		if len(h.out.Events) > 0 || h.out.Archive != nil {
			out = append(out, h.out)
		}
	}
	return out, nil
}

// historian finds the history of an address on one list.
type historian struct {
	reader *Reader
	keys   AddressKeys
	stored map[string]time.Time
	out    ListHistory

	versions map[int]*lists.Version
	first    map[int]*Turn // that made a version active for the first time
	found    map[int][]RelatedListing
}

func (h *historian) run(ctx context.Context, turns []Turn) error {
	list := h.out.List.ID
	versions, err := lists.ReadAll[lists.Version](ctx, h.reader.store, lists.DocVersions(list))
	if err != nil {
		return err
	}
	h.versions, h.first = map[int]*lists.Version{}, map[int]*Turn{}
	for i := range versions {
		h.versions[versions[i].Number] = &versions[i]
	}
	var changes []*Turn
	last := 0
	for i := range turns {
		if n := turns[i].versionOf(list); n != last {
			changes = append(changes, &turns[i])
			if h.first[n] == nil {
				h.first[n] = &turns[i]
			}
			last = n
		}
	}
	if err := h.lookUp(ctx); err != nil {
		return err
	}
	var before []RelatedListing
	lost := false // versions before could not be read
	shown := 0    // the version that before is of
	for _, t := range changes {
		n := t.versionOf(list)
		now, known := h.found[n]
		switch {
		case n == 0:
			if !lost {
				h.compare(h.versions[shown], t, before, nil, false)
				before = nil
			}
			continue
		case !known:
			lost = lost || h.out.KnownFrom == 0
			continue
		}
		if h.out.KnownFrom == 0 {
			h.out.KnownFrom = n
		}
		h.compare(h.versions[n], t, before, now, lost)
		before, lost, shown = now, false, n
	}
	if h.out.List.Active != 0 {
		h.out.Current = h.found[h.out.List.Active]
	}
	return nil
}

// lookUp finds the address in all versions that were active and can be read, with one look-up.
func (h *historian) lookUp(ctx context.Context) error {
	at := map[string]int{}
	var layers []string
	h.found = map[int][]RelatedListing{}
	for n := range h.first {
		v := h.versions[n]
		if v == nil || len(v.Layers) == 0 || !areIn(h.stored, v.Layers) {
			continue
		}
		h.found[n] = nil
		for _, l := range v.Layers {
			if _, ok := at[l.ID]; !ok {
				at[l.ID] = len(layers)
				layers = append(layers, l.ID)
			}
		}
	}
	keys := h.keys.Keys()
	asked := make([]lists.LayerKey, 0, len(keys)*len(layers))
	for _, k := range keys {
		for _, l := range layers {
			asked = append(asked, lists.LayerKey{Layer: l, Key: k})
		}
	}
	if len(asked) == 0 {
		return nil
	}
	entries, err := h.reader.store.Lookup(ctx, asked)
	if err != nil {
		return err
	}
	for n := range h.found {
		if h.found[n], err = h.listings(ctx, h.versions[n], keys, func(key, layer int) []byte { return entries[key*len(layers)+at[h.versions[n].Layers[layer].ID]] }); err != nil {
			return err
		}
	}
	return nil
}

// listings returns the listings of a version that are found with the address. entry returns what a layer has under a key.
func (h *historian) listings(ctx context.Context, v *lists.Version, keys []address.Key, entry func(key, layer int) []byte) ([]RelatedListing, error) {
	var refs []lists.StackRef
	var under []address.Key
	var classes []address.Class
	for k := range keys {
		found := make([][]byte, len(v.Layers))
		for l := range found {
			found[l] = entry(k, l)
		}
		all, err := lists.Resolve(found)
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			class := h.keys.Class(k, &r.Ref)
			if class == address.None {
				continue
			}
			same := func(i int) bool { // one listing has several readings and keys
				o := &refs[i]
				return o.Layer == r.Layer && o.Attribution == r.Attribution && o.Locator == r.Locator && o.ListedText(under[i]) == r.ListedText(keys[k])
			}
			i := 0
			for i < len(refs) && !same(i) {
				i++
			}
			if i == len(refs) {
				refs, under, classes = append(refs, r), append(under, keys[k]), append(classes, class)
			} else if class < classes[i] {
				refs[i], under[i], classes[i] = r, keys[k], class
			}
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	said, err := build.ListingsUnder(ctx, h.reader.store, &h.out.List, v.Layers, under, refs)
	if err != nil {
		return nil, err
	}
	out := make([]RelatedListing, len(said))
	for i := range said {
		out[i] = RelatedListing{classes[i], said[i]}
	}
	return out, nil
}

// compare adds what differs between two states of the list. v is the version of the later one, or the one that was retired. lost: the versions
// before could not be read, and a listing may have come with one of them.
func (h *historian) compare(v *lists.Version, made *Turn, before, now []RelatedListing, lost bool) {
	stays, isNew := make([]bool, len(before)), make([]bool, len(now))
	for i := range isNew {
		isNew[i] = true
	}
	for _, same := range []func(a, b *lists.Listing) bool{saysTheSame, func(a, b *lists.Listing) bool { return a.Address == b.Address }} {
		for i := range now {
			for k := range before {
				if !isNew[i] || stays[k] || !same(&before[k].Listing, &now[i].Listing) {
					continue
				}
				stays[k], isNew[i] = true, false
				if !saysTheSame(&before[k].Listing, &now[i].Listing) {
					h.add(HistoryEvent{Change: "changed", Version: v, Made: made, Listing: now[i], Before: &before[k].Listing})
				}
			}
		}
	}
	for k := range before {
		if !stays[k] {
			h.add(HistoryEvent{Change: "removed", Version: v, Made: made, Listing: before[k]})
		}
	}
	for i := range now {
		if !isNew[i] {
			continue
		}
		e := HistoryEvent{Change: "added", Version: v, Made: made, Listing: now[i]}
		if from := h.versions[now[i].AddedIn]; lost && from != nil {
			e.Version, e.Made = from, h.first[from.Number]
		}
		h.add(e)
	}
}

func (h *historian) add(e HistoryEvent) { h.out.Events = append(h.out.Events, e) }

// saysTheSame reports whether two listings say the same, wherever they stand in their files.
func saysTheSame(a, b *lists.Listing) bool {
	x, y := a.Attribution, b.Attribution
	for _, attribution := range []*lists.Attribution{&x, &y} {
		attribution.File, attribution.SHA256, attribution.LocatorPrefix, attribution.Programs = "", "", "", nil
		attribution.ListedOn, attribution.ListedOnFrom = attribution.Dated(), ""
	}
	return a.Address == b.Address && slices.Equal(a.Programs, b.Programs) && reflect.DeepEqual(x, y)
}
