package loader

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/build"
)

// reservedID is a path of the API beside those of lists.
const reservedID = "changes"

// checkNewID returns an error if a new list cannot have an id.
func checkNewID(id string) error {
	if id == reservedID {
		return fault.E(fault.Invalid, "id: %s is the name of the changes of all lists", address.Quote(id))
	}
	return nil
}

// The feed says what one generation after another changes, listing by listing.
//
//	generation ── the next one that descends from it ── per list: the difference of the two versions (build.Changes)
//
// A FeedCursor names a generation and, inside the step to the next one, the last address that was read. It is all that a reader needs to go on:
// on every server, after every restart.

// FeedCursor is a position in the feed. The zero value is none.
type FeedCursor struct {
	// Head is the generation of which everything was read; with Start, the one that is being read from nothing.
	Head  lists.Head
	Start bool
	// List and After are how far the step was read: the lists before List, and in List the addresses up to the hash After. List is "" at the
	// beginning of a step.
	List  string
	After uint64
}

// FeedStart returns the cursor from which everything in a generation is an addition.
func FeedStart(g *lists.Generation) FeedCursor { return FeedCursor{Head: g.Head(), Start: true} }

// String returns the text of a cursor, of letters, digits, dots and hyphens.
func (c FeedCursor) String() string {
	text := fmt.Sprintf("%d.%d.%s", build.ChangeRules, c.Head.Generation, c.Head.ID)
	if c.Start || c.List != "" {
		kind := "next"
		if c.Start {
			kind = "start"
		}
		text += "." + kind
	}
	if c.List != "" {
		text += fmt.Sprintf(".%s.%016x", c.List, c.After)
	}
	return text
}

// ParseFeedCursor reads the text of a cursor. fault.Conflict: it is one of another version of the feed.
func ParseFeedCursor(text string) (c FeedCursor, err error) {
	wrong := fault.E(fault.Invalid, "since is not a cursor of the changes: use one as it was given, or start")
	parts := strings.Split(text, ".")
	if len(parts) != 3 && len(parts) != 4 && len(parts) != 6 || len(text) > 200 {
		return c, wrong
	}
	rules, err := strconv.Atoi(parts[0])
	if err != nil {
		return c, wrong
	}
	c.Head.ID = parts[2]
	if c.Head.Generation, err = strconv.Atoi(parts[1]); err != nil || c.Head.Generation < 1 {
		return c, wrong
	}
	if len(parts) > 3 {
		c.Start = parts[3] == "start"
		if !c.Start && (parts[3] != "next" || len(parts) == 4) {
			return c, wrong
		}
	}
	if len(parts) == 6 {
		c.List = parts[4]
		if c.After, err = strconv.ParseUint(parts[5], 16, 64); err != nil || c.List == "" {
			return c, wrong
		}
	}
	if c.String() != text {
		if rules > 0 && rules != build.ChangeRules {
			return c, beginAgain("the cursor is of another version of Interdict")
		}
		return c, wrong
	}
	return c, nil
}

// beginAgain is the error of a cursor from which the feed cannot go on.
func beginAgain(format string, args ...any) error {
	return fault.E(fault.Conflict, "%s: begin again with since=start", fmt.Sprintf(format, args...))
}

// FeedChange is one listing that a generation changes.
type FeedChange struct {
	build.DiffRow
	List string
	// Version is the active version of the list; 0 if the generation does not have the list.
	Version int
	// Source is the version that the listing is in: that before of a removed one.
	Source *lists.Active
}

// FeedStep is a part of the feed that is never divided: what a generation changes under one hash of an address, which is nearly always one
// listing. A step without changes completes its generation.
type FeedStep struct {
	Generation *lists.Generation
	Changes    []FeedChange
	Cursor     FeedCursor // after the step
}

