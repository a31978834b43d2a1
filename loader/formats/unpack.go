package formats

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// An input is one unpacked file. A file as given becomes one input, or several if it is a zip archive:
//
//	File ── origin (context, errors of the source) ── gzip | zstd | bzip2 | zip, at most twice ── limited ── text (encoding.go)

const (
	maxNesting   = 2       // levels of packing: a .csv.gz in a .zip
	maxMembers   = 100     // files in an archive
	maxDirectory = 1 << 20 // bytes of a zip archive's directory
	inMemory     = 8 << 20 // bytes of archives without random access that are kept in memory; more goes into temporary files
	// A stream is refused if it unpacks to more than bombFloor bytes and to more than bombRatio times its size. This holds for each packing
	// and for all together. The ratio of SDN_ADVANCED.XML is 24 (gzip) to 40 (zstd), of a list of similar lines up to 100, of a bomb 1,000.
	bombRatio = 250
	bombFloor = 64 << 20
	// zstdWindow bounds the window of zstd; zstd -19 uses 8 MiB.
	zstdWindow = 32 << 20
)

type opener func() (io.ReadCloser, error)

type input struct {
	run      *run
	name     string // for messages: "sdn.zip/SDN.XML"
	archived bool   // part of an archive
	open     opener
	workbook *zip.Reader // not nil: an xlsx file
	sampled  *sample
	// encodingWarned is set once lines that are not UTF-8 have been reported.
	encodingWarned bool
	decode         func(io.Reader) io.Reader // to UTF-8, without the byte order mark
	highest        int64                     // bytes read by the longest reading
}

// invalid returns an error that names the input, the place and the problem.
func (in *input) invalid(place, format string, args ...any) error {
	return fault.E(fault.Invalid, "%s: %s: %w", in.name, place, fmt.Errorf(format, args...))
}

// sourceError is an error of the caller's reader. It is never reported as an error of the file.
type sourceError struct {
	name string
	err  error
}

func (e *sourceError) Error() string         { return e.name + ": " + e.err.Error() }
func (e *sourceError) Unwrap() error         { return e.err }
func (e *sourceError) FaultKind() fault.Kind { return fault.KindOf(e.err) }

func sourceFault(name string, err error) error {
	switch {
	case errors.Is(err, syscall.EISDIR):
		return fault.E(fault.Invalid, "%s: a directory, not a file", name)
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return &sourceError{name, fault.E(fault.Unavailable, "reading was cancelled: %w", err)}
	case errors.Is(err, io.ErrUnexpectedEOF) && fault.KindOf(err) == fault.Internal:
		return &sourceError{name, fault.E(fault.Invalid, "the stream breaks off in the middle; fetch it again: %w", err)}
	}
	return &sourceError{name, err}
}

// origin opens a file as given. Its readers fail once the context is cancelled.
func (r *run) origin(f File) opener {
	highest := new(int64)
	return func() (io.ReadCloser, error) {
		if err := r.ctx.Err(); err != nil {
			return nil, sourceFault(f.Name, err)
		}
		rc, err := f.Open()
		if err != nil {
			return nil, sourceFault(f.Name, err)
		}
		if st, ok := rc.(interface{ Stat() (fs.FileInfo, error) }); ok {
			if info, err := st.Stat(); err == nil && info.IsDir() {
				return nil, errors.Join(fault.E(fault.Invalid, "%s: a directory, not a file", f.Name), rc.Close())
			}
		}
		return &originReader{run: r, name: f.Name, rc: rc, highest: highest}, nil
	}
}

type originReader struct {
	run     *run
	name    string
	rc      io.ReadCloser
	n       int64
	highest *int64 // bytes read by the longest reading of the file
}

// count counts each byte of the file once.
func (o *originReader) count(n int64) {
	if o.n += n; o.n > *o.highest {
		o.run.packed += o.n - *o.highest
		*o.highest = o.n
	}
}

func (o *originReader) Read(p []byte) (int, error) {
	if err := o.run.ctx.Err(); err != nil {
		return 0, sourceFault(o.name, err)
	}
	n, err := o.rc.Read(p)
	o.count(int64(n))
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped io.EOF is an error, not the end of the file
		err = sourceFault(o.name, err)
	}
	return n, err
}

