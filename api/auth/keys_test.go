package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/diskstore"
	"interdict/lists/fault"
	"interdict/lists/redisstore"
	"interdict/lists/storetest/freeaddr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counted is a real store that counts how often it is asked, and can be taken away.
type counted struct {
	lists.Store
	scans atomic.Int64
	gone  atomic.Bool
}

var errGone = fault.E(fault.Unavailable, "the test took the store away")

func (c *counted) Scan(ctx context.Context, prefix string) ([]lists.Doc, error) {
	c.scans.Add(1)
	if c.gone.Load() {
		return nil, errGone
	}
	return c.Store.Scan(ctx, prefix)
}

func (c *counted) Commit(ctx context.Context, changes ...lists.Change) error {
	if c.gone.Load() {
		return errGone
	}
	return c.Store.Commit(ctx, changes...)
}

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_760_000_000, 0).Add(time.Duration(c.at.Load())) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func store(t *testing.T) *counted {
	t.Helper()
	s, err := diskstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &counted{Store: s}
}

// unrecorded drops events.
type unrecorded struct{}

func (unrecorded) Record(lists.Event) error { return nil }

func options(pepper string, c *clock) auth.Options {
	return auth.Options{Pepper: pepper, Recorder: unrecorded{}, Log: slog.New(slog.DiscardHandler), Now: c.now}
}

// operator makes changes alone.
var operator = auth.Change{By: lists.Person("test"), Warrant: lists.Warrant{Alone: lists.AloneOperator}}

func open(t *testing.T, s lists.Store, pepper string, c *clock) *auth.Keys {
	t.Helper()
	k, err := auth.Open(t.Context(), s, options(pepper, c))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func create(t *testing.T, k *auth.Keys, name string, roles ...auth.Role) (string, lists.Key) {
	t.Helper()
	text, key, err := k.Create(t.Context(), lists.Key{Name: name, Roles: roles}, operator)
	if err != nil {
		t.Fatal(err)
	}
	return text, key
}

func known(t *testing.T, k *auth.Keys, text string) bool {
	t.Helper()
	who, err := k.Authenticate(t.Context(), text)
	if err != nil && (!fault.Is(err, fault.Unauthorized) || who != nil) {
		t.Fatalf("%v %v", who, err)
	}
	return err == nil
}

func TestOnlyTheExactKeyAuthenticates(t *testing.T) {
	s, c := store(t), &clock{}
	k := open(t, s, "", c)
	text, key := create(t, k, "payments", auth.Checker, auth.Auditor)
	for range 2 { // the second time without the HMAC
		who, err := k.Authenticate(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{who.KeyID, who.Name}; got != [2]string{key.ID, "payments"} {
			t.Errorf("%v", got)
		}
		for role, may := range map[auth.Role]bool{auth.Checker: true, auth.Auditor: true, auth.Analyst: false, auth.Approver: false, auth.Admin: false} {
			if who.May(role) != may {
				t.Errorf("a checker and auditor as %s: %t", role, !may)
			}
		}
		if !who.May() || !who.May(auth.Admin, auth.Checker) || who.May(auth.Admin, auth.Analyst) {
			t.Error("one of several roles")
		}
	}
	for _, wrong := range []string{"", " ", text + " ", text[1:], text[:len(text)-1], text + "A", strings.ToUpper(text), key.ID, "ik_" + key.ID, strings.Repeat(text, 20), "\x00", string(key.MAC)} {
		if known(t, k, wrong) {
			t.Errorf("%q is taken for a key", wrong)
		}
	}
	other, _ := create(t, k, "payments", auth.Checker)
	if other == text {
		t.Error("two keys are the same")
	}
}

func TestAdminHasEveryRole(t *testing.T) {
	k := open(t, store(t), "", &clock{})
	text, _ := create(t, k, "root", auth.Admin)
	who, err := k.Authenticate(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range auth.Roles {
		if !who.May(r) {
			t.Errorf("not as %s", r)
		}
	}
}

// Who reads the store learns no key.
func TestStoreContainsNoKeyText(t *testing.T) {
	s := store(t)
	k := open(t, s, "", &clock{})
	text, key := create(t, k, "payments", auth.Checker)
	if key.MAC != nil {
		t.Error("Create gives the MAC away")
	}
	docs, err := s.Scan(t.Context(), "")
	if err != nil || len(docs) == 0 {
		t.Fatal(docs, err)
	}
	secret := strings.SplitN(text, "_", 3)[2]
	for _, d := range docs {
		if strings.Contains(string(d.Value), secret) {
			t.Errorf("document %s holds the key", d.Key)
		}
	}
}

func TestRevokedKeyIsRefused(t *testing.T) {
	s, c := store(t), &clock{}
	here, there := open(t, s, "", c), open(t, s, "", c)
	text, key := create(t, here, "payments", auth.Checker)
	stays, _ := create(t, here, "other", auth.Checker)
	c.advance(2 * time.Second)
	if !known(t, here, text) || !known(t, there, text) {
		t.Fatal("a new key is not known on both replicas")
	}
	if err := here.Revoke(t.Context(), key.ID, operator); err != nil {
		t.Fatal(err)
	}
	if known(t, here, text) {
		t.Error("it goes on where it was revoked")
	}
	if !known(t, there, text) {
		t.Error("the other replica cannot know yet: this test tests nothing")
	}
	if err := there.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if known(t, there, text) {
		t.Error("it goes on at the other replica after its copy was renewed")
	}
	if !known(t, here, stays) || !known(t, there, stays) {
		t.Error("another key ended with it")
	}
	if err := here.Revoke(t.Context(), key.ID, operator); !fault.Is(err, fault.Conflict) {
		t.Errorf("twice: %v", err)
	}
	if err := here.Revoke(t.Context(), "nosuch", operator); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown: %v", err)
	}
	all, err := here.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := c.now().UTC()
	for _, x := range all {
		if x.ID == key.ID {
			x.MAC, key.RevokedAt, key.RevokedBy = nil, &at, "test"
			if diff := cmp.Diff(key, x); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
	}
}

// A key that was just made elsewhere works; a storm of unknown ones does not become a storm on the store.
func TestUnknownKeysReadTheStoreOncePerSecond(t *testing.T) {
	s, c := store(t), &clock{}
	here, there := open(t, s, "", c), open(t, s, "", c)
	text, _ := create(t, here, "payments", auth.Checker)
	c.advance(1001 * time.Millisecond)
	if !known(t, there, text) {
		t.Error("a key from another replica is not known after a second")
	}
	c.advance(1001 * time.Millisecond)
	before := s.scans.Load()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				if known(t, there, fmt.Sprintf("guess %d %d", i, j)) {
					t.Error("a guess is a key")
				}
			}
		})
	}
	wg.Wait()
	if n := s.scans.Load() - before; n != 2 { // the keys and the accounts
		t.Errorf("800 unknown keys in one second read the store %d times", n)
	}
}

