package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"interdict/api/client"
	"interdict/api/client/clienttest"
	"interdict/lists"
)

// If the first request gets no answer, the answer to the second one is used. By default no second request is sent.
func TestHedging(t *testing.T) {
	service := clienttest.New(t)
	to, err := url.Parse(service.URL)
	if err != nil {
		t.Fatal(err)
	}
	stuck := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	var requests atomic.Int32
	second := func() { // waits for the second request
		for requests.Load() < 2 {
			time.Sleep(time.Millisecond)
		}
	}
	broken := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	for _, x := range []struct {
		name          string
		options       []client.Option
		first, second http.HandlerFunc // nil: the service
		requests      int32
		allowed       bool
	}{
		{"the first is stuck", []client.Option{client.WithHedging(time.Millisecond)}, stuck, nil, 2, true},
		{"the first fails after the second was sent", []client.Option{client.WithHedging(time.Millisecond), client.WithRetries(0)}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			second()
			broken(w, r)
		}, nil, 2, true},
		{"the second fails", []client.Option{client.WithHedging(time.Millisecond), client.WithRetries(0)}, func(w http.ResponseWriter, r *http.Request) {
			second()
			httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
		}, broken, 2, true},
		{"the first fails at once", []client.Option{client.WithHedging(time.Hour), client.WithRetries(0)}, broken, nil, 1, false},
		{"it is off", []client.Option{client.WithRetries(0)}, broken, nil, 1, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			requests.Store(0)
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := requests.Add(1)
				switch {
				case n == 1 && x.first != nil:
					x.first(w, r)
				case n == 2 && x.second != nil:
					x.second(w, r)
				default:
					httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
				}
			}))
			defer front.Close()
			c, err := client.New(front.URL, clienttest.Key, x.options...)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			d := c.Check(t.Context(), client.CheckRequest{Address: "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", Direction: lists.Withdrawal})
			if d.Allowed() != x.allowed || requests.Load() != x.requests {
				t.Errorf("allowed %t after %d requests (%v), want %t after %d", d.Allowed(), requests.Load(), d.Err(), x.allowed, x.requests)
			}
		})
	}
}
