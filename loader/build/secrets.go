package build

import (
	"errors"
	"strings"

	"interdict/lists/address"
	"interdict/loader/formats"
)

// dropSecrets replaces private keys, seeds and API keys in the words of a row beside its address and labels: the name, the note, a date
// that does not read. It reports whether there were any.
func dropSecrets(r *formats.Row) (dropped bool) {
	for _, field := range [...]*string{&r.EntityID, &r.EntityName, &r.EntityType, &r.Category, &r.Confidence, &r.Incident, &r.ListedOn, &r.ValidUntil,
		&r.URL, &r.Note} {
		if clean := address.Recordable(*field); clean != *field {
			*field, dropped = clean, true
		}
	}
	for i, program := range r.Programs {
		if clean := address.Recordable(program); clean != program {
			r.Programs = append(append([]string(nil), r.Programs[:i]...), r.Programs[i:]...) // rows share them
			r.Programs[i], dropped = clean, true
		}
	}
	return dropped
}

// IsSecret reports whether a text that was refused with err as an address is a secret, which a list does not keep. 64 hex digits are
// none: they may be a key, and OFAC lists such a text.
func IsSecret(text string, err error) bool {
	var bad *address.Error
	return errors.As(err, &bad) && bad.Reason == address.SecretMaterial && !isHex64(text)
}

func isHex64(s string) bool {
	s = strings.TrimPrefix(strings.Trim(s, " \t\r\n"), "0x")
	return len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
