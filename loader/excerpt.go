package loader

import (
	"context"
	"io"
	"strings"
	"unicode/utf8"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/build"
	"interdict/loader/formats"
)

// Excerpt returns the part of a version's upload around a listing. In an upload that holds private keys, these are replaced by their digests,
// and characters that do not show by U+FFFD. fault.NotFound: the uploaded bytes are not kept, or do not have the listing where it was.
func (r *Reader) Excerpt(ctx context.Context, v *lists.Version, locator, text string) (string, error) {
	if len(v.Sources) == 0 {
		return "", fault.E(fault.NotFound, "%s has no uploaded file", describe(v))
	}
	names := strings.Split(v.File, build.NameSeparator)
	files := make([]formats.File, len(v.Sources))
	for i, source := range v.Sources {
		name := v.File
		if len(names) == len(v.Sources) {
			name = names[i]
		}
		files[i] = formats.File{Name: name, Open: func() (io.ReadCloser, error) { return build.OpenSource(ctx, r.store, source) }}
	}
	var o formats.Options
	if v.Reading != nil {
		o.Mapping = v.Reading.Mapping
	}
	excerpt, err := formats.Excerpt(ctx, files, v.Format, o, locator, text)
	if fault.Is(err, fault.NotFound) {
		return "", fault.E(fault.NotFound, "%s: %w", describe(v), err)
	}
	if v.HeldSecrets() {
		excerpt = address.Recordable(excerpt)
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || lists.Shown(r) {
			return r
		}
		return utf8.RuneError
	}, excerpt), err
}
