package address

import (
	"encoding/binary"
	"strconv"
)

// Lisk before it became an EVM chain. Sources: LIP 18 (lsk and 38 characters of a base32 alphabet of its own, with the checksum of bech32
// and no prefix in it), and lisk-elements (a number of 64 bits and L).

const lisk32 = "zxvcpmbn3465o978uyrtkqew2adsjhfg"

var base32Lisk = newAlphabet32(lisk32)

func init() {
	register(Network{
		Name: "lisk-l1", Aliases: []string{"lisk-legacy", "lisk-mainchain"}, Assets: []string{"LSK"},
		Forms: []Form{{"lsk", textLisk(exampleBytes[:20]), "that of bech32"}, {"number, before 2022", "3040783849904107057L", "none"}},
		Typos: "The checksum of lsk… finds up to four wrong characters for certain; …L has none.",
		rank:  130, first: "l", fits: func(text string) bool { return len(text) == 41 && text[:3] == "lsk" }, decode: decodeLisk,
	})
	registerVariant(variant{VariantLisk, "lisk", "", "lisk-l1", textLisk})
	registerVariant(variant{VariantLiskNumber, "lisk", "number", "lisk-l1", func(payload string) string {
		return strconv.FormatUint(binary.BigEndian.Uint64([]byte(payload)), 10) + "L"
	}})
	registerSpace(space{number: SpaceLisk})
	registerSpace(space{number: SpaceLiskNumber})
}

func textLisk(payload string) string {
	var room [64]byte
	return string(bech32Append(append(room[:0], "lsk"...), lisk32, 1, bits8to5(nil, payload), bech32Plain))
}

func decodeLisk(text string, a *Address) *Error {
	if n := len(text); n > 1 && n <= 21 && text[n-1] == 'L' {
		number, err := strconv.ParseUint(text[:n-1], 10, 64)
		if err != nil || strconv.FormatUint(number, 10) != text[:n-1] {
			return refuse(BadCharacter, "what stands before L is not a number of 64 bits")
		}
		var key [8]byte
		binary.BigEndian.PutUint64(key[:], number)
		a.setText(SpaceLiskNumber, VariantLiskNumber, key[:], text)
		return nil
	}
	if len(text) != 41 || text[:3] != "lsk" {
		return refuse(BadLength, "an address is lsk and 38 characters, or a number and L")
	}
	register := uint32(1)
	for i := 3; i < len(text); i++ {
		v := base32Lisk.value[text[i]]
		if v == 0xff {
			return refuseAt(BadCharacter, i, "it is no character of Lisk's alphabet")
		}
		register = bech32Polymod(register, v)
	}
	if register != 1 {
		return refuse(BadChecksum, "the checksum does not match")
	}
	account, reason, _ := base32Lisk.decode(nil, text[3:35])
	if reason != "" {
		return refuse(reason, "its last bits are not zero")
	}
	a.setText(SpaceLisk, VariantLisk, account, text)
	return nil
}
