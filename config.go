package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"interdict/lists"
	"interdict/lists/backup"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/lists/logs"
	"interdict/lists/redisstore"
	"interdict/loader"
	"interdict/screening/edge"
	"interdict/screening/journal"
	"interdict/screening/record"
)

// Settings come from one YAML file, the environment and flags; later wins. A flag --admin-listen is admin_listen in the
// file and INTERDICT_ADMIN_LISTEN in the environment; INTERDICT_…_FILE names a file that holds the value.

// settings are the values of flags that the settings file and the …_FILE variables give.
type settings map[string]string

// Validate has nothing to add: configure has checked every key.
func (settings) Validate(*kong.Application) error { return nil }

// Resolve gives a flag's value, unless the environment gives one.
func (s settings) Resolve(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
	if _, set := os.LookupEnv(envName(f.Name)); set {
		return nil, nil
	}
	if v, ok := s[f.Name]; ok {
		return v, nil
	}
	return nil, nil
}

// configure reads the settings file and the …_FILE variables into values.
func configure(parser *kong.Kong, args []string, values settings) error {
	given, mistakes := readSettings(parser, configPath(args))
	for name, o := range given {
		values[name] = o.value
	}
	errs := make([]error, len(mistakes))
	for i := range mistakes {
		errs[i] = &mistakes[i]
	}
	return errors.Join(errs...)
}

// largestNumber bounds every number in the settings: no count, share or rate is larger.
const largestNumber = 1e9

// checkNumbers refuses numbers that are no count, share or rate: negative, infinite, not a number. Wherever a flag's value comes from.
func checkNumbers(k *kong.Context) error {
	for _, f := range k.Flags() {
		if err := checkNumber(f.Name, f.Target); err != nil {
			return err
		}
	}
	return nil
}

// checkNumber refuses a number that is negative, above 1e9, infinite or not a number. Other values pass.
func checkNumber(name string, v reflect.Value) error {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		if v.Int() < 0 {
			return fmt.Errorf("--%s: must not be negative", name)
		}
	case name == "limit" && v.CanInt() && v.Int() < 1: // of nothing there is nothing to show
		return errors.New("--limit: must be at least 1")
	case v.CanInt() && (v.Int() < 0 || v.Int() > largestNumber), v.CanFloat() && !(v.Float() >= 0 && v.Float() <= largestNumber):
		return fmt.Errorf("--%s: must be a number from 0 to 1e9", name)
	}
	return nil
}

func envName(flag string) string {
	return "INTERDICT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func configPath(args []string) string {
	for i, a := range args {
		if a == "--config" && i+1 < len(args) {
			return args[i+1]
		}
		if v, ok := strings.CutPrefix(a, "--config="); ok {
			return v
		}
	}
	return os.Getenv("INTERDICT_CONFIG")
}

// storeFlags say where lists are kept.
type storeFlags struct {
	Data          string `help:"Folder of the embedded store and the journal." default:"./data" placeholder:"DIR"`
	Redis         string `help:"Keep lists in this Redis instead: redis://, rediss://, redis+sentinel://, redis+cluster://." placeholder:"URL"`
	RedisPassword string `help:"Password for Redis; better as INTERDICT_REDIS_PASSWORD_FILE." placeholder:"PASSWORD"`
	RedisPrefix   string `help:"First part of every key in Redis; interdict when neither this nor the URL (?prefix=) says." placeholder:"NAME"`
	Journal       string `help:"Folder of the journal; DATA/journal when not given." placeholder:"DIR"`
	JournalSync   string `help:"Which records are on disk before the answer: of hits and changes (misses follow within 100 ms), or all." enum:"hits,all" default:"hits"`
	recordFlags
}

func (f *storeFlags) journalDir() string {
	return cmp.Or(f.Journal, filepath.Join(f.Data, "journal"))
}

// opened is a store with the journal beside it.
type opened struct {
	store   lists.Store
	journal *record.Record
	loader  *loader.Loader
	log     *slog.Logger
}

// open opens the store for a command, which writes a few records into the journal and ends.
func (f *storeFlags) open(ctx context.Context, log *slog.Logger) (*opened, error) {
	return f.openWith(ctx, log, journal.MinSegmentBytes)
}

// openWith opens the store with journal segments of a size.
func (f *storeFlags) openWith(ctx context.Context, log *slog.Logger, segmentBytes int) (*opened, error) {
	store, err := f.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return f.withJournal(store, publisher{store}.publish, log, segmentBytes)
}

