package loader_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

func codes(all []lists.Finding) []string {
	var out []string
	for _, f := range all {
		out = append(out, f.Code)
	}
	return out
}

// numbered is a list of n made-up addresses.
func numbered(from, n int) string {
	var rows []string
	for i := range n {
		rows = append(rows, fmt.Sprintf("0x%040x,ethereum,E", from+i))
	}
	return csvOf(rows...)
}

func (b *bench) guarded(t *testing.T, list string, n int, want ...string) {
	t.Helper()
	_, err := b.Activate(ctx, list, n, loader.ActivateOptions{By: lists.Person("bo")})
	if !fault.Is(err, fault.Conflict) {
		t.Fatalf("version %d went live: %v", n, err)
	}
	for _, code := range want {
		if !strings.Contains(err.Error(), code+": ") {
			t.Errorf("%v does not name %s", err, code)
		}
	}
}

func (b *bench) override(t *testing.T, list string, n int) {
	t.Helper()
	if _, err := b.Activate(ctx, list, n, loader.ActivateOptions{By: lists.Person("bo"), Override: "checked"}); err != nil {
		t.Fatal(err)
	}
}

// A file that takes all addresses away and brings as many others is as large as the one before, and screens nothing of it.
func TestShrinkCountsReplacedAddresses(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, numbered(1<<20, 100))
	b.activate(t, "deny", 1)
	v := b.mustStage(t, loader.StageOptions{}, numbered(1<<21, 100))
	if d := cmp.Diff([]string{"shrink"}, codes(v.Guards)); d != "" || v.Gone != 100 {
		t.Errorf("%d gone: %s", v.Gone, d)
	}
	b.guarded(t, "deny", 2, "shrink")
	if v := b.mustStage(t, loader.StageOptions{}, numbered(1<<20+20, 100)); len(v.Guards) != 0 || v.Gone != 20 {
		t.Errorf("a fifth may go: %d, %v", v.Gone, v.Guards)
	}
	if v := b.mustStage(t, loader.StageOptions{Mode: lists.Remove}, numbered(1<<20, 21)); v.Gone != 21 || !slices.Equal(codes(v.Guards), []string{"shrink"}) {
		t.Errorf("removed by hand: %d, %v", v.Gone, v.Guards)
	}
}

// What is compared again at activation counts in the same way.
func TestShrinkIsCountedAgainWhenSomethingElseIsActive(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, numbered(1<<20, 100))
	b.mustStage(t, loader.StageOptions{}, numbered(1<<21, 100))
	b.activate(t, "deny", 1)
	b.guarded(t, "deny", 2, "shrink")
}

// An address of several networks that gets a label keeps its identity; one that is a further reading only is still screened.
func TestAFurtherReadingIsStillScreened(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(btcA+",bitcoin,A"))
	b.activate(t, "deny", 1)
	if v := b.mustStage(t, loader.StageOptions{}, csvOf(btcA+",,A")); v.Gone != 0 {
		t.Errorf("%d gone, %v", v.Gone, v.Guards)
	}
}

func TestAfterARetirementGuardsCompareWithTheLastActiveVersion(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, numbered(1<<20, 100))
	b.activate(t, "deny", 1)
	if _, err := b.Retire(ctx, "deny", by("bo", "test")); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []lists.Mode{lists.Replace, lists.Add} {
		v := b.mustStage(t, loader.StageOptions{Mode: mode}, numbered(1<<21, 50))
		if d := cmp.Diff([]string{"shrink"}, codes(v.Guards)); d != "" || v.Gone != 100 || v.Addresses != 50 {
			t.Errorf("%s: %d gone, %d addresses: %s", mode, v.Gone, v.Addresses, d)
		}
		b.guarded(t, "deny", v.Number, "shrink")
	}
	same := b.mustStage(t, loader.StageOptions{}, numbered(1<<20, 100))
	if len(same.Guards) != 0 || same.State != lists.Staged {
		t.Fatalf("%s, %v", same.State, same.Guards)
	}
	b.activate(t, "deny", same.Number)
}

