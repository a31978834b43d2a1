package address

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

func TestEOS(t *testing.T) {
	// Names and their 64 bits, as nodeos has them in its tables.
	for name, want := range map[string]uint64{"eosio": 6138663577826885632, "eosio.token": 6138663591592764928} {
		a := oneIdentity(t, "eos", name, "eos:"+name, "antelope:aca376f206b8fc25a6ed44dbdc66547c:"+name, " "+name)
		if got := binary.BigEndian.Uint64([]byte(a.Key.Payload())); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	for _, name := range []string{"a", "1", "binancecleos", "huobideposit", "eosio.ram", "abc.def", "zzzzzzzzzzzzj", "a.b.c.d.e.f", "11111"} {
		oneIdentity(t, "eos", name)
	}
	related(t, None, "eos", "abc.def", "eos", "abcdef")
	refused(t, "eos", map[Reason][]string{
		BadCharacter:    {".start", "end.", ".", "name0", "name6", "a_b", "a-b", "zzzzzzzzzzzzk", "zzzzzzzzzzzzz", "name!"},
		BadLength:       {"toolongaccountname", "aaaaaaaaaaaaaa"},
		MixedCase:       {"EOSIO.TOKEN", "eosio.Token"},
		UnsupportedKind: {"EOS6MRyAjQq8ud7hVNYcfnVPJqcVpscN5So8BhtHuGYqET5GDW5CV", "PUB_K1_6MRyAjQq8ud7hVNYcfnVPJqcVpscN5So8BhtHuGYqET5BoDq63"},
		SecretMaterial:  {"5KQwrPbwdL6PhXujxW37FSSQZ1JiwsST4cqQzDeyXtP79zkvFD3", "PVT_K1_2bfGi9rYsXQSXXTvJbDAPhHLQUojjaNLomdm3cEJ1XTzMqUt3V"},
		WrongNetwork:    {"antelope:1064487b3cd1a897ce03ae5b6a865651:eosio"},
		NameNotAddress:  {"me@eos"},
	})
	wouldBe(t, "eos", "EOSIO.TOKEN", "eosio.token")
	// Any short word is a name: it is read only where EOS was asked for.
	unhinted(t, "binancecleos")
	unhinted(t, "eosio.token")
}

func TestEOSSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z1-5]([a-z1-5.]{0,10}[a-z1-5])?[a-j1-5]?`).Draw(t, "name")
		a := oneIdentity(t, "eos", name, "eos:"+name)
		// A dot more is another name, since the letters behind it move.
		if len(name) > 1 && len(name) < 12 {
			if b := read1(t, "eos", name[:1]+"."+name[1:]); a.Key == b.Key {
				t.Errorf("%s: a dot does not matter", name)
			}
		}
	})
}

func BenchmarkParseEOS(b *testing.B) {
	benchParse(b, "eos", map[string]string{"name": "eosio.token"})
}
