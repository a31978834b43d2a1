package loader

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/filter"
	"interdict/loader/formats"
)

// StageOptions say how an upload is to be taken.
type StageOptions struct {
	Format string // a name of formats.Names, or "auto"
	Mode   lists.Mode
	Note   string
	By     string
	// Published is the date of publication, YYYY-MM-DD, of a file that does not say it itself.
	Published string
	Mapping   map[string]string // columns, JSON paths and words, see formats.Options
	// Approver says that By may vouch for a list: the same bytes from an approver renew its age.
	Approver bool
	// Create makes the list when it is not there; nil: a missing list is fault.NotFound.
	Create *lists.List
	// DryRun reads, reports and compares, and writes nothing.
	DryRun bool
	// Progress, if not nil, is told now and then how many rows have been read.
	Progress func(rows int)

	again  bool          // the bytes are kept already, and are read under newer rules
	before []lists.Layer // what a whole list that is read again said until now
}

// Received is what has arrived of an upload: whole, hashed, on local disk. It is closed by the staging that takes it, or by its owner.
type Received struct{ files []*spooled }

// Receive takes an upload in. The files belong together (an OFAC main table and its comments): one, or two. An error of the sequence
// keeps its kind.
func (l *Loader) Receive(ctx context.Context, uploads iter.Seq2[Upload, error]) (*Received, error) {
	r := &Received{}
	for u, err := range uploads {
		var f *spooled
		if err == nil && len(r.files) == 2 {
			err = fault.E(fault.Invalid, "more than two files were given: one is needed, or two that belong together")
		}
		if err == nil {
			f, err = l.spool(ctx, u)
		}
		if err != nil {
			r.Close()
			return nil, err
		}
		r.files = append(r.files, f)
	}
	if len(r.files) == 0 {
		return nil, fault.E(fault.Invalid, "no file was given")
	}
	return r, nil
}

// SizeBytes is how much came in.
func (r *Received) SizeBytes() (n int64) {
	for _, f := range r.files {
		n += f.sizeBytes
	}
	return n
}

// Name gives a single file another name than it came with.
func (r *Received) Name(name string) {
	if len(r.files) == 1 && name != "" {
		r.files[0].name = filepath.Base(name)
	}
}

// Close gives the disk back.
func (r *Received) Close() {
	for _, f := range r.files {
		f.f.Close()
	}
	r.files = nil
}

