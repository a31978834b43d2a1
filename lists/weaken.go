package lists

import "slices"

// Weaker returns the settings, by the names of their fields, that are weaker in after than in before. A weaker setting lets more through, or lets
// a change pass with fewer people or fewer checks.
func Weaker(before, after *List) (fields []string) {
	weaker := func(field string, is bool) {
		if is {
			fields = append(fields, field)
		}
	}
	weaker("approvals", after.Approvals < before.Approvals)
	weaker("mandatory", before.Mandatory && !after.Mandatory)
	weaker("max_age", before.MaxAge != 0 && (after.MaxAge == 0 || after.MaxAge > before.MaxAge))
	weaker("on_stale", before.OnStale == Stop && after.OnStale != Stop)
	weaker("max_shrink", after.MaxShrink > before.MaxShrink)
	weaker("max_growth", after.MaxGrowth > before.MaxGrowth)
	weaker("max_quarantined", after.MaxQuarantined > before.MaxQuarantined)
	weaker("source", weakerSource(before, after))
	return append(fields, weakerActions(before, after)...)
}

// weakerSource reports whether the list would follow another source. Another source can bring other content, and none keeps the list as it is
// until it is stale. The first source of a list that has no content yet replaces nothing.
func weakerSource(before, after *List) bool {
	switch {
	case before.Source == nil && after.Source == nil:
		return false
	case before.Source == nil:
		return before.Active != 0
	case after.Source == nil:
		return true
	}
	was, is := *before.Source, *after.Source
	longer := was.Every != 0 && (is.Every == 0 || is.Every > was.Every)
	return longer || was.URL != is.URL || was.Format != is.Format ||
		was.SHA256 != "" && was.SHA256 != is.SHA256 || was.SHA256URL != "" && was.SHA256URL != is.SHA256URL
}

// weakerActions names the settings that make the action for some match less strict.
func weakerActions(before, after *List) (fields []string) {
	if !lessStrict(before, after) {
		return nil
	}
	if !slices.Equal(before.Policy, after.Policy) {
		fields = append(fields, "policy")
	}
	if before.Category != after.Category {
		fields = append(fields, "category")
	}
	if before.Confidence != after.Confidence {
		fields = append(fields, "confidence")
	}
	return fields
}

// lessStrict reports whether some match leads to a less strict action under the second settings.
func lessStrict(before, after *List) bool {
	was, is := before.WithDefaults(), after.WithDefaults()
	for _, category := range append([]Category{""}, Categories...) {
		for _, confidence := range append([]Confidence{""}, Confidences...) {
			for _, class := range Classes {
				for _, direction := range []Direction{Deposit, Withdrawal} {
					action := func(l *List) int {
						a := Attribution{Category: category, Confidence: confidence}
						l.ApplyDefaults(&a)
						return l.Policy.Action(a.Category, a.Confidence, class, direction).Severity()
					}
					if action(&is) < action(&was) {
						return true
					}
				}
			}
		}
	}
	return false
}
