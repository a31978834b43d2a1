package auth

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// Change describes who changes a key or an account, and on what.
type Change struct {
	By     lists.Actor
	Reason string
	// Warrant is needed to make someone an approver or an administrator.
	Warrant lists.Warrant
}

func (c *Change) event(action, subject string) *lists.Event {
	e := lists.NewEvent(action, c.By, c.Reason, &c.Warrant)
	e.Subject = subject
	return e
}

// mayAlone reports whether a change that needs two people can be made without a proposal: on the warrant or, and the event then says so, in setup.
func (c *Change) mayAlone(people *lists.People, now time.Time, e *lists.Event) bool {
	if c.Warrant.Suffices() {
		return true
	}
	if people.Setup(now) {
		e.Alone = lists.AloneSetup
		return true
	}
	return false
}

// holds reports whether the person who makes the change learns, alone, a secret with which they could act as another person.
func (c *Change) holds(people *lists.People, now time.Time, owner string) bool {
	return !c.Warrant.Suffices() && !people.Setup(now) && !lists.SamePerson(owner, c.By.Person)
}

// introduce returns how a new key or account with these roles comes to be, and whether it needs a second person.
func (c *Change) introduce(people *lists.People, now time.Time, e *lists.Event, owner string, roles []lists.Role) (made lists.Made, second bool) {
	made = lists.Made{CreatedAt: now, CreatedBy: c.By.Person, Setup: people.Setup(now)}
	if c.Warrant.Proposal != nil {
		made.CreatedBy = c.Warrant.Proposal.By
	}
	if !c.mayAlone(people, now, e) && lists.Vouches(roles) {
		return made, true
	}
	if c.holds(people, now, owner) {
		made.Alone = []string{c.By.Person}
	}
	return made, false
}

// MaxOverlap is how long the old text of a rotated key may go on working.
const MaxOverlap = 30 * 24 * time.Hour

// ShownKey is a key as records and proposals show it: without secrets.
type ShownKey struct {
	ID              string        `json:"id"`
	Name            string        `json:"name"`
	Person          string        `json:"person"`
	Roles           []lists.Role  `json:"roles"`
	Lists           []string      `json:"lists,omitempty"`
	CIDRs           []string      `json:"cidrs,omitempty"`
	Expires         *time.Time    `json:"expires,omitempty"`
	ChecksPerSecond float64       `json:"checks_per_second,omitempty"`
	Certificate     string        `json:"certificate,omitempty"`
	DropIn          *lists.DropIn `json:"drop_in,omitempty"`
	RotatedAt       *time.Time    `json:"rotated_at,omitempty"`
	RevokedAt       *time.Time    `json:"revoked_at,omitempty"`
}

// Shown returns the key as records and proposals show it.
func Shown(k *lists.Key) ShownKey {
	return ShownKey{k.ID, k.Name, k.Owner(), k.Roles, k.Lists, k.CIDRs, k.Expires, k.ChecksPerSecond, k.Certificate, k.DropIn, k.RotatedAt, k.RevokedAt}
}

var (
	keyName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._+ -]{0,99}$`)
	personName = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{M}\p{N}@._+' -]{0,99}$`)
)

// CheckPerson returns fault.Invalid if a person cannot have this name.
func CheckPerson(field, name string) error {
	if address.HoldsSecret(name) {
		return fault.E(fault.Invalid, "%s: this looks like a private key, a seed or an API key; give the name of a person or a system", field)
	}
	if !personName.MatchString(name) {
		return fault.E(fault.Invalid, "%s: use 1 to 100 letters, digits, blanks and @._+'-, beginning with a letter or digit", field)
	}
	switch folded := lists.FoldPerson(name); {
	case folded == lists.Bootstrap, folded == lists.Refresher, folded == lists.Webhooks, folded == "operator":
		return fault.E(fault.Invalid, "%s: %s is the program's own name for something else", field, folded)
	}
	return nil
}

// CheckRoles returns fault.Invalid if the roles cannot be given.
func CheckRoles(roles []lists.Role) error {
	if len(roles) == 0 {
		return fault.E(fault.Invalid, "roles: name at least one of %v", Roles)
	}
	for _, r := range roles {
		if !slices.Contains(Roles, r) {
			return fault.E(fault.Invalid, "roles: unknown role %s; use %v", address.Quote(string(r)), Roles)
		}
	}
	return nil
}

