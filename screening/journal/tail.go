package journal

// pageBytes is what a failed sync can destroy before the records that it was for.
const pageBytes = 64 << 10

// maxFeedBytes is how many bytes of records wait for the proof in memory; later ones are read from the segments.
const maxFeedBytes = 16 << 20

// tail has the last records: all that are not known to be on disk, and before them those that share their pages. If a
// sync fails, they are written to another file: the kernel may have dropped what it could not write. Journal.mu guards it.
type tail struct {
	buf     []byte
	first   uint64 // sequence number of the first record in buf; meaningless while buf is empty
	last    uint64 // sequence number of the last record written
	dropped int64  // bytes before buf
	synced  int64  // bytes on disk, counted as dropped

	keep bool   // feed gets the synced records, for the proof
	feed []byte // records on disk that the proof does not have
	fed  uint64 // sequence number of the last record in feed, or known to be missing there
}

func (t *tail) unsynced() int { return int(t.dropped + int64(len(t.buf)) - t.synced) }

// end is the position after the last record.
func (t *tail) end() int64 { return t.dropped + int64(len(t.buf)) }

func (t *tail) add(records []byte, last uint64) {
	if len(t.buf) == 0 {
		t.first = t.last + 1
	}
	t.buf = append(t.buf, records...)
	t.last = last
}

// onDisk marks the records before end as synced.
func (t *tail) onDisk(end int64) {
	if end <= t.synced {
		return
	}
	if t.keep {
		t.feedUp(t.buf[t.synced-t.dropped : end-t.dropped])
	}
	t.synced = end
	n, records := fit(t.buf, int(end-pageBytes-t.dropped))
	rest := copy(t.buf, t.buf[n:])
	t.buf, t.first, t.dropped = t.buf[:rest], t.first+records, t.dropped+int64(n)
	if cap(t.buf) > 16<<20 && rest < 1<<20 {
		t.buf = append([]byte(nil), t.buf...)
	}
}

func (t *tail) feedUp(records []byte) {
	_, n := fit(records, len(records))
	t.fed += n
	if len(t.feed)+len(records) > maxFeedBytes {
		t.feed = t.feed[:0] // the proof notices the gap and reads the segments
		return
	}
	t.feed = append(t.feed, records...)
}
