package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"interdict/lists/fault"
)

type configCheckCmd struct {
	File  string   `arg:"" optional:"" help:"The settings file; that of --config when not given."`
	Flags []string `arg:"" optional:"" help:"Flags of serve, after two hyphens."`
	JSON  bool     `help:"Print JSON." env:"-"`
}

// Help is shown under config check --help.
func (*configCheckCmd) Help() string {
	return "It reads the settings file, the environment and flags as serve would, and reports every mistake: the setting, where its value comes from, what is wrong, and what is allowed. " +
		"It opens no store and no port, asks no server, and never shows the value of a secret.\n\n" +
		"Examples:\n  interdict config check interdict.yaml\n  INTERDICT_REDIS=redis://redis:6379 interdict config check\n  interdict config check interdict.yaml -- --max-lag 30s --listen :8080"
}

// checkedSettings are the settings of serve with what is wrong with them.
type checkedSettings struct {
	File     string         `json:"file"`
	Mistakes []mistake      `json:"mistakes"`
	Set      map[string]int `json:"set"`      // how many settings of serve come from where
	Defaults int            `json:"defaults"` // settings of serve that are not set
	Others   int            `json:"others"`   // settings of other commands only: each is checked by itself
}

// Run reads the settings as serve would. It opens no store and no port.
func (c *configCheckCmd) Run(e *env) error {
	file, flags := c.File, c.Flags
	if strings.HasPrefix(file, "-") {
		file, flags = "", append([]string{file}, flags...)
	}
	if file == "" {
		file = cmp.Or(e.config, configPath(flags))
	}
	out, err := checkSettings(file, flags)
	if err != nil {
		return err
	}
	if c.JSON {
		printJSON(e.stdout, out)
	} else {
		for i := range out.Mistakes {
			fmt.Fprintln(e.stdout, out.Mistakes[i].Error())
		}
		fmt.Fprintln(e.stdout, out.summary())
	}
	switch n := len(out.Mistakes); n {
	case 0:
		return nil
	case 1:
		return fault.E(fault.Invalid, "there is a mistake in the settings")
	default:
		return fault.E(fault.Invalid, "there are %d mistakes in the settings", n)
	}
}

// summary says how many settings come from where.
func (c *checkedSettings) summary() string {
	var parts []string
	for _, kind := range []string{fromFile, fromVariable, fromNamed, fromFlag} {
		if n := c.Set[kind]; n > 0 || kind == fromFile && c.File != "" {
			if kind == fromFile {
				kind += " " + c.File
			}
			parts = append(parts, fmt.Sprintf("%d from %s", n, kind))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none are set"}
	}
	text := fmt.Sprintf("settings of serve: %s; %d have their defaults", strings.Join(parts, ", "), c.Defaults)
	if c.Others > 0 {
		text += fmt.Sprintf("\nsettings of other commands: %d; of these only the values were checked", c.Others)
	}
	if len(c.Mistakes) == 0 {
		return "no mistake was found\n" + text
	}
	return text
}

// checksSettings reports whether a command line is one of config check. Settings must not be read before: it reports what is wrong with them.
func checksSettings(parser *kong.Kong, args []string) bool {
	k, err := kong.Trace(parser, args)
	if err != nil || k.Selected() == nil {
		return false
	}
	return k.Selected().FullPath() == parser.Model.Name+" config check"
}

// withoutSettings makes a command line ignore the environment.
func withoutSettings(parser *kong.Kong) {
	_ = kong.Visit(parser.Model, func(v kong.Visitable, next kong.Next) error {
		if f, ok := v.(*kong.Flag); ok {
			f.Tag.Envs = nil
		}
		return next(nil)
	})
}

// fixed are values of flags.
type fixed map[string]origin

// Validate has nothing to add.
func (fixed) Validate(*kong.Application) error { return nil }

// Resolve gives a flag's value.
func (s fixed) Resolve(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
	if o, ok := s[f.Name]; ok {
		return o.value, nil
	}
	return nil, nil
}

// checkSettings reads the settings file, the environment and flags of serve. file may be "".
func checkSettings(file string, flags []string) (*checkedSettings, error) {
	var c cli
	usable := fixed{}
	parser, err := newParser(&c, usable, io.Discard, io.Discard, func(int) {})
	if err != nil {
		return nil, err
	}
	known := settingFlags(parser.Model)
	of := map[string]bool{} // serve
	all, err := serveSettings()
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		of[strings.ReplaceAll(s.name, "_", "-")] = true
	}
	given, mistakes := readSettings(parser, file)
	for name := range known {
		if v, ok := os.LookupEnv(envName(name)); ok {
			given[name] = origin{v, "environment, " + envName(name), fromVariable}
		}
	}
	mistakes = append(mistakes, readFlags(flags, known, of, given)...)
	out := &checkedSettings{File: file, Set: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		o := given[name]
		if of[name] {
			out.Set[o.kind]++
		} else {
			out.Others++
		}
		if m := checkValue(known[name], o); m != nil {
			mistakes = append(mistakes, *m)
		} else if of[name] {
			usable[name] = o
		}
	}
	for name := range of {
		if given[name].kind == "" {
			out.Defaults++
		}
	}
	withoutSettings(parser)
	_, err = parser.Parse([]string{"serve"})
	problems := append(c.Serve.unfit(), c.Serve.unstartable()...)
	if err != nil && len(problems) == 0 {
		problems = append(problems, err)
	}
	for _, err := range problems {
		mistakes = append(mistakes, about(err, known, given))
	}
	out.Mistakes = make([]mistake, len(mistakes))
	for i, m := range mistakes {
		m.Problem = withoutSecrets(m.Problem, known, given)
		out.Mistakes[i] = m
	}
	return out, nil
}

