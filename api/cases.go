package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/archive"
	"interdict/screening/cases"
)

// A case is an alert of the index, which says what it is about, and a document, which says what people have done. The document comes with the first
// change. To resolve a case takes three steps, of which the first decides:
//
//	the document becomes resolved ── the record gets the resolution ── the document is moved to the closed ones
//
// Whoever reads a case, or tries to resolve it, completes what a crash has interrupted.

const (
	// settleTime is for how long the server that resolves a case may be about to complete it.
	settleTime = 15 * time.Second
	// scanCases is how many alerts are looked at for one page.
	scanCases = 5000
)

// casesOf returns the index that has the cases.
func (a *Acting) casesOf() (*Archive, error) {
	if a.Archive == nil {
		return nil, noArchive()
	}
	return a.Archive, nil
}

// caseWork is a case: what it is about, and what people have done.
type caseWork struct {
	alert    archive.AlertState
	doc      cases.Case
	revision uint64 // of the document; 0: there is none
	closed   bool   // the document is one of the closed ones
}

// resolution returns the decision that ended the case; nil: it is open.
func (w *caseWork) resolution() *cases.Decision {
	if w.doc.Resolution != nil || w.alert.Resolved == nil {
		return w.doc.Resolution
	}
	return &cases.Decision{} // by a program without cases
}

// readCase reads a case. fault.NotFound: there is none, or the index does not have it yet; fault.Forbidden: this person may not see its lists.
func (a *Acting) readCase(ctx context.Context, id string) (*caseWork, error) {
	index, err := a.casesOf()
	if err != nil {
		return nil, err
	}
	for s, err := range index.Index.Alerts(ctx, archive.AlertQuery{ID: id, Limit: 1}) {
		if err != nil {
			return nil, err
		}
		if !a.mayUseAll(s.Created.Terms.Lists) {
			return nil, fault.E(fault.Forbidden, "the key is not for all lists of this case")
		}
		w := &caseWork{alert: s}
		return w, a.readDoc(ctx, w)
	}
	return nil, fault.E(fault.NotFound, "case %s does not exist", address.Quote(id))
}

// readDoc reads the document of a case again. A document is moved once, so that it is found where it is looked for last.
func (a *Acting) readDoc(ctx context.Context, w *caseWork) (err error) {
	w.closed = false
	w.doc, w.revision, err = lists.Read[cases.Case](ctx, a.Store, lists.DocCase(w.alert.ID))
	if fault.Is(err, fault.NotFound) {
		w.doc, w.revision, err = lists.Read[cases.Case](ctx, a.Store, lists.DocClosedCase(w.alert.ID))
		w.closed = err == nil
	}
	if fault.Is(err, fault.NotFound) {
		w.doc, w.revision, err = cases.Case{ID: w.alert.ID, State: cases.New}, 0, nil
	}
	return err
}

// mayUseAll reports whether the person may use all lists of a case.
func (a *Acting) mayUseAll(all []string) bool {
	return a.person.MayUse == nil || !slices.ContainsFunc(all, func(l string) bool { return !a.person.MayUse(l) })
}

// worker returns this person as one who works on cases.
func (a *Acting) worker(ctx context.Context) cases.Worker {
	return cases.Worker{Actor: a.person.Actor, Approver: a.person.Vouches(), Alone: a.person.Alone, Second: func(author lists.Actor) error {
		people, err := lists.ReadPeople(ctx, a.Store)
		if err != nil {
			return err
		}
		return people.SecondPerson(author, a.person.Actor, a.Now())
	}}
}

// TakeCase makes this person the one who works on a case.
func (a *Acting) TakeCase(ctx context.Context, id, reason string) (*client.Case, error) {
	return a.workOn(ctx, id, cases.Change{Do: cases.Take, Reason: reason})
}

// ReleaseCase gives a case back.
func (a *Acting) ReleaseCase(ctx context.Context, id, reason string) (*client.Case, error) {
	return a.workOn(ctx, id, cases.Change{Do: cases.GiveBack, Reason: reason})
}

// WaitCase notes why a case waits.
func (a *Acting) WaitCase(ctx context.Context, id, reason string, until *time.Time) (*client.Case, error) {
	return a.workOn(ctx, id, cases.Change{Do: cases.ToWait, Reason: reason, Until: until})
}

