package auth

import (
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// Sign-in with OpenID Connect is the code flow of OpenID Connect Core 1.0, section 3.1, with PKCE (RFC 7636, S256), state and nonce:
//
//	/console/oidc ── attempt: state, nonce, verifier, in a signed cookie ── the provider ── /console/oidc/callback
//	   ── the attempt is used up ── code for tokens ── signature, issuer, audience, times, nonce ── groups to roles ── account, session

// OIDCOptions configure the identity provider.
type OIDCOptions struct {
	Issuer                 string
	ClientID, ClientSecret string
	RedirectURL            string // of /console/oidc/callback, as people's browsers reach it
	Scopes                 []string
	GroupsClaim            string                  // "" is "groups"; a dot leads into an object
	Roles                  map[string][]lists.Role // by group
	PersonClaims           []string                // the first that is there names the person
	HTTP                   *http.Client            // nil: one with a time limit
}

const (
	// ClockSkew is how much the clocks of the provider and of this server may differ.
	ClockSkew = 5 * time.Minute
	// AttemptTTL is how long a person may take at the provider.
	AttemptTTL = 15 * time.Minute

	providerTimeout = 10 * time.Second
	providerRetry   = 5 * time.Second // between attempts to reach it
	maxGroups       = 2000
)

// CallbackPath is the path that the provider sends people back to.
const CallbackPath = "/console/oidc/callback"

// provider is the identity provider. Its description is read when it is first needed, so that a server starts without it.
type provider struct {
	o    OIDCOptions
	http *http.Client

	mu     sync.Mutex
	found  *oidc.Provider
	failed error
	tried  time.Time
}

func newProvider(o OIDCOptions) (*provider, error) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || !secureURL(issuer) {
		return nil, fault.E(fault.Invalid, "oidc_issuer: must be an https URL")
	}
	redirect, err := url.Parse(o.RedirectURL)
	if err != nil || !secureURL(redirect) || redirect.Path != CallbackPath || redirect.RawQuery != "" {
		return nil, fault.E(fault.Invalid, "oidc_redirect_url: must be an https URL with the path %s", CallbackPath)
	}
	if o.ClientID == "" {
		return nil, fault.E(fault.Invalid, "oidc_client_id: is missing")
	}
	if len(o.Roles) == 0 {
		return nil, fault.E(fault.Invalid, "oidc_roles: name at least one group=role; without one nobody could sign in")
	}
	o.GroupsClaim = cmp.Or(o.GroupsClaim, "groups")
	if len(o.Scopes) == 0 {
		o.Scopes = []string{oidc.ScopeOpenID, "profile", "email"}
	}
	if !slices.Contains(o.Scopes, oidc.ScopeOpenID) {
		o.Scopes = append([]string{oidc.ScopeOpenID}, o.Scopes...)
	}
	if len(o.PersonClaims) == 0 {
		o.PersonClaims = []string{"email", "preferred_username", "sub"}
	}
	p := &provider{o: o, http: o.HTTP}
	if p.http == nil {
		p.http = &http.Client{Timeout: providerTimeout}
	}
	return p, nil
}

// secureURL reports whether a URL is https, or http on this machine.
func secureURL(u *url.URL) bool {
	return u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ParseGroups reads which roles the members of groups have: "group=role". Several of one group add up.
func ParseGroups(pairs []string) (map[string][]lists.Role, error) {
	out := map[string][]lists.Role{}
	for _, pair := range pairs {
		i := strings.LastIndexByte(pair, '=')
		if i < 1 {
			return nil, fault.E(fault.Invalid, "oidc_roles: %s is not group=role", address.Quote(pair))
		}
		group, role := strings.TrimSpace(pair[:i]), lists.Role(strings.TrimSpace(pair[i+1:]))
		if err := CheckRoles([]lists.Role{role}); err != nil {
			return nil, fault.E(fault.Invalid, "oidc_roles: group %.60s: %w", group, err)
		}
		if !slices.Contains(out[group], role) {
			out[group] = append(out[group], role)
		}
	}
	return out, nil
}

// discover returns the provider's description, which it reads once. While that fails it is tried again every few seconds.
func (p *provider) discover(ctx context.Context, now time.Time) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.failed == nil || now.Sub(p.tried) >= providerRetry {
		p.tried = now
		// The provider keeps the context for its keys.
		found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.http), p.o.Issuer)
		if err == nil {
			p.found, p.failed = found, nil
			return found, nil
		}
		p.failed = fault.E(fault.Unavailable, "the identity provider cannot be reached; local accounts work: %w", err)
	}
	return nil, p.failed
}

func (p *provider) config(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.o.RedirectURL, Scopes: p.o.Scopes}
}

