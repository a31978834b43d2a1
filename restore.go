package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"

	"interdict/lists/diskstore"
	"interdict/loader"
	"interdict/screening/replica"
)

type restoreCmd struct {
	storeFlags
	serverFlags
	From   string `help:"Cache folder of a server that has stopped." placeholder:"DIR"`
	Reason string `help:"Why; it goes on record."`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown under restore --help.
func (*restoreCmd) Help() string {
	return "Puts a generation back that Redis has lost, from what a server knows.\nExamples:\n  interdict restore --server http://127.0.0.1:8080\n" +
		"  interdict restore --from /var/lib/interdict/cache --redis redis://redis:6379"
}

func (c *restoreCmd) Run(e *env) error {
	var out *loader.Restored
	switch {
	case c.Server != "":
		body, err := json.Marshal(map[string]string{"reason": c.Reason})
		if err != nil {
			return err
		}
		if err := c.call(e.ctx, http.MethodPost, "/v1/restore", "application/json", bytes.NewReader(body), &out); err != nil {
			return err
		}
	case c.From != "":
		from, err := diskstore.Open(c.From)
		if err != nil {
			return err
		}
		defer from.Close()
		last, err := replica.ReadServed(filepath.Join(c.From, servedFile))
		if err != nil {
			fmt.Fprintf(e.stderr, "warning: it is not known whether the cache holds all that was answered from: %v\n", err)
		}
		if err := c.withLoader(e, func(l *loader.Loader) (err error) {
			out, err = l.Restore(e.ctx, from, last.Head, operator(), c.Reason)
			return err
		}); err != nil {
			return err
		}
	default:
		return usage("say where from: --server URL of a running server, or --from DIR of the cache of one that has stopped")
	}
	if c.JSON {
		printJSON(e.stdout, out)
		return nil
	}
	if out.Generation == 0 {
		fmt.Fprintf(e.stdout, "nothing is lost: the store descends from generation %d\n", out.Lost)
		return nil
	}
	fmt.Fprintf(e.stdout, "generation %d holds what generation %d held: %d lists and %d layers were put back\n", out.Generation, out.Lost, len(out.Lists), out.Layers)
	for _, note := range out.Notes {
		fmt.Fprintln(e.stdout, "  "+note)
	}
	return nil
}
