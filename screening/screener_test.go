package screening_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
)

var ctx = context.Background()

const (
	evmA = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
	evmB = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
	btcA = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
	// The Tron form of evmA's twenty bytes would be another address; tronA is the USDT contract on Tron.
	tronA = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
)

func row(address, network string, more ...string) string {
	s := fmt.Sprintf(`{"address":%q,"network":%q,"entity":{"id":"7","name":"Somebody","type":"entity"}`, address, network)
	for _, m := range more {
		s += "," + m
	}
	return s + "}\n"
}

func (h *house) ask(t testing.TB, r screening.Request) (*screening.Answer, error) {
	t.Helper()
	var a screening.Answer
	err := h.screener.Check(ctx, &r, &a)
	return &a, err
}

func TestNoMissBeforeAListIsLoaded(t *testing.T) {
	h := open(t, time.Now)
	if _, err := h.ask(t, screening.Request{Address: evmA}); !fault.Is(err, fault.NotLoaded) {
		t.Errorf("it is %v", err)
	}
	if err := h.screener.Refresh(ctx); !fault.Is(err, fault.NotLoaded) {
		t.Errorf("refresh says %v", err)
	}
	if _, err := h.ask(t, screening.Request{Address: evmA}); !fault.Is(err, fault.NotLoaded) {
		t.Errorf("it is %v", err)
	}
}

// A generation without listings is loaded, but no check is answered from it.
func TestNoMissFromAGenerationWithoutListings(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum"))
	if a, err := h.ask(t, screening.Request{Address: evmB}); err != nil || a.Result != screening.Miss {
		t.Fatal(a.Result, err)
	}
	if _, err := h.loader.Retire(ctx, "deny", by("tester", "test")); err != nil {
		t.Fatal(err)
	}
	if err := h.screener.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{evmA, evmB} {
		if a, err := h.ask(t, screening.Request{Address: address}); !fault.Is(err, fault.NotLoaded) || a.Result != screening.Unknown {
			t.Errorf("%s: %v, %v", address, a.Result, err)
		}
	}
	if st := h.screener.Status(); st.Generation != 2 || !fault.Is(st.Unready, fault.NotLoaded) {
		t.Errorf("generation %d, %v", st.Generation, st.Unready)
	}
}

