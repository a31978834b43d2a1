package report

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/lists"
)

// TimelinessQuery selects activations.
type TimelinessQuery struct {
	List     string               // "": all lists
	From, To time.Time            // of the activation: From or later, before To; zero: no limit
	May      func(id string) bool // whether a list may be shown; nil: all
}

// Timeliness returns how long the versions of lists took from publication until every replica answered from them.
func Timeliness(ctx context.Context, store lists.Store, q TimelinessQuery) (*lists.Timeliness, error) {
	if q.List != "" {
		if _, _, err := lists.Read[lists.List](ctx, store, lists.DocList(q.List)); err != nil {
			return nil, err
		}
	}
	generations, err := lists.ReadAll[lists.Generation](ctx, store, lists.DocGenerations)
	if err != nil {
		return nil, err
	}
	served, err := lists.ReadAll[lists.ServedByAll](ctx, store, lists.DocAllServedByAll)
	if err != nil {
		return nil, err
	}
	out := &lists.Timeliness{Activations: activations(generations, &q), Lists: []lists.ListTimeliness{}}
	ids := map[int]string{}
	for _, g := range generations {
		ids[g.Number] = g.ID
	}
	// A document of a generation that was lost, and whose number another one has now, says nothing.
	served = slices.DeleteFunc(served, func(s lists.ServedByAll) bool { return ids[s.Generation] != s.ID })
	versions := map[string]map[int]lists.Version{}
	for i := range out.Activations {
		a := &out.Activations[i]
		if versions[a.List] == nil {
			all, err := lists.ReadAll[lists.Version](ctx, store, lists.DocVersions(a.List))
			if err != nil {
				return nil, err
			}
			versions[a.List] = map[int]lists.Version{}
			for _, v := range all {
				versions[a.List][v.Number] = v
			}
		}
		if v, ok := versions[a.List][a.Version]; ok {
			fetched := v.UploadedAt
			a.FetchedAt, a.StagedAt = &fetched, v.StagedAt
		}
		setServed(a, served)
		setLags(a)
	}
	out.Lists = summary(out.Activations)
	return out, nil
}

// activations returns the changes of an active version that a query selects. generations are all, the oldest first.
func activations(generations []lists.Generation, q *TimelinessQuery) []lists.Activation {
	type listVersion struct {
		list    string
		version int
	}
	out := []lists.Activation{}
	active, ever := map[string]int{}, map[listVersion]bool{}
	for i := range generations {
		g := &generations[i]
		now := map[string]int{}
		for j := range g.Lists {
			x := &g.Lists[j]
			id, key := x.List.ID, listVersion{x.List.ID, x.Version}
			now[id] = x.Version
			again := ever[key]
			ever[key] = true
			if active[id] == x.Version || q.List != "" && q.List != id || q.May != nil && !q.May(id) || g.At.Before(q.From) || !q.To.IsZero() && !g.At.Before(q.To) {
				continue
			}
			out = append(out, lists.Activation{List: id, Version: x.Version, Generation: g.Number, Action: g.Action, Again: again, Published: x.Published, ActivatedAt: g.At})
		}
		active = now
	}
	return out
}

// setServed sets when every replica served the generation of an activation, from documents in order of their generation. If the next generation
// was made before that, its document counts. Generations before the first document are those of programs that wrote none.
func setServed(a *lists.Activation, served []lists.ServedByAll) {
	i, _ := slices.BinarySearchFunc(served, a.Generation, func(s lists.ServedByAll, n int) int { return s.Generation - n })
	if i == len(served) || i == 0 && served[0].Generation != a.Generation {
		return
	}
	at := served[i].At
	a.ServedAt, a.Replicas = &at, served[i].Replicas
}

func setLags(a *lists.Activation) {
	a.Seconds.ActivatedToServed = lag(&a.ActivatedAt, a.ServedAt)
	if a.Again {
		return
	}
	if day, err := time.Parse(time.DateOnly, a.Published); err == nil {
		a.Seconds.PublishedToServed = lag(&day, a.ServedAt)
	}
	a.Seconds.FetchedToStaged = lag(a.FetchedAt, a.StagedAt)
	a.Seconds.FetchedToActivated = lag(a.FetchedAt, &a.ActivatedAt)
	a.Seconds.FetchedToServed = lag(a.FetchedAt, a.ServedAt)
}

// lag returns the seconds from one time to another, in milliseconds' precision; nil if one of them is not known. Two clocks can disagree: a
// negative time is 0.
func lag(from, to *time.Time) *float64 {
	if from == nil || to == nil {
		return nil
	}
	seconds := max(to.Sub(*from).Round(time.Millisecond), 0).Seconds()
	return &seconds
}

func summary(all []lists.Activation) []lists.ListTimeliness {
	byList := map[string][]lists.Activation{}
	for _, a := range all {
		byList[a.List] = append(byList[a.List], a)
	}
	out := []lists.ListTimeliness{}
	for id, own := range byList {
		spread := func(of func(*lists.Lags) *float64) *lists.Spread {
			var known []float64
			for i := range own {
				if seconds := of(&own[i].Seconds); seconds != nil {
					known = append(known, *seconds)
				}
			}
			return spreadOf(known)
		}
		out = append(out, lists.ListTimeliness{List: id, Activations: len(own), Seconds: lists.LagSpread{
			PublishedToServed:  spread(func(l *lists.Lags) *float64 { return l.PublishedToServed }),
			FetchedToStaged:    spread(func(l *lists.Lags) *float64 { return l.FetchedToStaged }),
			FetchedToActivated: spread(func(l *lists.Lags) *float64 { return l.FetchedToActivated }),
			ActivatedToServed:  spread(func(l *lists.Lags) *float64 { return l.ActivatedToServed }),
			FetchedToServed:    spread(func(l *lists.Lags) *float64 { return l.FetchedToServed }),
		}})
	}
	slices.SortFunc(out, func(a, b lists.ListTimeliness) int { return strings.Compare(a.List, b.List) })
	return out
}

// spreadOf returns the median and the greatest; nil if there is nothing.
func spreadOf(all []float64) *lists.Spread {
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	middle := len(all) / 2
	median := all[middle]
	if len(all)%2 == 0 {
		median = (all[middle-1] + all[middle]) / 2
	}
	return &lists.Spread{Of: len(all), Median: median, Worst: all[len(all)-1]}
}

// TimelinessColumns heads a table of activations.
var TimelinessColumns = []string{"list", "version", "generation", "action", "again", "published", "fetched_at", "staged_at", "activated_at", "served_at", "replicas",
	"published_to_served_seconds", "fetched_to_staged_seconds", "fetched_to_activated_seconds", "activated_to_served_seconds", "fetched_to_served_seconds"}

// TimelinessCells returns an activation under TimelinessColumns.
func TimelinessCells(a *lists.Activation) []string {
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	seconds := func(s *float64) string {
		if s == nil {
			return ""
		}
		return strconv.FormatFloat(*s, 'f', -1, 64)
	}
	return []string{a.List, strconv.Itoa(a.Version), strconv.Itoa(a.Generation), a.Action, strconv.FormatBool(a.Again), a.Published, at(a.FetchedAt), at(a.StagedAt),
		at(&a.ActivatedAt), at(a.ServedAt), strconv.Itoa(a.Replicas), seconds(a.Seconds.PublishedToServed), seconds(a.Seconds.FetchedToStaged),
		seconds(a.Seconds.FetchedToActivated), seconds(a.Seconds.ActivatedToServed), seconds(a.Seconds.FetchedToServed)}
}
