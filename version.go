package main

import (
	"fmt"
	"runtime"

	"github.com/alecthomas/kong"
)

// Set by the linker: -X main.version=… -X main.commit=…
var (
	version = "dev"
	commit  = "unknown"
)

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprint(e.stdout, versionText())
	return err
}

func versionText() string {
	return fmt.Sprintf("interdict %s (commit %s, %s)\n", version, commit, runtime.Version())
}

// versionFlag is --version, which works without a command.
type versionFlag bool

// BeforeReset prints the version before anything else of the command line is looked at.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	if _, err := fmt.Fprint(app.Stdout, versionText()); err != nil {
		return err
	}
	app.Exit(exitDone)
	return nil
}
