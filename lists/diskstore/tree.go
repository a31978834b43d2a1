package diskstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// bbolt does not verify its pages. It follows a page that points back to a page above it until memory is exhausted, and overwrites
// a page that is both in a tree and in the list of free pages. verifyTree looks for such pages when the
// database is opened. It reads the file format of bbolt, which has not changed since BoltDB 1.0:
//
//	page      id(8) flags(2) count(2) overflow(4), in native byte order, then its elements
//	branch    position(4) length of key(4) page(8)
//	leaf      flags(4) position(4) length of key(4) length of value(4); position counts from the element
//	bucket    root page(8) sequence(8), as the value of a leaf element with flag 1; root 0: its page follows here
const (
	pageHead     = 16
	pageBranch   = 1
	pageLeaf     = 2
	pageFreelist = 16
	elementSize  = 16
	leafBucket   = 1
	manyPages    = 0xffff // count of a free list whose real count is in its first element
)

var order64 = binary.NativeEndian

type treeCheck struct {
	file     io.ReaderAt
	pageSize int64
	pages    uint64 // number of pages of the database
	seen     []bool
}

// verifyTree checks that every page is referenced at most once, has the right type, and is not free.
func verifyTree(file io.ReaderAt, pageSize int, pages, root, freelist uint64) error {
	t := &treeCheck{file: file, pageSize: int64(pageSize), pages: pages, seen: make([]bool, pages)}
	if err := t.tree(root, true); err != nil {
		return err
	}
	if freelist == ^uint64(0) {
		return nil // the database has no free list
	}
	return t.free(freelist)
}

func damagedPage(id uint64, what string) error {
	return fmt.Errorf("page %d is damaged: %s", id, what)
}

// read reads a page and marks it and its overflow pages as seen.
func (t *treeCheck) read(page []byte, id uint64) (flags uint16, count, size int64, err error) {
	if id < 2 || id >= t.pages {
		return 0, 0, 0, damagedPage(id, "it is outside of the database")
	}
	if _, err := t.file.ReadAt(page, int64(id)*t.pageSize); err != nil {
		return 0, 0, 0, err
	}
	overflow := uint64(order64.Uint32(page[12:]))
	if order64.Uint64(page) != id || id+overflow >= t.pages {
		return 0, 0, 0, damagedPage(id, "its header is invalid")
	}
	for i := id; i <= id+overflow; i++ {
		if t.seen[i] {
			return 0, 0, 0, damagedPage(i, "it is used twice")
		}
		t.seen[i] = true
	}
	return order64.Uint16(page[8:]), int64(order64.Uint16(page[10:])), int64(1+overflow) * t.pageSize, nil
}

// tree verifies the tree under a page. top is true for the root bucket, whose elements are all buckets.
func (t *treeCheck) tree(root uint64, top bool) error {
	page := make([]byte, t.pageSize)
	for left := []uint64{root}; len(left) > 0; {
		id := left[len(left)-1]
		left = left[:len(left)-1]
		flags, count, size, err := t.read(page, id)
		if err != nil {
			return err
		}
		if pageHead+elementSize*count > t.pageSize || flags != pageBranch && flags != pageLeaf || flags == pageBranch && count == 0 {
			return damagedPage(id, "it is neither branch nor leaf")
		}
		for at := int64(pageHead); count > 0; at, count = at+elementSize, count-1 {
			element := page[at : at+elementSize]
			if flags == pageBranch {
				if at+int64(order64.Uint32(element))+int64(order64.Uint32(element[4:])) > size {
					return damagedPage(id, "an element is outside of the page")
				}
				left = append(left, order64.Uint64(element[8:]))
				continue
			}
			value := at + int64(order64.Uint32(element[4:])) + int64(order64.Uint32(element[8:]))
			if value+int64(order64.Uint32(element[12:])) > size {
				return damagedPage(id, "an element is outside of the page")
			}
			if isBucket := order64.Uint32(element) == leafBucket; isBucket != top {
				return damagedPage(id, "an element is of the wrong kind")
			}
			if top {
				if err := t.bucket(int64(id)*t.pageSize + value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// bucket verifies the tree of the bucket whose header is at an offset.
func (t *treeCheck) bucket(at int64) error {
	var head [16]byte
	if _, err := t.file.ReadAt(head[:], at); err != nil {
		return err
	}
	if root := order64.Uint64(head[:]); root != 0 {
		return t.tree(root, false)
	}
	return nil
}

// free verifies the list of free pages.
func (t *treeCheck) free(id uint64) error {
	page := make([]byte, t.pageSize)
	flags, count, _, err := t.read(page, id)
	if err != nil {
		return err
	}
	if flags != pageFreelist {
		return damagedPage(id, "it is not a list of free pages")
	}
	n, at := uint64(count), int64(id)*t.pageSize+pageHead
	if count == manyPages {
		n, at = order64.Uint64(page[pageHead:]), at+8
	}
	if n > t.pages {
		return damagedPage(id, "it lists too many free pages")
	}
	list := make([]byte, 8*n)
	if _, err := t.file.ReadAt(list, at); err != nil {
		return err
	}
	for ; len(list) > 0; list = list[8:] {
		free := order64.Uint64(list)
		if free < 2 || free >= t.pages || t.seen[free] {
			return damagedPage(free, "it is free and in use")
		}
		t.seen[free] = true
	}
	return nil
}

// verifyFile finds the newest root, as bbolt does, and verifies the tree under it.
func verifyFile(file io.ReaderAt, pageSize int, txid uint64) error {
	for page := range int64(2) {
		meta := make([]byte, pageHead+80)
		if _, err := file.ReadAt(meta, page*int64(pageSize)); err != nil {
			return err
		}
		// magic(4) version(4) page size(4) flags(4) root(8) sequence(8) free list(8) pages(8) transaction(8) checksum(8)
		meta = meta[pageHead:]
		if order64.Uint64(meta[48:]) == txid {
			return verifyTree(file, pageSize, order64.Uint64(meta[40:]), order64.Uint64(meta[16:]), order64.Uint64(meta[32:]))
		}
	}
	return errors.New("both roots are damaged")
}
