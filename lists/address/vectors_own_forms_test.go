package address

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
)

// The forms of every network, with the encoders that write them, and what is told apart or refused on each.

type spellings = map[string]func(p []byte) string

// ownNetworks makes the lines of each network of the contract.
var ownNetworks = map[string]func(m *maker){
	"bitcoin": func(m *maker) { m.utxo(&bitcoin) }, "litecoin": ownLitecoin, "bitcoin-gold": func(m *maker) { m.utxo(&bitcoinGold) },
	"bitcoin-sv": func(m *maker) { m.utxo(&bitcoinSV) }, "dogecoin": func(m *maker) { m.utxo(&dogecoin) }, "dash": func(m *maker) { m.utxo(&dash) },
	"verge": func(m *maker) { m.utxo(&verge) }, "bitcoin-cash": func(m *maker) { m.cash(&bitcoinCash) }, "ecash": func(m *maker) { m.cash(&ecash) },
	"zcash": ownZcash, "monero": ownMonero,
	"ethereum": ownEVM, "ethereum-classic": ownEVM, "arbitrum": ownEVM, "bsc": ownEVM, "polygon": ownEVM, "base": ownEVM, "optimism": ownEVM,
	"avalanche-c": ownEVM, "rootstock": ownEVM, "xdc": ownEVM, "harmony": ownEVM,
	"tron": ownTron, "solana": ownSolana, "xrp": ownXRP, "stellar": ownStellar, "bnb": ownBNB,
	"cosmos": ownCosmos, "osmosis": ownCosmos, "injective": ownCosmos, "evmos": ownCosmos, "thorchain": ownCosmos, "kava": ownCosmos, "maya": ownCosmos,
	"secret": ownCosmos, "terra": ownCosmos, "akash": ownCosmos, "axelar": ownCosmos, "celestia": ownCosmos, "dydx": ownCosmos, "juno": ownCosmos,
	"noble": ownCosmos, "sei": ownCosmos, "stargaze": ownCosmos,
	"cardano": ownCardano, "polkadot": ownSS58, "kusama": ownSS58, "bittensor": ownSS58, "astar": ownSS58, "substrate": ownSS58,
	"ton": ownTON, "algorand": ownAlgorand, "near": ownNEAR, "aptos": ownHex, "sui": ownHex, "starknet": ownStarknet, "tezos": ownTezos,
	"filecoin": ownFilecoin, "hedera": ownHedera, "eos": ownEOS, "icp": ownICP, "kaspa": ownKaspa, "nano": ownNano,
	"avalanche-x": ownAvalanche, "avalanche-p": ownAvalanche,
}

// stranger makes the lines that every network has: an address of another one, and what people paste instead of an address.
func (m *maker) stranger(names bool) {
	other := string(appendStrkey(nil, strkeyAccount, m.bytes(32)))
	if m.network == "stellar" {
		other = versioned("\x1e", string(m.bytes(20)))
	}
	if m.network != "near" && m.below(2) == 0 { // on NEAR it is a name in the wrong letter case
		m.invalid(other, WrongNetwork, "an address of another network")
	}
	m.invalid(m.secret(), SecretMaterial, "a private key")
	if names && m.below(2) == 0 {
		m.invalid([]string{"alice.eth", "treasury.example.sol", "somebody.crypto"}[m.below(3)], NameNotAddress, "a name: resolve it and ask again")
	}
	if !names || m.below(4) == 0 {
		m.invalid("someone@example.com", NameNotAddress, "a paymail, Lightning or federation name")
	}
}

// secret writes a private key in one of the ways that look the same under every network. None was ever used.
func (m *maker) secret() string {
	key := string(m.bytes(64))
	switch m.below(7) {
	case 0:
		return versioned("\x80", key[:32]) // WIF
	case 1:
		return versioned("\x80", key[:32]+"\x01") // WIF of a compressed key
	case 2:
		return versioned("\x04\x88\xad\xe4", "\x00"+strings.Repeat("\x00", 8)+key[:32]+"\x00"+key[32:]) // BIP-32
	case 3:
		return string(appendStrkey(nil, strkeySeed, []byte(key[:32]))) // SEP-23
	case 4:
		return bech32Text("suiprivkey", "\x00"+key[:32], bech32Plain) // SIP-15
	case 5:
		return bech32Text("nsec", key[:32], bech32Plain) // NIP-19
	}
	return string(base58Bitcoin.encode(nil, []byte(key))) // a key pair of ed25519
}

// utxo makes the lines of a chain made from Bitcoin's code.
func (m *maker) utxo(c *utxoChain) {
	base := ownForm{size: 20, letters: lettersBase58, skip: 1, foreign: "0", short: BadChecksum, long: BadChecksum}
	p2pkh, p2sh := base, base
	p2pkh.name, p2pkh.identity = "P2PKH", c.network+":p2pkh"
	p2pkh.write = func(p []byte) string { return versioned(c.keyHash, string(p)) }
	p2sh.name, p2sh.identity = "P2SH", c.network+":p2sh"
	p2sh.write = func(p []byte) string { return versioned(c.script, string(p)) }
	if c.oldScript != "" {
		p2sh.spell = spellings{"the version before 2018": func(p []byte) string { return versioned(c.oldScript, string(p)) }}
	}
	m.form(&p2pkh, 2, 3)
	m.form(&p2sh, 2, 2)
	hash := string(m.bytes(20))
	m.different(m.network, p2pkh.write([]byte(hash)), m.network, p2sh.write([]byte(hash)), "key hash and script hash of the same 20 bytes")
	if len(c.keyHash) == 1 {
		m.invalid(versioned(c.keyHash, hash[:19]), BadLength, "a right checksum over a hash of 19 bytes")
	}
	m.invalid(versioned(c.script, hash+"\x00"), BadLength, "a right checksum over a hash of 21 bytes")
	m.invalid(versioned("\x6f", hash), Testnet, "P2PKH of the test network")
	m.invalid(versioned("\xc4", hash), Testnet, "P2SH of the test network")
	m.invalid(versioned("\x41", hash), WrongNetwork, "a version of another network (Tron)")
	if m.network == "bitcoin" {
		m.invalid("0x"+hex.EncodeToString(m.bytes(20)), WrongNetwork, "an EVM account")
		m.invalid(hex.EncodeToString(m.bytes(32)), SecretMaterial, "64 hex digits: a private key, or an id of a transaction")
		m.invalid("02"+hex.EncodeToString(m.bytes(32)), UnsupportedKind, "a public key")
	}
	m.stranger(true)
	if c.hrp == "" {
		return
	}
	for _, w := range []struct {
		name, kind    string
		version, size int
	}{{"P2WPKH", "p2wpkh", 0, 20}, {"P2WSH", "p2wsh", 0, 32}, {"P2TR", "p2tr", 1, 32}, {"a later witness version", "witness", 2 + m.below(15), 2 + m.below(39)}} {
		f := ownForm{name: w.name, identity: c.network + ":" + w.kind, size: w.size, letters: lettersBech32, skip: len(c.hrp) + 3, folds: true, foreign: "b",
			short: BadChecksum, long: BadChecksum, write: func(p []byte) string { return c.witnessText(byte(w.version), string(p)) }}
		if w.kind == "witness" {
			f.bytes = func(p []byte) []byte { return append([]byte{byte(w.version)}, p...) }
		}
		m.form(&f, 2, 2)
		text := f.write(m.bytes(w.size))
		code := bech32M // of the other kind than is due
		if w.version > 0 {
			code = bech32Plain
		}
		data := append([]byte{byte(w.version)}, bits8to5(nil, m.bytes(w.size))...)
		m.invalid(string(bech32Encode(nil, c.hrp, data, code)), BadChecksum, w.name+": bech32 where bech32m is due, or the reverse")
		if w.version == 0 {
			m.invalid(strings.ToUpper(text[:len(c.hrp)])+text[len(c.hrp):], MixedCase, w.name+": a prefix in capitals before small letters")
		}
	}
	program := m.bytes(32)
	m.invalid(string(bech32Encode(nil, c.hrp, append([]byte{17}, bits8to5(nil, program)...), bech32M)), UnsupportedKind, "witness version 17")
	m.invalid(string(bech32Encode(nil, c.hrp, append([]byte{0}, bits8to5(nil, program[:25])...), bech32Plain)), BadLength, "a version 0 program of 25 bytes")
	m.invalid(string(bech32Encode(nil, c.hrp, append([]byte{1}, bits8to5(nil, program[:1])...), bech32M)), BadLength, "a program of 1 byte")
	m.different(m.network, c.witnessText(0, string(program)), m.network, c.witnessText(1, string(program)), "witness version 0 and 1 of the same program")
	m.different(m.network, c.witnessText(1, string(program)), m.network, c.witnessText(2, string(program)), "witness version 1 and 2 of the same program")
	m.different(m.network, c.witnessText(0, hash), m.network, p2sh.write([]byte(hash)), "P2WPKH and P2SH of the same 20 bytes")
}

