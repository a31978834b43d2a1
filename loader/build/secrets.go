package build

import (
	"strings"
	"unicode"

	"interdict/lists/address"
	"interdict/loader/formats"
)

// notKept stands in place of a private key, a seed or an API key in the text of a row.
const notKept = "(a key or seed; not kept)"

// minSecret is the length of the shortest key: a seed of the XRP Ledger has 29 characters, or 28.
const minSecret = 28

// dropSecrets takes private keys, seeds and API keys out of the words of a row beside its address: the name, the note, a date that does not
// read. It reports whether there were any.
func dropSecrets(r *formats.Row) (dropped bool) {
	for _, field := range [...]*string{&r.EntityID, &r.EntityName, &r.EntityType, &r.Incident, &r.ListedOn, &r.ValidUntil, &r.URL, &r.Note} {
		if clean, held := withoutSecrets(*field); held {
			*field, dropped = clean, true
		}
	}
	for i, program := range r.Programs {
		if clean, held := withoutSecrets(program); held {
			r.Programs = append(append([]string(nil), r.Programs[:i]...), r.Programs[i:]...) // rows share them
			r.Programs[i], dropped = clean, true
		}
	}
	return dropped
}

// withoutSecrets returns a text with notKept in place of the keys in it. A text that holds a seed phrase is replaced as a whole.
// Links and 64 hex digits stay: they are nearly always transactions.
func withoutSecrets(text string) (clean string, held bool) {
	if len(text) < minSecret {
		return text, false
	}
	if strings.Count(text, " ") >= seedRun-1 && holdsSeed(text) || strings.Contains(text, "-----BEGIN") {
		return notKept, true
	}
	if !holdsLongWord(text) {
		return text, false
	}
	clean = text
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;\"'`()[]<>|", r) }) {
		if len(word) < minSecret || strings.Contains(word, "://") || Hex64(strings.Trim(word, ".:")) {
			continue
		}
		if address.LooksSecret(word) || address.ContainsSecret(word) {
			clean, held = strings.ReplaceAll(clean, word, notKept), true
		}
	}
	return clean, held
}

// holdsLongWord reports a word without a blank that is as long as a key. Most texts have none.
func holdsLongWord(text string) bool {
	start := 0
	for i := range len(text) {
		if text[i] == ' ' {
			start = i + 1
		} else if i+1-start >= minSecret {
			return true
		}
	}
	return false
}

// seedRun is how many words of a seed phrase must follow one another. Prose has shorter and longer words between.
const seedRun = 12

// holdsSeed reports a run of words that have three to eight letters of one case, as those of BIP-39 have.
func holdsSeed(text string) bool {
	run := 0
	for word := range strings.FieldsSeq(text) {
		word = strings.Trim(word, ",;")
		small := strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == ""
		capital := strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
		if len(word) < 3 || len(word) > 8 || !small && !capital {
			run = 0
			continue
		}
		if run++; run >= seedRun {
			return true
		}
	}
	return false
}
