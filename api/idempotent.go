package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/api/idempotency"
	"interdict/lists/fault"
)

const (
	// busyFor is how long a change may take; an upload may take longer.
	busyFor       = 2 * time.Minute
	uploadBusyFor = uploadTime + busyFor

	maxIdempotencyKey = 255
)

// showSecrets are the routes whose answers hold a secret that is shown once and not stored.
var showSecrets = []string{"/v1/keys", "/v1/keys/:id/rotate", "/v1/people", "/v1/people/:id/reset", "/v1/webhooks", "/v1/webhooks/:id/rotate"}

// takesIdempotencyKey tells the routes that change something.
func takesIdempotencyKey(method, path string) bool {
	return method != http.MethodGet && path != pathCheck && path != pathChecks && path != "/v1/preview"
}

// idempotencyKey returns the key of a request: a string of RFC 9651, or the same without quotes; "" if there is none.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := strings.TrimSpace(values[0])
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	outside := func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, outside) {
		return "", fault.E(fault.Invalid, "Idempotency-Key must be one string of 1 to %d visible ASCII characters without quotes and backslashes, such as a UUID", maxIdempotencyKey)
	}
	return key, nil
}

// once makes a handler of a change answer a request that is repeated with the same Idempotency-Key as it did before. A streamed body is hashed while it is
// read.
func (s *Server) once(path string, streamed bool, h handler) handler {
	return func(c *gin.Context, who *auth.Principal) error {
		key, err := idempotencyKey(c.Request)
		if err != nil || key == "" {
			if err != nil {
				return err
			}
			return h(c, who)
		}
		sum := sha256.New()
		r := &idempotency.Request{Hash: idempotency.Hash(key, c.Request.Method, c.Request.URL.RequestURI(), c.GetHeader("Content-Type"), c.GetHeader("If-Match"),
			c.GetHeader("If-None-Match")), Busy: s.now().Add(busyFor)}
		if streamed {
			r.Busy = s.now().Add(uploadBusyFor)
		} else {
			if err := bufferBody(c.Request, sum); err != nil {
				return err
			}
			r.Body = hashOf(key, sum)
		}
		ctx := c.Request.Context()
		before, err := s.requests.Begin(ctx, who.Actor.Person, key, r)
		if running := (idempotency.InProgress{}); errors.As(err, &running) {
			c.Header("Retry-After", "1")
		}
		if err != nil {
			return err
		}
		if before != nil {
			if streamed {
				if err := s.sameUpload(c, key, sum, before); err != nil {
					return err
				}
			}
			return s.repeat(ctx, c, before)
		}
		if streamed {
			c.Request.Body = &summed{c.Request.Body, sum}
		}
		out := &held{ResponseWriter: c.Writer, status: http.StatusOK}
		c.Writer = out
		err = h(c, who)
		if waits := (*client.Proposed)(nil); errors.As(err, &waits) {
			s.fail(c, err)
			err = nil
		}
		c.Writer = out.ResponseWriter
		if err != nil {
			s.failed(ctx, r, err)
			return err
		}
		if streamed {
			_, _ = io.CopyN(io.Discard, c.Request.Body, lingerBytes) // what follows the last part of a form
			r.Body = hashOf(key, sum)
		}
		s.answered(ctx, r, path, out)
		return out.send()
	}
}

// hashOf returns the hash of a body under a caller's key.
func hashOf(key string, sum hash.Hash) string {
	return idempotency.Hash(key, hex.EncodeToString(sum.Sum(nil)))
}

// bufferBody reads the body of a change, so that it is known before the change begins.
func bufferBody(r *http.Request, sum hash.Hash) error {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxSettingsBody+1))
	switch {
	case err != nil:
		return fault.E(fault.Invalid, "the body broke off: %w", err)
	case len(b) > maxSettingsBody:
		return tooLarge(maxSettingsBody)
	}
	sum.Write(b)
	r.Body = io.NopCloser(bytes.NewReader(b))
	return nil
}

