package address

import "strings"

// utxoRow is what a chain of Bitcoin's kind has of its own. One decoder reads all of them (utxo.go).
type utxoRow struct {
	name      string
	aliases   string // separated by blanks
	assets    string // separated by blanks
	keyHash   string // version of P2PKH
	script    string // version of P2SH
	oldScript string // an older version of P2SH that means the same
	hrp       string // human-readable part of witness addresses
	check     base58Sum
}

// utxoRows are the chains of Bitcoin's kind without a file of their own. Sources of the versions and prefixes: the chainparams.cpp
// of each chain, compared with the registries of Trust Wallet Core, multicoin-address-validator, coininfo and ENSIP-9. Several chains
// share their versions: a text without a network is read under all of them. New rows are added at the end: the place gives the
// variants.
var utxoRows = []utxoRow{
	{name: "digibyte", aliases: "dgb", assets: "DGB", keyHash: "\x1e", script: "\x3f", oldScript: "\x05", hrp: "dgb"},
	{name: "qtum", assets: "QTUM", keyHash: "\x3a", script: "\x32", hrp: "qc"},
	{name: "ravencoin", aliases: "rvn", assets: "RVN", keyHash: "\x3c", script: "\x7a"},
	{name: "komodo", aliases: "kmd", assets: "KMD", keyHash: "\x3c", script: "\x55"},
	{name: "groestlcoin", aliases: "grs", assets: "GRS", keyHash: "\x24", script: "\x05", hrp: "grs", check: sumGroestl},
	{name: "viacoin", aliases: "via", assets: "VIA", keyHash: "\x47", script: "\x21", hrp: "via"},
	{name: "vertcoin", aliases: "vtc", assets: "VTC", keyHash: "\x47", script: "\x05", hrp: "vtc"},
	{name: "namecoin", aliases: "nmc", assets: "NMC", keyHash: "\x34", script: "\x0d", oldScript: "\x05", hrp: "nc"},
	{name: "peercoin", aliases: "ppc", assets: "PPC", keyHash: "\x37", script: "\x75", hrp: "pc"},
	{name: "primecoin", aliases: "xpm", assets: "XPM", keyHash: "\x17", script: "\x53"},
	{name: "firo", aliases: "zcoin xzc", assets: "FIRO XZC", keyHash: "\x52", script: "\x07"},
	{name: "horizen", aliases: "zencash", assets: "ZEN", keyHash: "\x20\x89", script: "\x20\x96"},
	{name: "neblio", aliases: "nebl", assets: "NEBL", keyHash: "\x35", script: "\x70"},
	{name: "stratis", aliases: "strax", assets: "STRAX", keyHash: "\x4b", script: "\x8c", hrp: "strax"},
	{name: "stratis-classic", aliases: "strat", assets: "STRAT", keyHash: "\x3f", script: "\x7d"}, //nolint:misspell // a ticker
	{name: "syscoin", aliases: "syscoin-utxo", assets: "SYS", keyHash: "\x3f", script: "\x05", hrp: "sys"},
	{name: "lbry", aliases: "lbc lbry-credits", assets: "LBC", keyHash: "\x55", script: "\x7a", hrp: "lbc"},
	{name: "solarcoin", aliases: "slr", assets: "SLR", keyHash: "\x12", script: "\x05"},
	{name: "snowgem", aliases: "sng xsg tent", assets: "SNG XSG", keyHash: "\x1c\x28", script: "\x1c\x2d"},
	{name: "bitcoin-private", aliases: "btcp", assets: "BTCP", keyHash: "\x13\x25", script: "\x13\xaf"},
	{name: "zclassic", aliases: "zcl", assets: "ZCL", keyHash: "\x1c\xb8", script: "\x1c\xbd"},
	{name: "votecoin", aliases: "vot", assets: "VOT", keyHash: "\x1c\xb8", script: "\x1c\xbd"},
	{name: "bitcoinz", aliases: "btcz", assets: "BTCZ", keyHash: "\x1c\xb8", script: "\x1c\xbd"},
	{name: "hush", assets: "HUSH", keyHash: "\x1c\xb8", script: "\x1c\xbd"},
	{name: "flux", aliases: "zelcash zel", assets: "FLUX ZEL", keyHash: "\x1c\xb8", script: "\x1c\xbd"},
	{name: "gamecredits", aliases: "game", assets: "GAME", keyHash: "\x26", script: "\x05"},
	{name: "biocoin", aliases: "bio", assets: "BIO", keyHash: "\x19", script: "\x14"},
	{name: "monacoin", aliases: "mona", assets: "MONA", keyHash: "\x32", script: "\x37", oldScript: "\x05", hrp: "mona"},
	{name: "bitcoin-diamond", aliases: "bcd", assets: "BCD", keyHash: "\x00", script: "\x05", hrp: "bcd"},
	{name: "pivx", assets: "PIVX", keyHash: "\x1e", script: "\x0d"},
	{name: "einsteinium", aliases: "emc2", assets: "EMC2", keyHash: "\x21", script: "\x05"},
	{name: "feathercoin", aliases: "ftc", assets: "FTC", keyHash: "\x0e", script: "\x05", hrp: "fc"},
	{name: "reddcoin", aliases: "rdd", assets: "RDD", keyHash: "\x3d", script: "\x05"},
	{name: "navcoin", aliases: "nav", assets: "NAV", keyHash: "\x35", script: "\x55"},
	{name: "blackcoin", aliases: "blk", assets: "BLK", keyHash: "\x19", script: "\x55"},
	{name: "bitcoin-atom", aliases: "bca", assets: "BCA", keyHash: "\x17", script: "\x0a", hrp: "bca"},
	{name: "freicoin", aliases: "frc", assets: "FRC", keyHash: "\x00", script: "\x05"},
	{name: "beavercoin", aliases: "bvc", assets: "BVC", keyHash: "\x19", script: "\x05"},
	{name: "protoshares", aliases: "pts", assets: "PTS", keyHash: "\x38", script: "\x05"},
	{name: "megacoin", aliases: "mec", assets: "MEC", keyHash: "\x32", script: "\x05"},
	{name: "auroracoin", aliases: "aur", assets: "AUR", keyHash: "\x17", script: "\x05"},
	{name: "garlicoin", aliases: "grlc", assets: "GRLC", keyHash: "\x26", script: "\x05"},
	{name: "litecoin-cash", aliases: "lcc", assets: "LCC", keyHash: "\x1c", script: "\x32", oldScript: "\x05", hrp: "lcc"},
	{name: "divi", assets: "DIVI", keyHash: "\x1e", script: "\x0d"},
	{name: "waykichain", aliases: "wicc", assets: "WICC", keyHash: "\x49", script: "\x33"},
	{name: "denarius", aliases: "dnr", assets: "DNR", keyHash: "\x1e", script: "\x5a"},
	{name: "nubits", aliases: "nbt", assets: "NBT", keyHash: "\x19", script: "\x1a"},
}

