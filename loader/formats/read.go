package formats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// run is one call of Read.
type run struct {
	ctx     context.Context
	opts    Options
	mapping *mapping
	yield   func(Row) error
	info    Info
	inputs  []*input // the inputs that the format reads

	packed   int64 // bytes read of all files as given
	unpacked int64 // bytes read of all inputs
	spooled  int64 // bytes of archives copied to memory or disk for random access
	closers  []func() error

	issues map[string]*rowIssue // by the code of the warning
}

func read(ctx context.Context, files []File, name string, opts Options, yield func(Row) error) (info Info, err error) {
	r, f, err := open(ctx, files, name, opts)
	if err != nil {
		return Info{}, err
	}
	defer func() {
		if cerr := r.close(); err == nil {
			err = cerr
		}
	}()
	r.yield = yield
	r.info.Format = f.name
	if err := f.read(r); err != nil {
		return Info{}, err
	}
	r.warnIssues()
	return r.info, nil
}

// open unpacks files and decides on their format. The run has to be closed.
func open(ctx context.Context, files []File, name string, opts Options) (*run, *format, error) {
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	named, err := formatNamed(name)
	if err != nil {
		return nil, nil, err
	}
	m, err := parseMapping(opts.Mapping)
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, fault.E(fault.Invalid, "no file given")
	}
	r := &run{ctx: ctx, opts: opts, mapping: m}
	f, err := r.expandAll(files, named)
	if err != nil {
		return nil, nil, errors.Join(err, r.close())
	}
	return r, f, nil
}

func (r *run) expandAll(files []File, named *format) (*format, error) {
	var inputs []*input
	for _, f := range files {
		in, err := r.expand(f.Name, r.origin(f), 0, false)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in...)
	}
	return r.choose(inputs, named)
}

func (r *run) close() error {
	var err error
	for _, c := range slices.Backward(r.closers) {
		err = errors.Join(err, c())
	}
	return err
}

// formatNamed returns the format of that name, or nil for "auto".
func formatNamed(name string) (*format, error) {
	if name == "auto" || name == "" {
		return nil, nil
	}
	if f, ok := registered[name]; ok {
		return f, nil
	}
	return nil, fault.E(fault.Invalid, "unknown format %s; the formats are auto, %s", address.Quote(name), strings.Join(names(), ", "))
}

// choose decides on the format and on the inputs to read in it. Files of an archive that are in no format (a read-me) are ignored
// with a warning; a file given by itself is never ignored.
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
			f = detectFormat(s)
		}
		if f == nil {
			if err := explainUnknown(s); err != nil && !in.archived {
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
		return nil, fault.E(fault.Invalid, "%s: files in different formats; give one, or those that belong together", describeInputs(inputs, claims))
	case named == nil:
		if len(inputs) != 1 {
			return nil, fault.E(fault.Invalid, "%s: none of these files is in a known format", describeInputs(inputs, claims))
		}
		s, _ := inputs[0].sample()
		if chosen = formatByExtension(s); chosen == nil {
			return nil, fault.E(fault.Invalid, "%s: no known format recognised; name the format (one of %s)", s.name, strings.Join(names(), ", "))
		}
		claims[chosen] = inputs
	case claims[named] == nil && len(found) > 0:
		return nil, fault.E(fault.Invalid, "%s: this looks like %s, not %s", claims[found[0]][0].name, found[0].name, named.name)
	case claims[named] == nil:
		if len(inputs) != 1 {
			return nil, fault.E(fault.Invalid, "%s: none of these files looks like %s", describeInputs(inputs, claims), named.name)
		}
		claims[named] = inputs // the reader reports what is missing
	}
	r.inputs = claims[chosen]
	if most := max(chosen.files, 1); len(r.inputs) > most {
		return nil, fault.E(fault.Invalid, "%s: %s takes no more than %d of these files; choose", describeInputs(r.inputs, claims), chosen.name, most)
	}
	var ignored []string
	for _, in := range inputs {
		if slices.Contains(r.inputs, in) {
			continue
		}
		if !in.archived {
			return nil, fault.E(fault.Invalid, "%s: this file does not belong to the others, which are in the format %s; load it by itself", in.name, chosen.name)
		}
		ignored = append(ignored, in.name)
	}
	if len(ignored) > 0 {
		r.warn("ignored_files", "not read: %s", joinFirst(ignored))
	}
	return chosen, nil
}

// describeInputs returns the names of inputs with their formats, for a message.
func describeInputs(inputs []*input, claims map[*format][]*input) string {
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
	return joinFirst(parts)
}

// joinFirst joins the first elements of a list for a message and counts the others.
func joinFirst(all []string) string {
	const most = 10
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

// emit passes a row to the caller, whose error ends the reading. It establishes the guarantees of Row: texts are trimmed, in UTF-8
// and without NUL, and a row without an address has a problem.
func (r *run) emit(row Row) error {
	for _, f := range [...]struct {
		name string
		text *string
	}{{"address", &row.Address}, {"network", &row.Network}, {"asset", &row.Asset}, {"entity id", &row.EntityID}, {"entity", &row.EntityName},
		{"incident", &row.Incident}, {"note", &row.Note}, {"category", &row.Category}, {"confidence", &row.Confidence}, {"locator", &row.Locator}} {
		if *f.text != "" {
			row.clean(f.name, f.text)
		}
	}
	for i := range row.Programs {
		if p := row.Programs[i]; !isClean(p) {
			row.Programs = slices.Clone(row.Programs) // rows share them
			row.clean("programs", &row.Programs[i])
		}
	}
	if row.Address == "" && !row.Removed {
		row.setProblem("address", "missing")
	}
	row.Problem = strings.ToValidUTF8(row.Problem, "\uFFFD")
	return r.yield(row)
}

// isClean reports whether a text is in UTF-8, without NUL, and trimmed.
func isClean(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 && (s == "" || !isSpace(s[0]) && !isSpace(s[len(s)-1]))
}

// clean repairs a text of a row. Anything but white space around it is a problem.
func (row *Row) clean(name string, text *string) {
	if isClean(*text) {
		return
	}
	if *text = trim(*text); isClean(*text) {
		return
	}
	*text = trim(strings.ReplaceAll(strings.ToValidUTF8(*text, "\uFFFD"), "\x00", "\uFFFD"))
	row.setProblem(name, "contains bytes that are not text; save the file as UTF-8")
}

func (r *run) warn(code, detail string, args ...any) {
	r.info.Warnings = append(r.info.Warnings, Warning{code, fmt.Sprintf(detail, args...)})
}

// input returns the input of a format that takes one.
func (r *run) input() *input { return r.inputs[0] }

// keepLatestDate makes a date the date of publication if it is later than those before.
func (r *run) keepLatestDate(date string) {
	if date > r.info.Published {
		r.info.Published = date
	}
}

// maxQuoted is the number of bytes of a text that a message quotes.
const maxQuoted = 80

// truncate returns at most limit bytes of what may be recorded of a text, with … at the end if it is longer.
func truncate(s string, limit int) string {
	if s = address.Recordable(s); len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// trim removes ASCII white space around a text. Other blanks stay: they may be a mistake that a person should see.
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

// numbered returns a locator: "line 12".
func numbered(place string, n int64) string {
	return string(strconv.AppendInt(append(make([]byte, 0, 48), place...), n, 10))
}
