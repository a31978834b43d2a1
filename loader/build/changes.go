package build

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"interdict/lists"
	"interdict/lists/address"
)

// ChangeRules is the version of the rules by which Changes pairs listings and makes their ids. A change of those rules, or of contentSum,
// needs another number: followers of the feed then begin again, because they know listings by their ids.
const ChangeRules = 1

// Side is one side of a comparison: the settings of a list with the layers of one of its versions; no layers for nothing.
type Side struct {
	List   *lists.List
	Layers []lists.Layer
}

// Changes yields the listings that differ between two sides in the order of (Hash(Key), Key). Unlike Compare, each side has settings of its
// own: a listing that leaves its category or its confidence to the list differs when the default of the list does. Listings of the same address
// and content count as one. The rows have ids.
func Changes(ctx context.Context, store lists.Store, was, is Side, yield func(DiffRow) error) error {
	c := comparer{was: newStack(was.List, was.Layers), is: newStack(is.List, is.Layers), yield: yield, ids: true}
	return c.run(ctx, store)
}

// id returns the id of a listing. It is made of the address and of what the list says of it. Where the listing stands in a file, and in which
// version it first appeared, makes no difference: both can change while the listing does not.
func (s *stack) id(key address.Key, r *lists.StackRef) string {
	text := ""
	if r.Variant == address.VariantRaw {
		text = r.Text
	}
	var b []byte
	for _, part := range []string{s.list.ID, string(key), text} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	b = binary.AppendUvarint(b, uint64(r.Variant))
	b = binary.BigEndian.AppendUint64(b, s.digest(r))
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// distinct removes listings that have the identity and the content of an earlier one under the same key.
func (s *stack) distinct(refs []lists.StackRef) []lists.StackRef {
	if len(refs) < 2 {
		return refs
	}
	kept := refs[:0]
	for i := range refs {
		r := refs[i]
		if !slices.ContainsFunc(kept, func(k lists.StackRef) bool { return k.Same(&r.Ref) && s.digest(&k) == s.digest(&r) }) {
			kept = append(kept, r)
		}
	}
	return kept
}