func (o *originReader) Close() error { return o.rc.Close() }

// expand recognises the packing of a stream and unpacks it.
func (r *run) expand(name string, open opener, depth int, archived bool) ([]*input, error) {
	head, err := peek(open, 512)
	if err != nil {
		return nil, err
	}
	packing := packingOf(head)
	if packing != "" && depth == maxNesting && packing != "zip" {
		return nil, fault.E(fault.Invalid, "%s: packed more than %d times; unpack it first", name, maxNesting)
	}
	switch packing {
	case "gzip", "zstd", "bzip2":
		return r.expand(name, decompressor(name, packing, open), depth+1, archived)
	case "zip":
		return r.expandZip(name, open, depth, archived)
	}
	if what := unsupportedFile(head); what != "" {
		return nil, fault.E(fault.Invalid, "%s: %s", name, what)
	}
	in := &input{run: r, name: name, archived: archived}
	in.open = func() (io.ReadCloser, error) {
		rc, err := open()
		if err != nil {
			return nil, err
		}
		return &limitedReader{ReadCloser: rc, in: in}, nil
	}
	return []*input{in}, nil
}

// peek returns up to n bytes from the start of a stream.
func peek(open opener, n int) ([]byte, error) {
	rc, err := open()
	if err != nil {
		return nil, err
	}
	head := make([]byte, n)
	n, err = io.ReadFull(rc, head)
	if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF { //nolint:errorlint // io.ReadFull's own; a wrapped one is an error of the stream
		err = nil
	}
	return head[:n], errors.Join(err, rc.Close())
}

func packingOf(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	case bytes.HasPrefix(head, []byte("BZh")) && len(head) > 9 && (string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17rE8P\x90"):
		return "bzip2"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return "zip"
	}
	return ""
}

