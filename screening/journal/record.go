package journal

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

// Kind is the type of a record. Its number is part of the file format and never changes.
type Kind uint8

const (
	Check      Kind = iota + 1 // a decision: one address screened, hit or miss
	ListChange                 // a list created, or its settings changed
	Upload                     // a version staged
	Approval                   // a version approved
	Rejection                  // a version rejected
	Activation                 // a version made active: a new generation
	Rollback                   // an earlier version made active again: a new generation
	KeyCreated                 // an API key created
	KeyRevoked                 // an API key revoked
	Key                        // any change of a key or an account
	SignIn                     // a sign-in, or an attempt
	Denied                     // a change that was denied
	Proposal                   // a change proposed, withdrawn or decided on
	Checkpoint                 // a signed state of the proof log
	LookBack                   // an earlier check of an address that has become listed
)

var kinds = [...]string{"", "check", "list change", "upload", "approval", "rejection", "activation", "rollback", "key created", "key revoked",
	"key", "sign-in", "denied", "proposal", "checkpoint", "look-back"}

func (k Kind) String() string {
	if k > 0 && int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Kinds returns the names of all kinds.
func Kinds() []string { return slices.Clone(kinds[1:]) }

// KindOf returns the kind of a name.
func KindOf(name string) (Kind, bool) {
	i := slices.Index(kinds[:], name)
	return Kind(i), i > 0
}

// Record is one record, as readers get it.
type Record struct {
	Writer      uuid.UUID // zero if the header of a segment of format 1 is damaged
	Sequence    uint64    // 1, 2, 3 … for each writer
	Kind        Kind
	ID          uuid.UUID // given by the caller; zero: none
	Time        time.Time // given by the caller, in UTC
	Payload     []byte    // as appended; valid until the next step of the iteration
	File        string    // of the segment
	OffsetBytes int64     // of the record in the file; of its block in a sealed segment
}

// Bytes returns the canonical form of the record: it never changes, whatever file the record is in. Two records are the same if
// and only if their canonical forms are. Numbers are big-endian:
//
//	 0  form      uint8: 1
//	 1  writer    16 bytes
//	17  sequence  uint64
//	25  kind      uint8
//	26  time      int64: Unix nanoseconds
//	34  id        16 bytes; zeros: none
//	50  payload
func (r *Record) Bytes() []byte { return r.AppendBytes(make([]byte, 0, 50+len(r.Payload))) }

// AppendBytes appends the canonical form to b.
func (r *Record) AppendBytes(b []byte) []byte {
	b = append(b, 1)
	b = append(b, r.Writer[:]...)
	b = binary.BigEndian.AppendUint64(b, r.Sequence)
	b = append(b, byte(r.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time.UnixNano()))
	b = append(b, r.ID[:]...)
	return append(b, r.Payload...)
}

// DamageError reports that a segment was changed, or that it is missing.
type DamageError struct {
	File        string
	OffsetBytes int64  // start of the damage
	LengthBytes int64  // number of bytes that are not valid records; zero if bytes are missing
	First       uint64 // first missing sequence number
	Missing     uint64 // number of missing records from First on; zero if unknown
	Reason      string
}

func (e *DamageError) Error() string {
	text := fmt.Sprintf("journal segment %s is damaged at offset %d: %s", e.File, e.OffsetBytes, e.Reason)
	if e.LengthBytes > 0 {
		text += fmt.Sprintf(", %d bytes", e.LengthBytes)
	}
	if e.Missing > 0 {
		text += fmt.Sprintf(", records %d to %d are missing", e.First, e.First+e.Missing-1)
	}
	return text
}

// FaultKind returns fault.Unavailable.
func (e *DamageError) FaultKind() fault.Kind { return fault.Unavailable }

// ParseRecord is the inverse of Bytes. The payload is a part of b.
func ParseRecord(b []byte) (Record, error) {
	if len(b) < 50 || b[0] != 1 {
		return Record{}, fault.E(fault.Invalid, "%d bytes are not the canonical form of a record", len(b))
	}
	return Record{Writer: uuid.UUID(b[1:17]), Sequence: binary.BigEndian.Uint64(b[17:]), Kind: Kind(b[25]),
		Time: time.Unix(0, int64(binary.BigEndian.Uint64(b[26:]))).UTC(), ID: uuid.UUID(b[34:50]), Payload: b[50:]}, nil
}
