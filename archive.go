package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening"
	"interdict/screening/archive"
	"interdict/screening/archive/diskindex"
	"interdict/screening/archive/pgindex"
	"interdict/screening/archive/vault"
	"interdict/screening/journal"
	"interdict/screening/record"
	"interdict/webhook"
)

// archiveFlags say where the record is indexed, and where it is kept.
type archiveFlags struct {
	Archive string `help:"Index of the record, for audit search and alerts: postgres://… for all servers, a folder for this one (DATA/index when not given), or none." placeholder:"URL"`
	bucketFlags
	KeepLocal time.Duration `help:"For how long segments that are in the bucket also stay on the local disk." default:"720h"`
	Retention int           `help:"Years after which records are deleted from the bucket and the index, unless a hold covers them." default:"10" placeholder:"YEARS"`
	Holds     []string      `help:"Legal holds beside those of audit holds: records of these times are never deleted; each FROM/TO, either may be empty." placeholder:"FROM/TO"`
}

// bucketFlags name the bucket.
type bucketFlags struct {
	Bucket          string `help:"Where sealed segments of the journal are kept: s3://BUCKET/PREFIX?endpoint=…&region=…, or a folder that exists." placeholder:"URL"`
	BucketAccessKey string `help:"Access key for the bucket; the usual variables and roles of AWS when not given." placeholder:"KEY"`
	BucketSecretKey string `help:"Its secret; better as INTERDICT_BUCKET_SECRET_KEY_FILE." placeholder:"SECRET"`
}

func (f *bucketFlags) bucket() vault.BucketOptions {
	return vault.BucketOptions{AccessKey: f.BucketAccessKey, SecretKey: f.BucketSecretKey}
}

func (f *bucketFlags) openBucket(ctx context.Context, o vault.Options) (*vault.Vault, error) {
	bucket, err := vault.OpenBucket(ctx, f.Bucket, f.bucket())
	if err != nil {
		return nil, err
	}
	return vault.New(bucket, o)
}

// isPostgres reports whether an index is in PostgreSQL.
func isPostgres(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}

// checkIndex refuses an index that cannot be opened. It asks no server.
func (f *archiveFlags) checkIndex() error {
	switch {
	case isPostgres(f.Archive):
		if err := pgindex.Check(f.Archive); err != nil {
			return fault.E(fault.KindOf(err), "--archive: %w", err)
		}
	case strings.Contains(f.Archive, "://"):
		return usage("--archive %s: use postgres://…, a folder, or none", lists.RedactURL(f.Archive))
	}
	return nil
}

// openIndex opens the index; nil if there is none.
func (f *archiveFlags) openIndex(ctx context.Context, data string, log *slog.Logger) (archive.Index, error) {
	if err := f.checkIndex(); err != nil {
		return nil, err
	}
	switch where := cmp.Or(f.Archive, filepath.Join(data, "index")); {
	case where == "none":
		return nil, nil
	case isPostgres(where):
		return pgindex.Open(ctx, where, log)
	default:
		return diskindex.Open(where, log)
	}
}

// openVault opens the archive of segments; nil if there is none.
func (f *archiveFlags) openVault(ctx context.Context, r *record.Record) (*vault.Vault, error) {
	if f.Bucket == "" {
		return nil, nil
	}
	return f.openBucket(ctx, vault.Options{Dir: r.Dir, Log: r.LogOf, Keys: r.Keys().VKeys, Retention: f.retention(), Cache: filepath.Join(r.Dir, "fetched"), Now: time.Now})
}

func (f *archiveFlags) retention() time.Duration {
	return time.Duration(f.Retention) * 366 * 24 * time.Hour
}

// keeper is what a server does with its record beside writing it: it indexes it, looks back on it, and moves it to the bucket.
type keeper struct {
	flags  *archiveFlags
	opened *opened
	index  archive.Index
	vault  *vault.Vault
	holds  vault.Holds
	log    *slog.Logger
	node   string

	indexer *archive.Indexer
	looker  *archive.Looker
	space   *vault.SpaceWatch

	mu         sync.Mutex
	room       vault.Space
	archived   error     // why the newest attempt to move segments failed
	archivedAt time.Time // when the newest attempt succeeded
	noIndex    error     // why there is no index, although one is wanted
	open       map[archive.Origin]openCases
}

