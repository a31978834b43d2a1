package loader

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/build"
	"interdict/loader/fetch"
	"interdict/loader/formats"
)

// What a publisher's archive of delta files says of dates is read bit by bit, and kept with the list (lists.DeltaArchive):
//
//	before a version is staged   the files since the active version: the second opinion needs them (opinion.go)
//	after a refresh              older files, the newest first, a few at a time
//
// A file that cannot be downloaded or used stays unread. It changes nothing but dates, which stay unknown.

const (
	// maxDeltas is how many delta files are read for one version. OFAC publishes some 150 a year.
	maxDeltas = 60
	// deltasPerRefresh bounds the reading of older files, and deltasTime that of files before a version is staged, and again after it.
	deltasPerRefresh = 40
	deltasTime       = time.Minute
	// deltaTries is how often a file that cannot be used is downloaded.
	deltaTries = 5
	// maxPublications is how many publications a year may have, and maxDeltaAddresses how many addresses and removed parties one of them.
	maxPublications   = 5000
	maxDeltaAddresses = 20_000
)

// archiveReader reads an archive for one list.
type archiveReader struct {
	r        *Refresher
	list     string
	from     *url.URL
	o        fetch.Options
	a        *lists.DeltaArchive
	revision uint64
	changed  bool
}

// archive returns the reader of the archive that a source names; nil if it names none.
func (r *Refresher) archive(ctx context.Context, list string, source *lists.Source) (*archiveReader, error) {
	from := deltaArchive(source)
	if from == nil {
		return nil, nil
	}
	a, revision, err := r.l.keptDeltas(ctx, list)
	if err != nil {
		return nil, err
	}
	plain := *from
	plain.User = nil
	if digest := digestOf(plain.String()); a.URLSHA256 != digest {
		a = lists.DeltaArchive{URLSHA256: digest}
	}
	if a.Years == nil {
		a.Years = map[int]bool{}
	}
	o := r.o.Fetch
	o.ETag, o.LastModified, o.Progress = "", "", nil
	return &archiveReader{r: r, list: list, from: from, o: o, a: &a, revision: revision}, nil
}

// keep stores what has been read, even if ctx has ended.
func (x *archiveReader) keep(ctx context.Context) error {
	if !x.changed {
		return nil
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	if err := x.r.l.store.Commit(ctx, lists.Put(lists.DocDeltas(x.list), x.a, x.revision)); err != nil {
		return fault.E(fault.KindOf(err), "keep what the delta files of %s say: %w", x.list, err)
	}
	d, err := x.r.l.store.Get(ctx, lists.DocDeltas(x.list))
	x.revision, x.changed = d.Revision, false
	return err
}

// readSince reads the files of all publications after the active version was published, the oldest first. A file may repeat addresses that are
// not new; one that the active version lacks is.
func (x *archiveReader) readSince(ctx context.Context, active *lists.Version) error {
	first, err := time.Parse(time.DateOnly, active.Published)
	if err != nil {
		return err
	}
	for year := first.Year(); year <= max(x.r.l.now().UTC().Year(), first.Year()); year++ {
		if err := x.index(ctx, year); err != nil {
			return err
		}
	}
	since := slices.Clone(x.a.Unread)
	since = slices.DeleteFunc(since, func(p lists.UnreadPublication) bool { return p.Date <= active.Published || p.Tries >= deltaTries })
	if len(since) > maxDeltas {
		return errors.Join(fault.E(fault.TooLarge, "there are %d of them", len(since)), x.keep(ctx))
	}
	slices.Reverse(since)
	read := len(x.a.Read)
	failed := x.readAll(ctx, since)
	if err := x.findNew(ctx, active, x.a.Read[read:]); err != nil {
		x.a.Read = x.a.Read[:read:read] // they are read again
		return err
	}
	return errors.Join(failed, x.keep(ctx))
}

// beforeStaging reads what a version that is about to be staged is compared with. An archive that does not answer must not keep the version back.
func (x *archiveReader) beforeStaging(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, deltasTime)
	defer stop()
	settings, _, err := x.r.l.List(ctx, x.list)
	if err != nil {
		return err
	}
	active, err := x.r.l.activeVersion(ctx, settings)
	if err != nil || active == nil || active.Published == "" {
		return err
	}
	return x.readSince(ctx, active)
}

