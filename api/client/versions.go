package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Upload is a file to stage.
type Upload struct {
	Name string
	Body io.Reader
}

// StageOptions say how files are read. Format "" detects the format, Mode "" replaces the whole list.
type StageOptions struct {
	Format    string
	Mode      lists.Mode
	Note      string
	Published string            // YYYY-MM-DD, of a file that does not name its date
	Mapping   map[string]string // columns of a table, or paths in a JSON file
	DryRun    bool              // read, report and compare; stage nothing
	// Create has the settings of a list that does not exist yet; nil: a missing list is an error.
	Create *ListSettings
	// Progress, if not nil, is called with the number of rows while the file is read.
	Progress func(rows int)
}

// stagePoll is how often the state of a version that is being read is asked for.
const stagePoll = 500 * time.Millisecond

// Stage uploads one file, or two that belong together, and returns the version once the service has read it. If these very bytes are
// active already, that version is returned with the warning "same_bytes".
func (c *Client) Stage(ctx context.Context, list string, uploads []Upload, o StageOptions) (*lists.Version, error) {
	if o.Create != nil && !o.DryRun {
		if _, err := c.List(ctx, list); fault.Is(err, fault.NotFound) {
			if _, err := c.SetList(ctx, list, *o.Create); err != nil {
				return nil, err
			}
		}
	}
	v, err := c.upload(ctx, list, uploads, o)
	for err == nil && v.State == lists.Loading && !o.DryRun {
		if v.Progress != nil && o.Progress != nil {
			o.Progress(v.Progress.Rows)
		}
		select {
		case <-ctx.Done():
			return nil, fault.E(fault.Unavailable, "the server still reads version %d of %s: %w", v.Number, list, ctx.Err())
		case <-time.After(stagePoll):
		}
		v, err = c.Version(ctx, list, v.Number)
	}
	if err == nil && v.State == lists.Failed {
		return nil, errors.New(v.Error)
	}
	return v, err
}

// Begin uploads files as Stage does to a list that exists, and does not wait until the service has read a large upload: the state of the version is
// then lists.Loading.
func (c *Client) Begin(ctx context.Context, list string, uploads []Upload, o StageOptions) (*lists.Version, error) {
	return c.upload(ctx, list, uploads, o)
}

func (c *Client) upload(ctx context.Context, list string, uploads []Upload, o StageOptions) (*lists.Version, error) {
	query := url.Values{}
	for name, value := range map[string]string{"format": o.Format, "mode": string(o.Mode), "note": o.Note, "published": o.Published,
		"mapping": mappingText(o.Mapping)} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if o.DryRun {
		query.Set("dry_run", "true")
	}
	return one(func(out *lists.Version) error {
		return c.sendFiles(ctx, pathOf("v1", "lists", list, "versions"), query, uploads, out)
	})
}

// mappingText writes a mapping as the API reads it: "address=Wallet;entity=Owner".
func mappingText(m map[string]string) string {
	var pairs []string
	for field, column := range m {
		pairs = append(pairs, field+"="+column)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ";")
}

// Versions returns all versions of a list, the oldest first.
func (c *Client) Versions(ctx context.Context, list string) ([]lists.Version, error) {
	var out struct {
		Versions []lists.Version `json:"versions"`
	}
	err := c.get(ctx, pathOf("v1", "lists", list, "versions"), nil, &out)
	return out.Versions, err
}

// Version returns one version with its report.
func (c *Client) Version(ctx context.Context, list string, n int) (*lists.Version, error) {
	return one(func(out *lists.Version) error { return c.get(ctx, versionPath(list, n), nil, out) })
}

func versionPath(list string, n int, rest ...string) string {
	return pathOf(append([]string{"v1", "lists", list, "versions", strconv.Itoa(n)}, rest...)...)
}

// DiffRow is one listing that differs between two versions.
type DiffRow struct {
	Change  string   `json:"change"` // added, removed, changed
	Listing Listing  `json:"listing"`
	Before  *Listing `json:"before,omitempty"` // of a changed one
}

// Listing is one row of a list.
type Listing struct {
	Address    string           `json:"address"`
	Network    string           `json:"network"`
	Asset      string           `json:"asset"`
	Entity     lists.Entity     `json:"entity"`
	Category   lists.Category   `json:"category"`
	Confidence lists.Confidence `json:"confidence"`
	Programs   []string         `json:"programs"`
	Incident   string           `json:"incident"`
	ListedOn   string           `json:"listed_on"`
	// ListedOnFrom says whence ListedOn is, if not from the source of the listing: "delta archive, publication 1234".
	ListedOnFrom string `json:"listed_on_from,omitempty"`
	ValidUntil   string `json:"valid_until"`
	URL          string `json:"url"`
	Note         string `json:"note"`
	Locator      string `json:"locator"`
	AddedIn      int    `json:"added_in"`
}

// rowsPerPage is how many rows of a long answer one request asks for.
const rowsPerPage = 10_000

