package journal

import (
	"time"

	"interdict/lists/timing"
)

// Stats are figures of one journal since it was opened.
type Stats struct {
	Records   uint64 // appended
	Bytes     uint64 // of these records in the segments before compression
	Refused   uint64 // calls that failed because of the disk or because the journal was closed
	Rotations uint64 // segments that were replaced by the next

	Syncs         uint64        // successful flushes to disk; many records share one
	LastSync      time.Time     // end of the last one; zero if none
	Synced        uint64        // sequence number of the last record that is known to be on disk
	SyncDurations timing.Counts // of all flushes that succeeded
	Syncing       time.Time     // start of the flush that is running; zero if none is

	Recovered Recovery // what Open did

	LastError   error     // last error of the disk, also if the journal works again; nil if none
	LastErrorAt time.Time // time of LastError, or now while appends are refused

	Proven     uint64 // sequence number of the last record that Options.Proof has
	ProofError error  // why it does not take the next one; nil if it does
}

// Recovery counts what Open did to the segments of crashed writers.
type Recovery struct {
	Segments  int    // sealed
	Records   uint64 // in these segments
	Bytes     int64  // of these records before compression
	CutBytes  int64  // of torn records that were removed from their ends
	Damaged   int    // damaged places before valid records; the damaged file is kept
	Unsettled int    // segments that could not be recovered, left unchanged
}

// Stats returns the current figures.
func (j *Journal) Stats() Stats {
	c := &j.commit
	c.mu.Lock()
	s := Stats{Syncs: c.syncs, LastSync: c.lastSync, Synced: c.synced, SyncDurations: c.durations.Counts()}
	if c.busy {
		s.Syncing = c.begun
	}
	c.mu.Unlock()

	j.mu.Lock()
	defer j.mu.Unlock()
	s.Records, s.Bytes, s.Refused, s.Rotations = j.records, j.bytes, j.refused, j.rotations
	s.Recovered, s.LastError, s.LastErrorAt = j.recovered, j.lastErr, j.lastErrAt
	s.Proven, s.ProofError = j.proven, j.proofErr
	if j.refusal != nil {
		s.LastError, s.LastErrorAt = j.refusal, j.now()
	}
	return s
}
