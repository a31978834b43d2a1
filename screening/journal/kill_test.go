package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The helper process appends from several goroutines, and acknowledges each record over a pipe
// after Append has returned: 4 bytes goroutine, 4 bytes number.

const (
	helperBatches = iota // 50 records at a time
	helperDurable
	helperPlain1
	helperPlain2
	helpers
)

// helperPayload is JSON from which the record can be told, of a length that varies: mostly a
// few hundred bytes, at times 100 KiB.
func helperPayload(round string, g, n uint32) []byte {
	rnd := rand.New(rand.NewPCG(uint64(g), uint64(n)))
	length := rnd.IntN(600)
	if rnd.IntN(500) == 0 {
		length = 100 << 10
	}
	return fmt.Appendf(nil, `{"round":%q,"g":%d,"n":%d,"pad":%q}`, round, g, n, bytes.Repeat([]byte{byte('a' + n%26)}, length))
}

// writeUntilKilled is the helper process.
func writeUntilKilled(dir string) int {
	round := os.Getenv("JOURNAL_TEST_ROUND")
	size, err := strconv.Atoi(os.Getenv("JOURNAL_TEST_SEGMENT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	j, err := Open(dir, Options{SegmentBytes: size})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	acknowledge := func(g, from, to uint32) {
		var b []byte
		for n := from; n < to; n++ {
			b = binary.LittleEndian.AppendUint32(b, g)
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		mu.Lock()
		defer mu.Unlock()
		if _, err := os.Stdout.Write(b); err != nil {
			os.Exit(2)
		}
	}
	write := func(g uint32) {
		step := uint32(1)
		if g == helperBatches {
			step = 50
		}
		for n := uint32(0); ; n += step {
			var entries []Entry
			for i := range step {
				entries = append(entries, Entry{Kind: Check, Time: time.Now(), Payload: helperPayload(round, g, n+i)})
			}
			if err := j.AppendBatch(entries, g == helperDurable); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			acknowledge(g, n, n+step)
		}
	}
	for g := range uint32(helpers) {
		go write(g)
	}
	select {}
}

// helper is a running helper process.
type helper struct {
	cmd   *exec.Cmd
	out   io.Reader
	round string
	acks  [helpers]uint32 // records acknowledged
}

func startHelper(t *testing.T, dir, round string, segmentBytes int) *helper {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "JOURNAL_TEST_WRITER="+dir, "JOURNAL_TEST_ROUND="+round, fmt.Sprint("JOURNAL_TEST_SEGMENT=", segmentBytes))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &helper{cmd: cmd, out: bufio.NewReader(out), round: round}
}

// follow reads acknowledgements until n have come, or the helper is dead.
func (h *helper) follow(t *testing.T, n int) {
	t.Helper()
	for ; n > 0; n-- {
		var b [8]byte
		if _, err := io.ReadFull(h.out, b[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		g, number := binary.LittleEndian.Uint32(b[:]), binary.LittleEndian.Uint32(b[4:])
		if number != h.acks[g] {
			t.Fatalf("helper %d acknowledged %d after %d records", g, number, h.acks[g])
		}
		h.acks[g]++
	}
}

// kill ends the helper with SIGKILL and reads the acknowledgements that are still in the pipe.
func (h *helper) kill(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	h.follow(t, 1<<30)
	if err := h.cmd.Wait(); err == nil || h.cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the helper was not killed: %v", h.cmd.ProcessState)
	}
}

// verify compares what is in the journal with what the helpers were promised.
func verify(t *testing.T, dir string, rounds []*helper) {
	t.Helper()
	records, damage := readAll(t, dir)
	for _, d := range damage {
		t.Errorf("damage after kill -9: %v", d)
	}
	type stream struct {
		round string
		g     uint32
	}
	counts := map[stream]uint32{}
	for i, r := range records {
		if i > 0 && records[i-1].Writer == r.Writer && r.Sequence != records[i-1].Sequence+1 {
			t.Fatalf("sequence %d follows %d", r.Sequence, records[i-1].Sequence)
		}
		var s stream
		var n uint32
		if _, err := fmt.Sscanf(string(r.Payload), `{"round":%q,"g":%d,"n":%d,`, &s.round, &s.g, &n); err != nil {
			t.Fatalf("record %d: %v", r.Sequence, err)
		}
		if want := helperPayload(s.round, s.g, n); n != counts[s] || !bytes.Equal(want, r.Payload) {
			t.Fatalf("round %s, goroutine %d: record %d found where %d belongs, content right: %t", s.round, s.g, n, counts[s], bytes.Equal(want, r.Payload))
		}
		counts[s]++
	}
	for _, h := range rounds {
		for g, acked := range h.acks {
			if have := counts[stream{h.round, uint32(g)}]; have < acked {
				t.Errorf("round %s, goroutine %d: %d records were acknowledged, %d are there", h.round, g, acked, have)
			}
		}
	}
}

// Every round crashes a writer at a random moment, at times while it recovers what the round
// before left.
func TestKillKeepsEveryAcknowledgedRecord(t *testing.T) {
	dir := t.TempDir()
	rounds := 25
	if os.Getenv("JOURNAL_TEST_LONG") != "" {
		rounds = 200
	}
	var helpers []*helper
	acked := 0
	for round := range rounds {
		h := startHelper(t, dir, fmt.Sprint(round), []int{MinSegmentBytes, 4 << 20, 12 << 20}[round%3])
		helpers = append(helpers, h)
		if round%5 == 4 {
			time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond) // perhaps before it has opened
		} else {
			h.follow(t, 1+rand.IntN(8000))
		}
		h.kill(t)
		for _, n := range h.acks {
			acked += int(n)
		}
		if round%8 == 0 {
			verify(t, dir, helpers) // as the crash left it
		}
	}
	mustClose(t, mustOpen(t, dir, Options{}))
	verify(t, dir, helpers)
	verifySealed(t, dir)
	t.Logf("%d records acknowledged in %d rounds", acked, rounds)
}

// verifySealed checks that no crashed segment is left, and that the digests link each segment
// to the one before.
func verifySealed(t *testing.T, dir string) {
	t.Helper()
	segments, err := list(dir, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files(t, dir) {
		if _, ok := parseName(filepath.Base(path)); !ok {
			t.Errorf("left: %s", path)
		}
	}
	for i, s := range segments {
		if !s.sealed {
			t.Fatalf("%s is not sealed", s.path)
		}
		before := ""
		if i > 0 && segments[i-1].writer == s.writer {
			before = segments[i-1].path
		}
		want, err := digestOf(before)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		if _, previous, err := decodeSealed(b[:headerBytes]); err != nil || previous != want {
			t.Errorf("%s: digest of the segment before is %x, want %x (%v)", s.path, previous, want, err)
		}
	}
}

func TestTwoProcessesInOneDirectory(t *testing.T) {
	dir := t.TempDir()
	a := startHelper(t, dir, "a", MinSegmentBytes)
	a.follow(t, 1000)
	b := startHelper(t, dir, "b", 4<<20) // its Open must leave the segments of a alone
	b.follow(t, 1000)
	for range 3 {
		a.follow(t, 2000)
		b.follow(t, 2000)
		verify(t, dir, []*helper{a, b}) // while both write
	}
	a.kill(t)
	mustClose(t, mustOpen(t, dir, Options{})) // recovers a, not b
	b.follow(t, 2000)
	verify(t, dir, []*helper{a, b})
	b.kill(t)
	mustClose(t, mustOpen(t, dir, Options{}))
	verify(t, dir, []*helper{a, b})
	verifySealed(t, dir)
}
