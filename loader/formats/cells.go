package formats

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"interdict/lists/address"
)

// cellAddress is one address of a cell, with the words beside it.
type cellAddress struct {
	Address string
	Label   string // a network or asset named beside it: "ETH: 0x…"
	Note    string // anything else beside it: "(main wallet)", "tag 104857"
	Unread  bool   // it looks like an address and cannot be read
}

// splitCell returns the addresses of a cell in order, each once. It returns none if the cell holds none.
//
// A cell that reads as one address is returned whole, without the blanks, quotes and brackets around it and without invisible
// characters: many forms of addresses contain separators. Any other cell is split at line ends, separators and blanks. Words beside an
// address become its note, or its label if they name a network or an asset. If the cell holds a private key or a seed beside addresses,
// the first result is the whole cell, which the loader refuses and does not store; the addresses follow without notes.
func splitCell(cell string) []cellAddress {
	text := strings.Map(removeInvisible, trimPunctuation(cell))
	r := address.Recognize(text)
	switch {
	case r == address.Weak || r == address.Proving:
		return []cellAddress{{Address: text}}
	case isAlphanumeric(text) && len(text) < minGlued:
		if r == address.LikeAddress {
			return []cellAddress{{Address: text, Unread: true}}
		}
		return nil
	}
	tokens := tokenize(text)
	found := slices.ContainsFunc(tokens, func(t token) bool { return t.kind == addressToken })
	if !found {
		if joined := strings.Map(removeSpace, text); joined != text && address.Recognize(joined) == address.Proving {
			return []cellAddress{{Address: joined}} // "TNZx… DXV5 97Yf…"
		}
	}
	all := assignNotes(tokens)
	if holdsSecret(text, tokens) {
		return addressesBesideSecret(text, all)
	}
	if len(all) == 0 && r == address.LikeAddress && len(tokens) <= 1 {
		return []cellAddress{{Address: text, Unread: true}}
	}
	return all
}

// Addresses returns the addresses that a cell holds, and what has the form of one but does not read.
func Addresses(cell string) []string {
	var all []string
	for _, p := range splitCell(cell) {
		all = append(all, p.Address)
	}
	return all
}

// isAlphanumeric reports whether s has only ASCII letters and digits: such a text cannot be split.
func isAlphanumeric(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < '0' || c > '9' && c < 'A' || c > 'Z' && c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// trimPunctuation removes the characters around an address that are never part of one: blanks of every script, invisible characters,
// quotes, full stops, commas and brackets.
func trimPunctuation(s string) string {
	if n := len(s); n > 0 && isAlphanumeric(s[:1]) && isAlphanumeric(s[n-1:]) {
		return s
	}
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || isInvisible(r) || strings.ContainsRune("\"'`´.,;:!?*|~()[]{}<>“”‘’‚„«»‹›，；。、：（）【】「」", r)
	})
}

// IsFormula reports whether a spreadsheet may run a cell as a formula. Some ignore blanks before it, and some read the full-width signs of
// East Asian keyboards as the ASCII ones.
func IsFormula(cell string) bool {
	if cell == "" {
		return false
	}
	if isAlphanumeric(cell[:1]) { // most cells
		return false
	}
	if strings.IndexByte("\t\r\n", cell[0]) >= 0 {
		return true
	}
	first := strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || isInvisible(r) })
	sign, _ := utf8.DecodeRuneInString(first)
	return first != "" && strings.ContainsRune("=+-@＝＋－＠﹦﹢﹣﹫", sign)
}

// isInvisible reports characters of no width: zero-width spaces and joiners, byte order marks, soft hyphens, direction marks.
func isInvisible(r rune) bool {
	return r > 0x7f && (unicode.Is(unicode.Cf, r) || r == 0x3164 || r == 0x115f || r == 0x1160 || r >= 0xfe00 && r <= 0xfe0f)
}

// removeInvisible is for strings.Map.
func removeInvisible(r rune) rune {
	if isInvisible(r) {
		return -1
	}
	return r
}

// removeSpace is for strings.Map.
func removeSpace(r rune) rune {
	if unicode.IsSpace(r) || isInvisible(r) {
		return -1
	}
	return r
}

type tokenKind uint8

const (
	wordToken tokenKind = iota
	addressToken
	unreadToken // looks like an address and cannot be read
)

