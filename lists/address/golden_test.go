package address

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// goldenReadings holds a text a line: its network, the text, its identities under that network, and its identities without a
// network, tab-separated. A "=" repeats the column before it.
const goldenReadings = "testdata/readings.txt"

// TestGoldenReadings: a text that was accepted before keeps its identity under its network. Without a network it keeps its first
// reading and all others; readings of new chains may follow. The flag -update adds the texts of docs/vectors.jsonl that the file
// lacks. It never changes a line.
func TestGoldenReadings(t *testing.T) {
	data, err := os.ReadFile(goldenReadings)
	if err != nil && !*update {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 {
			t.Fatalf("%q has %d columns", line, len(fields))
		}
		network, text, want, alone := fields[0], unescapeWhite.Replace(fields[1]), fields[2], fields[3]
		seen[network+" "+text] = true
		if alone == "=" {
			alone = want
		}
		if got := identitiesOf(text, network); got != want {
			t.Errorf("%s %q is %q, was %q", network, text, got, want)
		}
		old, now := strings.Fields(alone), strings.Fields(identitiesOf(text, ""))
		kept := len(old) == 0 || len(now) > 0 && now[0] == old[0]
		for _, identity := range old {
			kept = kept && slices.Contains(now, identity)
		}
		if !kept {
			t.Errorf("%q without a network is %q, was %q", text, now, old)
		}
	}
	if !*update {
		return
	}
	var out strings.Builder
	out.Write(data)
	for _, v := range matrixTexts(t) {
		if seen[v.network+" "+v.text] || strings.ContainsAny(v.network, "\t\n") {
			continue
		}
		own, alone := identitiesOf(v.text, v.network), identitiesOf(v.text, "")
		if alone == own {
			alone = "="
		}
		out.WriteString(v.network + "\t" + escapeWhite.Replace(v.text) + "\t" + own + "\t" + alone + "\n")
	}
	if err := os.WriteFile(goldenReadings, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

var (
	escapeWhite   = strings.NewReplacer("\t", `\t`, "\n", `\n`, "\r", `\r`)
	unescapeWhite = strings.NewReplacer(`\t`, "\t", `\n`, "\n", `\r`, "\r")
)

// identitiesOf gives the identities of all readings, in their order.
func identitiesOf(text, network string) string {
	readings, err := Parse(nil, text, network)
	if err != nil {
		return ""
	}
	identities := make([]string, len(readings))
	for i := range readings {
		identities[i] = string(AppendIdentity(nil, readings[i].Key, readings[i].Variant))
	}
	return strings.Join(identities, " ")
}
