package api

import (
	"context"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// AllPeople returns all staff accounts, disabled ones included.
func (a *Acting) AllPeople(ctx context.Context) ([]client.StaffAccount, error) {
	all, err := auth.ListAccounts(ctx, a.Store)
	if err != nil {
		return nil, err
	}
	views := make([]client.StaffAccount, len(all))
	for i := range all {
		views[i] = viewAccount(&all[i])
	}
	return views, nil
}

func viewAccount(x *lists.Account) client.StaffAccount {
	return client.StaffAccount{ID: x.ID, Login: x.Login, Person: x.Person, Roles: roleNames(x.Roles), Lists: x.Lists, Issuer: x.Issuer, State: x.State(),
		InvitedUntil: x.InvitedUntil, CreatedAt: x.CreatedAt, CreatedBy: x.CreatedBy, Setup: x.Setup, LastSignIn: x.LastSignIn, DisabledAt: x.DisabledAt, DisabledBy: x.DisabledBy}
}

func roleNames(roles []lists.Role) []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return names
}

func rolesOf(names []string) []lists.Role {
	roles := make([]lists.Role, len(names))
	for i, name := range names {
		roles[i] = lists.Role(name)
	}
	return roles
}

// CreatePerson makes a local account. An approver or administrator, after setup, becomes a proposal: the error is then a *client.Proposed with the
// invitation, which works once the proposal is approved.
func (a *Acting) CreatePerson(ctx context.Context, r client.AccountRequest) (*client.InvitedAccount, error) {
	text, made, err := a.Keys.Accounts().Create(ctx, lists.Account{Login: r.Login, Person: r.Person, Roles: rolesOf(r.Roles), Lists: r.Lists}, a.keyChange(r.Reason))
	return a.invite(ctx, made, text, r.Reason, err)
}

// ResetPerson ends the sessions of an account, and gives a local account a new invitation. The account of another person who can approve becomes
// a proposal, as in CreatePerson.
func (a *Acting) ResetPerson(ctx context.Context, id, reason string) (*client.InvitedAccount, error) {
	if !isID(id) {
		return nil, noAccount(id)
	}
	text, reset, err := a.Keys.Accounts().Reset(ctx, id, a.keyChange(reason))
	return a.invite(ctx, reset, text, reason, err)
}

func noAccount(id string) error {
	return fault.E(fault.NotFound, "no such account: %s", address.Quote(id))
}

// invite returns an account with its invitation, which also a proposal has.
func (a *Acting) invite(ctx context.Context, account lists.Account, text, reason string, err error) (*client.InvitedAccount, error) {
	if err != nil {
		return nil, handOut(a.propose(ctx, err, reason, nil), func(p *client.Proposed) { p.Invitation = text })
	}
	return &client.InvitedAccount{StaffAccount: viewAccount(&account), Invitation: text}, nil
}

// SetRoles changes what the person of a local account may do. More than before, for someone who can approve, becomes a proposal.
func (a *Acting) SetRoles(ctx context.Context, id string, r client.RolesRequest) (*client.StaffAccount, error) {
	if !isID(id) {
		return nil, noAccount(id)
	}
	account, err := a.Keys.Accounts().SetRoles(ctx, auth.NewRoles{ID: id, Roles: rolesOf(r.Roles), Lists: r.Lists}, a.keyChange(r.Reason))
	if err != nil {
		return nil, a.propose(ctx, err, r.Reason, nil)
	}
	v := viewAccount(&account)
	return &v, nil
}

// DisablePerson ends all accounts, sessions and keys of the person whom an account belongs to.
func (a *Acting) DisablePerson(ctx context.Context, id, reason string) (*client.StaffAccount, error) {
	if !isID(id) {
		return nil, noAccount(id)
	}
	account, err := a.Keys.Accounts().Disable(ctx, id, a.keyChange(reason))
	if err != nil {
		return nil, err
	}
	v := viewAccount(&account)
	return &v, nil
}
