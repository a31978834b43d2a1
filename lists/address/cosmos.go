package address

import (
	"crypto/sha256"
	_ "embed"
	"strings"
)

// Chains built with the Cosmos SDK: bech32 of 20 bytes (an account of a key) or 32 (a contract, a module or
// an interchain account, ADR-028), with a prefix for each chain.

// A chain has four variants: that of its row in the table, and the numbers behind it.
const (
	cosmosAccount  Variant = 0
	cosmosContract Variant = 1 // 32 bytes
	cosmosValoper  Variant = 2 // operator address of a validator: the bytes of its account
)

// cosmosChain is one row of the table.
type cosmosChain struct {
	first   Variant
	name    string
	prefix  string
	slip44  string
	eth     bool // accounts are EVM accounts (eth_secp256k1), and 0x… writes them too
	display string
	caip2   []string
	aliases []string
	assets  []string
}

//go:embed cosmos.tsv
var cosmosTable string

// cosmosChains are the rows of cosmos.tsv, in its order.
var cosmosChains = func() (chains []cosmosChain) {
	for _, row := range tableRows("cosmos.tsv", cosmosTable, 9) {
		c := cosmosChain{tableNumber[Variant]("cosmos.tsv", row[0]), row[1], row[2], row[3], row[4] == "evm", row[5],
			tableList(row[6]), tableList(row[7]), tableList(row[8])}
		for i := range c.caip2 {
			c.caip2[i] = "cosmos:" + c.caip2[i]
		}
		chains = append(chains, c)
	}
	return chains
}()

// cosmosByPrefix finds the network of a bech32 prefix.
var cosmosByPrefix = map[string][]*Network{}

// maxCosmosPrefix is how long a prefix of the table may be, valoper and the like included.
const maxCosmosPrefix = 32

// readsCosmos gives the network whose prefix the text has.
func readsCosmos(text string) []*Network {
	end := strings.IndexByte(text, '1')
	if end < 1 || end > maxCosmosPrefix || len(text) < end+39 {
		return nil
	}
	var room [maxCosmosPrefix]byte
	prefix := room[:end]
	for i := range prefix {
		prefix[i] = lower(text[i])
	}
	if found := cosmosByPrefix[string(prefix)]; found != nil {
		return found
	}
	for _, kind := range cosmosKinds {
		if cut := len(prefix) - len(kind); cut > 0 && string(prefix[cut:]) == kind {
			return cosmosByPrefix[string(prefix[:cut])]
		}
	}
	return nil
}

// cosmosKinds stand behind the prefix of a chain in what is no account, the longest first.
var cosmosKinds = [...]string{"valoperpub", "valconspub", "valoper", "valcons", "pub"}

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
		first := c.first
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
			Typos:  "The bech32 checksum finds up to four wrong characters for certain.",
			Family: "cosmos",
			rank:   100,
			decode: func(text string, a *Address) *Error { return decodeCosmos(text, c, first, a) },
		}
		if c.eth {
			n.Forms = append(n.Forms, Form{"EVM form of the account", renderEIP55(string(example[:20])), "EIP-55, when the letters are in mixed case"})
		}
		cosmosByPrefix[c.prefix] = []*Network{register(n)}
		prefix := c.prefix
		write := func(payload string) string { return bech32Text(prefix, payload, bech32Plain) }
		registerVariant(variant{first + cosmosAccount, c.name, "account", c.name, write})
		registerVariant(variant{first + cosmosContract, c.name, "contract", c.name, write})
		registerVariant(variant{first + cosmosValoper, c.name, "valoper", c.name, func(payload string) string {
			return bech32Text(prefix+"valoper", payload, bech32Plain)
		}})
	}
	registerFamily(100, readsCosmos)
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
