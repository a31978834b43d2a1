package indextest

import (
	"testing"

	"interdict/screening/archive"
)

// TestModel holds the suite and its model to each other.
func TestModel(t *testing.T) {
	Run(t, func(*testing.T) archive.Index { return newModel() })
}
