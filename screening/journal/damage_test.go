package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

// A crashed segment, hurt at every offset of its last three records in every way: what is whole
// stays, what is torn at the end is cut, and what is hurt with whole records after it is
// reported and stays where it is.
func TestTornTailIsCutAndNothingBefore(t *testing.T) {
	t.Run("format 1", func(t *testing.T) {
		tornTail(t, name1(1, 0x1122334455667788), frame1Bytes, image1(1, 0x1122334455667788, tornTexts...))
	})
	t.Run("format 2", func(t *testing.T) {
		tornTail(t, segmentName(1, 0x11223344), headBytes, segmentImage(1, 0x11223344, tornTexts...))
	})
}

var tornTexts = []string{`{"n":0}`, `{"n":1,"pad":"xxxxxxxxxxxxxxxx"}`, `{"n":2}`, `{"n":3,"pad":"y"}`, ``, `{"n":5,"pad":"zzzzzzzz"}`}

func tornTail(t *testing.T, name string, frameBytes int, whole []byte) {
	texts := tornTexts
	ends := []int{headerBytes} // where record n begins
	for _, text := range texts {
		ends = append(ends, ends[len(ends)-1]+frameBytes+len(text))
	}
	preallocated := make([]byte, 5000)

	hurt := map[string]func(b []byte, at int) []byte{
		"cut":         func(b []byte, at int) []byte { return b[:at] },
		"zero to end": func(b []byte, at int) []byte { clear(b[at:]); return b },
		"zero a byte": func(b []byte, at int) []byte { b[at] = 0; return b },
		"flip a bit":  func(b []byte, at int) []byte { b[at] ^= 0x10; return b },
		"garble":      func(b []byte, at int) []byte { copy(b[at:], "\x55\xaa\x01\xff\x00\x00\x03\x01\xee"); return b },
		"garble to end": func(b []byte, at int) []byte {
			for i := at; i < len(b); i++ {
				b[i] = byte(i*7 + 1)
			}
			return b
		},
	}
	path := func(dir string) string { return filepath.Join(dir, name) }
	cases, root := 0, t.TempDir()
	for how, hurt := range hurt {
		for at := ends[3]; at < len(whole); at++ {
			cases++
			dir, err := os.MkdirTemp(root, "")
			if err != nil {
				t.Fatal(err)
			}
			image := hurt(bytes.Clone(whole), at)

			var want []string // whole records
			last := headerBytes
			inside := 0 // places of damage before whole records
			broken := false
			for n, text := range texts {
				if ends[n+1] > len(image) || !bytes.Equal(image[ends[n]:ends[n+1]], whole[ends[n]:ends[n+1]]) {
					broken = true
					continue
				}
				if broken {
					inside++
				}
				broken, last = false, ends[n+1]
				want = append(want, text)
			}
			torn := len(bytes.TrimRight(image[last:], "\x00"))
			image = append(image, preallocated...)
			writeFile(t, path(dir), image)
			label := fmt.Sprintf("%s at %d", how, at)

			check := func(when string) {
				t.Helper()
				records, damage := readAll(t, dir)
				if diff := cmp.Diff(want, payloadsOf(records)); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", label, when, diff)
				}
				if len(damage) != inside {
					t.Errorf("%s, %s: damage %v, want %d places", label, when, damage, inside)
				}
			}
			check("before recovery")
			valid := int64(len(want) * frameBytes)
			for _, text := range want {
				valid += int64(len(text))
			}
			wantDone := Recovery{Segments: 1, Records: uint64(len(want)), Bytes: valid, CutBytes: int64(torn), Damaged: inside}
			if diff := cmp.Diff(wantDone, recoverQuietly(t, dir)); diff != "" {
				t.Errorf("%s: recovery (-want +got):\n%s", label, diff)
			}
			check("after recovery")
			left := map[string]int{}
			for _, path := range files(t, dir) {
				left[filepath.Ext(path)]++
			}
			wantLeft := map[string]int{".zst": 1}
			if inside > 0 {
				wantLeft[".damaged"] = 1
			}
			if diff := cmp.Diff(wantLeft, left); diff != "" {
				t.Errorf("%s: files (-want +got):\n%s", label, diff)
			}
			if again := recoverQuietly(t, dir); again != (Recovery{}) {
				t.Errorf("%s: recovered twice: %+v", label, again)
			}
		}
	}
	t.Logf("%d cases", cases)
}

// damageOf compares all that Read finds, with paths cut to their names.
func damageOf(t *testing.T, dir string) (texts []string, damage []DamageError) {
	t.Helper()
	records, found := readAll(t, dir)
	for _, d := range found {
		if text := d.Error(); !strings.Contains(text, d.File) || !strings.Contains(text, fmt.Sprint(d.OffsetBytes)) || !fault.Is(d, fault.Unavailable) {
			t.Errorf("the error does not tell where: %s", text)
		}
		d.File = filepath.Base(d.File)
		damage = append(damage, *d)
	}
	return payloadsOf(records), damage
}

