package journal

import "time"

// Stats are figures of one journal since it was opened.
type Stats struct {
	Records   uint64 // appended
	Bytes     uint64 // that they take in the segments, 24 each for framing included
	Refused   uint64 // calls that failed because the disk did, or because the journal was closed
	Rotations uint64 // segments that were followed by another

	Syncs            uint64        // successful flushes to disk; many durable records may share one
	LastSync         time.Time     // when the last one ended; zero if there was none
	LastSyncDuration time.Duration // how long it took

	Recovered Recovery // what Open did

	LastError   error     // the last failure of the disk, also if it was overcome; nil if none
	LastErrorAt time.Time // when it was
}

// Recovery is what Open did to the segments that crashed writers had left.
type Recovery struct {
	Segments  int    // cut and sealed
	Records   uint64 // found in them
	Bytes     int64  // of records in them
	CutBytes  int64  // of torn records that were cut from their ends
	Damaged   int    // places inside of segments, with valid records after them, left as they are
	Unsettled int    // segments that could not be recovered, left as they are
}

// Stats returns the figures of this moment.
func (j *Journal) Stats() Stats {
	c := &j.commit
	c.mu.Lock()
	s := Stats{Syncs: c.syncs, LastSync: c.lastSync, LastSyncDuration: c.lastDuration}
	c.mu.Unlock()

	j.mu.Lock()
	defer j.mu.Unlock()
	s.Records, s.Bytes, s.Refused, s.Rotations = j.records, j.bytes, j.refused, j.rotations
	s.Recovered, s.LastError, s.LastErrorAt = j.recovered, j.lastErr, j.lastErrAt
	return s
}
