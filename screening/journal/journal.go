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
	// DefaultSegmentBytes is the size of a segment when Options does not say.
	DefaultSegmentBytes = 64 << 20

	// MinSegmentBytes is the smallest segment: any record fits into an empty one.
	MinSegmentBytes = MaxPayloadBytes + 4096

	// MaxSegmentBytes is the largest segment.
	MaxSegmentBytes = 1 << 30

	// DefaultMaxAge is how long a segment takes records when Options does not say.
	DefaultMaxAge = 24 * time.Hour
)

// Options adjust a journal. The zero value is the default of each.
type Options struct {
	// SegmentBytes is the size a segment is allocated with, MinSegmentBytes to MaxSegmentBytes.
	// A live journal holds one such file, or two while the next one stands ready; a sealed
	// segment takes only what its records need. Zero means DefaultSegmentBytes.
	SegmentBytes int

	// MaxAge is how long a segment takes records before the next one follows, even if it is
	// not full. A segment without records does not age. Zero means DefaultMaxAge.
	MaxAge time.Duration

	// Now dates segment headers, seals and the figures of Stats. Nil means time.Now.
	Now func() time.Time

	// Logger hears of recovery, damage and failing disks. No payload is ever logged. Nil discards.
	Logger *slog.Logger
}

// Entry is one record to be appended.
type Entry struct {
	Kind    Kind      // never zero
	Time    time.Time // when it happened; kept as Unix nanoseconds, years 1678 to 2262
	Payload []byte    // JSON, at most MaxPayloadBytes; copied, so the caller may reuse it

	sum uint32 // checksum of the payload, computed before the lock is taken
}

// Journal appends records to segments in one directory. Its methods may be called from many
// goroutines at once.
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
	ready      sync.Cond  // a spare is there, or could not be made, or the journal is closed
	active     *segment   // takes records; nil after a failure until the next append, and when closed
	spare      *segment   // allocated and mapped, to become active; nil while it is not needed yet
	next       uint64     // sequence number of the next record
	wanted     bool       // somebody needs the spare
	wake       int        // the preparer is woken when active.used reaches it
	unsynced   []*segment // retired and not known to be on disk, in order
	sealing    []*segment // retired and not sealed yet, in order
	spareErr   error      // why the last attempt to make a spare failed
	refusal    error      // why nothing is accepted: records could not be brought to disk
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

	previous [sha256.Size]byte // digest of the segment sealed last; the sealer's alone

	quit       chan struct{}
	background sync.WaitGroup
}

var errClosed = fault.E(fault.Unavailable, "append to journal: it is closed")

// Open recovers what crashed writers left in dir, which it creates if need be (mode 0700), and
// begins a new writer with its own identity and segments. Several journals, of one process or
// of several, may be open in one directory. A directory that cannot be written is
// fault.Unavailable, wrong options are fault.Invalid.
func Open(dir string, opts Options) (*Journal, error) {
	return open(dir, opts, realDisk)
}

func open(dir string, opts Options, disk disk) (*Journal, error) {
	if opts.SegmentBytes == 0 {
		opts.SegmentBytes = DefaultSegmentBytes
	}
	if opts.SegmentBytes < MinSegmentBytes || opts.SegmentBytes > MaxSegmentBytes {
		return nil, fault.E(fault.Invalid, "open journal: segments of %d bytes, want %d to %d", opts.SegmentBytes, MinSegmentBytes, MaxSegmentBytes)
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

// Append writes one record; it is AppendBatch of one entry.
func (j *Journal) Append(kind Kind, at time.Time, payload []byte, durable bool) error {
	entries := [1]Entry{{Kind: kind, Time: at, Payload: payload}}
	return j.AppendBatch(entries[:], durable)
}

// AppendBatch writes the entries as records, in order, taking the lock once. When
// it returns nil, all of them survive the death of the process; with durable they also survive
// the loss of power, and so does every record this journal took before them.
//
// An error means that some may be missing: nothing that they record may be answered. It is
// fault.Invalid for an entry that is no record (then none was written), and fault.Unavailable
// while the disk is full or failing or when the journal is closed. It waits for the disk only
// when durable is set, or when the next segment is not there yet.
//
// The entries must not be used by others during the call.
func (j *Journal) AppendBatch(entries []Entry, durable bool) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind == 0 || len(e.Payload) > MaxPayloadBytes {
			return fault.E(fault.Invalid, "append to journal: entry %d: kind %d with %d bytes, want a kind and at most %d bytes", i, e.Kind, len(e.Payload), MaxPayloadBytes)
		}
		e.sum = payloadSum(e.Payload)
	}
	last, due, err := j.write(entries)
	if due {
		nudge(j.prepareNow)
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

// write puts the entries into the mapped memory of the active segment, going on to the next
// one when it is full. It returns the sequence number of the last, and whether the preparer is
// to be woken.
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

// unlock ends write. Mapped memory faults (SIGBUS) when the disk behind it fails or somebody
// cut the file: that is turned into an error, and the segment is given up.
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
	*err = fault.E(fault.Unavailable, "append to journal: %s faulted at offset %d", j.active.path, j.active.used)
	j.fail(*err)
	j.condemn(j.active)
}

// advance brings the journal nearer to an active segment with room, or tells why there is none.
// The caller holds mu and looks again afterwards.
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
	nudge(j.prepareNow)
	j.ready.Wait()
	return nil
}

// rotate makes the spare the active segment and retires the one before. The caller holds mu.
// On an error the spare is gone, and the active segment stays.
func (j *Journal) rotate() error {
	if err := j.spare.begin(j.dir, j.writer, j.next, j.now()); err != nil {
		j.spareErr = errors.Join(err, j.spare.remove())
		j.spare = nil
		j.fail(j.spareErr)
		nudge(j.prepareNow)
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
	nudge(j.sealNow)
}

// condemn marks a segment that the disk failed: it is never written or synced again, and what
// is not on disk yet is copied to another file. The caller holds mu.
func (j *Journal) condemn(s *segment) {
	s.broken = true
	if s == j.active {
		j.retire()
	}
}

// fail keeps an error for Stats. The caller holds mu.
func (j *Journal) fail(err error) { j.lastErr, j.lastErrAt = err, j.now() }

// Close seals what was appended and waits for the background to end. It returns an error if
// records could not be brought to disk; they are then found by the next Open, as after a
// crash. Appends fail from now on; those under way end. A second Close does nothing.
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

// nudge wakes the goroutine behind ch, at once or when it is done with what it does.
func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
