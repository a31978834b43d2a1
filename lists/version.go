package lists

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"interdict/lists/address"
)

// State is where a version stands in its life: staged → active → superseded, or rejected.
type State string

const (
	Loading    State = "loading" // its upload is still being read
	Failed     State = "failed"  // its upload could not be read; the report says why
	Staged     State = "staged"
	Activated  State = "active"
	Superseded State = "superseded"
	Rejected   State = "rejected"
)

// Mode is how an upload relates to the active version.
type Mode string

const (
	Replace Mode = "replace" // the upload is the whole list
	Add     Mode = "add"     // its rows come on top of the active version
	Remove  Mode = "remove"  // its addresses leave the active version
)

// Version is one immutable state of a list and the report of how it came to be
// (contract.md, section 4). What may change after staging is State and Approvals only.
type Version struct {
	List      string     `json:"list"`
	Number    int        `json:"version"`
	State     State      `json:"state"`
	Mode      Mode       `json:"mode"`
	Format    string     `json:"format"`
	File      string     `json:"file"`
	SHA256    string     `json:"sha256"` // of the bytes as uploaded
	SizeBytes int64      `json:"size_bytes"`
	Published string     `json:"published"` // date the publisher gives, YYYY-MM-DD, or ""
	Rows      Rows       `json:"rows"`
	Addresses int        `json:"addresses"` // distinct identities in the whole version
	Listings  int        `json:"listings"`  // listings in the whole version
	Raw       int        `json:"raw"`       // of them, texts that are no valid address
	Diff      DiffCounts `json:"diff"`
	// Gone counts the identities of the version it is compared with that would no longer be screened, replaced ones included.
	Gone int `json:"gone"`
	// UnreadRows counts the rows of the upload that hold something like an address and were not read.
	UnreadRows int `json:"unread_rows"`
	// Base is the version that an addition, a removal or a delta was made for; 0 if nothing was active.
	Base int `json:"base,omitempty"`
	// Delta marks an upload that held its publisher's changes since an earlier file.
	Delta bool `json:"delta,omitempty"`
	// Reading says how the bytes were read; nil for versions of programs that did not record it.
	Reading *Reading `json:"reading,omitempty"`
	// Means says what a hit leads to. It follows from the settings of the list, and is filled in when the version is read.
	Means *Means `json:"means,omitempty"`
	// UnknownLabels are the assets and networks of its rows that are not known here, such as new tickers; a guard asks about those
	// that the active version does not have.
	UnknownLabels []string   `json:"unknown_labels,omitempty"`
	Warnings      []Finding  `json:"warnings"`
	Guards        []Finding  `json:"guards"`
	UploadedBy    string     `json:"uploaded_by"`
	UploadedAt    time.Time  `json:"uploaded_at"`
	Approvals     []Approval `json:"approvals"`
	Note          string     `json:"note"`
	Error         string     `json:"error,omitempty"`    // of a failed version
	Progress      *Progress  `json:"progress,omitempty"` // of a version that is loading
	// Forgotten tells that the list keeps this version's layers no more: its report and its source bytes are there.
	Forgotten bool       `json:"forgotten,omitempty"`
	Override  *Approval  `json:"override,omitempty"` // who overrode the guards, and why
	Previous  int        `json:"previous,omitempty"` // the version that was active before this one; a rollback goes there
	Activated *time.Time `json:"activated_at,omitempty"`

	Layers  []Layer  `json:"layers"`  // base first
	Sources []string `json:"sources"` // names of the blobs that hold the uploaded bytes
}

// BuiltOn returns the version whose content an addition, a removal or a delta goes on from; 0 for a whole list.
func (v *Version) BuiltOn() int {
	switch {
	case v.Mode == Replace:
		return 0
	case v.Reading == nil: // staged by a program that did not record Base
		return v.Diff.Against
	}
	return v.Base
}

// Reading is what decides, beside the bytes themselves, what is read out of an upload. The same bytes are the same version only if
// this is the same, too.
type Reading struct {
	Format  string            `json:"format"` // as asked for: a name of formats.Names, or "auto"
	Mapping map[string]string `json:"mapping,omitempty"`
	// Category, Confidence and Authority are the defaults of the list when the bytes were read.
	Category   Category   `json:"category,omitempty"`
	Confidence Confidence `json:"confidence,omitempty"`
	Authority  string     `json:"authority,omitempty"`
	// Formats and Address are the versions of the program's rules for files and for addresses.
	Formats int `json:"formats"`
	Address int `json:"address"`
}

// Progress is how far an upload has been read.
type Progress struct {
	Rows int       `json:"rows"`
	At   time.Time `json:"at"` // of this report; it is renewed every second
}

// Rows counts the rows of an upload: Read = Accepted + Quarantined + Duplicate, always.
type Rows struct {
	Read        int `json:"read"`
	Accepted    int `json:"accepted"`
	Quarantined int `json:"quarantined"`
	Duplicate   int `json:"duplicate"`
}

// DiffCounts compares a version with the one it would replace, in listings.
type DiffCounts struct {
	Against   int `json:"against"` // version number; 0: nothing was active
	Added     int `json:"added"`
	Removed   int `json:"removed"`
	Changed   int `json:"changed"` // same address, other attribution
	Unchanged int `json:"unchanged"`
}

