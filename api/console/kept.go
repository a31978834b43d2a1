package console

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"interdict/api/client"
	"interdict/lists/fault"
)

const (
	// keepFor is how long an upload is kept after it was last used.
	keepFor = 15 * time.Minute
	// keepEach is how many uploads are kept of one person; one more takes the place of the oldest.
	keepEach = 5
)

// kept are uploads that wait for a person to say how they are to be read, so that the file is sent once. They are in memory and on the disk of
// this server only; a process that ends leaves nothing behind.
type kept struct {
	hold func(bytes int64) error // takes disk space; a negative number gives it back
	most int64                   // bytes of one upload

	mu     sync.Mutex
	byID   map[string]*keptUpload
	serial int
}

// keptUpload is one file, or two that belong together.
type keptUpload struct {
	ID    string
	Files []*keptFile

	of     *kept
	owner  string // id of the account
	serial int
	expiry *time.Timer
	users  int
	ended  bool
}

// keptFile is a file without a name on disk: it is gone when it is closed.
type keptFile struct {
	Name string
	Size int64
	file *os.File
}

func newKept(most int64, hold func(bytes int64) error) *kept {
	return &kept{hold: hold, most: most, byID: map[string]*keptUpload{}}
}

// begin returns an upload without files, which nobody else can reach yet. It ends by end or keep.
func (k *kept) begin(owner string) *keptUpload {
	return &keptUpload{ID: rand.Text(), of: k, owner: owner}
}

// add copies a file to disk. After an error the upload is to be ended.
func (u *keptUpload) add(name string, body io.Reader) error {
	if len(u.Files) == 2 {
		return fault.E(fault.Invalid, "file: give one file, or two that belong together")
	}
	file, err := os.CreateTemp("", "interdict-kept-*")
	if err == nil {
		err = os.Remove(file.Name())
	}
	if err != nil {
		if file != nil {
			file.Close()
		}
		return fault.E(fault.Unavailable, "keep the file: %w", err)
	}
	f := &keptFile{Name: name, file: file}
	u.Files = append(u.Files, f)
	_, err = io.Copy(keptWriter{u, f}, body)
	if err != nil && fault.KindOf(err) == fault.Internal {
		err = fault.E(fault.Invalid, "file: the upload broke off, and nothing was kept")
	}
	return err
}

// keptWriter counts what is written.
type keptWriter struct {
	u *keptUpload
	f *keptFile
}

func (w keptWriter) Write(b []byte) (int, error) {
	if w.u.bytes()+int64(len(b)) > w.u.of.most {
		return 0, fault.E(fault.Invalid, "file: larger than the %d bytes that a page takes: load it with the API or the command load", w.u.of.most)
	}
	if err := w.u.of.hold(int64(len(b))); err != nil {
		return 0, err
	}
	w.f.Size += int64(len(b))
	if _, err := w.f.file.Write(b); err != nil {
		return 0, fault.E(fault.Unavailable, "keep the file: %w", err)
	}
	return len(b), nil
}

func (u *keptUpload) bytes() (n int64) {
	for _, f := range u.Files {
		n += f.Size
	}
	return n
}

// keep lets the person who sent the upload come back to it.
func (k *kept) keep(u *keptUpload) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n, oldest := 0, (*keptUpload)(nil)
	for _, other := range k.byID {
		if other.owner == u.owner {
			n++
			if oldest == nil || other.serial < oldest.serial {
				oldest = other
			}
		}
	}
	if n >= keepEach {
		k.forget(oldest)
	}
	k.serial++
	u.serial = k.serial
	k.byID[u.ID] = u
	u.expiry = time.AfterFunc(keepFor, u.end)
}

// use returns an upload of a person, which stays until release is called; nil if it is not kept, or not theirs.
func (k *kept) use(id, owner string) (u *keptUpload, release func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	u = k.byID[id]
	if u == nil || u.owner != owner {
		return nil, func() {}
	}
	u.users++
	u.expiry.Reset(keepFor)
	return u, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		u.users--
		u.close()
	}
}

// end gives up an upload: it is gone when nobody uses it.
func (u *keptUpload) end() {
	u.of.mu.Lock()
	defer u.of.mu.Unlock()
	u.of.forget(u)
}

// forget needs the lock.
func (k *kept) forget(u *keptUpload) {
	delete(k.byID, u.ID)
	if u.expiry != nil {
		u.expiry.Stop()
	}
	u.ended = true
	u.close()
}

// close needs the lock.
func (u *keptUpload) close() {
	if !u.ended || u.users > 0 {
		return
	}
	for _, f := range u.Files {
		f.file.Close()
	}
	_ = u.of.hold(-u.bytes()) // giving back does not fail
	u.Files = nil
}

// uploads returns the files for a call of the API; each call reads them from the beginning.
func (u *keptUpload) uploads() []client.Upload {
	var out []client.Upload
	for _, f := range u.Files {
		out = append(out, client.Upload{Name: f.Name, Body: io.NewSectionReader(f.file, 0, f.Size)})
	}
	return out
}

var errNotKept = errors.New("the file is not here any more: files wait 15 minutes, on the server that received them; choose it again")
