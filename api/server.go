// Package api is the HTTP face of Interdict: routes, errors, probes, the OpenAPI description.
//
//	request ── route: measure, recognise the key, its role ── handler: bind, call, map the error, render
//	                                                            ├─ checks.go ── screening
//	                                                            └─ lists.go ─── loader
//
// openapi.yaml beside this file describes every route; the tests hold the two against each other.
package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"

	"interdict/api/auth"
	"interdict/api/idempotency"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
)

// Options are what a server works with.
type Options struct {
	Screener *screening.Screener
	Loader   *loader.Loader
	Keys     *auth.Keys
	Staff    *auth.Staff // nil: local accounts, with the usual limits of sessions
	Store    lists.Store
	Cache    func() lists.Store // the replica's own copy of what it serves; it may return nil
	// CacheError is why there is no Cache although there should be one.
	CacheError error
	Metrics    *Metrics
	Log        *slog.Logger
	Now        func() time.Time
	// Recorder records proposals and denied attempts.
	Recorder lists.Recorder
	// FourEyesOff lets one person make changes that weaken screening.
	FourEyesOff bool
	// JournalError tells why decisions cannot be recorded now; nil when they can.
	JournalError func() error
	// Record is what decisions are read from; RecordProblems tells what is wrong with it although decisions can be recorded.
	Record         Record
	RecordProblems func() []error
	// RecordRoom tells how much room the disk of the record has; nil or "": it is not known.
	RecordRoom func() string
	// Customers protects the customers of checks on record; nil: they are kept plain.
	Customers *screening.Customers
	// Archive is the index of the record of all servers; nil: this server has none.
	Archive *Archive
	// Scratch opens an empty temporary store, which its Close deletes, for layers of earlier generations that have to be built again.
	Scratch func() (lists.Store, error)
	// Certificate tells what TLS certificate the server has, and what is wrong with it; nil: it speaks plain HTTP.
	Certificate func() (detail string, err error)
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// FailuresPerMinute is how many requests without a valid key one address has in a minute; 0: auth.FailuresPerMinute.
	FailuresPerMinute int
	// Uploads bounds the uploads in progress, and UploadSpace the bytes that they take on disk; 0: 8, and 8 GiB.
	Uploads     int
	UploadSpace int64
	// WebhookAllow are internal networks that webhooks may reach.
	WebhookAllow []netip.Prefix
	// Originals are services that are asked as well when a drop-in endpoint is, by their names: chainalysis, trm, scorechain.
	Originals map[string]Original
	// AccessLog says which requests the log has.
	AccessLog AccessLog
	// Traces is told of requests; nil: no traces.
	Traces trace.TracerProvider
	// Follow bounds the streams of changes.
	Follow FollowLimits
	// Backup writes a backup of the store, and of the record of this server if that is asked for; nil: this server makes none.
	Backup func(ctx context.Context, to io.Writer, record bool) error
	// Manifest is what servers that follow this one read; nil: there is none.
	Manifest Manifest
	// Spread tells the state of following another server, or of publishing, and under which name the readiness probe shows it; nil, or "": neither is done.
	// The probe shows detail if err is nil.
	Spread func() (check, detail string, err error)
}

// Server answers the API.
type Server struct {
	screener *screening.Screener
	loader   *loader.Loader
	keys     *auth.Keys
	staff    *auth.Staff
	store    lists.Store
	work     *Operations
	cache    func() lists.Store
	noCache  error
	metrics  *Metrics
	log      *slog.Logger
	now      func() time.Time
	journal  func() error
	audit    Audit
	replay   *Replayer
	problems func() []error
	room     func() string
	archive  *Archive
	shadow   *shadow
	requests *idempotency.Requests
	backups  backups
	manifest Manifest
	spread   func() (check, detail string, err error)

	customers *screening.Customers
	ledger    lists.Ledger
	alone     string // why one person is enough for everybody; "" if not
	proxies   []netip.Prefix
	throttle  *auth.Throttle
	uploads   uploads
	cert      func() (string, error)
	followers followers
	draining  atomic.Bool
	drained   chan struct{} // closed when draining
	engine    *gin.Engine
	ids       *requestIDs
	access    *accessLogger
	tracer    trace.Tracer // nil: no traces
	// crossOrigin refuses what another site's page makes a signed-in browser do.
	crossOrigin *http.CrossOriginProtection

	life  context.Context // of what goes on after an answer; it ends with Close
	end   context.CancelFunc
	mu    sync.Mutex // guards the start of such work against Close
	tasks sync.WaitGroup
}

