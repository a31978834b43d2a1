package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/schollz/progressbar/v3"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/loader/fetch"
	"interdict/loader/formats"
)

// sourceFlags say what may be fetched for lists that follow a source.
type sourceFlags struct {
	UserAgent            string `help:"User agent of downloads; OFAC refuses those that do not look like a browser's." placeholder:"TEXT"`
	AllowHTTPSources     bool   `name:"allow-http-sources" help:"Fetch sources over plain http, too."`
	AllowInternalSources bool   `help:"Fetch sources at loopback, private and other internal addresses, too."`
}

// refresher makes what fetches lists; by is who is on record for what it does.
func (f *sourceFlags) refresher(o *opened, by string, more loader.RefreshOptions) *loader.Refresher {
	more.Owner, more.By = hostname()+"-"+uuid.NewString(), by
	more.Fetch = fetch.Options{UserAgent: f.UserAgent, AllowHTTP: f.AllowHTTPSources, AllowInternal: f.AllowInternalSources}
	return loader.NewRefresher(o.loader, more)
}

type refreshCmd struct {
	storeFlags
	sourceFlags
	Lists []string `arg:"" optional:"" name:"list" help:"Ids of lists; all that follow a source when none is given."`
	Force bool     `help:"Fetch now, due or not."`
	JSON  bool     `help:"Print the result for each list as JSON."`
}

// Help is shown under refresh --help.
func (*refreshCmd) Help() string {
	return "Fetches every list that follows a source and is due, stages what is new, and activates it where the list asks for no approvals and no\n" +
		"guard trips. What cannot be fetched or read leaves the list as it is.\n\n" +
		"Examples:\n  interdict lists follow ofac-sdn && interdict refresh\n  interdict refresh ofac-sdn --force --json"
}

func (c *refreshCmd) Run(e *env) error {
	if c.Redis == "" { // lists that follow a source are in a store that exists
		store, err := diskstore.Open(c.Data, diskstore.ReadOnly)
		if err != nil {
			return err
		}
		store.Close()
	}
	o, err := c.open(e.ctx, e.quiet())
	if err != nil {
		return err
	}
	defer o.close()
	show := newFetchBar(e, c.JSON)
	all, failed := []loader.Refreshed{}, 0
	err = c.refresher(o, operator(), loader.RefreshOptions{Progress: show.tell}).Refresh(e.ctx, c.Lists, c.Force, func(x loader.Refreshed) {
		show.done()
		if all = append(all, x); x.Outcome == lists.RefreshFailed {
			failed++
		}
		if !c.JSON {
			printRefreshed(e, &x)
		}
	})
	show.done()
	if c.JSON {
		slices.SortFunc(all, func(a, b loader.Refreshed) int { return cmp.Compare(a.List, b.List) })
		printJSON(e.stdout, map[string][]loader.Refreshed{"lists": all})
	} else if err == nil && len(all) == 0 {
		fmt.Fprintln(e.stdout, "no list follows a source: see interdict lists sources")
	}
	if err == nil && failed > 0 {
		err = fault.E(fault.Unavailable, "%d of %d lists could not be refreshed; what is active stays", failed, len(all))
	}
	return err
}

func printRefreshed(e *env, x *loader.Refreshed) {
	text := cmp.Or(x.Error, x.Detail)
	if x.Outcome == lists.RefreshNotDue {
		when := "only when it is named"
		if x.Next != nil {
			when = "not before " + x.Next.UTC().Format(time.RFC3339)
		}
		text = when + "; " + x.Detail
	}
	fmt.Fprintf(e.stdout, "%-26s %-9s  %s\n", x.List, x.Outcome, text)
	printWarnings(e, x.Warnings)
}

// fetchBar shows on a terminal how much of a list has arrived, and then how many rows were read. Of several lists that are fetched at the same
// time it shows one.
type fetchBar struct {
	f    *os.File // nil: there is no terminal
	mu   sync.Mutex
	bar  *progressbar.ProgressBar
	list string // whose bar it is
	rows bool
}

func newFetchBar(e *env, quiet bool) *fetchBar {
	if quiet {
		return &fetchBar{}
	}
	return &fetchBar{f: e.terminal()}
}

