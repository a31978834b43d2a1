package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"interdict/lists"
	"interdict/lists/backup"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/screening/journal"
	"interdict/screening/record"
)

type backupCmd struct {
	Create backupCreateCmd `cmd:"" default:"withargs" help:"Write all that a store and the record beside it hold into one file."`
	Verify backupVerifyCmd `cmd:"" help:"Read a backup completely and compare it with its digests."`
}

// backupSecrets encrypt and decrypt a backup.
type backupSecrets struct {
	Passphrase string `help:"Passphrase that the backup is encrypted with, in the format of age; better as INTERDICT_PASSPHRASE_FILE." placeholder:"SECRET"`
}

// backupIdentity decrypts a backup.
type backupIdentity struct {
	backupSecrets
	Identity string `help:"Private key of age that the backup was encrypted to; better as INTERDICT_IDENTITY_FILE." placeholder:"KEY"`
}

func (b *backupIdentity) file(path string) backup.File {
	return backup.File{Path: path, Secrets: backup.Secrets{Passphrase: b.Passphrase, Identities: b.Identity}}
}

type backupCreateCmd struct {
	target
	backupSecrets
	Recipient []string `help:"Public keys of age that the backup is encrypted to instead; with them it cannot be read." placeholder:"age1…"`
	File      string   `arg:"" help:"File that is written; it must not exist." type:"path"`
	Record    bool     `help:"Include the record of decisions and changes." default:"true" negatable:""`
	JSON      bool     `help:"Print JSON."`
}

// Help is shown under backup --help.
func (*backupCreateCmd) Help() string {
	return "The embedded store of a running server is backed up through the server. Without a passphrase or recipients the file has secrets in the clear: the key that signs " +
		"the record, secrets of webhooks, and what API keys are verified with.\n\nExamples:\n" +
		"  interdict backup interdict.backup --server http://127.0.0.1:8080\n  interdict backup interdict.backup --redis redis://redis:6379 --recipient age1…\n  interdict backup verify interdict.backup"
}

func (c *backupCreateCmd) Run(e *env) error {
	write, done, err := c.source(e)
	if err != nil {
		return err
	}
	defer done()
	secrets := backup.Secrets{Passphrase: c.Passphrase, Recipients: c.Recipient}
	sum, err := backup.Create(e.ctx, c.File, secrets, e.counted("writing the backup", write))
	if err != nil {
		return err
	}
	if !secrets.Encrypts() {
		fmt.Fprintln(e.stderr, "warning: the backup has secrets in the clear, and only its owner may read the file; --passphrase or --recipient encrypts it")
	}
	return printResult(e, c.JSON, sum, nil, func(s backup.Summary) { printBackup(e, c.File, s) })
}

// source returns what writes the backup. done closes the store.
func (c *backupCreateCmd) source(e *env) (write func(io.Writer) error, done func(), err error) {
	if c.Server != "" {
		server, err := c.client()
		if err != nil {
			return nil, nil, err
		}
		return func(w io.Writer) error { return server.Backup(e.ctx, c.Record, w) }, server.Close, nil
	}
	store, err := c.openStore(e.ctx, diskstore.ReadOnly)
	if err != nil {
		return nil, nil, e.inUse(err)
	}
	source := backup.Source{Store: store, Program: version, Now: time.Now}
	if c.Record {
		folder := record.Folder{Dir: c.journalDir()}
		switch _, err := os.Stat(folder.Dir); {
		case err == nil:
			source.Record = recordFiles(folder)
		case errors.Is(err, fs.ErrNotExist):
			fmt.Fprintf(e.stderr, "warning: there is no record in %s: the backup has the store alone\n", folder.Dir)
		default:
			store.Close()
			return nil, nil, fault.E(fault.Unavailable, "the folder of the journal: %w", err)
		}
	}
	return func(w io.Writer) error {
		_, err := backup.Write(e.ctx, w, source)
		return err
	}, func() { _ = store.Close() }, nil
}

// recordFiles are the files of a record for a backup.
func recordFiles(f record.Folder) backup.Folder {
	return func(ctx context.Context) iter.Seq2[backup.RecordFile, error] {
		return func(yield func(backup.RecordFile, error) bool) {
			for s, err := range f.Snapshot(ctx) {
				if !yield(backup.RecordFile{Path: s.Path, Body: s.Body}, err) {
					return
				}
			}
		}
	}
}

