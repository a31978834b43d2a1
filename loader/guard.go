package loader

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/formats"
)

// Guards are the reasons for which a person must look at a version before it goes live. Some follow from its upload alone, the others
// from what is active at the time, and those are looked at again when it is activated.

// guardsOfUpload are the guards that say nothing about the active version. Who went past one of them has accepted the upload for good.
var guardsOfUpload = []string{"zero_addresses", "quarantined", "unread_addresses", "truncated_remarks", "no_base"}

// guardedWarnings are the warnings of readers after which addresses may be missing.
var guardedWarnings = []string{"truncated_remarks"}

// settle returns the settings of a list with what the format of a version says of its publisher, where nothing else was set. An addition to
// a list says nothing about the publisher of the list.
func settle(settings *lists.List, v *lists.Version) lists.List {
	s := *settings
	if v.StandsOn() == 0 {
		category, authority, name := formats.Attribution(v.Format)
		s.Category, s.Authority, s.Name = cmp.Or(s.Category, lists.Category(category)), cmp.Or(s.Authority, authority), cmp.Or(s.Name, name)
	}
	return s
}

// findings fills the warnings and guards of the report.
func (s *Staging) findings(ctx context.Context, info *formats.Info, in *intake, j *joiner, quarantine *os.File) (err error) {
	v := s.v
	warn := func(code, format string, args ...any) {
		v.Warnings = append(v.Warnings, lists.Finding{Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	for _, w := range info.Warnings {
		if slices.Contains(guardedWarnings, w.Code) {
			v.Guards = append(v.Guards, lists.Finding{Code: w.Code, Detail: w.Detail})
		} else {
			warn(w.Code, "%s", w.Detail)
		}
	}
	if v.Delta && s.active == nil {
		v.Guards = append(v.Guards, lists.Finding{Code: "no_base",
			Detail: v.File + " holds changes since an earlier file only, and nothing is active that it could change: load the whole list first"})
	}
	v.UnknownLabels = slices.Sorted(maps.Keys(in.labels))
	for _, label := range v.UnknownLabels {
		warn("unknown_label", "%q is no asset or network known here (%d rows); its addresses are loaded under what their text says", label, in.labels[label])
	}
	for _, field := range []string{"category", "confidence"} {
		if rows, shown := in.strangeWords(field); rows > 0 {
			warn("unknown_"+field, "%d rows hold a %s that is unknown: %s; the default of the list holds for them, and the word is in their note. "+
				"The mapping translates it: %s:word=value", rows, field, shown, field)
		}
	}
	if in.refused > 0 {
		warn("secret_material", "%d rows hold a private key or seed; they were left out", in.refused)
	}
	if in.scrubbed > 0 {
		warn("secret_material", "%d rows hold a private key, a seed or an API key beside their address; it was left out", in.scrubbed)
	}
	if n := v.Rows.Quarantined - in.refused; n > 0 {
		warn("quarantined", "%d rows were not read: an address in them is not screened; the quarantine of the version shows them", n)
	}
	if n := in.noted.contradicted; n > 0 {
		warn("contradicted_label", "%d rows are labelled with a network that their address disproves; they are loaded under what the address proves and under the label", n)
	}
	if n := in.noted.lookalikes; n > 0 {
		warn("lookalikes", "%d addresses have look-alike letters of other scripts or invisible characters; they are loaded as the addresses they stand for, and as they are written", n)
	}
	if n := in.noted.letterCase; n > 0 {
		warn("letter_case", "%d addresses have a wrong letter case; they are loaded by their bytes, and as they are written", n)
	}
	if n := j.notListed + in.unmet; n > 0 {
		warn("not_listed", "%d rows take away what was not on the list", n)
	}
	if j.partly > 0 {
		warn("partly_removed", "%d listings name no network and were removed from one network only: they stay listed on the others; remove them without a network to remove them altogether", j.partly)
	}
	if s.active != nil && v.Mode != lists.Replace {
		v.UnknownLabels = append(v.UnknownLabels, s.active.UnknownLabels...)
		slices.Sort(v.UnknownLabels)
		v.UnknownLabels = slices.Compact(v.UnknownLabels)
	}
	v.Gone = goneOf(s.last, v, v.Gone)
	v.Guards, err = s.l.guards(ctx, s.settings, s.last, v, j.known, func(yield func(Quarantined) error) error {
		return readQuarantine(io.NewSectionReader(quarantine, 0, 1<<62), yield)
	})
	return err
}

// goneOf returns how many identities of last are screened no longer, of which counted were found. A removal adds nothing, and of layers that are
// no longer kept only the number is known: there the numbers are compared.
func goneOf(last, v *lists.Version, counted int) int {
	if last != nil && (v.Mode == lists.Remove && v.State != lists.Superseded || len(last.Layers) == 0) {
		return max(0, last.Addresses-v.Addresses)
	}
	return counted
}

// guards returns the guards of a version: those that its guards name already and that no comparison changes, and those that comparing it with
// last finds. quarantine yields the rows of its upload that were not read.
func (l *Loader) guards(ctx context.Context, settings *lists.List, last, v *lists.Version, known []string,
	quarantine func(func(Quarantined) error) error) ([]lists.Finding, error) {
	out := []lists.Finding{}
	trip := func(code, format string, args ...any) {
		out = append(out, lists.Finding{Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	switch {
	case v.Listings == 0:
		trip("empty", "the version would hold no listing at all")
	case v.Raw == v.Listings:
		trip("zero_addresses", "none of the %d listings reads as an address", v.Listings)
	}
	if v.Rows.Read > 0 && float64(v.Rows.Quarantined) > settings.MaxQuarantined*float64(v.Rows.Read) {
		trip("quarantined", "%d of %d rows did not parse, more than the share of %g that max_quarantined allows",
			v.Rows.Quarantined, v.Rows.Read, settings.MaxQuarantined)
	}
	if v.UnreadRows > 0 {
		detail, err := l.unread(ctx, last, quarantine)
		if err != nil {
			return nil, err
		}
		if detail != "" {
			trip("unread_addresses", "%s", detail)
		}
	}
	for _, g := range v.Guards {
		if slices.Contains(guardedWarnings, g.Code) || g.Code == "no_base" {
			out = append(out, g)
		}
	}
	if len(known) > 0 {
		trip("well_known", "%d well-known addresses would be listed that nobody should block: %s", len(known), abridged(known))
	}
	if last != nil {
		out = append(out, compared(settings, last, v)...)
	}
	if v.State == lists.Superseded && v.Override != nil {
		out = slices.DeleteFunc(out, func(g lists.Finding) bool { return slices.Contains(guardsOfUpload, g.Code) })
	}
	return out, nil
}

// compared are the guards that compare the figures of a version with those of the last active one.
func compared(settings *lists.List, last, v *lists.Version) (out []lists.Finding) {
	trip := func(code, format string, args ...any) {
		out = append(out, lists.Finding{Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	if fresh := slices.DeleteFunc(slices.Clone(v.UnknownLabels), func(s string) bool { return slices.Contains(last.UnknownLabels, s) }); len(fresh) > 0 {
		trip("unknown_label", "%q: no asset or network known here, and not in the active version; its addresses are screened under what their text says", fresh)
	}
	was, is := float64(last.Addresses), float64(v.Addresses)
	if float64(v.Gone) > was*settings.MaxShrink {
		trip("shrink", "%d of the %d addresses of version %d would disappear, and %d would be listed: more than the share of %g that max_shrink allows",
			v.Gone, last.Addresses, last.Number, v.Addresses, settings.MaxShrink)
	}
	if was > 0 && is > was*settings.MaxGrowth {
		trip("growth", "%d addresses would become %d: more than max_growth allows (%g times)", last.Addresses, v.Addresses, settings.MaxGrowth)
	}
	if v.Published != "" && v.Published < last.Published && (v.Mode == lists.Replace || v.State == lists.Superseded) {
		trip("older", "it was published on %s, version %d on %s", v.Published, last.Number, last.Published)
	}
	return out
}

// unread describes the rows of an upload that hold something like an address and were not read; "" if the active version has all of them.
// A version with such rows went live because a person gave a reason, so those rows are known.
func (l *Loader) unread(ctx context.Context, last *lists.Version, quarantine func(func(Quarantined) error) error) (string, error) {
	accepted := map[[16]byte]bool{}
	for v := last; v != nil; {
		if v.UnreadRows > 0 {
			if err := l.Quarantine(ctx, v.List, v.Number, func(q Quarantined) error {
				if q.Unread {
					accepted[q.digest()] = true
				}
				return nil
			}); err != nil && !fault.Is(err, fault.NotFound) { // a record that is lost has accepted nothing
				return "", err
			}
		}
		below := v.StandsOn()
		if below == 0 {
			break
		}
		var err error
		if _, v, _, err = l.versionForChange(ctx, v.List, below); err != nil {
			return "", err
		}
	}
	var rows []string
	n := 0
	err := quarantine(func(q Quarantined) error {
		if q.Unread && !accepted[q.digest()] {
			if n++; len(rows) <= shownRows {
				rows = append(rows, cmp.Or(q.Locator, "?")+" ("+clip(q.Detail)+")")
			}
		}
		return nil
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return "rows hold something like an address that could not be read, and the record of them is lost: load the file again", nil
	case n == 0 || err != nil:
		return "", err
	}
	return fmt.Sprintf("%d rows hold something like an address that could not be read, and would not be screened: %s; see the quarantine of the version", n,
		abridgedOf(rows, n)), nil
}

// digest tells rows apart that were not read.
func (q *Quarantined) digest() (d [16]byte) {
	sum := sha256.Sum256([]byte(cmp.Or(q.Address, q.Detail)))
	copy(d[:], sum[:])
	return d
}

// shownRows is how many rows or addresses a guard names.
const shownRows = 5

func abridged(all []string) string { return abridgedOf(all, len(all)) }

// abridgedOf joins the first of n texts.
func abridgedOf(some []string, n int) string {
	if n <= shownRows {
		return strings.Join(some, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(some[:shownRows], ", "), n-shownRows)
}

// likeAddress reports whether a text that could not be read holds something that a person would take for an address: the whole of it, or one of
// several pieces. A user id of an exchange is none, and neither is a text of 64 hex digits.
func likeAddress(text string) bool {
	if recognized(text) {
		return true
	}
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) { // characters without width
			return -1
		}
		return r
	}, text)
	pieces := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,;|/()[]<>"'`+"`", r) })
	return slices.ContainsFunc(pieces, recognized)
}

func recognized(text string) bool {
	switch address.Recognize(text) {
	case address.LikeAddress, address.Proving:
		return true
	case address.Weak: // a word may be an account's name
		return len(text) >= 32 && !hex64(text)
	}
	return false
}
