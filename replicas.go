package main

import (
	"fmt"
	"time"

	"interdict/api/client"
	"interdict/lists/fault"
)

type replicasCmd struct {
	target
	JSON bool `help:"Print JSON." env:"-"`
}

// Help is shown under replicas --help.
func (*replicasCmd) Help() string {
	return "It shows the running servers of the store, and which generation each of them answers from.\n\n" +
		"Examples:\n  interdict replicas --redis redis://redis:6379\n  interdict replicas --json --server http://127.0.0.1:8080"
}

func (c *replicasCmd) Run(e *env) error {
	return c.reads(e, func(o operations) error {
		all, err := o.Replicas(e.ctx)
		return printResult(e, c.JSON, all, err, func(all *client.Replicas) {
			for _, r := range all.Replicas {
				state := "current"
				switch {
				case r.Lost:
					state = "LOST: the store does not know this generation"
				case r.Generation < all.Generation:
					state = "behind"
				}
				fmt.Fprintf(e.stdout, "%s  generation %d since %s, seen %s, %s\n", r.ID, r.Generation, r.Since.UTC().Format(time.RFC3339), r.Seen.UTC().Format(time.RFC3339), state)
			}
			fmt.Fprintf(e.stdout, "%d live, %d behind, %d lost; the store has generation %d\n", len(all.Replicas), all.Behind, all.Lost, all.Generation)
		})
	})
}

// served is a command that only a server can answer.
type served struct {
	serverFlags
	JSON bool `help:"Print JSON." env:"-"`
}

// ask runs a question to the server.
func ask[T any](e *env, c *served, what string, question func(*client.Client) (T, error), text func(T)) error {
	if c.Server == "" {
		return usage("%s is known to a server alone: --server", what)
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	defer api.Close()
	v, err := question(api)
	return printResult(e, c.JSON, v, err, text)
}

type readyCmd struct{ served }

// Help is shown under ready --help.
func (*readyCmd) Help() string {
	return "It needs no key, and exits 1 if the server is not ready.\n\nExample:\n  interdict ready --server http://127.0.0.1:8080"
}

func (c *readyCmd) Run(e *env) error {
	ready := false
	err := ask(e, &c.served, "readiness", func(api *client.Client) (*client.Readiness, error) {
		r, err := api.Ready(e.ctx)
		ready = err == nil && r.Status == "ready"
		return r, err
	}, func(r *client.Readiness) {
		fmt.Fprintln(e.stdout, r.Status)
		for _, x := range r.Checks {
			fmt.Fprintf(e.stdout, "  %-4s  %s  %s\n", x.Status, x.Name, x.Detail)
		}
	})
	if err == nil && !ready {
		return fault.E(fault.Unavailable, "the server is not ready")
	}
	return err
}

type whoamiCmd struct{ served }

// Help is shown under keys whoami --help.
func (*whoamiCmd) Help() string {
	return "Example:\n  interdict keys whoami --server http://127.0.0.1:8080"
}

func (c *whoamiCmd) Run(e *env) error {
	return ask(e, &c.served, "what a key may do", func(api *client.Client) (*client.Me, error) { return api.Me(e.ctx) }, func(me *client.Me) {
		lists := "all lists"
		if len(me.Lists) > 0 {
			lists = fmt.Sprint(me.Lists)
		}
		fmt.Fprintf(e.stdout, "%s, credential %s, roles %v, %s\n", me.Person, me.Credential, me.Roles, lists)
		switch {
		case me.FourEyes == "off":
			fmt.Fprintln(e.stdout, "four eyes are off: one person can weaken the screening alone")
		case me.Setup:
			fmt.Fprintln(e.stdout, "setup: fewer than two people can approve yet")
		}
	})
}

type shadowCmd struct{ served }

// Help is shown under report shadow --help.
func (*shadowCmd) Help() string {
	return "It compares the answers of the drop-in endpoints of this server with those of the original services, since it started.\n\n" +
		"Example:\n  interdict report shadow --server http://127.0.0.1:8080"
}

func (c *shadowCmd) Run(e *env) error {
	return ask(e, &c.served, "the comparison", func(api *client.Client) (*client.Shadow, error) { return api.Shadow(e.ctx) }, func(s *client.Shadow) {
		if len(s.Services) == 0 {
			fmt.Fprintln(e.stdout, "no service is asked: serve --shadow-chainalysis, --shadow-trm, --shadow-scorechain")
		}
		for i := range s.Services {
			x := &s.Services[i]
			fmt.Fprintf(e.stdout, "%s  %s  same %d, ours only %d, theirs only %d, failed %d, dropped %d  %s\n", x.Service, x.URL, x.Same, x.OursOnly, x.TheirsOnly, x.Failed, x.Dropped, x.LastError)
		}
		for i := range s.Differences {
			x := &s.Differences[i]
			who := "only the service lists"
			if x.Ours {
				who = "only Interdict lists"
			}
			fmt.Fprintf(e.stdout, "  %s  %s: %s %s  %s\n", x.At.UTC().Format(time.RFC3339), x.Service, who, x.Address, x.CheckID)
		}
	})
}
