package address

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each row of the tables is read under its network, rendered from what a store keeps, and found without a network.
func TestEveryRowIsRead(t *testing.T) {
	rows := map[string]int{}
	for _, n := range Networks() {
		if n.Family == "" {
			continue
		}
		rows[n.Family]++
		for _, form := range n.Forms {
			a := read1(t, n.Name, form.Example)
			if network, text, ok := Render(a.Key, a.Variant); !ok {
				t.Errorf("%s: %s is not rendered", n.Name, form.Name)
			} else if back := read1(t, network, text); back.Key != a.Key || back.Variant != a.Variant {
				t.Errorf("%s: %s comes back from the store as %s", n.Name, form.Example, text)
			}
			readings, err := Parse(nil, form.Example, "")
			if err != nil || !slices.ContainsFunc(readings, func(b Address) bool { return b.Key == a.Key }) {
				t.Errorf("%s: without a network %s is %+v %v", n.Name, form.Example, readings, err)
			}
		}
		first := n.Forms[0].Example
		if readings, _ := Parse(nil, first, ""); n.Forms[0].Name != "EIP-55" && n.Name != "rootstock" && readings[0].Network != n.Name &&
			!slices.Contains([]string{"bittensor", "integritee", "substrate"}, n.Name) { // these share a prefix
			t.Errorf("%s: without a network %s is of %s", n.Name, first, readings[0].Network)
		}
		for _, name := range slices.Concat([]string{n.Name, strings.ToUpper(n.Name)}, n.Aliases, n.CAIP2) {
			if got, ok := ResolveNetwork(name); !ok || got != n.Name {
				t.Errorf("%s: %q is %q", n.Name, name, got)
			}
		}
		for _, asset := range n.Assets {
			if !KnownAsset(asset) || !slices.ContainsFunc(byAsset[asset], func(o *Network) bool { return o.Name == n.Name }) {
				t.Errorf("%s: the code %s does not suggest it", n.Name, asset)
			}
		}
		for _, id := range n.CAIP2 {
			if a := read1(t, n.Name, id+":"+first); a.Network != n.Name {
				t.Errorf("%s: %s", n.Name, id)
			}
		}
		for _, short := range n.Short {
			if readings, err := Parse(nil, short+":"+n.Forms[len(n.Forms)-2].Example, ""); err != nil || readings[0].Network != n.Name {
				t.Errorf("%s: %s is of %+v %v", n.Name, short, readings, err)
			}
		}
	}
	for family, least := range map[string]int{"cosmos": 90, "ss58": 120, "evm": 150} {
		if rows[family] < least {
			t.Errorf("%d rows of %s", rows[family], family)
		}
	}
	t.Log(rows)
}

// A name that a list file may have as the heading of a column, or as an ordinary word in one, is no network's.
func TestTablesHaveNoOrdinaryWords(t *testing.T) {
	for word := range strings.FieldsSeq(`address addr account wallet name type kind label tag tags note notes comment source entity owner holder id uid index
		list link url reference ref date time start end status state active mode form like point self star galaxy human union vector core gateway genesis
		loop tail router meme mirage loyal logos passage manifest symphony sunrise unicorn zero one-time real root step that vision corn daily degen
		flame goat gravity ham katana metal mint shape story treasure palm phoenix beam cyber abstract humanity lens ink plume morph orderly
		total amount value unknown none nil null n/a other new old open closed public private key secret-key hash txid chain network asset coin token
		currency symbol ticker program category confidence incident country person organization whale baby provenance social impact frequency
		zero cord dark shift oak ice snow gm seals vow hashed geek goro`) {
		if got, ok := ResolveNetwork(word); ok {
			t.Errorf("%q is the network %q", word, got)
		}
		if KnownAsset(word) {
			t.Errorf("%q is a network or asset", word)
		}
	}
}

// TestNamesStay: names, codes and schemes mean what they meant before there were tables.
func TestNamesStay(t *testing.T) {
	data, err := os.ReadFile("testdata/names.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range tableRows("names.tsv", string(data), 3) {
		var n *Network
		var several []*Network
		if scheme, ok := strings.CutSuffix(row[0], ":"); ok {
			several = byScheme[scheme]
		} else {
			n, several = lookup(row[0])
		}
		own := ""
		if n != nil {
			own = n.Name
		}
		var more []string
		for _, s := range several {
			more = append(more, s.Name)
		}
		if strings.HasSuffix(row[0], ":") && len(more) > len(tableList(row[2])) { // a scheme may mean further networks, behind those
			more = more[:len(tableList(row[2]))]
		}
		if own != row[1] || strings.Join(more, ",") != row[2] {
			t.Errorf("%s is %s and %v, was %s and %s", row[0], own, more, row[1], row[2])
		}
	}
}

