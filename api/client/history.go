package client

import (
	"context"
	"net/url"
	"time"
)

// AddressHistory is what lists have said about an address until now.
type AddressHistory struct {
	Address  string             `json:"address"`  // as asked
	Readings []ReadAs           `json:"readings"` // how the address was read, and what would be found for it
	Lists    []AddressOnOneList `json:"lists"`    // the lists that have or had the address, ordered by id
}

// ReadAs is an address read for one network, with the related addresses under which it is found on a list.
type ReadAs struct {
	Reading
	Related []RelatedAddress `json:"related"`
}

// RelatedAddress is another address that is found with the asked one if it is listed.
type RelatedAddress struct {
	Network    string `json:"network"`
	Kind       string `json:"kind"`
	Canonical  string `json:"canonical"`
	Class      string `json:"class"` // exact, same_key, same_script, same_stake, contains
	Derivation string `json:"derivation"`
}

// AddressOnOneList is the history of an address on one list.
type AddressOnOneList struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Authority string `json:"authority"`
	Listed    bool   `json:"listed"` // now
	// KnownFrom is the first active version that can still be read. What the list said in versions before it is not known, except since when
	// a listing of it has been there. 0: none can be read, and Archive alone has the address.
	KnownFrom int            `json:"known_from"`
	Events    []ListingEvent `json:"events"` // the oldest first
	// Archive is what the publisher's own delta files say of the address; nil if the list has none, or they do not name it.
	Archive *AddressInArchive `json:"archive,omitempty"`
}

// AddressInArchive says when a publisher listed and removed an address, by its delta files.
type AddressInArchive struct {
	From    string            `json:"from"`   // date of the first file that was read
	To      string            `json:"to"`     // and of the last
	Unread  int               `json:"unread"` // files that are known and have not been read; they may hold more
	Periods []PeriodInArchive `json:"periods"`
}

// PeriodInArchive is a time for which an address was listed. Dates are YYYY-MM-DD. One is "" if no file says it: the address was listed before the
// archive began, or is listed still. In are the numbers of the publications that say so.
type PeriodInArchive struct {
	Address   string `json:"address"`
	Asset     string `json:"asset"`
	EntityID  string `json:"entity_id"`
	Class     string `json:"class"` // relation of the asked address to this one
	ListedOn  string `json:"listed_on"`
	ListedIn  string `json:"listed_in"`
	RemovedOn string `json:"removed_on"`
	RemovedIn string `json:"removed_in"`
	// Contradicted is true if files disagree. The date in question is "" then.
	Contradicted bool `json:"contradicted"`
}

// ListingEvent is a listing that came, changed or went.
type ListingEvent struct {
	Change     string     `json:"change"` // added, changed, removed
	Version    int        `json:"version"`
	Generation int        `json:"generation"` // that made it active; 0 if that generation is not kept
	At         *time.Time `json:"at"`         // of that generation
	Action     string     `json:"action"`     // of that generation: activate, rollback, retire …
	By         string     `json:"by"`         // who took that action
	UploadedBy string     `json:"uploaded_by"`
	UploadedAt *time.Time `json:"uploaded_at"`
	File       string     `json:"file"`
	Class      string     `json:"class"` // relation of the asked address to the listing: exact, same_key … raw
	Listing    Listing    `json:"listing"`
	Before     *Listing   `json:"before,omitempty"` // of a changed one
}

// History returns what lists have said about an address: when it was added, changed and removed. network may be "".
func (c *Client) History(ctx context.Context, address, network string) (*AddressHistory, error) {
	query := url.Values{}
	if network != "" {
		query.Set("network", network)
	}
	return one(func(out *AddressHistory) error {
		return c.get(ctx, pathOf("v1", "addresses", address, "history"), query, out)
	})
}
