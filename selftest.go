package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"time"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/journal"
	"interdict/screening/record"
	"interdict/screening/selftest"
)

//go:embed docs/vectors.jsonl
var vectors []byte

type selftestCmd struct {
	target
	Sample      int      `help:"How many listings of each list are tested." default:"200" env:"-"`
	Seed        uint64   `help:"Repeat the choice of an earlier test; 0: another one each time." default:"0" env:"-"`
	VectorsOnly bool     `help:"Test the parser of this program only, no lists." env:"-"`
	Report      string   `help:"Test everything, and write a report to this file, signed with the key of the record." placeholder:"FILE" env:"-"`
	Verify      string   `help:"Verify the signature of such a report, and test nothing; - reads standard input." placeholder:"FILE" env:"-"`
	PublicKey   []string `help:"Public keys for --verify, as audit keys prints them." placeholder:"KEY" env:"-"`
	JSON        bool     `help:"Print the report as JSON."`
}

// Help is shown under selftest --help.
func (*selftestCmd) Help() string {
	return "First, the parser of this program reads the conformance vectors (docs/vectors.md). Then, listings of every active list are chosen at random. Each is\n" +
		"written in other spellings, which must be hits on its list, and with errors, which must be refused: bad checksums, wrong letter case. Lists are those of\n" +
		"the store if there is one, or of --server, whose key needs the role checker. A server records each as a look-up; on a store, nothing is recorded.\n" +
		"The test ends at the first wrong answer, with exit code 1; with --report it goes on to the end.\n\n" +
		"A report is signed if the journal's folder (--journal or --data) has the keys of the record, or --record-key is given.\n\n" +
		"Examples:\n  interdict selftest\n  interdict selftest --sample 1000 --report selftest.note\n  interdict selftest --server http://127.0.0.1:8080 --seed 42\n" +
		"  interdict selftest --verify selftest.note --public-key 'interdict+7fae0c12+AbCd…'"
}

// errFailed ends a test at its first wrong answer.
var errFailed = fault.E(fault.Conflict, "the self-test has failed")

func (c *selftestCmd) Run(e *env) error {
	if c.Verify != "" {
		return c.verify(e)
	}
	switch {
	case len(c.PublicKey) > 0:
		return usage("--public-key is for --verify")
	case c.Sample == 0:
		return usage("--sample 0 tests no list: --vectors-only says so")
	}
	r := &selftest.Report{Program: "interdict " + version + " (commit " + commit + ")", At: time.Now().UTC(), Subject: "this program", Seed: c.Seed, Sample: c.Sample,
		Lists: []selftest.ListResult{}, Failures: []selftest.Failure{}}
	for r.Seed == 0 {
		r.Seed = rand.Uint64() >> 11 //nolint:gosec // no secret; JSON readers that use floating point numbers keep it exactly
	}
	failed := func(f selftest.Failure) bool {
		r.Failures = append(r.Failures, f)
		printFailure(e.stderr, &f)
		return c.Report != ""
	}
	if err := c.vectors(r, failed); err != nil {
		return err
	}
	if c.hasLists() && (len(r.Failures) == 0 || c.Report != "") {
		if err := c.lists(e, r, failed); err != nil {
			return err
		}
	}
	r.Passed = len(r.Failures) == 0
	if c.Report != "" {
		if err := c.write(e, r); err != nil {
			return err
		}
	}
	if c.JSON {
		if _, err := asJSON(e.stdout).Write(selftest.Encode(r)); err != nil {
			return err
		}
	} else {
		c.print(e.stdout, r)
	}
	if !r.Passed {
		return errFailed
	}
	return nil
}

// hasLists reports whether lists are to be tested: they are if a store or a server is named, or the default store exists.
func (c *selftestCmd) hasLists() bool {
	if c.VectorsOnly {
		return false
	}
	if c.Server != "" || c.Redis != "" || c.Data != defaultData {
		return true
	}
	_, err := os.Stat(c.Data)
	return !errors.Is(err, os.ErrNotExist)
}

// defaultData is the default of --data.
const defaultData = "./data"

func (c *selftestCmd) vectors(r *selftest.Report, failed func(selftest.Failure) bool) (err error) {
	r.Vectors.Lines, err = selftest.Vectors(vectors, func(f selftest.Failure) bool {
		r.Vectors.Failed++
		return failed(f)
	})
	return err
}

