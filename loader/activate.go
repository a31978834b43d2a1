package loader

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/spans"
	"interdict/loader/build"
)

// ActivateOptions describe who activates a version, and why.
type ActivateOptions struct {
	By lists.Actor
	// Override is the reason for activating a version although a guard trips; "" for none. It is recorded.
	Override string
	// Warrant is needed to go back to an older version of a list that asks for approvals. If it is the operator's, the override also
	// replaces missing approvals.
	Warrant lists.Warrant
}

// Activate makes a version the active one: the next generation, in one commit. A version that was active before can be activated again; its
// guards compare it with the version that is active now. Going back to an older version of a list that asks for approvals without a
// sufficient warrant is a *lists.NeedsSecondPerson. A fault.Conflict names what is missing (approvals, or a reason for a guard), or says
// that a delta was staged on top of a version that is no longer active.
func (l *Loader) Activate(ctx context.Context, list string, number int, o ActivateOptions) (*lists.Generation, error) {
	if len(o.Override) > build.MaxField {
		return nil, fault.E(fault.Invalid, "override: longer than %d bytes", build.MaxField)
	}
	o.Override = lists.Reason(o.Override)
	c := lists.NewEvent("activate", o.By, o.Override, &o.Warrant)
	c.List, c.Version = list, number
	var g lists.Generation
	ctx, span := spans.Start(ctx, "activate")
	err := l.ledger.Do(c, func() error {
		if err := l.rebuildBefore(ctx, list, number); err != nil {
			return err
		}
		return lists.Retry(ctx, func() error {
			settings, v, revs, err := l.versionForChange(ctx, list, number)
			if err != nil {
				return err
			}
			c.SHA256 = v.SHA256
			c.Before, c.After = activeVersions(settings.Active, number)
			switch v.State {
			case lists.Staged:
			case lists.Superseded:
				if len(v.Layers) == 0 {
					return noLayersError(v)
				}
				if settings.Active != 0 {
					if err := secondPerson(settings, &o.Warrant, lists.ProposeRollback, number); err != nil {
						return err
					}
				}
			case lists.Activated:
				return fault.E(fault.Conflict, "version %d of %s is already active", number, list)
			default:
				return fault.E(fault.Conflict, "version %d of %s is %s", number, list, v.State)
			}
			active, last, err := l.lastActive(ctx, settings)
			if err != nil {
				return err
			}
			if err := l.updateGuards(ctx, settings, last, v); err != nil {
				return err
			}
			if err := l.checkActivation(ctx, settings, v, &o); err != nil {
				return err
			}
			if o.Override != "" {
				v.Override = &lists.Approval{By: o.By.Person, Credential: o.By.Credential, At: l.now().UTC(), Reason: o.Override, Digest: v.SHA256}
			}
			if active != nil {
				v.Previous = active.Number
			}
			g, err = l.replaceActive(ctx, "activate", settings, active, v, o.By.Person, o.Override, revs, o.Warrant.Changes())
			c.Generation = g.Number
			return err
		})
	})
	spans.End(span, err)
	if err != nil {
		return nil, err
	}
	select {
	case l.grown <- list:
	default: // the queue is full: the next activation queues the list again
	}
	return &g, nil
}

