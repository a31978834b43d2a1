package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/client"
	"interdict/lists/fault"
	"interdict/screening"
)

// problem is an error as callers see it: RFC 9457 with a stable code (docs/contract.md).
type problem struct {
	Type          string   `json:"type"`
	Title         string   `json:"title"`
	Status        int      `json:"status"`
	Code          string   `json:"code"`
	Detail        string   `json:"detail,omitempty"`
	Reason        string   `json:"reason,omitempty"`         // of invalid_address
	Network       string   `json:"network,omitempty"`        // that it was read under
	Networks      []string `json:"networks,omitempty"`       // that the text is an address of, when reason is wrong_network
	Position      *int     `json:"position,omitempty"`       // byte offset of the offence in the address
	WouldMatch    bool     `json:"would_match,omitempty"`    // only the letter case is wrong, and the bytes are listed
	PossibleMatch bool     `json:"possible_match,omitempty"` // a filter says maybe: hold the transfer
	RequestID     string   `json:"request_id,omitempty"`     // of an error that the operator should know of
}

// kinds maps every kind of fault to its status and code; it is the only place that does.
var kinds = map[fault.Kind]struct {
	status int
	code   string
	title  string
}{
	fault.Internal:           {http.StatusInternalServerError, "internal", "Something went wrong here"},
	fault.Invalid:            {http.StatusBadRequest, "invalid_request", "The request cannot be understood"},
	fault.InvalidAddress:     {http.StatusUnprocessableEntity, "invalid_address", "The text is not an address"},
	fault.UnsupportedNetwork: {http.StatusUnprocessableEntity, "unsupported_network", "The network is not known"},
	fault.Unauthorized:       {http.StatusUnauthorized, "unauthorized", "An API key is needed"},
	fault.Forbidden:          {http.StatusForbidden, "forbidden", "The API key may not do this"},
	fault.NotFound:           {http.StatusNotFound, "not_found", "Not found"},
	fault.Conflict:           {http.StatusConflict, "conflict", "The state does not allow it"},
	fault.Precondition:       {http.StatusPreconditionFailed, "precondition_failed", "The resource has changed"},
	fault.TooLarge:           {http.StatusRequestEntityTooLarge, "too_large", "The request is too large"},
	fault.UnsupportedMedia:   {http.StatusUnsupportedMediaType, "unsupported_media_type", "The content type is not read here"},
	fault.RateLimited:        {http.StatusTooManyRequests, "rate_limited", "Too many requests"},
	fault.NotLoaded:          {http.StatusServiceUnavailable, "not_loaded", "No list is loaded"},
	fault.Stale:              {http.StatusServiceUnavailable, "stale", "A list is too old"},
	fault.Lost:               {http.StatusServiceUnavailable, "lost", "The store has lost what is served here"},
	fault.Unavailable:        {http.StatusServiceUnavailable, "store_unavailable", "The store cannot be read"},
}

func problemOf(err error) problem {
	kind := fault.KindOf(err)
	k, ok := kinds[kind]
	if !ok {
		k = kinds[fault.Internal]
	}
	p := problem{Type: "urn:interdict:problem:" + k.code, Title: k.title, Status: k.status, Code: k.code, Detail: err.Error()}
	if k.status == http.StatusInternalServerError {
		p.Detail = "" // the log has it
	}
	var refused *screening.Refused
	if errors.As(err, &refused) {
		cause := refused.Cause
		p.Reason, p.Network, p.WouldMatch, p.Detail = string(cause.Reason), cause.Network, refused.WouldMatch, cause.Detail
		p.Networks = cause.Networks
		if cause.Position >= 0 {
			p.Position = &cause.Position
		}
	}
	var undecided *screening.Undecided
	if errors.As(err, &undecided) {
		p.PossibleMatch = true
	}
	return p
}

// Problem returns the problem that a caller of the API would get for an error, as JSON.
func Problem(err error) []byte { return problemOf(err).json() }

func (p problem) json() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain strings and numbers always encode
	}
	return b
}

// retryLater is an error that says when to try again.
type retryLater struct {
	error
	after time.Duration
}

func (r retryLater) Unwrap() error { return r.error }

// failing sets Retry-After where a later attempt may succeed, and logs what is our own fault.
func (s *Server) failing(c *gin.Context, status int, err error) {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		wait := time.Second
		var later retryLater
		if errors.As(err, &later) {
			wait = later.after
		}
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	case http.StatusInternalServerError:
		s.log.Error("request failed", "route", c.FullPath(), "request_id", requestID(c), "error", err)
	}
}

// fail answers an error. What is our own fault goes into the log; the caller's does not.
func (s *Server) fail(c *gin.Context, err error) {
	var waits *client.Proposed
	if errors.As(err, &waits) { // not an error: the change waits for a second person
		c.Header("Location", "/v1/proposals/"+waits.Proposal.ID)
		if err := render(c, http.StatusAccepted, waits); err == nil {
			return
		}
	}
	p := problemOf(err)
	if p.Status == http.StatusUnauthorized {
		c.Writer.Header().Add("WWW-Authenticate", `Bearer realm="interdict"`)
	}
	s.failing(c, p.Status, err)
	if p.Status >= http.StatusInternalServerError {
		p.RequestID = requestID(c)
	}
	c.Data(p.Status, "application/problem+json", p.json())
}
