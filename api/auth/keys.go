// Package auth says who calls: API keys with roles.
//
//	key text ── HMAC-SHA-256 with the pepper ── the stored key ── Principal{name, roles}
//
// A key is 256 random bits and is shown once, when it is made; the store holds its HMAC only. The pepper comes from
// the configuration, or is made once and kept in the store. A replica works from a copy of all keys that it
// renews every second, so a revoked key is refused everywhere soon, and a store that is away locks nobody out.
package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Role is what a key may do. Admin may do everything; the rule that nobody approves his own upload binds admins too.
type Role string

const (
	Checker  Role = "checker"  // ask
	Analyst  Role = "analyst"  // upload
	Approver Role = "approver" // approve, reject, activate, roll back
	Auditor  Role = "auditor"  // read the journal
	Admin    Role = "admin"    // lists, keys, and all of the above
)

// Roles are all there are.
var Roles = []Role{Checker, Analyst, Approver, Auditor, Admin}

// Key is a stored key. Its Name stands for a person or a system: two keys of one name are the same person.
type Key struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Roles     []Role     `json:"roles"`
	MAC       []byte     `json:"mac,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	RevokedBy string     `json:"revoked_by,omitempty"`
}

// Principal is a caller whose key was recognised.
type Principal struct {
	KeyID string
	Name  string
	roles []Role
}

// May tells whether the caller has one of the roles, or is an admin. No roles: any caller may.
func (p *Principal) May(roles ...Role) bool {
	if len(roles) == 0 || slices.Contains(p.roles, Admin) {
		return true
	}
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(p.roles, r) })
}

// Keys makes, checks and revokes API keys.
type Keys struct {
	store lists.Store
	given []byte // the pepper of the configuration; none: that of the store
	now   func() time.Time

	current   atomic.Pointer[ring]
	refreshMu sync.Mutex
	refreshed time.Time
}

// ring is a copy of all valid keys.
type ring struct {
	pepper []byte
	stored int // keys that the store has, revoked ones included
	byMAC  map[[sha256.Size]byte]*Principal
	mu     sync.RWMutex
	// seen spares the HMAC for keys that were recognised before; it is looked up by the SHA-256 of the key.
	seen map[[sha256.Size]byte]*Principal
}

// Open prepares the keys of a store. pepper "" takes the one that the store keeps.
func Open(ctx context.Context, store lists.Store, pepper string, now func() time.Time) (*Keys, error) {
	k := &Keys{store: store, given: []byte(pepper), now: now}
	return k, k.Refresh(ctx)
}

// OpenReplica is Open for a server that must come up while its store is away. Then it takes the keys that its cache has (nil: none), and
// without them it knows nobody until Refresh succeeds: Authenticate is fault.Unavailable until then, for no key is known to be wrong.
func OpenReplica(ctx context.Context, store, cache lists.Store, pepper string, now func() time.Time) (*Keys, error) {
	k := &Keys{store: store, given: []byte(pepper), now: now}
	if cache != nil {
		if known, err := k.read(ctx, cache, false); err == nil {
			k.current.Store(known)
		}
	}
	if err := k.Refresh(ctx); err != nil && !fault.Is(err, fault.Unavailable) {
		return k, err
	}
	return k, nil
}

// pepperOf gives the secret that keys are hashed with; make lets a store that has none get one.
func (k *Keys) pepperOf(ctx context.Context, store lists.Store, mayMake bool) ([]byte, error) {
	if len(k.given) > 0 {
		return k.given, nil
	}
	if r := k.current.Load(); r != nil {
		return r.pepper, nil
	}
	doc, err := store.Get(ctx, lists.DocPepper)
	if mayMake && fault.Is(err, fault.NotFound) {
		all, lerr := lists.ReadAll[Key](ctx, store, lists.DocKey(""))
		if lerr != nil {
			return nil, lerr
		}
		if len(all) > 0 {
			return nil, fault.E(fault.Unavailable, "the store has lost the secret that its API keys are hashed with (interdict restore puts it back)")
		}
		fresh := make([]byte, 32)
		rand.Read(fresh)
		err = store.Commit(ctx, lists.Change{Key: lists.DocPepper, Value: fresh})
		if err == nil || fault.Is(err, fault.Conflict) { // another process was first
			doc, err = store.Get(ctx, lists.DocPepper)
		}
	}
	return doc.Value, err
}

// Refresh renews the copy of all keys. On an error the old copy stays.
func (k *Keys) Refresh(ctx context.Context) error {
	k.refreshMu.Lock()
	defer k.refreshMu.Unlock()
	return k.refresh(ctx)
}

func (k *Keys) refresh(ctx context.Context) error {
	k.refreshed = k.now()
	next, err := k.read(ctx, k.store, true)
	if err != nil {
		return err
	}
	old := k.current.Load()
	if old != nil && next.stored < old.stored {
		// Keys are never deleted, revoked ones neither: the store has lost some. Nobody's key has become wrong by that.
		return fault.E(fault.Unavailable, "the store has lost API keys: it has %d of %d; those that were known go on being known (interdict restore puts them back)",
			next.stored, old.stored)
	}
	if old == nil || !sameKeys(old, next) {
		k.current.Store(next)
	}
	return nil
}

// read makes a copy of all keys that a store has.
func (k *Keys) read(ctx context.Context, store lists.Store, mayMake bool) (*ring, error) {
	pepper, err := k.pepperOf(ctx, store, mayMake)
	if err != nil {
		return nil, err
	}
	all, err := lists.ReadAll[Key](ctx, store, lists.DocKey(""))
	if err != nil {
		return nil, err
	}
	next := &ring{pepper: pepper, stored: len(all), byMAC: map[[sha256.Size]byte]*Principal{}, seen: map[[sha256.Size]byte]*Principal{}}
	for _, key := range all {
		if key.RevokedAt == nil && len(key.MAC) == sha256.Size {
			next.byMAC[[sha256.Size]byte(key.MAC)] = &Principal{KeyID: key.ID, Name: key.Name, roles: key.Roles}
		}
	}
	return next, nil
}

func sameKeys(a, b *ring) bool {
	if len(a.byMAC) != len(b.byMAC) {
		return false
	}
	if a.stored != b.stored {
		return false
	}
	for mac, p := range a.byMAC {
		if q := b.byMAC[mac]; q == nil || q.Name != p.Name || !slices.Equal(q.roles, p.roles) {
			return false
		}
	}
	return true
}

var errUnknown = fault.E(fault.Unauthorized, "the API key is missing or unknown")

// Authenticate recognises a key text; fault.Unauthorized if it is none of ours.
func (k *Keys) Authenticate(ctx context.Context, text string) (*Principal, error) {
	if text == "" || len(text) > 512 {
		return nil, errUnknown
	}
	r := k.current.Load()
	if r == nil {
		return nil, fault.E(fault.Unavailable, "the API keys cannot be read yet")
	}
	sum := sha256.Sum256([]byte(text))
	if p := r.known(sum); p != nil {
		return p, nil
	}
	mac := r.mac(text)
	if p := r.find(mac, sum); p != nil {
		return p, nil
	}
	// The key may be younger than the copy. An unknown key costs the store one read a second at the most.
	if k.refreshMu.TryLock() {
		defer k.refreshMu.Unlock()
		if k.now().Sub(k.refreshed) > time.Second {
			if err := k.refresh(ctx); err != nil {
				return nil, err
			}
			if p := k.current.Load().find(mac, sum); p != nil {
				return p, nil
			}
		}
	}
	return nil, errUnknown
}

func (r *ring) known(sum [sha256.Size]byte) *Principal {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.seen[sum]
}

func (r *ring) find(mac, sum [sha256.Size]byte) *Principal {
	p := r.byMAC[mac]
	if p != nil {
		r.mu.Lock()
		r.seen[sum] = p
		r.mu.Unlock()
	}
	return p
}

func (r *ring) mac(text string) [sha256.Size]byte {
	h := hmac.New(sha256.New, r.pepper)
	h.Write([]byte(text))
	return [sha256.Size]byte(h.Sum(nil))
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._+ -]{0,99}$`)

