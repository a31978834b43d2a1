// Package sandbox makes the test addresses of a sandbox: addresses that give every result, class, action and error, for the tests of those who
// integrate Interdict. They are derived by a rule, so that they are the same in every version and at every site:
//
//	bytes of an address = SHA-256("interdict sandbox NETWORK NAME"), then SHA-256("interdict sandbox NETWORK NAME 2") …, as many as it needs
//
// What has to be found is listed in a list of its own, List. An address that gives an error is listed too: its Incident names the error. So the
// sandbox adds listings and errors only, and a server that does not know of it answers a hit.
package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"interdict/lists"
	"interdict/lists/fault"
)

// List is the id of the list of test addresses.
const List = "sandbox"

// Name, Authority and Note describe the list. A list with the id List and another authority is not the sandbox's.
const (
	Name      = "Sandbox: test addresses"
	Authority = "Interdict sandbox"
	Note      = "test addresses of the sandbox; nobody is sanctioned here"
)

// Policy allows the hits of one category, so that a hit with action allow can be tested.
var Policy = lists.Policy{{Category: "other", Confidence: "suspected", Action: lists.Allow}}

// reserved is what the incident of a listing begins with whose address gives an error.
const reserved = "sandbox error: "

// errors are the errors that an address can give, by the code of the API, or possible_match.
var errors = map[string]error{
	"not_loaded":        fault.E(fault.NotLoaded, "sandbox: no generation has been loaded yet"),
	"stale":             fault.E(fault.Stale, "sandbox: list %s is older than its max_age", List),
	"store_unavailable": fault.E(fault.Unavailable, "sandbox: the store cannot be read"),
	PossibleMatch:       fault.E(fault.Unavailable, "sandbox: the store cannot be read"),
	"lost":              fault.E(fault.Lost, "sandbox: the store has lost the generation that is served here"),
	"rate_limited":      fault.E(fault.RateLimited, "sandbox: too many checks"),
}

// PossibleMatch is the reserved error of an address that a filter has and whose record cannot be read.
const PossibleMatch = "possible_match"

// Reserved returns the error that the address of a listing of List gives, by the incident of the listing; nil if it gives none. possible: the
// error says that the address is possibly listed.
func Reserved(incident string) (possible bool, err error) {
	code, ok := strings.CutPrefix(incident, reserved)
	if !ok {
		return false, nil
	}
	return code == PossibleMatch, errors[code]
}

// Expected is what a test address gives. Deposit and Withdrawal are the actions; they are empty if there is no answer.
type Expected struct {
	Result        string           `json:"result"` // hit, miss or error
	Class         string           `json:"class,omitempty"`
	Category      lists.Category   `json:"category,omitempty"`
	Confidence    lists.Confidence `json:"confidence,omitempty"`
	Deposit       lists.Action     `json:"deposit,omitempty"`
	Withdrawal    lists.Action     `json:"withdrawal,omitempty"`
	Status        int              `json:"status"`
	Code          string           `json:"code,omitempty"`
	Reason        string           `json:"reason,omitempty"`
	PossibleMatch bool             `json:"possible_match,omitempty"`
	WouldMatch    bool             `json:"would_match,omitempty"`
}

// Address is one test address.
type Address struct {
	Address string   `json:"address"`
	Network string   `json:"network"`
	Name    string   `json:"name"`
	Testnet bool     `json:"testnet,omitempty"` // written as a test network writes it
	Expect  Expected `json:"expect"`
}

// listing is a row of the list.
type listing struct {
	Address    string           `json:"address"`
	Network    string           `json:"network"`
	Entity     lists.Entity     `json:"entity"`
	Category   lists.Category   `json:"category"`
	Confidence lists.Confidence `json:"confidence"`
	Programs   []string         `json:"programs"`
	Incident   string           `json:"incident,omitempty"`
}

// table is all that the sandbox has.
type table struct {
	addresses []Address
	listings  []listing
}

// Addresses returns all test addresses.
func Addresses() []Address { return build().addresses }

// Listings returns the file of the list, in our own ndjson.
func Listings() []byte {
	var b bytes.Buffer
	for _, l := range build().listings {
		line, err := json.Marshal(l)
		if err != nil {
			panic(err) // texts always encode
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// derive returns n bytes of a name.
func derive(network, name string, n int) string {
	text := "interdict sandbox " + network + " " + name
	sum := sha256.Sum256([]byte(text))
	out := sum[:]
	for i := 2; len(out) < n; i++ {
		sum = sha256.Sum256(fmt.Appendf(nil, "%s %d", text, i))
		out = append(out, sum[:]...)
	}
	return string(out[:n])
}
