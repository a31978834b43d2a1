package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// WithHedging sends a check, a batch or a look-up a second time when there is no answer after a time, and takes the answer that comes first. The time
// should be more than almost all answers need, such as the 99th percentile: then one slow server or one lost packet costs that time instead of the
// caller's whole patience, and the servers get one request in a hundred more. Both requests can end up in the record, as two decisions with one
// reference. It is off by default, and with 0.
func WithHedging(after time.Duration) Option { return func(c *Client) { c.hedge = max(after, 0) } }

// errOvertaken ends the request whose answer is not needed any more.
var errOvertaken = errors.New("the other request was answered first")

// hedged sends a request, and again if it is not answered in time. An error of one request is that of both only if the other fails, too.
func (c *Client) hedged(ctx context.Context, r request) (*http.Response, error) {
	if c.hedge == 0 || !r.hedge {
		return c.once(ctx, r)
	}
	type outcome struct {
		res *http.Response
		err error
		of  int
	}
	outcomes := make(chan outcome, 2)
	var cancels [2]context.CancelCauseFunc
	sent := 0
	send := func() {
		of := sent
		one, cancel := context.WithCancelCause(ctx)
		cancels[of] = cancel
		sent++
		go func() {
			res, err := c.once(one, r) //nolint:bodyclose // whoever takes the outcome closes it
			outcomes <- outcome{res, err, of}
		}()
	}
	send()
	late := time.NewTimer(c.hedge)
	defer late.Stop()
	for answered := 0; ; {
		select {
		case <-late.C:
			send()
		case x := <-outcomes:
			answered++
			if x.err != nil && answered < sent { // the other may still be answered
				cancels[x.of](errOvertaken)
				continue
			}
			if x.err != nil {
				cancels[x.of](errOvertaken)
				return nil, x.err
			}
			if answered < sent {
				cancels[1-x.of](errOvertaken)
				go func() {
					if other := <-outcomes; other.err == nil {
						_ = other.res.Body.Close()
					}
				}()
			}
			x.res.Body = endingBody{x.res.Body, cancels[x.of]}
			return x.res, nil
		}
	}
}

// endingBody ends the context of a request once its answer was read.
type endingBody struct {
	io.ReadCloser
	end context.CancelCauseFunc
}

func (b endingBody) Close() error {
	defer b.end(errOvertaken)
	return b.ReadCloser.Close()
}
