package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
)

// company is an office whose people sign in at an identity provider.
type company struct {
	*office
	provider *identityProvider
}

func openCompany(t *testing.T) *company {
	t.Helper()
	x := &company{}
	c := &clock{}
	x.provider = startProvider(t, c.now)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	roles, err := auth.ParseGroups([]string{"screening=analyst", "screening-leads=analyst", "screening-leads = approver", "it=admin"})
	if err != nil {
		t.Fatal(err)
	}
	x.office = &office{t: t, store: store(t), clock: c, record: &record{}}
	x.keys, x.staff = x.replica(auth.StaffOptions{OIDC: &auth.OIDCOptions{Issuer: x.provider.srv.URL, ClientID: clientID, ClientSecret: clientSecret, RedirectURL: callback,
		Roles: roles, HTTP: &http.Client{Transport: transport, Timeout: 5 * time.Second}}})
	return x
}

// begin goes to the provider, signs in there, and returns what the browser comes back with.
func (x *company) begin(claims map[string]any) auth.Callback {
	x.t.Helper()
	target, cookie, err := x.staff.BeginOIDC(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	code, state := x.provider.signIn(target, claims)
	return auth.Callback{Cookie: cookie, State: state, Code: code, Client: "10.0.0.1"}
}

func (x *company) signIn(claims map[string]any) (string, error) {
	x.t.Helper()
	return x.staff.FinishOIDC(x.t.Context(), x.begin(claims))
}

func claimsOf(subject, email string, groups ...string) map[string]any {
	return map[string]any{"sub": subject, "email": email, "groups": groups}
}

func TestGroupsOfTheProviderAreRoles(t *testing.T) {
	x := openCompany(t)
	token, err := x.signIn(claimsOf("1", "Kim@example.org", "staff", "screening"))
	if err != nil {
		t.Fatal(err)
	}
	who, err := x.staff.Session(t.Context(), token)
	if err != nil || who.Name != "Kim@example.org" || !who.May(auth.Analyst) || who.May(auth.Approver) {
		t.Fatalf("%+v %v", who, err)
	}
	if diff := cmp.Diff([]string{"person-create begun Kim@example.org", "person-create done Kim@example.org", "sign-in done Kim@example.org"}, x.record.shown()); diff != "" {
		t.Error(diff)
	}

	// More groups: the session that is there has them at once, and the record says so.
	if _, err := x.signIn(claimsOf("1", "kim@example.org", "screening-leads", "it")); err != nil {
		t.Fatal(err)
	}
	if who, err := x.staff.Session(t.Context(), token); err != nil || !who.May(auth.Approver) || !who.May(auth.Admin) {
		t.Errorf("%+v %v", who, err)
	}
	done := x.record.events[1]
	if diff := cmp.Diff(`person-update {"person":"Kim@example.org","roles":["analyst"]} {"person":"kim@example.org","roles":["analyst","approver","admin"]}`,
		done.Action+" "+string(done.Before)+" "+string(done.After)); diff != "" {
		t.Error(diff)
	}
	x.record.shown()
	if _, err := x.signIn(claimsOf("1", "kim@example.org", "it", "screening-leads")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"sign-in done kim@example.org"}, x.record.shown()); diff != "" {
		t.Errorf("nothing has changed %s", diff)
	}
	people, err := lists.ReadPeople(t.Context(), x.store)
	if err != nil || people.Approvers(x.clock.now()) != 1 || len(people.Accounts) != 1 {
		t.Errorf("%+v %v", people, err)
	}

	// No group with a role any more: nobody gets in, and the sessions end.
	if token, err := x.signIn(claimsOf("1", "kim@example.org", "staff")); token != "" || !fault.Is(err, fault.Forbidden) {
		t.Errorf("%q %v", token, err)
	}
	if x.signedIn(x.staff, token) {
		t.Error("the session of a person without a role goes on")
	}
	if diff := cmp.Diff([]string{"person-update begun kim@example.org", "person-update done kim@example.org", "sign-in failed kim@example.org"}, x.record.shown()); diff != "" {
		t.Error(diff)
	}
	if token, err := x.signIn(claimsOf("2", "lee@example.org")); token != "" || !fault.Is(err, fault.Forbidden) {
		t.Errorf("a stranger: %q %v", token, err)
	}
	if people, err = lists.ReadPeople(t.Context(), x.store); err != nil || len(people.Accounts) != 1 {
		t.Errorf("a stranger has an account: %v %v", people.Accounts, err)
	}
	if people.Approvers(x.clock.now()) != 1 {
		t.Error("a person who could approve once is forgotten")
	}
}