// readOlderDeltas reads some of the older delta files after a refresh. What fails is tried again after the next one.
func (r *Refresher) readOlderDeltas(ctx context.Context, settings *lists.List) {
	x, err := r.archive(ctx, settings.ID, settings.Source)
	if err == nil && x != nil && !x.a.Full {
		err = x.readOlder(ctx)
	}
	if err != nil && ctx.Err() == nil {
		r.l.log.Warn("the publisher's delta files were not all read; dates of listing that depend on them stay unknown", "list", settings.ID, "error", err)
	}
}

// findNew notes which named addresses are new: those that the active version lacks.
func (x *archiveReader) findNew(ctx context.Context, active *lists.Version, read []lists.Publication) error {
	if active.Mode != lists.Replace || !slices.ContainsFunc(read, func(p lists.Publication) bool { return len(p.Named) > 0 }) {
		return nil
	}
	known := map[string]bool{}
	if err := x.r.l.Listings(ctx, active.List, active.Number, func(l lists.Listing) error {
		known[l.Address] = true
		return nil
	}); err != nil {
		return err
	}
	for i := range read {
		p := &read[i]
		p.Named = slices.DeleteFunc(p.Named, func(a lists.DeltaAddress) bool {
			if known[a.Address] {
				return false
			}
			p.Added = append(p.Added, a)
			return true
		})
		for _, a := range p.Added {
			known[a.Address] = true
		}
	}
	return nil
}

// readOlder reads some of the files that have not been read. It returns what ended it early; the rest is read after later refreshes.
func (x *archiveReader) readOlder(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, deltasTime)
	defer stop()
	var failed error
	this := x.r.l.now().UTC().Year()
	for year := this; year >= lists.FirstDeltaYear && failed == nil; year-- {
		if ended, ok := x.a.Years[year]; !ok || !ended && year < this {
			failed = x.index(ctx, year)
		}
	}
	older := slices.Clone(x.a.Unread)
	older = slices.DeleteFunc(older, func(p lists.UnreadPublication) bool { return p.Tries >= deltaTries })
	slices.SortStableFunc(older, func(a, b lists.UnreadPublication) int { return min(len(a.Error), 1) - min(len(b.Error), 1) }) // what has failed comes last
	return errors.Join(failed, x.readAll(ctx, older[:min(len(older), deltasPerRefresh)]), x.keep(ctx))
}

var publicationID = regexp.MustCompile(`^[0-9]{1,18}$`)

// index reads the publications of a year, which the archive lists at history/YEAR.
func (x *archiveReader) index(ctx context.Context, year int) error {
	if x.a.Years[year] {
		return nil
	}
	var all []struct {
		ID   json.Number `json:"publicationID"`
		Date string      `json:"datePublished"`
	}
	if err := getJSON(ctx, x.from.JoinPath("history", fmt.Sprint(year)).String(), &all, x.o); err != nil {
		return err
	}
	if len(all) > maxPublications {
		return fault.E(fault.Unavailable, "the list of publications of %d has %d of them", year, len(all))
	}
	var found []lists.UnreadPublication
	for _, p := range all {
		date := p.Date[:min(len(p.Date), len(time.DateOnly))]
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return fault.E(fault.Unavailable, "the list of publications of %d has one without a date", year)
		}
		if !publicationID.MatchString(p.ID.String()) {
			return fault.E(fault.Unavailable, "the list of publications of %d has one without a number", year)
		}
		if id := p.ID.String(); !x.a.Has(id) && !slices.ContainsFunc(found, func(o lists.UnreadPublication) bool { return o.ID == id }) {
			found = append(found, lists.UnreadPublication{ID: id, Date: date})
		}
	}
	if ended, ok := x.a.Years[year]; !ok || len(found) > 0 || ended != x.hasEnded(year) {
		x.changed = true
	}
	x.a.Years[year] = x.hasEnded(year)
	x.a.Unread = append(x.a.Unread, found...)
	slices.SortFunc(x.a.Unread, func(a, b lists.UnreadPublication) int {
		return cmp.Or(strings.Compare(b.Date, a.Date), cmp.Compare(len(b.ID), len(a.ID)), strings.Compare(b.ID, a.ID))
	})
	return nil
}