const wrongChecksum = "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9i"

func TestARowThatWasNotReadWaitsForAPerson(t *testing.T) {
	b := newBench(t)
	good := evmA + ",ethereum,A"
	for _, x := range []struct {
		cell string
		want []string
	}{
		{"user 12345678", nil},
		{"12345678", nil},
		{"5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320", nil}, // as OFAC lists one under XMR
		{wrongChecksum, []string{"unread_addresses"}},
		{wrongChecksum + "\u00a0", []string{"unread_addresses"}},
		{wrongChecksum[:9] + "\u200b" + wrongChecksum[9:], []string{"unread_addresses"}},
		{wrongChecksum + " x " + evmB, []string{"unread_addresses"}},
	} {
		v := b.mustStage(t, loader.StageOptions{}, csvOf(good, x.cell+",,B"))
		if d := cmp.Diff(x.want, codes(v.Guards)); d != "" {
			t.Errorf("%q: %s", x.cell, d)
		}
	}
}

// A row that a person has accepted does not stop the next file, and a new one does.
func TestAnAcceptedUnreadRowDoesNotTripAgain(t *testing.T) {
	b := newBench(t)
	good := evmA + ",ethereum,A"
	v := b.mustStage(t, loader.StageOptions{}, csvOf(good, wrongChecksum+",,B"))
	if v.UnreadRows != 1 || !strings.Contains(v.Guards[0].Detail, "line 3") {
		t.Errorf("%d, %v", v.UnreadRows, v.Guards)
	}
	b.guarded(t, "deny", 1, "unread_addresses")
	b.override(t, "deny", 1)
	v = b.mustStage(t, loader.StageOptions{}, csvOf(good, evmB+",ethereum,C", wrongChecksum+",,B"))
	if len(v.Guards) != 0 || v.UnreadRows != 1 {
		t.Errorf("%d, %v", v.UnreadRows, v.Guards)
	}
	b.activate(t, "deny", 2)
	b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(btcB+",bitcoin,D"))
	b.activate(t, "deny", 3)
	if v = b.mustStage(t, loader.StageOptions{}, csvOf(good, evmB+",ethereum,C", btcB+",bitcoin,D", wrongChecksum+",,B")); len(v.Guards) != 0 {
		t.Errorf("after an addition: %v", v.Guards)
	}
	v = b.mustStage(t, loader.StageOptions{}, csvOf(good, evmB+",ethereum,C", btcB+",bitcoin,D", wrongChecksum+",,B", strings.Replace(wrongChecksum, "H9i", "H9j", 1)+",,B"))
	if d := cmp.Diff([]string{"unread_addresses"}, codes(v.Guards)); d != "" || !strings.Contains(v.Guards[0].Detail, "1 rows") {
		t.Errorf("%s %v", d, v.Guards)
	}
}

func TestWhatReadersFindMissingIsAGuard(t *testing.T) {
	b := newBench(t)
	remark := "Digital Currency Address - ETH " + evmA + "; "
	remark += strings.Repeat("x", 1000-len(remark)) // ends without a full stop: the rest stands in the comments
	row := `36,"AEROCARIBBEAN AIRLINES",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"` + remark + `"` + "\r\n"
	v := b.mustStage(t, loader.StageOptions{Format: "ofac_csv", Create: b.settings("sdn")}, row)
	if !slices.Contains(codes(v.Guards), "truncated_remarks") || slices.Contains(codes(v.Warnings), "truncated_remarks") {
		t.Errorf("guards %v, warnings %v", v.Guards, v.Warnings)
	}
	b.guarded(t, "sdn", 1, "truncated_remarks")
}