func (b *fetchBar) tell(list string, bytes, of int64, rows int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.f == nil || b.bar != nil && b.list != list {
		return
	}
	if b.bar != nil && b.rows != (rows > 0) {
		b.finish()
	}
	if b.bar == nil {
		b.list, b.rows = list, rows > 0
		what := []progressbar.Option{progressbar.OptionSetDescription("fetching " + list), progressbar.OptionShowBytes(true)}
		if b.rows {
			of = -1
			what = []progressbar.Option{progressbar.OptionSetDescription("reading " + list), progressbar.OptionShowCount(), progressbar.OptionSetItsString("rows")}
		}
		b.bar = progressbar.NewOptions64(of, append(what, progressbar.OptionSetWriter(b.f), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100*time.Millisecond))...)
	}
	if b.rows {
		bytes = int64(rows)
	}
	_ = b.bar.Set64(bytes)
}

// done ends the bar before something else is printed.
func (b *fetchBar) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish()
}

func (b *fetchBar) finish() {
	if b.bar != nil {
		_ = b.bar.Finish()
		b.bar = nil
	}
}

type sourcesCmd struct {
	JSON bool `help:"Print JSON."`
}

func (c *sourcesCmd) Run(e *env) error {
	if c.JSON {
		printJSON(e.stdout, loader.Sources())
		return nil
	}
	for _, s := range loader.Sources() {
		fmt.Fprintf(e.stdout, "%s\n  %s; %s; %s, %s\n", s.ID, s.Name, s.Authority, s.Category, s.Confidence)
		if s.URL != "" {
			fmt.Fprintf(e.stdout, "  %s (%s, every %s)\n", s.URL, s.Format, s.Every)
		}
		fmt.Fprintf(e.stdout, "  licence: %s\n", s.Licence)
		if s.URL == "" && s.Instruction != "" {
			fmt.Fprintf(e.stdout, "  the node that --url names (%s, every %s)\n", s.Format, s.Every)
		}
		if s.Note != "" {
			fmt.Fprintf(e.stdout, "  note: %s\n", s.Note)
		}
	}
	fmt.Fprintln(e.stdout, "\nNone is followed until you choose it: interdict lists follow SOURCE")
	return nil
}

type followCmd struct {
	target
	Source    string        `arg:"" help:"Id of a source: see interdict lists sources."`
	List      string        `help:"List that is to follow it; the source's own when not given. Made when it is not there." placeholder:"ID"`
	URL       string        `name:"url" help:"Fetch it from here instead, a mirror of your own." placeholder:"URL"`
	Format    string        `help:"Format of the file: ${formats}; auto detects it. The source's own when not given." placeholder:"FORMAT" env:"-"`
	Every     time.Duration `help:"How often to ask for anything newer; the source's own interval when not given." placeholder:"6h"`
	Approvals *int          `help:"How many people must approve what was fetched before it goes live; none, for a list that is made." placeholder:"N"`
}

// Help is shown under lists follow --help.
func (*followCmd) Help() string {
	return "Examples:\n  interdict lists follow ofac-sdn\n  interdict lists follow israel-nbctf --list il-orders --approvals 1\n" +
		"  interdict lists follow ransomwhere --url https://mirror.example/ransomwhere.csv --format csv"
}

func (c *followCmd) Run(e *env) error {
	if c.Format != "" && !formats.Known(c.Format) {
		return usage("--format %s is none of auto, %s", address.Quote(c.Format), strings.Join(formats.Names(), ", "))
	}
	source, err := loader.SourceNamed(c.Source)
	if err != nil {
		return err
	}
	url := cmp.Or(c.URL, source.URL)
	if url == "" {
		return fault.E(fault.Invalid, "%s cannot be followed: %s", source.ID, source.Note)
	}
	if source.Instruction != "" && !strings.Contains(url, "#") {
		url += "#" + source.Instruction
	}
	every := cmp.Or(c.Every, source.Every, 24*time.Hour)
	return c.changes(e, func(o operations) error {
		id := cmp.Or(c.List, source.List)
		settings := client.ListSettings{Approvals: c.Approvals,
			Source: &client.Source{URL: url, Format: cmp.Or(c.Format, source.Format, "auto"), Every: every.String()}}
		if _, err := o.List(e.ctx, id); fault.Is(err, fault.NotFound) {
			none := 0
			settings.Name, settings.Authority, settings.Category, settings.Confidence = &source.Name, &source.Authority, &source.Category, &source.Confidence
			settings.Approvals = cmp.Or(c.Approvals, &none)
		} else if err != nil {
			return err
		}
		l, err := o.SetList(e.ctx, id, settings)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s follows %s every %s\n", l.ID, l.Source.URL, l.Source.Every)
		if l.Approvals == 0 {
			fmt.Fprintln(e.stdout, "what is new goes live by itself unless a guard trips; --approvals 1 asks for a second person")
		} else {
			fmt.Fprintf(e.stdout, "what is new is staged and waits for %d approvals\n", l.Approvals)
		}
		fmt.Fprintln(e.stdout, "a running server fetches it by itself soon; without one: interdict refresh", l.ID)
		return nil
	})
}

