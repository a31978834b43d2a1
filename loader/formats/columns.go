package formats

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// field is one field of a Row as people name it in columns (csv, xlsx) and members (json).
type field uint8

const (
	fAddress field = iota
	fNetwork
	fAsset
	fEntity
	fEntityID
	fEntityType
	fCategory
	fConfidence
	fPrograms
	fIncident
	fListedOn
	fValidUntil
	fURL
	fNote
	numFields
)

// fieldNames are the columns of our own csv (contract.md, section 4), and the keys of Options.Mapping.
var fieldNames = [numFields]string{"address", "network", "asset", "entity", "entity_id", "entity_type", "category", "confidence",
	"programs", "incident", "listed_on", "valid_until", "url", "note"}

// synonyms are the names in use for each field, without case, blanks and signs; the earlier wins where a file has several.
var synonyms = [numFields][]string{
	fAddress: {"address", "walletaddress", "wallet", "cryptoaddress", "cryptocurrencyaddress", "digitalcurrencyaddress", "virtualcurrencyaddress",
		"blockchainaddress", "bannedaddress", "blockedaddress", "blacklistedaddress", "frozenaddress", "sanctionedaddress", "maliciousaddress",
		"scamaddress", "depositaddress", "publickey", "addr", "account", "accountaddress", "walletid", "walletno"},
	fNetwork:    {"network", "networkname", "chain", "chainname", "blockchain"},
	fAsset:      {"asset", "assetsymbol", "currency", "cryptocurrency", "coin", "symbol", "token", "tokensymbol", "ticker"},
	fEntity:     {"entity", "entityname", "name", "owner", "holder", "label", "tag", "nametag", "etherscantag", "actor", "labels", "tags", "etherscanlabels", "description"},
	fEntityID:   {"entityid", "uid", "entnum"},
	fEntityType: {"entitytype"},
	fCategory:   {"category"},
	fConfidence: {"confidence"},
	fPrograms:   {"programs", "program", "programmes", "programme", "sanctionsprogram", "sanctionsprograms"},
	fIncident:   {"incident", "event", "hack", "case"},
	fListedOn:   {"listedon", "listed", "listingdate", "datelisted", "designationdate", "dateadded", "addedon", "added", "date"},
	fValidUntil: {"validuntil", "expireson", "expires", "expiry", "expirationdate"},
	fURL:        {"url", "link", "sourceurl", "reference", "source"},
	fNote:       {"note", "notes", "comment", "comments", "remark", "remarks", "akas", "aliases"},
}

// known leads from a name to its field and rank.
var known = func() map[string]struct {
	field field
	rank  int
} {
	m := make(map[string]struct {
		field field
		rank  int
	})
	for f, names := range synonyms {
		for rank, name := range names {
			m[name] = struct {
				field field
				rank  int
			}{field(f), rank}
		}
	}
	return m
}()

// plain reduces a column's name to what is compared: wallet_address, walletAddress and "Wallet Address" are one.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f && r != 0xfeff:
			return r
		}
		return -1
	}, name)
}

// layout says which columns of a table are which fields.
type layout struct {
	width   int
	at      [numFields]int // -1: the table has no such column
	names   [numFields]string
	further []furtherColumn // known, but their field is taken: they go into the note
	unknown []string
}

type furtherColumn struct {
	at   int
	name string
}

// layoutOf reads a header. ok is false if it names no column of addresses.
func layoutOf(header []string, m *mapping) (l *layout, ok bool, err error) {
	l = &layout{width: len(header)}
	taken := make([]bool, len(header))
	for f := range l.at {
		l.at[f] = -1
		if len(m.sources[f]) == 0 {
			continue
		}
		column := m.sources[f][0]
		for i, name := range header {
			if plain(name) != plain(column) {
				continue
			}
			if l.at[f] >= 0 {
				return nil, false, fmt.Errorf("the column %q stands there twice", clip(column))
			}
			l.at[f], l.names[f], taken[i] = i, name, true
		}
		if l.at[f] < 0 {
			return nil, false, fmt.Errorf("mapping: there is no column %q; the columns are %s", clip(column), abridged(quoted(header)))
		}
	}
	rank := [numFields]int{}
	for i, name := range header {
		k, ok := known[plain(name)]
		if !ok || taken[i] || len(m.sources[k.field]) > 0 {
			continue
		}
		switch at := l.at[k.field]; {
		case at < 0 || k.rank < rank[k.field]:
			l.at[k.field], l.names[k.field], rank[k.field] = i, name, k.rank
		case k.rank == rank[k.field]:
			return nil, false, fmt.Errorf("the column %q stands there twice", clip(name))
		}
	}
	for i, name := range header {
		k, ok := known[plain(name)]
		switch {
		case taken[i] || slices.Contains(l.at[:], i):
		case ok && (k.field == fEntity || k.field == fNote || k.field == fURL):
			l.further = append(l.further, furtherColumn{i, trim(name)})
		case trim(name) != "":
			l.unknown = append(l.unknown, trim(name))
		}
	}
	return l, l.at[fAddress] >= 0, nil
}

