package api_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/screening"
	"interdict/screening/archive"
	"interdict/screening/archive/diskindex"
	"interdict/screening/journal"
)

// indexed is a house with an index of its record.
type indexed struct {
	*house
	indexer *archive.Indexer
	looker  *archive.Looker
}

// withIndex opens a house that keeps its index up to date on request only.
func withIndex(t *testing.T, settings ...func(*api.Options)) *indexed {
	t.Helper()
	index, err := diskindex.Open(t.TempDir()+"/index", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = index.Close() })
	x := &indexed{}
	a := &api.Archive{Index: index,
		Coverage: func(ctx context.Context) (archive.Coverage, error) { return x.looker.Coverage(ctx) },
		LookBack: func(ctx context.Context) (*client.LookBack, error) {
			s, err := x.looker.State(ctx)
			return &client.LookBack{Generation: s.Generation, Success: &s.Success, All: &s.All, Failure: s.Failure}, err
		},
		Resolve: func(ctx context.Context, r archive.Resolution) error {
			b, err := json.Marshal(&r)
			if err == nil {
				err = x.journal.Append(journal.LookBack, x.clock.now(), b, true)
			}
			if err == nil {
				err = x.indexer.Once(ctx)
			}
			return err
		}}
	x.house = open(t, append([]func(*api.Options){func(o *api.Options) { o.Archive = a }}, settings...)...)
	x.indexer = &archive.Indexer{Index: index, Source: archive.Folder(x.dir + "/journal"), Node: "here", Log: slog.New(slog.DiscardHandler), Now: x.clock.now}
	x.looker = &archive.Looker{Store: x.store, Scope: "all", Serving: func() int { return x.screener.Status().Generation }, Log: slog.New(slog.DiscardHandler),
		Coverage: func(ctx context.Context) (archive.Coverage, error) {
			marks, err := index.Marks(ctx)
			return archive.Cover(x.clock.now(), marks, []uuid.UUID{x.journal.Writer()}), err
		},
		Changed: func(ctx context.Context, from, to *lists.Generation, yield func([]address.Key) error) error {
			return x.loader.ChangedBetween(ctx, from, to, yield)
		},
		LookBack: archive.LookBack{Index: index, Screener: x.screener, Now: x.clock.now, Append: func(e []journal.Entry) error { return x.journal.AppendBatch(e, true) }}}
	return x
}