// lists tests the listings of the store or the server.
func (c *selftestCmd) lists(e *env, r *selftest.Report, failed func(selftest.Failure) bool) error {
	if c.Server != "" {
		u, err := url.Parse(c.Server)
		if err != nil {
			return usage("--server: %w", err)
		}
		server, err := c.client()
		if err != nil {
			return err
		}
		defer server.Close()
		r.Subject = "server " + u.Redacted()
		return c.each(e, r, server, askServer(server), failed)
	}
	store, err := c.openStore(e.ctx, diskstore.ReadOnly)
	if err != nil {
		return e.inUse(err)
	}
	defer store.Close()
	s := screening.New(store, unrecorded{}, api.NewMetrics(), e.quiet(), time.Now)
	if err := s.Refresh(e.ctx); err != nil {
		return err
	}
	o := api.Operations{Store: store, Loader: loader.New(store, nil, e.quiet(), "", time.Now), Now: time.Now, Log: e.quiet()} // nothing to record
	r.Subject = store.Describe()
	return c.each(e, r, o.As(api.Person{Actor: lists.Person(operator())}), askStore(s), failed)
}

// each tests every active list.
func (c *selftestCmd) each(e *env, r *selftest.Report, o operations, ask selftest.Ask, failed func(selftest.Failure) bool) error {
	all, err := o.Lists(e.ctx)
	if err != nil {
		return err
	}
	for i := range all {
		l := &all[i]
		if l.ActiveVersion == 0 {
			continue
		}
		if t := e.terminal(); t != nil {
			fmt.Fprintf(t, "testing %s …\n", l.ID)
		}
		if err := c.one(e, r, l, o, ask, failed); err != nil {
			return err
		}
		if len(r.Failures) > 0 && c.Report == "" {
			return nil
		}
	}
	if len(r.Lists) == 0 {
		return fault.E(fault.NotLoaded, "no list is active in %s: nothing to test; --vectors-only tests the program alone", r.Subject)
	}
	return nil
}

// one tests one list. A version that was replaced meanwhile is tested again in its new state: what was wrong about it may be the change.
func (c *selftestCmd) one(e *env, r *selftest.Report, l *client.List, o operations, ask selftest.Ask, failed func(selftest.Failure) bool) error {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		v, err := o.Version(e.ctx, l.ID, l.ActiveVersion)
		if err != nil {
			return err
		}
		out := selftest.ListResult{List: l.ID, Version: v.Number, Published: v.Published, SHA256: v.SHA256, Listings: v.Listings}
		sampler := selftest.NewSampler(r.Seed, l.ID, c.Sample)
		if err := export(e.ctx, o, l.ID, v.Number, sampler.Add); err != nil {
			return err
		}
		var wrong []selftest.Failure
		generation, err := sampler.Test(e.ctx, time.Now(), ask, &out, func(f selftest.Failure) bool {
			wrong = append(wrong, f)
			return c.Report != ""
		})
		if err != nil {
			return err
		}
		if len(wrong) > 0 {
			now, err := o.List(e.ctx, l.ID)
			if err != nil {
				return err
			}
			if now.ActiveVersion != v.Number {
				if now.ActiveVersion == 0 {
					return nil // it was retired
				}
				if attempt == attempts {
					return fault.E(fault.Conflict, "list %s was changed during each of %d tests: run it again", l.ID, attempts)
				}
				l = now
				continue
			}
		}
		r.Lists = append(r.Lists, out)
		r.Generation = max(generation, r.Generation)
		for _, f := range wrong {
			failed(f)
		}
		return nil
	}
}

// export calls add with every listing of a version.
func export(ctx context.Context, o operations, list string, n int, add func(lists.Listing)) error {
	out, in := io.Pipe()
	exported := make(chan error, 1)
	go func() {
		err := o.Export(ctx, list, n, "ndjson", in)
		in.CloseWithError(err)
		exported <- err
	}()
	var err error
	for lines := json.NewDecoder(out); err == nil; {
		var x struct {
			Address    string `json:"address"`
			Network    string `json:"network"`
			Asset      string `json:"asset"`
			ValidUntil string `json:"valid_until"`
		}
		if err = lines.Decode(&x); err == nil {
			add(lists.Listing{Address: x.Address, Attribution: lists.Attribution{Network: x.Network, Asset: x.Asset, ValidUntil: x.ValidUntil}})
		}
	}
	out.CloseWithError(err)
	if failed := <-exported; failed != nil && !errors.Is(failed, err) {
		return failed
	}
	if !errors.Is(err, io.EOF) {
		return fault.E(fault.KindOf(err), "read the export of version %d of %s: %w", n, list, err)
	}
	return nil
}

// unrecorded is a journal that keeps nothing.
type unrecorded struct{}

func (unrecorded) AppendBatch([]journal.Entry, bool) error { return nil }

