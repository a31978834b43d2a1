package formats

import (
	"strconv"
	"strings"
)

// A list of addresses, one or more per line. There may be blank lines, comments from # to the end of a line, a name after the address
// ("addr;name", `addr;"name;alias"`, "addr,name", tab or blanks), bullets, numbers and links to block explorers (cells.go).
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

// mostlyAddresses reports whether most lines of a sample begin with a text that may be an address.
func mostlyAddresses(s *sample) bool {
	lines := strings.Split(strings.ReplaceAll(string(s.head), "\r", "\n"), "\n")
	if !s.whole && len(lines) > 1 {
		lines = lines[:len(lines)-1]
	}
	all, good := 0, 0
	for _, line := range lines {
		entry, _ := splitComment(line)
		if entry == "" {
			continue
		}
		all++
		if address, _, _ := splitEntry(entry); looksLikeAddress(address) || beginsWithAddress(entry) {
			good++
		}
	}
	return all > 0 && good*10 >= all*6
}

// beginsWithAddress reports whether a line has an address after a bullet, a number or a label or in a link, and little more. Prose is
// read by another format.
func beginsWithAddress(entry string) bool {
	if len(entry) > 512 {
		return false
	}
	all := splitCell(entry)
	rest := len(entry)
	for _, p := range all {
		rest -= len(p.Address)
	}
	return len(all) > 0 && !all[0].Unread && (isLink(strings.Fields(entry)[0]) || rest <= 60 && strings.Index(entry, all[0].Address) <= 24)
}

// splitComment splits a line into its entry and its comment.
func splitComment(line string) (entry, comment string) {
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
	if rest = trim(strings.TrimLeft(rest, ".:)")); !holdsAddresses(rest) {
		return ""
	}
	return rest
}

// splitEntry splits an entry at its first separator (; , tab or blank) into the address and the rest.
func splitEntry(entry string) (address, rest, separator string) {
	i := strings.IndexAny(entry, ";,\t ")
	if i < 0 {
		return entry, "", ""
	}
	return entry[:i], trim(entry[i+1:]), entry[i : i+1]
}

// isSeedPhrase reports whether an entry has 11 to 25 words in small letters: a seed (BIP-39 has 12 to 24, Monero 25; one may be missing).
func isSeedPhrase(entry string) bool {
	words := strings.Fields(entry)
	return len(words) >= 11 && len(words) <= 25 && strings.Trim(strings.Join(words, ""), "abcdefghijklmnopqrstuvwxyz") == ""
}

func readText(r *run) error {
	in := r.input()
	commented := 0
	err := in.eachLine(func(l *lineReader, line []byte) error {
		entry, comment := splitComment(l.decode(line))
		if entry == "" {
			r.commentDate(comment)
			if holdsAddresses(comment) {
				commented++
			}
			return nil
		}
		return r.textLine(entry, comment, l.n)
	})
	if err == nil && commented > 0 {
		r.warn("commented_addresses", "%s: %d comment lines (# or //) hold addresses, which are not listed", in.name, commented)
	}
	return err
}

// commentDate sets the date of publication from a comment like "Last Updated: 2025-11-20 04:16:47 UTC".
func (r *run) commentDate(comment string) {
	name, date, ok := strings.Cut(comment, ":")
	if !ok || !strings.Contains(normalizeName(name), "updated") {
		return
	}
	if d, err := parseDate(date); err == nil {
		r.info.Published = d
	}
}

func (r *run) textLine(entry, comment string, n int64) error {
	address, rest, separator := splitEntry(entry)
	if isSeedPhrase(entry) { // kept whole: the text after the first word is not a name
		return r.emit(Row{Address: entry, Locator: lineAt(n)})
	}
	if !isAlphanumeric(address) || address == "" || len(address) < minAddress || len(address) >= 2*minGlued {
		return r.mixedLine(entry, comment, n)
	}
	row := Row{Address: address, Note: comment, Locator: lineAt(n)}
	var names []string
	several := false
	if rest != "" {
		for part := range strings.SplitSeq(rest, separator) {
			if part = strings.Trim(part, " \t\""); looksLikeAddress(part) || holdsAddresses(part) {
				several = true
			} else if part != "" {
				names = append(names, part)
			}
		}
	}
	switch {
	case several || len(strings.Fields(rest)) >= 11 || separator == " " && strings.ContainsAny(rest, "()[]<>\"|;,:"):
		return r.mixedLine(entry, comment, n)
	case len(names) > 0 && separator == " ":
		row.EntityName = rest
	case len(names) > 0:
		row.EntityName = names[0]
		row.addNote("also", strings.Join(names[1:], "; "))
	}
	return r.emit(row)
}

// mixedLine reads a line that has more than an address and a name.
func (r *run) mixedLine(entry, comment string, n int64) error {
	all := splitCell(entry)
	if len(all) == 0 {
		row := Row{Address: entry, Note: comment, Locator: lineAt(n)}
		if address, rest, separator := splitEntry(entry); looksLikeAddress(address) || isAlphanumeric(address) && separator != " " && separator != "" {
			row.Address, row.EntityName = address, rest
		}
		return r.emit(row)
	}
	for i, p := range all {
		row := Row{Note: comment, Locator: lineAt(n)}
		if i > 0 {
			row.Locator += " address " + strconv.Itoa(i+1)
		}
		row.setAddress(p)
		if err := r.emit(row); err != nil {
			return err
		}
	}
	return nil
}