// checkActivation returns an error that says why a version cannot be activated yet.
func (l *Loader) checkActivation(ctx context.Context, settings *lists.List, v *lists.Version, o *ActivateOptions) error {
	if len(v.Guards) > 0 && o.Override == "" {
		var all []string
		for _, g := range v.Guards {
			all = append(all, g.Code+": "+g.Detail)
		}
		return fault.E(fault.Conflict, "guarded (%s); activating it needs an override with a reason", strings.Join(all, "; "))
	}
	wentBack := v.State == lists.Superseded && settings.Active != 0 // two people agreed to that: see secondPerson
	if settings.Approvals == 0 || wentBack || o.Warrant.Alone == lists.AloneOperator && o.Override != "" {
		return nil
	}
	people, err := lists.ReadPeople(ctx, l.store)
	if err != nil {
		return err
	}
	alone := o.Warrant.Alone == lists.AloneFourEyes
	if len(v.Guards) > 0 && !alone {
		if err := l.agrees(people, v, o.By); err != nil {
			return fault.E(fault.Forbidden, "the override of a guard of version %d of %s: %w", v.Number, v.List, err)
		}
	}
	agreed, lapsed := map[string]bool{}, ""
	for _, a := range v.Approvals {
		if a.Digest != v.SHA256 {
			continue
		}
		if err := l.agrees(people, v, lists.Actor{Person: a.By, Credential: a.Credential}); err != nil && !alone {
			lapsed = fmt.Sprintf(" (that of %s does not count: %v)", a.By, err)
			continue
		}
		agreed[lists.FoldPerson(a.By)] = true
	}
	if len(agreed) < settings.Approvals {
		return fault.E(fault.Conflict, "version %d of %s has %d of %d approvals%s", v.Number, v.List, len(agreed), settings.Approvals, lapsed)
	}
	return nil
}

// agrees returns an error if a person cannot be the second person for the content of a version: for its uploader, and for who chose the source
// that it came from.
func (l *Loader) agrees(people *lists.People, v *lists.Version, approver lists.Actor) error {
	for _, author := range []string{v.UploadedBy, v.SourceBy} {
		if author == "" || author == lists.Refresher {
			continue
		}
		if err := people.SecondPerson(lists.Person(author), approver, l.now()); err != nil {
			return err
		}
	}
	return nil
}

// secondPerson returns a *lists.NeedsSecondPerson if version number (0: none) cannot take the place of the active one on a warrant, and
// fault.Conflict if another version is active than when the warrant's proposal was made.
func secondPerson(settings *lists.List, w *lists.Warrant, kind lists.ProposalKind, number int) error {
	before, after := activeVersions(settings.Active, number)
	if err := w.Unchanged(before); err != nil || settings.Approvals == 0 || w.Suffices() {
		return err
	}
	return &lists.NeedsSecondPerson{Proposal: lists.Proposal{Kind: kind, List: settings.ID, Version: number, Before: before, After: after}}
}

// activeVersions returns the versions that a change replaces and puts there; 0: none.
func activeVersions(before, after int) (was, is json.RawMessage) {
	type active struct {
		Version int `json:"active_version"`
	}
	return lists.Difference(active{before}, active{after})
}

// updateGuards compares a version with the one that is active now, unless it was compared with that one before. A delta that was built on a
// version that is no longer active must be staged again.
func (r *Reader) updateGuards(ctx context.Context, settings *lists.List, last, v *lists.Version) error {
	switch {
	case v.State == lists.Superseded:
	case v.Mode != lists.Replace && v.BuiltOn() == settings.Active:
		return nil
	case v.Mode != lists.Replace:
		return fault.E(fault.Conflict, "version %d of %s was staged on top of version %d, and now version %d is active: stage it again",
			v.Number, v.List, v.BuiltOn(), settings.Active)
	case last == nil && v.Diff.Against == 0, last != nil && v.Diff.Against == last.Number:
		return nil
	}
	c, err := build.Compare(ctx, r.store, settings, last, v, nil)
	if err != nil {
		return err
	}
	v.Gone = goneFrom(last, v, c.Gone)
	if v.State == lists.Staged {
		v.Diff = c.DiffCounts
	}
	v.Guards, err = r.guards(ctx, settings, last, v, c.WellKnown, func(yield func(lists.Quarantined) error) error {
		return r.Quarantine(ctx, v.List, v.Number, yield)
	})
	return err
}

// revisions are those of the documents that a change of a version was computed from.
type revisions struct{ list, version uint64 }