// CheckLists returns fault.Invalid if the patterns of lists cannot be read.
func CheckLists(patterns []string) error {
	for i, p := range patterns {
		if _, err := path.Match(p, "x"); err != nil || p == "" || len(p) > 100 {
			return fault.E(fault.Invalid, "lists[%d]: not a pattern of list ids, such as ofac-*", i)
		}
	}
	return nil
}

func (k *Keys) check(key *lists.Key) error {
	if address.HoldsSecret(key.Name) || address.HoldsSecret(key.Certificate) {
		return fault.E(fault.Invalid, "name, certificate: this looks like a private key, a seed or an API key; give the name of a person or a system")
	}
	if !keyName.MatchString(key.Name) {
		return fault.E(fault.Invalid, "name: use 1 to 100 letters, digits, blanks and @._+-, beginning with a letter or digit")
	}
	if err := CheckPerson("person", key.Person); err != nil {
		return err
	}
	if err := CheckRoles(key.Roles); err != nil {
		return err
	}
	if err := CheckLists(key.Lists); err != nil {
		return err
	}
	for i, text := range key.CIDRs {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			return fault.E(fault.Invalid, "cidrs[%d]: not a network such as 10.1.0.0/16", i)
		}
		if n.Masked() != n {
			return fault.E(fault.Invalid, "cidrs[%d]: %s has bits after its length; the network is %s", i, n, n.Masked())
		}
	}
	if key.Expires != nil && !key.Expires.After(k.now()) {
		return fault.E(fault.Invalid, "expires: must be in the future")
	}
	if !(key.ChecksPerSecond >= 0) || math.IsInf(key.ChecksPerSecond, 0) {
		return fault.E(fault.Invalid, "checks_per_second: must be a number that is not negative; 0 is the server's limit")
	}
	if d := key.DropIn; d != nil {
		for i, c := range d.Categories {
			if !slices.Contains(lists.Categories, c) {
				return fault.E(fault.Invalid, "drop_in.categories[%d]: use one of %v", i, lists.Categories)
			}
		}
	}
	if len(key.Certificate) > 253 {
		return fault.E(fault.Invalid, "certificate: at most 253 bytes")
	}
	return nil
}

// newText returns a new key text, of 256 random bits.
func newText(id string) string {
	return "ik_" + id + "_" + base64.RawURLEncoding.EncodeToString(random(32))
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// Create creates a key and returns its text, which is not stored. The default of its name is its id, and that of its person is its name. An
// approver or administrator, after setup, needs a second person: the error is then a *lists.NeedsSecondPerson, and the text works once the proposal
// is approved.
func (k *Keys) Create(ctx context.Context, key lists.Key, c Change) (text string, made lists.Key, err error) {
	key.ID = strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random(10)))
	text = newText(key.ID)
	made, err = k.create(ctx, key, text, c)
	return text, made, err
}

func (k *Keys) create(ctx context.Context, key lists.Key, text string, c Change) (lists.Key, error) {
	if key.Name == "" {
		key.Name = key.ID
	}
	key.Name, key.Person = strings.TrimSpace(key.Name), strings.TrimSpace(key.Person)
	if key.Person == "" {
		key.Person = key.Name
	}
	if err := k.check(&key); err != nil {
		return key, err
	}
	r := k.current.Load()
	if r == nil {
		return key, fault.E(fault.Unavailable, "the API keys have not been read yet: the store is not reachable")
	}
	mac := r.mac(text)
	key.MAC = mac[:]
	return k.Add(ctx, key, c)
}

// Add stores a new key whose MAC is known: that of Create, or that of a proposal which is approved.
func (k *Keys) Add(ctx context.Context, key lists.Key, c Change) (lists.Key, error) {
	e := c.event("key-create", key.ID)
	e.Before, e.After = json.RawMessage("null"), lists.JSON(Shown(&key))
	err := k.change(ctx, e, &c, func(people *lists.People) ([]lists.Change, error) {
		if err := c.Warrant.Unchanged(e.Before); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(people.Keys, func(x lists.Key) bool { return x.ID == key.ID }) {
			return nil, fault.E(fault.Conflict, "there is a key %s already", key.ID)
		}
		made, second := c.introduce(people, k.now().UTC(), e, key.Owner(), key.Roles)
		if second {
			return nil, needsSecond(lists.ProposeKey, key.ID, e, key)
		}
		key.Made = made
		return []lists.Change{lists.Put(lists.DocKey(key.ID), key, 0)}, nil
	})
	key.MAC = nil
	return key, err
}