func askStore(s *screening.Screener) selftest.Ask {
	return func(ctx context.Context, text, network string) (selftest.Outcome, error) {
		var a screening.Answer
		err := s.Check(ctx, &screening.Request{Address: text, Network: network, By: operator()}, &a)
		if errors.As(err, new(*screening.Refused)) {
			return selftest.Outcome{Result: "refused"}, nil
		}
		if err != nil {
			return selftest.Outcome{}, err
		}
		answer, err := client.ReadAnswer(a.JSON, text, "")
		return outcomeOf(answer, err)
	}
}

func askServer(server *client.Client) selftest.Ask {
	return func(ctx context.Context, text, network string) (selftest.Outcome, error) {
		ctx, cancel := context.WithTimeout(ctx, serverTime)
		defer cancel()
		answer, err := server.Lookup(ctx, text, network)
		if fault.Is(err, fault.InvalidAddress) {
			return selftest.Outcome{Result: "refused"}, nil
		}
		return outcomeOf(answer, err)
	}
}

func outcomeOf(a *client.Answer, err error) (selftest.Outcome, error) {
	if err != nil {
		return selftest.Outcome{}, err
	}
	out := selftest.Outcome{Result: a.Result, Generation: a.Screened.Generation, More: a.MatchesTotal > len(a.Matches)}
	for i := range a.Matches {
		out.Matched = append(out.Matched, a.Matches[i].List.ID)
	}
	for i := range a.Suppressed {
		out.Suppressed = append(out.Suppressed, a.Suppressed[i].List.ID)
	}
	return out, nil
}

// write writes the report, signed if there is a key.
func (c *selftestCmd) write(e *env, r *selftest.Report) error {
	keys, err := c.signingKeys()
	if err == nil && keys == nil {
		keys, err = record.Folder{Dir: c.journalDir()}.PrivateKeys(c.RecordName)
	}
	b := selftest.Encode(r)
	switch {
	case fault.Is(err, fault.NotFound):
		fmt.Fprintf(e.stderr, "interdict: the report is not signed: %v\n", err)
	case err != nil:
		return err
	default:
		if b, err = selftest.Seal(r, keys.Sign); err != nil {
			return err
		}
	}
	if err := os.WriteFile(c.Report, b, 0o600); err != nil {
		return fault.E(fault.Unavailable, "write the report: %w", err)
	}
	return nil
}

func (c *selftestCmd) verify(e *env) error {
	if len(c.PublicKey) == 0 {
		return usage("--verify needs --public-key")
	}
	b, err := readInput(e, c.Verify, 64<<20)
	if err != nil {
		return err
	}
	x, err := selftest.Open(b, c.PublicKey)
	if err != nil {
		return err
	}
	if c.JSON {
		printJSON(e.stdout, x)
		return nil
	}
	fmt.Fprintf(e.stdout, "The report is signed by %v. SHA-256 %s, %s.\n", x.Keys, x.SHA256, x.Report.At.Format(time.RFC3339))
	for i := range x.Report.Failures {
		printFailure(e.stdout, &x.Report.Failures[i])
	}
	c.print(e.stdout, &x.Report)
	return nil
}

func printFailure(w io.Writer, f *selftest.Failure) {
	of := "list " + f.List + ", listed as " + f.Listed
	if f.Vector != "" {
		of = "vector " + f.Vector
	}
	fmt.Fprintf(w, "WRONG  %+q, network %s (%s; %s): want %s, got %s\n", f.Text, orDash(f.Network), f.How, of, f.Want, f.Got)
}

func (c *selftestCmd) print(w io.Writer, r *selftest.Report) {
	fmt.Fprintf(w, "%s, address rules %d\nvectors: %d lines, %d failed\n", r.Program, address.Rules, r.Vectors.Lines, r.Vectors.Failed)
	for i := range r.Lists {
		l := &r.Lists[i]
		fmt.Fprintf(w, "list %s, version %d: %d of %d listings (%d expired), %d texts: %d hits, %d suppressed, %d refused, %d failed\n", l.List, l.Version, l.Sampled, l.Listings,
			l.Expired, l.Texts, l.Hits, l.Suppressed, l.Refusals, l.Failed)
	}
	if len(r.Lists) == 0 {
		fmt.Fprintln(w, "no list was tested")
	} else {
		fmt.Fprintf(w, "%s, generation %d, --seed %d --sample %d\n", r.Subject, r.Generation, r.Seed, r.Sample)
	}
	if r.Passed {
		fmt.Fprintln(w, "PASSED")
	} else {
		fmt.Fprintln(w, "FAILED")
	}
}
