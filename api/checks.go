package api

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists/fault"
	"interdict/screening"
	"interdict/screening/replica"
)

const (
	maxCheckBody  = 16 << 10
	maxChecksBody = 2 << 20
)

// single is the space one check needs; it is reused.
type single struct {
	body    bytes.Buffer
	request screening.Request
	answer  screening.Answer
}

var singles = sync.Pool{New: func() any { return new(single) }}

func (s *Server) check(c *gin.Context, who *auth.Principal) error {
	x := singles.Get().(*single)
	defer singles.Put(x)
	if err := readBody(c.Request, &x.body, maxCheckBody); err != nil {
		return err
	}
	x.request.By = who.Name
	if err := decodeCheck(x.body.String(), &x.request); err != nil {
		return err
	}
	if err := s.admit(who, 1); err != nil {
		return err
	}
	s.protect(&x.request)
	if err := s.screener.Check(s.checkContext(c), &x.request, &x.answer); err != nil { // it goes on when the caller closes its side
		s.metrics.checkFailed(err)
		return err
	}
	return writeJSON(c, x.answer.JSON)
}

// jsonType and noStore are shared by all answers: a header value is a slice, and one need not be made each time.
var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
)

func writeJSON(c *gin.Context, b []byte) error {
	h := c.Writer.Header()
	h["Content-Type"] = jsonType
	h["Cache-Control"] = noStore
	c.Writer.WriteHeader(http.StatusOK)
	if _, err := c.Writer.Write(b); err != nil {
		c.Abort() // the caller has gone; the decision is in the journal
	}
	return nil
}

// readBody reads a JSON body of a bounded size.
func readBody(r *http.Request, into *bytes.Buffer, limit int64) error {
	if err := jsonBody(r); err != nil {
		return err
	}
	into.Reset()
	if n := r.ContentLength; n > limit {
		return tooLarge(limit)
	} else if n >= 0 {
		into.Grow(int(n))
		b := into.AvailableBuffer()[:n]
		if got, err := io.ReadFull(r.Body, b); err != nil && n > 0 {
			return fault.E(fault.Invalid, "the body broke off after %d of %d bytes", got, n)
		}
		into.Write(b)
		return nil
	}
	n, err := into.ReadFrom(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return fault.E(fault.Invalid, "the body broke off: %w", err)
	}
	if n > limit {
		return tooLarge(limit)
	}
	return nil
}

func tooLarge(limit int64) error {
	return fault.E(fault.TooLarge, "the body is larger than %d bytes", limit)
}

// protect protects the customer, which goes to the record only.
func (s *Server) protect(r *screening.Request) {
	if s.customers != nil {
		r.Customer, r.Protected = s.customers.Protect(r.Customer), true
	}
}

// jsonBody makes sure that the body is announced as JSON, if it is announced at all.
func jsonBody(r *http.Request) error {
	h := r.Header["Content-Type"]
	if len(h) == 0 || h[0] == "application/json" {
		return nil
	}
	media, params, err := mime.ParseMediaType(h[0])
	if charset := params["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return fault.E(fault.UnsupportedMedia, "Content-Type must be application/json")
	}
	return nil
}

// batch is the space a batch needs; it is reused.
type batch struct {
	body     bytes.Buffer
	requests []screening.Request
	errs     []error
	answers  []screening.Answer
	out      []byte
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func (s *Server) checks(c *gin.Context, who *auth.Principal) error {
	x := batches.Get().(*batch)
	defer batches.Put(x)
	if err := readBody(c.Request, &x.body, maxChecksBody); err != nil {
		return err
	}
	requests, errs, err := decodeChecks(x.body.String(), who.Name, x.requests[:0], x.errs[:0])
	if err != nil {
		return err
	}
	x.requests, x.errs = requests, errs
	if err := s.admit(who, len(requests)); err != nil {
		return err
	}
	s.metrics.batches.Observe(float64(len(requests)))
	for len(x.answers) < len(requests) {
		x.answers = append(x.answers, screening.Answer{})
	}
	for i := range requests {
		s.protect(&requests[i])
	}
	s.screener.CheckAll(s.checkContext(c), requests, x.answers[:len(requests)], errs)
	for _, err := range errs {
		if err != nil {
			s.metrics.checkFailed(err)
		}
	}
	out := append(x.out[:0], `{"results":[`...)
	for i := range requests {
		if i > 0 {
			out = append(out, ',')
		}
		if errs[i] == nil {
			out = append(out, x.answers[i].JSON...)
			continue
		}
		if whole := wholeBatch(errs[i]); whole {
			return errs[i]
		}
		out = append(out, `{"result":"error","error":`...)
		out = append(out, problemOf(errs[i]).json()...)
		out = append(out, '}')
	}
	x.out = append(out, "]}"...)
	return writeJSON(c, x.out)
}

// wholeBatch tells errors that no item can escape: nothing is loaded, or the lists are too old. Only a test address gives RateLimited here.
func wholeBatch(err error) bool {
	var undecided *screening.Undecided
	var lagging *replica.Lagging
	switch fault.KindOf(err) {
	case fault.NotLoaded, fault.RateLimited:
		return true
	case fault.Stale, fault.Lost:
		return !errors.As(err, &lagging)
	case fault.Unavailable:
		return !errors.As(err, &undecided)
	}
	return false
}

func (s *Server) address(c *gin.Context, who *auth.Principal) error {
	q, queryErr := query(c, "network", "at")
	at, past := q["at"]
	if past && !who.May(auth.Auditor) {
		return fault.E(fault.Forbidden, "this needs one of the roles %v", []auth.Role{auth.Auditor})
	}
	if err := s.admit(who, 1); err != nil {
		return err
	}
	if queryErr != nil {
		return queryErr
	}
	r := screening.Request{Address: param(c, "address"), Network: q["network"], By: who.Name}
	if len(r.Network) > maxField {
		return fault.E(fault.Invalid, "query parameter network is longer than %d bytes", maxField)
	}
	if past {
		return s.addressAt(c, &r, at)
	}
	var a screening.Answer
	if err := s.screener.Check(c.Request.Context(), &r, &a); err != nil {
		s.metrics.checkFailed(err)
		return err
	}
	return writeJSON(c, a.JSON)
}
