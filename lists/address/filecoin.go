package address

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// Protocols of Filecoin addresses (spec.filecoin.io, Address).
const (
	filecoinID        = 0 // actor id
	filecoinSecp256k1 = 1 // BLAKE2b-160 of a public key
	filecoinActor     = 2 // BLAKE2b-160 of what an actor was created from
	filecoinBLS       = 3 // 48 bytes BLS public key
	filecoinDelegated = 4 // namespace and sub-address (FIP-0048)
)

// filecoinEVM is the only namespace of delegated addresses there is: the Ethereum Address Manager.
const filecoinEVM = 10

func init() {
	register(Network{
		Name:    "filecoin",
		Aliases: []string{"fil"},
		Assets:  []string{"FIL"},
		CAIP2:   []string{"fil:f"},
		Schemes: []string{"filecoin"},
		Forms: []Form{
			{"actor id (f0…)", "f01234", "none"},
			{"secp256k1 key (f1…)", "f17uoq6tp427uzv7fztkbsnn64iwotfrristwpryy", "BLAKE2b of 4 bytes"},
			{"actor (f2…)", "f24vg6ut43yw2h2jqydgbg2xq7x6f4kub3bg6as6i", "BLAKE2b of 4 bytes"},
			{"BLS key (f3…)", "f3vvmn62lofvhjd2ugzca6sof2j2ubwok6cj4xxbfzz4yuxfkgobpihhd2thlanmsh3w2ptld2gqkn2jvlss4a", "BLAKE2b of 4 bytes"},
			{"delegated, EVM account (f410f…)", "f410flkxlmbj7h2kmtonat4zwnfbv47xrx2xn5yjm6ma", "BLAKE2b of 4 bytes"},
			{"EVM account", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "EIP-55, when the letters are in mixed case"},
			{"masked actor id", "0xff000000000000000000000000000000000004d2", "none"},
		},
		Typos:  "Found by a checksum of 32 bits, except in actor ids (f0…) and 0x forms of one letter case, where it names another actor.",
		rank:   100,
		fits:   fitsFilecoin,
		decode: decodeFilecoin,
	})
	for _, v := range []struct {
		number   Variant
		kind     string
		protocol byte
	}{
		{VariantFilecoinID, "id", filecoinID},
		{VariantFilecoinSecp256k1, "secp256k1", filecoinSecp256k1},
		{VariantFilecoinActor, "actor", filecoinActor},
		{VariantFilecoinBLS, "bls", filecoinBLS},
		{VariantFilecoinEVM, "evm", filecoinDelegated},
	} {
		registerVariant(variant{v.number, "filecoin", v.kind, "filecoin", func(payload string) string {
			return string(appendFilecoin(nil, v.protocol, []byte(payload)))
		}})
	}
	for _, s := range []Space{SpaceFilecoinID, SpaceFilecoinSecp256k1, SpaceFilecoinActor, SpaceFilecoinBLS} {
		registerSpace(space{number: s})
	}
}

// fitsFilecoin leaves the 0x forms out, but for masked ids: without a hint they are EVM accounts.
func fitsFilecoin(text string) bool {
	if len(text) < 3 {
		return false
	}
	switch text[0] {
	case 'f', 't':
		return text[1] >= '1' && text[1] <= '4' && len(text) >= 41 || text[1] == '0' && isDecimal(text[2:])
	case '0':
		return isMaskedID(text)
	}
	return false
}

// isMaskedID tells the 0x form of an actor id: ff, eleven zero bytes, the id (FIP-0054).
func isMaskedID(text string) bool {
	return len(text) == 42 && text[1]|0x20 == 'x' && strings.EqualFold(text[2:4], "ff") && text[4:26] == "0000000000000000000000"
}

