package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

// The services whose clients the drop-in endpoints answer.
const (
	chainalysis = "chainalysis"
	trm         = "trm"
	scorechain  = "scorechain"
)

// Original is a service that is asked as well, in shadow mode.
type Original struct {
	URL string // without the path of its endpoint, such as https://public.chainalysis.com
	Key string
}

const (
	shadowQueue    = 1000 // comparisons that wait
	shadowKept     = 1000 // newest differences, in memory
	shadowPatience = 10 * time.Second
	shadowAnswer   = 1 << 20 // bytes of an answer
)

// shadow asks the originals what a drop-in endpoint has answered, in the background, and notes where the two differ. It never delays an answer: what does not
// fit into its queue is counted and left out.
type shadow struct {
	originals map[string]Original
	http      *http.Client
	ledger    lists.Ledger
	now       func() time.Time
	queue     chan comparison
	outcomes  *prometheus.CounterVec

	mu          sync.Mutex
	services    map[string]*client.ShadowService
	differences []client.ShadowDifference // the newest last
}

// comparison is one answer of a drop-in endpoint.
type comparison struct {
	service string
	at      time.Time
	items   []compared
}

type compared struct {
	address, checkID string
	listed           bool
}

func newShadow(originals map[string]Original, m *Metrics, ledger lists.Ledger, now func() time.Time) *shadow {
	x := &shadow{originals: originals, ledger: ledger, now: now, queue: make(chan comparison, shadowQueue), services: map[string]*client.ShadowService{},
		http: &http.Client{Timeout: shadowPatience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "interdict_shadow_total",
			Help: "Addresses asked of the original service as well, by outcome: same, ours_only (only Interdict says listed), theirs_only, failed, dropped."}, []string{"service", "outcome"})}
	for name, o := range originals {
		x.services[name] = &client.ShadowService{Service: name, URL: lists.RedactURL(o.URL)}
		for _, outcome := range []string{"same", "ours_only", "theirs_only", "failed", "dropped"} {
			x.outcomes.WithLabelValues(name, outcome) // an alert sees the first difference only if the series was there before
		}
	}
	if m != nil && len(originals) > 0 {
		m.Registry.MustRegister(x.outcomes)
	}
	return x
}

// compare takes an answer for comparison, if its service is asked.
func (x *shadow) compare(service string, items []compared) {
	if _, asked := x.originals[service]; !asked || len(items) == 0 {
		return
	}
	select {
	case x.queue <- comparison{service, x.now().UTC(), items}:
	default:
		x.count(service, "dropped", len(items))
	}
}

// run compares until ctx ends.
func (x *shadow) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-x.queue:
			theirs, err := x.ask(ctx, c)
			if err != nil {
				x.count(c.service, "failed", len(c.items))
				x.mu.Lock()
				x.services[c.service].LastError = err.Error()
				x.mu.Unlock()
				continue
			}
			for i, item := range c.items {
				x.note(c, item, theirs[i])
			}
		}
	}
}

func (x *shadow) count(service, outcome string, n int) {
	x.outcomes.WithLabelValues(service, outcome).Add(float64(n))
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.services[service]
	*map[string]*int{"same": &s.Same, "ours_only": &s.OursOnly, "theirs_only": &s.TheirsOnly, "failed": &s.Failed, "dropped": &s.Dropped}[outcome] += n
}

// note counts an outcome; a difference goes on record.
func (x *shadow) note(c comparison, item compared, theirs bool) {
	outcome := "same"
	switch {
	case item.listed && !theirs:
		outcome = "ours_only"
	case !item.listed && theirs:
		outcome = "theirs_only"
	}
	x.count(c.service, outcome, 1)
	if outcome == "same" {
		return
	}
	d := client.ShadowDifference{At: c.at, Service: c.service, Address: item.address, CheckID: item.checkID, Ours: item.listed, Theirs: theirs}
	x.mu.Lock()
	if x.differences = append(x.differences, d); len(x.differences) > shadowKept {
		x.differences = x.differences[1:]
	}
	x.mu.Unlock()
	b, err := json.Marshal(d)
	if err == nil {
		err = x.ledger.Note(lists.Event{Action: "shadow", Outcome: outcome, At: c.at, By: "shadow mode", Subject: c.service, After: b})
	}
	if err != nil {
		x.mu.Lock()
		x.services[c.service].LastError = "a difference was not recorded: " + err.Error()
		x.mu.Unlock()
	}
}

