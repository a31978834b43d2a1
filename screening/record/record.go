package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"interdict/lists/fault"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

// DefaultName is the default of Options.Name.
const DefaultName = "interdict"

// Options of a record. Zero values are the defaults.
type Options struct {
	SegmentBytes int // of the journal
	SyncAll      bool
	// Name is the name of the deployment, with which the origin of each log begins.
	Name string
	// Keys sign checkpoints; nil: those in the folder, of which the first is made when there is none.
	Keys *proof.Keys
	// Witnesses are asked to cosign each checkpoint.
	Witnesses []proof.WitnessClient
	// Publish keeps the newest checkpoint of a writer elsewhere. It is called by one goroutine at a time for a writer, and again after an
	// error or with a newer checkpoint.
	Publish func(ctx context.Context, c Published) error
	// Tend completes what earlier writers have left, and watches the files, as a server does.
	Tend   bool
	Now    func() time.Time
	Logger *slog.Logger
}

// Published is the newest checkpoint of a writer.
type Published struct {
	Writer     uuid.UUID `json:"writer"`
	Folder     uuid.UUID `json:"folder"`          // in which the writer is
	Checkpoint string    `json:"checkpoint"`      // signed
	Keys       []string  `json:"keys,omitempty"`  // the public keys of the log
	Ended      bool      `json:"ended,omitempty"` // the writer writes no more: this is its last checkpoint
}

// Record is an open record. Its methods are safe for concurrent use.
type Record struct {
	*journal.Journal
	Folder
	log  *proof.Log
	keys *proof.Keys
	opts Options

	mu       sync.Mutex
	problems map[string]error // by what they are about
	latest   *Published       // not published yet

	publish chan struct{}
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Open opens the record in a folder, and creates it if necessary. The error explains itself if a signing key is missing or was replaced.
func Open(dir string, o Options) (*Record, error) {
	o.Name = cmp.Or(o.Name, DefaultName)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "open record: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, proofFolder), 0o700); err != nil {
		return nil, fault.E(fault.Unavailable, "open record: %w", err)
	}
	r := &Record{Folder: Folder{Dir: dir}, keys: o.Keys, opts: o, problems: map[string]error{}, publish: make(chan struct{}, 1)}
	if err := r.openKeys(); err != nil {
		return nil, err
	}
	if err := r.makeID(); err != nil {
		return nil, err
	}
	if err := r.noteWitnesses(); err != nil {
		return nil, err
	}
	j, err := journal.Open(dir, journal.Options{SegmentBytes: o.SegmentBytes, SyncAll: o.SyncAll, Now: o.Now, Logger: o.Logger, Proof: r.begin})
	if err != nil {
		if r.log != nil {
			err = errors.Join(err, r.log.End())
		}
		return nil, err
	}
	r.Journal = j
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.running.Go(func() { r.publishAll(ctx) })
	if o.Tend {
		r.running.Go(func() { r.watch(ctx) })
		r.running.Go(func() { r.tend(ctx) })
	}
	return r, nil
}

// openKeys opens the signing keys. New ones are no help where logs exist: what those have signed could not be verified any more.
func (r *Record) openKeys() error {
	if r.keys != nil {
		return r.knowsKeys()
	}
	_, err := os.Stat(r.keysDir())
	if errors.Is(err, os.ErrNotExist) {
		writers, err := r.logs()
		if err != nil {
			return err
		}
		if len(writers) > 0 {
			return fault.E(fault.Conflict, "the folder of the signing keys, %s, is missing, but %d logs in %s were signed with its keys: restore it from a backup; "+
				"or, to go on with a new key, move %[3]s away and keep it as evidence", r.keysDir(), len(writers), filepath.Join(r.Dir, proofFolder))
		}
	}
	if r.keys, err = proof.OpenKeys(r.keysDir(), r.opts.Name, r.opts.Now); err != nil {
		return err
	}
	return r.knowsKeys()
}

// knowsKeys makes sure that the newest log was signed with keys that are known.
func (r *Record) knowsKeys() error {
	writers, err := r.logs()
	if err != nil {
		return err
	}
	for i := len(writers) - 1; i >= 0; i-- {
		path := filepath.Join(r.logDir(writers[i]), "checkpoint")
		signed, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fault.E(fault.Unavailable, "read the newest checkpoint: %w", err)
		}
		if _, err := proof.OpenCheckpoint(signed, r.keys.VKeys()); err != nil {
			return fault.E(fault.Conflict, "%s is not signed with a key that is known here: %w: the signing key was replaced, or the file was changed; "+
				"restore the keys from a backup, or give the old public key as a previous one", path, err)
		}
		return nil
	}
	return nil
}

func (r *Record) origin(writer uuid.UUID) string { return r.opts.Name + "/" + writer.String() }

// begin makes the log of this writer.
func (r *Record) begin(writer uuid.UUID) (journal.Appender, error) {
	none := func(uint64) iter.Seq2[[]byte, error] { return func(func([]byte, error) bool) {} }
	log, err := r.openLog(writer, none, proof.Options{
		Published: func(c []byte) { r.published(Published{Writer: writer, Checkpoint: string(c)}) },
		Failed:    func(err error) { r.opts.Logger.Error("checkpoint of the record", "error", err) },
		Witnesses: r.opts.Witnesses, Now: r.opts.Now,
	})
	r.log = log
	return appender{log}, err
}

func (r *Record) openLog(writer uuid.UUID, records func(uint64) iter.Seq2[[]byte, error], o proof.Options) (*proof.Log, error) {
	return proof.Open(r.logDir(writer), r.origin(writer), r.keys, records, o)
}

