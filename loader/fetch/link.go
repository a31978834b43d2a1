package fetch

import (
	"bytes"
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
//	https://example.org/lists.html#link=register*.xlsx     the file that the page links to; of several the last by name
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
// pattern (path.Match). Of several names it takes the greatest, because publishers put dates into names. It ignores o.ETag, o.LastModified and
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
	found, best := "", ""
	for tokens := html.NewTokenizer(bytes.NewReader(body)); ; {
		switch tokens.Next() {
		case html.ErrorToken:
			if found == "" {
				return "", fault.E(fault.Unavailable, "the page of %s has no link to a file like %q: it has changed, or the pattern is wrong", page.Host, pattern)
			}
			return found, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			name, has := tokens.TagName()
			if string(name) != "a" {
				continue
			}
			for has {
				var key, value []byte
				if key, value, has = tokens.TagAttr(); string(key) != "href" {
					continue
				}
				to, err := plain.Parse(strings.TrimSpace(string(value)))
				if err != nil || to.Scheme != "https" && (to.Scheme != "http" || !o.AllowHTTP) {
					continue
				}
				base := path.Base(to.Path)
				if ok, _ := path.Match(pattern, base); ok && base > best {
					best, found = base, to.String()
				}
			}
		}
	}
}

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
