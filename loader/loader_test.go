package loader_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/loader/build"
	"interdict/loader/formats"
)

// ledger is a recorder that keeps what it is given.
type ledger struct {
	mu      sync.Mutex
	changes []lists.Event
	err     error
}

func (l *ledger) Record(c lists.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes = append(l.changes, c)
	return l.err
}

// bench is a loader on a real embedded store.
type bench struct {
	*loader.Loader
	store  lists.Store
	ledger *ledger
	now    time.Time
}

func newBench(t testing.TB) *bench {
	t.Helper()
	store, err := diskstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b := &bench{store: store, ledger: &ledger{}, now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	b.Loader = loader.New(store, b.ledger, slog.New(slog.NewTextHandler(io.Discard, nil)), t.TempDir(), func() time.Time { return b.now })
	return b
}

var ctx = context.Background()

func (b *bench) settings(id string) *lists.List {
	l := loader.NewList(id, b.now)
	l.Approvals = 0
	return l
}

func (b *bench) stage(t testing.TB, o loader.StageOptions, content string) (*lists.Version, error) {
	t.Helper()
	if o.By.Person == "" {
		o.By = lists.Person("ana")
	}
	if o.Create == nil {
		o.Create = b.settings("deny")
	}
	if o.Format == "" {
		o.Format = "csv"
	}
	return b.Stage(ctx, o.Create.ID, []loader.Upload{{Name: "/tmp/some/deny.csv", Body: strings.NewReader(content)}}, o)
}

func (b *bench) mustStage(t testing.TB, o loader.StageOptions, content string) *lists.Version {
	t.Helper()
	v, err := b.stage(t, o, content)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (b *bench) activate(t testing.TB, list string, n int) *lists.Generation {
	t.Helper()
	g, err := b.Activate(ctx, list, n, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// content lists what a version holds as "address entity added_in".
func (b *bench) content(t testing.TB, list string, n int) []string {
	t.Helper()
	var out []string
	if err := b.Listings(ctx, list, n, func(l lists.Listing) error {
		out = append(out, fmt.Sprintf("%s %s %d", l.Address, l.Entity.Name, l.AddedIn))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// Addresses of EIP-55 and of the first blocks; nobody is accused of anything.
const (
	evmA = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
	evmB = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"
	evmC = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	btcA = "1HLoD9E4SDFFPDiYfNYnkBLQ85Y51J3Zb1"
	btcB = "12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX"
)

func csvOf(rows ...string) string {
	return "address,network,entity\n" + strings.Join(rows, "\n") + "\n"
}

func TestTheReportCountsEveryRowOnce(t *testing.T) {
	b := newBench(t)
	v := b.mustStage(t, loader.StageOptions{Note: "first"}, csvOf(
		evmA+",ethereum,A", strings.ToLower(evmA)+",ethereum,A", // one identity, one entity: a duplicate
		evmA+",ethereum,Z", // the same address on somebody else's word: a listing of its own
		btcA+",bitcoin,B", "not-an-address,bitcoin,C", "not-an-address,bitcoin,C", ",bitcoin,D"))
	want := &lists.Version{List: "deny", Number: 1, State: lists.Staged, Mode: lists.Replace, Format: "csv", File: "deny.csv",
		Rows: lists.Rows{Read: 7, Accepted: 3, Quarantined: 2, Duplicate: 2}, Addresses: 3, Listings: 4, Raw: 1,
		Diff: lists.DiffCounts{Added: 4}, UploadedBy: "ana", UploadedAt: b.now, StagedAt: &b.now, Note: "first",
		Reading:   &lists.Reading{Format: "csv", Category: "other", Confidence: "confirmed", Formats: formats.Rules, Address: address.Rules},
		Means:     &lists.Means{Deposit: "review", Withdrawal: "review", Category: "other"},
		Approvals: []lists.Approval{}, Guards: []lists.Finding{}}
	got := *v
	if len(got.SHA256) != 64 || got.SizeBytes == 0 || len(got.Layers) != 1 || len(got.Sources) != 1 {
		t.Errorf("the version does not know its file: %+v", got)
	}
	got.SHA256, got.SizeBytes, got.Layers, got.Sources, got.Warnings = "", 0, nil, nil, nil
	if d := cmp.Diff(want, &got); d != "" {
		t.Error(d)
	}
	stored, err := b.Version(ctx, "deny", 1)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v, stored); d != "" {
		t.Error("what is stored is not what was reported:", d)
	}
	var reasons []string
	if err := b.Quarantine(ctx, "deny", 1, func(q lists.Quarantined) error {
		reasons = append(reasons, fmt.Sprintf("%s %s active=%v", q.Locator, q.Address, q.Active))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"line 6 not-an-address active=true", "line 7 not-an-address active=true", "line 8  active=false"}, reasons); d != "" {
		t.Error(d)
	}
}

func TestTheSourceBytesAreKept(t *testing.T) {
	b := newBench(t)
	content := csvOf(evmA+",ethereum,A", btcA+",bitcoin,B")
	v := b.mustStage(t, loader.StageOptions{}, content)
	r, err := build.OpenSource(ctx, b.store, v.Sources[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != content {
		t.Errorf("source bytes: %q, %v", got, err)
	}
}

func TestAReloadKeepsWhenAListingFirstAppeared(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", evmB+",ethereum,B", btcA+",bitcoin,C"))
	b.activate(t, "deny", 1)
	v := b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", evmB+",ethereum,B2", evmC+",ethereum,D"))
	if d := cmp.Diff(lists.DiffCounts{Against: 1, Added: 1, Removed: 1, Changed: 1, Unchanged: 1}, v.Diff); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{evmC + " D 2", evmB + " B2 1", evmA + " A 1"}, b.content(t, "deny", 2)); d != "" {
		t.Error(d)
	}
	var rows []string
	counts, err := b.Diff(ctx, "deny", 1, 2, func(r build.DiffRow) error {
		rows = append(rows, r.Change+" "+r.Listing.Address)
		return nil
	})
	slices.Sort(rows)
	if err != nil || counts != v.Diff {
		t.Errorf("the diff of the stored versions says %+v (%v), the report %+v", counts, err, v.Diff)
	}
	if d := cmp.Diff([]string{"added " + evmC, "changed " + evmB, "removed " + btcA}, rows); d != "" {
		t.Error(d)
	}
}

func TestAddAndRemoveWriteOnlyWhatChanges(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", evmB+",ethereum,B", btcA+",bitcoin,C"))
	b.activate(t, "deny", 1)

	v := b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(evmA+",ethereum,A", evmC+",ethereum,D"))
	if v.Layers[1].Keys != 1 || v.Addresses != 4 || v.Diff != (lists.DiffCounts{Against: 1, Added: 1, Unchanged: 1}) {
		t.Errorf("adding one new row gives layer %+v, %d addresses, diff %+v", v.Layers[1], v.Addresses, v.Diff)
	}
	b.activate(t, "deny", 2)

	v = b.mustStage(t, loader.StageOptions{Mode: lists.Remove}, csvOf(strings.ToLower(evmA)+",ethereum,", btcB+",bitcoin,", btcA+",bitcoin,"))
	if v.Addresses != 2 || v.Diff != (lists.DiffCounts{Against: 2, Removed: 2}) {
		t.Errorf("removing two of three gives %d addresses, diff %+v", v.Addresses, v.Diff)
	}
	if !slices.ContainsFunc(v.Warnings, func(f lists.Finding) bool { return f.Code == "not_listed" }) {
		t.Errorf("the address that was not there is not told: %v", v.Warnings)
	}
	if _, err := b.Activate(ctx, "deny", 3, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}}); !fault.Is(err, fault.Conflict) {
		t.Errorf("half of a list may go without a reason: %v", err)
	}
	if _, err := b.Activate(ctx, "deny", 3, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "delisted"}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{evmC + " D 2", evmB + " B 1"}, b.content(t, "deny", 3)); d != "" {
		t.Error(d)
	}

	// What was removed can come back.
	b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(evmA+",ethereum,A again"))
	b.activate(t, "deny", 4)
	if d := cmp.Diff([]string{evmC + " D 2", evmB + " B 1", evmA + " A again 4"}, b.content(t, "deny", 4)); d != "" {
		t.Error(d)
	}
}

func TestARowWithSeveralReadingsIsOneListing(t *testing.T) {
	b := newBench(t)
	// Without a network 1… is an address of Bitcoin and of its forks.
	v := b.mustStage(t, loader.StageOptions{}, csvOf(btcA+",,A", evmA+",,B"))
	if v.Addresses != 2 || v.Listings != 2 || v.Diff.Added != 2 {
		t.Errorf("two rows make %d addresses, %d listings, diff %+v", v.Addresses, v.Listings, v.Diff)
	}
	b.activate(t, "deny", 1)
	if d := cmp.Diff([]string{evmA + " B 1", btcA + " A 1"}, b.content(t, "deny", 1)); d != "" && len(b.content(t, "deny", 1)) != 2 {
		t.Error(d)
	}
	v = b.mustStage(t, loader.StageOptions{}, csvOf(btcA+",,A", evmA+",,B", btcB+",,C"))
	if v.Diff != (lists.DiffCounts{Against: 1, Added: 1, Unchanged: 2}) {
		t.Errorf("one more row gives %+v", v.Diff)
	}
	b.activate(t, "deny", 2)

	// Named without a network, it goes with all of its readings.
	v = b.mustStage(t, loader.StageOptions{Mode: lists.Remove}, csvOf(btcA+",,"))
	if v.Addresses != 2 || v.Listings != 2 || v.Diff.Removed != 1 {
		t.Errorf("one fewer gives %d addresses, %d listings, diff %+v", v.Addresses, v.Listings, v.Diff)
	}
	if _, err := b.Activate(ctx, "deny", 3, loader.ActivateOptions{By: lists.Person("bo"), Override: "delisted"}); err != nil {
		t.Fatal(err)
	}
	for k, err := range lists.WalkStack(ctx, b.store, v.Layers) {
		for _, r := range k.Refs {
			if text := r.ListedText(k.Key); text == btcA {
				t.Errorf("a reading is left: %+v", r.Ref)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStackedVersionMustBeStagedAgainWhenTheActiveOneMoves(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(evmB+",ethereum,B"))
	b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(evmC+",ethereum,C"))
	b.activate(t, "deny", 2)
	if _, err := b.Activate(ctx, "deny", 3, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}}); !fault.Is(err, fault.Conflict) {
		t.Errorf("activating it would drop version 2's addresses: %v", err)
	}
}

func TestGuardsStopUntilAReasonIsGiven(t *testing.T) {
	full := csvOf(evmA+",ethereum,A", evmB+",ethereum,B", evmC+",ethereum,C", btcA+",bitcoin,D", btcB+",bitcoin,E")
	var many []string
	rubbish := ""
	for i := range 20 {
		rubbish += fmt.Sprintf("rubbish %d,bitcoin,x\n", i)
	}
	for i := range 60 {
		many = append(many, fmt.Sprintf("0x%040x,ethereum,N%d", i+1, i))
	}
	for name, c := range map[string]struct{ content, code string }{
		"nothing at all": {"address,network,entity\n", "empty"},
		"much less":      {csvOf(evmA+",ethereum,A", evmB+",ethereum,B", evmC+",ethereum,C"), "shrink"},
		"much more":      {csvOf(many...), "growth"},
		"mostly rubbish": {full + rubbish, "quarantined"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.mustStage(t, loader.StageOptions{}, full)
			b.activate(t, "deny", 1)
			v, err := b.stage(t, loader.StageOptions{}, c.content)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(v.Guards, func(f lists.Finding) bool { return f.Code == c.code }) {
				t.Fatalf("guards are %v, not %s", v.Guards, c.code)
			}
			_, err = b.Activate(ctx, "deny", 2, loader.ActivateOptions{By: lists.Person("bo")})
			if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), c.code) {
				t.Fatalf("activation says %v", err)
			}
			if l, _, _ := b.List(ctx, "deny"); l.Active != 1 {
				t.Error("the guarded version is active all the same")
			}
			g, err := b.Activate(ctx, "deny", 2, loader.ActivateOptions{By: lists.Person("bo"), Override: "checked with the publisher"})
			if err != nil {
				t.Fatal(err)
			}
			stored, err := b.Version(ctx, "deny", 2)
			if err != nil || stored.Override == nil || stored.Override.Reason != "checked with the publisher" || stored.Override.By != "bo" || g.Reason == "" {
				t.Errorf("the reason is not on record: %+v, %v", stored.Override, err)
			}
		})
	}
}

