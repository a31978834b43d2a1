// Package release tests what a release is made of: deploy/release/release.sh, and the program that it packs.
package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
)

// run runs a command of a folder and returns what it prints.
func run(t *testing.T, folder string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, &stderr)
	}
	return string(out)
}

// copyOfRepository copies what git tracks or would track, as it stands in the working tree, to another folder.
func copyOfRepository(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range strings.Split(run(t, "../..", nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		content, err := os.ReadFile(filepath.Join("../..", name))
		if name == "" || errors.Is(err, os.ErrNotExist) { // deleted, not yet in the index
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// checkStatic fails for a program that needs an interpreter or a library of the system it runs on.
func checkStatic(t *testing.T, program []byte) {
	t.Helper()
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	libraries, err := file.ImportedLibraries()
	if err != nil || len(libraries) > 0 {
		t.Errorf("the program needs %q: %v", libraries, err)
	}
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("the program needs an interpreter")
	}
}

func TestTheProgramIsStaticAndTheSameFromEveryFolder(t *testing.T) {
	var first []byte
	for i, folder := range []string{"../..", copyOfRepository(t)} {
		file := filepath.Join(t.TempDir(), "interdict")
		run(t, folder, []string{"CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=-tags=nomsgpack,nopgxregisterdefaulttypes"},
			"go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=v1.2.3 -X main.commit=abc", "-o", file, ".")
		program, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			checkStatic(t, program)
			first = program
		} else if !bytes.Equal(first, program) {
			t.Error("two folders give two programs")
		}
	}
}

// A release is made in two folders. It takes minutes where the compiler's cache is cold, so only INTERDICT_LONG asks for it.
func TestTwoReleasesOfACommitHaveTheSameChecksums(t *testing.T) {
	if os.Getenv("INTERDICT_LONG") == "" {
		t.Skip("INTERDICT_LONG is not set")
	}
	env := []string{"VERSION=v1.2.3", "COMMIT=abc", "SOURCE_DATE_EPOCH=1700000000", "TARGETS=linux/amd64"}
	out := filepath.Join(t.TempDir(), "first")
	sums := run(t, "../..", env, "bash", "deploy/release/release.sh", out)
	if again := run(t, copyOfRepository(t), env, "bash", "deploy/release/release.sh", filepath.Join(t.TempDir(), "second")); again != sums {
		t.Errorf("two releases differ:\n%s\n%s", sums, again)
	}
	run(t, out, nil, "sha256sum", "--check", "--strict", "SHA256SUMS")

	const name = "interdict-v1.2.3-linux-amd64"
	files := unpack(t, filepath.Join(out, name+".tar.gz"))
	for _, want := range []string{"CHANGELOG.md", "LICENSE", "README.md", "interdict", "interdict.1", "interdict.bash", "interdict.zsh"} {
		if len(files[name+"/"+want]) == 0 {
			t.Errorf("the archive has no %s", want)
		}
	}
	program := files[name+"/interdict"]
	checkStatic(t, program)
	checkBill(t, filepath.Join(out, name+".cdx.json"), program)
}

// unpack returns the files of an archive, and wants all to be of one time and owner.
func unpack(t *testing.T, name string) map[string][]byte {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	compressed, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.ModTime.Unix() != 1700000000 || header.Uid != 0 || header.Gid != 0 || header.Uname != "" {
			t.Errorf("%s carries the time or the owner of this build: %v", header.Name, header)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

// checkBill wants the bill of materials to name exactly the modules that the program says it is made of.
func checkBill(t *testing.T, name string, program []byte) {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"std@" + info.GoVersion}
	for _, module := range info.Deps {
		want = append(want, module.Path+"@"+module.Version)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	bill := cyclonedx.NewBOM()
	if err := cyclonedx.NewBOMDecoder(file, cyclonedx.BOMFileFormatJSON).Decode(bill); err != nil {
		t.Fatal(err)
	}
	if c := bill.Metadata.Component; c.Name != "interdict" || c.Version != "v1.2.3" {
		t.Errorf("the bill is of %s %s", c.Name, c.Version)
	}
	var got []string
	for _, c := range *bill.Components {
		got = append(got, c.Name+"@"+c.Version)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the bill has\n%q\nthe program\n%q", got, want)
	}
}
