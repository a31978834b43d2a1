package formats

import (
	"context"

	"interdict/lists/fault"
)

// Delta is what a delta file of OFAC says about one address.
type Delta struct {
	Row
	Gone bool // the party was removed
}

// ReadOFACDelta reads a file of OFAC's delta archive, in which a party is written as in ofac_enhanced and carries an action: add, modify or remove.
// A modified party may hold only what has changed. That is why no list is made of deltas: they are compared with the whole file.
func ReadOFACDelta(ctx context.Context, f File, yield func(Delta) error) error {
	r := &run{ctx: ctx, opts: Options{MaxBytes: maxDelta}}
	gone := false
	r.yield = func(row Row) error { return yield(Delta{row, gone}) }
	err := r.readDelta(f, &gone)
	if cerr := r.close(); err == nil {
		err = cerr
	}
	return err
}

// maxDelta bounds a delta file. The largest publications change some hundred parties.
const maxDelta = 256 << 20

func (r *run) readDelta(f File, gone *bool) error {
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
	rows, found := heldRows{in: in}, false
	err = in.readXML(rootOf(s.head), func(x *xmlScanner) error {
		return x.eachNamed("entities", func() error {
			found = true
			return x.eachNamed("entity", func() error {
				rows.clear()
				*gone = isRemoval(x.attr("action"))
				return r.enhancedEntity(x, &rows)
			})
		})
	})
	if err == nil && !found {
		err = in.invalid("the document", "not a delta file of OFAC: it has no entities")
	}
	return err
}

func isRemoval(action string) bool { return action == "remove" || action == "delete" }
