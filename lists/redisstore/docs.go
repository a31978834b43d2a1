package redisstore

import (
	"context"
	"strings"

	"interdict/lists"
	"interdict/lists/fault"
)

// Get reads a document.
func (s *Store) Get(ctx context.Context, key string) (lists.Doc, error) {
	if err := lists.CheckDocKey(key); err != nil {
		return lists.Doc{}, err
	}
	c, cancel := s.bulk(ctx)
	defer cancel()
	found, err := s.records(c, recordDoc+key)
	if err != nil {
		return lists.Doc{}, s.failed(ctx, "read document "+key, err)
	}
	if found[0].revision == 0 {
		return lists.Doc{}, fault.E(fault.NotFound, "no such document: %s", key)
	}
	return doc(found[0]), nil
}

func doc(r record) lists.Doc {
	return lists.Doc{Key: strings.TrimPrefix(r.name, recordDoc), Value: r.value, Revision: r.revision}
}

// Scan reads all documents whose key begins with prefix. It is atomic up to a thousand documents or 2 MiB.
func (s *Store) Scan(ctx context.Context, prefix string) ([]lists.Doc, error) {
	if !checkPrefix(prefix) {
		return nil, nil
	}
	found, err := s.scan(ctx, recordDoc+prefix)
	if err != nil {
		return nil, s.failed(ctx, "list documents", err)
	}
	docs := make([]lists.Doc, len(found))
	for i, r := range found {
		docs[i] = doc(r)
	}
	return docs, nil
}

// Commit makes all changes or none. After fault.Unavailable they may have been made nevertheless: the reply
// of Redis can be lost.
func (s *Store) Commit(ctx context.Context, changes ...lists.Change) error {
	if err := lists.CheckChanges(changes); err != nil {
		return err
	}
	notify := false
	list := make([]change, len(changes))
	for i, c := range changes {
		list[i] = change{recordDoc + c.Key, c.Value, c.Expect}
		notify = notify || c.Watched()
	}
	_, name, err := s.commit(ctx, notify, list...)
	if err != nil {
		return s.failed(ctx, "commit", err)
	}
	if name != "" {
		return conflict("document", strings.TrimPrefix(name, recordDoc))
	}
	return nil
}
