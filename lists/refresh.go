package lists

import (
	"net/url"
	"strings"
	"time"
)

// Refresh is what is known of fetching a list from its source. It is written by whoever holds the lease of refreshing.
type Refresh struct {
	LastAttempt time.Time `json:"last_attempt"`
	// LastSuccess is when the source last gave a list that could be taken, or said that it has nothing newer. The list's age
	// counts from Fresh, which moves only when what is active is what the publisher has.
	LastSuccess time.Time `json:"last_success"`
	// Running is true from the beginning of an attempt to its end; for good when its process died.
	Running   bool           `json:"running,omitempty"`
	Outcome   RefreshOutcome `json:"outcome,omitempty"` // of the last attempt that ended
	Detail    string         `json:"detail,omitempty"`  // for people: what it found, or what it waits for
	Failures  int            `json:"consecutive_failures"`
	LastError string         `json:"last_error,omitempty"` // of the last failure; "" after a success
	NotBefore time.Time      `json:"not_before,omitzero"`  // the source has asked to be left alone until then

	// What the source gave last, to ask it for anything newer and to know it again.
	URLSHA256    string `json:"url_sha256,omitempty"` // of the URL that the rest belongs to: the URL itself may hold a password
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	SHA256       string `json:"sha256,omitempty"`
	Version      int    `json:"version,omitempty"` // that was made of it
}

// RefreshOutcome is what came of one attempt to refresh a list.
type RefreshOutcome string

const (
	RefreshActivated RefreshOutcome = "activated" // there was something new, and it is active
	RefreshStaged    RefreshOutcome = "staged"    // there was something new, and a person must look at it
	RefreshUnchanged RefreshOutcome = "unchanged" // what is active is what the publisher has
	RefreshWaiting   RefreshOutcome = "waiting"   // nothing new; what the publisher has is not active, and a person must decide
	RefreshFailed    RefreshOutcome = "failed"
	RefreshNotDue    RefreshOutcome = "not_due" // nothing was tried
)

// Lease says who does what only one process at a time may do.
type Lease struct {
	Owner   string    `json:"owner"` // "" when nobody holds it
	Taken   time.Time `json:"taken"`
	Renewed time.Time `json:"renewed"`
	Expires time.Time `json:"expires"` // unless it is renewed, by the clock of its owner
}

// redacted stands for what a URL may hold that is secret.
const redacted = "xxxxx"

// redactURL replaces user, password and the values of the query in a URL. A path is shown: a secret does not belong there.
func redactURL(raw string) string {
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
	u.Fragment, u.RawFragment = "", ""
	return u.String()
}

// Shown is the source as everybody may see it, without what its URLs may hold that is secret.
func (s Source) Redacted() Source {
	s.URL = redactURL(s.URL)
	if s.SHA256URL != "" {
		s.SHA256URL = redactURL(s.SHA256URL)
	}
	return s
}

// Restored puts back what Shown has redacted, so that a source that was read and is written again keeps its secrets.
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
