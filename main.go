// Interdict tells an exchange, before it credits a deposit or signs a withdrawal, whether an address is on a list, on
// whose word, since when, and where the proof is.
//
//	main.go     commands, signals, exit codes        config.go   flags, environment, files: the only place that reads them
//	serve.go    the API, the probes                  load.go     a list file into a store, or to a server
//	check.go    screening from the command line      lists.go    look at lists and steer them
//	answer.go   an answer, read strictly and shown   quarantine.go  the rows that were not read
//	people.go   staff accounts                       signin.go   how staff sign in
//	keys.go     API keys                             refresh.go  fetch lists from their sources
//	output.go   what is printed                      tls.go      certificates of server and client
//	bench.go    measure this machine                 webhooks.go  where events are sent
//	backup.go   everything in one file               restore.go  and back
//	report.go   what compliance hands in             selftest.go  is a listed address found in every spelling
//	traces.go   access log and traces                dependencies.go  what is away, and when it is back
//	typed.go    help                                 man.go      the manual page
//	completion.go  lines for shells
//	origins.go  where settings come from             configcheck.go  all that is wrong with them
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/logs"
	"interdict/loader/formats"
)

// Exit codes (docs/contract.md).
const (
	exitDone  = 0
	exitError = 1
	exitUsage = 2
	exitHit   = 3
)

// cli is the command line.
type cli struct {
	Config      string      `help:"YAML file with settings; its keys are the names of flags." placeholder:"FILE" type:"path"`
	VersionFlag versionFlag `name:"version" help:"Print version, commit and Go version." env:"-"`

	LogLevel  string `help:"What goes into the log: debug, info, warn, error." enum:"debug,info,warn,error" default:"info"`
	LogFormat string `help:"Form of the log: json, or text for people." enum:"json,text" default:"json"`

	OpaqueNetworks []string `help:"Further networks, which Interdict has no decoder for: their addresses are compared as text." placeholder:"NAME"`

	Serve     serveCmd     `cmd:"" help:"Serve the API and the probes."`
	Load      loadCmd      `cmd:"" help:"Read a list file into a new version of a list."`
	Refresh   refreshCmd   `cmd:"" help:"Fetch the lists that follow a source and are due."`
	Check     checkCmd     `cmd:"" help:"Screen addresses."`
	Lists     listsCmd     `cmd:"" help:"Show and change lists."`
	Suppress  suppressCmd  `cmd:"" help:"Make a listing of an address decide nothing, for a time and with a second person's approval."`
	Proposals proposalsCmd `cmd:"" help:"Show and decide on changes that need a second person."`
	Backup    backupCmd    `cmd:"" help:"Write everything into one file, and verify such a file."`
	Restore   restoreCmd   `cmd:"" help:"Restore a backup, or put back what Redis has lost, from what a server knows."`
	Replicas  replicasCmd  `cmd:"" help:"Show the running servers, and the generation each of them serves."`
	Ready     readyCmd     `cmd:"" help:"Ask a server whether it can answer checks."`
	Keys      keysCmd      `cmd:"" help:"Create, list, rotate and revoke API keys."`
	Audit     auditCmd     `cmd:"" help:"Read and verify the record of decisions and changes."`
	Alerts    alertsCmd    `cmd:"" help:"Show and resolve alerts on earlier checks."`
	Cases     casesCmd     `cmd:"" help:"Work on hits and on alerts: take, note, recommend, resolve."`
	Witness   witnessCmd   `cmd:"" help:"Cosign the records of other deployments, so that nobody there can change them unseen."`
	People    peopleCmd    `cmd:"" help:"Create, list, reset and disable staff accounts."`
	Webhooks  webhooksCmd  `cmd:"" help:"Create, list, rotate, delete and test webhooks."`
	Report    reportCmd    `cmd:"" help:"Due dates, blocked property and timeliness, for compliance."`
	Selftest  selftestCmd  `cmd:"" help:"Prove that listed addresses are found in every spelling, and errors are refused."`
	Settings  configCmd    `cmd:"" name:"config" help:"Check settings, or print all of them."`
	Bench     benchCmd     `cmd:"" help:"Measure this machine with a synthetic list, next to a bare Gin handler."`
	Version   versionCmd   `cmd:"" help:"Print version, commit and Go version."`
	Man       manCmd       `cmd:"" help:"Print the manual page."`

	Completion completionCmd `cmd:"" help:"Print what bash, zsh or fish reads to complete commands and flags."`

	// The same as "lists versions" and so on, for those who leave the word out.
	Versions versionsCmd `cmd:"" hidden:""`
	Diff     diffCmd     `cmd:"" hidden:""`
	Activate activateCmd `cmd:"" hidden:""`
	Rollback rollbackCmd `cmd:"" hidden:""`
	Export   exportCmd   `cmd:"" hidden:""`
}

