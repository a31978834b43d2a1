package sandbox

import (
	"net/http"
	"slices"
	"strings"

	"interdict/lists"
	"interdict/lists/address"
)

// network is one network with test addresses.
type network struct {
	name    string
	space   address.Space
	variant address.Variant
	bytes   int
	head    string // bytes before the derived ones
	summed  bool   // its addresses have a checksum
}

var networks = []network{
	{"bitcoin", address.SpaceHash160, address.VariantBitcoinP2WPKH, 20, "", true},
	{"ethereum", address.SpaceEVM, address.VariantEVM, 20, "", true},
	{"arbitrum", address.SpaceEVM, address.VariantEVM, 20, "", true},
	{"base", address.SpaceEVM, address.VariantEVM, 20, "", true},
	{"bsc", address.SpaceEVM, address.VariantEVM, 20, "", true},
	{"polygon", address.SpaceEVM, address.VariantEVM, 20, "", true},
	{"tron", address.SpaceEVM, address.VariantTron, 20, "", true},
	{"solana", address.SpaceEd25519, address.VariantSolana, 32, "", false},
	{"litecoin", address.SpaceHash160, address.VariantLitecoinP2WPKH, 20, "", true},
	{"bitcoin-cash", address.SpaceHash160, address.VariantBitcoinCashP2PKH, 20, "", true},
	{"dogecoin", address.SpaceHash160, address.VariantDogecoinP2PKH, 20, "", true},
	{"xrp", address.SpaceHash160, address.VariantXRP, 20, "", true},
	{"cardano", address.SpaceCardano, address.VariantCardanoBase, 56, "\x01", true},
	{"monero", address.SpaceMonero, address.VariantMonero, 64, "", true},
}

// write renders an address.
func write(s address.Space, v address.Variant, payload string) string {
	_, text, ok := address.Render(address.Key(string(rune(s))+payload), v)
	if !ok {
		panic("sandbox: a test address cannot be written")
	}
	return text
}

// of returns the address with a name.
func (n *network) of(name string) string {
	return write(n.space, n.variant, n.head+derive(n.name, name, n.bytes))
}

// hits are the listings of every network that are found as they are. The first blocks.
var hits = []struct {
	name       string
	category   lists.Category
	confidence lists.Confidence
}{
	{"sanctions", lists.Sanctions, lists.Confirmed},
	{"sanctions-suspected", lists.Sanctions, lists.Suspected},
	{"terrorist-financing", lists.TerroristFinancing, lists.Confirmed},
	{"stolen-funds", "stolen_funds", lists.Confirmed},
	{"ransomware", "ransomware", lists.Confirmed},
	{"scam", "scam", lists.Confirmed},
	{"darknet-market", "darknet_market", lists.Confirmed},
	{"mixer", "mixer", lists.Confirmed},
	{"issuer-freeze", "issuer_freeze", lists.Confirmed},
	{"internal", "internal", lists.Confirmed},
	{"other", "other", lists.Confirmed},
	{"allow", "other", lists.Suspected},
}

// failures are the errors that an address of every network gives.
var failures = []struct {
	name, code string
	expect     Expected
}{
	{"not-loaded", "not_loaded", Expected{Status: http.StatusServiceUnavailable, Code: "not_loaded"}},
	{"stale", "stale", Expected{Status: http.StatusServiceUnavailable, Code: "stale"}},
	{"store-unavailable", "store_unavailable", Expected{Status: http.StatusServiceUnavailable, Code: "store_unavailable"}},
	{"possible-match", PossibleMatch, Expected{Status: http.StatusServiceUnavailable, Code: "store_unavailable", PossibleMatch: true}},
	{"lost", "lost", Expected{Status: http.StatusServiceUnavailable, Code: "lost"}},
	{"rate-limited", "rate_limited", Expected{Status: http.StatusTooManyRequests, Code: "rate_limited"}},
}

func build() *table {
	t := &table{}
	for i := range networks {
		t.addNetwork(&networks[i])
	}
	t.addClasses()
	t.addInvalid()
	order := map[string]int{}
	for _, a := range t.addresses {
		if _, seen := order[a.Network]; !seen {
			order[a.Network] = len(order)
		}
	}
	slices.SortStableFunc(t.addresses, func(a, b Address) int { return order[a.Network] - order[b.Network] })
	return t
}

