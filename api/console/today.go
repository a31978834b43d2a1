package console

func (c *Console) addToday() {
	c.staff("GET /console/{$}", (*page).today)
}

// today shows what needs a person.
func (p *page) today() error {
	return p.show("today", "Today", nil)
}
