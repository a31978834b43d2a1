package lists

// Restored says what a restore brought back into the store.
type Restored struct {
	Generation int      `json:"generation"` // that holds both sides; 0: no generation was lost
	Lost       int      `json:"lost"`       // number of the generation that was brought back
	Lists      []string `json:"lists"`      // that were brought back
	Layers     int      `json:"layers"`     // that were written
	// Notes name the documents that were put back, and what the lost generation had changed and the new one does not: removals that were not made again, settings that
	// were changed on both sides.
	Notes []string `json:"notes"`
}
