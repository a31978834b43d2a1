//go:build race

package main

// raceEnabled: tests that only look for secrets in what is written are left out under the race detector, which makes them take minutes.
const raceEnabled = true
