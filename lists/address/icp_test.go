package address

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The accounts of the ICRC-1 standard ("Textual encoding").
const (
	icrc1Owner = "k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae"
	icrc1One   = icrc1Owner + "-6cc627i.1"
	icrc1Many  = icrc1Owner + "-dfxgiyy.102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
)

// principalOf writes a principal by the IC interface specification.
func principalOf(principal []byte) string {
	raw := append(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(principal)), principal...)
	letters := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
	var groups []string
	for ; len(letters) > 5; letters = letters[5:] {
		groups = append(groups, letters[:5])
	}
	return strings.Join(append(groups, letters), "-")
}

func accountOf(principal []byte, sub [32]byte) string {
	sum := sha256.Sum224(append(append([]byte("\x0aaccount-id"), principal...), sub[:]...))
	return hex.EncodeToString(append(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(sum[:])), sum[:]...))
}

func TestICP(t *testing.T) {
	a := oneIdentity(t, "icp", icrc1Owner, strings.ToUpper(icrc1Owner))
	oneIdentity(t, "icp", icrc1One)
	oneIdentity(t, "icp", icrc1Many)
	oneIdentity(t, "icp", "2vxsx-fae")                   // the anonymous principal
	oneIdentity(t, "icp", "aaaaa-aa")                    // the management canister: no bytes at all
	oneIdentity(t, "icp", "ryjl3-tyaaa-aaaaa-aaaba-cai") // the ledger's canister
	principal := []byte(a.Key.Payload())
	account := accountOf(principal, [32]byte{})
	oneIdentity(t, "icp", account, strings.ToUpper(account))
	related(t, SameKey, "icp", icrc1Owner, "icp", account)
	related(t, SameKey, "icp", icrc1One, "icp", accountOf(principal, [32]byte{31: 1}))
	related(t, SameKey, "icp", icrc1One, "icp", icrc1Owner)
	related(t, SameKey, "icp", icrc1One, "icp", icrc1Many)
	related(t, None, "icp", icrc1One, "icp", account)
	related(t, None, "icp", account, "icp", accountOf(principal, [32]byte{31: 1}))
	related(t, Exact, "icp", icrc1One, "icp", icrc1One)
	noTypo(t, "icp", icrc1Owner, strings.ToLower(lettersBase32))
	noTypo(t, "icp", icrc1One, strings.ToLower(lettersBase32))
	noTypo(t, "icp", account, "0123456789abcdef")
	for _, text := range []string{icrc1Owner, icrc1One, "ryjl3-tyaaa-aaaaa-aaaba-cai"} {
		unhinted(t, text, "icp")
	}
	got, err := Parse(nil, account, "")
	if err != nil || got[0].Network != "icp" {
		t.Errorf("%s without a network: %v %v", account, got, err)
	}
	refused(t, "icp", map[Reason][]string{
		// The errors of the ICRC-1 standard, in its order.
		BadCharacter:   {icrc1Owner + "-q6bn32y.", "k2t6j2nvnp4zjm3-25dtz6xhaac7boj5gayfoj3xs-i43lp-teztq-6ae", icrc1Owner + "-6cc627i.01", icrc1Owner + "-6cc627i.x", "1" + icrc1Owner[1:]},
		NameNotAddress: {"alice.icp"},
		BadLength:      {icrc1Owner + ".1", icrc1Owner + "a", icrc1Owner + "-", account[:63], account + "0", "a", "aaaaa", icrc1Owner + "-dfxgiyy." + strings.Repeat("1", 65), icrc1Owner + "-6cc627.1"},
		BadChecksum:    {icrc1Owner[:62] + "f", icrc1Owner + "-6cc627j.1", icrc1Owner + "-6cc627i.2", account[:63] + flipHex(account[63:]), "3a9cc25cf81896c5aefae58b447deebc83ffd27c337454c549fbde673382ce0d"},
	})
}

func flipHex(digit string) string {
	if digit == "0" {
		return "1"
	}
	return "0"
}

func TestICPSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		principal := rapid.SliceOfN(rapid.Byte(), 0, 29).Draw(t, "principal")
		var sub [32]byte
		copy(sub[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sub"))
		clear(sub[:rapid.IntRange(0, 31).Draw(t, "zeros")])
		text := principalOf(principal)
		oneIdentity(t, "icp", text, strings.ToUpper(text))
		related(t, SameKey, "icp", text, "icp", accountOf(principal, [32]byte{}))
		if sub == [32]byte{} {
			return
		}
		both := append(append([]byte{}, principal...), sub[:]...)
		sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(both))
		with := text + "-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum)) + "." + strings.TrimLeft(hex.EncodeToString(sub[:]), "0")
		oneIdentity(t, "icp", with)
		related(t, SameKey, "icp", with, "icp", accountOf(principal, sub))
		related(t, SameKey, "icp", with, "icp", text)
	})
}

func BenchmarkParseICP(b *testing.B) {
	benchParse(b, "icp", map[string]string{"principal": icrc1Owner, "account id": "051b05839339f89053454a4b9865ea0452a4bffe2b1cd41f4982bad10c1e637c", "sub-account": icrc1One})
}
