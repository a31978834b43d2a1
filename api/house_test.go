package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"interdict/api"
	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/backup"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/edge"
	"interdict/screening/journal"
	"interdict/screening/record"
)

// TestMain runs the tests, and after a whole run makes sure that every answer that openapi.yaml describes was really given.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && wholeRun() {
		if never := neverGiven(); len(never) > 0 {
			fmt.Fprintf(os.Stderr, "openapi.yaml describes answers that no test has seen:\n\t%s\n", strings.Join(never, "\n\t"))
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func wholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// clock is real time, moved.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// moody is a real store that can be told to fail.
type moody struct {
	lists.Store
	noLookups atomic.Bool // reading listings fails, everything else works
	gone      atomic.Bool // everything fails
}

var errGone = fault.E(fault.Unavailable, "the test took the store away")

func (m *moody) err() error {
	if m.gone.Load() {
		return errGone
	}
	return nil
}

func (m *moody) Get(ctx context.Context, key string) (lists.Doc, error) {
	if err := m.err(); err != nil {
		return lists.Doc{}, err
	}
	return m.Store.Get(ctx, key)
}

func (m *moody) Scan(ctx context.Context, prefix string) ([]lists.Doc, error) {
	if err := m.err(); err != nil {
		return nil, err
	}
	return m.Store.Scan(ctx, prefix)
}

func (m *moody) Commit(ctx context.Context, changes ...lists.Change) error {
	if err := m.err(); err != nil {
		return err
	}
	return m.Store.Commit(ctx, changes...)
}

func (m *moody) Lookup(ctx context.Context, asked []lists.LayerKey) ([][]byte, error) {
	if m.noLookups.Load() || m.gone.Load() {
		return nil, errGone
	}
	return m.Store.Lookup(ctx, asked)
}

func (m *moody) Attributions(ctx context.Context, layer string, numbers []uint32) ([][]byte, error) {
	if err := m.err(); err != nil {
		return nil, err
	}
	return m.Store.Attributions(ctx, layer, numbers)
}

func (m *moody) Walk(ctx context.Context, layer string) iter.Seq2[lists.Entry, error] {
	if err := m.err(); err != nil {
		return func(yield func(lists.Entry, error) bool) { yield(lists.Entry{}, err) }
	}
	return m.Store.Walk(ctx, layer)
}

func (m *moody) OpenBlob(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := m.err(); err != nil {
		return nil, err
	}
	return m.Store.OpenBlob(ctx, name)
}

func (m *moody) Ping(ctx context.Context) error {
	if err := m.err(); err != nil {
		return err
	}
	return m.Store.Ping(ctx)
}

// buffer is a log that tests read.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// recorder writes changes into the journal, as the program does.
type recorder struct{ j *record.Record }

func (r recorder) Record(c lists.Event) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return r.j.Append(journal.ListChange, c.At, b, true)
}

// people have a key each. Two approvers, because one may have uploaded.
var people = map[string][]auth.Role{
	"root": {auth.Admin}, "till": {auth.Checker}, "ana": {auth.Analyst}, "ben": {auth.Approver}, "cleo": {auth.Approver}, "otto": {auth.Auditor},
	"dora": {auth.Analyst, auth.Approver}, "max": {auth.Checker, auth.Analyst, auth.Approver, auth.Auditor},
}

// house is the whole service on a real disk, behind a real HTTP server.
type house struct {
	t        testing.TB
	dir      string
	scratch  string // of temporary stores
	clock    *clock
	store    *moody
	cache    lists.Store
	journal  *record.Record
	keys     *auth.Keys
	loader   *loader.Loader
	screener *screening.Screener
	metrics  *api.Metrics
	server   *api.Server
	log      *buffer
	url      string
	keyOf    map[string]string // by name
}

// open starts a house with nothing loaded. settings may change the server's options.
func open(t testing.TB, settings ...func(*api.Options)) *house {
	t.Helper()
	dir := t.TempDir()
	disk, err := diskstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	return openOn(t, disk, dir, settings...)
}