func TestNobodyApprovesHisOwnUpload(t *testing.T) {
	b := newBench(t)
	settings := b.settings("deny")
	settings.Approvals = 2
	b.mustStage(t, loader.StageOptions{By: lists.Person("ana"), Create: settings}, csvOf(evmA+",ethereum,A"))
	activate := func() error {
		_, err := b.Activate(ctx, "deny", 1, loader.ActivateOptions{By: lists.Person("bo")})
		return err
	}
	if _, err := b.Approve(ctx, "deny", 1, by("ana", "")); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the uploader approves: %v", err)
	}
	for i, person := range []string{"bo", "cy"} {
		if err := activate(); !fault.Is(err, fault.Conflict) {
			t.Fatalf("%d approvals are enough: %v", i, err)
		}
		if _, err := b.Approve(ctx, "deny", 1, by(person, "fine")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Approve(ctx, "deny", 1, by(person, "fine")); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s counts twice: %v", person, err)
		}
	}
	if err := activate(); err != nil {
		t.Fatal(err)
	}
}

func TestApprovalsSurviveARaceOfMany(t *testing.T) {
	b := newBench(t)
	settings := b.settings("deny")
	settings.Approvals = 10
	b.mustStage(t, loader.StageOptions{Create: settings}, csvOf(evmA+",ethereum,A"))
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if _, err := b.Approve(ctx, "deny", 1, by(fmt.Sprintf("person %d", i), "")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	v, err := b.Version(ctx, "deny", 1)
	if err != nil || len(v.Approvals) != 10 {
		t.Fatalf("%d approvals of 10 are there (%v)", len(v.Approvals), err)
	}
}

func TestOfManyActivationsAtOnceEachIsAGenerationOfItsOwn(t *testing.T) {
	b := newBench(t)
	const n = 8
	for i := range n {
		b.mustStage(t, loader.StageOptions{Create: b.settings(fmt.Sprintf("list-%d", i))}, csvOf(evmA+",ethereum,A"))
	}
	numbers := make([]int, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			g, err := b.Activate(ctx, fmt.Sprintf("list-%d", i), 1, loader.ActivateOptions{By: lists.Person("bo")})
			if err != nil {
				t.Error(err)
				return
			}
			numbers[i] = g.Number
		})
	}
	wg.Wait()
	slices.Sort(numbers)
	if d := cmp.Diff([]int{1, 2, 3, 4, 5, 6, 7, 8}, numbers); d != "" {
		t.Error(d)
	}
	g, err := b.Generation(ctx, 0)
	if err != nil || g.Number != n || len(g.Lists) != n {
		t.Errorf("the last generation is %d with %d lists (%v)", g.Number, len(g.Lists), err)
	}
}

