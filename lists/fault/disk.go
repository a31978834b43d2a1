package fault

import (
	"errors"
	"io/fs"
	"os"
)

// TempFile returns the error of a temporary file in a folder; "" is the system's. It is Unavailable and names the folder, not the file, which has
// no name any more.
func TempFile(folder string, err error) error {
	if folder == "" {
		folder = os.TempDir()
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return E(Unavailable, "temporary file in %s: %w; the folder must be writable and have room (TMPDIR names another one)", folder, err)
}