func ownLitecoin(m *maker) {
	m.utxo(&litecoin)
	mweb := &ownForm{name: "MWEB", identity: "litecoin:mweb", size: 66, write: func(p []byte) string { return textMWEB(string(p)) },
		letters: lettersBech32, skip: 9, folds: true, foreign: "b", short: BadChecksum, long: BadChecksum}
	m.form(mweb, 2, 3)
	keys := string(m.bytes(66))
	write := func(hrp string, version byte, keys string, code bech32Code) string {
		return string(bech32Encode(nil, hrp, append([]byte{version}, bits8to5(nil, keys)...), code))
	}
	m.invalid(write(hrpMWEB, 0, keys, bech32M), BadChecksum, "MWEB in bech32m")
	m.invalid(write(hrpMWEB, 1, keys, bech32Plain), UnsupportedKind, "MWEB of version 1")
	m.invalid(write(hrpMWEB, 0, keys[:65], bech32Plain), BadLength, "MWEB of 65 bytes")
	m.invalid(write("tmweb", 0, keys, bech32Plain), Testnet, "MWEB of the test network")
	m.invalid(versioned("\x3a", keys[:20]), WrongNetwork, "P2SH of the test network since 2018, which is letter for letter P2PKH of Qtum")
	m.invalid("tltc1"+bitcoin.witnessText(0, keys[:20])[3:], Testnet, "the prefix of the test network")
}

// cashText writes cashaddr with its prefix.
func cashText(prefix string, version byte, hash []byte) string {
	return string(cashEncode(nil, prefix, bits8to5(nil, append([]byte{version}, hash...))))
}

// cash makes the lines of a chain that writes cashaddr.
func (m *maker) cash(c *cashChain) {
	for kind, name := range []string{"P2PKH", "P2SH", "P2SH32"} {
		f := &ownForm{name: name, identity: c.network + ":" + strings.ToLower(name), size: 20, letters: lettersBech32, skip: len(c.prefix) + 2, folds: true, foreign: "b",
			short: BadChecksum, long: BadChecksum}
		version := byte(kind << 3)
		if name == "P2SH32" {
			if c.p2sh32 == 0 {
				continue
			}
			f.size, version = 32, 1<<3|3
		}
		f.write = func(p []byte) string { return cashText(c.prefix, version, p) }
		f.spell = spellings{
			"without the prefix":              func(p []byte) string { return f.write(p)[len(c.prefix)+1:] },
			"without the prefix, in capitals": func(p []byte) string { return strings.ToUpper(f.write(p)[len(c.prefix)+1:]) },
			"payment URI":                     func(p []byte) string { return f.write(p) + "?amount=0.5&label=x" },
		}
		if c.tokens {
			f.spell["token-aware"] = func(p []byte) string { return cashText(c.prefix, version|2<<3, p) }
			f.spell["CAIP-10"] = func(p []byte) string { return byName[c.network].CAIP2[0] + ":" + f.write(p)[len(c.prefix)+1:] }
		}
		if kind < 2 {
			old := []string{c.keyHash, c.script}[kind]
			f.spell["legacy"] = func(p []byte) string { return versioned(old, string(p)) }
			f.spell["with the prefix "+c.tokenPrefix] = func(p []byte) string { return cashText(c.tokenPrefix, version, p) }
			if c.copay != "" {
				f.spell["legacy with the version of BitPay and Copay"] = func(p []byte) string { return versioned(c.copay[kind:kind+1], string(p)) }
			}
		}
		m.form(f, 2, 3)
	}
	hash := m.bytes(20)
	others := map[string]string{"bitcoincash": "ecash", "ecash": "bitcoincash"}
	other := cashText(others[c.prefix], 0, hash)
	m.different(m.network, cashText(c.prefix, 0, hash), m.network, cashText(c.prefix, 8, hash), "key hash and script hash of the same 20 bytes")
	m.invalid(other, WrongNetwork, "the prefix of another chain")
	m.invalid(c.prefix+":"+other[len(others[c.prefix])+1:], BadChecksum, "an address of another chain behind this prefix: the prefix is part of the checksum")
	m.invalid(cashText(map[string]string{"bitcoincash": "bchtest", "ecash": "ectest"}[c.prefix], 0, hash), Testnet, "the prefix of the test network")
	m.invalid(cashText(c.prefix, 4<<3, hash), UnsupportedKind, "a reserved address type")
	m.invalid(cashText(c.prefix, 1, hash), BadLength, "a length other than the version byte states")
	m.invalid(c.prefix+":"+c.prefix+":"+cashText(c.prefix, 0, hash)[len(c.prefix)+1:], BadCharacter, "the prefix twice")
	m.invalid(versioned("\x6f", string(hash)), Testnet, "legacy P2PKH of the test network")
	m.invalid(hex.EncodeToString(m.bytes(32)), SecretMaterial, "64 hex digits: a private key, or an id of a transaction")
	m.stranger(true)
}

// unifiedItems writes the item list of a unified address (ZIP-316).
func unifiedItems(receivers map[int][]byte) string {
	var items []byte
	for _, code := range []int{itemP2PKH, itemP2SH, itemSapling, itemOrchard} {
		if r := receivers[code]; r != nil {
			items = append(append(items, byte(code), byte(len(r))), r...)
		}
	}
	return string(items)
}

// unifiedText puts the padding behind an item list, jumbles and encodes it.
func unifiedText(hrp, items string, code bech32Code) string {
	message := []byte(items + hrp + strings.Repeat("\x00", paddingUnified-len(hrp)))
	f4jumble(message)
	return bech32Text(hrp, string(message), code)
}

func ownZcash(m *maker) {
	m.utxo(&zcashTransparent)
	bech := ownForm{letters: lettersBech32, folds: true, foreign: "b", short: BadChecksum, long: BadChecksum}
	sapling, unified := bech, bech
	sapling.name, sapling.identity, sapling.size, sapling.skip = "Sapling", "zcash:sapling", 43, 3
	sapling.write = func(p []byte) string { return bech32Text("zs", string(p), bech32Plain) }
	m.form(&sapling, 2, 3)
	for _, with := range [][]int{{itemP2PKH, itemSapling}, {itemSapling, itemOrchard}, {itemP2SH, itemOrchard}, {itemP2PKH, itemSapling, itemOrchard}} {
		items := func(p []byte) string {
			receivers := map[int][]byte{}
			for _, code := range with {
				n := 43
				if code <= itemP2SH {
					n = 20
				}
				receivers[code], p = p[:n], p[n:]
			}
			return unifiedItems(receivers)
		}
		unified.name, unified.identity, unified.size, unified.skip = "unified", "zcash:unified", 20+2*43, 2
		unified.write = func(p []byte) string { return unifiedText("u", items(p), bech32M) }
		unified.bytes = func(p []byte) []byte {
			if list := items(p); len(list) < MaxKey {
				return []byte(list)
			}
			sum := sha256.Sum256([]byte(items(p)))
			return sum[:]
		}
		m.form(&unified, 1, 2)
	}
	for range 2 {
		hash := string(m.bytes(20))
		t1, tex := versioned(zcashTransparent.keyHash, hash), bech32Text("tex", hash, bech32M)
		m.valid(tex, t1, "zcash:p2pkh:"+hex.EncodeToString([]byte(hash)), "TEX: a t1 address that takes no shielded sender")
		m.same(t1, tex, "TEX of the same key hash")
		m.same(tex, strings.ToUpper(tex), "TEX in capitals")
	}
	sprout := string(m.bytes(64))
	text := versioned(versionSprout, sprout)
	m.valid(text, text, "zcash:sprout:"+hex.EncodeToString([]byte(sprout)), "Sprout")
	m.invalid(versioned(testSprout, sprout), Testnet, "Sprout of the test network")
	p := m.bytes(43)
	one := unifiedItems(map[int][]byte{itemSapling: p})
	m.invalid(bech32Text("ztestsapling", string(p), bech32Plain), Testnet, "Sapling of the test network")
	m.invalid(unifiedText("utest", one, bech32M), Testnet, "unified of the test network")
	m.invalid(unifiedText("u", one, bech32Plain), BadChecksum, "unified in bech32")
	m.invalid(bech32Text("u", string(m.bytes(61)), bech32M), BadChecksum, "a right bech32m checksum, and no F4Jumble behind it")
	m.invalid(bech32Text("zs", string(p), bech32M), BadChecksum, "Sapling in bech32m")
	m.invalid(bech32Text("zs", string(p[:42]), bech32Plain), BadLength, "Sapling of 42 bytes")
	m.invalid(unifiedText("u", one+"\xe0\x01\x00", bech32M), UnsupportedKind, "unified, with an item that has to be understood")
	m.invalid(unifiedText("u", unifiedItems(map[int][]byte{itemP2PKH: p[:20], itemP2SH: p[:20]})+one, bech32M), UnsupportedKind, "unified, with two transparent receivers")
	m.invalid(unifiedText("u", one+unifiedItems(map[int][]byte{itemP2PKH: p[:20]}), bech32M), UnsupportedKind, "unified, with its items out of order")
	m.invalid(bech32Text("secret-extended-key-main", string(m.bytes(169)), bech32Plain), SecretMaterial, "an extended spending key")
	m.invalid("zcash:?address="+text+"&address.1="+text, TwoAddresses, "a ZIP-321 request that pays two addresses")
	m.same(sapling.write(p), "zcash:?address="+sapling.write(p)+"&amount=1", "ZIP-321 with the only address as a parameter")
	hash := m.bytes(20)
	m.different("zcash", unifiedText("u", unifiedItems(map[int][]byte{itemSapling: p, itemP2PKH: hash}), bech32M), "zcash", unifiedText("u", one, bech32M), "unified addresses that share one receiver")
	m.different("zcash", versioned(zcashTransparent.keyHash, string(hash)), "zcash", versioned(zcashTransparent.script, string(hash)), "t1 and t3 of the same 20 bytes")
}