func TestHitNamesListEntityAndSource(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 123e6, time.UTC)
	h := open(t, func() time.Time { return now })
	settings := sanctions("ofac-sdn")
	settings.Name, settings.Authority = "OFAC SDN", "US Treasury, OFAC"
	v := h.load(t, settings, "ndjson", row(btcA, "bitcoin")+
		row(strings.ToLower(evmA), "ethereum", `"asset":"ETH"`, `"programs":["P1","P2"]`, `"listed_on":"2020-01-02"`, `"url":"https://example.org/7"`, `"incident":"theft"`))
	a, err := h.ask(t, screening.Request{Address: "ethereum:" + evmA, Direction: lists.Withdrawal, By: "key"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(a.JSON, &got); err != nil {
		t.Fatal(err, string(a.JSON))
	}
	delete(got, "check_id")
	want := map[string]any{"result": "hit", "action": "reject", "direction": "withdrawal",
		"address": map[string]any{"input": "ethereum:" + evmA, "network": "ethereum", "canonical": evmA, "identity": "evm:" + strings.ToLower(evmA[2:])},
		"matches": []any{map[string]any{"class": "exact",
			"list":     map[string]any{"id": "ofac-sdn", "name": "OFAC SDN", "authority": "US Treasury, OFAC", "version": 1., "published": ""},
			"listed":   map[string]any{"address": strings.ToLower(evmA), "network": "ethereum", "asset": "ETH"},
			"entity":   map[string]any{"id": "7", "name": "Somebody", "type": "entity"},
			"category": "sanctions", "confidence": "confirmed", "programs": []any{"P1", "P2"}, "incident": "theft",
			"listed_on": "2020-01-02", "url": "https://example.org/7",
			"source": map[string]any{"file": "ofac-sdn.ndjson", "sha256": v.SHA256, "locator": "line 2"}, "added_in": 1.}},
		"screened":   map[string]any{"generation": 1., "as_of": "2026-05-01T12:00:00.123Z", "lists": 1., "listings": 2.},
		"checked_at": "2026-05-01T12:00:00.123Z"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPolicyDecidesTheAction(t *testing.T) {
	h := open(t, time.Now)
	lenient := sanctions("lenient")
	lenient.Policy = lists.Policy{{Direction: lists.Deposit, Action: lists.Review}}
	suspected := sanctions("suspected")
	suspected.Confidence = lists.Suspected
	h.load(t, sanctions("strict"), "ndjson", row(evmA, "ethereum"))
	h.load(t, lenient, "ndjson", row(evmB, "ethereum")+row(evmA, "ethereum"))
	h.load(t, suspected, "ndjson", row(btcA, "bitcoin"))
	for _, c := range []struct {
		address   string
		direction lists.Direction
		want      lists.Action
	}{
		{evmA, lists.Deposit, lists.Freeze}, // the strictest of both lists
		{evmA, lists.Withdrawal, lists.Reject},
		{evmB, lists.Deposit, lists.Review},
		{evmB, lists.Withdrawal, lists.Reject},
		{btcA, lists.Withdrawal, lists.Review},
		{tronA, lists.Deposit, lists.Allow},
		{evmA, "", ""},
	} {
		a, err := h.ask(t, screening.Request{Address: c.address, Direction: c.direction})
		if err != nil || a.Action != c.want {
			t.Errorf("%s %s: %s (%v), not %s", c.direction, c.address, a.Action, err, c.want)
		}
	}
}

func TestAddressOfTheSameKeyIsReviewed(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(btcA, "bitcoin"))
	// The P2WPKH of the listed P2PKH's key hash.
	a, err := h.ask(t, screening.Request{Address: "bc1qvt5s0v2uhuna2sjnn84ldu8m2r4m3rcc4048ry", Direction: lists.Deposit})
	if err != nil || a.Result != screening.Hit || a.Matches[0].Class != address.SameKey || a.Matches[0].Derivation == "" || a.Action != lists.Review {
		t.Errorf("it is %v, %s, %+v (%v)", a.Result, a.Action, a.Matches, err)
	}
}

func TestInvalidAddressIsNeverAMiss(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum")+row("bc1qvt5s0v2uhuna2sjnn84ldu8m2r4m3rcc4048ry", "bitcoin")+row("no address at all", "bitcoin"))
	for name, r := range map[string]screening.Request{
		"bad checksum":    {Address: "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"},
		"other network":   {Address: btcA, Network: "ethereum"},
		"empty":           {Address: ""},
		"a name":          {Address: "vitalik.eth"},
		"a private key":   {Address: "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"},
		"very long":       {Address: strings.Repeat("1", 100_000)},
		"broken utf-8":    {Address: "\xff\xfe"},
		"case of EIP-55":  {Address: "0xDAC17F958D2ee523a2206206994597C13D831ec7"},
		"case of bech32":  {Address: "bc1qvt5s0v2uhuna2sjnn84LDU8M2R4M3RCC4048RY"},
		"unknown network": {Address: evmA, Network: "nowhere"},
	} {
		a, err := h.ask(t, r)
		if err == nil {
			t.Errorf("%s is a %v", name, a.Result)
			continue
		}
		var refused *screening.Refused
		if name == "unknown network" {
			if !fault.Is(err, fault.UnsupportedNetwork) {
				t.Errorf("%s: %v", name, err)
			}
		} else if !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		} else if refused.WouldMatch != strings.HasPrefix(name, "case of") {
			t.Errorf("%s: would match is %v", name, refused.WouldMatch)
		}
	}
	// A listed text that is not an address matches byte for byte.
	a, err := h.ask(t, screening.Request{Address: " no address at all ", Network: "bitcoin", Direction: lists.Deposit})
	if err != nil || a.Result != screening.Hit || a.Matches[0].Class != address.Raw || a.Action != lists.Review {
		t.Errorf("the raw row is %v %v (%v)", a.Result, a.Action, err)
	}
	// 64 hex digits look like a private key and are refused, unless they are listed.
	const hex64 = "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
	if _, err := h.ask(t, screening.Request{Address: hex64, Network: "ethereum"}); !errors.As(err, new(*screening.Refused)) {
		t.Errorf("64 hex digits are %v", err)
	}
	h.load(t, sanctions("keys"), "ndjson", row(hex64, "monero")+row(evmB, "ethereum"))
	for _, network := range []string{"", "ethereum", "monero"} {
		if a, err := h.ask(t, screening.Request{Address: hex64, Network: network}); err != nil || a.Result != screening.Hit {
			t.Errorf("the listed 64 hex digits under %q are a %v (%v)", network, a.Result, err)
		}
	}
	if _, err := h.ask(t, screening.Request{Address: "No address at all", Network: "bitcoin"}); err == nil {
		t.Error("a raw text matches in another letter case")
	}
}

func TestStaleListStopsAnswers(t *testing.T) {
	var now atomic.Pointer[time.Time]
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	now.Store(&start)
	h := open(t, func() time.Time { return *now.Load() })
	stop, warn := sanctions("stop"), sanctions("warn")
	stop.MaxAge, stop.OnStale = time.Hour, lists.Stop
	warn.MaxAge, warn.OnStale = time.Minute, lists.Warn
	h.load(t, stop, "ndjson", row(evmA, "ethereum"))
	h.load(t, warn, "ndjson", row(evmB, "ethereum"))
	later := start.Add(59 * time.Minute)
	now.Store(&later)
	if a, err := h.ask(t, screening.Request{Address: btcA}); err != nil || a.Result != screening.Miss {
		t.Fatalf("before its time: %v, %v", a.Result, err)
	}
	later2 := start.Add(time.Hour)
	now.Store(&later2)
	for _, x := range []string{btcA, evmA} {
		if _, err := h.ask(t, screening.Request{Address: x}); !fault.Is(err, fault.Stale) {
			t.Errorf("after its time %s: %v", x, err)
		}
	}
	if st := h.screener.Status(); !fault.Is(st.Unready, fault.Stale) {
		t.Errorf("status: %v", st.Unready)
	}
	// An upload of the same bytes makes the list fresh.
	if _, err := h.loader.Stage(ctx, "stop", []loader.Upload{{Name: "stop.ndjson", Body: strings.NewReader(row(evmA, "ethereum"))}},
		loader.StageOptions{Format: "ndjson", By: lists.Person("tester"), Approver: true}); err != nil {
		t.Fatal(err)
	}
	if err := h.screener.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if a, err := h.ask(t, screening.Request{Address: evmA}); err != nil || a.Result != screening.Hit {
		t.Errorf("refreshed: %v, %v", a.Result, err)
	}
}

func TestExpiredListingIsNoMatch(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	h := open(t, func() time.Time { return now })
	h.load(t, sanctions("orders"), "ndjson", row(evmA, "ethereum", `"valid_until":"2026-04-30"`)+row(evmB, "ethereum", `"valid_until":"2026-05-01"`))
	for x, want := range map[string]screening.Result{evmA: screening.Miss, evmB: screening.Hit} {
		if a, err := h.ask(t, screening.Request{Address: x}); err != nil || a.Result != want {
			t.Errorf("%s is a %v (%v)", x, a.Result, err)
		}
	}
}

// faulty is a store whose reads can be made to fail.
type faulty struct {
	lists.Store
	lookup, attributions atomic.Bool
}

var errGone = fault.E(fault.Unavailable, "the store is gone")

func (f *faulty) Lookup(ctx context.Context, asked []lists.LayerKey) ([][]byte, error) {
	if f.lookup.Load() {
		return nil, errGone
	}
	return f.Store.Lookup(ctx, asked)
}

func (f *faulty) Attributions(ctx context.Context, layer string, numbers []uint32) ([][]byte, error) {
	if f.attributions.Load() {
		return nil, errGone
	}
	return f.Store.Attributions(ctx, layer, numbers)
}

func TestUnreadableStoreHoldsHitsAndNotMisses(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum"))
	for _, part := range []string{"lookup", "attributions"} {
		f := &faulty{Store: h.store}
		s := screening.New(f, h.journal, noMetrics{}, quiet, time.Now)
		if err := s.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		f.lookup.Store(part == "lookup")
		f.attributions.Store(part == "attributions")
		var a screening.Answer
		err := s.Check(ctx, &screening.Request{Address: evmA}, &a)
		var undecided *screening.Undecided
		if !errors.As(err, &undecided) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s fails: the listed address is %v, %v", part, a.Result, err)
		}
		if err := s.Check(ctx, &screening.Request{Address: btcA}, &a); err != nil || a.Result != screening.Miss {
			t.Errorf("%s fails: the clean address is %v, %v", part, a.Result, err)
		}
		answers, errs := make([]screening.Answer, 2), make([]error, 2)
		s.CheckAll(ctx, []screening.Request{{Address: evmA}, {Address: btcA}}, answers, errs)
		if !errors.As(errs[0], &undecided) || errs[1] != nil || answers[1].Result != screening.Miss {
			t.Errorf("%s fails, in a batch: %v, %v", part, errs, answers[1].Result)
		}
	}
}

