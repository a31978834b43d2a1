package report

import (
	"time"

	"interdict/lists/fault"
)

// Kind is what is reported to OFAC.
type Kind string

const (
	Blocked   Kind = "blocked"   // property was blocked: 31 CFR 501.603(b)(1)
	Rejected  Kind = "rejected"  // a transaction was rejected: 31 CFR 501.604
	Unblocked Kind = "unblocked" // blocked property was unblocked or transferred: 31 CFR 501.603(b)(3)
)

// reportDays is how many business days each of these reports may take.
const reportDays = 10

// DueDate returns the last day, as midnight UTC, on which the report of something that happened at a time is in time: the tenth business
// day after it. The day of the event is its date in the location of at, and does not count. The annual report has another rule: AnnualDue.
func DueDate(kind Kind, at time.Time) (time.Time, error) {
	switch kind {
	case Blocked, Rejected, Unblocked:
	default:
		return time.Time{}, fault.E(fault.Invalid, "reports of kind %q are not known: blocked, rejected or unblocked", kind)
	}
	day := dateOf(at)
	for n := 0; n < reportDays; {
		day = day.AddDate(0, 0, 1)
		if BusinessDay(day) {
			n++
		}
	}
	return day, nil
}

// AnnualDue returns the day on which the annual report of the property that was blocked on 30 June of a year is due, as midnight UTC:
// 30 September, which no weekend moves (31 CFR 501.603(b)(2)).
func AnnualDue(year int) time.Time { return time.Date(year, time.September, 30, 0, 0, 0, 0, time.UTC) }