func TestCosmosChainsKeepTheirNumbers(t *testing.T) {
	for i, name := range strings.Fields("cosmos osmosis injective evmos thorchain kava maya secret terra akash axelar celestia dydx juno noble sei stargaze") {
		if c := cosmosChains[i]; c.name != name || c.first != 300+4*Variant(i) {
			t.Errorf("%s has the variant %d", c.name, c.first)
		}
	}
	for i, name := range strings.Fields("polkadot kusama bittensor astar substrate") {
		if c := ss58Chains[i]; c.name != name || c.variant != VariantPolkadot+Variant(i) {
			t.Errorf("%s has the variant %d", c.name, c.variant)
		}
	}
}

// One account of Cronos and OKX Chain is written in two ways, and is one identity. The keys of the other EVM-keyed chains give a relation.
func TestEVMTwins(t *testing.T) {
	account := "\x5a\xae\xb6\x05\x3f\x3e\x94\xc9\xb9\xa0\x9f\x33\x66\x94\x35\xe7\xef\x1b\xea\xed"
	evm := renderEIP55(account)
	for network, prefix := range map[string]string{"cronos": "crc", "okx-chain": "ex", "harmony": "one"} {
		text := bech32Of(t, prefix, []byte(account))
		for _, spelling := range []string{text, strings.ToUpper(text), strings.ToLower(evm)} {
			if a, b := read1(t, network, evm), read1(t, network, spelling); a.Key != b.Key || a.Variant != b.Variant || a.Canonical != b.Canonical {
				t.Errorf("%s: %s is %+v", network, spelling, b)
			}
		}
		related(t, Exact, network, text, "ethereum", evm)
		unhinted(t, text, network)
		noTypo(t, network, text, lettersBech32)
		refused(t, network, map[Reason][]string{BadLength: {bech32Of(t, prefix, []byte(account[:19]))}})
		refused(t, "ethereum", map[Reason][]string{WrongNetwork: {text}})
	}
	for _, c := range cosmosChains {
		text := bech32Of(t, c.prefix, []byte(account))
		if c.eth {
			oneIdentity(t, c.name, text, evm)
			related(t, SameKey, c.name, text, "ethereum", evm)
			related(t, SameKey, "ethereum", evm, c.name, text)
		} else {
			related(t, None, c.name, text, "ethereum", evm)
			refused(t, c.name, map[Reason][]string{WrongNetwork: {evm}})
		}
	}
	related(t, SameKey, "crypto-org", bech32Of(t, "cro", []byte(account)), "cosmos", bech32Of(t, "cosmos", []byte(account)))
	related(t, None, "crypto-org", bech32Of(t, "cro", []byte(account)), "cronos", evm)
}

func TestTestnetChainIDsAreTold(t *testing.T) {
	text := renderEIP55(bip173Program)
	for _, id := range []string{"eip155:11155111", "eip155:97", "eip155:80002", "eip155:31"} {
		a := read1(t, id, text)
		if a.Network != id || !slices.Equal(a.Notices, []string{"testnet_network"}) {
			t.Errorf("%s: %+v", id, a)
		}
		related(t, Exact, id, text, "ethereum", text)
		unhinted(t, id+":"+text, id)
		if a := read1(t, "", "ethereum:"+text+"@"+id[7:]); !slices.Equal(a.Notices, []string{"testnet_network"}) {
			t.Errorf("%s: %+v", id, a)
		}
	}
	for _, n := range Networks() {
		for _, id := range n.CAIP2 {
			if evmTestnets[id] != "" {
				t.Errorf("%s is a main network and a test network", id)
			}
		}
	}
	if a := read1(t, "eip155:424242", text); a.Notices != nil {
		t.Errorf("%+v", a)
	}
}

// TestTablesAreSmall measures the whole registry: what the program keeps of it is less than 1 MB.
func TestTablesAreSmall(t *testing.T) {
	keep := func() (copies []*Network, variantsCopy []*variant, names map[string]*Network) {
		names = map[string]*Network{}
		for _, n := range Networks() {
			c := n
			copies = append(copies, &c)
			for _, name := range slices.Concat([]string{n.Name, strings.ToUpper(n.Name), foldName(n.Name)}, n.Aliases, n.CAIP2, n.Assets, n.Schemes) {
				names[strings.Clone(name)] = &c
				names[strings.ToUpper(name)] = &c
			}
			for i := range c.Forms {
				c.Forms[i].Example = strings.Clone(c.Forms[i].Example)
			}
		}
		variantsCopy = make([]*variant, len(variants))
		for i, v := range variants {
			if v != nil {
				c := *v
				variantsCopy[i] = &c
			}
		}
		return
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	a, b, c := keep()
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	size := after.HeapAlloc - before.HeapAlloc + uint64(len(cosmosTable)+len(ss58Table)+len(evmTable)+len(evmTestTable))
	t.Logf("%d networks, %d names: %d kB, copied in %v", len(a), len(c), size/1024, took)
	if size > 1<<20 {
		t.Errorf("%d bytes", size)
	}
	runtime.KeepAlive(b)
}
