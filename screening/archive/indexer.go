package archive

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
)

const (
	// indexEvery is how often new records are looked for.
	indexEvery = 200 * time.Millisecond
	// batchEntries and batchBytes are the most that one Add gets.
	batchEntries = 1000
	pacedEntries = 200 // of indexing that gives way to checks
	batchBytes   = 4 << 20
	yieldEvery   = 20 // entries
	// inFlight is the longest time between the time in a record and its place in the journal: that of a check that waits for the store and the disk.
	inFlight = 10 * time.Second
)

// Source is where records are read from.
type Source interface {
	// Writers returns the writers in order of their start.
	Writers(ctx context.Context) ([]journal.WriterInfo, error)
	// ReadFrom yields the records of a writer from a sequence number on, as journal.ReadFrom does.
	ReadFrom(ctx context.Context, writer uuid.UUID, sequence uint64) iter.Seq2[journal.Record, error]
}

// Folder is the source of a journal's folder.
type Folder string

// Writers returns the writers in the folder.
func (f Folder) Writers(context.Context) ([]journal.WriterInfo, error) {
	return journal.Writers(string(f))
}

// ReadFrom yields the records of a writer.
func (f Folder) ReadFrom(ctx context.Context, writer uuid.UUID, sequence uint64) iter.Seq2[journal.Record, error] {
	return journal.ReadFrom(ctx, string(f), writer, sequence)
}

// Indexer fills an index from the journal of this machine: it follows every writer that it finds there. Several may fill one index, also from one
// journal.
type Indexer struct {
	Index  Index
	Source Source
	Node   string // name of this machine
	Log    *slog.Logger
	Now    func() time.Time
	// Written returns how many records this process has written. While it writes many, and its processors are busy, indexing gives way and falls
	// behind. Nil: it never does.
	Written func() uint64

	pace   pace
	mu     sync.Mutex
	marks  map[uuid.UUID]Mark // of the writers of the source
	behind error
	since  time.Time
}

// Status is the state of an indexer.
type Status struct {
	Records uint64    // of this machine's writers that are in the index
	Error   error     // why it is behind; nil if it is not
	Since   time.Time // since when
}

// Status returns the present state.
func (x *Indexer) Status() Status {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := Status{Error: x.behind, Since: x.since}
	for _, m := range x.marks {
		s.Records += m.Sequence
	}
	return s
}

// Records returns how many records of this machine's writers are in the index.
func (x *Indexer) Records() uint64 { return x.Status().Records }

// Indexed returns up to which sequence number the records of a writer are in the index.
func (x *Indexer) Indexed(writer uuid.UUID) uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.marks[writer].Sequence
}

