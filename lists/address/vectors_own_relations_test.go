package address

import (
	"encoding/hex"
	"strings"
)

// What holds between networks, what is read where none is named, and what the specifications publish.

// keyHash writes a public key hash in every way in which it is an address.
func keyHash(p []byte) []vector {
	h := string(p)
	at := func(network, text, kind string) vector {
		return vector{Networks: []string{network}, Texts: []string{text}, Why: network + " " + kind}
	}
	all := []vector{
		at("bitcoin", versioned("\x00", h), "P2PKH"), at("bitcoin", bitcoin.witnessText(0, h), "P2WPKH"),
		at("litecoin", versioned("\x30", h), "P2PKH"), at("litecoin", litecoin.witnessText(0, h), "P2WPKH"),
		at("bitcoin-cash", cashText("bitcoincash", 0, p), "P2PKH"), at("bitcoin-sv", versioned("\x00", h), "P2PKH"), at("ecash", cashText("ecash", 0, p), "P2PKH"),
		at("bitcoin-gold", versioned("\x26", h), "P2PKH"), at("bitcoin-gold", bitcoinGold.witnessText(0, h), "P2WPKH"), at("dogecoin", versioned("\x1e", h), "P2PKH"),
		at("dash", versioned("\x4c", h), "P2PKH"), at("verge", versioned("\x1e", h), "P2PKH"), at("zcash", versioned(zcashTransparent.keyHash, h), "t1"),
		at("zcash", bech32Text("tex", h, bech32M), "TEX"), at("bnb", bech32Text("bnb", h, bech32Plain), "account"),
		at("xrp", string(base58Ripple.encodeCheck(nil, append([]byte{0}, p...))), "account"), at("avalanche-x", "X-"+bech32Text("avax", h, bech32Plain), "address"),
		at("avalanche-p", "P-"+bech32Text("avax", h, bech32Plain), "address"),
	}
	for _, c := range vectorCosmos {
		if !c.eth {
			all = append(all, at(c.name, bech32Text(c.prefix, h, bech32Plain), "account"))
		}
	}
	return all
}

// evmAccount writes 20 bytes in every way in which they are an account of the same key.
func evmAccount(p []byte) []vector {
	h, text := string(p), renderEIP55(string(p))
	at := func(network, text string) vector {
		return vector{Networks: []string{network}, Texts: []string{text}, Why: network + " account"}
	}
	return []vector{at("ethereum", text), at("tron", versioned("\x41", h)), at("near", strings.ToLower(text)), at("filecoin", string(appendFilecoin(nil, 4, p))),
		at("hedera", text), at("injective", bech32Text("inj", h, bech32Plain)), at("evmos", bech32Text("evmos", h, bech32Plain))}
}