// token is a word of a cell.
type token struct {
	text    string
	kind    tokenKind
	segment int  // number of the line or of the part between ; , and |
	group   int  // number of the segment or of the part in brackets or quotes
	colon   bool // a colon or an equals sign follows
}

// tokenize splits a cell into words.
func tokenize(text string) []token {
	var tokens []token
	segment, group, start := 0, 0, 0
	flush := func(end int) {
		if start < end {
			tokens = appendTokens(tokens, text[start:end], segment, group)
		}
	}
	for i, r := range text {
		switch {
		case strings.ContainsRune("\n\r\v\f;,|\u0085\u2028\u2029；，、。", r):
			flush(i)
			segment++
			group++
		case r == ')': // stays at the end of a word: "1)" numbers a line
			flush(i + 1)
			group++
		case strings.ContainsRune("([]{}<>\"`“”„«»（）【】「」", r):
			flush(i)
			group++
		case unicode.IsSpace(r):
			flush(i)
		default:
			continue
		}
		start = i + len(string(r))
	}
	flush(len(text))
	return tokens
}

// minAddress is the least length of a word among others that may be an address; Hedera's 0.0.123 is the exception.
const minAddress = 20

func recognizeWord(s string) address.Recognition {
	if len(s) < minAddress && !strings.HasPrefix(s, "0.0.") {
		return address.NotAddress
	}
	return address.Recognize(s)
}

// appendTokens appends a word, or the parts of a word that contains addresses: "ETH:0x…", "1Ge6…/3My1…", a link.
func appendTokens(tokens []token, raw string, segment, group int) []token {
	text := trimPunctuation(raw)
	last := token{text: text, segment: segment, group: group, colon: strings.HasSuffix(raw, ":") || strings.HasSuffix(raw, "=")}
	if text == "" || !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		if len(tokens) > 0 && last.colon { // "ETH :"
			tokens[len(tokens)-1].colon = true
		}
		return tokens
	}
	if len(tokens) == 0 || tokens[len(tokens)-1].segment != segment {
		if len(text) <= 4 && isDigits(text) && (strings.HasSuffix(raw, ".") || strings.HasSuffix(raw, ")")) {
			return tokens // "1." of a numbered list
		}
	}
	r := recognizeWord(text)
	switch {
	case isHex64(text) && len(tokens) > 0 && announcesHash(tokens[len(tokens)-1].text):
	case r == address.Weak || r == address.Proving:
		last.kind = addressToken
	case isLink(text):
		if held := addressOfLink(text); held != "" {
			tokens = append(tokens, token{text: held, kind: addressToken, segment: segment, group: group})
		}
	case isShortened(text):
		last.kind = unreadToken
	default:
		parts, rest := splitGlued(text)
		for _, part := range parts {
			tokens = append(tokens, token{text: part, kind: addressToken, segment: segment, group: group})
		}
		if len(parts) > 0 {
			last.text = rest
			if strings.ContainsAny(rest, "0123456789") {
				last.kind = unreadToken
			} else if rest == "" {
				return tokens
			}
			break
		}
		if parts, ok := splitAtSigns(text, segment, group); ok {
			return append(tokens, parts...)
		}
		if r == address.LikeAddress {
			last.kind = unreadToken
		}
	}
	return append(tokens, last)
}

// announcesHash reports whether 64 hex digits after this word are a transaction or a key, not an address.
func announcesHash(word string) bool {
	word = strings.ToLower(word)
	switch word {
	case "tx", "txid", "txn", "hash", "transaction", "key", "secret", "priv", "privkey", "private":
		return true
	}
	return false
}

// splitAtSigns splits a word at its punctuation. ok is false if no part reads as an address.
func splitAtSigns(text string, segment, group int) (parts []token, ok bool) {
	start := 0
	flush := func(end int, sign byte) {
		if start >= end {
			return
		}
		t := token{text: text[start:end], segment: segment, group: group, colon: sign != 0}
		if start > 0 && text[start-1] == '\\' && strings.IndexByte("nrt", t.text[0]) >= 0 && recognizeWord(t.text) < address.Weak {
			t.text = t.text[1:] // \n: a line end or a tab, written as in a program
		}
		if r := recognizeWord(t.text); r == address.Weak || r == address.Proving {
			t.kind, ok = addressToken, true
		} else if r == address.LikeAddress {
			t.kind = unreadToken
		}
		parts = append(parts, t)
	}
	for i := range len(text) {
		if c := text[i]; c < 0x80 && !isAlphanumeric(text[i:i+1]) {
			flush(i, c)
			start = i + 1
		}
	}
	flush(len(text), 0)
	return parts, ok
}

