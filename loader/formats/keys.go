package formats

import (
	"slices"
	"strings"
	"unicode"

	"interdict/lists/address"
)

// keyKind is what the name of a JSON member says about its value.
type keyKind struct {
	plain   string
	field   field // of a Row; numFields: none
	rank    int   // among the names of the field
	network string
	// address: the name says that the value is an address, or several: wallet, btc_address, sanctionedAddresses.
	address bool
	// holder: the name says nothing about the listings in it: addresses, result, items.
	holder bool
	// other: the value is an address of somebody else: victim, from, to.
	other bool
	// passed: the value holds no addresses of the object, although it looks so: transactions, hash.
	passed bool
}

var (
	addressParts = []string{"address", "addr", "wallet", "pubkey", "publickey"}
	// holderWords are parts of names that hold listings and say nothing about them.
	holderWords = []string{"address", "addr", "wallet", "account", "data", "result", "item", "list", "entr", "record", "tag", "label", "sanction",
		"block", "freez", "frozen", "malicious", "crypto", "chain", "network", "asset", "currenc", "key", "object", "rows", "array", "values", "content", "payload", "response"}
	otherWords  = []string{"victim", "victims", "from", "to", "sender", "senders", "receiver", "receivers", "recipient", "recipients", "counterparty", "counterparties", "token", "reporter", "email", "ip", "postal", "street"}
	passedWords = []string{"tx", "txs", "txid", "txids", "txhash", "hash", "hashes", "transaction", "transactions", "transfer", "transfers", "blockhash", "signature", "signatures", "sha256", "md5", "checksum", "inputs", "outputs"}
)

// keyOf reads the name of a member.
func keyOf(name string) keyKind {
	k := keyKind{plain: plain(name), field: numFields}
	if f, ok := known[k.plain]; ok {
		k.field, k.rank = f.field, f.rank
	}
	if k.plain == "family" { // of ransomware
		k.field, k.rank = fIncident, len(synonyms[fIncident])
	}
	if k.plain == "" {
		return k
	}
	words := nameWords(name)
	for _, w := range words {
		k.other = k.other || slices.Contains(otherWords, w)
		k.passed = k.passed || slices.Contains(passedWords, w)
	}
	if k.field < numFields && k.field != fAddress {
		k.passed, k.other = false, false
		k.holder = slices.Contains([]string{"tags", "labels"}, k.plain)
		return k
	}
	for _, part := range holderWords {
		k.holder = k.holder || strings.Contains(k.plain, part)
	}
	for _, part := range addressParts {
		k.address = k.address || strings.Contains(k.plain, part)
	}
	switch {
	case k.passed && k.address: // the address of a transaction, whoever's that is
		k.passed, k.other = false, true
	case k.passed:
		k.holder = false
	case address.KnownAsset(name):
		k.network, k.holder = name, false
	default:
		for _, w := range words {
			for _, part := range addressParts { // btcaddress
				w = strings.TrimSuffix(strings.TrimSuffix(w, "es"), part)
			}
			if k.address && w != "" && k.network == "" && address.KnownAsset(w) {
				k.network = w
			}
		}
	}
	return k
}

// nameWords splits a name into its words, in lower case: wallet_address, walletAddress and "Wallet Address" have the same two.
func nameWords(name string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	lower := false
	for _, c := range name {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			end()
		case unicode.IsUpper(c) && lower:
			end()
			fallthrough
		default:
			word = append(word, c)
		}
		lower = unicode.IsLower(c)
	}
	end()
	return words
}

// mayHold tells whether a text has a run of characters that is long enough for an address. It is quick, and decides only which texts are
// looked at more closely.
func mayHold(s string) bool {
	run := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80:
			if run++; run >= 20 {
				return true
			}
		default:
			run = 0
		}
	}
	return false
}

// holdsAddresses tells whether a text holds at least one address, or something with the form of one.
func holdsAddresses(s string) bool {
	if !mayHold(s) {
		return false
	}
	return len(pieces(s)) > 0
}

// emitAddresses gives a row for each address in the row's Address, which is a text as published.
func (r *run) emitAddresses(row Row) error {
	cell := trim(row.Address)
	if plainWord(cell) || row.Problem != "" {
		return r.emit(row)
	}
	found := pieces(cell)
	if len(found) == 0 {
		return r.emit(row)
	}
	for _, p := range found {
		own := row
		own.Address = p.Address
		own.labelled(p.Label)
		if p.Note != "" && p.Note != row.URL {
			own.set(fNote, "note", p.Note)
		}
		own.Unread = p.Unread
		if err := r.emit(own); err != nil {
			return err
		}
	}
	return nil
}

// labelled gives a row the network or asset that is named beside its address.
func (row *Row) labelled(label string) {
	switch {
	case label == "" || strings.EqualFold(label, row.Network) || strings.EqualFold(label, row.Asset):
	case row.Network == "":
		row.Network = label
	case row.Asset == "":
		row.Asset = label
	default:
		row.remark("label", label)
	}
}
