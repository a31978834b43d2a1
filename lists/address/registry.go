package address

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"interdict/lists/fault"
)

// Form is one way an address of a network is written; it feeds the generated documentation.
type Form struct {
	Name     string // "P2WPKH"
	Example  string // a valid example of our own making, or a published one
	Checksum string // "bech32", "none"
}

// Network is one network a caller may name, as its family file registers it.
type Network struct {
	Name    string   // as in docs/networks.md
	Aliases []string // btc, xbt …, lower case
	Assets  []string // asset codes of lists that suggest it, upper case: XBT, USDT
	CAIP2   []string // "eip155:1"
	Schemes []string // URI schemes without the colon, lower case
	Short   []string // ERC-3770 short names
	Forms   []Form
	Family  string // the table that the network is a row of: cosmos, ss58, evm; "" for none
	// Typos says in one sentence whether a typing error can be detected.
	Typos string
	// rank orders the readings of a text that no network was named for, the smallest first;
	// equal ranks stand in the order of registration.
	rank int
	// fits is a cheap test (first characters, length) that never refuses a text that decodes and
	// should be read without a hint; it chooses the networks to try when none was named. nil: never.
	fits func(text string) bool
	// first holds the characters with which a text that fits begins; "": any.
	first string
	// utxo is the chain of the Bitcoin kind whose decoder reads the network; nil for others.
	utxo *utxoChain
	// family gives the networks of a family to try for a text; a network that has it stands for them all.
	family func(text string) []*Network
	// decode reads an unwrapped, trimmed, ASCII text strictly and fills a (Network is already set),
	// or gives the reason. It may change a.Network (an EVM chain id in the wrapper does).
	// Secrets never reach it; names and other things that are no address may be refused with any
	// reason, since explain finds the telling one.
	decode func(text string, a *Address) *Error
	// uri reads what stands behind "scheme:" into u.text (and u.attributes); nil: readURI, which
	// takes an optional "//", the address, and a query as in BIP-21.
	uri func(scheme, rest string, u *unwrapped) *Error
	// keepScheme tells that the scheme is part of the address text (cashaddr): only the query is taken off.
	keepScheme bool
	// named tells that account names are addresses here (NEAR, EOS), so that a text with a dot is no foreign name.
	named bool
	// hex64 tells that 64 hex digits are an address form here; elsewhere they are refused as a secret.
	hex64 bool
	// hexAccount tells that an account is a hex number of up to 64 digits.
	hexAccount bool
	// evm tells that an account is the 20 bytes of the EVM family.
	evm bool
}

// variant is one row of the variant table.
type variant struct {
	number Variant
	family string // first word of the identity
	kind   string // second word, "" if the family has one kind
	// network to render for, and how to write the payload canonically; nil: not renderable.
	// render gives "" where the payload is a hash of something longer.
	network string
	render  func(payload string) string
}

// space is one row of the table of key spaces.
type space struct {
	number Space
	// links appends the further keys of an address in this space; nil: it has none.
	links func(dst []Link, a *Address, side Side) []Link
	// relate is asked when the two are not exact: variants differ, or a role is not 0. nil: never related.
	relate func(k Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string)
}

// maxLabel is how long the name of an opaque network may be.
const maxLabel = 20

// maxVariants is above every variant number.
const maxVariants = 4096

var (
	networks []*Network                // by rank, then as registered
	byName   = map[string]*Network{}   // names, aliases and CAIP-2 ids as foldName writes them, as registered, and in upper case
	byCAIP2  = map[string]*Network{}   // CAIP-2 ids as written
	byScheme = map[string][]*Network{} // URI schemes and ERC-3770 short names
	byAsset  = map[string][]*Network{} // asset codes, as foldName writes them, and in upper case
	caipKind = map[string]bool{}       // CAIP-2 namespaces

	// fitting holds, by the first character of a text, the networks that are tried without a hint, in the order of networks.
	fitting [128][]*Network

	variants [maxVariants]*variant
	spaces   [128]*space
)

// registerFamily adds a family of networks, of which a text tells those to try without a hint.
func registerFamily(rank int, family func(text string) []*Network) {
	fit(&Network{rank: rank, family: family})
}

// fit adds what is tried without a hint.
func fit(p *Network) {
	for c := range fitting {
		if p.first == "" || strings.IndexByte(p.first, byte(c)) >= 0 {
			fitting[c] = insertByRank(fitting[c], p)
		}
	}
}

