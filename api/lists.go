package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

// listView is a list as callers see it: its settings, what is active, how old that is.
type listView struct {
	ID             string           `json:"id"`
	Name           string           `json:"name"`
	Authority      string           `json:"authority"`
	Category       lists.Category   `json:"category"`
	Confidence     lists.Confidence `json:"confidence"`
	Policy         lists.Policy     `json:"policy"`
	MaxAge         string           `json:"max_age"` // "24h0m0s"; "" for never too old
	OnStale        lists.OnStale    `json:"on_stale"`
	Approvals      int              `json:"approvals"`
	MaxShrink      float64          `json:"max_shrink"`
	MaxGrowth      float64          `json:"max_growth"`
	MaxQuarantined float64          `json:"max_quarantined"`
	Mandatory      bool             `json:"mandatory"`
	Keep           int              `json:"keep"`
	Source         *sourceView      `json:"source,omitempty"`
	SourceStatus   *sourceStatus    `json:"source_status,omitempty"` // of a list that has been fetched

	ActiveVersion int    `json:"active_version"`
	LatestVersion int    `json:"latest_version"`
	Published     string `json:"published"`
	Addresses     int    `json:"addresses"`
	Listings      int    `json:"listings"`
	Quarantined   int    `json:"quarantined"` // rows of the active version's upload that were not read
	// Means says what a confirmed exact hit leads to.
	Means      lists.Means `json:"means"`
	FreshAt    *time.Time  `json:"fresh_at"`
	AgeSeconds *int64      `json:"age_seconds"`
	Fresh      bool        `json:"fresh"`
	UpdatedAt  time.Time   `json:"updated_at"`
	UpdatedBy  string      `json:"updated_by"`
}

type sourceView struct {
	URL       string `json:"url"` // a password and the values of its query are hidden
	Format    string `json:"format"`
	Every     string `json:"every"`
	SHA256    string `json:"sha256,omitempty"`
	SHA256URL string `json:"sha256_url,omitempty"`
}

func viewSource(s *lists.Source) *sourceView {
	x := s.Redacted()
	return &sourceView{x.URL, x.Format, durationText(x.Every), x.SHA256, x.SHA256URL}
}

// sourceStatus is what came of fetching a list, whichever replica or command did it.
type sourceStatus struct {
	LastAttempt time.Time            `json:"last_attempt"`
	LastSuccess *time.Time           `json:"last_success"`
	NextAttempt *time.Time           `json:"next_attempt"` // null: never by itself
	Running     bool                 `json:"running"`
	Outcome     lists.RefreshOutcome `json:"outcome,omitempty"`
	Detail      string               `json:"detail,omitempty"`
	Failures    int                  `json:"consecutive_failures"`
	LastError   string               `json:"last_error,omitempty"`
}

