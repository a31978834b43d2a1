package console

import (
	"interdict/api/client"
)

func (c *Console) addLists() {
	c.staff("GET /console/lists", (*page).lists)
}

// lists shows all lists.
func (p *page) lists() error {
	all, err := p.api.Lists(p.r.Context())
	if err != nil {
		return err
	}
	return p.show("lists", "Lists", struct{ Lists []client.List }{all})
}
