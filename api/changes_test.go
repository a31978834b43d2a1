package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/api/client"
	"interdict/lists"
)

// copyOf is what a follower has: listings by id. Applying a change that does not fit is an error.
type copyOf map[string]string

func (c copyOf) apply(x *client.ListChange) error {
	remove := func(id string) error {
		if _, ok := c[id]; !ok {
			return fmt.Errorf("%s of generation %d is not there to be %s", id, x.Generation, x.Kind)
		}
		delete(c, id)
		return nil
	}
	var err error
	switch x.Kind {
	case "removed":
		return remove(x.ID)
	case "changed":
		err = remove(x.BeforeID)
	}
	if _, ok := c[x.ID]; ok {
		err = errors.Join(err, fmt.Errorf("%s of generation %d comes twice", x.ID, x.Generation))
	}
	c[x.ID] = rowOf(x.List, &x.Listing)
	return err
}

// rowOf returns a listing as text, without its position in the file.
func rowOf(list string, l *client.Listing) string {
	x := *l
	x.Locator, x.AddedIn, x.Address = "", 0, strings.ToLower(x.Address)
	b, err := json.Marshal(x)
	if err != nil {
		panic(err)
	}
	return list + " " + string(b)
}

func (c copyOf) rows() []string { return slices.Sorted(maps.Values(c)) }