// hasEnded reports whether a year ended a week ago, so that its publications are all known.
func (x *archiveReader) hasEnded(year int) bool {
	return x.r.l.now().UTC().AddDate(0, 0, -7).Year() > year
}

// readAll reads the files of publications. It ends with the first one that cannot be downloaded; one that cannot be used is passed over.
func (x *archiveReader) readAll(ctx context.Context, all []lists.UnreadPublication) error {
	for _, u := range all {
		if x.a.Full {
			return fault.E(fault.TooLarge, "the delta files hold more than is kept of them (%d bytes)", lists.MaxDeltaArchive)
		}
		p, err := x.readFile(ctx, u)
		if err != nil && ctx.Err() != nil {
			return err
		}
		x.changed = true
		at := slices.IndexFunc(x.a.Unread, func(o lists.UnreadPublication) bool { return o.ID == u.ID })
		switch {
		case err == nil:
			x.a.Unread = slices.Delete(x.a.Unread, at, at+1)
			x.a.Read = append(x.a.Read, p)
			if len(lists.JSON(x.a)) > lists.MaxDeltaArchive {
				x.a.Read, x.a.Full = x.a.Read[:len(x.a.Read)-1], true
				u.Error = "no room"
				x.a.Unread = slices.Insert(x.a.Unread, at, u)
			}
			continue
		case fault.Is(err, fault.Invalid), fault.Is(err, fault.TooLarge):
			u.Tries++
		}
		u.Error = lists.Truncate(lists.PlainText(err.Error()), 300)
		if x.a.Unread[at] = u; u.Tries == 0 {
			return fmt.Errorf("publication %s: %w", u.ID, err)
		}
	}
	return nil
}

// readFile reads one delta file. fault.Invalid: it is damaged, or contradicts the list of publications.
func (x *archiveReader) readFile(ctx context.Context, u lists.UnreadPublication) (p lists.Publication, err error) {
	d, err := fetch.Get(ctx, x.from.JoinPath(u.ID).String(), x.o)
	if err != nil {
		return p, err
	}
	defer d.Close()
	defer func() {
		if recover() != nil { // bytes on which a reader panics must not end the refresh
			err = fault.E(fault.Invalid, "its reader failed")
		}
	}()
	p = lists.Publication{ID: u.ID, Date: u.Date}
	n := 0
	date, err := formats.ReadOFACDelta(ctx, formats.File{Name: d.Name, Open: func() (io.ReadCloser, error) { return d.Reopen(), nil }}, func(row formats.Delta) error {
		if row.Problem != "" {
			return nil
		}
		if n++; n > maxDeltaAddresses {
			return fault.E(fault.TooLarge, "it has more than %d addresses and removed parties", maxDeltaAddresses)
		}
		if len(row.Address)+len(row.Asset)+len(row.EntityID) > 1000 {
			return fault.E(fault.Invalid, "%s: an address of %d bytes", lists.PlainText(row.Locator), len(row.Address))
		}
		if row.Address != "" {
			_, _, err := address.ParseListed(nil, row.Address, "", row.Asset)
			if build.IsSecret(row.Address, err) || address.HoldsSecret(row.Asset) || address.HoldsSecret(row.EntityID) {
				return nil // it is listed nowhere, and kept nowhere
			}
		}
		a := lists.DeltaAddress{Entity: row.EntityID, Asset: row.Asset, Address: row.Address}
		switch row.Action {
		case formats.DeltaAdded:
			p.Added = append(p.Added, a)
		case formats.DeltaRemoved:
			p.Removed = append(p.Removed, a)
		case formats.DeltaNamed:
			p.Named = append(p.Named, a)
		case formats.DeltaEnded:
			p.Ended = append(p.Ended, row.EntityID)
		}
		return nil
	})
	if err == nil && date != "" && !sameDay(date, u.Date) {
		err = fault.E(fault.Invalid, "it says that it was published on %s, and the list of publications says %s", date, u.Date)
	}
	return p, err
}

