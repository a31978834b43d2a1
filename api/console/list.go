package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

func (c *Console) addList() {
	c.staff("GET /console/lists/{id}", (*page).list)
	c.staff("POST /console/lists/{id}", (*page).changeList)
}

// listPath returns the address of a page about a list.
func listPath(id string, rest ...string) string {
	return "/console/lists/" + strings.Join(append([]string{url.PathEscape(id)}, rest...), "/")
}

// versionPath returns the address of a page about a version.
func versionPath(id string, n int, rest ...string) string {
	return listPath(id, append([]string{"versions", strconv.Itoa(n)}, rest...)...)
}

// listPage is what the page of a list shows.
type listPage struct {
	List     *client.List
	Versions []lists.Version // the newest first
	// Active and Before are the active version and the one that a rollback activates; nil: none.
	Active, Before *lists.Version
	Waiting        []lists.Version // staged
	Suppressed     int             // suppressions in force
	Proposed       int             // suppressions that wait
	Deletable      bool            // it never was active
}

func (p *page) readList() (*listPage, error) {
	ctx, id := p.r.Context(), p.r.PathValue("id")
	l, err := p.api.List(ctx, id)
	if err != nil {
		return nil, err
	}
	d := &listPage{List: l, Deletable: true}
	if d.Versions, err = p.api.Versions(ctx, id); err != nil {
		return nil, err
	}
	slices.Reverse(d.Versions)
	for i := range d.Versions {
		v := &d.Versions[i]
		d.Deletable = d.Deletable && v.Activated == nil && v.State != lists.Activated
		switch v.State {
		case lists.Activated:
			d.Active = v
		case lists.Staged:
			d.Waiting = append(d.Waiting, *v)
		}
	}
	if d.Active != nil && d.Active.Previous != 0 {
		if i := slices.IndexFunc(d.Versions, func(v lists.Version) bool { return v.Number == d.Active.Previous }); i >= 0 {
			d.Before = &d.Versions[i]
		}
	}
	all, err := p.api.Suppressions(ctx, id)
	for i := range all {
		switch all[i].State {
		case lists.InForce:
			d.Suppressed++
		case lists.Proposed:
			d.Proposed++
		}
	}
	return d, err
}

// list shows one list.
func (p *page) list() error {
	d, err := p.readList()
	if err != nil {
		return err
	}
	return p.show("list", d.List.Name, d)
}

// changeList rolls a list back, retires or deletes it.
func (p *page) changeList() error {
	ctx, id, reason := p.r.Context(), p.r.PathValue("id"), p.text("reason")
	var err error
	to, said := listPath(id), ""
	switch p.text("do") {
	case "rollback":
		var done *client.Activation
		if done, err = p.api.Rollback(ctx, id, reason); err == nil {
			said = "Version " + strconv.Itoa(done.Version) + " is active again. " + servedWords(done)
		}
	case "retire":
		var done *client.Activation
		if done, err = p.api.Retire(ctx, id, reason); err == nil {
			said = "The list is retired: nothing is screened against it any more. " + servedWords(done)
		}
	case "delete":
		err = p.api.DeleteList(ctx, id)
		to, said = "/console/lists", "List "+id+" and its versions are deleted."
	default:
		err = fault.E(fault.Invalid, "The form cannot be read.")
	}
	if err = p.changed(err, to, said); err == nil {
		return nil
	}
	d, readErr := p.readList()
	if readErr != nil {
		return err
	}
	return p.showWrong("list", d.List.Name, d, err)
}
