package loader

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader/events"
	"interdict/loader/fetch"
)

// download gets what a source has: its file, the file that its page links to, or the log of the events that its node has. known is the version
// that was made from the last download; nil if there is none.
func (r *Refresher) download(ctx context.Context, source *lists.Source, known *lists.Version, o fetch.Options) (*fetch.Download, error) {
	u, err := url.Parse(source.URL)
	if err != nil {
		return nil, fault.E(fault.Invalid, "the source is not an http or https URL")
	}
	name, value := fetch.Instruction(u)
	switch name {
	case "events":
		return r.events(ctx, u, value, known, o)
	case "link":
		file, err := fetch.Link(ctx, u, value, o)
		if err != nil {
			return nil, err
		}
		o.ETag, o.LastModified = "", "" // they are of the file that the page linked to last time
		return fetch.Get(ctx, file, o)
	}
	u.Fragment = ""
	return fetch.Get(ctx, u.String(), o)
}

// events reads the events of a token that have happened since the last log. The ETag of such a download is the cursor of its last block.
func (r *Refresher) events(ctx context.Context, node *url.URL, token string, known *lists.Version, o fetch.Options) (*fetch.Download, error) {
	c, err := events.Named(token)
	if err != nil {
		return nil, err
	}
	if node.Scheme == "http" && !o.AllowHTTP {
		return nil, fault.E(fault.Forbidden, "the node %s: plain http is not allowed: use https", node.Host)
	}
	client, done := fetch.HTTPClient(o)
	defer done()
	read := events.Options{Client: client, Now: r.l.now}
	if known != nil && o.ETag != "" {
		last, err := fetch.Spool(o.Dir, func(w io.Writer) error { return r.l.Export(ctx, known.List, known.Number, "published", w) })
		if err != nil {
			if fault.Is(err, fault.Unavailable) || errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
			r.l.log.Warn("the last log of events cannot be read; all events are read again", "list", known.List, "error", err)
		} else {
			defer last.Close()
			read.Before, read.Cursor = last, o.ETag
		}
	}
	d, err := r.log(ctx, node, c, read, o)
	if errors.Is(err, events.ErrForked) {
		r.l.log.Warn("a confirmed block was replaced; all events are read again", "network", c.Network, "error", err)
		read.Before, read.Cursor = nil, ""
		d, err = r.log(ctx, node, c, read, o)
	}
	return d, err
}

func (r *Refresher) log(ctx context.Context, node *url.URL, c events.Contract, read events.Options, o fetch.Options) (*fetch.Download, error) {
	cursor, added := "", 0
	d, err := fetch.Spool(o.Dir, func(w io.Writer) (err error) {
		cursor, added, err = events.Read(ctx, node, c, read, w)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.Name, d.ETag = strings.ReplaceAll(c.Name, ":", "-")+".ndjson", cursor
	d.NotModified = added == 0 && read.Before != nil
	return d, nil
}
