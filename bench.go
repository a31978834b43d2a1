package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"interdict/api/bench"
	"interdict/screening/archive"
	"interdict/screening/archive/diskindex"
	"interdict/screening/journal"
)

type benchCmd struct {
	Size        int           `help:"How many addresses the synthetic list has." default:"1000000"`
	Rounds      int           `help:"How often each scenario runs; the results are medians." default:"5"`
	Time        time.Duration `help:"How long one scenario runs in one round." default:"2s"`
	Connections int           `help:"Keep-alive connections of the load." default:"32"`
	Redis       string        `help:"Redis for the naive design; one is started if redis-server is installed." placeholder:"URL"`
	JournalSync string        `help:"Which records are on disk before the answer: of hits and changes, or all." enum:"hits,all" default:"hits"`
	Activations bool          `help:"Activate fifty more addresses every second while checks are measured."`
	Index       bool          `help:"Also measure misses while the server indexes its record, in turn with those without."`
	JSON        bool          `help:"Print JSON."`

	ServeOn string `hidden:"" help:"Internal: run the server, with its data in this folder."`
}

// Help is shown under bench --help.
func (*benchCmd) Help() string {
	return "Example:\n  interdict bench --size 10000000 --rounds 7"
}

func (c *benchCmd) Run(e *env) error {
	o := bench.Options{Size: c.Size, Rounds: c.Rounds, Time: c.Time, Connections: c.Connections, Redis: c.Redis, Activations: c.Activations, Index: c.Index,
		JSON: c.JSON, By: operator(), Stdout: e.stdout, Stderr: e.stderr, Sync: c.JournalSync, Open: c.open(e.quiet(), journal.MinSegmentBytes, false)}
	if c.ServeOn != "" {
		o.Open = c.open(e.quiet(), journal.DefaultSegmentBytes, true)
		return bench.Serve(e.ctx, c.ServeOn, o)
	}
	return bench.Run(e.ctx, o)
}

// open returns a function that opens a store; a server looks after the record, as serve does.
func (c *benchCmd) open(log *slog.Logger, segmentBytes int, server bool) func(context.Context, string) (*bench.Store, error) {
	return func(ctx context.Context, dir string) (*bench.Store, error) {
		o, err := (&storeFlags{Data: dir, JournalSync: c.JournalSync, recordFlags: recordFlags{tend: server}}).openWith(ctx, log, segmentBytes)
		if err != nil {
			return nil, err
		}
		s := &bench.Store{Store: o.store, Journal: o.journal, Loader: o.loader, Recorder: recorder{o.journal}, Log: o.log, Close: o.close}
		if server && c.Index {
			x, err := diskindex.Open(filepath.Join(dir, "index"), log)
			if err != nil {
				o.close()
				return nil, err
			}
			s.Indexer = indexerOf(x, archive.Folder(o.journal.Dir), o, log)
			s.Close = func() {
				_ = x.Close()
				o.close()
			}
		}
		return s, nil
	}
}
