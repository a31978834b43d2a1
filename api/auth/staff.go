package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"image/png"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp"

	"interdict/lists"
	"interdict/lists/fault"
)

// StaffOptions configure how people sign in to the console.
type StaffOptions struct {
	Idle     time.Duration // after which a session without requests ends; 0: DefaultIdle
	Lifetime time.Duration // after which every session ends; 0: DefaultLifetime
	OIDC     *OIDCOptions  // nil: local accounts only
}

// Staff signs people in, with local accounts and with OpenID Connect.
type Staff struct {
	*Accounts
	o         StaffOptions
	passwords passwords
	attempts  *brake // by login and client, and by browser that is known
	clients   *brake // by client
	codes     *brake // by account: wrong codes after the right password
	provider  *provider

	mu     sync.Mutex
	limits map[string]*limiter // of checks, by account
	links  map[string]link     // by the hash of their text
}

// link is a one-time sign-in to an account.
type link struct {
	account string
	until   time.Time
}

// Staff makes the sign-in to local accounts, with the usual limits of sessions.
func (k *Keys) Staff() *Staff {
	s, err := NewStaff(k, StaffOptions{})
	if err != nil {
		panic(err) // the defaults are right
	}
	return s
}

// withDefaults puts in the usual limits of sessions.
func (o StaffOptions) withDefaults() StaffOptions {
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	if o.Lifetime == 0 {
		o.Lifetime = DefaultLifetime
	}
	return o
}

// Validate refuses what NewStaff refuses.
func (o StaffOptions) Validate() error {
	if o = o.withDefaults(); o.Idle < time.Minute || o.Lifetime < o.Idle {
		return fault.E(fault.Invalid, "sessions: the idle limit must be at least a minute, and not longer than the lifetime")
	}
	if o.OIDC == nil {
		return nil
	}
	_, err := newProvider(*o.OIDC)
	return err
}

// NewStaff makes the sign-in to the accounts beside the keys.
func NewStaff(keys *Keys, o StaffOptions) (*Staff, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Staff{Accounts: keys.Accounts(), o: o, passwords: newPasswords(), attempts: newBrake(keys.now, 5, 8*time.Second), clients: newBrake(keys.now, 20, time.Second), codes: newBrake(keys.now, 5, 5*time.Minute),
		limits: map[string]*limiter{}, links: map[string]link{}}
	if o.OIDC != nil {
		p, err := newProvider(*o.OIDC)
		if err != nil {
			return nil, err
		}
		s.provider = p
	}
	return s, nil
}

// Credentials are what a person signs in with.
type Credentials struct {
	Login, Password string
	Code            string // of the authenticator, or a recovery code
	Client          string // network address
	// Known is what Known gave the browser when it signed in to the same login before: it does not wait for the failures of others.
	Known string
}

// errSignIn does not say which of the three is wrong, nor whether there is such a login.
var errSignIn = fault.E(fault.Unauthorized, "the login, the password or the code is wrong; a code works only once")

// SignIn signs in to a local account and returns the token of a new session. fault.Unauthorized: something is wrong; it takes as long whatever
// it is. fault.RateLimited: there were too many attempts.
func (s *Staff) SignIn(ctx context.Context, c Credentials) (token string, err error) {
	login := strings.ToLower(strings.TrimSpace(c.Login))
	who := "login " + lists.FoldPerson(login) + " from " + c.Client
	known := s.isKnown(c.Known, login)
	if known {
		who = "browser " + c.Known
	} else if err := s.clients.wait(ctx, c.Client); err != nil {
		return "", err
	}
	if err := s.attempts.wait(ctx, who); err != nil {
		return "", err
	}
	account, revision, err := s.byLogin(ctx, login)
	if err != nil {
		return "", err
	}
	hash := ""
	if account != nil {
		hash = account.Password
	}
	matches, err := s.passwords.matches(ctx, c.Password, hash)
	if err != nil {
		return "", err
	}
	why, how := "", "password and authenticator"
	switch {
	case account == nil:
		why = "no such login"
	case hash == "":
		why = "the invitation has not been used yet"
	case !matches:
		why = "wrong password"
	default:
		if err := s.codes.wait(ctx, account.ID); err != nil {
			return "", err
		}
		left := len(account.Recovery)
		if !redeem(account, c.Code, s.keys.now()) {
			s.codes.failed(account.ID)
			why = "wrong code"
		}
		if len(account.Recovery) < left {
			how = "password and recovery code"
		}
	}
	if why == "" {
		token, err = s.begin(ctx, account, revision, c.Client, how)
		if !fault.Is(err, fault.Conflict) {
			if err == nil {
				s.attempts.succeeded(who)
				s.codes.succeeded(account.ID)
			}
			return token, err
		}
		why = "the account was changed at the same time, or the code was used twice"
	}
	s.attempts.failed(who)
	if !known {
		s.clients.failed(c.Client)
	}
	s.refuse(account, c.Client, why)
	return "", errSignIn
}

