package console

import (
	"slices"
	"strconv"
	"time"

	"interdict/api/client"
	"interdict/lists"
)

// activationsPerPage is how many activations a page shows.
const activationsPerPage = 100

func (c *Console) addTimeliness() {
	c.staff("GET /console/timeliness", (*page).timeliness)
}

// timelinessPage is what the page shows.
type timelinessPage struct {
	Choice      []client.List
	Names       map[string]string
	Lists       []lists.ListTimeliness
	Activations []lists.Activation // the newest first
	Total       int
	Next        string
}

// timeliness shows how long versions took from publication until every server answered from them.
func (p *page) timeliness() error {
	x := &timelinessPage{Names: map[string]string{}}
	var err error
	if x.Choice, err = p.api.Lists(p.r.Context()); err != nil {
		return err
	}
	for i := range x.Choice {
		x.Names[x.Choice[i].ID] = x.Choice[i].Name
	}
	q := client.TimelinessQuery{List: p.text("list")}
	for name, at := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		day, err := p.lastDay(name)
		if err != nil {
			return p.showWrong("timeliness", "Timeliness", x, err)
		}
		if day != nil {
			*at = day.Add(time.Second) // To: the next midnight
			if name == "from" {
				*at = at.AddDate(0, 0, -1)
			}
		}
	}
	got, err := p.api.Timeliness(p.r.Context(), q)
	if err != nil {
		return p.showWrong("timeliness", "Timeliness", x, err)
	}
	x.Lists, x.Activations, x.Total = got.Lists, got.Activations, len(got.Activations)
	slices.Reverse(x.Activations)
	from, _ := strconv.Atoi(p.text("cursor")) // anything else begins at the start
	from = min(max(from, 0), x.Total)
	to := min(from+activationsPerPage, x.Total)
	if to < x.Total {
		x.Next = p.link("cursor", strconv.Itoa(to))
	}
	x.Activations = x.Activations[from:to]
	return p.show("timeliness", "Timeliness", x)
}
