package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// Archive is the index of the record of all servers.
type Archive struct {
	Index     archive.Index
	Customers *screening.Customers // with which customers are recorded
	// Coverage tells up to when the index is complete.
	Coverage func(ctx context.Context) (archive.Coverage, error)
	// LookBack is the state of looking back on earlier checks; nil: this server does not know.
	LookBack func(ctx context.Context) (*client.LookBack, error)
	// Resolve records what a person has decided on an alert, and indexes it.
	Resolve func(ctx context.Context, r archive.Resolution) error

	queues knownQueues
}

const (
	defaultPage = 100
	maxPage     = 1000
)

// Search returns a page of records.
func (a *Archive) Search(ctx context.Context, in client.AuditQuery) (*client.AuditPage, error) {
	q, err := a.searchOf(&in)
	if err != nil {
		return nil, err
	}
	coverage, err := a.coverage(ctx) // before the search: records that come meanwhile are no loss
	if err != nil {
		return nil, err
	}
	out := &client.AuditPage{Records: []client.AuditRecord{}, Coverage: *coverage}
	size := q.Limit
	q.Limit++
	n := 0
	var last archive.Position
	for e, err := range a.Index.Find(ctx, q) {
		if err != nil {
			return nil, err
		}
		if n++; n > size {
			out.Cursor = cursorOf(last)
			break
		}
		last = e.Position
		out.Records = append(out.Records, *a.recordOf(&e))
	}
	return out, nil
}

// recordOf returns what an entry says. One that cannot be read is shown as such, and not left out.
func (a *Archive) recordOf(e *archive.Entry) *client.AuditRecord {
	rec := journal.Record{Writer: e.Writer, Sequence: e.Sequence, Kind: e.Kind, ID: e.ID, Time: e.Time, Payload: e.Payload}
	r, err := AuditRecordOf(&rec)
	if err != nil {
		b, _ := json.Marshal(map[string]string{"error": err.Error()})
		return &client.AuditRecord{Kind: e.Kind.String(), At: e.Time, Writer: e.Writer.String(), Sequence: e.Sequence, Change: b}
	}
	if r.Check != nil {
		r.Check.Request.Customer = a.Customers.Reveal(r.Check.Request.Customer)
	}
	return r
}

func (a *Archive) coverage(ctx context.Context) (*client.Coverage, error) {
	c, err := a.Coverage(ctx)
	if err != nil {
		return nil, err
	}
	return &client.Coverage{CompleteUntil: timeOf(c.Until), Behind: c.Behind, Gaps: c.Gaps}, nil
}

func (a *Archive) searchOf(in *client.AuditQuery) (archive.Query, error) {
	q := archive.Query{From: in.From, To: in.To, List: in.List, Result: in.Result, Reference: address.Recordable(in.Reference), Customer: a.Customers.Protect(in.Customer), By: in.By,
		Newest: in.Newest, Limit: in.Limit}
	if in.Kind != "" {
		kind, ok := journal.KindOf(in.Kind)
		if !ok {
			return q, fault.E(fault.Invalid, "kind: use one of %s", strings.Join(journal.Kinds(), ", "))
		}
		q.Kinds = []journal.Kind{kind}
	}
	if in.Address != "" {
		if in.Network != "" {
			if _, ok := address.ResolveNetwork(in.Network); !ok {
				return q, fault.E(fault.UnsupportedNetwork, "network %s is not known", address.Quote(in.Network))
			}
		}
		q.Keys = archive.SearchKeys(in.Address, in.Network)
	} else if in.Network != "" {
		return q, fault.E(fault.Invalid, "network is for address")
	}
	if in.Cursor != "" {
		var err error
		if q.After, err = parseCursor(in.Cursor); err != nil {
			return q, err
		}
	}
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	if q.Limit < 1 || q.Limit > maxPage {
		return q, fault.E(fault.Invalid, "limit is 1 to %d", maxPage)
	}
	return q, nil
}

// cursorOf encodes a position.
func cursorOf(p archive.Position) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.Time.UnixNano()))
	b = append(b, p.Writer[:]...)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, p.Sequence))
}

func parseCursor(text string) (archive.Position, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != 32 {
		return archive.Position{}, fault.E(fault.Invalid, "cursor: not one from an earlier page")
	}
	return archive.Position{Time: time.Unix(0, int64(binary.BigEndian.Uint64(b))).UTC(), Writer: uuid.UUID(b[8:24]), Sequence: binary.BigEndian.Uint64(b[24:])}, nil
}

// auditQuery reads the parameters of a search.
func auditQuery(c *gin.Context) (client.AuditQuery, error) {
	in, err := query(c, "from", "to", "kind", "address", "network", "reference", "customer", "result", "list", "by", "cursor", "limit", "order")
	if err != nil {
		return client.AuditQuery{}, err
	}
	q := client.AuditQuery{Kind: in["kind"], Address: in["address"], Network: in["network"], Reference: in["reference"], Customer: in["customer"], Result: in["result"], List: in["list"],
		By: in["by"], Cursor: in["cursor"]}
	if q.From, q.To, err = period(in); err != nil {
		return q, err
	}
	if text := in["limit"]; text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 {
			return q, fault.E(fault.Invalid, "limit is 1 to %d", maxPage)
		}
	}
	switch in["order"] {
	case "", "oldest":
	case "newest":
		q.Newest = true
	default:
		return q, fault.E(fault.Invalid, "order: use one of [oldest newest]")
	}
	return q, nil
}

