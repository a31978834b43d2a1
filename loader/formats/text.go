package formats

import (
	"errors"
	"io"
	"strconv"
	"strings"
)

// A list of addresses, one or more a line: blank lines, comments from # to the end of a line, a name behind the address ("addr;name",
// `addr;"name;alias"`, "addr,name", tab or blanks), bullets, numbers and links to block explorers (cells.go).
// "# Last Updated: 2025-11-20" is the date of the list.
func init() {
	register(format{
		name: "text", order: 120,
		detect: func(s *sample) bool {
			if s.xlsx || shapeOf(s) != noJSON || s.firstByte() == '<' {
				return false
			}
			_, table := dialectOf(s)
			return !table && mostlyAddresses(s)
		},
		read: readText,
	})
}

// mostlyAddresses tells a file most of whose lines begin with what may be an address.
func mostlyAddresses(s *sample) bool {
	lines := strings.Split(strings.ReplaceAll(string(s.head), "\r", "\n"), "\n")
	if !s.whole && len(lines) > 1 {
		lines = lines[:len(lines)-1]
	}
	all, good := 0, 0
	for _, line := range lines {
		entry, _ := uncomment(line)
		if entry == "" {
			continue
		}
		all++
		if address, _, _ := partsOf(entry); looksLikeAddress(address) || beginsWithAddress(entry) {
			good++
		}
	}
	return all > 0 && good*10 >= all*6
}

// beginsWithAddress reports a line of a list: an address behind a bullet, a number, a label or in a link, and not much more. Prose is another format.
func beginsWithAddress(entry string) bool {
	if len(entry) > 512 {
		return false
	}
	all := pieces(entry)
	rest := len(entry)
	for _, p := range all {
		rest -= len(p.Address)
	}
	return len(all) > 0 && !all[0].Unread && (isLink(strings.Fields(entry)[0]) || rest <= 60 && strings.Index(entry, all[0].Address) <= 24)
}

// uncomment parts a line from its comment.
func uncomment(line string) (entry, comment string) {
	line = trim(line)
	if numbered := afterNumber(line); numbered != "" {
		line = numbered
	}
	if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//") {
		return "", trim(strings.TrimLeft(line, "#/"))
	}
	for i := 1; i < len(line); i++ {
		if line[i] == '#' && (line[i-1] == ' ' || line[i-1] == '\t') {
			return trim(line[:i]), trim(line[i+1:])
		}
	}
	return line, ""
}

// afterNumber returns the address, and what is with it, behind the number of a line: "#5 0x…", "#5: 0x…"; "" for any other line.
func afterNumber(line string) string {
	if !strings.HasPrefix(line, "#") {
		return ""
	}
	rest := strings.TrimLeft(line[1:], "0123456789")
	if n := len(line) - 1 - len(rest); n == 0 || n > 6 || rest == "" || !strings.ContainsRune(" \t.:)", rune(rest[0])) {
		return ""
	}
	if rest = trim(strings.TrimLeft(rest, ".:)")); !holdsAny(rest) {
		return ""
	}
	return rest
}

// partsOf splits an entry into the address and what stands behind the first separator: ; , tab or blank.
func partsOf(entry string) (address, rest, separator string) {
	i := strings.IndexAny(entry, ";,\t ")
	if i < 0 {
		return entry, "", ""
	}
	return entry[:i], trim(entry[i+1:]), entry[i : i+1]
}

// isPhrase tells 11 to 25 words in small letters: those of a seed (BIP-39 has 12 to 24, Monero 25, and one may be lost).
func isPhrase(entry string) bool {
	words := strings.Fields(entry)
	return len(words) >= 11 && len(words) <= 25 && strings.Trim(strings.Join(words, ""), "abcdefghijklmnopqrstuvwxyz") == ""
}

func readText(r *run) error {
	in := r.only()
	if _, err := in.sample(); err != nil {
		return err
	}
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	l := newLineReader(in, rc)
	commented := 0
	for {
		b, err := l.next()
		if errors.Is(err, io.EOF) {
			l.done()
			if commented > 0 {
				r.warn("commented_addresses", "%s: %d comment lines (# or //) hold addresses, which are not listed", in.name, commented)
			}
			return nil
		} else if err != nil {
			return err
		}
		entry, comment := uncomment(l.string(b))
		if entry == "" {
			r.updated(comment)
			if holdsAny(comment) {
				commented++
			}
			continue
		}
		if err := r.textLine(entry, comment, l.n); err != nil {
			return err
		}
	}
}

// updated takes the date of a comment like "Last Updated: 2025-11-20 04:16:47 UTC".
func (r *run) updated(comment string) {
	name, date, ok := strings.Cut(comment, ":")
	if !ok || !strings.Contains(plain(name), "updated") {
		return
	}
	if d, err := anyDate(date); err == nil {
		r.info.Published = d
	}
}

func (r *run) textLine(entry, comment string, n int64) error {
	address, rest, separator := partsOf(entry)
	if isPhrase(entry) { // not to be taken apart: what follows the first word is no name
		return r.emit(Row{Address: entry, Locator: lineAt(n)})
	}
	if !plainWord(address) || address == "" || len(address) < minAddress || len(address) >= 2*minGlued {
		return r.pieceLine(entry, comment, n)
	}
	row := Row{Address: address, Note: comment, Locator: lineAt(n)}
	var names []string
	several := false
	if rest != "" {
		for part := range strings.SplitSeq(rest, separator) {
			if part = strings.Trim(part, " \t\""); looksLikeAddress(part) || holdsAny(part) {
				several = true
			} else if part != "" {
				names = append(names, part)
			}
		}
	}
	switch {
	case several || len(strings.Fields(rest)) >= 11 || separator == " " && strings.ContainsAny(rest, "()[]<>\"|;,:"):
		return r.pieceLine(entry, comment, n)
	case len(names) > 0 && separator == " ":
		row.EntityName = rest
	case len(names) > 0:
		row.EntityName = names[0]
		row.remark("also", strings.Join(names[1:], "; "))
	}
	return r.emit(row)
}

// pieceLine reads a line that is more than an address and a name.
func (r *run) pieceLine(entry, comment string, n int64) error {
	all := pieces(entry)
	if len(all) == 0 {
		row := Row{Address: entry, Note: comment, Locator: lineAt(n)}
		if address, rest, separator := partsOf(entry); looksLikeAddress(address) || plainWord(address) && separator != " " && separator != "" {
			row.Address, row.EntityName = address, rest
		}
		return r.emit(row)
	}
	for i, p := range all {
		row := Row{Note: comment, Locator: lineAt(n)}
		if i > 0 {
			row.Locator += " address " + strconv.Itoa(i+1)
		}
		row.take(p)
		if err := r.emit(row); err != nil {
			return err
		}
	}
	return nil
}
