package formats

import (
	"slices"
	"strings"

	"interdict/lists/fault"
)

// Common parts of the formats of the US Treasury's Office of Foreign Assets Control (OFAC).

// sdnList is the id of the SDN list among OFAC's lists. A party may be on several.
const sdnList = "1550"

const ofacLabel = "Digital Currency Address"

// ofacAsset returns the asset of a label like "Digital Currency Address - XBT". Assets are not enumerated, because
// OFAC adds some every year.
func ofacAsset(label string) (asset string, ok bool) {
	rest, ok := strings.CutPrefix(trim(label), ofacLabel)
	if !ok || rest != "" && !strings.ContainsRune(" -–:", []rune(rest)[0]) {
		return "", false
	}
	return strings.Trim(rest, " -–:"), true
}

// ofacURL returns the page about a party in OFAC's search.
func ofacURL(uid string) string {
	return "https://sanctionssearch.ofac.treas.gov/Details.aspx?id=" + uid
}

// ofacType returns the entity type for Individual, Entity, Vessel or Aircraft in any letter case, or "".
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

// heldRows holds the rows of a party, or of a file, until everything that belongs to them has been read. OFAC lists some hundred
// addresses; a file that needs more than maxHeld bytes is not one of OFAC's.
type heldRows struct {
	in    *input
	rows  []Row
	bytes int
	delta bool // rows are those of a delta: Removed and Partial say what a feature's action says
}

const maxHeld = 32 << 20

func (h *heldRows) add(row Row) error {
	h.rows = append(h.rows, row)
	return h.count(400, row.Address, row.Asset, row.Locator, row.Note, row.URL)
}

// count adds the size of data that is held besides rows.
func (h *heldRows) count(fixed int, texts ...string) error {
	h.bytes += fixed
	for _, t := range texts {
		h.bytes += 16 + len(t)
	}
	if h.bytes > maxHeld {
		return fault.E(fault.Invalid, "%s: more parties and addresses (%d so far) than any list of OFAC has; is this the right file?", h.in.name, len(h.rows))
	}
	return nil
}

func (h *heldRows) clear() {
	clear(h.rows)
	h.rows, h.bytes = h.rows[:0], 0
}

// addProgram appends a programme unless it is present.
func addProgram(programs []string, program string) []string {
	const most = 100
	if program == "" || len(programs) == most || slices.Contains(programs, program) {
		return programs
	}
	return append(programs, program)
}
