// Package auth authenticates callers: API keys with roles.
//
//	key text ── HMAC-SHA-256 with the pepper ── stored key ── Principal{name, roles}
//
// A key is 256 random bits. It is shown once, when it is created; the store has only its HMAC. The pepper comes from
// the configuration, or is created once and kept in the store. A replica authenticates with a copy of all keys, which it
// renews every second: a revoked key is refused by all replicas soon, and known keys work while the store is down.
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
	"interdict/lists/address"
	"interdict/lists/fault"
)

// Role is what a key may do. Admin may do everything, but no one, admins included, can approve their own upload.
type Role string

const (
	Checker  Role = "checker"  // check addresses
	Analyst  Role = "analyst"  // upload lists
	Approver Role = "approver" // approve, reject, activate, roll back
	Auditor  Role = "auditor"  // read the journal
	Admin    Role = "admin"    // change lists and keys, and all of the above
)

// Roles are all roles.
var Roles = []Role{Checker, Analyst, Approver, Auditor, Admin}

// Key is a stored key. Its Name is that of a person or a system: two keys with the same name belong to the same person.
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

// Principal is an authenticated caller.
type Principal struct {
	KeyID string
	Name  string
	roles []Role
}

// May reports whether the caller has one of the roles, or is an admin. Without roles it returns true.
func (p *Principal) May(roles ...Role) bool {
	if len(roles) == 0 || slices.Contains(p.roles, Admin) {
		return true
	}
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(p.roles, r) })
}

// Keys creates, checks and revokes API keys.
type Keys struct {
	store      lists.Store
	configured []byte // pepper of the configuration; empty: that of the store
	now        func() time.Time

	current   atomic.Pointer[keyring]
	refreshMu sync.Mutex
	refreshed time.Time
}

// keyring is a copy of all valid keys of a store.
type keyring struct {
	pepper []byte
	stored int // number of keys in the store, including revoked ones
	byMAC  map[[sha256.Size]byte]*Principal
	mu     sync.RWMutex
	// seen caches keys that were found before, by the SHA-256 of the key, to save the HMAC.
	seen map[[sha256.Size]byte]*Principal
}

// Open reads the keys of a store. If pepper is "", that of the store is used, and created if necessary.
func Open(ctx context.Context, store lists.Store, pepper string, now func() time.Time) (*Keys, error) {
	k := &Keys{store: store, configured: []byte(pepper), now: now}
	return k, k.Refresh(ctx)
}

// OpenReplica is Open for a server that must start while its store is down. It then uses the keys in its cache (nil: no cache). Without
// them Authenticate returns fault.Unavailable until Refresh succeeds, since no key is known to be wrong.
func OpenReplica(ctx context.Context, store, cache lists.Store, pepper string, now func() time.Time) (*Keys, error) {
	k := &Keys{store: store, configured: []byte(pepper), now: now}
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

// loadPepper returns the key of the HMAC over API keys. With mayCreate it creates one in a store that has neither pepper nor keys.
func (k *Keys) loadPepper(ctx context.Context, store lists.Store, mayCreate bool) ([]byte, error) {
	if len(k.configured) > 0 {
		return k.configured, nil
	}
	if r := k.current.Load(); r != nil {
		return r.pepper, nil
	}
	doc, err := store.Get(ctx, lists.DocPepper)
	if mayCreate && fault.Is(err, fault.NotFound) {
		all, lerr := lists.ReadAll[Key](ctx, store, lists.DocKey(""))
		if lerr != nil {
			return nil, lerr
		}
		if len(all) > 0 {
			return nil, fault.E(fault.Unavailable, "the store has lost the pepper of its API keys: interdict restore puts it back")
		}
		fresh := make([]byte, 32)
		rand.Read(fresh)
		err = store.Commit(ctx, lists.Change{Key: lists.DocPepper, Value: fresh})
		if err == nil || fault.Is(err, fault.Conflict) { // another process was faster
			doc, err = store.Get(ctx, lists.DocPepper)
		}
	}
	return doc.Value, err
}

// Refresh renews the copy of all keys. After an error the old copy stays in use.
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
		// Keys are never deleted, not even revoked ones: the store has lost some. The lost keys are still valid.
		return fault.E(fault.Unavailable, "the store has lost API keys: it has %d of %d; the lost keys stay valid on this server: interdict restore puts them back",
			next.stored, old.stored)
	}
	if old == nil || !sameKeys(old, next) {
		k.current.Store(next)
	}
	return nil
}

// read returns a copy of all keys of a store.
func (k *Keys) read(ctx context.Context, store lists.Store, mayCreate bool) (*keyring, error) {
	pepper, err := k.loadPepper(ctx, store, mayCreate)
	if err != nil {
		return nil, err
	}
	all, err := lists.ReadAll[Key](ctx, store, lists.DocKey(""))
	if err != nil {
		return nil, err
	}
	next := &keyring{pepper: pepper, stored: len(all), byMAC: map[[sha256.Size]byte]*Principal{}, seen: map[[sha256.Size]byte]*Principal{}}
	for _, key := range all {
		if key.RevokedAt == nil && len(key.MAC) == sha256.Size {
			next.byMAC[[sha256.Size]byte(key.MAC)] = &Principal{KeyID: key.ID, Name: key.Name, roles: key.Roles}
		}
	}
	return next, nil
}

