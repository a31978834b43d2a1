package proof

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists/fault"
)

type testWitness struct {
	url, vkey, key, dir string
	now                 atomic.Pointer[Witness] // a restart replaces it
	down                atomic.Bool
}

func startWitness(t *testing.T, logs []string) *testWitness {
	t.Helper()
	key, vkey, err := NewWitnessKey("auditor.example", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &testWitness{vkey: vkey, key: key, dir: filepath.Join(t.TempDir(), "witness")}
	witness, err := NewWitness(w.dir, key, logs)
	if err != nil {
		t.Fatal(err)
	}
	w.now.Store(witness)
	t.Cleanup(func() { _ = w.now.Load().Close() })
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() {
			http.Error(rw, "out of order", http.StatusInternalServerError)
			return
		}
		http.StripPrefix("/prefix", w.now.Load()).ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL + "/prefix"
	return w
}

func (w *testWitness) client(t *testing.T) WitnessClient {
	t.Helper()
	c, err := NewWitnessClient(w.url, w.vkey, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	c.retry = time.Millisecond
	return c
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func waitCosigned(t *testing.T, l *Log, size uint64) {
	t.Helper()
	waitFor(t, fmt.Sprintf("no cosignature of %d records", size), func() bool {
		return l.Status().Witnesses[0].Cosigned == size
	})
}

func TestAWitnessCosignsAndAReceiptShowsIt(t *testing.T) {
	keys := testKeys(t)
	w := startWitness(t, keys.VKeys())
	dir := t.TempDir()
	records := testRecords(400)
	opts := Options{Interval: -1, Witnesses: []WitnessClient{w.client(t)}}
	l := openLog(t, dir, keys, nil, opts)
	for i := range 300 {
		appendRecord(t, l, uint64(i+1), records[i])
		if i%100 == 99 || i == 0 {
			if _, err := l.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			waitCosigned(t, l, uint64(i+1))
		}
	}
	// the witness is out of order: the log goes on, and receipts of what was cosigned stay cosigned
	w.down.Store(true)
	appendRecord(t, l, 301, records[300])
	if _, err := l.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "no failure in the status", func() bool { return l.Status().Witnesses[0].Failures > 2 })
	if s := l.Status(); s.Checkpointed != 301 || s.LastError != "" || s.Witnesses[0].Error != "the witness answered 500" {
		t.Errorf("status: %+v", s)
	}
	vkeys := append(keys.VKeys(), w.vkey)
	cosignedBy := func(seq uint64) int {
		t.Helper()
		receipt, err := l.Receipt(seq, records[seq-1])
		if err != nil {
			t.Fatal(err)
		}
		info, err := VerifyReceipt(receipt, vkeys)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyReceipt(receipt, keys.VKeys()); err != nil {
			t.Errorf("without the key of the witness: %v", err)
		}
		return len(info.Witnesses)
	}
	if cosignedBy(17) != 1 || cosignedBy(301) != 0 {
		t.Error("the receipts do not have the cosignatures that exist")
	}
	w.down.Store(false)
	waitCosigned(t, l, 301)
	if cosignedBy(301) != 1 {
		t.Error("the receipt does not have the cosignature")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	// another process does not know what the witness has
	remove(t, dir, fileCosigned)
	l = openLog(t, dir, keys, records, opts)
	if _, err := l.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitCosigned(t, l, 400)
}

func TestAWitnessRefusesARollbackAndAFork(t *testing.T) {
	keys := testKeys(t)
	w := startWitness(t, keys.VKeys())
	records := testRecords(20)
	run := func(records [][]byte) WitnessStatus {
		t.Helper()
		l := openLog(t, t.TempDir(), keys, records, Options{Interval: -1, Witnesses: []WitnessClient{w.client(t)}})
		if _, err := l.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		var s WitnessStatus
		waitFor(t, "no answer", func() bool { s = l.Status().Witnesses[0]; return s.Cosigned > 0 || s.Failures > 0 })
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := run(records[:10]); s.Cosigned != 10 {
		t.Fatalf("%+v", s)
	}
	if s := run(records[:9]); !strings.Contains(s.Error, "rolled back") {
		t.Errorf("9 of 10 records: %+v", s)
	}
	forked := append([][]byte{[]byte("other")}, records[1:]...)
	if s := run(forked[:10]); !strings.Contains(s.Error, "forked") {
		t.Errorf("another log of the same size: %+v", s)
	}
	if s := run(forked[:12]); !strings.Contains(s.Error, "422") {
		t.Errorf("another, longer log: %+v", s)
	}
	// the witness remembers after a restart
	if err := w.now.Load().Close(); err != nil {
		t.Fatal(err)
	}
	again, err := NewWitness(w.dir, w.key, keys.VKeys())
	if err != nil {
		t.Fatal(err)
	}
	w.now.Store(again)
	if s := run(forked[:12]); !strings.Contains(s.Error, "422") {
		t.Errorf("after a restart: %+v", s)
	}
	if s := run(records[:12]); s.Cosigned != 12 {
		t.Errorf("the true log: %+v", s)
	}
}

func TestAWitnessAnswersAsSpecified(t *testing.T) {
	keys := testKeys(t)
	w := startWitness(t, keys.VKeys())
	sign := func(k *Keys, origin string, size int) string {
		t.Helper()
		root := rootOf(t, testRecords(size))
		signed, err := k.Sign(Checkpoint{origin, int64(size), root}.text())
		if err != nil {
			t.Fatal(err)
		}
		return string(signed)
	}
	hash := strings.Repeat("A", 43) + "="
	for _, c := range []struct {
		name, body string
		code       int
		answer     string
	}{
		{"no old line", "\n\n" + sign(keys, testOrigin, 1), 400, ""},
		{"no empty line", "old 0\n", 400, ""},
		{"a negative size", "old -1\n\n" + sign(keys, testOrigin, 1), 400, ""},
		{"a size with zeros", "old 00\n\n" + sign(keys, testOrigin, 1), 400, ""},
		{"64 lines of proof", "old 0\n" + strings.Repeat(hash+"\n", 64) + "\n" + sign(keys, testOrigin, 1), 400, ""},
		{"old size above the new one", "old 2\n\n" + sign(keys, testOrigin, 1), 400, ""},
		{"unknown log", "old 0\n\n" + sign(keys, "other.example/1", 1), 404, ""},
		{"unknown key", "old 0\n\n" + sign(testKeys(t), testOrigin, 1), 403, ""},
		{"a proof where none is needed", "old 0\n" + hash + "\n\n" + sign(keys, testOrigin, 4), 422, ""},
		{"wrong old size", "old 1\n\n" + sign(keys, testOrigin, 4), 409, "0\n"},
		{"first", "old 0\n\n" + sign(keys, testOrigin, 4), 200, ""},
		{"the same again", "old 4\n\n" + sign(keys, testOrigin, 4), 200, ""},
		{"no proof", "old 4\n\n" + sign(keys, testOrigin, 5), 422, ""},
		{"wrong proof", "old 4\n" + hash + "\n\n" + sign(keys, testOrigin, 5), 422, ""},
		{"size not known", "old 0\n\n" + sign(keys, testOrigin, 5), 409, "4\n"},
		{"older", "old 3\n\n" + sign(keys, testOrigin, 3), 409, "4\n"},
	} {
		response, err := http.Post(w.url+"/add-checkpoint", "text/plain", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != c.code || c.answer != "" && string(answer) != c.answer {
			t.Errorf("%s: %d %s", c.name, response.StatusCode, answer)
		}
		if media := response.Header.Get("Content-Type"); c.code == 409 && media != "text/x.tlog.size" {
			t.Errorf("%s: %s", c.name, media)
		}
		if c.code == 200 && (!bytes.HasPrefix(answer, []byte("— auditor.example ")) || bytes.Count(answer, []byte("\n")) != 1) {
			t.Errorf("%s: %s", c.name, answer)
		}
	}
}

func TestAWitnessThatAnswersNonsenseChangesNothing(t *testing.T) {
	keys := testKeys(t)
	for _, c := range []struct {
		code         int
		answer, want string
	}{
		{200, "", "no valid cosignature"},
		{200, "— auditor.example AAAA\n", "no valid cosignature"},
		{200, strings.Repeat("x", 1<<20), "no valid cosignature"},
		{409, "many\n", "without the size"},
		{409, "99\n", "rolled back"},
		{403, "", "does not know the key"},
		{404, "", "does not know this log"},
		{302, "", "302"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(c.code)
			_, _ = io.WriteString(rw, c.answer)
		}))
		_, vkey, err := NewWitnessKey("auditor.example", rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		client, err := NewWitnessClient(server.URL, vkey, http.DefaultClient)
		if err != nil {
			t.Fatal(err)
		}
		l := openLog(t, t.TempDir(), keys, testRecords(3), Options{Interval: -1, Witnesses: []WitnessClient{client}})
		before, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, "no failure", func() bool { return l.Status().Witnesses[0].Failures > 0 })
		if s := l.Status(); !strings.Contains(s.Witnesses[0].Error, c.want) {
			t.Errorf("%d %.20q: %+v", c.code, c.answer, s.Witnesses)
		}
		after, err := l.Checkpoint(t.Context())
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%d %.20q: %v\n%s", c.code, c.answer, err, after)
		}
		if err := l.Close(); err != nil { // while the witness still fails
			t.Fatal(err)
		}
		server.Close()
	}
}

func TestSettingsOfWitnessesAreChecked(t *testing.T) {
	keys := testKeys(t)
	key, vkey, err := NewWitnessKey("auditor.example", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"", "ftp://a/", "auditor.example", "http://", "http://[::1"} {
		if _, err := NewWitnessClient(url, vkey, http.DefaultClient); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := NewWitnessClient("http://a/", "nonsense", http.DefaultClient); !fault.Is(err, fault.Invalid) {
		t.Errorf("nonsense as a key: %v", err)
	}
	for name, make := range map[string]func() (*Witness, error){
		"no logs":                       func() (*Witness, error) { return NewWitness(t.TempDir(), key, nil) },
		"the key of a witness as a log": func() (*Witness, error) { return NewWitness(t.TempDir(), key, []string{vkey}) },
		"a public key":                  func() (*Witness, error) { return NewWitness(t.TempDir(), vkey, keys.VKeys()) },
	} {
		if _, err := make(); !fault.Is(err, fault.Invalid) || strings.Contains(fmt.Sprint(err), "PRIVATE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