func ownMonero(m *maker) {
	base := ownForm{size: 64, letters: lettersBase58, skip: 2, foreign: "0", short: BadLength, long: BadLength,
		never: "white space inside"} // what is behind it has the length of a key pair
	standard, sub := base, base
	standard.name, standard.identity = "standard", "monero:standard"
	standard.write = func(p []byte) string { return moneroText(moneroStandard, string(p)) }
	standard.spell = spellings{
		"integrated": func(p []byte) string {
			return moneroText(moneroIntegrated, string(p)+"\x01\x02\x03\x04\x05\x06\x07\x08")
		},
		"integrated, other id": func(p []byte) string { return moneroText(moneroIntegrated, string(p)+string(p[:8])) },
		"payment URI with more": func(p []byte) string {
			return "monero:" + moneroText(moneroStandard, string(p)) + "?tx_amount=1.5&tx_description=x"
		},
	}
	sub.name, sub.identity = "subaddress", "monero:subaddress"
	sub.write = func(p []byte) string { return moneroText(moneroSubaddress, string(p)) }
	m.form(&standard, 2, 3)
	m.form(&sub, 2, 3)
	keys := string(m.bytes(64))
	m.different("monero", moneroText(moneroStandard, keys), "monero", moneroText(moneroSubaddress, keys), "a subaddress with the keys of a standard address")
	m.different("monero", moneroText(moneroStandard, keys), "monero", moneroText(moneroStandard, keys[:32]+string(m.bytes(32))), "one spend key, two view keys")
	for _, network := range []byte{53, 63, 24, 36} {
		m.invalid(moneroText(network, keys), Testnet, "standard address or subaddress of testnet or stagenet")
	}
	m.invalid(moneroText(moneroStandard, keys+"payment!"), BadLength, "a standard address with a payment id")
	m.invalid(moneroText(moneroIntegrated, keys), BadLength, "an integrated address without a payment id")
	m.invalid(moneroText(17, keys), WrongNetwork, "a network byte of another chain")
	m.invalid(hex.EncodeToString(m.bytes(32)), UnsupportedKind, "64 hex digits: a payment id, an id of a transaction, or a key")
	m.invalid(hex.EncodeToString(m.bytes(8)), UnsupportedKind, "16 hex digits: a short payment id")
	m.stranger(true)
}

// icap writes an account as ICAP with 31 digits ("basic").
func icap(account []byte) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	number := slices.Clone(account)
	out := make([]byte, 31)
	for i := 30; i >= 0; i-- {
		rest := 0
		for j, c := range number {
			rest = rest<<8 | int(c)
			number[j], rest = byte(rest/36), rest%36
		}
		out[i] = digits[rest]
	}
	check := 0
	for _, c := range string(out) + "XE00" {
		v := strings.IndexRune(digits, c)
		if check = check*10 + v; v >= 10 {
			check = (check-v)*10 + v
		}
		check %= 97
	}
	return "XE" + string([]byte{'0' + byte((98-check)/10), '0' + byte((98-check)%10)}) + string(out)
}

// flipCase changes the case of the last letter.
func flipCase(text string) string {
	at := strings.LastIndexAny(text, "abcdefABCDEF")
	return text[:at] + string(text[at]^0x20) + text[at+1:]
}

func ownEVM(m *maker) {
	registered := byName[m.network]
	checked := func(p []byte) string { return renderEIP55(string(p)) }
	f := &ownForm{name: "account", identity: "evm", size: 20, write: checked, foreign: "g", short: BadLength, long: BadLength,
		// Both letter cases occur, so that every change of case can be told.
		shape: func(p []byte) { p[0], p[1] = 0xab, 0xcd },
		spell: spellings{
			"small letters":    func(p []byte) string { return strings.ToLower(checked(p)) },
			"capital letters":  func(p []byte) string { return "0x" + strings.ToUpper(checked(p)[2:]) },
			"0X":               func(p []byte) string { return "0X" + checked(p)[2:] },
			"without 0x":       func(p []byte) string { return strings.ToLower(checked(p)[2:]) },
			"ICAP":             icap,
			"ICAP behind iban": func(p []byte) string { return "iban:" + icap(p) },
			"EIP-681 with the chain": func(p []byte) string {
				return "ethereum:pay-" + checked(p) + "@" + strings.TrimPrefix(registered.CAIP2[0], "eip155:") + "?value=2.014e18"
			},
			"EIP-681 token transfer to it": func(p []byte) string {
				return "ethereum:0x89205A3A3b2A69De6Dbf7f01ED13B2108B2c43e7/transfer?address=" + checked(p) + "&uint256=1"
			},
		}}
	if m.network != "ethereum" { // the others share its spellings
		f.spell = spellings{"small letters": f.spell["small letters"], "EIP-681 with the chain": f.spell["EIP-681 with the chain"]}
	}
	for _, short := range registered.Short {
		f.spell["ERC-3770 "+short] = func(p []byte) string { return short + ":" + checked(p) }
	}
	n, damaged := 1, 2
	switch m.network {
	case "ethereum":
		n, damaged = 3, 10
	case "rootstock":
		f.spell["EIP-1191"] = func(p []byte) string { text := eip55(p, "300x"); return string(text[:]) }
	case "xdc":
		f.spell["xdc"] = func(p []byte) string { return "xdc" + checked(p)[2:] }
		f.spell["xdc in capitals"] = func(p []byte) string { return "XDC" + strings.ToUpper(checked(p)[2:]) }
	case "harmony":
		f.spell["bech32"] = func(p []byte) string { return bech32Text("one", string(p), bech32Plain) }
	}
	m.form(f, n, damaged)
	p := m.bytes(20)
	f.shape(p)
	text := checked(p)
	next := slices.Clone(p)
	next[19]++
	m.different(m.network, text, m.network, strings.ToLower(checked(next)), "the next account")
	m.invalid(flipCase(text), BadChecksum, "the case of one letter is not that of EIP-55")
	m.invalid(versioned("\x41", string(p)), WrongNetwork, "an address of Tron")
	other := "eip155:56:"
	if m.network == "bsc" {
		other = "eip155:1:"
	}
	m.invalid(other+text, WrongNetwork, "CAIP-10 of another chain")
	if m.network == "ethereum" {
		m.notEVM(text, p)
	}
	if m.network == "harmony" {
		m.invalid(bech32Text("one", string(p)+"\x00", bech32Plain), BadLength, "bech32 of 21 bytes")
		m.invalid(bech32Text("one", string(p), bech32M), BadChecksum, "bech32m")
	}
	m.stranger(true)
}

// notEVM makes the lines about what is no account of the EVM family.
func (m *maker) notEVM(text string, p []byte) {
	m.invalid("0x"+text, BadLength, "0x twice")
	m.invalid("0x"+strings.Repeat("0", 24)+hex.EncodeToString(p), BadLength, "filled up with zeros to 32 bytes")
	m.invalid("0x"+strings.TrimLeft(hex.EncodeToString(append([]byte{0}, p[1:]...)), "0"), BadLength, "leading zeros left out")
	m.invalid("41"+hex.EncodeToString(p), BadLength, "the hex form of Tron")
	m.invalid("0x"+hex.EncodeToString(m.bytes(32)), SecretMaterial, "64 hex digits: a private key, or an id of a transaction")
	m.invalid("0x04"+hex.EncodeToString(m.bytes(64)), UnsupportedKind, "a public key")
	m.invalid("eip155:"+strings.TrimPrefix(byName[m.network].CAIP2[0], "eip155:")+"x:"+text, WrongNetwork, "CAIP-10 with a chain id that is no number")
	m.invalid("ethereum:"+text+"/approve?address="+text, TwoAddresses, "EIP-681 that calls a contract for another address")
	m.invalid("ethereum:alice.eth?value=1", NameNotAddress, "EIP-681 with a name")
	code := icap(p)
	m.invalid(code[:3]+string('0'+(code[3]-'0'+1)%10)+code[4:], BadChecksum, "ICAP with a wrong check digit")
	m.invalid("XE81ETHXREGGAVOFYORK", UnsupportedKind, "indirect ICAP: it names an asset and a client, no account")
}

