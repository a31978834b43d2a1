package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/fault"
)

// answer is what the API answers to a check, as far as it is shown.
type answer struct {
	CheckID           string `json:"check_id"`
	Result, Direction string
	Action            lists.Action
	Address           struct{ Input, Canonical, Network string }
	Matches           []struct {
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

func (a *answer) hit() bool { return a.Result == "hit" }

// readAnswer decodes the answer to a check. Anything but a whole answer to this very question, such as a login page or the answer to
// another question, is an error: nobody is cleared by it.
func readAnswer(b []byte, address, direction string) (*answer, error) {
	a := new(answer)
	if err := json.Unmarshal(b, a); err != nil {
		return nil, noAnswer("it is not the JSON of a check")
	}
	_, idErr := uuid.Parse(a.CheckID)
	switch {
	case a.Result != "hit" && a.Result != "miss":
		return nil, noAnswer("its result is neither hit nor miss")
	case idErr != nil:
		return nil, noAnswer("it has no check_id")
	case a.Address.Input != address || a.Address.Canonical == "" || a.Direction != direction:
		return nil, noAnswer("it is about another address or direction")
	case a.Screened.Generation < 1 || a.Screened.Lists < 1 || a.Screened.Listings < 1:
		return nil, noAnswer("it does not say what was screened")
	case a.Matches == nil || a.hit() != (len(a.Matches) > 0):
		return nil, noAnswer("its matches do not fit its result")
	}
	actions := []lists.Action{""} // of a question without a direction
	switch {
	case direction != "" && a.hit():
		actions = []lists.Action{lists.Allow, lists.Review, lists.Freeze, lists.Reject}
	case direction != "":
		actions = []lists.Action{lists.Allow}
	}
	if !slices.Contains(actions, a.Action) {
		return nil, noAnswer("its action does not fit its result")
	}
	return a, nil
}

func noAnswer(why string) error {
	return fault.E(fault.Unavailable, "the server's answer is not an answer to this check: %s", why)
}

// printAnswer shows an answer to a person.
func printAnswer(w io.Writer, a *answer) {
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
		field("category", m.Category+", "+m.Confidence)
		field("programs", strings.Join(m.Programs, ", "))
		field("listed on", m.ListedOn)
		field("added in", fmt.Sprintf("version %d", m.AddedIn))
		field("reference", m.URL)
		field("file", m.Source.File)
		field("sha256", m.Source.SHA256)
		field("place", m.Source.Locator)
	}
	fmt.Fprintf(w, "  screened against generation %d: %d lists, %d listings\n", a.Screened.Generation, a.Screened.Lists, a.Screened.Listings)
}
