package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"interdict/screening"
)

// printExplanation shows how one text was read, under which keys it was looked up, what they were compared with, and why it has no answer.
// The answer itself is shown by printAnswer.
func printExplanation(w io.Writer, x *screening.Explanation) {
	printText(w, &x.Text)
	for i := range x.Readings {
		printReading(w, &x.Readings[i])
	}
	for i := range x.Keys {
		printKey(w, &x.Keys[i], x.Compared != nil)
	}
	printCompared(w, x.Compared)
	printOutcome(w, x)
}

// line prints a name and a value below a heading, if there is a value.
func line(w io.Writer, name, value string) {
	if value != "" {
		fmt.Fprintf(w, "    %-11s %s\n", name, value)
	}
}

func printText(w io.Writer, t *screening.Text) {
	if t.Hidden {
		fmt.Fprintln(w, "TEXT  not shown: it looks like a secret")
		return
	}
	fmt.Fprintf(w, "TEXT  %+q\n", t.Given)
	if t.Trimmed {
		line(w, "cleaned", "white space around it does not count")
	}
	line(w, "wrapper", t.Wrapper)
}

func printReading(w io.Writer, r *screening.Reading) {
	fmt.Fprintf(w, "READ  as an address of %s: %s\n", r.Network, r.Kind)
	line(w, "canonical", r.Canonical)
	line(w, "identity", r.Identity)
	for _, name := range slices.Sorted(maps.Keys(r.Attributes)) {
		line(w, "beside it", fmt.Sprintf("%s %+q", name, r.Attributes[name]))
	}
	line(w, "notices", strings.Join(r.Notices, ", "))
}

func printKey(w io.Writer, k *screening.LookedUp, compared bool) {
	fmt.Fprintf(w, "KEY   %s\n", k.Role)
	line(w, "key", k.Key)
	line(w, "of", strings.Join(k.Networks, ", "))
	last := ""
	for _, f := range k.Finds {
		// Most derivations differ only in what stands before the arrow, which the line of the address says again.
		_, how, _ := strings.Cut(f.Derivation, " → ")
		switch {
		case f.Class == "exact":
			how = "the same identity"
		case how == "":
			how = f.Derivation
		}
		if heading := f.Class + how; heading != last {
			last = heading
			line(w, f.Class, how)
		}
		line(w, "", f.Kind+" "+f.Canonical)
	}
	if compared && len(k.Possible) == 0 {
		line(w, "filters", "none holds it for possible: nothing listed has this key")
	}
	for _, p := range k.Possible {
		store := "the store could not be read"
		switch {
		case p.Listed != nil && *p.Listed:
			store = "the store has it"
		case p.Listed != nil:
			store = "the store does not have it"
		}
		line(w, "filters", fmt.Sprintf("%s holds it for possible (layer %s); %s", p.List, p.Layer, store))
	}
}

func printCompared(w io.Writer, x *screening.Compared) {
	if x == nil {
		fmt.Fprintln(w, "WITH  nothing: no generation may be answered from")
		return
	}
	fmt.Fprintf(w, "WITH  generation %d of %s: %d lists, %d listings\n", x.Generation, x.AsOf.UTC().Format(time.RFC3339), len(x.Lists), x.Listings)
	for _, l := range x.Lists {
		published := ""
		if l.Published != "" {
			published = ", published " + l.Published
		}
		line(w, l.ID, fmt.Sprintf("%s, version %d%s, last fresh %s, %d listings", l.Name, l.Version, published, l.FreshAt.UTC().Format(time.RFC3339), l.Listings))
		for _, y := range l.Layers {
			line(w, "", fmt.Sprintf("layer %s of version %d, %d keys", y.ID, y.Version, y.Keys))
		}
	}
}

func printOutcome(w io.Writer, x *screening.Explanation) {
	switch r := x.Outcome.Refused; {
	case x.Outcome.Result == "miss" && storeHas(x.Keys):
		fmt.Fprintln(w, "NOTE  what the store has under these keys was removed from its list, has expired, or has no relation to this address")
	case x.Outcome.Answer != nil:
	case r != nil:
		fmt.Fprintf(w, "REFUSED  %s: %s\n", r.Reason, r.Detail)
		if r.Position != nil {
			line(w, "position", fmt.Sprintf("byte %d", *r.Position))
		}
		if r.WouldMatch {
			line(w, "but", "only the letter case is wrong, and the address in its right case is listed")
		}
	default:
		fmt.Fprintf(w, "%s  %s\n", strings.ToUpper(x.Outcome.Result), x.Outcome.Error)
	}
}

func storeHas(keys []screening.LookedUp) bool {
	return slices.ContainsFunc(keys, func(k screening.LookedUp) bool {
		return slices.ContainsFunc(k.Possible, func(p screening.Place) bool { return p.Listed != nil && *p.Listed })
	})
}
