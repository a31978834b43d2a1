package events

import (
	"strings"

	"golang.org/x/crypto/sha3"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// Contract is a token whose issuer can freeze addresses, on one chain.
type Contract struct {
	Name    string // "usdt:ethereum"
	Issuer  string
	Token   string // its ticker
	Network string // a network of package address
	Address string // as the chain writes it
	ChainID uint64 // 0: TRON
	// Frozen and Released are the events of freezing and releasing, as Solidity declares them. Both have the address as their only argument.
	Frozen, Released string
	// Retires is set if the contract can be replaced by another one, and says so in deprecated(). Its events end then.
	Retires bool
}

// The declarations of the events are those of the issuers' contracts. Whether the address is a topic or data differs between chains, so that
// both are read.
const (
	tetherFrozen, tetherReleased = "AddedBlackList(address)", "RemovedBlackList(address)"
	usdt0Frozen, usdt0Released   = "BlockPlaced(address)", "BlockReleased(address)"
	circleFrozen, circleReleased = "Blacklisted(address)", "UnBlacklisted(address)"
)

func circle(token, network string, chain uint64, contract string) Contract {
	return Contract{Name: strings.ToLower(token) + ":" + network, Issuer: "Circle", Token: token, Network: network, ChainID: chain, Address: contract,
		Frozen: circleFrozen, Released: circleReleased}
}

func usdt0(network string, chain uint64, contract string) Contract {
	return Contract{Name: "usdt:" + network, Issuer: "Tether", Token: "USDT", Network: network, ChainID: chain, Address: contract,
		Frozen: usdt0Frozen, Released: usdt0Released}
}

// contracts are the tokens that are known. The USDT of BNB Smart Chain is not Tether's and cannot be frozen.
var contracts = []Contract{
	{Name: "usdt:ethereum", Issuer: "Tether", Token: "USDT", Network: "ethereum", ChainID: 1, Address: "0xdAC17F958D2ee523a2206206994597C13D831ec7",
		Frozen: tetherFrozen, Released: tetherReleased, Retires: true},
	{Name: "usdt:tron", Issuer: "Tether", Token: "USDT", Network: "tron", Address: "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
		Frozen: tetherFrozen, Released: tetherReleased, Retires: true},
	usdt0("arbitrum", 42161, "0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9"),
	usdt0("polygon", 137, "0xc2132D05D31c914a87C6611C10748AEb04B58e8F"),
	circle("USDC", "ethereum", 1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
	circle("USDC", "arbitrum", 42161, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831"),
	circle("USDC", "base", 8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"),
	circle("USDC", "optimism", 10, "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85"),
	circle("USDC", "polygon", 137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
	circle("USDC", "avalanche", 43114, "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E"),
	circle("EURC", "ethereum", 1, "0x1aBaEA1f7C830bD89Acc67eC4af516284b1bC33c"),
}

// Contracts returns the tokens that are known.
func Contracts() []Contract { return append([]Contract(nil), contracts...) }

// Named returns the contract of that name, such as usdt:tron. An unknown one is fault.Invalid.
func Named(name string) (Contract, error) {
	known := make([]string, len(contracts))
	for i, c := range contracts {
		if c.Name == name {
			return c, nil
		}
		known[i] = c.Name
	}
	return Contract{}, fault.E(fault.Invalid, "%s is no token whose events can be read; those are %s", address.Quote(name), strings.Join(known, ", "))
}

// topic returns the first topic of an event.
func topic(declaration string) string { return "0x" + hexOf(keccak(declaration)) }

// selector returns the first bytes of the data of a call.
func selector(declaration string) string { return "0x" + hexOf(keccak(declaration)[:4]) }

func keccak(text string) []byte {
	h := sha3.NewLegacyKeccak256()
	h.Write([]byte(text))
	return h.Sum(nil)
}
