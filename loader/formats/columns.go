package formats

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
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
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f && !invisible(r) && !unicode.IsSpace(r):
			return r
		}
		return -1
	}, name)
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

// spreadsheetEpoch is day 0 of the numbers that spreadsheets write for dates.
var spreadsheetEpoch = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

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

// set puts a text, as published, into a field. name is what the file calls it. A date, a link or a kind of entity that does not read
// is kept in the note, and odd is the code of the warning; it is "" otherwise.
func (row *Row) set(f field, name, value string) (odd string) {
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
			row.remark(trim(name), value)
			return oddEntityType
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
			row.remark(trim(name), value)
			return oddDate
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
			row.remark("url", value)
			return oddURL
		default: // "source: FBI IC3 PSA I-022625-PSA"
			row.remark(trim(name), value)
		}
	case fNote:
		if row.Note != "" {
			row.Note += "; "
		}
		row.Note += value
	}
	return ""
}

// Codes of warnings about values that do not read. The row is a listing all the same.
const (
	oddDate       = "unread_dates"
	oddURL        = "unread_urls"
	oddEntityType = "unknown_entity_types"
	oddWidth      = "ragged_rows"
	oddQuotes     = "stray_quotes"
)

var oddities = map[string]string{
	oddDate:       "hold a date that does not read, or that may be two dates; it is kept in the note",
	oddURL:        "hold a link that is no http or https address; it is kept in the note",
	oddEntityType: "hold an entity type that is none of individual, entity, vessel, aircraft; it is kept in the note",
	oddWidth:      "have more or fewer cells than the header; they are read as far as they agree with it",
	oddQuotes:     "hold a quote that is not closed where its cell ends",
}

// odd counts a row with a value that does not read, for one warning at the end. An empty code counts nothing.
func (r *run) odd(code, locator string) {
	if code == "" {
		return
	}
	if r.oddRows == nil {
		r.oddRows = map[string]*oddRows{}
	}
	if r.oddRows[code] == nil {
		r.oddRows[code] = &oddRows{first: locator}
	}
	r.oddRows[code].n++
}

type oddRows struct {
	n     int
	first string
}

func (r *run) warnOdd() {
	for _, code := range slices.Sorted(maps.Keys(r.oddRows)) {
		o := r.oddRows[code]
		r.warn(code, "%d rows %s (first: %s)", o.n, oddities[code], o.first)
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
	number, hours, fraction := strings.Cut(value, ".") // the time of day
	if len(number) != 5 || !digits(number) || fraction && !digits(hours) {
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
