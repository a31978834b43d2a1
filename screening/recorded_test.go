package screening_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening"
	"interdict/screening/journal"
)

// update writes testdata/records.jsonl again: only for a new version of the record, whose lines are added.
var update = flag.Bool("update", false, "write the golden files")

// memory is a journal that keeps the records of the last checks.
type memory struct {
	mu      sync.Mutex
	records []journal.Entry
}

func (m *memory) AppendBatch(entries []journal.Entry, _ bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = m.records[:0]
	for _, e := range entries {
		e.Payload = bytes.Clone(e.Payload)
		m.records = append(m.records, e)
	}
	return nil
}

// decision decodes the record of an entry.
func decision(t testing.TB, e journal.Entry) *screening.Decision {
	t.Helper()
	d, err := screening.DecodeRecord(e.Kind, e.ID, e.Time, e.Payload)
	if err != nil {
		t.Fatalf("%v: %q", err, e.Payload)
	}
	return d
}

// asJSON returns the decision of a record as JSON.
func asJSON(t testing.TB, r journal.Record) []byte {
	t.Helper()
	return decision(t, journal.Entry{Kind: r.Kind, Time: r.Time, ID: r.ID, Payload: r.Payload}).JSON()
}

// vector is a line of docs/vectors.jsonl.
type vector struct {
	Kind      string   `json:"kind"`
	Networks  []string `json:"networks"`
	Texts     []string `json:"texts"`
	Canonical string   `json:"canonical"`
	Identity  string   `json:"identity"`
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	file, err := os.Open("../docs/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if err := lines.Err(); err != nil || len(all) < 2000 {
		t.Fatal(len(all), err)
	}
	return all
}

// recorder is a house with a list, whose screener records into memory.
type recorder struct {
	*house
	*memory
	s *screening.Screener
}

func record(t testing.TB, rows string, now func() time.Time) *recorder {
	t.Helper()
	h := open(t, now)
	h.load(t, sanctions("one"), "ndjson", rows)
	m := &memory{}
	s := screening.New(h.store, m, noMetrics{}, quiet, now)
	if err := s.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	return &recorder{h, m, s}
}

// readBack checks a request and compares what the caller got with what its record says.
func (r *recorder) readBack(t testing.TB, q screening.Request) *screening.Decision {
	t.Helper()
	var a screening.Answer
	err := r.s.Check(ctx, &q, &a)
	d := decision(t, r.records[0])
	sameDecision(t, &q, &a, err, d)
	return d
}

func sameDecision(t testing.TB, q *screening.Request, a *screening.Answer, err error, d *screening.Decision) {
	t.Helper()
	want := &screening.Decision{ID: a.CheckID, At: d.At, By: q.By, Network: q.Network, Asset: q.Asset, Direction: q.Direction,
		Reference: address.Recordable(q.Reference), Customer: address.Recordable(q.Customer)}
	ignored := []string{"Input", "Lists", "Identity"}
	if err == nil {
		var said struct {
			Screened struct{ Generation int }
			Address  struct{ Identity, Canonical, Input string }
		}
		if err := json.Unmarshal(a.JSON, &said); err != nil {
			t.Fatal(err)
		}
		want.Result, want.Action, want.Generation, want.Canonical, want.AddressNetwork = a.Result.String(), a.Action, said.Screened.Generation, a.Canonical, a.Network
		if len(a.Networks) > 0 {
			want.Networks = a.Networks
		}
		want.Answer = a.JSON
		if d.Canonical != a.Canonical && d.Canonical == address.Digest(q.Address) { // it may be a private key
			want.Canonical = d.Canonical
			want.Answer = masked(t, a.JSON, func(said map[string]any) {
				said["input"], said["canonical"], said["identity"] = d.Canonical, d.Canonical, d.Canonical
			})
			d.Answer = masked(t, d.Answer, func(map[string]any) {})
		} else if strings.Contains(q.Address, "?") && address.HoldsSecret(q.Address) {
			want.Answer = masked(t, a.JSON, func(said map[string]any) {
				said["input"] = address.Recordable(q.Address)
				attributes, _ := said["attributes"].(map[string]any)
				for name, value := range attributes {
					attributes[name] = address.Recordable(value.(string))
				}
			})
			d.Answer = masked(t, d.Answer, func(map[string]any) {})
		} else if d.Identity != said.Address.Identity {
			t.Errorf("%q: identity %q, not %q", q.Address, d.Identity, said.Address.Identity)
		}
	} else {
		want.Err = err
		want.Result = screening.ResultError
		if errors.As(err, new(*screening.Refused)) {
			want.Result = screening.ResultRefused
		}
	}
	if diff := cmp.Diff(string(want.Answer), string(d.Answer)); diff != "" {
		t.Errorf("%q on %q: %s", q.Address, q.Network, diff)
	}
	if diff := cmp.Diff(want, d, cmpopts.IgnoreFields(screening.Decision{}, append(ignored, "Answer")...), cmp.Comparer(sameError)); diff != "" {
		t.Errorf("%q on %q: %s", q.Address, q.Network, diff)
	}
}

