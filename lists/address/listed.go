package address

import (
	"slices"
	"strings"
)

// ListedNotes says what was unusual about a listed text that ParseListed read all the same.
type ListedNotes struct {
	// Network is the one that the label, or the text's own wrapper, names, and that the text is an address of. It is "" where nothing
	// names one, where the label leaves several open, and where the text contradicts it.
	Network      string
	Contradicted bool // its label names a network that the text disproves
	Lookalikes   bool // it was read after look-alike letters were replaced and invisible characters taken out
	LetterCase   bool // it was read although its letter case is wrong
	Text         bool // its label names an opaque network, or one that is not known, and it reads as an address of another
}

// Repaired tells whether the text is no address as it is published.
func (n *ListedNotes) Repaired() bool { return n.Lookalikes || n.LetterCase }

// AsText tells whether the text is listed as raw text as well.
func (n *ListedNotes) AsText() bool { return n.Repaired() || n.Text }

func parseListed(dst []Address, text, network, asset string) ([]Address, ListedNotes, error) {
	dst, notes, err := parseLabelled(dst, text, network, asset)
	name, asText := comparedAsText(network, asset)
	notes.Text = asText
	if name == "" {
		return dst, notes, err
	}
	if err != nil {
		a, fail := readText(text, name)
		if fail != nil {
			return dst, ListedNotes{}, fail
		}
		dst, notes.Text = append(dst, a), false
	}
	notes.Network, notes.Contradicted = name, false
	return dst, notes, nil
}

func parseLabelled(dst []Address, text, network, asset string) ([]Address, ListedNotes, error) {
	first := len(dst)
	groups := suggestions(network, asset)
	var notes ListedNotes
	dst, fail := readListed(dst, text, groups, &notes)
	if fail == nil {
		return dst, notes, nil
	}
	if fail.Folded != nil {
		notes.LetterCase = true
		return append(dst, *fail.Folded), notes, nil
	}
	if plain, changed := plainLetters(text); changed {
		notes = ListedNotes{Lookalikes: true}
		var other *Error
		dst, other = readListed(dst, plain, groups, &notes)
		body, _ := inner(plain)
		if other == nil && slices.ContainsFunc(dst[first:], func(a Address) bool { return a.stands(body) }) {
			return dst, notes, nil
		}
		dst = dst[:first]
		if other != nil && other.Reason == SecretMaterial {
			fail = other
		}
	}
	return dst, ListedNotes{}, fail
}

// readListed reads a listed text under its label and under all that it proves.
func readListed(dst []Address, text string, groups [][]*Network, notes *ListedNotes) ([]Address, *Error) {
	first := len(dst)
	body, wrapper := inner(text)
	if len(groups) == 0 && wrapper == nil {
		dst, fail := read(dst, text, nil, Listed)
		if fail != nil && isBareEIP55(body) {
			dst, fail = read(dst, "0x"+body, nil, Listed)
		}
		return dst, fail
	}
	if len(groups) == 0 {
		groups = [][]*Network{wrapper} // a wrapper is a label
	}
	var best *Error
	for _, suggested := range groups {
		var fail *Error
		if dst, fail = readEach(dst, text, suggested, Listed); fail == nil {
			break
		}
		if best == nil || telling(fail.Reason) > telling(best.Reason) {
			best = fail
		}
	}
	labelled := len(dst)
	switch {
	case mayStand(dst[first:], body):
		dst = readProven(dst, text, first, groups, notes)
	case maySplit(body):
		dst = readSplit(dst, text, first)
	}
	switch {
	case len(dst) == first:
		return dst, folding(text, best, notes)
	case notes.Contradicted: // what the text proves comes first, then what its label says
		proven := slices.Clone(dst[labelled:])
		copy(dst[first+len(proven):], dst[first:labelled])
		copy(dst[first:], proven)
	case labelled == first+1 || labelled == first && len(dst) == first+1:
		notes.Network = dst[first].Network
	}
	return dst, nil
}

