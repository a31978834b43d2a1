package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type manCmd struct{}

// Help is shown under man --help.
func (manCmd) Help() string {
	return "Examples:\n  interdict man | man -l -\n  interdict man > /usr/local/share/man/man1/interdict.1"
}

// Run prints the manual page of the program, for man(1).
func (manCmd) Run(e *env) error {
	_, err := fmt.Fprint(e.stdout, manual(e.model))
	return err
}

// commonIn is how many commands have a flag that the manual describes only once.
const commonIn = 8

// page is a page in the macros of man(7).
type page struct {
	strings.Builder
	common map[string]bool // flags that are described once, by name and help
}

// manual is the manual page.
func manual(app *kong.Application) string {
	p := page{common: map[string]bool{}}
	commands := app.Leaves(true)
	counts := map[string]int{}
	var common []*kong.Flag
	for _, node := range commands {
		for _, f := range ownFlags(node) {
			if counts[f.Name+f.Help]++; counts[f.Name+f.Help] == commonIn {
				p.common[f.Name+f.Help] = true
				common = append(common, f)
			}
		}
	}
	p.macro(".TH", "INTERDICT", "1", "", "interdict "+version, "User Commands")
	p.line(".nr HY 0") // a name that is broken at a hyphen cannot be copied
	p.line(".ad l")
	p.section("NAME")
	p.text(app.Name + " - " + lowerFirst(strings.TrimSuffix(app.Help, ".")))
	p.section("SYNOPSIS")
	p.line(`.B interdict`)
	p.line(`.I command`)
	p.line(`.RI [ "argument ..." "] [" "flag ..." ]`)
	p.line(".br")
	p.line(`.B interdict`)
	p.line(`.I command`)
	p.line(`.B \-\-help`)
	p.section("DESCRIPTION")
	p.prose("Interdict tells an exchange, before it credits a deposit or signs a withdrawal, whether an address is on a list, on whose word, since when, and where the proof is. " +
		"It reports a miss only for an address that it could parse and has compared with a complete list that is not too old. Everything else is an error.\n\n" +
		"Most commands work on a store (--data or --redis), or through a running server (--server and --key). The embedded store of a running server is reached through the server only. " +
		"A word in brackets may be left out.")
	p.section("COMMANDS")
	for _, node := range commands {
		p.command(node)
	}
	p.section("COMMON FLAGS")
	p.text("Every command has these.")
	p.flags(app.Flags)
	p.line(".PP")
	p.text("Many commands have these.")
	p.flags(common)
	p.section("EXAMPLES")
	p.text("A server with a small list, to look around:")
	p.example("interdict serve --demo")
	p.line(".PP")
	p.text("A list that follows its publisher, and a check:")
	p.example("interdict lists follow ofac-sdn\ninterdict refresh\ninterdict check 0x098B716B8Aaf21512996dC57EB0615e2383E2f96")
	p.line(".PP")
	p.text("A server, and a command that works through it:")
	p.example("interdict serve --listen :8080 --redis redis://redis:6379\nINTERDICT_KEY_FILE=key interdict lists --server http://127.0.0.1:8080")
	p.section("ENVIRONMENT")
	p.prose("The flags that name a variable can be set by it. A settings file (--config) has the same names in lower case without INTERDICT_: max_lag stands for --max-lag and INTERDICT_MAX_LAG. " +
		"A variable overrides the file, and a flag overrides both. An unknown variable that begins with INTERDICT_ is an error.")
	p.item(`.BR INTERDICT_ \fINAME\fB_FILE`)
	p.text("The path of a file with the value of INTERDICT_NAME. Use it for secrets.")
	p.item(".B TMPDIR")
	p.text("The folder for uploads in progress and other temporary files.")
	p.item(".B HTTPS_PROXY, HTTP_PROXY, NO_PROXY")
	p.text("Proxies for what is downloaded.")
	p.section("FILES")
	p.item(".I ./data")
	p.text("The embedded store, with the journal in the folder journal.")
	p.section("EXIT STATUS")
	for _, x := range [][2]string{{"0", "Done. Of check: every address was answered, and none is listed."}, {"1", "Error. Of check: an address got no answer, and none is listed."},
		{"2", "The command was called in a wrong way."}, {"3", "Of check: at least one address is listed."}} {
		p.item(".B " + x[0])
		p.text(x[1])
	}
	p.section("SEE ALSO")
	p.line(".BR age (1),")
	p.line(".BR curl (1),")
	p.line(".BR redis\\-server (1)")
	p.line(".PP")
	p.prose("interdict config example prints every setting of serve. GET /openapi.yaml of a server describes its API.")
	return p.String()
}

// ownFlags returns the flags of a command that are not those of the whole program.
func ownFlags(node *kong.Node) (out []*kong.Flag) {
	for ; node != nil && node.Type != kong.ApplicationNode; node = node.Parent {
		for _, f := range node.Flags {
			if f.Name != "help" && !f.Hidden {
				out = append(out, f)
			}
		}
	}
	return out
}