func (s *Server) sourceStatus(ctx context.Context, l *lists.List) (*sourceStatus, error) {
	x, next, err := s.loader.RefreshStatus(ctx, l)
	if err != nil || x == nil {
		return nil, err
	}
	v := &sourceStatus{LastAttempt: x.LastAttempt, NextAttempt: next, Running: x.Running, Outcome: x.Outcome, Detail: x.Detail,
		Failures: x.Failures, LastError: x.LastError}
	if !x.LastSuccess.IsZero() {
		v.LastSuccess = &x.LastSuccess
	}
	return v, nil
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func (s *Server) listView(ctx context.Context, stored *lists.List, freshAt time.Time) (listView, error) {
	filled := stored.WithDefaults()
	l := &filled
	v := listView{ID: l.ID, Name: l.Name, Authority: l.Authority, Category: l.Category, Confidence: l.Confidence, Policy: l.Policy,
		MaxAge: durationText(l.MaxAge), OnStale: l.OnStale, Approvals: l.Approvals, MaxShrink: l.MaxShrink, MaxGrowth: l.MaxGrowth,
		MaxQuarantined: l.MaxQuarantined, Mandatory: l.Mandatory, Keep: l.KeepVersions(), ActiveVersion: l.Active, LatestVersion: l.Latest, UpdatedAt: l.UpdatedAt, UpdatedBy: l.UpdatedBy, Means: l.Means()}
	if v.Policy == nil {
		v.Policy = lists.Policy{}
	}
	if l.Source != nil {
		v.Source = viewSource(l.Source)
		var err error
		if v.SourceStatus, err = s.sourceStatus(ctx, l); err != nil {
			return v, err
		}
	}
	if l.Active == 0 {
		return v, nil
	}
	active, err := s.loader.Version(ctx, l.ID, l.Active)
	if err != nil {
		return v, err
	}
	v.Published, v.Addresses, v.Listings, v.Quarantined = active.Published, active.Addresses, active.Listings, active.Rows.Quarantined
	age := int64(s.now().Sub(freshAt) / time.Second)
	v.FreshAt, v.AgeSeconds = &freshAt, &age
	v.Fresh = l.MaxAge == 0 || s.now().Sub(freshAt) < l.MaxAge
	return v, nil
}

func (s *Server) getLists(c *gin.Context, _ *auth.Principal) error {
	all, fresh, err := s.loader.Lists(c.Request.Context())
	if err != nil {
		return err
	}
	views := make([]listView, len(all))
	for i := range all {
		if views[i], err = s.listView(c.Request.Context(), &all[i], fresh[all[i].ID]); err != nil {
			return err
		}
	}
	return render(c, http.StatusOK, gin.H{"lists": views})
}

func (s *Server) getList(c *gin.Context, _ *auth.Principal) error {
	return s.showList(c, http.StatusOK, param(c, "id"))
}

func (s *Server) showList(c *gin.Context, status int, id string) error {
	l, freshAt, err := s.loader.List(c.Request.Context(), id)
	if err != nil {
		return err
	}
	v, err := s.listView(c.Request.Context(), l, freshAt)
	if err != nil {
		return err
	}
	return render(c, status, v)
}

// listSettings is the body of PUT /v1/lists/{id}; what is absent keeps its value, or the contract's default.
type listSettings struct {
	Name           *string           `json:"name"`
	Authority      *string           `json:"authority"`
	Category       *lists.Category   `json:"category"`
	Confidence     *lists.Confidence `json:"confidence"`
	Policy         *lists.Policy     `json:"policy"`
	MaxAge         *string           `json:"max_age"`
	OnStale        *lists.OnStale    `json:"on_stale"`
	Approvals      *int              `json:"approvals"`
	MaxShrink      *float64          `json:"max_shrink"`
	MaxGrowth      *float64          `json:"max_growth"`
	MaxQuarantined *float64          `json:"max_quarantined"`
	Mandatory      *bool             `json:"mandatory"`
	Keep           *int              `json:"keep"`
	Source         *sourceView       `json:"source"`
}

// source is what a list is to follow instead of old; {} for nothing any more.
func (v sourceView) source(old *lists.Source) (*lists.Source, error) {
	if v == (sourceView{}) {
		return nil, nil
	}
	every, err := duration("source.every", v.Every)
	if err != nil {
		return nil, err
	}
	x := lists.Source{URL: v.URL, Format: v.Format, Every: every, SHA256: v.SHA256, SHA256URL: v.SHA256URL}.WithSecretsOf(old)
	return &x, nil
}

const maxSettingsBody = 256 << 10

func set[T any](into *T, from *T) {
	if from != nil {
		*into = *from
	}
}

func duration(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fault.E(fault.Invalid, "%s: %s is no duration (\"36h\", \"15m\")", field, quoted(text))
	}
	return d, nil
}