// Create makes a key and gives its text, which is nowhere to be had again.
func (k *Keys) Create(ctx context.Context, name string, roles []Role, by string) (text string, key Key, err error) {
	id := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random(10)))
	text = "ik_" + id + "_" + base64.RawURLEncoding.EncodeToString(random(32))
	if name == "" {
		name = id
	}
	key, err = k.add(ctx, id, name, text, roles, by)
	return text, key, err
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func (k *Keys) add(ctx context.Context, id, name, text string, roles []Role, by string) (Key, error) {
	if !keyName.MatchString(name) {
		return Key{}, fault.E(fault.Invalid, "name: letters, digits and @._+- only, at most 100")
	}
	if len(roles) == 0 {
		return Key{}, fault.E(fault.Invalid, "roles: at least one of %v", Roles)
	}
	for _, r := range roles {
		if !slices.Contains(Roles, r) {
			return Key{}, fault.E(fault.Invalid, "roles: %.40q is none of %v", r, Roles)
		}
	}
	r := k.current.Load()
	if r == nil {
		return Key{}, fault.E(fault.Unavailable, "the API keys cannot be read yet")
	}
	mac := r.mac(text)
	key := Key{ID: id, Name: name, Roles: roles, MAC: mac[:], CreatedAt: k.now().UTC(), CreatedBy: by}
	if err := k.store.Commit(ctx, lists.Put(lists.DocKey(id), key, 0)); err != nil {
		return Key{}, err
	}
	key.MAC = nil
	return key, k.Refresh(ctx)
}

