package loader

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/formats"
)

// intake turns rows into records, and keeps count of what it meets.
type intake struct {
	list   *lists.List
	sorter *sorter
	// attributions given out so far, by content: the number, and a function that stores a new one.
	numbers map[[16]byte]uint32
	next    uint32
	store   func(number uint32, record []byte) error
	// quarantine receives every row that did not parse.
	quarantine func(Quarantined) error

	rows      lists.Rows
	labels    map[string]int // unknown asset and network labels
	words     map[word]int   // of categories and confidences that are unknown
	refused   int            // rows that hold secret material
	lowered   int            // rows that are base58 in lower case
	unread    int            // rows that hold something like an address and were not read
	noted     noted
	withUpper int                           // rows whose base58 has capitals, as it must
	gone      map[string]int                // locators that a delta takes away, and by how many rows
	met       map[string]bool               // of them, those that stood in the active version
	unmet     int                           // rows that take away what did not
	partial   []partialRow                  // of a delta, until the active version has been read
	replaced  map[string]*lists.Attribution // the listings that partial rows replace, by locator; nil until they are met
	readings  []address.Address
	links     []address.Link
	buf       []byte
}

// noted counts the rows that were read although something about their address is wrong.
type noted struct{ contradicted, lookalikes, letterCase int }

func (n *noted) add(notes address.ListedNotes) {
	if notes.Contradicted {
		n.contradicted++
	}
	if notes.Lookalikes {
		n.lookalikes++
	}
	if notes.LetterCase {
		n.letterCase++
	}
}

// Quarantined is a row that did not parse, and why. It stays active as a raw match unless Active is false:
// then it has no text to match, or one that must not be kept.
type Quarantined struct {
	Locator string `json:"locator"`
	Address string `json:"address"`
	Network string `json:"network,omitempty"`
	Asset   string `json:"asset,omitempty"`
	Entity  string `json:"entity,omitempty"`
	Reason  string `json:"reason"`
	Detail  string `json:"detail"`
	Active  bool   `json:"active"`
	// Unread marks a row that holds something like an address: a version with such a row does not go live before a person has looked.
	Unread bool `json:"unread,omitempty"`
}

// maxAttributions is how many distinct attributions are remembered. Beyond it the memory starts anew, and
// an attribution that comes again is stored again: larger, never wrong.
const maxAttributions = 300_000

const maxField = 4096

func (in *intake) row(r *formats.Row) error {
	in.rows.Read++
	switch {
	case r.Removed:
		return in.leave(r)
	case r.Partial:
		return in.wait(r)
	}
	return in.take(r, in.rows.Read)
}

