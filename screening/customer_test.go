package screening_test

import (
	"strings"
	"testing"

	"interdict/lists/fault"
	"interdict/screening"
)

func TestCustomersAreProtected(t *testing.T) {
	key, another := strings.Repeat("k", 32), strings.Repeat("a", 32)
	of := func(how, key string) *screening.Customers {
		t.Helper()
		c, err := screening.NewCustomers(how, key)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, how := range []string{"hash", "encrypt"} {
		c := of(how, key)
		got := c.Protect("c-19")
		if strings.Contains(got, "c-19") || got != of(how, key).Protect("c-19") || got == c.Protect("c-18") || got == of(how, another).Protect("c-19") {
			t.Errorf("%s: %q", how, got)
		}
		if c.Protect("") != "" {
			t.Errorf("%s: a check without a customer has one", how)
		}
		if want := map[string]string{"hash": got, "encrypt": "c-19"}[how]; c.Reveal(got) != want {
			t.Errorf("%s: %q is revealed as %q", how, got, c.Reveal(got))
		}
		for _, other := range []*screening.Customers{nil, of("hash", key), of("encrypt", another)} {
			if other.Reveal(got) != got {
				t.Errorf("%s: revealed without the key", how)
			}
		}
	}
	var plain *screening.Customers
	if of("plain", "") != nil || plain.Protect("c-19") != "c-19" || plain.Reveal("c-19") != "c-19" {
		t.Error("plain customers do not stay as they are")
	}
	for how, key := range map[string]string{"plain": key, "hash": "short", "encrypt": ""} {
		if _, err := screening.NewCustomers(how, key); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s with a key of %d bytes: %v", how, len(key), err)
		}
	}
}
