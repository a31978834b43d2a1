package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
)

// Names of objects. That of a manifest has all that a search needs, so that manifests are read only of the segments that are.
const (
	segmentsFolder  = "/segments/"
	manifestsFolder = "/manifests/"
	expiredFolder   = "/expired/"
	keysFolder      = "keys/"
	logsFolder      = "logs/" // then the writer
	segmentSuffix   = ".zst"
	jsonSuffix      = ".json"
)

// Manifest describes a segment in the bucket.
type Manifest struct {
	Format   int       `json:"format"` // 1
	Segment  string    `json:"segment"`
	Writer   uuid.UUID `json:"writer"`
	Number   uint32    `json:"number"`
	First    uint64    `json:"first"` // sequence numbers
	Last     uint64    `json:"last"`
	Missing  uint64    `json:"missing"` // records in between that were lost before the segment was sealed
	From     time.Time `json:"from"`    // the earliest and the latest time of a record
	To       time.Time `json:"to"`
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256"`
	Previous string    `json:"previous"` // SHA-256 of the writer's segment before; empty: it is the first, or the one before was not sealed then
}

func manifestOf(s journal.Segment) Manifest {
	m := Manifest{
		Format: 1, Segment: s.Name, Writer: s.Writer, Number: s.Number, First: s.First, Last: s.Last, Missing: s.Missing,
		From: s.From, To: s.To, Bytes: s.Bytes, SHA256: hex.EncodeToString(s.SHA256[:]),
	}
	if s.Previous != [sha256.Size]byte{} {
		m.Previous = hex.EncodeToString(s.Previous[:])
	}
	return m
}

// Encode returns the bytes of the manifest's object.
func (m Manifest) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}

// ParseManifest parses the bytes of a manifest's object. It accepts only what Encode writes, and what agrees with the name of the segment.
func ParseManifest(b []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{}, fault.E(fault.Invalid, "manifest: %w", err)
	}
	if m.Format != 1 {
		return Manifest{}, fault.E(fault.Invalid, "manifest of format %d; this program reads format 1", m.Format)
	}
	span, ok := journal.ParseSegmentName(m.Segment)
	switch again, encodeErr := m.Encode(); {
	case encodeErr != nil || !bytes.Equal(again, b):
		return Manifest{}, fault.E(fault.Invalid, "manifest of %s: it is not in the form that is written", m.Segment)
	case !ok || span.Writer != m.Writer || span.Number != m.Number || span.First != m.First:
		return Manifest{}, fault.E(fault.Invalid, "manifest: segment %q is not the one it describes", m.Segment)
	case m.Last < m.First || m.Last > math.MaxInt64 || m.Missing > m.Last-m.First || m.To.Before(m.From) || m.Bytes <= 0:
		return Manifest{}, fault.E(fault.Invalid, "manifest of %s: impossible numbers or times", m.Segment)
	case !isDigest(m.SHA256) || m.Previous != "" && !isDigest(m.Previous):
		return Manifest{}, fault.E(fault.Invalid, "manifest of %s: not a SHA-256", m.Segment)
	}
	return m, nil
}

func isDigest(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == sha256.Size && text == strings.ToLower(text)
}

func (m Manifest) object() string {
	return fmt.Sprintf("%s%s%s-%020d%s", m.Writer, manifestsFolder, strings.TrimSuffix(m.Segment, segmentSuffix), m.Last, jsonSuffix)
}

// entry is a segment that the bucket has, or had.
type entry struct {
	journal.SegmentSpan
	name      string // of the segment
	last      uint64 // sequence number of the last record; unknown without a manifest
	limit     uint64 // the first sequence number that a later segment has
	bytes     int64  // of the object, as it was listed; zero: it is missing
	manifests []string
	expired   bool
}

func (e *entry) object() string { return e.Writer.String() + segmentsFolder + e.name }
func (e *entry) expiry() string { return e.Writer.String() + expiredFolder + e.name + jsonSuffix }

// end is the sequence number after the last record that counts.
func (e *entry) end() uint64 { return min(e.last+1, e.limit) }

// entryOf returns the segment that an object belongs to; ok is false for other objects.
func entryOf(o Object) (e entry, ok bool) {
	writer, rest, ok := strings.Cut(o.Name, "/")
	if !ok {
		return entry{}, false
	}
	rest = "/" + rest
	switch {
	case strings.HasPrefix(rest, segmentsFolder):
		e.name, e.bytes = rest[len(segmentsFolder):], o.Bytes
	case strings.HasPrefix(rest, expiredFolder):
		e.name, e.expired = strings.TrimSuffix(rest[len(expiredFolder):], jsonSuffix), true
	case strings.HasPrefix(rest, manifestsFolder):
		name := strings.TrimSuffix(rest[len(manifestsFolder):], jsonSuffix)
		i := strings.LastIndexByte(name, '-')
		if i < 0 {
			return entry{}, false
		}
		var err error
		if e.last, err = strconv.ParseUint(name[i+1:], 10, 63); err != nil || !strings.HasSuffix(rest, jsonSuffix) {
			return entry{}, false
		}
		e.name, e.manifests = name[:i]+segmentSuffix, []string{o.Name}
	default:
		return entry{}, false
	}
	e.SegmentSpan, ok = journal.ParseSegmentName(e.name)
	return e, ok && e.Writer.String() == writer
}
