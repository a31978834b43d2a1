package lists

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// DeltaArchive is what has been read of a publisher's archive of delta files, for one list. Nothing in it decides whether an address is listed.
//
//	archive ── the publications of a year ── Unread ── the file of each ── Read ── Dates: when an address was listed and removed
type DeltaArchive struct {
	URLSHA256 string `json:"url_sha256"` // of the URL of the archive, without user and password
	// Read are the files that have been read, in the order of reading. It only grows: the first n of it are what was known at an earlier time.
	Read   []Publication       `json:"read"`
	Unread []UnreadPublication `json:"unread,omitempty"` // the newest first
	// Years are those whose publications are known. The value is true if no publication can be missing, because the year had ended.
	Years map[int]bool `json:"years,omitempty"`
	// Full is true once the archive has outgrown what a store keeps of it. Nothing is added any more.
	Full bool `json:"full,omitempty"`
}

// Publication is what the delta file of one publication says about addresses. Few files say anything.
type Publication struct {
	ID      string         `json:"id"`
	Date    string         `json:"date"` // YYYY-MM-DD
	Added   []DeltaAddress `json:"added,omitempty"`
	Removed []DeltaAddress `json:"removed,omitempty"`
	// Named are addresses of changed parties. Some may be new: a file can repeat what has not changed.
	Named []DeltaAddress `json:"named,omitempty"`
	Ended []string       `json:"ended,omitempty"` // ids of entities that were removed
}

// DeltaAddress is an address as a delta file has it: of one entity, with one label.
type DeltaAddress struct {
	Entity  string `json:"entity"`
	Asset   string `json:"asset,omitempty"`
	Address string `json:"address"`
}

// UnreadPublication is a publication whose file has not been read.
type UnreadPublication struct {
	ID    string `json:"id"`
	Date  string `json:"date"`
	Tries int    `json:"tries,omitempty"` // that ended with an unusable file
	Error string `json:"error,omitempty"`
}

const (
	// FirstDeltaYear is the first year of OFAC's archive.
	FirstDeltaYear = 2023
	// MaxDeltaArchive bounds the stored archive in bytes: a document may have 8 MiB. OFAC's needs about 1 MiB for ten years.
	MaxDeltaArchive = 4 << 20
)

// Has reports whether a publication has been read, or waits to be.
func (a *DeltaArchive) Has(id string) bool {
	return slices.ContainsFunc(a.Read, func(p Publication) bool { return p.ID == id }) ||
		slices.ContainsFunc(a.Unread, func(p UnreadPublication) bool { return p.ID == id })
}

// CompleteAfter returns the date after which at most one publication up to year has not been read. One missing file cannot make a date of
// listing wrong: if it removed an address that is listed, another file has added it again, and the two contradict one another.
func (a *DeltaArchive) CompleteAfter(year int) string {
	date := fmt.Sprintf("%d-12-31", FirstDeltaYear-1)
	for y := year; y >= FirstDeltaYear; y-- {
		if _, ok := a.Years[y]; !ok {
			date = fmt.Sprintf("%d-12-31", y)
			break
		}
	}
	if len(a.Unread) > 1 {
		dates := make([]string, len(a.Unread))
		for i, p := range a.Unread {
			dates[i] = p.Date
		}
		slices.Sort(dates)
		date = max(date, dates[len(dates)-2])
	}
	return date
}

// InOrder returns the files that have been read in the order of their publication.
func (a *DeltaArchive) InOrder() []*Publication { return inOrder(a.Read) }

func inOrder(read []Publication) []*Publication {
	out := make([]*Publication, len(read))
	for i := range read {
		out[i] = &read[i]
	}
	slices.SortFunc(out, comparePublications)
	return out
}

// comparePublications orders publications by date, and those of one day by number.
func comparePublications(x, y *Publication) int {
	return cmp.Or(strings.Compare(x.Date, y.Date), cmp.Compare(len(x.ID), len(y.ID)), strings.Compare(x.ID, y.ID))
}