func (s *Server) putList(c *gin.Context, who *auth.Principal) error {
	var in listSettings
	if err := bind(c, &in); err != nil {
		return err
	}
	id := param(c, "id")
	if err := loader.NewList(id, s.now().UTC()).Validate(); err != nil { // the id is wrong
		return err
	}
	status := http.StatusOK
	l, _, err := s.loader.List(c.Request.Context(), id)
	if fault.Is(err, fault.NotFound) {
		l, err, status = loader.NewList(id, s.now().UTC()), nil, http.StatusCreated
	}
	if err != nil {
		return err
	}
	if in.Category != nil && *in.Category == "" {
		return fault.E(fault.Invalid, "category: must not be empty; leave the field out for the default")
	}
	set(&l.Name, in.Name)
	set(&l.Authority, in.Authority)
	set(&l.Category, in.Category)
	set(&l.Confidence, in.Confidence)
	set(&l.Policy, in.Policy)
	set(&l.OnStale, in.OnStale)
	set(&l.Approvals, in.Approvals)
	set(&l.MaxShrink, in.MaxShrink)
	set(&l.MaxGrowth, in.MaxGrowth)
	set(&l.MaxQuarantined, in.MaxQuarantined)
	set(&l.Mandatory, in.Mandatory)
	set(&l.Keep, in.Keep)
	if in.MaxAge != nil {
		if l.MaxAge, err = duration("max_age", *in.MaxAge); err != nil {
			return err
		}
	}
	if in.Source != nil {
		if l.Source, err = in.Source.source(l.Source); err != nil {
			return err
		}
	}
	if status == http.StatusCreated && in.MaxAge == nil {
		l.MaxAge = loader.DefaultMaxAge(l.Source)
	}
	if _, err := s.loader.PutList(c.Request.Context(), *l, who.Name); err != nil {
		return err
	}
	s.catchUp(c.Request.Context())
	return s.showList(c, status, id)
}

// bind reads a JSON body strictly: unknown fields, duplicate names and invalid UTF-8 are errors. An empty body leaves the value as it is.
func bind(c *gin.Context, into any) error {
	var body bytes.Buffer
	if err := readBody(c.Request, &body, maxSettingsBody); err != nil {
		return err
	}
	if body.Len() == 0 {
		return nil
	}
	if err := json.Unmarshal(body.Bytes(), into, json.RejectUnknownMembers(true)); err != nil {
		return fault.E(fault.Invalid, "%w", err)
	}
	return nil
}

func render(c *gin.Context, status int, v any) error {
	c.Header("Cache-Control", "no-store")
	c.JSON(status, v)
	return nil
}

// uploadTime is how long one upload may take to arrive, and to be worked through.
const uploadTime = 30 * time.Minute

// background is from which size on an upload is staged after the answer.
const background = 8 << 20

func (s *Server) upload(c *gin.Context, who *auth.Principal) error {
	control := http.NewResponseController(c.Writer)
	deadline := time.Now().Add(uploadTime) // for the connection: an injected clock means nothing to it
	if err := control.SetReadDeadline(deadline); err == nil {
		_ = control.SetWriteDeadline(deadline) // a writer that cannot set one has none
	}
	q, err := query(c, "format", "mode", "note", "filename", "published", "mapping", "wait")
	if err != nil {
		return err
	}
	mapping, err := mappingOf(q["mapping"])
	if err != nil {
		return err
	}
	if q["wait"] != "" && q["wait"] != "true" && q["wait"] != "false" {
		return fault.E(fault.Invalid, "wait must be true or false")
	}
	if c.Request.ContentLength > loader.MaxUploadBytes {
		return tooLarge(loader.MaxUploadBytes)
	}
	ctx := c.Request.Context()
	files, err := s.loader.Receive(ctx, parts(c.Request, loader.MaxUploadBytes))
	if err != nil {
		return err
	}
	files.Name(q["filename"])
	later := q["wait"] == "false" || q["wait"] == "" && files.SizeBytes() > background
	staging, err := s.loader.Begin(ctx, param(c, "id"), files, loader.StageOptions{
		Format: q["format"], Mode: lists.Mode(q["mode"]), Note: q["note"], By: who.Name, Published: q["published"], Mapping: mapping,
		Approver: who.May(auth.Approver)})
	if err != nil {
		return err
	}
	v := staging.Version()
	status := http.StatusCreated
	switch {
	case staging.Ready(): // the same bytes are active: nothing was made
		status = http.StatusOK
	case later && s.inBackground(func(ctx context.Context) {
		if _, err := staging.Run(ctx); err != nil {
			s.log.Warn("an upload could not be staged", "list", v.List, "version", v.Number, "error", err)
		}
	}):
		status = http.StatusAccepted
	default:
		done, err := staging.Run(ctx)
		if err != nil {
			return err
		}
		v = *done
	}
	c.Header("Location", "/v1/lists/"+v.List+"/versions/"+strconv.Itoa(v.Number))
	return render(c, status, v)
}

