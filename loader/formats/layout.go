package formats

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"interdict/lists/address"
)

// layout maps the columns of a table to fields.
type layout struct {
	header    int // index of the header among the records it was found in; -1 if the table has none
	width     int
	addresses []column
	at        [numFields]int // -1 if the table has no such column; addresses holds the columns of fAddress
	names     [numFields]string
	further   []column // known names whose field is taken by another column: their text goes into the note
	unread    []column // unknown names
	trusted   bool     // a mapping names the columns of addresses
	numbers   []int    // columns of the sheet that the columns are, from 0; nil: their own places
}

// columnName returns how messages call a column that has no name.
func (l *layout) columnName(at int) string {
	if at < len(l.numbers) {
		at = l.numbers[at]
	}
	return fmt.Sprintf("column %d", at+1)
}

// column is one column of a table. label is the asset or network in the name of a column of addresses.
type column struct {
	at          int
	name, label string
}

// maxPreface is the number of records that may precede a header: a title, a date, a remark.
const maxPreface = 10

var errNoHeader = errors.New("no column of addresses found by name or content; name it in the mapping, e.g. address=Wallet No")

// needsMapping is the error of a table with several columns that may be the right one.
type needsMapping struct{ error }

// layoutIn finds the header among the first records of a table, and its columns. Columns of addresses are found by their content,
// and by their names where the content does not decide.
func layoutIn(records [][]string, m *mapping) (*layout, error) {
	if len(records) == 0 {
		return nil, errNoHeader
	}
	data := slices.IndexFunc(records, func(r []string) bool {
		return !isComment(r) && slices.ContainsFunc(r, provesAddress)
	})
	heads := records[:min(maxPreface, len(records))]
	if data >= 0 {
		heads = records[:min(maxPreface, data)]
	}
	var why error
	best := -1
	for i, r := range heads {
		if isComment(r) {
			continue
		}
		if l, err := layoutOf(records, i, m); err == nil {
			return l, nil
		} else if !errors.Is(err, errNoHeader) && why == nil {
			why = err
		}
		if best < 0 || countFilled(r) > countFilled(records[best]) {
			best = i
		}
	}
	switch {
	case why != nil:
		return nil, why
	case len(m.sources[fAddress]) > 0 && best >= 0:
		return nil, fmt.Errorf("mapping: no column %q; the columns are %s", truncate(m.sources[fAddress][0], maxQuoted), joinFirst(quoteNames(records[best])))
	case m.names() || data < 0:
		return nil, errNoHeader
	case best >= 0:
		return layoutBy(records, best, m)
	}
	return headerless(records[data:])
}

// layoutOf returns the layout with record i as the header, if a column of addresses is named in it.
func layoutOf(records [][]string, i int, m *mapping) (*layout, error) {
	named := len(m.sources[fAddress]) > 0
	for _, name := range records[i] {
		if k, ok := fieldsByName[normalizeName(name)]; ok && k.field == fAddress && !named {
			return layoutBy(records, i, m)
		} else if named && slices.ContainsFunc(m.sources[fAddress], func(s string) bool { return normalizeName(s) == normalizeName(name) }) {
			return layoutBy(records, i, m)
		}
	}
	return nil, errNoHeader
}

