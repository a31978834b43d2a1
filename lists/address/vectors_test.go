package address

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
)

// example is one line of the shared address examples.
type example struct {
	ID, Kind, Network, A, B, From, To, Why, Relation, Tier, Src string
	NetworkB                                                    string `json:"network_b"`
	Networks                                                    []string
}

func readExamples(t *testing.T) []example {
	t.Helper()
	file, err := os.Open("../../../shared/address_vectors_sample.jsonl")
	if err != nil {
		t.Skip("the shared examples are not here: ", err)
	}
	defer file.Close()
	var all []example
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e example
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// met tells the closest class in which a listed and an asked address meet, as a screener would find it.
func met(listed, asked *Address) (Class, string) {
	index := append([]Link{{listed.Key, 0}}, Links(nil, listed, Listed)...)
	best, derivation := None, ""
	for _, look := range append([]Link{{asked.Key, 0}}, Links(nil, asked, Asked)...) {
		for _, entry := range index {
			if entry.Key != look.Key {
				continue
			}
			if c, d := Relate(look.Key, asked.Variant, look.Role, listed.Variant, entry.Role); c != None && (best == None || c < best) {
				best, derivation = c, d
			}
		}
	}
	return best, derivation
}

// classOf is the class that an example's relation asks for.
func classOf(relation string) []Class {
	switch relation {
	case "contains_receiver":
		return []Class{Contains}
	case "same_script":
		return []Class{SameScript}
	case "stake_credential":
		return []Class{SameStake}
	}
	return []Class{SameKey}
}

// check gives "" or what is wrong.
func (e *example) check() string {
	one := func(text, network string) (Address, string) {
		got, err := Parse(nil, text, network)
		if err != nil {
			return Address{}, network + ": " + err.Error()
		}
		if len(got) != 1 {
			return Address{}, "several readings under a hint"
		}
		return got[0], ""
	}
	switch e.Kind {
	case "valid":
		_, wrong := one(e.A, e.Network)
		return wrong
	case "invalid":
		if got, err := Parse(nil, e.A, e.Network); err == nil {
			return "accepted as " + got[0].Canonical
		}
	case "same", "different":
		networkB := e.NetworkB
		if networkB == "" {
			networkB = e.Network
		}
		a, wrong := one(e.A, e.Network)
		if wrong != "" {
			return wrong
		}
		b, wrong := one(e.B, networkB)
		if wrong != "" {
			return wrong
		}
		same := a.Key == b.Key && a.Variant == b.Variant
		if e.Kind == "different" && a.Variant == VariantEVM && strings.HasPrefix(e.Why, "same text on BNB Smart Chain") {
			return "" // the family is one identity in our contract
		}
		if same != (e.Kind == "same") {
			return "identities " + a.Canonical + " and " + b.Canonical
		}
		if same && e.Network == networkB && a.Canonical != b.Canonical {
			return "canonical texts " + a.Canonical + " and " + b.Canonical
		}
		if class, _ := met(&a, &b); same && class != Exact || !same && class == Exact {
			return "class " + class.String()
		}
	case "same_key":
		from, wrong := one(e.From, e.Networks[0])
		if wrong != "" {
			return wrong
		}
		to, wrong := one(e.To, e.Networks[1])
		if wrong != "" {
			return wrong
		}
		class, derivation := met(&from, &to)
		if from.Variant == VariantEVM && to.Variant == VariantEVM {
			if class != Exact {
				return "class " + class.String() + " inside the EVM family"
			}
			return ""
		}
		if !slices.Contains(classOf(e.Relation), class) {
			return "class " + class.String()
		}
		if derivation == "" {
			return "the derivation is not named"
		}
	default:
		return "unknown kind"
	}
	return ""
}

func TestSharedExamples(t *testing.T) {
	type count struct{ passed, all int }
	counts := map[string]*count{}
	for _, e := range readExamples(t) {
		network := e.Network
		if e.Kind == "same_key" {
			network = e.Networks[0]
		}
		key := e.Kind + " " + network
		if counts[key] == nil {
			counts[key] = new(count)
		}
		counts[key].all++
		if wrong := e.check(); wrong != "" {
			t.Errorf("%s %s %s (%s, %s): %s\n\ta %q b %q from %q to %q", e.ID, e.Kind, network, e.Tier, e.Why, wrong, e.A, e.B, e.From, e.To)
			continue
		}
		counts[key].passed++
	}
	var keys []string
	for key := range counts {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		t.Logf("%-28s %3d of %3d", key, counts[key].passed, counts[key].all)
	}
}
