package address

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The conformance vectors of the project, docs/vectors.jsonl, which docs/vectors.md describes. They are generated here from keys and hashes
// of a fixed seed, with what the specifications publish between them (vectors_own_published_test.go). What a line expects is what the
// generator made it for, never what the parser says of it.

// ownSeed begins the seeds of all random bytes; a network's name is the rest, so that one network's lines do not move another's.
const ownSeed = "interdict vectors 1"

// vector is one line.
type vector struct {
	ID       string   `json:"id"`
	Kind     string   `json:"kind"`     // valid, same, different, invalid, same_key
	Networks []string `json:"networks"` // one for each text; "": none was named
	Texts    []string `json:"texts"`    // of same_key: the listed one, the asked one
	// Canonical and Identity are what a valid text comes down to.
	Canonical string `json:"canonical,omitempty"`
	Identity  string `json:"identity,omitempty"`
	Reason    Reason `json:"reason,omitempty"` // of invalid
	Class     string `json:"class,omitempty"`  // of same_key
	Why       string `json:"why"`
	Source    string `json:"source"`
}

// maker makes the lines of one network.
type maker struct {
	network string
	source  string
	random  *rand.ChaCha8
	turn    int  // which mutation comes next
	wrapped bool // a form of the network stood in wrappers already, which are the same for all of them
	all     *[]vector
	seen    map[string]bool // ids
}

// of goes on with another network.
func (m *maker) of(network string) *maker {
	return &maker{network: network, source: "generated, seed " + ownSeed, all: m.all, seen: m.seen,
		random: rand.NewChaCha8(sha256.Sum256([]byte(ownSeed + " " + network)))}
}

func (m *maker) bytes(n int) []byte {
	b := make([]byte, n)
	if _, err := m.random.Read(b); err != nil {
		panic(err) // it never fails
	}
	return b
}

// below gives a number from 0 to n−1.
func (m *maker) below(n int) int { return int(m.random.Uint64() % uint64(n)) }

// add names a line by its content, so that it keeps its name when others come and go, and takes each once.
func (m *maker) add(v vector) {
	sum := sha256.Sum256([]byte(v.Kind + "\n" + strings.Join(v.Networks, "\n") + "\n" + strings.Join(v.Texts, "\n")))
	name := v.Networks[0]
	if name == "" {
		name = "any"
	}
	v.ID = name + "-" + hex.EncodeToString(sum[:4])
	v.Source = m.source
	if m.seen[v.ID] {
		return
	}
	m.seen[v.ID] = true
	*m.all = append(*m.all, v)
}

func (m *maker) valid(text, canonical, identity, why string) {
	m.add(vector{Kind: "valid", Networks: []string{m.network}, Texts: []string{text}, Canonical: canonical, Identity: identity, Why: why})
}

func (m *maker) same(a, b, why string) { m.sameOn(m.network, a, m.network, b, why) }

func (m *maker) sameOn(networkA, a, networkB, b, why string) {
	if a != b || networkA != networkB {
		m.add(vector{Kind: "same", Networks: []string{networkA, networkB}, Texts: []string{a, b}, Why: why})
	}
}

func (m *maker) different(networkA, a, networkB, b, why string) {
	m.add(vector{Kind: "different", Networks: []string{networkA, networkB}, Texts: []string{a, b}, Why: why})
}

func (m *maker) invalid(text string, reason Reason, why string) {
	m.add(vector{Kind: "invalid", Networks: []string{m.network}, Texts: []string{text}, Reason: reason, Why: why})
}

func (m *maker) related(class Class, networkA, listed, networkB, asked, why string) {
	m.add(vector{Kind: "same_key", Networks: []string{networkA, networkB}, Texts: []string{listed, asked}, Class: class.String(), Why: why})
}

// both is a relation that holds whichever of the two is listed.
func (m *maker) both(class Class, networkA, a, networkB, b, why string) {
	m.related(class, networkA, a, networkB, b, why)
	m.related(class, networkB, b, networkA, a, why)
}

