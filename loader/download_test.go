package loader_test

import (
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader/events/eventstest"
)

func TestAListFollowsTheEventsOfANode(t *testing.T) {
	b, n := newBench(t), eventstest.New(t, "usdt:ethereum")
	account := func(i int) string { return strings.Repeat("0", 38) + "a" + string(rune('0'+i)) }
	freeze := func(i int) {
		n.Logs = append(n.Logs, eventstest.Entry{Block: n.Head - 1, Index: uint64(i), Declaration: n.Contract.Frozen, Account: account(i)})
	}
	b.now = n.Now()
	pass := func() {
		n.Head += 720
		b.now = n.Now()
	}
	for i := range 3 {
		freeze(i)
	}
	b.follow(t, "frozen", n.URL+"#events=usdt:ethereum", func(l *lists.List) { l.Source.Format, l.MaxShrink = "issuer_events", 1 })
	addresses := func() int {
		l, _, err := b.List(ctx, "frozen")
		if err != nil {
			t.Fatal(err)
		}
		v, err := b.Version(ctx, "frozen", l.Active)
		if err != nil {
			t.Fatal(err)
		}
		return v.Addresses
	}

	want(t, b.refresh(t, false), "frozen activated 1")
	pass()
	want(t, b.refresh(t, false), "frozen unchanged 1: version 1 is what the publisher has")
	if !b.fresh(t, "frozen").Equal(b.now) {
		t.Error("the list is not fresh although the node has nothing newer")
	}
	pass()
	freeze(3)
	n.Logs = append(n.Logs, eventstest.Entry{Block: n.Head, Declaration: n.Contract.Released, Account: account(0)})
	want(t, b.refresh(t, false), "frozen activated 2")
	if addresses() != 3 {
		t.Errorf("%d addresses are listed after three freezes, one more and one release", addresses())
	}

	// A node that fails in the middle releases nothing.
	pass()
	n.Fail = func(method string) bool { return method == "eth_getLogs" }
	want(t, b.refresh(t, false), "frozen failed 0: the node 127.0.0.1")
	if addresses() != 3 || b.fresh(t, "frozen").Equal(b.now) {
		t.Error("a failed reading counted")
	}
	n.Fail = nil
	pass()
	want(t, b.refresh(t, true), "frozen unchanged 2")

	// A fork below what was confirmed: everything is read again, and a person looks at what has gone.
	pass()
	n.Fork = n.Head
	n.Logs = n.Logs[:2]
	want(t, b.refresh(t, false), "frozen staged 3: version 3 waits: its guard asks for a reason: older")
}

func TestAListFollowsTheFileThatAPageLinksTo(t *testing.T) {
	b, p := newBench(t), publish(t)
	page := `<p><a class="x" href="other.pdf">x</a> <A HREF='/files/deny20260101.csv'>old</A> <a href="/files/deny20261008.csv?x=1">new</a> <a href="javascript:deny99999999.csv">`
	p.set("/list.html", "<!DOCTYPE html><html>"+page)
	p.set("/files/deny20260101.csv", csvOf(evmB+",ethereum,B"))
	p.set("/files/deny20261008.csv", csvOf(evmA+",ethereum,A"))
	b.follow(t, "deny", p.URL+"/list.html#link=deny*.csv")
	want(t, b.refresh(t, false), "deny activated 1")
	want(t, p.asked(), "/list.html 200", "/files/deny20261008.csv 200")
	b.now = b.now.Add(6 * time.Hour)
	want(t, b.refresh(t, false), "deny unchanged 1")
	p.asked()
	p.set("/list.html", "<!DOCTYPE html><html>"+strings.ReplaceAll(page, "deny", "refuse"))
	b.now = b.now.Add(6 * time.Hour)
	want(t, b.refresh(t, false), `deny failed 0: the page of 127.0.0.1`)
}

func TestAnInstructionThatCannotBeFollowedIsRefused(t *testing.T) {
	b := newBench(t)
	for url, wrong := range map[string]string{
		"https://node.example/#events=usdt:bsc":      "usdt:ethereum",
		"https://node.example/#events=usdt:ethereum": "issuer_events", // the format is csv
		"https://page.example/#link=[":               "pattern",
	} {
		l := b.settings("ours")
		l.Source = &lists.Source{URL: url, Format: "csv", Every: time.Hour}
		if _, _, err := b.PutList(ctx, l.ID, by("ad", ""), settle(*l)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
