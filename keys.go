package main

import (
	"fmt"
	"strings"
	"time"

	"interdict/api/auth"
	"interdict/api/client"
)

type keysCmd struct {
	Create keyCreateCmd `cmd:"" help:"Make a key; it is shown this once."`
	List   keyListCmd   `cmd:"" help:"Show all keys." default:"withargs"`
	Revoke keyRevokeCmd `cmd:"" help:"End a key."`
}

type keyCreateCmd struct {
	target
	Name   string `help:"Whom or what the key stands for." placeholder:"NAME"`
	Role   string `help:"Roles, joined by commas: checker, analyst, approver, auditor, admin." required:"" placeholder:"ROLES"`
	Pepper string `help:"Secret that API keys are hashed with, as for serve." placeholder:"SECRET"`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown under keys create --help.
func (*keyCreateCmd) Help() string {
	return "Examples:\n  interdict keys create --name payments --role checker\n  interdict keys create --name kim --role analyst --server http://127.0.0.1:8080"
}

func (c *keyCreateCmd) Run(e *env) error {
	roles, err := auth.ParseRoles(c.Role)
	if err != nil {
		return usage("%w", err)
	}
	r := client.KeyRequest{Name: c.Name}
	for _, role := range roles {
		r.Roles = append(r.Roles, string(role))
	}
	return c.changesWith(e, c.Pepper, func(o operations) error {
		key, err := o.CreateKey(e.ctx, r)
		if err != nil {
			return err
		}
		if c.JSON {
			printJSON(e.stdout, key)
			return nil
		}
		fmt.Fprintf(e.stderr, "key %s (%s) for %s; it is shown this once:\n", key.ID, c.Role, key.Name)
		fmt.Fprintln(e.stdout, key.Text)
		return nil
	})
}

type keyListCmd struct {
	target
	JSON bool `help:"Print JSON."`
}

// Help is shown under keys list --help.
func (*keyListCmd) Help() string { return "Example:\n  interdict keys list" }

func (c *keyListCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		all, err := o.AllKeys(e.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			printJSON(e.stdout, all)
			return nil
		}
		for _, k := range all {
			state := "since " + k.CreatedAt.Format(time.DateOnly)
			if k.RevokedAt != nil {
				state = "revoked " + k.RevokedAt.Format(time.DateOnly)
			}
			fmt.Fprintf(e.stdout, "%-20s %-20s %-28s %s\n", k.ID, k.Name, strings.Join(k.Roles, ","), state)
		}
		return nil
	})
}

type keyRevokeCmd struct {
	target
	ID     string `arg:"" help:"Id of the key."`
	Pepper string `help:"Secret that API keys are hashed with, as for serve." placeholder:"SECRET"`
}

// Help is shown under keys revoke --help.
func (*keyRevokeCmd) Help() string { return "Example:\n  interdict keys revoke ID" }

func (c *keyRevokeCmd) Run(e *env) error {
	return c.changesWith(e, c.Pepper, func(o operations) error { return o.RevokeKey(e.ctx, c.ID) })
}
