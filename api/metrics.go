package api

import (
	"runtime"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are what /metrics shows. Handles that every check needs are looked up once; no label ever holds an address, a key or a person.
type Metrics struct {
	Registry *prometheus.Registry

	checkMetrics
	httpMetrics
	callers *prometheus.CounterVec // that were refused
	streams prometheus.Gauge       // of changes
	server  atomic.Pointer[Server]
}

// The reasons for which a caller is refused.
const (
	callerMissing   = "missing_key"
	callerUnknown   = "unknown_key"
	callerExpired   = "expired_key"
	callerSession   = "no_session"
	callerSignIn    = "sign_in"
	callerThrottled = "throttled"
	callerSite      = "other_site"
	callerRole      = "role"
	callerNetwork   = "network"
	callerList      = "list"
)

// NewMetrics makes the metrics of one process.
func NewMetrics() *Metrics {
	m := &Metrics{Registry: prometheus.NewRegistry(),
		callers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_auth_failures_total",
			Help: "Requests of callers that were refused, and sign-ins that failed, by reason."}, []string{"reason"})}
	for _, reason := range []string{callerMissing, callerUnknown, callerExpired, callerSession, callerSignIn, callerThrottled, callerSite, callerRole, callerNetwork, callerList} {
		m.callers.WithLabelValues(reason)
	}
	m.streams = prometheus.NewGauge(prometheus.GaugeOpts{Name: "interdict_change_streams", Help: "Open streams of the changes of lists."})
	m.Registry.MustRegister(m.callers, m.streams, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.Registry.MustRegister(m.newChecks()...)
	m.Registry.MustRegister(m.newHTTP()...)
	return m
}

// Built adds what program this is.
func (m *Metrics) Built(version, commit string) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "interdict_build_info", Help: "1, with the version and the commit of the program and the version of Go.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit, "goversion": runtime.Version()}})
	info.Set(1)
	m.Registry.MustRegister(info)
}

// callerRefused counts a caller that was refused.
func (m *Metrics) callerRefused(reason string) { m.callers.WithLabelValues(reason).Inc() }
