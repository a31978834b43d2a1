package screening

import "encoding/binary"

// maxRecordedText limits the digits of one text in a record.
const maxRecordedText = 4096

// recordReader reads the parts of a record. After the first part that is not there, all others are empty, and bad is true.
type recordReader struct {
	b   []byte
	bad bool
}

func (r *recordReader) fail() { r.bad, r.b = true, nil }

func (r *recordReader) next(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	part := r.b[:n:n]
	r.b = r.b[n:]
	return part
}

func (r *recordReader) byte() byte {
	if part := r.next(1); part != nil {
		return part[0]
	}
	return 0
}

func (r *recordReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *recordReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *recordReader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	return string(r.next(int(n)))
}

func (r *recordReader) label() string {
	switch n := r.uvarint(); {
	case n == noLabel:
		return ""
	case n == textLabel:
		return r.text()
	case n-firstLabel < uint64(len(labels)):
		return labels[n-firstLabel]
	}
	r.fail()
	return ""
}

// list reads a number and so many elements. Each has at least one byte.
func (r *recordReader) list(element func()) {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return
	}
	for range n {
		element()
	}
}

func (r *recordReader) labels() (all []string) {
	r.list(func() { all = append(all, r.label()) })
	return all
}
