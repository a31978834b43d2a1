package fetch

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"golang.org/x/net/html"

	"interdict/lists/fault"
)

// Instruction splits the URL of a source into what is asked for and the instruction in its fragment, which is never sent:
//
//	https://example.org/lists.html#link=register*.xlsx     the file that the page links to; of several the last by name, numbers in it as numbers
//	https://node.example:8545/#events=usdt:ethereum        the events of a token (package events)
//	https://example.org/SDN.ZIP#deltas=/changes            the file, to be compared with the publisher's archive of delta files there
//
// The name is "" if the fragment is another one.
func Instruction(u *url.URL) (name, value string) {
	name, value, _ = strings.Cut(u.Fragment, "=")
	if name != "link" && name != "events" && name != "deltas" {
		return "", ""
	}
	return name, value
}

// maxPageBytes is the largest size of a page with links.
const maxPageBytes = 4 << 20

// Link downloads a page and returns the URL of the file that it links to: that one whose name, the last part of the path, matches the
// pattern (path.Match). Of several names it takes the greatest, because publishers put dates and numbers into names (compareNames). It ignores o.ETag, o.LastModified and
// o.Progress.
func Link(ctx context.Context, page *url.URL, pattern string, o Options) (string, error) {
	o.ETag, o.LastModified, o.Progress = "", "", nil
	o.MaxBytes, o.AllowPage = maxPageBytes, true
	plain := *page
	plain.Fragment = ""
	d, err := Get(ctx, plain.String(), o)
	if err != nil {
		return "", err
	}
	defer d.Close()
	body, err := io.ReadAll(d)
	if err != nil {
		return "", fault.TempFile(o.Dir, err)
	}
	base, links := linksOf(body, &plain)
	found, best := "", ""
	for _, link := range links {
		to, err := base.Parse(link)
		if err != nil || to.Scheme != "https" && (to.Scheme != "http" || !o.AllowHTTP) {
			continue
		}
		name := path.Base(to.Path)
		if ok, _ := path.Match(pattern, name); ok && (found == "" || compareNames(name, best) > 0) {
			best, found = name, to.String()
		}
	}
	if found == "" {
		return "", fault.E(fault.Unavailable, "the page of %s has no link to a file like %q: it has changed, or the pattern is wrong", page.Host, pattern)
	}
	return found, nil
}

// linksOf returns the links of a page as they are written, and what they are relative to: the first <base href>, or else the page.
func linksOf(body []byte, page *url.URL) (base *url.URL, links []string) {
	for tokens := html.NewTokenizer(bytes.NewReader(body)); ; {
		switch tokens.Next() {
		case html.ErrorToken:
			if base == nil {
				base = page
			}
			return base, links
		case html.StartTagToken, html.SelfClosingTagToken:
			tag, has := tokens.TagName()
			isBase := string(tag) == "base"
			if !isBase && string(tag) != "a" {
				continue
			}
			for has {
				var key, value []byte
				if key, value, has = tokens.TagAttr(); string(key) != "href" {
					continue
				}
				href := strings.TrimSpace(string(value))
				if !isBase {
					links = append(links, href)
				} else if base == nil {
					base = baseOf(page, href)
				}
			}
		}
	}
}

// baseOf returns the URL that the links of a page are relative to, given its <base href>: the page itself if that is not an http or https URL.
func baseOf(page *url.URL, href string) *url.URL {
	base, err := page.Parse(href)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" {
		return page
	}
	return base
}

// compareNames orders names as text, but numbers in them as numbers: list9 before list10.
func compareNames(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		m, n := digits(x), digits(y)
		if m == 0 || n == 0 {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		p, q := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
		if c := cmp.Or(cmp.Compare(len(p), len(q)), cmp.Compare(p, q)); c != 0 {
			return c
		}
		x, y = x[m:], y[n:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

// digits is how many digits a text begins with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// HTTPClient returns a client that connects as Get does: not to internal addresses unless they are allowed. It follows no redirect. done ends its
// connections.
func HTTPClient(o Options) (hc *http.Client, done func()) {
	c := newClient(o)
	w := c.transport()
	w.direct.DisableKeepAlives, w.proxied.DisableKeepAlives = false, false
	return &http.Client{Transport: w, Timeout: rpcTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, w.close
}

// rpcTimeout is for one request of an interface.
const rpcTimeout = time.Minute