// decodeFilecoin reads f0 to f4. The network letter, f or t, is no part of an address: both name the same payload.
func decodeFilecoin(text string, a *Address) *Error {
	if len(text) > 1 && text[0] == '0' && text[1]|0x20 == 'x' {
		return evmForm(text, a, setFilecoinEVM)
	}
	if len(text) < 3 {
		return refuse(BadLength, "an address is f, the protocol and a payload")
	}
	switch text[0] {
	case 'f', 't':
	case 'F', 'T':
		return folded(refuseAt(MixedCase, 0, "Filecoin addresses are written small"), strings.ToLower(text), a, decodeFilecoin)
	default:
		return refuseAt(UnsupportedKind, 0, "a Filecoin address begins with f")
	}
	if text[0] == 't' {
		a.Notices = append(a.Notices, "testnet_flag")
	}
	rest := text[2:]
	protocol, size := text[1]-'0', 0
	s, v := SpaceFilecoinID, VariantFilecoinID
	switch protocol {
	case filecoinID:
		return a.setFilecoinID(rest)
	case filecoinSecp256k1:
		size, s, v = 20, SpaceFilecoinSecp256k1, VariantFilecoinSecp256k1
	case filecoinActor:
		size, s, v = 20, SpaceFilecoinActor, VariantFilecoinActor
	case filecoinBLS:
		size, s, v = 48, SpaceFilecoinBLS, VariantFilecoinBLS
	case filecoinDelegated:
		namespace, sub, ok := strings.Cut(rest, "f")
		if !ok {
			return refuse(BadLength, "a delegated address is f4, the namespace, f and a payload")
		}
		if namespace != "10" {
			return refuse(UnsupportedKind, "10 is the only namespace of delegated addresses (FIP-0048)")
		}
		size, rest = 20, sub
	default:
		return refuseAt(UnsupportedKind, 1, "the protocol is 0, 1, 2, 3 or 4")
	}
	if len(rest) != ((size+4)*8+4)/5 {
		return refuse(BadLength, "the payload is too long or too short for its protocol")
	}
	var room [52]byte
	raw, reason, at := base32Lower.decode(room[:0], rest)
	switch {
	case reason == BadCharacter && isUpper(rest[at]):
		return folded(refuseAt(MixedCase, len(text)-len(rest)+at, "Filecoin addresses are written small"), strings.ToLower(text), a, decodeFilecoin)
	case reason == BadCharacter:
		return refuseAt(BadCharacter, len(text)-len(rest)+at, "not a letter of base32 (a–z, 2–7)")
	}
	payload := raw[:size]
	if reason != "" || [4]byte(raw[size:]) != filecoinSum(protocol, payload) {
		return refuse(BadChecksum, "the BLAKE2b checksum is wrong")
	}
	if protocol == filecoinDelegated {
		return setFilecoinEVM(a, payload)
	}
	var human [86]byte
	a.set(s, v, payload, append(append(human[:0], 'f'), text[1:]...))
	return nil
}

func (a *Address) setFilecoinID(digits string) *Error {
	if len(digits) > 1 && digits[0] == '0' {
		return refuseAt(BadCharacter, 2, "leading zeros are not written")
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return refuseAt(BadCharacter, 2+i, "an actor id has digits only")
		}
	}
	id, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || id > math.MaxInt64 {
		return refuse(BadLength, "actor ids are below 2^63")
	}
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], id)
	var human [24]byte
	a.set(SpaceFilecoinID, VariantFilecoinID, key[:], append(append(human[:0], "f0"...), digits...))
	return nil
}

// setFilecoinEVM takes the 20 bytes of an EVM address on Filecoin: those of a masked id name the
// actor with that id (FIP-0054), all others the delegated address f410f… .
func setFilecoinEVM(a *Address, raw []byte) *Error {
	var human [48]byte
	if raw[0] == 0xff && [11]byte(raw[1:12]) == [11]byte{} {
		if raw[12] >= 0x80 {
			return refuse(BadLength, "actor ids are below 2^63")
		}
		a.set(SpaceFilecoinID, VariantFilecoinID, raw[12:], appendFilecoin(human[:0], filecoinID, raw[12:]))
		return nil
	}
	a.set(SpaceEVM, VariantFilecoinEVM, raw, appendFilecoin(human[:0], filecoinDelegated, raw))
	return nil
}

func appendFilecoin(dst []byte, protocol byte, payload []byte) []byte {
	dst = append(dst, 'f', '0'+protocol)
	switch protocol {
	case filecoinID:
		return strconv.AppendUint(dst, binary.BigEndian.Uint64(payload), 10)
	case filecoinDelegated:
		dst = append(dst, "10f"...)
	}
	var room [52]byte
	sum := filecoinSum(protocol, payload)
	return base32Lower.append(dst, append(append(room[:0], payload...), sum[:]...))
}

// filecoinSum is the BLAKE2b-32 of the protocol, the namespace of a delegated address, and the payload.
func filecoinSum(protocol byte, payload []byte) (sum [4]byte) {
	var room [64]byte
	in := append(room[:0], protocol)
	if protocol == filecoinDelegated {
		in = append(in, filecoinEVM) // as a varint
	}
	sumShort(sum[:0], &blake2b32s, append(in, payload...))
	return sum
}
