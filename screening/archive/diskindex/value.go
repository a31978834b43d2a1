package diskindex

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"

	"interdict/lists/address"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// Bits of the second byte of a record.
const (
	hasID = 1 << iota
	hasAlert
	alertResolved
)

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendRecord appends what a record holds besides its position: kind, flags, id, terms, and the payload as the rest.
func appendRecord(b []byte, e *archive.Entry) []byte {
	flags := byte(0)
	if e.ID != uuid.Nil {
		flags |= hasID
	}
	if e.Terms.Alert.ID != "" {
		flags |= hasAlert
	}
	if e.Terms.Alert.Resolved {
		flags |= alertResolved
	}
	b = append(b, byte(e.Kind), flags)
	if flags&hasID != 0 {
		b = append(b, e.ID[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Terms.Keys)))
	for _, k := range e.Terms.Keys {
		b = appendText(b, string(k))
	}
	b = binary.AppendUvarint(b, uint64(len(e.Terms.Lists)))
	for _, l := range e.Terms.Lists {
		b = appendText(b, l)
	}
	for _, s := range []string{e.Terms.Result, e.Terms.Reference, e.Terms.Customer, e.Terms.By} {
		b = appendText(b, s)
	}
	if flags&hasAlert != 0 {
		b = appendText(b, e.Terms.Alert.ID)
	}
	return append(b, e.Payload...)
}

// decoder reads a value. After the first mistake every read returns a zero value.
type decoder struct {
	rest string
	bad  bool
}

var errFormat = errors.New("a value does not have the form of the index")

func (d *decoder) take(n uint64) string {
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) byte() byte {
	if s := d.take(1); s != "" {
		return s[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	var x uint64
	for shift := 0; shift < 64; shift += 7 {
		c := d.byte()
		x |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return x
		}
	}
	d.bad = true
	return 0
}

func (d *decoder) uint64() uint64 {
	if s := d.take(8); s != "" {
		return binary.BigEndian.Uint64([]byte(s))
	}
	return 0
}

func (d *decoder) text() string { return d.take(d.uvarint()) }

// count reads the number of texts that follow.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) err() error {
	if d.bad {
		return errFormat
	}
	return nil
}

// decodeRecord returns the record of a position. It keeps nothing of value.
func decodeRecord(p position, value []byte) (archive.Entry, error) {
	d := decoder{rest: string(value)}
	e := archive.Entry{Position: p.decode(), Kind: journal.Kind(d.byte())}
	flags := d.byte()
	if flags&hasID != 0 {
		copy(e.ID[:], d.take(16))
	}
	if n := d.count(); n > 0 {
		e.Terms.Keys = make([]address.Key, n)
		for i := range e.Terms.Keys {
			e.Terms.Keys[i] = address.Key(d.text())
		}
	}
	if n := d.count(); n > 0 {
		e.Terms.Lists = make([]string, n)
		for i := range e.Terms.Lists {
			e.Terms.Lists[i] = d.text()
		}
	}
	e.Terms.Result, e.Terms.Reference, e.Terms.Customer, e.Terms.By = d.text(), d.text(), d.text(), d.text()
	if flags&hasAlert != 0 {
		e.Terms.Alert.ID = d.text()
	}
	e.Terms.Alert.Resolved = flags&alertResolved != 0
	e.Payload = []byte(d.rest)
	return e, d.err()
}

func encodeMark(m archive.Mark) []byte {
	b := binary.BigEndian.AppendUint64(nil, m.Sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Complete.Unix()))
	b = binary.AppendUvarint(b, uint64(m.Complete.Nanosecond()))
	ended := byte(0)
	if m.Ended {
		ended = 1
	}
	b = append(b, ended)
	return appendText(appendText(b, m.Node), m.Gap)
}

func decodeMark(writer uuid.UUID, value []byte) (archive.Mark, error) {
	d := decoder{rest: string(value)}
	m := archive.Mark{Writer: writer, Sequence: d.uint64()}
	m.Complete = time.Unix(int64(d.uint64()), int64(d.uvarint())).UTC()
	m.Ended = d.byte() == 1
	m.Node, m.Gap = d.text(), d.text()
	return m, d.err()
}

// alertRow is an alert with copies of its records, so that it does not depend on what Drop removes.
type alertRow struct {
	created, resolved *archive.Entry
}

func (r alertRow) encode() []byte {
	var b []byte
	for _, e := range []*archive.Entry{r.created, r.resolved} {
		if e == nil {
			b = append(b, 0)
			continue
		}
		p := positionOf(e.Position)
		b = append(append(b, 1), p[:]...)
		b = appendText(b, string(appendRecord(nil, e)))
	}
	return b
}

func decodeAlert(value []byte) (alertRow, error) {
	d := decoder{rest: string(value)}
	var r alertRow
	for _, field := range []**archive.Entry{&r.created, &r.resolved} {
		if d.byte() == 0 {
			continue
		}
		var p position
		copy(p[:], d.take(positionSize))
		e, err := decodeRecord(p, []byte(d.text()))
		if err != nil {
			return r, err
		}
		*field = &e
	}
	return r, d.err()
}
