package auth

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// Limits of sessions when none are configured.
const (
	DefaultIdle     = 30 * time.Minute
	DefaultLifetime = 12 * time.Hour
)

// touchInterval is how often the time of a session's last request is stored.
const touchInterval = time.Minute

// session is the document of a signed-in person. Its name is the SHA-256 of the token in the browser's cookie.
type session struct {
	Account string    `json:"account"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Client  string    `json:"client,omitempty"`
	// Expires is set if the document is not a session but marks a sign-in at the identity provider as used, until then.
	Expires *time.Time `json:"expires,omitempty"`
}

// ends returns when the session ends if nothing more is asked with it.
func (x *session) ends(o StaffOptions) time.Time {
	if x.Expires != nil {
		return *x.Expires
	}
	return earliest(x.Created.Add(o.Lifetime), x.Seen.Add(o.Idle))
}

// Session is a signed-in person.
type Session struct {
	*Principal
	Account ShownAccount
	Since   time.Time
	// RecoveryCodes is how many recovery codes a local account has left.
	RecoveryCodes int
}

// newToken returns the token of a session, of 256 random bits.
func newToken() string { return base64.RawURLEncoding.EncodeToString(random(32)) }

const tokenLength = 43

func docOf(token string) string { return lists.DocSession(hex.EncodeToString(hashOf(token))) }

var errNoSession = fault.E(fault.Unauthorized, "not signed in, or the session has ended")

type unattended struct{}

// Unattended returns a context of requests that a page makes by itself: they do not prolong a session.
func Unattended(ctx context.Context) context.Context {
	return context.WithValue(ctx, unattended{}, true)
}

// Session returns the person who signed in with this token. The account is read each time, so that a change of it counts at once.
// fault.Unauthorized: the token is unknown, or the session has ended.
func (s *Staff) Session(ctx context.Context, token string) (*Session, error) {
	if len(token) != tokenLength {
		return nil, errNoSession
	}
	store, now := s.keys.store, s.keys.now()
	doc := docOf(token)
	x, revision, err := lists.Read[session](ctx, store, doc)
	if fault.Is(err, fault.NotFound) {
		return nil, errNoSession
	}
	if err != nil {
		return nil, err
	}
	if x.Expires != nil || !now.Before(x.ends(s.o)) {
		return nil, errNoSession
	}
	account, _, err := lists.Read[lists.Account](ctx, store, lists.DocAccount(x.Account))
	if fault.Is(err, fault.NotFound) || err == nil && account.DisabledAt != nil {
		return nil, errNoSession
	}
	if err != nil {
		return nil, err
	}
	if now.Sub(x.Seen) >= touchInterval && ctx.Value(unattended{}) == nil {
		x.Seen = now.UTC()
		// If this fails, another request has stored it, or the session ends earlier than it would.
		_ = store.Commit(ctx, lists.Put(doc, x, revision))
	}
	return &Session{s.principal(&account), ShowAccount(&account), x.Created, len(account.Recovery)}, nil
}

func (s *Staff) principal(account *lists.Account) *Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits[account.ID] == nil {
		s.limits[account.ID] = s.keys.limiter(account.ID, 0)
	}
	return &Principal{Name: account.Person, Actor: account.Actor(), roles: account.Roles, lists: account.Lists, limit: s.limits[account.ID]}
}

// begin signs a person in: it commits a session with the account and other changes, and records it. how says how the person signed in.
func (s *Staff) begin(ctx context.Context, account *lists.Account, revision uint64, client, how string) (token string, err error) {
	now := s.keys.now().UTC()
	account.LastSignIn = &now
	token, put := s.newSession(account.ID, client)
	if err := s.keys.store.Commit(ctx, lists.Put(lists.DocAccount(account.ID), account, revision), put); err != nil {
		return "", err
	}
	if err := s.recordSignIn(ctx, account, token, client, how); err != nil {
		return "", err
	}
	return token, nil
}

func (s *Staff) newSession(account, client string) (token string, put lists.Change) {
	now := s.keys.now().UTC()
	token = newToken()
	return token, lists.Put(docOf(token), session{Account: account, Created: now, Seen: now, Client: client}, 0)
}

// recordSignIn records a sign-in. A session that cannot be recorded ends before anyone has its token.
func (s *Staff) recordSignIn(ctx context.Context, account *lists.Account, token, client, how string) error {
	err := s.keys.ledger.Note(lists.Event{Action: "sign-in", By: account.Person, Credential: account.Actor().Credential, Subject: account.ID, Client: client, Reason: how})
	if err != nil {
		_ = s.keys.store.Commit(context.WithoutCancel(ctx), lists.Change{Key: docOf(token), Expect: lists.AnyRevision}) // no one has the token
		return fault.E(fault.Unavailable, "the sign-in cannot be recorded: %w", err)
	}
	return nil
}

// refuse records a sign-in that failed. account is nil if none is known.
func (s *Staff) refuse(account *lists.Account, client, why string) {
	e := lists.Event{Action: "sign-in", Outcome: "failed", By: "unknown", Client: client, Error: why}
	if account != nil {
		e.By, e.Subject = account.Person, account.ID
	}
	if err := s.keys.ledger.Note(e); err != nil {
		s.keys.o.Log.Error("a failed sign-in was not recorded", "error", err)
	}
}

// SignOut ends the session with a token, and with everywhere all sessions of its account.
func (s *Staff) SignOut(ctx context.Context, token string, everywhere bool, client string) error {
	who, err := s.Session(ctx, token)
	if fault.Is(err, fault.Unauthorized) {
		return nil
	}
	if err != nil {
		return err
	}
	changes, reason := []lists.Change{{Key: docOf(token), Expect: lists.AnyRevision}}, ""
	if everywhere {
		reason = "all sessions"
		if changes, err = s.endSessions(ctx, who.Account.ID); err != nil {
			return err
		}
	}
	if err := s.keys.store.Commit(ctx, changes...); err != nil {
		return err
	}
	e := lists.Event{Action: "sign-out", By: who.Actor.Person, Credential: who.Actor.Credential, Subject: who.Account.ID, Client: client, Reason: reason}
	if err := s.keys.ledger.Note(e); err != nil {
		s.keys.o.Log.Error("a sign-out was not recorded", "account", who.Account.ID, "error", err)
	}
	return nil
}

// endSessions returns the changes that end all sessions of an account.
func (a *Accounts) endSessions(ctx context.Context, account string) (changes []lists.Change, err error) {
	docs, err := a.keys.store.Scan(ctx, lists.DocSessions)
	if err != nil {
		return nil, err
	}
	for _, d := range docs {
		if x, err := lists.Decode[session](d); err == nil && x.Account == account {
			changes = append(changes, lists.Change{Key: d.Key, Expect: lists.AnyRevision})
		}
	}
	return changes, nil
}

// Sweep removes sessions that have ended.
func (s *Staff) Sweep(ctx context.Context) error {
	docs, err := s.keys.store.Scan(ctx, lists.DocSessions)
	if err != nil {
		return err
	}
	for _, d := range docs {
		x, err := lists.Decode[session](d)
		if err == nil && s.keys.now().Before(x.ends(s.o)) {
			continue
		}
		err = s.keys.store.Commit(ctx, lists.Change{Key: d.Key, Expect: d.Revision})
		if err != nil && !fault.Is(err, fault.Conflict) { // another server was faster
			return err
		}
	}
	return nil
}