// openCases are those that are not resolved.
type openCases struct {
	count  int
	oldest time.Time // when it was made; zero if there is none
}

// origins are the kinds of cases, by the names that metrics have for them.
var origins = map[string]archive.Origin{"hit": archive.Hits, "look_back": archive.LookBacks}

func (c *serveCmd) keeper(ctx context.Context, o *opened, screener *screening.Screener, log *slog.Logger) (*keeper, error) {
	k := &keeper{flags: &c.archiveFlags, opened: o, log: log, node: hostname(), space: vault.NewSpaceWatch(o.journal.Dir, time.Now)}
	var err error
	if k.holds, err = c.holds(o.store); err != nil {
		return nil, err
	}
	if k.vault, err = c.openVault(ctx, o.journal); err != nil {
		return nil, err
	}
	if k.index, err = c.openIndex(ctx, c.Data, log); err != nil {
		if !fault.Is(err, fault.Unavailable) {
			return nil, err
		}
		// Checks go on without it, as without PostgreSQL.
		log.Error("no index of the record: audit search and alerts do not work", "error", err)
		k.index, k.noIndex = nil, err
	}
	if k.index == nil {
		return k, nil
	}
	k.indexer = indexerOf(k.index, k.source(), o, log)
	reader := o.loader.Reader
	scope := "all"
	if !k.shared() {
		id, err := o.journal.ID()
		if err != nil {
			return nil, err
		}
		scope = id.String()
	}
	k.looker = &archive.Looker{Store: o.store, Scope: scope, Owner: hostname() + "-" + uuid.NewString()[:8], Coverage: k.coverage, Log: log,
		Serving: func() int { return screener.Status().Generation },
		Changed: func(ctx context.Context, from, to *lists.Generation, yield func([]address.Key) error) error {
			return reader.ChangedBetween(ctx, from, to, yield)
		},
		LookBack: archive.LookBack{Index: k.index, Screener: screener, Now: time.Now, Append: k.append,
			Told: func(a archive.AlertRecord) { k.tell(ctx, webhook.AlertCreated, a.ID, a) }}}
	return k, nil
}

// indexerOf returns the indexer of a server.
func indexerOf(x archive.Index, source archive.Source, o *opened, log *slog.Logger) *archive.Indexer {
	return &archive.Indexer{Index: x, Source: source, Node: hostname(), Log: log, Now: time.Now, Written: func() uint64 { return o.journal.Stats().Records }}
}

// source is what the index is filled from.
func (k *keeper) source() archive.Source {
	if k.vault == nil {
		return archive.Folder(k.opened.journal.Dir)
	}
	return vaultSource{archive.Folder(k.opened.journal.Dir), k.vault}
}

// vaultSource reads the records of this folder, also those that were moved to the bucket.
type vaultSource struct {
	archive.Folder
	*vault.Vault
}

func (s vaultSource) Writers(ctx context.Context) ([]journal.WriterInfo, error) {
	return s.Folder.Writers(ctx)
}

func (s vaultSource) ReadFrom(ctx context.Context, writer uuid.UUID, sequence uint64) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		next := sequence
		for r, err := range s.Folder.ReadFrom(ctx, writer, sequence) {
			var moved *journal.ArchivedError
			if errors.As(err, &moved) {
				for r, err := range s.Vault.ReadFrom(ctx, writer, next) {
					if !yield(r, err) {
						return
					}
				}
				return
			}
			if !yield(r, err) {
				return
			}
			next = r.Sequence + 1
		}
	}
}

// append writes records that are on disk when it returns.
func (k *keeper) append(entries []journal.Entry) error {
	return k.opened.journal.AppendBatch(entries, true)
}

// coverage tells up to when the index is complete, for all writers that the store knows.
func (k *keeper) coverage(ctx context.Context) (archive.Coverage, error) {
	now := time.Now()
	marks, err := k.index.Marks(ctx)
	if err != nil {
		return archive.Coverage{}, err
	}
	writers, err := lists.AllWriters(ctx, k.opened.store)
	if err != nil {
		return archive.Coverage{}, err
	}
	known := []uuid.UUID{k.opened.journal.Writer()}
	for _, w := range writers {
		if id, err := uuid.Parse(w.ID); err == nil && k.mine(&w) {
			known = append(known, id)
		}
	}
	return archive.Cover(now, marks, known), nil
}

