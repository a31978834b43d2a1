package diskindex

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"interdict/screening/archive"
)

const killTarget = "INTERDICT_INDEX_KILL_TARGET"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killTarget); dir != "" {
		fmt.Fprintln(os.Stderr, addForever(dir))
		os.Exit(1)
	}
	code := m.Run()
	if benchIndex.x != nil {
		_ = benchIndex.x.Close()
		_ = os.RemoveAll(benchIndex.dir)
	}
	os.Exit(code)
}

// addForever adds entries, and prints each mark that is durable.
func addForever(dir string) error {
	x, err := Open(dir, slog.Default())
	if err != nil {
		return err
	}
	marks, err := x.Marks(context.Background())
	if err != nil {
		return err
	}
	next := uint64(1)
	if len(marks) > 0 {
		next = marks[0].Sequence + 1
	}
	for {
		last := next + 999
		if err := x.Add(context.Background(), testEntries(next, last), archive.Mark{Writer: testWriter, Sequence: last}); err != nil {
			return err
		}
		fmt.Println(last)
		next = last + 1
	}
}

// TestKilledDuringAdd kills a process that adds: each time, every record that a mark counts is there, and no other.
func TestKilledDuringAdd(t *testing.T) {
	dir := t.TempDir()
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killTarget+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := uint64(0)
		lines := bufio.NewScanner(out)
		for n := 0; n < 3 && lines.Scan(); n++ {
			if acknowledged, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond) // anywhere in the next Add
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			if acknowledged, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Wait()
		n, err := openAndRead(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		if acknowledged == 0 || uint64(n) < acknowledged {
			t.Fatalf("round %d: %d records were acknowledged, %d are there", round, acknowledged, n)
		}
	}
}
