package address

import (
	"encoding/hex"
	"strings"
	"testing"

	mrtron "github.com/mr-tron/base58"
	"golang.org/x/crypto/blake2b"
	"pgregory.net/rapid"
)

// Alice of the Substrate documentation ("subkey inspect //Alice").
const (
	aliceKey       = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
	aliceSubstrate = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	alicePolkadot  = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"
	aliceKusama    = "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"
	aliceAstar     = "ajYMsCKsEAhEvHpeA4XqsfiA9v1CdzZPrCfS6pEfeGHW9j8"
)

// ss58Of writes SS58 by its specification, with the base58 of mr-tron.
func ss58Of(prefix uint16, id []byte) string {
	raw := []byte{byte(prefix)}
	if prefix > 63 {
		raw = []byte{byte(prefix&0xfc>>2) | 0x40, byte(prefix>>8) | byte(prefix&3<<6)}
	}
	raw = append(raw, id...)
	sum := blake2b.Sum512(append([]byte("SS58PRE"), raw...))
	return mrtron.Encode(append(raw, sum[:2]...))
}

func TestSS58(t *testing.T) {
	oneIdentity(t, "polkadot", alicePolkadot, aliceSubstrate, aliceKey, "0X"+strings.ToUpper(aliceKey[2:]), "polkadot:91b171bb158e2d3848fa23a9f1c25182:"+alicePolkadot)
	oneIdentity(t, "kusama", aliceKusama, aliceSubstrate, aliceKey, "polkadot:b0a8d493285c2df73290dfb7e61f870f:"+aliceKusama)
	id, _ := hex.DecodeString(aliceKey[2:])
	oneIdentity(t, "bittensor", aliceSubstrate, aliceKey, ss58Of(13, id))
	oneIdentity(t, "astar", aliceAstar, aliceSubstrate, aliceKey)
	oneIdentity(t, "substrate", aliceSubstrate, alicePolkadot, aliceKusama, aliceAstar, aliceKey, ss58Of(63, id), ss58Of(64, id), ss58Of(1284, id), ss58Of(16383, id))
	chains := map[string]string{"polkadot": alicePolkadot, "kusama": aliceKusama, "bittensor": aliceSubstrate, "astar": aliceAstar, "substrate": aliceSubstrate}
	for a := range chains {
		for b := range chains {
			if a != b {
				related(t, SameKey, a, chains[a], b, chains[b])
			}
		}
		noTypo(t, a, chains[a], lettersBase58)
	}
	unhinted(t, alicePolkadot, "polkadot", "substrate")
	unhinted(t, aliceKusama, "kusama", "substrate")
	unhinted(t, aliceAstar, "astar", "substrate")
	unhinted(t, aliceSubstrate, "polkadot", "kusama", "bittensor", "astar", "substrate")
}

func TestSS58Refused(t *testing.T) {
	id, _ := hex.DecodeString(aliceKey[2:])
	long := []byte{0x40 | 42>>2, 42 & 3 << 6} // 42 in the two bytes of prefixes above 63
	long = append(long, id...)
	sum := blake2b.Sum512(append([]byte("SS58PRE"), long...))
	for _, network := range []string{"polkadot", "kusama", "bittensor", "astar", "substrate"} {
		refused(t, network, map[Reason][]string{
			UnsupportedKind: {ss58Of(46, id), ss58Of(47, id), mrtron.Encode(append(long, sum[:2]...))},
			BadLength:       {ss58Of(42, id[:20]), ss58Of(42, id[:31]), ss58Of(42, append(id[:32:32], 0)), ss58Of(42, nil), "1" + aliceSubstrate, aliceKey + "0"},
			BadChecksum:     {aliceSubstrate[:47] + "Z"},
			SecretMaterial:  {aliceKey[2:], "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about//Alice"},
			BadCharacter:    {aliceSubstrate[:20] + "0" + aliceSubstrate[21:]},
		})
	}
	refused(t, "polkadot", map[Reason][]string{WrongNetwork: {aliceKusama, aliceAstar, ss58Of(1284, id), "polkadot:b0a8d493285c2df73290dfb7e61f870f:" + aliceKusama}})
	refused(t, "kusama", map[Reason][]string{WrongNetwork: {alicePolkadot, ss58Of(13, id)}})
	refused(t, "astar", map[Reason][]string{WrongNetwork: {alicePolkadot}})
	refused(t, "bittensor", map[Reason][]string{WrongNetwork: {alicePolkadot}})
}

func TestSS58Spellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "id")
		prefix := rapid.Uint16Max(16383).Filter(func(p uint16) bool { return p != 46 && p != 47 }).Draw(t, "prefix")
		oneIdentity(t, "substrate", ss58Of(42, id), ss58Of(prefix, id), "0x"+hex.EncodeToString(id))
		oneIdentity(t, "polkadot", ss58Of(0, id), ss58Of(42, id), "0x"+hex.EncodeToString(id))
	})
}

func BenchmarkParseSS58(b *testing.B) {
	benchParse(b, "polkadot", map[string]string{"prefix 0": alicePolkadot, "prefix 42": aliceSubstrate, "hex": aliceKey})
	benchParse(b, "", map[string]string{"prefix 42 no hint": aliceSubstrate})
}
