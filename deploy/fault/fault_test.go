package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"interdict/lists/address"
	"interdict/lists/storetest"
)

// fault is something that goes wrong, and how it is put right.
type trouble struct {
	name   string
	inject func(*world)
	heal   func(*world)
	// restore tells that Redis has lost its data, and an operator puts it back.
	restore bool
	// fails tells that servers themselves go away.
	fails bool
}

func toxic(kind, attributes string) func(*world) {
	return func(w *world) {
		for _, stream := range []string{"upstream", "downstream"} {
			if kind == "latency" && stream == "upstream" {
				continue
			}
			body := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"toxicity":1,"attributes":%s}`, kind+stream, kind, stream, attributes)
			if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(body)); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func healthy(w *world) { w.proxy.Toxics.ResetToxics(context.Background()) }

// config sets options of Redis, in pairs.
func config(pairs ...string) func(*world) {
	return func(w *world) { w.redis.Must(append([]string{"CONFIG", "SET"}, pairs...)...) }
}

// alwaysField is the field of the address that is always listed.
var alwaysField = func() string {
	read, err := address.Parse(nil, always, "ethereum")
	if err != nil {
		panic(err)
	}
	return string(read[0].Key)
}()

// damage runs a script for each bucket that holds the address that is always listed, while nothing is being activated and all servers
// have loaded what was: from then on only the store is damaged. KEYS[1] is the bucket, KEYS[2] a name to set it aside under, ARGV[1] the field.
func damage(script string) func(*world) {
	return func(w *world) {
		w.loading.Lock()
		defer w.loading.Unlock()
		g, _ := w.newest()
		for _, r := range w.replicas {
			w.serve(r, g)
		}
		w.redis.Must("EVAL", `for _, k in ipairs(redis.call('KEYS', 'interdict:e:*')) do
  if redis.call('HEXISTS', k, ARGV[1]) == 1 then
    local KEYS = {k, 'aside:' .. k}
    redis.call('COPY', KEYS[1], KEYS[2])
    `+script+`
  end
end`, "0", alwaysField)
	}
}

// repair puts back what damage has set aside, of layers that are still there.
func repair(w *world) {
	w.redis.Must("EVAL", `for _, k in ipairs(redis.call('KEYS', 'aside:*')) do redis.call('RENAME', k, string.sub(k, 7)) end`, "0")
}

func troubles() []trouble {
	none := func(*world) {}
	return []trouble{
		{name: "nothing", inject: none, heal: none},
		{name: "Redis is killed", inject: func(w *world) { w.redis.Kill() }, heal: func(w *world) { w.redis.Start() }},
		{name: "Redis is stopped (SIGSTOP)", inject: func(w *world) { w.redis.Pause() }, heal: func(w *world) { w.redis.Resume() }},
		{name: "Redis is slow by 500 ms", inject: toxic("latency", `{"latency":500,"jitter":50}`), heal: healthy},
		{name: "Redis cannot be reached", inject: func(w *world) { w.proxy.Stop() }, heal: func(w *world) {
			if err := w.proxy.Start(); err != nil {
				w.t.Fatal(err)
			}
		}},
		{name: "packets to Redis vanish", inject: toxic("timeout", `{"timeout":0}`), heal: healthy},
		{name: "connections are reset", inject: toxic("reset_peer", `{"timeout":20}`), heal: healthy},
		{name: "Redis is read-only", inject: func(w *world) { w.redis.Must("REPLICAOF", "127.0.0.1", "1") },
			heal: func(w *world) { w.redis.Must("REPLICAOF", "NO", "ONE") }},
		{name: "Redis is out of memory", inject: config("maxmemory", "1mb", "maxmemory-policy", "noeviction"), heal: config("maxmemory", "0")},
		{name: "Redis is loading", inject: func(w *world) { w.redis.Kill(); w.redis.StartLoading() }, heal: none},
		{name: "no rights in Redis", inject: func(w *world) { w.redis.Must("ACL", "SETUSER", "default", "-@all", "+acl", "+ping") },
			heal: func(w *world) { w.redis.Must("ACL", "SETUSER", "default", "+@all") }},
		{name: "a bucket is of the wrong type", inject: damage(`redis.call('SET', KEYS[1], 'x')`), heal: repair},
		{name: "a bucket is gone", inject: damage(`redis.call('DEL', KEYS[1])`), heal: repair},
		{name: "a field of a bucket is gone", inject: damage(`redis.call('HDEL', KEYS[1], ARGV[1])`), heal: repair},
		{name: "Redis is flushed, then restored", inject: func(w *world) { w.redis.Must("FLUSHALL") }, heal: none, restore: true},
		{name: "Redis evicts (allkeys-lru), then restored", inject: func(w *world) {
			w.redis.Must("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", "1mb")
		}, heal: func(w *world) {
			w.redis.Must("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")
			w.redis.Must("FLUSHALL") // what is left of it is no store
		}, restore: true},
		{name: "a server is killed while Redis is gone", inject: func(w *world) {
			w.redis.Kill()
			w.replicas[1].kill()
			w.replicas[1].start(w.t)
		}, heal: func(w *world) { w.redis.Start() }, fails: true},
	}
}

// Under every fault of Redis, answers stay true, and servers that hold their lists in memory go on answering.
func TestFaults(t *testing.T) {
	last := 1500 * time.Millisecond
	if long() {
		last = 10 * time.Second
	}
	w := newWorld(t, durable(t))
	for _, f := range troubles() {
		ok := t.Run(f.name, func(t *testing.T) {
			w.t = t
			w.mu.Lock()
			w.told, w.ops, w.idle = nil, nil, nil
			w.mu.Unlock()
			w.stop = make(chan struct{})
			since := time.Now()
			w.check()
			if !f.restore {
				w.activate()
				w.look()
			}
			time.Sleep(300 * time.Millisecond)
			f.inject(w)
			time.Sleep(last)
			f.heal(w)
			healed := time.Now()
			if f.restore {
				w.putBack()
			}
			w.eventually("an activation after it", patience, w.load)
			g := 0
			w.mu.Lock()
			for n := range w.acked {
				g = max(g, n)
			}
			w.mu.Unlock()
			for _, r := range w.replicas {
				w.eventually("all servers serve it", patience, func() bool {
					a := r.ask(always)
					if time.Since(healed) > 10*time.Second {
						var ready any
						_, err := r.call("GET", "/readyz", "", &ready)
						t.Logf("server %d: %+v, ready %v %v", r.n, a, ready, err)
						time.Sleep(5 * time.Second)
					}
					return a.generation >= g
				})
			}
			recovery := time.Since(healed)
			time.Sleep(200 * time.Millisecond)
			w.end()
			out := w.judge(f.name, 1, since, f.fails)
			out.recovery = recovery
			if !f.restore {
				w.linearizable(f.name)
			}
			// The machine is shared, and so is the time that a check takes: what hangs is told from what is slow by a request that asks nothing.
			if limit := percentile99(w.idle) + 250*time.Millisecond; out.p99 > limit {
				t.Errorf("the slowest checks take %v, more than %v", out.p99, limit)
			}
			if recovery > 15*time.Second {
				t.Errorf("back to normal after %v", recovery)
			}
			report(out)
		})
		if !ok {
			break
		}
	}
	w.t = t
	w.journals()
	printTable(t)
}

// putBack does what an operator does when Redis has lost its data.
func (w *world) putBack() {
	w.t.Helper()
	w.eventually("restore", patience, func() bool {
		var out struct{ Generation int }
		status, err := w.replicas[0].call("POST", "/v1/restore", `{"reason":"harness"}`, &out)
		return err == nil && status == 200 && out.Generation > 0
	})
	// Generations before it are gone from Redis, as is what was acknowledged of them; the content of the last one is not.
	w.mu.Lock()
	clear(w.acked)
	w.mu.Unlock()
}

// linearizable checks the history of activations and looks. An activation whose outcome is not known has happened if the store says so.
func (w *world) linearizable(name string) {
	w.t.Helper()
	content := w.truth()
	made := map[int]int{}
	for g, k := range content {
		if n, ok := made[k]; !ok || g < n {
			made[k] = g
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	first, end := 1<<62, time.Now().UnixNano()
	var history []porcupine.Operation
	for _, o := range w.ops {
		if o.k > 0 && o.generation == 0 {
			if o.generation = made[o.k]; o.generation == 0 {
				continue // it did not happen
			}
			o.done = end
		}
		before := o.generation
		if o.k > 0 {
			before--
		}
		first = min(first, before)
		history = append(history, porcupine.Operation{ClientId: o.client, Input: o.k, Call: o.call, Output: o.generation, Return: o.done})
	}
	for _, g := range w.other { // they have happened at some time, wherever that was
		if g > first {
			history = append(history, porcupine.Operation{Input: -1, Call: 0, Output: g, Return: end})
		}
	}
	for i := range history { // every activation in flight is a client of its own
		history[i].ClientId = i
	}
	model := porcupine.Model{
		Init: func() any { return first },
		Step: func(state, input, output any) (bool, any) {
			if input.(int) == 0 {
				return output == state, state
			}
			return output.(int) == state.(int)+1, output
		},
	}
	if result := porcupine.CheckOperationsTimeout(model, history, 30*time.Second); result == porcupine.Illegal {
		w.t.Errorf("%s: the history of %d activations and looks is not linearizable", name, len(history))
	}
}

// more is a file of addresses that no canary is among.
func (w *world) more(n int) string {
	file := filepath.Join(w.dir, "more.csv")
	if err := os.WriteFile(file, fmt.Appendf(nil, "address\n0x%040x\n0x%040x\n", time.Now().UnixNano(), n), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// killed runs a command on the store, and kills it when it has not ended in time.
func (w *world) killed(after time.Duration, args ...string) {
	ctx, cancel := context.WithTimeout(w.t.Context(), after)
	defer cancel()
	_ = exec.CommandContext(ctx, program, append(args, "--redis", w.url, "--journal", filepath.Join(w.dir, "operator"))...).Run()
}

// Loaders and servers are killed at random moments; what was acknowledged stays, and answers stay true.
func TestKills(t *testing.T) {
	kills := 20
	if long() {
		kills = 200
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, durable(t))
	since := time.Now()
	w.check()
	for n := range kills {
		pause := time.Duration(r.IntN(120)) * time.Millisecond
		switch n % 4 {
		case 0: // while it stages and activates
			k, cmd, out := w.loader(t.Context())
			call := time.Now().UnixNano()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(pause)
			_ = cmd.Process.Kill()
			w.loaded(k, call, cmd.Wait(), out)
		case 1: // while it goes back
			w.killed(pause, "lists", "rollback", "deny", "--reason", "harness")
		case 2: // while it adds to another list, and makes one layer of many
			for range 4 {
				w.killed(5*time.Second, "load", "more", w.more(n), "--mode", "add", "--activate", "--override", "harness")
			}
			w.killed(pause, "load", "more", w.more(n), "--mode", "add", "--activate", "--override", "harness")
		case 3: // a server, while something is activated
			k, cmd, out := w.loader(t.Context())
			call := time.Now().UnixNano()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			victim := w.replicas[r.IntN(2)]
			time.Sleep(pause / 2)
			victim.kill()
			victim.start(t)
			w.loaded(k, call, cmd.Wait(), out)
		}
		if n%5 == 4 {
			if said := w.tryLoad(); said != "" {
				t.Errorf("kill %d: the next activation fails: %s", n, said)
			}
		}
	}
	w.eventually("an activation after it", patience, w.load)
	w.end()
	out := w.judge("loaders and servers are killed (-9)", kills, since, true)
	report(out)
	w.linearizable("kills")
	w.journals()
	printTable(t)
}

// A failover loses nothing that was acknowledged and not replicated without saying so, and no answer is wrong.
func TestFailoverOfSentinel(t *testing.T) {
	master := storetest.NewRedis(t)
	storetest.NewReplica(t, master)
	w := newWorldAt(t, storetest.NewSentinels(t, 3, master))
	since := time.Now()
	w.check()
	w.activate()
	time.Sleep(time.Second)
	master.Kill()
	start := time.Now()
	w.eventually("an activation after the failover, or the word that something was lost", patience, func() bool {
		if w.load() {
			return true
		}
		var r struct{ Generation, Highest int }
		if status, err := w.replicas[0].call("GET", "/v1/replicas", "", &r); err == nil && status == 200 && r.Highest > r.Generation {
			t.Logf("the failover lost generation %d; the store is at %d", r.Highest, r.Generation)
			var out struct{ Generation int }
			status, err := w.replicas[0].call("POST", "/v1/restore", `{}`, &out)
			return err == nil && status == 200
		}
		return false
	})
	recovery := time.Since(start)
	w.eventually("an activation", patience, w.load)
	w.end()
	out := w.judge("failover of Sentinel", 1, since, false)
	out.recovery = recovery
	report(out)
	printTable(t)
}

// While a node of a cluster is away its slots cannot be read; nobody is cleared by that.
func TestNodeOfClusterIsAway(t *testing.T) {
	url, nodes := storetest.NewCluster(t, 3)
	w := newWorldAt(t, url)
	since := time.Now()
	w.check()
	w.activate()
	start := time.Now()
	for i, node := range nodes {
		node.Pause()
		time.Sleep(1500 * time.Millisecond)
		node.Resume()
		start = time.Now()
		w.eventually("an activation after node "+strconv.Itoa(i), patience, w.load)
	}
	recovery := time.Since(start)
	w.end()
	out := w.judge("a node of a Cluster is away", len(nodes), since, false)
	out.recovery = recovery
	report(out)
	printTable(t)
}

// A server whose disk is full gives no decision that it cannot record, and goes on when there is space again. The disk is a small tmpfs, which only
// root may make.
func TestTheDiskOfAServerIsFull(t *testing.T) {
	w := newWorld(t, durable(t))
	disk := filepath.Join(w.dir, "small")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no small disk can be made here: %v %s", err, out)
	}
	t.Cleanup(func() {
		for _, r := range w.replicas {
			r.kill()
		}
		_ = exec.Command("umount", disk).Run()
	})
	r := w.replicas[1]
	r.kill()
	r.data = disk
	for i, a := range r.args {
		if a == "--data" {
			r.args[i+1] = disk
		}
	}
	r.start(t)
	w.eventually("it is ready", patience, func() bool { return r.ask(always).hit })
	since := time.Now()
	w.check()
	// Another program takes all that is left.
	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	chunk := make([]byte, 1<<20)
	for err == nil {
		_, err = filler.Write(chunk)
	}
	refused := 0 // hits, since a record of one is large: the space of a segment is reserved
	for deadline := time.Now().Add(60 * time.Second); refused == 0 && time.Now().Before(deadline); {
		var out struct {
			Results []struct{ Error struct{ Code string } }
		}
		batch := `{"checks":[` + strings.TrimSuffix(strings.Repeat(`{"address":"`+always+`","direction":"deposit"},`, 1000), ",") + `]}`
		if status, err := r.call("POST", "/v1/checks", batch, &out); err != nil || status != 200 {
			refused++
			continue
		}
		for _, x := range out.Results {
			if x.Error.Code != "" {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("the disk is full, and every decision is given")
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	filler.Close()
	start := time.Now()
	w.eventually("it answers again", patience, func() bool { return r.ask(always).hit && r.ask(never).code == "" })
	recovery := time.Since(start)
	w.eventually("an activation after it", patience, w.load)
	w.end()
	out := w.judge("the disk of a server is full", 1, since, true)
	out.recovery = recovery
	report(out)
	w.journals()
	printTable(t)
}
