package buckettest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"interdict/lists/fault"
	"interdict/screening/archive/vault"
	"interdict/screening/archive/vault/vaulttest"
)

func TestS3(t *testing.T) {
	s := startServer(t, t.TempDir())
	n := 0
	vaulttest.Run(t, func(t *testing.T) vaulttest.Target {
		n++
		return s.bucket(t, fmt.Sprintf("plain-%d", n), false)
	})
}

func TestS3WithObjectLock(t *testing.T) {
	s := startServer(t, t.TempDir())
	n := 0
	vaulttest.Run(t, func(t *testing.T) vaulttest.Target {
		n++
		return s.bucket(t, fmt.Sprintf("locked-%d", n), true)
	})
}

// Until the retention has passed nobody can delete a segment, and Expire says so.
func TestALockedSegmentCannotBeDeleted(t *testing.T) {
	s := startServer(t, t.TempDir())
	target := s.bucket(t, "records", true)
	f := vaulttest.NewFolder(t)
	writer := f.Write(t, 10, 0)
	want := f.All(t)
	v := target.Vault(t, f.Options(t))
	ctx := t.Context()
	if _, err := v.Archive(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := v.DropLocal(ctx, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	c := s.client(t)
	objects := 0
	for o := range c.ListObjectsIter(ctx, "records", minio.ListObjectsOptions{Recursive: true, WithVersions: true, Prefix: "interdict/records/" + writer.String()}) {
		must(t, o.Err)
		objects++
		err := c.RemoveObject(ctx, "records", o.Key, minio.RemoveObjectOptions{VersionID: o.VersionID})
		if minio.ToErrorResponse(err).Code != "AccessDenied" {
			t.Errorf("deleting %s: %v", o.Key, err)
		}
		info, err := c.StatObject(ctx, "records", o.Key, minio.StatObjectOptions{})
		must(t, err)
		until, err := time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date"))
		if want := vaulttest.Start.Add(vault.DefaultRetention); err != nil || until.Before(want) || until.After(want.Add(time.Minute)) || info.Metadata.Get("X-Amz-Object-Lock-Mode") != "COMPLIANCE" {
			t.Errorf("%s is locked until %v, %v", o.Key, info.Metadata, err)
		}
	}
	if objects != 2 {
		t.Errorf("%d objects, want a segment and its manifest", objects)
	}
	// a clock that is wrong by eleven years
	opts := f.Options(t)
	opts.Now = func() time.Time { return time.Now().Add(11 * 366 * 24 * time.Hour) }
	d, err := target.Vault(t, opts).Expire(ctx, time.Time{}, nil)
	if err != nil || len(d.Segments) != 0 || len(d.Kept) != 1 || !strings.Contains(d.Kept[0].Reason, "locked until 203") {
		t.Errorf("expired %+v, %v", d, err)
	}
	vaulttest.Same(t, target.Vault(t, f.Options(t)), want)
}

func TestAnAskedForLockMustExist(t *testing.T) {
	s := startServer(t, t.TempDir())
	target := s.bucket(t, "plain", false)
	if _, err := vault.OpenBucket(t.Context(), target.Address+"&lock=compliance", target.Options); !fault.Is(err, fault.Invalid) {
		t.Errorf("opened: %v", err)
	}
	unlocked := target.Options
	unlocked.Unlocked = true
	if _, err := vault.OpenBucket(t.Context(), target.Address+"&lock=compliance", unlocked); !fault.Is(err, fault.Invalid) {
		t.Errorf("opened for objects that are never locked: %v", err)
	}
	gone := strings.Replace(target.Address, "plain", "other", 1)
	if _, err := vault.OpenBucket(t.Context(), gone, target.Options); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "s3://other/") {
		t.Errorf("a bucket that does not exist: %v", err)
	}
}

// The server is killed in the middle of uploads. The next attempt continues.
func TestAServerThatIsKilledLosesNothing(t *testing.T) {
	s := startServer(t, t.TempDir())
	target := s.bucket(t, "records", false)
	f := vaulttest.NewFolder(t)
	for range 3 {
		f.Prove(t, f.Write(t, 600, 8))
	}
	want := f.All(t)
	v := target.Vault(t, f.Options(t))
	failed := 0
	for round := 0; ; round++ {
		done := make(chan error)
		go func() {
			_, err := v.Archive(context.Background())
			done <- err
		}()
		var err error
		killed := false
		select {
		case err = <-done:
		case <-time.After(time.Duration(15+20*round) * time.Millisecond):
			s.kill(t)
			killed = true
			err = <-done
		}
		if err != nil && (!killed || !fault.Is(err, fault.Unavailable)) {
			t.Fatalf("round %d, killed %v: %v", round, killed, err)
		}
		if err != nil {
			failed++
			if d, err := v.DropLocal(context.Background(), time.Now(), nil); !fault.Is(err, fault.Unavailable) || len(d.Segments) > 0 {
				t.Fatalf("dropped %+v without a server, %v", d, err)
			}
		}
		if killed {
			s.start(t)
		}
		if err == nil {
			break
		}
	}
	if failed == 0 {
		t.Error("the server was never killed during an upload")
	}
	if _, err := v.DropLocal(context.Background(), time.Now(), nil); err != nil {
		t.Error(err)
	}
	vaulttest.Same(t, v, want)
	s.kill(t)
	for writer := range want {
		sums, errs := vaulttest.Records(v.ReadFrom(context.Background(), writer, 1))
		if len(sums) != len(want[writer]) && (len(errs) != 1 || !fault.Is(errs[0], fault.Unavailable)) {
			t.Errorf("without a server: %d records, %v", len(sums), errs)
		}
	}
	fresh, err := vault.OpenBucket(t.Context(), target.Address, target.Options)
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("opened without a server: %v, %v", fresh, err)
	}
}

