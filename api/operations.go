package api

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/loader/build"
)

// Operations are what can be done with lists, suppressions and keys on a store. The handlers of the API use them, and so do commands
// that work on a store; a command that works through a server uses client.Client, which has the same methods.
type Operations struct {
	Store  lists.Store
	Loader *loader.Loader
	Keys   *auth.Keys // nil for reading only
	// Ledger records proposals; changes of lists and keys are recorded by Loader and Keys.
	Ledger lists.Ledger
	Now    func() time.Time
	Log    *slog.Logger
	// Changed, if not nil, is called after every change of what is active.
	Changed func(context.Context)
	// Archive is the index of the record, which has the cases; nil: there is none.
	Archive *Archive
	// WebhookAllow are internal networks that webhooks may reach.
	WebhookAllow []netip.Prefix
}

// Person is who acts.
type Person struct {
	lists.Actor
	Roles []lists.Role
	// Alone is why this person needs no second one: lists.AloneOperator, who has the store itself at hand, or lists.AloneFourEyes.
	Alone string
	// MayUse reports whether the person may read and change a list; nil: every list, and keys and people.
	MayUse func(list string) bool
}

// Vouches reports whether the person can agree to the change of another one.
func (p *Person) Vouches() bool { return p.Alone == lists.AloneOperator || lists.Vouches(p.Roles) }

// As returns the operations of one person.
func (o *Operations) As(p Person) *Acting { return &Acting{o, p} }

// Acting are the operations of one person. Its methods are those of client.Client.
type Acting struct {
	*Operations
	person Person
}

// options describe a change of this person, without a second one.
func (a *Acting) options(reason string) loader.ChangeOptions {
	return loader.ChangeOptions{By: a.person.Actor, Reason: reason, Warrant: lists.Warrant{Alone: a.person.Alone}}
}

