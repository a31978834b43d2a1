package console

import "testing"

func TestLasting(t *testing.T) {
	for seconds, want := range map[float64]string{0: "under a second", 0.4: "under a second", 1: "1 second", 59: "59 seconds", 60: "1 minute", 61: "1 minute 1 second", 3600: "1 hour",
		3725: "1 hour 2 minutes", 47 * 3600: "47 hours", 49 * 3600: "2 days 1 hour", -120: "minus 2 minutes"} {
		if got := lasting(&seconds); got != want {
			t.Errorf("%v: %q instead of %q", seconds, got, want)
		}
	}
	if got := lasting((*float64)(nil)); got != "not known" {
		t.Error(got)
	}
}
