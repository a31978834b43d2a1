package fetch

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"slices"
	"strings"

	"interdict/lists/fault"
)

// maxDigestBytes bounds what stands beside a list: OFAC's page of hashes has some 100 kB.
const maxDigestBytes = 4 << 20

// Digest downloads the SHA-256 that is published for a file: the only one in the body, or the one in the line that names the file, as
// sha256sum ("hex  name") and openssl ("SHA256(name) = hex") write it. The conditions of o are not sent.
func Digest(ctx context.Context, rawURL, file string, o Options) (string, error) {
	o.ETag, o.LastModified, o.Progress = "", "", nil
	o.MaxBytes, o.AllowPage = maxDigestBytes, true
	d, err := Get(ctx, rawURL, o)
	if err != nil {
		return "", err
	}
	defer d.Close()
	body, err := io.ReadAll(d)
	if err != nil {
		return "", fault.E(fault.Unavailable, "temporary file: %w", err)
	}
	return digestIn(body, file)
}

var (
	hexDigest = regexp.MustCompile(`\b[0-9A-Fa-f]{64}\b`)
	words     = regexp.MustCompile(`[0-9A-Za-z._-]+`)
)

func digestIn(body []byte, file string) (string, error) {
	all, naming := map[string]bool{}, map[string]bool{}
	for line := range bytes.Lines(body) {
		named := slices.ContainsFunc(words.FindAll(line, -1), func(w []byte) bool { return strings.EqualFold(string(w), file) })
		for _, m := range hexDigest.FindAll(line, -1) {
			digest := strings.ToLower(string(m))
			all[digest] = true
			if named {
				naming[digest] = true
			}
		}
	}
	for _, found := range []map[string]bool{all, naming} {
		if len(found) == 1 {
			for digest := range found {
				return digest, nil
			}
		}
	}
	if len(all) == 0 {
		return "", fault.E(fault.Unavailable, "no SHA-256 is published where sha256_url says")
	}
	return "", fault.E(fault.Unavailable, "%d SHA-256 digests are published where sha256_url says, and not one line of them names %s alone", len(all), file)
}
