package auth_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
)

// record keeps events, and can refuse them.
type record struct {
	mu      sync.Mutex
	events  []lists.Event
	refuses string // action that cannot be recorded
}

func (r *record) Record(e lists.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Action == r.refuses {
		return fault.E(fault.Unavailable, "the disk is full")
	}
	r.events = append(r.events, e)
	return nil
}

// shown returns "action outcome by" of the events since the last call.
func (r *record) shown() (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		out = append(out, e.Action+" "+e.Outcome+" "+e.By)
	}
	r.events = nil
	return out
}

// office is a store with keys, accounts and their record.
type office struct {
	t      *testing.T
	store  *counted
	clock  *clock
	record *record
	keys   *auth.Keys
	staff  *auth.Staff
}

func openOffice(t *testing.T, o auth.StaffOptions) *office {
	t.Helper()
	x := &office{t: t, store: store(t), clock: &clock{}, record: &record{}}
	x.keys, x.staff = x.replica(o)
	return x
}

// replica opens another server on the same store.
func (x *office) replica(o auth.StaffOptions) (*auth.Keys, *auth.Staff) {
	x.t.Helper()
	options := options("", x.clock)
	options.Recorder = x.record
	keys, err := auth.Open(x.t.Context(), x.store, options)
	if err != nil {
		x.t.Fatal(err)
	}
	staff, err := auth.NewStaff(keys, o)
	if err != nil {
		x.t.Fatal(err)
	}
	return keys, staff
}

// member is a person with an account.
type member struct {
	id, login, password, secret string
	recovery                    []string
}

const goodPassword = "seven tall herons wade"

func (x *office) invite(login string, roles ...auth.Role) (invitation string, id string) {
	x.t.Helper()
	text, account, err := x.staff.Create(x.t.Context(), lists.Account{Login: login, Roles: roles}, operator)
	if err != nil {
		x.t.Fatal(err)
	}
	return text, account.ID
}

// enrol makes a member who has used the invitation, and returns the token of the first session.
func (x *office) enrol(login string, roles ...auth.Role) (*member, string) {
	x.t.Helper()
	text, id := x.invite(login, roles...)
	return x.accept(text, id, login)
}

func (x *office) accept(text, id, login string) (*member, string) {
	x.t.Helper()
	m := &member{id: id, login: login, password: goodPassword}
	invitation, err := x.staff.Open(x.t.Context(), text, "", "10.0.0.1")
	if err != nil {
		x.t.Fatal(err)
	}
	m.secret = invitation.Secret
	token, codes, err := x.staff.Enrol(x.t.Context(), auth.Enrolment{Invitation: text, Password: m.password, Secret: m.secret, Code: x.code(m), Client: "10.0.0.1"})
	if err != nil {
		x.t.Fatal(err)
	}
	m.recovery = codes
	return m, token
}

// code is what the authenticator of a member shows.
func (x *office) code(m *member) string {
	x.t.Helper()
	code, err := totp.GenerateCode(m.secret, x.clock.now())
	if err != nil {
		x.t.Fatal(err)
	}
	return code
}

// signIn signs in with the next code.
func (x *office) signIn(m *member) (string, error) {
	x.clock.advance(30 * time.Second)
	return x.staff.SignIn(x.t.Context(), auth.Credentials{Login: m.login, Password: m.password, Code: x.code(m), Client: "10.0.0.1"})
}

func (x *office) signedIn(staff *auth.Staff, token string) bool {
	x.t.Helper()
	_, err := staff.Session(x.t.Context(), token)
	if err != nil && !fault.Is(err, fault.Unauthorized) {
		x.t.Fatal(err)
	}
	return err == nil
}

func by(name string) auth.Change { return auth.Change{By: lists.Person(name)} }

