package egress

import (
	"net"
	"net/netip"
	"testing"

	"interdict/lists/fault"
)

func TestInternalAddressesInEveryForm(t *testing.T) {
	control := Control(Guard{}.Check)
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
		"198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::169.254.169.254",
		"64:ff9b:1::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:20::1", "2001:db8::1", "2002:7f00:1::1",
		"2002:a00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "4000::1",
	} {
		if err := (Guard{}).Check(netip.MustParseAddr(text)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s passes: %v", text, err)
		}
		if err := control("tcp", net.JoinHostPort(text, "443"), nil); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a connection to %s passes: %v", text, err)
		}
	}
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1", "169.253.255.255", "172.15.255.255",
		"172.32.0.1", "192.0.1.1", "192.167.255.255", "192.169.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "168.63.129.17",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:4860:4860::8888", "2606:4700::1111", "2a00:1450:4001:80b::200e", "3ffe::1",
	} {
		if err := control("tcp", net.JoinHostPort(text, "443"), nil); err != nil {
			t.Errorf("%s is refused: %v", text, err)
		}
	}
	for _, text := range []string{"", "localhost:80", "127.1:80", "/run/socket"} {
		if err := control("unix", text, nil); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%q passes: %v", text, err)
		}
	}
}

// An allowed network opens itself, in every spelling, and nothing else.
func TestAllowedNetworks(t *testing.T) {
	allowed, err := ParseNetworks([]string{"10.1.0.0/16", "::1", "192.168.7.7"})
	if err != nil {
		t.Fatal(err)
	}
	g := Guard{Allowed: allowed}
	for _, text := range []string{"10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "::1", "192.168.7.7"} {
		if err := g.Check(netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := g.CheckAllowed(netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"10.2.0.1", "127.0.0.1", "::", "192.168.7.8", "169.254.169.254"} {
		if err := g.Check(netip.MustParseAddr(text)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s passes: %v", text, err)
		}
	}
	if err := g.CheckAllowed(netip.MustParseAddr("8.8.8.8")); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a public address counts as allowed: %v", err)
	}
	for _, text := range []string{"", "10.0.0.0/33", "localhost", "10.1"} {
		if _, err := ParseNetworks([]string{text}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is a network: %v", text, err)
		}
	}
}