// active returns what is active now, by the difference of each version from nothing.
func (h *house) active(may func(string) bool) []string {
	h.t.Helper()
	out := []string{}
	g, err := h.loader.Generation(h.t.Context(), 0)
	if err != nil {
		h.t.Fatal(err)
	}
	c := h.client("otto")
	for _, a := range g.Lists {
		if may != nil && !may(a.List.ID) {
			continue
		}
		if _, err := c.Diff(h.t.Context(), a.List.ID, 0, a.Version, func(r client.DiffRow) error {
			out = append(out, rowOf(a.List.ID, &r.Listing))
			return nil
		}); err != nil {
			h.t.Fatal(err)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// pages reads pages from a cursor to the end, applies them, and returns the last one.
func (h *house) pages(c copyOf, q client.ChangesQuery) (last *client.ChangesPage, changes []client.ListChange) {
	h.t.Helper()
	reader := h.client("otto")
	for {
		var err error
		if last, err = reader.Changes(h.t.Context(), q); err != nil {
			h.t.Fatal(err)
		}
		for i := range last.Changes {
			if err := c.apply(&last.Changes[i]); err != nil {
				h.t.Fatal(err)
			}
		}
		changes = append(changes, last.Changes...)
		if q.Since = last.Cursor; !last.More {
			return last, changes
		}
		if len(last.Changes) == 0 {
			h.t.Fatal("an empty page with more")
		}
	}
}

func (h *house) activate(list string, v any) {
	h.t.Helper()
	h.by("ben", "POST", fmt.Sprintf("/v1/lists/%s/versions/%v/activate", list, v), map[string]any{"override": "test"}).want(200)
}

// brief returns what changes are about.
func brief(changes []client.ListChange) []string {
	out := []string{}
	for _, x := range changes {
		out = append(out, fmt.Sprintf("%d %s %s/%d %s %s %s (%s of %d)", x.Generation, x.Action, x.List, x.Version, x.Kind, x.Listing.Address, x.Listing.Entity.Name, x.Source.File, x.Source.Version))
	}
	return out
}

// Whoever follows the changes has what is active, whatever is done to lists.
func TestChangesOfLists(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		h.by("otto", "GET", "/v1/lists/changes", nil).refused(problem{Status: 503, Code: "not_loaded"})
		open := map[string]any{"approvals": 0, "category": "scam"}
		h.publish("deny", open, row(lazarus, "L")+row(p2pkh, "P"))
		got := h.by("otto", "GET", "/v1/lists/changes", nil)
		first := got.want(200)
		same(t, "without since: the state, and nothing before it", map[string]any{"changes": []any{}, "more": false, "generation": 1.0, "complete": true,
			"lists": []any{map[string]any{"list": "deny", "version": 1.0}}}, without(first, "cursor", "at"))

		c := copyOf{}
		p, changes := h.pages(c, client.ChangesQuery{Since: "start"})
		slices.SortFunc(changes, func(a, b client.ListChange) int { return strings.Compare(a.Listing.Address, b.Listing.Address) })
		same(t, "from the start", []string{"1 start deny/1 added " + lazarus + " L (deny.ndjson of 1)", "1 start deny/1 added " + p2pkh + " P (deny.ndjson of 1)"}, brief(changes))
		same(t, "cursor", first["cursor"], any(p.Cursor))
		same(t, "copy", h.active(nil), c.rows())

		tag := got.header.Get("ETag")
		again := func(tag string) *answer {
			return h.do(call{method: "GET", path: "/v1/lists/changes?since=" + p.Cursor, key: h.keyOf["otto"], header: http.Header{"If-None-Match": {`"other", ` + tag}}})
		}
		a := again(tag)
		a.want(304)
		same(t, "tag", tag, a.header.Get("ETag"))
		same(t, "nothing", 0, len(a.body))

		follow := func(what string, want ...string) {
			t.Helper()
			again(`W/"` + p.Cursor + `"`).want(200) // something is new, if only a generation; it is held against openapi.yaml
			p, changes = h.pages(c, client.ChangesQuery{Since: p.Cursor})
			got := brief(changes)
			slices.Sort(got)
			slices.Sort(want)
			same(t, what, append([]string{}, want...), got)
			same(t, "copy after "+what, h.active(nil), c.rows())
		}
		h.activate("deny", h.upload("ana", "deny", row(strings.ToLower(lazarus), "Lazarus")+row(p2pkh, "P")+row(dogecoin, "D"), "")["version"])
		follow("another version", "2 activate deny/2 changed "+strings.ToLower(lazarus)+" Lazarus (deny.ndjson of 2)", "2 activate deny/2 added "+dogecoin+" D (deny.ndjson of 2)")
		h.publish("other", open, row(lazarus, "L"))
		h.activate("deny", h.upload("ana", "deny", row(p2pkh, "P"), "&mode=remove")["version"])
		h.activate("deny", h.upload("ana", "deny", row(genesis, "G"), "&mode=add")["version"])
		follow("two lists, a removal and an addition", "3 activate other/1 added "+lazarus+" L (other.ndjson of 1)",
			"4 activate deny/3 removed "+p2pkh+" P (deny.ndjson of 2)", "5 activate deny/4 added "+genesis+" G (deny.ndjson of 4)")
		h.by("ben", "POST", "/v1/lists/deny/rollback", map[string]any{"reason": "r"}).want(200)
		follow("a rollback", "6 rollback deny/3 removed "+genesis+" G (deny.ndjson of 4)")
		h.by("root", "PUT", "/v1/lists/deny", map[string]any{"category": "sanctions"}).want(200)
		follow("another category of the list", "7 settings deny/3 changed "+dogecoin+" D (deny.ndjson of 3)",
			"7 settings deny/3 changed "+strings.ToLower(lazarus)+" Lazarus (deny.ndjson of 3)")
		same(t, "category", lists.Sanctions, changes[0].Listing.Category)
		h.by("root", "PUT", "/v1/lists/deny", map[string]any{"name": "Deny"}).want(200)
		follow("settings that change no listing")
		h.by("ben", "POST", "/v1/lists/other/retire", map[string]any{"reason": "r"}).want(200)
		follow("a retirement", "9 retire other/0 removed "+lazarus+" L (other.ndjson of 1)")
		h.by("root", "PUT", "/v1/lists/misspelt", nil).want(201)
		h.by("root", "DELETE", "/v1/lists/misspelt", nil).want(204)
		p, changes = h.pages(c, client.ChangesQuery{Since: p.Cursor})
		same(t, "a list that never was active is deleted", 0, len(changes))
		h.activate("other", 1)
		follow("a list comes back", "10 activate other/1 added "+lazarus+" L (other.ndjson of 1)")

		whole := copyOf{}
		h.pages(whole, client.ChangesQuery{Since: "start"})
		same(t, "whoever begins now has the same", c, whole)

		// The same cursor works on another server of the store, which is what a restart is as well.
		other := openOn(t, h.store.Store, t.TempDir())
		oc := copyOf{}
		op, _ := other.pages(oc, client.ChangesQuery{Since: "start"})
		same(t, "another server", []any{p.Cursor, c}, []any{op.Cursor, oc})
	})
}

// Pages of every size give each change once, also when the reader stops in the middle of a version and the lists go on changing.
func TestChangesInPages(t *testing.T) {
	h := open(t)
	h.publish("deny", map[string]any{"approvals": 0}, evmRows(0, 3))
	from := h.by("otto", "GET", "/v1/lists/changes", nil).want(200)["cursor"].(string)
	c := copyOf{}
	h.pages(c, client.ChangesQuery{Since: "start"})
	h.activate("deny", h.upload("ana", "deny", evmRows(2, 2_002), "")["version"])
	h.activate("deny", h.upload("ana", "deny", evmRows(10, 2_000), "")["version"])
	reader, since := h.client("otto"), from
	for range 2 {
		p, err := reader.Changes(t.Context(), client.ChangesQuery{Since: since, Limit: 700})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "page", []any{700, true, false, 2}, []any{len(p.Changes), p.More, p.Complete, p.Generation})
		for i := range p.Changes {
			if err := c.apply(&p.Changes[i]); err != nil {
				t.Fatal(err)
			}
		}
		since = p.Cursor
	}
	h.by("ben", "POST", "/v1/lists/deny/rollback", map[string]any{"reason": "r"}).want(200)
	_, changes := h.pages(c, client.ChangesQuery{Since: since, Limit: 500})
	same(t, "the rest of version 2, and version 3 there and back", 2_001-1_400+2*10, len(changes))
	same(t, "copy", h.active(nil), c.rows())
	whole := copyOf{}
	h.pages(whole, client.ChangesQuery{Since: "start", Limit: 999})
	same(t, "from the start", c, whole)
}

