package formats

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	bechA = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
	solA  = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"
)

func TestAddressesOutOfProse(t *testing.T) {
	type found struct{ Address, Label string }
	for name, c := range map[string]struct {
		text   string
		want   []found
		unread []string
	}{
		"a sentence":             {"The wallet " + btcA + " belongs to A.", []found{{btcA, ""}}, nil},
		"a bullet":               {"- ETH: " + ethA, []found{{ethA, "ETH"}}, nil},
		"numbered":               {"(1) ETH: " + ethA + " (2) BNB: " + ethB + " (3) USDT: " + tronA, []found{{ethA, "ETH"}, {ethB, "BNB"}, {tronA, "USDT"}}, nil},
		"an official remark":     {"Digital Currency Address: XBT " + btcA + ". Phone 1234567890.", []found{{btcA, "XBT"}}, nil},
		"one label for several":  {"BTC: " + btcA + " " + btcB, []found{{btcA, "BTC"}, {btcB, "BTC"}}, nil},
		"a label does not go on": {"BTC: " + btcA + " and then the other wallet " + ethA, []found{{btcA, "BTC"}, {ethA, ""}}, nil},
		"a label above":          {"Solana:\n* " + solA + "\n", []found{{solA, "Solana"}}, nil},
		"glued, three of them":   {"BTC: " + bechA + btcA + btcB, []found{{bechA, "BTC"}, {btcA, "BTC"}, {btcB, "BTC"}}, nil},
		"glued to a word":        {"wallet" + tronA + "is his", []found{{tronA, ""}}, nil},
		"glued, Ethereum":        {"Address" + ethA + ethB, []found{{ethA, ""}, {ethB, ""}}, nil},
		"Japanese":               {"住所は" + btcA + "である。" + tronA + "も", []found{{btcA, ""}, {tronA, ""}}, nil},
		"French":                 {"Adresses connues\u00a0: " + tronA + "\u00a0;\u00a0" + btcA, []found{{tronA, ""}, {btcA, ""}}, nil},
		"split by a blank":       {tronA[:20] + " " + tronA[20:] + " was used", []found{{tronA, ""}}, nil},
		"split by a line end":    {"The wallet " + tronA[:20] + "\n" + tronA[20:] + " was used", []found{{tronA, ""}}, nil},
		"split by two line ends": {"of " + bechA[:14] + "\r\n" + bechA[14:28] + "\r\n" + bechA[28:] + "\r\n", []found{{bechA, ""}}, nil},
		"split with a hyphen":    {"of " + btcA[:14] + "-\n" + btcA[14:], []found{{btcA, ""}}, nil},
		"Ethereum, split":        {"of " + ethA[:22] + "\n  " + ethA[22:] + ".", []found{{ethA, ""}}, nil},
		"in a link":              {"[here](https://etherscan.io/address/" + ethA + ")", []found{{ethA, ""}}, nil},
		"link and text":          {"[" + ethA + "](https://etherscan.io/address/" + strings.ToLower(ethA) + ")", []found{{ethA, ""}}, nil},
		"zero width":             {"of " + btcA[:9] + "\u200b" + btcA[9:] + ".", []found{{btcA, ""}}, nil},
		"in code":                {"`" + btcA + "`, **" + btcB + "**", []found{{btcA, ""}, {btcB, ""}}, nil},
		"shortened, and whole":   {"From 0x098B…2f96 which is " + ethA, []found{{ethA, ""}}, nil},
		"a Cyrillic letter":      {"TRON: " + strings.Replace(tronA, "o", "о", 1), []found{{strings.Replace(tronA, "o", "о", 1), "TRON"}}, nil},
		"a transaction":          {"tx 0x" + strings.Repeat("a1b2", 16) + ", hash " + strings.Repeat("c3d4", 16), nil, nil},
		"a wrong checksum":       {"of " + btcA[:33] + "x,", nil, []string{btcA[:33] + "x"}},
		"cut":                    {"of 0x098b716b8aaf21512996dc57eb0615e2383e2f9, said", nil, []string{"0x098b716b8aaf21512996dc57eb0615e2383e2f9"}},
		"too long":               {"of " + ethA + "ab1 said", nil, []string{ethA + "ab1"}},
		"shortened":              {"of 0x098B…2f96 said", nil, []string{"0x098B…2f96"}},
		"no chain beside it":     {"of " + solA + " said", nil, []string{solA}},
		"words":                  {"On 2025-02-26 the Bundesfinanzministerium2024 published I-022625-PSA, see www.example.org/some-long-title-of-2025.html", nil, nil},
	} {
		rows, _, err := rowsOf(t, "notice", Options{}, memory("a.txt", []byte(c.text+"\n")))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []found
		var unread []string
		for _, r := range rows {
			if r.Problem == "" {
				got = append(got, found{r.Address, r.Asset})
			} else if r.Unread {
				unread = append(unread, r.Address)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if !slices.Equal(c.unread, unread) {
			t.Errorf("%s: not read: %q, want %q", name, unread, c.unread)
		}
	}
}

func TestANoticeIsDetectedWhenNothingElseIs(t *testing.T) {
	for text, want := range map[string]string{
		"The wallet " + btcA + " belongs to A.\nThe FBI says so.\n":                                                                           "notice",
		"# Report\n\nSome words.\n\n| chain | address |\n|---|---|\n| ETH | " + ethA + " |\n\nMore words follow here, and a last sentence.\n": "",
		btcA + "\n" + ethA + "\n":           "text",
		"address,name\n" + btcA + ",A\n":    "csv",
		"[\"" + btcA + "\"]":                "json",
		"{\"address\": \"" + btcA + "\"}\n": "ndjson",
	} {
		_, info, err := rowsOf(t, "auto", Options{}, memory("a", []byte(text)))
		if err != nil || want != "" && info.Format != want {
			t.Errorf("%q: %s, want %s, %v", text, info.Format, want, err)
		}
	}
	// a table that is not understood, and a text without addresses, are no notices
	for name, text := range map[string]string{
		"a.txt": "when,from,to\n2024-01-01," + ethA + "," + ethB + "\n2024-01-02," + ethB + "," + ethA + "\n",
		"b.txt": "Nothing is listed here.\n",
		"c.csv": "Some title\nThe wallet " + btcA + " belongs to A.\n",
	} {
		if _, info, err := rowsOf(t, "auto", Options{}, memory(name, []byte(text))); err == nil && info.Format == "notice" {
			t.Errorf("%q was read as a notice", text)
		}
	}
}

// The note is the sentence, and holds no secret.
func TestANoticeKeepsNoSecret(t *testing.T) {
	const seed = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
	key := strings.Repeat("9f8e", 16)
	rows, _ := mustRows(t, "notice", "a.txt", "The wallet "+ethA+" has the seed "+seed+".\nFirst words. The key of "+ethB+" is "+key+". More words.\n")
	if len(rows) != 2 || strings.Contains(rows[0].Note, "abandon") || strings.Contains(rows[1].Note, key) {
		t.Errorf("%+v", rows)
	}
	if rows, _ = mustRows(t, "notice", "a.txt", "First words. The wallet "+ethB+" is meant. More words.\n"); rows[0].Note != "The wallet "+ethB+" is meant." {
		t.Errorf("%+v", rows)
	}
}

// What looks like words of an address, over and over, is read: in quadratic time it would take hours.
func TestAHostileNoticeIsReadInTime(t *testing.T) {
	if raceEnabled {
		t.Skip("make test runs it without the race detector, which only makes it slow")
	}
	for name, piece := range map[string]string{
		"base58": "T1T3bc1q", "halves": tronA[:20] + " ", "ends": tronA[:20] + "\n", "glued": ethA, "glued, wrong": ethA + "a", "zero width": "1\u200b", "dots": "0x12...", "labels": "ETH: ",
	} {
		n := 1 << 20 / len(piece)
		text := strings.Repeat(piece, n)
		if !strings.Contains(piece, "\n") { // lines are bounded
			for text = ""; len(text) < 1<<20; {
				text += strings.Repeat(piece, 1+20_000/len(piece)) + "\n"
			}
		}
		if _, _, err := rowsOf(t, "notice", Options{}, memory("a.txt", []byte(text))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
