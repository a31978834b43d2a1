package sandbox

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

var update = flag.Bool("update", false, "write docs/sandbox.md again")

const page = "../../docs/sandbox.md"

const intro = `<!-- The table is generated: go test ./screening/sandbox -run TestPage -update -->

# Test addresses

An integration should be tested with every answer that it can get, not only with a miss. With the sandbox on, a server has test addresses for each
result, class, action and error, on every large network. It is on with ` + "`interdict serve --demo`" + `, and elsewhere only with ` + "`--sandbox`" + `:

` + "```sh no-test: the server runs until it is stopped" + `
interdict serve --demo
interdict serve --sandbox --data ./staging
` + "```" + `

**Never switch it on where real transfers are screened.** While it is on, every HTTP answer has the header ` + "`Interdict-Sandbox: on`" + `, every answer to a
check ` + "`\"sandbox\": true`" + ` in ` + "`screened`" + `, every decision on record ` + "`\"sandbox\": true`" + `; ` + "`/readyz`" + ` warns, and so does every page of the console.

- The test addresses are rows of a list of their own, ` + "`sandbox`" + `. A server that starts with the sandbox on loads it; all servers of that store
  screen it. One whose sandbox is off answers a hit for the addresses that stand for errors, and warns on ` + "`/readyz`" + ` until the list is retired
  (` + "`interdict lists retire sandbox`" + `).
- Real lists count first. If another list has an address too, its listing gives the answer, and no error takes its place. The sandbox never makes
  a miss of a hit.
- Addresses of test networks are read as what they are on the main network, with the notice ` + "`testnet_address`" + `: bitcoin (` + "`tb1`, `bcrt1`, `m`, `n`, `2`" + `),
  litecoin (` + "`tltc1`, `rltc1`, `Q`" + `), bitcoin-cash (` + "`bchtest:`, `bchreg:`" + `), ecash (` + "`ectest:`" + `), dogecoin (` + "`n`" + `), dash (` + "`y`" + `), zcash (` + "`tm`, `t2`" + `), cardano
  (` + "`addr_test1`, `stake_test1`" + `), xrp (` + "`T`" + `), monero (testnet and stagenet), kaspa (` + "`kaspatest:`" + `), tron. ` + "`m…`, `n…` and `2…`" + ` are bitcoin's unless the check
  names another network. Test networks may be named: ` + "`bitcoin-testnet`, `tron-shasta`, `sepolia`" + `. Outside the sandbox all of them are refused.
- ` + "`not_loaded`, `stale`, `store_unavailable`, `lost` and `rate_limited`" + ` fail a whole batch (` + "`POST /v1/checks`" + `), as they do outside the sandbox;
  ` + "`possible_match`" + ` fails its own item only.
- Compare ` + "`status`" + `, ` + "`code`" + ` and ` + "`reason`" + ` of an error, never its texts. ` + "`GET /v1/sandbox`" + ` says ` + "`\"result\": \"error\"`" + ` of every error, but the answer to a single check
  has no ` + "`result`" + ` then: it is a problem. Only the items of a batch say ` + "`\"result\": \"error\"`" + `, with the problem in ` + "`error`" + `.
- The drop-in endpoints count only listings of category ` + "`sanctions`" + `, unless the key has ` + "`--drop-in-categories`" + `: for them the address ` + "`mixer`" + `
  is not listed.
- Everything else is as always: the checks are recorded, counted and limited, and the drop-in endpoints answer in their own form.

` + "`GET /v1/sandbox`" + ` (any key) has the same table as JSON, so that a test can loop over it:

` + "```json" + `
{"address": "bc1q98769uy9euvffr628ce69jzu8eca6xe04evasd", "network": "bitcoin", "name": "sanctions",
 "expect": {"result": "hit", "class": "exact", "category": "sanctions", "confidence": "confirmed",
            "deposit": "freeze", "withdrawal": "reject", "status": 200}}
` + "```" + `

The answer to a check of one that stands for an error (` + "`bad-checksum`" + `), with status 422:

` + "```json" + `
{"type": "urn:interdict:problem:invalid_address", "title": "The text is not an address", "status": 422,
 "code": "invalid_address", "detail": "the bech32 checksum does not match", "reason": "bad_checksum", "network": "bitcoin"}
` + "```" + `

The addresses are the same in every installation and version. Their bytes are those of SHA-256 of ` + "`interdict sandbox NETWORK NAME`" + `, followed if more are
needed by those of ` + "`interdict sandbox NETWORK NAME 2`" + ` and so on: for ` + "`bitcoin sanctions`" + ` the first 20 are the key hash of a P2WPKH address. Nobody has a key for
them: never send anything to them. A Cardano base address has the byte ` + "`01`" + ` in front.

## Addresses

Without a network in the table, name none. ` + "`test network`" + ` marks the form of a test network.
`

