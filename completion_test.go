package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each shell, where it is installed, completes a line with what it is given. The path of the program may hold anything.
func TestShellsCompleteLines(t *testing.T) {
	want := map[string][]string{"bash": {"lists"}, "zsh": {"_bash_complete", "lists"}, "fish": {"lists", "verify"}}
	for shell, try := range map[string][]string{
		// What bash runs is what complete -p shows, read once more.
		"bash": {"--norc", "-c", `. "$1"; line=$(complete -p interdict); line=${line#complete -C }; eval "line=${line% interdict}"; export COMP_LINE='interdict lis'; eval "$line"`},
		// The widget of zsh, which needs a terminal, calls compgen so.
		"zsh":  {"-f", "-c", `. "$1"; print -r -- $_comps[interdict]; words=(interdict lis) CURRENT=2; export COMP_LINE='interdict lis'; eval "compgen ${_comps[interdict]#_bash_complete } -- lis"`},
		"fish": {"--no-config", "-c", `source $argv[1]; complete -C "interdict lis"; complete -C "interdict backup "`},
	} {
		out, _ := said(t, 0, "completion", shell)
		if self, err := os.Executable(); err != nil || !strings.Contains(out, self) || !strings.Contains(out, "interdict\n") && shell != "fish" {
			t.Errorf("%s: %s", shell, out)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		file := filepath.Join(t.TempDir(), "it's a line")
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		args := append([]string{}, try...)
		if shell != "fish" {
			args = append(args, shell)
		}
		cmd := exec.Command(path, append(args, file)...)
		cmd.Env = append(os.Environ(), "INTERDICT_TEST_AS=program", "HOME="+t.TempDir())
		b, err := cmd.CombinedOutput()
		for _, word := range want[shell] {
			if !slices.Contains(strings.Fields(string(b)), word) {
				err = errors.Join(err, errors.New("no "+word))
			}
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", shell, err, b)
		}
	}
	if _, errs := said(t, exitUsage, "completion", "tcsh"); !strings.Contains(errs, `no completion for "tcsh"; there is one for bash, fish, zsh`) {
		t.Error(errs)
	}
}

func TestAPathIsOneWordOfAShell(t *testing.T) {
	for text, want := range map[string]string{"/usr/bin/interdict": "/usr/bin/interdict", "/a b/interdict": "'/a b/interdict'", "/it's": `'/it'"'"'s'`} {
		if got := shellWord(text); got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
		if out, err := exec.Command("sh", "-c", "printf %s "+shellWord(text)).Output(); err != nil || string(out) != text {
			t.Errorf("%s is read as %s, %v", text, out, err)
		}
	}
}
