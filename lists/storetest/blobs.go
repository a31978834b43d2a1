package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"interdict/lists"
	"interdict/lists/fault"
)

func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	var key [32]byte
	key[0] = byte(seed)
	_, _ = rand.NewChaCha8(key).Read(b)
	return b
}

func putBlob(t testing.TB, s lists.Store, name string, b []byte) {
	t.Helper()
	if err := s.PutBlob(context.Background(), name, bytes.NewReader(b)); err != nil {
		t.Fatalf("PutBlob: %v", err)
	}
}

func readBlob(s lists.Store, name string) ([]byte, error) {
	r, err := s.OpenBlob(context.Background(), name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func wantBlob(t testing.TB, s lists.Store, name string, want []byte) {
	t.Helper()
	got, err := readBlob(s, name)
	if err != nil {
		t.Fatalf("blob %s: %v", name, err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("blob %s has %d other bytes, want %d", name, len(got), len(want))
	}
}

func (k Kit) blobs(t *testing.T) {
	ctx := context.Background()

	t.Run("bytes come back as they were", func(t *testing.T) {
		s := k.Open(t)
		for i, n := range []int{0, 1, 100, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3 << 20, 20_000_000} {
			b := noise(n, uint64(i))
			putBlob(t, s, "b", b)
			wantBlob(t, s, "b", b)
		}
		s = k.Reopen(t, s)
		wantBlob(t, s, "b", noise(20_000_000, 7))
	})

	t.Run("however it is cut into reads", func(t *testing.T) {
		s := k.Open(t)
		b := noise(100_000, 1)
		if err := s.PutBlob(ctx, "b", iotest.HalfReader(iotest.DataErrReader(bytes.NewReader(b)))); err != nil {
			t.Fatal(err)
		}
		r, err := s.OpenBlob(ctx, "b")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, err := io.ReadAll(iotest.OneByteReader(r))
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})

	t.Run("absence is NotFound, dropping it no error", func(t *testing.T) {
		s := k.Open(t)
		_, err := s.OpenBlob(ctx, "none")
		wantKind(t, "OpenBlob", err, fault.NotFound)
		if err := s.DropBlob(ctx, "none"); err != nil {
			t.Errorf("DropBlob: %v", err)
		}
		putBlob(t, s, "b", []byte("x"))
		if err := s.DropBlob(ctx, "b"); err != nil {
			t.Fatal(err)
		}
		_, err = s.OpenBlob(ctx, "b")
		wantKind(t, "OpenBlob of a dropped one", err, fault.NotFound)
	})

	t.Run("names are listed, bad ones Invalid", func(t *testing.T) {
		s := k.Open(t)
		names := []string{"filter-a", "filter-b", "source-ofac-sdn-00ff", strings.Repeat("a", 200)}
		for _, name := range names {
			putBlob(t, s, name, []byte(name))
		}
		got, err := s.Blobs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(names)
		wantSame(t, "names", got, names)
		for _, name := range []string{"", ".", "..", "../x", "a/b", ".new-1", "A", "a b", "a\x00", strings.Repeat("a", 201)} {
			wantKind(t, "PutBlob "+name, s.PutBlob(ctx, name, strings.NewReader("x")), fault.Invalid)
			_, err := s.OpenBlob(ctx, name)
			wantKind(t, "OpenBlob "+name, err, fault.Invalid)
			wantKind(t, "DropBlob "+name, s.DropBlob(ctx, name), fault.Invalid)
		}
	})

	t.Run("a new one replaces the old, a failed one does not", func(t *testing.T) {
		s := k.Open(t)
		long, short := noise(3_000_000, 1), noise(10, 2)
		putBlob(t, s, "b", long)
		putBlob(t, s, "b", short)
		wantBlob(t, s, "b", short)
		putBlob(t, s, "b", long)
		failure := fault.E(fault.TooLarge, "the upload is too large")
		err := s.PutBlob(ctx, "b", io.MultiReader(bytes.NewReader(noise(2_000_000, 3)), iotest.ErrReader(failure)))
		if !errors.Is(err, failure) || !fault.Is(err, fault.TooLarge) {
			t.Errorf("a reader that fails: %v", err)
		}
		wantBlob(t, s, "b", long)
		wantKind(t, "a new one", s.PutBlob(ctx, "c", io.MultiReader(bytes.NewReader(noise(2_000_000, 3)), iotest.ErrReader(failure))), fault.TooLarge)
		_, err = s.OpenBlob(ctx, "c")
		wantKind(t, "OpenBlob of what failed", err, fault.NotFound)
		names, err := s.Blobs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, "names", names, []string{"b"})
	})

	t.Run("whoever reads gets one or the other, whole", func(t *testing.T) {
		s := k.Open(t)
		versions := [][]byte{noise(2_500_000, 1), noise(2_500_000, 2), noise(1_500_000, 3)}
		putBlob(t, s, "b", versions[0])
		var wg sync.WaitGroup
		for _, v := range versions {
			wg.Go(func() {
				for range 3 {
					if err := s.PutBlob(ctx, "b", bytes.NewReader(v)); err != nil {
						t.Errorf("PutBlob: %v", err)
					}
				}
			})
		}
		for range 2 {
			wg.Go(func() {
				for range 5 {
					got, err := readBlob(s, "b")
					if err != nil {
						t.Errorf("OpenBlob: %v", err)
					} else if !slices.ContainsFunc(versions, func(v []byte) bool { return bytes.Equal(v, got) }) {
						t.Errorf("%d bytes are those of no version", len(got))
					}
				}
			})
		}
		wg.Wait()
	})

	t.Run("damage ends in an error, not in the end", func(t *testing.T) {
		for what, tamper := range map[string]func(*testing.T, lists.Store, string){"cut": k.CutBlob, "altered": k.AlterBlob} {
			for _, n := range []int{1, 1000, 1 << 20, 2_500_000} {
				s := k.Open(t)
				putBlob(t, s, "b", noise(n, 1))
				tamper(t, s, "b")
				_, err := readBlob(s, "b")
				wantKind(t, what, err, fault.Unavailable)
				putBlob(t, s, "b", noise(n, 2))
				wantBlob(t, s, "b", noise(n, 2))
			}
		}
	})

	t.Run("a context that ends stops a read", func(t *testing.T) {
		s := k.Open(t)
		putBlob(t, s, "b", noise(3_000_000, 1))
		gone, cancel := context.WithCancel(ctx)
		r, err := s.OpenBlob(gone, "b")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
