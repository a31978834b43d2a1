package client

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"interdict/lists/fault"
)

// Replay is an earlier check, answered again from the generation of then and from that of now. It is not recorded.
type Replay struct {
	CheckID  string          `json:"check_id"`
	Recorded json.RawMessage `json:"recorded"` // the answer as it was given, or the problem
	// Reproduced reports whether the outcome of then is the recorded one: the same answer but for added_in, or a problem with the same code.
	Reproduced  bool         `json:"reproduced"`
	Then        Replayed     `json:"then"`
	Now         Replayed     `json:"now"`
	Differences []Difference `json:"differences"`
}

// Replayed is the outcome of one generation: an answer, or the problem in place of one.
type Replayed struct {
	Generation int             `json:"generation"` // 0: none was active
	At         time.Time       `json:"at"`         // the time for which it was answered
	Answer     json.RawMessage `json:"answer,omitempty"`
	Error      json.RawMessage `json:"error,omitempty"`
}

// Difference is a part of the answer that is not the same now. A part that one of both does not have is null.
type Difference struct {
	Field string          `json:"field"` // result, action, error, or matches[LIST ADDRESS].category
	Then  json.RawMessage `json:"then"`
	Now   json.RawMessage `json:"now"`
}

// Replay answers an earlier check again.
func (c *Client) Replay(ctx context.Context, checkID string) (*Replay, error) {
	return one(func(out *Replay) error { return c.get(ctx, pathOf("v1", "checks", checkID, "replay"), nil, out) })
}

// LookupAt returns what Lookup would have answered at an earlier time. The answer has the nil UUID as its check_id, since it is not recorded.
func (c *Client) LookupAt(ctx context.Context, address, network string, at time.Time) (*Answer, error) {
	query := url.Values{"at": {at.UTC().Format(time.RFC3339Nano)}}
	if network != "" {
		query.Set("network", network)
	}
	b, err := c.read(ctx, request{method: http.MethodGet, path: pathOf("v1", "addresses", address), query: query, repeatable: true})
	if err != nil {
		return nil, err
	}
	return ReadAnswer(b, address, "")
}

// Evidence writes a zip archive of all that proves an earlier check. After an error what was written is not complete.
func (c *Client) Evidence(ctx context.Context, checkID string, w io.Writer) error {
	res, err := c.send(ctx, request{method: http.MethodGet, path: pathOf("v1", "checks", checkID, "evidence"), repeatable: true, accept: "application/zip"})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || media != "application/zip" {
		return fault.E(fault.Unavailable, "the server's answer is not an archive: is this the address of Interdict?")
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fault.E(fault.Unavailable, "the archive broke off: %w", err)
	}
	return nil
}
