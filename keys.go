package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"interdict/api/auth"
	"interdict/lists"
)

type keysCmd struct {
	Create keyCreateCmd `cmd:"" help:"Make a key; it is shown this once."`
	List   keyListCmd   `cmd:"" help:"Show all keys." default:"withargs"`
	Revoke keyRevokeCmd `cmd:"" help:"End a key."`
}

// keyring opens the keys of a store for a command.
func keyring(e *env, f *storeFlags, pepper string, work func(*auth.Keys) error) error {
	o, err := f.open(e.ctx, e.quiet())
	if err != nil {
		return err
	}
	defer o.close()
	keys, err := auth.Open(e.ctx, o.store, pepper, time.Now)
	if err != nil {
		return err
	}
	return work(keys)
}

type keyCreateCmd struct {
	storeFlags
	serverFlags
	Name   string `help:"Whom or what the key stands for." placeholder:"NAME"`
	Role   string `help:"Roles, joined by commas: checker, analyst, approver, auditor, admin." required:"" placeholder:"ROLES"`
	Pepper string `help:"Secret that API keys are hashed with, as for serve." placeholder:"SECRET"`
	JSON   bool   `help:"Print JSON."`
}

// Help is shown under keys create --help.
func (*keyCreateCmd) Help() string {
	return "Examples:\n  interdict keys create --name payments --role checker\n  interdict keys create --name kim --role analyst --server http://127.0.0.1:8080"
}

type createdKey struct {
	auth.Key
	Text string `json:"key"`
}

func (c *keyCreateCmd) Run(e *env) error {
	roles, err := auth.ParseRoles(c.Role)
	if err != nil {
		return usage("%w", err)
	}
	var out createdKey
	if c.Server != "" {
		body, err := json.Marshal(map[string]any{"name": c.Name, "roles": roles})
		if err != nil {
			return err
		}
		if err := c.call(e.ctx, http.MethodPost, "/v1/keys", "application/json", bytes.NewReader(body), &out); err != nil {
			return err
		}
	} else if err := keyring(e, &c.storeFlags, c.Pepper, func(k *auth.Keys) (err error) {
		out.Text, out.Key, err = k.Create(e.ctx, c.Name, roles, operator())
		return err
	}); err != nil {
		return err
	}
	if c.JSON {
		printJSON(e.stdout, out)
		return nil
	}
	fmt.Fprintf(e.stderr, "key %s (%s) for %s; it is shown this once:\n", out.ID, c.Role, out.Name)
	fmt.Fprintln(e.stdout, out.Text)
	return nil
}

type keyListCmd struct {
	storeFlags
	serverFlags
	JSON bool `help:"Print JSON."`
}

func (c *keyListCmd) Run(e *env) error {
	var out struct {
		Keys []auth.Key `json:"keys"`
	}
	if c.Server != "" {
		if err := c.call(e.ctx, http.MethodGet, "/v1/keys", "", nil, &out); err != nil {
			return err
		}
	} else if err := c.reading(e, func(store lists.Store) (err error) {
		out.Keys, err = auth.List(e.ctx, store)
		return err
	}); err != nil {
		return err
	}
	for i := range out.Keys {
		out.Keys[i].MAC = nil
	}
	if c.JSON {
		printJSON(e.stdout, out.Keys)
		return nil
	}
	for _, k := range out.Keys {
		var roles []string
		for _, r := range k.Roles {
			roles = append(roles, string(r))
		}
		state := "since " + k.CreatedAt.Format(time.DateOnly)
		if k.RevokedAt != nil {
			state = "revoked " + k.RevokedAt.Format(time.DateOnly)
		}
		fmt.Fprintf(e.stdout, "%-20s %-20s %-28s %s\n", k.ID, k.Name, strings.Join(roles, ","), state)
	}
	return nil
}

type keyRevokeCmd struct {
	storeFlags
	serverFlags
	ID     string `arg:"" help:"Id of the key."`
	Pepper string `help:"Secret that API keys are hashed with, as for serve." placeholder:"SECRET"`
}

func (c *keyRevokeCmd) Run(e *env) error {
	if c.Server != "" {
		var nothing json.RawMessage
		return c.call(e.ctx, http.MethodDelete, "/v1/keys/"+url.PathEscape(c.ID), "", nil, &nothing)
	}
	return keyring(e, &c.storeFlags, c.Pepper, func(k *auth.Keys) error { return k.Revoke(e.ctx, c.ID, operator()) })
}
