package formats

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"interdict/lists/fault"
)

const (
	excerptLines  = 2       // before and after a line
	excerptBytes  = 2 << 10 // before and after a text, and of each line around it
	excerptHits   = 10_000  // places of a text that are compared with the locator
	excerptMargin = 64 << 10
)

// Excerpt returns the part of files around a row: the lines around its line, or what is around its address, and of a workbook the header of
// the sheet and the row. files, format and opts are those that Read got; locator and text are the row's Locator and its address as published.
// It is in UTF-8 and at most a few times 4 KiB long. fault.NotFound: the row is not found again.
func Excerpt(ctx context.Context, files []File, format string, opts Options, locator, text string) (excerpt string, err error) {
	r, _, err := open(ctx, files, format, opts)
	if err != nil {
		return "", err
	}
	defer func() {
		if cerr := r.close(); err == nil {
			err = cerr
		}
	}()
	for _, in := range r.inputs {
		if in.workbook != nil {
			return excerptSheet(r, locator)
		}
	}
	if m := lineLocator.FindStringSubmatch(locator); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return "", fault.E(fault.NotFound, "%s is not a line", strconv.Quote(locator))
		}
		return excerptLine(r, n, text)
	}
	return excerptText(r, locator, text)
}

var lineLocator = regexp.MustCompile(`\bline ([0-9]+)\b`)

// excerptLine returns the lines around a line of the input in which they hold the text, else of the first that has that line.
func excerptLine(r *run, n int, text string) (string, error) {
	found := ""
	for _, in := range r.inputs {
		lines, err := in.linesAround(n, text)
		if err != nil {
			return "", err
		}
		if strings.Contains(lines, text) {
			return lines, nil
		}
		if found == "" {
			found = lines
		}
	}
	if found == "" {
		return "", fault.E(fault.NotFound, "no file has a line %d", n)
	}
	return found, nil
}

// linesAround returns the lines around a line with their numbers; "" if there is no such line.
func (in *input) linesAround(n int, text string) (string, error) {
	rc, err := in.text()
	if err != nil {
		return "", err
	}
	defer rc.Close()
	b := bufio.NewReaderSize(&newlines{r: rc}, 64<<10)
	var out strings.Builder
	there := false
	for line := 1; line <= n+excerptLines; line++ {
		var keep []byte // of a long line what is around the text, else its beginning
		whole, found := false, -1
		for !whole {
			part, err := b.ReadSlice('\n')
			whole = err == nil
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
				return "", err
			}
			if line >= n-excerptLines && found < 0 && len(keep) <= MaxLine {
				keep = append(keep, part...)
				if found = bytes.Index(keep, []byte(text)); line != n {
					found = -1
				}
			} else if found >= 0 && len(keep) < found+len(text)+excerptBytes {
				keep = append(keep, part...)
			}
			if errors.Is(err, io.EOF) {
				if len(keep) == 0 && len(part) == 0 {
					return endExcerpt(&out, there), nil
				}
				break
			}
		}
		there = there || line == n
		if line >= n-excerptLines {
			from := max(0, found-excerptBytes)
			to := min(len(keep), max(found, 0)+len(text)+excerptBytes)
			out.WriteString("line " + strconv.Itoa(line) + ": " + strings.TrimRight(string(keep[from:to]), "\n") + "\n")
		}
	}
	return endExcerpt(&out, there), nil
}

// newlines reads text with the line ends of Windows and of old Macs as "\n".
type newlines struct {
	r  io.Reader
	cr bool // the last byte was "\r"
}

func (l *newlines) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	kept := p[:0]
	for _, c := range p[:n] {
		switch {
		case c == '\n' && l.cr:
			l.cr = false
			continue
		case c == '\r':
			c = '\n'
			l.cr = true
		default:
			l.cr = false
		}
		kept = append(kept, c)
	}
	return len(kept), err
}

func endExcerpt(out *strings.Builder, there bool) string {
	if !there {
		return ""
	}
	return readable(out.String())
}

// readable makes text of a part of a file, which may begin or end within a character.
func readable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\uFFFD")
}

var locatorNumber = regexp.MustCompile(`[0-9A-Za-z-]*[0-9][0-9A-Za-z-]*`)

// excerptText returns what is around a text: of several places that one in which most numbers of the locator are near it.
func excerptText(r *run, locator, text string) (string, error) {
	numbers := locatorNumber.FindAllString(locator, -1)
	best, bestScore := "", -1
	for _, in := range r.inputs {
		err := in.eachOccurrence(text, func(around []byte) bool {
			score := 0
			for _, n := range numbers {
				if bytes.Contains(around, []byte(n)) {
					score++
				}
			}
			if score > bestScore {
				best, bestScore = string(around), score
			}
			return bestScore < len(numbers)
		})
		if err != nil {
			return "", err
		}
	}
	if bestScore < 0 {
		return "", fault.E(fault.NotFound, "the file does not have the address in this spelling")
	}
	return readable(best), nil
}

// eachOccurrence yields what is around each place of a text, until yield returns false.
func (in *input) eachOccurrence(text string, yield func(around []byte) bool) error {
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	if text == "" {
		return nil
	}
	buf := make([]byte, 0, 4*excerptMargin)
	from, ended := 0, false // from: where in buf the search goes on
	for hits := 0; hits < excerptHits; {
		for !ended && len(buf) < cap(buf) {
			n, err := rc.Read(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
			if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is an error, not the end of the file
				ended = true
			} else if err != nil {
				return err
			}
		}
		at := bytes.Index(buf[from:], []byte(text))
		end := from + at + len(text) + excerptBytes
		switch {
		case at >= 0 && (ended || end <= len(buf)):
			at += from
			if !yield(buf[max(0, at-excerptBytes):min(len(buf), end)]) {
				return nil
			}
			hits++
			from = at + len(text)
			continue
		case ended:
			return nil
		case at >= 0:
			from += at
		default:
			from = max(from, len(buf)-len(text)+1)
		}
		keep := max(0, from-excerptBytes) // what is before the place
		buf = buf[:copy(buf, buf[keep:])]
		from -= keep
	}
	return nil
}

// excerptSheet returns the first row of a sheet that is not blank, and the row with the locator.
func excerptSheet(r *run, locator string) (string, error) {
	w, sheets, err := openWorkbook(r)
	if err != nil {
		return "", err
	}
	for _, s := range sheets {
		f := w.parts[s.part]
		if f == nil {
			continue
		}
		place := rowPlace(s, len(sheets) > 1)
		var head, row string
		err := w.rows(w.part(f), sheetColumns{}, func(n int64, _ bool, cells []string) error {
			at := numbered(place, n)
			if head == "" && !isBlank(cells) {
				head = rowText(at, cells)
			}
			if locator == at || strings.HasPrefix(locator, at+" ") {
				row = rowText(at, cells)
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return "", err
		}
		if row != "" {
			return head + row, nil
		}
	}
	return "", fault.E(fault.NotFound, "the workbook has no %s", strconv.Quote(locator))
}

// rowText writes the cells of a row, with tabs between them.
func rowText(at string, cells []string) string {
	cells = slices.Clone(cells)
	for i, c := range cells {
		cells[i] = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(c)
	}
	text := strings.Join(cells, "\t")
	return readable(at + ": " + text[:min(len(text), 2*excerptBytes)] + "\n")
}
