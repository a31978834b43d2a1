package formats

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"interdict/lists/address"
)

// field is a field of Row that columns (csv, xlsx) and members (json) are mapped to.
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

// fieldNames are the columns of our own csv and the keys of Options.Mapping.
var fieldNames = [numFields]string{"address", "network", "asset", "entity", "entity_id", "entity_type", "category", "confidence",
	"programs", "incident", "listed_on", "valid_until", "url", "note"}

// synonyms are the names in use for each field, without case, blanks and punctuation. If a file has several, the first of them wins.
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
	fListedOn:   {"listedon", "listed", "listingdate", "datelisted", "designationdate", "dateadded", "addedon", "added", "startdate", "dateofdesignation", "designated", "date"},
	fValidUntil: {"validuntil", "expireson", "expires", "expiry", "expirationdate", "enddate"},
	fURL:        {"url", "link", "sourceurl", "reference", "source"},
	fNote:       {"note", "notes", "comment", "comments", "remark", "remarks", "akas", "aliases"},
}

// fieldsByName maps a name to its field and its rank among the names of the field.
var fieldsByName = func() map[string]struct {
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

// normalizeName returns the form of a name that is compared: it is the same for wallet_address, walletAddress and "Wallet Address".
func normalizeName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f && !isInvisible(r) && !unicode.IsSpace(r):
			return r
		}
		return -1
	}, name)
}

// quoteNames quotes the names of columns for a message. A long text is not a name and may be a secret, so only its beginning is quoted.
func quoteNames(texts []string) []string {
	all := make([]string, len(texts))
	for i, t := range texts {
		if t = trim(t); len(t) > 40 || looksLikeAddress(t) || address.HoldsSecret(t) {
			t = t[:min(len(t), 8)] + "…"
		}
		all[i] = fmt.Sprintf("%q", strings.ToValidUTF8(t, "\uFFFD"))
	}
	return all
}

// spreadsheetEpoch is day 0 of the numbers that spreadsheets write for dates.
var spreadsheetEpoch = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

// setProblem sets the problem of a row, unless it has one.
func (row *Row) setProblem(field, what string) {
	if row.Problem == "" {
		row.Problem = field + ": " + what
	}
}

// addNote appends a named text to the note.
func (row *Row) addNote(name, text string) {
	if text != "" {
		row.addText(name + ": " + text)
	}
}

// addText appends a text to the note.
func (row *Row) addText(text string) {
	if row.Note != "" {
		row.Note += "; "
	}
	row.Note += text
}

// set sets a field to a text as published. name is the name of the field in the file. A date, a link or an entity type that cannot be
// read goes into the note, and issue is the code of the warning; otherwise issue is "".
func (row *Row) set(f field, name, value string) (issue string) {
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
			row.addNote(trim(name), value)
			return issueEntityType
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
		date, err := parseDate(value)
		if err != nil {
			row.addNote(trim(name), value)
			return issueDate
		}
		if f == fListedOn {
			row.ListedOn = date
		} else {
			row.ValidUntil = date
		}
	case fURL:
		switch {
		case isWebURL(value):
			row.URL = value
		case normalizeName(name) == "url":
			row.addNote("url", value)
			return issueURL
		default: // "source: FBI IC3 PSA I-022625-PSA"
			row.addNote(trim(name), value)
		}
	case fNote:
		row.addText(value)
	}
	return ""
}

// Codes of warnings about values that cannot be read. The row is a listing all the same.
const (
	issueDate       = "unread_dates"
	issueURL        = "unread_urls"
	issueEntityType = "unknown_entity_types"
	issueWidth      = "ragged_rows"
	issueQuotes     = "stray_quotes"
	issueSecret     = "secret_material"
)

var issueTexts = map[string]string{
	issueDate:       "have a date that is invalid or ambiguous; it is kept in the note",
	issueURL:        "have a link that is not an http or https URL; it is kept in the note",
	issueEntityType: "have an entity type other than individual, entity, vessel, aircraft; it is kept in the note",
	issueWidth:      "have more or fewer cells than the header; check them, cells may be in the wrong column",
	issueQuotes:     "have a quote that is not closed at the end of its cell; check them",
	issueSecret:     "hold a private key, a seed or an API key in a part of the file that is not read",
}

// countIssue counts a row with a value that cannot be read, for one warning at the end. It ignores an empty code.
func (r *run) countIssue(code, locator string) {
	if code == "" {
		return
	}
	if r.issues == nil {
		r.issues = map[string]*rowIssue{}
	}
	if r.issues[code] == nil {
		r.issues[code] = &rowIssue{first: locator}
	}
	r.issues[code].count++
}

type rowIssue struct {
	count int
	first string
}

func (r *run) warnIssues() {
	for _, code := range slices.Sorted(maps.Keys(r.issues)) {
		issue := r.issues[code]
		r.warn(code, "%d rows %s (first: %s)", issue.count, issueTexts[code], issue.first)
	}
}

// isWebURL reports whether a text is safe to be shown as a link.
func isWebURL(s string) bool {
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '<' || r == '>' || r == utf8.RuneError })
}

// entityType returns the type of an entity for the words in use, or "".
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

// serialDate returns the date of a day number of a spreadsheet. Other texts are returned unchanged.
func serialDate(value string, epoch time.Time) string {
	number, hours, fraction := strings.Cut(value, ".") // the time of day
	if len(number) != 5 || !isDigits(number) || fraction && !isDigits(hours) {
		return value
	}
	days := 0
	for _, c := range number {
		days = days*10 + int(c-'0')
	}
	return epoch.AddDate(0, 0, days).Format(time.DateOnly)
}

// looksLikeAddress reports whether a word may be an address: long, of the characters used in addresses, with a digit. It is used to find
// the layout of a file, never to decide whether something is an address.
func looksLikeAddress(s string) bool {
	if len(s) < minAddress || len(s) > 256 {
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

// isDigits reports whether s has only digits, at least one.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
