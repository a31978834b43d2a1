package events

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"interdict/lists/egress"
	"interdict/lists/fault"
)

// Options of Read.
type Options struct {
	Client *http.Client
	Now    func() time.Time
	// Before is the last log, or nil. Cursor is what Read returned with it. Without both every event is read.
	Before io.Reader
	Cursor string
}

// maxBehind is how old the last confirmed block of a node may be. Ethereum confirms within 15 minutes; on some chains the confirmed blocks lag
// by up to two hours.
const maxBehind = 3 * time.Hour

// maxAhead is by how much the clocks of a node and of this machine may differ.
const maxAhead = 15 * time.Minute

// again makes sure that a node has the events that it had before.
type again map[string]bool

func expect(events []Event) again {
	a := again{}
	for i := range events {
		a[events[i].key()] = true
	}
	return a
}

func (a again) seen(e *Event) { delete(a, e.key()) }

func (a again) missing() error {
	if len(a) == 0 {
		return nil
	}
	return fault.E(fault.Unavailable, "it does not have %d events that it had before", len(a))
}

// Read writes to w the log of a contract up to the last confirmed block, as the node at a URL tells it. It returns the cursor of that block, for
// the next call, and the number of events that Before did not have. Any doubt about the node is an error: what was written then is to be
// discarded.
func Read(ctx context.Context, node *url.URL, c Contract, o Options, w io.Writer) (cursor string, added int, err error) {
	n := &caller{client: o.Client, node: node}
	log := newLogWriter(w, c.header())
	if o.Before == nil {
		o.Cursor = ""
	}
	var last []Event
	if o.Before != nil && o.Cursor != "" {
		h, err := ReadLog(o.Before, func(_ int, _ *Header, e *Event) error {
			last = append(last, *e)
			return nil
		})
		switch {
		case err != nil:
			return "", 0, fmt.Errorf("the last log: %w", err)
		case h != c.header():
			return "", 0, fault.E(fault.Internal, "the last log is of another contract")
		}
	}
	if c.ChainID == 0 {
		cursor, err = readTron(ctx, n, &c, o, last, log)
	} else {
		cursor, err = readEVM(ctx, n, &c, o, last, log)
	}
	if err == nil {
		err = log.end()
	}
	if err != nil {
		return "", 0, nodeError(node, err)
	}
	return cursor, log.events - len(last), nil
}

// nodeError names the host of the node, and no other part of its URL.
func nodeError(node *url.URL, err error) error {
	return fmt.Errorf("the node %s: %w", node.Host, err)
}

// behind returns an error if the last confirmed block of a node is too old.
func behind(now, confirmed time.Time) error {
	switch d := now.Sub(confirmed); {
	case d < -maxAhead:
		return fault.E(fault.Unavailable, "its last confirmed block is of %s, which is in the future", confirmed.UTC().Format(time.RFC3339))
	case d > maxBehind:
		return fault.E(fault.Unavailable, "its last confirmed block is of %s, %s ago: it lags, and newer events are missing", confirmed.UTC().Format(time.RFC3339), d.Round(time.Minute))
	}
	return nil
}

// caller sends requests to a node.
type caller struct {
	client *http.Client
	node   *url.URL
}

// maxAnswer bounds one answer of a node in bytes.
const maxAnswer = 64 << 20

// statusError is an answer with a status other than 200.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d %s", e.status, e.text) }
func (*statusError) FaultKind() fault.Kind {
	return fault.Unavailable
}

// call sends a request and decodes the JSON of the answer. A path is joined to that of the node. The password of the URL is sent as TronGrid
// wants its key, and otherwise as HTTP wants it.
func (n *caller) call(ctx context.Context, method, path string, query url.Values, body, to any) error {
	u := *n.node
	u.Fragment = ""
	if path != "" {
		u.Path = strings.TrimSuffix(u.Path, "/") + path
	}
	if query != nil {
		all := u.Query()
		for k, v := range query {
			all[k] = v
		}
		u.RawQuery = all.Encode()
	}
	key, hasKey := u.User.Password()
	if path != "" {
		u.User = nil
	}
	var send io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), send)
	if err != nil {
		return fault.E(fault.Invalid, "the URL is not valid in a request")
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if path != "" && hasKey {
		req.Header.Set("TRON-PRO-API-KEY", key)
	}
	res, err := n.client.Do(req)
	if err != nil {
		return fault.E(fault.Unavailable, "%w", egress.WithoutURL(err))
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fault.E(fault.Unavailable, "the answer was interrupted: %w", egress.WithoutURL(err))
	case len(raw) > maxAnswer:
		return fault.E(fault.TooLarge, "an answer has more than %d bytes", maxAnswer)
	case res.StatusCode != http.StatusOK:
		return &statusError{res.StatusCode, http.StatusText(res.StatusCode)}
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fault.E(fault.Unavailable, "an answer is not the JSON that was expected")
	}
	return nil
}
