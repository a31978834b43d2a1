package build

import (
	"fmt"
	"maps"
	"slices"

	"interdict/lists"
	"interdict/loader/formats"
)

// GuardedWarnings are the warnings of readers after which addresses may be missing: the report has them as guards.
var GuardedWarnings = []string{"truncated_remarks"}

// report fills in the warnings of a version, and those guards that follow from its file alone.
func report(v *lists.Version, input *Input, info *formats.Info, j *joiner) {
	in := j.in
	warn := func(code, format string, args ...any) {
		v.Warnings = append(v.Warnings, lists.Finding{Code: code, Detail: lists.PlainText(fmt.Sprintf(format, args...))})
	}
	warnIf := func(n int, code, format string, args ...any) {
		if n > 0 {
			warn(code, format, append([]any{n}, args...)...)
		}
	}
	for _, w := range info.Warnings {
		if slices.Contains(GuardedWarnings, w.Code) {
			v.Guards = append(v.Guards, lists.Finding{Code: w.Code, Detail: lists.PlainText(w.Detail)})
		} else {
			warn(w.Code, "%s", w.Detail)
		}
	}
	if v.Delta && input.Active == nil {
		v.Guards = append(v.Guards, lists.Finding{Code: "no_base",
			Detail: v.File + " holds only changes since an earlier file, and the list has no active version to change: load the whole list first"})
	}
	v.UnknownLabels = slices.Sorted(maps.Keys(in.labels))
	for _, label := range v.UnknownLabels {
		warn("unknown_label", "%q is not a known asset or network (%d rows); the addresses are loaded as what their text says", label, in.labels[label])
	}
	for _, field := range []string{"category", "confidence"} {
		rows, words := in.unknownWords(field)
		warnIf(rows, "unknown_"+field, "%d rows have an unknown %s: %s; the list's default applies to them, and the word is in their note. "+
			"Translate it in the mapping: %s:word=value", field, words, field)
	}
	warnIf(in.secrets, lists.WarnSecrets, "%d rows hold a private key or seed; they were left out")
	warnIf(in.scrubbed, lists.WarnSecrets, "%d rows hold a private key, a seed or an API key beside their address; it was replaced by its digest")
	warnIf(v.Rows.Quarantined-in.secrets, "quarantined",
		"%d rows were not read: an address in them is not screened; see the quarantine of the version")
	warnIf(in.notes.contradicted, "contradicted_label",
		"%d rows have the label of another network than their address proves; they are loaded for both networks")
	warnIf(in.notes.lookalikes, "lookalikes",
		"%d addresses have look-alike letters of other scripts or invisible characters; they are loaded as the addresses they stand for, and as they are written")
	warnIf(in.notes.letterCase, "letter_case", "%d addresses have a wrong letter case; they are loaded by their bytes, and as they are written")
	warnIf(j.notListed+in.delta.notFound, "not_listed", "%d rows remove what was not on the list")
	warnIf(j.partlyRemoved, "partly_removed",
		"%d listings name no network and were removed from one network only: they stay listed on the others; to remove them from all, remove them without a network")
	if input.Active != nil && v.Mode != lists.Replace {
		v.UnknownLabels = append(v.UnknownLabels, input.Active.UnknownLabels...)
		slices.Sort(v.UnknownLabels)
		v.UnknownLabels = slices.Compact(v.UnknownLabels)
	}
}
