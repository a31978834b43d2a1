package formats

import (
	"slices"
	"strings"
	"unicode"

	"interdict/lists/address"
)

// piece is one address that a cell holds, with what stood beside it.
type piece struct {
	Address string
	Label   string // a network or asset named beside it: "ETH: 0x…"
	Note    string // anything else beside it: "(main wallet)", "tag 104857"
	Unread  bool   // it has the form of an address and does not read
}

// pieces splits a cell into its addresses, in their order and each once. A cell without any gives none.
//
// A cell that reads as one address is returned as it stands, without the blanks, quotes and brackets around it: many forms
// of addresses hold separators. Otherwise the cell is cut at line ends, separators and blanks. Words beside an address are its note,
// or its label if they name a network or an asset. Of a cell that holds a private key or a seed beside addresses, the first piece is the
// whole cell, which the loader refuses and does not keep, and the addresses follow without notes.
func pieces(cell string) []piece {
	text := peel(cell)
	r := address.Recognize(text)
	switch {
	case r == address.Weak || r == address.Proving:
		return []piece{{Address: text}}
	case plainWord(text) && len(text) < minGlued:
		if r == address.LikeAddress {
			return []piece{{Address: text, Unread: true}}
		}
		return nil
	}
	tokens := tokenize(text)
	found := slices.ContainsFunc(tokens, func(t token) bool { return t.kind == addressToken })
	if !found {
		if joined := strings.Map(dropBlank, text); joined != text && address.Recognize(joined) == address.Proving {
			return []piece{{Address: joined}} // "TNZx… DXV5 97Yf…"
		}
	}
	all := assemble(tokens)
	if holdsSecret(text, tokens) {
		return withSecret(text, all)
	}
	if len(all) == 0 && r == address.LikeAddress && len(tokens) <= 1 {
		return []piece{{Address: text, Unread: true}}
	}
	return all
}

// Addresses returns the addresses that a cell holds, and what has the form of one but does not read.
func Addresses(cell string) []string {
	var all []string
	for _, p := range pieces(cell) {
		all = append(all, p.Address)
	}
	return all
}

// plainWord reports whether s holds nothing but ASCII letters and digits: it cannot be split.
func plainWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < '0' || c > '9' && c < 'A' || c > 'Z' && c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// peel removes what surrounds an address in a cell and is part of none: blanks of every script, invisible characters, quotes, full stops,
// commas and brackets.
func peel(s string) string {
	if n := len(s); n > 0 && plainWord(s[:1]) && plainWord(s[n-1:]) {
		return s
	}
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || invisible(r) || strings.ContainsRune("\"'`´.,;:!?*|~()[]{}<>“”‘’‚„«»‹›，；。、：（）【】「」", r)
	})
}

// invisible reports characters without a width: zero-width spaces and joiners, byte order marks, soft hyphens, direction marks.
func invisible(r rune) bool {
	return r > 0x7f && (unicode.Is(unicode.Cf, r) || r == 0x3164 || r == 0x115f || r == 0x1160 || r >= 0xfe00 && r <= 0xfe0f)
}

func dropBlank(r rune) rune {
	if unicode.IsSpace(r) || invisible(r) {
		return -1
	}
	return r
}

type tokenKind uint8

const (
	wordToken tokenKind = iota
	addressToken
	unreadToken // the form of an address, but it does not read
)

// token is a word of a cell.
type token struct {
	text    string
	kind    tokenKind
	segment int  // counts the lines and what stands between ; , and |
	group   int  // counts the segments and what stands in brackets and quotes
	colon   bool // a colon or an equals sign follows
}

