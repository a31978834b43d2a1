package diskindex

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"time"

	"github.com/google/uuid"

	"interdict/lists/address"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

// The first byte of each key.
const (
	recordSpace  = 'r'
	arrivalSpace = 'a'
	termSpace    = 't'
	markSpace    = 'm'
	alertSpace   = 'i'
	createdSpace = 'c' // of look-backs
	openSpace    = 'o'
	hitSpace     = 'h' // the same of hits
	openHitSpace = 'n'
	pendingSpace = 'p'
)

// spacesOf returns the spaces with the positions of alerts that a record of this kind creates: of all, and of those that are open.
func spacesOf(kind journal.Kind) (created, open byte) {
	if archive.OriginOf(kind) == archive.Hits {
		return hitSpace, openHitSpace
	}
	return createdSpace, openSpace
}

const (
	positionSize = 8 + 16 + 8
	periodSize   = 2
	termSize     = 16
	periodBits   = 51 // of the nanoseconds of a period
)

// position is an archive.Position whose order is that of its bytes.
type position [positionSize]byte

var lastPosition = position(bytes.Repeat([]byte{0xff}, positionSize))

func orderedTime(t time.Time) uint64 { return uint64(t.UnixNano()) ^ 1<<63 }

// representable says whether a time has a number of nanoseconds: the years 1678 to 2262.
func representable(t time.Time) bool { return time.Unix(0, t.UnixNano()).Equal(t) }

func positionOf(p archive.Position) position {
	var b position
	binary.BigEndian.PutUint64(b[:], orderedTime(p.Time))
	copy(b[8:], p.Writer[:])
	binary.BigEndian.PutUint64(b[24:], p.Sequence)
	return b
}

// boundary is like positionOf; a time that is not representable becomes the first or the last position.
func boundary(p archive.Position) position {
	switch {
	case representable(p.Time):
		return positionOf(p)
	case p.Time.Year() < 1970:
		return position{}
	}
	return lastPosition
}

func (p position) decode() archive.Position {
	return archive.Position{
		Time:     time.Unix(0, int64(binary.BigEndian.Uint64(p[:])^1<<63)).UTC(),
		Writer:   uuid.UUID(p[8:24]),
		Sequence: binary.BigEndian.Uint64(p[24:]),
	}
}

// next returns the position after p.
func (p position) next() position {
	for i := positionSize - 1; i >= 0; i-- {
		if p[i]++; p[i] != 0 {
			return p
		}
	}
	return lastPosition
}

func (p position) compare(o position) int { return bytes.Compare(p[:], o[:]) }

func (p position) period() uint16 {
	return uint16(binary.BigEndian.Uint64(p[:]) >> periodBits)
}

// periodEnd returns the first position after a period; lastPosition after the last one.
func periodEnd(period uint16) position {
	if period == math.MaxUint16>>(16-(64-periodBits)) {
		return lastPosition
	}
	var p position
	binary.BigEndian.PutUint64(p[:], uint64(period+1)<<periodBits)
	return p
}

func periodStart(period uint16) position {
	var p position
	binary.BigEndian.PutUint64(p[:], uint64(period)<<periodBits)
	return p
}

func appendPositionKey(b []byte, space byte, p position) []byte {
	return append(append(b, space), p[:]...)
}

func positionKey(space byte, p position) []byte { return appendPositionKey(nil, space, p) }

func arrivalKey(writer uuid.UUID, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{arrivalSpace}, writer[:]...), sequence)
}

func markKey(writer uuid.UUID) []byte { return append([]byte{markSpace}, writer[:]...) }

func alertKey(id string) []byte { return append([]byte{alertSpace}, id...) }

// term is the hash of a field and its value.
type term [termSize]byte

// The fields of terms. Their numbers are part of the format.
const (
	keyField byte = iota + 1
	listField
	resultField
	referenceField
	customerField
	byField
	kindField
	idField
)

func termOf(field byte, value string) term {
	var buf [128]byte
	h := sha256.Sum256(append(append(buf[:0], field), value...))
	return term(h[:termSize])
}

// appendTerms appends the terms of a record. Checks have none for their kind, which is that of nearly all records.
func appendTerms(terms []term, e *archive.Entry) []term {
	text := func(field byte, value string) {
		if value != "" {
			terms = append(terms, termOf(field, value))
		}
	}
	for i, k := range e.Terms.Keys {
		if !contains(e.Terms.Keys[:i], k) {
			terms = append(terms, termOf(keyField, string(k)))
		}
	}
	for _, l := range e.Terms.Lists {
		text(listField, l)
	}
	text(resultField, e.Terms.Result)
	text(referenceField, e.Terms.Reference)
	text(customerField, e.Terms.Customer)
	text(byField, e.Terms.By)
	if e.Kind != journal.Check {
		terms = append(terms, kindTerm(e.Kind))
	}
	if e.ID != uuid.Nil {
		terms = append(terms, termOf(idField, string(e.ID[:])))
	}
	return terms
}

func contains(keys []address.Key, k address.Key) bool {
	for _, o := range keys {
		if o == k {
			return true
		}
	}
	return false
}

func kindTerm(k journal.Kind) term { return termOf(kindField, string([]byte{byte(k)})) }

func appendTermKey(b []byte, t term, p position) []byte {
	b = binary.BigEndian.AppendUint16(append(b, termSpace), p.period())
	return append(append(b, t[:]...), p[:]...)
}

func periodKey(period uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{termSpace}, period)
}