// Stage reads an upload into a new version of a list: staged, not active. When the very same bytes, read in the same way, are active nothing is
// staged: the active version comes back with the warning same_bytes, and the list counts as fresh if an approver uploaded them.
func (l *Loader) Stage(ctx context.Context, list string, uploads []Upload, o StageOptions) (*lists.Version, error) {
	files, err := l.Receive(ctx, func(yield func(Upload, error) bool) {
		for _, u := range uploads {
			if !yield(u, nil) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	s, err := l.Begin(ctx, list, files, o)
	if err != nil {
		return nil, err
	}
	return s.Run(ctx)
}

// Staging is a version on its way: it has its number, and its upload waits to be read.
type Staging struct {
	l        *Loader
	settings *lists.List
	active   *lists.Version
	last     *lists.Version // what the new version is compared with: the active one, or the last one that was
	v        *lists.Version
	files    *Received
	o        StageOptions
	change   *Change
	ready    bool // there is nothing to do
}

// Begin gives what has arrived a version number. Run must follow: it closes files, as Begin does when it fails.
func (l *Loader) Begin(ctx context.Context, list string, files *Received, o StageOptions) (*Staging, error) {
	s, err := l.begin(ctx, list, files, o)
	if err != nil {
		files.Close()
	}
	return s, err
}

func (l *Loader) begin(ctx context.Context, list string, files *Received, o StageOptions) (*Staging, error) {
	if o.Mode == "" {
		o.Mode = lists.Replace
	}
	if o.Mode != lists.Replace && o.Mode != lists.Add && o.Mode != lists.Remove {
		return nil, fault.E(fault.Invalid, "mode: %.40q is none of replace, add, remove", o.Mode)
	}
	if _, err := time.Parse(time.DateOnly, o.Published); err != nil && o.Published != "" {
		return nil, fault.E(fault.Invalid, "published: %.40q is no date (YYYY-MM-DD)", o.Published)
	}
	if len(o.Note) > maxField {
		return nil, fault.E(fault.Invalid, "note: longer than %d bytes", maxField)
	}
	settings, err := l.listFor(ctx, list, o)
	if err != nil {
		return nil, err
	}
	v := &lists.Version{List: list, Number: settings.Latest + 1, State: lists.Loading, Mode: o.Mode, Format: o.Format,
		UploadedBy: o.By, UploadedAt: l.now().UTC(), Note: o.Note, Warnings: []lists.Finding{}, Guards: []lists.Finding{},
		Approvals: []lists.Approval{}, Layers: []lists.Layer{}, SHA256: files.files[0].sha256, SizeBytes: files.SizeBytes()}
	names := make([]string, len(files.files))
	for i, f := range files.files {
		names[i] = f.name
		v.Sources = append(v.Sources, lists.BlobSource(list, f.sha256))
	}
	v.File = strings.Join(names, " + ")
	active, last, err := l.lastActive(ctx, settings)
	if err != nil {
		return nil, err
	}
	s := &Staging{l: l, settings: settings, active: active, last: last, v: v, files: files, o: o}
	switch {
	case active != nil && o.Mode == lists.Replace && slices.Equal(active.Sources, v.Sources) && active.Mode == lists.Replace &&
		readAlike(active, reading(settings, &o)):
		s.ready = true
		mean(settings, active)
		s.v, err = l.sameBytes(ctx, active, &o)
	case !o.DryRun:
		s.change = &Change{Action: "stage", By: o.By, List: list, SHA256: v.SHA256, Reason: o.Note}
		if err = l.opening(s.change); err == nil {
			if err = l.number(ctx, settings, v, o); err != nil {
				l.closing(s.change, err)
			}
			s.change.Version = v.Number
		}
	}
	return s, err
}

// Version is what Begin has made: a version that is loading, or the active one where there is nothing to do.
func (s *Staging) Version() lists.Version { return *s.v }

// Ready tells that there is nothing to do: the very same bytes are active.
func (s *Staging) Ready() bool { return s.ready }

// Run reads the upload into the version. At most builds of them are read at the same time in one process, the others wait.
func (s *Staging) Run(ctx context.Context) (*lists.Version, error) {
	defer s.files.Close()
	l, v := s.l, s.v
	if s.ready {
		return v, nil
	}
	if s.o.DryRun {
		return v, s.build(ctx)
	}
	stop := s.report(ctx)
	err := func() error {
		select {
		case l.builds <- struct{}{}:
			defer func() { <-l.builds }()
		case <-ctx.Done():
			return fault.E(fault.Unavailable, "the upload was given up before it was read: %w", ctx.Err())
		}
		return s.build(ctx)
	}()
	stop()
	if err == nil {
		v.State = lists.Staged
		err = commit(ctx, l.store, lists.Put(lists.DocVersion(v.List, v.Number), v, lists.AnyRevision))
	} else {
		v.State, v.Error, v.Layers = lists.Failed, err.Error(), []lists.Layer{}
		// The request may be gone: the failure is recorded all the same.
		if cerr := commit(context.WithoutCancel(ctx), l.store, lists.Put(lists.DocVersion(v.List, v.Number), v, lists.AnyRevision)); cerr != nil {
			l.log.Error("a failed upload could not be marked as such", "list", v.List, "version", v.Number, "error", cerr)
		}
	}
	l.closing(s.change, err)
	if err != nil {
		return nil, err
	}
	l.sweep(ctx)
	return v, nil
}

// report keeps telling in the version's document how far its upload has been read, so that everybody sees it and that it goes on.
func (s *Staging) report(ctx context.Context) (stop func()) {
	var rows atomic.Int64
	tell := s.o.Progress
	s.o.Progress = func(n int) {
		rows.Store(int64(n))
		if tell != nil {
			tell(n)
		}
	}
	shown := *s.v
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			shown.Progress = &lists.Progress{Rows: int(rows.Load()), At: s.l.now().UTC()}
			if err := commit(ctx, s.l.store, lists.Put(lists.DocVersion(shown.List, shown.Number), shown, lists.AnyRevision)); err != nil {
				s.l.log.Debug("report of an upload", "list", shown.List, "version", shown.Number, "error", err)
			}
		}
	}()
	return func() {
		close(ended)
		<-done
	}
}

const (
	reportEvery = time.Second
	// interrupted is how long after its last report an upload counts as one whose process has ended.
	interrupted = 5 * time.Minute
	// maxBuilds is how many uploads a process reads at the same time; each takes some 200 MB.
	maxBuilds = 2
)

// listFor reads the list's settings, or prepares those of a list to be created.
func (l *Loader) listFor(ctx context.Context, list string, o StageOptions) (*lists.List, error) {
	settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
	if !fault.Is(err, fault.NotFound) {
		return &settings, err
	}
	if o.Create == nil {
		return nil, fault.E(fault.NotFound, "there is no list %.80q: create it first (PUT /v1/lists/{id})", list)
	}
	created := *o.Create
	if err := created.Validate(); err != nil {
		return nil, err
	}
	return &created, nil
}

// number gives the version its number, and with it the right to be staged.
func (l *Loader) number(ctx context.Context, settings *lists.List, v *lists.Version, o StageOptions) error {
	return retry(ctx, func() error {
		current, revision, err := lists.Read[lists.List](ctx, l.store, lists.DocList(v.List))
		if fault.Is(err, fault.NotFound) && o.Create != nil {
			current, revision, err = *settings, 0, nil
			current.UpdatedBy = o.By
		}
		if err != nil {
			return err
		}
		current.Latest++
		v.Number = current.Latest
		return commit(ctx, l.store, lists.Put(lists.DocList(v.List), current, revision),
			lists.Put(lists.DocVersion(v.List, v.Number), v, 0))
	})
}

func (l *Loader) activeVersion(ctx context.Context, settings *lists.List) (*lists.Version, error) {
	if settings.Active == 0 {
		return nil, nil
	}
	v, _, err := lists.Read[lists.Version](ctx, l.store, lists.DocVersion(settings.ID, settings.Active))
	if err != nil {
		return nil, fault.E(fault.Unavailable, "the active version %d of %s: %w", settings.Active, settings.ID, err)
	}
	return &v, nil
}

// lastActive reads the active version, and what a new one is compared with: the active one, or the one that was active last when the
// list has been retired. Both may be nil.
func (l *Loader) lastActive(ctx context.Context, settings *lists.List) (active, last *lists.Version, err error) {
	if active, err = l.activeVersion(ctx, settings); active != nil || err != nil || settings.Latest == 0 {
		return active, active, err
	}
	all, err := lists.ReadAll[lists.Version](ctx, l.store, lists.DocVersions(settings.ID))
	for i := range all {
		if v := &all[i]; v.State == lists.Superseded && v.Activated != nil && (last == nil || v.Activated.After(*last.Activated)) {
			last = v
		}
	}
	return nil, last, err
}

// reading is how an upload to a list is read.
func reading(settings *lists.List, o *StageOptions) *lists.Reading {
	f := settings.WithDefaults()
	return &lists.Reading{Format: cmp.Or(o.Format, "auto"), Mapping: o.Mapping, Category: f.Category, Confidence: f.Confidence, Authority: f.Authority,
		Formats: formats.Rules, Address: address.Rules}
}

// readAlike reports whether reading the bytes of a version again would give the same version.
func readAlike(v *lists.Version, now *lists.Reading) bool {
	was := v.Reading
	return was != nil && (was.Format == now.Format || v.Format == now.Format) && maps.Equal(was.Mapping, now.Mapping) &&
		was.Category == now.Category && was.Confidence == now.Confidence && was.Authority == now.Authority &&
		was.Formats == now.Formats && was.Address == now.Address
}

func (l *Loader) sameBytes(ctx context.Context, active *lists.Version, o *StageOptions) (*lists.Version, error) {
	detail := fmt.Sprintf("version %d holds these very bytes and is active: there is nothing to do", active.Number)
	if !o.Approver {
		detail += "; the age of the list is not renewed, because that takes role approver"
	}
	active.Warnings = append(active.Warnings, lists.Finding{Code: "same_bytes", Detail: detail})
	if o.DryRun || !o.Approver {
		return active, nil
	}
	return active, l.touch(ctx, active.List, l.now().UTC())
}

// touch notes that a list was what its publisher says at a time.
func (l *Loader) touch(ctx context.Context, list string, at time.Time) error {
	return commit(ctx, l.store, lists.Put(lists.DocFresh(list), lists.Fresh{At: at}, lists.AnyRevision))
}

// build reads the files into the version: its report, and unless this is a dry run its layer, filter and source bytes.
func (s *Staging) build(ctx context.Context) (err error) {
	l, settings, active, v, files, o := s.l, s.settings, s.active, s.v, s.files.files, s.o
	attributions, err := newRun(l.spoolDir)
	if err != nil {
		return err
	}
	defer attributions.Close()
	attributionsW := bufio.NewWriterSize(attributions, 256<<10)
	quarantine, err := newRun(l.spoolDir)
	if err != nil {
		return err
	}
	defer quarantine.Close()
	quarantineW := bufio.NewWriterSize(quarantine, 64<<10)

	filled := settings.WithDefaults()
	in := &intake{list: &filled, sorter: newSorter(l.spoolDir), numbers: map[[16]byte]uint32{}, labels: map[string]int{}, words: map[word]int{},
		store: func(_ uint32, b []byte) error {
			if err := writeFrame(attributionsW, b); err != nil {
				return diskError(err)
			}
			return nil
		},
		quarantine: func(q Quarantined) error {
			b, err := json.Marshal(q)
			if err == nil {
				_, err = quarantineW.Write(append(b, '\n'))
			}
			if err != nil {
				return diskError(err)
			}
			return nil
		},
	}
	defer in.sorter.close()
	info, err := l.read(ctx, in, files, o)
	if err != nil {
		return err
	}
	if err := in.lowerCasedList(); err != nil {
		return err
	}
	v.Format, v.Published = info.Format, info.Published
	if v.Published == "" {
		v.Published = o.Published
	}
	if v.Delta = info.Delta; active != nil && v.Mode != lists.Replace {
		v.Base = active.Number
	}
	settled := settle(settings, v)
	v.Reading = reading(&settled, &o)
	mean(settings, v)
	if info.Delta && v.Mode == lists.Replace {
		return fault.E(fault.Invalid, "%s holds changes only, not a whole list: load it with mode add", v.File)
	}
	whole := v.Mode == lists.Replace || info.Delta || active == nil
	mode := v.Mode
	if info.Delta {
		if mode == lists.Remove {
			return fault.E(fault.Invalid, "%s says itself what it takes away: load it with mode add", v.File)
		}
		if err := l.carry(ctx, in, active, info.Orders); err != nil {
			return err
		}
	}
	if whole && mode == lists.Add {
		mode = lists.Replace // of what stays, and what is new
	}

	out, err := newEntryFile(l.spoolDir)
	if err != nil {
		return err
	}
	defer out.close()
	j := &joiner{store: l.store, list: *in.list, mode: mode, v: v, in: in, out: out, readers: map[string]map[uint32]uint64{}}
	if last := s.last; last != nil && (active != nil || mode == lists.Replace) {
		j.old = last.Layers
		v.Diff.Against = last.Number
		if !whole {
			v.Addresses, v.Listings, v.Raw = active.Addresses, active.Listings, active.Raw
		}
	}
	if o.again && whole && !info.Delta {
		j.old = o.before
	}
	if err := j.run(ctx); err != nil {
		return err
	}
	v.Rows, v.UnreadRows = in.rows, in.unread
	if err := flushAll(attributionsW, quarantineW); err != nil {
		return err
	}
	if err := s.findings(ctx, &info, in, j, quarantine); err != nil {
		return err
	}
	if o.DryRun {
		return nil
	}

	for i, f := range files {
		if o.again {
			break
		}
		if err := f.keep(ctx, l.store, v.Sources[i]); err != nil {
			return err
		}
	}
	if v.Rows.Quarantined > 0 && !o.again {
		if _, err := quarantine.Seek(0, io.SeekStart); err != nil {
			return diskError(err)
		}
		if err := l.store.PutBlob(ctx, lists.BlobQuarantine(v.List, v.Number), quarantine); err != nil {
			return err
		}
	}
	layer := newLayer(v)
	layer.Keys, layer.Listings, layer.Raw, layer.Removals = out.keys, j.written, j.rawKeys, j.removals
	if err := l.writeLayer(ctx, layer, out, attributions, in.next); err != nil {
		return err
	}
	if whole {
		v.Layers = []lists.Layer{layer}
	} else {
		v.Layers = append(slices.Clone(active.Layers), layer)
	}
	return nil
}

// read parses the files on one goroutine and turns rows into records on this one.
func (l *Loader) read(ctx context.Context, in *intake, files []*spooled, o StageOptions) (formats.Info, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := make([]formats.File, len(files))
	for i, f := range files {
		parts[i] = f.file()
	}
	format := o.Format
	if format == "" {
		format = "auto"
	}
	const batch = 256
	batches := make(chan []formats.Row, 8)
	var info formats.Info
	var readErr error
	go func() {
		defer close(batches)
		defer func() { // a file that trips a reader must not end the process
			if p := recover(); p != nil {
				l.log.Error("a reader of list files panicked", "list", in.list.ID, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
				readErr = fault.E(fault.Internal, "the file cannot be read: its reader failed")
			}
		}()
		rows := make([]formats.Row, 0, batch)
		send := func() error {
			select {
			case batches <- rows:
				rows = make([]formats.Row, 0, batch)
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		info, readErr = formats.Read(ctx, parts, format, formats.Options{Mapping: o.Mapping}, func(r formats.Row) error {
			if rows = append(rows, r); len(rows) == batch {
				return send()
			}
			return nil
		})
		if readErr == nil {
			readErr = send()
		}
	}()
	var err error
	for rows := range batches {
		for i := range rows {
			if err == nil {
				if err = in.row(&rows[i]); err != nil {
					cancel() // and drain, so that the goroutine has ended when this function does
				}
			}
		}
		if o.Progress != nil {
			o.Progress(in.rows.Read)
		}
	}
	if err == nil {
		err = readErr
	}
	return info, err
}

// newLayer names a layer that a version writes.
func newLayer(v *lists.Version) lists.Layer {
	return lists.Layer{ID: v.List + "-" + uuid.Must(uuid.NewV7()).String(), Version: v.Number, File: v.File, SHA256: v.SHA256, Rules: address.Rules}
}

// writeLayer puts the entries, n attributions and the filter of a layer into the store.
func (l *Loader) writeLayer(ctx context.Context, layer lists.Layer, out *entryFile, attributions *os.File, n uint32) error {
	w, err := l.store.CreateLayer(ctx, layer.ID, layer.Keys)
	if err != nil {
		return err
	}
	fl := filter.New(layer.ID, layer.Keys, filter.Rate)
	err = func() error {
		r := bufio.NewReaderSize(io.NewSectionReader(attributions, 0, 1<<62), 256<<10)
		var frame []byte
		for i := range n {
			var err error
			if frame, err = readFrame(r, frame); err != nil {
				return diskError(err)
			}
			if err := w.PutAttribution(i, frame); err != nil {
				return err
			}
		}
		if err := out.each(func(e lists.Entry) error {
			fl.Add(lists.Hash(e.Key))
			return w.Put(e)
		}); err != nil {
			return err
		}
		return w.Commit()
	}()
	if err == nil {
		err = putFilter(ctx, l.store, layer, fl)
	}
	if err != nil {
		if aerr := w.Abort(); aerr != nil {
			l.log.Warn("an unfinished layer could not be dropped yet", "layer", layer.ID, "error", aerr)
		}
	}
	return err
}

func putFilter(ctx context.Context, s lists.Store, layer lists.Layer, f *filter.Filter) error {
	pr, pw := io.Pipe()
	go func() {
		_, err := f.WriteTo(pw)
		pw.CloseWithError(err)
	}()
	err := s.PutBlob(ctx, lists.BlobFilter(layer.ID), pr)
	pr.CloseWithError(io.ErrClosedPipe)
	return err
}

func flushAll(ws ...*bufio.Writer) error {
	for _, w := range ws {
		if err := w.Flush(); err != nil {
			return diskError(err)
		}
	}
	return nil
}
