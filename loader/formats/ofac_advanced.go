package formats

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SDN_ADVANCED.XML and CONS_ADVANCED.XML: the Advanced Sanctions Data Standard of the United Nations 1248 group, as OFAC
// publishes it (ADVANCED_XML.xsd of OFAC's Sanctions List Service). Reference values come first, then parties, then dates and
// programmes, so addresses are held until the end. The rest of the file, 100 MB and more, is skipped.
func init() {
	register(format{
		name: "ofac_advanced", order: 10,
		detect:    func(s *sample) bool { return rootOf(s.head) == "Sanctions" },
		read:      readOFACAdvanced,
		publisher: ofac,
	})
}

// Ids of reference values that OFAC has never changed.
const (
	aliasName      = "1403"
	scriptLatin    = "215"
	measureProgram = "1" // its comment names the programme
)

// lastNames are the NamePartTypes before the comma: last, maiden, patronymic and matronymic names.
var lastNames = []string{"1520", "1523", "91708", "91709"}

type advanced struct {
	*run
	in    *input
	x     *xmlScanner
	asset map[string]string // feature type id → asset
	types map[string]string // party type id → name
	subs  map[string]string // party sub-type id → entity type
	// parties with addresses, by profile id
	parties map[string]*advancedParty
	held    heldRows
	sets    bool // ReferenceValueSets have been read
}

type advancedParty struct {
	name, kind string
	programs   []string
	listedOn   string
	onSDN      bool // listedOn is the SDN list's
}

func readOFACAdvanced(r *run) error {
	in := r.input()
	a := &advanced{run: r, in: in, held: heldRows{in: in}, asset: map[string]string{}, types: map[string]string{}, subs: map[string]string{}, parties: map[string]*advancedParty{}}
	err := in.readXML("Sanctions", func(x *xmlScanner) error {
		a.x = x
		return x.each(a.section)
	})
	if err != nil {
		return err
	}
	if !a.sets {
		return a.in.invalid("ReferenceValueSets", "missing: they identify the features that are addresses; fetch the file again")
	}
	unlisted := 0
	for _, p := range a.parties {
		if p.listedOn == "" && p.programs == nil {
			unlisted++
		}
	}
	if unlisted > 0 {
		r.warn("no_entries", "%s: %d parties with addresses have no SanctionsEntry, so neither date nor programme; check the file", in.name, unlisted)
	}
	for i := range a.held.rows {
		row := &a.held.rows[i]
		if p := a.parties[row.EntityID]; p != nil {
			row.EntityName, row.EntityType, row.Programs, row.ListedOn = p.name, p.kind, p.programs, p.listedOn
		}
		if err := a.emitAddresses(*row); err != nil {
			return err
		}
	}
	return nil
}

func (a *advanced) section(name []byte) error {
	switch string(name) {
	case "DateOfIssue":
		return a.dateOfIssue()
	case "ReferenceValueSets":
		return a.referenceValues()
	case "DistinctParties":
		if !a.sets {
			return a.x.invalid("DistinctParties come before ReferenceValueSets, which identify their features; fetch the file again")
		}
		return a.x.each(a.party)
	case "SanctionsEntries":
		return a.x.each(a.entry)
	}
	return nil
}

// date reads the Year, Month and Day in the element that has just started. It returns "" if they are not a date.
func (a *advanced) date() (string, error) {
	var year, month, day int
	err := a.x.each(func(name []byte) error {
		var to *int
		switch string(name) {
		case "Year":
			to = &year
		case "Month":
			to = &month
		case "Day":
			to = &day
		default:
			return nil
		}
		text, err := a.x.text()
		if err != nil {
			return err
		}
		if _, err := fmt.Sscanf(text, "%d", to); err != nil {
			return a.x.invalid("%q in a date is not a number", truncate(text, maxQuoted))
		}
		return nil
	})
	d, _ := dateOf(year, month, day)
	return d, err
}

func (a *advanced) dateOfIssue() (err error) {
	a.info.Published, err = a.date()
	if err == nil && a.info.Published == "" {
		a.warn("no_date", "%s: DateOfIssue is not a date", a.in.name)
	}
	return err
}

func (a *advanced) referenceValues() error {
	a.sets = true
	type sub struct{ id, kind, text string }
	var subs []sub
	err := a.x.each(func(set []byte) error {
		switch string(set) {
		case "FeatureTypeValues", "PartyTypeValues", "PartySubTypeValues":
		default:
			return nil
		}
		return a.x.each(func(value []byte) error {
			element, id, kind := string(value), a.x.attr("ID"), a.x.attr("PartyTypeID")
			text, err := a.x.text()
			if err != nil {
				return err
			}
			switch element {
			case "FeatureType":
				if asset, ok := ofacAsset(text); ok {
					a.asset[id] = asset
				} else if l := strings.ToLower(text); strings.Contains(l, "currency") || strings.Contains(l, "wallet") || strings.Contains(l, "crypto") {
					a.warn("unknown_feature", "%s: the feature type %q (%s) may be an address and is not read; check the file", a.in.name, truncate(text, maxQuoted), truncate(id, maxQuoted))
				}
			case "PartyType":
				a.types[id] = text
			case "PartySubType":
				subs = append(subs, sub{id, kind, text})
			}
			return a.held.count(0, id, kind, text)
		})
	})
	for _, s := range subs {
		if a.subs[s.id] = ofacType(s.text); a.subs[s.id] == "" { // "Unknown": not a vessel, not an aircraft
			a.subs[s.id] = ofacType(a.types[s.kind])
		}
	}
	return err
}