// unsupportedFile describes a file that cannot be a list, or returns "".
func unsupportedFile(head []byte) string {
	for _, m := range []struct{ magic, what string }{
		{"%PDF-", "a PDF document; load the XML or CSV of the same publisher, or its text as a notice"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old .xls file, or a workbook protected by a password; save it as .xlsx or .csv without one"},
		{"7z\xbc\xaf\x27\x1c", "packed with 7z; use .gz, .zst, .bz2 or .zip"},
		{"Rar!\x1a\x07", "packed with rar; use .gz, .zst, .bz2 or .zip"},
		{"\xfd7zXZ\x00", "packed with xz; use .gz, .zst, .bz2 or .zip"},
		{"PAR1", "a Parquet file"},
		{"SQLite format 3\x00", "an SQLite database"},
		{"\x7fELF", "a program"},
		{"\x89PNG", "an image"},
		{"\xff\xd8\xff", "an image"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.what
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return "a tar archive; use .gz, .zst, .bz2 or .zip"
	}
	return ""
}

// decompressor returns an opener of the content of a compressed stream.
func decompressor(name, packing string, open opener) opener {
	return func() (io.ReadCloser, error) {
		rc, err := open()
		if err != nil {
			return nil, err
		}
		u := &unpacker{name: name, packing: packing, source: rc, packed: &counter{r: rc}}
		in := bufio.NewReaderSize(u.packed, 64<<10)
		switch packing {
		case "gzip":
			u.r, err = gzip.NewReader(in)
		case "zstd":
			var d *zstd.Decoder
			if d, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow)); err == nil {
				u.r, u.end = d, d.Close
			}
		case "bzip2":
			u.r = bzip2.NewReader(in)
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // within the header
		}
		if err != nil {
			return nil, errors.Join(u.fault(err), rc.Close())
		}
		return u, nil
	}
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// unpacker reads a compressed stream and reports truncation, damage and bombs.
type unpacker struct {
	name, packing string
	r             io.Reader
	source        io.Closer
	end           func()
	packed        *counter
	n             int64
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.n += int64(n)
	if err != nil {
		return n, u.fault(err)
	}
	return n, checkRatio(u.name, u.n, u.packed.n)
}

func (u *unpacker) Close() error {
	if u.end != nil {
		u.end()
	}
	return u.source.Close()
}

func (u *unpacker) fault(err error) error {
	switch {
	case isReported(err):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.E(fault.Invalid, "%s: the %s stream ends in the middle: the file is truncated; fetch it again", u.name, u.packing)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fault.E(fault.Invalid, "%s: the zstd stream needs a window of more than %d MiB; pack it without --long or --ultra", u.name, zstdWindow>>20)
	}
	return fault.E(fault.Invalid, "%s: the %s stream is damaged; fetch it again: %w", u.name, u.packing, err)
}

// isReported reports whether an error of a reader is the end of the stream, an error of the source, or an error that an outer packing
// has described.
func isReported(err error) bool {
	var source *sourceError
	return err == io.EOF || errors.As(err, &source) || fault.KindOf(err) != fault.Internal //nolint:errorlint // a wrapped io.EOF is not the end
}

// checkRatio returns an error if a stream unpacks to too many times its size.
func checkRatio(name string, unpacked, packed int64) error {
	if unpacked > bombFloor && unpacked/bombRatio > packed {
		return fault.E(fault.Invalid, "%s: unpacks to more than %d times its size and is refused as a bomb; unpack it first", name, bombRatio)
	}
	return nil
}

// limitedReader counts an input towards the limit of all inputs. An input that is read twice counts once.
type limitedReader struct {
	io.ReadCloser
	in *input
	n  int64
}

func (m *limitedReader) Read(p []byte) (int, error) {
	r := m.in.run
	if err := r.ctx.Err(); err != nil {
		return 0, sourceFault(m.in.name, err)
	}
	n, err := m.ReadCloser.Read(p)
	m.n += int64(n)
	if more := m.n - m.in.highest; more > 0 {
		r.unpacked += more
		m.in.highest = m.n
	}
	if r.unpacked > r.opts.MaxBytes {
		return n, fault.E(fault.TooLarge, "%s: all files together unpack to more than the limit of %d bytes", m.in.name, r.opts.MaxBytes)
	}
	if bomb := checkRatio(m.in.name, r.unpacked, r.packed); bomb != nil {
		return n, bomb
	}
	return n, err
}

// expandZip returns the files of an archive, or a workbook.
func (r *run) expandZip(name string, open opener, depth int, archived bool) ([]*input, error) {
	at, size, err := r.randomAccess(name, open)
	if err != nil {
		return nil, err
	}
	directory := &boundedAt{r: at, left: maxDirectory}
	z, err := zip.NewReader(directory, size)
	if err != nil {
		return nil, zipFault(name, err)
	}
	directory.left = -1 // no bound on the files themselves
	if len(z.File) > maxMembers {
		return nil, fault.E(fault.Invalid, "%s: %d files in the archive, more than %d", name, len(z.File), maxMembers)
	}
	if slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "xl/workbook.xml" }) {
		return []*input{{run: r, name: name, archived: archived, workbook: z}}, nil
	}
	if depth == maxNesting {
		return nil, fault.E(fault.Invalid, "%s: packed more than %d times; unpack it first", name, maxNesting)
	}
	var inputs []*input
	for _, f := range z.File {
		member := name + "/" + address.Recordable(f.Name)
		switch {
		case !fs.ValidPath(strings.TrimSuffix(f.Name, "/")) || strings.ContainsAny(f.Name, "\\\x00"):
			return nil, fault.E(fault.Invalid, "%s: a file in the archive has an unsafe name, %s", name, address.Quote(f.Name))
		case f.Flags&1 != 0:
			return nil, fault.E(fault.Invalid, "%s: protected by a password; pack it without one", member)
		case f.Mode().IsDir() || isSystemFile(f.Name):
			continue
		case !f.Mode().IsRegular():
			return nil, fault.E(fault.Invalid, "%s: a link or device, not a file", member)
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return nil, fault.E(fault.Invalid, "%s: packed with the unsupported zip method %d; use deflate", member, f.Method)
		case f.UncompressedSize64 == 0:
			return nil, fault.E(fault.Invalid, "%s: empty (0 bytes); fetch it again", member)
		}
		in, err := r.expand(member, zipMember(member, f), depth+1, true)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in...)
	}
	switch len(inputs) {
	case 0:
		return nil, fault.E(fault.Invalid, "%s: no file in the archive", name)
	case 1:
		inputs[0].archived = archived // as if given by itself
	}
	return inputs, nil
}

