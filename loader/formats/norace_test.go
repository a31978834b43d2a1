//go:build !race

package formats

// raceEnabled: tests of speed and of long lists are cut short under the race detector.
const raceEnabled = false