// failing is a journal whose disk is full.
type failing struct{}

func (failing) AppendBatch([]journal.Entry, bool) error {
	return fault.E(fault.Unavailable, "no space left")
}

func TestUnrecordedDecisionIsNotReturned(t *testing.T) {
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum"))
	s := screening.New(h.store, failing{}, noMetrics{}, quiet, time.Now)
	if err := s.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	for _, x := range []string{evmA, btcA} {
		var a screening.Answer
		if err := s.Check(ctx, &screening.Request{Address: x}, &a); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", x, err)
		}
	}
}

func TestJournalHasRequestAndAnswerBytes(t *testing.T) {
	dir := t.TempDir()
	h := open(t, time.Now)
	h.load(t, sanctions("deny"), "ndjson", row(evmA, "ethereum"))
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := screening.New(h.store, j, noMetrics{}, quiet, time.Now)
	if err := s.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	const secret = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"
	var answers []string
	var a screening.Answer
	for _, r := range []screening.Request{{Address: btcA, Network: secret}, {Address: btcA, Asset: secret}} {
		if err := s.Check(ctx, &r, &a); err != nil && strings.Contains(err.Error(), secret[:20]) {
			t.Errorf("the error contains the secret: %v", err)
		}
	}
	for _, x := range []string{evmA, btcA, "nonsense", secret} {
		var a screening.Answer
		if s.Check(ctx, &screening.Request{Address: x, Direction: lists.Deposit, Reference: "ref-1", Customer: "c-2", By: "key-3"}, &a) == nil {
			answers = append(answers, string(a.JSON))
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r, err := range journal.Read(ctx, dir) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(asJSON(t, r)))
	}
	want := []string{
		`{"by":"key-3","reference":"ref-1","customer":"c-2","answer":` + answers[0] + `}`,
		`{"by":"key-3","reference":"ref-1","customer":"c-2","answer":` + answers[1] + `}`}
	if len(got) != 6 {
		t.Fatalf("%d records", len(got))
	}
	got = got[2:]
	if d := cmp.Diff(want, got[:2]); d != "" {
		t.Error(d)
	}
	if !strings.Contains(got[2], `"refused":"invalid address"`) || !strings.Contains(got[2], `"input":"`+address.Digest("nonsense")+`"`) {
		t.Errorf("the refusal is recorded as %s", got[2])
	}
	if !strings.Contains(got[3], `"reason":"secret_material"`) {
		t.Errorf("the secret is recorded as %s", got[3])
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no journal files", err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err != nil || strings.Contains(string(b), secret[:20]) {
			t.Errorf("%s contains the secret (%v)", f, err)
		}
	}
}

