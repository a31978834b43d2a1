package lists

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// State is the state of a version: loading → staged → active → superseded, or failed, or rejected.
type State string

const (
	Loading    State = "loading" // the upload is being read
	Failed     State = "failed"  // the upload could not be read; Version.Error says why
	Staged     State = "staged"
	Activated  State = "active"
	Superseded State = "superseded"
	Rejected   State = "rejected"
)

// Mode says how an upload changes the active version.
type Mode string

const (
	Replace Mode = "replace" // the upload is the whole list
	Add     Mode = "add"     // its rows are added to the active version
	Remove  Mode = "remove"  // its addresses are removed from the active version
)

// Version is one immutable state of a list, with the report of the upload it was built from (docs/contract.md). After staging only
// its state, its approvals and its layers can change.
type Version struct {
	List      string     `json:"list"`
	Number    int        `json:"version"`
	State     State      `json:"state"`
	Mode      Mode       `json:"mode"`
	Format    string     `json:"format"`
	File      string     `json:"file"`
	SHA256    string     `json:"sha256"` // of the bytes as uploaded
	SizeBytes int64      `json:"size_bytes"`
	Published string     `json:"published"` // date stated by the publisher, YYYY-MM-DD, or ""
	Rows      Rows       `json:"rows"`
	Addresses int        `json:"addresses"` // distinct identities in the whole version
	Listings  int        `json:"listings"`  // listings in the whole version
	Raw       int        `json:"raw"`       // listings that are not valid addresses
	Diff      DiffCounts `json:"diff"`
	// Gone is the number of identities of version Diff.Against that this version does not screen, replaced ones included.
	Gone int `json:"gone"`
	// UnreadRows is the number of rows that contain something like an address and could not be read.
	UnreadRows int `json:"unread_rows"`
	// Base is the version that an addition, a removal or a delta was built on; 0 if no version was active.
	Base int `json:"base,omitempty"`
	// Delta is true for an upload that holds the publisher's changes since an earlier file.
	Delta bool `json:"delta,omitempty"`
	// Reading records how the bytes were read; nil for versions of programs that did not record it.
	Reading *Reading `json:"reading,omitempty"`
	// Means holds the actions for a hit. It is not stored: it is computed from the settings of the list when the version is read.
	Means *Means `json:"means,omitempty"`
	// UnknownLabels are the assets and networks of its rows that Interdict does not know, such as new tickers. Those that the active
	// version does not have trip a guard.
	UnknownLabels []string  `json:"unknown_labels,omitempty"`
	Warnings      []Finding `json:"warnings"`
	Guards        []Finding `json:"guards"`
	UploadedBy    string    `json:"uploaded_by"`
	// SourceBy is who chose the source that the upload was fetched from. Neither they nor UploadedBy can approve it.
	SourceBy   string     `json:"source_by,omitempty"`
	UploadedAt time.Time  `json:"uploaded_at"`
	StagedAt   *time.Time `json:"staged_at,omitempty"` // it was read; nil for versions of programs that did not record it
	Approvals  []Approval `json:"approvals"`
	Note       string     `json:"note"`
	Error      string     `json:"error,omitempty"`    // of a failed version
	Progress   *Progress  `json:"progress,omitempty"` // of a version that is loading
	// Forgotten is true if the layers of this version were dropped. Its report and its source are kept.
	Forgotten bool       `json:"forgotten,omitempty"`
	Override  *Approval  `json:"override,omitempty"` // who overrode the guards, and why
	Previous  int        `json:"previous,omitempty"` // the version that was active before this one, and that a rollback activates
	Activated *time.Time `json:"activated_at,omitempty"`

	Layers  []Layer  `json:"layers"`  // base first
	Sources []string `json:"sources"` // names of the blobs that hold the uploaded bytes
}

// WarnSecrets is the code of warnings about private keys, seeds and API keys in an upload.
const WarnSecrets = "secret_material"

