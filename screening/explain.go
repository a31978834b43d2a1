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
	"interdict/screening/replica"
)

// Explanation is how a check came to its outcome: how the text was read, under which keys it was looked up, and what these
// were compared with. For a text that is refused as a secret it contains only that.
type Explanation struct {
	Text     Text       `json:"text"`
	Readings []Reading  `json:"readings"`
	Keys     []LookedUp `json:"keys"`
	Compared *Compared  `json:"compared_with"` // nil: no generation may be answered from
	Outcome  Outcome    `json:"outcome"`
}

// Text is the text of the request, and what was removed from it before it was parsed.
type Text struct {
	Given   string `json:"given,omitempty"`   // at most 64 bytes of it if it is not an address
	Hidden  bool   `json:"hidden,omitempty"`  // it looks like a secret and is not shown
	Trimmed bool   `json:"trimmed,omitempty"` // there was white space around it
	Wrapper string `json:"wrapper,omitempty"` // in words; the attributes of a reading have the rest of the wrapper
}

// Reading is the text read as an address of one network.
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
	Key      string    `json:"key"` // in hex; the first byte is the number of its space
	Role     string    `json:"role"`
	Networks []string  `json:"networks,omitempty"` // of the readings that have it
	Finds    []Related `json:"finds"`              // the addresses that are found under it if they are listed
	Possible []Place   `json:"possible"`           // the layers whose filter says maybe; the others do not have it
}

// Related is an address that has a key, and its relation to the asked address.
type Related struct {
	Network    string `json:"network"`
	Kind       string `json:"kind"`
	Canonical  string `json:"canonical"`
	Class      string `json:"class,omitempty"` // "" if the letter case of the text is wrong
	Derivation string `json:"derivation,omitempty"`
}

