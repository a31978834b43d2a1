package address

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// matrixTexts gives every text of docs/vectors.jsonl that is an address, with its network.
func matrixTexts(t *testing.T) (texts []struct{ network, text string }) {
	t.Helper()
	file, err := os.Open(filepath.Join(docsFolder, "vectors.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := map[string]bool{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if v.Kind == "invalid" {
			continue
		}
		for i, text := range v.Texts {
			if key := v.Networks[i] + " " + text; !seen[key] {
				seen[key] = true
				texts = append(texts, struct{ network, text string }{v.Networks[i], text})
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return texts
}

// meets tells whether a listing of some readings is found by a check of others.
func meets(listed, asked []Address) bool {
	for i := range listed {
		for k := range asked {
			if class, _ := met(&listed[i], &asked[k]); class != None {
				return true
			}
		}
	}
	return false
}

// TestNoProvingTextIsMissed lists every text of the vectors under every label, and asks for it alone, under its network and under
// every other one: a text that proves itself is found or refused, never answered with a miss.
func TestNoProvingTextIsMissed(t *testing.T) {
	labels := map[string]bool{"": true, "no such label": true}
	var sample []Network // a few rows of each table stand for all
	for i, n := range Networks() {
		if ofTable(&n) && i%25 != 0 {
			continue
		}
		sample = append(sample, n)
		labels[n.Name] = true
		for _, asset := range n.Assets {
			labels[asset] = true
		}
	}
	names := sortedKeys(labels)
	texts, proven, asked, refusedAs := matrixTexts(t), 0, 0, map[Reason]int{}
	ofTable := map[Variant]bool{}
	for i, v := range texts {
		own, err := Parse(nil, v.text, v.network)
		if err != nil {
			t.Errorf("%s %q: %v", v.network, v.text, err)
			continue
		}
		body, wrapper := inner(v.text)
		if !own[0].stands(body) || ofTable[own[0].Variant] {
			continue
		}
		ofTable[own[0].Variant] = own[0].Variant >= utxoVariants // one text of each kind of a table stands for all
		proven++
		alone, err := Parse(nil, v.text, "")
		if err != nil && !(v.network != "" && strings.EqualFold(body, v.text)) {
			t.Errorf("%s %q asked alone: %v", v.network, v.text, err)
		}
		for k, label := range names {
			if n := byName[label]; n != nil && n.rank >= 120 && (i+k)%4 != 0 {
				continue // a quarter of the labels of the tables
			}
			for _, side := range [...]string{"network", "asset"} {
				network, asset := label, ""
				if side == "asset" {
					network, asset = "", label
				}
				listed, notes, err := ParseListed(nil, v.text, network, asset)
				switch {
				case err != nil:
					t.Errorf("%s %q under the %s label %q: %v", v.network, v.text, side, label, err)
				case !meets(listed, own):
					t.Errorf("%s %q under the %s label %q is read as %+v and missed under its network", v.network, v.text, side, label, listed)
				case alone != nil && !meets(listed, alone):
					t.Errorf("%s %q under the %s label %q is read as %+v and missed without a network", v.network, v.text, side, label, listed)
				case notes.Contradicted && label == v.network:
					t.Errorf("%s %q contradicts its own network", v.network, v.text)
				}
			}
		}
		listed, _, err := ParseListed(nil, v.text, "", "")
		if err != nil {
			t.Errorf("%s %q listed alone: %v", v.network, v.text, err)
		}
		for _, n := range sample {
			asked++
			readings, err := Parse(nil, v.text, n.Name)
			var fail *Error
			switch {
			case err == nil && !meets(listed, readings):
				t.Errorf("%s %q asked on %s is read as %+v and missed", v.network, v.text, n.Name, readings)
			case err == nil:
			case errors.As(err, &fail) && fail.Reason == SecretMaterial && own[0].Variant == VariantStarknet:
			case !errors.As(err, &fail):
				t.Errorf("%s %q asked on %s: %v", v.network, v.text, n.Name, err)
			case own[0].proves(body) && wrapper == nil && (fail.Reason != WrongNetwork || len(fail.Networks) == 0):
				t.Errorf("%s %q asked on %s: %s %v", v.network, v.text, n.Name, err, fail.Networks)
			case fail.Reason == WrongNetwork && slices.Contains(fail.Networks, n.Name):
				t.Errorf("%s %q asked on %s: it is %v", v.network, v.text, n.Name, fail.Networks)
			default:
				refusedAs[fail.Reason]++
			}
		}
	}
	t.Logf("%d of %d texts prove themselves; %d labels; %d asked, refused %v", proven, len(texts), len(names), asked, refusedAs)
	if proven < 900 {
		t.Errorf("only %d texts prove themselves", proven)
	}
}