// knownContext sets the signature of a known browser apart from others.
const knownContext = "known browser\x00"

// Known returns a text for the browser that has signed in to a login; "" if there can be none.
func (s *Staff) Known(login string) string {
	r := s.keys.current.Load()
	if r == nil {
		return ""
	}
	nonce := newToken()
	mac := r.mac(knownContext + strings.ToLower(strings.TrimSpace(login)) + "\x00" + nonce)
	return nonce + "." + base64.RawURLEncoding.EncodeToString(mac[:])
}

// isKnown reports whether a text is that of a browser that has signed in to the login before.
func (s *Staff) isKnown(text, login string) bool {
	nonce, sum, ok := strings.Cut(text, ".")
	r := s.keys.current.Load()
	if !ok || r == nil || len(nonce) != tokenLength {
		return false
	}
	given, err := base64.RawURLEncoding.DecodeString(sum)
	mac := r.mac(knownContext + login + "\x00" + nonce)
	return err == nil && hmac.Equal(given, mac[:])
}

// byLogin returns the local account with a login that is not disabled; nil if there is none.
func (s *Staff) byLogin(ctx context.Context, login string) (*lists.Account, uint64, error) {
	docs, err := s.keys.store.Scan(ctx, lists.DocAccount(""))
	if err != nil {
		return nil, 0, err
	}
	for _, d := range docs {
		a, err := lists.Decode[lists.Account](d)
		if err != nil {
			return nil, 0, err
		}
		if a.Issuer == "" && a.DisabledAt == nil && strings.EqualFold(a.Login, login) {
			return &a, d.Revision, nil
		}
	}
	return nil, 0, nil
}

// Authenticator is what a person adds to their authenticator app.
type Authenticator struct {
	Secret string // in base32
	URI    string // otpauth://…
	key    *otp.Key
}

// QR returns the URI as a QR code, a PNG image.
func (a *Authenticator) QR() ([]byte, error) {
	image, err := a.key.Image(200, 200)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = png.Encode(&b, image)
	return b.Bytes(), err
}

// Invitation is a local account that waits for its person.
type Invitation struct {
	Login, Person string
	Authenticator
}

// Open returns what an invitation is for. The secret of the authenticator is new, unless it is one that the person has added to their app already.
func (s *Staff) Open(ctx context.Context, invitation, secret, client string) (*Invitation, error) {
	if err := s.clients.wait(ctx, client); err != nil {
		return nil, err
	}
	account, _, err := s.invited(ctx, invitation)
	if err != nil {
		s.uninvited(err, client)
		return nil, err
	}
	b, err := base32Text.DecodeString(secret)
	if err != nil || len(b) != totpSecret {
		b = make([]byte, totpSecret)
		rand.Read(b)
	}
	app, err := newTOTP(account.Login, b)
	if err != nil {
		return nil, err
	}
	return &Invitation{account.Login, account.Person, app}, nil
}

// uninvited records the attempt to use a wrong invitation.
func (s *Staff) uninvited(err error, client string) {
	if fault.Is(err, fault.Unauthorized) {
		s.clients.failed(client)
		s.refuse(nil, client, "wrong invitation")
	}
}

// Enrolment is a person's answer to an invitation.
type Enrolment struct {
	Invitation, Password string
	Secret               string // of Open
	Code                 string // of the authenticator with that secret
	Client               string
}