// backup writes a backup of what a server works with.
func (o *opened) backup(ctx context.Context, to io.Writer, withRecord bool) error {
	source := backup.Source{Store: o.store, Program: version, Now: time.Now}
	if withRecord {
		source.Record = recordFiles(o.journal.Folder)
	}
	_, err := backup.Write(ctx, to, source)
	return err
}

// counted shows how many bytes were written, on a terminal.
func (e *env) counted(what string, write func(io.Writer) error) func(io.Writer) error {
	f := e.terminal()
	if f == nil {
		return write
	}
	return func(w io.Writer) error {
		bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		defer func() { _ = bar.Finish() }()
		return write(io.MultiWriter(w, bar))
	}
}

func printBackup(e *env, file string, s backup.Summary) {
	fmt.Fprintf(e.stdout, "%s: generation %d, %d documents, %d layers, %d blobs, %d files of the record, of %s, SHA-256 of its manifest %s\n",
		file, s.Generation, s.Documents, s.Layers, s.Blobs, s.Record, s.Created.Format(time.RFC3339), s.SHA256)
}

type backupVerifyCmd struct {
	backupIdentity
	File string `arg:"" help:"File that backup has written." type:"path"`
	JSON bool   `help:"Print JSON."`
}

// Help is shown under backup verify --help.
func (*backupVerifyCmd) Help() string {
	return "Example:\n  interdict backup verify interdict.backup"
}

func (c *backupVerifyCmd) Run(e *env) error {
	_, sum, err := c.file(c.File).Verify(e.ctx)
	return printResult(e, c.JSON, sum, err, func(s backup.Summary) { printBackup(e, c.File, s) })
}

// restoredBackup is what restore FILE prints.
type restoredBackup struct {
	backup.Summary
	Into string `json:"into"`
}

// fromBackup restores a backup into an empty store, and its record into an empty folder.
func (c *restoreCmd) fromBackup(e *env) error {
	if c.Server != "" || c.From != "" {
		return usage("a backup is restored into an empty store: use --data or --redis, without --server and --from")
	}
	if lists.Reason(c.Reason) == "" {
		c.Reason = "restored from a backup"
	}
	file := c.file(c.File)
	m, sum, err := file.Verify(e.ctx)
	if err != nil {
		return err
	}
	if c.Only != "store" && sum.Record == 0 && c.Only == "record" {
		return fault.E(fault.NotFound, "%s has no record", c.File)
	}
	out := restoredBackup{Summary: sum}
	var to backup.Target
	if c.Only != "record" {
		store, err := c.openToRestore(e.ctx)
		if err != nil {
			return e.inUse(err)
		}
		defer store.Close()
		if err := backup.Empty(e.ctx, store); err != nil {
			return err
		}
		to.Store, out.Into = store, store.Describe()
	}
	if c.Only != "store" && sum.Record > 0 {
		folder, err := record.BeginRestore(c.journalDir())
		if err != nil {
			return err
		}
		to.Record = folder
		if out.Into == "" {
			out.Into = c.journalDir()
		}
	}
	if err := file.Restore(e.ctx, m, to); err != nil {
		return err
	}
	if to.Store != nil {
		if err := c.recordRestore(e, to.Store, sum); err != nil {
			return err
		}
	}
	return printResult(e, c.JSON, out, nil, func(r restoredBackup) {
		fmt.Fprintf(e.stdout, "restored into %s:\n", r.Into)
		printBackup(e, c.File, r.Summary)
	})
}

// recordRestore records the restore in the journal beside the store. It closes the store.
func (c *restoreCmd) recordRestore(e *env, store lists.Store, sum backup.Summary) error {
	log := e.quiet()
	o, err := c.withJournal(store, publisher{store}.publish, log, journal.MinSegmentBytes)
	if err != nil {
		return fault.E(fault.KindOf(err), "the backup is restored, but that could not be recorded: %w", err)
	}
	defer o.close()
	ledger := lists.Ledger{Recorder: recorder{o.journal}, Log: log, Now: time.Now}
	return ledger.Note(lists.Event{Action: "restore", By: operator(), Generation: sum.Generation, SHA256: sum.SHA256,
		Reason: fmt.Sprintf("%s (backup of %s)", lists.Reason(c.Reason), sum.Created.Format(time.RFC3339))})
}