// mappingOf reads "address=Wallet;entity=Owner;category:phishing=scam". The format's reader checks the fields.
func mappingOf(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	out := map[string]string{}
	for pair := range strings.SplitSeq(text, ";") {
		field, column, ok := strings.Cut(pair, "=")
		if _, twice := out[field]; !ok || field == "" || column == "" || twice {
			return nil, fault.E(fault.Invalid, "mapping must be field=column;field=column, each field once")
		}
		out[field] = column
	}
	return out, nil
}

// query reads the parameters that a route knows, each at most once.
func query(c *gin.Context, known ...string) (map[string]string, error) {
	out := map[string]string{}
	all, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, fault.E(fault.Invalid, "the query is malformed") // the error would show a part of it
	}
	for name, values := range all {
		ok := false
		for _, k := range known {
			ok = ok || k == name
		}
		if !ok {
			return nil, fault.E(fault.Invalid, "query parameter %s is unknown", quoted(name))
		}
		if len(values) > 1 {
			return nil, fault.E(fault.Invalid, "query parameter %s stands twice", name)
		}
		out[name] = values[0]
	}
	return out, nil
}

// parts yields the uploaded files as they come in: the raw body, or the multipart fields named "file"; a multipart body has limit
// bytes at the most.
func parts(r *http.Request, limit int64) iter.Seq2[loader.Upload, error] {
	return func(yield func(loader.Upload, error) bool) {
		media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || !strings.HasPrefix(media, "multipart/") {
			yield(loader.Upload{Name: "upload", Body: whole{r}}, nil)
			return
		}
		if media != "multipart/form-data" || params["boundary"] == "" {
			yield(loader.Upload{}, fault.E(fault.UnsupportedMedia, "send the file as the raw body, or as field file of multipart/form-data"))
			return
		}
		form := multipart.NewReader(http.MaxBytesReader(nil, r.Body, limit), params["boundary"])
		for n := 0; ; n++ {
			part, err := form.NextPart()
			switch {
			case errors.Is(err, io.EOF):
				if n == 0 {
					yield(loader.Upload{}, fault.E(fault.Invalid, "the multipart body has no field named file"))
				}
				return
			case err != nil:
				err = formError(err, limit)
			case part.FileName() == "":
				err = fault.E(fault.Invalid, "multipart field %s is no file; format, mode, note and filename go into the query", quoted(part.FormName()))
			case part.FormName() != "file":
				err = fault.E(fault.Invalid, "multipart field %s is unknown; the file goes into the field file", quoted(part.FormName()))
			}
			if err != nil {
				yield(loader.Upload{}, err)
				return
			}
			if !yield(loader.Upload{Name: part.FileName(), Body: formPart{part, limit}}, nil) {
				return
			}
		}
	}
}

// formPart is one file of a form.
type formPart struct {
	r     io.Reader
	limit int64
}

func (p formPart) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = formError(err, p.limit)
	}
	return n, err
}

func formError(err error, limit int64) error {
	var full *http.MaxBytesError
	if errors.As(err, &full) {
		return tooLarge(limit)
	}
	return fault.E(fault.Invalid, "the multipart body is malformed or broke off: %w", err)
}

// whole reads a raw body and notices when fewer bytes come than were announced.
type whole struct{ r *http.Request }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.r.Body.Read(p)
	if err != nil && err != io.EOF {
		return n, fault.E(fault.Invalid, "%w", err)
	}
	return n, err
}

func number(c *gin.Context) (int, error) {
	n, err := strconv.Atoi(param(c, "n"))
	if err != nil || n < 1 {
		return 0, fault.E(fault.NotFound, "%s is no number of one", quoted(param(c, "n")))
	}
	return n, nil
}

func (s *Server) getVersions(c *gin.Context, _ *auth.Principal) error {
	all, err := s.loader.Versions(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, gin.H{"versions": all})
}

func (s *Server) getVersion(c *gin.Context, _ *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	v, err := s.loader.Version(c.Request.Context(), param(c, "id"), n)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, v)
}

const (
	pageSize    = 1000
	maxPageSize = 10000
)