// Diff calls yield for each row that differs between version n and another one (against; 0 for nothing), and returns the counts.
func (c *Client) Diff(ctx context.Context, list string, against, n int, yield func(DiffRow) error) (counts lists.DiffCounts, err error) {
	query := url.Values{"against": {strconv.Itoa(against)}}
	err = rows(ctx, c, versionPath(list, n, "diff"), query, func(p struct {
		Counts lists.DiffCounts `json:"counts"`
		page[DiffRow]
	}) *page[DiffRow] {
		counts = p.Counts
		return &p.page
	}, yield)
	return counts, err
}

// Quarantine calls yield for each row of a version's upload that was not read.
func (c *Client) Quarantine(ctx context.Context, list string, n int, yield func(lists.Quarantined) error) error {
	return rows(ctx, c, versionPath(list, n, "quarantine"), url.Values{}, func(p page[lists.Quarantined]) *page[lists.Quarantined] { return &p }, yield)
}

// page is a part of a long answer.
type page[T any] struct {
	Total  *int   `json:"total"`
	Rows   []T    `json:"rows"`
	Cursor string `json:"cursor"`
}

// rows reads all pages of an answer of type P.
func rows[P, T any](ctx context.Context, c *Client, path string, query url.Values, pageIn func(P) *page[T], yield func(T) error) error {
	query.Set("limit", strconv.Itoa(rowsPerPage))
	for n := 0; ; {
		var answer P
		if err := c.get(ctx, path, query, &answer); err != nil {
			return err
		}
		p := pageIn(answer)
		for _, r := range p.Rows {
			if err := yield(r); err != nil {
				return err
			}
		}
		n += len(p.Rows)
		switch {
		case p.Cursor != "":
			query.Set("cursor", p.Cursor)
		case p.Total != nil && n < *p.Total:
			return fault.E(fault.Unavailable, "the server gave %d of %d rows", n, *p.Total)
		default:
			return nil
		}
	}
}

// reasoned is the body of calls that need a reason and nothing else.
type reasoned struct {
	Reason string `json:"reason,omitempty"`
}

// Approve agrees to the content of a staged version.
func (c *Client) Approve(ctx context.Context, list string, n int, reason string) (*lists.Version, error) {
	return one(func(out *lists.Version) error {
		return c.change(ctx, http.MethodPost, versionPath(list, n, "approve"), reasoned{reason}, out)
	})
}

// Reject ends a staged version.
func (c *Client) Reject(ctx context.Context, list string, n int, reason string) (*lists.Version, error) {
	return one(func(out *lists.Version) error {
		return c.change(ctx, http.MethodPost, versionPath(list, n, "reject"), reasoned{reason}, out)
	})
}

// Activation is the result of an activation, a rollback or a retirement: the new generation, and who serves it.
type Activation struct {
	Generation int          `json:"generation"`
	At         time.Time    `json:"at"`
	List       string       `json:"list"`
	Version    int          `json:"version"` // 0 after a retirement
	Replicas   ReplicaCount `json:"replicas"`
	TookMS     int64        `json:"took_ms"` // until all live replicas served it, or the wait ended
}

// ReplicaCount counts replicas.
type ReplicaCount struct {
	Live    int `json:"live"`
	Serving int `json:"serving"` // that generation or a newer one
}

// Activate makes a version the active one. override is the reason to go past a guard, "" for none.
func (c *Client) Activate(ctx context.Context, list string, n int, override string) (*Activation, error) {
	return one(func(out *Activation) error {
		return c.change(ctx, http.MethodPost, versionPath(list, n, "activate"), struct {
			Override string `json:"override,omitempty"`
		}{override}, out)
	})
}

// Rollback makes the version that was active before the current one active again.
func (c *Client) Rollback(ctx context.Context, list, reason string) (*Activation, error) {
	return one(func(out *Activation) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "lists", list, "rollback"), reasoned{reason}, out)
	})
}

// Retire takes a list out of the answers.
func (c *Client) Retire(ctx context.Context, list, reason string) (*Activation, error) {
	return one(func(out *Activation) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "lists", list, "retire"), reasoned{reason}, out)
	})
}

// Export writes a version (0: the active one) as "ndjson", "csv", or "published", the bytes that were uploaded. After an error, what was
// written is not a whole list.
func (c *Client) Export(ctx context.Context, list string, n int, as string, w io.Writer) error {
	path := pathOf("v1", "lists", list, "export")
	if n != 0 {
		path = versionPath(list, n, "export")
	}
	res, err := c.send(ctx, request{method: http.MethodGet, path: path, query: url.Values{"as": {as}}, repeatable: true, accept: "*/*"})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fault.E(fault.Unavailable, "the export broke off, and what was written is not the whole list: %w", err)
	}
	return nil
}

// DiffColumns heads a table of differing rows.
var DiffColumns = []string{"change", "address", "network", "asset", "entity", "programs", "listed_on", "locator"}

// Cells returns the row under DiffColumns.
func (r *DiffRow) Cells() []string {
	l := &r.Listing
	return []string{r.Change, l.Address, l.Network, l.Asset, l.Entity.Name, strings.Join(l.Programs, ";"), l.ListedOn, l.Locator}
}
