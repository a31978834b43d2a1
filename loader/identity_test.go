package loader_test

import (
	"slices"
	"strings"
	"testing"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/loader"
)

// TestWhatIsWrongWithAnAddressIsReported: a row whose label, letters or letter case are wrong is loaded under what its address is, and under
// the text as published; the report counts such rows.
func TestWhatIsWrongWithAnAddressIsReported(t *testing.T) {
	b := newBench(t)
	repaired := "0x" + strings.Replace(evmB[2:], "b", "B", 1) // one letter of a wrong case
	cyrillic := strings.Replace(btcB, "c", "\u0441", 1)
	v := b.mustStage(t, loader.StageOptions{}, "address,asset\n"+evmA+",APT\n"+strings.ToLower(evmC)+",STRK\n"+
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4,NEAR\n"+repaired+",ETH\n"+cyrillic+",XBT\n"+btcA+",XBT\n")
	if v.Rows.Accepted != 6 || v.Rows.Quarantined != 0 || v.Listings != 6 || v.Raw != 0 {
		t.Errorf("rows %+v, %d listings, %d raw", v.Rows, v.Listings, v.Raw)
	}
	var codes []string
	for _, w := range v.Warnings {
		codes = append(codes, w.Code+" "+w.Detail[:1])
	}
	slices.Sort(codes)
	if want := []string{"contradicted_label 3", "letter_case 1", "lookalikes 1"}; !slices.Equal(codes, want) {
		t.Errorf("warnings %v, want %v", codes, want)
	}
	b.activate(t, "deny", 1)
	for text, network := range map[string]string{evmA: "ethereum", evmC: "", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": "", evmB: "ethereum", btcB: "bitcoin"} {
		readings, err := address.Parse(nil, text, network)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.refs(t, readings[0].Key)) == 0 {
			t.Errorf("%s is not listed", text)
		}
	}
	for _, text := range []string{repaired, cyrillic} {
		if len(b.refs(t, address.RawKey(text))) == 0 {
			t.Errorf("%s is not listed as it is written", text)
		}
	}
	// A removal takes the listing away with all its readings.
	v = b.mustStage(t, loader.StageOptions{Mode: "remove"}, "address,asset\n"+repaired+",ETH\n"+cyrillic+",XBT\n")
	if v.Diff.Removed != 2 {
		t.Errorf("diff %+v", v.Diff)
	}
	if _, err := b.Activate(ctx, "deny", 2, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "two of six go"}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{repaired, cyrillic} {
		if len(b.refs(t, address.RawKey(text))) != 0 {
			t.Errorf("%s is listed still", text)
		}
	}
}

// refs gives what the active version says under a key.
func (b *bench) refs(t *testing.T, key address.Key) []lists.StackRef {
	t.Helper()
	settings, _, err := lists.Read[lists.List](ctx, b.store, lists.DocList("deny"))
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := lists.Read[lists.Version](ctx, b.store, lists.DocVersion("deny", settings.Active))
	if err != nil {
		t.Fatal(err)
	}
	found, err := lists.LookupStack(ctx, b.store, v.Layers, []address.Key{key})
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}
