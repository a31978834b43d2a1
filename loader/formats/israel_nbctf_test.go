package formats

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const nbctfHeader = "Order ID,Full name,ID No,Passport No,D.O.B (DD/MM/YYYY),Virtual currency address / User ID,Currency\n"

func TestCellsOfTheIsraeliTable(t *testing.T) {
	for cell, want := range map[string][]Row{
		"361738751":                             {{Problem: "exchange user id, not a wallet: 361738751", Note: "user id: 361738751"}},
		"562068017069499754":                    {{Problem: "exchange user id, not a wallet: 562068017069499754", Note: "user id: 562068017069499754"}},
		"12154055877559948854L":                 {{Address: "12154055877559948854L"}},
		"binanceiost (Address tag 100343788) *": {{Address: "binanceiost", Note: "tag: Address tag 100343788"}},
		"rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh (Address tag 102334770)*":                        {{Address: "rEb8TK3gBgk5auZkwc6sHnwrGVJH8DuaLh", Note: "tag: Address tag 102334770"}},
		"\"0xc8fe1c81e927540fcc99ebb3c880a840082293da, TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw\"": {{Address: "0xc8fe1c81e927540fcc99ebb3c880a840082293da"}, {Address: "TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw"}},
		"\"TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw\n361738751\"":                                  {{Address: "TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw"}, {Problem: "exchange user id, not a wallet: 361738751", Note: "user id: 361738751"}},
		"TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw and more":                                        {{Address: "TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw", Note: "and more"}},
		"\u200bTR2nTb64cQMx6tqFwisoC6o7barFWHhPiw\u200f":                                     {{Address: "TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw"}},
		"TR2nTb64cQMx\u200b6tqFwisoC6o7barFWHhPiw":                                           {{Address: "TR2nTb64cQMx6tqFwisoC6o7barFWHhPiw"}},
		"-": {{Problem: "address: missing", EntityName: "X"}},
	} {
		rows, info := mustRows(t, "auto", "w.csv", nbctfHeader+",X,,,,"+cell+",\n")
		for i := range want {
			want[i].EntityName, want[i].Locator = "X", "line 2"
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%q:\n%s", cell, diff)
		}
		if edge := []rune(cell)[0] == '\u200b'; warned(info, "zero_width") != edge {
			t.Errorf("%q: %+v", cell, info)
		}
	}
}

func TestOrdersAreCarriedDown(t *testing.T) {
	rows, _ := mustRows(t, "auto", "w.csv", nbctfHeader+",,,,,before,\nASO 53/25\n,,,,,a1,\n,,,,,a2,\nASO - 26/24,,,,,a3,\n,,,,,a4,\n צ.ת 18/26,\n,,,,,a5,\nalone\nASO 7/26 (amended)\n,,,,,a6,\n")
	want := [][2]string{{"before", ""}, {"a1", "ASO 53/25"}, {"a2", "ASO 53/25"}, {"a3", "ASO - 26/24"}, {"a4", "ASO - 26/24"}, {"a5", "צ.ת 18/26"}, {"alone", "צ.ת 18/26"}, {"a6", "ASO 7/26 (amended)"}}
	var got [][2]string
	for _, r := range rows {
		got = append(got, [2]string{r.Address, r.Incident})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheTableOfOrdersSaysHowLongTheyAreInForce(t *testing.T) {
	wallets := memory("w.csv", []byte(nbctfHeader+"ASO 1/25\n,,,,,a1,\nASO - 2/25\n,,,,,a2,\n"))
	orders := func(validity string) File {
		return memory("o.csv", []byte("File Type,Last Updated,Validity of Issue\nSeizure order (ASO 1/25) of the Minister of Defense,05.02.2025,"+validity+"\n"))
	}
	rows, _, err := rowsOf(t, "auto", Options{}, orders("26.01.2027"), wallets)
	if err != nil || rows[0].ValidUntil != "2027-01-26" || rows[1].ValidUntil != "" {
		t.Errorf("%+v %v", rows, err)
	}
	if _, _, err = rowsOf(t, "auto", Options{}, wallets, orders("next year")); err == nil {
		t.Error("a validity that cannot be read was passed by")
	}
	refused(t, "auto", orders("-"), "give the table of wallets")
	refused(t, "israel_nbctf", memory("x.csv", []byte("a,b\n1,2\n")), "needs the columns")
	if _, _, err = rowsOf(t, "auto", Options{}, wallets, memory("w.csv", []byte(nbctfHeader))); err == nil {
		t.Error("two tables of wallets were taken")
	}
}

// The English table of 2025-09 had characters without width inside the words of its header and in every cell; the Hebrew one has
// no column for the order.
func TestInvisibleCharactersInEveryCellOfATable(t *testing.T) {
	const cyrillic = "TН96tFMn8KGiYSLiwсV3E2UiaJc8jmcbz3"
	english := nbctfHeader + "ASO 53/25,,,,,," + "\n" +
		",NAME A,802900241,,18.9.1992," + tronA + ",USDT\n" +
		",NAME B,,,," + btcA + ",BTC\n" +
		",,,,," + cyrillic + ",\n"
	hebrew := "שם מלא,תעודת זהות,דרכון,תאריך לידה,מספר זיהוי הארנק האלקטרוני/ יוזר,מטבע\nצ.ת 18/26,,,,,\n" +
		"NAME A,802900241,-,18.9.1992," + tronA + ",USDT\nNAME B,,,," + btcA + ",BTC\n,,,," + cyrillic + ",\n"
	for name, table := range map[string]string{"English": english, "Hebrew": hebrew} {
		for _, hidden := range []string{"", "\u200b", "\u200f", "\ufeff", "\u00ad"} {
			var b strings.Builder
			for i, r := range table { // at the edges of every cell, and inside the words that are no addresses
				inside := hidden != "" && i%3 == 0 && !strings.Contains(tronA+btcA+cyrillic, string(r))
				if strings.ContainsRune(",\n", r) || inside {
					b.WriteString(hidden)
				}
				b.WriteRune(r)
				if strings.ContainsRune(",\n", r) {
					b.WriteString(hidden)
				}
			}
			rows, info := mustRows(t, "auto", "wallets.csv", b.String())
			if info.Format != "israel_nbctf" {
				t.Fatalf("%s with %q: read as %s", name, hidden, info.Format)
			}
			var got []string
			for _, r := range rows {
				got = append(got, r.Address)
				if len(r.Programs) != 1 || !strings.HasSuffix(r.Programs[0], "/25") && !strings.HasSuffix(r.Programs[0], "/26") {
					t.Errorf("%s with %q: the order is lost: %+v", name, hidden, r)
				}
			}
			if !slices.Equal(got, []string{tronA, btcA, cyrillic}) {
				t.Errorf("%s with %q: %q", name, hidden, got)
			}
		}
	}
}

// An address in another column than that of wallets is a listing, too.
func TestAnAddressInAnotherColumnIsRead(t *testing.T) {
	rows, _ := mustRows(t, "israel_nbctf", "wallets.csv", nbctfHeader+"ASO 53/25\n,NAME,,,,,"+tronA+"\n,"+btcA+",,,,"+ethA+",ETH\n,,,,,"+tronA+" (main wallet),USDT\n")
	var got []string
	for _, r := range rows {
		got = append(got, r.Address)
	}
	if !slices.Equal(got, []string{tronA, ethA, btcA, tronA}) || rows[3].Note != "main wallet" {
		t.Errorf("%q %+v", got, rows)
	}
}
