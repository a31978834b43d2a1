package selftest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mr-tron/base58"
	"golang.org/x/crypto/sha3"

	"interdict/lists/address"
)

// Spelling is one way to write an address.
type Spelling struct {
	Text string
	How  string // what was changed
	// Refused is true if the text is not an address, and has to be refused.
	Refused bool
}

// Spellings returns ways to write an address that mean the same, and changed texts that its network has to refuse. The encoders here are not
// those of package address, so that one mistake is not made twice.
func Spellings(a *address.Address, r *rand.Rand) []Spelling {
	s := &speller{a: a, r: r}
	s.same("canonical", a.Canonical)
	s.same("white space around it", " \t"+a.Canonical+" \n")
	if slices.Contains(a.Notices, "compared_as_text") {
		return s.all
	}
	s.wrappers()
	family, kind, payload := parts(a)
	switch family {
	case "evm":
		s.evm()
	case "aptos", "sui", "starknet":
		s.same("0X", "0X"+a.Canonical[2:])
		s.same("capital digits", "0x"+strings.ToUpper(a.Canonical[2:]))
	case "tron":
		s.same("hex", "41"+payload)
		s.same("hex behind 0x41", "0x41"+payload)
	case "bitcoin-cash", "ecash":
		s.cash()
	case "xrp":
		s.same("X-address", xAddress(a.Key.Payload()))
	case "ton":
		s.ton()
	case "litecoin":
		if kind == "p2sh" { // the version of before 2018 is that of Bitcoin
			s.rendered("the version of before 2018", address.VariantBitcoinP2SH)
		}
	case "filecoin":
		s.same("t for f", "t"+a.Canonical[1:])
	case "nano":
		s.same("xrb_", "xrb_"+strings.TrimPrefix(a.Canonical, "nano_"))
	}
	switch checksums()[a.Variant] {
	case "bech32", "bech32m":
		s.same("capital letters", strings.ToUpper(a.Canonical))
		separator := strings.LastIndexByte(a.Canonical, '1')
		s.refused("letters of both cases", oneCapital(a.Canonical, separator+1))
		s.refused("one character is wrong", s.altered(separator+1))
	case "base58check", "Keccak-256":
		s.refused("one character is wrong", s.altered(1))
	case "cashaddr":
		s.refused("one character is wrong", s.altered(strings.IndexByte(a.Canonical, ':')+1))
	}
	return s.all
}

type speller struct {
	a   *address.Address
	r   *rand.Rand
	all []Spelling
}

func (s *speller) add(how, text string, refused bool) {
	if text == "" || slices.ContainsFunc(s.all, func(o Spelling) bool { return o.Text == text }) {
		return
	}
	s.all = append(s.all, Spelling{text, how, refused})
}

func (s *speller) same(how, text string)    { s.add(how, text, false) }
func (s *speller) refused(how, text string) { s.add(how, text, true) }

// rendered adds the text of the same key as another variant.
func (s *speller) rendered(how string, v address.Variant) {
	if _, text, ok := address.Render(s.a.Key, v); ok {
		s.same(how, text)
	}
}

// parts returns family, kind and the payload in hex of an address.
func parts(a *address.Address) (family, kind, payload string) {
	words := strings.Split(identity(a), ":")
	if len(words) == 3 {
		kind = words[1]
	}
	return words[0], kind, words[len(words)-1]
}

// noURI are the networks whose URIs are not a scheme and the address, and noCAIP those whose CAIP-10 is not the chain and the address.
var (
	noURI  = []string{"stellar", "cardano", "ton"}
	noCAIP = []string{"conflux", "ton"}
)

// wrappers adds a payment URI and CAIP-10.
func (s *speller) wrappers() {
	n := network(s.a.Network)
	if n == nil {
		return
	}
	prefix, bare, prefixed := strings.Cut(s.a.Canonical, ":")
	if !prefixed {
		bare = strings.ReplaceAll(s.a.Canonical, " ", "")
	}
	if len(n.Schemes) > 0 && !slices.Contains(noURI, n.Name) {
		scheme := n.Schemes[0]
		if !prefixed {
			s.same("payment URI", scheme+":"+bare)
			s.same("payment URI with its scheme in capitals", strings.ToUpper(scheme)+":"+bare)
		} else if prefix == scheme {
			s.refused("letters of both cases", strings.ToUpper(prefix)+":"+bare) // the checksum covers the prefix
		}
	}
	if len(n.CAIP2) > 0 && !slices.Contains(noCAIP, n.Name) {
		s.same("CAIP-10", n.CAIP2[0]+":"+bare)
	}
}

// evm adds the letter cases of an EVM account, and a wrong one.
func (s *speller) evm() {
	digits := s.a.Canonical[2:]
	if !strings.HasPrefix(s.a.Canonical, "0x") || len(digits) != 40 {
		return
	}
	small, capital := strings.ToLower(digits), strings.ToUpper(digits)
	s.same("small letters", "0x"+small)
	s.same("capital letters", "0x"+capital)
	s.same("0X", "0X"+digits)
	if n := network(s.a.Network); n != nil {
		for _, short := range n.Short[:min(len(n.Short), 1)] {
			s.same("ERC-3770", short+":0x"+small)
		}
		for _, id := range n.CAIP2 {
			if chain, ok := strings.CutPrefix(id, "eip155:"); ok {
				s.same("EIP-681 with the chain", "ethereum:0x"+small+"@"+chain)
			}
		}
	}
	// The case of each letter is one bit of the checksum. A text with letters of one case has none.
	for _, i := range s.r.Perm(len(digits)) {
		wrong := []byte(digits)
		switch c := wrong[i]; {
		case 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
			wrong[i] ^= 'a' - 'A'
		default:
			continue
		}
		if text := string(wrong); text != small && text != capital && digits != small && digits != capital && !rootstock(text) {
			s.refused("one letter in the wrong case", "0x"+text)
			return
		}
	}
}

