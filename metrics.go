package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"interdict/api"
	"interdict/lists/redisstore"
	"interdict/lists/timing"
	"interdict/screening/journal"
)

// watchProcess adds what a server is, and how its store and its journal do.
func watchProcess(m *api.Metrics, o *opened) {
	m.Built(version, commit)
	m.Registry.MustRegister(processCollector{o})
}

// processCollector reads figures that the store and the journal count themselves.
type processCollector struct{ o *opened }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("interdict_"+name, help, labels, nil)
}

var (
	clockDesc = desc("clock_timestamp_seconds", "The clock of this server, to compare with that of Prometheus.")

	redisSecondsDesc = desc("redis_command_duration_seconds", "Duration of a command or pipeline of Redis, also of one that failed; absent with the embedded store.")
	redisErrorsDesc  = desc("redis_errors_total", "Commands and pipelines that failed: timeout (no answer in time), network (not reachable, or the connection broke), reply (an error as answer).", "kind")

	journalRecordsDesc  = desc("journal_records_total", "Records appended.")
	journalBytesDesc    = desc("journal_bytes_total", "Bytes they take before compression.")
	journalRefusedDesc  = desc("journal_refused_total", "Records that could not be written; their decisions were not given.")
	journalFailingDesc  = desc("journal_failing", "1 while decisions cannot be recorded, and therefore are not given.")
	journalCutDesc      = desc("journal_recovered_cut_bytes", "Bytes of torn records cut off at the start.")
	journalUnsyncedDesc = desc("journal_unsynced_records", "Records that are written and not known to be on disk yet.")
	journalUnprovenDesc = desc("journal_unproven_records", "Records that no checkpoint covers yet.")
	journalSyncDesc     = desc("journal_sync_duration_seconds", "Duration of a flush to disk that succeeded.")
)

// Describe lists the metrics of the journal, and those of Redis if it is the store.
func (p processCollector) Describe(ch chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(p, ch)
}

// Collect reads them.
func (p processCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	histogram := func(d *prometheus.Desc, c timing.Counts) {
		ch <- prometheus.MustNewConstHistogram(d, c.Count, c.Sum, c.Cumulative)
	}
	gauge(clockDesc, unixSeconds(time.Now()))
	if redis, ok := p.o.store.(*redisstore.Store); ok {
		s := redis.Stats()
		histogram(redisSecondsDesc, s.Durations)
		counter(redisErrorsDesc, s.Timeouts, "timeout")
		counter(redisErrorsDesc, s.Network, "network")
		counter(redisErrorsDesc, s.Replies, "reply")
	}
	p.collectJournal(p.o.journal.Stats(), gauge, counter, histogram)
}

func (p processCollector) collectJournal(s journal.Stats, gauge func(*prometheus.Desc, float64), counter func(*prometheus.Desc, uint64, ...string),
	histogram func(*prometheus.Desc, timing.Counts)) {
	counter(journalRecordsDesc, s.Records)
	counter(journalBytesDesc, s.Bytes)
	counter(journalRefusedDesc, s.Refused)
	failing := 0.0
	if journalError(p.o.journal) != nil {
		failing = 1
	}
	gauge(journalFailingDesc, failing)
	gauge(journalCutDesc, float64(s.Recovered.CutBytes))
	gauge(journalUnsyncedDesc, float64(max(s.Records, s.Synced)-s.Synced))
	gauge(journalUnprovenDesc, p.o.journal.Unproven())
	histogram(journalSyncDesc, s.SyncDurations)
}
