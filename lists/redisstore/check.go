package redisstore

import (
	"strings"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// What the contract of lists.Store allows, checked before anything is written.
const (
	maxDocKey      = 200
	maxDocBytes    = 8 << 20
	maxLayerID     = 120
	maxBlobName    = 200
	maxRefs        = 1 << 20 // bytes of references under one key
	maxAttribution = 1 << 20
)

const (
	alphabetName = "abcdefghijklmnopqrstuvwxyz0123456789-"
	alphabetDoc  = alphabetName + "/_"
)

func checkName(what, s, alphabet string, limit int) error {
	if s == "" || len(s) > limit || strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(alphabet, r) }) >= 0 {
		return fault.E(fault.Invalid, "%.210q is no %s: 1 to %d characters of %s", s, what, limit, alphabet)
	}
	return nil
}

func checkDocKey(key string) error    { return checkName("document key", key, alphabetDoc, maxDocKey) }
func checkLayerID(id string) error    { return checkName("layer id", id, alphabetName, maxLayerID) }
func checkBlobName(name string) error { return checkName("blob name", name, alphabetName, maxBlobName) }

func checkChanges(changes []lists.Change) error {
	seen := make(map[string]bool, len(changes))
	for _, c := range changes {
		if err := checkDocKey(c.Key); err != nil {
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

// order checks the entries of a layer as they come.
type order struct {
	announced, put int
	hash           uint64
	key            address.Key
}

func (o *order) next(e lists.Entry) (hash uint64, err error) {
	hash = lists.Hash(e.Key)
	switch {
	case e.Key == "" || len(e.Key) > address.MaxKey:
		return 0, fault.E(fault.Invalid, "a key has %d bytes, not 1 to %d", len(e.Key), address.MaxKey)
	case len(e.Refs) == 0 || len(e.Refs) > maxRefs:
		return 0, fault.E(fault.Invalid, "the references of a key have %d bytes, not 1 to %d", len(e.Refs), maxRefs)
	case o.put > 0 && (hash < o.hash || hash == o.hash && e.Key <= o.key):
		return 0, fault.E(fault.Invalid, "entry %d of the layer is not in the order of (hash, key)", o.put)
	case o.put == o.announced:
		return 0, fault.E(fault.Invalid, "the layer gets more than the %d entries that were announced", o.announced)
	}
	o.hash, o.key = hash, e.Key
	o.put++
	return hash, nil
}

func (o *order) complete() error {
	if o.put != o.announced {
		return fault.E(fault.Invalid, "the layer got %d entries instead of %d", o.put, o.announced)
	}
	return nil
}
