package lists

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"interdict/lists/fault"
)

// Role is what a key or an account may do. Admin may do everything, but no one, admins included, can be their own second person.
type Role string

const (
	Checker  Role = "checker"  // check addresses
	Analyst  Role = "analyst"  // upload lists
	Approver Role = "approver" // approve, reject, activate, roll back
	Auditor  Role = "auditor"  // read the journal
	Admin    Role = "admin"    // change lists, keys and accounts, and all of the above
)

// Roles are all roles.
var Roles = []Role{Checker, Analyst, Approver, Auditor, Admin}

// Vouches reports whether one of the roles can agree to the change of another person.
func Vouches(roles []Role) bool {
	return slices.Contains(roles, Approver) || slices.Contains(roles, Admin)
}

// Key is a stored API key.
type Key struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Person is who acts with the key; several keys can belong to one person. Keys of older programs have only a Name.
	Person string `json:"person,omitempty"`
	Roles  []Role `json:"roles"`
	// Lists are patterns (path.Match) of the ids of the lists that the key may read and change; none: all lists. Checks always screen
	// against all lists.
	Lists []string `json:"lists,omitempty"`
	// CIDRs are the client networks that the key works from; none: from everywhere.
	CIDRs   []string   `json:"cidrs,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	// ChecksPerSecond limits the checks of all replicas together; 0: the limit of the server's configuration.
	ChecksPerSecond float64 `json:"checks_per_second,omitempty"`
	// Certificate is the name that the client's certificate must have; "": none is asked for.
	Certificate string `json:"certificate,omitempty"`
	// DropIn says how the drop-in endpoints answer this key; nil: with listings of category sanctions, and with an error for what is not an address.
	DropIn *DropIn `json:"drop_in,omitempty"`

	MAC []byte `json:"mac,omitempty"` // HMAC-SHA-256 of its text
	// OldMAC is that of the text before the last rotation, which works until OldUntil.
	OldMAC    []byte     `json:"old_mac,omitempty"`
	OldUntil  *time.Time `json:"old_until,omitempty"`
	RotatedAt *time.Time `json:"rotated_at,omitempty"`
	RotatedBy string     `json:"rotated_by,omitempty"`

	Made
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	RevokedBy string     `json:"revoked_by,omitempty"`
}

// DropIn says how the drop-in endpoints, which answer as other services do, answer a key.
type DropIn struct {
	Categories []Category `json:"categories,omitempty"` // of listings that count; none: sanctions
	Lenient    bool       `json:"lenient,omitempty"`    // a text that is not an address counts as not listed
	Object     bool       `json:"object,omitempty"`     // Scorechain's answer is an object instead of an array
}

// Counts reports whether listings of a category count.
func (d *DropIn) Counts(c Category) bool {
	if d == nil || len(d.Categories) == 0 {
		return c == Sanctions
	}
	return slices.Contains(d.Categories, c)
}

// Made records how a key or an account came to be.
type Made struct {
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	// Alone are the people who have held its secret and are not its owner: who made or renewed it without a second person, after setup. They
	// cannot be the second person for what is done with it.
	Alone []string `json:"alone,omitempty"`
	// Setup is true if it was made while fewer than two people could approve.
	Setup bool `json:"setup,omitempty"`
}

// Owner returns the person who acts with the key.
func (k *Key) Owner() string {
	if k.Person != "" {
		return k.Person
	}
	return k.Name
}

// Works reports whether the key is neither revoked nor expired at a time.
func (k *Key) Works(at time.Time) bool {
	return k.RevokedAt == nil && (k.Expires == nil || at.Before(*k.Expires))
}

// Account is a staff account: a person who signs in to the console.
type Account struct {
	ID     string   `json:"id"`
	Login  string   `json:"login"`  // what the person types, or the subject that the identity provider names
	Person string   `json:"person"` // name in records
	Roles  []Role   `json:"roles"`
	Lists  []string `json:"lists,omitempty"` // as in Key
	// Issuer is the identity provider of an account that signs in by OpenID Connect; "": a local account.
	Issuer string `json:"issuer,omitempty"`

	Password string   `json:"password,omitempty"` // argon2id hash in PHC form; "" until the first sign-in
	TOTP     string   `json:"totp,omitempty"`     // secret in base32; "" until it is enrolled
	TOTPUsed int64    `json:"totp_used,omitempty"`
	Recovery [][]byte `json:"recovery,omitempty"` // SHA-256 of the recovery codes that are left
	// Invitation is the SHA-256 of the one-time text for the first sign-in, which works until InvitedUntil.
	Invitation   []byte     `json:"invitation,omitempty"`
	InvitedUntil *time.Time `json:"invited_until,omitempty"`

	// Approved is true once the person has been able to sign in with roles that can approve. It stays true, so that setup ends for good.
	Approved bool `json:"approved,omitempty"`
	Made
	LastSignIn *time.Time `json:"last_sign_in,omitempty"`
	DisabledAt *time.Time `json:"disabled_at,omitempty"`
	DisabledBy string     `json:"disabled_by,omitempty"`
}

// Actor is who does something: a person, and the credential that they used.
type Actor struct {
	Person string
	// Credential is the id of an API key, or AccountCredential and the id of an account; "" for the operator and for the program itself.
	Credential string
}

// SignsIn reports whether the account can be signed in to: a local account needs a password first.
func (a *Account) SignsIn() bool { return a.DisabledAt == nil && (a.Issuer != "" || a.Password != "") }

// AccountState is what can be done with an account.
type AccountState string

const (
	AccountInvited  AccountState = "invited" // its person has not set a password yet
	AccountActive   AccountState = "active"
	AccountDisabled AccountState = "disabled"
)

// State returns the state of the account.
func (a *Account) State() AccountState {
	switch {
	case a.DisabledAt != nil:
		return AccountDisabled
	case a.SignsIn():
		return AccountActive
	}
	return AccountInvited
}

// Actor returns who acts with the account.
func (a *Account) Actor() Actor { return Actor{a.Person, AccountCredential + a.ID} }

// AccountCredential begins the credential of a staff account.
const AccountCredential = "account:"

// Person returns an actor without a credential.
func Person(name string) Actor { return Actor{Person: name} }

// Names of actors that are no persons. No key or account can have one.
const (
	Bootstrap = "bootstrap" // the key of the configuration
	Refresher = "refresh"   // the program, when it fetches a list from its source
	Webhooks  = "webhook"   // the program, when it disables a webhook whose receiver is gone
)

var fold = cases.Fold()

// FoldPerson returns the form of a person's name in which names are compared: trimmed, NFKC-normalised and case-folded, with single
// blanks.
func FoldPerson(name string) string {
	return strings.Join(strings.Fields(norm.NFKC.String(fold.String(norm.NFKC.String(name)))), " ")
}

// SamePerson reports whether two names are those of one person.
func SamePerson(a, b string) bool { return FoldPerson(a) == FoldPerson(b) }

// People are all keys and accounts of a store.
type People struct {
	Keys     []Key
	Accounts []Account
}

// ReadPeople reads all keys and accounts, including those that have ended.
func ReadPeople(ctx context.Context, s Store) (*People, error) {
	keys, err := ReadAll[Key](ctx, s, DocKey(""))
	if err != nil {
		return nil, err
	}
	accounts, err := ReadAll[Account](ctx, s, DocAccount(""))
	return &People{keys, accounts}, err
}

// credential is what a key and an account have in common.
type credential struct {
	id, person string
	roles      []Role
	made       *Made
	approved   bool // can approve, or could once
	ended      bool // revoked, expired or disabled
	forever    bool // works now, does not expire, and needs no certificate and no particular network
}

func (p *People) credentials(at time.Time) []credential {
	all := make([]credential, 0, len(p.Keys)+len(p.Accounts))
	for i := range p.Keys {
		k := &p.Keys[i]
		all = append(all, credential{k.ID, k.Owner(), k.Roles, &k.Made, Vouches(k.Roles), !k.Works(at), k.Expires == nil && k.Certificate == "" && len(k.CIDRs) == 0})
	}
	for i := range p.Accounts {
		a := &p.Accounts[i]
		all = append(all, credential{AccountCredential + a.ID, a.Person, a.Roles, &a.Made, a.Approved, a.DisabledAt != nil, a.SignsIn()})
	}
	return all
}

// SecondPerson returns nil if approver can be the second person for what author did. Otherwise the error, fault.Forbidden, says why not:
// it is the same person; the credential that approved has ended or may not approve any more; or approver alone made a credential of author.
func (p *People) SecondPerson(author, approver Actor, at time.Time) error {
	if SamePerson(author.Person, approver.Person) {
		return fault.E(fault.Forbidden, "by the same person: someone else must approve it")
	}
	all := p.credentials(at)
	if approver.Credential != "" {
		i := slices.IndexFunc(all, func(c credential) bool { return c.id == approver.Credential })
		if i < 0 || all[i].ended || !Vouches(all[i].roles) {
			return fault.E(fault.Forbidden, "%s approved with a credential that has been revoked, has expired or may not approve any more: someone else must approve it", approver.Person)
		}
	}
	for _, c := range all {
		if SamePerson(c.person, author.Person) && slices.ContainsFunc(c.made.Alone, func(x string) bool { return SamePerson(x, approver.Person) }) {
			return fault.E(fault.Forbidden, "%s made the access of %s alone: a third person must approve it", approver.Person, author.Person)
		}
	}
	return nil
}

// Ended reports whether the credential of an actor has been revoked or has expired.
func (p *People) Ended(a Actor, at time.Time) bool {
	if a.Credential == "" {
		return false
	}
	all := p.credentials(at)
	i := slices.IndexFunc(all, func(c credential) bool { return c.id == a.Credential })
	return i < 0 || all[i].ended
}

// Approvers returns how many people can approve, or could once: setup ends for good when they are two. The bootstrap key is no person, and an
// account counts from its first sign-in.
func (p *People) Approvers(at time.Time) int {
	people := map[string]bool{}
	for _, c := range p.credentials(at) {
		if c.approved && c.person != Bootstrap {
			people[FoldPerson(c.person)] = true
		}
	}
	return len(people)
}

// Setup reports whether fewer than two people can approve yet: then an administrator makes the first ones alone.
func (p *People) Setup(at time.Time) bool { return p.Approvers(at) < 2 }

// Admins returns the people who can administer at a time with a credential that does not end by itself, without the credential with
// the id except.
func (p *People) Admins(at time.Time, except string) (people []string) {
	for _, c := range p.credentials(at) {
		if c.id != except && !c.ended && c.forever && slices.Contains(c.roles, Admin) && !slices.ContainsFunc(people, func(x string) bool { return SamePerson(x, c.person) }) {
			people = append(people, c.person)
		}
	}
	return people
}
