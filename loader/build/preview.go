package build

import (
	"context"
	"errors"
	"slices"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/loader/formats"
)

// Preview collects the first rows of an upload as they are read. It bounds how much is read.
type Preview struct {
	First int       // rows to collect
	Most  int       // rows to read
	Until time.Time // when to stop reading

	Rows []SeenRow
	// Partial is set if the upload has more rows than were read. The report then counts those that were read, and compares with nothing.
	Partial bool

	last *lists.Quarantined // of the row that is being read
}

// SeenRow is one row as it was read.
type SeenRow struct {
	Row      formats.Row
	Readings []address.Address
	// Quarantined is why it was not read; nil if it was. The address of a row that holds a secret is in neither.
	Quarantined *lists.Quarantined
}

// errEnough ends the reading of a file whose beginning is enough.
var errEnough = errors.New("enough rows")

// Inspect looks at the beginning of files, see formats.Inspect.
func Inspect(ctx context.Context, files *Files, format string, mapping map[string]string) (formats.Inspection, error) {
	return formats.Inspect(ctx, files.readers(), format, formats.Options{Mapping: mapping})
}

func (p *Preview) enough(read int) bool {
	return read > p.Most || read%64 == 0 && time.Now().After(p.Until)
}

// watch learns of the rows that are quarantined.
func (p *Preview) watch(in *intake) {
	quarantine := in.quarantine
	in.quarantine = func(q lists.Quarantined) error {
		p.last = &q
		return quarantine(q)
	}
}

// see takes a row that was read, if it is one of the first.
func (p *Preview) see(r *formats.Row, in *intake) {
	if len(p.Rows) < p.First && !r.Removed && !r.Partial {
		seen := SeenRow{Row: *r, Quarantined: p.last}
		switch {
		case p.last == nil:
			seen.Readings = slices.Clone(in.readings)
		default:
			seen.Row.Address, seen.Row.Network, seen.Row.Asset, seen.Row.EntityName = p.last.Address, p.last.Network, p.last.Asset, p.last.Entity
		}
		p.Rows = append(p.Rows, seen)
	}
	p.last = nil
}

// end completes what is known of the file after it was read. A delta is previewed as what it changes.
func (p *Preview) end(in *Input, v *lists.Version, rows *intake, info formats.Info, err error) (formats.Info, error) {
	if errors.Is(err, errEnough) {
		p.Partial, err = true, nil
		info = formats.Info{Format: in.Format}
		in.Active, in.Last = nil, nil
	}
	v.Rows, v.UnreadRows = rows.rows, rows.unread // they stand if an error follows
	if info.Delta {
		v.Mode = lists.Add
	}
	return info, err
}