func (r *Reader) versionForChange(ctx context.Context, list string, number int) (*lists.List, *lists.Version, revisions, error) {
	settings, listRev, err := lists.Read[lists.List](ctx, r.store, lists.DocList(list))
	if err != nil {
		return nil, nil, revisions{}, notFound(err, "list %s", address.Quote(list))
	}
	v, versionRev, err := lists.Read[lists.Version](ctx, r.store, lists.DocVersion(list, number))
	if err != nil {
		return nil, nil, revisions{}, notFound(err, "version %d of list %s", number, address.Quote(list))
	}
	return &settings, &v, revisions{listRev, versionRev}, nil
}

// notFound names what was not found.
func notFound(err error, format string, args ...any) error {
	if fault.Is(err, fault.NotFound) {
		return fault.E(fault.NotFound, format+" does not exist", args...)
	}
	return err
}

// replaceActive commits the next generation, in which v replaces the active version, with all documents that change and
// those of more.
func (l *Loader) replaceActive(ctx context.Context, action string, settings *lists.List, active, v *lists.Version, by, reason string, revs revisions, more []lists.Change) (lists.Generation, error) {
	g, head, err := l.nextGeneration(ctx, action, settings.ID, by, reason)
	if err != nil {
		return g, err
	}
	now := l.now().UTC()
	v.State, v.Activated = lists.Activated, &now
	*settings = withPublisher(settings, v)
	settings.Active = v.Number
	entry := lists.Active{List: settings.WithDefaults(), Version: v.Number, Published: v.Published, File: v.File, SHA256: v.SHA256,
		Addresses: v.Addresses, Listings: v.Listings, Layers: v.Layers}
	if entry.Suppressions, err = l.inForce(ctx, settings.ID, nil); err != nil {
		return g, err
	}
	at, found := slices.BinarySearchFunc(g.Lists, settings.ID, func(a lists.Active, id string) int { return strings.Compare(a.List.ID, id) })
	if found {
		g.Lists[at] = entry
	} else {
		g.Lists = slices.Insert(g.Lists, at, entry)
	}
	changes := append(append(generationChanges(g, head), more...),
		lists.Put(lists.DocList(settings.ID), settings, revs.list),
		lists.Put(lists.DocVersion(v.List, v.Number), v, revs.version))
	if active != nil {
		_, rev, err := lists.Read[lists.Version](ctx, l.store, lists.DocVersion(active.List, active.Number))
		if err != nil {
			return g, err
		}
		active.State = lists.Superseded
		changes = append(changes, lists.Put(lists.DocVersion(active.List, active.Number), active, rev))
	}
	// What the publisher has makes the list as fresh as the upload. Activating an older upload does not make the list less fresh.
	fresh, freshRev, err := lists.Read[lists.Fresh](ctx, l.store, lists.DocFresh(settings.ID))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return g, err
	}
	renews, err := l.renewsFreshness(ctx, v)
	if err != nil {
		return g, err
	}
	if (renews || fresh.At.IsZero()) && v.UploadedAt.After(fresh.At) {
		changes = append(changes, lists.Put(lists.DocFresh(settings.ID), lists.Fresh{At: v.UploadedAt}, freshRev))
	}
	return g, lists.TryCommit(ctx, l.store, changes...)
}

// renewsFreshness reports whether a version is what the publisher has: a whole list, or a delta in the format of the whole list that it
// changes. Rows that a person adds or removes say nothing about the others.
func (r *Reader) renewsFreshness(ctx context.Context, v *lists.Version) (bool, error) {
	if v.Mode == lists.Replace || !v.Delta {
		return v.Mode == lists.Replace, nil
	}
	whole, err := r.wholeList(ctx, v)
	return err == nil && whole.Mode == lists.Replace && whole.Format == v.Format, err
}

