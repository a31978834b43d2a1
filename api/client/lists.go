package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"interdict/lists"
)

// List is a list: its settings, what is active, and how old that is.
type List struct {
	ID             string           `json:"id"`
	Name           string           `json:"name"`
	Authority      string           `json:"authority"`
	Category       lists.Category   `json:"category"`
	Confidence     lists.Confidence `json:"confidence"`
	Policy         lists.Policy     `json:"policy"`
	MaxAge         string           `json:"max_age"` // "24h0m0s"; "" for never stale
	OnStale        lists.OnStale    `json:"on_stale"`
	Approvals      int              `json:"approvals"`
	MaxShrink      float64          `json:"max_shrink"`
	MaxGrowth      float64          `json:"max_growth"`
	MaxQuarantined float64          `json:"max_quarantined"`
	Mandatory      bool             `json:"mandatory"`
	Keep           int              `json:"keep"`
	Source         *Source          `json:"source,omitempty"`
	SourceStatus   *SourceStatus    `json:"source_status,omitempty"` // of a list that has been fetched

	ActiveVersion int         `json:"active_version"` // 0: nothing is active
	LatestVersion int         `json:"latest_version"`
	Published     string      `json:"published"`
	Addresses     int         `json:"addresses"`
	Listings      int         `json:"listings"`
	Quarantined   int         `json:"quarantined"` // rows of the active version's upload that were not read
	Means         lists.Means `json:"means"`       // what a confirmed exact hit leads to
	FreshAt       *time.Time  `json:"fresh_at"`
	AgeSeconds    *int64      `json:"age_seconds"`
	Fresh         bool        `json:"fresh"`
	UpdatedAt     time.Time   `json:"updated_at"`
	UpdatedBy     string      `json:"updated_by"`
}

// Source is where a list is published. A password in the URL and the values of its query are hidden in answers; sent back as read, they
// keep their values.
type Source struct {
	URL       string `json:"url"`
	Format    string `json:"format"`
	Every     string `json:"every"` // "6h"; "" for never by itself
	SHA256    string `json:"sha256,omitempty"`
	SHA256URL string `json:"sha256_url,omitempty"`
	By        string `json:"by,omitempty"` // who chose it; ignored in settings
}

// SourceStatus is the state of a list's source, whichever replica or command fetched it last.
type SourceStatus struct {
	LastAttempt time.Time            `json:"last_attempt"`
	LastSuccess *time.Time           `json:"last_success"`
	NextAttempt *time.Time           `json:"next_attempt"` // nil: never by itself
	Running     bool                 `json:"running"`
	Outcome     lists.RefreshOutcome `json:"outcome,omitempty"`
	Detail      string               `json:"detail,omitempty"`
	Failures    int                  `json:"consecutive_failures"`
	LastError   string               `json:"last_error,omitempty"`
}

// ListSettings changes a list. A nil field keeps its value, or has the default in a new list.
type ListSettings struct {
	Name           *string           `json:"name,omitempty"`
	Authority      *string           `json:"authority,omitempty"`
	Category       *lists.Category   `json:"category,omitempty"`
	Confidence     *lists.Confidence `json:"confidence,omitempty"`
	Policy         *lists.Policy     `json:"policy,omitempty"`
	MaxAge         *string           `json:"max_age,omitempty"`
	OnStale        *lists.OnStale    `json:"on_stale,omitempty"`
	Approvals      *int              `json:"approvals,omitempty"`
	MaxShrink      *float64          `json:"max_shrink,omitempty"`
	MaxGrowth      *float64          `json:"max_growth,omitempty"`
	MaxQuarantined *float64          `json:"max_quarantined,omitempty"`
	Mandatory      *bool             `json:"mandatory,omitempty"`
	Keep           *int              `json:"keep,omitempty"`
	Source         *Source           `json:"source,omitempty"` // &Source{} removes the source
	Reason         string            `json:"reason,omitempty"` // why; for the record, and for the second person
}

// Lists returns all lists, ordered by id.
func (c *Client) Lists(ctx context.Context) ([]List, error) {
	var out struct {
		Lists []List `json:"lists"`
	}
	err := c.get(ctx, "/v1/lists", nil, &out)
	return out.Lists, err
}

// List returns one list.
func (c *Client) List(ctx context.Context, id string) (*List, error) {
	return one(func(out *List) error { return c.get(ctx, pathOf("v1", "lists", id), nil, out) })
}

// SetList creates a list or changes its settings. A change that weakens screening becomes a proposal: the error is a *Proposed.
func (c *Client) SetList(ctx context.Context, id string, settings ListSettings) (*List, error) {
	return one(func(out *List) error { return c.change(ctx, http.MethodPut, pathOf("v1", "lists", id), settings, out) })
}

// DeleteList removes a list that never was active, with its versions.
func (c *Client) DeleteList(ctx context.Context, id string) error {
	return c.change(ctx, http.MethodDelete, pathOf("v1", "lists", id), nil, nil)
}

// Generation is the set of versions that were active together.
type Generation struct {
	Generation int          `json:"generation"`
	At         time.Time    `json:"at"`
	By         string       `json:"by"`
	Action     string       `json:"action"`
	List       string       `json:"list"`
	Reason     string       `json:"reason,omitempty"`
	Lists      []ActiveList `json:"lists"`
}

// ActiveList is one list of a generation.
type ActiveList struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Version   int    `json:"version"`
	Published string `json:"published"`
	File      string `json:"file"`
	SHA256    string `json:"sha256"`
	Addresses int    `json:"addresses"`
	Listings  int    `json:"listings"`
}

// Generations returns generations, the newest first, and how many there are.
func (c *Client) Generations(ctx context.Context, offset, limit int) (all []Generation, total int, err error) {
	var out struct {
		Generations []Generation `json:"generations"`
		Total       int          `json:"total"`
	}
	err = c.get(ctx, "/v1/generations", pageOf(offset, limit), &out)
	return out.Generations, out.Total, err
}

// Generation returns one generation.
func (c *Client) Generation(ctx context.Context, n int) (*Generation, error) {
	return one(func(out *Generation) error { return c.get(ctx, pathOf("v1", "generations", strconv.Itoa(n)), nil, out) })
}

func pageOf(offset, limit int) url.Values {
	return url.Values{"offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(limit)}}
}
