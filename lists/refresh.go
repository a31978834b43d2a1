package lists

import (
	"net/url"
	"strings"
	"time"
)

// Refresh is the state of refreshing a list from its source. Only the process with the lease "refresh" writes it.
type Refresh struct {
	LastAttempt time.Time `json:"last_attempt"`
	// LastSuccess is when the source last returned a list that was staged, or nothing newer. The list's age counts from Fresh, which
	// changes only when the active version is the publisher's current one.
	LastSuccess time.Time `json:"last_success"`
	// Running is true during an attempt. It stays true if the process dies.
	Running   bool           `json:"running,omitempty"`
	Outcome   RefreshOutcome `json:"outcome,omitempty"` // of the last attempt that ended
	Detail    string         `json:"detail,omitempty"`  // for people: what was found, or what a person must do
	Failures  int            `json:"consecutive_failures"`
	LastError string         `json:"last_error,omitempty"` // of the last failure; "" after a success
	NotBefore time.Time      `json:"not_before,omitzero"`  // the source asked not to be called before

	// The last response of the source: it makes the next request conditional, and shows whether a download is new.
	URLSHA256    string `json:"url_sha256,omitempty"` // of the URL that the fields below belong to; the URL itself may contain a password
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	SHA256       string `json:"sha256,omitempty"`
	Version      int    `json:"version,omitempty"` // staged from it
}

// RefreshOutcome is the outcome of one attempt to refresh a list.
type RefreshOutcome string

const (
	RefreshActivated RefreshOutcome = "activated" // a new version is active
	RefreshStaged    RefreshOutcome = "staged"    // a new version is staged, and a person must approve it
	RefreshUnchanged RefreshOutcome = "unchanged" // the active version is the publisher's current one
	RefreshWaiting   RefreshOutcome = "waiting"   // nothing new; the publisher's current version is staged, and a person must decide
	RefreshFailed    RefreshOutcome = "failed"
	RefreshNotDue    RefreshOutcome = "not_due" // no attempt was made
)

// Lease names the process that does a task which only one process at a time may do.
type Lease struct {
	Owner   string    `json:"owner"` // "": free
	Taken   time.Time `json:"taken"`
	Renewed time.Time `json:"renewed"`
	Expires time.Time `json:"expires"` // by the clock of the owner, unless it is renewed
}

// redacted replaces the secret parts of a URL.
const redacted = "xxxxx"

// RedactURL replaces the user, the password and the values of the query in a URL, and removes the fragment unless it is an
// instruction of a source (fetch.Instruction). It keeps the path.
func RedactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return redacted
	}
	if u.User != nil {
		u.User = url.User(redacted)
	}
	if u.RawQuery != "" {
		pairs := strings.Split(u.RawQuery, "&")
		for i, p := range pairs {
			if name, _, ok := strings.Cut(p, "="); ok {
				pairs[i] = name + "=" + redacted
			} else {
				pairs[i] = redacted
			}
		}
		u.RawQuery = strings.Join(pairs, "&")
	}
	if !strings.HasPrefix(u.Fragment, "link=") && !strings.HasPrefix(u.Fragment, "events=") && !strings.HasPrefix(u.Fragment, "deltas=") { // instructions, which are no secrets
		u.Fragment, u.RawFragment = "", ""
	}
	return u.String()
}

// Redacted returns the source without the secrets that its URLs may contain.
func (s Source) Redacted() Source {
	s.URL = RedactURL(s.URL)
	if s.SHA256URL != "" {
		s.SHA256URL = RedactURL(s.SHA256URL)
	}
	return s
}

// WithSecretsOf returns the source with the URLs of old wherever s has their redacted form, so that a source that was read and is
// written back keeps its secrets.
func (s Source) WithSecretsOf(old *Source) Source {
	if old == nil {
		return s
	}
	shown := old.Redacted()
	if s.URL == shown.URL {
		s.URL = old.URL
	}
	if s.SHA256URL == shown.SHA256URL {
		s.SHA256URL = old.SHA256URL
	}
	return s
}
