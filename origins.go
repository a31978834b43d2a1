package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// origin is a value of a setting, and where it comes from.
type origin struct {
	value string
	from  string // "settings file interdict.yaml, line 3", "INTERDICT_MAX_LAG", "flag --max-lag"
	kind  string // one of the following
}

// Where settings come from. Later ones win.
const (
	fromFile     = "settings file"
	fromVariable = "environment"
	fromNamed    = "files that variables name"
	fromFlag     = "flags"
)

// mistake is what is wrong with a setting.
type mistake struct {
	Setting string `json:"setting"` // its name in the settings file
	From    string `json:"from"`
	Problem string `json:"problem"`
	Allowed string `json:"allowed,omitempty"`
}

func (m *mistake) Error() string {
	text := m.From + ": "
	if name := m.Setting; name != "" && !strings.Contains(m.Problem, name) && !strings.Contains(m.Problem, strings.ReplaceAll(name, "_", "-")) && !strings.Contains(m.Problem, envName(name)) {
		text += name + ": "
	}
	text += m.Problem
	if m.Allowed != "" {
		text += "; allowed: " + m.Allowed
	}
	return text
}

// settingFlags returns the flags that can be set otherwise than on the command line, by name: those of serve before those of other commands.
func settingFlags(app *kong.Application) map[string]*kong.Flag {
	out := map[string]*kong.Flag{}
	add := func(nodes ...*kong.Node) {
		for _, node := range nodes {
			for _, f := range node.Flags {
				// What stands for one decision of a person, such as an override, is a flag only.
				if out[f.Name] == nil && len(f.Envs) > 0 {
					out[f.Name] = f
				}
			}
		}
	}
	add(app.Node)
	for _, node := range app.Children {
		if node.Name == "serve" {
			add(node)
		}
	}
	add(app.Leaves(false)...)
	return out
}

// readSettings returns what the settings file and the …_FILE variables say, and every mistake there and in the names of variables. path may be "".
func readSettings(k *kong.Kong, path string) (map[string]origin, []mistake) {
	flags := settingFlags(k.Model)
	given := map[string]origin{}
	var mistakes []mistake
	if path != "" {
		mistakes = readSettingsFile(path, flags, given)
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		variable := envName(name)
		path := os.Getenv(variable + "_FILE")
		if path == "" {
			continue
		}
		wrong := mistake{Setting: settingName(name), From: variable + "_FILE"}
		if os.Getenv(variable) != "" {
			wrong.From, wrong.Problem = "environment", fmt.Sprintf("%s and %s_FILE are both set", variable, variable)
			mistakes = append(mistakes, wrong)
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			wrong.Problem = err.Error()
			mistakes = append(mistakes, wrong)
			continue
		}
		value := strings.TrimSpace(string(b))
		if value == "" { // an empty secret would count as not given, and the server would make its own
			wrong.Problem = path + " is empty"
			mistakes = append(mistakes, wrong)
			continue
		}
		given[name] = origin{value, variable + "_FILE, " + path, fromNamed}
	}
	for _, kv := range slices.Sorted(slices.Values(os.Environ())) {
		key, _, _ := strings.Cut(kv, "=")
		name := strings.ToLower(strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(key, "INTERDICT_"), "_FILE"), "_", "-"))
		if isSetting(kv) && flags[name] == nil {
			mistakes = append(mistakes, mistake{Setting: settingName(name), From: "environment", Problem: key + " is not a setting" + nearest(name, flags, envName)})
		}
	}
	return given, mistakes
}

// isSetting reports whether a variable (NAME=VALUE) is a setting. INTERDICT_LONG, INTERDICT_REQUIRE_… and INTERDICT_TEST_… steer tests.
func isSetting(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	rest, ours := strings.CutPrefix(name, "INTERDICT_")
	return ours && !strings.HasPrefix(rest, "TEST_") && !strings.HasPrefix(rest, "REQUIRE_") && rest != "LONG"
}

