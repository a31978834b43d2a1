package main

import (
	"fmt"
	"strings"
	"time"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
)

type keysCmd struct {
	Create keyCreateCmd `cmd:"" help:"Make a key; it is shown this once."`
	List   keyListCmd   `cmd:"" help:"Show all keys." default:"withargs"`
	Rotate keyRotateCmd `cmd:"" help:"Give a key a new text; the old one goes on working for a while."`
	Revoke keyRevokeCmd `cmd:"" help:"End a key."`
	Whoami whoamiCmd    `cmd:"" help:"Show whose key --key is, and what it may do."`
}

type keyCreateCmd struct {
	target
	Name             string     `help:"Whom or what the key stands for." placeholder:"NAME"`
	Person           string     `help:"Who acts with the key; the name when not given. Two keys of one person are one person." placeholder:"PERSON"`
	Role             string     `help:"Roles, joined by commas: checker, analyst, approver, auditor, admin." required:"" placeholder:"ROLES"`
	For              []string   `help:"Lists that the key may read and change, such as ofac-*; all when not given." placeholder:"PATTERN" env:"-"`
	CIDRs            []string   `name:"cidr" help:"Client networks that the key works from; all when not given." placeholder:"NETWORK" env:"-"`
	Expires          *time.Time `help:"When the key ends by itself: 2027-01-31T00:00:00Z." placeholder:"TIME" env:"-"`
	ChecksPerSecond  float64    `name:"rate" help:"How many checks a second the key may ask; 0 for the server's limit." env:"-" placeholder:"N"`
	Certificate      string     `help:"Name of the client certificate that the key needs." placeholder:"NAME" env:"-"`
	DropInCategories []string   `help:"Categories that the drop-in endpoints count, such as sanctions,stolen_funds; sanctions when not given." placeholder:"CATEGORY" env:"-"`
	DropInLenient    bool       `help:"The drop-in endpoints answer not listed for a text that is not an address, instead of an error." env:"-"`
	DropInObject     bool       `help:"The drop-in endpoint for Scorechain's clients answers an object instead of an array." env:"-"`
	Reason           string     `help:"Why; it goes on record." env:"-"`
	Pepper           string     `help:"Secret that API keys are hashed with, as for serve." placeholder:"SECRET"`
	JSON             bool       `help:"Print JSON."`
}

// Help is shown under keys create --help.
func (*keyCreateCmd) Help() string {
	return "Examples:\n  interdict keys create --name payments --role checker\n  interdict keys create --name kim-laptop --person kim --role analyst --server http://127.0.0.1:8080\n" +
		"  interdict keys create --name partner --role analyst --for 'partner-*' --cidr 10.1.0.0/16 --rate 50"
}

func (c *keyCreateCmd) Run(e *env) error {
	roles, err := parseRoles(c.Role)
	if err != nil {
		return err
	}
	r := client.KeyRequest{Name: c.Name, Person: c.Person, Roles: roles, Lists: c.For, CIDRs: c.CIDRs, Expires: c.Expires, ChecksPerSecond: c.ChecksPerSecond,
		Certificate: c.Certificate, Reason: c.Reason}
	if len(c.DropInCategories) > 0 || c.DropInLenient || c.DropInObject {
		r.DropIn = &lists.DropIn{Lenient: c.DropInLenient, Object: c.DropInObject}
		for _, category := range c.DropInCategories {
			r.DropIn.Categories = append(r.DropIn.Categories, lists.Category(category))
		}
	}
	return c.changesWith(e, c.Pepper, func(o operations) error {
		key, err := o.CreateKey(e.ctx, r)
		return printNewKey(e, key, err, c.JSON)
	})
}

// printNewKey prints a key with its text.
func printNewKey(e *env, key *client.NewKey, err error, asJSON bool) error {
	return printResult(e, asJSON, key, err, func(key *client.NewKey) {
		fmt.Fprintf(e.stderr, "key %s (%s) for %s; it is shown this once:\n", key.ID, strings.Join(key.Roles, ","), key.Name)
		fmt.Fprintln(e.stdout, key.Text)
	})
}

// parseRoles reads the names of roles joined by commas.
func parseRoles(text string) ([]string, error) {
	roles, err := auth.ParseRoles(text)
	if err != nil {
		return nil, usage("%w", err)
	}
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return names, nil
}

type keyRotateCmd struct {
	target
	ID      string  `arg:"" help:"Id of the key."`
	Overlap *string `help:"How long the old text goes on working: 24h when not given." placeholder:"DURATION" env:"-"`
	Reason  string  `help:"Why; it goes on record." env:"-"`
	Pepper  string  `help:"Secret that API keys are hashed with, as for serve." placeholder:"SECRET"`
	JSON    bool    `help:"Print JSON."`
}

// Help is shown under keys rotate --help.
func (*keyRotateCmd) Help() string {
	return "Examples:\n  interdict keys rotate ID --overlap 1h\n  interdict keys rotate ID --overlap 0s --reason 'it was in a log' --server http://127.0.0.1:8080"
}

func (c *keyRotateCmd) Run(e *env) error {
	return c.changesWith(e, c.Pepper, func(o operations) error {
		key, err := o.RotateKey(e.ctx, c.ID, client.Rotation{Overlap: c.Overlap, Reason: c.Reason})
		return printNewKey(e, key, err, c.JSON)
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
		return printResult(e, c.JSON, all, err, func(all []client.Key) {
			for _, k := range all {
				fmt.Fprintf(e.stdout, "%-20s %-20s %-20s %-28s %s\n", k.ID, k.Name, k.Person, strings.Join(k.Roles, ","), keyState(&k))
			}
		})
	})
}

// keyState says since when a key has been there, and whether it still works.
func keyState(k *client.Key) string {
	state := "since " + k.CreatedAt.Format(time.DateOnly)
	switch {
	case k.RevokedAt != nil:
		return "revoked " + k.RevokedAt.Format(time.DateOnly)
	case k.Expires != nil:
		state += ", until " + k.Expires.Format(time.RFC3339)
	}
	if k.LastUsed != nil {
		return state + ", last used " + k.LastUsed.Format(time.RFC3339)
	}
	return state + ", not used yet"
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