// appender is the log of this writer as the journal needs it.
type appender struct{ *proof.Log }

func (a appender) Seal() error {
	_, err := a.Log.Seal(context.Background())
	return err
}

// published notes the newest checkpoint of this writer for publishAll.
func (r *Record) published(c Published) {
	r.mu.Lock()
	r.latest = &c
	r.mu.Unlock()
	select {
	case r.publish <- struct{}{}:
	default:
	}
}

// publishEvery is the shortest time between two checkpoints of a writer in the store.
const publishEvery = 5 * time.Second

// publishAll publishes the newest checkpoint of this writer.
func (r *Record) publishAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.publish:
		}
		r.publishLatest(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(publishEvery):
		}
	}
}

func (r *Record) publishLatest(ctx context.Context) {
	r.mu.Lock()
	c := r.latest
	r.latest = nil
	r.mu.Unlock()
	if c == nil {
		return
	}
	if err := r.give(ctx, *c); err != nil {
		r.mu.Lock()
		if r.latest == nil {
			r.latest = c
		}
		r.mu.Unlock()
		select {
		case r.publish <- struct{}{}:
		default:
		}
	}
}

// give publishes a checkpoint; an error is also kept as a problem until it succeeds.
func (r *Record) give(ctx context.Context, c Published) error {
	if r.opts.Publish == nil {
		return nil
	}
	c.Folder, c.Keys = r.id, r.keys.VKeys()
	err := r.opts.Publish(ctx, c)
	if ctx.Err() != nil {
		return err
	}
	r.problem("publish "+c.Writer.String(), err)
	return err
}

// problem keeps an error, or forgets it when err is nil. A new one is logged.
func (r *Record) problem(about string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		delete(r.problems, about)
		return
	}
	if r.problems[about] == nil {
		r.opts.Logger.Warn("the record", "about", about, "error", err)
	}
	r.problems[about] = err
}

// Keys returns the keys that sign checkpoints.
func (r *Record) Keys() *proof.Keys { return r.keys }

// Proof returns the state of the log of this writer.
func (r *Record) Proof() proof.Status { return r.log.Status() }

// Unproven returns how many records no checkpoint covers yet.
func (r *Record) Unproven() float64 {
	return float64(max(r.Stats().Records, r.log.Status().Checkpointed) - r.log.Status().Checkpointed)
}

// Problems returns what is wrong with the record although decisions can be recorded: damaged segments, logs that cannot be completed,
// checkpoints that cannot be published.
func (r *Record) Problems() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []error
	for _, about := range sortedKeys(r.problems) {
		if !strings.HasPrefix(about, lostFiles) {
			all = append(all, r.problems[about])
		}
	}
	return all
}

// Find is Folder.Find. While files of the record are gone, what was not found may be in them, and the error is fault.Unavailable.
func (r *Record) Find(ctx context.Context, id uuid.UUID) (journal.Record, error) {
	rec, err := r.Folder.Find(ctx, id)
	if !fault.Is(err, fault.NotFound) {
		return rec, err
	}
	if gone := r.proofIsThere(); gone != nil {
		return rec, gone
	}
	if lost := r.Lost(); lost != nil {
		return rec, lost
	}
	return rec, err
}

// Lost returns an error while files of the record are gone that were there before.
func (r *Record) Lost() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.problems[lostFiles]
}

// Close ends the writer: its records are on disk, proven, and its last checkpoint is published.
func (r *Record) Close() error {
	err := r.Journal.Close()
	r.stop()
	r.running.Wait()
	err = errors.Join(err, r.proveRest(), r.log.End())
	if r.log.Size() == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if giveErr := r.publishEnded(ctx, r.Writer()); giveErr != nil {
		r.opts.Logger.Warn("the last checkpoint could not be published; the next start does it", "error", giveErr)
	}
	return err
}

// proveRest adds the records that the prover did not get.
func (r *Record) proveRest() error {
	for rec, err := range r.records(context.Background(), r.Writer())(r.log.Size() + 1) {
		if err == nil {
			err = r.log.Append(r.log.Size()+1, rec)
		}
		if err != nil {
			return fault.E(fault.KindOf(err), "complete the proof of the journal: %w", err)
		}
	}
	return nil
}

// records yields the records of a writer from a sequence number on, as its log needs them. A gap is an error.
func (f Folder) records(ctx context.Context, writer uuid.UUID) func(uint64) iter.Seq2[[]byte, error] {
	return func(from uint64) iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			next := max(from, 1)
			var buf []byte
			for rec, err := range journal.ReadFrom(ctx, f.Dir, writer, next) {
				if err == nil && rec.Sequence != next {
					err = fault.E(fault.Unavailable, "record %d of writer %s is missing", next, writer)
				}
				if err == nil {
					buf = rec.AppendBytes(buf[:0])
				}
				if !yield(buf, err) || err != nil {
					return
				}
				next++
			}
		}
	}
}

// makeID reads the identity of the folder, or makes one.
func (r *Record) makeID() error {
	path := filepath.Join(r.Dir, proofFolder, idFile)
	id, err := r.readID()
	if err == nil {
		r.id = id
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if r.id, err = uuid.NewV7(); err != nil {
		return fault.E(fault.Unavailable, "identity of the record: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) { // another writer was faster
		for range 100 {
			if r.id, err = r.readID(); err == nil {
				return nil
			}
			time.Sleep(10 * time.Millisecond)
		}
		return err
	}
	if err == nil {
		_, err = fmt.Fprintln(f, r.id)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return fault.E(fault.Unavailable, "write the identity of the record: %w", err)
	}
	return nil
}
