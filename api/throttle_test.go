package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"interdict/api"
)

// standing makes the clock of a house stand still.
func standing(o *api.Options) {
	at := time.Now()
	o.Now = func() time.Time { return at }
}

// attempt asks without a valid key, with headers of its own.
func (h *house) attempt(path, key string, forwarded ...string) *answer {
	h.t.Helper()
	header := http.Header{"X-Forwarded-For": forwarded}
	if key != "" {
		header.Set("X-Api-Key", key)
	}
	return h.do(call{method: "GET", path: path, header: header})
}

// Whoever has no valid key is slowed down after a few attempts. Nobody is locked out: a valid key works from the same address all the while.
func TestAttemptsWithoutAKeyAreSlowedDown(t *testing.T) {
	h := screened(t, standing)
	guess := "ik_" + strings.Repeat("a", 16) + "_" + strings.Repeat("B", 43)
	for i := range 30 {
		h.attempt("/v1/lists", []string{"", guess}[i%2]).refused(problem{Status: 401, Code: "unauthorized"})
	}
	for i := range 10 {
		a := h.attempt("/v1/lists", []string{guess, ""}[i%2])
		a.refused(problem{Status: 429, Code: "rate_limited", Detail: "too many requests without a valid API key from this address"})
		same(t, "Retry-After", "2", a.header.Get("Retry-After"))
		h.by("otto", "GET", "/v1/lists", nil).want(200)
		same(t, "a check", any("hit"), h.resultOf(lazarus))
	}
	h.do(call{method: "GET", path: "/livez"}).want(200)
	routesTried := 0.0
	for _, r := range registered(h) { // on every route, before anything else is looked at
		if strings.HasSuffix(r.Path, "z") {
			continue
		}
		routesTried++
		path := strings.NewReplacer(":address", genesis, ":id", "ofac-sdn", ":n", "1", "*file", "", ":suppression", "nosuch").Replace(r.Path)
		h.do(call{method: r.Method, path: path, header: http.Header{"X-Api-Key": {guess}}}).refused(problem{Status: 429, Code: "rate_limited"})
	}
	h.attempt("/docs/start.js", guess).refused(problem{Status: 429, Code: "rate_limited"})
	routesTried++

	lines := 0
	for line := range strings.Lines(h.log.String()) {
		if !strings.Contains(line, "without a valid API key") {
			continue
		}
		lines++
		var x struct{ Client string }
		if err := json.Unmarshal([]byte(line), &x); err != nil || x.Client != "127.0.0.1" {
			t.Errorf("%s: %v", line, err)
		}
	}
	if lines != 1 {
		t.Errorf("%d lines in the log for one address in one minute", lines)
	}
	if strings.Contains(h.log.String(), guess) || strings.Contains(h.log.String(), guess[20:]) {
		t.Error("the log holds what was tried")
	}
	families, err := h.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "interdict_auth_failures_total" && m.GetCounter().GetValue() > 0 {
				counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	same(t, "metric", map[string]float64{"missing_key": 15, "unknown_key": 15, "throttled": 10 + routesTried}, counted)
}

// An address in a header counts only if a trusted proxy has written it.
func TestForwardedAddressesAreBelievedFromTrustedProxiesOnly(t *testing.T) {
	slowed := func(h *house, forwarded ...string) bool {
		t.Helper()
		a := h.attempt("/v1/lists", "", forwarded...)
		if a.status != 401 && a.status != 429 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return a.status == 429
	}
	one := func(o *api.Options) { standing(o); o.FailuresPerMinute = 1 }
	trusting := func(networks ...string) func(o *api.Options) {
		return func(o *api.Options) {
			one(o)
			var err error
			if o.TrustedProxies, err = api.ParseProxies(networks); err != nil {
				t.Fatal(err)
			}
		}
	}
	h := open(t, one)
	slowed(h, "192.0.2.1")
	if !slowed(h, "192.0.2.2") || !slowed(h) {
		t.Error("a header evades the limit")
	}
	h = open(t, trusting("198.51.100.0/24"))
	slowed(h, "192.0.2.1")
	if !slowed(h, "192.0.2.2") {
		t.Error("the header of a proxy that is not trusted evades the limit")
	}

	h = open(t, trusting("127.0.0.1", "10.0.0.0/8", "2001:db8::/32"))
	for _, x := range []struct {
		forwarded []string
		slowed    bool
	}{
		{[]string{"192.0.2.1"}, false},
		{[]string{"192.0.2.1"}, true},
		{[]string{"192.0.2.1:4711"}, true},
		{[]string{"::ffff:192.0.2.1"}, true},
		{[]string{"8.8.8.8, 192.0.2.1"}, true}, // the first one is the caller's invention
		{[]string{"8.8.8.8", "192.0.2.1"}, true},
		{[]string{"192.0.2.1, 10.1.2.3"}, true}, // a chain of proxies
		{[]string{"192.0.2.1", "10.1.2.3, 2001:db8::7"}, true},
		{[]string{"192.0.2.2"}, false},
		{[]string{"192.0.2.1, 192.0.2.3"}, false}, // the last one that is no proxy
		{[]string{"8.8.8.8"}, false},              // nothing was counted for it above
		{[]string{"2620:0:1:2::1"}, false},
		{[]string{"[2620:0:1:2::2]:80"}, true}, // the same network
		{nil, false},                           // the proxy itself
		{[]string{"nonsense"}, true},
		{[]string{"192.0.2.9, nonsense"}, true},
		{[]string{"192.0.2.9, nonsense, 10.9.9.9"}, false}, // the proxy 10.9.9.9
		{[]string{""}, true},
	} {
		if got := slowed(h, x.forwarded...); got != x.slowed {
			t.Errorf("%q is slowed down: %t", x.forwarded, got)
		}
	}
}

func TestNetworksOfProxies(t *testing.T) {
	got, err := api.ParseProxies([]string{"10.1.2.3/8", "192.0.2.7", "2001:db8::1/32", "::1", "::ffff:10.0.0.0/104"})
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8")}
	same(t, "networks", fmt.Sprint(want), fmt.Sprint(got))
	for _, bad := range []string{"", "10.0.0.0/33", "proxy.internal", "10.0.0", "10.0.0.0/8 ", "*"} {
		if _, err := api.ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
