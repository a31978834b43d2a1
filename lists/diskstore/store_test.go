package diskstore

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"interdict/lists"
	"interdict/lists/storetest"
)

func open(dir string) (lists.Store, error) { return Open(dir) }

func TestMain(m *testing.M) {
	storetest.Helper(open)
	goleak.VerifyTestMain(m)
}

func newStore(t testing.TB, dir string, opts ...Option) *Store {
	t.Helper()
	s, err := Open(dir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, storetest.Kit{
		Open: func(t *testing.T) lists.Store { return newStore(t, filepath.Join(t.TempDir(), "data")) },
		Reopen: func(t *testing.T, s lists.Store) lists.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return newStore(t, s.(*Store).dir)
		},
		CutBlob: func(t *testing.T, s lists.Store, name string) {
			file := s.(*Store).path(dirBlobs, name)
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(file, info.Size()-1); err != nil {
				t.Fatal(err)
			}
		},
		AlterBlob: func(t *testing.T, s lists.Store, name string) { flip(t, s.(*Store).path(dirBlobs, name), 0) },
	})
}

// flip changes a bit of a file.
func flip(t testing.TB, file string, at int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

func TestKilledAtAnyPointItHoldsWhatItPromised(t *testing.T) {
	storetest.Crash(t, filepath.Join(t.TempDir(), "data"), open, nil)
}
