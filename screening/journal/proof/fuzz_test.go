package proof

import (
	"bytes"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func fuzzKeys(f *testing.F) *Keys {
	f.Helper()
	secret, _, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)), "exchange.example")
	if err != nil {
		f.Fatal(err)
	}
	keys, err := GivenKeys("exchange.example", secret, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	return keys
}

// A receipt that verifies is in its one form, and is of the record.
func FuzzVerifyReceipt(f *testing.F) {
	keys := fuzzKeys(f)
	dir := f.TempDir()
	records := testRecords(300)
	writeLog(f, dir, keys, records, 100)
	receipt, err := ReadReceipt(dir, 77, records[76], keys.VKeys())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(receipt)
	f.Add(append(bytes.Clone(receipt), "— auditor.example AAAAAAAAAAA=\n"...))
	f.Add(bytes.Replace(receipt, []byte("index"), []byte("extra AAAA\nindex"), 1))
	f.Add(bytes.ReplaceAll(receipt, []byte("\n"), []byte("\r\n")))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := VerifyReceipt(data, keys.VKeys())
		if err == nil && (!bytes.Equal(info.Record, records[76]) || info.Seq != 77 || info.Size != 300 || !bytes.HasPrefix(data, receipt)) {
			t.Errorf("accepted: %+v\n%q", info, data)
		}
	})
}

// A checkpoint is accepted only if its text starts with the one form of its values.
func FuzzParseCheckpoint(f *testing.F) {
	f.Add("exchange.example/1\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Add("exchange.example/1\n07\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nextension\n")
	f.Add("\n0\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCheckpoint(text)
		if err != nil {
			return
		}
		again, err := parseCheckpoint(c.text())
		if err != nil || again != c || len(text) < len(c.text()) || text[:len(c.text())] != c.text() {
			t.Errorf("%q: %+v, %+v, %v", text, c, again, err)
		}
	})
}

func FuzzParseTilePath(f *testing.F) {
	for _, path := range []string{"tile/0/000", "tile/0/x001/234", "tile/1/000.p/3", "tile/entries/x001/x234/067.p/255", "tile/8/0/000", "tile/data/000"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := parseTilePath(path)
		if err == nil && (tilePath(tile) != path || tile.W < 1 || tile.W > tileWidth || tile.N < 0) {
			t.Errorf("%q: %+v", path, tile)
		}
	})
}

func FuzzParseAddRequest(f *testing.F) {
	f.Add([]byte("old 0\n\nexchange.example/1\n7\n"))
	f.Add([]byte("old 3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nx\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		old, proof, checkpoint, err := parseAddRequest(body)
		if err == nil && (old < 0 || len(proof) > maxProofLines || !bytes.HasSuffix(body, checkpoint)) {
			t.Errorf("%q: %d, %d hashes", body, old, len(proof))
		}
	})
}

func TestTilePathsAreThoseOfTheSpecification(t *testing.T) {
	for _, path := range []string{"tile/0/000", "tile/0/x001/234", "tile/63/x001/x234/067.p/1", "tile/entries/x001/234", "tile/entries/000.p/255"} {
		if tile, err := parseTilePath(path); err != nil || tilePath(tile) != path {
			t.Errorf("%s: %+v, %v", path, tile, err)
		}
	}
	for _, path := range []string{"", "tile", "tile/0/0", "tile/8/0/000", "tile/data/000", "tile/0/000.p/256", "tile/0/000.p/0", "tile/0/../000", "tile/-1/000", "/tile/0/000"} {
		if tile, err := parseTilePath(path); err == nil {
			t.Errorf("%s: %+v", path, tile)
		}
	}
}
