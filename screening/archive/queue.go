package archive

import (
	"slices"

	"interdict/lists"
	"interdict/screening"
)

// Queue is the kind of work that a case is.
type Queue string

// Queues, the strongest matches first.
const (
	QueueExact     Queue = "exact"     // the address itself is listed, and the attribution is confirmed
	QueueDerived   Queue = "derived"   // another form of the address, or a part of it
	QueueSuspected Queue = "suspected" // nothing that matches is confirmed
)

// Queues are all queues.
var Queues = []Queue{QueueExact, QueueDerived, QueueSuspected}

func queueOf(class string, confidence lists.Confidence) Queue {
	switch {
	case confidence != lists.Confirmed:
		return QueueSuspected
	case class == "exact":
		return QueueExact
	}
	return QueueDerived
}

// strength orders matches, the strongest first.
func strength(class string, confidence lists.Confidence) int {
	return slices.Index(Queues, queueOf(class, confidence))
}

// Queue returns the queue that the strongest match belongs into; "" without a match. Records of older programs do not have it: there the action tells,
// of which the default policy gives more than a review only to exact, confirmed matches.
func (o *Outcome) Queue() Queue {
	switch {
	case o.Result != screening.ResultHit:
		return ""
	case o.Class != "":
		return queueOf(o.Class, o.Confidence)
	case o.Action == lists.Freeze || o.Action == lists.Reject:
		return QueueExact
	}
	return QueueDerived
}
