package build

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

// intake turns rows into records, and counts what it finds.
type intake struct {
	list         *lists.List       // with its defaults
	dates        *lists.DeltaDates // of rows without a date; nil: none are known
	sorter       *sorter
	draft        *draft
	attributions map[[16]byte]uint32 // numbers of the attributions so far, by content
	quarantine   func(lists.Quarantined) error

	rows       lists.Rows
	labels     map[string]int // unknown asset and network labels
	words      map[word]int   // unknown categories and confidences
	secrets    int            // rows that hold secret material
	scrubbed   int            // rows that held secret material beside their address
	lowerCased int            // rows that look like base58 in lower case
	mixedCase  int            // rows with capital letters, as base58 has them
	unread     int            // rows that hold something like an address and were not read
	notes      noteCounts
	delta      delta
	readings   []address.Address
	links      []address.Link
	buf        []byte
}

func newIntake(list lists.List, dir string, d *draft, quarantine func(lists.Quarantined) error) *intake {
	return &intake{list: &list, sorter: newSorter(dir), draft: d, attributions: map[[16]byte]uint32{}, quarantine: quarantine,
		labels: map[string]int{}, words: map[word]int{}}
}

// noteCounts counts the rows that were read although something about their address is wrong.
type noteCounts struct{ contradicted, lookalikes, letterCase int }

