package address

import "strings"

// utxoChain is what a chain made from Bitcoin's code does its own way: version bytes, the
// human-readable part of its witness addresses, and the variants of the results.
//
//   - base58check P2PKH and P2SH (BIP-13)
//   - witness version 0 in bech32 (BIP-173), 1 to 16 in bech32m (BIP-350, BIP-341)
type utxoChain struct {
	network   string
	keyHash   string // version of P2PKH, 1 or 2 bytes
	script    string // version of P2SH
	oldScript string // an older version of P2SH that means the same; "" if there is none
	hrp       string // "" without witness addresses
	// versionZero says that the later witness versions are another chain's addresses: pc1p… is Pactus, not Peercoin.
	versionZero bool
	first       string // first characters that its base58 addresses can have
	check       base58Sum
	tests       []string
	p2pkh       Variant
	p2sh        Variant
	p2wpkh      Variant
	p2wsh       Variant
	p2tr        Variant
	witness     Variant
}

// testVersions are the versions that the test networks of nearly all chains took over from Bitcoin.
var testVersions = []string{"\x6f", "\xc4"}

// utxoOf gives the chain of a variant of the Bitcoin kind; nil for all others.
var utxoOf [maxVariants]*utxoChain

// register adds the network and its variants. n brings the names.
func (c *utxoChain) register(n Network) {
	n.Name = c.network
	if n.decode == nil {
		n.decode = c.decode
		if c.check == sumSHA256 {
			n.utxo = c
		}
	}
	if n.fits == nil {
		n.fits, n.first = c.fits, c.first
		if c.hrp != "" {
			n.first += c.hrp[:1] + strings.ToUpper(c.hrp[:1])
		}
	}
	if n.Typos == "" {
		n.Typos = "Every form has a checksum of 30 to 32 bits: a typing error is found."
	}
	register(n)
	registerVariant(variant{c.p2pkh, c.network, "p2pkh", c.network, func(payload string) string { return c.versioned(c.keyHash, payload) }})
	registerVariant(variant{c.p2sh, c.network, "p2sh", c.network, func(payload string) string { return c.versioned(c.script, payload) }})
	utxoOf[c.p2pkh], utxoOf[c.p2sh] = c, c
	if c.check == sumSHA256 {
		claimVersion(c.keyHash, SpaceHash160)
		claimVersion(c.script, SpaceScript160)
	}
	if c.hrp == "" {
		return
	}
	utxoOf[c.p2wpkh], utxoOf[c.p2wsh], utxoOf[c.p2tr], utxoOf[c.witness] = c, c, c, c
	program := func(version byte) func(string) string {
		return func(payload string) string { return c.witnessText(version, payload) }
	}
	registerVariant(variant{c.p2wpkh, c.network, "p2wpkh", c.network, program(0)})
	registerVariant(variant{c.p2wsh, c.network, "p2wsh", c.network, program(0)})
	registerVariant(variant{c.p2tr, c.network, "p2tr", c.network, program(1)})
	registerVariant(variant{c.witness, c.network, "witness", c.network, func(payload string) string {
		if len(payload) < 3 {
			return ""
		}
		return c.witnessText(payload[0], payload[1:])
	}})
}

func (c *utxoChain) fits(text string) bool {
	return c.fitsBase58(text) || c.isWitness(text)
}

func (c *utxoChain) fitsBase58(text string) bool {
	if len(text) < 24 || len(text) > 37 {
		return false
	}
	for i := range len(c.first) {
		if c.first[i] == text[0] {
			return true
		}
	}
	return false
}

func (c *utxoChain) isWitness(text string) bool {
	n := len(c.hrp)
	return n > 0 && len(text) > n && text[n] == '1' && foldedPrefix(text, c.hrp)
}

func (c *utxoChain) decode(text string, a *Address) *Error {
	if c.isWitness(text) {
		return c.decodeWitness(text, a)
	}
	return c.decodeBase58(text, a)
}

func (c *utxoChain) decodeBase58(text string, a *Address) *Error {
	var room [maxBase58]byte
	body, fail := base58Bitcoin.decodeSum(room[:0], text, c.check)
	if fail != nil {
		return fail
	}
	return c.fill(text, body, a)
}

