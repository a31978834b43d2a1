package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"interdict/lists"
	"interdict/lists/fault"
)

// Opener opens the store that a target names: a folder, a URL.
type Opener func(target string) (lists.Store, error)

const crashTarget = "INTERDICT_CRASH_TARGET"

// Helper must come first in the TestMain of a package that calls Crash. In the process that
// Crash starts it commits generations until it is killed; in any other it does nothing.
func Helper(open Opener) {
	target := os.Getenv(crashTarget)
	if target == "" {
		return
	}
	fmt.Fprintln(os.Stderr, publish(target, open))
	os.Exit(1)
}

// Kills is how many times Crash kills: 20, or 200 when INTERDICT_LONG is set.
func Kills() int {
	if os.Getenv("INTERDICT_LONG") != "" {
		return 200
	}
	return 20
}

// crashEntries and crashBlob are what a layer and a blob of an id hold: the id says it all.
func crashEntries(id string) []lists.Entry {
	seed := xxhash.Sum64String(id)
	n := int(seed % 1000)
	if seed>>32%8 == 0 {
		n *= 30 // so that a layer takes more than one step
	}
	return Entries(n, seed)
}

func crashBlob(id string) []byte {
	return noise(int(xxhash.Sum64String(id)>>20%200_000), xxhash.Sum64String(id))
}

func crashRecord(id string) []byte { return []byte("attribution of " + id) }

// publish ends with an error only. It makes one generation after another, as a loader does: layers and blobs first, then one commit, then away
// with what no longer counts.
func publish(target string, open Opener) error {
	ctx := context.Background()
	s, err := open(target)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		g, revision, err := lists.Current(ctx, s)
		if err != nil {
			return err
		}
		if err := sweep(ctx, s, g); err != nil {
			return err
		}
		next := lists.Generation{Number: g.Number + 1, Lists: []lists.Active{{}}}
		if len(g.Lists) > 0 && rand.IntN(3) > 0 {
			next.Lists[0].Layers = g.Lists[0].Layers // a delta on top of what is there
		}
		for range 1 + rand.IntN(2) {
			layer := lists.Layer{ID: fmt.Sprintf("l-%d-%d", next.Number, rand.Uint64())}
			if err := publishLayer(ctx, s, layer.ID); err != nil {
				return err
			}
			next.Lists[0].Layers = append(next.Lists[0].Layers[:len(next.Lists[0].Layers):len(next.Lists[0].Layers)], layer)
		}
		err = s.Commit(ctx, lists.Put(lists.DocHead, lists.Head{Generation: next.Number}, revision),
			lists.Put(lists.DocGeneration(next.Number), next, 0))
		if err != nil {
			return err
		}
		fmt.Println(next.Number)
	}
}

func publishLayer(ctx context.Context, s lists.Store, id string) error {
	entries := crashEntries(id)
	w, err := s.CreateLayer(ctx, id, len(entries))
	if err != nil {
		return err
	}
	if err := w.PutAttribution(1, crashRecord(id)); err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.Put(e); err != nil {
			return err
		}
	}
	if err := w.Commit(); err != nil {
		return err
	}
	return s.PutBlob(ctx, lists.BlobFilter(id), strings.NewReader(string(crashBlob(id))))
}

// sweep drops the layers and blobs that the current generation does not name.
func sweep(ctx context.Context, s lists.Store, g lists.Generation) error {
	named := map[string]bool{}
	for _, a := range g.Lists {
		for _, l := range a.Layers {
			named[l.ID], named[lists.BlobFilter(l.ID)] = true, true
		}
	}
	layers, err := s.Layers(ctx)
	if err != nil {
		return err
	}
	for id := range layers {
		if !named[id] {
			if err := s.DropLayer(ctx, id); err != nil {
				return err
			}
		}
	}
	blobs, err := s.Blobs(ctx)
	if err != nil {
		return err
	}
	for _, name := range blobs {
		if !named[name] {
			if err := s.DropBlob(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Crash starts processes that publish generations into target, kills each with SIGKILL at a random point, and
// holds what is there then against what was acknowledged. killed, if any, is called after each kill.
func Crash(t *testing.T, target string, open Opener, killed func()) {
	acknowledged := 0
	for i := range Kills() {
		last := publishUntilKilled(t, target)
		if last > 0 {
			acknowledged = last
		}
		if killed != nil {
			killed()
		}
		s, err := open(target)
		if err != nil {
			t.Fatalf("kill %d: the store does not open: %v", i, err)
		}
		acknowledged = checkCrashed(t, i, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d generations", Kills(), acknowledged)
	if acknowledged == 0 {
		t.Fatal("no generation was committed: the kills came too early to prove anything")
	}
}

func publishUntilKilled(t *testing.T, target string) (acknowledged int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashTarget+"="+target)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || line != "ready\n" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the process does not start: %q, %v, %s", line, err, stderr.String())
	}
	timer := time.AfterFunc(time.Duration(rand.Int64N(int64(200*time.Millisecond))), func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	rest, _ := io.ReadAll(lines)
	_ = cmd.Wait()
	if stderr.Len() > 0 {
		t.Fatalf("the process failed: %s", stderr.String())
	}
	for line := range strings.Lines(string(rest)) {
		if n, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err == nil && strings.HasSuffix(line, "\n") {
			acknowledged = n
		}
	}
	return acknowledged
}

// checkCrashed gives the generation that is current.
func checkCrashed(t *testing.T, kill int, s lists.Store, acknowledged int) int {
	t.Helper()
	ctx := context.Background()
	doc, err := s.Get(ctx, lists.DocHead)
	if fault.Is(err, fault.NotFound) && acknowledged == 0 {
		return 0
	}
	if err != nil {
		t.Fatalf("kill %d: %v", kill, err)
	}
	var head lists.Head
	if err := json.Unmarshal(doc.Value, &head); err != nil {
		t.Fatalf("kill %d: %v", kill, err)
	}
	if head.Generation != acknowledged && head.Generation != acknowledged+1 {
		t.Fatalf("kill %d: generation %d is current, %d was acknowledged", kill, head.Generation, acknowledged)
	}
	g, _, err := lists.Current(ctx, s)
	if err != nil {
		t.Fatalf("kill %d: %v", kill, err)
	}
	for _, l := range g.Lists[0].Layers {
		CheckLayer(t, s, l.ID, crashEntries(l.ID))
		records, err := s.Attributions(ctx, l.ID, []uint32{1})
		if err != nil || string(records[0]) != string(crashRecord(l.ID)) {
			t.Fatalf("kill %d: attribution of %s: %q, %v", kill, l.ID, records, err)
		}
		wantBlob(t, s, lists.BlobFilter(l.ID), crashBlob(l.ID))
	}
	return head.Generation
}
