package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"interdict/api"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening"
)

type checkCmd struct {
	storeFlags
	serverFlags
	Addresses []string `arg:"" name:"address" help:"Addresses, or - for one a line on standard input."`
	Network   string   `help:"Network of the addresses; without it every reading is screened."`
	Direction string   `help:"deposit or withdrawal; without it the answer names no action." enum:"deposit,withdrawal," default:""`
	Explain   bool     `help:"Tell how each text was read, what is derived from it and what it was compared with."`
	JSON      bool     `help:"Print one answer a line, as the API gives it; with --explain one explanation."`
}

// Help is shown under check --help.
func (*checkCmd) Help() string {
	return "Exit code 0: all addresses were understood and none is listed. 3: at least one is listed. 1: an error.\n\n" +
		"Examples:\n  interdict check TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq\n  interdict check --network bitcoin --direction deposit - < addresses.txt\n" +
		"  interdict check --explain --network bitcoin bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
}

func (c *checkCmd) Run(e *env) error {
	if isSeedPhrase(c.Addresses) {
		return fault.E(fault.Invalid, "the arguments look like the words of a seed phrase; nothing was checked or recorded, treat the wallet as exposed; "+
			"if they are account names, give them on standard input")
	}
	ask := c.askServer
	switch {
	case c.Explain && c.Server != "":
		return usage("--explain works on the store itself, not through a server")
	case c.Server == "":
		o, err := c.open(e.ctx, e.quiet())
		if err != nil {
			return err
		}
		defer o.close()
		s := screening.New(o.store, o.journal, api.NewMetrics(), o.log, time.Now)
		// How a text is read can be told without any list.
		if err := s.Refresh(e.ctx); err != nil && !(c.Explain && fault.Is(err, fault.NotLoaded)) {
			return err
		}
		ask = func(e *env, address string) (hit bool, err error) {
			var a screening.Answer
			r := &screening.Request{Address: address, Network: c.Network, Direction: lists.Direction(c.Direction), By: operator()}
			if c.Explain {
				x, err := s.Explain(e.ctx, r, &a)
				c.printExplanation(e, x)
				return err == nil && a.Result == screening.Hit, err
			}
			if err := s.Check(e.ctx, r, &a); err != nil {
				return false, err
			}
			return c.print(e, a.JSON), nil
		}
	}
	hits, failed, n := 0, 0, 0
	one := func(address string) {
		n++
		hit, err := ask(e, address)
		if err != nil {
			failed++
			fmt.Fprintf(e.stderr, "interdict: address %d: %v\n", n, err)
		}
		if hit {
			hits++
		}
	}
	for _, a := range c.Addresses {
		if a != "-" {
			one(a)
			continue
		}
		lines := bufio.NewScanner(e.stdin)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" {
				one(line)
			}
		}
		if err := lines.Err(); err != nil {
			return err
		}
	}
	switch {
	case hits > 0:
		return errHit
	case failed > 0:
		return fmt.Errorf("%d of %d addresses got no answer", failed, n)
	}
	return nil
}

// isSeedPhrase tells a seed phrase that was not put in quotation marks, so that each of its words has become an argument. One by one
// they would be recorded as texts that are no address, or as account names.
func isSeedPhrase(arguments []string) bool {
	for _, a := range arguments {
		if strings.ContainsAny(a, ".:0123456789") {
			return false // addresses, or account names
		}
	}
	_, err := address.Parse(nil, strings.Join(arguments, " "), "")
	var bad *address.Error
	return len(arguments) > 1 && errors.As(err, &bad) && bad.Reason == address.SecretMaterial
}

func (c *checkCmd) askServer(e *env, address string) (hit bool, err error) {
	var raw json.RawMessage
	if c.Direction == "" {
		path := "/v1/addresses/" + url.PathEscape(address)
		if c.Network != "" {
			path += "?network=" + url.QueryEscape(c.Network)
		}
		if err := c.call(e.ctx, http.MethodGet, path, "", nil, &raw); err != nil {
			// The library's error shows the URL, and with it the text, which may be a secret.
			var failed *url.Error
			if errors.As(err, &failed) {
				err = fault.E(fault.Unavailable, "the server cannot be asked: %w", failed.Err)
			}
			return false, err
		}
		return c.print(e, raw), nil
	}
	body, err := json.Marshal(map[string]string{"address": address, "network": c.Network, "direction": c.Direction})
	if err != nil {
		return false, err
	}
	if err := c.call(e.ctx, http.MethodPost, "/v1/check", "application/json", bytes.NewReader(body), &raw); err != nil {
		return false, err
	}
	return c.print(e, raw), nil
}

// print shows an answer and tells whether it is a hit.
func (c *checkCmd) print(e *env, b []byte) bool {
	var a struct {
		CheckID, Result, Action string
		Address                 struct{ Canonical, Network string }
		Matches                 []struct {
			Class, Derivation string
			List              struct {
				Name, Authority, Published string
				Version                    int
			}
			Listed               struct{ Address, Network, Asset string }
			Entity               struct{ ID, Name, Type string }
			Category, Confidence string
			Programs             []string
			ListedOn             string `json:"listed_on"`
			URL                  string
			Source               struct{ File, SHA256, Locator string }
			AddedIn              int `json:"added_in"`
		}
		Screened struct{ Generation, Lists, Listings int }
	}
	if err := json.Unmarshal(b, &a); err != nil {
		fmt.Fprintln(e.stderr, "interdict: the answer cannot be read:", err)
		return false
	}
	if c.JSON {
		fmt.Fprintf(e.stdout, "%s\n", b)
		return a.Result == "hit"
	}
	fmt.Fprintf(e.stdout, "%s  %s (%s)", strings.ToUpper(a.Result), a.Address.Canonical, a.Address.Network)
	if a.Action != "" {
		fmt.Fprintf(e.stdout, "  → %s", a.Action)
	}
	fmt.Fprintln(e.stdout)
	for _, m := range a.Matches {
		fmt.Fprintf(e.stdout, "  %s on %s version %d", m.Class, m.List.Name, m.List.Version)
		if m.List.Published != "" {
			fmt.Fprintf(e.stdout, " (published %s)", m.List.Published)
		}
		fmt.Fprintln(e.stdout)
		field := func(name, value string) {
			if value != "" {
				fmt.Fprintf(e.stdout, "    %-10s %s\n", name, value)
			}
		}
		field("authority", m.List.Authority)
		field("how", m.Derivation)
		field("listed", strings.TrimSpace(m.Listed.Address+"  "+m.Listed.Network+" "+m.Listed.Asset))
		field("entity", strings.TrimSpace(m.Entity.Name+"  "+m.Entity.ID+" "+m.Entity.Type))
		field("category", m.Category+", "+m.Confidence)
		field("programs", strings.Join(m.Programs, ", "))
		field("listed on", m.ListedOn)
		field("added in", fmt.Sprintf("version %d", m.AddedIn))
		field("reference", m.URL)
		field("file", m.Source.File)
		field("sha256", m.Source.SHA256)
		field("place", m.Source.Locator)
	}
	fmt.Fprintf(e.stdout, "  screened against generation %d: %d lists, %d listings\n", a.Screened.Generation, a.Screened.Lists, a.Screened.Listings)
	return a.Result == "hit"
}
