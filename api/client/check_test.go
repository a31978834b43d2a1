package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

const asked = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

// missOf is a whole answer that clears an address; edits replace parts of it.
func missOf(address string, edits ...string) string {
	return strings.NewReplacer(edits...).Replace(`{"check_id":"019ad2c4-7b1e-7c33-9d0a-5f3f2f0a9b10","result":"miss","action":"allow","direction":"deposit",` +
		`"address":{"input":"` + address + `","network":"ethereum","canonical":"` + address + `","identity":"evm:x"},"matches":[],` +
		`"screened":{"generation":42,"as_of":"2025-11-19T16:05:11Z","lists":5,"listings":10422},"checked_at":"2025-11-19T16:20:07.113Z"}`)
}

const match = `[{"class":"exact","list":{"id":"ofac-sdn","name":"OFAC SDN","authority":"OFAC","version":1,"published":""},"listed":{"address":"x","network":"","asset":""},` +
	`"entity":{"id":"1","name":"Someone","type":"entity"},"category":"sanctions","confidence":"confirmed","programs":[],"source":{"file":"f","sha256":"","locator":"line 1"},"added_in":1}]`

func hitOf(action string) string {
	return missOf(asked, `"result":"miss"`, `"result":"hit"`, `"action":"allow"`, `"action":"`+action+`"`, `"matches":[]`, `"matches":`+match)
}