// page reads offset and limit.
func page(q map[string]string) (offset, limit int, err error) {
	limit = pageSize
	for name, into := range map[string]*int{"offset": &offset, "limit": &limit} {
		if q[name] == "" {
			continue
		}
		n, err := strconv.Atoi(q[name])
		if err != nil || n < 0 {
			return 0, 0, fault.E(fault.Invalid, "%s must be a number of rows", name)
		}
		*into = n
	}
	if limit < 1 || limit > maxPageSize {
		return 0, 0, fault.E(fault.Invalid, "limit must be 1 to %d", maxPageSize)
	}
	return offset, limit, nil
}

func (s *Server) diff(c *gin.Context, _ *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	q, err := query(c, "against", "offset", "limit")
	if err != nil {
		return err
	}
	offset, limit, err := page(q)
	if err != nil {
		return err
	}
	id := param(c, "id")
	v, err := s.loader.Version(c.Request.Context(), id, n)
	if err != nil {
		return err
	}
	against := v.Diff.Against
	if q["against"] != "" {
		if against, err = strconv.Atoi(q["against"]); err != nil || against < 0 {
			return fault.E(fault.Invalid, "against must be the number of a version, or 0 for nothing")
		}
	}
	rows := []diffRow{}
	at := 0
	counts, err := s.loader.Diff(c.Request.Context(), id, against, n, func(r loader.DiffRow) error {
		if at >= offset && len(rows) < limit {
			rows = append(rows, viewDiff(&r))
		}
		at++
		return nil
	})
	if err != nil {
		return err
	}
	if wantsCSV(c) {
		table := [][]string{{"change", "address", "network", "asset", "entity", "programs", "listed_on", "locator"}}
		for _, r := range rows {
			l := &r.Listing
			table = append(table, []string{r.Change, l.Address, l.Network, l.Asset, l.Entity.Name, strings.Join(l.Programs, ";"), l.ListedOn, l.Locator})
		}
		return renderCSV(c, table)
	}
	return render(c, http.StatusOK, gin.H{"list": id, "version": n, "against": against, "counts": counts, "total": at, "offset": offset, "rows": rows})
}

// diffRow is a listing that differs between two versions, as callers see it.
type diffRow struct {
	Change  string       `json:"change"` // added, removed, changed
	Listing listingView  `json:"listing"`
	Before  *listingView `json:"before,omitempty"` // of a changed one
}

type listingView struct {
	Address    string           `json:"address"`
	Network    string           `json:"network"`
	Asset      string           `json:"asset"`
	Entity     lists.Entity     `json:"entity"`
	Category   lists.Category   `json:"category"`
	Confidence lists.Confidence `json:"confidence"`
	Programs   []string         `json:"programs"`
	Incident   string           `json:"incident"`
	ListedOn   string           `json:"listed_on"`
	ValidUntil string           `json:"valid_until"`
	URL        string           `json:"url"`
	Note       string           `json:"note"`
	Locator    string           `json:"locator"`
	AddedIn    int              `json:"added_in"`
}

func viewDiff(r *loader.DiffRow) diffRow {
	v := diffRow{Change: r.Change, Listing: viewListing(&r.Listing)}
	if r.Before != nil {
		before := viewListing(r.Before)
		v.Before = &before
	}
	return v
}

func viewListing(l *lists.Listing) listingView {
	v := listingView{Address: l.Address, Network: l.Network, Asset: l.Asset, Entity: l.Entity, Category: l.Category, Confidence: l.Confidence,
		Programs: l.Programs, Incident: l.Incident, ListedOn: l.ListedOn, ValidUntil: l.ValidUntil, URL: l.URL, Note: l.Note,
		Locator: l.Locator, AddedIn: l.AddedIn}
	if v.Programs == nil {
		v.Programs = []string{}
	}
	return v
}

func (s *Server) quarantine(c *gin.Context, _ *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	q, err := query(c, "offset", "limit")
	if err != nil {
		return err
	}
	offset, limit, err := page(q)
	if err != nil {
		return err
	}
	rows := []loader.Quarantined{}
	at := 0
	if err := s.loader.Quarantine(c.Request.Context(), param(c, "id"), n, func(r loader.Quarantined) error {
		if at >= offset && len(rows) < limit {
			rows = append(rows, r)
		}
		at++
		return nil
	}); err != nil {
		return err
	}
	if wantsCSV(c) {
		table := [][]string{loader.QuarantineColumns}
		for i := range rows {
			table = append(table, rows[i].Cells())
		}
		return renderCSV(c, table)
	}
	return render(c, http.StatusOK, gin.H{"list": param(c, "id"), "version": n, "total": at, "offset": offset, "rows": rows})
}