// fill makes the address of a decoded text.
func (c *utxoChain) fill(text string, body []byte, a *Address) *Error {
	isScript, hash, fail := c.split(body)
	switch {
	case fail != nil:
		return fail
	case !isScript:
		a.setText(SpaceHash160, c.p2pkh, hash, text)
	case string(body[:len(body)-20]) == c.script:
		a.setText(SpaceScript160, c.p2sh, hash, text)
	default:
		var out, in [40]byte
		a.set(SpaceScript160, c.p2sh, hash, base58Bitcoin.encodeSum(out[:0], append(append(in[:0], c.script...), hash...), c.check))
	}
	return nil
}

// versioned gives the base58check text of a version and a payload.
func (c *utxoChain) versioned(version, payload string) string { return c.check.text(version, payload) }

// checksum names the checksum of the base58 forms.
func (c *utxoChain) checksum() string {
	if c.check != sumSHA256 {
		return "base58 with a checksum of its own"
	}
	return "base58check"
}

// split takes a base58check payload apart: what it pays, and the hash of that.
func (c *utxoChain) split(body []byte) (isScript bool, hash []byte, fail *Error) {
	n := len(c.keyHash)
	if len(body) < n+1 {
		return false, nil, refuse(BadLength, "it is too short")
	}
	version, hash := string(body[:n]), body[n:]
	switch version {
	case c.keyHash:
	case c.script, c.oldScript:
		isScript = true
	default:
		for _, tests := range [...][]string{testVersions, c.tests} {
			for _, test := range tests {
				if len(body) == len(test)+20 && string(body[:len(test)]) == test {
					return false, nil, refuse(Testnet, "its version is of a test network")
				}
			}
		}
		if len(body) == 21 || len(body) == 22 {
			return false, nil, refuse(WrongNetwork, "its version is of another network")
		}
		return false, nil, refuse(UnsupportedKind, "it is base58check, but no address of this network")
	}
	if len(hash) != 20 {
		return false, nil, refuse(BadLength, "it does not hold a hash of 20 bytes")
	}
	return isScript, hash, nil
}

func (c *utxoChain) decodeWitness(text string, a *Address) *Error {
	if len(text) > 90 {
		return refuse(BadLength, "a witness address has at most 90 characters")
	}
	var data [96]byte
	_, values, code, fail := bech32Decode(data[:0], text)
	switch {
	case fail != nil:
		return fail
	case len(values) == 0 || values[0] > 16:
		return refuse(UnsupportedKind, "no such witness version")
	case (values[0] == 0) != (code == bech32Plain):
		return refuse(BadChecksum, "witness version 0 is written in bech32, every later one in bech32m")
	}
	// The version goes in front of the program, as in the key space of future versions.
	var room [64]byte
	version := values[0]
	room[0] = version
	whole, ok := bits5to8(room[:1], values[1:])
	program := whole[1:]
	switch {
	case !ok:
		return refuse(BadLength, "its last bits are not zero padding")
	case len(program) < 2 || len(program) > 40:
		return refuse(BadLength, "a witness program has 2 to 40 bytes")
	case version == 0 && len(program) != 20 && len(program) != 32:
		return refuse(BadLength, "a version 0 program has 20 or 32 bytes")
	}
	var canonical []byte
	var folded [90]byte
	if text[0] < 'a' {
		for i := range len(text) {
			folded[i] = lower(text[i])
		}
		canonical, text = folded[:len(text)], ""
	}
	if c.versionZero && version != 0 {
		return refuse(UnsupportedKind, "the chain has witness version 0 only")
	}
	switch {
	case version == 0 && len(program) == 20:
		a.set(SpaceHash160, c.p2wpkh, program, canonical)
	case version == 0:
		a.set(SpaceScript256, c.p2wsh, program, canonical)
	case version == 1 && len(program) == 32:
		a.set(SpaceTaproot, c.p2tr, program, canonical)
	default:
		a.set(SpaceWitness, c.witness, whole, canonical)
	}
	if text != "" {
		a.Canonical = text
	}
	return nil
}

func (c *utxoChain) witnessText(version byte, program string) string {
	var data, out [96]byte
	code := bech32M
	if version == 0 {
		code = bech32Plain
	}
	data[0] = version
	return string(bech32Encode(out[:0], c.hrp, bits8to5(data[:1], program), code))
}
