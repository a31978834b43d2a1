package lists

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"interdict/lists/fault"
)

// Head names the current generation. Every replica watches this document.
type Head struct {
	Generation int    `json:"generation"`
	ID         string `json:"id,omitempty"` // of that generation
}

// Fresh records when a list was last known to be the publisher's current one.
type Fresh struct {
	At time.Time `json:"at"`
}

// Verified is when all layers of the current generation were last read and found whole or damaged.
type Verified struct {
	At time.Time `json:"at"`
}

// Replica is the report of one running server about itself.
type Replica struct {
	ID         string `json:"id"`
	Generation int    `json:"generation"` // that it answers from; 0: none
	// GenerationID is the id of that generation.
	GenerationID string    `json:"generation_id,omitempty"`
	Since        time.Time `json:"since"` // it has answered from that generation
	Seen         time.Time `json:"seen"`  // its last report
	// Rules is the version of its identity rules (address.Rules); 0: its program does not report it.
	Rules int `json:"rules,omitempty"`
	// Lost is true if the store's current generation does not descend from that one.
	Lost bool `json:"lost"`
}

// StoreID is the document that identifies a store. It is written once and never changed.
type StoreID struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
}

// EnsureStoreID returns the id of a store. A store without one gets preferred, or a random id if preferred is "". If several
// processes do this at once, the first one wins.
func EnsureStoreID(ctx context.Context, s Store, preferred string, now time.Time) (string, error) {
	x, _, err := Read[StoreID](ctx, s, DocStoreID)
	if !fault.Is(err, fault.NotFound) {
		return x.ID, err
	}
	x = StoreID{ID: preferred, CreatedAt: now.UTC()}
	if x.ID == "" {
		x.ID = strings.ToLower(rand.Text())
	}
	if err = s.Commit(ctx, Put(DocStoreID, x, 0)); fault.Is(err, fault.Conflict) {
		x, _, err = Read[StoreID](ctx, s, DocStoreID)
	}
	return x.ID, err
}

// ReplicaTTL is the time after its last report for which a replica counts as live.
const ReplicaTTL = 10 * time.Second

// LostTTL is ReplicaTTL for what must not be missed: it is longer than a refresh takes, during which a replica does not report.
const LostTTL = time.Minute

// Read reads and decodes one document. revision is for a later Commit.
func Read[T any](ctx context.Context, s Store, key string) (value T, revision uint64, err error) {
	d, err := s.Get(ctx, key)
	if err != nil {
		return value, 0, err
	}
	value, err = Decode[T](d)
	return value, d.Revision, err
}

// Decode decodes the JSON value of a document.
func Decode[T any](d Doc) (value T, err error) {
	if err := json.Unmarshal(d.Value, &value); err != nil {
		return value, fault.E(fault.Unavailable, "document %s is damaged: %w; restore it from a backup", d.Key, err)
	}
	return value, nil
}

// ReadAll reads and decodes all documents under a prefix, in order of their keys.
func ReadAll[T any](ctx context.Context, s Store, prefix string) ([]T, error) {
	docs, err := s.Scan(ctx, prefix)
	if err != nil {
		return nil, err
	}
	values := make([]T, len(docs))
	for i, d := range docs {
		if values[i], err = Decode[T](d); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// Put returns the change that writes value, as JSON, to the document with the expected revision.
func Put(key string, value any, expect uint64) Change {
	return Change{Key: key, Value: JSON(value), Expect: expect}
}

// JSON returns a value of one of our own types as JSON.
func JSON(value any) json.RawMessage {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err) // our own types always encode
	}
	return b
}

// Current reads the current generation. Its Number is 0 if there is none yet.
// revision is that of DocHead.
func Current(ctx context.Context, s Store) (g Generation, revision uint64, err error) {
	head, revision, err := Read[Head](ctx, s, DocHead)
	if fault.Is(err, fault.NotFound) {
		return Generation{}, 0, nil
	}
	if err != nil {
		return Generation{}, 0, err
	}
	g, _, err = Read[Generation](ctx, s, DocGeneration(head.Generation))
	if fault.Is(err, fault.NotFound) {
		return g, 0, fault.E(fault.Unavailable, "generation %d is missing from the store: interdict restore puts it back", head.Generation)
	}
	return g, revision, err
}

// Descends reports whether generation g, the current one of a store, includes the changes of generation from. A store's generations are
// one chain: g descends from every generation that the store still has, and from those that were lost and restored (DocLost).
// Generations without an id are compared by number only. If g is lost itself, what the store still has counts as included: ask for the current
// one, too. Every generation descends from the zero Head.
func Descends(ctx context.Context, s Store, g *Generation, from Head) (bool, error) {
	switch {
	case from.Generation == 0, g.ID != "" && (g.ID == from.ID || g.Merged != "" && g.Merged == from.ID), from.ID != "" && slices.Contains(g.Recent, from):
		return true, nil
	case g.Number < from.Generation:
		return false, nil
	case g.Number == from.Generation || from.ID == "":
		return g.ID == "" || from.ID == "", nil
	}
	held, _, err := Read[Generation](ctx, s, DocGeneration(from.Generation))
	if err == nil && (held.ID == from.ID || held.ID == "") {
		return true, nil
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	restored, err := ReadAll[Generation](ctx, s, DocRestored)
	return slices.ContainsFunc(restored, func(r Generation) bool { return r.ID == from.ID || slices.Contains(r.Recent, from) }), err
}

// Replicas returns the replicas that are live at now.
func Replicas(ctx context.Context, s Store, now time.Time) ([]Replica, error) {
	return reported(ctx, s, now.Add(-ReplicaTTL))
}

// reported returns the replicas that have reported after a time.
func reported(ctx context.Context, s Store, after time.Time) ([]Replica, error) {
	all, err := ReadAll[Replica](ctx, s, DocReplicas)
	return slices.DeleteFunc(all, func(r Replica) bool { return !r.Seen.After(after) }), err
}

// ServesLost returns a replica whose generation the store has lost: neither its current one descends from it, nor one of the others that are known. It
// returns nil if there is none, and fault.Raced if the store has another current generation in the meantime, which may be the one that is served. A report
// counts until LostTTL.
func ServesLost(ctx context.Context, s Store, now time.Time, current *Generation, others ...*Generation) (*Replica, error) {
	live, err := reported(ctx, s, now.Add(-LostTTL))
	if err != nil {
		return nil, err
	}
	for i, r := range live {
		there := false
		for _, g := range append(others, current) {
			if there || r.Lost && r.GenerationID == "" {
				break
			}
			if there, err = Descends(ctx, s, g, Head{Generation: r.Generation, ID: r.GenerationID}); err != nil {
				return nil, err
			}
		}
		if there {
			continue
		}
		if next, _, err := Current(ctx, s); err != nil {
			return nil, err
		} else if next.Number != current.Number || next.ID != current.ID {
			return nil, fault.E(fault.Raced, "generation %d was made in the meantime", next.Number)
		}
		return &live[i], nil
	}
	return nil, nil
}
