package lists

import (
	"context"
	"time"

	"interdict/lists/fault"
)

// ServedByAll is the document that says when every live replica was first seen to answer from a generation, or from a later one. A generation
// has none if the next one was made before that.
type ServedByAll struct {
	Generation int       `json:"generation"`
	ID         string    `json:"id,omitempty"` // of that generation
	At         time.Time `json:"at"`
	Replicas   int       `json:"replicas"`
}

// NoteServedByAll writes that document if every live replica answers from generation g or a later one, and the document does not exist yet. It
// reports whether the document exists.
func NoteServedByAll(ctx context.Context, s Store, g Head, now time.Time) (bool, error) {
	live, err := Replicas(ctx, s, now)
	if err != nil || len(live) == 0 {
		return false, err
	}
	for _, r := range live {
		if r.Lost || r.Generation < g.Generation || r.Generation == g.Generation && r.GenerationID != g.ID {
			return false, nil
		}
	}
	key := DocServedByAll(g.Generation)
	held, revision, err := Read[ServedByAll](ctx, s, key)
	switch {
	case err == nil && held.ID == g.ID:
		return true, nil
	case err != nil && !fault.Is(err, fault.NotFound):
		return false, err
	}
	// A document of another generation with this number is that of one that the store has lost.
	err = s.Commit(ctx, Put(key, ServedByAll{Generation: g.Generation, ID: g.ID, At: now.UTC(), Replicas: len(live)}, revision))
	if fault.Is(err, fault.Conflict) {
		return true, nil // another replica has seen it at the same time
	}
	return err == nil, err
}

// Timeliness says how long versions took from publication until every replica answered from them.
type Timeliness struct {
	Activations []Activation     `json:"activations"` // the oldest first
	Lists       []ListTimeliness `json:"lists"`       // ordered by id
}

// Activation is one version becoming the active one of its list.
type Activation struct {
	List       string `json:"list"`
	Version    int    `json:"version"`
	Generation int    `json:"generation"`
	Action     string `json:"action"` // of the generation: activate, rollback …
	// Again is true if the version had been active before. Then only ActivatedToServed is measured.
	Again       bool       `json:"again,omitempty"`
	Published   string     `json:"published"`  // YYYY-MM-DD, or "" if the publisher does not say
	FetchedAt   *time.Time `json:"fetched_at"` // the file was complete on this side: downloaded or uploaded
	StagedAt    *time.Time `json:"staged_at"`
	ActivatedAt time.Time  `json:"activated_at"`
	ServedAt    *time.Time `json:"served_at"` // every replica answered from this generation or a later one; null if not known, or not yet
	Replicas    int        `json:"replicas"`  // how many these were
	Seconds     Lags       `json:"seconds"`
}

// Lags are seconds; null if not known.
type Lags struct {
	// PublishedToServed counts from 00:00 UTC of the date of publication: publishers state no time.
	PublishedToServed  *float64 `json:"published_to_served"`
	FetchedToStaged    *float64 `json:"fetched_to_staged"`
	FetchedToActivated *float64 `json:"fetched_to_activated"`
	ActivatedToServed  *float64 `json:"activated_to_served"`
	FetchedToServed    *float64 `json:"fetched_to_served"`
}

// ListTimeliness sums up the activations of a list.
type ListTimeliness struct {
	List        string    `json:"list"`
	Activations int       `json:"activations"`
	Seconds     LagSpread `json:"seconds"`
}

// LagSpread has the spread of each of the Lags; null if none is known.
type LagSpread struct {
	PublishedToServed  *Spread `json:"published_to_served"`
	FetchedToStaged    *Spread `json:"fetched_to_staged"`
	FetchedToActivated *Spread `json:"fetched_to_activated"`
	ActivatedToServed  *Spread `json:"activated_to_served"`
	FetchedToServed    *Spread `json:"fetched_to_served"`
}

// Spread is the median and the worst of some measurements.
type Spread struct {
	Of     int     `json:"of"` // how many there are
	Median float64 `json:"median"`
	Worst  float64 `json:"worst"`
}
