package freeaddr

import (
	"net"
	"testing"
)

// An address is given to one test at a time, and again after its end; one that somebody else listens on is not given.
func TestAnAddressIsGivenOnce(t *testing.T) {
	var port int
	t.Run("given", func(t *testing.T) {
		l, err := net.Listen("tcp", Get(t))
		if err != nil {
			t.Fatal(err)
		}
		port = l.Addr().(*net.TCPAddr).Port
		l.Close()
		if addr, err := claim(t, port); err == nil {
			t.Errorf("%s is given twice", addr)
		}
	})
	if _, err := claim(t, port); err != nil {
		t.Error(err)
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