// Run fills the index until ctx ends. While the index is away it tries again and again.
func (x *Indexer) Run(ctx context.Context) {
	for {
		err := x.Once(ctx)
		if ctx.Err() != nil {
			return
		}
		x.note(err)
		wait := indexEvery
		if err != nil {
			wait = 2 * time.Second
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (x *Indexer) note(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case err == nil && x.behind != nil:
		x.Log.Info("the index of the record is filled again", "index", x.Index.Describe(), "after", x.Now().Sub(x.since).Round(time.Second).String())
		x.behind, x.since = nil, time.Time{}
	case err != nil && x.behind == nil:
		x.Log.Error("the index of the record is behind", "index", x.Index.Describe(), "error", err)
		x.behind, x.since = err, x.Now()
		x.marks = nil // the index may have been cleared
	case err != nil:
		x.behind, x.marks = err, nil
	}
}

// Once indexes all records that exist now.
func (x *Indexer) Once(ctx context.Context) error {
	if x.pace.now == nil {
		x.pace = pace{written: x.Written, used: processors, now: time.Now}
	}
	if x.marks == nil {
		if err := x.readMarks(ctx); err != nil {
			return err
		}
	}
	writers, err := x.Source.Writers(ctx)
	if err != nil {
		return err
	}
	for _, w := range writers {
		if w.ID == uuid.Nil {
			continue // its header is damaged; the verification tells
		}
		x.mu.Lock()
		m := x.marks[w.ID]
		x.mu.Unlock()
		if m.Ended {
			continue
		}
		if err := x.follow(ctx, w, m); err != nil {
			return err
		}
	}
	return nil
}

func (x *Indexer) readMarks(ctx context.Context) error {
	all, err := x.Index.Marks(ctx)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.marks = map[uuid.UUID]Mark{}
	for _, m := range all {
		x.marks[m.Writer] = m
	}
	return nil
}

// follow indexes the records of a writer after its mark.
func (x *Indexer) follow(ctx context.Context, w journal.WriterInfo, m Mark) error {
	begun := x.Now()
	m.Writer, m.Node = w.ID, x.Node
	var batch []Entry
	size := 0
	start := time.Now()
	add := func() error {
		if err := x.Index.Add(ctx, batch, m); err != nil {
			return err
		}
		x.mu.Lock()
		x.marks[w.ID] = m
		x.mu.Unlock()
		batch, size = batch[:0], 0
		err := rest(ctx, x.pace.after(time.Since(start)))
		start = time.Now()
		return err
	}
	for r, err := range x.Source.ReadFrom(ctx, w.ID, m.Sequence+1) {
		var damage *journal.DamageError
		if errors.As(err, &damage) {
			m.Gap = damage.Error()
			continue
		}
		if err != nil {
			return err
		}
		if r.Sequence > m.Sequence+1 && m.Gap == "" {
			return fault.E(fault.Unavailable, "records %d to %d of writer %s are not there", m.Sequence+1, r.Sequence-1, w.ID)
		}
		e, err := EntryOf(&r)
		if err != nil {
			m.Gap = err.Error()
		}
		if batch = append(batch, e); len(batch)%yieldEvery == 0 {
			runtime.Gosched() // a check does not wait until the runtime takes the processor away
		}
		m.Sequence = r.Sequence
		if size += len(e.Payload); len(batch) >= x.pace.entries() || size >= batchBytes {
			if err := add(); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if until := begun.Add(-inFlight); until.After(m.Complete) {
		m.Complete = until
	}
	m.Ended = !w.Open
	if len(batch) == 0 && !m.Ended && x.recent(w.ID, m.Complete) {
		return nil
	}
	return add()
}

// markEvery is how often the mark of a writer that is idle is stored.
const markEvery = time.Second

// recent reports whether the stored mark of an idle writer is young enough.
func (x *Indexer) recent(id uuid.UUID, complete time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return complete.Sub(x.marks[id].Complete) < markEvery
}

// Coverage says up to where an index is complete.
type Coverage struct {
	// Until is the time before which the index has every record of every writer. Zero: nothing can be said.
	Until time.Time
	// Behind are the writers because of which it is not later, with the reason.
	Behind []string
	// Gaps are writers of which records are missing for good.
	Gaps []string
}

// Cover computes the coverage from the marks and the writers that are known elsewhere: a writer of which the index has nothing holds it back to the
// writer's start. The start of a writer is the time in its id, a UUID of version 7.
func Cover(now time.Time, marks []Mark, known []uuid.UUID) Coverage {
	c := Coverage{Until: now}
	seen := map[uuid.UUID]bool{}
	least := func(at time.Time, why string) {
		if now.Sub(at) > 30*time.Second {
			c.Behind = append(c.Behind, why)
		}
		if at.Before(c.Until) {
			c.Until = at
		}
	}
	for _, m := range marks {
		seen[m.Writer] = true
		if m.Gap != "" {
			c.Gaps = append(c.Gaps, "writer "+m.Writer.String()+" on "+m.Node+": "+m.Gap)
		}
		if !m.Ended {
			least(m.Complete, "writer "+m.Writer.String()+" on "+m.Node+": indexed up to "+m.Complete.UTC().Format(time.RFC3339))
		}
	}
	for _, id := range known {
		if !seen[id] {
			least(startOf(id), "writer "+id.String()+": nothing of it is indexed")
		}
	}
	if len(marks) == 0 && len(known) == 0 {
		c.Until = time.Time{}
	}
	return c
}

// startOf returns the time in a UUID of version 7.
func startOf(id uuid.UUID) time.Time {
	ms := int64(id[0])<<40 | int64(id[1])<<32 | int64(id[2])<<24 | int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5])
	return time.UnixMilli(ms)
}
