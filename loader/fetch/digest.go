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

// maxDigestBytes is the largest size of a page with digests. OFAC's has about 100 kB.
const maxDigestBytes = 4 << 20

// Digest downloads the SHA-256 that is published for a file: the only digest in the body, or that in the line that names the file, as
// in the output of sha256sum ("hex  name") and openssl ("SHA256(name) = hex"). It ignores o.ETag, o.LastModified and o.Progress.
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
		return "", fault.TempFile(o.Dir, err)
	}
	return findDigest(body, file)
}

var (
	hexDigest = regexp.MustCompile(`\b[0-9A-Fa-f]{64}\b`)
	words     = regexp.MustCompile(`[0-9A-Za-z._-]+`)
)

func findDigest(body []byte, file string) (string, error) {
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
		return "", fault.E(fault.Unavailable, "no SHA-256 found at sha256_url: correct the setting")
	}
	return "", fault.E(fault.Unavailable, "there are %d SHA-256 digests at sha256_url, and none is in a line that names %s: correct the setting", len(all), file)
}
