package console

import "interdict/api/auth"

// menuArea is a group of pages in the menu.
type menuArea struct {
	Title string
	Pages []menuPage
}

// menuPage is one entry of the menu.
type menuPage struct {
	Title, Path string
	roles       []auth.Role // who may open it; nil: everyone
}

// menu has the pages in the order of the day's work.
var menu = []menuArea{
	{"Work", []menuPage{
		{"Today", "/console/", nil},
		{"Look up", "/console/lookup", nil},
		{"Look up many", "/console/lookup/many", nil},
		{"Cases", "/console/cases", []auth.Role{auth.Analyst, auth.Approver, auth.Auditor}},
		{"Approvals", "/console/approvals", nil},
	}},
	{"Lists", []menuPage{
		{"All lists", "/console/lists", nil},
		{"Upload a file", "/console/upload", []auth.Role{auth.Analyst}},
		{"Urgent addition", "/console/urgent", []auth.Role{auth.Analyst}},
		{"Suppressions", "/console/suppressions", nil},
		{"Timeliness", "/console/timeliness", nil},
	}},
	{"Record", []menuPage{
		{"Search the record", "/console/decisions", []auth.Role{auth.Auditor}},
		{"Comparison", comparisonPath, []auth.Role{auth.Auditor}},
	}},
	{"Administration", []menuPage{
		{"People", "/console/people", []auth.Role{auth.Admin}},
		{"API keys", "/console/keys", []auth.Role{auth.Admin}},
		{"Webhooks", "/console/webhooks", []auth.Role{auth.Admin}},
	}},
}

// menuOf returns the pages that a person may open.
func (c *Console) menuOf(who *auth.Session) []menuArea {
	var out []menuArea
	for _, area := range menu {
		may := menuArea{Title: area.Title}
		for _, page := range area.Pages {
			if who.May(page.roles...) && (page.Path != comparisonPath || c.o.Comparison) {
				may.Pages = append(may.Pages, page)
			}
		}
		if len(may.Pages) > 0 {
			out = append(out, may)
		}
	}
	return out
}
