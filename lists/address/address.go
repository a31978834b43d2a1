// Package address parses written addresses into identities, so that
// a listed wallet is found in every spelling, and two wallets are never confused.
//
//	text, network hint
//	  └─ clean: length cap, ASCII only, trim, secrets refused         clean.go
//	      └─ unwrap at most one wrapper: URI, CAIP-10, ERC-3770       wrapper.go
//	          └─ the hinted network, or all that can fit             registry.go
//	              └─ decode strictly, re-encode, compare              one file per family
//	                  └─ Address: key, variant, canonical text        here
//
// # Key, variant, link
//
// An identity is a Key (a key space and canonical bytes) and a Variant (the network and kind
// of the address). Addresses that the same private key or script controls share the Key
// if they contain the same bytes (P2PKH and P2WPKH of one key hash on every Bitcoin-like chain; an EVM
// account and its Tron form). One look-up finds all of them, and the variants determine the class:
// equal variants are the same identity (class exact), others are related (Relate).
// Other related addresses are found through Links: further keys under which a listed address is
// indexed, or a queried address is looked up, each with a Role.
//
// Space, Variant and Role numbers are stored in every layer. They never change their meaning,
// and are never reused.
package address

import "interdict/lists/fault"

// MaxText is the maximum length of an address in bytes, including a wrapper such as a URI scheme.
const MaxText = 512

// Key is the key under which an address is stored and looked up: one byte of Space, then canonical bytes.
// Bytes that would exceed MaxKey are replaced by their SHA-256.
type Key string

// MaxKey is the maximum length of a Key in bytes.
const MaxKey = 96

// Space is the number of a key space. Zero is none.
type Space uint8

// SpaceRaw holds texts that are not valid addresses. They are compared byte for byte (class raw).
const SpaceRaw Space = 1

// Space returns the key space of a key.
func (k Key) Space() Space {
	if k == "" {
		return 0
	}
	return Space(k[0])
}

// Payload returns the bytes after the space.
func (k Key) Payload() string {
	if k == "" {
		return ""
	}
	return string(k[1:])
}

// Variant is the number of a family and kind of addresses. Zero is none; 1 is raw text.
type Variant uint16

// VariantRaw is the variant of every key in SpaceRaw.
const VariantRaw Variant = 1

// Role is the relation of a key to an address. Zero: the key of the address itself.
type Role uint8

// Class is the relation between a queried address and a listing (docs/contract.md).
// The zero value is no relation.
type Class uint8

const (
	None       Class = iota
	Exact            // the same identity
	SameKey          // another address of the same private key
	SameScript       // another address of the same script
	SameStake        // a Cardano address with the same stake credential
	Contains         // one contains the other as a receiver (Zcash unified addresses)
	Raw              // byte for byte equal to a listed text that is not a valid address
)

var classNames = [...]string{"", "exact", "same_key", "same_script", "same_stake", "contains", "raw"}

func (c Class) String() string { return classNames[c] }

// Attribute is a part of an address text that is not part of its identity:
// a destination tag, a muxed id, a payment id, an amount.
type Attribute struct{ Name, Value string }

// Address is one reading of a text: as an address of one network.
type Address struct {
	Network    string // name as in docs/networks.md
	Canonical  string // the canonical text of the identity on that network
	Key        Key
	Variant    Variant
	Attributes []Attribute
	Notices    []string // warnings for the caller: short_address, testnet_flag, testnet_network, compared_as_text
}

// Link is a further key of an address.
type Link struct {
	Key  Key
	Role Role
}

// Side is a side of the comparison, for which links are computed.
type Side uint8

const (
	Listed Side = iota // keys under which a listing is indexed, including derived ones
	Asked              // keys under which a query is looked up
)

// Reason is why a text is refused. The values are codes of the API.
type Reason string

const (
	Empty             Reason = "empty"
	BadCharacter      Reason = "bad_character"
	WhitespaceInside  Reason = "whitespace_inside"
	BadLength         Reason = "bad_length"
	BadChecksum       Reason = "bad_checksum"
	MixedCase         Reason = "mixed_case"
	WrongNetwork      Reason = "wrong_network"
	Testnet           Reason = "testnet"
	UnsupportedKind   Reason = "unsupported_kind"
	NameNotAddress    Reason = "name_not_address"
	SecretMaterial    Reason = "secret_material"
	InvoiceNotAddress Reason = "invoice_not_address"
	Ambiguous         Reason = "ambiguous"
	TwoAddresses      Reason = "two_addresses"
)