func isLink(s string) bool {
	if strings.Contains(s, "://") || strings.HasPrefix(s, "www.") {
		return true
	}
	host, _, ok := strings.Cut(s, "/") // "etherscan.io/address/0x…"
	_, domain, dotted := strings.Cut(host, ".")
	return ok && dotted && len(domain) > 1 && isAlphanumeric(strings.ReplaceAll(domain, ".", "")) && !isDigits(strings.ReplaceAll(domain, ".", ""))
}

// addressOfLink returns the address in a link to a block explorer, or "". The part after tx is a transaction.
func addressOfLink(link string) string {
	weak, before := "", ""
	for _, part := range strings.FieldsFunc(link, func(r rune) bool { return strings.ContainsRune("/?&=#:%", r) }) {
		if before != "tx" && before != "transaction" && before != "block" {
			switch recognizeWord(part) {
			case address.Proving:
				return part
			case address.Weak:
				if weak == "" || before == "address" || before == "account" {
					weak = part
				}
			}
		}
		before = strings.ToLower(part)
	}
	return weak
}

// isShortened reports whether s is an address shortened for display: 0x7F36…Be1B.
func isShortened(s string) bool {
	head, tail := shortenedEnds(s)
	return len(head) >= 4 && len(tail) >= 4 && isAlphanumeric(head) && isAlphanumeric(tail) &&
		strings.ContainsAny(head, "0123456789") && strings.ContainsAny(head+tail, "0123456789")
}

// shortenedEnds returns the two ends of a shortened address; they are "" for any other text.
func shortenedEnds(s string) (head, tail string) {
	for _, gap := range []string{"…", "..."} {
		if head, tail, ok := strings.Cut(s, gap); ok {
			return head, strings.TrimLeft(tail, ".")
		}
	}
	return "", ""
}

// minGlued is the least length of a word that may hold an Ethereum address and more.
const minGlued = 43

// isHex reports whether s has only hex digits, at least one.
func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == "" }

// leadingAddress returns the length of the address at the beginning of a text that continues without a separator, or 0. It knows the
// forms whose length is known; it is fast enough to be called at every position of a word.
func leadingAddress(s string) int {
	proven := func(sizes ...int) int {
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
		return proven(42, 62)
	case strings.HasPrefix(s, "ltc1"):
		return proven(43, 63)
	case len(s) < 26:
	case s[0] == 'T':
		return proven(34)
	case s[0] == '1', s[0] == '3':
		return proven(34, 33, 35, 32, 31, 30, 29, 28, 27, 26)
	}
	return 0
}

// splitGlued splits a word that begins with one or more self-verifying addresses without a separator between them. rest is the text
// after the last of them.
func splitGlued(s string) (parts []string, rest string) {
	rest = s
	if !isAlphanumeric(s) || len(s) > address.MaxText || isHex(strings.TrimPrefix(s, "0x")) {
		return nil, s
	}
	for len(rest) >= minGlued || len(parts) > 0 && len(rest) >= minAddress {
		n := leadingAddress(rest)
		for n = max(n, 25); n <= len(rest) && address.Recognize(rest[:n]) != address.Proving; n++ {
		}
		if n > len(rest) {
			break
		}
		parts, rest = append(parts, rest[:n]), rest[n:]
	}
	return parts, rest
}

// addressesBesideSecret returns the addresses of a cell that also holds a private key or a seed.
func addressesBesideSecret(text string, all []cellAddress) []cellAddress {
	var kept []cellAddress
	for _, p := range all {
		if !p.Unread {
			kept = append(kept, cellAddress{Address: p.Address, Note: "a key or seed beside the address was removed"})
		}
	}
	if len(kept) > 0 && address.ContainsSecret(text) {
		kept = slices.Insert(kept, 0, cellAddress{Address: text, Unread: true})
	}
	return kept
}

// holdsSecret reports whether a cell holds a private key or a seed beside its addresses, also in pieces.
func holdsSecret(text string, tokens []token) bool {
	if address.ContainsSecret(text) {
		return true
	}
	words, blanks := "", 0
	for _, t := range tokens {
		if t.kind != addressToken {
			words += t.text
			blanks++
		}
	}
	return blanks > 1 && address.ContainsSecret(words)
}

