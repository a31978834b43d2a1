package vault_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists/fault"
	"interdict/screening/archive/vault"
)

// Real servers are in deploy/buckettest. This one answers what they seldom do.
func s3Answering(t *testing.T, put func(w http.ResponseWriter, n int32)) (vault.Bucket, error) {
	t.Helper()
	var puts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			put(w, puts.Add(1))
			return
		}
		s3Error(w, http.StatusNotFound, "ObjectLockConfigurationNotFoundError")
	}))
	t.Cleanup(server.Close)
	b, err := vault.OpenBucket(t.Context(), "s3://bucket?region=x&endpoint="+server.URL, vault.BucketOptions{AccessKey: "key", SecretKey: "hunter2-hunter2"})
	if err == nil {
		t.Cleanup(func() { _ = b.Close() })
	}
	return b, err
}

func s3Error(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>hunter2-hunter2</Message></Error>`, code)
}

// Amazon answers 409 to one of two requests for an object at the same time; the other one may still fail.
func TestARequestThatMeetsAnotherIsRepeated(t *testing.T) {
	b, err := s3Answering(t, func(w http.ResponseWriter, n int32) {
		if n < 3 {
			s3Error(w, http.StatusConflict, "ConditionalRequestConflict")
			return
		}
		s3Error(w, http.StatusPreconditionFailed, "PreconditionFailed")
	})
	must(t, err)
	if created, err := b.Create(t.Context(), "x", strings.NewReader("a"), 1, sha256.Sum256([]byte("a")), time.Time{}); created || err != nil {
		t.Errorf("created %v, %v", created, err)
	}
}

func TestAServerThatRepeatsTheSecret(t *testing.T) {
	b, err := s3Answering(t, func(w http.ResponseWriter, _ int32) { s3Error(w, http.StatusForbidden, "SignatureDoesNotMatch") })
	must(t, err)
	_, err = b.Create(t.Context(), "x", strings.NewReader("a"), 1, sha256.Sum256([]byte("a")), time.Time{})
	if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("created: %v", err)
	}
}
