package lists

import (
	"context"
	"time"

	"interdict/lists/fault"
)

// DocFollowed is the document of a store whose lists are those of another server (Followed). It is committed together with these lists. Its key
// cannot be that of a list, and is under "fresh/" because it says how fresh all of them are.
const DocFollowed = "fresh/followed/manifest"

// Followed says which signed manifest the lists of a store come from. No other change of these lists is allowed.
type Followed struct {
	Origin     string    `json:"origin"` // name of the key that signed the manifest
	StoreID    string    `json:"store_id"`
	Generation int       `json:"generation"`
	ID         string    `json:"id"` // of that generation
	Created    time.Time `json:"created"`
	NotAfter   time.Time `json:"not_after"` // from then on no miss may be reported
	Documents  string    `json:"documents"` // SHA-256 of the documents of the generation
}

// MaxClockSkew is by how much the clock of a server may be behind that of the server that it follows.
const MaxClockSkew = time.Minute

// Usable returns nil if misses may be reported at a time, or fault.Stale.
func (f *Followed) Usable(now time.Time) error {
	switch {
	case !now.Before(f.NotAfter):
		return fault.E(fault.Stale, "the manifest of generation %d was valid until %s, and no newer one has arrived", f.Generation, f.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(f.Created.Add(-MaxClockSkew)):
		return fault.E(fault.Stale, "the manifest of generation %d was signed at %s, which is in the future here: correct the clock of one of the machines", f.Generation,
			f.Created.UTC().Format(time.RFC3339))
	}
	return nil
}

// ReadFollowed reads DocFollowed; nil if the lists of the store are its own.
func ReadFollowed(ctx context.Context, s Store) (*Followed, error) {
	f, _, err := Read[Followed](ctx, s, DocFollowed)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &f, nil
}

// FollowedError is the error of a change of lists that are those of another server.
type FollowedError struct{ Origin string }

func (e *FollowedError) Error() string {
	return "the lists of this server are those of " + e.Origin + ", which it follows: change them there"
}
func (e *FollowedError) FaultKind() fault.Kind { return fault.Conflict }