// NoteCase adds a note to a case.
func (a *Acting) NoteCase(ctx context.Context, id, note string) (*client.Case, error) {
	return a.workOn(ctx, id, cases.Change{Do: cases.Note, Reason: note})
}

// RecommendCase recommends how to resolve a case.
func (a *Acting) RecommendCase(ctx context.Context, id, outcome, reason string) (*client.Case, error) {
	return a.workOn(ctx, id, cases.Change{Do: cases.Recommend, Outcome: cases.Outcome(outcome), Reason: reason})
}

// ResolveCase ends a case.
func (a *Acting) ResolveCase(ctx context.Context, id, outcome, reason string) (*client.Case, error) {
	return a.workOn(ctx, id, cases.Change{Do: cases.Resolve, Outcome: cases.Outcome(outcome), Reason: reason})
}

// resolveAlert is ResolveCase for callers who know alerts of look-backs only; who may is for them to know.
func (a *Acting) resolveAlert(ctx context.Context, id, reason string) (*client.Alert, error) {
	index, err := a.casesOf()
	if err != nil {
		return nil, err
	}
	if _, err := index.Alert(ctx, id); err != nil {
		return nil, err
	}
	by := a.worker(ctx)
	by.Approver = true
	if _, err := a.workAs(ctx, by, id, cases.Change{Do: cases.Resolve, Outcome: cases.Other, Reason: reason}); err != nil {
		return nil, err
	}
	return index.Alert(ctx, id)
}

func (a *Acting) workOn(ctx context.Context, id string, x cases.Change) (*client.Case, error) {
	return a.workAs(ctx, a.worker(ctx), id, x)
}

