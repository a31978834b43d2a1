package formats

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
)

const deltaOfOFAC = `<?xml version="1.0" encoding="utf-8"?>
<sanctionsData xmlns="https://www.treasury.gov/ofac/DeltaFile/1.0">
  <publicationInfo><datePublished>2026-08-20T00:00:00-04:00</datePublished><publicationType>Standard Action</publicationType></publicationInfo>
  <entities>
    <entity id="1" action="add"><features>
      <feature id="11"><type featureTypeId="344">Digital Currency Address - XBT</type><value>12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h</value></feature>
      <feature id="12"><type featureTypeId="8">Birthdate</type><value>03 Mar 1972</value></feature></features></entity>
    <entity id="2" action="modify"><features>
      <feature id="21" action="add"><type>Digital Currency Address - ETH</type><value>0xa1</value></feature>
      <feature id="22" action="remove"><type>Digital Currency Address - ETH</type><value>0xa2</value></feature>
      <feature id="23"><type>Digital Currency Address - ETH</type><value>0xa3</value></feature></features></entity>
    <entity id="3" action="remove"><generalInfo><entityType>Entity</entityType></generalInfo></entity>
    <entity id="4" action="delete"><features><feature id="41"><type>Digital Currency Address - USDT</type><value>T1</value></feature></features></entity>
    <entity id="5" action="add"><features><feature id="51"><type>Digital Currency Address - ETH</type><value/></feature></features></entity>
  </entities>
</sanctionsData>`

func readDelta(content string) (all []string, published string, err error) {
	words := map[DeltaAction]string{DeltaNamed: "named", DeltaAdded: "added", DeltaRemoved: "removed", DeltaEnded: "ended"}
	f := File{Name: "delta.xml", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
	published, err = ReadOFACDelta(context.Background(), f, func(d Delta) error {
		all = append(all, strings.Join([]string{words[d.Action], d.EntityID, d.Asset, d.Address, d.Problem}, " "))
		return nil
	})
	return all, published, err
}

func TestADeltaSaysWhatHasHappenedToEachAddress(t *testing.T) {
	got, published, err := readDelta(deltaOfOFAC)
	want := []string{"added 1 XBT 12QtD5BFwRsdNsAZY76UVE1xyCGNTojH9h ", "added 2 ETH 0xa1 ", "removed 2 ETH 0xa2 ", "named 2 ETH 0xa3 ", "ended 3   ",
		"removed 4 USDT T1 ", "ended 4   ", "added 5 ETH  address: value is empty"}
	if diff := cmp.Diff(want, got); diff != "" || published != "2026-08-20" || err != nil {
		t.Errorf("%s\npublished %q, %v", diff, published, err)
	}
}

// A truncated file is an error, wherever it ends.
func TestATruncatedDeltaIsAnError(t *testing.T) {
	for n := range len(deltaOfOFAC) {
		if _, _, err := readDelta(deltaOfOFAC[:n]); !fault.Is(err, fault.Invalid) {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
	}
	if _, _, err := readDelta(`<sanctionsData><publicationInfo/></sanctionsData>`); !fault.Is(err, fault.Invalid) {
		t.Errorf("without entities: %v", err)
	}
}

func FuzzReadOFACDelta(f *testing.F) {
	for _, seed := range []string{deltaOfOFAC, `<d><entities><entity action="remove"/></entities></d>`, `<d><entities><entity id="&amp;" action="add"><features><feature action=" "><type>Digital Currency Address</type><value>a; b</value></feature></features></entity></entities>`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file := File{Name: "delta.xml", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
		_, err := ReadOFACDelta(context.Background(), file, func(d Delta) error {
			if d.Action == DeltaEnded && d.Address != "" || d.Action != DeltaEnded && d.Address == "" && d.Problem == "" {
				t.Errorf("%+v", d)
			}
			return nil
		})
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Errorf("an error without a kind: %v", err)
		}
	})
}
