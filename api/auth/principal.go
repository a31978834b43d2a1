package auth

import (
	"net/netip"
	"path"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Role and the roles are those of package lists.
type Role = lists.Role

// The roles.
const (
	Checker  = lists.Checker
	Analyst  = lists.Analyst
	Approver = lists.Approver
	Auditor  = lists.Auditor
	Admin    = lists.Admin
)

// Roles are all roles.
var Roles = lists.Roles

// Principal is an authenticated caller. It does not change.
type Principal struct {
	// KeyID is the id of the key; "" for a session.
	KeyID string
	// Name is that of the key, or the person of a session.
	Name string
	// Actor is the person with the credential.
	Actor lists.Actor

	roles       []Role
	lists       []string
	networks    []netip.Prefix
	certificate string
	dropIn      lists.DropIn
	limit       *limiter // nil: no limit
	used        *use
}

// May reports whether the caller has one of the roles, or is an admin. Without roles it returns true.
func (p *Principal) May(roles ...Role) bool {
	if len(roles) == 0 || slices.Contains(p.roles, Admin) {
		return true
	}
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(p.roles, r) })
}

// Roles returns the caller's roles.
func (p *Principal) Roles() []Role { return p.roles }

// Lists returns the patterns of the lists that the caller is limited to; none: all.
func (p *Principal) Lists() []string { return p.lists }

// Limited reports whether the caller is limited to some lists.
func (p *Principal) Limited() bool { return len(p.lists) > 0 }

// MayUse reports whether the caller may read and change a list.
func (p *Principal) MayUse(list string) bool {
	return len(p.lists) == 0 || slices.ContainsFunc(p.lists, func(pattern string) bool {
		ok, _ := path.Match(pattern, list) // patterns were checked when the key was made
		return ok
	})
}

// DropIn says how the drop-in endpoints answer the caller.
func (p *Principal) DropIn() *lists.DropIn { return &p.dropIn }

// Bound reports whether it matters where the caller comes from and with which certificate.
func (p *Principal) Bound() bool { return len(p.networks) > 0 || p.certificate != "" }

// From returns fault.Forbidden if the caller may not come from this address, or needs a client certificate of another name than those given.
func (p *Principal) From(client netip.Addr, certificates []string) error {
	if len(p.networks) > 0 && !slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(client.Unmap()) }) {
		return fault.E(fault.Forbidden, "the key does not work from this network")
	}
	if p.certificate != "" && !slices.Contains(certificates, p.certificate) {
		return fault.E(fault.Forbidden, "the key works only with its client certificate")
	}
	return nil
}

// Admit takes n checks from the caller's allowance; fault.RateLimited if it is used up.
func (p *Principal) Admit(now time.Time, n int) error {
	if p.limit == nil {
		return nil
	}
	return p.limit.take(now, n)
}
