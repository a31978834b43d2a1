package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
)

const (
	// DefaultSegmentBytes is the default of Options.SegmentBytes.
	DefaultSegmentBytes = 64 << 20

	// MinSegmentBytes is the smallest segment: any record fits into an empty one.
	MinSegmentBytes = MaxPayloadBytes + 4096

	// MaxSegmentBytes is the largest segment.
	MaxSegmentBytes = 1 << 30

	// DefaultMaxAge is the default of Options.MaxAge.
	DefaultMaxAge = 24 * time.Hour
)

// Options configure a journal. Zero values are the defaults.
type Options struct {
	// SegmentBytes is the disk space that is reserved for a segment, MinSegmentBytes to MaxSegmentBytes. An open journal has one
	// such file, or two when the next one is prepared. Zero means DefaultSegmentBytes.
	SegmentBytes int

	// MaxAge is the age, counted from its first record, at which a segment is sealed even if it is
	// not full. Zero means DefaultMaxAge.
	MaxAge time.Duration

	// SyncAll makes every append durable.
	SyncAll bool

	// Proof returns the log that gets every record of this writer after it has reached the disk; nil: there is none.
	Proof func(writer uuid.UUID) (Appender, error)

	// Now is the clock for segment headers, seals and Stats. Nil means time.Now.
	Now func() time.Time

	// Logger logs recovery, damage and disk errors, never a payload. Nil means no logging.
	Logger *slog.Logger
}

// Entry is one record to be appended.
type Entry struct {
	Kind    Kind      // never zero
	ID      uuid.UUID // by which Find finds the record; zero: none
	Time    time.Time // time of the event, stored as Unix nanoseconds: years 1678 to 2262
	Payload []byte    // at most MaxPayloadBytes; copied, so that the caller can reuse it

	sum uint32 // checksum of the payload, computed before the lock is taken
}

// Journal appends records to segments in one directory. Its methods are safe for concurrent use.
type Journal struct {
	dir          string
	writer       uuid.UUID
	salt         uint32
	segmentBytes int64
	maxAge       time.Duration
	syncAll      bool
	now          func() time.Time
	log          *slog.Logger
	disk         disk
	proof        Appender
	recovered    Recovery

	mu      sync.Mutex
	next    uint64   // sequence number of the next record
	pending *batch   // records that wait for the running write; nil: none
	free    []*batch // for reuse
	writing bool     // a goroutine writes; it alone changes active, spare and number
	idle    sync.Cond

	active   *segment   // receives records; nil when closed
	spare    *segment   // the next active segment, prepared; nil while it is not needed yet
	number   int        // of the last segment created
	unsynced []*segment // retired and not known to be on disk, in order
	retired  []*segment // not sealed yet, in order
	tail     tail

	spareErr error // why the last attempt to create a segment failed
	refusal  error // why appends fail: the records so far must go to another file first
	lost     bool  // the file of the active segment is gone
	closed   bool

	records, bytes, refused, rotations uint64

	lastErr   error
	lastErrAt time.Time
	proven    uint64
	sealed    uint64 // sequence number of the last record in a sealed segment
	proofErr  error

	commit commit

	keepNow, sealNow, proveNow chan struct{} // capacity 1
	quit, quitSeal, quitProof  chan struct{}
	keeper, sealer, prover     sync.WaitGroup
}

var errClosed = fault.E(fault.Unavailable, "append to journal: it is closed")

// Open creates dir (mode 0700) if necessary, recovers the segments of crashed writers in it, and
// starts a new writer with its own identity and segments. Several journals, in one process or
// in several, can be open in one directory. fault.Unavailable: the directory cannot be written;
// fault.Invalid: the options are wrong.
func Open(dir string, opts Options) (*Journal, error) {
	return open(dir, opts, realDisk)
}