func ownTron(m *maker) {
	write := func(p []byte) string { return versioned("\x41", string(p)) }
	f := &ownForm{name: "base58check", identity: "tron", size: 20, write: write, letters: lettersBase58, skip: 1, foreign: "0", short: BadChecksum, long: BadChecksum,
		shape: func(p []byte) { p[0], p[1] = 0xab, 0xcd },
		spell: spellings{
			"hex":                            func(p []byte) string { return "41" + hex.EncodeToString(p) },
			"hex in capitals":                func(p []byte) string { return "41" + strings.ToUpper(hex.EncodeToString(p)) },
			"hex behind 0x":                  func(p []byte) string { return "0x41" + hex.EncodeToString(p) },
			"the form of its VM":             func(p []byte) string { return "0x" + hex.EncodeToString(p) },
			"the form of its VM with EIP-55": func(p []byte) string { return renderEIP55(string(p)) },
		}}
	m.form(f, 2, 4)
	p := m.bytes(20)
	f.shape(p)
	m.invalid(flipCase(renderEIP55(string(p))), BadChecksum, "0x with the case of one letter not that of EIP-55")
	m.invalid("4141"+hex.EncodeToString(p), BadLength, "hex with 41 twice")
	m.invalid("41"+hex.EncodeToString(p[1:]), BadLength, "hex that is too short")
	m.invalid(hex.EncodeToString(p), BadLength, "40 hex digits without 0x: they may have lost 41, or their end")
	m.invalid("a0"+hex.EncodeToString(p), Testnet, "hex of the test network")
	m.invalid(versioned("\xa0", string(p)), Testnet, "the version of the test network")
	m.invalid(versioned("\x42", string(p)), WrongNetwork, "a version of another network")
	m.invalid(versioned("\x41", string(p[:19])), BadLength, "a right checksum over 19 bytes")
	m.invalid(hex.EncodeToString(m.bytes(32)), SecretMaterial, "64 hex digits: a private key, or an id of a transaction")
	m.stranger(true)
}

func ownSolana(m *maker) {
	write := func(p []byte) string { return string(base58Bitcoin.encode(nil, p)) }
	f := &ownForm{name: "account", identity: "solana", size: 32, write: write, foreign: "0", long: BadLength,
		never: "two addresses in one field",    // 88 characters of base58 are taken for a key pair
		shape: func(p []byte) { p[0] |= 0x80 }} // 44 characters, so that one more is too many
	m.form(f, 2, 3)
	p := m.bytes(32)
	f.shape(p)
	text := write(p)
	m.invalid(text[:42], BadLength, "two characters are missing")
	m.invalid("1"+text, BadLength, "another leading zero")
	m.invalid(write(p[:31]), BadLength, "31 bytes")
	m.invalid(write(m.bytes(64)), SecretMaterial, "64 bytes: a key pair (a signature looks the same)")
	m.invalid("alice.sol", NameNotAddress, "a name of SNS")
	for i := len(text) - 1; i > 30; i-- {
		if turned := text[:i] + string(text[i]^0x20) + text[i+1:]; text[i] > '9' && base58Bitcoin.holds(turned) {
			m.different("solana", text, "solana", turned, "the case of one letter: there is no checksum, so it is another account")
			break
		}
	}
	var numbers []string
	for _, b := range m.bytes(64) {
		numbers = append(numbers, strconv.Itoa(int(b)))
	}
	m.invalid("["+strings.Join(numbers, ",")+"]", SecretMaterial, "the file of a command-line wallet")
	m.stranger(true)
}

// xAddress writes an X-address (XLS-5).
func xAddress(prefix string, account []byte, flags byte, tag uint64) string {
	body := append(append([]byte(prefix), account...), flags)
	return string(base58Ripple.encodeCheck(nil, binary.LittleEndian.AppendUint64(body, tag)))
}

func ownXRP(m *maker) {
	write := func(p []byte) string { return string(base58Ripple.encodeCheck(nil, append([]byte{0}, p...))) }
	f := &ownForm{name: "classic", identity: "xrp", size: 20, write: write, letters: base58Ripple.digits, skip: 1, foreign: "0", short: BadChecksum, long: BadChecksum,
		spell: spellings{
			"X-address without a tag": func(p []byte) string { return xAddress(prefixX, p, 0, 0) },
			"X-address with a tag":    func(p []byte) string { return xAddress(prefixX, p, 1, uint64(binary.LittleEndian.Uint32(p))) },
			"with a tag behind ?dt=":  func(p []byte) string { return write(p) + "?dt=4242" },
			"with a tag behind :":     func(p []byte) string { return write(p) + ":7" },
		}}
	m.form(f, 2, 4)
	p := m.bytes(20)
	text := write(p)
	m.same(xAddress(prefixX, p, 1, 1), xAddress(prefixX, p, 1, 2), "X-addresses with two tags: the tag is not part of the account")
	m.invalid(xAddress(prefixTestX, p, 1, 1), Testnet, "X-address of a test network")
	m.invalid(xAddress(prefixX, p, 2, 1), UnsupportedKind, "X-address with a tag of 64 bits")
	m.invalid(xAddress(prefixX, p, 0, 1), BadChecksum, "X-address that has a tag and says it has none")
	m.invalid(xAddress(prefixX, p, 1, 1)+"?dt=2", TwoAddresses, "X-address with another tag behind it")
	m.invalid(text+"?dt=x", BadCharacter, "a tag that is no number")
	m.invalid(text+"?dt=4294967296", BadCharacter, "a tag of more than 32 bits")
	m.invalid("r"+text, BadChecksum, "another leading zero")
	m.invalid(string(base58Ripple.encodeCheck(nil, append([]byte{0x23}, m.bytes(33)...))), UnsupportedKind, "a public key of an account")
	m.invalid(string(base58Ripple.encodeCheck(nil, append([]byte{0x21}, m.bytes(16)...))), SecretMaterial, "a seed (s…)")
	m.invalid(string(base58Ripple.encodeCheck(nil, append([]byte{0x01, 0xe1, 0x4b}, m.bytes(16)...))), SecretMaterial, "an ed25519 seed (sEd…)")
	m.invalid("alice$example.com", NameNotAddress, "a PayString")
	m.stranger(true)
}

func ownStellar(m *maker) {
	base := ownForm{size: 32, letters: lettersBase32, skip: 3, foreign: "1", short: BadLength, long: BadLength}
	account, contract := base, base
	account.name, account.identity = "account", "stellar:account"
	account.write = func(p []byte) string { return string(appendStrkey(nil, strkeyAccount, p)) }
	account.spell = spellings{
		"muxed": func(p []byte) string {
			return string(appendStrkey(nil, strkeyMuxed, append(slices.Clone(p), "\x00\x00\x00\x00\x00\x00\x04\xd2"...)))
		},
		"muxed, other id": func(p []byte) string {
			return string(appendStrkey(nil, strkeyMuxed, append(slices.Clone(p), p[:8]...)))
		},
		"SEP-7 URI":        func(p []byte) string { return "web+stellar:pay?destination=" + account.write(p) + "&amount=1" },
		"CAIP-10 and memo": func(p []byte) string { return "stellar:pubnet:" + account.write(p) + "-27" },
	}
	contract.name, contract.identity = "contract", "stellar:contract"
	contract.write = func(p []byte) string { return string(appendStrkey(nil, strkeyContract, p)) }
	m.form(&account, 2, 4)
	m.form(&contract, 2, 3)
	p := m.bytes(32)
	m.different("stellar", account.write(p), "stellar", contract.write(p), "account and contract of the same 32 bytes")
	m.invalid(strings.ToLower(account.write(p)), MixedCase, "in small letters")
	m.invalid(account.write(p)[:20]+strings.ToLower(account.write(p)[20:]), MixedCase, "half in small letters")
	m.invalid(string(appendStrkey(nil, strkeySeed, p)), SecretMaterial, "a secret seed (S…)")
	m.invalid(strings.ToLower(string(appendStrkey(nil, strkeySeed, p))), SecretMaterial, "a secret seed in small letters")
	for _, version := range []byte{11 << 3, 19 << 3, 23 << 3} {
		m.invalid(string(appendStrkey(nil, version, p)), UnsupportedKind, stellarKinds[version])
	}
	m.invalid("alice*example.com", NameNotAddress, "a federation name")
	m.invalid("web+stellar:pay?destination="+account.write(p)+"&destination="+account.write(m.bytes(32)), TwoAddresses, "a SEP-7 URI that pays two")
	m.invalid("web+stellar:tx?xdr=AAAA", UnsupportedKind, "a SEP-7 URI that is no payment")
	m.stranger(true)
}

