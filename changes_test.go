package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/storetest"
)

// A command that follows prints what another one changes, on a store and through a server.
func TestCommandFollowsChanges(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := serve(t, "--redis", redis, "--data", t.TempDir(), "--no-refresh", "--cache", "none")
	file := filepath.Join(t.TempDir(), "list.csv")
	load := func(rows string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("address,asset,entity\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := program(t, "", "load", "deny", file, "--activate", "--override", "test", "--redis", redis, "--data", t.TempDir()); code != exitDone {
			t.Fatal(errs)
		}
	}
	load(canaryAlways + ",ETH,A\n")
	for name, where := range map[string][]string{"store": {"--redis", redis}, "server": {"--server", s.base, "--key", testKey}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out, in := io.Pipe()
			done := make(chan int, 1)
			go func() {
				code := run(ctx, append([]string{"lists", "changes", "--since", "start", "--follow", "--json"}, where...), strings.NewReader(""), in, io.Discard)
				in.Close()
				done <- code
			}()
			lines := bufio.NewScanner(out)
			next := func() (m struct {
				Kind     string
				Listing  struct{ Address string }
				Complete bool
			}) {
				t.Helper()
				if !lines.Scan() {
					t.Fatal("it has ended")
				}
				if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
					t.Fatalf("%s: %v", lines.Text(), err)
				}
				return m
			}
			var got []string
			read := func() {
				t.Helper()
				for m := next(); !m.Complete; m = next() {
					got = append(got, m.Kind+" "+m.Listing.Address)
				}
			}
			read()
			load(canaryOdd + ",ETH,A\n")
			for len(got) < 3 {
				read()
			}
			load(canaryAlways + ",ETH,A\n")
			for len(got) < 5 {
				read()
			}
			counts := map[string]int{}
			for _, line := range got {
				counts[line]++
			}
			if d := cmp.Diff(map[string]int{"added " + canaryAlways: 2, "removed " + canaryAlways: 1, "added " + canaryOdd: 1, "removed " + canaryOdd: 1}, counts); d != "" {
				t.Error(d)
			}
			cancel()
			if code := <-done; code != exitDone {
				t.Errorf("exit code %d", code)
			}
		})
	}
	if code, _, errs := program(t, "", "lists", "changes", "--follow", "--data", t.TempDir()); code != exitUsage {
		t.Errorf("%d %s", code, errs)
	}
}
