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
	"interdict/screening"
)

type checkCmd struct {
	storeFlags
	serverFlags
	Addresses []string `arg:"" name:"address" help:"Addresses, or - for one a line on standard input."`
	Network   string   `help:"Network of the addresses; without it every reading is screened."`
	Direction string   `help:"deposit or withdrawal; without it the answer names no action." enum:"deposit,withdrawal," default:""`
	JSON      bool     `help:"Print one answer a line, as the API gives it."`
}

// Help is shown under check --help.
func (*checkCmd) Help() string {
	return "Exit code 0: all addresses were understood and none is listed. 3: at least one is listed. 1: an error.\n\n" +
		"Examples:\n  interdict check TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq\n  interdict check --network bitcoin --direction deposit - < addresses.txt"
}

func (c *checkCmd) Run(e *env) error {
	ask := c.askServer
	if c.Server == "" {
		o, err := c.open(e.ctx, e.quiet())
		if err != nil {
			return err
		}
		defer o.close()
		s := screening.New(o.store, o.journal, api.NewMetrics(), o.log, time.Now)
		if err := s.Refresh(e.ctx); err != nil {
			return err
		}
		ask = func(e *env, address string) ([]byte, error) {
			var a screening.Answer
			err := s.Check(e.ctx, &screening.Request{Address: address, Network: c.Network, Direction: lists.Direction(c.Direction), By: operator()}, &a)
			return a.JSON, err
		}
	}
	hits, failed, n := 0, 0, 0
	one := func(address string) {
		n++
		b, err := ask(e, address)
		if err != nil {
			failed++
			fmt.Fprintf(e.stderr, "interdict: address %d: %v\n", n, err)
			return
		}
		if c.print(e, b) {
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

func (c *checkCmd) askServer(e *env, address string) (answer []byte, err error) {
	var raw json.RawMessage
	if c.Direction == "" {
		path := "/v1/addresses/" + url.PathEscape(address)
		if c.Network != "" {
			path += "?network=" + url.QueryEscape(c.Network)
		}
		return raw, errors.Join(c.call(e.ctx, http.MethodGet, path, "", nil, &raw))
	}
	body, err := json.Marshal(map[string]string{"address": address, "network": c.Network, "direction": c.Direction})
	if err != nil {
		return nil, err
	}
	err = c.call(e.ctx, http.MethodPost, "/v1/check", "application/json", bytes.NewReader(body), &raw)
	return raw, err
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
