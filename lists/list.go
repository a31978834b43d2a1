package lists

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"interdict/lists/fault"
)

// List is a named, owned set of attributed addresses: its settings, not its content.
type List struct {
	ID         string        `json:"id"` // [a-z0-9][a-z0-9-]{0,62}
	Name       string        `json:"name"`
	Authority  string        `json:"authority"`  // who says so: "US Treasury, OFAC"
	Category   Category      `json:"category"`   // of a row that names none; "" until a setting or a format names one
	Confidence Confidence    `json:"confidence"` // of a row that names none
	Policy     Policy        `json:"policy"`
	MaxAge     time.Duration `json:"max_age"`    // since the last successful load; 0: never too old
	OnStale    OnStale       `json:"on_stale"`   // what to do beyond MaxAge
	Approvals  int           `json:"approvals"`  // how many people other than the uploader must agree
	MaxShrink  float64       `json:"max_shrink"` // share of addresses an activation may take away; 0.2 is a fifth
	MaxGrowth  float64       `json:"max_growth"` // how many times the addresses it may bring: 10
	// MaxQuarantined is the share of rows that may fail to parse before a person must look: 0.75. A wrong column fails nearly all;
	// Israel's table of wallets holds one half user ids of exchanges.
	MaxQuarantined float64 `json:"max_quarantined"`
	Source         *Source `json:"source,omitempty"`
	// Mandatory keeps what the list says from ever being suppressed.
	Mandatory bool `json:"mandatory"`
	// Keep is how many superseded versions can still be compared, exported and rolled back to, beside the last; 0 is DefaultKeep.
	Keep int `json:"keep"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	UpdatedBy string    `json:"updated_by"`
	Active    int       `json:"active_version"` // 0: none
	Latest    int       `json:"latest_version"` // the highest number given out
}

// Source is where a list is published.
type Source struct {
	URL    string        `json:"url"`    // may hold a password: Shown is for others to see
	Format string        `json:"format"` // a name of formats.Names, or "auto"
	Every  time.Duration `json:"every"`  // how often it is asked for anything newer; 0: only when a person says so
	// SHA256, or what stands at SHA256URL, is the digest that a download must have; "" for none.
	SHA256    string `json:"sha256,omitempty"`
	SHA256URL string `json:"sha256_url,omitempty"`
}

// OnStale is what a list wants when it is older than its MaxAge.
type OnStale string

const (
	Warn OnStale = "warn" // answer, and say so in readiness, metrics and log
	Stop OnStale = "stop" // answer fault.Stale instead of a miss
)

// Category and Confidence are the contract's words for what a listing is about and how sure its author is.
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

// Categories and Confidences are all that the contract knows.
var (
	Categories = []Category{Sanctions, "stolen_funds", "ransomware", TerroristFinancing,
		"scam", "darknet_market", "mixer", "issuer_freeze", "internal", "other"}
	Confidences = []Confidence{Confirmed, Suspected}
)

// Direction is which way the money goes. The zero value is a look-up without a transfer.
type Direction string

const (
	Deposit    Direction = "deposit"
	Withdrawal Direction = "withdrawal"
)

// Action is what the caller should do. The zero value is none: it never stands for Allow.
type Action string

const (
	Allow  Action = "allow"
	Review Action = "review"
	Freeze Action = "freeze"
	Reject Action = "reject"
)

// Rule is one line of a policy: every condition that is given must hold.
type Rule struct {
	Category   Category   `json:"category,omitempty"`
	Confidence Confidence `json:"confidence,omitempty"`
	Class      string     `json:"class,omitempty"`
	Direction  Direction  `json:"direction,omitempty"`
	Action     Action     `json:"action"`
}

// Policy is a list of rules, the first that fits decides; where none does, the default of the contract:
// confirmed, exact, sanctions or terrorist financing → freeze or reject; every other hit → review.
type Policy []Rule

// Action is what the policy says to a match. Direction "" is decided as Review at the most.
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

// Severity orders actions: the stricter one has the greater number.
func (a Action) Severity() int { return slices.Index(severity, a) }

// Stricter gives the stricter of two actions.
func Stricter(a, b Action) Action {
	if b.Severity() > a.Severity() {
		return b
	}
	return a
}

var listID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Classes a rule may name.
var classes = []string{"", "exact", "same_key", "same_script", "same_stake", "contains", "raw"}

// Means says what a confirmed exact hit of a list leads to, as long as its row names no category of its own.
type Means struct {
	Deposit    Action   `json:"deposit"`
	Withdrawal Action   `json:"withdrawal"`
	Category   Category `json:"category"`
	Authority  string   `json:"authority"`
}

// String returns the actions as a report shows them: "deposit: freeze, withdrawal: reject".
func (m Means) String() string {
	return "deposit: " + string(m.Deposit) + ", withdrawal: " + string(m.Withdrawal)
}

// Means returns what a hit of the list leads to.
func (l *List) Means() Means {
	f := l.WithDefaults()
	return Means{f.Policy.Action(f.Category, Confirmed, "exact", Deposit), f.Policy.Action(f.Category, Confirmed, "exact", Withdrawal), f.Category, f.Authority}
}

// Filled returns the settings with the defaults of the contract for what they leave open.
func (l *List) WithDefaults() List {
	f := *l
	f.Name, f.Category, f.Confidence = cmp.Or(f.Name, f.ID), cmp.Or(f.Category, "other"), cmp.Or(f.Confidence, Confirmed)
	return f
}

// Fill replaces what a listing leaves to its list: the category and the confidence. A list of a generation is filled already.
func (l *List) ApplyDefaults(a *Attribution) {
	a.Category, a.Confidence = cmp.Or(a.Category, l.Category), cmp.Or(a.Confidence, l.Confidence)
}

// Validate tells what is wrong with the settings, as fault.Invalid naming the field.
func (l *List) Validate() error {
	bad := func(format string, args ...any) error { return fault.E(fault.Invalid, format, args...) }
	switch {
	case !listID.MatchString(l.ID):
		return bad("id: %.80q is no list id: lower-case letters, digits and -, at most 63", l.ID)
	case len(l.Name) > 200 || len(l.Authority) > 200:
		return bad("name, authority: at most 200 bytes")
	case l.Category != "" && !slices.Contains(Categories, l.Category):
		return bad("category: %.40q is none of %v", l.Category, Categories)
	case !slices.Contains(Confidences, l.Confidence):
		return bad("confidence: %.40q is none of %v", l.Confidence, Confidences)
	case l.OnStale != Warn && l.OnStale != Stop:
		return bad("on_stale: %.40q is neither warn nor stop", l.OnStale)
	case l.MaxAge < 0:
		return bad("max_age: must not be negative")
	case l.Approvals < 0 || l.Approvals > 10:
		return bad("approvals: must be 0 to 10")
	case !(l.MaxShrink >= 0 && l.MaxShrink <= 1):
		return bad("max_shrink: must be 0 to 1")
	case !(l.MaxGrowth >= 1):
		return bad("max_growth: must be at least 1")
	case l.Keep < 0 || l.Keep > 10_000:
		return bad("keep: must be 1 to 10000, or 0 for %d", DefaultKeep)
	case !(l.MaxQuarantined >= 0 && l.MaxQuarantined <= 1):
		return bad("max_quarantined: must be 0 to 1")
	}
	for i, r := range l.Policy {
		switch {
		case r.Category != "" && !slices.Contains(Categories, r.Category):
			return bad("policy[%d].category: %.40q is unknown", i, r.Category)
		case r.Confidence != "" && !slices.Contains(Confidences, r.Confidence):
			return bad("policy[%d].confidence: %.40q is unknown", i, r.Confidence)
		case !slices.Contains(classes, r.Class):
			return bad("policy[%d].class: %.40q is unknown", i, r.Class)
		case r.Direction != "" && r.Direction != Deposit && r.Direction != Withdrawal:
			return bad("policy[%d].direction: %.40q is unknown", i, r.Direction)
		case !slices.Contains(severity, r.Action):
			return bad("policy[%d].action: %.40q is none of %v", i, r.Action, severity)
		}
	}
	return nil
}

// DefaultKeep is Keep where nothing is said.
const DefaultKeep = 10

// Kept is how many superseded versions keep their layers.
func (l *List) KeepVersions() int {
	if l.Keep == 0 {
		return DefaultKeep
	}
	return l.Keep
}

// NewList gives a list the contract's defaults. Its name, authority and category stay open until a setting or a format names them.
func NewList(id string, now time.Time) *List {
	return &List{ID: id, Confidence: Confirmed, OnStale: Warn,
		Approvals: 1, MaxShrink: 0.2, MaxGrowth: 10, MaxQuarantined: 0.75, Keep: DefaultKeep, CreatedAt: now, UpdatedAt: now}
}
