package archive

import (
	"encoding/json"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening"
	"interdict/screening/journal"
)

// maxTerm is how many bytes of a text are a term.
const maxTerm = 1024

// EntryOf returns what a record is found by. A record that cannot be decoded is found by its place alone, and the error says why.
func EntryOf(r *journal.Record) (Entry, error) {
	e := Entry{Position: Position{Time: r.Time, Writer: r.Writer, Sequence: r.Sequence}, Kind: r.Kind, ID: r.ID, Payload: slices.Clone(r.Payload)}
	var err error
	switch r.Kind {
	case journal.Check:
		err = e.check(r)
	case journal.LookBack:
		err = e.lookBack(r)
	case journal.Checkpoint:
	default:
		err = e.change(r)
	}
	for _, text := range []*string{&e.Terms.Result, &e.Terms.Reference, &e.Terms.Customer, &e.Terms.By} {
		*text = (*text)[:min(len(*text), maxTerm)]
	}
	return e, err
}

func (e *Entry) check(r *journal.Record) error {
	d, err := screening.DecodeRecord(r.Kind, r.ID, r.Time, r.Payload)
	if err != nil {
		return err
	}
	e.ID = d.ID // old records have it in the payload
	e.Terms = Terms{Keys: d.Keys(), Lists: d.Lists, Result: d.Result, Reference: d.Reference, Customer: d.Customer, By: d.By}
	if len(e.Terms.Keys) == 0 {
		e.Terms.Keys = []address.Key{TextKey(d.Input)}
	}
	if d.Result == screening.ResultHit && d.ID != [16]byte{} {
		e.Terms.Alert.ID = d.CheckID()
	}
	return nil
}

func (e *Entry) change(r *journal.Record) error {
	var c lists.Event
	if err := json.Unmarshal(r.Payload, &c); err != nil {
		return fault.E(fault.Unavailable, "record %d of writer %s: %w", r.Sequence, r.Writer, err)
	}
	e.Terms = Terms{Result: c.Outcome, By: c.By}
	if c.List != "" {
		e.Terms.Lists = []string{c.List}
	}
	return nil
}

// TextKey returns the key of a text that is no address.
func TextKey(text string) address.Key {
	if len(text) >= address.MaxKey {
		text = address.Digest(text)
	}
	return address.Key([]byte{byte(address.SpaceRaw)}) + address.Key(text)
}

// SearchKeys returns the keys under which checks of an address are found, in any spelling and on any network when none is named, and those of the
// related addresses with one of its keys. A text that is no address is found as it was recorded.
func SearchKeys(text, network string) []address.Key {
	keys := []address.Key{TextKey(text), TextKey(address.Digest(text)), TextKey(address.Recordable(text))}
	add := func(k address.Key) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	readings, _ := address.Parse(nil, text, network) // the text may also be none
	for i := range readings {
		add(readings[i].Key)
	}
	return keys
}
