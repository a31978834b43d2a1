package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
)

// History returns what lists have said about an address: when it was added, changed and removed. network may be "". It is no check: it is
// neither counted nor recorded.
func (a *Acting) History(ctx context.Context, text, network string) (*client.AddressHistory, error) {
	if len(network) > maxField {
		return nil, fault.E(fault.Invalid, "network is longer than %d bytes", maxField)
	}
	relations, err := screening.Relate(text, network)
	if err != nil {
		return nil, err
	}
	found, err := a.Loader.History(ctx, relations, a.person.MayUse)
	if err != nil {
		return nil, err
	}
	if refused := relations.Refused(); refused != nil && len(found) == 0 {
		return nil, refused
	}
	out := &client.AddressHistory{Address: text, Readings: []client.ReadAs{}, Lists: make([]client.AddressOnOneList, len(found))}
	for _, r := range relations.Readings() {
		v := client.ReadAs{Reading: client.Reading{Network: r.Network, Kind: r.Kind, Canonical: r.Canonical, Identity: r.Identity},
			Related: make([]client.RelatedAddress, len(r.Related))}
		for i, x := range r.Related {
			v.Related[i] = client.RelatedAddress(x)
		}
		out.Readings = append(out.Readings, v)
	}
	today := a.Now().UTC().Format(time.DateOnly)
	for i := range found {
		out.Lists[i] = viewHistory(&found[i], today)
	}
	return out, nil
}

func viewHistory(h *loader.ListHistory, today string) client.AddressOnOneList {
	v := client.AddressOnOneList{ID: h.List.ID, Name: h.List.Name, Authority: h.List.Authority, KnownFrom: h.KnownFrom,
		Listed: slices.ContainsFunc(h.Current, func(x loader.RelatedListing) bool { return x.ValidUntil == "" || x.ValidUntil >= today }),
		Events: make([]client.ListingEvent, len(h.Events))}
	if a := h.Archive; a != nil {
		v.Archive = &client.AddressInArchive{From: a.From, To: a.To, Unread: a.Unread, Periods: make([]client.PeriodInArchive, len(a.Periods))}
		for i, p := range a.Periods {
			v.Archive.Periods[i] = client.PeriodInArchive{Address: p.Address, Asset: p.Asset, EntityID: p.Entity, Class: p.Class.String(),
				ListedOn: p.Listed, ListedIn: p.ListedIn, RemovedOn: p.Removed, RemovedIn: p.RemovedIn, Contradicted: p.Contradicted}
		}
	}
	for i := range h.Events {
		e := &h.Events[i]
		x := client.ListingEvent{Change: e.Change, Class: e.Listing.Class.String(), Listing: viewListing(&e.Listing.Listing)}
		if e.Version != nil {
			x.Version, x.UploadedBy, x.UploadedAt, x.File = e.Version.Number, e.Version.UploadedBy, &e.Version.UploadedAt, e.Version.File
		}
		if e.Made != nil {
			x.Generation, x.At, x.Action, x.By = e.Made.Number, &e.Made.At, e.Made.Action, e.Made.By
		}
		if e.Before != nil {
			before := viewListing(e.Before)
			x.Before = &before
		}
		v.Events[i] = x
	}
	return v
}

func (s *Server) getHistory(c *gin.Context, who *auth.Principal) error {
	q, err := query(c, "network")
	if err != nil {
		return err
	}
	out, err := s.as(who).History(c.Request.Context(), param(c, "address"), q["network"])
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, out)
}
