package journal

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A segment as version 1 writes it is read for ever.
func TestFormatVersion1(t *testing.T) {
	const salt = 0x0123456789abcdef
	path := filepath.Join("testdata", segmentName(1, salt))
	image := sealedImage(1, salt, `{"check_id":"019ad2c4","result":"miss"}`, `{}`, "\u00e9")
	if *update {
		writeFile(t, path, image)
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden, image) {
		t.Errorf("the format has changed:\n% x\nwant\n% x", image, golden)
	}
	records, damage := readAll(t, "testdata")
	want := []Record{
		{Writer: testWriter, Sequence: 1, Kind: Check, Time: testTime, Payload: []byte(`{"check_id":"019ad2c4","result":"miss"}`), File: path, OffsetBytes: 128},
		{Writer: testWriter, Sequence: 2, Kind: Check, Time: testTime, Payload: []byte(`{}`), File: path, OffsetBytes: 191},
		{Writer: testWriter, Sequence: 3, Kind: Check, Time: testTime, Payload: []byte("\u00e9"), File: path, OffsetBytes: 217},
	}
	if diff := cmp.Diff(want, records); diff != "" || damage != nil {
		t.Errorf("damage %v, records (-want +got):\n%s", damage, diff)
	}
}

func TestKindsKeepTheirNumbers(t *testing.T) {
	for number, name := range []string{
		"kind 0", "check", "list change", "upload", "approval", "rejection", "activation", "rollback", "key created", "key revoked", "kind 10",
	} {
		if got := Kind(number).String(); got != name {
			t.Errorf("kind %d is %q, want %q", number, got, name)
		}
	}
}