func TestAServerThatRefusesToWrite(t *testing.T) {
	for name, refuse := range map[string]func(t *testing.T) (*server, vaulttest.Target){
		"its disk is full": func(t *testing.T) (*server, vaulttest.Target) {
			s := startServer(t, smallDisk(t, "512k"))
			return s, s.bucket(t, "records", false)
		},
		"it is read-only": func(t *testing.T) (*server, vaulttest.Target) {
			s := startServer(t, t.TempDir())
			target := s.bucket(t, "records", false)
			s.kill(t)
			s.config.ReadOnly = true
			s.start(t)
			return s, target
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, target := refuse(t)
			f := vaulttest.NewFolder(t)
			f.WriteRandom(t, 3, 300<<10)
			want := f.All(t)
			v := target.Vault(t, f.Options(t))
			if r, err := v.Archive(t.Context()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("report %+v, %v", r, err)
			}
			d, err := v.DropLocal(t.Context(), time.Now(), nil)
			if err != nil || len(d.Segments) > 0 {
				t.Errorf("dropped %+v, %v", d, err)
			}
			vaulttest.Same(t, v, want)
		})
	}
}

// slowServer forwards connections to a server, and can hold them up.
type slowServer struct {
	to   string
	hold atomic.Bool
}

func (s *slowServer) run(t *testing.T, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		up, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "tcp", s.to)
		if err != nil {
			conn.Close()
			continue
		}
		go s.forward(up, conn)
		go s.forward(conn, up)
	}
}

func (s *slowServer) forward(to, from net.Conn) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		for s.hold.Load() {
			time.Sleep(10 * time.Millisecond)
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func TestAServerThatHangsIsUnavailable(t *testing.T) {
	s := startServer(t, t.TempDir())
	target := s.bucket(t, "records", false)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	slow := &slowServer{to: "127.0.0.1:" + s.config.Port}
	go slow.run(t, l)
	target.Address = strings.Replace(target.Address, slow.to, l.Addr().String(), 1)
	target.Options.Stall = 300 * time.Millisecond
	f := vaulttest.NewFolder(t)
	f.Write(t, 10, 4)
	want := f.All(t)
	v := target.Vault(t, f.Options(t))
	slow.hold.Store(true)
	began := time.Now()
	if _, err := v.Archive(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("archived: %v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	slow.hold.Store(false)
	if _, err := v.Archive(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := v.DropLocal(t.Context(), time.Now(), nil); err != nil {
		t.Error(err)
	}
	vaulttest.Same(t, v, want)
}

// A server that stores something else than it was sent is found out when the object is read back.
func TestBytesThatChangeOnTheWayAreRefused(t *testing.T) {
	s := startServer(t, t.TempDir())
	b := s.bucket(t, "records", false).OpenBucket(t)
	body := []byte("a segment")
	created, err := b.Create(t.Context(), "x", bytes.NewReader(body), int64(len(body)), sha256.Sum256([]byte("b segment")), time.Time{})
	if created || !fault.Is(err, fault.Conflict) {
		t.Errorf("created %v, %v", created, err)
	}
}

func TestSecretsAreInNoError(t *testing.T) {
	s := startServer(t, t.TempDir())
	target := s.bucket(t, "records", false)
	const secret = "wrong-secret-9876543210"
	target.Options.SecretKey = secret
	_, err := vault.OpenBucket(t.Context(), target.Address, target.Options)
	if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), secret) {
		t.Errorf("opened with a wrong key: %v", err)
	}
	b, err := vault.OpenBucket(t.Context(), target.Address+"&lock=none", target.Options)
	must(t, err)
	defer b.Close()
	_, createErr := b.Create(t.Context(), "x", strings.NewReader(""), 0, sha256.Sum256(nil), time.Time{})
	_, openErr := b.Open(t.Context(), "x")
	var listErr error
	for _, err := range b.List(t.Context(), "") {
		listErr = err
	}
	for _, err := range []error{createErr, openErr, listErr, b.Remove(t.Context(), "x")} {
		if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), secret) {
			t.Errorf("with a wrong key: %v", err)
		}
	}
	if strings.Contains(b.Describe(), secret) || strings.Contains(b.Describe(), accessKey) {
		t.Error(b.Describe())
	}
	if err := errors.Join(createErr, listErr); strings.Contains(err.Error(), "%!") {
		t.Error(err)
	}
}
