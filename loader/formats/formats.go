// Package formats reads list files. Each format is one file of this package, registered by name; it
// yields rows as published, in the order of the file, and never canonicalises an address, logs or skips:
// a row it cannot read is yielded too, with its reason.
//
//	bytes ── unpack (.gz .zst .bz2 .zip, bounded) ── detect ── the format's reader ── Row, Row, Row …
package formats

import (
	"context"
	"io"
)

// Row is one listing as published. Texts are trimmed of surrounding ASCII white space, otherwise as they stand.
type Row struct {
	Address, Network, Asset          string
	EntityID, EntityName, EntityType string   // type: individual, entity, vessel, aircraft or ""
	Category, Confidence             string   // "" : the list's default
	Programs                         []string // shared between rows: not to be changed
	Incident                         string
	ListedOn, ValidUntil             string // YYYY-MM-DD or ""
	URL, Note                        string
	// Locator says where in the file the row stands: "line 12", "DistinctParty 27307 Feature 36618".
	Locator string
	// Problem, when not "", says why the row cannot be taken as a listing (an unknown field, a missing address,
	// a field of a wrong form); it names the field. Address holds what could be read, and may be "".
	Problem string
	// Unread marks a row with a Problem that holds something like an address: the version may not go live before a person has looked.
	Unread bool
	// Removed marks a row that says that the listing is gone (a delta's DEL, and what a MOD replaces). Such a row has no address:
	// EntityID is the id of the entity that is gone, and Locator "entity ID" is also the locator of the rows that came from it.
	Removed bool
	// Partial marks a row of a delta that does not say everything about its entity: ValidUntil, the name, the programmes and the listing
	// date come from the listing that it replaces, with what Info.Orders adds. A Problem counts only if it replaces none.
	Partial bool
}

// File is one uploaded file: its name as given, and its bytes, which may be read from the start several times.
type File struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// Warning is something a person should know about the file as a whole.
type Warning struct{ Code, Detail string }

// Info is what a file says about itself.
type Info struct {
	Format    string
	Published string // YYYY-MM-DD, or "" if the file does not say
	Warnings  []Warning
	// Delta says that the file only carries changes.
	Delta bool
	// Orders are those that a delta holds, by the id of the entity that they are on: the latest end of an order on it, or "" if one has no
	// end. They prolong a listing and never end it, as the delta does not hold the orders that did not change.
	Orders map[string]string `json:",omitempty"`
}

// Options steer a reader.
type Options struct {
	// Mapping names the columns, or the members of a JSON object, that hold the fields of Row ("address": "Wallet No"), and what
	// words stand for ("category:phishing": "scam"). mapping.go describes it.
	Mapping map[string]string
	// MaxBytes bounds what all files together may unpack to; 0 is DefaultMaxBytes.
	MaxBytes int64
}

// DefaultMaxBytes is how much a file may unpack to when nothing else is said: 16 GiB.
const DefaultMaxBytes = 16 << 30

// MaxLine is how many bytes a line, a CSV field, an XML text or a JSON value may have: 1 MiB.
const MaxLine = 1 << 20

// Names lists the formats in the order in which help texts show them.
func Names() []string { return names() }

// Attribution returns what a list in the named format gets by default: its category, its authority and its name.
// They are "" for a format that anyone may publish in, and for an unknown format.
func Attribution(format string) (category, authority, name string) {
	f := registered[format]
	if f == nil {
		return "", "", ""
	}
	return f.publisher.category, f.publisher.authority, f.publisher.list
}

// Read reads files (one, or the two that belong together) in the named format, "auto" detects, and yields every row.
// It stops with yield's error. Errors of the file are fault.Invalid and say file, place and what was expected; an empty file and
// a truncated one are such errors; more than MaxBytes is fault.TooLarge, an error of the reader that was given keeps its kind,
// and a context that ended is fault.Unavailable. Rows yielded before an error must not be used.
// Memory stays bounded whatever the file holds.
func Read(ctx context.Context, files []File, format string, opts Options, yield func(Row) error) (Info, error) {
	return read(ctx, files, format, opts, yield)
}
