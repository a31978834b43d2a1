package formats

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"interdict/lists/fault"
)

const oneAddress = "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h\n"

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t testing.TB, content []byte, options ...zstd.EOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bzipped is oneAddress, packed by bzip2: Go has no writer.
func bzipped(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/text/packed.txt.bz2")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPackedFilesAreRead(t *testing.T) {
	plain := []byte(oneAddress)
	gz, zst := gzipped(t, plain), zstandard(t, plain)
	for name, content := range map[string][]byte{
		"plain":       plain,
		"gzip":        gz,
		"gzip twice":  gzipped(t, gz),
		"two streams": append(bytes.Clone(gz), gzipped(t, []byte("# more\n"))...),
		"zstd":        zst,
		"zstd -19":    zstandard(t, plain, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20)),
		"bzip2":       bzipped(t),
		"zip":         zipped(t, "list.txt", oneAddress),
		"zip of gzip": zipped(t, "folder/list.txt.gz", string(gz)),
		"zip of bz2":  zipped(t, "list.txt.bz2", string(bzipped(t))),
		"zip of zip":  zipped(t, "list.zip", string(zipped(t, "list.txt", oneAddress))),
		"gzip of zip": gzipped(t, zipped(t, "list.txt", oneAddress)),
		"litter":      zipped(t, "__MACOSX/._list.txt", "x", "folder/", "", ".DS_Store", "y", "folder/list.txt", oneAddress),
		"a read-me":   zipped(t, "list.txt", oneAddress, "README.md", "About this list.\nIt is short.\n"),
	} {
		t.Run(name, func(t *testing.T) {
			rows, info, err := rowsOf(t, "auto", Options{}, memory("list.txt.x", content))
			if err != nil || len(rows) != 1 || rows[0].Address != strings.TrimSpace(oneAddress) {
				t.Fatalf("%+v, %v", rows, err)
			}
			if warned(info, "ignored_files") != (name == "a read-me") {
				t.Errorf("warnings: %+v", info.Warnings)
			}
		})
	}
}

func TestTheTablesOfOFACMayComeInOneArchive(t *testing.T) {
	var parts []string
	for _, f := range []string{"joined/sdn_comments.csv", "add.csv", "joined/sdn.csv", "alt.csv"} {
		b, err := os.ReadFile(filepath.Join("testdata/ofac_csv", f))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, filepath.Base(f), string(b))
	}
	rows, info, err := rowsOf(t, "auto", Options{}, memory("sdn.zip", zipped(t, parts...)))
	if err != nil || len(rows) != 6 || info.Format != "ofac_csv" || warned(info, "truncated_remarks") {
		t.Errorf("%d rows, %+v, %v", len(rows), info, err)
	}
	rows, info, err = rowsOf(t, "ofac_csv", Options{}, memory("sdn.csv.gz", gzipped(t, []byte(parts[5]))), memory("sdn_comments.csv", []byte(parts[1])))
	if err != nil || len(rows) != 6 || len(info.Warnings) != 0 {
		t.Errorf("%d rows, %+v, %v", len(rows), info, err)
	}
	refused(t, "auto", memory("sdn.zip", zipped(t, "sdn.csv", parts[5], "cons_prim.csv", parts[5])), "same table")
}

// header makes an archive with one file whose header is as fn leaves it.
func header(t testing.TB, fn func(h *zip.FileHeader)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "list.txt", Method: zip.Deflate}
	fn(h)
	f, err := w.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(h.Name, "/") {
		if _, err := io.WriteString(f, oneAddress); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchivesThatMeanNoGoodAreRefused(t *testing.T) {
	many := make([]string, 0, 2*(maxMembers+1))
	for i := range maxMembers + 1 {
		many = append(many, fmt.Sprintf("%d.txt", i), oneAddress)
	}
	long := make([]string, 0, 200)
	for i := range 100 {
		long = append(long, fmt.Sprintf("%d%s", i, strings.Repeat("x", 60_000)), oneAddress)
	}
	encrypted := header(t, func(*zip.FileHeader) {})
	encrypted[6] |= 1 // the local header's flag
	encrypted[bytes.Index(encrypted, []byte("PK\x01\x02"))+8] |= 1
	damaged := header(t, func(*zip.FileHeader) {})
	damaged[40] ^= 0x55
	for name, c := range map[string]struct {
		content []byte
		word    string
	}{
		"../list.txt":          {header(t, func(h *zip.FileHeader) { h.Name = "../list.txt" }), "unsafe name"},
		"/etc/list.txt":        {header(t, func(h *zip.FileHeader) { h.Name = "/etc/list.txt" }), "unsafe name"},
		"a/../../list.txt":     {header(t, func(h *zip.FileHeader) { h.Name = "a/../../list.txt" }), "unsafe name"},
		`..\list.txt`:          {header(t, func(h *zip.FileHeader) { h.Name = `..\list.txt` }), "unsafe name"},
		"a link":               {header(t, func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }), "link"},
		"only a folder":        {header(t, func(h *zip.FileHeader) { h.Name = "folder/" }), "no file"},
		"encrypted":            {encrypted, "password"},
		"damaged":              {damaged, "zip archive"},
		"cut off":              {zipped(t, "list.txt", oneAddress)[:60], "truncated"},
		"an empty archive":     {zipped(t), "no file"},
		"an empty file":        {zipped(t, "list.txt", ""), "0 bytes"},
		"too many files":       {zipped(t, many...), "101 files in the archive, more than 100"},
		"too long a directory": {zipped(t, long...), "directory"},
		"two lists":            {zipped(t, "a.txt", oneAddress, "b.txt", oneAddress), "a.txt (text), "},
		"two formats":          {zipped(t, "a.txt", oneAddress, "b.json", `["12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"]`), "b.json (json)"},
		"no list":              {zipped(t, "a.md", "Words.", "b.md", "More words."), "a.md (unknown)"},
		"three deep":           {zipped(t, "a.zip", string(zipped(t, "b.zip", string(zipped(t, "c.txt", oneAddress))))), "more than 2 times"},
		"three deep, gzip":     {gzipped(t, gzipped(t, gzipped(t, []byte(oneAddress)))), "more than 2 times"},
		"a PDF within":         {zipped(t, "list.pdf", "%PDF-1.7"), "PDF"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, "auto", memory("list.zip", c.content), c.word) })
	}
}

