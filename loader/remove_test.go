package loader_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
	"interdict/loader"
	"interdict/loader/build"
)

// onBothStores runs a test on the embedded store and on a real Redis.
func onBothStores(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Run("disk", func(t *testing.T) { test(t, newBench(t)) })
	t.Run("redis", func(t *testing.T) {
		store, err := redisstore.Open(ctx, storetest.StartRedis(t), redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		b := &bench{store: store, ledger: &ledger{}, now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
		b.Loader = loader.New(store, b.ledger, slog.New(slog.NewTextHandler(io.Discard, nil)), t.TempDir(), func() time.Time { return b.now })
		test(t, b)
	})
}

// listed lists what a version screens: "text network entity" for each listing, and the identities behind them.
func (b *bench) listed(t testing.TB, v *lists.Version) (out []string, identities map[string]bool) {
	t.Helper()
	if err := b.Listings(ctx, v.List, v.Number, func(l lists.Listing) error {
		out = append(out, strings.TrimSpace(fmt.Sprint(l.Address, " ", l.Network, " ", l.Entity.Name)))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	identities = map[string]bool{}
	for k, err := range lists.WalkStack(ctx, b.store, v.Layers) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range k.Refs {
			if r.Role == 0 {
				identities[string(address.AppendIdentity(nil, k.Key, r.Variant))] = true
			}
		}
	}
	slices.Sort(out)
	return out, identities
}

// counted makes sure that the report of a version says what the version holds, and how it differs from the one before.
func (b *bench) counted(t testing.TB, v *lists.Version) {
	t.Helper()
	rows, _ := b.listed(t, v)
	counted := map[string]bool{}
	for k, err := range lists.WalkStack(ctx, b.store, v.Layers) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range k.Refs {
			if r.Counts() {
				counted[string(address.AppendIdentity(nil, k.Key, r.Variant))] = true
			}
		}
	}
	if v.Listings != len(rows) || v.Addresses != len(counted) {
		t.Errorf("the report counts %d listings and %d addresses, the version holds %d and %d", v.Listings, v.Addresses, len(rows), len(counted))
	}
	is, err := b.Diff(ctx, v.List, v.Diff.Against, v.Number, func(build.DiffRow) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	is.Unchanged, v.Diff.Unchanged = 0, 0 // a delta looks at what it changes only
	if d := cmp.Diff(is, v.Diff); d != "" {
		t.Errorf("the report's diff is not that of the versions: %s", d)
	}
}

// exported loads a version's export into another list, and returns what that list screens.
func (b *bench) exported(t testing.TB, v *lists.Version) map[string]bool {
	t.Helper()
	var file bytes.Buffer
	if err := b.Export(ctx, v.List, v.Number, "ndjson", &file); err != nil {
		t.Fatal(err)
	}
	copied := b.mustStage(t, loader.StageOptions{Format: "ndjson", Create: b.settings(fmt.Sprintf("copy-%d", v.Number))}, file.String())
	_, identities := b.listed(t, copied)
	return identities
}

const (
	p2pkh  = "15GrGxPAWahvmRFGSaWHHhubGBLCeZSsuZ" // and p2wpkh are of one key
	p2wpkh = "bc1q9m07q9dfdrts6z82pfrpdn6uw9una8jvrld3mt"
	shared = "DBXu2kgc3xtvCUWFcxFE3r9hEYgmuaaCyD" // an address of Dogecoin and of Verge, on one key
	move64 = "0xcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
)

func TestARemovalTakesTheNamedAddressOnly(t *testing.T) {
	// One entity, one locator, one key: each form is listed in one place.
	ftm := `{"id":"w-1","schema":"CryptoWallet","properties":{"publicKey":["` + p2pkh + `","` + p2wpkh + `"],"currency":["XBT"],"topics":["sanction"]},` +
		`"datasets":["x"],"target":true,"first_seen":"2024-01-01T00:00:00","last_seen":"2024-01-01T00:00:00"}` + "\n"
	onBothStores(t, func(t *testing.T, b *bench) {
		for removed, stays := range map[string]string{p2pkh: p2wpkh, p2wpkh: p2pkh} {
			list := "deny-" + strings.ToLower(removed[:6])
			first := b.mustStage(t, loader.StageOptions{Format: "ftm", Create: b.settings(list)}, ftm)
			if first.Listings != 2 || first.Addresses != 2 {
				t.Fatalf("%d listings of %d addresses are loaded", first.Listings, first.Addresses)
			}
			b.activate(t, list, 1)
			v := b.mustStage(t, loader.StageOptions{Mode: lists.Remove, Create: b.settings(list)}, csvOf(removed+",bitcoin,"))
			b.counted(t, v)
			rows, _ := b.listed(t, v)
			if d := cmp.Diff([]string{stays + " bitcoin"}, rows); d != "" {
				t.Errorf("%s removed: %s", removed, d)
			}
		}
	})
}

func TestARemovalWithANetworkLeavesTheOtherReadings(t *testing.T) {
	onBothStores(t, func(t *testing.T, b *bench) {
		for name, c := range map[string]struct {
			text, network string
		}{
			"keys of their own":                 {move64, "aptos"},
			"not the reading that counts":       {move64, "sui"},
			"one key":                           {shared, "dogecoin"},
			"one key, not the reading":          {shared, "verge"},
			"one key and more under other keys": {p2pkh, "bitcoin"},
		} {
			t.Run(name, func(t *testing.T) {
				list := strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(name), " ", "-"), ",", "")
				first := b.mustStage(t, loader.StageOptions{Create: b.settings(list)},
					csvOf(c.text+",,U", c.text+","+c.network+",named", evmA+",ethereum,E", c.text+",,V"))
				b.activate(t, list, 1)
				_, before := b.listed(t, first)
				v := b.mustStage(t, loader.StageOptions{Mode: lists.Remove, Create: b.settings(list)}, csvOf(c.text+","+c.network+","))
				b.counted(t, v)
				gone, err := address.Parse(nil, c.text, c.network)
				if err != nil || len(gone) != 1 {
					t.Fatal(gone, err)
				}
				delete(before, string(address.AppendIdentity(nil, gone[0].Key, gone[0].Variant)))
				rows, after := b.listed(t, v)
				if d := cmp.Diff(before, after); d != "" {
					t.Errorf("the identities that stay: %s", d)
				}
				for _, row := range rows {
					if strings.HasSuffix(row, "named") || strings.HasPrefix(row, c.text+" "+c.network+" ") {
						t.Errorf("%q stays", row)
					}
				}
				if n := strings.Count(strings.Join(rows, "\n"), c.text); n < 2 || n%2 != 0 {
					t.Errorf("two listings stay on other networks, and are counted as %q", rows)
				}
				if d := cmp.Diff(after, b.exported(t, v)); d != "" {
					t.Errorf("the export, loaded again: %s", d)
				}
				if !slices.ContainsFunc(v.Warnings, func(f lists.Finding) bool { return f.Code == "partly_removed" }) {
					t.Errorf("nothing says that listings stay: %v", v.Warnings)
				}
				if _, err := b.Activate(ctx, list, v.Number, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "delisted"}); err != nil {
					t.Fatal(err)
				}
				// What stays can be removed, too, and then nothing of it is left.
				v = b.mustStage(t, loader.StageOptions{Mode: lists.Remove, Create: b.settings(list)}, csvOf(c.text+",,"))
				b.counted(t, v)
				if rows, left := b.listed(t, v); len(rows) != 1 || len(left) != 1 {
					t.Errorf("left are %v %v", rows, left)
				}
			})
		}
	})
}

