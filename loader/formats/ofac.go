package formats

import (
	"slices"
	"strings"

	"interdict/lists/fault"
)

// What the formats of the US Treasury's Office of Foreign Assets Control have in common.

// sdnList is the id of the SDN list among OFAC's lists. A party may stand on several.
const sdnList = "1550"

const ofacLabel = "Digital Currency Address"

// ofacAsset gives the asset of a label like "Digital Currency Address - XBT". Assets are never enumerated:
// OFAC adds some every year.
func ofacAsset(label string) (asset string, ok bool) {
	rest, ok := strings.CutPrefix(trim(label), ofacLabel)
	if !ok || rest != "" && !strings.ContainsRune(" -–:", []rune(rest)[0]) {
		return "", false
	}
	return strings.Trim(rest, " -–:"), true
}

// ofacURL is the page about a party, in OFAC's own search.
func ofacURL(uid string) string {
	return "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=" + uid
}

// ofacType reads Individual, Entity, Vessel, Aircraft, in any case.
func ofacType(s string) string {
	switch t := strings.ToLower(trim(s)); t {
	case "individual", "vessel", "aircraft", "entity":
		return t
	case "other entity", "-0-":
		return "entity"
	}
	return ""
}

// ofacName joins the parts of a name as OFAC does: "LAST, First".
func ofacName(last, first string) string {
	if last == "" || first == "" {
		return last + first
	}
	return last + ", " + first
}

// held keeps the rows of a party, or of a file, until what belongs to them has been read. OFAC lists some hundred
// addresses; a file that makes a reader keep more than maxHeld bytes is none of OFAC's.
type held struct {
	in    *input
	rows  []Row
	bytes int
}

const maxHeld = 32 << 20

func (h *held) add(row Row) error {
	h.rows = append(h.rows, row)
	return h.keep(400, row.Address, row.Asset, row.Locator, row.Note, row.URL)
}

// keep counts what is kept besides rows.
func (h *held) keep(fixed int, texts ...string) error {
	h.bytes += fixed
	for _, t := range texts {
		h.bytes += 16 + len(t)
	}
	if h.bytes > maxHeld {
		return fault.E(fault.Invalid, "%s: holds more parties and addresses (%d so far) than any list of OFAC", h.in.name, len(h.rows))
	}
	return nil
}

func (h *held) clear() {
	clear(h.rows)
	h.rows, h.bytes = h.rows[:0], 0
}

// addProgram adds a programme that is not there yet.
func addProgram(programs []string, program string) []string {
	const most = 100
	if program == "" || len(programs) == most || slices.Contains(programs, program) {
		return programs
	}
	return append(programs, program)
}
