package address

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/tyler-smith/go-bip39/wordlists"
	"golang.org/x/text/unicode/norm"
)

// wholeSecret recognises secrets that consist of several words: the text is replaced as a whole.
func wholeSecret(text string, s *sketch) certainty {
	if strings.Contains(text, "-----BEGIN") || s.long && strings.Contains(text, "ciphertext") && strings.Contains(text, "{") {
		return surelySecret // a key file: PEM and its relatives; Ethereum's keystore
	}
	if s.mayHoldPhrase() && holdsPhrase(text) {
		return surelySecret
	}
	if s.mayHoldPieces() && holdsByteArray(text) {
		return surelySecret
	}
	if c := splitKey(strings.TrimSpace(text), s); c != notSecret {
		return c
	}
	if s.mayHoldPieces() && holdsHexGroups(text) {
		return maybeSecret
	}
	return notSecret
}

const (
	// seedRun is how many words of one list must follow one another. BIP-39 has 12 to 24, of which some may be missing.
	seedRun = 9
	// wholeRun is how many follow one another in a whole phrase. Shorter runs are sentences if they have more than maxCommon of the words that English
	// sentences are made of: "this will help you later when you stumble across".
	wholeRun, maxCommon = 12, 2
	// minJoined is the length of the shortest seedRun words without anything between them.
	minJoined = seedRun * minSeedWord
	// The words of BIP-39 in English have three to eight letters.
	minSeedWord, maxSeedWord = 3, 8
)

// seedWord says in which lists a word is. Its lowest bits are the lists of BIP-39, english the first of them.
type seedWord uint16

const (
	english      seedWord = 1
	maxLanguages          = 9 // lists of BIP-39
	frequent     seedWord = 1 << 14
	function     seedWord = 1 << 15
)

// seedTable returns the words of all lists of BIP-39, those of them that are frequent in English sentences, and those without which hardly
// any English text of twelve words is written; in small letters and composed characters.
var seedTable = sync.OnceValue(func() map[string]seedWord {
	all := make(map[string]seedWord, maxLanguages*2048)
	for i, list := range [maxLanguages][]string{wordlists.English, wordlists.Japanese, wordlists.Korean, wordlists.Spanish, wordlists.French, wordlists.Italian,
		wordlists.Czech, wordlists.ChineseSimplified, wordlists.ChineseTraditional} {
		for _, word := range list {
			all[norm.NFKC.String(word)] |= english << i
		}
	}
	for word := range strings.FieldsSeq("about above across after again all also always any around because before between can could down end few first find from have " +
		"help into just know later like make more most much must need never next now off only other over own people should some such than that then there they " +
		"this time try under until use very way what when where which will with work year you your") {
		all[word] |= frequent
	}
	for word := range strings.FieldsSeq("the and that for was with are this from not but have has had were been which their they will can may its who his her all one " +
		"also any other than then when where there these those into over under after before since because while through about between during per via our your you " +
		"she him them being does did should would could must only more most such same very some each both") {
		all[word] |= function
	}
	return all
})

// phrase looks for a seed phrase in the words of a text.
type phrase struct {
	runs   [maxLanguages]uint8 // words of each list of BIP-39 that follow one another
	common uint8               // of the run in English

	// plain counts words in small letters with only white space between them, none of which is a function word: a phrase of a list that
	// is not known here, such as Monero's. The words are text[from:to].
	plain, from, to int
	// short counts words of one to four capital letters with only white space between them: RFC 1751 writes a key of 16 bytes as twelve.
	short int
}

const (
	moneroShort = 13 // words, the last of which is a checksum: it repeats one of the others. A whole phrase has 25
	plainWords  = 20 // SLIP-39 has 20 or 33
	shortWords  = 12
)

// holdsPhrase reports whether a text holds a seed phrase: words of a list of BIP-39 with anything but other words between them, or none
// at all ("legalWinnerThank…"), or a phrase of another list.
func holdsPhrase(text string) bool {
	if !isASCII(text) {
		text = norm.NFKC.String(text)
	}
	words := seedTable()
	var p phrase
	var room [64]byte
	for i := 0; i < len(text); {
		start, capitals, foreign := i, 0, false
		word := room[:0]
		for i < len(text) {
			c := text[i]
			if c < utf8.RuneSelf {
				if classes[c] != classLetter {
					break
				}
				if c <= 'Z' {
					capitals++
				}
				word = append(word, lower(c))
				i++
				continue
			}
			r, n := utf8.DecodeRuneInString(text[i:])
			if !unicode.IsLetter(r) && !unicode.IsMark(r) {
				break
			}
			foreign = true
			word = utf8.AppendRune(word, unicode.ToLower(r))
			i += n
		}
		if len(word) == 0 {
			if !isSpace(text[i]) && p.gap(text) {
				return true
			}
			i++
			continue
		}
		of := words[string(word)]
		if p.known(of) || of == 0 && len(word) >= minJoined && joinedWords(word) >= seedRun {
			return true
		}
		if p.unknown(text, start, i, of, !foreign && capitals == 0, !foreign && capitals == i-start) {
			return true
		}
	}
	return p.gap(text)
}

// known counts a word of the lists of BIP-39. It reports whether a phrase is complete.
func (p *phrase) known(of seedWord) bool {
	if of&(1<<maxLanguages-1) == 0 {
		p.runs, p.common = [maxLanguages]uint8{}, 0
		return false
	}
	if of&english == 0 {
		p.common = 0
	} else if of&frequent != 0 {
		p.common++
	}
	for k := range p.runs {
		if of&(english<<k) == 0 {
			p.runs[k] = 0
		} else if p.runs[k]++; p.runs[k] >= wholeRun || p.runs[k] >= seedRun && (k > 0 || p.common <= maxCommon) {
			return true
		}
	}
	return false
}