// hit is what a listing gives that is found with a class.
func hit(class string, category lists.Category, confidence lists.Confidence) Expected {
	return Expected{Result: "hit", Class: class, Category: category, Confidence: confidence, Status: http.StatusOK,
		Deposit: Policy.Action(category, confidence, class, lists.Deposit), Withdrawal: Policy.Action(category, confidence, class, lists.Withdrawal)}
}

var miss = Expected{Result: "miss", Deposit: lists.Allow, Withdrawal: lists.Allow, Status: http.StatusOK}

func invalid(reason address.Reason) Expected {
	return Expected{Result: "error", Status: http.StatusUnprocessableEntity, Code: "invalid_address", Reason: string(reason)}
}

func (t *table) add(network, name, text string, expect Expected) {
	t.addresses = append(t.addresses, Address{Address: text, Network: network, Name: name, Expect: expect})
}

func (t *table) list(network, name, text string, category lists.Category, confidence lists.Confidence, incident string) {
	t.listings = append(t.listings, listing{text, network, lists.Entity{ID: "sandbox-" + network + "-" + name, Name: "Sandbox " + network + " " + name, Type: "entity"},
		category, confidence, []string{"SANDBOX"}, incident})
}

// addTestnet adds the form of an address on a test network, if it has one of its own.
func (t *table) addTestnet(network, name, text string, expect Expected) {
	if written := address.ToTestnet(text, network); written != "" {
		t.addresses = append(t.addresses, Address{Address: written, Network: network, Name: name, Testnet: true, Expect: expect})
	}
}

func (t *table) addNetwork(n *network) {
	t.add(n.name, "miss", n.of("miss"), miss)
	t.addTestnet(n.name, "miss", n.of("miss"), miss)
	for _, h := range hits {
		text, expect := n.of(h.name), hit("exact", h.category, h.confidence)
		t.list(n.name, h.name, text, h.category, h.confidence, "")
		t.add(n.name, h.name, text, expect)
		if h.name == "sanctions" {
			t.addTestnet(n.name, h.name, text, expect)
		}
	}
	for _, f := range failures {
		text, expect := n.of(f.name), f.expect
		expect.Result = "error"
		t.list(n.name, f.name, text, "other", lists.Confirmed, reserved+f.code)
		t.add(n.name, f.name, text, expect)
		if f.name == "possible-match" {
			t.addTestnet(n.name, f.name, text, expect)
		}
	}
	raw := "interdict-sandbox-raw-" + n.name
	t.list(n.name, "raw", raw, lists.Sanctions, lists.Confirmed, "")
	t.add(n.name, "raw", raw, hit("raw", lists.Sanctions, lists.Confirmed))
	if n.summed {
		t.add(n.name, "bad-checksum", misspelt(n.of("miss")), invalid(address.BadChecksum))
	}
	// An address that proves another network.
	other := &networks[0]
	if n.name == other.name {
		other = &networks[6]
	}
	wrong := invalid(address.WrongNetwork)
	t.add(n.name, "wrong-network", other.of("wrong-network"), wrong)
}

// misspelt changes the text so that its checksum is wrong: two neighbours in the middle change places, or for EIP-55 a letter its case.
func misspelt(text string) string {
	b := []byte(text)
	for i := len(b) / 2; i < len(b)-1; i++ {
		if strings.HasPrefix(text, "0x") {
			if c := b[i] ^ 0x20; c >= 'A' && c <= 'f' && b[i] > '9' {
				b[i] = c
				return string(b)
			}
		} else if b[i] != b[i+1] {
			b[i], b[i+1] = b[i+1], b[i]
			return string(b)
		}
	}
	panic("sandbox: the text cannot be misspelt")
}