// env is what a command works with.
type env struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	logLevel       string
	command        string // its words, without arguments
	config         string // the settings file; "" for none
	model          *kong.Application
	logFormat      string        // json or text
	limiter        *logs.Limiter // of the log; nil: nothing was logged yet
}

// errHit makes check end with its own exit code.
var errHit = errors.New("at least one address is listed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// newParser returns the command line of the program, with the settings of the file and the environment in values.
func newParser(c *cli, values kong.Resolver, stdout, stderr io.Writer, exit func(int), more ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append(more, kong.Name("interdict"), kong.Vars{"formats": strings.Join(formats.Names(), ", ")}, kong.Description("Screens crypto addresses against sanctions and stolen-funds lists."),
		kong.Writers(stdout, stderr), kong.Exit(exit), kong.UsageOnError(),
		kong.DefaultEnvars("INTERDICT"), kong.Resolvers(values), kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Help(printHelp))...)
}

// parse reads settings and arguments. values are the settings of the file and the …_FILE variables.
func parse(c *cli, args []string, stdout, stderr io.Writer, exit func(int)) (k *kong.Context, values settings, err error) {
	values = settings{}
	ended := false
	parser, err := newParser(c, values, stdout, stderr, func(code int) { ended = true; exit(code) }, kong.IgnoreFields(notNeeded(args)...))
	if err != nil {
		panic(err) // the command line's own description is wrong
	}
	if completeLine(parser); ended {
		return nil, values, nil
	}
	if checksSettings(parser, args) {
		withoutSettings(parser) // it reports what is wrong with them
	} else if err := configure(parser, args, values); err != nil {
		return nil, nil, err
	}
	k, err = parser.Parse(args)
	return k, values, err
}

// run is the whole program; tests call it too.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	stdout, stderr = &printer{w: stdout}, &printer{w: stderr}
	var c cli
	exit := -1
	k, _, err := parse(&c, args, stdout, stderr, func(code int) { exit = code })
	if exit >= 0 { // --help, --version, or a shell that completes a line
		return exit
	}
	if err == nil {
		err = checkNumbers(k)
	}
	if err != nil {
		fmt.Fprintln(stderr, "interdict:", unrepeated(err.Error(), args))
		fmt.Fprintln(stderr, "Try interdict --help.")
		return exitUsage
	}
	if len(c.OpaqueNetworks) > 0 {
		if err := address.SetOpaqueNetworks(c.OpaqueNetworks); err != nil {
			fmt.Fprintln(stderr, "interdict:", err)
			return exitUsage
		}
	}
	e := &env{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, logLevel: c.LogLevel, command: commandName(k), config: c.Config, model: k.Model, logFormat: c.LogFormat}
	err = k.Run(e)
	e.endLog()
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errHit):
		return exitHit
	}
	fmt.Fprintln(stderr, "interdict:", err)
	if fault.Is(err, errUsage) {
		return exitUsage
	}
	return exitError
}

// commandName returns the words of a command without its arguments: "lists rollback".
func commandName(k *kong.Context) string {
	name, _, _ := strings.Cut(k.Command(), " <")
	return name
}

// unrepeated takes long arguments out of a message: one may be a key, pasted with its "-----BEGIN" or into the wrong place.
func unrepeated(message string, args []string) string {
	for _, a := range args {
		if len(a) > 24 {
			message = strings.ReplaceAll(message, a, a[:4]+"…")
		}
	}
	return message
}

// errUsage marks errors that are about how a command was called.
const errUsage = fault.Usage
