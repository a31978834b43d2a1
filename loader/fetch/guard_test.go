package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"interdict/lists/fault"
)

// names is a name server that gives each name the addresses of its turns, one after another; the last one for good.
type names struct {
	mu    sync.Mutex
	turns map[string][]string
	asked map[string]int
}

func (n *names) next(name string) netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	turns := n.turns[name]
	at := n.asked[name]
	n.asked[name]++
	return netip.MustParseAddr(turns[min(at, len(turns)-1)])
}

func (n *names) times(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[name]
}

// resolver starts the name server and gives a resolver that asks it, by UDP.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	n.asked = map[string]int{}
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
					Body: &dnsmessage.AResource{A: n.next(strings.TrimSuffix(q.Name.String(), ".")).As4()}}}
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

// passed are the connections that the guard has let pass.
type passed struct {
	mu  sync.Mutex
	all []string
}

func (p *passed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.all, " ")
}

// guarded is a client behind the guard, with its own name server. A connection that the guard lets pass is not made, but noted.
func guarded(t *testing.T, n *names) (*client, *passed) {
	t.Helper()
	o, _ := local(t)
	o.AllowInternal = false
	c, p := newClient(o), &passed{}
	c.proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	c.resolver = n.resolver(t)
	guard := c.control
	c.control = func(network, address string, raw syscall.RawConn) error {
		if err := guard(network, address, raw); err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all = append(p.all, address)
		return errors.New("the test goes no further")
	}
	return c, p
}

func TestDNSRebindingIsRefused(t *testing.T) {
	inside := publish(t, send(list))
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n := &names{turns: map[string][]string{"lists.example.org": {"8.8.8.8", "127.0.0.1"}}}
	c, passed := guarded(t, n)
	_, err = c.get(t.Context(), "http://lists.example.org:"+port+"/l.csv")
	if !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "2 attempts") || !strings.Contains(err.Error(), "127.0.0.1 is an internal address") {
		t.Errorf("%v", err)
	}
	if inside.asked.Load() != 0 || n.times("lists.example.org") != 2 || passed.String() != "8.8.8.8:"+port {
		t.Errorf("the server inside was asked %d times, the name %d times, let pass: %v", inside.asked.Load(), n.times("lists.example.org"), passed)
	}
}

func TestRedirectToInternalAddressIsRefused(t *testing.T) {
	inside := publish(t, send(list))
	for _, to := range []string{inside.URL, strings.Replace(inside.URL, "127.0.0.1", "inside.example.org", 1), strings.Replace(inside.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
		outside := publish(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
		_, port, err := net.SplitHostPort(outside.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		n := &names{turns: map[string][]string{"lists.example.org": {"127.0.0.1"}, "inside.example.org": {"127.0.0.1"}}}
		c, _ := guarded(t, n)
		first := true // the first server stands for one outside: the guard is not asked for it
		guard := c.control
		c.control = func(network, address string, raw syscall.RawConn) error {
			if first && strings.HasSuffix(address, ":"+port) {
				first = false
				return nil
			}
			return guard(network, address, raw)
		}
		_, err = c.get(t.Context(), "http://lists.example.org:"+port+"/l.csv")
		if !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "is an internal address") || outside.asked.Load() != 1 || inside.asked.Load() != 0 {
			t.Errorf("to %s: asked outside %d, inside %d times: %v", to, outside.asked.Load(), inside.asked.Load(), err)
		}
	}
}

func TestOtherSpellingsOfLoopbackAreRefused(t *testing.T) {
	inside := publish(t, send(list))
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n := &names{turns: map[string][]string{}}
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0", "[::]"} {
		c, passed := guarded(t, n)
		if _, err := c.get(t.Context(), "http://"+host+":"+port+"/"); err == nil || passed.String() != "" || inside.asked.Load() != 0 {
			t.Errorf("%s: let pass %s, asked %d times: %v", host, passed, inside.asked.Load(), err)
		}
	}
}

func TestProxyRefusesInternalHosts(t *testing.T) {
	var mu sync.Mutex
	var carried []string
	proxy := publish(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		carried = append(carried, r.URL.Host)
		mu.Unlock()
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
			return
		}
		fmt.Fprint(w, list)
	})
	n := &names{turns: map[string][]string{}}
	var named atomic.Bool
	with := func(t *testing.T) *client {
		c, _ := guarded(t, n)
		c.proxy = func(r *http.Request) (*url.URL, error) {
			if strings.HasSuffix(r.URL.Hostname(), "direct.example.org") { // as NO_PROXY says
				return nil, nil
			}
			named.Store(true)
			return url.Parse(proxy.URL)
		}
		return c
	}
	t.Run("the proxy itself may be inside", func(t *testing.T) {
		d, err := with(t).get(t.Context(), "http://lists.example.org/l.csv")
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		if len(carried) != 1 || carried[0] != "lists.example.org" || n.times("lists.example.org") != 0 || !named.Load() {
			t.Errorf("it carried %v", carried)
		}
	})
	t.Run("what is written as an internal address or name never reaches it", func(t *testing.T) {
		carried = nil
		for _, host := range []string{"127.0.0.1", "[::1]", "10.1.2.3", "[::ffff:10.1.2.3]", "[64:ff9b::10.1.2.3]", "169.254.169.254", "2130706433", "127.1", "0x7f000001",
			"0x7f.1", "127.1.", "localhost", "intranet", "a.localhost", "printer.local", "router.home.arpa", "metadata.google.internal", "METADATA.Google.Internal."} {
			if _, err := with(t).get(t.Context(), "http://"+host+"/"); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: %v", host, err)
			}
		}
		if _, err := with(t).get(t.Context(), "http://lists.example.org/away"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a redirect: %v", err)
		}
		if len(carried) != 1 {
			t.Errorf("it carried %v", carried)
		}
	})
	t.Run("what goes past it goes through the guard", func(t *testing.T) {
		n.turns["direct.example.org"] = []string{"127.0.0.1"}
		if _, err := with(t).get(t.Context(), strings.Replace(proxy.URL, "127.0.0.1", "direct.example.org", 1)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("the proxy's own port is reached as a source: %v", err)
		}
	})
}
