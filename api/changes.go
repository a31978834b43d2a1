package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader"
)

// The changes of lists, which others follow: as pages, and as events (changestream.go). Both read loader.Feed.

const (
	pathChanges      = "/v1/lists/changes"
	pathChangeStream = "/v1/lists/changes/stream"
	// maxPageGenerations is how many generations one page reads. Many change no listing.
	maxPageGenerations = 1000
)

// follower reads the feed for one person.
type follower struct {
	a    *Acting
	list string // "" for all
}

// follower returns the follower of one list, or of all.
func (a *Acting) follower(ctx context.Context, list string) (*follower, error) {
	f := &follower{a, list}
	if list == "" {
		return f, nil
	}
	if !isID(list) {
		return nil, fault.E(fault.NotFound, "list %s does not exist", address.Quote(list))
	}
	if !f.may(list) {
		return nil, fault.E(fault.Forbidden, "the key is not for this list")
	}
	_, _, err := a.Loader.List(ctx, list)
	return f, err
}

func (f *follower) may(list string) bool {
	return (f.list == "" || f.list == list) && (f.a.person.MayUse == nil || f.a.person.MayUse(list))
}

// from returns the cursor that since stands for.
func (f *follower) from(ctx context.Context, since string) (loader.FeedCursor, error) {
	if since != "" && since != client.SinceStart {
		return loader.ParseFeedCursor(since)
	}
	g, err := f.a.Loader.Generation(ctx, 0)
	if err != nil {
		return loader.FeedCursor{}, err
	}
	if since == client.SinceStart {
		return loader.FeedStart(g), nil
	}
	return loader.FeedCursor{Head: g.Head()}, nil
}

// state returns how far the feed was read at a cursor in a generation.
func (f *follower) state(g *lists.Generation, at loader.FeedCursor) client.FeedState {
	s := client.FeedState{Cursor: at.String(), Generation: g.Number, At: g.At, Complete: at == loader.FeedCursor{Head: g.Head()}, Lists: []client.ListVersion{}}
	for i := range g.Lists {
		if a := &g.Lists[i]; f.may(a.List.ID) {
			s.Lists = append(s.Lists, client.ListVersion{List: a.List.ID, Version: a.Version})
		}
	}
	return s
}

// Changes returns a page of the changes of lists.
func (a *Acting) Changes(ctx context.Context, q client.ChangesQuery) (*client.ChangesPage, error) {
	limit := q.Limit
	if limit == 0 {
		limit = pageSize
	}
	if limit < 1 || limit > maxPageSize {
		return nil, fault.E(fault.Invalid, "limit must be 1 to %d", maxPageSize)
	}
	f, err := a.follower(ctx, q.List)
	if err != nil {
		return nil, err
	}
	from, err := f.from(ctx, q.Since)
	if err != nil {
		return nil, err
	}
	out, generations := &client.ChangesPage{Changes: []client.ListChange{}}, 0
	newest, err := a.Loader.Feed(ctx, from, f.may, func(s *loader.FeedStep) error {
		switch {
		case len(s.Changes) == 0:
			generations++
		case len(out.Changes) >= limit:
			out.More = true
			return errPageFull
		}
		for i := range s.Changes {
			out.Changes = append(out.Changes, viewChange(s.Generation, &s.Changes[i], from))
		}
		out.FeedState = f.state(s.Generation, s.Cursor)
		if generations >= maxPageGenerations {
			out.More = true
			return errPageFull
		}
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return nil, err
	}
	if out.Cursor == "" { // nothing new
		out.FeedState = f.state(newest, loader.FeedCursor{Head: newest.Head()})
	}
	return out, nil
}

// FollowChanges calls yield for each step of the changes of lists, oldest first, until ctx ends, yield returns an error, or the store cannot be
// read.
func (a *Acting) FollowChanges(ctx context.Context, q client.ChangesQuery, yield func(client.ChangeStep) error) error {
	f, err := a.follower(ctx, q.List)
	if err != nil {
		return err
	}
	at, err := f.from(ctx, q.Since)
	if err != nil {
		return err
	}
	tick := time.NewTicker(FollowLimits{}.withDefaults().Poll)
	defer tick.Stop()
	for told := false; ; {
		from := at
		newest, err := a.Loader.Feed(ctx, at, f.may, func(s *loader.FeedStep) error {
			step := client.ChangeStep{Cursor: s.Cursor.String()}
			for i := range s.Changes {
				step.Changes = append(step.Changes, viewChange(s.Generation, &s.Changes[i], from))
			}
			if len(s.Changes) == 0 {
				state := f.state(s.Generation, s.Cursor)
				step.State, told = &state, true
			}
			at = s.Cursor
			return yield(step)
		})
		if err == nil && !told {
			state := f.state(newest, at)
			told, err = true, yield(client.ChangeStep{Cursor: state.Cursor, State: &state})
		}
		for moved := false; err == nil && !moved; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
				moved, err = a.Loader.FeedMoved(ctx, at)
			}
		}
		if err != nil {
			return err
		}
	}
}

// viewChange shows a change of a generation, which was read from a cursor.
func viewChange(g *lists.Generation, c *loader.FeedChange, from loader.FeedCursor) client.ListChange {
	row := viewDiffRow(&c.DiffRow)
	v := client.ListChange{Generation: g.Number, At: g.At, Action: g.Action, List: c.List, Version: c.Version, Kind: row.Change,
		ID: c.ID, Listing: row.Listing, BeforeID: c.BeforeID, Before: row.Before,
		Source: client.ChangeSource{Version: c.Source.Version, Published: c.Source.Published, File: c.Source.File, SHA256: c.Source.SHA256}}
	if from.Start && g.Number == from.Head.Generation {
		v.Action = client.SinceStart
	}
	return v
}

func (s *Server) changes(c *gin.Context, who *auth.Principal) error {
	in, err := query(c, "since", "list", "limit")
	if err != nil {
		return err
	}
	q := client.ChangesQuery{Since: in["since"], List: in["list"]}
	if in["limit"] != "" {
		if q.Limit, err = strconv.Atoi(in["limit"]); err != nil || q.Limit == 0 {
			return fault.E(fault.Invalid, "limit must be 1 to %d", maxPageSize)
		}
	}
	out, err := s.as(who).Changes(c.Request.Context(), q)
	if err != nil {
		return err
	}
	tag := changesTag(out)
	c.Header("ETag", tag)
	if matches(c.GetHeader("If-None-Match"), tag) {
		c.Header("Cache-Control", "no-store")
		c.Status(http.StatusNotModified)
		return nil
	}
	return render(c, http.StatusOK, out)
}

// changesTag returns the entity tag of a page. What lies between two cursors never changes, so that the cursor at the end of a page, and whether
// there is more, tell one page of a URL from another. A reader at a cursor gets the same tag as long as nothing is new.
func changesTag(p *client.ChangesPage) string {
	if p.More {
		return `W/"` + p.Cursor + `+"`
	}
	return `W/"` + p.Cursor + `"`
}

// matches reports whether If-None-Match names a tag (RFC 9110, section 13.1.2), by weak comparison. A * is ignored, because a reader
// without a copy must not be told that nothing is new.
func matches(header, tag string) bool {
	for _, x := range strings.Split(header, ",") {
		if x = strings.TrimSpace(x); x != "" && strings.TrimPrefix(x, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
