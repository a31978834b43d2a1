package formats

import "strconv"

// SDN.XML and CONSOLIDATED.XML: OFAC's sdnList (XML.xsd of OFAC's Sanctions List Service). It has no listing dates.
func init() {
	register(format{
		name: "ofac_xml", order: 20,
		detect:    func(s *sample) bool { return rootOf(s.head) == "sdnList" },
		read:      readOFACXML,
		publisher: ofac,
	})
}

func readOFACXML(r *run) error {
	in := r.input()
	rows := heldRows{in: in}
	announced, entries := "", 0
	err := in.readXML("sdnList", func(x *xmlScanner) error {
		return x.each(func(name []byte) (err error) {
			switch string(name) {
			case "publshInformation", "publishInformation": // the first spelling is OFAC's
				announced, err = r.publishInformation(x)
			case "sdnEntry":
				entries++
				rows.clear()
				err = r.sdnEntry(x, &rows)
			}
			return err
		})
	})
	if err == nil && announced != "" && announced != strconv.Itoa(entries) {
		r.warn("record_count", "%s: announces %s records and has %d; fetch it again", in.name, truncate(announced, maxQuoted), entries)
	}
	return err
}

// publishInformation sets the date of publication and returns the announced number of records.
func (r *run) publishInformation(x *xmlScanner) (records string, err error) {
	err = x.each(func(name []byte) (err error) {
		switch string(name) {
		case "Publish_Date":
			var text string
			text, err = x.text()
			date, ok := usDate(text)
			if err == nil && !ok {
				r.warn("no_date", "%s: Publish_Date %q is not a date", x.in.name, truncate(text, maxQuoted))
			}
			r.info.Published = date
		case "Record_Count":
			records, err = x.text()
		}
		return err
	})
	return records, err
}

func (r *run) sdnEntry(x *xmlScanner, rows *heldRows) error {
	var uid, first, last, kind string
	var programs []string
	err := x.each(func(name []byte) (err error) {
		switch string(name) {
		case "uid":
			uid, err = x.text()
		case "firstName":
			first, err = x.text()
		case "lastName":
			last, err = x.text()
		case "sdnType":
			kind, err = x.text()
		case "programList":
			return x.eachNamed("program", func() error {
				program, err := x.text()
				programs = addProgram(programs, program)
				return err
			})
		case "idList":
			return x.eachNamed("id", func() error {
				return sdnID(x, rows)
			})
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, row := range rows.rows {
		row.EntityID, row.EntityName, row.EntityType, row.Programs = uid, ofacName(last, first), ofacType(kind), programs
		row.URL, row.Locator = ofacURL(uid), "sdnEntry "+uid+" id "+row.Locator
		if err := r.emitAddresses(row); err != nil {
			return err
		}
	}
	return nil
}

// sdnID reads one of the ids of a party: passports, web sites, and the addresses.
func sdnID(x *xmlScanner, rows *heldRows) error {
	var uid, label, number string
	err := x.each(func(name []byte) (err error) {
		switch string(name) {
		case "uid":
			uid, err = x.text()
		case "idType":
			label, err = x.text()
		case "idNumber":
			number, err = x.text()
		}
		return err
	})
	asset, ok := ofacAsset(label)
	if err != nil || !ok {
		return err
	}
	row := Row{Address: number, Asset: asset, Locator: uid}
	if number == "" {
		row.Problem = "address: idNumber is empty"
	}
	return rows.add(row)
}
