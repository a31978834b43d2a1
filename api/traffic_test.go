package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

func (h *house) traffic(query string) *client.Traffic {
	h.t.Helper()
	a := h.by("otto", "GET", "/v1/traffic"+query, nil)
	a.want(200)
	out := &client.Traffic{}
	if err := json.Unmarshal(a.body, out); err != nil {
		h.t.Fatal(err)
	}
	return out
}

func sum(x *client.Traffic) (all client.TrafficPoint) {
	for _, p := range x.Points {
		all.Checks, all.Hits, all.Misses, all.Errors = all.Checks+p.Checks, all.Hits+p.Hits, all.Misses+p.Misses, all.Errors+p.Errors
	}
	return all
}

// Checks of several servers are counted together, and a server that starts again goes on counting.
func TestTrafficOfAllServers(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		h.publish("ofac-sdn", sdn, sdnRows)
		one := api.NewTraffic(h.store, "one", h.metrics, h.clock.now)
		two := api.NewTraffic(h.store, "two", api.NewMetrics(), h.clock.now)
		write := func(all ...*api.Traffic) {
			t.Helper()
			for _, x := range all {
				if err := x.Write(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.by("till", "POST", "/v1/check", checkOf(lazarus, "ethereum")).want(200)
		h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).want(200)
		h.by("till", "POST", "/v1/checks", map[string]any{"checks": []any{checkOf(genesis, ""), checkOf("nonsense", "bitcoin")}}).want(200)
		write(one, two)
		same(t, "counted", client.TrafficPoint{Checks: 4, Hits: 1, Misses: 2, Errors: 1}, sum(h.traffic("")))

		again := api.NewTraffic(h.store, "one", h.metrics, h.clock.now) // its counters go on from where they are
		h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).want(200)
		write(again)
		same(t, "after a start", client.TrafficPoint{Checks: 5, Hits: 1, Misses: 3, Errors: 1}, sum(h.traffic("")))

		h.clock.advance(10 * time.Minute)
		write(again)
		h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).want(200)
		write(again)
		x := h.traffic("?from=" + h.clock.now().UTC().Add(-5*time.Minute).Format(time.RFC3339))
		same(t, "of the last minutes", client.TrafficPoint{Checks: 1, Misses: 1}, sum(x))
		if n := len(x.Points); n < 1 || n > 2 {
			t.Errorf("%d points for five minutes", n)
		}

		// A store that is away loses nothing that was counted.
		h.store.gone.Store(true)
		if err := again.Write(t.Context()); err != nil && !fault.Is(err, fault.Unavailable) {
			t.Error(err)
		}
		h.store.gone.Store(false)

		h.clock.advance(31 * 24 * time.Hour)
		write(two)
		docs, err := h.store.Scan(t.Context(), lists.DocAllTraffic)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "old counts", 0, len(docs))
		same(t, "a month later", client.TrafficPoint{}, sum(h.traffic("")))
	})
}

// What was counted while the store was away is written when it is back.
func TestTrafficWaitsForTheStore(t *testing.T) {
	h := screened(t)
	x := api.NewTraffic(h.store, "one", h.metrics, h.clock.now)
	h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).want(200)
	h.store.gone.Store(true)
	if err := x.Write(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("written into a store that is away: %v", err)
	}
	h.store.gone.Store(false)
	if err := x.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "counted", client.TrafficPoint{Checks: 1, Misses: 1}, sum(h.traffic("")))
}

// A server that ends writes what it has counted.
func TestServerCountsTraffic(t *testing.T) {
	h := screened(t)
	h.server.CountTraffic("one")
	h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).want(200)
	h.server.Close()
	same(t, "counted", client.TrafficPoint{Checks: 1, Misses: 1}, sum(h.traffic("")))
}
