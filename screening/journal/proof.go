package journal

import (
	"context"
	"errors"
	"time"
)

// Appender is a log that proves that records were not changed later.
type Appender interface {
	// Append adds the canonical form of a record, Record.Bytes. It is called in order of sequence, 1, 2, 3 …, from one goroutine, and must not
	// keep record. After an error it is called again with the same record.
	Append(seq uint64, record []byte) error
	// Seal is called, by the same goroutine, when a segment has been sealed and all its records were added.
	Seal() error
}

// prove is the prover goroutine. It hands records to the proof after they have reached the disk, so that after a loss of power
// the proof has no record that the journal has not. At Close it tries once more and ends: the caller hands the rest over with
// ReadFrom, as it does for writers that crashed.
func (j *Journal) prove() {
	var retry <-chan time.Time
	var feed, buf []byte
	var sealed uint64 // what Seal was called for
	for closing := false; !closing; {
		select {
		case <-j.quitProof:
			closing = true
		case <-j.proveNow:
		case <-retry:
		}
		retry = nil
		j.mu.Lock()
		from, last, seal := j.proven+1, j.tail.fed, j.sealed
		feed, j.tail.feed = j.tail.feed, feed[:0]
		j.mu.Unlock()

		var err error
		if from, buf, err = j.proveFeed(feed, from, last, buf); err == nil && from <= last {
			from, buf, err = j.proveFromDisk(from, last, buf)
		}
		if err == nil && seal > sealed && from > seal {
			if err = j.proof.Seal(); err == nil {
				sealed = seal
			}
		}
		j.mu.Lock()
		failing := j.proofErr != nil
		j.proven, j.proofErr = from-1, err
		j.mu.Unlock()
		if err != nil {
			retry = time.After(retryEvery)
			if !failing {
				j.log.Error("the proof of the journal is behind", "next", from, "error", err)
			}
		}
		if cap(feed) > 1<<20 {
			feed = nil
		}
	}
}

// proveFeed hands over the records in feed, which end with last, unless some before them are missing there.
func (j *Journal) proveFeed(feed []byte, from, last uint64, buf []byte) (next uint64, _ []byte, err error) {
	_, n := fit(feed, len(feed))
	if last-n+1 != from {
		return from, buf, nil
	}
	for len(feed) > 0 {
		f, _ := getFrame(feed[:frameSize(feed)], j.salt, from)
		feed = feed[f.bytes:]
		if buf, err = j.proveOne(from, Record{Writer: j.writer, Sequence: from, Kind: f.kind, ID: f.id, Time: timeOf(f.nanos), Payload: f.payload}, buf); err != nil {
			return from, buf, err
		}
		from++
	}
	return from, buf, nil
}

// proveFromDisk hands over records that were dropped from the feed, or refused before.
func (j *Journal) proveFromDisk(from, last uint64, buf []byte) (next uint64, _ []byte, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for r, err := range ReadFrom(ctx, j.dir, j.writer, from) {
		if err == nil && r.Sequence > last {
			break
		}
		if err == nil && r.Sequence != from {
			err = errors.New("the record is missing")
		}
		if err == nil {
			buf, err = j.proveOne(from, r, buf)
		}
		if err != nil {
			return from, buf, err
		}
		from++
	}
	return from, buf, nil
}

func (j *Journal) proveOne(sequence uint64, r Record, buf []byte) ([]byte, error) {
	buf = r.AppendBytes(buf[:0])
	return buf, j.proof.Append(sequence, buf)
}