// ownRelations makes the lines about two networks, or two forms of one.
func ownRelations(m *maker) {
	r := m.of("bitcoin")
	r.random = m.of("relations").random

	ring := func(members []vector, why string) {
		for i := range members {
			a, b := members[i], members[(i+1)%len(members)]
			r.related(SameKey, a.Networks[0], a.Texts[0], b.Networks[0], b.Texts[0], a.Why+" → "+b.Why+": "+why)
			if i%3 == 0 {
				r.different(a.Networks[0], a.Texts[0], b.Networks[0], b.Texts[0], a.Why+" and "+b.Why+": "+why+", which is a relation and no identity")
			}
		}
	}
	// Members 12 and 13, t1 and TEX, are one identity; everything else in the ring is a relation.
	hashes := keyHash(r.bytes(20))
	ring(append(hashes[:13:13], hashes[14:]...), "the same public key hash")
	tex := hashes[13]
	r.both(SameKey, "bitcoin", hashes[0].Texts[0], "zcash", tex.Texts[0], "Bitcoin P2PKH → TEX: the same public key hash")
	for _, c := range vectorCosmos {
		p := string(r.bytes(20))
		r.both(SameKey, c.name, bech32Text(c.prefix, p, bech32Plain), c.name, bech32Text(c.prefix+"valoper", p, bech32Plain), "account and operator of one validator")
	}
	account := r.bytes(20)
	account[0], account[1] = 0xab, 0xcd
	ring(evmAccount(account), "the same 20 bytes of an EVM account")
	for _, n := range []string{"ethereum-classic", "arbitrum", "bsc", "polygon", "base", "optimism", "avalanche-c", "rootstock", "xdc"} {
		r.sameOn("ethereum", renderEIP55(string(account)), n, renderEIP55(string(account)), "one account of the EVM family on two of its chains")
	}
	r.sameOn("ethereum", renderEIP55(string(account)), "harmony", bech32Text("one", string(account), bech32Plain), "the bech32 form of Harmony")
	r.sameOn("ethereum", renderEIP55(string(account)), "xdc", "xdc"+hex.EncodeToString(account), "the xdc form")

	// Nested SegWit.
	h := r.bytes(20)
	nested := hash160(append([]byte{0, 20}, h...))
	for _, from := range []vector{keyHash(h)[0], keyHash(h)[1], keyHash(h)[2], keyHash(h)[9]} {
		for _, c := range []*utxoChain{&bitcoin, &litecoin, &bitcoinGold} {
			r.related(SameKey, from.Networks[0], from.Texts[0], c.network, versioned(c.script, string(nested[:])), from.Why+" → nested SegWit of "+c.network)
		}
		r.related(SameScript, from.Networks[0], from.Texts[0], "dogecoin", versioned("\x16", string(nested[:])), from.Why+" → the script of nested SegWit, on a chain without SegWit")
	}
	w := r.bytes(32)
	nestedScript := hash160(append([]byte{0, 32}, w...))
	r.both(SameScript, "bitcoin", bitcoin.witnessText(0, string(w)), "bitcoin", versioned("\x05", string(nestedScript[:])), "P2WSH → P2SH-P2WSH")
	r.both(SameScript, "bitcoin", bitcoin.witnessText(0, string(w)), "litecoin", versioned("\x32", string(nestedScript[:])), "P2WSH → P2SH-P2WSH of Litecoin")
	r.both(SameScript, "bitcoin", bitcoin.witnessText(0, string(w)), "litecoin", litecoin.witnessText(0, string(w)), "P2WSH of one script on two chains")

	// One script hash.
	s := r.bytes(20)
	scripts := []vector{}
	for _, x := range [][2]string{{"bitcoin", "\x05"}, {"litecoin", "\x32"}, {"bitcoin-sv", "\x05"}, {"bitcoin-gold", "\x17"}, {"dogecoin", "\x16"}, {"dash", "\x10"}, {"verge", "\x21"}, {"zcash", zcashTransparent.script}} {
		scripts = append(scripts, vector{Networks: []string{x[0]}, Texts: []string{versioned(x[1], string(s))}})
	}
	scripts = append(scripts, vector{Networks: []string{"bitcoin-cash"}, Texts: []string{cashText("bitcoincash", 8, s)}}, vector{Networks: []string{"ecash"}, Texts: []string{cashText("ecash", 8, s)}})
	for i := range scripts {
		a, b := scripts[i], scripts[(i+1)%len(scripts)]
		r.related(SameScript, a.Networks[0], a.Texts[0], b.Networks[0], b.Texts[0], "P2SH of one script on two chains")
		r.different(a.Networks[0], a.Texts[0], b.Networks[0], b.Texts[0], "P2SH of one script on two chains, which is a relation and no identity")
	}
	text := versioned("\x05", string(s))
	r.different("bitcoin", text, "litecoin", text, "one text on two chains: P2SH, and P2SH of before 2018")
	text = versioned("\x1e", string(h))
	r.different("dogecoin", text, "verge", text, "one text on two chains")
	text = versioned("\x00", string(h))
	r.different("bitcoin", text, "bitcoin-cash", text, "one text on two chains")

	// One ed25519 key.
	k := r.bytes(32)
	keys := []vector{{Networks: []string{"stellar"}, Texts: []string{string(appendStrkey(nil, strkeyAccount, k))}}, {Networks: []string{"algorand"}, Texts: []string{string(appendAlgorand(nil, k))}},
		{Networks: []string{"solana"}, Texts: []string{string(base58Bitcoin.encode(nil, k))}}, {Networks: []string{"near"}, Texts: []string{hex.EncodeToString(k)}}}
	for i := range keys {
		for j := range i {
			r.both(SameKey, keys[i].Networks[0], keys[i].Texts[0], keys[j].Networks[0], keys[j].Texts[0], "one ed25519 public key on two chains")
		}
	}
	for _, seeds := range [][]byte{solanaSeeds[0], solanaSeeds[2], solanaSeeds[7]} {
		owner := r.bytes(32)
		token := solanaTokenAccount(string(owner), seeds)
		r.related(SameKey, "solana", string(base58Bitcoin.encode(nil, owner)), "solana", string(base58Bitcoin.encode(nil, token[:])), "listed owner → associated token account")
	}
	chains := []string{"polkadot", "kusama", "bittensor", "astar", "substrate"}
	for i, a := range chains {
		b := chains[(i+1)%len(chains)]
		id := r.bytes(32)
		textA, textB := ss58Text(ownSS58Prefix[a], id), ss58Text(ownSS58Prefix[b], id)
		r.both(SameKey, a, textA, b, textB, "one account id on two chains")
		r.different(a, textA, b, textB, "one account id on two chains, which is a relation and no identity")
	}
	for _, pair := range [][2]string{{"aptos", "sui"}, {"sui", "starknet"}} {
		digits := "0x00" + hex.EncodeToString(r.bytes(31))
		r.different(pair[0], digits, pair[1], digits, "the same digits on two chains that have nothing in common")
	}
	gov := "\x7b\x5f\xe2\x2b\x54\x46\xf7\xc6\x2e\xa2\x7b\x8b\xd7\x1c\xef\x94\xe0\x3f\x3d\xf2"
	r.different("cosmos", bech32Text("cosmos", gov, bech32Plain), "osmosis", bech32Text("osmo", gov, bech32Plain), "the account of a module is on every chain, and nobody has a key to it")

	ownCardanoRelations(r)
	ownZcashRelations(r)
	ownICPRelations(r)
	x := r.bytes(32)
	kaspa := []string{cashText("kaspa", 0, x), cashText("kaspa", 1, append([]byte{2}, x...)), cashText("kaspa", 1, append([]byte{3}, x...))}
	r.both(SameKey, "kaspa", kaspa[0], "kaspa", kaspa[1], "Schnorr and ECDSA address of one key")
	r.both(SameKey, "kaspa", kaspa[0], "kaspa", kaspa[2], "Schnorr and ECDSA address of one key, odd")
	r.different("kaspa", kaspa[0], "kaspa", kaspa[1], "Schnorr and ECDSA address of one key, which is a relation and no identity")
}