// HeldSecrets reports whether private keys, seeds or API keys were found in the upload. The uploaded bytes still have them.
func (v *Version) HeldSecrets() bool {
	return slices.ContainsFunc(v.Warnings, func(f Finding) bool { return f.Code == WarnSecrets })
}

// BuiltOn returns the version that an addition, a removal or a delta was built on; 0 for a whole list.
func (v *Version) BuiltOn() int {
	switch {
	case v.Mode == Replace:
		return 0
	case v.Reading == nil: // staged by a program that did not record Base
		return v.Diff.Against
	}
	return v.Base
}

// Reading holds everything, apart from the bytes, that determines the rows of an upload. Two uploads of the same bytes give the same
// version only if their Reading is equal.
type Reading struct {
	Format  string            `json:"format"` // as requested: a name of formats.Names, or "auto"
	Mapping map[string]string `json:"mapping,omitempty"`
	// Category, Confidence and Authority are the defaults of the list when the bytes were read.
	Category   Category   `json:"category,omitempty"`
	Confidence Confidence `json:"confidence,omitempty"`
	Authority  string     `json:"authority,omitempty"`
	// Formats and Address are the versions of the rules for files (formats.Rules) and addresses (address.Rules).
	Formats int `json:"formats"`
	Address int `json:"address"`
	// Dates says where the dates of listings come from that the bytes have none of; nil: from nowhere. It decides nothing but those dates, so
	// that the same bytes are the same version without it.
	Dates *DatesRead `json:"dates,omitempty"`
}

// Progress reports how far an upload has been read.
type Progress struct {
	Rows int       `json:"rows"`
	At   time.Time `json:"at"` // time of this report, which is renewed every second
}

// Rows counts the rows of an upload. Read is always Accepted + Quarantined + Duplicate.
type Rows struct {
	Read        int `json:"read"`
	Accepted    int `json:"accepted"`
	Quarantined int `json:"quarantined"`
	Duplicate   int `json:"duplicate"`
}

