package main

import (
	"fmt"
	"strings"
	"time"

	"interdict/api/client"
)

type alertsCmd struct {
	List    alertsListCmd    `cmd:"" default:"withargs" help:"Show earlier checks whose answer would be different now."`
	Resolve alertsResolveCmd `cmd:"" help:"Note what was decided on an alert."`
}

// indexed returns the client of the server, whose index has what a command is about.
func (t *target) indexed(what string) (*client.Client, error) {
	if t.Server == "" {
		return nil, usage("%s are in the index of a server: --server", what)
	}
	return t.client()
}

type alertsListCmd struct {
	target
	State string `help:"open, or all." enum:"open,all" default:"open" env:"-"`
	In    string `help:"Only alerts of this list." placeholder:"LIST" env:"-"`
	JSON  bool   `help:"Print JSON."`
}

// Help is shown under alerts list --help.
func (*alertsListCmd) Help() string {
	return "Example:\n  interdict alerts --server http://127.0.0.1:8080"
}

func (c *alertsListCmd) Run(e *env) error {
	api, err := c.indexed("alerts")
	if err != nil {
		return err
	}
	defer api.Close()
	q := client.AlertQuery{State: c.State, List: c.In, Limit: 1000}
	out := &client.AlertPage{Alerts: []client.Alert{}}
	for {
		page, err := api.Alerts(e.ctx, q)
		if err != nil {
			return err
		}
		out.Alerts, out.LookBack = append(out.Alerts, page.Alerts...), page.LookBack
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	return printResult(e, c.JSON, out, nil, func(out *client.AlertPage) {
		for i := range out.Alerts {
			printAlert(e, &out.Alerts[i])
		}
		if s := out.LookBack; s != nil {
			last := "never"
			if s.Success != nil {
				last = s.Success.Format(time.RFC3339)
			}
			fmt.Fprintf(e.stdout, "%d open; looked back up to generation %d, last at %s\n", s.OpenAlerts, s.Generation, last)
			if s.Failure != "" {
				fmt.Fprintf(e.stdout, "the last look-back has failed: %s\n", s.Failure)
			}
		}
	})
}

func printAlert(e *env, a *client.Alert) {
	fmt.Fprintf(e.stdout, "%s  %-8s %-8s %s  %s  %s\n", a.ID, a.State, a.Cause, a.At.Format(time.RFC3339), orDash(a.Request.Direction), a.Request.Address)
	fmt.Fprintf(e.stdout, "    check %s at %s by %s, reference %s, customer %s\n", a.CheckID, a.CheckedAt.Format(time.RFC3339), a.By, orDash(a.Request.Reference), orDash(a.Request.Customer))
	fmt.Fprintf(e.stdout, "    told %s %s in generation %d; now %s %s in generation %d (%s)\n", a.Told.Result, a.Told.Action, a.Told.Generation, a.Now.Result, a.Now.Action, a.Now.Generation,
		orDash(strings.Join(a.Now.Lists, ", ")))
	if a.Resolved != nil {
		fmt.Fprintf(e.stdout, "    resolved by %s at %s: %s\n", a.Resolved.By, a.Resolved.At.Format(time.RFC3339), a.Resolved.Reason)
	}
}

type alertsResolveCmd struct {
	target
	ID     string `arg:"" help:"Id of the alert."`
	Reason string `help:"What was found and done; it goes on record." required:"" env:"-"`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown under alerts resolve --help.
func (*alertsResolveCmd) Help() string {
	return "Example:\n  interdict alerts resolve ID --reason 'funds frozen, case 2026-118' --server http://127.0.0.1:8080"
}

func (c *alertsResolveCmd) Run(e *env) error {
	api, err := c.indexed("alerts")
	if err != nil {
		return err
	}
	defer api.Close()
	a, err := api.ResolveAlert(e.ctx, c.ID, c.Reason)
	return printResult(e, c.JSON, a, err, func(a *client.Alert) { printAlert(e, a) })
}
