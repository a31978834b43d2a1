package address

// Nervos CKB. Source: RFC 21 "CKB address format". An address is a lock script: the hash of its code, how that hash is meant, and its
// arguments. All formats of one script are one identity.

const (
	nervosFull  = 0x00 // since 2021, bech32m
	nervosShort = 0x01 // bech32
	nervosData  = 0x02 // bech32, hash type data
	nervosType  = 0x04 // bech32, hash type type
)

// nervosShortCodes are the code hashes of the short format: one signature, several.
var nervosShortCodes = [2]string{
	"\x9b\xd7\xe0\x6f\x3e\xcf\x4b\xe0\xf2\xfc\xd2\x18\x8b\x23\xf1\xb9\xfc\xc8\x8e\x5d\x4b\x65\xa8\x63\x7b\x17\x72\x3b\xbd\xa3\xcc\xe8",
	"\x5c\x50\x69\xeb\x08\x57\xef\xc6\x5e\x1b\xca\x0c\x07\xdf\x34\xc3\x16\x63\xb3\x62\x2f\xd3\x87\x6c\x87\x63\x20\xfc\x96\x33\xe2\xa8",
}

func init() {
	c := bech32Chain{network: "nervos", aliases: []string{"ckb"}, assets: []string{"CKB"}, hrp: "ckb"}
	n := c.describe()
	script := nervosShortCodes[0] + "\x01" + exampleBytes[:20]
	n.Forms = []Form{
		{"full", textNervos(script), "bech32m"},
		{"short, before 2021", bech32Text("ckb", "\x01\x00"+exampleBytes[:20], bech32Plain), "bech32"},
		{"full, before 2021", bech32Text("ckb", "\x04"+nervosShortCodes[0]+exampleBytes[:20], bech32Plain), "bech32"},
	}
	n.decode = decodeNervos
	register(n)
	registerVariant(variant{VariantNervos, "nervos", "", "nervos", func(script string) string {
		if len(script) == 32 { // the SHA-256 of a longer script
			return ""
		}
		return textNervos(script)
	}})
	registerSpace(space{number: SpaceNervos})
}

func textNervos(script string) string { return bech32Text("ckb", "\x00"+script, bech32M) }

func decodeNervos(text string, a *Address) *Error {
	if foldedPrefix(text, "ckt1") {
		return refuse(Testnet, "it is a test network address")
	}
	var data, room [MaxText]byte
	cut, values, code, fail := bech32Decode(data[:0], text)
	if fail != nil {
		return fail
	}
	if !foldedEqual(text[:cut], "ckb") {
		return refuse(WrongNetwork, "its prefix is of another network or kind")
	}
	payload, ok := bits5to8(room[:0], values)
	if !ok || len(payload) < 2 {
		return refuse(BadLength, "its last bits are not zero padding")
	}
	if (payload[0] == nervosFull) != (code == bech32M) {
		return refuse(BadChecksum, "the full format is written in bech32m, every older one in bech32")
	}
	var script []byte
	switch format := payload[0]; {
	case format == nervosFull && len(payload) >= 34:
		if kind := payload[33]; kind > 2 && kind != 4 {
			return refuse(UnsupportedKind, "no such hash type")
		}
		script = payload[1:]
	case format == nervosShort && len(payload) == 22 && payload[1] < 2:
		script = append(append(append(script, nervosShortCodes[payload[1]]...), 1), payload[2:]...)
	case (format == nervosData || format == nervosType) && len(payload) >= 33:
		script = append(append(append(script, payload[1:33]...), format/nervosType), payload[33:]...)
	case format == nervosFull, format == nervosShort, format == nervosData, format == nervosType:
		return refuse(BadLength, "it does not hold a whole script")
	default:
		return refuse(UnsupportedKind, "no such address format")
	}
	a.set(SpaceNervos, VariantNervos, script, nil)
	a.Canonical = textNervos(string(script))
	return nil
}
