package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"interdict/api"
	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
	"interdict/screening/record"
	"interdict/screening/replica"
)

type serveCmd struct {
	storeFlags
	sourceFlags
	signInFlags
	archiveFlags
	Customers   string `help:"How the customer of a check is recorded: plain, hash (a keyed hash), or encrypt." enum:"plain,hash,encrypt" default:"plain"`
	CustomerKey string `help:"Secret for hash and encrypt, at least 32 bytes; better as INTERDICT_CUSTOMER_KEY_FILE. With another one, earlier customers can be neither found nor read." placeholder:"SECRET"`
	webhookFlags
	shadowFlags
	observeFlags
	sandboxFlags
	edgeFlags
	Listen          string        `help:"Address of the API and the probes." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	AdminListen     string        `help:"Address of metrics, pprof and the documentation." default:"127.0.0.1:9090" placeholder:"HOST:PORT"`
	TLSCert         string        `name:"tls-cert" help:"PEM file of the certificate that the API is served with, over TLS; read again when it changes." placeholder:"FILE"`
	TLSKey          string        `name:"tls-key" help:"PEM file of its key." placeholder:"FILE"`
	TLSClientCA     string        `name:"tls-client-ca" help:"PEM file of the authorities of client certificates: callers need none, but one that is presented must be valid." placeholder:"FILE"`
	TrustedProxies  []string      `help:"Networks of proxies whose X-Forwarded-For is trusted for the address of the caller; none when not given." placeholder:"CIDR"`
	Demo            bool          `help:"A throw-away store with a small bundled list and fresh keys, on loopback."`
	BootstrapKey    string        `help:"Becomes an admin key if the store holds no key." placeholder:"KEY"`
	Pepper          string        `help:"Secret that API keys are hashed with; the store keeps one when none is given." placeholder:"SECRET"`
	ChecksPerSecond float64       `help:"How many checks a second one key may ask; 0 for no limit." default:"0"`
	FourEyes        string        `help:"off lets one person make changes that weaken screening; otherwise a second person must approve them." enum:"on,off" default:"on"`
	MaxUploads      int           `help:"How many uploads may be in progress; the next one gets 503." default:"8" placeholder:"N"`
	UploadSpace     int           `help:"Megabytes of disk that uploads in progress may take in the folder for temporary files (TMPDIR)." default:"8192" placeholder:"MB"`
	Refresh         bool          `help:"Fetch lists that follow a source when they are due; of several servers on one store one does it." default:"true" negatable:""`
	Cache           string        `help:"Folder of the local copy of what is served, to start from while Redis is away; DATA/cache when not given, none for none. Of one server only." placeholder:"DIR"`
	Resident        int           `help:"Megabytes of memory for listings, so that hits are answered in full while Redis is away." default:"256" placeholder:"MB"`
	MaxLag          time.Duration `help:"For how long misses are reported while a newer generation cannot be loaded; then they are 503 and the readiness probe fails." default:"60s"`
	DrainDelay      time.Duration `help:"How long to go on after SIGTERM with the readiness probe failing and every answer ending its connection, before no new connections are taken; a second signal ends the server at once." default:"5s"`
}

// Help is shown under serve --help.
func (*serveCmd) Help() string {
	return "Examples:\n  interdict serve --demo\n  interdict serve --listen :8080 --redis redis://redis:6379"
}

// Validate refuses flags that do not go together, before a store is opened.
func (c *serveCmd) Validate() error { return errors.Join(c.unfit()...) }

// unfit returns what is wrong with flags that do not go together.
func (c *serveCmd) unfit() []error {
	_, proxies := api.ParseProxies(c.TrustedProxies)
	if proxies != nil {
		proxies = fmt.Errorf("--trusted-proxies: %w", proxies)
	}
	_, allowed := c.allowed()
	_, originals := c.originals()
	all := []error{proxies, allowed, originals, c.observeFlags.validate(), c.edgeFlags.check(c.Redis, c.Demo)}
	if c.MaxUploads == 0 || c.UploadSpace == 0 {
		all = append(all, errors.New("--max-uploads and --upload-space must be more than 0"))
	}
	encrypted := c.TLSCert != "" || c.TLSKey != "" || c.TLSClientCA != ""
	switch {
	case encrypted && (c.TLSCert == "" || c.TLSKey == ""):
		all = append(all, errors.New("TLS needs both --tls-cert and --tls-key"))
	case encrypted && c.Demo:
		all = append(all, errors.New("the demonstration speaks plain HTTP on loopback: leave out --tls-cert, --tls-key and --tls-client-ca"))
	}
	return flattened(append(all, c.listenMistakes()...))
}

// flattened returns the errors of which errs are joined, without nil.
func flattened(errs []error) (out []error) {
	for _, err := range errs {
		if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only what errors.Join has returned itself
			out = append(out, flattened(joined.Unwrap())...)
		} else if err != nil {
			out = append(out, err)
		}
	}
	return out
}

//go:embed demo.ndjson
var demoList []byte

// Two addresses for the demonstration: one that the bundled list holds, and the address of the first Bitcoin block's reward.
const (
	demoHit  = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
	demoMiss = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
)

func (c *serveCmd) Run(e *env) error {
	log := e.logger()
	if c.Demo {
		dir, err := os.MkdirTemp("", "interdict-demo-*")
		if err != nil {
			return fault.E(fault.Unavailable, "a folder for the demonstration: %w (TMPDIR names another place)", err)
		}
		defer os.RemoveAll(dir)
		c.Data, c.Redis, c.Journal, c.DrainDelay, c.Sandbox = dir, "", "", 0, true
		if err := c.loopbackOnly(); err != nil {
			return err
		}
	}
	c.tend = true
	o, err := c.openWith(e.ctx, log, journal.DefaultSegmentBytes)
	if err != nil {
		return err
	}
	defer o.close()
	return c.serve(e, o, log)
}

// warnOfStore logs what is wrong with the settings of Redis.
func warnOfStore(ctx context.Context, store lists.Store, log *slog.Logger) {
	w, ok := store.(interface {
		Warnings(context.Context) ([]string, error)
	})
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	all, err := w.Warnings(ctx)
	if err != nil {
		log.Debug("the settings of the store are not known", "error", err)
	}
	for _, text := range all {
		log.Warn("a setting of the store endangers what it holds", "problem", text)
	}
}

// loopbackOnly makes sure that a demonstration is not open to others, and takes free ports where the usual ones are taken.
func (c *serveCmd) loopbackOnly() error {
	for _, addr := range []*string{&c.Listen, &c.AdminListen} {
		host, _, err := net.SplitHostPort(*addr)
		if err != nil {
			return usage("%q is not HOST:PORT", *addr)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return usage("the demonstration listens on loopback only, not on %s", *addr)
		}
	}
	return nil
}

func (c *serveCmd) serve(e *env, o *opened, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(e.ctx))
	defer cancel()
	proxies, err := api.ParseProxies(c.TrustedProxies)
	if err != nil {
		return err
	}
	webhookAllow, err := c.allowed()
	if err != nil {
		return err
	}
	cert, err := c.certificate(log)
	if err != nil {
		return err
	}
	spread, err := c.spreader(ctx, o, log)
	if err != nil {
		return err
	}
	defer spread.close()
	local, cache, noCache, err := c.local(log)
	if err != nil {
		return err
	}
	if err := o.loader.CanSpool(); err != nil {
		log.Warn("uploads cannot be received", "error", err)
	}
	var known lists.Store // keys are taken from the cache only if it is of this store
	if cache != nil {
		defer cache.close()
		if last, _ := cache.served.Read(); last.Of(o.store) {
			known = cache.store
		}
	}
	keys, err := auth.OpenReplica(ctx, o.store, known, auth.Options{Pepper: c.Pepper, Recorder: recorder{o.journal}, Log: log, Now: time.Now, ChecksPerSecond: c.ChecksPerSecond})
	if err != nil {
		return err
	}
	staff, err := c.staff(keys)
	if err != nil {
		return err
	}
	made, err := keys.Bootstrap(ctx, c.BootstrapKey)
	switch {
	case made:
		log.Info("the bootstrap key is now an admin key")
	case fault.Is(err, fault.Unavailable):
		log.Warn("the store is away; the bootstrap key will be looked at when it is back", "error", err)
	case err != nil:
		return err
	}
	bootstrapped := err == nil
	warnOfStore(ctx, o.store, log)
	metrics := api.NewMetrics()
	screener := screening.NewReplica(o.store, local, o.journal, metrics, log, time.Now)
	metrics.Watch(screener)
	watchProcess(metrics, o)
	customers, err := screening.NewCustomers(c.Customers, c.CustomerKey)
	if err != nil {
		return err
	}
	kept, err := c.keeper(ctx, o, screener, log)
	if err != nil {
		return err
	}
	defer kept.close()
	kept.measured(metrics)
	spread.measured(metrics, screener)
	options := api.Options{Screener: screener, Loader: o.loader, Keys: keys, Staff: staff, Store: o.store, Cache: screener.Cache, CacheError: noCache, Metrics: metrics, Log: log, Now: time.Now,
		JournalError: func() error { return journalError(o.journal) }, Record: recordReader{o.journal, kept}, RecordProblems: kept.problems, RecordRoom: kept.roomText, Scratch: openScratch, Archive: kept.api(customers), Customers: customers, Recorder: recorder{o.journal}, FourEyesOff: c.FourEyes == "off", Uploads: c.MaxUploads, UploadSpace: int64(c.UploadSpace) << 20, TrustedProxies: proxies,
		WebhookAllow: webhookAllow, Backup: o.backup, Manifest: spread.local, Spread: spread.state}
	if cert != nil {
		options.Certificate = cert.Check
		watchCertificate(metrics, cert)
	}
	if options.Originals, err = c.originals(); err != nil {
		return err
	}
	traces, err := c.observeFlags.open(log)
	if err != nil {
		return err
	}
	defer traces.close()
	c.observeFlags.apply(&options, traces)
	server := api.New(options)
	if c.Sandbox {
		if err := loadSandbox(ctx, o); err != nil {
			return err
		}
		log.Warn("the sandbox is on: test addresses are listed and give errors; this server must not screen real transfers")
	}
	demoKey, demoSignIn := "", ""
	if c.Demo {
		if demoKey, err = loadDemo(ctx, o, keys); err != nil {
			return err
		}
		if demoSignIn, err = demoAccount(ctx, keys, staff); err != nil {
			return err
		}
	}
	if err := screener.Refresh(ctx); err != nil && !fault.Is(err, fault.NotLoaded) {
		log.Warn("no generation could be loaded yet", "error", err)
	}

	ln, err := listen(c.Listen, c.Demo)
	if err != nil {
		return err
	}
	admin, err := listen(c.AdminListen, c.Demo)
	if err != nil {
		ln.Close()
		return err
	}
	apiServer, adminServer := httpServer(server.Handler(), log), httpServer(adminHandler(metrics), log)
	adminServer.WriteTimeout = 5 * time.Minute // a CPU profile takes its time
	failed := make(chan error, 2)
	go func() { failed <- serveOn(apiServer, ln, cert) }()
	go func() { failed <- adminServer.Serve(admin) }()
	var running sync.WaitGroup // until ctx ends
	running.Go(func() { screener.Follow(ctx, hostname()+"-"+uuid.NewString()[:8]) })
	running.Go(func() { spread.run(ctx) })
	running.Go(func() { kept.run(ctx) })
	running.Go(func() { c.renewKeys(ctx, keys, bootstrapped, log) })
	running.Go(func() { sweepEnded(ctx, log, staff.Sweep, server.SweepRequests) })
	running.Go(func() { exchangeCheckpoints(ctx, o, log) })
	running.Go(func() { c.deliverer(o, webhookAllow, metrics.Registry, log).Run(ctx) })
	running.Go(func() { watchDependencies(ctx, c.dependencies(o, kept), log) })
	if cert != nil {
		running.Go(func() { cert.Watch(ctx) })
	}
	if c.Follow == "" { // the lists are this server's own
		running.Go(func() { o.loader.Tend(ctx) })
		running.Go(func() { o.loader.Rebuilds(ctx, "rebuild-"+uuid.NewString()) })
		if c.Refresh && !c.Demo {
			refresher := c.refresher(o, "refresh", loader.RefreshOptions{Metrics: newRefreshMetrics(metrics.Registry), Tracer: traces.tracer()})
			running.Go(func() { refresher.Run(ctx) })
		}
	}
	if id, err := o.journal.ID(); err == nil {
		server.CountTraffic(fmt.Sprintf("%s-%d", id, ln.Addr().(*net.TCPAddr).Port)) // both stay when the server starts again
	}
	log.Info("serving", "address", ln.Addr().String(), "admin", admin.Addr().String(), "store", o.store.Describe())
	if c.Demo {
		printDemo(e, ln.Addr().String(), admin.Addr().String(), demoKey, demoSignIn)
	}

	select {
	case err = <-failed:
	case <-e.ctx.Done():
		log.Info("draining")
		server.Drain()
		time.Sleep(c.DrainDelay)
		stop, done := context.WithTimeout(ctx, endWithin)
		defer done()
		err = errors.Join(apiServer.Shutdown(stop), adminServer.Shutdown(stop))
		if errors.Is(err, context.DeadlineExceeded) {
			err = fault.E(fault.Unavailable, "requests, such as uploads, that were still open after %s were broken off: their callers must repeat them", endWithin)
		}
	}
	server.Close()
	cancel()
	running.Wait()
	apiServer.Close()
	adminServer.Close()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// endWithin is how long open requests may take once no new connections are taken.
const endWithin = 20 * time.Second

// localMistakes returns what is wrong with the settings of local.
func (c *serveCmd) localMistakes() (all []error) {
	if c.MaxLag <= 0 {
		all = append(all, usage("--max-lag must be more than 0"))
	}
	if c.Redis == "" && c.Cache != "" && c.Cache != "none" {
		all = append(all, usage("--cache is for --redis; the embedded store needs none"))
	}
	return all
}

// local is what this server keeps for itself. With the embedded store there is nothing to bridge: it is local already.
// A cache that cannot be used is no reason not to serve: unusable says why there is none.
func (c *serveCmd) local(log *slog.Logger) (out replica.Local, cache *cacheFolder, unusable, err error) {
	out.MaxLag, out.Sandbox = c.MaxLag, c.Sandbox
	if all := c.localMistakes(); len(all) > 0 {
		return out, nil, nil, all[0]
	}
	if c.Redis == "" {
		return out, nil, nil, nil
	}
	out.ResidentBytes = int64(c.Resident) << 20
	dir := c.Cache
	switch dir {
	case "none":
		return out, nil, nil, nil
	case "":
		dir = filepath.Join(c.Data, "cache")
	}
	cache, err = openCache(dir, log)
	if err != nil {
		unusable = fault.E(fault.Unavailable, "no cache, so this server cannot start while Redis is away: the folder %s cannot be used: %w; name a writable one with --cache or --data, or --cache none",
			dir, err)
		log.Warn("the cache cannot be used", "error", unusable)
		return out, nil, unusable, nil
	}
	log.Info("cache", "folder", dir, "resident_bytes", out.ResidentBytes)
	out.Cache, out.Served, out.SetAside = cache.store, cache.served, cache.setAside
	return out, cache, nil, nil
}

// httpServer bounds everything a caller can spin out. Uploads extend their own deadlines.
func httpServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}

func adminHandler(m *api.Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", api.DocsHandler())
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "replica"
	}
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(name))
	return "r" + clean[:min(len(clean), 63)]
}

// renewKeys keeps the copy of the keys young, so that a revoked one is refused recordReader within a second or two.
func (c *serveCmd) renewKeys(ctx context.Context, keys *auth.Keys, bootstrapped bool, log *slog.Logger) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := errors.Join(keys.Refresh(ctx), keys.StoreUses(ctx))
			if err == nil && !bootstrapped {
				_, err = keys.Bootstrap(ctx, c.BootstrapKey)
				bootstrapped = err == nil
			}
			if err != nil && ctx.Err() == nil {
				log.Debug("renew keys", "error", err)
			}
		}
	}
}

// loadDemo activates the bundled list and makes a key for the printed lines.
func loadDemo(ctx context.Context, o *opened, keys *auth.Keys) (string, error) {
	settings := loader.NewList("demo", time.Now().UTC())
	settings.Name, settings.Authority = "Demonstration: excerpt of OFAC and FBI publications", "US Treasury, OFAC; US FBI"
	settings.Category, settings.Approvals = lists.Sanctions, 0
	v, err := o.loader.Stage(ctx, "demo", []loader.Upload{{Name: "demo.ndjson", Body: bytes.NewReader(demoList)}},
		loader.StageOptions{Format: "ndjson", By: lists.Person(operator()), Create: settings, Published: "2025-04-02",
			Note: "a dated excerpt that comes with the program; never screen with it"})
	if err != nil {
		return "", err
	}
	if _, err := o.loader.Activate(ctx, "demo", v.Number, loader.ActivateOptions{By: lists.Person(operator())}); err != nil {
		return "", err
	}
	text, _, err := keys.Create(ctx, lists.Key{Name: "demo", Roles: []lists.Role{lists.Admin}}, auth.Change{By: lists.Person(operator()), Warrant: lists.Warrant{Alone: lists.AloneOperator}})
	return text, err
}

// demoAccount makes an account for the console, and returns the text that signs in to it once.
func demoAccount(ctx context.Context, keys *auth.Keys, staff *auth.Staff) (string, error) {
	_, account, err := keys.Accounts().Create(ctx, lists.Account{Login: "demo", Roles: []lists.Role{lists.Admin}},
		auth.Change{By: lists.Person(operator()), Warrant: lists.Warrant{Alone: lists.AloneOperator}})
	if err != nil {
		return "", err
	}
	return staff.Link(account.ID), nil
}

func printDemo(e *env, addr, admin, key, signIn string) {
	fmt.Fprintf(e.stdout, "Interdict demonstration. The bundled list is a dated excerpt: never screen with it.\n")
	fmt.Fprintf(e.stdout, "Documentation: http://%s/docs/\n\nA listed address, and one that is not:\n\n", admin)
	for _, address := range []string{demoHit, demoMiss} {
		body, err := json.Marshal(map[string]string{"address": address, "direction": "withdrawal"})
		if err != nil {
			panic(err) // two strings always encode
		}
		fmt.Fprintf(e.stdout, "curl -s http://%s/v1/check -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '%s'\n", addr, key, body)
	}
	fmt.Fprintf(e.stdout, "\nTest addresses for every result and every error: GET http://%s/v1/sandbox with that key\n", addr)
	fmt.Fprintf(e.stdout, "\nThe console, with a sign-in that works once:\n\nhttp://%s/console/welcome#%s\n\n", addr, signIn)
}

// recorder writes changes into the journal.
type recorder struct{ j *record.Record }

// changeKinds are the kinds of records whose action has one name only.
var changeKinds = map[string]journal.Kind{"stage": journal.Upload, "refresh": journal.Upload, "approve": journal.Approval, "reject": journal.Rejection,
	"activate": journal.Activation, "rollback": journal.Rollback, "retire": journal.Activation, "restore": journal.Activation,
	"compact": journal.Activation, "rebuild": journal.Activation, "sign-in": journal.SignIn, "denied": journal.Denied,
	"propose": journal.Proposal, "withdraw": journal.Proposal}

// kindOf returns the kind of the record of an event.
func kindOf(action string) journal.Kind {
	if kind, ok := changeKinds[action]; ok {
		return kind
	}
	switch {
	case strings.HasPrefix(action, "key-"), strings.HasPrefix(action, "person-"), strings.HasPrefix(action, "webhook-"), strings.HasPrefix(action, "hold-"):
		return journal.Key
	case strings.HasPrefix(action, "sign-in"):
		return journal.SignIn
	case strings.HasPrefix(action, "propos"):
		return journal.Proposal
	}
	return journal.ListChange
}

func (r recorder) Record(c lists.Event) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return r.j.Append(kindOf(c.Action), c.At, b, true)
}

// journalError tells why decisions cannot be recorded now, as far as the last few seconds tell.
func journalError(j *record.Record) error {
	if st := j.Stats(); st.LastError != nil && time.Since(st.LastErrorAt) < 5*time.Second {
		return st.LastError
	}
	return j.Lost()
}
