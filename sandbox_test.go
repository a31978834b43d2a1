package main

import (
	"testing"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening/sandbox"
)

// A server with the sandbox loads the test addresses once, and does not touch a list that is somebody's own.
func TestTheSandboxLoadsItsListOnce(t *testing.T) {
	e := &env{ctx: t.Context(), logLevel: "error"}
	openStore := func() *opened {
		o, err := (&storeFlags{Data: t.TempDir()}).open(t.Context(), e.quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(o.close)
		return o
	}
	o := openStore()
	for range 2 {
		if err := loadSandbox(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	l, _, err := o.loader.List(t.Context(), sandbox.List)
	if err != nil || l.Active != 1 || l.Latest != 1 || l.Authority != sandbox.Authority {
		t.Errorf("%+v %v", l, err)
	}

	o = openStore()
	if _, _, err := o.loader.PutList(t.Context(), sandbox.List, loader.ChangeOptions{By: lists.Person("test")}, func(l *lists.List, _ bool) error {
		l.Name = "A list of our own"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := loadSandbox(t.Context(), o); !fault.Is(err, fault.Invalid) {
		t.Errorf("a list of somebody's own: %v", err)
	}
}
