package address

import (
	"crypto/sha256"
	"strings"
)

// Chains built with the Cosmos SDK: bech32 of 20 bytes (an account of a key) or 32 (a contract, a module or
// an interchain account, ADR-028), with a prefix for each chain.

// Each chain has its variants at cosmosVariants + 4 × its place in the table, in this order.
const (
	cosmosVariants Variant = 300

	cosmosAccount  Variant = 0
	cosmosContract Variant = 1 // 32 bytes
	cosmosValoper  Variant = 2 // operator address of a validator: the bytes of its account
)

// cosmosChain is one chain. New ones are added at the end: the place gives the variants.
type cosmosChain struct {
	name    string
	prefix  string
	aliases []string
	assets  []string
	caip2   []string
	eth     bool // accounts are EVM accounts (eth_secp256k1), and 0x… writes them too
}

var cosmosChains = []cosmosChain{
	{"cosmos", "cosmos", []string{"atom", "cosmoshub", "cosmos-hub"}, []string{"ATOM"}, []string{"cosmos:cosmoshub-4"}, false},
	{"osmosis", "osmo", []string{"osmo"}, []string{"OSMO"}, []string{"cosmos:osmosis-1"}, false},
	{"injective", "inj", []string{"inj"}, []string{"INJ"}, []string{"cosmos:injective-1"}, true},
	{"evmos", "evmos", nil, []string{"EVMOS"}, []string{"cosmos:evmos_9001-2"}, true},
	{"thorchain", "thor", []string{"rune", "thor"}, []string{"RUNE"}, []string{"cosmos:thorchain-1", "cosmos:thorchain-mainnet-v1"}, false},
	{"kava", "kava", nil, []string{"KAVA"}, []string{"cosmos:kava_2222-10"}, false},
	{"maya", "maya", []string{"cacao", "mayachain"}, []string{"CACAO", "MAYA"}, []string{"cosmos:mayachain-mainnet-v1"}, false},
	{"secret", "secret", []string{"scrt", "secret-network"}, []string{"SCRT"}, []string{"cosmos:secret-4"}, false},
	{"terra", "terra", []string{"luna", "lunc", "terra-classic"}, []string{"LUNA", "LUNC", "UST", "USTC"}, []string{"cosmos:phoenix-1", "cosmos:columbus-5"}, false},
	{"akash", "akash", []string{"akt"}, []string{"AKT"}, []string{"cosmos:akashnet-2"}, false},
	{"axelar", "axelar", []string{"axl"}, []string{"AXL"}, []string{"cosmos:axelar-dojo-1"}, false},
	{"celestia", "celestia", []string{"tia"}, []string{"TIA"}, []string{"cosmos:celestia"}, false},
	{"dydx", "dydx", nil, []string{"DYDX"}, []string{"cosmos:dydx-mainnet-1"}, false},
	{"juno", "juno", nil, []string{"JUNO"}, []string{"cosmos:juno-1"}, false},
	{"noble", "noble", nil, []string{"NOBLE"}, []string{"cosmos:noble-1"}, false},
	{"sei", "sei", nil, []string{"SEI"}, []string{"cosmos:pacific-1"}, false},
	{"stargaze", "stars", []string{"stars"}, []string{"STARS"}, []string{"cosmos:stargaze-1"}, false},
}

// cosmosModules are the accounts of modules: the first 20 bytes of the SHA-256 of a name, the same on every
// chain (authtypes.NewModuleAddress). Nobody has a key to them, so that equal bytes mean nothing between chains.
var cosmosModules = func() map[string]bool {
	names := `fee_collector distribution bonded_tokens_pool not_bonded_tokens_pool mint gov transfer interchainaccounts
		feeibc icahost icacontroller nft crisis evidence slashing group circuit upgrade consumer_redistribute consumer_to_send_to_provider
		consumer_rewards_pool provider protocolpool protocolpool_escrow wasm wasmx tokenfactory globalfee packetfowardmiddleware ratelimit
		gamm poolmanager poolincentives incentives lockup superfluid txfees protorev cosmwasmpool concentratedliquidity twap developer_vesting_unvested
		evm erc20 inflation recovery vesting claims feemarket precisebank epochs revenue
		kavadist hard cdp savings liquid earn swap committee issuance bep3 pricefeed auction community router incentive
		asgard bond reserve lending thorchain treasury affiliate_collector rune_pool claiming mayachain
		oracle market burn_module alloc fairburn cron exchange peggy insurance ocr permissions
		escrow deployment take axelarnet nexus reward multisig snapshot dex
		subaccounts rewards_treasury rewards_vester community_treasury community_vester insurance_fund bridge vest megavault
		fiat-tokenfactory cctp tariff forwarding dollar blob compute registration drip clock feepay feeshare`
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		sum := sha256.Sum256([]byte(name))
		set[string(sum[:20])] = true
	}
	return set
}()

