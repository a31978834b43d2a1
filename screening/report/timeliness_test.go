package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
)

// noon is the start of everything below.
var noon = date("2026-03-02").Add(12 * time.Hour)

func after(seconds float64) *time.Time {
	t := noon.Add(time.Duration(seconds * float64(time.Second)))
	return &t
}

// history is a store with generations of two lists, of which programs noted who served them.
func history(t *testing.T) lists.Store {
	t.Helper()
	store, err := diskstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	put := func(key string, value any) {
		t.Helper()
		if err := store.Commit(t.Context(), lists.Put(key, value, 0)); err != nil {
			t.Fatal(err)
		}
	}
	put(lists.DocList("sdn"), lists.List{ID: "sdn"})
	put(lists.DocList("own"), lists.List{ID: "own"})
	put(lists.DocVersion("sdn", 1), lists.Version{List: "sdn", Number: 1, UploadedAt: *after(0), StagedAt: after(5)})
	put(lists.DocVersion("sdn", 2), lists.Version{List: "sdn", Number: 2, UploadedAt: *after(100)}) // of a program that did not record StagedAt
	put(lists.DocVersion("own", 1), lists.Version{List: "own", Number: 1, UploadedAt: *after(50), StagedAt: after(50)})
	put(lists.DocVersion("own", 2), lists.Version{List: "own", Number: 2, UploadedAt: *after(60), StagedAt: after(61), State: lists.Staged}) // never active
	generation := func(n int, at float64, action string, active ...string) {
		g := lists.Generation{Number: n, ID: fmt.Sprint("id", n), At: *after(at), Action: action}
		for _, a := range active {
			list, version, _ := strings.Cut(a, " ")
			x := lists.Active{List: lists.List{ID: list}, Version: int(version[0] - '0')}
			if list == "sdn" {
				x.Published = "2026-03-02"
			}
			g.Lists = append(g.Lists, x)
		}
		put(lists.DocGeneration(n), g)
	}
	generation(1, 10, "activate", "sdn 1")
	generation(2, 52, "activate", "own 1", "sdn 1")
	generation(3, 110, "activate", "own 1", "sdn 2")
	generation(4, 120, "settings", "own 1", "sdn 2") // no version changes
	generation(5, 130, "rollback", "own 1", "sdn 1")
	generation(6, 140, "retire", "sdn 1")
	generation(7, 150, "activate", "own 1", "sdn 1")
	put(lists.DocServedByAll(2), lists.ServedByAll{Generation: 2, ID: "id2", At: *after(53.25), Replicas: 3})
	put(lists.DocServedByAll(3), lists.ServedByAll{Generation: 3, ID: "lost", At: *after(1), Replicas: 9}) // of a generation that was lost
	put(lists.DocServedByAll(4), lists.ServedByAll{Generation: 4, ID: "id4", At: *after(121), Replicas: 3})
	put(lists.DocServedByAll(5), lists.ServedByAll{Generation: 5, ID: "id5", At: *after(129), Replicas: 2}) // by a clock that is late
	return store
}

func TestTimeliness(t *testing.T) {
	got, err := Timeliness(t.Context(), history(t), TimelinessQuery{})
	if err != nil {
		t.Fatal(err)
	}
	s := func(seconds float64) *float64 { return &seconds }
	const half = 12 * 3600
	want := &lists.Timeliness{
		Activations: []lists.Activation{
			{List: "sdn", Version: 1, Generation: 1, Action: "activate", Published: "2026-03-02", FetchedAt: after(0), StagedAt: after(5), ActivatedAt: *after(10),
				Seconds: lists.Lags{FetchedToStaged: s(5), FetchedToActivated: s(10)}}, // before the first note: not known
			{List: "own", Version: 1, Generation: 2, Action: "activate", FetchedAt: after(50), StagedAt: after(50), ActivatedAt: *after(52), ServedAt: after(53.25), Replicas: 3,
				Seconds: lists.Lags{FetchedToStaged: s(0), FetchedToActivated: s(2), ActivatedToServed: s(1.25), FetchedToServed: s(3.25)}},
			{List: "sdn", Version: 2, Generation: 3, Action: "activate", Published: "2026-03-02", FetchedAt: after(100), ActivatedAt: *after(110), ServedAt: after(121), Replicas: 3,
				Seconds: lists.Lags{PublishedToServed: s(half + 121), FetchedToActivated: s(10), ActivatedToServed: s(11), FetchedToServed: s(21)}}, // by generation 4
			{List: "sdn", Version: 1, Generation: 5, Action: "rollback", Again: true, Published: "2026-03-02", FetchedAt: after(0), StagedAt: after(5), ActivatedAt: *after(130),
				ServedAt: after(129), Replicas: 2, Seconds: lists.Lags{ActivatedToServed: s(0)}},
			{List: "own", Version: 1, Generation: 7, Action: "activate", Again: true, FetchedAt: after(50), StagedAt: after(50), ActivatedAt: *after(150)}, // not served by all yet
		},
		Lists: []lists.ListTimeliness{
			{List: "own", Activations: 2, Seconds: lists.LagSpread{FetchedToStaged: &lists.Spread{Of: 1}, FetchedToActivated: &lists.Spread{Of: 1, Median: 2, Worst: 2},
				ActivatedToServed: &lists.Spread{Of: 1, Median: 1.25, Worst: 1.25}, FetchedToServed: &lists.Spread{Of: 1, Median: 3.25, Worst: 3.25}}},
			{List: "sdn", Activations: 3, Seconds: lists.LagSpread{PublishedToServed: &lists.Spread{Of: 1, Median: half + 121, Worst: half + 121},
				FetchedToStaged: &lists.Spread{Of: 1, Median: 5, Worst: 5}, FetchedToActivated: &lists.Spread{Of: 2, Median: 10, Worst: 10},
				ActivatedToServed: &lists.Spread{Of: 2, Median: 5.5, Worst: 11}, FetchedToServed: &lists.Spread{Of: 1, Median: 21, Worst: 21}}},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	cells := TimelinessCells(&got.Activations[2])
	if d := cmp.Diff([]string{"sdn", "2", "3", "activate", "false", "2026-03-02", "2026-03-02T12:01:40Z", "", "2026-03-02T12:01:50Z", "2026-03-02T12:02:01Z", "3", "43321", "", "10", "11", "21"},
		cells); d != "" || len(cells) != len(TimelinessColumns) {
		t.Errorf("cells: -want +got\n%s", d)
	}
}

func TestTimelinessOfSomeActivations(t *testing.T) {
	store := history(t)
	for name, x := range map[string]struct {
		q    TimelinessQuery
		want []int // generations
	}{
		"of a list":                  {TimelinessQuery{List: "sdn"}, []int{1, 3, 5}},
		"from, inclusive":            {TimelinessQuery{From: *after(110)}, []int{3, 5, 7}},
		"to, exclusive":              {TimelinessQuery{To: *after(110)}, []int{1, 2}},
		"of lists that may be shown": {TimelinessQuery{May: func(id string) bool { return id == "own" }}, []int{2, 7}},
		"none":                       {TimelinessQuery{From: *after(1000)}, nil},
	} {
		got, err := Timeliness(t.Context(), store, x.q)
		if err != nil {
			t.Fatal(err)
		}
		var generations []int
		for _, a := range got.Activations {
			generations = append(generations, a.Generation)
		}
		if d := cmp.Diff(x.want, generations); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
	if _, err := Timeliness(t.Context(), store, TimelinessQuery{List: "nosuch"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a list that does not exist: %v", err)
	}
}