// openOn starts a house on a store. The journal is in a folder within dir.
func openOn(t testing.TB, store lists.Store, dir string, settings ...func(*api.Options)) *house {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &house{t: t, dir: dir, scratch: t.TempDir(), clock: &clock{}, log: &buffer{}, keyOf: map[string]string{}}
	var err error
	h.cache, err = diskstore.Open(t.TempDir())
	must(err)
	t.Cleanup(func() { h.cache.Close() })
	h.store = &moody{Store: store}
	h.journal, err = record.Open(h.dir+"/journal", record.Options{Now: h.clock.now, SegmentBytes: journal.MinSegmentBytes, Publish: h.keepCheckpoint})
	must(err)
	t.Cleanup(func() { h.journal.Close() })
	log := slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.keys, err = auth.Open(t.Context(), h.store, auth.Options{Recorder: recorder{h.journal}, Log: log, Now: h.clock.now})
	must(err)
	for name, roles := range people {
		h.keyOf[name], _, err = h.keys.Create(t.Context(), lists.Key{Name: name, Roles: roles}, auth.Change{By: lists.Person("test"), Warrant: lists.Warrant{Alone: lists.AloneOperator}})
		must(err)
	}
	h.metrics = api.NewMetrics()
	h.screener = screening.New(h.store, h.journal, h.metrics, log, h.clock.now)
	h.metrics.Watch(h.screener)
	h.loader = loader.New(h.store, recorder{h.journal}, log, t.TempDir(), h.clock.now)
	o := api.Options{Screener: h.screener, Loader: h.loader, Keys: h.keys,
		Store: h.store, Cache: func() lists.Store { return h.cache }, Metrics: h.metrics, Log: log, Now: h.clock.now, Recorder: recorder{h.journal}, Record: h.journal, RecordProblems: h.journal.Problems, JournalError: func() error { return nil },
		Scratch: func() (lists.Store, error) { return diskstore.OpenTemp(h.scratch) }, Backup: h.backup}
	local := edge.NewLocal(h.dir+"/manifest", edge.PublishOptions{Store: h.store, Name: "interdict", Signer: h.journal.Keys(), Log: log, Now: h.clock.now})
	t.Cleanup(local.Close)
	o.Manifest = local
	for _, set := range settings {
		set(&o)
	}
	h.server = api.New(o)
	t.Cleanup(h.server.Close)
	srv := httptest.NewUnstartedServer(h.server.Handler())
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 20*time.Second, 20*time.Second
	srv.Start()
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

// backup writes a backup of the store alone.
func (h *house) backup(ctx context.Context, to io.Writer, _ bool) error {
	_, err := backup.Write(ctx, to, backup.Source{Store: h.store, Program: "test", Now: h.clock.now})
	return err
}

// keepCheckpoint keeps checkpoints in the store, as a server does.
func (h *house) keepCheckpoint(ctx context.Context, c record.Published) error {
	return lists.PutWriter(ctx, h.store, &lists.Writer{ID: c.Writer.String(), Folder: c.Folder.String(), Node: "here", Checkpoint: c.Checkpoint, Keys: c.Keys, At: h.clock.now(), Ended: c.Ended})
}

// fourEyesOff lets one person make changes that weaken screening.
func fourEyesOff(o *api.Options) { o.FourEyesOff = true }

// in gives the same house to a subtest.
func (h *house) in(t testing.TB) *house {
	room := *h
	room.t = t
	return &room
}

// follow makes the house a replica that keeps up with the store, until the test ends.
func (h *house) follow(id string) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.screener.Follow(ctx, id)
	}()
	h.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// answer is what came back. Its body has been held against openapi.yaml.
type answer struct {
	t      testing.TB
	asked  string
	status int
	header http.Header
	body   []byte
}

// call is one request.
type call struct {
	method, path string
	key          string // text of an API key, "" for none
	body         any    // nil, []byte and string as they are, everything else as JSON
	header       http.Header
	chunked      bool // the length of the body is not announced
	wrong        bool // the request is not as openapi.yaml has it, and yet it is answered: a batch with wrong items
}

// by asks under the name of one of the people.
func (h *house) by(name, method, path string, body any) *answer {
	h.t.Helper()
	return h.do(call{method: method, path: path, key: h.keyOf[name], body: body})
}

