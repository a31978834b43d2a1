package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"interdict/api"
	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/loader"
)

// operations are what commands do with lists, suppressions, keys and accounts: on a store (api.Acting), or through a server (client.Client).
type operations interface {
	Lists(ctx context.Context) ([]client.List, error)
	List(ctx context.Context, id string) (*client.List, error)
	SetList(ctx context.Context, id string, settings client.ListSettings) (*client.List, error)
	DeleteList(ctx context.Context, id string) error

	Versions(ctx context.Context, list string) ([]lists.Version, error)
	Version(ctx context.Context, list string, n int) (*lists.Version, error)
	Diff(ctx context.Context, list string, against, n int, yield func(client.DiffRow) error) (lists.DiffCounts, error)
	Changes(ctx context.Context, q client.ChangesQuery) (*client.ChangesPage, error)
	FollowChanges(ctx context.Context, q client.ChangesQuery, yield func(client.ChangeStep) error) error
	History(ctx context.Context, address, network string) (*client.AddressHistory, error)
	Preview(ctx context.Context, uploads []client.Upload, o client.PreviewOptions) (*client.Preview, error)
	Generations(ctx context.Context, offset, limit int) (all []client.Generation, total int, err error)
	Generation(ctx context.Context, n int) (*client.Generation, error)
	Replicas(ctx context.Context) (*client.Replicas, error)
	Quarantine(ctx context.Context, list string, n int, yield func(lists.Quarantined) error) error
	Stage(ctx context.Context, list string, uploads []client.Upload, o client.StageOptions) (*lists.Version, error)
	Approve(ctx context.Context, list string, n int, reason string) (*lists.Version, error)
	Reject(ctx context.Context, list string, n int, reason string) (*lists.Version, error)
	Activate(ctx context.Context, list string, n int, override string) (*client.Activation, error)
	Rollback(ctx context.Context, list, reason string) (*client.Activation, error)
	Retire(ctx context.Context, list, reason string) (*client.Activation, error)
	Export(ctx context.Context, list string, n int, as string, w io.Writer) error

	Traffic(ctx context.Context, from, to time.Time) (*client.Traffic, error)
	Timeliness(ctx context.Context, q client.TimelinessQuery) (*lists.Timeliness, error)

	Suppressions(ctx context.Context, list string) ([]client.Suppression, error)
	ProposeSuppression(ctx context.Context, list string, r client.SuppressionRequest) (*client.Suppression, error)
	ApproveSuppression(ctx context.Context, list, id, reason string) (*client.Suppression, error)
	RejectSuppression(ctx context.Context, list, id, reason string) (*client.Suppression, error)
	EndSuppression(ctx context.Context, list, id, reason string) (*client.Suppression, error)

	AllKeys(ctx context.Context) ([]client.Key, error)
	CreateKey(ctx context.Context, r client.KeyRequest) (*client.NewKey, error)
	RotateKey(ctx context.Context, id string, r client.Rotation) (*client.NewKey, error)
	RevokeKey(ctx context.Context, id string) error

	AllPeople(ctx context.Context) ([]client.StaffAccount, error)
	CreatePerson(ctx context.Context, r client.AccountRequest) (*client.InvitedAccount, error)
	ResetPerson(ctx context.Context, id, reason string) (*client.InvitedAccount, error)
	SetRoles(ctx context.Context, id string, r client.RolesRequest) (*client.StaffAccount, error)
	DisablePerson(ctx context.Context, id, reason string) (*client.StaffAccount, error)

	Webhooks(ctx context.Context) ([]client.Webhook, error)
	CreateWebhook(ctx context.Context, r client.WebhookRequest) (*client.NewWebhook, error)
	RotateWebhook(ctx context.Context, id string, r client.Rotation) (*client.NewWebhook, error)
	DeleteWebhook(ctx context.Context, id string) error
	TestWebhook(ctx context.Context, id string) (*client.Delivery, error)
	Deliveries(ctx context.Context, id string, limit int) ([]client.Delivery, error)

	Holds(ctx context.Context) ([]client.LegalHold, error)
	PlaceHold(ctx context.Context, r client.HoldRequest) (*client.LegalHold, error)
	EndHold(ctx context.Context, id, reason string) (*client.LegalHold, error)

	Proposal(ctx context.Context, id string) (*client.Proposal, error)
	Proposals(ctx context.Context, state lists.ProposalState) ([]client.Proposal, error)
	ApproveProposal(ctx context.Context, id, reason string) (*client.Proposal, error)
	RejectProposal(ctx context.Context, id, reason string) (*client.Proposal, error)
}