// layoutBy returns the layout with record i as the header.
func layoutBy(records [][]string, i int, m *mapping) (*layout, error) {
	header := records[i]
	for len(header) > 0 && trim(header[len(header)-1]) == "" && len(header) > 1 {
		header = header[:len(header)-1]
	}
	l := &layout{header: i, width: len(records[i]), trusted: len(m.sources[fAddress]) > 0}
	var err error
	if l.trusted {
		err = l.mapAddresses(header, m)
	} else {
		err = l.findAddresses(header, records[i+1:])
	}
	if err == nil {
		err = l.findFields(header, m)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// mapAddresses finds the columns of addresses that the mapping names.
func (l *layout) mapAddresses(header []string, m *mapping) error {
	for _, source := range m.sources[fAddress] {
		at, err := columnNamed(header, source)
		if err != nil {
			return err
		}
		l.addresses = append(l.addresses, column{at, trim(header[at]), assetIn(header[at])})
	}
	return nil
}

func columnNamed(header []string, name string) (int, error) {
	at := -1
	for i, h := range header {
		if normalizeName(h) != normalizeName(name) {
			continue
		}
		if at >= 0 {
			return 0, fmt.Errorf("the column %q appears twice; rename one", truncate(name, maxQuoted))
		}
		at = i
	}
	if at < 0 {
		return 0, fmt.Errorf("mapping: no column %q; the columns are %s", truncate(name, maxQuoted), joinFirst(quoteNames(header)))
	}
	return at, nil
}

// findFields finds the columns of the other fields by their names.
func (l *layout) findFields(header []string, m *mapping) error {
	taken := make([]bool, len(header))
	for _, c := range l.addresses {
		taken[c.at] = true
	}
	rank := [numFields]int{}
	for f := range l.at {
		l.at[f] = -1
		if field(f) == fAddress || len(m.sources[f]) == 0 {
			continue
		}
		at, err := columnNamed(header, m.sources[f][0])
		if err != nil {
			return err
		}
		l.at[f], l.names[f], taken[at] = at, header[at], true
	}
	for i, name := range header {
		k, ok := fieldsByName[normalizeName(name)]
		if !ok || k.field == fAddress || taken[i] || len(m.sources[k.field]) > 0 {
			continue
		}
		switch at := l.at[k.field]; {
		case at < 0 || k.rank < rank[k.field]:
			l.at[k.field], l.names[k.field], rank[k.field] = i, name, k.rank
		case k.rank == rank[k.field]:
			return fmt.Errorf("the column %q appears twice; rename one", truncate(name, maxQuoted))
		}
	}
	for i, name := range header {
		k, ok := fieldsByName[normalizeName(name)]
		switch {
		case taken[i] || slices.Contains(l.at[:], i):
		case ok && (k.field == fEntity || k.field == fNote || k.field == fURL) || attributes[normalizeName(name)]:
			l.further = append(l.further, column{at: i, name: trim(name)})
		case trim(name) != "":
			l.unread = append(l.unread, column{at: i, name: trim(name)})
		}
	}
	return nil
}

// attributes are the names of columns that belong to an address of XRP, Stellar and others; their text goes into the note.
var attributes = map[string]bool{"destinationtag": true, "desttag": true, "memo": true, "memoid": true, "paymentid": true, "tagmemo": true, "memotag": true}

// columnContent counts the cells of a column by what they hold.
type columnContent struct {
	filled, addresses, proven int
}

// mostly reports whether at least half of the filled cells hold an address.
func (c columnContent) mostly() bool { return c.addresses > 0 && 2*c.addresses >= c.filled }

func contentOf(records [][]string, width int) []columnContent {
	all := make([]columnContent, width)
	for _, r := range records {
		for i, cell := range r[:min(len(r), width)] {
			if cell = trim(cell); cell == "" || isPlaceholder(cell) {
				continue
			}
			all[i].filled++
			if found, proving := addressesIn(cell); found {
				all[i].addresses++
				if proving {
					all[i].proven++
				}
			}
		}
	}
	return all
}

// addressesIn reports whether the beginning of a cell holds an address, readable or not, and whether one of them verifies itself.
func addressesIn(cell string) (found, proven bool) {
	if len(cell) > maxSampled {
		cell = cell[:maxSampled]
	}
	if !mayHoldAddress(cell) {
		return false, false
	}
	for _, p := range splitCell(cell) {
		found = true
		proven = proven || address.Recognize(p.Address) == address.Proving
	}
	return found, proven
}

// maxSampled is the number of bytes of a cell that are examined to find out what its column holds.
const maxSampled = 4 << 10

// provesAddress reports whether a cell holds an address that verifies itself.
func provesAddress(cell string) bool {
	_, proven := addressesIn(trim(cell))
	return proven
}

// isPlaceholder reports whether a cell says that it has no value.
func isPlaceholder(s string) bool {
	switch strings.ToLower(s) {
	case "-", "--", "–", "—", "n/a", "na", "none", "null", "nil", "unknown", "tbd", "?", ".":
		return true
	}
	return false
}

// findAddresses finds the columns of addresses of a table with a header.
func (l *layout) findAddresses(header []string, records [][]string) error {
	held := contentOf(records, len(header))
	var candidates []int
	for i := range header {
		if held[i].mostly() && fieldsByName[normalizeName(header[i])].field != fNote { // prose is read by another format
			candidates = append(candidates, i)
		}
	}
	named := namedAddresses(header)
	for _, i := range named { // a named column with some addresses counts, whatever else it holds
		if held[i].addresses > 0 && !slices.Contains(candidates, i) {
			candidates = append(candidates, i)
		}
	}
	slices.Sort(candidates)
	for _, drop := range []func(i int) bool{
		func(i int) bool { k, ok := fieldsByName[normalizeName(header[i])]; return ok && k.field != fAddress },
		func(i int) bool {
			return held[i].proven == 0 && !slices.Contains(named, i) && assetIn(header[i]) == ""
		},
		func(i int) bool { return isTransactionName(header[i]) && held[i].proven == 0 },
	} {
		if rest := slices.DeleteFunc(slices.Clone(candidates), drop); len(rest) > 0 {
			candidates = rest
		}
	}
	if len(candidates) == 0 {
		switch {
		case len(named) == 0:
			return errNoHeader
		case len(named) > 1 && normalizeName(header[named[0]]) == normalizeName(header[named[1]]):
			return fmt.Errorf("the column %q appears twice; rename one", truncate(header[named[0]], maxQuoted))
		}
		candidates = named[:1]
	}
	var unclear []string
	for _, i := range candidates {
		l.addresses = append(l.addresses, column{i, trim(header[i]), assetIn(header[i])})
		if !isAddressName(header[i]) && assetIn(header[i]) == "" && !repeatsColumn(records, i, named) {
			unclear = append(unclear, header[i])
		}
	}
	if len(candidates) > 1 && len(unclear) > 0 {
		var names []string
		for _, c := range l.addresses {
			names = append(names, c.name)
		}
		shown := quoteNames(names)
		return needsMapping{fmt.Errorf("%d columns hold addresses, and it is not clear which of them belong to the list: %s; name them in the mapping, e.g. address=%s",
			len(candidates), joinFirst(shown), strings.Trim(shown[len(shown)-1], `"`))}
	}
	return nil
}

// namedAddresses returns the columns named as columns of addresses, the likeliest first.
func namedAddresses(header []string) []int {
	var named []int
	for i, name := range header {
		if k, ok := fieldsByName[normalizeName(name)]; ok && k.field == fAddress {
			named = append(named, i)
		}
	}
	slices.SortStableFunc(named, func(a, b int) int {
		return fieldsByName[normalizeName(header[a])].rank - fieldsByName[normalizeName(header[b])].rank
	})
	return named
}

// isAddressName reports whether a name can only mean the addresses of the listed party: "address", "Wallets", "address 2", "other addresses".
func isAddressName(name string) bool {
	name = strings.TrimRight(normalizeName(name), "0123456789")
	for _, word := range []string{"other", "further", "additional", "alternative", "alt", "more", "second", "associated"} {
		name = strings.TrimPrefix(name, word)
	}
	for _, end := range []string{"", "es", "s"} {
		if k, ok := fieldsByName[strings.TrimSuffix(name, end)]; ok && k.field == fAddress {
			return true
		}
	}
	return false
}

// repeatsColumn reports whether a column repeats another one in every row, as a column with the addresses in lower case does.
func repeatsColumn(records [][]string, at int, of []int) bool {
	return slices.ContainsFunc(of, func(other int) bool {
		return other != at && !slices.ContainsFunc(records, func(r []string) bool {
			return len(r) > max(at, other) && !strings.EqualFold(trim(r[at]), trim(r[other]))
		})
	})
}

// assetIn returns the asset or network in the name of a column of addresses: "BTC" of "Adresse (BTC)", "ETH wallet", "btcAddress". It is
// "" if the name has any other words.
func assetIn(name string) string {
	words := labelWords(name)
	if label := strings.Join(words, " "); label != "" && address.KnownAsset(label) {
		return label
	}
	if len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return !address.KnownAsset(w) }) {
		return ""
	}
	return words[0]
}