// randomStep does something to lists, as people do. It may be refused.
func (h *house) randomStep(r *rand.Rand) {
	list := "l" + fmt.Sprint(r.IntN(3))
	rows := ""
	for range r.IntN(8) {
		rows += row(evm(r.IntN(12)), fmt.Sprint("E", r.IntN(2)))
	}
	l, _, err := h.loader.List(h.t.Context(), list)
	switch x := r.IntN(10); {
	case err != nil || l.Latest == 0:
		h.publish(list, map[string]any{"approvals": 0, "max_shrink": 1}, row(evm(1), "E0")+rows)
	case x < 4 && rows != "":
		h.activate(list, h.upload("ana", list, rows, "")["version"])
	case x < 6 && rows != "" && l.Active != 0:
		mode := []string{"add", "remove"}[r.IntN(2)]
		a := h.do(call{method: "POST", path: "/v1/lists/" + list + "/versions?format=ndjson&mode=" + mode, key: h.keyOf["ana"], body: rows, header: http.Header{"Content-Type": {"application/x-ndjson"}}})
		if a.status == 201 {
			h.by("ben", "POST", fmt.Sprintf("/v1/lists/%s/versions/%v/activate", list, a.want(201)["version"]), map[string]any{"override": "test"})
		}
	case x == 6:
		h.by("ben", "POST", "/v1/lists/"+list+"/rollback", map[string]any{"reason": "r"})
	case x == 7:
		h.by("ben", "POST", "/v1/lists/"+list+"/retire", map[string]any{"reason": "r"})
	case x == 8:
		h.by("root", "PUT", "/v1/lists/"+list, map[string]any{"category": []string{"scam", "mixer"}[r.IntN(2)]})
	default:
		h.by("ben", "POST", fmt.Sprintf("/v1/lists/%s/versions/%d/activate", list, 1+r.IntN(l.Latest)), map[string]any{"override": "test"})
	}
}

// Folding the changes gives what is active, at every generation, in pages of any size, whatever was done.
func TestFoldedChangesAreWhatIsActive(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := open(t, fourEyesOff)
			r := rand.New(rand.NewPCG(seed, 1))
			h.randomStep(r)
			c := copyOf{}
			p, _ := h.pages(c, client.ChangesQuery{Since: "start"})
			begin, began := p.Cursor, maps.Clone(c)
			states := map[int][]string{p.Generation: c.rows()}
			for range 20 {
				h.randomStep(r)
				p, _ = h.pages(c, client.ChangesQuery{Since: p.Cursor, Limit: 1 + r.IntN(4)})
				same(t, fmt.Sprint("generation ", p.Generation), h.active(nil), c.rows())
				states[p.Generation] = c.rows()
			}
			if p.Generation < 10 {
				t.Errorf("%d generations only", p.Generation)
			}
			lc := began // a reader that comes late passes through the same states
			for since := begin; ; {
				q, err := h.client("otto").Changes(t.Context(), client.ChangesQuery{Since: since, Limit: 1})
				if err != nil {
					t.Fatal(err)
				}
				for i := range q.Changes {
					if err := lc.apply(&q.Changes[i]); err != nil {
						t.Fatal(err)
					}
				}
				if q.Complete {
					same(t, fmt.Sprint("a late reader at generation ", q.Generation), states[q.Generation], lc.rows())
				}
				if since = q.Cursor; !q.More {
					break
				}
			}
		})
	}
}