// take turns the nth row of a file into records.
func (in *intake) take(r *formats.Row, n int) error {
	problem, reason := r.Problem, "bad_row"
	category := oneOf(lists.Categories, r.Category)
	if category == "" {
		in.strange("category", r.Category, r)
	}
	confidence := oneOf(lists.Confidences, r.Confidence)
	if confidence == "" {
		in.strange("confidence", r.Confidence, r)
	}
	for _, label := range []*string{&r.Asset, &r.Network} {
		if *label == "" || address.KnownAsset(*label) {
			continue
		}
		if len(in.labels) < 1000 {
			in.labels[shownLabel(*label)]++
		}
		if address.LooksSecret(*label) || address.DressedSecret(*label) {
			*label = "" // a key in the wrong column
		}
	}
	prefix, number, hasNumber := splitLocator(r.Locator)
	a := lists.Attribution{
		Network: long(r.Network), Asset: long(r.Asset),
		Entity:   lists.Entity{ID: long(r.EntityID), Name: long(r.EntityName), Type: long(r.EntityType)},
		Category: category, Confidence: confidence, Programs: r.Programs, Incident: long(r.Incident),
		ListedOn: r.ListedOn, ValidUntil: r.ValidUntil, URL: long(r.URL), Note: long(r.Note), LocatorPrefix: prefix,
	}

	var err error
	var notes address.ListedNotes
	in.readings, notes, err = address.ParseListed(in.readings[:0], r.Address, r.Network, r.Asset)
	var bad *address.Error
	switch {
	case err == nil:
		a.Network = notes.Network
		in.noted.add(notes)
		if problem == "" && hasUpper(r.Address) {
			in.withUpper++
		}
	case errors.As(err, &bad):
		reason = string(bad.Reason)
		// 64 hex digits may be a key, and OFAC lists such a text: a published one is kept.
		if (bad.Reason == address.SecretMaterial || address.DressedSecret(r.Address)) && !hex64(r.Address) {
			in.refused++
			in.rows.Quarantined++
			return in.quarantine(Quarantined{Locator: r.Locator, Network: clip(r.Network), Asset: clip(r.Asset),
				Entity: clip(r.EntityName), Reason: string(address.SecretMaterial), Detail: "the cell holds a key or seed; it is not kept"})
		}
		if lowerCasedBase58(r.Address) {
			in.lowered++
		}
		problem = problemOr(problem, bad.Detail)
		if problem == "" {
			problem = reason
		}
	default:
		return err
	}
	if r.Unread {
		problem = problemOr(problem, "address: something like an address was not read")
	}
	if problem != "" {
		unread := r.Unread || len(in.readings) == 0 && likeAddress(r.Address)
		if unread {
			in.unread++
		}
		in.rows.Quarantined++
		q := Quarantined{Locator: r.Locator, Address: long(r.Address), Network: clip(r.Network), Asset: clip(r.Asset),
			Entity: clip(r.EntityName), Reason: reason, Detail: problem, Active: r.Address != "", Unread: unread}
		if err := in.quarantine(q); err != nil || r.Address == "" {
			return err
		}
	}
	attribution, digest, err := in.attribution(&a)
	if err != nil {
		return err
	}
	rec := record{seq: uint64(n), main: true, raw: problem != "", digest: digest}
	ref := lists.Ref{Attribution: attribution, Locator: number, HasLocator: hasNumber}
	if len(in.readings) == 0 {
		ref.Variant, ref.Text = address.VariantRaw, strings.Trim(r.Address, " \t\r\n")
		return in.put(&rec, address.RawKey(r.Address), &ref)
	}
	for i := range in.readings {
		p := &in.readings[i]
		own := ref
		own.Variant, own.Also = p.Variant, i > 0
		own.Text, own.Lower = listedForm(p, strings.Trim(r.Address, " \t\r\n"))
		if err := in.put(&rec, p.Key, &own); err != nil {
			return err
		}
		rec.main = false
		in.links = address.Links(in.links[:0], p, address.Listed)
		for _, link := range in.links {
			further := own
			further.Role, further.Own = link.Role, p.Key
			if err := in.put(&rec, link.Key, &further); err != nil {
				return err
			}
		}
	}
	if notes.AsText() { // the text as it was published is found, too
		own := ref
		own.Variant, own.Also, own.Text = address.VariantRaw, true, strings.Trim(r.Address, " \t\r\n")
		return in.put(&rec, address.RawKey(r.Address), &own)
	}
	return nil
}

// word is a value of a field that has a fixed set of them.
type word struct{ field, text string }

// oneOf finds a word of any letter case; "" if it is none of the known ones.
func oneOf[T ~string](known []T, text string) T {
	if text == "" {
		return ""
	}
	for _, k := range known {
		if strings.EqualFold(string(k), text) {
			return k
		}
	}
	return ""
}

// strange counts a word that is none of its field, and keeps it in the note of the row. The default of the list holds.
func (in *intake) strange(field, text string, r *formats.Row) {
	if text == "" {
		return
	}
	w := word{field, shownLabel(text)}
	if _, met := in.words[w]; !met && len(in.words) >= 1000 {
		w.text = "(others)"
	}
	in.words[w]++
	if address.LooksSecret(text) || address.DressedSecret(text) {
		return // a key in the wrong column
	}
	if r.Note != "" {
		r.Note += "; "
	}
	r.Note += field + ": " + clip(text)
}

// strangeWords returns how many rows hold an unknown word of a field, and the commonest words with their counts.
func (in *intake) strangeWords(field string) (rows int, shown string) {
	var words []word
	for w, n := range in.words {
		if w.field == field {
			rows += n
			words = append(words, w)
		}
	}
	slices.SortFunc(words, func(a, b word) int {
		return cmp.Or(in.words[b]-in.words[a], strings.Compare(a.text, b.text))
	})
	const most = 10
	var parts []string
	for _, w := range words[:min(most, len(words))] {
		parts = append(parts, fmt.Sprintf("%q (%d)", w.text, in.words[w]))
	}
	if n := len(words) - most; n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more words", n))
	}
	return rows, strings.Join(parts, ", ")
}

func (in *intake) put(rec *record, key address.Key, ref *lists.Ref) error {
	rec.key, rec.hash = key, lists.Hash(key)
	in.buf = lists.AppendRef(in.buf[:0], ref)
	rec.ref = in.buf
	return in.sorter.add(rec)
}

