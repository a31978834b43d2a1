package formats

import (
	"regexp"
	"strings"
)

// The consolidated list of the United Nations Security Council (sc-sanctions.xsd; formats.md, section 4). It has no field for
// addresses and none in its texts, so it gives no rows. Should a text mention a wallet one day, that party is given with a problem:
// a person has to read it.
func init() {
	register(format{
		name: "un_xml", order: 130,
		detect:    func(s *sample) bool { return rootOf(s.head) == "CONSOLIDATED_LIST" },
		read:      readUN,
		publisher: publisher{"sanctions", "UN Security Council", "UN Security Council Consolidated List"},
	})
}

var walletWords = regexp.MustCompile(`(?i)\b(?:digital|virtual|crypto)[ -]?(?:currency|currencies|assets?)\b|\bcrypto(?:-?wallet)?s?\b|\bbitcoins?\b|\bwallet addresse?s?\b|\bUSDT\b|\bblockchain\b`)

func readUN(r *run) error {
	in := r.only()
	parties := 0
	err := in.readXML("CONSOLIDATED_LIST", func(x *xmlScanner) error {
		r.info.Published = day(x.attr("dateGenerated"))
		return x.each(func([]byte) error { // INDIVIDUALS, ENTITIES
			return x.each(func(name []byte) error {
				parties++
				return r.unParty(x, Row{EntityType: ofacType(string(name))})
			})
		})
	})
	if err == nil {
		r.warn("no_addresses", "%s: the UN list of %d parties has no field for wallet addresses", in.name, parties)
	}
	return err
}

func (r *run) unParty(x *xmlScanner, row Row) error {
	var names []string
	id, mention := "", ""
	depth := x.depth()
	var element string
	for x.depth() >= depth {
		kind, err := x.next()
		if err != nil {
			return err
		}
		switch kind {
		case xmlStart:
			element = string(x.name)
		case xmlText:
			text := trim(string(x.chars))
			switch {
			case text == "":
			case element == "DATAID":
				id = clip(text)
			case strings.HasSuffix(element, "_NAME") && x.depth() == depth+1 && len(names) < 4:
				names = append(names, clip(text))
			}
			if m := walletWords.FindString(text); m != "" && mention == "" {
				mention = element + ": mentions " + m + ", but the list has no field for addresses: read it, and list them by hand"
			}
		}
	}
	if mention == "" {
		return nil
	}
	row.EntityID, row.EntityName = id, strings.Join(names, " ")
	row.Locator, row.Problem = "DATAID "+id, mention
	return r.emit(row)
}
