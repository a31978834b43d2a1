package loader_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

// endless is n bytes of one letter, made while they are read.
func endless(n int64) io.Reader { return io.LimitReader(letters{}, n) }

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func packed(t *testing.T, pack func(io.Writer) (io.WriteCloser, error), n int64) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w, err := pack(&b)
	if err == nil {
		_, err = io.Copy(w, io.LimitReader(lines{}, n))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &b
}

// lines are comments without end.
type lines struct{}

func (lines) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '#'
		if i%1000 == 999 {
			p[i] = '\n'
		}
	}
	return len(p), nil
}

// broken breaks off after some bytes.
type broken struct {
	r   io.Reader
	err error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

// Whatever comes in, a load ends with an error that says what and where, within bounded memory; the active version stays, nothing of the
// upload is left but its report.
func TestBadUploadsChangeNothing(t *testing.T) {
	gz := func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }
	zs := func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }
	zipped := func(name string) func(w io.Writer) (io.WriteCloser, error) {
		return func(w io.Writer) (io.WriteCloser, error) {
			z := zip.NewWriter(w)
			f, err := z.Create(name)
			return struct {
				io.Writer
				io.Closer
			}{f, z}, err
		}
	}
	half := func() io.Reader {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, csvOf(strings.Repeat(evmA+",ethereum,A\n", 5000)))
		w.Close()
		return bytes.NewReader(b.Bytes()[:b.Len()/2])
	}
	const bomb = 80 << 20 // what is refused begins at 64 MiB
	for name, x := range map[string]struct {
		body   func() io.Reader
		format string
		kind   fault.Kind
		says   string
	}{
		"a gzip bomb":              {func() io.Reader { return packed(t, gz, bomb) }, "text", fault.Invalid, "bomb"},
		"a zstd bomb":              {func() io.Reader { return packed(t, zs, bomb) }, "text", fault.Invalid, "bomb"},
		"a zip bomb":               {func() io.Reader { return packed(t, zipped("l.txt"), bomb) }, "text", fault.Invalid, "bomb"},
		"an xlsx bomb":             {func() io.Reader { return packed(t, zipped("xl/worksheets/sheet1.xml"), bomb) }, "xlsx", fault.Invalid, ""},
		"a line of 1 GB":           {func() io.Reader { return endless(1 << 30) }, "text", fault.Invalid, "line"},
		"a csv field of 1 GB":      {func() io.Reader { return io.MultiReader(strings.NewReader("address,note\n\""), endless(1<<30)) }, "csv", fault.Invalid, "line"},
		"a JSON text of 1 GB":      {func() io.Reader { return io.MultiReader(strings.NewReader(`["`), endless(1<<30)) }, "json", fault.Invalid, ""},
		"a stream that breaks off": {func() io.Reader { return broken{strings.NewReader(csvOf(evmA + ",ethereum,A")), io.ErrUnexpectedEOF} }, "csv", fault.Invalid, "broke off"},
		"half a gzip file":         {half, "csv", fault.Invalid, ""},
		"nothing":                  {func() io.Reader { return strings.NewReader("") }, "auto", fault.Invalid, "empty"},
		"another format than said": {func() io.Reader { return strings.NewReader(csvOf(evmA + ",ethereum,A")) }, "ofac_advanced", fault.Invalid, ""},
		"a format that is none":    {func() io.Reader { return strings.NewReader(csvOf(evmA + ",ethereum,A")) }, "pdf", fault.Invalid, "pdf"},
		"XML entities": {func() io.Reader {
			return strings.NewReader(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><Sanctions>&b;</Sanctions>`)
		}, "ofac_advanced", fault.Invalid, ""},
		"XML that nests a million deep":  {func() io.Reader { return strings.NewReader("<Sanctions>" + strings.Repeat("<a>", 1_000_000)) }, "ofac_advanced", fault.Invalid, ""},
		"JSON that nests a million deep": {func() io.Reader { return strings.NewReader(strings.Repeat("[", 1_000_000)) }, "json", fault.Invalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A", evmB+",ethereum,B"))
			b.activate(t, "deny", 1)
			body := x.body()
			grown := heapGrowth(func() {
				_, err := b.Stage(ctx, "deny", []loader.Upload{{Name: "../../etc/bad", Body: body}}, loader.StageOptions{Format: x.format, By: lists.Person("ana")})
				if !fault.Is(err, x.kind) || !strings.Contains(err.Error(), x.says) || strings.Contains(err.Error(), "..") {
					t.Errorf("it ends with: %v", err)
				}
			})
			if grown > 64<<20 {
				t.Errorf("it took %d MB", grown>>20)
			}
			if got := b.content(t, "deny", 1); len(got) != 2 {
				t.Errorf("the active version: %v", got)
			}
			all, err := b.Versions(ctx, "deny")
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range all[1:] {
				if v.State != lists.Failed || v.Error == "" || len(v.Layers) != 0 {
					t.Errorf("version %d is %s: %q", v.Number, v.State, v.Error)
				}
				if _, err := b.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("bo"), Override: "I want it", Warrant: lists.Warrant{Alone: lists.AloneOperator}}); !fault.Is(err, fault.Conflict) {
					t.Errorf("it can be activated: %v", err)
				}
			}
			if layers, err := b.store.Layers(ctx); err != nil || len(layers) != 1 {
				t.Errorf("layers %v, %v", layers, err)
			}
		})
	}
}

// heapGrowth is how much larger the heap was at its largest than before.
func heapGrowth(work func()) uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	before, most := sample[0].Value.Uint64(), uint64(0)
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	work()
	close(stop)
	done.Wait()
	return most - min(most, before)
}

// A disk that takes nothing is our fault, not the uploader's, and nothing is lost by it.
func TestAFullDiskIsSaid(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	nowhere := loader.New(b.store, b.ledger, slog.New(slog.DiscardHandler), filepath.Join(t.TempDir(), "nosuch"), time.Now)
	if _, err := nowhere.Stage(ctx, "deny", []loader.Upload{{Name: "l.csv", Body: strings.NewReader(csvOf(evmB + ",ethereum,B"))}},
		loader.StageOptions{Format: "csv", By: lists.Person("ana")}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("it ends with: %v", err)
	}
	if got := b.content(t, "deny", 1); len(got) != 1 {
		t.Errorf("the active version: %v", got)
	}
}

// Two people upload at the same time: both are staged, under their own numbers; what was made for a state that has passed is told so, or compared
// again.
func TestTwoUploadsAtTheSameTime(t *testing.T) {
	b := newBench(t)
	b.mustStage(t, loader.StageOptions{}, csvOf(evmA+",ethereum,A"))
	b.activate(t, "deny", 1)
	for round, mode := range []lists.Mode{lists.Add, lists.Replace} {
		var done sync.WaitGroup
		versions := make([]*lists.Version, 2)
		for i, content := range []string{csvOf(evmA+",ethereum,A", evmB+",ethereum,B"), csvOf(evmA+",ethereum,A", evmC+",ethereum,C")} {
			done.Go(func() { versions[i] = b.mustStage(t, loader.StageOptions{Mode: mode}, content) })
		}
		done.Wait()
		if versions[0].Number == versions[1].Number || versions[0].State != lists.Staged || versions[1].State != lists.Staged {
			t.Fatalf("versions %d and %d", versions[0].Number, versions[1].Number)
		}
		errs := make([]error, 2)
		for i, v := range versions {
			done.Go(func() {
				_, errs[i] = b.Activate(ctx, "deny", v.Number, loader.ActivateOptions{By: lists.Person("bo"), Override: "race", Warrant: lists.Warrant{Alone: lists.AloneOperator}})
			})
		}
		done.Wait()
		switch failed := errors.Join(errs...); {
		case mode == lists.Add && (errs[0] == nil) == (errs[1] == nil):
			t.Errorf("round %d: additions that do not know each other: %v", round, errs)
		case mode == lists.Add && !fault.Is(failed, fault.Conflict) && !strings.Contains(failed.Error(), "stage it again"):
			t.Errorf("round %d: %v", round, failed)
		case mode == lists.Replace && failed != nil:
			t.Errorf("round %d: %v", round, failed)
		}
	}
}
