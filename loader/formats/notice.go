package formats

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"interdict/lists/address"
)

// Addresses out of prose: press releases, the text of a PDF document, remarks of official lists, research, chat. A word is an address only if
// its checksum is right, if it is 0x and 40 hex digits, or if it is 32 bytes of base58 beside the name of a chain. Its sentence becomes the
// note, and a chain or asset that is named before it the label. Words without a separator between them are parted, and a word that a
// blank or a line end has split is put together, where the parts prove that this is right. Whatever else looks like an
// address is a row that is Unread.
func init() {
	register(format{
		name: "notice", order: 140,
		detect:  func(s *sample) bool { return isProse(s) && holdsNotice(s) },
		accepts: isProse,
		read:    readNotice,
	})
}

const (
	minRun    = 20   // of a word that is looked at
	maxRun    = 140  // of an address
	maxGlued  = 2000 // of addresses without separators
	maxParts  = 4
	noteBytes = 300
	// maxSeen bounds how many addresses are remembered, to give each once.
	maxSeen = 200_000
)

// isProse reports a text that is neither markup nor a table.
func isProse(s *sample) bool {
	return !s.xlsx && s.firstByte() != '<' && shapeOf(s) == noJSON
}

// holdsNotice reports a sample with an address, that is not the table of which its name or its separators speak.
func holdsNotice(s *sample) bool {
	if byName(s) != nil || tabular(s) {
		return false
	}
	found := false
	n := &notice{emit: func(Row) error { found = true; return nil }, seen: map[string]bool{}}
	lines := sampleLines(s)
	for !found {
		line, err := lines.next()
		if err != nil {
			break
		}
		if n.line(lines.string(line), lines.n) != nil {
			break
		}
	}
	return found || n.end() == nil && found
}

// tabular reports a sample whose first lines all have the same three or more columns.
func tabular(s *sample) bool {
	for _, sep := range []byte(",;\t") {
		records := heads(s, sep, 6)
		same := len(records) > 1
		for _, r := range records {
			same = same && len(r) >= 3 && len(r) == len(records[0])
		}
		if same {
			return true
		}
	}
	return false
}

func readNotice(r *run) error {
	in := r.only()
	if _, err := in.sample(); err != nil {
		return err
	}
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	n := &notice{emit: r.emit, seen: map[string]bool{}}
	l := newLineReader(in, rc)
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			l.done()
			return n.end()
		} else if err != nil {
			return err
		}
		if err := n.line(l.string(line), l.n); err != nil {
			return err
		}
	}
}

// notice finds the addresses of a text, line by line.
type notice struct {
	emit    func(Row) error
	seen    map[string]bool // addresses that were given
	ends    map[string]bool // their first and last four characters
	shown   []Row           // shortened addresses
	waiting []word          // at the end of the line before: the next may go on with them
	sticky  string          // a label that stood on a line of its own
}

// word is a run of letters and digits, and where it stands.
type word struct {
	text  string
	start int // in the line
	end   int
	n     int64 // of the line
	line  string
	label string
	apart bool // something other than blanks stands between it and the word before
	lines int  // how many line ends it has waited for
}

func (n *notice) line(line string, number int64) error {
	words := wordsIn(line, number)
	n.label(line, words)
	if len(n.waiting) > 0 {
		if len(words) > 0 && strings.TrimLeft(line[:words[0].start], " \t>*|-") != "" {
			words[0].apart = true
		}
		words = append(n.waiting, words...)
		n.waiting = nil
	}
	for i := 0; i < len(words); {
		used, err := n.word(words[i:])
		if err != nil {
			return err
		}
		if used == 0 { // the next line decides
			n.waiting = append(n.waiting, words[i:]...)
			for k := range n.waiting {
				n.waiting[k].lines++
			}
			return nil
		}
		i += used
	}
	return nil
}