// addClasses adds listings that are found as another address.
func (t *table) addClasses() {
	sanctioned := func(network, name, class, listedOn, listed, asked string) {
		t.list(listedOn, name, listed, lists.Sanctions, lists.Confirmed, "")
		t.add(network, name, asked, hit(class, lists.Sanctions, lists.Confirmed))
	}
	hash := func(network string) string { return derive(network, "same-key", 20) }
	sanctioned("bitcoin", "same-key", "same_key", "bitcoin", write(address.SpaceHash160, address.VariantBitcoinP2WPKH, hash("bitcoin")),
		write(address.SpaceHash160, address.VariantBitcoinP2PKH, hash("bitcoin")))
	sanctioned("litecoin", "same-key", "same_key", "litecoin", write(address.SpaceHash160, address.VariantLitecoinP2WPKH, hash("litecoin")),
		write(address.SpaceHash160, address.VariantLitecoinP2PKH, hash("litecoin")))
	sanctioned("bitcoin-cash", "same-key", "same_key", "bitcoin", write(address.SpaceHash160, address.VariantBitcoinP2PKH, hash("bitcoin-cash")),
		write(address.SpaceHash160, address.VariantBitcoinCashP2PKH, hash("bitcoin-cash")))
	sanctioned("tron", "same-key", "same_key", "ethereum", write(address.SpaceEVM, address.VariantEVM, hash("tron")), write(address.SpaceEVM, address.VariantTron, hash("tron")))
	sanctioned("ethereum", "same-key", "same_key", "tron", write(address.SpaceEVM, address.VariantTron, hash("ethereum")),
		write(address.SpaceEVM, address.VariantEVM, hash("ethereum")))
	script := derive("bitcoin", "same-script", 20)
	sanctioned("bitcoin", "same-script", "same_script", "litecoin", write(address.SpaceScript160, address.VariantLitecoinP2SH, script),
		write(address.SpaceScript160, address.VariantBitcoinP2SH, script))
	stake := derive("cardano", "same-stake", 28)
	sanctioned("cardano", "same-stake", "same_stake", "cardano", write(address.SpaceCardano, address.VariantCardanoBase, "\x01"+derive("cardano", "same-stake listed", 28)+stake),
		write(address.SpaceCardano, address.VariantCardanoBase, "\x01"+derive("cardano", "same-stake asked", 28)+stake))
	receiver := derive("zcash", "contains", 20)
	unified := "\x00\x14" + receiver + "\x02\x2b" + derive("zcash", "contains shielded", 43)
	sanctioned("zcash", "contains", "contains", "zcash", write(address.SpaceUnified, address.VariantZcashUnified, unified),
		write(address.SpaceHash160, address.VariantZcashP2PKH, receiver))
}

// addInvalid adds texts that are no addresses, by reason.
func (t *table) addInvalid() {
	bitcoin, ethereum := networks[0].of("miss"), networks[1].of("miss")
	t.add("bitcoin", "whitespace-inside", bitcoin[:5]+" "+bitcoin[5:], invalid(address.WhitespaceInside))
	t.add("bitcoin", "bad-character", bitcoin[:20]+"b"+bitcoin[21:], invalid(address.BadCharacter))
	t.add("bitcoin", "mixed-case", strings.ToUpper(bitcoin[:20])+bitcoin[20:], invalid(address.MixedCase))
	t.add("bitcoin", "two-addresses", bitcoin+","+bitcoin, invalid(address.TwoAddresses))
	t.add("bitcoin", "invoice", "lnbc1interdictsandbox", invalid(address.InvoiceNotAddress))
	t.add("bitcoin", "unsupported-kind", "xpub-interdict-sandbox", invalid(address.UnsupportedKind))
	t.add("ethereum", "name", "interdict-sandbox.eth", invalid(address.NameNotAddress))
	t.add("ethereum", "bad-length", ethereum[:len(ethereum)-2], invalid(address.BadLength))
	t.add("", "ambiguous", strings.ToLower(ethereum[2:]), invalid(address.Ambiguous))
	would := invalid(address.BadChecksum)
	would.WouldMatch = true
	t.add("ethereum", "would-match", misspelt(networks[1].of("sanctions")), would)
	t.add("no-such-network", "unsupported-network", bitcoin, Expected{Result: "error", Status: http.StatusUnprocessableEntity, Code: "unsupported_network"})
}