// attempt is a sign-in that has begun at the provider. It is kept in a cookie of the browser that began it.
type attempt struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE
	Until    time.Time `json:"until"`
}

// HasOIDC reports whether people can sign in with OpenID Connect.
func (s *Staff) HasOIDC() bool { return s.provider != nil }

// BeginOIDC returns where the browser must go to sign in at the provider, and the cookie that it must bring back.
func (s *Staff) BeginOIDC(ctx context.Context) (target, cookie string, err error) {
	found, err := s.provider.discover(ctx, s.keys.now())
	if err != nil {
		return "", "", err
	}
	a := attempt{newToken(), newToken(), oauth2.GenerateVerifier(), s.keys.now().Add(AttemptTTL).UTC()}
	if cookie, err = s.seal(a); err != nil {
		return "", "", err
	}
	target = s.provider.config(found).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier))
	return target, cookie, nil
}

// attemptContext sets the signature of an attempt apart from the hashes of keys.
const attemptContext = "oidc attempt\x00"

func (s *Staff) seal(a attempt) (string, error) {
	r := s.keys.current.Load()
	if r == nil {
		return "", fault.E(fault.Unavailable, "the store is not reachable")
	}
	payload := base64.RawURLEncoding.EncodeToString(lists.JSON(a))
	mac := r.mac(attemptContext + payload)
	return payload + "." + base64.RawURLEncoding.EncodeToString(mac[:]), nil
}

var errAttempt = fault.E(fault.Unauthorized, "this sign-in was not begun in this browser, has been used, or took too long: sign in again")

// unseal returns the attempt of a cookie for the state that the provider sent back.
func (s *Staff) unseal(cookie, state string) (attempt, error) {
	var a attempt
	r := s.keys.current.Load()
	if r == nil {
		return a, fault.E(fault.Unavailable, "the store is not reachable")
	}
	payload, sum, _ := strings.Cut(cookie, ".")
	mac := r.mac(attemptContext + payload)
	given, err := base64.RawURLEncoding.DecodeString(sum)
	b, err2 := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || err2 != nil || !hmac.Equal(given, mac[:]) || json.Unmarshal(b, &a) != nil {
		return attempt{}, errAttempt
	}
	if !hmac.Equal([]byte(a.State), []byte(state)) || !s.keys.now().Before(a.Until) {
		return attempt{}, errAttempt
	}
	return a, nil
}

// Callback is what the provider sends a browser back with.
type Callback struct {
	Cookie             string // of BeginOIDC
	State, Code, Error string
	Client             string // network address
}

// FinishOIDC signs in the person whom the provider names, and returns the token of a new session. fault.Unauthorized: the answer of the provider
// is not one to this browser's request, or not valid. fault.Forbidden: the person may not sign in. fault.Unavailable: the provider cannot be reached.
func (s *Staff) FinishOIDC(ctx context.Context, x Callback) (token string, err error) {
	if err := s.clients.wait(ctx, x.Client); err != nil {
		return "", err
	}
	token, account, err := s.finish(ctx, x)
	if fault.Is(err, fault.Unauthorized) || fault.Is(err, fault.Forbidden) {
		s.clients.failed(x.Client)
		s.refuse(account, x.Client, err.Error())
	}
	return token, err
}

var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

func (s *Staff) finish(ctx context.Context, x Callback) (token string, account *lists.Account, err error) {
	a, err := s.unseal(x.Cookie, x.State)
	if err != nil {
		return "", nil, err
	}
	if err := s.useUp(ctx, a); err != nil {
		return "", nil, err
	}
	if x.Error != "" || x.Code == "" {
		code := "no code"
		if errorCode.MatchString(x.Error) {
			code = x.Error
		}
		return "", nil, fault.E(fault.Unauthorized, "the identity provider did not sign you in: %s", code)
	}
	c, err := s.claims(ctx, a, x.Code)
	if err != nil {
		return "", nil, err
	}
	who, err := s.provider.person(c)
	if err != nil {
		return "", nil, err
	}
	return s.admit(ctx, who, x.Client)
}

// useUp marks an attempt as used. fault.Unauthorized: it was used before.
func (s *Staff) useUp(ctx context.Context, a attempt) error {
	until, now := a.Until, s.keys.now().UTC()
	err := s.keys.store.Commit(ctx, lists.Put(lists.DocSession("used-"+hex.EncodeToString(hashOf(a.State))), session{Created: now, Seen: now, Expires: &until}, 0))
	if fault.Is(err, fault.Conflict) {
		return errAttempt
	}
	return err
}

