package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

type configCmd struct {
	Check   configCheckCmd   `cmd:"" help:"Say whether a settings file and the environment hold only settings that serve understands."`
	Example configExampleCmd `cmd:"" help:"Print a settings file with every setting of serve, its default and its meaning."`
}

type configExampleCmd struct {
	Markdown bool `help:"As the table of the documentation."`
}

// Help is shown under config example --help.
func (*configExampleCmd) Help() string {
	return "Example:\n  interdict config example > interdict.yaml"
}

func (c *configExampleCmd) Run(e *env) error {
	all, err := serveSettings()
	if err != nil {
		return err
	}
	if c.Markdown {
		fmt.Fprint(e.stdout, settingsTable(all))
		return nil
	}
	fmt.Fprintln(e.stdout, "# Settings of interdict serve, with their defaults. The environment (INTERDICT_…) and flags override this file.")
	for _, s := range all {
		fmt.Fprintf(e.stdout, "\n# %s\n#%s: %s\n", s.help, s.name, s.value)
	}
	return nil
}

// setting is one setting of serve.
type setting struct {
	name, variable, value, help string
}

// serveSettings returns the settings of serve, in the order of its help.
func serveSettings() ([]setting, error) {
	var c cli
	parser, err := newParser(&c, settings{}, io.Discard, io.Discard, func(int) {})
	if err != nil {
		return nil, err
	}
	var out []setting
	add := func(node *kong.Node) {
		for _, f := range node.Flags {
			if f.Name == "help" || f.Name == "config" || f.Name == "version" || f.Hidden || len(f.Envs) == 0 {
				continue
			}
			value := f.Default
			switch {
			case f.IsSlice():
				value = "[" + value + "]"
			case value == "" && f.Target.Kind() == reflect.Bool:
				value = "false"
			case value == "":
				value = `""`
			case f.Target.Kind() == reflect.String:
				value = `"` + value + `"`
			}
			out = append(out, setting{strings.ReplaceAll(f.Name, "-", "_"), f.Envs[0], value, f.Help})
		}
	}
	for _, node := range parser.Model.Children {
		if node.Name == "serve" {
			add(node)
		}
	}
	add(parser.Model.Node)
	return out, nil
}

// settingsTable is the table of docs/settings.md.
func settingsTable(all []setting) string {
	var b strings.Builder
	b.WriteString("| setting | default | meaning |\n| --- | --- | --- |\n")
	for _, s := range all {
		value := s.value
		if value == `""` || value == "[]" {
			value = ""
		} else {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.name, value, strings.ReplaceAll(s.help, "|", `\|`))
	}
	return b.String()
}