// readFlags adds the flags of a command line of serve to given.
func readFlags(args []string, known map[string]*kong.Flag, of map[string]bool, given map[string]origin) (mistakes []mistake) {
	for i := 0; i < len(args); i++ {
		text, isFlag := strings.CutPrefix(args[i], "--")
		name, value, hasValue := strings.Cut(text, "=")
		if positive, no := strings.CutPrefix(name, "no-"); no && known[positive] != nil && known[positive].Tag.Negatable != "" && !hasValue {
			name, value, hasValue = positive, "false", true
		}
		wrong := mistake{Setting: settingName(name), From: "flag --" + name}
		f := known[name]
		switch {
		case !isFlag:
			wrong.Setting, wrong.From, wrong.Problem = "", "flags", "serve takes flags, and no other arguments"
		case name == "config":
			if !hasValue {
				i++
			}
			continue
		case f == nil || !of[name]:
			wrong.Problem = "serve has no such flag" + nearest(name, known, func(s string) string { return "--" + s })
		case !hasValue && f.IsBool():
			value = "true"
		case !hasValue && i+1 < len(args):
			i++
			value = args[i]
		case !hasValue:
			wrong.Problem = "has no value"
		}
		if wrong.Problem != "" {
			mistakes = append(mistakes, wrong)
			continue
		}
		given[name] = origin{value, wrong.From, fromFlag}
	}
	return mistakes
}

// checkValue returns what is wrong with a value alone; nil for nothing.
func checkValue(f *kong.Flag, o origin) *mistake {
	m := &mistake{Setting: settingName(f.Name), From: o.from, Allowed: allowed(f)}
	shown := fmt.Sprintf("%q", o.value)
	if isSecret(f, o.value) {
		shown = "the value"
	}
	target := reflect.New(f.Target.Type()).Elem()
	if err := f.Parse(kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: o.value}), target); err != nil {
		m.Problem = shown + " cannot be read"
		return m
	}
	if f.Enum != "" && !f.EnumMap()[o.value] {
		m.Problem = shown + " is none of its values"
		return m
	}
	if checkNumber(f.Name, target) != nil {
		m.Problem = shown + " is out of range"
		return m
	}
	return nil
}

// allowed says which values a flag takes; "" for any text.
func allowed(f *kong.Flag) string {
	kind := f.Target.Type()
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch zero := reflect.Zero(kind); {
	case f.Enum != "":
		return strings.Join(f.EnumSlice(), ", ")
	case f.IsBool():
		return "true, false"
	case kind == reflect.TypeFor[time.Duration]():
		return "a duration such as 30s, 5m or 12h"
	case zero.CanInt():
		return "a whole number from 0 to 1000000000"
	case zero.CanFloat():
		return "a number from 0 to 1000000000"
	case kind.Kind() == reflect.Map:
		return "pairs such as " + f.FormatPlaceHolder()
	}
	return ""
}

var (
	flagInText     = regexp.MustCompile(`--([a-z][a-z0-9-]*[a-z0-9])`)
	variableInText = regexp.MustCompile(`INTERDICT_([A-Z_]+[A-Z])|\b(oidc_[a-z_]+)`)
)

// about is what an error says of settings. Its text names them.
func about(err error, known map[string]*kong.Flag, given map[string]origin) mistake {
	text := err.Error()
	var names []string
	for _, x := range flagInText.FindAllStringSubmatch(text, -1) {
		names = append(names, x[1])
	}
	for _, x := range variableInText.FindAllStringSubmatch(text, -1) {
		names = append(names, strings.ReplaceAll(strings.ToLower(x[1]+x[2]), "_", "-"))
	}
	names = slices.DeleteFunc(names, func(name string) bool { return known[name] == nil })
	m := mistake{From: "settings", Problem: text}
	for _, name := range names { // the one that is set, before those that are missing
		if m.Setting == "" || given[m.Setting].kind == "" && given[name].kind != "" {
			m.Setting = name
		}
	}
	if m.Setting == "" {
		return m
	}
	m.From = "not set"
	if o := given[m.Setting]; o.kind != "" {
		m.From = o.from
	}
	m.Setting = settingName(m.Setting)
	return m
}

// isSecret reports whether a value must not be shown.
func isSecret(f *kong.Flag, value string) bool {
	return secretName.MatchString(f.Name) || strings.Contains(value, "://") && strings.Contains(value, "@")
}

var secretName = regexp.MustCompile(`password|passphrase|secret|pepper|token|authorization|identity|(^|-)keys?$`)

// withoutSecrets takes the values of secrets out of a text.
func withoutSecrets(text string, known map[string]*kong.Flag, given map[string]origin) string {
	for name, o := range given {
		if len(o.value) > 3 && isSecret(known[name], o.value) {
			text = strings.ReplaceAll(text, o.value, "…")
		}
	}
	return text
}
