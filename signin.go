package main

import (
	"context"
	"log/slog"
	"time"

	"interdict/api/auth"
)

// signInFlags say how staff sign in to the console.
type signInFlags struct {
	SessionIdle     time.Duration `help:"After which time without a request a session of the console ends." default:"30m"`
	SessionLifetime time.Duration `help:"After which time every session of the console ends." default:"12h"`

	OIDCIssuer       string   `name:"oidc-issuer" help:"Identity provider that staff sign in with (OpenID Connect); local accounts only when not given." placeholder:"URL"`
	OIDCClientID     string   `name:"oidc-client-id" help:"Id of Interdict at the identity provider." placeholder:"ID"`
	OIDCClientSecret string   `name:"oidc-client-secret" help:"Its secret; better as INTERDICT_OIDC_CLIENT_SECRET_FILE." placeholder:"SECRET"`
	OIDCRedirectURL  string   `name:"oidc-redirect-url" help:"Where the identity provider sends people back to: the address of the console with the path /console/oidc/callback." placeholder:"URL"`
	OIDCScopes       []string `name:"oidc-scopes" help:"Scopes to ask for." default:"openid,profile,email" placeholder:"NAME"`
	OIDCGroupsClaim  string   `name:"oidc-groups-claim" help:"Claim with the groups of a person; a dot leads into an object, as in realm_access.roles." default:"groups" placeholder:"NAME"`
	OIDCRoles        []string `name:"oidc-roles" help:"Roles of the groups: group=role,…; nobody gets in without a role." placeholder:"GROUP=ROLE"`
	OIDCPersonClaim  []string `name:"oidc-person-claim" help:"Claims that name the person; the first that is there counts." default:"email,preferred_username,sub" placeholder:"NAME"`
}

// staff makes the sign-in to the console.
func (f *signInFlags) staff(keys *auth.Keys) (*auth.Staff, error) {
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	return auth.NewStaff(keys, o)
}

// check refuses settings that staff cannot sign in with.
func (f *signInFlags) check() error {
	o, err := f.options()
	if err != nil {
		return err
	}
	return o.Validate()
}

func (f *signInFlags) options() (auth.StaffOptions, error) {
	o := auth.StaffOptions{Idle: f.SessionIdle, Lifetime: f.SessionLifetime}
	if f.OIDCIssuer == "" {
		return o, nil
	}
	roles, err := auth.ParseGroups(f.OIDCRoles)
	if err != nil {
		return o, err
	}
	o.OIDC = &auth.OIDCOptions{Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecret: f.OIDCClientSecret, RedirectURL: f.OIDCRedirectURL,
		Scopes: f.OIDCScopes, GroupsClaim: f.OIDCGroupsClaim, Roles: roles, PersonClaims: f.OIDCPersonClaim}
	return o, nil
}

// sweepInterval is how often what has ended is removed.
const sweepInterval = 10 * time.Minute

// sweepEnded removes what has ended, such as sessions, until ctx ends.
func sweepEnded(ctx context.Context, log *slog.Logger, sweeps ...func(context.Context) error) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		for _, sweep := range sweeps {
			if err := sweep(ctx); err != nil && ctx.Err() == nil {
				log.Debug("remove what has ended", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
