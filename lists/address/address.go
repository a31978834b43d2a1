// Package address decides what a written address is: it turns text into an identity, so that
// a listed wallet is found however it is written, and two wallets are never confused.
//
//	text, network hint
//	  └─ clean: length cap, ASCII only, trim, secrets refused         clean.go
//	      └─ unwrap at most one wrapper: URI, CAIP-10, ERC-3770       wrapper.go
//	          └─ every network asked for (the hint, or all that fit)  registry.go
//	              └─ decode strictly, re-encode, compare              one file a family
//	                  └─ Address: key, variant, canonical text        here
//
// # Key, variant, link
//
// An identity is a Key (a key space and canonical bytes) and a Variant (which network and kind
// of address it is). Addresses that the same private key or script controls share the Key
// where the bytes allow it (P2PKH and P2WPKH of one key hash on every Bitcoin-like chain; an EVM
// account and its Tron form): one look-up finds all of them, and the variants tell the class:
// equal variants are the same identity (class exact), others are related (Relate).
// What cannot share a key is reached through Links: further keys under which an address is
// indexed when it is listed, or looked up when it is asked for, each with a Role.
//
// Space, Variant and Role numbers are stored in every layer: they never change their meaning,
// and a number that falls out of use is not given again.
package address

import "interdict/lists/fault"

// MaxText is how many bytes of text an address may have, wrapper included.
const MaxText = 512

// Key is what is looked up and compared: one byte of Space, then canonical bytes
// (at most MaxKey; what is longer is there as its SHA-256).
type Key string

// MaxKey is how many bytes a Key may have.
const MaxKey = 96

// Space numbers a key space. Zero is none.
type Space uint8

// SpaceRaw holds texts that are no valid address, compared byte for byte (class raw).
const SpaceRaw Space = 1

// Space tells the key space of a key.
func (k Key) Space() Space {
	if k == "" {
		return 0
	}
	return Space(k[0])
}

// Payload gives the bytes behind the space.
func (k Key) Payload() string {
	if k == "" {
		return ""
	}
	return string(k[1:])
}

// Variant numbers a (family, kind) of address. Zero is none; 1 is raw text.
type Variant uint16

// VariantRaw is the variant of every key in SpaceRaw.
const VariantRaw Variant = 1

// Role says how a key belongs to an address. Zero: it is the address's own key.
type Role uint8

// Class says how a queried address and a listing belong together (contract.md, section 3).
// The zero value is no relation.
type Class uint8

const (
	None       Class = iota
	Exact            // the same identity
	SameKey          // another address that the same private key controls
	SameScript       // another address that the same script controls
	SameStake        // a Cardano address with the same stake credential
	Contains         // one holds the other as a receiver (Zcash unified addresses)
	Raw              // byte for byte a listed text that is no valid address
)

var classNames = [...]string{"", "exact", "same_key", "same_script", "same_stake", "contains", "raw"}

func (c Class) String() string { return classNames[c] }

// Attribute is something an address text carries that is no part of its identity:
// a destination tag, a muxed id, a payment id, an amount.
type Attribute struct{ Name, Value string }

// Address is one reading of a text: as an address of one network.
type Address struct {
	Network    string // name as in contract.md, section 4
	Canonical  string // the one human form of the identity on that network
	Key        Key
	Variant    Variant
	Attributes []Attribute
	Notices    []string // things the caller should be told: short_address, testnet_flag, testnet_network, compared_as_text
}

// Link is a further key of an address.
type Link struct {
	Key  Key
	Role Role
}

// Side says for which side of the comparison links are wanted.
type Side uint8

const (
	Listed Side = iota // keys under which a listing is indexed, forward derivations included
	Asked              // keys under which a query is looked up
)

// Reason is why a text is refused (addresses.md, section 0).
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

// Error says that a text is no address, and why. It never holds the text itself.
type Error struct {
	Reason   Reason
	Network  string // the network it was read under; "" when none was asked for
	Position int    // byte offset of the offence in the text, or -1
	Detail   string // one plain sentence; never more than 64 characters of the text, none of a secret
	// Folded is the address that the text would be if only its letter case were right
	// (EIP-55 and the like); nil when the fault is another. A caller looks it up and says would_match.
	Folded *Address
	// Networks names what the text proves to be, when Reason is WrongNetwork.
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

// FaultKind makes the error a fault.InvalidAddress.
func (e *Error) FaultKind() fault.Kind { return fault.InvalidAddress }

// RawKey is the key of a text that is compared byte for byte. Surrounding ASCII white space does not count.
func RawKey(text string) Key { return rawKey(text) }

// Parse reads text as an address of the network (a name of contract.md or an alias), or, when
// network is "", of every network under which it decodes; readings are ordered, the likeliest first. A text that proves another network
// than the one named is refused with WrongNetwork. An EVM account that is padded to 32 bytes has an EVM reading beside that of a network
// whose accounts have 32 bytes.
// They are appended to dst, which lets a hot path reuse its space. At least one reading is added
// when err is nil. Errors: fault.UnsupportedNetwork, or an *Error (fault.InvalidAddress).
func Parse(dst []Address, text, network string) ([]Address, error) { return parse(dst, text, network) }

// ParseListed reads an address as a list publishes it. The list's network and asset labels suggest, the text decides (an OFAC list labels
// a Tron address XBT). The readings are those of the label and, unless one of them proves itself, all that the text proves, and
// 0x and 40 hex digits are taken for an EVM account under any label that does not read them. A text whose only fault is its letter
// case, or which proves itself once look-alike letters are replaced, is read, too. The notes name what is wrong with the row.
// An unknown label is no error here. Nothing decodes: an *Error, and the caller keeps the text raw; under the label of an opaque network
// the reading is the text itself.
func ParseListed(dst []Address, text, network, asset string) ([]Address, ListedNotes, error) {
	return parseListed(dst, text, network, asset)
}

// KnownAsset tells whether an asset or network label of a list is known; the loader raises an alarm if not.
func KnownAsset(label string) bool { return knownAsset(label) }

// ResolveNetwork turns a name, alias, CAIP-2 id or asset code into the contract's network name.
func ResolveNetwork(name string) (string, bool) { return resolveNetwork(name) }

// AppendIdentity appends the identity as the contract writes it: "evm:098b…", "bitcoin:p2pkh:89ab…".
func AppendIdentity(dst []byte, k Key, v Variant) []byte { return appendIdentity(dst, k, v) }

// Links appends the further keys of an address for one side of the comparison.
func Links(dst []Link, a *Address, side Side) []Link { return links(dst, a, side) }

// Relate tells how a queried address and a listing that meet under one key belong together:
// k is the key where they met, askedAs and listedAs the roles in which either has it.
// derivation names the way in words ("P2PKH key hash → nested SegWit"); it is "" for Exact.
// None means that sharing this key says nothing.
func Relate(k Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (class Class, derivation string) {
	return relate(k, asked, askedAs, listed, listedAs)
}

// Render gives the network and the canonical text of an identity, from its stored bytes.
// ok is false where the key is a hash of something longer: the listed text is then stored. It is false, too, where the bytes
// are not those of the variant, as a damaged store may have it.
func Render(k Key, v Variant) (network, canonical string, ok bool) {
	defer func() {
		if recover() != nil { // an index beyond a payload that is too short
			network, canonical, ok = "", "", false
		}
	}()
	return render(k, v)
}
