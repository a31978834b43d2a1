package screening

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/journal"
)

// Results of a decision.
const (
	ResultHit     = "hit"
	ResultMiss    = "miss"
	ResultRefused = "refused" // the text is not an address
	ResultError   = "error"   // there was no answer
)

// Decision is a check as it was recorded. Where the record has a digest in place of a secret, so have the texts here.
type Decision struct {
	ID        [16]byte // UUID version 7; zero if an old record has none
	At        time.Time
	By        string
	Input     string // the text as it was given; a digest if it is not an address
	Network   string // as it was given, and so are the next four
	Asset     string
	Direction lists.Direction
	Reference string
	Customer  string

	Result     string
	Action     lists.Action
	Generation int // of an answer
	// Identity, Canonical and AddressNetwork are how the text was read; empty without an answer. Networks has the network of each
	// reading, if there are several.
	Identity, Canonical, AddressNetwork string
	Networks                            []string
	Lists                               []string // the ids of the lists of all matches, each once, suppressed ones included
	// Answer has the bytes that the caller got; nil without an answer.
	Answer []byte
	// Err is the error of a check without an answer: api.Problem makes of it what the caller got.
	Err error
	// Sandbox tells that the server had test addresses.
	Sandbox bool
}

// CheckID returns the id as the answer has it.
func (d *Decision) CheckID() string { return string(appendUUID(nil, &d.ID)) }

// DecodeRecord returns the decision that a record of the journal contains. id is the one that the journal stores with the record; old
// records contain it themselves. The decision keeps no part of the payload.
func DecodeRecord(kind journal.Kind, id [16]byte, at time.Time, payload []byte) (*Decision, error) {
	if kind != journal.Check {
		return nil, fault.E(fault.Invalid, "the record is not a decision but: %s", kind)
	}
	if len(payload) == 0 || len(payload) > journal.MaxPayloadBytes {
		return nil, fault.E(fault.Unavailable, "the record of a decision has %d bytes", len(payload))
	}
	d := &Decision{ID: id, At: at.UTC()}
	if payload[0] == '{' {
		if err := d.decodeJSON(payload); err != nil {
			return nil, err
		}
		return d, nil
	}
	r := &recordReader{b: payload}
	switch version := r.byte(); version {
	case recordVersion:
	case recordVersionID:
		copy(d.ID[:], r.next(len(d.ID)))
	default:
		return nil, fault.E(fault.Unavailable, "the record of a decision has version %d, which this program does not know", version)
	}
	if err := d.decode(r); err != nil {
		return nil, err
	}
	return d, nil
}

// decode reads a record from its second byte on.
func (d *Decision) decode(r *recordReader) error {
	outcome, details := r.byte(), r.byte()
	d.Sandbox = details&inSandbox != 0
	if i := int(outcome >> directionShift & 3); i < len(recordedDirections) {
		d.Direction = recordedDirections[i]
	} else {
		r.fail()
	}
	d.By = r.text()
	if details&hasNetwork != 0 {
		d.Network = r.label()
	}
	if outcome&hasAsset != 0 {
		d.Asset = r.label()
	}
	if outcome&hasReference != 0 {
		d.Reference = r.text()
	}
	if outcome&hasCustomer != 0 {
		d.Customer = r.text()
	}
	switch outcome & outcomeBits {
	case recordedMiss:
		d.decodeMiss(r, details)
	case recordedHit, recordedAnswer:
		if err := d.setAnswer(bytes.Clone(r.next(len(r.b)))); err != nil {
			return err
		}
	case recordedRefusal:
		d.Result = ResultRefused
		cause := &address.Error{Reason: address.Reason(r.label()), Network: r.label(), Position: int(r.varint()), Networks: r.labels(), Detail: r.text()}
		d.Err = &Refused{Cause: cause, WouldMatch: details&wouldMatch != 0}
		d.Input = r.text()
	case recordedError:
		d.Result = ResultError
		kind, known := faultKind(r.label())
		if !known {
			r.fail()
		}
		d.Err = newRecordedError(kind, r.text(), details&undecided != 0)
		d.Input = r.text()
	default:
		r.fail()
	}
	if r.bad || len(r.b) > 0 {
		return fault.E(fault.Unavailable, "the record of a decision is damaged")
	}
	return nil
}

