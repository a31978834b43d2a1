package selftest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// vector is one line of docs/vectors.jsonl, which docs/vectors.md describes.
type vector struct {
	ID        string   `json:"id"`
	Kind      string   `json:"kind"`
	Networks  []string `json:"networks"`
	Texts     []string `json:"texts"`
	Canonical string   `json:"canonical"`
	Identity  string   `json:"identity"`
	Reason    string   `json:"reason"`
	Class     string   `json:"class"`
	Why       string   `json:"why"`
}

// Vectors compares the parser of this program with conformance vectors. It calls failed for each line that does not hold, until that returns
// false, and returns how many lines it has compared.
func Vectors(lines []byte, failed func(Failure) bool) (int, error) {
	n := 0
	in := bufio.NewScanner(bytes.NewReader(lines))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var v vector
		if err := json.Unmarshal(in.Bytes(), &v); err != nil {
			return n, fault.E(fault.Internal, "line %d of the vectors: %w", n+1, err)
		}
		texts := map[string]int{"valid": 1, "invalid": 1, "same": 2, "different": 2, "same_key": 2}[v.Kind]
		if texts == 0 || len(v.Texts) != texts || len(v.Networks) != texts {
			return n, fault.E(fault.Internal, "line %d of the vectors: kind %q with %d texts and %d networks", n+1, v.Kind, len(v.Texts), len(v.Networks))
		}
		n++
		want, got := v.compare()
		if got != "" && !failed(Failure{Vector: v.ID, Text: address.Recordable(v.Texts[len(v.Texts)-1]), Network: v.Networks[len(v.Networks)-1], How: v.Why, Want: want, Got: got}) {
			return n, nil
		}
	}
	if err := in.Err(); err != nil {
		return n, fault.E(fault.Internal, "read the vectors: %w", err)
	}
	return n, nil
}

// compare returns what the line expects, and what is so instead; got is "" if the line holds.
func (v *vector) compare() (want, got string) {
	if v.Kind == "invalid" {
		want = "refused: " + v.Reason
		read, err := address.Parse(nil, v.Texts[0], v.Networks[0])
		var bad *address.Error
		switch {
		case err == nil:
			return want, "an address of " + read[0].Network
		case !errors.As(err, &bad):
			return want, err.Error()
		case string(bad.Reason) != v.Reason:
			return want, "refused: " + string(bad.Reason)
		}
		return want, ""
	}
	read := make([]address.Address, len(v.Texts))
	for i, text := range v.Texts {
		all, err := address.Parse(nil, text, v.Networks[i])
		if err != nil || len(all) != 1 {
			return "one address", fmt.Sprintf("%d addresses, error: %v", len(all), err)
		}
		read[i] = all[0]
	}
	if v.Kind == "valid" {
		want = v.Identity + " " + v.Canonical
		if is := identity(&read[0]) + " " + read[0].Canonical; is != want {
			return want, is
		}
		return want, ""
	}
	class := address.Exact.String()
	if v.Kind != "same" {
		class = v.Class // "" of different
	}
	met := classOf(&read[0], &read[1])
	if v.Kind == "different" {
		if met == address.Exact {
			return "two wallets", "one wallet: " + identity(&read[0])
		}
		return "two wallets", ""
	}
	if met.String() != class {
		return "class " + class, "class " + met.String()
	}
	return "class " + class, ""
}

func identity(a *address.Address) string {
	return string(address.AppendIdentity(nil, a.Key, a.Variant))
}

// classOf returns the closest class in which an asked address meets a listed one, as a check finds it.
func classOf(listed, asked *address.Address) address.Class {
	best := address.None
	index := append([]address.Link{{Key: listed.Key}}, address.Links(nil, listed, address.Listed)...)
	for _, look := range append([]address.Link{{Key: asked.Key}}, address.Links(nil, asked, address.Asked)...) {
		for _, entry := range index {
			if entry.Key != look.Key {
				continue
			}
			if c, _ := address.Relate(look.Key, asked.Variant, look.Role, listed.Variant, entry.Role); c != address.None && (best == address.None || c < best) {
				best = c
			}
		}
	}
	return best
}
