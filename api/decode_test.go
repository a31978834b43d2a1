package api

import (
	stdjson "encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"interdict/lists"
	"interdict/screening"
)

// text is a JSON string and nothing else: the library would take null for an empty one.
type text string

func (s *text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '"' {
		return errors.New("no string")
	}
	t, err := d.ReadToken()
	*s = text(t.String())
	return err
}

// described is a check as openapi.yaml has it, for a library to decode.
type described struct {
	Address   *text `json:"address"`
	Direction *text `json:"direction"`
	Network   text  `json:"network"`
	Asset     text  `json:"asset"`
	Reference text  `json:"reference"`
	Customer  text  `json:"customer"`
}

// strictly is how the library must read: the library refuses duplicate names and invalid UTF-8 by itself.
var strictly = json.RejectUnknownMembers(true)

var errNoCheck = errors.New("no check")

// reference decodes a check as the library and the contract have it.
func reference(body []byte) (screening.Request, error) {
	var x described
	if err := json.Unmarshal(body, &x, strictly); err != nil {
		return screening.Request{}, err
	}
	if body = []byte(strings.TrimLeft(string(body), " \t\r\n")); len(body) == 0 || body[0] != '{' || x.Address == nil || x.Direction == nil {
		return screening.Request{}, errNoCheck // the library takes null for an empty object
	}
	r := screening.Request{Address: string(*x.Address), Direction: lists.Direction(*x.Direction), Network: string(x.Network), Asset: string(x.Asset),
		Reference: string(x.Reference), Customer: string(x.Customer)}
	if r.Direction != lists.Deposit && r.Direction != lists.Withdrawal {
		return screening.Request{}, errNoCheck
	}
	for _, s := range []string{r.Network, r.Asset, r.Reference, r.Customer} {
		if len(s) > maxField {
			return screening.Request{}, errNoCheck
		}
	}
	return r, nil
}

// checkSeeds are bodies of checks, good and bad.
var checkSeeds = []string{
	`{"address":"0x098B716B8Aaf21512996dC57EB0615e2383E2f96","direction":"withdrawal"}`,
	`{"address":"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa","network":"bitcoin","asset":"XBT","direction":"deposit","reference":"r","customer":"c"}`,
	" {\t\"direction\" :\r\n\"deposit\" , \"address\": \"\" } ",
	`{"address":"\u0031\ud83d\ude00\"\\\/\b\f\n\r\t","direction":"deposit"}`,
	`{"address":"größe 😀","direction":"deposit","customer":"\u00e9"}`,
	`{"address":"a","direction":"deposit","address":"b"}`,
	`{"address":"a","direction":"deposit","\u0061ddress":"b"}`,
	`{"address":"a","direction":"deposit","Network":"b"}`,
	`{"address":"a","direction":"deposit","network":null}`,
	`{"address":1,"direction":"deposit"}`,
	`{"address":"a","direction":"deposit","extra":{"a":[1,2,{"b":null}]}}`,
	`{"address":"a","direction":"deposit","customer":"` + "\xff" + `"}`,
	`{"address":"a","direction":"deposit","customer":"\ud800"}`,
	`{"address":"a","direction":"deposit","customer":"\udc00\ud800"}`,
	`{"address":"a","direction":"deposit","customer":"\ud800\u0061"}`,
	`{"address":"a","direction":"deposit","customer":"` + "a\x00b" + `"}`,
	`{"address":"a","direction":"deposit","reference":"` + strings.Repeat("r", maxField) + `"}`,
	`{"address":"a","direction":"deposit","reference":"` + strings.Repeat("r", maxField+1) + `"}`,
	`{"address":"a","direction":"deposit"}{}`, `{"address":"a","direction":"deposit"} x`, `{"address":"a","direction":"deposit",}`, `{,}`, `{}`, `[]`, `null`, ``, ` `, `"`, `{"`, `{"address"`,
	`{"address":`, `{"address":"`, `{"address":"\`, `{"address":"\u00`, `{"address":"a"`, `{"address":"a",`, "\ufeff{}", `{"address":"a" "direction":"deposit"}`,
}

// FuzzDecodeCheck holds our decoder against a library: both take a body, with the same values, or both refuse it.
func FuzzDecodeCheck(f *testing.F) {
	for _, s := range checkSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := screening.Request{By: "somebody", Network: "left over"}
		err := decodeCheck(string(body), &got)
		want, wantErr := reference(body)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: we say %v, the library says %v", body, err, wantErr)
		}
		if want.By = "somebody"; err == nil && got != want {
			t.Fatalf("%q: (-library +ours)\n%s", body, cmp.Diff(want, got))
		}
	})
}

