package api_test

import (
	"testing"

	"interdict/lists/address"
)

// A listing under a network without a decoder is found when an operator names the network, also where the list was read before.
func TestOpaqueNetworks(t *testing.T) {
	h := open(t)
	const before, after = `{"address":"foo_7Hq2k","network":"foo"}` + "\n" + `{"address":"` + lazarus + `","network":"foo"}` + "\n", `{"address":"foo_9Zz","network":"FOO"}` + "\n"
	h.publish("early", sdn, before)
	h.by("till", "POST", "/v1/check", checkOf("foo_7Hq2k", "foo")).want(422)
	if err := address.SetOpaqueNetworks([]string{"foo"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = address.SetOpaqueNetworks(nil) })
	h.publish("late", sdn, after)
	for text, want := range map[string]string{"foo_7Hq2k": "hit", "foo_9Zz": "hit", lazarus: "hit", "foo_7Hq2K": "miss"} {
		got := h.by("till", "POST", "/v1/check", checkOf(text, "foo")).want(200)
		same(t, text, map[string]any{"result": want}, only(got, "result"))
		own := got["address"].(map[string]any)
		same(t, text, map[string]any{"network": "foo", "canonical": text, "notices": []any{"compared_as_text"}}, only(own, "network", "canonical", "notices"))
	}
	h.by("till", "POST", "/v1/check", checkOf("foo_7Hq2k", "bar")).want(422)
}
