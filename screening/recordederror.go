package screening

import (
	"encoding/json"
	"errors"
	"strings"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// recordedFault is the error of a decision without an answer, read back.
type recordedFault struct {
	kind fault.Kind
	text string
}

func (e *recordedFault) Error() string         { return e.text }
func (e *recordedFault) FaultKind() fault.Kind { return e.kind }

// recordedUndecided is an *Undecided with the text that it had.
type recordedUndecided struct{ recordedFault }

func (e *recordedUndecided) Unwrap() error { return &Undecided{&e.recordedFault} }

func newRecordedError(kind fault.Kind, text string, undecided bool) error {
	if undecided {
		return &recordedUndecided{recordedFault{kind, text}}
	}
	return &recordedFault{kind, text}
}

// maxErrorText limits the text of an error in a record. It is far longer than any text of ours; the causes of others are cut.
const maxErrorText = 64 << 10

// recordedError returns the text of the error for the journal. It may quote the network, which may be a private key in the wrong field.
func (c *check) recordedError() string {
	text := c.err.Error()
	if network := c.request.Network; recordedLabel(network) != network {
		text = strings.ReplaceAll(text, address.Quote(network), recordedLabel(network))
	}
	text = address.Recordable(text)
	return text[:min(len(text), maxErrorText)]
}

// faultKind returns the kind with a name.
func faultKind(name string) (fault.Kind, bool) {
	const end = 1 << 6
	for k := range fault.Kind(end) {
		if k.String() == name {
			return k, true
		}
	}
	return fault.Internal, false
}

// decodeJSON reads a record of an earlier version. That of a refusal has neither the detail nor the position.
func (d *Decision) decodeJSON(payload []byte) error {
	var x struct {
		By         string          `json:"by"`
		Network    string          `json:"network"`
		Asset      string          `json:"asset"`
		Reference  string          `json:"reference"`
		Customer   string          `json:"customer"`
		Answer     json.RawMessage `json:"answer"`
		Direction  lists.Direction `json:"direction"`
		Refused    string          `json:"refused"`
		Reason     address.Reason  `json:"reason"`
		WouldMatch bool            `json:"would_match"`
		Input      string          `json:"input"`
	}
	if err := json.Unmarshal(payload, &x); err != nil {
		return fault.E(fault.Unavailable, "the record of a decision is damaged: %w", err)
	}
	d.By, d.Network, d.Asset, d.Reference, d.Customer = x.By, x.Network, x.Asset, x.Reference, x.Customer
	if x.Answer != nil {
		return d.setAnswer(x.Answer)
	}
	d.Direction, d.Input, d.Result = x.Direction, x.Input, ResultError
	kind, known := faultKind(x.Refused)
	if !known {
		return fault.E(fault.Unavailable, "the record of a decision has neither an answer nor a known error")
	}
	if x.Reason == "" {
		d.Err = newRecordedError(kind, x.Refused, false)
		return nil
	}
	d.Result = ResultRefused
	network, _ := address.ResolveNetwork(x.Network)
	d.Err = &Refused{Cause: &address.Error{Reason: x.Reason, Network: network, Position: -1}, WouldMatch: x.WouldMatch}
	return nil
}

// JSON returns the decision as records of earlier versions contain it: the request, and the answer or why there is none.
func (d *Decision) JSON() []byte {
	b := appendString([]byte(`{"by":`), d.By)
	member := func(name, value string) {
		if value != "" {
			b = appendMember(b, name, value)
		}
	}
	member("network", d.Network)
	member("asset", d.Asset)
	member("reference", d.Reference)
	member("customer", d.Customer)
	if d.Err == nil {
		b = append(b, `,"answer":`...)
		return append(append(b, d.Answer...), '}')
	}
	b = appendMember(b, "direction", string(d.Direction))
	b = appendMember(b, "refused", fault.KindOf(d.Err).String())
	var refused *Refused
	if errors.As(d.Err, &refused) {
		b = appendMember(b, "reason", string(refused.Cause.Reason))
		if refused.WouldMatch {
			b = append(b, `,"would_match":true`...)
		}
	}
	return append(appendMember(b, "input", d.Input), '}')
}
