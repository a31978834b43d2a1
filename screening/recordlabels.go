package screening

import (
	_ "embed"
	"encoding/binary"
	"strings"
	"sync"

	"interdict/lists/address"
)

// labelFile has the words that records contain as numbers, one a line: networks, families and kinds of addresses, assets, actions,
// reasons. The number of a word is its line. Records are kept for years: add at the end, and never change, move or remove a line.
//
//go:embed labels.txt
var labelFile string

var labels = strings.Split(strings.TrimSuffix(labelFile, "\n"), "\n")

var labelNumbers = sync.OnceValue(func() map[string]uint64 {
	numbers := make(map[string]uint64, len(labels))
	for i, l := range labels {
		numbers[l] = uint64(i) + firstLabel
	}
	return numbers
})

// A word in a record is one number: noLabel is the empty text, and after textLabel comes the text itself.
const (
	noLabel = iota
	textLabel
	firstLabel
)

func appendLabel(b []byte, s string) []byte {
	if s == "" {
		return append(b, noLabel)
	}
	if n, ok := labelNumbers()[s]; ok {
		return binary.AppendUvarint(b, n)
	}
	return appendText(append(b, textLabel), s)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// identityPrefixes has the labels of family and kind that identities of each variant begin with, already encoded.
var identityPrefixes = sync.OnceValue(func() [][]byte {
	const end = 1 << 16 // of all variants
	prefixes := make([][]byte, end)
	highest := 0
	for v := range end {
		text := string(address.AppendIdentity(nil, "", address.Variant(v)))
		if text == "" {
			continue
		}
		family, kind, _ := strings.Cut(text, ":")
		prefixes[v] = appendLabel(appendLabel(nil, family), strings.TrimSuffix(kind, ":"))
		highest = v
	}
	return prefixes[: highest+1 : highest+1]
})

// appendIdentityPrefix appends the labels of family and kind of a variant.
func appendIdentityPrefix(b []byte, v address.Variant) []byte {
	if all := identityPrefixes(); int(v) < len(all) && all[v] != nil {
		return append(b, all[v]...)
	}
	return append(b, noLabel, noLabel)
}
