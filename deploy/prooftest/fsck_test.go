// Package prooftest has Tessera verify exported logs: a program that others wrote, with the formats of the C2SP.
package prooftest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"interdict/screening/journal/proof"
)

const origin = "exchange.example/7f6e3a52-0b34-4a3e-9c5a-0d2d7a5d2a11"

// TestMain is also the program that runs fsck, because some versions of it do not end when a log is damaged.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PROOFTEST_FSCK"); dir != "" {
		if err := check(dir, os.Getenv("PROOFTEST_VKEY")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func check(dir, vkey string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	// with fewer workers it can wait for ever
	f := fsck.New(origin, verifier, client.FileFetcher{Root: dir}, leafHashes, fsck.Opts{N: 8})
	return f.Check(context.Background())
}

// leafHashes parses an entry bundle.
func leafHashes(bundle []byte) ([][]byte, error) {
	var hashes [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, errors.New("bundle is cut off")
		}
		n := int(binary.BigEndian.Uint16(bundle))
		sum := sha256.Sum256(append([]byte{0}, bundle[2:2+n]...))
		hashes = append(hashes, sum[:])
		bundle = bundle[2+n:]
	}
	return hashes, nil
}

func runFsck(t *testing.T, dir, vkey string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "PROOFTEST_FSCK="+dir, "PROOFTEST_VKEY="+vkey)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("fsck does not end: %s", out)
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3) {
		t.Fatalf("fsck: %v: %s", err, out)
	}
	return err
}

func records(n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range n {
			record := fmt.Appendf(nil, `{"seq":%d}`, i+1)
			if i == 5 {
				record = make([]byte, proof.MaxEntry+1)
			}
			if !yield(record, nil) {
				return
			}
		}
	}
}

func TestTesseraAcceptsAnExportedLogAndFindsDamage(t *testing.T) {
	keys, err := proof.OpenKeys(filepath.Join(t.TempDir(), "keys"), "exchange.example", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 255, 256, 257, 66_000} {
		dir, to := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "export")
		all := func(uint64) iter.Seq2[[]byte, error] { return records(n) }
		log, err := proof.Open(dir, origin, keys, all, proof.Options{Interval: -1})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		c, err := proof.Export(t.Context(), dir, to, records(n), keys.VKeys())
		if err != nil || c.Size != int64(n) {
			t.Fatalf("%d records: %+v, %v", n, c, err)
		}
		if err := runFsck(t, to, keys.VKeys()[0]); err != nil {
			t.Errorf("%d records: Tessera refuses the export: %v", n, err)
		}
		// the stored tiles and those of the export are the same
		tiles(t, to, func(name string, data []byte) {
			if stored, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(stored) != string(data) {
				t.Errorf("%d records: %s is not what the log has: %v", n, name, err)
			}
		})
		if n != 66_000 {
			continue
		}
		for _, name := range []string{"tile/entries/100", "tile/0/200", "tile/1/000", "checkpoint"} {
			path := filepath.Join(to, name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := runFsck(t, to, keys.VKeys()[0]); err == nil {
				t.Errorf("a changed byte in %s is not found", name)
			}
			data[len(data)/2] ^= 1
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func tiles(t *testing.T, dir string, each func(name string, data []byte)) {
	t.Helper()
	for level := range 3 {
		root := filepath.Join(dir, "tile", fmt.Sprint(level))
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) && path == root {
				return nil
			}
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			rel, _ := filepath.Rel(dir, path)
			each(rel, data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
