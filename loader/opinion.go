package loader

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader/fetch"
	"interdict/loader/formats"
)

// deltaDiffers is the guard of a version that lacks what the publisher's own delta files have added.
const deltaDiffers = "delta_differs"

// maxDeltas is how many delta files are read for one version. OFAC publishes some 150 a year.
const maxDeltas = 60

// secondOpinion compares a version with the publisher's delta files since the active version was published: an address that they add must be in
// it. It stores what it finds with the version. Delta files that cannot be read are a warning: they decide nothing.
func (r *Refresher) secondOpinion(ctx context.Context, archive *url.URL, v *lists.Version, o fetch.Options) error {
	settings, _, err := r.l.List(ctx, v.List)
	if err != nil {
		return err
	}
	last, err := r.l.activeVersion(ctx, settings)
	if err != nil || last == nil || last.Published == "" || v.Published <= last.Published {
		return err
	}
	added, err := deltasBetween(ctx, archive, last.Published, v.Published, o)
	if err != nil {
		v.Warnings = append(v.Warnings, lists.Finding{Code: "no_second_opinion",
			Detail: lists.PlainText("the publisher's delta files could not be compared with this version: " + err.Error())})
		return lists.TryCommit(ctx, r.l.store, lists.Put(lists.DocVersion(v.List, v.Number), v, lists.AnyRevision))
	}
	if err := r.l.Listings(ctx, v.List, v.Number, func(x lists.Listing) error {
		delete(added, x.Address)
		return nil
	}); err != nil {
		return err
	}
	if len(added) == 0 {
		return nil
	}
	missing := make([]string, 0, len(added))
	for a, locator := range added {
		missing = append(missing, a+" ("+locator+")")
	}
	slices.Sort(missing)
	v.Guards = append(v.Guards, lists.Finding{Code: deltaDiffers, Detail: fmt.Sprintf(
		"the publisher's delta files from %s to %s add %d addresses that this version does not have: %s", last.Published, v.Published, len(missing),
		firstOf(missing[:min(len(missing), maxNamed)], len(missing)))})
	return lists.TryCommit(ctx, r.l.store, lists.Put(lists.DocVersion(v.List, v.Number), v, lists.AnyRevision))
}

// deltasBetween returns the addresses that the delta files published after one date and up to another have added, and where each stands. The
// archive lists the publications of a year at history/YEAR, and has each under its id.
func deltasBetween(ctx context.Context, archive *url.URL, after, to string, o fetch.Options) (map[string]string, error) {
	o.ETag, o.LastModified, o.Progress = "", "", nil
	first, err := time.Parse(time.DateOnly, after)
	if err != nil {
		return nil, err
	}
	last, err := time.Parse(time.DateOnly, to)
	if err != nil {
		return nil, err
	}
	type publication struct {
		ID   json.Number `json:"publicationID"`
		Date string      `json:"datePublished"`
	}
	var all []publication
	for year := first.Year(); year <= last.Year(); year++ {
		var of []publication
		if err := getJSON(ctx, archive.JoinPath("history", fmt.Sprint(year)).String(), &of, o); err != nil {
			return nil, err
		}
		for _, p := range of {
			if len(p.Date) < len(time.DateOnly) {
				return nil, fault.E(fault.Unavailable, "the list of publications of %d has one without a date", year)
			}
			if p.Date = p.Date[:len(time.DateOnly)]; p.Date > after && p.Date <= to {
				all = append(all, p)
			}
		}
	}
	if len(all) > maxDeltas {
		return nil, fault.E(fault.TooLarge, "there are %d of them", len(all))
	}
	slices.SortStableFunc(all, func(a, b publication) int { return strings.Compare(a.Date, b.Date) })
	added := map[string]string{}
	for _, p := range all {
		if err := addDelta(ctx, archive.JoinPath(p.ID.String()).String(), p.Date, added, o); err != nil {
			return nil, fmt.Errorf("publication %s: %w", p.ID, err)
		}
	}
	return added, nil
}

// addDelta adds the addresses of a delta file, and takes out those of the parties that it removes.
func addDelta(ctx context.Context, file, date string, added map[string]string, o fetch.Options) error {
	d, err := fetch.Get(ctx, file, o)
	if err != nil {
		return err
	}
	defer d.Close()
	return formats.ReadOFACDelta(ctx, formats.File{Name: d.Name, Open: func() (io.ReadCloser, error) { return d.Reopen(), nil }}, func(x formats.Delta) error {
		switch {
		case x.Gone:
			delete(added, x.Address)
		case x.Problem == "":
			added[x.Address] = fmt.Sprintf("entity %s, %s", x.EntityID, date)
		}
		return nil
	})
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