func TestRollbackIsANewGenerationWithTheOldContent(t *testing.T) {
	b := newBench(t)
	for i, rows := range []string{evmA + ",ethereum,A", evmB + ",ethereum,B", evmC + ",ethereum,C"} {
		b.mustStage(t, loader.StageOptions{}, csvOf(rows))
		if _, err := b.Activate(ctx, "deny", i+1, loader.ActivateOptions{By: lists.Person("bo"), Override: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{2, 1} {
		g, err := b.Rollback(ctx, "deny", by("bo", "wrong file"))
		if err != nil {
			t.Fatal(err)
		}
		if g.Number != 4+i || g.Lists[0].Version != want || g.Action != "rollback" || g.Reason != "wrong file" {
			t.Errorf("rollback %d gives %+v", i, g)
		}
	}
	if _, err := b.Rollback(ctx, "deny", by("bo", "")); !fault.Is(err, fault.Conflict) {
		t.Errorf("there is nothing before the first version: %v", err)
	}
}

func TestCompactionKeepsEveryListingAndItsProof(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", btcA+",bitcoin,B", "odd text,bitcoin,C"))
	b.activate(t, "deny", 1)
	for i := range 9 {
		v := b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(fmt.Sprintf("0x%040x,ethereum,N%d", i+1, i)))
		b.activate(t, "deny", v.Number)
	}
	v := b.mustStage(t, loader.StageOptions{Mode: lists.Remove}, csvOf(btcA+",bitcoin,"))
	b.activate(t, "deny", v.Number)
	proof := func() (out []string) {
		if err := b.Listings(ctx, "deny", v.Number, func(l lists.Listing) error {
			out = append(out, fmt.Sprint(l.Address, l.Entity, l.AddedIn, l.Locator))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := proof()
	done, err := b.Compact(ctx, "deny", "system")
	if err != nil || !done {
		t.Fatalf("compacted %v, %v", done, err)
	}
	if d := cmp.Diff(before, proof()); d != "" {
		t.Error(d)
	}
	g, err := b.Generation(ctx, 0)
	if err != nil || g.Action != "compact" || g.Lists[0].Version != v.Number || len(g.Lists[0].Layers) != 1 || g.Lists[0].Layers[0].Listings != 11 || g.Lists[0].Layers[0].Raw != 1 {
		t.Errorf("the generation is %+v (%v)", g, err)
	}
	if done, err := b.Compact(ctx, "deny", "system"); done || err != nil {
		t.Errorf("compacted again: %v, %v", done, err)
	}
	// The way back stands on the old layers.
	if _, err := b.Rollback(ctx, "deny", by("bo", "")); err != nil {
		t.Fatal(err)
	}
	if got := b.content(t, "deny", v.Number-1); len(got) != 12 {
		t.Errorf("%d listings after the rollback", len(got))
	}
}

func TestARetiredListIsInNoLaterGeneration(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	g, err := b.Retire(ctx, "deny", by("bo", "the publisher has stopped"))
	if err != nil || g.Number != 2 || len(g.Lists) != 0 {
		t.Fatalf("%+v, %v", g, err)
	}
	if _, err := b.Retire(ctx, "deny", by("bo", "")); !fault.Is(err, fault.Conflict) {
		t.Errorf("twice: %v", err)
	}
	v := b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", evmB+",ethereum,B"))
	if g := b.activate(t, "deny", v.Number); len(g.Lists) != 1 || g.Number != 3 {
		t.Errorf("back again: %+v", g)
	}
}

func TestTheSameBytesAreNotStagedTwice(t *testing.T) {
	b := newBench(t)
	content := csvOf(evmA + ",ethereum,A")
	b.mustStage(t, loader.StageOptions{}, content)
	b.activate(t, "deny", 1)
	b.now = b.now.Add(time.Hour)
	v := b.mustStage(t, loader.StageOptions{Approver: true}, content)
	if v.Number != 1 || v.State != lists.Activated || v.Warnings[len(v.Warnings)-1].Code != "same_bytes" {
		t.Errorf("the same bytes make version %d, %s", v.Number, v.State)
	}
	if _, fresh, err := b.List(ctx, "deny"); err != nil || !fresh.Equal(b.now) {
		t.Errorf("the list is not fresh again: %v, %v", fresh, err)
	}
}

// torn breaks off in the middle, as a connection does.
type torn struct{ r io.Reader }

func (f torn) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestAnUploadThatBreaksOffLeavesNothing(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	_, err := b.Stage(ctx, "deny", []loader.Upload{{Name: "x.csv", Body: torn{strings.NewReader(csvOf(evmA+",ethereum,A", evmB+",ethereum,B"))}}},
		loader.StageOptions{Format: "csv", By: lists.Person("ana")})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("it is %v", err)
	}
	versions, err := b.Versions(ctx, "deny")
	if err != nil || len(versions) != 1 {
		t.Errorf("%d versions (%v)", len(versions), err)
	}
}

func TestAFileThatCannotBeReadIsAFailedVersionAndNotMore(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	for name, content := range map[string]string{"empty": "", "a web page": "<!DOCTYPE html><html><body>403</body></html>", "binary": "\x00\x01\x02\x03"} {
		if _, err := b.stage(t, loader.StageOptions{Format: "auto"}, content); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	versions, err := b.Versions(ctx, "deny")
	if err != nil || len(versions) != 4 {
		t.Fatalf("%d versions (%v)", len(versions), err)
	}
	for _, v := range versions[1:] {
		if v.State != lists.Failed || v.Error == "" || len(v.Layers) != 0 {
			t.Errorf("version %d is %s: %q", v.Number, v.State, v.Error)
		}
		if _, err := b.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("bo"), Override: "x"}); !fault.Is(err, fault.Conflict) {
			t.Errorf("a failed version can be activated: %v", err)
		}
	}
	layers, err := b.store.Layers(ctx)
	if err != nil || len(layers) != 1 {
		t.Errorf("%d layers are left (%v)", len(layers), err)
	}
}

func TestAListInLowerCaseIsRefused(t *testing.T) {
	b := newBench(t)
	var rows []string
	for range 12 {
		rows = append(rows, strings.ToLower(btcA)+",bitcoin,A")
	}
	if _, err := b.stage(t, loader.StageOptions{}, csvOf(rows...)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "lower case") {
		t.Errorf("it is %v", err)
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	b := newBench(t)
	v := b.mustStage(t, loader.StageOptions{DryRun: true}, csvOf(evmA+",ethereum,A", evmB+",ethereum,B"))
	if v.Addresses != 2 || v.Diff.Added != 2 {
		t.Errorf("the report is %+v", v)
	}
	docs, err := b.store.Scan(ctx, "")
	if err != nil || len(docs) != 0 {
		t.Errorf("%d documents were written (%v)", len(docs), err)
	}
	if layers, err := b.store.Layers(ctx); err != nil || len(layers) != 0 {
		t.Errorf("%d layers were written (%v)", len(layers), err)
	}
	if blobs, err := b.store.Blobs(ctx); err != nil || len(blobs) != 0 {
		t.Errorf("%d blobs were written (%v)", len(blobs), err)
	}
}

func TestAChangeThatCannotBeRecordedIsNotMade(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.ledger.err = fault.E(fault.Unavailable, "disk full")
	if _, err := b.Activate(ctx, "deny", 1, loader.ActivateOptions{By: lists.Person("bo")}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("it is %v", err)
	}
	if _, err := b.Generation(ctx, 0); !fault.Is(err, fault.NotLoaded) {
		t.Errorf("a generation was made: %v", err)
	}
}

func TestEveryChangeIsRecordedBeforeAndAfter(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	if _, err := b.Rollback(ctx, "deny", by("bo", "no")); err == nil {
		t.Fatal("there is nothing to go back to")
	}
	var got []string
	for _, c := range b.ledger.changes {
		got = append(got, fmt.Sprintf("%s %s v%d g%d by %s", c.Action, c.Outcome, c.Version, c.Generation, c.By))
	}
	want := []string{"stage begun v0 g0 by ana", "stage done v1 g0 by ana", "activate begun v1 g0 by bo", "activate done v1 g1 by bo",
		"rollback begun v0 g0 by bo", "rollback failed v0 g0 by bo"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSettingsOfAnActiveListMakeAGeneration(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	l, _, err := b.List(ctx, "deny")
	if err != nil {
		t.Fatal(err)
	}
	l.Policy = lists.Policy{{Class: "exact", Action: lists.Review}}
	if _, _, err := b.PutList(ctx, l.ID, by("ad", ""), settle(*l)); err != nil {
		t.Fatal(err)
	}
	g, err := b.Generation(ctx, 0)
	if err != nil || g.Number != 2 || g.Action != "settings" || len(g.Lists[0].List.Policy) != 1 || g.Lists[0].Version != 1 {
		t.Errorf("the generation is %+v (%v)", g, err)
	}
	l.MaxShrink = 7
	if _, _, err := b.PutList(ctx, l.ID, by("ad", ""), settle(*l)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "max_shrink") {
		t.Errorf("a share of seven is taken: %v", err)
	}
}

// An upload larger than what is sorted in memory goes through runs on disk, with the same result.
func TestALargeUploadIsSortedOnDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("half a million rows")
	}
	b := newBench(t)
	var file bytes.Buffer
	file.WriteString("address,network,entity\n")
	const n = 700_000
	for i := range n {
		fmt.Fprintf(&file, "0x%040x,ethereum,E%d\n", uint64(i)*0x9e3779b97f4a7c15, i%50)
	}
	v, err := b.Stage(ctx, "deny", []loader.Upload{{Name: "big.csv", Body: &file}}, loader.StageOptions{Format: "csv", By: lists.Person("ana"), Create: b.settings("deny")})
	if err != nil {
		t.Fatal(err)
	}
	if v.Addresses != n || v.Rows.Accepted != n {
		t.Errorf("%d addresses, rows %+v", v.Addresses, v.Rows)
	}
	count := 0
	if err := b.Listings(ctx, "deny", 1, func(lists.Listing) error { count++; return nil }); err != nil || count != n {
		t.Errorf("%d listings come out (%v)", count, err)
	}
}

func TestANewTickerLoadsAndAsksAPerson(t *testing.T) {
	b := newBench(t)
	rows := func(labels ...string) string {
		out := ofLines("address,asset,entity")
		for i, label := range labels {
			out += []string{evmA, evmB, evmC}[i] + "," + label + ",A\n"
		}
		return out
	}
	v := b.mustStage(t, loader.StageOptions{}, rows("ETH", "DGBX"))
	if len(v.Guards) != 0 || len(v.Warnings) != 1 || v.Warnings[0].Code != "unknown_label" {
		t.Errorf("the first version: guards %v, warnings %v", v.Guards, v.Warnings)
	}
	b.activate(t, "deny", 1)
	if v = b.mustStage(t, loader.StageOptions{}, rows("DGBX", "ETH")); len(v.Guards) != 0 {
		t.Errorf("a ticker that is known from the active version: %v", v.Guards)
	}
	for _, o := range []loader.StageOptions{{}, {Mode: lists.Add}} {
		v = b.mustStage(t, o, rows("ETH", "DGBX", "NEWT"))
		if len(v.Guards) != 1 || v.Guards[0].Code != "unknown_label" || !strings.Contains(v.Guards[0].Detail, "NEWT") || strings.Contains(v.Guards[0].Detail, "DGBX") {
			t.Errorf("%s: guards %v", v.Mode, v.Guards)
		}
		if v.Rows.Accepted+v.Rows.Duplicate != 3 {
			t.Errorf("%s: rows %+v", v.Mode, v.Rows)
		}
	}
	if _, err := b.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("bo")}); !fault.Is(err, fault.Conflict) {
		t.Errorf("it goes live without a reason: %v", err)
	}
	if _, err := b.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("bo"), Override: "NEWT is an ERC-20 token"}); err != nil {
		t.Error(err)
	}
}

