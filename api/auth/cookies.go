package auth

import (
	"net"
	"net/http"
	"time"
)

// Names of cookies. The prefix __Host- makes browsers insist on Secure, on Path=/ and on the very host; over plain HTTP, which is for this
// machine only, the names have no prefix.
const (
	hostPrefix    = "__Host-"
	sessionCookie = "interdict"
	attemptCookie = "interdict-oidc"
	knownCookie   = "interdict-known"
)

// overLoopback reports whether a request came over plain HTTP to a name of this machine.
func overLoopback(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return r.TLS == nil && isLoopback(host)
}

func cookie(r *http.Request, name, value string, same http.SameSite, ttl time.Duration) *http.Cookie {
	c := &http.Cookie{Name: hostPrefix + name, Value: value, Path: "/", HttpOnly: true, Secure: true, SameSite: same, MaxAge: int(ttl / time.Second)} //nolint:gosec // G124: SameSite is an argument
	if overLoopback(r) {
		c.Name, c.Secure = name, false
	}
	return c
}

func cookieOf(r *http.Request, name string) string {
	if len(r.Header["Cookie"]) == 0 {
		return ""
	}
	if !overLoopback(r) {
		name = hostPrefix + name
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// SessionToken returns the token of a request's session cookie; "" if it has none.
func SessionToken(r *http.Request) string { return cookieOf(r, sessionCookie) }

// SetSession gives a browser the token of its session.
func (s *Staff) SetSession(w http.ResponseWriter, r *http.Request, token string) {
	http.SetCookie(w, cookie(r, sessionCookie, token, http.SameSiteStrictMode, s.o.Lifetime))
}

// ClearSession makes a browser forget its session.
func ClearSession(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, cookie(r, sessionCookie, "", http.SameSiteStrictMode, -time.Second))
}

// knownTTL is how long a browser is known that has signed in.
const knownTTL = 90 * 24 * time.Hour

// KnownOf returns what SetKnown gave a browser.
func KnownOf(r *http.Request) string { return cookieOf(r, knownCookie) }

// SetKnown makes a browser known that has signed in to a local account.
func (s *Staff) SetKnown(w http.ResponseWriter, r *http.Request, login string) {
	http.SetCookie(w, cookie(r, knownCookie, s.Known(login), http.SameSiteStrictMode, knownTTL))
}

// AttemptOf returns the cookie of a sign-in that has begun at the identity provider.
func AttemptOf(r *http.Request) string { return cookieOf(r, attemptCookie) }

// SetAttempt gives a browser the cookie of BeginOIDC. It is lax, because the browser comes back from another site.
func SetAttempt(w http.ResponseWriter, r *http.Request, value string) {
	http.SetCookie(w, cookie(r, attemptCookie, value, http.SameSiteLaxMode, AttemptTTL))
}

// ClearAttempt makes a browser forget it.
func ClearAttempt(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, cookie(r, attemptCookie, "", http.SameSiteLaxMode, -time.Second))
}
