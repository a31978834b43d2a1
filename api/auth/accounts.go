package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// InvitationTTL is how long an invitation to a local account works.
const InvitationTTL = 24 * time.Hour

// Accounts creates and changes staff accounts, under the same rules as keys: an approver or administrator needs a second person.
type Accounts struct{ keys *Keys }

// Accounts returns the accounts of the store that the keys are in.
func (k *Keys) Accounts() *Accounts { return &Accounts{k} }

// ShownAccount is an account as records and proposals show it: without secrets.
type ShownAccount struct {
	ID     string             `json:"id"`
	Login  string             `json:"login"`
	Person string             `json:"person"`
	Roles  []lists.Role       `json:"roles"`
	Lists  []string           `json:"lists,omitempty"`
	Issuer string             `json:"issuer,omitempty"`
	State  lists.AccountState `json:"state"`
}

// ShowAccount returns the account as records and proposals show it.
func ShowAccount(a *lists.Account) ShownAccount {
	return ShownAccount{a.ID, a.Login, a.Person, a.Roles, a.Lists, a.Issuer, a.State()}
}

// PersonChange is a change of an account that waits for a second person: one of its fields is set.
type PersonChange struct {
	Create *lists.Account `json:"create,omitempty"`
	Reset  *Reset         `json:"reset,omitempty"`
	Roles  *NewRoles      `json:"set_roles,omitempty"`
}

// Reset gives a local account a new invitation, whose text has been given out.
type Reset struct {
	ID         string `json:"id"`
	Invitation []byte `json:"invitation"` // SHA-256 of the text
}

// NewRoles are the roles and the lists that a local account gets.
type NewRoles struct {
	ID    string       `json:"id"`
	Roles []lists.Role `json:"roles"`
	Lists []string     `json:"lists,omitempty"`
}