// errBatch stands for a batch that is refused as a whole.
var errBatch = errors.New("no batch")

// referenceBatch decodes a batch: an item that is JSON but no check has an error of its own.
func referenceBatch(body []byte) (requests []screening.Request, errs []error, err error) {
	// What an item holds is looked at later; that a name appears twice in it makes it no check, and does not spoil the others.
	d := jsontext.NewDecoder(strings.NewReader(string(body)), jsontext.AllowDuplicateNames(true))
	expect := func(kind jsontext.Kind, text string) bool {
		t, err := d.ReadToken()
		return err == nil && t.Kind() == kind && (text == "" || t.String() == text)
	}
	if !expect('{', "") || !expect('"', "checks") || !expect('[', "") {
		return nil, nil, errBatch
	}
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil || len(requests) == maxChecks {
			return nil, nil, errBatch
		}
		r, itemErr := reference(v)
		requests, errs = append(requests, r), append(errs, itemErr)
	}
	if !expect(']', "") || !expect('}', "") {
		return nil, nil, errBatch
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, nil, errBatch
	}
	return requests, errs, nil
}

// depth is how deep the brackets of a text nest at the most.
func depth(body []byte) (deepest int) {
	n := 0
	for _, c := range body {
		switch c {
		case '{', '[':
			n++
			deepest = max(deepest, n)
		case '}', ']':
			n--
		}
	}
	return deepest
}

// FuzzDecodeChecks does the same for batches.
func FuzzDecodeChecks(f *testing.F) {
	for _, s := range checkSeeds {
		f.Add([]byte(`{"checks":[` + s + `]}`))
		f.Add([]byte(`{"checks":[{"address":"a","direction":"deposit"},` + s + `,{"address":"b","direction":"withdrawal"}]}`))
	}
	for _, s := range []string{`{"checks":[]}`, ` { "checks" : [ ] } `, `{"checks":[],}`, `{"checks":[],"checks":[]}`, `{"checks":[],"more":1}`, `{"more":1,"checks":[]}`, `{"checks":{}}`,
		`{"checks":[]}x`, `{"checks":[1,-0.5e+7,true,false,null,"s",[],{},[[[]]]]}`, `{"checks":[01]}`, `{"checks":[1.]}`, `{"checks":[1e]}`, `{"checks":[-]}`, `{"checks":[tru]}`, `{"checks":[nulll]}`,
		`{"checks":[{"a":1,"a":2}]}`, `{"checks":[{"a" 1}]}`, `{"checks":[[1 2]]}`, `{"checks":[` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `]}`,
		`{"checks":[` + strings.TrimSuffix(strings.Repeat("1,", maxChecks), ",") + `]}`, `{"checks":[` + strings.Repeat("1,", maxChecks) + `1]}`, `{"checks":[`, `{"checks":`, `{"checks"`, `{`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, errs, err := decodeChecks(string(body), "somebody", nil, nil)
		if depth(body) > maxDepth && err != nil {
			return // our limit is lower than the library's
		}
		want, wantErrs, wantErr := referenceBatch(body)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: we say %v, the library says %v", body, err, wantErr)
		}
		if err != nil {
			return
		}
		if len(got) != len(want) || len(errs) != len(want) {
			t.Fatalf("%q: %d items and %d errors, the library has %d", body, len(got), len(errs), len(want))
		}
		for i := range got {
			if (errs[i] == nil) != (wantErrs[i] == nil) {
				t.Fatalf("%q: item %d: we say %v, the library says %v", body, i, errs[i], wantErrs[i])
			}
			if want[i].By = "somebody"; errs[i] == nil && got[i] != want[i] {
				t.Fatalf("%q: item %d: (-library +ours)\n%s", body, i, cmp.Diff(want[i], got[i]))
			}
		}
	})
}

// BenchmarkDecodeCheck measures what the hand-written decoder is for.
func BenchmarkDecodeCheck(b *testing.B) {
	body := []byte(checkSeeds[1])
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		var r screening.Request
		for b.Loop() {
			if err := decodeCheck(string(body), &r); err != nil {
				b.Fatal(err)
			}
		}
	})
	type plain struct {
		Address   string `json:"address"`
		Direction string `json:"direction"`
		Network   string `json:"network"`
		Asset     string `json:"asset"`
		Reference string `json:"reference"`
		Customer  string `json:"customer"`
	}
	b.Run("go-json-experiment, strict", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			var r plain
			if err := json.Unmarshal(body, &r, strictly); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json, lax", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			var r plain
			if err := stdjson.Unmarshal(body, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
