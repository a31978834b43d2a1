package address

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

func init() {
	register(Network{
		Name:    "hedera",
		Aliases: []string{"hbar", "hedera-hashgraph"},
		Assets:  []string{"HBAR"},
		CAIP2:   []string{"hedera:mainnet"},
		Schemes: []string{"hedera"},
		Forms: []Form{
			{"account number", "0.0.123", "none"},
			{"account number with checksum", "0.0.123-vfmkw", "HIP-15"},
			{"long-zero EVM form", "0x000000000000000000000000000000000000007b", "none"},
			{"EVM alias", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "EIP-55, when the letters are in mixed case"},
		},
		rank:   200,
		named:  true, // the letters of a checksum stand behind a dot
		Typos:  "Only when the five letters of HIP-15 are given, which find every wrong, lost, added or swapped digit.",
		fits:   fitsHedera,
		decode: decodeHedera,
	})
	registerVariant(variant{VariantHedera, "hedera", "account", "hedera", func(payload string) string {
		return string(appendHedera(nil, []byte(payload)))
	}})
	registerVariant(variant{VariantHederaEVM, "hedera", "evm", "hedera", renderEIP55})
	registerSpace(space{number: SpaceHedera})
}

// fitsHedera takes the numbers of the one shard and realm that exist, and the long-zero EVM form:
// without a hint any other 0x text is an EVM account.
func fitsHedera(text string) bool {
	return strings.HasPrefix(text, "0.0.") ||
		len(text) == 42 && text[0] == '0' && text[1]|0x20 == 'x' && text[2:26] == "000000000000000000000000"
}

func decodeHedera(text string, a *Address) *Error {
	if len(text) > 1 && text[0] == '0' && text[1]|0x20 == 'x' {
		return evmForm(text, a, setHederaEVM)
	}
	if isDomain(text) && (text[0] < '0' || text[0] > '9') {
		return refuse(NameNotAddress, "it is a name; resolve it and give the account number")
	}
	number, check, checked := strings.Cut(text, "-")
	if strings.Count(number, ".") != 2 {
		return refuse(BadLength, "an account is shard, realm and number, with two dots")
	}
	parts := [3]uint64{}
	rest := number
	for i := range parts {
		var part string
		part, rest, _ = strings.Cut(rest, ".")
		at := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
		switch {
		case i == 2 && len(part) > 40 && isHex(part):
			return refuse(UnsupportedKind, "it is the public key of an account, not its number")
		case at >= 0:
			return refuse(BadCharacter, "shard, realm and number have digits only")
		case part == "":
			return refuse(BadLength, "shard, realm or number is missing")
		case len(part) > 1 && part[0] == '0':
			return refuse(BadCharacter, "leading zeros are not written (HIP-15)")
		}
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil || n > math.MaxInt64 {
			return refuse(BadLength, "shard, realm and number are below 2^63")
		}
		parts[i] = n
	}
	if checked {
		switch sum := hip15(number, hederaMainnet); {
		case check == string(sum[:]):
		case len(check) != 5:
			return refuseAt(BadLength, len(number)+1, "the checksum of HIP-15 has five letters")
		case strings.ToLower(check) == string(sum[:]):
			return folded(refuseAt(MixedCase, len(number)+1, "the checksum of HIP-15 is written small"), strings.ToLower(text), a, decodeHedera)
		case matchesHIP15(number, check, hederaTestnet), matchesHIP15(number, check, hederaPreviewnet):
			return refuseAt(Testnet, len(number)+1, "the checksum is that of a test network")
		default:
			return refuseAt(BadChecksum, len(number)+1, "the HIP-15 checksum is of another account")
		}
	}
	if parts[0] != 0 || parts[1] != 0 {
		return refuse(UnsupportedKind, "mainnet has shard 0 and realm 0 only")
	}
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], parts[2])
	a.setText(SpaceHedera, VariantHedera, key[:], number)
	return nil
}

// setHederaEVM takes the EVM form of an account: shard (4 bytes), realm and number (8 each) where it is
// long-zero, else the EVM address of the account's key, from which no number can be computed.
func setHederaEVM(a *Address, account []byte) *Error {
	if [12]byte(account) != [12]byte{} {
		checked := eip55(account, "")
		a.set(SpaceEVM, VariantHederaEVM, account, checked[:])
		return nil
	}
	number := account[12:]
	if number[0] >= 0x80 {
		return refuse(BadLength, "account numbers are below 2^63")
	}
	var human [24]byte
	a.set(SpaceHedera, VariantHedera, number, appendHedera(human[:0], number))
	return nil
}

func appendHedera(dst, key []byte) []byte {
	return strconv.AppendUint(append(dst, "0.0."...), binary.BigEndian.Uint64(key), 10)
}

// Ledger ids (HIP-15): the checksum of a number differs between the ledgers.
const (
	hederaMainnet    = 0
	hederaTestnet    = 1
	hederaPreviewnet = 2
)

func matchesHIP15(number, check string, ledger uint64) bool {
	sum := hip15(number, ledger)
	return check == string(sum[:])
}

// hip15 gives the five letters of HIP-15 for a number of digits and dots, on a ledger with an id of one byte.
func hip15(number string, ledger uint64) (sum [5]byte) {
	const p3, p5 = 26 * 26 * 26, 26 * 26 * 26 * 26 * 26
	var sd [2]uint64 // sums of the digits in even and odd places
	var weighted uint64
	for i := range len(number) {
		d := uint64(10) // the dot
		if number[i] != '.' {
			d = uint64(number[i] - '0')
		}
		sd[i&1] += d
		weighted = (weighted*31 + d) % p3
	}
	h := ledger
	for range 6 { // the ledger id is followed by six zero bytes
		h = h * 31 % p5
	}
	c := (((uint64(len(number))%5)*11+sd[0]%11)*11+sd[1]%11)*p3 + weighted + h
	c = c % p5 * 1000003 % p5
	for i := 4; i >= 0; i-- {
		sum[i] = 'a' + byte(c%26)
		c /= 26
	}
	return sum
}