// period reads the parameters from and to; zero for one that is not given.
func period(in map[string]string) (from, to time.Time, err error) {
	for _, x := range []struct {
		name string
		into *time.Time
	}{{"from", &from}, {"to", &to}} {
		text := in[x.name]
		if text == "" {
			continue
		}
		if *x.into, err = time.Parse(time.RFC3339, text); err != nil {
			if *x.into, err = time.Parse(time.DateOnly, text); err != nil {
				return from, to, fault.E(fault.Invalid, "%s: not a time such as 2026-11-01 or 2026-11-01T12:00:00Z", x.name)
			}
		}
	}
	return from, to, nil
}

func (s *Server) archived() (*Archive, error) {
	if s.archive == nil {
		return nil, noArchive()
	}
	return s.archive, nil
}

func (s *Server) getAudit(c *gin.Context, _ *auth.Principal) error {
	q, err := auditQuery(c)
	if err != nil {
		return err
	}
	a, err := s.archived()
	if err != nil {
		return err
	}
	switch c.NegotiateFormat("application/json", "application/x-ndjson", "text/csv", mediaParquet) {
	case "application/x-ndjson":
		return s.exportAudit(c, a, q, "application/x-ndjson", func(w io.Writer) auditWriter { return ndjsonWriter{w} })
	case "text/csv":
		return s.exportAudit(c, a, q, "text/csv; charset=utf-8", newAuditCSV)
	case mediaParquet:
		return s.exportAudit(c, a, q, mediaParquet, func(w io.Writer) auditWriter { return NewParquetWriter(w) })
	}
	page, err := a.Search(c.Request.Context(), q)
	if err != nil {
		return err
	}
	return renderExactly(c, page)
}

// auditWriter writes records in one format.
type auditWriter interface {
	Write(r *client.AuditRecord) error
	Close() error
}