func wantsCSV(c *gin.Context) bool {
	return c.NegotiateFormat("application/json", "text/csv") == "text/csv"
}

// renderCSV writes a table that is safe to open in a spreadsheet: no cell starts a formula.
func renderCSV(c *gin.Context, table [][]string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for _, row := range table {
		if err := w.Write(loader.SafeCells(row)); err != nil {
			return err
		}
	}
	w.Flush()
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
	return w.Error()
}

// verdict is the body of approve, reject and rollback.
type verdict struct {
	Reason string `json:"reason"`
}

func (s *Server) approve(c *gin.Context, who *auth.Principal) error {
	return s.judge(c, who, s.loader.Approve)
}

func (s *Server) reject(c *gin.Context, who *auth.Principal) error {
	return s.judge(c, who, s.loader.Reject)
}

func (s *Server) judge(c *gin.Context, who *auth.Principal, judge func(ctx context.Context, list string, n int, by, reason string) (*lists.Version, error)) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	var in verdict
	if err := bind(c, &in); err != nil {
		return err
	}
	v, err := judge(c.Request.Context(), param(c, "id"), n, who.Name, in.Reason)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, v)
}

// moved is the answer to an activation or a rollback.
type moved struct {
	Generation int       `json:"generation"`
	At         time.Time `json:"at"`
	List       string    `json:"list"`
	Version    int       `json:"version"`
	Replicas   struct {
		Live    int `json:"live"`
		Serving int `json:"serving"` // that generation or a newer one
	} `json:"replicas"`
	TookMS int64 `json:"took_ms"` // until they did
}

// confirmTime is how long an activation waits for the live replicas to serve it.
const confirmTime = 2 * time.Second

func (s *Server) activate(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	q, err := query(c, "override")
	if err != nil {
		return err
	}
	var in struct {
		Override string `json:"override"`
	}
	in.Override = q["override"]
	if err := bind(c, &in); err != nil {
		return err
	}
	start := s.now()
	g, err := s.loader.Activate(c.Request.Context(), param(c, "id"), n, loader.ActivateOptions{By: who.Name, Override: in.Override})
	if err != nil {
		return err
	}
	return s.moved(c, g, start)
}

func (s *Server) rollback(c *gin.Context, who *auth.Principal) error {
	var in verdict
	if err := bind(c, &in); err != nil {
		return err
	}
	start := s.now()
	g, err := s.loader.Rollback(c.Request.Context(), param(c, "id"), who.Name, in.Reason)
	if err != nil {
		return err
	}
	return s.moved(c, g, start)
}

func (s *Server) retire(c *gin.Context, who *auth.Principal) error {
	var in verdict
	if err := bind(c, &in); err != nil {
		return err
	}
	if strings.TrimSpace(in.Reason) == "" {
		return fault.E(fault.Invalid, "reason: say why the list leaves the answers")
	}
	start := s.now()
	g, err := s.loader.Retire(c.Request.Context(), param(c, "id"), who.Name, in.Reason)
	if err != nil {
		return err
	}
	return s.moved(c, g, start)
}