func TestADeltaOnNothingWaitsForAPerson(t *testing.T) {
	b := newBench(t)
	v := b.mustStage(t, loader.StageOptions{Format: "ftm", Mode: lists.Add}, ofLines(change("ADD", wallet("w-1", evmA, "A"))))
	if d := cmp.Diff([]string{"no_base"}, codes(v.Guards)); d != "" {
		t.Error(d)
	}
	b.guarded(t, "deny", 1, "no_base")
}

func TestNoListingThatReadsAsAnAddress(t *testing.T) {
	b := newBench(t)
	settings := b.settings("deny")
	settings.MaxQuarantined = 1
	v := b.mustStage(t, loader.StageOptions{Create: settings}, csvOf("user 1,,A", "user 2,,B"))
	if d := cmp.Diff([]string{"zero_addresses"}, codes(v.Guards)); d != "" {
		t.Error(d)
	}
}

// The contract of USDT on a list would hold half of all withdrawals.
func TestAWellKnownAddressWaitsForAPersonOnce(t *testing.T) {
	b := newBench(t)
	const usdt, eater = "0xdAC17F958D2ee523a2206206994597C13D831ec7", "1BitcoinEaterAddressDontSendf59kuE"
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", strings.ToLower(usdt)+",bsc,B"))
	b.guarded(t, "deny", 1, "well_known")
	b.override(t, "deny", 1)
	if v := b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", usdt+",ethereum,B", evmB+",ethereum,C")); len(v.Guards) != 0 {
		t.Errorf("it is listed already: %v", v.Guards)
	}
	v := b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(eater+",,D"))
	if d := cmp.Diff([]string{"well_known"}, codes(v.Guards)); d != "" || !strings.Contains(v.Guards[0].Detail, eater) {
		t.Errorf("%s %v", d, v.Guards)
	}
}

// The same bytes are the same version only if they are read in the same way.
func TestTheSameBytesAreReadAgainInAnotherWay(t *testing.T) {
	b := newBench(t)
	content := "wallet,owner wallet\n" + evmA + "," + evmB + "\n"
	first := loader.StageOptions{Mapping: map[string]string{"address": "wallet"}, Approver: true}
	b.mustStage(t, first, content)
	b.activate(t, "deny", 1)
	if v := b.mustStage(t, first, content); v.Number != 1 {
		t.Fatalf("version %d", v.Number)
	}
	v := b.mustStage(t, loader.StageOptions{Mapping: map[string]string{"address": "owner wallet"}}, content)
	if v.Number != 2 || v.Diff.Added != 1 {
		t.Fatalf("another mapping: version %d, %+v", v.Number, v.Diff)
	}
	settings := b.settings("deny")
	settings.Category = lists.Sanctions
	if _, _, err := b.PutList(ctx, settings.ID, by("root", ""), settle(*settings)); err != nil {
		t.Fatal(err)
	}
	if v := b.mustStage(t, first, content); v.Number != 3 || v.Diff.Unchanged != 1 {
		t.Errorf("another default: version %d, %+v", v.Number, v.Diff)
	}
	b.activate(t, "deny", 3)
	// An older program read these bytes.
	old, err := b.Version(ctx, "deny", 3)
	if err != nil {
		t.Fatal(err)
	}
	old.Reading.Address--
	if err := b.store.Commit(ctx, lists.Put(lists.DocVersion("deny", 3), old, lists.AnyRevision)); err != nil {
		t.Fatal(err)
	}
	if v := b.mustStage(t, first, content); v.Number != 4 {
		t.Errorf("older rules: version %d", v.Number)
	}
}

