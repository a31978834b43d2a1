package main

import (
	"fmt"
	"strings"
	"time"

	"interdict/api/client"
	"interdict/lists"
)

type peopleCmd struct {
	Create  personCreateCmd  `cmd:"" help:"Make a local account; its invitation is shown this once."`
	List    personListCmd    `cmd:"" help:"Show all staff accounts." default:"withargs"`
	Roles   personRolesCmd   `cmd:"" help:"Change what the person of a local account may do."`
	Reset   personResetCmd   `cmd:"" help:"End the sessions of an account, and give a local account a new invitation; enables a disabled account again."`
	Disable personDisableCmd `cmd:"" help:"End all accounts, sessions and keys of a person."`
}

type personCreateCmd struct {
	target
	Login  string   `arg:"" help:"What the person types to sign in."`
	Person string   `help:"Name in records; the login when not given. Two accounts or keys of one person are one person." placeholder:"PERSON"`
	Role   string   `help:"Roles, joined by commas: checker, analyst, approver, auditor, admin." required:"" placeholder:"ROLES"`
	For    []string `help:"Lists that the person may read and change, such as ofac-*; all when not given." placeholder:"PATTERN" env:"-"`
	Reason string   `help:"Why; it goes on record." env:"-"`
	JSON   bool     `help:"Print JSON."`
}

// Help is shown under people create --help.
func (*personCreateCmd) Help() string {
	return "Examples:\n  interdict people create kim@example.org --role analyst\n  interdict people create lee --person 'Lee Ray' --role approver --server http://127.0.0.1:8080"
}

func (c *personCreateCmd) Run(e *env) error {
	roles, err := parseRoles(c.Role)
	if err != nil {
		return err
	}
	r := client.AccountRequest{Login: c.Login, Person: c.Person, Roles: roles, Lists: c.For, Reason: c.Reason}
	return c.changes(e, func(o operations) error {
		account, err := o.CreatePerson(e.ctx, r)
		return c.printInvited(e, account, err, c.JSON)
	})
}

// printInvited prints an account with its invitation.
func (t *target) printInvited(e *env, account *client.InvitedAccount, err error, asJSON bool) error {
	return printResult(e, asJSON, account, err, func(account *client.InvitedAccount) {
		if account.Invitation == "" {
			fmt.Fprintf(e.stderr, "account %s of %s: its sessions have ended\n", account.ID, account.Person)
			return
		}
		fmt.Fprintf(e.stderr, "account %s (%s) of %s, until %s; %s\n", account.ID, strings.Join(account.Roles, ","), account.Person,
			account.InvitedUntil.Format(time.RFC3339), t.invitationIs())
		fmt.Fprintln(e.stdout, t.invitationLink(account.Invitation))
	})
}

// invitationIs says what is printed for the person of an account.
func (t *target) invitationIs() string {
	if t.Server == "" {
		return "the invitation is shown this once, the person enters it under /console/welcome:"
	}
	return "the link is shown this once, the person opens it:"
}

// invitationLink returns the link of an invitation, or its text where no address of a server is known.
func (t *target) invitationLink(text string) string {
	if t.Server == "" {
		return text
	}
	return strings.TrimSuffix(t.Server, "/") + "/console/welcome#" + text
}

type personListCmd struct {
	target
	JSON bool `help:"Print JSON."`
}

// Help is shown under people list --help.
func (*personListCmd) Help() string { return "Example:\n  interdict people list" }

func (c *personListCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		all, err := o.AllPeople(e.ctx)
		return printResult(e, c.JSON, all, err, func(all []client.StaffAccount) {
			for i := range all {
				a := &all[i]
				fmt.Fprintf(e.stdout, "%-16s %-24s %-24s %-28s %s\n", a.ID, a.Login, a.Person, orDash(strings.Join(a.Roles, ",")), accountState(a))
			}
		})
	})
}

// accountState says whether an account works, and since when.
func accountState(a *client.StaffAccount) string {
	switch {
	case a.State == lists.AccountDisabled:
		return "disabled " + a.DisabledAt.Format(time.DateOnly)
	case a.State == lists.AccountInvited && a.InvitedUntil != nil:
		return "invited until " + a.InvitedUntil.Format(time.RFC3339)
	case a.LastSignIn != nil:
		return "last sign-in " + a.LastSignIn.Format(time.RFC3339)
	}
	return string(a.State) + ", not signed in yet"
}

type personRolesCmd struct {
	target
	ID     string   `arg:"" help:"Id of the account."`
	Role   string   `help:"Roles, joined by commas: checker, analyst, approver, auditor, admin." required:"" placeholder:"ROLES"`
	For    []string `help:"Lists that the person may read and change, such as ofac-*; all when not given." placeholder:"PATTERN" env:"-"`
	Reason string   `help:"Why; it goes on record." env:"-"`
	JSON   bool     `help:"Print JSON."`
}

// Help is shown under people roles --help.
func (*personRolesCmd) Help() string {
	return "Example:\n  interdict people roles ID --role analyst,approver --reason 'joined the team' --server http://127.0.0.1:8080"
}

func (c *personRolesCmd) Run(e *env) error {
	roles, err := parseRoles(c.Role)
	if err != nil {
		return err
	}
	r := client.RolesRequest{Roles: roles, Lists: c.For, Reason: c.Reason}
	return c.changes(e, func(o operations) error {
		account, err := o.SetRoles(e.ctx, c.ID, r)
		return printResult(e, c.JSON, account, err, func(account *client.StaffAccount) {
			fmt.Fprintf(e.stderr, "%s is now %s\n", account.Person, strings.Join(account.Roles, ","))
		})
	})
}

// onPerson are the arguments of a change of one account.
type onPerson struct {
	target
	ID     string `arg:"" help:"Id of the account."`
	Reason string `help:"Why; it goes on record." env:"-"`
	JSON   bool   `help:"Print JSON."`
}

type (
	personResetCmd   struct{ onPerson }
	personDisableCmd struct{ onPerson }
)

// Help is shown under people reset --help.
func (*personResetCmd) Help() string {
	return "Example:\n  interdict people reset ID --reason 'lost the phone' --server http://127.0.0.1:8080"
}

func (c *personResetCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error {
		account, err := o.ResetPerson(e.ctx, c.ID, c.Reason)
		return c.printInvited(e, account, err, c.JSON)
	})
}

// Help is shown under people disable --help.
func (*personDisableCmd) Help() string {
	return "Example:\n  interdict people disable ID --reason 'left the company'"
}

func (c *personDisableCmd) Run(e *env) error {
	return c.changes(e, func(o operations) error {
		account, err := o.DisablePerson(e.ctx, c.ID, c.Reason)
		return printResult(e, c.JSON, account, err, func(account *client.StaffAccount) {
			fmt.Fprintf(e.stderr, "%s can no longer sign in, and has no key\n", account.Person)
		})
	})
}
