package loader

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader/build"
)

// Guards are the reasons why a person must look at a version before it is activated. Some follow from the upload alone. The others compare it
// with the active version, and are computed again when it is activated.

// guardsOfUpload are the guards that do not depend on the active version. A person who overrides one has accepted the upload for good.
var guardsOfUpload = []string{"zero_addresses", "quarantined", "unread_addresses", "truncated_remarks", "no_base", deltaDiffers}

// goneFrom returns how many identities of last are screened no longer. counted is how many the comparison found; it is not used for a removal,
// which adds nothing, and for a version whose layers are no longer kept: there the numbers of addresses are compared.
func goneFrom(last, v *lists.Version, counted int) int {
	if last != nil && (v.Mode == lists.Remove && v.State != lists.Superseded || len(last.Layers) == 0) {
		return max(0, last.Addresses-v.Addresses)
	}
	return counted
}

// guards returns the guards of a version: those of v.Guards that follow from its file alone, and those that follow from its figures and from
// comparing it with last. quarantine yields the rows of its upload that were not read.
func (r *Reader) guards(ctx context.Context, settings *lists.List, last, v *lists.Version, wellKnown []string,
	quarantine func(func(lists.Quarantined) error) error) ([]lists.Finding, error) {
	out := []lists.Finding{}
	trip := func(code, format string, args ...any) {
		out = append(out, lists.Finding{Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	switch {
	case v.Listings == 0:
		trip("empty", "the version would hold no listing at all")
	case v.Raw == v.Listings:
		trip("zero_addresses", "none of the %d listings is a valid address", v.Listings)
	}
	if v.Rows.Read > 0 && float64(v.Rows.Quarantined) > settings.MaxQuarantined*float64(v.Rows.Read) {
		trip("quarantined", "%d of %d rows could not be read: more than the share of %g that max_quarantined allows",
			v.Rows.Quarantined, v.Rows.Read, settings.MaxQuarantined)
	}
	if v.UnreadRows > 0 {
		detail, err := r.newlyUnread(ctx, last, quarantine)
		if err != nil {
			return nil, err
		}
		if detail != "" {
			trip("unread_addresses", "%s", detail)
		}
	}
	for _, g := range v.Guards {
		if slices.Contains(build.GuardedWarnings, g.Code) || g.Code == "no_base" || g.Code == deltaDiffers {
			out = append(out, g)
		}
	}
	if len(wellKnown) > 0 {
		trip("well_known", "%d well-known addresses would be listed, which are nearly always listed by mistake: %s", len(wellKnown), firstOf(wellKnown, len(wellKnown)))
	}
	if last != nil {
		out = append(out, comparisonGuards(settings, last, v)...)
	}
	if v.State == lists.Superseded && v.Override != nil {
		out = slices.DeleteFunc(out, func(g lists.Finding) bool { return slices.Contains(guardsOfUpload, g.Code) })
	}
	return out, nil
}

// comparisonGuards returns the guards that compare the figures of a version with those of the last active one.
func comparisonGuards(settings *lists.List, last, v *lists.Version) (out []lists.Finding) {
	trip := func(code, format string, args ...any) {
		out = append(out, lists.Finding{Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	if added := slices.DeleteFunc(slices.Clone(v.UnknownLabels), func(s string) bool { return slices.Contains(last.UnknownLabels, s) }); len(added) > 0 {
		trip("unknown_label", "%q: not a known asset or network, and not in the active version; the addresses are screened as what their text says", added)
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

// newlyUnread describes the rows of an upload that hold something like an address and were not read, unless version last or one that it stands
// on has the same row: a person has accepted those with a reason. It returns "" if there are none.
func (r *Reader) newlyUnread(ctx context.Context, last *lists.Version, quarantine func(func(lists.Quarantined) error) error) (string, error) {
	accepted := map[[16]byte]bool{}
	for v := last; v != nil; {
		if v.UnreadRows > 0 {
			if err := r.Quarantine(ctx, v.List, v.Number, func(q lists.Quarantined) error {
				if q.Unread {
					accepted[rowDigest(&q)] = true
				}
				return nil
			}); err != nil && !fault.Is(err, fault.NotFound) { // of rows whose record is lost none was accepted
				return "", err
			}
		}
		below := v.BuiltOn()
		if below == 0 {
			break
		}
		var err error
		if _, v, _, err = r.versionForChange(ctx, v.List, below); err != nil {
			return "", err
		}
	}
	var rows []string
	n := 0
	err := quarantine(func(q lists.Quarantined) error {
		if q.Unread && !accepted[rowDigest(&q)] {
			if n++; len(rows) < maxNamed {
				rows = append(rows, cmp.Or(q.Locator, "?")+" ("+lists.Truncate(q.Detail, 64)+")")
			}
		}
		return nil
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return "rows hold something like an address that could not be read, and their record is lost: load the file again", nil
	case n == 0 || err != nil:
		return "", err
	}
	return fmt.Sprintf("%d rows hold something like an address that could not be read, and would not be screened: %s; see the quarantine of the version", n,
		firstOf(rows, n)), nil
}

// rowDigest identifies a row that was not read by its text.
func rowDigest(q *lists.Quarantined) (d [16]byte) {
	sum := sha256.Sum256([]byte(cmp.Or(q.Address, q.Detail)))
	copy(d[:], sum[:])
	return d
}

// maxNamed is how many rows or addresses a guard names.
const maxNamed = 5

// firstOf joins the first of n texts.
func firstOf(texts []string, n int) string {
	if n <= maxNamed {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:maxNamed], ", "), n-maxNamed)
}
