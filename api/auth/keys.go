// Package auth authenticates callers: API keys with roles, and staff who sign in to the console.
//
//	key text ── HMAC-SHA-256 with the pepper ── stored key ── Principal{person, roles, lists, networks, limit}
//	password and code, or identity provider ── account ── session ── Principal{person, roles, lists}
//
//	keys.go  reads and recognises keys    change.go  makes, rotates and revokes them    use.go  when they were last used
//	accounts.go  makes and changes accounts    staff.go, oidc.go  sign-in    sessions.go  who is signed in
//
// A key is 256 random bits. It is shown once, when it is created; the store has only its HMAC. The pepper comes from
// the configuration, or is created once and kept in the store. A replica authenticates with a copy of all keys, which it
// renews every second: a revoked key is refused by all replicas soon, and known keys work while the store is down.
package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Options configure Keys.
type Options struct {
	Pepper string // "": that of the store, which is created if necessary
	// Recorder records changes of keys; nil for reading only.
	Recorder lists.Recorder
	Log      *slog.Logger
	Now      func() time.Time
	// ChecksPerSecond limits keys that have no limit of their own; 0: no limit.
	ChecksPerSecond float64
}

// Keys creates, checks and revokes API keys.
type Keys struct {
	store   lists.Store
	o       Options
	now     func() time.Time
	ledger  lists.Ledger
	current atomic.Pointer[keyring]

	refreshMu sync.Mutex
	refreshed time.Time
}

// keyring is a copy of all valid keys of a store. A check reads nothing else: callers, their scopes and their limits are in it.
type keyring struct {
	peppers [][]byte // the first one hashes new keys
	people  lists.People
	byMAC   map[[sha256.Size]byte]*access
	byID    map[string]*Principal
	mu      sync.RWMutex
	// seen caches keys that were found before, by the SHA-256 of the key, to save the HMAC.
	seen map[[sha256.Size]byte]*access
}

// access is a caller who is let in with one text of a key.
type access struct {
	*Principal
	until time.Time // zero: for ever
}

// Open reads the keys of a store.
func Open(ctx context.Context, store lists.Store, o Options) (*Keys, error) {
	k := newKeys(store, o)
	return k, k.Refresh(ctx)
}

func newKeys(store lists.Store, o Options) *Keys {
	return &Keys{store: store, o: o, now: o.Now, ledger: lists.Ledger{Recorder: o.Recorder, Log: o.Log, Now: o.Now}}
}

// OpenReplica is Open for a server that must start while its store is down. It then uses the keys in its cache (nil: no cache). Without
// them Authenticate returns fault.Unavailable until Refresh succeeds, since no key is known to be wrong.
func OpenReplica(ctx context.Context, store, cache lists.Store, o Options) (*Keys, error) {
	k := newKeys(store, o)
	if cache != nil {
		people, err := lists.ReadPeople(ctx, cache)
		if err == nil {
			err = k.use(ctx, cache, people, false)
		}
		if err != nil {
			k.o.Log.Debug("keys in the cache", "error", err)
		}
	}
	if err := k.Refresh(ctx); err != nil && !fault.Is(err, fault.Unavailable) {
		return k, err
	}
	return k, nil
}

// peppers returns the keys of the HMAC over API keys, first the one for new keys. With mayCreate it creates one in a store that has neither pepper
// nor keys.
func (k *Keys) peppers(ctx context.Context, store lists.Store, mayCreate bool) ([][]byte, error) {
	if k.o.Pepper != "" {
		return [][]byte{[]byte(k.o.Pepper)}, nil
	}
	var known [][]byte
	if r := k.current.Load(); r != nil {
		known = r.peppers
	}
	main, err := store.Get(ctx, lists.DocPepper)
	switch {
	case fault.Is(err, fault.NotFound) && known != nil: // lost; restore puts it back
		return known, nil
	case fault.Is(err, fault.NotFound) && mayCreate:
		main, err = createPepper(ctx, store)
	}
	if err != nil {
		return nil, err
	}
	others, err := store.Scan(ctx, lists.DocOtherPeppers)
	if err != nil {
		return nil, err
	}
	out := [][]byte{main.Value}
	for _, d := range others {
		known = append(slices.Clip(known), d.Value)
	}
	for _, pepper := range known {
		if !slices.ContainsFunc(out, func(p []byte) bool { return bytes.Equal(p, pepper) }) {
			out = append(out, pepper)
		}
	}
	return out, nil
}

// createPepper creates the pepper of a store that has no keys.
func createPepper(ctx context.Context, store lists.Store) (lists.Doc, error) {
	all, err := lists.ReadAll[lists.Key](ctx, store, lists.DocKey(""))
	if err != nil {
		return lists.Doc{}, err
	}
	if len(all) > 0 {
		return lists.Doc{}, fault.E(fault.Unavailable, "the store has lost the pepper of its API keys: interdict restore puts it back")
	}
	fresh := make([]byte, 32)
	rand.Read(fresh)
	if err := store.Commit(ctx, lists.Change{Key: lists.DocPepper, Value: fresh}); err != nil && !fault.Is(err, fault.Conflict) {
		return lists.Doc{}, err
	}
	return store.Get(ctx, lists.DocPepper) // another process may have been faster
}

// Refresh renews the copy of all keys. After an error the old copy stays in use.
func (k *Keys) Refresh(ctx context.Context) error {
	k.refreshMu.Lock()
	defer k.refreshMu.Unlock()
	return k.refresh(ctx)
}