// needsSecond returns the error for a change of a key or an account that needs a second person.
func needsSecond(kind lists.ProposalKind, subject string, e *lists.Event, change any) error {
	return &lists.NeedsSecondPerson{Proposal: lists.Proposal{ID: uuid.Must(uuid.NewV7()).String(), Kind: kind, Subject: subject, Before: e.Before, After: e.After,
		Change: lists.JSON(change)}}
}

// change commits changes of keys or accounts between their two records. plan sees all keys and accounts; if any of them changes at the same
// time it is called again.
func (k *Keys) change(ctx context.Context, e *lists.Event, c *Change, plan func(*lists.People) ([]lists.Change, error)) error {
	err := k.ledger.Do(e, func() error {
		return lists.Retry(ctx, func() error {
			doc, err := k.store.Get(ctx, lists.DocPeople)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			people, err := lists.ReadPeople(ctx, k.store)
			if err != nil {
				return err
			}
			if r := k.current.Load(); r != nil && len(people.Keys) < len(r.people.Keys) {
				return fault.E(fault.Unavailable, "the store has lost API keys: interdict restore puts them back")
			}
			changes, err := plan(people)
			if err != nil {
				return err
			}
			changes = append(append(changes, c.Warrant.Changes()...), lists.Put(lists.DocPeople, struct {
				At time.Time `json:"at"`
			}{k.now().UTC()}, doc.Revision))
			return lists.TryCommit(ctx, k.store, changes...)
		})
	})
	if err != nil {
		return err
	}
	return k.Refresh(ctx)
}

// Bootstrap creates an admin key with this text if the store has no keys at all.
func (k *Keys) Bootstrap(ctx context.Context, text string) (made bool, err error) {
	if text == "" {
		return false, nil
	}
	if err := CheckBootstrap(text); err != nil {
		return false, err
	}
	all, err := k.List(ctx)
	if err != nil {
		return false, err
	}
	r := k.current.Load()
	if r != nil && len(all) < len(r.people.Keys) {
		return false, fault.E(fault.Unavailable, "the store has lost API keys: interdict restore puts them back")
	}
	if len(all) > 0 || r == nil { // another replica may have created it since the last Refresh
		return false, k.Refresh(ctx)
	}
	mac := r.mac(text)
	key := lists.Key{ID: lists.Bootstrap, Name: lists.Bootstrap, Person: lists.Bootstrap, Roles: []lists.Role{Admin}, MAC: mac[:]}
	_, err = k.Add(ctx, key, Change{By: lists.Person("INTERDICT_BOOTSTRAP_KEY")})
	if fault.Is(err, fault.Conflict) { // another replica was faster
		return false, k.Refresh(ctx)
	}
	return err == nil, err
}

// MinBootstrap is the number of bytes that a bootstrap key must have at least.
const MinBootstrap = 32

// CheckBootstrap returns fault.Invalid if a text is too weak to be a bootstrap key.
func CheckBootstrap(text string) error {
	if len(text) < MinBootstrap || len(text) > maxText || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fault.E(fault.Invalid, "INTERDICT_BOOTSTRAP_KEY: must have %d to %d printable ASCII characters without blanks; openssl rand -hex 32 makes one", MinBootstrap, maxText)
	}
	return nil
}

// List returns all keys of this store.
func (k *Keys) List(ctx context.Context) ([]lists.Key, error) { return List(ctx, k.store) }

// List returns all keys of a store, including revoked ones. It does not change the store.
func List(ctx context.Context, store lists.Store) ([]lists.Key, error) {
	return lists.ReadAll[lists.Key](ctx, store, lists.DocKey(""))
}

