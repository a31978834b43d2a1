package fetch

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Of several files that a page links to the newest counts, wherever the page says that they are.
func TestLinkIsTheGreatestNameFromTheBaseOfThePage(t *testing.T) {
	page := ""
	p := publish(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })
	const names = `<a href="list9.csv">9</a><a href="list10.csv">10</a><a href="list8.csv">8</a>`
	for _, x := range []struct{ name, page, pattern, want string }{
		{"numbers are numbers", names, "list*.csv", "/dir/list10.csv"},
		{"also with zeros before them", `<a href="l010.csv"></a><a href="l9.csv"></a>`, "l*.csv", "/dir/l010.csv"},
		{"of several the first decides", `<a href="2026-9-30.csv"></a><a href="2026-10-1.csv"></a><a href="2025-12-31.csv"></a>`, "*.csv", "/dir/2026-10-1.csv"},
		{"a longer name is greater", `<a href="list2b.csv"></a><a href="list2.csv"></a><a href="list2a.csv"></a>`, "list2*", "/dir/list2b.csv"},
		{"base", `<base href="/files/">` + names, "list*.csv", "/files/list10.csv"},
		{"base after the links", names + `<BASE target=_top HREF=' ../files/x.html '>`, "list*.csv", "/files/list10.csv"},
		{"the first base with an address", `<base target="_top"><base href="/one/"><base href="/two/">` + names, "list*.csv", "/one/list10.csv"},
		{"a base that is not a web address", `<base href="javascript:alert(1)"><base href="/two/">` + names, "list*.csv", "/dir/list10.csv"},
		{"a base in a comment", `<!-- <base href="/files/"> -->` + names, "list*.csv", "/dir/list10.csv"},
		{"an absolute link does not need the base", `<base href="/files/"><a href="/other/list11.csv"></a>` + names, "list*.csv", "/other/list11.csv"},
	} {
		page = "<!DOCTYPE html><html>" + x.page
		o, _ := local(t)
		u, err := url.Parse(p.URL + "/dir/page.html")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Link(t.Context(), u, x.pattern, o); err != nil || strings.TrimPrefix(got, p.URL) != x.want {
			t.Errorf("%s: %s, not %s: %v", x.name, got, x.want, err)
		}
	}
}

func TestNamesAreOrderedByTheirNumbers(t *testing.T) {
	want := []string{"", "a", "a01", "a1", "a2", "a2b", "a9", "a10", "a10b2", "a10b10", "a99999999999999999999998", "a99999999999999999999999", "b1"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareNames)
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