// Place is a layer that may have a key.
type Place struct {
	List   string `json:"list"`
	Layer  string `json:"layer"`
	Listed *bool  `json:"listed"` // whether the layer has the key; nil: it could not be read
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

// ComparedLayer is one layer.
type ComparedLayer struct {
	ID       string `json:"id"`
	Version  int    `json:"version"` // the version that wrote it
	Keys     int    `json:"keys"`
	Removals int    `json:"removals,omitempty"`
}

// Outcome is the answer, or the reason why there is none.
type Outcome struct {
	Result  string          `json:"result"` // hit, miss, refused, undecided, or none: no check may be answered now
	Answer  json.RawMessage `json:"answer,omitempty"`
	Refused *Refusal        `json:"refused,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// Refusal is the reason why the text is not an address.
type Refusal struct {
	Reason     string   `json:"reason"`
	Network    string   `json:"network,omitempty"`
	Position   *int     `json:"position,omitempty"` // byte offset of the error in the text
	Detail     string   `json:"detail"`
	Networks   []string `json:"networks,omitempty"` // the networks of the text, if the reason is wrong_network
	WouldMatch bool     `json:"would_match,omitempty"`
}

// Explain is Check with an explanation; it is counted and recorded like any check. It returns both an explanation and an error if the text
// was refused, the store could not be read, or no check may be answered now. The explanation is nil if the network is not known, and if
// the decision could not be recorded.
func (s *Screener) Explain(ctx context.Context, r *Request, a *Answer) (*Explanation, error) {
	w := newWork()
	defer w.release()
	w.add(r, a)
	s.run(ctx, w)
	c := &w.checks[0]
	err := c.err
	var undecided *Undecided
	var lagging *replica.Lagging
	switch kind := fault.KindOf(err); {
	case err == nil, err == error(c.refused), errors.As(err, &undecided), errors.As(err, &lagging):
	case kind == fault.NotLoaded || kind == fault.Stale || kind == fault.Lost:
		// The check ended before the text was parsed. How it is parsed does not depend on any list.
		c.err = nil
		if c.parse(false, false); c.err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	return c.explain(w.snap, err), err
}

// explain builds the explanation of a check. err is the error that its caller gets.
func (c *check) explain(snap *replica.Snapshot, err error) *Explanation {
	x := &Explanation{Readings: []Reading{}, Keys: []LookedUp{}, Outcome: c.outcome(err)}
	if snap != nil {
		x.Compared = compared(snap)
	}
	if err != nil && c.isSecret() {
		x.Text.Hidden = true // its keys are hidden too: that of a raw text contains the text
		return x
	}
	text := c.request.Address
	x.Text.Given = text
	if c.refused != nil && err != nil {
		x.Text.Given = truncateInput(text)
	}
	trimmed := strings.Trim(text, " \t\r\n")
	x.Text.Trimmed = trimmed != text
	if len(c.readings) > 0 {
		x.Text.Wrapper = wrapperOf(trimmed)
	}
	for i := range c.readings {
		x.Readings = append(x.Readings, ReadingOf(&c.readings[i]))
	}
	for i := range c.probes {
		x.Keys = append(x.Keys, c.lookedUp(i, snap))
	}
	return x
}

// ReadingOf describes a text that was read as an address.
func ReadingOf(a *address.Address) Reading {
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

// identityOf returns an identity and the words in front of its bytes: "bitcoin p2pkh".
func identityOf(k address.Key, v address.Variant) (identity, kind string) {
	identity = string(address.AppendIdentity(nil, k, v))
	return identity, strings.ReplaceAll(identity[:strings.LastIndexByte(identity, ':')], ":", " ")
}

// roles are the roles of a key in words.
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

// lookedUp describes one key: what it is, which listings are found under it, and which layers may have it.
func (c *check) lookedUp(n int, snap *replica.Snapshot) LookedUp {
	p := &c.probes[n]
	l := LookedUp{Key: hex.EncodeToString([]byte(p.key)), Role: roles[p.role], Finds: []Related{}, Possible: []Place{}}
	switch p.reading {
	case rawReading:
		l.Role = "the text itself, byte for byte: a listed text that is not a valid address"
	case foldedReading:
		would := c.refused.Cause.Folded
		_, kind := identityOf(would.Key, would.Variant)
		l.Role = "the key it would have if its letter case were right"
		l.Finds = append(l.Finds, Related{Network: would.Network, Kind: kind, Canonical: would.Canonical, Class: address.None.String()})
	default:
		for i := range c.readings {
			if c.belongs(p, i) {
				l.Networks = append(l.Networks, c.readings[i].Network)
			}
		}
		l.Finds = c.relatedTo(p)
	}
	for _, m := range c.candidates {
		if m.probe != n {
			continue
		}
		place := Place{List: snap.Stacks[m.stack].Active.List.ID, Layer: snap.Stacks[m.stack].Layers[m.layer].ID}
		if m.found != 0 {
			listed := m.found == present
			place.Listed = &listed
		}
		l.Possible = append(l.Possible, place)
	}
	return l
}

// maxVariants is above the highest variant number (lists/address/numbers.go).
const maxVariants = 600

// relatedTo returns the addresses that have a probe's key and would match if they were listed, the closest class first. A variant can
// have the key if the address rendered from both is parsed as the same key and variant.
func (c *check) relatedTo(p *probe) []Related {
	found := []Related{}
	classes := map[string]address.Class{}
	var back []address.Address
	for v := address.VariantRaw + 1; v < maxVariants; v++ {
		network, canonical, ok := address.Render(p.key, v)
		if !ok {
			continue
		}
		var err error
		if back, err = address.Parse(back[:0], canonical, network); err != nil || back[0].Key != p.key || back[0].Variant != v {
			continue
		}
		class, derivation := c.classify(p, v, 0)
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

func compared(s *replica.Snapshot) *Compared {
	x := &Compared{Generation: s.Generation.Number, AsOf: s.Generation.At, Listings: s.Listings, Lists: []ComparedList{}}
	for _, stack := range s.Stacks {
		active := stack.Active
		l := ComparedList{ID: active.List.ID, Name: active.List.Name, Version: active.Version, Published: active.Published,
			FreshAt: s.FreshAt(active.List.ID), Listings: active.Listings, Layers: []ComparedLayer{}}
		for _, y := range stack.Layers {
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

// wrapperKinds are the prefixes that name a network, in lower case, and what they are.
var wrapperKinds = sync.OnceValue(func() map[string]string {
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

// wrapperOf returns the wrapper of a text that is an address; "" for none. It looks only at what is before the first colon: in a text
// that is an address this is a wrapper or part of the address (TON 0:…).
func wrapperOf(text string) string {
	name, rest, found := strings.Cut(text, ":")
	if !found {
		return ""
	}
	if what := wrapperKinds()[name+":"]; what != "" && strings.IndexByte(rest, ':') > 0 {
		reference, _, _ := strings.Cut(rest, ":")
		return what + " " + name + ":" + reference
	}
	if what := wrapperKinds()[strings.ToLower(name)]; what != "" {
		return what + " " + strings.ToLower(name)
	}
	return ""
}
