package main

import (
	"fmt"
	"io"
	"strings"

	"interdict/api/client"
)

// printAnswer shows an answer to a person.
func printAnswer(w io.Writer, a *client.Answer) {
	fmt.Fprintf(w, "%s  %s (%s)", strings.ToUpper(a.Result), a.Address.Canonical, a.Address.Network)
	if a.Action != "" {
		fmt.Fprintf(w, "  → %s", a.Action)
	}
	fmt.Fprintln(w)
	for i := range a.Matches {
		m := &a.Matches[i]
		fmt.Fprintf(w, "  %s on %s version %d", m.Class, m.List.Name, m.List.Version)
		if m.List.Published != "" {
			fmt.Fprintf(w, " (published %s)", m.List.Published)
		}
		fmt.Fprintln(w)
		field := func(name, value string) {
			if value != "" {
				fmt.Fprintf(w, "    %-10s %s\n", name, value)
			}
		}
		field("authority", m.List.Authority)
		field("how", m.Derivation)
		field("listed", strings.TrimSpace(m.Listed.Address+"  "+m.Listed.Network+" "+m.Listed.Asset))
		field("entity", strings.TrimSpace(m.Entity.Name+"  "+m.Entity.ID+" "+m.Entity.Type))
		field("category", string(m.Category)+", "+string(m.Confidence))
		field("programs", strings.Join(m.Programs, ", "))
		on := m.ListedOn
		if m.ListedOnFrom != "" {
			on += " (" + m.ListedOnFrom + ")"
		}
		field("listed on", on)
		field("added in", fmt.Sprintf("version %d", m.AddedIn))
		field("reference", m.URL)
		field("file", m.Source.File)
		field("sha256", m.Source.SHA256)
		field("place", m.Source.Locator)
	}
	if a.Screened.Sandbox {
		fmt.Fprintln(w, "  SANDBOX: the server has test addresses; its answers do not screen real transfers")
	}
	fmt.Fprintf(w, "  screened against generation %d: %d lists, %d listings\n", a.Screened.Generation, a.Screened.Lists, a.Screened.Listings)
}