// readSettingsFile adds what a settings file says to given.
func readSettingsFile(path string, flags map[string]*kong.Flag, given map[string]origin) (mistakes []mistake) {
	place := func(line int) string {
		if line == 0 {
			return "settings file " + path
		}
		return fmt.Sprintf("settings file %s, line %d", path, line)
	}
	whole := func(err error) []mistake {
		return []mistake{{From: place(0), Problem: yaml.FormatError(err, false, false)}} // its own text shows lines, which may hold secrets
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return whole(err)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff")) // some editors begin a file with it
	var file yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict(), yaml.AllowDuplicateMapKey()); err != nil {
		return whole(err)
	}
	if line := secondDocument(b); line > 0 {
		return []mistake{{From: place(line), Problem: "a second document begins here, after --- or ...: write all settings into one"}}
	}
	lines, err := linesOf(b)
	if err != nil {
		return whole(err)
	}
	seen := map[string]int{}
	for _, item := range file {
		key := fmt.Sprint(item.Key)
		name, line := strings.ReplaceAll(key, "_", "-"), 0
		if at := lines[key]; len(at) > seen[key] {
			line = at[seen[key]]
		}
		seen[key]++
		wrong := mistake{Setting: key, From: place(line)}
		f := flags[name]
		switch {
		case f == nil || name == "config":
			wrong.Problem = fmt.Sprintf("%q is not a setting%s", key, nearest(name, flags, settingName))
		case given[name].kind != "":
			wrong.Problem = fmt.Sprintf("%q stands here a second time", key)
		default:
			value := item.Value
			if list, ok := value.([]any); ok && f.IsSlice() {
				value = joined(list)
			}
			if kind := reflect.ValueOf(value).Kind(); kind == reflect.Map || kind == reflect.Slice || kind == reflect.Invalid {
				wrong.Problem = fmt.Sprintf("%q must be a plain value", key)
				if f.IsSlice() {
					wrong.Allowed = "a list of words without commas"
				}
				break
			}
			given[name] = origin{fmt.Sprint(value), place(line), fromFile}
			continue
		}
		mistakes = append(mistakes, wrong)
	}
	return mistakes
}

// linesOf returns the lines on which the keys of a YAML mapping stand.
func linesOf(text []byte) (map[string][]int, error) {
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	lines := map[string][]int{}
	if len(f.Docs) == 0 {
		return lines, nil
	}
	var all []*ast.MappingValueNode
	switch body := f.Docs[0].Body.(type) {
	case *ast.MappingNode:
		all = body.Values
	case *ast.MappingValueNode:
		all = append(all, body)
	}
	for _, x := range all {
		if t := x.Key.GetToken(); t != nil && t.Position != nil {
			lines[t.Value] = append(lines[t.Value], t.Position.Line)
		}
	}
	return lines, nil
}

// secondDocument returns the line with the first words of a second YAML document; 0 if there is none. The reader of YAML would leave it out.
func secondDocument(text []byte) int {
	begun, ended, n := false, false, 0
	for line := range strings.Lines(string(text)) {
		n++
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		marker := (word == "---" || word == "...") && strings.HasPrefix(line, word)
		switch {
		case word == "" || strings.HasPrefix(word, "#"), !begun && strings.HasPrefix(line, "%"): // blank, a comment, a directive
		case marker && (!begun || rest == "" || strings.HasPrefix(rest, "#")):
			ended = ended || begun
			begun = true
		case marker, ended:
			return n
		default:
			begun = true
		}
	}
	return 0
}

// joined writes a list as a flag takes it; it gives the list back where a value is not a word.
func joined(list []any) any {
	words := make([]string, len(list))
	for i, value := range list {
		word, ok := value.(string)
		if !ok || word == "" || strings.Contains(word, ",") {
			return list
		}
		words[i] = word
	}
	return strings.Join(words, ",")
}

// settingName is the name of a flag in a settings file.
func settingName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// nearest says which setting may be meant by a wrong name. It is "" if none is like it.
func nearest(name string, flags map[string]*kong.Flag, show func(string) string) string {
	best, least := "", 3
	for _, flag := range slices.Sorted(maps.Keys(flags)) {
		if d := distance(name, flag); d < least {
			best, least = flag, d
		}
	}
	if best == "" {
		return ""
	}
	return "; perhaps it should be " + show(best)
}

// distance is how many characters must be put in, taken out or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for i := range row {
		row[i] = i
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