func init() {
	example := []byte("\x98\x38\x01\x3c\xe0\x43\xd4\x0b\x80\x9a\x0a\x75\xd5\x1d\x53\x3f\x69\x9f\xe7\x5b\xa7\x76\x22\xd2\x20\xe4\x5b\x4e\x4d\xa2\x3f\x36")
	for i := range cosmosChains {
		c := &cosmosChains[i]
		first := cosmosVariants + 4*Variant(i)
		n := Network{
			Name:    c.name,
			Aliases: c.aliases,
			Assets:  c.assets,
			CAIP2:   c.caip2,
			Forms: []Form{
				{"account", bech32Text(c.prefix, string(example[:20]), bech32Plain), "bech32"},
				{"contract", bech32Text(c.prefix, string(example), bech32Plain), "bech32"},
				{"validator operator", bech32Text(c.prefix+"valoper", string(example[:20]), bech32Plain), "bech32"},
			},
			Typos: "The bech32 checksum finds up to four wrong characters for certain.",
			rank:  100,
			fits: func(text string) bool {
				return foldedPrefix(text, c.prefix) && len(text) > len(c.prefix)+38
			},
			decode: func(text string, a *Address) *Error { return decodeCosmos(text, c, first, a) },
		}
		if c.eth {
			n.Forms = append(n.Forms, Form{"EVM form of the account", renderEIP55(string(example[:20])), "EIP-55, when the letters are in mixed case"})
		}
		register(n)
		prefix := c.prefix
		write := func(payload string) string { return bech32Text(prefix, payload, bech32Plain) }
		registerVariant(variant{first + cosmosAccount, c.name, "account", c.name, write})
		registerVariant(variant{first + cosmosContract, c.name, "contract", c.name, write})
		registerVariant(variant{first + cosmosValoper, c.name, "valoper", c.name, func(payload string) string {
			return bech32Text(prefix+"valoper", payload, bech32Plain)
		}})
	}
	registerSpace(space{number: SpaceCosmosContract})
	registerSpace(space{number: SpaceCosmosModule})
}

// fill makes the chain's address of 20 bytes.
func (c *cosmosChain) fill(a *Address, v Variant, account []byte, canonical []byte) {
	s := SpaceHash160
	switch {
	case cosmosModules[string(account)]:
		s = SpaceCosmosModule
		a.Notices = append(a.Notices, "module_account")
	case c.eth:
		s = SpaceEVM
	}
	a.set(s, v, account, canonical)
}

func decodeCosmos(text string, c *cosmosChain, first Variant, a *Address) *Error {
	if c.eth && len(text) == 42 && text[0] == '0' {
		return evmForm(text, a, func(a *Address, account []byte) *Error {
			var room [40]byte
			var human [64]byte
			c.fill(a, first+cosmosAccount, account, bech32Encode(human[:0], c.prefix, bits8to5(room[:0], string(account)), bech32Plain))
			return nil
		})
	}
	var letters [128]byte
	cut, data, code, fail := bech32Decode(letters[:0], text)
	if fail != nil {
		if fail.Reason == MixedCase {
			return folded(fail, strings.ToLower(text), a, func(text string, a *Address) *Error {
				return decodeCosmos(text, c, first, a)
			})
		}
		return fail
	}
	v := cosmosAccount
	if prefix := text[:cut]; !foldedEqual(prefix, c.prefix) {
		if !foldedPrefix(prefix, c.prefix) {
			return foreignPrefix(prefix, c)
		}
		switch kind := prefix[len(c.prefix):]; {
		case foldedEqual(kind, "valoper"):
			v = cosmosValoper
		case foldedEqual(kind, "valcons"):
			return refuse(UnsupportedKind, "it is the consensus key of a validator, not an account")
		case foldedEqual(kind, "pub"), foldedEqual(kind, "valoperpub"), foldedEqual(kind, "valconspub"):
			return refuse(UnsupportedKind, "it is a public key, not an address")
		default:
			return foreignPrefix(prefix, c)
		}
	}
	if code != bech32Plain {
		return refuse(BadChecksum, "the checksum is bech32m; Cosmos chains use bech32")
	}
	var room [80]byte
	payload, whole := bits5to8(room[:0], data)
	if !whole || len(payload) != 20 && len(payload) != 32 || len(payload) == 32 && v == cosmosValoper {
		return refuse(BadLength, "an account holds 20 bytes, a contract or module 32")
	}
	var human [96]byte
	canonical := human[:0]
	for i := range len(text) {
		canonical = append(canonical, lower(text[i]))
	}
	if len(payload) == 32 {
		a.set(SpaceCosmosContract, first+cosmosContract, payload, canonical)
		return nil
	}
	c.fill(a, first+v, payload, canonical)
	return nil
}

// foreignPrefix refuses the bech32 prefix of something else: THORChain and Maya have test networks with their own.
func foreignPrefix(prefix string, c *cosmosChain) *Error {
	if len(prefix) == len(c.prefix)+1 && (lower(prefix[0]) == 't' || lower(prefix[0]) == 's') && foldedEqual(prefix[1:], c.prefix) {
		return refuse(Testnet, "it is a test network address")
	}
	return refuse(WrongNetwork, "its prefix is of another network or kind")
}
