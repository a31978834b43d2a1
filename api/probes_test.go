package api_test

import (
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/api"
	"interdict/lists/fault"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// isRecord reports whether a check of /readyz is that of the record.
func isRecord(check any) bool { return check.(map[string]any)["name"] == "record" }

func TestProbes(t *testing.T) {
	var full error
	h := open(t, func(o *api.Options) { o.JournalError = func() error { return full } })
	alive := func() {
		t.Helper()
		for _, path := range []string{"/livez", "/healthz"} {
			same(t, path, map[string]any{"status": "ok"}, h.do(call{method: "GET", path: path}).want(200))
		}
	}
	state := func(name, status string) any { return map[string]any{"name": name, "status": status} }
	ready := func(code int, checks ...any) map[string]any {
		t.Helper()
		got := h.do(call{method: "GET", path: "/readyz"}).want(code)
		same(t, "status", any(map[int]string{200: "ready", 503: "not ready"}[code]), got["status"])
		given := statuses(got)
		if h.store.gone.Load() { // a checkpoint that was to be published in the meantime is a warning
			given = slices.DeleteFunc(given, isRecord)
		}
		same(t, "checks", checks, given)
		alive() // nothing of this is a reason to restart
		return got
	}
	ready(503, state("generation", "fail"), state("journal", "ok"), state("store", "ok"))

	h.publish("ofac-sdn", map[string]any{"approvals": 0, "max_age": "1h", "on_stale": "stop"}, sdnRows)
	got := ready(200, state("generation", "ok"), state("journal", "ok"), state("store", "ok"))
	same(t, "detail", any("generation 1, 1 lists, 4 listings"), got["checks"].([]any)[0].(map[string]any)["detail"])

	h.store.gone.Store(true)
	ready(200, state("generation", "ok"), state("journal", "ok"), state("store", "warn"))
	if h.screener.Refresh(t.Context()) == nil {
		t.Fatal("the store is not gone")
	}
	ready(200, state("generation", "ok"), state("journal", "ok"), state("store", "warn"), state("refresh", "warn"))
	h.store.gone.Store(false)
	if err := h.screener.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.eventually("the checkpoint is published", func() bool {
		return !slices.ContainsFunc(statuses(h.do(call{method: "GET", path: "/readyz"}).want(200)), isRecord)
	})

	full = fault.E(fault.Unavailable, "no space left on device")
	got = ready(503, state("generation", "ok"), state("journal", "fail"), state("store", "ok"))
	same(t, "it says what is wrong", any("no space left on device"), got["checks"].([]any)[1].(map[string]any)["detail"])
	full = nil

	h.clock.advance(61 * time.Minute)
	got = ready(503, state("generation", "fail"), state("list ofac-sdn", "fail"), state("journal", "ok"), state("store", "ok"))
	if detail := got["checks"].([]any)[1].(map[string]any)["detail"].(string); !strings.Contains(detail, "1h0m0s") {
		t.Errorf("%s", detail)
	}
	h.clock.advance(-61 * time.Minute)
	ready(200, state("generation", "ok"), state("journal", "ok"), state("store", "ok"))

	h.server.Drain()
	ready(503, state("generation", "ok"), state("journal", "ok"), state("store", "ok"), state("draining", "fail"))
	same(t, "requests that still come are answered", any("hit"), h.resultOf(lazarus))
}

// A server without the cache that it should have answers checks, and says what is wrong.
func TestReadinessWarnsOfACacheThatCannotBeUsed(t *testing.T) {
	h := screened(t, func(o *api.Options) { o.CacheError = fault.E(fault.Unavailable, "the folder /x cannot be used") })
	ready := h.do(call{method: "GET", path: "/readyz"}).want(200)
	same(t, "checks", []any{map[string]any{"name": "generation", "status": "ok"}, map[string]any{"name": "cache", "status": "warn"},
		map[string]any{"name": "journal", "status": "ok"}, map[string]any{"name": "store", "status": "ok"}}, statuses(ready))
}

// A certificate that callers may refuse is a warning: those who do not look at its dates are still answered.
func TestReadinessTellsOfTheCertificate(t *testing.T) {
	var wrong error
	h := screened(t, func(o *api.Options) {
		o.Certificate = func() (string, error) { return "expires on 2031-01-01T00:00:00Z", wrong }
	})
	last := func() any {
		checks := h.do(call{method: "GET", path: "/readyz"}).want(200)["checks"].([]any)
		return checks[len(checks)-1]
	}
	same(t, "valid", any(map[string]any{"name": "certificate", "status": "ok", "detail": "expires on 2031-01-01T00:00:00Z"}), last())
	wrong = fault.E(fault.Invalid, "the certificate CN=x expired on 2025-01-01T00:00:00Z")
	same(t, "expired", any(map[string]any{"name": "certificate", "status": "warn", "detail": "the certificate CN=x expired on 2025-01-01T00:00:00Z"}), last())
}

// What is measured carries no address, key or customer, and what is served can be seen.
func TestMetrics(t *testing.T) {
	h := screened(t)
	for range 3 {
		h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).want(200)
	}
	h.by("till", "POST", "/v1/check", checkOf(lazarus, "")).want(200)
	h.by("till", "GET", "/v1/addresses/"+lazarus, nil).want(200)
	h.by("till", "POST", "/v1/check", checkOf(genesis[:33]+"b", "bitcoin")).want(422)
	h.by("till", "POST", "/v1/check", checkOf("L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ", "bitcoin")).want(422)
	h.by("till", "POST", "/v1/check", `{`).want(400)
	h.by("till", "GET", "/v1/lists/"+strings.Repeat("x", 40), nil).want(404)
	h.by("till", "POST", "/v1/keys", `{}`).want(403)
	h.do(call{method: "GET", path: "/v1/lists"}).want(401)
	h.do(call{method: "GET", path: "/v1/lists", header: http.Header{"X-Api-Key": {"guessed"}}}).want(401)

	got := map[string]float64{}
	families, err := h.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "interdict_") {
			continue
		}
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			switch {
			case m.GetCounter() != nil:
				got[name] = m.GetCounter().GetValue()
			case m.GetGauge() != nil && !strings.Contains(name, "timestamp"):
				got[name] = m.GetGauge().GetValue()
			}
		}
	}
	for name, want := range map[string]float64{
		"interdict_checks_total allow withdrawal miss":                   3,
		"interdict_checks_total reject withdrawal hit":                   1,
		"interdict_checks_total none none hit":                           1,
		"interdict_check_matches_total reject exact withdrawal ofac-sdn": 1,
		"interdict_check_matches_total reject exact none ofac-sdn":       1,
		"interdict_check_errors_total invalid_address":                   2,
		"interdict_list_listings ofac-sdn":                               4,
		"interdict_list_stale ofac-sdn":                                  0,
		"interdict_store_generation":                                     1,
		"interdict_ready":                                                1,
		"interdict_draining":                                             0,
		"interdict_http_requests_in_flight":                              0,
		"interdict_auth_failures_total unknown_key":                      1,
		"interdict_auth_failures_total missing_key":                      1,
		"interdict_auth_failures_total role":                             1,
		"interdict_refused_total bad_checksum":                           1,
		"interdict_refused_total secret_material":                        1,
		"interdict_filter_positives_total true":                          2,
		"interdict_generation":                                           1,
		"interdict_listings":                                             4,
		"interdict_list_version ofac-sdn":                                1,
		"interdict_http_requests_total POST /v1/check 200":               4,
		"interdict_http_requests_total POST /v1/check 422":               2,
		"interdict_http_requests_total POST /v1/check 400":               1,
		"interdict_http_requests_total GET /v1/addresses/:address 200":   1,
		"interdict_http_requests_total GET /v1/lists/:id 404":            1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v instead of %v", name, got[name], want)
		}
	}
	all := h.scrape()
	for _, secret := range []string{lazarus, genesis, "xxxxxxxx", "till", h.keyOf["till"]} {
		if strings.Contains(all, secret) {
			t.Errorf("the metrics hold %s", secret)
		}
	}
}
