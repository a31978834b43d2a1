package build

import (
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
