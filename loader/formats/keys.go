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
	field   field  // the field of a Row; numFields if there is none
	rank    int    // rank among the names of the field
	network string // the network or asset in the name
	// address: the value is one address or several: wallet, btc_address, sanctionedAddresses.
	address bool
	// holder: the value holds listings and the name says nothing about them: addresses, result, items.
	holder bool
	// other: the value is an address of someone other than the listed party: victim, from, to.
	other bool
	// passed: the value looks like addresses and holds none of the listed party: transactions, hash.
	passed bool
}

var (
	// addressParts are the parts of a name that mean "address".
	addressParts = []string{"address", "addr", "wallet", "pubkey", "publickey"}
	// fillerWords are further words in the names of columns of addresses that do not name an asset.
	fillerWords = []string{"crypto", "cryptocurrency", "digital", "virtual", "currency", "account", "accounts", "adresse", "adressen", "adresses", "direccion", "indirizzo"}
	// holderWords are the parts of names of members that hold listings and do not describe them.
	holderWords = []string{"address", "addr", "wallet", "account", "data", "result", "item", "list", "entr", "record", "tag", "label", "sanction",
		"block", "freez", "frozen", "malicious", "crypto", "chain", "network", "asset", "currenc", "key", "object", "rows", "array", "values", "content", "payload", "response"}
	// otherWords name members that hold addresses of someone other than the listed party.
	otherWords = []string{"victim", "victims", "from", "to", "sender", "senders", "receiver", "receivers", "recipient", "recipients", "counterparty", "counterparties", "token", "reporter", "email", "ip", "postal", "street"}
	// passedWords name members that hold transactions and hashes.
	passedWords = []string{"tx", "txs", "txid", "txids", "txhash", "hash", "hashes", "transaction", "transactions", "transfer", "transfers", "blockhash", "signature", "signatures", "sha256", "md5", "checksum", "inputs", "outputs"}
)

// keyOf interprets the name of a member.
func keyOf(name string) keyKind {
	k := keyKind{plain: normalizeName(name), field: numFields}
	if f, ok := fieldsByName[k.plain]; ok {
		k.field, k.rank = f.field, f.rank
	}
	if k.plain == "family" { // of ransomware
		k.field, k.rank = fIncident, len(synonyms[fIncident])
	}
	if k.plain == "" {
		return k
	}
	for _, w := range nameWords(name) {
		w = strings.ToLower(w)
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
	case k.passed && k.address: // the address of a transaction may belong to anyone
		k.passed, k.other = false, true
	case k.passed:
		k.holder = false
	case address.KnownAsset(name):
		k.network, k.holder = name, false
	default:
		if words := labelWords(name); k.address {
			if i := slices.IndexFunc(words, address.KnownAsset); i >= 0 {
				k.network = words[i]
			}
		}
	}
	return k
}

// labelWords returns the words of a name that do not mean "address": "BTC" of "Adresse (BTC)", btc of btcaddress.
func labelWords(name string) []string {
	var words []string
	for _, w := range nameWords(name) {
		for _, part := range addressParts {
			for _, plural := range []string{"", "s", "es"} {
				if n := len(w) - len(part+plural); n >= 0 && strings.EqualFold(w[n:], part+plural) {
					w = w[:n]
				}
			}
		}
		if w != "" && !isDigits(w) && !slices.Contains(fillerWords, strings.ToLower(w)) {
			words = append(words, w)
		}
	}
	return words
}

// nameWords splits a name into its words: wallet_address, walletAddress and "Wallet Address" have two.
func nameWords(name string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, string(word))
			word = word[:0]
		}
	}
	lower := false
	for _, c := range strings.Map(removeInvisible, name) {
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

// hasRun reports whether a text has a run of minAddress letters and digits, counting the bytes of signs as letters.
func hasRun(s, signs string) bool {
	run := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80, strings.IndexByte(signs, c) >= 0:
			if run++; run >= minAddress {
				return true
			}
		default:
			run = 0
		}
	}
	return false
}

// hasLongWord reports whether a text has a word as long as an address.
func hasLongWord(s string) bool { return hasRun(s, "") }

// mayHoldAddress is a fast test that excludes most texts without addresses.
func mayHoldAddress(s string) bool { return hasRun(s, "-_+/=:.") || strings.Contains(s, "0.0.") }

// holdsAddresses reports whether a text holds an address, readable or not.
func holdsAddresses(s string) bool { return mayHoldAddress(s) && len(splitCell(s)) > 0 }

// emitAddresses yields a row for each address in row.Address, which is a text as published.
func (r *run) emitAddresses(row Row) error {
	cell := trim(row.Address)
	if isAlphanumeric(cell) || row.Problem != "" {
		return r.emit(row)
	}
	found := splitCell(cell)
	if len(found) == 0 {
		return r.emit(row)
	}
	for _, p := range found {
		own := row
		own.Address = p.Address
		own.setLabel(p.Label)
		if p.Note != "" && p.Note != row.URL {
			own.addText(p.Note)
		}
		own.Unread = p.Unread
		if err := r.emit(own); err != nil {
			return err
		}
	}
	return nil
}

// setLabel sets the network or asset named beside the address.
func (row *Row) setLabel(label string) {
	switch {
	case label == "" || strings.EqualFold(label, row.Network) || strings.EqualFold(label, row.Asset):
	case row.Network == "":
		row.Network = label
	case row.Asset == "":
		row.Asset = label
	default:
		row.addNote("label", label)
	}
}
