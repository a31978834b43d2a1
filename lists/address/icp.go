package address

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// maxPrincipal is how many bytes a principal may have (IC interface specification).
const maxPrincipal = 29

func init() {
	register(Network{
		Name:    "icp",
		Aliases: []string{"internet-computer", "dfinity"},
		Assets:  []string{"ICP"},
		Schemes: []string{"icp"},
		Forms: []Form{
			{"principal", "k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae", "CRC-32"},
			{"account id", "051b05839339f89053454a4b9865ea0452a4bffe2b1cd41f4982bad10c1e637c", "CRC-32"},
			{"account with sub-account (ICRC-1)", "k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae-6cc627i.1", "CRC-32"},
		},
		Typos: "A checksum of 32 bits: a typing error is found.",
		rank:  100,
		hex64: true,
		named: true, // a sub-account stands behind a dot
		fits: func(text string) bool {
			return len(text) == 64 && isHex(text) || len(text) > 5 && text[5] == '-'
		},
		decode: decodeICP,
	})
	registerVariant(variant{VariantICPPrincipal, "icp", "principal", "icp", func(payload string) string {
		return string(appendPrincipal(nil, []byte(payload)))
	}})
	registerVariant(variant{VariantICPAccount, "icp", "account", "icp", func(payload string) string {
		return hex.EncodeToString([]byte(payload))
	}})
	registerVariant(variant{VariantICPSubaccount, "icp", "icrc1", "icp", func(payload string) string {
		return string(appendICRC1(nil, []byte(payload[32:]), []byte(payload[:32])))
	}})
	registerSpace(space{SpaceICPPrincipal, linksICP, relateICP})
	registerSpace(space{SpaceICPAccount, nil, relateICP})
	registerSpace(space{SpaceICPSubaccount, linksICP, nil})
}

func decodeICP(text string, a *Address) *Error {
	if isHex(text) && len(text) > 40 {
		return decodeICPAccount(text, a)
	}
	// ICRC-1 puts the checksum behind a hyphen and the sub-account behind a dot.
	head, sub, ok := strings.Cut(text, ".")
	if ok && strings.IndexByte(head, '-') < 0 {
		return refuse(NameNotAddress, "it is a name; resolve it and give the principal or account")
	}
	if !ok {
		var room [4 + maxPrincipal]byte
		principal, fail := principalBytes(room[:0], text)
		if fail != nil {
			return fail
		}
		var human [63]byte
		a.set(SpaceICPPrincipal, VariantICPPrincipal, principal, appendPrincipal(human[:0], principal))
		return nil
	}
	cut := strings.LastIndexByte(head, '-')
	if cut < 0 || len(head)-cut-1 != 7 {
		return refuse(BadLength, "the checksum of ICRC-1 is missing before the dot")
	}
	var room [4 + maxPrincipal]byte
	principal, fail := principalBytes(room[:0], head[:cut])
	if fail != nil {
		return fail
	}
	at := len(head) + 1
	switch {
	case sub == "" || sub[0] == '0':
		return refuseAt(BadCharacter, at, "leading zeros are not written, and the default sub-account not at all (ICRC-1)")
	case len(sub) > 64:
		return refuseAt(BadLength, at, "a sub-account has at most 64 hex digits")
	}
	var payload [32 + maxPrincipal]byte
	if fail := hexRight(payload[:32], sub); fail != nil {
		fail.Position += at
		return fail
	}
	copy(payload[32:], principal)
	sum := icrc1Sum(principal, payload[:32])
	if !foldedEqual(head[cut+1:], string(sum[:])) {
		return refuseAt(BadChecksum, cut+1, "the CRC-32 of the account is wrong")
	}
	var human [160]byte
	a.set(SpaceICPSubaccount, VariantICPSubaccount, payload[:32+len(principal)], appendICRC1(human[:0], principal, payload[:32]))
	return nil
}

// decodeICPAccount reads the ledger's account id: the CRC-32 of 28 bytes, and these.
func decodeICPAccount(text string, a *Address) *Error {
	if len(text) != 64 {
		return refuse(BadLength, "an account id has 64 hex digits")
	}
	var room [32]byte
	id, fail := hexDecode(room[:0], text)
	if fail != nil {
		return fail
	}
	if binary.BigEndian.Uint32(id) != crc32Update(0, id[4:]) {
		return refuse(BadChecksum, "the CRC-32 of the account id is wrong")
	}
	var human [64]byte
	a.set(SpaceICPAccount, VariantICPAccount, id, hex.AppendEncode(human[:0], id))
	return nil
}

