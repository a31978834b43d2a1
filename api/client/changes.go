package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// SinceStart is the cursor from which everything that is active is an addition.
const SinceStart = "start"

// ChangesQuery selects changes of lists.
type ChangesQuery struct {
	// Since is a cursor; SinceStart for everything that is active; "" for nothing up to now.
	Since string
	List  string // "" for all lists
	Limit int    // changes of a page, 1 to 10000; 0 for 1000
}

func (q *ChangesQuery) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"since": q.Since, "list": q.List} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// ListChange is one listing that a generation adds, removes or changes.
type ListChange struct {
	Generation int       `json:"generation"`
	At         time.Time `json:"at"`     // of the generation
	Action     string    `json:"action"` // that made the generation: activate, rollback, retire, settings …; start for what was active already
	List       string    `json:"list"`
	Version    int       `json:"version"` // that is active; 0: the list takes no part in answers any more
	Kind       string    `json:"kind"`    // added, removed, changed
	// ID names the listing in the feed: address and content of one list. The same listing keeps it from version to version.
	ID      string  `json:"id"`
	Listing Listing `json:"listing"`
	// BeforeID and Before are the listing that a changed one replaces.
	BeforeID string       `json:"before_id,omitempty"`
	Before   *Listing     `json:"before,omitempty"`
	Source   ChangeSource `json:"source"`
}

// ChangeSource is the version that a listing is in: of a removed one, the version before.
type ChangeSource struct {
	Version   int    `json:"version"`
	Published string `json:"published"`
	File      string `json:"file"`
	SHA256    string `json:"sha256"`
}

// ListVersion is the version of a list that is active.
type ListVersion struct {
	List    string `json:"list"`
	Version int    `json:"version"`
}

// FeedState is how far the changes were read.
type FeedState struct {
	Cursor     string    `json:"cursor"`     // of what follows
	Generation int       `json:"generation"` // that was read last
	At         time.Time `json:"at"`         // of that generation
	// Complete is true if everything of that generation was read: a copy that has applied it equals what is active in the generation.
	Complete bool          `json:"complete"`
	Lists    []ListVersion `json:"lists"` // what is active in that generation
}

// ChangesPage is a part of the changes, oldest first.
type ChangesPage struct {
	Changes []ListChange `json:"changes"`
	More    bool         `json:"more"` // something follows already
	FeedState
}

// Changes returns a page of the changes of lists. fault.Conflict: the store cannot go on from the cursor; begin again with SinceStart.
// fault.Lost: the store has lost the generation of the cursor.
func (c *Client) Changes(ctx context.Context, q ChangesQuery) (*ChangesPage, error) {
	return one(func(out *ChangesPage) error { return c.get(ctx, "/v1/lists/changes", q.values(), out) })
}