// do makes a request over a real connection, and holds request and answer against openapi.yaml.
func (h *house) do(c call) *answer {
	h.t.Helper()
	var body []byte
	switch b := c.body.(type) {
	case nil:
	case []byte:
		body = b
	case string:
		body = []byte(b)
	default:
		var err error
		if body, err = json.Marshal(b); err != nil {
			h.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(h.t.Context(), c.method, h.url+c.path, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if c.header != nil {
		req.Header = c.header
	}
	if _, set := c.header["Content-Type"]; len(body) > 0 && !set {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.chunked {
		req.ContentLength, req.Body = -1, io.NopCloser(bytes.NewReader(body))
	} else if len(body) > 128<<10 {
		// A server that refuses a large body closes the connection; without this the client might not get to read why.
		req.Header.Set("Expect", "100-continue")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: 10 * time.Second}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	a := &answer{t: h.t, asked: c.method + " " + c.path, status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		h.t.Fatalf("%s: %v", a.asked, err)
	}
	if err := conforms(req, body, c.wrong, res.StatusCode, res.Header, a.body); err != nil {
		h.t.Errorf("%s → %d is not what openapi.yaml says: %.1000v\n%.2000s", a.asked, a.status, err, a.body)
	}
	return a
}

// want makes sure of the status and decodes the body.
func (a *answer) want(status int) map[string]any {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s → %d instead of %d: %s", a.asked, a.status, status, a.body)
	}
	out := map[string]any{}
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &out); err != nil {
			a.t.Fatalf("%s: %v: %s", a.asked, err, a.body)
		}
	}
	return out
}

// problem is an error as a caller sees it.
type problem struct {
	Type, Title, Code, Detail, Reason, Network string
	Status                                     int
	Networks                                   []string
	Position                                   *int
	WouldMatch                                 bool `json:"would_match"`
	PossibleMatch                              bool `json:"possible_match"`
}

// refused makes sure that the answer is the problem of that status, code and reason. Detail is compared where want gives it.
func (a *answer) refused(want problem) problem {
	a.t.Helper()
	if _, path, _ := strings.Cut(a.asked, " "); slices.ContainsFunc(dropInPaths, func(p string) bool { return strings.HasPrefix(path, p) }) && a.status != http.StatusMethodNotAllowed {
		if a.status != want.Status || a.want(a.status)["code"] != want.Code {
			a.t.Errorf("%s → %d instead of %d %s: %s", a.asked, a.status, want.Status, want.Code, a.body)
		}
		return want
	}
	if a.status != want.Status {
		a.t.Fatalf("%s → %d instead of %d %s: %s", a.asked, a.status, want.Status, want.Code, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Errorf("%s: Content-Type %q", a.asked, got)
	}
	var got problem
	if err := json.Unmarshal(a.body, &got); err != nil {
		a.t.Fatalf("%s: %v: %s", a.asked, err, a.body)
	}
	whole := got
	if want.Type == "" {
		want.Type = "urn:interdict:problem:" + want.Code
	}
	if got.Title == "" {
		a.t.Errorf("%s: a problem without a title: %s", a.asked, a.body)
	}
	got.Title, got.Position = want.Title, want.Position
	if want.Detail == "" {
		got.Detail = ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		a.t.Errorf("%s (-want +got):\n%s", a.asked, diff)
	}
	return whole
}

// Settings of the list that most tests use: nobody needs to approve it.
var sdn = map[string]any{"name": "OFAC SDN", "authority": "US Treasury, OFAC", "category": "sanctions", "confidence": "confirmed", "approvals": 0}

const (
	lazarus  = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96" // listed
	p2pkh    = "12BQWd3hKLrnjEMFGDmH4Znc4mfYHMCBca"         // listed
	p2wpkh   = "bc1qpnh7jsd0p74vpmhp0vt28e0h8h0ys75cv7vdzw" // of the same key
	dogecoin = "DFxHYqwtLQQ32qWf5k3o4ginE5Y8eLWJME"         // listed; also an address of Verge
	genesis  = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"         // on no list
	// OFAC's list once had this for Monero: it is no address, and must be found all the same.
	rawMonero = "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320"
)

// sdnRows is a list in our own format; the last row is no address.
var sdnRows = strings.Join([]string{
	`{"address":"` + lazarus + `","network":"ethereum","asset":"ETH","entity":{"id":"27307","name":"Lazarus Group","type":"entity"},"programs":["DPRK3"],"listed_on":"2019-09-13","url":"https://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307"}`,
	`{"address":"` + p2pkh + `","network":"bitcoin","asset":"XBT","entity":{"id":"1","name":"Some One","type":"individual"},"programs":["CYBER2"]}`,
	`{"address":"` + dogecoin + `","network":"dogecoin","entity":{"name":"Some Two"},"category":"scam","confidence":"suspected"}`,
	`{"address":"` + rawMonero + `","network":"monero","asset":"XMR","entity":{"name":"Some Three"}}`,
}, "\n") + "\n"

// upload stages a file in our ndjson as a new version and gives its number.
func (h *house) upload(by, list, rows, query string) map[string]any {
	h.t.Helper()
	return h.do(call{method: "POST", path: "/v1/lists/" + list + "/versions?format=ndjson&filename=" + list + ".ndjson" + query, key: h.keyOf[by], body: rows,
		header: http.Header{"Content-Type": {"application/octet-stream"}}}).want(http.StatusCreated)
}

// publish creates a list, uploads a file and activates it, each under the name of somebody who may.
func (h *house) publish(list string, settings map[string]any, rows string) map[string]any {
	h.t.Helper()
	h.by("root", "PUT", "/v1/lists/"+list, settings)
	v := h.upload("ana", list, rows, "")
	return h.by("ben", "POST", fmt.Sprintf("/v1/lists/%s/versions/%v/activate", list, v["version"]), map[string]any{"override": "test"}).want(http.StatusOK)
}

// screened opens a house in which the list of sdnRows is active.
func screened(t testing.TB, settings ...func(*api.Options)) *house {
	t.Helper()
	h := open(t, settings...)
	h.publish("ofac-sdn", sdn, sdnRows)
	return h
}

// checkOf makes the body of a check.
func checkOf(address, network string) map[string]any {
	m := map[string]any{"address": address, "direction": "withdrawal"}
	if network != "" {
		m["network"] = network
	}
	return m
}

// multipartBody makes the body of a form; a part without a filename is a plain value.
func multipartBody(t testing.TB, parts ...[3]string) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		var part io.Writer
		var err error
		if p[1] == "" {
			part, err = w.CreateFormField(p[0])
		} else {
			part, err = w.CreateFormFile(p[0], p[1])
		}
		if err == nil {
			_, err = io.WriteString(part, p[2])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

// records reads the journal: every record that was written before the call.
func (h *house) records() []map[string]any {
	h.t.Helper()
	var out []map[string]any
	for r, err := range journal.Read(h.t.Context(), h.dir+"/journal") {
		if err != nil {
			h.t.Fatal(err)
		}
		text := r.Payload
		if r.Kind == journal.Check {
			d, err := screening.DecodeRecord(r.Kind, r.ID, r.Time, r.Payload)
			if err != nil {
				h.t.Fatal(err)
			}
			text = d.JSON()
		}
		m := map[string]any{}
		if err := json.Unmarshal(text, &m); err != nil {
			h.t.Fatalf("a record that is no JSON: %s", text)
		}
		out = append(out, m)
	}
	return out
}

// scrape gives what /metrics shows.
func (h *house) scrape() string {
	h.t.Helper()
	families, err := h.metrics.Registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		b.WriteString(f.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// only keeps the named members.
func only(m any, names ...string) map[string]any {
	out := map[string]any{}
	all, _ := m.(map[string]any)
	for k, v := range all {
		if slices.Contains(names, k) {
			out[k] = v
		}
	}
	return out
}

// without leaves the named members out.
func without(m any, names ...string) map[string]any {
	out := map[string]any{}
	all, _ := m.(map[string]any)
	for k, v := range all {
		if !slices.Contains(names, k) {
			out[k] = v
		}
	}
	return out
}

func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var errNoRoute = errors.New("openapi.yaml does not describe this path")

// bootstrapKey is the text of the key that a store of bootstrapped starts with.
const bootstrapKey = "the-text-of-the-bootstrap-key-0123"

func newStore(t *testing.T) lists.Store {
	t.Helper()
	s, err := diskstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// bootstrapped returns the keys of a store that has only the bootstrap key.
func bootstrapped(t *testing.T, store lists.Store) *auth.Keys {
	t.Helper()
	keys, err := auth.Open(t.Context(), store, auth.Options{Recorder: unrecorded{}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err == nil {
		_, err = keys.Bootstrap(t.Context(), bootstrapKey)
	}
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// unrecorded drops events.
type unrecorded struct{}

func (unrecorded) Record(lists.Event) error { return nil }

func uploads(rows string) []loader.Upload {
	return []loader.Upload{{Name: "list.ndjson", Body: strings.NewReader(rows)}}
}

// stagedFrom describes a version that was fetched from a source which a person has chosen.
func stagedFrom(person string) loader.StageOptions {
	return loader.StageOptions{By: lists.Person(lists.Refresher), SourceBy: person, Format: "ndjson"}
}