// Lists returns all lists, ordered by id.
func (a *Acting) Lists(ctx context.Context) ([]client.List, error) {
	all, fresh, err := a.Loader.Lists(ctx)
	if err != nil {
		return nil, err
	}
	if a.person.MayUse != nil {
		all = slices.DeleteFunc(all, func(l lists.List) bool { return !a.person.MayUse(l.ID) })
	}
	views := make([]client.List, len(all))
	for i := range all {
		if err := a.viewList(ctx, &views[i], &all[i], fresh[all[i].ID]); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// List returns one list.
func (a *Acting) List(ctx context.Context, id string) (*client.List, error) {
	l, freshAt, err := a.Loader.List(ctx, id)
	if err != nil {
		return nil, err
	}
	v := &client.List{}
	return v, a.viewList(ctx, v, l, freshAt)
}

func (a *Acting) viewList(ctx context.Context, v *client.List, stored *lists.List, freshAt time.Time) error {
	l := stored.WithDefaults()
	*v = client.List{ID: l.ID, Name: l.Name, Authority: l.Authority, Category: l.Category, Confidence: l.Confidence, Policy: l.Policy,
		MaxAge: lists.DurationText(l.MaxAge), OnStale: l.OnStale, Approvals: l.Approvals, MaxShrink: l.MaxShrink, MaxGrowth: l.MaxGrowth,
		MaxQuarantined: l.MaxQuarantined, Mandatory: l.Mandatory, Keep: l.KeepVersions(), ActiveVersion: l.Active, LatestVersion: l.Latest,
		UpdatedAt: l.UpdatedAt, UpdatedBy: l.UpdatedBy, Means: l.Means()}
	if v.Policy == nil {
		v.Policy = lists.Policy{}
	}
	if l.Source != nil {
		x := l.Source.Redacted()
		v.Source = &client.Source{URL: x.URL, Format: x.Format, Every: lists.DurationText(x.Every), SHA256: x.SHA256, SHA256URL: x.SHA256URL, By: x.By}
		var err error
		if v.SourceStatus, err = a.sourceStatus(ctx, &l); err != nil {
			return err
		}
	}
	if l.Active == 0 {
		return nil
	}
	active, err := a.Loader.Version(ctx, l.ID, l.Active)
	if err != nil {
		return err
	}
	v.Published, v.Addresses, v.Listings, v.Quarantined = active.Published, active.Addresses, active.Listings, active.Rows.Quarantined
	age := int64(a.Now().Sub(freshAt) / time.Second)
	v.FreshAt, v.AgeSeconds = &freshAt, &age
	v.Fresh = l.MaxAge == 0 || a.Now().Sub(freshAt) < l.MaxAge
	return nil
}

func (a *Acting) sourceStatus(ctx context.Context, l *lists.List) (*client.SourceStatus, error) {
	x, next, err := a.Loader.RefreshStatus(ctx, l)
	if err != nil || x == nil {
		return nil, err
	}
	v := &client.SourceStatus{LastAttempt: x.LastAttempt, NextAttempt: next, Running: x.Running, Outcome: x.Outcome, Detail: x.Detail,
		Failures: x.Failures, LastError: x.LastError}
	if !x.LastSuccess.IsZero() {
		v.LastSuccess = &x.LastSuccess
	}
	return v, nil
}

func duration(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fault.E(fault.Invalid, "%s: %s is not a duration; write one like \"36h\" or \"15m\"", field, address.Quote(text))
	}
	return d, nil
}

// SetList creates a list or changes its settings. A change that weakens screening becomes a proposal: the error is a *client.Proposed.
func (a *Acting) SetList(ctx context.Context, id string, settings client.ListSettings) (*client.List, error) {
	v, _, err := a.setList(ctx, id, settings, loader.ChangeOptions{})
	return v, err
}

// setList is SetList on the conditions of o.
func (a *Acting) setList(ctx context.Context, id string, in client.ListSettings, o loader.ChangeOptions) (v *client.List, created bool, err error) {
	conditions := o
	o = a.options(in.Reason)
	o.Match, o.New = conditions.Match, conditions.New
	if _, created, err = a.Loader.PutList(ctx, id, o, applying(&in)); err != nil {
		return nil, false, a.propose(ctx, err, in.Reason, in)
	}
	a.changed(ctx)
	v, err = a.List(ctx, id)
	return v, created, err
}

// applying returns the change of a list's settings that a caller asks for.
func applying(in *client.ListSettings) func(*lists.List, bool) error {
	return func(l *lists.List, created bool) error { return apply(in, l, created) }
}

// apply changes the settings of a list as a caller asks.
func apply(in *client.ListSettings, l *lists.List, created bool) (err error) {
	if in.Category != nil && *in.Category == "" {
		return fault.E(fault.Invalid, "category: must not be empty; leave the field out for the default")
	}
	set(&l.Name, in.Name)
	set(&l.Authority, in.Authority)
	set(&l.Category, in.Category)
	set(&l.Confidence, in.Confidence)
	set(&l.Policy, in.Policy)
	set(&l.OnStale, in.OnStale)
	set(&l.Approvals, in.Approvals)
	set(&l.MaxShrink, in.MaxShrink)
	set(&l.MaxGrowth, in.MaxGrowth)
	set(&l.MaxQuarantined, in.MaxQuarantined)
	set(&l.Mandatory, in.Mandatory)
	set(&l.Keep, in.Keep)
	if in.MaxAge != nil {
		if l.MaxAge, err = duration("max_age", *in.MaxAge); err != nil {
			return err
		}
	}
	if in.Source != nil {
		if l.Source, err = sourceOf(*in.Source, l.Source); err != nil {
			return err
		}
	}
	if created && in.MaxAge == nil {
		l.MaxAge = loader.DefaultMaxAge(l.Source)
	}
	return nil
}

func set[T any](into *T, from *T) {
	if from != nil {
		*into = *from
	}
}

// sourceOf returns the source that a list follows instead of old; the empty one removes it.
func sourceOf(v client.Source, old *lists.Source) (*lists.Source, error) {
	v.By = ""
	if v == (client.Source{}) {
		return nil, nil
	}
	every, err := duration("source.every", v.Every)
	if err != nil {
		return nil, err
	}
	x := lists.Source{URL: v.URL, Format: v.Format, Every: every, SHA256: v.SHA256, SHA256URL: v.SHA256URL}.WithSecretsOf(old)
	return &x, nil
}

// DeleteList removes a list that never was active, with its versions.
func (a *Acting) DeleteList(ctx context.Context, id string) error {
	return a.Loader.DeleteList(ctx, id, a.options(""))
}

// Versions returns all versions of a list, the oldest first.
func (a *Acting) Versions(ctx context.Context, list string) ([]lists.Version, error) {
	return a.Loader.Versions(ctx, list)
}

// Version returns one version with its report.
func (a *Acting) Version(ctx context.Context, list string, n int) (*lists.Version, error) {
	return a.Loader.Version(ctx, list, n)
}

// Diff calls yield for each row that differs between version n and another one (against; 0 for nothing), and returns the counts.
func (a *Acting) Diff(ctx context.Context, list string, against, n int, yield func(client.DiffRow) error) (lists.DiffCounts, error) {
	return a.Loader.Diff(ctx, list, against, n, func(r build.DiffRow) error { return yield(viewDiffRow(&r)) })
}

func viewDiffRow(r *build.DiffRow) client.DiffRow {
	v := client.DiffRow{Change: r.Change, Listing: viewListing(&r.Listing)}
	if r.Before != nil {
		before := viewListing(r.Before)
		v.Before = &before
	}
	return v
}

func viewListing(l *lists.Listing) client.Listing {
	v := client.Listing{Address: l.Address, Network: l.Network, Asset: l.Asset, Entity: l.Entity, Category: l.Category, Confidence: l.Confidence,
		Programs: l.Programs, Incident: l.Incident, ListedOn: l.ListedOn, ListedOnFrom: l.ListedOnFrom, ValidUntil: l.ValidUntil, URL: l.URL, Note: l.Note,
		Locator: l.Locator, AddedIn: l.AddedIn}
	if v.Programs == nil {
		v.Programs = []string{}
	}
	return v
}

// Quarantine calls yield for each row of a version's upload that was not read.
func (a *Acting) Quarantine(ctx context.Context, list string, n int, yield func(lists.Quarantined) error) error {
	return a.Loader.Quarantine(ctx, list, n, yield)
}

// Stage reads one file, or two that belong together, into a new version.
func (a *Acting) Stage(ctx context.Context, list string, uploads []client.Upload, o client.StageOptions) (*lists.Version, error) {
	options := loader.StageOptions{Format: o.Format, Mode: o.Mode, Note: o.Note, By: a.person.Actor, Published: o.Published, Mapping: o.Mapping,
		Approver: a.person.Vouches(), DryRun: o.DryRun, Progress: o.Progress}
	if o.Create != nil {
		l := loader.NewList(list, a.Now().UTC())
		if err := apply(o.Create, l, true); err != nil {
			return nil, err
		}
		if a.person.Alone == lists.AloneOperator && o.Create.Approvals == nil {
			l.Approvals = 0
		}
		options.Create = l
	}
	files := make([]loader.Upload, len(uploads))
	for i, u := range uploads {
		files[i] = loader.Upload(u)
	}
	return a.Loader.Stage(ctx, list, files, options)
}

// Approve agrees to the content of a staged version.
func (a *Acting) Approve(ctx context.Context, list string, n int, reason string) (*lists.Version, error) {
	return a.Loader.Approve(ctx, list, n, a.options(reason))
}

// Reject ends a staged version.
func (a *Acting) Reject(ctx context.Context, list string, n int, reason string) (*lists.Version, error) {
	return a.Loader.Reject(ctx, list, n, a.options(reason))
}

// Activate makes a version the active one. override is the reason to go past a guard, "" for none.
func (a *Acting) Activate(ctx context.Context, list string, n int, override string) (*client.Activation, error) {
	start := a.Now()
	g, err := a.Loader.Activate(ctx, list, n, loader.ActivateOptions{By: a.person.Actor, Override: override, Warrant: lists.Warrant{Alone: a.person.Alone}})
	if err != nil {
		return nil, a.propose(ctx, err, override, activation{Activate: true, Override: override})
	}
	return a.activation(ctx, g, start), nil
}

// Rollback makes the version that was active before the current one active again.
func (a *Acting) Rollback(ctx context.Context, list, reason string) (*client.Activation, error) {
	start := a.Now()
	g, err := a.Loader.Rollback(ctx, list, a.options(reason))
	if err != nil {
		return nil, a.propose(ctx, err, reason, activation{})
	}
	return a.activation(ctx, g, start), nil
}

// Retire takes a list out of the answers.
func (a *Acting) Retire(ctx context.Context, list, reason string) (*client.Activation, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, fault.E(fault.Invalid, "reason: say why the list leaves the answers")
	}
	start := a.Now()
	g, err := a.Loader.Retire(ctx, list, a.options(reason))
	if err != nil {
		return nil, a.propose(ctx, err, reason, nil)
	}
	return a.activation(ctx, g, start), nil
}