func (a *Acting) workAs(ctx context.Context, by cases.Worker, id string, x cases.Change) (*client.Case, error) {
	x.By, x.At = by, a.Now().UTC()
	if err := x.Check(); err != nil {
		return nil, err
	}
	w, err := a.readCase(ctx, id)
	if err != nil {
		return nil, err
	}
	changed, err := a.changeCase(ctx, w, &x)
	if x.Do == cases.Resolve && (changed || w.doc.State == cases.Resolved) {
		mine := changed || again(w.doc.Resolution, &x)
		if mine || a.settled(w) {
			if ferr := a.finish(ctx, w); ferr != nil {
				return nil, ferr
			}
		}
		if mine {
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	return a.viewCase(ctx, w)
}

// again reports whether a change is the one that resolved a case, repeated by who did not get its answer.
func again(d *cases.Decision, x *cases.Change) bool {
	return d != nil && d.Outcome == x.Outcome && d.Reason == x.Reason && lists.SamePerson(d.By, x.By.Person)
}

// shownCase is a case as records of changes show it.
type shownCase struct {
	State       cases.State   `json:"state"`
	TakenBy     string        `json:"taken_by,omitempty"`
	Until       *time.Time    `json:"until,omitempty"`
	Recommended cases.Outcome `json:"recommended,omitempty"`
	Outcome     cases.Outcome `json:"outcome,omitempty"`
	Attachments []string      `json:"attachments,omitempty"` // SHA-256
}

func shown(c *cases.Case) shownCase {
	s := shownCase{State: c.State, TakenBy: c.TakenBy}
	if c.Wait != nil {
		s.Until = c.Wait.Until
	}
	if c.Recommendation != nil {
		s.Recommended = c.Recommendation.Outcome
	}
	if c.Resolution != nil {
		s.Outcome = c.Resolution.Outcome
	}
	for _, f := range c.Attachments {
		s.Attachments = append(s.Attachments, f.SHA256)
	}
	return s
}

// changeCase makes a change of a case's document between its two records.
func (a *Acting) changeCase(ctx context.Context, w *caseWork, x *cases.Change) (changed bool, err error) {
	apply := func() (next cases.Case, changed bool, err error) {
		if r := w.alert.Resolved; r != nil && w.doc.State != cases.Resolved {
			return next, false, fault.E(fault.Conflict, "the case was resolved by %s at %s", r.Terms.By, r.Time.Format(time.RFC3339))
		}
		next = w.doc
		next.History, next.Attachments = slices.Clone(w.doc.History), slices.Clone(w.doc.Attachments)
		changed, err = next.Apply(x)
		return next, changed, err
	}
	if _, changed, err := apply(); err != nil || !changed { // nothing is begun that is refused
		return false, err
	}
	e := lists.NewEvent("case-"+string(x.Do), x.By.Actor, x.Reason, &lists.Warrant{})
	e.Subject = w.alert.ID
	err = a.Ledger.Do(e, func() error {
		return lists.Retry(ctx, func() error {
			if err := a.readDoc(ctx, w); err != nil {
				return err
			}
			next, does, err := apply()
			if err != nil || !does {
				return err
			}
			e.Before, e.After = lists.Difference(shown(&w.doc), shown(&next))
			if next.Resolution != nil {
				e.Alone = next.Resolution.Alone
			}
			commit := []lists.Change{lists.Put(lists.DocCase(next.ID), &next, w.revision)}
			if w.revision == 0 { // nor has it been closed meanwhile
				commit = append(commit, lists.Change{Key: lists.DocClosedCase(next.ID), Expect: 0})
			}
			if err := lists.TryCommit(ctx, a.Store, commit...); err != nil {
				return err
			}
			changed = true
			return a.readDoc(ctx, w)
		})
	})
	return changed, err
}

// settled reports whether whoever resolved a case has had the time to complete it.
func (a *Acting) settled(w *caseWork) bool {
	return w.doc.State == cases.Resolved && !w.closed && (w.alert.Resolved != nil || a.Now().Sub(w.doc.Resolution.At) > settleTime)
}

// finish completes what resolving a case has begun: the record of it, and the place of its document. It may be done more than once.
func (a *Acting) finish(ctx context.Context, w *caseWork) error {
	if w.closed {
		return nil
	}
	d := w.doc.Resolution
	if w.alert.Resolved == nil {
		r := archive.Resolution{ID: w.alert.ID, Resolved: true, By: d.By, Reason: d.Reason, At: d.At, Outcome: string(d.Outcome), Alone: d.Alone,
			Hit: archive.OriginOf(w.alert.Created.Kind) == archive.Hits}
		if w.doc.Recommendation != nil {
			r.RecommendedBy = w.doc.Recommendation.By
		}
		if err := a.Archive.Resolve(ctx, r); err != nil {
			return err
		}
	}
	err := a.Store.Commit(ctx, lists.Change{Key: lists.DocCase(w.doc.ID), Expect: w.revision}, lists.Put(lists.DocClosedCase(w.doc.ID), &w.doc, 0))
	if err != nil && !fault.Is(err, fault.Conflict) { // another server may have moved it
		return err
	}
	return a.readDoc(ctx, w)
}

// Case returns one case.
func (a *Acting) Case(ctx context.Context, id string) (*client.Case, error) {
	w, err := a.readCase(ctx, id)
	if err != nil {
		return nil, err
	}
	if a.settled(w) {
		if err := a.finish(ctx, w); err != nil {
			return nil, err
		}
	}
	return a.viewCase(ctx, w)
}

// bulkAtOnce is how many cases of a bulk are worked on at the same time: each waits for the disk, and a resolution for the index.
const bulkAtOnce = 16

// BulkCases does the same with many cases.
func (a *Acting) BulkCases(ctx context.Context, in client.CaseBulk) ([]client.CaseResult, error) {
	change := cases.Change{Do: cases.Do(in.Do), Outcome: cases.Outcome(in.Outcome), Reason: in.Reason, Until: in.Until, At: a.Now().UTC()}
	switch {
	case len(in.IDs) == 0 || len(in.IDs) > client.MaxBulk:
		return nil, fault.E(fault.Invalid, "ids: must have 1 to %d cases", client.MaxBulk)
	case change.Do == cases.Attach:
		change.Do = ""
	case change.Do == cases.Resolve && !a.person.Vouches():
		return nil, fault.E(fault.Forbidden, "only someone who may approve can resolve cases: recommend how to")
	}
	if err := change.Check(); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, id := range in.IDs {
		if seen[id] {
			return nil, fault.E(fault.Invalid, "ids: %s stands twice", address.Quote(id))
		}
		seen[id] = true
	}
	if _, err := a.casesOf(); err != nil {
		return nil, err
	}
	results := make([]client.CaseResult, len(in.IDs))
	var all errgroup.Group
	all.SetLimit(bulkAtOnce)
	for i, id := range in.IDs {
		all.Go(func() error {
			results[i].ID = id
			c, err := a.workOn(ctx, id, change)
			if err != nil {
				results[i].Error = Problem(err)
			} else {
				c.Answer, c.History, c.Attachments = nil, nil, nil
				results[i].Case = c
			}
			return nil
		})
	}
	return results, all.Wait()
}

// AttachToCase attaches a file to a case.
func (a *Acting) AttachToCase(ctx context.Context, id, filename string, content []byte) (*client.Case, error) {
	switch {
	case len(content) == 0:
		return nil, fault.E(fault.Invalid, "the attachment is empty")
	case len(content) > client.MaxAttachmentBytes:
		return nil, tooLarge(client.MaxAttachmentBytes)
	}
	w, err := a.readCase(ctx, id)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	file := &cases.Attachment{Blob: lists.BlobAttachment(w.alert.ID, uuid.NewString()), Name: attachmentName(filename), Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]),
		By: a.person.Person, At: a.Now().UTC()}
	x := cases.Change{Do: cases.Attach, File: file, By: a.worker(ctx), At: file.At}
	probe := w.doc
	if _, err := probe.Apply(&x); err != nil { // no bytes are kept of what is refused
		return nil, err
	}
	if err := a.Store.PutBlob(ctx, file.Blob, bytes.NewReader(content)); err != nil {
		return nil, err
	}
	if _, err := a.changeCase(ctx, w, &x); err != nil {
		if fault.Is(err, fault.Conflict) { // after any other error it may have been attached
			if derr := a.Store.DropBlob(ctx, file.Blob); derr != nil {
				a.Log.Warn("a file that was not attached to its case is left in the store", "blob", file.Blob, "error", derr)
			}
		}
		return nil, err
	}
	return a.viewCase(ctx, w)
}