// A key is not kept in any column it may come in, nor in a dress, nor as a line of words.
func TestAKeyInAListIsNotKept(t *testing.T) {
	const wif = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"
	phrase := strings.Repeat("abandon ", 11) + "about"
	for format, content := range map[string]string{
		"csv":  "address,asset\n" + evmA + ",ETH\np2wpkh:" + wif + ",XBT\n" + wif + ",XBT\n" + evmB + "," + wif + "\n",
		"text": evmA + "\n" + phrase + "\n" + evmB + "\n",
	} {
		b := newBench(t)
		v := b.mustStage(t, loader.StageOptions{Format: format}, content)
		shown := fmt.Sprintf("%+v", v)
		if err := b.Quarantine(ctx, "deny", 1, func(q lists.Quarantined) error { shown += fmt.Sprintf("%+v", q); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := b.Listings(ctx, "deny", 1, func(x lists.Listing) error { shown += fmt.Sprintf("%+v", x); return nil }); err != nil {
			t.Fatal(err)
		}
		if v.Addresses != 2 || v.Raw != 0 || strings.Contains(shown, wif[:12]) || strings.Contains(shown, "abandon") || !strings.Contains(shown, "secret_material") {
			t.Errorf("%s: %s", format, shown)
		}
	}
}

// Additions and removals go on for a long time on a large list: the stack stays short, the base is not written anew, and what is listed is
// what was said last.
func TestCompactionLeavesALargeBaseAlone(t *testing.T) {
	b := newBench(t)
	name := func(i int) string { return fmt.Sprintf("0x%040x", i+1) }
	rows := ""
	want := map[string]bool{}
	for i := range 3000 {
		rows += name(i) + ",ethereum,E\n"
		want[name(i)] = true
	}
	settings := b.settings("deny")
	settings.MaxShrink, settings.MaxGrowth = 1, 100
	v := b.mustStage(t, loader.StageOptions{Create: settings}, "address,network,entity\n"+rows)
	b.activate(t, "deny", 1)
	base := v.Layers[0].ID
	r := rand.New(rand.NewPCG(1, 2))
	for step := range 40 {
		mode, rows := lists.Add, ""
		if r.IntN(3) == 0 {
			mode = lists.Remove
		}
		for range 5 {
			address := name(r.IntN(3100))
			rows += address + ",ethereum,E\n"
			if mode == lists.Add {
				want[address] = true
			} else {
				delete(want, address)
			}
		}
		v, err := b.stage(t, loader.StageOptions{Mode: mode}, "address,network,entity\n"+rows)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Layers) > 9 {
			t.Fatalf("step %d: a stack of %d layers", step, len(v.Layers))
		}
		if _, err := b.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("bo"), Override: "test", Warrant: lists.Warrant{Alone: lists.AloneOperator}}); err != nil {
			t.Fatal(err)
		}
		done, err := b.Compact(ctx, "deny", "system")
		if err != nil {
			t.Fatal(err)
		}
		if v, err = b.Version(ctx, "deny", v.Number); err != nil || v.Layers[0].ID != base {
			t.Fatalf("step %d: the base was written anew (%v)", step, err)
		}
		if !done && step%7 != 0 {
			continue
		}
		got := map[string]bool{}
		if err := b.Listings(ctx, "deny", v.Number, func(x lists.Listing) error { got[strings.ToLower(x.Address)] = true; return nil }); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("step %d, compacted %t: %s", step, done, d)
		}
		if v.Addresses != len(want) || v.Listings != len(want) {
			t.Fatalf("step %d: the report says %d addresses, %d listings of %d", step, v.Addresses, v.Listings, len(want))
		}
	}
}

// by describes a change of one person who has the store at hand.
func by(person, reason string) loader.ChangeOptions {
	return loader.ChangeOptions{By: lists.Person(person), Reason: reason, Warrant: lists.Warrant{Alone: lists.AloneOperator}}
}

// settle replaces all settings of a list.
func settle(settings lists.List) func(*lists.List, bool) error {
	return func(l *lists.List, _ bool) error { *l = settings; return nil }
}
