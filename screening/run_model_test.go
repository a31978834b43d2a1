package screening_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/lists/redisstore"
	"interdict/lists/storetest"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/replica"
)

// rawNetwork is the label of the listed texts that are no addresses.
const rawNetwork = "monero"

// modelRun drives the product and the model.
type modelRun struct {
	*model
	t      *testing.T
	r      *rand.Rand
	dir    string
	reopen func(old lists.Store) lists.Store
	store  lists.Store
	loader *loader.Loader
	// servers are one that holds its lists in memory and has a cache, and one that asks the store.
	servers    []*screening.Screener
	cache      lists.Store
	questions  []question
	pool       map[string][]listing // rows that a list may hold
	generation int
	step       string // what was done last, for messages
	history    []string
}

// TestAnswersAgreeWithTheModel makes random changes, and asks for every address that could be listed after each. INTERDICT_MODEL_SEED repeats
// a run.
func TestAnswersAgreeWithTheModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("INTERDICT_MODEL_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	steps := 300
	if os.Getenv("INTERDICT_LONG") != "" {
		steps = 5000
	}
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "data")
		runModel(t, seed, steps, func(old lists.Store) lists.Store {
			if old != nil {
				if err := old.Close(); err != nil {
					t.Fatal(err)
				}
			}
			s, err := diskstore.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		redis := storetest.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
		runModel(t, seed, steps, func(old lists.Store) lists.Store {
			if old != nil {
				if err := old.Close(); err != nil {
					t.Fatal(err)
				}
				redis.Restart()
			}
			s, err := redisstore.Open(t.Context(), redis.URL(), redisstore.Options{Timeout: 5 * time.Second, BulkTimeout: 30 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
	})
}

func runModel(t *testing.T, seed uint64, steps int, reopen func(lists.Store) lists.Store) {
	t.Logf("INTERDICT_MODEL_SEED=%d", seed)
	m := &modelRun{t: t, r: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), reopen: reopen, pool: map[string][]listing{},
		model: &model{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), points: map[question][]point{}, lists: map[string]*modelList{}}}
	m.invent()
	m.restart()
	t.Cleanup(func() { _, _ = m.store.Close(), m.cache.Close() })
	m.check()
	took := map[string]int{}
	for n := range steps {
		m.step = ""
		for m.step == "" { // some changes need a state that is not there
			m.change()
		}
		m.history = append(m.history, fmt.Sprintf("%d: %s", n, m.step))
		took[strings.TrimRight(strings.Fields(m.step)[0], ";")]++
		if t.Failed() {
			t.FailNow()
		}
		m.check()
	}
	t.Logf("%d steps: %v; %d questions to each of %d servers after each", steps, took, len(m.questions), len(m.servers))
}

// invent makes the wallets, their texts, the questions, and the rows that lists choose from.
func (m *modelRun) invent() {
	var utxo, account, rawTexts [][]listing
	add := func(rows *[][]listing, wallet int, text string, networks map[string][]form, labels ...string) {
		for network, forms := range networks {
			q := question{text, network}
			for _, f := range forms {
				m.points[q] = append(m.points[q], point{wallet, f})
			}
			m.questions = append(m.questions, q)
		}
		var choice []listing
		for _, label := range labels {
			for i, c := range []lists.Category{"", "mixer", lists.Sanctions} {
				x := listing{text: text, network: label, entity: strings.TrimSpace(fmt.Sprintf("E%d %s", i, label)), category: c}
				if i == 1 && m.r.IntN(3) == 0 {
					x.validUntil = m.now.AddDate(0, 0, m.r.IntN(8)).Format(time.DateOnly)
				}
				choice = append(choice, x)
			}
		}
		*rows = append(*rows, choice)
	}
	for wallet := range 9 {
		hash := make([]byte, 20)
		for i := range hash {
			hash[i] = byte(m.r.Uint32())
		}
		if wallet < 5 {
			add(&utxo, wallet, textOf(m.t, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bitcoin", hash), map[string][]form{"bitcoin": {formP2PKH}, "": {formP2PKH, formFork}}, "bitcoin")
			add(&utxo, wallet, textOf(m.t, "bc1qvt5s0v2uhuna2sjnn84ldu8m2r4m3rcc4048ry", "bitcoin", hash), map[string][]form{"bitcoin": {formP2WPKH}, "": {formP2WPKH}}, "bitcoin")
			add(&utxo, wallet, textOf(m.t, "DNgXSxSjXrCWzknRQd81fjVYohuNrHgnXw", "dogecoin", hash),
				map[string][]form{"dogecoin": {formDoge}, "verge": {formVerge}, "": {formDoge, formVerge}}, "", "dogecoin", "verge")
		} else {
			add(&account, wallet, textOf(m.t, "0xdAC17F958D2ee523a2206206994597C13D831ec7", "ethereum", hash), map[string][]form{"ethereum": {formEVM}, "polygon": {formEVM}, "": {formEVM}}, "ethereum")
			add(&account, wallet, textOf(m.t, "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "tron", hash), map[string][]form{"tron": {formTron}, "": {formTron}}, "tron")
		}
	}
	for wallet := range 2 {
		add(&rawTexts, 100+wallet, fmt.Sprintf("no address at all, %d", wallet), map[string][]form{rawNetwork: {formRaw}}, rawNetwork)
	}
	slices.SortFunc(m.questions, func(a, b question) int { return strings.Compare(a.text+" "+a.network, b.text+" "+b.network) })
	m.pool["sanctions"] = slices.Concat(slices.Concat(utxo...), slices.Concat(account...), slices.Concat(rawTexts...))
	m.pool["internal"] = slices.Concat(slices.Concat(utxo...), slices.Concat(account...))
	// The rows of this list hold two addresses of one wallet: one line, one source position.
	for _, pair := range slices.Concat(utxo, account) {
		if x := pair[0]; x.network != "" {
			m.pool["pairs"] = append(m.pool["pairs"], listing{text: x.text})
		}
	}
	for id := range m.pool {
		settings := sanctions(id)
		settings.Keep = 10_000
		if id == "internal" {
			settings.Category = "internal"
		}
		m.lists[id] = &modelList{settings: *settings, versions: map[int]*modelVersion{}}
	}
}

// textOf writes a hash as an example is written.
func textOf(t *testing.T, example, network string, hash []byte) string {
	t.Helper()
	read, err := address.Parse(nil, example, network)
	if err != nil {
		t.Fatal(err)
	}
	key := []byte(read[0].Key)
	copy(key[len(key)-len(hash):], hash)
	_, text, ok := address.Render(address.Key(key), read[0].Variant)
	if !ok {
		t.Fatalf("%s cannot be written with another hash", example)
	}
	return text
}

// restart opens the store again, and starts servers that have nothing in memory.
func (m *modelRun) restart() {
	m.store = m.reopen(m.store)
	if m.cache != nil {
		if err := m.cache.Close(); err != nil {
			m.t.Fatal(err)
		}
	}
	cache, err := diskstore.Open(filepath.Join(m.dir, "cache"))
	if err != nil {
		m.t.Fatal(err)
	}
	m.cache = cache
	now := func() time.Time { return m.now }
	m.loader = loader.New(m.store, noRecorder{}, quiet, m.t.TempDir(), now)
	m.servers = []*screening.Screener{
		screening.NewReplica(m.store, replica.Local{Cache: cache, ResidentBytes: replica.DefaultResidentBytes}, noJournal{}, noMetrics{}, quiet, now),
		screening.New(m.store, noJournal{}, noMetrics{}, quiet, now),
	}
}

// change makes one random change, of the product and of the model. It leaves step empty where it could not.
func (m *modelRun) change() {
	id := []string{"sanctions", "internal", "pairs"}[m.r.IntN(3)]
	l := m.lists[id]
	switch n := m.r.IntN(30); {
	case n < 5:
		m.load(l, lists.Replace, true)
	case n < 9:
		m.load(l, lists.Add, true)
	case n < 13:
		m.load(l, lists.Remove, true)
	case n < 15:
		m.load(l, []lists.Mode{lists.Replace, lists.Add, lists.Remove}[m.r.IntN(3)], false)
	case n < 18:
		m.activateSome(l)
	case n < 20:
		m.rollback(l)
	case n < 21:
		m.retire(l)
	case n < 24:
		m.suppress(l)
	case n < 25:
		m.endSuppression(l)
	case n < 26:
		m.reject(l)
	case n < 28:
		m.set(l)
	case n < 29:
		m.step = "clock"
		m.now = m.now.Add(time.Duration(1+m.r.IntN(24)) * time.Hour)
	default:
		m.step = "restart"
		m.restart()
	}
	if m.r.IntN(10) == 0 {
		if done, err := m.loader.Compact(ctx, id, "system"); err != nil && !fault.Is(err, fault.NotFound) {
			m.t.Errorf("compact %s: %v", id, err)
		} else if done {
			m.step += " and compact"
		}
	}
}

// some picks rows of the pool, or of what is active.
func (m *modelRun) some(from []listing, most int) map[listing]bool {
	out := map[listing]bool{}
	if len(from) == 0 {
		return out
	}
	for range m.r.IntN(most + 1) {
		out[from[m.r.IntN(len(from))]] = true
	}
	return out
}

func sorted(rows map[listing]bool) []listing {
	return slices.SortedFunc(maps.Keys(rows), func(a, b listing) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// upload writes rows as a file. Two rows of one wallet stand on one line of a text file.
func (m *modelRun) upload(id string, rows []listing) (name, content string) {
	if len(rows) == 0 {
		return id + ".csv", "address,network\n"
	}
	var b strings.Builder
	m.r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	if id == "pairs" {
		slices.SortStableFunc(rows, func(a, b listing) int { return m.wallet(a) - m.wallet(b) })
		for i, x := range rows {
			switch {
			case i == 0:
			case m.wallet(rows[i-1]) == m.wallet(x):
				b.WriteString(" ")
			default:
				b.WriteString("\n")
			}
			b.WriteString(x.text)
		}
		return id + ".txt", b.String() + "\n"
	}
	for _, x := range rows {
		line, err := json.Marshal(map[string]any{"address": x.text, "network": x.network, "entity": map[string]string{"name": x.entity},
			"category": x.category, "valid_until": x.validUntil})
		if err != nil {
			m.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", line)
	}
	return id + ".ndjson", b.String()
}

func (m *modelRun) wallet(r listing) int { return m.points[question{r.text, r.network}][0].wallet }

// load stages a version, and activates it if that is asked for.
func (m *modelRun) load(l *modelList, mode lists.Mode, activate bool) {
	id := l.settings.ID
	v := &modelVersion{base: l.active, delta: mode != lists.Replace}
	var rows []listing
	switch mode {
	case lists.Replace:
		v.rows = m.some(m.pool[id], 25)
		rows = sorted(v.rows)
	case lists.Add:
		added := m.some(m.pool[id], 4)
		rows = sorted(added)
		v.rows = map[listing]bool{}
		maps.Copy(v.rows, l.rows())
		maps.Copy(v.rows, added)
	case lists.Remove:
		if l.active == 0 || id == "pairs" && !removeExactly {
			return
		}
		// A removal names the text, and the network unless the text is of two.
		var named []question
		for _, x := range slices.Concat(sorted(m.some(sorted(l.rows()), 4)), sorted(m.some(m.pool[id], 1))) {
			if x.network == "dogecoin" || x.network == "verge" {
				x.network = ""
			}
			rows = append(rows, listing{text: x.text, network: x.network})
			named = append(named, question{x.text, x.network})
		}
		v.rows = m.remove(l.rows(), named)
	}
	if len(rows) == 0 && mode != lists.Replace {
		return
	}
	if !lateDefaults {
		resolved := map[listing]bool{}
		for x := range v.rows {
			if x.category == "" {
				x.category = l.settings.Category
			}
			resolved[x] = true
		}
		v.rows = resolved
	}
	name, content := m.upload(id, rows)
	m.step = fmt.Sprintf("%s %s: %d rows", mode, id, len(rows))
	settings := l.settings
	staged, err := m.loader.Stage(ctx, id, []loader.Upload{{Name: name, Body: strings.NewReader(content)}},
		loader.StageOptions{Mode: mode, By: lists.Person("ana"), Create: &settings})
	if err != nil {
		m.t.Errorf("%s: %v\n%s", m.step, err, content)
		return
	}
	m.step += fmt.Sprintf(" → version %d", staged.Number)
	if staged.Number == l.active { // the same bytes
		return
	}
	l.versions[staged.Number] = v
	if activate {
		m.activate(l, staged.Number)
	}
}

func (m *modelRun) activate(l *modelList, number int) {
	v := l.versions[number]
	_, err := m.loader.Activate(ctx, l.settings.ID, number, loader.ActivateOptions{By: lists.Person("bo"), Warrant: lists.Warrant{Alone: lists.AloneOperator}, Override: "model"})
	m.step += fmt.Sprintf("; activate %s %d: %v", l.settings.ID, number, err)
	may := !v.rejected && number != l.active && (activateAny || !v.was)
	switch {
	case err == nil && !may:
		m.t.Errorf("%s: it must not be activated", m.step)
	case err == nil:
		if l.active != 0 {
			v.previous = l.active
		}
		l.active, v.was, m.began = number, true, true
	case !fault.Is(err, fault.Conflict):
		m.t.Errorf("%s", m.step)
	case may && !(v.delta && !v.was && v.base != l.active): // a delta that was staged on another version may have to be staged again
		m.t.Errorf("%s: it must be possible", m.step)
	}
}

func (m *modelRun) activateSome(l *modelList) {
	if len(l.versions) == 0 {
		return
	}
	m.step = "activate"
	numbers := slices.Sorted(maps.Keys(l.versions))
	m.activate(l, numbers[m.r.IntN(len(numbers))])
}

func (m *modelRun) rollback(l *modelList) {
	if len(l.versions) == 0 {
		return
	}
	g, err := m.loader.Rollback(ctx, l.settings.ID, by("bo", "model"))
	m.step = fmt.Sprintf("rollback %s: %v", l.settings.ID, err)
	if err != nil {
		if l.active != 0 && l.versions[l.active].previous != 0 || !fault.Is(err, fault.Conflict) {
			m.t.Error(m.step)
		}
		return
	}
	at := slices.IndexFunc(g.Lists, func(a lists.Active) bool { return a.List.ID == l.settings.ID })
	to := g.Lists[at].Version
	m.step += fmt.Sprintf(" to %d", to)
	if v := l.versions[to]; l.active == 0 || v == nil || !v.was || to != l.versions[l.active].previous {
		m.t.Errorf("%s", m.step)
		return
	}
	l.active = to
}

func (m *modelRun) retire(l *modelList) {
	if l.settings.Mandatory || len(l.versions) == 0 {
		return
	}
	_, err := m.loader.Retire(ctx, l.settings.ID, by("bo", "model"))
	m.step = fmt.Sprintf("retire %s: %v", l.settings.ID, err)
	if (err == nil) != (l.active != 0) {
		m.t.Error(m.step)
	}
	l.active = 0
}

func (m *modelRun) reject(l *modelList) {
	numbers := slices.Sorted(maps.Keys(l.versions))
	if len(numbers) == 0 {
		return
	}
	n := numbers[m.r.IntN(len(numbers))]
	v := l.versions[n]
	_, err := m.loader.Reject(ctx, l.settings.ID, n, by("bo", "model"))
	m.step = fmt.Sprintf("reject %s %d: %v", l.settings.ID, n, err)
	if (err == nil) != (!v.was && !v.rejected) {
		m.t.Error(m.step)
	}
	v.rejected = v.rejected || err == nil
}

// suppress proposes a suppression for one listing, and mostly approves it.
func (m *modelRun) suppress(l *modelList) {
	rows := sorted(l.rows())
	if len(rows) == 0 {
		return
	}
	x := rows[m.r.IntN(len(rows))]
	q := question{x.text, x.network}
	if q.network == "dogecoin" || q.network == "verge" {
		q.network = ""
	}
	if suppressReading {
		same := slices.DeleteFunc(slices.Clone(m.questions), func(o question) bool { return o.text != x.text })
		q = same[m.r.IntN(len(same))]
	}
	until := m.now.Add(time.Duration(1+m.r.IntN(96)) * time.Hour)
	m.step = fmt.Sprintf("suppress %s of %s until %s", q, l.settings.ID, until.Format(time.DateTime))
	p, err := m.loader.ProposeSuppression(ctx, l.settings.ID, q.text, q.network, until, by("ana", "model"))
	points := map[point]bool{}
	for _, point := range m.points[q] {
		points[point] = true
	}
	s := &modelSuppression{points: points, rows: map[listing]bool{}, until: until}
	for _, r := range rows {
		if slices.ContainsFunc(m.points[question{r.text, r.network}], func(p point) bool { return points[p] }) {
			s.rows[l.said(r)] = true
		}
	}
	if refused := l.settings.Mandatory || len(s.rows) == 0; refused != (err != nil) {
		m.t.Errorf("%s: %v", m.step, err)
	}
	if err != nil {
		m.step += " refused"
		return
	}
	s.id = p.ID
	if m.r.IntN(8) == 0 {
		m.step += ", rejected"
		if _, err := m.loader.RejectSuppression(ctx, l.settings.ID, s.id, by("bo", "model")); err != nil {
			m.t.Errorf("%s: %v", m.step, err)
		}
		return
	}
	if _, err := m.loader.ApproveSuppression(ctx, l.settings.ID, s.id, by("bo", "model")); err != nil {
		m.t.Errorf("%s: %v", m.step, err)
		return
	}
	l.suppressions = append(l.suppressions, s)
}

func (m *modelRun) endSuppression(l *modelList) {
	if len(l.suppressions) == 0 {
		return
	}
	s := l.suppressions[m.r.IntN(len(l.suppressions))]
	_, err := m.loader.EndSuppression(ctx, l.settings.ID, s.id, by("bo", "model"))
	m.step = fmt.Sprintf("end a suppression of %s: %v", l.settings.ID, err)
	if (err == nil) != (!s.ended && m.now.Before(s.until)) {
		m.t.Error(m.step)
	}
	s.ended = true
}

// set changes settings that answers depend on.
func (m *modelRun) set(l *modelList) {
	if len(l.versions) == 0 {
		return
	}
	switch m.r.IntN(3) {
	case 0:
		l.settings.Policy = [][]lists.Rule{nil, {{Action: lists.Review}}, {{Class: "same_key", Action: lists.Reject}},
			{{Category: "mixer", Action: lists.Allow}, {Direction: lists.Deposit, Action: lists.Freeze}}}[m.r.IntN(4)]
	case 1:
		l.settings.Category = []lists.Category{lists.Sanctions, lists.TerroristFinancing, "internal", "scam"}[m.r.IntN(4)]
	case 2:
		l.settings.Mandatory = m.r.IntN(3) == 0
	}
	m.step = fmt.Sprintf("settings of %s: %v %s mandatory=%t", l.settings.ID, l.settings.Policy, l.settings.Category, l.settings.Mandatory)
	if _, _, err := m.loader.PutList(ctx, l.settings.ID, by("cy", ""), settle(l.settings)); err != nil {
		m.t.Errorf("%s: %v", m.step, err)
	}
}

// check asks every question of every server, and holds the answers against the model.
func (m *modelRun) check() {
	for n, s := range m.servers {
		if err := s.Refresh(ctx); err != nil && !(fault.Is(err, fault.NotLoaded) && !m.loaded()) {
			m.t.Errorf("after %q: server %d does not load: %v", m.step, n, err)
			return
		}
		if n == 0 && m.r.IntN(2) == 0 {
			if err := s.SaveCache(ctx); err != nil {
				m.t.Errorf("after %q: the cache: %v", m.step, err)
			}
		}
		requests := make([]screening.Request, len(m.questions))
		for i, q := range m.questions {
			requests[i] = screening.Request{Address: q.text, Network: q.network, Direction: []lists.Direction{lists.Deposit, lists.Withdrawal}[m.r.IntN(2)]}
		}
		answers, errs := make([]screening.Answer, len(requests)), make([]error, len(requests))
		s.CheckAll(ctx, requests, answers, errs)
		for i, q := range m.questions {
			m.compare(n, q, requests[i].Direction, &answers[i], errs[i])
		}
		one := m.r.IntN(len(requests))
		var a screening.Answer
		m.compare(n, m.questions[one], requests[one].Direction, &a, s.Check(ctx, &requests[one], &a))
	}
}

func (m *modelRun) compare(server int, q question, d lists.Direction, a *screening.Answer, err error) {
	want := m.answer(q, d)
	kind, refused := a.Result.String(), (*screening.Refused)(nil)
	switch {
	case fault.Is(err, fault.NotLoaded):
		kind = "not_loaded"
	case errors.As(err, &refused):
		kind = "refused"
		if want.kind == "not_loaded" {
			return // a text that is no address is an error in any case
		}
	case err != nil:
		kind = err.Error()
	}
	var got []match
	var action lists.Action
	if err == nil {
		var told struct {
			Action  lists.Action
			Matches []struct {
				Class    string
				List     struct{ ID string }
				Listed   struct{ Address string }
				Entity   struct{ Name string }
				Category lists.Category
			}
			Screened struct{ Generation, Lists, Listings int }
		}
		if err := json.Unmarshal(a.JSON, &told); err != nil {
			m.t.Errorf("after %q: %v: %s", m.step, err, a.JSON)
			return
		}
		action = told.Action
		for _, x := range told.Matches {
			got = append(got, match{x.List.ID, x.Class, x.Listed.Address, x.Entity.Name, x.Category})
		}
		if active, listings := m.count(); told.Screened.Lists != active || told.Screened.Listings != listings || told.Screened.Generation < m.generation {
			m.t.Errorf("after %q: server %d screened %+v instead of %d lists, %d listings, generation %d or later",
				m.step, server, told.Screened, active, listings, m.generation)
		}
		m.generation = told.Screened.Generation
	}
	if !want.agree(kind, action, got) {
		lacks := slices.DeleteFunc(slices.Clone(want.matches), func(x match) bool { return slices.Contains(got, x) })
		extra := slices.DeleteFunc(got, func(x match) bool { return slices.Contains(want.matches, x) })
		m.t.Fatalf("after %q: server %d answers a %s of %q with %s %s (%v) instead of %s %s\n\tmatches that are missing: %+v\n\tmatches that should not be there: %+v (may be there: %+v)\n\tthe last steps:\n%s",
			m.step, server, d, q, kind, action, err, want.kind, want.action, lacks, extra, want.optional, strings.Join(m.history[max(0, len(m.history)-12):], "\n"))
	}
}