// exportAudit sends all records of a query, and not only a page. An error in the middle breaks the connection off, so that a part is not taken for the whole.
func (s *Server) exportAudit(c *gin.Context, a *Archive, in client.AuditQuery, media string, format func(io.Writer) auditWriter) error {
	limit := in.Limit
	q, err := a.searchOf(&in)
	if err != nil {
		return err
	}
	q.Limit = limit
	coverage, err := a.coverage(c.Request.Context())
	if err != nil {
		return err
	}
	h := c.Writer.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "no-store")
	if coverage.CompleteUntil != nil {
		h.Set("Complete-Until", coverage.CompleteUntil.Format(time.RFC3339Nano))
	}
	control := http.NewResponseController(c.Writer)
	var b bytes.Buffer
	flush := func() error {
		_ = control.SetWriteDeadline(time.Now().Add(time.Minute)) // as long as somebody reads
		_, err := c.Writer.Write(b.Bytes())
		b.Reset()
		return err
	}
	first := true
	w := format(&b)
	for e, err := range a.Index.Find(c.Request.Context(), q) {
		if err != nil && first {
			return err
		}
		first = false
		if err == nil {
			err = w.Write(a.recordOf(&e))
		}
		if err == nil && b.Len() > 64<<10 {
			err = flush()
		}
		if err != nil {
			s.log.Warn("an export of the record broke off", "request_id", requestID(c), "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	if err := w.Close(); err != nil {
		s.log.Warn("an export of the record broke off", "request_id", requestID(c), "error", err)
		panic(http.ErrAbortHandler)
	}
	if err := flush(); err != nil {
		c.Abort()
	}
	return nil
}

// ndjsonWriter writes one record a line.
type ndjsonWriter struct{ w io.Writer }

func (n ndjsonWriter) Write(r *client.AuditRecord) error {
	line, err := EncodeExactly(r)
	if err == nil {
		_, err = n.w.Write(append(line, '\n'))
	}
	return err
}

func (ndjsonWriter) Close() error { return nil }

// AuditColumns are the columns of records as CSV.
var AuditColumns = []string{"at", "kind", "by", "check_id", "address", "network", "direction", "reference", "customer", "result", "action", "generation", "identity", "lists",
	"answer", "error", "change", "writer", "sequence", "sha256"}

// AuditCells returns the cells of a record, safe in a spreadsheet.
func AuditCells(r *client.AuditRecord) []string {
	c := r.Check
	if c == nil {
		c = &client.CheckRecord{}
	}
	generation := ""
	if c.Generation > 0 {
		generation = strconv.Itoa(c.Generation)
	}
	return loader.SafeCells([]string{r.At.Format(time.RFC3339Nano), r.Kind, r.By, c.CheckID, c.Request.Address, c.Request.Network, c.Request.Direction, c.Request.Reference,
		c.Request.Customer, c.Result, c.Action, generation, c.Identity, strings.Join(c.Lists, " "), string(c.Answer), string(c.Error), string(r.Change),
		r.Writer, strconv.FormatUint(r.Sequence, 10), c.Record.SHA256})
}

// auditCSV writes a table with a head.
type auditCSV struct{ w *csv.Writer }

func newAuditCSV(w io.Writer) auditWriter {
	c := auditCSV{csv.NewWriter(w)}
	_ = c.w.Write(AuditColumns) // Close returns the error
	return c
}

func (c auditCSV) Write(r *client.AuditRecord) error {
	if err := c.w.Write(AuditCells(r)); err != nil {
		return err
	}
	return c.Close()
}

func (c auditCSV) Close() error {
	c.w.Flush()
	return c.w.Error()
}

// Alerts returns a page of alerts.
func (a *Archive) Alerts(ctx context.Context, in client.AlertQuery) (*client.AlertPage, error) {
	q := archive.AlertQuery{Of: archive.LookBacks, Open: in.State != "all", List: in.List, Limit: in.Limit}
	if in.State != "" && in.State != "open" && in.State != "all" {
		return nil, fault.E(fault.Invalid, "state: use one of [open all]")
	}
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	if q.Limit < 1 || q.Limit > maxPage {
		return nil, fault.E(fault.Invalid, "limit is 1 to %d", maxPage)
	}
	if in.Cursor != "" {
		var err error
		if q.After, err = parseCursor(in.Cursor); err != nil {
			return nil, err
		}
	}
	out := &client.AlertPage{Alerts: []client.Alert{}}
	if a.LookBack != nil {
		var err error
		if out.LookBack, err = a.LookBack(ctx); err != nil {
			return nil, err
		}
	}
	size, n := q.Limit, 0
	q.Limit++
	var last archive.Position
	for s, err := range a.Index.Alerts(ctx, q) {
		if err != nil {
			return nil, err
		}
		if n++; n > size {
			out.Cursor = cursorOf(last)
			break
		}
		last = s.Created.Position
		alert, err := a.alertOf(&s)
		if err != nil {
			return nil, err
		}
		out.Alerts = append(out.Alerts, *alert)
	}
	return out, nil
}

// Alert returns one alert.
func (a *Archive) Alert(ctx context.Context, id string) (*client.Alert, error) {
	for s, err := range a.Index.Alerts(ctx, archive.AlertQuery{ID: id, Of: archive.LookBacks, Limit: 1}) {
		if err != nil {
			return nil, err
		}
		return a.alertOf(&s)
	}
	return nil, fault.E(fault.NotFound, "no such alert: %s", address.Quote(id))
}

func (a *Archive) alertOf(s *archive.AlertState) (*client.Alert, error) {
	var r archive.AlertRecord
	if err := json.Unmarshal(s.Created.Payload, &r); err != nil {
		return nil, fault.E(fault.Unavailable, "alert %s cannot be read: %w", s.ID, err)
	}
	out := &client.Alert{ID: s.ID, State: "open", Cause: r.Cause, At: s.Created.Time, CheckID: r.CheckID, CheckedAt: r.CheckedAt, By: r.By, Identity: r.Identity,
		Request: client.Asked{Address: r.Address, Network: r.Network, Direction: string(r.Direction), Reference: r.Reference, Customer: a.Customers.Reveal(r.Customer)},
		Told:    outcomeOf(r.Told), Now: outcomeOf(r.Now)}
	if r.Before != nil {
		before := outcomeOf(*r.Before)
		out.Before = &before
	}
	if s.Resolved != nil {
		var x archive.Resolution
		if err := json.Unmarshal(s.Resolved.Payload, &x); err != nil {
			return nil, fault.E(fault.Unavailable, "the resolution of alert %s cannot be read: %w", s.ID, err)
		}
		out.State, out.Resolved = "resolved", &lists.Approval{By: x.By, At: x.At, Reason: x.Reason}
	}
	return out, nil
}

func outcomeOf(o archive.Outcome) client.AlertOutcome {
	return client.AlertOutcome{Result: o.Result, Action: string(o.Action), Generation: o.Generation, Lists: slices.Clone(o.Lists), Class: o.Class, Confidence: string(o.Confidence)}
}

func (s *Server) getAlerts(c *gin.Context, _ *auth.Principal) error {
	in, err := query(c, "state", "list", "cursor", "limit")
	if err != nil {
		return err
	}
	q := client.AlertQuery{State: in["state"], List: in["list"], Cursor: in["cursor"]}
	if text := in["limit"]; text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 {
			return fault.E(fault.Invalid, "limit is 1 to %d", maxPage)
		}
	}
	a, err := s.archived()
	if err != nil {
		return err
	}
	page, err := a.Alerts(c.Request.Context(), q)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, page)
}

func (s *Server) resolveAlert(c *gin.Context, who *auth.Principal) error {
	var in reasoned
	if err := bind(c, &in); err != nil {
		return err
	}
	alert, err := s.as(who).resolveAlert(c.Request.Context(), param(c, "id"), in.Reason)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, alert)
}