// sameDay reports whether two dates are the same day, in any time zones.
func sameDay(a, b string) bool {
	x, err := time.Parse(time.DateOnly, a)
	if err != nil {
		return false
	}
	y, err := time.Parse(time.DateOnly, b)
	return err == nil && x.Sub(y).Abs() <= 24*time.Hour
}

// warning returns what a version says about files that were not read; nil if there is nothing to say.
func (x *archiveReader) warning() *lists.Finding {
	var failed []string
	for _, u := range x.a.Unread {
		if u.Error != "" {
			failed = append(failed, fmt.Sprintf("publication %s of %s: %s", u.ID, u.Date, u.Error))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return &lists.Finding{Code: "delta_archive", Detail: lists.PlainText(fmt.Sprintf(
		"%d of the publisher's delta files could not be read, and dates of listing that depend on them stay unknown: %s", len(failed),
		firstOf(failed[:min(len(failed), maxNamed)], len(failed))))}
}

// getJSON downloads a small JSON document.
func getJSON(ctx context.Context, from string, to any, o fetch.Options) error {
	o.MaxBytes = 4 << 20
	d, err := fetch.Get(ctx, from, o)
	if err != nil {
		return err
	}
	defer d.Close()
	raw, err := io.ReadAll(d)
	if err != nil {
		return fault.TempFile(o.Dir, err)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fault.E(fault.Unavailable, "the list of publications is not the JSON that was expected")
	}
	return nil
}

// keptDeltas reads what is kept of the delta files of a list: nothing, with revision 0, if there are none. What is damaged counts as nothing,
// because it can be read from the publisher again.
func (r *Reader) keptDeltas(ctx context.Context, list string) (a lists.DeltaArchive, revision uint64, err error) {
	d, err := r.store.Get(ctx, lists.DocDeltas(list))
	switch {
	case fault.Is(err, fault.NotFound):
		return a, 0, nil
	case err != nil:
		return a, 0, err
	}
	if a, err = lists.Decode[lists.DeltaArchive](d); err != nil {
		a = lists.DeltaArchive{}
	}
	return a, d.Revision, nil
}

// deltaDates returns the dates of a list's addresses that are known from delta files, and what they are from; nil if there are none.
func (l *Loader) deltaDates(ctx context.Context, list string) (*lists.DeltaDates, *lists.DatesRead, error) {
	a, _, err := l.keptDeltas(ctx, list)
	if err != nil || len(a.Read) == 0 {
		return nil, nil, err
	}
	from := lists.DatesRead{Archive: a.URLSHA256, Read: len(a.Read), After: a.CompleteAfter(l.now().UTC().Year())}
	return a.Dates(from), &from, nil
}

// deltaDatesOf returns the dates that an upload was read with; nil if there were none, or if they are not known any more.
func (r *Reader) deltaDatesOf(ctx context.Context, list string, reading *lists.Reading) (*lists.DeltaDates, error) {
	if reading == nil || reading.Dates == nil {
		return nil, nil
	}
	a, _, err := r.keptDeltas(ctx, list)
	if err != nil {
		return nil, err
	}
	return a.Dates(*reading.Dates), nil
}