// decodeMiss reads a miss and rebuilds its answer.
func (d *Decision) decodeMiss(r *recordReader, details byte) {
	d.Result = ResultMiss
	if d.Direction != "" {
		d.Action = lists.Allow
	}
	m := rebuilt{Decision: d}
	d.Generation = int(r.uvarint())
	m.asOf = time.UnixMilli(r.varint())
	m.lists, m.listings = int(r.uvarint()), int(r.uvarint())
	if m.lost = details&isLost != 0; m.lost {
		m.storeGeneration = int(r.uvarint())
	}
	d.AddressNetwork = r.label()
	if details&sameNetwork != 0 {
		d.Network = d.AddressNetwork
	}
	if details&hasNetworks != 0 {
		d.Networks = r.labels()
	}
	d.decodeAddress(r)
	if details&hasAttributes != 0 {
		r.list(func() { m.attributes = append(m.attributes, address.Attribute{Name: r.label(), Value: r.text()}) })
	}
	if details&hasNotices != 0 {
		m.notices = r.labels()
	}
	if year := m.asOf.UTC().Year(); year < 0 || year > 9999 {
		r.fail()
	}
	if !r.bad {
		d.Answer = m.appendJSON(nil)
	}
}

// decodeAddress reads what appendAddress wrote.
func (d *Decision) decodeAddress(r *recordReader) {
	b := r.byte()
	form, source := textForm(b&(1<<payloadShift-1)), b>>payloadShift
	if source == payloadNone {
		d.Canonical = r.text()
		d.Identity = d.Canonical
		d.Input = readInput(r, d.Canonical)
		return
	}
	family, kind := r.label(), r.label()
	var payload string
	if form == formEIP55 {
		payload = string(r.next(accountBytes))
		if !r.bad {
			_, d.Canonical, _ = address.Render(address.Key([]byte{byte(address.SpaceEVM)})+address.Key(payload), address.VariantEVM)
		}
	} else {
		text := r.b
		switch {
		case form == formText:
			d.Canonical = r.text()
		case form >= forms || alphabets[form] == nil:
			r.fail()
		case alphabets[form].bits == 0:
			d.Canonical = alphabets[form].readBase58(r)
		default:
			d.Canonical = alphabets[form].readBits(r)
		}
		text = text[:len(text)-len(r.b)]
		switch source {
		case payloadStored:
			payload = r.text()
		case payloadInText:
			at, n := r.uvarint(), r.uvarint()
			if at > uint64(len(text)) || n > uint64(len(text))-at {
				r.fail()
				return
			}
			payload = string(text[at : at+n])
		default:
			r.fail()
		}
	}
	if r.bad {
		return
	}
	identity := append([]byte(family), ':')
	if kind != "" {
		identity = append(append(identity, kind...), ':')
	}
	d.Identity = string(hex.AppendEncode(identity, []byte(payload)))
	d.Input = readInput(r, d.Canonical)
}

// rebuilt is a miss whose answer is rebuilt.
type rebuilt struct {
	*Decision
	asOf                             time.Time
	lists, listings, storeGeneration int
	lost                             bool
	attributes                       []address.Attribute
	notices                          []string
}

// appendJSON writes the answer as it was written when the record was made. It does not follow later changes of the answer: these need
// a new version of the record.
func (m *rebuilt) appendJSON(b []byte) []byte {
	b = append(b, `{"check_id":"`...)
	b = appendUUID(b, &m.ID)
	b = append(b, `","result":"miss`...)
	if m.Direction != "" {
		b = append(b, `","action":"`...)
		b = append(b, m.Action...)
		b = append(b, `","direction":"`...)
		b = append(b, m.Direction...)
	}
	b = append(b, `","address":{"input":`...)
	b = appendString(b, m.Input)
	b = appendMember(b, "network", m.AddressNetwork)
	if len(m.Networks) > 1 {
		b = append(b, `,"networks":`...)
		b = appendStrings(b, m.Networks)
	}
	b = appendMember(b, "canonical", m.Canonical)
	b = append(b, `,"identity":"`...)
	b = append(b, m.Identity...)
	b = append(b, '"')
	if len(m.attributes) > 0 {
		b = append(b, `,"attributes":{`...)
		for i, x := range m.attributes {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, x.Name), ':')
			b = appendString(b, x.Value)
		}
		b = append(b, '}')
	}
	if len(m.notices) > 0 {
		b = append(b, `,"notices":`...)
		b = appendStrings(b, m.notices)
	}
	b = append(b, `},"matches":[],"screened":{"generation":`...)
	b = strconv.AppendInt(b, int64(m.Generation), 10)
	b = append(b, `,"as_of":"`...)
	b = appendTime(b, m.asOf)
	b = append(b, `","lists":`...)
	b = strconv.AppendInt(b, int64(m.lists), 10)
	b = append(b, `,"listings":`...)
	b = strconv.AppendInt(b, int64(m.listings), 10)
	if m.lost {
		b = append(b, `,"lost":true,"store_generation":`...)
		b = strconv.AppendInt(b, int64(m.storeGeneration), 10)
	}
	if m.Sandbox {
		b = append(b, `,"sandbox":true`...)
	}
	b = append(b, `},"checked_at":"`...)
	b = appendTime(b, m.At)
	return append(b, `"}`...)
}

