package lists

import (
	"strings"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// Limits of the interface Store. Both stores check them here before they write anything.
const (
	MaxDocKey      = 200 // bytes
	maxDocBytes    = 8 << 20
	maxLayerID     = 120
	maxBlobName    = 200
	MaxRefs        = 1 << 20 // bytes of references under one key
	MaxAttribution = 1 << 20 // bytes
)

// Characters allowed in names of layers and blobs, and in keys of documents.
const (
	NameChars   = "abcdefghijklmnopqrstuvwxyz0123456789-"
	DocKeyChars = NameChars + "/_"
)

// CheckName returns fault.Invalid if s is empty, longer than limit bytes, or has a character that is not in alphabet.
func CheckName(what, s, alphabet string, limit int) error {
	if s == "" || len(s) > limit || strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(alphabet, r) }) >= 0 {
		return fault.E(fault.Invalid, "%s is not a valid %s: use 1 to %d characters of %s", address.Quote(s), what, limit, alphabet)
	}
	return nil
}

// CheckDocKey checks the key of a document.
func CheckDocKey(key string) error { return CheckName("document key", key, DocKeyChars, MaxDocKey) }

// CheckLayerID checks the id of a layer.
func CheckLayerID(id string) error { return CheckName("layer id", id, NameChars, maxLayerID) }

// CheckBlobName checks the name of a blob.
func CheckBlobName(name string) error { return CheckName("blob name", name, NameChars, maxBlobName) }

// CheckChanges checks the arguments of Commit: their keys, their sizes, and that no document is changed twice.
func CheckChanges(changes []Change) error {
	seen := make(map[string]bool, len(changes))
	for _, c := range changes {
		if err := CheckDocKey(c.Key); err != nil {
			return err
		}
		if len(c.Value) > maxDocBytes {
			return fault.E(fault.TooLarge, "document %s has %d bytes; the limit is %d", c.Key, len(c.Value), maxDocBytes)
		}
		if seen[c.Key] {
			return fault.E(fault.Invalid, "document %s is changed twice in one commit", c.Key)
		}
		seen[c.Key] = true
	}
	return nil
}

// EntryChecker checks the size and order of the entries of a layer while they are put.
type EntryChecker struct {
	Expected int // entries
	put      int
	Hash     uint64 // of the last key
	key      address.Key
}

// Next checks the next entry and returns the hash of its key. fault.Invalid: its size or its order is wrong.
func (o *EntryChecker) Next(e Entry) (hash uint64, err error) {
	hash = Hash(e.Key)
	switch {
	case e.Key == "" || len(e.Key) > address.MaxKey:
		return 0, fault.E(fault.Invalid, "the key of an entry has %d bytes; it must have 1 to %d", len(e.Key), address.MaxKey)
	case len(e.Refs) == 0 || len(e.Refs) > MaxRefs:
		return 0, fault.E(fault.Invalid, "the references of a key have %d bytes; they must have 1 to %d", len(e.Refs), MaxRefs)
	case o.put > 0 && (hash < o.Hash || hash == o.Hash && e.Key <= o.key):
		return 0, fault.E(fault.Invalid, "entry %d of the layer is out of order: sort entries by (hash, key)", o.put)
	case o.put == o.Expected:
		return 0, fault.E(fault.Invalid, "the layer has more than the %d entries given to CreateLayer", o.Expected)
	}
	o.Hash, o.key = hash, e.Key
	o.put++
	return hash, nil
}

// CheckCount returns fault.Invalid unless exactly the expected number of entries was checked.
func (o *EntryChecker) CheckCount() error {
	if o.put != o.Expected {
		return fault.E(fault.Invalid, "the layer got %d entries instead of %d", o.put, o.Expected)
	}
	return nil
}
