package auth

import (
	"net/netip"
	"sync"
	"testing"
	"time"
)

// still is a clock that stands still until it is moved.
type still struct{ at time.Time }

func (s *still) now() time.Time { return s.at }

func TestThrottleAllowsSoManyFailuresAMinute(t *testing.T) {
	c := &still{time.Unix(1_760_000_000, 0)}
	th := NewThrottle(30, c.now)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	allowed := func(from netip.Addr, attempts int) (n int) {
		for range attempts {
			if th.Failed(from).Wait == 0 {
				n++
			}
		}
		return n
	}
	if n := allowed(a, 100); n != 30 {
		t.Errorf("%d of 100 failures are allowed", n)
	}
	if w := th.Failed(a).Wait; w != 2*time.Second {
		t.Errorf("wait %v", w)
	}
	if n := allowed(b, 30); n != 30 {
		t.Errorf("another address: %d of 30", n)
	}
	c.at = c.at.Add(2 * time.Second)
	if n := allowed(a, 10); n != 1 {
		t.Errorf("after two seconds: %d of 10", n)
	}
	c.at = c.at.Add(time.Hour)
	if n := allowed(a, 100); n != 30 {
		t.Errorf("an hour later: %d of 100", n)
	}
	total := 0
	for range 600 { // an attempt every second for ten minutes
		c.at = c.at.Add(time.Second)
		total += allowed(b, 1)
	}
	if total > 330 {
		t.Errorf("%d attempts of ten minutes are allowed", total)
	}
}

// What one person can choose freely does not count as another caller.
func TestThrottleCountsANetworkOfIPv6AsOne(t *testing.T) {
	for one, others := range map[string]map[string]bool{
		"192.0.2.1":             {"192.0.2.1": true, "192.0.2.2": false, "::ffff:192.0.2.1": true, "::192.0.2.1": false},
		"2001:db8:1:2::1":       {"2001:db8:1:2:ffff:ffff:ffff:ffff": true, "2001:db8:1:2::1%eth0": true, "2001:db8:1:3::1": false},
		"fe80::1%eth0":          {"fe80::2%eth1": true},
		"::ffff:198.51.100.200": {"198.51.100.200": true, "198.51.100.201": false, "::ffff:198.51.100.201": false},
	} {
		for other, same := range others {
			th := NewThrottle(1, time.Now)
			th.Failed(netip.MustParseAddr(one))
			if slowed := th.Failed(netip.MustParseAddr(other)).Wait > 0; slowed != same {
				t.Errorf("%s and %s count as one: %t", one, other, slowed)
			}
		}
	}
	th := NewThrottle(1, time.Now)
	th.Failed(netip.Addr{})
	if th.Failed(netip.Addr{}).Wait == 0 {
		t.Error("callers without an address are not slowed down")
	}
}

// However many addresses fail, the memory that they take is bounded, and the one that fails most is not forgotten.
func TestThrottleForgetsTheOldest(t *testing.T) {
	c := &still{time.Unix(1_760_000_000, 0)}
	th := NewThrottle(5, c.now)
	stubborn := netip.MustParseAddr("2001:db8::1")
	for range 5 {
		th.Failed(stubborn)
	}
	for i := range 5 * maxCallers {
		th.Failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		if i%1000 == 0 && th.Failed(stubborn).Wait == 0 {
			t.Fatalf("after %d others it may try again", i)
		}
	}
	if len(th.callers) != maxCallers || th.order.Len() != maxCallers {
		t.Errorf("%d and %d are remembered", len(th.callers), th.order.Len())
	}
}

func TestThrottleLogsAtALimitedRate(t *testing.T) {
	c := &still{time.Unix(1_760_000_000, 0)}
	th := NewThrottle(30, c.now)
	a := netip.MustParseAddr("192.0.2.1")
	lines, attempts := 0, 0
	for range 10 * 60 * 10 { // ten a second for ten minutes
		if f := th.Failed(a); f.Log {
			lines++
			attempts += f.Attempts
		}
		c.at = c.at.Add(100 * time.Millisecond)
	}
	if lines != 10 || attempts != 9*600+1 {
		t.Errorf("%d lines for %d attempts", lines, attempts)
	}
	c.at = c.at.Add(time.Hour)
	lines = 0
	for i := range 5000 { // each from another address, in a minute
		if th.Failed(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})).Log {
			lines++
		}
		c.at = c.at.Add(time.Minute / 5000)
	}
	if lines < failureLines || lines > 2*failureLines {
		t.Errorf("%d lines for 5000 addresses", lines)
	}
}

func TestThrottleIsSafeForConcurrentUse(t *testing.T) {
	th := NewThrottle(1000, time.Now)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 2000 {
				th.Failed(netip.AddrFrom4([4]byte{10, byte(i), byte(j >> 8), byte(j)}))
			}
		})
	}
	wg.Wait()
}