// A reader who asks for what cannot be told is not told that nothing is new.
func TestChangesThatCannotBeTold(t *testing.T) {
	h := open(t, fourEyesOff)
	h.publish("deny", map[string]any{"approvals": 0, "keep": 1}, row(lazarus, "L"))
	cursor := h.by("otto", "GET", "/v1/lists/changes", nil).want(200)["cursor"].(string)
	parts := strings.Split(cursor, ".")
	for since, want := range map[string]problem{
		"17":                            {Status: 400, Code: "invalid_request"},
		"end":                           {Status: 400, Code: "invalid_request"},
		cursor + ".next":                {Status: 400, Code: "invalid_request"},
		cursor + ".next.deny.1":         {Status: 400, Code: "invalid_request"},
		"2" + cursor[1:]:                {Status: 409, Code: "conflict"},
		"1.1." + strings.Repeat("0", 8): {Status: 409, Code: "conflict"},
		"1.9." + parts[2]:               {Status: 503, Code: "lost"},
	} {
		for _, path := range []string{"/v1/lists/changes", "/v1/lists/changes/stream"} {
			h.by("otto", "GET", path+"?since="+since, nil).refused(want)
		}
	}
	for query, want := range map[string]problem{
		"?list=nosuch": {Status: 404, Code: "not_found"},
		"?list=%2e":    {Status: 404, Code: "not_found"},
		"?lst=deny":    {Status: 400, Code: "invalid_request"},
	} {
		for _, path := range []string{"/v1/lists/changes", "/v1/lists/changes/stream"} {
			h.by("otto", "GET", path+query, nil).refused(want)
		}
	}
	h.by("otto", "GET", "/v1/lists/changes?limit=10001", nil).refused(problem{Status: 400, Code: "invalid_request"})
	h.by("root", "PUT", "/v1/lists/changes", map[string]any{}).refused(problem{Status: 400, Code: "invalid_request"})

	h.store.gone.Store(true)
	for _, query := range []string{"", "?since=start", "?since=" + cursor} {
		for _, path := range []string{"/v1/lists/changes", "/v1/lists/changes/stream"} {
			h.do(call{method: "GET", path: path + query, key: h.keyOf["otto"], header: http.Header{"If-None-Match": {`W/"` + cursor + `"`}}}).refused(problem{Status: 503, Code: "store_unavailable"})
		}
	}
	h.store.gone.Store(false)

	// Versions that are not kept: with what is left, the reader would miss changes.
	for n := range 4 {
		h.activate("deny", h.upload("ana", "deny", row(evm(n), "E"), "")["version"])
	}
	h.clock.advance(time.Hour)
	h.upload("ana", "deny", row(evm(9), "E"), "") // an upload sweeps
	p := h.by("otto", "GET", "/v1/lists/changes?since="+cursor, nil).refused(problem{Status: 409, Code: "conflict"})
	same(t, "detail", "the listings of version 1 of list deny are not kept any more (the list's setting keep): begin again with since=start", p.Detail)
	h.by("otto", "GET", "/v1/lists/changes/stream?since="+cursor, nil).refused(problem{Status: 409, Code: "conflict"})

	// A store with another history.
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"name": "n"}).want(200)
	newest := h.by("otto", "GET", "/v1/lists/changes", nil).want(200)
	g, err := h.loader.Generation(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	g.ID = "another"
	if err := h.store.Commit(t.Context(), lists.Put(lists.DocGeneration(g.Number), g, lists.AnyRevision), lists.Put(lists.DocHead, g.Head(), lists.AnyRevision)); err != nil {
		t.Fatal(err)
	}
	h.by("otto", "GET", "/v1/lists/changes?since="+newest["cursor"].(string), nil).refused(problem{Status: 409, Code: "conflict"})
}

// A key that is limited to lists sees those only.
func TestChangesOfALimitedKey(t *testing.T) {
	h := open(t)
	for _, list := range []string{"own-a", "deny", "own-b"} {
		h.publish(list, map[string]any{"approvals": 0}, row(lazarus, list))
	}
	made := h.by("root", "POST", "/v1/keys", map[string]any{"name": "partner", "roles": []string{"checker"}, "lists": []string{"own-*"}}).want(201)
	h.keyOf["partner"] = made["key"].(string)
	var p client.ChangesPage
	a := h.by("partner", "GET", "/v1/lists/changes?since=start", nil)
	a.want(200)
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatal(err)
	}
	same(t, "changes", []string{"3 start own-a/1 added " + lazarus + " own-a (own-a.ndjson of 1)", "3 start own-b/1 added " + lazarus + " own-b (own-b.ndjson of 1)"}, brief(p.Changes))
	same(t, "lists", []client.ListVersion{{List: "own-a", Version: 1}, {List: "own-b", Version: 1}}, p.Lists)
	for _, path := range []string{"/v1/lists/changes", "/v1/lists/changes/stream"} {
		h.by("partner", "GET", path+"?list=deny", nil).refused(problem{Status: 403, Code: "forbidden"})
	}
	if err := json.Unmarshal(h.by("partner", "GET", "/v1/lists/changes?since=start&list=own-b", nil).body, &p); err != nil || len(p.Changes) != 1 || len(p.Lists) != 1 {
		t.Errorf("%+v %v", p, err)
	}
}
