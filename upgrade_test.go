package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"go.etcd.io/bbolt"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
	"interdict/lists/storetest/freeaddr"
)

// What an earlier release has written is read by this program: its stores, its journal and, if it had them, its backups.
//
//	make upgrade-fixture PROGRAM=./interdict RELEASE=v1.4.0
//
// makes the files for a release with its program. They are in testdata/upgrade/RELEASE, and are never changed.

var (
	fixtureProgram = flag.String("upgrade-program", "", "program of a release that makes its files for TestAnEarlierReleaseIsRead")
	fixtureRelease = flag.String("upgrade-release", "", "name of that release")
)

const upgradeFolder = "testdata/upgrade"

// upgradeAnswers are what the server of a release has answered.
type upgradeAnswers struct {
	Checker string         `json:"checker"` // a key
	Told    map[string]any `json:"told"`
}

func TestMakeFilesOfARelease(t *testing.T) {
	if *fixtureProgram == "" {
		t.Skip("-upgrade-program names the program of a release")
	}
	program, err := filepath.Abs(*fixtureProgram)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(upgradeFolder, *fixtureRelease)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"embedded", "redis"} {
		work := t.TempDir()
		data := filepath.Join(work, "data")
		args := []string{"serve", "--data", data, "--drain-delay", "0s", "--listen", freeaddr.Get(t), "--admin-listen", freeaddr.Get(t)}
		var redis *storetest.Redis
		if kind == "redis" {
			redis = storetest.NewRedis(t, "--dbfilename", "dump.rdb")
			args = append(args, "--redis", redis.URL(), "--cache", "none")
		}
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "INTERDICT_BOOTSTRAP_KEY="+testKey, "INTERDICT_LOG_LEVEL=error")
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		s := &server{cmd, "http://" + args[6]}
		answers(t, s.base)
		checker := s.filled(t)
		b, err := json.MarshalIndent(upgradeAnswers{checker, s.kept(t, checker)}, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		s.stop(t)
		if redis != nil {
			if out, err := exec.Command("redis-cli", "-u", redis.URL(), "SAVE").CombinedOutput(); err != nil {
				t.Fatalf("%s %v", out, err)
			}
			rdb, err := os.ReadFile(filepath.Join(redis.Dir, "dump.rdb"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(data, "dump.rdb"), rdb, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.RemoveAll(filepath.Join(data, "index")); err != nil { // it is filled again from the record
			t.Fatal(err)
		}
		if err := errors.Join(pack(data, filepath.Join(dir, kind+".tar.zst")), os.WriteFile(filepath.Join(dir, kind+".json"), b, 0o600)); err != nil {
			t.Fatal(err)
		}
		if kind == "embedded" {
			out, err := exec.Command(program, "backup", filepath.Join(dir, "interdict.backup"), "--data", data).CombinedOutput()
			t.Logf("a backup: %s %v", out, err) // releases before the first with backups have none
		}
	}
}

// pack writes a folder into an archive.
func pack(folder, file string) error {
	var b bytes.Buffer
	enc, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return err
	}
	to := tar.NewWriter(enc)
	if err := errors.Join(to.AddFS(os.DirFS(folder)), to.Close(), enc.Close()); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o600)
}

func unpack(t *testing.T, file, folder string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	from := tar.NewReader(dec)
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			continue
		}
		b, err := io.ReadAll(from)
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// kept is what stays the same in a server that starts again much later: invitations, proposals and webhooks' deliveries do not.
func (s *server) kept(t *testing.T, checker string) map[string]any {
	t.Helper()
	all := s.told(t, checker)
	for _, path := range []string{"/v1/people", "/v1/proposals", "/v1/lists/deny/suppressions"} {
		delete(all, path)
	}
	return all
}

// lacks returns what is in want and is not in got. Later releases may add fields.
func lacks(path string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %v", path, got)}
		}
		var all []string
		for name := range w {
			all = append(all, lacks(path+"."+name, w[name], g[name])...)
		}
		return all
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{fmt.Sprintf("%s: %v instead of %v", path, got, want)}
		}
		var all []string
		for i := range w {
			all = append(all, lacks(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
		}
		return all
	}
	if !cmp.Equal(want, got) {
		return []string{fmt.Sprintf("%s: %v instead of %v", path, got, want)}
	}
	return nil
}

