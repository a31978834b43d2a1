package events_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/fault"
	"interdict/loader/events"
	"interdict/loader/events/eventstest"
)

// read reads the log after another one.
func read(n *eventstest.Chain, before, cursor string) (log, next string, added int, err error) {
	u, err := url.Parse(n.URL)
	if err != nil {
		return "", "", 0, err
	}
	o := events.Options{Client: n.Client(), Now: n.Now, Cursor: cursor}
	if before != "" {
		o.Before = strings.NewReader(before)
	}
	var out bytes.Buffer
	next, added, err = events.Read(context.Background(), u, n.Contract, o, &out)
	return out.String(), next, added, err
}

func account(i int) string { return fmt.Sprintf("%040x", 0xabc000+i) }

func frozenIn(t *testing.T, log string) (all []string) {
	t.Helper()
	if _, err := events.ReadLog(strings.NewReader(log), func(_ int, _ *events.Header, e *events.Event) error {
		if all = slices.DeleteFunc(all, func(a string) bool { return a == e.Address }); e.Event == "frozen" {
			all = append(all, e.Address)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryEventIsReadOnceAndInOrder(t *testing.T) {
	for _, name := range []string{"usdt:ethereum", "usdt:tron", "usdt:polygon", "usdc:base"} {
		t.Run(name, func(t *testing.T) {
			n := eventstest.New(t, name)
			n.Most = 100 // smaller than what there is: the range is made smaller
			for i := range 250 {
				n.Logs = append(n.Logs, eventstest.Entry{Block: uint64(10 + i*7), Index: uint64(i % 3), Declaration: n.Contract.Frozen, Account: account(i), Data: i%2 == 0})
			}
			n.Logs = append(n.Logs, eventstest.Entry{Block: 190_000, Declaration: n.Contract.Released, Account: account(5)})
			log, cursor, added, err := read(n, "", "")
			if err != nil || added != 251 {
				t.Fatalf("%d events, %v", added, err)
			}
			if got := frozenIn(t, log); len(got) != 249 {
				t.Errorf("%d are frozen instead of 249", len(got))
			}
			same, next, added, err := read(n, log, cursor)
			if err != nil || added != 0 || same != log {
				t.Fatalf("read again at once: %d events, %v", added, err)
			}
			n.Head += 1000
			n.Logs = append(n.Logs, eventstest.Entry{Block: n.Head - 1, Declaration: n.Contract.Frozen, Account: account(5)})
			n.Asked = nil
			log, _, added, err = read(n, log, next)
			if err != nil || added != 1 {
				t.Fatalf("%d new events, %v", added, err)
			}
			if len(n.Asked) > 12 {
				t.Errorf("one new event took %d requests: %q", len(n.Asked), n.Asked)
			}
			got := frozenIn(t, log)
			if want, _ := events.AccountIn(n.Contract.Network, account(5)); len(got) != 250 || got[249] != want {
				t.Errorf("%d are frozen, and the last is %s instead of %s", len(got), got[len(got)-1], want)
			}
			whole, _, _, err := read(n, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(whole, log); diff != "" {
				t.Errorf("read at once and in parts differ:\n%s", diff)
			}
		})
	}
}

func TestANodeThatCannotBeBelievedEndsTheReading(t *testing.T) {
	failing := func(what string) func(*eventstest.Chain) {
		return func(n *eventstest.Chain) { n.Fail = func(m string) bool { return strings.Contains(m, what) } }
	}
	for name, c := range map[string]struct {
		token string
		is    func(*eventstest.Chain)
		want  string
		kind  fault.Kind
	}{
		"another chain":           {"usdt:ethereum", func(n *eventstest.Chain) { n.ID = 5 }, "is on chain 5", fault.Invalid},
		"synchronising":           {"usdt:ethereum", func(n *eventstest.Chain) { n.Syncing = true }, "synchronising", fault.Unavailable},
		"no contract":             {"usdc:base", func(n *eventstest.Chain) { n.NoCode = true }, "no contract", fault.Unavailable},
		"no contract on TRON":     {"usdt:tron", func(n *eventstest.Chain) { n.NoCode = true }, "no contract", fault.Unavailable},
		"a retired contract":      {"usdt:ethereum", func(n *eventstest.Chain) { n.Retired = true }, "deprecated", fault.Conflict},
		"a retired TRON contract": {"usdt:tron", func(n *eventstest.Chain) { n.Retired = true }, "deprecated", fault.Conflict},
		"no logs":                 {"usdt:ethereum", failing("eth_getLogs"), "out of order", fault.Unavailable},
		"no confirmed block":      {"usdt:ethereum", failing("eth_getBlock"), "out of order", fault.Unavailable},
		"no TRON events":          {"usdt:tron", failing("/events"), "status 403", fault.Unavailable},
		"one page of several":     {"usdt:tron", func(n *eventstest.Chain) { n.DropPages = true }, "events that it had before", fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			n := eventstest.New(t, c.token)
			for i := range 250 {
				n.Logs = append(n.Logs, eventstest.Entry{Block: uint64(10 + i), Declaration: n.Contract.Frozen, Account: account(i)})
			}
			log, cursor, _, err := read(n, "", "")
			if err != nil {
				t.Fatal(err)
			}
			c.is(n)
			n.Head += 10
			befores := []string{"", log}
			if n.DropPages { // the first reading cannot notice it
				befores = befores[1:]
			}
			for _, before := range befores {
				_, _, _, err := read(n, before, cursor)
				if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "127.0.0.1") {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func TestANodeThatLagsIsRefused(t *testing.T) {
	for _, name := range []string{"usdt:ethereum", "usdt:tron"} {
		n := eventstest.New(t, name)
		log, cursor, _, err := read(n, "", "")
		if err != nil {
			t.Fatal(err)
		}
		n.Head -= 10
		if _, _, _, err := read(n, log, cursor); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "lags") {
			t.Errorf("%s went back: %v", name, err)
		}
		u, _ := url.Parse(n.URL)
		late := events.Options{Client: n.Client(), Now: func() time.Time { return eventstest.At(n.Head).Add(4 * time.Hour) }}
		if _, _, err := events.Read(context.Background(), u, n.Contract, late, &bytes.Buffer{}); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "lags") {
			t.Errorf("%s stands still: %v", name, err)
		}
	}
}

// Of several servers behind one address, that which answers eth_getLogs may not know the last blocks yet. What it leaves out is found the next time.
func TestWhatANodeLeavesOutIsFoundTheNextTime(t *testing.T) {
	for _, name := range []string{"usdt:ethereum", "usdt:tron"} {
		n := eventstest.New(t, name)
		n.Logs = []eventstest.Entry{{Block: 100, Declaration: n.Contract.Frozen, Account: account(1)}}
		log, cursor, _, err := read(n, "", "")
		if err != nil {
			t.Fatal(err)
		}
		n.Head += 1000
		log, cursor, added, err := read(n, log, cursor) // the event of the next line is not there yet
		if err != nil || added != 0 {
			t.Fatal(added, err)
		}
		n.Logs = append(n.Logs, eventstest.Entry{Block: n.Head - 500, Declaration: n.Contract.Frozen, Account: account(2)})
		n.Head += 1000
		if log, cursor, added, err = read(n, log, cursor); err != nil || added != 1 {
			t.Errorf("%s: %d events were found, %v", name, added, err)
		}
		n.Logs = n.Logs[:1] // and it must stay
		n.Head += 1000
		if _, _, _, err = read(n, log, cursor); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: an event that was there is not: %v", name, err)
		}
	}
}

func TestWhatIsReleasedAndFrozenInOneBlockIsFrozen(t *testing.T) {
	n := eventstest.New(t, "usdt:tron")
	n.Logs = []eventstest.Entry{{Block: 100, Declaration: n.Contract.Frozen, Account: account(1)},
		{Block: 200, Declaration: n.Contract.Frozen, Account: account(1), Index: 1}, {Block: 200, Declaration: n.Contract.Released, Account: account(1)}}
	log, _, _, err := read(n, "", "")
	if err != nil || len(frozenIn(t, log)) != 1 {
		t.Errorf("%v\n%s", err, log)
	}
}

func TestAReplacedBlockIsNoticed(t *testing.T) {
	n := eventstest.New(t, "usdt:ethereum")
	log, cursor, _, err := read(n, "", "")
	if err != nil {
		t.Fatal(err)
	}
	n.Fork = n.Head
	if _, _, _, err := read(n, log, cursor); !errors.Is(err, events.ErrForked) {
		t.Errorf("%v", err)
	}
}

func TestADamagedLogIsRefused(t *testing.T) {
	n := eventstest.New(t, "usdt:tron")
	n.Logs = []eventstest.Entry{{Block: 1, Declaration: n.Contract.Frozen, Account: account(1)}, {Block: 2, Declaration: n.Contract.Released, Account: account(1)}}
	log, _, _, err := read(n, "", "")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(log, "\n")
	for name, bad := range map[string]string{
		"line 3: the number":  strings.Join(lines[:2], ""),
		"line 3: not the num": lines[0] + lines[1] + lines[3],
		"line 3: block: 1":    lines[0] + lines[2] + lines[1] + lines[3],
		"line 1: not":         lines[1],
		"line 2: not":         lines[0] + "{}x\n",
		"line 5: more":        log + "{}\n",
		"line 2: event":       lines[0] + strings.Replace(lines[1], "frozen", "paused", 1),
	} {
		if _, err := events.ReadLog(strings.NewReader(bad), func(int, *events.Header, *events.Event) error { return nil }); !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The topics are those of the contracts on the chain.
func TestTopics(t *testing.T) {
	for declaration, want := range map[string]string{
		"AddedBlackList(address)": "0x42e16015", "RemovedBlackList(address)": "0xd7e9ec6e", "Blacklisted(address)": "0xffa4e618", "UnBlacklisted(address)": "0x117e3210", "BlockPlaced(address)": "0x406bbf2d", "BlockReleased(address)": "0x665918c9",
	} {
		if got := events.Topic(declaration); !strings.HasPrefix(got, want) || len(got) != 66 {
			t.Errorf("%s is %s", declaration, got)
		}
	}
	for _, c := range events.Contracts() {
		if got, err := accountOf(c); err != nil || got != c.Address {
			t.Errorf("the contract of %s is %s, %v", c.Name, got, err)
		}
	}
}

// accountOf returns the address of a contract with the checksum that its network writes.
func accountOf(c events.Contract) (string, error) {
	if c.ChainID == 0 {
		return c.Address, nil
	}
	return events.AccountIn(c.Network, c.Address)
}