// handler serves a request of a recognised caller. An error it returns becomes a problem.
type handler func(c *gin.Context, who *auth.Principal) error

// New makes a server.
func New(o Options) *Server {
	s := &Server{screener: o.Screener, loader: o.Loader, keys: o.Keys, store: o.Store, cache: o.Cache, noCache: o.CacheError, metrics: o.Metrics, log: o.Log,
		now: o.Now, journal: o.JournalError, audit: Audit{o.Record, o.Customers}, customers: o.Customers, problems: o.RecordProblems, room: o.RecordRoom, archive: o.Archive, ledger: lists.Ledger{Recorder: o.Recorder, Log: o.Log, Now: o.Now}, cert: o.Certificate,
		proxies: o.TrustedProxies, throttle: auth.NewThrottle(cmp.Or(o.FailuresPerMinute, auth.FailuresPerMinute), o.Now)}
	s.manifest, s.spread = o.Manifest, o.Spread
	s.staff, s.crossOrigin = o.Staff, http.NewCrossOriginProtection()
	if s.staff == nil {
		s.staff = o.Keys.Staff()
	}
	s.backups.write = o.Backup
	if o.FourEyesOff {
		s.alone = lists.AloneFourEyes
	}
	s.uploads.most, s.uploads.mostBytes = cmp.Or(o.Uploads, defaultUploads), cmp.Or(o.UploadSpace, defaultUploadSpace)
	s.work = &Operations{Store: o.Store, Loader: o.Loader, Keys: o.Keys, Ledger: s.ledger, Now: o.Now, Log: o.Log, Changed: s.catchUp, Archive: o.Archive, WebhookAllow: o.WebhookAllow}
	s.replay = NewReplayer(s.audit, o.Loader, o.Screener.Replica, NewPast(o.Loader, o.Screener.Replica, o.Scratch, PastPatience, o.Log), o.Now)
	s.followers.limits, s.drained = o.Follow.withDefaults(), make(chan struct{})
	s.requests = &idempotency.Requests{Store: o.Store, Now: o.Now}
	s.shadow = newShadow(o.Originals, o.Metrics, s.ledger, o.Now)
	s.life, s.end = context.WithCancel(context.Background())
	s.metrics.server.Store(s)
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.UseRawPath, e.UnescapePathValues = true, false // an address may hold a percent-encoded slash; param unescapes
	e.RedirectTrailingSlash, e.HandleMethodNotAllowed = false, true
	if err := e.SetTrustedProxies(nil); err != nil {
		panic(err) // nil is always accepted
	}
	s.engine, s.ids, s.access, s.tracer = e, newRequestIDs(), newAccessLogger(o.AccessLog, o.Log), tracerOf(o.Traces)
	e.Use(s.identify, s.logged)
	if s.tracer != nil {
		e.Use(s.traced(s.tracer))
	}
	e.Use(keepHalfClosed, s.endConnections)
	if s.screener.Sandbox() {
		e.Use(inSandbox)
	}
	e.NoRoute(func(c *gin.Context) { s.fail(c, fault.E(fault.NotFound, "no such route")) })
	e.NoMethod(func(c *gin.Context) {
		c.Data(http.StatusMethodNotAllowed, "application/problem+json", problem{Type: "urn:interdict:problem:invalid_request",
			Title: "The method is not allowed here", Status: http.StatusMethodNotAllowed, Code: "invalid_request"}.json())
	})
	e.GET("/livez", s.livez)
	e.GET("/healthz", s.livez)
	e.GET("/readyz", s.readyz)

	s.route(http.MethodPost, pathCheck, s.check, auth.Checker)
	s.route(http.MethodPost, pathChecks, s.checks, auth.Checker)
	s.route(http.MethodPost, "/v1/preview", s.preview, auth.Analyst)
	s.route(http.MethodGet, "/v1/addresses/:address/history", s.getHistory, auth.Auditor, auth.Analyst, auth.Approver)
	s.route(http.MethodGet, "/v1/traffic", s.getTraffic, auth.Auditor, auth.Analyst, auth.Approver, auth.Admin)
	s.route(http.MethodGet, pathAddress, s.address) // the role depends on the query

	s.route(http.MethodGet, "/v1/lists", s.getLists)
	s.route(http.MethodGet, pathChanges, s.changes)
	s.route(http.MethodGet, pathChangeStream, s.changeStream)
	s.route(http.MethodGet, "/v1/lists/:id", s.getList)
	s.route(http.MethodPut, "/v1/lists/:id", s.putList, auth.Admin)
	s.route(http.MethodDelete, "/v1/lists/:id", s.deleteList, auth.Admin)
	s.route(http.MethodPost, "/v1/lists/:id/versions", s.upload, auth.Analyst)
	s.route(http.MethodGet, "/v1/lists/:id/versions", s.getVersions)
	s.route(http.MethodGet, "/v1/lists/:id/versions/:n", s.getVersion)
	s.route(http.MethodGet, "/v1/lists/:id/versions/:n/diff", s.diff)
	s.route(http.MethodGet, "/v1/lists/:id/versions/:n/quarantine", s.quarantine)
	s.route(http.MethodPost, "/v1/lists/:id/versions/:n/approve", s.approve, auth.Approver)
	s.route(http.MethodPost, "/v1/lists/:id/versions/:n/reject", s.reject, auth.Approver)
	s.route(http.MethodPost, "/v1/lists/:id/versions/:n/activate", s.activate, auth.Approver)
	s.route(http.MethodGet, "/v1/lists/:id/versions/:n/export", s.exportVersion)
	s.route(http.MethodGet, "/v1/lists/:id/export", s.exportActive)
	s.route(http.MethodPost, "/v1/lists/:id/rollback", s.rollback, auth.Approver)
	s.route(http.MethodPost, "/v1/lists/:id/retire", s.retire, auth.Approver)
	s.route(http.MethodPost, "/v1/lists/:id/suppressions", s.postSuppression, auth.Analyst)
	s.route(http.MethodGet, "/v1/lists/:id/suppressions", s.getSuppressions)
	s.route(http.MethodGet, "/v1/lists/:id/suppressions/:suppression", s.getSuppression)
	s.route(http.MethodPost, "/v1/lists/:id/suppressions/:suppression/approve", s.approveSuppression, auth.Approver)
	s.route(http.MethodPost, "/v1/lists/:id/suppressions/:suppression/reject", s.rejectSuppression, auth.Approver)
	s.route(http.MethodPost, "/v1/lists/:id/suppressions/:suppression/end", s.endSuppression, auth.Analyst, auth.Approver)
	s.route(http.MethodGet, "/v1/generations", s.getGenerations)
	s.route(http.MethodGet, "/v1/generations/:n", s.getGeneration)
	s.route(http.MethodGet, "/v1/replicas", s.getReplicas)
	s.route(http.MethodGet, "/v1/manifest", s.getManifest, auth.Checker)
	s.route(http.MethodGet, "/v1/objects/:sha256", s.getObject, auth.Checker)
	s.route(http.MethodGet, "/v1/reports/timeliness", s.getTimeliness)
	s.route(http.MethodPost, "/v1/restore", s.restore, auth.Admin)
	s.route(http.MethodGet, "/v1/backup", s.getBackup, auth.Admin)

	s.route(http.MethodGet, "/v1/keys", s.getKeys, auth.Admin)
	s.route(http.MethodPost, "/v1/keys", s.postKey, auth.Admin)
	s.route(http.MethodPost, "/v1/keys/:id/rotate", s.rotateKey, auth.Admin)
	s.route(http.MethodDelete, "/v1/keys/:id", s.deleteKey, auth.Admin)

	s.route(http.MethodGet, "/v1/me", s.getMe)
	s.route(http.MethodGet, "/v1/people", s.getPeople, auth.Admin)
	s.route(http.MethodPost, "/v1/people", s.postPerson, auth.Admin)
	s.route(http.MethodPost, "/v1/people/:id/reset", s.resetPerson, auth.Admin)
	s.route(http.MethodPost, "/v1/people/:id/roles", s.setPersonRoles, auth.Admin)
	s.route(http.MethodPost, "/v1/people/:id/disable", s.disablePerson, auth.Admin)

	s.route(http.MethodGet, "/v1/proposals", s.getProposals)
	s.route(http.MethodGet, "/v1/proposals/:id", s.getProposal)
	s.route(http.MethodPost, "/v1/proposals/:id/approve", s.approveProposal, auth.Approver)
	s.route(http.MethodPost, "/v1/proposals/:id/reject", s.rejectProposal, auth.Analyst, auth.Approver)

	s.route(http.MethodGet, "/v1/checks/:id", s.getCheck, auth.Auditor)
	s.route(http.MethodGet, "/v1/checks/:id/receipt", s.getReceipt, auth.Auditor)
	s.route(http.MethodGet, "/v1/audit", s.getAudit, auth.Auditor)
	s.route(http.MethodGet, "/v1/alerts", s.getAlerts, auth.Auditor, auth.Approver)
	s.route(http.MethodPost, "/v1/alerts/:id/resolve", s.resolveAlert, auth.Auditor, auth.Approver)
	s.caseRoutes()
	s.route(http.MethodGet, "/v1/checks/:id/replay", s.getReplay, auth.Auditor)
	s.route(http.MethodGet, "/v1/checks/:id/evidence", s.getEvidence, auth.Auditor)
	s.route(http.MethodGet, "/v1/audit/keys", s.getRecordKeys)
	s.route(http.MethodGet, "/v1/audit/checkpoints", s.getCheckpoints, auth.Auditor)

	s.route(http.MethodGet, "/v1/sandbox", s.getSandbox)
	s.route(http.MethodGet, "/v1/shadow", s.getShadow, auth.Auditor)

	s.route(http.MethodGet, "/v1/holds", s.getHolds, auth.Auditor, auth.Approver)
	s.route(http.MethodPost, "/v1/holds", s.postHold, auth.Approver, auth.Admin)
	s.route(http.MethodPost, "/v1/holds/:id/end", s.endHold, auth.Approver, auth.Admin)

	s.route(http.MethodGet, "/v1/webhooks", s.getWebhooks, auth.Admin)
	s.route(http.MethodPost, "/v1/webhooks", s.postWebhook, auth.Admin)
	s.route(http.MethodPost, "/v1/webhooks/:id/rotate", s.rotateWebhook, auth.Admin)
	s.route(http.MethodPost, "/v1/webhooks/:id/test", s.testWebhook, auth.Admin)
	s.route(http.MethodGet, "/v1/webhooks/:id/deliveries", s.getDeliveries, auth.Admin)
	s.route(http.MethodDelete, "/v1/webhooks/:id", s.deleteWebhook, auth.Admin)

	s.route(http.MethodGet, "/openapi.yaml", s.openapi)
	s.route(http.MethodGet, "/docs/*file", s.docs)
	s.serveDropIns()
	s.serveConsole()
	if len(o.Originals) > 0 {
		s.inBackground(s.shadow.run)
	}
	return s
}

