package diskstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"go.etcd.io/bbolt"

	"interdict/lists"
	"interdict/lists/fault"
)

const docHead = 12 // revision(8) crc32c(4), before the value

func sumDoc(key, stored []byte) uint32 {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, stored[:8])
	return crc32.Update(sum, castagnoli, stored[docHead:])
}

func encodeDoc(key string, revision uint64, value []byte) []byte {
	b := make([]byte, docHead, docHead+len(value))
	binary.BigEndian.PutUint64(b, revision)
	b = append(b, value...)
	binary.BigEndian.PutUint32(b[8:], sumDoc([]byte(key), b))
	return b
}

// decodeDoc verifies and copies a document from the database.
func decodeDoc(key, stored []byte) (lists.Doc, error) {
	if len(stored) < docHead || binary.BigEndian.Uint32(stored[8:]) != sumDoc(key, stored) {
		return lists.Doc{}, fmt.Errorf("document %s is damaged: %w", key, errDamaged)
	}
	return lists.Doc{Key: string(key), Value: bytes.Clone(stored[docHead:]), Revision: binary.BigEndian.Uint64(stored)}, nil
}

// Get reads a document.
func (s *Store) Get(ctx context.Context, key string) (doc lists.Doc, err error) {
	if err := lists.CheckDocKey(key); err != nil {
		return doc, err
	}
	err = s.view(ctx, func(tx *bbolt.Tx) (err error) {
		stored := tx.Bucket(bucketDocuments).Get([]byte(key))
		if stored == nil {
			return fault.E(fault.NotFound, "no such document: %s", key)
		}
		doc, err = decodeDoc([]byte(key), stored)
		return err
	})
	return doc, err
}

// Scan reads all documents whose key begins with prefix, in one transaction.
func (s *Store) Scan(ctx context.Context, prefix string) (docs []lists.Doc, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketDocuments).Cursor()
		for k, v := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			doc, err := decodeDoc(k, v)
			if err != nil {
				return err
			}
			docs = append(docs, doc)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return docs, nil
}

// Commit makes all changes or none.
func (s *Store) Commit(ctx context.Context, changes ...lists.Change) error {
	if err := lists.CheckChanges(changes); err != nil {
		return err
	}
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketDocuments)
		for _, c := range changes {
			if c.Expect == lists.AnyRevision {
				continue
			}
			var revision uint64
			if stored := b.Get([]byte(c.Key)); stored != nil {
				doc, err := decodeDoc([]byte(c.Key), stored)
				if err != nil {
					return err
				}
				revision = doc.Revision
			}
			if revision != c.Expect {
				return fault.E(fault.Conflict, "document %s was changed at the same time: read it again", c.Key)
			}
		}
		revision, err := b.NextSequence()
		if err != nil {
			return err
		}
		count := countDocuments(tx)
		for _, c := range changes {
			if b.Get([]byte(c.Key)) != nil {
				count--
			}
			if c.Value == nil {
				err = b.Delete([]byte(c.Key))
			} else {
				count++
				err = b.Put([]byte(c.Key), encodeDoc(c.Key, revision, c.Value))
			}
			if err != nil {
				return err
			}
		}
		return tx.Bucket(bucketStore).Put(keyDocuments, binary.BigEndian.AppendUint64(nil, count))
	})
	if err == nil && slices.ContainsFunc(changes, lists.Change.Watched) {
		s.watches.notify()
	}
	return err
}

func countDocuments(tx *bbolt.Tx) uint64 {
	return binary.BigEndian.Uint64(tx.Bucket(bucketStore).Get(keyDocuments))
}

// verifyDocuments finds damage that would make a document look absent: bbolt has no checksums over its pages. Layers
// need no such check, since each of their blocks proves absence.
func verifyDocuments(tx *bbolt.Tx) error {
	var count uint64
	b := tx.Bucket(bucketDocuments)
	err := b.ForEach(func(k, v []byte) error {
		count++
		if !bytes.Equal(b.Get(k), v) {
			return fmt.Errorf("the tree of documents is damaged: %w", errDamaged)
		}
		_, err := decodeDoc(k, v)
		return err
	})
	if err == nil && count != countDocuments(tx) {
		err = fmt.Errorf("there are %d documents instead of %d", count, countDocuments(tx))
	}
	return err
}
