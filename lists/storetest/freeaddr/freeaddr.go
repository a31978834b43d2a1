// Package freeaddr gives tests addresses that their servers can listen on.
package freeaddr

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports below those that a system takes for connections that it makes itself: from 32768 on Linux, 16000 on gVisor, 49152 elsewhere.
// Out of those a port that a test has found free can be gone before its server listens, or while it is stopped for a moment.
const first, last = 10000, 15999

// Get gives an address of the loopback that nobody listens on, and that no other test is given until this one has ended.
func Get(t testing.TB) string {
	t.Helper()
	var err error
	for range 1000 {
		var addr string
		if addr, err = claim(t, first+rand.IntN(last-first+1)); err == nil {
			return addr
		}
	}
	t.Fatalf("no port from %d to %d is free: %v", first, last, err)
	return ""
}

// claim takes the port of UDP with the same number until the end of the test: tests in other processes see by it that the number is taken.
func claim(t testing.TB, port int) (string, error) {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	taken, err := net.ListenPacket("udp", addr)
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		taken.Close()
		return "", err
	}
	l.Close()
	t.Cleanup(func() { taken.Close() })
	return addr, nil
}