// as returns the operations of a caller.
func (s *Server) as(who *auth.Principal) *Acting {
	p := Person{Actor: who.Actor, Roles: who.Roles(), Alone: s.alone}
	if who.Limited() {
		p.MayUse = who.MayUse
	}
	return s.work.As(p)
}

// catchUp makes this replica serve what it has just changed. The others learn of it from the store.
func (s *Server) catchUp(ctx context.Context) {
	if err := s.screener.Refresh(ctx); err != nil {
		s.log.Warn("refresh after a change", "error", err)
	}
}

// Handler serves the API.
func (s *Server) Handler() http.Handler { return s.engine }

// Close gives up what goes on after its answer, such as large uploads, and waits until it has ended.
func (s *Server) Close() {
	s.mu.Lock()
	s.end()
	s.mu.Unlock()
	s.tasks.Wait()
	s.replay.Past.Close()
}

// inBackground starts work that goes on after the answer; false when the server is closing.
func (s *Server) inBackground(work func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		return false
	}
	s.tasks.Go(func() { work(s.life) })
	return true
}

// Drain makes the readiness probe fail and ends streams, and connections with their next answer, so that no new traffic comes while the last
// requests are answered.
func (s *Server) Drain() {
	if !s.draining.Swap(true) {
		close(s.drained)
	}
}

