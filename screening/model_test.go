package screening_test

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"interdict/lists"
	"interdict/screening"
)

// The model says what every check must answer, from first principles: a list is a set of rows, an address is a set of points, and two points
// of one wallet belong to the same key. It knows nothing of layers, filters, references or attributions. run_model_test.go drives the product
// and the model through the same changes.

// What the model expects of the product. Each of these is a promise of the contract.
const (
	// emptyIsNotLoaded: where no list, or no listing, is active, a check is an error and no miss.
	emptyIsNotLoaded = true
	// activateAny: every version that is not rejected can be activated, an older one, too.
	activateAny = true
	// removeExactly: a removal takes the address that it names, not another address of the same row.
	removeExactly = true
	// suppressContent: a suppression covers what was listed when it was proposed, not another listing of the address.
	suppressContent = true
	// suppressReading: a suppression for one network does not clear the other readings of the text.
	suppressReading = true
	// lateDefaults: the category of a list applies to rows that name none when an answer is given, not when they are read.
	lateDefaults = true
)

// form is how a wallet is written on a network.
type form string

const (
	formP2PKH  form = "p2pkh"
	formFork   form = "fork" // the same text on a fork of Bitcoin
	formP2WPKH form = "p2wpkh"
	formDoge   form = "doge"
	formVerge  form = "verge" // the same text as doge
	formEVM    form = "evm"
	formTron   form = "tron"
	formRaw    form = "raw" // a text that is no address
)

// point is what two texts are compared by.
type point struct {
	wallet int
	form   form
}

// listing is one row as it is uploaded. Two rows are the same listing if all of it is the same.
type listing struct {
	text       string
	network    string
	entity     string
	category   lists.Category // "": that of the list
	validUntil string
}

// question is one check.
type question struct{ text, network string }

// match is what an answer says of one listing.
type match struct {
	list, class, text, entity string
	category                  lists.Category
}

// outcome is what a check must answer.
type outcome struct {
	kind    string // "hit", "miss", "not_loaded", "refused"
	action  lists.Action
	matches []match
	// optional are matches that may be there or not: only a part of the listing is suppressed, and it is the part that was asked for.
	optional []match
}

// modelVersion is one version of a list: all that it holds, and what became of it.
type modelVersion struct {
	rows     map[listing]bool
	base     int  // the version that a delta was staged on; 0 for a whole list
	delta    bool // staged with mode add or remove
	rejected bool
	was      bool // it has been active
	previous int
}

type modelSuppression struct {
	id     string
	points map[point]bool
	rows   map[listing]bool // what it was proposed for
	until  time.Time
	ended  bool
}

type modelList struct {
	settings     lists.List
	active       int // 0: none
	versions     map[int]*modelVersion
	suppressions []*modelSuppression
}

type model struct {
	now    time.Time
	points map[question][]point // of each text under each network
	lists  map[string]*modelList
	began  bool // something was activated once
}

func (l *modelList) rows() map[listing]bool {
	if l.active == 0 {
		return nil
	}
	return l.versions[l.active].rows
}

func (m *model) expired(r listing) bool {
	return r.validUntil != "" && r.validUntil < m.now.Format(time.DateOnly)
}

// said is a row as a suppression is bound to it: the default of the list filled in, and without the network, which is a part of the points.
func (l *modelList) said(r listing) listing {
	r.category, r.network = cmp.Or(r.category, l.settings.Category), ""
	return r
}

// covers tells whether a suppression in force sets one point of a row aside.
func (m *model) covers(l *modelList, r listing, p point) bool {
	return !l.settings.Mandatory && slices.ContainsFunc(l.suppressions, func(s *modelSuppression) bool {
		return !s.ended && m.now.Before(s.until) && s.points[p] && (!suppressContent || s.rows[l.said(r)])
	})
}

func relate(asked, listed point) string {
	switch {
	case asked.wallet != listed.wallet:
		return ""
	case asked == listed && asked.form == formRaw:
		return "raw"
	case asked == listed:
		return "exact"
	}
	return "same_key"
}

