package formats

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists/fault"
)

// heapGrowth runs fn and gives by how many bytes the heap in use exceeded what it was before, at its highest. The collector
// runs often, so that garbage is not counted.
func heapGrowth(t testing.TB, fn func()) int64 {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := int64(m.HeapInuse)
	var highest atomic.Int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			highest.Store(max(highest.Load(), int64(m.HeapInuse)))
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	fn()
	close(done)
	<-ended
	return highest.Load() - before
}

// stream gives a file of a beginning, a piece many times over, and an end, without holding it.
func stream(name, beginning, piece string, times int64, end string) File {
	return File{Name: name, Open: func() (io.ReadCloser, error) {
		block := strings.Repeat(piece, max(1, 64<<10/max(1, len(piece))))
		return io.NopCloser(io.MultiReader(strings.NewReader(beginning),
			&repeating{block: block, left: times * int64(len(piece))}, strings.NewReader(end))), nil
	}}
}

type repeating struct {
	block string
	at    int
	left  int64
}

func (r *repeating) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.left)]
	n := 0
	for n < len(p) {
		c := copy(p[n:], r.block[r.at:])
		n += c
		r.at = (r.at + c) % len(r.block)
	}
	r.left -= int64(n)
	return n, nil
}

const gigabyte = 1 << 30

