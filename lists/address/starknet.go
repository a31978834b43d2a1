package address

import "encoding/hex"

func init() {
	n := Network{
		Name:    "starknet",
		Aliases: []string{"strk"},
		Assets:  []string{"STRK"},
		CAIP2:   []string{"starknet:SN_MAIN"},
		Schemes: []string{"starknet"},
		Forms: []Form{
			{"account with checksum", "0x02DdfB499765c064eaC5039E3841AA5f382E73B598097a40073BD8B48170Ab57", "letter case by Keccak-256"},
			{"account", "0x02ddfb499765c064eac5039e3841aa5f382e73b598097a40073bd8b48170ab57", "none"},
			{"leading zeros left out", "0x2ddfb499765c064eac5039e3841aa5f382e73b598097a40073bd8b48170ab57", "none"},
		},
		decode: decodeStarknet,
	}
	registerHexAccounts(n, SpaceStarknet, VariantStarknet)
}

// decodeStarknet reads a contract address: below 2^251, its letter case a checksum when both cases occur.
func decodeStarknet(text string, a *Address) *Error {
	account, fail := hexAccount(text, a)
	if fail != nil {
		return fail
	}
	switch first := account[0]; {
	case first < 0x08:
	case first < 0x10 || first >= 0x80:
		return refuse(BadLength, "addresses of Starknet are below 2^251")
	default:
		// No address either, but what one without its leading zero becomes with a digit too many. The shared
		// examples (v14402, v14527) have it read, as another account than the one without that digit.
		a.Notices = append(a.Notices, "out_of_range")
	}
	var room [66]byte
	plain := hex.AppendEncode(append(room[:0], "0x"...), account[:])
	a.set(SpaceStarknet, VariantStarknet, account[:], plain)
	digits, _ := without0x(text)
	if small, capital := letterCase(digits); small && capital {
		var checked [64]byte
		starknetCase(&checked, account)
		if digits != string(checked[64-len(digits):]) {
			fail = refuse(BadChecksum, "the letter case is not that of the checksum")
			would := *a
			fail.Folded = &would
			return fail
		}
	}
	return nil
}

// starknetCase writes the digits of an address in the letter case of its checksum, as starknet.js
// (getChecksumAddress) does: a digit is large where the same digit of the Keccak-256 of the number, its
// leading zero bytes left out, is 8 or more.
func starknetCase(dst *[64]byte, account [32]byte) {
	number := account[:]
	for len(number) > 1 && number[0] == 0 {
		number = number[1:]
	}
	sum := keccak256(number)
	hex.Encode(dst[:], account[:])
	for i, c := range dst {
		if isLower(c) && sum[i/2]>>(4*(1-i&1))&8 != 0 {
			dst[i] = c - 32
		}
	}
}