func TestWhoThePersonIs(t *testing.T) {
	x := openCompany(t)
	for i, c := range []struct {
		claims map[string]any
		want   string
	}{
		{map[string]any{"email": "a@example.org", "email_verified": true, "preferred_username": "a"}, "a@example.org"},
		{map[string]any{"email": "root@example.org", "email_verified": false, "preferred_username": "b"}, "b"},
		{map[string]any{"preferred_username": "c"}, "c"},
		{map[string]any{"email": "<script>", "preferred_username": "bootstrap"}, "subject-3"},
	} {
		c.claims["sub"], c.claims["groups"] = "subject-"+string(rune('0'+i)), "screening"
		token, err := x.signIn(c.claims)
		if err != nil {
			t.Errorf("%v: %v", c.claims, err)
			continue
		}
		if who, err := x.staff.Session(t.Context(), token); err != nil || who.Name != c.want {
			t.Errorf("%v: %v %v", c.claims, who, err)
		}
	}
	if _, err := x.signIn(map[string]any{"sub": "a|b", "groups": "screening"}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("no name: %v", err)
	}
	if _, err := x.signIn(map[string]any{"sub": "9", "email": "z@example.org", "_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://x"}}}); !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "too many groups") {
		t.Errorf("too many groups: %v", err)
	}
}