// party reads a DistinctParty and keeps it if it has addresses.
func (a *advanced) party(element []byte) error {
	if string(element) != "DistinctParty" {
		return nil
	}
	ref := a.x.attr("FixedRef")
	return a.x.eachNamed("Profile", func() error {
		id, sub := a.x.attr("ID"), a.x.attr("PartySubTypeID")
		party := advancedParty{kind: a.subs[sub]}
		before := len(a.held.rows)
		err := a.x.each(func(name []byte) error {
			switch string(name) {
			case "Identity":
				primary := a.x.attr("Primary") == "true"
				return a.identity(&party, primary)
			case "Feature":
				asset, ok := a.asset[a.x.attr("FeatureTypeID")]
				if !ok {
					return nil
				}
				row := Row{Asset: asset, EntityID: id, URL: ofacURL(id), Locator: "DistinctParty " + ref + " Feature " + a.x.attr("ID")}
				return a.feature(row)
			}
			return nil
		})
		if err != nil || len(a.held.rows) == before {
			return err
		}
		a.parties[id] = &party
		return a.held.count(200, id, party.name)
	})
}

// feature reads the addresses of a Feature. In practice it has one version with one detail.
func (a *advanced) feature(row Row) error {
	any := false
	err := a.x.eachNamed("FeatureVersion", func() error {
		own := row
		var addresses []string
		err := a.x.each(func(name []byte) (err error) {
			switch string(name) {
			case "Comment":
				own.Note, err = a.x.text()
			case "VersionDetail":
				var text string
				text, err = a.x.text()
				addresses = append(addresses, text)
				if len(addresses) > 1000 {
					return a.x.invalid("a feature holds more than 1,000 details")
				}
			}
			return err
		})
		for _, address := range addresses {
			any = true
			own.Address, own.Problem = address, ""
			if address == "" {
				own.Problem = "address: VersionDetail is empty"
			}
			err = errors.Join(err, a.held.add(own))
		}
		return err
	})
	if err == nil && !any {
		row.Problem = "address: the feature has no VersionDetail"
		err = a.held.add(row)
	}
	return err
}

// namePart is one word of a documented name. Its group says which part of a name it is.
type namePart struct{ group, text string }

// identity sets the name of the party: the primary alias of its primary identity, in Latin script if there is one.
func (a *advanced) identity(p *advancedParty, primary bool) error {
	var name []namePart
	latin := false
	groups := map[string]string{} // group id → NamePartType
	err := a.x.each(func(element []byte) error {
		switch string(element) {
		case "Alias":
			if a.x.attr("AliasTypeID") != aliasName || a.x.attr("Primary") != "true" {
				return nil
			}
			return a.x.eachNamed("DocumentedName", func() error {
				parts, isLatin, err := a.documentedName()
				if isLatin && !latin || name == nil {
					name, latin = parts, isLatin
				}
				return err
			})
		case "NamePartGroups":
			if name == nil {
				return nil
			}
			return a.x.each(func([]byte) error { // MasterNamePartGroup
				return a.x.each(func(element []byte) error {
					if string(element) == "NamePartGroup" && len(groups) < 1000 {
						groups[a.x.attr("ID")] = a.x.attr("NamePartTypeID")
					}
					return nil
				})
			})
		}
		return nil
	})
	if name == nil || p.name != "" && !primary {
		return err
	}
	var last, first []string
	for _, part := range name {
		if slices.Contains(lastNames, groups[part.group]) {
			last = append(last, part.text)
		} else {
			first = append(first, part.text)
		}
	}
	p.name = ofacName(strings.Join(last, " "), strings.Join(first, " "))
	return err
}

func (a *advanced) documentedName() (parts []namePart, latin bool, err error) {
	latin = true
	err = a.x.each(func(element []byte) error {
		if string(element) != "DocumentedNamePart" || len(parts) == 100 {
			return nil
		}
		return a.x.eachNamed("NamePartValue", func() error {
			group, script := a.x.attr("NamePartGroupID"), a.x.attr("ScriptID")
			text, err := a.x.text()
			if text != "" {
				parts = append(parts, namePart{group, text})
				latin = latin && script == scriptLatin
			}
			return err
		})
	})
	return parts, latin && parts != nil, err
}

// entry sets the date and programmes of a party with addresses from its SanctionsEntry.
func (a *advanced) entry(element []byte) error {
	if string(element) != "SanctionsEntry" {
		return nil
	}
	p := a.parties[a.x.attr("ProfileID")]
	if p == nil {
		return nil
	}
	sdn := a.x.attr("ListID") == sdnList
	return a.x.each(func(name []byte) error {
		switch string(name) {
		case "EntryEvent":
			return a.x.eachNamed("Date", func() error {
				d, err := a.date()
				if d != "" && (p.listedOn == "" || sdn && !p.onSDN) {
					p.listedOn, p.onSDN = d, sdn
				}
				return err
			})
		case "SanctionsMeasure":
			if a.x.attr("SanctionsTypeID") != measureProgram {
				return nil
			}
			return a.x.eachNamed("Comment", func() error {
				program, err := a.x.text()
				if err != nil {
					return err
				}
				p.programs = addProgram(p.programs, program)
				return a.held.count(0, program)
			})
		}
		return nil
	})
}