// shared reports whether the index has the records of all servers.
func (k *keeper) shared() bool { return strings.HasPrefix(k.flags.Archive, "postgres") }

// mine reports whether the records of a writer belong into the index: all of them into a shared one, those of this folder into the embedded one.
func (k *keeper) mine(w *lists.Writer) bool {
	if k.shared() {
		return true
	}
	id, err := k.opened.journal.ID()
	return err == nil && w.Folder == id.String()
}

// api returns what the API does with the index.
func (k *keeper) api(customers *screening.Customers) *api.Archive {
	if k.index == nil {
		return nil
	}
	return &api.Archive{Index: k.index, Customers: customers, Coverage: k.coverage, LookBack: k.lookBack, Resolve: k.resolve}
}

func (k *keeper) lookBack(ctx context.Context) (*client.LookBack, error) {
	s, err := k.looker.State(ctx)
	if err != nil {
		return nil, err
	}
	open, err := k.index.OpenAlerts(ctx, archive.LookBacks)
	if err != nil {
		return nil, err
	}
	out := &client.LookBack{Generation: s.Generation, Success: timeOf(s.Success), All: timeOf(s.All), Failure: s.Failure, OpenAlerts: open}
	if s.Failure != "" {
		out.FailedAt = timeOf(s.FailedAt)
	}
	return out, nil
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// resolve records what a person has decided on an alert, and waits until it is in the index.
func (k *keeper) resolve(ctx context.Context, r archive.Resolution) error {
	b, err := json.Marshal(&r)
	if err != nil {
		return fault.E(fault.Internal, "encode resolution: %w", err)
	}
	if err := k.append([]journal.Entry{{Kind: journal.LookBack, Time: time.Now().UTC(), Payload: b}}); err != nil {
		return err
	}
	if !r.Hit {
		k.tell(ctx, webhook.AlertResolved, r.ID, r)
	}
	k.tell(ctx, webhook.CaseResolved, r.ID, r)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		for s, err := range k.index.Alerts(ctx, archive.AlertQuery{ID: r.ID, Limit: 1}) {
			if err != nil {
				return err
			}
			if s.Resolved != nil {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fault.E(fault.Unavailable, "the decision is on record; the index of the record is behind and will show it later")
		}
	}
}

// tell makes webhooks tell of an alert. The data has ids and no customer.
func (k *keeper) tell(ctx context.Context, kind, id string, data any) {
	b, err := json.Marshal(data)
	if err == nil {
		var fields map[string]json.RawMessage
		if err = json.Unmarshal(b, &fields); err == nil {
			delete(fields, "customer")
			delete(fields, "reason")
			b, err = json.Marshal(fields)
		}
	}
	if err == nil {
		err = lists.PutNotice(ctx, k.opened.store, lists.Notice{ID: kind + "-" + id, Type: kind, At: time.Now().UTC(), Data: b})
	}
	if err != nil {
		k.log.Error("an alert could not be told to webhooks", "alert", id, "error", err)
	}
}

// run does all of it until ctx ends.
func (k *keeper) run(ctx context.Context) {
	var all sync.WaitGroup
	if k.index != nil {
		all.Go(func() { k.indexer.Run(ctx) })
		all.Go(func() { k.looker.Run(ctx) })
	}
	all.Go(func() { every(ctx, func() time.Duration { k.measure(ctx); return time.Minute }) })
	all.Go(func() { every(ctx, func() time.Duration { return k.move(ctx) }) })
	all.Wait()
}

// every does something now, and each time again after the interval that it returns.
func every(ctx context.Context, do func() time.Duration) {
	for ctx.Err() == nil {
		interval := do()
		select {
		case <-ctx.Done():
		case <-time.After(interval):
		}
	}
}

// measure notes figures that are too costly for every scrape.
func (k *keeper) measure(ctx context.Context) {
	room, err := k.space.Measure()
	if err != nil {
		k.log.Warn("measure the disk of the journal", "error", err)
	}
	open := map[archive.Origin]openCases{}
	for _, of := range origins {
		if k.index != nil {
			open[of] = k.openCases(ctx, of)
		}
	}
	k.mu.Lock()
	k.room, k.open = room, open
	k.mu.Unlock()
}

// openCases counts the open cases of a kind. While the index is away there are none: the indexer tells that.
func (k *keeper) openCases(ctx context.Context, of archive.Origin) (o openCases) {
	o.count, _ = k.index.OpenAlerts(ctx, of)
	for s, err := range k.index.Alerts(ctx, archive.AlertQuery{Of: of, Open: true, Limit: 1}) {
		if err == nil {
			o.oldest = s.Created.Time
		}
	}
	return o
}

// move moves sealed segments to the bucket, and deletes what is older than the retention. It returns when to do so again.
func (k *keeper) move(ctx context.Context) time.Duration {
	err := k.moveOnce(ctx)
	if ctx.Err() != nil {
		return 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.archived = err
	if err == nil {
		k.archivedAt = time.Now()
	}
	if err != nil {
		k.log.Error("keeping the record has failed; it is tried again in a minute", "error", err)
		return time.Minute
	}
	return time.Hour
}

func (k *keeper) moveOnce(ctx context.Context) error {
	before := time.Now().Add(-k.flags.retention())
	var err error
	if k.vault != nil {
		report, archiveErr := k.vault.Archive(ctx)
		dropped, dropErr := k.vault.DropLocal(ctx, time.Now().Add(-k.flags.KeepLocal), k.holds)
		expired, expireErr := k.vault.Expire(ctx, before, k.holds)
		err = errors.Join(archiveErr, dropErr, expireErr)
		if report.Segments+len(dropped.Segments)+len(expired.Segments) > 0 {
			k.log.Info("segments of the journal were moved", "bucket", k.vault.Describe(), "sent", report.Segments, "dropped_here", len(dropped.Segments), "deleted_after_retention", len(expired.Segments))
		}
	}
	if k.index != nil {
		err = errors.Join(err, dropIndexed(ctx, k.index, before, k.holds))
	}
	return err
}

// problems are what /readyz warns of.
func (k *keeper) problems() []error {
	k.mu.Lock()
	room, archived := k.room, k.archived
	k.mu.Unlock()
	all := k.opened.journal.Problems()
	for _, err := range []error{archived, k.noIndex} {
		if err != nil {
			all = append(all, err)
		}
	}
	if !room.Full.IsZero() && time.Until(room.Full) < 24*time.Hour {
		all = append(all, fault.E(fault.Unavailable, "the disk of the journal will be full at %s at the present rate; then no check is answered", room.Full.UTC().Format(time.RFC3339)))
	}
	if k.indexer != nil {
		if s := k.indexer.Status(); s.Error != nil {
			all = append(all, fault.E(fault.Unavailable, "the index of the record is behind since %s: %w", s.Since.UTC().Format(time.RFC3339), s.Error))
		}
		if s := k.looker.Status(); s.Failure != "" {
			all = append(all, fault.E(fault.Unavailable, "looking back on earlier checks has failed at %s: %s", s.FailedAt.Format(time.RFC3339), s.Failure))
		}
	}
	return all
}

// roomText tells how much room the disk of the journal has; "" before it was measured.
func (k *keeper) roomText() string {
	k.mu.Lock()
	room := k.room
	k.mu.Unlock()
	if room == (vault.Space{}) {
		return ""
	}
	text := fmt.Sprintf("%.1f GB free on its disk", float64(room.FreeBytes)/1e9)
	if !room.Full.IsZero() {
		text += fmt.Sprintf(", full at %s at the present rate", room.Full.UTC().Format(time.RFC3339))
	}
	return text
}

// measured adds the keeper's figures to the metrics.
func (k *keeper) measured(m *api.Metrics) {
	gauge := func(name, help string, value func() float64) {
		m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	locked := func(f func() float64) func() float64 {
		return func() float64 {
			k.mu.Lock()
			defer k.mu.Unlock()
			return f()
		}
	}
	gauge("interdict_record_problems", "What is wrong with the record although decisions can be recorded: damaged segments, an index that is behind, a bucket that is away, a disk that is nearly full.",
		func() float64 { return float64(len(k.problems())) })
	gauge("interdict_journal_free_bytes", "Free bytes on the disk of the journal.", locked(func() float64 { return float64(k.room.FreeBytes) }))
	gauge("interdict_journal_full_timestamp_seconds", "When the disk of the journal will be full at the rate of the last hour; 0: never, or not known.", locked(func() float64 {
		if k.room.Full.IsZero() {
			return 0
		}
		return float64(k.room.Full.Unix())
	}))
	if k.vault != nil {
		gauge("interdict_archive_success_timestamp_seconds", "When all sealed segments of the journal were last in the bucket; 0 for not since the start.",
			locked(func() float64 { return unixSeconds(k.archivedAt) }))
		gauge("interdict_archive_failed", "1 if the last attempt to move segments to the bucket has failed.", locked(func() float64 {
			if k.archived != nil {
				return 1
			}
			return 0
		}))
	}
	if k.index == nil {
		return
	}
	gauge("interdict_index_behind_timestamp_seconds", "Since when the index cannot be written; 0 while it can.",
		func() float64 { return unixSeconds(k.indexer.Status().Since) })
	gauge("interdict_index_lag_records", "Records of this server's journal that are not in the index.", func() float64 {
		return max(0, float64(k.opened.journal.Stats().Records)-float64(k.indexer.Indexed(k.opened.journal.Writer())))
	})
	gauge("interdict_alerts_open", "Alerts that nobody has resolved.", locked(func() float64 { return float64(k.open[archive.LookBacks].count) }))
	for kind, of := range origins {
		labels := prometheus.Labels{"kind": kind}
		m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "interdict_cases_open", Help: "Cases that nobody has resolved.",
			ConstLabels: labels}, locked(func() float64 { return float64(k.open[of].count) })))
		m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "interdict_cases_oldest_timestamp_seconds", Help: "When the oldest of them was made; 0 for none.",
			ConstLabels: labels}, locked(func() float64 { return unixSeconds(k.open[of].oldest) })))
	}
	gauge("interdict_look_back_success_timestamp_seconds", "When looking back on earlier checks last succeeded; 0 if this server does not know.", func() float64 {
		if at := k.looker.Status().Success; !at.IsZero() {
			return float64(at.Unix())
		}
		return 0
	})
	gauge("interdict_look_back_failed", "1 if the last look-back has failed.", func() float64 {
		if k.looker.Status().Failure != "" {
			return 1
		}
		return 0
	})
}