func sameKeys(a, b *keyring) bool {
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

// Authenticate returns the caller with this key text. fault.Unauthorized: the key is unknown or revoked.
func (k *Keys) Authenticate(ctx context.Context, text string) (*Principal, error) {
	if text == "" || len(text) > 512 {
		return nil, errUnknown
	}
	r := k.current.Load()
	if r == nil {
		return nil, fault.E(fault.Unavailable, "the API keys have not been read yet: the store is not reachable")
	}
	sum := sha256.Sum256([]byte(text))
	if p := r.cached(sum); p != nil {
		return p, nil
	}
	mac := r.mac(text)
	if p := r.find(mac, sum); p != nil {
		return p, nil
	}
	// The key may be newer than the copy. Unknown keys cause at most one read of the store per second.
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

func (r *keyring) cached(sum [sha256.Size]byte) *Principal {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.seen[sum]
}

func (r *keyring) find(mac, sum [sha256.Size]byte) *Principal {
	p := r.byMAC[mac]
	if p != nil {
		r.mu.Lock()
		r.seen[sum] = p
		r.mu.Unlock()
	}
	return p
}

func (r *keyring) mac(text string) [sha256.Size]byte {
	h := hmac.New(sha256.New, r.pepper)
	h.Write([]byte(text))
	return [sha256.Size]byte(h.Sum(nil))
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._+ -]{0,99}$`)

// Create creates a key and returns its text, which is not stored. The default of name is the id of the key.
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
	if address.HoldsSecret(name) {
		return Key{}, fault.E(fault.Invalid, "name: this looks like a private key, a seed or an API key; give the name of a person or a system")
	}
	if !keyName.MatchString(name) {
		return Key{}, fault.E(fault.Invalid, "name: use 1 to 100 letters, digits, blanks and @._+-, beginning with a letter or digit")
	}
	if len(roles) == 0 {
		return Key{}, fault.E(fault.Invalid, "roles: name at least one of %v", Roles)
	}
	for _, r := range roles {
		if !slices.Contains(Roles, r) {
			return Key{}, fault.E(fault.Invalid, "roles: unknown role %s; use %v", address.Quote(string(r)), Roles)
		}
	}
	r := k.current.Load()
	if r == nil {
		return Key{}, fault.E(fault.Unavailable, "the API keys have not been read yet: the store is not reachable")
	}
	mac := r.mac(text)
	key := Key{ID: id, Name: name, Roles: roles, MAC: mac[:], CreatedAt: k.now().UTC(), CreatedBy: by}
	if err := k.store.Commit(ctx, lists.Put(lists.DocKey(id), key, 0)); err != nil {
		return Key{}, err
	}
	key.MAC = nil
	return key, k.Refresh(ctx)
}

// Bootstrap creates an admin key with this text if the store has no keys at all.
func (k *Keys) Bootstrap(ctx context.Context, text string) (made bool, err error) {
	all, err := k.List(ctx)
	if err != nil || text == "" {
		return false, err
	}
	if r := k.current.Load(); r != nil && len(all) < r.stored {
		return false, fault.E(fault.Unavailable, "the store has lost API keys: interdict restore puts them back")
	}
	if len(all) > 0 { // another replica may have created it since the last Refresh
		return false, k.Refresh(ctx)
	}
	_, err = k.add(ctx, "bootstrap", "bootstrap", text, []Role{Admin}, "INTERDICT_BOOTSTRAP_KEY")
	if fault.Is(err, fault.Conflict) { // another replica was faster
		return false, k.Refresh(ctx)
	}
	return err == nil, err
}

// List returns all keys of this store.
func (k *Keys) List(ctx context.Context) ([]Key, error) { return List(ctx, k.store) }

// List returns all keys of a store, including revoked ones. It does not change the store.
func List(ctx context.Context, store lists.Store) ([]Key, error) {
	return lists.ReadAll[Key](ctx, store, lists.DocKey(""))
}

// Revoke revokes a key. fault.NotFound: no such id; fault.Conflict: it is revoked already.
func (k *Keys) Revoke(ctx context.Context, id, by string) error {
	key, revision, err := lists.Read[Key](ctx, k.store, lists.DocKey(id))
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return fault.E(fault.NotFound, "no such key: %s", address.Quote(id))
		}
		return err
	}
	if key.RevokedAt != nil {
		return fault.E(fault.Conflict, "key %s was already revoked at %s", id, key.RevokedAt.Format(time.RFC3339))
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
			return nil, fault.E(fault.Invalid, "unknown role %s; use %v", address.Quote(string(r)), Roles)
		}
		out = append(out, r)
	}
	return out, nil
}
