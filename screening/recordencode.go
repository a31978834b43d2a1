package screening

import (
	"encoding/binary"
	"errors"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// A record is the request and its outcome. Numbers are varints, texts have their length before them, and words are labels:
//
//	version           byte: recordVersion; the journal stores the check's id. recordVersionID, which is only read, has the id here
//	outcome           byte: the recorded outcome, the direction, and which of the next fields there are
//	details           byte: the details of a miss, and how the network was named
//	by                text
//	network, asset    labels
//	reference, customer
//	a miss            generation, time in milliseconds, lists, listings; the network and the address (appendMiss)
//	a whole answer    its JSON, to the end
//	a refusal         reason, network, position, networks, detail, input
//	an error          kind, text, input
//
// Old records are JSON and begin with an opening brace.
const (
	recordVersion   = 1
	recordVersionID = 2
)

// Outcomes: the lowest bits of the second byte.
const (
	recordedMiss    = iota // rebuilt from its parts
	recordedHit            // a whole answer: lists are not kept for as long as records
	recordedAnswer         // the whole answer of a miss, with suppressed matches
	recordedRefusal        // the text is not an address
	recordedError

	outcomeBits = 1<<3 - 1
)

// The other bits of the second byte. The direction takes two.
const (
	directionShift = 3
	hasReference   = 1 << (iota + 4)
	hasCustomer
	hasAsset
)

// The bits of the third byte.
const (
	hasNetwork  = 1 << iota // a network was named
	sameNetwork             // it was named as the answer names it
	hasAction               // the action of a miss is not "allow", or not given as the direction is
	hasNetworks             // the address has several readings
	hasAttributes
	hasNotices
	isLost     // the store has lost the generation
	inSandbox  // the server had test addresses
	wouldMatch = hasAction
	undecided  = hasNetworks
)

// Directions: two bits of the second byte.
var recordedDirections = [...]lists.Direction{"", lists.Deposit, lists.Withdrawal}

// appendRecord encodes the request and the answer or the error. sandbox: the server has test addresses.
func (c *check) appendRecord(b []byte, sandbox bool) []byte {
	r := c.request
	b = append(b, recordVersion)
	outcome, details, a := c.outcomeBits()
	if sandbox {
		details |= inSandbox
	}
	switch r.Direction {
	case lists.Deposit:
		outcome |= 1 << directionShift
	case lists.Withdrawal:
		outcome |= 2 << directionShift
	}
	network, asset := recordedLabel(r.Network), recordedLabel(r.Asset)
	reference, customer := address.Recordable(r.Reference), r.Customer
	if !r.Protected {
		customer = address.Recordable(customer)
	}
	if reference != "" {
		outcome |= hasReference
	}
	if customer != "" {
		outcome |= hasCustomer
	}
	if asset != "" {
		outcome |= hasAsset
	}
	if same := outcome&outcomeBits == recordedMiss && network == a.Network; same {
		details |= sameNetwork
	} else if network != "" {
		details |= hasNetwork
	}
	b = append(b, outcome, details)
	b = appendText(b, r.By)
	if details&hasNetwork != 0 {
		b = appendLabel(b, network)
	}
	if asset != "" {
		b = appendLabel(b, asset)
	}
	if reference != "" {
		b = appendText(b, reference)
	}
	if customer != "" {
		b = appendText(b, customer)
	}
	switch outcome & outcomeBits {
	case recordedMiss:
		return appendMiss(b, a, details)
	case recordedHit, recordedAnswer:
		if a.JSON == nil {
			return a.appendJSON(b)
		}
		return append(b, a.JSON...)
	case recordedRefusal:
		cause := c.refused.Cause
		b = appendLabel(b, string(cause.Reason))
		b = appendLabel(b, cause.Network)
		b = binary.AppendVarint(b, int64(cause.Position))
		b = appendLabels(b, cause.Networks)
		b = appendText(b, address.Recordable(cause.Detail))
	default:
		b = appendLabel(b, fault.KindOf(c.err).String())
		b = appendText(b, c.recordedError())
	}
	return appendText(b, c.recordedInput())
}

// outcomeBits returns the bits of the second and third byte that the outcome sets, and the answer to record.
func (c *check) outcomeBits() (outcome, details byte, a *Answer) {
	switch {
	case c.err == nil:
		a = c.recordedAnswer()
		switch {
		case a.Result != Miss:
			return recordedHit, 0, a
		case !isPlainMiss(a):
			return recordedAnswer, 0, a
		}
		if len(a.Networks) > 1 {
			details |= hasNetworks
		}
		if len(a.Attributes) > 0 {
			details |= hasAttributes
		}
		if len(a.Notices) > 0 {
			details |= hasNotices
		}
		if a.snapshot.Screened.Lost {
			details |= isLost
		}
		return recordedMiss, details, a
	case c.refused != nil && c.err == error(c.refused):
		if c.refused.WouldMatch {
			details = wouldMatch
		}
		return recordedRefusal, details, nil
	}
	if errors.As(c.err, new(*Undecided)) {
		details = undecided
	}
	return recordedError, details, nil
}

// isPlainMiss reports whether an answer can be rebuilt from its parts.
func isPlainMiss(a *Answer) bool {
	year := a.snapshot.Screened.AsOf.Year()
	return len(a.Matches)+len(a.Suppressed)+a.MatchesTotal == 0 && year >= 0 && year <= 9999 && a.Variant != address.VariantRaw
}

// appendMiss appends what the answer of a miss has beside the request.
func appendMiss(b []byte, a *Answer, details byte) []byte {
	s := &a.snapshot.Screened
	b = binary.AppendUvarint(b, uint64(s.Generation))
	b = binary.AppendVarint(b, s.AsOf.UnixMilli())
	b = binary.AppendUvarint(b, uint64(s.Lists))
	b = binary.AppendUvarint(b, uint64(s.Listings))
	if s.Lost {
		b = binary.AppendUvarint(b, uint64(s.StoreGeneration))
	}
	b = appendLabel(b, a.Network)
	if details&hasNetworks != 0 {
		b = appendLabels(b, a.Networks)
	}
	b = appendAddress(b, a)
	if details&hasAttributes != 0 {
		b = binary.AppendUvarint(b, uint64(len(a.Attributes)))
		for _, x := range a.Attributes {
			b = appendText(appendLabel(b, x.Name), x.Value)
		}
	}
	if details&hasNotices != 0 {
		b = appendLabels(b, a.Notices)
	}
	return b
}

func appendLabels(b []byte, all []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, s := range all {
		b = appendLabel(b, s)
	}
	return b
}

// How a record contains the payload of an identity: the high bits of the byte with the form of the canonical text.
const (
	payloadShift  = 4
	payloadStored = 0 // as it is
	payloadInText = 1 // as a part of the bytes of the canonical text
	payloadNone   = 2 // the identity is the canonical text
)

// appendAddress appends the identity, the canonical text and the text as it was given.
func appendAddress(b []byte, a *Answer) []byte {
	if a.Key == "" {
		b = append(b, byte(formText)|payloadNone<<payloadShift)
		return appendInput(appendText(b, a.Canonical), a.Input, a.Canonical)
	}
	payload := a.Key.Payload()
	at := len(b)
	b = append(b, 0)
	b = appendIdentityPrefix(b, a.Variant)
	if isEIP55(a, payload) {
		b[at] = byte(formEIP55)
		return appendInput(append(b, payload...), a.Input, a.Canonical)
	}
	start := len(b)
	b, form, found := appendPacked(b, a.Canonical, payload)
	b[at] = byte(form)
	if form != formText {
		b[at] |= payloadInText << payloadShift
		b = binary.AppendUvarint(b, uint64(found-start))
		b = binary.AppendUvarint(b, uint64(len(payload)))
	} else {
		b = appendText(b, payload)
	}
	return appendInput(b, a.Input, a.Canonical)
}

// accountBytes is the length of an EVM account.
const accountBytes = 20

// isEIP55 reports whether the canonical text is the payload as EIP-55 writes it. The letter case of an address of this variant is that
// of EIP-55.
func isEIP55(a *Answer, payload string) bool {
	if a.Variant != address.VariantEVM || len(payload) != accountBytes || len(a.Canonical) != 2+2*accountBytes {
		return false
	}
	const digits = "0123456789abcdef"
	written := a.Canonical[2:]
	var wrong byte
	for i := range len(payload) {
		wrong |= lowerCase[written[2*i]] ^ digits[payload[i]>>4] | lowerCase[written[2*i+1]] ^ digits[payload[i]&15]
	}
	return wrong == 0 && a.Canonical[:2] == "0x"
}
