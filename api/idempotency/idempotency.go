// Package idempotency keeps the answers to changes for a day, so that a request that is sent again with the same Idempotency-Key gets the same
// answer and changes nothing twice (draft-ietf-httpapi-idempotency-key-header).
//
//	Begin ── new ──────► the change is made ──► Finish, Release or Doubt
//	      ── known ────► the answer of before, or fault.Conflict
//
// It is kept in the store: all servers of one store know it, and it survives their restart. Neither keys nor requests are stored, only hashes of them.
package idempotency

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

const (
	// Kept is how long an answer is kept.
	Kept = 24 * time.Hour
	// MaxAnswer is how many bytes an answer may have that is kept. A repeat of a request with a larger one is a conflict.
	MaxAnswer = 256 << 10
	// MaxKeys is how many keys one person may use within Kept.
	MaxKeys = 1000
)

// Requests knows the requests with a key.
type Requests struct {
	Store lists.Store
	Now   func() time.Time
}

// Request is one that was begun.
type Request struct {
	// Hash is that of everything that makes another request of it but its body.
	Hash string `json:"request"`
	// Body is the hash of the body; "" until it is known.
	Body  string    `json:"body,omitempty"`
	Begun time.Time `json:"begun"`
	// Busy is until when it may be going on.
	Busy  time.Time `json:"busy"`
	State State     `json:"state"`
	Error string    `json:"error,omitempty"` // of Doubtful
	// Outcome is what it has made, if its answer is not kept.
	Outcome string `json:"outcome,omitempty"`

	doc      string // key of the document, without prefix
	revision uint64
}

// State is how far a request is.
type State string

const (
	Running  State = "running"
	Answered State = "answered" // the answer is kept
	Untold   State = "untold"   // it was answered, and the answer is not kept
	Doubtful State = "doubtful" // it failed, and may have made the change
)

// Answer is the answer to a request.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   []byte            `json:"body,omitempty"`
}

