package loader_test

import (
	"fmt"
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
