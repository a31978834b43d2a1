package archive_test

import (
	"testing"

	"interdict/lists"
	"interdict/screening/archive"
)

// The strongest match decides which queue a case is in. Records of older programs have no match; what the action tells is not weaker than it was.
func TestQueues(t *testing.T) {
	for answer, want := range map[string]archive.Queue{
		`{"result":"miss","matches":[]}`:                                                                                           "",
		`{"result":"hit","matches":[{"class":"exact","confidence":"confirmed"}]}`:                                                  archive.QueueExact,
		`{"result":"hit","matches":[{"class":"exact","confidence":"suspected"}]}`:                                                  archive.QueueSuspected,
		`{"result":"hit","matches":[{"class":"same_key","confidence":"confirmed"}]}`:                                               archive.QueueDerived,
		`{"result":"hit","matches":[{"class":"raw","confidence":"confirmed"}]}`:                                                    archive.QueueDerived,
		`{"result":"hit","matches":[{"class":"exact","confidence":"suspected"},{"class":"same_key","confidence":"confirmed"}]}`:    archive.QueueDerived,
		`{"result":"hit","matches":[{"class":"same_script","confidence":"confirmed"},{"class":"exact","confidence":"confirmed"}]}`: archive.QueueExact,
	} {
		o, err := archive.OutcomeOf([]byte(answer))
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Queue(); got != want {
			t.Errorf("%s: %q instead of %q", answer, got, want)
		}
	}
	for action, want := range map[lists.Action]archive.Queue{lists.Freeze: archive.QueueExact, lists.Reject: archive.QueueExact, lists.Review: archive.QueueDerived} {
		if got := (&archive.Outcome{Result: "hit", Action: action}).Queue(); got != want {
			t.Errorf("%s without a match: %q instead of %q", action, got, want)
		}
	}
}