func TestCutAndDamagedStreamsAreRefused(t *testing.T) {
	content := bytes.Repeat([]byte(oneAddress), 20_000)
	for name, packed := range map[string][]byte{"list.gz": gzipped(t, content), "list.zst": zstandard(t, content), "list.bz2": bzipped(t)} {
		for _, n := range []int{len(packed) - 1, len(packed) - 5, len(packed) / 2, 12} {
			refused(t, "auto", memory(name, packed[:n]), "truncated")
		}
		damaged := bytes.Clone(packed)
		damaged[len(damaged)-6] ^= 0xff // in the checksum
		if _, _, err := rowsOf(t, "auto", Options{}, memory(name, damaged)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s, damaged: %v", name, err)
		}
	}
	refused(t, "auto", memory("list.zip", zipped(t, "list.txt", string(content))[:200]), "zip archive")
}

// dense is n bytes of comments that pack as well as anything can.
func dense(n int) []byte { return bytes.Repeat([]byte(strings.Repeat("#", 500_000)+"\n"), n/500_001) }

func TestBombsAreRefused(t *testing.T) {
	n := bombFloor + bombFloor/8
	once := gzipped(t, dense(n))
	for name, content := range map[string][]byte{
		"list.gz":  once,
		"half.gz":  gzipped(t, gzipped(t, bytes.Repeat([]byte(strings.Repeat("#", 1000)+"\n"), n/1000))), // neither packing alone is too dense
		"list.zst": zstandard(t, dense(n)),
		"list.zip": zipped(t, "list.txt", string(dense(n))),
		"twice.gz": gzipped(t, once),
	} {
		t.Run(name, func(t *testing.T) {
			if grown := heapGrowth(t, func() { refused(t, "text", memory(name, content), "bomb") }); grown > 64<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
		})
	}
}

func TestAWideZstdWindowIsRefused(t *testing.T) {
	refused(t, "auto", memory("list.zst", zstandard(t, bytes.Repeat([]byte(oneAddress), 10_000), zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))), "window")
}

func TestAllFilesTogetherAreBounded(t *testing.T) {
	main, err := os.ReadFile("testdata/ofac_csv/joined/sdn.csv")
	if err != nil {
		t.Fatal(err)
	}
	comments, err := os.ReadFile("testdata/ofac_csv/joined/sdn_comments.csv")
	if err != nil {
		t.Fatal(err)
	}
	files := []File{memory("a", gzipped(t, main)), memory("b", comments)}
	both := int64(len(main) + len(comments))
	if _, _, err := rowsOf(t, "auto", Options{MaxBytes: both}, files...); err != nil {
		t.Errorf("within the limit: %v", err)
	}
	if _, _, err := rowsOf(t, "auto", Options{MaxBytes: both - 1}, files...); !fault.Is(err, fault.TooLarge) {
		t.Errorf("one byte over the limit: %v", err)
	}
}

// A large archive is read from a temporary file, or directly where the source allows; both leave nothing behind.
func TestLargeArchives(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "list.txt", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(bytes.Repeat([]byte(oneAddress), 2*inMemory/len(oneAddress))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "list.zip")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for _, file := range []File{onDisk(path), memory("list.zip", b.Bytes())} {
		n := 0
		if _, err := Read(t.Context(), []File{file}, "auto", Options{}, func(Row) error { n++; return nil }); err != nil || n != 2*inMemory/len(oneAddress) {
			t.Errorf("%d rows, %v", n, err)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, _, err := rowsOf(t, "auto", Options{MaxBytes: inMemory + 1000}, memory("list.zip", b.Bytes())); !fault.Is(err, fault.TooLarge) {
		t.Error(err)
	}
	t.Setenv("TMPDIR", filepath.Join(temporary, "missing"))
	if _, _, err := rowsOf(t, "auto", Options{}, memory("list.zip", b.Bytes())); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a temporary folder: %v", err)
	}
}

// Many archives in an archive share what one may take of memory.
func TestArchivesInAnArchiveAreBoundedTogether(t *testing.T) {
	stored := func(parts ...string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for i := 0; i < len(parts); i += 2 {
			f, err := w.CreateHeader(&zip.FileHeader{Name: parts[i], Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(f, parts[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	noise := bytes.Repeat([]byte("Words about this list.\n"), 6<<20/23)
	parts := []string{"list.txt", oneAddress}
	for i := range 12 {
		parts = append(parts, fmt.Sprintf("%d.zip", i), string(stored("note.md", string(noise))))
	}
	file := memory("many.zip", stored(parts...))
	var rows []Row
	var err error
	grown := heapGrowth(t, func() { rows, _, err = rowsOf(t, "auto", Options{}, file) })
	if err != nil || len(rows) != 1 {
		t.Errorf("%+v, %v", rows, err)
	}
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if _, _, err := rowsOf(t, "auto", Options{MaxBytes: 100 << 20}, file); !fault.Is(err, fault.TooLarge) {
		t.Errorf("got %v, want fault.TooLarge", err)
	}
}