// isHex64 reports whether s has 64 hex digits: a transaction, or a key.
func isHex64(s string) bool {
	s = strings.TrimPrefix(s, "0x")
	return len(s) == 64 && isHex(s)
}

// annotation is what a run of words between addresses says.
type annotation struct {
	label, note string
	colon       bool
}

// annotationOf separates the label of a run of words from the note.
func annotationOf(run []token) annotation {
	var w annotation
	var all []string
	for _, t := range run {
		text := t.text
		if t.colon && text != "" && !strings.HasSuffix(text, "=") {
			text += ":"
		}
		switch {
		case strings.EqualFold(t.text, "=HYPERLINK") || strings.EqualFold(t.text, "HYPERLINK"):
			continue
		case isHex64(t.text):
			text = "(64 hex digits)"
		case w.label == "" && address.KnownAsset(t.text) && (t.colon || strings.ToUpper(t.text) == t.text && !isDigits(t.text)):
			w.label = t.text
			w.colon = t.colon
			continue
		}
		all = append(all, text)
		w.colon = t.colon
	}
	w.note = strings.TrimRight(strings.Join(all, " "), ":")
	if w.label == "" && address.KnownAsset(w.note) && !isDigits(w.note) {
		w.label, w.note = w.note, ""
	}
	return w
}

// assignNotes returns the addresses among the tokens, each with the words that belong to it.
func assignNotes(tokens []token) []cellAddress {
	var all []cellAddress
	var next annotation // for the address that follows
	sticky := ""        // a label that holds for the addresses that follow: "ETH:" above them
	repeated := false   // the last address was in the cell already
	addPrevious := func(w annotation) bool {
		if len(all) == 0 || repeated {
			return len(all) > 0
		}
		p := &all[len(all)-1]
		if w.label != "" && p.Label != "" {
			return false
		}
		p.Label += w.label
		p.Note = joinNote(p.Note, w.note)
		return true
	}
	for i := 0; i < len(tokens); {
		t := tokens[i]
		if t.kind == wordToken {
			end := i + 1
			for end < len(tokens) && tokens[end].kind == wordToken && tokens[end].group == t.group {
				end++
			}
			w := annotationOf(tokens[i:end])
			opens := i == 0 || tokens[i-1].segment != t.segment // the words begin their segment
			follows := end < len(tokens) && tokens[end].kind != wordToken && tokens[end].segment == t.segment
			alone := opens && (end == len(tokens) || tokens[end].segment != t.segment)
			if w.colon && w.label != "" && alone {
				sticky = w.label
			}
			if w.colon || opens && follows || !addPrevious(w) {
				next = annotation{next.label + stringIf(next.label == "", w.label), joinNote(next.note, w.note), w.colon}
			}
			i = end
			continue
		}
		i++
		repeated = slices.ContainsFunc(all, func(p cellAddress) bool { return sameAddress(p.Address, t.text) })
		if !repeated {
			all = append(all, cellAddress{t.text, next.label + stringIf(next.label == "", sticky), next.note, t.kind == unreadToken})
		}
		next = annotation{}
	}
	if len(all) > 0 {
		p := &all[len(all)-1]
		if p.Label == "" {
			p.Label = next.label
		} else {
			p.Note = joinNote(p.Note, next.label)
		}
		p.Note = joinNote(p.Note, next.note)
	}
	return dropShortened(all)
}

func stringIf(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}

func joinNote(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// sameAddress compares two words of a cell; hexadecimal addresses are compared without case.
func sameAddress(a, b string) bool {
	return a == b || strings.HasPrefix(a, "0x") && strings.EqualFold(a, b)
}

// dropShortened removes a shortened address if the cell also holds the whole one: 0x7F36…Be1B as the text of a link.
func dropShortened(all []cellAddress) []cellAddress {
	return slices.DeleteFunc(all, func(p cellAddress) bool {
		head, tail := shortenedEnds(p.Address)
		return p.Unread && head != "" && slices.ContainsFunc(all, func(whole cellAddress) bool {
			return !whole.Unread && len(whole.Address) > len(head)+len(tail) && sameAddress(whole.Address[:len(head)], head) &&
				strings.EqualFold(whole.Address[len(whole.Address)-len(tail):], tail)
		})
	})
}