// A listing that names no category follows its list: a changed default shows without another upload.
func TestDefaultsAreNotStoredWithListings(t *testing.T) {
	b := newBench(t)
	content := "address,category\n" + evmA + ",\n" + evmB + ",scam\n"
	b.mustStage(t, loader.StageOptions{}, content)
	b.activate(t, "deny", 1)
	settings := b.settings("deny")
	settings.Category = lists.Sanctions
	if _, _, err := b.PutList(ctx, settings.ID, by("root", ""), settle(*settings)); err != nil {
		t.Fatal(err)
	}
	got := map[string]lists.Category{}
	if err := b.Listings(ctx, "deny", 1, func(l lists.Listing) error { got[l.Address] = l.Category; return nil }); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]lists.Category{evmA: lists.Sanctions, evmB: "scam"}, got); d != "" {
		t.Error(d)
	}
	var out bytes.Buffer
	if err := b.Export(ctx, "deny", 1, "csv", &out); err != nil {
		t.Fatal(err)
	}
	if v := b.mustStage(t, loader.StageOptions{}, out.String()); v.Diff.Unchanged != 2 {
		t.Errorf("what was exported differs: %+v", v.Diff)
	}
}

// Two rows that say the same today, of which one leaves its category to the list, are two listings.
func TestARowWithItsOwnCategoryIsNoDuplicateOfOneWithout(t *testing.T) {
	b := newBench(t)
	if v := b.mustStage(t, loader.StageOptions{}, "address,category\n"+evmA+",\n"+evmA+",other\n"); v.Listings != 2 {
		t.Errorf("%d listings", v.Listings)
	}
}

func TestAFormatNamesItsPublisher(t *testing.T) {
	b := newBench(t)
	row := `36,"AEROCARIBBEAN AIRLINES",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"Digital Currency Address - ETH ` + evmA + `."` + "\r\n"
	given := b.settings("mine")
	given.Category, given.Authority = "internal", "Us"
	for _, x := range []struct {
		list *lists.List
		want lists.Means
	}{
		{b.settings("us-treasury"), lists.Means{Deposit: lists.Freeze, Withdrawal: lists.Reject, Category: lists.Sanctions, Authority: "US Treasury, OFAC"}},
		{given, lists.Means{Deposit: lists.Review, Withdrawal: lists.Review, Category: "internal", Authority: "Us"}},
	} {
		v := b.mustStage(t, loader.StageOptions{Format: "ofac_csv", Create: x.list}, row)
		if d := cmp.Diff(x.want, *v.Means); d != "" {
			t.Error(d)
		}
		g := b.activate(t, x.list.ID, 1)
		for _, a := range g.Lists {
			if a.List.ID == x.list.ID && a.List.Category != x.want.Category {
				t.Errorf("%s is active as %s", a.List.ID, a.List.Category)
			}
		}
		// What is added by hand does not change what the list is.
		v = b.mustStage(t, loader.StageOptions{Mode: lists.Add, Create: x.list}, csvOf(evmB+",ethereum,B"))
		if d := cmp.Diff(x.want, *v.Means); d != "" {
			t.Error(d)
		}
	}
}

// Only a whole list, or a delta of its own publisher, makes a list younger.
func TestWhatIsAddedOrRemovedByHandDoesNotRenewTheAge(t *testing.T) {
	b := wallets(t)
	at := b.fresh(t, "deny")
	for _, mode := range []lists.Mode{lists.Add, lists.Remove} {
		b.now = b.now.Add(time.Hour)
		v := b.mustStage(t, loader.StageOptions{Mode: mode}, csvOf(evmC+",ethereum,C"))
		b.override(t, "deny", v.Number)
		if got := b.fresh(t, "deny"); !got.Equal(at) {
			t.Errorf("%s renewed the age: %s", mode, got)
		}
	}
	v := b.mustStage(t, loader.StageOptions{Format: "ftm", Mode: lists.Add}, ofLines(change("ADD", wallet("w-9", evmC, "C"))))
	b.override(t, "deny", v.Number)
	if got := b.fresh(t, "deny"); !got.Equal(b.now) {
		t.Errorf("a delta of its own source: %s", got)
	}
}

