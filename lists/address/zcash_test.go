package address

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// unifiedPublished is a unified address of the ZIP-316 test vectors, made with the reference implementation.
const unifiedPublished = "u1l8xunezsvhq8fgzfl7404m450nwnd76zshscn6nfys7vyz2ywyh4cc5daaq0c7q2su5lqfh23sp7fkf3kt27ve5948mzpfdvckzaect2jtte308mkwlycj2u0eac077wu70vqcetkxf"

func TestZcash(t *testing.T) {
	// ZIP-320, reference test vector.
	oneIdentity(t, "zcash", "t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC", "tex1s2rt77ggv6q989lr49rkgzmh5slsksa9khdgte", strings.ToUpper("tex1s2rt77ggv6q989lr49rkgzmh5slsksa9khdgte"),
		"zcash:t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC?amount=1", "zcash:?address=t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC&amount=1", "zcash:tex1s2rt77ggv6q989lr49rkgzmh5slsksa9khdgte")
	sapling := bech32Text(hrpSapling, saplingExample, bech32Plain)
	oneIdentity(t, "zcash", sapling, strings.ToUpper(sapling), "zcash:"+sapling)
	const sprout = "zcWGguu2UPfNhh1ygWW9Joo3osvncsuehtz5ewvXd78vFDdnDCRNG6QeKSZpwZmYmkfEutPVf8HzCfBytqXWsEcF2iBAM1e"
	oneIdentity(t, "zcash", sprout)
	unhinted(t, "t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC", "zcash", "zclassic", "votecoin", "bitcoinz", "hush", "flux")
	for _, text := range []string{"tex1s2rt77ggv6q989lr49rkgzmh5slsksa9khdgte", sapling, unifiedPublished, sprout} {
		unhinted(t, text, "zcash")
	}
	noTypo(t, "zcash", "t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC", lettersBase58)
	noTypo(t, "zcash", sapling, lettersBech32)
	noTypo(t, "zcash", unifiedPublished, lettersBech32)
	upper := read1(t, "zcash", strings.ToUpper(unifiedPublished))
	if lower := read1(t, "zcash", unifiedPublished); upper.Key != lower.Key || upper.Canonical != unifiedPublished {
		t.Errorf("upper case reads as %+v", upper)
	}
}

// item writes one item of a unified address.
func item(code int, value string) string {
	if code < 0xfd {
		return string([]byte{byte(code), byte(len(value))}) + value
	}
	return string([]byte{0xfd, byte(code), byte(code >> 8), byte(len(value))}) + value
}

// unified writes items as a unified address, whatever they are.
func unified(hrp string, code bech32Code, items ...string) string {
	message := []byte(strings.Join(items, "") + hrp + strings.Repeat("\x00", paddingUnified-len(hrp)))
	f4jumble(message)
	return bech32Text(hrp, string(message), code)
}

func TestUnifiedReceivers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int, label string) string { return string(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, label)) }
		hash, sapling, orchard := draw(20, "hash"), draw(43, "sapling"), draw(43, "orchard")
		text := unified("u", bech32M, item(0, hash), item(2, sapling), item(3, orchard))
		a := read1(t, "zcash", text)
		if a.Canonical != text || a.Variant != VariantZcashUnified || len(a.Key) != 33 {
			t.Fatalf("%+v", a)
		}
		related(t, Exact, "zcash", text, "zcash", strings.ToUpper(text))
		related(t, Contains, "zcash", text, "zcash", versioned(zcashTransparent.keyHash, hash))
		related(t, Contains, "zcash", text, "zcash", bech32Text("tex", hash, bech32M))
		related(t, Contains, "zcash", text, "zcash", bech32Text("zs", sapling, bech32Plain))
		related(t, Contains, "zcash", text, "zcash", unified("u", bech32M, item(3, orchard)))
		related(t, Contains, "zcash", text, "zcash", unified("u", bech32M, item(0, hash), item(3, draw(43, "other"))))
		related(t, SameKey, "zcash", text, "bitcoin", versioned("\x00", hash))
		related(t, None, "zcash", text, "zcash", versioned(zcashTransparent.script, hash))
		script := unified("u", bech32M, item(1, hash), item(2, sapling))
		related(t, Contains, "zcash", script, "zcash", versioned(zcashTransparent.script, hash))
		related(t, SameScript, "zcash", script, "bitcoin", versioned("\x05", hash))
		// Short enough for a key: it comes back from what is stored.
		oneIdentity(t, "zcash", unified("u", bech32M, item(0, hash), item(2, sapling)))
		oneIdentity(t, "zcash", unified("u", bech32M, item(2, sapling)))
		// An item that nobody knows yet is kept.
		related(t, Contains, "zcash", unified("u", bech32M, item(2, sapling), item(0xfffa, "something new")), "zcash", bech32Text("zs", sapling, bech32Plain))
	})
}

