package lists

import "strconv"

// Quarantined is a row of an upload that was not read, and why. Where Active is true, a check matches its very text (class raw); an
// address in it is not screened.
type Quarantined struct {
	Locator string `json:"locator"`
	Address string `json:"address"`
	Network string `json:"network,omitempty"`
	Asset   string `json:"asset,omitempty"`
	Entity  string `json:"entity,omitempty"`
	Reason  string `json:"reason"`
	Detail  string `json:"detail"`
	Active  bool   `json:"active"`
	// Unread marks a row that holds something like an address: a version with such a row does not go live before a person has looked.
	Unread bool `json:"unread,omitempty"`
}

// QuarantineColumns heads a table of quarantined rows.
var QuarantineColumns = []string{"locator", "address", "network", "asset", "entity", "reason", "detail", "active", "unread"}

// Cells returns the row under QuarantineColumns.
func (q *Quarantined) Cells() []string {
	return []string{q.Locator, q.Address, q.Network, q.Asset, q.Entity, q.Reason, q.Detail, strconv.FormatBool(q.Active), strconv.FormatBool(q.Unread)}
}