// A store that is away locks nobody out, and lets nobody in.
func TestKnownKeysWorkWhileTheStoreIsDown(t *testing.T) {
	s, c := store(t), &clock{}
	k := open(t, s, "", c)
	text, key := create(t, k, "payments", auth.Checker)
	s.gone.Store(true)
	c.advance(time.Hour)
	if err := k.Refresh(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	if !known(t, k, text) {
		t.Error("a known key is locked out")
	}
	c.advance(time.Hour)
	if who, err := k.Authenticate(t.Context(), "unknown"); who != nil || !fault.Is(err, fault.Unavailable) {
		t.Errorf("a key that cannot be looked up: %v %v", who, err)
	}
	if who, err := k.Authenticate(t.Context(), "unknown"); who != nil || !fault.Is(err, fault.Unauthorized) {
		t.Errorf("at once again: %v %v", who, err)
	}
	if err := k.Revoke(t.Context(), key.ID, operator); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	if _, _, err := k.Create(t.Context(), lists.Key{Name: "x", Roles: []auth.Role{auth.Admin}}, operator); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	s.gone.Store(false)
	if all, err := k.List(t.Context()); err != nil || len(all) != 1 || all[0].RevokedAt != nil {
		t.Errorf("%v %v", all, err)
	}
}

// Keys are good for the pepper they were made with: a stolen store alone opens nothing.
func TestPepper(t *testing.T) {
	s, c := store(t), &clock{}
	own := open(t, s, "", c)
	text, _ := create(t, own, "a", auth.Checker)
	if again := open(t, s, "", c); !known(t, again, text) {
		t.Error("the pepper that the store keeps was not found again")
	}
	if other := open(t, s, "another", c); known(t, other, text) {
		t.Error("another pepper recognises the key")
	}
	given := open(t, s, "given", c)
	text, _ = create(t, given, "b", auth.Checker)
	if !known(t, open(t, s, "given", c), text) || known(t, open(t, s, "", c), text) {
		t.Error("a given pepper")
	}

	t.Run("replicas that start together make one pepper", func(t *testing.T) {
		s := store(t)
		all := make([]*auth.Keys, 8)
		var wg sync.WaitGroup
		for i := range all {
			wg.Go(func() {
				var err error
				if all[i], err = auth.Open(t.Context(), s, options("", c)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		text, _ := create(t, all[0], "a", auth.Checker)
		for i, k := range all {
			if err := k.Refresh(t.Context()); err != nil || !known(t, k, text) {
				t.Errorf("replica %d: %v", i, err)
			}
		}
	})
}

func TestBootstrap(t *testing.T) {
	s, c := store(t), &clock{}
	const text = "a-secret-from-the-operator-32-bytes"
	k := open(t, s, "", c)
	if made, err := k.Bootstrap(t.Context(), ""); made || err != nil {
		t.Errorf("nothing: %v %v", made, err)
	}
	// Two replicas start at the same time.
	results := make([]bool, 4)
	var wg sync.WaitGroup
	for i := range results {
		other := open(t, s, "", c)
		wg.Go(func() {
			var err error
			if results[i], err = other.Bootstrap(t.Context(), text); err != nil {
				t.Error(err)
			}
			if !known(t, other, text) {
				t.Errorf("replica %d does not know the bootstrap key", i)
			}
		})
	}
	wg.Wait()
	made := 0
	for _, r := range results {
		if r {
			made++
		}
	}
	if made != 1 {
		t.Errorf("made %d times", made)
	}
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	who, err := k.Authenticate(t.Context(), text)
	if err != nil || !who.May(auth.Admin) {
		t.Errorf("%v %v", who, err)
	}
	if made, err := k.Bootstrap(t.Context(), "another-secret-long-enough-for-a-key"); made || err != nil || known(t, k, "another-secret,-long-enough-for-a-key") {
		t.Error("a second bootstrap key")
	}
	if err := k.Revoke(t.Context(), "bootstrap", operator); !fault.Is(err, fault.Conflict) {
		t.Errorf("the last administrator can be revoked: %v", err)
	}
	create(t, k, "root", auth.Admin)
	if err := k.Revoke(t.Context(), "bootstrap", operator); err != nil {
		t.Fatal(err)
	}
	if made, _ := k.Bootstrap(t.Context(), text); made || known(t, k, text) {
		t.Error("a revoked bootstrap key comes back with the next start")
	}
}

// A store that has keys has an admin who can make more: the bootstrap key is for the very first start.
func TestBootstrapChangesNoStoreWithKeys(t *testing.T) {
	k := open(t, store(t), "", &clock{})
	create(t, k, "payments", auth.Checker)
	if made, err := k.Bootstrap(t.Context(), "a-secret-from-the-operator-32-bytes"); made || err != nil || known(t, k, "a-secret-from-the-operator-32-bytes") {
		t.Errorf("%v %v", made, err)
	}
}

func TestKeyNames(t *testing.T) {
	k := open(t, store(t), "", &clock{})
	for _, name := range []string{"kim", "kim@example.org", "Team 7 + 8", "a", strings.Repeat("n", 100)} {
		if _, key, err := k.Create(t.Context(), lists.Key{Name: name, Roles: []auth.Role{auth.Checker}}, operator); err != nil || key.Name != name {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"-kim", "ki\x00m", "k\u0456m", strings.Repeat("n", 101), "<b>"} {
		if _, _, err := k.Create(t.Context(), lists.Key{Name: name, Roles: []auth.Role{auth.Checker}}, operator); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, roles := range [][]auth.Role{nil, {}, {"root"}, {auth.Checker, ""}, {"CHECKER"}} {
		if _, _, err := k.Create(t.Context(), lists.Key{Name: "kim", Roles: roles}, operator); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", roles, err)
		}
	}
	if _, key, err := k.Create(t.Context(), lists.Key{Name: "", Roles: []auth.Role{auth.Checker}}, operator); err != nil || key.Name != key.ID {
		t.Errorf("no name: %q %v", key.Name, err)
	}
}

func TestParseRoles(t *testing.T) {
	got, err := auth.ParseRoles("checker, auditor,admin")
	if diff := cmp.Diff([]auth.Role{auth.Checker, auth.Auditor, auth.Admin}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, s := range []string{"", "checker,", "Checker", "checker auditor", "all"} {
		if got, err := auth.ParseRoles(s); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v %v", s, got, err)
		}
	}
}

// Requests, renewals and changes at the same time, for the race detector; a key that is valid throughout is never refused.
func TestKeysUnderLoad(t *testing.T) {
	s, c := store(t), &clock{}
	k := open(t, s, "", c)
	text, _ := create(t, k, "payments", auth.Checker)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if !known(t, k, text) {
					t.Error("a valid key is refused")
					return
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			c.advance(time.Second)
			known(t, k, "unknown")
			if err := k.Refresh(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
	for range 10 {
		_, key := create(t, k, "other", auth.Analyst)
		if err := k.Revoke(t.Context(), key.ID, operator); err != nil {
			t.Error(err)
		}
	}
	cancel()
	wg.Wait()
}

// A store that loses keys makes nobody's key wrong, and no new secret is made beside keys that were hashed with another.
func TestKeysThatTheStoreLosesStayValid(t *testing.T) {
	s, c := store(t), &clock{}
	k := open(t, s, "", c)
	text, key := create(t, k, "a", auth.Checker)
	other, _ := create(t, k, "b", auth.Checker)
	if err := s.Commit(t.Context(), lists.Change{Key: lists.DocKey(key.ID), Expect: lists.AnyRevision}); err != nil {
		t.Fatal(err)
	}
	if err := k.Refresh(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("refresh: %v", err)
	}
	if !known(t, k, text) || !known(t, k, other) {
		t.Error("a key is no longer known")
	}
	if err := s.Commit(t.Context(), lists.Change{Key: lists.DocPepper, Expect: lists.AnyRevision}); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Open(t.Context(), s, options("", c)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a new secret is made: %v", err)
	}
}

// A server that starts while its store is away knows the keys of its cache; without one it judges nobody.
func TestReplicaStartsWithTheKeysOfItsCache(t *testing.T) {
	s, c := store(t), &clock{}
	text, _ := create(t, open(t, s, "", c), "a", auth.Checker)
	away, err := redisstore.Open(t.Context(), "redis://"+freeaddr.Get(t), redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	k, err := auth.OpenReplica(t.Context(), away, s, options("", c))
	if err != nil || !known(t, k, text) {
		t.Errorf("from the cache: %v", err)
	}
	k, err = auth.OpenReplica(t.Context(), away, nil, options("", c))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Authenticate(t.Context(), text); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without one: %v", err)
	}
}

// A server without a cache that starts on an emptied store makes a pepper and a bootstrap key. A restore then adds the pepper and the keys of before.
func TestKeysOfTwoPeppersAreKnown(t *testing.T) {
	const boot = "a-secret-from-the-operator-32-bytes"
	was, c := store(t), &clock{}
	server := open(t, was, "", c)
	if made, err := server.Bootstrap(t.Context(), boot); !made || err != nil {
		t.Fatal(made, err)
	}
	text, key := create(t, server, "payments", auth.Checker)
	s := store(t)
	fresh := open(t, s, "", c)
	if made, err := fresh.Bootstrap(t.Context(), boot); !made || err != nil {
		t.Fatal(made, err)
	}
	old, err := was.Get(t.Context(), lists.DocPepper)
	if err != nil {
		t.Fatal(err)
	}
	lost, err := was.Get(t.Context(), lists.DocKey(key.ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), lists.Change{Key: lists.DocOtherPepper(old.Value), Value: old.Value}, lists.Change{Key: lost.Key, Value: lost.Value}); err != nil {
		t.Fatal(err)
	}
	if err := fresh.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	survivor, err := auth.OpenReplica(t.Context(), s, was, options("", c)) // its cache has the old pepper
	if err != nil {
		t.Fatal(err)
	}
	later, _ := create(t, survivor, "later", auth.Checker)
	if err := fresh.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*auth.Keys{"made the pepper": fresh, "has the old one": survivor, "started later": open(t, s, "", c)} {
		if got := []bool{known(t, k, text), known(t, k, boot), known(t, k, later), known(t, k, text+"A")}; !slices.Equal(got, []bool{true, true, true, false}) {
			t.Errorf("the server that %s knows the key of before, bootstrap, the later one, a wrong one: %v", name, got)
		}
	}
}