func ownCardanoRelations(r *maker) {
	address := func(header byte, parts ...[]byte) string {
		hrp, raw := "addr", []byte{header<<4 | 1}
		if header >= 14 {
			hrp = "stake"
		}
		for _, p := range parts {
			raw = append(raw, p...)
		}
		return bech32Text(hrp, string(raw), bech32Plain)
	}
	const c = "cardano"
	payment, stake, other := r.bytes(28), r.bytes(28), r.bytes(28)
	base := address(0, payment, stake)
	r.both(SameKey, c, base, c, address(6, payment), "base and enterprise address of one payment key")
	r.both(SameKey, c, base, c, address(0, payment, other), "one payment key with two stake keys")
	r.both(SameKey, c, base, c, address(4, payment, []byte{0x89, 0xc4, 0x90, 0x01, 2, 3}), "base and pointer address of one payment key")
	r.both(SameScript, c, address(1, payment, stake), c, address(7, payment), "base and enterprise address of one payment script")
	r.both(SameStake, c, base, c, address(14, stake), "base address and the stake address of its stake key")
	r.both(SameStake, c, base, c, address(0, other, stake), "two base addresses with one stake key")
	r.both(SameStake, c, address(2, payment, stake), c, address(15, stake), "base address and the stake address of its stake script")
	r.different(c, base, c, address(0, other, stake), "two base addresses with one stake key, which is a relation and no identity")
}

func ownZcashRelations(r *maker) {
	hash, sapling, orchard := r.bytes(20), r.bytes(43), r.bytes(43)
	const z = "zcash"
	write := func(receivers map[int][]byte) string { return unifiedText("u", unifiedItems(receivers), bech32M) }
	whole := write(map[int][]byte{itemP2PKH: hash, itemSapling: sapling, itemOrchard: orchard})
	t1 := versioned(zcashTransparent.keyHash, string(hash))
	r.both(Contains, z, whole, z, t1, "unified address and its transparent receiver")
	r.both(Contains, z, whole, z, bech32Text("tex", string(hash), bech32M), "unified address and its transparent receiver as TEX")
	r.both(Contains, z, whole, z, bech32Text("zs", string(sapling), bech32Plain), "unified address and its Sapling receiver")
	r.both(Contains, z, whole, z, write(map[int][]byte{itemOrchard: orchard}), "two unified addresses with one Orchard receiver")
	r.both(Contains, z, whole, z, write(map[int][]byte{itemSapling: sapling, itemOrchard: r.bytes(43)}), "two unified addresses with one Sapling receiver")
	r.both(SameKey, z, whole, "bitcoin", versioned("\x00", string(hash)), "transparent receiver of a unified address → Bitcoin P2PKH")
	script := write(map[int][]byte{itemP2SH: hash, itemSapling: sapling})
	r.both(Contains, z, script, z, versioned(zcashTransparent.script, string(hash)), "unified address and its P2SH receiver")
	r.both(SameScript, z, script, "bitcoin", versioned("\x05", string(hash)), "P2SH receiver of a unified address → Bitcoin P2SH")
	r.different(z, whole, z, t1, "unified address and its transparent receiver, which is a relation and no identity")
}

