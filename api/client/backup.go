package client

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"interdict/lists/fault"
)

// Backup writes a backup of the server's store to w, with the record of the server if that is asked for. What arrives is only complete if it
// ends with a manifest.
func (c *Client) Backup(ctx context.Context, record bool, w io.Writer) error {
	res, err := c.send(ctx, request{method: http.MethodGet, path: "/v1/backup", query: url.Values{"record": {strconv.FormatBool(record)}}, accept: "application/zstd"})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || media != "application/zstd" {
		return fault.E(fault.Unavailable, "the server's answer is not a backup: is this the address of Interdict?")
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fault.E(fault.Unavailable, "the backup broke off: %w", err)
	}
	return nil
}