var (
	_ operations = (*api.Acting)(nil)
	_ operations = (*client.Client)(nil)
)

// target says where a command works: on a store, or through a running server.
type target struct {
	storeFlags
	serverFlags
	webhookAllow []netip.Prefix // on a store
}

// reads runs work with operations that only read. It never creates a store.
func (t *target) reads(e *env, work func(operations) error) error {
	if t.Server != "" {
		return t.throughServer(work)
	}
	store, err := t.openStore(e.ctx, diskstore.ReadOnly)
	if err != nil {
		return e.inUse(err)
	}
	defer store.Close()
	return work(readOnly(e, store))
}

// readOnly returns the operations on a store that only read: nothing is recorded.
func readOnly(e *env, store lists.Store) operations {
	o := api.Operations{Store: store, Loader: loader.New(store, nil, e.quiet(), "", time.Now), Now: time.Now, Log: e.quiet()}
	return o.As(api.Person{Actor: lists.Person(operator())})
}

// changes runs work with operations that may change something.
func (t *target) changes(e *env, work func(operations) error) error {
	return t.changesWith(e, "", work)
}

// changesWith is changes with the pepper that API keys are hashed with. A change that waits for a second person is no error.
func (t *target) changesWith(e *env, pepper string, work func(operations) error) error {
	err := t.changesAt(e, pepper, work)
	var waits *client.Proposed
	if !errors.As(err, &waits) {
		return err
	}
	if waits.Key != "" {
		fmt.Fprintln(e.stderr, "the key works once the proposal is approved; it is shown this once:")
		fmt.Fprintln(e.stdout, waits.Key)
	}
	if waits.Invitation != "" {
		fmt.Fprintln(e.stderr, "once the proposal is approved, "+t.invitationIs())
		fmt.Fprintln(e.stdout, t.invitationLink(waits.Invitation))
	}
	fmt.Fprintf(e.stderr, "%v: interdict proposals approve %s\n", waits, waits.Proposal.ID)
	return nil
}

func (t *target) changesAt(e *env, pepper string, work func(operations) error) error {
	if t.Server != "" {
		return t.throughServer(work)
	}
	o, err := t.open(e.ctx, e.quiet())
	if err != nil {
		return e.inUse(err)
	}
	defer o.close()
	keys, err := auth.Open(e.ctx, o.store, auth.Options{Pepper: pepper, Recorder: recorder{o.journal}, Log: o.log, Now: time.Now})
	if err != nil {
		return err
	}
	all := api.Operations{Store: o.store, Loader: o.loader, Keys: keys, Ledger: lists.Ledger{Recorder: recorder{o.journal}, Log: o.log, Now: time.Now}, Now: time.Now, Log: o.log,
		WebhookAllow: t.webhookAllow}
	return work(all.As(api.Person{Actor: lists.Person(operator()), Alone: lists.AloneOperator}))
}

// inUse adds to the error of a store that another process holds how to run the same command through the server.
func (e *env) inUse(err error) error {
	if !fault.Is(err, fault.Conflict) {
		return err
	}
	return fault.E(fault.Conflict, "%w; through a server: interdict %s … --server http://127.0.0.1:8080 --key KEY", err, e.command)
}

func (t *target) throughServer(work func(operations) error) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	defer c.Close()
	return work(c)
}

// client returns a client of the server that the flags name.
func (f *serverFlags) client() (*client.Client, error) {
	var options []client.Option
	if f.CA != "" || f.ClientCert != "" || f.ClientKey != "" {
		config, err := f.tls()
		if err != nil {
			return nil, err
		}
		options = append(options, client.WithTLS(config))
	}
	c, err := client.New(f.Server, f.Key, options...)
	if err != nil {
		return nil, usage("--server: %w", err)
	}
	return c, nil
}

// numberOr returns n, or if that is 0 the number that pick finds in the list. none says what the list lacks if there is no such version.
func numberOr(ctx context.Context, o operations, list string, n int, pick func(*client.List) int, none string) (int, error) {
	if n != 0 {
		return n, nil
	}
	l, err := o.List(ctx, list)
	if err != nil {
		return 0, err
	}
	if n = pick(l); n == 0 {
		return 0, fault.E(fault.NotFound, "list %s has no %s version", list, none)
	}
	return n, nil
}