// quoted shows names of columns. What is long is no name, and may be anything, a key even: it is not repeated.
func quoted(texts []string) []string {
	all := make([]string, len(texts))
	for i, t := range texts {
		if t = trim(t); len(t) > 40 || looksLikeAddress(t) {
			t = t[:min(len(t), 8)] + "…"
		}
		all[i] = fmt.Sprintf("%q", strings.ToValidUTF8(t, "\uFFFD"))
	}
	return all
}

// ownLayout is that of a table without a header: nothing but addresses.
func ownLayout() *layout {
	l := &layout{width: 1}
	for f := range l.at {
		l.at[f] = -1
	}
	l.at[fAddress] = 0
	return l
}

// row makes a Row of the cells of a table. serial: dates may be the day numbers of a spreadsheet, counted from epoch.
func (l *layout) row(cells []string, locator string, epoch *time.Time) Row {
	row := Row{Locator: locator}
	extra := false
	for i := l.width; i < len(cells); i++ {
		extra = extra || trim(cells[i]) != ""
	}
	if extra || len(cells) < l.width {
		row.fail("columns", fmt.Sprintf("%d instead of %d", len(cells), l.width))
	}
	for f, at := range l.at {
		if at < 0 || at >= len(cells) {
			continue
		}
		value := trim(cells[at])
		if len(value) > 1 && value[0] == '\'' && strings.IndexByte("=+-@'", value[1]) >= 0 {
			value = value[1:] // the mark that keeps a spreadsheet from taking the cell for a formula; our own exports set it
		}
		if value != "" {
			if epoch != nil && (field(f) == fListedOn || field(f) == fValidUntil) {
				value = serialDate(value, *epoch)
			}
			row.set(field(f), l.names[f], value)
		}
	}
	for _, c := range l.further {
		if c.at < len(cells) {
			row.remark(c.name, trim(cells[c.at]))
		}
	}
	return row
}

// fail gives a row its problem; the first one counts.
func (row *Row) fail(field, what string) {
	if row.Problem == "" {
		row.Problem = field + ": " + what
	}
}

// remark adds to the note.
func (row *Row) remark(name, text string) {
	if text == "" {
		return
	}
	if row.Note != "" {
		row.Note += "; "
	}
	row.Note += name + ": " + text
}

// set puts a text, as published, into a field. name is what the file calls it.
func (row *Row) set(f field, name, value string) {
	switch f {
	case fAddress:
		row.Address = value
	case fNetwork:
		row.Network = value
	case fAsset:
		row.Asset = value
		if asset, ok := ofacAsset(value); ok {
			row.Asset = asset
		}
	case fEntity:
		row.EntityName = value
	case fEntityID:
		row.EntityID = value
	case fEntityType:
		if row.EntityType = entityType(value); row.EntityType == "" {
			row.fail("entity_type", fmt.Sprintf("%q is none of individual, entity, vessel, aircraft", clip(value)))
		}
	case fCategory:
		row.Category = value
	case fConfidence:
		row.Confidence = value
	case fPrograms:
		for p := range strings.SplitSeq(value, ";") {
			if p = trim(p); p != "" {
				row.Programs = append(row.Programs, p)
			}
		}
	case fIncident:
		row.Incident = value
	case fListedOn, fValidUntil:
		date, err := anyDate(value)
		if err != nil {
			row.fail(fieldNames[f], err.Error())
		}
		if f == fListedOn {
			row.ListedOn = date
		} else {
			row.ValidUntil = date
		}
	case fURL:
		switch {
		case webURL(value):
			row.URL = value
		case plain(name) == "url":
			row.fail("url", fmt.Sprintf("%q is no http or https address", clip(value)))
		default: // "source: FBI IC3 PSA I-022625-PSA"
			row.remark(trim(name), value)
		}
	case fNote:
		if row.Note != "" {
			row.Note += "; "
		}
		row.Note += value
	}
}

// webURL tells a link that may be shown as one.
func webURL(s string) bool {
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '<' || r == '>' || r == utf8.RuneError })
}

func entityType(s string) string {
	switch t := strings.ToLower(trim(s)); t {
	case "individual", "entity", "vessel", "aircraft":
		return t
	case "person":
		return "individual"
	case "organization", "organisation", "company", "group":
		return "entity"
	}
	return ""
}

// serialDate turns the day number of a spreadsheet into a date; other texts stay.
func serialDate(value string, epoch time.Time) string {
	number, _, _ := strings.Cut(value, ".") // the time of day
	if len(number) != 5 || !digits(number) {
		return value
	}
	days := 0
	for _, c := range number {
		days = days*10 + int(c-'0')
	}
	return epoch.AddDate(0, 0, days).Format(time.DateOnly)
}

// looksLikeAddress tells a word that may be an address: long, of the characters that addresses are made of, with a digit.
// It decides how a file is laid out, never whether something is an address.
func looksLikeAddress(s string) bool {
	if len(s) < 20 || len(s) > 256 {
		return false
	}
	digit := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == ':' || c == '_' || c == '-':
		default:
			return false
		}
	}
	return digit
}

// digits tells a text of nothing but digits.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
