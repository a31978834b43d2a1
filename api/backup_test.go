package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"interdict/api"
	"interdict/lists/backup"
	"interdict/lists/fault"
)

func TestABackupIsOneFileAndOnRecord(t *testing.T) {
	h := screened(t)
	a := h.by("root", "GET", "/v1/backup?record=true", nil)
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/zstd" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	if _, sum, err := backup.Verify(t.Context(), bytes.NewReader(a.body)); err != nil || sum.Generation == 0 {
		t.Errorf("%+v %v", sum, err)
	}
	for query, detail := range map[string]string{"?record=maybe": "record: must be true or false", "?keys=false": `query parameter "keys" is unknown`} {
		h.by("root", "GET", "/v1/backup"+query, nil).refused(problem{Status: 400, Code: "invalid_request", Detail: detail})
	}
}

func TestABackupThatFailsIsNeverWhole(t *testing.T) {
	waits, goOn := make(chan bool), make(chan bool)
	write := func(context.Context, io.Writer) error { return fault.E(fault.Unavailable, "the disk fails") }
	h := screened(t, func(o *api.Options) {
		o.Backup = func(ctx context.Context, to io.Writer, _ bool) error { return write(ctx, to) }
	})
	h.by("root", "GET", "/v1/backup", nil).refused(problem{Status: 503, Code: "store_unavailable", Detail: "the disk fails"})

	write = func(_ context.Context, to io.Writer) error {
		_, err := to.Write(make([]byte, 1<<20))
		return errors.Join(err, errors.New("it breaks off"))
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/v1/backup", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.keyOf["root"])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("a backup that breaks off ends well after %d bytes", n)
	}

	write = func(_ context.Context, to io.Writer) error {
		waits <- true
		<-goOn
		_, err := io.WriteString(to, "a backup")
		return err
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		h.by("root", "GET", "/v1/backup", nil)
	}()
	<-waits
	h.by("root", "GET", "/v1/backup", nil).refused(problem{Status: 409, Code: "conflict", Detail: "another backup is being made by this server: wait for its end"})
	close(goOn)
	<-done
}
