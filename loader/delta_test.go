package loader_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

func wallet(id, address, alias string) string {
	return fmt.Sprintf(`{"id":%q,"caption":"w","schema":"CryptoWallet","properties":{"publicKey":[%q],"alias":[%q]}}`, id, address, alias)
}

func change(op, entity string) string { return fmt.Sprintf(`{"op":%q,"entity":%s}`, op, entity) }

func ofLines(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

// wallets is a list of three wallets, the third of which has an address of several networks.
func wallets(t *testing.T) *bench {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{Format: "ftm"}, ofLines(wallet("w-1", evmA, "A"), wallet("w-2", evmB, "B"), wallet("w-3", btcA, "C")))
	b.activate(t, "deny", 1)
	return b
}

func TestADeltaTakesAwayByTheIDOfTheEntity(t *testing.T) {
	b := wallets(t)
	v := b.mustStage(t, loader.StageOptions{Format: "ftm", Mode: lists.Add}, ofLines(
		change("ADD", wallet("w-4", evmC, "D")), change("ADD", wallet("w-2", evmB, "B")),
		change("MOD", wallet("w-1", evmA, "A2")), change("DEL", `{"id":"w-3"}`), change("DEL", `{"id":"nobody"}`)))
	if d := cmp.Diff(lists.Rows{Read: 6, Accepted: 4, Duplicate: 2}, v.Rows); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(lists.DiffCounts{Against: 1, Added: 1, Removed: 1, Changed: 1, Unchanged: 1}, v.Diff); d != "" {
		t.Error(d)
	}
	if v.Addresses != 3 || v.Listings != 3 || len(v.Guards) != 1 || v.Guards[0].Code != "shrink" { // one of three goes
		t.Errorf("%d addresses, %d listings, guards %v", v.Addresses, v.Listings, v.Guards)
	}
	if d := cmp.Diff([]string{evmC + " D 2", evmB + " B 1", evmA + " A2 1"}, b.content(t, "deny", 2)); d != "" {
		t.Error(d)
	}
	files := map[string]string{}
	if err := b.Listings(ctx, "deny", 2, func(l lists.Listing) error { files[l.Entity.Name] = l.SHA256 + l.Locator; return nil }); err != nil {
		t.Fatal(err)
	}
	first, err := b.Version(ctx, "deny", 1)
	if err != nil || files["B"] != first.SHA256+"entity w-2" || files["D"] != "entity w-4" {
		t.Errorf("what was carried over no longer says where it stood: %v, %v", files, err)
	}
}

// The whole row goes: a wallet whose address is one of several networks is not found under any of them.
func TestADeltaLeavesNoReadingBehind(t *testing.T) {
	b := wallets(t)
	v := b.mustStage(t, loader.StageOptions{Format: "ftm", Mode: lists.Add}, ofLines(change("DEL", `{"id":"w-3"}`)))
	for k, err := range lists.WalkStack(ctx, b.store, v.Layers) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range k.Refs {
			if text := k.Refs[i].ListedText(k.Key); text == btcA {
				t.Errorf("%s is still found under key %x", text, k.Key)
			}
		}
	}
}

