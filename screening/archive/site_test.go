package archive_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/diskstore"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/archive"
	"interdict/screening/journal"
)

const checksOfAnAddress = 5

// site is a store with one list, a journal, and a screener.
type site struct {
	dir      string
	store    lists.Store
	loader   *loader.Loader
	journal  *journal.Journal
	screener *screening.Screener
	at       atomic.Int64 // nanoseconds of the last record
	listed   int          // addresses, in order from the first
}

// begin is the time of the first check. Each comes half a second after the one before.
var begin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// AppendBatch writes records to the journal with times that are spread over weeks.
func (s *site) AppendBatch(entries []journal.Entry, durable bool) error {
	for i := range entries {
		entries[i].Time = time.Unix(0, s.at.Add(int64(time.Second/2))).UTC()
	}
	return s.journal.AppendBatch(entries, durable)
}

func (s *site) Record(lists.Event) error { return nil }

// unmetered counts nothing.
type unmetered struct{}

func (unmetered) Checked(*screening.Answer) {}
func (unmetered) Refused(string)            {}
func (unmetered) FilterPositive(bool)       {}

func newSite(b testing.TB) *site {
	log := slog.New(slog.DiscardHandler)
	s := &site{dir: filepath.Join(b.TempDir(), "journal")}
	s.at.Store(begin.UnixNano())
	var err error
	if s.store, err = diskstore.Open(b.TempDir()); err != nil {
		b.Fatal(err)
	}
	if s.journal, err = journal.Open(s.dir, journal.Options{Logger: log}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = errors.Join(s.journal.Close(), s.store.Close()) })
	s.loader = loader.New(s.store, s, log, "", time.Now)
	s.screener = screening.New(s.store, s, unmetered{}, log, time.Now)
	s.list(b, lists.Replace, 1<<30, 50) // addresses that nobody asks about
	return s
}

// list puts n addresses on the list.
func (s *site) list(b testing.TB, mode lists.Mode, from, n int) {
	rows := "address,entity\n"
	for i := range n {
		text, _ := addressOf(from + i)
		rows += text + ",New\n"
	}
	settings := lists.NewList("bench", time.Now())
	settings.Approvals, settings.Category = 0, lists.Sanctions
	by := lists.Person("bench")
	v, err := s.loader.Stage(b.Context(), "bench", []loader.Upload{{Name: "more.csv", Body: strings.NewReader(rows)}},
		loader.StageOptions{Format: "csv", Mode: mode, By: by, Create: settings})
	if err == nil {
		_, err = s.loader.Activate(b.Context(), "bench", v.Number, loader.ActivateOptions{By: by, Override: "as the test wants it", Warrant: lists.Warrant{Alone: lists.AloneOperator}})
	}
	if err == nil {
		err = s.screener.Refresh(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
}

// generation returns the present one.
func (s *site) generation(b testing.TB) *lists.Generation {
	head, _, err := lists.Read[lists.Head](b.Context(), s.store, lists.DocHead)
	if err != nil {
		b.Fatal(err)
	}
	g, _, err := lists.Read[lists.Generation](b.Context(), s.store, lists.DocGeneration(head.Generation))
	if err != nil {
		b.Fatal(err)
	}
	return &g
}

func (s *site) looker(x archive.Index) *archive.LookBack {
	return &archive.LookBack{Index: x, Screener: s.screener, Now: time.Now, Append: func(entries []journal.Entry) error { return s.journal.AppendBatch(entries, true) }}
}

// changes looks back on what two generations differ in.
func (s *site) changes(b testing.TB, x archive.Index, from, to *lists.Generation) archive.RunRecord {
	r, err := s.looker(x).Changes(b.Context(), from.Number, to.Number, time.Now(), func(yield func([]address.Key) error) error {
		return s.loader.ChangedBetween(b.Context(), from, to, yield)
	})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// addressOf returns address number i and its network.
func addressOf(i int) (text, network string) {
	r := rand.New(rand.NewPCG(uint64(i), 0x1d7e))
	key := make([]byte, 21)
	binary.BigEndian.PutUint64(key[1:], r.Uint64())
	binary.BigEndian.PutUint64(key[9:], r.Uint64())
	binary.BigEndian.PutUint32(key[17:], r.Uint32())
	variant := address.VariantEVM
	switch key[0] = byte(address.SpaceEVM); i % 8 {
	case 3:
		variant = address.VariantTron
	case 5:
		key[0], variant = byte(address.SpaceHash160), address.VariantBitcoinP2WPKH
	}
	network, text, _ = address.Render(address.Key(key), variant)
	return text, network
}

// check asks n times.
func (s *site) check(b testing.TB, n int) {
	var answers [1000]screening.Answer
	for from := 0; from < n; from += len(answers) {
		var requests [len(answers)]screening.Request
		var errs [len(answers)]error
		for i := range requests {
			text, network := addressOf((from + i) % (n / checksOfAnAddress))
			requests[i] = screening.Request{Address: text, Network: network, Direction: lists.Deposit, By: "019b0000-0000-7000-8000-0000000000aa",
				Reference: fmt.Sprintf("wd-%09d", from+i), Customer: fmt.Sprintf("c-%d", (from+i)%100_003)}
		}
		s.screener.CheckAll(b.Context(), requests[:], answers[:], errs[:])
		if err := errors.Join(errs[:]...); err != nil {
			b.Fatal(err)
		}
	}
}