func ownBNB(m *maker) {
	f := &ownForm{name: "account", identity: "bnb", size: 20, write: func(p []byte) string { return bech32Text("bnb", string(p), bech32Plain) },
		letters: lettersBech32, skip: 4, folds: true, foreign: "b", short: BadChecksum, long: BadChecksum}
	m.form(f, 2, 3)
	p := string(m.bytes(20))
	m.invalid(bech32Text("tbnb", p, bech32Plain), Testnet, "the prefix of the test network")
	m.invalid(bech32Text("bnb", p, bech32M), BadChecksum, "bech32m")
	m.invalid(bech32Text("bnb", p+"\x00", bech32Plain), BadLength, "21 bytes")
	m.stranger(true)
}

func ownCosmos(m *maker) {
	at := slices.IndexFunc(vectorCosmos, func(c cosmosChain) bool { return c.name == m.network })
	c := &vectorCosmos[at]
	write := func(prefix string) func(p []byte) string {
		return func(p []byte) string { return bech32Text(prefix, string(p), bech32Plain) }
	}
	base := ownForm{letters: lettersBech32, folds: true, foreign: "b", short: BadChecksum, long: BadChecksum}
	for _, kind := range []struct {
		name, prefix string
		size         int
	}{{"account", c.prefix, 20}, {"contract", c.prefix, 32}, {"valoper", c.prefix + "valoper", 20}} {
		f := base
		f.name, f.identity, f.size, f.skip, f.write = kind.name, c.name+":"+kind.name, kind.size, len(kind.prefix)+1, write(kind.prefix)
		if c.eth && kind.name == "account" {
			f.spell = spellings{"the EVM form of the account": func(p []byte) string { return renderEIP55(string(p)) }}
		}
		m.form(&f, 1, 1)
		base.folds = at%4 == 0 // capitals of the other two kinds on some chains only
	}
	p := m.bytes(33)
	account := write(c.prefix)(p[:20])
	m.different(m.network, account, m.network, write(c.prefix)(p[:32]), "a contract whose id begins with the bytes of an account")
	switch at % 3 {
	case 0:
		m.invalid(bech32Text(c.prefix, string(p[:20]), bech32M), BadChecksum, "bech32m")
		m.invalid(write(c.prefix)(p[:19]), BadLength, "19 bytes")
	case 1:
		m.invalid(write(c.prefix+"valcons")(p[:20]), UnsupportedKind, "a consensus key")
		m.invalid(write(vectorCosmos[(at+1)%len(vectorCosmos)].prefix)(p[:20]), WrongNetwork, "the prefix of another chain")
	default:
		m.invalid(write(c.prefix)(p), BadLength, "33 bytes")
		m.invalid(write(c.prefix+"pub")(append([]byte("\xeb\x5a\xe9\x87\x21"), p...)), UnsupportedKind, "a public key")
	}
	if !c.eth && at%2 == 0 {
		m.invalid("0x"+hex.EncodeToString(p[:20]), WrongNetwork, "the EVM form, on a chain whose accounts are not EVM accounts")
	}
	m.stranger(true)
}

func ownCardano(m *maker) {
	for _, kind := range []struct {
		header     byte
		name, kind string
		more       int // bytes behind the first credential
	}{
		{0, "base, key and key", "base", 28}, {1, "base, script and key", "base", 28}, {2, "base, key and script", "base", 28}, {3, "base, script and script", "base", 28},
		{4, "pointer, key", "pointer", 6}, {5, "pointer, script", "pointer", 6}, {6, "enterprise, key", "enterprise", 0}, {7, "enterprise, script", "enterprise", 0},
		{14, "stake, key", "stake", 0}, {15, "stake, script", "stake", 0},
	} {
		hrp := "addr"
		if kind.header >= 14 {
			hrp = "stake"
		}
		f := &ownForm{name: kind.name, identity: "cardano:" + kind.kind, size: 29 + kind.more, letters: lettersBech32, skip: len(hrp) + 3, folds: true, foreign: "b",
			short: BadChecksum, long: BadChecksum,
			write: func(p []byte) string { return bech32Text(hrp, string(p), bech32Plain) },
			shape: func(p []byte) {
				p[0] = kind.header<<4 | 1
				if kind.kind == "pointer" { // slot 20,000,000 or so, transaction, certificate
					copy(p[29:], []byte{0x89, 0xc4, p[31] | 0x80, 0x01, p[33] & 0x7f, p[34] & 0x7f})
				}
			},
			spell: spellings{
				"in hex (CIP-30)":             hex.EncodeToString,
				"in hex, with capital digits": func(p []byte) string { return strings.ToUpper(hex.EncodeToString(p)) },
			}}
		if kind.kind == "enterprise" || kind.kind == "stake" {
			f.bytes = func(p []byte) []byte { return append([]byte{kind.header & 1}, p[1:]...) } // a credential: key or script, and its hash
		}
		m.form(f, 1, 1)
		p := m.bytes(f.size)
		f.shape(p)
		p[0] &^= 1
		m.invalid(bech32Text(hrp, string(p), bech32Plain), Testnet, kind.name+": the header of the test networks behind the prefix of mainnet")
		p[0] |= 1
		m.invalid(bech32Text(hrp, string(p[:len(p)-1]), bech32Plain), BadLength, kind.name+": a byte is missing")
	}
	byron := &ownForm{name: "Byron", identity: "cardano:byron", size: 28, letters: lettersBase58, foreign: "0", short: UnsupportedKind, long: UnsupportedKind,
		bytes: func(p []byte) []byte { return []byte("\x83\x58\x1c" + string(p) + "\xa0\x00") }}
	byron.write = func(p []byte) string {
		return string(base58Bitcoin.encode(nil, appendByron(nil, string(byron.bytes(p)))))
	}
	byron.skip = len(byron.write(make([]byte, 28))) - 4 // within the CRC-32: what changes before it may be no CBOR at all
	byron.spell = spellings{"in hex": func(p []byte) string { return hex.EncodeToString(appendByron(nil, string(byron.bytes(p)))) }}
	m.form(byron, 2, 3)
	root := m.bytes(28)
	m.invalid(string(base58Bitcoin.encode(nil, appendByron(nil, "\x83\x58\x1c"+string(root)+"\xa1\x02\x45\x1a\x41\x70\xcb\x17\x00"))), Testnet, "Byron with the number of a test network")
	m.invalid(string(base58Bitcoin.encode(nil, []byte("\x82\xd8\x18\x5b\x7f\xff\xff\xff\xff\xff\xff\xff\x00"))), UnsupportedKind, "CBOR that announces 2^63 bytes")
	m.different("cardano", bech32Text("addr", "\x61"+string(root), bech32Plain), "cardano", bech32Text("addr", "\x71"+string(root), bech32Plain), "key and script credential of one hash")
	m.different("cardano", bech32Text("addr", "\x61"+string(root), bech32Plain), "cardano", bech32Text("stake", "\xe1"+string(root), bech32Plain), "payment and stake credential of one hash")
	m.invalid(bech32Text("addr", "\xe1"+string(root), bech32Plain), UnsupportedKind, "a stake header behind addr")
	for _, hrp := range []string{"pool", "drep", "asset", "addr_vk"} {
		m.invalid(bech32Text(hrp, string(root), bech32Plain), UnsupportedKind, "not an address: "+hrp)
	}
	m.invalid(bech32Text("addr_xsk", string(m.bytes(96)), bech32Plain), SecretMaterial, "an extended signing key (CIP-5)")
	m.invalid("$alice", NameNotAddress, "an ADA handle")
	m.stranger(true)
}

var ownSS58Prefix = map[string]uint16{"polkadot": 0, "kusama": 2, "bittensor": 42, "astar": 5, "substrate": 42}

// ss58Text writes an account id under a prefix of one byte or two.
func ss58Text(prefix uint16, id []byte) string {
	if prefix < 64 {
		return string(appendSS58(nil, prefix, id))
	}
	body := append([]byte{byte(prefix>>2)&0x3f | 0x40, byte(prefix>>8) | byte(prefix)<<6}, id...)
	sum := ss58Sum(body)
	return string(base58Bitcoin.encode(nil, append(body, sum[:2]...)))
}