// claims exchanges a code for tokens, and returns the claims of the ID token, and those of the user info that the ID token lacks.
func (s *Staff) claims(ctx context.Context, a attempt, code string) (map[string]any, error) {
	found, err := s.provider.discover(ctx, s.keys.now())
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, s.provider.http)
	tokens, err := s.provider.config(found).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < 500 { // its text can hold secrets
			return nil, fault.E(fault.Unauthorized, "the identity provider refused the code: %s", address.Quote(refused.ErrorCode))
		}
		return nil, fault.E(fault.Unavailable, "the identity provider did not exchange the code")
	}
	raw, _ := tokens.Extra("id_token").(string)
	// Times are checked below, with the skew that is allowed.
	id, err := found.Verifier(&oidc.Config{ClientID: s.provider.o.ClientID, SkipExpiryCheck: true}).Verify(ctx, raw)
	if err != nil {
		return nil, fault.E(fault.Unauthorized, "the ID token is not valid: %.300s", err)
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return nil, fault.E(fault.Unauthorized, "the ID token cannot be read")
	}
	if err := s.checkToken(id, claims, a.Nonce); err != nil {
		return nil, err
	}
	return claims, s.addUserInfo(ctx, found, tokens, claims)
}

// checkToken checks what oidc.IDTokenVerifier does not: authorized party, times and nonce.
func (s *Staff) checkToken(id *oidc.IDToken, claims map[string]any, nonce string) error {
	now := s.keys.now()
	azp, hasAZP := claims["azp"].(string)
	nbf, hasNBF := claims["nbf"].(float64)
	switch {
	case hasAZP && azp != s.provider.o.ClientID, !hasAZP && len(id.Audience) > 1:
		return fault.E(fault.Unauthorized, "the ID token was made for another client")
	case id.Subject == "" || len(id.Subject) > 255:
		return fault.E(fault.Unauthorized, "the ID token names no subject")
	case claims["exp"] == nil || claims["iat"] == nil:
		return fault.E(fault.Unauthorized, "the ID token does not say from when to when it is valid")
	case now.After(id.Expiry.Add(ClockSkew)):
		return fault.E(fault.Unauthorized, "the ID token expired at %s: is the clock right, here and at the identity provider?", id.Expiry.UTC().Format(time.RFC3339))
	case id.IssuedAt.After(now.Add(ClockSkew)), hasNBF && time.Unix(int64(nbf), 0).After(now.Add(ClockSkew)):
		return fault.E(fault.Unauthorized, "the ID token is of the future: is the clock right, here and at the identity provider?")
	case !hmac.Equal([]byte(id.Nonce), []byte(nonce)):
		return fault.E(fault.Unauthorized, "the ID token was made for another sign-in")
	}
	return nil
}

// addUserInfo adds claims that the ID token lacks: several providers name groups and e-mail only there.
func (s *Staff) addUserInfo(ctx context.Context, found *oidc.Provider, tokens *oauth2.Token, claims map[string]any) error {
	_, groups := lookUp(claims, s.provider.o.GroupsClaim)
	_, person := claims[s.provider.o.PersonClaims[0]]
	if groups && person || found.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return fault.E(fault.Unavailable, "the identity provider did not describe the person")
	}
	if info.Subject != claims["sub"] {
		return fault.E(fault.Unauthorized, "the identity provider described another person")
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return fault.E(fault.Unauthorized, "the identity provider's description of the person cannot be read")
	}
	for name, value := range more {
		if _, ok := claims[name]; !ok {
			claims[name] = value
		}
	}
	return nil
}

// lookUp returns a claim by its name, or by its path through objects: realm_access.roles.
func lookUp(claims map[string]any, name string) (any, bool) {
	if v, ok := claims[name]; ok {
		return v, true
	}
	first, rest, nested := strings.Cut(name, ".")
	inner, ok := claims[first].(map[string]any)
	if !nested || !ok {
		return nil, false
	}
	return lookUp(inner, rest)
}

// external is a person as the provider describes them.
type external struct {
	subject, person string
	roles           []lists.Role
	groups          int // how many the provider named
}