// masked changes the address block of an answer, and sorts its members.
func masked(t testing.TB, answer []byte, change func(said map[string]any)) []byte {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(answer, &all); err != nil {
		t.Fatal(err)
	}
	change(all["address"].(map[string]any))
	sorted, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return sorted
}

// sameError compares what a caller of the API is told of an error.
func sameError(x, y error) bool {
	if x == nil || y == nil {
		return (x == nil) == (y == nil)
	}
	var a, b *screening.Refused
	if errors.As(x, &a) != errors.As(y, &b) || errors.As(x, new(*screening.Undecided)) != errors.As(y, new(*screening.Undecided)) {
		return false
	}
	if a != nil {
		return a.WouldMatch == b.WouldMatch && cmp.Equal(a.Cause, b.Cause, cmpopts.IgnoreFields(address.Error{}, "Folded"), cmpopts.EquateEmpty())
	}
	return x.Error() == y.Error() && fault.KindOf(x) == fault.KindOf(y)
}

// Every text of the conformance vectors, in every network that they name and in none, is read back as the caller was answered.
func TestEveryVectorIsReadBack(t *testing.T) {
	r := record(t, row(evmA, "ethereum")+row("43210123456789", "monero"), time.Now)
	var sizes []int
	var requests []screening.Request
	for i, v := range vectors(t) {
		direction := [...]lists.Direction{"", lists.Deposit, lists.Withdrawal}[i%3]
		for _, text := range v.Texts {
			for _, network := range append(slices.Clone(v.Networks), "") {
				requests = append(requests, screening.Request{Address: text, Network: network, Direction: direction, By: "exchange"})
			}
		}
	}
	for i := 0; i < len(requests); i += 1000 {
		part := requests[i:min(i+1000, len(requests))]
		answers, errs := make([]screening.Answer, len(part)), make([]error, len(part))
		r.s.CheckAll(ctx, part, answers, errs)
		for k := range part {
			d := decision(t, r.records[k])
			sameDecision(t, &part[k], &answers[k], errs[k], d)
			if d.Result == screening.ResultMiss {
				sizes = append(sizes, len(r.records[k].Payload))
			}
		}
	}
	slices.Sort(sizes)
	t.Logf("%d checks, %d misses: median %d bytes, 90th percentile %d, 99th %d, most %d", len(requests), len(sizes), sizes[len(sizes)/2], sizes[len(sizes)*9/10], sizes[len(sizes)*99/100], sizes[len(sizes)-1])
}

