// Package buckettest has the archive use a real S3 server: versitygw, which others wrote, with objects in files.
package buckettest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"interdict/lists/storetest/freeaddr"
	"interdict/screening/archive/vault"
	"interdict/screening/archive/vault/vaulttest"
)

const (
	accessKey = "archive-key"
	secretKey = "archive-secret-0123456789"

	serverEnv = "BUCKETTEST_SERVER"
)

// config is what the process of a server is told.
type config struct {
	Port, Root, Versions string
	ReadOnly             bool
}

// TestMain is also the program that runs the server, so that it can be killed, and the one that archives until it is killed.
func TestMain(m *testing.M) {
	vaulttest.Main()
	if text := os.Getenv(serverEnv); text != "" {
		fmt.Fprintln(os.Stderr, serve(text))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serve(text string) error {
	var c config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	opts := posix.PosixOpts{Concurrency: 100, VersioningDir: c.Versions, CopyObjectThreshold: 5 << 30}
	be, err := posix.New(c.Root, meta.XattrMeta{}, opts)
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(context.Background(), be, &embedgw.Config{
		RootUserAccess: accessKey, RootUserSecret: secretKey, Ports: []string{"127.0.0.1:" + c.Port},
		MaxConnections: 1000, MaxRequests: 1000, MultipartMaxParts: 10000, Quiet: true, KeepAlive: true, Readonly: c.ReadOnly,
	})
}

// server is a gateway in a process of its own.
type server struct {
	config config
	cmd    *exec.Cmd
}

// startServer starts a gateway with its objects in root; it is killed at the end of the test.
func startServer(t *testing.T, root string) *server {
	t.Helper()
	_, port, err := net.SplitHostPort(freeaddr.Get(t))
	must(t, err)
	s := &server{config: config{Port: port, Root: root, Versions: t.TempDir()}}
	s.start(t)
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill(t)
		}
	})
	return s
}

func (s *server) start(t *testing.T) {
	t.Helper()
	text, err := json.Marshal(s.config)
	must(t, err)
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0]) // this program
	s.cmd.Env = append(os.Environ(), serverEnv+"="+string(text))
	s.cmd.Stderr = t.Output()
	must(t, s.cmd.Start())
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+s.config.Port)
		if err == nil {
			must(t, conn.Close())
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not listen: %v", err)
		}
	}
}

// kill kills the server at once.
func (s *server) kill(t *testing.T) {
	t.Helper()
	must(t, s.cmd.Process.Kill())
	if err := s.cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Error(err)
	}
	s.cmd = nil
}

func (s *server) client(t *testing.T) *minio.Client {
	t.Helper()
	c, err := minio.New("127.0.0.1:"+s.config.Port, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1"})
	must(t, err)
	return c
}

// bucket creates a bucket and returns its address.
func (s *server) bucket(t *testing.T, name string, lock bool) vaulttest.Target {
	t.Helper()
	must(t, s.client(t).MakeBucket(t.Context(), name, minio.MakeBucketOptions{ObjectLocking: lock}))
	return vaulttest.Target{
		Address: fmt.Sprintf("s3://%s/interdict/records?endpoint=http://127.0.0.1:%s&region=us-east-1", name, s.config.Port),
		Options: vault.BucketOptions{AccessKey: accessKey, SecretKey: secretKey, Stall: 5 * time.Second},
		Path: func(object string) string {
			return filepath.Join(s.config.Root, name, "interdict", "records", filepath.FromSlash(object))
		},
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
