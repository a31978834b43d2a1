package webhook_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"interdict/lists"
	"interdict/lists/egress"
	"interdict/lists/fault"
	"interdict/webhook"
)

// resolver starts a name server that gives every name one address, and returns a resolver that asks it.
func resolver(t *testing.T, ip string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(buf[:size]); err != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body: &dnsmessage.AResource{A: netip.MustParseAddr(ip).As4()}}}
			}
			if b, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(b, from)
			}
		}
	}()
	var d net.Dialer
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// No URL makes the program connect to an internal address, in whatever form it is written, whether the system's resolver reads it or another
// one. The endpoints are put into the store past the checks of Create: the deliverer must not rely on them.
func TestInternalAddressesAreNotReached(t *testing.T) {
	var asked atomic.Int32
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(inside.Close)
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(plain.Close)
	secure, insecure := portOf(t, inside.URL), portOf(t, plain.URL)
	addresses := []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::127.0.0.1]", "0.0.0.0", "[::]", "localhost"}
	spellings := []string{"LOCALHOST.", "2130706433", "127.1", "0x7f000001", "017700000001", "0x7f.1"} // resolvers differ: an internal address, or no such host
	for name, x := range map[string]struct {
		resolver *net.Resolver
		hosts    []string
	}{
		"a name server": {resolver(t, "127.0.0.1"), slices.Concat(addresses, spellings, []string{"hooks.example.org"})},
		"the system":    {nil, slices.Concat(addresses, spellings)},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			var all []*webhook.Endpoint
			for _, host := range x.hosts {
				for _, to := range []string{"https://" + host + ":" + secure, "http://" + host + ":" + insecure} {
					all = append(all, h.unchecked(fmt.Sprintf("e%d", len(all)), to))
				}
			}
			h.deliver(func(o *webhook.Options) { o.Guard, o.Resolver = egress.Guard{}, x.resolver })
			h.send(webhook.AlertCreated, "one")
			for _, e := range all {
				h.eventually("it was tried: "+e.URL, func() bool { d := h.deliveries(e); return len(d) == 1 && d[0].Attempts == 1 })
				d := h.deliveries(e)[0]
				refused := contains(d.Log[0].Error, "is an internal address") || contains(d.Log[0].Error, "is not in a network that is allowed")
				if u, err := url.Parse(e.URL); err == nil && slices.Contains(spellings, u.Hostname()) {
					refused = refused || contains(d.Log[0].Error, "lookup ")
				}
				if d.State != webhook.Waiting || d.Log[0].Status != 0 || !refused {
					t.Errorf("%s: %+v", e.URL, d)
				}
			}
		})
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests came in", asked.Load())
	}
}

// unchecked puts an endpoint into the store that Create would refuse.
func (h *house) unchecked(id, to string) *webhook.Endpoint {
	h.t.Helper()
	e := &webhook.Endpoint{ID: id, URL: to, Events: []string{"*"}, Secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", CreatedAt: h.clock.now()}
	h.commit(lists.Put(lists.DocWebhook(e.ID), e, 0))
	return e
}

func portOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// Plain http is for networks that are allowed, never for public addresses: neither the events nor the signature's use would be private.
func TestPlainHTTPIsForAllowedNetworks(t *testing.T) {
	h := open(t)
	e := h.unchecked("e", "http://hooks.example.org:9/")
	h.deliver(func(o *webhook.Options) { o.Resolver = resolver(t, "8.8.8.8") })
	h.send(webhook.AlertCreated, "one")
	h.eventually("it was tried", func() bool { return h.deliveries(e)[0].Attempts == 1 })
	if d := h.deliveries(e)[0]; !contains(d.Log[0].Error, "8.8.8.8 is not in a network that is allowed") {
		t.Errorf("%+v", d)
	}
}

// A proxy of the environment would connect to what it is told to, past the guard.
func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxy := receive(t, nil)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	h := open(t)
	e := h.endpoint("https://hooks.example.org/")
	h.deliver(func(o *webhook.Options) { o.Resolver = resolver(t, "10.0.0.1") })
	h.send(webhook.AlertCreated, "one")
	h.eventually("it was tried", func() bool { return h.deliveries(e)[0].Attempts == 1 })
	if len(proxy.got()) != 0 {
		t.Error("the proxy was used")
	}
}

