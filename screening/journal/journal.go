package journal

import (
	"crypto/sha256"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
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
	// SegmentBytes is the size a segment is allocated with, MinSegmentBytes to MaxSegmentBytes.
	// An open journal has one such file, or two when the next one is prepared. A sealed
	// segment is only as large as its records. Zero means DefaultSegmentBytes.
	SegmentBytes int

	// MaxAge is the age, counted from its first record, at which a segment is sealed even if it is
	// not full. Zero means DefaultMaxAge.
	MaxAge time.Duration

	// Now is the clock for segment headers, seals and Stats. Nil means time.Now.
	Now func() time.Time

	// Logger logs recovery, damage and disk errors, never a payload. Nil means no logging.
	Logger *slog.Logger
}

// Entry is one record to be appended.
type Entry struct {
	Kind    Kind      // never zero
	Time    time.Time // time of the event, stored as Unix nanoseconds: years 1678 to 2262
	Payload []byte    // JSON, at most MaxPayloadBytes; copied, so that the caller can reuse it

	sum uint32 // checksum of the payload, computed before the lock is taken
}

// Journal appends records to segments in one directory. Its methods are safe for concurrent use.
type Journal struct {
	dir          string
	writer       uuid.UUID
	segmentBytes int
	maxAge       time.Duration
	now          func() time.Time
	log          *slog.Logger
	disk         disk
	recovered    Recovery

	mu         sync.Mutex
	ready      sync.Cond  // signals that a spare is ready or could not be created, or that the journal is closed
	active     *segment   // receives records; nil after a failure until the next append, and when closed
	spare      *segment   // the next active segment, prepared; nil while it is not needed yet
	next       uint64     // sequence number of the next record
	wanted     bool       // an append waits for the spare
	wake       int        // the preparer is woken when active.used reaches it
	unsynced   []*segment // retired and not known to be on disk, in order
	sealing    []*segment // retired and not sealed yet, in order
	spareErr   error      // why the last attempt to make a spare failed
	refusal    error      // why appends fail: records could not be written to disk
	closed     bool
	records    uint64
	bytes      uint64
	refused    uint64
	rotations  uint64
	lastErr    error
	lastErrAt  time.Time
	prepareNow chan struct{} // capacity 1
	sealNow    chan struct{} // capacity 1

	commit commit

	previous [sha256.Size]byte // digest of the segment sealed last; used by the sealer only

	quit       chan struct{}
	background sync.WaitGroup
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
	writer, err := uuid.NewV7()
	if err != nil {
		return nil, fault.E(fault.Unavailable, "open journal: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.E(fault.Unavailable, "open journal: %w", err)
	}

	j := &Journal{
		dir: dir, writer: writer, segmentBytes: opts.SegmentBytes, maxAge: opts.MaxAge,
		now: opts.Now, log: opts.Logger.With("journal", dir), disk: disk,
		next:       1,
		prepareNow: make(chan struct{}, 1), sealNow: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	j.ready.L = &j.mu
	j.commit.ended.L = &j.commit.mu
	if j.recovered, err = recoverDir(dir, j.now, j.log); err != nil {
		return nil, err
	}
	if j.spare, err = newSegment(dir, j.segmentBytes, disk); err != nil {
		return nil, err
	}
	if err := j.rotate(); err != nil {
		return nil, err
	}
	if err := j.active.sync(disk, headerBytes); err != nil {
		return nil, fault.E(fault.Unavailable, "open journal: %w", errors.Join(err, j.active.remove()))
	}
	j.background.Go(j.prepare)
	j.background.Go(j.seal)
	return j, nil
}

// Append appends one record. It is AppendBatch with one entry.
func (j *Journal) Append(kind Kind, at time.Time, payload []byte, durable bool) error {
	entries := [1]Entry{{Kind: kind, Time: at, Payload: payload}}
	return j.AppendBatch(entries[:], durable)
}

// AppendBatch appends the entries as records, in order, with one lock. After
// it returns nil, all of them survive the death of the process. With durable they also survive
// the loss of power, as do all records that this journal appended before.
//
// After an error some can be missing: the caller must not send the answers that they record. The error is
// fault.Invalid for an invalid entry (then none was written), and fault.Unavailable
// while the disk is full or failing or if the journal is closed. AppendBatch waits for the disk only
// with durable, or if the next segment is not ready.
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
	last, due, err := j.write(entries)
	if due {
		wake(j.prepareNow)
	}
	if err == nil && durable {
		err = j.await(last)
	}
	if err != nil {
		j.mu.Lock()
		j.refused++
		j.mu.Unlock()
	}
	return err
}

// write copies the entries to the mapped memory of the active segment, and of the next
// one if it is full. It returns the sequence number of the last, and whether to wake the
// preparer.
func (j *Journal) write(entries []Entry) (last uint64, due bool, err error) {
	faulting := debug.SetPanicOnFault(true)
	j.mu.Lock()
	defer j.unlock(faulting, &err)

	for i := range entries {
		e := &entries[i]
		size := frameBytes + len(e.Payload)
		for j.active == nil || j.refusal != nil || len(j.active.mem)-j.active.used < size {
			if err := j.advance(); err != nil {
				return 0, due, err
			}
		}
		s := j.active
		putFrame(s.mem[s.used:s.used+size], s.mask, j.next, e)
		s.used += size
		j.next++
		j.records++
		j.bytes += uint64(size)
		if s.used >= j.wake {
			j.wake, due = math.MaxInt, true
		}
	}
	return j.next - 1, due, nil
}

// unlock ends write. Access to mapped memory faults (SIGBUS) if the disk fails or the file was
// truncated. unlock turns the fault into an error and abandons the segment.
func (j *Journal) unlock(faulting bool, err *error) {
	debug.SetPanicOnFault(faulting)
	defer j.mu.Unlock()
	cause := recover()
	if cause == nil {
		return
	}
	at, ok := cause.(interface{ Addr() uintptr })
	if !ok || j.active == nil || !j.active.holds(at.Addr()) {
		panic(cause)
	}
	*err = fault.E(fault.Unavailable, "append to journal: memory fault in %s at offset %d: the disk failed or the file was truncated", j.active.path, j.active.used)
	j.fail(*err)
	j.abandon(j.active)
}

// advance rotates to the spare or waits for one, or returns why that is impossible.
// The caller holds mu and checks again afterwards whether the active segment has room.
func (j *Journal) advance() error {
	switch {
	case j.closed:
		return errClosed
	case j.refusal != nil:
		return j.refusal
	case j.spare != nil:
		return j.rotate()
	}
	j.wanted = true
	if j.spareErr != nil {
		return j.spareErr
	}
	wake(j.prepareNow)
	j.ready.Wait()
	return nil
}

// rotate makes the spare the active segment and retires the one before. The caller holds mu.
// After an error there is no spare, and the active segment stays.
func (j *Journal) rotate() error {
	if err := j.spare.begin(j.dir, j.writer, j.next, j.now()); err != nil {
		j.spareErr = errors.Join(err, j.spare.remove())
		j.spare = nil
		j.fail(j.spareErr)
		wake(j.prepareNow)
		return j.spareErr
	}
	if j.active != nil {
		j.retire()
		j.rotations++
	}
	j.active, j.spare, j.wake = j.spare, nil, 0
	return nil
}

// retire hands the active segment to the sealer. The caller holds mu.
func (j *Journal) retire() {
	s := j.active
	s.next = j.next
	if !s.empty() {
		j.unsynced = append(j.unsynced, s)
	}
	j.sealing = append(j.sealing, s)
	j.active = nil
	wake(j.sealNow)
}

// abandon marks a segment whose write or sync failed. It is never written or synced again, and its records
// that are not on disk are copied to another file. The caller holds mu.
func (j *Journal) abandon(s *segment) {
	s.broken = true
	if s == j.active {
		j.retire()
	}
}

// fail records an error for Stats. The caller holds mu.
func (j *Journal) fail(err error) { j.lastErr, j.lastErrAt = err, j.now() }

// Close seals the segments and waits for the background goroutines. It returns an error if
// records could not be written to disk; the next Open recovers them, as after a
// crash. Later appends fail. A second Close does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	if j.active != nil {
		j.retire()
	}
	j.ready.Broadcast()
	j.mu.Unlock()

	close(j.quit)
	j.background.Wait()
	j.commit.end()

	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	for _, s := range j.sealing {
		err = errors.Join(err, fault.E(fault.Unavailable, "close journal: %s is not sealed: %w", s.path, j.lastErr), s.release())
	}
	if j.spare != nil {
		err = errors.Join(err, j.spare.remove())
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
