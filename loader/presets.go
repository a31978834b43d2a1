package loader

import (
	"time"

	"interdict/lists"
)

// preset is what is known about a list that many will load.
type preset struct {
	name, authority string
	category        lists.Category
	confidence      lists.Confidence
}

var presets = map[string]preset{
	"ofac-sdn":          {"OFAC SDN", "US Treasury, OFAC", lists.Sanctions, lists.Confirmed},
	"ofac-consolidated": {"OFAC Consolidated (non-SDN)", "US Treasury, OFAC", lists.Sanctions, lists.Confirmed},
	"fbi-lazarus":       {"FBI, Lazarus Group thefts", "US FBI", "stolen_funds", lists.Confirmed},
	"israel-nbctf":      {"Israel NBCTF seizure orders", "Israel Ministry of Defense, NBCTF", lists.TerroristFinancing, lists.Confirmed},
	"ransomwhere":       {"Ransomwhere", "ransomwhe.re", "ransomware", lists.Suspected},
}

// NewList gives a list its defaults: those of the contract, and for a well-known id its name and authority.
func NewList(id string, now time.Time) *lists.List {
	l := lists.NewList(id, now)
	if p, ok := presets[id]; ok {
		l.Name, l.Authority, l.Category, l.Confidence = p.name, p.authority, p.category, p.confidence
	}
	return l
}