func register(n Network) *Network {
	p := &n
	if n.fits != nil {
		fit(p)
	}
	at := len(networks)
	for at > 0 && networks[at-1].rank > p.rank {
		at--
	}
	networks = slices.Insert(networks, at, p)
	claim(p.Name, p)
	for _, name := range p.Aliases {
		claim(name, p)
	}
	for _, id := range p.CAIP2 {
		claim(strings.ToLower(id), p)
		byCAIP2[id] = p
		namespace, _, _ := strings.Cut(id, ":")
		caipKind[namespace] = true
	}
	for _, scheme := range p.Schemes {
		byScheme[scheme] = insertByRank(byScheme[scheme], p)
	}
	for _, short := range p.Short {
		byScheme[short] = insertByRank(byScheme[short], p)
	}
	for _, asset := range p.Assets {
		list := insertByRank(byAsset[asset], p)
		byAsset[asset], byAsset[foldName(asset)] = list, list
	}
	return p
}

// insertByRank keeps the likeliest network first, whichever file was initialised first.
func insertByRank(list []*Network, n *Network) []*Network {
	at := len(list)
	for at > 0 && list[at-1].rank > n.rank {
		at--
	}
	return slices.Insert(list, at, n)
}

func claim(name string, n *Network) {
	for _, name := range [...]string{name, strings.ToUpper(name), foldName(name)} {
		if old := byName[name]; old != nil && old != n {
			panic(fmt.Sprintf("address: %q is claimed by %s and %s", name, old.Name, n.Name))
		}
		byName[name] = n
	}
}

func registerVariant(v variant) {
	if variants[v.number] != nil {
		panic(fmt.Sprintf("address: variant %d is registered twice", v.number))
	}
	variants[v.number] = &v
}

func registerSpace(s space) {
	if spaces[s.number] != nil {
		panic(fmt.Sprintf("address: space %d is registered twice", s.number))
	}
	spaces[s.number] = &s
}

// Networks gives a copy of every registered network, in the order in which readings are tried.
func Networks() []Network {
	all := make([]Network, len(networks))
	for i, n := range networks {
		all[i] = *n
		all[i].Aliases = slices.Clone(n.Aliases)
		all[i].Assets = slices.Clone(n.Assets)
		all[i].CAIP2 = slices.Clone(n.CAIP2)
		all[i].Schemes = slices.Clone(n.Schemes)
		all[i].Short = slices.Clone(n.Short)
		all[i].Forms = slices.Clone(n.Forms)
	}
	return all
}

func parse(dst []Address, text, network string) ([]Address, error) {
	if network == "" {
		return result(read(dst, text, nil, Asked))
	}
	n, several := lookup(network)
	if n == nil && len(several) == 0 {
		if name := opaqueNetwork(network); name != "" {
			return parseText(dst, text, name)
		}
	}
	switch {
	case n == nil && len(several) == 0:
		return dst, fault.E(fault.UnsupportedNetwork, "network %s is not known", Quote(network))
	case n == nil:
		return result(readEach(dst, text, several, Asked))
	}
	dst, fail := read(dst, text, n, Asked)
	if fail != nil && len(several) > 0 {
		// The name is also the code of a coin that other networks have: BNB with 0x is the BNB Smart Chain.
		if readings, other := readEach(dst, text, several, Asked); other == nil {
			return readings, nil
		}
	}
	return result(dst, fail)
}

// result turns a typed nil into a nil error.
func result(dst []Address, fail *Error) ([]Address, error) {
	if fail != nil {
		return dst, fail
	}
	return dst, nil
}

// read is Parse with the network looked up; nil means all that fit. On the listed side a hint is a label, which the text may
// contradict; the reading of the label is then given all the same.
func read(dst []Address, text string, hint *Network, side Side) ([]Address, *Error) {
	start, end, fail := clean(text, hint)
	if fail != nil {
		return dst, fail.of(hint)
	}
	body := text[start:end]
	if fail := secret(body, hint); fail != nil {
		return dst, fail.of(hint)
	}
	if colon := strings.IndexByte(body, ':'); colon >= 0 {
		var u unwrapped
		if fail := unwrap(body, colon, hint, &u); fail != nil {
			if hidden := secretInside(body); hidden != nil {
				fail = hidden
			}
			if fail.Reason == WrongNetwork && hint != nil {
				fail.Networks = networksOf(read(nil, text, nil, side))
			}
			return dst, fail.of(hint)
		}
		if u.text != body || u.networks != nil {
			return readWrapped(dst, &u, start, hint, side)
		}
	}
	if hint != nil {
		return readAs(dst, body, start, hint, side)
	}
	return readAny(dst, body, start, false)
}

// readAs reads an unwrapped text as an address of one network. offset is where it begins in the caller's text.
func readAs(dst []Address, text string, offset int, n *Network, side Side) ([]Address, *Error) {
	first := len(dst)
	dst = append(dst, Address{Network: n.Name})
	fail := n.decodeFolding(text, &dst[first])
	if side == Asked && n.hex64 && paddedEVM(text) != "" {
		if fail != nil { // its letter case may be the checksum of the EVM account
			dst = dst[:first]
		}
		dst, fail = readPadded(dst, text)
	}
	if fail == nil && side == Asked {
		if others := contradictions(text, &dst[first]); others != nil {
			fail = wrongNetwork(others)
		}
	}
	if fail == nil {
		return dst, nil
	}
	dst = dst[:first]
	if fail.Position >= 0 {
		fail.Position += offset
	}
	return dst, explain(text, n, fail, side).of(n)
}

