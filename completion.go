package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/riywo/loginshell"

	"interdict/lists/fault"
)

type completionCmd struct {
	Shell string `arg:"" optional:"" help:"bash, zsh or fish; the login shell when not given."`
}

// Help is shown under completion --help.
func (*completionCmd) Help() string {
	return "It prints what a shell has to read so that it completes commands and flags. Put the line into the file that the shell reads at its start.\n\n" +
		"Examples:\n  eval \"$(interdict completion bash)\"\n  eval \"$(interdict completion zsh)\"\n  interdict completion fish | source"
}

// completions are what shells read. A shell that completes a line sets COMP_LINE and runs the program: completeLine. PROGRAM is its path, quoted.
// bash and zsh evaluate the argument of complete -C a second time: TWICE is quoted for both.
var completions = map[string]string{
	"bash": "complete -C TWICE interdict\n",
	"zsh": `(( $+functions[compdef] )) || { autoload -U +X compinit && compinit -i }
autoload -U +X bashcompinit && bashcompinit
complete -C TWICE interdict
`,
	"fish": `function __complete_interdict
    set -lx COMP_LINE (commandline -cp)
    test -z (commandline -ct)
    and set COMP_LINE "$COMP_LINE "
    PROGRAM
end
complete -f -c interdict -a "(__complete_interdict)"
`,
}

func (c *completionCmd) Run(e *env) error {
	known := strings.Join(slices.Sorted(maps.Keys(completions)), ", ")
	login, err := loginshell.Shell()
	shell := cmp.Or(c.Shell, filepath.Base(login))
	text, ok := completions[shell]
	switch {
	case !ok && c.Shell != "":
		return usage("no completion for %q; there is one for %s", c.Shell, known)
	case !ok && err != nil:
		return usage("the login shell is not known (%w): name one of %s", err, known)
	case !ok:
		return usage("no completion for the login shell, %s: name one of %s", login, known)
	}
	program, err := os.Executable()
	if err != nil {
		return fault.E(fault.Unavailable, "the path of this program: %w", err)
	}
	program = shellWord(program)
	fmt.Fprint(e.stdout, strings.NewReplacer("TWICE", shellWord(program), "PROGRAM", program).Replace(text))
	return nil
}

var plainPath = regexp.MustCompile(`^[\w./+-]+$`)

// shellWord returns a text as one word of bash, zsh or fish.
func shellWord(text string) string {
	if plainPath.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'"'"'`) + "'"
}
