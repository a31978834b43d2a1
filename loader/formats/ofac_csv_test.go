package formats

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sdnRow(ent int, remarks string) string {
	return fmt.Sprintf("%d,\"NAME\",\"individual\",\"A] [B\",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,\"%s\"\r\n", ent, remarks)
}

func addresses(rows []Row) []string {
	var all []string
	for _, r := range rows {
		all = append(all, r.Address)
	}
	return all
}

func TestTheGrammarOfRemarks(t *testing.T) {
	for remarks, want := range map[string][]string{
		"Digital Currency Address - XBT a1.":                                                {"XBT a1"},
		"DOB 1; Digital Currency Address - XBT a1; alt. Digital Currency Address - ETH a2.": {"XBT a1", "ETH a2"},
		"Digital Currency Address - XBT a1.; a.k.a. 'BNC'.":                                 {"XBT a1."}, // a full stop in the middle is not ours to remove
		"Digital Currency Address - XBT.":                                                   {"XBT  !address"},
		"Digital Currency Address - XBT a1 a2.":                                             {"XBT a1 a2"}, // what cannot be an address stays whole, to be seen
		"Email Digital Currency Address - XBT a1.":                                          nil,
		"Digital Currency Address - USD-COIN a1":                                            {"USD-COIN a1"},
		"-0- ":                                                                              nil,
	} {
		rows, _ := mustRows(t, "ofac_csv", "sdn.csv", sdnRow(1, remarks))
		var got []string
		for _, r := range rows {
			s := r.Asset + " " + r.Address
			if r.Problem != "" {
				s += " !" + r.Problem[:strings.Index(r.Problem, ":")]
			}
			got = append(got, s)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", remarks, diff)
		}
	}
}

// The cut falls on any of the characters of what follows: joined with the comment nothing is lost or invented,
// alone no part of an address is given as one.
func TestRemarksAreJoinedWhereverTheyAreCut(t *testing.T) {
	const tail = "; Digital Currency Address - XBT 12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h; alt. Digital Currency Address - ETH 0x098B716B8Aaf21512996dC57EB0615e2383E2f96."
	want := []string{"12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"}
	for cut := range tail {
		full := strings.Repeat("y", remarksLimit-cut) + tail
		main := sdnRow(7, full[:remarksLimit]) + "\x1a"
		comments := fmt.Sprintf("8,%q\r\n7,%q\r\n\x1a", "other remarks of somebody else, about nothing; at all.", full[remarksLimit:])
		rows, info, err := rowsOf(t, "auto", Options{}, memory("sdn.csv", []byte(main)), memory("sdn_comments.csv", []byte(comments)))
		if err != nil {
			t.Fatalf("cut at %q: %v", tail[:cut], err)
		}
		if diff := cmp.Diff(want, addresses(rows)); diff != "" || warned(info, "truncated_remarks") {
			t.Errorf("cut at %q: %s %+v", tail[:cut], diff, info)
		}
		rows, info = mustRows(t, "auto", "sdn.csv", main)
		if !warned(info, "truncated_remarks") {
			t.Errorf("cut at %q: no warning", tail[:cut])
		}
		for i, r := range rows {
			if r.Problem == "" && r.Address != want[i] || r.Problem != "" && r.Address != "" {
				t.Errorf("cut at %q: %+v", tail[:cut], r)
			}
		}
	}
}

// A remark that fills its field exactly and ends there needs no comment.
func TestARemarkThatFitsIsNotCut(t *testing.T) {
	full := strings.Repeat("y", remarksLimit-len("; Digital Currency Address - XBT a1.")) + "; Digital Currency Address - XBT a1."
	rows, info, err := rowsOf(t, "auto", Options{}, memory("sdn.csv", []byte(sdnRow(7, full))), memory("c.csv", []byte("9,\"a comment on somebody who is not in the table, of some length.\"\r\n")))
	if err != nil || len(rows) != 1 || rows[0].Address != "a1" || warned(info, "truncated_remarks") {
		t.Errorf("%+v %+v %v", rows, info, err)
	}
}

func TestRowsOfAnotherShapeAreProblems(t *testing.T) {
	rows, _ := mustRows(t, "ofac_csv", "sdn.csv", sdnRow(1, "Digital Currency Address - XBT a1.")+"2,\"short\"\r\nx"+sdnRow(3, "y")+"\x1a")
	var problems []string
	for _, r := range rows {
		problems = append(problems, r.Problem)
	}
	if diff := cmp.Diff([]string{"", "columns: 2 instead of 12", "ent_num: not a number"}, problems); diff != "" {
		t.Error(diff)
	}
	refused(t, "ofac_csv", memory("sdn.csv", []byte("a,b,c\n")), "not a table of OFAC")
}
