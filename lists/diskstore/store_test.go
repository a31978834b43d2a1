package diskstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"interdict/lists"
	"interdict/lists/address"
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
		LoseEntry: loseEntry,
	})
}

// loseEntry holds the ways in which an entry of a layer can be lost.
var loseEntry = map[string]func(t *testing.T, s lists.Store, layer string, key address.Key){
	"its block is deleted": inBlock(func(b *bbolt.Bucket, to, _ []byte, _ address.Key) error { return b.Delete(to) }),
	"its block is cut before it": inBlock(func(b *bbolt.Bucket, to, block []byte, key address.Key) error {
		return b.Put(to, block[:bytes.Index(block, []byte(key))-1])
	}),
	"it is cut out of its block": inBlock(func(b *bbolt.Bucket, to, block []byte, key address.Key) error {
		at := bytes.Index(block, []byte(key)) - 1
		_, _, rest, err := cutEntry(block[at:])
		return errors.Join(err, b.Put(to, append(block[:at:at], rest...)))
	}),
	"its key is altered": inBlock(func(b *bbolt.Bucket, to, block []byte, key address.Key) error {
		block[bytes.Index(block, []byte(key))+len(key)-1] ^= 1
		return b.Put(to, block)
	}),
}

func inBlock(damage func(b *bbolt.Bucket, to, block []byte, key address.Key) error) func(*testing.T, lists.Store, string, address.Key) {
	return func(t *testing.T, s lists.Store, layer string, key address.Key) {
		t.Helper()
		err := s.(*Store).update(t.Context(), func(tx *bbolt.Tx) error {
			b := tx.Bucket(bucketLayer(layer))
			to, block := b.Cursor().Seek(binary.BigEndian.AppendUint64(nil, lists.Hash(key)))
			return damage(b, bytes.Clone(to), bytes.Clone(block), key)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
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