// ask asks the original. Every address of the comparison has an answer, or there is an error.
func (x *shadow) ask(ctx context.Context, c comparison) ([]bool, error) {
	o := x.originals[c.service]
	if c.service == trm {
		return x.askTRM(ctx, o, c.items)
	}
	out := make([]bool, len(c.items))
	for i, item := range c.items {
		path, key := "/api/v1/address/", "X-API-Key"
		if c.service == scorechain {
			path, key = "/v1/addresses/", "x-api-key"
		}
		b, err := x.send(ctx, http.MethodGet, o.URL+path+url.PathEscape(item.address), nil, func(h http.Header) { h.Set(key, o.Key) })
		if err != nil {
			return nil, err
		}
		if c.service == scorechain {
			out[i], err = readScorechain(b)
		} else {
			out[i], err = readChainalysis(b)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (x *shadow) askTRM(ctx context.Context, o Original, items []compared) ([]bool, error) {
	in := make([]map[string]string, len(items))
	for i, item := range items {
		in[i] = map[string]string{"address": item.address}
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fault.E(fault.Internal, "encode the request: %w", err)
	}
	b, err := x.send(ctx, http.MethodPost, o.URL+pathTRM, body, func(h http.Header) {
		if o.Key != "" {
			(&http.Request{Header: h}).SetBasicAuth(o.Key, o.Key)
		}
	})
	if err != nil {
		return nil, err
	}
	var answers []struct {
		Address      string `json:"address"`
		IsSanctioned *bool  `json:"isSanctioned"`
	}
	if err := json.Unmarshal(b, &answers); err != nil || len(answers) != len(items) {
		return nil, errOriginal
	}
	out := make([]bool, len(items))
	for i, a := range answers {
		if a.IsSanctioned == nil || a.Address != items[i].address { // another order would compare one address with the answer to another one
			return nil, errOriginal
		}
		out[i] = *a.IsSanctioned
	}
	return out, nil
}

var errOriginal = fault.E(fault.Unavailable, "the answer of the original is not in its usual form")

func readChainalysis(b []byte) (bool, error) {
	var a struct {
		Identifications *[]json.RawMessage `json:"identifications"`
	}
	if err := json.Unmarshal(b, &a); err != nil || a.Identifications == nil {
		return false, errOriginal
	}
	return len(*a.Identifications) > 0, nil
}

// readScorechain reads an array or an object: the original has been seen to send either.
func readScorechain(b []byte) (bool, error) {
	type item struct {
		IsSanctioned *bool `json:"isSanctioned"`
	}
	var all []item
	if err := json.Unmarshal(b, &all); err != nil {
		var one item
		if err := json.Unmarshal(b, &one); err != nil {
			return false, errOriginal
		}
		all = []item{one}
	}
	if all == nil { // null
		return false, errOriginal
	}
	listed := false
	for _, a := range all {
		if a.IsSanctioned == nil {
			return false, errOriginal
		}
		listed = listed || *a.IsSanctioned
	}
	return listed, nil
}

// send sends a request and returns a successful answer.
func (x *shadow) send(ctx context.Context, method, target string, body []byte, authorize func(http.Header)) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fault.E(fault.Invalid, "the URL of the original cannot be used")
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	authorize(req.Header)
	res, err := x.http.Do(req)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "the original cannot be reached") // the error would show the address
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, shadowAnswer))
	switch {
	case err != nil:
		return nil, fault.E(fault.Unavailable, "the answer of the original broke off")
	case res.StatusCode/100 != 2:
		return nil, fault.E(fault.Unavailable, "the original answered %s", fmt.Sprintf("%d %s", res.StatusCode, strings.ToLower(http.StatusText(res.StatusCode))))
	}
	return b, nil
}

// getShadow tells how the drop-in endpoints of this server compare with the originals since it started.
func (s *Server) getShadow(c *gin.Context, _ *auth.Principal) error {
	out := client.Shadow{Services: []client.ShadowService{}, Differences: []client.ShadowDifference{}}
	s.shadow.mu.Lock()
	for _, name := range []string{chainalysis, trm, scorechain} {
		if x := s.shadow.services[name]; x != nil {
			out.Services = append(out.Services, *x)
		}
	}
	for i := len(s.shadow.differences) - 1; i >= 0; i-- {
		out.Differences = append(out.Differences, s.shadow.differences[i])
	}
	s.shadow.mu.Unlock()
	return render(c, http.StatusOK, out)
}
