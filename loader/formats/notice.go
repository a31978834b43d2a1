package formats

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"interdict/lists/address"
)

// Addresses in prose: press releases, the text of a PDF document, remarks of official lists, research, chat. A word is an address only if
// its checksum is right, if it is 0x and 40 hex digits, or if it is 32 bytes of base58 beside the name of a chain. The sentence around it
// becomes the note; a chain or asset named before it becomes the label. Addresses without a separator between them are split, and an
// address broken by a blank or a line end is joined, if the checksum confirms it. Anything else that looks like an address becomes a row
// marked Unread.
func init() {
	register(format{
		name: "notice", order: 140,
		detect:  func(s *sample) bool { return isProse(s) && holdsNotice(s) },
		accepts: isProse,
		read:    readNotice,
	})
}

const (
	minWord   = 20   // bytes of the shortest word that is examined
	maxWord   = 140  // bytes of the longest address
	maxGlued  = 2000 // bytes of the longest word that is searched for addresses without separators
	maxParts  = 4    // of an address broken by blanks or line ends
	noteBytes = 300
	// maxSeen bounds the addresses that are remembered so that each is returned once.
	maxSeen = 200_000
	// maxShortened bounds the shortened addresses that are kept until the end of the text.
	maxShortened = 10_000
)

// isProse reports whether a sample is neither XML nor JSON nor a workbook.
func isProse(s *sample) bool {
	return !s.xlsx && s.firstByte() != '<' && shapeOf(s) == noJSON
}

// holdsNotice reports whether a sample contains an address and is not a table by its name or its separators.
func holdsNotice(s *sample) bool {
	if formatByExtension(s) != nil || isTabular(s) {
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
		if n.line(lines.decode(line), lines.n) != nil {
			break
		}
	}
	return found || n.end() == nil && found
}

