package formats

import (
	"slices"
	"strings"
)

// targets.simple.csv of OpenSanctions (opensanctions.org/docs/bulk/csv). Only rows with the schema CryptoWallet are listings. Each
// address in name and identifiers is a listing (the id has one in lower case, "addresses" are postal addresses); aliases has the family
// of ransomware. Asset, holder and listing date are missing.
func init() {
	register(format{
		name: "opensanctions_csv", order: 60,
		detect: func(s *sample) bool {
			if s.xlsx {
				return false
			}
			records := firstRecords(s, ',', 1)
			return len(records) == 1 && len(records[0]) > 4 && slices.Equal(records[0][:3], []string{"id", "schema", "name"})
		},
		read: readOpenSanctionsCSV,
	})
}

func readOpenSanctionsCSV(r *run) error {
	in := r.input()
	var at map[string]int // column by name
	width := 0
	err := in.eachRecord(',', func(c *recordReader) error {
		if at == nil {
			at, width = map[string]int{}, len(c.fields)
			for i, name := range c.fields {
				at[trim(name)] = i
			}
			for _, name := range []string{"id", "schema", "name", "identifiers"} {
				if _, ok := at[name]; !ok {
					return in.invalid("header", "no column %s; is this targets.simple.csv?", name)
				}
			}
			return nil
		}
		if isBlank(c.fields) {
			return nil
		}
		row := Row{Locator: lineAt(c.line)}
		var err error
		if row.Problem, err = c.shapeProblem(width); err != nil {
			return err
		} else if row.Problem != "" {
			return r.emit(row)
		}
		get := func(name string) string {
			if i, ok := at[name]; ok {
				return trim(c.fields[i])
			}
			return ""
		}
		r.keepLatestDate(dateOfTimestamp(get("last_seen")))
		if get("schema") != "CryptoWallet" {
			return nil
		}
		return r.openSanctionsWallet(row, get)
	})
	if err == nil && at == nil {
		err = in.invalid("header", "missing; is this targets.simple.csv?")
	}
	return err
}

func (r *run) openSanctionsWallet(row Row, get func(string) string) error {
	row.EntityID = get("id")
	if aliases := splitList(get("aliases")); len(aliases) > 0 {
		row.EntityName = aliases[0]
		row.addNote("also", strings.Join(aliases[1:], "; "))
	}
	row.Programs = splitList(get("program_ids"))
	row.addNote("sanctions", get("sanctions"))
	row.addNote("dataset", get("dataset"))
	row.URL = openSanctionsURL(row.EntityID)

	addresses := splitList(get("identifiers"))
	switch name := get("name"); {
	case name == "" || slices.Contains(addresses, name):
	case len(addresses) == 0 || holdsAddresses(name): // a user id, or an address of its own
		addresses = append([]string{name}, addresses...)
	default:
		row.addNote("name", name)
	}
	if len(addresses) == 0 {
		row.setProblem("name", "missing")
		return r.emit(row)
	}
	for _, address := range addresses {
		own := row
		if own.Address = address; isUserID(address) {
			own.markUserID()
		}
		if err := r.emitAddresses(own); err != nil {
			return err
		}
	}
	return nil
}

// splitList splits the values that OpenSanctions joins in a cell.
func splitList(s string) []string {
	var all []string
	for p := range strings.SplitSeq(s, ";") {
		if p = trim(p); p != "" && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// openSanctionsURL returns the page about an entity, or "".
func openSanctionsURL(id string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:"
	if id == "" || strings.Trim(id, safe) != "" {
		return ""
	}
	return "https://www.opensanctions.org/entities/" + id + "/"
}

// isUserID reports whether a text is the number of an account at an exchange: only digits.
func isUserID(s string) bool { return isDigits(s) && len(s) <= 20 }

// markUserID turns the address of a row into a problem: it is a user id of an exchange, which some networks would accept as an account name.
func (row *Row) markUserID() {
	row.setProblem("exchange user id, not a wallet", row.Address)
	row.addNote("user id", row.Address)
	row.Address = ""
}