// rebuilt waits until the layers of a release with earlier rules of identity are built anew, and returns what the server tells then: without the generation
// that this makes, and with want's names of the layers.
func (s *server) rebuilt(t *testing.T, want upgradeAnswers) map[string]any {
	t.Helper()
	newest := func(told map[string]any) map[string]any {
		versions := told["/v1/lists/deny/versions"].(map[string]any)["versions"].([]any)
		return versions[len(versions)-1].(map[string]any)
	}
	rules := func(told map[string]any) float64 {
		return newest(told)["layers"].([]any)[0].(map[string]any)["rules"].(float64)
	}
	var got map[string]any
	eventually(t, "the layers are built under the rules of this program", time.Minute, func() bool {
		got = s.kept(t, want.Checker)
		return rules(got) == address.Rules
	})
	if rules(want.Told) == address.Rules {
		return got
	}
	newest(got)["layers"] = newest(want.Told)["layers"]
	made := got["/v1/generations"].(map[string]any)
	all := made["generations"].([]any)
	if action := all[0].(map[string]any)["action"]; action != "rebuild" {
		t.Errorf("the newest generation: %v", action)
	}
	made["generations"], made["total"] = all[1:], made["total"].(float64)-1
	return got
}

func TestAnEarlierReleaseIsRead(t *testing.T) {
	releases, err := os.ReadDir(upgradeFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, release := range releases {
		for _, kind := range []string{"embedded", "redis"} {
			t.Run(release.Name()+" "+kind, func(t *testing.T) {
				dir := filepath.Join(upgradeFolder, release.Name())
				b, err := os.ReadFile(filepath.Join(dir, kind+".json"))
				if err != nil {
					t.Fatal(err)
				}
				var want upgradeAnswers
				if err := json.Unmarshal(b, &want); err != nil {
					t.Fatal(err)
				}
				data := filepath.Join(t.TempDir(), "data")
				unpack(t, filepath.Join(dir, kind+".tar.zst"), data)
				args := []string{"--data", data}
				if kind == "redis" {
					redis := storetest.NewRedis(t, "--dir", data, "--dbfilename", "dump.rdb")
					args = append(args, "--redis", redis.URL())
				}
				if out := succeed(t, append([]string{"audit", "verify"}, args...)...); !strings.Contains(out, " 0 findings") {
					t.Errorf("the record as it was: %s", out)
				}
				s := serve(t, args...)
				for _, missing := range lacks("", any(want.Told), any(s.rebuilt(t, want))) {
					t.Error(missing)
				}
				s.stop(t)
				if out := succeed(t, append([]string{"audit", "verify"}, args...)...); !strings.Contains(out, " 0 findings") {
					t.Errorf("the record after this program has written into it: %s", out)
				}
				file := filepath.Join(dir, "interdict.backup")
				if _, err := os.Stat(file); kind == "embedded" && err == nil {
					restored := filepath.Join(t.TempDir(), "restored")
					succeed(t, "restore", file, "--data", restored)
					r := serve(t, "--data", restored)
					for _, missing := range lacks("restored", any(want.Told), any(r.rebuilt(t, want))) {
						t.Error(missing)
					}
				}
			})
		}
	}
}

// files are the contents of all files in a folder.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What a newer program has written is refused with an error that says so, and nothing is changed.
func TestWhatANewerProgramHasWrittenIsRefused(t *testing.T) {
	rows := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(rows, []byte(denyRows(canaryAlways)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(t *testing.T, want string, data string, args ...string) {
		t.Helper()
		before := files(t, data)
		code, _, errs := program(t, "", args...)
		if code != exitError || !strings.Contains(errs, want) {
			t.Errorf("interdict %s: %d %s", strings.Join(args, " "), code, errs)
		}
		if d := cmp.Diff(before, files(t, data)); d != "" {
			t.Errorf("interdict %s has changed files: %.300s", strings.Join(args, " "), d)
		}
	}
	loaded := func(t *testing.T) string {
		t.Helper()
		data := t.TempDir()
		succeed(t, "load", "deny", rows, "--activate", "--data", data)
		return data
	}
	t.Run("embedded store", func(t *testing.T) {
		data := loaded(t)
		db, err := bbolt.Open(filepath.Join(data, "interdict.db"), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("store")).Put([]byte("format"), []byte("2")) })
		if err = errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"lists", "show"}, {"load", "deny", rows}, {"check", canaryNever}, {"backup", filepath.Join(t.TempDir(), "b")}} {
			refused(t, `its format is "2", and this version of interdict reads "1"`, data, append(args, "--data", data)...)
		}
	})
	t.Run("Redis", func(t *testing.T) {
		redis := storetest.NewRedis(t)
		data := t.TempDir()
		args := []string{"--redis", redis.URL(), "--data", data}
		succeed(t, append([]string{"load", "deny", rows, "--activate"}, args...)...)
		cli := func(args ...string) string {
			t.Helper()
			out, err := exec.Command("redis-cli", append([]string{"-u", redis.URL()}, args...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("%s %v", out, err)
			}
			return strings.TrimSpace(string(out))
		}
		cli("HSET", "{interdict}:table", "", "2:"+strings.TrimPrefix(cli("HGET", "{interdict}:table", ""), "1:"))
		before := cli("DEBUG", "DIGEST")
		for _, command := range [][]string{{"lists", "show"}, {"check", canaryNever}, {"backup", filepath.Join(t.TempDir(), "b")}} {
			code, _, errs := program(t, "", append(command, args...)...)
			if code != exitError || !strings.Contains(errs, "version") {
				t.Errorf("%v: %d %s", command, code, errs)
			}
		}
		if after := cli("DEBUG", "DIGEST"); after != before {
			t.Error("Redis was changed")
		}
	})
	t.Run("journal", func(t *testing.T) {
		data := loaded(t)
		segments, err := filepath.Glob(filepath.Join(data, "journal", "journal-*.zst"))
		if err != nil || len(segments) == 0 {
			t.Fatal(segments, err)
		}
		newerSegment(t, segments[len(segments)-1])
		refused(t, "has format 3, and this version of interdict reads up to 2", data, "check", canaryNever, "--data", data)
		refused(t, "has format 3, and this version of interdict reads up to 2", data, "load", "deny", rows, "--data", data)
	})
	t.Run("index", func(t *testing.T) {
		data := loaded(t)
		s := serve(t, "--data", data)
		s.stop(t)
		file := filepath.Join(data, "index", "FORMAT")
		if err := os.WriteFile(file, []byte("interdict index 99\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		before := files(t, filepath.Join(data, "index"))
		s = serve(t, "--data", data) // checks need no index
		var refused struct{ Status int }
		if s.call(t, http.MethodGet, "/v1/audit", "", &refused); refused.Status != http.StatusServiceUnavailable && refused.Status != http.StatusConflict {
			t.Errorf("a search answers %d", refused.Status)
		}
		if got := s.result(t, canaryAlways); got != "hit" {
			t.Errorf("a check: %s", got)
		}
		s.stop(t)
		if d := cmp.Diff(before, files(t, filepath.Join(data, "index"))); d != "" {
			t.Errorf("the index was changed: %.300s", d)
		}
	})
	t.Run("layer", func(t *testing.T) {
		redis := storetest.NewRedis(t)
		args := []string{"--redis", redis.URL(), "--data", t.TempDir()}
		succeed(t, append([]string{"load", "deny", rows, "--activate"}, args...)...)
		store, err := redisstore.Open(t.Context(), redis.URL(), redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		g, _, err := lists.Current(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		g.Lists[0].Layers[0].Rules += 1000
		if err := store.Commit(t.Context(), lists.Put(lists.DocGeneration(g.Number), g, lists.AnyRevision)); err != nil {
			t.Fatal(err)
		}
		code, out, errs := program(t, "", append([]string{"check", canaryNever, canaryAlways}, args...)...)
		if code != exitError || strings.Contains(out, "MISS") || !strings.Contains(out+errs, "was built by a newer version of interdict") {
			t.Errorf("%d %s%s", code, out, errs)
		}
	})
}

// newerSegment makes a sealed segment one of a format that this program does not know.
func newerSegment(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[8:], 3)
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	binary.LittleEndian.PutUint32(b[124:], crc32.Checksum(b[:124], castagnoli))
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
