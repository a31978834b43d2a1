package lists

import (
	"strings"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// What the contract of Store allows. Both stores check it here, before anything is written.
const (
	MaxDocKey      = 200 // characters
	maxDocBytes    = 8 << 20
	maxLayerID     = 120
	maxBlobName    = 200
	MaxRefs        = 1 << 20 // bytes of references under one key
	MaxAttribution = 1 << 20 // bytes
)

// Characters of names, and of the keys of documents.
const (
	NameChars = "abcdefghijklmnopqrstuvwxyz0123456789-"
	DocKeyChars  = NameChars + "/_"
)

// CheckName gives fault.Invalid for a name that is empty, too long, or has other characters than those of the alphabet.
func CheckName(what, s, alphabet string, limit int) error {
	if s == "" || len(s) > limit || strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(alphabet, r) }) >= 0 {
		return fault.E(fault.Invalid, "%.210q is no %s: 1 to %d characters of %s", s, what, limit, alphabet)
	}
	return nil
}

// CheckDocKey checks the key of a document, CheckLayerID and CheckBlobName the other names of the contract.
func CheckDocKey(key string) error { return CheckName("document key", key, DocKeyChars, MaxDocKey) }

// CheckLayerID: see CheckDocKey.
func CheckLayerID(id string) error { return CheckName("layer id", id, NameChars, maxLayerID) }

// CheckBlobName: see CheckDocKey.
func CheckBlobName(name string) error { return CheckName("blob name", name, NameChars, maxBlobName) }

// CheckChanges checks what is given to Commit.
func CheckChanges(changes []Change) error {
	seen := make(map[string]bool, len(changes))
	for _, c := range changes {
		if err := CheckDocKey(c.Key); err != nil {
			return err
		}
		if len(c.Value) > maxDocBytes {
			return fault.E(fault.TooLarge, "document %s has %d bytes, more than %d", c.Key, len(c.Value), maxDocBytes)
		}
		if seen[c.Key] {
			return fault.E(fault.Invalid, "document %s is changed twice in one commit", c.Key)
		}
		seen[c.Key] = true
	}
	return nil
}

// EntryChecker checks the entries of a layer as they come.
type EntryChecker struct {
	Expected int // entries
	put       int
	Hash      uint64 // of the last key
	key       address.Key
}

// Next takes the next entry and gives the hash of its key; fault.Invalid if it is not the next one in order.
func (o *EntryChecker) Next(e Entry) (hash uint64, err error) {
	hash = Hash(e.Key)
	switch {
	case e.Key == "" || len(e.Key) > address.MaxKey:
		return 0, fault.E(fault.Invalid, "a key has %d bytes, not 1 to %d", len(e.Key), address.MaxKey)
	case len(e.Refs) == 0 || len(e.Refs) > MaxRefs:
		return 0, fault.E(fault.Invalid, "the references of a key have %d bytes, not 1 to %d", len(e.Refs), MaxRefs)
	case o.put > 0 && (hash < o.Hash || hash == o.Hash && e.Key <= o.key):
		return 0, fault.E(fault.Invalid, "entry %d of the layer is not in the order of (hash, key)", o.put)
	case o.put == o.Expected:
		return 0, fault.E(fault.Invalid, "the layer gets more than the %d entries that were announced", o.Expected)
	}
	o.Hash, o.key = hash, e.Key
	o.put++
	return hash, nil
}

// CheckCount tells whether all announced entries have come.
func (o *EntryChecker) CheckCount() error {
	if o.put != o.Expected {
		return fault.E(fault.Invalid, "the layer got %d entries instead of %d", o.put, o.Expected)
	}
	return nil
}