func TestDamageOfFormat1IsReportedAndReadPast(t *testing.T) {
	type segment struct {
		name  string
		image []byte
	}
	three := func() []segment {
		return []segment{
			{name1(1, 11), sealedImage1(1, 11, "one", "two", "three")},
			{name1(4, 12), sealedImage1(4, 12, "four", "five", "six")},
			{name1(7, 13), sealedImage1(7, 13, "seven")},
		}
	}
	names := []string{name1(1, 11), name1(4, 12), name1(7, 13)}
	for _, c := range []struct {
		name   string
		hurt   func(s []segment) []segment
		want   []string
		damage []DamageError
	}{
		{
			name: "nothing",
			hurt: func(s []segment) []segment { return s },
			want: []string{"one", "two", "three", "four", "five", "six", "seven"},
		}, {
			name:   "a byte of a record in the middle",
			hurt:   func(s []segment) []segment { s[0].image[128+27+25]++; return s },
			want:   []string{"one", "three", "four", "five", "six", "seven"},
			damage: []DamageError{{File: names[0], OffsetBytes: 155, LengthBytes: 27, First: 2, Missing: 1, Reason: "no valid record"}},
		}, {
			name:   "the length of a record",
			hurt:   func(s []segment) []segment { s[0].image[128+4] = 255; return s },
			want:   []string{"two", "three", "four", "five", "six", "seven"},
			damage: []DamageError{{File: names[0], OffsetBytes: 128, LengthBytes: 27, First: 1, Missing: 1, Reason: "no valid record"}},
		}, {
			name:   "the last record of a sealed segment",
			hurt:   func(s []segment) []segment { s[0].image[len(s[0].image)-1] = 0; return s },
			want:   []string{"one", "two", "four", "five", "six", "seven"},
			damage: []DamageError{{File: names[0], OffsetBytes: 182, LengthBytes: 29, First: 3, Missing: 1, Reason: "no valid record"}},
		}, {
			name:   "the last record of the last segment",
			hurt:   func(s []segment) []segment { s[2].image[len(s[2].image)-1] = 0; return s },
			want:   []string{"one", "two", "three", "four", "five", "six"},
			damage: []DamageError{{File: names[2], OffsetBytes: 128, LengthBytes: 29, First: 7, Missing: 1, Reason: "no valid record"}},
		}, {
			name:   "a record cut out, the rest moved up",
			hurt:   func(s []segment) []segment { s[0].image = append(s[0].image[:155], s[0].image[182:]...); return s },
			want:   []string{"one", "three", "four", "five", "six", "seven"},
			damage: []DamageError{{File: names[0], OffsetBytes: 155, First: 2, Missing: 1, Reason: "no valid record"}},
		}, {
			name: "a record twice",
			hurt: func(s []segment) []segment {
				s[0].image = append(s[0].image[:155:155], s[0].image[128:]...)
				copy(s[0].image[seal1Offset:], encodeSeal1(seal1{int64(len(s[0].image)), 4}, 11))
				return s
			},
			want:   []string{"one", "two", "three", "four", "five", "six", "seven"},
			damage: []DamageError{{File: names[0], OffsetBytes: 155, LengthBytes: 27, First: 2, Reason: "no valid record"}},
		}, {
			name:   "a sealed segment cut short",
			hurt:   func(s []segment) []segment { s[2].image = s[2].image[:140]; return s },
			want:   []string{"one", "two", "three", "four", "five", "six"},
			damage: []DamageError{{File: names[2], OffsetBytes: 128, LengthBytes: 12, First: 7, Missing: 1, Reason: "no valid record"}},
		}, {
			name:   "bytes after the seal",
			hurt:   func(s []segment) []segment { s[2].image = append(s[2].image, "more"...); return s },
			want:   []string{"one", "two", "three", "four", "five", "six", "seven"},
			damage: []DamageError{{File: names[2], OffsetBytes: 157, LengthBytes: 4, Reason: "no valid record"}},
		}, {
			name:   "the header",
			hurt:   func(s []segment) []segment { s[2].image[20]++; return s },
			want:   []string{"seven", "one", "two", "three", "four", "five", "six"},
			damage: []DamageError{{File: names[2], LengthBytes: 128, Reason: "header with a wrong checksum"}},
		}, {
			name: "the header of a segment in the middle",
			hurt: func(s []segment) []segment { s[1].image[0] = 0; return s },
			want: []string{"four", "five", "six", "one", "two", "three", "seven"},
			damage: []DamageError{
				{File: names[1], LengthBytes: 128, Reason: "not a journal segment: it begins with 00 49 44 4a 0d 0a 1a 0a"},
				{File: names[2], First: 4, Missing: 3, Reason: "the segment before it is missing"},
			},
		}, {
			name: "the version",
			hurt: func(s []segment) []segment {
				s[2].image[8] = 2
				binary.LittleEndian.PutUint32(s[2].image[60:], crc32.Checksum(s[2].image[:60], castagnoli))
				return s
			},
			want:   []string{"seven", "one", "two", "three", "four", "five", "six"},
			damage: []DamageError{{File: names[2], LengthBytes: 128, Reason: "version 2, want version 1"}},
		}, {
			name:   "the seal",
			hurt:   func(s []segment) []segment { s[1].image[70]++; return s },
			want:   []string{"one", "two", "three", "four", "five", "six", "seven"},
			damage: []DamageError{{File: names[1], OffsetBytes: 64, LengthBytes: 64, Reason: "seal with a wrong checksum"}},
		}, {
			name:   "a segment is gone",
			hurt:   func(s []segment) []segment { return append(s[:1], s[2]) },
			want:   []string{"one", "two", "three", "seven"},
			damage: []DamageError{{File: names[2], First: 4, Missing: 3, Reason: "the segment before it is missing"}},
		}, {
			name:   "the first segment is gone",
			hurt:   func(s []segment) []segment { return s[1:] },
			want:   []string{"four", "five", "six", "seven"},
			damage: []DamageError{{File: names[1], First: 1, Missing: 3, Reason: "the segment before it is missing"}},
		}, {
			name: "bytes of a record inside of a payload are no record",
			hurt: func(s []segment) []segment {
				inner := image1(2, 99, "forged")[headerBytes:]
				s[0].image = sealedImage1(1, 11, string(inner), "two", "three")
				s[0].image[128]++
				return s
			},
			want:   []string{"two", "three", "four", "five", "six", "seven"},
			damage: []DamageError{{File: names[0], OffsetBytes: 128, LengthBytes: 54, First: 1, Missing: 1, Reason: "no valid record"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, s := range c.hurt(three()) {
				writeFile(t, filepath.Join(dir, s.name), s.image)
			}
			writeFile(t, filepath.Join(dir, "README"), []byte("not ours"))
			got, damage := damageOf(t, dir)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.damage, damage); diff != "" {
				t.Errorf("damage (-want +got):\n%s", diff)
			}
			before := files(t, dir)
			recoverQuietly(t, dir)
			if diff := cmp.Diff(before, files(t, dir)); diff != "" {
				t.Errorf("recovery touched files (-before +after):\n%s", diff)
			}
			if again, _ := damageOf(t, dir); !cmp.Equal(c.want, again) {
				t.Errorf("records after recovery: %q", again)
			}
		})
	}
}