// describe says what an address gives, for the table.
func describe(e *Expected) string {
	switch {
	case e.Result == "miss":
		return "miss"
	case e.Result == "hit":
		actions := string(e.Deposit)
		if e.Deposit != e.Withdrawal {
			actions += " / " + string(e.Withdrawal)
		}
		return fmt.Sprintf("hit, %s, %s %s: %s", e.Class, e.Confidence, e.Category, actions)
	}
	s := fmt.Sprintf("%d %s", e.Status, e.Code)
	if e.Reason != "" {
		s += ", " + e.Reason
	}
	if e.PossibleMatch {
		s += ", possible_match"
	}
	if e.WouldMatch {
		s += ", would_match"
	}
	return s
}

func TestPage(t *testing.T) {
	var b strings.Builder
	b.WriteString(intro)
	last := "none"
	for _, a := range Addresses() {
		if a.Network != last {
			last = a.Network
			heading := last
			if heading == "" {
				heading = "without a network"
			}
			fmt.Fprintf(&b, "\n### %s\n\n| name | address | gives |\n| --- | --- | --- |\n", heading)
		}
		name := a.Name
		if a.Testnet {
			name += " (test network)"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", name, a.Address, describe(&a.Expect))
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(page)
	if err != nil || string(old) != b.String() {
		t.Errorf("docs/sandbox.md is stale: go test ./screening/sandbox -run TestPage -update (%v)", err)
	}
}

// TestTheRule writes one address by the rule that docs/sandbox.md states, without the code of this package: testers may rely on it.
func TestTheRule(t *testing.T) {
	sum := sha256.Sum256([]byte("interdict sandbox tron mixer"))
	_, want, _ := address.Render(address.Key([]byte{byte(address.SpaceEVM)})+address.Key(sum[:20]), address.VariantTron)
	for _, a := range Addresses() {
		if a.Network == "tron" && a.Name == "mixer" {
			if a.Address != want {
				t.Errorf("it is %s, not %s", a.Address, want)
			}
			return
		}
	}
	t.Error("tron has no address mixer")
}

func TestEveryNetworkHasEveryActionAndEveryError(t *testing.T) {
	type seen struct {
		actions map[lists.Action]bool
		codes   map[string]bool
		names   map[string]bool
	}
	by := map[string]*seen{}
	for _, a := range Addresses() {
		s := by[a.Network]
		if s == nil {
			s = &seen{map[lists.Action]bool{}, map[string]bool{}, map[string]bool{}}
			by[a.Network] = s
		}
		name := a.Name
		if a.Testnet {
			name += " testnet"
		}
		if s.names[name] {
			t.Errorf("%s has two addresses %s", a.Network, name)
		}
		s.names[name], s.actions[a.Expect.Deposit], s.actions[a.Expect.Withdrawal] = true, true, true
		code := a.Expect.Code
		if a.Expect.PossibleMatch {
			code = PossibleMatch
		}
		s.codes[code] = true
	}
	for _, n := range networks {
		for _, action := range []lists.Action{lists.Allow, lists.Review, lists.Freeze, lists.Reject} {
			if !by[n.name].actions[action] {
				t.Errorf("%s has no address for %s", n.name, action)
			}
		}
		for code := range errors {
			if !by[n.name].codes[code] {
				t.Errorf("%s has no address for %s", n.name, code)
			}
		}
	}
}

func TestOnlyAnErrorThatIsKnownIsReserved(t *testing.T) {
	for incident, want := range map[string]fault.Kind{reserved + "stale": fault.Stale, reserved + PossibleMatch: fault.Unavailable} {
		possible, err := Reserved(incident)
		if !fault.Is(err, want) || possible != (incident == reserved+PossibleMatch) {
			t.Errorf("%s is %v, %v", incident, err, possible)
		}
	}
	for _, incident := range []string{"", "stale", reserved, reserved + "miss"} {
		if possible, err := Reserved(incident); err != nil || possible {
			t.Errorf("%q is %v, %v", incident, err, possible)
		}
	}
}