// Every answer agrees with the generation that it names, while generations change.
func TestAnswersComeFromOneGeneration(t *testing.T) {
	h := open(t, time.Now)
	settings := sanctions("deny")
	contents := []string{row(evmA, "ethereum"), row(evmB, "ethereum")}
	h.load(t, settings, "ndjson", contents[0])
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			requests := []screening.Request{{Address: evmA}, {Address: evmB}, {Address: btcA}}
			answers, errs := make([]screening.Answer, 3), make([]error, 3)
			for {
				select {
				case <-done:
					return
				default:
				}
				clear(errs)
				h.screener.CheckAll(ctx, requests, answers, errs)
				var got [3]screening.Result
				generation := 0
				for i := range answers {
					if errs[i] != nil {
						t.Error(errs[i])
						return
					}
					var x struct {
						Screened struct{ Generation int }
					}
					if err := json.Unmarshal(answers[i].JSON, &x); err != nil || generation != 0 && x.Screened.Generation != generation {
						t.Errorf("generation %d in a batch of generation %d (%v)", x.Screened.Generation, generation, err)
						return
					}
					generation = x.Screened.Generation
					got[i] = answers[i].Result
				}
				want := [3]screening.Result{screening.Hit, screening.Miss, screening.Miss}
				if generation%2 == 0 {
					want = [3]screening.Result{screening.Miss, screening.Hit, screening.Miss}
				}
				if got != want {
					t.Errorf("generation %d answers %v", generation, got)
					return
				}
			}
		})
	}
	for i := 1; i < 20; i++ {
		h.load(t, settings, "ndjson", contents[i%2]+strings.Repeat("\n", i)) // other bytes, same rows
	}
	close(done)
	wg.Wait()
}