// Each chain of the table has its variants at utxoVariants + 8 × its place, in this order: P2PKH, P2SH, P2WPKH, P2WSH, P2TR, witness.
const utxoVariants Variant = 3000

// utxoTable holds the chains that the rows describe, in their order.
var utxoTable = func() []*utxoChain {
	table := make([]*utxoChain, len(utxoRows))
	for i := range utxoRows {
		row, v := &utxoRows[i], utxoVariants+8*Variant(i)
		table[i] = &utxoChain{
			network: row.name, keyHash: row.keyHash, script: row.script, oldScript: row.oldScript, hrp: row.hrp, check: row.check, versionZero: row.name == "peercoin",
			first: firstLetters(row.keyHash) + firstLetters(row.script) + firstLetters(row.oldScript),
			p2pkh: v, p2sh: v + 1, p2wpkh: v + 2, p2wsh: v + 3, p2tr: v + 4, witness: v + 5,
		}
	}
	return table
}()

func init() {
	for i, c := range utxoTable {
		row := &utxoRows[i]
		n := Network{
			Aliases: strings.Fields(row.aliases),
			Assets:  strings.Fields(row.assets),
			Schemes: []string{strings.ReplaceAll(row.name, "-", "")},
			Forms: []Form{
				{"P2PKH", c.versioned(c.keyHash, bip173Program), c.checksum()},
				{"P2SH", c.versioned(c.script, bip173Program), c.checksum()},
			},
			rank: 120,
		}
		if c.oldScript != "" {
			n.Forms = append(n.Forms, Form{"P2SH, older version", c.versioned(c.oldScript, bip173Program), c.checksum()})
		}
		if c.hrp != "" {
			n.Forms = append(n.Forms, Form{"P2WPKH", c.witnessText(0, bip173Program), "bech32"})
		}
		c.register(n)
	}
}

// edges gives the least and the greatest base58check text of a version and a hash of 20 bytes.
func edges(version string) (least, greatest string) {
	zeros, ones := strings.Repeat("\x00", 24), strings.Repeat("\xff", 24)
	return string(base58Bitcoin.encode(nil, []byte(version+zeros))), string(base58Bitcoin.encode(nil, []byte(version+ones)))
}

// firstLetters gives the characters with which the base58check texts of a version and a hash of 20 bytes begin.
func firstLetters(version string) string {
	if version == "" {
		return ""
	}
	if version[0] == 0 {
		return "1"
	}
	least, greatest := edges(version)
	from, to := strings.IndexByte(base58Bitcoin.digits, least[0]), strings.IndexByte(base58Bitcoin.digits, greatest[0])
	if len(least) == len(greatest) {
		return base58Bitcoin.digits[from : to+1]
	}
	return base58Bitcoin.digits[from:] + base58Bitcoin.digits[1:to+1] // the longer texts begin again with 2
}

// utxoShapes are the shapes of the base58check texts of the table.
func utxoShapes() (shapes []shape) {
	seen := map[string]bool{}
	for i := range utxoRows {
		for _, version := range []string{utxoRows[i].keyHash, utxoRows[i].script} {
			if seen[version] || version[0] == 0 {
				continue
			}
			seen[version] = true
			least, greatest := edges(version)
			prefixes := strings.Split(firstLetters(version), "")
			if len(version) == 2 && least[:2] == greatest[:2] {
				prefixes = []string{least[:2]}
			}
			for _, prefix := range prefixes {
				shapes = append(shapes, shape{prefix, base58Letters, len(least), len(greatest)})
			}
		}
	}
	return shapes
}
