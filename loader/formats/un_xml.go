package formats

import (
	"regexp"
	"strings"
)

// The consolidated list of the United Nations Security Council (sc-sanctions.xsd). It has no field for addresses, and no address in
// its texts so far, so it usually yields no rows. An address in a text is a listing. A party whose text only mentions a wallet is yielded with
// a problem, because a person has to read it.
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
	in := r.input()
	parties := 0
	err := in.readXML("CONSOLIDATED_LIST", func(x *xmlScanner) error {
		r.info.Published = dateOfTimestamp(x.attr("dateGenerated"))
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
	var addresses []string
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
				id = truncate(text, maxQuoted)
			case strings.HasSuffix(element, "_NAME") && x.depth() == depth+1 && len(names) < 4:
				names = append(names, truncate(text, maxQuoted))
			}
			if holdsAddresses(text) && len(addresses) < 1000 {
				addresses = append(addresses, text)
			}
			if m := walletWords.FindString(text); m != "" && mention == "" {
				mention = element + ": mentions " + m + "; read the text and list its addresses by hand"
			}
		}
	}
	row.EntityID, row.EntityName = id, strings.Join(names, " ")
	row.Locator = "DATAID " + id
	for _, text := range addresses {
		row.Address = text
		if err := r.emitAddresses(row); err != nil {
			return err
		}
	}
	if mention == "" || len(addresses) > 0 {
		return nil
	}
	row.Problem = mention
	return r.emit(row)
}
