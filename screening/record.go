package screening

import (
	"context"
	"slices"
	"strings"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/spans"
	"interdict/screening/journal"
)

// record writes one journal record for every check, answered or refused, before the caller gets the result.
func (s *Screener) record(ctx context.Context, w *work) {
	w.entries = w.entries[:0]
	durable := false
	for i := range w.checks {
		c := &w.checks[i]
		if len(c.record) > journal.MaxPayloadBytes { // it must not fail the other checks of the batch
			c.err = fault.E(fault.Internal, "the decision takes %d bytes, more than one record of the journal can hold", len(c.record))
			c.record = c.appendRecord(c.record[:0], w.snap.Screened.Sandbox)
		}
		w.entries = append(w.entries, journal.Entry{Kind: journal.Check, Time: w.now, ID: c.answer.CheckID, Payload: c.record})
		durable = durable || c.durable
	}
	_, span := spans.Start(ctx, "journal append")
	err := s.journal.AppendBatch(w.entries, durable)
	spans.End(span, err)
	for i := range w.checks {
		c := &w.checks[i]
		switch {
		case err != nil:
			c.err = fault.E(fault.Unavailable, "the decision could not be recorded, so it is not given: %w", err)
		case c.err == nil:
			s.metrics.Checked(c.answer)
		case c.err == error(c.refused):
			s.metrics.Refused(string(c.refused.Cause.Reason))
		}
	}
}

// recordedLabel returns a network or asset for the journal. A long text that is not a known label may be a private key in the wrong field.
func recordedLabel(s string) string {
	if len(s) <= 20 || address.KnownAsset(s) {
		return s
	}
	return address.Digest(s)
}

// recordedInput returns the text of a check without an answer for the journal. Only an address is kept as it is: whatever else people
// enter may be a private key, in a spelling that nobody thought of. It is kept as its digest, with which a text can be compared.
func (c *check) recordedInput() string {
	text := c.request.Address
	switch {
	case c.refused != nil, c.mayBeKey():
	case len(c.readings) > 0, address.Recognize(text) >= address.Weak && !address.MayBeKey(text): // it was not parsed: its network is not known
		return address.Recordable(text)
	}
	return address.Digest(text)
}

// mayBeKey reports whether an address is only one because no network was named: 64 hex digits are an account of Aptos and Sui, and a
// private key everywhere else.
func (c *check) mayBeKey() bool {
	return len(c.readings) > 0 && c.request.Network == "" && address.MayBeKey(c.request.Address)
}

// recordedAnswer returns the answer for the journal. It is the one that the caller gets, but for two cases: the address may be a private
// key and is not listed, or a payment URI has one in a parameter. Then the address block has digests in place of them.
func (c *check) recordedAnswer() *Answer {
	a := c.answer
	isKey := c.mayBeKey() && a.Result == Miss && len(a.Suppressed) == 0
	if !isKey && (strings.IndexByte(a.Input, '?') < 0 || !address.HoldsSecret(a.Input)) {
		return a
	}
	masked := *a
	if isKey {
		masked.Input = address.Digest(a.Input)
		masked.Canonical, masked.Key = masked.Input, ""
	} else {
		masked.Input = address.Recordable(a.Input)
		masked.Attributes = slices.Clone(a.Attributes)
		for i := range masked.Attributes {
			masked.Attributes[i].Value = address.Recordable(masked.Attributes[i].Value)
		}
	}
	masked.JSON = nil
	return &masked
}

// isSecret reports whether the text of a check without an answer looks like a private key or a seed, whatever the error is: an
// unreadable store, an unknown network, or a text refused for another reason.
func (c *check) isSecret() bool {
	switch {
	case len(c.readings) > 0:
		return false
	case c.refused != nil && c.refused.Cause.Reason == address.WrongNetwork: // the text proves an address
		return false
	case c.refused != nil && c.refused.Cause.Reason == address.SecretMaterial:
		return true
	}
	return address.HoldsSecret(c.request.Address)
}

// maxInputBytes is how much of a text that is not an address is explained.
const maxInputBytes = 64

func truncateInput(text string) string { return text[:min(len(text), maxInputBytes)] }