// isSystemFile reports whether a file in an archive was added by an operating system.
func isSystemFile(name string) bool {
	return strings.HasPrefix(name, "__MACOSX/") || strings.HasPrefix(path.Base(name), ".") || path.Base(name) == "Thumbs.db"
}

func zipMember(name string, f *zip.File) opener {
	return func() (io.ReadCloser, error) {
		rc, err := f.Open()
		if err != nil {
			return nil, zipFault(name, err)
		}
		return &memberReader{name: name, f: f, rc: rc}, nil
	}
}

type memberReader struct {
	name string
	f    *zip.File
	rc   io.ReadCloser
	n    int64
}

func (m *memberReader) Read(p []byte) (int, error) {
	n, err := m.rc.Read(p)
	m.n += int64(n)
	if err != nil {
		return n, zipFault(m.name, err)
	}
	return n, checkRatio(m.name, m.n, int64(m.f.CompressedSize64))
}

func (m *memberReader) Close() error { return m.rc.Close() }

func zipFault(name string, err error) error {
	switch {
	case isReported(err):
		return err
	case errors.Is(err, errDirectory):
		return fault.E(fault.Invalid, "%s: the directory of the archive is larger than %d bytes", name, maxDirectory)
	case errors.Is(err, zip.ErrFormat), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.E(fault.Invalid, "%s: the zip archive is truncated or damaged; fetch it again", name)
	}
	return fault.E(fault.Invalid, "%s: the zip archive cannot be read: %w", name, err)
}

var errDirectory = errors.New("directory too large")

// boundedAt bounds the bytes that are read while the directory of an archive is parsed.
type boundedAt struct {
	r    io.ReaderAt
	left int64 // -1 means no bound
}

func (b *boundedAt) ReadAt(p []byte, off int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			return 0, errDirectory
		}
	}
	return b.r.ReadAt(p, off)
}

// randomAccess returns a reader with random access to a stream: the file itself if it has ReadAt and Seek, otherwise a copy in memory
// or in a temporary file.
func (r *run) randomAccess(name string, open opener) (io.ReaderAt, int64, error) {
	rc, err := open()
	if err != nil {
		return nil, 0, err
	}
	if o, ok := rc.(*originReader); ok {
		if at, ok := o.rc.(interface {
			io.ReaderAt
			io.Seeker
		}); ok {
			size, err := at.Seek(0, io.SeekEnd)
			if err != nil {
				return nil, 0, errors.Join(sourceFault(name, err), rc.Close())
			}
			o.count(size)
			r.closers = append(r.closers, rc.Close)
			return &originAt{r.ctx, name, at}, size, nil
		}
	}
	defer rc.Close()
	var memory bytes.Buffer
	room := max(0, inMemory-r.spooled)
	n, err := io.Copy(&memory, io.LimitReader(rc, room+1))
	if err != nil {
		return nil, 0, err
	}
	if n <= room {
		r.spooled += n
		return bytes.NewReader(memory.Bytes()), n, nil
	}
	f, err := os.CreateTemp("", "interdict-zip-*")
	if err != nil {
		return nil, 0, fault.TempFile("", err)
	}
	r.closers = append(r.closers, f.Close)
	if err := os.Remove(f.Name()); err != nil {
		return nil, 0, fault.TempFile("", err)
	}
	whole := io.LimitReader(io.MultiReader(&memory, rc), r.opts.MaxBytes-r.spooled+1)
	if n, err = io.Copy(writeFault{f}, whole); err != nil {
		return nil, 0, err
	}
	if r.spooled += n; r.spooled > r.opts.MaxBytes {
		return nil, 0, fault.E(fault.TooLarge, "%s: all files together unpack to more than the limit of %d bytes", name, r.opts.MaxBytes)
	}
	return f, n, nil
}

// writeFault makes an error of the disk fault.Unavailable, not an error of the file.
type writeFault struct{ f *os.File }

func (w writeFault) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		err = fault.TempFile("", err)
	}
	return n, err
}

type originAt struct {
	ctx  context.Context
	name string
	r    io.ReaderAt
}

func (o *originAt) ReadAt(p []byte, off int64) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, sourceFault(o.name, err)
	}
	n, err := o.r.ReadAt(p, off)
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped io.EOF is an error, not the end of the file
		err = sourceFault(o.name, err)
	}
	return n, err
}