func ownICPRelations(r *maker) {
	p := append(r.bytes(28), 2)
	sub := append(make([]byte, 28), r.bytes(4)...)
	sub[28] |= 1
	principal, account := string(appendPrincipal(nil, p)), string(appendICRC1(nil, p, sub))
	id := func(sub []byte) string {
		raw := icpAccountID(string(p), string(sub))
		return hex.EncodeToString(raw[:])
	}
	const i = "icp"
	r.both(SameKey, i, principal, i, id(make([]byte, 32)), "principal and its default account id")
	r.both(SameKey, i, account, i, id(sub), "ICRC-1 account and its account id")
	r.both(SameKey, i, account, i, principal, "ICRC-1 account and the principal that owns it")
	r.both(SameKey, i, account, i, string(appendICRC1(nil, p, append(make([]byte, 31), 1))), "two sub-accounts of one principal")
	r.different(i, account, i, id(make([]byte, 32)), "a sub-account and the default account id")
	r.different(i, principal, i, id(make([]byte, 32)), "principal and its default account id, which is a relation and no identity")
}

// ownUnnamed makes the lines where no network was named.
func ownUnnamed(m *maker) {
	p := m.bytes(20)
	account := renderEIP55(string(p))
	m.valid(account, account, "evm:"+hex.EncodeToString(p), "an EVM account proves itself")
	text := bitcoin.witnessText(0, string(p))
	for _, network := range []string{"aptos", "sui", "near"} {
		m.of(network).invalid(account, WrongNetwork, "an EVM account by its checksum of EIP-55")
	}
	m.of("near").invalid(text, WrongNetwork, "a Bitcoin address by its checksum, which could be a name")
	m.of("solana").invalid(bech32Text("osmo", string(p), bech32Plain), WrongNetwork, "an Osmosis address by its checksum")
	m.valid(text, text, "bitcoin:p2wpkh:"+hex.EncodeToString(p), "its prefix names the network")
	m.valid("bitcoin:"+versioned("\x00", string(p)), versioned("\x00", string(p)), "bitcoin:p2pkh:"+hex.EncodeToString(p), "the scheme names the network: without it four chains read the text")
	m.valid("eip155:56:"+account, account, "evm:"+hex.EncodeToString(p), "CAIP-10 names the network")
	m.invalid(hex.EncodeToString(p), Ambiguous, "40 hex digits without 0x: an EVM account, or a key hash")
	m.invalid(strings.ToUpper(hex.EncodeToString(m.bytes(20))), Ambiguous, "40 hex digits without 0x, in capitals")
	for _, empty := range []string{"", " ", "\t\r\n"} {
		m.invalid(empty, Empty, "no text")
	}
	m.invalid("bitcoin:", Empty, "a wrapper that holds nothing")
	m.invalid("bitcoin:?amount=1", Empty, "a wrapper that holds no address")
	m.invalid(strings.Repeat("1", MaxText+1), BadLength, "longer than any address")
	m.invalid(hex.EncodeToString(m.bytes(32)), SecretMaterial, "64 hex digits: a private key more likely than an account of Aptos, Sui or NEAR; name the network")
	m.invalid("bitcoin:"+versioned("\x80", string(m.bytes(32))+"\x01"), SecretMaterial, "a private key behind a scheme")
	m.invalid("key: "+versioned("\x80", string(m.bytes(32))+"\x01"), SecretMaterial, "a private key behind a word")
	m.invalid(string(base58Bitcoin.encodeCheck(nil, append([]byte{0x01, 0x42, 0xc0}, m.bytes(36)...))), SecretMaterial, "an encrypted private key (BIP-38)")
	m.invalid("alice.eth", NameNotAddress, "a name")
	m.invalid("alice@example.com", NameNotAddress, "a paymail or Lightning name")
	m.invalid(versioned("\x0b", string(p)), UnsupportedKind, "a right checksum, of a network that is not screened")
	m.invalid(bech32Text("tb", string(append([]byte{0}, p...)), bech32Plain), Testnet, "the prefix of a test network")
	m.invalid(account+" "+text, TwoAddresses, "two addresses")
	m.invalid(account[:6]+"…"+account[38:], BadLength, "shortened with an ellipsis")
	m.invalid(flipCase(account), BadChecksum, "the case of one letter is not that of EIP-55")
	m.invalid("litecoin:"+text, WrongNetwork, "a scheme and an address that contradict each other")
}
