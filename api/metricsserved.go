package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"interdict/screening"
	"interdict/screening/replica"
)

// Watch adds what the screener serves.
func (m *Metrics) Watch(s *screening.Screener) {
	gauge := func(name, help string, value func(replica.Status) float64) {
		m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(s.Status()) }))
	}
	gauge("interdict_generation", "The generation served; 0 for none.", func(st replica.Status) float64 { return float64(st.Generation) })
	gauge("interdict_store_generation", "The newest generation of the store, as far as this server knows; lower than the one served if the store has lost that.",
		func(st replica.Status) float64 { return float64(st.Known()) })
	gauge("interdict_listings", "Listings in the generation served.", func(st replica.Status) float64 { return float64(st.Listings) })
	gauge("interdict_store_seen_timestamp_seconds", "When the store was last asked with success.", func(st replica.Status) float64 { return seconds(st.RefreshedAt) })
	gauge("interdict_cache_saved_timestamp_seconds", "While the store is away since the start and the cache is served: when that was saved. Otherwise 0.",
		func(st replica.Status) float64 { return seconds(st.SavedAt) })
	gauge("interdict_store_lost", "1 while the store has lost the generation that is served here: answers come from both sides, or are 503 lost (interdict restore brings it back).",
		func(st replica.Status) float64 { return one(st.Lost) })
	gauge("interdict_behind_timestamp_seconds", "Since when the store has had a newer generation that is not loaded here; 0 when there is none.", func(st replica.Status) float64 {
		if st.Newest == 0 {
			return 0
		}
		return seconds(st.Behind)
	})
	gauge("interdict_ready", "1 while the readiness probe succeeds: checks can be answered and recorded, and the server is not draining.", func(st replica.Status) float64 {
		server := m.server.Load()
		return one(st.Unready == nil && (server == nil || server.journal() == nil && !server.draining.Load()))
	})
	gauge("interdict_draining", "1 while the server is shutting down.", func(replica.Status) float64 {
		server := m.server.Load()
		return one(server != nil && server.draining.Load())
	})
	gauge("interdict_resident_layers", "Layers whose listings are held in memory.", func(st replica.Status) float64 { return float64(st.HeldLayers) })
	gauge("interdict_layers", "Layers of the generation served.", func(st replica.Status) float64 { return float64(st.Layers) })
	gauge("interdict_resident_bytes", "Memory that they take.", func(st replica.Status) float64 { return float64(st.HeldBytes) })
	m.Registry.MustRegister(listCollector{s})
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}

// listCollector gives a few series for each list of the generation served.
type listCollector struct{ s *screening.Screener }

func listGauge(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("interdict_list_"+name, help, []string{"list"}, nil)
}

var (
	freshDesc     = listGauge("fresh_timestamp_seconds", "When the list was last known to be what its publisher says.")
	publishedDesc = listGauge("published_timestamp_seconds", "When the version that is served was published, as its file says; 0 if it does not.")
	maxAgeDesc    = listGauge("max_age_seconds", "For how long after that time it counts as current; 0: for ever.")
	staleDesc     = listGauge("stale", "1 while the list is older than that.")
	versionDesc   = listGauge("version", "The version of the list that is served.")
	listingsDesc  = listGauge("listings", "Listings of that version.")
)

func (l listCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{freshDesc, publishedDesc, maxAgeDesc, staleDesc, versionDesc, listingsDesc} {
		ch <- d
	}
}

func (l listCollector) Collect(ch chan<- prometheus.Metric) {
	for _, x := range l.s.Status().Lists {
		gauge := func(d *prometheus.Desc, value float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, x.ID)
		}
		gauge(freshDesc, seconds(x.FreshAt))
		gauge(publishedDesc, seconds(x.Published))
		gauge(maxAgeDesc, x.Lasts.Seconds())
		gauge(staleDesc, one(x.Stale))
		gauge(versionDesc, float64(x.Version))
		gauge(listingsDesc, float64(x.Listings))
	}
}