// Bootstrap makes text an admin key if the store holds no key at all.
func (k *Keys) Bootstrap(ctx context.Context, text string) (made bool, err error) {
	all, err := k.List(ctx)
	if err != nil || text == "" {
		return false, err
	}
	if r := k.current.Load(); r != nil && len(all) < r.stored {
		return false, fault.E(fault.Unavailable, "the store has lost API keys")
	}
	if len(all) > 0 { // perhaps made by another replica, after this one took its copy
		return false, k.Refresh(ctx)
	}
	_, err = k.add(ctx, "bootstrap", "bootstrap", text, []Role{Admin}, "INTERDICT_BOOTSTRAP_KEY")
	if fault.Is(err, fault.Conflict) { // another replica was first
		return false, k.Refresh(ctx)
	}
	return err == nil, err
}

// List returns all keys of this store.
func (k *Keys) List(ctx context.Context) ([]Key, error) { return List(ctx, k.store) }

// List returns all keys of a store, revoked ones included. It changes nothing in it.
func List(ctx context.Context, store lists.Store) ([]Key, error) {
	return lists.ReadAll[Key](ctx, store, lists.DocKey(""))
}

// Revoke ends a key; fault.NotFound if there is none of that id, fault.Conflict if it has ended before.
func (k *Keys) Revoke(ctx context.Context, id, by string) error {
	key, revision, err := lists.Read[Key](ctx, k.store, lists.DocKey(id))
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return fault.E(fault.NotFound, "there is no key %.40q", id)
		}
		return err
	}
	if key.RevokedAt != nil {
		return fault.E(fault.Conflict, "key %s was revoked at %s", id, key.RevokedAt.Format(time.RFC3339))
	}
	now := k.now().UTC()
	key.RevokedAt, key.RevokedBy = &now, by
	if err := k.store.Commit(ctx, lists.Put(lists.DocKey(id), key, revision)); err != nil {
		return err
	}
	return k.Refresh(ctx)
}

// ParseRoles reads role names joined by commas.
func ParseRoles(s string) ([]Role, error) {
	var out []Role
	for _, part := range strings.Split(s, ",") {
		r := Role(strings.TrimSpace(part))
		if !slices.Contains(Roles, r) {
			return nil, fault.E(fault.Invalid, "role %.40q is none of %v", r, Roles)
		}
		out = append(out, r)
	}
	return out, nil
}
