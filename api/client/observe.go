package client

import (
	"context"
	"net/http"
	"strings"
)

// Observer is told of the calls of a client, for traces and metrics. A call is what its caller sees as one: its attempts are parts of it.
type Observer interface {
	// Begin is called before the first attempt of a call. name is the method and the collection, such as "POST /v1/check" or "GET /v1/addresses"; it
	// never holds an address or an id. The context goes to all attempts, so that spans of the transport become children of a span in it. end is called
	// once, when the answer begins to arrive or the last attempt has failed, with the number of attempts.
	Begin(ctx context.Context, name string) (_ context.Context, end func(attempts int, err error))
}

// WithObserver tells o of each call. Nothing is told by default.
func WithObserver(o Observer) Option { return func(c *Client) { c.observer = o } }

// WithTransport sets the transport of single attempts, such as otelhttp.NewTransport(http.DefaultTransport), which makes a span of each and sends
// traceparent. Of WithTLS and WithTransport only one can be used: WithTLS changes an *http.Transport.
func WithTransport(t http.RoundTripper) Option { return func(c *Client) { c.http.Transport = t } }

// begin tells the observer of a call.
func (c *Client) begin(ctx context.Context, r request) (context.Context, func(attempts int, err error)) {
	if c.observer == nil {
		return ctx, func(int, error) {}
	}
	parts := strings.SplitN(r.path, "/", 4)
	return c.observer.Begin(ctx, r.method+" "+strings.Join(parts[:min(3, len(parts))], "/"))
}