func ownSS58(m *maker) {
	prefix := ownSS58Prefix[m.network]
	f := &ownForm{name: "account", identity: m.network, size: 32, write: func(p []byte) string { return ss58Text(prefix, p) },
		letters: lettersBase58, skip: 2, foreign: "0", spell: spellings{
			"public key behind 0x": func(p []byte) string { return "0x" + hex.EncodeToString(p) },
		}}
	if prefix != 42 {
		f.spell["the generic prefix 42"] = func(p []byte) string { return ss58Text(42, p) }
	}
	if m.network == "substrate" {
		f.spell["the prefix of Moonbeam, of two bytes"] = func(p []byte) string { return ss58Text(1284, p) }
		f.spell["the prefix of Polkadot"] = func(p []byte) string { return ss58Text(0, p) }
	}
	m.form(f, 2, 3)
	id := m.bytes(32)
	m.invalid(ss58Text(46+uint16(id[0]&1), id), UnsupportedKind, "a reserved prefix")
	m.invalid(ss58Text(42, id[:25]), BadLength, "25 bytes")
	m.invalid("0x"+hex.EncodeToString(id)+"00", BadLength, "66 hex digits")
	m.invalid(hex.EncodeToString(id), SecretMaterial, "64 hex digits without 0x: how secret seeds are written")
	if m.network != "substrate" {
		m.invalid(ss58Text(1284, id), WrongNetwork, "the prefix of another chain")
	}
	m.stranger(true)
}

func ownTON(m *maker) {
	text := func(tag byte, p []byte, code *base64.Encoding) string {
		raw := append([]byte{tag}, p...)
		return code.EncodeToString(binary.BigEndian.AppendUint16(raw, crc16(raw)))
	}
	raw := func(p []byte) string { return strconv.Itoa(int(int8(p[0]))) + ":" + hex.EncodeToString(p[1:]) }
	for _, workchain := range []byte{0, 0xff} {
		f := &ownForm{name: "workchain " + strconv.Itoa(int(int8(workchain))), identity: "ton", size: 33, shape: func(p []byte) { p[0] = workchain }, write: raw,
			checked: func(p []byte) string { return text(tonBounceable, p, base64.RawURLEncoding) },
			letters: lettersBase64, skip: 1, foreign: "!", short: BadLength, long: BadLength,
			spell: spellings{
				"raw with capital digits":  func(p []byte) string { return strings.ToUpper(raw(p)) },
				"bounceable":               func(p []byte) string { return text(0x11, p, base64.RawURLEncoding) },
				"not bounceable":           func(p []byte) string { return text(0x51, p, base64.RawURLEncoding) },
				"bounceable, test flag":    func(p []byte) string { return text(0x91, p, base64.RawURLEncoding) },
				"not bounceable, flag":     func(p []byte) string { return text(0xd1, p, base64.RawURLEncoding) },
				"bounceable, base64":       func(p []byte) string { return text(0x11, p, base64.RawStdEncoding) },
				"not bounceable, base64":   func(p []byte) string { return text(0x51, p, base64.RawStdEncoding) },
				"ton://transfer/":          func(p []byte) string { return "ton://transfer/" + text(0x51, p, base64.RawURLEncoding) + "?amount=1" },
				"bounceable behind CAIP-2": func(p []byte) string { return "tvm:-239:" + text(0x11, p, base64.RawURLEncoding) },
			}}
		m.form(f, 2, 3)
	}
	p := m.bytes(33)
	p[0] = 0
	master := append([]byte{0xff}, p[1:]...)
	m.different("ton", raw(p), "ton", raw(master), "one hash in two workchains")
	m.invalid(text(0x31, p, base64.RawURLEncoding), UnsupportedKind, "a tag that no account has")
	m.invalid(text(0x11, append([]byte{1}, p[1:]...), base64.RawURLEncoding), UnsupportedKind, "workchain 1")
	m.invalid("1:"+hex.EncodeToString(p[1:]), UnsupportedKind, "workchain 1, raw")
	m.invalid(raw(p)[:65], BadLength, "raw, a digit is missing")
	m.invalid(raw(p)+"0", BadLength, "raw, a digit too many")
	m.invalid(text(0x11, p, base64.RawURLEncoding)+"=", BadLength, "padding")
	m.invalid(hex.EncodeToString(p[1:]), SecretMaterial, "64 hex digits without a workchain")
	m.stranger(true)
}

func ownAlgorand(m *maker) {
	f := &ownForm{name: "account", identity: "algorand", size: 32, write: func(p []byte) string { return string(appendAlgorand(nil, p)) },
		letters: lettersBase32, foreign: "1", short: BadLength, long: BadLength}
	m.form(f, 2, 3)
	text := f.write(m.bytes(32))
	last := strings.IndexByte(lettersBase32, text[57])
	m.invalid(text[:57]+lettersBase32[last|1:last|1+1], BadChecksum, "a spare bit of the last letter is set: the same bytes, another text")
	m.invalid(strings.ToLower(text), MixedCase, "in small letters")
	m.invalid(text+"======", BadLength, "padding")
	m.invalid(hex.EncodeToString(m.bytes(32)), SecretMaterial, "64 hex digits")
	m.stranger(true)
}

func ownNEAR(m *maker) {
	implicit := &ownForm{name: "implicit account", identity: "near:implicit", size: 32, write: hex.EncodeToString, foreign: "#",
		never: "two addresses in one field", // 128 digits are taken for a secret key
		spell: spellings{"public key": func(p []byte) string { return "ed25519:" + string(base58Bitcoin.encode(nil, p)) }}}
	m.form(implicit, 2, 2)
	m.form(&ownForm{name: "ETH-implicit account", identity: "near:evm", size: 20, write: func(p []byte) string { return "0x" + hex.EncodeToString(p) }}, 2, 2)
	m.form(&ownForm{name: "deterministic account", identity: "near:deterministic", size: 20, write: func(p []byte) string { return "0s" + hex.EncodeToString(p) }}, 2, 3)
	for _, name := range []string{"alice.near", "a-b_c.example.near", "x1", "treasury.some-dao.near"} {
		m.valid(name, name, "near:name:"+hex.EncodeToString([]byte(name)), "named account")
		m.same(name, "near:mainnet:"+name, "named account: CAIP-10")
	}
	p := m.bytes(32)
	m.different("near", "alice.near", "near", "a1ice.near", "two names that look alike")
	m.different("near", hex.EncodeToString(p), "near", hex.EncodeToString(p)[:63], "63 digits are a name, not the implicit account")
	m.different("near", "0x"+hex.EncodeToString(p[:20]), "near", "0s"+hex.EncodeToString(p[:20]), "ETH-implicit and deterministic account of the same 20 bytes")
	m.invalid(strings.ToUpper(hex.EncodeToString(p)), MixedCase, "capital digits: no account id has capitals")
	m.invalid("Alice.near", MixedCase, "a capital letter")
	m.invalid("a", BadLength, "one letter")
	m.invalid(hex.EncodeToString(p)+"0", BadLength, "65 characters")
	for _, name := range []string{"alice..near", ".near", "alice-", "_alice", "bo__wen.near"} {
		m.invalid(name, BadCharacter, "a separator that does not stand between letters or digits")
	}
	m.invalid("alice.testnet", Testnet, "a name of the test network")
	m.invalid("ed25519:"+string(base58Bitcoin.encode(nil, m.bytes(64))), SecretMaterial, "a secret key")
	m.stranger(false)
}

// ownHex makes the lines of Aptos and Sui.
func ownHex(m *maker) {
	write := func(p []byte) string { return "0x" + hex.EncodeToString(p) }
	f := &ownForm{name: "account", identity: m.network, size: 32, write: write, foreign: "g", long: BadLength,
		spell: spellings{
			"without 0x":     func(p []byte) string { return hex.EncodeToString(p) },
			"capital digits": func(p []byte) string { return "0x" + strings.ToUpper(hex.EncodeToString(p)) },
			"0X":             func(p []byte) string { return "0X" + hex.EncodeToString(p) },
		}}
	m.form(f, 2, 2)
	f.name, f.shape = "account with leading zeros", func(p []byte) { p[0], p[1] = 0, p[1]|1 }
	f.spell["leading zeros left out"] = func(p []byte) string { return "0x" + strings.TrimLeft(hex.EncodeToString(p), "0") }
	m.form(f, 2, 2)
	one := make([]byte, 32)
	one[31] = 1
	m.same("0x1", write(one), "a short account of the system")
	p := m.bytes(32)
	p[0] |= 0x10
	m.different(m.network, write(p), m.network, write(p)[:65], "a digit lost at the end: another account, not a part of this one")
	m.different(m.network, write(p), m.network, "0x"+write(p)[3:], "a digit lost in front")
	m.invalid("0x", BadLength, "no digit")
	m.invalid("0x0x1", BadCharacter, "0x twice")
	m.invalid("0x10000", BadLength, "five digits: neither an account of the system nor a whole one")
	m.invalid("0x901bb9583b24d97e995513c6778dc6888ab6870e", BadLength, "40 digits, as an EVM account has")
	m.invalid("104857", BadLength, "a number: a memo or a tag")
	m.invalid(write(p)+"::coin::Coin", UnsupportedKind, "the name of a Move type")
	m.stranger(true)
}

