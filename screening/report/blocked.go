package report

import (
	"cmp"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/screening"
)

// Release ends a block. Interdict moves no funds and does not see releases: whoever releases property keeps a list of them.
type Release struct {
	CheckID string // of any check of the property
	At      time.Time
	Note    string // the licence, for example
}

// Holding is property that was blocked after a check said so.
type Holding struct {
	// BlockedAt is the time of the first check that said freeze, and CheckID is the id of that check.
	BlockedAt time.Time
	CheckID   string
	Checks    int // how many checks of the same property said freeze
	Customer  string
	Reference string
	Direction lists.Direction
	Address   string // canonical
	Network   string
	Asset     string // of the check, or else of the listing
	// Lists, Entities and Programs are those of all listings that the check matched, without repetitions.
	Lists, Entities, Programs []string
	// Held is true if the property was blocked at the end of 30 June. It is false if it was released in the year before.
	Held        bool
	ReleasedAt  time.Time // zero: not released
	ReleaseNote string
	// Due is the day on which the report of the block was due.
	Due time.Time
}

// Property that was checked several times is one holding if the checks have the same reference, customer and address. Checks without a
// reference cannot be told apart from checks of other property, so each is a holding of its own.
type property struct{ reference, customer, identity string }

// Holdings returns the property that was blocked at the end of 30 June of a year, for the annual report (31 CFR 501.603(b)(2)), and after it
// that which was released in the twelve months before; each in order of BlockedAt. Days begin and end in the location in. decisions are all
// decisions up to that time, in any order. unknown are the releases of checks that no decision to freeze has.
func Holdings(year int, in *time.Location, decisions iter.Seq2[*screening.Decision, error], releases []Release) (all []Holding, unknown []Release, err error) {
	end := AsOf(year, in)
	from := AsOf(year-1, in)
	known, byID := map[property]*Holding{}, map[string]*Holding{}
	var holdings []*Holding
	for d, err := range decisions {
		if err != nil {
			return nil, nil, err
		}
		if d.Action != lists.Freeze || !d.At.Before(end) {
			continue
		}
		id := d.CheckID()
		if byID[id] != nil {
			continue // the same record twice
		}
		p := property{d.Reference, d.Customer, d.Identity}
		h := known[p]
		if h == nil || d.Reference == "" {
			h = &Holding{}
			holdings = append(holdings, h)
			known[p] = h
		}
		if h.Checks == 0 || d.At.Before(h.BlockedAt) {
			if err := h.set(d); err != nil {
				return nil, nil, err
			}
		}
		h.Checks++
		byID[id] = h
	}
	for _, r := range releases {
		h := byID[r.CheckID]
		switch {
		case h == nil:
			unknown = append(unknown, r)
		case r.At.Before(h.BlockedAt):
			return nil, nil, fault.E(fault.Invalid, "the release of check %s at %s is before its block at %s", r.CheckID, r.At.Format(time.RFC3339), h.BlockedAt.Format(time.RFC3339))
		case !h.ReleasedAt.IsZero() && !h.ReleasedAt.Equal(r.At):
			return nil, nil, fault.E(fault.Invalid, "there are two releases of check %s or of other checks of the same property", r.CheckID)
		default:
			h.ReleasedAt, h.ReleaseNote = r.At, r.Note
		}
	}
	for _, h := range holdings {
		if !h.ReleasedAt.IsZero() && h.ReleasedAt.Before(from) {
			continue
		}
		h.Held = h.ReleasedAt.IsZero() || !h.ReleasedAt.Before(end)
		if h.Due, err = DueDate(Blocked, h.BlockedAt.In(in)); err != nil {
			return nil, nil, err
		}
		all = append(all, *h)
	}
	slices.SortFunc(all, func(a, b Holding) int {
		switch {
		case a.Held != b.Held && a.Held:
			return -1
		case a.Held != b.Held:
			return 1
		}
		return cmp.Or(a.BlockedAt.Compare(b.BlockedAt), strings.Compare(a.CheckID, b.CheckID))
	})
	return all, unknown, nil
}

// AsOf returns the end of 30 June of a year.
func AsOf(year int, in *time.Location) time.Time {
	return time.Date(year, time.July, 1, 0, 0, 0, 0, in)
}

// set takes over what a decision says about the property.
func (h *Holding) set(d *screening.Decision) error {
	var answer struct {
		Address struct {
			Canonical string `json:"canonical"`
			Network   string `json:"network"`
		} `json:"address"`
		Matches []struct {
			List struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"list"`
			Listed struct {
				Asset string `json:"asset"`
			} `json:"listed"`
			Entity   lists.Entity `json:"entity"`
			Programs []string     `json:"programs"`
		} `json:"matches"`
	}
	if err := json.Unmarshal(d.Answer, &answer); err != nil {
		return fault.E(fault.Unavailable, "the answer of check %s in the record cannot be read: %w", d.CheckID(), err)
	}
	h.BlockedAt, h.CheckID, h.Customer, h.Reference, h.Direction = d.At.UTC(), d.CheckID(), d.Customer, d.Reference, d.Direction
	h.Address, h.Network, h.Asset = answer.Address.Canonical, answer.Address.Network, d.Asset
	h.Lists, h.Entities, h.Programs = nil, nil, nil
	for i := range answer.Matches {
		m := &answer.Matches[i]
		h.Asset = cmp.Or(h.Asset, m.Listed.Asset)
		h.Lists = with(h.Lists, cmp.Or(m.List.Name, m.List.ID))
		entity := m.Entity.Name
		if m.Entity.ID != "" {
			entity = strings.TrimSpace(entity + " (" + m.Entity.ID + ")")
		}
		h.Entities = with(h.Entities, entity)
		for _, p := range m.Programs {
			h.Programs = with(h.Programs, p)
		}
	}
	return nil
}

// with appends a text that is not empty and not there yet.
func with(all []string, text string) []string {
	if text == "" || slices.Contains(all, text) {
		return all
	}
	return append(all, text)
}

// HoldingColumns heads a table of holdings. Interdict sees no amounts: the officer fills in the columns amount and value_usd.
var HoldingColumns = []string{"date_blocked", "blocked_at", "check_id", "checks", "customer", "reference", "direction", "address", "network", "asset", "amount", "value_usd",
	"lists", "entities", "programs", "held_on_30_june", "released_at", "release_note", "report_due"}

// Cells returns the row under HoldingColumns. date_blocked is the date in the location in; times are UTC.
func (h *Holding) Cells(in *time.Location) []string {
	released := ""
	if !h.ReleasedAt.IsZero() {
		released = h.ReleasedAt.UTC().Format(time.RFC3339)
	}
	held := "no"
	if h.Held {
		held = "yes"
	}
	return []string{h.BlockedAt.In(in).Format(time.DateOnly), h.BlockedAt.Format(time.RFC3339), h.CheckID, strconv.Itoa(h.Checks), h.Customer, h.Reference, string(h.Direction),
		h.Address, h.Network, h.Asset, "", "", strings.Join(h.Lists, "; "), strings.Join(h.Entities, "; "), strings.Join(h.Programs, "; "), held, released, h.ReleaseNote,
		h.Due.Format(time.DateOnly)}
}