func TestURLsAndEventsThatAreRefused(t *testing.T) {
	h := open(t)
	strict := *h.Endpoints
	strict.Guard = egress.Guard{}
	for _, to := range []string{"", "hooks.example.org", "ftp://hooks.example.org/", "https://", "https://user:pass@hooks.example.org/", "https://hooks.example.org/#x", "http://hooks.example.org/",
		"https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest", "https://[fe80::1%25eth0]/", "https://hooks.example.org/" + strings.Repeat("x", 2000),
		"https://hooks.example.org/?k=L53fCHmQhbNp1B4JipfBtfeHZH7cAibzG9oK19XfiFzxHgAkz6JK"} {
		_, err := strict.Create(t.Context(), webhook.Endpoint{URL: to}, lists.Person("root"), "")
		if !fault.Is(err, fault.Invalid) || len(to) > 10 && strings.Contains(err.Error(), to) {
			t.Errorf("%s: %v", to, err)
		}
	}
	for _, pattern := range []string{"", "list", "list.activate", "ping", "[", "alert.*.x"} {
		if _, err := h.Create(t.Context(), webhook.Endpoint{URL: "https://hooks.example.org/", Events: []string{pattern}}, lists.Person("root"), ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
	for range webhook.MaxEndpoints {
		h.endpoint("https://hooks.example.org/", "list.*", "list.*")
	}
	if _, err := h.Create(t.Context(), webhook.Endpoint{URL: "https://hooks.example.org/"}, lists.Person("root"), ""); !fault.Is(err, fault.Conflict) {
		t.Errorf("one too many: %v", err)
	}
	for _, e := range []webhook.Event{{}, {ID: "x", Type: "list.activate", At: h.clock.now()}, {ID: "x", Type: webhook.ListActivated, At: h.clock.now(), Data: []int{1}},
		{ID: "x", Type: webhook.ListActivated, At: h.clock.now(), Data: map[string]string{"x": strings.Repeat("x", 64<<10)}}} {
		if err := h.Send(t.Context(), e); !fault.Is(err, fault.Internal) {
			t.Errorf("%+v: %v", e.ID, err)
		}
	}
}

// Changes are on record with who and what, and no record, log or error has a secret or the path of a URL.
func TestChangesAreRecordedWithoutSecrets(t *testing.T) {
	h := open(t)
	r := receive(t, status(http.StatusBadGateway))
	e, err := h.Create(t.Context(), webhook.Endpoint{URL: r.URL + "/T000/B000/very-secret?token=also-secret", Events: []string{"list.*"}}, lists.Actor{Person: "root", Credential: "key"}, "for the desk")
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := h.Rotate(t.Context(), e.ID, webhook.DefaultOverlap, lists.Person("root"), "yearly")
	if err != nil {
		t.Fatal(err)
	}
	h.deliver()
	if _, err := h.Test(t.Context(), e.ID, lists.Person("root")); err != nil {
		t.Fatal(err)
	}
	h.eventually("the ping was tried", func() bool { return h.deliveries(e)[0].Attempts == 1 })
	failed := string(lists.JSON(h.deliveries(e)))
	if err := h.Delete(t.Context(), e.ID, lists.Person("root"), "done"); err != nil {
		t.Fatal(err)
	}
	events := h.record.events()
	var actions []string
	for _, x := range events {
		actions = append(actions, x.Action+" "+x.Outcome)
		if x.Subject != e.ID || x.By != "root" {
			t.Errorf("%+v", x)
		}
	}
	if got := strings.Join(actions, ", "); got != "webhook-create begun, webhook-create done, webhook-rotate begun, webhook-rotate done, webhook-test begun, webhook-test done, webhook-delete begun, webhook-delete done" {
		t.Error(got)
	}
	if want := string(lists.JSON(map[string]any{"url": r.URL + "/xxxxx", "events": []string{"list.*"}})); string(events[0].After) != want {
		t.Errorf("after: %s, not %s", events[0].After, want)
	}
	for where, text := range map[string]string{"the record": string(lists.JSON(events)), "the log": h.log.String(), "the deliveries": failed} {
		for _, secret := range []string{e.Secret, rotated.Secret, "very-secret", "also-secret"} {
			if strings.Contains(text, strings.TrimPrefix(secret, "whsec_")) {
				t.Errorf("%s has %s: %s", where, secret, text)
			}
		}
	}
}
