package main

import (
	"context"
	"fmt"
	"path/filepath"

	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/screening/replica"
)

type restoreCmd struct {
	target
	backupIdentity
	File   string `arg:"" optional:"" help:"A backup; it is restored into an empty store." type:"path"`
	Only   string `help:"Restore only the store of a backup, or only its record." enum:"all,store,record" default:"all" env:"-"`
	From   string `help:"Cache folder of a server that has stopped." placeholder:"DIR"`
	Reason string `help:"Why; it goes on record."`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown under restore --help.
func (*restoreCmd) Help() string {
	return "Restores a backup into an empty store, or puts a generation back that Redis has lost, from what a server knows.\nExamples:\n" +
		"  interdict restore interdict.backup --data /var/lib/interdict\n  interdict restore --server http://127.0.0.1:8080\n" +
		"  interdict restore --from /var/lib/interdict/cache --redis redis://redis:6379"
}

func (c *restoreCmd) Run(e *env) error {
	if c.File != "" {
		return c.fromBackup(e)
	}
	if c.Only != "all" {
		return usage("--only is for a backup")
	}
	var out *lists.Restored
	var err error
	switch {
	case c.Server != "":
		out, err = c.throughServer(e.ctx)
	case c.From != "":
		out, err = c.fromFolder(e)
	default:
		err = usage("where from? Use a backup, --server URL of a running server, or --from DIR of the cache of one that has stopped")
	}
	if err != nil {
		return err
	}
	if c.JSON {
		printJSON(e.stdout, out)
		return nil
	}
	switch {
	case out.Generation == 0 && len(out.Notes) == 0:
		fmt.Fprintf(e.stdout, "nothing is lost: the store descends from generation %d\n", out.Lost)
	case out.Generation == 0:
		fmt.Fprintf(e.stdout, "no generation is lost: the store descends from generation %d\n", out.Lost)
	default:
		fmt.Fprintf(e.stdout, "generation %d holds what generation %d held: %d lists and %d layers were put back\n", out.Generation, out.Lost, len(out.Lists), out.Layers)
	}
	for _, note := range out.Notes {
		fmt.Fprintln(e.stdout, "  "+note)
	}
	return nil
}

func (c *restoreCmd) throughServer(ctx context.Context) (*lists.Restored, error) {
	server, err := c.client()
	if err != nil {
		return nil, err
	}
	defer server.Close()
	return server.Restore(ctx, c.Reason)
}

func (c *restoreCmd) fromFolder(e *env) (*lists.Restored, error) {
	from, err := diskstore.Open(c.From)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	last, err := replica.ReadServed(filepath.Join(c.From, servedFile))
	if err != nil {
		fmt.Fprintf(e.stderr, "warning: it is not known whether the cache holds all that was answered from: %v\n", err)
	}
	o, err := c.open(e.ctx, e.quiet())
	if err != nil {
		return nil, err
	}
	defer o.close()
	return o.loader.Restore(e.ctx, from, last.Head, operator(), c.Reason)
}