// Feed yields what has changed from a cursor up to the current generation, oldest first, and returns the current generation. Only lists that
// may allows are read; nil: all. It holds one step in memory.
//
// fault.Conflict: the feed cannot go on from there, because the store has another history or has dropped a version that is needed; the reader
// begins again. fault.Lost: the store has lost the generation of the cursor. fault.NotLoaded: nothing was ever activated.
func (r *Reader) Feed(ctx context.Context, from FeedCursor, may func(list string) bool, yield func(*FeedStep) error) (*lists.Generation, error) {
	newest, err := r.Generation(ctx, 0)
	if err != nil {
		if fault.Is(err, fault.NotLoaded) && from.Head.Generation > 0 {
			err = lostError(from.Head.Generation)
		}
		return nil, err
	}
	f := feeder{reader: r, may: may, yield: yield}
	at, err := f.held(ctx, from.Head, newest)
	if err != nil {
		return nil, err
	}
	if from.Start {
		if err := f.step(ctx, nil, at, from); err != nil {
			return nil, err
		}
		from = FeedCursor{Head: at.Head()}
	}
	for at.Number != newest.Number {
		next, err := f.next(ctx, at, newest)
		if err != nil {
			return nil, err
		}
		if err := f.step(ctx, at, next, from); err != nil {
			return nil, err
		}
		at, from = next, FeedCursor{Head: next.Head()}
	}
	return newest, nil
}

// FeedMoved reports whether Feed would yield anything, or an error, from a cursor.
func (r *Reader) FeedMoved(ctx context.Context, from FeedCursor) (bool, error) {
	head, _, err := lists.Read[lists.Head](ctx, r.store, lists.DocHead)
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	return from != FeedCursor{Head: head}, err
}

func lostError(generation int) error {
	return fault.E(fault.Lost, "the store does not have generation %d, which the cursor names: restore it, or begin again with since=start", generation)
}

// feeder reads the feed.
type feeder struct {
	reader *Reader
	may    func(string) bool
	yield  func(*FeedStep) error
	stored map[string]time.Time // layers of the store; nil: not read yet
}

