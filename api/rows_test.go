package api_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"interdict/api/client"
)

func (h *house) client(name string) *client.Client {
	h.t.Helper()
	c, err := client.New(h.url, h.keyOf[name])
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	return c
}

// addressesOf returns what the rows of a page are about.
func addressesOf(p *client.DiffPage) (out []string) {
	for _, r := range p.Rows {
		out = append(out, r.Change+" "+r.Listing.Address)
	}
	slices.Sort(out)
	return out
}

// A difference is searched by kind and by text, and an address is found in any spelling.
func TestDifferenceIsSearched(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		cash := "bitcoincash:" + "qqxgnyjxjyk47ytz76q6z25g3ezw6enhscddqz0frg"
		h.publish("deny", map[string]any{"approvals": 0}, row(lazarus, "L")+row(dogecoin, "Gone & Co"))
		h.upload("ana", "deny", row(strings.ToLower(lazarus), "Lazarus Group")+row(p2pkh, "New Ltd")+row(evm(1), "Other"), "")
		c := h.client("otto")
		ask := func(q client.RowsQuery) *client.DiffPage {
			p, err := c.DiffPage(t.Context(), "deny", 1, 2, q)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		for _, x := range []struct {
			q    client.RowsQuery
			want []string
		}{
			{client.RowsQuery{Kind: "removed"}, []string{"removed " + dogecoin}},
			{client.RowsQuery{Kind: "added"}, []string{"added " + evm(1), "added " + p2pkh}},
			{client.RowsQuery{Text: "LTD"}, []string{"added " + p2pkh}},
			{client.RowsQuery{Text: lazarus}, []string{"changed " + strings.ToLower(lazarus)}},
			{client.RowsQuery{Text: "eip155:1:" + lazarus}, []string{"changed " + strings.ToLower(lazarus)}},
			{client.RowsQuery{Text: "bitcoin:" + p2pkh}, []string{"added " + p2pkh}},
			{client.RowsQuery{Text: "gone &", Kind: "added"}, nil},
			{client.RowsQuery{Text: cash}, nil},
		} {
			p := ask(x.q)
			same(t, x.q.Kind+" "+x.q.Text, x.want, addressesOf(p))
			same(t, "cursor of the only page", "", p.Cursor)
			if p.Total == nil || *p.Total != len(x.want) {
				t.Errorf("total of %+v: %v", x.q, p.Total)
			}
		}
	})
}

// Pages by cursor have every row once, and a page reads no further than it needs.
func TestPagesOfDifference(t *testing.T) {
	h := open(t)
	h.publish("deny", map[string]any{"approvals": 0}, evmRows(0, 10))
	h.upload("ana", "deny", evmRows(5, 30), "")
	c := h.client("otto")
	q := client.RowsQuery{Kind: "added", Limit: 7}
	seen := map[string]bool{}
	pages := 0
	for {
		p, err := c.DiffPage(t.Context(), "deny", 1, 2, q)
		if err != nil {
			t.Fatal(err)
		}
		if p.Total == nil || *p.Total != 20 {
			t.Errorf("total of a kind, which the report counts: %v", p.Total)
		}
		for _, r := range p.Rows {
			if seen[r.Listing.Address] {
				t.Errorf("%s comes twice", r.Listing.Address)
			}
			seen[r.Listing.Address] = true
		}
		pages++
		if q.Cursor = p.Cursor; q.Cursor == "" {
			break
		}
	}
	same(t, "rows", 20, len(seen))
	same(t, "pages", 3, pages)
	p, err := c.DiffPage(t.Context(), "deny", 1, 2, client.RowsQuery{Text: "0xfeed", Limit: 7})
	if err != nil {
		t.Fatal(err)
	}
	if p.Total != nil {
		t.Errorf("the total of a search that was not read to its end: %d", *p.Total)
	}
	if _, err = c.DiffPage(t.Context(), "deny", 1, 2, client.RowsQuery{Text: "0xfee", Limit: 7, Cursor: p.Cursor}); err == nil {
		t.Error("the cursor of another search is taken")
	}
	var refused *client.Error
	if _, err = c.DiffPage(t.Context(), "deny", 0, 2, client.RowsQuery{Text: "0xfeed", Cursor: p.Cursor}); !errors.As(err, &refused) || refused.Code != "invalid_request" {
		t.Errorf("the cursor of another difference: %v", err)
	}
	n := 0
	counts, err := c.Diff(t.Context(), "deny", 1, 2, func(client.DiffRow) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	same(t, "all rows", counts.Added+counts.Removed+counts.Changed, n)
}

func TestQuarantineIsSearched(t *testing.T) {
	h := open(t)
	h.publish("deny", map[string]any{"approvals": 0}, row(lazarus[:40], "Cut One")+row("nonsense", "Two")+row(lazarus[:39], "Cut Three")+row(lazarus, "L"))
	c := h.client("otto")
	p, err := c.QuarantinePage(t.Context(), "deny", 1, client.RowsQuery{Text: "CUT", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rows) != 1 || p.Rows[0].Entity != "Cut One" || p.Total != nil || p.Cursor == "" {
		t.Fatalf("first page: %+v", p)
	}
	p, err = c.QuarantinePage(t.Context(), "deny", 1, client.RowsQuery{Text: "CUT", Limit: 1, Cursor: p.Cursor})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rows) != 1 || p.Rows[0].Entity != "Cut Three" || p.Cursor != "" {
		t.Fatalf("second page: %+v", p)
	}
	if p, err = c.QuarantinePage(t.Context(), "deny", 1, client.RowsQuery{Limit: 2}); err != nil || p.Total == nil || *p.Total != 3 || len(p.Rows) != 2 {
		t.Fatalf("all: %+v %v", p, err)
	}
}
