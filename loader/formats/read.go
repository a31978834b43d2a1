package formats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"interdict/lists/fault"
)

// run is one call of Read.
type run struct {
	ctx     context.Context
	opts    Options
	mapping *mapping
	yield   func(Row) error
	info    Info
	inputs  []*input // those that the format is to read

	packed   int64 // bytes of all files as given, as far as they were read
	unpacked int64 // and of all inputs
	spooled  int64 // bytes of archives that were copied, to read them at random
	closers  []func() error

	oddRows map[string]*oddRows // by the code of the warning
}

func read(ctx context.Context, files []File, name string, opts Options, yield func(Row) error) (info Info, err error) {
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	named, err := formatNamed(name)
	if err != nil {
		return Info{}, err
	}
	m, err := parseMapping(opts.Mapping)
	if err != nil {
		return Info{}, err
	}
	if len(files) == 0 {
		return Info{}, fault.E(fault.Invalid, "no file was given")
	}
	r := &run{ctx: ctx, opts: opts, mapping: m, yield: yield}
	defer func() {
		if cerr := r.close(); err == nil {
			err = cerr
		}
	}()
	var inputs []*input
	for _, f := range files {
		in, err := r.expand(f.Name, r.origin(f), 0, false)
		if err != nil {
			return Info{}, err
		}
		inputs = append(inputs, in...)
	}
	f, err := r.choose(inputs, named)
	if err != nil {
		return Info{}, err
	}
	r.info.Format = f.name
	if err := f.read(r); err != nil {
		return Info{}, err
	}
	r.warnOdd()
	return r.info, nil
}

func (r *run) close() error {
	var err error
	for _, c := range slices.Backward(r.closers) {
		err = errors.Join(err, c())
	}
	return err
}

// formatNamed gives the format of that name, or nil for "auto".
func formatNamed(name string) (*format, error) {
	if name == "auto" || name == "" {
		return nil, nil
	}
	if f, ok := registered[name]; ok {
		return f, nil
	}
	return nil, fault.E(fault.Invalid, "format: %.40q is none of auto, %s", name, strings.Join(names(), ", "))
}

// choose decides on the format and on the inputs that are of it. Files in an archive that are of no format
// (a read-me) are left out with a warning; a file that was given by itself is never left out.
func (r *run) choose(inputs []*input, named *format) (*format, error) {
	claims := make(map[*format][]*input)
	var found []*format // in the order of the inputs
	for _, in := range inputs {
		s, err := in.sample()
		if err != nil {
			return nil, err
		}
		var f *format
		switch {
		case named != nil && named.claims(s):
			f = named
		default:
			f = detected(s)
		}
		if f == nil {
			if err := strange(s); err != nil && !in.archived {
				return nil, err
			}
			continue
		}
		if claims[f] == nil {
			found = append(found, f)
		}
		claims[f] = append(claims[f], in)
	}

	chosen := named
	switch {
	case named == nil && len(found) == 1:
		chosen = found[0]
	case named == nil && len(found) > 1:
		return nil, fault.E(fault.Invalid, "%s: these are files of different formats; give one, or the two that belong together", listed(inputs, claims))
	case named == nil:
		if len(inputs) != 1 {
			return nil, fault.E(fault.Invalid, "%s: none of these files is of a known format", listed(inputs, claims))
		}
		s, _ := inputs[0].sample()
		if chosen = byName(s); chosen == nil {
			return nil, fault.E(fault.Invalid, "%s: the content is of no known format; name the format (one of %s)", s.name, strings.Join(names(), ", "))
		}
		claims[chosen] = inputs
	case claims[named] == nil && len(found) > 0:
		return nil, fault.E(fault.Invalid, "%s: this looks like %s, not %s", claims[found[0]][0].name, found[0].name, named.name)
	case claims[named] == nil:
		if len(inputs) != 1 {
			return nil, fault.E(fault.Invalid, "%s: none of these files looks like %s", listed(inputs, claims), named.name)
		}
		claims[named] = inputs // its reader will say what is missing
	}
	r.inputs = claims[chosen]
	if most := max(chosen.files, 1); len(r.inputs) > most {
		return nil, fault.E(fault.Invalid, "%s: %s takes no more than %d of these files: which?", listed(r.inputs, claims), chosen.name, most)
	}
	var ignored []string
	for _, in := range inputs {
		if slices.Contains(r.inputs, in) {
			continue
		}
		if !in.archived {
			return nil, fault.E(fault.Invalid, "%s: this file does not belong to the others, which are of the format %s", in.name, chosen.name)
		}
		ignored = append(ignored, in.name)
	}
	if len(ignored) > 0 {
		r.warn("ignored_files", "not read: %s", abridged(ignored))
	}
	return chosen, nil
}

// listed names inputs with their formats.
func listed(inputs []*input, claims map[*format][]*input) string {
	var parts []string
	for _, in := range inputs {
		kind := "unknown"
		for f, ins := range claims {
			if slices.Contains(ins, in) {
				kind = f.name
			}
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", in.name, kind))
	}
	return abridged(parts)
}

// abridged joins what a message shows of a list that may be long.
func abridged(all []string) string {
	const most = 10
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

// emit gives a row to the caller, whose error ends the reading. Here rows get what is promised of them: texts are trimmed,
// in UTF-8 and without NUL, and one without an address has a problem.
func (r *run) emit(row Row) error {
	for _, f := range [...]struct {
		name string
		text *string
	}{{"address", &row.Address}, {"network", &row.Network}, {"asset", &row.Asset}, {"entity id", &row.EntityID}, {"entity", &row.EntityName},
		{"incident", &row.Incident}, {"note", &row.Note}, {"category", &row.Category}, {"confidence", &row.Confidence}, {"locator", &row.Locator}} {
		if *f.text != "" {
			row.tidy(f.name, f.text)
		}
	}
	for i := range row.Programs {
		if p := row.Programs[i]; !tidy(p) {
			row.Programs = slices.Clone(row.Programs) // which rows share
			row.tidy("programs", &row.Programs[i])
		}
	}
	if row.Address == "" && !row.Removed {
		row.fail("address", "is missing")
	}
	row.Problem = strings.ToValidUTF8(row.Problem, "\uFFFD")
	return r.yield(row)
}

func tidy(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 && (s == "" || !space(s[0]) && !space(s[len(s)-1]))
}

// tidy repairs a text of a row; what is more than white space around it is a problem.
func (row *Row) tidy(name string, text *string) {
	if tidy(*text) {
		return
	}
	if *text = trim(*text); tidy(*text) {
		return
	}
	*text = trim(strings.ReplaceAll(strings.ToValidUTF8(*text, "\uFFFD"), "\x00", "\uFFFD"))
	row.fail(name, "holds bytes that are no text")
}

func (r *run) warn(code, detail string, args ...any) {
	r.info.Warnings = append(r.info.Warnings, Warning{code, fmt.Sprintf(detail, args...)})
}

// only gives the single input of formats that take one.
func (r *run) only() *input { return r.inputs[0] }

// later keeps the newest of the dates seen as the date of publication.
func (r *run) later(date string) {
	if date > r.info.Published {
		r.info.Published = date
	}
}

// clip shortens what is quoted in a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// trim removes the white space that surrounds a text: ASCII only, what else is there may be a mistake worth seeing.
func trim(s string) string {
	white := func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
	for len(s) > 0 && white(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && white(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// numbered makes a locator: "line 12".
func numbered(place string, n int64) string {
	return string(strconv.AppendInt(append(make([]byte, 0, 48), place...), n, 10))
}
