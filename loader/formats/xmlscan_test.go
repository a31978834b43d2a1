package formats

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

// outline reads a document with our scanner, and gives its elements, attributes "a" and own texts, one a line.
func outline(r io.Reader) (string, error) {
	x := newXMLScanner(&input{name: "a"}, r)
	var b strings.Builder
	if _, err := x.root(); err != nil {
		return "", err
	}
	var walk func(name []byte) error
	walk = func(name []byte) error {
		fmt.Fprintf(&b, "<%s a=%q>\n", name, x.attr("a"))
		var text []byte
		for {
			kind, err := x.next()
			if err != nil {
				return err
			}
			switch kind {
			case xmlStart:
				if err := walk(x.name); err != nil {
					return err
				}
			case xmlText:
				if text, err = x.own(text); err != nil {
					return err
				}
			case xmlEnd:
				fmt.Fprintf(&b, "%q</>\n", text)
				return nil
			}
		}
	}
	if err := walk(x.name); err != nil {
		return "", err
	}
	return b.String(), x.finish()
}

// reference does the same with encoding/xml.
func reference(r io.Reader) (string, error) {
	d := xml.NewDecoder(r)
	var b strings.Builder
	var texts []string
	for {
		t, err := d.Token()
		if err == io.EOF {
			if len(texts) == 0 && b.Len() == 0 {
				return "", io.ErrUnexpectedEOF
			}
			return b.String(), nil
		} else if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			a := ""
			for _, attr := range t.Attr {
				if attr.Name.Local == "a" {
					a = attr.Value
					break
				}
			}
			fmt.Fprintf(&b, "<%s a=%q>\n", t.Name.Local, a)
			texts = append(texts, "")
		case xml.CharData:
			if len(texts) > 0 {
				texts[len(texts)-1] += string(t)
			}
		case xml.EndElement:
			fmt.Fprintf(&b, "%q</>\n", texts[len(texts)-1])
			texts = texts[:len(texts)-1]
		}
	}
}

var documents = []string{
	`<a/>`,
	`<?xml version="1.0"?><a><b a="1">x</b><b a='2"'>y</b></a>`,
	"<!-- c --><n:a xmlns:n='x' n:a='v'>\r\n text &amp; &lt;more&gt; &#65;&#x42;&quot;&apos; <![CDATA[<raw> & ]] ]]> end</n:a>\n",
	`<a a="x > y" b='<'></a>`,
	`<a><b/><b></b ><!-- <c> --><?pi <d> ?></a>`,
	`<a a="a&amp;b">ünïcode 闫</a>`,
	`<a   a = "1"   b="2"  />`,
	`<a><a><a a="3">deep</a></a></a>`,
	`<a>` + strings.Repeat("x", 100) + `</a>`,
}

func TestOurScannerReadsWhatEncodingXMLReads(t *testing.T) {
	for _, doc := range documents {
		if strings.Contains(doc, "'<'") {
			continue // which encoding/xml refuses
		}
		want, err := reference(strings.NewReader(doc))
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		for _, r := range []io.Reader{strings.NewReader(doc), iotest.OneByteReader(strings.NewReader(doc)), iotest.DataErrReader(strings.NewReader(doc))} {
			got, err := outline(r)
			if err != nil {
				t.Fatalf("%s: %v", doc, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", doc, diff)
			}
		}
	}
}

func TestDocumentsThatAreNotWellFormedAreRefused(t *testing.T) {
	for doc, word := range map[string]string{
		``:                             "no root",
		`text`:                         "outside the root",
		`<a>`:                          "truncated",
		`<a><b></a>`:                   "closes no open element",
		`<a></b>`:                      "closes no open element",
		`</a>`:                         "closes no open element",
		`<a/>x`:                        "outside the root",
		`x<a/>`:                        "outside the root",
		`<a/><b/>`:                     "second root",
		`<a><`:                         "truncated",
		`<a b`:                         "truncated",
		`<`:                            "truncated",
		`<!-- x`:                       "truncated",
		`<!-->`:                        "truncated",
		`<?x`:                          "truncated",
		`<a a="1></a>`:                 "truncated",
		`<a a=1/>`:                     "without quotes",
		`<a a/>`:                       "without a value",
		`<a a="&lol;"/>`:               "unknown entity",
		`<a>&lol;</a>`:                 "unknown entity",
		`<a>& b</a>`:                   "not begin a reference",
		`<a>&#0;</a>`:                  "unknown entity",
		`<a>&#x110000;</a>`:            "unknown entity",
		`<a>&#xD800;</a>`:              "unknown entity",
		`<a>` + "\x00" + `</a>`:        "NUL",
		`< a/>`:                        "without a name",
		`<1/>`:                         "without a name",
		`<>`:                           "without a name",
		`<![CDATA[x]]><a/>`:            "outside the root",
		`<!DOCTYPE a><a/>`:             "DTD",
		`<a><!ENTITY x "y"></a>`:       "DTD",
		strings.Repeat("<a>", 65):      "deeper",
		`<a a="` + "\xff" + `"/>`:      "not UTF-8",
		`<a><![CDATA[x]] ></a>`:        "truncated",
		`<a>` + "\n\n" + `<b></c></a>`: "line 3, in <b>",
	} {
		x := newXMLScanner(&input{name: "f"}, strings.NewReader(doc))
		_, err := outline(strings.NewReader(doc))
		if err == nil {
			_, err = x.root()
			if err == nil {
				_, err = x.text()
			}
		}
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: got %v, want %q", doc, err, word)
		}
	}
}

// The entity bombs that are known by name.
func TestEntityBombsAreRefused(t *testing.T) {
	laughs := `<?xml version="1.0"?><!DOCTYPE sdnList [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]><sdnList><sdnEntry><lastName>&lol2;</lastName></sdnEntry></sdnList>`
	outside := `<?xml version="1.0"?><!DOCTYPE Sanctions [<!ENTITY xxe SYSTEM "file:///etc/passwd">]><Sanctions>&xxe;</Sanctions>`
	for _, format := range []string{"ofac_xml", "ofac_advanced", "ofac_enhanced", "un_xml"} {
		refused(t, format, memory("bomb.xml", []byte(laughs)), "DTD")
		refused(t, format, memory("bomb.xml", []byte(outside)), "DTD")
	}
	refused(t, "auto", memory("bomb.xml", []byte(laughs)))
}
