package vaulttest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"interdict/screening/archive/vault"
	"interdict/screening/journal"
	"interdict/screening/journal/proof"
)

const childEnv = "VAULTTEST_CHILD"

// child says what the process does that is killed.
type child struct {
	Address                string
	Signer                 [2]string // the keys of S3, of a server that only lives for the test
	Dir, Logs, Keys, Cache string
}

// Main is called first by TestMain of a package that calls Run: the test program is also the process that is killed.
func Main() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	fmt.Fprintln(os.Stderr, archiveUntilKilled(text))
	os.Exit(1)
}

func archiveUntilKilled(text string) error {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx := context.Background()
	b, err := vault.OpenBucket(ctx, c.Address, vault.BucketOptions{AccessKey: c.Signer[0], SecretKey: c.Signer[1]})
	if err != nil {
		return err
	}
	keys, err := proof.OpenKeys(c.Keys, "exchange.example", time.Now)
	if err != nil {
		return err
	}
	v, err := vault.New(b, vault.Options{Dir: c.Dir, Cache: c.Cache, Keys: keys.VKeys, Log: func(writer uuid.UUID) string { return filepath.Join(c.Logs, writer.String()) }})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		if _, err := v.Archive(ctx); err != nil {
			return err
		}
		if _, err := v.DropLocal(ctx, tomorrow, nil); err != nil {
			return err
		}
	}
}

// killed has a process archive and drop, kills it at random points, and compares what the folder and the bucket have together.
func killed(t *testing.T, target Target) {
	f := NewFolder(t)
	cache := t.TempDir()
	config, err := json.Marshal(child{
		Address: target.Address, Signer: [2]string{target.Options.AccessKey, target.Options.SecretKey},
		Dir: f.Dir, Logs: f.Logs, Keys: filepath.Join(filepath.Dir(f.Dir), "keys"), Cache: cache,
	})
	must(t, err)
	want := map[uuid.UUID][]Sum{}
	for round := range 12 {
		writer := f.Write(t, 300, 4)
		f.Prove(t, writer)
		sums, errs := Records(journal.ReadFrom(context.Background(), f.Dir, writer, 1))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		want[writer] = sums

		cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this program
		cmd.Env = append(os.Environ(), childEnv+"="+string(config))
		cmd.Stderr = t.Output()
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		if _, err := fmt.Fscanln(out, new(string)); err != nil {
			t.Fatalf("round %d: the process did not start: %v", round, err)
		}
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond) //nolint:gosec // a random point is what the test is about
		must(t, cmd.Process.Kill())
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
			t.Errorf("round %d: the process ended by itself: %v", round, err)
		}
		Same(t, target.Vault(t, vault.Options{Dir: f.Dir, Cache: cache}), want)
	}
	v := target.Vault(t, f.Options(t))
	archive(t, v)
	drop(t, v)
	Same(t, v, want)
	if sums, _ := Records(journal.Read(context.Background(), f.Dir)); len(sums) > 0 {
		t.Errorf("%d records are still in the folder", len(sums))
	}
	for writer, sums := range want {
		restored(t, v, writer, sums)
	}
}