// DatesRead says from which part of a DeltaArchive the dates of a version are. Reading its bytes again gives the same dates.
type DatesRead struct {
	Archive string `json:"archive"` // DeltaArchive.URLSHA256
	Read    int    `json:"read"`    // files
	After   string `json:"after"`   // DeltaArchive.CompleteAfter
}

// DeltaDates are the dates of addresses, from delta files.
type DeltaDates struct {
	after  string
	events map[DeltaAddress][]deltaEvent // ordered by date
	ended  map[string][]deltaEvent       // by entity
}

type deltaEvent struct {
	*Publication
	added, removed, ended bool
}

// Dates returns what the first files that were read say; nil if they are not those of this archive.
func (a *DeltaArchive) Dates(from DatesRead) *DeltaDates {
	if from.Archive != a.URLSHA256 || from.Read > len(a.Read) {
		return nil
	}
	d := &DeltaDates{after: from.After, events: map[DeltaAddress][]deltaEvent{}, ended: map[string][]deltaEvent{}}
	for _, p := range inOrder(a.Read[:from.Read]) {
		at := func(x DeltaAddress) *deltaEvent {
			all := d.events[x]
			if n := len(all); n == 0 || all[n-1].Publication != p {
				all = append(all, deltaEvent{Publication: p})
				d.events[x] = all
			}
			return &all[len(all)-1]
		}
		for _, x := range p.Added {
			at(x).added = true
		}
		for _, x := range p.Removed {
			at(x).removed = true
		}
		for _, id := range p.Ended {
			d.ended[id] = append(d.ended[id], deltaEvent{Publication: p, ended: true})
		}
	}
	return d
}

// DeltaPeriod is a time for which an address was listed. A date is "" if no file says it, or if files contradict one another.
type DeltaPeriod struct {
	Listed, ListedIn   string // YYYY-MM-DD, and the id of the publication
	Removed, RemovedIn string // "": it was not removed
	Contradicted       bool   // files disagree
}

// Periods returns the periods of an address, the oldest first. The first one has no date of listing if the address was listed before the
// archive began.
func (d *DeltaDates) Periods(x DeltaAddress) []DeltaPeriod {
	all := slices.Concat(d.events[x], d.ended[x.Entity])
	slices.SortStableFunc(all, func(a, b deltaEvent) int { return comparePublications(a.Publication, b.Publication) })
	var out []DeltaPeriod
	for i := 0; i < len(all); i++ {
		e := all[i]
		if i+1 < len(all) && all[i+1].Publication == e.Publication {
			i++
			e.ended = true
		}
		last := func() *DeltaPeriod { return &out[len(out)-1] }
		open := len(out) > 0 && last().RemovedIn == ""
		switch gone := e.removed || e.ended; {
		case e.added && gone: // the file writes it anew
		case e.added && open:
			last().Listed, last().ListedIn, last().Contradicted = "", "", true
		case e.added:
			out = append(out, DeltaPeriod{Listed: e.Date, ListedIn: e.ID})
		case open:
			last().Removed, last().RemovedIn = e.Date, e.ID
		case len(out) == 0:
			out = append(out, DeltaPeriod{Removed: e.Date, RemovedIn: e.ID})
		case e.removed: // removed already: by its entity at the latest
			last().Removed, last().Contradicted = "", true
		}
	}
	return out
}

// ListedOn returns since when an address that is listed has been so, and the publication that says it; "" if that is not known.
// A date about which files disagree is none.
func (d *DeltaDates) ListedOn(x DeltaAddress) (date, publication string) {
	if len(d.events[x]) == 0 {
		return "", ""
	}
	all := d.Periods(x)
	if len(all) == 0 {
		return "", ""
	}
	last := all[len(all)-1]
	if last.RemovedIn != "" || last.Listed <= d.after {
		return "", ""
	}
	return last.Listed, last.ListedIn
}

// Addresses yields every address of which the files know a date.
func (d *DeltaDates) Addresses(yield func(DeltaAddress) bool) {
	for x := range d.events {
		if !yield(x) {
			return
		}
	}
}