func TestSpoiltTokensAreRefused(t *testing.T) {
	x := openCompany(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	}
	in := func(d time.Duration) int64 { return x.clock.now().Add(d).Unix() }
	for name, c := range map[string]struct {
		spoil func(map[string]any)
		sign  *rsa.PrivateKey
		good  bool
	}{
		"as it is":                       {good: true},
		"another issuer":                 {spoil: set("iss", "https://other.example.org")},
		"another audience":               {spoil: set("aud", "other")},
		"no audience":                    {spoil: set("aud", nil)},
		"several audiences, no party":    {spoil: set("aud", []string{clientID, "other"})},
		"several audiences, other party": {spoil: func(c map[string]any) { c["aud"], c["azp"] = []string{clientID, "other"}, "other" }},
		"several audiences, our party":   {spoil: func(c map[string]any) { c["aud"], c["azp"] = []string{clientID, "other"}, clientID }, good: true},
		"another nonce":                  {spoil: set("nonce", "other")},
		"no nonce":                       {spoil: set("nonce", nil)},
		"no subject":                     {spoil: set("sub", "")},
		"another key":                    {sign: other},
		"no end":                         {spoil: set("exp", nil)},
		"no beginning":                   {spoil: set("iat", nil)},
		"expired 4 minutes ago":          {spoil: set("exp", in(-4*time.Minute)), good: true},
		"expired 6 minutes ago":          {spoil: set("exp", in(-6*time.Minute))},
		"made in 4 minutes":              {spoil: set("iat", in(4*time.Minute)), good: true},
		"made in 6 minutes":              {spoil: set("iat", in(6*time.Minute))},
		"valid in 4 minutes":             {spoil: set("nbf", in(4*time.Minute)), good: true},
		"valid in 6 minutes":             {spoil: set("nbf", in(6*time.Minute))},
	} {
		x.provider.spoil, x.provider.sign = c.spoil, c.sign
		x.record.shown()
		token, err := x.signIn(claimsOf("1", "kim@example.org", "screening"))
		if c.good != (err == nil) || (token != "") != c.good {
			t.Errorf("%s: %q %v", name, token, err)
		}
		if c.good {
			continue
		}
		if !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]string{"sign-in failed unknown"}, x.record.shown()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestOnlyTheBrowserThatBeganFinishesOnce(t *testing.T) {
	x := openCompany(t)
	kim := claimsOf("1", "kim@example.org", "screening")
	for name, spoil := range map[string]func(*auth.Callback){
		"no cookie":         func(c *auth.Callback) { c.Cookie = "" },
		"another's cookie":  func(c *auth.Callback) { c.Cookie = x.begin(kim).Cookie },
		"another state":     func(c *auth.Callback) { c.State = otherLetter(c.State) },
		"no state":          func(c *auth.Callback) { c.State = "" },
		"a forged cookie":   func(c *auth.Callback) { c.Cookie = otherLetter(c.Cookie) },
		"no signature":      func(c *auth.Callback) { c.Cookie, _, _ = strings.Cut(c.Cookie, ".") },
		"an invented code":  func(c *auth.Callback) { c.Code = "x" },
		"no code":           func(c *auth.Callback) { c.Code = "" },
		"an error":          func(c *auth.Callback) { c.Code, c.Error = "", "access_denied" },
		"a text in its way": func(c *auth.Callback) { c.Error = "<script>alert(1)</script>" },
	} {
		c := x.begin(kim)
		spoil(&c)
		token, err := x.staff.FinishOIDC(t.Context(), c)
		if token != "" || !fault.Is(err, fault.Unauthorized) || strings.Contains(err.Error(), "script") {
			t.Errorf("%s: %q %v", name, token, err)
		}
	}
	late := x.begin(kim)
	x.clock.advance(auth.AttemptTTL)
	if token, err := x.staff.FinishOIDC(t.Context(), late); token != "" || !fault.Is(err, fault.Unauthorized) {
		t.Errorf("too late: %q %v", token, err)
	}
	once := x.begin(kim)
	given := x.provider.codes[once.Code]
	if _, err := x.staff.FinishOIDC(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	x.provider.codes[once.Code] = given // a provider that lets codes be used again
	if token, err := x.staff.FinishOIDC(t.Context(), once); token != "" || !fault.Is(err, fault.Unauthorized) {
		t.Errorf("twice: %q %v", token, err)
	}
	// Sweeping forgets an attempt only when its cookie has expired.
	if err := x.staff.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if token, err := x.staff.FinishOIDC(t.Context(), once); token != "" || !fault.Is(err, fault.Unauthorized) {
		t.Errorf("after sweeping: %q %v", token, err)
	}
	x.clock.advance(13 * time.Hour)
	if err := x.staff.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if docs, err := x.store.Scan(t.Context(), lists.DocSessions); err != nil || len(docs) != 0 {
		t.Errorf("%d documents are left: %v", len(docs), err)
	}
}

func TestProviderThatIsAwayComesBack(t *testing.T) {
	x := openCompany(t)
	x.provider.away = true
	if _, _, err := x.staff.BeginOIDC(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	if _, token := x.enrol("lee", auth.Analyst); !x.signedIn(x.staff, token) {
		t.Error("a local account does not work")
	}
	x.provider.away = false
	x.clock.advance(5 * time.Second)
	begun := x.begin(claimsOf("1", "kim@example.org", "screening"))
	x.provider.away = true
	if _, err := x.staff.FinishOIDC(t.Context(), begun); !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), begun.Code) {
		t.Errorf("away between the two steps: %v", err)
	}
	x.provider.away = false
	if _, err := x.signIn(claimsOf("1", "kim@example.org", "screening")); err != nil {
		t.Error(err)
	}
}

func TestUserInfoAddsWhatTheTokenLacks(t *testing.T) {
	x := openCompany(t)
	x.provider.info = map[string]any{"sub": "1", "email": "kim@example.org", "groups": []string{"screening"}}
	token, err := x.signIn(map[string]any{"sub": "1"})
	if err != nil {
		t.Fatal(err)
	}
	if who, err := x.staff.Session(t.Context(), token); err != nil || who.Name != "kim@example.org" || !who.May(auth.Analyst) {
		t.Errorf("%+v %v", who, err)
	}
	x.provider.info["sub"] = "2"
	if _, err := x.signIn(map[string]any{"sub": "1"}); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("of another person: %v", err)
	}
}