// setAnswer sets the answer and what it says.
func (d *Decision) setAnswer(answer []byte) error {
	type match struct {
		List struct {
			ID string `json:"id"`
		} `json:"list"`
	}
	var x struct {
		CheckID   string          `json:"check_id"`
		Result    string          `json:"result"`
		Action    lists.Action    `json:"action"`
		Direction lists.Direction `json:"direction"`
		Address   struct {
			Input     string   `json:"input"`
			Network   string   `json:"network"`
			Networks  []string `json:"networks"`
			Canonical string   `json:"canonical"`
			Identity  string   `json:"identity"`
		} `json:"address"`
		Matches    []match `json:"matches"`
		Suppressed []match `json:"suppressed"`
		Screened   struct {
			Generation int `json:"generation"`
		} `json:"screened"`
	}
	if err := json.Unmarshal(answer, &x); err != nil {
		return fault.E(fault.Unavailable, "the answer in the record of a decision is damaged: %w", err)
	}
	if x.Result != ResultHit && x.Result != ResultMiss {
		return fault.E(fault.Unavailable, "the answer in the record of a decision has no result")
	}
	if d.ID == [16]byte{} {
		d.ID = parseID(x.CheckID)
	}
	d.Answer, d.Result, d.Action, d.Direction, d.Generation = answer, x.Result, x.Action, x.Direction, x.Screened.Generation
	d.Input, d.AddressNetwork, d.Networks, d.Canonical, d.Identity = x.Address.Input, x.Address.Network, x.Address.Networks, x.Address.Canonical, x.Address.Identity
	seen := map[string]bool{}
	for _, all := range [][]match{x.Matches, x.Suppressed} {
		for _, m := range all {
			if !seen[m.List.ID] {
				seen[m.List.ID] = true
				d.Lists = append(d.Lists, m.List.ID)
			}
		}
	}
	return nil
}

// parseID reads a UUID; the result is zero if the text is none.
func parseID(text string) [16]byte {
	id, err := uuid.Parse(text)
	if err != nil {
		return [16]byte{}
	}
	return id
}

// Identities returns the identity of each reading of the address as the API writes them, such as "evm:098b…", the one of the answer first.
// Those of further readings follow from today's rules. There is none without an answer, and none if the record has a digest of the address.
func (d *Decision) Identities() []string {
	all := []string{}
	if strings.IndexByte(d.Identity, ':') > 0 && d.Identity != d.Canonical {
		all = append(all, d.Identity)
	}
	for _, a := range d.readings() {
		if id := string(address.AppendIdentity(nil, a.Key, a.Variant)); !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// Keys returns the keys under which a check of this address looks for listings today: a listing whose identity has one of these keys, or
// is linked to one, may match. The first is that of the identity.
func (d *Decision) Keys() []address.Key {
	all := []address.Key{}
	add := func(k address.Key) {
		if !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	readings := d.readings()
	for i := range readings {
		add(readings[i].Key)
	}
	for i := range readings {
		for _, l := range address.Links(nil, &readings[i], address.Asked) {
			add(l.Key)
		}
	}
	return all
}

// readings parses the canonical text again, for each network that it was read for.
func (d *Decision) readings() (all []address.Address) {
	if d.Canonical == "" || d.Identity == d.Canonical {
		return nil
	}
	networks := d.Networks
	if len(networks) == 0 {
		networks = []string{d.AddressNetwork}
	}
	for _, n := range networks {
		if more, err := address.Parse(nil, d.Canonical, n); err == nil {
			all = append(all, more...)
		}
	}
	return all
}
