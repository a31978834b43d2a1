package journal

import "time"

// Stats are figures of one journal since it was opened.
type Stats struct {
	Records   uint64 // appended
	Bytes     uint64 // of these records in the segments, with 24 bytes of framing each
	Refused   uint64 // calls that failed because of the disk or because the journal was closed
	Rotations uint64 // segments that were replaced by the next

	Syncs            uint64        // successful flushes to disk; many durable records may share one
	LastSync         time.Time     // end of the last one; zero if none
	LastSyncDuration time.Duration // how long it took

	Recovered Recovery // what Open did

	LastError   error     // last error of the disk, also if the journal works again; nil if none
	LastErrorAt time.Time // time of LastError
}

// Recovery counts what Open did to the segments of crashed writers.
type Recovery struct {
	Segments  int    // truncated and sealed
	Records   uint64 // in these segments
	Bytes     int64  // of these records
	CutBytes  int64  // of torn records that were removed from their ends
	Damaged   int    // damaged places before valid records, left unchanged
	Unsettled int    // segments that could not be recovered, left unchanged
}

// Stats returns the current figures.
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