// keepHalfClosed lets a request go on when its caller has closed its side of the connection, as some do who have nothing more to send: net/http ends
// the context of the request then. Sending the answer fails if the caller is really gone. Checks do without this copy of the request: they use no
// context of it. A stream ends with its reader.
func keepHalfClosed(c *gin.Context) {
	switch c.FullPath() {
	case pathCheck, pathChecks, pathChangeStream:
	default:
		c.Request = c.Request.WithContext(context.WithoutCancel(c.Request.Context()))
	}
}

const (
	pathCheck   = "/v1/check"
	pathChecks  = "/v1/checks"
	pathAddress = "/v1/addresses/:address"
)

// endConnections makes every answer end its connection while the server drains, so that the caller's next request goes to another server. An idle
// connection stays open: closing it would fail a request that is on its way.
func (s *Server) endConnections(c *gin.Context) {
	if s.draining.Load() {
		c.Header("Connection", "close")
	}
}

// observed registers a handler between measurement and recovery from panics.
func (s *Server) observed(method, path string, h gin.HandlerFunc) {
	m := s.metrics.route(method, path)
	s.engine.Handle(method, path, func(c *gin.Context) {
		start := time.Now()
		m.begin()
		defer func() {
			r := recover()
			if r == http.ErrAbortHandler { //nolint:errorlint // a panic's value
				m.observe(http.StatusInternalServerError, time.Since(start))
				panic(r)
			}
			if r != nil {
				s.log.Error("panic", "route", path, "request_id", requestID(c), "panic", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
				s.fail(c, fault.E(fault.Internal, "panic"))
			}
			m.observe(c.Writer.Status(), time.Since(start))
		}()
		h(c)
	})
}

// route registers a handler for callers that have one of the roles; without roles, for every caller with a key or a session.
func (s *Server) route(method, path string, h handler, roles ...auth.Role) {
	file := method == http.MethodPost && (strings.HasSuffix(path, "/versions") || strings.HasSuffix(path, "/attachments") || path == "/v1/preview")
	if takesIdempotencyKey(method, path) {
		h = s.once(path, file, h)
	}
	if compresses(method, path) {
		h = compressing(h)
	}
	named := strings.Contains(path, "/:id") && method != http.MethodPut // PUT says what is wrong with a name
	s.observed(method, path, func(c *gin.Context) {
		who, err := s.authenticate(c.Request, path)
		if fault.Is(err, fault.Unauthorized) {
			err = s.slowDown(c.Request, err)
		}
		if err == nil {
			err = s.permit(c, who, path, roles)
		}
		if err == nil && named && !isID(param(c, "id")) {
			err = fault.E(fault.NotFound, "no such id")
		}
		if err == nil {
			err = h(c, who)
		} else if forBrowsers(path) {
			c.Writer.Header().Add("WWW-Authenticate", `Basic realm="interdict: an API key as password"`)
		}
		s.recognised(c, who, err)
		if fault.Is(err, fault.Forbidden) && who != nil && method != http.MethodGet {
			s.recordDenied(c, who, path, err)
		}
		if err != nil {
			if file {
				s.failUpload(c, err)
				return
			}
			s.fail(c, err)
		}
	})
}

// permit returns fault.Forbidden if a caller may not use a route: for its roles, its network, or the lists that it is limited to. A caller who
// is limited to lists changes nothing but those.
func (s *Server) permit(c *gin.Context, who *auth.Principal, path string, roles []auth.Role) error {
	if who.Bound() {
		if err := who.From(s.clientAddr(c.Request), clientCertNames(c.Request)); err != nil {
			s.metrics.callerRefused(callerNetwork)
			return err
		}
	}
	if !who.May(roles...) {
		s.metrics.callerRefused(callerRole)
		return fault.E(fault.Forbidden, "this needs one of the roles %v", roles)
	}
	if !who.Limited() {
		return nil
	}
	switch {
	case strings.HasPrefix(path, "/v1/lists/:id"):
		if list := param(c, "id"); !who.MayUse(list) {
			s.metrics.callerRefused(callerList)
			return fault.E(fault.Forbidden, "the key is not for this list")
		}
	case slices.Contains(roles, auth.Admin):
		s.metrics.callerRefused(callerList)
		return fault.E(fault.Forbidden, "a key that is limited to lists may not do this")
	}
	return nil
}

// recordDenied records an attempt at a change that the caller may not make.
func (s *Server) recordDenied(c *gin.Context, who *auth.Principal, path string, denied error) {
	e := lists.Event{Action: "denied", Outcome: "failed", By: who.Actor.Person, Credential: who.Actor.Credential, Subject: c.Request.Method + " " + path, Error: denied.Error()}
	if id := param(c, "id"); strings.HasPrefix(path, "/v1/lists/") && isID(id) {
		e.List = id
	}
	if err := s.ledger.Note(e); err != nil {
		s.log.Error("a denied attempt was not recorded", "route", path, "request_id", requestID(c), "error", err)
	}
}

// slowDown counts an attempt without a valid key. It returns its error, or after too many of them one that says to wait.
func (s *Server) slowDown(r *http.Request, refused error) error {
	from := s.clientAddr(r)
	f := s.throttle.Failed(from)
	if f.Wait > 0 {
		s.metrics.callerRefused(callerThrottled)
	} else {
		s.metrics.callerRefused(whyRefused(r, refused))
	}
	if f.Log {
		s.log.Warn("requests without a valid API key", "client", from.String(), "attempts", f.Attempts, "slowed_down", f.Wait > 0)
	}
	if f.Wait > 0 {
		return retryLater{fault.E(fault.RateLimited, "too many requests without a valid API key from this address"), f.Wait}
	}
	return refused
}

// whyRefused returns the reason, for the metrics, for which a request has no caller.
func whyRefused(r *http.Request, refused error) string {
	_, bearer := r.Header["Authorization"]
	_, key := r.Header["X-Api-Key"]
	switch {
	case errors.Is(refused, auth.ErrExpired):
		return callerExpired
	case bearer || key:
		return callerUnknown
	case auth.SessionToken(r) != "":
		return callerSession
	}
	return callerMissing
}

// forBrowsers tells the routes of the documentation: they are opened by a browser, which can only ask for a name and a password.
func forBrowsers(path string) bool { return path == "/docs/*file" || path == "/openapi.yaml" }

// takesBasic tells the routes whose callers may send a key as the password of HTTP Basic.
func takesBasic(path string) bool { return forBrowsers(path) || path == pathTRM }

// keyText finds the caller's key.
func keyText(r *http.Request, path string) string {
	if h := r.Header["Authorization"]; len(h) > 0 {
		scheme, rest, _ := strings.Cut(h[0], " ")
		switch {
		case strings.EqualFold(scheme, "Bearer"):
			return strings.TrimSpace(rest)
		case strings.EqualFold(scheme, "Basic") && takesBasic(path):
			if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil {
				_, password, _ := strings.Cut(string(b), ":")
				return password
			}
		}
		return ""
	}
	if h := r.Header["X-Api-Key"]; len(h) > 0 {
		return strings.TrimSpace(h[0])
	}
	return ""
}

// param gives a path parameter as the caller meant it. gin's own unescaping is that of queries, which makes a space of a plus sign.
func param(c *gin.Context, name string) string {
	value := c.Param(name)
	if c.Request.URL.RawPath == "" {
		return value // the path held nothing that matters here, and net/http has unescaped it
	}
	if text, err := url.PathUnescape(value); err == nil {
		return text
	}
	return value
}

// isID tells whether a list or a key can be called so; the store does not need to be asked for what cannot be.
func isID(text string) bool {
	return text != "" && len(text) <= 63 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// admit takes n checks from the caller's allowance.
func (s *Server) admit(who *auth.Principal, n int) error {
	return who.Admit(s.now(), n)
}

func (s *Server) livez(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) }

// readiness is the body of /readyz.
type readiness struct {
	Status string           `json:"status"` // ready, not ready
	Checks []readinessCheck `json:"checks"`
}

type readinessCheck struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warn, fail
	Detail string `json:"detail,omitempty"`
}

