package address

// Relations of the key spaces that Bitcoin-like chains share. Sources: BIP-16, BIP-141, BIP-341.

func init() {
	registerSpace(space{number: SpaceHash160, links: linksHash160, relate: relateHash160})
	registerSpace(space{number: SpaceScript160, relate: relateScript160})
	registerSpace(space{number: SpaceScript256, links: linksScript256, relate: relateScript256})
	registerSpace(space{number: SpaceScript32})
	registerSpace(space{number: SpaceTaproot}) // the output key is tweaked: nothing follows from it
	registerSpace(space{number: SpaceWitness})
	registerSpace(space{number: SpaceMWEB})
}

// ofBitcoin tells the variants of the Bitcoin kind.
func ofBitcoin(v Variant) bool { return int(v) < len(utxoOf) && utxoOf[v] != nil }

// hasSegWit tells whether a P2SH variant is of a chain where a script can hold a witness program.
func hasSegWit(v Variant) bool { return ofBitcoin(v) && utxoOf[v].p2sh == v && utxoOf[v].hrp != "" }

// linksHash160 gives the nested SegWit address of a key hash h, P2SH(hash160(0x00 0x14 h)) (BIP-141). It is
// computed forward from either side, since nothing can be computed backward from it.
func linksHash160(dst []Link, a *Address, _ Side) []Link {
	if !ofBitcoin(a.Variant) || len(a.Key) != 21 {
		return dst
	}
	var redeem [22]byte
	redeem[1] = 0x14
	copy(redeem[2:], a.Key[1:])
	return append(dst, nestedLink(redeem[:], RoleNested))
}

// linksScript256 gives P2SH(hash160(0x00 0x20 p)) of a P2WSH program p (BIP-141).
func linksScript256(dst []Link, a *Address, _ Side) []Link {
	if len(a.Key) != 33 {
		return dst
	}
	var redeem [34]byte
	redeem[1] = 0x20
	copy(redeem[2:], a.Key[1:])
	return append(dst, nestedLink(redeem[:], RoleNestedScript))
}

func nestedLink(redeem []byte, role Role) Link {
	hash := hash160(redeem)
	var key [21]byte
	key[0] = byte(SpaceScript160)
	copy(key[1:], hash[:])
	return Link{Key(key[:]), role}
}

// relateHash160 relates addresses of one public key hash.
func relateHash160(_ Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
	if askedAs == RoleReceiver || listedAs == RoleReceiver {
		return relateReceiver(SameKey, VariantZcashP2PKH, asked, askedAs, listed, listedAs)
	}
	if askedAs != 0 || listedAs != 0 {
		return None, ""
	}
	how := ": the same public key hash"
	if !ofBitcoin(asked) || !ofBitcoin(listed) {
		how = ": the same public key hash, of a compressed secp256k1 key"
	}
	return SameKey, wordsOf(listed) + " → " + wordsOf(asked) + how
}

// relateScript160 relates addresses of one script hash, and the nested forms that come down to one.
func relateScript160(_ Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
	if askedAs == RoleReceiver || listedAs == RoleReceiver {
		return relateReceiver(SameScript, VariantZcashP2SH, asked, askedAs, listed, listedAs)
	}
	outer, inner, role := asked, listed, listedAs
	if askedAs != 0 {
		outer, inner, role = listed, asked, askedAs
	}
	switch {
	case askedAs != 0 && listedAs != 0:
		return None, "" // both were computed: they meet under what they were computed from
	case role == RoleNested && hasSegWit(outer):
		return SameKey, wordsOf(inner) + " key hash → nested SegWit of " + familyOf(outer)
	case role == RoleNested:
		return SameScript, wordsOf(inner) + " key hash → nested SegWit script, on " + familyOf(outer) + " which has no SegWit"
	case role == RoleNestedScript:
		return SameScript, wordsOf(inner) + " program → P2SH-P2WSH of " + familyOf(outer)
	}
	return SameScript, wordsOf(listed) + " → " + wordsOf(asked) + ": the same script hash"
}

// relateScript256 relates P2WSH addresses of one witness script.
func relateScript256(_ Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
	if askedAs != 0 || listedAs != 0 {
		return None, ""
	}
	return SameScript, wordsOf(listed) + " → " + wordsOf(asked) + ": the same witness script"
}

// relateReceiver relates a receiver of a unified address with what else has its key: the address of that receiver alone
// (own), or another unified address, is contained; an address of another chain is of class across.
func relateReceiver(across Class, own, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
	switch {
	case askedAs == RoleReceiver && listedAs == RoleReceiver:
		return Contains, "two unified addresses with a receiver in common"
	case askedAs == RoleReceiver && listedAs == 0 && listed == own:
		return Contains, "unified address that holds the listed receiver"
	case listedAs == RoleReceiver && askedAs == 0 && asked == own:
		return Contains, "receiver of the listed unified address"
	case askedAs == RoleReceiver && listedAs == 0:
		return across, wordsOf(listed) + " → receiver of a unified address: the same hash"
	case listedAs == RoleReceiver && askedAs == 0:
		return across, "receiver of a unified address → " + wordsOf(asked) + ": the same hash"
	}
	// The other side was computed from a key hash: a nested SegWit script as receiver.
	return SameScript, "nested SegWit script as receiver of a unified address"
}

// wordsOf names a variant: "bitcoin p2pkh".
func wordsOf(v Variant) string {
	if int(v) >= len(variants) || variants[v] == nil {
		return "unknown"
	}
	if variants[v].kind == "" {
		return variants[v].family
	}
	return variants[v].family + " " + variants[v].kind
}