func (n *noteCounts) add(notes address.ListedNotes) {
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

// maxAttributions is how many distinct attributions are remembered. Beyond that the memory is cleared, and an attribution that is repeated is
// stored again: the layer is larger, and not wrong.
const maxAttributions = 300_000

const (
	// MaxField is the longest field of a listing that is kept, in bytes.
	MaxField  = 4096
	maxQuoted = 80 // bytes of a field that is quoted in a message; a digest has 71
)

// add takes the next row of the upload.
func (in *intake) add(r *formats.Row) error {
	in.rows.Read++
	r.Locator, r.Problem = address.Recordable(r.Locator), address.Recordable(r.Problem)
	switch {
	case r.Removed:
		return in.delta.markRemoved(r)
	case r.Partial:
		return in.delta.postpone(r, in.rows.Read)
	}
	return in.addListing(r, in.rows.Read)
}

// addListing turns the nth row of a file into records.
func (in *intake) addListing(r *formats.Row, n int) error {
	a := in.attributionOf(r)
	prefix, locator, hasLocator := splitLocator(r.Locator)
	a.LocatorPrefix = lists.PlainText(prefix)

	problem, reason := r.Problem, "bad_row"
	var err error
	var notes address.ListedNotes
	in.readings, notes, err = address.ParseListed(in.readings[:0], r.Address, r.Network, r.Asset)
	var bad *address.Error
	switch {
	case err == nil:
		a.Network = notes.Network
		in.notes.add(notes)
		if problem == "" && hasUpper(r.Address) {
			in.mixedCase++
		}
	case errors.As(err, &bad):
		reason = string(bad.Reason)
		if IsSecret(r.Address, err) {
			return in.quarantineSecret(r)
		}
		if lowerCasedBase58(r.Address) {
			in.lowerCased++
		}
		problem = cmp.Or(problem, bad.Detail, reason)
	default:
		return err
	}
	if r.Unread {
		problem = cmp.Or(problem, "address: something like an address was not read")
	}
	if problem != "" {
		if err := in.quarantineRow(r, reason, problem); err != nil || r.Address == "" {
			return err
		}
	}
	attribution, digest, err := in.attribution(&a)
	if err != nil {
		return err
	}
	rec := record{seq: uint64(n), main: true, raw: problem != "", digest: digest}
	ref := lists.Ref{Attribution: attribution, Locator: locator, HasLocator: hasLocator}
	return in.putReadings(&rec, ref, strings.Trim(r.Address, " \t\r\n"), notes.AsText())
}

// attributionOf returns what a row says of its address, and counts the labels and words that are unknown.
func (in *intake) attributionOf(r *formats.Row) lists.Attribution {
	dropped := dropSecrets(r)
	category := oneOf(lists.Categories, r.Category)
	if category == "" {
		in.unknownWord("category", r.Category, r)
	}
	confidence := oneOf(lists.Confidences, r.Confidence)
	if confidence == "" {
		in.unknownWord("confidence", r.Confidence, r)
	}
	for _, label := range []*string{&r.Asset, &r.Network} {
		if *label == "" || address.KnownAsset(*label) {
			continue
		}
		if len(in.labels) < 1000 {
			in.labels[printableLabel(*label)]++
		}
		if address.HoldsSecret(*label) {
			*label, dropped = "", true // a key in the wrong column
		}
	}
	if dropped {
		in.scrubbed++
	}
	field := func(s string) string { return lists.Truncate(lists.PlainText(s), MaxField) }
	a := lists.Attribution{
		Network: field(r.Network), Asset: field(r.Asset),
		Entity:   lists.Entity{ID: field(r.EntityID), Name: field(r.EntityName), Type: field(r.EntityType)},
		Category: category, Confidence: confidence, Programs: plainTexts(r.Programs), Incident: field(r.Incident),
		ListedOn: r.ListedOn, ValidUntil: r.ValidUntil, URL: field(r.URL), Note: field(r.Note),
	}
	if in.dates != nil && a.ListedOn == "" {
		date, publication := in.dates.ListedOn(lists.DeltaAddress{Entity: r.EntityID, Asset: r.Asset, Address: r.Address})
		if date != "" {
			a.ListedOn, a.ListedOnFrom = date, "delta archive, publication "+lists.PlainText(publication)
		}
	}
	return a
}

// plainTexts is lists.PlainText for several texts, which it does not change in place: rows share them.
func plainTexts(texts []string) []string {
	for i, text := range texts {
		if plain := lists.PlainText(text); plain != text {
			texts = slices.Clone(texts)
			texts[i] = plain
		}
	}
	return texts
}

// quarantined describes a row that was not read, without its address.
func quarantined(r *formats.Row, reason, detail string) lists.Quarantined {
	field := func(s string) string { return lists.Truncate(lists.PlainText(s), maxQuoted) }
	return lists.Quarantined{Locator: lists.PlainText(r.Locator), Network: field(r.Network), Asset: field(r.Asset), Entity: field(r.EntityName),
		Reason: reason, Detail: lists.PlainText(detail)}
}

// quarantineSecret leaves out a row that holds a key or seed.
func (in *intake) quarantineSecret(r *formats.Row) error {
	in.secrets++
	in.rows.Quarantined++
	return in.quarantine(quarantined(r, string(address.SecretMaterial), "the cell holds a key or seed; of its text only the digest is kept: "+address.Digest(r.Address)))
}

// quarantineRow records a row that was not read. Its text, if it has one, is screened byte for byte.
func (in *intake) quarantineRow(r *formats.Row, reason, problem string) error {
	q := quarantined(r, reason, problem)
	q.Address, q.Active = lists.Truncate(r.Address, MaxField), r.Address != ""
	q.Unread = r.Unread || len(in.readings) == 0 && likeAddress(r.Address)
	if q.Unread {
		in.unread++
	}
	in.rows.Quarantined++
	return in.quarantine(q)
}

// putReadings puts the references of a row under the keys of its readings and their links. A text without a reading is put under its bytes, and
// so is one that was repaired.
func (in *intake) putReadings(rec *record, ref lists.Ref, text string, repaired bool) error {
	for i := range in.readings {
		p := &in.readings[i]
		own := ref
		own.Variant, own.Also = p.Variant, i > 0
		own.Text, own.Lower = listedForm(p, text)
		if err := in.put(rec, p.Key, &own); err != nil {
			return err
		}
		rec.main = false
		if i == 0 || !address.SameLinks(p, &in.readings[i-1]) {
			in.links = address.Links(in.links[:0], p, address.Listed)
		}
		for _, link := range in.links {
			linked := own
			linked.Role, linked.Own = link.Role, p.Key
			if err := in.put(rec, link.Key, &linked); err != nil {
				return err
			}
		}
	}
	if len(in.readings) > 0 && !repaired {
		return nil
	}
	raw := ref
	raw.Variant, raw.Also, raw.Text = address.VariantRaw, repaired, text
	return in.put(rec, address.RawKey(text), &raw)
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

// unknownWord counts a word that the field does not know, and keeps it in the note of the row. The list's default applies.
func (in *intake) unknownWord(field, text string, r *formats.Row) {
	if text == "" {
		return
	}
	w := word{field, printableLabel(text)}
	if _, met := in.words[w]; !met && len(in.words) >= 1000 {
		w.text = "(others)"
	}
	in.words[w]++
	if r.Note != "" {
		r.Note += "; "
	}
	r.Note += field + ": " + lists.Truncate(text, maxQuoted)
}

// unknownWords returns how many rows hold an unknown word in a field, and the most frequent words with their counts.
func (in *intake) unknownWords(field string) (rows int, shown string) {
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

// listedForm returns how the published text differs from the canonical one.
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

// attribution adds an attribution to the layer, if it is new, and returns its number. The digest is of its content, not of its place in the
// file.
func (in *intake) attribution(a *lists.Attribution) (number uint32, digest uint64, err error) {
	sum := contentSum(in.list, a)
	digest = digestOfSum(a, &sum)
	b := binary.BigEndian.AppendUint64(sum[8:], digest)
	b = append(append(b, a.SHA256...), a.LocatorPrefix...)
	if a.ListedOnFrom != "" {
		b = append(append(b, a.ListedOn...), a.ListedOnFrom...)
	}
	key := sha256.Sum256(b)
	short := [16]byte(key[:16])
	if n, ok := in.attributions[short]; ok {
		return n, digest, nil
	}
	if len(in.attributions) >= maxAttributions {
		clear(in.attributions)
	}
	if b, err = json.Marshal(a); err != nil {
		return 0, 0, err
	}
	if number, err = in.draft.attribution(b); err != nil {
		return 0, 0, err
	}
	in.attributions[short] = number
	return number, digest, nil
}

// contentSum returns the SHA-256 of an attribution's fields, without the place in the file. The list's defaults stand in for category and
// confidence.
func contentSum(list *lists.List, a *lists.Attribution) [32]byte {
	var buf [512]byte
	b := buf[:0]
	for _, s := range [...]string{a.Network, a.Asset, a.Entity.ID, a.Entity.Name, a.Entity.Type, string(cmp.Or(a.Category, list.Category)),
		string(cmp.Or(a.Confidence, list.Confidence)), a.Incident, a.Dated(), a.ValidUntil, a.URL, a.Note} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, s := range a.Programs {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}

// defaultBits of a digest are set when the attribution leaves its category or its confidence to the list's defaults. Two rows that differ in
// these bits only have the same meaning until the settings of the list change.
const defaultBits = 3

func contentDigest(list *lists.List, a *lists.Attribution) uint64 {
	sum := contentSum(list, a)
	return digestOfSum(a, &sum)
}

func digestOfSum(a *lists.Attribution, sum *[32]byte) uint64 {
	digest := binary.BigEndian.Uint64(sum[:]) &^ defaultBits
	if a.Category == "" {
		digest |= 1
	}
	if a.Confidence == "" {
		digest |= 2
	}
	return digest
}

// splitLocator splits a locator into the prefix, which many rows share, and the number at its end.
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

// lowerCasedBase58 reports whether a text looks like a base58 address that was converted to lower case.
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

// checkLetterCase returns an error if the file was converted to lower case, which destroys its base58 addresses.
func (in *intake) checkLetterCase() error {
	if in.lowerCased >= 10 && in.lowerCased > 9*in.mixedCase {
		return fault.E(fault.Invalid, "%d addresses are base58 in lower case, and %d have capital letters: the file was converted to lower case, "+
			"which destroys Bitcoin, Tron, Solana and other addresses; get the list from its publisher", in.lowerCased, in.mixedCase)
	}
	return nil
}

// printableLabel returns a label as a warning shows it. A long text that is no label may be a key in the wrong column.
func printableLabel(s string) string {
	if len(s) > 20 {
		return fmt.Sprintf("(a text of %d bytes)", len(s))
	}
	return lists.PlainText(s)
}
