package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"interdict/lists/fault"
)

// A segment that was moved to an archive leaves a marker in its place: a small file with its name and the ending .archived, with a line of
// JSON, and a line with the CRC-32C of that. Only a valid marker makes readers report that records are archived. Otherwise records that are
// not there are damage.
const (
	archivedSuffix = ".archived"
	sealedSuffix   = ".zst"
	maxMarkerBytes = 4096
)

// marker is what a marker says.
type marker struct {
	Segment string    `json:"segment"`
	First   uint64    `json:"first"`
	Last    uint64    `json:"last"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Bytes   int64     `json:"bytes"`
	SHA256  string    `json:"sha256"`
	Archive string    `json:"archive"`
}

func (m marker) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(b, "\n%08x\n", crc32.Checksum(b, castagnoli)), nil
}

// decodeMarker decodes the marker in a file of this name.
func decodeMarker(name string, b []byte) (Segment, error) {
	line, _, _ := bytes.Cut(b, []byte{'\n'})
	var m marker
	if err := json.Unmarshal(line, &m); err != nil {
		return Segment{}, fmt.Errorf("the marker is damaged: %w", err)
	}
	if again, err := m.encode(); err != nil || !bytes.Equal(again, b) {
		return Segment{}, errors.New("the marker is damaged")
	}
	s, ok := parseName(name)
	digest, err := hex.DecodeString(m.SHA256)
	if !ok || m.Segment != strings.TrimSuffix(name, archivedSuffix)+sealedSuffix || m.First != s.first || m.Last < m.First || m.Last >= 1<<63 ||
		m.To.Before(m.From) || m.Bytes <= 0 || m.Archive == "" || err != nil || len(digest) != sha256.Size {
		return Segment{}, errors.New("the marker is not that of a segment of this name")
	}
	return Segment{
		Name: m.Segment, Writer: s.writer, Number: s.number, First: m.First, Last: m.Last, From: m.From.UTC(), To: m.To.UTC(),
		Bytes: m.Bytes, SHA256: [sha256.Size]byte(digest), Sealed: true, Archived: true, Archive: m.Archive, Format: s.version,
	}, nil
}

func readMarker(path string) (Segment, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Segment{}, err
	}
	return decodeMarker(filepath.Base(path), b[:min(len(b), maxMarkerBytes)])
}

// ArchivedError reports records that are not in the directory because their segments were moved to an archive. It is not damage.
type ArchivedError struct {
	Segments []Segment
}

func (e *ArchivedError) Error() string {
	var names []string
	for _, s := range e.Segments {
		names = append(names, fmt.Sprintf("%s (records %d to %d) in %s", s.Name, s.First, s.Last, s.Archive))
	}
	return "archived journal segments: " + strings.Join(names, ", ")
}

// FaultKind returns fault.Unavailable.
func (e *ArchivedError) FaultKind() fault.Kind { return fault.Unavailable }

// archived reports a segment that has only a marker.
func (r *reader) archived(s segmentInfo) bool {
	m, err := readMarker(s.path)
	if err != nil {
		first := max(s.first, r.from)
		if r.next = s.first; s.limit < 1<<63 {
			r.next = s.limit
		}
		return r.damage(DamageError{First: first, Missing: max(r.next, first) - first, Reason: err.Error()})
	}
	r.next = min(m.Last+1, s.limit)
	unwanted := r.skip != nil && r.skip(&block{minTime: m.From.UnixNano(), maxTime: m.To.UnixNano(), minID: s.from, maxID: s.to})
	return unwanted || r.next <= r.from || r.yield(Record{}, &ArchivedError{Segments: []Segment{m}})
}

// MarkArchived deletes a sealed segment in dir, of which archive has a copy, and leaves a marker. s comes from CheckSegment; archive is where
// readers are told that the records are. fault.Conflict: the segment is not what s says, or its raw file is still there.
// After a crash the segment is there, or the marker, or both.
func MarkArchived(dir string, s Segment, archive string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fault.E(fault.Unavailable, "mark %s as archived: %w", s.Name, err)
	}
	defer d.Close()
	if err := lockFile(d, unix.LOCK_EX); err != nil { // not while another process recovers, or does the same
		return fault.E(fault.Unavailable, "mark %s as archived: %w", s.Name, err)
	}
	if err := checkUnchanged(dir, s); err != nil {
		return err
	}
	path := filepath.Join(dir, strings.TrimSuffix(s.Name, sealedSuffix)+archivedSuffix)
	if stored, err := readMarker(path); err != nil || stored.SHA256 != s.SHA256 {
		if err := writeMarker(path, s, archive); err != nil {
			return fault.E(fault.Unavailable, "mark %s as archived: %w", s.Name, err)
		}
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, s.Name)), syncDir(dir)); err != nil {
		return fault.E(fault.Unavailable, "mark %s as archived: %w", s.Name, err)
	}
	return nil
}

// checkUnchanged compares a sealed segment with what is known of it, and demands that its raw file is gone: recovery could seal that again.
func checkUnchanged(dir string, s Segment) error {
	info, err := sealedSegment(dir, s.Name)
	if err != nil {
		return err
	}
	names, err := readNames(dir)
	if err != nil {
		return fault.E(fault.Unavailable, "mark %s as archived: %w", s.Name, err)
	}
	if rawSegments(names).has(info) {
		return fault.E(fault.Conflict, "mark %s as archived: its raw segment is still there", s.Name)
	}
	digest, err := fileDigest(info.path)
	if err != nil {
		return fault.E(fault.Unavailable, "mark %s as archived: %w", s.Name, err)
	}
	if digest != s.SHA256 {
		return fault.E(fault.Conflict, "mark %s as archived: it was changed, and is not the segment in the archive", s.Name)
	}
	return nil
}

func writeMarker(path string, s Segment, archive string) error {
	b, err := marker{
		Segment: s.Name, First: s.First, Last: s.Last, From: s.From, To: s.To, Bytes: s.Bytes, SHA256: hex.EncodeToString(s.SHA256[:]), Archive: archive,
	}.encode()
	if err == nil {
		_, err = decodeMarker(filepath.Base(path), b)
	}
	if err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(path), "seal-"+s.Name+".tmp") // recovery removes it after a crash
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := createSegment(temporary)
	if err != nil {
		return err
	}
	if _, err = f.file.Write(b); err == nil {
		err = f.file.Sync()
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, f.remove())
	}
	return errors.Join(f.file.Close(), syncDir(filepath.Dir(path)))
}
