package formats

import "testing"

func TestAFormatOfOnePublisherNamesIt(t *testing.T) {
	for format, want := range map[string][3]string{
		"ofac_advanced": {"sanctions", "US Treasury, OFAC", "OFAC SDN"},
		"ofac_xml":      {"sanctions", "US Treasury, OFAC", "OFAC SDN"},
		"ofac_enhanced": {"sanctions", "US Treasury, OFAC", "OFAC SDN"},
		"ofac_csv":      {"sanctions", "US Treasury, OFAC", "OFAC SDN"},
		"israel_nbctf":  {"terrorist_financing", "Israel NBCTF", "Israel NBCTF seizure orders"},
		"un_xml":        {"sanctions", "UN Security Council", "UN Security Council Consolidated List"},
		"csv":           {}, "json": {}, "ftm": {}, "auto": {}, "no such format": {},
	} {
		category, authority, name := Attribution(format)
		if got := [3]string{category, authority, name}; got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}