func ownStarknet(m *maker) {
	write := func(p []byte) string { return "0x" + hex.EncodeToString(p) }
	cased := func(p []byte) string {
		var text [64]byte
		starknetCase(&text, [32]byte(p))
		return "0x" + string(text[:])
	}
	f := &ownForm{name: "account", identity: "starknet", size: 32, write: write, foreign: "g", long: BadLength,
		shape: func(p []byte) { copy(p, []byte{0x02, 0xab, 0xcd, 0xef, 0xab}) }, // both letter cases occur
		spell: spellings{
			"with its checksum":                       cased,
			"with its checksum, without leading zero": func(p []byte) string { return "0x" + cased(p)[3:] },
			"capital digits":                          func(p []byte) string { return "0x" + strings.ToUpper(hex.EncodeToString(p)) },
			"leading zero left out":                   func(p []byte) string { return "0x" + hex.EncodeToString(p)[1:] },
			"without 0x":                              hex.EncodeToString,
		}}
	m.form(f, 2, 3)
	p := m.bytes(32)
	f.shape(p)
	m.invalid(flipCase(cased(p)), BadChecksum, "the case of one letter is not that of the checksum")
	p[0] = 0x80
	m.invalid(write(p), BadLength, "not below 2^251")
	one := make([]byte, 32)
	one[31] = 1
	m.same("0x1", write(one), "a short address of the system")
	m.stranger(true)
}

func ownTezos(m *maker) {
	var last string
	hash := string(m.bytes(20))
	for _, k := range tezosKinds {
		f := &ownForm{name: k.name, identity: "tezos:" + k.letters, size: 20, write: func(p []byte) string { return versioned(k.version, string(p)) },
			letters: lettersBase58, skip: 3, foreign: "0", short: BadChecksum, long: BadChecksum}
		if k.letters == "KT1" {
			f.spell = spellings{"with an entrypoint": func(p []byte) string { return f.write(p) + "%transfer" }}
		}
		m.form(f, 1, 2)
		if last != "" {
			m.different("tezos", versioned(last, hash), "tezos", versioned(k.version, hash), "two kinds of one hash")
		}
		last = k.version
	}
	m.invalid(versioned("\x06\xa1\x9f", hash+"\x00"), BadLength, "a hash of 21 bytes")
	m.invalid(versioned("\x0d\x0f\x25\xd9", string(m.bytes(32))), UnsupportedKind, "a public key (edpk…)")
	m.invalid(versioned("\x0d\x0f\x3a\x07", string(m.bytes(32))), SecretMaterial, "a secret seed (edsk…)")
	m.invalid(versioned("\x11\xa2\xe0\xc9", string(m.bytes(32))), SecretMaterial, "a secret key (spsk…)")
	m.invalid(versioned("\x02\x5a\x79", hash)+"%", BadCharacter, "an empty entrypoint")
	m.stranger(true)
}

func ownFilecoin(m *maker) {
	write := func(protocol byte) func(p []byte) string {
		return func(p []byte) string { return string(appendFilecoin(nil, protocol, p)) }
	}
	lower := strings.ToLower(lettersBase32)
	for _, kind := range []struct {
		name, kind string
		protocol   byte
		size, skip int
	}{{"secp256k1 key", "secp256k1", 1, 20, 2}, {"actor", "actor", 2, 20, 2}, {"BLS key", "bls", 3, 48, 2}, {"EVM account", "evm", 4, 20, 5}} {
		f := &ownForm{name: kind.name, identity: "filecoin:" + kind.kind, size: kind.size, write: write(kind.protocol), letters: lower, skip: kind.skip, foreign: "1",
			short: BadLength, long: BadLength, spell: spellings{"t for f": func(p []byte) string { return "t" + write(kind.protocol)(p)[1:] }}}
		if kind.protocol == 4 {
			f.spell["0x"] = func(p []byte) string { return renderEIP55(string(p)) }
			f.shape = func(p []byte) { p[0], p[1] = 0xab, 0xcd }
		}
		m.form(f, 2, 2)
		m.invalid(strings.ToUpper(f.write(m.bytes(kind.size))), MixedCase, kind.name+": in capitals")
	}
	id := &ownForm{name: "actor id", identity: "filecoin:id", size: 8, shape: func(p []byte) { copy(p, "\x00\x00\x00\x00\x00") }, write: write(0), spell: spellings{
		"t for f": func(p []byte) string { return "t" + write(0)(p)[1:] },
		"masked":  func(p []byte) string { return "0xff" + strings.Repeat("0", 22) + hex.EncodeToString(p) },
	}}
	m.form(id, 2, 2)
	p := m.bytes(20)
	m.different("filecoin", write(1)(p), "filecoin", write(2)(p), "key and actor of one hash")
	m.different("filecoin", "f01234", "filecoin", "f012345", "an actor id with a digit more")
	m.invalid("f2"+write(1)(p)[2:], BadChecksum, "the protocol is part of the checksum")
	m.invalid("f5"+write(1)(p)[2:], UnsupportedKind, "protocol 5")
	m.invalid("f432f"+write(1)(p)[2:], UnsupportedKind, "a namespace that there is not")
	m.invalid("f09223372036854775808", BadLength, "an actor id of 2^63")
	m.invalid("f001234", BadCharacter, "an actor id with a leading zero")
	m.stranger(true)
}

func ownHedera(m *maker) {
	number := func(p []byte) string { return "0.0." + strconv.FormatUint(binary.BigEndian.Uint64(p), 10) }
	checked := func(p []byte) string { sum := hip15(number(p), hederaMainnet); return number(p) + "-" + string(sum[:]) }
	f := &ownForm{name: "account number", identity: "hedera:account", size: 8, shape: func(p []byte) { copy(p, "\x00\x00\x00\x00\x00"); p[5] |= 1 }, write: number, foreign: "x",
		spell: spellings{
			"with its checksum":                checked,
			"long-zero EVM form":               func(p []byte) string { return "0x" + strings.Repeat("0", 24) + hex.EncodeToString(p) },
			"CAIP-10 with checksum":            func(p []byte) string { return "hedera:mainnet:" + checked(p) },
			"long-zero EVM form with capitals": func(p []byte) string { return "0x" + strings.Repeat("0", 24) + strings.ToUpper(hex.EncodeToString(p)) },
		}}
	m.form(f, 2, 1)
	f = &ownForm{name: "EVM alias", identity: "hedera:evm", size: 20, shape: func(p []byte) { p[0], p[1] = 0xab, 0xcd }, write: func(p []byte) string { return renderEIP55(string(p)) },
		foreign: "g", short: BadLength, long: BadLength, spell: spellings{"small letters": func(p []byte) string { return "0x" + hex.EncodeToString(p) }}}
	m.form(f, 2, 2)
	p := m.bytes(20)
	f.shape(p)
	m.invalid(flipCase(f.write(p)), BadChecksum, "EVM alias with the case of one letter not that of EIP-55")
	m.different("hedera", "0.0.123", "hedera", "0.0.1230", "a digit more")
	right := hip15("0.0.4321", hederaMainnet)
	test := hip15("0.0.4321", hederaTestnet)
	m.invalid("0.0.4312-"+string(right[:]), BadChecksum, "the checksum of another number")
	m.invalid("0.0.4321-"+string(test[:]), Testnet, "the checksum of the test network")
	m.invalid("0.0.4321-"+strings.ToUpper(string(right[:])), MixedCase, "the checksum in capitals")
	m.invalid("0.0.04321", BadCharacter, "a leading zero")
	m.invalid("0,0,4321", BadCharacter, "commas")
	m.invalid("0.4321", BadLength, "the realm is missing")
	m.invalid("0.0.0.4321", BadLength, "four parts")
	m.invalid("0.1.4321", UnsupportedKind, "a realm that there is not")
	m.invalid("0.0.9223372036854775808", BadLength, "2^63")
	m.invalid("alice.hbar", NameNotAddress, "a name")
	m.stranger(true)
}