var loginName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._+-]{0,99}$`)

func checkAccount(a *lists.Account) error {
	if !loginName.MatchString(a.Login) {
		return fault.E(fault.Invalid, "login: use 1 to 100 letters, digits and @._+-, beginning with a letter or digit")
	}
	if err := CheckPerson("person", a.Person); err != nil {
		return err
	}
	if err := CheckRoles(a.Roles); err != nil {
		return err
	}
	return CheckLists(a.Lists)
}

func newID() string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random(10)))
}

// newInvitation returns the text of an invitation, of 256 random bits, and its hash.
func newInvitation(account string) (text string, sum []byte) {
	text = "iv_" + account + "_" + base64.RawURLEncoding.EncodeToString(random(32))
	return text, hashOf(text)
}

func hashOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Create creates a local account and returns the text of its invitation, which is not stored. The default of the person is the login. An
// approver or administrator, after setup, needs a second person: the error is then a *lists.NeedsSecondPerson, and the invitation works
// once the proposal is approved.
func (a *Accounts) Create(ctx context.Context, account lists.Account, c Change) (text string, made lists.Account, err error) {
	made = lists.Account{ID: newID(), Login: strings.TrimSpace(account.Login), Person: strings.TrimSpace(account.Person), Roles: account.Roles, Lists: account.Lists}
	if made.Person == "" {
		made.Person = made.Login
	}
	if err := checkAccount(&made); err != nil {
		return "", made, err
	}
	text, made.Invitation = newInvitation(made.ID)
	made, err = a.add(ctx, made, c)
	return text, made, err
}

func (a *Accounts) add(ctx context.Context, account lists.Account, c Change) (lists.Account, error) {
	e := c.event("person-create", account.ID)
	e.Before, e.After = json.RawMessage("null"), lists.JSON(ShowAccount(&account))
	err := a.keys.change(ctx, e, &c, func(people *lists.People) ([]lists.Change, error) {
		if err := c.Warrant.Unchanged(e.Before); err != nil {
			return nil, err
		}
		if err := loginIsFree(people, &account); err != nil {
			return nil, err
		}
		now := a.keys.now().UTC()
		until := now.Add(InvitationTTL)
		account.InvitedUntil = &until
		made, second := c.introduce(people, now, e, account.Person, account.Roles)
		account.Made = made
		if second {
			return nil, needsSecond(lists.ProposePerson, account.ID, e, PersonChange{Create: &account})
		}
		return []lists.Change{lists.Put(lists.DocAccount(account.ID), account, 0)}, nil
	})
	return account, err
}

// loginIsFree returns fault.Conflict if another local account that is not disabled has the login.
func loginIsFree(people *lists.People, account *lists.Account) error {
	if account.Issuer == "" && slices.ContainsFunc(people.Accounts, func(x lists.Account) bool {
		return x.ID != account.ID && x.Issuer == "" && x.DisabledAt == nil && strings.EqualFold(x.Login, account.Login)
	}) {
		return fault.E(fault.Conflict, "login %s: another account has it", account.Login)
	}
	return nil
}

// edit changes one account. apply changes it in place and returns whether that needs a second person, and further changes of documents; what
// is what a proposal would hold.
func (a *Accounts) edit(ctx context.Context, action, id string, c Change, what PersonChange,
	apply func(people *lists.People, account *lists.Account) (second bool, more []lists.Change, err error),
) (edited lists.Account, err error) {
	e := c.event(action, id)
	err = a.keys.change(ctx, e, &c, func(people *lists.People) ([]lists.Change, error) {
		account, revision, err := a.find(ctx, id)
		if err != nil {
			return nil, err
		}
		before := ShowAccount(&account)
		if err := c.Warrant.Unchanged(lists.JSON(before)); err != nil {
			return nil, err
		}
		second, more, err := apply(people, &account)
		if err != nil {
			return nil, err
		}
		after := ShowAccount(&account)
		if second && !c.mayAlone(people, a.keys.now(), e) {
			e.Before, e.After = lists.JSON(before), lists.JSON(after)
			return nil, needsSecond(lists.ProposePerson, id, e, what)
		}
		e.Before, e.After = lists.Difference(before, after)
		edited = account
		return append(more, lists.Put(lists.DocAccount(id), account, revision)), nil
	})
	return edited, err
}

// find returns an account and the revision of its document.
func (a *Accounts) find(ctx context.Context, id string) (account lists.Account, revision uint64, err error) {
	account, revision, err = lists.Read[lists.Account](ctx, a.keys.store, lists.DocAccount(id))
	if fault.Is(err, fault.NotFound) {
		err = fault.E(fault.NotFound, "no such account: %s", address.Quote(id))
	}
	return account, revision, err
}

// Reset ends the sessions of an account. A local account loses its password, its authenticator and its recovery codes, and gets a new invitation,
// whose text is returned. A disabled account is enabled again. Since whoever has the invitation acts as that person, the account of another
// approver or administrator needs a second person: the error is then a *lists.NeedsSecondPerson.
func (a *Accounts) Reset(ctx context.Context, id string, c Change) (text string, reset lists.Account, err error) {
	text, sum := newInvitation(id)
	reset, err = a.applyReset(ctx, Reset{id, sum}, c)
	if reset.Issuer != "" {
		text = ""
	}
	return text, reset, err
}

func (a *Accounts) applyReset(ctx context.Context, x Reset, c Change) (lists.Account, error) {
	return a.edit(ctx, "person-reset", x.ID, c, PersonChange{Reset: &x}, func(people *lists.People, account *lists.Account) (bool, []lists.Change, error) {
		enables := account.DisabledAt != nil
		account.DisabledAt, account.DisabledBy = nil, ""
		another := !lists.SamePerson(account.Person, c.By.Person)
		second := another && lists.Vouches(account.Roles) && (account.Issuer == "" || enables)
		if account.Issuer == "" {
			if err := loginIsFree(people, account); err != nil {
				return false, nil, err
			}
			now := a.keys.now().UTC()
			until := now.Add(InvitationTTL)
			account.Password, account.TOTP, account.TOTPUsed, account.Recovery = "", "", 0, nil
			account.Invitation, account.InvitedUntil = x.Invitation, &until
			if c.holds(people, now, account.Person) {
				account.Alone = append(account.Alone, c.By.Person)
			}
		}
		ended, err := a.endSessions(ctx, account.ID)
		return second, ended, err
	})
}

// SetRoles changes what the person of a local account may do. More than before, for an approver or administrator, needs a second person: the error
// is then a *lists.NeedsSecondPerson. fault.Conflict: no one could administer any more, or the roles come from the identity provider.
func (a *Accounts) SetRoles(ctx context.Context, x NewRoles, c Change) (lists.Account, error) {
	if err := CheckRoles(x.Roles); err != nil {
		return lists.Account{}, err
	}
	if err := CheckLists(x.Lists); err != nil {
		return lists.Account{}, err
	}
	return a.edit(ctx, "person-roles", x.ID, c, PersonChange{Roles: &x}, func(people *lists.People, account *lists.Account) (bool, []lists.Change, error) {
		switch {
		case account.Issuer != "":
			return false, nil, fault.E(fault.Conflict, "the roles of %s come from the groups of the identity provider: change them there", account.Person)
		case account.DisabledAt != nil:
			return false, nil, fault.E(fault.Conflict, "account %s is disabled: reset it first", x.ID)
		}
		less := !slices.ContainsFunc(x.Roles, func(r lists.Role) bool { return !slices.Contains(account.Roles, r) }) && slices.Equal(x.Lists, account.Lists)
		administered := account.SignsIn() && slices.Contains(account.Roles, Admin)
		account.Roles, account.Lists = x.Roles, x.Lists
		if administered && !slices.Contains(x.Roles, Admin) && len(people.Admins(a.keys.now(), account.Actor().Credential)) == 0 {
			return false, nil, fault.E(fault.Conflict, "%s is the last who can administer: make another administrator first", account.Person)
		}
		account.Approved = account.Approved || account.SignsIn() && lists.Vouches(x.Roles)
		return lists.Vouches(x.Roles) && !less, nil, nil
	})
}

// Apply makes a change of an account that a second person has approved.
func (a *Accounts) Apply(ctx context.Context, x PersonChange, c Change) error {
	var err error
	switch {
	case x.Create != nil:
		_, err = a.add(ctx, *x.Create, c)
	case x.Reset != nil:
		_, err = a.applyReset(ctx, *x.Reset, c)
	case x.Roles != nil:
		_, err = a.SetRoles(ctx, *x.Roles, c)
	default:
		err = fault.E(fault.Unavailable, "the proposal holds no change of an account")
	}
	return err
}

// working is what a person signs in with, for the record.
type working struct {
	Accounts []string `json:"accounts"`
	Keys     []string `json:"keys"`
}

// Disable ends everything that the person of an account signs in with: all their accounts, sessions and keys. fault.Conflict: the account is disabled
// already, or no one could administer without that person.
func (a *Accounts) Disable(ctx context.Context, id string, c Change) (disabled lists.Account, err error) {
	e := c.event("person-disable", id)
	err = a.keys.change(ctx, e, &c, func(people *lists.People) ([]lists.Change, error) {
		account, _, err := a.find(ctx, id)
		if err != nil {
			return nil, err
		}
		if account.DisabledAt != nil {
			return nil, fault.E(fault.Conflict, "account %s was already disabled at %s", id, account.DisabledAt.Format(time.RFC3339))
		}
		now := a.keys.now().UTC()
		is := func(x string) bool { return lists.SamePerson(x, account.Person) }
		if admins := people.Admins(now, ""); slices.ContainsFunc(admins, is) && len(admins) == 1 {
			return nil, fault.E(fault.Conflict, "%s is the last who can administer: make another administrator first", account.Person)
		}
		var ended working
		var changes []lists.Change
		for i := range people.Accounts {
			if x := &people.Accounts[i]; !is(x.Person) || x.DisabledAt != nil {
				continue
			}
			x, revision, err := a.find(ctx, people.Accounts[i].ID)
			if err != nil {
				return nil, err
			}
			x.DisabledAt, x.DisabledBy, x.Invitation, x.InvitedUntil = &now, c.By.Person, nil, nil
			if x.ID == id {
				disabled = x
			}
			sessions, err := a.endSessions(ctx, x.ID)
			if err != nil {
				return nil, err
			}
			changes = append(append(changes, lists.Put(lists.DocAccount(x.ID), x, revision)), sessions...)
			ended.Accounts = append(ended.Accounts, x.ID)
		}
		for i := range people.Keys {
			if !is(people.Keys[i].Owner()) || people.Keys[i].RevokedAt != nil {
				continue
			}
			key, revision, err := a.keys.find(ctx, people, people.Keys[i].ID)
			if err != nil {
				return nil, err
			}
			key.RevokedAt, key.RevokedBy = &now, c.By.Person
			changes = append(changes, lists.Put(lists.DocKey(key.ID), key, revision))
			ended.Keys = append(ended.Keys, key.ID)
		}
		e.Before, e.After = lists.JSON(ended), lists.JSON(working{})
		return changes, nil
	})
	return disabled, err
}

// invited returns the account that an invitation is for. fault.Unauthorized: it is wrong, was used before, or is too old.
func (a *Accounts) invited(ctx context.Context, text string) (account lists.Account, revision uint64, err error) {
	refused := fault.E(fault.Unauthorized, "the invitation is wrong, has been used, or is more than a day old: ask an administrator for a new one")
	kind, rest, _ := strings.Cut(strings.TrimSpace(text), "_")
	id, _, ok := strings.Cut(rest, "_")
	if !ok || kind != "iv" || len(text) > maxText || !idPattern.MatchString(id) {
		return account, 0, refused
	}
	account, revision, err = lists.Read[lists.Account](ctx, a.keys.store, lists.DocAccount(id))
	switch {
	case fault.Is(err, fault.NotFound):
		return account, 0, refused
	case err != nil:
		return account, 0, err
	case account.DisabledAt != nil, account.InvitedUntil == nil, !a.keys.now().Before(*account.InvitedUntil),
		subtle.ConstantTimeCompare(account.Invitation, hashOf(strings.TrimSpace(text))) != 1:
		return lists.Account{}, 0, refused
	}
	return account, revision, nil
}

var idPattern = regexp.MustCompile(`^[a-z2-7]{16}$`)