// wholeList returns the whole list that a version changes by additions, removals and deltas; the version itself, if it is a whole list.
func (r *Reader) wholeList(ctx context.Context, v *lists.Version) (*lists.Version, error) {
	for v.BuiltOn() != 0 {
		var err error
		if _, v, _, err = r.versionForChange(ctx, v.List, v.BuiltOn()); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Rollback makes the version that was active before the current one active again, as a new generation. Of a list that asks for approvals this
// needs a second person.
func (l *Loader) Rollback(ctx context.Context, list string, o ChangeOptions) (*lists.Generation, error) {
	c := o.event("rollback", list)
	var g lists.Generation
	err := l.ledger.Do(c, func() error {
		return lists.Retry(ctx, func() error {
			settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
			if err != nil {
				return notFound(err, "list %s", address.Quote(list))
			}
			active, err := l.activeVersion(ctx, &settings)
			if err != nil {
				return err
			}
			if active == nil {
				return fault.E(fault.Conflict, "list %s has no active version to roll back", list)
			}
			if active.Previous == 0 {
				return fault.E(fault.Conflict, "list %s has no earlier version to roll back to", list)
			}
			current, v, revs, err := l.versionForChange(ctx, list, active.Previous)
			if err != nil {
				return err
			}
			c.Version, c.SHA256 = v.Number, v.SHA256
			c.Before, c.After = activeVersions(active.Number, v.Number)
			if err := secondPerson(current, &o.Warrant, lists.ProposeRollback, v.Number); err != nil {
				return err
			}
			if len(v.Layers) == 0 {
				return noLayersError(v)
			}
			if lists.Outdated(v.Layers) {
				if err := l.rebuildBefore(ctx, list, v.Number); err != nil {
					return err
				}
				return fault.E(fault.Raced, "%s was rebuilt", describe(v))
			}
			g, err = l.replaceActive(ctx, "rollback", current, active, v, o.By.Person, c.Reason, revs, o.Warrant.Changes())
			c.Generation = g.Number
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return &g, nil
}

// Retire ends the screening against a list: the next generation does not have it. Its versions stay for the record, and a new one can be
// activated. A mandatory list cannot be retired; a list that asks for approvals needs a second person for it.
func (l *Loader) Retire(ctx context.Context, list string, o ChangeOptions) (*lists.Generation, error) {
	c := o.event("retire", list)
	var g lists.Generation
	err := l.ledger.Do(c, func() error {
		return lists.Retry(ctx, func() error {
			settings, listRev, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
			if err != nil {
				return notFound(err, "list %s", address.Quote(list))
			}
			if settings.Active == 0 {
				return fault.E(fault.Conflict, "list %s has no active version", list)
			}
			c.Before, c.After = activeVersions(settings.Active, 0)
			if settings.Mandatory {
				return fault.E(fault.Conflict, "list %s is mandatory: it cannot be retired", list)
			}
			if err := secondPerson(&settings, &o.Warrant, lists.ProposeRetire, 0); err != nil {
				return err
			}
			_, v, revs, err := l.versionForChange(ctx, list, settings.Active)
			if err != nil {
				return err
			}
			var head uint64
			if g, head, err = l.nextGeneration(ctx, "retire", list, o.By.Person, c.Reason); err != nil {
				return err
			}
			g.Lists = slices.DeleteFunc(g.Lists, func(a lists.Active) bool { return a.List.ID == list })
			c.Generation, c.Version = g.Number, v.Number
			v.State, settings.Active, settings.UpdatedAt, settings.UpdatedBy = lists.Superseded, 0, g.At, o.By.Person
			return lists.TryCommit(ctx, l.store, append(append(generationChanges(g, head), o.Warrant.Changes()...), lists.Put(lists.DocList(list), settings, listRev),
				lists.Put(lists.DocVersion(list, v.Number), v, revs.version))...)
		})
	})
	if err != nil {
		return nil, err
	}
	return &g, nil
}

// Approve records that a person agrees to the content of a version that is staged, or that was active before. No one can approve their own
// upload, or what came from a source that they chose.
func (l *Loader) Approve(ctx context.Context, list string, number int, o ChangeOptions) (*lists.Version, error) {
	people, err := lists.ReadPeople(ctx, l.store)
	if err != nil {
		return nil, err
	}
	return l.decide(ctx, "approve", list, number, &o, []lists.State{lists.Staged, lists.Superseded}, func(v *lists.Version, reason string) error {
		if err := l.agrees(people, v, o.By); err != nil && o.Warrant.Alone != lists.AloneFourEyes {
			return fault.E(fault.Forbidden, "version %d of %s was uploaded %w", number, list, err)
		}
		if slices.ContainsFunc(v.Approvals, func(a lists.Approval) bool { return lists.SamePerson(a.By, o.By.Person) && a.Digest == v.SHA256 }) {
			return fault.E(fault.Conflict, "the same person has already approved version %d of %s", number, list)
		}
		v.Approvals = append(v.Approvals, lists.Approval{By: o.By.Person, Credential: o.By.Credential, At: l.now().UTC(), Reason: reason, Digest: v.SHA256})
		return nil
	})
}

// Reject makes a staged version unusable.
func (l *Loader) Reject(ctx context.Context, list string, number int, o ChangeOptions) (*lists.Version, error) {
	return l.decide(ctx, "reject", list, number, &o, []lists.State{lists.Staged}, func(v *lists.Version, _ string) error {
		if lists.SamePerson(v.UploadedBy, o.By.Person) && o.Warrant.Alone != lists.AloneFourEyes {
			return fault.E(fault.Forbidden, "version %d of %s was uploaded by the same person: someone else must reject it", number, list)
		}
		v.State = lists.Rejected
		return nil
	})
}

// decide changes a version that is in one of the states, between its two journal records.
func (l *Loader) decide(ctx context.Context, action, list string, number int, o *ChangeOptions, states []lists.State, change func(v *lists.Version, reason string) error) (*lists.Version, error) {
	c := o.event(action, list)
	c.Version = number
	var out *lists.Version
	err := l.ledger.Do(c, func() error {
		return lists.Retry(ctx, func() error {
			settings, v, revs, err := l.versionForChange(ctx, list, number)
			if err != nil {
				return err
			}
			if !slices.Contains(states, v.State) {
				return fault.E(fault.Conflict, "version %d of %s is %s, not staged", number, list, v.State)
			}
			before := decision{v.State, len(v.Approvals)}
			if err := change(v, c.Reason); err != nil {
				return err
			}
			c.Before, c.After = lists.Difference(before, decision{v.State, len(v.Approvals)})
			setMeans(settings, v)
			c.SHA256, out = v.SHA256, v
			return lists.TryCommit(ctx, l.store, lists.Put(lists.DocVersion(list, number), v, revs.version))
		})
	})
	return out, err
}

// decision is what a person decides on a version, as the record shows it.
type decision struct {
	State     lists.State `json:"state"`
	Approvals int         `json:"approvals"`
}

// Served waits until every live replica answers from the generation or a newer one, at most until ctx ends. It returns how many replicas are
// live and how many of them do.
func (l *Loader) Served(ctx context.Context, generation int) (live, serving int, err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		replicas, err := lists.Replicas(ctx, l.store, l.now())
		// The store may report that the time is up a moment before the context does.
		if deadline, ok := ctx.Deadline(); err != nil && ctx.Err() == nil && !(ok && time.Until(deadline) < 100*time.Millisecond) {
			return live, serving, err
		}
		if err == nil {
			live, serving = len(replicas), 0
			for _, r := range replicas {
				if r.Generation >= generation && !r.Lost {
					serving++
				}
			}
			if serving == live {
				return live, serving, nil
			}
		}
		select {
		case <-ctx.Done():
			return live, serving, nil
		case <-tick.C:
		}
	}
}

func describe(v *lists.Version) string { return fmt.Sprintf("version %d of %s", v.Number, v.List) }
