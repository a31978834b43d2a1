package loader_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
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

func TestAVersionIsComparedWithThePublishersDeltas(t *testing.T) {
	b, p := newBench(t), publish(t)
	entity := func(action string, id int, accounts ...string) string {
		s := fmt.Sprintf(`<entity id="%d" action="%s"><features>`, id, action)
		for i, a := range accounts {
			s += fmt.Sprintf(`<feature id="%d"><type featureTypeId="1">Digital Currency Address - ETH</type><value>%s</value></feature>`, i, a)
		}
		return s + "</features></entity>"
	}
	whole := func(date string, entities ...string) string {
		return `<?xml version="1.0"?><sanctionsData><publicationInfo><dataAsOf>` + date + `T00:00:00</dataAsOf></publicationInfo><entities>` + strings.Join(entities, "") + `</entities></sanctionsData>`
	}
	delta := func(entities ...string) string {
		return `<?xml version="1.0"?><delta xmlns="https://www.treasury.gov/ofac/DeltaFile/1.0"><entities>` + strings.Join(entities, "") + `</entities></delta>`
	}
	for _, year := range []int{2023, 2024, 2025, 2026} {
		p.set(fmt.Sprintf("/changes/history/%d", year), "[]")
	}
	p.set("/changes/6", delta())
	p.set("/sdn.xml", whole("2026-03-01", entity("", 1, evmA)))
	b.follow(t, "sdn", p.URL+"/sdn.xml#deltas=/changes", func(l *lists.List) { l.Source.Format = "ofac_enhanced" })
	want(t, b.refresh(t, true), "sdn activated 1")
	want(t, p.asked(), "/sdn.xml 200", "/changes/history/2026 200", "/changes/history/2025 200", "/changes/history/2024 200", "/changes/history/2023 200")

	// What the deltas added is in the file.
	p.set("/changes/history/2026", `[{"publicationID": 6, "datePublished": "2026-03-01T10:00:00"}, {"publicationID": 7, "datePublished": "2026-03-05T10:00:00"}, {"publicationID": 8, "datePublished": "2026-03-09T10:00:00"}]`)
	p.set("/changes/7", delta(entity("add", 2, evmB), entity("add", 3, evmC)))
	p.set("/changes/8", delta(entity("remove", 3, evmC)))
	p.set("/sdn.xml", whole("2026-03-09", entity("", 1, evmA), entity("", 2, evmB)))
	want(t, b.refresh(t, true), "sdn activated 2")
	want(t, p.asked(), "/sdn.xml 200", "/changes/history/2026 200", "/changes/7 200", "/changes/8 200", "/changes/6 200")

	// It is not: the file is older than it says, or cut.
	p.set("/changes/history/2026", `[{"publicationID": 9, "datePublished": "2026-03-20"}]`)
	p.set("/changes/9", delta(entity("modify", 1, evmC)))
	p.set("/sdn.xml", whole("2026-03-20", entity("", 1, evmA), entity("", 2, evmB))+"\n")
	want(t, b.refresh(t, true), "sdn staged 3: version 3 waits: its guard asks for a reason: delta_differs: the publisher's delta files from 2026-03-09 to 2026-03-20 add 1 addresses")
	v, err := b.Version(ctx, "sdn", 3)
	if err != nil || len(v.Guards) != 1 || !strings.Contains(v.Guards[0].Detail, evmC+" (entity 1, 2026-03-20)") {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := b.Activate(ctx, "sdn", 3, loader.ActivateOptions{By: lists.Person("op")}); !fault.Is(err, fault.Conflict) {
		t.Errorf("activated without a reason: %v", err)
	}

	// Without the archive the version says so, and the file decides.
	p.fail("/changes/history/2026", http.NotFound)
	p.set("/sdn.xml", whole("2026-03-21", entity("", 1, evmA, evmC), entity("", 2, evmB)))
	var warned []string
	if err := b.refresher("test").Refresh(ctx, nil, true, func(x loader.Refreshed) {
		warned = append(warned, string(x.Outcome))
		for _, w := range x.Warnings {
			warned = append(warned, w.Code)
		}
	}); err != nil {
		t.Fatal(err)
	}
	want(t, warned, "activated", "no_second_opinion")
	v, err = b.Version(ctx, "sdn", 4)
	if err != nil || !slices.ContainsFunc(v.Warnings, func(f lists.Finding) bool { return f.Code == "no_second_opinion" }) {
		t.Errorf("%+v, %v", v.Warnings, err)
	}
}

func TestAnInstructionThatCannotBeFollowedIsRefused(t *testing.T) {
	b := newBench(t)
	for url, wrong := range map[string]string{
		"https://node.example/#events=usdt:bsc":      "usdt:ethereum",
		"https://node.example/#events=usdt:ethereum": "issuer_events", // the format is csv
		"https://page.example/#link=[":               "pattern",
		"https://page.example/#deltas=//evil/x":      "same server",
	} {
		l := b.settings("ours")
		l.Source = &lists.Source{URL: url, Format: "csv", Every: time.Hour}
		if _, _, err := b.PutList(ctx, l.ID, by("ad", ""), settle(*l)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