// rootstock reports whether hex digits have the letter case of EIP-1191, the checksum that wallets of Rootstock and its test network show. It is
// accepted everywhere, and one letter of EIP-55 can make the difference.
func rootstock(digits string) bool {
	small := strings.ToLower(digits)
	for _, chain := range []string{"30", "31"} {
		hash := sha3.NewLegacyKeccak256()
		hash.Write([]byte(chain + "0x" + small))
		sum := hex.EncodeToString(hash.Sum(nil))
		text := []byte(small)
		for i, c := range text {
			if c >= 'a' && sum[i] >= '8' {
				text[i] -= 'a' - 'A'
			}
		}
		if string(text) == digits {
			return true
		}
	}
	return false
}

// cash adds the forms of Bitcoin Cash and eCash.
func (s *speller) cash() {
	bare := s.a.Canonical[strings.IndexByte(s.a.Canonical, ':')+1:]
	s.same("without the prefix", bare)
	s.same("without the prefix, in capitals", strings.ToUpper(bare))
	s.same("capital letters", strings.ToUpper(s.a.Canonical))
	switch _, kind, _ := parts(s.a); kind {
	case "p2pkh":
		s.rendered("the old form", address.VariantBitcoinP2PKH)
	case "p2sh":
		s.rendered("the old form", address.VariantBitcoinP2SH)
	}
}

// ton adds the user-friendly forms: flag, workchain, account, CRC-16.
func (s *speller) ton() {
	chain, account, ok := strings.Cut(s.a.Canonical, ":")
	number, err := strconv.ParseInt(chain, 10, 8)
	if !ok || err != nil {
		return
	}
	s.same("capital digits", chain+":"+strings.ToUpper(account))
	_, _, payload := parts(s.a)
	if !strings.HasSuffix(payload, account) {
		return
	}
	raw := s.a.Key.Payload()
	for _, x := range []struct {
		how  string
		flag byte
	}{{"bounceable", 0x11}, {"not bounceable", 0x51}} {
		b := append([]byte{x.flag, byte(number)}, raw[len(raw)-32:]...)
		b = binary.BigEndian.AppendUint16(b, crc16(b))
		s.same(x.how, base64.URLEncoding.EncodeToString(b))
		s.same(x.how+", base64", base64.StdEncoding.EncodeToString(b))
		b[len(b)-1] ^= 1 << s.r.IntN(8)
		s.refused(x.how+", one bit is wrong", base64.URLEncoding.EncodeToString(b))
	}
}

// crc16 is CRC-16/XMODEM.
func crc16(b []byte) (crc uint16) {
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

var ripple = base58.NewAlphabet("rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz")

// xAddress returns the X-address without a tag (XLS-5d) of an account of the XRP Ledger.
func xAddress(account string) string {
	if len(account) != 20 {
		return ""
	}
	b := append([]byte{0x05, 0x44}, account...)
	b = append(b, make([]byte, 9)...) // flag: no tag; the tag
	sum := sha256.Sum256(b)
	sum = sha256.Sum256(sum[:])
	return base58.EncodeAlphabet(append(b, sum[:4]...), ripple)
}

// oneCapital returns the text with the last small letter from a position on as a capital; "" if there are not two letters from there on.
func oneCapital(text string, from int) string {
	letters := 0
	at := -1
	for i := from; i < len(text); i++ {
		if 'a' <= text[i] && text[i] <= 'z' {
			letters++
			at = i
		}
	}
	if letters < 2 {
		return ""
	}
	return text[:at] + strings.ToUpper(text[at:at+1]) + text[at+1:]
}

// altered returns the canonical text with one character from a position on replaced by another one of the same part: the alphabet has it.
func (s *speller) altered(from int) string {
	text := s.a.Canonical
	if from < 1 || len(text)-from < 8 {
		return ""
	}
	for range 100 {
		i, j := from+s.r.IntN(len(text)-from), from+s.r.IntN(len(text)-from)
		if text[i] != text[j] {
			return text[:i] + text[j:j+1] + text[i+1:]
		}
	}
	return ""
}

// tables are computed once from what package address documents of its networks.
var tables = sync.OnceValues(func() (map[string]*address.Network, map[address.Variant]string) {
	byName, checksum := map[string]*address.Network{}, map[address.Variant]string{}
	for _, n := range address.Networks() {
		byName[n.Name] = &n
		for _, f := range n.Forms {
			all, err := address.Parse(nil, f.Example, n.Name)
			// Only the checksum of the canonical form counts.
			if err == nil && len(all) == 1 && all[0].Canonical == f.Example {
				checksum[all[0].Variant] = f.Checksum
			}
		}
	}
	return byName, checksum
})

// network returns what is documented of a network; nil for none.
func network(name string) *address.Network {
	byName, _ := tables()
	return byName[name]
}

// checksums returns the checksum of the canonical text of each variant.
func checksums() map[address.Variant]string {
	_, checksum := tables()
	return checksum
}
