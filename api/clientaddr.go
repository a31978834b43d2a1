package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"interdict/lists/fault"
)

// clientAddr returns the address of the caller: that of the connection or, if a trusted proxy has made it, the last one in X-Forwarded-For that is no
// trusted proxy. What stands before it may be the caller's own invention. It is invalid if the connection has none.
func (s *Server) clientAddr(r *http.Request) netip.Addr {
	caller := parseAddr(r.RemoteAddr)
	if !s.trusts(caller) {
		return caller
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(caller); i-- {
		hop := parseAddr(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			break
		}
		caller = hop
	}
	return caller
}

func (s *Server) trusts(a netip.Addr) bool {
	for _, proxy := range s.proxies {
		if proxy.Contains(a) {
			return true
		}
	}
	return false
}

// parseAddr reads an address with or without a port.
func parseAddr(text string) netip.Addr {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// ParseProxies reads the networks of trusted proxies: "10.0.0.0/8", or one address.
func ParseProxies(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); err != nil && aerr == nil {
			network, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fault.E(fault.Invalid, "%.60q is neither a network nor an address; write one like 10.0.0.0/8", text)
		}
		out = append(out, netip.PrefixFrom(network.Addr().Unmap(), unmappedBits(network)).Masked())
	}
	return out, nil
}

// unmappedBits returns the length of a network without the 96 bits of an IPv4-mapped address.
func unmappedBits(network netip.Prefix) int {
	if network.Addr().Is4In6() {
		return max(network.Bits()-96, 0)
	}
	return network.Bits()
}
