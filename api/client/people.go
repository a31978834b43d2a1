package client

import (
	"context"
	"net/http"
	"time"

	"interdict/lists"
)

// StaffAccount is the account of a person who signs in to the console.
type StaffAccount struct {
	ID     string             `json:"id"`
	Login  string             `json:"login"` // what the person types, or the subject that the identity provider names
	Person string             `json:"person"`
	Roles  []string           `json:"roles"`           // checker, analyst, approver, auditor, admin
	Lists  []string           `json:"lists,omitempty"` // patterns of the lists that the person may read and change; none: all
	Issuer string             `json:"issuer,omitempty"`
	State  lists.AccountState `json:"state"` // invited, active, disabled
	// InvitedUntil is until when the invitation works.
	InvitedUntil *time.Time `json:"invited_until,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	CreatedBy    string     `json:"created_by"`
	Setup        bool       `json:"setup,omitempty"` // made while fewer than two people could approve
	LastSignIn   *time.Time `json:"last_sign_in,omitempty"`
	DisabledAt   *time.Time `json:"disabled_at,omitempty"`
	DisabledBy   string     `json:"disabled_by,omitempty"`
}

// InvitedAccount is an account with the text of its invitation, which is shown this once: its person opens /console/welcome with it. Accounts
// of an identity provider have none.
type InvitedAccount struct {
	StaffAccount
	Invitation string `json:"invitation,omitempty"`
}

// AccountRequest describes a local account to make. The default of the person is the login.
type AccountRequest struct {
	Login  string   `json:"login"`
	Person string   `json:"person,omitempty"`
	Roles  []string `json:"roles"`
	Lists  []string `json:"lists,omitempty"`
	Reason string   `json:"reason,omitempty"`
}

// RolesRequest describes what the person of an account may do.
type RolesRequest struct {
	Roles  []string `json:"roles"`
	Lists  []string `json:"lists,omitempty"`
	Reason string   `json:"reason,omitempty"`
}

// Me is who calls.
type Me struct {
	Person     string   `json:"person"`
	Credential string   `json:"credential"` // id of the key, or "account:" and that of the account
	Roles      []string `json:"roles"`
	Lists      []string `json:"lists,omitempty"`
	Setup      bool     `json:"setup"` // fewer than two people can approve yet
	// FourEyes is "off" if one person can weaken the screening alone.
	FourEyes string `json:"four_eyes"`
}

// Me returns who the key belongs to.
func (c *Client) Me(ctx context.Context) (*Me, error) {
	return one(func(out *Me) error { return c.get(ctx, "/v1/me", nil, out) })
}

// AllPeople returns all staff accounts, disabled ones included.
func (c *Client) AllPeople(ctx context.Context) ([]StaffAccount, error) {
	var out struct {
		People []StaffAccount `json:"people"`
	}
	err := c.get(ctx, "/v1/people", nil, &out)
	return out.People, err
}

// CreatePerson makes a local account. An approver or administrator needs a second person: the error is then a *Proposed with the invitation.
func (c *Client) CreatePerson(ctx context.Context, r AccountRequest) (*InvitedAccount, error) {
	return one(func(out *InvitedAccount) error { return c.change(ctx, http.MethodPost, "/v1/people", r, out) })
}

// ResetPerson ends the sessions of an account, and gives a local account a new invitation. It also enables a disabled account again.
func (c *Client) ResetPerson(ctx context.Context, id, reason string) (*InvitedAccount, error) {
	return one(func(out *InvitedAccount) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "people", id, "reset"), map[string]string{"reason": reason}, out)
	})
}

// SetRoles changes what the person of a local account may do.
func (c *Client) SetRoles(ctx context.Context, id string, r RolesRequest) (*StaffAccount, error) {
	return one(func(out *StaffAccount) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "people", id, "roles"), r, out)
	})
}

// DisablePerson ends all accounts, sessions and keys of the person whom an account belongs to.
func (c *Client) DisablePerson(ctx context.Context, id, reason string) (*StaffAccount, error) {
	return one(func(out *StaffAccount) error {
		return c.change(ctx, http.MethodPost, pathOf("v1", "people", id, "disable"), map[string]string{"reason": reason}, out)
	})
}