// unknown counts the word text[start:end] of a list that is not known here. It reports whether a phrase ends before it.
func (p *phrase) unknown(text string, start, end int, of seedWord, small, large bool) bool {
	n := end - start
	plain, short := small && n >= minSeedWord && n <= 16 && of&function == 0, large && n <= 4
	if (p.plain > 0 && !plain || p.short > 0 && !short) && p.gap(text) {
		return true
	}
	switch {
	case short:
		p.short++
	case plain:
		if p.plain == 0 {
			p.from = start
		}
		p.plain++
		p.to = end
	}
	return false
}

// gap ends the runs that have only white space between their words. It reports whether one of them is a phrase.
func (p *phrase) gap(text string) bool {
	plain, short := p.plain, p.short
	p.plain, p.short = 0, 0
	switch {
	case plain >= plainWords || short == shortWords || short == 2*shortWords:
		return true
	case plain == moneroShort:
		words := strings.Fields(text[p.from:p.to])
		return slices.Contains(words[:len(words)-1], words[len(words)-1])
	}
	return false
}

// joinedWords returns the number of words of BIP-39 in English that follow one another in a text of small letters; it stops at seedRun.
func joinedWords(text []byte) (most int) {
	words := seedTable()
	ending := make([]int, len(text)+1) // how many words end at each position
	for i := range text {
		for n := minSeedWord; n <= maxSeedWord && i+n <= len(text); n++ {
			if words[string(text[i:i+n])]&english != 0 {
				ending[i+n] = max(ending[i+n], ending[i]+1)
				if most = max(most, ending[i+n]); most >= seedRun {
					return most
				}
			}
		}
	}
	return most
}

// splitKey says whether a text is nothing but a key with blanks or line ends in it.
func splitKey(text string, s *sketch) certainty {
	if s.digits < 3 || len(text) > 2*MaxText || strings.IndexFunc(text, unicode.IsSpace) < 0 {
		return notSecret
	}
	var room [2 * MaxText]byte
	joined := room[:0]
	for i := range len(text) {
		switch c := text[i]; {
		case isSpace(c):
		case classes[c] == 0 || c >= utf8.RuneSelf:
			return notSecret
		default:
			joined = append(joined, c)
		}
	}
	key := string(joined)
	switch digits, _ := without0x(key); {
	case len(digits) == 64 && isHex(digits):
		return maybeSecret
	case mayBeKeyLength(len(key)) && !isHex(digits) && isKeyForm(key):
		return surelySecret
	}
	return notSecret
}

// holdsByteArray reports whether a text has 32 or more numbers below 256 with only commas and white space between them, as in the key file of
// a command-line wallet. Of 32 random bytes at least 8 have three digits.
func holdsByteArray(text string) bool {
	n, large := 0, 0
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ',' || isSpace(c):
			i++
			continue
		case classes[c] != classDigit:
			n, large = 0, 0
			i++
			continue
		}
		start := i
		for i < len(text) && classes[text[i]]&(classDigit|classLetter) != 0 {
			i++
		}
		if !isByte(text[start:i]) {
			n, large = 0, 0
			continue
		}
		if i-start > 2 {
			large++
		}
		if n++; n >= 32 && large >= 8 {
			return true
		}
	}
	return false
}

// isByte reports whether a text is a number below 256, decimal or with 0x.
func isByte(text string) bool {
	if digits, has0x := without0x(text); has0x {
		return len(digits) <= 2 && isHex(digits)
	}
	return len(text) <= 3 && strings.Trim(text, "0123456789") == "" && (len(text) < 3 || text <= "255")
}

// holdsHexGroups reports whether a text has the hex digits of a key in groups with the same character between them: "e8f3 2e72 …",
// "e8:f3:…". UUIDs are not.
func holdsHexGroups(text string) bool {
	digits, letters := 0, 0
	var between byte
	var sizes []int
	for i := 0; i < len(text); {
		start := i
		for i < len(text) && classes[text[i]]&(classDigit|classLetter) != 0 {
			i++
		}
		group := text[start:i]
		if len(group) > 1 && len(group) <= 32 && isHex(group) {
			digits += len(group)
			letters += len(group) - len(strings.Map(dropHexLetter, group))
			sizes = append(sizes, len(group))
			if n := len(sizes); n >= 5 && slices.Equal(sizes[n-5:], []int{8, 4, 4, 4, 12}) {
				digits, letters, sizes = 0, 0, sizes[:0]
			}
			if digits >= minHexKey && letters >= digits/8 {
				return true
			}
		} else {
			digits, letters, sizes = 0, 0, sizes[:0]
		}
		if i == len(text) {
			break
		}
		c := text[i]
		for i++; isSpace(c) && i < len(text) && isSpace(text[i]); i++ {
		}
		if isSpace(c) {
			c = ' '
		}
		if len(sizes) > 1 && c != between || strings.IndexByte(" :-.,_", c) < 0 {
			digits, letters, sizes = 0, 0, sizes[:0]
		}
		between = c
	}
	return false
}

// dropHexLetter is for strings.Map.
func dropHexLetter(r rune) rune {
	if r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F' {
		return -1
	}
	return r
}
