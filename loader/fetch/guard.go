package fetch

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"interdict/lists/egress"
	"interdict/lists/fault"
)

// internalEndings are the endings of names that are never public: RFC 6761, RFC 6762, RFC 8375, and ICANN's .internal, which clouds use
// for metadata services.
var internalEndings = []string{".localhost", ".local", ".home.arpa", ".internal"}

// checkProxied checks a host that a proxy will connect to. It refuses internal addresses, and names that no public host can have.
// The proxy resolves all other names, and only the proxy can refuse the resolved address.
func checkProxied(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return egress.Guard{}.Check(ip)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	dot := strings.LastIndexByte(name, '.')
	refused := dot < 0 || dot == len(name)-1
	for _, ending := range internalEndings {
		refused = refused || strings.HasSuffix(name, ending)
	}
	// Many resolvers read 127.1 and 0x7f.1 as 127.0.0.1. No public name ends in a number (RFC 3696, section 2).
	if refused || name[dot+1] >= '0' && name[dot+1] <= '9' {
		return fault.E(fault.Forbidden, "%s is not a public name", host)
	}
	return nil
}

// guardedTransport sends requests through the proxy of the environment, or directly with the guard. It has two transports, because the
// address of the proxy is usually internal, and must be allowed for the proxy only.
type guardedTransport struct {
	proxy           func(*http.Request) (*url.URL, error)
	guarded         bool
	direct, proxied *http.Transport
}

func (w *guardedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	proxy, err := w.proxy(req)
	if err != nil {
		return nil, fault.E(fault.Invalid, "the proxy URL in the environment (HTTPS_PROXY) is not valid") // the original error would show its password
	}
	if proxy == nil {
		return w.direct.RoundTrip(req)
	}
	if w.guarded {
		if err := checkProxied(req.URL.Hostname()); err != nil {
			return nil, err
		}
	}
	return w.proxied.RoundTrip(req)
}

func (w *guardedTransport) close() {
	w.direct.CloseIdleConnections()
	w.proxied.CloseIdleConnections()
}

func (c *client) transport() *guardedTransport {
	transport := func(d *net.Dialer) *http.Transport {
		return &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: 2 * time.Minute,
			MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	}
	w := &guardedTransport{proxy: c.proxy, guarded: !c.o.AllowInternal}
	w.direct = transport(&net.Dialer{Timeout: 15 * time.Second, Resolver: c.resolver, Control: c.control})
	w.proxied = transport(&net.Dialer{Timeout: 15 * time.Second})
	w.proxied.Proxy = c.proxy
	return w
}