// A removal of one reading moves other listings of the same identity into its layer: they keep their proof.
func TestARemovalKeepsWhatIsSaidOfOtherListings(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(shared+",,U", shared+",verge,V", evmA+",ethereum,E"))
	b.activate(t, "deny", 1)
	proof := func(n int) (out []string) {
		if err := b.Listings(ctx, "deny", n, func(l lists.Listing) error {
			out = append(out, fmt.Sprint(l.Address, " ", l.Network, " ", l.Entity.Name, " ", l.Locator, " ", l.AddedIn))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(out)
		return out
	}
	v := b.mustStage(t, loader.StageOptions{Mode: lists.Remove}, csvOf(shared+",dogecoin,"))
	want := []string{evmA + " ethereum E line 4 1"}
	for _, other := range []string{"denarius", "digibyte", "divi", "pivx", "verge"} {
		want = append(want, shared+" "+other+" U line 2 1")
	}
	want = append(want, shared+" verge V line 3 1")
	if d := cmp.Diff(want, proof(v.Number)); d != "" {
		t.Error(d)
	}
	sums := map[string]bool{}
	for k, err := range lists.WalkStack(context.Background(), b.store, v.Layers) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range k.Refs {
			records, err := b.store.Attributions(ctx, v.Layers[r.Layer].ID, []uint32{r.Attribution})
			if err != nil {
				t.Fatal(err)
			}
			a, err := lists.DecodeAttribution(records[0])
			if err != nil {
				t.Fatal(err)
			}
			if a.SHA256 == "" {
				a.SHA256 = v.Layers[r.Layer].SHA256
			}
			sums[a.SHA256] = true
		}
	}
	if first, err := b.Version(ctx, "deny", 1); err != nil || !cmp.Equal(sums, map[string]bool{first.SHA256: true}) {
		t.Errorf("the listings name the files %v (%v)", sums, err)
	}
}

func TestTenThousandListingsOfOneAddressAreReplacedAndRemoved(t *testing.T) {
	b := newBench(t)
	rows := make([]string, 10_000)
	for i := range rows {
		rows[i] = fmt.Sprintf("%s,ethereum,N%d", evmA, i)
	}
	b.mustStage(t, loader.StageOptions{}, csvOf(rows...))
	b.activate(t, "deny", 1)
	v := b.mustStage(t, loader.StageOptions{}, csvOf(append(rows[1:], evmB+",ethereum,B")...))
	if v.Diff != (lists.DiffCounts{Against: 1, Added: 1, Removed: 1, Unchanged: len(rows) - 1}) {
		t.Errorf("the diff is %+v", v.Diff)
	}
	b.activate(t, "deny", 2)
	v = b.mustStage(t, loader.StageOptions{Mode: lists.Remove}, csvOf(rows...))
	if v.Listings != 1 || v.Diff.Removed != len(rows)-1 || v.Layers[1].Removals != 1 {
		t.Errorf("%d listings stay, diff %+v", v.Listings, v.Diff)
	}
}
