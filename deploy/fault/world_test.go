package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"interdict/lists/storetest"
	"interdict/lists/storetest/freeaddr"
	"interdict/screening"
	"interdict/screening/journal"
)

// long tells whether this is make fault.
func long() bool { return os.Getenv("INTERDICT_LONG") != "" }

var program string // the built binary

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "interdict-fault-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "interdict")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// Well-known contracts, and the first block's reward: nobody is accused of anything.
const (
	always = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
	odd    = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
	even   = "0x6B175474E89094C44Da98b954EedeAC495271d0F"
	never  = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
	key    = "bootstrap-key-of-the-fault-harness-012345"
)

var canaries = []string{always, odd, even, never}

// listed tells whether the version from file k.csv lists an address.
func listed(k int, address string) bool {
	switch address {
	case always:
		return true
	case odd:
		return k%2 == 1
	case even:
		return k%2 == 0
	}
	return false
}

// answer is what a checker was told.
type answer struct {
	server     int
	address    string
	at         time.Time
	took       time.Duration
	generation int    // of a 200
	hit        bool   // of a 200
	matches    int    // of a 200
	code       string // of an error; "none" when no answer came
	checkID    string
	life       int // of the server
	// lost tells that the answer comes from both sides: from a generation that the store has lost, and from the store's own.
	lost  bool
	store int // the store's generation then
}

// replica is one server process.
type replica struct {
	n        int
	args     []string
	data     string
	base     string
	resident bool
	mu       sync.Mutex
	cmd      *exec.Cmd
	down     atomic.Bool // killed or stopped on purpose
	life     atomic.Int64
}

// world is everything that takes part.
type world struct {
	t        *testing.T
	dir      string
	redis    *storetest.Redis
	proxy    *toxiproxy.Proxy
	url      string // of the store, as servers and loaders reach it
	replicas []*replica

	next    atomic.Int64
	loading sync.Mutex // held while activate loads a version
	mu      sync.Mutex
	acked   map[int]int // generation → k, of activations that were acknowledged
	// lost are generations that were acknowledged and that the store has lost since lostAt, as generation → k. owners are the servers that
	// have answered from them.
	lost   map[int]int
	lostAt time.Time
	owners map[int]bool
	// also is what generations hold beside the file that they name: a restore brought it back.
	also  map[int]int
	ops   []op
	told  []answer
	idle  []time.Duration // how long a request took that asks nothing
	other []int           // generations that were made otherwise than by loading deny
	stop  chan struct{}
	done  sync.WaitGroup
}

// durable is a Redis that survives its death.
func durable(t *testing.T) *storetest.Redis {
	return storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
}

// newWorld starts servers on one Redis, through a proxy.
func newWorld(t *testing.T, redis *storetest.Redis, flags ...string) *world {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, "redis", "127.0.0.1:0", redis.Addr)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Stop() })
	w := newWorldAt(t, "redis://"+proxy.Listen, flags...)
	w.redis, w.proxy = redis, proxy
	return w
}

// newWorldAt starts servers on a store.
func newWorldAt(t *testing.T, url string, flags ...string) *world {
	w := &world{t: t, dir: t.TempDir(), url: url, acked: map[int]int{}, lost: map[int]int{}, owners: map[int]bool{}, also: map[int]int{}, stop: make(chan struct{})}
	for n, extra := range [][]string{nil, nil, {"--resident", "0", "--cache", "none"}} {
		r := &replica{n: n, data: filepath.Join(w.dir, strconv.Itoa(n)), resident: extra == nil}
		listen, admin := freeaddr.Get(t), freeaddr.Get(t)
		r.base = "http://" + listen
		r.args = append([]string{"serve", "--listen", listen, "--admin-listen", admin, "--data", r.data, "--redis", w.url, "--drain-delay", "0s",
			"--log-level", "error"}, append(flags, extra...)...)
		w.replicas = append(w.replicas, r)
		r.start(t)
	}
	t.Cleanup(func() {
		for _, r := range w.replicas {
			r.kill()
		}
	})
	for range 2 {
		w.eventually("the first versions", patience, w.load)
	}
	for _, r := range w.replicas {
		w.eventually("a server serves the first versions", patience, func() bool { return r.ask(always).hit })
	}
	time.Sleep(1500 * time.Millisecond) // for the caches
	return w
}

