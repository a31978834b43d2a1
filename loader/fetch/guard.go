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

// internal are the blocks of addresses that no public source is at: IANA's special-purpose registries for IPv4 and IPv6
// (RFC 6890 and what has been added since), multicast (RFC 5771, RFC 4291), and one public address behind which a cloud keeps its own
// services. IPv6 outside of 2000::/3, the only block given out as global unicast, is refused as a whole.
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
	"168.63.129.16/32", // Azure's WireServer, reachable from inside only

	"2001::/23",     // protocol assignments, Teredo among them
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4: stands for an IPv4 address that a relay decides about
	"3fff::/20",     // documentation
)

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// nat64 stands for the IPv4 address in its last four bytes (RFC 6052): a cluster that has IPv6 only reaches IPv4 by it.
	// Its neighbour for local use, 64:ff9b:1::/48, is no global unicast and refused.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// publicIP refuses an address that is not a public one, in whatever form it is written.
func publicIP(ip netip.Addr) error {
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

// publicOnly refuses a connection to an address that is not a public one. The dialer calls it with the address it is about to connect to:
// after the name was resolved, for each address of the name, and again for every redirect and every further attempt. So it does not matter
// what the name said before.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fault.E(fault.Forbidden, "connect to %s: it is no address", address)
	}
	return publicIP(at.Addr())
}

// Names that are not public by their ending: RFC 6761, RFC 6762, RFC 8375, and ICANN's .internal, where clouds have their metadata.
var internalEndings = []string{".localhost", ".local", ".home.arpa", ".internal"}

// throughProxy refuses what can be known to be internal when a proxy is to connect instead of us: addresses written as such, and names
// that no public host has. Any other name is resolved by the proxy, and only the proxy can refuse what it resolves to.
func throughProxy(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return publicIP(ip)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	dot := strings.LastIndexByte(name, '.')
	refused := dot < 0 || dot == len(name)-1
	for _, ending := range internalEndings {
		refused = refused || strings.HasSuffix(name, ending)
	}
	// 127.1 and 0x7f.1 are 127.0.0.1 to many a resolver; no public name ends in a number (RFC 3696, section 2).
	if refused || name[dot+1] >= '0' && name[dot+1] <= '9' {
		return fault.E(fault.Forbidden, "%s is no public name", host)
	}
	return nil
}

// ways sends a request through the proxy that the environment names for it, and every other request straight through the guard. They are two
// transports, so that the guard can let the proxy's own address pass, which usually is an internal one, for the proxy and for nothing else.
type ways struct {
	proxy           func(*http.Request) (*url.URL, error)
	guarded         bool
	direct, proxied *http.Transport
}

func (w *ways) RoundTrip(req *http.Request) (*http.Response, error) {
	proxy, err := w.proxy(req)
	if err != nil {
		return nil, fault.E(fault.Invalid, "the proxy that the environment names cannot be understood") // the error would show its password
	}
	if proxy == nil {
		return w.direct.RoundTrip(req)
	}
	if w.guarded {
		if err := throughProxy(req.URL.Hostname()); err != nil {
			return nil, err
		}
	}
	return w.proxied.RoundTrip(req)
}

func (w *ways) close() {
	w.direct.CloseIdleConnections()
	w.proxied.CloseIdleConnections()
}

func (c *client) ways() *ways {
	transport := func(d *net.Dialer) *http.Transport {
		return &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: 2 * time.Minute,
			MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	}
	w := &ways{proxy: c.proxy, guarded: !c.o.AllowInternal}
	w.direct = transport(&net.Dialer{Timeout: 15 * time.Second, Resolver: c.resolver, Control: c.control})
	w.proxied = transport(&net.Dialer{Timeout: 15 * time.Second})
	w.proxied.Proxy = c.proxy
	return w
}