// readAny reads an unwrapped text under every network that it fits. With firm set, only readings that stand whatever a label says are kept.
func readAny(dst []Address, text string, offset int, firm bool) ([]Address, *Error) {
	first := len(dst)
	dst, worst := readPadded(dst, text)
	if worst != nil {
		return dst, worst
	}
	var once base58Once
	for _, g := range fitting[firstOf(text)] {
		if g.family != nil {
			for _, n := range g.family(text) {
				dst, worst = try(dst, first, text, n, firm, worst, &once)
			}
		} else if g.fits(text) {
			dst, worst = try(dst, first, text, g, firm, worst, &once)
		}
	}
	if len(dst) > first {
		return dst, nil
	}
	if worst == nil {
		worst = refuse(UnsupportedKind, "it has the form of no network's addresses")
	}
	if worst.Position >= 0 {
		worst.Position += offset
	}
	return dst, explain(text, nil, worst, Asked)
}

// try adds the reading of a text as an address of one network to dst[first:], or gives the more telling of two reasons why it has none.
func try(dst []Address, first int, text string, n *Network, firm bool, worst *Error, once *base58Once) ([]Address, *Error) {
	dst = append(dst, Address{Network: n.Name})
	a := &dst[len(dst)-1]
	var fail *Error
	if n.utxo != nil && n.utxo.fitsBase58(text) {
		var body []byte
		if body, fail = once.decode(text); fail == nil {
			fail = n.utxo.fill(text, body, a)
		}
	} else {
		fail = n.decodeFolding(text, a)
	}
	if fail == nil && !repeats(dst[first:]) && (!firm || a.stands(text)) {
		return dst, worst
	}
	dst = dst[:len(dst)-1]
	if fail != nil && (worst == nil || fail.tellsMore(worst)) {
		worst = fail
	}
	return dst, worst
}

// firstOf gives the first character of a text of ASCII, 0 if there is none.
func firstOf(text string) byte {
	if text == "" {
		return 0
	}
	return text[0] & 127
}

// readWrapped reads what a wrapper held, under the networks that the wrapper or the hint names.
func readWrapped(dst []Address, u *unwrapped, offset int, hint *Network, side Side) ([]Address, *Error) {
	first := len(dst)
	offset += u.offset
	inside := hint
	if hint == nil && len(u.networks) > 0 {
		inside = u.networks[0]
	}
	fail := secret(u.text, inside).of(hint)
	switch {
	case fail != nil:
	case u.text == "":
		fail = refuse(Empty, "the wrapper holds no address").of(hint)
	case hint != nil:
		dst, fail = readAs(dst, u.text, offset, hint, side)
	case u.networks == nil:
		dst, fail = readAny(dst, u.text, offset, false)
	default:
		// A scheme that several chains use means the likeliest one that the address decodes for.
		for _, n := range u.networks {
			var other *Error
			if dst, other = readAs(dst, u.text, offset, n, side); other == nil {
				fail = nil
				break
			} else if fail == nil || telling(other.Reason) > telling(fail.Reason) {
				fail = other
			}
		}
	}
	if fail != nil {
		if hint == nil {
			fail.Network = "" // none was asked for
		}
		return dst, fail
	}
	for i := first; i < len(dst) && len(u.attributes) > 0; i++ {
		dst[i].Attributes = append(dst[i].Attributes, u.attributes...)
	}
	return dst, nil
}

// networksOf names the networks of readings; nil where there are none.
func networksOf(readings []Address, _ *Error) (names []string) {
	for i := range readings {
		names = append(names, readings[i].Network)
	}
	return names
}

// repeats tells whether the last reading is the same identity as one before it.
func repeats(readings []Address) bool {
	last := &readings[len(readings)-1]
	for i := range readings[:len(readings)-1] {
		if readings[i].Variant == last.Variant && readings[i].Key == last.Key {
			return true
		}
	}
	return false
}

// readEach reads text under each of the networks, as if it alone had been named. Where two of them see the same
// bytes in it (0x… is Ethereum's, and a form of Tron's), the likelier one has it.
func readEach(dst []Address, text string, among []*Network, side Side) ([]Address, *Error) {
	first := len(dst)
	var best *Error
	for _, n := range among {
		var fail *Error
		dst, fail = read(dst, text, n, side)
		switch {
		case fail == nil && isKeyOf(dst[first:len(dst)-1], dst[len(dst)-1].Key):
			dst = dst[:len(dst)-1]
		case fail != nil && (best == nil || telling(fail.Reason) > telling(best.Reason)):
			best = fail
		}
	}
	if len(dst) > first {
		return dst, nil
	}
	return dst, best
}