type unfollowCmd struct {
	target
	List string `arg:"" help:"Id of the list."`
}

// Help is shown under lists unfollow --help.
func (*unfollowCmd) Help() string { return "Example:\n  interdict lists unfollow ofac-sdn" }

func (c *unfollowCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error {
		l, err := o.List(e.ctx, c.List)
		if err != nil {
			return err
		}
		if l.Source == nil {
			return fault.E(fault.Conflict, "list %s follows no source", c.List)
		}
		if _, err := o.SetList(e.ctx, c.List, client.ListSettings{Source: &client.Source{}}); err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s follows no source any more; what is active stays\n", c.List)
		return nil
	})
}

// refreshMetrics shows how the fetching of lists goes. What a list's last attempts came to is read from the store, so that every replica shows it,
// whichever did them.
type refreshMetrics struct {
	attempts *prometheus.CounterVec
	known    atomic.Pointer[map[string]lists.Refresh]
}

var (
	refreshAttemptDesc = prometheus.NewDesc("interdict_refresh_attempt_timestamp_seconds", "When the list was last asked for at its source.", []string{"list"}, nil)
	refreshSuccessDesc = prometheus.NewDesc("interdict_refresh_success_timestamp_seconds", "When its source last gave a list that could be taken, or had nothing newer; 0 for never.", []string{"list"}, nil)
	refreshFailedDesc  = prometheus.NewDesc("interdict_refresh_consecutive_failures", "How many attempts have failed since then.", []string{"list"}, nil)
	refreshWaitsDesc   = prometheus.NewDesc("interdict_refresh_waiting", "1 when what the source has is not active and waits for a person.", []string{"list"}, nil)
)

func newRefreshMetrics(registry *prometheus.Registry) *refreshMetrics {
	m := &refreshMetrics{attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_refresh_total",
		Help: "Attempts of this process to refresh a list, by outcome."}, []string{"list", "outcome"})}
	registry.MustRegister(m.attempts, m)
	return m
}

// Refreshed counts one attempt.
func (m *refreshMetrics) Refreshed(list string, outcome lists.RefreshOutcome) {
	m.attempts.WithLabelValues(list, string(outcome)).Inc()
}

// Known takes what the store says.
func (m *refreshMetrics) Known(all map[string]lists.Refresh) { m.known.Store(&all) }

// Describe and Collect make it a prometheus.Collector.
func (m *refreshMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{refreshAttemptDesc, refreshSuccessDesc, refreshFailedDesc, refreshWaitsDesc} {
		ch <- d
	}
}

// Collect gives one series a list that follows a source.
func (m *refreshMetrics) Collect(ch chan<- prometheus.Metric) {
	known := m.known.Load()
	if known == nil {
		return
	}
	gauge := func(d *prometheus.Desc, list string, value float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, list)
	}
	for list, x := range *known {
		gauge(refreshAttemptDesc, list, unixSeconds(x.LastAttempt))
		gauge(refreshSuccessDesc, list, unixSeconds(x.LastSuccess))
		gauge(refreshFailedDesc, list, float64(x.Failures))
		waits := 0.0
		if x.Outcome == lists.RefreshStaged || x.Outcome == lists.RefreshWaiting {
			waits = 1
		}
		gauge(refreshWaitsDesc, list, waits)
	}
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}