func TestTheSameBytesOfAnAnalystDoNotRenewTheAge(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	at := b.fresh(t, "deny")
	b.now = b.now.Add(time.Hour)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	if got := b.fresh(t, "deny"); !got.Equal(at) {
		t.Errorf("renewed: %s", got)
	}
	b.mustStage(t, loader.StageOptions{Approver: true}, csvOf(evmA+",ethereum,A"))
	if got := b.fresh(t, "deny"); !got.Equal(b.now) {
		t.Errorf("not renewed by an approver: %s", got)
	}
}

// A mistaken rollback can be undone, and an older version can be made active; guards compare it with what is active now.
func TestAnyVersionThatIsNotRejectedCanBeActivated(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, numbered(1<<20, 10))
	b.activate(t, "deny", 1)
	b.mustStage(t, loader.StageOptions{Mode: lists.Add}, numbered(1<<21, 5))
	b.activate(t, "deny", 2)
	b.mustStage(t, loader.StageOptions{}, numbered(1<<20, 14))
	b.override(t, "deny", 3)
	if _, err := b.Rollback(ctx, "deny", by("bo", "a mistake")); err != nil {
		t.Fatal(err)
	}
	b.guarded(t, "deny", 3, "shrink") // the 5 that were added would go
	b.override(t, "deny", 3)
	b.guarded(t, "deny", 1, "shrink")
	b.override(t, "deny", 1)
	b.activate(t, "deny", 2) // takes nothing away
	if got := len(b.content(t, "deny", b.active(t, "deny"))); got != 15 {
		t.Errorf("%d listings", got)
	}
	if v := b.mustStage(t, loader.StageOptions{Mode: lists.Add}, csvOf(evmA+",ethereum,A")); v.Addresses != 16 {
		t.Errorf("an addition to a version that is active again: %d addresses", v.Addresses)
	}
}

func TestAVersionWithoutLayersSaysWhatToDo(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, numbered(1<<20, 10))
	b.activate(t, "deny", 1)
	b.mustStage(t, loader.StageOptions{}, numbered(1<<20, 11))
	b.activate(t, "deny", 2)
	v, err := b.Version(ctx, "deny", 1)
	if err != nil {
		t.Fatal(err)
	}
	v.Layers, v.Forgotten = []lists.Layer{}, true
	if err := b.store.Commit(ctx, lists.Put(lists.DocVersion("deny", 1), v, lists.AnyRevision)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Activate(ctx, "deny", 1, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}}); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "load it again") {
		t.Error(err)
	}
}

func TestANewListThatFollowsASourceHasAnAge(t *testing.T) {
	if got := loader.DefaultMaxAge(&lists.Source{Every: 6 * time.Hour}); got != 12*time.Hour {
		t.Errorf("a source every six hours: %s", got)
	}
	if got := loader.DefaultMaxAge(nil); got != 0 {
		t.Errorf("no source: %s", got)
	}
}

// Real files of OFAC go live by themselves. INTERDICT_TEST_OFAC names a folder with some.
func TestOFACsOwnFilesNeedNoOverride(t *testing.T) {
	dir := os.Getenv("INTERDICT_TEST_OFAC")
	if dir == "" {
		t.Skip("INTERDICT_TEST_OFAC is not set")
	}
	for _, files := range [][]string{{"sdn_advanced_2024-09-26.xml.gz"}, {"sdn_advanced_2025-04-02.xml.gz"}, {"sdn_2023-08-23.csv.gz", "sdn_comments_2023-08-23.csv"}} {
		b := newBench(t)
		var uploads []loader.Upload
		for _, name := range files {
			f, err := os.Open(dir + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			uploads = append(uploads, loader.Upload{Name: name, Body: f})
		}
		v, err := b.Stage(ctx, "us-treasury", uploads, loader.StageOptions{By: lists.Person("ana"), Create: b.settings("us-treasury")})
		if err != nil || len(v.Guards) != 0 || v.Means.Withdrawal != lists.Reject {
			t.Errorf("%v: %+v, %v", files, v, err)
		}
	}
}