var classOrder = []string{"", "raw", "same_key", "exact"}

// best is the closest class in which the asked points meet some points of a listing.
func best(asked, listed []point) (class string) {
	for _, a := range asked {
		for _, b := range listed {
			if c := relate(a, b); slices.Index(classOrder, c) > slices.Index(classOrder, class) {
				class = c
			}
		}
	}
	return class
}

func (m *model) loaded() bool {
	if !emptyIsNotLoaded {
		return m.began
	}
	return slices.ContainsFunc(slices.Collect(maps.Values(m.lists)), func(l *modelList) bool { return len(l.rows()) > 0 })
}

// count is how many lists and listings are active.
func (m *model) count() (active, listings int) {
	for _, l := range m.lists {
		if l.active != 0 {
			active++
			listings += len(l.rows())
		}
	}
	return active, listings
}

// answer is what a check must be answered.
func (m *model) answer(q question, d lists.Direction) (o outcome) {
	if !m.loaded() {
		return outcome{kind: "not_loaded"}
	}
	asked := m.points[q]
	for id, l := range m.lists {
		for r := range l.rows() {
			if m.expired(r) {
				continue
			}
			listed := m.points[question{r.text, r.network}]
			open := slices.DeleteFunc(slices.Clone(listed), func(p point) bool { return m.covers(l, r, p) })
			class := best(asked, open)
			if class == "" {
				continue
			}
			x := match{id, class, r.text, r.entity, r.category}
			if x.category == "" {
				x.category = l.settings.Category
			}
			if len(open) < len(listed) && best(asked, listed) != class {
				o.optional = append(o.optional, x)
				continue
			}
			o.matches = append(o.matches, x)
			o.action = stricter(o.action, decide(l.settings.Policy, x, d))
		}
	}
	switch {
	case len(o.matches) > 0:
		o.kind = "hit"
	case asked[0].form == formRaw:
		o.kind = "refused"
	default:
		o.kind, o.action = "miss", lists.Allow
	}
	return o
}

func stricter(a, b lists.Action) lists.Action {
	order := []lists.Action{"", lists.Allow, lists.Review, lists.Freeze, lists.Reject}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// decide is the action that a policy, or the default of the contract, gives to a match. All rows are confirmed.
func decide(p lists.Policy, m match, d lists.Direction) lists.Action {
	for _, r := range p {
		if (r.Category == "" || r.Category == m.category) && (r.Class == "" || r.Class == m.class) && (r.Direction == "" || r.Direction == d) {
			return r.Action
		}
	}
	switch {
	case m.class != "exact" || m.category != lists.Sanctions && m.category != lists.TerroristFinancing:
		return lists.Review
	case d == lists.Deposit:
		return lists.Freeze
	}
	return lists.Reject
}

// remove is what a removal of some texts leaves of a list.
func (m *model) remove(rows map[listing]bool, named []question) map[listing]bool {
	left := maps.Clone(rows)
	for _, q := range named {
		gone := m.points[q]
		maps.DeleteFunc(left, func(r listing, _ bool) bool { return best(gone, m.points[question{r.text, r.network}]) == closest(r) })
	}
	return left
}

// closest is the class in which a row meets itself.
func closest(r listing) string {
	if r.network == rawNetwork {
		return "raw"
	}
	return "exact"
}

// agree tells whether an answer is what the model says; refused texts that are listed are hits.
func (o *outcome) agree(kind string, action lists.Action, got []match) bool {
	required := slices.Clone(o.matches)
	for _, g := range got {
		if at := slices.Index(required, g); at >= 0 {
			required = slices.Delete(required, at, at+1)
		} else if !slices.Contains(o.optional, g) && !slices.ContainsFunc(o.optional, func(x match) bool { x.class = g.class; return x == g }) {
			return false
		}
	}
	if len(required) > 0 {
		return false
	}
	if len(o.optional) > 0 {
		return kind == o.kind || kind == screening.Hit.String()
	}
	return kind == o.kind && action == o.action
}
