package api

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// httpMetrics count requests.
type httpMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func (m *httpMetrics) newHTTP() []prometheus.Collector {
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_http_requests_total", Help: "Requests by route and status."}, []string{"method", "route", "status"})
	m.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "interdict_http_request_duration_seconds",
		Help:    "Time from the request's header to the answer.",
		Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2.5, 10, 60}}, []string{"method", "route"})
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{Name: "interdict_http_requests_in_flight", Help: "Requests that are being answered."})
	return []prometheus.Collector{m.requests, m.seconds, m.inFlight}
}

// routeMetrics are the handles of one route.
type routeMetrics struct {
	of           *httpMetrics
	method, path string
	once         sync.Once
	seconds      prometheus.Observer
	ok           prometheus.Counter // status 200, by far the most
}

// route returns the handles of a route. Its series appear with its first request: there are some eighty routes of which most deployments use few. Those
// of checks are there from the start, so that an alert sees their first failure.
func (m *httpMetrics) route(method, path string) *routeMetrics {
	r := &routeMetrics{of: m, method: method, path: path}
	if method == http.MethodPost && (path == pathCheck || path == pathChecks) {
		r.once.Do(r.open)
		r.count(http.StatusInternalServerError)
		r.count(http.StatusServiceUnavailable)
	}
	return r
}

func (r *routeMetrics) open() {
	r.seconds, r.ok = r.of.seconds.WithLabelValues(r.method, r.path), r.count(http.StatusOK)
}

func (r *routeMetrics) count(status int) prometheus.Counter {
	return r.of.requests.WithLabelValues(r.method, r.path, strconv.Itoa(status))
}

// begin counts a request that has come.
func (r *routeMetrics) begin() { r.of.inFlight.Inc() }

// observe counts a request that was answered.
func (r *routeMetrics) observe(status int, took time.Duration) {
	r.once.Do(r.open)
	if status == http.StatusOK {
		r.ok.Inc()
	} else {
		r.count(status).Inc()
	}
	r.seconds.Observe(took.Seconds())
	r.of.inFlight.Dec()
}
