package formats

// SDN_ENHANCED.XML and CONS_ENHANCED.XML: OFAC's sanctionsData (ENHANCED_XML.xsd of OFAC's Sanctions List Service).
func init() {
	register(format{
		name: "ofac_enhanced", order: 30,
		detect:    func(s *sample) bool { return rootOf(s.head) == "sanctionsData" },
		read:      readOFACEnhanced,
		publisher: ofac,
	})
}

func readOFACEnhanced(r *run) error {
	in := r.input()
	rows := heldRows{in: in}
	return in.readXML("sanctionsData", func(x *xmlScanner) error {
		return x.each(func(name []byte) error {
			switch string(name) {
			case "publicationInfo":
				return r.dataAsOf(x)
			case "entities":
				return x.eachNamed("entity", func() error {
					rows.clear()
					return r.enhancedEntity(x, &rows)
				})
			}
			return nil
		})
	})
}

func (r *run) dataAsOf(x *xmlScanner) error {
	return x.eachNamed("dataAsOf", func() error {
		text, err := x.text()
		if r.info.Published = dateOfTimestamp(text); err == nil && r.info.Published == "" {
			r.warn("no_date", "%s: dataAsOf %q is not a date", x.in.name, truncate(text, maxQuoted))
		}
		return err
	})
}

func (r *run) enhancedEntity(x *xmlScanner, rows *heldRows) error {
	party := Row{EntityID: x.attr("id")}
	onSDN := false
	err := x.each(func(name []byte) error {
		switch string(name) {
		case "generalInfo":
			return x.eachNamed("entityType", func() error {
				kind, err := x.text()
				party.EntityType = ofacType(kind)
				return err
			})
		case "sanctionsLists":
			return x.eachNamed("sanctionsList", func() error {
				sdn, date := x.attr("refId") == sdnList, dateOfTimestamp(x.attr("datePublished"))
				if date != "" && (party.ListedOn == "" || sdn && !onSDN) {
					party.ListedOn, onSDN = date, sdn
				}
				return nil
			})
		case "sanctionsPrograms":
			return x.eachNamed("sanctionsProgram", func() error {
				program, err := x.text()
				party.Programs = addProgram(party.Programs, program)
				return err
			})
		case "names":
			return x.eachNamed("name", func() error {
				text, primary, err := enhancedName(x)
				if primary && text != "" || party.EntityName == "" {
					party.EntityName = text
				}
				return err
			})
		case "features":
			return x.eachNamed("feature", func() error {
				return enhancedFeature(x, rows)
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range rows.rows {
		row.EntityID, row.EntityName, row.EntityType = party.EntityID, party.EntityName, party.EntityType
		row.Programs, row.ListedOn = party.Programs, party.ListedOn
		row.URL, row.Locator = ofacURL(party.EntityID), "entity "+party.EntityID+" feature "+row.Locator
		if err := r.emitAddresses(row); err != nil {
			return err
		}
	}
	return nil
}

// enhancedName reads a name of a party, in Latin script if there is one.
func enhancedName(x *xmlScanner) (text string, primary bool, err error) {
	latin := false
	err = x.each(func(name []byte) error {
		switch string(name) {
		case "isPrimary":
			value, err := x.text()
			primary = value == "true"
			return err
		case "translations":
			return x.each(func([]byte) error {
				var script, full string
				err := x.each(func(name []byte) (err error) {
					switch string(name) {
					case "script":
						script, err = x.text()
					case "formattedFullName":
						full, err = x.text()
					}
					return err
				})
				if text == "" || script == "Latin" && !latin {
					text, latin = full, script == "Latin"
				}
				return err
			})
		}
		return nil
	})
	return text, primary, err
}

func enhancedFeature(x *xmlScanner, rows *heldRows) error {
	row := Row{Locator: x.attr("id")}
	action := x.attr("action") // in a delta
	switch {
	case rows.delta:
		row.Removed, row.Partial = isRemoval(action), action == "add"
	case isRemoval(action):
		return x.each(func([]byte) error { return nil })
	}
	ok := false
	err := x.each(func(name []byte) (err error) {
		switch string(name) {
		case "type":
			var label string
			label, err = x.text()
			row.Asset, ok = ofacAsset(label)
		case "value":
			row.Address, err = x.text()
		case "comments":
			row.Note, err = x.text()
		}
		return err
	})
	if err != nil || !ok {
		return err
	}
	if row.Address == "" {
		row.Problem = "address: value is empty"
	}
	return rows.add(row)
}