func (s *Server) exportActive(c *gin.Context, _ *auth.Principal) error {
	l, _, err := s.loader.List(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	if l.Active == 0 {
		return fault.E(fault.NotFound, "list %s has no active version", l.ID)
	}
	return s.sendExport(c, l.Active)
}

func (s *Server) exportVersion(c *gin.Context, _ *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	return s.sendExport(c, n)
}

// sendExport streams a version. What goes wrong after the first byte breaks the connection off: half a list must not look like one.
func (s *Server) sendExport(c *gin.Context, n int) error {
	q, err := query(c, "as")
	if err != nil {
		return err
	}
	form := q["as"]
	if form == "" {
		form = loader.ExportForms[0]
	}
	id := param(c, "id")
	v, err := s.loader.Version(c.Request.Context(), id, n)
	if err != nil {
		return err
	}
	name, media := fmt.Sprintf("%s-%d.%s", id, n, form), "application/x-ndjson"
	switch {
	case form == "csv":
		media = "text/csv; charset=utf-8"
	case form == "published" && len(v.Sources) > 1:
		name, media = fmt.Sprintf("%s-%d.zip", id, n), "application/octet-stream"
	case form == "published":
		name, media = v.File, "application/octet-stream"
	}
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(uploadTime))
	w := &started{c: c, media: media, name: name}
	buffered := bufio.NewWriterSize(w, 64<<10)
	if err = s.loader.Export(c.Request.Context(), id, n, form, buffered); err == nil {
		err = buffered.Flush()
	}
	if err == nil && !w.yes {
		_, err = w.Write(nil) // an empty version
	}
	if err != nil && w.yes {
		s.log.Warn("an export broke off", "list", id, "version", n, "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// started sends the headers with the first byte, so that an error before it can still be told.
type started struct {
	c           *gin.Context
	media, name string
	yes         bool
}

func (s *started) Write(b []byte) (int, error) {
	if !s.yes {
		s.yes = true
		h := s.c.Writer.Header()
		h.Set("Content-Type", s.media)
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": s.name}))
		h.Set("Cache-Control", "no-store")
		s.c.Status(http.StatusOK)
		s.c.Writer.WriteHeaderNow()
	}
	return s.c.Writer.Write(b)
}

func (s *Server) moved(c *gin.Context, g *lists.Generation, start time.Time) error {
	s.catchUp(c.Request.Context())
	out := moved{Generation: g.Number, At: g.At, List: g.List}
	for _, a := range g.Lists {
		if a.List.ID == g.List {
			out.Version = a.Version
		}
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), confirmTime)
	defer cancel()
	var err error
	// The change is made: that the count could not be had is no failure of the request.
	if out.Replicas.Live, out.Replicas.Serving, err = s.loader.Served(ctx, g.Number); err != nil {
		s.log.Warn("the replicas could not be counted", "generation", g.Number, "error", err)
	}
	out.TookMS = s.now().Sub(start).Milliseconds()
	return render(c, http.StatusOK, out)
}

// catchUp makes this replica serve what it has just changed; the others hear of it from the store.
func (s *Server) catchUp(ctx context.Context) {
	if err := s.screener.Refresh(ctx); err != nil {
		s.log.Warn("refresh after a change", "error", err)
	}
}

func (s *Server) getGenerations(c *gin.Context, _ *auth.Principal) error {
	q, err := query(c, "offset", "limit")
	if err != nil {
		return err
	}
	offset, limit, err := page(q)
	if err != nil {
		return err
	}
	all, err := s.loader.Generations(c.Request.Context())
	if err != nil {
		return err
	}
	views := []generationView{}
	for i := len(all) - 1 - offset; i >= 0 && len(views) < limit; i-- { // the newest first
		views = append(views, viewGeneration(&all[i]))
	}
	return render(c, http.StatusOK, gin.H{"generations": views, "total": len(all), "offset": offset})
}

func (s *Server) getGeneration(c *gin.Context, _ *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	g, err := s.loader.Generation(c.Request.Context(), n)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, viewGeneration(g))
}

// generationView is a generation as callers see it.
type generationView struct {
	Generation int          `json:"generation"`
	At         time.Time    `json:"at"`
	By         string       `json:"by"`
	Action     string       `json:"action"`
	List       string       `json:"list"`
	Reason     string       `json:"reason,omitempty"`
	Lists      []activeView `json:"lists"`
}

type activeView struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Version   int    `json:"version"`
	Published string `json:"published"`
	File      string `json:"file"`
	SHA256    string `json:"sha256"`
	Addresses int    `json:"addresses"`
	Listings  int    `json:"listings"`
}

func viewGeneration(g *lists.Generation) generationView {
	v := generationView{g.Number, g.At, g.By, g.Action, g.List, g.Reason, []activeView{}}
	for _, a := range g.Lists {
		v.Lists = append(v.Lists, activeView{a.List.ID, a.List.Name, a.Version, a.Published, a.File, a.SHA256, a.Addresses, a.Listings})
	}
	return v
}