// confirmTime is how long a change waits for the live replicas to serve it.
const confirmTime = 2 * time.Second

// activation waits until the live replicas serve a new generation, and describes it. The change is made: that the replicas cannot be
// counted is no error.
func (a *Acting) activation(ctx context.Context, g *lists.Generation, start time.Time) *client.Activation {
	a.changed(ctx)
	out := &client.Activation{Generation: g.Number, At: g.At, List: g.List}
	for _, x := range g.Lists {
		if x.List.ID == g.List {
			out.Version = x.Version
		}
	}
	wait, cancel := context.WithTimeout(ctx, confirmTime)
	defer cancel()
	var err error
	if out.Replicas.Live, out.Replicas.Serving, err = a.Loader.Served(wait, g.Number); err != nil {
		a.Log.Warn("the change is made; the replicas that serve it could not be counted", "generation", g.Number, "error", err)
	}
	out.TookMS = a.Now().Sub(start).Milliseconds()
	return out
}

func (a *Acting) changed(ctx context.Context) {
	if a.Changed != nil {
		a.Changed(ctx)
	}
}

// Export writes a version (0: the active one) in one of loader.ExportForms.
func (a *Acting) Export(ctx context.Context, list string, n int, as string, w io.Writer) error {
	if n == 0 {
		var err error
		if n, err = a.active(ctx, list); err != nil {
			return err
		}
	}
	return a.Loader.Export(ctx, list, n, as, w)
}

