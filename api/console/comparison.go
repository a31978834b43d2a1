package console

import (
	"strconv"

	"interdict/api/client"
)

const comparisonPath = "/console/comparison"

// differencesPerPage is how many differences a page shows.
const differencesPerPage = 100

func (c *Console) addComparison() {
	if c.o.Comparison {
		c.staff("GET "+comparisonPath, (*page).comparison)
	}
}

// comparisonPage is what the page shows.
type comparisonPage struct {
	Services    []client.ShadowService
	Differences []client.ShadowDifference // the newest first
	Total       int
	Next        string
}

// comparison shows how the drop-in endpoints compare with the original services.
func (p *page) comparison() error {
	got, err := p.api.Shadow(p.r.Context())
	if err != nil {
		return err
	}
	x := &comparisonPage{Services: got.Services}
	service, side := p.text("service"), p.text("side")
	for _, d := range got.Differences {
		if (service == "" || d.Service == service) && (side == "" || (side == "ours") == d.Ours) {
			x.Differences = append(x.Differences, d)
		}
	}
	x.Total = len(x.Differences)
	from, _ := strconv.Atoi(p.text("cursor")) // anything else begins at the start
	from = min(max(from, 0), x.Total)
	to := min(from+differencesPerPage, x.Total)
	if to < x.Total {
		x.Next = p.link("cursor", strconv.Itoa(to))
	}
	x.Differences = x.Differences[from:to]
	return p.show("comparison", "Comparison", x)
}
