package fault

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"interdict/lists/storetest"
)

// newest is the newest generation that was acknowledged, and the file that was loaded in it.
func (w *world) newest() (generation, k int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for g := range w.acked {
		generation = max(generation, g)
	}
	return generation, w.acked[generation]
}

// serve waits until a server answers from a generation, or a newer one.
func (w *world) serve(r *replica, generation int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("server %d serves generation %d", r.n, generation), 60*time.Second, func() bool {
		a := r.ask(always)
		return a.code == "" && a.generation >= generation
	})
}

// lose makes Redis forget everything since its last SAVE, as a failover to a replica that was behind does.
func (w *world) lose(owners ...*replica) {
	w.redis.Kill()
	g, k := w.newest()
	w.mu.Lock()
	delete(w.acked, g)
	w.lost[g], w.lostAt = k, time.Now()
	for _, r := range owners {
		w.owners[r.n] = true
	}
	w.mu.Unlock()
	w.redis.Start()
}

// only is the address that file k lists and the one before it does not.
func only(k int) string {
	if k%2 == 1 {
		return odd
	}
	return even
}

// noMiss makes sure that a server does not clear an address, for a while.
func (w *world) noMiss(r *replica, address string, during time.Duration) {
	w.t.Helper()
	for start := time.Now(); time.Since(start) < during; time.Sleep(20 * time.Millisecond) {
		if a := r.ask(address); a.code == "" && !a.hit {
			w.t.Fatalf("server %d clears %s, which was acknowledged as listed: %+v", r.n, address, a)
		}
	}
}

// recover makes sure that nothing is activated on top of a loss while a server says that it is lost, and restores from that server.
func (w *world) recover(r *replica) {
	w.t.Helper()
	w.eventually("the loss is on record", 30*time.Second, func() bool {
		var out struct{ Lost int }
		status, err := w.replicas[0].call("GET", "/v1/replicas", "", &out)
		return err == nil && status == 200 && out.Lost > 0
	})
	if said := w.tryLoad(); !strings.Contains(said, "has lost generation") {
		w.t.Errorf("an activation on top of the loss: %q", said)
	}
	var out struct {
		Generation, Lost int
		Detail           string
	}
	w.eventually("restore", 30*time.Second, func() bool {
		status, err := r.call("POST", "/v1/restore", `{"reason":"harness"}`, &out)
		return err == nil && status == 200 && out.Generation > 0
	})
	w.mu.Lock()
	w.also[out.Generation] = w.lost[out.Lost]
	w.mu.Unlock()
	for _, r := range w.replicas {
		w.serve(r, out.Generation)
		for _, k := range w.lost {
			if a := r.ask(only(k)); a.generation == out.Generation && !a.hit {
				w.t.Errorf("server %d: what was lost is not back: %+v", r.n, a)
			}
		}
	}
	w.eventually("an activation after it", 30*time.Second, w.load)
}

func (w *world) finish(name string, times int, since, healed time.Time) {
	w.t.Helper()
	g, _ := w.newest()
	for _, r := range w.replicas {
		w.serve(r, g)
	}
	recovery := time.Since(healed)
	time.Sleep(200 * time.Millisecond)
	w.end()
	out := w.judge(name, times, since, true)
	out.recovery = recovery
	report(out)
	w.journals()
	printTable(w.t)
}

// A failover loses a generation, and the server that has answered from it restarts in the same incident.
func TestRestartAfterALoss(t *testing.T) {
	w := newWorld(t, storetest.NewRedis(t))
	w.redis.Must("SAVE")
	w.eventually("an activation", 30*time.Second, w.load)
	g, k := w.newest()
	for _, r := range w.replicas {
		w.serve(r, g)
	}
	since := time.Now()
	w.check()
	w.replicas[1].kill()
	w.lose(w.replicas...)
	healed := time.Now()
	w.replicas[1].start(t)
	w.noMiss(w.replicas[1], only(k), 3*time.Second)
	w.recover(w.replicas[1])
	w.finish("a failover loses a generation, restart", 1, since, healed)
}