func TestADeltaIsNoWholeListAndNoRemoval(t *testing.T) {
	b := wallets(t)
	for _, mode := range []lists.Mode{lists.Replace, lists.Remove} {
		if _, err := b.stage(t, loader.StageOptions{Format: "ftm", Mode: mode}, ofLines(change("DEL", `{"id":"w-3"}`))); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

// A delta that takes more away than max_shrink allows needs a person's reason, like any other version.
func TestADeltaIsGuarded(t *testing.T) {
	b := wallets(t)
	v := b.mustStage(t, loader.StageOptions{Format: "ftm", Mode: lists.Add}, ofLines(change("DEL", `{"id":"w-1"}`), change("DEL", `{"id":"w-2"}`)))
	if len(v.Guards) != 1 || v.Guards[0].Code != "shrink" {
		t.Errorf("guards %v", v.Guards)
	}
}

func sanction(id, of, end string) string {
	return fmt.Sprintf(`{"id":%q,"schema":"Sanction","properties":{"entity":[%q],"programId":["X"],"endDate":[%q]}}`, id, of, end)
}

func heldWallet(id, address string, more string) string {
	return fmt.Sprintf(`{"id":%q,"schema":"CryptoWallet","target":false,"properties":{"publicKey":[%q],"holder":["P"]%s}}`, id, address, more)
}

// What a delta does not hold neither lifts nor ends a listing: the orders that did not change, and the holder.
func TestADeltaEndsNothingThatItDoesNotHold(t *testing.T) {
	const holder = `{"id":"P","caption":"Holder","schema":"Person","properties":{}}`
	for name, c := range map[string]struct {
		base, delta []string
		until       string // "-": the address is not listed
	}{
		"a wallet changes, its holder is not in the delta":       {[]string{holder, sanction("s", "P", ""), heldWallet("w", evmA, "")}, []string{change("MOD", heldWallet("w", evmA, `,"alias":["new"]`))}, ""},
		"one of two orders ends":                                 {[]string{wallet("w", evmA, "A"), sanction("s1", "w", ""), sanction("s2", "w", "")}, []string{change("MOD", wallet("w", evmA, "A2")), change("MOD", sanction("s2", "w", "2024-01-01"))}, ""},
		"an expired wallet changes":                              {[]string{wallet("w", evmA, "A"), sanction("s1", "w", "2024-01-01")}, []string{change("MOD", wallet("w", evmA, "A2"))}, "2024-01-01"},
		"an expired wallet changes, with a new order":            {[]string{wallet("w", evmA, "A"), sanction("s1", "w", "2024-01-01")}, []string{change("MOD", wallet("w", evmA, "A2")), change("ADD", sanction("s2", "w", ""))}, ""},
		"an expired wallet has a new order":                      {[]string{wallet("w", evmA, "A"), sanction("s1", "w", "2024-01-01")}, []string{change("ADD", sanction("s2", "w", ""))}, ""},
		"the holder of an expired wallet has a new order":        {[]string{holder, heldWallet("w", evmA, ""), sanction("s1", "w", "2024-01-01")}, []string{change("ADD", sanction("s2", "P", "2030-01-01"))}, "2030-01-01"},
		"an order in force is shortened, and another is unknown": {[]string{wallet("w", evmA, "A"), sanction("s1", "w", "2030-01-01")}, []string{change("MOD", wallet("w", evmA, "A2")), change("MOD", sanction("s1", "w", "2025-01-01"))}, "2030-01-01"},
		"a wallet that was lifted changes":                       {[]string{strings.Replace(heldWallet("w", evmA, ""), `,"holder":["P"]`, "", 1)}, []string{change("MOD", strings.Replace(heldWallet("w", evmA, `,"alias":["new"]`), `,"holder":["P"]`, "", 1))}, "-"},
		"a wallet comes, its holder is not in the delta":         {[]string{holder, sanction("s", "P", "")}, []string{change("ADD", strings.Replace(heldWallet("w", evmA, `,"topics":["sanction"]`), "false", "true", 1))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.mustStage(t, loader.StageOptions{Format: "ftm"}, ofLines(append(c.base, wallet("other", evmB, "B"))...))
			b.activate(t, "deny", 1)
			v := b.mustStage(t, loader.StageOptions{Format: "ftm", Mode: lists.Add}, ofLines(c.delta...))
			if v.Rows.Read != v.Rows.Accepted+v.Rows.Quarantined+v.Rows.Duplicate {
				t.Errorf("rows %+v", v.Rows)
			}
			until := "-"
			if err := b.Listings(ctx, "deny", 2, func(l lists.Listing) error {
				if l.Address == evmA {
					until = l.ValidUntil
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if until != c.until {
				t.Errorf("the wallet is listed until %q, want %q", until, c.until)
			}
		})
	}
}

// A changed wallet keeps what its listing said of a holder that is not in the delta.
func TestADeltaKeepsTheNameOfAHolderItDoesNotHold(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{Format: "ftm"}, ofLines(`{"id":"P","caption":"Holder","schema":"Person","properties":{}}`, sanction("s", "P", ""), heldWallet("w", evmA, "")))
	b.activate(t, "deny", 1)
	b.mustStage(t, loader.StageOptions{Format: "ftm", Mode: lists.Add}, ofLines(change("MOD", heldWallet("w", evmA, `,"notes":["new"]`))))
	if err := b.Listings(ctx, "deny", 2, func(l lists.Listing) error {
		if l.Entity.Name != "Holder" || l.Entity.Type != "individual" || !slices.Equal(l.Programs, []string{"X"}) || !strings.Contains(l.Note, "new") {
			t.Errorf("%+v", l)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