// What a crash or the loss of power can leave beside named segments.
func TestLeftoversOfFormat1(t *testing.T) {
	torn := image1(1, 5, "torn")
	torn = torn[:len(torn)-1]
	unsynced := image1(1, 6, "a", "b")
	headless := image1(1, 7, "a")
	clear(headless[:headerBytes])
	zeros := make([]byte, 1<<20)
	at := millisOf(testTime.UnixNano())
	converted := func(salt uint64) string { return sealedName(header{writer: testWriter, first: 1, salt: salt}, at, at) }
	for _, c := range []struct {
		name string
		file string
		body []byte
		want []string
		left []string
		done Recovery
	}{
		{name: "an allocated spare", file: spareName1(5), body: zeros},
		{name: "an empty spare", file: spareName1(5)},
		{name: "a spare with half a header", file: spareName1(5), body: append(torn[:50:50], zeros...)},
		{name: "a spare with a header", file: spareName1(5), body: append(torn[:headerBytes:headerBytes], zeros...)},
		{name: "a segment with a header", file: name1(1, 5), body: append(torn[:headerBytes:headerBytes], zeros...)},
		{name: "a segment of zeros", file: name1(1, 5), body: zeros},
		{
			name: "a spare with records, whose name did not reach the disk", file: spareName1(6), body: append(unsynced, zeros...),
			want: []string{"a", "b"}, left: []string{converted(6)}, done: Recovery{Segments: 1, Records: 2, Bytes: 50},
		},
		{
			name: "a sealed spare", file: spareName1(6), body: sealedImage1(1, 6, "a", "b"),
			want: []string{"a", "b"}, left: []string{converted(6)}, done: Recovery{Segments: 1, Records: 2, Bytes: 50},
		},
		{
			name: "a segment with one torn record", file: name1(1, 5), body: append(torn, zeros...),
			done: Recovery{Segments: 1, CutBytes: 27},
		},
		{
			name: "records without a header are kept", file: name1(1, 7), body: append(headless, zeros...),
			want: []string{"a"}, left: []string{name1(1, 7)}, done: Recovery{Unsettled: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, c.file), c.body)
			if diff := cmp.Diff(c.done, recoverQuietly(t, dir)); diff != "" {
				t.Errorf("recovery (-want +got):\n%s", diff)
			}
			records, _ := readAll(t, dir)
			if diff := cmp.Diff(c.want, payloadsOf(records)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			var left []string
			for _, path := range files(t, dir) {
				left = append(left, filepath.Base(path))
			}
			if diff := cmp.Diff(c.left, left); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

// A segment whose writer lives is left alone, whatever it looks like.
func TestLiveSegmentIsNotRecovered(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	mustAppend(t, j, "a", false)
	if done := recoverQuietly(t, dir); done != (Recovery{}) {
		t.Errorf("recovered: %+v", done)
	}
	mustAppend(t, j, "b", true)
	if diff := cmp.Diff([]string{"a", "b"}, payloads(t, dir)); diff != "" {
		t.Error(diff)
	}
}
