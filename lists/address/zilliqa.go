package address

import (
	"crypto/sha256"
	"encoding/hex"
)

// Zilliqa. Sources: zilliqa-js, bech32.ts and util.ts (toChecksumAddress). The 20 bytes are the end of the SHA-256 of a key. Since
// version 2 the same account is a contract's or an EVM key's as well, so that 0x and 40 digits are an EVM account with the same bytes.

func init() {
	c := bech32Chain{network: "zilliqa", aliases: []string{"zil"}, assets: []string{"ZIL"}, hrp: "zil", code: bech32Plain, size: 20}
	n := c.describe()
	n.Forms = []Form{
		{"bech32", bech32Text("zil", exampleBytes[:20], bech32Plain), "bech32"},
		{"hex", renderEIP55(exampleBytes[:20]), "EIP-55 or Zilliqa's own letter case, when mixed"},
	}
	n.Typos = "The bech32 checksum finds up to four wrong characters for certain; hex digits in one case have none."
	n.decode = decodeZilliqa
	register(n)
	registerVariant(variant{VariantZilliqa, "zilliqa", "", "zilliqa", func(payload string) string { return bech32Text("zil", payload, bech32Plain) }})
}

func decodeZilliqa(text string, a *Address) *Error {
	var account [20]byte
	digits, isHexForm := without0x(text)
	if isHexForm || isHex(text) {
		if fail := hex20(&account, digits); fail != nil {
			return fail
		}
	} else {
		if foldedPrefix(text, "tzil1") {
			return refuse(Testnet, "it is a test network address")
		}
		var data, room [96]byte
		payload, fail := bech32Payload(data[:0], room[:0], text, "zil", bech32Plain)
		if fail != nil {
			return fail
		}
		if len(payload) != 20 {
			return refuse(BadLength, "it does not hold 20 bytes")
		}
		account, isHexForm = [20]byte(payload), false
	}
	var values, human [64]byte
	a.set(SpaceEVM, VariantZilliqa, account[:], bech32Encode(human[:0], "zil", bits8to5(values[:0], account[:]), bech32Plain))
	if small, capital := hexCase(digits); isHexForm && small && capital {
		checked := eip55(account[:], "")
		if digits != string(checked[2:]) && digits != zilliqaCase(account) {
			would := *a
			fail := refuse(BadChecksum, "the letter case is neither the checksum of EIP-55 nor that of Zilliqa")
			fail.Folded = &would
			return fail
		}
	}
	return nil
}

// zilliqaCase writes an account in Zilliqa's letter case: a letter is a capital where a bit of the SHA-256 of the bytes, six bits to a
// digit, is set.
func zilliqaCase(account [20]byte) string {
	sum := sha256.Sum256(account[:])
	text := []byte(hex.EncodeToString(account[:]))
	for i, c := range text {
		bit := 6 * i
		if isLower(c) && sum[bit/8]>>(7-bit%8)&1 != 0 {
			text[i] = c - 32
		}
	}
	return string(text)
}
