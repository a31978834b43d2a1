package formats

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// targets.simple.csv of OpenSanctions (formats.md, section 3; opensanctions.org/docs/bulk/csv). Of all kinds of targets
// only CryptoWallet rows are listings: addresses are in name and identifiers, and each of them is a listing (the id holds one in lower
// case, "addresses" are postal), a ransomware family in aliases. Asset, holder and listing date are missing.
func init() {
	register(format{
		name: "opensanctions_csv", order: 60,
		detect: func(s *sample) bool {
			if s.xlsx {
				return false
			}
			records := heads(s, ',', 1)
			return len(records) == 1 && len(records[0]) > 4 && slices.Equal(records[0][:3], []string{"id", "schema", "name"})
		},
		read: readOpenSanctionsCSV,
	})
}

func readOpenSanctionsCSV(r *run) error {
	in := r.only()
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	c := newRecordReader(in, rc, ',')
	header, err := c.next()
	if errors.Is(err, io.EOF) {
		return in.invalid("header", "is missing")
	} else if err != nil {
		return err
	}
	at := map[string]int{}
	for i, name := range header {
		at[trim(name)] = i
	}
	for _, name := range []string{"id", "schema", "name", "identifiers"} {
		if _, ok := at[name]; !ok {
			return in.invalid("header", "has no column %s", name)
		}
	}
	width := len(header)
	for {
		fields, err := c.next()
		if errors.Is(err, io.EOF) {
			c.lines.done()
			return nil
		} else if err != nil {
			return err
		}
		if blank(fields) {
			continue
		}
		row := Row{Locator: lineAt(c.line)}
		switch {
		case c.bad != "":
			row.fail("quotes", c.bad)
		case len(fields) < width && c.lines.torn:
			return in.invalid(lineAt(c.line), "has %d of %d columns and no end: the file is truncated", len(fields), width)
		case len(fields) != width:
			row.fail("columns", fmt.Sprintf("%d instead of %d", len(fields), width))
		default:
			get := func(name string) string {
				if i, ok := at[name]; ok {
					return trim(fields[i])
				}
				return ""
			}
			r.later(day(get("last_seen")))
			if get("schema") != "CryptoWallet" {
				continue
			}
			if err := r.simpleWallet(row, get); err != nil {
				return err
			}
			continue
		}
		if err := r.emit(row); err != nil {
			return err
		}
	}
}

func (r *run) simpleWallet(row Row, get func(string) string) error {
	row.EntityID = get("id")
	if aliases := several(get("aliases")); len(aliases) > 0 {
		row.EntityName = aliases[0]
		row.remark("also", strings.Join(aliases[1:], "; "))
	}
	row.Programs = several(get("program_ids"))
	row.remark("sanctions", get("sanctions"))
	row.remark("dataset", get("dataset"))
	row.URL = openSanctionsURL(row.EntityID)

	addresses := several(get("identifiers"))
	switch name := get("name"); {
	case name == "" || slices.Contains(addresses, name):
	case len(addresses) == 0 || holdsAddresses(name): // a user id, or an address of its own
		addresses = append([]string{name}, addresses...)
	default:
		row.remark("name", name)
	}
	if len(addresses) == 0 {
		row.fail("name", "is missing")
		return r.emit(row)
	}
	for _, address := range addresses {
		own := row
		if own.Address = address; userID(address) {
			own.notWallet()
		}
		if err := r.emitAddresses(own); err != nil {
			return err
		}
	}
	return nil
}

// several splits what OpenSanctions joins in a cell.
func several(s string) []string {
	var all []string
	for p := range strings.SplitSeq(s, ";") {
		if p = trim(p); p != "" && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// openSanctionsURL is the page about an entity.
func openSanctionsURL(id string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:"
	if id == "" || strings.Trim(id, safe) != "" {
		return ""
	}
	return "https://www.opensanctions.org/entities/" + id + "/"
}

// userID tells the number of an account at an exchange from an address: nothing but digits.
func userID(s string) bool { return digits(s) && len(s) <= 20 }

// notWallet keeps a user id out of the addresses: no network would tell it from an account name, and it is none.
func (row *Row) notWallet() {
	row.fail("exchange user id, no wallet", row.Address)
	row.remark("user id", row.Address)
	row.Address = ""
}