func ownEOS(m *maker) {
	for _, name := range []string{"interdict111", "a.b.c.d", "zzzzzzzzzzzzj", "x", "treasury.x"} {
		var bits uint64
		for i := range len(name) {
			if v := uint64(strings.IndexByte(eosLetters, name[i])); i < 12 {
				bits |= v << (59 - 5*i)
			} else {
				bits |= v
			}
		}
		m.valid(name, name, "eos:"+hex.EncodeToString(binary.BigEndian.AppendUint64(nil, bits)), "account name")
		m.same(name, "eos:"+name, "payment URI")
		m.same(name, byName["eos"].CAIP2[0]+":"+name, "CAIP-10")
		m.same(name, " "+name+"\n", "white space around it")
	}
	m.different("eos", "interdict111", "eos", "interdict11l", "1 and l")
	m.different("eos", "abc", "eos", "a.bc", "a dot more")
	m.invalid("Interdict111", MixedCase, "a capital letter")
	m.invalid("interdict116", BadCharacter, "a digit that names do not have")
	m.invalid("inter-dict11", BadCharacter, "a hyphen")
	m.invalid("zzzzzzzzzzzzz", BadCharacter, "a thirteenth letter behind j")
	m.invalid("interdict11111", BadLength, "fourteen letters")
	m.invalid("interdict.", BadCharacter, "a dot at the end")
	m.invalid("inter dict11", WhitespaceInside, "white space inside")
	m.invalid("interd\u0456ct111", BadCharacter, "a Cyrillic letter that looks like i")
	m.stranger(false)
}

func ownICP(m *maker) {
	principal := func(p []byte) string { return string(appendPrincipal(nil, p)) }
	f := &ownForm{name: "principal", identity: "icp:principal", size: 29, shape: func(p []byte) { p[28] = 2 }, write: principal,
		letters: strings.ToLower(lettersBase32), foreign: "1", short: BadChecksum, long: BadLength,
		spell: spellings{"capitals": func(p []byte) string { return strings.ToUpper(principal(p)) }}}
	m.form(f, 2, 3)
	f = &ownForm{name: "canister", identity: "icp:principal", size: 10, shape: func(p []byte) { copy(p, "\x00\x00\x00\x00"); p[8], p[9] = 1, 1 }, write: principal}
	m.form(f, 2, 2)
	f = &ownForm{name: "account id", identity: "icp:account", size: 28, letters: "0123456789abcdef", short: BadLength, long: BadLength,
		never: "two addresses in one field, shortened for display", // 128 digits are taken for a secret key, a dot for a name
		bytes: func(p []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(p)), p...) },
		spell: spellings{"capital digits": func(p []byte) string {
			return strings.ToUpper(hex.EncodeToString(append(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(p)), p...)))
		}}}
	f.write = func(p []byte) string { return hex.EncodeToString(f.bytes(p)) }
	m.form(f, 2, 3)
	f = &ownForm{name: "ICRC-1 account", identity: "icp:icrc1", size: 61, shape: func(p []byte) { p[60] = 2; clear(p[:24]) }, // sub-account, then principal
		write: func(p []byte) string { return string(appendICRC1(nil, p[32:], p[:32])) }}
	m.form(f, 2, 2)
	p := m.bytes(61)
	f.shape(p)
	text := f.write(p)
	m.different("icp", principal(p[32:]), "icp", text, "a principal and one of its sub-accounts")
	m.different("icp", text, "icp", string(appendICRC1(nil, p[32:], append(make([]byte, 31), 1))), "two sub-accounts of one principal")
	m.invalid(text[:len(text)-1]+string("0123456789abcdef"[(hexValue[text[len(text)-1]]+1)%16]), BadChecksum, "the checksum of another sub-account")
	m.invalid(principal(p[32:])+".1", BadLength, "a sub-account without its checksum")
	m.invalid(strings.Replace(text, ".", ".0", 1), BadCharacter, "a sub-account with a leading zero")
	m.invalid(strings.ReplaceAll(principal(p[32:]), "-", ""), BadCharacter, "a principal without hyphens")
	m.invalid("alice.icp", NameNotAddress, "a name")
	m.stranger(true)
}

func ownKaspa(m *maker) {
	for _, kind := range []struct {
		name, kind, version string
	}{{"Schnorr key", "schnorr", "\x00"}, {"ECDSA key, even", "ecdsa02", "\x01\x02"}, {"ECDSA key, odd", "ecdsa03", "\x01\x03"}, {"script", "script", "\x08"}} {
		f := &ownForm{name: kind.name, identity: "kaspa:" + kind.kind, size: 32, letters: lettersBech32, skip: 8, folds: true, foreign: "b", short: BadChecksum, long: BadChecksum,
			write: func(p []byte) string {
				return cashText("kaspa", kind.version[0], append([]byte(kind.version[1:]), p...))
			}}
		f.spell = spellings{
			"without the prefix":              func(p []byte) string { return f.write(p)[6:] },
			"without the prefix, in capitals": func(p []byte) string { return strings.ToUpper(f.write(p)[6:]) },
			"payment URI":                     func(p []byte) string { return f.write(p) + "?amount=1" },
		}
		m.form(f, 2, 2)
	}
	p := m.bytes(32)
	m.different("kaspa", cashText("kaspa", 0, p), "kaspa", cashText("kaspa", 8, p), "key and script of the same 32 bytes")
	m.invalid(cashText("kaspatest", 0, p), Testnet, "the prefix of the test network")
	m.invalid("kaspa:"+cashText("kaspatest", 0, p)[10:], Testnet, "an address of the test network behind the prefix of mainnet")
	m.invalid(cashText("kaspa", 0, append([]byte{2}, p...)), BadLength, "a Schnorr key of 33 bytes")
	m.invalid(cashText("kaspa", 2, p), UnsupportedKind, "version 2")
	m.invalid(cashText("kaspa", 1, append([]byte{4}, p...)), UnsupportedKind, "a compressed key that begins with 4")
	m.invalid(hex.EncodeToString(m.bytes(32)), SecretMaterial, "64 hex digits")
	m.stranger(true)
}

func ownNano(m *maker) {
	f := &ownForm{name: "account", identity: "nano", size: 32, write: func(p []byte) string { return string(appendNano(nil, p)) },
		letters: nanoAlphabet.letters, skip: 6, foreign: "l", short: BadLength, long: BadLength,
		spell: spellings{
			"xrb_": func(p []byte) string { return "xrb_" + string(appendNano(nil, p))[5:] },
			"xrb-": func(p []byte) string { return "xrb-" + string(appendNano(nil, p))[5:] },
		}}
	m.form(f, 2, 3)
	text := f.write(m.bytes(32))
	m.invalid("ban_"+text[5:], WrongNetwork, "the prefix of Banano")
	m.invalid(text[5:], UnsupportedKind, "without the prefix")
	m.invalid("nano_4"+text[6:], BadCharacter, "a first letter other than 1 and 3")
	m.invalid(strings.ToUpper(text), MixedCase, "in capitals")
	m.invalid(hex.EncodeToString(m.bytes(32)), SecretMaterial, "64 hex digits: a seed")
	m.stranger(true)
}

func ownAvalanche(m *maker) {
	letter := map[string]string{"avalanche-x": "X-", "avalanche-p": "P-"}[m.network]
	other := map[string]string{"X-": "P-", "P-": "X-"}[letter]
	bare := func(p []byte) string { return bech32Text("avax", string(p), bech32Plain) }
	f := &ownForm{name: "address", identity: m.network, size: 20, write: func(p []byte) string { return letter + bare(p) },
		letters: lettersBech32, skip: 7, folds: true, foreign: "b", short: BadChecksum, long: BadChecksum,
		spell: spellings{"without the chain's letter": bare, "without the chain's letter, in capitals": func(p []byte) string { return strings.ToUpper(bare(p)) }}}
	m.form(f, 2, 3)
	p := m.bytes(32)
	m.different(m.network, letter+bare(p[:20]), map[string]string{"X-": "avalanche-p", "P-": "avalanche-x"}[letter], bare(p[:20]), "one key hash on two chains of Avalanche")
	m.invalid(other+bare(p[:20]), WrongNetwork, "the letter of another chain")
	m.invalid("C-"+bare(p[:20]), WrongNetwork, "the letter of the C chain")
	m.invalid(letter+letter+bare(p[:20]), BadCharacter, "the letter twice")
	m.invalid(letter+bare(p), BadLength, "32 bytes")
	m.invalid(letter+bech32Text("fuji", string(p[:20]), bech32Plain), Testnet, "the prefix of the test network")
	sum := sha256.Sum256(p[:20])
	m.invalid("NodeID-"+string(base58Bitcoin.encode(nil, append(p[:20:20], sum[28:]...))), UnsupportedKind, "the id of a node")
	sum = sha256.Sum256(p)
	m.invalid("PrivateKey-"+string(base58Bitcoin.encode(nil, append(p, sum[28:]...))), SecretMaterial, "a private key")
	m.stranger(true)
}
