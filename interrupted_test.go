package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/backup"
	"interdict/lists/diskstore"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
)

// After a restore that was interrupted no command and no server works with the store, in which listings are missing. The restore can be begun again.
func TestNothingWorksInAHalfRestoredStore(t *testing.T) {
	dir := t.TempDir()
	full, file := filepath.Join(dir, "full"), filepath.Join(dir, "backup")
	if code, _, errs := program(t, denyRows(canaryAlways, canaryOdd), "load", "deny", "-", "--activate", "--data", full); code != exitDone {
		t.Fatal(errs)
	}
	succeed(t, "backup", file, "--data", full)
	m, _, err := backup.File{Path: file}.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	redis := storetest.NewRedis(t)
	for name, kind := range map[string]struct {
		args []string
		open func(data string) (lists.Store, error)
	}{
		"embedded store": {nil, func(data string) (lists.Store, error) { return diskstore.Open(data) }},
		"Redis": {[]string{"--redis", redis.URL()}, func(string) (lists.Store, error) {
			return redisstore.Open(t.Context(), redis.URL(), redisstore.Options{})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			store, err := kind.open(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := backup.Restore(t.Context(), io.LimitReader(bytes.NewReader(whole), int64(len(whole)/2)), m, backup.Target{Store: store}); err == nil {
				t.Fatal("half of a backup was restored")
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			args := append([]string{"--data", data}, kind.args...)
			for _, command := range []string{
				"serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0", "load deny - --activate", "refresh", "check " + canaryAlways, "lists show", "suppress show deny", "proposals list",
				"backup " + filepath.Join(dir, "another"), "keys create --name x --role checker", "people list", "webhooks list", "audit checkpoints", "selftest", "report timeliness", "restore --from " + full,
			} {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a server that serves after all
				var out, errs bytes.Buffer
				code := run(ctx, append(strings.Fields(command), args...), strings.NewReader(denyRows(canaryNever)), &out, &errs)
				cancel()
				if code != exitError || out.String() != "" || !strings.Contains(errs.String(), "a restore into the") || !strings.Contains(errs.String(), "interdict restore FILE") {
					t.Errorf("%s: %d %s%s", command, code, &out, &errs)
				}
			}
			succeed(t, append([]string{"restore", file}, args...)...)
			if code, out, errs := program(t, "", append([]string{"check", canaryAlways}, args...)...); !strings.Contains(out, "HIT") {
				t.Errorf("after the restore: %d %s%s", code, out, errs)
			}
		})
	}
}