// openToCheck opens the store for checks: they are recorded in the journal, and the store stays as it is.
func (f *storeFlags) openToCheck(ctx context.Context, log *slog.Logger) (*opened, error) {
	store, err := f.openStore(ctx, diskstore.ReadOnly)
	if err != nil {
		return nil, err
	}
	return f.withJournal(store, nil, log, journal.MinSegmentBytes) // the next server publishes the checkpoint
}

func (f *storeFlags) openStore(ctx context.Context, o ...diskstore.Option) (lists.Store, error) {
	store, err := f.openToRestore(ctx, o...)
	if err != nil {
		return nil, err
	}
	if err := backup.Unfinished(ctx, store); err != nil && !fault.Is(err, fault.Unavailable) { // a server starts without Redis
		store.Close()
		return nil, err
	}
	return store, nil
}

// openToRestore opens the store even if a restore into it was interrupted.
func (f *storeFlags) openToRestore(ctx context.Context, o ...diskstore.Option) (lists.Store, error) {
	if f.Redis != "" {
		return redisstore.Open(ctx, f.Redis, redisstore.Options{Prefix: f.RedisPrefix, Password: f.RedisPassword})
	}
	store, err := diskstore.Open(f.Data, o...)
	if err != nil {
		return nil, err
	}
	guarded, err := edge.GuardFollowed(ctx, store)
	if err != nil {
		store.Close()
		return nil, err
	}
	return guarded, nil
}

// withJournal adds the journal. It closes the store where that fails.
func (f *storeFlags) withJournal(store lists.Store, publish func(context.Context, record.Published) error, log *slog.Logger, segmentBytes int) (*opened, error) {
	dir := f.journalDir()
	keys, err := f.signingKeys()
	if err != nil {
		store.Close()
		return nil, err
	}
	witnesses, err := f.witnesses()
	if err != nil {
		store.Close()
		return nil, err
	}
	r, err := record.Open(dir, record.Options{Now: time.Now, Logger: log, SegmentBytes: segmentBytes, SyncAll: f.JournalSync == "all", Name: f.RecordName, Keys: keys,
		Witnesses: witnesses, Publish: publish, Tend: f.tend})
	if err != nil {
		store.Close()
		return nil, fault.E(fault.KindOf(err), "%w (every decision is recorded there first: --journal or --data names another folder)", err)
	}
	return &opened{store, r, loader.New(store, recorder{r}, log, "", time.Now), log}, nil
}

func (o *opened) close() {
	if err := o.journal.Close(); err != nil {
		o.log.Error("close the journal", "error", err)
	}
	if err := o.store.Close(); err != nil {
		o.log.Error("close the store", "error", err)
	}
}

// serverFlags name a running server to work through.
type serverFlags struct {
	Server string `help:"Work through this running server instead of the store itself." placeholder:"URL"`
	Key    string `help:"API key for the server; better as INTERDICT_KEY or INTERDICT_KEY_FILE." placeholder:"KEY"`

	CA         string `name:"ca" help:"PEM file of the authority that has issued the server's certificate; the system's authorities when not given." placeholder:"FILE"`
	ClientCert string `help:"PEM file of a certificate to present to the server." placeholder:"FILE"`
	ClientKey  string `help:"PEM file of its key." placeholder:"FILE"`
}

// operator names who works on the store itself.
func operator() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "operator:" + u.Username
	}
	return "operator"
}

// logger writes the program's log: no addresses, no keys, and the same warning once a minute.
func (e *env) logger() *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(e.logLevel)); err != nil {
		level = slog.LevelInfo
	}
	var handler slog.Handler = slog.NewJSONHandler(e.stderr, &slog.HandlerOptions{Level: level})
	if e.logFormat == "text" {
		handler = slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level})
	}
	e.limiter = logs.NewLimiter(handler, repeatEvery, time.Now)
	return slog.New(e.limiter)
}

// repeatEvery is how often the log has the same warning.
const repeatEvery = time.Minute

// endLog logs what was held back because it repeated.
func (e *env) endLog() {
	if e.limiter != nil {
		_ = e.limiter.Flush(context.Background()) // there is no place left to say so
	}
}

// quiet is the logger of commands: only what goes wrong.
func (e *env) quiet() *slog.Logger {
	if e.logLevel == "info" {
		e.logLevel = "warn"
	}
	return e.logger()
}

func usage(format string, args ...any) error { return fault.E(errUsage, format, args...) }
