package screening

import (
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/journal"
)

// record writes one journal record for every check, answered or refused, before the caller gets the result.
func (s *Screener) record(w *work) {
	w.entries = w.entries[:0]
	durable := false
	for i := range w.checks {
		c := &w.checks[i]
		if len(c.record) > journal.MaxPayloadBytes { // it must not fail the other checks of the batch
			c.err = fault.E(fault.Internal, "the decision takes %d bytes, more than one record of the journal can hold", len(c.record))
			c.record = c.appendRecord(c.record[:0])
		}
		w.entries = append(w.entries, journal.Entry{Kind: journal.Check, Time: w.now, Payload: c.record})
		durable = durable || c.durable
	}
	err := s.journal.AppendBatch(w.entries, durable)
	for i := range w.checks {
		c := &w.checks[i]
		switch {
		case err != nil:
			c.err = fault.E(fault.Unavailable, "the decision could not be recorded, so it is not given: %w", err)
		case c.err == nil:
			s.metrics.Checked(c.answer.Result)
		case c.err == error(c.refused):
			s.metrics.Refused(string(c.refused.Cause.Reason))
		}
	}
}

// appendRecord encodes the request with the answer's own bytes, or with the error.
func (c *check) appendRecord(b []byte) []byte {
	r := c.request
	b = append(b, `{"by":`...)
	b = appendString(b, r.By)
	for _, m := range [...]struct{ name, value string }{{"network", recordedLabel(r.Network)}, {"asset", recordedLabel(r.Asset)},
		{"reference", r.Reference}, {"customer", r.Customer}} {
		if m.value != "" {
			b = appendMember(b, m.name, m.value)
		}
	}
	if c.err == nil {
		b = append(b, `,"answer":`...)
		b = append(b, c.answer.JSON...)
		return append(b, '}')
	}
	b = appendMember(b, "direction", string(r.Direction))
	b = appendMember(b, "refused", fault.KindOf(c.err).String())
	if c.refused != nil && c.err == error(c.refused) {
		b = appendMember(b, "reason", string(c.refused.Cause.Reason))
		if c.refused.WouldMatch {
			b = append(b, `,"would_match":true`...)
		}
	}
	if !c.isSecret() {
		b = appendMember(b, "input", truncateInput(r.Address))
	}
	return append(b, '}')
}

// recordedLabel returns a network or asset for the journal. A long text that is not a known label may be a private key in the wrong field.
func recordedLabel(s string) string {
	if len(s) <= 20 || address.KnownAsset(s) {
		return s
	}
	return "…"
}

// isSecret reports whether the text of a check without an answer looks like a private key or a seed, whatever the error is: an
// unreadable store, an unknown network, or a text refused for another reason ("p2wpkh:L53…", "key=…", an xprv with a path).
func (c *check) isSecret() bool {
	if len(c.readings) > 0 {
		return false
	}
	if c.refused != nil && c.refused.Cause.Reason == address.SecretMaterial {
		return true
	}
	return c.refused == nil && address.LooksSecret(c.request.Address) || address.ContainsSecret(c.request.Address)
}

// maxInputBytes is how much of a text that is not an address is recorded and explained.
const maxInputBytes = 64

func truncateInput(text string) string { return text[:min(len(text), maxInputBytes)] }