// patience is for how long a test waits for what must happen: the machine may be busy with something else.
const patience = 2 * time.Minute

func (w *world) eventually(what string, limit time.Duration, f func() bool) time.Duration {
	w.t.Helper()
	start := time.Now()
	for !f() {
		if time.Since(start) > limit {
			w.t.Fatalf("%s: not within %v", what, limit)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(start)
}

func (r *replica) start(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd = exec.Command(program, r.args...)
	r.cmd.Env = append(os.Environ(), "INTERDICT_BOOTSTRAP_KEY="+key)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < patience; time.Sleep(25 * time.Millisecond) {
		if res, err := http.Get(r.base + "/livez"); err == nil {
			res.Body.Close()
			r.down.Store(false)
			return
		}
	}
	t.Fatal("a server does not start")
}

// signal stops a server in its tracks (SIGSTOP), or lets it go on (SIGCONT).
func (r *replica) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	r.down.Store(s == syscall.SIGSTOP)
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// anew replaces a server by another one, which has nothing on its disk.
func (r *replica) anew(t *testing.T) {
	t.Helper()
	r.kill()
	if err := os.RemoveAll(filepath.Join(r.data, "cache")); err != nil {
		t.Fatal(err)
	}
	r.life.Add(1)
	r.start(t)
}

func (r *replica) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down.Store(true)
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}

var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}