// active returns the number of a list's active version.
func (a *Acting) active(ctx context.Context, list string) (int, error) {
	l, _, err := a.Loader.List(ctx, list)
	if err == nil && l.Active == 0 {
		err = fault.E(fault.NotFound, "list %s has no active version", list)
	}
	if err != nil {
		return 0, err
	}
	return l.Active, nil
}

// Suppressions returns all suppressions of a list.
func (a *Acting) Suppressions(ctx context.Context, list string) ([]client.Suppression, error) {
	all, err := a.Loader.Suppressions(ctx, list)
	if err != nil {
		return nil, err
	}
	views := make([]client.Suppression, len(all))
	for i := range all {
		views[i] = *a.viewSuppression(&all[i])
	}
	return views, nil
}

func (a *Acting) viewSuppression(x *lists.Suppression) *client.Suppression {
	return &client.Suppression{ID: x.ID, List: x.List, Address: x.Address, Network: x.Network, Listings: len(x.Listings), Reason: x.Reason, Until: x.Until,
		State: x.StateAt(a.Now()), ProposedBy: x.ProposedBy, ProposedAt: x.ProposedAt, Decided: x.Decided, Closed: x.Closed, Alone: x.Alone}
}

// Suppression returns one suppression.
func (a *Acting) Suppression(ctx context.Context, list, id string) (*client.Suppression, error) {
	return a.suppression(a.Loader.Suppression(ctx, list, known(id)))
}

// suppression shows the result of an operation on a suppression.
func (a *Acting) suppression(x *lists.Suppression, err error) (*client.Suppression, error) {
	if err != nil {
		return nil, err
	}
	return a.viewSuppression(x), nil
}

// known returns the id of a suppression, or that of none for a text that cannot be an id.
func known(id string) string {
	if isID(id) {
		return id
	}
	return "none"
}

// ProposeSuppression proposes a suppression; another person must approve it.
func (a *Acting) ProposeSuppression(ctx context.Context, list string, r client.SuppressionRequest) (*client.Suppression, error) {
	if r.Address == "" {
		return nil, fault.E(fault.Invalid, "address: is missing")
	}
	return a.suppression(a.Loader.ProposeSuppression(ctx, list, r.Address, r.Network, r.Until, a.options(r.Reason)))
}

// ApproveSuppression puts a proposed suppression in force, by approving its proposal.
func (a *Acting) ApproveSuppression(ctx context.Context, list, id, reason string) (*client.Suppression, error) {
	return a.decideSuppression(ctx, a.ApproveProposal, list, id, reason)
}

// RejectSuppression ends a proposed suppression, by rejecting its proposal.
func (a *Acting) RejectSuppression(ctx context.Context, list, id, reason string) (*client.Suppression, error) {
	return a.decideSuppression(ctx, a.RejectProposal, list, id, reason)
}

func (a *Acting) decideSuppression(ctx context.Context, decide func(ctx context.Context, id, reason string) (*client.Proposal, error), list, id, reason string) (*client.Suppression, error) {
	x, err := a.Suppression(ctx, list, id)
	if err == nil {
		_, err = decide(ctx, x.ID, reason)
	}
	if err != nil {
		return nil, err
	}
	return a.Suppression(ctx, list, id)
}

// EndSuppression ends a suppression in force before its time.
func (a *Acting) EndSuppression(ctx context.Context, list, id, reason string) (*client.Suppression, error) {
	v, err := a.suppression(a.Loader.EndSuppression(ctx, list, known(id), a.options(reason)))
	if err == nil {
		a.changed(ctx)
	}
	return v, err
}
