package console

import (
	"interdict/api/client"
)

func (c *Console) addPeople() {
	c.staff("GET /console/people", (*page).people)
	c.staff("POST /console/people", (*page).changePeople)
}

// peoplePage is what the page of the people shows.
type peoplePage struct {
	People []client.StaffAccount
	Once   *once
}

func (p *page) people() error { return p.showPeople(nil) }

func (p *page) showPeople(secret *once) error {
	all, err := p.api.AllPeople(p.r.Context())
	if err != nil {
		return err
	}
	return p.show("people", "People", peoplePage{all, secret})
}

// changePeople invites a person, or changes an account.
func (p *page) changePeople() error {
	ctx, id, reason := p.r.Context(), p.text("id"), p.text("reason")
	var err error
	var secret *once
	said := ""
	switch p.text("do") {
	case "roles":
		said = "The roles were changed."
		_, err = p.api.SetRoles(ctx, id, client.RolesRequest{Roles: p.form()["roles"], Lists: p.several("lists"), Reason: reason})
	case "reset":
		var made *client.InvitedAccount
		made, err = p.api.ResetPerson(ctx, id, reason)
		said = "The sessions of the account have ended."
		if made == nil || made.Invitation != "" {
			secret, err = onceOf("invitation", p.text("name"), invitationOf(made), err)
		}
	case "disable":
		said = "The accounts, sessions and keys of the person have ended."
		if err = p.need("reason"); err == nil {
			_, err = p.api.DisablePerson(ctx, id, reason)
		}
	default:
		var made *client.InvitedAccount
		made, err = p.api.CreatePerson(ctx, client.AccountRequest{Login: p.text("login"), Person: p.text("person"), Roles: p.form()["roles"], Lists: p.several("lists"), Reason: reason})
		secret, err = onceOf("invitation", p.text("login"), invitationOf(made), err)
	}
	if secret != nil {
		p.r.PostForm = nil // the form is done
		return p.showPeople(secret)
	}
	if err = p.changed(err, "/console/people", said); err == nil {
		return nil
	}
	all, failed := p.api.AllPeople(ctx)
	if failed != nil {
		return failed
	}
	return p.showWrong("people", "People", peoplePage{People: all}, err)
}

func invitationOf(made *client.InvitedAccount) string {
	if made == nil {
		return ""
	}
	return made.Invitation
}
