// Package formats reads list files. Each format has one file in this package and is registered by name. A reader yields
// rows as published, in the order of the file. It never canonicalises an address, logs, or skips a row: a row that cannot
// be read is yielded with the reason.
//
//	bytes ── unpack (.gz .zst .bz2 .zip, bounded) ── detect ── the format's reader ── Row, Row, Row …
package formats

import (
	"context"
	"io"
	"slices"
)

// Row is one listing as published. Texts are trimmed of surrounding ASCII white space and otherwise unchanged.
type Row struct {
	Address, Network, Asset          string
	EntityID, EntityName, EntityType string   // type: individual, entity, vessel, aircraft or ""
	Category, Confidence             string   // "" : the list's default
	Programs                         []string // shared between rows: do not modify
	Incident                         string
	ListedOn, ValidUntil             string // YYYY-MM-DD or ""
	URL, Note                        string
	// Locator is the position of the row in the file: "line 12", "DistinctParty 27307 Feature 36618".
	Locator string
	// Problem, if not "", names a field and says why the row is not a listing (an unknown field, a missing address,
	// a field of the wrong form). Address holds what could be read, and may be "".
	Problem string
	// Unread marks a row that holds something like an address that cannot be read. A person has to look at it before the version
	// is activated.
	Unread bool
	// Removed marks a row that removes listings (a delta's DEL, and the old state of a MOD). It has no address: EntityID is the id
	// of the removed entity, and its Locator "entity ID" is also the locator of the rows that came from that entity.
	Removed bool
	// Partial marks a row of a delta that does not contain everything about its entity: ValidUntil, the name, the programmes and
	// the listing date are taken from the listing that it replaces and from Info.Orders. Its Problem counts only if it replaces none.
	Partial bool
}

// File is one uploaded file: its name as given, and its content, which may be opened several times.
type File struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// Warning is something a person should know about the file as a whole. Codes are stable.
type Warning struct{ Code, Detail string }

// Info describes a file that was read.
type Info struct {
	Format    string
	Published string // date of publication, YYYY-MM-DD; "" if the file has none
	Warnings  []Warning
	// Delta is set if the file contains only changes.
	Delta bool
	// Orders are the sanctions orders in a delta, by the id of the sanctioned entity: the latest end of its orders, or "" if one has no
	// end. They extend a listing and never end it, because a delta does not contain the orders that did not change.
	Orders map[string]string `json:",omitempty"`
}

// Options configure a reader.
type Options struct {
	// Mapping names the columns, or the members of a JSON object, that hold the fields of Row ("address": "Wallet No"), and
	// translates words ("category:phishing": "scam"). mapping.go describes it.
	Mapping map[string]string
	// MaxBytes bounds the unpacked size of all files together; 0 means DefaultMaxBytes.
	MaxBytes int64
}

// DefaultMaxBytes is the default bound on the unpacked size of all files together: 16 GiB.
const DefaultMaxBytes = 16 << 30

// MaxLine is the largest size in bytes of a line, a CSV field, an XML text or a JSON value: 1 MiB.
const MaxLine = 1 << 20

// Names returns the names of the formats in the order of help texts.
func Names() []string { return names() }

// Known reports whether a name is that of a format, or "auto".
func Known(name string) bool { return name == "auto" || slices.Contains(names(), name) }

// Check returns the error that Read would return for any file: the format is unknown, or the options are wrong.
func Check(format string, opts Options) error {
	if _, err := formatNamed(format); err != nil {
		return err
	}
	_, err := parseMapping(opts.Mapping)
	return err
}

// Attribution returns the default category, authority and name of a list in the named format.
// They are "" for an unknown format and for a format that does not belong to one publisher.
func Attribution(format string) (category, authority, name string) {
	f := registered[format]
	if f == nil {
		return "", "", ""
	}
	return f.publisher.category, f.publisher.authority, f.publisher.list
}

// Read reads files (one, or several that belong together) in the named format and yields every row; "auto" detects the format.
// It stops with the error of yield. An error in a file is fault.Invalid and names the file, the position and what was expected;
// empty and truncated files are such errors. More than MaxBytes is fault.TooLarge, a cancelled context is fault.Unavailable,
// and an error of File.Open or its reader keeps its kind. Rows yielded before an error must be discarded.
// Memory is bounded for any input.
func Read(ctx context.Context, files []File, format string, opts Options, yield func(Row) error) (Info, error) {
	return read(ctx, files, format, opts, yield)
}
