package formats

import (
	"context"

	"interdict/lists/fault"
)

// Delta is what a delta file of OFAC says about one address or, if Address and Problem are "", about a party.
type Delta struct {
	Row
	Action DeltaAction
}

// DeltaAction is what a delta says has happened.
type DeltaAction int

const (
	DeltaNamed   DeltaAction = iota // the party was changed; whether the address is new is not said
	DeltaAdded                      // the address, or its party, was added
	DeltaRemoved                    // the address was removed
	DeltaEnded                      // the party was removed, and its addresses with it. The file need not name them
)

// ReadOFACDelta reads a file of OFAC's delta archive, in which a party is written as in ofac_enhanced and carries an action: add, modify or remove;
// so may its features. A modified party may hold only what has changed, or all of it. That is why no list is made of deltas: they are compared
// with the whole file. A party that was removed is yielded after its addresses. published is the date that the file names, or "".
func ReadOFACDelta(ctx context.Context, f File, yield func(Delta) error) (published string, err error) {
	d := deltaReader{run: run{ctx: ctx, opts: Options{MaxBytes: maxDelta}}, yield: yield}
	d.run.yield = func(row Row) error { return yield(Delta{row, d.action(&row)}) }
	err = d.read(f)
	if cerr := d.close(); err == nil {
		err = cerr
	}
	return d.published, err
}

// maxDelta bounds a delta file. The largest publications change some hundred parties.
const maxDelta = 256 << 20

type deltaReader struct {
	run
	yield     func(Delta) error
	party     string // action of the party that is being read
	published string
}

func (r *deltaReader) read(f File) error {
	inputs, err := r.expand(f.Name, r.origin(f), 0, false)
	if err != nil {
		return err
	}
	if len(inputs) != 1 {
		return fault.E(fault.Invalid, "%s: not one file", f.Name)
	}
	in := inputs[0]
	s, err := in.sample()
	if err != nil {
		return err
	}
	rows, found := heldRows{in: in, delta: true}, false
	err = in.readXML(rootOf(s.head), func(x *xmlScanner) error {
		return x.each(func(name []byte) error {
			switch string(name) {
			case "publicationInfo":
				return x.eachNamed("datePublished", func() error {
					text, err := x.text()
					r.published = dateOfTimestamp(text)
					return err
				})
			case "entities":
				found = true
				return x.eachNamed("entity", func() error { return r.entity(x, &rows) })
			}
			return nil
		})
	})
	if err == nil && !found {
		err = in.invalid("the document", "not a delta file of OFAC: it has no entities")
	}
	return err
}

func (r *deltaReader) entity(x *xmlScanner, rows *heldRows) error {
	rows.clear()
	r.party = x.attr("action")
	id, locator := x.attr("id"), "entity "+x.attr("id")
	if err := r.enhancedEntity(x, rows); err != nil || !isRemoval(r.party) {
		return err
	}
	return r.yield(Delta{Row{EntityID: id, Locator: locator}, DeltaEnded})
}

// action returns what has happened to an address of the party that is being read.
func (r *deltaReader) action(row *Row) DeltaAction {
	switch {
	case row.Removed || isRemoval(r.party):
		return DeltaRemoved
	case r.party == "add" || row.Partial:
		return DeltaAdded
	}
	return DeltaNamed
}

func isRemoval(action string) bool { return action == "remove" || action == "delete" }