func isKeyOf(readings []Address, k Key) bool {
	return slices.ContainsFunc(readings, func(a Address) bool { return a.Key == k })
}

func rawKey(text string) Key {
	text = trim(text)
	if len(text) < MaxKey {
		return makeKey(SpaceRaw, text)
	}
	sum := sha256.Sum256([]byte(text))
	return makeKey(SpaceRaw, string(sum[:]))
}

func makeKey(s Space, payload string) Key { return Key(string(rune(s)) + payload) }

// set fills the address: its key from the space and payload, and its canonical text, with one allocation.
// A payload that is longer than a key may be is replaced by its SHA-256.
func (a *Address) set(s Space, v Variant, payload, canonical []byte) {
	var room [MaxKey + 160]byte
	both := append(room[:0], byte(s))
	if len(payload) < MaxKey {
		both = append(both, payload...)
	} else {
		sum := sha256.Sum256(payload)
		both = append(both, sum[:]...)
	}
	cut := len(both)
	joined := string(append(both, canonical...))
	a.Key, a.Variant, a.Canonical = Key(joined[:cut]), v, joined[cut:]
}

// setText is set for a text that is canonical as it was written.
func (a *Address) setText(s Space, v Variant, payload []byte, canonical string) {
	a.set(s, v, payload, nil)
	a.Canonical = canonical
}

func appendIdentity(dst []byte, k Key, v Variant) []byte {
	if v == VariantRaw {
		dst = append(dst, "raw:"...)
		return hex.AppendEncode(dst, []byte(k.Payload()))
	}
	if int(v) >= len(variants) || variants[v] == nil {
		return dst
	}
	row := variants[v]
	dst = append(dst, row.family...)
	dst = append(dst, ':')
	if row.kind != "" {
		dst = append(dst, row.kind...)
		dst = append(dst, ':')
	}
	return hex.AppendEncode(dst, []byte(k.Payload()))
}

func links(dst []Link, a *Address, side Side) []Link {
	if s := spaces[a.Key.Space()&127]; s != nil && s.links != nil {
		return s.links(dst, a, side)
	}
	return dst
}

func relate(k Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
	if asked == listed && askedAs == 0 && listedAs == 0 {
		if k.Space() == SpaceRaw {
			return Raw, ""
		}
		return Exact, ""
	}
	if s := spaces[k.Space()&127]; s != nil && s.relate != nil {
		return s.relate(k, asked, askedAs, listed, listedAs)
	}
	return None, ""
}

func render(k Key, v Variant) (network, canonical string, ok bool) {
	if int(v) >= len(variants) || variants[v] == nil {
		return "", "", false
	}
	row := variants[v]
	if row.render == nil {
		return row.network, "", false
	}
	canonical = row.render(k.Payload())
	return row.network, canonical, canonical != ""
}

// refuse makes an error without a position.
func refuse(reason Reason, detail string) *Error {
	return &Error{Reason: reason, Position: -1, Detail: detail}
}

// refuseAt makes an error that points into the text that a decoder was given.
func refuseAt(reason Reason, position int, detail string) *Error {
	return &Error{Reason: reason, Position: position, Detail: detail}
}

// orSecret returns the error of a text, or that the text contains a secret if it was refused for another reason: "p2wpkh:L53…", "key=…",
// an xprv with a path.
func orSecret(err error, text string) error {
	var fail *Error
	if !errors.As(err, &fail) || fail.Reason == SecretMaterial || fail.Folded != nil || !ContainsSecret(text) {
		return err
	}
	hidden := hiddenSecret()
	hidden.Network = fail.Network
	return hidden
}

// of names the network a text was read under. There may be no error, and no network.
func (e *Error) of(n *Network) *Error {
	if e != nil && n != nil {
		e.Network = n.Name
	}
	return e
}

// tellsMore reports whether an error tells a reader who named no network more than another one.
func (e *Error) tellsMore(o *Error) bool {
	if mine, its := telling(e.Reason), telling(o.Reason); mine != its {
		return mine > its
	}
	return e.Folded != nil && o.Folded == nil
}

// telling says how much a reason tells a reader who named no network: the greatest wins.
func telling(r Reason) int {
	switch r {
	case SecretMaterial:
		return 10
	case TwoAddresses:
		return 9
	case InvoiceNotAddress:
		return 8
	case NameNotAddress:
		return 7
	case Testnet:
		return 6
	case BadChecksum:
		return 5
	case MixedCase:
		return 4
	case WrongNetwork:
		return 3
	case UnsupportedKind:
		return 2
	case BadLength:
		return 1
	}
	return 0
}