// Enrol uses an invitation: the account gets its password and its authenticator, and the person is signed in. The recovery codes are shown this
// once. fault.Invalid: the password or the code cannot be used.
func (s *Staff) Enrol(ctx context.Context, x Enrolment) (token string, recovery []string, err error) {
	if err := s.clients.wait(ctx, x.Client); err != nil {
		return "", nil, err
	}
	account, _, err := s.invited(ctx, x.Invitation)
	if err != nil {
		s.uninvited(err, x.Client)
		return "", nil, err
	}
	if err := CheckPassword(x.Password, account.Login, account.Person); err != nil {
		return "", nil, err
	}
	secret, err := base32Text.DecodeString(x.Secret)
	step, ok := stepOf(x.Secret, strings.ReplaceAll(strings.TrimSpace(x.Code), " ", ""), s.keys.now(), 0)
	if err != nil || len(secret) != totpSecret || !ok {
		return "", nil, fault.E(fault.Invalid, "code: this is not the code that the app shows now; check the clock of your phone")
	}
	hash, err := s.passwords.hash(ctx, x.Password)
	if err != nil {
		return "", nil, err
	}
	codes, sums := newRecovery()
	c := Change{By: account.Actor()}
	e := c.event("person-enrol", account.ID)
	e.Client = x.Client
	err = s.keys.change(ctx, e, &c, func(*lists.People) ([]lists.Change, error) {
		now, revision := s.keys.now().UTC(), uint64(0)
		if account, revision, err = s.invited(ctx, x.Invitation); err != nil {
			return nil, err
		}
		before := ShowAccount(&account)
		account.Password, account.TOTP, account.TOTPUsed, account.Recovery = hash, x.Secret, step, sums
		account.Invitation, account.InvitedUntil, account.LastSignIn = nil, nil, &now
		account.Approved = account.Approved || lists.Vouches(account.Roles)
		e.Before, e.After = lists.Difference(before, ShowAccount(&account))
		var put lists.Change
		token, put = s.newSession(account.ID, x.Client)
		return []lists.Change{lists.Put(lists.DocAccount(account.ID), account, revision), put}, nil
	})
	if err != nil {
		return "", nil, err
	}
	return token, codes, s.recordSignIn(ctx, &account, token, x.Client, "invitation")
}

// Link returns a text that signs in to an account once, at this server.
func (s *Staff) Link(account string) string {
	text := "sl_" + base64.RawURLEncoding.EncodeToString(random(32))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[string(hashOf(text))] = link{account, s.keys.now().Add(InvitationTTL)}
	return text
}

// IsLink reports whether a text looks like that of a link.
func IsLink(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "sl_") }

// Follow signs in with the text of a link.
func (s *Staff) Follow(ctx context.Context, text, client string) (token string, err error) {
	if err := s.clients.wait(ctx, client); err != nil {
		return "", err
	}
	sum := string(hashOf(strings.TrimSpace(text)))
	s.mu.Lock()
	x, ok := s.links[sum]
	delete(s.links, sum)
	s.mu.Unlock()
	if !ok || !s.keys.now().Before(x.until) {
		s.clients.failed(client)
		s.refuse(nil, client, "wrong sign-in link")
		return "", fault.E(fault.Unauthorized, "the link has been used, or is too old: start the demonstration again for a new one")
	}
	account, revision, err := s.find(ctx, x.account)
	if err != nil {
		return "", err
	}
	if account.DisabledAt != nil {
		return "", errNoSession
	}
	return s.begin(ctx, &account, revision, client, "one-time link")
}

// List returns all accounts of a store, disabled ones included, without secrets.
func (a *Accounts) List(ctx context.Context) ([]lists.Account, error) {
	return ListAccounts(ctx, a.keys.store)
}

// ListAccounts returns all accounts of a store, disabled ones included, without secrets.
func ListAccounts(ctx context.Context, store lists.Store) ([]lists.Account, error) {
	all, err := lists.ReadAll[lists.Account](ctx, store, lists.DocAccount(""))
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Password, all[i].TOTP, all[i].Recovery, all[i].Invitation = "", "", nil, nil
	}
	slices.SortFunc(all, func(x, y lists.Account) int { return x.CreatedAt.Compare(y.CreatedAt) })
	return all, nil
}