func TestZcashRefused(t *testing.T) {
	hash, shielded := bip173Program, saplingExample
	refused(t, "zcash", map[Reason][]string{
		BadChecksum: {
			unified("u", bech32Plain, item(2, shielded)),
			bech32Text("u", strings.Repeat("\x07", 61), bech32M), // no F4Jumble behind it
			bech32Text("tex", hash, bech32Plain), bech32Text("zs", shielded, bech32M),
		},
		UnsupportedKind: {
			unified("u", bech32M, item(0, hash), item(1, hash)),
			"ur1" + strings.Repeat("q", 60),
			unified("u", bech32M, item(0, hash), item(1, hash), item(2, shielded)),
			unified("u", bech32M, item(2, shielded), item(0, hash)),
			unified("u", bech32M, item(2, shielded), item(2, shielded)),
			unified("u", bech32M, item(2, shielded), item(0xe0, "\x01\x02\x03\x04")),
			"zu1" + strings.Repeat("q", 60), versioned(versionSprout, shielded),
		},
		BadLength: {
			unified("u", bech32M, item(0, hash+"\x00"), item(2, shielded)),
			unified("u", bech32M, item(2, shielded), "\x03\x2b\x00"),
			unified("u", bech32M, item(2, shielded), item(3, shielded)[:44]),
			bech32Text("tex", hash+"\x00", bech32M), bech32Text("zs", shielded[:42], bech32Plain),
			versioned(zcashTransparent.keyHash, hash+"\x00"),
		},
		Testnet: {
			versioned("\x1d\x25", hash), versioned("\x1c\xba", hash), bech32Text("ztestsapling", shielded, bech32Plain),
			unified("utest", bech32M, item(2, shielded)), bech32Text("textest", hash, bech32M), versioned(testSprout, strings.Repeat("\x01", 64)),
		},
		SecretMaterial: {
			bech32Text("secret-extended-key-main", strings.Repeat("\x01", 169), bech32Plain),
			bech32Text("zxviews", strings.Repeat("\x01", 169), bech32Plain),
			"uview1" + strings.Repeat("q", 120),
		},
		TwoAddresses: {"zcash:?address=t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC&address.1=t1VmmGiyjVNeCjxDZzg7vZmd99WyzVby9yC&amount=1&amount.1=2"},
		WrongNetwork: {"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "0x14b06a4a23f66cbdb6d7bf3c0e7eeb945e11e927"},
	})
}

func TestCompactSize(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int
		ok   bool
	}{
		{"\xfc", 0xfc, true}, {"\xfd\xfd\x00", 0xfd, true}, {"\xfe\x00\x00\x01\x00", 0x10000, true}, {"\xfe\x00\x00\x00\x02", itemLast, true},
		{"\xfd\xfc\x00", 0, false}, {"\xfe\xff\xff\x00\x00", 0, false}, {"\xfe\x01\x00\x00\x02", 0, false}, {"\xff\x00\x00\x00\x00\x00\x00\x00\x00", 0, false},
		{"", 0, false}, {"\xfd\x01", 0, false},
	} {
		got, rest, ok := compactSize([]byte(c.in))
		if ok != c.ok || ok && (got != c.want || !bytes.Equal(rest, nil)) {
			t.Errorf("%x: %d %x %v", c.in, got, rest, ok)
		}
	}
}
