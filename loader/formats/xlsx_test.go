package formats

import (
	"testing"
)

func TestXLSXPlaceholder(t *testing.T) {}
