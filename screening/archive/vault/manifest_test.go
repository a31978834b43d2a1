package vault_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"interdict/screening/archive/vault"
)

const manifest = `{
  "format": 1,
  "segment": "journal-01020304-0506-7007-8008-090a0b0c0d0e-000003-01234567-00000000000000000041-019a9cea8749-019a9cea8750.zst",
  "writer": "01020304-0506-7007-8008-090a0b0c0d0e",
  "number": 3,
  "first": 41,
  "last": 60,
  "missing": 0,
  "from": "2025-11-19T16:20:07.113Z",
  "to": "2025-11-19T16:20:07.12Z",
  "bytes": 4711,
  "sha256": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  "previous": ""
}
`

func TestManifest(t *testing.T) {
	m, err := vault.ParseManifest([]byte(manifest))
	if err != nil || m.First != 41 || m.Last != 60 || m.Bytes != 4711 {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, change := range [][2]string{
		{`"format": 1`, `"format": 2`},
		{`"number": 3`, `"number": 4`},
		{`"first": 41`, `"first": 40`},
		{`"last": 60`, `"last": 40`},
		{`"last": 60`, `"last": 9223372036854775808`},
		{`"missing": 0`, `"missing": 20`},
		{`"writer": "01`, `"writer": "02`},
		{`-000003-`, `-000004-`},
		{`.zst`, `.log`},
		{`"bytes": 4711`, `"bytes": -4711`},
		{`07.12Z`, `07.1Z`},
		{`1e1f"`, `1e"`},
		{`1e1f"`, `1E1F"`},
		{`"previous": ""`, `"previous": "00"`},
		{`"previous": ""`, `"previous": "", "more": 1`},
		{"\n}\n", "\n}"},
	} {
		text := strings.Replace(manifest, change[0], change[1], 1)
		if m, err := vault.ParseManifest([]byte(text)); text == manifest || err == nil {
			t.Errorf("%s: accepted %+v", change[1], m)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(manifest))
	f.Add([]byte(`{"format":1}`))
	f.Add([]byte(strings.Replace(manifest, `"previous": ""`, `"previous": "`+strings.Repeat("ab", 32)+`"`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := vault.ParseManifest(b)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("encoded again (-want +got):\n%s%v", cmp.Diff(string(b), string(again)), err)
		}
	})
}