func TestDisabledPersonStaysOutUntilReset(t *testing.T) {
	x := openCompany(t)
	kim := claimsOf("1", "kim@example.org", "screening")
	token, err := x.signIn(kim)
	if err != nil {
		t.Fatal(err)
	}
	who, err := x.staff.Session(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.staff.SetRoles(t.Context(), auth.NewRoles{ID: who.Account.ID, Roles: []auth.Role{auth.Admin}}, operator); !fault.Is(err, fault.Conflict) {
		t.Errorf("roles beside the provider's: %v", err)
	}
	if _, err := x.staff.Disable(t.Context(), who.Account.ID, operator); err != nil {
		t.Fatal(err)
	}
	if token, err := x.signIn(kim); token != "" || !fault.Is(err, fault.Forbidden) {
		t.Errorf("%q %v", token, err)
	}
	if text, _, err := x.staff.Reset(t.Context(), who.Account.ID, operator); err != nil || text != "" {
		t.Errorf("%q %v", text, err)
	}
	if _, err := x.signIn(kim); err != nil {
		t.Error(err)
	}
	if _, err := x.staff.SignIn(t.Context(), auth.Credentials{Login: "1", Client: "x"}); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("with a password: %v", err)
	}
	b, err := json.Marshal(x.record.events)
	if err != nil || strings.Contains(string(b), clientSecret) {
		t.Errorf("the record holds the secret of the client: %v", err)
	}
}

func TestSettingsOfTheProvider(t *testing.T) {
	good := auth.OIDCOptions{Issuer: "https://idp.example.org", ClientID: "x", RedirectURL: callback, Roles: map[string][]lists.Role{"a": {auth.Admin}}}
	k := open(t, store(t), "", &clock{})
	if _, err := auth.NewStaff(k, auth.StaffOptions{OIDC: &good}); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*auth.OIDCOptions){
		"issuer over http":   func(o *auth.OIDCOptions) { o.Issuer = "http://idp.example.org" },
		"redirect over http": func(o *auth.OIDCOptions) { o.RedirectURL = "http://interdict.example.org/console/oidc/callback" },
		"another path":       func(o *auth.OIDCOptions) { o.RedirectURL = "https://interdict.example.org/" },
		"no client":          func(o *auth.OIDCOptions) { o.ClientID = "" },
		"no roles":           func(o *auth.OIDCOptions) { o.Roles = nil },
	} {
		o := good
		spoil(&o)
		if _, err := auth.NewStaff(k, auth.StaffOptions{OIDC: &o}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []auth.StaffOptions{{Idle: time.Second}, {Idle: 2 * time.Hour, Lifetime: time.Hour}} {
		if _, err := auth.NewStaff(k, o); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	got, err := auth.ParseGroups([]string{"a=admin", "b=x=analyst", "a=auditor"})
	if diff := cmp.Diff(map[string][]lists.Role{"a": {auth.Admin, auth.Auditor}, "b=x": {auth.Analyst}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, pair := range []string{"", "a", "=admin", "a=root"} {
		if _, err := auth.ParseGroups([]string{pair}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", pair, err)
		}
	}
}

// otherLetter changes the first letter of a text.
func otherLetter(text string) string {
	if text[0] == 'x' {
		return "y" + text[1:]
	}
	return "x" + text[1:]
}
