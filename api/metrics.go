package api

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"interdict/screening"
	"interdict/screening/replica"
)

// Metrics are what /metrics shows. Handles are looked up once, when a route is made; no label ever holds an address.
type Metrics struct {
	Registry *prometheus.Registry

	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	results  [3]prometheus.Counter // by screening.Result
	refused  *prometheus.CounterVec
	filter   [2]prometheus.Counter // false positive, true positive
	keyless  [2]prometheus.Counter // requests without a valid key: refused, told to wait
	failed   prometheus.Counter    // checks without an answer
}

// NewMetrics makes the metrics of one process. status is asked for what is served at the time of a scrape.
func NewMetrics() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_http_requests_total",
			Help: "Requests by route and status."}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "interdict_http_request_seconds",
			Help:    "Time from the request's header to the answer.",
			Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2.5, 10, 60}}, []string{"method", "route"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_refused_total",
			Help: "Texts that could not be read as an address, by reason."}, []string{"reason"}),
	}
	results := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_checks_total", Help: "Decisions by result."}, []string{"result"})
	for _, r := range []screening.Result{screening.Miss, screening.Hit} {
		m.results[r] = results.WithLabelValues(r.String())
	}
	positives := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_filter_positives_total",
		Help: "Keys that a filter held for possibly listed, by whether the store had them."}, []string{"listed"})
	m.filter = [2]prometheus.Counter{positives.WithLabelValues("false"), positives.WithLabelValues("true")}
	keyless := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_unauthorized_total",
		Help: "Requests without a valid API key, by status: 401, or 429 after too many of one address."}, []string{"status"})
	m.keyless = [2]prometheus.Counter{keyless.WithLabelValues("401"), keyless.WithLabelValues("429")}
	m.failed = prometheus.NewCounter(prometheus.CounterOpts{Name: "interdict_check_errors_total",
		Help: "Checks that got an error in place of an answer: texts that are not addresses, and checks that could not be answered."})
	m.Registry.MustRegister(m.failed, m.requests, m.seconds, m.refused, results, positives, keyless,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Watch adds what the screener serves.
func (m *Metrics) Watch(s *screening.Screener) {
	gauge := func(name, help string, value func(replica.Status) float64) {
		m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(s.Status()) }))
	}
	gauge("interdict_generation", "The generation served; 0 for none.", func(st replica.Status) float64 { return float64(st.Generation) })
	gauge("interdict_listings", "Listings in the generation served.", func(st replica.Status) float64 { return float64(st.Listings) })
	gauge("interdict_store_seen_timestamp_seconds", "When the store was last asked with success.", func(st replica.Status) float64 { return seconds(st.RefreshedAt) })
	gauge("interdict_cache_saved_timestamp_seconds", "While the store is away since the start and the cache is served: when that was saved. Otherwise 0.",
		func(st replica.Status) float64 { return seconds(st.SavedAt) })
	gauge("interdict_store_lost", "1 while the store has lost the generation that is served here: answers come from both sides, or are 503 lost (interdict restore brings it back).", func(st replica.Status) float64 {
		if st.Lost {
			return 1
		}
		return 0
	})
	gauge("interdict_behind_seconds", "For how long the store has had a newer generation that is not loaded here; 0 when there is none.", func(st replica.Status) float64 {
		if st.Newest == 0 {
			return 0
		}
		return time.Since(st.Behind).Seconds()
	})
	gauge("interdict_ready", "1 while checks can be answered.", func(st replica.Status) float64 {
		if st.Unready != nil {
			return 0
		}
		return 1
	})
	gauge("interdict_resident_layers", "Layers whose listings are held in memory.", func(st replica.Status) float64 { return float64(st.HeldLayers) })
	gauge("interdict_layers", "Layers of the generation served.", func(st replica.Status) float64 { return float64(st.Layers) })
	gauge("interdict_resident_bytes", "Memory that they take.", func(st replica.Status) float64 { return float64(st.HeldBytes) })
	m.Registry.MustRegister(listCollector{s})
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}

// listCollector gives one series a list of the generation served.
type listCollector struct{ s *screening.Screener }

var (
	freshDesc   = prometheus.NewDesc("interdict_list_fresh_timestamp_seconds", "When the list was last known to be what its publisher says.", []string{"list"}, nil)
	versionDesc = prometheus.NewDesc("interdict_list_version", "The version of the list that is served.", []string{"list"}, nil)
)

func (l listCollector) Describe(ch chan<- *prometheus.Desc) { ch <- freshDesc; ch <- versionDesc }

func (l listCollector) Collect(ch chan<- prometheus.Metric) {
	for _, x := range l.s.Status().Lists {
		ch <- prometheus.MustNewConstMetric(freshDesc, prometheus.GaugeValue, seconds(x.FreshAt), x.ID)
		ch <- prometheus.MustNewConstMetric(versionDesc, prometheus.GaugeValue, float64(x.Version), x.ID)
	}
}

// Checked counts a decision.
func (m *Metrics) Checked(r screening.Result) { m.results[r].Inc() }

// Refused counts a text that is no address.
func (m *Metrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

// checkFailed counts a check that got an error in place of an answer.
func (m *Metrics) checkFailed() { m.failed.Inc() }

// sampled are counts of checks since the start of the process.
type sampled struct{ hits, misses, errors int64 }

// sample reads the counters of checks.
func (m *Metrics) sample() sampled {
	read := func(c prometheus.Counter) int64 {
		var x dto.Metric
		if c.Write(&x) != nil {
			return 0 // counters always can be read
		}
		return int64(x.GetCounter().GetValue())
	}
	return sampled{read(m.results[screening.Hit]), read(m.results[screening.Miss]), read(m.failed)}
}

// unauthorized counts a request without a valid key.
func (m *Metrics) unauthorized(slowedDown bool) {
	if slowedDown {
		m.keyless[1].Inc()
	} else {
		m.keyless[0].Inc()
	}
}

// FilterPositive counts a key that a filter did not clear.
func (m *Metrics) FilterPositive(found bool) {
	if found {
		m.filter[1].Inc()
	} else {
		m.filter[0].Inc()
	}
}

// routeMetrics are the handles of one route.
type routeMetrics struct {
	seconds prometheus.Observer
	ok      prometheus.Counter // status 200, by far the most
	other   func(status int) prometheus.Counter
}

func (m *Metrics) route(method, path string) *routeMetrics {
	return &routeMetrics{
		seconds: m.seconds.WithLabelValues(method, path),
		ok:      m.requests.WithLabelValues(method, path, "200"),
		other: func(status int) prometheus.Counter {
			return m.requests.WithLabelValues(method, path, strconv.Itoa(status))
		},
	}
}

func (r *routeMetrics) observe(status int, took time.Duration) {
	if status == 200 {
		r.ok.Inc()
	} else {
		r.other(status).Inc()
	}
	r.seconds.Observe(took.Seconds())
}