// isTabular reports whether the first lines of a sample all have the same number of columns, three or more.
func isTabular(s *sample) bool {
	for _, sep := range []byte(",;\t") {
		records := firstRecords(s, sep, 6)
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
	n := &notice{emit: r.emit, seen: map[string]bool{}}
	if err := r.input().eachLine(func(l *lineReader, line []byte) error {
		return n.line(l.decode(line), l.n)
	}); err != nil {
		return err
	}
	return n.end()
}

// notice finds the addresses of a text, line by line.
type notice struct {
	emit      func(Row) error
	seen      map[string]bool // addresses that were returned
	ends      map[string]bool // their first and last four characters
	shortened []Row           // addresses shortened for display
	waiting   []word          // from the end of the previous line: the next line may continue them
	sticky    string          // a label that was on a line of its own
}

// word is a run of letters and digits, with its position.
type word struct {
	text  string
	start int // in the line
	end   int
	n     int64 // line number
	line  string
	label string
	apart bool // something other than blanks is between it and the previous word
	lines int  // number of line ends since the word was read
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
		used, err := n.nextWord(words[i:])
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

// end handles the words that are waiting at the end of the text.
func (n *notice) end() error {
	for i := 0; i < len(n.waiting); {
		n.waiting[i].lines = maxParts
		used, err := n.nextWord(n.waiting[i:])
		if err != nil {
			return err
		}
		i += max(used, 1)
	}
	for _, row := range n.shortened {
		head, tail := shortenedEnds(row.Address)
		if !n.ends[strings.ToLower(head[:4]+tail[len(tail)-4:])] {
			if err := n.emit(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextWord handles the first of some words and returns how many it used. It returns 0 if the next line is needed to decide.
func (n *notice) nextWord(words []word) (used int, err error) {
	w := words[0]
	if head, _ := shortenedEnds(w.text); head != "" {
		if len(n.shortened) < maxShortened {
			n.shortened = append(n.shortened, n.unread(w, w.text, "shortened, and the whole address is not in the text; ask the publisher for it"))
		}
		return 1, nil
	}
	if isAddress(w.text) {
		return 1, n.emitAddress(w, w.text)
	}
	joined := w.text
	for k := 1; isMixed(w.text) || k == 1 && len(words) > 1 && isMixed(words[1].text) && len(w.text) >= 2; k++ {
		if k == len(words) {
			if k < maxParts && w.lines < 2 && len(joined) < maxWord && strings.TrimLeft(words[k-1].line[words[k-1].end:], " \t-\u00ad") == "" {
				return 0, nil
			}
			break
		}
		if k == maxParts || words[k].apart || isAddress(words[k].text) {
			break
		}
		if joined += words[k].text; len(joined) > maxWord {
			break
		}
		if isProven(joined) && (!strings.HasPrefix(joined, "0x") || len(words[k].text) >= 4) {
			return k + 1, n.emitAddress(w, joined)
		}
	}
	return 1, n.embedded(w)
}

// emitAddress yields the row of an address, once.
func (n *notice) emitAddress(w word, text string) error {
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

// embedded finds addresses inside a longer word. If it finds none, it yields an unread row for a word that looks like an address.
func (n *notice) embedded(w word) error {
	text := w.text
	if len(text) < minWord {
		return nil
	}
	if len(text) > maxGlued {
		if strings.Contains(text, "bc1q") || strings.Contains(text, "0x") {
			return n.emit(n.unread(w, text[:64], fmt.Sprintf("part of a word of %d bytes, which is too long to be searched; separate the addresses with blanks", len(text))))
		}
		return nil
	}
	base, any := 0, false // the text before base has been handled
	rest := func(end int) error {
		if left := text[base:end]; any && len(left) >= 25 && isMixed(left) {
			return n.emit(n.unread(w, left, "unreadable text next to an address without a separator; separate them"))
		}
		return nil
	}
	for i := 0; i < len(text); {
		size := leadingAddress(text[i:])
		if size == 0 {
			i++
			continue
		}
		any = true
		if err := rest(i); err != nil {
			return err
		}
		if err := n.emitAddress(w, text[i:i+size]); err != nil {
			return err
		}
		i += size
		base = i
	}
	if any {
		return rest(len(text))
	}
	return n.emitLookalike(w)
}

// emitLookalike yields an unread row for a word that has the form of an address and cannot be read.
func (n *notice) emitLookalike(w word) error {
	text := w.text
	hex := strings.HasPrefix(text, "0x") && isHex(text[2:])
	r := address.Recognize(text)
	switch {
	case isHex64(text): // a transaction, or a key
		if !hex || w.label == "" || r == address.NotAddress || !hasHexAccounts(w.label) {
			return nil
		}
		return n.emit(n.unread(w, text, "64 hex digits: may be an account or a transaction; check it and list an account by hand"))
	case hex && len(text) >= 32 && len(text) <= 52:
		return n.emit(n.unread(w, text, fmt.Sprintf("%d hex digits instead of 40; correct it", len(text)-2)))
	case beginsGlued(text):
		return n.emit(n.unread(w, text, "an address, and more without a separator; separate them"))
	case r == address.LikeAddress:
		return n.emit(n.unread(w, text, "looks like an address and cannot be read (wrong checksum, or cut off); correct it"))
	case r == address.Weak && isBase58Key(text) && w.label != "":
		return n.emitAddress(w, text)
	case r == address.Weak && isBase58Key(text):
		return n.emit(n.unread(w, text, "32 bytes of base58 and no chain named beside them; name the chain"))
	}
	return nil
}

// hasHexAccounts reports whether the accounts of a chain are 64 hex digits.
func hasHexAccounts(label string) bool {
	switch strings.ToLower(label) {
	case "apt", "aptos", "sui", "strk", "starknet":
		return true
	}
	return false
}

// beginsGlued reports whether a text begins with an address and continues without a separator.
func beginsGlued(text string) bool {
	parts, rest := splitGlued(text)
	return len(parts) > 0 && rest != ""
}

func isBase58Key(s string) bool {
	return len(s) >= 32 && len(s) <= 44 && strings.Trim(s, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz") == ""
}

// isAddress reports whether a word is an address without the words around it.
func isAddress(s string) bool {
	return len(s) >= minWord && len(s) <= maxWord && strings.ContainsAny(s, "0123456789") && (isProven(s) || hasForeignLetters(s))
}

func isProven(s string) bool {
	if len(s) == 42 && strings.HasPrefix(s, "0x") {
		return isHex(s[2:])
	}
	return len(s) >= 25 && address.Recognize(s) == address.Proving
}

// hasForeignLetters reports whether a word may be an address with a few letters of another script in it. The loader repairs them if it can.
func hasForeignLetters(s string) bool {
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

// isMixed reports whether a word may be a part of an address: it mixes letters and digits, or capital and small letters.
func isMixed(s string) bool {
	if len(s) < 6 || !strings.ContainsFunc(s, unicode.IsLetter) {
		return false
	}
	inner := strings.ContainsFunc(s[1:], unicode.IsUpper) && strings.ContainsFunc(s, unicode.IsLower)
	return inner || strings.ContainsAny(s, "0123456789")
}

// wordsIn splits a line into runs of letters and digits. A shortened address is one word, and so is a TON address with - and _ in it.
func wordsIn(line string, number int64) []word {
	var words []word
	end := 0
	for i := 0; i < len(line); {
		size := wordLen(line[i:])
		if size == 0 {
			_, n := utf8.DecodeRuneInString(line[i:])
			i += n
			continue
		}
		if size < 48 { // TON writes base64 with - and _
			if wide := base64Len(line[i:]); wide == 48 && address.Recognize(line[i:i+wide]) == address.Proving {
				size = wide
			}
		}
		stop := i + size
		text := strings.Map(removeInvisible, line[i:stop])
		for _, gap := range []string{"…", "..."} {
			if tail, ok := strings.CutPrefix(line[stop:], gap); ok {
				if n := wordLen(tail); n >= 4 && strings.ContainsFunc(text, unicode.IsLetter) && isShortened(text+gap+tail[:n]) {
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

// wordLen returns the length of the letters and digits at the beginning of a text. A single Greek or Cyrillic letter among them belongs to
// the word, two in a row do not.
func wordLen(s string) int {
	foreign, last := 0, 0
	for i, r := range s {
		switch {
		case r < 0x80 && isAlphanumeric(s[i:i+1]):
			foreign, last = 0, i+1
		case last > 0 && isInvisible(r):
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

// base64Len returns the length of the URL-safe base64 at the beginning of a text.
func base64Len(s string) int {
	for i := range len(s) {
		if c := s[i]; c != '-' && c != '_' && !isAlphanumeric(s[i:i+1]) {
			return i
		}
	}
	return len(s)
}

// label sets the label of each word: the chain or asset named before it in its line, or alone on a line above.
func (n *notice) label(line string, words []word) {
	label, long := "", false
	for i := range words {
		w := &words[i]
		if len(w.text) >= minWord {
			w.label, long = label, true
			if w.label == "" {
				w.label = n.sticky
			}
			continue
		}
		if namesChain(w.text, strings.HasPrefix(strings.TrimLeft(line[w.end:], " )"), ":")) {
			label = w.text
		} else if long && len(w.text) > 2 { // words after an address end its label
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

// namesChain reports whether a word before an address names its chain or asset. colon: a colon follows the word.
func namesChain(s string, colon bool) bool {
	if isDigits(s) || !address.KnownAsset(s) {
		return false
	}
	return colon || strings.ToUpper(s) == s && len(s) >= 2 || len(s) >= 4 && s[0] >= 'A' && s[0] <= 'Z' || len(s) >= 7
}

// sentence returns the words around an address, or "" if they may hold a secret.
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
		if isHex64(t.text) {
			text = strings.ReplaceAll(text, t.text, "(64 hex digits)")
		}
	}
	return text
}
