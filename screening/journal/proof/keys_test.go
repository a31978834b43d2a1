package proof

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"interdict/lists/fault"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func TestARotatedKeySignsBesideTheNewOneUntilTheOverlapEnds(t *testing.T) {
	start := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	c := &clock{start}
	dir := filepath.Join(t.TempDir(), "keys")
	open := func() *Keys {
		t.Helper()
		keys, err := OpenKeys(dir, "exchange.example", c.Now)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	keys := open()
	old := keys.VKeys()[0]
	signers := func(vkey string, keys *Keys) bool {
		t.Helper()
		signed, err := keys.Sign(Checkpoint{testOrigin, 1, [32]byte{}}.text())
		if err != nil {
			t.Fatal(err)
		}
		_, err = OpenCheckpoint(signed, []string{vkey})
		return err == nil
	}
	c.now = start.Add(time.Hour)
	if err := keys.Rotate(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	want := []Key{{old, start, start.Add(25 * time.Hour)}, {keys.VKeys()[1], start.Add(time.Hour), time.Time{}}}
	for _, k := range []*Keys{keys, open()} {
		if diff := cmp.Diff(want, k.Public()); diff != "" {
			t.Error(diff)
		}
		if !signers(want[0].VKey, k) || !signers(want[1].VKey, k) {
			t.Error("in the overlap, not both keys sign")
		}
	}
	c.now = start.Add(25 * time.Hour)
	if signers(want[0].VKey, keys) || !signers(want[1].VKey, keys) {
		t.Error("after the overlap, the old key signs, or the new one does not")
	}
	if err := keys.Rotate(0); err != nil {
		t.Fatal(err)
	}
	if k := open(); len(k.Public()) != 3 || len(k.private) != 1 {
		t.Errorf("after two rotations: %d public keys, %d private keys", len(k.Public()), len(k.private))
	}
	for name, want := range map[string]os.FileMode{"": 0o700, filePrivate: 0o600, filePublic: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestAKeyThatIsMissingOrReplacedExplainsItself(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	if _, err := OpenKeys(other, "exchange.example", time.Now); err != nil {
		t.Fatal(err)
	}
	file := func(dir, name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		want   []string
	}{
		{"private key missing", func(dir string) error { return os.Remove(file(dir, filePrivate)) }, []string{filePrivate, "is missing", "restore"}},
		{"public keys missing", func(dir string) error { return os.Remove(file(dir, filePublic)) }, []string{filePublic, "is missing", "restore"}},
		{"private key replaced", func(dir string) error {
			data, err := os.ReadFile(file(other, filePrivate))
			if err != nil {
				return err
			}
			return os.WriteFile(file(dir, filePrivate), data, 0o600)
		}, []string{filePrivate, filePublic, "replaced", "restore"}},
		{"readable by others", func(dir string) error { return os.Chmod(file(dir, filePrivate), 0o644) }, []string{filePrivate, "chmod 600"}},
		{"a folder in its place", func(dir string) error {
			if err := os.Remove(file(dir, filePublic)); err != nil {
				return err
			}
			return os.Mkdir(file(dir, filePublic), 0o700)
		}, []string{filePublic, "readable"}},
		{"private key damaged", func(dir string) error {
			return os.WriteFile(file(dir, filePrivate), []byte("PRIVATE+KEY+secret 2026-01-01T00:00:00Z -\n"), 0o600)
		}, []string{filePrivate, "line 1", "restore"}},
		{"private key empty", func(dir string) error { return os.WriteFile(file(dir, filePrivate), nil, 0o600) }, []string{filePrivate, "line 1", "restore"}},
		{"public keys damaged", func(dir string) error {
			return os.WriteFile(file(dir, filePublic), []byte("x y z\n"), 0o600)
		}, []string{filePublic, "line 1", "restore"}},
	} {
		dir := filepath.Join(t.TempDir(), "keys")
		if _, err := OpenKeys(dir, "exchange.example", time.Now); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(dir); err != nil {
			t.Fatal(err)
		}
		_, err := OpenKeys(dir, "exchange.example", time.Now)
		if err == nil || fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in: %v", c.name, want, err)
			}
		}
		if strings.Contains(err.Error(), "PRIVATE+KEY+secret") {
			t.Errorf("%s: the error shows the key: %v", c.name, err)
		}
	}
	if _, err := OpenKeys(other, "renamed.example", time.Now); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), `named "exchange.example"`) {
		t.Errorf("a deployment with another name: %v", err)
	}
}

func TestALogOfAnUnknownKeyIsNotContinued(t *testing.T) {
	dir := t.TempDir()
	keys := testKeys(t)
	records := testRecords(10)
	writeLog(t, dir, keys, records, 5)
	_, err := Open(dir, testOrigin, testKeys(t), from(records), byHand)
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), fileCheckpoint) || !strings.Contains(err.Error(), "restore the signing keys") {
		t.Errorf("got %v", err)
	}
	if err := keys.Rotate(0); err != nil {
		t.Fatal(err)
	}
	if err := openLogError(dir, keys, records); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	wantIntact(t, verifyLog(t, dir, keys, records))
}

func TestKeysOfTheConfiguration(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	vkey, err := note.NewEd25519VerifierKey("exchange.example", public)
	if err != nil {
		t.Fatal(err)
	}
	skey, second, err := note.GenerateKey(rand.Reader, "exchange.example")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := GivenKeys("exchange.example", text, []string{skey}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Key{{VKey: second}, {VKey: vkey}}, keys.Public()); diff != "" {
		t.Error(diff)
	}
	signed, err := keys.Sign(Checkpoint{testOrigin, 1, [32]byte{}}.text())
	if err != nil {
		t.Fatal(err)
	}
	for _, vkey := range []string{vkey, second} {
		if _, err := OpenCheckpoint(signed, []string{vkey}); err != nil {
			t.Errorf("%s: %v", vkey, err)
		}
	}
	if err := keys.Rotate(0); !fault.Is(err, fault.Conflict) {
		t.Errorf("rotated: %v", err)
	}
	for _, bad := range []string{"", "x", vkey, skey[:len(skey)-3], strings.Replace(text, "PRIVATE KEY-----\nM", "PRIVATE KEY-----\nA", 1),
		strings.Replace(skey, "exchange.example", "other.example", 1)} {
		if _, err := GivenKeys("exchange.example", bad, nil, nil); !fault.Is(err, fault.Invalid) || bad != "" && bad != "x" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, name := range []string{"", "a b", "a+b", "ä"} {
		if _, err := GivenKeys(name, text, nil, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}