// A server is cut off for longer than it counts as live. Meanwhile a failover loses the generation that it has answered from, and others
// activate more.
func TestServerThatWasCutOff(t *testing.T) {
	w := newWorld(t, storetest.NewRedis(t))
	w.redis.Must("SAVE")
	w.eventually("an activation", 30*time.Second, w.load)
	g, k := w.newest()
	cutOff := w.replicas[1]
	for _, r := range w.replicas {
		w.serve(r, g)
	}
	since := time.Now()
	w.check()
	cutOff.signal(t, syscall.SIGSTOP)
	for _, n := range []int{0, 2} { // nobody else knows of that generation
		w.replicas[n].kill()
	}
	w.lose(cutOff)
	for _, n := range []int{0, 2} {
		w.replicas[n].anew(t)
	}
	time.Sleep(11 * time.Second) // lists.ReplicaTTL
	for range 2 {
		w.eventually("an activation without the server that is cut off", 30*time.Second, w.load)
	}
	_, newer := w.newest()
	cutOff.signal(t, syscall.SIGCONT)
	healed := time.Now()
	w.eventually("it notices", 30*time.Second, func() bool {
		a := cutOff.ask(only(newer))
		return a.hit || a.code == "lost"
	})
	w.noMiss(cutOff, only(newer), 2*time.Second)
	w.noMiss(cutOff, only(k), 2*time.Second)
	w.recover(cutOff)
	w.finish("a server is cut off, others go on", 1, since, healed)
}

// Redis and a server die right after the server's first answer from a new generation, before its cache holds it.
func TestCacheThatLags(t *testing.T) {
	times := 4
	if long() {
		times = 40
	}
	w := newWorld(t, durable(t))
	since := time.Now()
	w.check()
	r := w.replicas[1]
	var healed time.Time
	for range times {
		w.eventually("an activation", 30*time.Second, w.load)
		g, k := w.newest()
		w.serve(r, g)
		w.redis.Kill()
		r.kill()
		r.start(t)
		w.noMiss(r, only(k), time.Second)
		w.redis.Start()
		healed = time.Now()
		w.serve(r, g)
	}
	w.finish("Redis and a server die after an activation", times, since, healed)
}

// Parts of the newest generation are gone before any server has loaded it. For a while the one before it is answered from; then nobody
// is cleared by it.
func TestNewestGenerationThatCannotBeLoaded(t *testing.T) {
	w := newWorld(t, durable(t), "--max-lag", "3s")
	since := time.Now()
	w.check()
	for _, r := range w.replicas {
		r.signal(t, syscall.SIGSTOP)
	}
	w.redis.Must("EVAL", `for _, k in ipairs(redis.call('KEYS', 'interdict:[eb]:*')) do redis.call('SADD', 'before', k) end`, "0")
	w.eventually("an activation", 60*time.Second, w.load)
	w.redis.Must("EVAL", `for _, k in ipairs(redis.call('KEYS', 'interdict:[eb]:*')) do
  if redis.call('SISMEMBER', 'before', k) == 0 then redis.call('RENAME', k, 'aside:' .. k) end
end`, "0")
	g, k := w.newest()
	for _, r := range w.replicas {
		r.signal(t, syscall.SIGCONT)
	}
	for _, r := range w.replicas {
		w.eventually("no more misses from the old generation", 30*time.Second, func() bool {
			var ready any
			status, err := r.call("GET", "/readyz", "", &ready)
			return err == nil && status == 503 && r.ask(only(k)).code != "" && r.ask(always).hit
		})
		w.noMiss(r, only(k), time.Second)
	}
	w.redis.Must("EVAL", `for _, k in ipairs(redis.call('KEYS', 'aside:*')) do redis.call('RENAME', k, string.sub(k, 7)) end`, "0")
	healed := time.Now()
	for _, r := range w.replicas {
		w.serve(r, g)
	}
	w.finish("the newest generation cannot be loaded", 1, since, healed)
}