// Cases returns a page of cases.
func (a *Acting) Cases(ctx context.Context, in client.CaseQuery) (*client.CasePage, error) {
	index, err := a.casesOf()
	if err != nil {
		return nil, err
	}
	s, err := a.selectCases(&in)
	if err != nil {
		return nil, err
	}
	if err := a.readDocs(ctx, s); err != nil {
		return nil, err
	}
	out := &client.CasePage{Cases: []client.Case{}}
	add := func(alert *archive.AlertState) error {
		w := s.workOf(alert)
		if a.settled(w) {
			if _, err := a.Case(ctx, alert.ID); err != nil && !fault.Is(err, fault.Forbidden) {
				a.Log.Warn("the resolution of a case is not on record yet; it is tried again when the case is read", "case", alert.ID, "error", err)
			}
		}
		if !a.mayUseAll(alert.Created.Terms.Lists) || !s.selects(w) {
			return nil
		}
		c, err := a.caseOf(w)
		if err == nil && (s.queue == "" || c.Queue == s.queue) {
			out.Cases = append(out.Cases, *c)
		}
		return err
	}
	scanned := 0
	var last archive.Position
	for alert, err := range s.alerts(ctx, index) {
		if err != nil {
			return nil, err
		}
		if len(out.Cases) == s.limit || scanned == scanCases {
			out.Cursor = cursorOf(last)
			break
		}
		scanned++
		last = alert.Created.Position
		if err := add(&alert); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// caseSelection is a client.CaseQuery that was checked.
type caseSelection struct {
	archive.AlertQuery
	state   string
	queue   string
	takenBy string
	limit   int
	worked  bool // only cases with a document, which are few
	docs    map[string]*cases.Case
}

// readDocs reads the documents of the cases that are not closed.
func (a *Acting) readDocs(ctx context.Context, s *caseSelection) error {
	docs, err := lists.ReadAll[cases.Case](ctx, a.Store, lists.DocCases)
	if err != nil {
		return err
	}
	s.docs = make(map[string]*cases.Case, len(docs))
	for i := range docs {
		s.docs[docs[i].ID] = &docs[i]
	}
	return nil
}

// workOf returns the case of an alert.
func (s *caseSelection) workOf(alert *archive.AlertState) *caseWork {
	w := &caseWork{alert: *alert, doc: cases.Case{ID: alert.ID, State: cases.New}}
	if doc := s.docs[alert.ID]; doc != nil {
		w.doc = *doc
	}
	return w
}

// alerts yields the alerts among which those of the selected cases are, in order.
func (s *caseSelection) alerts(ctx context.Context, index *Archive) iter.Seq2[archive.AlertState, error] {
	if !s.worked {
		return index.Index.Alerts(ctx, s.AlertQuery)
	}
	return func(yield func(archive.AlertState, error) bool) {
		found, err := s.ofWorked(ctx, index)
		if err != nil {
			yield(archive.AlertState{}, err)
			return
		}
		for i := range found {
			if !yield(found[i], nil) {
				return
			}
		}
	}
}

func (a *Acting) selectCases(in *client.CaseQuery) (*caseSelection, error) {
	s := &caseSelection{state: cmp.Or(in.State, "open"), queue: in.Queue, takenBy: in.TakenBy, limit: cmp.Or(in.Limit, defaultPage)}
	s.List = in.List
	origins := map[string]archive.Origin{"": archive.AnyOrigin, "hit": archive.Hits, "look_back": archive.LookBacks}
	of, known := origins[in.Kind]
	switch {
	case !slices.Contains(CaseStates, s.state):
		return nil, fault.E(fault.Invalid, "state: use one of %v", CaseStates)
	case in.Queue != "" && !slices.Contains(archive.Queues, archive.Queue(in.Queue)):
		return nil, fault.E(fault.Invalid, "queue: use one of %v", archive.Queues)
	case !known:
		return nil, fault.E(fault.Invalid, "kind: use one of [hit look_back]")
	case s.limit < 1 || s.limit > maxPage:
		return nil, fault.E(fault.Invalid, "limit is 1 to %d", maxPage)
	case s.takenBy != "" && s.state == "resolved":
		return nil, fault.E(fault.Invalid, "taken_by: is for cases that are not resolved")
	case in.List != "" && a.person.MayUse != nil && !a.person.MayUse(in.List):
		return nil, fault.E(fault.Forbidden, "the key is not for this list")
	}
	s.Of, s.Open = of, s.state == "open" || s.state == string(cases.New)
	s.worked = s.takenBy != "" || s.state == string(cases.Investigating) || s.state == string(cases.Waiting)
	if in.Cursor != "" {
		var err error
		if s.After, err = parseCursor(in.Cursor); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// CaseStates are the states by which cases are selected.
var CaseStates = []string{"open", string(cases.New), string(cases.Investigating), string(cases.Waiting), string(cases.Resolved), "all"}

func (s *caseSelection) selects(w *caseWork) bool {
	resolved := w.resolution() != nil
	state := w.doc.State
	if resolved {
		state = cases.Resolved
	}
	return (s.state == "all" || s.state == string(state) || s.state == "open" && !resolved) &&
		(s.takenBy == "" || !resolved && w.doc.TakenBy != "" && lists.SamePerson(s.takenBy, w.doc.TakenBy))
}

// ofWorked returns the alerts of the cases that have a document and are selected by it, in order.
func (s *caseSelection) ofWorked(ctx context.Context, index *Archive) ([]archive.AlertState, error) {
	var found []archive.AlertState
	for _, id := range slices.Sorted(maps.Keys(s.docs)) {
		if w := (caseWork{doc: *s.docs[id]}); !s.selects(&w) {
			continue
		}
		q := s.AlertQuery
		q.ID, q.Limit = id, 1
		for alert, err := range index.Index.Alerts(ctx, q) {
			if err != nil {
				return nil, err
			}
			found = append(found, alert)
		}
	}
	slices.SortFunc(found, func(x, y archive.AlertState) int {
		p, q := x.Created.Position, y.Created.Position
		return cmp.Or(p.Time.Compare(q.Time), bytes.Compare(p.Writer[:], q.Writer[:]), cmp.Compare(p.Sequence, q.Sequence))
	})
	return found, nil
}

// attachmentName returns the name of a file as it is kept: its last element, without characters that steer something somewhere, and at most 150 bytes, of
// which the end is kept for its extension.
func attachmentName(text string) string {
	const most, extension = 150, 16
	name := strings.ReplaceAll(lists.PlainText(text), `\`, "/")
	name = address.Recordable(name)
	name = name[strings.LastIndexByte(name, '/')+1:]
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"<>:|?*%;&`+"`$'", r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, " .")
	if len(name) > most {
		end := ""
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 && len(name)-dot <= extension {
			end = name[dot:]
		}
		name = lists.Truncate(name, most-len(end)) + end
	}
	return cmp.Or(name, "attachment")
}

func noArchive() error {
	return fault.E(fault.Unavailable, "this server has no index of the record (--archive none)")
}
