package loader_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader"
)

// copied is what a follower has, by the id of the listing, and its cursor.
type copied struct {
	at   loader.FeedCursor
	held map[string]string
}

// follow reads the feed to its end.
func (c *copied) follow(t *testing.T, r *loader.Loader) error {
	t.Helper()
	_, err := r.Feed(ctx, c.at, nil, func(s *loader.FeedStep) error {
		for _, x := range s.Changes {
			gone := map[string]string{"removed": x.ID, "changed": x.BeforeID}[x.Change]
			if _, ok := c.held[gone]; gone != "" && !ok {
				return fmt.Errorf("generation %d: %s %s is not there", s.Generation.Number, x.Change, x.Listing.Address)
			}
			delete(c.held, gone)
			if _, ok := c.held[x.ID]; ok {
				return fmt.Errorf("generation %d: %s comes twice", s.Generation.Number, x.Listing.Address)
			}
			if x.Change != "removed" {
				c.held[x.ID] = x.List + " " + x.Listing.Address
			}
		}
		var err error
		if c.at, err = loader.ParseFeedCursor(s.Cursor.String()); c.at != s.Cursor {
			t.Errorf("cursor %s is read as %+v", s.Cursor, c.at)
		}
		return err
	})
	return err
}

func (c *copied) rows() []string {
	out := []string{}
	for _, x := range c.held {
		out = append(out, x)
	}
	slices.Sort(out)
	return out
}

// begin returns a follower that has everything that is active.
func begin(t *testing.T, l *loader.Loader) *copied {
	t.Helper()
	g, err := l.Generation(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &copied{at: loader.FeedStart(g), held: map[string]string{}}
	if err := c.follow(t, l); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *copied) clone() *copied {
	held := map[string]string{}
	for id, x := range c.held {
		held[id] = x
	}
	return &copied{c.at, held}
}

// wants makes sure that a follower has what is active, and that it is told of that in order.
func (c *copied) wants(t *testing.T, who string, l *loader.Loader) {
	t.Helper()
	if err := c.follow(t, l); err != nil {
		t.Fatalf("%s: %v", who, err)
	}
	if d := cmp.Diff(begin(t, l).held, c.held); d != "" {
		t.Errorf("%s (-active +copy):\n%s", who, d)
	}
}

// After a loss, followers of either side come to what was restored, or are told to begin again.
func TestFeedAfterALoss(t *testing.T) {
	w := openTwin(t, t.TempDir())
	w.put(t, "l", lists.Replace, addr("a"), addr("f"))
	before := begin(t, w.Loader)
	store := w.copy(t)
	w.put(t, "l", lists.Add, addr("b"))
	lostFirst := before.clone()
	lostFirst.wants(t, "of the first lost generation", w.Loader)
	w.put(t, "o", lists.Replace, addr("c"))
	w.put(t, "l", lists.Remove, addr("f"))
	lost := lostFirst.clone()
	lost.wants(t, "of the last lost generation", w.Loader)
	if err := lost.clone().follow(t, store.Loader); !fault.Is(err, fault.Lost) {
		t.Errorf("while it is lost: %v", err)
	}
	store.put(t, "l", lists.Add, addr("d"))
	since := before.clone()
	since.wants(t, "of the store", store.Loader)
	g, _, err := lists.Current(ctx, w.store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(ctx, w.store, g.Head(), "ana", "test"); err != nil {
		t.Fatal(err)
	}
	before.clone().wants(t, "from before the loss", store.Loader)
	since.wants(t, "of the store, after it", store.Loader)
	lost.wants(t, "of the last lost generation, after it", store.Loader)
	if d := cmp.Diff([]string{"l " + addr("a"), "l " + addr("b"), "l " + addr("d"), "l " + addr("f"), "o " + addr("c")}, folded(lost.rows())); d != "" {
		t.Error(d)
	}
	if err := lostFirst.follow(t, store.Loader); !fault.Is(err, fault.Conflict) { // nothing is known of it but its name
		t.Errorf("of a lost generation that was not restored: %v", err)
	}
}

// folded writes addresses as they were uploaded.
func folded(rows []string) []string {
	for i, x := range rows {
		rows[i] = x[:2] + addr(name(x[2:]))
	}
	slices.Sort(rows)
	return rows
}

// Layers come and go while the listings of a version stay.
func TestFeedOverCompactedAndRebuiltVersions(t *testing.T) {
	onBothStores(t, func(t *testing.T, b *bench) {
		b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", btcA+",bitcoin,B", "odd text,bitcoin,C"))
		b.activate(t, "deny", 1)
		first := begin(t, b.Loader)
		for i := range 9 {
			v := b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(fmt.Sprintf("0x%040x,ethereum,N%d", i+1, i)))
			b.activate(t, "deny", v.Number)
		}
		beforeLast := first.clone()
		beforeLast.wants(t, "before", b.Loader)
		v := b.mustStage(t, loader.StageOptions{Mode: lists.Remove}, csvOf(btcA+",bitcoin,"))
		b.activate(t, "deny", v.Number)
		old, err := b.Version(ctx, "deny", v.Number)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := b.Compact(ctx, "deny", "system"); err != nil || !done {
			t.Fatal(done, err)
		}
		n := len(beforeLast.held)
		beforeLast.clone().wants(t, "over a compaction", b.Loader)
		// Once the layers before it are gone, those of the compacted version tell the same.
		top := old.Layers[len(old.Layers)-1]
		if err := b.store.DropLayer(ctx, top.ID); err != nil {
			t.Fatal(err)
		}
		again := beforeLast.clone()
		again.wants(t, "without the old layers", b.Loader)
		if len(again.held) != n-1 {
			t.Errorf("%d listings instead of %d", len(again.held), n-1)
		}

		// A rebuild under newer rules can change what is listed.
		b.antiquate(t, "deny", v.Number, func(k address.Key) bool { return k == keyOf(t, evmA, "ethereum") })
		outdated := begin(t, b.Loader)
		if done, err := b.Rebuild(ctx, "deny", "system"); err != nil || !done {
			t.Fatal(done, err)
		}
		if len(outdated.held) != n-2 {
			t.Errorf("%d listings under the older rules", len(outdated.held))
		}
		g, err := b.Generation(ctx, outdated.at.Head.Generation)
		if err != nil {
			t.Fatal(err)
		}
		outdated.clone().wants(t, "over a rebuild", b.Loader)
		if err := b.store.DropLayer(ctx, g.Lists[0].Layers[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := outdated.follow(t, b.Loader); !fault.Is(err, fault.Conflict) {
			t.Errorf("what a rebuild changed is not known any more: %v", err)
		}
	})
}

// The ids of listings are known to followers, and cursors to those who have stored them. If this fails, build.ChangeRules needs another number.
func TestIDsOfTheFeedStayTheSame(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", "odd text,bitcoin,C"))
	b.activate(t, "deny", 1)
	want := map[string]string{"4d9208cbe9f4567023e147d2": "deny odd text", "98ff07cbfd728454c132d536": "deny " + evmA}
	c := begin(t, b.Loader)
	if d := cmp.Diff(want, c.held); d != "" {
		t.Error(d)
	}
	c.at.Head.ID = "id"
	got := []string{c.at.String()}
	c.at.List, c.at.After = "deny", 0xabc
	got = append(got, c.at.String())
	c.at.Start = true
	if d := cmp.Diff([]string{"1.1.id", "1.1.id.next.deny.0000000000000abc", "1.1.id.start.deny.0000000000000abc"}, append(got, c.at.String())); d != "" {
		t.Error(d)
	}
}
