package screening

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// Explanation tells how a check came to its outcome: how the text was read, under which keys it was looked up, what these
// were compared with. Of a text that is refused as a secret it tells nothing but that.
type Explanation struct {
	Text     Text       `json:"text"`
	Readings []Reading  `json:"readings"`
	Keys     []LookedUp `json:"keys"`
	Compared *Compared  `json:"compared_with"` // nil: with nothing, there is no generation that may be answered from
	Outcome  Outcome    `json:"outcome"`
}

// Text is what was given, and what was taken off it before an address was looked for.
type Text struct {
	Given   string `json:"given,omitempty"`   // at most 64 bytes of it where no address was found
	Hidden  bool   `json:"hidden,omitempty"`  // it looks like a secret: nothing of it is shown
	Trimmed bool   `json:"trimmed,omitempty"` // white space around it does not count
	Wrapper string `json:"wrapper,omitempty"` // in words; the attributes of a reading say what else the wrapper held
}

// Reading is what the text is as an address of one network.
type Reading struct {
	Network    string            `json:"network"`
	Kind       string            `json:"kind"` // "bitcoin p2pkh", "evm"
	Canonical  string            `json:"canonical"`
	Identity   string            `json:"identity"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Notices    []string          `json:"notices,omitempty"`
}

// LookedUp is one key under which the address may be listed.
type LookedUp struct {
	Key      string    `json:"key"` // in hex; the first byte is its space
	Role     string    `json:"role"`
	Networks []string  `json:"networks,omitempty"` // of the readings that it stands for
	Finds    []Related `json:"finds"`              // the addresses whose listing is found under it
	Possible []Place   `json:"possible"`           // the layers whose filter holds it for possible; all others have it not, for certain
}

// Related is an address that has a key, and how it belongs to the one that was asked for.
type Related struct {
	Network    string `json:"network"`
	Kind       string `json:"kind"`
	Canonical  string `json:"canonical"`
	Class      string `json:"class,omitempty"` // "" only where the letter case was wrong
	Derivation string `json:"derivation,omitempty"`
}

// Place is a layer that may know a key.
type Place struct {
	List   string `json:"list"`
	Layer  string `json:"layer"`
	Listed *bool  `json:"listed"` // whether the store has the key there; nil: it could not be read
}

// Compared is the generation that the keys were compared with.
type Compared struct {
	Generation int            `json:"generation"`
	AsOf       time.Time      `json:"as_of"`
	Listings   int            `json:"listings"`
	Lists      []ComparedList `json:"lists"`
}

// ComparedList is one list of the generation, its layers base first.
type ComparedList struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Version   int             `json:"version"`
	Published string          `json:"published,omitempty"`
	FreshAt   time.Time       `json:"fresh_at"`
	Listings  int             `json:"listings"`
	Layers    []ComparedLayer `json:"layers"`
}

// ComparedLayer is one layer, which has one filter.
type ComparedLayer struct {
	ID       string `json:"id"`
	Version  int    `json:"version"` // that wrote it
	Keys     int    `json:"keys"`
	Removals int    `json:"removals,omitempty"`
}

// Outcome is the answer, or why there is none.
type Outcome struct {
	Result  string          `json:"result"` // hit, miss, refused, undecided, or none: nothing may be answered now
	Answer  json.RawMessage `json:"answer,omitempty"`
	Refused *Refusal        `json:"refused,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// Refusal is why the text is no address.
type Refusal struct {
	Reason     string   `json:"reason"`
	Network    string   `json:"network,omitempty"`
	Position   *int     `json:"position,omitempty"` // byte offset of the offence in the text
	Detail     string   `json:"detail"`
	Networks   []string `json:"networks,omitempty"` // that the text is an address of, when the reason is wrong_network
	WouldMatch bool     `json:"would_match,omitempty"`
}

// Explain is Check that also tells how it came to its outcome; it is counted and recorded like any check. The explanation comes with
// the error where the text was refused, the store could not be read, or nothing may be answered from now. It is nil where the network is
// not known, and where the decision could not be recorded: then nothing of it is told.
func (s *Screener) Explain(ctx context.Context, r *Request, a *Answer) (*Explanation, error) {
	w := workPool.Get().(*work)
	defer w.release()
	w.checks = w.checks[:0]
	w.add(r, a)
	s.run(ctx, w)
	c := &w.checks[0]
	err := c.err
	var undecided *Undecided
	var lagging *Lagging
	switch kind := fault.KindOf(err); {
	case err == nil, err == error(c.refused), errors.As(err, &undecided), errors.As(err, &lagging):
	case kind == fault.NotLoaded || kind == fault.Stale || kind == fault.Lost:
		// The check ended before the text was looked at; how it would be read does not depend on any list.
		c.err = nil
		if s.probe(c, new(snapshot)); c.err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	return c.explain(w.snap, err), err
}

// explain puts together what a check has found out. err is the error that its caller is told.
func (c *check) explain(snap *snapshot, err error) *Explanation {
	x := &Explanation{Readings: []Reading{}, Keys: []LookedUp{}, Outcome: c.outcome(err)}
	if snap != nil {
		x.Compared = snap.compared()
	}
	if err != nil && c.isSecret() {
		x.Text.Hidden = true // and its keys are not shown either: that of a raw text is the text
		return x
	}
	text := c.request.Address
	x.Text.Given = text
	if c.refused != nil && err != nil {
		x.Text.Given = echo(text)
	}
	trimmed := strings.Trim(text, " \t\r\n")
	x.Text.Trimmed = trimmed != text
	if len(c.readings) > 0 {
		x.Text.Wrapper = wrapperOf(trimmed)
	}
	for i := range c.readings {
		x.Readings = append(x.Readings, readingOf(&c.readings[i]))
	}
	for i := range c.probes {
		x.Keys = append(x.Keys, c.lookedUp(i, snap))
	}
	return x
}

func readingOf(a *address.Address) Reading {
	identity, kind := identityOf(a.Key, a.Variant)
	r := Reading{Network: a.Network, Kind: kind, Canonical: a.Canonical, Identity: identity, Notices: slices.Clone(a.Notices)}
	for _, t := range a.Attributes {
		if r.Attributes == nil {
			r.Attributes = map[string]string{}
		}
		r.Attributes[t.Name] = t.Value
	}
	return r
}

// identityOf gives the identity, and the words in front of its bytes: "bitcoin p2pkh".
func identityOf(k address.Key, v address.Variant) (identity, kind string) {
	identity = string(address.AppendIdentity(nil, k, v))
	return identity, strings.ReplaceAll(identity[:strings.LastIndexByte(identity, ':')], ":", " ")
}

// roles says in words what a key is to an address.
var roles = map[address.Role]string{
	0:                        "its own key",
	address.RoleNested:       "its nested SegWit form, P2SH of the P2WPKH program",
	address.RoleNestedScript: "its nested form, P2SH of the P2WSH program",
	address.RoleReceiver:     "a receiver inside the unified address",
	address.RolePayment:      "its payment credential",
	address.RoleStake:        "its stake credential",
	address.RoleICPAccount:   "its account id on the ICP ledger",
	address.RoleICPOwner:     "the principal that owns it",
}

// lookedUp tells of one key what it is, what listings it finds, and what filters and store said to it.
func (c *check) lookedUp(n int, snap *snapshot) LookedUp {
	p := &c.probes[n]
	l := LookedUp{Key: hex.EncodeToString([]byte(p.key)), Role: roles[p.role], Finds: []Related{}, Possible: []Place{}}
	switch p.reading {
	case rawReading:
		l.Role = "the text itself, byte for byte: a listed text that is no valid address"
	case foldedReading:
		would := c.refused.Cause.Folded
		_, kind := identityOf(would.Key, would.Variant)
		l.Role = "the key it would have if its letter case were right"
		l.Finds = append(l.Finds, Related{Network: would.Network, Kind: kind, Canonical: would.Canonical, Class: address.None.String()})
	default:
		for i := range c.readings {
			if c.isOf(p, i) {
				l.Networks = append(l.Networks, c.readings[i].Network)
			}
		}
		l.Finds = c.finds(p)
	}
	for _, m := range c.maybe {
		if m.probe != n {
			continue
		}
		place := Place{List: snap.stacks[m.stack].active.List.ID, Layer: snap.stacks[m.stack].layers[m.layer].ID}
		if m.store != 0 {
			listed := m.store == has
			place.Listed = &listed
		}
		l.Possible = append(l.Possible, place)
	}
	return l
}

// variants is how many variant numbers there may be (lists/address/numbers.go).
const variants = 600

// finds gives the addresses that have a probe's key and would be told as a match if they were listed, the closest class first.
// Which variants live in a key's space the address package does not say; but an address that is rendered and read back as the same
// key is one.
func (c *check) finds(p *probe) []Related {
	found := []Related{}
	classes := map[string]address.Class{}
	var back []address.Address
	for v := address.VariantRaw + 1; v < variants; v++ {
		network, canonical, ok := address.Render(p.key, v)
		if !ok {
			continue
		}
		var err error
		if back, err = address.Parse(back[:0], canonical, network); err != nil || back[0].Key != p.key || back[0].Variant != v {
			continue
		}
		class, derivation := c.relate(p, v, 0)
		if class == address.None {
			continue
		}
		_, kind := identityOf(p.key, v)
		classes[class.String()] = class
		found = append(found, Related{network, kind, canonical, class.String(), derivation})
	}
	slices.SortStableFunc(found, func(a, b Related) int { return int(classes[a.Class]) - int(classes[b.Class]) })
	return found
}

func (s *snapshot) compared() *Compared {
	x := &Compared{Generation: s.generation.Number, AsOf: s.generation.At, Listings: s.listings, Lists: []ComparedList{}}
	for _, k := range s.stacks {
		l := ComparedList{ID: k.active.List.ID, Name: k.active.List.Name, Version: k.active.Version, Published: k.active.Published,
			FreshAt: s.fresh[k.active.List.ID], Listings: k.active.Listings, Layers: []ComparedLayer{}}
		for _, y := range k.layers {
			l.Layers = append(l.Layers, ComparedLayer{y.ID, y.Version, y.Keys, y.Removals})
		}
		x.Lists = append(x.Lists, l)
	}
	return x
}

func (c *check) outcome(err error) Outcome {
	switch {
	case err == nil:
		return Outcome{Result: c.answer.Result.String(), Answer: slices.Clone(c.answer.JSON)}
	case err == error(c.refused):
		cause := c.refused.Cause
		r := &Refusal{Reason: string(cause.Reason), Network: cause.Network, Detail: cause.Detail, Networks: cause.Networks, WouldMatch: c.refused.WouldMatch}
		if cause.Position >= 0 {
			r.Position = &cause.Position
		}
		return Outcome{Result: "refused", Refused: r}
	case fault.Is(err, fault.Unavailable):
		return Outcome{Result: "undecided", Error: err.Error()}
	}
	return Outcome{Result: "none", Error: err.Error()}
}

// wrappers are the beginnings that name a network, lower case, with what they are.
var wrappers = sync.OnceValue(func() map[string]string {
	known := map[string]string{}
	for _, n := range address.Networks() {
		for _, short := range n.Short {
			known[short] = "ERC-3770 short name"
		}
		for _, scheme := range n.Schemes {
			known[scheme] = "URI scheme"
		}
		for _, id := range n.CAIP2 {
			namespace, _, _ := strings.Cut(id, ":")
			known[namespace+":"] = "CAIP-10"
		}
	}
	return known
})

// wrapperOf names the wrapper that a text which was understood begins with; "" for none. It goes by the beginning alone, which is enough
// for a text that decodes: what stands before its first colon is a wrapper, or part of the address (TON 0:…).
func wrapperOf(text string) string {
	name, rest, found := strings.Cut(text, ":")
	if !found {
		return ""
	}
	if what := wrappers()[name+":"]; what != "" && strings.IndexByte(rest, ':') > 0 {
		reference, _, _ := strings.Cut(rest, ":")
		return what + " " + name + ":" + reference
	}
	if what := wrappers()[strings.ToLower(name)]; what != "" {
		return what + " " + strings.ToLower(name)
	}
	return ""
}