// mayStand tells whether a text that has these readings under its label may prove another.
func mayStand(readings []Address, body string) bool {
	open := len(readings) == 0 || paddedEVM(body) != ""
	for i := range readings {
		if readings[i].proves(body) {
			return false
		}
		open = open || readings[i].disprovable(body)
	}
	return open
}

// readProven adds what a text is that no reading under its label proves. dst[first:] are these readings.
func readProven(dst []Address, text string, first int, groups [][]*Network, notes *ListedNotes) []Address {
	labelled := len(dst)
	var room [4]Address
	for _, a := range standing(room[:0], text) {
		if isKeyOf(dst[first:labelled], a.Key) {
			continue
		}
		if n := evmOf(groups); n != nil && a.Variant == VariantEVM {
			a.Network = n.Name // padded, under the name of an EVM chain
		} else {
			notes.Contradicted = true
		}
		dst = append(dst, a)
	}
	return dst
}

// readSplit adds the readings of a text under other keys than those of its label's readings. dst[first:] are these readings.
func readSplit(dst []Address, text string, first int) []Address {
	var room [16]Address
	for _, a := range standing(room[:0], text) {
		if !isKeyOf(dst[first:], a.Key) {
			dst = append(dst, a)
		}
	}
	return dst
}

// standing appends the readings of a text that stand whatever its label says. A wrapper is part of the text: what it holds is read under
// the network that it names, and under what it proves.
func standing(dst []Address, text string) []Address {
	start, end, fail := clean(text, nil)
	if fail != nil {
		return dst
	}
	if secret(text[start:end], nil) != nil {
		return dst
	}
	body, wrapper := inner(text)
	if wrapper != nil {
		if wrapped, fail := read(dst, text, nil, Asked); fail == nil {
			return wrapped
		}
	}
	if body == "" || secret(body, nil) != nil {
		return dst
	}
	if isBareEIP55(body) {
		body = "0x" + body
	}
	dst, _ = readAny(dst, body, 0, true)
	return slices.DeleteFunc(dst, func(a Address) bool { return !a.stands(body) })
}

// folding prefers the refusal that names the address of the right letter case.
func folding(text string, best *Error, notes *ListedNotes) *Error {
	if best.Folded != nil || best.Reason == SecretMaterial {
		return best
	}
	if _, fail := read(nil, text, nil, Listed); fail != nil && fail.Folded != nil {
		notes.Contradicted = true
		return fail
	}
	return best
}

// inner gives the text inside a wrapper and the networks that the wrapper names, or the trimmed text; "" for what no address can be.
func inner(text string) (string, []*Network) {
	start, end, fail := clean(text, nil)
	if fail != nil {
		return "", nil
	}
	u := unwrapped{text: text[start:end]}
	if colon := strings.IndexByte(u.text, ':'); colon >= 0 && unwrap(u.text, colon, nil, &u) != nil {
		return "", nil
	}
	return u.text, u.networks
}

// suggestions gives the networks that a list's labels speak of, in the order to try them: the network label as a
// name and as an asset code, then the asset label, which is a code before it is a name (BNB is the name of one chain
// and the coin of another). What is not known suggests nothing.
func suggestions(network, asset string) (groups [][]*Network) {
	add := func(group []*Network) {
		if len(group) > 0 {
			groups = append(groups, group)
		}
	}
	if network != "" {
		n, several := lookup(network)
		if n != nil {
			add([]*Network{n})
		}
		add(several)
	}
	if asset != "" {
		n, several := lookup(asset)
		if n != nil && several != nil {
			several = byAsset[foldName(asset)] // those of the coin come before the network of the name
		}
		add(several)
		if n != nil {
			add([]*Network{n})
		}
	}
	return groups
}

// evmOf gives the first EVM chain that a label names; nil for none.
func evmOf(groups [][]*Network) *Network {
	for _, group := range groups {
		for _, n := range group {
			if n.evm {
				return n
			}
		}
	}
	return nil
}