// held returns a generation that a cursor names. One that was lost and restored is held, too.
func (f *feeder) held(ctx context.Context, head lists.Head, newest *lists.Generation) (*lists.Generation, error) {
	if head == newest.Head() {
		return newest, nil
	}
	g, _, err := lists.Read[lists.Generation](ctx, f.reader.store, lists.DocGeneration(head.Generation))
	if err == nil && g.ID == head.ID {
		return &g, nil
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	lost, err := lists.ReadAll[lists.Generation](ctx, f.reader.store, lists.DocLost("", head.Generation))
	if err != nil {
		return nil, err
	}
	for i := range lost {
		if lost[i].ID == head.ID && head.ID != "" {
			return &lost[i], nil
		}
	}
	if head.Generation > newest.Number {
		return nil, lostError(head.Generation)
	}
	return nil, beginAgain("the store has no generation %d with the id that the cursor names", head.Generation)
}

// next returns the generation that follows another one. After a loss of the store, numbers can be missing, and generations that were
// restored can lie between a generation and the one that descends from it.
func (f *feeder) next(ctx context.Context, g, newest *lists.Generation) (*lists.Generation, error) {
	for n := g.Number + 1; n <= newest.Number; n++ {
		x := *newest
		if n != newest.Number {
			var err error
			x, _, err = lists.Read[lists.Generation](ctx, f.reader.store, lists.DocGeneration(n))
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		switch {
		case g.ID == "" || x.Parent == "": // of programs that gave no ids
			if n == g.Number+1 {
				return &x, nil
			}
		case x.Parent == g.ID || x.Merged == g.ID:
			return &x, nil
		}
	}
	return nil, beginAgain("no generation of the store descends from generation %d of the cursor", g.Number)
}

// step yields what generation is changes, compared with was (nil: with nothing), after a cursor, and then completes it.
func (f *feeder) step(ctx context.Context, was, is *lists.Generation, from FeedCursor) error {
	var before []lists.Active
	if was != nil {
		before = was.Lists
	}
	ids := map[string]bool{}
	for _, all := range [][]lists.Active{before, is.Lists} {
		for i := range all {
			ids[all[i].List.ID] = true
		}
	}
	sorted := make([]string, 0, len(ids))
	for id := range ids {
		if id >= from.List && (f.may == nil || f.may(id)) {
			sorted = append(sorted, id)
		}
	}
	slices.Sort(sorted)
	for _, id := range sorted {
		if err := f.list(ctx, is, activeOf(before, id), activeOf(is.Lists, id), id, from); err != nil {
			return err
		}
	}
	return f.yield(&FeedStep{Generation: is, Cursor: FeedCursor{Head: is.Head()}})
}

// list yields what a generation changes of one list.
func (f *feeder) list(ctx context.Context, g *lists.Generation, was, is *lists.Active, id string, from FeedCursor) error {
	if was != nil && is != nil && sameListings(was, is) {
		return nil
	}
	sides := [2]build.Side{}
	for i, a := range []*lists.Active{was, is} {
		sides[i].List = &lists.List{ID: id}
		if a == nil {
			continue
		}
		var err error
		sides[i].List = &a.List
		if sides[i].Layers, err = f.layers(ctx, a); err != nil {
			return err
		}
	}
	pending := FeedStep{Generation: g, Cursor: FeedCursor{Head: from.Head, Start: from.Start, List: id}}
	flush := func() error {
		if len(pending.Changes) == 0 {
			return nil
		}
		err := f.yield(&pending)
		pending.Changes = nil
		return err
	}
	err := build.Changes(ctx, f.reader.store, sides[0], sides[1], func(row build.DiffRow) error {
		hash := lists.Hash(row.Key)
		if from.List == id && hash <= from.After {
			return nil
		}
		if hash != pending.Cursor.After {
			if err := flush(); err != nil {
				return err
			}
			pending.Cursor.After = hash
		}
		c := FeedChange{DiffRow: row, List: id, Source: is}
		if is != nil {
			c.Version = is.Version
		}
		if row.Change == "removed" {
			c.Source = was
		}
		pending.Changes = append(pending.Changes, c)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// sameListings reports whether two states of a list have the same listings, with the same defaults. A version that was compacted has them in
// other layers.
func sameListings(a, b *lists.Active) bool {
	return a.List.Category == b.List.Category && a.List.Confidence == b.List.Confidence && a.Version == b.Version && a.SHA256 == b.SHA256 &&
		(oldestRules(a.Layers) == oldestRules(b.Layers) || slices.Equal(layerIDs(a.Layers), layerIDs(b.Layers)))
}

// oldestRules returns the identity rules under which some layers can be read.
func oldestRules(layers []lists.Layer) int {
	if len(layers) == 0 {
		return 0
	}
	oldest := layers[0].Rules
	for _, x := range layers {
		oldest = min(oldest, x.Rules)
	}
	return oldest
}

// layers returns layers that have the listings of a list in a generation: those of the generation, or if they were dropped, those that the
// version was compacted into.
func (f *feeder) layers(ctx context.Context, a *lists.Active) ([]lists.Layer, error) {
	if f.stored == nil {
		var err error
		if f.stored, err = f.reader.store.Layers(ctx); err != nil {
			return nil, err
		}
	}
	if areIn(f.stored, a.Layers) {
		return a.Layers, nil
	}
	v, _, err := lists.Read[lists.Version](ctx, f.reader.store, lists.DocVersion(a.List.ID, a.Version))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err == nil && v.SHA256 == a.SHA256 && len(v.Layers) > 0 && oldestRules(v.Layers) == oldestRules(a.Layers) {
		if f.stored, err = f.reader.store.Layers(ctx); err != nil { // the version may have been compacted since they were read
			return nil, err
		}
		if areIn(f.stored, v.Layers) {
			return v.Layers, nil
		}
	}
	return nil, beginAgain("the listings of version %d of list %s are not kept any more (the list's setting keep)", a.Version, a.List.ID)
}
