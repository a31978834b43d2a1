package main

import (
	"fmt"
	"runtime"
)

// Set by the linker: -X main.version=… -X main.commit=…
var (
	version = "dev"
	commit  = "unknown"
)

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintf(e.stdout, "interdict %s (commit %s, %s)\n", version, commit, runtime.Version())
	return err
}