// sameUpload reads an upload that is repeated, and makes sure that it is the one of before.
func (s *Server) sameUpload(c *gin.Context, key string, sum hash.Hash, before *idempotency.Request) error {
	p, err := s.uploads.begin(c.Request.ContentLength)
	if err != nil {
		return err
	}
	defer p.end()
	c.Request.Body = &arriving{c.Request.Body, p, http.NewResponseController(c.Writer), time.Now().Add(uploadTime)}
	if _, err := io.Copy(sum, c.Request.Body); err != nil {
		return fault.E(fault.Invalid, "the body broke off: %w", err)
	}
	if hashOf(key, sum) != before.Body {
		return idempotency.Another()
	}
	return nil
}

// repeat gives the answer of before.
func (s *Server) repeat(ctx context.Context, c *gin.Context, before *idempotency.Request) error {
	a, err := s.requests.AnswerTo(ctx, before)
	if err != nil {
		return err
	}
	for name, value := range a.Header {
		c.Header(name, value)
	}
	c.Header("Idempotency-Replayed", "true")
	c.Status(a.Status)
	if len(a.Body) > 0 {
		_, _ = c.Writer.Write(a.Body) // a reader that has gone needs no answer
	}
	return nil
}

// failed notes that a request failed: it can be made again if it has certainly changed nothing.
func (s *Server) failed(ctx context.Context, r *idempotency.Request, err error) {
	later := retryLater{}
	kind := fault.KindOf(err)
	var note error
	if !errors.As(err, &later) && (kind == fault.Internal || kind == fault.Unavailable) {
		note = s.requests.Doubt(ctx, r, problemOf(err).Title)
	} else {
		note = s.requests.Release(ctx, r)
	}
	if note != nil {
		s.log.Warn("the end of a request with an Idempotency-Key was not noted: its repeat is a conflict", "error", note)
	}
}

// answered keeps the answer to a request, unless it holds a secret.
func (s *Server) answered(ctx context.Context, r *idempotency.Request, path string, out *held) {
	a := idempotency.Answer{Status: out.status, Body: out.body.Bytes(), Header: map[string]string{}}
	for _, name := range []string{"Content-Type", "Cache-Control", "Location", "ETag"} {
		if value := out.Header().Get(name); value != "" {
			a.Header[name] = value
		}
	}
	if err := s.requests.Finish(ctx, r, a, !slices.Contains(showSecrets, path), made(out)); err != nil {
		s.log.Warn("the answer to a request with an Idempotency-Key was not kept: its repeat is a conflict", "error", err)
	}
}

// made says what a request has made whose answer is not kept.
func made(out *held) string {
	var answer struct {
		ID       string `json:"id"`
		Proposal struct {
			ID string `json:"id"`
		} `json:"proposal"`
	}
	err := json.Unmarshal(out.body.Bytes(), &answer)
	switch {
	case err == nil && answer.Proposal.ID != "":
		return "it made proposal " + answer.Proposal.ID
	case err == nil && answer.ID != "":
		return "it made or changed " + answer.ID
	}
	return "look at what it was to change"
}

// summed hashes a body while it is read.
type summed struct {
	io.ReadCloser
	sum hash.Hash
}

func (s *summed) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	s.sum.Write(b[:n])
	return n, err
}

// held keeps an answer until it has been noted.
type held struct {
	gin.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *held) Unwrap() http.ResponseWriter          { return h.ResponseWriter }
func (h *held) WriteHeader(status int)               { h.status = status }
func (h *held) WriteHeaderNow()                      {}
func (h *held) Write(b []byte) (int, error)          { return h.body.Write(b) }
func (h *held) WriteString(text string) (int, error) { return h.body.WriteString(text) }
func (h *held) Status() int                          { return h.status }
func (h *held) Size() int                            { return h.body.Len() }
func (h *held) Written() bool                        { return h.body.Len() > 0 }
func (h *held) Flush()                               {}

// send sends the answer.
func (h *held) send() error {
	h.ResponseWriter.WriteHeader(h.status)
	if h.body.Len() > 0 {
		_, _ = h.ResponseWriter.Write(h.body.Bytes()) // a reader that has gone needs no answer
	}
	return nil
}

// SweepRequests removes the answers to requests with an Idempotency-Key that are no longer kept.
func (s *Server) SweepRequests(ctx context.Context) error { return s.requests.Sweep(ctx) }
