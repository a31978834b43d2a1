package loader

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/spans"
	"interdict/loader/build"
	"interdict/loader/formats"
)

// Upload is one file as it is received.
type Upload = build.Upload

// Received is an upload on local disk: complete and hashed.
type Received = build.Files

// MaxUploadBytes is the largest size of an uploaded file, as it is received.
const MaxUploadBytes = build.MaxUploadBytes

// StageOptions describe how an upload is read.
type StageOptions struct {
	Format string // a name of formats.Names, or "auto"
	Mode   lists.Mode
	Note   string
	By     lists.Actor
	// SourceBy is who chose the source that the upload was fetched from.
	SourceBy string
	// Published is the date of publication, YYYY-MM-DD, of a file that does not name one.
	Published string
	Mapping   map[string]string // columns, JSON paths and words, see formats.Options
	// Approver is set when By has the role approver: the same bytes from an approver renew the age of the list.
	Approver bool
	// Create makes the list if it does not exist; nil: a missing list is fault.NotFound.
	Create *lists.List
	// DryRun reads, reports and compares, and writes nothing.
	DryRun bool
	// Progress, if not nil, is called now and then with the number of rows that have been read.
	Progress func(rows int)
}

// Receive copies an upload to local disk: one file, or two that belong together. An error of the sequence keeps its kind.
func (l *Loader) Receive(ctx context.Context, uploads iter.Seq2[Upload, error]) (*Received, error) {
	receiving, span := spans.Start(ctx, "receive upload")
	files, err := l.builder.Receive(receiving, uploads)
	spans.End(span, err)
	return files, err
}

// CanStage returns an error if an upload would be refused whatever it holds: there is no such list, or the options are wrong.
func (r *Reader) CanStage(ctx context.Context, list string, o StageOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	_, err := r.listFor(ctx, list, o)
	return err
}

// CanSpool returns an error if no upload can be received now, because the folder for temporary files is missing or not writable.
func (l *Loader) CanSpool() error { return l.builder.CanSpool() }

