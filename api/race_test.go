//go:build race

package api_test

// raceEnabled: tests that compress much are left out under the race detector, which makes them take minutes.
const raceEnabled = true