// find returns a key that works, and the revision of its document.
func (k *Keys) find(ctx context.Context, people *lists.People, id string) (key lists.Key, revision uint64, err error) {
	if !slices.ContainsFunc(people.Keys, func(x lists.Key) bool { return x.ID == id }) {
		return key, 0, fault.E(fault.NotFound, "no such key: %s", address.Quote(id))
	}
	if key, revision, err = lists.Read[lists.Key](ctx, k.store, lists.DocKey(id)); err != nil {
		return key, 0, err
	}
	if key.RevokedAt != nil {
		return key, 0, fault.E(fault.Conflict, "key %s was already revoked at %s", id, key.RevokedAt.Format(time.RFC3339))
	}
	return key, revision, nil
}

// Rotate gives a key a new text and returns it; the old text works for the overlap. The key of another person who can approve needs a second
// person, since whoever has its text acts as that person: the error is then a *lists.NeedsSecondPerson.
func (k *Keys) Rotate(ctx context.Context, id string, overlap time.Duration, c Change) (text string, rotated lists.Key, err error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", rotated, fault.E(fault.Invalid, "overlap: must be 0 to %s", MaxOverlap)
	}
	r := k.current.Load()
	if r == nil {
		return "", rotated, fault.E(fault.Unavailable, "the API keys have not been read yet: the store is not reachable")
	}
	text = newText(id)
	mac := r.mac(text)
	rotated, err = k.ApplyRotation(ctx, Rotation{id, mac[:], overlap}, c)
	return text, rotated, err
}

// Rotation is a rotation whose text has been given out.
type Rotation struct {
	ID      string        `json:"id"`
	MAC     []byte        `json:"rotated_mac"`
	Overlap time.Duration `json:"overlap"`
}

// ApplyRotation stores the rotation of a key: that of Rotate, or that of a proposal which is approved.
func (k *Keys) ApplyRotation(ctx context.Context, x Rotation, c Change) (rotated lists.Key, err error) {
	e := c.event("key-rotate", x.ID)
	err = k.change(ctx, e, &c, func(people *lists.People) ([]lists.Change, error) {
		key, revision, err := k.find(ctx, people, x.ID)
		if err != nil {
			return nil, err
		}
		if key.ID == lists.Bootstrap {
			return nil, fault.E(fault.Conflict, "the bootstrap key is that of the configuration: make other keys, and revoke it")
		}
		before, now := Shown(&key), k.now().UTC()
		until := now.Add(x.Overlap)
		key.OldMAC, key.OldUntil = key.MAC, &until
		key.MAC, key.RotatedAt, key.RotatedBy = x.MAC, &now, c.By.Person
		after := Shown(&key)
		e.Before, e.After = lists.Difference(before, after)
		if !lists.SamePerson(key.Owner(), c.By.Person) && lists.Vouches(key.Roles) && !c.mayAlone(people, now, e) {
			e.Before, e.After = json.RawMessage("null"), lists.JSON(before)
			return nil, needsSecond(lists.ProposeKey, key.ID, e, x)
		}
		if c.holds(people, now, key.Owner()) {
			key.Alone = append(key.Alone, c.By.Person)
		}
		rotated = key
		return []lists.Change{lists.Put(lists.DocKey(key.ID), key, revision)}, nil
	})
	rotated.MAC, rotated.OldMAC = nil, nil
	return rotated, err
}

// Revoke revokes a key. fault.NotFound: no such id; fault.Conflict: it is revoked already, or no one could administer without it.
func (k *Keys) Revoke(ctx context.Context, id string, c Change) error {
	e := c.event("key-revoke", id)
	return k.change(ctx, e, &c, func(people *lists.People) ([]lists.Change, error) {
		key, revision, err := k.find(ctx, people, id)
		if err != nil {
			return nil, err
		}
		before, now := Shown(&key), k.now().UTC()
		if slices.Contains(key.Roles, Admin) && key.Works(now) && len(people.Admins(now, id)) == 0 {
			return nil, fault.E(fault.Conflict, "key %s is the last that can administer without an end: make another one first", id)
		}
		key.RevokedAt, key.RevokedBy = &now, c.By.Person
		e.Before, e.After = lists.Difference(before, Shown(&key))
		return []lists.Change{lists.Put(lists.DocKey(id), key, revision)}, nil
	})
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
