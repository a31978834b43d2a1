package fetch

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"interdict/lists/fault"
)

// internal are blocks of addresses that no public source uses: those of IANA's special-purpose registries for IPv4 and IPv6
// (RFC 6890 and later additions), multicast (RFC 5771, RFC 4291), and one public address that Azure uses for its own
// services. IPv6 addresses outside of 2000::/3, the only block assigned as global unicast, are refused as well.
var internal = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // carrier-grade NAT; Alibaba's metadata service
	"127.0.0.0/8",      // loopback
	"169.254.0.0/16",   // link-local; metadata services of most clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments; Oracle's metadata service
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarking
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
	"168.63.129.16/32", // Azure's WireServer, reachable only from inside Azure

	"2001::/23",     // protocol assignments, Teredo among them
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4: contains an IPv4 address that a relay connects to
	"3fff::/20",     // documentation
)

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// nat64 addresses contain an IPv4 address in the last four bytes (RFC 6052). Clusters with IPv6 only use them to reach IPv4.
	// The block for local use, 64:ff9b:1::/48, is not global unicast and refused.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// checkPublic returns an error unless the address is public, also if it is an IPv4 address inside an IPv6 address.
func checkPublic(ip netip.Addr) error {
	plain := ip.WithZone("").Unmap()
	if nat64.Contains(plain) {
		b := plain.As16()
		plain = netip.AddrFrom4([4]byte(b[12:]))
	}
	refused := plain.Is6() && !globalUnicast.Contains(plain)
	for _, p := range internal {
		refused = refused || p.Contains(plain)
	}
	if refused {
		return fault.E(fault.Forbidden, "%s is an internal address", ip)
	}
	return nil
}

// refuseInternal is a net.Dialer.Control that fails unless the address is public. The dialer calls it with the resolved address directly
// before it connects, for each address of a name, each redirect and each attempt. So a name that resolves differently later (DNS
// rebinding) does not help an attacker.
func refuseInternal(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fault.E(fault.Forbidden, "connect to %s: not an address", address)
	}
	return checkPublic(at.Addr())
}

// internalEndings are the endings of names that are never public: RFC 6761, RFC 6762, RFC 8375, and ICANN's .internal, which clouds use
// for metadata services.
var internalEndings = []string{".localhost", ".local", ".home.arpa", ".internal"}

// checkProxied checks a host that a proxy will connect to. It refuses internal addresses, and names that no public host can have.
// The proxy resolves all other names, and only the proxy can refuse the resolved address.
func checkProxied(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return checkPublic(ip)
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