// command describes a command.
func (p *page) command(node *kong.Node) {
	usage := "interdict " + typedName(node)
	for _, f := range ownFlags(node) {
		if f.Required {
			usage += " " + flagText(f)
		}
	}
	for _, a := range node.Positional {
		usage += " " + a.Summary()
	}
	own := ownFlags(node)
	if slices.ContainsFunc(own, func(f *kong.Flag) bool { return !f.Required }) {
		usage += " [flags]"
	}
	p.macro(".SS", usage)
	p.text(node.Help)
	if node.Detail != "" {
		p.line(".PP")
		p.prose(node.Detail)
	}
	for _, a := range node.Positional {
		p.item(".I " + quoted(strings.Trim(a.Summary(), "[]")))
		p.text(a.Help)
	}
	shared := []string{}
	own = slices.DeleteFunc(own, func(f *kong.Flag) bool {
		if !p.common[f.Name+f.Help] {
			return false
		}
		shared = append(shared, "--"+f.Name)
		return true
	})
	p.flags(own)
	if len(shared) > 0 {
		p.line(".PP")
		p.text("And of the common flags: " + strings.Join(shared, ", ") + ".")
	}
}

// flags describes flags, each with its default and its variable.
func (p *page) flags(all []*kong.Flag) {
	for _, f := range all {
		if f.Hidden {
			continue
		}
		p.item(".B " + quoted(flagText(f)))
		var more []string
		if f.Help != "" {
			more = append(more, f.Help)
		}
		if f.HasDefault && f.Default != "" && f.Default != "false" {
			more = append(more, "Default: "+f.Default+".")
		}
		if f.Required {
			more = append(more, "Required.")
		}
		if len(f.Envs) > 0 {
			more = append(more, "Environment: "+strings.Join(f.Envs, ", ")+".")
		}
		if len(more) > 0 {
			p.text(strings.Join(more, " "))
		}
	}
}

// flagText is a flag as it is typed.
func flagText(f *kong.Flag) string {
	text := "--" + f.Name
	if f.Negated || f.Tag.Negatable != "" {
		text = "--[no-]" + f.Name
	}
	if f.Short != 0 {
		text = "-" + string(f.Short) + ", " + text
	}
	if f.IsBool() || f.IsCounter() {
		return text
	}
	value := f.PlaceHolder
	switch {
	case value != "":
	case f.Enum != "":
		value = strings.ReplaceAll(f.Enum, ",", "|")
	case f.Target.Kind() == reflect.String:
		value = "TEXT"
	case f.Target.Type().String() == "time.Duration":
		value = "DURATION"
	case f.Target.CanInt() || f.Target.CanFloat():
		value = "N"
	default:
		value = f.FormatPlaceHolder()
	}
	if f.IsSlice() && !strings.Contains(value, "…") && !strings.Contains(value, "...") {
		value += ",..."
	}
	return text + "=" + value
}

// prose writes paragraphs, which an empty line ends. Indented lines are examples.
func (p *page) prose(text string) {
	var words, example []string
	first := true
	paragraph := func() {
		if len(words) > 0 {
			if !first {
				p.line(".PP")
			}
			first = false
			p.text(strings.Join(words, " "))
		}
		if len(example) > 0 {
			p.example(strings.Join(example, "\n"))
			first = false
		}
		words, example = nil, nil
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		switch indented := strings.HasPrefix(line, "  "); {
		case line == "", !indented && len(example) > 0, strings.HasPrefix(line, "Example"):
			paragraph()
			fallthrough
		case !indented:
			if line != "" {
				words = append(words, line)
			}
		default:
			example = append(example, strings.TrimSpace(line))
		}
	}
	paragraph()
}

// example writes lines as they are, indented.
func (p *page) example(text string) {
	p.line(".PP")
	p.line(".RS 4")
	p.line(".EX")
	p.text(text)
	p.line(".EE")
	p.line(".RE")
}

func (p *page) section(name string) { p.macro(".SH", name) }

// item begins the entry of a list. term is a macro.
func (p *page) item(term string) {
	p.line(".TP")
	p.line(term)
}

func (p *page) macro(name string, arguments ...string) {
	for _, a := range arguments {
		name += " " + quoted(a)
	}
	p.line(name)
}

// line writes a line of roff.
func (p *page) line(text string) { p.WriteString(text + "\n") }

// text writes plain text. Each of its lines is a line of the page's source.
func (p *page) text(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		if line = escaped(line); strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		p.line(line)
	}
}

// escapes are the characters that roff reads as something else, or that a page may lack.
var escapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "…", "...", "→", `\(->`)

// escaped is plain text in roff.
func escaped(text string) string { return escapes.Replace(text) }

// quoted is plain text as one argument of a macro.
func quoted(text string) string { return `"` + strings.ReplaceAll(escaped(text), `"`, `\(dq`) + `"` }

func lowerFirst(text string) string { return strings.ToLower(text[:1]) + text[1:] }
