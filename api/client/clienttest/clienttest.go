// Package clienttest has a service for the tests of programs that ask Interdict: it gives the answers and the errors that a test wants.
//
//	fake := clienttest.New(t)
//	fake.List(address, clienttest.Listing{Category: lists.Sanctions})
//	fake.Fail(other, clienttest.Stale)
//	c := fake.Client()
//
// Every other address is a miss. Test that the program holds the transfer for each of clienttest.Failures.
package clienttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"interdict/api/client"
	"interdict/lists"
)

// Key is the only key that the service takes.
const Key = "ik_test"

// Listing is what a hit says. The zero value is a confirmed, exact listing of category sanctions: freeze a deposit, reject a withdrawal.
type Listing struct {
	Class      string           // "": exact
	Category   lists.Category   // "": lists.Sanctions
	Confidence lists.Confidence // "": lists.Confirmed
	List       string           // id; "": test
	Entity     string
	Deposit    lists.Action // "": lists.Freeze
	Withdrawal lists.Action // "": lists.Reject
}

// Failure is a way to give no answer.
type Failure struct {
	Name    string
	Status  int    // 0: the connection breaks off
	Problem string // its body; "" for what is not an error of Interdict
}

// Ways to give no answer.
var (
	InvalidAddress = failure("invalid_address", 422, `"reason":"bad_checksum"`)
	WouldMatch     = failure("invalid_address", 422, `"reason":"mixed_case","would_match":true`)
	WrongNetwork   = failure("invalid_address", 422, `"reason":"wrong_network","networks":["bitcoin"]`)
	Unsupported    = failure("unsupported_network", 422)
	Unauthorized   = failure("unauthorized", 401)
	Forbidden      = failure("forbidden", 403)
	RateLimited    = failure("rate_limited", 429)
	Internal       = failure("internal", 500)
	NotLoaded      = failure("not_loaded", 503)
	Stale          = failure("stale", 503)
	Lost           = failure("lost", 503)
	PossibleMatch  = failure("store_unavailable", 503, `"possible_match":true`)
	BrokenOff      = Failure{Name: "broken off"}
	NotInterdict   = Failure{Name: "not Interdict", Status: 200}

	// Failures are all of them.
	Failures = []Failure{InvalidAddress, WouldMatch, WrongNetwork, Unsupported, Unauthorized, Forbidden, RateLimited, Internal, NotLoaded, Stale, Lost, PossibleMatch, BrokenOff, NotInterdict}
)

func failure(code string, status int, more ...string) Failure {
	fields := append([]string{`"type":"urn:interdict:problem:` + code + `"`, `"title":"a test"`, fmt.Sprintf(`"status":%d`, status), `"code":"` + code + `"`}, more...)
	return Failure{code, status, "{" + strings.Join(fields, ",") + "}"}
}

// Server is the service. Its methods are safe for concurrent use.
type Server struct {
	// URL is the address of the service.
	URL string

	t      testing.TB
	mu     sync.Mutex
	listed map[string]Listing
	failed map[string]Failure
	all    *Failure
	asked  []client.CheckRequest
}

// New starts a service that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, listed: map[string]Listing{}, failed: map[string]Failure{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/check", s.check)
	mux.HandleFunc("POST /v1/checks", s.checks)
	mux.HandleFunc("GET /v1/addresses/{address...}", s.lookUp)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// Client returns a client of the service that asks once.
func (s *Server) Client() *client.Client {
	s.t.Helper()
	c, err := client.New(s.URL, Key, client.WithRetries(0))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// List makes an address a hit.
func (s *Server) List(address string, l Listing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed[address] = l
}

// Fail makes the service give no answer for an address.
func (s *Server) Fail(address string, f Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[address] = f
}

// FailAll makes the service give no answer at all; nil ends that.
func (s *Server) FailAll(f *Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = f
}

// Asked returns the checks that the service was asked, in order.
func (s *Server) Asked() []client.CheckRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]client.CheckRequest(nil), s.asked...)
}