// end gives what still waits when the text has ended.
func (n *notice) end() error {
	for i := 0; i < len(n.waiting); {
		n.waiting[i].lines = maxParts
		used, err := n.word(n.waiting[i:])
		if err != nil {
			return err
		}
		i += max(used, 1)
	}
	for _, row := range n.shown {
		head, tail := shownEnds(row.Address)
		if !n.ends[strings.ToLower(head[:4]+tail[len(tail)-4:])] {
			if err := n.emit(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// word decides what the first of some words is, and gives how many words it took; 0 if that depends on the next line.
func (n *notice) word(words []word) (used int, err error) {
	w := words[0]
	if head, _ := shownEnds(w.text); head != "" {
		if len(n.shown) < 10_000 {
			n.shown = append(n.shown, n.unread(w, w.text, "is shortened: the whole address is not in the text"))
		}
		return 1, nil
	}
	if reads(w.text) {
		return 1, n.found(w, w.text)
	}
	joined := w.text
	for k := 1; addressy(w.text) || k == 1 && len(words) > 1 && addressy(words[1].text) && len(w.text) >= 2; k++ {
		if k == len(words) {
			if k < maxParts && w.lines < 2 && len(joined) < maxRun && strings.TrimLeft(words[k-1].line[words[k-1].end:], " \t-\u00ad") == "" {
				return 0, nil
			}
			break
		}
		if k == maxParts || words[k].apart || reads(words[k].text) {
			break
		}
		if joined += words[k].text; len(joined) > maxRun {
			break
		}
		if proves(joined) && (!strings.HasPrefix(joined, "0x") || len(words[k].text) >= 4) {
			return k + 1, n.found(w, joined)
		}
	}
	return 1, n.parts(w)
}

// found gives the listing of an address.
func (n *notice) found(w word, text string) error {
	key := text
	if strings.HasPrefix(key, "0x") {
		key = strings.ToLower(key)
	}
	if n.seen[key] {
		return nil
	}
	if len(n.seen) < maxSeen {
		n.seen[key] = true
		if n.ends == nil {
			n.ends = map[string]bool{}
		}
		n.ends[strings.ToLower(text[:4]+text[len(text)-4:])] = true
	}
	row := Row{Address: text, Asset: w.label, Note: sentence(w), Locator: lineAt(w.n)}
	return n.emit(row)
}

func (n *notice) unread(w word, text, why string) Row {
	return Row{Address: text, Asset: w.label, Note: sentence(w), Locator: lineAt(w.n), Problem: "address: " + why, Unread: true}
}

// parts looks for addresses within a word that is none, and gives what else looks like one.
func (n *notice) parts(w word) error {
	text := w.text
	if len(text) < minRun {
		return nil
	}
	if len(text) > maxGlued {
		if strings.Contains(text, "bc1q") || strings.Contains(text, "0x") {
			return n.emit(n.unread(w, text[:64], fmt.Sprintf("a word of %d bytes is not parted", len(text))))
		}
		return nil
	}
	base, any := 0, false // what stands before base has been given
	rest := func(end int) error {
		if left := text[base:end]; any && len(left) >= 25 && addressy(left) {
			return n.emit(n.unread(w, left, "stands beside an address without a separator, and does not read"))
		}
		return nil
	}
	for i := 0; i < len(text); {
		size := gluedAt(text[i:])
		if size == 0 {
			i++
			continue
		}
		any = true
		if err := rest(i); err != nil {
			return err
		}
		if err := n.found(w, text[i:i+size]); err != nil {
			return err
		}
		i += size
		base = i
	}
	if any {
		return rest(len(text))
	}
	return n.looksLike(w)
}

// looksLike gives a word that has the form of an address and is none.
func (n *notice) looksLike(w word) error {
	text := w.text
	hex := strings.HasPrefix(text, "0x") && isHex(text[2:])
	r := address.Recognize(text)
	switch {
	case hexKey(text): // a transaction, or a key
		if !hex || w.label == "" || r == address.NotAddress || !longHex(w.label) {
			return nil
		}
		return n.emit(n.unread(w, text, "64 hex digits may be an account or a transaction"))
	case hex && len(text) >= 32 && len(text) <= 52:
		return n.emit(n.unread(w, text, fmt.Sprintf("%d hex digits instead of 40: it is cut, or too long", len(text)-2)))
	case startsWithAddress(text):
		return n.emit(n.unread(w, text, "0x and 40 hex digits, and more without a separator"))
	case r == address.LikeAddress:
		return n.emit(n.unread(w, text, "it has the form of an address and does not read: a wrong checksum, or a cut text"))
	case r == address.Weak && base58of32(text) && w.label != "":
		return n.found(w, text)
	case r == address.Weak && base58of32(text):
		return n.emit(n.unread(w, text, "32 bytes of base58, without the name of a chain beside them"))
	}
	return nil
}

// longHex reports labels of chains whose accounts are 64 hex digits.
func longHex(label string) bool {
	switch strings.ToLower(label) {
	case "apt", "aptos", "sui", "strk", "starknet":
		return true
	}
	return false
}

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == "" }

func base58of32(s string) bool {
	return len(s) >= 32 && len(s) <= 44 && strings.Trim(s, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz") == ""
}

// reads reports a word that is an address by itself.
func reads(s string) bool {
	return len(s) >= minRun && len(s) <= maxRun && strings.ContainsAny(s, "0123456789") && (proves(s) || lookalike(s))
}

func proves(s string) bool {
	if len(s) == 42 && strings.HasPrefix(s, "0x") {
		return isHex(s[2:])
	}
	return len(s) >= 25 && address.Recognize(s) == address.Proving
}

// lookalike reports a word with a letter of another script among those of an address. The loader repairs what can be repaired.
func lookalike(s string) bool {
	foreign, plainLetters := 0, 0
	for _, r := range s {
		if r > 0x7f {
			foreign++
		} else {
			plainLetters++
		}
	}
	return foreign > 0 && foreign <= 4 && plainLetters >= 24 && plainLetters+foreign <= 64
}

// addressy reports a word that may be a part of an address: letters and digits mixed, or large letters among small ones.
func addressy(s string) bool {
	if len(s) < 6 || !strings.ContainsFunc(s, unicode.IsLetter) {
		return false
	}
	inner := strings.ContainsFunc(s[1:], unicode.IsUpper) && strings.ContainsFunc(s, unicode.IsLower)
	return inner || strings.ContainsAny(s, "0123456789")
}

// startsWithAddress reports an address at the beginning of a text that goes on without a separator.
func startsWithAddress(text string) bool {
	parts, rest := unglue(text)
	return len(parts) > 0 && rest != ""
}

// gluedAt gives the length of an address at the beginning of a text that goes on without a separator; 0 if there is none.
func gluedAt(s string) int {
	try := func(sizes ...int) int {
		for _, size := range sizes {
			if size <= len(s) && address.Recognize(s[:size]) == address.Proving {
				return size
			}
		}
		return 0
	}
	switch {
	case strings.HasPrefix(s, "0x"):
		if len(s) >= 42 && isHex(s[2:42]) && (len(s) == 42 || strings.HasPrefix(s[42:], "0x") || !isHex(s[42:43])) {
			return 42
		}
	case strings.HasPrefix(s, "bc1"), strings.HasPrefix(s, "BC1"):
		return try(42, 62)
	case strings.HasPrefix(s, "ltc1"):
		return try(43, 63)
	case len(s) < 26:
	case s[0] == 'T':
		return try(34)
	case s[0] == '1', s[0] == '3':
		return try(34, 33, 35, 32, 31, 30, 29, 28, 27, 26)
	}
	return 0
}

// wordsIn splits a line into runs of letters and digits. A shortened address is one word, and one with signs that TON uses, too.
func wordsIn(line string, number int64) []word {
	var words []word
	end := 0
	for i := 0; i < len(line); {
		size := runAt(line[i:])
		if size == 0 {
			_, n := utf8.DecodeRuneInString(line[i:])
			i += n
			continue
		}
		if size < 48 { // TON writes base64 with - and _
			if wide := wideAt(line[i:]); wide == 48 && address.Recognize(line[i:i+wide]) == address.Proving {
				size = wide
			}
		}
		stop := i + size
		text := strings.Map(dropInvisible, line[i:stop])
		for _, gap := range []string{"…", "..."} {
			if tail, ok := strings.CutPrefix(line[stop:], gap); ok {
				if n := runAt(tail); n >= 4 && strings.ContainsFunc(text, unicode.IsLetter) && shortened(text+gap+tail[:n]) {
					stop += len(gap) + n
					text += gap + tail[:n]
				}
			}
		}
		gap := line[end:i]
		words = append(words, word{text: text, start: i, end: stop, n: number, line: line, apart: strings.Trim(gap, " \t\u00a0\u3000") != ""})
		i, end = stop, stop
	}
	return words
}

func dropInvisible(r rune) rune {
	if invisible(r) {
		return -1
	}
	return r
}

// runAt gives the length of the letters and digits at the beginning of a text. One letter of the Greek or Cyrillic script among others
// belongs to them, two do not.
func runAt(s string) int {
	foreign, last := 0, 0
	for i, r := range s {
		switch {
		case r < 0x80 && plainWord(s[i:i+1]):
			foreign, last = 0, i+1
		case last > 0 && invisible(r):
		case last > 0 && r >= 0x370 && r <= 0x4ff && unicode.IsLetter(r):
			if foreign++; foreign > 1 {
				return last
			}
		default:
			return last
		}
	}
	return last
}

func wideAt(s string) int {
	for i := range len(s) {
		if c := s[i]; c != '-' && c != '_' && !plainWord(s[i:i+1]) {
			return i
		}
	}
	return len(s)
}

// label gives each word the chain or asset that is named before it in its line, or on a line above that holds nothing else.
func (n *notice) label(line string, words []word) {
	label, long := "", false
	for i := range words {
		w := &words[i]
		if len(w.text) >= minRun {
			w.label, long = label, true
			if w.label == "" {
				w.label = n.sticky
			}
			continue
		}
		if namesChain(w.text, strings.HasPrefix(strings.TrimLeft(line[w.end:], " )"), ":")) {
			label = w.text
		} else if long && len(w.text) > 2 { // words after an address: its label does not go further
			label, long = "", false
		}
	}
	switch {
	case long:
	case len(words) == 0:
	case label != "" && len(words) <= 4:
		n.sticky = label
	default:
		n.sticky = ""
	}
}

// namesChain reports a word that names a chain or an asset where it stands before an address.
func namesChain(s string, colon bool) bool {
	if digits(s) || !address.KnownAsset(s) {
		return false
	}
	return colon || strings.ToUpper(s) == s && len(s) >= 2 || len(s) >= 4 && s[0] >= 'A' && s[0] <= 'Z' || len(s) >= 7
}

// sentence gives the words around an address, without what may be a secret.
func sentence(w word) string {
	line := w.line
	from, to := 0, len(line)
	for _, end := range []string{". ", "。", "! ", "? ", "；"} {
		if i := strings.LastIndex(line[:w.start], end); i >= 0 {
			from = max(from, i+len(end))
		}
		if i := strings.Index(line[w.end:], end); i >= 0 {
			to = min(to, w.end+i+len(strings.TrimRight(end, " ")))
		}
	}
	whole := line[max(from, w.start-1000):min(to, w.end+1000)]
	tokens := tokenize(whole)
	if holdsSecret(whole, tokens) {
		return ""
	}
	from, to = max(from, w.start-noteBytes/2), min(to, w.end+noteBytes/2)
	text := trim(strings.ToValidUTF8(line[from:to], ""))
	for _, t := range tokens {
		if hexKey(t.text) {
			text = strings.ReplaceAll(text, t.text, "(64 hex digits)")
		}
	}
	return text
}
