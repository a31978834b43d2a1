package loader

import (
	"context"
	"encoding/json"

	"interdict/lists"
	"interdict/lists/fault"
)

// ChangeOptions describe who makes a change, and on what.
type ChangeOptions struct {
	By     lists.Actor
	Reason string
	// Warrant is needed for a change that weakens screening.
	Warrant lists.Warrant
	// Match, if not 0, is the revision that the list must have (lists.AnyRevision: that it exists), and New asks that it does not exist yet;
	// otherwise the error is fault.Precondition.
	Match uint64
	New   bool
}

// event returns the event of a change of a list.
func (o *ChangeOptions) event(action, list string) *lists.Event {
	e := lists.NewEvent(action, o.By, o.Reason, &o.Warrant)
	e.List = list
	return e
}

// PutList creates a list or changes its settings: change is applied inside the transaction, to the settings as they are then, and may be
// called several times. If the list is active this makes a new generation, because the settings take part in every answer. A change that
// weakens screening without a sufficient warrant is a *lists.NeedsSecondPerson.
func (l *Loader) PutList(ctx context.Context, id string, o ChangeOptions, change func(settings *lists.List, created bool) error) (out *lists.List, created bool, err error) {
	fresh := NewList(id, l.now().UTC())
	if err := fresh.Validate(); err != nil { // the id is wrong
		return nil, false, err
	}
	// The records of a change say what it changes, so it is computed before the first one, and again for each attempt to commit it.
	c := o.event("settings", id)
	plan, err := l.planSettings(ctx, id, &o, c, change)
	if err != nil {
		return nil, false, err
	}
	err = l.ledger.Do(c, func() error {
		return lists.Retry(ctx, func() error {
			if plan == nil {
				if plan, err = l.planSettings(ctx, id, &o, c, change); err != nil {
					return err
				}
			}
			next := plan
			plan = nil
			out, created = &next.list, next.revision == 0
			changes := append([]lists.Change{lists.Put(lists.DocList(id), out, next.revision)}, o.Warrant.Changes()...)
			if out.Active != 0 {
				g, head, err := l.nextGeneration(ctx, "settings", id, o.By.Person, o.Reason)
				if err != nil {
					return err
				}
				for i := range g.Lists {
					if g.Lists[i].List.ID == id {
						g.Lists[i].List = out.WithDefaults()
					}
				}
				c.Generation = g.Number
				changes = append(changes, generationChanges(g, head)...)
			}
			return lists.TryCommit(ctx, l.store, changes...)
		})
	})
	if err != nil {
		return nil, false, err
	}
	return out, created, nil
}

// settingsPlan is a list as it would be, and the revision of the one that it replaces; 0: there is none.
type settingsPlan struct {
	list     lists.List
	revision uint64
}

// planSettings applies a change of settings to a list as it is now, and completes the event.
func (l *Loader) planSettings(ctx context.Context, id string, o *ChangeOptions, c *lists.Event, change func(*lists.List, bool) error) (*settingsPlan, error) {
	old, revision, err := lists.Read[lists.List](ctx, l.store, lists.DocList(id))
	created := fault.Is(err, fault.NotFound)
	switch {
	case err != nil && !created:
		return nil, err
	case o.Match != 0 && (created || o.Match != revision && o.Match != lists.AnyRevision):
		return nil, fault.E(fault.Precondition, "list %s has changed since it was read", id)
	case o.New && !created:
		return nil, fault.E(fault.Precondition, "list %s exists already", id)
	}
	now := l.now().UTC()
	if created {
		old, revision = *NewList(id, now), 0
	}
	next := old
	if old.Source != nil {
		source := *old.Source
		next.Source = &source
	}
	if err := change(&next, created); err != nil {
		return nil, err
	}
	next.Name, next.Authority = lists.PlainText(next.Name), lists.PlainText(next.Authority)
	next.ID, next.Active, next.Latest, next.CreatedAt, next.UpdatedAt, next.UpdatedBy = id, old.Active, old.Latest, old.CreatedAt, now, o.By.Person
	if err := next.Validate(); err != nil {
		return nil, err
	}
	if err := checkSource(next.Source); err != nil {
		return nil, err
	}
	author := o.By.Person
	if o.Warrant.Proposal != nil {
		author = o.Warrant.Proposal.By
	}
	next.Source = attributed(next.Source, old.Source, author)
	c.Before, c.After = lists.Difference(old.Shown(), next.Shown())
	if created {
		c.Before = json.RawMessage("null")
		return &settingsPlan{next, 0}, checkNewID(id)
	}
	if err := o.Warrant.Unchanged(c.Before); err != nil {
		return nil, err
	}
	if weaker := lists.Weaker(&old, &next); len(weaker) > 0 && !o.Warrant.Suffices() {
		return nil, &lists.NeedsSecondPerson{Proposal: lists.Proposal{Kind: lists.ProposeSettings, List: id, Before: c.Before, After: c.After, Weaker: weaker}}
	}
	return &settingsPlan{next, revision}, nil
}

// attributed returns a source with the person who chose it: author, unless it is the same as before.
func attributed(source, before *lists.Source, author string) *lists.Source {
	if source == nil {
		return nil
	}
	x := *source
	x.By = ""
	if before != nil {
		if x.By = before.By; x == *before {
			return &x
		}
	}
	x.By = author
	return &x
}
