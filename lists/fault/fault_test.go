package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestTheOutermostKindWins(t *testing.T) {
	inner := E(NotFound, "no such %s", "thing")
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{inner, NotFound},
		{fmt.Errorf("read: %w", inner), NotFound},
		{E(Unavailable, "read: %w", inner), Unavailable},
		{errors.New("nobody said"), Internal},
		{nil, Internal},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%v is %v", c.err, got)
		}
	}
	if Is(nil, Internal) || !Is(inner, NotFound) || !errors.Is(E(Stale, "%w", inner), inner) {
		t.Error("a kind is lost or found where there is none")
	}
}

func TestEveryKindHasAName(t *testing.T) {
	for k := Internal; k <= Usage; k++ {
		if name := k.String(); name == "" || name == fmt.Sprintf("kind %d", k) {
			t.Errorf("kind %d has no name", k)
		}
	}
}