// person returns whom the claims name, with the roles of their groups.
func (p *provider) person(claims map[string]any) (*external, error) {
	out := &external{}
	out.subject, _ = claims["sub"].(string)
	for _, name := range p.o.PersonClaims {
		value, _ := claims[name].(string)
		if verified, ok := claims["email_verified"]; name == "email" && ok && verified != true && verified != "true" {
			continue // people could give themselves the name of another
		}
		if value = strings.TrimSpace(value); value != "" && CheckPerson(name, value) == nil {
			out.person = value
			break
		}
	}
	if out.person == "" {
		return nil, fault.E(fault.Forbidden, "the identity provider names no person in %s", strings.Join(p.o.PersonClaims, ", "))
	}
	value, named := lookUp(claims, p.o.GroupsClaim)
	if _, elsewhere := lookUp(claims, "_claim_names."+p.o.GroupsClaim); elsewhere && !named {
		return nil, fault.E(fault.Forbidden, "%s is in too many groups for the identity provider to name them: let it name only groups that are assigned to this application", out.person)
	}
	var groups []string
	switch v := value.(type) {
	case string:
		groups = []string{v}
	case []any:
		for _, x := range v[:min(len(v), maxGroups)] {
			if g, ok := x.(string); ok {
				groups = append(groups, g)
			}
		}
	}
	out.groups = len(groups)
	for _, role := range Roles {
		if slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(p.o.Roles[g], role) }) {
			out.roles = append(out.roles, role)
		}
	}
	return out, nil
}

// admit brings the account of a person up to date and signs them in. Without a role the account loses its roles and its sessions.
func (s *Staff) admit(ctx context.Context, who *external, client string) (token string, account *lists.Account, err error) {
	issuer := s.provider.o.Issuer
	is := func(a lists.Account) bool { return a.Issuer == issuer && a.Login == who.subject }
	all, err := lists.ReadAll[lists.Account](ctx, s.keys.store, lists.DocAccount(""))
	if err != nil {
		return "", nil, err
	}
	known := slices.IndexFunc(all, is)
	if known < 0 && len(who.roles) == 0 {
		return "", nil, fault.E(fault.Forbidden, "%s has no role here: none of the %d groups that the identity provider names has one", who.person, who.groups)
	}
	id := newID()
	if known >= 0 {
		id = all[known].ID
		if all[known].DisabledAt != nil {
			return "", &all[known], fault.E(fault.Forbidden, "the account of %s is disabled", all[known].Person)
		}
	}
	if known < 0 || all[known].Person != who.person || !slices.Equal(all[known].Roles, who.roles) {
		if account, err = s.sync(ctx, id, known < 0, who); err != nil {
			return "", account, err
		}
	}
	if len(who.roles) == 0 {
		return "", account, fault.E(fault.Forbidden, "%s has no role here any more: none of the %d groups that the identity provider names has one", who.person, who.groups)
	}
	for attempt := 0; ; attempt++ {
		current, revision, err := s.find(ctx, id)
		if err != nil {
			return "", nil, err
		}
		if current.DisabledAt != nil {
			return "", &current, fault.E(fault.Forbidden, "the account of %s is disabled", current.Person)
		}
		token, err = s.begin(ctx, &current, revision, client, "identity provider")
		if !fault.Is(err, fault.Conflict) || attempt >= 5 {
			return token, &current, err
		}
	}
}

// sync creates the account of a person, or changes its name and roles to what the provider says. The groups of the provider are the company's own
// decision: no second person is asked, and the record shows what changed.
func (s *Staff) sync(ctx context.Context, id string, create bool, who *external) (*lists.Account, error) {
	action := "person-update"
	if create {
		action = "person-create"
	}
	c := Change{By: lists.Person(who.person), Reason: "groups of the identity provider"}
	e := c.event(action, id)
	var account lists.Account
	err := s.keys.change(ctx, e, &c, func(people *lists.People) ([]lists.Change, error) {
		now, revision := s.keys.now().UTC(), uint64(0)
		before := json.RawMessage("null")
		account = lists.Account{ID: id, Issuer: s.provider.o.Issuer, Login: who.subject, Made: lists.Made{CreatedAt: now, CreatedBy: who.person}}
		if i := slices.IndexFunc(people.Accounts, func(a lists.Account) bool { return a.Issuer == account.Issuer && a.Login == who.subject }); i >= 0 {
			var err error
			if account, revision, err = s.find(ctx, people.Accounts[i].ID); err != nil {
				return nil, err
			}
			if account.ID != id {
				return nil, fault.E(fault.Unavailable, "the account was made at the same time: sign in again")
			}
			before = lists.JSON(ShowAccount(&account))
		}
		account.Person, account.Roles = who.person, who.roles
		account.Approved = account.Approved || lists.Vouches(who.roles)
		if revision == 0 {
			e.Before, e.After = before, lists.JSON(ShowAccount(&account))
		} else {
			e.Before, e.After = lists.Difference(before, ShowAccount(&account))
		}
		changes := []lists.Change{lists.Put(lists.DocAccount(id), account, revision)}
		if len(who.roles) > 0 {
			return changes, nil
		}
		ended, err := s.endSessions(ctx, id)
		return append(changes, ended...), err
	})
	return &account, err
}