// outdated says that lists are screened as an older program read them.
func (s *Server) outdated(ids []string) error {
	if why := s.loader.RebuildError(); why != nil {
		return fault.E(fault.Conflict, "%v were read under older rules of identity than this program's (%d) and could not be rebuilt: %w", ids, address.Rules, why)
	}
	return fault.E(fault.Conflict, "%v were read under older rules of identity than this program's (%d) and are being rebuilt", ids, address.Rules)
}

// pingTimeout bounds what the readiness probe waits for the store.
const pingTimeout = 500 * time.Millisecond

func (s *Server) readyz(c *gin.Context) {
	st := s.screener.Status()
	var out readiness
	ready := true
	add := func(name string, err error, essential bool) {
		x := readinessCheck{Name: name, Status: "ok"}
		if err != nil {
			x.Status, x.Detail = "warn", err.Error()
			if essential {
				x.Status, ready = "fail", false
			}
		}
		out.Checks = append(out.Checks, x)
	}
	add("generation", st.Unready, true)
	if st.Unready == nil {
		out.Checks[0].Detail = fmt.Sprintf("generation %d, %d lists, %d listings", st.Generation, len(st.Lists), st.Listings)
	}
	if st.Lost && st.Unready == nil {
		add("lost", fault.E(fault.Lost, "the store has lost generation %d, which is served here; answers come from it and from the store's generation %d together: "+
			"run interdict restore --server with the URL of this server", st.Generation, st.Store), false)
	}
	if st.Newest > 0 && (st.RefreshError != "" || s.now().Sub(st.Behind) > time.Second) {
		add("newest", fault.E(fault.Stale, "generation %d of the store could not be loaded since %s; served is generation %d",
			st.Newest, st.Behind.UTC().Format(time.RFC3339), st.Generation), false)
	}
	if st.ServedErr != nil {
		add("served", st.ServedErr, false)
	}
	if !st.SavedAt.IsZero() && !st.Lost {
		add("cache", fault.E(fault.Unavailable, "the store cannot be read; served is what the cache had on %s", st.SavedAt.UTC().Format(time.RFC3339)), false)
	}
	if s.noCache != nil {
		add("cache", s.noCache, false)
	}
	if st.HeldLayers > 0 {
		out.Checks = append(out.Checks, readinessCheck{Name: "memory", Status: "ok", Detail: fmt.Sprintf("%d of %d layers are held in memory", st.HeldLayers, st.Layers)})
	}
	for _, l := range st.Lists {
		if l.Stale {
			add("list "+l.ID, fault.E(fault.Stale, "last fresh %s, max_age %s", l.FreshAt.UTC().Format(time.RFC3339), l.MaxAge), l.Stops)
		}
	}
	if len(st.Unbound) > 0 {
		add("suppressions", fault.E(fault.Conflict, "%v do not say for which listing they were given and cover nothing: propose them again", st.Unbound), false)
	}
	if len(st.Outdated) > 0 {
		err := s.outdated(st.Outdated)
		if st.Followed != nil {
			err = fault.E(fault.Conflict, "%v were read under older rules of identity than this program's (%d): update the server that is followed", st.Outdated, address.Rules)
		}
		add("rules", err, false)
	}
	add("journal", s.journal(), true)
	if last := &out.Checks[len(out.Checks)-1]; last.Status == "ok" && s.room != nil {
		last.Detail = s.room()
	}
	if s.problems != nil {
		for _, err := range s.problems() {
			add("record", err, false)
		}
	}
	// Answers are given from filters and memory while the store is away: that is a warning.
	ctx, cancel := context.WithTimeout(c.Request.Context(), pingTimeout)
	defer cancel()
	add("store", s.store.Ping(ctx), false)
	if err := s.loader.CanSpool(); err != nil {
		add("spool", err, false)
	}
	if s.spread != nil {
		if name, detail, err := s.spread(); name != "" {
			add(name, err, false)
			if err == nil {
				out.Checks[len(out.Checks)-1].Detail = detail
			}
		}
	}
	if s.cert != nil {
		detail, err := s.cert()
		add("certificate", err, false)
		if err == nil {
			out.Checks[len(out.Checks)-1].Detail = detail
		}
	}
	if s.alone != "" {
		add("four_eyes", fault.E(fault.Conflict, "off: one person can weaken the screening alone"), false)
	} else if s.keys.Setup() {
		add("setup", fault.E(fault.Conflict, "fewer than two people can approve yet: an administrator makes the first ones alone"), false)
	}
	if err := s.sandboxProblem(); err != nil {
		add("sandbox", err, false)
	}
	if st.RefreshError != "" && st.Generation != 0 && !st.Lost {
		add("refresh", fault.E(fault.Unavailable, "%s", st.RefreshError), false)
	}
	if s.draining.Load() {
		add("draining", fault.E(fault.Unavailable, "the server is shutting down"), true)
	}
	out.Status = "ready"
	code := http.StatusOK
	if !ready {
		out.Status, code = "not ready", http.StatusServiceUnavailable
	}
	c.JSON(code, out)
}