// Error reports that a text is not an address, and why. It never contains the text itself.
type Error struct {
	Reason   Reason
	Network  string // the network that was asked for; "" for none
	Position int    // byte offset of the error in the text, or -1
	Detail   string // one sentence; at most 64 characters of the text, and none of a secret
	// Folded is the address that the text would be in the right letter case (EIP-55 and others);
	// nil if there is another error. The screener looks it up for would_match.
	Folded *Address
	// Networks are the networks whose address the text proves to be, if Reason is WrongNetwork.
	Networks []string
}

func (e *Error) Error() string {
	s := "not an address"
	if e.Network != "" {
		s += " of " + e.Network
	}
	s += ": " + string(e.Reason)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// FaultKind returns fault.InvalidAddress.
func (e *Error) FaultKind() fault.Kind { return fault.InvalidAddress }

// RawKey returns the key of a text that is compared byte for byte, without surrounding ASCII white space.
func RawKey(text string) Key { return rawKey(text) }

// Parse reads text as an address of the network (a name of docs/networks.md or an alias). If
// network is "", it returns the readings of all networks that can decode it, the likeliest first. A text that proves a network other
// than the named one is refused with WrongNetwork. An EVM account padded to 32 bytes has an EVM reading in addition to that of a network
// whose accounts have 32 bytes.
// Parse appends the readings to dst, so that the caller can reuse memory. It adds at least one
// if err is nil. Errors: fault.UnsupportedNetwork, or an *Error (fault.InvalidAddress).
func Parse(dst []Address, text, network string) ([]Address, error) {
	dst, err := parse(dst, text, network)
	if err != nil {
		err = orSecret(err, text)
	}
	return dst, err
}

// ParseListed reads an address as a list publishes it. The network and asset labels of the list are hints only, since lists contain wrong
// ones (an OFAC list labels a Tron address XBT). The readings are those of the labels and, unless one of them proves itself, all that
// the text proves. 0x and 40 hex digits are an EVM account under any label that cannot read them. A text that is wrong only in letter
// case, or that proves itself after look-alike letters are replaced, is accepted. The notes name what is wrong with the row.
// An unknown label is not an error here. If nothing decodes, the error is an *Error, and the caller keeps the text raw.
func ParseListed(dst []Address, text, network, asset string) ([]Address, ListedNotes, error) {
	dst, notes, err := parseListed(dst, text, network, asset)
	if err != nil {
		err = orSecret(err, text)
	}
	return dst, notes, err
}

// KnownAsset reports whether Interdict knows an asset or network label of a list. The loader warns of unknown ones.
func KnownAsset(label string) bool { return knownAsset(label) }

// ResolveNetwork returns the network name (docs/networks.md) for a name, alias, CAIP-2 id or asset code.
func ResolveNetwork(name string) (string, bool) { return resolveNetwork(name) }

// AppendIdentity appends the identity in the form of the API: "evm:098b…", "bitcoin:p2pkh:89ab…".
func AppendIdentity(dst []byte, k Key, v Variant) []byte { return appendIdentity(dst, k, v) }

// Links appends the further keys of an address for one side of the comparison.
func Links(dst []Link, a *Address, side Side) []Link { return links(dst, a, side) }

// SameLinks tells that two addresses have the same links, without computing them: they are one key hash on two chains
// of the Bitcoin kind. It may be false for others whose links are the same.
func SameLinks(a, b *Address) bool {
	return a.Key == b.Key && a.Key.Space() == SpaceHash160 && ofBitcoin(a.Variant) && ofBitcoin(b.Variant)
}

// Relate returns the relation between a queried address and a listing that share key k.
// askedAs and listedAs are the roles of the key for each of them.
// derivation describes the relation ("P2PKH key hash → nested SegWit"); it is "" for Exact.
// None means that the shared key implies no relation.
func Relate(k Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (class Class, derivation string) {
	return relate(k, asked, askedAs, listed, listedAs)
}

// Render returns the network and the canonical text of an identity.
// ok is false if the key is a hash of something longer (its listed text is stored then), or if the bytes
// do not fit the variant, which happens in a damaged store.
func Render(k Key, v Variant) (network, canonical string, ok bool) {
	defer func() {
		if recover() != nil { // an index beyond a payload that is too short
			network, canonical, ok = "", "", false
		}
	}()
	return render(k, v)
}