// call makes a request with the admin's key.
func (r *replica) call(method, path, body string, into any) (int, error) {
	req, err := http.NewRequest(method, r.base+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, json.Unmarshal(b, into)
}

func (r *replica) ask(address string) answer {
	a := answer{server: r.n, address: address, at: time.Now(), life: int(r.life.Load())}
	var out struct {
		CheckID  string `json:"check_id"`
		Result   string
		Matches  []any
		Screened struct {
			Generation      int
			Lost            bool
			StoreGeneration int `json:"store_generation"`
		}
		Code string
	}
	status, err := r.call(http.MethodPost, "/v1/check", fmt.Sprintf(`{"address":%q,"direction":"deposit"}`, address), &out)
	a.took = time.Since(a.at)
	switch {
	case err != nil:
		a.code = "none"
	case status != http.StatusOK:
		a.code = out.Code
	default:
		a.generation, a.hit, a.matches, a.checkID = out.Screened.Generation, out.Result == "hit", len(out.Matches), out.CheckID
		a.lost, a.store = out.Screened.Lost, out.Screened.StoreGeneration
	}
	return a
}

// check keeps asking all servers until the world stops.
func (w *world) check() {
	for _, r := range w.replicas {
		w.done.Go(func() {
			for i := r.n; ; i++ {
				select {
				case <-w.stop:
					return
				default:
				}
				a := r.ask(canaries[i%len(canaries)])
				if a.code == "none" {
					if !r.down.Load() {
						time.Sleep(10 * time.Millisecond)
					} else {
						time.Sleep(50 * time.Millisecond)
						continue
					}
				}
				idle := time.Duration(-1)
				if start := time.Now(); i%8 == 0 && a.code != "none" {
					if _, err := r.call(http.MethodGet, "/livez", "", new(any)); err == nil {
						idle = time.Since(start)
					}
				}
				w.mu.Lock()
				w.told = append(w.told, a)
				if idle >= 0 {
					w.idle = append(w.idle, idle)
				}
				w.mu.Unlock()
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
}

// op is one activation or one look at the head, for porcupine.
type op struct {
	client     int
	call, done int64
	k          int // activated; 0: a look
	generation int // that was made, or seen; 0: unknown
}

// rows is the file of version k: its canaries, and some others that make it larger.
func rows(k int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "address,entity\n%s,Somebody\n", always)
	if k%2 == 1 {
		fmt.Fprintf(&b, "%s,Somebody\n", odd)
	} else {
		fmt.Fprintf(&b, "%s,Somebody\n", even)
	}
	for i := range 300 {
		fmt.Fprintf(&b, "0x%036x%04x,E\n", 0xfeed, i+k%7)
	}
	return b.Bytes()
}

// loader prepares the process that stages and activates the next version.
func (w *world) loader(ctx context.Context) (k int, cmd *exec.Cmd, out *bytes.Buffer) {
	k = int(w.next.Add(1))
	file := filepath.Join(w.dir, strconv.Itoa(k)+".csv")
	if err := os.WriteFile(file, rows(k), 0o600); err != nil {
		w.t.Error(err)
	}
	cmd = exec.CommandContext(ctx, program, "load", "deny", file, "--activate", "--override", "harness", "--redis", w.url, "--json",
		"--journal", filepath.Join(w.dir, "loader"+strconv.Itoa(k%4)))
	out = &bytes.Buffer{}
	cmd.Stdout = out
	said := &bytes.Buffer{}
	cmd.Stderr = said
	return k, cmd, out
}

// load activates the next version, and tells whether that was acknowledged.
func (w *world) load() bool { return w.tryLoad() == "" }

// tryLoad is load that gives the loader's words when it failed.
func (w *world) tryLoad() string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	k, cmd, out := w.loader(ctx)
	call := time.Now().UnixNano()
	if err := cmd.Run(); !w.loaded(k, call, err, out) {
		return fmt.Sprintf("%v: %s", err, cmd.Stderr)
	}
	return ""
}

func (w *world) loaded(k int, call int64, err error, out *bytes.Buffer) bool {
	var r struct{ Generation int }
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &r)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil || r.Generation == 0 {
		w.ops = append(w.ops, op{client: 0, call: call, done: 0, k: k})
		return false
	}
	w.acked[r.Generation] = k
	w.ops = append(w.ops, op{client: 0, call: call, done: time.Now().UnixNano(), k: k, generation: r.Generation})
	return true
}

// activate keeps activating versions until the world stops.
func (w *world) activate() {
	w.done.Go(func() {
		for {
			select {
			case <-w.stop:
				return
			case <-time.After(50 * time.Millisecond):
				w.loading.Lock()
				w.load()
				w.loading.Unlock()
			}
		}
	})
}

// look keeps looking which generation the store names as current.
func (w *world) look() {
	w.done.Go(func() {
		for {
			select {
			case <-w.stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			call := time.Now().UnixNano()
			var out struct{ Generations []struct{ Generation int } }
			status, err := w.replicas[0].call(http.MethodGet, "/v1/generations?limit=1", "", &out)
			if err == nil && status == http.StatusOK && len(out.Generations) == 1 {
				w.mu.Lock()
				w.ops = append(w.ops, op{client: 1, call: call, done: time.Now().UnixNano(), generation: out.Generations[0].Generation})
				w.mu.Unlock()
			}
		}
	})
}

func (w *world) end() {
	close(w.stop)
	w.done.Wait()
}

// truth reads what every generation holds, from the store, once all is well again.
func (w *world) truth() map[int]int {
	w.t.Helper()
	content := map[int]int{}
	w.eventually("the generations can be read", patience, func() bool {
		var out struct {
			Generations []struct {
				Generation   int
				Action, List string
				Lists        []struct{ ID, File string }
			}
		}
		status, err := w.replicas[0].call(http.MethodGet, "/v1/generations?limit=10000", "", &out)
		if err != nil || status != http.StatusOK {
			return false
		}
		w.other = w.other[:0]
		for _, g := range out.Generations {
			if g.Action != "activate" || g.List != "deny" {
				w.other = append(w.other, g.Generation)
			}
			for _, l := range g.Lists {
				if k, err := strconv.Atoi(strings.TrimSuffix(l.File, ".csv")); err == nil && l.ID == "deny" {
					content[g.Generation] = k
				}
			}
		}
		return true
	})
	return content
}

// row is one line of the table.
type row struct {
	fault                        string
	times, checks, wrong, errors int
	residentErrors, activations  int
	p99                          time.Duration
	recovery                     time.Duration
}

var (
	tableMu sync.Mutex
	table   []row
)

// files are the numbers of the files that an answer was given from; none if nobody made that generation.
func (w *world) files(a *answer, content map[int]int) (files []int) {
	own, lost := w.lost[a.generation]
	if lost && (w.owners[a.server] || a.at.Before(w.lostAt)) {
		files = append(files, own)
	} else if k, made := content[a.generation]; made {
		files = append(files, k)
	}
	if a.lost {
		if k, made := content[a.store]; made {
			files = append(files, k)
		}
	}
	if k, more := w.also[a.generation]; more {
		files = append(files, k)
	}
	return files
}

// judge holds everything that was told against what was true.
func (w *world) judge(name string, times int, since time.Time, mayMiss bool) row {
	w.t.Helper()
	content := w.truth()
	r := row{fault: name, times: times}
	w.mu.Lock()
	defer w.mu.Unlock()
	for g, k := range w.acked {
		if got, ok := content[g]; !ok || got != k {
			w.t.Errorf("%s: generation %d was acknowledged with version %d, and is now %d", name, g, k, got)
			r.wrong++
		}
		r.activations++
	}
	last := map[[2]int]int{}
	var took []time.Duration
	for _, a := range w.told {
		if a.at.Before(since) {
			continue
		}
		r.checks++
		resident := w.replicas[a.server].resident
		if a.code != "" {
			r.errors++
			if resident && !mayMiss {
				r.residentErrors++
				if r.residentErrors <= 3 {
					w.t.Errorf("%s: server %d, which holds its lists in memory, answers %s after %v", name, a.server, a.code, a.took)
				}
			}
			continue
		}
		if resident {
			took = append(took, a.took)
		}
		files := w.files(&a, content)
		want := slices.ContainsFunc(files, func(k int) bool { return listed(k, a.address) })
		switch server := [2]int{a.server, a.life}; {
		case len(files) == 0:
			w.t.Errorf("%s: an answer from generation %d, which nobody made", name, a.generation)
			r.wrong++
		case a.hit != want || a.hit != (a.matches > 0) || a.matches > len(files):
			w.t.Errorf("%s: server %d says hit=%t (%d matches) of %s, which generation %d (version %v) holds: %t", name, a.server, a.hit, a.matches, a.address, a.generation, files, want)
			r.wrong++
		case a.generation < last[server]:
			w.t.Errorf("%s: server %d went back from generation %d to %d", name, a.server, last[server], a.generation)
			r.wrong++
		default:
			last[server] = a.generation
		}
	}
	r.p99 = percentile99(took)
	return r
}

// percentile99 is the time that one of a hundred exceeds.
func percentile99(took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 0
	}
	took = slices.Sorted(slices.Values(took))
	return took[len(took)*99/100]
}

// journals makes sure that every decision that was told is on record.
func (w *world) journals() {
	w.t.Helper()
	recorded := map[string]bool{}
	for _, r := range w.replicas {
		r.kill()
		for x, err := range journal.Read(context.Background(), filepath.Join(r.data, "journal")) {
			if err != nil {
				w.t.Errorf("the journal of server %d: %v", r.n, err)
				break
			}
			if d, err := screening.DecodeRecord(x.Kind, x.ID, x.Time, x.Payload); err == nil {
				recorded[d.CheckID()] = true
			}
		}
	}
	lost := 0
	for _, a := range w.told {
		if a.checkID != "" && !recorded[a.checkID] {
			lost++
		}
	}
	if lost > 0 {
		w.t.Errorf("%d decisions were told and are not in the journal", lost)
	}
}

func report(r row) {
	tableMu.Lock()
	defer tableMu.Unlock()
	table = append(table, r)
}

func printTable(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-44s %6s %8s %6s %8s %10s %12s %10s %10s\n", "fault", "times", "checks", "wrong", "errors", "of memory", "activations", "p99 ms", "back in s")
	for _, r := range table {
		fmt.Fprintf(&b, "%-44s %6d %8d %6d %8d %10d %12d %10.1f %10.2f\n", r.fault, r.times, r.checks, r.wrong, r.errors, r.residentErrors, r.activations,
			float64(r.p99.Microseconds())/1000, r.recovery.Seconds())
	}
	b.WriteString("errors: answers that were none (503 and the like), of all servers; of memory: of those that hold their lists in memory.\n")
	t.Log(b.String())
}