// close closes index and bucket.
func (k *keeper) close() {
	if k.vault != nil {
		if err := k.vault.Close(); err != nil {
			k.log.Warn("close the bucket", "error", err)
		}
	}
	if k.index != nil {
		if err := k.index.Close(); err != nil {
			k.log.Warn("close the index", "error", err)
		}
	}
}

// recordReader finds records in this folder, in the bucket, and in the index, which has those of other servers.
type recordReader struct {
	*record.Record
	k *keeper
}

func (e recordReader) Find(ctx context.Context, id uuid.UUID) (journal.Record, error) {
	r, err := e.Record.Find(ctx, id)
	if err == nil {
		return r, nil
	}
	if e.k.index != nil {
		for entry, findErr := range e.k.index.Find(ctx, archive.Query{IDs: []uuid.UUID{id}, Kinds: []journal.Kind{journal.Check}, Limit: 1}) {
			if findErr != nil {
				break // the journal's answer stands
			}
			return journal.Record{Writer: entry.Writer, Sequence: entry.Sequence, Kind: entry.Kind, ID: entry.ID, Time: entry.Time, Payload: entry.Payload}, nil
		}
	}
	if e.k.vault != nil {
		archived, archiveErr := e.k.vault.Find(ctx, id)
		if !fault.Is(archiveErr, fault.NotFound) || !fault.Is(err, fault.Unavailable) || errors.As(err, new(*journal.ArchivedError)) {
			return archived, archiveErr
		}
	}
	return r, err
}

// Receipt needs the log of the writer, which is in the folder of its server.
func (e recordReader) Receipt(r *journal.Record) ([]byte, error) {
	if r.Writer != e.Writer() && e.LogOf(r.Writer) == "" {
		return nil, fault.E(fault.NotFound, "the record is in the log of writer %s, which is on another server: ask that one", r.Writer)
	}
	return e.Record.Receipt(r)
}

var _ api.Record = recordReader{}