// Hash returns the hash of parts of a request, for which the caller's key is the secret: what is stored cannot be used to guess a request.
func Hash(key string, parts ...string) string {
	h := hmac.New(sha256.New, []byte(key))
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

func docOf(person, key string) (prefix, doc string) {
	p := sha256.Sum256([]byte(person))
	prefix = hex.EncodeToString(p[:16]) + "/"
	return prefix, prefix + Hash(key, person)
}

// Begin notes that a request of a person begins; r has its hashes and the time until which it is busy. If the key is known, it returns the request of
// before, which has ended with an answer. Otherwise fault.Conflict says why the request cannot be begun.
func (q *Requests) Begin(ctx context.Context, person, key string, r *Request) (before *Request, err error) {
	now := q.Now()
	prefix, doc := docOf(person, key)
	old, revision, err := lists.Read[Request](ctx, q.Store, lists.DocRequest(doc))
	switch {
	case fault.Is(err, fault.NotFound):
		if err := q.room(ctx, prefix); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case now.Before(old.Begun.Add(Kept)):
		old.doc, old.revision = doc, revision
		return q.known(&old, r)
	}
	r.Begun, r.State, r.doc = now, Running, doc
	if err := q.put(ctx, r, revision); err != nil {
		if fault.Is(err, fault.Conflict) {
			return nil, inProgress()
		}
		return nil, err
	}
	return nil, nil
}

// room returns fault.RateLimited if a person has used too many keys.
func (q *Requests) room(ctx context.Context, prefix string) error {
	docs, err := q.Store.Scan(ctx, lists.DocRequest(prefix))
	if err != nil || len(docs) < MaxKeys {
		return err
	}
	live := 0
	for _, d := range docs {
		if r, err := lists.Decode[Request](d); err != nil || q.Now().Before(r.Begun.Add(Kept)) {
			live++
		}
	}
	if live >= MaxKeys {
		return fault.E(fault.RateLimited, "%d requests with an Idempotency-Key within %s, and one person may make no more", live, Kept)
	}
	return nil
}

// known decides about a request whose key is known.
func (q *Requests) known(old, r *Request) (*Request, error) {
	switch {
	case old.Hash != r.Hash || old.Body != "" && r.Body != "" && old.Body != r.Body:
		return nil, Another()
	case old.State == Running && q.Now().Before(old.Busy):
		return nil, inProgress()
	case old.State == Running:
		return nil, fault.E(fault.Conflict, "a request with this Idempotency-Key began at %s and has not been answered: look whether its change was made, and use another key",
			old.Begun.UTC().Format(time.RFC3339))
	case old.State == Doubtful:
		return nil, fault.E(fault.Conflict, "the request with this Idempotency-Key failed at %s and may have made its change: look, and use another key (%s)",
			old.Begun.UTC().Format(time.RFC3339), old.Error)
	}
	return old, nil
}

// Another is the error of a request whose key was used for another one.
func Another() error {
	return fault.E(fault.Conflict, "this Idempotency-Key was used for another request")
}

// InProgress is wrapped by the error of a request that may be repeated soon.
type InProgress struct{ error }

func inProgress() error {
	return InProgress{fault.E(fault.Conflict, "a request with this Idempotency-Key is in progress: try again for its answer")}
}

func (i InProgress) Unwrap() error { return i.error }

// AnswerTo returns the answer to a request of before. fault.Conflict: it is not kept.
func (q *Requests) AnswerTo(ctx context.Context, r *Request) (Answer, error) {
	if r.State == Untold {
		return Answer{}, fault.E(fault.Conflict, "the request with this Idempotency-Key was carried out at %s, and its answer is not kept: %s",
			r.Begun.UTC().Format(time.RFC3339), r.Outcome)
	}
	a, _, err := lists.Read[Answer](ctx, q.Store, lists.DocRequestAnswer(r.doc))
	return a, err
}

// Finish keeps the answer to a request. If it is not to be kept, or is too large, outcome says what was made.
func (q *Requests) Finish(ctx context.Context, r *Request, a Answer, keep bool, outcome string) error {
	changes := []lists.Change{}
	r.State = Untold
	if keep && len(a.Body) <= MaxAnswer {
		r.State = Answered
		changes = append(changes, lists.Put(lists.DocRequestAnswer(r.doc), a, lists.AnyRevision))
	} else {
		r.Outcome = outcome
	}
	return q.put(ctx, r, r.revision, changes...)
}

// Release forgets a request that has changed nothing.
func (q *Requests) Release(ctx context.Context, r *Request) error {
	return q.Store.Commit(ctx, lists.Change{Key: lists.DocRequest(r.doc), Expect: r.revision})
}

// Doubt notes that a request failed and may have made its change.
func (q *Requests) Doubt(ctx context.Context, r *Request, why string) error {
	r.State, r.Error = Doubtful, why
	return q.put(ctx, r, r.revision)
}

// put stores a request and remembers its revision.
func (q *Requests) put(ctx context.Context, r *Request, expect uint64, more ...lists.Change) error {
	if err := q.Store.Commit(ctx, append(more, lists.Put(lists.DocRequest(r.doc), r, expect))...); err != nil {
		return err
	}
	if r.State != Running {
		return nil
	}
	d, err := q.Store.Get(ctx, lists.DocRequest(r.doc))
	r.revision = d.Revision
	return err
}

// Sweep removes what is no longer kept.
func (q *Requests) Sweep(ctx context.Context) error {
	docs, err := q.Store.Scan(ctx, lists.DocRequests)
	if err != nil {
		return err
	}
	for _, d := range docs {
		r, err := lists.Decode[Request](d)
		if err == nil && q.Now().Before(r.Begun.Add(Kept)) {
			continue
		}
		doc := strings.TrimPrefix(d.Key, lists.DocRequests)
		err = q.Store.Commit(ctx, lists.Change{Key: d.Key, Expect: d.Revision}, lists.Change{Key: lists.DocRequestAnswer(doc), Expect: lists.AnyRevision})
		if err != nil && !fault.Is(err, fault.Conflict) { // another server was faster
			return err
		}
	}
	return nil
}