// What is meant to fill the memory is refused early, in words that say where, and with little memory.
func TestHostileFilesAreRefusedInBoundedMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("make test runs it without the race detector, which only makes it slow")
	}
	const row = `{"address": "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h", "note": "`
	fat := func(n int) string { return strings.Repeat("x", n) }
	head := `<Sanctions xmlns="x"><DateOfIssue/><ReferenceValueSets><FeatureTypeValues><FeatureType ID="1">Digital Currency Address - XBT</FeatureType></FeatureTypeValues></ReferenceValueSets>`
	for name, c := range map[string]struct {
		format string
		file   File
		words  []string
	}{
		"a line of 1 GB, text":   {"text", stream("a", oneAddress, "1", gigabyte, ""), []string{"line 2", "longer"}},
		"a line of 1 GB, ndjson": {"ndjson", stream("a", row+"\"}\n"+row, "x", gigabyte, "\"}\n"), []string{"line 2", "longer"}},
		"a line of 1 GB, ftm":    {"ftm", stream("a", `{"id": "x", "schema": "CryptoWallet", "properties": {}}`+"\n", " ", gigabyte, "\n"), []string{"line 2", "longer"}},
		"a line of 1 GB, csv":    {"csv", stream("a", "address,note\nx,", "y", gigabyte, "\n"), []string{"line 2", "longer"}},
		"a quote never closed":   {"csv", stream("a", "address,note\nx,\"", "y\n", gigabyte/2, ""), []string{"line 2", "never closed"}},
		"a comma of 1 GB":        {"csv", stream("a", "address,note\n", ",", gigabyte, "\n"), []string{"line 2", "longer"}},
		"a JSON text of 1 GB":    {"json", stream("a", `["`, "y", gigabyte, `"]`), []string{"longer"}},
		"a JSON name of 1 GB":    {"json", stream("a", `{"`, "y", gigabyte, `": 1}`), []string{"longer"}},
		"a JSON blank of 1 GB":   {"json", stream("a", `["x"`, " ", gigabyte, `]`), []string{"longer"}},
		"a JSON number of 1 GB":  {"json", stream("a", `[`, "1", gigabyte, `]`), []string{"longer"}},
		"JSON arrays, deep":      {"json", stream("a", ``, "[", gigabyte, ``), nil},
		"JSON objects, deep":     {"json", stream("a", ``, `{"a":`, gigabyte/5, ``), []string{"deeper"}},
		"a listing of members":   {"json", stream("a", `[{"address": "x"`, `, "m": 1`, gigabyte/8, `}]`), []string{"members"}},
		"an entry of entries":    {"json", stream("a", `{"12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h": {"entries": [`, `{},`, gigabyte/3, `{}]}}`), []string{"longer"}},
		"an XML text of 1 GB":    {"ofac_advanced", stream("a", head+"<Locations>", "y", gigabyte, ""), []string{"line 1", "longer"}},
		"an XML tag of 1 GB":     {"ofac_advanced", stream("a", head+"<Locations a='", "y", gigabyte, ""), []string{"longer"}},
		"an XML comment of 1 GB": {"ofac_advanced", stream("a", head+"<!--", "y", gigabyte, ""), []string{"longer"}},
		"JSON wallets, deep":     {"json", stream("a", `[`, `{"wallets":`, 80_000, `1`), nil},
		"a tag of 1 GB":          {"tagpack", stream("a", "title: x\ntags:\n- address: y\n", "  a: b\n", gigabyte/7, ""), []string{"longer"}},
		"a header of 1 GB":       {"tagpack", stream("a", "title: x\ntags:\n- address: y\n", "a: b\n", gigabyte/5, ""), []string{"longer"}},
		"a JSON header of 1 GB":  {"tagpack", stream("a", `{"title": "x", "tags": [{"address": "y"}]`, `, "a": "`+fat(1000)+`"`, 1_000_000, "}"), []string{"twice"}},
		"a prose line of 1 GB":   {"notice", stream("a", "The wallet "+oneAddress, "word ", gigabyte/5, ""), []string{"line 2", "longer"}},
		"a remark of 1 GB":       {"uk_sanctions", stream("a", "Unique ID,Name 6,Regime Name\nA,B,\"", "word ", gigabyte/5, ""), []string{"line 2", "longer"}},
		"a log of many events":   {"issuer_events", stream("a", `{"format":"issuer_events"}`+"\n", `{"event":"frozen","address":"x","block":1,"time":"2026-01-02T03:04:05Z"}`+"\n", gigabyte/90, ""), []string{"more than"}},
		"XML before the root":    {"ofac_xml", stream("a", "<?xml ", "y", gigabyte, ""), nil},
		"XML elements, deep":     {"ofac_xml", stream("a", "<sdnList>", "<a>", gigabyte/3, ""), []string{"deeper"}},
		"XML elements, wide, of many addresses": {"ofac_advanced", stream("a", head+`<DistinctParties><DistinctParty FixedRef="1"><Profile ID="1">`,
			`<Feature ID="2" FeatureTypeID="1"><FeatureVersion><VersionDetail>12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h</VersionDetail></FeatureVersion></Feature>`, 8_000_000, ""), []string{"more parties and addresses"}},
		"XML, many reference values": {"ofac_advanced", stream("a", `<Sanctions><ReferenceValueSets><FeatureTypeValues>`, `<FeatureType ID="`+fat(1000)+`">x</FeatureType>`, 1_000_000, ""), []string{"more parties and addresses"}},
		"XML, many parties": {"ofac_advanced", File{"a", func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(head+"<DistinctParties>"), &parties{name: fat(10_000)})), nil
		}}, []string{"more parties and addresses"}},
		"XML, many ids of a party": {"ofac_xml", stream("a", "<sdnList><sdnEntry><idList>", "<id><idType>Digital Currency Address - X</idType><idNumber>1</idNumber></id>", 10_000_000, ""), []string{"more parties and addresses"}},
		"XML, many features":       {"ofac_enhanced", stream("a", `<sanctionsData><entities><entity id="1"><features>`, `<feature id="1"><type>Digital Currency Address - X</type><value>1</value></feature>`, 10_000_000, ""), []string{"more parties and addresses"}},
		"a name that is long":      {"ofac_xml", stream("a", "<sdnList><sdnEntry><lastName>"+fat(20_000), "</lastName>", 1, ""), []string{"longer"}},
		"comments without end": {"ofac_csv", File{"a", func() (io.ReadCloser, error) {
			return io.NopCloser(&comments{text: fat(1000)}), nil
		}}, []string{"comments"}},
		"holders without end": {"ftm", File{"a", func() (io.ReadCloser, error) {
			return io.NopCloser(&holders{note: fat(900)}), nil
		}}, []string{"too many holders"}},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			grown := heapGrowth(t, func() {
				_, err = Read(t.Context(), []File{c.file}, c.format, Options{}, func(Row) error { return nil })
			})
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("got %v, want fault.Invalid", err)
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error %q does not say %q", err, w)
				}
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if grown > 64<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
		})
	}
}

