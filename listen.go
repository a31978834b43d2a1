package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"interdict/lists/fault"
)

// listenMistakes returns what is wrong with the addresses that serve listens on.
func (c *serveCmd) listenMistakes() (all []error) {
	var at []listenAddress
	for _, x := range [][2]string{{"--listen", c.Listen}, {"--admin-listen", c.AdminListen}} {
		a, err := parseListen(x[1])
		if err != nil {
			all = append(all, usage("%s: %w", x[0], err))
			continue
		}
		at = append(at, a)
	}
	if !c.Demo && len(at) == 2 && at[0].overlaps(at[1]) { // a demonstration takes a free port
		all = append(all, usage("--listen %s and --admin-listen %s are the same port: each needs one of its own", c.Listen, c.AdminListen))
	}
	return all
}

// listenAddress is an address to listen on.
type listenAddress struct {
	host string // "": all addresses of the machine
	port int
}

// parseListen reads HOST:PORT; either may be empty, and the port may be a name.
func parseListen(text string) (a listenAddress, err error) {
	host, port, err := net.SplitHostPort(text)
	if err == nil {
		a.port, err = net.DefaultResolver.LookupPort(context.Background(), "tcp", port)
	}
	if err != nil {
		return a, fmt.Errorf("%q is not HOST:PORT", text)
	}
	a.host = strings.ToLower(host)
	if ip, err := netip.ParseAddr(host); err == nil {
		if a.host = ip.Unmap().String(); ip.Unmap().IsUnspecified() {
			a.host = ""
		}
	}
	return a, nil
}

// overlaps reports whether only one of two addresses can be listened on. Names of hosts are not looked up.
func (a listenAddress) overlaps(b listenAddress) bool {
	return a.port == b.port && a.port != 0 && (a.host == b.host || a.host == "" || b.host == "")
}

// listen opens a port; a demonstration takes a free one when the usual one is taken.
func listen(addr string, fallBack bool) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil && fallBack {
		ln, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fault.E(fault.Unavailable, "listen: %w", err)
	}
	return ln, nil
}