// principalBytes reads groups of five base32 letters between hyphens: a CRC-32 and up to 29 bytes.
// The interface specification has them read whatever their letter case.
func principalBytes(dst []byte, text string) ([]byte, *Error) {
	if len(text) > 63 || len(text)%6 == 0 {
		return nil, refuse(BadLength, "a principal has at most 63 characters, in groups of five")
	}
	var letters [53]byte
	n := 0
	for i := range len(text) {
		c := text[i]
		switch {
		case (i%6 == 5) != (c == '-'):
			return nil, refuseAt(BadCharacter, i, "a hyphen stands behind every five letters of a principal")
		case c == '-':
			continue
		case base32Lower.value[lower(c)] == 0xff:
			return nil, refuseAt(BadCharacter, i, "not a letter of base32 (a–z, 2–7)")
		}
		letters[n] = lower(c)
		n++
	}
	raw, reason, _ := decode32(base32Lower, dst, letters[:n], 0)
	switch {
	case reason == BadLength || len(raw) < 4:
		return nil, refuse(BadLength, "no principal has this length")
	case reason != "" || binary.BigEndian.Uint32(raw) != crc32Update(0, raw[4:]):
		return nil, refuse(BadChecksum, "the CRC-32 of the principal is wrong")
	}
	return raw[4:], nil
}

func appendPrincipal(dst, principal []byte) []byte {
	var room, letters [64]byte
	raw := binary.BigEndian.AppendUint32(room[:0], crc32Update(0, principal))
	raw = append(raw, principal...)
	for i, c := range base32Lower.append(letters[:0], raw) {
		if i > 0 && i%5 == 0 {
			dst = append(dst, '-')
		}
		dst = append(dst, c)
	}
	return dst
}

func appendICRC1(dst, principal, sub []byte) []byte {
	sum := icrc1Sum(principal, sub)
	dst = append(append(appendPrincipal(dst, principal), '-'), sum[:]...)
	var room [64]byte
	digits := hex.AppendEncode(room[:0], sub)
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	return append(append(dst, '.'), digits...)
}

// icrc1Sum is the CRC-32 of principal and sub-account in seven base32 letters.
func icrc1Sum(principal, sub []byte) (sum [7]byte) {
	var crc [4]byte
	binary.BigEndian.PutUint32(crc[:], crc32Update(crc32Update(0, principal), sub))
	base32Lower.append(sum[:0], crc[:])
	return sum
}

// icpAccountID is the ledger's account id of a principal's sub-account: SHA-224 of the byte 10,
// "account-id", the principal and the sub-account, behind its CRC-32 (ICP ledger specification).
func icpAccountID(principal, sub string) (id [32]byte) {
	var room [11 + maxPrincipal + 32]byte
	in := append(append(append(room[:0], "\x0aaccount-id"...), principal...), sub...)
	sum := sha256.Sum224(in)
	binary.BigEndian.PutUint32(id[:], crc32Update(0, sum[:]))
	copy(id[4:], sum[:])
	return id
}

// linksICP gives the account id that a principal, or one of its sub-accounts, has on the ledger: one hash
// on either side, so that both principal → account id and principal ↔ sub-account are found.
func linksICP(dst []Link, a *Address, _ Side) []Link {
	payload := a.Key.Payload()
	var zero [32]byte
	if a.Variant == VariantICPPrincipal {
		id := icpAccountID(payload, string(zero[:]))
		return append(dst, Link{makeKey(SpaceICPAccount, string(id[:])), RoleICPAccount})
	}
	id := icpAccountID(payload[32:], payload[:32])
	return append(dst,
		Link{makeKey(SpaceICPAccount, string(id[:])), RoleICPAccount},
		Link{makeKey(SpaceICPPrincipal, payload[32:]), RoleICPOwner})
}

// relateICP tells how two accounts of one owner meet; what meets in two links only is told under their own key.
func relateICP(k Key, _ Variant, askedAs Role, _ Variant, listedAs Role) (Class, string) {
	switch {
	case k.Space() == SpaceICPPrincipal && askedAs == RoleICPOwner && listedAs == RoleICPOwner:
		return SameKey, "sub-accounts of one principal"
	case k.Space() == SpaceICPPrincipal:
		return SameKey, "ICRC-1 account ↔ principal that owns it"
	case askedAs == 0 || listedAs == 0:
		return SameKey, "principal (and sub-account) → account id on the ICP ledger"
	}
	return None, ""
}