// parties makes parties with one address each, of different ids and long names.
type parties struct {
	name string
	n    int
	left bytes.Buffer
}

func (p *parties) Read(b []byte) (int, error) {
	for p.left.Len() < len(b) {
		p.n++
		fmt.Fprintf(&p.left, `<DistinctParty FixedRef="%d"><Profile ID="%d"><Identity Primary="true"><Alias AliasTypeID="1403" Primary="true"><DocumentedName><DocumentedNamePart><NamePartValue ScriptID="215">%s</NamePartValue></DocumentedNamePart></DocumentedName></Alias></Identity><Feature ID="2" FeatureTypeID="1"><FeatureVersion><VersionDetail>x</VersionDetail></FeatureVersion></Feature></Profile></DistinctParty>`, p.n, p.n, p.name)
	}
	return p.left.Read(b)
}

// comments makes rows of OFAC's comments table.
type comments struct {
	text string
	n    int
	left bytes.Buffer
}

func (c *comments) Read(b []byte) (int, error) {
	for c.left.Len() < len(b) {
		c.n++
		fmt.Fprintf(&c.left, "%d,\"%s; \"\r\n", c.n, c.text)
	}
	return c.left.Read(b)
}

// holders makes wallets with a holder each, and the holders.
type holders struct {
	note string
	n    int
	left bytes.Buffer
}

func (h *holders) Read(b []byte) (int, error) {
	for h.left.Len() < len(b) && h.n < 60_000 {
		h.n++
		fmt.Fprintf(&h.left, `{"id": "w%d", "schema": "CryptoWallet", "properties": {"publicKey": ["a"], "holder": ["h%d"]}}`+"\n"+
			`{"id": "h%d", "caption": "%s", "schema": "Person", "properties": {}}`+"\n", h.n, h.n, h.n, h.note)
	}
	return h.left.Read(b)
}

// A long list of any format is read in memory that does not grow with it.
func TestLongListsAreReadInBoundedMemory(t *testing.T) {
	n := int64(300_000)
	if testing.Short() || raceEnabled {
		n = 50_000
	}
	const address = "12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h"
	for name, file := range map[string]File{
		"text":              stream("a", "", address+"\n", n, ""),
		"csv":               stream("a", "address,asset,entity\n", address+`,XBT,"YAN, Xiaobing"`+"\n", n, ""),
		"json":              stream("a", "[", `{"address": "`+address+`", "name": "YAN"},`, n, `"x"]`),
		"ndjson":            stream("a", "", `{"address": "`+address+`", "entity": {"name": "YAN"}}`+"\n", n, ""),
		"ofac_xml":          stream("a", "<sdnList>", "<sdnEntry><uid>1</uid><idList><id><idType>Digital Currency Address - XBT</idType><idNumber>"+address+"</idNumber></id></idList></sdnEntry>", n, "</sdnList>"),
		"ftm":               stream("a", "", `{"id": "x", "schema": "CryptoWallet", "properties": {"publicKey": ["`+address+`"]}}`+"\n", n, ""),
		"tagpack":           stream("a", "title: x\nlabel: YAN\ntags:\n", "- address: "+address+"\n  currency: BTC\n", n/10, ""),
		"tagpack, JSON":     stream("a", `{"title": "x", "tags": [`, `{"address": "`+address+`"},`, n, `{"address": "x"}], "label": "YAN"}`),
		"json, wallets":     stream("a", "[", `{"name": "YAN", "wallets": [{"currency": "BTC", "address": "`+address+`"}]},`, n/10, `"x"]`),
		"opensanctions_csv": stream("a", `"id","schema","name","aliases","identifiers"`+"\n", `"x","CryptoWallet","`+address+`","","`+address+`"`+"\n", n, ""),
	} {
		t.Run(name, func(t *testing.T) {
			rows := int64(0)
			var err error
			grown := heapGrowth(t, func() {
				_, err = Read(t.Context(), []File{file}, "auto", Options{}, func(r Row) error {
					if r.Problem == "" {
						rows++
					}
					return nil
				})
			})
			if err != nil || rows < n/10 {
				t.Fatalf("%d rows, %v", rows, err)
			}
			if grown > 32<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
		})
	}
}
