package journal

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Segments as earlier versions wrote them are read for ever.
func TestFormats(t *testing.T) {
	const salt = 0x0123456789abcdef
	texts := []string{`{"check_id":"019ad2c4","result":"miss"}`, `{}`, "\u00e9"}
	id := idAt(testTime, 7)
	raw := header{version: 2, number: 1, first: 1, created: testTime, writer: testWriter, salt: 0x01234567}.encode()
	for i, text := range texts {
		e := Entry{Kind: Check, Time: testTime, Payload: []byte(text), sum: payloadSum([]byte(text))}
		if i == 0 {
			e.ID = id
		}
		raw = appendFrame(raw, 0x01234567, uint64(i)+1, &e)
	}
	at := millisOf(testTime.UnixNano())
	sealed := sealedName(header{writer: testWriter, number: 1, first: 1, salt: 0x01234567}, at, at)
	if *update {
		writeFile(t, filepath.Join("testdata/2-raw", rawName(testWriter, 1, 0x01234567)), raw)
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, rawName(testWriter, 1, 0x01234567)), raw)
		recoverQuietly(t, dir)
		b, err := os.ReadFile(filepath.Join(dir, sealed))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join("testdata/2-sealed", sealed), b)
	}
	for _, c := range []struct {
		dir, name string
		image     []byte // what is written today; nil: nothing, or it depends on the version of the compressor
		offsets   []int64
		id        uuid.UUID
	}{
		{"testdata/1", name1(1, salt), sealedImage1(1, salt, texts...), []int64{128, 191, 217}, uuid.Nil},
		{"testdata/2-raw", rawName(testWriter, 1, 0x01234567), raw, []int64{128, 197, 219}, id},
		{"testdata/2-sealed", sealed, nil, []int64{128, 128, 128}, id},
	} {
		path := filepath.Join(c.dir, c.name)
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if c.image != nil && !bytes.Equal(golden, c.image) {
			t.Errorf("the format has changed:\n% x\nwant\n% x", c.image, golden)
		}
		records, damage := readAll(t, c.dir)
		var want []Record
		for i, text := range texts {
			want = append(want, Record{Writer: testWriter, Sequence: uint64(i) + 1, Kind: Check, Time: testTime, Payload: []byte(text), File: path, OffsetBytes: c.offsets[i]})
		}
		want[0].ID = c.id
		if diff := cmp.Diff(want, records); diff != "" || damage != nil {
			t.Errorf("%s: damage %v, records (-want +got):\n%s", c.dir, damage, diff)
		}
	}
}

// The proof and the receipts depend on these bytes.
func TestCanonicalBytes(t *testing.T) {
	r := Record{Writer: testWriter, Sequence: 0x0102, Kind: SignIn, ID: idAt(testTime, 7), Time: testTime, Payload: []byte("{}"), File: "f", OffsetBytes: 9}
	const want = "01" + "01020304050670078008090a0b0c0d0e" + "0000000000000102" + "0b" + "187974d99ec9a440" + "019a9cea87497000" + "8000000000000007" + "7b7d"
	if got := hex.EncodeToString(r.Bytes()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestKindsKeepTheirNumbers(t *testing.T) {
	for number, name := range []string{
		"kind 0", "check", "list change", "upload", "approval", "rejection", "activation", "rollback", "key created", "key revoked",
		"key", "sign-in", "denied", "proposal", "checkpoint", "look-back", "kind 16",
	} {
		if got := Kind(number).String(); got != name {
			t.Errorf("kind %d is %q, want %q", number, got, name)
		}
	}
}
