package auth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

func TestAttemptsSlowDownButNeverStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrake(time.Now, 3, 8*time.Second)
		var waits []time.Duration
		for range 9 {
			start := time.Now()
			if err := b.wait(t.Context(), "kim from here", "client here"); err != nil {
				t.Fatal(err)
			}
			waits = append(waits, time.Since(start))
			b.failed("kim from here", "client here")
		}
		s := time.Second
		if diff := cmp.Diff([]time.Duration{0, 0, 0, 0, s, 2 * s, 4 * s, 8 * s, 8 * s}, waits); diff != "" {
			t.Error(diff)
		}
		start := time.Now()
		if err := b.wait(t.Context(), "kim from there", "client there"); err != nil || time.Since(start) != 0 {
			t.Errorf("a stranger's failures slow down the person elsewhere: %v", err)
		}
		time.Sleep(brakeMemory)
		start = time.Now()
		if err := b.wait(t.Context(), "kim from here"); err != nil || time.Since(start) != 0 {
			t.Errorf("failures are never forgotten: %v", err)
		}
	})
}

func TestAttemptsAtOnceWaitInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrake(time.Now, 0, 4*time.Second)
		for range 5 {
			b.failed("x")
		}
		var mu sync.Mutex
		waited := map[time.Duration]int{}
		refused := 0
		start := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				err := b.wait(t.Context(), "x")
				mu.Lock()
				defer mu.Unlock()
				if fault.Is(err, fault.RateLimited) {
					refused++
				} else if err == nil {
					waited[time.Since(start)]++
				}
			})
		}
		wg.Wait()
		if diff := cmp.Diff(map[time.Duration]int{4 * time.Second: 1, 8 * time.Second: 1}, waited); diff != "" || refused != 8 {
			t.Errorf("%d are refused %s", refused, diff)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.wait(ctx, "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

func TestAtMostTwoHashesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPasswords()
		var release []func()
		for range hashesAtOnce {
			r, err := p.take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			release = append(release, r)
		}
		if _, err := p.take(t.Context()); !fault.Is(err, fault.RateLimited) {
			t.Errorf("a third: %v", err)
		}
		for _, r := range release {
			r()
		}
		if _, err := p.take(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// The hash that stands for no account takes as long as a real one, and nothing matches it.
func TestNoHash(t *testing.T) {
	p := newPasswords()
	for _, password := range []string{"", "a decoy that no password hashes to!"} {
		if ok, err := p.matches(t.Context(), password, ""); ok || err != nil {
			t.Errorf("%v %v", ok, err)
		}
	}
	hash, err := p.hash(t.Context(), "seven tall herons wade")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(noHash[:31], hash[:31]); diff != "" {
		t.Error(diff)
	}
	if ok, err := p.matches(t.Context(), "seven tall herons wade", hash); !ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
}
