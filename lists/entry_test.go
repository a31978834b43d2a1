package lists

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"interdict/lists/address"
	"interdict/lists/fault"
)

func someRef(t *rapid.T) Ref {
	r := Ref{
		Also: rapid.Bool().Draw(t, "also"), Removed: rapid.Bool().Draw(t, "removed"), Lower: rapid.Bool().Draw(t, "lower"),
		Variant:     address.Variant(rapid.Uint16().Draw(t, "variant")),
		Attribution: rapid.Uint32().Draw(t, "attribution"),
		AddedIn:     rapid.IntRange(0, 1<<40).Draw(t, "added in"),
		Text:        rapid.StringN(0, 20, 40).Draw(t, "text"),
	}
	if rapid.Bool().Draw(t, "has locator") {
		r.HasLocator, r.Locator = true, rapid.Uint64().Draw(t, "locator")
	}
	if rapid.Bool().Draw(t, "has role") {
		r.Role = address.Role(rapid.IntRange(1, 255).Draw(t, "role"))
		r.Own = address.Key(rapid.SliceOfN(rapid.Byte(), 0, address.MaxKey).Draw(t, "own"))
	}
	return r
}

func TestReferencesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []Ref
		var b []byte
		for range rapid.IntRange(1, 5).Draw(t, "n") {
			r := someRef(t)
			want = append(want, r)
			b = AppendRef(b, &r)
		}
		got, err := DecodeRefs(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzDecodeRefs(f *testing.F) {
	f.Add(AppendRef(nil, &Ref{Variant: 2, Attribution: 7, HasLocator: true, Locator: 36618}))
	f.Add(AppendRef(nil, &Ref{Variant: 9, Role: 1, Own: "\x02own", Text: "text", AddedIn: 3}))
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		refs, err := DecodeRefs(nil, b)
		if err == nil && len(refs) == 0 {
			t.Fatal("an entry without a reference is taken")
		}
	})
}

func TestRemovalHidesOnlyItsIdentity(t *testing.T) {
	entry := func(refs ...Ref) (b []byte) {
		for i := range refs {
			b = AppendRef(b, &refs[i])
		}
		return b
	}
	one, two := Ref{Variant: 10, Attribution: 1}, Ref{Variant: 11, Attribution: 2}
	again := Ref{Variant: 10, Attribution: 3}
	gone := Ref{Variant: 10, Removed: true}
	for name, c := range map[string]struct {
		layers [][]byte // base first
		want   []uint32 // attributions
	}{
		"nothing there":               {[][]byte{nil, nil}, nil},
		"base alone":                  {[][]byte{entry(one, two)}, []uint32{1, 2}},
		"one of two removed":          {[][]byte{entry(one, two), entry(gone)}, []uint32{2}},
		"removed, then added again":   {[][]byte{entry(one), entry(gone), entry(again)}, []uint32{3}},
		"removed and added in one":    {[][]byte{entry(one), entry(gone, again)}, []uint32{3}},
		"removed below what is added": {[][]byte{nil, entry(gone), entry(again), nil}, []uint32{3}},
		"the same on top":             {[][]byte{entry(one), entry(again)}, []uint32{1, 3}},
	} {
		refs, err := Resolve(c.layers)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []uint32
		for _, r := range refs {
			got = append(got, r.Attribution)
		}
		slices.Sort(got)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if _, err := Resolve([][]byte{entry(one), {0xff, 1}}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a damaged layer is read as %v", err)
	}
}

func TestDefaultPolicy(t *testing.T) {
	for _, c := range []struct {
		policy     Policy
		category   Category
		confidence Confidence
		class      string
		direction  Direction
		want       Action
	}{
		{nil, Sanctions, Confirmed, "exact", Deposit, Freeze},
		{nil, TerroristFinancing, Confirmed, "exact", Withdrawal, Reject},
		{nil, Sanctions, Suspected, "exact", Withdrawal, Review},
		{nil, Sanctions, Confirmed, "same_key", Withdrawal, Review},
		{nil, Sanctions, Confirmed, "raw", Deposit, Review},
		{nil, "scam", Confirmed, "exact", Withdrawal, Review},
		{nil, Sanctions, Confirmed, "exact", "", Review},
		{Policy{{Category: "scam", Action: Reject}}, "scam", Suspected, "contains", Withdrawal, Reject},
		{Policy{{Category: "scam", Direction: Deposit, Action: Allow}}, "scam", Suspected, "exact", Withdrawal, Review},
		{Policy{{Class: "exact", Action: Review}, {Action: Allow}}, Sanctions, Confirmed, "exact", Withdrawal, Review},
	} {
		if got := c.policy.Action(c.category, c.confidence, c.class, c.direction); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if Stricter(Review, Reject) != Reject || Stricter(Freeze, Allow) != Freeze || Stricter("", Allow) != Allow {
		t.Error("the stricter of two actions is not the stricter")
	}
}