// tokenize splits a cell into words.
func tokenize(text string) []token {
	var tokens []token
	segment, group, start := 0, 0, 0
	flush := func(end int) {
		if start < end {
			tokens = classify(tokens, text[start:end], segment, group)
		}
	}
	for i, r := range text {
		switch {
		case strings.ContainsRune("\n\r\v\f;,|\u0085\u2028\u2029；，、。", r):
			flush(i)
			segment++
			group++
		case r == ')': // kept at the end of a word: "1)" numbers a line
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

// minAddress is how long a word among others must be to be taken for an address; Hedera's 0.0.123 apart.
const minAddress = 20

func readsAsAddress(s string) address.Recognition {
	if len(s) < minAddress && !strings.HasPrefix(s, "0.0.") {
		return address.NotAddress
	}
	return address.Recognize(s)
}

// classify appends the word, or the parts of a word that holds addresses: "ETH:0x…", "1Ge6…/3My1…", a link.
func classify(tokens []token, raw string, segment, group int) []token {
	text := peel(raw)
	last := token{text: text, segment: segment, group: group, colon: strings.HasSuffix(raw, ":") || strings.HasSuffix(raw, "=")}
	if text == "" || !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		if len(tokens) > 0 && last.colon { // "ETH :"
			tokens[len(tokens)-1].colon = true
		}
		return tokens
	}
	if len(tokens) == 0 || tokens[len(tokens)-1].segment != segment {
		if len(text) <= 4 && digits(text) && (strings.HasSuffix(raw, ".") || strings.HasSuffix(raw, ")")) {
			return tokens // "1." of a numbered list
		}
	}
	r := readsAsAddress(text)
	switch {
	case hexKey(text) && len(tokens) > 0 && namesNoAddress(tokens[len(tokens)-1].text):
	case r == address.Weak || r == address.Proving:
		last.kind = addressToken
	case isLink(text):
		if held := addressOfLink(text); held != "" {
			tokens = append(tokens, token{text: held, kind: addressToken, segment: segment, group: group})
		}
	case shortened(text):
		last.kind = unreadToken
	default:
		parts, rest := unglue(text)
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
		if parts, ok := split(text, segment, group); ok {
			return append(tokens, parts...)
		}
		if r == address.LikeAddress {
			last.kind = unreadToken
		}
	}
	return append(tokens, last)
}

// namesNoAddress reports words after which 64 hex digits are a transaction or a key.
func namesNoAddress(word string) bool {
	word = strings.ToLower(word)
	switch word {
	case "tx", "txid", "txn", "hash", "transaction", "key", "secret", "priv", "privkey", "private":
		return true
	}
	return false
}

// split cuts a word at its signs. ok is false if no part reads as an address.
func split(text string, segment, group int) (parts []token, ok bool) {
	start := 0
	flush := func(end int, sign byte) {
		if start >= end {
			return
		}
		t := token{text: text[start:end], segment: segment, group: group, colon: sign != 0}
		if start > 0 && text[start-1] == '\\' && strings.IndexByte("nrt", t.text[0]) >= 0 && readsAsAddress(t.text) < address.Weak {
			t.text = t.text[1:] // \n: a line end or a tab, written as in a program
		}
		if r := readsAsAddress(t.text); r == address.Weak || r == address.Proving {
			t.kind, ok = addressToken, true
		} else if r == address.LikeAddress {
			t.kind = unreadToken
		}
		parts = append(parts, t)
	}
	for i := range len(text) {
		if c := text[i]; c < 0x80 && !plainWord(text[i:i+1]) {
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
	return ok && dotted && len(domain) > 1 && plainWord(strings.ReplaceAll(domain, ".", "")) && !digits(strings.ReplaceAll(domain, ".", ""))
}

// addressOfLink returns the address in a link to a block explorer; "" if there is none. What follows tx is a transaction.
func addressOfLink(link string) string {
	weak, before := "", ""
	for _, part := range strings.FieldsFunc(link, func(r rune) bool { return strings.ContainsRune("/?&=#:%", r) }) {
		if before != "tx" && before != "transaction" && before != "block" {
			switch readsAsAddress(part) {
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

// shortened reports an address that was shortened for display: 0x7F36…Be1B.
func shortened(s string) bool {
	head, tail := shownEnds(s)
	return len(head) >= 4 && len(tail) >= 4 && plainWord(head) && plainWord(tail) &&
		strings.ContainsAny(head, "0123456789") && strings.ContainsAny(head+tail, "0123456789")
}

func shownEnds(s string) (head, tail string) {
	for _, gap := range []string{"…", "..."} {
		if head, tail, ok := strings.Cut(s, gap); ok {
			return head, strings.TrimLeft(tail, ".")
		}
	}
	return "", ""
}

// minGlued is how long a word is that can hold more than one address of Ethereum.
const minGlued = 43

// unglue splits a word that begins with addresses that prove themselves, without a separator between them. rest is what follows
// the last.
func unglue(s string) (parts []string, rest string) {
	rest = s
	if !plainWord(s) || len(s) > address.MaxText || strings.Trim(strings.TrimPrefix(s, "0x"), "0123456789abcdefABCDEF") == "" {
		return nil, s
	}
	for len(rest) >= minGlued || len(parts) > 0 && len(rest) >= minAddress {
		n := 25
		for n <= len(rest) && address.Recognize(rest[:n]) != address.Proving {
			n++
		}
		if n > len(rest) {
			break
		}
		parts, rest = append(parts, rest[:n]), rest[n:]
	}
	return parts, rest
}

// withSecret returns the pieces of a cell that holds a key or a seed.
func withSecret(text string, all []piece) []piece {
	var kept []piece
	for _, p := range all {
		if !p.Unread {
			kept = append(kept, piece{Address: p.Address, Note: "a key or seed stood beside it; it is not kept"})
		}
	}
	if len(kept) > 0 && (address.LooksSecret(text) || address.ContainsSecret(text)) {
		kept = slices.Insert(kept, 0, piece{Address: text, Unread: true})
	}
	return kept
}

// holdsSecret reports a private key or a seed beside the addresses of a cell.
func holdsSecret(text string, tokens []token) bool {
	var words []string
	run, numbers := 0, 0
	for _, t := range tokens {
		if t.kind == addressToken {
			continue
		}
		word := strings.TrimFunc(t.text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if seedWord(word) {
			run++
		} else {
			run = 0
		}
		if digits(word) && len(word) <= 3 {
			numbers++
		}
		if run >= 11 || numbers >= 32 || !hexKey(word) && !isLink(word) && (address.LooksSecret(word) || strings.ContainsAny(word, ":=/") && address.ContainsSecret(word)) {
			return true
		}
		words = append(words, word)
	}
	return strings.Contains(text, "-----BEGIN") || address.LooksSecret(strings.Join(words, "")) && !slices.ContainsFunc(words, hexKey)
}

// seedWord reports a word as those of a seed phrase (BIP-39): three to eight letters, all of one case.
func seedWord(s string) bool {
	return len(s) >= 3 && len(s) <= 8 && (strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == "" || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "")
}

// hexKey reports 64 hex digits: a transaction, or a key.
func hexKey(s string) bool {
	s = strings.TrimPrefix(s, "0x")
	return len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// words is a run of words between addresses.
type words struct {
	label, note string
	colon       bool
}

// wordsOf finds the label and the note in a run of words.
func wordsOf(run []token) words {
	var w words
	var all []string
	for _, t := range run {
		text := t.text
		if t.colon && text != "" && !strings.HasSuffix(text, "=") {
			text += ":"
		}
		switch {
		case strings.EqualFold(t.text, "=HYPERLINK") || strings.EqualFold(t.text, "HYPERLINK"):
			continue
		case hexKey(t.text):
			text = "(64 hex digits)"
		case w.label == "" && address.KnownAsset(t.text) && (t.colon || strings.ToUpper(t.text) == t.text && !digits(t.text)):
			w.label = t.text
			w.colon = t.colon
			continue
		}
		all = append(all, text)
		w.colon = t.colon
	}
	w.note = strings.TrimRight(strings.Join(all, " "), ":")
	if w.label == "" && address.KnownAsset(w.note) && !digits(w.note) {
		w.label, w.note = w.note, ""
	}
	return w
}

// assemble makes pieces of the addresses and gives each the words that belong to it.
func assemble(tokens []token) []piece {
	var all []piece
	var next words    // for the address that follows
	sticky := ""      // a label that holds for the addresses that follow: "ETH:" above them
	repeated := false // the last address stood in the cell before
	addPrevious := func(w words) bool {
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
			w := wordsOf(tokens[i:end])
			opens := i == 0 || tokens[i-1].segment != t.segment // nothing stands before it in its segment
			follows := end < len(tokens) && tokens[end].kind != wordToken && tokens[end].segment == t.segment
			alone := opens && (end == len(tokens) || tokens[end].segment != t.segment)
			if w.colon && w.label != "" && alone {
				sticky = w.label
			}
			if w.colon || opens && follows || !addPrevious(w) {
				next = words{next.label + pick(next.label == "", w.label), joinNote(next.note, w.note), w.colon}
			}
			i = end
			continue
		}
		i++
		repeated = slices.ContainsFunc(all, func(p piece) bool { return sameText(p.Address, t.text) })
		if !repeated {
			all = append(all, piece{t.text, next.label + pick(next.label == "", sticky), next.note, t.kind == unreadToken})
		}
		next = words{}
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
	return dropShown(all)
}

func pick(ok bool, s string) string {
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

// sameText compares two words of a cell: hexadecimal addresses without case.
func sameText(a, b string) bool {
	return a == b || strings.HasPrefix(a, "0x") && strings.EqualFold(a, b)
}

// dropShown leaves out a shortened address beside the whole one: 0x7F36…Be1B as the text of a link.
func dropShown(all []piece) []piece {
	return slices.DeleteFunc(all, func(p piece) bool {
		head, tail := shownEnds(p.Address)
		return p.Unread && head != "" && slices.ContainsFunc(all, func(whole piece) bool {
			return !whole.Unread && len(whole.Address) > len(head)+len(tail) && sameText(whole.Address[:len(head)], head) &&
				strings.EqualFold(whole.Address[len(whole.Address)-len(tail):], tail)
		})
	})
}