func open(dir string, opts Options, disk disk) (*Journal, error) {
	if opts.SegmentBytes == 0 {
		opts.SegmentBytes = DefaultSegmentBytes
	}
	if opts.SegmentBytes < MinSegmentBytes || opts.SegmentBytes > MaxSegmentBytes {
		return nil, fault.E(fault.Invalid, "open journal: segment size is %d bytes; it must be %d to %d", opts.SegmentBytes, MinSegmentBytes, MaxSegmentBytes)
	}
	if opts.MaxAge == 0 {
		opts.MaxAge = DefaultMaxAge
	}
	if opts.MaxAge < 0 {
		return nil, fault.E(fault.Invalid, "open journal: negative maximum age %s", opts.MaxAge)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "open journal: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.E(fault.Unavailable, "open journal: %w", err)
	}
	writer, err := uuid.NewV7()
	if err != nil {
		return nil, fault.E(fault.Unavailable, "open journal: %w", err)
	}
	if err := refuseNewer(dir); err != nil {
		return nil, err
	}
	recovered, err := recoverDir(dir, opts.Now, opts.Logger)
	if err != nil {
		return nil, err
	}
	var salt [4]byte
	rand.Read(salt[:]) // never fails
	j := &Journal{
		dir: dir, writer: writer, salt: binary.LittleEndian.Uint32(salt[:]), next: 1,
		segmentBytes: int64(opts.SegmentBytes), maxAge: opts.MaxAge, syncAll: opts.SyncAll, now: opts.Now, log: opts.Logger, disk: disk,
		recovered: recovered,
		keepNow:   make(chan struct{}, 1), sealNow: make(chan struct{}, 1), proveNow: make(chan struct{}, 1),
		quit: make(chan struct{}), quitSeal: make(chan struct{}), quitProof: make(chan struct{}),
	}
	j.idle.L = &j.mu
	j.commit.ended.L = &j.commit.mu
	if opts.Proof != nil {
		if j.proof, err = opts.Proof(writer); err != nil {
			return nil, err
		}
		j.tail.keep = true
	}
	j.number = 1
	s, err := j.newSegment(1, j.segmentBytes)
	if err != nil {
		return nil, err
	}
	if err = j.begin(s, 1); err == nil {
		err = s.sync(disk)
	}
	if err != nil {
		return nil, fault.E(fault.Unavailable, "open journal: %w", errors.Join(err, s.remove()))
	}
	j.active = s
	j.keeper.Go(j.keep)
	j.sealer.Go(j.seal)
	if j.proof != nil {
		j.prover.Go(j.prove)
	}
	return j, nil
}

// Writer returns the identity of this writer.
func (j *Journal) Writer() uuid.UUID { return j.writer }

// Append appends one record without an id. It is AppendBatch with one entry.
func (j *Journal) Append(kind Kind, at time.Time, payload []byte, durable bool) error {
	entries := [1]Entry{{Kind: kind, Time: at, Payload: payload}}
	return j.AppendBatch(entries[:], durable)
}

// AppendBatch appends the entries as records, in order. After
// it returns nil, all of them survive the death of the process. With durable they also survive
// the loss of power, as do all records that this journal appended before.
//
// After an error some can be missing: the caller must not send the answers that they record. The error is
// fault.Invalid for an invalid entry (then none was written), and fault.Unavailable
// while the disk is full or failing or if the journal is closed. AppendBatch waits for the disk only
// with durable, or if the disk is far behind.
//
// The entries must not be used elsewhere during the call.
func (j *Journal) AppendBatch(entries []Entry, durable bool) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind == 0 || len(e.Payload) > MaxPayloadBytes {
			return fault.E(fault.Invalid, "append to journal: entry %d has kind %d and %d bytes; it must have a kind and at most %d bytes", i, e.Kind, len(e.Payload), MaxPayloadBytes)
		}
		e.sum = payloadSum(e.Payload)
	}
	last, behind, err := j.write(entries)
	if err == nil && (durable || behind || j.syncAll) {
		err = j.await(last)
	}
	if err != nil {
		j.mu.Lock()
		j.refused++
		j.mu.Unlock()
	}
	return err
}

// fail records an error for Stats. The caller holds mu.
func (j *Journal) fail(err error) { j.lastErr, j.lastErrAt = err, j.now() }

// Close writes all records to disk, seals the segments and waits for the background goroutines. It returns an error if
// records could not be written to disk; the next Open recovers them, as after a
// crash. Later appends fail. A second Close does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.mu.Unlock()
	close(j.quit)
	j.keeper.Wait()

	j.mu.Lock()
	for j.writing || j.pending != nil {
		j.idle.Wait()
	}
	if j.active != nil {
		j.retire()
	}
	spare := j.spare
	j.spare = nil
	last := j.next - 1
	j.mu.Unlock()

	var err error
	if last > 0 {
		err = j.await(last)
	}
	close(j.quitSeal)
	j.sealer.Wait()
	j.commit.end()
	close(j.quitProof)
	j.prover.Wait()

	if spare != nil {
		err = errors.Join(err, spare.remove())
	}
	for _, s := range j.retired {
		err = errors.Join(err, fault.E(fault.Unavailable, "close journal: %s is not sealed: %w", s.path, j.lastErr), s.file.Close())
	}
	return err
}

// wake wakes the goroutine that receives from ch, at the latest when it receives next.
func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
