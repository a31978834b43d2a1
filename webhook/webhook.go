// Package webhook tells other systems what happens, by signed HTTP requests after the Standard Webhooks specification.
//
//	Send, a notice, what happened to lists (watch.go) ── Outbox: one delivery for each endpoint that asks for the event ── store
//	store ── Deliverer, in one server at a time ── signed POST ── 2xx: delivered
//	                                                           ├─ 410: the endpoint is disabled
//	                                                           └─ else: again later, for three days, then failed
//
//	endpoints.go  makes, rotates and deletes endpoints     outbox.go   deliveries in the store
//	sign.go       secrets and signatures                   post.go     one request, guarded against internal addresses
//	deliverer.go  one server at a time delivers            schedule.go what is due
//	attempt.go    one attempt, and what follows from it    prune.go    deletes old deliveries
//
// Deliveries are documents of the store: a crash loses none. Each is made at least once; the receiver knows a repetition by its id.
package webhook

import (
	"encoding/json"
	"path"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// Types of events.
const (
	AlertCreated    = "alert.created"  // an earlier check of an address that has become listed
	AlertResolved   = "alert.resolved" // a person has dealt with it
	CaseResolved    = "case.resolved"  // the same of a hit, or of such an alert
	ListActivated   = "list.activated" // a new generation: another version of a list, or other settings, decide
	ListFailed      = "list.failed"    // a list could not be refreshed, or is too old
	ProposalCreated = lists.NoticeProposed
	ProposalDecided = lists.NoticeDecided
	Ping            = "ping" // a test of an endpoint; it is sent whatever events the endpoint asks for
)

// Types are the types of events that an endpoint can ask for.
var Types = []string{AlertCreated, AlertResolved, CaseResolved, ListActivated, ListFailed, ProposalCreated, ProposalDecided}

// Limits.
const (
	MaxEndpoints   = 20
	MaxWaiting     = 1000                // deliveries of one endpoint that wait; further ones are dropped and counted
	MaxFinished    = 10_000              // deliveries of all endpoints that are kept after their end
	FinishedTTL    = 30 * 24 * time.Hour // how long they are kept
	RetryFor       = 3 * 24 * time.Hour  // after this time a delivery fails for good
	MaxOverlap     = 30 * 24 * time.Hour // how long the secret before a rotation can go on signing
	DefaultOverlap = 24 * time.Hour
	maxData        = 64 << 10 // bytes of the data of an event
	maxAttempts    = 10       // the last attempts of a delivery that are kept
)

// Event is something that happened.
type Event struct {
	// ID is the same whenever the event is the same: an event that is sent twice is delivered once.
	ID   string
	Type string
	At   time.Time
	// Data is encoded as a JSON object. It must not hold secrets or the names of customers.
	Data any
}

// Endpoint is where events are sent. It is a document of the store.
type Endpoint struct {
	ID          string   `json:"id"`
	URL         string   `json:"url"`
	Events      []string `json:"events"` // types, or patterns of them (path.Match)
	Description string   `json:"description,omitempty"`
	Secret      string   `json:"secret"`
	// OldSecret is the secret before the last rotation. It signs, too, until OldUntil.
	OldSecret string     `json:"old_secret,omitempty"`
	OldUntil  *time.Time `json:"old_until,omitempty"`
	RotatedAt *time.Time `json:"rotated_at,omitempty"`
	RotatedBy string     `json:"rotated_by,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	// DisabledAt is when the endpoint answered 410 Gone. Nothing is sent to it any more.
	DisabledAt *time.Time `json:"disabled_at,omitempty"`
}

// Wants reports whether an event is to be sent to the endpoint: it asks for the type, and was there when the event happened.
func (e *Endpoint) Wants(event *Event) bool {
	return e.DisabledAt == nil && !event.At.Before(e.CreatedAt) && slices.ContainsFunc(e.Events, func(pattern string) bool { return matches(pattern, event.Type) })
}

func matches(pattern, kind string) bool {
	ok, err := path.Match(pattern, kind)
	return ok && err == nil
}

// secrets returns the secrets that sign at a time.
func (e *Endpoint) secrets(now time.Time) []string {
	if e.OldSecret != "" && e.OldUntil != nil && now.Before(*e.OldUntil) {
		return []string{e.Secret, e.OldSecret}
	}
	return []string{e.Secret}
}

// Queue is the state of the deliveries of an endpoint. It changes with every delivery that is added or ends.
type Queue struct {
	Waiting int `json:"waiting"`
	// Dropped counts the events that were not queued because MaxWaiting deliveries waited.
	Dropped   int        `json:"dropped,omitempty"`
	DroppedAt *time.Time `json:"dropped_at,omitempty"` // the last one
}

// State is the state of a delivery.
type State string

const (
	Waiting   State = "waiting"
	Delivered State = "delivered"
	Failed    State = "failed"
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID       string    `json:"id"` // also the header webhook-id
	Endpoint string    `json:"endpoint"`
	Event    string    `json:"event"` // id of the event
	Type     string    `json:"type"`
	At       time.Time `json:"at"` // of the event
	Created  time.Time `json:"created"`
	State    State     `json:"state"`
	// Next is when the next attempt is due, Finished when the last one was made.
	Next     time.Time  `json:"next,omitzero"`
	Finished *time.Time `json:"finished,omitempty"`
	Attempts int        `json:"attempts"`
	Log      []Attempt  `json:"log,omitempty"` // the last attempts, the oldest first
	// Payload is what is sent. It is not kept after the end.
	Payload json.RawMessage `json:"payload,omitempty"`
}

// Attempt is one request.
type Attempt struct {
	At       time.Time `json:"at"`
	Status   int       `json:"status,omitempty"` // of the answer; 0: there was none
	Duration int64     `json:"duration_ms"`
	Error    string    `json:"error,omitempty"` // "" if it was delivered
}

// payload is the body of a request.
type payload struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// encode returns the body of the requests for an event.
func (e *Event) encode() (json.RawMessage, error) {
	if e.ID == "" || e.At.IsZero() || e.Type != Ping && !slices.Contains(Types, e.Type) {
		return nil, fault.E(fault.Internal, "an event needs an id, a time and a known type, not %s", address.Quote(e.Type))
	}
	data, err := json.Marshal(e.Data)
	if err != nil {
		return nil, fault.E(fault.Internal, "the data of event %s: %w", e.ID, err)
	}
	if len(data) > maxData || data[0] != '{' {
		return nil, fault.E(fault.Internal, "the data of event %s must be an object of at most %d bytes; it has %d", e.ID, maxData, len(data))
	}
	return lists.JSON(payload{e.Type, e.At.UTC(), data}), nil
}