func isTransactionName(name string) bool {
	name = normalizeName(name)
	return strings.Contains(name, "hash") || strings.Contains(name, "transaction") || strings.HasPrefix(name, "tx") || strings.HasSuffix(name, "tx") || strings.Contains(name, "signature")
}

// headerless returns the layout of a table without a header, one column of which holds addresses. The other columns are recognised by
// their content.
func headerless(records [][]string) (*layout, error) {
	l := &layout{header: -1, width: len(records[0])}
	for f := range l.at {
		l.at[f] = -1
	}
	held := contentOf(records, l.width)
	for i, c := range held {
		if c.mostly() && c.proven > 0 {
			l.addresses = append(l.addresses, column{at: i})
		}
	}
	switch {
	case len(l.addresses) == 0:
		return nil, errNoHeader
	case len(l.addresses) > 1:
		return nil, needsMapping{errors.New("the table has no header and several columns of addresses; add a first line with the names of the columns")}
	}
	for i := range l.width {
		values := columnValues(records, i)
		all := func(ok func(string) bool) bool {
			return !slices.ContainsFunc(values, func(v string) bool { return !ok(v) })
		}
		switch {
		case i == l.addresses[0].at || len(values) == 0:
		case l.at[fAsset] < 0 && all(address.KnownAsset):
			l.at[fAsset], l.names[fAsset] = i, "asset"
		case l.at[fURL] < 0 && all(isWebURL):
			l.at[fURL], l.names[fURL] = i, "url"
		case l.at[fEntity] < 0 && !all(func(v string) bool { return !strings.ContainsFunc(v, unicode.IsLetter) }):
			l.at[fEntity], l.names[fEntity] = i, "entity"
		default:
			l.further = append(l.further, column{at: i, name: l.columnName(i)})
		}
	}
	return l, nil
}

func columnValues(records [][]string, at int) []string {
	var values []string
	for _, r := range records {
		if at < len(r) && trim(r[at]) != "" {
			values = append(values, trim(r[at]))
		}
	}
	return values
}

// isComment reports whether a record is a comment: "# made on …", "// …". A cell "#" in a header is the name of a column of row numbers.
func isComment(record []string) bool {
	for _, cell := range record {
		if cell = trim(cell); cell != "" {
			return strings.HasPrefix(cell, "//") || cell[0] == '#' && (len(cell) > 1 && cell[1] == ' ' || countFilled(record) == 1)
		}
	}
	return false
}