// A record of a usual miss is small.
func TestTheRecordOfAMissIsSmall(t *testing.T) {
	const most = 80 // bytes without the id
	r := record(t, row(evmB, "ethereum"), time.Now)
	for name, c := range map[string]struct{ text, network string }{
		"EVM":             {"0x098B716B8Aaf21512996dC57EB0615e2383E2f96", "ethereum"},
		"EVM, lower case": {"0x098b716b8aaf21512996dc57eb0615e2383e2f96", "polygon"},
		"bech32":          {"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"},
		"bech32m":         {"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "bitcoin"},
		"base58":          {"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bitcoin"},
		"Tron":            {"TN3W4H6rK2ce4vX9YnFQHwKENnHjoxb3m9", "tron"},
		"Solana":          {"7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU", "solana"},
	} {
		for _, network := range []string{c.network, ""} {
			d := r.readBack(t, screening.Request{Address: c.text, Network: network, Direction: lists.Withdrawal, By: "exchange"})
			n := len(r.records[0].Payload) - len(d.ID)
			if d.Result != screening.ResultMiss || n > most {
				t.Errorf("%s on %q: %s with %d bytes", name, network, d.Result, n)
			}
			t.Logf("%s on %q: %d bytes", name, network, n)
		}
	}
}

func TestUnusualDecisionsAreReadBack(t *testing.T) {
	const mayBeKey = "0x5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
	r := record(t, row(evmA, "ethereum")+row(btcA, "bitcoin"), time.Now)
	long := strings.Repeat("long ", 100)
	for name, q := range map[string]screening.Request{
		"hit":                  {Address: evmA, Network: "ethereum", Direction: lists.Deposit, By: "key-1", Reference: "r", Customer: "c"},
		"look-up of a hit":     {Address: evmA},
		"every field":          {Address: evmB, Network: "erc20", Asset: "USDT", Direction: lists.Withdrawal, By: "key-1", Reference: "wd-8842", Customer: "c-19"},
		"unknown asset":        {Address: evmB, Asset: "no such", Network: "ERC 20"},
		"long fields":          {Address: evmB, Reference: long, Customer: long, By: long},
		"not UTF-8":            {Address: evmB, Reference: "\xff\u2028<", Customer: "\x00"},
		"white space":          {Address: " " + evmB + "\r\n", Network: "ethereum"},
		"a URI":                {Address: "bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa?amount=1.5&label=\u00fc"},
		"CAIP-10":              {Address: "eip155:56:" + strings.ToLower(evmB)},
		"several readings":     {Address: "DBXu2kgc3xtvCUWFcxFE3r9hEYgmuaaCyD"},
		"another EVM chain":    {Address: evmB, Network: "eip155:123456"},
		"destination tag":      {Address: "rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh?dt=99", Network: "xrp"},
		"may be a private key": {Address: mayBeKey, Direction: lists.Deposit},
		"no private key":       {Address: mayBeKey, Network: "aptos"},
		"empty":                {},
		"not an address":       {Address: "nonsense", Network: "bitcoin", Direction: lists.Deposit},
		"not UTF-8 at all":     {Address: "\xff\xfe"},
		"too long":             {Address: strings.Repeat("1", 3000)},
		"unknown network":      {Address: evmB, Network: "nosuch", Direction: lists.Withdrawal},
		"another network":      {Address: btcA, Network: "ethereum"},
		"only the letter case": {Address: strings.Replace(evmA, "b", "B", 1), Network: "ethereum"},
	} {
		t.Run(name, func(t *testing.T) { r.readBack(t, q) })
	}
}

// The network is a private key: its record has the digest in every field.
func TestASecretInAnErrorIsNotRecorded(t *testing.T) {
	r := record(t, row(evmA, "ethereum"), time.Now)
	for _, network := range []string{secretWIF, strings.Repeat("z", 30)} {
		var a screening.Answer
		err := r.s.Check(ctx, &screening.Request{Address: evmB, Network: network}, &a)
		d := decision(t, r.records[0])
		if !fault.Is(err, fault.UnsupportedNetwork) || !fault.Is(d.Err, fault.UnsupportedNetwork) || d.Network != address.Digest(network) || bytes.Contains(r.records[0].Payload, []byte(network[:12])) {
			t.Errorf("%v is recorded as %+v", err, d)
		}
	}
}

// An answer with suppressed matches is kept whole: the lists may be gone when it is read.
func TestASuppressedMatchIsReadBack(t *testing.T) {
	r := record(t, row(evmA, "ethereum"), time.Now)
	r.suppress(t, "one", evmA, "")
	if err := r.s.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if d := r.readBack(t, screening.Request{Address: evmA, Direction: lists.Deposit}); d.Result != screening.ResultMiss || !cmp.Equal(d.Lists, []string{"one"}) {
		t.Errorf("%+v", d)
	}
}

// A filter says maybe and the store cannot be read.
func TestAnUndecidedCheckIsReadBack(t *testing.T) {
	r := record(t, row(evmA, "ethereum"), time.Now)
	f := &faulty{Store: r.store}
	r.s = screening.New(f, r.memory, noMetrics{}, quiet, time.Now)
	if err := r.s.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	f.lookup.Store(true)
	if d := r.readBack(t, screening.Request{Address: evmA, Direction: lists.Deposit}); !errors.As(d.Err, new(*screening.Undecided)) || d.Input != evmA {
		t.Errorf("%+v", d)
	}
}

func TestIdentitiesAndKeys(t *testing.T) {
	r := record(t, row(evmA, "ethereum"), time.Now)
	identities := map[string][]string{}
	for text, network := range map[string]string{evmB: "polygon", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": "bitcoin", "nonsense": ""} {
		d := r.readBack(t, screening.Request{Address: text, Network: network})
		identities[text] = d.Identities()
		if keys := d.Keys(); (len(keys) == 0) != (d.Result == screening.ResultRefused) {
			t.Errorf("%s: keys %q", text, keys)
		}
	}
	want := map[string][]string{evmB: {"evm:" + strings.ToLower(evmB[2:])}, "nonsense": {},
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": {"bitcoin:p2pkh:62e907b15cbf27d5425399ebf6f0fb50ebb88f18"}}
	if diff := cmp.Diff(want, identities); diff != "" {
		t.Error(diff)
	}
}

// Records of earlier versions are JSON.
func TestAnOldRecordIsReadBack(t *testing.T) {
	answer := `{"check_id":"019ad2c4-7b1e-7c33-9d0a-5f3f2f0a9b11","result":"hit","action":"freeze","direction":"deposit","address":{"input":"` + evmA +
		`","network":"ethereum","canonical":"` + evmA + `","identity":"evm:x"},"matches":[{"list":{"id":"a"}},{"list":{"id":"a"}}],"screened":{"generation":7}}`
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	got, err := screening.DecodeRecord(journal.Check, [16]byte{}, at, []byte(`{"by":"key","network":"eth","asset":"ETH","reference":"r","customer":"c","answer":`+answer+`}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &screening.Decision{ID: [16]byte{0x01, 0x9a, 0xd2, 0xc4, 0x7b, 0x1e, 0x7c, 0x33, 0x9d, 0x0a, 0x5f, 0x3f, 0x2f, 0x0a, 0x9b, 0x11}, At: at, By: "key", Input: evmA,
		Network: "eth", Asset: "ETH", Direction: lists.Deposit, Reference: "r", Customer: "c", Result: screening.ResultHit, Action: lists.Freeze, Generation: 7,
		Identity: "evm:x", Canonical: evmA, AddressNetwork: "ethereum", Lists: []string{"a"}, Answer: []byte(answer)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, err = screening.DecodeRecord(journal.Check, [16]byte{}, at, []byte(`{"by":"key","network":"btc","direction":"deposit","refused":"invalid address","reason":"bad_checksum","would_match":true,"input":"sha256:00"}`))
	if err != nil {
		t.Fatal(err)
	}
	want = &screening.Decision{At: at, By: "key", Network: "btc", Direction: lists.Deposit, Input: "sha256:00", Result: screening.ResultRefused,
		Err: &screening.Refused{Cause: &address.Error{Reason: address.BadChecksum, Network: "bitcoin", Position: -1}, WouldMatch: true}}
	if diff := cmp.Diff(want, got, cmp.Comparer(sameError)); diff != "" {
		t.Error(diff)
	}
}

// Whatever the texts are, they are read back.
func TestAnyRequestIsReadBack(t *testing.T) {
	r := record(t, row(evmA, "ethereum"), time.Now)
	var texts []string
	for _, v := range vectors(t) {
		texts = append(texts, v.Texts...)
	}
	networks := []string{"", "ethereum", "btc", "TRX", "monero", "ton", "nosuch", "eip155:99999"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(texts).Draw(t, "address")
		if rapid.Bool().Draw(t, "changed") {
			at := rapid.IntRange(0, len(text)).Draw(t, "at")
			text = text[:at] + rapid.StringN(0, 3, -1).Draw(t, "more") + text[at:]
		}
		q := screening.Request{Address: text, Network: rapid.SampledFrom(networks).Draw(t, "network"),
			Direction: rapid.SampledFrom([]lists.Direction{"", lists.Deposit, lists.Withdrawal}).Draw(t, "direction"),
			Reference: rapid.String().Draw(t, "reference"), Customer: rapid.String().Draw(t, "customer"), By: rapid.String().Draw(t, "by")}
		var a screening.Answer
		err := r.s.Check(ctx, &q, &a)
		e := r.records[0]
		d, bad := screening.DecodeRecord(e.Kind, e.ID, e.Time, e.Payload)
		if bad != nil {
			t.Fatal(bad)
		}
		if d.Reference != address.Recordable(q.Reference) || d.Customer != address.Recordable(q.Customer) || d.By != q.By || d.ID != a.CheckID {
			t.Fatalf("%+v", d)
		}
		if !sameError(err, d.Err) {
			t.Fatalf("%v is read back as %v", err, d.Err)
		}
		if err == nil && string(a.JSON) != string(d.Answer) && d.Canonical != address.Digest(text) && d.Input != address.Recordable(text) {
			t.Fatalf("%s\nis read back as\n%s", a.JSON, d.Answer)
		}
	})
}

// FuzzDecodeRecord reads any bytes.
func FuzzDecodeRecord(f *testing.F) {
	r := record(f, row(evmA, "ethereum"), time.Now)
	for _, q := range []screening.Request{{Address: evmB, Network: "ethereum"}, {Address: btcA}, {Address: "nonsense"}, {Address: evmA}, {Address: evmA, Network: "no"},
		{Address: "rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh?dt=99"}, {Address: "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8"}} {
		var a screening.Answer
		_ = r.s.Check(ctx, &q, &a)
		f.Add(r.records[0].Payload)
	}
	f.Add([]byte(`{"by":"key","answer":{"result":"miss"}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, err := screening.DecodeRecord(journal.Check, [16]byte{}, time.Unix(0, 0), payload)
		if (d == nil) != (err != nil) {
			t.Fatalf("%+v, %v", d, err)
		}
		if d == nil {
			return
		}
		if len(d.Answer) > 64*(len(payload)+1024) {
			t.Errorf("%d bytes become an answer of %d", len(payload), len(d.Answer))
		}
		d.Identities()
		d.Keys()
	})
}

// The rules of addresses and answers may change; what old records say does not.
func TestRecordsOfThisVersionStayReadable(t *testing.T) {
	const golden = "testdata/records.jsonl"
	type line struct {
		Payload []byte    `json:"payload"`
		At      time.Time `json:"at"`
		Told    string    `json:"told"`
		Error   string    `json:"error,omitempty"`
	}
	if *update {
		now := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)
		r := record(t, row(evmA, "ethereum"), func() time.Time { return now })
		var b bytes.Buffer
		for _, q := range []screening.Request{
			{Address: evmB, Network: "ethereum", Direction: lists.Deposit, By: "key-1"},
			{Address: strings.ToLower(evmB), Network: "ERC20", Asset: "USDT", Direction: lists.Withdrawal, Reference: "wd-8842", Customer: "c-19"},
			{Address: "bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa?amount=1.5"}, {Address: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
			{Address: "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"}, {Address: "DBXu2kgc3xtvCUWFcxFE3r9hEYgmuaaCyD"},
			{Address: "rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh?dt=99", Network: "xrp"}, {Address: "EQDtFpEwcFAEcRe5mLVh2N6C0x-_hJEM7W61_JLnSF74p4q2"},
			{Address: "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"}, {Address: "addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8"},
			{Address: "0x5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"}, {Address: evmA, Direction: lists.Deposit},
			{Address: "nonsense", Network: "bitcoin", Direction: lists.Deposit}, {Address: evmB, Network: "nosuch"},
		} {
			var a screening.Answer
			_ = r.s.Check(ctx, &q, &a)
			d := decision(t, r.records[0])
			l := line{r.records[0].Payload, now, string(d.JSON()), ""}
			if d.Err != nil {
				l.Error = d.Err.Error()
			}
			if err := json.NewEncoder(&b).Encode(l); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := 0
	for lines := json.NewDecoder(file); lines.More(); n++ {
		var want line
		if err := lines.Decode(&want); err != nil {
			t.Fatal(err)
		}
		d := decision(t, journal.Entry{Kind: journal.Check, Time: want.At, Payload: want.Payload})
		got := line{want.Payload, want.At, string(d.JSON()), ""}
		if d.Err != nil {
			got.Error = d.Err.Error()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if n < 14 {
		t.Errorf("%d records", n)
	}
}

// A record has the number of a line, not its words.
func TestLabelsAreOnlyAdded(t *testing.T) {
	const (
		lines = 1571
		sum   = "sha256:4840e60dce97eab9f9e8c20617bd395ea4c0fcef58b2e511f972bd594de53f46"
	)
	b, err := os.ReadFile("labels.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.SplitAfter(string(b), "\n")
	if len(all) <= lines {
		t.Fatalf("%d lines", len(all)-1)
	}
	if got := address.Digest(strings.Join(all[:lines], "")); got != sum {
		t.Errorf("the first %d lines have the digest %s", lines, got)
	}
	seen := map[string]int{}
	for i, l := range all[:len(all)-1] {
		l = strings.TrimSuffix(l, "\n")
		if seen[l]++; l == "" || seen[l] > 1 {
			t.Errorf("line %d is %q", i+1, l)
		}
	}
	for _, n := range address.Networks() {
		if seen[n.Name] == 0 {
			t.Errorf("network %s has no line: add one at the end", n.Name)
		}
	}
}

// The journal compresses sealed segments. A record is small at rest, too.
func TestAMissAtRestIsSmall(t *testing.T) {
	const most = 45 // bytes, with the time and the id, which the journal keeps
	r := record(t, row(evmB, "ethereum"), time.Now)
	random := rand.New(rand.NewPCG(1, 2))
	var b []byte
	const n = 10_000
	for range n {
		account := make([]byte, 20)
		for i := range account {
			account[i] = byte(random.Uint32())
		}
		q := screening.Request{Address: "0x" + hex.EncodeToString(account), Network: "ethereum", Direction: lists.Withdrawal, By: "exchange"}
		var a screening.Answer
		if err := r.s.Check(ctx, &q, &a); err != nil {
			t.Fatal(err)
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(r.records[0].Time.UnixNano()))
		b = append(b, r.records[0].Payload...)
	}
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	if size := float64(len(w.EncodeAll(b, nil))) / n; size > most {
		t.Errorf("%.1f bytes", size)
	} else {
		t.Logf("%.1f bytes", size)
	}
}
