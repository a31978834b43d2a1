package address

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// cashaddrPairs are the legacy and new forms in the CashAddr specification.
var cashaddrPairs = [][2]string{
	{"1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"},
	{"1KXrWXciRDZUpQwQmuM1DbwsKDLYAYsVLR", "bitcoincash:qr95sy3j9xwd2ap32xkykttr4cvcu7as4y0qverfuy"},
	{"16w1D5WRVKJuZUsSRzdLp9w3YGcgoxDXb", "bitcoincash:qqq3728yw0y47sqn6l2na30mcw6zm78dzqre909m2r"},
	{"3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC", "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq"},
	{"3LDsS579y7sruadqu11beEJoTjdFiFCdX4", "bitcoincash:pr95sy3j9xwd2ap32xkykttr4cvcu7as4yc93ky28e"},
	{"31nwvkZwyPdgzjBJZXfDmSWsC4ZLKpYyUw", "bitcoincash:pqq3728yw0y47sqn6l2na30mcw6zm78dzq5ucqzc37"},
}

func TestBitcoinCash(t *testing.T) {
	for _, pair := range cashaddrPairs {
		legacy, text := pair[0], pair[1]
		bare := strings.TrimPrefix(text, "bitcoincash:")
		oneIdentity(t, "bitcoin-cash", text, legacy, bare, strings.ToUpper(text), strings.ToUpper(bare), text+"?amount=1",
			"bitcoincash:"+legacy, "bip122:000000000000000000651ef99cb9fcbe:"+bare)
		noTypo(t, "bitcoin-cash", bare, lettersBech32)
	}
	unhinted(t, "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "bitcoin-cash")
	unhinted(t, "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq", "bitcoin-cash")
}

func TestBitcoinCashForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := string(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "hash"))
		long := string(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "long hash"))
		write := func(prefix string, version byte, hash string) string {
			return string(cashEncode(nil, prefix, bits8to5(nil, string([]byte{version})+hash)))
		}
		oneIdentity(t, "bitcoin-cash", write("bitcoincash", 0, hash), write("bitcoincash", 2<<3, hash), write("simpleledger", 0, hash),
			strings.ToUpper(write("bitcoincash", 2<<3, hash)), strings.ToUpper(write("bitcoincash", 2<<3, hash))[len("bitcoincash:"):],
			versioned("\x00", hash), versioned("\x1c", hash))
		oneIdentity(t, "bitcoin-cash", write("bitcoincash", 1<<3, hash), write("bitcoincash", 3<<3, hash), write("simpleledger", 1<<3, hash),
			versioned("\x05", hash), versioned("\x28", hash))
		oneIdentity(t, "bitcoin-cash", write("bitcoincash", 1<<3|3, long), write("bitcoincash", 3<<3|3, long))
		oneIdentity(t, "ecash", write("ecash", 0, hash), write("etoken", 0, hash), versioned("\x00", hash), strings.ToUpper(write("ecash", 0, hash)),
			write("ecash", 0, hash)[len("ecash:"):])
		oneIdentity(t, "ecash", write("ecash", 1<<3, hash), write("etoken", 1<<3, hash), versioned("\x05", hash))
		refused(t, "bitcoin-cash", map[Reason][]string{
			BadChecksum:     {"bitcoincash:" + write("ecash", 0, hash)[len("ecash:"):]},
			WrongNetwork:    {write("ecash", 0, hash), write("etoken", 0, hash), write("ecash", 0, hash)[len("ecash:"):]},
			UnsupportedKind: {write("bitcoincash", 4<<3, hash), write("bitcoincash", 15<<3, hash), write("bitcoincash", 16<<3, hash), write("simpleledger", 2<<3, hash)},
			BadLength:       {write("bitcoincash", 1<<3|3, hash), write("bitcoincash", 3, long), write("bitcoincash", 1<<3|1, hash+"1234")},
			MixedCase:       {"BITCOINCASH:" + write("bitcoincash", 0, hash)[len("bitcoincash:"):], "bitcoincash:" + strings.ToUpper(write("bitcoincash", 0, hash)[len("bitcoincash:"):])},
			Testnet:         {write("bchtest", 0, hash), write("bchreg", 0, hash), versioned("\x6f", hash)},
			BadCharacter:    {"bitcoincash:" + write("bitcoincash", 0, hash)},
		})
		refused(t, "ecash", map[Reason][]string{
			WrongNetwork:    {write("bitcoincash", 0, hash)},
			UnsupportedKind: {write("ecash", 2<<3, hash)},
			BadLength:       {write("ecash", 1<<3|3, long)},
			Testnet:         {write("ectest", 0, hash)},
		})
		related(t, SameKey, "bitcoin-cash", write("bitcoincash", 0, hash), "bitcoin", versioned("\x00", hash))
		related(t, SameKey, "bitcoin-cash", write("bitcoincash", 0, hash), "ecash", write("ecash", 0, hash))
		related(t, SameScript, "bitcoin-cash", write("bitcoincash", 1<<3, hash), "bitcoin", versioned("\x05", hash))
		related(t, None, "bitcoin-cash", write("bitcoincash", 1<<3|3, long), "bitcoin", bitcoin.witnessText(0, long))
	})
}

func TestBitcoinSV(t *testing.T) {
	const text = "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"
	oneIdentity(t, "bitcoin-sv", text, "bitcoin:"+text+"?amount=1", "bsv:"+text)
	refused(t, "bitcoin-sv", map[Reason][]string{
		WrongNetwork:   {"bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
		NameNotAddress: {"satoshi@handcash.io"},
	})
}
