package loader

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
)

// ActivateOptions say who activates, and with what right.
type ActivateOptions struct {
	By string
	// Override is the reason for going past a guard; "" for none. It goes on record.
	Override string
	// Operator tells that By has the store itself in hands (a command, not the API): the reason then also
	// stands in for missing approvals, as the contract says.
	Operator bool
}

// Activate makes a version the active one: the next generation, in one commit. A version that was active before can be activated again;
// its guards compare it with what is active now. fault.Conflict says what is missing: approvals, a reason for a guard, or that the version
// was made for a state that has passed.
func (l *Loader) Activate(ctx context.Context, list string, number int, o ActivateOptions) (*lists.Generation, error) {
	o.Override = strings.TrimSpace(o.Override)
	if len(o.Override) > maxField {
		return nil, fault.E(fault.Invalid, "override: longer than %d bytes", maxField)
	}
	c := &Change{Action: "activate", By: o.By, List: list, Version: number, Reason: o.Override}
	var g lists.Generation
	err := l.recorded(c, func() error {
		if err := l.renew(ctx, list, number); err != nil {
			return err
		}
		return retry(ctx, func() error {
			settings, v, revs, err := l.versionForChange(ctx, list, number)
			if err != nil {
				return err
			}
			c.SHA256 = v.SHA256
			switch v.State {
			case lists.Staged:
			case lists.Superseded:
				if len(v.Layers) == 0 {
					return holdsNothing(v)
				}
			case lists.Activated:
				return fault.E(fault.Conflict, "version %d of %s is active already", number, list)
			default:
				return fault.E(fault.Conflict, "version %d of %s is %s", number, list, v.State)
			}
			active, last, err := l.lastActive(ctx, settings)
			if err != nil {
				return err
			}
			if err := l.rebase(ctx, settings, active, last, v); err != nil {
				return err
			}
			if err := allowed(settings, v, o); err != nil {
				return err
			}
			if o.Override != "" {
				v.Override = &lists.Approval{By: o.By, At: l.now().UTC(), Reason: o.Override, Digest: v.SHA256}
			}
			if active != nil {
				v.Previous = active.Number
			}
			g, err = l.swap(ctx, "activate", settings, active, v, o.By, o.Override, revs)
			c.Generation = g.Number
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	select {
	case l.grown <- list:
	default: // many wait already; the next activation asks again
	}
	return &g, nil
}

// allowed tells why a version may not go live yet.
func allowed(settings *lists.List, v *lists.Version, o ActivateOptions) error {
	if len(v.Guards) > 0 && o.Override == "" {
		var all []string
		for _, g := range v.Guards {
			all = append(all, g.Code+": "+g.Detail)
		}
		return fault.E(fault.Conflict, "guarded (%s); it needs an override with a reason", strings.Join(all, "; "))
	}
	people := map[string]bool{}
	for _, a := range v.Approvals {
		if a.Digest == v.SHA256 && a.By != v.UploadedBy {
			people[a.By] = true
		}
	}
	if len(people) < settings.Approvals && !(o.Operator && o.Override != "") {
		return fault.E(fault.Conflict, "version %d of %s has %d of %d approvals", v.Number, v.List, len(people), settings.Approvals)
	}
	return nil
}

// rebase makes sure that the guards compare a version with what is active now. A whole list, and a version that was active before, can be
// compared again; a delta was built on a stack that is no longer active, and must be staged anew.
func (l *Loader) rebase(ctx context.Context, settings *lists.List, active, last, v *lists.Version) error {
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
	c, err := l.compare(ctx, settings, last, v, nil)
	if err != nil {
		return err
	}
	v.Gone = goneOf(last, v, c.gone)
	if v.State == lists.Staged {
		v.Diff = c.DiffCounts
	}
	v.Guards, err = l.guards(ctx, settings, last, v, c.known, func(yield func(Quarantined) error) error {
		return l.Quarantine(ctx, v.List, v.Number, yield)
	})
	return err
}

// revisions are those of the documents that a change of a version rests on.
type revisions struct{ list, version uint64 }

func (l *Loader) versionForChange(ctx context.Context, list string, number int) (*lists.List, *lists.Version, revisions, error) {
	settings, listRev, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
	if err != nil {
		return nil, nil, revisions{}, named(err, "list %.80q", list)
	}
	v, versionRev, err := lists.Read[lists.Version](ctx, l.store, lists.DocVersion(list, number))
	if err != nil {
		return nil, nil, revisions{}, named(err, "version %d of list %.80q", number, list)
	}
	return &settings, &v, revisions{listRev, versionRev}, nil
}

// named says what was not found.
func named(err error, format string, args ...any) error {
	if fault.Is(err, fault.NotFound) {
		return fault.E(fault.NotFound, "there is no "+format, args...)
	}
	return err
}

// swap commits the next generation with v in the place of active, and everything that goes with it.
func (l *Loader) swap(ctx context.Context, action string, settings *lists.List, active, v *lists.Version, by, reason string, revs revisions) (lists.Generation, error) {
	g, head, err := l.nextGeneration(ctx, action, settings.ID, by, reason)
	if err != nil {
		return g, err
	}
	now := l.now().UTC()
	v.State, v.Activated = lists.Activated, &now
	*settings = settle(settings, v)
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
	changes := append(generationChanges(g, head),
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
	// An activation of what the publisher says brings the list as of its upload; an older content does not make it older than it was known to be.
	fresh, freshRev, err := lists.Read[lists.Fresh](ctx, l.store, lists.DocFresh(settings.ID))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return g, err
	}
	renews, err := l.renews(ctx, v)
	if err != nil {
		return g, err
	}
	if (renews || fresh.At.IsZero()) && v.UploadedAt.After(fresh.At) {
		changes = append(changes, lists.Put(lists.DocFresh(settings.ID), lists.Fresh{At: v.UploadedAt}, freshRev))
	}
	return g, commit(ctx, l.store, changes...)
}

// renews reports whether a version brings what the publisher says: a whole list, or a delta in the format of the whole list that it goes on
// from. Rows that a person adds or removes say nothing about the others.
func (l *Loader) renews(ctx context.Context, v *lists.Version) (bool, error) {
	if v.Mode == lists.Replace || !v.Delta {
		return v.Mode == lists.Replace, nil
	}
	root, err := l.root(ctx, v)
	return err == nil && root.Mode == lists.Replace && root.Format == v.Format, err
}

// root returns the version that another one goes on from by additions, removals and deltas: itself, for a whole list.
func (l *Loader) root(ctx context.Context, v *lists.Version) (*lists.Version, error) {
	for v.BuiltOn() != 0 {
		var err error
		if _, v, _, err = l.versionForChange(ctx, v.List, v.BuiltOn()); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Rollback makes the version that was active before the current one active again, as a new generation.
func (l *Loader) Rollback(ctx context.Context, list, by, reason string) (*lists.Generation, error) {
	c := &Change{Action: "rollback", By: by, List: list, Reason: cut(reason, maxField)}
	var g lists.Generation
	err := l.recorded(c, func() error {
		return retry(ctx, func() error {
			settings, _, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
			if err != nil {
				return named(err, "list %.80q", list)
			}
			active, err := l.activeVersion(ctx, &settings)
			if err != nil {
				return err
			}
			if active == nil {
				return fault.E(fault.Conflict, "list %s has no active version to go back from", list)
			}
			if active.Previous == 0 {
				return fault.E(fault.Conflict, "list %s has no earlier version to go back to", list)
			}
			current, v, revs, err := l.versionForChange(ctx, list, active.Previous)
			if err != nil {
				return err
			}
			c.Version, c.SHA256 = v.Number, v.SHA256
			if len(v.Layers) == 0 {
				return holdsNothing(v)
			}
			if lists.Outdated(v.Layers) {
				if err := l.renew(ctx, list, v.Number); err != nil {
					return err
				}
				return fault.E(errRaced, "%s has been read again", describe(v))
			}
			g, err = l.swap(ctx, "rollback", current, active, v, by, c.Reason, revs)
			c.Generation = g.Number
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return &g, nil
}

// Retire takes a list out of the answers: the next generation does not hold it. Its versions stay for
// the record; a new one can be activated.
func (l *Loader) Retire(ctx context.Context, list, by, reason string) (*lists.Generation, error) {
	c := &Change{Action: "retire", By: by, List: list, Reason: cut(reason, maxField)}
	var g lists.Generation
	err := l.recorded(c, func() error {
		return retry(ctx, func() error {
			settings, listRev, err := lists.Read[lists.List](ctx, l.store, lists.DocList(list))
			if err != nil {
				return named(err, "list %.80q", list)
			}
			if settings.Active == 0 {
				return fault.E(fault.Conflict, "list %s has no active version", list)
			}
			_, v, revs, err := l.versionForChange(ctx, list, settings.Active)
			if err != nil {
				return err
			}
			var head uint64
			if g, head, err = l.nextGeneration(ctx, "retire", list, by, c.Reason); err != nil {
				return err
			}
			g.Lists = slices.DeleteFunc(g.Lists, func(a lists.Active) bool { return a.List.ID == list })
			c.Generation, c.Version = g.Number, v.Number
			v.State, settings.Active, settings.UpdatedAt, settings.UpdatedBy = lists.Superseded, 0, g.At, by
			return commit(ctx, l.store, append(generationChanges(g, head), lists.Put(lists.DocList(list), settings, listRev),
				lists.Put(lists.DocVersion(list, v.Number), v, revs.version))...)
		})
	})
	if err != nil {
		return nil, err
	}
	return &g, nil
}

// Approve records one person's agreement to the content of a version that is staged, or that was active before. No one can approve their
// own upload.
func (l *Loader) Approve(ctx context.Context, list string, number int, by, reason string) (*lists.Version, error) {
	return l.judge(ctx, "approve", list, number, by, reason, []lists.State{lists.Staged, lists.Superseded}, func(v *lists.Version) error {
		if v.UploadedBy == by {
			return fault.E(fault.Forbidden, "version %d of %s was uploaded by the same person: somebody else must approve it", number, list)
		}
		if slices.ContainsFunc(v.Approvals, func(a lists.Approval) bool { return a.By == by && a.Digest == v.SHA256 }) {
			return fault.E(fault.Conflict, "the same person has approved version %d of %s already", number, list)
		}
		v.Approvals = append(v.Approvals, lists.Approval{By: by, At: l.now().UTC(), Reason: reason, Digest: v.SHA256})
		return nil
	})
}

// Reject ends a staged version.
func (l *Loader) Reject(ctx context.Context, list string, number int, by, reason string) (*lists.Version, error) {
	return l.judge(ctx, "reject", list, number, by, reason, []lists.State{lists.Staged}, func(v *lists.Version) error {
		if v.UploadedBy == by {
			return fault.E(fault.Forbidden, "version %d of %s was uploaded by the same person: somebody else must judge it", number, list)
		}
		v.State = lists.Rejected
		return nil
	})
}

func (l *Loader) judge(ctx context.Context, action, list string, number int, by, reason string, states []lists.State, change func(*lists.Version) error) (*lists.Version, error) {
	c := &Change{Action: action, By: by, List: list, Version: number, Reason: cut(reason, maxField)}
	var out *lists.Version
	err := l.recorded(c, func() error {
		return retry(ctx, func() error {
			settings, v, revs, err := l.versionForChange(ctx, list, number)
			if err != nil {
				return err
			}
			if !slices.Contains(states, v.State) {
				return fault.E(fault.Conflict, "version %d of %s is %s, not staged", number, list, v.State)
			}
			if err := change(v); err != nil {
				return err
			}
			mean(settings, v)
			c.SHA256, out = v.SHA256, v
			return commit(ctx, l.store, lists.Put(lists.DocVersion(list, number), v, revs.version))
		})
	})
	return out, err
}

// Served waits until every live replica answers from the generation or newer, at most until ctx ends, and tells how many
// replicas are live and how many of them do.
func (l *Loader) Served(ctx context.Context, generation int) (live, serving int, err error) {
	tick := l.tick()
	defer tick.Stop()
	for {
		replicas, err := lists.Replicas(ctx, l.store, l.now())
		// A store that was asked at the last moment may say so a little before the context does.
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
