package clienttest_test

import (
	"testing"

	"interdict/api/client"
	"interdict/api/client/clienttest"
	"interdict/lists"
)

// The client holds every transfer that the service does not clear, in each way that it can fail.
func TestEveryAnswer(t *testing.T) {
	fake := clienttest.New(t)
	c := fake.Client()
	ask := func(direction lists.Direction) client.Decision {
		return c.Check(t.Context(), client.CheckRequest{Address: "a", Direction: direction, Reference: "r"})
	}
	if d := ask(lists.Deposit); !d.Allowed() || d.Action() != lists.Allow {
		t.Errorf("a miss: %v %v", d.Action(), d.Err())
	}
	fake.List("a", clienttest.Listing{Entity: "Lazarus Group"})
	for direction, want := range map[lists.Direction]lists.Action{lists.Deposit: lists.Freeze, lists.Withdrawal: lists.Reject} {
		if d := ask(direction); d.Allowed() || d.Action() != want || d.Answer().Matches[0].Entity.Name != "Lazarus Group" {
			t.Errorf("a hit: %v %v", d.Action(), d.Err())
		}
	}
	fake.List("a", clienttest.Listing{Class: "same_key", Confidence: lists.Suspected, Deposit: lists.Review, Withdrawal: lists.Review})
	if d := ask(lists.Deposit); d.Allowed() || d.Action() != lists.Review {
		t.Errorf("a hit for review: %v %v", d.Action(), d.Err())
	}
	if a, err := c.Lookup(t.Context(), "x/y?z", "bitcoin"); err != nil || a.Result != "miss" {
		t.Errorf("%+v %v", a, err)
	}
	for _, f := range clienttest.Failures {
		t.Run(f.Name, func(t *testing.T) {
			fake.Fail("a", f)
			if d := ask(lists.Withdrawal); d.Allowed() || d.Action() != client.Hold || d.Err() == nil {
				t.Errorf("%v %v", d.Action(), d.Err())
			}
			all := c.CheckAll(t.Context(), []client.CheckRequest{{Address: "b", Direction: lists.Deposit}, {Address: "a", Direction: lists.Deposit}})
			if len(all) != 2 || all[1].Allowed() || all[1].Err() == nil {
				t.Errorf("in a batch: %+v", all)
			}
		})
	}
	fake.FailAll(&clienttest.NotLoaded)
	if d := c.Check(t.Context(), client.CheckRequest{Address: "b", Direction: lists.Deposit}); d.Allowed() {
		t.Error("allowed while nothing is loaded")
	}
	asked := fake.Asked()
	if first := asked[0]; first.Address != "a" || first.Reference != "r" {
		t.Errorf("%+v", first)
	}
}