// lookBack indexes the record and does what is due.
func (x *indexed) lookBack() {
	x.t.Helper()
	for range 2 { // what is found is in the index afterwards
		if err := x.indexer.Once(x.t.Context()); err != nil {
			x.t.Fatal(err)
		}
		if err := x.looker.Once(x.t.Context()); err != nil {
			x.t.Fatal(err)
		}
	}
	if err := x.indexer.Once(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
}

func (x *indexed) search(query string) (ids []string) {
	x.t.Helper()
	for _, r := range x.by("otto", "GET", "/v1/audit?"+query, nil).want(200)["records"].([]any) {
		if check, ok := r.(map[string]any)["check"].(map[string]any); ok {
			ids = append(ids, check["check_id"].(string))
		} else {
			ids = append(ids, r.(map[string]any)["kind"].(string))
		}
	}
	return ids
}

func (x *indexed) check(address, network, reference string) (id string) {
	x.t.Helper()
	asked := map[string]any{"address": address, "direction": "deposit", "reference": reference, "customer": "c-" + reference}
	if network != "" {
		asked["network"] = network
	}
	return x.by("till", "POST", "/v1/check", asked).want(200)["check_id"].(string)
}

func TestTheRecordIsSearched(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	first := x.check(genesis, "", "dep-1")
	x.clock.advance(time.Second)
	second := x.check("bitcoin:"+genesis, "", "dep-2")
	hit := x.check(strings.ToLower(lazarus), "ethereum", "dep-3")
	x.by("till", "POST", "/v1/check", map[string]any{"address": "nonsense", "direction": "deposit", "reference": "dep-4"}).refused(problem{Status: 422, Code: "invalid_address", Reason: "unsupported_kind"})
	x.lookBack()
	for query, want := range map[string][]string{
		"kind=check&address=" + genesis:                      {first, second},
		"kind=check&address=" + genesis + "&network=btc":     {first, second},
		"kind=check&address=" + genesis + "&order=newest":    {second, first},
		"kind=check&address=bitcoin:" + genesis + "&limit=1": {first},
		"reference=dep-3":                      {hit},
		"customer=c-dep-2":                     {second},
		"result=hit":                           {hit},
		"kind=check&list=ofac-sdn":             {hit},
		"kind=check&by=till&result=miss":       {first, second},
		"kind=check&by=nobody":                 nil,
		"kind=check&to=2000-01-01":             nil,
		"kind=check&from=2999-01-01T00:00:00Z": nil,
		"result=done&by=ben":                   {"list change"},
		"kind=check&address=" + url.QueryEscape("0X"+lazarus[2:]):    {hit},
		"kind=check&address=nonsense&result=refused&reference=dep-4": {"refused"},
	} {
		got := x.search(query)
		if len(want) == 1 && want[0] == "refused" {
			want = got
			if len(got) != 1 {
				t.Errorf("%s: %v", query, got)
			}
		}
		same(t, query, want, got)
	}
	page := x.by("otto", "GET", "/v1/audit?kind=check&limit=2", nil).want(200)
	rest := x.search("kind=check&limit=1000&cursor=" + page["cursor"].(string))
	same(t, "records on both pages", 4, len(page["records"].([]any))+len(rest))
	if page["complete_until"] == nil {
		t.Error("it is not told up to when the index is complete")
	}
	for query, detail := range map[string]string{
		"kind=nosuch": "", "limit=0": "limit is 1 to 1000", "limit=2000": "limit is 1 to 1000", "cursor=x": "cursor: not one from an earlier page", "from=yesterday": "", "order=up": "",
		"network=btc": "network is for address",
	} {
		a := x.do(call{method: "GET", path: "/v1/audit?" + query, key: x.keyOf["otto"], wrong: true})
		a.refused(problem{Status: 400, Code: "invalid_request", Detail: detail})
	}
	x.by("otto", "GET", "/v1/audit?address="+genesis+"&network=nosuch", nil).refused(problem{Status: 422, Code: "unsupported_network"})

	accept := func(media string) *answer {
		return x.do(call{method: "GET", path: "/v1/audit?kind=check", key: x.keyOf["otto"], header: map[string][]string{"Accept": {media}}})
	}
	same(t, "lines", 4, strings.Count(string(accept("application/x-ndjson").body), "\n"))
	rows, err := csv.NewReader(strings.NewReader(string(accept("text/csv").body))).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	table := accept("application/vnd.apache.parquet")
	type row struct {
		CheckID   string `parquet:"check_id"`
		Reference string `parquet:"reference"`
		Result    string `parquet:"result"`
		Answer    string `parquet:"answer"`
		SHA256    string `parquet:"sha256"`
	}
	cells, err := parquet.Read[row](bytes.NewReader(table.body), int64(len(table.body)))
	if err != nil {
		t.Fatal(err)
	}
	wantCells := []row{}
	for _, r := range x.by("otto", "GET", "/v1/audit?kind=check", nil).want(200)["records"].([]any) {
		id := r.(map[string]any)["check"].(map[string]any)["check_id"].(string)
		var c client.CheckRecord
		if err := json.Unmarshal(x.by("otto", "GET", "/v1/checks/"+id, nil).body, &c); err != nil {
			t.Fatal(err)
		}
		wantCells = append(wantCells, row{id, c.Request.Reference, c.Result, string(c.Answer), c.Record.SHA256})
	}
	same(t, "the Parquet file", wantCells, cells)
	if table.header.Get("Complete-Until") == "" || table.header.Get("Content-Type") != "application/vnd.apache.parquet" {
		t.Errorf("%v", table.header)
	}
	empty := x.do(call{method: "GET", path: "/v1/audit?by=nobody", key: x.keyOf["otto"], header: map[string][]string{"Accept": {"application/vnd.apache.parquet"}}})
	if cells, err = parquet.Read[row](bytes.NewReader(empty.body), int64(len(empty.body))); err != nil || len(cells) > 0 {
		t.Errorf("a file without records: %d rows, %v", len(cells), err)
	}
}

// An address becomes listed, is listed by one more list, and is removed: each time its earlier checks raise alerts, once, in any spelling.
func TestEarlierChecksRaiseAlerts(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	deny := func(rows string) { x.publish("deny", map[string]any{"approvals": 0}, rows) }
	plain := x.check(genesis, "", "dep-1")
	uri := x.check("bitcoin:"+genesis, "bitcoin", "dep-2")
	other := x.check("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "ethereum", "dep-3")
	x.lookBack()
	alerts := func(query string) map[string]string {
		t.Helper()
		out := map[string]string{}
		for _, a := range x.by("otto", "GET", "/v1/alerts"+query, nil).want(200)["alerts"].([]any) {
			a := a.(map[string]any)
			out[a["check_id"].(string)] += a["cause"].(string) + " "
		}
		return out
	}
	same(t, "before", map[string]string{}, alerts(""))
	row := `{"address":"` + genesis + `","network":"bitcoin"}` + "\n"
	deny(row)
	x.lookBack()
	want := map[string]string{plain: "listed ", uri: "listed "}
	same(t, "listed", want, alerts(""))
	x.lookBack()
	x.clock.advance(2 * time.Minute) // what slower servers answered meanwhile is looked back on once more
	x.lookBack()
	same(t, "no alert comes twice", want, alerts(""))
	same(t, "of the list", want, alerts("?list=deny"))
	same(t, "of another list", map[string]string{}, alerts("?list=ofac-sdn"))

	page := x.by("ben", "GET", "/v1/alerts?limit=1", nil).want(200)
	id := page["alerts"].([]any)[0].(map[string]any)["id"].(string)
	same(t, "second page", 1, len(x.by("ben", "GET", "/v1/alerts?cursor="+page["cursor"].(string), nil).want(200)["alerts"].([]any)))
	path := "/v1/alerts/" + id + "/resolve"
	x.by("ben", "POST", path, map[string]any{"reason": " "}).refused(problem{Status: 400, Code: "invalid_request"})
	x.by("ben", "POST", "/v1/alerts/nosuch/resolve", map[string]any{"reason": "x"}).refused(problem{Status: 404, Code: "not_found"})
	same(t, "state", any("resolved"), x.by("ben", "POST", path, map[string]any{"reason": "frozen, case 12"}).want(200)["state"])
	x.by("cleo", "POST", path, map[string]any{"reason": "again"}).refused(problem{Status: 409, Code: "conflict"})
	same(t, "open", 1, len(alerts("")))
	same(t, "all", want, alerts("?state=all"))

	deny(`{"address":"` + lazarus + `"}` + "\n")
	x.lookBack()
	same(t, "removed", map[string]string{plain: "listed delisted ", uri: "listed delisted "}, alerts("?state=all"))
	deny(row)
	x.lookBack()
	same(t, "listed again", "listed delisted listed ", alerts("?state=all")[plain])
	if alerts("?state=all")[other] != "" {
		t.Error("an address that was never listed has an alert")
	}
	for query, detail := range map[string]string{"state=closed": "", "limit=0": "limit is 1 to 1000", "limit=9999": "limit is 1 to 1000", "cursor=x": ""} {
		x.do(call{method: "GET", path: "/v1/alerts?" + query, key: x.keyOf["otto"], wrong: true}).refused(problem{Status: 400, Code: "invalid_request", Detail: detail})
	}
	runs := x.search("kind=look-back&result=run")
	if len(runs) < 5 {
		t.Errorf("%d runs are on record", len(runs))
	}
}

// Without an index, or with one that is away, nothing is claimed.
func TestAnIndexThatIsAway(t *testing.T) {
	h := screened(t)
	for _, path := range []string{"/v1/audit", "/v1/alerts"} {
		h.by("otto", "GET", path, nil).refused(problem{Status: 503, Code: "store_unavailable"})
	}
	h.by("otto", "POST", "/v1/alerts/x/resolve", map[string]any{"reason": "x"}).refused(problem{Status: 503, Code: "store_unavailable"})
	x := withIndex(t)
	x.lookBack()
	if err := os.RemoveAll(x.dir + "/journal"); err != nil {
		t.Fatal(err)
	}
	if err := x.indexer.Once(t.Context()); err == nil {
		t.Error("an indexer without a journal is content")
	}
}

// A protected customer is nowhere on the disk, and its checks are found and shown all the same.
func TestProtectedCustomersAreFound(t *testing.T) {
	for how, shown := range map[string]string{"hash": "hmac-sha256:", "encrypt": "customer-of-a-test"} {
		t.Run(how, func(t *testing.T) {
			customers, err := screening.NewCustomers(how, strings.Repeat("k", 32))
			if err != nil {
				t.Fatal(err)
			}
			x := withIndex(t, func(o *api.Options) { o.Customers, o.Archive.Customers = customers, customers })
			x.publish("ofac-sdn", sdn, sdnRows)
			id := x.by("till", "POST", "/v1/check", map[string]any{"address": genesis, "direction": "deposit", "customer": "customer-of-a-test"}).want(200)["check_id"].(string)
			batch := map[string]any{"checks": []any{map[string]any{"address": lazarus, "direction": "deposit", "customer": "customer-of-a-test"}}}
			x.by("till", "POST", "/v1/checks", batch).want(200)
			x.lookBack()
			same(t, "found", 2, len(x.search("kind=check&customer=customer-of-a-test")))
			got := x.by("otto", "GET", "/v1/checks/"+id, nil).want(200)["request"].(map[string]any)["customer"].(string)
			if !strings.HasPrefix(got, shown) {
				t.Errorf("shown as %q", got)
			}
			for r, err := range journal.Read(t.Context(), x.dir+"/journal") {
				if err != nil || strings.Contains(string(r.Payload), "customer-of-a-test") {
					t.Errorf("on record: %q, %v", r.Payload, err)
				}
			}
		})
	}
}

// A look-back that breaks off in the middle is told, and is repeated without losing or doubling an alert.
func TestALookBackThatBreaksOffIsRepeated(t *testing.T) {
	x := withIndex(t)
	x.publish("ofac-sdn", sdn, sdnRows)
	checked := map[string]bool{}
	for i := range 5 {
		checked[x.check(genesis, "", fmt.Sprint("dep-", i))] = true
	}
	x.lookBack()
	x.publish("deny", map[string]any{"approvals": 0}, `{"address":"`+genesis+`","network":"bitcoin"}`+"\n")
	whole, left := x.looker.Append, 1 // the alerts, and not the record of the run
	x.looker.Append = func(e []journal.Entry) error {
		if left--; left < 0 {
			return errors.New("the disk is full")
		}
		return whole(e)
	}
	if err := x.looker.Once(t.Context()); err == nil {
		t.Fatal("the look-back did not fail")
	}
	state := x.by("otto", "GET", "/v1/alerts", nil).want(200)["look_back"].(map[string]any)
	same(t, "the failure stays visible", any("the disk is full"), state["failure"])
	x.looker.Append = whole
	x.lookBack()
	got := map[string]bool{}
	for _, a := range x.by("otto", "GET", "/v1/alerts", nil).want(200)["alerts"].([]any) {
		id := a.(map[string]any)["check_id"].(string)
		if got[id] {
			t.Errorf("two alerts for check %s", id)
		}
		got[id] = true
	}
	same(t, "alerts", checked, got)
	if state := x.by("otto", "GET", "/v1/alerts", nil).want(200)["look_back"].(map[string]any); state["failure"] != nil {
		t.Errorf("the failure stays after a success: %v", state)
	}
}