// Finding is one warning or guard of a report.
type Finding struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Approval is one person's word on one content.
type Approval struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
	Digest string    `json:"digest,omitempty"` // of the content agreed to: Version.SHA256
}

// Layer names one immutable layer of a version and says what is in it.
type Layer struct {
	ID       string `json:"id"`
	Version  int    `json:"version"` // that wrote it
	File     string `json:"file"`    // source of its listings
	SHA256   string `json:"sha256"`
	Keys     int    `json:"keys"`     // distinct keys, removals included
	Listings int    `json:"listings"` // references that are not removals and not links
	Raw      int    `json:"raw"`      // keys in the raw space
	Removals int    `json:"removals"`
	// Rules is the version of the identity rules (address.Rules) it was built under; 0: of a program that did not record it.
	Rules int `json:"rules,omitempty"`
}

// Outdated tells whether any of some layers was built under older identity rules than those of this program: a listing may then not be
// found under an address that can be read as it only now.
func Outdated(layers []Layer) bool {
	return slices.ContainsFunc(layers, func(l Layer) bool { return l.Rules < address.Rules })
}

// Generation is the numbered set of versions that are active together, with the settings
// of their lists: it alone decides every answer given from it.
type Generation struct {
	Number int `json:"generation"`
	// ID tells two generations of one number apart, which a failover can make; Parent is the id of the one before. Merged is the id of a lost
	// one that this one holds, too.
	ID     string `json:"id,omitempty"`
	Parent string `json:"parent,omitempty"`
	Merged string `json:"merged,omitempty"`
	// Recent are the generations before it, the newest first, at most MaxRecent.
	Recent []Head    `json:"recent,omitempty"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Action string    `json:"action"` // activate, rollback, settings, compact, rebuild, retire, suppress, suppress-end
	List   string    `json:"list"`   // that the action was about
	Reason string    `json:"reason,omitempty"`
	Lists  []Active  `json:"lists"` // ordered by list id
}

// MaxRecent is how many earlier generations a generation names. After a loss they show where the histories of the store and of a replica
// part.
const MaxRecent = 32

// Head names the generation.
func (g *Generation) Head() Head { return Head{Generation: g.Number, ID: g.ID} }

// Active is one list as it stands in a generation.
type Active struct {
	List      List    `json:"list"`
	Version   int     `json:"version"`
	Published string  `json:"published"`
	File      string  `json:"file"`
	SHA256    string  `json:"sha256"`
	Addresses int     `json:"addresses"`
	Listings  int     `json:"listings"`
	Layers    []Layer `json:"layers"` // base first
	// Suppressions are those in force when the generation was made; each ends by its own time.
	Suppressions []Suppression `json:"suppressions,omitempty"`
}

// Listing is one row of a list, as an answer or an export tells it.
type Listing struct {
	Address     string
	Attribution // shared by many listings
	Locator     string
	AddedIn     int // the version in which it first appeared
}

// Attribution is what many listings share; a layer stores each once.
type Attribution struct {
	Network    string     `json:"network,omitempty"` // as published
	Asset      string     `json:"asset,omitempty"`
	Entity     Entity     `json:"entity"`
	Category   Category   `json:"category"`   // "" for the list's default
	Confidence Confidence `json:"confidence"` // "" for the list's default
	Programs   []string   `json:"programs,omitempty"`
	Incident   string     `json:"incident,omitempty"`
	ListedOn   string     `json:"listed_on,omitempty"`   // YYYY-MM-DD
	ValidUntil string     `json:"valid_until,omitempty"` // YYYY-MM-DD
	URL        string     `json:"url,omitempty"`
	Note       string     `json:"note,omitempty"`
	// File and SHA256 name the source, where it is not that of the whole layer (a compacted layer has several).
	File   string `json:"file,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// LocatorPrefix is the locator up to its final number, which each listing keeps for itself.
	LocatorPrefix string `json:"locator_prefix,omitempty"`
}

// Entity is who a listing is about.
type Entity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"` // individual, entity, vessel …
}

// ndjsonListing is a listing as our ndjson has it (contract.md, section 4).
type ndjsonListing struct {
	Address    string     `json:"address"`
	Network    string     `json:"network,omitempty"`
	Asset      string     `json:"asset,omitempty"`
	Entity     *Entity    `json:"entity,omitempty"`
	Category   Category   `json:"category,omitempty"`
	Confidence Confidence `json:"confidence,omitempty"`
	Programs   []string   `json:"programs,omitempty"`
	Incident   string     `json:"incident,omitempty"`
	ListedOn   string     `json:"listed_on,omitempty"`
	ValidUntil string     `json:"valid_until,omitempty"`
	URL        string     `json:"url,omitempty"`
	Note       string     `json:"note,omitempty"`
}

// WriteNDJSON writes the listing as one line that the loader reads back.
func (l *Listing) WriteNDJSON(w io.Writer) error {
	x := ndjsonListing{Address: l.Address, Network: l.Network, Asset: l.Asset, Category: l.Category, Confidence: l.Confidence, Programs: l.Programs,
		Incident: l.Incident, ListedOn: l.ListedOn, ValidUntil: l.ValidUntil, URL: l.URL, Note: l.Note}
	if l.Entity != (Entity{}) {
		x.Entity = &l.Entity
	}
	return json.NewEncoder(w).Encode(x)
}