// answering returns a client of a server that answers every request alike.
func answering(t *testing.T, status int, media, body string, options ...client.Option) *client.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	c, err := client.New(s.URL, "key", options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Only a whole, fresh miss about the very address allows a transfer. Everything else holds it.
func TestOnlyAnUnderstoodFreshMissAllows(t *testing.T) {
	const ok, problem = "application/json", "application/problem+json"
	for name, c := range map[string]struct {
		status      int
		media, body string
		action      lists.Action
	}{
		"a miss":                       {200, ok, missOf(asked), lists.Allow},
		"a hit to freeze":              {200, ok, hitOf("freeze"), lists.Freeze},
		"a hit that a policy allows":   {200, ok, hitOf("allow"), lists.Allow},
		"a hit without an action":      {200, ok, missOf(asked, `"result":"miss"`, `"result":"hit"`, `"action":"allow",`, ``, `"matches":[]`, `"matches":`+match), client.Hold},
		"a hit without matches":        {200, ok, missOf(asked, `"result":"miss"`, `"result":"hit"`), client.Hold},
		"a miss with matches":          {200, ok, missOf(asked, `"matches":[]`, `"matches":`+match), client.Hold},
		"a miss to review":             {200, ok, missOf(asked, `"action":"allow"`, `"action":"review"`), client.Hold},
		"another address":              {200, ok, missOf("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"), client.Hold},
		"another direction":            {200, ok, missOf(asked, `"direction":"deposit"`, `"direction":"withdrawal"`), client.Hold},
		"nothing screened":             {200, ok, missOf(asked, `"listings":10422`, `"listings":0`), client.Hold},
		"no generation":                {200, ok, missOf(asked, `"generation":42`, `"generation":0`), client.Hold},
		"no check_id":                  {200, ok, missOf(asked, `019ad2c4-7b1e-7c33-9d0a-5f3f2f0a9b10`, ``), client.Hold},
		"an unknown result":            {200, ok, missOf(asked, `"result":"miss"`, `"result":"clear"`), client.Hold},
		"an empty object":              {200, ok, `{}`, client.Hold},
		"half an answer":               {200, ok, missOf(asked)[:200], client.Hold},
		"a login page":                 {200, "text/html", missOf(asked), client.Hold},
		"a redirect":                   {302, ok, missOf(asked), client.Hold},
		"no content":                   {204, ok, ``, client.Hold},
		"an error with a miss in it":   {500, ok, missOf(asked), client.Hold},
		"not an address":               {422, problem, `{"status":422,"code":"invalid_address","reason":"bad_checksum"}`, client.Hold},
		"nothing loaded":               {503, problem, `{"status":503,"code":"not_loaded"}`, client.Hold},
		"possibly listed":              {503, problem, `{"status":503,"code":"store_unavailable","possible_match":true}`, client.Hold},
		"a problem of somebody else's": {503, "text/plain", `upstream`, client.Hold},
	} {
		t.Run(name, func(t *testing.T) {
			d := answering(t, c.status, c.media, c.body, client.WithRetries(0)).Check(t.Context(), client.CheckRequest{Address: asked, Direction: lists.Deposit})
			if d.Allowed() != (name == "a miss") || d.Action() != c.action {
				t.Errorf("allowed %t, action %s, error %v", d.Allowed(), d.Action(), d.Err())
			}
			if (d.Err() == nil) == (c.action == client.Hold) || (d.Answer() == nil) != (d.Err() != nil) {
				t.Errorf("error %v, answer %v", d.Err(), d.Answer())
			}
		})
	}
	var zero client.Decision
	if zero.Allowed() || zero.Action() != client.Hold || zero.Err() == nil || zero.Answer() != nil {
		t.Errorf("the zero decision: %t, %s, %v", zero.Allowed(), zero.Action(), zero.Err())
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	for code, kind := range map[string]fault.Kind{"invalid_address": fault.InvalidAddress, "not_loaded": fault.NotLoaded, "lost": fault.Lost, "new_code": fault.Unavailable} {
		d := answering(t, 503, "application/problem+json", `{"code":"`+code+`","networks":["bitcoin"],"would_match":true}`, client.WithRetries(0)).
			Check(t.Context(), client.CheckRequest{Address: asked, Direction: lists.Deposit})
		var e *client.Error
		if !errors.As(d.Err(), &e) || e.Code != code || !e.WouldMatch || len(e.Networks) != 1 || fault.KindOf(d.Err()) != kind || e.JSON() == nil {
			t.Errorf("%s: %#v is a %v", code, d.Err(), fault.KindOf(d.Err()))
		}
	}
}

// An address is a key in the wrong field now and then: no error shows it, and no letter of it is changed on its way.
func TestTheAddressIsSentAsWritten(t *testing.T) {
	var got atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got.Store(r.URL.EscapedPath() + " " + string(b) + " " + r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	c, err := client.New(s.URL+"/", "ik_secret", client.WithRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	const text = "EQ/a+b_C?d#e f"
	d := c.Check(t.Context(), client.CheckRequest{Address: text, Direction: lists.Withdrawal})
	if !strings.Contains(got.Load().(string), `"address":"`+text+`"`) || !strings.HasSuffix(got.Load().(string), "Bearer ik_secret") || d.Allowed() {
		t.Error(got.Load())
	}
	if _, err := c.Lookup(t.Context(), text, "ton"); err == nil || strings.Contains(err.Error(), "EQ") || !strings.HasPrefix(got.Load().(string), "/v1/addresses/EQ%2Fa+b_C%3Fd%23e%20f ") {
		t.Error(err, got.Load())
	}
	s.Close()
	if _, err := c.Lookup(t.Context(), text, ""); err == nil || strings.Contains(err.Error(), "EQ") || strings.Contains(err.Error(), "ik_secret") {
		t.Error(err)
	}
}

func TestOnlySafeRequestsAreRepeated(t *testing.T) {
	var asked, changed atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := &changed
		if r.Method == http.MethodGet || strings.HasPrefix(r.URL.Path, "/v1/check") {
			n = &asked
		}
		if n.Add(1) == 1 || n == &changed {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"lists":[]}`)
	}))
	defer s.Close()
	c, err := client.New(s.URL, "key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Lists(t.Context()); err != nil || asked.Load() != 2 {
		t.Errorf("%d requests, %v", asked.Load(), err)
	}
	if _, err := c.Activate(t.Context(), "l", 1, ""); err == nil || changed.Load() != 1 {
		t.Errorf("%d requests, %v", changed.Load(), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	asked.Store(0)
	if d := c.Check(ctx, client.CheckRequest{}); d.Allowed() || asked.Load() != 1 {
		t.Errorf("no time for a second attempt: %d", asked.Load())
	}
}

// A batch is split, its answers stay in order, and one bad item fails alone.
func TestABatchKeepsItsOrder(t *testing.T) {
	var sizes []int
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Checks []client.CheckRequest }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		sizes = append(sizes, len(in.Checks))
		var out []string
		for _, x := range in.Checks {
			if x.Address == "bad" {
				out = append(out, `{"error":{"code":"invalid_address","status":422,"reason":"bad_length"}}`)
			} else {
				out = append(out, missOf(x.Address))
			}
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(out, ","))
	}))
	defer s.Close()
	c, err := client.New(s.URL, "key")
	if err != nil {
		t.Fatal(err)
	}
	var requests []client.CheckRequest
	for i := range 2500 {
		requests = append(requests, client.CheckRequest{Address: fmt.Sprintf("a%d", i), Direction: lists.Deposit})
	}
	requests[1700].Address = "bad"
	all := c.CheckAll(t.Context(), requests)
	if len(all) != 2500 || fmt.Sprint(sizes) != "[1000 1000 500]" {
		t.Fatalf("%d answers, requests of %v", len(all), sizes)
	}
	for i, d := range all {
		if d.Allowed() != (i != 1700) {
			t.Errorf("%d: %v", i, d.Err())
		}
	}
	if d := answering(t, 200, "application/json", `{"results":[]}`).CheckAll(t.Context(), requests[:2]); len(d) != 2 || d[0].Allowed() || d[1].Allowed() {
		t.Error("too few answers allow something")
	}
}

func TestTheAddressOfAServer(t *testing.T) {
	for _, base := range []string{"", "interdict:8080", "ftp://x", "http://", "https://user:pass@x", "http://x?y", "http://x#y", "://"} {
		if _, err := client.New(base, "key"); err == nil || strings.Contains(err.Error(), "pass") {
			t.Errorf("%q: %v", base, err)
		}
	}
}
