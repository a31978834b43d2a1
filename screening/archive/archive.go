// Package archive makes the record of decisions and changes searchable, and keeps it.
//
//	journals of all writers ──► Indexer ──► Index (embedded, or PostgreSQL) ──► Find, Alerts
//	   each record at least once,             one row for each (writer, sequence);
//	   in order of its sequence               can be cleared and filled again at any time
//
// An index is never the record itself. What it says is complete only up to the time that its marks tell: no absence may be claimed
// beyond it.
package archive

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"

	"interdict/lists/address"
	"interdict/screening/journal"
)

// Position is the place of a record in the order of an index: by time, then by writer, then by sequence number.
type Position struct {
	Time     time.Time // as in the record, to the nanosecond
	Writer   uuid.UUID
	Sequence uint64
}

// Entry is one record with what it is found by.
type Entry struct {
	Position
	Kind    journal.Kind
	ID      uuid.UUID // of a check; zero: none
	Payload []byte    // as in the journal
	Terms   Terms
}

// Terms are what a record is found by. Texts have at most 1,024 bytes; all of them may be empty.
type Terms struct {
	Keys      []address.Key // of a check: the key of each reading and of each class; of a look-back: the keys of its address
	Lists     []string
	Result    string
	Reference string
	Customer  string
	By        string // the key of a check, the person of a change
	Alert     Alert
}

// Alert says that a record creates or resolves an alert. The zero value: neither. The record that creates it is a journal.Check, whose result is a hit, or
// a journal.LookBack.
type Alert struct {
	ID       string // the same for every attempt to create the alert
	Resolved bool   // false: created
}

// Mark says up to where the records of a writer are in an index.
type Mark struct {
	Writer   uuid.UUID
	Node     string    // which server it is of, for people
	Sequence uint64    // all records up to this one are in the index
	Complete time.Time // the index has all records of the writer that are older
	Ended    bool      // the writer has ended: there are no more records
	Gap      string    // why records are missing that will not come; empty: none
}

// Query selects records. Every condition that is not zero has to hold.
type Query struct {
	From, To  time.Time      // of From or later, before To
	Kinds     []journal.Kind // any of them
	Keys      []address.Key  // any of them
	IDs       []uuid.UUID    // any of them; zero is that of no record
	List      string
	Result    string
	Reference string
	Customer  string
	By        string
	After     Position // only records after this one; before it with Newest
	Newest    bool     // the newest first
	Limit     int      // at most so many; 0: no limit
}

// Origin says which alerts are meant, by the kind of the record that created them.
type Origin int

// Origins.
const (
	AnyOrigin Origin = iota
	Hits             // of checks that were answered with a hit
	LookBacks        // of everything else: looking back on earlier checks
)

// OriginOf returns the origin of an alert that a record of this kind creates.
func OriginOf(kind journal.Kind) Origin {
	if kind == journal.Check {
		return Hits
	}
	return LookBacks
}

// AlertQuery selects alerts.
type AlertQuery struct {
	ID    string // one alert
	Of    Origin
	Open  bool // only those that are not resolved
	List  string
	After Position // of Created; only alerts created after it
	Limit int      // at most so many; 0: no limit
}

// AlertState is an alert with the record that created it, and the first record that resolved it.
type AlertState struct {
	ID       string
	Created  Entry
	Resolved *Entry // nil: it is open
}

// Index finds records. Its methods are safe for concurrent use, by several processes for an index that is a server. While the index cannot be reached,
// or is damaged, they return fault.Unavailable, never an empty result.
type Index interface {
	// Add stores entries of one writer, in order of sequence, and its mark, all or nothing. What is there already is left as it is: entries
	// may come again. A mark never moves back, except that Gap and Node are replaced. fault.Conflict: entries are missing between the mark that is stored and
	// the first entry, between two entries, or between the last entry and m, and m.Gap does not say why.
	Add(ctx context.Context, entries []Entry, m Mark) error
	// Marks returns the marks of all writers, in order of their ids.
	Marks(ctx context.Context) ([]Mark, error)
	// Find yields the records that a query selects, the oldest first, or the newest. It uses bounded memory.
	Find(ctx context.Context, q Query) iter.Seq2[Entry, error]
	// Alerts yields alerts in order of the position of the record that created them. An alert that was created twice has the first record that was added.
	Alerts(ctx context.Context, q AlertQuery) iter.Seq2[AlertState, error]
	// OpenAlerts counts the alerts that are not resolved.
	OpenAlerts(ctx context.Context, of Origin) (int, error)
	// Drop removes all records before a time, whatever else holds; marks stay. Alerts of look-backs that are open stay, with their records; those of hits
	// do not outlive the record of the check.
	Drop(ctx context.Context, before time.Time) error
	// Clear removes everything, so that the index can be filled again.
	Clear(ctx context.Context) error
	// Describe returns a name of the index for messages, without secrets: "embedded index ./data/index", "postgres db.example.org/interdict".
	Describe() string
	// Close may be called more than once. All else returns fault.Unavailable from then on.
	Close() error
}
