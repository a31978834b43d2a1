package lists

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// List holds the settings of a list, not its content.
type List struct {
	ID         string        `json:"id"` // [a-z0-9][a-z0-9-]{0,62}
	Name       string        `json:"name"`
	Authority  string        `json:"authority"`  // publisher, such as "US Treasury, OFAC"
	Category   Category      `json:"category"`   // default for rows; "" until a setting or a format names one
	Confidence Confidence    `json:"confidence"` // default for rows
	Policy     Policy        `json:"policy"`
	MaxAge     time.Duration `json:"max_age"`    // since the last successful load; 0: no limit
	OnStale    OnStale       `json:"on_stale"`   // what to do when the list is older than MaxAge
	Approvals  int           `json:"approvals"`  // number of people, other than the uploader, who must approve
	MaxShrink  float64       `json:"max_shrink"` // share of addresses that an activation may remove; 0.2 is a fifth
	MaxGrowth  float64       `json:"max_growth"` // factor by which an activation may grow the number of addresses
	// MaxQuarantined is the share of rows that may fail to parse before a person must decide. A wrong column makes nearly all rows
	// fail; half of the rows of Israel's table of wallets are user ids of exchanges.
	MaxQuarantined float64 `json:"max_quarantined"`
	Source         *Source `json:"source,omitempty"`
	// Mandatory lists cannot be suppressed or retired.
	Mandatory bool `json:"mandatory"`
	// Keep is the number of superseded versions, in addition to the last one, that can be compared, exported and rolled back to.
	// 0 means DefaultKeep.
	Keep int `json:"keep"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	UpdatedBy string    `json:"updated_by"`
	Active    int       `json:"active_version"` // 0: none
	Latest    int       `json:"latest_version"` // the highest version number in use
}

// Source describes where a list is published.
type Source struct {
	URL    string        `json:"url"`    // may contain a password; use Redacted to show it
	Format string        `json:"format"` // a name of formats.Names, or "auto"
	Every  time.Duration `json:"every"`  // interval of refreshes; 0: only on request
	// SHA256 is the digest that a download must have; "" for none. SHA256URL is where the publisher states it.
	SHA256    string `json:"sha256,omitempty"`
	SHA256URL string `json:"sha256_url,omitempty"`
	// By is the person who chose the source. They count as uploader of what it brings.
	By string `json:"by,omitempty"`
}

// OnStale says what happens when a list is older than its MaxAge.
type OnStale string

const (
	Warn OnStale = "warn" // answer, and report it in readiness, metrics and log
	Stop OnStale = "stop" // answer fault.Stale instead of a miss
)

// Category says what a listing is about, Confidence how sure its author is. The words are those of docs/contract.md.
type (
	Category   string
	Confidence string
)

const (
	Sanctions          Category = "sanctions"
	TerroristFinancing Category = "terrorist_financing"

	Confirmed Confidence = "confirmed"
	Suspected Confidence = "suspected"
)

// Categories and Confidences are all valid values.
var (
	Categories = []Category{Sanctions, "stolen_funds", "ransomware", TerroristFinancing,
		"scam", "darknet_market", "mixer", "issuer_freeze", "internal", "other"}
	Confidences = []Confidence{Confirmed, Suspected}
)

// Direction is the direction of a transfer, seen from the exchange. The zero value is a look-up without a transfer.
type Direction string

const (
	Deposit    Direction = "deposit"
	Withdrawal Direction = "withdrawal"
)

// Action is what the caller should do. The zero value is no action; it never means Allow.
type Action string

const (
	Allow  Action = "allow"
	Review Action = "review"
	Freeze Action = "freeze"
	Reject Action = "reject"
)

// Rule is one rule of a policy. It applies if all of its conditions hold; an empty field is no condition.
type Rule struct {
	Category   Category   `json:"category,omitempty"`
	Confidence Confidence `json:"confidence,omitempty"`
	Class      string     `json:"class,omitempty"`
	Direction  Direction  `json:"direction,omitempty"`
	Action     Action     `json:"action"`
}

// Policy is a list of rules. The first rule that applies decides. If none applies, a confirmed exact match of category sanctions or
// terrorist_financing leads to Freeze (deposit) or Reject (withdrawal), and every other match to Review.
type Policy []Rule

// Action returns the action for a match. Without a direction the default rule never returns more than Review.
func (p Policy) Action(c Category, f Confidence, class string, d Direction) Action {
	for _, r := range p {
		if (r.Category == "" || r.Category == c) && (r.Confidence == "" || r.Confidence == f) &&
			(r.Class == "" || r.Class == class) && (r.Direction == "" || r.Direction == d) {
			return r.Action
		}
	}
	if class == "exact" && f == Confirmed && (c == Sanctions || c == TerroristFinancing) {
		switch d {
		case Deposit:
			return Freeze
		case Withdrawal:
			return Reject
		}
	}
	return Review
}

var severity = []Action{Allow, Review, Freeze, Reject}

// Severity returns a number that is greater for the stricter of two actions; -1 for an unknown action.
func (a Action) Severity() int { return slices.Index(severity, a) }

// Stricter returns the stricter of two actions.
func Stricter(a, b Action) Action {
	if b.Severity() > a.Severity() {
		return b
	}
	return a
}

var listID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Classes are the match classes that a rule may name.
var Classes = []string{"exact", "same_key", "same_script", "same_stake", "contains", "raw"}

// Means holds the actions for a confirmed exact match whose row names no category of its own.
type Means struct {
	Deposit    Action   `json:"deposit"`
	Withdrawal Action   `json:"withdrawal"`
	Category   Category `json:"category"`
	Authority  string   `json:"authority"`
}

// String returns the actions as reports show them: "deposit: freeze, withdrawal: reject".
func (m Means) String() string {
	return "deposit: " + string(m.Deposit) + ", withdrawal: " + string(m.Withdrawal)
}

// Means returns the actions for a hit on the list.
func (l *List) Means() Means {
	f := l.WithDefaults()
	return Means{f.Policy.Action(f.Category, Confirmed, "exact", Deposit), f.Policy.Action(f.Category, Confirmed, "exact", Withdrawal), f.Category, f.Authority}
}

// WithDefaults returns a copy of the settings in which no name, category or confidence is empty.
func (l *List) WithDefaults() List {
	f := *l
	f.Name, f.Category, f.Confidence = cmp.Or(f.Name, f.ID), cmp.Or(f.Category, "other"), cmp.Or(f.Confidence, Confirmed)
	return f
}

// ApplyDefaults sets the category and confidence of a listing that has none to those of the list. The list must have its own set, as
// WithDefaults and the lists of a generation have.
func (l *List) ApplyDefaults(a *Attribution) {
	a.Category, a.Confidence = cmp.Or(a.Category, l.Category), cmp.Or(a.Confidence, l.Confidence)
}

// Validate checks the settings. The error is fault.Invalid and names the field.
func (l *List) Validate() error {
	bad := func(format string, args ...any) error { return fault.E(fault.Invalid, format, args...) }
	switch {
	case !listID.MatchString(l.ID):
		return bad("id: %s is not a valid list id: use 1 to 63 lower-case letters, digits and -, not beginning with -", address.Quote(l.ID))
	case address.HoldsSecret(l.ID) || address.HoldsSecret(l.Name) || address.HoldsSecret(l.Authority):
		return bad("id, name, authority: one of them holds what looks like a private key, a seed or an API key")
	case len(l.Name) > 200 || len(l.Authority) > 200:
		return bad("name, authority: at most 200 bytes")
	case l.Category != "" && !slices.Contains(Categories, l.Category):
		return bad("category: unknown value %s; use one of %v", address.Quote(string(l.Category)), Categories)
	case !slices.Contains(Confidences, l.Confidence):
		return bad("confidence: unknown value %s; use one of %v", address.Quote(string(l.Confidence)), Confidences)
	case l.OnStale != Warn && l.OnStale != Stop:
		return bad("on_stale: unknown value %s; use warn or stop", address.Quote(string(l.OnStale)))
	case l.MaxAge < 0:
		return bad("max_age: must not be negative")
	case l.Approvals < 0 || l.Approvals > 10:
		return bad("approvals: must be 0 to 10")
	case !(l.MaxShrink >= 0 && l.MaxShrink <= 1):
		return bad("max_shrink: must be 0 to 1")
	case !(l.MaxGrowth >= 1 && l.MaxGrowth <= 1e9):
		return bad("max_growth: must be 1 to 1e9")
	case l.Keep < 0 || l.Keep > 10_000:
		return bad("keep: must be 1 to 10000, or 0 for %d", DefaultKeep)
	case !(l.MaxQuarantined >= 0 && l.MaxQuarantined <= 1):
		return bad("max_quarantined: must be 0 to 1")
	}
	for i, r := range l.Policy {
		switch {
		case r.Category != "" && !slices.Contains(Categories, r.Category):
			return bad("policy[%d].category: unknown value %s; use one of %v", i, address.Quote(string(r.Category)), Categories)
		case r.Confidence != "" && !slices.Contains(Confidences, r.Confidence):
			return bad("policy[%d].confidence: unknown value %s; use one of %v", i, address.Quote(string(r.Confidence)), Confidences)
		case r.Class != "" && !slices.Contains(Classes, r.Class):
			return bad("policy[%d].class: unknown value %s; use one of %v", i, address.Quote(r.Class), Classes)
		case r.Direction != "" && r.Direction != Deposit && r.Direction != Withdrawal:
			return bad("policy[%d].direction: unknown value %s; use deposit or withdrawal", i, address.Quote(string(r.Direction)))
		case !slices.Contains(severity, r.Action):
			return bad("policy[%d].action: unknown value %s; use one of %v", i, address.Quote(string(r.Action)), severity)
		}
	}
	return nil
}

// DefaultKeep is the default of List.Keep.
const DefaultKeep = 10

// KeepVersions returns the number of superseded versions that keep their layers.
func (l *List) KeepVersions() int {
	if l.Keep == 0 {
		return DefaultKeep
	}
	return l.Keep
}

// NewList returns a list with default settings. Its name, authority and category are empty until a setting or a format names them.
func NewList(id string, now time.Time) *List {
	return &List{ID: id, Confidence: Confirmed, OnStale: Warn,
		Approvals: 1, MaxShrink: 0.2, MaxGrowth: 10, MaxQuarantined: 0.75, Keep: DefaultKeep, CreatedAt: now, UpdatedAt: now}
}