// answer returns the answer to a check, or how to fail.
func (s *Server) answer(r client.CheckRequest) (any, *Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	if s.all != nil {
		return nil, s.all
	}
	if f, ok := s.failed[r.Address]; ok {
		return nil, &f
	}
	id, err := uuid.NewV7()
	if err != nil {
		s.t.Error(err)
	}
	a := map[string]any{"check_id": id.String(), "result": "miss", "address": client.CheckedAddress{Input: r.Address, Network: r.Network, Canonical: r.Address, Identity: "test:" + r.Address},
		"matches": []client.Match{}, "screened": client.Screened{Generation: 1, AsOf: time.Now().UTC(), Lists: 1, Listings: max(len(s.listed), 1)}, "checked_at": time.Now().UTC()}
	l, hit := s.listed[r.Address]
	if hit {
		list := or(l.List, "test")
		a["result"] = "hit"
		a["matches"] = []client.Match{{Class: or(l.Class, "exact"), List: client.MatchedList{ID: list, Name: list, Version: 1}, Listed: client.ListedAddress{Address: r.Address, Network: r.Network},
			Entity: lists.Entity{Name: l.Entity}, Category: or(l.Category, lists.Sanctions), Confidence: or(l.Confidence, lists.Confirmed), Programs: []string{}, AddedIn: 1}}
	}
	if r.Direction != "" {
		a["direction"] = r.Direction
		a["action"] = lists.Allow
		switch {
		case hit && r.Direction == lists.Deposit:
			a["action"] = or(l.Deposit, lists.Freeze)
		case hit:
			a["action"] = or(l.Withdrawal, lists.Reject)
		}
	}
	return a, nil
}

func or[T ~string](v, otherwise T) T {
	if v == "" {
		return otherwise
	}
	return v
}

func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	var in client.CheckRequest
	if !s.read(w, r, &in) {
		return
	}
	if err := whole(in); err != nil {
		s.fail(w, failure("invalid_request", 400, fmt.Sprintf(`"detail":%q`, err)))
		return
	}
	a, failed := s.answer(in)
	if failed != nil {
		s.fail(w, *failed)
		return
	}
	s.write(w, a)
}

func (s *Server) checks(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Checks []client.CheckRequest `json:"checks"`
	}
	if !s.read(w, r, &in) {
		return
	}
	results := []any{}
	for _, one := range in.Checks {
		a, failed := s.answer(one)
		switch {
		case failed == nil:
			results = append(results, a)
		case failed.Status == http.StatusUnprocessableEntity || *failed == PossibleMatch: // of one item; all else fails the whole batch
			results = append(results, map[string]any{"result": "error", "error": json.RawMessage(failed.Problem)})
		default:
			s.fail(w, *failed)
			return
		}
	}
	s.write(w, map[string]any{"results": results})
}

func (s *Server) lookUp(w http.ResponseWriter, r *http.Request) {
	if !s.authorized(w, r) {
		return
	}
	address, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/v1/addresses/"))
	if err != nil {
		s.fail(w, failure("invalid_request", 400))
		return
	}
	a, failed := s.answer(client.CheckRequest{Address: address, Network: r.URL.Query().Get("network")})
	if failed != nil {
		s.fail(w, *failed)
		return
	}
	s.write(w, a)
}

// whole reports what a check lacks.
func whole(r client.CheckRequest) error {
	switch {
	case r.Address == "":
		return errors.New("field address is missing")
	case r.Direction != lists.Deposit && r.Direction != lists.Withdrawal:
		return errors.New("field direction is neither deposit nor withdrawal")
	}
	return nil
}

func (s *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == "Bearer "+Key || r.Header.Get("X-Api-Key") == Key {
		return true
	}
	s.fail(w, Unauthorized)
	return false
}

// read reads the body of a request, strictly.
func (s *Server) read(w http.ResponseWriter, r *http.Request, into any) bool {
	if !s.authorized(w, r) {
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 2<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		s.fail(w, failure("invalid_request", 400))
		return false
	}
	return true
}

func (s *Server) write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Log(err) // the client has gone
	}
}

func (s *Server) fail(w http.ResponseWriter, f Failure) {
	switch {
	case f.Status == 0:
		panic(http.ErrAbortHandler)
	case f.Problem == "":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		fmt.Fprint(w, "<html><title>Sign in</title></html>")
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	if f.Status == http.StatusTooManyRequests || f.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(f.Status)
	fmt.Fprint(w, f.Problem)
}