// Stage reads an upload into a new version of a list, which is not active yet. If the same bytes, read in the same way, are active, nothing is
// staged: Stage returns the active version with the warning same_bytes, and the list counts as fresh if an approver uploaded them.
func (l *Loader) Stage(ctx context.Context, list string, uploads []Upload, o StageOptions) (*lists.Version, error) {
	if err := l.CanStage(ctx, list, o); err != nil {
		return nil, err
	}
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

// Staging is a version that has its number and whose upload has not been read yet.
type Staging struct {
	l        *Loader
	settings *lists.List
	active   *lists.Version
	last     *lists.Version // what the new version is compared with: the active one, or the one that was active last
	v        *lists.Version
	files    *Received
	o        StageOptions
	change   *lists.Event
	same     bool // the same bytes are active: there is nothing to do
}

// Begin gives an upload its version number. Run must follow: it closes files, and so does Begin if it returns an error.
func (l *Loader) Begin(ctx context.Context, list string, files *Received, o StageOptions) (*Staging, error) {
	s, err := l.begin(ctx, list, files, o)
	if err != nil {
		files.Close()
	}
	return s, err
}

func (l *Loader) begin(ctx context.Context, list string, files *Received, o StageOptions) (*Staging, error) {
	o.Mode, o.Format, o.Note = cmp.Or(o.Mode, lists.Replace), cmp.Or(o.Format, "auto"), lists.PlainText(o.Note)
	if err := o.validate(); err != nil {
		return nil, err
	}
	settings, err := l.listFor(ctx, list, o)
	if err != nil {
		return nil, err
	}
	o.Note = lists.Reason(o.Note)
	digests := files.SHA256()
	v := &lists.Version{List: list, Number: settings.Latest + 1, State: lists.Loading, Mode: o.Mode, Format: o.Format, File: files.JoinedName(),
		UploadedBy: o.By.Person, SourceBy: o.SourceBy, UploadedAt: l.now().UTC(), Note: o.Note, Warnings: []lists.Finding{}, Guards: []lists.Finding{},
		Approvals: []lists.Approval{}, Layers: []lists.Layer{}, SHA256: digests[0], SizeBytes: files.SizeBytes()}
	for _, digest := range digests {
		v.Sources = append(v.Sources, lists.BlobSource(list, digest))
	}
	active, last, err := l.lastActive(ctx, settings)
	if err != nil {
		return nil, err
	}
	s := &Staging{l: l, settings: settings, active: active, last: last, v: v, files: files, o: o}
	switch {
	case active != nil && o.Mode == lists.Replace && slices.Equal(active.Sources, v.Sources) && active.Mode == lists.Replace &&
		sameReading(active, readingOf(settings, &o)):
		s.same = true
		setMeans(settings, active)
		s.v, err = l.sameBytes(ctx, active, &o)
	case !o.DryRun:
		s.change = &lists.Event{Action: "stage", By: o.By.Person, Credential: o.By.Credential, List: list, SHA256: v.SHA256, Reason: o.Note}
		if err = l.ledger.Begin(s.change); err == nil {
			if err = l.assignNumber(ctx, settings, v, o); err != nil {
				l.ledger.End(s.change, err)
			}
			s.change.Version = v.Number
		}
	}
	return s, err
}

func (o *StageOptions) validate() error {
	if o.Mode != "" && o.Mode != lists.Replace && o.Mode != lists.Add && o.Mode != lists.Remove {
		return fault.E(fault.Invalid, "mode: %s is not one of replace, add, remove", address.Quote(string(o.Mode)))
	}
	if err := formats.Check(cmp.Or(o.Format, "auto"), formats.Options{Mapping: o.Mapping}); err != nil {
		return err
	}
	if _, err := time.Parse(time.DateOnly, o.Published); err != nil && o.Published != "" {
		return fault.E(fault.Invalid, "published: %s is not a date (YYYY-MM-DD)", address.Quote(o.Published))
	}
	if len(o.Note) > build.MaxField {
		return fault.E(fault.Invalid, "note: longer than %d bytes", build.MaxField)
	}
	for field, column := range o.Mapping { // it is kept with the version, and the file is read by it again
		if address.HoldsSecret(field) || address.HoldsSecret(column) {
			return fault.E(fault.Invalid, "mapping: holds what looks like a private key, a seed or an API key")
		}
	}
	return nil
}

// Version returns the version that is loading, or the active one if there is nothing to do.
func (s *Staging) Version() lists.Version { return *s.v }

// Ready reports whether there is nothing to do, because the same bytes are active.
func (s *Staging) Ready() bool { return s.same }

// Run reads the upload into the version. One process reads at most maxBuilds uploads at the same time; others wait.
func (s *Staging) Run(ctx context.Context) (*lists.Version, error) {
	defer s.files.Close()
	l, v := s.l, s.v
	if s.same {
		return v, nil
	}
	if s.o.DryRun {
		return v, s.build(ctx)
	}
	stop := s.reportProgress(ctx)
	err := l.inTurn(ctx, func() error {
		reading, span := spans.Start(ctx, "read upload")
		err := s.build(reading)
		spans.End(span, err)
		return err
	})
	stop()
	if err == nil {
		now := l.now().UTC()
		v.State, v.StagedAt = lists.Staged, &now
		err = lists.TryCommit(ctx, l.store, lists.Put(lists.DocVersion(v.List, v.Number), v, lists.AnyRevision))
	} else {
		v.State, v.Error, v.Layers = lists.Failed, lists.PlainText(err.Error()), []lists.Layer{}
		// The request may have been cancelled: the failure is recorded in any case.
		if cerr := lists.TryCommit(context.WithoutCancel(ctx), l.store, lists.Put(lists.DocVersion(v.List, v.Number), v, lists.AnyRevision)); cerr != nil {
			l.log.Error("a failed upload was not marked as failed", "list", v.List, "version", v.Number, "error", cerr)
		}
	}
	l.ledger.End(s.change, err)
	if err != nil {
		return nil, err
	}
	l.sweep(ctx)
	return v, nil
}

// reportProgress writes the number of rows read into the version's document now and then. That shows that the upload is still being read.
func (s *Staging) reportProgress(ctx context.Context) (stop func()) {
	var rows atomic.Int64
	progress := s.o.Progress
	s.o.Progress = func(n int) {
		rows.Store(int64(n))
		if progress != nil {
			progress(n)
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
			if err := lists.TryCommit(ctx, s.l.store, lists.Put(lists.DocVersion(shown.List, shown.Number), shown, lists.AnyRevision)); err != nil {
				s.l.log.Debug("the progress of an upload was not stored", "list", shown.List, "version", shown.Number, "error", err)
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
	// interrupted is how long after its last report of progress an upload counts as interrupted: its process has ended.
	interrupted = 5 * time.Minute
	// maxBuilds is how many uploads a process reads at the same time; each takes about 200 MB.
	maxBuilds = 2
)

// inTurn waits until fewer than maxBuilds uploads are being read, and calls read.
func (l *Loader) inTurn(ctx context.Context, read func() error) error {
	select {
	case l.builds <- struct{}{}:
		defer func() { <-l.builds }()
	case <-ctx.Done():
		return fault.E(fault.Unavailable, "the upload was cancelled before it was read: %w", ctx.Err())
	}
	return read()
}

// listFor reads the list's settings, or prepares those of a list to be created.
func (r *Reader) listFor(ctx context.Context, list string, o StageOptions) (*lists.List, error) {
	settings, _, err := lists.Read[lists.List](ctx, r.store, lists.DocList(list))
	if !fault.Is(err, fault.NotFound) {
		return &settings, err
	}
	if o.Create == nil {
		return nil, fault.E(fault.NotFound, "list %s does not exist: create it first (PUT /v1/lists/{id})", address.Quote(list))
	}
	created := *o.Create
	created.Name, created.Authority = lists.PlainText(created.Name), lists.PlainText(created.Authority)
	if err := created.Validate(); err != nil {
		return nil, err
	}
	return &created, checkNewID(list)
}

// assignNumber gives a version the next number of its list, and stores both.
func (l *Loader) assignNumber(ctx context.Context, settings *lists.List, v *lists.Version, o StageOptions) error {
	return lists.Retry(ctx, func() error {
		current, revision, err := lists.Read[lists.List](ctx, l.store, lists.DocList(v.List))
		if fault.Is(err, fault.NotFound) && o.Create != nil {
			current, revision, err = *settings, 0, nil
			current.UpdatedBy = o.By.Person
		}
		if err != nil {
			return err
		}
		current.Latest++
		v.Number = current.Latest
		return lists.TryCommit(ctx, l.store, lists.Put(lists.DocList(v.List), current, revision),
			lists.Put(lists.DocVersion(v.List, v.Number), v, 0))
	})
}

func (r *Reader) activeVersion(ctx context.Context, settings *lists.List) (*lists.Version, error) {
	if settings.Active == 0 {
		return nil, nil
	}
	v, _, err := lists.Read[lists.Version](ctx, r.store, lists.DocVersion(settings.ID, settings.Active))
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read the active version %d of %s: %w", settings.Active, settings.ID, err)
	}
	return &v, nil
}

// lastActive reads the active version, and the version that a new one is compared with: the active one or, of a retired list, the one that was
// active last. Both may be nil.
func (r *Reader) lastActive(ctx context.Context, settings *lists.List) (active, last *lists.Version, err error) {
	if active, err = r.activeVersion(ctx, settings); active != nil || err != nil || settings.Latest == 0 {
		return active, active, err
	}
	all, err := lists.ReadAll[lists.Version](ctx, r.store, lists.DocVersions(settings.ID))
	for i := range all {
		if v := &all[i]; v.State == lists.Superseded && v.Activated != nil && (last == nil || v.Activated.After(*last.Activated)) {
			last = v
		}
	}
	return nil, last, err
}

// readingOf returns how an upload to a list is read.
func readingOf(settings *lists.List, o *StageOptions) *lists.Reading {
	f := settings.WithDefaults()
	return &lists.Reading{Format: cmp.Or(o.Format, "auto"), Mapping: o.Mapping, Category: f.Category, Confidence: f.Confidence, Authority: f.Authority,
		Formats: formats.Rules, Address: address.Rules}
}

// sameReading reports whether reading the bytes of a version again would give the same version.
func sameReading(v *lists.Version, now *lists.Reading) bool {
	was := v.Reading
	return was != nil && (was.Format == now.Format || v.Format == now.Format) && maps.Equal(was.Mapping, now.Mapping) &&
		was.Category == now.Category && was.Confidence == now.Confidence && was.Authority == now.Authority &&
		was.Formats == now.Formats && was.Address == now.Address
}

// withPublisher returns the settings of a list with what the format of a version says about the publisher, where nothing else is set. An
// addition to a list says nothing about the publisher of the list.
func withPublisher(settings *lists.List, v *lists.Version) lists.List {
	s := *settings
	if v.BuiltOn() == 0 {
		category, authority, name := formats.Attribution(v.Format)
		s.Category, s.Authority, s.Name = cmp.Or(s.Category, lists.Category(category)), cmp.Or(s.Authority, authority), cmp.Or(s.Name, name)
	}
	return s
}

// setMeans fills in the actions that a hit of a version leads to.
func setMeans(settings *lists.List, v *lists.Version) {
	filled := withPublisher(settings, v)
	means := filled.Means()
	v.Means = &means
}

func (l *Loader) sameBytes(ctx context.Context, active *lists.Version, o *StageOptions) (*lists.Version, error) {
	detail := fmt.Sprintf("version %d has the same bytes and is active: nothing to do", active.Number)
	if !o.Approver {
		detail += "; the age of the list is not renewed, because that needs the role approver"
	}
	active.Warnings = append(active.Warnings, lists.Finding{Code: "same_bytes", Detail: detail})
	if o.DryRun || !o.Approver {
		return active, nil
	}
	return active, l.markFresh(ctx, active.List, l.now().UTC())
}

// markFresh records that at a time a list was what its publisher has.
func (l *Loader) markFresh(ctx context.Context, list string, at time.Time) error {
	return lists.TryCommit(ctx, l.store, lists.Put(lists.DocFresh(list), lists.Fresh{At: at}, lists.AnyRevision))
}

// build reads the files into the version: its report and guards, and unless this is a dry run its layer.
func (s *Staging) build(ctx context.Context) error {
	v, o := s.v, &s.o
	dates, from, err := s.l.deltaDates(ctx, v.List)
	if err != nil {
		return err
	}
	result, err := s.l.builder.Layer(ctx, &build.Input{Files: s.files, List: s.settings, Active: s.active, Last: s.last, Format: o.Format,
		Mapping: o.Mapping, Published: o.Published, DryRun: o.DryRun, Progress: o.Progress, Dates: dates}, v)
	if err != nil {
		return err
	}
	defer result.Close()
	filled := withPublisher(s.settings, v)
	v.Reading = readingOf(&filled, o)
	v.Reading.Dates = from
	setMeans(s.settings, v)
	v.Gone = goneFrom(s.last, v, v.Gone)
	v.Guards, err = s.l.guards(ctx, s.settings, s.last, v, result.WellKnown, result.Quarantine)
	if err != nil && !o.DryRun {
		s.l.drop(context.WithoutCancel(ctx), v.Layers[len(v.Layers)-1].ID)
	}
	return err
}
