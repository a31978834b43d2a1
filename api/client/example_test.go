package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"interdict/api/client"
	"interdict/lists"
)

// service stands in for Interdict in the examples.
func service(answer string) *client.Client {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	c, err := client.New(s.URL, "key")
	if err != nil {
		panic(err)
	}
	return c
}

// A deposit has arrived. It is credited only if the decision allows it; otherwise the funds are held and a person is told.
func ExampleClient_Check_deposit() {
	c := service(hitOf("freeze"))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()

	d := c.Check(ctx, client.CheckRequest{Address: asked, Network: "ethereum", Direction: lists.Deposit, Reference: "dep-1"})
	switch {
	case d.Allowed():
		fmt.Println("credit")
	case d.Err() != nil:
		fmt.Println("hold, and ask again:", d.Err())
	default:
		a := d.Answer()
		fmt.Println(d.Action(), "because of", a.Matches[0].Entity.Name, "on", a.Matches[0].List.Name)
	}
	// Output: freeze because of Someone on OFAC SDN
}

// A withdrawal is signed only if the decision allows it. An error never does.
func ExampleClient_Check_withdrawal() {
	c := service(missOf(asked, `"direction":"deposit"`, `"direction":"withdrawal"`))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()

	d := c.Check(ctx, client.CheckRequest{Address: asked, Network: "ethereum", Direction: lists.Withdrawal, Reference: "wd-8842"})
	if !d.Allowed() {
		fmt.Println("do not sign:", d.Action(), d.Err())
		return
	}
	fmt.Println("sign; keep the check id", d.Answer().CheckID)
	// Output: sign; keep the check id 019ad2c4-7b1e-7c33-9d0a-5f3f2f0a9b10
}

// Many addresses are screened with few requests. Decision i is for request i; one that fails holds its own transfer only.
func ExampleClient_CheckAll() {
	c := service(`{"results":[` + missOf(asked) + `,{"result":"error","error":{"code":"invalid_address","status":422,"reason":"bad_checksum"}}]}`)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	for i, d := range c.CheckAll(ctx, []client.CheckRequest{
		{Address: asked, Network: "ethereum", Direction: lists.Deposit},
		{Address: "0x09", Network: "ethereum", Direction: lists.Deposit},
	}) {
		fmt.Println(i, d.Allowed(), d.Action())
	}
	// Output:
	// 0 true allow
	// 1 false hold
}

// spans prints calls. One that makes spans of OpenTelemetry starts one in Begin, returns the context that holds it, and sets its status and ends it in end.
type spans struct{}

func (spans) Begin(ctx context.Context, name string) (context.Context, func(int, error)) {
	return ctx, func(attempts int, err error) { fmt.Println(name, attempts, err != nil) }
}

// Calls are traced by an observer, and their attempts by a transport such as that of otelhttp:
//
//	client.New(url, key, client.WithObserver(spans{}), client.WithTransport(otelhttp.NewTransport(http.DefaultTransport)))
//
// This package links no library of OpenTelemetry.
func ExampleWithObserver() {
	busy := true // at first
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if busy {
			busy = false
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, missOf(asked))
	}))
	defer s.Close()
	c, err := client.New(s.URL, "key", client.WithObserver(spans{}), client.WithTransport(http.DefaultTransport))
	if err != nil {
		panic(err)
	}
	fmt.Println(c.Check(context.Background(), client.CheckRequest{Address: asked, Network: "ethereum", Direction: lists.Deposit}).Allowed())
	// Output:
	// POST /v1/check 2 false
	// true
}
