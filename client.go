package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"interdict/lists/fault"
)

// refusal is a problem (RFC 9457) that a server answered with.
type refusal struct {
	Code, Detail, Reason string
	WouldMatch           bool `json:"would_match"`
	PossibleMatch        bool `json:"possible_match"`
	body                 []byte
}

func (r *refusal) Error() string {
	text := "the server refused: " + r.Code
	for _, s := range []string{r.Reason, r.Detail} {
		if s != "" {
			text += ": " + s
		}
	}
	if r.WouldMatch {
		text += "; only the letter case is wrong, and the address in its right case is listed"
	}
	if r.PossibleMatch {
		text += "; the address may be listed: hold the transfer"
	}
	return text
}

// FaultKind makes it a fault.Unavailable: the server gave no answer.
func (r *refusal) FaultKind() fault.Kind { return fault.Unavailable }

// direct follows no redirect: what another place answers is not this server's answer.
var direct = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// call makes one request of the server and decodes its JSON answer. A problem becomes a *refusal. No error names the URL, which may hold
// a text that is a secret.
func (f *serverFlags) call(ctx context.Context, method, path, contentType string, body io.Reader, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(f.Server, "/")+path, body)
	if err != nil {
		return usage("--server: not a URL")
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Authorization", "Bearer "+f.Key)
	res, err := direct.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return fault.E(fault.Unavailable, "the server cannot be asked: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return fault.E(fault.Unavailable, "the server's answer broke off: %w", err)
	}
	if res.StatusCode/100 != 2 {
		r := refusal{body: b}
		if err := json.Unmarshal(b, &r); err != nil || r.Code == "" {
			return fault.E(fault.Unavailable, "the server answered %s, and it is not an error of Interdict: check --server", res.Status)
		}
		return &r
	}
	if media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); len(b) > 0 && (err != nil || media != "application/json") {
		return fault.E(fault.Unavailable, "the server answered %s with something that is not JSON: check --server", res.Status)
	}
	if raw, ok := into.(*json.RawMessage); ok {
		*raw = b
		return nil
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fault.E(fault.Unavailable, "the server's answer cannot be read: %w", err)
	}
	return nil
}