func (k *Keys) refresh(ctx context.Context) error {
	k.refreshed = k.now()
	people, err := lists.ReadPeople(ctx, k.store)
	if err != nil {
		return err
	}
	old := k.current.Load()
	switch {
	case old == nil:
	case len(people.Keys) < len(old.people.Keys):
		// Keys are never deleted, not even revoked ones: the store has lost some. The lost keys are still valid.
		return fault.E(fault.Unavailable, "the store has lost API keys: it has %d of %d; the lost keys stay valid on this server: interdict restore puts them back",
			len(people.Keys), len(old.people.Keys))
	case reflect.DeepEqual(&old.people, people):
		return nil
	}
	return k.use(ctx, k.store, people, true)
}

// use makes the keys of a store the ones that callers are recognised by.
func (k *Keys) use(ctx context.Context, store lists.Store, people *lists.People, mayCreate bool) error {
	peppers, err := k.peppers(ctx, store, mayCreate)
	if err != nil {
		return err
	}
	next := &keyring{peppers: peppers, people: *people, byMAC: map[[sha256.Size]byte]*access{}, byID: map[string]*Principal{}, seen: map[[sha256.Size]byte]*access{}}
	old := k.current.Load()
	for i := range people.Keys {
		next.add(k, &people.Keys[i], old)
	}
	k.current.Store(next)
	return nil
}

// add makes the callers that a stored key lets in. Their limits and their last use are carried over from the old keyring.
func (r *keyring) add(k *Keys, key *lists.Key, old *keyring) {
	if key.RevokedAt != nil || len(key.MAC) != sha256.Size {
		return
	}
	p := &Principal{KeyID: key.ID, Name: key.Name, Actor: lists.Actor{Person: key.Owner(), Credential: key.ID}, roles: key.Roles, lists: key.Lists,
		certificate: key.Certificate, used: &use{}}
	if key.DropIn != nil {
		p.dropIn = *key.DropIn
	}
	for _, text := range key.CIDRs {
		if n, err := netip.ParsePrefix(text); err == nil {
			p.networks = append(p.networks, n)
		}
	}
	if len(p.networks) < len(key.CIDRs) {
		return // a key whose networks cannot be read works from nowhere
	}
	var until time.Time
	if key.Expires != nil {
		until = *key.Expires
	}
	p.limit = k.limiter(key.ID, key.ChecksPerSecond)
	if old != nil {
		if before := old.byID[key.ID]; before != nil {
			p.used = before.used
			if p.limit != nil && before.limit != nil && p.limit.perSecond == before.limit.perSecond {
				p.limit = before.limit
			}
		}
	}
	r.byID[key.ID] = p
	r.byMAC[[sha256.Size]byte(key.MAC)] = &access{p, until}
	if len(key.OldMAC) == sha256.Size && key.OldUntil != nil {
		r.byMAC[[sha256.Size]byte(key.OldMAC)] = &access{p, earliest(until, *key.OldUntil)}
	}
}

// earliest returns the earlier of two times; the first may be zero, which is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// maxText is the number of bytes that the text of a key has at most.
const maxText = 512

var errUnknown = fault.E(fault.Unauthorized, "the API key is missing or unknown")

// ErrExpired is the error of a key whose time has ended.
var ErrExpired = fault.E(fault.Unauthorized, "the API key has expired")

// Authenticate returns the caller with this key text. fault.Unauthorized: the key is unknown or revoked.
func (k *Keys) Authenticate(ctx context.Context, text string) (*Principal, error) {
	if text == "" || len(text) > maxText {
		return nil, errUnknown
	}
	r := k.current.Load()
	if r == nil {
		return nil, fault.E(fault.Unavailable, "the API keys have not been read yet: the store is not reachable")
	}
	sum := sha256.Sum256([]byte(text))
	if a := r.cached(sum); a != nil {
		return a.enter(k.now())
	}
	if a := r.find(text, sum); a != nil {
		return a.enter(k.now())
	}
	// The key may be newer than the copy. Unknown keys cause at most one read of the store per second.
	if k.refreshMu.TryLock() {
		defer k.refreshMu.Unlock()
		if k.now().Sub(k.refreshed) > time.Second {
			if err := k.refresh(ctx); err != nil {
				return nil, err
			}
			if a := k.current.Load().find(text, sum); a != nil {
				return a.enter(k.now())
			}
		}
	}
	return nil, errUnknown
}

// enter returns the caller, unless the time of the key has ended.
func (a *access) enter(now time.Time) (*Principal, error) {
	if !a.until.IsZero() && !now.Before(a.until) {
		return nil, ErrExpired
	}
	a.used.at.Store(now.Unix())
	return a.Principal, nil
}

func (r *keyring) cached(sum [sha256.Size]byte) *access {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.seen[sum]
}

// find returns who is let in with a text of which sum is the digest; nil for nobody.
func (r *keyring) find(text string, sum [sha256.Size]byte) *access {
	for _, pepper := range r.peppers {
		if a := r.byMAC[macOf(pepper, text)]; a != nil {
			r.mu.Lock()
			r.seen[sum] = a
			r.mu.Unlock()
			return a
		}
	}
	return nil
}

func (r *keyring) mac(text string) [sha256.Size]byte { return macOf(r.peppers[0], text) }

func macOf(pepper []byte, text string) [sha256.Size]byte {
	h := hmac.New(sha256.New, pepper)
	h.Write([]byte(text))
	return [sha256.Size]byte(h.Sum(nil))
}

// Setup reports whether fewer than two people can approve yet, as far as is known.
func (k *Keys) Setup() bool {
	people := k.People()
	return people != nil && people.Setup(k.now())
}

// People returns all keys and accounts as they were a moment ago; nil if they have not been read yet.
func (k *Keys) People() *lists.People {
	if r := k.current.Load(); r != nil {
		return &r.people
	}
	return nil
}
