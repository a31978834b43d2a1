package freeaddr

import (
	"net"
	"testing"
)

// An address is given to one test at a time; one that somebody else listens on is not given.
func TestAnAddressIsGivenOnce(t *testing.T) {
	l, err := net.Listen("tcp", Get(t))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if addr, err := claim(t, l.Addr().(*net.TCPAddr).Port); err == nil {
		t.Errorf("%s is given twice", addr)
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if addr, err := claim(t, other.Addr().(*net.TCPAddr).Port); err == nil {
		t.Errorf("%s is given, and somebody listens on it", addr)
	}
}
