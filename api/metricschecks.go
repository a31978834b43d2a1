package api

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening"
)

// checkMetrics count decisions.
type checkMetrics struct {
	decided map[decision]prometheus.Counter // of all decisions that can be
	matches *prometheus.CounterVec
	failed  map[string]prometheus.Counter // checks without an answer, by the code of their problem
	refused *prometheus.CounterVec
	filter  [2]prometheus.Counter // false positive, true positive
	batches prometheus.Histogram
}

// decision is what the caller of a check is told.
type decision struct {
	result    screening.Result
	action    lists.Action
	direction lists.Direction
}

// none is the label of a direction or an action that a check does not have.
const none = "none"

func (m *checkMetrics) newChecks() []prometheus.Collector {
	decided := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_checks_total", Help: "Decisions by result, action and direction; none where the caller named no direction."},
		[]string{"result", "action", "direction"})
	m.decided = map[decision]prometheus.Counter{}
	add := func(r screening.Result, a lists.Action, d lists.Direction) {
		m.decided[decision{r, a, d}] = decided.WithLabelValues(r.String(), cmp.Or(string(a), none), cmp.Or(string(d), none))
	}
	for _, r := range []screening.Result{screening.Miss, screening.Hit} {
		add(r, "", "")
		for _, d := range []lists.Direction{lists.Deposit, lists.Withdrawal} {
			add(r, lists.Allow, d)
			if r == screening.Hit {
				add(r, lists.Review, d)
				add(r, lists.Freeze, d)
				add(r, lists.Reject, d)
			}
		}
	}
	m.matches = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_check_matches_total",
		Help: "Decisions in which a list matched, once for each list and class, by the action of that list's policy."}, []string{"list", "class", "action", "direction"})
	failed := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_check_errors_total",
		Help: "Checks that got an error in place of an answer, by the code of the error: texts that are no address, and checks that could not be answered."}, []string{"code"})
	m.failed = map[string]prometheus.Counter{}
	for _, kind := range []fault.Kind{fault.Internal, fault.Invalid, fault.InvalidAddress, fault.UnsupportedNetwork, fault.NotLoaded, fault.Stale, fault.Lost, fault.Unavailable} {
		m.failed[kinds[kind].code] = failed.WithLabelValues(kinds[kind].code)
	}
	m.refused = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_refused_total",
		Help: "Texts that could not be read as an address, by reason."}, []string{"reason"})
	positives := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_filter_positives_total",
		Help: "Keys that a filter held for possibly listed, by whether the store had them."}, []string{"listed"})
	m.filter = [2]prometheus.Counter{positives.WithLabelValues("false"), positives.WithLabelValues("true")}
	m.batches = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "interdict_check_batch_size", Help: "Checks in one request to " + pathChecks + ".",
		Buckets: []float64{1, 10, 50, 100, 250, 500, 1000}})
	return []prometheus.Collector{decided, m.matches, failed, m.refused, positives, m.batches}
}

// Checked counts a decision.
func (m *checkMetrics) Checked(a *screening.Answer) {
	if c, ok := m.decided[decision{a.Result, a.Action, a.Direction}]; ok {
		c.Inc()
	}
	for i := range a.Matches {
		x := &a.Matches[i]
		if !counted(a.Matches[:i], x) {
			m.matches.WithLabelValues(x.List(), x.Class.String(), string(x.Action()), cmp.Or(string(a.Direction), none)).Inc()
		}
	}
}

// counted reports whether one of the matches before is of the same list, class and action.
func counted(before []screening.Match, x *screening.Match) bool {
	for i := range before {
		if y := &before[i]; y.Class == x.Class && y.Action() == x.Action() && y.List() == x.List() {
			return true
		}
	}
	return false
}

// Refused counts a text that is no address.
func (m *checkMetrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

// FilterPositive counts a key that a filter did not clear.
func (m *checkMetrics) FilterPositive(found bool) {
	if found {
		m.filter[1].Inc()
	} else {
		m.filter[0].Inc()
	}
}

// checkFailed counts a check that got an error in place of an answer.
func (m *checkMetrics) checkFailed(err error) {
	c, ok := m.failed[kinds[fault.KindOf(err)].code]
	if !ok {
		c = m.failed[kinds[fault.Internal].code]
	}
	c.Inc()
}

// sampled are counts of checks since the start of the process.
type sampled struct{ hits, misses, errors int64 }

// sample reads the counters of checks.
func (m *checkMetrics) sample() (s sampled) {
	read := func(c prometheus.Counter) int64 {
		var x dto.Metric
		if c.Write(&x) != nil {
			return 0 // counters always can be read
		}
		return int64(x.GetCounter().GetValue())
	}
	for d, c := range m.decided {
		if d.result == screening.Hit {
			s.hits += read(c)
		} else {
			s.misses += read(c)
		}
	}
	for _, c := range m.failed {
		s.errors += read(c)
	}
	return s
}