// DiffCounts compares a version with the one it would replace. It counts listings.
type DiffCounts struct {
	Against   int `json:"against"` // version number; 0: no version was active
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

// Approval is the agreement of one person to one content.
type Approval struct {
	By string `json:"by"`
	// Credential is the key or account that the person used. An approval does not count any more once that has been revoked.
	Credential string    `json:"credential,omitempty"`
	At         time.Time `json:"at"`
	Reason     string    `json:"reason,omitempty"`
	Digest     string    `json:"digest,omitempty"` // Version.SHA256 of the approved content
}

// Layer describes one immutable layer of a version.
type Layer struct {
	ID       string `json:"id"`
	Version  int    `json:"version"` // that it was written for
	File     string `json:"file"`    // source of its listings
	SHA256   string `json:"sha256"`
	Keys     int    `json:"keys"`     // distinct keys, removals included
	Listings int    `json:"listings"` // references that are not removals and not links
	Raw      int    `json:"raw"`      // keys of texts that are not valid addresses
	Removals int    `json:"removals"`
	// Rules is the version of the identity rules (address.Rules) that built it; 0: its program did not record it.
	Rules int `json:"rules,omitempty"`
}

// Outdated reports whether any layer was built under older identity rules than those of this program. Such a layer can lack keys under
// which this program looks for its listings.
func Outdated(layers []Layer) bool {
	return slices.ContainsFunc(layers, func(l Layer) bool { return l.Rules < address.Rules })
}

// CheckRules returns an error if any layer was built under newer identity rules than those of this program, which would look for its listings
// under other keys.
func CheckRules(layers []Layer) error {
	for i := range layers {
		if l := &layers[i]; l.Rules > address.Rules {
			return fault.E(fault.Conflict, "layer %s was built by a newer version of interdict, under identity rules %d, and this one knows %d: use that version",
				l.ID, l.Rules, address.Rules)
		}
	}
	return nil
}

// Generation is the numbered set of versions that are active together, with the settings
// of their lists. It alone determines every answer given from it.
type Generation struct {
	Number int `json:"generation"`
	// ID distinguishes generations of the same number, which a failover can produce. Parent is the id of the generation before. Merged is
	// the id of a lost generation whose content was restored into this one.
	ID     string `json:"id,omitempty"`
	Parent string `json:"parent,omitempty"`
	Merged string `json:"merged,omitempty"`
	// Recent are the generations before this one, newest first, at most MaxRecent.
	Recent []Head    `json:"recent,omitempty"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Action string    `json:"action"` // activate, rollback, settings, compact, rebuild, retire, suppress, suppress-end
	List   string    `json:"list"`   // that the action changed
	Reason string    `json:"reason,omitempty"`
	Lists  []Active  `json:"lists"` // ordered by list id
}

// MaxRecent is the number of earlier generations that a generation names. After a loss they show where the histories of the store and
// of a replica diverge.
const MaxRecent = 32

// Head returns the Head that names the generation.
func (g *Generation) Head() Head { return Head{Generation: g.Number, ID: g.ID} }

// Active is one list in a generation: its settings and its active version.
type Active struct {
	List      List    `json:"list"`
	Version   int     `json:"version"`
	Published string  `json:"published"`
	File      string  `json:"file"`
	SHA256    string  `json:"sha256"`
	Addresses int     `json:"addresses"`
	Listings  int     `json:"listings"`
	Layers    []Layer `json:"layers"` // base first
	// Suppressions are those in force when the generation was made. Each ends at its Until.
	Suppressions []Suppression `json:"suppressions,omitempty"`
}

// Listing is one row of a list, as answers and exports show it.
type Listing struct {
	Address     string
	Attribution // shared by many listings
	Locator     string
	AddedIn     int // the version in which it first appeared
}

// Attribution holds the fields that many listings share. A layer stores each distinct one once.
type Attribution struct {
	Network    string     `json:"network,omitempty"` // as published
	Asset      string     `json:"asset,omitempty"`
	Entity     Entity     `json:"entity"`
	Category   Category   `json:"category"`   // "" for the list's default
	Confidence Confidence `json:"confidence"` // "" for the list's default
	Programs   []string   `json:"programs,omitempty"`
	Incident   string     `json:"incident,omitempty"`
	ListedOn   string     `json:"listed_on,omitempty"` // YYYY-MM-DD
	// ListedOnFrom says whence ListedOn is, if not from the file of the listing: "delta archive, publication 1234".
	ListedOnFrom string `json:"listed_on_from,omitempty"`
	ValidUntil   string `json:"valid_until,omitempty"` // YYYY-MM-DD
	URL          string `json:"url,omitempty"`
	Note         string `json:"note,omitempty"`
	// File and SHA256 name the source if it differs from that of the layer: a compacted layer has several.
	File   string `json:"file,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// LocatorPrefix is the locator without its final number, which each listing stores itself.
	LocatorPrefix string `json:"locator_prefix,omitempty"`
}

// Dated returns the date of listing that the file of the listing has; "" if it is from elsewhere. It is a part of the content of a listing:
// that a publisher's archive tells a date later does not change the listing.
func (a *Attribution) Dated() string {
	if a.ListedOnFrom != "" {
		return ""
	}
	return a.ListedOn
}

// Entity is the person or organisation that a listing is about.
type Entity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"` // individual, entity, vessel …
}

// ndjsonListing is a listing in the format ndjson of docs/contract.md.
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

// WriteNDJSON writes the listing as one line of the format ndjson.
func (l *Listing) WriteNDJSON(w io.Writer) error {
	x := ndjsonListing{Address: l.Address, Network: l.Network, Asset: l.Asset, Category: l.Category, Confidence: l.Confidence, Programs: l.Programs,
		Incident: l.Incident, ListedOn: l.ListedOn, ValidUntil: l.ValidUntil, URL: l.URL, Note: l.Note}
	if l.Entity != (Entity{}) {
		x.Entity = &l.Entity
	}
	return json.NewEncoder(w).Encode(x)
}