// ownForm is one way in which a network writes an address, and how that can go wrong.
type ownForm struct {
	name     string
	identity string                           // in front of the bytes: "bitcoin:p2pkh"
	size     int                              // of the payload, in bytes
	shape    func(payload []byte)             // makes random bytes a payload
	write    func(p []byte) string            // the canonical text
	bytes    func(p []byte) []byte            // those of the identity; nil: the payload
	spell    map[string]func(p []byte) string // other texts of the identity on this network
	checked  func(p []byte) string            // the text to damage; nil: the canonical one
	letters  string                           // of its checksummed part; "": there is no checksum
	skip     int                              // characters in front that a typing error leaves alone
	folds    bool                             // capitals only are the same address, mixed case is none
	never    string                           // damage that leads to another reason for this form
	foreign  string                           // a character that it cannot have
	short    Reason                           // a character is missing at the end
	long     Reason                           // one is too many
}

// form makes the lines of one form: n addresses, the spellings of the first, and some damaged ones, the kinds of damage in turn.
func (m *maker) form(f *ownForm, n, damaged int) {
	registered, first := byName[m.network], !m.wrapped
	var texts, checked []string
	for i := range n {
		p := m.bytes(f.size)
		if f.shape != nil {
			f.shape(p)
		}
		text, identified := f.write(p), p
		if f.bytes != nil {
			identified = f.bytes(p)
		}
		texts, checked = append(texts, text), append(checked, text)
		if f.checked != nil {
			checked[i] = f.checked(p)
		}
		m.valid(text, text, f.identity+":"+hex.EncodeToString(identified), f.name)
		if i > 0 {
			continue
		}
		for _, why := range sortedKeys(f.spell) {
			m.same(text, f.spell[why](p), f.name+": "+why)
		}
		if f.folds {
			m.same(text, strings.ToUpper(text), f.name+": capitals, as in a QR code")
		}
		if m.wrapped = true; !first {
			continue
		}
		if !registered.keepScheme && len(registered.Schemes) > 0 {
			m.same(text, registered.Schemes[0]+":"+text+"?amount=0.5&label=x", f.name+": payment URI")
		}
		if !registered.keepScheme && len(registered.CAIP2) > 0 {
			m.same(text, registered.CAIP2[0]+":"+text, f.name+": CAIP-10")
		}
		m.same(text, "\t"+text+"\r\n", f.name+": white space around it")
	}
	for done, tried := 0, 0; done < damaged && tried < len(mutations); tried++ {
		mutation, text := &mutations[m.turn%len(mutations)], checked[m.turn%n]
		m.turn++
		if strings.Contains(f.never, mutation.why) {
			continue
		}
		if bad, reason := mutation.make(m, f, text); reason != "" {
			m.invalid(bad, reason, f.name+": "+mutation.why)
			done++
		}
	}
	if n > 1 && first {
		m.different(m.network, texts[0], m.network, texts[1], "two addresses")
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// mutation damages an address. make gives no reason where it cannot be done to it.
type mutation struct {
	why  string
	make func(m *maker, f *ownForm, text string) (bad string, reason Reason)
}

// place chooses a character of the checksummed part.
func (m *maker) place(f *ownForm, text string) int {
	var places []int
	for i := f.skip; i < len(text); i++ {
		if strings.IndexByte(f.letters, text[i]) >= 0 {
			places = append(places, i)
		}
	}
	return places[m.below(len(places))]
}

// lookAlikes are letters of other scripts that look like Latin ones.
var lookAlikes = strings.NewReplacer("a", "а", "c", "с", "e", "е", "p", "р", "x", "х", "A", "А", "B", "В", "C", "С", "E", "Е", "K", "К", "M", "М", "T", "Т", "X", "Х")

func insert(text string, at int, what string) string { return text[:at] + what + text[at:] }

var mutations = []mutation{
	{"one character is another", func(m *maker, f *ownForm, text string) (string, Reason) {
		if f.letters == "" {
			return "", ""
		}
		at := m.place(f, text)
		other := strings.IndexByte(f.letters, text[at])
		return text[:at] + string(f.letters[(other+1+m.below(len(f.letters)-1))%len(f.letters)]) + text[at+1:], BadChecksum
	}},
	{"a zero-width space inside", func(m *maker, f *ownForm, text string) (string, Reason) {
		return insert(text, len(text)/2, "\u200b"), BadCharacter
	}},
	{"the last character is missing", func(m *maker, f *ownForm, text string) (string, Reason) { return text[:len(text)-1], f.short }},
	{"white space inside", func(m *maker, f *ownForm, text string) (string, Reason) {
		return insert(text, min(8, len(text)/2), " "), WhitespaceInside // in the middle of a long one it could be two addresses
	}},
	{"shortened for display", func(m *maker, f *ownForm, text string) (string, Reason) {
		if len(text) < 20 {
			return "", ""
		}
		return text[:8] + "..." + text[len(text)-6:], BadLength
	}},
	{"two neighbouring characters have changed places", func(m *maker, f *ownForm, text string) (string, Reason) {
		if f.letters == "" {
			return "", ""
		}
		for range 100 {
			at := m.place(f, text)
			if at+1 < len(text) && text[at] != text[at+1] && strings.IndexByte(f.letters, text[at+1]) >= 0 {
				return text[:at] + text[at+1:at+2] + text[at:at+1] + text[at+2:], BadChecksum
			}
		}
		return "", ""
	}},
	{"a letter of another script that looks alike", func(m *maker, f *ownForm, text string) (string, Reason) {
		half := len(text) / 2
		for i := half; i < len(text); i++ {
			if alike := lookAlikes.Replace(text[i : i+1]); alike != text[i:i+1] {
				return text[:i] + alike + text[i+1:], BadCharacter
			}
		}
		return "", ""
	}},
	{"one character too many", func(m *maker, f *ownForm, text string) (string, Reason) {
		return text + text[len(text)-1:], f.long
	}},
	{"two addresses in one field", func(m *maker, f *ownForm, text string) (string, Reason) {
		if len(text) < 20 {
			return "", ""
		}
		return text + []string{" ", ",", "\n", ";"}[m.below(4)] + text, TwoAddresses
	}},
	{"a character that such an address cannot have", func(m *maker, f *ownForm, text string) (string, Reason) {
		if f.foreign == "" {
			return "", ""
		}
		at := len(text) - 1 - m.below(8)
		return text[:at] + f.foreign + text[at+1:], BadCharacter
	}},
	{"mixed case", func(m *maker, f *ownForm, text string) (string, Reason) {
		if !f.folds {
			return "", ""
		}
		at := strings.LastIndexAny(text, "acdefghjklmnpqrstuvwxyz")
		return text[:at] + strings.ToUpper(text[at:at+1]) + text[at+1:], MixedCase
	}},
	{"a line break inside", func(m *maker, f *ownForm, text string) (string, Reason) {
		return insert(text, len(text)-4, "\n"), WhitespaceInside
	}},
	{"a full-width digit", func(m *maker, f *ownForm, text string) (string, Reason) {
		at := strings.LastIndexAny(text, "0123456789")
		if at < 0 {
			return "", ""
		}
		return text[:at] + string('０'+rune(text[at]-'0')) + text[at+1:], BadCharacter
	}},
	{"shortened with an ellipsis", func(m *maker, f *ownForm, text string) (string, Reason) {
		if len(text) < 20 {
			return "", ""
		}
		return text[:6] + "…" + text[len(text)-4:], BadLength
	}},
	{"a NUL byte behind it", func(m *maker, f *ownForm, text string) (string, Reason) { return text + "\x00", BadCharacter }},
	{"a comma behind it", func(m *maker, f *ownForm, text string) (string, Reason) { return text + ",", BadCharacter }},
}

// ownVectors makes all lines, by network as in the contract.
func ownVectors() []vector {
	var all []vector
	m := &maker{all: &all, seen: map[string]bool{}}
	for _, network := range strings.Fields(contractNetworks) {
		ownNetworks[network](m.of(network))
	}
	ownRelations(m)
	ownUnnamed(m.of(""))
	for _, p := range published {
		n := m.of(p.network)
		n.source = p.source
		p.make(n)
	}
	order := strings.Fields(contractNetworks)
	slices.SortStableFunc(all, func(a, b vector) int {
		return slices.Index(order, a.Networks[0]) - slices.Index(order, b.Networks[0])
	})
	return all
}

// encode writes lines in ASCII, so that what cannot be seen is seen.
func encode(all []vector) string {
	var out strings.Builder
	var line bytes.Buffer
	for i := range all {
		line.Reset()
		e := json.NewEncoder(&line)
		e.SetEscapeHTML(false)
		if err := e.Encode(&all[i]); err != nil {
			panic(err) // plain strings always encode
		}
		for _, r := range line.String() {
			if r < utf8.RuneSelf {
				out.WriteRune(r)
			} else {
				fmt.Fprintf(&out, `\u%04x`, r)
			}
		}
	}
	return out.String()
}

// TestOwnVectorsAreGenerated generates docs/vectors.jsonl.
func TestOwnVectorsAreGenerated(t *testing.T) {
	all := ownVectors()
	text := encode(all)
	golden(t, "vectors.jsonl", text)
	if len(text) > 1<<20 {
		t.Errorf("it has %d bytes", len(text))
	}
	kinds, networks, reasons, classes := map[string]int{}, map[string]map[string]bool{}, map[Reason]int{}, map[string]int{}
	for i := range all {
		v := &all[i]
		kinds[v.Kind]++
		for _, n := range v.Networks {
			if networks[n] == nil {
				networks[n] = map[string]bool{}
			}
			networks[n][v.Kind] = true
		}
		reasons[v.Reason]++
		classes[v.Class]++
	}
	for _, n := range Networks() {
		if ofTable(&n) {
			continue
		}
		for _, kind := range []string{"valid", "same", "different", "invalid"} {
			if !networks[n.Name][kind] {
				t.Errorf("%s has no line of the kind %s", n.Name, kind)
			}
		}
	}
	for _, r := range []Reason{Empty, BadCharacter, WhitespaceInside, BadLength, BadChecksum, MixedCase, WrongNetwork, Testnet, UnsupportedKind,
		NameNotAddress, SecretMaterial, InvoiceNotAddress, Ambiguous, TwoAddresses} {
		if reasons[r] == 0 {
			t.Errorf("no line has the reason %s", r)
		}
	}
	for _, c := range []Class{SameKey, SameScript, SameStake, Contains} {
		if classes[c.String()] == 0 {
			t.Errorf("no line has the class %s", c)
		}
	}
	t.Logf("%d lines, %d bytes, by kind %v, by reason %v, by class %v", len(all), len(text), kinds, reasons, classes)
}

// TestOwnVectorsHold is how any other program would use them.
func TestOwnVectorsHold(t *testing.T) {
	for _, v := range ownVectors() {
		if wrong := v.check(); wrong != "" {
			t.Errorf("%s %s %v %q (%s; %s): %s", v.ID, v.Kind, v.Networks, v.Texts, v.Why, v.Source, wrong)
		}
	}
}

// check gives "" or what is wrong.
func (v *vector) check() string {
	if v.Kind == "invalid" {
		got, err := Parse(nil, v.Texts[0], v.Networks[0])
		var fail *Error
		switch {
		case err == nil:
			return "it is taken for " + got[0].Network + " " + got[0].Canonical
		case !errors.As(err, &fail):
			return err.Error()
		case fail.Reason != v.Reason:
			return fmt.Sprintf("the reason is %s (%s), not %s", fail.Reason, fail.Detail, v.Reason)
		case fail.Reason == SecretMaterial && shows(fail, v.Texts[0]):
			return "the secret is shown: " + fail.Error()
		}
		return ""
	}
	read := make([]Address, len(v.Texts))
	for i, text := range v.Texts {
		got, err := Parse(nil, text, v.Networks[i])
		if err != nil {
			return fmt.Sprintf("%q is refused: %v", text, err)
		}
		if len(got) != 1 {
			return fmt.Sprintf("%q has %d readings", text, len(got))
		}
		read[i] = got[0]
	}
	if v.Kind == "valid" {
		if identity := string(AppendIdentity(nil, read[0].Key, read[0].Variant)); identity != v.Identity {
			return "the identity is " + identity + ", not " + v.Identity
		}
		if read[0].Canonical != v.Canonical {
			return "the canonical text is " + read[0].Canonical + ", not " + v.Canonical
		}
		return ""
	}
	same := read[0].Key == read[1].Key && read[0].Variant == read[1].Variant
	class, derivation := met(&read[0], &read[1])
	switch {
	case same != (v.Kind == "same"):
		return fmt.Sprintf("they are %s and %s", read[0].Canonical, read[1].Canonical)
	case v.Kind == "same" && v.Networks[0] == v.Networks[1] && read[0].Canonical != read[1].Canonical:
		return "the canonical texts are " + read[0].Canonical + " and " + read[1].Canonical
	case v.Kind == "same" && class != Exact, v.Kind == "different" && class == Exact:
		return "the class is " + class.String()
	case v.Kind == "same_key" && (class.String() != v.Class || derivation == ""):
		return fmt.Sprintf("the class is %q (%s), not %s", class, derivation, v.Class)
	}
	return ""
}