func TestInvitedPersonSignsInUntilSignOut(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	_, other := x.replica(auth.StaffOptions{})
	kim, first := x.enrol("kim", auth.Analyst, auth.Approver)
	if diff := cmp.Diff([]string{"person-create begun test", "person-create done test", "person-enrol begun kim", "person-enrol done kim", "sign-in done kim"}, x.record.shown()); diff != "" {
		t.Error(diff)
	}
	who, err := other.Session(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if !who.May(auth.Approver) || who.May(auth.Admin) || who.Name != "kim" || who.Actor != (lists.Actor{Person: "kim", Credential: "account:" + kim.id}) || who.RecoveryCodes != 10 {
		t.Errorf("%+v", who)
	}
	second, err := x.signIn(kim)
	if err != nil || second == first {
		t.Fatalf("a new sign-in gives a new token: %v", err)
	}
	if err := x.staff.SignOut(t.Context(), first, false, "10.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if x.signedIn(other, first) || x.signedIn(x.staff, first) {
		t.Error("a token works after its sign-out")
	}
	if !x.signedIn(other, second) {
		t.Error("the other session has ended, too")
	}
	third, err := x.signIn(kim)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.SignOut(t.Context(), third, true, ""); err != nil || x.signedIn(x.staff, second) || x.signedIn(x.staff, third) {
		t.Errorf("signed out everywhere: %v", err)
	}
	if diff := cmp.Diff([]string{"sign-in done kim", "sign-out done kim", "sign-in done kim", "sign-out done kim"}, x.record.shown()); diff != "" {
		t.Error(diff)
	}
	docs, err := x.store.Scan(t.Context(), lists.DocSessions)
	if err != nil || len(docs) != 0 {
		t.Errorf("sessions that are left: %v %v", docs, err)
	}
}

func TestEveryWrongSignInIsTheSameErrorAndARecord(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	kim, _ := x.enrol("kim", auth.Analyst)
	x.invite("lee", auth.Analyst)
	x.record.shown()
	x.clock.advance(time.Minute)
	var texts []string
	for i, c := range []auth.Credentials{
		{Login: "nobody", Password: kim.password, Code: x.code(kim)},
		{Login: "kim", Password: "wrong password", Code: x.code(kim)},
		{Login: "kim", Password: kim.password, Code: "000000"},
		{Login: "kim", Password: kim.password, Code: ""},
		{Login: "kim", Password: kim.password, Code: "aaaa-bbbb-cccc-dddd"},
		{Login: "kim", Password: "", Code: x.code(kim)},
		{Login: "lee", Password: "", Code: ""},
		{Login: strings.Repeat("x", 5000), Password: strings.Repeat("y", 50000), Code: "z"},
	} {
		c.Client = "10.0.1." + string(rune('1'+i))
		token, err := x.staff.SignIn(t.Context(), c)
		if token != "" || !fault.Is(err, fault.Unauthorized) {
			t.Fatalf("%d: %q %v", i, token, err)
		}
		texts = append(texts, err.Error())
	}
	if slices.Sort(texts); len(slices.Compact(texts)) != 1 {
		t.Errorf("errors tell what was wrong: %q", texts)
	}
	var got []string
	for _, e := range x.record.events {
		got = append(got, e.Outcome+" "+e.By+" "+e.Client+": "+e.Error)
	}
	want := []string{
		"failed unknown 10.0.1.1: no such login", "failed kim 10.0.1.2: wrong password", "failed kim 10.0.1.3: wrong code", "failed kim 10.0.1.4: wrong code",
		"failed kim 10.0.1.5: wrong code", "failed kim 10.0.1.6: wrong password", "failed lee 10.0.1.7: the invitation has not been used yet", "failed unknown 10.0.1.8: no such login",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := x.staff.SignIn(t.Context(), auth.Credentials{Login: " KIM ", Password: kim.password, Code: x.code(kim)}); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// A stranger behind the same proxy guesses: the person goes on in the browser that they have signed in with before.
func TestStrangersDoNotSlowDownAKnownBrowser(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	kim, _ := x.enrol("kim", auth.Analyst)
	at := auth.Credentials{Login: "kim", Password: "a guess", Client: "10.0.0.1"}
	for range 6 {
		if _, err := x.staff.SignIn(t.Context(), at); !fault.Is(err, fault.Unauthorized) {
			t.Fatal(err)
		}
	}
	took := func(known string) time.Duration {
		start := time.Now()
		at.Known = known
		if _, err := x.staff.SignIn(t.Context(), at); !fault.Is(err, fault.Unauthorized) {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	if d := took(x.staff.Known("lee")); d < 900*time.Millisecond {
		t.Errorf("another login's browser does not wait: %s", d)
	}
	for range 7 {
		x.clock.advance(10 * time.Second)
		if _, err := x.staff.SignIn(t.Context(), auth.Credentials{Login: "kim", Client: "10.0.0.1"}); !fault.Is(err, fault.Unauthorized) {
			t.Fatal(err)
		}
	}
	at.Known, at.Password, at.Code = x.staff.Known(" KIM"), kim.password, x.code(kim)
	start := time.Now()
	if _, err := x.staff.SignIn(t.Context(), at); err != nil || time.Since(start) > 5*time.Second {
		t.Errorf("the person's own browser waits %s: %v", time.Since(start), err)
	}
}

func TestCodesWorkOnce(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	kim, _ := x.enrol("kim", auth.Analyst)
	at := auth.Credentials{Login: "kim", Password: kim.password, Client: "10.0.0.1"}
	at.Code = x.code(kim)
	if _, err := x.staff.SignIn(t.Context(), at); err == nil {
		t.Error("the code of the enrolment works again")
	}
	x.clock.advance(time.Minute)
	at.Code = x.code(kim)
	var wg sync.WaitGroup
	var mu sync.Mutex
	worked := 0
	for range 4 { // at the same time
		wg.Go(func() {
			if _, err := x.staff.SignIn(t.Context(), at); err == nil {
				mu.Lock()
				worked++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if worked != 1 {
		t.Errorf("one code worked %d times", worked)
	}
	x.clock.advance(time.Hour)
	for i := range 2 {
		at.Code = strings.ToUpper(kim.recovery[3])
		if _, err := x.staff.SignIn(t.Context(), at); (err == nil) != (i == 0) {
			t.Errorf("recovery code, time %d: %v", i+1, err)
		}
	}
	at.Code = strings.ReplaceAll(kim.recovery[0], "-", " ")
	token, err := x.staff.SignIn(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	if who, err := x.staff.Session(t.Context(), token); err != nil || who.RecoveryCodes != 8 {
		t.Errorf("%+v %v", who, err)
	}
}

func TestInvitationsWorkOnceForADay(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	text, id := x.invite("kim", auth.Analyst)
	old, _ := x.invite("lee", auth.Analyst)
	for _, wrong := range []string{"", "iv_", text[:len(text)-1], text + "A", strings.Replace(text, id, strings.Repeat("a", 16), 1), "iv_../../x_" + text[20:]} {
		if _, err := x.staff.Open(t.Context(), wrong, "", wrong); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	app, err := x.staff.Open(t.Context(), text, "", "c")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(app.URI, "otpauth://totp/Interdict:kim?") || !strings.Contains(app.URI, "secret="+app.Secret) {
		t.Errorf("%s", app.URI)
	}
	again, err := x.staff.Open(t.Context(), text, app.Secret, "c")
	if err != nil || again.Secret != app.Secret {
		t.Errorf("the secret changes between two tries: %v", err)
	}
	m := &member{secret: app.Secret}
	for _, bad := range []auth.Enrolment{
		{Password: "short", Secret: app.Secret, Code: x.code(m)}, {Password: goodPassword, Secret: app.Secret, Code: "000000"}, {Password: goodPassword, Secret: "AAAA", Code: x.code(m)},
	} {
		bad.Invitation = text
		if _, _, err := x.staff.Enrol(t.Context(), bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	good := auth.Enrolment{Invitation: text, Password: goodPassword, Secret: app.Secret, Code: x.code(m)}
	var wg sync.WaitGroup
	var mu sync.Mutex
	worked := 0
	for range 3 {
		wg.Go(func() {
			if _, _, err := x.staff.Enrol(t.Context(), good); err == nil {
				mu.Lock()
				worked++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if worked != 1 {
		t.Errorf("an invitation worked %d times", worked)
	}
	x.clock.advance(24 * time.Hour)
	if _, err := x.staff.Open(t.Context(), old, "", "d"); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("after a day: %v", err)
	}
}

func TestSignInThatCannotBeRecordedIsRefused(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	kim, token := x.enrol("kim", auth.Analyst)
	x.record.refuses = "sign-in"
	if token, err := x.signIn(kim); token != "" || !fault.Is(err, fault.Unavailable) {
		t.Errorf("%q %v", token, err)
	}
	docs, err := x.store.Scan(t.Context(), lists.DocSessions)
	if err != nil || len(docs) != 1 {
		t.Errorf("sessions: %d %v", len(docs), err)
	}
	x.record.refuses = "person-disable"
	if _, err := x.staff.Disable(t.Context(), kim.id, operator); !fault.Is(err, fault.Unavailable) || !x.signedIn(x.staff, token) {
		t.Errorf("a change that cannot be recorded: %v", err)
	}
}

func TestSessionsEnd(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{Idle: 10 * time.Minute, Lifetime: time.Hour})
	kim, token := x.enrol("kim", auth.Analyst)
	for range 6 {
		x.clock.advance(9 * time.Minute)
		if !x.signedIn(x.staff, token) {
			t.Fatal("a session in use ends")
		}
	}
	x.clock.advance(6*time.Minute - time.Second)
	if !x.signedIn(x.staff, token) {
		t.Error("a session ends before its lifetime")
	}
	x.clock.advance(time.Second)
	if x.signedIn(x.staff, token) {
		t.Error("a session in use never ends")
	}
	idle, err := x.signIn(kim)
	if err != nil {
		t.Fatal(err)
	}
	x.clock.advance(10 * time.Minute)
	if x.signedIn(x.staff, idle) {
		t.Error("a session without requests goes on")
	}
	fresh, err := x.signIn(kim)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.staff.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	docs, err := x.store.Scan(t.Context(), lists.DocSessions)
	if err != nil || len(docs) != 1 || !x.signedIn(x.staff, fresh) {
		t.Errorf("after sweeping: %d %v", len(docs), err)
	}
	if strings.Contains(docs[0].Key, fresh) || strings.Contains(string(docs[0].Value), fresh) {
		t.Error("the store holds the token of a session")
	}
}

func TestResetAndDisableEndSessionsAtOnce(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	_, adminToken := x.enrol("root", auth.Admin)
	kim, token := x.enrol("kim", auth.Analyst)
	text, key, err := x.keys.Create(t.Context(), lists.Key{Name: "laptop", Person: "KIM", Roles: []auth.Role{auth.Analyst}}, operator)
	if err != nil {
		t.Fatal(err)
	}
	invitation, reset, err := x.staff.Reset(t.Context(), kim.id, operator)
	if err != nil || x.signedIn(x.staff, token) || reset.State() != lists.AccountInvited {
		t.Fatalf("reset: %v", err)
	}
	if _, err := x.signIn(kim); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("the old password works: %v", err)
	}
	kim, token = x.accept(invitation, kim.id, "kim")
	if !known(t, x.keys, text) {
		t.Error("a reset revokes keys")
	}
	x.record.shown()
	if _, err := x.staff.Disable(t.Context(), kim.id, operator); err != nil || x.signedIn(x.staff, token) || known(t, x.keys, text) {
		t.Errorf("disable: %v", err)
	}
	docs, err := x.store.Scan(t.Context(), lists.DocSessions)
	if err != nil || len(docs) != 1 { // the administrator's
		t.Errorf("sessions: %d %v", len(docs), err)
	}
	last := x.record.events[len(x.record.events)-1]
	if diff := cmp.Diff(`{"accounts":["`+kim.id+`"],"keys":["`+key.ID+`"]} {"accounts":null,"keys":null}`, string(last.Before)+" "+string(last.After)); diff != "" {
		t.Error(diff)
	}
	if _, err := x.signIn(kim); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("a disabled person signs in: %v", err)
	}
	if _, err := x.staff.Disable(t.Context(), kim.id, operator); !fault.Is(err, fault.Conflict) {
		t.Errorf("twice: %v", err)
	}
	if invitation, _, err = x.staff.Reset(t.Context(), kim.id, operator); err != nil {
		t.Fatal(err)
	}
	x.accept(invitation, kim.id, "kim")

	people, err := lists.ReadPeople(t.Context(), x.store)
	if err != nil {
		t.Fatal(err)
	}
	root := people.Accounts[slices.IndexFunc(people.Accounts, func(a lists.Account) bool { return a.Login == "root" })]
	if _, err := x.staff.Disable(t.Context(), root.ID, operator); !fault.Is(err, fault.Conflict) || !x.signedIn(x.staff, adminToken) {
		t.Errorf("the last administrator is disabled: %v", err)
	}
	if _, err := x.staff.SetRoles(t.Context(), auth.NewRoles{ID: root.ID, Roles: []auth.Role{auth.Analyst}}, operator); !fault.Is(err, fault.Conflict) {
		t.Errorf("the last administrator loses the role: %v", err)
	}
	if _, _, err := x.staff.Reset(t.Context(), strings.Repeat("a", 16), operator); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

// approve makes the change of a proposal, as a second person.
func (x *office) approve(err error, by string) error {
	x.t.Helper()
	var needs *lists.NeedsSecondPerson
	if !errors.As(err, &needs) {
		x.t.Fatalf("no proposal: %v", err)
	}
	p := needs.Proposal
	p.By, p.State = "ada", lists.Open
	if err := x.store.Commit(x.t.Context(), lists.Put(lists.DocProposal(p.ID), p, 0)); err != nil {
		x.t.Fatal(err)
	}
	_, revision, err := lists.Read[lists.Proposal](x.t.Context(), x.store, lists.DocProposal(p.ID))
	if err != nil {
		x.t.Fatal(err)
	}
	var change auth.PersonChange
	if err := json.Unmarshal(p.Change, &change); err != nil {
		x.t.Fatal(err)
	}
	for _, shown := range []json.RawMessage{p.Before, p.After} {
		for _, secret := range []string{"invitation", "password", "totp"} {
			if strings.Contains(string(shown), `"`+secret+`"`) {
				x.t.Errorf("a proposal shows %s: %s", secret, shown)
			}
		}
	}
	w := lists.Warrant{Proposal: &p, Revision: revision, Decided: &lists.Approval{By: by}}
	return x.staff.Apply(x.t.Context(), change, auth.Change{By: lists.Person(by), Warrant: w})
}

func TestApproversNeedASecondPersonAfterSetup(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	setup := func() bool {
		t.Helper()
		people, err := lists.ReadPeople(t.Context(), x.store)
		if err != nil {
			t.Fatal(err)
		}
		return people.Setup(x.clock.now())
	}
	text, ada, err := x.staff.Create(t.Context(), lists.Account{Login: "ada", Roles: []auth.Role{auth.Admin}}, by("bootstrap"))
	if err != nil || !ada.Setup {
		t.Fatalf("the first administrator: %v %v", ada, err)
	}
	x.accept(text, ada.ID, "ada")
	text, bob, err := x.staff.Create(t.Context(), lists.Account{Login: "bob", Roles: []auth.Role{auth.Admin}}, by("ada"))
	if err != nil || !bob.Setup || !setup() {
		t.Fatalf("the second administrator: %v %v", bob, err)
	}
	x.accept(text, bob.ID, "bob")
	if setup() {
		t.Error("setup goes on with two administrators")
	}

	if _, made, err := x.staff.Create(t.Context(), lists.Account{Login: "cy", Roles: []auth.Role{auth.Analyst}}, by("ada")); err != nil || !slices.Equal(made.Alone, []string{"ada"}) {
		t.Errorf("an analyst: %v %v", made.Alone, err)
	}
	text, _, err = x.staff.Create(t.Context(), lists.Account{Login: "dee", Roles: []auth.Role{auth.Approver}}, by("ada"))
	if _, err := x.staff.Open(t.Context(), text, "", ""); err == nil {
		t.Error("an invitation works before its proposal is approved")
	}
	if err := x.approve(err, "bob"); err != nil {
		t.Fatal(err)
	}
	app, err := x.staff.Open(t.Context(), text, "", "")
	if err != nil {
		t.Fatal(err)
	}
	dee := &member{login: "dee", password: goodPassword, secret: app.Secret}
	token, _, err := x.staff.Enrol(t.Context(), auth.Enrolment{Invitation: text, Password: dee.password, Secret: dee.secret, Code: x.code(dee)})
	if err != nil {
		t.Fatal(err)
	}
	who, err := x.staff.Session(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	dee.id = who.Account.ID

	// Less is done at once, more is a proposal.
	if _, err := x.staff.SetRoles(t.Context(), auth.NewRoles{ID: dee.id, Roles: []auth.Role{auth.Analyst}}, by("ada")); err != nil {
		t.Error(err)
	}
	if who, _ := x.staff.Session(t.Context(), token); who == nil || who.May(auth.Approver) || !who.May(auth.Analyst) {
		t.Error("a session keeps roles that the account has lost")
	}
	_, err = x.staff.SetRoles(t.Context(), auth.NewRoles{ID: dee.id, Roles: []auth.Role{auth.Analyst, auth.Admin}}, by("ada"))
	if err := x.approve(err, "bob"); err != nil {
		t.Error(err)
	}
	if who, _ := x.staff.Session(t.Context(), token); who == nil || !who.May(auth.Admin) {
		t.Error("the roles are not those that were approved")
	}

	// Whoever has the invitation acts as that person.
	text, _, err = x.staff.Reset(t.Context(), dee.id, by("ada"))
	if !x.signedIn(x.staff, token) {
		t.Error("a proposal to reset ends sessions")
	}
	if err := x.approve(err, "bob"); err != nil || x.signedIn(x.staff, token) {
		t.Errorf("%v", err)
	}
	if _, err := x.staff.Open(t.Context(), text, "", ""); err != nil {
		t.Error(err)
	}
	if text, _, err = x.staff.Reset(t.Context(), ada.ID, by("Ada ")); err != nil {
		t.Fatalf("one's own account: %v", err)
	}
	x.accept(text, ada.ID, "ada")

	// What has changed since the proposal was made is not approved.
	_, err = x.staff.SetRoles(t.Context(), auth.NewRoles{ID: bob.ID, Roles: []auth.Role{auth.Admin, auth.Approver}}, by("ada"))
	if _, err := x.staff.SetRoles(t.Context(), auth.NewRoles{ID: bob.ID, Roles: []auth.Role{auth.Analyst}}, operator); err != nil {
		t.Fatal(err)
	}
	if err := x.approve(err, "dee"); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
	if setup() {
		t.Error("setup comes back when a person loses a role")
	}
}

func TestAccountsThatCannotBe(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	x.enrol("kim", auth.Analyst)
	for _, a := range []lists.Account{
		{Login: "", Roles: []auth.Role{auth.Analyst}}, {Login: "a b", Roles: []auth.Role{auth.Analyst}}, {Login: "x"}, {Login: "x", Roles: []auth.Role{"root"}},
		{Login: "x", Person: "bootstrap", Roles: []auth.Role{auth.Analyst}}, {Login: "x", Person: "<b>", Roles: []auth.Role{auth.Analyst}}, {Login: "x", Lists: []string{"["}, Roles: []auth.Role{auth.Analyst}},
	} {
		if _, _, err := x.staff.Create(t.Context(), a, operator); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", a, err)
		}
	}
	if _, _, err := x.staff.Create(t.Context(), lists.Account{Login: "KIM", Roles: []auth.Role{auth.Analyst}}, operator); !fault.Is(err, fault.Conflict) {
		t.Errorf("the same login: %v", err)
	}
	// What only the program may set is not taken over.
	_, made, err := x.staff.Create(t.Context(), lists.Account{ID: "mine", Login: "lee", Issuer: "https://idp", Password: "x", Approved: true, Roles: []auth.Role{auth.Analyst}}, operator)
	if err != nil || made.ID == "mine" || made.Issuer != "" || made.Password != "" || made.Approved {
		t.Errorf("%+v %v", made, err)
	}
}

func TestPasswords(t *testing.T) {
	for _, c := range []struct {
		password string
		good     bool
	}{
		{"seven tall herons wade", true}, {"kR7#vq0-Zm2x", true}, {"пять высоких цапель", true}, {"kim.lee walks to the harbour", true},
		{"short", false}, {"elevenchars", false}, {"aaaaaaaaaaaaaa", false}, {"abababababababab", false}, {"password1234", false}, {"Password!!!!!", false}, {"PASSWORD2026!", false},
		{"qwertyuiop123", false}, {"correct horse battery staple", false}, {"correcthorsebatterystaple", false}, {"kim.lee@example.org", false}, {"kim.lee@example.org1", false}, {"Kim Lee 2026!", false},
		{"interdict2026", false}, {"123456789012", false}, {strings.Repeat("ab3d!", 120), false},
	} {
		err := auth.CheckPassword(c.password, "kim.lee@example.org", "Kim Lee")
		if (err == nil) != c.good || err != nil && (!fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), c.password)) {
			t.Errorf("%q: %v", c.password, err)
		}
	}
}

// Neither the record nor the log may hold what a person signs in with.
func TestRecordsHoldNoSecrets(t *testing.T) {
	x := openOffice(t, auth.StaffOptions{})
	kim, token := x.enrol("kim", auth.Analyst)
	text, _ := x.invite("lee", auth.Admin)
	_, _ = x.staff.SignIn(t.Context(), auth.Credentials{Login: kim.password, Password: kim.login, Code: kim.recovery[0]})
	again, _, err := x.staff.Reset(t.Context(), kim.id, operator)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(x.record.events)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range append([]string{kim.password, kim.secret, token, text, again, text[20:], "argon2id"}, kim.recovery...) {
		if strings.Contains(string(b), secret) {
			t.Errorf("the record holds %q", secret)
		}
	}
}
