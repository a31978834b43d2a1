package console

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// A template that is defined twice in what a page is made of replaces the other one without a word.
func TestNoTemplateReplacesAnother(t *testing.T) {
	names, err := fs.Glob(pageFiles, "pages/en/*.html")
	if err != nil || len(names) < 20 {
		t.Fatal(names, err)
	}
	define := regexp.MustCompile(`{{-?\s*define "([^"]+)"`)
	shared := map[string]string{}
	of := map[string][]string{}
	for _, name := range names {
		b, err := pageFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range define.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(name, "/parts") {
				if other, twice := shared[m[1]]; twice {
					t.Errorf("%s and %s define %q", other, name, m[1])
				}
				shared[m[1]] = name
			} else {
				of[name] = append(of[name], m[1])
			}
		}
	}
	for page, defined := range of {
		for _, d := range defined {
			if part, both := shared[d]; both {
				t.Errorf("%s and %s define %q", part, page, d)
			}
		}
	}
}
