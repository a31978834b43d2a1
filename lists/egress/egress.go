// Package egress guards outgoing connections against internal addresses, which whoever may name a URL must not reach through this program.
package egress

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"interdict/lists/fault"
)

// internal are blocks of addresses that no public server has: those of IANA's special-purpose registries for IPv4 and IPv6
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

// Guard decides on the addresses that may be connected to: public ones, and those of Allowed.
type Guard struct {
	// Allowed are networks that may be connected to although they are internal.
	Allowed []netip.Prefix
}

// Check returns fault.Forbidden unless the address is public or allowed, also if it is an IPv4 address inside an IPv6 address.
func (g Guard) Check(ip netip.Addr) error {
	plain := unwrap(ip)
	if g.allows(plain) {
		return nil
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

// CheckAllowed returns fault.Forbidden unless the address is one of the allowed ones.
func (g Guard) CheckAllowed(ip netip.Addr) error {
	if !g.allows(unwrap(ip)) {
		return fault.E(fault.Forbidden, "%s is not in a network that is allowed", ip)
	}
	return nil
}

func (g Guard) allows(plain netip.Addr) bool {
	for _, p := range g.Allowed {
		if p.Contains(plain) {
			return true
		}
	}
	return false
}

// unwrap returns the address that a connection to ip reaches: an IPv4 address inside an IPv6 address is that IPv4 address.
func unwrap(ip netip.Addr) netip.Addr {
	plain := ip.WithZone("").Unmap()
	if nat64.Contains(plain) {
		b := plain.As16()
		plain = netip.AddrFrom4([4]byte(b[12:]))
	}
	return plain
}

// Control returns a net.Dialer.Control that fails unless check accepts the address. The dialer calls it with the resolved address directly
// before it connects, for each address of a name, each redirect and each attempt. So a name that resolves differently later (DNS
// rebinding) does not help an attacker.
func Control(check func(netip.Addr) error) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fault.E(fault.Forbidden, "connect to %s: not an address", address)
		}
		return check(at.Addr())
	}
}

// ParseNetworks reads networks in CIDR notation, or single addresses.
func ParseNetworks(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if ip, single := netip.ParseAddr(text); err != nil && single == nil {
			p, err = ip.Prefix(ip.BitLen())
		}
		if err != nil {
			return nil, fault.E(fault.Invalid, "%q is not a network in CIDR notation", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// WithoutURL returns the part of an error of net/http without URLs, which can hold secrets. net/http wraps its errors with the URL, and some
// contain one.
func WithoutURL(err error) error {
	var around *url.Error
	for errors.As(err, &around) {
		err = around.Err
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("the server stopped sending")
	}
	if strings.ContainsAny(err.Error(), "?@") || strings.Contains(err.Error(), "://") || strings.Contains(err.Error(), "Location") {
		return errors.New("the response is not valid HTTP")
	}
	return err
}