// When the clock jumps, a list is stale by the current time, and generation numbers still rise.
func TestClockJumps(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var shown atomic.Pointer[time.Time] // the journal looks at the clock, too
	set := func(to time.Time) { now = to; shown.Store(&to) }
	set(now)
	h := open(t, func() time.Time { return *shown.Load() })
	settings := sanctions("deny")
	settings.MaxAge, settings.OnStale = time.Hour, lists.Stop
	h.load(t, settings, "ndjson", row(evmA, "ethereum"))
	generation := 0
	for i, jump := range []time.Duration{0, 30 * time.Minute, 3 * time.Hour, -5 * time.Hour, 24 * time.Hour, -48 * time.Hour, 25 * time.Hour} {
		set(now.Add(jump))
		if err := h.screener.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		old := now.After(time.Date(2026, 5, 1, 13, 0, 0, 0, time.UTC))
		for address, want := range map[string]screening.Result{evmA: screening.Hit, evmB: screening.Miss} {
			switch a, err := h.ask(t, screening.Request{Address: address}); {
			case old && !fault.Is(err, fault.Stale):
				t.Errorf("jump %d, %v after the load: %v, %v", i, now, a.Result, err)
			case !old && (err != nil || a.Result != want):
				t.Errorf("jump %d: %v, %v", i, a.Result, err)
			}
		}
		if g := h.screener.Status().Generation; g < generation {
			t.Errorf("jump %d: generation %d after %d", i, g, generation)
		} else {
			generation = g
		}
	}
	set(now.Add(-72 * time.Hour))
	h.load(t, settings, "ndjson", row(evmA, "ethereum")+row(evmB, "ethereum"))
	if g := h.screener.Status().Generation; g != generation+1 {
		t.Errorf("an activation after the clock was set back: generation %d after %d", g, generation)
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