// listedForm tells how the published text differs from the canonical one.
func listedForm(a *address.Address, text string) (stored string, lower bool) {
	_, canonical, ok := address.Render(a.Key, a.Variant)
	switch {
	case ok && text == canonical:
		return "", false
	case ok && text == strings.ToLower(canonical):
		return "", true
	}
	return text, false
}

// attribution numbers an attribution; the digest is of what it says, not of where it stands in the file.
func (in *intake) attribution(a *lists.Attribution) (number uint32, digest uint64, err error) {
	sum := contentSum(in.list, a)
	digest = digestOfSum(a, &sum)
	b := binary.BigEndian.AppendUint64(sum[8:], digest)
	key := sha256.Sum256(append(append(b, a.SHA256...), a.LocatorPrefix...))
	short := [16]byte(key[:16])
	if n, ok := in.numbers[short]; ok {
		return n, digest, nil
	}
	if len(in.numbers) >= maxAttributions {
		clear(in.numbers)
	}
	number = in.next
	in.next++
	in.numbers[short] = number
	if b, err = json.Marshal(a); err != nil {
		return 0, 0, err
	}
	return number, digest, in.store(number, b)
}

// contentSum is the SHA-256 over what an attribution of a list says: all fields but the place in the file, with the list's defaults for what it
// leaves open.
func contentSum(list *lists.List, a *lists.Attribution) [32]byte {
	var buf [512]byte
	b := buf[:0]
	for _, s := range [...]string{a.Network, a.Asset, a.Entity.ID, a.Entity.Name, a.Entity.Type, string(cmp.Or(a.Category, list.Category)),
		string(cmp.Or(a.Confidence, list.Confidence)), a.Incident, a.ListedOn, a.ValidUntil, a.URL, a.Note} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, s := range a.Programs {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}

// openBits of a digest say what the attribution leaves to its list: the category, the confidence. Rows that differ in them only say the same
// today, and something else once the settings change.
const openBits = 3

func contentDigest(list *lists.List, a *lists.Attribution) uint64 {
	sum := contentSum(list, a)
	return digestOfSum(a, &sum)
}

func digestOfSum(a *lists.Attribution, sum *[32]byte) uint64 {
	digest := binary.BigEndian.Uint64(sum[:]) &^ openBits
	if a.Category == "" {
		digest |= 1
	}
	if a.Confidence == "" {
		digest |= 2
	}
	return digest
}

// splitLocator parts the number at the end of a locator from what many rows share.
func splitLocator(s string) (prefix string, number uint64, ok bool) {
	i := len(s)
	for i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
		i--
	}
	if i == len(s) || s[i] == '0' && i+1 < len(s) {
		return s, 0, false
	}
	n, err := strconv.ParseUint(s[i:], 10, 64)
	if err != nil {
		return s, 0, false
	}
	return s[:i], n, true
}

func hex64(s string) bool {
	s = strings.TrimPrefix(strings.Trim(s, " \t\r\n"), "0x")
	return len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// lowerCasedBase58 tells a text that looks like a base58 address whose capitals were lost.
func lowerCasedBase58(s string) bool {
	if len(s) < 26 || len(s) > 106 || strings.HasPrefix(s, "0x") {
		return false
	}
	letters := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z':
			letters++
		case c < '0' || c > '9':
			return false
		}
	}
	return letters > len(s)/3
}

func hasUpper(s string) bool {
	if strings.HasPrefix(s, "0x") {
		return false
	}
	return strings.ToLower(s) != s
}

// lowerCasedList refuses a list whose maker destroyed its base58 addresses.
func (in *intake) lowerCasedList() error {
	if in.lowered >= 10 && in.lowered > 9*in.withUpper {
		return fault.E(fault.Invalid, "%d addresses are base58 in lower case, and %d have their capitals: whoever made this file lower-cased it, "+
			"which destroys Bitcoin, Tron, Solana and other addresses; take the list from its publisher", in.lowered, in.withUpper)
	}
	return nil
}

// shownLabel is a label as a warning repeats it: a long one that is none may be a key in the wrong column.
func shownLabel(s string) string {
	if len(s) > 20 {
		return fmt.Sprintf("(a text of %d bytes)", len(s))
	}
	return s
}

func problemOr(problem, other string) string {
	if problem != "" {
		return problem
	}
	return other
}

// clip shortens what is quoted in a message.
func clip(s string) string { return cut(s, 64) }

// long bounds a field that is kept.
func long(s string) string { return cut(s, maxField) }

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
