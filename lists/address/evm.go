package address

import (
	_ "embed"
	"encoding/hex"
	"strings"
)

// The EVM family: one account of 20 bytes is one identity on every chain.
//
//   - EIP-55 (checksum by letter case), EIP-1191 (the same with the chain id, Rootstock)
//   - ICAP: Ethereum "Inter exchange Client Address Protocol", ISO 7064 MOD 97-10
//   - EIP-681 and ERC-831 (payment URI), ERC-3770 (short names), CAIP-10
//   - XDC writes xdc for 0x; Harmony, Cronos and OKX Chain also write bech32
//   - chain ids: EIP-155

//go:embed evm.tsv
var evmTable string

//go:embed evm_testnets.tsv
var evmTestTable string

// evmTestnets names the test networks that are known by their CAIP-2 id. Their accounts are those of the main networks.
var evmTestnets = map[string]string{}

// likelyEVM is how many rows of the table come before other readings of a coin's code, in their order.
const likelyEVM = 11

func init() {
	forms := []Form{
		{"EIP-55", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "letter case, when mixed"},
		{"lower case", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "none"},
		{"ICAP", "XE7338O073KYGTWWZN0F2WZ0R8PX5ZPPZS", "ISO 7064 MOD 97-10"},
	}
	const typos = "Only in mixed case (EIP-55, one error in 4,000 on average is missed) or as ICAP; in one case every typing error is another valid address."
	schemes := []string{"ethereum", "iban"}
	for i, row := range tableRows("evm.tsv", evmTable, 7) {
		n := Network{Name: row[1], Aliases: tableList(row[3]), Assets: tableList(row[4]), CAIP2: []string{"eip155:" + row[0]}, Short: tableList(row[5]),
			Forms: forms, Typos: typos, Family: "evm", evm: true, rank: 150, decode: decodeEVM, uri: readEVMURI}
		if i < likelyEVM {
			n.rank, n.Schemes = 50+i, schemes
		}
		switch n.Name {
		case "ethereum":
			n.fits = func(text string) bool {
				return len(text) >= 2 && (text[:2] == "0x" || text[:2] == "0X") && len(text) <= 44 ||
					foldedPrefix(text, "xe") && (len(text) == 20 || len(text) == 34 || len(text) == 35)
			}
		case "rootstock":
			n.Forms = append([]Form{{"EIP-1191", "0x5aaEB6053f3e94c9b9a09f33669435E7ef1bEAeD", "letter case, when mixed"}}, forms...)
		case "xdc":
			n.Forms = append([]Form{{"xdc", "xdc5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "letter case, when mixed"}}, forms...)
			n.fits = func(text string) bool { return foldedPrefix(text, "xdc") && len(text) >= 42 && len(text) <= 45 }
		}
		if prefix := row[6]; prefix != "" {
			n.Forms = append([]Form{{"bech32", bech32Text(prefix, "\x5a\xae\xb6\x05\x3f\x3e\x94\xc9\xb9\xa0\x9f\x33\x66\x94\x35\xe7\xef\x1b\xea\xed", bech32Plain), "bech32"}}, forms...)
			n.fits = func(text string) bool {
				return foldedPrefix(text, prefix) && len(text) > len(prefix) && text[len(prefix)] == '1'
			}
			n.decode = func(text string, a *Address) *Error {
				if n.fits(text) {
					return decodeEVMBech32(text, prefix, a)
				}
				return decodeEVM(text, a)
			}
		}
		register(n).Schemes = schemes // all take them; without a network they mean the likeliest
	}
	for _, row := range tableRows("evm_testnets.tsv", evmTestTable, 2) {
		evmTestnets["eip155:"+row[0]] = row[1]
	}
	registerVariant(variant{VariantEVM, "evm", "", "ethereum", func(payload string) string {
		if len(payload) != 20 {
			return ""
		}
		text := eip55([]byte(payload), "")
		return string(text[:])
	}})
	registerSpace(space{number: SpaceEVM, relate: relateEVM})
}

// relateEVM relates the forms that the family's 20 bytes take where they are another identity.
func relateEVM(_ Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
	if askedAs != 0 || listedAs != 0 {
		return None, ""
	}
	return SameKey, familyOf(listed) + " account → " + familyOf(asked) +
		" account of the same 20 bytes; certain for the account of a key, not known for a contract, which may be somebody else's there"
}

// familyOf gives the first word of a variant's identity.
func familyOf(v Variant) string {
	if int(v) < len(variants) && variants[v] != nil {
		return variants[v].family
	}
	return "unknown"
}

func decodeEVM(text string, a *Address) *Error {
	switch {
	case foldedPrefix(text, "xe") && !isHex(text):
		return decodeICAP(text, a)
	case a.Network == "xdc" && foldedPrefix(text, "xdc"):
		return decodeEVMHex(text[3:], 3, "", a)
	}
	digits, has := without0x(text)
	if has {
		return decodeEVMHex(digits, 2, text, a)
	}
	return decodeEVMHex(digits, 0, "", a)
}

// decodeTestEVM reads an account of a test network, which is the same account on the main networks, and says so.
func decodeTestEVM(text string, a *Address) *Error {
	fail := decodeEVM(text, a)
	if fail == nil {
		a.Notices = append(a.Notices, "testnet_network")
	}
	return fail
}

// decodeEVMHex reads the 40 digits that stand at offset. whole is the text with 0x: it is the canonical
// text if it is written as EIP-55 says.
func decodeEVMHex(digits string, offset int, whole string, a *Address) *Error {
	var account [20]byte
	if fail := hex20(&account, digits); fail != nil {
		if fail.Position >= 0 {
			fail.Position += offset
		}
		return fail
	}
	canonical := eip55(account[:], "")
	if string(canonical[2:]) != digits {
		if small, capital := hexCase(digits); small && capital && !isEIP1191(account[:], digits) {
			folded := &Address{Network: a.Network}
			folded.set(SpaceEVM, VariantEVM, account[:], canonical[:])
			fail := refuse(BadChecksum, "the letter case is not the checksum of EIP-55")
			fail.Folded = folded
			return fail
		}
	}
	if string(canonical[:]) == whole {
		a.setText(SpaceEVM, VariantEVM, account[:], whole)
	} else {
		a.set(SpaceEVM, VariantEVM, account[:], canonical[:])
	}
	return nil
}

// isBareEIP55 tells 40 hex digits of both letter cases. Without 0x, a listed text is read when they carry the checksum of EIP-55; a check
// must name an EVM network.
func isBareEIP55(text string) bool {
	if len(text) != 40 || !isHex(text) {
		return false
	}
	small, capital := hexCase(text)
	return small && capital
}

// hex20 reads exactly 40 hex digits.
func hex20(dst *[20]byte, digits string) *Error {
	if len(digits) != 40 {
		return refuse(BadLength, "it is not 40 hex digits")
	}
	_, fail := hexDecode(dst[:0], digits)
	return fail
}

// eip55 writes an account with its checksum: a letter is upper case where the same digit of the hash of the
// lower-case digits is 8 or more. chain is "" for EIP-55, or the chain id of EIP-1191 and "0x".
func eip55(account []byte, chain string) (text [42]byte) {
	var room [64]byte
	text[0], text[1] = '0', 'x'
	hex.Encode(text[2:], account)
	sum := keccak256(append(append(room[:0], chain...), text[2:]...))
	// Without a branch: which digits are letters, and which are capitals, no processor can guess.
	for i := range 40 {
		high := sum[i>>1] >> (4 - i&1<<2) >> 3 & 1
		letter := text[2+i] >> 6 & 1 // bit 6 is set in letters, not in digits
		text[2+i] -= high & letter << 5
	}
	return text
}

// hexCase tells whether hex digits have lower-case and upper-case letters, without a branch for each.
func hexCase(digits string) (small, capital bool) {
	var s, c byte
	for i := range len(digits) {
		letter, low := digits[i]>>6&1, digits[i]>>5&1
		s |= letter & low
		c |= letter &^ low
	}
	return s != 0, c != 0
}

// isEIP1191 tells whether the letter case is the checksum of Rootstock (chain 30) or its test network (31), which
// wallets show for the same account.
func isEIP1191(account []byte, digits string) bool {
	for _, chain := range [...]string{"300x", "310x"} {
		if text := eip55(account, chain); string(text[2:]) == digits {
			return true
		}
	}
	return false
}

// decodeEVMBech32 reads the bech32 form of the networks that have one: Harmony (one), Cronos (crc), OKX Chain (ex). It holds 20 bytes.
func decodeEVMBech32(text, prefix string, a *Address) *Error {
	var data [96]byte
	var account [60]byte
	payload, fail := bech32Payload(data[:0], account[:0], text, prefix, bech32Plain)
	if fail != nil {
		return fail
	}
	if len(payload) != 20 {
		return refuse(BadLength, "it does not hold 20 bytes")
	}
	canonical := eip55(payload, "")
	a.set(SpaceEVM, VariantEVM, payload, canonical[:])
	return nil
}

// decodeICAP reads XE, two check digits, and the account as 30 ("direct") or 31 ("basic") base 36 digits.
func decodeICAP(text string, a *Address) *Error {
	switch len(text) {
	case 34, 35:
	case 20:
		return refuse(UnsupportedKind, "it is an indirect ICAP code: it names an asset and a client, no account")
	default:
		return refuse(BadLength, "it is not an ICAP code of 34 or 35 characters")
	}
	if small, capital := letterCase(text); small && capital {
		// Otherwise one Dash address Xe… in a hundred would pass.
		return refuse(MixedCase, "an ICAP code is all upper or all lower case")
	}
	// ISO 7064: the four characters in front go behind, letters count from 10, the whole is 1 modulo 97.
	rest := 0
	for i := range len(text) {
		v := base36(text[(i+4)%len(text)])
		switch {
		case v < 0:
			return refuseAt(BadCharacter, (i+4)%len(text), "it is no letter or digit")
		case v < 10:
			rest = (rest*10 + v) % 97
		default:
			rest = (rest*100 + v) % 97
		}
	}
	if rest != 1 {
		return refuse(BadChecksum, "the ICAP check digits do not match")
	}
	var account [20]byte
	for i := 4; i < len(text); i++ {
		carry := base36(text[i])
		for j := len(account) - 1; j >= 0; j-- {
			carry += int(account[j]) * 36
			account[j] = byte(carry)
			carry >>= 8
		}
		if carry != 0 {
			return refuse(BadLength, "the ICAP number is larger than 20 bytes")
		}
	}
	canonical := eip55(account[:], "")
	a.set(SpaceEVM, VariantEVM, account[:], canonical[:])
	return nil
}

func base36(c byte) int {
	switch c = lower(c); {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 10
	}
	return -1
}

// readEVMURI reads EIP-681: ["pay-"] target ["@" chain] ["/" function] ["?" parameters], or what stands behind an
// ERC-3770 short name or iban:. In a token transfer the target is the token's contract, and the party to screen
// is the payee in its address parameter.
func readEVMURI(scheme, rest string, u *unwrapped) *Error {
	if scheme != "ethereum" {
		return readURI(rest, u) // bnb: is the scheme of another network, too
	}
	if strings.HasPrefix(rest, "pay-") {
		rest = rest[4:]
		u.offset += 4
	}
	head, query, _ := strings.Cut(rest, "?")
	head, function, _ := strings.Cut(head, "/")
	target, chain, hasChain := strings.Cut(head, "@")
	u.text = target
	if hasChain {
		if !isDecimal(chain) {
			return refuse(BadCharacter, "its chain id is not a number")
		}
		n := byCAIP2["eip155:"+chain]
		if n == nil {
			n = evmChain("eip155:" + chain)
		}
		u.keep("chain_id", chain)
		u.networks = []*Network{n}
	}
	var payee string
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "address":
			if payee != "" || function != "transfer" {
				return refuse(TwoAddresses, "the URI calls a contract for another address; screen both")
			}
			payee = value
		case "value", "uint256":
			u.keep("amount", value)
		}
	}
	if function != "transfer" {
		return nil
	}
	if payee == "" {
		return refuse(Empty, "the token transfer has no payee")
	}
	token := Address{Network: "ethereum"}
	if fail := decodeEVM(target, &token); fail != nil {
		return explain(target, u.networks[0], fail, Asked)
	}
	u.keep("token", token.Canonical)
	u.offset += strings.LastIndex(rest, payee)
	u.text = payee
	return nil
}
